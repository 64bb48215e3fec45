/* The safetensors container: named tensors and string metadata. Little-endian, header JSON, 8-byte aligned data. */
#ifndef DCN_FORMAT_SAFETENSORS_H
#define DCN_FORMAT_SAFETENSORS_H

#include "base/file.h"
#include "decant/tensor.h"

typedef struct dcn_named_tensor {
    const char *name;
    decant_tensor tensor; /* a view */
} dcn_named_tensor;

typedef struct dcn_pair {
    const char *key, *value;
} dcn_pair;

/* Atomic. Names must be unique. */
decant_status dcn_safetensors_write(const char *path, const dcn_named_tensor *tensors, int32_t n_tensors,
                                    const dcn_pair *metadata, int32_t n_metadata);

typedef struct dcn_safetensors {
    dcn_map map;
    struct dcn_arena *arena;
    dcn_named_tensor *tensors; /* views into the map (unaligned for exotic files: copied then); sorted by name */
    int32_t n_tensors;
    dcn_pair *metadata;
    int32_t n_metadata;
} dcn_safetensors;
/* Checks everything against the file's size before believing it. FORMAT, IO, NOT_FOUND; UNSUPPORTED for a type such as
 * F16. */
decant_status dcn_safetensors_open(const char *path, dcn_safetensors **ret_file);
/* The same from memory (kept by the caller), for fuzzing. */
decant_status dcn_safetensors_parse(const uint8_t *data, size_t bytes, dcn_safetensors **ret_file);
void dcn_safetensors_close(dcn_safetensors *file);
const decant_tensor *dcn_safetensors_find(const dcn_safetensors *file, const char *name); /* NULL when absent */
const char *dcn_safetensors_metadata(const dcn_safetensors *file, const char *key);       /* NULL when absent */

#endif
