/* What pictures of every format share: telling formats apart, bounds, grey and colour. Sizes are changed in
 * image_resize.c. */
#include "format/image.h"

#include <inttypes.h>
#include <string.h>

#include "base/memory.h"

void dcn_image_finish(dcn_image *image)
{
    dcn_free(image->pixels);
    *image = (dcn_image){0};
}

decant_status dcn_image_check_size(int64_t height, int64_t width)
{
    if (height < 1 || width < 1 || height > DCN_IMAGE_MAX_SIDE || width > DCN_IMAGE_MAX_SIDE ||
        height * width > DCN_IMAGE_MAX_PIXELS)
        return DCN_FAIL(FORMAT,
                        "an image of %" PRId64 "x%" PRId64 " pixels; at most %d a side and %" PRId64 " in all are read",
                        width, height, DCN_IMAGE_MAX_SIDE, DCN_IMAGE_MAX_PIXELS);
    return DECANT_OK;
}

decant_status dcn_image_create(int64_t channels, int64_t height, int64_t width, dcn_image *ret_image)
{
    TRY_RETURN(dcn_image_check_size(height, width));
    dcn_image image = {.channels = (int32_t)channels, .height = (int32_t)height, .width = (int32_t)width};
    TRY_RETURN(dcn_new_array((size_t)(height * width), (size_t)channels, (void **)&image.pixels));
    *ret_image = image;
    return DECANT_OK;
}

decant_status dcn_image_decode(const uint8_t *data, size_t bytes, dcn_image *ret_image)
{
    static const uint8_t png[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'}, jpeg[] = {0xff, 0xd8, 0xff};
    if (bytes >= sizeof png && memcmp(data, png, sizeof png) == 0) return dcn_png_decode(data, bytes, ret_image);
    if (bytes >= sizeof jpeg && memcmp(data, jpeg, sizeof jpeg) == 0) return dcn_jpeg_decode(data, bytes, ret_image);
    return DCN_FAIL(FORMAT, "neither a PNG nor a JPEG file");
}

/* --- grey and colour --- */

/* 0.299, 0.587 and 0.114 in 1/65536, as Pillow has them */
static uint8_t luma(const uint8_t rgb[3])
{
    return (uint8_t)((rgb[0] * 19595u + rgb[1] * 38470u + rgb[2] * 7471u + 0x8000u) >> 16);
}

decant_status dcn_image_convert(dcn_image *image, int32_t channels)
{
    dcn_image converted = {0};
    if (channels == image->channels) return DECANT_OK;
    TRY_RETURN(dcn_image_create(channels, image->height, image->width, &converted));
    const int64_t count = (int64_t)image->height * image->width;
    for (int64_t i = 0; i < count; i++) {
        if (channels == 1)
            converted.pixels[i] = luma(image->pixels + 3 * i);
        else
            memset(converted.pixels + 3 * i, image->pixels[i], 3);
    }
    dcn_image_finish(image);
    *image = converted;
    return DECANT_OK;
}
