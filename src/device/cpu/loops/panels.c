/* Sums of matrix products whose right-hand sides lie in panels: the inside of convolutions of small maps and of linear
 * layers. A tile of c stays in registers over all pieces; what it reads streams from the second-level cache. */
#include <math.h>

#include "device/cpu/loops/loops.h"
#include "device/cpu/loops/simd.h"

#define PANEL_VECTORS (DCN_CPU_PANEL / VEC_WIDTH)
/* A tile: as many sums as hide the latency of a multiply-add, beside the operands, without running out of registers.
 * ROWS is its height at full width, NARROW_ROWS at one panel; higher ones would have more rows than there are registers
 * for their addresses. */
#if VEC_WIDTH == 16
#define ROWS        8
#define TILE_PANELS 2
#elif VEC_WIDTH == 8
#define ROWS        6
#define TILE_PANELS 1
#else
#define ROWS        2
#define TILE_PANELS 1
#endif
#define NARROW_ROWS 10

/* What a sum begins with: the bias, where there is one. */
static ALWAYS_INLINE void begin_panel(const float *bias, int64_t columns, vec *sums)
{
    float cut[DCN_CPU_PANEL] = {0};
    if (bias && columns < DCN_CPU_PANEL) bias = memcpy(cut, bias, (size_t)columns * sizeof(float));
    for (int v = 0; v < PANEL_VECTORS; v++)
        sums[v] = bias ? vec_load(bias + v * VEC_WIDTH) : (vec){0};
}

/* Sums below `least` give way to it: relu, or nothing. A NaN stays one. */
static ALWAYS_INLINE void finish_panel(const vec *sums, float least, float *c, int64_t columns)
{
    vec values[PANEL_VECTORS];
    for (int v = 0; v < PANEL_VECTORS; v++)
        values[v] = vec_select(sums[v] < vec_all(least), vec_all(least), sums[v]);
    if (columns >= DCN_CPU_PANEL)
        for (int v = 0; v < PANEL_VECTORS; v++)
            vec_store(c + v * VEC_WIDTH, values[v]);
    else
        memcpy(c, values, (size_t)columns * sizeof(float));
}

/* rows (a constant) rows of n_panels (a constant) panels, `columns` columns in all */
static ALWAYS_INLINE void tile(const dcn_cpu_panels *panels, const dcn_cpu_piece *pieces, int64_t n_pieces,
                               const float *a, const float *b, const float *bias, float *c, int64_t columns,
                               const int rows, const int n_panels)
{
    vec sums[ROWS * TILE_PANELS][PANEL_VECTORS]; /* n_panels behind each other for every row */
    for (int p = 0; p < n_panels; p++)
        begin_panel(bias ? bias + p * DCN_CPU_PANEL : NULL, columns - p * DCN_CPU_PANEL, sums[p]);
    for (int r = 1; r < rows; r++)
        for (int p = 0; p < n_panels; p++)
            for (int v = 0; v < PANEL_VECTORS; v++)
                sums[r * n_panels + p][v] = sums[p][v];
    for (int r = 0; r < rows; r++) /* by the time the sums are ready so is their place */
        for (int p = 0; p < n_panels; p++)
            __builtin_prefetch(c + r * panels->c_row + p * panels->c_panel, 1);
    for (int64_t piece = 0; piece < n_pieces; piece++) {
        const float *from = a + pieces[piece].a, *panel = b + pieces[piece].b;
        for (int64_t k = 0; k < panels->depth; k++, from += panels->a_step, panel += panels->b_step) {
            vec operand[TILE_PANELS][PANEL_VECTORS];
            for (int p = 0; p < n_panels; p++)
                for (int v = 0; v < PANEL_VECTORS; v++)
                    operand[p][v] = vec_load(panel + p * panels->b_panel + v * VEC_WIDTH);
            for (int r = 0; r < rows; r++) {
                vec factor = vec_all(from[r * panels->a_row]);
                for (int p = 0; p < n_panels; p++)
                    for (int v = 0; v < PANEL_VECTORS; v++)
                        sums[r * n_panels + p][v] += factor * operand[p][v];
            }
        }
    }
    const float least = panels->relu ? 0.0F : -HUGE_VALF;
    for (int r = 0; r < rows; r++)
        for (int p = 0; p < n_panels; p++)
            finish_panel(sums[r * n_panels + p], least, c + r * panels->c_row + p * panels->c_panel,
                         columns - p * DCN_CPU_PANEL);
}

/* All rows of n_panels (a constant) panels, in tiles of about the same height: nine rows are five and four, not eight
 * and a last one that would wait for its own sums. */
static ALWAYS_INLINE void tiles(const dcn_cpu_panels *panels, const dcn_cpu_piece *pieces, int64_t n_pieces,
                                const float *a, const float *b, const float *bias, float *c, int64_t columns,
                                int64_t rows, const int n_panels)
{
    const int most = n_panels < TILE_PANELS ? NARROW_ROWS : ROWS;
    int64_t n_tiles = (rows + most - 1) / most, height = 0;
    for (int64_t i = 0; i < n_tiles; i++, a += height * panels->a_row, c += height * panels->c_row) {
        height = rows / n_tiles + (i < rows % n_tiles);
        switch (height) {
#define HEIGHT(h)                                                                                                      \
    case h:                                                                                                            \
        if (h <= most) tile(panels, pieces, n_pieces, a, b, bias, c, columns, h, n_panels);                            \
        break;
            DCN_CPU_EACH_HEIGHT(HEIGHT)
#undef HEIGHT
        default:
            break;
        }
    }
}

void DCN_CPU_LOOP(panels)(const dcn_cpu_panels *panels, const dcn_cpu_piece *pieces, int64_t n_pieces, const float *a,
                          const float *b, const float *bias, float *c, int64_t rows, int64_t begin, int64_t end)
{
    for (int64_t column = begin; column < end;) {
        int64_t panel = column / DCN_CPU_PANEL, left = end - column;
        const float *from = b + panel * panels->b_panel, *own_bias = bias ? bias + column : NULL;
        float *to = c + panel * panels->c_panel;
        bool whole = left > (TILE_PANELS - 1) * DCN_CPU_PANEL;
        if (whole)
            tiles(panels, pieces, n_pieces, a, from, own_bias, to, left, rows, TILE_PANELS);
        else
            tiles(panels, pieces, n_pieces, a, from, own_bias, to, left, rows, 1);
        column += (whole ? TILE_PANELS : 1) * DCN_CPU_PANEL;
    }
}

void DCN_CPU_LOOP(pack_panel)(const float *x, int64_t row, int64_t rows, int64_t columns, float *packed, float *sum)
{
    vec sums[PANEL_VECTORS] = {{0}};
    for (int64_t r = 0; r < rows; r++, x += row, packed += DCN_CPU_PANEL) {
        vec values[PANEL_VECTORS] = {{0}};
        if (columns == DCN_CPU_PANEL)
            for (int v = 0; v < PANEL_VECTORS; v++)
                values[v] = vec_load(x + v * VEC_WIDTH);
        else
            memcpy(values, x, (size_t)columns * sizeof(float));
        for (int v = 0; v < PANEL_VECTORS; v++) {
            vec_store(packed + v * VEC_WIDTH, values[v]);
            sums[v] += values[v];
        }
    }
    for (int64_t c = 0; sum && c < columns; c++)
        sum[c] += ((const float *)sums)[c];
}

#if VEC_WIDTH == DCN_CPU_PANEL
/* Four times the perfect shuffle of the whole block exchanges rows and columns. */
static inline void transpose_block(const vec *rows, vec *ret_columns)
{
    vec from[DCN_CPU_PANEL], to[DCN_CPU_PANEL];
    memcpy(from, rows, sizeof from);
    for (int round = 0; round < 4; round++) {
        for (int i = 0; i < 8; i++) {
            to[2 * i] =
                __builtin_shufflevector(from[i], from[i + 8], 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
            to[2 * i + 1] = __builtin_shufflevector(from[i], from[i + 8], 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29,
                                                    14, 30, 15, 31);
        }
        memcpy(from, to, sizeof from);
    }
    memcpy(ret_columns, from, sizeof from);
}
#else
static inline void transpose_block(const vec *rows, vec *ret_columns)
{
    const float *from = (const float *)rows;
    float *to = (float *)ret_columns;
    for (int r = 0; r < DCN_CPU_PANEL; r++)
        for (int c = 0; c < DCN_CPU_PANEL; c++)
            to[r * DCN_CPU_PANEL + c] = from[c * DCN_CPU_PANEL + r];
}
#endif

void DCN_CPU_LOOP(transpose_panel)(const float *panel, int64_t rows, const float *next, float *transposed)
{
    vec block[DCN_CPU_PANEL * PANEL_VECTORS] = {{0}}, turned[DCN_CPU_PANEL * PANEL_VECTORS];
    size_t bytes = (size_t)(rows * DCN_CPU_PANEL) * sizeof(float);
    for (int64_t r = 0; r < rows; r++)
        __builtin_prefetch(next + r * DCN_CPU_PANEL);
    if (rows == DCN_CPU_PANEL)
        memcpy(block, panel, sizeof block);
    else
        memcpy(block, panel, bytes);
    transpose_block(block, turned);
    memcpy(transposed, turned, sizeof turned);
}
