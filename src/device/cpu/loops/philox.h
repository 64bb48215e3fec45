/* dcn_philox (base/random.h) for as many counters as a vector has pairs of lanes. */
#ifndef DCN_DEVICE_CPU_LOOPS_PHILOX_H
#define DCN_DEVICE_CPU_LOOPS_PHILOX_H

#include "device/cpu/loops/simd.h"

#if defined(__x86_64__)
/* immintrin.h brings an inline function that calls malloc; nothing here does */
#pragma push_macro("malloc")
#undef malloc
#include <immintrin.h>
#pragma pop_macro("malloc")
#endif

#define PAIRS (VEC_WIDTH / 2) /* counters drawn at once */

/* Unsigned numbers of 64 bits; the algorithm's 32-bit words sit in the low halves, whatever is in the high ones. */
typedef uint64_t words __attribute__((vector_size(VEC_WIDTH * 4)));

/* The full products of the low halves. */
static inline words multiply_low(words a, uint32_t factor)
{
#if VEC_WIDTH == 16
    return (words)_mm512_mul_epu32((__m512i)a, _mm512_set1_epi64((int64_t)factor));
#elif VEC_WIDTH == 8
    return (words)_mm256_mul_epu32((__m256i)a, _mm256_set1_epi64x((int64_t)factor));
#elif defined(__SSE2__)
    return (words)_mm_mul_epu32((__m128i)a, _mm_set1_epi64x((int64_t)factor));
#else
    return (a & 0xffffffffU) * factor;
#endif
}

/* word[k] = word k of the blocks at the counters {counter, c1, c2, c3}, in the low halves. */
static inline void philox_vector(uint64_t key, words counter, uint32_t c1, uint32_t c2, uint32_t c3, words word[4])
{
    uint32_t k0 = (uint32_t)key, k1 = (uint32_t)(key >> 32);
    words w0 = counter, w1 = (words){0} + c1, w2 = (words){0} + c2, w3 = (words){0} + c3;
    for (int round = 0; round < 10; round++) {
        words p0 = multiply_low(w0, 0xD2511F53U), p1 = multiply_low(w2, 0xCD9E8D57U);
        w0 = (p1 >> 32) ^ w1 ^ k0;
        w2 = (p0 >> 32) ^ w3 ^ k1;
        w1 = p1;
        w3 = p0;
        k0 += 0x9E3779B9U;
        k1 += 0xBB67AE85U;
    }
    word[0] = w0;
    word[1] = w1;
    word[2] = w2;
    word[3] = w3;
}

/* {0, 1, 2, ...} */
static inline words counting(void)
{
    words result = {0};
    for (int i = 0; i < PAIRS; i++)
        result[i] = (uint64_t)i;
    return result;
}

/* The low halves of a, then those of b. */
static inline uvec low_halves(words a, words b)
{
#if VEC_WIDTH == 16
    return __builtin_shufflevector((uvec)a, (uvec)b, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
#elif VEC_WIDTH == 8
    return __builtin_shufflevector((uvec)a, (uvec)b, 0, 2, 4, 6, 8, 10, 12, 14);
#else
    return __builtin_shufflevector((uvec)a, (uvec)b, 0, 2, 4, 6);
#endif
}

/* The words of the blocks in a row: {block 0 words 0 to 3, block 1 words 0 to 3, ...}, as two vectors. */
static inline void in_order(const words word[4], uvec ret_order[2])
{
    words first = (word[0] & 0xffffffffU) | (word[1] << 32), second = (word[2] & 0xffffffffU) | (word[3] << 32);
#if VEC_WIDTH == 16
    ret_order[0] = (uvec)__builtin_shufflevector(first, second, 0, 8, 1, 9, 2, 10, 3, 11);
    ret_order[1] = (uvec)__builtin_shufflevector(first, second, 4, 12, 5, 13, 6, 14, 7, 15);
#elif VEC_WIDTH == 8
    ret_order[0] = (uvec)__builtin_shufflevector(first, second, 0, 4, 1, 5);
    ret_order[1] = (uvec)__builtin_shufflevector(first, second, 2, 6, 3, 7);
#else
    ret_order[0] = (uvec)__builtin_shufflevector(first, second, 0, 2);
    ret_order[1] = (uvec)__builtin_shufflevector(first, second, 1, 3);
#endif
}

#endif
