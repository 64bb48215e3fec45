/* NumPy's files: every item of an accepted array can be read, and an archive gives its arrays or says why not. */
#include <string.h>

#include "format/npy.h"
#include "fuzz/fuzz.h"

static void read_all(const dcn_npy *array)
{
    int64_t count = 1, whole = 0;
    char text[DECANT_MAX_RANK * 24];
    FUZZ_HOLDS(array->rank >= 0 && array->rank <= DECANT_MAX_RANK);
    for (int32_t i = 0; i < array->rank; i++)
        count *= array->dims[i];
    FUZZ_HOLDS(count == array->count && count >= 0);
    FUZZ_HOLDS(strlen(dcn_npy_shape_text(array, text)) >= 2);
    for (int64_t i = 0; i < count; i++) {
        float value = 0;
        dcn_npy_floats(array, i, 1, &value);
        FUZZ_HOLDS(!dcn_npy_integer(array, i, &whole) || array->kind != DCN_NPY_FLOAT);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    static const char *const names[] = {"x", "y", "x_train", "y_train"};
    dcn_npy array = {0};
    dcn_npz *npz = NULL;
    if (dcn_npy_parse(data, bytes, &array) == DECANT_OK) {
        FUZZ_HOLDS(array.payload >= data && array.payload <= data + bytes);
        read_all(&array);
    }
    if (dcn_npz_parse("fuzz.npz", data, bytes, &npz) != DECANT_OK) return 0;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (dcn_npz_read(npz, names[i], &array) == DECANT_OK) read_all(&array);
    dcn_npz_close(npz);
    return 0;
}
