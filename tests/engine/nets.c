/* The networks and numbers of the engine's tests. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "base/hash.h"
#include "base/memory.h"
#include "base/random.h"
#include "engine/nets.h"
#include "tensor/shape.h"

#define OK(call) assert_int_equal((call), DECANT_OK)

/* --- networks --- */

static dcn_value_id layer(dcn_graph *graph, decant_op op, const char *name, const decant_op_attrs *attrs,
                          dcn_value_id x)
{
    dcn_value_id y;
    OK(dcn_build_simple(graph, op, name, attrs, &x, 1, &y));
    return y;
}

static dcn_value_id two(dcn_graph *graph, decant_op op, const char *name, const decant_op_attrs *attrs, dcn_value_id a,
                        dcn_value_id b)
{
    dcn_value_id inputs[2] = {a, b}, y;
    OK(dcn_build_simple(graph, op, name, attrs, inputs, 2, &y));
    return y;
}

static dcn_value_id conv(dcn_graph *graph, const char *name, dcn_value_id x, int64_t channels, int64_t kernel,
                         int64_t stride, bool bias)
{
    dcn_conv_attrs attrs = dcn_conv_default(channels, kernel);
    attrs.padding[0] = attrs.padding[1] = kernel / 2;
    attrs.stride[0] = attrs.stride[1] = stride;
    attrs.bias = bias;
    dcn_value_id y;
    OK(dcn_build_conv2d(graph, name, x, &attrs, &y));
    return y;
}

static dcn_value_id linear(dcn_graph *graph, const char *name, dcn_value_id x, int64_t features)
{
    dcn_value_id y;
    OK(dcn_build_linear(graph, name, x, features, true, &y));
    return y;
}

static dcn_value_id batchnorm(dcn_graph *graph, const char *name, dcn_value_id x)
{
    dcn_value_id y;
    OK(dcn_build_batchnorm(graph, name, x, 1e-5, 0.1, &y));
    return y;
}

static dcn_value_id dropout(dcn_graph *graph, const char *name, dcn_value_id x, double p)
{
    decant_op_attrs attrs = {.dropout = {.p = p}};
    return layer(graph, DECANT_OP_DROPOUT, name, &attrs, x);
}

static dcn_value_id maxpool(dcn_graph *graph, const char *name, dcn_value_id x)
{
    decant_op_attrs attrs = {.pool = dcn_pool_default(2)};
    return layer(graph, DECANT_OP_MAXPOOL, name, &attrs, x);
}

static dcn_value_id global_pool(dcn_graph *graph, const char *name, dcn_value_id x)
{
    decant_op_attrs attrs = {.adaptive = {.out_hw = {1, 1}}};
    return layer(graph, DECANT_OP_ADAPTIVE_AVGPOOL, name, &attrs, x);
}

static dcn_value_id build_mlp(dcn_graph *graph, dcn_value_id x)
{
    x = layer(graph, DECANT_OP_FLATTEN, "flatten", NULL, x);
    x = dropout(graph, "drop0", x, 0.2);
    x = layer(graph, DECANT_OP_GELU, "gelu", NULL, linear(graph, "fc1", x, 12));
    x = layer(graph, DECANT_OP_SIGMOID, "sigmoid", NULL, linear(graph, "fc2", x, 11));
    x = layer(graph, DECANT_OP_HARDSWISH, "hardswish", NULL, linear(graph, "fc3", x, 10));
    x = layer(graph, DECANT_OP_RELU6, "relu6", NULL, batchnorm(graph, "bn", linear(graph, "fc4", x, 9)));
    return linear(graph, "fc5", dropout(graph, "drop1", x, 0.5), NET_CLASSES);
}

static dcn_value_id build_light(dcn_graph *graph, dcn_value_id x)
{
    x = layer(graph, DECANT_OP_RELU, "relu1", NULL, conv(graph, "conv1", x, 6, 3, 1, true));
    x = maxpool(graph, "pool1", x);
    x = layer(graph, DECANT_OP_RELU, "relu2", NULL, conv(graph, "conv2", x, 7, 3, 1, true));
    x = maxpool(graph, "pool2", x);
    x = layer(graph, DECANT_OP_FLATTEN, "flatten", NULL, x);
    x = layer(graph, DECANT_OP_RELU, "relu3", NULL, linear(graph, "fc1", x, 13));
    return linear(graph, "fc2", dropout(graph, "drop", x, 0.1), NET_CLASSES);
}

static dcn_value_id build_residual(dcn_graph *graph, dcn_value_id x)
{
    x = batchnorm(graph, "bn1", conv(graph, "conv1", x, 5, 3, 1, false));
    x = layer(graph, DECANT_OP_RELU, "relu1", NULL, x);
    dcn_value_id branch = batchnorm(graph, "a.bn1", conv(graph, "a.conv1", x, 5, 3, 1, false));
    branch = layer(graph, DECANT_OP_RELU, "a.relu1", NULL, branch);
    branch = batchnorm(graph, "a.bn2", conv(graph, "a.conv2", branch, 5, 3, 1, false));
    x = layer(graph, DECANT_OP_RELU, "a.relu2", NULL, two(graph, DECANT_OP_ADD, "a.add", NULL, branch, x));
    branch = batchnorm(graph, "b.bn1", conv(graph, "b.conv1", x, 8, 3, 2, false));
    dcn_value_id shortcut = batchnorm(graph, "b.short.bn", conv(graph, "b.short.conv", x, 8, 1, 2, false));
    x = layer(graph, DECANT_OP_RELU, "b.relu", NULL, two(graph, DECANT_OP_ADD, "b.add", NULL, branch, shortcut));
    x = layer(graph, DECANT_OP_FLATTEN, "flatten", NULL, global_pool(graph, "pool", x));
    return linear(graph, "fc", x, NET_CLASSES);
}

static dcn_value_id build_branches(dcn_graph *graph, dcn_value_id x)
{
    decant_op_attrs axis = {.axis = {.axis = 1}}, average = {.pool = dcn_pool_default(2)};
    decant_op_attrs pad = {.pad_channels = {.stride = 1, .before = 1, .after = 2}};
    dcn_value_id stem = layer(graph, DECANT_OP_RELU, "relu0", NULL, conv(graph, "conv0", x, 4, 3, 1, true));
    dcn_value_id a = layer(graph, DECANT_OP_RELU, "relu1", NULL, conv(graph, "conv1", stem, 3, 1, 1, true));
    dcn_value_id b = layer(graph, DECANT_OP_PAD_CHANNELS, "pad", &pad, stem);
    x = two(graph, DECANT_OP_CONCAT, "concat", &axis, a, b);
    x = layer(graph, DECANT_OP_AVGPOOL, "average", &average, x);
    x = conv(graph, "conv2", x, 6, 3, 1, true); /* read twice: its relu cannot be fused */
    x = two(graph, DECANT_OP_ADD, "add", NULL, layer(graph, DECANT_OP_RELU, "relu2", NULL, x), x);
    x = layer(graph, DECANT_OP_FLATTEN, "flatten", NULL, global_pool(graph, "pool", x));
    return linear(graph, "fc", x, NET_CLASSES);
}

/* relu6 could overwrite what the view still shows. */
static dcn_value_id build_views(dcn_graph *graph, dcn_value_id x)
{
    x = conv(graph, "conv", x, 4, 3, 2, true);
    dcn_value_id view = layer(graph, DECANT_OP_FLATTEN, "flatten1", NULL, x);
    x = layer(graph, DECANT_OP_RELU6, "relu6", NULL, x);
    x = two(graph, DECANT_OP_ADD, "double", NULL, x, x);
    x = layer(graph, DECANT_OP_FLATTEN, "flatten2", NULL, global_pool(graph, "pool", x));
    return two(graph, DECANT_OP_ADD, "add", NULL, linear(graph, "fc1", view, NET_CLASSES),
               linear(graph, "fc2", x, NET_CLASSES));
}

dcn_graph *net_build(net_kind kind)
{
    static dcn_value_id (*const builders[NET_COUNT])(dcn_graph *, dcn_value_id) = {
        build_mlp, build_light, build_residual, build_branches, build_views};
    dcn_graph *graph = NULL;
    int64_t dims[3] = {kind == NET_MLP ? 1 : 3, 8, 8};
    decant_shape sample = decant_shape_make(3, dims);
    dcn_value_id x;
    OK(dcn_graph_create(&graph));
    OK(dcn_build_input(graph, &sample, &x));
    graph->output = builders[kind](graph, x);
    return graph;
}

/* --- programs --- */

static void keep(test_step *step, dcn_value_id value)
{
    step->keep[step->n_keep++] = value;
}

static void add_update(test_step *step, const step_options *options)
{
    dcn_graph *graph = step->program->graph;
    dcn_value_id inputs[4], ema[3];
    decant_op_attrs attrs = {.update = {.has_momentum = true}};
    OK(dcn_program_block(step->program, DCN_BLOCK_PARAMETER, &inputs[0]));
    OK(dcn_program_block(step->program, DCN_BLOCK_GRADIENT, &inputs[1]));
    OK(dcn_program_block(step->program, DCN_BLOCK_SLOT0, &inputs[2]));
    OK(dcn_program_hyper(step->program, &inputs[3]));
    OK(dcn_graph_add_node(graph, DECANT_OP_SGD_UPDATE, &attrs, "update", inputs, 4, 0, NULL));
    if (!options->ema) return;
    OK(dcn_program_block(step->program, DCN_BLOCK_EMA, &ema[0]));
    ema[1] = inputs[0];
    ema[2] = inputs[3];
    OK(dcn_graph_add_node(graph, DECANT_OP_EMA_UPDATE, NULL, "average", ema, 3, 0, NULL));
}

static void add_losses(test_step *step, const step_options *options)
{
    dcn_graph *graph = step->program->graph;
    decant_op_attrs ce = {.loss = {.weight = 0.6}}, kd = {.loss = {.weight = 0.4, .temperature = 3.0}};
    decant_shape scalar = {.rank = 0};
    dcn_seed seeds[2];
    int32_t n_seeds = 1;
    OK(dcn_program_input(step->program, "labels", DECANT_I32, &scalar, &step->labels));

    dcn_value_id inputs[2] = {step->logits, step->labels}, outputs[2];
    OK(dcn_graph_add_node(graph, DECANT_OP_LOSS_CE, &ce, "ce", inputs, 2, 2, outputs));
    step->ce = outputs[0];
    step->dlogits = outputs[1];
    seeds[0] = (dcn_seed){step->logits, outputs[1]};
    keep(step, step->ce);
    if (options->teacher) {
        inputs[1] = step->teacher_logits;
        OK(dcn_graph_add_node(graph, DECANT_OP_LOSS_KD, &kd, "kd", inputs, 2, 2, outputs));
        step->kd = outputs[0];
        seeds[n_seeds++] = (dcn_seed){step->logits, outputs[1]};
        keep(step, step->kd);
    }
    OK(dcn_graph_backward(graph, seeds, n_seeds));
}

/* Model values of the convolutions and linear layers. */
static int32_t convolutions(const dcn_graph *graph, dcn_value_id *ret_values)
{
    int32_t count = 0;
    for (dcn_node_id n = 0; n < graph->n_nodes; n++)
        if (graph->nodes[n].op == DECANT_OP_CONV2D || graph->nodes[n].op == DECANT_OP_LINEAR)
            ret_values[count++] = graph->nodes[n].output[0];
    return count;
}

test_step step_create(net_kind kind, const step_options *options)
{
    test_step step = {
        .labels = DCN_NONE, .teacher_logits = DCN_NONE, .ce = DCN_NONE, .kd = DCN_NONE, .dlogits = DCN_NONE};
    decant_dtype dtype = options->dtype;
    dcn_graph *model = net_build(kind);
    decant_shape sample = {.rank = 3};
    memcpy(sample.dim, model->values[model->input].shape.dim + 1, 3 * sizeof(int64_t));
    OK(dcn_program_create(options->batch, dtype, &step.program));
    OK(dcn_program_input(step.program, "x", dtype, &sample, &step.x));

    dcn_value_id taps[16];
    int32_t n_taps = options->keep_convs ? convolutions(model, taps) : 0;
    if (options->teacher)
        OK(dcn_program_add_model(step.program, model, 1, DCN_MODE_INFERENCE, step.x, NULL, 0, NULL,
                                 &step.teacher_logits));
    OK(dcn_program_add_model(step.program, model, 0, options->inference ? DCN_MODE_INFERENCE : DCN_MODE_TRAIN, step.x,
                             taps, n_taps, NULL, &step.logits));
    keep(&step, step.logits);
    if (!options->inference) add_losses(&step, options);
    if (options->sgd) add_update(&step, options);
    dcn_graph_destroy(model);
    return step;
}

void step_destroy(test_step *step)
{
    dcn_program_destroy(step->program);
    step->program = NULL;
}

dcn_plan *plan_create(dcn_device *device, const test_step *step, const dcn_plan_options *options)
{
    dcn_plan_options filled = options != NULL ? *options : (dcn_plan_options){0};
    filled.keep = step->keep;
    filled.n_keep = step->n_keep;
    dcn_plan *plan = NULL;
    OK(dcn_plan_create(device, step->program, &filled, &plan));
    return plan;
}

/* --- numbers --- */

int64_t value_count(const dcn_program *program, dcn_value_id value)
{
    return decant_shape_count(&program->graph->values[value].shape);
}

size_t value_bytes(const dcn_program *program, dcn_value_id value)
{
    return (size_t)value_count(program, value) * decant_dtype_size(program->graph->values[value].dtype);
}

static void put(decant_dtype dtype, void *data, int64_t index, double number)
{
    switch (dtype) {
    case DECANT_F64:
        ((double *)data)[index] = number;
        break;
    case DECANT_I32:
        ((int32_t *)data)[index] = (int32_t)number;
        break;
    case DECANT_I64:
        ((int64_t *)data)[index] = (int64_t)number;
        break;
    default:
        ((float *)data)[index] = (float)number;
        break;
    }
}

double element(decant_dtype dtype, const void *data, int64_t index)
{
    switch (dtype) {
    case DECANT_F64:
        return ((const double *)data)[index];
    case DECANT_I32:
        return (double)((const int32_t *)data)[index];
    case DECANT_I64:
        return (double)((const int64_t *)data)[index];
    default:
        return (double)((const float *)data)[index];
    }
}

static bool ends_with(const char *text, const char *end)
{
    size_t length = strlen(text), tail = strlen(end);
    return length >= tail && strcmp(text + length - tail, end) == 0;
}

/* Numbers of a size that keeps activations and gradients near 1. */
static double draw(const dcn_value *value, dcn_random *random, int64_t index)
{
    double normal = dcn_random_normal(random);
    if (value->dtype == DECANT_I32) return (double)dcn_random_below(random, NET_CLASSES);
    if (value->dtype == DECANT_I64) return index == 0 ? 77.0 : 0.0; /* the counter: seed, step */
    if (strcmp(value->name, "hyper") == 0) {
        static const double hyper[DCN_HYPER_COUNT] = {
            [DCN_HYPER_LR] = 0.05, [DCN_HYPER_MOMENTUM] = 0.9, [DCN_HYPER_STEP] = 1.0, [DCN_HYPER_EMA_DECAY] = 0.75};
        return hyper[index];
    }
    if (value->kind == DCN_VALUE_INPUT) return normal;
    if (ends_with(value->name, "running_var")) return 1.0 + fabs(0.3 * normal);
    if (ends_with(value->name, "weight") && value->shape.rank == 1) return 1.0 + 0.2 * normal;
    if (value->shape.rank == 1) return 0.2 * normal;
    return normal * sqrt(2.0 * (double)value->shape.dim[0] / (double)decant_shape_count(&value->shape));
}

void *value_fill(const dcn_program *program, dcn_value_id id, uint64_t seed)
{
    const dcn_value *value = &program->graph->values[id];
    dcn_hash name = dcn_hash_bytes(value->name, strlen(value->name));
    dcn_random random = dcn_random_start(seed, DCN_PURPOSE_TEST, name.low, 0);
    void *data = NULL;
    OK(dcn_new_aligned(value_bytes(program, id), &data));
    for (int64_t i = 0; i < value_count(program, id); i++)
        put(value->dtype, data, i, draw(value, &random, i));
    return data;
}

test_inputs inputs_bind(dcn_plan *plan, const dcn_program *program, uint64_t seed)
{
    test_inputs inputs = {.count = 0};
    for (dcn_value_id v = 0; v < program->graph->n_values; v++) {
        if (program->graph->values[v].kind != DCN_VALUE_INPUT) continue;
        inputs.id[inputs.count] = v;
        inputs.data[inputs.count] = value_fill(program, v, seed);
        if (plan != NULL) OK(dcn_plan_bind(plan, v, inputs.data[inputs.count]));
        inputs.count++;
    }
    return inputs;
}

void inputs_set_step(test_inputs *inputs, const dcn_program *program, int64_t number)
{
    for (int32_t i = 0; i < inputs->count; i++) {
        if (inputs->id[i] == program->counter) ((int64_t *)inputs->data[i])[1] = number;
        if (inputs->id[i] == program->hyper) ((float *)inputs->data[i])[DCN_HYPER_STEP] = (float)number + 1.0f;
    }
}

void inputs_destroy(test_inputs *inputs)
{
    for (int32_t i = 0; i < inputs->count; i++)
        dcn_free_aligned(inputs->data[i]);
    inputs->count = 0;
}

void weights_write(dcn_plan *plan, const dcn_program *program, uint64_t seed)
{
    for (dcn_value_id v = 0; v < program->graph->n_values; v++) {
        dcn_value_kind kind = program->graph->values[v].kind;
        if (kind != DCN_VALUE_PARAMETER && kind != DCN_VALUE_STATE) continue;
        void *data = value_fill(program, v, seed);
        OK(dcn_plan_write(plan, v, data));
        dcn_free_aligned(data);
    }
}

double difference(decant_dtype dtype, const void *a, const void *b, int64_t count)
{
    double worst = 0.0;
    for (int64_t i = 0; i < count; i++) {
        double x = element(dtype, a, i), y = element(dtype, b, i);
        double error = fabs(x - y) / (1.0 + fabs(y));
        if (!(error <= worst)) worst = isnan(error) ? (double)INFINITY : error;
    }
    return worst;
}

dcn_value_id value_named(const dcn_program *program, const char *name)
{
    dcn_value_id value = dcn_graph_find(program->graph, name);
    assert_int_not_equal(value, DCN_NONE);
    return value;
}

void *read_value(dcn_plan *plan, const dcn_program *program, dcn_value_id value)
{
    void *data = NULL;
    OK(dcn_new_aligned(value_bytes(program, value), &data));
    OK(dcn_plan_read(plan, value, data));
    return data;
}

float read_scalar(dcn_plan *plan, dcn_value_id value)
{
    float number = NAN;
    OK(dcn_plan_read(plan, value, &number));
    return number;
}
