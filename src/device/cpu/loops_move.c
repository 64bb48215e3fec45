/* Loops that move elements: the transposition between plain and NHWC maps. */
#include "device/cpu/loops.h"

#define TILE 16

/* One full tile through a small buffer, so that both memories are touched in whole cache lines. */
static void transpose_tile(const float *src, float *dst, int64_t rows, int64_t columns)
{
    float tile[TILE][TILE];
    for (int r = 0; r < TILE; r++)
        for (int c = 0; c < TILE; c++)
            tile[r][c] = src[r * columns + c];
    for (int c = 0; c < TILE; c++)
        for (int r = 0; r < TILE; r++)
            dst[c * rows + r] = tile[r][c];
}

/* Few rows (the channels of an image): each destination line is short, so columns go one by one. */
static void transpose_few_rows(const float *src, float *dst, int64_t rows, int64_t columns, int64_t begin, int64_t end)
{
    if (rows == 3) {
        const float *red = src, *green = src + columns, *blue = src + 2 * columns;
        for (int64_t c = begin; c < end; c++) {
            dst[3 * c] = red[c];
            dst[3 * c + 1] = green[c];
            dst[3 * c + 2] = blue[c];
        }
        return;
    }
    for (int64_t c = begin; c < end; c++)
        for (int64_t r = 0; r < rows; r++)
            dst[c * rows + r] = src[r * columns + c];
}

void DCN_CPU_LOOP(interleave)(const float *line, int64_t plane, int64_t channels, int64_t pixels, float *to)
{
    transpose_few_rows(line, to, channels, plane, 0, pixels);
}

void DCN_CPU_LOOP(transpose)(const float *src, float *dst, int64_t rows, int64_t columns, int64_t begin, int64_t end)
{
    int64_t full_rows = rows / TILE * TILE, full_end = begin + (end - begin) / TILE * TILE;
    if (full_rows == 0) {
        transpose_few_rows(src, dst, rows, columns, begin, end);
        return;
    }
    for (int64_t c = begin; c < full_end; c += TILE) {
        for (int64_t r = 0; r < full_rows; r += TILE)
            transpose_tile(src + r * columns + c, dst + c * rows + r, rows, columns);
        for (int64_t r = full_rows; r < rows; r++)
            for (int64_t i = c; i < c + TILE; i++)
                dst[i * rows + r] = src[r * columns + i];
    }
    for (int64_t c = full_end; c < end; c++)
        for (int64_t r = 0; r < rows; r++)
            dst[c * rows + r] = src[r * columns + c];
}
