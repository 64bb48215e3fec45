/* Whole training steps on ref: LightNN learns a batch by heart, and f64 gradients agree with central differences. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>

#include "base/memory.h"
#include "engine/nets.h"
#include "tensor/shape.h"

#define OK(call) assert_int_equal((call), DECANT_OK)

/* --- LightNN: conv 3-16, pool, 16-16, pool, 1024-256-10, dropout .1; 267,738 parameters --- */

static dcn_value_id simple(dcn_graph *graph, decant_op op, const char *name, const decant_op_attrs *attrs,
                           dcn_value_id x)
{
    dcn_value_id y;
    OK(dcn_build_simple(graph, op, name, attrs, &x, 1, &y));
    return y;
}

static dcn_graph *lightnn(void)
{
    dcn_graph *graph = NULL;
    dcn_value_id x;
    decant_shape sample = {.rank = 3, .dim = {3, 32, 32}};
    dcn_conv_attrs conv = dcn_conv_default(16, 3);
    conv.padding[0] = conv.padding[1] = 1;
    decant_op_attrs pool = {.pool = dcn_pool_default(2)}, drop = {.dropout = {.p = 0.1}};
    OK(dcn_graph_create(&graph));
    OK(dcn_build_input(graph, &sample, &x));
    OK(dcn_build_conv2d(graph, "features.0", x, &conv, &x));
    x = simple(graph, DECANT_OP_MAXPOOL, "features.2", &pool, simple(graph, DECANT_OP_RELU, "features.1", NULL, x));
    OK(dcn_build_conv2d(graph, "features.3", x, &conv, &x));
    x = simple(graph, DECANT_OP_MAXPOOL, "features.5", &pool, simple(graph, DECANT_OP_RELU, "features.4", NULL, x));
    x = simple(graph, DECANT_OP_FLATTEN, "flatten", NULL, x);
    OK(dcn_build_linear(graph, "classifier.0", x, 256, true, &x));
    x = simple(graph, DECANT_OP_RELU, "classifier.1", NULL, x);
    x = simple(graph, DECANT_OP_DROPOUT, "classifier.2", &drop, x);
    OK(dcn_build_linear(graph, "classifier.3", x, 10, true, &graph->output));
    assert_int_equal(dcn_graph_parameters(graph), 267738);
    return graph;
}

/* Forward, cross-entropy, backward and Adam for a batch of 6. */
static dcn_program *lightnn_step(dcn_value_id *ret_loss)
{
    dcn_graph *model = lightnn();
    dcn_program *program = NULL;
    decant_shape sample = {.rank = 3, .dim = {3, 32, 32}}, scalar = {.rank = 0};
    dcn_value_id x, logits[2], outputs[2], blocks[5];
    decant_op_attrs ce = {.loss = {.weight = 1.0}}, adam = {.update = {.decoupled = false}};
    OK(dcn_program_create(6, DECANT_F32, &program));
    OK(dcn_program_input(program, "x", DECANT_F32, &sample, &x));
    OK(dcn_program_input(program, "labels", DECANT_I32, &scalar, &logits[1]));
    OK(dcn_program_add_model(program, model, 0, DCN_MODE_TRAIN, x, NULL, 0, NULL, &logits[0]));
    OK(dcn_graph_add_node(program->graph, DECANT_OP_LOSS_CE, &ce, "ce", logits, 2, 2, outputs));
    OK(dcn_graph_backward(program->graph, &(dcn_seed){logits[0], outputs[1]}, 1));
    for (int b = 0; b < 4; b++)
        OK(dcn_program_block(program, (dcn_block)b, &blocks[b]));
    OK(dcn_program_hyper(program, &blocks[4]));
    OK(dcn_graph_add_node(program->graph, DECANT_OP_ADAM_UPDATE, &adam, "adam", blocks, 5, 0, NULL));
    dcn_graph_destroy(model);
    *ret_loss = outputs[0];
    return program;
}

static void lightnn_learns_a_batch(void **state)
{
    (void)state;
    dcn_device *ref = NULL;
    dcn_plan *plan = NULL;
    dcn_value_id loss;
    OK(dcn_device_open("ref", NULL, &ref));
    dcn_program *program = lightnn_step(&loss);
    OK(dcn_plan_create(ref, program, &(dcn_plan_options){.keep = &loss, .n_keep = 1}, &plan));
    weights_write(plan, program, 1);
    test_inputs inputs = inputs_bind(plan, program, 2);
    float hyper[DCN_HYPER_COUNT] = {
        [DCN_HYPER_LR] = 1e-3f, [DCN_HYPER_BETA1] = 0.9f, [DCN_HYPER_BETA2] = 0.999f, [DCN_HYPER_EPS] = 1e-8f};
    OK(dcn_plan_bind(plan, program->hyper, hyper));

    float first = 0.0f, last = 0.0f;
    for (int number = 0; number < 12; number++) {
        inputs_set_step(&inputs, program, number);
        hyper[DCN_HYPER_STEP] = (float)number + 1.0f;
        assert_int_equal(dcn_plan_run(plan), DECANT_OK);
        last = read_scalar(plan, loss);
        if (number == 0) first = last;
    }
    assert_true(isfinite(first) && first > 1.0f);
    assert_true(last < 0.3f * first);
    dcn_plan_destroy(plan);
    inputs_destroy(&inputs);
    dcn_program_destroy(program);
    dcn_device_close(ref);
}

/* --- central differences in f64 --- */

static double loss_of(dcn_plan *plan, const test_step *step)
{
    double ce = 0.0, kd = 0.0;
    assert_int_equal(dcn_plan_run(plan), DECANT_OK);
    OK(dcn_plan_read(plan, step->ce, &ce));
    OK(dcn_plan_read(plan, step->kd, &kd));
    return 0.6 * ce + 0.4 * kd; /* the weights of the terms, see nets.c */
}

/* A few elements of one parameter, moved both ways. */
static void check_parameter(dcn_plan *plan, const test_step *step, dcn_value_id v)
{
    const double h = 1e-7; /* larger steps cross relu's kink for some pixel */
    int64_t count = value_count(step->program, v);
    double *weight = value_fill(step->program, v, 1), *gradient = value_fill(step->program, v, 1);
    loss_of(plan, step);
    OK(dcn_plan_block_read(plan, DCN_BLOCK_GRADIENT, v, gradient));
    for (int64_t i = 0; i < count; i += count / 5 + 1) {
        double kept = weight[i], loss[2];
        for (int side = 0; side < 2; side++) {
            weight[i] = kept + (side == 0 ? -h : h);
            OK(dcn_plan_write(plan, v, weight));
            loss[side] = loss_of(plan, step);
        }
        weight[i] = kept;
        double numeric = (loss[1] - loss[0]) / (2.0 * h);
        if (fabs(numeric - gradient[i]) > 1e-6 * (1.0 + fabs(numeric)))
            fail_msg("%s[%d]: gradient %.10g, difference %.10g", step->program->graph->values[v].name, (int)i,
                     gradient[i], numeric);
    }
    OK(dcn_plan_write(plan, v, weight));
    dcn_free_aligned(weight);
    dcn_free_aligned(gradient);
}

static void gradients_agree_with_differences(void **state)
{
    (void)state;
    dcn_device *ref = NULL;
    OK(dcn_device_open("ref", NULL, &ref));
    for (int kind = 0; kind < NET_COUNT; kind++) {
        test_step step = step_create((net_kind)kind, &(step_options){.batch = 4, .dtype = DECANT_F64, .teacher = true});
        dcn_plan *plan = plan_create(ref, &step, NULL);
        weights_write(plan, step.program, 1);
        test_inputs inputs = inputs_bind(plan, step.program, 2);
        /* a teacher that is not the student */
        for (dcn_value_id v = 0; v < step.program->graph->n_values; v++) {
            const dcn_value *value = &step.program->graph->values[v];
            if (value->kind != DCN_VALUE_PARAMETER || value->model != 1) continue;
            void *data = value_fill(step.program, v, 3);
            OK(dcn_plan_write(plan, v, data));
            dcn_free_aligned(data);
        }
        for (dcn_value_id v = 0; v < step.program->graph->n_values; v++)
            if (step.program->graph->values[v].trainable) check_parameter(plan, &step, v);
        dcn_plan_destroy(plan);
        inputs_destroy(&inputs);
        step_destroy(&step);
    }
    dcn_device_close(ref);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lightnn_learns_a_batch),
        cmocka_unit_test(gradients_agree_with_differences),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
