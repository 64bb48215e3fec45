/* Named arrays: .npz archives through libzip, and folders of .npy files. An archive may lie about lengths: what an
 * entry claims is held against what so many packed bytes could hold before memory is taken for it. */
#include <inttypes.h>
#include <string.h>
#include <zip.h>

#include "base/file.h"
#include "base/folder.h"
#include "base/gzip.h"
#include "base/memory.h"
#include "base/text.h"
#include "format/npy.h"

#define MAX_ARRAY_BYTES ((size_t)16 << 30)
#define SLACK_BYTES     1024

/* One array's bytes, kept until the archive is closed. */
typedef struct kept_array {
    uint8_t *data;
    dcn_map map;
} kept_array;

struct dcn_npz {
    char *name;   /* of the file or the folder */
    zip_t *zip;   /* NULL: a folder */
    dcn_map file; /* the archive, when it was opened here */
    kept_array *kept;
    int32_t n_kept, capacity;
};

void dcn_npz_close(dcn_npz *npz)
{
    if (npz == NULL) return;
    if (npz->zip != NULL) zip_discard(npz->zip);
    for (int32_t i = 0; i < npz->n_kept; i++) {
        dcn_free(npz->kept[i].data);
        if (npz->kept[i].map.data != NULL) dcn_map_close(&npz->kept[i].map);
    }
    if (npz->file.data != NULL) dcn_map_close(&npz->file);
    dcn_free(npz->kept);
    dcn_free(npz->name);
    dcn_free(npz);
}

static decant_status zip_failure(const char *name, zip_error_t *error)
{
    bool no_memory = zip_error_code_zip(error) == ZIP_ER_MEMORY;
    if (no_memory) return DCN_FAIL(NO_MEMORY, "no memory for the archive %s", name);
    return DCN_FAIL(FORMAT, "%s is no sound .npz archive: %s", name, zip_error_strerror(error));
}

static decant_status open_archive(dcn_npz *npz, const uint8_t *data, size_t bytes)
{
    zip_error_t error;
    decant_status status = DECANT_OK;
    if (bytes == 0) return DCN_FAIL(FORMAT, "%s is empty", npz->name); /* a sound archive to libzip */
    zip_error_init(&error);
    zip_source_t *source = zip_source_buffer_create(data, bytes, 0, &error);
    if (source != NULL) npz->zip = zip_open_from_source(source, ZIP_RDONLY | ZIP_CHECKCONS, &error);
    if (npz->zip == NULL) {
        zip_source_free(source);
        status = zip_failure(npz->name, &error);
    }
    zip_error_fini(&error);
    return status;
}

decant_status dcn_npz_parse(const char *name, const uint8_t *data, size_t bytes, dcn_npz **ret_npz)
{
    dcn_npz *npz = NULL;
    decant_status status = dcn_new(sizeof *npz, (void **)&npz);
    if (status != DECANT_OK) goto out;
    TRY(dcn_copy_string(name, &npz->name));
    TRY(open_archive(npz, data, bytes));
    *ret_npz = npz;
    npz = NULL;
out:
    dcn_npz_close(npz);
    return status;
}

decant_status dcn_npz_open(const char *path, dcn_npz **ret_npz)
{
    dcn_npz *npz = NULL;
    decant_status status = dcn_new(sizeof *npz, (void **)&npz);
    if (status != DECANT_OK) goto out;
    TRY(dcn_copy_string(path, &npz->name));
    if (!dcn_directory_exists(path)) {
        TRY(dcn_map_open(path, &npz->file));
        TRY(open_archive(npz, npz->file.data, npz->file.bytes));
    }
    *ret_npz = npz;
    npz = NULL;
out:
    dcn_npz_close(npz);
    return status;
}

/* --- finding an array --- */

static decant_status file_of(const dcn_npz *npz, const char *name, char **ret_path)
{
    dcn_text text = {0};
    decant_status status = DECANT_OK;
    if (npz->zip == NULL) TRY(dcn_text_add(&text, "%s/", npz->name));
    TRY(dcn_text_add(&text, "%s.npy", name));
    TRY(dcn_text_take(&text, ret_path));
out:
    dcn_text_finish(&text);
    return status;
}

decant_status dcn_npz_has(const dcn_npz *npz, const char *name, bool *ret_has)
{
    char *path = NULL;
    TRY_RETURN(file_of(npz, name, &path));
    *ret_has = npz->zip != NULL ? zip_name_locate(npz->zip, path, 0) >= 0 : dcn_file_exists(path);
    dcn_free(path);
    return DECANT_OK;
}

static decant_status list_names(const dcn_npz *npz, dcn_text *text)
{
    char **names = NULL;
    int32_t count = 0;
    decant_status status = DECANT_OK;
    if (npz->zip == NULL) TRY(dcn_directory_list(npz->name, &names, &count));
    zip_int64_t entries = npz->zip != NULL ? zip_get_num_entries(npz->zip, 0) : count;
    for (zip_int64_t i = 0; i < entries; i++) {
        const char *name = npz->zip != NULL ? zip_get_name(npz->zip, (zip_uint64_t)i, 0) : names[i];
        size_t length = name != NULL ? strlen(name) : 0;
        if (length <= 4 || strcmp(name + length - 4, ".npy") != 0 || text->length > 400) continue;
        TRY(dcn_text_add(text, "%s%.*s", text->length > 0 ? ", " : "", (int)(length - 4), name));
    }
out:
    dcn_names_free(names, count);
    return status;
}

static decant_status fail_missing(const dcn_npz *npz, const char *name)
{
    dcn_text names = {0};
    decant_status status = list_names(npz, &names);
    if (status == DECANT_OK)
        status = DCN_FAIL(NOT_FOUND, "%s has no array '%s'; it has %s", npz->name, name,
                          names.length > 0 ? names.data : "none at all");
    dcn_text_finish(&names);
    return status;
}

/* --- reading it --- */

static decant_status check_entry(const dcn_npz *npz, const char *file, const zip_stat_t *about)
{
    const zip_uint64_t needed = ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE | ZIP_STAT_COMP_METHOD | ZIP_STAT_ENCRYPTION_METHOD;
    if ((about->valid & needed) != needed || about->encryption_method != ZIP_EM_NONE ||
        (about->comp_method != ZIP_CM_STORE && about->comp_method != ZIP_CM_DEFLATE))
        return DCN_FAIL(FORMAT, "%s: %s is packed in a way that NumPy does not use", npz->name, file);
    if (about->size > MAX_ARRAY_BYTES || about->comp_size > MAX_ARRAY_BYTES ||
        about->size > about->comp_size * DCN_DEFLATE_BEST_RATIO + SLACK_BYTES)
        return DCN_FAIL(FORMAT, "%s: %s cannot hold the %" PRIu64 " bytes that it claims", npz->name, file,
                        about->size);
    return DECANT_OK;
}

/* Reads to the very end, where libzip compares the checksum. */
static decant_status read_entry(const dcn_npz *npz, const char *file, uint8_t *data, size_t bytes)
{
    zip_file_t *entry = zip_fopen(npz->zip, file, 0);
    if (entry == NULL) return zip_failure(npz->name, zip_get_error(npz->zip));
    uint8_t more = 0;
    size_t done = 0;
    zip_int64_t got = 0;
    while (done < bytes && (got = zip_fread(entry, data + done, bytes - done)) > 0)
        done += (size_t)got;
    if (got >= 0 && done == bytes) got = zip_fread(entry, &more, 1);
    bool sound = done == bytes && got == 0;
    zip_fclose(entry);
    if (sound) return DECANT_OK;
    return DCN_FAIL(FORMAT, "%s: the data of %s is damaged or cut short", npz->name, file);
}

static decant_status read_packed(dcn_npz *npz, const char *file, kept_array *kept, size_t *ret_bytes)
{
    zip_stat_t about;
    zip_stat_init(&about);
    if (zip_stat(npz->zip, file, 0, &about) != 0) return zip_failure(npz->name, zip_get_error(npz->zip));
    TRY_RETURN(check_entry(npz, file, &about));
    TRY_RETURN(dcn_new((size_t)about.size, (void **)&kept->data));
    *ret_bytes = (size_t)about.size;
    return read_entry(npz, file, kept->data, (size_t)about.size);
}

decant_status dcn_npz_read(dcn_npz *npz, const char *name, dcn_npy *ret_array)
{
    char *file = NULL;
    size_t bytes = 0;
    bool has = false;
    TRY_RETURN(dcn_npz_has(npz, name, &has));
    if (!has) return fail_missing(npz, name);
    decant_status status = file_of(npz, name, &file);
    if (status != DECANT_OK) goto out;
    TRY(dcn_grow((void **)&npz->kept, npz->n_kept, &npz->capacity, sizeof *npz->kept));
    kept_array *kept = &npz->kept[npz->n_kept++];
    *kept = (kept_array){0};
    if (npz->zip != NULL) {
        TRY(read_packed(npz, file, kept, &bytes));
        TRY(dcn_npy_parse(kept->data, bytes, ret_array));
    } else {
        TRY(dcn_map_open(file, &kept->map));
        TRY(dcn_npy_parse(kept->map.data, kept->map.bytes, ret_array));
    }
out:
    if (status != DECANT_OK) dcn_while("reading the array '%s' of %s", name, npz->name);
    dcn_free(file);
    return status;
}
