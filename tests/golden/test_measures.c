/* Calibration and fidelity against NumPy, on logits that are ordinary, huge, few, or all the same. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "golden/golden.h"
#include "train/measure.h"

static const golden_setting exact = {"measure", DECANT_F64, 1e-12};

static void check_calibration(const char *name, const decant_calibration *calibration, const double *bins,
                              const double *totals)
{
    for (int i = 0; i < DECANT_CALIBRATION_BINS; i++) {
        const decant_confidence_bin *bin = &calibration->bins[i];
        golden_compare(name, "count", &exact, i, bins[3 * i], (double)bin->count);
        golden_compare(name, "confidence", &exact, i, bins[3 * i + 1], bin->confidence);
        golden_compare(name, "accuracy", &exact, i, bins[3 * i + 2], bin->accuracy);
    }
    golden_compare(name, "ece", &exact, 0, totals[0], calibration->error);
    golden_compare(name, "mean confidence", &exact, 0, totals[1], calibration->confidence);
}

static void test_measures(void **state)
{
    (void)state;
    static const char *const cases[] = {"ten", "two", "sharp", "one", "even"};
    dcn_safetensors *file = golden_open("measures");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *name = cases[i];
        const decant_tensor *student = golden_need(file, name, "student"); /* [count, classes] */
        int64_t count = student->shape.dim[0], classes = student->shape.dim[1];
        const float *teacher = golden_need(file, name, "teacher")->data;
        const double *wanted = golden_need(file, name, "fidelity")->data;
        const int32_t *labels = golden_need(file, name, "labels")->data;
        decant_calibration calibration;
        decant_fidelity fidelity;
        dcn_measure_calibration(student->data, labels, NULL, count, classes, &calibration);
        check_calibration(name, &calibration, golden_need(file, name, "bins")->data,
                          golden_need(file, name, "calibration")->data);
        dcn_measure_fidelity(student->data, teacher, labels, NULL, count, classes, &fidelity);
        golden_compare(name, "agreement", &exact, 0, wanted[0], fidelity.agreement);
        golden_compare(name, "kl", &exact, 0, wanted[1], fidelity.divergence);

        dcn_measure_fidelity(student->data, student->data, labels, NULL, count, classes, &fidelity);
        assert_true(fidelity.agreement >= 1 && fidelity.divergence <= 0); /* of oneself: exactly all and nothing */
    }
    golden_check_all_used();
    dcn_safetensors_close(file);
}

/* Labels belong to samples, logits to the order they were asked in: breaks when one is read as the other. */
static void test_labels_are_found_through_indices(void **state)
{
    (void)state;
    static const float logits[] = {3, 0, 0, 3}; /* [2, 2]: answers 0, then 1 */
    static const int32_t labels[] = {9, 1, 9, 0}, indices[] = {3, 1};
    decant_calibration calibration;
    dcn_measure_calibration(logits, labels, indices, 2, 2, &calibration);
    assert_int_equal(calibration.bins[14].count, 2);
    assert_true(calibration.bins[14].accuracy >= 1);
    static const float teacher[] = {3, 0, 3, 0}; /* answers 0 twice: the label of the first asked, not of the second */
    decant_fidelity fidelity;
    dcn_measure_fidelity(logits, teacher, labels, indices, 2, 2, &fidelity);
    assert_int_equal(fidelity.teacher_errors, 1);
    golden_compare("two samples", "teacher's accuracy", &exact, 0, 0.5, fidelity.teacher_accuracy);
}

/* Breaks when the unlabelled pool counts as answered wrongly. */
static void test_samples_without_a_label_are_not_counted(void **state)
{
    (void)state;
    static const float logits[] = {3, 0, 0, 3, 3, 0}, teacher[] = {0, 3, 0, 3, 0, 3};
    static const int32_t labels[] = {0, -1, -1}, none[] = {-1, -1, -1};
    decant_calibration calibration, alone;
    decant_fidelity fidelity;
    dcn_measure_calibration(logits, labels, NULL, 3, 2, &calibration);
    dcn_measure_calibration(logits, labels, NULL, 1, 2, &alone);
    golden_compare("pool", "ece", &exact, 0, alone.error, calibration.error);
    golden_compare("pool", "confidence", &exact, 0, alone.confidence, calibration.confidence);
    dcn_measure_fidelity(logits, teacher, labels, NULL, 3, 2, &fidelity);
    golden_compare("pool", "agreement", &exact, 0, 1.0 / 3, fidelity.agreement); /* needs no label */
    assert_int_equal(fidelity.teacher_errors, 1);
    assert_true(fidelity.teacher_accuracy <= 0);
    dcn_measure_calibration(logits, none, NULL, 3, 2, &calibration);
    assert_true(calibration.error <= 0 && calibration.confidence <= 0);
    dcn_measure_fidelity(logits, teacher, none, NULL, 3, 2, &fidelity);
    assert_true(isnan(fidelity.teacher_accuracy));
}

/* A network with one output says the same as one with two whose first is always 0. */
static void test_one_logit_is_two(void **state)
{
    (void)state;
    static const float one[] = {-3, 0, 0.5f, 40}, pairs[] = {0, -3, 0, 0, 0, 0.5f, 0, 40};
    static const float teacher_one[] = {1, -1, 2, -40}, teacher_pairs[] = {0, 1, 0, -1, 0, 2, 0, -40};
    static const int32_t labels[] = {0, 1, 1, 1};
    decant_calibration calibration[2];
    decant_fidelity fidelity[2];
    dcn_measure_calibration(one, labels, NULL, 4, 1, &calibration[0]);
    dcn_measure_calibration(pairs, labels, NULL, 4, 2, &calibration[1]);
    golden_compare("one logit", "ece", &exact, 0, calibration[1].error, calibration[0].error);
    golden_compare("one logit", "confidence", &exact, 0, calibration[1].confidence, calibration[0].confidence);
    for (int i = 0; i < DECANT_CALIBRATION_BINS; i++)
        assert_int_equal(calibration[0].bins[i].count, calibration[1].bins[i].count);
    dcn_measure_fidelity(one, teacher_one, labels, NULL, 4, 1, &fidelity[0]);
    dcn_measure_fidelity(pairs, teacher_pairs, labels, NULL, 4, 2, &fidelity[1]);
    golden_compare("one logit", "agreement", &exact, 0, fidelity[1].agreement, fidelity[0].agreement);
    golden_compare("one logit", "kl", &exact, 0, fidelity[1].divergence, fidelity[0].divergence);
    assert_int_equal(fidelity[0].teacher_errors, 3); /* 1, 0, 1, 0 where 0, 1, 1, 1 is true */
    assert_int_equal(fidelity[1].teacher_errors, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_measures), cmocka_unit_test(test_labels_are_found_through_indices),
        cmocka_unit_test(test_samples_without_a_label_are_not_counted), cmocka_unit_test(test_one_logit_is_two)};
    return cmocka_run_group_tests_name("golden measures", tests, NULL, NULL);
}
