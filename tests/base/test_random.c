/* Philox against its authors' known answers, and the distributions built on it against their moments.
 * The seeds are fixed, so a statistical bound here either always holds or always fails. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"

#define DRAWS 200000

/* Random123's kat_vectors, philox4x32 with 10 rounds: zeros, ones, the digits of pi. */
static void philox_gives_the_published_answers(void **state)
{
    (void)state;
    static const struct {
        uint32_t counter[4], key[2], answer[4];
    } known[] = {
        {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
         {0xffffffff, 0xffffffff},
         {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
         {0xa4093822, 0x299f31d0},
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    for (size_t i = 0; i < DCN_COUNT(known); i++) {
        uint32_t answer[4];
        dcn_philox((uint64_t)known[i].key[1] << 32 | known[i].key[0], known[i].counter, answer);
        assert_memory_equal(answer, known[i].answer, sizeof answer);
    }
}

/* Data order and initial weights follow from this layout: changing it silently changes every user's results. */
static void the_counter_layout_is_as_documented(void **state)
{
    (void)state;
    uint64_t a = 0x00a1b2c3d4e5f607u;
    dcn_random random = dcn_random_start(42, DCN_PURPOSE_AUGMENT, a, 9);
    for (uint32_t draw = 0; draw < 12; draw++) {
        const uint32_t counter[4] = {draw / 4, 3u | 0x00a1b2c3u << 8, 0xd4e5f607u, 9};
        uint32_t block[4];
        dcn_philox(42, counter, block);
        assert_int_equal(dcn_random_u32(&random), block[draw % 4]);
    }
}

static void every_part_of_a_decision_matters(void **state)
{
    (void)state;
    dcn_random streams[] = {
        dcn_random_start(1, DCN_PURPOSE_INIT, 5, 6),         dcn_random_start(2, DCN_PURPOSE_INIT, 5, 6),
        dcn_random_start(1, DCN_PURPOSE_SHUFFLE, 5, 6),      dcn_random_start(1, DCN_PURPOSE_INIT, 7, 6),
        dcn_random_start(1, DCN_PURPOSE_INIT, 5, 8),         dcn_random_start(1ull << 40, DCN_PURPOSE_INIT, 5, 6),
        dcn_random_start(1, DCN_PURPOSE_INIT, 1ull << 40, 6)};
    uint32_t first[DCN_COUNT(streams)];
    for (size_t i = 0; i < DCN_COUNT(streams); i++) {
        first[i] = dcn_random_u32(&streams[i]);
        for (size_t j = 0; j < i; j++)
            assert_int_not_equal(first[i], first[j]);
    }
}

static dcn_random test_stream(uint32_t number)
{
    return dcn_random_start(2024, DCN_PURPOSE_TEST, 0, number);
}

/* Bounds are five standard errors of the estimate from DRAWS draws. */
static void uniform_has_its_moments_and_range(void **state)
{
    (void)state;
    dcn_random random = test_stream(1);
    double sum = 0, squares = 0, least = 1, most = 0;
    for (int i = 0; i < DRAWS; i++) {
        double x = dcn_random_uniform(&random);
        sum += x;
        squares += (x - 0.5) * (x - 0.5);
        least = fmin(least, x);
        most = fmax(most, x);
    }
    assert_true(least >= 0.0 && least < 1e-3);
    assert_true(most < 1.0 && most > 1.0 - 1e-3);
    assert_true(fabs(sum / DRAWS - 0.5) < 5 * sqrt(1.0 / 12 / DRAWS));
    assert_true(fabs(squares / DRAWS - 1.0 / 12) < 5 * sqrt(1.0 / 180 / DRAWS));
}

static void below_is_even_and_in_range(void **state)
{
    (void)state;
    dcn_random random = test_stream(2);
    int seen[7] = {0};
    for (int i = 0; i < DRAWS; i++) {
        uint32_t x = dcn_random_below(&random, 7);
        assert_true(x < 7);
        seen[x]++;
    }
    double chi_squared = 0;
    for (int i = 0; i < 7; i++)
        chi_squared += pow(seen[i] - DRAWS / 7.0, 2) / (DRAWS / 7.0);
    assert_true(chi_squared < 22.5); /* 99.9% of chi squared with 6 degrees of freedom */
    for (int i = 0; i < 100; i++)
        assert_int_equal(dcn_random_below(&random, 1), 0);
    /* A bound of 3/4 of the range: a plain remainder would give the low third twice as often. */
    int low = 0;
    for (int i = 0; i < DRAWS; i++)
        low += dcn_random_below(&random, 0xc0000000u) < 0x40000000u;
    assert_true(fabs((double)low / DRAWS - 1.0 / 3) < 5 * sqrt(2.0 / 9 / DRAWS));
}

static void normal_has_its_moments_and_tails(void **state)
{
    (void)state;
    dcn_random random = test_stream(3);
    double sum = 0, squares = 0, fourths = 0;
    int beyond_two = 0;
    for (int i = 0; i < DRAWS; i++) {
        double x = dcn_random_normal(&random);
        assert_true(isfinite(x));
        sum += x;
        squares += x * x;
        fourths += x * x * x * x;
        beyond_two += fabs(x) > 2;
    }
    assert_true(fabs(sum / DRAWS) < 5 * sqrt(1.0 / DRAWS));
    assert_true(fabs(squares / DRAWS - 1) < 5 * sqrt(2.0 / DRAWS));
    assert_true(fabs(fourths / DRAWS - 3) < 5 * sqrt(96.0 / DRAWS));
    assert_true(fabs((double)beyond_two / DRAWS - 0.0455) < 5 * sqrt(0.0455 / DRAWS));
}

/* Beta(a, a) has mean 1/2 and variance 1 / (4 (2a + 1)); the smallest alpha is one where the gamma draws behind it
 * underflow, so that a careless quotient would be 0/0. */
static void beta_has_its_moments(void **state)
{
    (void)state;
    static const double alphas[] = {0.0005, 0.2, 1.0, 4.0};
    for (uint32_t k = 0; k < DCN_COUNT(alphas); k++) {
        dcn_random random = test_stream(10 + k);
        double sum = 0, squares = 0;
        for (int i = 0; i < DRAWS; i++) {
            double x = dcn_random_beta(&random, alphas[k]);
            assert_true(x >= 0 && x <= 1);
            sum += x - 0.5;
            squares += (x - 0.5) * (x - 0.5);
        }
        double variance = 1 / (4 * (2 * alphas[k] + 1));
        assert_true(fabs(sum / DRAWS) < 5 * sqrt(variance / DRAWS));
        assert_true(fabs(squares / DRAWS - variance) < 5 * 0.25 / sqrt(DRAWS));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(philox_gives_the_published_answers),
        cmocka_unit_test(the_counter_layout_is_as_documented),
        cmocka_unit_test(every_part_of_a_decision_matters),
        cmocka_unit_test(uniform_has_its_moments_and_range),
        cmocka_unit_test(below_is_even_and_in_range),
        cmocka_unit_test(normal_has_its_moments_and_tails),
        cmocka_unit_test(beta_has_its_moments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
