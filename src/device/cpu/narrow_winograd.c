/* 3x3 convolutions on bf16 by Winograd's algorithm: tiles of 2x2 outputs from 4x4 inputs with 16 products a channel
 * pair where the sum has 36 (Lavin, Gray 2016). Each thread takes its tiles of the NHWC map through transform, products
 * and transform back within its own cache. What is multiplied are sums of up to four inputs and of up to nine weights,
 * rounded to bf16, so the error is a few times that of one rounding; larger tiles would make it much larger. */
#include <stdio.h>

#include "device/cpu/narrow_winograd.h"

#define TILE             DCN_CPU_NARROW_TILE
#define PLACES           DCN_CPU_NARROW_PLACES
#define CHUNK            48 /* tiles at once: whole groups of rows of the products */
#define LINE_BYTES       64
#define PAIRED_BLOCK     32  /* channels of a vector of pairs */
#define BLOCK            16  /* of a vector */
#define MIN_USEFUL_SHARE 0.7 /* of the outputs of all tiles: the rest hangs over the map's edges */
#define MIN_TILES        32

/* --- which convolutions --- */

static int64_t tiles_along(int64_t size)
{
    return (size + TILE - 1) / TILE;
}

/* The convolution's map that tiles are cut of: y, or dx for the gradient at the input. */
static const dcn_tensor_desc *tiled_map(const dcn_op_call *call)
{
    return call->op == DECANT_OP_CONV2D_GRAD_WEIGHT ? &call->input[1] : &call->output[0];
}

static int64_t tiles_of_sample(const dcn_tensor_desc *map)
{
    return tiles_along(map->shape.dim[2]) * tiles_along(map->shape.dim[3]);
}

bool dcn_cpu_gains_from_narrow_winograd(const dcn_cpu_device *device, const dcn_op_call *call)
{
    if (!device->has_fast_dots || (call->op != DECANT_OP_CONV2D && call->op != DECANT_OP_CONV2D_GRAD_INPUT &&
                                   call->op != DECANT_OP_CONV2D_GRAD_WEIGHT))
        return false;
    const dcn_conv_attrs *attrs = &call->attrs.conv;
    for (int i = 0; i < 2; i++)
        if (attrs->kernel[i] != 3 || attrs->stride[i] != 1 || attrs->dilation[i] != 1 || attrs->padding[i] > 2)
            return false;
    const int64_t *to = tiled_map(call)->shape.dim, in = call->input[0].shape.dim[1], out = to[1];
    const bool suit = call->op == DECANT_OP_CONV2D_GRAD_WEIGHT
                          ? dcn_cpu_narrow_blocks_suit(in) && dcn_cpu_narrow_blocks_suit(out)
                          : in % PAIRED_BLOCK == 0 && out % BLOCK == 0;
    return attrs->groups == 1 && suit &&
           (double)(to[2] * to[3]) >= MIN_USEFUL_SHARE * (double)(TILE * TILE * tiles_of_sample(tiled_map(call)));
}

bool dcn_cpu_suits_narrow_winograd(const dcn_cpu_device *device, const dcn_op_call *call)
{
    const dcn_tensor_desc *map = tiled_map(call);
    return dcn_cpu_is_narrow(call) && map->dtype == DECANT_BF16 && dcn_cpu_gains_from_narrow_winograd(device, call) &&
           map->shape.dim[0] * tiles_of_sample(map) >= MIN_TILES;
}

void dcn_cpu_narrow_winograd_init(dcn_cpu_narrow_winograd *winograd, const dcn_conv_attrs *attrs,
                                  const decant_shape *from, const decant_shape *to)
{
    *winograd = (dcn_cpu_narrow_winograd){.in = from->dim[1], .out = to->dim[1], .samples = from->dim[0]};
    for (int i = 0; i < 2; i++) {
        winograd->map[i] = from->dim[2 + i];
        winograd->result[i] = to->dim[2 + i];
        winograd->padding[i] = attrs->padding[i];
        winograd->tiles[i] = tiles_along(to->dim[2 + i]);
    }
}

/* --- calling memory up --- */

dcn_cpu_pixels dcn_cpu_pixels_of(const dcn_cpu_narrow_winograd *winograd, const dcn_cpu_narrow_map *map,
                                 int64_t begin_tile, int64_t end_tile)
{
    const int64_t of_sample = winograd->tiles[0] * winograd->tiles[1], tile[2] = {begin_tile, end_tile};
    int64_t row[2];
    for (int i = 0; i < 2; i++)
        row[i] = tile[i] / of_sample * map->size[0] + tile[i] % of_sample / winograd->tiles[1] * TILE;
    const int64_t element = sizeof(uint16_t), pixel = map->channels * element;
    return (dcn_cpu_pixels){(const char *)map->values + row[0] * map->size[1] * pixel + map->first * element,
                            (row[1] - row[0]) * map->size[1], pixel, map->used * element};
}

void dcn_cpu_call_up(const dcn_cpu_pixels *pixels, int64_t part, int64_t parts)
{
    const int64_t last = (part + 1) * pixels->count / parts;
    for (int64_t pixel = part * pixels->count / parts; pixel < last; pixel++)
        for (int64_t byte = 0; byte < pixels->bytes; byte += LINE_BYTES)
            __builtin_prefetch(pixels->first + pixel * pixels->step + byte, 0, 2);
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

static void run_chunk(const narrow_kernel *kernel, const dcn_cpu_run *run, char *memory, int64_t first, int64_t count)
{
    const dcn_cpu_narrow_winograd *winograd = &kernel->winograd;
    const dcn_cpu_loops *loops = kernel->own.loops;
    const dcn_cpu_dots dots = {.columns = winograd->out,
                               .pieces = 1,
                               .depth = winograd->in / 2,
                               .a_row = winograd->in,
                               .a_step = 2,
                               .c_row = winograd->out};
    const uint32_t *u = run->scratch;                       /* [16][in/2][out] pairs in strips */
    uint32_t *v = (uint32_t *)(void *)memory;               /* [16][CHUNK][in/2] pairs */
    float *m = (float *)(void *)(memory + kernel->v_bytes); /* [16][CHUNK][out] */
    const int64_t behind = first + 2 * count < kernel->tiles ? first + 2 * count : kernel->tiles;
    const dcn_cpu_narrow_map x = {run->inputs[0], winograd->map, winograd->in, 0, winograd->in};
    const dcn_cpu_narrow_map y = {run->outputs[0], winograd->result, winograd->out, 0, winograd->out};
    const dcn_cpu_pixels next = dcn_cpu_pixels_of(winograd, &x, first + count, behind);
    const dcn_cpu_pixels made = dcn_cpu_pixels_of(winograd, &y, first, first + count);
    loops->narrow_winograd_input(winograd, run->inputs[0], v, first, count);
    for (int64_t place = 0; place < PLACES; place++) {
        dcn_cpu_call_up(&next, place, PLACES);
        dcn_cpu_call_up(&made, place, PLACES);
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
    const dcn_cpu_run run = dcn_cpu_run_of(base, inputs, outputs, scratch);
    dcn_cpu_parallel(&run, winograd->in / 2, PLACES * winograd->out, weights_body);
    dcn_cpu_parallel(&run, kernel->parts, PLACES * kernel->tiles / kernel->parts * (winograd->in + winograd->out),
                     tiles_body);
}

/* --- compiling --- */

decant_status dcn_cpu_narrow_weight_layout(dcn_cpu_device *device, const dcn_tensor_desc *weight, bool turned,
                                           dcn_layout *ret_layout)
{
    const int64_t *size = weight->shape.dim, plane = size[0] * size[1];
    dnnl_dims_t dims, strides = {turned ? size[1] : 1, turned ? 1 : size[0], 3 * plane, plane};
    dnnl_memory_desc_t descriptor;
    for (int i = 0; i < 4; i++)
        dims[i] = size[i];
    TRY_RETURN(dcn_cpu_check(dnnl_memory_desc_init_by_strides(
                                 &descriptor, 4, dims, weight->dtype == DECANT_BF16 ? dnnl_bf16 : dnnl_f32, strides),
                             "memory descriptor"));
    return dcn_cpu_intern(device, &descriptor, ret_layout);
}

static void size_memory(narrow_kernel *kernel)
{
    dcn_cpu_narrow_winograd *winograd = &kernel->winograd;
    winograd->u_step = winograd->in / 2 * winograd->out + DCN_CPU_NARROW_GAP;
    winograd->v_step = CHUNK * winograd->in / 2 + DCN_CPU_NARROW_GAP;
    winograd->m_step = CHUNK * winograd->out + DCN_CPU_NARROW_GAP;
    kernel->u_bytes = PLACES * (size_t)winograd->u_step * sizeof(uint32_t);
    kernel->v_bytes = PLACES * (size_t)winograd->v_step * sizeof(uint32_t);
    kernel->part_bytes = kernel->v_bytes + PLACES * (size_t)winograd->m_step * sizeof(float);
    kernel->own.base.scratch_bytes = kernel->u_bytes + (size_t)kernel->parts * kernel->part_bytes;
}

decant_status dcn_cpu_compile_narrow_winograd(dcn_cpu_device *device, dcn_op_call *call, dcn_kernel **ret_kernel)
{
    if (call->op == DECANT_OP_CONV2D_GRAD_WEIGHT) return dcn_cpu_compile_narrow_winograd_grad(device, call, ret_kernel);
    const bool turned = call->op == DECANT_OP_CONV2D_GRAD_INPUT;
    narrow_kernel *kernel = NULL;
    dcn_cpu_ask_activation(call);
    TRY_RETURN(dcn_cpu_narrow_weight_layout(device, &call->input[1], turned, &call->input[1].layout));
    TRY_RETURN(dcn_cpu_kernel_create(device, call, sizeof *kernel, run_tiles, (void **)&kernel));
    dcn_cpu_narrow_winograd *winograd = &kernel->winograd;
    dcn_cpu_narrow_winograd_init(winograd, &call->attrs.conv, &call->input[0].shape, &call->output[0].shape);
    winograd->relu = !turned && call->attrs.conv.activation == DCN_ACTIVATION_RELU;
    winograd->turned = turned;
    for (int i = 0; i < 2 && turned; i++)
        winograd->padding[i] = 2 - winograd->padding[i];
    kernel->tiles = winograd->samples * winograd->tiles[0] * winograd->tiles[1];
    kernel->parts = kernel->own.threads;
    kernel->has_bias = call->n_inputs > 2;
    size_memory(kernel);
    kernel->own.base.needed_flops = DCN_CPU_NARROW_WINOGRAD_SHARE * kernel->own.base.flops;
    snprintf(kernel->own.base.name, sizeof kernel->own.base.name, "winograd:%s", device->narrow_loops->isa);
    *ret_kernel = &kernel->own.base;
    return DECANT_OK;
}
