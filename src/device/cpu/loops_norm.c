/* Loops over rows of channels: batch statistics, normalisation and its derivative.
 * Rows are `width` wide; a caller with few channels lets a row hold several pixels. */
#include "device/cpu/loops.h"
#include "device/cpu/simd.h"

#define STRIP_VECTORS 4
#define STRIP         (STRIP_VECTORS * VEC_WIDTH)
/* Rows summed in single precision before the sum goes to double: 256 terms keep 16 bits of the 24. */
#define BLOCK_ROWS 256

static inline int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Adds a strip's single precision sums to the columns at `to`. */
static ALWAYS_INLINE void flush(const vec *sums, int64_t vectors, double *to)
{
    for (int64_t k = 0; k < vectors; k++)
        for (int lane = 0; lane < VEC_WIDTH; lane++)
            to[k * VEC_WIDTH + lane] += (double)sums[k][lane];
}

static ALWAYS_INLINE void moments_strip(const float *x, int64_t width, int64_t rows, const float *shift, double *sum,
                                        double *square, const int vectors)
{
    vec center[STRIP_VECTORS], s1[STRIP_VECTORS], s2[STRIP_VECTORS];
    for (int k = 0; k < vectors; k++) {
        center[k] = vec_load(shift + k * VEC_WIDTH);
        s1[k] = s2[k] = (vec){0};
    }
    for (int64_t row = 0; row < rows; row++, x += width)
        for (int k = 0; k < vectors; k++) {
            vec difference = vec_load(x + k * VEC_WIDTH) - center[k];
            s1[k] += difference;
            s2[k] += difference * difference;
        }
    flush(s1, vectors, sum);
    flush(s2, vectors, square);
}

void DCN_CPU_LOOP(moments)(const float *x, int64_t width, int64_t rows, const float *shift, int64_t begin, int64_t end,
                           double *sum, double *square)
{
    for (int64_t row = 0; row < rows; row += BLOCK_ROWS) {
        int64_t n = smaller(BLOCK_ROWS, rows - row);
        const float *block = x + row * width;
        int64_t c = begin;
        for (; c + STRIP <= end; c += STRIP)
            moments_strip(block + c, width, n, shift + c, sum + c, square + c, STRIP_VECTORS);
        for (; c + VEC_WIDTH <= end; c += VEC_WIDTH)
            moments_strip(block + c, width, n, shift + c, sum + c, square + c, 1);
        for (; c < end; c++)
            for (int64_t i = 0; i < n; i++) {
                double difference = (double)block[i * width + c] - (double)shift[c];
                sum[c] += difference;
                square[c] += difference * difference;
            }
    }
}

void DCN_CPU_LOOP(scale_offset)(const float *x, float *y, int64_t width, const float *scale, const float *offset,
                                bool relu, int64_t begin_row, int64_t end_row)
{
    for (int64_t row = begin_row; row < end_row; row++) {
        const float *from = x + row * width;
        float *to = y + row * width;
        if (relu) {
#pragma omp simd
            for (int64_t c = 0; c < width; c++) {
                float value = from[c] * scale[c] + offset[c];
                to[c] = value < 0.0F ? 0.0F : value;
            }
        } else {
#pragma omp simd
            for (int64_t c = 0; c < width; c++)
                to[c] = from[c] * scale[c] + offset[c];
        }
    }
}

/* The derivative of a relu behind the normalisation lets through where its input was above 0. */
static ALWAYS_INLINE vec masked(vec d, vec x, vec scale, vec offset, const bool relu)
{
    return relu ? vec_select(x * scale + offset > (vec){0}, d, (vec){0}) : d;
}

static ALWAYS_INLINE void sums_strip(const float *d_y, const float *x, int64_t width, int64_t rows, const float *mean,
                                     const float *scale, const float *offset, double *sum, double *product,
                                     const bool relu, const int vectors)
{
    vec center[STRIP_VECTORS], a[STRIP_VECTORS], b[STRIP_VECTORS], s1[STRIP_VECTORS], s2[STRIP_VECTORS];
    for (int k = 0; k < vectors; k++) {
        center[k] = vec_load(mean + k * VEC_WIDTH);
        a[k] = vec_load(scale + k * VEC_WIDTH);
        b[k] = vec_load(offset + k * VEC_WIDTH);
        s1[k] = s2[k] = (vec){0};
    }
    for (int64_t row = 0; row < rows; row++, x += width, d_y += width)
        for (int k = 0; k < vectors; k++) {
            vec value = vec_load(x + k * VEC_WIDTH);
            vec d = masked(vec_load(d_y + k * VEC_WIDTH), value, a[k], b[k], relu);
            s1[k] += d;
            s2[k] += d * (value - center[k]);
        }
    flush(s1, vectors, sum);
    flush(s2, vectors, product);
}

/* One column, for what is left of a row behind the last vector. */
static void sums_column(const float *d_y, const float *x, int64_t width, int64_t rows, float mean, float scale,
                        float offset, bool relu, double *sum, double *product)
{
    for (int64_t row = 0; row < rows; row++, x += width, d_y += width) {
        if (relu && !(*x * scale + offset > 0.0F)) continue;
        *sum += (double)*d_y;
        *product += (double)*d_y * ((double)*x - (double)mean);
    }
}

void DCN_CPU_LOOP(norm_grad_sums)(const float *d_y, const float *x, int64_t width, int64_t rows, const float *mean,
                                  const float *scale, const float *offset, bool relu, int64_t begin, int64_t end,
                                  double *sum, double *product)
{
    for (int64_t row = 0; row < rows; row += BLOCK_ROWS) {
        int64_t n = smaller(BLOCK_ROWS, rows - row), at = row * width, c = begin;
        for (; c + STRIP <= end; c += STRIP) {
            if (relu)
                sums_strip(d_y + at + c, x + at + c, width, n, mean + c, scale + c, offset + c, sum + c, product + c,
                           true, STRIP_VECTORS);
            else
                sums_strip(d_y + at + c, x + at + c, width, n, mean + c, scale + c, offset + c, sum + c, product + c,
                           false, STRIP_VECTORS);
        }
        for (; c + VEC_WIDTH <= end; c += VEC_WIDTH) {
            if (relu)
                sums_strip(d_y + at + c, x + at + c, width, n, mean + c, scale + c, offset + c, sum + c, product + c,
                           true, 1);
            else
                sums_strip(d_y + at + c, x + at + c, width, n, mean + c, scale + c, offset + c, sum + c, product + c,
                           false, 1);
        }
        for (; c < end; c++)
            sums_column(d_y + at + c, x + at + c, width, n, mean[c], scale[c], offset[c], relu, sum + c, product + c);
    }
}

void DCN_CPU_LOOP(norm_grad_input)(const float *d_y, const float *x, float *d_x, int64_t width, const float *scale,
                                   const float *offset, const float *slope, const float *constant, bool relu,
                                   int64_t begin_row, int64_t end_row)
{
    for (int64_t row = begin_row; row < end_row; row++) {
        const float *d = d_y + row * width, *from = x + row * width;
        float *to = d_x + row * width;
        if (relu) {
#pragma omp simd
            for (int64_t c = 0; c < width; c++) {
                float g = from[c] * scale[c] + offset[c] > 0.0F ? d[c] : 0.0F;
                to[c] = g * scale[c] + (from[c] * slope[c] + constant[c]);
            }
        } else {
#pragma omp simd
            for (int64_t c = 0; c < width; c++)
                to[c] = d[c] * scale[c] + (from[c] * slope[c] + constant[c]);
        }
    }
}
