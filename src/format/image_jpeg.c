/* JPEG through libjpeg-turbo. Its warnings are failures here: half a picture, filled up with grey, teaches nothing. */
#include <turbojpeg.h>

#include "base/memory.h"
#include "format/image.h"

static decant_status jpeg_failure(tjhandle decoder)
{
    return DCN_FAIL(FORMAT, "damaged JPEG data: %s", tjGetErrorStr2(decoder));
}

static decant_status decode(tjhandle decoder, const uint8_t *data, size_t bytes, dcn_image *image)
{
    int width = 0, height = 0, sampling = 0, colours = 0;
    if (tjDecompressHeader3(decoder, data, bytes, &width, &height, &sampling, &colours) != 0)
        return jpeg_failure(decoder);
    if (colours == TJCS_CMYK || colours == TJCS_YCCK)
        return DCN_FAIL(FORMAT, "a JPEG file in CMYK colours; save it as RGB");
    if (width < 1 || height < 1) return DCN_FAIL(FORMAT, "damaged JPEG data: there is no picture in it");
    int32_t channels = colours == TJCS_GRAY ? 1 : 3;
    TRY_RETURN(dcn_image_create(channels, height, width, image));
    /* The scan limit stops files of a few bytes that take minutes. */
    const int flags = TJFLAG_ACCURATEDCT | TJFLAG_STOPONWARNING | TJFLAG_LIMITSCANS;
    if (tjDecompress2(decoder, data, bytes, image->pixels, width, 0, height, channels == 1 ? TJPF_GRAY : TJPF_RGB,
                      flags) != 0)
        return jpeg_failure(decoder);
    return DECANT_OK;
}

decant_status dcn_jpeg_decode(const uint8_t *data, size_t bytes, dcn_image *ret_image)
{
    dcn_image image = {0};
    tjhandle decoder = tjInitDecompress();
    if (decoder == NULL) return DCN_FAIL(NO_MEMORY, "no memory to decode a JPEG file");
    decant_status status = decode(decoder, data, bytes, &image);
    if (status == DECANT_OK)
        *ret_image = image;
    else
        dcn_image_finish(&image);
    tjDestroy(decoder);
    return status;
}
