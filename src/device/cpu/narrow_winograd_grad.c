/* The gradient of the weights of 3x3 convolutions on bf16 by Winograd's algorithm: the transformed inputs times the
 * transformed gradients of the outputs, summed over all tiles, 16 products where the sum has 36. The sums of a block of
 * channels stay in a thread's cache while its tiles pass by; where there are fewer blocks than threads, threads share a
 * block's tiles and their sums are added in the end, in the same order whoever comes first. */
#include <stdio.h>
#include <string.h>

#include "device/cpu/cpu.h"
#include "device/cpu/narrow_winograd.h"

#define MAX_BLOCK 64 /* channels of x and of d_y: sums and chunks fill most of a second-level cache of a megabyte */
#define CHUNK     48 /* tiles at once, of both samples of a pair */
#define GROUP     32 /* channels of a vector of pairs */
#define HALF      16

typedef struct grad_kernel {
    dcn_cpu_kernel own;
    dcn_cpu_narrow_winograd winograd;
    int64_t rows, columns; /* of a block of sums: channels of x, of d_y */
    int64_t blocks_of_x, blocks_of_d_y;
    int64_t tiles;        /* of all pairs of samples */
    int64_t parts;        /* of the tiles of a block */
    int64_t part_floats;  /* a part's sums: of the products, then of d_y */
    int64_t thread_bytes; /* transformed tiles */
    bool has_bias;
} grad_kernel;

static float *sums_of(const grad_kernel *kernel, const dcn_cpu_run *run, int64_t item)
{
    return (float *)run->scratch + item * kernel->part_floats;
}

/* What a chunk reads of a map. */
typedef struct chunk_pixels {
    dcn_cpu_pixels range[4]; /* both samples of two pairs at most */
    int count;
} chunk_pixels;

/* Pair p is samples 2p and 2p + 1. Where a chunk is more than a sample, whole samples are near enough. */
static void find_pixels(const dcn_cpu_narrow_winograd *winograd, const dcn_cpu_narrow_map *map, int64_t begin_tile,
                        int64_t end_tile, chunk_pixels *ret_pixels)
{
    const int64_t of_sample = winograd->tiles[0] * winograd->tiles[1];
    ret_pixels->count = 0;
    if (of_sample < CHUNK) {
        const int64_t first = begin_tile / of_sample, behind = (end_tile + of_sample - 1) / of_sample;
        ret_pixels->range[ret_pixels->count++] =
            dcn_cpu_pixels_of(winograd, map, 2 * first * of_sample, 2 * behind * of_sample);
        return;
    }
    for (int64_t tile = begin_tile, last; tile < end_tile; tile = last) {
        const int64_t before = tile / of_sample * of_sample;
        last = before + of_sample < end_tile ? before + of_sample : end_tile;
        for (int64_t moved = before; moved <= before + of_sample; moved += of_sample)
            ret_pixels->range[ret_pixels->count++] = dcn_cpu_pixels_of(winograd, map, tile + moved, last + moved);
    }
}

/* Adds one chunk of tiles to the sums. */
static void add_chunk(const grad_kernel *kernel, const dcn_cpu_run *run, int64_t block, uint32_t *memory, float *sums,
                      int64_t first, int64_t count, bool is_first)
{
    const dcn_cpu_narrow_winograd *winograd = &kernel->winograd;
    const dcn_cpu_loops *loops = kernel->own.loops;
    const int64_t row = block / kernel->blocks_of_d_y * kernel->rows, rows = kernel->rows;
    const int64_t column = block % kernel->blocks_of_d_y * kernel->columns, columns = kernel->columns;
    const dcn_cpu_dots dots = {.columns = columns,
                               .pieces = 1,
                               .depth = count,
                               .a_row = 2,
                               .a_step = 2 * rows,
                               .c_row = columns,
                               .add = !is_first};
    uint32_t *v = memory, *d = memory + DCN_CPU_NARROW_PLACES * winograd->v_step;
    const int64_t behind = first + 2 * count < kernel->tiles ? first + 2 * count : kernel->tiles;
    chunk_pixels next[2];
    const dcn_cpu_narrow_map x = {run->inputs[0], winograd->map, winograd->in, row, rows};
    const dcn_cpu_narrow_map d_y = {run->inputs[1], winograd->result, winograd->out, column, columns};
    find_pixels(winograd, &x, first + count, behind, &next[0]);
    find_pixels(winograd, &d_y, first + count, behind, &next[1]);
    loops->narrow_winograd_twins(winograd, run->inputs[0], v, first, count, row, rows);
    loops->narrow_winograd_gradient(winograd, run->inputs[1], d, first, count, column, columns,
                                    sums + DCN_CPU_NARROW_PLACES * winograd->m_step);
    for (int64_t place = 0; place < DCN_CPU_NARROW_PLACES; place++) {
        for (int map = 0; map < 2; map++)
            for (int i = 0; i < next[map].count; i++)
                dcn_cpu_call_up(&next[map].range[i], place, DCN_CPU_NARROW_PLACES);
        loops->dots(&dots, v + place * winograd->v_step, d + place * winograd->u_step, sums + place * winograd->m_step,
                    rows);
    }
}

/* Items are parts of blocks. */
static void sums_body(const dcn_cpu_run *run, int64_t begin, int64_t end)
{
    const grad_kernel *kernel = (const grad_kernel *)run->kernel;
    const int64_t items = kernel->blocks_of_x * kernel->blocks_of_d_y * kernel->parts;
    uint32_t *memory = (uint32_t *)(void *)((char *)sums_of(kernel, run, items) + run->thread * kernel->thread_bytes);
    for (int64_t item = begin; item < end; item++) {
        const int64_t block = item / kernel->parts, part = item % kernel->parts;
        const int64_t first = part * kernel->tiles / kernel->parts, last = (part + 1) * kernel->tiles / kernel->parts;
        float *sums = sums_of(kernel, run, item);
        memset(sums, 0, (size_t)kernel->part_floats * sizeof(float));
        for (int64_t tile = first; tile < last; tile += CHUNK)
            add_chunk(kernel, run, block, memory, sums, tile, last - tile < CHUNK ? last - tile : CHUNK, tile == first);
    }
}

static int64_t groups_of(int64_t channels)
{
    return (channels + GROUP - 1) / GROUP;
}

/* Items are groups of the rows of blocks. */
static void finish_body(const dcn_cpu_run *run, int64_t begin, int64_t end)
{
    const grad_kernel *kernel = (const grad_kernel *)run->kernel;
    const dcn_cpu_narrow_winograd *winograd = &kernel->winograd;
    const int64_t groups = groups_of(kernel->rows);
    for (int64_t item = begin; item < end; item++) {
        const int64_t block = item / groups, row = item % groups * GROUP;
        const int64_t last = row + GROUP < kernel->rows ? row + GROUP : kernel->rows;
        const int64_t in = block / kernel->blocks_of_d_y * kernel->rows;
        const int64_t out = block % kernel->blocks_of_d_y * kernel->columns;
        const float *first = sums_of(kernel, run, block * kernel->parts);
        const dcn_cpu_narrow_sums sums = {.first = first,
                                          .of_d_y = first + DCN_CPU_NARROW_PLACES * winograd->m_step,
                                          .rows = kernel->rows,
                                          .columns = kernel->columns,
                                          .parts = kernel->parts,
                                          .part_step = kernel->part_floats};
        kernel->own.loops->narrow_winograd_finish(winograd, &sums, row, last,
                                                  (float *)run->outputs[0] + in * winograd->out + out);
        if (kernel->has_bias && in + row == 0)
            kernel->own.loops->narrow_winograd_bias(&sums, (float *)run->outputs[1] + out);
    }
}

static void run_grad(const dcn_kernel *base, void *const *inputs, void *const *outputs, void *scratch)
{
    const grad_kernel *kernel = (const grad_kernel *)base;
    const dcn_cpu_run run = dcn_cpu_run_of(base, inputs, outputs, scratch);
    const int64_t blocks = kernel->blocks_of_x * kernel->blocks_of_d_y;
    dcn_cpu_parallel(&run, blocks * kernel->parts,
                     DCN_CPU_NARROW_PLACES * kernel->tiles / kernel->parts * (kernel->rows + kernel->columns),
                     sums_body);
    dcn_cpu_parallel(&run, blocks * groups_of(kernel->rows),
                     DCN_CPU_NARROW_PLACES * GROUP * kernel->columns * kernel->parts, finish_body);
}

/* --- compiling --- */

/* The largest number of groups that divides the channels: whole ones, if it can be. channels: a multiple of HALF. */
static int64_t block_of(int64_t channels)
{
    const int64_t step = channels % GROUP == 0 ? GROUP : HALF;
    int64_t block = MAX_BLOCK;
    while (channels % block != 0)
        block -= step;
    return block;
}

/* A map is transformed once for each block of the other one: many blocks of half a group (of 112 channels, say) would
 * spend what the products save. */
bool dcn_cpu_narrow_blocks_suit(int64_t channels)
{
    return channels % GROUP == 0 || (channels % HALF == 0 && (channels == HALF || block_of(channels) > HALF));
}

/* So many that the threads share a few blocks evenly, and each part has a chunk of tiles to its sums. */
static int64_t parts_of(const grad_kernel *kernel, int64_t threads)
{
    const int64_t blocks = kernel->blocks_of_x * kernel->blocks_of_d_y, chunks = kernel->tiles / CHUNK;
    if (blocks >= threads || chunks < 2) return 1;
    const int64_t parts = threads / dcn_cpu_common_divisor(threads, blocks);
    return parts < chunks ? parts : chunks;
}

static void plan_blocks(grad_kernel *kernel)
{
    dcn_cpu_narrow_winograd *winograd = &kernel->winograd;
    const int64_t threads = kernel->own.threads;
    kernel->rows = block_of(winograd->in);
    kernel->columns = block_of(winograd->out);
    kernel->blocks_of_x = winograd->in / kernel->rows;
    kernel->blocks_of_d_y = winograd->out / kernel->columns;
    kernel->tiles = (winograd->samples + 1) / 2 * winograd->tiles[0] * winograd->tiles[1];
    kernel->parts = parts_of(kernel, threads);

    const int64_t word = sizeof(float) * DCN_CPU_NARROW_PLACES;
    winograd->v_step = CHUNK * kernel->rows + DCN_CPU_NARROW_GAP;
    winograd->u_step = CHUNK * kernel->columns + DCN_CPU_NARROW_GAP;
    winograd->m_step = kernel->rows * kernel->columns + DCN_CPU_NARROW_GAP;
    kernel->part_floats = DCN_CPU_NARROW_PLACES * winograd->m_step + kernel->columns;
    kernel->thread_bytes = word * (winograd->v_step + winograd->u_step);
    kernel->own.base.scratch_bytes = (size_t)(kernel->blocks_of_x * kernel->blocks_of_d_y * kernel->parts *
                                                  kernel->part_floats * (int64_t)sizeof(float) +
                                              threads * kernel->thread_bytes);
}

decant_status dcn_cpu_compile_narrow_winograd_grad(dcn_cpu_device *device, dcn_op_call *call, dcn_kernel **ret_kernel)
{
    grad_kernel *kernel = NULL;
    dcn_cpu_ask_activation(call);
    TRY_RETURN(dcn_cpu_narrow_weight_layout(device, &call->output[0], false, &call->output[0].layout));
    TRY_RETURN(dcn_cpu_kernel_create(device, call, sizeof *kernel, run_grad, (void **)&kernel));
    dcn_cpu_narrow_winograd_init(&kernel->winograd, &call->attrs.conv, &call->input[0].shape, &call->input[1].shape);
    kernel->has_bias = call->n_outputs > 1;
    plan_blocks(kernel);
    kernel->own.base.needed_flops = DCN_CPU_NARROW_WINOGRAD_SHARE * kernel->own.base.flops;
    snprintf(kernel->own.base.name, sizeof kernel->own.base.name, "winograd:%s", device->narrow_loops->isa);
    *ret_kernel = &kernel->own.base;
    return DECANT_OK;
}
