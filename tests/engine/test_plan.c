/* Plans: their results are those of a naive executor to the last bit, whatever layouts the device has; their memory is
 * what they say; running takes none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "engine/naive.h"
#include "engine/odd_device.h"

#define ODD_SEEDS 12

static void same_value(dcn_plan *plan, const naive_state *naive, dcn_value_id value)
{
    void *data = read_value(plan, naive->program, value);
    assert_memory_equal(data, naive->data[value], value_bytes(naive->program, value));
    dcn_free_aligned(data);
}

static void same_gradients(dcn_plan *plan, const naive_state *naive)
{
    const dcn_graph *graph = naive->program->graph;
    for (dcn_value_id v = 0; v < graph->n_values; v++) {
        if (graph->values[v].kind != DCN_VALUE_PARAMETER || graph->values[v].gradient == DCN_NONE) continue;
        void *data = NULL;
        assert_int_equal(dcn_new_aligned(value_bytes(naive->program, v), &data), DECANT_OK);
        assert_int_equal(dcn_plan_block_read(plan, DCN_BLOCK_GRADIENT, v, data), DECANT_OK);
        assert_memory_equal(data, naive->data[graph->values[v].gradient], value_bytes(naive->program, v));
        dcn_free_aligned(data);
    }
}

/* Parameters after an update may differ in the last bits (the order of the update's operations); states may not. */
static void same_weights(dcn_plan *plan, const naive_state *naive)
{
    const dcn_graph *graph = naive->program->graph;
    for (dcn_value_id v = 0; v < graph->n_values; v++) {
        const dcn_value *value = &graph->values[v];
        if (value->kind == DCN_VALUE_STATE) same_value(plan, naive, v);
        if (value->kind != DCN_VALUE_PARAMETER) continue;
        void *data = read_value(plan, naive->program, v);
        double error = difference(value->dtype, data, naive->data[v], value_count(naive->program, v));
        assert_true(error < 1e-6);
        dcn_free_aligned(data);
    }
}

static void check_against_naive(dcn_device *device, net_kind kind, const step_options *options, bool separate)
{
    test_step step = step_create(kind, options);
    naive_state naive = naive_create(step.program, 1, 2);
    naive_run(&naive);
    dcn_plan *plan = plan_create(device, &step, &(dcn_plan_options){.separate = separate});
    weights_write(plan, step.program, 1);
    test_inputs inputs = inputs_bind(plan, step.program, 2);
    assert_int_equal(dcn_plan_run(plan), DECANT_OK);

    for (int32_t k = 0; k < step.n_keep; k++)
        same_value(plan, &naive, step.keep[k]);
    if (!options->inference) same_gradients(plan, &naive);
    if (options->sgd) naive_first_sgd(&naive, 0.05f);
    same_weights(plan, &naive);

    dcn_plan_destroy(plan);
    inputs_destroy(&inputs);
    naive_destroy(&naive);
    step_destroy(&step);
}

static const step_options variants[] = {
    {.batch = 3, .inference = true},
    {.batch = 1, .inference = true, .keep_convs = true},
    {.batch = 3, .sgd = true, .teacher = true, .ema = true},
    {.batch = 2, .keep_convs = true},
    {.batch = 2, .dtype = DECANT_F64, .teacher = true},
};

static void ref_gives_the_naive_results(void **state)
{
    (void)state;
    dcn_device *ref = NULL;
    assert_int_equal(dcn_device_open("ref", NULL, &ref), DECANT_OK);
    for (int kind = 0; kind < NET_COUNT; kind++)
        for (size_t v = 0; v < DCN_COUNT(variants); v++)
            for (int separate = 0; separate < 2; separate++)
                check_against_naive(ref, (net_kind)kind, &variants[v], separate != 0);
    dcn_device_close(ref);
}

/* Every layout, reorder, ignored wish and reuse of memory goes through here: a copy that is out of date, a buffer freed
 * too early or a gradient in the wrong place changes a bit. */
static void odd_layouts_give_the_naive_results(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < ODD_SEEDS; seed++) {
        odd_device odd;
        odd_device_open(&odd, seed);
        for (int kind = 0; kind < NET_COUNT; kind++)
            for (size_t v = 0; v < DCN_COUNT(variants); v++)
                check_against_naive(&odd.base, (net_kind)kind, &variants[v], seed % 3 == 2);
        odd_device_close(&odd);
    }
}

/* Fusing changes no number: relu of a sum is relu of the same sum. */
static void fused_and_unfused_agree(void **state)
{
    (void)state;
    dcn_device *ref = NULL;
    assert_int_equal(dcn_device_open("ref", NULL, &ref), DECANT_OK);
    for (int kind = 0; kind < NET_COUNT; kind++) {
        float loss[2];
        for (int keep = 0; keep < 2; keep++) {
            test_step step =
                step_create((net_kind)kind, &(step_options){.batch = 4, .sgd = true, .keep_convs = keep == 1});
            dcn_plan *plan = plan_create(ref, &step, NULL);
            weights_write(plan, step.program, 5);
            test_inputs inputs = inputs_bind(plan, step.program, 6);
            for (int run = 0; run < 3; run++)
                assert_int_equal(dcn_plan_run(plan), DECANT_OK);
            loss[keep] = read_scalar(plan, step.ce);
            dcn_plan_destroy(plan);
            inputs_destroy(&inputs);
            step_destroy(&step);
        }
        assert_true(isfinite(loss[0]));
        assert_memory_equal(&loss[0], &loss[1], sizeof loss[0]);
    }
    dcn_device_close(ref);
}

/* Keeping every result of a step: none is overwritten in place or by a later buffer. */
static void kept_results_survive_the_run(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < ODD_SEEDS; seed++) {
        odd_device odd;
        odd_device_open(&odd, seed);
        for (int kind = 0; kind < NET_COUNT; kind++) {
            test_step step = step_create((net_kind)kind, &(step_options){.batch = 2, .teacher = true});
            const dcn_graph *graph = step.program->graph;
            naive_state naive = naive_create(step.program, 3, 4);
            naive_run(&naive);
            for (dcn_value_id v = (dcn_value_id)(seed % 3); v < graph->n_values; v += 3) {
                if (graph->values[v].kind != DCN_VALUE_RESULT) continue;
                dcn_plan *plan = NULL;
                dcn_plan_options options = {.keep = &v, .n_keep = 1};
                assert_int_equal(dcn_plan_create(&odd.base, step.program, &options, &plan), DECANT_OK);
                weights_write(plan, step.program, 3);
                test_inputs inputs = inputs_bind(plan, step.program, 4);
                assert_int_equal(dcn_plan_run(plan), DECANT_OK);
                same_value(plan, &naive, v);
                dcn_plan_destroy(plan);
                inputs_destroy(&inputs);
            }
            naive_destroy(&naive);
            step_destroy(&step);
        }
        odd_device_close(&odd);
    }
}

/* A reader behind the update gets the new weight, also where backward had the old one in the layout that it wants. */
static void readers_behind_an_update_see_it(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < ODD_SEEDS; seed++) {
        odd_device odd;
        odd_device_open(&odd, seed);
        test_step step = step_create(NET_LIGHT, &(step_options){.batch = 2, .sgd = true});
        dcn_value_id weight_id = value_named(step.program, "fc2.weight"), inputs_of[2] = {step.dlogits, weight_id},
                     late;
        decant_op_attrs attrs = {.linear = {.features = NET_CLASSES}};
        assert_int_equal(dcn_graph_add_node(step.program->graph, DECANT_OP_LINEAR_GRAD_INPUT, &attrs, "late", inputs_of,
                                            2, 1, &late),
                         DECANT_OK);
        step.keep[step.n_keep++] = step.dlogits;
        step.keep[step.n_keep++] = late;
        dcn_plan *plan = plan_create(&odd.base, &step, NULL);
        weights_write(plan, step.program, 1);
        test_inputs inputs = inputs_bind(plan, step.program, 2);
        assert_int_equal(dcn_plan_run(plan), DECANT_OK);

        float *weight = read_value(plan, step.program, weight_id), *d = read_value(plan, step.program, step.dlogits);
        float *product = read_value(plan, step.program, late); /* [2, 13] = d [2, 5] * weight [5, 13] */
        for (int row = 0; row < 2; row++)
            for (int column = 0; column < 13; column++) {
                double sum = 0.0;
                for (int k = 0; k < NET_CLASSES; k++)
                    sum += (double)d[row * NET_CLASSES + k] * (double)weight[k * 13 + column];
                assert_true(fabs(sum - (double)product[row * 13 + column]) < 1e-6);
            }
        dcn_free_aligned(weight);
        dcn_free_aligned(d);
        dcn_free_aligned(product);
        dcn_plan_destroy(plan);
        inputs_destroy(&inputs);
        step_destroy(&step);
        odd_device_close(&odd);
    }
}

static void running_takes_no_memory(void **state)
{
    (void)state;
    odd_device odd;
    odd_device_open(&odd, 4);
    test_step step = step_create(NET_RESIDUAL, &(step_options){.batch = 2, .teacher = true, .sgd = true, .ema = true});
    dcn_plan *plan = plan_create(&odd.base, &step, NULL);
    weights_write(plan, step.program, 1);
    test_inputs inputs = inputs_bind(plan, step.program, 2), others = inputs_bind(NULL, step.program, 3);
    double seconds[512];
    assert_in_range(dcn_plan_steps(plan), 1, 512);
    int64_t before = dcn_memory_allocation_count();
    for (int run = 0; run < 3; run++) {
        for (int32_t i = 0; i < inputs.count; i++)
            assert_int_equal(dcn_plan_bind(plan, inputs.id[i], run == 1 ? others.data[i] : inputs.data[i]), DECANT_OK);
        assert_int_equal(dcn_plan_run(plan), DECANT_OK);
        assert_int_equal(dcn_plan_run_timed(plan, seconds), DECANT_OK);
    }
    assert_int_equal(dcn_memory_allocation_count(), before);
    dcn_plan_destroy(plan);
    inputs_destroy(&inputs);
    inputs_destroy(&others);
    step_destroy(&step);
    odd_device_close(&odd);
}

/* What memory_use says is what the device gave. */
static void memory_use_is_exact(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 4; seed++) {
        odd_device odd;
        odd_device_open(&odd, seed);
        test_step step = step_create(NET_LIGHT, &(step_options){.batch = 4, .teacher = true, .sgd = true});
        dcn_plan *plan = plan_create(&odd.base, &step, NULL);
        dcn_plan_memory use = dcn_plan_memory_use(plan);
        assert_int_equal(use.total, odd.memory_bytes);
        assert_int_equal(use.gradients, use.optimizer); /* momentum */
        assert_true(use.parameters >= use.gradients);   /* the teacher's too */
        assert_int_equal(use.states, 0);

        size_t taken = odd.memory_bytes;
        dcn_plan *separate = plan_create(&odd.base, &step, &(dcn_plan_options){.separate = true});
        assert_int_equal(dcn_plan_memory_use(separate).total, odd.memory_bytes - taken);
        assert_true(dcn_plan_memory_use(separate).activations * 3 > use.activations * 4); /* reuse pays */
        dcn_plan_destroy(separate);
        dcn_plan_destroy(plan);
        step_destroy(&step);
        odd_device_close(&odd);
    }
}

static void steps_can_be_listed(void **state)
{
    (void)state;
    odd_device odd;
    odd_device_open(&odd, 0);
    test_step step = step_create(NET_LIGHT, &(step_options){.batch = 4, .sgd = true});
    dcn_plan *plan = plan_create(&odd.base, &step, NULL);
    double flops = 0.0;
    int32_t convolutions = 0, updates = 0;
    for (int32_t s = 0; s < dcn_plan_steps(plan); s++) {
        dcn_step_info info = dcn_plan_step(plan, s);
        flops += info.flops;
        assert_true(info.bytes > 0);
        assert_string_equal(info.kernel, "odd");
        assert_string_equal(info.layout, "plain");
        assert_string_not_equal(info.op, "flatten"); /* a view is no step */
        assert_string_not_equal(info.op, "reorder"); /* everything is plain */
        if (strcmp(info.op, "conv2d") == 0) {
            assert_string_equal(info.layer, convolutions++ == 0 ? "conv1" : "conv2");
            assert_int_equal(info.shape.dim[0], 4);
        }
        if (strcmp(info.op, "conv2d_grad_weight") == 0) assert_memory_equal(info.layer, "conv", 4);
        if (strcmp(info.op, "maxpool_grad") == 0) assert_memory_equal(info.layer, "pool", 4);
        if (strcmp(info.op, "linear_grad_input") == 0) assert_memory_equal(info.layer, "fc", 2);
        updates += strcmp(info.op, "sgd_update") == 0;
    }
    assert_int_equal(convolutions, 2);
    assert_int_equal(updates, 1);
    assert_true(flops > 0 && flops == dcn_plan_flops(plan));
    dcn_plan_destroy(plan);

    odd.seed = 3;
    plan = plan_create(&odd.base, &step, NULL);
    int32_t reorders = 0;
    for (int32_t s = 0; s < dcn_plan_steps(plan); s++)
        reorders += strcmp(dcn_plan_step(plan, s).op, "reorder") == 0;
    assert_true(reorders > 0);
    dcn_plan_destroy(plan);
    step_destroy(&step);
    odd_device_close(&odd);
}

static void nothing_runs_before_every_input_is_bound(void **state)
{
    (void)state;
    dcn_device *ref = NULL;
    assert_int_equal(dcn_device_open("ref", NULL, &ref), DECANT_OK);
    test_step step = step_create(NET_LIGHT, &(step_options){.batch = 2});
    dcn_plan *plan = plan_create(ref, &step, NULL);
    weights_write(plan, step.program, 1);
    assert_int_equal(dcn_plan_run(plan), DECANT_INVALID_ARG);
    assert_true(read_scalar(plan, step.ce) == 0.0f);
    test_inputs inputs = inputs_bind(plan, step.program, 2);
    assert_int_equal(dcn_plan_run(plan), DECANT_OK);
    assert_true(read_scalar(plan, step.ce) > 0.0f);
    dcn_plan_destroy(plan);
    inputs_destroy(&inputs);
    step_destroy(&step);
    dcn_device_close(ref);
}

/* A parameter that nothing reads has a place in the blocks; its gradient is zero and it stays as it is. */
static void parameters_without_a_gradient_stay(void **state)
{
    (void)state;
    odd_device odd;
    odd_device_open(&odd, 7);
    test_step step = step_create(NET_LIGHT, &(step_options){.batch = 2, .sgd = true});
    decant_shape shape = {.rank = 1, .dim = {3}};
    dcn_value_id idle;
    const float written[3] = {1, 2, 3};
    float read[3], gradient[3] = {9, 9, 9};
    assert_int_equal(dcn_graph_add_value(step.program->graph, DCN_VALUE_PARAMETER, "idle", DECANT_F32, &shape, &idle),
                     DECANT_OK);
    step.program->graph->values[idle].trainable = true;
    dcn_plan *plan = plan_create(&odd.base, &step, NULL);
    weights_write(plan, step.program, 1);
    assert_int_equal(dcn_plan_write(plan, idle, written), DECANT_OK);
    test_inputs inputs = inputs_bind(plan, step.program, 2);
    assert_int_equal(dcn_plan_run(plan), DECANT_OK);
    assert_int_equal(dcn_plan_run(plan), DECANT_OK);
    assert_int_equal(dcn_plan_read(plan, idle, read), DECANT_OK);
    assert_memory_equal(read, written, sizeof written);
    assert_int_equal(dcn_plan_block_read(plan, DCN_BLOCK_GRADIENT, idle, gradient), DECANT_OK);
    assert_true(gradient[0] == 0.0f && gradient[1] == 0.0f && gradient[2] == 0.0f);
    dcn_plan_destroy(plan);
    inputs_destroy(&inputs);
    step_destroy(&step);
    odd_device_close(&odd);
}

/* Blocked layouts pad the blocks: what an update leaves in the padding must be zero, or norms would count it. */
static void block_padding_stays_zero(void **state)
{
    (void)state;
    odd_device odd;
    odd_device_open(&odd, 5);
    test_step step = step_create(NET_LIGHT, &(step_options){.batch = 2});
    dcn_value_id gradient, norm;
    assert_int_equal(dcn_program_block(step.program, DCN_BLOCK_GRADIENT, &gradient), DECANT_OK);
    assert_int_equal(dcn_graph_add_node(step.program->graph, DECANT_OP_GRAD_NORM, NULL, "norm", &gradient, 1, 1, &norm),
                     DECANT_OK);
    step.keep[step.n_keep++] = norm;
    naive_state naive = naive_create(step.program, 1, 2);
    naive_run(&naive);
    dcn_plan *plan = plan_create(&odd.base, &step, NULL);
    weights_write(plan, step.program, 1);
    test_inputs inputs = inputs_bind(plan, step.program, 2);
    assert_int_equal(dcn_plan_run(plan), DECANT_OK);

    double sum = 0.0;
    const dcn_graph *graph = step.program->graph;
    for (dcn_value_id v = 0; v < graph->n_values; v++) {
        dcn_value_id g = graph->values[v].kind == DCN_VALUE_PARAMETER ? graph->values[v].gradient : DCN_NONE;
        for (int64_t i = 0; g != DCN_NONE && i < value_count(step.program, g); i++)
            sum += pow(element(DECANT_F32, naive.data[g], i), 2);
    }
    assert_true(fabs((double)read_scalar(plan, norm) - sqrt(sum)) < 1e-5 * sqrt(sum));
    dcn_plan_destroy(plan);
    inputs_destroy(&inputs);
    naive_destroy(&naive);
    step_destroy(&step);
    odd_device_close(&odd);
}

static void weights_come_back_as_written(void **state)
{
    (void)state;
    odd_device odd;
    odd_device_open(&odd, 6);
    test_step step = step_create(NET_RESIDUAL, &(step_options){.batch = 2, .teacher = true, .sgd = true});
    dcn_plan *plan = plan_create(&odd.base, &step, NULL);
    weights_write(plan, step.program, 8);
    const dcn_graph *graph = step.program->graph;
    for (dcn_value_id v = 0; v < graph->n_values; v++) {
        if (graph->values[v].kind != DCN_VALUE_PARAMETER && graph->values[v].kind != DCN_VALUE_STATE) continue;
        void *written = value_fill(step.program, v, 8), *read = read_value(plan, step.program, v);
        assert_memory_equal(written, read, value_bytes(step.program, v));
        if (graph->values[v].trainable) {
            assert_int_equal(dcn_plan_block_write(plan, DCN_BLOCK_SLOT0, v, written), DECANT_OK);
            memset(read, 0, value_bytes(step.program, v));
            assert_int_equal(dcn_plan_block_read(plan, DCN_BLOCK_SLOT0, v, read), DECANT_OK);
            assert_memory_equal(written, read, value_bytes(step.program, v));
        }
        dcn_free_aligned(written);
        dcn_free_aligned(read);
    }
    dcn_plan_destroy(plan);
    step_destroy(&step);
    odd_device_close(&odd);
}

static void wrong_uses_are_refused(void **state)
{
    (void)state;
    dcn_device *ref = NULL;
    assert_int_equal(dcn_device_open("ref", NULL, &ref), DECANT_OK);
    test_step step = step_create(NET_LIGHT, &(step_options){.batch = 2, .teacher = true, .sgd = true});
    dcn_plan *plan = plan_create(ref, &step, NULL), *none = NULL;
    float buffer[64];
    dcn_value_id ours = value_named(step.program, "fc2.bias"), theirs = value_named(step.program, "teacher.fc2.bias");
    assert_int_equal(dcn_plan_bind(plan, step.logits, buffer), DECANT_INVALID_ARG);
    assert_int_equal(dcn_plan_bind(plan, step.x, NULL), DECANT_INVALID_ARG);
    assert_int_equal(dcn_plan_bind(plan, 100000, buffer), DECANT_INVALID_ARG);
    assert_int_equal(dcn_plan_write(plan, step.logits, buffer), DECANT_INVALID_ARG);
    assert_int_equal(dcn_plan_read(plan, step.dlogits, buffer), DECANT_INVALID_ARG); /* not kept */
    assert_int_equal(dcn_plan_read(plan, step.x, buffer), DECANT_INVALID_ARG);
    assert_int_equal(dcn_plan_read(plan, -1, buffer), DECANT_INVALID_ARG);
    assert_int_equal(dcn_plan_block_read(plan, DCN_BLOCK_SLOT1, ours, buffer), DECANT_NOT_FOUND);
    assert_int_equal(dcn_plan_block_read(plan, DCN_BLOCK_COUNT, ours, buffer), DECANT_INVALID_ARG);
    assert_int_equal(dcn_plan_block_write(plan, DCN_BLOCK_SLOT0, theirs, buffer), DECANT_INVALID_ARG);
    dcn_plan_options options = {.keep = (dcn_value_id[]){-3}, .n_keep = 1};
    assert_int_equal(dcn_plan_create(ref, step.program, &options, &none), DECANT_INVALID_ARG);
    assert_null(none);
    dcn_plan_destroy(plan);
    dcn_plan_destroy(NULL);
    step_destroy(&step);
    dcn_device_close(ref);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ref_gives_the_naive_results),
        cmocka_unit_test(odd_layouts_give_the_naive_results),
        cmocka_unit_test(fused_and_unfused_agree),
        cmocka_unit_test(kept_results_survive_the_run),
        cmocka_unit_test(readers_behind_an_update_see_it),
        cmocka_unit_test(running_takes_no_memory),
        cmocka_unit_test(memory_use_is_exact),
        cmocka_unit_test(steps_can_be_listed),
        cmocka_unit_test(nothing_runs_before_every_input_is_bound),
        cmocka_unit_test(parameters_without_a_gradient_stay),
        cmocka_unit_test(block_padding_stays_zero),
        cmocka_unit_test(weights_come_back_as_written),
        cmocka_unit_test(wrong_uses_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
