/* Matrices of bf16 in pairs of what a product sums over, for loops/dots.c. */
#include <string.h>

#include "device/cpu/loops/loops.h"
#include "device/cpu/loops/narrow.h"

#ifdef __AVX512BF16__

#define MAX_VECTORS 4 /* of a strip of columns */

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
    int64_t depth = (rows + 1) / 2, size = columns < panels * width ? columns : panels * width;
    if (sum) memset(sum, 0, (size_t)size * sizeof *sum);
    for (int64_t p = 0; p < depth; p++) {
        const element *upper = (const element *)source + 2 * p * row, *lower = upper + row;
        bool alone = 2 * p + 1 == rows;
        for (int64_t c = 0; c < panels * width; c += VEC_WIDTH) {
            int64_t n = columns - c < VEC_WIDTH ? columns - c : VEC_WIDTH;
            uvec first = bits_of(upper + c, n), second = alone ? (uvec){0} : bits_of(lower + c, n);
            uvec pair = first >> 16 | second;
            memcpy(packed + c / width * depth * width + p * width + c % width, &pair, sizeof pair);
            if (sum && n > 0) add_rows(sum + c, first, second, n);
        }
    }
}

/* The interleaved elements of two vectors. */
static ALWAYS_INLINE pairs pairs_zip(const element *low, const element *high)
{
    const __m256i first = _mm256_loadu_si256((const void *)low), second = _mm256_loadu_si256((const void *)high);
    const __m512i order = _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7, 22, 6,
                                           21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
    return (pairs)_mm512_permutexvar_epi16(order, _mm512_inserti64x4(_mm512_castsi256_si512(first), second, 1));
}

void DCN_CPU_ELEMENT_LOOP(pair_neighbours)(const void *x, int64_t distance, int64_t count, uint32_t *to)
{
    const element *from = x;
    for (int64_t i = 0; i < count; i += VEC_WIDTH)
        pairs_store(to + i, pairs_zip(from + i, from + i + distance));
}

/* A strip of `vectors` (a constant) of columns. */
static ALWAYS_INLINE void pair_strip(const element *d_y, int64_t columns, int64_t lines, int64_t pixels, uint32_t *to,
                                     float *sum, const int vectors)
{
    const element zeros[VEC_WIDTH] = {0};
    const pairs ones = pairs_all(0x3f803f80U);
    vec sums[MAX_VECTORS];
    for (int v = 0; v < vectors; v++)
        sums[v] = vec_load(sum + v * VEC_WIDTH);
    for (int64_t line = 0; line < lines; line++, d_y += pixels * columns)
        for (int64_t pixel = 0; pixel < pixels; pixel += 2, to += vectors * VEC_WIDTH)
            for (int v = 0; v < vectors; v++) {
                const element *low = d_y + pixel * columns + v * VEC_WIDTH;
                pairs both = pairs_zip(low, pixel + 1 < pixels ? low + columns : zeros);
                pairs_store(to + v * VEC_WIDTH, both);
                sums[v] = pairs_dot(sums[v], both, ones);
            }
    for (int v = 0; v < vectors; v++)
        vec_store(sum + v * VEC_WIDTH, sums[v]);
}

void DCN_CPU_ELEMENT_LOOP(pair_pixels)(const void *d_y, int64_t columns, int64_t lines, int64_t pixels, uint32_t *to,
                                       float *sum)
{
    const int64_t depth = lines * ((pixels + 1) / 2);
    for (int64_t first = 0, width; first < columns; first += width) {
        const element *from = (const element *)d_y + first;
        width = dcn_cpu_strip_of_pairs(columns, first);
        if (width == 64)
            pair_strip(from, columns, lines, pixels, to + first * depth, sum + first, 4);
        else if (width == 48)
            pair_strip(from, columns, lines, pixels, to + first * depth, sum + first, 3);
        else if (width == 32)
            pair_strip(from, columns, lines, pixels, to + first * depth, sum + first, 2);
        else
            pair_strip(from, columns, lines, pixels, to + first * depth, sum + first, 1);
    }
}

#endif
