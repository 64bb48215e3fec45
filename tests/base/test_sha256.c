/* SHA-256 against the examples of FIPS 180-4 and coreutils' sha256sum, at every length around a block's end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/sha256.h"

static void assert_sum(const char *text, size_t bytes, const char *expected)
{
    char hex[DCN_SHA256_HEX];
    dcn_sha256_hex(text, bytes, hex);
    assert_string_equal(hex, expected);
}

static void test_examples(void **state)
{
    (void)state;
    assert_sum("", 0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert_sum("abc", 3, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_sum("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56,
               "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

static void test_a_million_in_uneven_pieces(void **state)
{
    (void)state;
    char piece[97], hex[DCN_SHA256_HEX];
    dcn_sha256 sum;
    memset(piece, 'a', sizeof piece);
    dcn_sha256_begin(&sum);
    for (size_t left = 1000000; left > 0;) {
        size_t some = left < sizeof piece ? left : 1 + left % sizeof piece;
        dcn_sha256_add(&sum, piece, some);
        left -= some;
    }
    dcn_sha256_end(&sum, hex);
    assert_string_equal(hex, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

/* The sum of all sums of 0 to 130 bytes "x": breaks when padding is wrong at any length. */
static void test_every_length(void **state)
{
    (void)state;
    char text[130], hex[DCN_SHA256_HEX];
    dcn_sha256 all;
    memset(text, 'x', sizeof text);
    dcn_sha256_begin(&all);
    for (size_t bytes = 0; bytes <= sizeof text; bytes++) {
        dcn_sha256_hex(text, bytes, hex);
        dcn_sha256_add(&all, hex, 64);
    }
    dcn_sha256_end(&all, hex);
    assert_string_equal(hex, "87aca1c44bc7ba8897768170211f0a02063de70801131ff86c7edb9ce32c6a50");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_examples),
        cmocka_unit_test(test_a_million_in_uneven_pieces),
        cmocka_unit_test(test_every_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
