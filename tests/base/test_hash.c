/* Content hashes: xxHash's published value, the digits, and that nothing collides that must not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/hash.h"

/* XXH3-128 of nothing with seed 0, as in xxHash's specification: 99aa06d3014798d86001c324468d497f. Files that users
 * keep hold such digits, so the algorithm and the order of the halves may never change. */
static void the_digits_are_xxh3s(void **state)
{
    (void)state;
    char digits[DCN_HASH_HEX];
    dcn_hash_hex(dcn_hash_bytes(NULL, 0), digits);
    assert_string_equal(digits, "99aa06d3014798d86001c324468d497f");
}

static void content_and_order_matter(void **state)
{
    (void)state;
    dcn_hash a = dcn_hash_bytes("a", 1), b = dcn_hash_bytes("b", 1), ab = dcn_hash_mix(a, b);
    assert_false(dcn_hash_equal(a, b));
    assert_false(dcn_hash_equal(ab, dcn_hash_mix(b, a)));
    assert_false(dcn_hash_equal(ab, a));
    assert_true(dcn_hash_equal(ab, dcn_hash_mix(a, b)));
    dcn_hash low_only = a;
    low_only.high++;
    assert_false(dcn_hash_equal(low_only, a));
}

static void digits_are_read_back(void **state)
{
    (void)state;
    char digits[DCN_HASH_HEX];
    dcn_hash hash = dcn_hash_bytes("a", 1), back = {0};
    dcn_hash_hex(hash, digits);
    assert_true(dcn_hash_parse(digits, &back));
    assert_true(dcn_hash_equal(hash, back));
    assert_false(dcn_hash_parse("", &back));
    assert_false(dcn_hash_parse("99aa06d3014798d86001c324468d497", &back));
    assert_false(dcn_hash_parse("99aa06d3014798d86001c324468d497f0", &back));
    assert_false(dcn_hash_parse("99aa06d3014798d86001c324468d497g", &back));
    assert_true(dcn_hash_equal(hash, back));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_digits_are_xxh3s),
        cmocka_unit_test(content_and_order_matter),
        cmocka_unit_test(digits_are_read_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
