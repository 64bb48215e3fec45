/* How data/source.c opens the IDX data sets that it knows. Everyone else: dcn_idx_open in data/dataset.h. */
#ifndef DCN_DATA_IDX_H
#define DCN_DATA_IDX_H

#include "data/dataset.h"

/* n_classes 0: as many as the training labels have. */
decant_status dcn_idx_open_as(const char *path, const char *name, int32_t n_classes, decant_dataset **ret_dataset);

/* The first test labels of a folder, to tell data sets of the same form apart without reading their images. */
decant_status dcn_idx_first_labels(const char *path, int32_t count, int32_t *ret_labels);

#endif
