/* Matrix products of tiny networks: one packed operand, one call on the calling thread, everything plain.
 * A primitive would cost more to start than these take. */
#include "device/cpu/cpu.h"

typedef struct small_kernel {
    dcn_cpu_kernel own;
    dcn_cpu_product product;
    bool has_bias;
} small_kernel;

static int64_t strip_columns(int64_t columns)
{
    return (columns + DCN_CPU_STRIP - 1) / DCN_CPU_STRIP * DCN_CPU_STRIP;
}

static decant_status compile_small(dcn_cpu_device *device, dcn_op_call *call, const dcn_cpu_product *product,
                                   bool has_bias, void (*run)(const dcn_kernel *, void *const *, void *const *, void *),
                                   dcn_kernel **ret_kernel)
{
    small_kernel *kernel = NULL;
    dcn_cpu_ask_activation(call);
    TRY_RETURN(dcn_cpu_kernel_create(device, call, sizeof *kernel, run, (void **)&kernel));
    kernel->product = *product;
    kernel->has_bias = has_bias;
    kernel->own.base.scratch_bytes = (size_t)(product->k * strip_columns(product->n)) * sizeof(float);
    *ret_kernel = &kernel->own.base;
    return DECANT_OK;
}

static void run_forward(const dcn_kernel *base, void *const *inputs, void *const *outputs, void *scratch)
{
    const small_kernel *kernel = (const small_kernel *)base;
    const dcn_cpu_product *product = &kernel->product;
    kernel->own.loops->pack_b(product, inputs[1], scratch);
    kernel->own.loops->product(product, inputs[0], scratch, kernel->has_bias ? inputs[2] : NULL, outputs[0], 0,
                               product->m);
}

/* y[N,O] = x[N,I] w[O,I]^T */
decant_status dcn_cpu_compile_small_linear(dcn_cpu_device *device, dcn_op_call *call, dcn_kernel **ret_kernel)
{
    int64_t batch = call->input[0].shape.dim[0], in = call->input[1].shape.dim[1], out = call->input[1].shape.dim[0];
    const dcn_cpu_product product = {.m = batch,
                                     .n = out,
                                     .k = in,
                                     .a_row = in,
                                     .a_step = 1,
                                     .b_row = 1,
                                     .b_step = in,
                                     .relu = call->attrs.linear.activation == DCN_ACTIVATION_RELU};
    return compile_small(device, call, &product, call->n_inputs > 2, run_forward, ret_kernel);
}

static void run_grad_input(const dcn_kernel *base, void *const *inputs, void *const *outputs, void *scratch)
{
    const small_kernel *kernel = (const small_kernel *)base;
    kernel->own.loops->pack_b(&kernel->product, inputs[1], scratch);
    kernel->own.loops->product(&kernel->product, inputs[0], scratch, NULL, outputs[0], 0, kernel->product.m);
}

/* dx[N,I] = dy[N,O] w[O,I] */
decant_status dcn_cpu_compile_small_linear_grad_input(dcn_cpu_device *device, dcn_op_call *call,
                                                      dcn_kernel **ret_kernel)
{
    int64_t batch = call->input[0].shape.dim[0], in = call->input[1].shape.dim[1], out = call->input[1].shape.dim[0];
    const dcn_cpu_product product = {
        .m = batch, .n = in, .k = out, .a_row = out, .a_step = 1, .b_row = in, .b_step = 1};
    return compile_small(device, call, &product, false, run_grad_input, ret_kernel);
}

static void run_grad_weight(const dcn_kernel *base, void *const *inputs, void *const *outputs, void *scratch)
{
    const small_kernel *kernel = (const small_kernel *)base;
    const dcn_cpu_product *product = &kernel->product;
    kernel->own.loops->pack_b(product, inputs[0], scratch);
    kernel->own.loops->product(product, inputs[1], scratch, NULL, outputs[0], 0, product->m);
    if (kernel->has_bias) kernel->own.loops->column_sums(inputs[1], product->k, product->m, outputs[1]);
}

/* dw[O,I] = dy[N,O]^T x[N,I]; db[O] = column sums of dy */
decant_status dcn_cpu_compile_small_linear_grad_weight(dcn_cpu_device *device, dcn_op_call *call,
                                                       dcn_kernel **ret_kernel)
{
    int64_t batch = call->input[0].shape.dim[0], in = call->input[0].shape.dim[1], out = call->input[1].shape.dim[1];
    const dcn_cpu_product product = {
        .m = out, .n = in, .k = batch, .a_row = 1, .a_step = out, .b_row = in, .b_step = 1};
    return compile_small(device, call, &product, call->n_outputs > 1, run_grad_weight, ret_kernel);
}
