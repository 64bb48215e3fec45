/* Convolutions of few input channels on bf16 where the processor has fast dot products: as in few_channels.c, products
 * over a padded NHWC copy of one sample. Forwards a dot product sums two neighbours of a kernel row; in the gradient of
 * the weights two neighbouring pixels, for which the copy is paired with itself one pixel on.
 *
 * Weights are plain, [O][I][kh][kw], and packed for each run: they are few. Loops: loops/dots.c, loops/pairs.c. */
#include <string.h>

#include "device/cpu/cpu.h"

#define MAX_CHANNELS 4    /* of the input */
#define MAX_CHUNKS   32   /* of samples whose part of the weights' gradient is summed up by itself */
#define BLOCK_PAIRS  4096 /* of the gradient at y at once: they stay in the first-level cache */
#define LINE_BYTES   64
#define SLACK        32 /* zeros behind a copy: read as pixels' neighbours, and not used */
#define DOTS_A_LOOP  8  /* multiply-adds in the time that a plain loop takes for an element */

typedef struct narrow_few_kernel {
    dcn_cpu_kernel own;
    dcn_cpu_dots product;
    dcn_cpu_few shape;
    int64_t taps;        /* of a kernel row, in all channels: neighbours in the copy */
    int64_t parts;       /* of a sample's rows that threads share, where there are few samples */
    int64_t packed_size; /* pairs: the weights, or a block of the gradient at y */
    int64_t block_rows;  /* of such a block */
    int64_t chunk_samples, n_chunks;
} narrow_few_kernel;

/* Elements of one thread's copy: a sample with its borders. */
static int64_t copy_size(const narrow_few_kernel *kernel)
{
    const int64_t size = kernel->shape.padded.height * kernel->shape.padded.width * kernel->shape.padded.channels;
    return (size + SLACK - 1) / SLACK * SLACK + SLACK;
}

/* One sample into the middle of the copy, whose borders stay zero from the first one on. */
static void copy_sample(const narrow_few_kernel *kernel, const dcn_bf16 *x, int64_t sample, dcn_bf16 *copy)
{
    const dcn_cpu_map *in = &kernel->shape.in;
    const int64_t line = in->width * in->channels;
    const dcn_bf16 *from = x + sample * in->height * line;
    for (int64_t h = 0; h < in->height; h++)
        memcpy(copy + ((h + kernel->shape.padding[0]) * kernel->shape.padded.width + kernel->shape.padding[1]) *
                          in->channels,
               from + h * line, (size_t)line * sizeof *copy);
}

/* Asks for memory that is needed next: a line that another core wrote, or none has, is far. */
static void call_up(const void *from, int64_t bytes)
{
    for (int64_t byte = 0; byte < bytes; byte += LINE_BYTES)
        __builtin_prefetch((const char *)from + byte, 0, 2);
}

/* --- forward --- */

/* Scratch memory: the weights in pairs, then a copy a thread. The last tap of an odd kernel row has a twin of weight 0.
 */
static void pack_weights(const narrow_few_kernel *kernel, const dcn_bf16 *weights, uint32_t *packed)
{
    const int64_t channels = kernel->shape.in.channels, width = kernel->shape.kernel[1],
                  of_output = kernel->shape.kernel[0] * kernel->taps;
    for (int64_t first = 0, strip; first < kernel->shape.out.channels; first += strip) {
        strip = dcn_cpu_strip_of_pairs(kernel->shape.out.channels, first);
        for (int64_t h = 0; h < kernel->shape.kernel[0]; h++)
            for (int64_t tap = 0; tap < 2 * kernel->product.depth; tap += 2, packed += strip)
                for (int64_t o = 0; o < strip; o++) {
                    const dcn_bf16 *from = weights + (first + o) * of_output + h * width;
                    uint32_t pair = 0;
                    for (int64_t half = 0; half < 2 && tap + half < kernel->taps; half++) {
                        const int64_t at =
                            (tap + half) % channels * kernel->shape.kernel[0] * width + (tap + half) / channels;
                        pair |= (uint32_t)from[at] << 16 * half;
                    }
                    packed[o] = pair;
                }
    }
}

/* Items are parts of samples. */
static void forward_body(const dcn_cpu_run *run, int64_t begin, int64_t end)
{
    const narrow_few_kernel *kernel = (const narrow_few_kernel *)run->kernel;
    const dcn_cpu_map *out = &kernel->shape.out;
    const uint32_t *weights = run->scratch;
    const float *bias = kernel->shape.has_bias ? run->inputs[2] : NULL;
    dcn_bf16 *copy = (dcn_bf16 *)((uint32_t *)run->scratch + kernel->packed_size) + run->thread * copy_size(kernel);
    const int64_t line = kernel->shape.stride[0] * kernel->shape.padded.width * kernel->shape.in.channels;
    const int64_t row = out->width * out->channels;
    memset(copy, 0, (size_t)copy_size(kernel) * sizeof *copy);
    for (int64_t item = begin; item < end; item++) {
        const int64_t sample = item / kernel->parts, part = item % kernel->parts;
        const int64_t last = (part + 1) * out->height / kernel->parts;
        dcn_bf16 *y = (dcn_bf16 *)run->outputs[0] + sample * out->height * row;
        if (item == begin || part == 0) copy_sample(kernel, run->inputs[0], sample, copy);
        for (int64_t h = part * out->height / kernel->parts; h < last; h++) {
            if (h + 1 < last) call_up(y + (h + 1) * row, row * (int64_t)sizeof *y);
            kernel->own.loops->finished_dots(&kernel->product, copy + h * line, weights, bias, y + h * row, out->width);
        }
    }
}

static void run_forward(const dcn_kernel *base, void *const *inputs, void *const *outputs, void *scratch)
{
    const narrow_few_kernel *kernel = (const narrow_few_kernel *)base;
    const dcn_cpu_run run = dcn_cpu_run_of(base, inputs, outputs, scratch);
    const int64_t products = kernel->shape.out.height * kernel->shape.out.width * kernel->shape.out.channels *
                             kernel->shape.kernel[0] * kernel->taps;
    pack_weights(kernel, inputs[1], scratch);
    dcn_cpu_parallel(&run, kernel->shape.out.batch * kernel->parts, products / kernel->parts / DOTS_A_LOOP + 1,
                     forward_body);
}

static void plan_forward(narrow_few_kernel *kernel)
{
    kernel->product = (dcn_cpu_dots){.columns = kernel->shape.out.channels,
                                     .pieces = kernel->shape.kernel[0],
                                     .depth = (kernel->taps + 1) / 2,
                                     .a_row = kernel->shape.stride[1] * kernel->shape.in.channels,
                                     .a_piece = kernel->shape.padded.width * kernel->shape.in.channels,
                                     .a_step = 2,
                                     .c_row = kernel->shape.out.channels};
    kernel->parts = kernel->shape.in.batch >= 2 * kernel->own.threads ? 1 : kernel->own.threads;
    kernel->packed_size = kernel->product.pieces * kernel->product.depth * kernel->shape.out.channels;
    kernel->own.base.scratch_bytes = (size_t)kernel->packed_size * sizeof(uint32_t) +
                                     (size_t)(kernel->own.threads * copy_size(kernel)) * sizeof(dcn_bf16);
}

/* --- the gradient of the weights --- */

/* Scratch memory: the sums of each chunk, [kh][taps][O] and the bias; then for each thread the copy's pairs, a block of
 * the gradient at y in pairs, and the copy. */
static int64_t chunk_size(const narrow_few_kernel *kernel)
{
    return (kernel->shape.kernel[0] * kernel->taps + 1) * kernel->shape.out.channels;
}

static size_t thread_bytes(const narrow_few_kernel *kernel)
{
    return (size_t)(copy_size(kernel) + kernel->packed_size) * sizeof(uint32_t) +
           (size_t)copy_size(kernel) * sizeof(dcn_bf16);
}

/* For each kernel row, a product whose rows are the taps and whose sum runs over the pixels of a block of rows; what
 * the next block reads of the gradient, `rest` elements at most, comes meanwhile. */
static void add_sample(const narrow_few_kernel *kernel, const dcn_bf16 *d_y, int64_t rest, const uint32_t *x,
                       uint32_t *packed, float *sums)
{
    const dcn_cpu_map *out = &kernel->shape.out;
    const int64_t line = kernel->shape.padded.width * kernel->shape.in.channels, row = out->width * out->channels;
    const int64_t weights = kernel->shape.kernel[0] * kernel->taps * out->channels;
    dcn_cpu_dots product = kernel->product;
    for (int64_t h = 0; h < out->height; h += product.pieces) {
        product.pieces = out->height - h < kernel->block_rows ? out->height - h : kernel->block_rows;
        kernel->own.loops->pair_pixels(d_y + h * row, out->channels, product.pieces, out->width, packed,
                                       sums + weights);
        const int64_t behind = (h + product.pieces) * row, left = rest - behind;
        const int64_t next = left < kernel->block_rows * row ? left : kernel->block_rows * row;
        for (int64_t k = 0; k < kernel->shape.kernel[0]; k++) {
            const int64_t first = k * next / kernel->shape.kernel[0], last = (k + 1) * next / kernel->shape.kernel[0];
            call_up(d_y + behind + first, (last - first) * (int64_t)sizeof *d_y);
            kernel->own.loops->dots(&product, x + (h * kernel->shape.stride[0] + k) * line, packed,
                                    sums + k * kernel->taps * out->channels, kernel->taps);
        }
    }
}

static void grad_body(const dcn_cpu_run *run, int64_t begin, int64_t end)
{
    const narrow_few_kernel *kernel = (const narrow_few_kernel *)run->kernel;
    const int64_t size = chunk_size(kernel);
    const int64_t of_sample = kernel->shape.out.height * kernel->shape.out.width * kernel->shape.out.channels;
    float *chunks = run->scratch;
    uint32_t *x =
        (uint32_t *)(void *)((char *)(chunks + kernel->n_chunks * size) + (size_t)run->thread * thread_bytes(kernel));
    uint32_t *packed = x + copy_size(kernel);
    dcn_bf16 *copy = (dcn_bf16 *)(packed + kernel->packed_size);
    memset(copy, 0, (size_t)copy_size(kernel) * sizeof *copy);
    for (int64_t chunk = begin; chunk < end; chunk++) {
        const int64_t first = chunk * kernel->chunk_samples, last = first + kernel->chunk_samples;
        float *sums = chunks + chunk * size;
        memset(sums, 0, (size_t)size * sizeof *sums);
        for (int64_t sample = first; sample < last && sample < kernel->shape.in.batch; sample++) {
            const int64_t distance = kernel->shape.stride[1] * kernel->shape.in.channels;
            copy_sample(kernel, run->inputs[0], sample, copy);
            kernel->own.loops->pair_neighbours(copy, distance, copy_size(kernel) - SLACK, x);
            add_sample(kernel, (const dcn_bf16 *)run->inputs[1] + sample * of_sample,
                       (kernel->shape.in.batch - sample) * of_sample, x, packed, sums);
        }
    }
}

/* Sums [kh][kw][I][O] as weights [O][I][kh][kw]. */
static void unpack_weights(const narrow_few_kernel *kernel, const float *sums, float *weights)
{
    const int64_t channels = kernel->shape.in.channels, width = kernel->shape.kernel[1],
                  out = kernel->shape.out.channels;
    for (int64_t o = 0; o < out; o++)
        for (int64_t c = 0; c < channels; c++)
            for (int64_t h = 0; h < kernel->shape.kernel[0]; h++)
                for (int64_t w = 0; w < width; w++)
                    *weights++ = sums[(h * kernel->taps + w * channels + c) * out + o];
}

static void run_grad_weight(const dcn_kernel *base, void *const *inputs, void *const *outputs, void *scratch)
{
    const narrow_few_kernel *kernel = (const narrow_few_kernel *)base;
    const dcn_cpu_map *out = &kernel->shape.out;
    const dcn_cpu_run run = dcn_cpu_run_of(base, inputs, outputs, scratch);
    const int64_t size = chunk_size(kernel), bias_at = size - out->channels;
    const int64_t products = out->height * out->width * out->channels * kernel->shape.kernel[0] * kernel->taps;
    float *sums = scratch;
    dcn_cpu_parallel(&run, kernel->n_chunks, kernel->chunk_samples * products / DOTS_A_LOOP + 1, grad_body);
    for (int64_t chunk = 1; chunk < kernel->n_chunks; chunk++)
        for (int64_t i = 0; i < size; i++)
            sums[i] += sums[chunk * size + i];
    unpack_weights(kernel, sums, outputs[0]);
    if (kernel->shape.has_bias) memcpy(outputs[1], sums + bias_at, (size_t)out->channels * sizeof *sums);
}

/* Addresses of pairs are counted in their halves. */
static void plan_grad_weight(narrow_few_kernel *kernel)
{
    const dcn_cpu_map *out = &kernel->shape.out;
    const int64_t channels = kernel->shape.in.channels, row_pairs = (out->width + 1) / 2 * out->channels;
    kernel->product = (dcn_cpu_dots){.columns = out->channels,
                                     .depth = (out->width + 1) / 2,
                                     .a_row = 2,
                                     .a_piece = 2 * kernel->shape.stride[0] * kernel->shape.padded.width * channels,
                                     .a_step = 2 * 2 * kernel->shape.stride[1] * channels,
                                     .c_row = out->channels,
                                     .add = true};
    kernel->block_rows = row_pairs < BLOCK_PAIRS ? BLOCK_PAIRS / row_pairs : 1;
    kernel->packed_size = kernel->block_rows * row_pairs;
    kernel->chunk_samples = (kernel->shape.in.batch + MAX_CHUNKS - 1) / MAX_CHUNKS;
    kernel->n_chunks = (kernel->shape.in.batch + kernel->chunk_samples - 1) / kernel->chunk_samples;
    kernel->own.base.scratch_bytes = (size_t)(kernel->n_chunks * chunk_size(kernel)) * sizeof(float) +
                                     (size_t)kernel->own.threads * thread_bytes(kernel);
}

/* --- compiling --- */

bool dcn_cpu_suits_narrow_few_channels(const dcn_cpu_device *device, const dcn_op_call *call)
{
    const dcn_conv_attrs *attrs = &call->attrs.conv;
    const dcn_tensor_desc *y = call->op == DECANT_OP_CONV2D ? &call->output[0] : &call->input[1];
    return dcn_cpu_is_narrow(call) && device->has_fast_dots && call->op != DECANT_OP_CONV2D_GRAD_INPUT &&
           y->dtype == DECANT_BF16 && attrs->groups == 1 && call->input[0].shape.dim[1] <= MAX_CHANNELS &&
           attrs->channels % DCN_CPU_PANEL == 0 && call->input[0].shape.dim[1] * attrs->stride[1] <= SLACK &&
           attrs->dilation[0] == 1 && attrs->dilation[1] == 1;
}

decant_status dcn_cpu_compile_narrow_few_channels(dcn_cpu_device *device, dcn_op_call *call, dcn_kernel **ret_kernel)
{
    const dcn_conv_attrs *attrs = &call->attrs.conv;
    const bool forward = call->op == DECANT_OP_CONV2D;
    narrow_few_kernel *kernel = NULL;
    TRY_RETURN(
        dcn_cpu_kernel_create(device, call, sizeof *kernel, forward ? run_forward : run_grad_weight, (void **)&kernel));
    kernel->shape = dcn_cpu_few_of(call);
    kernel->taps = kernel->shape.kernel[1] * kernel->shape.in.channels;
    if (forward)
        plan_forward(kernel);
    else
        plan_grad_weight(kernel);
    kernel->product.relu = forward && attrs->activation == DCN_ACTIVATION_RELU;
    dcn_cpu_ask_activation(call);
    *(forward ? &call->input[1].layout : &call->output[0].layout) = DCN_LAYOUT_PLAIN;
    *ret_kernel = &kernel->own.base;
    return DECANT_OK;
}
