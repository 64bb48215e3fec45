/* Every layer, forward and backward, against PyTorch. Backward goes through dcn_graph_backward. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "golden/golden.h"

typedef struct layer_case {
    const char *name;
    decant_op op;
    decant_op_attrs attrs;
    int32_t n_outputs;
} layer_case;

/* Pairs are rows, columns. */
#define CONV(channels, kernel, stride, padding, dilation, groups, bias, activation)                                    \
    .conv = {channels, {kernel}, {stride}, {padding}, {dilation}, groups, bias, activation, {0}}
#define POOL(kernel, stride, padding, ceil_mode, include)                                                              \
    .pool = {{kernel}, {stride}, {padding}, ceil_mode, include, {0}}
#define BOTH(a, b) a, b
#define RELU       DCN_ACTIVATION_RELU

static const layer_case cases[] = {
    {"conv2d", DECANT_OP_CONV2D, {CONV(4, BOTH(3, 3), BOTH(1, 1), BOTH(1, 1), BOTH(1, 1), 1, true, 0)}, 1},
    {"conv2d_relu", DECANT_OP_CONV2D, {CONV(4, BOTH(3, 3), BOTH(1, 1), BOTH(1, 1), BOTH(1, 1), 1, true, RELU)}, 1},
    {"conv2d_stride", DECANT_OP_CONV2D, {CONV(3, BOTH(3, 2), BOTH(2, 3), BOTH(1, 0), BOTH(1, 1), 1, false, 0)}, 1},
    {"conv2d_dilation", DECANT_OP_CONV2D, {CONV(3, BOTH(3, 3), BOTH(1, 1), BOTH(2, 2), BOTH(2, 3), 1, true, 0)}, 1},
    {"conv2d_groups", DECANT_OP_CONV2D, {CONV(6, BOTH(3, 3), BOTH(1, 1), BOTH(1, 1), BOTH(1, 1), 2, true, 0)}, 1},
    {"conv2d_depthwise", DECANT_OP_CONV2D, {CONV(8, BOTH(3, 3), BOTH(1, 1), BOTH(1, 1), BOTH(1, 1), 4, true, 0)}, 1},
    {"conv2d_pointwise", DECANT_OP_CONV2D, {CONV(7, BOTH(1, 1), BOTH(2, 2), BOTH(0, 0), BOTH(1, 1), 1, true, 0)}, 1},
    {"linear", DECANT_OP_LINEAR, {.linear = {.features = 5, .bias = true}}, 1},
    {"linear_relu", DECANT_OP_LINEAR, {.linear = {.features = 5, .bias = true, .activation = RELU}}, 1},
    {"batchnorm", DECANT_OP_BATCHNORM, {.norm = {.eps = 1e-5, .momentum = 0.1}}, 1},
    {"batchnorm_rows", DECANT_OP_BATCHNORM, {.norm = {.eps = 1e-5, .momentum = 0.1}}, 1},
    {"batchnorm_train", DECANT_OP_BATCHNORM_TRAIN, {.norm = {.eps = 1e-5, .momentum = 0.1}}, 3},
    {"batchnorm_train_relu",
     DECANT_OP_BATCHNORM_TRAIN,
     {.norm = {.eps = 1e-5, .momentum = 0.1, .activation = RELU}},
     3},
    {"batchnorm_train_rows", DECANT_OP_BATCHNORM_TRAIN, {.norm = {.eps = 1e-5, .momentum = 0.1}}, 3},
    {"relu", DECANT_OP_RELU, {.none = 0}, 1},
    {"relu6", DECANT_OP_RELU6, {.none = 0}, 1},
    {"hardswish", DECANT_OP_HARDSWISH, {.none = 0}, 1},
    {"sigmoid", DECANT_OP_SIGMOID, {.none = 0}, 1},
    {"gelu", DECANT_OP_GELU, {.none = 0}, 1},
    {"softmax", DECANT_OP_SOFTMAX, {.none = 0}, 1},
    {"standardize", DECANT_OP_STANDARDIZE, {.none = 0}, 1},
    {"maxpool", DECANT_OP_MAXPOOL, {POOL(BOTH(2, 2), BOTH(2, 2), BOTH(0, 0), false, false)}, 2},
    {"maxpool_padded", DECANT_OP_MAXPOOL, {POOL(BOTH(3, 3), BOTH(2, 2), BOTH(1, 1), false, false)}, 2},
    {"maxpool_ceil", DECANT_OP_MAXPOOL, {POOL(BOTH(2, 3), BOTH(2, 2), BOTH(0, 0), true, false)}, 2},
    {"avgpool", DECANT_OP_AVGPOOL, {POOL(BOTH(2, 2), BOTH(2, 2), BOTH(0, 0), false, true)}, 1},
    {"avgpool_padded", DECANT_OP_AVGPOOL, {POOL(BOTH(3, 3), BOTH(2, 2), BOTH(1, 1), false, true)}, 1},
    {"avgpool_without_padding", DECANT_OP_AVGPOOL, {POOL(BOTH(3, 3), BOTH(2, 2), BOTH(1, 1), false, false)}, 1},
    {"avgpool_ceil", DECANT_OP_AVGPOOL, {POOL(BOTH(3, 3), BOTH(2, 2), BOTH(1, 1), true, true)}, 1},
    {"adaptive_avgpool", DECANT_OP_ADAPTIVE_AVGPOOL, {.adaptive = {{2, 3}, {0}}}, 1},
    {"global_avgpool", DECANT_OP_ADAPTIVE_AVGPOOL, {.adaptive = {{1, 1}, {0}}}, 1},
    {"flatten", DECANT_OP_FLATTEN, {.none = 0}, 1},
    {"pad_channels", DECANT_OP_PAD_CHANNELS, {.pad_channels = {2, 1, 2, {0}}}, 1},
    {"repeat_channels", DECANT_OP_REPEAT_CHANNELS, {.repeat = {3}}, 1},
    {"slice", DECANT_OP_SLICE, {.slice = {1, 1, 4}}, 1},
    {"add", DECANT_OP_ADD, {.activation = {0}}, 1},
    {"add_relu", DECANT_OP_ADD, {.activation = {RELU}}, 1},
    {"concat", DECANT_OP_CONCAT, {.axis = {1}}, 1},
    {"dropout", DECANT_OP_DROPOUT, {.dropout = {0.3, 9}}, 1},
    {"log", DECANT_OP_LOG, {.none = 0}, 1},
};

/* What the vectors call inputs, in the order in which every op takes those that it has. */
static const char *const input_names[] = {"x",           "a",      "b", "c", "weight", "bias", "running_mean",
                                          "running_var", "counter"};

static dcn_safetensors *file;

/* A value with the vector's elements; it trains when there is a gradient to compare with. */
static dcn_value_id add_input(runner *run, const layer_case *test, const char *name)
{
    const decant_tensor *vector = golden_need(file, test->name, name);
    char gradient[64];
    snprintf(gradient, sizeof gradient, "d%s", name);
    bool trains = golden_find(file, test->name, gradient) != NULL;
    decant_dtype dtype = vector->dtype == DECANT_F64 ? run->dtype : vector->dtype;
    dcn_value_id id = runner_value(run, trains ? DCN_VALUE_PARAMETER : DCN_VALUE_STATE, name, dtype, vector->shape);
    if (vector->dtype == DECANT_F64)
        runner_set(run, id, vector->data);
    else
        memcpy(run->data[id], vector->data, (size_t)runner_count(run, id) * decant_dtype_size(dtype));
    return id;
}

/* What the op was to make of an input: its gradient, or its new value. */
static void compare_input(runner *run, const golden_setting *setting, const layer_case *test, dcn_value_id id)
{
    const dcn_value *value = &run->graph->values[id];
    char changed[64], gradient[64];
    snprintf(changed, sizeof changed, "new_%s", value->name);
    snprintf(gradient, sizeof gradient, "d%s", value->name);
    const decant_tensor *expected = golden_find(file, test->name, changed);
    if (expected != NULL) golden_compare_value(test->name, changed, setting, expected, run, id);
    expected = golden_find(file, test->name, gradient);
    if (expected == NULL) return;
    if (value->gradient == DCN_NONE) fail_msg("%s: %s got no gradient", test->name, value->name);
    golden_compare_value(test->name, gradient, setting, expected, run, value->gradient);
}

static void check_layer(const golden_setting *setting, const layer_case *test)
{
    runner run;
    runner_init(&run, setting->device, setting->dtype);
    dcn_value_id inputs[DCN_MAX_INPUTS];
    int32_t n_inputs = 0;
    for (size_t i = 0; i < DCN_COUNT(input_names); i++)
        if (golden_find(file, test->name, input_names[i]) != NULL)
            inputs[n_inputs++] = add_input(&run, test, input_names[i]);
    dcn_value_id y = runner_node(&run, test->op, &test->attrs, inputs, n_inputs, test->n_outputs, NULL);

    const decant_tensor *dy = golden_find(file, test->name, "dy");
    if (dy != NULL) {
        dcn_value_id d_y = runner_value(&run, DCN_VALUE_INPUT, "dy", run.dtype, dy->shape);
        runner_set(&run, d_y, dy->data);
        runner_backward(&run, &(dcn_seed){y, d_y}, 1);
    }
    runner_run(&run, run.graph->n_nodes);
    golden_compare_value(test->name, "y", setting, golden_need(file, test->name, "y"), &run, y);
    for (int32_t i = 0; i < n_inputs; i++)
        compare_input(&run, setting, test, inputs[i]);
    runner_finish(&run);
}

static void test_layers(void **state)
{
    (void)state;
    file = golden_open("layers");
    for (int s = 0; s < GOLDEN_SETTINGS; s++)
        for (size_t i = 0; i < DCN_COUNT(cases); i++)
            check_layer(&golden_settings[s], &cases[i]);
    golden_check_all_used();
    dcn_safetensors_close(file);
}

/* Every op of a model must have met PyTorch; reshape is flatten's inverse and moves nothing. */
static void test_every_layer_has_a_vector(void **state)
{
    (void)state;
    for (int op = 0; op < DECANT_OP_COUNT; op++) {
        const dcn_op_info *info = dcn_op_get((decant_op)op);
        if ((info->flags & (DCN_OP_MODEL | DCN_OP_DIFF)) == 0 || op == DECANT_OP_RESHAPE) continue;
        bool found = false;
        for (size_t i = 0; i < DCN_COUNT(cases); i++)
            found = found || (int)cases[i].op == op;
        if (!found) fail_msg("no vector of PyTorch's judges %s", info->name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_layers), cmocka_unit_test(test_every_layer_has_a_vector)};
    return cmocka_run_group_tests_name("golden layers", tests, NULL, NULL);
}
