/* Index lists into a data set's training part: train, validation and the unlabelled pool; and what the rows of a file
 * are cut into before there is a data set. All are stratified: each class gives its share (largest remainder). */
#ifndef DCN_DATA_SPLIT_H
#define DCN_DATA_SPLIT_H

#include "data/dataset.h"

typedef struct dcn_split {
    int64_t n_train, n_validation, n_unlabelled;
    int32_t *train, *validation;
    int32_t *unlabelled; /* the pool: samples without a label, in neither of the others */
} dcn_split;

/* Chosen by Philox(seed, SPLIT). validation = 0: everything that has a label trains. */
decant_status dcn_split_make(const decant_dataset *dataset, int64_t validation, uint64_t seed, dcn_split *ret_split);
void dcn_split_finish(dcn_split *split);

/* `samples` of the given training samples, ascending; freed with dcn_free. */
decant_status dcn_split_take(const decant_dataset *dataset, const int32_t *indices, int64_t count, int64_t samples,
                             uint64_t seed, int32_t **ret_taken);

/* Takes the labels of `count` training samples away: they become the pool. To be called before the data set is split.
 * INVALID_ARG when nothing would be left, there are no labels, or there is a pool already. */
decant_status dcn_dataset_unlabel(decant_dataset *dataset, int64_t count, uint64_t seed);

/* --- rows that are no data set yet --- */

/* Different draws from one seed are independent. */
typedef enum dcn_draw { DCN_DRAW_VALIDATION, DCN_DRAW_PART, DCN_DRAW_TEST, DCN_DRAW_UNLABELLED } dcn_draw;

/* `held_out` of the `count` candidates (NULL: all, count = n_rows) go to ret_split->validation. labels [n_rows], each
 * below n_classes. */
decant_status dcn_split_rows(const int32_t *labels, int64_t n_rows, int32_t n_classes, const int32_t *candidates,
                             int64_t count, int64_t held_out, uint64_t seed, dcn_draw draw, dcn_split *ret_split);

/* What the rows of one file (or the images of one folder) are cut into: row numbers, rising. */
typedef struct dcn_parts {
    int32_t *train, *test, *unlabelled;
    int64_t n_train, n_test, n_unlabelled;
} dcn_parts;

/* The unlabelled rows are drawn first, then the test rows from what is left; shares are in [0, 1) and are rounded up.
 * FORMAT when nothing is left for training. */
decant_status dcn_parts_make(const int32_t *labels, int64_t n_rows, int32_t n_classes, double unlabelled, double test,
                             uint64_t seed, dcn_parts *ret_parts);
void dcn_parts_finish(dcn_parts *parts); /* accepts a zeroed one */

/* A share of a count, rounded up as other tools do; 0.55 of 100 is 55 in spite of binary fractions. */
int64_t dcn_share_of(double share, int64_t count);

#endif
