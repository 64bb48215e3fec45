/* Convolutions by oneDNN: activations in NHWC, weights in the layout the primitive likes best. */
#include <string.h>

#include "device/cpu/cpu.h"

#define FEW_CHANNELS 32 /* of a group's input */

/* The logical pieces of a convolution, whichever of them the op computes. */
typedef struct conv_parts {
    dcn_tensor_desc *src, *weight, *dst;
    dnnl_dims_t stride, dilation, padding; /* dilation as oneDNN counts it: 0 is dense */
    dnnl_alg_kind_t algorithm;
    dnnl_memory_desc_t src_md, dst_md, bias_md;
    bool grouped;
} conv_parts;

/* Weights as oneDNN sees them: [O,I,kh,kw], or [groups,O/groups,I/groups,kh,kw]; the same memory when plain. */
static decant_shape weight_shape(const decant_shape *shape, int64_t groups)
{
    if (groups == 1) return *shape;
    decant_shape grouped = {.rank = 5};
    grouped.dim[0] = groups;
    grouped.dim[1] = shape->dim[0] / groups;
    memcpy(&grouped.dim[2], &shape->dim[1], 3 * sizeof grouped.dim[0]);
    return grouped;
}

/* Weights in a layout id, or for the primitive to choose with DCN_LAYOUT_ANY. */
static decant_status weight_descriptor(dcn_cpu_device *device, const dcn_tensor_desc *weight, int64_t groups,
                                       dcn_layout layout, dnnl_memory_desc_t *ret_descriptor)
{
    dcn_tensor_desc desc = {weight->dtype, weight_shape(&weight->shape, groups), layout};
    return layout == DCN_LAYOUT_ANY ? dcn_cpu_any_descriptor(&desc.shape, desc.dtype, ret_descriptor)
                                    : dcn_cpu_descriptor(device, &desc, ret_descriptor);
}

static decant_status conv_parts_init(const dcn_conv_attrs *attrs, dcn_tensor_desc *src, dcn_tensor_desc *weight,
                                     dcn_tensor_desc *dst, conv_parts *ret_parts)
{
    conv_parts parts = {
        .src = src, .weight = weight, .dst = dst, .algorithm = dnnl_convolution_direct, .grouped = attrs->groups > 1};
    for (int i = 0; i < 2; i++) {
        parts.stride[i] = attrs->stride[i];
        parts.dilation[i] = attrs->dilation[i] - 1;
        parts.padding[i] = attrs->padding[i];
    }
    TRY_RETURN(dcn_cpu_activation_descriptor(&src->shape, src->dtype, &parts.src_md));
    TRY_RETURN(dcn_cpu_activation_descriptor(&dst->shape, dst->dtype, &parts.dst_md));
    decant_shape bias = {.rank = 1, .dim = {attrs->channels}};
    TRY_RETURN(dcn_cpu_plain_descriptor(&bias, DECANT_F32, &parts.bias_md));
    *ret_parts = parts;
    return DECANT_OK;
}

/* oneDNN 2 offers its convolution of bf16 by small matrix products first. Where few channels are summed over, the one
 * it offers next takes less time: 8 channels to 8 a third, 16 to 16 and 24 to 24 a fifth, 32 to 16 a tenth (batch 64,
 * 16x16 pixels, two threads, Zen 4); from 48 on it does not. */
static decant_status conv_take(dcn_cpu_device *device, const dcn_op_call *call, const dnnl_convolution_desc_t *asked,
                               const_dnnl_primitive_attr_t attributes, const char *what,
                               dnnl_primitive_desc_t *ret_descriptor)
{
    dnnl_primitive_desc_iterator_t offers = NULL;
    TRY_RETURN(
        dcn_cpu_check(dnnl_primitive_desc_iterator_create(&offers, asked, attributes, device->engine, NULL), what));
    dnnl_primitive_desc_t taken = dnnl_primitive_desc_iterator_fetch(offers);
    if (taken != NULL && call->op == DECANT_OP_CONV2D &&
        call->input[0].shape.dim[1] <= FEW_CHANNELS * call->attrs.conv.groups &&
        strcmp(dcn_cpu_implementation(taken), "brgconv:avx512_core_bf16") == 0 &&
        dnnl_primitive_desc_iterator_next(offers) == dnnl_success) {
        dnnl_primitive_desc_t next = dnnl_primitive_desc_iterator_fetch(offers);
        const bool is_compiled = next != NULL && strncmp(dcn_cpu_implementation(next), "jit", strlen("jit")) == 0;
        dnnl_primitive_desc_destroy(is_compiled ? taken : next);
        taken = is_compiled ? next : taken;
    }
    dnnl_primitive_desc_iterator_destroy(offers);
    if (taken == NULL) return dcn_cpu_check(dnnl_out_of_memory, what);
    *ret_descriptor = taken;
    return DECANT_OK;
}

/* The primitive descriptor of one direction with the weights in `layout`. */
static decant_status conv_describe(dcn_cpu_device *device, const dcn_op_call *call, const conv_parts *parts,
                                   dcn_layout layout, dnnl_primitive_desc_t *ret_descriptor)
{
    const dcn_conv_attrs *attrs = &call->attrs.conv;
    dnnl_convolution_desc_t convolution;
    dnnl_memory_desc_t weight_md;
    dnnl_primitive_attr_t attributes = NULL;
    const char *what = NULL;
    dnnl_status_t result;
    TRY_RETURN(weight_descriptor(device, parts->weight, attrs->groups, layout, &weight_md));
    switch (call->op) {
    case DECANT_OP_CONV2D:
        what = "convolution";
        result = dnnl_dilated_convolution_forward_desc_init(
            &convolution, dnnl_forward_training, parts->algorithm, &parts->src_md, &weight_md,
            call->n_inputs > 2 ? &parts->bias_md : NULL, &parts->dst_md, parts->stride, parts->dilation, parts->padding,
            parts->padding);
        break;
    case DECANT_OP_CONV2D_GRAD_INPUT:
        what = "convolution backward by data";
        result = dnnl_dilated_convolution_backward_data_desc_init(&convolution, parts->algorithm, &parts->src_md,
                                                                  &weight_md, &parts->dst_md, parts->stride,
                                                                  parts->dilation, parts->padding, parts->padding);
        break;
    default:
        what = "convolution backward by weights";
        result = dnnl_dilated_convolution_backward_weights_desc_init(
            &convolution, parts->algorithm, &parts->src_md, &weight_md, call->n_outputs > 1 ? &parts->bias_md : NULL,
            &parts->dst_md, parts->stride, parts->dilation, parts->padding, parts->padding);
        break;
    }
    TRY_RETURN(dcn_cpu_check(result, what));
    TRY_RETURN(
        dcn_cpu_attributes(call->op == DECANT_OP_CONV2D && attrs->activation == DCN_ACTIVATION_RELU, &attributes));
    decant_status status = conv_take(device, call, &convolution, attributes, what, ret_descriptor);
    dnnl_primitive_attr_destroy(attributes);
    return status;
}

/* With the weights in the layout they have (or are wished in) when that costs nothing but the choice of blocking: the
 * same implementation takes it. Otherwise as the primitive likes them. */
static decant_status conv_choose(dcn_cpu_device *device, const dcn_op_call *call, const conv_parts *parts,
                                 dcn_layout wished, dnnl_primitive_desc_t *ret_descriptor)
{
    dnnl_primitive_desc_t free_choice = NULL, bound = NULL;
    TRY_RETURN(conv_describe(device, call, parts, DCN_LAYOUT_ANY, &free_choice));
    if (wished != DCN_LAYOUT_ANY && wished != DCN_LAYOUT_PLAIN &&
        conv_describe(device, call, parts, wished, &bound) == DECANT_OK) {
        if (strcmp(dcn_cpu_implementation(bound), dcn_cpu_implementation(free_choice)) == 0) {
            dnnl_primitive_desc_destroy(free_choice);
            *ret_descriptor = bound;
            return DECANT_OK;
        }
        dnnl_primitive_desc_destroy(bound);
    }
    *ret_descriptor = free_choice;
    return DECANT_OK;
}

/* By Winograd's algorithm, with activations as it wants them. */
static decant_status conv_choose_winograd(dcn_cpu_device *device, const dcn_op_call *call, conv_parts *parts,
                                          dcn_layout wished, dnnl_primitive_desc_t *ret_descriptor)
{
    dnnl_primitive_desc_t chosen = NULL;
    conv_parts winograd = *parts;
    winograd.algorithm = dnnl_convolution_winograd;
    TRY_RETURN(dcn_cpu_any_descriptor(&parts->src->shape, DECANT_F32, &winograd.src_md));
    TRY_RETURN(dcn_cpu_any_descriptor(&parts->dst->shape, DECANT_F32, &winograd.dst_md));
    TRY_RETURN(conv_choose(device, call, &winograd, wished, &chosen));
    bool to_src = call->op == DECANT_OP_CONV2D_GRAD_INPUT, to_dst = call->op == DECANT_OP_CONV2D;
    winograd.src_md = *dnnl_primitive_desc_query_md(chosen, to_src ? dnnl_query_diff_src_md : dnnl_query_src_md, 0);
    winograd.dst_md = *dnnl_primitive_desc_query_md(chosen, to_dst ? dnnl_query_dst_md : dnnl_query_diff_dst_md, 0);
    *parts = winograd;
    *ret_descriptor = chosen;
    return DECANT_OK;
}

/* The primitive for this convolution, and in the call the layouts of its activations. */
static decant_status conv_plan(dcn_cpu_device *device, dcn_op_call *call, conv_parts *parts, dcn_layout wished,
                               dnnl_primitive_desc_t *ret_descriptor)
{
    bool suits = !dcn_cpu_is_narrow(call) &&
                 dcn_cpu_suits_blocked_winograd(&call->attrs.conv, &parts->src->shape, &parts->dst->shape);
    if (!suits || conv_choose_winograd(device, call, parts, wished, ret_descriptor) != DECANT_OK)
        TRY_RETURN(conv_choose(device, call, parts, wished, ret_descriptor));
    dcn_cpu_ask_activation(call);
    if (parts->algorithm == dnnl_convolution_direct) return DECANT_OK;
    decant_status status = dcn_cpu_intern(device, &parts->src_md, &parts->src->layout);
    if (status == DECANT_OK) status = dcn_cpu_intern(device, &parts->dst_md, &parts->dst->layout);
    if (status != DECANT_OK) dnnl_primitive_desc_destroy(*ret_descriptor);
    return status;
}

decant_status dcn_cpu_compile_conv2d(dcn_cpu_device *device, dcn_op_call *call, dcn_kernel **ret_kernel)
{
    if (dcn_cpu_suits_panels(call)) return dcn_cpu_compile_panels(device, call, ret_kernel);
    if (dcn_cpu_suits_few_channels(call)) return dcn_cpu_compile_few_channels(device, call, ret_kernel);
    if (dcn_cpu_suits_narrow_few_channels(device, call))
        return dcn_cpu_compile_narrow_few_channels(device, call, ret_kernel);
    if (dcn_cpu_suits_narrow_winograd(device, call)) return dcn_cpu_compile_narrow_winograd(device, call, ret_kernel);
    if (dcn_cpu_is_pointwise(&call->attrs.conv, &call->output[0].shape))
        return dcn_cpu_compile_pointwise(device, call, ret_kernel);
    if (dcn_cpu_suits_winograd(call)) return dcn_cpu_compile_winograd(device, call, ret_kernel);
    conv_parts parts;
    dnnl_primitive_desc_t descriptor = NULL;
    TRY_RETURN(conv_parts_init(&call->attrs.conv, &call->input[0], &call->input[1], &call->output[0], &parts));
    TRY_RETURN(conv_plan(device, call, &parts, call->input[1].layout, &descriptor));
    dnnl_memory_desc_t weight_md = *dnnl_primitive_desc_query_md(descriptor, dnnl_query_weights_md, 0);
    dcn_cpu_argument arguments[4] = {
        {DNNL_ARG_SRC, DCN_CPU_INPUT, 0, parts.src_md},
        {DNNL_ARG_WEIGHTS, DCN_CPU_INPUT, 1, weight_md},
        {DNNL_ARG_DST, DCN_CPU_OUTPUT, 0, parts.dst_md},
        {DNNL_ARG_BIAS, DCN_CPU_INPUT, 2, parts.bias_md},
    };
    decant_status status = dcn_cpu_intern(device, &weight_md, &call->input[1].layout);
    if (status != DECANT_OK) {
        dnnl_primitive_desc_destroy(descriptor);
        return status;
    }
    return dcn_cpu_primitive_kernel(device, call, "convolution", descriptor, arguments, call->n_inputs > 2 ? 4 : 3,
                                    ret_kernel);
}

static bool is_1x1(const dcn_conv_attrs *attrs)
{
    return attrs->kernel[0] == 1 && attrs->kernel[1] == 1 && attrs->padding[0] == 0 && attrs->padding[1] == 0;
}

decant_status dcn_cpu_compile_conv2d_grad_input(dcn_cpu_device *device, dcn_op_call *call, dcn_kernel **ret_kernel)
{
    if (dcn_cpu_suits_panels(call)) return dcn_cpu_compile_panels(device, call, ret_kernel);
    if (dcn_cpu_suits_few_channels(call)) return dcn_cpu_compile_few_channels(device, call, ret_kernel);
    if (dcn_cpu_suits_narrow_winograd(device, call)) return dcn_cpu_compile_narrow_winograd(device, call, ret_kernel);
    if (dcn_cpu_is_pointwise(&call->attrs.conv, &call->input[0].shape))
        return dcn_cpu_compile_pointwise(device, call, ret_kernel);
    /* oneDNN 2.6.3's 1x1 kernel for bf16 sums up garbage behind an odd number of channels, on maps of certain sizes. */
    if (call->input[0].dtype == DECANT_BF16 && is_1x1(&call->attrs.conv) && call->input[0].shape.dim[1] % 2 != 0)
        return DCN_FAIL(UNSUPPORTED, "an odd number of channels");
    conv_parts parts;
    dnnl_primitive_desc_t descriptor = NULL;
    TRY_RETURN(conv_parts_init(&call->attrs.conv, &call->output[0], &call->input[1], &call->input[0], &parts));
    TRY_RETURN(conv_plan(device, call, &parts, call->input[1].layout, &descriptor));
    dnnl_memory_desc_t weight_md = *dnnl_primitive_desc_query_md(descriptor, dnnl_query_weights_md, 0);
    dcn_cpu_argument arguments[3] = {
        {DNNL_ARG_DIFF_DST, DCN_CPU_INPUT, 0, parts.dst_md},
        {DNNL_ARG_WEIGHTS, DCN_CPU_INPUT, 1, weight_md},
        {DNNL_ARG_DIFF_SRC, DCN_CPU_OUTPUT, 0, parts.src_md},
    };
    decant_status status = dcn_cpu_intern(device, &weight_md, &call->input[1].layout);
    if (status != DECANT_OK) {
        dnnl_primitive_desc_destroy(descriptor);
        return status;
    }
    return dcn_cpu_primitive_kernel(device, call, "convolution backward by data", descriptor, arguments, 3, ret_kernel);
}

/* Whether some row or column of the kernel meets no pixel of any output. */
static bool has_idle_taps(const dcn_conv_attrs *attrs, const decant_shape *src, const decant_shape *dst)
{
    for (int axis = 0; axis < 2; axis++)
        for (int64_t tap = 0; tap < attrs->kernel[axis]; tap++) {
            bool met = false;
            for (int64_t out = 0; out < dst->dim[2 + axis] && !met; out++) {
                int64_t at = out * attrs->stride[axis] - attrs->padding[axis] + tap * attrs->dilation[axis];
                met = at >= 0 && at < src->dim[2 + axis];
            }
            if (!met) return true;
        }
    return false;
}

/* oneDNN 2.6.3's 1x1 kernels gather the pixels that a stride leaves into room for the channels that there are, but go
 * on by GATHERED_CHANNELS a pixel: with fewer, threads write into each other's room and behind the last. */
#define GATHERED_CHANNELS 16

static bool overruns(const dcn_op_call *call)
{
    const dcn_conv_attrs *attrs = &call->attrs.conv;
    return is_1x1(attrs) && attrs->groups == 1 && (attrs->stride[0] > 1 || attrs->stride[1] > 1) &&
           call->input[0].shape.dim[1] < GATHERED_CHANNELS;
}

decant_status dcn_cpu_compile_conv2d_grad_weight(dcn_cpu_device *device, dcn_op_call *call, dcn_kernel **ret_kernel)
{
    if (dcn_cpu_suits_panels(call)) return dcn_cpu_compile_panels(device, call, ret_kernel);
    if (dcn_cpu_suits_few_channels(call)) return dcn_cpu_compile_few_channels(device, call, ret_kernel);
    if (dcn_cpu_suits_narrow_few_channels(device, call))
        return dcn_cpu_compile_narrow_few_channels(device, call, ret_kernel);
    if (dcn_cpu_suits_narrow_winograd(device, call)) return dcn_cpu_compile_narrow_winograd(device, call, ret_kernel);
    if (dcn_cpu_is_pointwise(&call->attrs.conv, &call->input[1].shape) || overruns(call))
        return dcn_cpu_compile_pointwise(device, call, ret_kernel);
    /* oneDNN 2.6.3's kernels for bf16 leave what such taps gather as it was in memory, with strides above 1. */
    if (call->input[0].dtype == DECANT_BF16 &&
        has_idle_taps(&call->attrs.conv, &call->input[0].shape, &call->input[1].shape))
        return DCN_FAIL(UNSUPPORTED, "some taps of the kernel meet no pixel");
    conv_parts parts;
    dnnl_primitive_desc_t descriptor = NULL;
    TRY_RETURN(conv_parts_init(&call->attrs.conv, &call->input[0], &call->output[0], &call->input[1], &parts));
    TRY_RETURN(conv_plan(device, call, &parts, call->output[0].layout, &descriptor));
    dnnl_memory_desc_t weight_md = *dnnl_primitive_desc_query_md(descriptor, dnnl_query_diff_weights_md, 0);
    dcn_cpu_argument arguments[4] = {
        {DNNL_ARG_SRC, DCN_CPU_INPUT, 0, parts.src_md},
        {DNNL_ARG_DIFF_DST, DCN_CPU_INPUT, 1, parts.dst_md},
        {DNNL_ARG_DIFF_WEIGHTS, DCN_CPU_OUTPUT, 0, weight_md},
        {DNNL_ARG_DIFF_BIAS, DCN_CPU_OUTPUT, 1, parts.bias_md},
    };
    decant_status status = dcn_cpu_intern(device, &weight_md, &call->output[0].layout);
    if (status != DECANT_OK) {
        dnnl_primitive_desc_destroy(descriptor);
        return status;
    }
    return dcn_cpu_primitive_kernel(device, call, "convolution backward by weights", descriptor, arguments,
                                    call->n_outputs > 1 ? 4 : 3, ret_kernel);
}
