/* The cpu device's own loops: the arguments they share and the table of pointers that each instruction set fills. */
#ifndef DCN_DEVICE_CPU_LOOPS_H
#define DCN_DEVICE_CPU_LOOPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tensor/bf16.h"

/* The mask as op.def defines it. */
typedef struct dcn_cpu_dropout {
    uint64_t seed;
    uint32_t purpose, step_low, step_high; /* words 1, 2, 3 of the counter */
    uint64_t threshold;                    /* a word below it is dropped */
    float scale;
} dcn_cpu_dropout;

/* What the passes of a batch normalisation share. A row has `width` columns: the channels, `repeat` times over. */
typedef struct dcn_cpu_norm {
    int64_t channels, repeat, width, n_chunks;
    double count, eps, momentum;                      /* pixels that a channel's statistics are of */
    const double *partial;                            /* [n_chunks][2][width] what the summing pass found */
    float *shift, *scale, *offset, *slope, *constant; /* [width] each */
} dcn_cpu_norm;

/* Pooling windows over NHWC maps. Adaptive pooling cuts its windows by the sizes of the maps instead of kernel and
 * stride. */
typedef struct dcn_cpu_window {
    int64_t batch, channels;
    int64_t in[2], out[2];
    int64_t kernel[2], stride[2], padding[2];
    bool adaptive;
    bool count_padding; /* averages divide by the window with its padding */
    bool wide_index;    /* the window has more places than a byte counts */
} dcn_cpu_window;

/* True when the windows cut the map into pieces without overlap or rest. */
static inline bool dcn_cpu_window_tiles(const dcn_cpu_window *window)
{
    for (int axis = 0; axis < 2; axis++) {
        bool even = window->adaptive ? window->in[axis] % window->out[axis] == 0
                                     : window->padding[axis] == 0 && window->kernel[axis] == window->stride[axis] &&
                                           window->out[axis] * window->stride[axis] == window->in[axis];
        if (!even) return false;
    }
    return true;
}

typedef struct dcn_cpu_product {
    int64_t m, n, k;
    int64_t a_row, a_step, b_row, b_step;
    int64_t bias_step; /* linear_rows: 0 where all of n share one bias */
    bool relu;
} dcn_cpu_product;
/* Columns in a strip of a packed matrix, for every instruction set; packed floats are k * n rounded up to it. */
#define DCN_CPU_STRIP 32

/* What of a convolution's products is left by tiles of 4x4 and of 2x2 results. */
#define DCN_CPU_WINOGRAD_SHARE        (36.0 / 144)
#define DCN_CPU_NARROW_WINOGRAD_SHARE (16.0 / 36)

/* A 3x3 convolution with stride 1 by Winograd's algorithm: tiles of outputs in every sample, row by row. */
typedef struct dcn_cpu_winograd {
    int64_t in, out; /* channels: multiples of a vector, and of DCN_CPU_STRIP */
    int64_t map[2], result[2], padding[2], tiles[2];
    bool relu;
} dcn_cpu_winograd;
#define DCN_CPU_WINOGRAD_TILE   4
#define DCN_CPU_WINOGRAD_PLACES 36 /* of a transformed tile */
#define DCN_CPU_WINOGRAD_CHUNK  32 /* tiles at once: their 36 products' operands stay in the second-level cache */
/* Floats from one place to the next: a cache line more than the matrix, or all places would meet in a few sets. */
#define DCN_CPU_WINOGRAD_STEP(rows, columns) ((rows) * (columns) + 16)

/* A matrix product c [rows][columns] = a b from pairs of bf16, each a pair of what is summed over. The sum runs over
 * pieces, of `depth` pairs each: lines of a sample that lie apart. Pairs of a begin at any element. */
typedef struct dcn_cpu_dots {
    int64_t columns; /* a multiple of 16 */
    int64_t pieces, depth;
    int64_t a_row, a_piece, a_step; /* in elements: a(row, piece, k) = a[row * a_row + piece * a_piece + k * a_step] */
    int64_t c_row;
    bool add;  /* to c, in f32 */
    bool relu; /* in bf16 */
} dcn_cpu_dots;
#define DCN_CPU_PAIR_STRIP 64
/* b lies in strips of columns, as wide as registers take: the width of the strip that begins with this column. In it
 * b(k, column) = b[first * pieces * depth + k * width + column - first], in pairs. */
static inline int64_t dcn_cpu_strip_of_pairs(int64_t columns, int64_t first)
{
    return columns - first < DCN_CPU_PAIR_STRIP ? columns - first : DCN_CPU_PAIR_STRIP;
}

/* A 3x3 convolution with stride 1 on bf16 by Winograd's algorithm with smaller tiles, whose rounding bf16 can bear. */
typedef struct dcn_cpu_narrow_winograd {
    int64_t in, out; /* channels: those that are summed over, a multiple of 32, and those that are made, one of 16; for
                      * the gradient of the weights both of 16 */
    int64_t samples, map[2], result[2], padding[2], tiles[2];
    int64_t u_step, v_step, m_step; /* from one place to the next: u and v in pairs, m in floats */
    bool relu;
    bool turned; /* the weights' taps are read backwards: the gradient at the input */
} dcn_cpu_narrow_winograd;
/* The sums of a block of x's channels (rows) with some of d_y's (columns), of each part of the tiles. */
typedef struct dcn_cpu_narrow_sums {
    const float *first;  /* of the products: [16][rows][columns] */
    const float *of_d_y; /* [columns]: over all its pixels */
    int64_t rows, columns, parts, part_step;
} dcn_cpu_narrow_sums;
#define DCN_CPU_NARROW_TILE   2
#define DCN_CPU_NARROW_PLACES 16

/* A sum of matrix products, one for each piece: c(row, column) = sum over pieces and k < depth of a(row, k) b(k,
 * column). b is read in panels of DCN_CPU_PANEL columns, always whole ones. */
typedef struct dcn_cpu_panels {
    int64_t columns; /* of c; what lies behind the last one in its panel is not written */
    int64_t depth;
    int64_t a_row, a_step;   /* a(row, k) = a[row * a_row + k * a_step] */
    int64_t b_step, b_panel; /* b(k, column) = b[column / PANEL * b_panel + k * b_step + column % PANEL] */
    int64_t c_row, c_panel;  /* c(row, column) = c[row * c_row + column / PANEL * c_panel + column % PANEL] */
    bool relu;
} dcn_cpu_panels;
typedef struct dcn_cpu_piece {
    int64_t a, b; /* where its operands begin */
} dcn_cpu_piece;
#define DCN_CPU_PANEL 16 /* columns, for every instruction set */

typedef struct dcn_cpu_loss {
    int64_t classes;
    double temperature;
    double smoothing;
    float scale;        /* of the gradient: weight / rows (times the temperature for kd) */
    double alpha, beta; /* dkd */
    bool center;        /* mse */
} dcn_cpu_loss;

typedef struct dcn_cpu_update {
    float lr, weight_decay, momentum, beta1, beta2, eps;
    float grad_scale; /* clipping */
    float step_size;  /* adam: lr / bias correction of m */
    float root_bias;  /* adam: square root of the bias correction of v */
    bool nesterov, decoupled, has_momentum, first;
} dcn_cpu_update;
#define DCN_CPU_SQUARE_CHUNK 8192 /* elements in one partial sum of square_sums */

typedef struct dcn_cpu_loops {
    const char *isa;
    size_t element_bytes; /* of what the void pointers of the ELEMENT_LOOPs are to */
#define LOOP(name, arguments)         void(*name) arguments;
#define ELEMENT_LOOP(name, arguments) void(*name) arguments;
#define DOT_LOOP(name, arguments)     void(*name) arguments;
#include "device/cpu/loops/loops.def"
} dcn_cpu_loops;

extern const dcn_cpu_loops dcn_cpu_loops_baseline, dcn_cpu_loops_avx2, dcn_cpu_loops_avx512;
/* The same loops on bf16; native: rounded to it by AVX512-BF16's instruction. */
extern const dcn_cpu_loops dcn_cpu_loops_baseline_bf16, dcn_cpu_loops_avx2_bf16, dcn_cpu_loops_avx512_bf16,
    dcn_cpu_loops_avx512_native_bf16;

/* For the files loops_*.c: they are compiled once per instruction set and element type, each time under another name.
 */
#ifndef DCN_CPU_LOOPS_ISA
#define DCN_CPU_LOOPS_ISA baseline
#endif
#define DCN_CPU_PASTE(a, b)          a##b
#define DCN_CPU_PASTE_EXPANDED(a, b) DCN_CPU_PASTE(a, b)
#define DCN_CPU_LOOP(name)           DCN_CPU_PASTE_EXPANDED(dcn_cpu_loop_##name##_, DCN_CPU_LOOPS_ISA)
#ifdef DCN_CPU_LOOPS_BF16
#define DCN_CPU_ELEMENT_LOOP(name)                                                                                     \
    DCN_CPU_PASTE_EXPANDED(DCN_CPU_PASTE_EXPANDED(dcn_cpu_, DCN_CPU_LOOPS_BF16),                                       \
                           DCN_CPU_PASTE_EXPANDED(_loop_##name##_, DCN_CPU_LOOPS_ISA))
#else
#define DCN_CPU_ELEMENT_LOOP(name) DCN_CPU_LOOP(name)
#endif
#define LOOP(name, arguments)         void DCN_CPU_LOOP(name) arguments;
#define ELEMENT_LOOP(name, arguments) void DCN_CPU_ELEMENT_LOOP(name) arguments;
#define DOT_LOOP(name, arguments)     void DCN_CPU_ELEMENT_LOOP(name) arguments;
#include "device/cpu/loops/loops.def"

#endif
