/* IDX, the format of MNIST and its kin: a big-endian header of magic and dimensions, then bytes. Plain or gzip. */
#include "data/idx.h"

#include <inttypes.h>
#include <string.h>

#include "base/folder.h"
#include "base/text.h"
#include "data/threads.h"

#define IDX_BYTES 0x08 /* the element type: unsigned bytes, the only one that data sets are published in */

static uint32_t read_big_endian(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

decant_status dcn_idx_parse(const uint8_t *data, size_t bytes, int32_t *ret_rank, int64_t ret_dims[4],
                            const uint8_t **ret_payload)
{
    if (bytes < 4) return DCN_FAIL(FORMAT, "%zu bytes are too few for an IDX file", bytes);
    int32_t rank = data[3];
    if (data[0] != 0 || data[1] != 0 || rank < 1 || rank > 4) {
        return DCN_FAIL(FORMAT, "not an IDX file: it begins with %02x %02x %02x %02x", data[0], data[1], data[2],
                        data[3]);
    }
    if (data[2] != IDX_BYTES) return DCN_FAIL(FORMAT, "IDX element type 0x%02x; only bytes (0x08) are read", data[2]);

    size_t header = 4 + 4 * (size_t)rank;
    int64_t dims[4] = {0}, expected = 1;
    if (bytes < header) return DCN_FAIL(FORMAT, "the IDX file ends within its header");
    for (int32_t i = 0; i < rank; i++) {
        dims[i] = read_big_endian(data + 4 + 4 * i);
        if (!dcn_mul_int64(expected, dims[i], &expected)) {
            return DCN_FAIL(FORMAT, "the IDX dimensions multiply to more than any file holds");
        }
    }
    if (bytes - header != (size_t)expected) {
        return DCN_FAIL(FORMAT, "the IDX header announces %" PRId64 " bytes of data and %zu follow: the file was %s",
                        expected, bytes - header,
                        bytes - header < (size_t)expected ? "cut short" : "added to or is not IDX");
    }
    *ret_rank = rank;
    memcpy(ret_dims, dims, sizeof dims);
    *ret_payload = data + header;
    return DECANT_OK;
}

/* --- the four files of a data set --- */

enum { TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS, N_FILES };

typedef struct idx_file {
    char *path;
    dcn_contents contents;
    int32_t rank;
    int64_t dims[4];
    const uint8_t *payload;
} idx_file;

typedef struct idx_folder {
    const char *path;
    idx_file files[N_FILES];
} idx_folder;

/* The published name ("train-images-idx3-ubyte") or the spelling that some archives unpack to
 * ("train-images.idx3-ubyte"); plain before packed. */
static decant_status find_file(const char *folder, int32_t which, char **ret_path)
{
    static const char *const stems[N_FILES] = {"train-images", "train-labels", "t10k-images", "t10k-labels"};
    static const char *const packed[] = {"", ".gz"};
    int rank = which == TRAIN_IMAGES || which == TEST_IMAGES ? 3 : 1;
    for (int i = 0; i < 4; i++) {
        char name[64];
        char *path = NULL;
        TRY_RETURN(dcn_format(name, sizeof name, "%s%cidx%d-ubyte%s", stems[which], "-."[i % 2], rank, packed[i / 2]));
        TRY_RETURN(dcn_path_join(folder, name, &path));
        if (dcn_file_exists(path)) {
            *ret_path = path;
            return DECANT_OK;
        }
        dcn_free(path);
    }
    return DCN_FAIL(NOT_FOUND, "%s: there is no %s-idx%d-ubyte, plain or .gz", folder, stems[which], rank);
}

static decant_status open_file(void *context, int32_t which)
{
    idx_folder *folder = context;
    idx_file *file = &folder->files[which];
    TRY_RETURN(find_file(folder->path, which, &file->path));
    TRY_RETURN(dcn_contents_open(file->path, &file->contents));
    decant_status status =
        dcn_idx_parse(file->contents.data, file->contents.bytes, &file->rank, file->dims, &file->payload);
    if (status != DECANT_OK) dcn_place("%s", file->path);
    return status;
}

static void close_file(idx_file *file)
{
    dcn_contents_close(&file->contents);
    dcn_free(file->path);
}

static decant_status fail_in(const idx_file *file, decant_status status)
{
    dcn_place("%s", file->path);
    return status;
}

/* Images and labels fit each other, and the test images fit the training images. */
static decant_status check_files(const idx_file files[N_FILES])
{
    const idx_file *train = &files[TRAIN_IMAGES];
    for (int i = 0; i < N_FILES; i += 2) {
        const idx_file *images = &files[i], *labels = &files[i + 1];
        if (images->rank < 2) {
            return fail_in(images, DCN_FAIL(FORMAT, "images have 2 to 4 dimensions, this file %d", images->rank));
        }
        if (labels->rank != 1) {
            return fail_in(labels, DCN_FAIL(FORMAT, "labels have one dimension, this file %d", labels->rank));
        }
        if (images->dims[0] != labels->dims[0]) {
            return fail_in(labels, DCN_FAIL(FORMAT, "%" PRId64 " labels for %" PRId64 " images", labels->dims[0],
                                            images->dims[0]));
        }
        if (images->dims[0] == 0 || images->dims[0] > INT32_MAX) {
            return fail_in(images, DCN_FAIL(FORMAT, "%" PRId64 " images are not a possible number", images->dims[0]));
        }
        if (images->rank != train->rank || memcmp(images->dims + 1, train->dims + 1, 3 * sizeof *images->dims) != 0) {
            return fail_in(images, DCN_FAIL(FORMAT, "test images are not of the training images' shape"));
        }
    }
    return DECANT_OK;
}

static decant_status sample_shape(const idx_file *images, decant_shape *ret_shape)
{
    const int64_t *dims = images->dims; /* [n, features], [n, H, W] or [n, C, H, W] */
    decant_shape shape = {.rank = 3, .dim = {1, dims[1], dims[2]}};
    if (images->rank == 2) shape = (decant_shape){.rank = 1, .dim = {dims[1]}};
    if (images->rank == 4) shape = (decant_shape){.rank = 3, .dim = {dims[1], dims[2], dims[3]}};
    for (int32_t i = 0; i < shape.rank; i++) {
        if (shape.dim[i] == 0) return fail_in(images, DCN_FAIL(FORMAT, "the images are empty"));
    }
    *ret_shape = shape;
    return DECANT_OK;
}

static int32_t count_classes(const idx_file *labels)
{
    int32_t largest = 0;
    for (int64_t i = 0; i < labels->dims[0]; i++) {
        if (labels->payload[i] > largest) largest = labels->payload[i];
    }
    return largest + 1;
}

/* The images stay where they are: the part takes the file's contents over. */
static decant_status fill_part(dcn_samples *part, dcn_contents *backing, idx_file *images, const idx_file *labels)
{
    int64_t count = images->dims[0];
    TRY_RETURN(dcn_new_array((size_t)count, sizeof *part->labels, (void **)&part->labels));
    for (int64_t i = 0; i < count; i++) {
        part->labels[i] = labels->payload[i];
    }
    part->count = count;
    part->dtype = DECANT_U8;
    part->data = (uint8_t *)(uintptr_t)images->payload;
    *backing = images->contents;
    images->contents = (dcn_contents){0};
    return DECANT_OK;
}

decant_status dcn_idx_open_as(const char *path, const char *name, int32_t n_classes, decant_dataset **ret_dataset)
{
    idx_folder folder = {.path = path};
    idx_file *files = folder.files;
    decant_dataset *dataset = NULL;
    decant_shape shape = {0};
    decant_status status = dcn_parallel(N_FILES, open_file, &folder);
    if (status != DECANT_OK) goto out;
    TRY(check_files(files));
    TRY(sample_shape(&files[TRAIN_IMAGES], &shape));
    if (n_classes == 0) n_classes = count_classes(&files[TRAIN_LABELS]);

    TRY(dcn_dataset_create(name, &shape, n_classes, &dataset));
    TRY(fill_part(&dataset->train, &dataset->backing[0], &files[TRAIN_IMAGES], &files[TRAIN_LABELS]));
    TRY(fill_part(&dataset->test, &dataset->backing[1], &files[TEST_IMAGES], &files[TEST_LABELS]));
    TRY(dcn_dataset_seal(dataset, path));
    *ret_dataset = dataset;
    dataset = NULL;
out:
    if (status != DECANT_OK) dcn_while("reading the IDX data set in %s", path);
    for (int i = 0; i < N_FILES; i++) {
        close_file(&files[i]);
    }
    dcn_dataset_destroy(dataset);
    return status;
}

decant_status dcn_idx_first_labels(const char *path, int32_t count, int32_t *ret_labels)
{
    idx_folder folder = {.path = path};
    idx_file *labels = &folder.files[TEST_LABELS];
    decant_status status = open_file(&folder, TEST_LABELS);
    if (status != DECANT_OK) goto out;
    if (labels->rank != 1 || labels->dims[0] < count) {
        status = fail_in(labels, DCN_FAIL(FORMAT, "fewer than %d labels", count));
        goto out;
    }
    for (int32_t i = 0; i < count; i++) {
        ret_labels[i] = labels->payload[i];
    }
out:
    close_file(labels);
    return status;
}

decant_status dcn_idx_open(const char *path, decant_dataset **ret_dataset)
{
    return dcn_idx_open_as(path, path, 0, ret_dataset);
}
