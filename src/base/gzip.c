/* Whole files through zlib. */
#include "base/gzip.h"

#include <zlib.h>

#include "base/file.h"
#include "base/memory.h"

#define LEAST_CAPACITY (64 * 1024)
#define PACKING_BYTES  ((size_t)64 * 1024) /* that packing may add: a header, a name, stored blocks */

static voidpf take_for_zlib(voidpf unused, uInt count, uInt item_bytes)
{
    (void)unused;
    void *memory = NULL;
    return dcn_new_array(count, item_bytes, &memory) == DECANT_OK ? memory : Z_NULL;
}

static void give_back_from_zlib(voidpf unused, voidpf memory)
{
    (void)unused;
    dcn_free(memory);
}

bool dcn_begins_like_gzip(const uint8_t *data, size_t bytes)
{
    return bytes >= 2 && data[0] == 0x1f && data[1] == 0x8b;
}

/* How much room to begin with: the length that the file claims in its last four bytes, but never more than so much
 * compressed data could hold. */
static size_t likely_size(const uint8_t *packed, size_t packed_bytes, size_t max_bytes)
{
    size_t claimed = 0;
    if (packed_bytes >= 18) {
        const uint8_t *tail = packed + packed_bytes - 4;
        claimed = (size_t)tail[0] | (size_t)tail[1] << 8 | (size_t)tail[2] << 16 | (size_t)tail[3] << 24;
    }
    size_t possible =
        packed_bytes > max_bytes / DCN_DEFLATE_BEST_RATIO ? max_bytes : packed_bytes * DCN_DEFLATE_BEST_RATIO;
    return claimed < possible ? claimed : possible;
}

static uInt at_most_uint(size_t bytes)
{
    return bytes < UINT32_MAX ? (uInt)bytes : UINT32_MAX;
}

typedef struct unpacked {
    uint8_t *data;
    size_t bytes, capacity; /* one byte of the capacity is kept for a NUL */
} unpacked;

/* Inflates into *result until this gzip member ends; stream->next_in then stands behind it. */
static decant_status inflate_member(const char *path, z_stream *stream, const uint8_t *packed_end, size_t max_bytes,
                                    unpacked *result)
{
    for (;;) {
        if (result->capacity - result->bytes < 2) {
            size_t capacity = result->capacity < LEAST_CAPACITY ? LEAST_CAPACITY : result->capacity;
            TRY_RETURN(dcn_resize((void **)&result->data, capacity, 2));
            result->capacity = capacity * 2;
        }
        uInt room = at_most_uint(result->capacity - result->bytes - 1);
        stream->next_out = result->data + result->bytes;
        stream->avail_out = room;
        stream->avail_in = at_most_uint((size_t)(packed_end - stream->next_in));
        int code = inflate(stream, Z_NO_FLUSH);
        uInt made = room - stream->avail_out;
        result->bytes += made;
        if (result->bytes > max_bytes) return dcn_file_too_large(path, max_bytes);
        if (code == Z_STREAM_END) return DECANT_OK;
        if (code == Z_MEM_ERROR) return DECANT_NO_MEMORY; /* take_for_zlib wrote the record */
        if (code != Z_OK && code != Z_BUF_ERROR)
            return DCN_FAIL(FORMAT, "%s: damaged gzip data: %s", path, stream->msg ? stream->msg : "unknown reason");
        if (made == 0 && stream->next_in == packed_end)
            return DCN_FAIL(FORMAT, "%s: the gzip data ends in the middle; the file was cut short", path);
    }
}

static decant_status inflate_all(const char *path, const uint8_t *packed, size_t packed_bytes, size_t max_bytes,
                                 unpacked *result)
{
    z_stream stream = {.zalloc = take_for_zlib, .zfree = give_back_from_zlib, .next_in = (Bytef *)(uintptr_t)packed};
    const uint8_t *end = packed + packed_bytes;
    if (inflateInit2(&stream, 16 + MAX_WBITS) != Z_OK) return DECANT_NO_MEMORY; /* take_for_zlib wrote the record */

    decant_status status;
    for (;;) {
        TRY(inflate_member(path, &stream, end, max_bytes, result));
        if (stream.next_in == end) break;
        if (!dcn_begins_like_gzip(stream.next_in, (size_t)(end - stream.next_in))) {
            status = DCN_FAIL(FORMAT, "%s: something else follows the gzip data", path);
            goto out;
        }
        inflateReset(&stream);
    }
out:
    inflateEnd(&stream);
    return status;
}

decant_status dcn_file_read_gzip(const char *path, size_t max_bytes, uint8_t **ret_data, size_t *ret_bytes)
{
    uint8_t *packed = NULL;
    size_t packed_bytes = 0;
    unpacked result = {NULL, 0, 0};
    decant_status status;
    TRY(dcn_file_read(path, max_bytes + max_bytes / 1024 + PACKING_BYTES, &packed, &packed_bytes));
    if (!dcn_begins_like_gzip(packed, packed_bytes)) {
        if (packed_bytes > max_bytes) {
            status = dcn_file_too_large(path, max_bytes);
            goto out;
        }
        *ret_data = packed;
        *ret_bytes = packed_bytes;
        return DECANT_OK;
    }
    size_t capacity = likely_size(packed, packed_bytes, max_bytes) + 2;
    TRY(dcn_new(capacity, (void **)&result.data));
    result.capacity = capacity;
    TRY(inflate_all(path, packed, packed_bytes, max_bytes, &result));
    result.data[result.bytes] = '\0';
    *ret_data = result.data;
    *ret_bytes = result.bytes;
    result.data = NULL;
out:
    dcn_free(packed);
    dcn_free(result.data);
    return status;
}
