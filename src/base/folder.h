/* Folders, the names in them, and paths. */
#ifndef DCN_BASE_FOLDER_H
#define DCN_BASE_FOLDER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"

bool dcn_directory_exists(const char *path);
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
/* "a/b" of "a//b/", as shells complete and scripts join; freed with dcn_free. */
decant_status dcn_path_tidy(const char *path, char **ret_path);

/* Where decant keeps what it could make again: the folder `name` in ${XDG_CACHE_HOME:-~/.cache}/decant ("" for that
 * itself), which need not exist yet. *ret_path is left alone where there is to be no cache: DECANT_CACHE=off, or no
 * home. Freed with dcn_free. */
decant_status dcn_cache_folder(const char *name, char **ret_path);

#endif
