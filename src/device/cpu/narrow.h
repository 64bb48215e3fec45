/* Vectors of bf16: to and from f32, and pairs, one in each lane of 32 bits, as the processors' dot products read them:
 * a lane's sum grows by the products of both halves. In the loops of avx512_dot these are instructions; elsewhere
 * integers and f32 do the same, but for bf16's subnormal numbers, which the instructions take for zeros. */
#ifndef DCN_DEVICE_CPU_NARROW_H
#define DCN_DEVICE_CPU_NARROW_H

#include "device/cpu/intrinsics.h"
#include "device/cpu/simd.h"

typedef uint16_t hvec __attribute__((vector_size(VEC_WIDTH * 2)));
typedef uint16_t hvec_unaligned __attribute__((vector_size(VEC_WIDTH * 2), aligned(2), may_alias));
typedef uint32_t bits_of_vec __attribute__((vector_size(VEC_WIDTH * 4)));

typedef ivec pairs; /* the half at the lower address is in the lower bits */
typedef int32_t pairs_unaligned __attribute__((vector_size(VEC_WIDTH * 4), aligned(2), may_alias));

static inline vec narrow_widen(hvec from)
{
    return (vec)(__builtin_convertvector(from, ivec) << 16);
}

static inline vec pairs_low(pairs value)
{
    return (vec)(value << 16);
}

static inline vec pairs_high(pairs value)
{
    return (vec)((bits_of_vec)value & 0xffff0000U);
}

#ifdef __AVX512BF16__

static inline hvec narrow_round(vec value)
{
    return (hvec)_mm512_cvtneps_pbh((__m512)value);
}

static inline pairs pairs_of(vec low, vec high)
{
    typedef uint16_t halves __attribute__((vector_size(64)));
    halves rounded = (halves)_mm512_cvtne2ps_pbh((__m512)high, (__m512)low); /* the low ones, then the high ones */
    return (pairs)__builtin_shufflevector(rounded, rounded, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23, 8,
                                          24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
}

static inline vec pairs_dot(vec sum, pairs a, pairs b)
{
    return (vec)_mm512_dpbf16_ps((__m512)sum, (__m512bh)a, (__m512bh)b);
}

#else

/* To the nearest, ties to even, in the upper half; what is in the lower half means nothing. A NaN stays one. */
static inline bits_of_vec narrow_rounded(vec value)
{
    bits_of_vec bits = (bits_of_vec)value, is_nan = (bits_of_vec)(value != value);
    bits_of_vec rounded = bits + 0x7fffU + (bits >> 16 & 1U), quiet = bits | 0x400000U;
    return (is_nan & quiet) | (~is_nan & rounded);
}

static inline hvec narrow_round(vec value)
{
    return __builtin_convertvector(narrow_rounded(value) >> 16, hvec);
}

static inline pairs pairs_of(vec low, vec high)
{
    return (pairs)(narrow_rounded(low) >> 16 | (narrow_rounded(high) & 0xffff0000U));
}

static inline vec pairs_dot(vec sum, pairs a, pairs b)
{
    sum += pairs_low(a) * pairs_low(b);
    sum += pairs_high(a) * pairs_high(b);
    return sum;
}

#endif

static inline vec narrow_load(const uint16_t *from)
{
    return narrow_widen(*(const hvec_unaligned *)from);
}

static inline void narrow_store(uint16_t *to, vec value)
{
    *(hvec_unaligned *)to = narrow_round(value);
}

static inline pairs pairs_load(const void *from)
{
    return *(const pairs_unaligned *)from;
}

static inline void pairs_store(void *to, pairs value)
{
    *(pairs_unaligned *)to = value;
}

#endif
