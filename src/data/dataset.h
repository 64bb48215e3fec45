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
/* Samples first ... first + *count - 1 of so many; *count 0 stands for all that follow. USAGE where there are fewer. */
decant_status dcn_range_check(const char *name, int64_t first, int64_t available, int64_t *count);
/* The last step of a reader: checks the labels, hashes samples and the whole. `place` (a path) is named in failures, or
 * NULL. */
decant_status dcn_dataset_seal(decant_dataset *dataset, const char *place);
/* How the table (*ret_is_table) or the files were read, for the file of a model that is trained on them; owned, NULL
 * for data sets that are read in one way only. */
decant_status dcn_dataset_reading(const decant_dataset *dataset, bool *ret_is_table, char **ret_text);
size_t dcn_sample_bytes(const decant_dataset *dataset, const dcn_samples *part);

#endif
