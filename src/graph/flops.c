/* How much arithmetic an op is, for plans and benches: logical counts (padding taps included, as everybody counts
 * them), and what of them is needed. */
#include "graph/op.h"

static double count(const dcn_tensor_desc *desc)
{
    return (double)decant_shape_count(&desc->shape);
}

/* Multiply-adds of a convolution from its output map and its weight; forward and both gradients do the same number. */
static double conv_multiply_adds(const decant_shape *y, const decant_shape *weight)
{
    double taps = (double)(weight->dim[1] * weight->dim[2] * weight->dim[3]);
    return (double)decant_shape_count(y) * taps;
}

static double pool_taps(const dcn_op_call *call)
{
    const dcn_pool_attrs *attrs = &call->attrs.pool;
    return (double)attrs->kernel[0] * (double)attrs->kernel[1];
}

double dcn_op_flops(const dcn_op_call *call)
{
    const dcn_tensor_desc *in = call->input, *out = call->output;
    switch (call->op) {
    case DECANT_OP_CONV2D:
        return 2 * conv_multiply_adds(&out[0].shape, &in[1].shape);
    case DECANT_OP_CONV2D_GRAD_INPUT:
        return 2 * conv_multiply_adds(&in[0].shape, &in[1].shape);
    case DECANT_OP_CONV2D_GRAD_WEIGHT:
        return 2 * conv_multiply_adds(&in[1].shape, &out[0].shape);
    case DECANT_OP_LINEAR: /* y [N,O], w [O,I] */
        return 2 * count(&out[0]) * (double)in[1].shape.dim[1];
    case DECANT_OP_LINEAR_GRAD_INPUT: /* dx [N,I], w [O,I] */
        return 2 * count(&out[0]) * (double)in[1].shape.dim[0];
    case DECANT_OP_LINEAR_GRAD_WEIGHT: /* dw [O,I], x [N,I] */
        return 2 * count(&out[0]) * (double)in[0].shape.dim[0];

    case DECANT_OP_BATCHNORM: /* one scale, one shift */
        return 2 * count(&in[0]);
    case DECANT_OP_BATCHNORM_TRAIN: /* sum, sum of squares (2), then scale and shift */
        return 5 * count(&in[0]);
    case DECANT_OP_BATCHNORM_GRAD: /* two sums with one product, then three terms */
        return 8 * count(&in[1]);

    case DECANT_OP_MAXPOOL:
    case DECANT_OP_AVGPOOL:
        return count(&out[0]) * pool_taps(call);
    case DECANT_OP_AVGPOOL_GRAD:
        return count(&in[0]) * pool_taps(call);
    case DECANT_OP_MAXPOOL_GRAD:
    case DECANT_OP_ADAPTIVE_AVGPOOL_GRAD:
    case DECANT_OP_REPEAT_CHANNELS_GRAD:
    case DECANT_OP_ADAPTIVE_AVGPOOL:
        return count(&in[0]);

    case DECANT_OP_RELU:
    case DECANT_OP_RELU6:
    case DECANT_OP_ACTIVATION_GRAD:
    case DECANT_OP_DROPOUT:
    case DECANT_OP_DROPOUT_GRAD:
    case DECANT_OP_RECTIFIED_DROPOUT_GRAD:
    case DECANT_OP_ADD:
        return count(&in[0]);
    case DECANT_OP_HARDSWISH:
    case DECANT_OP_SIGMOID:
    case DECANT_OP_LOG:
    case DECANT_OP_SOFTMAX:
    case DECANT_OP_SOFTMAX_GRAD:
    case DECANT_OP_GELU: /* an exp or erf counts as one */
        return 4 * count(&in[0]);

    case DECANT_OP_LOSS_CE:
        return 6 * count(&in[0]);
    case DECANT_OP_LOSS_KD:
        return 12 * count(&in[0]);
    case DECANT_OP_LOSS_DKD:
        return 20 * count(&in[0]);
    case DECANT_OP_LOSS_BCE:
    case DECANT_OP_LOSS_COSINE:
        return 8 * count(&in[0]);
    case DECANT_OP_LOSS_MSE:
    case DECANT_OP_STANDARDIZE:
        return 5 * count(&in[0]);
    case DECANT_OP_STANDARDIZE_GRAD:
        return 9 * count(&in[0]);
    case DECANT_OP_ACCURACY:
        return count(&in[0]);

    case DECANT_OP_GRAD_NORM:
        return 2 * count(&in[0]);
    case DECANT_OP_SGD_UPDATE:
        return 6 * count(&in[0]);
    case DECANT_OP_ADAM_UPDATE:
        return 14 * count(&in[0]);
    case DECANT_OP_EMA_UPDATE:
        return 3 * count(&in[0]);

    case DECANT_OP_FLATTEN: /* moving data is no arithmetic */
    case DECANT_OP_RESHAPE:
    case DECANT_OP_CONCAT:
    case DECANT_OP_SLICE:
    case DECANT_OP_PAD_CHANNELS:
    case DECANT_OP_PAD_CHANNELS_GRAD:
    case DECANT_OP_REPEAT_CHANNELS:
    case DECANT_OP_COUNT:
        break;
    }
    return 0;
}

/* The share of a convolution's taps along one axis that fall on the map: 1 without padding. */
static double taps_on_map(const dcn_conv_attrs *attrs, int axis, int64_t kernel, int64_t in, int64_t out)
{
    int64_t hits = 0;
    for (int64_t place = 0; place < out; place++)
        for (int64_t tap = 0; tap < kernel; tap++) {
            const int64_t at = place * attrs->stride[axis] - attrs->padding[axis] + tap * attrs->dilation[axis];
            hits += at >= 0 && at < in;
        }
    return (double)hits / (double)(out * kernel);
}

double dcn_op_needed_flops(const dcn_op_call *call)
{
    const decant_shape *x, *y, *weight;
    switch (call->op) {
    case DECANT_OP_CONV2D:
        x = &call->input[0].shape, y = &call->output[0].shape, weight = &call->input[1].shape;
        break;
    case DECANT_OP_CONV2D_GRAD_INPUT:
        x = &call->output[0].shape, y = &call->input[0].shape, weight = &call->input[1].shape;
        break;
    case DECANT_OP_CONV2D_GRAD_WEIGHT:
        x = &call->input[0].shape, y = &call->input[1].shape, weight = &call->output[0].shape;
        break;
    default:
        return dcn_op_flops(call);
    }
    double share = 1.0;
    for (int axis = 0; axis < 2; axis++)
        share *= taps_on_map(&call->attrs.conv, axis, weight->dim[2 + axis], x->dim[2 + axis], y->dim[2 + axis]);
    return share * dcn_op_flops(call);
}
