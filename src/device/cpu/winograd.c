/* 3x3 convolutions by Winograd's algorithm: tiles of 4x4 outputs from 6x6 inputs with 36 products a channel pair where
 * the sum has 144 (Winograd 1980; Lavin, Gray 2016). Its rounding is that of f32, times the numbers up to 8 of its
 * transforms. For many pixels oneDNN does the work (conv.c), on blocked maps with reorders around them. For a few
 * samples, forwards, a kernel of ours does it: each thread takes its tiles of the NHWC map through transform, products
 * and transform back within its own cache. */
#include <stdio.h>

#include "device/cpu/cpu.h"

#define TILE             DCN_CPU_WINOGRAD_TILE
#define CHUNK            DCN_CPU_WINOGRAD_CHUNK
#define MIN_CHANNELS     32 /* fewer do not pay for the transforms */
#define CHANNEL_BLOCK    16
#define MIN_USEFUL_SHARE 0.5  /* of the outputs of all tiles: the rest hangs over the map's edges */
#define MIN_TILES        8    /* as many as the product has rows in its registers */
#define MIN_PIXELS       1024 /* of all maps: fewer do not pay for oneDNN's reorders, more are faster there */

/* --- which convolutions --- */

static int64_t tiles_along(int64_t size)
{
    return (size + TILE - 1) / TILE;
}

static bool suits(const dcn_conv_attrs *attrs, const decant_shape *src, const decant_shape *dst)
{
    for (int i = 0; i < 2; i++)
        if (attrs->kernel[i] != 3 || attrs->stride[i] != 1 || attrs->dilation[i] != 1 || attrs->padding[i] > 1)
            return false;
    const int64_t in = src->dim[1], out = dst->dim[1];
    if (attrs->groups != 1 || in < MIN_CHANNELS || out < MIN_CHANNELS || in % CHANNEL_BLOCK != 0 ||
        out % CHANNEL_BLOCK != 0)
        return false;
    const int64_t in_tiles = TILE * tiles_along(dst->dim[2]) * TILE * tiles_along(dst->dim[3]);
    return (double)(dst->dim[2] * dst->dim[3]) >= MIN_USEFUL_SHARE * (double)in_tiles;
}

bool dcn_cpu_suits_blocked_winograd(const dcn_conv_attrs *attrs, const decant_shape *src, const decant_shape *dst)
{
    return suits(attrs, src, dst) && dst->dim[0] * dst->dim[2] * dst->dim[3] >= MIN_PIXELS;
}

bool dcn_cpu_suits_winograd(const dcn_op_call *call)
{
    const decant_shape *src = &call->input[0].shape, *dst = &call->output[0].shape;
    return call->op == DECANT_OP_CONV2D && call->input[0].dtype == DECANT_F32 && dst->dim[1] % DCN_CPU_STRIP == 0 &&
           suits(&call->attrs.conv, src, dst) && !dcn_cpu_suits_blocked_winograd(&call->attrs.conv, src, dst) &&
           dst->dim[0] * tiles_along(dst->dim[2]) * tiles_along(dst->dim[3]) >= MIN_TILES;
}

/* --- the kernel --- */

typedef struct winograd_kernel {
    dcn_cpu_kernel own;
    dcn_cpu_winograd winograd;
    int64_t tiles;       /* of all samples */
    int64_t parts;       /* one a thread */
    size_t weight_bytes; /* the transformed weights, in front of the parts' memory */
    size_t part_bytes;
    bool has_bias;
} winograd_kernel;

static void weights_body(const dcn_cpu_run *run, int64_t begin, int64_t end)
{
    const winograd_kernel *kernel = (const winograd_kernel *)run->kernel;
    kernel->own.loops->winograd_weights(&kernel->winograd, run->inputs[1], run->scratch, begin, end);
}

static void run_chunk(const winograd_kernel *kernel, const dcn_cpu_run *run, float *memory, int64_t first,
                      int64_t count)
{
    const dcn_cpu_winograd *winograd = &kernel->winograd;
    const dcn_cpu_loops *loops = kernel->own.loops;
    const dcn_cpu_product product = {
        .m = count, .n = winograd->out, .k = winograd->in, .a_row = winograd->in, .a_step = 1};
    const int64_t u_step = DCN_CPU_WINOGRAD_STEP(winograd->in, winograd->out);
    const int64_t v_step = DCN_CPU_WINOGRAD_STEP(CHUNK, winograd->in);
    const int64_t m_step = DCN_CPU_WINOGRAD_STEP(CHUNK, winograd->out);
    const float *u = run->scratch;                        /* [36][in][out] in strips */
    float *v = memory;                                    /* [36][CHUNK][in] */
    float *m = memory + DCN_CPU_WINOGRAD_PLACES * v_step; /* [36][CHUNK][out] */
    loops->winograd_input(winograd, run->inputs[0], v, first, count);
    for (int64_t place = 0; place < DCN_CPU_WINOGRAD_PLACES; place++)
        loops->product(&product, v + place * v_step, u + place * u_step, NULL, m + place * m_step, 0, count);
    loops->winograd_output(winograd, m, kernel->has_bias ? run->inputs[2] : NULL, run->outputs[0], first, count);
}

static void tiles_body(const dcn_cpu_run *run, int64_t begin, int64_t end)
{
    const winograd_kernel *kernel = (const winograd_kernel *)run->kernel;
    for (int64_t part = begin; part < end; part++) {
        float *memory =
            (float *)(void *)((char *)run->scratch + kernel->weight_bytes + (size_t)part * kernel->part_bytes);
        const int64_t last = (part + 1) * kernel->tiles / kernel->parts;
        for (int64_t tile = part * kernel->tiles / kernel->parts; tile < last; tile += CHUNK)
            run_chunk(kernel, run, memory, tile, last - tile < CHUNK ? last - tile : CHUNK);
    }
}

static void run_tiles(const dcn_kernel *base, void *const *inputs, void *const *outputs, void *scratch)
{
    const winograd_kernel *kernel = (const winograd_kernel *)base;
    const dcn_cpu_winograd *winograd = &kernel->winograd;
    const dcn_cpu_run run = dcn_cpu_run_of(base, inputs, outputs, scratch);
    dcn_cpu_parallel(&run, winograd->in, DCN_CPU_WINOGRAD_PLACES * winograd->out, weights_body);
    dcn_cpu_parallel(&run, kernel->parts,
                     DCN_CPU_WINOGRAD_PLACES * kernel->tiles / kernel->parts * (winograd->in + winograd->out),
                     tiles_body);
}

/* The weights are read as [3][3][I][O]. */
static decant_status weight_layout(dcn_cpu_device *device, const decant_shape *shape, dcn_layout *ret_layout)
{
    dnnl_dims_t dims, strides = {1, shape->dim[0], 3 * shape->dim[1] * shape->dim[0], shape->dim[1] * shape->dim[0]};
    dnnl_memory_desc_t descriptor;
    for (int i = 0; i < 4; i++)
        dims[i] = shape->dim[i];
    TRY_RETURN(
        dcn_cpu_check(dnnl_memory_desc_init_by_strides(&descriptor, 4, dims, dnnl_f32, strides), "memory descriptor"));
    return dcn_cpu_intern(device, &descriptor, ret_layout);
}

decant_status dcn_cpu_compile_winograd(dcn_cpu_device *device, dcn_op_call *call, dcn_kernel **ret_kernel)
{
    const decant_shape *src = &call->input[0].shape, *dst = &call->output[0].shape;
    winograd_kernel *kernel = NULL;
    dcn_cpu_ask_activation(call);
    TRY_RETURN(weight_layout(device, &call->input[1].shape, &call->input[1].layout));
    TRY_RETURN(dcn_cpu_kernel_create(device, call, sizeof *kernel, run_tiles, (void **)&kernel));
    dcn_cpu_winograd *winograd = &kernel->winograd;
    winograd->in = src->dim[1];
    winograd->out = dst->dim[1];
    for (int i = 0; i < 2; i++) {
        winograd->map[i] = src->dim[2 + i];
        winograd->result[i] = dst->dim[2 + i];
        winograd->padding[i] = call->attrs.conv.padding[i];
        winograd->tiles[i] = tiles_along(dst->dim[2 + i]);
    }
    winograd->relu = call->attrs.conv.activation == DCN_ACTIVATION_RELU;
    kernel->tiles = src->dim[0] * winograd->tiles[0] * winograd->tiles[1];
    kernel->parts = kernel->own.threads;
    kernel->has_bias = call->n_inputs > 2;
    const size_t places = DCN_CPU_WINOGRAD_PLACES * sizeof(float);
    kernel->weight_bytes = places * (size_t)DCN_CPU_WINOGRAD_STEP(winograd->in, winograd->out);
    kernel->part_bytes =
        places * (size_t)(DCN_CPU_WINOGRAD_STEP(CHUNK, winograd->in) + DCN_CPU_WINOGRAD_STEP(CHUNK, winograd->out));
    kernel->own.base.scratch_bytes = kernel->weight_bytes + (size_t)kernel->parts * kernel->part_bytes;
    kernel->own.base.needed_flops = DCN_CPU_WINOGRAD_SHARE * kernel->own.base.flops;
    snprintf(kernel->own.base.name, sizeof kernel->own.base.name, "winograd:%s", device->loops->isa);
    *ret_kernel = &kernel->own.base;
    return DECANT_OK;
}
