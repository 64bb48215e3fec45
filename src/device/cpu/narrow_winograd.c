/* 3x3 convolutions on bf16 by Winograd's algorithm: tiles of 2x2 outputs from 4x4 inputs with 16 products a channel
 * pair where the sum has 36 (Lavin, Gray 2016). Each thread takes its tiles of the NHWC map through transform, products
 * and transform back within its own cache. What is multiplied are sums of up to four inputs and of up to nine weights,
 * rounded to bf16, so the error is a few times that of one rounding; larger tiles would make it much larger. */
#include <stdio.h>

#include "device/cpu/cpu.h"

#define TILE             DCN_CPU_NARROW_TILE
#define PLACES           DCN_CPU_NARROW_PLACES
#define CHUNK            48 /* tiles at once: whole groups of rows of the products */
#define LINE             16 /* floats or pairs of a cache line, left between places: or all would meet in a few sets */

#define IN_BLOCK         32 /* channels of a vector of pairs */
#define OUT_BLOCK        16
#define MIN_USEFUL_SHARE 0.7 /* of the outputs of all tiles: the rest hangs over the map's edges */
#define MIN_TILES        32

/* --- which convolutions --- */

static int64_t tiles_along(int64_t size)
{
    return (size + TILE - 1) / TILE;
}

bool dcn_cpu_suits_narrow_winograd(const dcn_cpu_device *device, const dcn_op_call *call)
{
    if (!device->has_fast_dots || !dcn_cpu_is_narrow(call) || call->output[0].dtype != DECANT_BF16) return false;
    const dcn_conv_attrs *attrs = &call->attrs.conv;
    for (int i = 0; i < 2; i++)
        if (attrs->kernel[i] != 3 || attrs->stride[i] != 1 || attrs->dilation[i] != 1 || attrs->padding[i] > 2)
            return false;
    const decant_shape *from = &call->input[0].shape, *to = &call->output[0].shape;
    if (attrs->groups != 1 || from->dim[1] % IN_BLOCK != 0 || to->dim[1] % OUT_BLOCK != 0) return false;
    const int64_t tiles = tiles_along(to->dim[2]) * tiles_along(to->dim[3]);
    return to->dim[0] * tiles >= MIN_TILES &&
           (double)(to->dim[2] * to->dim[3]) >= MIN_USEFUL_SHARE * (double)(TILE * TILE * tiles);
}

/* --- the kernel --- */

typedef struct narrow_kernel {
    dcn_cpu_kernel own;
    dcn_cpu_narrow_winograd winograd;
    int64_t tiles;  /* of all samples */
    int64_t parts;  /* one a thread */
    size_t u_bytes; /* the transformed weights, in front of the parts' memory */
    size_t v_bytes; /* in front of a part's products */
    size_t part_bytes;
    bool has_bias;
} narrow_kernel;

static void weights_body(const dcn_cpu_run *run, int64_t begin, int64_t end)
{
    const narrow_kernel *kernel = (const narrow_kernel *)run->kernel;
    kernel->own.loops->narrow_winograd_weights(&kernel->winograd, run->inputs[1], run->scratch, begin, end);
}

/* The rows of a map, as bytes, whose pixels have the places of some tiles' outputs. */
typedef struct byte_range {
    const char *begin, *end;
} byte_range;

static byte_range rows_of(const narrow_kernel *kernel, const void *map, const int64_t size[2], int64_t channels,
                          int64_t first, int64_t count)
{
    const dcn_cpu_narrow_winograd *winograd = &kernel->winograd;
    const int64_t of_sample = winograd->tiles[0] * winograd->tiles[1], line = size[1] * channels * 2;
    int64_t last = first + count < kernel->tiles ? first + count : kernel->tiles, row[2];
    for (int i = 0; i < 2; i++) {
        int64_t tile = i == 0 ? first : last;
        row[i] = tile / of_sample * size[0] + tile % of_sample / winograd->tiles[1] * TILE;
    }
    return (byte_range){(const char *)map + row[0] * line, (const char *)map + row[1] * line};
}

/* Calls one of `parts` parts of the range into the second-level cache. */
static void call_up(byte_range range, int64_t part, int64_t parts)
{
    const int64_t lines = (range.end - range.begin) / 64;
    for (int64_t line = part * lines / parts; line < (part + 1) * lines / parts; line++)
        __builtin_prefetch(range.begin + 64 * line, 0, 2);
}

static void run_chunk(const narrow_kernel *kernel, const dcn_cpu_run *run, char *memory, int64_t first, int64_t count)
{
    const dcn_cpu_narrow_winograd *winograd = &kernel->winograd;
    const dcn_cpu_loops *loops = kernel->own.loops;
    const dcn_cpu_dots dots = {.columns = winograd->out,
                               .depth = winograd->in / 2,
                               .a_row = winograd->in / 2,
                               .a_step = 1,
                               .c_row = winograd->out};
    const int32_t *u = run->scratch;                        /* [16][in/2][out] pairs in strips */
    int32_t *v = (int32_t *)(void *)memory;                 /* [16][CHUNK][in/2] pairs */
    float *m = (float *)(void *)(memory + kernel->v_bytes); /* [16][CHUNK][out] */
    const byte_range next = rows_of(kernel, run->inputs[0], winograd->map, winograd->in, first + count, count);
    const byte_range made = rows_of(kernel, run->outputs[0], winograd->result, winograd->out, first, count);
    loops->narrow_winograd_input(winograd, run->inputs[0], v, first, count);
    for (int64_t place = 0; place < PLACES; place++) {
        call_up(next, place, PLACES);
        call_up(made, place, PLACES);
        loops->dots(&dots, v + place * winograd->v_step, u + place * winograd->u_step, m + place * winograd->m_step,
                    count);
    }
    loops->narrow_winograd_output(winograd, m, kernel->has_bias ? run->inputs[2] : NULL, run->outputs[0], first, count);
}

static void tiles_body(const dcn_cpu_run *run, int64_t begin, int64_t end)
{
    const narrow_kernel *kernel = (const narrow_kernel *)run->kernel;
    for (int64_t part = begin; part < end; part++) {
        char *memory = (char *)run->scratch + kernel->u_bytes + (size_t)part * kernel->part_bytes;
        const int64_t last = (part + 1) * kernel->tiles / kernel->parts;
        for (int64_t tile = part * kernel->tiles / kernel->parts; tile < last; tile += CHUNK)
            run_chunk(kernel, run, memory, tile, last - tile < CHUNK ? last - tile : CHUNK);
    }
}

static void run_tiles(const dcn_kernel *base, void *const *inputs, void *const *outputs, void *scratch)
{
    const narrow_kernel *kernel = (const narrow_kernel *)base;
    const dcn_cpu_narrow_winograd *winograd = &kernel->winograd;
    const dcn_cpu_run run = {base, inputs, outputs, scratch};
    dcn_cpu_parallel(&run, winograd->in / 2, PLACES * winograd->out, weights_body);
    dcn_cpu_parallel(&run, kernel->parts, PLACES * kernel->tiles / kernel->parts * (winograd->in + winograd->out),
                     tiles_body);
}

/* The weights are read as [3][3][in][out], whichever of the convolution's channels these are. */
static decant_status weight_layout(dcn_cpu_device *device, const decant_shape *shape, bool turned,
                                   dcn_layout *ret_layout)
{
    const int64_t plane = shape->dim[0] * shape->dim[1];
    dnnl_dims_t dims, strides = {1, shape->dim[0], 3 * plane, plane};
    dnnl_memory_desc_t descriptor;
    if (turned) {
        strides[0] = shape->dim[1];
        strides[1] = 1;
    }
    for (int i = 0; i < 4; i++)
        dims[i] = shape->dim[i];
    TRY_RETURN(
        dcn_cpu_check(dnnl_memory_desc_init_by_strides(&descriptor, 4, dims, dnnl_bf16, strides), "memory descriptor"));
    return dcn_cpu_intern(device, &descriptor, ret_layout);
}

decant_status dcn_cpu_compile_narrow_winograd(dcn_cpu_device *device, dcn_op_call *call, dcn_kernel **ret_kernel)
{
    const decant_shape *from = &call->input[0].shape, *to = &call->output[0].shape;
    const bool turned = call->op == DECANT_OP_CONV2D_GRAD_INPUT;
    narrow_kernel *kernel = NULL;
    dcn_cpu_ask_activation(call);
    TRY_RETURN(weight_layout(device, &call->input[1].shape, turned, &call->input[1].layout));
    TRY_RETURN(dcn_cpu_kernel_create(device, call, sizeof *kernel, run_tiles, (void **)&kernel));
    dcn_cpu_narrow_winograd *winograd = &kernel->winograd;
    winograd->in = from->dim[1];
    winograd->out = to->dim[1];
    for (int i = 0; i < 2; i++) {
        winograd->map[i] = from->dim[2 + i];
        winograd->result[i] = to->dim[2 + i];
        winograd->padding[i] = turned ? 2 - call->attrs.conv.padding[i] : call->attrs.conv.padding[i];
        winograd->tiles[i] = tiles_along(to->dim[2 + i]);
    }
    winograd->relu = !turned && call->attrs.conv.activation == DCN_ACTIVATION_RELU;
    winograd->turned = turned;
    winograd->u_step = winograd->in / 2 * winograd->out + LINE;
    winograd->v_step = CHUNK * winograd->in / 2 + LINE;
    winograd->m_step = CHUNK * winograd->out + LINE;
    kernel->tiles = to->dim[0] * winograd->tiles[0] * winograd->tiles[1];
    kernel->parts = kernel->own.threads;
    kernel->has_bias = call->n_inputs > 2;
    kernel->u_bytes = PLACES * (size_t)winograd->u_step * sizeof(int32_t);
    kernel->v_bytes = PLACES * (size_t)winograd->v_step * sizeof(int32_t);
    kernel->part_bytes = kernel->v_bytes + PLACES * (size_t)winograd->m_step * sizeof(float);
    kernel->own.base.scratch_bytes = kernel->u_bytes + (size_t)kernel->parts * kernel->part_bytes;
    snprintf(kernel->own.base.name, sizeof kernel->own.base.name, "winograd:%s", device->loops->isa);
    *ret_kernel = &kernel->own.base;
    return DECANT_OK;
}
