/* Is one thing better than another? Mean and spread, the paired t-test, the sign test and McNemar's exact test, each
 * with its exact distribution through the incomplete beta function. */
#include <math.h>

#include "base/memory.h"
#include "base/moments.h"
#include "decant/report.h"

static const double significance = 0.05;
static const double rounding = 1e-9; /* of a difference: a spread below this share of it is none */

const char *decant_verdict_name(decant_verdict verdict)
{
    static const char *const names[] = {"inconclusive", "better", "not better"};
    return (size_t)verdict < DCN_COUNT(names) ? names[verdict] : "unknown";
}

static dcn_moments moments_of(const double *values, int64_t count)
{
    dcn_moments moments = {0};
    for (int64_t i = 0; i < count; i++)
        dcn_moments_add(&moments, values[i]);
    return moments;
}

double decant_mean(const double *values, int64_t count)
{
    return count > 0 ? moments_of(values, count).mean : (double)NAN;
}

double decant_spread(const double *values, int64_t count)
{
    const dcn_moments moments = moments_of(values, count);
    return dcn_moments_spread(&moments);
}

/* The continued fraction of the incomplete beta function, by the modified Lentz method (Abramowitz and Stegun 26.5.8).
 * It converges fast for x < (a + 1) / (a + b + 2). */
static double beta_fraction(double a, double b, double x)
{
    const double tiny = 1e-300, close_enough = 1e-15;
    double c = 1, d = 1 - (a + b) * x / (a + 1);
    d = 1 / (fabs(d) < tiny ? tiny : d);
    double fraction = d;
    for (int m = 1; m <= 10000; m++) {
        double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
        double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
        const double steps[2] = {even, odd};
        double change = 1;
        for (int i = 0; i < 2; i++) {
            d = 1 + steps[i] * d;
            c = 1 + steps[i] / c;
            d = 1 / (fabs(d) < tiny ? tiny : d);
            if (fabs(c) < tiny) c = tiny;
            change = c * d;
            fraction *= change;
        }
        if (fabs(change - 1) < close_enough) break;
    }
    return fraction;
}

static double log_gamma(double x)
{
    int sign = 0;
    return lgamma_r(x, &sign); /* lgamma writes a global */
}

/* The regularised incomplete beta function I_x(a, b), for a, b > 0. */
static double incomplete_beta(double a, double b, double x)
{
    if (x <= 0) return 0;
    if (x >= 1) return 1;
    double front = exp(log_gamma(a + b) - log_gamma(a) - log_gamma(b) + a * log(x) + b * log1p(-x));
    if (x < (a + 1) / (a + b + 2)) return front * beta_fraction(a, b, x) / a;
    return 1 - front * beta_fraction(b, a, 1 - x) / b;
}

/* Both tails of Student's t beyond |t|. */
static double student_tails(double t, double freedom)
{
    return incomplete_beta(freedom / 2, 0.5, freedom / (freedom + t * t));
}

static decant_verdict verdict_of(double difference, double p)
{
    if (!(p < significance)) return DECANT_VERDICT_INCONCLUSIVE;
    return difference > 0 ? DECANT_VERDICT_BETTER : DECANT_VERDICT_WORSE;
}

decant_status decant_judge_seeds(const double *first, const double *second, int64_t count,
                                 decant_judgement *ret_judgement)
{
    DCN_REQUIRE(first, second, ret_judgement);
    if (count < 2) return DCN_FAIL(INVALID_ARG, "a paired t-test needs at least 2 seeds, not %lld", (long long)count);
    double *differences = NULL; /* [count] */
    decant_status status = DECANT_OK;
    TRY(dcn_new_array((size_t)count, sizeof *differences, (void **)&differences));
    for (int64_t i = 0; i < count; i++) {
        differences[i] = first[i] - second[i];
        if (isfinite(differences[i])) continue;
        status = DCN_FAIL(INVALID_ARG, "the results of seed number %lld are not finite", (long long)i + 1);
        goto out;
    }
    decant_judgement judgement = {.test = "paired t-test", .pairs = count};
    judgement.difference = decant_mean(differences, count);
    judgement.spread = decant_spread(differences, count);
    if (judgement.spread > rounding * fabs(judgement.difference)) {
        judgement.statistic = judgement.difference / (judgement.spread / sqrt((double)count));
        judgement.p = student_tails(judgement.statistic, (double)(count - 1));
    } else {
        /* Accuracies are counts: a few seeds may well differ by the same number of samples. t has nothing to divide by
         * then, and the sign test remains: all of them in one direction, two-sided. */
        judgement.test = "sign test";
        judgement.spread = 0;
        judgement.p = judgement.difference != 0 ? ldexp(2, -(int)fmin((double)count, 1000)) : 1;
    }
    judgement.verdict = verdict_of(judgement.difference, judgement.p);
    *ret_judgement = judgement;
out:
    dcn_free(differences);
    return status;
}

decant_status decant_judge_predictions(int64_t only_first, int64_t only_second, int64_t count,
                                       decant_judgement *ret_judgement)
{
    DCN_REQUIRE(ret_judgement);
    if (only_first < 0 || only_second < 0 || only_first > count || only_second > count - only_first) {
        return DCN_FAIL(INVALID_ARG, "%lld and %lld samples that only one got right cannot come from %lld",
                        (long long)only_first, (long long)only_second, (long long)count);
    }
    int64_t pairs = only_first + only_second;
    int64_t fewer = only_first < only_second ? only_first : only_second;
    decant_judgement judgement = {.test = "McNemar's exact test", .pairs = pairs, .p = 1};
    judgement.difference = count > 0 ? (double)(only_first - only_second) / (double)count : 0;
    /* Either is as likely to be the right one: twice P(X <= fewer) for X ~ Binomial(pairs, 1/2). */
    if (fewer < pairs - fewer) {
        judgement.p = fmin(1, 2 * incomplete_beta((double)(pairs - fewer), (double)(fewer + 1), 0.5));
    }
    judgement.verdict = verdict_of(judgement.difference, judgement.p);
    *ret_judgement = judgement;
    return DECANT_OK;
}
