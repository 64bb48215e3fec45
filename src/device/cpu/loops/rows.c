/* Linear layers for a few samples: nothing but reading the weights once, row by row as they lie, at the speed of the
 * cache that holds them. */
#include "device/cpu/loops/loops.h"
#include "device/cpu/loops/simd.h"

#define OUTPUTS 4 /* rows of weights read side by side: each vector of x serves them all */
#define UNROLL  2 /* vectors of a row at once, for enough sums to hide an addition's latency */
#define STRIDE  (UNROLL * VEC_WIDTH)

/* The upper half is added to the lower until one number is left: the sum's order is the same wherever it is asked for.
 */
static inline float sum_of(vec sums)
{
    typedef float quarter __attribute__((vector_size(16)));
    quarter four;
#if VEC_WIDTH == 16
    typedef float half __attribute__((vector_size(32)));
    half eight = __builtin_shufflevector(sums, sums, 0, 1, 2, 3, 4, 5, 6, 7) +
                 __builtin_shufflevector(sums, sums, 8, 9, 10, 11, 12, 13, 14, 15);
    four = __builtin_shufflevector(eight, eight, 0, 1, 2, 3) + __builtin_shufflevector(eight, eight, 4, 5, 6, 7);
#elif VEC_WIDTH == 8
    four = __builtin_shufflevector(sums, sums, 0, 1, 2, 3) + __builtin_shufflevector(sums, sums, 4, 5, 6, 7);
#else
    four = sums;
#endif
    quarter two = four + __builtin_shufflevector(four, four, 2, 3, 2, 3);
    return two[0] + two[1];
}

/* y[o] for `outputs` (a constant) rows of weights that lie k apart */
static inline void dot_rows(const float *x, const float *w, int64_t k, float *y, const int outputs)
{
    vec sums[OUTPUTS][UNROLL];
    float tails[OUTPUTS];
    int64_t i = 0;
    for (int o = 0; o < outputs; o++) {
        tails[o] = 0;
        for (int u = 0; u < UNROLL; u++)
            sums[o][u] = (vec){0};
    }
    for (; i + STRIDE <= k; i += STRIDE)
        for (int u = 0; u < UNROLL; u++) {
            vec values = vec_load(x + i + u * VEC_WIDTH);
            for (int o = 0; o < outputs; o++)
                sums[o][u] += values * vec_load(w + o * k + i + u * VEC_WIDTH);
        }
    for (; i + VEC_WIDTH <= k; i += VEC_WIDTH) {
        vec values = vec_load(x + i);
        for (int o = 0; o < outputs; o++)
            sums[o][0] += values * vec_load(w + o * k + i);
    }
    for (; i < k; i++)
        for (int o = 0; o < outputs; o++)
            tails[o] += x[i] * w[o * k + i];
    for (int o = 0; o < outputs; o++)
        y[o] = sum_of(sums[o][0] + sums[o][1]) + tails[o];
}

static inline float finish(const dcn_cpu_product *product, const float *bias, int64_t output, float value)
{
    if (bias) value += bias[output * product->bias_step];
    return product->relu && value < 0 ? 0 : value;
}

void DCN_CPU_LOOP(linear_rows)(const dcn_cpu_product *product, const float *x, const float *w, const float *bias,
                               float *y, int64_t begin_output, int64_t end_output)
{
    const int64_t k = product->k, n = product->n;
    for (int64_t output = begin_output; output < end_output; output += OUTPUTS) {
        const int64_t left = end_output - output, outputs = left < OUTPUTS ? left : OUTPUTS;
        for (int64_t sample = 0; sample < product->m; sample++) { /* the rows are in the first cache for all but one */
            const float *row = x + sample * k;
            float values[OUTPUTS];
            if (outputs == OUTPUTS)
                dot_rows(row, w + output * k, k, values, OUTPUTS);
            else
                for (int64_t o = 0; o < outputs; o++)
                    dot_rows(row, w + (output + o) * k, k, values + o, 1);
            for (int64_t o = 0; o < outputs; o++)
                y[sample * n + output + o] = finish(product, bias, output + o, values[o]);
        }
    }
}
