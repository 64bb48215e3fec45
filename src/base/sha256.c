/* SHA-256 over libcrypto. */
#include "base/sha256.h"

#include <openssl/sha.h>

decant_status dcn_sha256_hex(const void *data, size_t bytes, char ret_hex[DCN_SHA256_HEX])
{
    static const char digits[] = "0123456789abcdef";
    unsigned char sum[SHA256_DIGEST_LENGTH];
    if (SHA256(data, bytes, sum) == NULL) return DCN_FAIL(INTERNAL, "libcrypto has no SHA-256");
    for (int i = 0; i < SHA256_DIGEST_LENGTH; i++) {
        ret_hex[2 * i] = digits[sum[i] >> 4];
        ret_hex[2 * i + 1] = digits[sum[i] & 15];
    }
    ret_hex[2 * SHA256_DIGEST_LENGTH] = '\0';
    return DECANT_OK;
}
