/* What the hardware can do at most: multiply-adds that never leave the registers, and a triad that never fits a cache.
 */
#include "device/cpu/loops/loops.h"
#include "device/cpu/loops/simd.h"

/* Independent sums: enough to hide the latency of two multiply-add units. */
#define CHAINS 12

void DCN_CPU_LOOP(peak_fma)(int64_t rounds, float *sink, int64_t *ret_flops)
{
    vec sum[CHAINS];
    vec factor = vec_load(sink), term = vec_load(sink + VEC_WIDTH);
    for (int chain = 0; chain < CHAINS; chain++)
        sum[chain] = term * (float)(chain + 1);
    for (int64_t round = 0; round < rounds; round++) {
#pragma GCC unroll 12
        for (int chain = 0; chain < CHAINS; chain++)
            sum[chain] = sum[chain] * factor + term;
    }
    for (int chain = 1; chain < CHAINS; chain++)
        sum[0] += sum[chain];
    vec_store(sink, sum[0]);
    *ret_flops = rounds * CHAINS * VEC_WIDTH * 2;
}

void DCN_CPU_LOOP(peak_triad)(const float *a, const float *b, float *c, int64_t begin, int64_t end)
{
    for (int64_t i = begin; i < end; i++)
        c[i] = a[i] + 3.0f * b[i];
}
