/* SHA-256 (FIPS 180-4): whether what was fetched is what was published. For everything else base/hash.h is faster. */
#ifndef DCN_BASE_SHA256_H
#define DCN_BASE_SHA256_H

#include <stddef.h>
#include <stdint.h>

#define DCN_SHA256_HEX 65 /* 64 digits and NUL */

typedef struct dcn_sha256 {
    uint32_t state[8];
    uint64_t bytes; /* so far */
    uint8_t block[64];
} dcn_sha256;

void dcn_sha256_begin(dcn_sha256 *sum);
void dcn_sha256_add(dcn_sha256 *sum, const void *data, size_t bytes);
void dcn_sha256_end(dcn_sha256 *sum, char ret_hex[DCN_SHA256_HEX]);
/* All at once. */
void dcn_sha256_hex(const void *data, size_t bytes, char ret_hex[DCN_SHA256_HEX]);

#endif
