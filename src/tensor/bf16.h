/* bf16: the upper half of an f32, rounded to the nearest, ties to even. A NaN stays one. */
#ifndef DCN_TENSOR_BF16_H
#define DCN_TENSOR_BF16_H

#include <stdint.h>
#include <string.h>

typedef uint16_t dcn_bf16;

static inline float dcn_bf16_widen(dcn_bf16 value)
{
    uint32_t bits = (uint32_t)value << 16;
    float wide;
    memcpy(&wide, &bits, sizeof wide);
    return wide;
}

static inline dcn_bf16 dcn_bf16_round(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    uint32_t quiet = bits >> 16 | 0x40U, rounded = (bits + 0x7fffU + (bits >> 16 & 1U)) >> 16;
    return (dcn_bf16)((bits & 0x7fffffffU) > 0x7f800000U ? quiet : rounded);
}

#endif
