/* Opening by name or folder, and looking for known data sets. */
#ifndef DCN_DATA_SOURCE_H
#define DCN_DATA_SOURCE_H

#include "data/dataset.h"

/* Named data sets: "fashion-mnist", "mnist", "cifar10": looked for in $DECANT_DATA/<name>, $DECANT_DATA, the Debian
 * package's place and ${XDG_DATA_HOME:-~/.local/share}/decant/<name>. NOT_FOUND says where it looked and how to get
 * it. */
decant_status dcn_dataset_find(const char *name, decant_dataset **ret_dataset);
decant_status dcn_source_list(decant_source **ret_sources, int32_t *ret_count); /* decant_source_list_free */

/* A known name, a folder with IDX or CIFAR files or with pictures, or arrays of NumPy. */
decant_status dcn_source_open(const char *source, decant_dataset **ret_dataset);
bool dcn_source_is_known(const char *source); /* a name such as "mnist" */
/* Whether it is a known name, or a folder with IDX or CIFAR files. */
bool dcn_source_holds_set(const char *source);
/* Fetches a known data set into the folder where users' data sets are kept, as decant_source_get() says. */
decant_status dcn_source_get(const char *name, const decant_get_options *options, char **ret_path);
/* A file: a relative path is looked for from the current folder, then in $DECANT_DATA and
 * ${XDG_DATA_HOME:-~/.local/share}/decant. NOT_FOUND says where it looked; ret_path is freed with dcn_free. */
decant_status dcn_source_locate(const char *path, char **ret_path);
/* Whether two names that data was opened by lead to the same place, however they are spelled. */
bool dcn_source_is_same(const char *a, const char *b);

#endif
