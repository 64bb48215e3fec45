/* What an activation is made of in this compilation of a loop: f32, or bf16 with -DDCN_CPU_LOOPS_BF16. Loops that come
 * in both take void pointers, compute in f32, and read and write elements through these. */
#ifndef DCN_DEVICE_CPU_ELEMENT_H
#define DCN_DEVICE_CPU_ELEMENT_H

#include "device/cpu/narrow.h"
#include "device/cpu/simd.h"
#include "tensor/bf16.h"

#ifdef DCN_CPU_LOOPS_BF16

typedef dcn_bf16 element;

static inline float element_value(element from)
{
    return dcn_bf16_widen(from);
}

static inline element element_of(float value)
{
    return dcn_bf16_round(value);
}

static inline vec element_load(const element *from)
{
    return narrow_load(from);
}

static inline void element_store(element *to, vec value)
{
    narrow_store(to, value);
}

/* The first count (< VEC_WIDTH) elements; the rest are 0. */
static inline vec element_load_part(const element *from, int64_t count)
{
    hvec part = {0};
    memcpy(&part, from, (size_t)count * sizeof(element));
    return narrow_widen(part);
}

static inline void element_store_part(element *to, vec value, int64_t count)
{
    hvec part = narrow_round(value);
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
#endif
