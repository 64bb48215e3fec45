/* Tar archives: what is found lies inside them, whatever their headers say. */
#include "data/tar.h"
#include "fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    static const char *const paths[] = {"set/a.bin", "a", "", "very/long/folder/name/a.bin"};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        const uint8_t *found = NULL;
        size_t found_bytes = 0;
        if (dcn_tar_find(data, bytes, paths[i], &found, &found_bytes) != DECANT_OK) continue;
        FUZZ_HOLDS(found >= data + 512 && found_bytes <= (size_t)(data + bytes - found));
    }
    return 0;
}
