/* Matrix products too small for a primitive: one call, one thread, a packed right-hand side. */
#include "device/cpu/loops/loops.h"
#include "device/cpu/loops/simd.h"

#define STRIP_VECTORS (DCN_CPU_STRIP / VEC_WIDTH)
/* Rows at once: as many sums as the instruction set has registers for, beside the strip itself. */
#if VEC_WIDTH == 16
#define ROWS 8
#elif VEC_WIDTH == 8
#define ROWS 3
#else
#define ROWS 1
#endif

static inline int64_t strips_of(int64_t columns)
{
    return (columns + DCN_CPU_STRIP - 1) / DCN_CPU_STRIP;
}

void DCN_CPU_LOOP(pack_b)(const dcn_cpu_product *product, const float *b, float *packed)
{
    for (int64_t strip = 0; strip < strips_of(product->n); strip++) {
        int64_t first = strip * DCN_CPU_STRIP;
        int64_t columns = product->n - first < DCN_CPU_STRIP ? product->n - first : DCN_CPU_STRIP;
        const float *from = b + first * product->b_step;
        for (int64_t k = 0; k < product->k; k++, from += product->b_row, packed += DCN_CPU_STRIP) {
            if (product->b_step == 1)
                memcpy(packed, from, (size_t)columns * sizeof(float));
            else
                for (int64_t c = 0; c < columns; c++)
                    packed[c] = from[c * product->b_step];
            if (columns < DCN_CPU_STRIP) memset(packed + columns, 0, (size_t)(DCN_CPU_STRIP - columns) * sizeof(float));
        }
    }
}

static ALWAYS_INLINE void finish_row(const dcn_cpu_product *product, const vec *sums, const float *bias, float *c,
                                     int64_t columns, const int vectors)
{
    for (int v = 0; v < vectors && v * VEC_WIDTH < columns; v++) {
        int64_t left = columns - v * VEC_WIDTH;
        bool part = left < VEC_WIDTH;
        vec value = sums[v];
        if (bias) value += part ? vec_load_part(bias + v * VEC_WIDTH, left) : vec_load(bias + v * VEC_WIDTH);
        if (product->relu) value = vec_select(value < (vec){0}, (vec){0}, value);
        if (part)
            vec_store_part(c + v * VEC_WIDTH, value, left);
        else
            vec_store(c + v * VEC_WIDTH, value);
    }
}

/* rows (a constant) rows of c times `vectors` vectors of one strip */
static ALWAYS_INLINE void tile(const dcn_cpu_product *product, const float *a, const float *packed, const float *bias,
                               float *c, int64_t columns, const int rows, const int vectors)
{
    vec sums[ROWS][STRIP_VECTORS];
    for (int r = 0; r < rows; r++)
        for (int v = 0; v < vectors; v++)
            sums[r][v] = (vec){0};
    for (int64_t k = 0; k < product->k; k++, a += product->a_step, packed += DCN_CPU_STRIP) {
        vec b[STRIP_VECTORS];
        for (int v = 0; v < vectors; v++)
            b[v] = vec_load(packed + v * VEC_WIDTH);
        for (int r = 0; r < rows; r++) {
            vec factor = vec_all(a[r * product->a_row]);
            for (int v = 0; v < vectors; v++)
                sums[r][v] += factor * b[v];
        }
    }
    for (int r = 0; r < rows; r++)
        finish_row(product, sums[r], bias, c + r * product->n, columns, vectors);
}

void DCN_CPU_LOOP(product)(const dcn_cpu_product *product, const float *a, const float *packed, const float *bias,
                           float *c, int64_t begin_row, int64_t end_row)
{
    for (int64_t strip = 0; strip < strips_of(product->n); strip++) {
        int64_t first = strip * DCN_CPU_STRIP, columns = product->n - first;
        const float *b = packed + first * product->k, *strip_bias = bias ? bias + first : NULL;
        if (columns > DCN_CPU_STRIP) columns = DCN_CPU_STRIP;
        int64_t row = begin_row;
        for (; row + ROWS <= end_row; row += ROWS) {
            const float *rows = a + row * product->a_row;
            float *to = c + row * product->n + first;
            if (columns <= VEC_WIDTH)
                tile(product, rows, b, strip_bias, to, columns, ROWS, 1);
            else
                tile(product, rows, b, strip_bias, to, columns, ROWS, STRIP_VECTORS);
        }
        for (; row < end_row; row++)
            tile(product, a + row * product->a_row, b, strip_bias, c + row * product->n + first, columns, 1,
                 STRIP_VECTORS);
    }
}

void DCN_CPU_LOOP(column_sums)(const float *x, int64_t rows, int64_t columns, float *sum)
{
    memset(sum, 0, (size_t)columns * sizeof(float));
    for (int64_t row = 0; row < rows; row++, x += columns) {
#pragma omp simd
        for (int64_t c = 0; c < columns; c++)
            sum[c] += x[c];
    }
}
