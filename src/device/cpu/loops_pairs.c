/* Products of bf16 by the dot products of AVX512-BF16: each adds the products of two neighbouring rows. Compiled for
 * that instruction set alone; other tables have no such loops. */
#include <string.h>

#include "device/cpu/element.h"
#include "device/cpu/loops.h"

#ifdef __AVX512BF16__

#define ROWS    8 /* of a tile of sums, which has one or two vectors of columns */
#define VECTORS 2

/* Bits of up to a vector of elements, in the upper halves. */
static inline uvec bits_of(const element *from, int64_t columns)
{
    return columns <= 0 ? (uvec){0} : (uvec)element_load_first(from, columns);
}

/* Adds both rows of n (at most a vector) columns. */
static inline void add_rows(float *sum, uvec first, uvec second, int64_t n)
{
    vec total = vec_load_first(sum, n) + ((vec)first + (vec)second);
    if (n < VEC_WIDTH)
        vec_store_part(sum, total, n);
    else
        vec_store(sum, total);
}

void DCN_CPU_ELEMENT_LOOP(pack_pairs)(const void *source, int64_t row, int64_t rows, int64_t columns, int64_t panels,
                                      int64_t width, uint32_t *packed, float *sum)
{
    int64_t pairs = (rows + 1) / 2, size = columns < panels * width ? columns : panels * width;
    if (sum) memset(sum, 0, (size_t)size * sizeof *sum);
    for (int64_t p = 0; p < pairs; p++) {
        const element *upper = (const element *)source + 2 * p * row, *lower = upper + row;
        bool alone = 2 * p + 1 == rows;
        for (int64_t c = 0; c < panels * width; c += VEC_WIDTH) {
            int64_t n = columns - c < VEC_WIDTH ? columns - c : VEC_WIDTH;
            uvec first = bits_of(upper + c, n), second = alone ? (uvec){0} : bits_of(lower + c, n);
            uvec pair = first >> 16 | second;
            memcpy(packed + c / width * pairs * width + p * width + c % width, &pair, sizeof pair);
            if (sum && n > 0) add_rows(sum + c, first, second, n);
        }
    }
}

/* ROWS rows of c times `vectors` (a constant) vectors. a [pairs][PANEL], b [pairs][width] */
static ALWAYS_INLINE void tile(const uint32_t *a, const uint32_t *b, int64_t pairs, int64_t width, float *c,
                               const int vectors)
{
    __m512 sums[ROWS][VECTORS];
    for (int r = 0; r < ROWS; r++)
        for (int v = 0; v < vectors; v++)
            sums[r][v] = _mm512_setzero_ps();
    for (int64_t p = 0; p < pairs; p++, a += DCN_CPU_PANEL, b += width) {
        __m512i columns[VECTORS];
        for (int v = 0; v < vectors; v++)
            columns[v] = _mm512_loadu_si512(b + v * VEC_WIDTH);
        for (int r = 0; r < ROWS; r++) {
            __m512i factor = _mm512_set1_epi32((int)a[r]);
            for (int v = 0; v < vectors; v++)
                sums[r][v] = _mm512_dpbf16_ps(sums[r][v], (__m512bh)factor, (__m512bh)columns[v]);
        }
    }
    for (int r = 0; r < ROWS; r++)
        for (int v = 0; v < vectors; v++)
            _mm512_storeu_ps(c + r * width + v * VEC_WIDTH, sums[r][v]);
}

void DCN_CPU_ELEMENT_LOOP(pair_products)(const uint32_t *a, const uint32_t *b, int64_t pairs, int64_t width, float *c)
{
    for (int64_t first = 0; first < width; first += VECTORS * VEC_WIDTH)
        for (int64_t row = 0; row < DCN_CPU_PANEL; row += ROWS) {
            if (first + VEC_WIDTH < width)
                tile(a + row, b + first, pairs, width, c + row * width + first, VECTORS);
            else
                tile(a + row, b + first, pairs, width, c + row * width + first, 1);
        }
}

#endif
