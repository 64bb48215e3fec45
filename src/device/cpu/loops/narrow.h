/* Vectors of pairs of bf16, one in each lane of 32 bits, for AVX512-BF16: a dot product adds the products of both
 * halves to a lane's sum. Its instructions take what is below the smallest normal number (1e-38) for 0. */
#ifndef DCN_DEVICE_CPU_LOOPS_NARROW_H
#define DCN_DEVICE_CPU_LOOPS_NARROW_H

#include "device/cpu/loops/element.h"

#ifdef __AVX512BF16__

typedef uvec pairs; /* the half at the lower address is in the lower bits */
typedef uint32_t pairs_unaligned __attribute__((vector_size(VEC_WIDTH * 4), aligned(2), may_alias));

static inline pairs pairs_load(const void *from)
{
    return *(const pairs_unaligned *)from;
}

static inline void pairs_store(void *to, pairs value)
{
    *(pairs_unaligned *)to = value;
}

static inline vec pairs_low(pairs value)
{
    return (vec)(value << 16);
}

static inline vec pairs_high(pairs value)
{
    return (vec)(value & 0xffff0000U);
}

static inline pairs pairs_of(vec low, vec high)
{
    typedef uint16_t halves __attribute__((vector_size(VEC_WIDTH * 4)));
    halves rounded = (halves)_mm512_cvtne2ps_pbh((__m512)high, (__m512)low); /* the low ones, then the high ones */
    return (pairs)__builtin_shufflevector(rounded, rounded, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23, 8,
                                          24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
}

/* The same pair in every lane. */
static inline pairs pairs_all(uint32_t value)
{
    return (pairs)_mm512_set1_epi32((int)value);
}

static inline vec pairs_dot(vec sum, pairs a, pairs b)
{
    return (vec)_mm512_dpbf16_ps((__m512)sum, (__m512bh)a, (__m512bh)b);
}

#endif
#endif
