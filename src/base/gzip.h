/* Files that may be packed by gzip. */
#ifndef DCN_BASE_GZIP_H
#define DCN_BASE_GZIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

#define DCN_DEFLATE_BEST_RATIO 1032 /* no deflate stream grows by more: zlib's technical notes */

/* dcn_file_read through zlib when the file begins with the gzip magic, plain otherwise. */
decant_status dcn_file_read_gzip(const char *path, size_t max_bytes, uint8_t **ret_data, size_t *ret_bytes);
bool dcn_begins_like_gzip(const uint8_t *data, size_t bytes);

#endif
