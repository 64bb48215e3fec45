/* SHA-256: whether what was fetched is what was published. For everything else base/hash.h is faster. */
#ifndef DCN_BASE_SHA256_H
#define DCN_BASE_SHA256_H

#include <stddef.h>

#include "base/status.h"

#define DCN_SHA256_HEX 65 /* 64 digits and NUL */

/* INTERNAL where libcrypto cannot do it. */
decant_status dcn_sha256_hex(const void *data, size_t bytes, char ret_hex[DCN_SHA256_HEX]);

#endif
