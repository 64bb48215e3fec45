/* Reading safetensors files: an 8-byte little-endian header length, a JSON header, then the tensors' bytes end to end.
 * Nothing in the header is believed before it was checked against the size of the file. Writing is in
 * safetensors_write.c. */
#include "format/safetensors.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "format/safetensors_dtype.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
               "tensors are mapped as they stand in the file: little-endian");

#define MAX_HEADER_BYTES ((uint64_t)64 << 20)

/* Where a tensor stands in the data part. */
typedef struct extent {
    uint64_t begin, end;
    const char *name;
} extent;

static decant_status parse_dtype(const char *name, const json_t *json, decant_dtype *ret_dtype)
{
    /* The format's other types: a file that holds one is sound, but decant has no use for it yet. */
    static const char *const known_elsewhere[] = {"F16", "BOOL", "I8",  "I16",     "U16",
                                                  "U32", "U64",  "C64", "F8_E4M3", "F8_E5M2"};
    const char *word = json_string_value(json);
    if (word == NULL) return DCN_FAIL(FORMAT, "tensor '%s' has no dtype", name);
    for (size_t i = 0; i < DECANT_DTYPE_COUNT; i++) {
        if (strcmp(dcn_safetensors_dtypes[i], word) != 0) continue;
        *ret_dtype = (decant_dtype)i;
        return DECANT_OK;
    }
    for (size_t i = 0; i < DCN_COUNT(known_elsewhere); i++) {
        if (strcmp(known_elsewhere[i], word) != 0) continue;
        return DCN_FAIL(UNSUPPORTED, "tensor '%s' holds %s; convert it to F32 first", name, word);
    }
    return DCN_FAIL(FORMAT, "tensor '%s' has an unknown dtype '%.20s'", name, word);
}

static decant_status parse_shape(const char *name, const json_t *json, decant_shape *ret_shape, uint64_t *ret_count)
{
    decant_shape shape = {0};
    int64_t count = 1;
    if (!json_is_array(json)) return DCN_FAIL(FORMAT, "tensor '%s' has no shape", name);
    if (json_array_size(json) > DECANT_MAX_RANK) {
        return DCN_FAIL(FORMAT, "tensor '%s' has %zu dimensions; at most %d are read", name, json_array_size(json),
                        DECANT_MAX_RANK);
    }
    bool empty = false;
    for (size_t i = 0; i < json_array_size(json); i++) {
        const json_t *dim = json_array_get(json, i);
        if (!json_is_integer(dim) || json_integer_value(dim) < 0) {
            return DCN_FAIL(FORMAT, "tensor '%s': dimension %zu is no count", name, i);
        }
        shape.dim[i] = json_integer_value(dim);
        empty = empty || shape.dim[i] == 0;
        if (!empty && !dcn_mul_int64(count, shape.dim[i], &count)) {
            return DCN_FAIL(FORMAT, "tensor '%s': its dimensions multiply to more than any file holds", name);
        }
    }
    shape.rank = (int32_t)json_array_size(json);
    *ret_shape = shape;
    *ret_count = empty ? 0 : (uint64_t)count;
    return DECANT_OK;
}

static decant_status parse_extent(const char *name, const json_t *json, uint64_t data_bytes, extent *ret_extent)
{
    const json_t *begin = json_array_get(json, 0), *end = json_array_get(json, 1);
    if (json_array_size(json) != 2 || !json_is_integer(begin) || !json_is_integer(end)) {
        return DCN_FAIL(FORMAT, "tensor '%s' has no data_offsets [begin, end]", name);
    }
    json_int_t from = json_integer_value(begin), to = json_integer_value(end);
    if (from < 0 || to < from || (uint64_t)to > data_bytes) {
        return DCN_FAIL(FORMAT, "tensor '%s': bytes %lld to %lld do not lie in the %llu bytes of data", name,
                        (long long)from, (long long)to, (unsigned long long)data_bytes);
    }
    *ret_extent = (extent){(uint64_t)from, (uint64_t)to, name};
    return DECANT_OK;
}

/* One tensor of the header, as a view of the data; copied when it stands where its type may not be read. */
static decant_status parse_tensor(dcn_arena *arena, const char *key, const json_t *json, const uint8_t *data,
                                  uint64_t data_bytes, dcn_named_tensor *ret_tensor, extent *ret_extent)
{
    char *name = NULL;
    decant_dtype dtype = DECANT_F32;
    decant_shape shape = {0};
    uint64_t count = 0;
    TRY_RETURN(dcn_arena_string(arena, key, &name));
    if (!json_is_object(json)) return DCN_FAIL(FORMAT, "tensor '%s' is not described by a map", name);
    TRY_RETURN(parse_dtype(name, json_object_get(json, "dtype"), &dtype));
    TRY_RETURN(parse_shape(name, json_object_get(json, "shape"), &shape, &count));
    TRY_RETURN(parse_extent(name, json_object_get(json, "data_offsets"), data_bytes, ret_extent));

    uint64_t bytes = ret_extent->end - ret_extent->begin, size = decant_dtype_size(dtype);
    if (bytes % size != 0 || bytes / size != count) {
        return DCN_FAIL(FORMAT, "tensor '%s' has %llu elements of %llu bytes, but its data_offsets hold %llu bytes",
                        name, (unsigned long long)count, (unsigned long long)size, (unsigned long long)bytes);
    }
    void *view = (void *)(uintptr_t)(data + ret_extent->begin); /* read-only in truth: a tensor has no const form */
    if ((uintptr_t)view % size != 0) {
        void *copy = NULL;
        TRY_RETURN(dcn_arena_take(arena, (size_t)bytes, &copy));
        memcpy(copy, view, (size_t)bytes);
        view = copy;
    }
    *ret_tensor = (dcn_named_tensor){name, decant_tensor_view(dtype, &shape, view)};
    return DECANT_OK;
}

static int compare_extents(const void *a, const void *b)
{
    const extent *x = a, *y = b;
    if (x->begin != y->begin) return x->begin < y->begin ? -1 : 1;
    return (x->end > y->end) - (x->end < y->end);
}

/* The format allows neither holes nor overlaps nor bytes behind the last tensor. */
static decant_status check_coverage(extent *extents, int32_t count, uint64_t data_bytes)
{
    qsort(extents, (size_t)count, sizeof *extents, compare_extents);
    uint64_t reached = 0;
    for (int32_t i = 0; i < count; i++) {
        if (extents[i].begin < reached) {
            return DCN_FAIL(FORMAT, "tensor '%s' overlaps another one at byte %llu of the data", extents[i].name,
                            (unsigned long long)extents[i].begin);
        }
        if (extents[i].begin > reached) {
            return DCN_FAIL(FORMAT, "bytes %llu to %llu of the data, before tensor '%s', belong to no tensor",
                            (unsigned long long)reached, (unsigned long long)extents[i].begin, extents[i].name);
        }
        reached = extents[i].end;
    }
    if (reached == data_bytes) return DECANT_OK;
    return DCN_FAIL(FORMAT, "%llu bytes follow the last tensor", (unsigned long long)(data_bytes - reached));
}

static decant_status parse_metadata(json_t *json, dcn_safetensors *file)
{
    const char *key;
    json_t *value;
    if (!json_is_object(json)) return DCN_FAIL(FORMAT, "__metadata__ is not a map of texts");
    TRY_RETURN(dcn_arena_take(file->arena, json_object_size(json) * sizeof *file->metadata, (void **)&file->metadata));
    json_object_foreach(json, key, value)
    {
        char *key_copy = NULL, *value_copy = NULL;
        if (!json_is_string(value)) return DCN_FAIL(FORMAT, "__metadata__ '%s' is not a text", key);
        TRY_RETURN(dcn_arena_string(file->arena, key, &key_copy));
        TRY_RETURN(dcn_arena_string(file->arena, json_string_value(value), &value_copy));
        file->metadata[file->n_metadata++] = (dcn_pair){key_copy, value_copy};
    }
    return DECANT_OK;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(((const dcn_named_tensor *)a)->name, ((const dcn_named_tensor *)b)->name);
}

static decant_status parse_header(json_t *header, const uint8_t *data, uint64_t data_bytes, dcn_safetensors *file)
{
    extent *extents = NULL;
    const char *key;
    json_t *value;
    size_t n_entries = json_object_size(header);
    TRY_RETURN(dcn_arena_take(file->arena, n_entries * sizeof *file->tensors, (void **)&file->tensors));
    TRY_RETURN(dcn_arena_take(file->arena, n_entries * sizeof *extents, (void **)&extents));
    json_object_foreach(header, key, value)
    {
        if (strcmp(key, "__metadata__") == 0) {
            TRY_RETURN(parse_metadata(value, file));
            continue;
        }
        TRY_RETURN(parse_tensor(file->arena, key, value, data, data_bytes, &file->tensors[file->n_tensors],
                                &extents[file->n_tensors]));
        file->n_tensors++;
    }
    TRY_RETURN(check_coverage(extents, file->n_tensors, data_bytes));
    qsort(file->tensors, (size_t)file->n_tensors, sizeof *file->tensors, compare_names);
    return DECANT_OK;
}

decant_status dcn_safetensors_parse(const uint8_t *data, size_t bytes, dcn_safetensors **ret_file)
{
    dcn_safetensors *file = NULL;
    json_t *header = NULL;
    json_error_t error;
    uint64_t header_bytes = 0;
    decant_status status;
    if (bytes < sizeof header_bytes) {
        return DCN_FAIL(FORMAT, "%zu bytes are too few for a safetensors file", bytes);
    }
    memcpy(&header_bytes, data, sizeof header_bytes);
    if (header_bytes > MAX_HEADER_BYTES) return DCN_FAIL(FORMAT, "it is no safetensors file");
    if (header_bytes > bytes - sizeof header_bytes) {
        return DCN_FAIL(FORMAT, "not a safetensors file, or cut short: a header of %llu bytes in a file of %zu",
                        (unsigned long long)header_bytes, bytes);
    }

    const uint8_t *text = data + sizeof header_bytes;
    header = json_loadb((const char *)text, (size_t)header_bytes, JSON_REJECT_DUPLICATES, &error);
    if (header == NULL && json_error_code(&error) == json_error_out_of_memory) {
        return DCN_FAIL(NO_MEMORY, "no memory for a header of %llu bytes", (unsigned long long)header_bytes);
    }
    if (!json_is_object(header)) {
        status = DCN_FAIL(FORMAT, "the header is not a JSON map%s%s", header == NULL ? ": " : "",
                          header == NULL ? error.text : "");
        goto out;
    }
    TRY(dcn_new(sizeof *file, (void **)&file));
    TRY(dcn_arena_create(&file->arena));
    TRY(parse_header(header, text + header_bytes, bytes - sizeof header_bytes - header_bytes, file));
    *ret_file = file;
    file = NULL;
out:
    json_decref(header);
    dcn_safetensors_close(file);
    return status;
}

decant_status dcn_safetensors_open(const char *path, dcn_safetensors **ret_file)
{
    dcn_map map = {0};
    dcn_safetensors *file = NULL;
    TRY_RETURN(dcn_map_open(path, &map));
    decant_status status = dcn_safetensors_parse(map.data, map.bytes, &file);
    if (status != DECANT_OK) {
        dcn_place("%s", path);
        dcn_map_close(&map);
        return status;
    }
    file->map = map;
    *ret_file = file;
    return DECANT_OK;
}

void dcn_safetensors_close(dcn_safetensors *file)
{
    if (file == NULL) return;
    dcn_arena_destroy(file->arena);
    if (file->map.data != NULL) dcn_map_close(&file->map);
    dcn_free(file);
}

const decant_tensor *dcn_safetensors_find(const dcn_safetensors *file, const char *name)
{
    dcn_named_tensor wanted = {.name = name};
    const dcn_named_tensor *found = NULL;
    if (file->n_tensors > 0) {
        found = bsearch(&wanted, file->tensors, (size_t)file->n_tensors, sizeof wanted, compare_names);
    }
    return found != NULL ? &found->tensor : NULL;
}

const char *dcn_safetensors_metadata(const dcn_safetensors *file, const char *key)
{
    for (int32_t i = 0; i < file->n_metadata; i++) {
        if (strcmp(file->metadata[i].key, key) == 0) return file->metadata[i].value;
    }
    return NULL;
}
