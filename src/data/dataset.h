/* A data set in memory: samples as bytes (images) or floats, integer labels, a train and a test part. */
#ifndef DCN_DATA_DATASET_H
#define DCN_DATA_DATASET_H

#include "base/hash.h"
#include "base/memory.h"
#include "data/contents.h"
#include "data/encoder.h"
#include "decant/dataset.h"
#include "decant/tensor.h"

/* The label of a training sample that has none: one of the unlabelled pool. */
#define DCN_NO_LABEL (-1)

/* One part (train or test) of a data set. */
typedef struct dcn_samples {
    int64_t count;
    decant_dtype dtype; /* U8 (0..255) or F32 */
    uint8_t *data;      /* [count, sample...] plain; never written once the data set is made: it may be mapped */
    int32_t *labels;    /* [count]; NULL: unlabelled. Of train, DCN_NO_LABEL marks the unlabelled pool */
    dcn_hash *hashes;   /* [count] of each sample's bytes, without its label; NULL: not counted yet */
    bool owned;         /* data; false: it lies in dataset->backing. labels and hashes are always the data set's */
} dcn_samples;

struct decant_dataset {
    char *name;
    decant_shape sample; /* [C,H,W] or [features] */
    int32_t n_classes;
    char **class_names;      /* NULL: numbers */
    dcn_samples train, test; /* either may be empty (count 0) */
    dcn_hash hash;           /* of all bytes and labels, both parts */
    dcn_contents backing[2]; /* files that train and test lie in, when their data is not owned */
    dcn_encoder *encoder;    /* of a table; NULL elsewhere */
    char *reading;           /* of pictures and arrays: how they were read, as data/files.h writes it; NULL elsewhere */
    int64_t n_unlabelled;    /* training samples that have no label: the pool */
};

void dcn_dataset_destroy(decant_dataset *dataset);

/* --- what the readers build with (data/dataset.c) --- */
decant_status dcn_dataset_create(const char *name, const decant_shape *sample, int32_t n_classes,
                                 decant_dataset **ret_dataset);
/* Owned memory for a part: data, and labels when labelled. count <= INT32_MAX. */
decant_status dcn_samples_create(decant_dataset *dataset, dcn_samples *part, int64_t count, decant_dtype dtype,
                                 bool labelled);
decant_status dcn_dataset_name_classes(decant_dataset *dataset, const char *const *names);
/* The last step of a reader: checks the labels, hashes samples and the whole. `place` (a path) is named in failures, or
 * NULL. */
decant_status dcn_dataset_seal(decant_dataset *dataset, const char *place);
size_t dcn_sample_bytes(const decant_dataset *dataset, const dcn_samples *part);

/* Readers (one file each). Labels outside [0, n_classes) are FORMAT, as are truncated and oversized files. */
/* path: directory with the four IDX files under their published names, .gz or plain (also with '.' for '-' before idx).
 */
decant_status dcn_idx_open(const char *path, decant_dataset **ret_dataset);
decant_status dcn_idx_parse(const uint8_t *data, size_t bytes, int32_t *ret_rank, int64_t ret_dims[4],
                            const uint8_t **ret_payload);
/* path: directory with data_batch_{1..5}.bin and test_batch.bin (or in cifar-10-batches-bin/). */
decant_status dcn_cifar_open(const char *path, decant_dataset **ret_dataset);
#define DCN_CIFAR_FILES 6 /* the last one is the test batch */
/* The same of files already in memory, which are copied from; `name` is the folder. */
decant_status dcn_cifar_build(const char *name, const dcn_map files[DCN_CIFAR_FILES], decant_dataset **ret_dataset);
/* The caller's arrays (copied). labels NULL for unlabelled. F32 values must be finite (NUMERIC names the sample
 * otherwise). */
decant_status dcn_arrays_open(const char *name, const decant_shape *sample, decant_dtype dtype, int32_t n_classes,
                              const void *train, const int32_t *train_labels, int64_t n_train, const void *test,
                              const int32_t *test_labels, int64_t n_test, decant_dataset **ret_dataset);

/* A CSV table as a recipe declares it (data/csv_dataset.c). */
typedef struct dcn_csv_options {
    const char *path; /* looked for as dcn_source_locate says */
    const char *target;
    const char *test_path; /* NULL: the test rows are a part of the file */
    double test;           /* without test_path: the share of the rows that are left without the unlabelled ones */
    double unlabelled;     /* share of the rows whose labels are left out: the pool */
    const char *unlabelled_path; /* or a file of them, whose targets are not looked at; NULL: none */
    const dcn_column_choice *choices;
    int32_t n_choices;
    int64_t validation; /* held out of the training part later: these rows teach the encoder nothing */
    uint64_t seed;
} dcn_csv_options;
/* Parts the rows (stratified; shares are rounded up), learns the encoder from the training rows that are not for
 * validation, and encodes all; the unlabelled rows stand behind the training rows. FORMAT with file:line:column. */
decant_status dcn_csv_open(const dcn_csv_options *options, decant_dataset **ret_dataset);
/* The same of tables already parsed, which are kept by the caller; test and unlabelled NULL: as the options say. */
decant_status dcn_csv_build(const dcn_csv_options *options, const dcn_csv *csv, const dcn_csv *test,
                            const dcn_csv *unlabelled, decant_dataset **ret_dataset);
typedef enum dcn_rows {
    DCN_ROWS_INPUTS,    /* to be answered: labels where every row has a target */
    DCN_ROWS_LABELLED,  /* every row must have one */
    DCN_ROWS_TRAINED_ON /* the same, of the file that training named */
} dcn_rows;
/* Raw rows as an encoder reads them, all of them as the test part; but labelled rows of the very file that the encoder
 * was made from are parted as they were then. STALE where that file was parted and is another now. */
decant_status dcn_csv_open_rows(const dcn_encoder *encoder, const char *path, dcn_rows rows,
                                decant_dataset **ret_dataset);

/* Named data sets: "fashion-mnist", "mnist", "cifar10": looked for in $DECANT_DATA/<name>, $DECANT_DATA, the Debian
 * package's place and
 * ${XDG_DATA_HOME:-~/.local/share}/decant/<name>. NOT_FOUND says where it looked and how to get it. */
decant_status dcn_dataset_find(const char *name, decant_dataset **ret_dataset);
typedef struct dcn_source_info {
    const char *name, *description, *how_to_get;
    char *path; /* where it was found, NULL when it was not; dcn_free */
} dcn_source_info;
decant_status dcn_source_list(dcn_source_info **ret_infos, int32_t *ret_count); /* dcn_source_list_free */
void dcn_source_list_free(dcn_source_info *infos, int32_t count);

/* --- splits (data/split.c): index lists into dataset->train --- */
typedef struct dcn_split {
    int64_t n_train, n_validation, n_unlabelled;
    int32_t *train, *validation;
    int32_t *unlabelled; /* the pool: samples without a label, in neither of the others */
} dcn_split;
/* Stratified: each class gives its share (largest remainder), chosen by Philox(seed, SPLIT). validation = 0: everything
 * that has a label trains. */
decant_status dcn_split_make(const decant_dataset *dataset, int64_t validation, uint64_t seed, dcn_split *ret_split);
void dcn_split_finish(dcn_split *split);
/* Different draws from one seed are independent. */
typedef enum dcn_draw { DCN_DRAW_VALIDATION, DCN_DRAW_PART, DCN_DRAW_TEST, DCN_DRAW_UNLABELLED } dcn_draw;
/* The same over rows that are no data set yet: `held_out` of the `count` candidates (NULL: all, count = n_rows) go to
 * ret_split->validation. labels [n_rows], each below n_classes. */
decant_status dcn_split_rows(const int32_t *labels, int64_t n_rows, int32_t n_classes, const int32_t *candidates,
                             int64_t count, int64_t held_out, uint64_t seed, dcn_draw draw, dcn_split *ret_split);
/* Takes the labels of `count` training samples away, the same share of each class: they become the pool. To be called
 * before the data set is split. INVALID_ARG when nothing would be left, or there is a pool already. */
decant_status dcn_dataset_unlabel(decant_dataset *dataset, int64_t count, uint64_t seed);
/* A share of a count, rounded up as other tools do; 0.55 of 100 is 55 in spite of binary fractions. */
int64_t dcn_share_of(double share, int64_t count);
/* What the rows of one file (or the images of one folder) are cut into: row numbers, rising. */
typedef struct dcn_parts {
    int32_t *train, *test, *unlabelled;
    int64_t n_train, n_test, n_unlabelled;
} dcn_parts;
/* Stratified: the unlabelled rows are drawn first, then the test rows from what is left; shares are in [0, 1) and are
 * rounded up. FORMAT when nothing is left for training. */
decant_status dcn_parts_make(const int32_t *labels, int64_t n_rows, int32_t n_classes, double unlabelled, double test,
                             uint64_t seed, dcn_parts *ret_parts);
void dcn_parts_finish(dcn_parts *parts); /* accepts a zeroed one */
/* `samples` of the given training samples, the same share of each class, ascending; freed with dcn_free. */
decant_status dcn_split_take(const decant_dataset *dataset, const int32_t *indices, int64_t count, int64_t samples,
                             uint64_t seed, int32_t **ret_taken);
/* Content-hash check that train, validation and test share no sample. ret_* are counts of shared samples; no failure by
 * itself. Duplicates within the original data (Fashion-MNIST has some) are reported by what they are: identical images
 * in both parts. */
typedef struct dcn_overlap {
    int64_t train_validation, train_test,
        validation_test; /* samples of the second part whose bytes also stand in the first */
    int64_t within_train;
    int64_t pool_validation; /* samples of the unlabelled pool that also stand in the validation split */
    int64_t pool_test;       /* test samples that also stand in the pool */
} dcn_overlap;
decant_status dcn_overlap_count(const decant_dataset *dataset, const dcn_split *split, dcn_overlap *ret_overlap);

/* --- statistics of the training split: per channel for [C,H,W], per feature for [features]; bytes are scaled by 1/255
 * first --- */
decant_status dcn_statistics(const decant_dataset *dataset, const int32_t *indices, int64_t count, float *ret_mean,
                             float *ret_std);
int32_t dcn_statistics_channels(const decant_dataset *dataset);

#endif
