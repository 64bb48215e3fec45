/* 1x1 convolutions of small maps as matrix products: an NHWC map is a matrix of pixels by channels. The products of all
 * three directions share one weight layout and do not starve on maps of a few pixels, where convolution kernels do.
 * With a stride, the pixels that count are gathered first (or scattered afterwards). */
#include <string.h>

#include "device/cpu/cpu.h"

#define MAX_PIXELS 16 /* of an output map; from 5x5 on the convolution kernels are as fast */

typedef struct pointwise_kernel {
    dcn_cpu_kernel own;
    dcn_kernel *product;
    dcn_cpu_map in, out;
    int64_t stride[2];
    int32_t n_inputs;
    int64_t element_bytes; /* of the map that is gathered from or scattered to */
    size_t pixel_bytes;    /* of the gathered pixels, in front of the product's own scratch memory */
} pointwise_kernel;

bool dcn_cpu_is_pointwise(const dcn_conv_attrs *attrs, const decant_shape *out)
{
    for (int i = 0; i < 2; i++)
        if (attrs->kernel[i] != 1 || attrs->padding[i] != 0) return false;
    return attrs->groups == 1 && out->dim[2] * out->dim[3] <= MAX_PIXELS;
}

static void destroy_pointwise(dcn_kernel *base)
{
    pointwise_kernel *kernel = (pointwise_kernel *)base;
    if (!kernel) return;
    if (kernel->product) kernel->product->destroy(kernel->product);
    dcn_free(kernel);
}

/* --- pixels --- */

/* Rows of the output map: its pixels' inputs, one behind the other. */
static void gather_body(const dcn_cpu_run *run, int64_t begin, int64_t end)
{
    const pointwise_kernel *kernel = (const pointwise_kernel *)run->kernel;
    const dcn_cpu_map *in = &kernel->in, *out = &kernel->out;
    int64_t bytes = in->channels * kernel->element_bytes; /* of a pixel */
    for (int64_t row = begin; row < end; row++) {
        int64_t from_row = row / out->height * in->height + row % out->height * kernel->stride[0];
        const char *from = (const char *)run->inputs[0] + from_row * in->width * bytes;
        char *to = (char *)run->scratch + row * out->width * bytes;
        for (int64_t w = 0; w < out->width; w++)
            memcpy(to + w * bytes, from + w * kernel->stride[1] * bytes, (size_t)bytes);
    }
}

/* Rows of the input map: the gradients of the pixels that were read, zeros between them. */
static void scatter_body(const dcn_cpu_run *run, int64_t begin, int64_t end)
{
    const pointwise_kernel *kernel = (const pointwise_kernel *)run->kernel;
    const dcn_cpu_map *in = &kernel->in, *out = &kernel->out;
    int64_t bytes = in->channels * kernel->element_bytes;
    for (int64_t row = begin; row < end; row++) {
        int64_t h = row % in->height, from_row = row / in->height * out->height + h / kernel->stride[0];
        char *to = (char *)run->outputs[0] + row * in->width * bytes;
        memset(to, 0, (size_t)(in->width * bytes));
        if (h % kernel->stride[0] != 0 || h / kernel->stride[0] >= out->height) continue;
        const char *from = (const char *)run->scratch + from_row * out->width * bytes;
        for (int64_t w = 0; w < out->width; w++)
            memcpy(to + w * kernel->stride[1] * bytes, from + w * bytes, (size_t)bytes);
    }
}

/* Forward, and the gradient of the weights: both read the map. */
static void run_gathered(const dcn_kernel *base, void *const *inputs, void *const *outputs, void *scratch)
{
    const pointwise_kernel *kernel = (const pointwise_kernel *)base;
    void *product_inputs[3] = {scratch};
    dcn_cpu_run run = dcn_cpu_run_of(base, inputs, outputs, scratch);
    dcn_cpu_parallel(&run, kernel->out.batch * kernel->out.height, kernel->out.width * kernel->in.channels,
                     gather_body);
    for (int32_t i = 1; i < kernel->n_inputs; i++)
        product_inputs[i] = inputs[i];
    kernel->product->run(kernel->product, product_inputs, outputs, (char *)scratch + kernel->pixel_bytes);
}

static void run_scattered(const dcn_kernel *base, void *const *inputs, void *const *outputs, void *scratch)
{
    const pointwise_kernel *kernel = (const pointwise_kernel *)base;
    void *product_outputs[1] = {scratch};
    kernel->product->run(kernel->product, inputs, product_outputs, (char *)scratch + kernel->pixel_bytes);
    dcn_cpu_run run = dcn_cpu_run_of(base, inputs, outputs, scratch);
    dcn_cpu_parallel(&run, kernel->in.batch * kernel->in.height, kernel->in.width * kernel->in.channels, scatter_body);
}

/* --- the product --- */

static dcn_tensor_desc matrix_of(const dcn_tensor_desc *tensor, int64_t rows, int64_t columns)
{
    decant_shape shape = {.rank = 2, .dim = {rows, columns}};
    return (dcn_tensor_desc){tensor->dtype, shape, tensor->layout};
}

/* The call as one of matrices. */
static dcn_op_call product_call(const dcn_op_call *call)
{
    const dcn_conv_attrs *attrs = &call->attrs.conv;
    dcn_op_call product = {.n_inputs = call->n_inputs, .n_outputs = call->n_outputs};
    product.attrs.linear =
        (dcn_linear_attrs){.features = attrs->channels, .bias = attrs->bias, .activation = attrs->activation};
    const dcn_tensor_desc *src = &call->input[0], *weight = &call->input[1], *dst = &call->output[0];
    product.op = DECANT_OP_LINEAR;
    if (call->op == DECANT_OP_CONV2D_GRAD_INPUT) {
        product.op = DECANT_OP_LINEAR_GRAD_INPUT;
        src = &call->output[0], dst = &call->input[0];
    } else if (call->op == DECANT_OP_CONV2D_GRAD_WEIGHT) {
        product.op = DECANT_OP_LINEAR_GRAD_WEIGHT;
        weight = &call->output[0], dst = &call->input[1];
    }
    int64_t pixels = dst->shape.dim[0] * dst->shape.dim[2] * dst->shape.dim[3];
    dcn_tensor_desc x = matrix_of(src, pixels, src->shape.dim[1]), y = matrix_of(dst, pixels, attrs->channels);
    dcn_tensor_desc w = matrix_of(weight, attrs->channels, src->shape.dim[1]);
    x.layout = y.layout = DCN_LAYOUT_PLAIN;
    product.input[0] = product.op == DECANT_OP_LINEAR_GRAD_INPUT ? y : x;
    product.input[1] = product.op == DECANT_OP_LINEAR_GRAD_WEIGHT ? y : w;
    product.input[2] = call->input[2]; /* bias, where there is one */
    product.output[0] = product.op == DECANT_OP_LINEAR ? y : product.op == DECANT_OP_LINEAR_GRAD_INPUT ? x : w;
    product.output[1] = call->output[1];
    return product;
}

static decant_status compile_product(dcn_cpu_device *device, dcn_op_call *call, dcn_kernel **ret_kernel)
{
    dcn_op_call product = product_call(call);
    decant_status status = product.op == DECANT_OP_LINEAR ? dcn_cpu_compile_linear(device, &product, ret_kernel)
                           : product.op == DECANT_OP_LINEAR_GRAD_INPUT
                               ? dcn_cpu_compile_linear_grad_input(device, &product, ret_kernel)
                               : dcn_cpu_compile_linear_grad_weight(device, &product, ret_kernel);
    if (status != DECANT_OK) return status;
    dcn_cpu_ask_activation(call);
    if (call->op == DECANT_OP_CONV2D_GRAD_WEIGHT)
        call->output[0].layout = product.output[0].layout;
    else
        call->input[1].layout = product.input[1].layout;
    return DECANT_OK;
}

decant_status dcn_cpu_compile_pointwise(dcn_cpu_device *device, dcn_op_call *call, dcn_kernel **ret_kernel)
{
    const dcn_conv_attrs *attrs = &call->attrs.conv;
    if (attrs->stride[0] == 1 && attrs->stride[1] == 1) return compile_product(device, call, ret_kernel);

    bool backward = call->op == DECANT_OP_CONV2D_GRAD_INPUT;
    pointwise_kernel *kernel = NULL;
    decant_status status =
        dcn_cpu_kernel_create(device, call, sizeof *kernel, backward ? run_scattered : run_gathered, (void **)&kernel);
    if (status != DECANT_OK) return status;
    kernel->own.base.destroy = destroy_pointwise;
    TRY(compile_product(device, call, &kernel->product));
    memcpy(kernel->own.base.name, kernel->product->name, sizeof kernel->own.base.name);
    kernel->n_inputs = call->n_inputs;
    kernel->in = dcn_cpu_map_of(backward ? &call->output[0].shape : &call->input[0].shape);
    kernel->out = dcn_cpu_map_of(call->op == DECANT_OP_CONV2D ? &call->output[0].shape
                                 : backward                   ? &call->input[0].shape
                                                              : &call->input[1].shape);
    kernel->stride[0] = attrs->stride[0];
    kernel->stride[1] = attrs->stride[1];
    kernel->element_bytes = (int64_t)decant_dtype_size(backward ? call->output[0].dtype : call->input[0].dtype);
    size_t pixels = (size_t)(kernel->out.batch * kernel->out.height * kernel->out.width * kernel->in.channels);
    kernel->pixel_bytes = (pixels * (size_t)kernel->element_bytes + DCN_ALIGNMENT - 1) / DCN_ALIGNMENT * DCN_ALIGNMENT;
    kernel->own.base.scratch_bytes = kernel->pixel_bytes + kernel->product->scratch_bytes;
    *ret_kernel = &kernel->own.base;
    kernel = NULL;
out:
    destroy_pointwise((dcn_kernel *)kernel);
    return status;
}
