/* Which convolutions are worth Winograd's algorithm: tiles of 4x4 outputs from 6x6 inputs with 36 products a channel
 * pair where the sum has 144 (Winograd 1980; Lavin, Gray 2016). Its rounding is that of f32, times the numbers up to 8
 * of its transforms. oneDNN does the work; its tiles lie in blocked layouts, so the engine puts reorders around it. */
#include "device/cpu/cpu.h"

#define TILE             4
#define MIN_CHANNELS     32   /* fewer do not pay for the transforms and reorders */
#define MIN_PIXELS       1024 /* of all maps: fewer do not pay for the transforms of the weights */
#define CHANNEL_BLOCK    16
#define MIN_USEFUL_SHARE 0.5 /* of the outputs of all tiles: the rest hangs over the map's edges */

static double useful_share(int64_t size)
{
    return (double)size / (double)((size + TILE - 1) / TILE * TILE);
}

bool dcn_cpu_suits_winograd(const dcn_conv_attrs *attrs, const decant_shape *src, const decant_shape *dst)
{
    for (int i = 0; i < 2; i++)
        if (attrs->kernel[i] != 3 || attrs->stride[i] != 1 || attrs->dilation[i] != 1 || attrs->padding[i] > 1)
            return false;
    const int64_t in = src->dim[1], out = dst->dim[1];
    if (attrs->groups != 1 || in < MIN_CHANNELS || out < MIN_CHANNELS || in % CHANNEL_BLOCK != 0 ||
        out % CHANNEL_BLOCK != 0)
        return false;
    if (dst->dim[0] * dst->dim[2] * dst->dim[3] < MIN_PIXELS) return false;
    return useful_share(dst->dim[2]) * useful_share(dst->dim[3]) >= MIN_USEFUL_SHARE;
}
