/* Bytes as normalised floats. A table lookup takes a cycle a byte; with fused multiply-adds a vector of quotients takes
 * few: a quotient's estimate from the reciprocal, mended by its exact remainder, is nearly always the rounded quotient
 * (Markstein 1990). There are only 256 of them, so that is looked at before it is relied on. */
#include "data/bytes.h"

#include <string.h>

#if defined(__x86_64__)
#define QUICK __attribute__((target("avx2,fma")))

static bool is_quick_here(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

static QUICK inline float quotient(float a, float b, float of_b)
{
    const float estimate = a * of_b;
    return __builtin_fmaf(__builtin_fmaf(-estimate, b, a), of_b, estimate);
}

static QUICK void divide_bytes(const dcn_byte_floats *floats, const uint8_t *restrict src, int64_t count,
                               float *restrict dst)
{
    const float mean = floats->mean, std = floats->std, of_std = floats->of_std;
    for (int64_t i = 0; i < count; i++)
        dst[i] = quotient(quotient((float)src[i], 255.0f, 1.0f / 255.0f) - mean, std, of_std);
}

#else

static bool is_quick_here(void)
{
    return false;
}

static void divide_bytes(const dcn_byte_floats *floats, const uint8_t *src, int64_t count, float *dst)
{
    for (int64_t i = 0; i < count; i++)
        dst[i] = dcn_normalise_byte(src[i], floats->mean, floats->std);
}

#endif

dcn_byte_floats dcn_byte_floats_of(float mean, float std)
{
    dcn_byte_floats floats = {.mean = mean, .std = std, .of_std = 1.0f / std};
    uint8_t bytes[256];
    float quick[256];
    for (int i = 0; i < 256; i++) {
        bytes[i] = (uint8_t)i;
        floats.value[i] = dcn_normalise_byte((uint8_t)i, mean, std);
    }
    if (!is_quick_here()) return floats;
    divide_bytes(&floats, bytes, 256, quick);
    floats.is_quick = memcmp(quick, floats.value, sizeof quick) == 0;
    return floats;
}

void dcn_bytes_to_floats(const dcn_byte_floats *floats, const uint8_t *src, int64_t count, float *dst)
{
    if (floats->is_quick) {
        divide_bytes(floats, src, count, dst);
        return;
    }
    for (int64_t i = 0; i < count; i++)
        dst[i] = floats->value[src[i]];
}
