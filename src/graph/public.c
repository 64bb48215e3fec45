/* include/decant/graph.h over the builder: arguments are checked here, once; everything else is done elsewhere. */
#include "decant/graph.h"

#include <inttypes.h>

#include "base/memory.h"
#include "graph/graph.h"

static const decant_op activation_ops[DECANT_ACTIVATION_COUNT] = {
    [DECANT_ACTIVATION_RELU] = DECANT_OP_RELU,           [DECANT_ACTIVATION_RELU6] = DECANT_OP_RELU6,
    [DECANT_ACTIVATION_HARDSWISH] = DECANT_OP_HARDSWISH, [DECANT_ACTIVATION_SIGMOID] = DECANT_OP_SIGMOID,
    [DECANT_ACTIVATION_GELU] = DECANT_OP_GELU,
};

decant_conv_options decant_conv_options_default(int64_t channels, int64_t kernel)
{
    return (decant_conv_options){.channels = channels,
                                 .kernel = {kernel, kernel},
                                 .stride = {1, 1},
                                 .dilation = {1, 1},
                                 .groups = 1,
                                 .bias = true};
}

decant_pool_options decant_pool_options_default(int64_t kernel)
{
    return (decant_pool_options){.kernel = {kernel, kernel}, .stride = {kernel, kernel}, .count_include_pad = true};
}

decant_status decant_graph_create(decant_graph **ret_graph)
{
    DCN_REQUIRE(ret_graph);
    return dcn_graph_create(ret_graph);
}

void decant_graph_destroy(decant_graph *graph)
{
    dcn_graph_destroy(graph);
}

decant_status decant_graph_input(decant_graph *graph, const decant_shape *sample, decant_value *ret_value)
{
    DCN_REQUIRE(graph, sample, ret_value);
    return dcn_build_input(graph, sample, ret_value);
}

decant_status decant_graph_conv2d(decant_graph *graph, const char *name, decant_value x,
                                  const decant_conv_options *options, decant_value *ret_y)
{
    DCN_REQUIRE(graph, name, options, ret_y);
    dcn_conv_attrs attrs = {.channels = options->channels, .groups = options->groups, .bias = options->bias};
    for (int axis = 0; axis < 2; axis++) {
        attrs.kernel[axis] = options->kernel[axis];
        attrs.stride[axis] = options->stride[axis];
        attrs.padding[axis] = options->padding[axis];
        attrs.dilation[axis] = options->dilation[axis];
    }
    return dcn_build_conv2d(graph, name, x, &attrs, ret_y);
}

decant_status decant_graph_linear(decant_graph *graph, const char *name, decant_value x, int64_t features, bool bias,
                                  decant_value *ret_y)
{
    DCN_REQUIRE(graph, name, ret_y);
    return dcn_build_linear(graph, name, x, features, bias, ret_y);
}

decant_status decant_graph_batchnorm(decant_graph *graph, const char *name, decant_value x, decant_value *ret_y)
{
    DCN_REQUIRE(graph, name, ret_y);
    return dcn_build_batchnorm(graph, name, x, 1e-5, 0.1, ret_y);
}

decant_status decant_graph_activation(decant_graph *graph, const char *name, decant_value x,
                                      decant_activation activation, decant_value *ret_y)
{
    DCN_REQUIRE(graph, name, ret_y);
    if ((unsigned)activation >= DECANT_ACTIVATION_COUNT)
        return DCN_FAIL(INVALID_ARG, "activation %d does not exist", (int)activation);
    return dcn_build_simple(graph, activation_ops[activation], name, NULL, &x, 1, ret_y);
}

static decant_status add_pool(decant_graph *graph, decant_op op, const char *name, decant_value x,
                              const decant_pool_options *options, decant_value *ret_y)
{
    decant_op_attrs attrs = {0};
    for (int axis = 0; axis < 2; axis++) {
        attrs.pool.kernel[axis] = options->kernel[axis];
        attrs.pool.stride[axis] = options->stride[axis];
        attrs.pool.padding[axis] = options->padding[axis];
    }
    attrs.pool.ceil_mode = options->ceil_mode;
    attrs.pool.count_include_pad = options->count_include_pad;
    return dcn_build_simple(graph, op, name, &attrs, &x, 1, ret_y);
}

decant_status decant_graph_maxpool(decant_graph *graph, const char *name, decant_value x,
                                   const decant_pool_options *options, decant_value *ret_y)
{
    DCN_REQUIRE(graph, name, options, ret_y);
    return add_pool(graph, DECANT_OP_MAXPOOL, name, x, options, ret_y);
}

decant_status decant_graph_avgpool(decant_graph *graph, const char *name, decant_value x,
                                   const decant_pool_options *options, decant_value *ret_y)
{
    DCN_REQUIRE(graph, name, options, ret_y);
    return add_pool(graph, DECANT_OP_AVGPOOL, name, x, options, ret_y);
}

decant_status decant_graph_adaptive_avgpool(decant_graph *graph, const char *name, decant_value x, int64_t height,
                                            int64_t width, decant_value *ret_y)
{
    DCN_REQUIRE(graph, name, ret_y);
    decant_op_attrs attrs = {.adaptive = {.out_hw = {height, width}}};
    return dcn_build_simple(graph, DECANT_OP_ADAPTIVE_AVGPOOL, name, &attrs, &x, 1, ret_y);
}

decant_status decant_graph_dropout(decant_graph *graph, const char *name, decant_value x, double p, decant_value *ret_y)
{
    DCN_REQUIRE(graph, name, ret_y);
    decant_op_attrs attrs = {.dropout = {.p = p}};
    return dcn_build_simple(graph, DECANT_OP_DROPOUT, name, &attrs, &x, 1, ret_y);
}

decant_status decant_graph_flatten(decant_graph *graph, const char *name, decant_value x, decant_value *ret_y)
{
    DCN_REQUIRE(graph, name, ret_y);
    return dcn_build_simple(graph, DECANT_OP_FLATTEN, name, NULL, &x, 1, ret_y);
}

decant_status decant_graph_add(decant_graph *graph, const char *name, decant_value a, decant_value b,
                               decant_value *ret_y)
{
    DCN_REQUIRE(graph, name, ret_y);
    const dcn_value_id inputs[] = {a, b};
    return dcn_build_simple(graph, DECANT_OP_ADD, name, NULL, inputs, 2, ret_y);
}

decant_status decant_graph_set_output(decant_graph *graph, decant_value logits)
{
    DCN_REQUIRE(graph);
    if (logits < 0 || logits >= graph->n_values || graph->values[logits].kind != DCN_VALUE_RESULT)
        return DCN_FAIL(INVALID_ARG, "value %" PRId32 " is not the output of a layer", logits);
    graph->output = logits;
    return DECANT_OK;
}

decant_shape decant_graph_shape(const decant_graph *graph, decant_value value)
{
    return value >= 0 && value < graph->n_values ? graph->values[value].shape : (decant_shape){0};
}

int32_t decant_graph_layer_count(const decant_graph *graph)
{
    return graph->n_nodes;
}

decant_layer_info decant_graph_layer_at(const decant_graph *graph, int32_t index)
{
    if (index < 0 || index >= graph->n_nodes) return (decant_layer_info){0};
    dcn_layer_summary row = dcn_graph_layer(graph, index);
    return (decant_layer_info){
        .name = row.name, .op = row.op, .output = row.output, .parameters = row.parameters, .mult_adds = row.mult_adds};
}

int64_t decant_graph_parameters(const decant_graph *graph)
{
    return dcn_graph_parameters(graph);
}

int64_t decant_graph_mult_adds(const decant_graph *graph)
{
    return dcn_graph_mult_adds(graph);
}

void decant_graph_fingerprint(const decant_graph *graph, char ret_hex[DECANT_FINGERPRINT_BYTES])
{
    dcn_graph_fingerprint(graph, ret_hex);
}

decant_status decant_graph_lint(const decant_graph *graph, decant_finding_visitor *visit, void *context)
{
    DCN_REQUIRE(graph);
    if (visit == NULL) return DCN_FAIL(INVALID_ARG, "decant_graph_lint: visit must not be NULL");
    dcn_findings findings = {0};
    decant_status status;
    TRY(dcn_graph_lint(graph, &findings));
    for (int32_t i = 0; i < findings.count; i++)
        visit(context, &findings.items[i]);
out:
    dcn_findings_finish(&findings);
    return status;
}
