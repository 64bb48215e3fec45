/* The same programs on cpu and on ref: results agree to rounding through several updates, with shared plans, and a run
 * on cpu takes no memory from anybody, oneDNN included. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <malloc.h>
#include <string.h>

#include "base/memory.h"
#include "engine/nets.h"

/* --- cpu against ref --- */

typedef struct pair {
    dcn_device *device[2]; /* cpu, ref */
} pair;

static pair pair_open(void)
{
    pair devices = {{NULL, NULL}};
    assert_int_equal(dcn_device_open("cpu", NULL, &devices.device[0]), DECANT_OK);
    assert_int_equal(dcn_device_open("ref", NULL, &devices.device[1]), DECANT_OK);
    return devices;
}

static void pair_close(pair *devices)
{
    dcn_device_close(devices->device[0]);
    dcn_device_close(devices->device[1]);
}

static void agree(dcn_plan *const plans[2], const dcn_program *program, dcn_value_id value, double tolerance)
{
    void *cpu = read_value(plans[0], program, value), *ref = read_value(plans[1], program, value);
    const dcn_value *about = &program->graph->values[value];
    double error = difference(about->dtype, cpu, ref, value_count(program, value));
    if (!(error < tolerance)) fail_msg("%s differs by %g", about->name != NULL ? about->name : "a result", error);
    dcn_free_aligned(cpu);
    dcn_free_aligned(ref);
}

static void agree_on_gradients(dcn_plan *const plans[2], const dcn_program *program, double tolerance)
{
    for (dcn_value_id v = 0; v < program->graph->n_values; v++) {
        if (!program->graph->values[v].trainable) continue;
        void *data[2] = {NULL, NULL};
        for (int p = 0; p < 2; p++) {
            assert_int_equal(dcn_new_aligned(value_bytes(program, v), &data[p]), DECANT_OK);
            assert_int_equal(dcn_plan_block_read(plans[p], DCN_BLOCK_GRADIENT, v, data[p]), DECANT_OK);
        }
        double error = difference(DECANT_F32, data[0], data[1], value_count(program, v));
        if (!(error < tolerance)) fail_msg("gradient of %s differs by %g", program->graph->values[v].name, error);
        dcn_free_aligned(data[0]);
        dcn_free_aligned(data[1]);
    }
}

static void run_step(dcn_plan *plan, const test_step *step, int64_t number)
{
    test_inputs inputs = inputs_bind(plan, step->program, 2);
    inputs_set_step(&inputs, step->program, number);
    assert_int_equal(dcn_plan_run(plan), DECANT_OK);
    inputs_destroy(&inputs);
}

/* Three updates; the batches that change places share weights, as the last batch of an epoch does. */
static void check_training(const pair *devices, net_kind kind, const int64_t batches[3], bool separate)
{
    step_options options = {.batch = batches[0], .sgd = true, .teacher = true, .ema = true}, small = options;
    small.batch = batches[1];
    test_step whole = step_create(kind, &options), part = step_create(kind, &small);
    test_step eval = step_create(kind, &(step_options){.batch = batches[2], .inference = true});
    dcn_plan *plans[2], *last[2], *evals[2];
    for (int d = 0; d < 2; d++) {
        dcn_plan_options share = {.separate = separate};
        plans[d] = plan_create(devices->device[d], &whole, &share);
        share.share = plans[d];
        last[d] = plan_create(devices->device[d], &part, &share);
        evals[d] = plan_create(devices->device[d], &eval, &share);
        weights_write(plans[d], whole.program, 1);
    }
    for (int64_t number = 0; number < 3; number++) {
        bool is_part = number == 1;
        for (int d = 0; d < 2; d++)
            run_step(is_part ? last[d] : plans[d], is_part ? &part : &whole, number);
        const test_step *step = is_part ? &part : &whole;
        for (int32_t k = 0; k < step->n_keep; k++)
            agree(is_part ? last : plans, step->program, step->keep[k], 2e-4);
        agree_on_gradients(plans, whole.program, 2e-4);
        for (int d = 0; d < 2; d++)
            run_step(evals[d], &eval, 0);
        agree(evals, eval.program, eval.logits, 2e-4);
    }
    for (dcn_value_id v = 0; v < whole.program->graph->n_values; v++) {
        dcn_value_kind value_kind = whole.program->graph->values[v].kind;
        if (value_kind == DCN_VALUE_PARAMETER || value_kind == DCN_VALUE_STATE) agree(plans, whole.program, v, 2e-4);
    }
    for (int d = 0; d < 2; d++) {
        dcn_plan_destroy(evals[d]);
        dcn_plan_destroy(last[d]);
        dcn_plan_destroy(plans[d]);
    }
    step_destroy(&eval);
    step_destroy(&part);
    step_destroy(&whole);
}

static void cpu_and_ref_train_alike(void **state)
{
    (void)state;
    static const int64_t batches[][3] = {{6, 2, 5}, {16, 3, 9}, {8, 7, 1}}; /* kernels change at 8 samples */
    pair devices = pair_open();
    for (int kind = 0; kind < NET_COUNT; kind++)
        for (size_t i = 0; i < DCN_COUNT(batches); i++)
            for (int separate = 0; separate < 2; separate++)
                check_training(&devices, (net_kind)kind, batches[i], separate == 1);
    pair_close(&devices);
}

/* A program that asks one 1x1 convolution, to be planned beside others of other batches. */
static dcn_program *ask_pointwise(const dcn_graph *graph, int64_t batch, dcn_value_id *ret_x, dcn_value_id *ret_y)
{
    const decant_shape *input = &graph->values[graph->input].shape;
    const decant_shape sample = decant_shape_make(3, input->dim + 1);
    dcn_program *program = NULL;
    assert_int_equal(dcn_program_create(batch, DECANT_F32, &program), DECANT_OK);
    assert_int_equal(dcn_program_input(program, "x", DECANT_F32, &sample, ret_x), DECANT_OK);
    assert_int_equal(dcn_program_add_model(program, graph, 0, DCN_MODE_INFERENCE, *ret_x, NULL, 0, NULL, ret_y),
                     DECANT_OK);
    return program;
}

/* Breaks when a weight's layout as a matrix cannot be turned into its layout as a convolution's, or the other way. */
static void pointwise_weights_are_shared(void **state)
{
    (void)state;
    static const int64_t batches[][2] = {{64, 4}, {4, 64}, {64, 1}, {1, 64}, {64, 5}};
    static const int64_t maps[][3] = {
        {8, 8, 2}, {16, 1, 1}, {16, 4, 1}, {8, 4, 2}}; /* channels, pixels a side, stride */
    static const decant_precision precisions[] = {DECANT_PRECISION_F32, DECANT_PRECISION_BF16};
    for (size_t p = 0; p < DCN_COUNT(precisions); p++)
        for (size_t m = 0; m < DCN_COUNT(maps); m++)
            for (size_t b = 0; b < DCN_COUNT(batches); b++) {
                const dcn_device_options options = {.threads = 2, .precision = precisions[p]};
                const decant_shape sample = {3, {maps[m][0], maps[m][1], maps[m][1]}};
                dcn_conv_attrs attrs = dcn_conv_default(32, 1);
                dcn_graph *graph = NULL;
                dcn_value_id x, y;
                attrs.stride[0] = attrs.stride[1] = maps[m][2];
                assert_int_equal(dcn_graph_create(&graph), DECANT_OK);
                assert_int_equal(dcn_build_input(graph, &sample, &x), DECANT_OK);
                assert_int_equal(dcn_build_conv2d(graph, "conv", x, &attrs, &graph->output), DECANT_OK);
                void *results[2] = {NULL, NULL}; /* of cpu, ref: the second batch's, with the weights of the first */
                int64_t count = 0;
                for (int d = 0; d < 2; d++) {
                    dcn_device *device = NULL;
                    dcn_plan *plans[2] = {NULL, NULL};
                    assert_int_equal(dcn_device_open(d == 0 ? "cpu" : "ref", &options, &device), DECANT_OK);
                    for (int k = 0; k < 2; k++) {
                        dcn_program *program = ask_pointwise(graph, batches[b][k], &x, &y);
                        const dcn_plan_options plan = {.share = plans[0], .keep = &y, .n_keep = 1};
                        if (dcn_plan_create(device, program, &plan, &plans[k]) != DECANT_OK)
                            fail_msg("batches of %d, then %d: %s", (int)batches[b][0], (int)batches[b][k],
                                     decant_error_message());
                        if (k == 0) weights_write(plans[0], program, 1);
                        test_inputs inputs = inputs_bind(plans[k], program, 2);
                        assert_int_equal(dcn_plan_run(plans[k]), DECANT_OK);
                        inputs_destroy(&inputs);
                        if (k == 1) results[d] = read_value(plans[1], program, y);
                        if (k == 1) count = value_count(program, y);
                        dcn_program_destroy(program);
                    }
                    dcn_plan_destroy(plans[1]);
                    dcn_plan_destroy(plans[0]);
                    dcn_device_close(device);
                }
                double error = difference(DECANT_F32, results[0], results[1], count);
                if (!(error < (p == 0 ? 1e-5 : 0.02)))
                    fail_msg("map %d, batches of %d, then %d: differs by %g", (int)m, (int)batches[b][0],
                             (int)batches[b][1], error);
                dcn_free_aligned(results[0]);
                dcn_free_aligned(results[1]);
                dcn_graph_destroy(graph);
            }
}

/* Memory reuse and writing in place change no bit of what cpu computes. */
static void reuse_changes_nothing_on_cpu(void **state)
{
    (void)state;
    dcn_device *cpu = NULL;
    assert_int_equal(dcn_device_open("cpu", NULL, &cpu), DECANT_OK);
    for (int kind = 0; kind < NET_COUNT; kind++) {
        test_step step = step_create((net_kind)kind, &(step_options){.batch = 4, .sgd = true, .teacher = true});
        dcn_plan *plans[2];
        for (int p = 0; p < 2; p++) {
            plans[p] = plan_create(cpu, &step, &(dcn_plan_options){.separate = p == 1});
            weights_write(plans[p], step.program, 1);
            for (int64_t number = 0; number < 3; number++)
                run_step(plans[p], &step, number);
        }
        for (dcn_value_id v = 0; v < step.program->graph->n_values; v++)
            if (step.program->graph->values[v].trainable) agree(plans, step.program, v, 1e-30);
        dcn_plan_destroy(plans[1]);
        dcn_plan_destroy(plans[0]);
        step_destroy(&step);
    }
    dcn_device_close(cpu);
}

static void run_often(dcn_plan *plan, const test_inputs *inputs, int times)
{
    for (int run = 0; run < times; run++) {
        for (int32_t i = 0; i < inputs->count; i++)
            assert_int_equal(dcn_plan_bind(plan, inputs->id[i], inputs->data[i]), DECANT_OK);
        assert_int_equal(dcn_plan_run(plan), DECANT_OK);
    }
}

/* oneDNN's execute takes a few nodes for its list of arguments and gives them back; what counts is that nothing stays.
 */
static void running_on_cpu_takes_no_memory(void **state)
{
    (void)state;
    dcn_device *cpu = NULL;
    assert_int_equal(dcn_device_open("cpu", NULL, &cpu), DECANT_OK);
    for (int kind = 0; kind < NET_COUNT; kind++) {
        test_step step =
            step_create((net_kind)kind, &(step_options){.batch = 4, .sgd = true, .teacher = true, .ema = true});
        dcn_plan *plan = plan_create(cpu, &step, NULL);
        weights_write(plan, step.program, 1);
        test_inputs inputs = inputs_bind(plan, step.program, 2);
        run_often(plan, &inputs, 5); /* starts the thread team */
        int64_t allocations = dcn_memory_allocation_count();
        size_t in_use = mallinfo2().uordblks;
        run_often(plan, &inputs, 20);
        assert_int_equal(mallinfo2().uordblks, in_use);
        assert_int_equal(dcn_memory_allocation_count(), allocations);
        dcn_plan_destroy(plan);
        inputs_destroy(&inputs);
        step_destroy(&step);
    }
    dcn_device_close(cpu);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cpu_and_ref_train_alike),
        cmocka_unit_test(pointwise_weights_are_shared),
        cmocka_unit_test(reuse_changes_nothing_on_cpu),
        cmocka_unit_test(running_on_cpu_takes_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
