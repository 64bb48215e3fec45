/* safetensors files: every tensor of an accepted file can be read to its last byte, and is found under its name. */
#include <string.h>

#include "format/safetensors.h"
#include "fuzz/fuzz.h"
#include "tensor/shape.h"

static void read_all(const decant_tensor *tensor)
{
    size_t bytes = (size_t)decant_shape_count(&tensor->shape) * decant_dtype_size(tensor->dtype);
    const volatile uint8_t *data = tensor->data;
    for (size_t i = 0; i < bytes; i++)
        (void)data[i];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    dcn_safetensors *file = NULL;
    if (dcn_safetensors_parse(data, bytes, &file) != DECANT_OK) {
        FUZZ_HOLDS(file == NULL);
        return 0;
    }
    for (int32_t i = 0; i < file->n_tensors; i++) {
        read_all(&file->tensors[i].tensor);
        FUZZ_HOLDS(dcn_safetensors_find(file, file->tensors[i].name) == &file->tensors[i].tensor);
    }
    for (int32_t i = 0; i < file->n_metadata; i++)
        FUZZ_HOLDS(dcn_safetensors_metadata(file, file->metadata[i].key) != NULL);
    dcn_safetensors_close(file);
    return 0;
}
