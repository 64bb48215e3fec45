/* Tar archives in memory, enough to find the regular files of one. Nothing is ever written under a name that an archive
 * gives: callers ask for the names that they know. */
#ifndef DCN_DATA_TAR_H
#define DCN_DATA_TAR_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

/* The regular file of this very path. ret_data lies in the archive. NOT_FOUND, or FORMAT where the archive is damaged
 * before it. */
decant_status dcn_tar_find(const uint8_t *archive, size_t bytes, const char *path, const uint8_t **ret_data,
                           size_t *ret_bytes);

#endif
