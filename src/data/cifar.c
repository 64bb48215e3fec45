/* CIFAR-10's binary files: records of one label byte and 3072 bytes of planar RGB, [3,32,32]. */
#include "data/cifar.h"

#include <inttypes.h>
#include <string.h>

#include "base/file.h"
#include "base/folder.h"
#include "base/text.h"
#include "data/threads.h"

#define IMAGE_BYTES  (3 * 32 * 32)
#define RECORD_BYTES (1 + IMAGE_BYTES)
#define N_BATCHES    5

static const char *const class_names[] = {"airplane", "automobile", "bird",  "cat",  "deer",
                                          "dog",      "frog",       "horse", "ship", "truck"};

typedef struct cifar_set {
    const dcn_map *files; /* [DCN_CIFAR_FILES] */
    int64_t counts[DCN_CIFAR_FILES];
    decant_dataset *dataset;
} cifar_set;

static decant_status file_name(int32_t which, char name[32])
{
    if (which == N_BATCHES) return dcn_format(name, 32, "test_batch.bin");
    return dcn_format(name, 32, "data_batch_%d.bin", which + 1);
}

static decant_status check_file(const char *folder, int32_t which, cifar_set *set)
{
    char name[32];
    const size_t bytes = set->files[which].bytes;
    decant_status status = file_name(which, name);
    if (status != DECANT_OK) return status;
    if (bytes == 0 || bytes % RECORD_BYTES != 0 || bytes / RECORD_BYTES > INT32_MAX / N_BATCHES)
        status = DCN_FAIL(FORMAT, "%zu bytes are not a whole number of CIFAR-10 records of %d bytes: cut short?", bytes,
                          RECORD_BYTES);
    set->counts[which] = (int64_t)(bytes / RECORD_BYTES);
    if (status == DECANT_OK && which < N_BATCHES && set->counts[which] != set->counts[0])
        status =
            DCN_FAIL(FORMAT, "%" PRId64 " images where data_batch_1.bin has %" PRId64 ": one of them was cut short",
                     set->counts[which], set->counts[0]);
    if (status != DECANT_OK) dcn_place("%s/%s", folder, name);
    return status;
}

/* Takes one file's records apart into labels and images. */
static decant_status unpack_file(void *context, int32_t which)
{
    cifar_set *set = context;
    dcn_samples *part = which < N_BATCHES ? &set->dataset->train : &set->dataset->test;
    int64_t first = which < N_BATCHES ? which * set->counts[0] : 0;
    const uint8_t *record = set->files[which].data;
    for (int64_t i = first; i < first + set->counts[which]; i++) {
        part->labels[i] = record[0];
        memcpy(part->data + (size_t)i * IMAGE_BYTES, record + 1, IMAGE_BYTES);
        record += RECORD_BYTES;
    }
    return DECANT_OK;
}

decant_status dcn_cifar_build(const char *name, const dcn_map files[DCN_CIFAR_FILES], decant_dataset **ret_dataset)
{
    const decant_shape shape = {.rank = 3, .dim = {3, 32, 32}};
    cifar_set set = {.files = files};
    decant_status status = DECANT_OK;
    for (int32_t i = 0; i < DCN_CIFAR_FILES; i++)
        TRY(check_file(name, i, &set));
    TRY(dcn_dataset_create(name, &shape, (int32_t)DCN_COUNT(class_names), &set.dataset));
    TRY(dcn_dataset_name_classes(set.dataset, class_names));
    TRY(dcn_samples_create(set.dataset, &set.dataset->train, N_BATCHES * set.counts[0], DECANT_U8, true));
    TRY(dcn_samples_create(set.dataset, &set.dataset->test, set.counts[N_BATCHES], DECANT_U8, true));
    TRY(dcn_parallel(DCN_CIFAR_FILES, unpack_file, &set));
    TRY(dcn_dataset_seal(set.dataset, name));
    *ret_dataset = set.dataset;
    set.dataset = NULL;
out:
    dcn_dataset_destroy(set.dataset);
    return status;
}

static decant_status file_path(const char *folder, int32_t which, char **ret_path)
{
    char name[32];
    TRY_RETURN(file_name(which, name));
    return dcn_path_join(folder, name, ret_path);
}

static decant_status map_file(const char *folder, int32_t which, dcn_map *ret_map)
{
    char *path = NULL;
    TRY_RETURN(file_path(folder, which, &path));
    decant_status status = dcn_map_open(path, ret_map);
    dcn_free(path);
    return status;
}

decant_status dcn_cifar_open(const char *path, decant_dataset **ret_dataset)
{
    char *inner = NULL, *first = NULL;
    const char *folder = path;
    dcn_map files[DCN_CIFAR_FILES] = {{0}};
    decant_status status = dcn_path_join(path, "cifar-10-batches-bin", &inner);
    if (status != DECANT_OK) goto out;
    TRY(file_path(inner, 0, &first));
    if (dcn_file_exists(first)) folder = inner;
    for (int32_t i = 0; i < DCN_CIFAR_FILES; i++)
        TRY(map_file(folder, i, &files[i]));
    TRY(dcn_cifar_build(folder, files, ret_dataset));
out:
    if (status != DECANT_OK) dcn_while("reading the CIFAR data set in %s", path);
    for (int i = 0; i < DCN_CIFAR_FILES; i++) {
        if (files[i].data != NULL) dcn_map_close(&files[i]);
    }
    dcn_free(inner);
    dcn_free(first);
    return status;
}
