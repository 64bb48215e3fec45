/* Mean, spread, the paired t-test and McNemar's exact test against closed forms, published tables and exact fractions.
 * A wrong number of degrees of freedom, a one-sided tail or an approximated distribution breaks these. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "decant/report.h"

static void assert_near(double got, double wanted, double tolerance)
{
    if (!(fabs(got - wanted) <= tolerance)) fail_msg("%.15g is not %.15g", got, wanted);
}

/* count differences with a t statistic of exactly t: n - 1 of one value and one other cannot miss it. */
static double p_of_t(double t, int64_t count)
{
    /* x_i = mean + deviation_i with deviations summing to 0 and sample variance 1. */
    double first[64], second[64] = {0};
    double mean = t / sqrt((double)count), high = sqrt((double)(count - 1) / (double)count);
    for (int64_t i = 0; i < count; i++)
        first[i] = mean - high / (double)(count - 1);
    first[0] = mean + high;
    /* The sample variance of these deviations is (high^2 + high^2 / (count - 1)) / (count - 1) = 1 / (count - 1). */
    double scale = sqrt((double)(count - 1));
    for (int64_t i = 0; i < count; i++)
        first[i] = mean + (first[i] - mean) * scale;
    decant_judgement judgement;
    assert_int_equal(decant_judge_seeds(first, second, count, &judgement), DECANT_OK);
    assert_near(judgement.statistic, t, 1e-9 * (1 + fabs(t)));
    return judgement.p;
}

static void test_t_matches_the_tables(void **state)
{
    (void)state;
    /* Critical values of Student's t, two-sided 5 % (and 1 %), from any table. */
    static const struct {
        double t;
        int64_t freedom;
        double p;
    } table[] = {
        {12.706, 1, 0.05}, {4.303, 2, 0.05}, {3.182, 3, 0.05}, {2.776, 4, 0.05},  {2.262, 9, 0.05},
        {9.925, 2, 0.01},  {4.604, 4, 0.01}, {3.250, 9, 0.01}, {2.045, 29, 0.05}, {1.383, 9, 0.20},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        assert_near(p_of_t(table[i].t, table[i].freedom + 1), table[i].p, 5e-5);
    }
}

/* Closed forms for 1, 2 and 4 degrees of freedom. */
static void test_t_matches_closed_forms(void **state)
{
    (void)state;
    const double pi = 3.14159265358979323846;
    for (double t = -6; t < 7; t += 0.75) {
        double x = fabs(t) / sqrt(4 + t * t);
        assert_near(p_of_t(t, 2), 1 - 2 * atan(fabs(t)) / pi, 1e-12);
        assert_near(p_of_t(t, 3), 1 - fabs(t) / sqrt(2 + t * t), 1e-12);
        assert_near(p_of_t(t, 5), 1 - (1.5 * x - 0.5 * x * x * x), 1e-12);
    }
}

static void test_seeds_are_paired(void **state)
{
    (void)state;
    /* Two runs whose spread hides a difference that every seed shows. */
    static const double first[5] = {.91, .93, .95, .92, .94}, second[5] = {.900, .921, .939, .911, .929};
    decant_judgement judgement;
    assert_int_equal(decant_judge_seeds(first, second, 5, &judgement), DECANT_OK);
    assert_int_equal(judgement.verdict, DECANT_VERDICT_BETTER);
    assert_int_equal(judgement.pairs, 5);
    assert_near(judgement.difference, 0.01, 1e-12);
    assert_int_equal(decant_judge_seeds(second, first, 5, &judgement), DECANT_OK);
    assert_int_equal(judgement.verdict, DECANT_VERDICT_WORSE);
    assert_string_equal(decant_verdict_name(judgement.verdict), "not better");
}

static void test_a_difference_within_the_spread_is_inconclusive(void **state)
{
    (void)state;
    static const double first[5] = {.90, .91, .92, .93, .95}, second[5] = {.89, .905, .90, .93, .94};
    decant_judgement judgement;
    assert_int_equal(decant_judge_seeds(first, second, 5, &judgement), DECANT_OK);
    assert_near(judgement.difference, 0.009, 1e-12);
    assert_near(judgement.spread, 0.0074161984870956705, 1e-12);
    assert_near(judgement.statistic, 2.7136021011998723, 1e-9);
    assert_near(judgement.p, 0.05332, 1e-4);
    assert_int_equal(judgement.verdict, DECANT_VERDICT_INCONCLUSIVE);
}

/* Breaks when two seeds that are one image better each are taken for certainty. */
static void test_equal_differences_are_no_certainty(void **state)
{
    (void)state;
    static const double first[6] = {.502, .642, .702, .802, .902, .952}, second[6] = {.5, .64, .7, .8, .9, .95};
    decant_judgement judgement;
    assert_int_equal(decant_judge_seeds(first, second, 2, &judgement), DECANT_OK);
    assert_int_equal(judgement.verdict, DECANT_VERDICT_INCONCLUSIVE);
    assert_string_equal(judgement.test, "sign test");
    assert_near(judgement.p, 0.5, 0);
    assert_int_equal(decant_judge_seeds(first, second, 5, &judgement), DECANT_OK);
    assert_int_equal(judgement.verdict, DECANT_VERDICT_INCONCLUSIVE);
    assert_int_equal(decant_judge_seeds(first, second, 6, &judgement), DECANT_OK);
    assert_near(judgement.p, 0.03125, 0);
    assert_int_equal(judgement.verdict, DECANT_VERDICT_BETTER);
    assert_int_equal(decant_judge_seeds(second, first, 6, &judgement), DECANT_OK);
    assert_int_equal(judgement.verdict, DECANT_VERDICT_WORSE);
}

static void test_equal_runs_are_inconclusive(void **state)
{
    (void)state;
    static const double same[3] = {.9, .8, .7};
    decant_judgement judgement;
    assert_int_equal(decant_judge_seeds(same, same, 3, &judgement), DECANT_OK);
    assert_int_equal(judgement.verdict, DECANT_VERDICT_INCONCLUSIVE);
    assert_near(judgement.p, 1, 0);
}

static void test_one_seed_or_bad_numbers_are_refused(void **state)
{
    (void)state;
    static const double values[2] = {.9, .8};
    const double bad[2] = {.9, (double)NAN};
    decant_judgement judgement = {.p = -7};
    assert_int_equal(decant_judge_seeds(values, values, 1, &judgement), DECANT_INVALID_ARG);
    assert_int_equal(decant_judge_seeds(values, bad, 2, &judgement), DECANT_INVALID_ARG);
    assert_near(judgement.p, -7, 0);
}

/* Exact fractions: twice the binomial tail. */
static void test_mcnemar_is_exact(void **state)
{
    (void)state;
    static const struct {
        int64_t first, second;
        double p;
    } known[] = {
        {0, 5, 0.0625},
        {0, 6, 0.03125},
        {5, 15, 0.04138946533203125},
        {10, 25, 0.01667384780012071},
        {200, 250, 0.02079180024760769},
        {7, 7, 1},
        {3, 4, 1},
        {0, 0, 1},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        decant_judgement judgement;
        assert_int_equal(decant_judge_predictions(known[i].first, known[i].second, 10000, &judgement), DECANT_OK);
        assert_near(judgement.p, known[i].p, 1e-12);
        assert_int_equal(judgement.pairs, known[i].first + known[i].second);
        double swapped_difference = judgement.difference;
        assert_int_equal(decant_judge_predictions(known[i].second, known[i].first, 10000, &judgement), DECANT_OK);
        assert_near(judgement.p, known[i].p, 1e-12);
        assert_near(judgement.difference, -swapped_difference, 0);
    }
}

static void test_mcnemar_verdicts(void **state)
{
    (void)state;
    decant_judgement judgement;
    assert_int_equal(decant_judge_predictions(15, 5, 100, &judgement), DECANT_OK);
    assert_int_equal(judgement.verdict, DECANT_VERDICT_BETTER);
    assert_near(judgement.difference, 0.1, 1e-15);
    assert_int_equal(decant_judge_predictions(5, 15, 100, &judgement), DECANT_OK);
    assert_int_equal(judgement.verdict, DECANT_VERDICT_WORSE);
    assert_int_equal(decant_judge_predictions(0, 5, 100, &judgement), DECANT_OK);
    assert_int_equal(judgement.verdict, DECANT_VERDICT_INCONCLUSIVE);
    assert_int_equal(decant_judge_predictions(60, 50, 100, &judgement), DECANT_INVALID_ARG);
    assert_int_equal(decant_judge_predictions(-1, 5, 100, &judgement), DECANT_INVALID_ARG);
}

static void test_spread_divides_by_n_minus_one(void **state)
{
    (void)state;
    static const double values[4] = {2, 4, 4, 6};
    assert_near(decant_mean(values, 4), 4, 0);
    assert_near(decant_spread(values, 4), sqrt(8.0 / 3.0), 1e-15);
    assert_near(decant_spread(values, 1), 0, 0);
    assert_true(isnan(decant_mean(values, 0)));
    static const double equal[5] = {0.9927, 0.9927, 0.9927, 0.9927,
                                    0.9927}; /* a fifth of whose sum is another number */
    assert_near(decant_mean(equal, 5), 0.9927, 0);
    assert_near(decant_spread(equal, 5), 0, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_t_matches_the_tables),
        cmocka_unit_test(test_t_matches_closed_forms),
        cmocka_unit_test(test_seeds_are_paired),
        cmocka_unit_test(test_a_difference_within_the_spread_is_inconclusive),
        cmocka_unit_test(test_equal_differences_are_no_certainty),
        cmocka_unit_test(test_equal_runs_are_inconclusive),
        cmocka_unit_test(test_one_seed_or_bad_numbers_are_refused),
        cmocka_unit_test(test_mcnemar_is_exact),
        cmocka_unit_test(test_mcnemar_verdicts),
        cmocka_unit_test(test_spread_divides_by_n_minus_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
