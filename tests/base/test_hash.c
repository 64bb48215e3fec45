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

static void digits_round_trip(void **state)
{
    (void)state;
    dcn_hash hash = dcn_hash_bytes("decant", 6), back = {0, 0};
    char digits[DCN_HASH_HEX];
    dcn_hash_hex(hash, digits);
    assert_true(dcn_hash_parse(digits, &back));
    assert_true(dcn_hash_equal(hash, back));
}

static void bad_digits_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "99aa",
                                      "99aa06d3014798d86001c324468d497",
                                      "99aa06d3014798d86001c324468d497f0",
                                      "99aa06d3014798d86001c324468d497g",
                                      "99AA06D3014798D86001C324468D497F"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        dcn_hash hash = {1, 2};
        assert_false(dcn_hash_parse(bad[i], &hash));
        assert_true(hash.low == 1 && hash.high == 2);
    }
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_digits_are_xxh3s),
        cmocka_unit_test(digits_round_trip),
        cmocka_unit_test(bad_digits_are_refused),
        cmocka_unit_test(content_and_order_matter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
