/* Activations, addition, dropout and plain copies: element by element, in whatever layout the input has. */
#include <string.h>

#include "base/random.h"
#include "device/cpu/cpu.h"

typedef struct elementwise_kernel {
    dcn_cpu_kernel own;
    int64_t count; /* elements in memory, a blocked layout's padding included */
    void (*unary)(const void *, void *, int64_t, int64_t);
    void (*binary)(const void *, const void *, void *, int64_t, int64_t);
    float scale; /* of what dropout kept */
} elementwise_kernel;

static int64_t memory_count(dcn_cpu_device *device, const dcn_tensor_desc *desc)
{
    return (int64_t)(dcn_cpu_layout_bytes(&device->base, desc) / decant_dtype_size(desc->dtype));
}

/* Inputs that must lie alike and do not: maps go to the activation layout. The output lies like them. */
static void agree_layouts(dcn_op_call *call, int32_t n_inputs)
{
    dcn_layout layout = call->input[0].layout;
    for (int32_t i = 1; i < n_inputs; i++)
        if (call->input[i].layout != layout) layout = dcn_cpu_activation_layout(&call->input[0].shape);
    for (int32_t i = 0; i < n_inputs; i++)
        call->input[i].layout = layout;
    call->output[0].layout = layout;
}

static void unary_body(const dcn_cpu_run *run, int64_t begin, int64_t end)
{
    ((const elementwise_kernel *)run->kernel)->unary(run->inputs[0], run->outputs[0], begin, end);
}

static void run_unary(const dcn_kernel *kernel, void *const *inputs, void *const *outputs, void *scratch)
{
    dcn_cpu_run run = dcn_cpu_run_of(kernel, inputs, outputs, scratch);
    dcn_cpu_parallel(&run, ((const elementwise_kernel *)kernel)->count, 1, unary_body);
}

static void binary_body(const dcn_cpu_run *run, int64_t begin, int64_t end)
{
    ((const elementwise_kernel *)run->kernel)->binary(run->inputs[0], run->inputs[1], run->outputs[0], begin, end);
}

static void run_binary(const dcn_kernel *kernel, void *const *inputs, void *const *outputs, void *scratch)
{
    dcn_cpu_run run = dcn_cpu_run_of(kernel, inputs, outputs, scratch);
    dcn_cpu_parallel(&run, ((const elementwise_kernel *)kernel)->count, 1, binary_body);
}

static decant_status compile_elementwise(dcn_cpu_device *device, dcn_op_call *call, int32_t n_inputs,
                                         elementwise_kernel **ret_kernel)
{
    elementwise_kernel *kernel = NULL;
    agree_layouts(call, n_inputs);
    TRY_RETURN(
        dcn_cpu_kernel_create(device, call, sizeof *kernel, n_inputs == 1 ? run_unary : run_binary, (void **)&kernel));
    kernel->count = memory_count(device, &call->input[0]);
    kernel->own.base.in_place = true;
    *ret_kernel = kernel;
    return DECANT_OK;
}

decant_status dcn_cpu_compile_activation(dcn_cpu_device *device, dcn_op_call *call, dcn_kernel **ret_kernel)
{
    elementwise_kernel *kernel = NULL;
    TRY_RETURN(compile_elementwise(device, call, 1, &kernel));
    const dcn_cpu_loops *loops = kernel->own.loops;
    kernel->unary = call->op == DECANT_OP_RELU        ? loops->relu
                    : call->op == DECANT_OP_RELU6     ? loops->relu6
                    : call->op == DECANT_OP_HARDSWISH ? loops->hardswish
                    : call->op == DECANT_OP_SIGMOID   ? loops->sigmoid
                    : call->op == DECANT_OP_LOG       ? loops->log
                                                      : loops->gelu;
    *ret_kernel = &kernel->own.base;
    return DECANT_OK;
}

decant_status dcn_cpu_compile_activation_grad(dcn_cpu_device *device, dcn_op_call *call, dcn_kernel **ret_kernel)
{
    elementwise_kernel *kernel = NULL;
    TRY_RETURN(compile_elementwise(device, call, 2, &kernel));
    const dcn_cpu_loops *loops = kernel->own.loops;
    switch ((dcn_activation)call->attrs.activation.kind) {
    case DCN_ACTIVATION_NONE:
        dcn_free(kernel);
        return DCN_FAIL(UNSUPPORTED, "activation_grad of no activation");
    case DCN_ACTIVATION_RELU:
        kernel->binary = loops->relu_grad;
        break;
    case DCN_ACTIVATION_RELU6:
        kernel->binary = loops->relu6_grad;
        break;
    case DCN_ACTIVATION_HARDSWISH:
        kernel->binary = loops->hardswish_grad;
        break;
    case DCN_ACTIVATION_SIGMOID:
        kernel->binary = loops->sigmoid_grad;
        break;
    case DCN_ACTIVATION_GELU:
        kernel->binary = loops->gelu_grad;
        break;
    }
    *ret_kernel = &kernel->own.base;
    return DECANT_OK;
}

decant_status dcn_cpu_compile_add(dcn_cpu_device *device, dcn_op_call *call, dcn_kernel **ret_kernel)
{
    elementwise_kernel *kernel = NULL;
    TRY_RETURN(compile_elementwise(device, call, 2, &kernel));
    kernel->binary =
        call->attrs.activation.kind == DCN_ACTIVATION_RELU ? kernel->own.loops->add_relu : kernel->own.loops->add;
    *ret_kernel = &kernel->own.base;
    return DECANT_OK;
}

static void copy_bytes(const void *from, void *to, int64_t begin, int64_t end)
{
    if (from != to) memcpy((char *)to + begin, (const char *)from + begin, (size_t)(end - begin));
}

/* A view that the engine could not give out as one. */
decant_status dcn_cpu_compile_copy(dcn_cpu_device *device, dcn_op_call *call, dcn_kernel **ret_kernel)
{
    elementwise_kernel *kernel = NULL;
    call->input[0].layout = DCN_LAYOUT_PLAIN;
    TRY_RETURN(compile_elementwise(device, call, 1, &kernel));
    kernel->unary = copy_bytes;
    kernel->count *= (int64_t)kernel->own.loops->element_bytes;
    *ret_kernel = &kernel->own.base;
    return DECANT_OK;
}

/* --- dropout --- */

typedef struct dropout_kernel {
    dcn_cpu_kernel own;
    dcn_dropout_attrs attrs;
    int64_t count;
    dcn_cpu_map map; /* for NHWC memory */
} dropout_kernel;

static float survivor_scale(const dcn_dropout_attrs *attrs)
{
    return (float)(1.0 / (1.0 - attrs->p));
}

static dcn_cpu_dropout dropout_state(const dcn_dropout_attrs *attrs, const int64_t *counter)
{
    uint64_t step = (uint64_t)counter[1];
    return (dcn_cpu_dropout){
        .seed = (uint64_t)counter[0],
        .purpose = (uint32_t)DCN_PURPOSE_DROPOUT | (uint32_t)((attrs->stream & 0xffffff) << 8),
        .step_low = (uint32_t)step,
        .step_high = (uint32_t)(step >> 32),
        .threshold = (uint64_t)(attrs->p * 4294967296.0),
        .scale = survivor_scale(attrs),
    };
}

static void dropout_body(const dcn_cpu_run *run, int64_t begin, int64_t end)
{
    const dropout_kernel *kernel = (const dropout_kernel *)run->kernel;
    dcn_cpu_dropout state = dropout_state(&kernel->attrs, run->inputs[1]);
    kernel->own.loops->dropout(&state, run->inputs[0], run->outputs[0], begin, end, kernel->count);
}

static void run_dropout(const dcn_kernel *base, void *const *inputs, void *const *outputs, void *scratch)
{
    dcn_cpu_run run = dcn_cpu_run_of(base, inputs, outputs, scratch);
    dcn_cpu_parallel(&run, (((const dropout_kernel *)base)->count + 3) / 4, 16, dropout_body);
}

static void dropout_nhwc_body(const dcn_cpu_run *run, int64_t begin, int64_t end)
{
    const dropout_kernel *kernel = (const dropout_kernel *)run->kernel;
    dcn_cpu_dropout state = dropout_state(&kernel->attrs, run->inputs[1]);
    kernel->own.loops->dropout_nhwc(&state, run->inputs[0], run->outputs[0], kernel->map.channels,
                                    kernel->map.height * kernel->map.width, begin, end);
}

static void run_dropout_nhwc(const dcn_kernel *base, void *const *inputs, void *const *outputs, void *scratch)
{
    dcn_cpu_run run = dcn_cpu_run_of(base, inputs, outputs, scratch);
    const dcn_cpu_map *map = &((const dropout_kernel *)base)->map;
    dcn_cpu_parallel(&run, map->batch * map->height * map->width, 4 * map->channels, dropout_nhwc_body);
}

decant_status dcn_cpu_compile_dropout(dcn_cpu_device *device, dcn_op_call *call, dcn_kernel **ret_kernel)
{
    dropout_kernel *kernel = NULL;
    if (call->n_inputs < 2) return dcn_cpu_compile_copy(device, call, ret_kernel);
    /* the mask is a matter of logical order, so only layouts whose order is known will do */
    bool nhwc = call->input[0].layout != DCN_LAYOUT_PLAIN && call->input[0].shape.rank == 4 &&
                dcn_cpu_activation_layout(&call->input[0].shape) == DCN_CPU_LAYOUT_NHWC;
    call->input[0].layout = nhwc ? DCN_CPU_LAYOUT_NHWC : DCN_LAYOUT_PLAIN;
    call->input[1].layout = DCN_LAYOUT_PLAIN;
    call->output[0].layout = call->input[0].layout;
    TRY_RETURN(
        dcn_cpu_kernel_create(device, call, sizeof *kernel, nhwc ? run_dropout_nhwc : run_dropout, (void **)&kernel));
    kernel->attrs = call->attrs.dropout;
    kernel->count = decant_shape_count(&call->input[0].shape);
    if (nhwc) kernel->map = dcn_cpu_map_of(&call->input[0].shape);
    kernel->own.base.in_place = true;
    *ret_kernel = &kernel->own.base;
    return DECANT_OK;
}

/* --- undoing dropout and relu in one pass --- */

static void rectified_body(const dcn_cpu_run *run, int64_t begin, int64_t end)
{
    const elementwise_kernel *kernel = (const elementwise_kernel *)run->kernel;
    kernel->own.loops->rectified_dropout_grad(run->inputs[0], run->inputs[1], kernel->scale, run->outputs[0], begin,
                                              end);
}

static void run_rectified(const dcn_kernel *kernel, void *const *inputs, void *const *outputs, void *scratch)
{
    dcn_cpu_run run = dcn_cpu_run_of(kernel, inputs, outputs, scratch);
    dcn_cpu_parallel(&run, ((const elementwise_kernel *)kernel)->count, 1, rectified_body);
}

decant_status dcn_cpu_compile_rectified_dropout_grad(dcn_cpu_device *device, dcn_op_call *call, dcn_kernel **ret_kernel)
{
    elementwise_kernel *kernel = NULL;
    TRY_RETURN(compile_elementwise(device, call, 2, &kernel));
    kernel->own.base.run = run_rectified;
    kernel->scale = survivor_scale(&call->attrs.dropout);
    *ret_kernel = &kernel->own.base;
    return DECANT_OK;
}
