/* Loops that move elements: between f32 and the table's element type, and between plain and NHWC maps. */
#include <string.h>

#include "device/cpu/loops/element.h"
#include "device/cpu/loops/loops.h"

#define TILE 16

static inline element moved(element value)
{
    return value;
}

/* For each pair of types: the transposition of [rows][columns], columns [begin, end) of src.
 * tile: one full tile through a small buffer, so that both memories are touched in whole cache lines.
 * few_rows: few rows (the channels of an image) make each destination line short, so columns go one by one. */
#define TRANSPOSITION(name, from_type, to_type, convert)                                                               \
    static void name##_tile(const from_type *src, to_type *dst, int64_t rows, int64_t columns)                         \
    {                                                                                                                  \
        to_type tile[TILE][TILE];                                                                                      \
        for (int r = 0; r < TILE; r++)                                                                                 \
            for (int c = 0; c < TILE; c++)                                                                             \
                tile[r][c] = convert(src[r * columns + c]);                                                            \
        for (int c = 0; c < TILE; c++)                                                                                 \
            for (int r = 0; r < TILE; r++)                                                                             \
                dst[c * rows + r] = tile[r][c];                                                                        \
    }                                                                                                                  \
    static void name##_few_rows(const from_type *src, to_type *dst, int64_t rows, int64_t columns, int64_t begin,      \
                                int64_t end)                                                                           \
    {                                                                                                                  \
        if (rows == 3) {                                                                                               \
            const from_type *red = src, *green = src + columns, *blue = src + 2 * columns;                             \
            for (int64_t c = begin; c < end; c++) {                                                                    \
                dst[3 * c] = convert(red[c]);                                                                          \
                dst[3 * c + 1] = convert(green[c]);                                                                    \
                dst[3 * c + 2] = convert(blue[c]);                                                                     \
            }                                                                                                          \
            return;                                                                                                    \
        }                                                                                                              \
        for (int64_t c = begin; c < end; c++)                                                                          \
            for (int64_t r = 0; r < rows; r++)                                                                         \
                dst[c * rows + r] = convert(src[r * columns + c]);                                                     \
    }                                                                                                                  \
    static void name##_columns(const from_type *src, to_type *dst, int64_t rows, int64_t columns, int64_t begin,       \
                               int64_t end)                                                                            \
    {                                                                                                                  \
        int64_t full_rows = rows / TILE * TILE, full_end = begin + (end - begin) / TILE * TILE;                        \
        if (full_rows == 0) {                                                                                          \
            name##_few_rows(src, dst, rows, columns, begin, end);                                                      \
            return;                                                                                                    \
        }                                                                                                              \
        for (int64_t c = begin; c < full_end; c += TILE) {                                                             \
            for (int64_t r = 0; r < full_rows; r += TILE)                                                              \
                name##_tile(src + r * columns + c, dst + c * rows + r, rows, columns);                                 \
            for (int64_t r = full_rows; r < rows; r++)                                                                 \
                for (int64_t i = c; i < c + TILE; i++)                                                                 \
                    dst[i * rows + r] = convert(src[r * columns + i]);                                                 \
        }                                                                                                              \
        for (int64_t c = full_end; c < end; c++)                                                                       \
            for (int64_t r = 0; r < rows; r++)                                                                         \
                dst[c * rows + r] = convert(src[r * columns + c]);                                                     \
    }
TRANSPOSITION(same, element, element, moved)
TRANSPOSITION(narrowing, float, element, element_of)
TRANSPOSITION(widening, element, float, element_value)

void DCN_CPU_ELEMENT_LOOP(transpose)(const void *src, void *dst, int64_t rows, int64_t columns, int64_t begin,
                                     int64_t end)
{
    same_columns(src, dst, rows, columns, begin, end);
}

void DCN_CPU_ELEMENT_LOOP(transpose_from_f32)(const float *src, void *dst, int64_t rows, int64_t columns, int64_t begin,
                                              int64_t end)
{
    narrowing_columns(src, dst, rows, columns, begin, end);
}

void DCN_CPU_ELEMENT_LOOP(transpose_to_f32)(const void *src, float *dst, int64_t rows, int64_t columns, int64_t begin,
                                            int64_t end)
{
    widening_columns(src, dst, rows, columns, begin, end);
}

void DCN_CPU_ELEMENT_LOOP(from_f32)(const float *src, void *dst, int64_t begin, int64_t end)
{
    element *to = dst;
#pragma omp simd
    for (int64_t i = begin; i < end; i++)
        to[i] = element_of(src[i]);
}

void DCN_CPU_ELEMENT_LOOP(to_f32)(const void *src, float *dst, int64_t begin, int64_t end)
{
    const element *from = src;
#pragma omp simd
    for (int64_t i = begin; i < end; i++)
        dst[i] = element_value(from[i]);
}

#ifndef DCN_CPU_LOOPS_BF16
void DCN_CPU_LOOP(pair_rows)(const float *src, dcn_bf16 *dst, int64_t width, int64_t begin, int64_t end)
{
    for (int64_t pair = begin; pair < end; pair++) {
        const float *first = src + 2 * pair * width, *second = first + width;
        for (int64_t c = 0; c < width; c += VEC_WIDTH) {
            uvec both = bf16_bits(vec_load(first + c)) | bf16_bits(vec_load(second + c)) << 16;
            memcpy(dst + 2 * (pair * width + c), &both, sizeof both);
        }
    }
}

void DCN_CPU_LOOP(interleave)(const float *line, int64_t plane, int64_t channels, int64_t pixels, float *to)
{
    same_few_rows(line, to, channels, plane, 0, pixels);
}
#endif
