/* The caller's own arrays in memory. */
#ifndef DCN_DATA_ARRAYS_H
#define DCN_DATA_ARRAYS_H

#include "data/dataset.h"

/* The caller's arrays (copied). labels NULL for unlabelled. F32 values must be finite (NUMERIC names the sample
 * otherwise). */
decant_status dcn_arrays_open(const char *name, const decant_shape *sample, decant_dtype dtype, int32_t n_classes,
                              const void *train, const int32_t *train_labels, int64_t n_train, const void *test,
                              const int32_t *test_labels, int64_t n_test, decant_dataset **ret_dataset);

#endif
