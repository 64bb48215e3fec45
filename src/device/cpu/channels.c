/* Ops that move whole pieces of maps: concat, slice, and the padding and repetition of channels. Maps are NHWC. */
#include <string.h>

#include "device/cpu/cpu.h"
#include "tensor/bf16.h"

/* --- concat and slice: runs of bytes at regular distances --- */

typedef struct piece_kernel {
    dcn_cpu_kernel own;
    int64_t outer;                  /* runs in every tensor */
    int64_t whole;                  /* bytes between the runs of the tensor that holds all pieces */
    int64_t length[DCN_MAX_INPUTS]; /* bytes of a run of each piece */
    int64_t offset[DCN_MAX_INPUTS]; /* of a piece's run in the whole's */
    int32_t n_pieces;
} piece_kernel;

/* The sizes around an axis in the memory order of the activation layout: runs outside it, bytes inside. */
static void sizes_around(const dcn_tensor_desc *desc, int64_t axis, int64_t *ret_outer, int64_t *ret_inner)
{
    static const int nhwc_order[4] = {0, 2, 3, 1};
    const decant_shape *shape = &desc->shape;
    bool after = false;
    *ret_outer = 1;
    *ret_inner = (int64_t)decant_dtype_size(desc->dtype);
    for (int32_t i = 0; i < shape->rank; i++) {
        int32_t dimension = shape->rank == 4 ? nhwc_order[i] : i;
        if (dimension == axis)
            after = true;
        else
            *(after ? ret_inner : ret_outer) *= shape->dim[dimension];
    }
}

static void concat_body(const dcn_cpu_run *run, int64_t begin, int64_t end)
{
    const piece_kernel *kernel = (const piece_kernel *)run->kernel;
    for (int64_t i = begin; i < end; i++)
        for (int32_t piece = 0; piece < kernel->n_pieces; piece++) {
            int64_t length = kernel->length[piece];
            memcpy((char *)run->outputs[0] + i * kernel->whole + kernel->offset[piece],
                   (const char *)run->inputs[piece] + i * length, (size_t)length);
        }
}

static void run_concat(const dcn_kernel *base, void *const *inputs, void *const *outputs, void *scratch)
{
    const piece_kernel *kernel = (const piece_kernel *)base;
    dcn_cpu_run run = dcn_cpu_run_of(base, inputs, outputs, scratch);
    dcn_cpu_parallel(&run, kernel->outer, kernel->whole, concat_body);
}

decant_status dcn_cpu_compile_concat(dcn_cpu_device *device, dcn_op_call *call, dcn_kernel **ret_kernel)
{
    piece_kernel *kernel = NULL;
    int64_t axis = call->attrs.axis.axis, inner, offset = 0;
    dcn_cpu_ask_activation(call);
    TRY_RETURN(dcn_cpu_kernel_create(device, call, sizeof *kernel, run_concat, (void **)&kernel));
    sizes_around(&call->output[0], axis, &kernel->outer, &inner);
    kernel->n_pieces = call->n_inputs;
    for (int32_t i = 0; i < call->n_inputs; i++) {
        kernel->length[i] = call->input[i].shape.dim[axis] * inner;
        kernel->offset[i] = offset;
        offset += kernel->length[i];
    }
    kernel->whole = offset;
    *ret_kernel = &kernel->own.base;
    return DECANT_OK;
}

static void slice_body(const dcn_cpu_run *run, int64_t begin, int64_t end)
{
    const piece_kernel *kernel = (const piece_kernel *)run->kernel;
    int64_t length = kernel->length[0];
    for (int64_t i = begin; i < end; i++)
        memcpy((char *)run->outputs[0] + i * length,
               (const char *)run->inputs[0] + i * kernel->whole + kernel->offset[0], (size_t)length);
}

static void run_slice(const dcn_kernel *base, void *const *inputs, void *const *outputs, void *scratch)
{
    const piece_kernel *kernel = (const piece_kernel *)base;
    dcn_cpu_run run = dcn_cpu_run_of(base, inputs, outputs, scratch);
    dcn_cpu_parallel(&run, kernel->outer, kernel->length[0], slice_body);
}

decant_status dcn_cpu_compile_slice(dcn_cpu_device *device, dcn_op_call *call, dcn_kernel **ret_kernel)
{
    const dcn_slice_attrs *attrs = &call->attrs.slice;
    piece_kernel *kernel = NULL;
    int64_t inner;
    dcn_cpu_ask_activation(call);
    TRY_RETURN(dcn_cpu_kernel_create(device, call, sizeof *kernel, run_slice, (void **)&kernel));
    sizes_around(&call->input[0], attrs->axis, &kernel->outer, &inner);
    kernel->n_pieces = 1;
    kernel->whole = call->input[0].shape.dim[attrs->axis] * inner;
    kernel->length[0] = (attrs->end - attrs->begin) * inner;
    kernel->offset[0] = attrs->begin * inner;
    *ret_kernel = &kernel->own.base;
    return DECANT_OK;
}

/* --- padding and repetition of channels, and their gradients --- */

typedef struct channel_kernel {
    dcn_cpu_kernel own;
    dcn_cpu_map narrow, wide; /* the forward op's input and output */
    int64_t stride, before, times;
} channel_kernel;

static decant_status compile_channels(dcn_cpu_device *device, dcn_op_call *call, bool backward,
                                      void (*run)(const dcn_kernel *, void *const *, void *const *, void *),
                                      channel_kernel **ret_kernel)
{
    channel_kernel *kernel = NULL;
    dcn_cpu_ask_activation(call);
    TRY_RETURN(dcn_cpu_kernel_create(device, call, sizeof *kernel, run, (void **)&kernel));
    kernel->narrow = dcn_cpu_map_of(backward ? &call->output[0].shape : &call->input[0].shape);
    kernel->wide = dcn_cpu_map_of(backward ? &call->input[0].shape : &call->output[0].shape);
    *ret_kernel = kernel;
    return DECANT_OK;
}

/* One output row: zeros, the channels of every stride-th pixel, zeros. */
static void pad_body(const dcn_cpu_run *run, int64_t begin, int64_t end)
{
    const channel_kernel *kernel = (const channel_kernel *)run->kernel;
    const dcn_cpu_map *in = &kernel->narrow, *out = &kernel->wide;
    size_t item = kernel->own.loops->element_bytes;
    size_t front = (size_t)kernel->before * item, middle = (size_t)in->channels * item;
    size_t whole = (size_t)out->channels * item, back = whole - front - middle;
    for (int64_t row = begin; row < end; row++) {
        int64_t sample = row / out->height, from_row = sample * in->height + row % out->height * kernel->stride;
        const char *from = (const char *)run->inputs[0] + (size_t)(from_row * in->width) * middle;
        char *to = (char *)run->outputs[0] + (size_t)(row * out->width) * whole;
        for (int64_t w = 0; w < out->width; w++, to += whole, from += (size_t)kernel->stride * middle) {
            memset(to, 0, front);
            memcpy(to + front, from, middle);
            memset(to + front + middle, 0, back);
        }
    }
}

static void run_pad(const dcn_kernel *base, void *const *inputs, void *const *outputs, void *scratch)
{
    const dcn_cpu_map *out = &((const channel_kernel *)base)->wide;
    dcn_cpu_run run = dcn_cpu_run_of(base, inputs, outputs, scratch);
    dcn_cpu_parallel(&run, out->batch * out->height, out->width * out->channels, pad_body);
}

decant_status dcn_cpu_compile_pad_channels(dcn_cpu_device *device, dcn_op_call *call, dcn_kernel **ret_kernel)
{
    channel_kernel *kernel = NULL;
    TRY_RETURN(compile_channels(device, call, false, run_pad, &kernel));
    kernel->stride = call->attrs.pad_channels.stride;
    kernel->before = call->attrs.pad_channels.before;
    *ret_kernel = &kernel->own.base;
    return DECANT_OK;
}

/* One row of the gradient at the input: the middle channels where a pixel was taken, zeros elsewhere. */
static void pad_grad_body(const dcn_cpu_run *run, int64_t begin, int64_t end)
{
    const channel_kernel *kernel = (const channel_kernel *)run->kernel;
    const dcn_cpu_map *in = &kernel->narrow, *out = &kernel->wide;
    size_t item = kernel->own.loops->element_bytes;
    size_t bytes = (size_t)in->channels * item, whole = (size_t)out->channels * item;
    for (int64_t row = begin; row < end; row++) {
        int64_t sample = row / in->height, h = row % in->height;
        char *to = (char *)run->outputs[0] + (size_t)(row * in->width) * bytes;
        const char *from = (const char *)run->inputs[0] + (size_t)kernel->before * item +
                           (size_t)((sample * out->height + h / kernel->stride) * out->width) * whole;
        memset(to, 0, (size_t)in->width * bytes);
        if (h % kernel->stride != 0) continue;
        for (int64_t w = 0; w < in->width; w += kernel->stride)
            memcpy(to + (size_t)w * bytes, from + (size_t)(w / kernel->stride) * whole, bytes);
    }
}

static void run_pad_grad(const dcn_kernel *base, void *const *inputs, void *const *outputs, void *scratch)
{
    const dcn_cpu_map *in = &((const channel_kernel *)base)->narrow;
    dcn_cpu_run run = dcn_cpu_run_of(base, inputs, outputs, scratch);
    dcn_cpu_parallel(&run, in->batch * in->height, in->width * in->channels, pad_grad_body);
}

decant_status dcn_cpu_compile_pad_channels_grad(dcn_cpu_device *device, dcn_op_call *call, dcn_kernel **ret_kernel)
{
    channel_kernel *kernel = NULL;
    TRY_RETURN(compile_channels(device, call, true, run_pad_grad, &kernel));
    kernel->stride = call->attrs.pad_channels.stride;
    kernel->before = call->attrs.pad_channels.before;
    *ret_kernel = &kernel->own.base;
    return DECANT_OK;
}

/* Too few channels for memcpy, as a rule: an image's. Most often one, of grey that becomes colour. */
#define REPEAT_BODY(name, type)                                                                                        \
    static void name(const dcn_cpu_run *run, int64_t begin, int64_t end)                                               \
    {                                                                                                                  \
        const channel_kernel *kernel = (const channel_kernel *)run->kernel;                                            \
        int64_t channels = kernel->narrow.channels;                                                                    \
        const type *from = (const type *)run->inputs[0] + begin * channels;                                            \
        type *to = (type *)run->outputs[0] + begin * channels * kernel->times;                                         \
        if (channels == 1 && kernel->times == 3) {                                                                     \
            for (int64_t pixel = begin; pixel < end; pixel++, from++, to += 3)                                         \
                to[0] = to[1] = to[2] = *from;                                                                         \
            return;                                                                                                    \
        }                                                                                                              \
        for (int64_t pixel = begin; pixel < end; pixel++, from += channels)                                            \
            for (int64_t i = 0; i < kernel->times; i++, to += channels)                                                \
                for (int64_t c = 0; c < channels; c++)                                                                 \
                    to[c] = from[c];                                                                                   \
    }
REPEAT_BODY(repeat_body, float)
REPEAT_BODY(repeat_bf16_body, dcn_bf16)

static void repeat_grad_body(const dcn_cpu_run *run, int64_t begin, int64_t end)
{
    const channel_kernel *kernel = (const channel_kernel *)run->kernel;
    int64_t channels = kernel->narrow.channels;
    for (int64_t pixel = begin; pixel < end; pixel++) {
        const float *from = (const float *)run->inputs[0] + pixel * channels * kernel->times;
        float *to = (float *)run->outputs[0] + pixel * channels;
        for (int64_t c = 0; c < channels; c++) {
            double sum = 0.0;
            for (int64_t i = 0; i < kernel->times; i++)
                sum += (double)from[i * channels + c];
            to[c] = (float)sum;
        }
    }
}

static void run_repeat(const dcn_kernel *base, void *const *inputs, void *const *outputs, void *scratch)
{
    const channel_kernel *kernel = (const channel_kernel *)base;
    const dcn_cpu_map *out = &kernel->wide;
    bool is_wide = kernel->own.loops->element_bytes == sizeof(float);
    dcn_cpu_run run = dcn_cpu_run_of(base, inputs, outputs, scratch);
    dcn_cpu_parallel(&run, out->batch * out->height * out->width, out->channels,
                     is_wide ? repeat_body : repeat_bf16_body);
}

static void run_repeat_grad(const dcn_kernel *base, void *const *inputs, void *const *outputs, void *scratch)
{
    const dcn_cpu_map *out = &((const channel_kernel *)base)->wide;
    dcn_cpu_run run = dcn_cpu_run_of(base, inputs, outputs, scratch);
    dcn_cpu_parallel(&run, out->batch * out->height * out->width, out->channels, repeat_grad_body);
}

decant_status dcn_cpu_compile_repeat_channels(dcn_cpu_device *device, dcn_op_call *call, dcn_kernel **ret_kernel)
{
    channel_kernel *kernel = NULL;
    TRY_RETURN(compile_channels(device, call, false, run_repeat, &kernel));
    kernel->times = call->attrs.repeat.times;
    *ret_kernel = &kernel->own.base;
    return DECANT_OK;
}

decant_status dcn_cpu_compile_repeat_channels_grad(dcn_cpu_device *device, dcn_op_call *call, dcn_kernel **ret_kernel)
{
    channel_kernel *kernel = NULL;
    TRY_RETURN(compile_channels(device, call, true, run_repeat_grad, &kernel));
    kernel->times = call->attrs.repeat.times;
    *ret_kernel = &kernel->own.base;
    return DECANT_OK;
}
