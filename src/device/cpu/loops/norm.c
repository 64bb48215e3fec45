/* Loops over rows of channels: batch statistics, normalisation and its derivative.
 * Rows are `width` wide; a caller with few channels lets a row hold several pixels. */
#include <math.h>
#include <string.h>

#include "device/cpu/loops/element.h"
#include "device/cpu/loops/loops.h"

/* Columns whose sums stay in the first-level cache, and rows that are read before a sum is stored again. */
#define SEGMENT    256
#define GROUP_ROWS 8
/* Rows summed in single precision before the sum goes to double: 256 terms keep 16 bits of the 24. */
#define BLOCK_ROWS 256

/* Single precision sums of two things for a segment of columns. */
typedef struct segment_sums {
    vec first[SEGMENT / VEC_WIDTH], second[SEGMENT / VEC_WIDTH];
} segment_sums;

static inline void flush(const segment_sums *sums, int64_t columns, double *first, double *second)
{
    const float *a = (const float *)sums->first, *b = (const float *)sums->second;
#pragma omp simd
    for (int64_t c = 0; c < columns; c++) {
        first[c] += (double)a[c];
        second[c] += (double)b[c];
    }
}

/* rows (a constant) rows of whole vectors */
static ALWAYS_INLINE void moments_rows(const element *x, int64_t width, const float *shift, int64_t columns,
                                       segment_sums *sums, const int rows)
{
    for (int64_t c = 0, k = 0; c < columns; c += VEC_WIDTH, k++) {
        vec center = vec_load(shift + c), first = sums->first[k], second = sums->second[k];
        for (int r = 0; r < rows; r++) {
            vec difference = element_load(x + r * width + c) - center;
            first += difference;
            second += difference * difference;
        }
        sums->first[k] = first;
        sums->second[k] = second;
    }
}

/* One column, for what is left of a row behind the last vector. */
static void moments_column(const element *x, int64_t width, int64_t rows, float shift, double *sum, double *square)
{
    for (int64_t row = 0; row < rows; row++, x += width) {
        double difference = (double)element_value(*x) - (double)shift;
        *sum += difference;
        *square += difference * difference;
    }
}

void DCN_CPU_ELEMENT_LOOP(add_weighed)(const void *x, int64_t begin, int64_t count, float weight, float *sum)
{
    const element *from = (const element *)x + begin;
#pragma omp simd
    for (int64_t i = 0; i < count; i++)
        sum[i] += element_value(from[i]) * weight;
}

void DCN_CPU_ELEMENT_LOOP(moments)(const void *x, int64_t width, int64_t rows, const float *shift, int64_t begin,
                                   int64_t end, double *sum, double *square)
{
    int64_t whole = begin + (end - begin) / VEC_WIDTH * VEC_WIDTH;
    for (int64_t row = 0; row < rows; row += BLOCK_ROWS) {
        int64_t n = smaller(BLOCK_ROWS, rows - row);
        const element *block = (const element *)x + row * width;
        for (int64_t c = begin; c < whole; c += SEGMENT) {
            int64_t columns = smaller(SEGMENT, whole - c), i = 0;
            segment_sums sums = {0};
            for (; i + GROUP_ROWS <= n; i += GROUP_ROWS)
                moments_rows(block + i * width + c, width, shift + c, columns, &sums, GROUP_ROWS);
            for (; i < n; i++)
                moments_rows(block + i * width + c, width, shift + c, columns, &sums, 1);
            flush(&sums, columns, sum + c, square + c);
        }
        for (int64_t c = whole; c < end; c++)
            moments_column(block + c, width, n, shift[c], sum + c, square + c);
    }
}

/* What the chunks and the repeated channels found, added up for channels [begin, end), at most SEGMENT of them. */
static void gather(const dcn_cpu_norm *norm, int64_t begin, int64_t end, double *first, double *second)
{
    memset(first, 0, (size_t)(end - begin) * sizeof *first);
    memset(second, 0, (size_t)(end - begin) * sizeof *second);
    for (int64_t chunk = 0; chunk < norm->n_chunks; chunk++)
        for (int64_t i = 0; i < norm->repeat; i++) {
            const double *a = norm->partial + 2 * chunk * norm->width + i * norm->channels, *b = a + norm->width;
#pragma omp simd
            for (int64_t c = begin; c < end; c++) {
                first[c - begin] += a[c];
                second[c - begin] += b[c];
            }
        }
}

/* Copies channels [begin, end) of a vector over its whole width. */
static void repeat_channels(const dcn_cpu_norm *norm, float *vector, int64_t begin, int64_t end)
{
    for (int64_t i = 1; i < norm->repeat; i++)
        memcpy(vector + i * norm->channels + begin, vector + begin, (size_t)(end - begin) * sizeof(float));
}

void DCN_CPU_ELEMENT_LOOP(norm_statistics)(const dcn_cpu_norm *norm, const float *weight, const float *bias,
                                           float *running_mean, float *running_variance, float *mean, float *invstd,
                                           int64_t begin, int64_t end)
{
    double sum[SEGMENT], square[SEGMENT], count = norm->count, momentum = norm->momentum;
    for (int64_t first = begin; first < end; first += SEGMENT) {
        int64_t last = smaller(first + SEGMENT, end);
        gather(norm, first, last, sum, square);
#pragma omp simd
        for (int64_t c = first; c < last; c++) {
            double from_shift = sum[c - first] / count;
            double batch_mean = (double)norm->shift[c] + from_shift;
            double squares = square[c - first] - sum[c - first] * from_shift; /* about the mean */
            squares = squares < 0.0 ? 0.0 : squares;
            mean[c] = (float)batch_mean;
            invstd[c] = (float)(1.0 / sqrt(squares / count + norm->eps));
            running_mean[c] = (float)((1.0 - momentum) * (double)running_mean[c] + momentum * batch_mean);
            running_variance[c] =
                (float)((1.0 - momentum) * (double)running_variance[c] + momentum * squares / (count - 1.0));
            norm->scale[c] = weight[c] * invstd[c];
            norm->offset[c] = (float)((double)bias[c] - (double)mean[c] * (double)norm->scale[c]);
        }
    }
    repeat_channels(norm, norm->scale, begin, end);
    repeat_channels(norm, norm->offset, begin, end);
}

void DCN_CPU_ELEMENT_LOOP(scale_offset)(const dcn_cpu_norm *norm, const void *x, void *y, bool relu, int64_t begin_row,
                                        int64_t end_row, int64_t begin, int64_t end)
{
    for (int64_t row = begin_row; row < end_row; row++) {
        const element *from = (const element *)x + row * norm->width;
        element *to = (element *)y + row * norm->width;
        for (int64_t c = begin; c < end; c += VEC_WIDTH) {
            int64_t n = smaller(VEC_WIDTH, end - c);
            vec value = element_load_first(from + c, n) * vec_load_first(norm->scale + c, n) +
                        vec_load_first(norm->offset + c, n);
            if (relu) value = vec_select(value < (vec){0}, (vec){0}, value);
            element_store_first(to + c, value, n);
        }
    }
}

/* What the sums of the derivative are taken with, at one column. */
typedef struct column_vectors {
    const float *mean, *scale, *offset;
} column_vectors;

/* rows (a constant) rows of whole vectors; the derivative of a relu behind the normalisation lets through where its
 * input was above 0 */
static ALWAYS_INLINE void sums_rows(const element *d_y, const element *x, int64_t width, const column_vectors *at,
                                    int64_t columns, segment_sums *sums, const bool relu, const int rows)
{
    for (int64_t c = 0, k = 0; c < columns; c += VEC_WIDTH, k++) {
        vec center = vec_load(at->mean + c), scale = vec_load(at->scale + c), offset = vec_load(at->offset + c);
        vec first = sums->first[k], second = sums->second[k];
        for (int r = 0; r < rows; r++) {
            vec value = element_load(x + r * width + c), d = element_load(d_y + r * width + c);
            if (relu) d = vec_select(value * scale + offset > (vec){0}, d, (vec){0});
            first += d;
            second += d * (value - center);
        }
        sums->first[k] = first;
        sums->second[k] = second;
    }
}

static ALWAYS_INLINE void sums_block(const element *d_y, const element *x, int64_t width, int64_t rows,
                                     const column_vectors *at, int64_t columns, segment_sums *sums, const bool relu)
{
    int64_t i = 0;
    for (; i + GROUP_ROWS <= rows; i += GROUP_ROWS)
        sums_rows(d_y + i * width, x + i * width, width, at, columns, sums, relu, GROUP_ROWS);
    for (; i < rows; i++)
        sums_rows(d_y + i * width, x + i * width, width, at, columns, sums, relu, 1);
}

/* One column, for what is left of a row behind the last vector. */
static void sums_column(const element *d_y, const element *x, int64_t width, int64_t rows, float mean, float scale,
                        float offset, bool relu, double *sum, double *product)
{
    for (int64_t row = 0; row < rows; row++, x += width, d_y += width) {
        float value = element_value(*x);
        if (relu && !(value * scale + offset > 0.0F)) continue;
        *sum += (double)element_value(*d_y);
        *product += (double)element_value(*d_y) * ((double)value - (double)mean);
    }
}

void DCN_CPU_ELEMENT_LOOP(norm_grad_sums)(const void *gradient, const void *input, int64_t width, int64_t rows,
                                          const float *mean, const float *scale, const float *offset, bool relu,
                                          int64_t begin, int64_t end, double *sum, double *product)
{
    const element *d_y = gradient, *x = input;
    int64_t whole = begin + (end - begin) / VEC_WIDTH * VEC_WIDTH;
    for (int64_t row = 0; row < rows; row += BLOCK_ROWS) {
        int64_t n = smaller(BLOCK_ROWS, rows - row), at = row * width;
        for (int64_t c = begin; c < whole; c += SEGMENT) {
            int64_t columns = smaller(SEGMENT, whole - c);
            column_vectors vectors = {mean + c, scale + c, offset + c};
            segment_sums sums = {0};
            if (relu)
                sums_block(d_y + at + c, x + at + c, width, n, &vectors, columns, &sums, true);
            else
                sums_block(d_y + at + c, x + at + c, width, n, &vectors, columns, &sums, false);
            flush(&sums, columns, sum + c, product + c);
        }
        for (int64_t c = whole; c < end; c++)
            sums_column(d_y + at + c, x + at + c, width, n, mean[c], scale[c], offset[c], relu, sum + c, product + c);
    }
}

/* dx = weight * invstd * (g - sum(g) / m - (x - mean) * invstd^2 * sum(g (x - mean)) / m), as g * scale + x * slope +
 * constant. */
void DCN_CPU_ELEMENT_LOOP(norm_grad_finish)(const dcn_cpu_norm *norm, const float *mean, const float *invstd,
                                            float *d_weight, float *d_bias, int64_t begin, int64_t end)
{
    double sum[SEGMENT], product[SEGMENT], count = norm->count;
    for (int64_t first = begin; first < end; first += SEGMENT) {
        int64_t last = smaller(first + SEGMENT, end);
        gather(norm, first, last, sum, product);
#pragma omp simd
        for (int64_t c = first; c < last; c++) {
            double inverse = (double)invstd[c], scale = (double)norm->scale[c];
            d_bias[c] = (float)sum[c - first];
            d_weight[c] = (float)(product[c - first] * inverse);
            double steepness = -scale * inverse * inverse * product[c - first] / count;
            norm->slope[c] = (float)steepness;
            norm->constant[c] = (float)(-scale * sum[c - first] / count - steepness * (double)mean[c]);
        }
    }
    repeat_channels(norm, norm->slope, begin, end);
    repeat_channels(norm, norm->constant, begin, end);
}

void DCN_CPU_ELEMENT_LOOP(norm_grad_input)(const dcn_cpu_norm *norm, const void *d_y, const void *x, void *d_x,
                                           bool relu, int64_t begin_row, int64_t end_row, int64_t begin, int64_t end)
{
    for (int64_t row = begin_row; row < end_row; row++) {
        const element *d = (const element *)d_y + row * norm->width, *from = (const element *)x + row * norm->width;
        element *to = (element *)d_x + row * norm->width;
        for (int64_t c = begin; c < end; c += VEC_WIDTH) {
            int64_t n = smaller(VEC_WIDTH, end - c);
            vec value = element_load_first(from + c, n), g = element_load_first(d + c, n);
            vec scale = vec_load_first(norm->scale + c, n), offset = vec_load_first(norm->offset + c, n);
            vec slope = vec_load_first(norm->slope + c, n), constant = vec_load_first(norm->constant + c, n);
            if (relu) g = vec_select(value * scale + offset > (vec){0}, g, (vec){0});
            element_store_first(to + c, g * scale + (value * slope + constant), n);
        }
    }
}
