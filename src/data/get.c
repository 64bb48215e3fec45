/* Fetching published data sets: mirror after mirror, until what has come is what was published. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/folder.h"
#include "base/gzip.h"
#include "base/memory.h"
#include "base/sha256.h"
#include "base/text.h"
#include "data/fetch.h"
#include "data/published.h"
#include "data/tar.h"

#define MAX_TRIES     16            /* of one mirror, as long as each brings something */
#define PACKING_BYTES (1024 * 1024) /* what packing may add to contents that cannot be packed */

/* Something to fetch. */
typedef struct wanted {
    const char *name;
    int64_t max_bytes;
    const char *sha256;
    bool unpacked; /* the checksum is of the unpacked contents, not of the file */
} wanted;

typedef struct getting {
    const dcn_published *set;
    const char *folder;
    const decant_get_options *options;
    const char *name; /* of the file in hand */
    dcn_text reasons; /* why mirrors failed */
} getting;

/* --- whether a file is right --- */

static decant_status check_file(const char *path, const wanted *file)
{
    uint8_t *data = NULL;
    size_t bytes = 0;
    char hex[DCN_SHA256_HEX];
    const size_t limit = (size_t)file->max_bytes;
    TRY_RETURN(file->unpacked ? dcn_file_read_gzip(path, limit, &data, &bytes)
                              : dcn_file_read(path, limit, &data, &bytes));
    decant_status status = dcn_sha256_hex(data, bytes, hex);
    dcn_free(data);
    if (status != DECANT_OK) return status;
    if (strcmp(hex, file->sha256) == 0) return DECANT_OK;
    return DCN_FAIL(FORMAT, "not the published bytes (SHA-256 %.12s..., wanted %.12s...)", hex, file->sha256);
}

static decant_status path_of(const getting *all, const char *name, const char *ending, char **ret_path)
{
    dcn_text path = {0};
    decant_status status = dcn_text_add(&path, "%s/%s%s", all->folder, name, ending);
    if (status == DECANT_OK) status = dcn_text_take(&path, ret_path);
    dcn_text_finish(&path);
    return status;
}

/* Whether the file was unpacked by hand. That is the one to be read then, so it must be sound. */
static decant_status is_unpacked(const char *packed, const wanted *file, bool *ret_there)
{
    const size_t length = strlen(packed);
    char *path = NULL;
    *ret_there = false;
    if (!file->unpacked || length < 3 || strcmp(packed + length - 3, ".gz") != 0) return DECANT_OK;
    TRY_RETURN(dcn_copy_string(packed, &path));
    path[length - 3] = '\0';
    *ret_there = dcn_file_exists(path);
    decant_status status = *ret_there ? check_file(path, file) : DECANT_OK;
    if (status == DECANT_FORMAT)
        status = DCN_FAIL(FORMAT, "%s is damaged and would be read instead of what is fetched: remove it", path);
    dcn_free(path);
    return status;
}

/* Whether a sound file of that name is there. */
static decant_status is_there(const getting *all, const wanted *file, bool *ret_there)
{
    char *path = NULL;
    bool there = false;
    decant_status status = path_of(all, file->name, "", &path);
    if (status != DECANT_OK) goto out;
    TRY(is_unpacked(path, file, &there));
    if (!there && dcn_file_exists(path)) {
        status = check_file(path, file);
        there = status == DECANT_OK;
        if (status != DECANT_NO_MEMORY) status = DECANT_OK; /* what is damaged is fetched again */
    }
    *ret_there = there;
out:
    dcn_free(path);
    return status;
}

/* --- one file --- */

static bool tell(void *context, int64_t done, int64_t total)
{
    const getting *all = context;
    const decant_get_options *options = all->options;
    return options->progress == NULL || options->progress(options->context, all->name, done, total);
}

static int64_t size_of(const char *path)
{
    struct stat about;
    return stat(path, &about) == 0 ? (int64_t)about.st_size : 0;
}

/* Failures that another mirror cannot mend. */
static bool is_final(decant_status status)
{
    return status == DECANT_INTERRUPTED || status == DECANT_NO_MEMORY || status == DECANT_UNSUPPORTED;
}

/* From one mirror, going on after stops as long as something comes. */
static decant_status fetch(getting *all, const char *mirror, const wanted *file, const char *part)
{
    dcn_text url = {0};
    decant_status status =
        dcn_text_add(&url, "%s%s%s", mirror, mirror[strlen(mirror) - 1] == '/' ? "" : "/", file->name);
    const dcn_fetch fetch = {.url = url.data,
                             .path = part,
                             .max_bytes = file->max_bytes + (file->unpacked ? PACKING_BYTES : 0),
                             .progress = tell,
                             .context = all};
    if (status != DECANT_OK) goto out;
    for (int try = 0; try < MAX_TRIES; try++) {
        int64_t before = size_of(part);
        status = dcn_fetch_file(&fetch);
        if (status != DECANT_IO || size_of(part) <= before) break;
    }
out:
    dcn_text_finish(&url);
    return status;
}

/* What has come is wrong: begun by another mirror, which may pack differently, it deserves one more try. */
static decant_status fetch_and_check(getting *all, const char *mirror, const wanted *file, const char *part)
{
    bool continued = size_of(part) > 0;
    TRY_RETURN(fetch(all, mirror, file, part));
    decant_status status = check_file(part, file);
    if (status != DECANT_FORMAT) return status;
    TRY_RETURN(dcn_file_remove(part));
    if (continued) {
        TRY_RETURN(fetch(all, mirror, file, part));
        status = check_file(part, file);
        if (status == DECANT_FORMAT) TRY_RETURN(dcn_file_remove(part));
    }
    if (status != DECANT_FORMAT) return status;
    return DCN_FAIL(FORMAT, "%s: what it serves as %s is not what was published", mirror, file->name);
}

static decant_status fail_all(const getting *all, const wanted *file)
{
    return DCN_FAIL(IO,
                    "no mirror gave %s of %s: %s. --mirror URL names another; `decant data get` goes on from what "
                    "has come",
                    file->name, all->set->name, all->reasons.data);
}

/* Under FILE.part, sound. */
static decant_status get_part(getting *all, const wanted *file, const char *part)
{
    const char *const given[] = {all->options->mirror, NULL};
    const char *const *mirrors = all->options->mirror != NULL ? given : all->set->mirrors;
    if (size_of(part) > 0 && check_file(part, file) == DECANT_OK) return DECANT_OK; /* stopped before it got its name */
    dcn_text_finish(&all->reasons);
    for (; *mirrors != NULL; mirrors++) {
        decant_status status = fetch_and_check(all, *mirrors, file, part);
        if (status == DECANT_OK || is_final(status)) return status;
        TRY_RETURN(dcn_text_add(&all->reasons, "%s%s", all->reasons.length > 0 ? "; " : "", decant_error_message()));
    }
    return fail_all(all, file);
}

static decant_status give_name(const char *part, const char *path)
{
    return rename(part, path) == 0 ? DECANT_OK : dcn_path_failure("cannot be replaced", path);
}

static decant_status get_file(getting *all, const dcn_published_file *published)
{
    const wanted file = {published->name, published->bytes, published->sha256, true};
    char *part = NULL, *path = NULL;
    bool there = false;
    all->name = file.name;
    decant_status status = is_there(all, &file, &there);
    if (status != DECANT_OK || there) return status;
    TRY(path_of(all, file.name, ".part", &part));
    TRY(path_of(all, file.name, "", &path));
    TRY(get_part(all, &file, part));
    TRY(give_name(part, path));
out:
    dcn_free(part);
    dcn_free(path);
    return status;
}

/* --- an archive --- */

static decant_status has_all(const getting *all, bool *ret_has)
{
    bool has = true;
    for (int32_t i = 0; i < all->set->n_files && has; i++) {
        const dcn_published_file *published = &all->set->files[i];
        const wanted file = {published->name, published->bytes, published->sha256, true};
        TRY_RETURN(is_there(all, &file, &has));
    }
    *ret_has = has;
    return DECANT_OK;
}

/* One file out of the archive, under our name for it. */
static decant_status unpack_file(const getting *all, const uint8_t *archive, size_t bytes,
                                 const dcn_published_file *file)
{
    char member[256], hex[DCN_SHA256_HEX], *path = NULL;
    const uint8_t *data = NULL;
    size_t file_bytes = 0;
    TRY_RETURN(dcn_format(member, sizeof member, "%s/%s", all->set->archive_folder, file->name));
    TRY_RETURN(dcn_tar_find(archive, bytes, member, &data, &file_bytes));
    TRY_RETURN(dcn_sha256_hex(data, file_bytes, hex));
    if (strcmp(hex, file->sha256) != 0)
        return DCN_FAIL(FORMAT, "%s in the archive is not the published file", file->name);
    TRY_RETURN(path_of(all, file->name, "", &path));
    decant_status status = dcn_file_write(path, data, file_bytes);
    dcn_free(path);
    return status;
}

static decant_status unpack(const getting *all, const char *path)
{
    uint8_t *archive = NULL;
    size_t bytes = 0;
    int64_t limit = PACKING_BYTES; /* headers and padding */
    for (int32_t i = 0; i < all->set->n_files; i++)
        limit += all->set->files[i].bytes;
    TRY_RETURN(dcn_file_read_gzip(path, (size_t)limit, &archive, &bytes));
    decant_status status = DECANT_OK;
    for (int32_t i = 0; i < all->set->n_files && status == DECANT_OK; i++)
        status = unpack_file(all, archive, bytes, &all->set->files[i]);
    dcn_free(archive);
    return status;
}

static decant_status get_archive(getting *all)
{
    const wanted file = {all->set->archive, all->set->archive_bytes, all->set->archive_sha256, false};
    char *part = NULL;
    bool there = false;
    all->name = file.name;
    TRY_RETURN(has_all(all, &there));
    if (there) return DECANT_OK;
    decant_status status = path_of(all, file.name, ".part", &part);
    if (status != DECANT_OK) goto out;
    TRY(get_part(all, &file, part));
    TRY(unpack(all, part));
    TRY(dcn_file_remove(part));
out:
    dcn_free(part);
    return status;
}

decant_status dcn_published_get(const dcn_published *set, const char *folder, const decant_get_options *options)
{
    getting all = {.set = set, .folder = folder, .options = options};
    int lock = -1;
    decant_status status = dcn_directory_lock(folder, &lock);
    if (status != DECANT_OK) goto out;
    if (set->archive != NULL) TRY(get_archive(&all));
    for (int32_t i = 0; set->archive == NULL && i < set->n_files; i++)
        TRY(get_file(&all, &set->files[i]));
out:
    if (status != DECANT_OK) dcn_while("getting %s into %s", set->name, folder);
    dcn_directory_unlock(lock);
    dcn_text_finish(&all.reasons);
    return status;
}
