/* Data files, and the cache that spares unpacking the same gzip file at every start. A cache file is a 64-byte header
 * and the unpacked bytes; anything odd about it only means that it is made again. */
#include "data/contents.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/folder.h"
#include "base/gzip.h"
#include "base/hash.h"
#include "base/memory.h"
#include "base/text.h"

#define MAX_FILE_BYTES   ((size_t)4 << 30)
#define MIN_CACHED_BYTES ((size_t)1 << 20) /* packed; smaller ones unpack in no time */

typedef struct cache_header {
    char magic[8];
    uint64_t source_bytes;
    int64_t source_seconds, source_nanoseconds; /* its modification time */
    uint64_t bytes;                             /* behind this header */
    uint64_t hash_low, hash_high;               /* of those bytes */
    uint64_t check;                             /* hash of everything above */
} cache_header;
_Static_assert(sizeof(cache_header) == 64, "contents stand a cache line into the file");

static const char cache_magic[8] = "decantU1";

static cache_header make_header(const struct stat *source, const uint8_t *data, size_t bytes)
{
    dcn_hash hash = dcn_hash_bytes(data, bytes);
    cache_header header = {.source_bytes = (uint64_t)source->st_size,
                           .source_seconds = source->st_mtim.tv_sec,
                           .source_nanoseconds = source->st_mtim.tv_nsec,
                           .bytes = bytes,
                           .hash_low = hash.low,
                           .hash_high = hash.high};
    memcpy(header.magic, cache_magic, sizeof header.magic);
    header.check = dcn_hash_bytes(&header, offsetof(cache_header, check)).low;
    return header;
}

/* Named for the source's absolute path, so that two files of the same name do not meet. NULL: no cache. */
static decant_status cache_path(const char *source, char **ret_path)
{
    char *folder = NULL, *absolute = NULL;
    dcn_text name = {0};
    char hex[DCN_HASH_HEX];
    decant_status status = dcn_cache_folder("", &folder);
    if (status != DECANT_OK || folder == NULL) goto out;
    absolute = realpath(source, NULL);
    if (absolute == NULL) goto out;
    dcn_hash_hex(dcn_hash_bytes(absolute, strlen(absolute)), hex);
    const char *slash = strrchr(absolute, '/');
    TRY(dcn_text_add(&name, "%s-%s.bin", slash != NULL ? slash + 1 : absolute, hex));
    TRY(dcn_path_join(folder, name.data, ret_path));
out:
    free(absolute); /* realpath's */
    dcn_text_finish(&name);
    dcn_free(folder);
    return status;
}

static bool map_cached(const char *path, const struct stat *source, dcn_contents *ret_contents)
{
    dcn_map map = {0};
    if (dcn_map_open(path, &map) != DECANT_OK) return false;
    if (map.bytes >= sizeof(cache_header)) {
        const uint8_t *data = map.data + sizeof(cache_header);
        cache_header expected = make_header(source, data, map.bytes - sizeof(cache_header));
        if (memcmp(map.data, &expected, sizeof expected) == 0) {
            *ret_contents = (dcn_contents){.data = data, .bytes = (size_t)expected.bytes, .map = map};
            return true;
        }
    }
    dcn_map_close(&map);
    return false;
}

static decant_status write_cache(const char *path, const struct stat *source, const dcn_contents *contents)
{
    dcn_writer *writer = NULL;
    char *folder = NULL;
    cache_header header = make_header(source, contents->data, contents->bytes);
    decant_status status = dcn_cache_folder("", &folder);
    if (status != DECANT_OK) goto out;
    TRY(dcn_directory_make(folder));
    TRY(dcn_writer_open(path, &writer));
    TRY(dcn_writer_write(writer, &header, sizeof header));
    TRY(dcn_writer_write(writer, contents->data, contents->bytes));
    TRY(dcn_writer_commit(writer));
out:
    dcn_writer_destroy(writer);
    dcn_free(folder);
    return status;
}

static decant_status open_packed(const char *path, const struct stat *source, dcn_contents *ret_contents)
{
    char *cached = NULL;
    dcn_contents contents = {0};
    decant_status status = DECANT_OK;
    if ((size_t)source->st_size >= MIN_CACHED_BYTES) TRY(cache_path(path, &cached));
    if (cached != NULL && map_cached(cached, source, ret_contents)) goto out;

    TRY(dcn_file_read_gzip(path, MAX_FILE_BYTES, &contents.heap, &contents.bytes));
    contents.data = contents.heap;
    /* A cache that cannot be written costs time at the next start and nothing else. */
    if (cached != NULL) (void)write_cache(cached, source, &contents);
    *ret_contents = contents;
out:
    dcn_free(cached);
    return status;
}

/* Whether the file begins as gzip does, and what the system knows about it. */
static decant_status look_at(const char *path, bool *ret_packed, struct stat *ret_about)
{
    dcn_map map = {0};
    TRY_RETURN(dcn_map_open(path, &map));
    *ret_packed = dcn_begins_like_gzip(map.data, map.bytes);
    dcn_map_close(&map);
    if (stat(path, ret_about) == 0) return DECANT_OK;
    return DCN_FAIL(IO, "%s: vanished while it was read", path);
}

static decant_status open_contents(const char *path, bool maps, dcn_contents *ret_contents)
{
    bool packed = false;
    struct stat about = {0};
    TRY_RETURN(look_at(path, &packed, &about));
    if (packed) return open_packed(path, &about, ret_contents);

    dcn_contents contents = {0};
    if (maps) {
        TRY_RETURN(dcn_map_open(path, &contents.map));
        contents.data = contents.map.data;
        contents.bytes = contents.map.bytes;
    } else {
        TRY_RETURN(dcn_file_read(path, MAX_FILE_BYTES, &contents.heap, &contents.bytes));
        contents.data = contents.heap;
    }
    *ret_contents = contents;
    return DECANT_OK;
}

decant_status dcn_contents_open(const char *path, dcn_contents *ret_contents)
{
    return open_contents(path, false, ret_contents);
}

decant_status dcn_contents_map(const char *path, dcn_contents *ret_contents)
{
    return open_contents(path, true, ret_contents);
}

void dcn_contents_close(dcn_contents *contents)
{
    if (contents->map.data != NULL) dcn_map_close(&contents->map);
    dcn_free(contents->heap);
    *contents = (dcn_contents){0};
}
