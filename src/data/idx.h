/* IDX files, as MNIST has them. FORMAT for truncated and oversized files, and labels out of range. */
#ifndef DCN_DATA_IDX_H
#define DCN_DATA_IDX_H

#include "data/dataset.h"

/* path: directory with the four IDX files under their published names, .gz or plain (also with '.' for '-' before idx).
 */
decant_status dcn_idx_open(const char *path, decant_dataset **ret_dataset);
decant_status dcn_idx_parse(const uint8_t *data, size_t bytes, int32_t *ret_rank, int64_t ret_dims[4],
                            const uint8_t **ret_payload);

/* For data/source.c: a data set that it knows. n_classes 0: as many as the training labels have. */
decant_status dcn_idx_open_as(const char *path, const char *name, int32_t n_classes, decant_dataset **ret_dataset);

/* The first test labels of a folder, to tell data sets of the same form apart without reading their images. */
decant_status dcn_idx_first_labels(const char *path, int32_t count, int32_t *ret_labels);

#endif
