/* The files of the teacher cache: written whole under a name of their own, read with suspicion, removed when room is
 * needed. */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/folder.h"
#include "base/memory.h"
#include "base/text.h"
#include "distill/cache_table.h"

#define SUFFIX        ".logits"
#define PAYLOAD_BYTES ((size_t)16 << 20) /* of one file; more rows make more files */

typedef struct file_header {
    char magic[8];
    uint64_t key_low, key_high;
    uint64_t rows, classes;
    uint64_t hash_low, hash_high; /* of the payload */
    uint64_t check;               /* of the header so far */
} file_header;
_Static_assert(sizeof(file_header) == 64, "the payload stands a cache line into the file");

static const char file_magic[8] = "decantT1";

static file_header make_header(dcn_hash key, int64_t rows, int64_t classes, const void *payload, size_t bytes)
{
    dcn_hash hash = dcn_hash_bytes(payload, bytes);
    file_header header = {.key_low = key.low,
                          .key_high = key.high,
                          .rows = (uint64_t)rows,
                          .classes = (uint64_t)classes,
                          .hash_low = hash.low,
                          .hash_high = hash.high};
    memcpy(header.magic, file_magic, sizeof header.magic);
    header.check = dcn_hash_bytes(&header, offsetof(file_header, check)).low;
    return header;
}

static size_t row_bytes(const dcn_logit_table *table)
{
    return sizeof(uint64_t) + (size_t)table->classes * sizeof(float);
}

static decant_status note(const dcn_logit_files *files, const char *path, const char *what, const char *why)
{
    dcn_text text = {0};
    if (files->on_note == NULL) return DECANT_OK;
    decant_status status = dcn_text_add(&text, "teacher cache: %s %s%s%s", path, what, why[0] != '\0' ? ": " : "", why);
    if (status == DECANT_OK) files->on_note(files->context, text.data);
    dcn_text_finish(&text);
    return status;
}

/* --- reading --- */

static bool is_ours(const dcn_logit_files *files, const char *name)
{
    char hex[DCN_HASH_HEX];
    size_t length = strlen(name), suffix = sizeof SUFFIX - 1;
    dcn_hash_hex(files->key, hex);
    return length > suffix && strncmp(name, hex, DCN_HASH_HEX - 1) == 0 && strcmp(name + length - suffix, SUFFIX) == 0;
}

/* NULL when the file is sound, else what is wrong. */
static const char *find_fault(const dcn_logit_files *files, const dcn_logit_table *table, const dcn_map *map)
{
    file_header header;
    if (map->bytes < sizeof header) return "it is cut short";
    memcpy(&header, map->data, sizeof header);
    size_t payload = map->bytes - sizeof header;
    if (memcmp(header.magic, file_magic, sizeof file_magic) != 0) return "it is no teacher cache";
    if (header.check != dcn_hash_bytes(&header, offsetof(file_header, check)).low) return "its header is damaged";
    if (header.key_low != files->key.low || header.key_high != files->key.high)
        return "it belongs to another teacher or other data";
    if (header.classes != (uint64_t)table->classes || payload / row_bytes(table) != header.rows ||
        payload % row_bytes(table) != 0)
        return "its length does not fit its header";
    dcn_hash hash = dcn_hash_bytes(map->data + sizeof header, payload);
    if (hash.low != header.hash_low || hash.high != header.hash_high) return "its contents are damaged";
    return NULL;
}

/* Ids outside the data set cannot get past the checksum; they are stepped over all the same. */
static void take_over(dcn_logit_table *table, const dcn_map *map)
{
    int64_t rows = (int64_t)((map->bytes - sizeof(file_header)) / row_bytes(table));
    const uint8_t *ids = map->data + sizeof(file_header), *logits = ids + (size_t)rows * sizeof(uint64_t);
    size_t bytes = (size_t)table->classes * sizeof(float);
    for (int64_t r = 0; r < rows; r++) {
        uint64_t id;
        memcpy(&id, ids + (size_t)r * sizeof id, sizeof id);
        if (id >= (uint64_t)table->n_samples * (uint64_t)table->variants) continue;
        int32_t place = table->place_of[id / (uint64_t)table->variants];
        if (place < 0) continue;
        int64_t slot = place * table->variants + (int64_t)(id % (uint64_t)table->variants);
        if (table->known[slot] != DCN_UNKNOWN) continue;
        memcpy(table->logits + slot * table->classes, logits + (size_t)r * bytes, bytes);
        table->known[slot] = DCN_KNOWN_FOUND;
        table->n_found++;
    }
}

static decant_status load_file(const dcn_logit_files *files, dcn_logit_table *table, const char *path)
{
    dcn_map map = {0};
    decant_status status = dcn_map_open(path, &map);
    if (status == DECANT_NOT_FOUND) return DECANT_OK; /* another process needed the room */
    if (status == DECANT_NO_MEMORY) return status;
    if (status != DECANT_OK) return note(files, path, "is not used", decant_error_message());

    const char *fault = find_fault(files, table, &map);
    if (fault == NULL) {
        take_over(table, &map);
        (void)utimensat(AT_FDCWD, path, NULL, 0); /* used just now: not the first to go when room is needed */
    } else {
        status = note(files, path, "is made again", fault);
        (void)dcn_file_remove(path);
    }
    dcn_map_close(&map);
    return status;
}

/* Calls `each` with every file of this key. */
static decant_status walk(const dcn_logit_files *files, dcn_logit_table *table,
                          decant_status (*each)(const dcn_logit_files *files, dcn_logit_table *table, const char *path))
{
    char **names = NULL, *path = NULL;
    int32_t count = 0;
    if (files->folder == NULL || !dcn_file_exists(files->folder)) return DECANT_OK;
    decant_status status = dcn_directory_list(files->folder, &names, &count);
    if (status == DECANT_NO_MEMORY) return status;
    if (status != DECANT_OK) return note(files, files->folder, "is not used", decant_error_message());
    for (int32_t i = 0; i < count; i++) {
        if (!is_ours(files, names[i])) continue;
        TRY(dcn_path_join(files->folder, names[i], &path));
        TRY(each(files, table, path));
        dcn_free(path);
        path = NULL;
    }
out:
    dcn_free(path);
    dcn_names_free(names, count);
    return status;
}

decant_status dcn_logit_files_load(const dcn_logit_files *files, dcn_logit_table *table)
{
    return walk(files, table, load_file);
}

static decant_status remove_file(const dcn_logit_files *files, dcn_logit_table *table, const char *path)
{
    (void)files;
    (void)table;
    (void)dcn_file_remove(path); /* one that cannot be removed is found out again the next time */
    return DECANT_OK;
}

decant_status dcn_logit_files_remove(const dcn_logit_files *files)
{
    return walk(files, NULL, remove_file);
}

/* --- room --- */

typedef struct aged_file {
    char *path;
    int64_t bytes;
    struct timespec used;
} aged_file;

static int by_age(const void *a, const void *b)
{
    const aged_file *first = a, *second = b;
    if (first->used.tv_sec != second->used.tv_sec) return first->used.tv_sec < second->used.tv_sec ? -1 : 1;
    return (first->used.tv_nsec > second->used.tv_nsec) - (first->used.tv_nsec < second->used.tv_nsec);
}

/* Removes the oldest of the folder's files, of whichever teacher, until `need` more bytes fit. What killed writers left
 * behind ages among them. */
static decant_status make_room(const dcn_logit_files *files, int64_t need)
{
    char **names = NULL;
    aged_file *aged = NULL;
    int32_t count = 0, n_aged = 0;
    int64_t total = need;
    decant_status status = dcn_directory_list(files->folder, &names, &count);
    if (status != DECANT_OK) goto out;
    TRY(dcn_new_array((size_t)count, sizeof *aged, (void **)&aged));
    for (int32_t i = 0; i < count; i++) {
        struct stat about;
        aged_file file = {0};
        if (strstr(names[i], SUFFIX) == NULL) continue;
        TRY(dcn_path_join(files->folder, names[i], &file.path));
        if (lstat(file.path, &about) != 0 || !S_ISREG(about.st_mode)) { /* no file of ours: it takes no room */
            dcn_free(file.path);
            continue;
        }
        file.bytes = (int64_t)about.st_size;
        file.used = about.st_mtim;
        total += file.bytes;
        aged[n_aged++] = file;
    }
    qsort(aged, (size_t)n_aged, sizeof *aged, by_age);
    for (int32_t i = 0; i < n_aged && total > files->limit; i++) {
        TRY(dcn_file_remove(aged[i].path));
        total -= aged[i].bytes;
    }
out:
    for (int32_t i = 0; i < n_aged; i++)
        dcn_free(aged[i].path);
    dcn_free(aged);
    dcn_names_free(names, count);
    return status;
}

/* --- writing --- */

static decant_status write_file(const dcn_logit_files *files, const file_header *header, const uint8_t *payload,
                                size_t bytes)
{
    char key[DCN_HASH_HEX], content[DCN_HASH_HEX], name[2 * DCN_HASH_HEX + sizeof SUFFIX];
    char *path = NULL;
    dcn_writer *writer = NULL;
    dcn_hash_hex(files->key, key);
    dcn_hash_hex((dcn_hash){header->hash_low, header->hash_high}, content);
    decant_status status = dcn_format(name, sizeof name, "%s-%s" SUFFIX, key, content);
    if (status != DECANT_OK) goto out;
    TRY(dcn_directory_make(files->folder));
    TRY(make_room(files, (int64_t)(bytes + sizeof *header)));
    TRY(dcn_path_join(files->folder, name, &path));
    TRY(dcn_writer_open(path, &writer));
    TRY(dcn_writer_write(writer, header, sizeof *header));
    TRY(dcn_writer_write(writer, payload, bytes));
    TRY(dcn_writer_commit(writer));
out:
    dcn_writer_destroy(writer);
    dcn_free(path);
    return status;
}

/* Copies up to `rows` new rows, from slot *next on, into the payload, ids first. */
static void collect_rows(const dcn_logit_table *table, int64_t rows, int64_t *next, uint8_t *payload)
{
    size_t bytes = (size_t)table->classes * sizeof(float);
    uint8_t *logits = payload + (size_t)rows * sizeof(uint64_t);
    for (int64_t r = 0; r < rows; (*next)++) {
        if (table->known[*next] != DCN_KNOWN_NEW) continue;
        uint64_t sample = (uint64_t)table->indices[*next / table->variants];
        uint64_t id = sample * (uint64_t)table->variants + (uint64_t)(*next % table->variants);
        memcpy(payload + (size_t)r * sizeof id, &id, sizeof id);
        memcpy(logits + (size_t)r * bytes, table->logits + *next * table->classes, bytes);
        r++;
    }
}

static void mark_stored(dcn_logit_table *table, int64_t first, int64_t end)
{
    for (int64_t slot = first; slot < end; slot++) {
        if (table->known[slot] != DCN_KNOWN_NEW) continue;
        table->known[slot] = DCN_KNOWN_WRITTEN;
        table->n_new--;
        table->n_written++;
    }
}

/* One failure is enough: a full disk or a folder that is not ours will not change during the run. */
static decant_status give_up(dcn_logit_files *files)
{
    decant_status status =
        note(files, files->folder, "cannot be written, so the teacher's answers are not kept", decant_error_message());
    dcn_free(files->folder);
    files->folder = NULL;
    return status;
}

decant_status dcn_logit_files_save(dcn_logit_files *files, dcn_logit_table *table)
{
    const int64_t most = (int64_t)(PAYLOAD_BYTES / row_bytes(table)) + 1;
    uint8_t *payload = NULL;
    int64_t next = 0;
    if (files->folder == NULL || table->n_new == 0) return DECANT_OK;
    size_t room = (size_t)(table->n_new < most ? table->n_new : most) * row_bytes(table);
    decant_status status = dcn_new(room, (void **)&payload);
    while (status == DECANT_OK && table->n_new > 0) {
        int64_t rows = table->n_new < most ? table->n_new : most, first = next;
        size_t bytes = (size_t)rows * row_bytes(table);
        collect_rows(table, rows, &next, payload);
        const file_header header = make_header(files->key, rows, table->classes, payload, bytes);
        status = write_file(files, &header, payload, bytes);
        if (status == DECANT_OK) mark_stored(table, first, next);
    }
    dcn_free(payload);
    return status == DECANT_OK || status == DECANT_NO_MEMORY ? status : give_up(files);
}
