/* Linear layers: which kernels do them. Rows enough go to our products in panels (panels.c), a few samples or one
 * output to row_linear.c, tiny layers to small_linear.c; what is left to oneDNN's inner product, whose weights stay in
 * the blocked layout that all three directions share, or its gradients of weights to pair_linear.c, which writes the
 * same layout. */
#include <string.h>

#include "device/cpu/cpu.h"

/* Up to this many floating point operations our own kernel on the calling thread beats a primitive on all of them. */
#define SMALL_FLOPS 300e3

static bool is_small(const dcn_op_call *call)
{
    return dcn_op_flops(call) <= SMALL_FLOPS && !dcn_cpu_is_narrow(call);
}

/* With a few outputs most of a panel would be padding, which only counts where there is little else. */
static bool fills_panels(dcn_op_call *call)
{
    return dcn_cpu_suits_panels(call) && (call->attrs.linear.features >= DCN_CPU_PANEL / 2 || !is_small(call));
}

/* Which of the call's tensors plays which part, and where the primitive finds it. */
typedef struct linear_parts {
    const char *what;
    dcn_tensor_desc *src, *weight, *dst;
    dnnl_memory_desc_t src_md, dst_md, bias_md;
    dnnl_query_t weight_query;
    dcn_cpu_argument arguments[4]; /* [1] is the weight; [3] the bias, where there is one */
    int32_t n_arguments;
} linear_parts;

static decant_status linear_parts_init(dcn_op_call *call, linear_parts *ret_parts)
{
    linear_parts parts = {.weight_query = dnnl_query_weights_md, .n_arguments = 3};
    bool has_bias = false;
    switch (call->op) {
    case DECANT_OP_LINEAR:
        parts.what = "inner product";
        parts.src = &call->input[0], parts.weight = &call->input[1], parts.dst = &call->output[0];
        has_bias = call->n_inputs > 2;
        break;
    case DECANT_OP_LINEAR_GRAD_INPUT:
        parts.what = "inner product backward by data";
        parts.src = &call->output[0], parts.weight = &call->input[1], parts.dst = &call->input[0];
        break;
    default:
        parts.what = "inner product backward by weights";
        parts.src = &call->input[0], parts.weight = &call->output[0], parts.dst = &call->input[1];
        parts.weight_query = dnnl_query_diff_weights_md;
        has_bias = call->n_outputs > 1;
        break;
    }
    TRY_RETURN(dcn_cpu_plain_descriptor(&parts.src->shape, parts.src->dtype, &parts.src_md));
    TRY_RETURN(dcn_cpu_plain_descriptor(&parts.dst->shape, parts.dst->dtype, &parts.dst_md));
    decant_shape bias = {.rank = 1, .dim = {parts.weight->shape.dim[0]}};
    TRY_RETURN(dcn_cpu_plain_descriptor(&bias, DECANT_F32, &parts.bias_md));
    if (has_bias) parts.n_arguments = 4;

    dcn_cpu_argument *arguments = parts.arguments;
    if (call->op == DECANT_OP_LINEAR) {
        arguments[0] = (dcn_cpu_argument){DNNL_ARG_SRC, DCN_CPU_INPUT, 0, parts.src_md};
        arguments[1] = (dcn_cpu_argument){DNNL_ARG_WEIGHTS, DCN_CPU_INPUT, 1, {0}};
        arguments[2] = (dcn_cpu_argument){DNNL_ARG_DST, DCN_CPU_OUTPUT, 0, parts.dst_md};
        arguments[3] = (dcn_cpu_argument){DNNL_ARG_BIAS, DCN_CPU_INPUT, 2, parts.bias_md};
    } else if (call->op == DECANT_OP_LINEAR_GRAD_INPUT) {
        arguments[0] = (dcn_cpu_argument){DNNL_ARG_DIFF_DST, DCN_CPU_INPUT, 0, parts.dst_md};
        arguments[1] = (dcn_cpu_argument){DNNL_ARG_WEIGHTS, DCN_CPU_INPUT, 1, {0}};
        arguments[2] = (dcn_cpu_argument){DNNL_ARG_DIFF_SRC, DCN_CPU_OUTPUT, 0, parts.src_md};
    } else {
        arguments[0] = (dcn_cpu_argument){DNNL_ARG_SRC, DCN_CPU_INPUT, 0, parts.src_md};
        arguments[1] = (dcn_cpu_argument){DNNL_ARG_DIFF_WEIGHTS, DCN_CPU_OUTPUT, 0, {0}};
        arguments[2] = (dcn_cpu_argument){DNNL_ARG_DIFF_DST, DCN_CPU_INPUT, 1, parts.dst_md};
        arguments[3] = (dcn_cpu_argument){DNNL_ARG_DIFF_BIAS, DCN_CPU_OUTPUT, 1, parts.bias_md};
    }
    *ret_parts = parts;
    return DECANT_OK;
}

static decant_status linear_describe(dcn_cpu_device *device, const dcn_op_call *call, const linear_parts *parts,
                                     dcn_layout layout, dnnl_primitive_desc_t *ret_descriptor)
{
    dnnl_inner_product_desc_t product;
    dnnl_memory_desc_t weight_md;
    dnnl_primitive_attr_t attributes = NULL;
    dnnl_status_t result;
    dcn_tensor_desc weight = *parts->weight;
    weight.layout = layout;
    TRY_RETURN(layout == DCN_LAYOUT_ANY ? dcn_cpu_any_descriptor(&weight.shape, weight.dtype, &weight_md)
                                        : dcn_cpu_descriptor(device, &weight, &weight_md));

    const dnnl_memory_desc_t *bias = parts->n_arguments > 3 ? &parts->bias_md : NULL;
    if (call->op == DECANT_OP_LINEAR)
        result = dnnl_inner_product_forward_desc_init(&product, dnnl_forward_training, &parts->src_md, &weight_md, bias,
                                                      &parts->dst_md);
    else if (call->op == DECANT_OP_LINEAR_GRAD_INPUT)
        result = dnnl_inner_product_backward_data_desc_init(&product, &parts->src_md, &weight_md, &parts->dst_md);
    else
        result =
            dnnl_inner_product_backward_weights_desc_init(&product, &parts->src_md, &weight_md, bias, &parts->dst_md);
    TRY_RETURN(dcn_cpu_check(result, parts->what));

    bool relu = call->op == DECANT_OP_LINEAR && call->attrs.linear.activation == DCN_ACTIVATION_RELU;
    TRY_RETURN(dcn_cpu_attributes(relu, &attributes));
    decant_status status = dcn_cpu_check(
        dnnl_primitive_desc_create(ret_descriptor, &product, attributes, device->engine, NULL), parts->what);
    dnnl_primitive_attr_destroy(attributes);
    return status;
}

/* In the wished layout where the same implementation takes it, else in the one the primitive likes best. */
static decant_status linear_choose(dcn_cpu_device *device, const dcn_op_call *call, const linear_parts *parts,
                                   dnnl_primitive_desc_t *ret_descriptor)
{
    dcn_layout wished = parts->weight->layout;
    dnnl_primitive_desc_t free_choice = NULL, bound = NULL;
    TRY_RETURN(linear_describe(device, call, parts, DCN_LAYOUT_ANY, &free_choice));
    if (wished != DCN_LAYOUT_ANY && linear_describe(device, call, parts, wished, &bound) == DECANT_OK) {
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

static decant_status compile_product(dcn_cpu_device *device, dcn_op_call *call, dcn_kernel **ret_kernel)
{
    linear_parts parts;
    dnnl_primitive_desc_t descriptor = NULL;
    dcn_layout layout;
    TRY_RETURN(linear_parts_init(call, &parts));
    TRY_RETURN(linear_choose(device, call, &parts, &descriptor));
    parts.arguments[1].descriptor = *dnnl_primitive_desc_query_md(descriptor, parts.weight_query, 0);
    decant_status status = dcn_cpu_intern(device, &parts.arguments[1].descriptor, &layout);
    if (status != DECANT_OK) {
        dnnl_primitive_desc_destroy(descriptor);
        return status;
    }
    dcn_cpu_ask_activation(call);
    parts.weight->layout = layout;
    if (dcn_cpu_suits_pairs(device, call, &parts.arguments[1].descriptor)) {
        dnnl_primitive_desc_destroy(descriptor);
        return dcn_cpu_compile_pairs(device, call, &parts.arguments[1].descriptor, ret_kernel);
    }
    return dcn_cpu_primitive_kernel(device, call, parts.what, descriptor, parts.arguments, parts.n_arguments,
                                    ret_kernel);
}

decant_status dcn_cpu_compile_linear(dcn_cpu_device *device, dcn_op_call *call, dcn_kernel **ret_kernel)
{
    if (dcn_cpu_suits_rows(call)) return dcn_cpu_compile_rows(device, call, ret_kernel);
    if (fills_panels(call)) return dcn_cpu_compile_panels(device, call, ret_kernel);
    return is_small(call) ? dcn_cpu_compile_small_linear(device, call, ret_kernel)
                          : compile_product(device, call, ret_kernel);
}

decant_status dcn_cpu_compile_linear_grad_input(dcn_cpu_device *device, dcn_op_call *call, dcn_kernel **ret_kernel)
{
    if (fills_panels(call)) return dcn_cpu_compile_panels(device, call, ret_kernel);
    return is_small(call) ? dcn_cpu_compile_small_linear_grad_input(device, call, ret_kernel)
                          : compile_product(device, call, ret_kernel);
}

decant_status dcn_cpu_compile_linear_grad_weight(dcn_cpu_device *device, dcn_op_call *call, dcn_kernel **ret_kernel)
{
    if (fills_panels(call)) return dcn_cpu_compile_panels(device, call, ret_kernel);
    return is_small(call) ? dcn_cpu_compile_small_linear_grad_weight(device, call, ret_kernel)
                          : compile_product(device, call, ret_kernel);
}
