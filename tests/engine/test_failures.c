/* Every allocation of building a program and a plan fails once: the error is NO_MEMORY and nothing is left behind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/memory.h"
#include "engine/nets.h"
#include "engine/odd_device.h"

/* Builds, plans, shares and tears down; any failure is handed on. */
static decant_status plan_twice(dcn_device *device, const test_step *step)
{
    dcn_plan *plan = NULL, *shared = NULL;
    dcn_plan_options options = {.keep = step->keep, .n_keep = step->n_keep};
    decant_status status = dcn_plan_create(device, step->program, &options, &plan);
    if (status != DECANT_OK) goto out;
    options.share = plan;
    TRY(dcn_plan_create(device, step->program, &options, &shared));
out:
    dcn_plan_destroy(shared);
    dcn_plan_destroy(plan);
    return status;
}

static void planning_survives_every_failed_allocation(void **state)
{
    (void)state;
    odd_device odd;
    odd_device_open(&odd, 3);
    for (int kind = NET_LIGHT; kind <= NET_RESIDUAL; kind++) {
        test_step step =
            step_create((net_kind)kind, &(step_options){.batch = 2, .teacher = true, .sgd = true, .ema = true});
        int64_t n = 1;
        for (;; n++) {
            dcn_memory_fail_nth(n);
            decant_status status = plan_twice(&odd.base, &step);
            dcn_memory_fail_nth(0);
            assert_int_equal(odd.memory_bytes, 0);
            if (status == DECANT_OK) break;
            assert_int_equal(status, DECANT_NO_MEMORY);
        }
        assert_true(n > 100); /* it really went through them all */
        step_destroy(&step);
    }
    odd_device_close(&odd);
}

static decant_status build_program(const dcn_graph *model)
{
    dcn_program *program = NULL;
    dcn_value_id x, output, *map = NULL;
    decant_shape sample = {.rank = 3, .dim = {3, 8, 8}};
    decant_status status = dcn_program_create(2, DECANT_F32, &program);
    if (status != DECANT_OK) goto out;
    TRY(dcn_program_input(program, "x", DECANT_F32, &sample, &x));
    TRY(dcn_program_add_model(program, model, 1, DCN_MODE_INFERENCE, x, NULL, 0, &map, &output));
    dcn_free(map);
    map = NULL;
    TRY(dcn_program_add_model(program, model, 0, DCN_MODE_TRAIN, x, NULL, 0, &map, &output));
    TRY(dcn_program_block(program, DCN_BLOCK_GRADIENT, &output));
    TRY(dcn_program_hyper(program, &output));
out:
    dcn_free(map);
    dcn_program_destroy(program);
    return status;
}

static void lowering_survives_every_failed_allocation(void **state)
{
    (void)state;
    dcn_graph *model = net_build(NET_RESIDUAL);
    int64_t n = 1;
    for (;; n++) {
        dcn_memory_fail_nth(n);
        decant_status status = build_program(model);
        dcn_memory_fail_nth(0);
        if (status == DECANT_OK) break;
        assert_int_equal(status, DECANT_NO_MEMORY);
    }
    assert_true(n > 10);
    dcn_graph_destroy(model);
}

/* Moving a weight whose layout is not plain needs a staging buffer and a reorder. */
static void transfers_survive_every_failed_allocation(void **state)
{
    (void)state;
    odd_device odd;
    odd_device_open(&odd, 3);
    test_step step = step_create(NET_LIGHT, &(step_options){.batch = 2, .sgd = true});
    dcn_plan *plan = plan_create(&odd.base, &step, NULL);
    size_t taken = odd.memory_bytes;
    int32_t failed = 0;
    for (dcn_value_id v = 0; v < step.program->graph->n_values; v++) {
        if (!step.program->graph->values[v].trainable) continue;
        void *data = value_fill(step.program, v, 1);
        for (int64_t n = 1;; n++) {
            dcn_memory_fail_nth(n);
            decant_status status = dcn_plan_write(plan, v, data);
            if (status == DECANT_OK) status = dcn_plan_read(plan, v, data);
            dcn_memory_fail_nth(0);
            assert_int_equal(odd.memory_bytes, taken);
            if (status == DECANT_OK) break;
            assert_int_equal(status, DECANT_NO_MEMORY);
            failed++;
        }
        dcn_free_aligned(data);
    }
    assert_true(failed > 0);
    dcn_plan_destroy(plan);
    step_destroy(&step);
    odd_device_close(&odd);
}

/* A kernel that fails in the middle of a run fails the run, and only that one. */
static void a_failing_kernel_fails_the_run(void **state)
{
    (void)state;
    odd_device odd;
    odd_device_open(&odd, 3);
    test_step step = step_create(NET_LIGHT, &(step_options){.batch = 2, .sgd = true});
    dcn_plan *plan = plan_create(&odd.base, &step, NULL);
    weights_write(plan, step.program, 1);
    test_inputs inputs = inputs_bind(plan, step.program, 2);
    assert_int_equal(dcn_plan_run(plan), DECANT_OK);
    odd.runs_left = 3;
    assert_int_equal(dcn_plan_run(plan), DECANT_INTERNAL);
    assert_int_equal(dcn_plan_run(plan), DECANT_OK);
    dcn_plan_destroy(plan);
    inputs_destroy(&inputs);
    step_destroy(&step);
    odd_device_close(&odd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_failing_kernel_fails_the_run),
        cmocka_unit_test(planning_survives_every_failed_allocation),
        cmocka_unit_test(lowering_survives_every_failed_allocation),
        cmocka_unit_test(transfers_survive_every_failed_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
