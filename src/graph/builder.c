/* Layers: one call makes a layer's parameters, under PyTorch's names and shapes, and its node. */
#include <inttypes.h>
#include <string.h>

#include "base/characters.h"
#include "base/memory.h"
#include "base/text.h"
#include "graph/graph.h"
#include "graph/rules.h"
#include "tensor/shape.h"

#define MAX_NAME_BYTES 499 /* with its parameters' parts behind it, what a model file may hold */

static decant_status check_layer(const dcn_graph *graph, const char *name, dcn_value_id x)
{
    if (name == NULL || name[0] == '\0') return DCN_FAIL(INVALID_ARG, "a layer needs a name");
    if (strlen(name) > MAX_NAME_BYTES || !dcn_text_is_utf8(name))
        return DCN_FAIL(INVALID_ARG, "a layer's name is UTF-8 of at most %d bytes", MAX_NAME_BYTES);
    const dcn_value_id known = dcn_graph_find(graph, name);
    if (known != DCN_NONE && graph->values[known].kind == DCN_VALUE_RESULT)
        return DCN_FAIL(INVALID_ARG, "two layers are called %s; layer names must differ", name);
    if (known != DCN_NONE)
        return DCN_FAIL(INVALID_ARG, "a layer cannot be called %s: that is the name of %s", name,
                        graph->values[known].kind == DCN_VALUE_INPUT ? "the network's input" : "a layer's weights");
    if (x < 0 || x >= graph->n_values)
        return DCN_FAIL(INVALID_ARG, "layer %s reads value %d, but there are %d", name, (int)x, (int)graph->n_values);
    return DECANT_OK;
}

/* "<layer>.<part>", shaped as given. */
static decant_status add_parameter(dcn_graph *graph, dcn_value_kind kind, const char *layer, const char *part,
                                   decant_shape shape, dcn_value_id *ret_value)
{
    dcn_text name = {0};
    decant_status status;
    TRY(dcn_text_add(&name, "%s.%s", layer, part));
    if (dcn_graph_find(graph, name.data) != DCN_NONE) {
        status = DCN_FAIL(INVALID_ARG, "the %s of layer %s is called %s, as another layer is; names must differ", part,
                          layer, name.data);
        goto out;
    }
    TRY(dcn_graph_add_value(graph, kind, name.data, DECANT_F32, &shape, ret_value));
out:
    dcn_text_finish(&name);
    return status;
}

decant_status dcn_build_input(dcn_graph *graph, const decant_shape *sample_shape, dcn_value_id *ret_value)
{
    char text[DCN_SHAPE_TEXT];
    if (graph->input != DCN_NONE) return DCN_FAIL(INVALID_ARG, "the model has its input already");
    if (sample_shape->rank < 1 || sample_shape->rank >= DECANT_MAX_RANK)
        return DCN_FAIL(SHAPE, "a sample has 1 to %d dimensions, not %s", DECANT_MAX_RANK - 1,
                        dcn_shape_text(sample_shape, text));

    decant_shape shape = {.rank = sample_shape->rank + 1, .dim = {1}};
    for (int32_t i = 0; i < sample_shape->rank; i++)
        shape.dim[i + 1] = sample_shape->dim[i];
    TRY_RETURN(dcn_graph_add_value(graph, DCN_VALUE_INPUT, "input", DECANT_F32, &shape, ret_value));
    graph->input = *ret_value;
    return DECANT_OK;
}

/* A layer that fails half-way leaves no parameters behind. */
static decant_status finish_layer(dcn_graph *graph, decant_status status, int32_t n_values, const char *name)
{
    if (status == DECANT_OK) return DECANT_OK;
    dcn_graph_truncate(graph, n_values, graph->n_nodes);
    dcn_while("building layer %s", name != NULL ? name : "(unnamed)");
    return status;
}

decant_status dcn_build_conv2d(dcn_graph *graph, const char *name, dcn_value_id x, const dcn_conv_attrs *attrs,
                               dcn_value_id *ret_y)
{
    const int32_t n_values = graph->n_values;
    dcn_value_id inputs[3] = {x};
    decant_op_attrs op_attrs = {0};
    decant_shape weight;
    decant_status status;
    TRY(check_layer(graph, name, x));
    TRY(dcn_conv_weight_shape(&graph->values[x].shape, attrs, &weight));
    if (attrs->activation != DCN_ACTIVATION_NONE) {
        status = DCN_FAIL(INVALID_ARG, "a model's activations are layers of their own; fusing is the engine's work");
        goto out;
    }

    TRY(add_parameter(graph, DCN_VALUE_PARAMETER, name, "weight", weight, &inputs[1]));
    if (attrs->bias)
        TRY(add_parameter(graph, DCN_VALUE_PARAMETER, name, "bias", dcn_shape1(attrs->channels), &inputs[2]));
    op_attrs.conv = *attrs;
    TRY(dcn_graph_add_node(graph, DECANT_OP_CONV2D, &op_attrs, name, inputs, attrs->bias ? 3 : 2, 1, ret_y));
out:
    return finish_layer(graph, status, n_values, name);
}

decant_status dcn_build_linear(dcn_graph *graph, const char *name, dcn_value_id x, int64_t features, bool bias,
                               dcn_value_id *ret_y)
{
    const int32_t n_values = graph->n_values;
    dcn_value_id inputs[3] = {x};
    decant_op_attrs attrs = {.linear = {.features = features, .bias = bias}};
    decant_status status;
    TRY(check_layer(graph, name, x));

    const decant_shape *from = &graph->values[x].shape;
    char text[DCN_SHAPE_TEXT];
    if (from->rank != 2) {
        status = DCN_FAIL(SHAPE,
                          "linear wants rows [batch, features] but got %s; put a flatten or a global pooling before it",
                          dcn_shape_text(from, text));
        goto out;
    }
    if (features < 1) {
        status = DCN_FAIL(INVALID_ARG, "linear: features is %" PRId64 ", but must be at least 1", features);
        goto out;
    }
    TRY(add_parameter(graph, DCN_VALUE_PARAMETER, name, "weight", dcn_shape2(features, from->dim[1]), &inputs[1]));
    if (bias) TRY(add_parameter(graph, DCN_VALUE_PARAMETER, name, "bias", dcn_shape1(features), &inputs[2]));
    TRY(dcn_graph_add_node(graph, DECANT_OP_LINEAR, &attrs, name, inputs, bias ? 3 : 2, 1, ret_y));
out:
    return finish_layer(graph, status, n_values, name);
}

decant_status dcn_build_batchnorm(dcn_graph *graph, const char *name, dcn_value_id x, double eps, double momentum,
                                  dcn_value_id *ret_y)
{
    static const struct {
        const char *part;
        dcn_value_kind kind;
    } parts[] = {{"weight", DCN_VALUE_PARAMETER},
                 {"bias", DCN_VALUE_PARAMETER},
                 {"running_mean", DCN_VALUE_STATE},
                 {"running_var", DCN_VALUE_STATE}};
    const int32_t n_values = graph->n_values;
    dcn_value_id inputs[1 + DCN_COUNT(parts)] = {x};
    decant_op_attrs attrs = {.norm = {.eps = eps, .momentum = momentum}};
    decant_status status;
    TRY(check_layer(graph, name, x));

    const decant_shape *from = &graph->values[x].shape;
    decant_shape channels = dcn_shape1(from->rank >= 2 ? from->dim[1] : 1); /* the shape rule refuses other ranks */
    for (size_t i = 0; i < DCN_COUNT(parts); i++)
        TRY(add_parameter(graph, parts[i].kind, name, parts[i].part, channels, &inputs[1 + i]));
    TRY(dcn_graph_add_node(graph, DECANT_OP_BATCHNORM, &attrs, name, inputs, (int32_t)DCN_COUNT(inputs), 1, ret_y));
out:
    return finish_layer(graph, status, n_values, name);
}

decant_status dcn_build_simple(dcn_graph *graph, decant_op op, const char *name, const decant_op_attrs *attrs,
                               const dcn_value_id *inputs, int32_t n_inputs, dcn_value_id *ret_y)
{
    if ((unsigned)op >= DECANT_OP_COUNT || (dcn_op_get(op)->flags & DCN_OP_MODEL) == 0 || op == DECANT_OP_CONV2D ||
        op == DECANT_OP_LINEAR || op == DECANT_OP_BATCHNORM)
        return DCN_FAIL(INVALID_ARG, "op number %d is not a layer without parameters", (int)op);
    if (n_inputs < 1) return DCN_FAIL(INVALID_ARG, "layer %s reads nothing", name != NULL ? name : "(unnamed)");
    TRY_RETURN(check_layer(graph, name, inputs[0]));
    return dcn_graph_add_node(graph, op, attrs, name, inputs, n_inputs, 1, ret_y);
}

dcn_conv_attrs dcn_conv_default(int64_t channels, int64_t kernel)
{
    return (dcn_conv_attrs){.channels = channels,
                            .kernel = {kernel, kernel},
                            .stride = {1, 1},
                            .dilation = {1, 1},
                            .groups = 1,
                            .bias = true};
}

dcn_pool_attrs dcn_pool_default(int64_t kernel)
{
    return (dcn_pool_attrs){.kernel = {kernel, kernel}, .stride = {kernel, kernel}, .count_include_pad = true};
}
