/* One end of the test against Python's safetensors (safetensors_python.py is the other): "write PATH" makes a file with
 * every element type, "read PATH" holds one made by Python to the same values. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "format/safetensors.h"

static const float f32[6] = {0.5f, -1.25f, 3.0f, 1e-20f, -7.0f, 65504.0f};
static const double f64[2] = {0.1, -1e300};
static const int64_t i64[1] = {-1234567890123};
static const int32_t i32[2] = {7, -8};
static const uint8_t u8[3] = {0, 128, 255};
static const uint16_t bf16[2] = {0x3f80, 0xc000}; /* 1, -2 */

static dcn_named_tensor named(const char *name, decant_dtype dtype, int32_t rank, int64_t a, int64_t b,
                              const void *data)
{
    const int64_t dims[2] = {a, b};
    decant_shape shape = decant_shape_make(rank, dims);
    return (dcn_named_tensor){name, decant_tensor_view(dtype, &shape, (void *)(uintptr_t)data)};
}

int main(int count, char **words)
{
    const dcn_named_tensor tensors[] = {
        named("layer.weight", DECANT_F32, 2, 2, 3, f32),
        named("double", DECANT_F64, 1, 2, 0, f64),
        named("num_batches_tracked", DECANT_I64, 0, 0, 0, i64),
        named("i32", DECANT_I32, 1, 2, 0, i32),
        named("u8", DECANT_U8, 1, 3, 0, u8),
        named("bf16", DECANT_BF16, 1, 2, 0, bf16),
        named("nothing", DECANT_F32, 2, 0, 4, NULL),
    };
    const dcn_pair metadata[] = {{"format", "pt"}, {"note", "é \"quoted\"\n"}};
    if (count != 3) return 2;
    if (strcmp(words[1], "write") == 0) {
        return dcn_safetensors_write(words[2], tensors, (int32_t)DCN_COUNT(tensors), metadata, 2) == DECANT_OK ? 0 : 1;
    }

    dcn_safetensors *file = NULL;
    if (dcn_safetensors_open(words[2], &file) != DECANT_OK) {
        fprintf(stderr, "%s\n", decant_error_message());
        return 1;
    }
    int wrong = 0;
    for (size_t i = 0; i < DCN_COUNT(tensors); i++) {
        const decant_tensor *expected = &tensors[i].tensor, *got = dcn_safetensors_find(file, tensors[i].name);
        size_t bytes = (size_t)decant_shape_count(&expected->shape) * decant_dtype_size(expected->dtype);
        if (strcmp(tensors[i].name, "bf16") == 0) continue; /* numpy has no such type */
        if (got != NULL && got->dtype == expected->dtype && decant_shape_equal(&got->shape, &expected->shape) &&
            (bytes == 0 || memcmp(got->data, expected->data, bytes) == 0)) {
            continue;
        }
        fprintf(stderr, "%s differs\n", tensors[i].name);
        wrong = 1;
    }
    const char *note = dcn_safetensors_metadata(file, "note");
    if (note == NULL || strcmp(note, metadata[1].value) != 0) {
        fprintf(stderr, "the metadata differs\n");
        wrong = 1;
    }
    dcn_safetensors_close(file);
    return wrong;
}
