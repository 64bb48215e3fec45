/* Tasks side by side: each runs once, and what a task says of its failure reaches the caller. */
#include "fixture.h"

#include <stdatomic.h>
#include <time.h>

#include "data/threads.h"

enum { N_TASKS = 200 };

static atomic_int runs[N_TASKS];
static int32_t first_to_fail;

static decant_status task(void *context, int32_t index)
{
    assert_ptr_equal(context, runs);
    atomic_fetch_add(&runs[index], 1);
    if (index < first_to_fail || index % 3 != 0) return DECANT_OK;
    if (index < 50) nanosleep(&(struct timespec){0, 3000000}, NULL); /* later failures come earlier in time */
    decant_status status = DCN_FAIL(FORMAT, "task %d", index);
    dcn_place("file:%d", index);
    dcn_while("doing %d", index);
    return status;
}

static void test_every_task_runs_once(void **state)
{
    (void)state;
    static const int32_t counts[] = {0, 1, 2, N_TASKS};
    first_to_fail = N_TASKS;
    for (size_t k = 0; k < DCN_COUNT(counts); k++) {
        memset(runs, 0, sizeof runs);
        assert_ok(dcn_parallel(counts[k], task, runs));
        for (int i = 0; i < N_TASKS; i++)
            assert_int_equal(runs[i], i < counts[k]);
    }
}

static void test_the_lowest_failure_is_reported(void **state)
{
    (void)state;
    memset(runs, 0, sizeof runs);
    first_to_fail = 40;
    assert_refused(dcn_parallel(N_TASKS, task, runs), DECANT_FORMAT, "task 42");
    assert_string_equal(decant_error_place(), "file:42");
    assert_non_null(strstr(decant_error_source(), "test_threads.c:"));
    assert_int_equal(decant_error_while_count(), 1);
    assert_string_equal(decant_error_while(0), "doing 42");
    for (int i = 0; i < N_TASKS; i++)
        assert_int_equal(runs[i], 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_task_runs_once),
        cmocka_unit_test(test_the_lowest_failure_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
