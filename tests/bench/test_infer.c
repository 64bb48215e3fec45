/* What is reported of a measured call, however many samples it is given. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "decant/bench.h"
#include "decant/status.h"

#define SECONDS 0.01

static decant_bench_result *measured(const char *name, int64_t batch)
{
    const decant_compute cpu = {.device = "cpu", .threads = 1};
    decant_bench_result *result = NULL;
    if (decant_bench_infer(name, &cpu, batch, SECONDS, false, &result) != DECANT_OK)
        fail_msg("%s", decant_error_message());
    return result;
}

/* Breaks when only one of the parts that a long call goes through is counted. */
static void a_call_in_parts_counts_all_of_them(void **state)
{
    (void)state;
    decant_bench_result *one = measured("mlp-800", 256), *parts = measured("mlp-800", 257),
                        *long_call = measured("mlp-800", 768);
    assert_int_equal(long_call->of.batch, 768);
    assert_true(one->flops > 256.0 * 2 * 784 * 800);
    assert_true(parts->flops == 2 * one->flops); /* the second part is a run of the same plan */
    assert_true(long_call->flops == 3 * one->flops);
    assert_true(long_call->needed_flops == 3 * one->needed_flops);
    assert_true(long_call->memory == one->memory);
    decant_bench_result_destroy(long_call);
    decant_bench_result_destroy(parts);
    decant_bench_result_destroy(one);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_call_in_parts_counts_all_of_them)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
