/* Vectors of the widest size of the instruction set a file is compiled for, in the compiler's own vector types: one
 * source serves SSE2, AVX2 and AVX-512. Used where a loop must keep its sums in registers; plain loops are left to the
 * auto-vectoriser. */
#ifndef DCN_DEVICE_CPU_LOOPS_SIMD_H
#define DCN_DEVICE_CPU_LOOPS_SIMD_H

#include <stdint.h>
#include <string.h>

#if defined(__AVX512F__)
#define VEC_WIDTH 16
#elif defined(__AVX2__)
#define VEC_WIDTH 8
#else
#define VEC_WIDTH 4
#endif

/* For functions whose constant arguments decide how many registers they need: a copy for each caller. */
#define ALWAYS_INLINE inline __attribute__((always_inline))

/* The cases of a switch over the rows of a tile, so that the compiler knows how many there are. */
#define DCN_CPU_EACH_HEIGHT(CASE)                                                                                      \
    CASE(1) CASE(2) CASE(3) CASE(4) CASE(5) CASE(6) CASE(7) CASE(8) CASE(9) CASE(10) CASE(11) CASE(12)

static inline int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

typedef float vec __attribute__((vector_size(VEC_WIDTH * 4)));
typedef int32_t ivec __attribute__((vector_size(VEC_WIDTH * 4)));
typedef uint32_t uvec __attribute__((vector_size(VEC_WIDTH * 4)));
typedef float vec_unaligned __attribute__((vector_size(VEC_WIDTH * 4), aligned(4), may_alias));

static inline vec vec_load(const float *from)
{
    return *(const vec_unaligned *)from;
}

static inline void vec_store(float *to, vec value)
{
    *(vec_unaligned *)to = value;
}

static inline vec vec_all(float value)
{
    return value - (vec){0};
}

/* The first count (< VEC_WIDTH) elements; the rest are 0. */
static inline vec vec_load_part(const float *from, int64_t count)
{
    vec value = {0};
    memcpy(&value, from, (size_t)count * sizeof(float));
    return value;
}

static inline void vec_store_part(float *to, vec value, int64_t count)
{
    memcpy(to, &value, (size_t)count * sizeof(float));
}

/* The first `count`, which may be all of them. */
static inline vec vec_load_first(const float *from, int64_t count)
{
    return count < VEC_WIDTH ? vec_load_part(from, count) : vec_load(from);
}

/* a where the mask (all ones or zeros, as comparisons give it) is set, else b. */
static inline vec vec_select(ivec mask, vec a, vec b)
{
    return (vec)((mask & (ivec)a) | (~mask & (ivec)b));
}

static inline ivec ivec_select(ivec mask, ivec a, ivec b)
{
    return (mask & a) | (~mask & b);
}

static inline ivec ivec_all(int32_t value)
{
    return value - (ivec){0};
}

#endif
