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
/* The same through zlib when the file begins with the gzip magic, plain otherwise. */
decant_status dcn_file_read_gzip(const char *path, size_t max_bytes, uint8_t **ret_data, size_t *ret_bytes);
bool dcn_begins_like_gzip(const uint8_t *data, size_t bytes);
#define DCN_DEFLATE_BEST_RATIO 1032 /* no deflate stream grows by more: zlib's technical notes */

typedef struct dcn_map {
    const uint8_t *data;
    size_t bytes;
} dcn_map;
decant_status dcn_map_open(const char *path, dcn_map *ret_map);
void dcn_map_close(dcn_map *map);

/* A file that is written beside its final name, fsynced and renamed on commit. Destroying the writer without
 * a commit removes it. */
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
bool dcn_directory_exists(const char *path);
decant_status dcn_file_remove(const char *path);    /* OK when it did not exist */
decant_status dcn_directory_make(const char *path); /* with parents, like mkdir -p */
/* Makes the folder if need be and holds it for this process alone, until unlocked or the process ends. STALE when
 * another process holds it. unlock takes -1 for a lock that was never had. */
decant_status dcn_directory_lock(const char *path, int *ret_lock);
void dcn_directory_unlock(int lock);
/* Names in a directory (no "." entries), sorted; free each and the array with dcn_names_free. */
decant_status dcn_directory_list(const char *path, char ***ret_names, int32_t *ret_count);
/* The same of the directories in it. */
decant_status dcn_directory_list_folders(const char *path, char ***ret_names, int32_t *ret_count);
void dcn_names_free(char **names, int32_t count);
/* "a/b" joined; freed with dcn_free. */
decant_status dcn_path_join(const char *folder, const char *name, char **ret_path);

/* Where decant keeps what it could make again: the folder `name` in ${XDG_CACHE_HOME:-~/.cache}/decant ("" for that
 * itself), which need not exist yet. *ret_path is left alone where there is to be no cache: DECANT_CACHE=off, or no
 * home. Freed with dcn_free. */
decant_status dcn_cache_folder(const char *name, char **ret_path);

/* Tests only: the nth write from now fails as a full disk would (ENOSPC), once; 0 turns it off. */
void dcn_file_fail_nth_write(int64_t nth);

#endif
