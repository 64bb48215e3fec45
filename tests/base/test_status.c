/* The error record: what it keeps, what it drops, and that each thread has its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <string.h>

#include "base/status.h"

static decant_status fail_with_context(void)
{
    decant_status status = DCN_FAIL(FORMAT, "byte %d is wrong", 7);
    dcn_place("recipe.yaml:%d:%d", 12, 3);
    dcn_while("reading %s", "the header");
    dcn_while("opening %s", "model.safetensors");
    return status;
}

static void a_failure_is_recorded_whole(void **state)
{
    (void)state;
    assert_int_equal(fail_with_context(), DECANT_FORMAT);
    assert_string_equal(decant_error_message(), "byte 7 is wrong");
    assert_string_equal(decant_error_place(), "recipe.yaml:12:3");
    assert_non_null(strstr(decant_error_source(), "test_status.c:"));
    assert_int_equal(decant_error_while_count(), 2);
    assert_string_equal(decant_error_while(0), "reading the header"); /* innermost first */
    assert_string_equal(decant_error_while(1), "opening model.safetensors");
    assert_string_equal(decant_error_while(2), "");
    assert_string_equal(decant_error_while(-1), "");
}

static void a_new_failure_forgets_the_old_context(void **state)
{
    (void)state;
    assert_int_equal(fail_with_context(), DECANT_FORMAT);
    assert_int_equal(DCN_FAIL(IO, "another"), DECANT_IO);
    assert_string_equal(decant_error_message(), "another");
    assert_string_equal(decant_error_place(), "");
    assert_int_equal(decant_error_while_count(), 0);
}

static void the_outermost_whiles_are_dropped(void **state)
{
    (void)state;
    assert_int_equal(DCN_FAIL(IO, "deep"), DECANT_IO);
    for (int depth = 0; depth < 12; depth++)
        dcn_while("level %d", depth);
    assert_int_equal(decant_error_while_count(), 8);
    assert_string_equal(decant_error_while(0), "level 0");
    assert_string_equal(decant_error_while(7), "level 7");
}

static void long_text_is_cut_not_overrun(void **state)
{
    (void)state;
    char text[5000];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    assert_int_equal(DCN_FAIL(IO, "%s", text), DECANT_IO);
    dcn_while("%s", text);
    dcn_place("%s", text);
    assert_int_equal(strlen(decant_error_message()), 1023);
    assert_int_equal(strlen(decant_error_while(0)), 255);
    assert_int_equal(strlen(decant_error_place()), 255);
}

/* Breaks when a place that programs read falls apart at the wrong colon. */
static void a_place_comes_in_parts(void **state)
{
    (void)state;
    static const struct {
        const char *place, *file;
        int line, column;
    } cases[] = {
        {"recipe.yaml:12:3", "recipe.yaml", 12, 3},
        {"C:/a:b.yaml:1:2", "C:/a:b.yaml", 1, 2},
        {"table.csv:7", "table.csv", 7, 0},
        {"-o runs.alone.epochs", "-o runs.alone.epochs", 0, 0},
        {"file:", "file:", 0, 0},
        {":5", ":5", 0, 0},
        {"file:12345678901", "file:12345678901", 0, 0},
        {"", "", 0, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(DCN_FAIL(USAGE, "wrong"), DECANT_USAGE);
        dcn_place("%s", cases[i].place);
        assert_string_equal(decant_error_place(), cases[i].place);
        assert_string_equal(decant_error_file(), cases[i].file);
        assert_int_equal(decant_error_line(), cases[i].line);
        assert_int_equal(decant_error_column(), cases[i].column);
    }
    dcn_place("recipe.yaml:12:3");
    assert_int_equal(DCN_FAIL(IO, "disk full"), DECANT_IO);
    assert_string_equal(decant_error_file(), "");
    assert_int_equal(decant_error_line() + decant_error_column(), 0);
}

static void an_argument_may_be_the_record_itself(void **state)
{
    (void)state;
    assert_int_equal(DCN_FAIL(IO, "disk full"), DECANT_IO);
    assert_int_equal(DCN_FAIL(INTERNAL, "while saving: %s", decant_error_message()), DECANT_INTERNAL);
    assert_string_equal(decant_error_message(), "while saving: disk full");
}

static void *fail_on_a_thread(void *unused)
{
    (void)unused;
    const char *before = decant_error_message();
    void *was_empty = before[0] == '\0' ? (void *)1 : NULL;
    (void)DCN_FAIL(SHAPE, "on the thread");
    return was_empty;
}

static void each_thread_has_its_own_record(void **state)
{
    (void)state;
    assert_int_equal(DCN_FAIL(IO, "on the main thread"), DECANT_IO);
    pthread_t thread;
    void *was_empty = NULL;
    assert_int_equal(pthread_create(&thread, NULL, fail_on_a_thread, NULL), 0);
    assert_int_equal(pthread_join(thread, &was_empty), 0);
    assert_non_null(was_empty);
    assert_string_equal(decant_error_message(), "on the main thread");
}

static void *fail_and_keep(void *kept)
{
    decant_status status = DCN_FAIL(FORMAT, "on the thread");
    dcn_place("file:7");
    dcn_while("reading");
    dcn_status_keep(status, kept);
    return NULL;
}

/* Breaks when a failure that another thread met is told as if it had been met where it was handed over. */
static void a_failure_goes_from_thread_to_thread_whole(void **state)
{
    (void)state;
    dcn_failure kept = {.status = DECANT_OK};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, fail_and_keep, &kept), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(DCN_FAIL(IO, "here"), DECANT_IO);
    dcn_while("waiting");
    assert_int_equal(dcn_status_raise(&kept), DECANT_FORMAT);
    assert_string_equal(decant_error_message(), "on the thread");
    assert_string_equal(decant_error_place(), "file:7");
    assert_non_null(strstr(decant_error_source(), "test_status.c:"));
    assert_int_equal(decant_error_while_count(), 1);
    assert_string_equal(decant_error_while(0), "reading");
}

static void names_and_exit_statuses(void **state)
{
    (void)state;
    assert_string_equal(decant_status_name(DECANT_OK), "OK");
    assert_string_equal(decant_status_name(DECANT_INTERNAL), "INTERNAL");
    assert_string_equal(decant_status_name((decant_status)99), "UNKNOWN");
    assert_string_equal(decant_status_meaning(DECANT_NUMERIC), "numbers went bad: NaN, infinity or divergence");
    /* The five exit statuses that scripts may rely on. */
    assert_int_equal(decant_status_exit(DECANT_OK), 0);
    assert_int_equal(decant_status_exit(DECANT_IO), 1);
    assert_int_equal(decant_status_exit(DECANT_STALE), 1);
    assert_int_equal(decant_status_exit(DECANT_USAGE), 2);
    assert_int_equal(decant_status_exit(DECANT_INVALID_ARG), 2);
    assert_int_equal(decant_status_exit(DECANT_FORMAT), 2);
    assert_int_equal(decant_status_exit(DECANT_NUMERIC), 3);
    assert_int_equal(decant_status_exit(DECANT_INTERRUPTED), 130);
    assert_int_equal(decant_status_exit(DECANT_STATUS_COUNT), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_failure_is_recorded_whole),
        cmocka_unit_test(a_new_failure_forgets_the_old_context),
        cmocka_unit_test(the_outermost_whiles_are_dropped),
        cmocka_unit_test(long_text_is_cut_not_overrun),
        cmocka_unit_test(a_place_comes_in_parts),
        cmocka_unit_test(an_argument_may_be_the_record_itself),
        cmocka_unit_test(each_thread_has_its_own_record),
        cmocka_unit_test(names_and_exit_statuses),
        cmocka_unit_test(a_failure_goes_from_thread_to_thread_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
