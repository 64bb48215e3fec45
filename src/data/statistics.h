/* What inputs are normalised by. */
#ifndef DCN_DATA_STATISTICS_H
#define DCN_DATA_STATISTICS_H

#include "data/dataset.h"

/* Mean and spread of the given training samples: per channel for [C,H,W], per feature for [features]; bytes are scaled
 * by 1/255 first. Both have room for dcn_statistics_channels(). */
decant_status dcn_statistics(const decant_dataset *dataset, const int32_t *indices, int64_t count, float *ret_mean,
                             float *ret_std);

int32_t dcn_statistics_channels(const decant_dataset *dataset);

#endif
