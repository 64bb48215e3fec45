/* What the directions of a 3x3 convolution on bf16 by Winograd's algorithm share. */
#ifndef DCN_DEVICE_CPU_NARROW_WINOGRAD_H
#define DCN_DEVICE_CPU_NARROW_WINOGRAD_H

#include "device/cpu/cpu.h"

#define DCN_CPU_NARROW_GAP 16 /* a cache line between places: or all would meet in a few sets of the cache */

/* Channels, maps and tiles; the steps are left to the kernel. The convolution goes from `from` to `to`. */
void dcn_cpu_narrow_winograd_init(dcn_cpu_narrow_winograd *winograd, const dcn_conv_attrs *attrs,
                                  const decant_shape *from, const decant_shape *to);
/* [3][3][I][O] of a layer's weights, or turned [3][3][O][I], in their element type. */
decant_status dcn_cpu_narrow_weight_layout(dcn_cpu_device *device, const dcn_tensor_desc *weight, bool turned,
                                           dcn_layout *ret_layout);

/* A map of bf16, and some of its channels. */
typedef struct dcn_cpu_narrow_map {
    const void *values;
    const int64_t *size; /* rows, columns */
    int64_t channels, first, used;
} dcn_cpu_narrow_map;
/* Pixels that lie one behind the other, and what is wanted of each. */
typedef struct dcn_cpu_pixels {
    const char *first;
    int64_t count, step, bytes;
} dcn_cpu_pixels;
/* The whole rows of pixels at the places of some tiles' outputs. */
dcn_cpu_pixels dcn_cpu_pixels_of(const dcn_cpu_narrow_winograd *winograd, const dcn_cpu_narrow_map *map,
                                 int64_t begin_tile, int64_t end_tile);
/* Calls one of `parts` parts of them into the second-level cache: while products run, memory is idle. */
void dcn_cpu_call_up(const dcn_cpu_pixels *pixels, int64_t part, int64_t parts);

/* narrow_winograd_grad.c: of the weights. Does it pay for so many channels, on either side? */
dcn_cpu_compile dcn_cpu_compile_narrow_winograd_grad;
bool dcn_cpu_narrow_blocks_suit(int64_t channels);

#endif
