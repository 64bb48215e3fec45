/* Transcendental functions that the auto-vectoriser can widen: no branches, no calls, a few ulp from the truth. */
#ifndef DCN_DEVICE_CPU_LOOPS_APPROXIMATE_H
#define DCN_DEVICE_CPU_LOOPS_APPROXIMATE_H

#include <stdint.h>
#include <string.h>

/* exp(x) = 2^n exp(r), r within +-ln(2)/2, the latter by its Taylor sum. Relative error below 2e-7 where the result is
 * a normal number; smaller results are held at the least normal one, larger ones at exp(88). */
static inline float approximate_exp(float x)
{
    x = x < -87.3F ? -87.3F : x;
    x = x > 88.0F ? 88.0F : x;
    const float rounder = 12582912.0F; /* 1.5 * 2^23: the sum's last bit is worth 1 */
    float shifted = x * 1.44269504F + rounder;
    float n = shifted - rounder;
    float r = x - n * 0.693359375F; /* ln 2 in two parts: the first has few bits, so the product is exact */
    r = r + n * 2.12194440e-4F;
    float sum = 1.0F / 5040.0F;
    sum = sum * r + 1.0F / 720.0F;
    sum = sum * r + 1.0F / 120.0F;
    sum = sum * r + 1.0F / 24.0F;
    sum = sum * r + 1.0F / 6.0F;
    sum = sum * r + 0.5F;
    sum = sum * r + 1.0F;
    sum = sum * r + 1.0F;
    uint32_t bits;
    memcpy(&bits, &shifted, sizeof bits);
    bits = (bits - 0x4B400000U + 127U) << 23;
    float power;
    memcpy(&power, &bits, sizeof power);
    return sum * power;
}

/* The same in double: relative error below 1e-15; held at exp(-700) and exp(700). */
static inline double approximate_exp_double(double x)
{
    x = x < -700.0 ? -700.0 : x;
    x = x > 700.0 ? 700.0 : x;
    const double rounder = 6755399441055744.0; /* 1.5 * 2^52 */
    double shifted = x * 1.4426950408889634 + rounder;
    double n = shifted - rounder;
    double r = x - n * 0.693147180369123816490;
    r = r - n * 1.90821492927058770002e-10;
    double sum = 1.0 / 479001600.0;
    sum = sum * r + 1.0 / 39916800.0;
    sum = sum * r + 1.0 / 3628800.0;
    sum = sum * r + 1.0 / 362880.0;
    sum = sum * r + 1.0 / 40320.0;
    sum = sum * r + 1.0 / 5040.0;
    sum = sum * r + 1.0 / 720.0;
    sum = sum * r + 1.0 / 120.0;
    sum = sum * r + 1.0 / 24.0;
    sum = sum * r + 1.0 / 6.0;
    sum = sum * r + 0.5;
    sum = sum * r + 1.0;
    sum = sum * r + 1.0;
    uint64_t bits;
    memcpy(&bits, &shifted, sizeof bits);
    bits = (bits - 0x4338000000000000U + 1023U) << 52;
    double power;
    memcpy(&power, &bits, sizeof power);
    return sum * power;
}

/* log(1 + x) for x in [0, 1], as 2 atanh(z) with z = x / (2 + x) <= 1/3, the latter by its odd Taylor sum. Relative
 * error below 1e-15. */
static inline double approximate_log1p_double(double x)
{
    double z = x / (2.0 + x), square = z * z, sum = 1.0 / 29.0;
    for (int odd = 27; odd > 0; odd -= 2)
        sum = sum * square + 1.0 / (double)odd;
    return 2.0 * z * sum;
}

/* The normal distribution's Phi(x) = (1 + erf(x / sqrt 2)) / 2. erf as Abramowitz and Stegun 7.1.26: absolute
 * error 1.5e-7. */
static inline float approximate_normal_cdf(float x)
{
    float z = x < 0.0F ? -x : x;
    float t = 1.0F / (1.0F + 0.3275911F * 0.707106781F * z);
    float sum = 1.061405429F;
    sum = sum * t - 1.453152027F;
    sum = sum * t + 1.421413741F;
    sum = sum * t - 0.284496736F;
    sum = sum * t + 0.254829592F;
    float tail = 0.5F * sum * t * approximate_exp(-0.5F * z * z);
    return x < 0.0F ? tail : 1.0F - tail;
}

#endif
