/* Shape rules of the ops that slide a window over a map: convolution and pooling, forward and backward.
 * A backward op is held to the forward op's rule: the gradient it gets must be what that rule makes. */
#include <inttypes.h>

#include "graph/rules.h"
#include "tensor/shape.h"

#define MAP_HINT "a map [batch, channels, height, width] is needed"

/* A convolution's or a pool's window, whichever attributes it came from. */
typedef struct window {
    int64_t kernel[2], stride[2], padding[2], dilation[2];
    bool ceil_mode;
} window;

static const char *const axis_names[2] = {"height", "width"};

static window conv_window(const dcn_conv_attrs *attrs)
{
    return (window){.kernel = {attrs->kernel[0], attrs->kernel[1]},
                    .stride = {attrs->stride[0], attrs->stride[1]},
                    .padding = {attrs->padding[0], attrs->padding[1]},
                    .dilation = {attrs->dilation[0], attrs->dilation[1]}};
}

static window pool_window(const dcn_pool_attrs *attrs)
{
    return (window){.kernel = {attrs->kernel[0], attrs->kernel[1]},
                    .stride = {attrs->stride[0], attrs->stride[1]},
                    .padding = {attrs->padding[0], attrs->padding[1]},
                    .dilation = {1, 1},
                    .ceil_mode = attrs->ceil_mode};
}

#define MAX_PADDING 65536 /* so that padded maps can be counted */

static decant_status check_window(const dcn_op_call *call, const window *w)
{
    for (int axis = 0; axis < 2; axis++) {
        TRY_RETURN(dcn_rule_range(call, "kernel", w->kernel[axis], 1));
        TRY_RETURN(dcn_rule_range(call, "stride", w->stride[axis], 1));
        TRY_RETURN(dcn_rule_range(call, "padding", w->padding[axis], 0));
        TRY_RETURN(dcn_rule_range(call, "dilation", w->dilation[axis], 1));
    }
    return DECANT_OK;
}

/* Rows (or columns) that come out of `extent` of them. Everything is below 2^31, so nothing here can overflow. */
static decant_status slide(const dcn_op_call *call, const window *w, int axis, int64_t extent, int64_t *ret_count)
{
    TRY_RETURN(dcn_rule_range(call, axis_names[axis], extent, 1));
    if (w->padding[axis] > MAX_PADDING)
        return DCN_FAIL(SHAPE, "%s: a padding of %" PRId64 " is more than the %d that are allowed", dcn_rule_op(call),
                        w->padding[axis], MAX_PADDING);
    int64_t span = w->dilation[axis] * (w->kernel[axis] - 1) + 1;
    int64_t room = extent + 2 * w->padding[axis] - span;
    if (room < 0)
        return DCN_FAIL(SHAPE,
                        "%s: a window that spans %" PRId64 " does not fit a %s of %" PRId64 " with padding %" PRId64
                        " on each side; a kernel of at most %" PRId64 " does",
                        dcn_rule_op(call), span, axis_names[axis], extent, w->padding[axis],
                        (extent + 2 * w->padding[axis] - 1) / w->dilation[axis] + 1);

    int64_t stride = w->stride[axis];
    int64_t count = room / stride + 1;
    /* ceil_mode adds a last window that hangs over the end, unless it would start in the padding behind the map. */
    if (w->ceil_mode && room % stride != 0 && count * stride < extent + w->padding[axis]) count++;
    *ret_count = count;
    return DECANT_OK;
}

static decant_status slide_map(const dcn_op_call *call, const window *w, const decant_shape *x, int64_t channels,
                               decant_shape *ret_y)
{
    int64_t rows = 0, columns = 0;
    TRY_RETURN(slide(call, w, 0, x->dim[2], &rows));
    TRY_RETURN(slide(call, w, 1, x->dim[3], &columns));
    *ret_y = dcn_shape4(x->dim[0], channels, rows, columns);
    return DECANT_OK;
}

/* --- convolution --- */

static decant_status check_conv(const dcn_op_call *call)
{
    const dcn_conv_attrs *attrs = &call->attrs.conv;
    window w = conv_window(attrs);
    TRY_RETURN(check_window(call, &w));
    TRY_RETURN(dcn_rule_range(call, "channels", attrs->channels, 1));
    TRY_RETURN(dcn_rule_range(call, "groups", attrs->groups, 1));
    if (attrs->channels % attrs->groups != 0)
        return DCN_FAIL(SHAPE, "%s: %" PRId64 " output channels do not divide into %" PRId64 " groups",
                        dcn_rule_op(call), attrs->channels, attrs->groups);
    return dcn_rule_fused(call, attrs->activation);
}

/* The weight that x [N,C,H,W] needs: [O, C/groups, kh, kw]. */
static decant_status conv_weight(const dcn_op_call *call, const decant_shape *x, decant_shape *ret_weight)
{
    const dcn_conv_attrs *attrs = &call->attrs.conv;
    if (x->dim[1] % attrs->groups != 0)
        return DCN_FAIL(SHAPE, "%s: %" PRId64 " input channels do not divide into %" PRId64 " groups",
                        dcn_rule_op(call), x->dim[1], attrs->groups);
    *ret_weight = dcn_shape4(attrs->channels, x->dim[1] / attrs->groups, attrs->kernel[0], attrs->kernel[1]);
    return DECANT_OK;
}

decant_status dcn_conv_weight_shape(const decant_shape *x, const dcn_conv_attrs *attrs, decant_shape *ret_weight)
{
    dcn_op_call call = {.op = DECANT_OP_CONV2D, .n_inputs = 1, .input[0].shape = *x};
    call.attrs.conv = *attrs;
    TRY_RETURN(dcn_rule_rank(&call, 0, "x", 4, MAP_HINT));
    TRY_RETURN(check_conv(&call));
    return conv_weight(&call, x, ret_weight);
}

decant_status dcn_shape_conv2d(dcn_op_call *call)
{
    const dcn_conv_attrs *attrs = &call->attrs.conv;
    const decant_shape *x = &call->input[0].shape;
    TRY_RETURN(dcn_rule_rank(call, 0, "x", 4, MAP_HINT));
    TRY_RETURN(check_conv(call));

    decant_shape weight;
    TRY_RETURN(conv_weight(call, x, &weight));
    TRY_RETURN(dcn_rule_expect(call, 1, "the weight", weight));
    if (attrs->bias != (call->n_inputs == 3))
        return DCN_FAIL(INVALID_ARG, "conv2d: bias is %s but %d inputs are given", attrs->bias ? "on" : "off",
                        (int)call->n_inputs);
    if (attrs->bias) TRY_RETURN(dcn_rule_expect(call, 2, "the bias", dcn_shape1(attrs->channels)));

    window w = conv_window(attrs);
    return slide_map(call, &w, x, attrs->channels, &call->output[0].shape);
}

decant_status dcn_shape_conv2d_grad_input(dcn_op_call *call)
{
    const dcn_conv_attrs *attrs = &call->attrs.conv;
    const decant_shape *dy = &call->input[0].shape, *weight = &call->input[1].shape;
    TRY_RETURN(dcn_rule_rank(call, 0, "dy", 4, MAP_HINT));
    TRY_RETURN(dcn_rule_rank(call, 1, "the weight", 4, ""));
    TRY_RETURN(check_conv(call));
    TRY_RETURN(dcn_rule_range(call, "input channels of a group", weight->dim[1], 1));

    decant_shape x = dcn_shape4(dy->dim[0], weight->dim[1] * attrs->groups, attrs->in_hw[0], attrs->in_hw[1]);
    decant_shape wanted_weight, y;
    window w = conv_window(attrs);
    TRY_RETURN(conv_weight(call, &x, &wanted_weight));
    TRY_RETURN(dcn_rule_expect(call, 1, "the weight", wanted_weight));
    TRY_RETURN(slide_map(call, &w, &x, attrs->channels, &y));
    TRY_RETURN(dcn_rule_expect(call, 0, "dy", y));
    call->output[0].shape = x;
    return DECANT_OK;
}

decant_status dcn_shape_conv2d_grad_weight(dcn_op_call *call)
{
    const dcn_conv_attrs *attrs = &call->attrs.conv;
    const decant_shape *x = &call->input[0].shape;
    TRY_RETURN(dcn_rule_rank(call, 0, "x", 4, MAP_HINT));
    TRY_RETURN(dcn_rule_rank(call, 1, "dy", 4, MAP_HINT));
    TRY_RETURN(check_conv(call));

    decant_shape weight, y;
    window w = conv_window(attrs);
    TRY_RETURN(conv_weight(call, x, &weight));
    TRY_RETURN(slide_map(call, &w, x, attrs->channels, &y));
    TRY_RETURN(dcn_rule_expect(call, 1, "dy", y));
    call->output[0].shape = weight;
    if (attrs->bias) call->output[1].shape = dcn_shape1(attrs->channels);
    return DECANT_OK;
}

/* --- pooling --- */

/* As PyTorch: with padding of at most half the kernel every window covers at least one real element. */
static decant_status check_pool(const dcn_op_call *call)
{
    const dcn_pool_attrs *attrs = &call->attrs.pool;
    window w = pool_window(attrs);
    TRY_RETURN(check_window(call, &w));
    for (int axis = 0; axis < 2; axis++)
        if (attrs->padding[axis] > attrs->kernel[axis] / 2)
            return DCN_FAIL(INVALID_ARG,
                            "%s: padding %" PRId64 " is more than half of the kernel of %" PRId64 "; at most %" PRId64,
                            dcn_rule_op(call), attrs->padding[axis], attrs->kernel[axis], attrs->kernel[axis] / 2);
    return DECANT_OK;
}

static decant_status pool_forward(const dcn_op_call *call, const decant_shape *x, decant_shape *ret_y)
{
    window w = pool_window(&call->attrs.pool);
    TRY_RETURN(check_pool(call));
    return slide_map(call, &w, x, x->dim[1], ret_y);
}

/* dx of a pool: attrs.in_hw, held to the forward rule. */
static decant_status pool_backward(dcn_op_call *call)
{
    const int64_t *in = call->attrs.pool.in_hw;
    const decant_shape *dy = &call->input[0].shape;
    TRY_RETURN(dcn_rule_rank(call, 0, "dy", 4, MAP_HINT));
    decant_shape x = dcn_shape4(dy->dim[0], dy->dim[1], in[0], in[1]), y;
    TRY_RETURN(pool_forward(call, &x, &y));
    TRY_RETURN(dcn_rule_expect(call, 0, "dy", y));
    call->output[0].shape = x;
    return DECANT_OK;
}

decant_status dcn_shape_maxpool(dcn_op_call *call)
{
    const decant_shape *x = &call->input[0].shape;
    TRY_RETURN(dcn_rule_rank(call, 0, "x", 4, MAP_HINT));
    TRY_RETURN(pool_forward(call, x, &call->output[0].shape));
    if (call->n_outputs < 2) return DECANT_OK;

    if (x->dim[2] * x->dim[3] > INT32_MAX) /* each is below 2^31, so the product is below 2^62 */
        return DCN_FAIL(SHAPE, "maxpool: a map of %" PRId64 " x %" PRId64 " is too large for 32-bit winners", x->dim[2],
                        x->dim[3]);
    call->output[1].shape = call->output[0].shape;
    call->output[1].dtype = DECANT_I32;
    return DECANT_OK;
}

decant_status dcn_shape_maxpool_grad(dcn_op_call *call)
{
    TRY_RETURN(pool_backward(call));
    return dcn_rule_expect(call, 1, "the index", call->input[0].shape);
}

decant_status dcn_shape_avgpool(dcn_op_call *call)
{
    TRY_RETURN(dcn_rule_rank(call, 0, "x", 4, MAP_HINT));
    return pool_forward(call, &call->input[0].shape, &call->output[0].shape);
}

decant_status dcn_shape_avgpool_grad(dcn_op_call *call)
{
    return pool_backward(call);
}

decant_status dcn_shape_adaptive_avgpool(dcn_op_call *call)
{
    const int64_t *out = call->attrs.adaptive.out_hw;
    const decant_shape *x = &call->input[0].shape;
    TRY_RETURN(dcn_rule_rank(call, 0, "x", 4, MAP_HINT));
    for (int axis = 0; axis < 2; axis++) {
        TRY_RETURN(dcn_rule_range(call, "output size", out[axis], 1));
        TRY_RETURN(dcn_rule_range(call, axis_names[axis], x->dim[2 + axis], 1));
    }
    call->output[0].shape = dcn_shape4(x->dim[0], x->dim[1], out[0], out[1]);
    return DECANT_OK;
}

decant_status dcn_shape_adaptive_avgpool_grad(dcn_op_call *call)
{
    const dcn_adaptive_attrs *attrs = &call->attrs.adaptive;
    const decant_shape *dy = &call->input[0].shape;
    TRY_RETURN(dcn_rule_rank(call, 0, "dy", 4, MAP_HINT));
    for (int axis = 0; axis < 2; axis++) {
        TRY_RETURN(dcn_rule_range(call, "output size", attrs->out_hw[axis], 1));
        TRY_RETURN(dcn_rule_range(call, axis_names[axis], attrs->in_hw[axis], 1));
    }
    TRY_RETURN(dcn_rule_expect(call, 0, "dy", dcn_shape4(dy->dim[0], dy->dim[1], attrs->out_hw[0], attrs->out_hw[1])));
    call->output[0].shape = dcn_shape4(dy->dim[0], dy->dim[1], attrs->in_hw[0], attrs->in_hw[1]);
    return DECANT_OK;
}
