/* Bytes as floats: bit by bit what the definition gives, whichever way they are made. */
#include "fixture.h"

#include <string.h>

#include "base/random.h"
#include "data/bytes.h"

static void check(float mean, float std, int64_t first, int64_t count)
{
    uint8_t bytes[256 + 16];
    float floats[256 + 16];
    const dcn_byte_floats known = dcn_byte_floats_of(mean, std);
    for (int i = 0; i < 272; i++) {
        bytes[i] = (uint8_t)(i * 89);
        floats[i] = 1e9f;
    }
    dcn_bytes_to_floats(&known, bytes + first, count, floats);
    for (int64_t i = 0; i < count; i++) {
        const float expected = ((float)bytes[first + i] / 255.0f - mean) / std;
        if (memcmp(&floats[i], &expected, sizeof expected) != 0)
            fail_msg("byte %d, mean %.9g, std %.9g: %.9g instead of %.9g", bytes[first + i], (double)mean, (double)std,
                     (double)floats[i], (double)expected);
    }
    assert_true(floats[count] == 1e9f);
}

static void test_every_byte(void **state)
{
    (void)state;
    static const float known[][2] = {{0, 1},           {0.1307f, 0.3081f}, {0.2860f, 0.3530f}, {0.485f, 0.229f},
                                     {0.456f, 0.224f}, {0.406f, 0.225f},   {0.5f, 0.5f},       {0.4914f, 0.2470f}};
    for (size_t i = 0; i < DCN_COUNT(known); i++) {
        check(known[i][0], known[i][1], 0, 256);
#ifdef __x86_64__
        if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
            assert_true(dcn_byte_floats_of(known[i][0], known[i][1]).is_quick);
#endif
    }
    dcn_random random = dcn_random_start(7, DCN_PURPOSE_SHUFFLE, 0, 0);
    for (int i = 0; i < 5000; i++) {
        const float mean = (float)dcn_random_below(&random, 1U << 24) / (float)(1U << 24);
        const float std = (float)(1 + dcn_random_below(&random, 1U << 24)) / (float)(1U << 24);
        check(mean, std, 0, 256);
    }
}

/* Quotients that overflow, and divisors whose reciprocal does or has no exact remainder. */
static void test_extreme_deviations(void **state)
{
    (void)state;
    static const float stds[] = {1e-44f, 1e-38f, 1e-30f, 1e30f, 3e38f, 0x1.fffffep-1f, 0x1.fffffep-3f};
    for (size_t i = 0; i < DCN_COUNT(stds); i++) {
        check(0.3f, stds[i], 0, 256);
        check(0, stds[i], 0, 256);
    }
}

static void test_every_short_run(void **state)
{
    (void)state;
    for (int64_t first = 0; first < 9; first++)
        for (int64_t count = 0; count < 70; count++)
            check(0.1307f, 0.3081f, first, count);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_byte),
        cmocka_unit_test(test_extreme_deviations),
        cmocka_unit_test(test_every_short_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
