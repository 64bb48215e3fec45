/* Whether the parts of a data set share samples. */
#ifndef DCN_DATA_OVERLAP_H
#define DCN_DATA_OVERLAP_H

#include "data/split.h"

/* How many samples train, validation and test share, told by the hashes of their bytes; that they do is no failure by
 * itself. Duplicates within the original data (Fashion-MNIST has some) are reported by what they are: identical images
 * in both parts. */
typedef struct dcn_overlap {
    /* Samples of the second part whose bytes also stand in the first: */
    int64_t train_validation, train_test, validation_test;
    int64_t within_train;
    int64_t pool_validation; /* samples of the unlabelled pool that also stand in the validation split */
    int64_t pool_test;       /* test samples that also stand in the pool */
} dcn_overlap;

decant_status dcn_overlap_count(const decant_dataset *dataset, const dcn_split *split, dcn_overlap *ret_overlap);

#endif
