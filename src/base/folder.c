/* Folders over POSIX, and where what can be made again is kept. */
#include "base/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"

bool dcn_directory_exists(const char *path)
{
    struct stat about;
    return stat(path, &about) == 0 && S_ISDIR(about.st_mode);
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
    return dcn_path_failure("the folder cannot be made", path);
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
    if (lock < 0) return dcn_path_failure("cannot be opened", path);
    if (flock(lock, LOCK_EX | LOCK_NB) != 0) {
        decant_status status;
        if (errno == EWOULDBLOCK)
            status = DCN_FAIL(STALE, "%s is in use by another process; wait for it or stop it", path);
        else
            status = dcn_path_failure("cannot be locked", path);
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
    if (!folder) return dcn_path_failure("cannot be listed", path);

    TRY(dcn_grow((void **)&names, count, &capacity, sizeof *names)); /* never NULL, even for an empty folder */
    for (;;) {
        errno = 0;
        const struct dirent *entry = readdir(folder);
        if (!entry && errno != 0) {
            status = dcn_path_failure("cannot be listed", path);
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

decant_status dcn_path_tidy(const char *path, char **ret_path)
{
    char *tidy = NULL;
    size_t length = 0;
    TRY_RETURN(dcn_copy_string(path, &tidy));
    for (const char *c = path; *c != '\0'; c++)
        if (*c != '/' || length == 0 || tidy[length - 1] != '/') tidy[length++] = *c;
    if (length > 1 && tidy[length - 1] == '/') length--;
    tidy[length] = '\0';
    *ret_path = tidy;
    return DECANT_OK;
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
