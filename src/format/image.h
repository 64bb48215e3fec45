/* Pictures as bytes: PNG and JPEG decoded, grey and colour converted, sizes changed. */
#ifndef DCN_FORMAT_IMAGE_H
#define DCN_FORMAT_IMAGE_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

#define DCN_IMAGE_MAX_SIDE   16384
#define DCN_IMAGE_MAX_PIXELS ((int64_t)1 << 26)

typedef struct dcn_image {
    int32_t channels; /* 1: grey, 3: RGB */
    int32_t height, width;
    uint8_t *pixels; /* [height, width, channels] */
} dcn_image;
void dcn_image_finish(dcn_image *image); /* accepts a zeroed one */

/* A PNG or JPEG file, told apart by its first bytes. Samples of 16 bits are rounded to 8, of fewer scaled up; a palette
 * is looked up and is colour; an alpha channel is dropped where it is opaque everywhere. Orientation tags, gamma and
 * colour profiles are not applied. FORMAT for what is damaged, cut short, larger than the bounds above, partly
 * transparent or CMYK. */
decant_status dcn_image_decode(const uint8_t *data, size_t bytes, dcn_image *ret_image);
/* In place, to 1 or 3 channels: luma as ITU-R 601 weighs it (as Pillow's "L"), or grey repeated. */
decant_status dcn_image_convert(dcn_image *image, int32_t channels);
/* In place, by a triangle filter that widens with the shrinking, one side after the other, each rounded to bytes: as
 * Pillow's BILINEAR, and so torchvision's Resize of a picture. */
decant_status dcn_image_resize(dcn_image *image, int32_t height, int32_t width);

/* --- for image.c: one file a format --- */
/* The bounds; FORMAT names the size. */
decant_status dcn_image_check_size(int64_t height, int64_t width);
/* Checks the bounds and takes memory for the pixels. */
decant_status dcn_image_create(int64_t channels, int64_t height, int64_t width, dcn_image *ret_image);
decant_status dcn_png_decode(const uint8_t *data, size_t bytes, dcn_image *ret_image);
decant_status dcn_jpeg_decode(const uint8_t *data, size_t bytes, dcn_image *ret_image);

#endif
