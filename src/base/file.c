/* Files and folders over POSIX. Every failure says which path and why; nothing half-written is left behind. */
#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "base/memory.h"
#include "base/text.h"

#define FIRST_READ_BYTES (64 * 1024) /* for a pipe or a device, whose size is not known */

static atomic_int_fast64_t write_count;
static atomic_int_fast64_t fail_at; /* the value of write_count at which one write fails; 0 = never */

/* The reason that errno holds, in words; strerror itself is not safe with threads. */
static const char *reason(void)
{
    const char *words = strerrordesc_np(errno);
    return words ? words : "unknown reason";
}

static decant_status path_failure(const char *what, const char *path)
{
    if (errno == ENOENT || errno == ENOTDIR) return DCN_FAIL(NOT_FOUND, "%s: %s: %s", path, what, reason());
    return DCN_FAIL(IO, "%s: %s: %s", path, what, reason());
}

static decant_status open_for_reading(const char *path, int *ret_descriptor, struct stat *ret_about)
{
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) return path_failure("cannot be opened", path);
    struct stat about;
    decant_status status = DECANT_OK;
    if (fstat(descriptor, &about) != 0)
        status = path_failure("cannot be looked at", path);
    else if (S_ISDIR(about.st_mode))
        status = DCN_FAIL(IO, "%s: a file is wanted and this is a folder", path);
    if (status != DECANT_OK) {
        close(descriptor);
        return status;
    }
    *ret_descriptor = descriptor;
    *ret_about = about;
    return DECANT_OK;
}

static decant_status too_large(const char *path, size_t max_bytes)
{
    return DCN_FAIL(FORMAT, "%s: larger than the %zu bytes that are allowed here", path, max_bytes);
}

decant_status dcn_file_read(const char *path, size_t max_bytes, uint8_t **ret_data, size_t *ret_bytes)
{
    int descriptor = -1;
    struct stat about = {0};
    TRY_RETURN(open_for_reading(path, &descriptor, &about));

    uint8_t *data = NULL;
    size_t bytes = 0, capacity = FIRST_READ_BYTES;
    decant_status status = DECANT_OK;
    if (S_ISREG(about.st_mode) && (uintmax_t)about.st_size > max_bytes) {
        status = too_large(path, max_bytes);
        goto out;
    }
    if (S_ISREG(about.st_mode)) capacity = (size_t)about.st_size + 2; /* the NUL, and one to notice that it grew */
    TRY(dcn_new(capacity, (void **)&data));

    for (;;) {
        if (capacity - bytes < 2) {
            TRY(dcn_resize((void **)&data, capacity, 2));
            capacity *= 2;
        }
        ssize_t got = read(descriptor, data + bytes, capacity - bytes - 1);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) {
            status = path_failure("cannot be read", path);
            goto out;
        }
        if (got == 0) break;
        bytes += (size_t)got;
        if (bytes > max_bytes) {
            status = too_large(path, max_bytes);
            goto out;
        }
    }
    data[bytes] = '\0';
    *ret_data = data;
    *ret_bytes = bytes;
    data = NULL;
out:
    dcn_free(data);
    close(descriptor);
    return status;
}

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
            size_t capacity = result->capacity < FIRST_READ_BYTES ? FIRST_READ_BYTES : result->capacity;
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
        if (result->bytes > max_bytes) return too_large(path, max_bytes);
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
    TRY(dcn_file_read(path, max_bytes, &packed, &packed_bytes));
    if (!dcn_begins_like_gzip(packed, packed_bytes)) {
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

decant_status dcn_map_open(const char *path, dcn_map *ret_map)
{
    int descriptor = -1;
    struct stat about = {0};
    TRY_RETURN(open_for_reading(path, &descriptor, &about));

    decant_status status = DECANT_OK;
    if (!S_ISREG(about.st_mode)) {
        status = DCN_FAIL(IO, "%s: only a regular file can be mapped", path);
    } else if (about.st_size == 0) {
        *ret_map = (dcn_map){(const uint8_t *)"", 0}; /* mmap refuses an empty range */
    } else {
        void *data = mmap(NULL, (size_t)about.st_size, PROT_READ, MAP_PRIVATE, descriptor, 0);
        if (data == MAP_FAILED) {
            status = path_failure("cannot be mapped", path);
        } else {
            *ret_map = (dcn_map){data, (size_t)about.st_size};
        }
    }
    close(descriptor);
    return status;
}

void dcn_map_close(dcn_map *map)
{
    if (!map) return;
    if (map->bytes > 0) munmap((void *)(uintptr_t)map->data, map->bytes);
    *map = (dcn_map){NULL, 0};
}

/* write(2) until everything is out, or the reason in errno. */
static bool write_all(int descriptor, const void *bytes, size_t count)
{
    int_fast64_t expected = atomic_fetch_add(&write_count, 1) + 1;
    if (atomic_compare_exchange_strong(&fail_at, &expected, 0)) {
        /* As a disk that fills up does: the first half still fits. */
        ssize_t half = write(descriptor, bytes, count / 2);
        (void)half;
        errno = ENOSPC;
        return false;
    }
    const uint8_t *next = bytes;
    while (count > 0) {
        ssize_t written = write(descriptor, next, count);
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return false;
        next += written;
        count -= (size_t)written;
    }
    return true;
}

struct dcn_writer {
    char *path;
    char *temporary;
    int descriptor; /* -1 once committed, or when it was never opened */
};

static decant_status open_temporary(dcn_writer *writer)
{
    /* The process id and a counter keep the names of concurrent writers apart; one that a killed run left behind with
     * the same id is simply stepped over. */
    static atomic_uint counter;
    int why = 0;
    for (int attempt = 0; attempt < 1000; attempt++) {
        unsigned number = atomic_fetch_add(&counter, 1);
        dcn_text name = {0};
        TRY_RETURN(dcn_text_add(&name, "%s.tmp-%ld-%u", writer->path, (long)getpid(), number));
        TRY_RETURN(dcn_text_take(&name, &writer->temporary));
        writer->descriptor = open(writer->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (writer->descriptor >= 0) return DECANT_OK;
        why = errno;
        dcn_free(writer->temporary);
        writer->temporary = NULL;
        if (why != EEXIST) break;
    }
    errno = why;
    return path_failure("cannot be created", writer->path);
}

decant_status dcn_writer_open(const char *path, dcn_writer **ret_writer)
{
    dcn_writer *writer = NULL;
    decant_status status;
    TRY(dcn_new(sizeof *writer, (void **)&writer));
    writer->descriptor = -1;
    TRY(dcn_copy_string(path, &writer->path));
    TRY(open_temporary(writer));
    *ret_writer = writer;
    writer = NULL;
out:
    dcn_writer_destroy(writer);
    return status;
}

decant_status dcn_writer_write(dcn_writer *writer, const void *bytes, size_t count)
{
    if (writer->descriptor < 0) return DCN_FAIL(INTERNAL, "%s: written to after it was committed", writer->path);
    if (write_all(writer->descriptor, bytes, count)) return DECANT_OK;
    return path_failure("cannot be written", writer->path);
}

/* A rename is durable once the folder that holds the name is. Some file systems cannot sync a folder: not our loss. */
static void sync_folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    char folder[4096] = ".";
    size_t length = slash ? (size_t)(slash - path) : 0;
    if (slash && length < sizeof folder) {
        memcpy(folder, path, length);
        folder[length] = '\0';
        if (length == 0) folder[0] = '/', folder[1] = '\0';
    }
    int descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0) return;
    (void)fsync(descriptor);
    close(descriptor);
}

decant_status dcn_writer_commit(dcn_writer *writer)
{
    if (writer->descriptor < 0) return DCN_FAIL(INTERNAL, "%s: committed twice", writer->path);
    if (fsync(writer->descriptor) != 0) return path_failure("cannot be flushed to disk", writer->path);
    int closed = close(writer->descriptor);
    writer->descriptor = -1;
    if (closed != 0) return path_failure("cannot be closed", writer->path);
    if (rename(writer->temporary, writer->path) != 0) return path_failure("cannot be replaced", writer->path);
    dcn_free(writer->temporary);
    writer->temporary = NULL;
    sync_folder_of(writer->path);
    return DECANT_OK;
}

void dcn_writer_destroy(dcn_writer *writer)
{
    if (!writer) return;
    if (writer->descriptor >= 0) close(writer->descriptor);
    if (writer->temporary) unlink(writer->temporary);
    dcn_free(writer->temporary);
    dcn_free(writer->path);
    dcn_free(writer);
}

decant_status dcn_file_write(const char *path, const void *bytes, size_t count)
{
    dcn_writer *writer = NULL;
    decant_status status;
    TRY(dcn_writer_open(path, &writer));
    TRY(dcn_writer_write(writer, bytes, count));
    TRY(dcn_writer_commit(writer));
out:
    dcn_writer_destroy(writer);
    return status;
}

decant_status dcn_file_append_line(const char *path, const char *line)
{
    dcn_text text = {0};
    int descriptor = -1;
    struct stat about;
    decant_status status;
    TRY(dcn_text_add(&text, "%s\n", line));
    descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (descriptor < 0 || fstat(descriptor, &about) != 0) {
        status = path_failure("cannot be opened for writing", path);
        goto out;
    }
    if (!write_all(descriptor, text.data, text.length)) {
        status = path_failure("cannot be written", path);
        int undone =
            ftruncate(descriptor, about.st_size); /* no half line; if even that fails, the first reason stands */
        (void)undone;
    }
out:
    if (descriptor >= 0) close(descriptor);
    dcn_text_finish(&text);
    return status;
}

bool dcn_file_exists(const char *path)
{
    struct stat about;
    return stat(path, &about) == 0;
}

bool dcn_directory_exists(const char *path)
{
    struct stat about;
    return stat(path, &about) == 0 && S_ISDIR(about.st_mode);
}

decant_status dcn_file_remove(const char *path)
{
    if (unlink(path) == 0 || errno == ENOENT) return DECANT_OK;
    return path_failure("cannot be removed", path);
}

static decant_status make_one_directory(const char *path)
{
    struct stat about;
    if (mkdir(path, 0777) == 0) return DECANT_OK;
    int why = errno;
    if (stat(path, &about) == 0) {
        if (S_ISDIR(about.st_mode)) return DECANT_OK;
        return DCN_FAIL(IO, "%s: a folder is wanted and this is a file", path);
    }
    errno = why;
    return path_failure("the folder cannot be made", path);
}

decant_status dcn_directory_make(const char *path)
{
    char *partial = NULL;
    decant_status status;
    TRY(dcn_copy_string(path, &partial));
    for (char *slash = strchr(partial + (partial[0] == '/'), '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        TRY(make_one_directory(partial));
        *slash = '/';
    }
    TRY(make_one_directory(path));
out:
    dcn_free(partial);
    return status;
}

decant_status dcn_directory_lock(const char *path, int *ret_lock)
{
    TRY_RETURN(dcn_directory_make(path));
    int lock = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (lock < 0) return path_failure("cannot be opened", path);
    if (flock(lock, LOCK_EX | LOCK_NB) != 0) {
        decant_status status;
        if (errno == EWOULDBLOCK)
            status = DCN_FAIL(STALE, "%s is in use by another process; wait for it or stop it", path);
        else
            status = path_failure("cannot be locked", path);
        close(lock);
        return status;
    }
    *ret_lock = lock;
    return DECANT_OK;
}

void dcn_directory_unlock(int lock)
{
    if (lock >= 0) close(lock);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

decant_status dcn_directory_list(const char *path, char ***ret_names, int32_t *ret_count)
{
    char **names = NULL;
    int32_t count = 0, capacity = 0;
    decant_status status;
    DIR *folder = opendir(path);
    if (!folder) return path_failure("cannot be listed", path);

    TRY(dcn_grow((void **)&names, count, &capacity, sizeof *names)); /* never NULL, even for an empty folder */
    for (;;) {
        errno = 0;
        const struct dirent *entry = readdir(folder);
        if (!entry && errno != 0) {
            status = path_failure("cannot be listed", path);
            goto out;
        }
        if (!entry) break;
        if (entry->d_name[0] == '.') continue;
        TRY(dcn_grow((void **)&names, count, &capacity, sizeof *names));
        TRY(dcn_copy_string(entry->d_name, &names[count]));
        count++;
    }
    qsort(names, (size_t)count, sizeof *names, by_name);
    *ret_names = names;
    *ret_count = count;
    names = NULL;
out:
    dcn_names_free(names, count);
    closedir(folder);
    return status;
}

decant_status dcn_directory_list_folders(const char *path, char ***ret_names, int32_t *ret_count)
{
    char **names = NULL;
    int32_t count = 0, kept = 0;
    TRY_RETURN(dcn_directory_list(path, &names, &count));
    decant_status status = DECANT_OK;
    for (int32_t i = 0; i < count; i++) {
        char *inner = NULL;
        TRY(dcn_path_join(path, names[i], &inner));
        bool is_folder = dcn_directory_exists(inner);
        dcn_free(inner);
        if (!is_folder) continue;
        char *swapped = names[kept];
        names[kept++] = names[i];
        names[i] = swapped;
    }
    for (int32_t i = kept; i < count; i++)
        dcn_free(names[i]);
    *ret_names = names;
    *ret_count = kept;
    return DECANT_OK;
out:
    dcn_names_free(names, count);
    return status;
}

void dcn_names_free(char **names, int32_t count)
{
    if (!names) return;
    for (int32_t i = 0; i < count; i++)
        dcn_free(names[i]);
    dcn_free(names);
}

decant_status dcn_path_join(const char *folder, const char *name, char **ret_path)
{
    size_t length = strlen(folder);
    const char *between = length == 0 || folder[length - 1] == '/' ? "" : "/";
    dcn_text path = {0};
    decant_status status = dcn_text_add(&path, "%s%s%s", folder, between, name);
    if (status == DECANT_OK) status = dcn_text_take(&path, ret_path);
    dcn_text_finish(&path);
    return status;
}

void dcn_file_fail_nth_write(int64_t nth)
{
    atomic_store(&fail_at, nth > 0 ? atomic_load(&write_count) + nth : 0);
}

decant_status dcn_cache_folder(const char *name, char **ret_path)
{
    const char *wish = getenv("DECANT_CACHE"), *base = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    dcn_text path = {0};
    decant_status status = DECANT_OK;
    if (wish != NULL && strcmp(wish, "off") == 0) return DECANT_OK;
    if (base != NULL && base[0] == '/')
        TRY(dcn_text_add(&path, "%s/decant", base));
    else if (home != NULL && home[0] == '/')
        TRY(dcn_text_add(&path, "%s/.cache/decant", home));
    else
        return DECANT_OK;
    if (name[0] != '\0') TRY(dcn_text_add(&path, "/%s", name));
    TRY(dcn_text_take(&path, ret_path));
out:
    dcn_text_finish(&path);
    return status;
}
