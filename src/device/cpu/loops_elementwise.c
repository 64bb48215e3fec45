/* Loops over single elements: activations and their derivatives, addition, dropout. */
#include "base/random.h"
#include "device/cpu/approximate.h"
#include "device/cpu/loops.h"

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
SLOPE_LOOP(relu6_grad, (s <= 0.0F) | (s >= 6.0F) ? 0.0F : d)
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

/* --- dropout --- */

#define LANES 64 /* counters drawn at once */

/* words[k][i] = word k of the block at counter[i]; dcn_philox written for vectors of counters. */
static void draw(const dcn_cpu_dropout *dropout, const uint32_t counter[LANES], uint32_t words[4][LANES])
{
#pragma omp simd
    for (int i = 0; i < LANES; i++) {
        uint32_t block[4] = {counter[i], dropout->purpose, dropout->step_low, dropout->step_high}, drawn[4];
        dcn_philox(dropout->seed, block, drawn);
        words[0][i] = drawn[0];
        words[1][i] = drawn[1];
        words[2][i] = drawn[2];
        words[3][i] = drawn[3];
    }
}

void DCN_CPU_LOOP(dropout)(const dcn_cpu_dropout *dropout, const float *x, float *y, int64_t begin_block,
                           int64_t end_block, int64_t count)
{
    uint32_t counter[LANES], words[4][LANES];
    uint32_t threshold = (uint32_t)dropout->threshold; /* p < 1, so it fits */
    float scale = dropout->scale;
    for (int64_t block = begin_block; block < end_block; block += LANES) {
        for (int i = 0; i < LANES; i++)
            counter[i] = (uint32_t)(block + i);
        draw(dropout, counter, words);
        int64_t last = end_block * 4 < count ? end_block * 4 : count;
        if (block * 4 + 4 * LANES <= last) {
            const float *from = x + block * 4;
            float *to = y + block * 4;
#pragma omp simd
            for (int i = 0; i < LANES; i++) {
                to[4 * i] = words[0][i] >= threshold ? from[4 * i] * scale : 0.0F;
                to[4 * i + 1] = words[1][i] >= threshold ? from[4 * i + 1] * scale : 0.0F;
                to[4 * i + 2] = words[2][i] >= threshold ? from[4 * i + 2] * scale : 0.0F;
                to[4 * i + 3] = words[3][i] >= threshold ? from[4 * i + 3] * scale : 0.0F;
            }
            continue;
        }
        for (int64_t i = block * 4; i < last; i++)
            y[i] = words[i % 4][i / 4 - block] >= threshold ? x[i] * scale : 0.0F;
    }
}

/* Channels [channel, channel + n) of one pixel, or of four neighbours that share their blocks. */
static void drop_pixels(const dcn_cpu_dropout *dropout, const float *x, float *y, int64_t channels, int64_t n,
                        int64_t first_element, int64_t pixels, bool four)
{
    uint32_t counter[LANES] = {0}, words[4][LANES], word_of[LANES] = {0};
    uint32_t threshold = (uint32_t)dropout->threshold;
    float scale = dropout->scale;
    for (int64_t i = 0; i < n; i++) {
        int64_t element = first_element + i * pixels;
        counter[i] = (uint32_t)(element / 4);
        word_of[i] = (uint32_t)(element % 4);
    }
    draw(dropout, counter, words);
    for (int64_t k = 0; four && k < 4; k++) {
#pragma omp simd
        for (int64_t i = 0; i < n; i++)
            y[k * channels + i] = words[k][i] >= threshold ? x[k * channels + i] * scale : 0.0F;
    }
    if (four) return;
#pragma omp simd
    for (int64_t i = 0; i < n; i++) {
        uint32_t low = word_of[i] & 1 ? words[1][i] : words[0][i], high = word_of[i] & 1 ? words[3][i] : words[2][i];
        y[i] = (word_of[i] & 2 ? high : low) >= threshold ? x[i] * scale : 0.0F;
    }
}

void DCN_CPU_LOOP(dropout_nhwc)(const dcn_cpu_dropout *dropout, const float *x, float *y, int64_t channels,
                                int64_t pixels, int64_t begin_row, int64_t end_row)
{
    for (int64_t row = begin_row; row < end_row;) {
        int64_t sample = row / pixels, pixel = row % pixels;
        bool four = pixels % 4 == 0 && pixel % 4 == 0 && row + 4 <= end_row;
        for (int64_t channel = 0; channel < channels; channel += LANES) {
            int64_t n = channels - channel < LANES ? channels - channel : LANES, at = row * channels + channel;
            drop_pixels(dropout, x + at, y + at, channels, n, (sample * channels + channel) * pixels + pixel, pixels,
                        four);
        }
        row += four ? 4 : 1;
    }
}
