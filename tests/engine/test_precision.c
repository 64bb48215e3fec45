/* bf16 plans: what they compute from, that cpu and ref agree on it and stay near f32, that weights stay f32 and are
 * converted again after every update, and that the same plan gives the same bits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/memory.h"
#include "engine/nets.h"
#include "tensor/shape.h"

/* Relative error of one rounding to bf16 is at most 2^-9. Errors of a few layers add up, and a maximum that is lost to
 * its neighbour or a relu that closes sends a whole gradient elsewhere; the networks are small. */
#define NEAR_EACH_OTHER 0.05
#define NEAR_F32        0.15

static dcn_device *open_device(const char *name, decant_precision precision)
{
    const dcn_device_options options = {.threads = 2, .precision = precision};
    dcn_device *device = NULL;
    if (dcn_device_open(name, &options, &device) != DECANT_OK) fail_msg("%s", decant_error_message());
    return device;
}

static void run_step(dcn_plan *plan, const test_step *step, int64_t number)
{
    test_inputs inputs = inputs_bind(plan, step->program, 2);
    inputs_set_step(&inputs, step->program, number);
    assert_int_equal(dcn_plan_run(plan), DECANT_OK);
    inputs_destroy(&inputs);
}

static double apart(dcn_plan *const plans[2], const test_step *step, dcn_value_id value)
{
    void *first = read_value(plans[0], step->program, value), *second = read_value(plans[1], step->program, value);
    double error =
        difference(step->program->graph->values[value].dtype, first, second, value_count(step->program, value));
    dcn_free_aligned(first);
    dcn_free_aligned(second);
    return error;
}

/* The parameters after three updates, and what is kept, on two devices. */
static void check_near(dcn_device *const devices[2], net_kind kind, double tolerance)
{
    test_step step = step_create(kind, &(step_options){.batch = 6, .sgd = true, .teacher = true});
    dcn_plan *plans[2];
    for (int d = 0; d < 2; d++) {
        plans[d] = plan_create(devices[d], &step, NULL);
        weights_write(plans[d], step.program, 1);
        for (int64_t number = 0; number < 3; number++)
            run_step(plans[d], &step, number);
    }
    for (int32_t k = 0; k < step.n_keep; k++)
        if (!(apart(plans, &step, step.keep[k]) < tolerance))
            fail_msg("network %d: result %d differs by %g", (int)kind, (int)k, apart(plans, &step, step.keep[k]));
    for (dcn_value_id v = 0; v < step.program->graph->n_values; v++)
        if (step.program->graph->values[v].trainable && !(apart(plans, &step, v) < tolerance))
            fail_msg("network %d: %s differs by %g", (int)kind, step.program->graph->values[v].name,
                     apart(plans, &step, v));
    dcn_plan_destroy(plans[1]);
    dcn_plan_destroy(plans[0]);
    step_destroy(&step);
}

static void cpu_and_ref_agree_on_bf16(void **state)
{
    (void)state;
    dcn_device *devices[2] = {open_device("cpu", DECANT_PRECISION_BF16), open_device("ref", DECANT_PRECISION_BF16)};
    for (int kind = 0; kind < NET_COUNT; kind++)
        check_near(devices, (net_kind)kind, NEAR_EACH_OTHER);
    dcn_device_close(devices[1]);
    dcn_device_close(devices[0]);
}

static void bf16_is_near_f32(void **state)
{
    (void)state;
    dcn_device *devices[2] = {open_device("cpu", DECANT_PRECISION_BF16), open_device("cpu", DECANT_PRECISION_F32)};
    for (int kind = 0; kind < NET_COUNT; kind++)
        check_near(devices, (net_kind)kind, NEAR_F32);
    dcn_device_close(devices[1]);
    dcn_device_close(devices[0]);
}

/* Breaks when a product is left in f32, or a loss, an update or a kept result is not. */
static void products_are_bf16_and_the_rest_is_not(void **state)
{
    (void)state;
    dcn_device *cpu = open_device("cpu", DECANT_PRECISION_BF16);
    for (int kind = 0; kind < NET_COUNT; kind++) {
        test_step step = step_create((net_kind)kind, &(step_options){.batch = 4, .sgd = true, .teacher = true});
        dcn_plan *plan = plan_create(cpu, &step, NULL);
        int products = 0;
        for (int32_t s = 0; s < dcn_plan_steps(plan); s++) {
            const dcn_step_info info = dcn_plan_step(plan, s);
            bool product = strstr(info.op, "conv2d") != NULL || strstr(info.op, "linear") != NULL;
            bool exact = strstr(info.op, "loss") != NULL || strstr(info.op, "update") != NULL;
            if (product) assert_string_equal(info.precision, "bf16");
            if (exact) assert_string_equal(info.precision, "f32");
            products += product;
        }
        assert_true(products > 2);
        dcn_plan_destroy(plan);
        step_destroy(&step);
    }
    dcn_device_close(cpu);
}

static int32_t count_bf16(dcn_device *device, const test_step *step)
{
    int32_t count = 0;
    dcn_plan *plan = plan_create(device, step, NULL);
    for (int32_t s = 0; s < dcn_plan_steps(plan); s++)
        count += strcmp(dcn_plan_step(plan, s).precision, "bf16") == 0;
    dcn_plan_destroy(plan);
    return count;
}

/* Without a device that gains, and for networks too small to gain, `auto` is f32. */
static void auto_takes_bf16_only_where_it_pays(void **state)
{
    (void)state;
    dcn_device *ref = open_device("ref", DECANT_PRECISION_AUTO), *cpu = open_device("cpu", DECANT_PRECISION_AUTO);
    for (int kind = 0; kind < NET_COUNT; kind++) {
        test_step step = step_create((net_kind)kind, &(step_options){.batch = 64, .sgd = true});
        assert_int_equal(count_bf16(ref, &step), 0);
        if (kind == NET_MLP) assert_int_equal(count_bf16(cpu, &step), 0);
        step_destroy(&step);
    }
    dcn_device_close(cpu);
    dcn_device_close(ref);
}

/* Numbers far from 0 beside their spread, as of a table that nobody normalised. */
static void fill_far(float *values, int64_t count, float centre)
{
    for (int64_t i = 0; i < count; i++)
        values[i] = centre + 3 * (float)((i * 37) % 101 - 50) / 50;
}

/* What the model answers to a batch of rows, with weights that are the same each time; dcn_free_aligned. */
static float *ask(dcn_device *device, const dcn_graph *graph, dcn_mode mode, const float *x, int64_t batch)
{
    const decant_shape *input = &graph->values[graph->input].shape; /* [1, columns] */
    const decant_shape sample = {1, {input->dim[1]}};
    dcn_program *program = NULL;
    dcn_plan *plan = NULL;
    dcn_value_id rows, answer;
    assert_int_equal(dcn_program_create(batch, DECANT_F32, &program), DECANT_OK);
    assert_int_equal(dcn_program_input(program, "x", DECANT_F32, &sample, &rows), DECANT_OK);
    assert_int_equal(dcn_program_add_model(program, graph, 0, mode, rows, NULL, 0, NULL, &answer), DECANT_OK);
    assert_int_equal(dcn_plan_create(device, program, &(dcn_plan_options){.keep = &answer, .n_keep = 1}, &plan),
                     DECANT_OK);
    weights_write(plan, program, 1);
    assert_int_equal(dcn_plan_bind(plan, rows, x), DECANT_OK);
    assert_int_equal(dcn_plan_run(plan), DECANT_OK);
    float *answers = read_value(plan, program, answer);
    dcn_plan_destroy(plan);
    dcn_program_destroy(program);
    return answers;
}

/* Breaks when a batch normalisation on the input reads what bf16 has left of it: nothing, here. */
static void a_normalisation_sees_the_data_as_they_are(void **state)
{
    (void)state;
    enum { BATCH = 16, COLUMNS = 24 };
    static const decant_precision precisions[] = {DECANT_PRECISION_F32, DECANT_PRECISION_AUTO, DECANT_PRECISION_BF16};
    const decant_shape sample = {1, {COLUMNS}};
    static float x[BATCH * COLUMNS];
    dcn_graph *graph = NULL;
    dcn_value_id value;
    void *results[3];
    assert_int_equal(dcn_graph_create(&graph), DECANT_OK);
    assert_int_equal(dcn_build_input(graph, &sample, &value), DECANT_OK);
    assert_int_equal(dcn_build_batchnorm(graph, "norm", value, 1e-5, 0.1, &value), DECANT_OK);
    assert_int_equal(dcn_build_linear(graph, "wide", value, 1200, true, &value), DECANT_OK);
    assert_int_equal(dcn_build_simple(graph, DECANT_OP_RELU, "relu", NULL, &value, 1, &value), DECANT_OK);
    assert_int_equal(dcn_build_linear(graph, "last", value, 2, true, &graph->output), DECANT_OK);
    fill_far(x, BATCH * COLUMNS, 2000);
    for (size_t p = 0; p < DCN_COUNT(precisions); p++) {
        dcn_device *device = open_device(p == 0 ? "ref" : "cpu", precisions[p]);
        results[p] = ask(device, graph, DCN_MODE_TRAIN, x, BATCH);
        dcn_device_close(device);
        double error = difference(DECANT_F32, results[p], results[0], BATCH * 2);
        if (!(error < NEAR_EACH_OTHER)) fail_msg("precision %d: logits differ by %g", (int)precisions[p], error);
    }
    for (size_t p = 0; p < DCN_COUNT(precisions); p++)
        dcn_free_aligned(results[p]);
    dcn_graph_destroy(graph);
}

/* Breaks when what is told apart in logits is lost in the rounding of a product that only scales or averages them. */
static void sums_of_logits_are_exact(void **state)
{
    (void)state;
    test_step step = step_create(NET_MLP, &(step_options){.batch = 4});
    dcn_device *cpu = open_device("cpu", DECANT_PRECISION_BF16);
    dcn_graph *graph = step.program->graph;
    const decant_op_attrs attrs = {.linear = {.features = NET_CLASSES, .exact = true}};
    const decant_shape square = dcn_shape2(NET_CLASSES, NET_CLASSES);
    dcn_value_id inputs[2] = {step.logits, DCN_NONE}, scaled;
    assert_int_equal(dcn_graph_add_value(graph, DCN_VALUE_STATE, "scale", DECANT_F32, &square, &inputs[1]), DECANT_OK);
    assert_int_equal(dcn_graph_add_node(graph, DECANT_OP_LINEAR, &attrs, "scaled", inputs, 2, 1, &scaled), DECANT_OK);
    step.keep[step.n_keep++] = scaled;
    dcn_plan *plan = plan_create(cpu, &step, NULL);
    bool seen = false;
    for (int32_t s = 0; s < dcn_plan_steps(plan); s++) {
        const dcn_step_info info = dcn_plan_step(plan, s);
        if (strcmp(info.op, "linear") != 0) continue;
        const bool is_exact = info.layer != NULL && strcmp(info.layer, "scaled") == 0;
        assert_string_equal(info.precision, is_exact ? "f32" : "bf16");
        seen = seen || is_exact;
    }
    assert_true(seen);
    dcn_plan_destroy(plan);
    dcn_device_close(cpu);
    step_destroy(&step);
}

/* Logits of x, and with `joined` what the last layer reads behind them in the same row, by a bf16 plan. */
static float *answers(dcn_device *device, bool joined, const float *x, int64_t batch, int64_t columns)
{
    const decant_shape sample = {1, {columns}};
    const decant_op_attrs behind = {.axis = {.axis = 1}};
    dcn_graph *graph = NULL;
    dcn_value_id value, parts[2];
    assert_int_equal(dcn_graph_create(&graph), DECANT_OK);
    assert_int_equal(dcn_build_input(graph, &sample, &value), DECANT_OK);
    assert_int_equal(dcn_build_linear(graph, "first", value, 32, true, &value), DECANT_OK);
    assert_int_equal(dcn_build_simple(graph, DECANT_OP_RELU, "relu", NULL, &value, 1, &parts[1]), DECANT_OK);
    assert_int_equal(dcn_build_linear(graph, "last", parts[1], NET_CLASSES, true, &parts[0]), DECANT_OK);
    graph->output = parts[0];
    if (joined)
        assert_int_equal(dcn_build_simple(graph, DECANT_OP_CONCAT, "answer", &behind, parts, 2, &graph->output),
                         DECANT_OK);
    float *row = ask(device, graph, DCN_MODE_INFERENCE, x, batch);
    dcn_graph_destroy(graph);
    return row;
}

/* Breaks when a teacher that also answers with a layer, which is bf16, has its logits rounded to that. */
static void logits_are_not_rounded_for_what_stands_beside_them(void **state)
{
    (void)state;
    enum { BATCH = 4, COLUMNS = 24, ROW = NET_CLASSES + 32 };
    static const char *const names[] = {"cpu", "ref"};
    static float x[BATCH * COLUMNS];
    fill_far(x, BATCH * COLUMNS, 0);
    for (size_t d = 0; d < DCN_COUNT(names); d++) {
        dcn_device *device = open_device(names[d], DECANT_PRECISION_BF16);
        float *alone = answers(device, false, x, BATCH, COLUMNS), *joined = answers(device, true, x, BATCH, COLUMNS);
        for (int n = 0; n < BATCH; n++)
            assert_memory_equal(joined + n * ROW, alone + n * NET_CLASSES, NET_CLASSES * sizeof *alone);
        dcn_free_aligned(joined);
        dcn_free_aligned(alone);
        dcn_device_close(device);
    }
}

/* Breaks when bf16 copies of weights are those of before the last update. */
static void evaluation_sees_every_update(void **state)
{
    (void)state;
    dcn_device *cpu = open_device("cpu", DECANT_PRECISION_BF16);
    for (int kind = 0; kind < NET_COUNT; kind++) {
        test_step train = step_create((net_kind)kind, &(step_options){.batch = 6, .sgd = true});
        test_step eval = step_create((net_kind)kind, &(step_options){.batch = 5, .inference = true});
        dcn_plan *trainer = plan_create(cpu, &train, NULL);
        dcn_plan *sharing = plan_create(cpu, &eval, &(dcn_plan_options){.share = trainer});
        weights_write(trainer, train.program, 1);
        for (int64_t number = 0; number < 3; number++) {
            run_step(trainer, &train, number);
            run_step(sharing, &eval, 0);
            dcn_plan *fresh = plan_create(cpu, &eval, NULL);
            for (dcn_value_id v = 0; v < eval.program->graph->n_values; v++) {
                const dcn_value *value = &eval.program->graph->values[v];
                if (value->kind != DCN_VALUE_PARAMETER && value->kind != DCN_VALUE_STATE) continue;
                void *data = read_value(sharing, eval.program, v);
                assert_int_equal(dcn_plan_write(fresh, v, data), DECANT_OK);
                dcn_free_aligned(data);
            }
            run_step(fresh, &eval, 0);
            dcn_plan *plans[2] = {sharing, fresh};
            if (apart(plans, &eval, eval.logits) > 1e-6)
                fail_msg("network %d, update %d: logits differ by %g", kind, (int)number,
                         apart(plans, &eval, eval.logits));
            dcn_plan_destroy(fresh);
        }
        dcn_plan_destroy(sharing);
        dcn_plan_destroy(trainer);
        step_destroy(&eval);
        step_destroy(&train);
    }
    dcn_device_close(cpu);
}

/* The same plan twice, and without reuse of memory: no bit changes. */
static void the_same_plan_gives_the_same_bits(void **state)
{
    (void)state;
    dcn_device *cpu = open_device("cpu", DECANT_PRECISION_BF16);
    for (int kind = 0; kind < NET_COUNT; kind++) {
        test_step step = step_create((net_kind)kind, &(step_options){.batch = 4, .sgd = true, .teacher = true});
        dcn_plan *all[3];
        for (int p = 0; p < 3; p++) {
            all[p] = plan_create(cpu, &step, &(dcn_plan_options){.separate = p == 2});
            weights_write(all[p], step.program, 1);
            for (int64_t number = 0; number < 3; number++)
                run_step(all[p], &step, number);
        }
        for (int p = 1; p < 3; p++)
            for (dcn_value_id v = 0; v < step.program->graph->n_values; v++) {
                dcn_plan *plans[2] = {all[0], all[p]};
                if (step.program->graph->values[v].trainable && apart(plans, &step, v) > 0)
                    fail_msg("network %d: %s is not the same", kind, step.program->graph->values[v].name);
            }
        for (int p = 0; p < 3; p++)
            dcn_plan_destroy(all[p]);
        step_destroy(&step);
    }
    dcn_device_close(cpu);
}

/* Breaks when the way from a value to the product behind it is walked once a use: 2^48 ways here, and no product. */
static void a_long_way_to_no_product_is_walked_once(void **state)
{
    (void)state;
    dcn_device *ref = open_device("ref", DECANT_PRECISION_BF16);
    const decant_shape sample = {.rank = 1, .dim = {4}};
    dcn_graph *model = NULL;
    dcn_value_id y;
    test_step step = {.keep = {DCN_NONE}, .n_keep = 1};
    assert_int_equal(dcn_graph_create(&model), DECANT_OK);
    assert_int_equal(dcn_build_input(model, &sample, &y), DECANT_OK);
    assert_int_equal(dcn_build_linear(model, "linear", y, 4, true, &y), DECANT_OK);
    for (int i = 0; i < 48; i++) {
        const dcn_value_id twice[2] = {y, y};
        char name[] = {'a', (char)('0' + i / 10), (char)('0' + i % 10), '\0'};
        assert_int_equal(dcn_build_simple(model, DECANT_OP_ADD, name, NULL, twice, 2, &y), DECANT_OK);
    }
    model->output = y;
    assert_int_equal(dcn_program_create(2, DECANT_F32, &step.program), DECANT_OK);
    assert_int_equal(dcn_program_input(step.program, "x", DECANT_F32, &sample, &step.x), DECANT_OK);
    assert_int_equal(
        dcn_program_add_model(step.program, model, 0, DCN_MODE_INFERENCE, step.x, NULL, 0, NULL, &step.keep[0]),
        DECANT_OK);
    dcn_plan *plan = plan_create(ref, &step, NULL);
    for (int32_t s = 0; s < dcn_plan_steps(plan); s++)
        if (strcmp(dcn_plan_step(plan, s).op, "add") == 0) assert_string_equal(dcn_plan_step(plan, s).precision, "f32");
    dcn_plan_destroy(plan);
    step_destroy(&step);
    dcn_graph_destroy(model);
    dcn_device_close(ref);
}

static void f64_has_no_bf16_form(void **state)
{
    (void)state;
    dcn_device *ref = open_device("ref", DECANT_PRECISION_BF16);
    test_step doubles = step_create(NET_LIGHT, &(step_options){.batch = 2, .dtype = DECANT_F64});
    dcn_plan *plan = NULL;
    assert_int_equal(dcn_plan_create(ref, doubles.program, NULL, &plan), DECANT_UNSUPPORTED);
    assert_null(plan);
    step_destroy(&doubles);
    dcn_device_close(ref);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cpu_and_ref_agree_on_bf16),
        cmocka_unit_test(bf16_is_near_f32),
        cmocka_unit_test(products_are_bf16_and_the_rest_is_not),
        cmocka_unit_test(auto_takes_bf16_only_where_it_pays),
        cmocka_unit_test(a_normalisation_sees_the_data_as_they_are),
        cmocka_unit_test(sums_of_logits_are_exact),
        cmocka_unit_test(logits_are_not_rounded_for_what_stands_beside_them),
        cmocka_unit_test(evaluation_sees_every_update),
        cmocka_unit_test(the_same_plan_gives_the_same_bits),
        cmocka_unit_test(a_long_way_to_no_product_is_walked_once),
        cmocka_unit_test(f64_has_no_bf16_form),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
