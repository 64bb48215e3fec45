/* Content hashes: XXH3-128 (libxxhash) for equality of data, models and recipes. Not for security. */
#ifndef DCN_BASE_HASH_H
#define DCN_BASE_HASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct dcn_hash {
    uint64_t low, high;
} dcn_hash;

#define DCN_HASH_HEX 33 /* 32 digits and NUL */

dcn_hash dcn_hash_bytes(const void *bytes, size_t count);
/* Order-dependent combination of two hashes. */
dcn_hash dcn_hash_mix(dcn_hash a, dcn_hash b);
bool dcn_hash_equal(dcn_hash a, dcn_hash b);
void dcn_hash_hex(dcn_hash hash, char ret_text[DCN_HASH_HEX]);
bool dcn_hash_parse(const char *text, dcn_hash *ret_hash); /* what dcn_hash_hex wrote */

#endif
