/* Bytes as normalised floats: (byte / 255 - mean) / std in f32, to the bit. */
#ifndef DCN_DATA_BYTES_H
#define DCN_DATA_BYTES_H

#include <stdbool.h>
#include <stdint.h>

/* The one definition, the same as (ToTensor, Normalize) in torchvision. */
static inline float dcn_normalise_byte(uint8_t value, float mean, float std)
{
    return ((float)value / 255.0f - mean) / std;
}

/* The float of every byte. */
typedef struct dcn_byte_floats {
    float value[256];
    float mean, std, of_std; /* of_std: 1 / std */
    bool is_quick;           /* products give the same floats: see bytes.c */
} dcn_byte_floats;

dcn_byte_floats dcn_byte_floats_of(float mean, float std);
/* dst[i] = floats->value[src[i]]; any alignment. */
void dcn_bytes_to_floats(const dcn_byte_floats *floats, const uint8_t *src, int64_t count, float *dst);

#endif
