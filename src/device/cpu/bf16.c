/* bf16 on this processor: whether products are faster in it, and which kernel a bf16 call gets. */
#include "device/cpu/cpu.h"

/* Multiply-adds that a layer does for one sample before converting its inputs is worth while. It is counted for a
 * sample so that a network computes in the same precision at every batch size. */
#define MIN_SAMPLE_FLOPS 50e3

/* oneDNN knows what the processor and the system can do, and how far it was told to go (ONEDNN_MAX_CPU_ISA). AMX
 * multiplies bf16 many times faster than f32. Of the processors that only have the dot products of AVX512-BF16, AMD's
 * run them at twice the rate of f32 multiply-adds; Intel's do not gain by them (measured with oneDNN 2.6 on layers of
 * our networks). Without either, bf16 is emulated and slower than f32. */
void dcn_cpu_find_bf16(dcn_cpu_device *device)
{
    unsigned isa = (unsigned)dnnl_get_effective_cpu_isa();
    bool has_avx512 = (isa & dnnl_cpu_isa_avx512_core) == dnnl_cpu_isa_avx512_core;
    bool has_dot = (isa & dnnl_cpu_isa_avx512_core_bf16) == dnnl_cpu_isa_avx512_core_bf16;
    bool has_tiles = (isa & dnnl_cpu_isa_avx512_core_amx) == dnnl_cpu_isa_avx512_core_amx;
    bool is_amd = false, wide_loops = false;
#ifdef DCN_CPU_X86
    is_amd = __builtin_cpu_is("amd");
    wide_loops = device->loops == &dcn_cpu_loops_avx512;
#endif
    device->has_bf16_products = has_avx512 && wide_loops;
    device->has_fast_bf16 = device->has_bf16_products && (has_tiles || (has_dot && is_amd));
    device->has_fast_dots = device->has_fast_bf16 && !has_tiles && device->narrow_loops->dots != NULL;
}

/* Convolutions of several taps on maps of few pixels: oneDNN's bf16 kernels compute the padding too, and gradients of
 * weights one pixel at a time; the f32 panels leave out what is padding (panels.c). */
static bool is_faster_in_panels(const dcn_op_call *call)
{
    bool forward = call->op == DECANT_OP_CONV2D, to_weight = call->op == DECANT_OP_CONV2D_GRAD_WEIGHT;
    if ((!forward && !to_weight && call->op != DECANT_OP_CONV2D_GRAD_INPUT) || call->attrs.conv.groups != 1)
        return false;
    const decant_shape *weight = to_weight ? &call->output[0].shape : &call->input[1].shape;
    const decant_shape *map = forward ? &call->output[0].shape : &call->input[to_weight ? 1 : 0].shape; /* y or dy */
    int64_t pixels = map->dim[2] * map->dim[3];
    return weight->dim[2] * weight->dim[3] > 1 && pixels <= (to_weight ? 16 : 4);
}

bool dcn_cpu_gains_from_bf16(const dcn_device *base, const dcn_op_call *call)
{
    const dcn_cpu_device *device = (const dcn_cpu_device *)base;
    if (!device->has_fast_bf16) return false;
    if (is_faster_in_panels(call) && !dcn_cpu_gains_from_narrow_winograd(device, call)) return false;
    /* input 0 is x or dy: either way a row a sample */
    return dcn_op_flops(call) / (double)call->input[0].shape.dim[0] >= MIN_SAMPLE_FLOPS;
}

/* Loops that add to what they have stored would round every time. */
static bool accumulates(const dcn_op_call *call)
{
    switch (call->op) {
    case DECANT_OP_REPEAT_CHANNELS_GRAD:
        return true;
    case DECANT_OP_MAXPOOL_GRAD:
    case DECANT_OP_AVGPOOL_GRAD:
    case DECANT_OP_ADAPTIVE_AVGPOOL_GRAD: {
        dcn_cpu_window window = dcn_cpu_window_of(call, &call->output[0].shape, &call->input[0].shape);
        return !dcn_cpu_window_tiles(&window);
    }
    default:
        return false;
    }
}

decant_status dcn_cpu_compile_bf16(dcn_cpu_device *device, dcn_op_call *call, dcn_cpu_compile *compile,
                                   dcn_kernel **ret_kernel)
{
    bool product = dcn_op_may_narrow(call->op).product;
    if ((product && !device->has_bf16_products) || accumulates(call))
        return dcn_cpu_compile_widened(device, call, compile, ret_kernel);
    dcn_op_call asked = *call;
    decant_status status = compile(device, call, ret_kernel);
    if (status != DECANT_UNSUPPORTED || !product) return status;
    *call = asked;
    return dcn_cpu_compile_widened(device, call, compile, ret_kernel);
}
