/* Content hashes over libxxhash; the digits are XXH3-128's canonical form, high half first. */
#include "base/hash.h"

#include <string.h>
#include <xxhash.h>

dcn_hash dcn_hash_bytes(const void *bytes, size_t count)
{
    XXH128_hash_t hash = XXH3_128bits(count > 0 ? bytes : "", count);
    return (dcn_hash){.low = hash.low64, .high = hash.high64};
}

dcn_hash dcn_hash_mix(dcn_hash a, dcn_hash b)
{
    char digits[2 * DCN_HASH_HEX]; /* as text, so that the result is the same on a big-endian machine */
    dcn_hash_hex(a, digits);
    dcn_hash_hex(b, digits + DCN_HASH_HEX);
    return dcn_hash_bytes(digits, sizeof digits);
}

bool dcn_hash_equal(dcn_hash a, dcn_hash b)
{
    return a.low == b.low && a.high == b.high;
}

void dcn_hash_hex(dcn_hash hash, char ret_text[DCN_HASH_HEX])
{
    static const char digits[] = "0123456789abcdef";
    for (int i = 0; i < 16; i++) {
        ret_text[i] = digits[hash.high >> (60 - 4 * i) & 15];
        ret_text[16 + i] = digits[hash.low >> (60 - 4 * i) & 15];
    }
    ret_text[32] = '\0';
}

bool dcn_hash_parse(const char *text, dcn_hash *ret_hash)
{
    static const char digits[] = "0123456789abcdef";
    dcn_hash hash = {0};
    for (int i = 0; i < 32; i++) {
        const char *digit = text[i] != '\0' ? strchr(digits, text[i]) : NULL;
        if (digit == NULL) return false;
        uint64_t *half = i < 16 ? &hash.high : &hash.low;
        *half = *half << 4 | (uint64_t)(digit - digits);
    }
    if (text[32] != '\0') return false;
    *ret_hash = hash;
    return true;
}
