/* Pictures: what is accepted lies within the bounds, and can be made grey and small. */
#include "format/image.h"
#include "fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    dcn_image image = {0};
    if (dcn_image_decode(data, bytes, &image) != DECANT_OK) {
        FUZZ_HOLDS(image.pixels == NULL);
        return 0;
    }
    FUZZ_HOLDS(image.channels == 1 || image.channels == 3);
    FUZZ_HOLDS(image.height >= 1 && image.height <= DCN_IMAGE_MAX_SIDE);
    FUZZ_HOLDS(image.width >= 1 && image.width <= DCN_IMAGE_MAX_SIDE);
    unsigned sum = 0;
    for (int64_t i = 0; i < (int64_t)image.height * image.width * image.channels; i++)
        sum += image.pixels[i];
    FUZZ_HOLDS(dcn_image_resize(&image, 5, 7) == DECANT_OK);
    FUZZ_HOLDS(dcn_image_convert(&image, sum % 2 == 0 ? 1 : 3) == DECANT_OK);
    FUZZ_HOLDS(image.height == 5 && image.width == 7);
    dcn_image_finish(&image);
    return 0;
}
