/* The ref device: every op as plain loops on plain tensors, in f32 and f64. It is the oracle that the other devices are
 * judged by: readable, sums in double, never optimised, one thread. bf16 tensors are widened to f32 before an op and
 * rounded behind it. */
#include "device/ref/ref.h"

#include <string.h>

#include "base/memory.h"
#include "tensor/bf16.h"
#include "tensor/shape.h"

typedef struct ref_kernel {
    dcn_kernel base;
    dcn_op_call call;
    dcn_ref_function *function; /* NULL: copy `bytes` bytes */
    size_t bytes;
    size_t input_at[DCN_MAX_INPUTS],
        output_at[DCN_MAX_OUTPUTS]; /* bf16 tensors: their f32 form in the scratch memory */
} ref_kernel;

typedef struct ref_row {
    dcn_ref_function *f32, *f64;
} ref_row;

static const ref_row rows[DECANT_OP_COUNT] = {
#define OP(upper, lower, attrs, in0, in1, out, onnx, tol, flags)                                                       \
    [DECANT_OP_##upper] = {dcn_ref_##lower##_f32, dcn_ref_##lower##_f64},
#include "graph/op.def"
};

static void run_function(const dcn_kernel *kernel, void *const *inputs, void *const *outputs, void *scratch)
{
    const ref_kernel *self = (const ref_kernel *)kernel;
    (void)scratch;
    self->function(&self->call, inputs, outputs);
}

/* --- bf16 --- */

static void widen(const dcn_bf16 *from, float *to, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        to[i] = dcn_bf16_widen(from[i]);
}

static void narrow(const float *from, dcn_bf16 *to, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        to[i] = dcn_bf16_round(from[i]);
}

static void run_narrow(const dcn_kernel *kernel, void *const *inputs, void *const *outputs, void *scratch)
{
    const ref_kernel *self = (const ref_kernel *)kernel;
    const dcn_op_call *call = &self->call;
    void *wide_inputs[DCN_MAX_INPUTS], *wide_outputs[DCN_MAX_OUTPUTS];
    for (int32_t i = 0; i < call->n_inputs; i++) {
        bool converted = call->input[i].dtype == DECANT_BF16;
        wide_inputs[i] = converted ? (char *)scratch + self->input_at[i] : inputs[i];
        if (converted) widen(inputs[i], wide_inputs[i], decant_shape_count(&call->input[i].shape));
    }
    for (int32_t o = 0; o < call->n_outputs; o++)
        wide_outputs[o] = call->output[o].dtype == DECANT_BF16 ? (char *)scratch + self->output_at[o] : outputs[o];
    self->function(call, wide_inputs, wide_outputs);
    for (int32_t o = 0; o < call->n_outputs; o++)
        if (call->output[o].dtype == DECANT_BF16)
            narrow(wide_outputs[o], outputs[o], decant_shape_count(&call->output[o].shape));
}

static size_t take_wide(ref_kernel *kernel, const dcn_tensor_desc *desc)
{
    size_t offset = kernel->base.scratch_bytes;
    if (desc->dtype == DECANT_BF16)
        kernel->base.scratch_bytes += (size_t)decant_shape_count(&desc->shape) * sizeof(float);
    return offset;
}

static bool is_narrow(const dcn_op_call *call)
{
    for (int32_t i = 0; i < call->n_inputs; i++)
        if (call->input[i].dtype == DECANT_BF16) return true;
    return false;
}

static void run_widen(const dcn_kernel *kernel, void *const *inputs, void *const *outputs, void *scratch)
{
    (void)scratch;
    widen(inputs[0], outputs[0], decant_shape_count(&((const ref_kernel *)kernel)->call.input[0].shape));
}

static void run_round(const dcn_kernel *kernel, void *const *inputs, void *const *outputs, void *scratch)
{
    (void)scratch;
    narrow(inputs[0], outputs[0], decant_shape_count(&((const ref_kernel *)kernel)->call.input[0].shape));
}

/* --- compiling --- */

static void run_copy(const dcn_kernel *kernel, void *const *inputs, void *const *outputs, void *scratch)
{
    const ref_kernel *self = (const ref_kernel *)kernel;
    (void)scratch;
    memmove(outputs[0], inputs[0], self->bytes);
}

static void destroy_kernel(dcn_kernel *kernel)
{
    dcn_free(kernel);
}

static decant_status create_kernel(ref_kernel **ret_kernel)
{
    ref_kernel *kernel = NULL;
    TRY_RETURN(dcn_new(sizeof *kernel, (void **)&kernel));
    kernel->base.destroy = destroy_kernel;
    memcpy(kernel->base.name, "ref", sizeof "ref");
    *ret_kernel = kernel;
    return DECANT_OK;
}

/* An op computes in the type of its first input; whole numbers and the hyper parameters keep their own type. */
static decant_status check_types(const dcn_op_call *call)
{
    decant_dtype type = call->input[0].dtype;
    bool may_narrow = dcn_op_may_narrow(call->op).inputs != 0;
    if (type != DECANT_F32 && type != DECANT_F64 && !(type == DECANT_BF16 && may_narrow))
        return DCN_FAIL(UNSUPPORTED, "device ref computes %s in f32 and f64, not in %s", dcn_op_get(call->op)->name,
                        decant_dtype_name(type));
    return DECANT_OK;
}

static decant_status ref_compile(dcn_device *device, dcn_op_call *call, dcn_kernel **ret_kernel)
{
    (void)device;
    TRY_RETURN(check_types(call));
    ref_kernel *kernel = NULL;
    TRY_RETURN(create_kernel(&kernel));

    for (int32_t i = 0; i < call->n_inputs; i++)
        call->input[i].layout = DCN_LAYOUT_PLAIN;
    for (int32_t i = 0; i < call->n_outputs; i++)
        call->output[i].layout = DCN_LAYOUT_PLAIN;
    const ref_row *row = &rows[call->op];
    kernel->call = *call;
    kernel->function = call->input[0].dtype == DECANT_F64 ? row->f64 : row->f32;
    kernel->base.run = run_function;
    kernel->base.flops = dcn_op_flops(call);
    kernel->base.needed_flops = dcn_op_needed_flops(call);
    kernel->base.in_place = (dcn_op_get(call->op)->flags & (DCN_OP_INPLACE | DCN_OP_VIEW)) != 0;
    if (is_narrow(call)) {
        kernel->base.run = run_narrow;
        for (int32_t i = 0; i < call->n_inputs; i++)
            kernel->input_at[i] = take_wide(kernel, &call->input[i]);
        for (int32_t o = 0; o < call->n_outputs; o++)
            kernel->output_at[o] = take_wide(kernel, &call->output[o]);
    }
    *ret_kernel = &kernel->base;
    return DECANT_OK;
}

static decant_status ref_compile_reorder(dcn_device *device, const dcn_tensor_desc *from, const dcn_tensor_desc *to,
                                         dcn_kernel **ret_kernel)
{
    (void)device;
    if (from->layout != DCN_LAYOUT_PLAIN || to->layout != DCN_LAYOUT_PLAIN)
        return DCN_FAIL(UNSUPPORTED, "device ref knows only the plain layout");
    bool widens = from->dtype == DECANT_BF16 && to->dtype == DECANT_F32;
    bool rounds = from->dtype == DECANT_F32 && to->dtype == DECANT_BF16;
    if (from->dtype != to->dtype && !widens && !rounds)
        return DCN_FAIL(INVALID_ARG, "a reorder from %s to %s", decant_dtype_name(from->dtype),
                        decant_dtype_name(to->dtype));
    size_t bytes = 0;
    TRY_RETURN(dcn_shape_bytes(&from->shape, from->dtype, &bytes));
    ref_kernel *kernel = NULL;
    TRY_RETURN(create_kernel(&kernel));
    kernel->base.run = widens ? run_widen : rounds ? run_round : run_copy;
    kernel->base.in_place = from->dtype == to->dtype;
    kernel->bytes = bytes;
    kernel->call.input[0] = *from;
    *ret_kernel = &kernel->base;
    return DECANT_OK;
}

static size_t ref_layout_bytes(dcn_device *device, const dcn_tensor_desc *desc)
{
    (void)device;
    return (size_t)decant_shape_count(&desc->shape) * decant_dtype_size(desc->dtype);
}

static const char *ref_layout_name(dcn_device *device, dcn_layout layout)
{
    (void)device;
    return layout == DCN_LAYOUT_PLAIN ? "plain" : layout == DCN_LAYOUT_ANY ? "any" : "unknown";
}

static decant_status ref_memory_create(dcn_device *device, size_t bytes, void **ret_memory)
{
    (void)device;
    return dcn_new_aligned(bytes, ret_memory);
}

static void ref_memory_destroy(dcn_device *device, void *memory)
{
    (void)device;
    dcn_free_aligned(memory);
}

static decant_status ref_transfer(dcn_device *device, void *to, const void *from, size_t bytes)
{
    (void)device;
    if (bytes > 0) memcpy(to, from, bytes);
    return DECANT_OK;
}

static bool ref_available(void)
{
    return true;
}

static decant_status ref_open(const dcn_device_options *options, dcn_device **ret_device)
{
    (void)options; /* one thread whatever is asked: an oracle's sums have one order */
    dcn_device *device = NULL;
    TRY_RETURN(dcn_new(sizeof *device, (void **)&device));
    device->class = &dcn_device_ref;
    device->threads = 1;
    memcpy(device->summary, "ref: plain loops, 1 thread", sizeof "ref: plain loops, 1 thread");
    *ret_device = device;
    return DECANT_OK;
}

static void ref_close(dcn_device *device)
{
    dcn_free(device);
}

const dcn_device_class dcn_device_ref = {
    .name = "ref",
    .description = "plain loops, the oracle: every op in f32 and f64, slow",
    .available = ref_available,
    .open = ref_open,
    .close = ref_close,
    .compile = ref_compile,
    .compile_reorder = ref_compile_reorder,
    .layout_bytes = ref_layout_bytes,
    .layout_name = ref_layout_name,
    .memory_create = ref_memory_create,
    .memory_destroy = ref_memory_destroy,
    .upload = ref_transfer,
    .download = ref_transfer,
};
