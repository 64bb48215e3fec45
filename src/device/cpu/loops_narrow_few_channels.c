/* Convolutions of few input channels on bf16 by dot products of pairs, and the gradient of their weights: products
 * whose left-hand side is read where it lies in a padded sample, with the sums of a tile in registers. For AVX512-BF16
 * alone. */
#include <string.h>

#include "device/cpu/loops.h"
#include "device/cpu/narrow.h"

#ifdef __AVX512BF16__

#define MAX_VECTORS 4 /* of a strip of columns */
#define MAX_SUMS    27
#define LINE_BYTES  64

/* Rows at once: as many sums as there are registers for, beside what they are made of. Three vectors and the nine taps
 * of a kernel row of an image fit exactly. */
#define ROWS_OF_4 6
#define ROWS_OF_3 9
#define ROWS_OF_2 12
#define ROWS_OF_1 12

/* The interleaved elements of two vectors. */
static ALWAYS_INLINE pairs pairs_zip(const element *low, const element *high)
{
    const __m256i first = _mm256_loadu_si256((const void *)low), second = _mm256_loadu_si256((const void *)high);
    const __m512i order = _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7, 22, 6,
                                           21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
    return (pairs)_mm512_permutexvar_epi16(order, _mm512_inserti64x4(_mm512_castsi256_si512(first), second, 1));
}

/* The pair that begins here, at any element, in every lane. */
static ALWAYS_INLINE pairs pairs_from(const element *from)
{
    uint32_t pair;
    memcpy(&pair, from, sizeof pair);
    return pairs_all(pair);
}

/* --- products --- */

/* sums += rows times vectors (constants) of the product */
static ALWAYS_INLINE void add_products(const dcn_cpu_row_dots *product, const element *a, const uint32_t *b, vec *sums,
                                       const int rows, const int vectors)
{
    for (int64_t piece = 0; piece < product->pieces; piece++, a += product->a_piece) {
        const element *at = a;
        for (int64_t k = 0; k < product->depth; k++, at += product->a_step, b += vectors * VEC_WIDTH) {
            pairs operand[MAX_VECTORS];
            for (int v = 0; v < vectors; v++)
                operand[v] = pairs_load(b + v * VEC_WIDTH);
            for (int r = 0; r < rows; r++) {
                pairs factor = pairs_from(at + r * product->a_row);
                for (int v = 0; v < vectors; v++)
                    sums[r * vectors + v] = pairs_dot(sums[r * vectors + v], factor, operand[v]);
            }
        }
    }
}

/* Two vectors, one behind the other. */
static ALWAYS_INLINE void store_two(element *to, vec first, vec second)
{
    pairs_store(to, (pairs)_mm512_cvtne2ps_pbh((__m512)second, (__m512)first));
}

/* count (a constant) vectors, one behind the other; whole cache lines, if y begins one */
static ALWAYS_INLINE void store_run(element *y, const vec *sums, const int count)
{
    for (int i = 0; i + 1 < count; i += 2)
        store_two(y + i * VEC_WIDTH, sums[i], sums[i + 1]);
    if (count % 2 == 1) element_store(y + (count - 1) * VEC_WIDTH, sums[count - 1]);
}

/* A vector is half a cache line: where rows follow one another and begin in the middle of a line, the first goes alone.
 */
static ALWAYS_INLINE void store_tile(element *y, int64_t y_row, const vec *sums, const int rows, const int vectors)
{
    if (y_row != vectors * VEC_WIDTH) {
        for (int r = 0; r < rows; r++)
            store_run(y + r * y_row, sums + r * vectors, vectors);
    } else if ((uintptr_t)y % LINE_BYTES == 0) {
        store_run(y, sums, rows * vectors);
    } else {
        element_store(y, sums[0]);
        store_run(y + VEC_WIDTH, sums + 1, rows * vectors - 1);
    }
}

/* A tile of the result in bf16. Sums below `least` give way to it: relu, or nothing. A NaN stays one: max takes its
 * second operand then. */
static ALWAYS_INLINE void finished_tile(const dcn_cpu_row_dots *product, const element *a, const uint32_t *b,
                                        const float *bias, element *y, const int rows, const int vectors)
{
    vec sums[MAX_SUMS];
    const __m512 least = _mm512_set1_ps(product->relu ? 0.0F : -__builtin_inff());
    for (int r = 0; r < rows; r++)
        for (int v = 0; v < vectors; v++)
            sums[r * vectors + v] = bias ? vec_load(bias + v * VEC_WIDTH) : (vec){0};
    add_products(product, a, b, sums, rows, vectors);
    for (int r = 0; r < rows;
         r++) /* not in one loop: compilers unroll only short ones, and sums must stay in registers */
        for (int v = 0; v < vectors; v++)
            sums[r * vectors + v] = (vec)_mm512_max_ps(least, (__m512)sums[r * vectors + v]);
    store_tile(y, product->c_row, sums, rows, vectors);
}

/* A tile added to sums in f32. */
static ALWAYS_INLINE void added_tile(const dcn_cpu_row_dots *product, const element *a, const uint32_t *b, float *c,
                                     const int rows, const int vectors)
{
    vec sums[MAX_SUMS];
    for (int r = 0; r < rows; r++)
        for (int v = 0; v < vectors; v++)
            sums[r * vectors + v] = vec_load(c + r * product->c_row + v * VEC_WIDTH);
    add_products(product, a, b, sums, rows, vectors);
    for (int r = 0; r < rows; r++)
        for (int v = 0; v < vectors; v++)
            vec_store(c + r * product->c_row + v * VEC_WIDTH, sums[r * vectors + v]);
}

/* All rows of a strip of a few vectors (a constant), in tiles of about the same height; into y, or added to c where
 * that is not NULL (a constant). */
static ALWAYS_INLINE void tiles(const dcn_cpu_row_dots *product, const element *a, const uint32_t *b, const float *bias,
                                element *y, float *c, int64_t rows, const int most, const int vectors)
{
    int64_t n_tiles = (rows + most - 1) / most, row = 0, height = 0;
    for (int64_t i = 0; i < n_tiles; i++, row += height) {
        const element *from = a + row * product->a_row;
        height = rows / n_tiles + (i < rows % n_tiles);
        switch (height) {
#define HEIGHT(h)                                                                                                      \
    case h:                                                                                                            \
        if (c)                                                                                                         \
            added_tile(product, from, b, c + row * product->c_row, h < most ? h : most, vectors);                      \
        else                                                                                                           \
            finished_tile(product, from, b, bias, y + row * product->c_row, h < most ? h : most, vectors);             \
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

void DCN_CPU_ELEMENT_LOOP(row_dots)(const dcn_cpu_row_dots *product, const void *a, const uint32_t *b,
                                    const float *bias, void *y, int64_t rows)
{
    const int64_t depth = product->pieces * product->depth;
    for (int64_t first = 0, width; first < product->columns; first += width) {
        const uint32_t *strip = b + first * depth;
        const float *own_bias = bias ? bias + first : NULL;
        element *to = (element *)y + first;
        width = dcn_cpu_strip_of_rows(product->columns, first);
        if (width == 64)
            tiles(product, a, strip, own_bias, to, NULL, rows, ROWS_OF_4, 4);
        else if (width == 48)
            tiles(product, a, strip, own_bias, to, NULL, rows, ROWS_OF_3, 3);
        else if (width == 32)
            tiles(product, a, strip, own_bias, to, NULL, rows, ROWS_OF_2, 2);
        else
            tiles(product, a, strip, own_bias, to, NULL, rows, ROWS_OF_1, 1);
    }
}

void DCN_CPU_ELEMENT_LOOP(add_row_dots)(const dcn_cpu_row_dots *product, const void *a, const uint32_t *b, float *c,
                                        int64_t rows)
{
    const int64_t depth = product->pieces * product->depth;
    for (int64_t first = 0, width; first < product->columns; first += width) {
        const uint32_t *strip = b + first * depth;
        width = dcn_cpu_strip_of_rows(product->columns, first);
        if (width == 64)
            tiles(product, a, strip, NULL, NULL, c + first, rows, ROWS_OF_4, 4);
        else if (width == 48)
            tiles(product, a, strip, NULL, NULL, c + first, rows, ROWS_OF_3, 3);
        else if (width == 32)
            tiles(product, a, strip, NULL, NULL, c + first, rows, ROWS_OF_2, 2);
        else
            tiles(product, a, strip, NULL, NULL, c + first, rows, ROWS_OF_1, 1);
    }
}

/* --- pairs --- */

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
        width = dcn_cpu_strip_of_rows(columns, first);
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
