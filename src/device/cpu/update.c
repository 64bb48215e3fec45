/* The optimisers over the flat block, and the norm of its gradient. */
#include <math.h>

#include "device/cpu/cpu.h"

typedef struct update_kernel {
    dcn_cpu_kernel own;
    dcn_update_attrs attrs;
    int64_t count;
    int32_t norm_input; /* of the gradient's norm; -1: no clipping */
} update_kernel;

static decant_status compile_update(dcn_cpu_device *device, dcn_op_call *call,
                                    void (*run)(const dcn_kernel *, void *const *, void *const *, void *),
                                    update_kernel **ret_kernel)
{
    update_kernel *kernel = NULL;
    dcn_cpu_ask_activation(call);
    TRY_RETURN(dcn_cpu_kernel_create(device, call, sizeof *kernel, run, (void **)&kernel));
    kernel->count = decant_shape_count(&call->input[0].shape);
    kernel->norm_input = -1;
    *ret_kernel = kernel;
    return DECANT_OK;
}

/* --- norm --- */

static int64_t square_chunks(int64_t count)
{
    return (count + DCN_CPU_SQUARE_CHUNK - 1) / DCN_CPU_SQUARE_CHUNK;
}

static void grad_norm_body(const dcn_cpu_run *run, int64_t begin, int64_t end)
{
    const update_kernel *kernel = (const update_kernel *)run->kernel;
    kernel->own.loops->square_sums(run->inputs[0], kernel->count, run->scratch, begin, end);
}

static void run_grad_norm(const dcn_kernel *base, void *const *inputs, void *const *outputs, void *scratch)
{
    int64_t chunks = square_chunks(((const update_kernel *)base)->count);
    dcn_cpu_run run = dcn_cpu_run_of(base, inputs, outputs, scratch);
    dcn_cpu_parallel(&run, chunks, DCN_CPU_SQUARE_CHUNK, grad_norm_body);
    double sum = 0.0;
    for (int64_t i = 0; i < chunks; i++)
        sum += ((const double *)scratch)[i];
    *(float *)outputs[0] = (float)sqrt(sum);
}

decant_status dcn_cpu_compile_grad_norm(dcn_cpu_device *device, dcn_op_call *call, dcn_kernel **ret_kernel)
{
    update_kernel *kernel = NULL;
    TRY_RETURN(compile_update(device, call, run_grad_norm, &kernel));
    kernel->own.base.scratch_bytes = (size_t)square_chunks(kernel->count) * sizeof(double);
    *ret_kernel = &kernel->own.base;
    return DECANT_OK;
}

/* --- optimisers --- */

/* The step's numbers; a NaN norm stays NaN and shows. */
static dcn_cpu_update update_of(const update_kernel *kernel, const float *hyper, void *const *inputs)
{
    double factor = 1.0, step = (double)hyper[DCN_HYPER_STEP];
    if (kernel->norm_input >= 0) {
        factor = kernel->attrs.max_norm / ((double)*(const float *)inputs[kernel->norm_input] + 1e-6);
        if (factor > 1.0) factor = 1.0;
    }
    double correction1 = 1.0 - pow((double)hyper[DCN_HYPER_BETA1], step);
    double correction2 = 1.0 - pow((double)hyper[DCN_HYPER_BETA2], step);
    return (dcn_cpu_update){
        .lr = hyper[DCN_HYPER_LR],
        .weight_decay = hyper[DCN_HYPER_WEIGHT_DECAY],
        .momentum = hyper[DCN_HYPER_MOMENTUM],
        .beta1 = hyper[DCN_HYPER_BETA1],
        .beta2 = hyper[DCN_HYPER_BETA2],
        .eps = hyper[DCN_HYPER_EPS],
        .grad_scale = (float)factor,
        .step_size = (float)((double)hyper[DCN_HYPER_LR] / correction1),
        .root_bias = (float)sqrt(correction2),
        .nesterov = kernel->attrs.nesterov,
        .decoupled = kernel->attrs.decoupled,
        .has_momentum = kernel->attrs.has_momentum,
        .first = step <= 1.0,
    };
}

static void sgd_body(const dcn_cpu_run *run, int64_t begin, int64_t end)
{
    const update_kernel *kernel = (const update_kernel *)run->kernel;
    dcn_cpu_update update = update_of(kernel, run->inputs[3], run->inputs);
    kernel->own.loops->sgd(&update, run->inputs[0], run->inputs[1], run->inputs[2], begin, end);
}

static void run_sgd(const dcn_kernel *base, void *const *inputs, void *const *outputs, void *scratch)
{
    dcn_cpu_run run = dcn_cpu_run_of(base, inputs, outputs, scratch);
    dcn_cpu_parallel(&run, ((const update_kernel *)base)->count, 1, sgd_body);
}

static void adam_body(const dcn_cpu_run *run, int64_t begin, int64_t end)
{
    const update_kernel *kernel = (const update_kernel *)run->kernel;
    dcn_cpu_update update = update_of(kernel, run->inputs[4], run->inputs);
    kernel->own.loops->adam(&update, run->inputs[0], run->inputs[1], run->inputs[2], run->inputs[3], begin, end);
}

static void run_adam(const dcn_kernel *base, void *const *inputs, void *const *outputs, void *scratch)
{
    dcn_cpu_run run = dcn_cpu_run_of(base, inputs, outputs, scratch);
    dcn_cpu_parallel(&run, ((const update_kernel *)base)->count, 1, adam_body);
}

static decant_status compile_optimizer(dcn_cpu_device *device, dcn_op_call *call,
                                       void (*run)(const dcn_kernel *, void *const *, void *const *, void *),
                                       dcn_kernel **ret_kernel)
{
    update_kernel *kernel = NULL;
    TRY_RETURN(compile_update(device, call, run, &kernel));
    kernel->attrs = call->attrs.update;
    if (kernel->attrs.max_norm > 0.0) kernel->norm_input = call->n_inputs - 1;
    kernel->own.base.in_place = true;
    *ret_kernel = &kernel->own.base;
    return DECANT_OK;
}

decant_status dcn_cpu_compile_sgd_update(dcn_cpu_device *device, dcn_op_call *call, dcn_kernel **ret_kernel)
{
    return compile_optimizer(device, call, run_sgd, ret_kernel);
}

decant_status dcn_cpu_compile_adam_update(dcn_cpu_device *device, dcn_op_call *call, dcn_kernel **ret_kernel)
{
    return compile_optimizer(device, call, run_adam, ret_kernel);
}

static void ema_body(const dcn_cpu_run *run, int64_t begin, int64_t end)
{
    const update_kernel *kernel = (const update_kernel *)run->kernel;
    const float *hyper = run->inputs[2];
    kernel->own.loops->ema(hyper[DCN_HYPER_EMA_DECAY], run->inputs[0], run->inputs[1], begin, end);
}

static void run_ema(const dcn_kernel *base, void *const *inputs, void *const *outputs, void *scratch)
{
    dcn_cpu_run run = dcn_cpu_run_of(base, inputs, outputs, scratch);
    dcn_cpu_parallel(&run, ((const update_kernel *)base)->count, 1, ema_body);
}

decant_status dcn_cpu_compile_ema_update(dcn_cpu_device *device, dcn_op_call *call, dcn_kernel **ret_kernel)
{
    update_kernel *kernel = NULL;
    TRY_RETURN(compile_update(device, call, run_ema, &kernel));
    kernel->own.base.in_place = true;
    *ret_kernel = &kernel->own.base;
    return DECANT_OK;
}
