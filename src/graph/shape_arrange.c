/* Shape rules of the ops that move data without computing: flatten, reshape, concat, slice, and channels padded or
 * repeated. */
#include <inttypes.h>

#include "graph/rules.h"
#include "tensor/shape.h"

/* Elements of one sample: all dimensions but the batch. Inputs were counted before, so this cannot overflow. */
static int64_t sample_count(const decant_shape *shape)
{
    int64_t count = 1;
    for (int32_t i = 1; i < shape->rank; i++)
        count *= shape->dim[i];
    return count;
}

static decant_status check_batched(const dcn_op_call *call)
{
    if (call->input[0].shape.rank >= 1) return DECANT_OK;
    return DCN_FAIL(SHAPE, "%s wants a tensor with a batch dimension but got a scalar", dcn_rule_op(call));
}

decant_status dcn_shape_flatten(dcn_op_call *call)
{
    const decant_shape *x = &call->input[0].shape;
    TRY_RETURN(check_batched(call));
    call->output[0].shape = dcn_shape2(x->dim[0], sample_count(x));
    return DECANT_OK;
}

decant_status dcn_shape_reshape(dcn_op_call *call)
{
    const dcn_reshape_attrs *attrs = &call->attrs.reshape;
    const decant_shape *x = &call->input[0].shape;
    TRY_RETURN(check_batched(call));
    if (attrs->rank < 1 || attrs->rank > DECANT_MAX_RANK)
        return DCN_FAIL(INVALID_ARG, "reshape: a rank of %" PRId64 " is not between 1 and %d", attrs->rank,
                        DECANT_MAX_RANK);

    decant_shape y = decant_shape_make((int32_t)attrs->rank, attrs->shape);
    y.dim[0] = x->dim[0];
    int64_t count = 0;
    char from[DCN_SHAPE_TEXT], to[DCN_SHAPE_TEXT];
    for (int32_t i = 1; i < y.rank; i++)
        TRY_RETURN(dcn_rule_range(call, "a dimension", y.dim[i], 1));
    TRY_RETURN(dcn_shape_count_checked(&y, &count));
    if (sample_count(&y) != sample_count(x))
        return DCN_FAIL(SHAPE, "reshape: %s has %" PRId64 " elements a sample, %s has %" PRId64,
                        dcn_shape_text(x, from), sample_count(x), dcn_shape_text(&y, to), sample_count(&y));
    call->output[0].shape = y;
    return DECANT_OK;
}

static decant_status check_axis(const dcn_op_call *call, int64_t axis)
{
    int32_t rank = call->input[0].shape.rank;
    if (axis >= 1 && axis < rank) return DECANT_OK;
    char text[DCN_SHAPE_TEXT];
    return DCN_FAIL(SHAPE, "%s: axis %" PRId64 " of %s; the batch is axis 0, so 1 to %d can be used", dcn_rule_op(call),
                    axis, dcn_shape_text(&call->input[0].shape, text), (int)rank - 1);
}

decant_status dcn_shape_concat(dcn_op_call *call)
{
    int64_t axis = call->attrs.axis.axis;
    TRY_RETURN(check_axis(call, axis));

    const decant_shape *first = &call->input[0].shape;
    decant_shape y = *first;
    for (int32_t i = 1; i < call->n_inputs; i++) {
        decant_shape wanted = *first;
        const decant_shape *x = &call->input[i].shape;
        wanted.dim[axis] = x->rank == first->rank ? x->dim[axis] : first->dim[axis];
        char got[DCN_SHAPE_TEXT], fits[DCN_SHAPE_TEXT];
        if (!decant_shape_equal(x, &wanted))
            return DCN_FAIL(SHAPE, "concat along axis %" PRId64 ": %s does not go with %s; all other axes must agree",
                            axis, dcn_shape_text(x, got), dcn_shape_text(first, fits));
        if (x->dim[axis] > INT64_MAX - y.dim[axis])
            return DCN_FAIL(SHAPE, "concat along axis %" PRId64 " makes more elements than can be counted", axis);
        y.dim[axis] += x->dim[axis];
    }
    call->output[0].shape = y;
    return DECANT_OK;
}

decant_status dcn_shape_slice(dcn_op_call *call)
{
    const dcn_slice_attrs *attrs = &call->attrs.slice;
    TRY_RETURN(check_axis(call, attrs->axis));
    decant_shape y = call->input[0].shape;
    int64_t extent = y.dim[attrs->axis];
    if (attrs->begin < 0 || attrs->begin >= attrs->end || attrs->end > extent)
        return DCN_FAIL(SHAPE, "slice from %" PRId64 " to %" PRId64 " of an axis of %" PRId64, attrs->begin, attrs->end,
                        extent);
    y.dim[attrs->axis] = attrs->end - attrs->begin;
    call->output[0].shape = y;
    return DECANT_OK;
}

/* --- channels --- */

#define MAP_HINT "a map [batch, channels, height, width] is needed"

static decant_status check_pad(const dcn_op_call *call)
{
    const dcn_pad_channels_attrs *attrs = &call->attrs.pad_channels;
    TRY_RETURN(dcn_rule_range(call, "stride", attrs->stride, 1));
    TRY_RETURN(dcn_rule_range(call, "channels before", attrs->before, 0));
    return dcn_rule_range(call, "channels after", attrs->after, 0);
}

/* Rows 0, stride, 2 * stride, ... below extent. */
static int64_t every(int64_t extent, int64_t stride)
{
    return (extent - 1) / stride + 1;
}

decant_status dcn_shape_pad_channels(dcn_op_call *call)
{
    const dcn_pad_channels_attrs *attrs = &call->attrs.pad_channels;
    const decant_shape *x = &call->input[0].shape;
    TRY_RETURN(dcn_rule_rank(call, 0, "x", 4, MAP_HINT));
    TRY_RETURN(check_pad(call));
    TRY_RETURN(dcn_rule_range(call, "channels", x->dim[1], 1));
    call->output[0].shape = dcn_shape4(x->dim[0], attrs->before + x->dim[1] + attrs->after,
                                       every(x->dim[2], attrs->stride), every(x->dim[3], attrs->stride));
    return DECANT_OK;
}

decant_status dcn_shape_pad_channels_grad(dcn_op_call *call)
{
    const dcn_pad_channels_attrs *attrs = &call->attrs.pad_channels;
    const decant_shape *dy = &call->input[0].shape;
    TRY_RETURN(dcn_rule_rank(call, 0, "dy", 4, MAP_HINT));
    TRY_RETURN(check_pad(call));
    TRY_RETURN(dcn_rule_range(call, "height", attrs->in_hw[0], 1));
    TRY_RETURN(dcn_rule_range(call, "width", attrs->in_hw[1], 1));

    int64_t channels = dy->dim[1] - attrs->before - attrs->after;
    if (channels < 1)
        return DCN_FAIL(SHAPE, "pad_channels_grad: %" PRId64 " + %" PRId64 " padded channels leave none of %" PRId64,
                        attrs->before, attrs->after, dy->dim[1]);
    decant_shape y = dcn_shape4(dy->dim[0], dy->dim[1], every(attrs->in_hw[0], attrs->stride),
                                every(attrs->in_hw[1], attrs->stride));
    TRY_RETURN(dcn_rule_expect(call, 0, "dy", y));
    call->output[0].shape = dcn_shape4(dy->dim[0], channels, attrs->in_hw[0], attrs->in_hw[1]);
    return DECANT_OK;
}

decant_status dcn_shape_repeat_channels(dcn_op_call *call)
{
    const decant_shape *x = &call->input[0].shape;
    TRY_RETURN(dcn_rule_rank(call, 0, "x", 4, MAP_HINT));
    TRY_RETURN(dcn_rule_range(call, "times", call->attrs.repeat.times, 1));
    TRY_RETURN(dcn_rule_range(call, "channels", x->dim[1], 1));
    call->output[0].shape = dcn_shape4(x->dim[0], x->dim[1] * call->attrs.repeat.times, x->dim[2], x->dim[3]);
    return DECANT_OK;
}

decant_status dcn_shape_repeat_channels_grad(dcn_op_call *call)
{
    int64_t times = call->attrs.repeat.times;
    const decant_shape *dy = &call->input[0].shape;
    TRY_RETURN(dcn_rule_rank(call, 0, "dy", 4, MAP_HINT));
    TRY_RETURN(dcn_rule_range(call, "times", times, 1));
    if (dy->dim[1] % times != 0)
        return DCN_FAIL(SHAPE, "repeat_channels_grad: %" PRId64 " channels are not a multiple of %" PRId64, dy->dim[1],
                        times);
    call->output[0].shape = dcn_shape4(dy->dim[0], dy->dim[1] / times, dy->dim[2], dy->dim[3]);
    return DECANT_OK;
}
