/* What an activation is made of in this compilation of a loop: f32, or bf16 where DCN_CPU_LOOPS_BF16 is defined (as a
 * part of the loops' names). Loops that come in both take void pointers, compute in f32, and read and write elements
 * through these. */
#ifndef DCN_DEVICE_CPU_LOOPS_ELEMENT_H
#define DCN_DEVICE_CPU_LOOPS_ELEMENT_H

#include "device/cpu/loops/simd.h"
#include "tensor/bf16.h"

#ifdef __AVX512BF16__
/* immintrin.h brings an inline function that calls malloc; nothing here does */
#pragma push_macro("malloc")
#undef malloc
#include <immintrin.h>
#pragma pop_macro("malloc")
#endif

/* dcn_bf16_round, in the low halves; zeros above. */
static inline uvec bf16_bits(vec value)
{
    uvec bits = (uvec)value, is_nan = (uvec)(value != value);
    uvec rounded = (bits + 0x7fffU + (bits >> 16 & 1U)) >> 16, quiet = bits >> 16 | 0x40U;
    return (is_nan & quiet) | (~is_nan & rounded);
}

#ifdef DCN_CPU_LOOPS_BF16

typedef dcn_bf16 element;
typedef uint16_t hvec __attribute__((vector_size(VEC_WIDTH * 2)));
typedef uint16_t hvec_unaligned __attribute__((vector_size(VEC_WIDTH * 2), aligned(2), may_alias));

static inline float element_value(element from)
{
    return dcn_bf16_widen(from);
}

static inline element element_of(float value)
{
    return dcn_bf16_round(value);
}

static inline vec element_widen(hvec from)
{
    return (vec)(__builtin_convertvector(from, ivec) << 16);
}

/* The processor's own instruction rounds alike, but takes what is below the smallest normal number (1e-38) for 0. */
static inline hvec element_narrow(vec value)
{
#ifdef __AVX512BF16__
    return (hvec)_mm512_cvtneps_pbh((__m512)value);
#else
    return __builtin_convertvector(bf16_bits(value), hvec);
#endif
}

static inline vec element_load(const element *from)
{
    return element_widen(*(const hvec_unaligned *)from);
}

static inline void element_store(element *to, vec value)
{
    *(hvec_unaligned *)to = element_narrow(value);
}

/* The first count (< VEC_WIDTH) elements; the rest are 0. */
static inline vec element_load_part(const element *from, int64_t count)
{
    hvec part = {0};
    memcpy(&part, from, (size_t)count * sizeof(element));
    return element_widen(part);
}

static inline void element_store_part(element *to, vec value, int64_t count)
{
    hvec part = element_narrow(value);
    memcpy(to, &part, (size_t)count * sizeof(element));
}

#else

typedef float element;

static inline float element_value(element from)
{
    return from;
}

static inline element element_of(float value)
{
    return value;
}

static inline vec element_load(const element *from)
{
    return vec_load(from);
}

static inline void element_store(element *to, vec value)
{
    vec_store(to, value);
}

static inline vec element_load_part(const element *from, int64_t count)
{
    return vec_load_part(from, count);
}

static inline void element_store_part(element *to, vec value, int64_t count)
{
    vec_store_part(to, value, count);
}

#endif

/* The first `count`, which may be a whole vector. */
static inline vec element_load_first(const element *from, int64_t count)
{
    return count < VEC_WIDTH ? element_load_part(from, count) : element_load(from);
}

static inline void element_store_first(element *to, vec value, int64_t count)
{
    if (count < VEC_WIDTH)
        element_store_part(to, value, count);
    else
        element_store(to, value);
}

#endif
