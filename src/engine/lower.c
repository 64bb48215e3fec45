/* Lowering: a model graph, made for one sample and any use, becomes part of a program for one batch size and one mode.
 * Shapes are inferred again, ops take their training or inference form, and an activation, or a maximum behind a
 * normalisation, joins the node before it. */
#include "engine/program.h"

#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "tensor/shape.h"

typedef struct lowerer {
    dcn_program *program;
    const dcn_graph *model;
    int32_t model_index;
    dcn_mode mode;
    const dcn_value_id *keep; /* [n_keep] */
    int32_t n_keep;
    dcn_value_id *map; /* [model->n_values] program value of each model value */
    bool *joined;      /* [model->n_nodes] what a node before it does as well */
    dcn_text name;     /* the last prefixed name */
} lowerer;

/* "conv1" for the model that trains, "teacher.conv1" for its teacher; valid until the next call. */
static decant_status program_name(lowerer *lowering, const char *name, const char **ret_name)
{
    if (name == NULL || lowering->model_index == 0) {
        *ret_name = name;
        return DECANT_OK;
    }
    lowering->name.length = 0;
    if (lowering->model_index == 1)
        TRY_RETURN(dcn_text_add(&lowering->name, DCN_TEACHER_PREFIX "%s", name));
    else
        TRY_RETURN(dcn_text_add(&lowering->name, "teacher%d.%s", (int)lowering->model_index, name));
    *ret_name = lowering->name.data;
    return DECANT_OK;
}

static bool is_kept(const lowerer *lowering, dcn_value_id value)
{
    for (int32_t k = 0; k < lowering->n_keep; k++)
        if (lowering->keep[k] == value) return true;
    return false;
}

static decant_status check_input(const lowerer *lowering, dcn_value_id input)
{
    const dcn_graph *graph = lowering->program->graph;
    const dcn_graph *model = lowering->model;
    if (input < 0 || input >= graph->n_values) return DCN_FAIL(INVALID_ARG, "the program has no value %d", (int)input);
    if (model->input < 0 || model->output < 0) return DCN_FAIL(INVALID_ARG, "the model has no input or no output");

    decant_shape wanted = model->values[model->input].shape;
    const dcn_value *given = &graph->values[input];
    wanted.dim[0] = lowering->program->batch;
    char wanted_text[DCN_SHAPE_TEXT], given_text[DCN_SHAPE_TEXT];
    if (!decant_shape_equal(&wanted, &given->shape))
        return DCN_FAIL(SHAPE, "the model takes an input of %s but is given %s", dcn_shape_text(&wanted, wanted_text),
                        dcn_shape_text(&given->shape, given_text));
    if (given->dtype != lowering->program->dtype)
        return DCN_FAIL(INVALID_ARG, "the program computes in %s but its input is %s",
                        decant_dtype_name(lowering->program->dtype), decant_dtype_name(given->dtype));
    return DECANT_OK;
}

/* Parameters and states of the model become values of the program. */
static decant_status lower_weights(lowerer *lowering)
{
    const dcn_graph *model = lowering->model;
    for (int32_t v = 0; v < model->n_values; v++) {
        const dcn_value *value = &model->values[v];
        if (value->kind == DCN_VALUE_RESULT || v == model->input) continue;
        if (!dcn_value_is_weight(value))
            return DCN_FAIL(INVALID_ARG, "a model has one input, but \"%s\" is another", value->name);

        const char *name;
        TRY_RETURN(program_name(lowering, value->name, &name));
        decant_dtype dtype = value->dtype == DECANT_F32 ? lowering->program->dtype : value->dtype;
        dcn_value_id added;
        TRY_RETURN(dcn_graph_add_value(lowering->program->graph, value->kind, name, dtype, &value->shape, &added));
        dcn_value *weight = &lowering->program->graph->values[added];
        weight->model = lowering->model_index;
        weight->trainable =
            value->kind == DCN_VALUE_PARAMETER && lowering->model_index == 0 && lowering->mode == DCN_MODE_TRAIN;
        lowering->map[v] = added;
    }
    return DECANT_OK;
}

/* Where a fusable op says what is applied to its output; NULL for ops that take no activation. */
static int32_t *activation_of(decant_op op, decant_op_attrs *attrs)
{
    switch (op) {
    case DECANT_OP_CONV2D:
        return &attrs->conv.activation;
    case DECANT_OP_LINEAR:
        return &attrs->linear.activation;
    case DECANT_OP_BATCHNORM:
        return &attrs->norm.activation;
    case DECANT_OP_ADD:
        return &attrs->activation.kind;
    default:
        return NULL;
    }
}

/* The only reader of a node's output that nobody else wants to see, where it is of this op. DCN_NONE otherwise. */
static dcn_node_id only_reader(const lowerer *lowering, dcn_node_id node_id, decant_op op)
{
    const dcn_graph *model = lowering->model;
    dcn_value_id output = model->nodes[node_id].output[0];
    if (is_kept(lowering, output)) return DCN_NONE;
    dcn_node_id next = dcn_graph_only_reader(model, output);
    return next != DCN_NONE && model->nodes[next].op == op ? next : DCN_NONE;
}

/* The relu that can join this node. */
static dcn_node_id relu_to_fuse(const lowerer *lowering, dcn_node_id node_id)
{
    decant_op_attrs attrs = lowering->model->nodes[node_id].attrs;
    const int32_t *activation = activation_of(lowering->model->nodes[node_id].op, &attrs);
    if (activation == NULL || *activation != DCN_ACTIVATION_NONE) return DCN_NONE;
    return only_reader(lowering, node_id, DECANT_OP_RELU);
}

/* The maximum that can join a normalisation whose (rectified) result `last` gives: windows of 2x2 pixels that cut the
 * map into pieces, which is what most networks have. */
static dcn_node_id maximum_to_fuse(const lowerer *lowering, dcn_node_id last)
{
    const dcn_graph *model = lowering->model;
    dcn_node_id next = only_reader(lowering, last, DECANT_OP_MAXPOOL);
    if (next == DCN_NONE) return DCN_NONE;
    const dcn_pool_attrs *pool = &model->nodes[next].attrs.pool;
    const decant_shape *map = &model->values[model->nodes[next].input[0]].shape;
    for (int axis = 0; axis < 2; axis++)
        if (pool->kernel[axis] != 2 || pool->stride[axis] != 2 || pool->padding[axis] != 0 ||
            map->dim[2 + axis] % 2 != 0)
            return DCN_NONE;
    return next;
}

/* The {seed, step} input of every dropout, made when the first one is met. */
static decant_status counter_value(dcn_program *program, dcn_value_id *ret_value)
{
    if (program->counter == DCN_NONE) {
        decant_shape shape = dcn_shape1(2);
        TRY_RETURN(
            dcn_graph_add_value(program->graph, DCN_VALUE_INPUT, "counter", DECANT_I64, &shape, &program->counter));
    }
    *ret_value = program->counter;
    return DECANT_OK;
}

static bool vanishes(const lowerer *lowering, const dcn_node *node)
{
    return node->op == DECANT_OP_DROPOUT && (lowering->mode == DCN_MODE_INFERENCE || node->attrs.dropout.p <= 0.0);
}

static decant_status lower_node(lowerer *lowering, dcn_node_id node_id)
{
    dcn_program *program = lowering->program;
    const dcn_node *node = &lowering->model->nodes[node_id];
    if (lowering->joined[node_id]) return DECANT_OK;

    dcn_value_id input[DCN_MAX_INPUTS];
    int32_t n_inputs = node->n_inputs, n_outputs = node->n_outputs;
    for (int32_t i = 0; i < n_inputs; i++)
        input[i] = lowering->map[node->input[i]];
    if (vanishes(lowering, node)) {
        lowering->map[node->output[0]] = input[0];
        return DECANT_OK;
    }

    decant_op op = node->op;
    decant_op_attrs attrs = node->attrs;
    dcn_node_id last_id = node_id, relu = relu_to_fuse(lowering, node_id);
    if (relu != DCN_NONE) {
        *activation_of(op, &attrs) = DCN_ACTIVATION_RELU;
        lowering->joined[relu] = true;
        last_id = relu;
    }

    if (lowering->mode == DCN_MODE_TRAIN) {
        if (op == DECANT_OP_BATCHNORM) {
            dcn_node_id maximum = maximum_to_fuse(lowering, last_id);
            op = DECANT_OP_BATCHNORM_TRAIN;
            n_outputs = 3; /* y, mean, invstd */
            if (maximum != DCN_NONE) {
                attrs.norm.pools = true;
                lowering->joined[maximum] = true;
                last_id = maximum;
            }
        } else if (op == DECANT_OP_MAXPOOL) {
            n_outputs = 2; /* y, index */
        } else if (op == DECANT_OP_DROPOUT) {
            TRY_RETURN(counter_value(program, &input[1]));
            n_inputs = 2;
            attrs.dropout.stream = program->n_dropouts++;
        }
    }

    const char *name;
    dcn_value_id output[DCN_MAX_OUTPUTS];
    TRY_RETURN(program_name(lowering, node->name, &name));
    TRY_RETURN(dcn_graph_add_node(program->graph, op, &attrs, name, input, n_inputs, n_outputs, output));
    const dcn_node *last = &lowering->model->nodes[last_id];
    for (int32_t o = 0; o < last->n_outputs; o++)
        lowering->map[last->output[o]] = output[o];
    return DECANT_OK;
}

decant_status dcn_program_add_model(dcn_program *program, const dcn_graph *model, int32_t model_index, dcn_mode mode,
                                    dcn_value_id input, const dcn_value_id *keep, int32_t n_keep,
                                    dcn_value_id **ret_map, dcn_value_id *ret_output)
{
    lowerer lowering = {
        .program = program, .model = model, .model_index = model_index, .mode = mode, .keep = keep, .n_keep = n_keep};
    decant_status status = check_input(&lowering, input);
    if (status != DECANT_OK) goto out;

    TRY(dcn_new_array((size_t)model->n_values, sizeof *lowering.map, (void **)&lowering.map));
    TRY(dcn_new_array((size_t)model->n_nodes, sizeof *lowering.joined, (void **)&lowering.joined));
    for (int32_t v = 0; v < model->n_values; v++)
        lowering.map[v] = DCN_NONE;
    lowering.map[model->input] = input;
    TRY(lower_weights(&lowering));
    for (dcn_node_id n = 0; n < model->n_nodes; n++)
        TRY(lower_node(&lowering, n));

    *ret_output = lowering.map[model->output];
    if (ret_map != NULL) {
        *ret_map = lowering.map;
        lowering.map = NULL;
    }
out:
    if (status != DECANT_OK) dcn_while("adding model %d to the program", (int)model_index);
    dcn_text_finish(&lowering.name);
    dcn_free(lowering.map);
    dcn_free(lowering.joined);
    return status;
}
