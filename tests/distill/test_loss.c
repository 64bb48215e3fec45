/* The public loss functions: properties that hold for any logits, and what is refused. A forgotten T^2, a mean over
 * classes instead of a sum, or a softmax that overflows breaks these. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/random.h"
#include "decant/loss.h"
#include "distill/term.h"

#define ROWS    6
#define CLASSES 5

static void assert_near(double got, double wanted, double tolerance)
{
    if (!(fabs(got - wanted) <= tolerance * (1 + fabs(wanted)))) fail_msg("%.9g is not %.9g", got, wanted);
}

static decant_tensor matrix(float *data, int64_t rows)
{
    const int64_t dims[2] = {rows, CLASSES};
    decant_shape shape = decant_shape_make(2, dims);
    return decant_tensor_view(DECANT_F32, &shape, data);
}

static decant_tensor label_vector(int32_t *data, int64_t rows)
{
    decant_shape shape = decant_shape_make(1, &rows);
    return decant_tensor_view(DECANT_I32, &shape, data);
}

static void fill(float *data, uint64_t seed, double scale)
{
    dcn_random random = dcn_random_start(seed, DCN_PURPOSE_TEST, 0, 0);
    for (int i = 0; i < ROWS * CLASSES; i++)
        data[i] = (float)(scale * dcn_random_normal(&random));
}

static float kd(float *student, float *teacher, int64_t rows, float temperature, float *gradient)
{
    decant_tensor s = matrix(student, rows), t = matrix(teacher, rows), g = matrix(gradient, rows);
    float loss = -1;
    assert_int_equal(decant_loss_kd(&s, &t, temperature, &loss, gradient != NULL ? &g : NULL), DECANT_OK);
    return loss;
}

static float ce(float *logits, int32_t *labels, int64_t rows, float smoothing, float *gradient)
{
    decant_tensor s = matrix(logits, rows), y = label_vector(labels, rows), g = matrix(gradient, rows);
    float loss = -1;
    assert_int_equal(decant_loss_ce(&s, &y, smoothing, &loss, gradient != NULL ? &g : NULL), DECANT_OK);
    return loss;
}

/* log softmax of one row at temperature T, in double. */
static void log_softmax(const float *row, double temperature, double *ret)
{
    double top = -(double)INFINITY, sum = 0;
    for (int c = 0; c < CLASSES; c++)
        top = fmax(top, (double)row[c] / temperature);
    for (int c = 0; c < CLASSES; c++)
        sum += exp((double)row[c] / temperature - top);
    for (int c = 0; c < CLASSES; c++)
        ret[c] = (double)row[c] / temperature - top - log(sum);
}

static void test_kd_is_its_definition(void **state)
{
    (void)state;
    static const float temperatures[] = {0.5f, 1, 4, 20};
    float student[ROWS * CLASSES], teacher[ROWS * CLASSES], gradient[ROWS * CLASSES];
    fill(student, 1, 2);
    fill(teacher, 2, 3);
    for (size_t k = 0; k < 4; k++) {
        double temperature = (double)temperatures[k], wanted = 0;
        for (int n = 0; n < ROWS; n++) {
            double p[CLASSES], q[CLASSES];
            log_softmax(teacher + n * CLASSES, temperature, p);
            log_softmax(student + n * CLASSES, temperature, q);
            for (int c = 0; c < CLASSES; c++)
                wanted += exp(p[c]) * (p[c] - q[c]);
        }
        wanted *= temperature * temperature / ROWS;
        assert_near((double)kd(student, teacher, ROWS, temperatures[k], gradient), wanted, 1e-5);
        /* d/ds = T (q - p) / n */
        for (int n = 0; n < ROWS; n++) {
            double p[CLASSES], q[CLASSES];
            log_softmax(teacher + n * CLASSES, temperature, p);
            log_softmax(student + n * CLASSES, temperature, q);
            for (int c = 0; c < CLASSES; c++) {
                double slope = temperature * (exp(q[c]) - exp(p[c])) / ROWS;
                assert_near((double)gradient[n * CLASSES + c], slope, 1e-5);
            }
        }
    }
}

static void test_kd_is_never_negative_and_zero_for_equals(void **state)
{
    (void)state;
    float student[ROWS * CLASSES], teacher[ROWS * CLASSES], gradient[ROWS * CLASSES];
    for (uint64_t seed = 0; seed < 20; seed++) {
        fill(student, seed, 5);
        fill(teacher, seed + 100, 5);
        assert_true(kd(student, teacher, ROWS, 2, NULL) > 0);
        assert_near((double)kd(teacher, teacher, ROWS, 2, gradient), 0, 1e-6);
        for (int i = 0; i < ROWS * CLASSES; i++)
            assert_near((double)gradient[i], 0, 1e-7);
    }
}

/* Scaling logits and temperature together leaves the probabilities: the loss grows by the square of the scale. */
static void test_kd_grows_with_the_square_of_temperature(void **state)
{
    (void)state;
    float student[ROWS * CLASSES], teacher[ROWS * CLASSES], big_student[ROWS * CLASSES], big_teacher[ROWS * CLASSES];
    fill(student, 3, 2);
    fill(teacher, 4, 2);
    for (int i = 0; i < ROWS * CLASSES; i++) {
        big_student[i] = 4 * student[i];
        big_teacher[i] = 4 * teacher[i];
    }
    double small = (double)kd(student, teacher, ROWS, 1, NULL);
    assert_near((double)kd(big_student, big_teacher, ROWS, 4, NULL), 16 * small, 1e-5);
}

static void test_losses_do_not_see_a_shift_of_a_row(void **state)
{
    (void)state;
    float student[ROWS * CLASSES], teacher[ROWS * CLASSES], shifted[ROWS * CLASSES];
    int32_t labels[ROWS] = {0, 1, 2, 3, 4, 0};
    fill(student, 5, 2);
    fill(teacher, 6, 2);
    for (int i = 0; i < ROWS * CLASSES; i++)
        shifted[i] = student[i] + 8 * (float)(i / CLASSES);
    assert_near((double)kd(shifted, teacher, ROWS, 3, NULL), (double)kd(student, teacher, ROWS, 3, NULL), 1e-4);
    assert_near((double)ce(shifted, labels, ROWS, 0, NULL), (double)ce(student, labels, ROWS, 0, NULL), 1e-5);
}

static void test_losses_stay_finite_for_huge_logits(void **state)
{
    (void)state;
    float student[ROWS * CLASSES], teacher[ROWS * CLASSES], gradient[ROWS * CLASSES];
    int32_t labels[ROWS] = {0, 1, 2, 3, 4, 0};
    for (int i = 0; i < ROWS * CLASSES; i++) {
        student[i] = i % 2 == 0 ? 1e4f : -1e4f;
        teacher[i] = -student[i];
    }
    assert_true(isfinite(kd(student, teacher, ROWS, 1, gradient)));
    for (int i = 0; i < ROWS * CLASSES; i++)
        assert_true(isfinite(gradient[i]));
    float loss = ce(student, labels, ROWS, 0.1f, gradient);
    assert_true(isfinite(loss) && loss > 0);
    for (int i = 0; i < ROWS * CLASSES; i++)
        assert_true(isfinite(gradient[i]));
}

static void test_whole_is_the_mean_of_its_shards(void **state)
{
    (void)state;
    float student[ROWS * CLASSES], teacher[ROWS * CLASSES];
    int32_t labels[ROWS] = {4, 3, 2, 1, 0, 2};
    fill(student, 7, 2);
    fill(teacher, 8, 2);
    float *rest_student = student + 2 * CLASSES, *rest_teacher = teacher + 2 * CLASSES;
    double parts =
        2 * (double)kd(student, teacher, 2, 4, NULL) + 4 * (double)kd(rest_student, rest_teacher, 4, 4, NULL);
    assert_near((double)kd(student, teacher, ROWS, 4, NULL), parts / ROWS, 1e-6);
    parts = 2 * (double)ce(student, labels, 2, 0, NULL) + 4 * (double)ce(rest_student, labels + 2, 4, 0, NULL);
    assert_near((double)ce(student, labels, ROWS, 0, NULL), parts / ROWS, 1e-6);
}

/* A guess that knows nothing costs ln(classes), with or without smoothing. */
static void test_ce_of_a_uniform_guess_is_log_classes(void **state)
{
    (void)state;
    float logits[ROWS * CLASSES] = {0};
    int32_t labels[ROWS] = {0, 1, 2, 3, 4, 0};
    assert_near((double)ce(logits, labels, ROWS, 0, NULL), log(CLASSES), 1e-6);
    assert_near((double)ce(logits, labels, ROWS, 0.3f, NULL), log(CLASSES), 1e-6);
}

static void test_ce_with_smoothing_is_its_definition(void **state)
{
    (void)state;
    float logits[ROWS * CLASSES], gradient[ROWS * CLASSES];
    int32_t labels[ROWS] = {0, 1, 2, 3, 4, 0};
    fill(logits, 9, 2);
    double wanted = 0, smoothing = (double)0.2f;
    for (int n = 0; n < ROWS; n++) {
        double q[CLASSES];
        log_softmax(logits + n * CLASSES, 1, q);
        for (int c = 0; c < CLASSES; c++) {
            wanted -= (smoothing / CLASSES + (c == labels[n] ? 1 - smoothing : 0)) * q[c] / ROWS;
        }
    }
    assert_near((double)ce(logits, labels, ROWS, 0.2f, gradient), wanted, 1e-5);
    double sum = 0; /* each row's gradient sums to 0: the target is a distribution */
    for (int c = 0; c < CLASSES; c++)
        sum += (double)gradient[c];
    assert_near(sum, 0, 1e-6);
}

static void test_bad_arguments_are_refused_and_touch_nothing(void **state)
{
    (void)state;
    float logits[ROWS * CLASSES] = {0}, loss = -7;
    int32_t labels[ROWS] = {0, 1, 2, 3, CLASSES, 0};
    decant_tensor s = matrix(logits, ROWS), shorter = matrix(logits, ROWS - 1), y = label_vector(labels, ROWS);
    assert_int_equal(decant_loss_ce(&s, &y, 0, &loss, NULL), DECANT_INVALID_ARG); /* a label too large */
    labels[4] = -1;
    assert_int_equal(decant_loss_ce(&s, &y, 0, &loss, NULL), DECANT_INVALID_ARG);
    labels[4] = 4;
    assert_int_equal(decant_loss_ce(&s, &y, 1, &loss, NULL), DECANT_INVALID_ARG);
    assert_int_equal(decant_loss_ce(&s, &s, 0, &loss, NULL), DECANT_INVALID_ARG); /* f32 labels */
    assert_int_equal(decant_loss_ce(&shorter, &y, 0, &loss, NULL), DECANT_SHAPE);
    assert_int_equal(decant_loss_kd(&s, &s, 0, &loss, NULL), DECANT_INVALID_ARG);
    assert_int_equal(decant_loss_kd(&s, &s, (float)NAN, &loss, NULL), DECANT_INVALID_ARG);
    assert_int_equal(decant_loss_kd(&s, &shorter, 1, &loss, NULL), DECANT_SHAPE);
    assert_int_equal(decant_loss_kd(&s, &s, 1, &loss, &shorter), DECANT_SHAPE);
    assert_int_equal(decant_loss_kd(NULL, &s, 1, &loss, NULL), DECANT_INVALID_ARG);
    assert_true(loss == -7);
}

/* Breaks when the loss sheet shows another formula than the one that is computed, or without its numbers. */
static void test_formulas_tell_their_options(void **state)
{
    (void)state;
    char formula[DCN_TERM_FORMULA];
    dcn_term ce = {.kind = DCN_TERM_CE, .weight = 1}, dkd = {.kind = DCN_TERM_DKD, .alpha = 0.3, .beta = 2};
    assert_int_equal(dcn_term_formula(&ce, false, formula), DECANT_OK);
    assert_string_equal(formula, "mean_n -log softmax(s)[y]");
    assert_int_equal(dcn_term_formula(&ce, true, formula), DECANT_OK);
    assert_string_equal(formula, "mean_n sum_c -q_c log softmax(s)_c, q = the labels as mixup blends them");
    ce.label_smoothing = 0.25;
    assert_int_equal(dcn_term_formula(&ce, false, formula), DECANT_OK);
    assert_string_equal(formula, "mean_n sum_c -q_c log softmax(s)_c, q = 0.75 of the label and 0.25 of all classes "
                                 "alike");
    assert_int_equal(dcn_term_formula(&dkd, false, formula), DECANT_OK);
    assert_non_null(strstr(formula, "alpha = 0.3, beta = 2"));
    for (int kind = 0; kind < DCN_TERM_COUNT; kind++) { /* all fit */
        const dcn_term term = {.kind = (dcn_term_kind)kind,
                               .label_smoothing = 0.1234567,
                               .alpha = -1.234567e-300,
                               .beta = -1.234567e-300,
                               .standardize = true,
                               .center = true,
                               .match = DCN_MATCH_PROJECT};
        assert_int_equal(dcn_term_formula(&term, true, formula), DECANT_OK);
    }
}

/* Of two logits standardised there is left which is larger, and the gradient of that is 0 or rounding. */
static void test_two_standardised_outputs_teach_nothing(void **state)
{
    (void)state;
    const dcn_term kd = {.kind = DCN_TERM_KD, .weight = 1, .temperature = 2, .standardize = true};
    assert_int_equal(dcn_term_check_outputs(&kd, 3), DECANT_OK);
    assert_int_equal(dcn_term_check_outputs(&kd, 2), DECANT_INVALID_ARG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kd_is_its_definition),
        cmocka_unit_test(test_kd_is_never_negative_and_zero_for_equals),
        cmocka_unit_test(test_kd_grows_with_the_square_of_temperature),
        cmocka_unit_test(test_losses_do_not_see_a_shift_of_a_row),
        cmocka_unit_test(test_losses_stay_finite_for_huge_logits),
        cmocka_unit_test(test_whole_is_the_mean_of_its_shards),
        cmocka_unit_test(test_ce_of_a_uniform_guess_is_log_classes),
        cmocka_unit_test(test_ce_with_smoothing_is_its_definition),
        cmocka_unit_test(test_bad_arguments_are_refused_and_touch_nothing),
        cmocka_unit_test(test_formulas_tell_their_options),
        cmocka_unit_test(test_two_standardised_outputs_teach_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
