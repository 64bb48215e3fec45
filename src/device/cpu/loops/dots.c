/* Matrix products from pairs of bf16, summed in f32: as many rows and columns of the result as there are registers for
 * stay in them. For AVX512-BF16 alone. */
#include <string.h>

#include "device/cpu/loops/loops.h"
#include "device/cpu/loops/narrow.h"

#ifdef __AVX512BF16__

#define MAX_VECTORS 4 /* of a strip of columns */
#define MAX_SUMS    27
#define LINE_BYTES  64

/* Rows at once of strips of so many vectors: enough sums to hide the latency of a dot product, beside what they are
 * made of. Three vectors and the nine taps of a kernel row of an image fit exactly. */
#define ROWS_OF_4 6
#define ROWS_OF_3 9
#define ROWS_OF_2 12
#define ROWS_OF_1 12

/* What one strip of columns is made of and where it goes: finished in y, or sums in c. */
typedef struct dots_strip {
    const uint32_t *b;
    const float *bias; /* NULL: none */
    element *y;
    float *c;
} dots_strip;

/* The pair that begins here, at any element, in every lane. */
static ALWAYS_INLINE pairs pairs_from(const element *from)
{
    uint32_t pair;
    memcpy(&pair, from, sizeof pair);
    return pairs_all(pair);
}

/* sums += rows times vectors (constants) of the product */
static ALWAYS_INLINE void add_products(const dcn_cpu_dots *dots, const element *a, const uint32_t *b, vec *sums,
                                       const int rows, const int vectors)
{
    for (int64_t piece = 0; piece < dots->pieces; piece++, a += dots->a_piece) {
        const element *at = a;
        for (int64_t k = 0; k < dots->depth; k++, at += dots->a_step, b += vectors * VEC_WIDTH) {
            pairs operand[MAX_VECTORS];
            for (int v = 0; v < vectors; v++)
                operand[v] = pairs_load(b + v * VEC_WIDTH);
            for (int r = 0; r < rows; r++) {
                pairs factor = pairs_from(at + r * dots->a_row);
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

/* A tile in bf16. Sums below `least` give way to it: relu, or nothing. A NaN stays one: max takes its second operand
 * then. */
static ALWAYS_INLINE void finished_tile(const dcn_cpu_dots *dots, const element *a, const dots_strip *strip, element *y,
                                        const int rows, const int vectors)
{
    vec sums[MAX_SUMS];
    const __m512 least = _mm512_set1_ps(dots->relu ? 0.0F : -__builtin_inff());
    for (int r = 0; r < rows; r++)
        for (int v = 0; v < vectors; v++)
            sums[r * vectors + v] = strip->bias ? vec_load(strip->bias + v * VEC_WIDTH) : (vec){0};
    add_products(dots, a, strip->b, sums, rows, vectors);
    for (int r = 0; r < rows;
         r++) /* not in one loop: compilers unroll only short ones, and sums must stay in registers */
        for (int v = 0; v < vectors; v++)
            sums[r * vectors + v] = (vec)_mm512_max_ps(least, (__m512)sums[r * vectors + v]);
    store_tile(y, dots->c_row, sums, rows, vectors);
}

/* A tile in f32. */
static ALWAYS_INLINE void summed_tile(const dcn_cpu_dots *dots, const element *a, const dots_strip *strip, float *c,
                                      const int rows, const int vectors)
{
    vec sums[MAX_SUMS];
    for (int r = 0; r < rows; r++)
        for (int v = 0; v < vectors; v++)
            sums[r * vectors + v] = dots->add ? vec_load(c + r * dots->c_row + v * VEC_WIDTH) : (vec){0};
    add_products(dots, a, strip->b, sums, rows, vectors);
    for (int r = 0; r < rows; r++)
        for (int v = 0; v < vectors; v++)
            vec_store(c + r * dots->c_row + v * VEC_WIDTH, sums[r * vectors + v]);
}

/* All rows of a strip of a few vectors, in tiles of about the same height; finished or not (constants). */
static ALWAYS_INLINE void tiles(const dcn_cpu_dots *dots, const element *a, const dots_strip *strip, int64_t rows,
                                const int most, const int vectors, const bool finished)
{
    int64_t n_tiles = (rows + most - 1) / most, row = 0, height = 0;
    for (int64_t i = 0; i < n_tiles; i++, row += height) {
        const element *from = a + row * dots->a_row;
        height = rows / n_tiles + (i < rows % n_tiles);
        switch (height) {
#define HEIGHT(h)                                                                                                      \
    case h:                                                                                                            \
        if (h > most) break;                                                                                           \
        if (finished)                                                                                                  \
            finished_tile(dots, from, strip, strip->y + row * dots->c_row, h, vectors);                                \
        else                                                                                                           \
            summed_tile(dots, from, strip, strip->c + row * dots->c_row, h, vectors);                                  \
        break;
            DCN_CPU_EACH_HEIGHT(HEIGHT)
#undef HEIGHT
        default:
            break;
        }
    }
}

/* Strip after strip. */
static ALWAYS_INLINE void strips(const dcn_cpu_dots *dots, const element *a, const dots_strip *all, int64_t rows,
                                 const bool finished)
{
    const int64_t depth = dots->pieces * dots->depth;
    for (int64_t first = 0, width; first < dots->columns; first += width) {
        const dots_strip strip = {.b = all->b + first * depth,
                                  .bias = all->bias ? all->bias + first : NULL,
                                  .y = finished ? all->y + first : NULL,
                                  .c = finished ? NULL : all->c + first};
        width = dcn_cpu_strip_of_pairs(dots->columns, first);
        if (width == 64)
            tiles(dots, a, &strip, rows, ROWS_OF_4, 4, finished);
        else if (width == 48)
            tiles(dots, a, &strip, rows, ROWS_OF_3, 3, finished);
        else if (width == 32)
            tiles(dots, a, &strip, rows, ROWS_OF_2, 2, finished);
        else
            tiles(dots, a, &strip, rows, ROWS_OF_1, 1, finished);
    }
}

void DCN_CPU_ELEMENT_LOOP(dots)(const dcn_cpu_dots *dots, const void *a, const uint32_t *b, float *c, int64_t rows)
{
    strips(dots, a, &(dots_strip){.b = b, .c = c}, rows, false);
}

void DCN_CPU_ELEMENT_LOOP(finished_dots)(const dcn_cpu_dots *dots, const void *a, const uint32_t *b, const float *bias,
                                         void *y, int64_t rows)
{
    strips(dots, a, &(dots_strip){.b = b, .bias = bias, .y = y}, rows, true);
}

#endif
