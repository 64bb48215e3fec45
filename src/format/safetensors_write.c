/* Writing safetensors files, whole or not at all. Tensors go widest type first, then by name, so that each stands
 * aligned and equal contents give equal files. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "format/json_text.h"
#include "format/safetensors.h"
#include "format/safetensors_dtype.h"

#define DATA_ALIGNMENT 64 /* the format asks for 8; a cache line costs some spaces in the header */

static int compare_for_file(const void *a, const void *b)
{
    const dcn_named_tensor *x = *(const dcn_named_tensor *const *)a, *y = *(const dcn_named_tensor *const *)b;
    size_t x_size = decant_dtype_size(x->tensor.dtype), y_size = decant_dtype_size(y->tensor.dtype);
    if (x_size != y_size) return x_size > y_size ? -1 : 1;
    return strcmp(x->name, y->name);
}

static decant_status tensor_bytes(const dcn_named_tensor *named, size_t *ret_bytes)
{
    const decant_tensor *tensor = &named->tensor;
    if ((unsigned)tensor->dtype >= DECANT_DTYPE_COUNT) {
        return DCN_FAIL(INVALID_ARG, "tensor '%s' has no such dtype: %d", named->name, (int)tensor->dtype);
    }
    if (tensor->shape.rank < 0 || tensor->shape.rank > DECANT_MAX_RANK) {
        return DCN_FAIL(INVALID_ARG, "tensor '%s' has rank %d", named->name, tensor->shape.rank);
    }
    size_t bytes = decant_dtype_size(tensor->dtype);
    for (int32_t i = 0; i < tensor->shape.rank; i++) {
        int64_t dim = tensor->shape.dim[i];
        if (dim < 0 || !dcn_mul_size(bytes, (size_t)dim, &bytes)) {
            return DCN_FAIL(INVALID_ARG, "tensor '%s' has an impossible shape", named->name);
        }
    }
    if (bytes > 0 && tensor->data == NULL) return DCN_FAIL(INVALID_ARG, "tensor '%s' has no data", named->name);
    *ret_bytes = bytes;
    return DECANT_OK;
}

/* Adds a value to a map; takes the value over. jansson refuses keys that are not UTF-8. */
static decant_status add_to(json_t *map, const char *key, json_t *value)
{
    if (value == NULL) return DCN_FAIL(INVALID_ARG, "'%s' is not UTF-8 text, or memory ran out", key);
    if (json_object_get(map, key) != NULL) {
        json_decref(value);
        return DCN_FAIL(INVALID_ARG, "'%s' is given twice", key);
    }
    if (json_object_set_new(map, key, value) == 0) return DECANT_OK;
    return DCN_FAIL(INVALID_ARG, "a name is not UTF-8 text, or memory ran out");
}

static decant_status add_metadata(json_t *header, const dcn_pair *metadata, int32_t n_metadata)
{
    if (n_metadata == 0) return DECANT_OK;
    json_t *map = json_object();
    TRY_RETURN(add_to(header, "__metadata__", map));
    for (int32_t i = 0; i < n_metadata; i++) {
        TRY_RETURN(add_to(map, metadata[i].key, json_string(metadata[i].value)));
    }
    return DECANT_OK;
}

static decant_status add_tensor(json_t *header, const dcn_named_tensor *named, size_t *offset)
{
    size_t bytes = 0, end = 0;
    if (named->name[0] == '\0' || strcmp(named->name, "__metadata__") == 0) {
        return DCN_FAIL(INVALID_ARG, "a tensor cannot be called '%s'", named->name);
    }
    TRY_RETURN(tensor_bytes(named, &bytes));
    if (!dcn_add_size(*offset, bytes, &end) || end > INT64_MAX) {
        return DCN_FAIL(INVALID_ARG, "the tensors are larger than any file");
    }
    json_t *shape = json_array();
    for (int32_t i = 0; i < named->tensor.shape.rank; i++) {
        dcn_json_append(&shape, json_integer(named->tensor.shape.dim[i]));
    }
    TRY_RETURN(add_to(header, named->name,
                      json_pack("{s:s, s:o, s:[I, I]}", "dtype", dcn_safetensors_dtypes[named->tensor.dtype], "shape",
                                shape, "data_offsets", (json_int_t)*offset, (json_int_t)end)));
    *offset = end;
    return DECANT_OK;
}

/* The JSON header as text, before padding; dcn_free. */
static decant_status make_header(const dcn_named_tensor *const *tensors, int32_t n_tensors, const dcn_pair *metadata,
                                 int32_t n_metadata, char **ret_text)
{
    size_t offset = 0;
    decant_status status;
    json_t *header = json_object();
    if (header == NULL) return DCN_FAIL(NO_MEMORY, "no memory for the header");
    TRY(add_metadata(header, metadata, n_metadata));
    for (int32_t i = 0; i < n_tensors; i++) {
        TRY(add_tensor(header, tensors[i], &offset));
    }
    return dcn_json_text(header, JSON_COMPACT, "the header", ret_text);
out:
    json_decref(header);
    return status;
}

static decant_status write_parts(dcn_writer *writer, const char *header, const dcn_named_tensor *const *tensors,
                                 int32_t n_tensors)
{
    static const char spaces[DATA_ALIGNMENT] = "                                                               ";
    uint64_t length = strlen(header);
    size_t padding = (size_t)(DATA_ALIGNMENT - (sizeof length + length) % DATA_ALIGNMENT) % DATA_ALIGNMENT;
    uint64_t padded = length + padding;
    TRY_RETURN(dcn_writer_write(writer, &padded, sizeof padded));
    TRY_RETURN(dcn_writer_write(writer, header, (size_t)length));
    TRY_RETURN(dcn_writer_write(writer, spaces, padding));
    for (int32_t i = 0; i < n_tensors; i++) {
        size_t bytes = 0;
        TRY_RETURN(tensor_bytes(tensors[i], &bytes));
        if (bytes > 0) TRY_RETURN(dcn_writer_write(writer, tensors[i]->tensor.data, bytes));
    }
    return DECANT_OK;
}

decant_status dcn_safetensors_write(const char *path, const dcn_named_tensor *tensors, int32_t n_tensors,
                                    const dcn_pair *metadata, int32_t n_metadata)
{
    const dcn_named_tensor **order = NULL;
    char *header = NULL;
    dcn_writer *writer = NULL;
    decant_status status = dcn_new_array((size_t)n_tensors, sizeof *order, (void **)&order);
    if (status != DECANT_OK) goto out;
    for (int32_t i = 0; i < n_tensors; i++) {
        order[i] = &tensors[i];
    }
    if (n_tensors > 0) qsort(order, (size_t)n_tensors, sizeof *order, compare_for_file);

    TRY(make_header(order, n_tensors, metadata, n_metadata, &header));
    TRY(dcn_writer_open(path, &writer));
    TRY(write_parts(writer, header, order, n_tensors));
    TRY(dcn_writer_commit(writer));
out:
    if (status != DECANT_OK) dcn_while("writing %s", path);
    dcn_writer_destroy(writer);
    dcn_free(header);
    dcn_free(order);
    return status;
}
