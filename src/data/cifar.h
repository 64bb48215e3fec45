/* CIFAR-10's binary batches. FORMAT for truncated and oversized files, and labels outside 0 to 9. */
#ifndef DCN_DATA_CIFAR_H
#define DCN_DATA_CIFAR_H

#include "data/dataset.h"

#define DCN_CIFAR_FILES 6 /* the last one is the test batch */

/* path: directory with data_batch_{1..5}.bin and test_batch.bin (or in cifar-10-batches-bin/). */
decant_status dcn_cifar_open(const char *path, decant_dataset **ret_dataset);

/* The same of files already in memory, which are copied from; `name` is the folder. */
decant_status dcn_cifar_build(const char *name, const dcn_map files[DCN_CIFAR_FILES], decant_dataset **ret_dataset);

#endif
