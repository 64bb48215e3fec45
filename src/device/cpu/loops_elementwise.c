/* Loops over single elements: activations and their derivatives, addition. */
#include <math.h>

#include "device/cpu/approximate.h"
#include "device/cpu/loops.h"
#include "graph/op.h"

/* --- activations: written so that a NaN stays one --- */

static inline float relu6_of(float x)
{
    float positive = x < 0.0F ? 0.0F : x;
    return positive > 6.0F ? 6.0F : positive;
}

static inline float sigmoid_of(float x)
{
    return 1.0F / (1.0F + approximate_exp(-x));
}

#define UNARY_LOOP(name, expression)                                                                                   \
    void DCN_CPU_LOOP(name)(const float *x, float *y, int64_t begin, int64_t end)                                      \
    {                                                                                                                  \
        _Pragma("omp simd") for (int64_t i = begin; i < end; i++) y[i] = expression;                                   \
    }
UNARY_LOOP(relu, x[i] < 0.0F ? 0.0F : x[i])
UNARY_LOOP(relu6, relu6_of(x[i]))
UNARY_LOOP(hardswish, x[i] * relu6_of(x[i] + 3.0F) * (1.0F / 6.0F))
UNARY_LOOP(sigmoid, sigmoid_of(x[i]))
UNARY_LOOP(gelu, x[i] * approximate_normal_cdf(x[i]))

/* A few numbers a sample: not worth an approximation. */
void DCN_CPU_LOOP(log)(const float *x, float *y, int64_t begin, int64_t end)
{
    for (int64_t i = begin; i < end; i++)
        y[i] = logf(x[i] < (float)DCN_LOG_MIN ? (float)DCN_LOG_MIN : x[i]);
}

#define SLOPE_LOOP(name, expression)                                                                                   \
    void DCN_CPU_LOOP(name)(const float *d_y, const float *saved, float *d_x, int64_t begin, int64_t end)              \
    {                                                                                                                  \
        _Pragma("omp simd") for (int64_t i = begin; i < end; i++)                                                      \
        {                                                                                                              \
            float d = d_y[i], s = saved[i];                                                                            \
            d_x[i] = expression;                                                                                       \
        }                                                                                                              \
    }
SLOPE_LOOP(relu_grad, s <= 0.0F ? 0.0F : d)
SLOPE_LOOP(relu6_grad, ((s <= 0.0F) | (s >= 6.0F)) ? 0.0F : d)
SLOPE_LOOP(hardswish_grad, d *(s < -3.0F ? 0.0F : s <= 3.0F ? s * (1.0F / 3.0F) + 0.5F : 1.0F))
SLOPE_LOOP(sigmoid_grad, d *s *(1.0F - s))
SLOPE_LOOP(gelu_grad, d *(approximate_normal_cdf(s) + s * 0.398942280F * approximate_exp(-0.5F * s * s)))

void DCN_CPU_LOOP(add)(const float *a, const float *b, float *y, int64_t begin, int64_t end)
{
#pragma omp simd
    for (int64_t i = begin; i < end; i++)
        y[i] = a[i] + b[i];
}

void DCN_CPU_LOOP(add_relu)(const float *a, const float *b, float *y, int64_t begin, int64_t end)
{
#pragma omp simd
    for (int64_t i = begin; i < end; i++) {
        float sum = a[i] + b[i];
        y[i] = sum < 0.0F ? 0.0F : sum;
    }
}
