/* SHA-256 against the examples of FIPS 180-4: breaks when the wrong function is asked, or its digits are mixed up. */
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
    assert_int_equal(dcn_sha256_hex(text, bytes, hex), DECANT_OK);
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

static void test_a_million(void **state)
{
    (void)state;
    static char text[1000000];
    memset(text, 'a', sizeof text);
    assert_sum(text, sizeof text, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_examples),
        cmocka_unit_test(test_a_million),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
