/* CIFAR-10's binary files: records of one label byte and 3072 bytes of planar RGB, [3,32,32]. */
#include <inttypes.h>
#include <string.h>

#include "base/text.h"
#include "data/dataset.h"
#include "data/threads.h"

#define IMAGE_BYTES  (3 * 32 * 32)
#define RECORD_BYTES (1 + IMAGE_BYTES)
#define N_BATCHES    5
#define N_FILES      (N_BATCHES + 1) /* the last one is the test batch */

static const char *const class_names[] = {"airplane", "automobile", "bird",  "cat",  "deer",
                                          "dog",      "frog",       "horse", "ship", "truck"};

typedef struct cifar_folder {
    const char *path;
    dcn_map files[N_FILES];
    int64_t counts[N_FILES];
    decant_dataset *dataset;
} cifar_folder;

static decant_status file_path(const char *folder, int32_t which, char **ret_path)
{
    char name[32];
    if (which == N_BATCHES) return dcn_path_join(folder, "test_batch.bin", ret_path);
    TRY_RETURN(dcn_format(name, sizeof name, "data_batch_%d.bin", which + 1));
    return dcn_path_join(folder, name, ret_path);
}

static decant_status map_file(cifar_folder *folder, int32_t which)
{
    char *path = NULL;
    dcn_map *map = &folder->files[which];
    decant_status status = file_path(folder->path, which, &path);
    if (status != DECANT_OK) goto out;
    TRY(dcn_map_open(path, map));
    if (map->bytes == 0 || map->bytes % RECORD_BYTES != 0 || map->bytes / RECORD_BYTES > INT32_MAX / N_BATCHES) {
        status = DCN_FAIL(FORMAT, "%zu bytes are not a whole number of CIFAR-10 records of %d bytes: cut short?",
                          map->bytes, RECORD_BYTES);
        dcn_place("%s", path);
        goto out;
    }
    folder->counts[which] = (int64_t)(map->bytes / RECORD_BYTES);
    if (which < N_BATCHES && folder->counts[which] != folder->counts[0]) {
        status =
            DCN_FAIL(FORMAT, "%" PRId64 " images where data_batch_1.bin has %" PRId64 ": one of them was cut short",
                     folder->counts[which], folder->counts[0]);
        dcn_place("%s", path);
    }
out:
    dcn_free(path);
    return status;
}

/* Takes one file's records apart into labels and images. */
static decant_status unpack_file(void *context, int32_t which)
{
    cifar_folder *folder = context;
    dcn_samples *part = which < N_BATCHES ? &folder->dataset->train : &folder->dataset->test;
    int64_t first = which < N_BATCHES ? which * folder->counts[0] : 0;
    const uint8_t *record = folder->files[which].data;
    for (int64_t i = first; i < first + folder->counts[which]; i++) {
        part->labels[i] = record[0];
        memcpy(part->data + (size_t)i * IMAGE_BYTES, record + 1, IMAGE_BYTES);
        record += RECORD_BYTES;
    }
    return DECANT_OK;
}

static decant_status open_folder(cifar_folder *folder)
{
    const decant_shape shape = {.rank = 3, .dim = {3, 32, 32}};
    for (int32_t i = 0; i < N_FILES; i++) {
        TRY_RETURN(map_file(folder, i));
    }
    TRY_RETURN(dcn_dataset_create(folder->path, &shape, (int32_t)DCN_COUNT(class_names), &folder->dataset));
    decant_dataset *dataset = folder->dataset;
    TRY_RETURN(dcn_dataset_name_classes(dataset, class_names));
    TRY_RETURN(dcn_samples_create(dataset, &dataset->train, N_BATCHES * folder->counts[0], DECANT_U8, true));
    TRY_RETURN(dcn_samples_create(dataset, &dataset->test, folder->counts[N_BATCHES], DECANT_U8, true));
    TRY_RETURN(dcn_parallel(N_FILES, unpack_file, folder));
    return dcn_dataset_seal(dataset, folder->path);
}

decant_status dcn_cifar_open(const char *path, decant_dataset **ret_dataset)
{
    char *inner = NULL, *first = NULL;
    cifar_folder folder = {.path = path};
    decant_status status = dcn_path_join(path, "cifar-10-batches-bin", &inner);
    if (status != DECANT_OK) goto out;
    TRY(file_path(inner, 0, &first));
    if (dcn_file_exists(first)) folder.path = inner;
    TRY(open_folder(&folder));
    *ret_dataset = folder.dataset;
    folder.dataset = NULL;
out:
    if (status != DECANT_OK) dcn_while("reading the CIFAR data set in %s", path);
    for (int i = 0; i < N_FILES; i++) {
        if (folder.files[i].data != NULL) dcn_map_close(&folder.files[i]);
    }
    dcn_dataset_destroy(folder.dataset);
    dcn_free(inner);
    dcn_free(first);
    return status;
}
