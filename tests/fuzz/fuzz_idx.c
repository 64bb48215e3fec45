/* IDX files: whatever the bytes are, a payload that is reported lies inside them, as long as its dimensions say. */
#include "data/dataset.h"
#include "data/idx.h"
#include "fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    int32_t rank = 0;
    int64_t dims[4] = {0};
    const uint8_t *payload = NULL;
    if (dcn_idx_parse(data, bytes, &rank, dims, &payload) != DECANT_OK) return 0;

    FUZZ_HOLDS(rank >= 1 && rank <= 4);
    int64_t count = 1;
    for (int32_t i = 0; i < rank; i++) {
        FUZZ_HOLDS(dims[i] >= 0);
        FUZZ_HOLDS(dcn_mul_int64(count, dims[i], &count));
    }
    FUZZ_HOLDS(payload >= data && payload <= data + bytes);
    FUZZ_HOLDS((size_t)count == (size_t)(data + bytes - payload));
    return 0;
}
