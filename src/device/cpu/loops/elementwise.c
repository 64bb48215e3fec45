/* Loops over single elements: activations and their derivatives, addition. */
#include <math.h>

#include "device/cpu/loops/approximate.h"
#include "device/cpu/loops/element.h"
#include "device/cpu/loops/loops.h"
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
    void DCN_CPU_ELEMENT_LOOP(name)(const void *from, void *to, int64_t begin, int64_t end)                            \
    {                                                                                                                  \
        const element *x = from;                                                                                       \
        element *y = to;                                                                                               \
        _Pragma("omp simd") for (int64_t i = begin; i < end; i++)                                                      \
        {                                                                                                              \
            float v = element_value(x[i]);                                                                             \
            y[i] = element_of(expression);                                                                             \
        }                                                                                                              \
    }
UNARY_LOOP(relu, v < 0.0F ? 0.0F : v)
UNARY_LOOP(relu6, relu6_of(v))
UNARY_LOOP(hardswish, v *relu6_of(v + 3.0F) * (1.0F / 6.0F))
UNARY_LOOP(sigmoid, sigmoid_of(v))
UNARY_LOOP(gelu, v *approximate_normal_cdf(v))

/* A few numbers a sample: not worth an approximation. */
void DCN_CPU_ELEMENT_LOOP(log)(const void *from, void *to, int64_t begin, int64_t end)
{
    const element *x = from;
    element *y = to;
    for (int64_t i = begin; i < end; i++) {
        float v = element_value(x[i]);
        y[i] = element_of(logf(v < (float)DCN_LOG_MIN ? (float)DCN_LOG_MIN : v));
    }
}

#define SLOPE_LOOP(name, expression)                                                                                   \
    void DCN_CPU_ELEMENT_LOOP(name)(const void *gradient, const void *kept, void *to, int64_t begin, int64_t end)      \
    {                                                                                                                  \
        const element *d_y = gradient, *saved = kept;                                                                  \
        element *d_x = to;                                                                                             \
        _Pragma("omp simd") for (int64_t i = begin; i < end; i++)                                                      \
        {                                                                                                              \
            float d = element_value(d_y[i]), s = element_value(saved[i]);                                              \
            d_x[i] = element_of(expression);                                                                           \
        }                                                                                                              \
    }
SLOPE_LOOP(relu_grad, s <= 0.0F ? 0.0F : d)
SLOPE_LOOP(relu6_grad, ((s <= 0.0F) | (s >= 6.0F)) ? 0.0F : d)
SLOPE_LOOP(hardswish_grad, d *(s < -3.0F ? 0.0F : s <= 3.0F ? s * (1.0F / 3.0F) + 0.5F : 1.0F))
SLOPE_LOOP(sigmoid_grad, d *s *(1.0F - s))
SLOPE_LOOP(gelu_grad, d *(approximate_normal_cdf(s) + s * 0.398942280F * approximate_exp(-0.5F * s * s)))

void DCN_CPU_ELEMENT_LOOP(rectified_dropout_grad)(const void *gradient, const void *kept, float scale, void *to,
                                                  int64_t begin, int64_t end)
{
    const element *d_y = gradient, *y = kept;
    element *d_x = to;
#pragma omp simd
    for (int64_t i = begin; i < end; i++) {
        float scaled = element_value(d_y[i]) * scale;
        d_x[i] = element_of(element_value(y[i]) <= 0.0F ? 0.0F : scaled);
    }
}

void DCN_CPU_ELEMENT_LOOP(add)(const void *first, const void *second, void *to, int64_t begin, int64_t end)
{
    const element *a = first, *b = second;
    element *y = to;
#pragma omp simd
    for (int64_t i = begin; i < end; i++)
        y[i] = element_of(element_value(a[i]) + element_value(b[i]));
}

void DCN_CPU_ELEMENT_LOOP(add_relu)(const void *first, const void *second, void *to, int64_t begin, int64_t end)
{
    const element *a = first, *b = second;
    element *y = to;
#pragma omp simd
    for (int64_t i = begin; i < end; i++) {
        float sum = element_value(a[i]) + element_value(b[i]);
        y[i] = element_of(sum < 0.0F ? 0.0F : sum);
    }
}
