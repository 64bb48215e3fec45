/* Networks that several tests of graph/ look at. */
#ifndef TESTS_GRAPH_NETWORKS_H
#define TESTS_GRAPH_NETWORKS_H

#include <string.h>

#include "graph/graph.h"
#include "tensor/shape.h"

/* One more layer without parameters on top of *x. */
static inline decant_status add_layer(dcn_graph *graph, decant_op op, const char *name, const decant_op_attrs *attrs,
                                      dcn_value_id *x)
{
    return dcn_build_simple(graph, op, name, attrs, x, 1, x);
}

/* conv 3x3 with padding 1, relu, max pool 2 */
static inline decant_status add_block(dcn_graph *graph, const char *conv, const char *relu, const char *pool,
                                      int64_t channels, dcn_value_id *x)
{
    dcn_conv_attrs attrs = dcn_conv_default(channels, 3);
    attrs.padding[0] = attrs.padding[1] = 1;
    decant_op_attrs pool_attrs = {.pool = dcn_pool_default(2)};
    TRY_RETURN(dcn_build_conv2d(graph, conv, *x, &attrs, x));
    TRY_RETURN(add_layer(graph, DECANT_OP_RELU, relu, NULL, x));
    return add_layer(graph, DECANT_OP_MAXPOOL, pool, &pool_attrs, x);
}

static inline decant_status fill_lightnn(dcn_graph *graph)
{
    const int64_t sample[] = {3, 32, 32};
    decant_shape shape = decant_shape_make(3, sample);
    decant_op_attrs dropout = {.dropout = {.p = 0.1}};
    dcn_value_id x = DCN_NONE;
    TRY_RETURN(dcn_build_input(graph, &shape, &x));
    TRY_RETURN(add_block(graph, "features.0", "features.1", "features.2", 16, &x));
    TRY_RETURN(add_block(graph, "features.3", "features.4", "features.5", 16, &x));
    TRY_RETURN(add_layer(graph, DECANT_OP_FLATTEN, "flatten", NULL, &x));
    TRY_RETURN(dcn_build_linear(graph, "classifier.0", x, 256, true, &x));
    TRY_RETURN(add_layer(graph, DECANT_OP_RELU, "classifier.1", NULL, &x));
    TRY_RETURN(add_layer(graph, DECANT_OP_DROPOUT, "classifier.2", &dropout, &x));
    TRY_RETURN(dcn_build_linear(graph, "classifier.3", x, 10, true, &x));
    graph->output = x;
    return DECANT_OK;
}

/* The CIFAR-10 tutorial's student: 267,738 parameters. */
static inline decant_status build_lightnn(dcn_graph **ret_graph)
{
    dcn_graph *graph = NULL;
    decant_status status;
    TRY(dcn_graph_create(&graph));
    TRY(fill_lightnn(graph));
    *ret_graph = graph;
    graph = NULL;
out:
    dcn_graph_destroy(graph);
    return status;
}

static inline decant_status fill_zoo_of_ops(dcn_graph *graph)
{
    const int64_t sample[] = {1, 12, 12};
    decant_shape shape = decant_shape_make(3, sample);
    dcn_value_id x = DCN_NONE, shortcut = DCN_NONE, pair[2];
    decant_op_attrs repeat = {.repeat = {3}}, pool = {.pool = dcn_pool_default(2)}, axis = {.axis = {1}};
    decant_op_attrs pad = {.pad_channels = {.stride = 2, .before = 1, .after = 1}}, dropout = {.dropout = {.p = 0.25}};
    decant_op_attrs adaptive = {.adaptive = {.out_hw = {1, 1}}};
    dcn_conv_attrs conv = dcn_conv_default(6, 3);
    conv.padding[0] = conv.padding[1] = 1;
    conv.groups = 3;
    conv.bias = false;
    pool.pool.ceil_mode = true;

    TRY_RETURN(dcn_build_input(graph, &shape, &x));
    TRY_RETURN(add_layer(graph, DECANT_OP_REPEAT_CHANNELS, "colour", &repeat, &x));
    TRY_RETURN(dcn_build_conv2d(graph, "conv", x, &conv, &x));
    TRY_RETURN(dcn_build_batchnorm(graph, "bn", x, 1e-5, 0.1, &x));
    TRY_RETURN(add_layer(graph, DECANT_OP_RELU6, "relu6", NULL, &x));
    TRY_RETURN(add_layer(graph, DECANT_OP_PAD_CHANNELS, "shortcut", &pad, &x));
    shortcut = x;
    TRY_RETURN(add_layer(graph, DECANT_OP_HARDSWISH, "hardswish", NULL, &x));
    pair[0] = x;
    pair[1] = shortcut;
    TRY_RETURN(dcn_build_simple(graph, DECANT_OP_ADD, "add", NULL, pair, 2, &x));
    pair[0] = x;
    TRY_RETURN(dcn_build_simple(graph, DECANT_OP_CONCAT, "concat", &axis, pair, 2, &x));
    TRY_RETURN(add_layer(graph, DECANT_OP_GELU, "gelu", NULL, &x));
    TRY_RETURN(add_layer(graph, DECANT_OP_MAXPOOL, "maxpool", &pool, &x));
    TRY_RETURN(add_layer(graph, DECANT_OP_AVGPOOL, "avgpool", &pool, &x));
    TRY_RETURN(add_layer(graph, DECANT_OP_SIGMOID, "sigmoid", NULL, &x));
    TRY_RETURN(add_layer(graph, DECANT_OP_ADAPTIVE_AVGPOOL, "global", &adaptive, &x));
    TRY_RETURN(add_layer(graph, DECANT_OP_FLATTEN, "flatten", NULL, &x));
    TRY_RETURN(add_layer(graph, DECANT_OP_DROPOUT, "dropout", &dropout, &x));
    TRY_RETURN(add_layer(graph, DECANT_OP_RELU, "relu", NULL, &x));
    TRY_RETURN(add_layer(graph, DECANT_OP_LOG, "log", NULL, &x));
    TRY_RETURN(dcn_build_linear(graph, "fc", x, 5, false, &x));
    TRY_RETURN(add_layer(graph, DECANT_OP_SOFTMAX, "softmax", NULL, &x));
    graph->output = x;
    return DECANT_OK;
}

/* A small network in which every op that a model may have stands at least once. */
static inline decant_status build_zoo_of_ops(dcn_graph **ret_graph)
{
    dcn_graph *graph = NULL;
    decant_status status;
    TRY(dcn_graph_create(&graph));
    TRY(fill_zoo_of_ops(graph));
    *ret_graph = graph;
    graph = NULL;
out:
    dcn_graph_destroy(graph);
    return status;
}

#endif
