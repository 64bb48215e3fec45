/* Files: whole reads with a bound, read-only maps, and writes that appear whole or not at all. */
#ifndef DCN_BASE_FILE_H
#define DCN_BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

/* Reads the whole file (at most max_bytes, else FORMAT); ret_data has one extra NUL behind it and is freed with
 * dcn_free. */
decant_status dcn_file_read(const char *path, size_t max_bytes, uint8_t **ret_data, size_t *ret_bytes);

typedef struct dcn_map {
    const uint8_t *data;
    size_t bytes;
} dcn_map;
decant_status dcn_map_open(const char *path, dcn_map *ret_map);
void dcn_map_close(dcn_map *map);

/* A file that is written beside its final name, fsynced and renamed on commit. Destroying the writer without
 * a commit removes it; what a killed process leaves has this mark behind the final name. */
#define DCN_UNFINISHED_MARK ".tmp-"
typedef struct dcn_writer dcn_writer;
decant_status dcn_writer_open(const char *path, dcn_writer **ret_writer);
decant_status dcn_writer_write(dcn_writer *writer, const void *bytes, size_t count);
decant_status dcn_writer_commit(dcn_writer *writer); /* the writer is still to be destroyed */
void dcn_writer_destroy(dcn_writer *writer);
/* One call for small files. */
decant_status dcn_file_write(const char *path, const void *bytes, size_t count);
/* Appends one whole line (a '\n' is added) and flushes it. */
decant_status dcn_file_append_line(const char *path, const char *line);

bool dcn_file_exists(const char *path);
decant_status dcn_file_remove(const char *path); /* OK when it did not exist */
/* Failures for those who open paths themselves: NOT_FOUND or IO with the reason that errno holds; FORMAT. */
decant_status dcn_path_failure(const char *what, const char *path);
decant_status dcn_file_too_large(const char *path, size_t max_bytes);

/* Tests only: the nth write from now fails as a full disk would (ENOSPC), once; 0 turns it off. */
void dcn_file_fail_nth_write(int64_t nth);

#endif
