/* Opening by name or folder, and looking for known data sets. */
#ifndef DCN_DATA_SOURCE_H
#define DCN_DATA_SOURCE_H

#include "data/dataset.h"

/* A known name, or a folder with IDX or CIFAR files. */
decant_status dcn_source_open(const char *source, decant_dataset **ret_dataset);

#endif
