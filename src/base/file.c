/* Files over POSIX. Every failure says which path and why; nothing half-written is left behind. */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

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

decant_status dcn_path_failure(const char *what, const char *path)
{
    if (errno == ENOENT || errno == ENOTDIR) return DCN_FAIL(NOT_FOUND, "%s: %s: %s", path, what, reason());
    return DCN_FAIL(IO, "%s: %s: %s", path, what, reason());
}

static decant_status open_for_reading(const char *path, int *ret_descriptor, struct stat *ret_about)
{
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) return dcn_path_failure("cannot be opened", path);
    struct stat about;
    decant_status status = DECANT_OK;
    if (fstat(descriptor, &about) != 0)
        status = dcn_path_failure("cannot be looked at", path);
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

decant_status dcn_file_too_large(const char *path, size_t max_bytes)
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
        status = dcn_file_too_large(path, max_bytes);
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
            status = dcn_path_failure("cannot be read", path);
            goto out;
        }
        if (got == 0) break;
        bytes += (size_t)got;
        if (bytes > max_bytes) {
            status = dcn_file_too_large(path, max_bytes);
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
            status = dcn_path_failure("cannot be mapped", path);
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
        TRY_RETURN(dcn_text_add(&name, "%s" DCN_UNFINISHED_MARK "%ld-%u", writer->path, (long)getpid(), number));
        TRY_RETURN(dcn_text_take(&name, &writer->temporary));
        writer->descriptor = open(writer->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (writer->descriptor >= 0) return DECANT_OK;
        why = errno;
        dcn_free(writer->temporary);
        writer->temporary = NULL;
        if (why != EEXIST) break;
    }
    errno = why;
    return dcn_path_failure("cannot be created", writer->path);
}

/* What a link leads to that no file is at yet: its words, from its folder on. */
static decant_status follow_link(const char *path, char **ret_path)
{
    char words[4096];
    const ssize_t length = readlink(path, words, sizeof words - 1);
    const char *slash = strrchr(path, '/');
    dcn_text target = {0};
    if (length <= 0) return dcn_path_failure("is a link that cannot be read", path);
    words[length] = '\0';
    decant_status status = DECANT_OK;
    if (words[0] != '/' && slash != NULL) TRY(dcn_text_add_bytes(&target, path, (size_t)(slash - path) + 1));
    TRY(dcn_text_add(&target, "%s", words));
    TRY(dcn_text_take(&target, ret_path));
out:
    dcn_text_finish(&target);
    return status;
}

/* What is replaced: the file that a link leads to, and nothing but a file. */
static decant_status find_target(const char *path, char **ret_path)
{
    struct stat about;
    if (stat(path, &about) == 0 && !S_ISREG(about.st_mode) && !S_ISDIR(about.st_mode))
        return DCN_FAIL(USAGE, "%s is a device or a pipe, which a file would take the place of; name a file", path);
    if (lstat(path, &about) != 0 || !S_ISLNK(about.st_mode)) return dcn_copy_string(path, ret_path);
    char *target = realpath(path, NULL);
    if (target == NULL) return follow_link(path, ret_path);
    decant_status status = dcn_copy_string(target, ret_path);
    free(target); /* realpath's */
    return status;
}

decant_status dcn_writer_open(const char *path, dcn_writer **ret_writer)
{
    dcn_writer *writer = NULL;
    decant_status status;
    TRY(dcn_new(sizeof *writer, (void **)&writer));
    writer->descriptor = -1;
    TRY(find_target(path, &writer->path));
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
    return dcn_path_failure("cannot be written", writer->path);
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
    if (fsync(writer->descriptor) != 0) return dcn_path_failure("cannot be flushed to disk", writer->path);
    int closed = close(writer->descriptor);
    writer->descriptor = -1;
    if (closed != 0) return dcn_path_failure("cannot be closed", writer->path);
    if (rename(writer->temporary, writer->path) != 0) return dcn_path_failure("cannot be replaced", writer->path);
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
        status = dcn_path_failure("cannot be opened for writing", path);
        goto out;
    }
    if (!write_all(descriptor, text.data, text.length) || fdatasync(descriptor) != 0) {
        status = dcn_path_failure("cannot be written", path);
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

decant_status dcn_file_remove(const char *path)
{
    if (unlink(path) == 0 || errno == ENOENT) return DECANT_OK;
    return dcn_path_failure("cannot be removed", path);
}

void dcn_file_fail_nth_write(int64_t nth)
{
    atomic_store(&fail_at, nth > 0 ? atomic_load(&write_count) + nth : 0);
}
