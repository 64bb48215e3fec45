/* Matrix products from pairs of bf16, summed in f32: as many rows and columns of the result as there are registers for
 * stay in them. For AVX512-BF16 alone. */
#include "device/cpu/loops.h"
#include "device/cpu/narrow.h"

#ifdef __AVX512BF16__

/* Rows at once of strips of 64, 32 and 16 columns: enough sums to hide the latency of a dot product, beside what they
 * are made of. */
#define ROWS_OF_64 6
#define ROWS_OF_32 12
#define ROWS_OF_16 12
#define MAX_SUMS   24

/* rows times vectors (constants) of c; b: from one depth to the next b_step pairs */
static ALWAYS_INLINE void tile(const dcn_cpu_dots *dots, const uint32_t *a, const uint32_t *b, int64_t b_step, float *c,
                               const int rows, const int vectors)
{
    vec sums[MAX_SUMS]; /* `vectors` behind each other for every row */
    for (int r = 0; r < rows; r++)
        for (int v = 0; v < vectors; v++)
            sums[r * vectors + v] = dots->add ? vec_load(c + r * dots->c_row + v * VEC_WIDTH) : (vec){0};
    for (int64_t k = 0; k < dots->depth; k++, a += dots->a_step, b += b_step) {
        pairs operand[4];
        for (int v = 0; v < vectors; v++)
            operand[v] = pairs_load(b + v * VEC_WIDTH);
        for (int r = 0; r < rows; r++) {
            pairs factor = pairs_all(a[r * dots->a_row]);
            for (int v = 0; v < vectors; v++)
                sums[r * vectors + v] = pairs_dot(sums[r * vectors + v], factor, operand[v]);
        }
    }
    for (int r = 0; r < rows; r++)
        for (int v = 0; v < vectors; v++)
            vec_store(c + r * dots->c_row + v * VEC_WIDTH, sums[r * vectors + v]);
}

/* All rows of a few vectors (a constant), in tiles of about the same height. */
static ALWAYS_INLINE void tiles(const dcn_cpu_dots *dots, const uint32_t *a, const uint32_t *b, int64_t b_step,
                                float *c, int64_t rows, const int most, const int vectors)
{
    int64_t n_tiles = (rows + most - 1) / most, height = 0;
    for (int64_t i = 0; i < n_tiles; i++, a += height * dots->a_row, c += height * dots->c_row) {
        height = rows / n_tiles + (i < rows % n_tiles);
        switch (height) {
#define HEIGHT(h)                                                                                                      \
    case h:                                                                                                            \
        tile(dots, a, b, b_step, c, h < most ? h : most, vectors);                                                     \
        break;
            HEIGHT(1)
            HEIGHT(2)
            HEIGHT(3)
            HEIGHT(4)
            HEIGHT(5)
            HEIGHT(6)
            HEIGHT(7)
            HEIGHT(8)
            HEIGHT(9)
            HEIGHT(10)
            HEIGHT(11)
            HEIGHT(12)
#undef HEIGHT
        default:
            break;
        }
    }
}

void DCN_CPU_ELEMENT_LOOP(dots)(const dcn_cpu_dots *dots, const void *a, const void *b, float *c, int64_t rows)
{
    for (int64_t first = 0, width; first < dots->columns; first += width) {
        const uint32_t *strip = (const uint32_t *)b + first * dots->depth;
        width = dcn_cpu_strip_of_pairs(dots->columns, first);
        if (width == 64)
            tiles(dots, a, strip, width, c + first, rows, ROWS_OF_64, 4);
        else if (width == 32)
            tiles(dots, a, strip, width, c + first, rows, ROWS_OF_32, 2);
        else
            tiles(dots, a, strip, width, c + first, rows, ROWS_OF_16, 1);
    }
}

#endif
