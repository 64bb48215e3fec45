/* How data/source.c opens the IDX data sets that it knows. Everyone else: dcn_idx_open in data/dataset.h. */
#ifndef DCN_DATA_IDX_H
#define DCN_DATA_IDX_H

#include "data/dataset.h"

/* n_classes 0: as many as the training labels have. */
decant_status dcn_idx_open_as(const char *path, const char *name, int32_t n_classes, decant_dataset **ret_dataset);

#endif
