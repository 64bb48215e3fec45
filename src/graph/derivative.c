/* Derivatives: one rule per differentiable row of op.def, and the reverse walk that applies them. Backward ops are
 * ordinary nodes, so a plan lists everything a step does. */
#include "base/memory.h"
#include "graph/graph.h"

/* Every op that has a rule. The assertion below holds this list against the DIFF flags of op.def, both ways. */
#define RULES(RULE)                                                                                                    \
    RULE(CONV2D, conv2d)                                                                                               \
    RULE(LINEAR, linear)                                                                                               \
    RULE(BATCHNORM_TRAIN, batchnorm_train)                                                                             \
    RULE(RELU, relu)                                                                                                   \
    RULE(RELU6, relu6)                                                                                                 \
    RULE(HARDSWISH, hardswish)                                                                                         \
    RULE(SIGMOID, sigmoid)                                                                                             \
    RULE(GELU, gelu)                                                                                                   \
    RULE(MAXPOOL, maxpool)                                                                                             \
    RULE(AVGPOOL, avgpool)                                                                                             \
    RULE(ADAPTIVE_AVGPOOL, adaptive_avgpool)                                                                           \
    RULE(DROPOUT, dropout)                                                                                             \
    RULE(FLATTEN, flatten)                                                                                             \
    RULE(RESHAPE, reshape)                                                                                             \
    RULE(ADD, add)                                                                                                     \
    RULE(CONCAT, concat)                                                                                               \
    RULE(SLICE, slice)                                                                                                 \
    RULE(SOFTMAX, softmax)                                                                                             \
    RULE(STANDARDIZE, standardize)                                                                                     \
    RULE(PAD_CHANNELS, pad_channels)                                                                                   \
    RULE(REPEAT_CHANNELS, repeat_channels)

#define PROTOTYPE(upper, lower) static dcn_derivative dcn_diff_##lower;
RULES(PROTOTYPE)

#define ENTRY(upper, lower) [DECANT_OP_##upper] = dcn_diff_##lower,
static dcn_derivative *const rules[DECANT_OP_COUNT] = {RULES(ENTRY)};

enum { MODEL = 0, GRAD = 0, LOSS = 0, UPDATE = 0, DIFF = 1, INPLACE = 0, VIEW = 0 };
#define BIT(upper, lower)                                        | 1ull << DECANT_OP_##upper
#define OP(upper, lower, attrs, in0, in1, out, onnx, tol, flags) | (unsigned long long)(flags) << DECANT_OP_##upper
_Static_assert(DECANT_OP_COUNT <= 64, "the sets of ops below are 64-bit masks");
_Static_assert((0 RULES(BIT)) == (0
#include "graph/op.def"
                                  ),
               "an op flagged DIFF has no derivative rule, or a rule's op is not flagged DIFF");

/* --- what rules share --- */

/* Appends a derived node (it has no name). */
static decant_status emit(dcn_graph *graph, decant_op op, const decant_op_attrs *attrs, const dcn_value_id *inputs,
                          int32_t n_inputs, int32_t n_outputs, dcn_value_id *ret_outputs)
{
    return dcn_graph_add_node(graph, op, attrs, NULL, inputs, n_inputs, n_outputs, ret_outputs);
}

static decant_status emit1(dcn_graph *graph, decant_op op, const decant_op_attrs *attrs, dcn_value_id a,
                           dcn_value_id *ret_output)
{
    return emit(graph, op, attrs, &a, 1, 1, ret_output);
}

static decant_status emit2(dcn_graph *graph, decant_op op, const decant_op_attrs *attrs, dcn_value_id a, dcn_value_id b,
                           dcn_value_id *ret_output)
{
    const dcn_value_id inputs[] = {a, b};
    return emit(graph, op, attrs, inputs, 2, 1, ret_output);
}

/* The same numbers before they were given another shape. */
static dcn_value_id under_views(const dcn_graph *graph, dcn_value_id value)
{
    const dcn_node *maker = dcn_graph_maker(graph, value);
    while (maker != NULL && (maker->op == DECANT_OP_FLATTEN || maker->op == DECANT_OP_RESHAPE)) {
        value = maker->input[0];
        maker = dcn_graph_maker(graph, value);
    }
    return value;
}

/* A relu in front of a dropout is undone with it: what comes out is above 0 where x was and was kept.
 * dcn_diff_dropout does so; this tells when. */
static bool undone_behind_dropout(const dcn_graph *graph, dcn_value_id dy, dcn_value_id y)
{
    const dcn_node *masked = dcn_graph_maker(graph, under_views(graph, dy));
    if (masked == NULL || masked->op != DECANT_OP_RECTIFIED_DROPOUT_GRAD) return false;
    const dcn_node *dropout = dcn_graph_maker(graph, masked->input[1]);
    return dropout != NULL && under_views(graph, dropout->input[0]) == under_views(graph, y);
}

/* True when dy is 0 wherever y is. */
static bool is_masked(const dcn_graph *graph, dcn_value_id dy, dcn_value_id y)
{
    const dcn_node *masked = dcn_graph_maker(graph, dy);
    if (undone_behind_dropout(graph, dy, y)) return true;
    return masked != NULL && masked->op == DECANT_OP_ACTIVATION_GRAD &&
           masked->attrs.activation.kind == DCN_ACTIVATION_RELU && masked->input[1] == y;
}

/* A relu in front of a maximum may be undone behind it, on maps that are smaller: the winner of a window is the
 * window's maximum, so both are 0 or neither. dcn_diff_maxpool does so; this tells when. */
static bool undone_behind_maxpool(const dcn_graph *graph, dcn_value_id dy, dcn_value_id y)
{
    const dcn_node *spread = dcn_graph_maker(graph, dy);
    if (spread == NULL || spread->op != DECANT_OP_MAXPOOL_GRAD) return false;
    const dcn_node *pool = dcn_graph_maker(graph, spread->input[1]);
    return pool != NULL && pool->input[0] == y && is_masked(graph, spread->input[0], pool->output[0]);
}

/* The gradient before an activation of which `saved` is what its derivative reads (see op.def). */
static decant_status through_activation(dcn_graph *graph, int32_t kind, dcn_value_id dy, dcn_value_id saved,
                                        dcn_value_id *ret_dx)
{
    if (kind == DCN_ACTIVATION_RELU &&
        (undone_behind_maxpool(graph, dy, saved) || undone_behind_dropout(graph, dy, saved))) {
        *ret_dx = dy;
        return DECANT_OK;
    }
    decant_op_attrs attrs = {.activation = {.kind = kind}};
    return emit2(graph, DECANT_OP_ACTIVATION_GRAD, &attrs, dy, saved, ret_dx);
}

/* The same where the activation may be absent. */
static decant_status through_fused(dcn_graph *graph, int32_t kind, dcn_value_id dy, dcn_value_id y,
                                   dcn_value_id *ret_dx)
{
    if (kind != DCN_ACTIVATION_NONE) return through_activation(graph, kind, dy, y, ret_dx);
    *ret_dx = dy;
    return DECANT_OK;
}

static void map_size(const dcn_graph *graph, dcn_value_id x, int64_t ret_hw[2])
{
    const decant_shape *shape = &graph->values[x].shape;
    ret_hw[0] = shape->dim[2];
    ret_hw[1] = shape->dim[3];
}

/* --- layers with weights --- */

/* Both conv2d and linear: weight and bias gradients come from one node, whose second output is the bias's. */
static decant_status weight_gradients(dcn_graph *graph, decant_op op, const decant_op_attrs *attrs, bool with_bias,
                                      dcn_value_id x, dcn_value_id dy, const bool *want, dcn_value_id *d_input)
{
    const dcn_value_id inputs[] = {x, dy};
    dcn_value_id outputs[2] = {DCN_NONE, DCN_NONE};
    TRY_RETURN(emit(graph, op, attrs, inputs, 2, with_bias ? 2 : 1, outputs));
    if (want[1]) d_input[1] = outputs[0];
    if (with_bias) d_input[2] = outputs[1];
    return DECANT_OK;
}

static decant_status dcn_diff_conv2d(dcn_graph *graph, dcn_node_id id, const dcn_value_id *d_output, const bool *want,
                                     dcn_value_id *d_input)
{
    const dcn_node node = graph->nodes[id];
    const bool bias = node.n_inputs == 3 && want[2];
    dcn_value_id dy = DCN_NONE;
    TRY_RETURN(through_fused(graph, node.attrs.conv.activation, d_output[0], node.output[0], &dy));

    decant_op_attrs attrs = node.attrs;
    attrs.conv.activation = DCN_ACTIVATION_NONE;
    map_size(graph, node.input[0], attrs.conv.in_hw);
    attrs.conv.bias = bias;
    if (want[1] || bias)
        TRY_RETURN(
            weight_gradients(graph, DECANT_OP_CONV2D_GRAD_WEIGHT, &attrs, bias, node.input[0], dy, want, d_input));
    attrs.conv.bias = false;
    if (want[0]) TRY_RETURN(emit2(graph, DECANT_OP_CONV2D_GRAD_INPUT, &attrs, dy, node.input[1], &d_input[0]));
    return DECANT_OK;
}

static decant_status dcn_diff_linear(dcn_graph *graph, dcn_node_id id, const dcn_value_id *d_output, const bool *want,
                                     dcn_value_id *d_input)
{
    const dcn_node node = graph->nodes[id];
    const bool bias = node.n_inputs == 3 && want[2];
    dcn_value_id dy = DCN_NONE;
    TRY_RETURN(through_fused(graph, node.attrs.linear.activation, d_output[0], node.output[0], &dy));

    decant_op_attrs attrs = node.attrs;
    attrs.linear.activation = DCN_ACTIVATION_NONE;
    attrs.linear.bias = bias;
    if (want[1] || bias)
        TRY_RETURN(
            weight_gradients(graph, DECANT_OP_LINEAR_GRAD_WEIGHT, &attrs, bias, node.input[0], dy, want, d_input));
    attrs.linear.bias = false;
    if (want[0]) TRY_RETURN(emit2(graph, DECANT_OP_LINEAR_GRAD_INPUT, &attrs, dy, node.input[1], &d_input[0]));
    return DECANT_OK;
}

static decant_status dcn_diff_batchnorm_train(dcn_graph *graph, dcn_node_id id, const dcn_value_id *d_output,
                                              const bool *want, dcn_value_id *d_input)
{
    const dcn_node node = graph->nodes[id];
    if (d_output[0] == DCN_NONE || d_output[1] != DCN_NONE || d_output[2] != DCN_NONE)
        return DCN_FAIL(UNSUPPORTED, "batchnorm_train has no derivative with respect to its statistics");

    /* A fused activation is the gradient op's own business: it makes y again from x. */
    const dcn_value_id inputs[] = {d_output[0],    node.input[0],  node.input[1],
                                   node.output[1], node.output[2], node.input[2]};
    dcn_value_id outputs[3];
    TRY_RETURN(emit(graph, DECANT_OP_BATCHNORM_GRAD, &node.attrs, inputs, 6, 3, outputs));
    for (int i = 0; i < 3; i++)
        if (want[i]) d_input[i] = outputs[i];
    return DECANT_OK;
}

/* --- activations: relu, relu6 and sigmoid are undone from y, which is kept anyway; hardswish and gelu need x --- */

static decant_status from_output(dcn_graph *graph, dcn_node_id id, int32_t kind, const dcn_value_id *d_output,
                                 dcn_value_id *d_input)
{
    return through_activation(graph, kind, d_output[0], graph->nodes[id].output[0], &d_input[0]);
}

static decant_status from_input(dcn_graph *graph, dcn_node_id id, int32_t kind, const dcn_value_id *d_output,
                                dcn_value_id *d_input)
{
    return through_activation(graph, kind, d_output[0], graph->nodes[id].input[0], &d_input[0]);
}

#define ACTIVATION_RULE(lower, kind, from)                                                                             \
    static decant_status dcn_diff_##lower(dcn_graph *graph, dcn_node_id id, const dcn_value_id *d_output,              \
                                          const bool *want, dcn_value_id *d_input)                                     \
    {                                                                                                                  \
        (void)want; /* one input: the walk calls only when it is wanted */                                             \
        return from(graph, id, DCN_ACTIVATION_##kind, d_output, d_input);                                              \
    }
ACTIVATION_RULE(relu, RELU, from_output)
ACTIVATION_RULE(relu6, RELU6, from_output)
ACTIVATION_RULE(sigmoid, SIGMOID, from_output)
ACTIVATION_RULE(hardswish, HARDSWISH, from_input)
ACTIVATION_RULE(gelu, GELU, from_input)

static decant_status dcn_diff_softmax(dcn_graph *graph, dcn_node_id id, const dcn_value_id *d_output, const bool *want,
                                      dcn_value_id *d_input)
{
    (void)want;
    return emit2(graph, DECANT_OP_SOFTMAX_GRAD, NULL, d_output[0], graph->nodes[id].output[0], &d_input[0]);
}

static decant_status dcn_diff_standardize(dcn_graph *graph, dcn_node_id id, const dcn_value_id *d_output,
                                          const bool *want, dcn_value_id *d_input)
{
    (void)want;
    return emit2(graph, DECANT_OP_STANDARDIZE_GRAD, NULL, d_output[0], graph->nodes[id].input[0], &d_input[0]);
}

/* True when the last thing that was done to this value is a relu that the next rule will undo from it. */
static bool is_rectified(const dcn_graph *graph, dcn_value_id value)
{
    const dcn_node *maker = dcn_graph_maker(graph, value);
    if (maker == NULL) return false;
    switch (maker->op) {
    case DECANT_OP_RELU:
        return true;
    case DECANT_OP_CONV2D:
        return maker->attrs.conv.activation == DCN_ACTIVATION_RELU;
    case DECANT_OP_LINEAR:
        return maker->attrs.linear.activation == DCN_ACTIVATION_RELU;
    case DECANT_OP_ADD:
        return maker->attrs.activation.kind == DCN_ACTIVATION_RELU;
    default:
        return false;
    }
}

/* True when the value is never below 0, and whatever its gradient is where it is 0, a relu before it makes it 0. */
static bool gradient_will_be_masked(const dcn_graph *graph, dcn_value_id value)
{
    value = under_views(graph, value);
    const dcn_node *maker = dcn_graph_maker(graph, value);
    if (maker == NULL) return false;
    switch (maker->op) {
    case DECANT_OP_MAXPOOL:
    case DECANT_OP_DROPOUT:
        return gradient_will_be_masked(graph, maker->input[0]);
    case DECANT_OP_BATCHNORM_TRAIN:
        return maker->attrs.norm.activation == DCN_ACTIVATION_RELU;
    default:
        return is_rectified(graph, value);
    }
}

static decant_status dcn_diff_dropout(dcn_graph *graph, dcn_node_id id, const dcn_value_id *d_output, const bool *want,
                                      dcn_value_id *d_input)
{
    (void)want;
    const dcn_node node = graph->nodes[id];
    if (node.n_inputs < 2) { /* without a counter it passes its input on */
        d_input[0] = d_output[0];
        return DECANT_OK;
    }
    if (gradient_will_be_masked(graph, node.input[0]))
        return emit2(graph, DECANT_OP_RECTIFIED_DROPOUT_GRAD, &node.attrs, d_output[0], node.output[0], &d_input[0]);
    return emit2(graph, DECANT_OP_DROPOUT_GRAD, &node.attrs, d_output[0], node.input[1], &d_input[0]);
}

static decant_status dcn_diff_add(dcn_graph *graph, dcn_node_id id, const dcn_value_id *d_output, const bool *want,
                                  dcn_value_id *d_input)
{
    const dcn_node node = graph->nodes[id];
    dcn_value_id dy = DCN_NONE;
    TRY_RETURN(through_fused(graph, node.attrs.activation.kind, d_output[0], node.output[0], &dy));
    for (int i = 0; i < 2; i++)
        if (want[i]) d_input[i] = dy;
    return DECANT_OK;
}

/* --- pooling --- */

static decant_status dcn_diff_maxpool(dcn_graph *graph, dcn_node_id id, const dcn_value_id *d_output, const bool *want,
                                      dcn_value_id *d_input)
{
    (void)want;
    const dcn_node node = graph->nodes[id];
    if (node.n_outputs < 2)
        return DCN_FAIL(INVALID_ARG,
                        "maxpool was put into the program without its index output, which its derivative reads");
    decant_op_attrs attrs = node.attrs;
    map_size(graph, node.input[0], attrs.pool.in_hw);
    dcn_value_id dy = d_output[0];
    if (is_rectified(graph, node.input[0]) && dcn_graph_uses(graph, node.input[0]) == 1)
        TRY_RETURN(through_activation(graph, DCN_ACTIVATION_RELU, d_output[0], node.output[0], &dy));
    return emit2(graph, DECANT_OP_MAXPOOL_GRAD, &attrs, dy, node.output[1], &d_input[0]);
}

static decant_status dcn_diff_avgpool(dcn_graph *graph, dcn_node_id id, const dcn_value_id *d_output, const bool *want,
                                      dcn_value_id *d_input)
{
    (void)want;
    decant_op_attrs attrs = graph->nodes[id].attrs;
    map_size(graph, graph->nodes[id].input[0], attrs.pool.in_hw);
    return emit1(graph, DECANT_OP_AVGPOOL_GRAD, &attrs, d_output[0], &d_input[0]);
}

static decant_status dcn_diff_adaptive_avgpool(dcn_graph *graph, dcn_node_id id, const dcn_value_id *d_output,
                                               const bool *want, dcn_value_id *d_input)
{
    (void)want;
    decant_op_attrs attrs = graph->nodes[id].attrs;
    map_size(graph, graph->nodes[id].input[0], attrs.adaptive.in_hw);
    return emit1(graph, DECANT_OP_ADAPTIVE_AVGPOOL_GRAD, &attrs, d_output[0], &d_input[0]);
}

/* --- moving data --- */

/* `from` under the dimensions of `shape`. */
static decant_status reshape_to(dcn_graph *graph, const decant_shape *shape, dcn_value_id from, dcn_value_id *ret_value)
{
    decant_op_attrs attrs = {.reshape = {.rank = shape->rank}};
    for (int32_t i = 1; i < shape->rank; i++)
        attrs.reshape.shape[i] = shape->dim[i];
    return emit1(graph, DECANT_OP_RESHAPE, &attrs, from, ret_value);
}

static decant_status dcn_diff_reshape(dcn_graph *graph, dcn_node_id id, const dcn_value_id *d_output, const bool *want,
                                      dcn_value_id *d_input)
{
    (void)want;
    const decant_shape shape = graph->values[graph->nodes[id].input[0]].shape;
    return reshape_to(graph, &shape, d_output[0], &d_input[0]);
}

static decant_status dcn_diff_flatten(dcn_graph *graph, dcn_node_id id, const dcn_value_id *d_output, const bool *want,
                                      dcn_value_id *d_input)
{
    return dcn_diff_reshape(graph, id, d_output, want, d_input);
}

static decant_status dcn_diff_concat(dcn_graph *graph, dcn_node_id id, const dcn_value_id *d_output, const bool *want,
                                     dcn_value_id *d_input)
{
    const dcn_node node = graph->nodes[id];
    int64_t axis = node.attrs.axis.axis, begin = 0;
    for (int32_t i = 0; i < node.n_inputs; i++) {
        int64_t extent = graph->values[node.input[i]].shape.dim[axis];
        decant_op_attrs attrs = {.slice = {.axis = axis, .begin = begin, .end = begin + extent}};
        if (want[i]) TRY_RETURN(emit1(graph, DECANT_OP_SLICE, &attrs, d_output[0], &d_input[i]));
        begin += extent;
    }
    return DECANT_OK;
}

/* What was cut away gets zeros again. Along channels that is pad_channels, which works on maps: rows become maps for
 * it. */
static decant_status dcn_diff_slice(dcn_graph *graph, dcn_node_id id, const dcn_value_id *d_output, const bool *want,
                                    dcn_value_id *d_input)
{
    (void)want;
    const dcn_slice_attrs slice = graph->nodes[id].attrs.slice;
    const decant_shape x = graph->values[graph->nodes[id].input[0]].shape;
    if (slice.axis != 1) return DCN_FAIL(UNSUPPORTED, "slice has a derivative along axis 1 only");

    /* [N, C, rest...] as [N, C, rest, 1], whatever the rank */
    decant_shape map = {.rank = 4, .dim = {x.dim[0], slice.end - slice.begin, 1, 1}};
    for (int32_t i = 2; i < x.rank; i++)
        map.dim[2] *= x.dim[i];
    decant_op_attrs attrs = {
        .pad_channels = {.stride = 1, .before = slice.begin, .after = x.dim[1] - slice.end, .in_hw = {map.dim[2], 1}}};

    dcn_value_id value = d_output[0];
    if (x.rank == 4) return emit1(graph, DECANT_OP_PAD_CHANNELS, &attrs, value, &d_input[0]);
    TRY_RETURN(reshape_to(graph, &map, value, &value));
    TRY_RETURN(emit1(graph, DECANT_OP_PAD_CHANNELS, &attrs, value, &value));
    return reshape_to(graph, &x, value, &d_input[0]);
}

static decant_status dcn_diff_pad_channels(dcn_graph *graph, dcn_node_id id, const dcn_value_id *d_output,
                                           const bool *want, dcn_value_id *d_input)
{
    (void)want;
    decant_op_attrs attrs = graph->nodes[id].attrs;
    map_size(graph, graph->nodes[id].input[0], attrs.pad_channels.in_hw);
    return emit1(graph, DECANT_OP_PAD_CHANNELS_GRAD, &attrs, d_output[0], &d_input[0]);
}

static decant_status dcn_diff_repeat_channels(dcn_graph *graph, dcn_node_id id, const dcn_value_id *d_output,
                                              const bool *want, dcn_value_id *d_input)
{
    (void)want;
    const decant_op_attrs attrs = graph->nodes[id].attrs;
    return emit1(graph, DECANT_OP_REPEAT_CHANNELS_GRAD, &attrs, d_output[0], &d_input[0]);
}

/* --- the reverse walk --- */

/* Notes for the values that the graph had before anything was appended. */
typedef struct reverse_walk {
    bool *needed;           /* a trainable parameter lies behind this value */
    dcn_value_id *gradient; /* what has been gathered so far, or DCN_NONE */
    int32_t n_values;
} reverse_walk;

static void walk_finish(reverse_walk *walk)
{
    dcn_free(walk->needed);
    dcn_free(walk->gradient);
}

static decant_status walk_init(const dcn_graph *graph, reverse_walk *ret_walk)
{
    reverse_walk walk = {.n_values = graph->n_values};
    decant_status status;
    TRY(dcn_new_array((size_t)graph->n_values, sizeof *walk.needed, (void **)&walk.needed));
    TRY(dcn_new_array((size_t)graph->n_values, sizeof *walk.gradient, (void **)&walk.gradient));

    for (int32_t v = 0; v < graph->n_values; v++) {
        const dcn_value *value = &graph->values[v];
        walk.needed[v] = value->kind == DCN_VALUE_PARAMETER && value->trainable;
        walk.gradient[v] = value->gradient; /* of an earlier walk with other seeds: gradients add up */
    }
    for (int32_t n = 0; n < graph->n_nodes; n++) {
        const dcn_node *node = &graph->nodes[n];
        bool needed = false;
        for (int32_t i = 0; i < node->n_inputs; i++)
            needed = needed || walk.needed[node->input[i]];
        for (int32_t i = 0; i < node->n_outputs; i++)
            walk.needed[node->output[i]] = needed;
    }
    *ret_walk = walk;
    walk.needed = NULL;
    walk.gradient = NULL;
out:
    walk_finish(&walk);
    return status;
}

static decant_status gather(dcn_graph *graph, reverse_walk *walk, dcn_value_id value, dcn_value_id gradient)
{
    if (walk->gradient[value] == DCN_NONE) {
        walk->gradient[value] = gradient;
        return DECANT_OK;
    }
    return emit2(graph, DECANT_OP_ADD, NULL, walk->gradient[value], gradient, &walk->gradient[value]);
}

static decant_status take_seeds(dcn_graph *graph, reverse_walk *walk, const dcn_seed *seeds, int32_t n_seeds)
{
    for (int32_t s = 0; s < n_seeds; s++) {
        dcn_value_id value = seeds[s].value, gradient = seeds[s].gradient;
        if (value < 0 || value >= walk->n_values || gradient < 0 || gradient >= walk->n_values)
            return DCN_FAIL(INVALID_ARG, "seed %d names a value that does not exist", (int)s);
        if (!decant_shape_equal(&graph->values[value].shape, &graph->values[gradient].shape))
            return DCN_FAIL(SHAPE, "seed %d: a gradient has the shape of its value", (int)s);
        if (walk->needed[value]) TRY_RETURN(gather(graph, walk, value, gradient));
    }
    return DECANT_OK;
}

/* Carries the gradients at a node's outputs to those of its inputs behind which something trains. */
static decant_status walk_node(dcn_graph *graph, reverse_walk *walk, dcn_node_id id)
{
    const dcn_node node = graph->nodes[id];
    dcn_value_id d_output[DCN_MAX_OUTPUTS], d_input[DCN_MAX_INPUTS];
    bool want[DCN_MAX_INPUTS] = {false};
    bool reached = false, wanted = false;
    for (int32_t i = 0; i < DCN_MAX_OUTPUTS; i++) {
        d_output[i] = i < node.n_outputs ? walk->gradient[node.output[i]] : DCN_NONE;
        reached = reached || d_output[i] != DCN_NONE;
    }
    for (int32_t i = 0; i < DCN_MAX_INPUTS; i++) {
        d_input[i] = DCN_NONE;
        want[i] = i < node.n_inputs && walk->needed[node.input[i]];
        wanted = wanted || want[i];
    }
    if (!reached || !wanted) return DECANT_OK;

    if (rules[node.op] == NULL)
        return DCN_FAIL(UNSUPPORTED, "%s has no derivative, but something that trains lies behind it%s",
                        dcn_op_get(node.op)->name,
                        node.op == DECANT_OP_BATCHNORM ? "; a program that trains uses batchnorm_train" : "");
    if (d_output[0] == DCN_NONE)
        return DCN_FAIL(UNSUPPORTED, "%s has a derivative for its first output only", dcn_op_get(node.op)->name);
    TRY_RETURN(rules[node.op](graph, id, d_output, want, d_input));
    for (int32_t i = 0; i < node.n_inputs; i++)
        if (want[i] && d_input[i] != DCN_NONE) TRY_RETURN(gather(graph, walk, node.input[i], d_input[i]));
    return DECANT_OK;
}

decant_status dcn_graph_backward(dcn_graph *graph, const dcn_seed *seeds, int32_t n_seeds)
{
    const int32_t n_values = graph->n_values, n_nodes = graph->n_nodes;
    reverse_walk walk = {0};
    decant_status status;
    TRY(walk_init(graph, &walk));
    TRY(take_seeds(graph, &walk, seeds, n_seeds));
    for (dcn_node_id id = n_nodes - 1; id >= 0; id--) {
        status = walk_node(graph, &walk, id);
        if (status != DECANT_OK) {
            const char *name = graph->nodes[id].name;
            dcn_while("differentiating layer %s", name != NULL ? name : "(unnamed)");
            goto out;
        }
    }
    for (int32_t v = 0; v < n_values; v++) {
        dcn_value *value = &graph->values[v];
        if (value->kind == DCN_VALUE_PARAMETER && value->trainable) value->gradient = walk.gradient[v];
    }
out:
    if (status != DECANT_OK) dcn_graph_truncate(graph, n_values, n_nodes);
    walk_finish(&walk);
    return status;
}
