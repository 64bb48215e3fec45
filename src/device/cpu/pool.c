/* Pooling over NHWC maps by our own loops: maximum, average and adaptive average. */
#include "device/cpu/cpu.h"

typedef struct pool_kernel {
    dcn_cpu_kernel own;
    dcn_cpu_window window;
    bool has_index;
} pool_kernel;

dcn_cpu_window dcn_cpu_window_of(const dcn_op_call *call, const decant_shape *in, const decant_shape *out)
{
    dcn_cpu_window window = {.batch = in->dim[0], .channels = in->dim[1]};
    window.adaptive = call->op == DECANT_OP_ADAPTIVE_AVGPOOL || call->op == DECANT_OP_ADAPTIVE_AVGPOOL_GRAD;
    for (int i = 0; i < 2; i++) {
        window.in[i] = in->dim[2 + i];
        window.out[i] = out->dim[2 + i];
        if (window.adaptive) continue;
        window.kernel[i] = call->attrs.pool.kernel[i];
        window.stride[i] = call->attrs.pool.stride[i];
        window.padding[i] = call->attrs.pool.padding[i];
    }
    window.count_padding = !window.adaptive && call->attrs.pool.count_include_pad;
    window.wide_index = window.kernel[0] * window.kernel[1] > 256;
    return window;
}

static dcn_layout index_layout(const dcn_cpu_window *window, const decant_shape *shape)
{
    return window->wide_index ? dcn_cpu_activation_layout(shape) : DCN_CPU_LAYOUT_WINDOW;
}

/* Elements of one output row and what they are made from, or of one whole sample. */
static int64_t row_cost(const dcn_cpu_window *window)
{
    return window->in[0] * window->in[1] * window->channels / window->out[0] + window->out[1] * window->channels;
}

static int64_t sample_cost(const dcn_cpu_window *window)
{
    return row_cost(window) * window->out[0];
}

static decant_status compile_pool(dcn_cpu_device *device, const dcn_op_call *call, const dcn_cpu_window *window,
                                  void (*run)(const dcn_kernel *, void *const *, void *const *, void *),
                                  dcn_kernel **ret_kernel)
{
    pool_kernel *kernel = NULL;
    TRY_RETURN(dcn_cpu_kernel_create(device, call, sizeof *kernel, run, (void **)&kernel));
    kernel->window = *window;
    kernel->has_index = call->n_outputs > 1;
    *ret_kernel = &kernel->own.base;
    return DECANT_OK;
}

static void maxpool_body(const dcn_cpu_run *run, int64_t begin, int64_t end)
{
    const pool_kernel *kernel = (const pool_kernel *)run->kernel;
    kernel->own.loops->maxpool(&kernel->window, run->inputs[0], run->outputs[0],
                               kernel->has_index ? run->outputs[1] : NULL, begin, end);
}

static void run_maxpool(const dcn_kernel *base, void *const *inputs, void *const *outputs, void *scratch)
{
    const dcn_cpu_window *window = &((const pool_kernel *)base)->window;
    dcn_cpu_run run = dcn_cpu_run_of(base, inputs, outputs, scratch);
    dcn_cpu_parallel(&run, window->batch * window->out[0], row_cost(window), maxpool_body);
}

decant_status dcn_cpu_compile_maxpool(dcn_cpu_device *device, dcn_op_call *call, dcn_kernel **ret_kernel)
{
    dcn_cpu_window window = dcn_cpu_window_of(call, &call->input[0].shape, &call->output[0].shape);
    dcn_cpu_ask_activation(call);
    if (call->n_outputs > 1) call->output[1].layout = index_layout(&window, &call->output[1].shape);
    return compile_pool(device, call, &window, run_maxpool, ret_kernel);
}

static void maxpool_grad_body(const dcn_cpu_run *run, int64_t begin, int64_t end)
{
    const pool_kernel *kernel = (const pool_kernel *)run->kernel;
    kernel->own.loops->maxpool_grad(&kernel->window, run->inputs[0], run->inputs[1], run->outputs[0], begin, end);
}

static void run_maxpool_grad(const dcn_kernel *base, void *const *inputs, void *const *outputs, void *scratch)
{
    const dcn_cpu_window *window = &((const pool_kernel *)base)->window;
    dcn_cpu_run run = dcn_cpu_run_of(base, inputs, outputs, scratch);
    dcn_cpu_parallel(&run, window->batch, sample_cost(window), maxpool_grad_body);
}

decant_status dcn_cpu_compile_maxpool_grad(dcn_cpu_device *device, dcn_op_call *call, dcn_kernel **ret_kernel)
{
    dcn_cpu_window window = dcn_cpu_window_of(call, &call->output[0].shape, &call->input[0].shape);
    dcn_cpu_ask_activation(call);
    call->input[1].layout = index_layout(&window, &call->input[1].shape);
    return compile_pool(device, call, &window, run_maxpool_grad, ret_kernel);
}

static void avgpool_body(const dcn_cpu_run *run, int64_t begin, int64_t end)
{
    const pool_kernel *kernel = (const pool_kernel *)run->kernel;
    kernel->own.loops->avgpool(&kernel->window, run->inputs[0], run->outputs[0], begin, end);
}

static void run_avgpool(const dcn_kernel *base, void *const *inputs, void *const *outputs, void *scratch)
{
    const dcn_cpu_window *window = &((const pool_kernel *)base)->window;
    dcn_cpu_run run = dcn_cpu_run_of(base, inputs, outputs, scratch);
    dcn_cpu_parallel(&run, window->batch * window->out[0], row_cost(window), avgpool_body);
}

decant_status dcn_cpu_compile_avgpool(dcn_cpu_device *device, dcn_op_call *call, dcn_kernel **ret_kernel)
{
    dcn_cpu_window window = dcn_cpu_window_of(call, &call->input[0].shape, &call->output[0].shape);
    dcn_cpu_ask_activation(call);
    return compile_pool(device, call, &window, run_avgpool, ret_kernel);
}

static void avgpool_grad_body(const dcn_cpu_run *run, int64_t begin, int64_t end)
{
    const pool_kernel *kernel = (const pool_kernel *)run->kernel;
    kernel->own.loops->avgpool_grad(&kernel->window, run->inputs[0], run->outputs[0], begin, end);
}

static void run_avgpool_grad(const dcn_kernel *base, void *const *inputs, void *const *outputs, void *scratch)
{
    const dcn_cpu_window *window = &((const pool_kernel *)base)->window;
    dcn_cpu_run run = dcn_cpu_run_of(base, inputs, outputs, scratch);
    dcn_cpu_parallel(&run, window->batch, sample_cost(window), avgpool_grad_body);
}

decant_status dcn_cpu_compile_avgpool_grad(dcn_cpu_device *device, dcn_op_call *call, dcn_kernel **ret_kernel)
{
    dcn_cpu_window window = dcn_cpu_window_of(call, &call->output[0].shape, &call->input[0].shape);
    dcn_cpu_ask_activation(call);
    return compile_pool(device, call, &window, run_avgpool_grad, ret_kernel);
}
