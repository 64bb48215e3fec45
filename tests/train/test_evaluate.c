/* Evaluation against counting by hand. A padded row that is counted, a batch boundary off by one or the wrong
 * normalisation breaks these. */
#include "train/problem.h"

#include "decant/loss.h"

#define TEST_SAMPLES 120

static void test_counts_are_those_of_the_logits(void **state)
{
    (void)state;
    test_problem problem;
    dcn_metrics metrics = {0};
    float logits[TEST_SAMPLES * CLASSES];
    int32_t predictions[TEST_SAMPLES];
    int64_t confusion[CLASSES * CLASSES] = {0}, errors = 0;
    open_problem(&problem, "ref", 100, 0);
    decant_model *model = make_model(&problem, MLP, 4);
    const dcn_samples *test = &problem.dataset->test;
    assert_ok(dcn_evaluate(problem.device, model, problem.dataset, test, NULL, 0, &metrics, predictions, logits));

    for (int n = 0; n < TEST_SAMPLES; n++) {
        const float *row = logits + n * CLASSES;
        int32_t best = 0;
        for (int32_t c = 1; c < CLASSES; c++)
            best = row[c] > row[best] ? c : best;
        assert_int_equal(predictions[n], best);
        errors += best != test->labels[n];
        confusion[test->labels[n] * CLASSES + best]++;
    }
    assert_int_equal(metrics.count, TEST_SAMPLES);
    assert_int_equal(metrics.errors, errors);
    assert_true(errors > 0); /* an untrained model, or nothing is tested */
    assert_int_equal(metrics.n_classes, CLASSES);
    assert_memory_equal(metrics.confusion, confusion, sizeof confusion);
    assert_true(fabs(metrics.accuracy - (double)(TEST_SAMPLES - errors) / TEST_SAMPLES) < 1e-15);

    const int64_t dims[2] = {TEST_SAMPLES, CLASSES};
    decant_shape matrix = decant_shape_make(2, dims), column = decant_shape_make(1, dims);
    decant_tensor rows = decant_tensor_view(DECANT_F32, &matrix, logits);
    decant_tensor labels = decant_tensor_view(DECANT_I32, &column, test->labels);
    float loss = 0;
    assert_ok(decant_loss_ce(&rows, &labels, 0, &loss, NULL));
    assert_true(fabs(metrics.loss - (double)loss) < 1e-5);
    dcn_metrics_finish(&metrics);
    dcn_model_destroy(model);
    close_problem(&problem);
}

/* More samples than a batch, and not a multiple of it: each row must be what it is on its own. */
static void test_rows_do_not_depend_on_their_batch(void **state)
{
    (void)state;
    enum { COUNT = 301 };
    test_problem problem;
    dcn_metrics whole = {0}, one = {0};
    float logits[COUNT * CLASSES], row[CLASSES];
    int32_t indices[COUNT];
    open_problem(&problem, "ref", 400, 0);
    decant_model *model = make_model(&problem, CONVOLUTIONAL, 4);
    const dcn_samples *train = &problem.dataset->train;
    for (int32_t i = 0; i < COUNT; i++)
        indices[i] = 399 - i;
    assert_ok(dcn_evaluate(problem.device, model, problem.dataset, train, indices, COUNT, &whole, NULL, logits));
    assert_int_equal(whole.count, COUNT);

    int64_t errors = 0;
    for (int32_t i = 0; i < COUNT; i += 25) {
        assert_ok(dcn_evaluate(problem.device, model, problem.dataset, train, &indices[i], 1, &one, NULL, row));
        for (int c = 0; c < CLASSES; c++)
            assert_true(fabsf(row[c] - logits[i * CLASSES + c]) < 1e-5f);
        errors += one.errors;
        dcn_metrics_finish(&one);
    }
    assert_true(errors > 0);
    dcn_metrics_finish(&whole);
    dcn_model_destroy(model);
    close_problem(&problem);
}

static void test_cpu_agrees_with_ref(void **state)
{
    (void)state;
    test_problem problem;
    dcn_device *cpu = NULL;
    dcn_metrics slow = {0}, fast = {0};
    open_problem(&problem, "ref", 100, 0);
    assert_ok(dcn_device_open("cpu", NULL, &cpu));
    decant_model *model = make_teacher(&problem, CONVOLUTIONAL);
    const dcn_samples *test = &problem.dataset->test;
    assert_ok(dcn_evaluate(problem.device, model, problem.dataset, test, NULL, 0, &slow, NULL, NULL));
    assert_ok(dcn_evaluate(cpu, model, problem.dataset, test, NULL, 0, &fast, NULL, NULL));
    assert_int_equal(slow.errors, fast.errors);
    assert_true(fabs(slow.loss - fast.loss) < 1e-4);
    dcn_metrics_finish(&slow);
    dcn_metrics_finish(&fast);
    dcn_model_destroy(model);
    dcn_device_close(cpu);
    close_problem(&problem);
}

static void test_without_labels_there_are_predictions_but_no_score(void **state)
{
    (void)state;
    test_problem problem;
    decant_dataset *unlabelled = NULL;
    dcn_metrics metrics = {0};
    int32_t wanted[TEST_SAMPLES], predictions[TEST_SAMPLES];
    open_problem(&problem, "ref", 100, 0);
    decant_model *model = make_model(&problem, MLP, 4);
    const dcn_samples *test = &problem.dataset->test;
    assert_ok(dcn_arrays_open("unlabelled", &problem.dataset->sample, DECANT_U8, CLASSES, test->data, NULL,
                              TEST_SAMPLES, NULL, NULL, 0, &unlabelled));
    assert_ok(dcn_evaluate(problem.device, model, problem.dataset, test, NULL, 0, &metrics, wanted, NULL));
    dcn_metrics_finish(&metrics);
    assert_ok(
        dcn_evaluate(problem.device, model, unlabelled, &unlabelled->train, NULL, 0, &metrics, predictions, NULL));
    assert_memory_equal(predictions, wanted, sizeof wanted);
    assert_int_equal(metrics.errors, 0);
    assert_true(isnan(metrics.accuracy) && isnan(metrics.loss));
    dcn_metrics_finish(&metrics);
    dcn_dataset_destroy(unlabelled);
    dcn_model_destroy(model);
    close_problem(&problem);
}

static void test_what_cannot_be_evaluated_is_refused(void **state)
{
    (void)state;
    test_problem problem;
    decant_dataset *other = NULL;
    dcn_metrics metrics = {.count = -7};
    const float features[2 * 5] = {0};
    const decant_shape five = dcn_shape1(5);
    open_problem(&problem, "ref", 100, 0);
    decant_model *model = make_model(&problem, MLP, 4);
    assert_ok(dcn_arrays_open("other", &five, DECANT_F32, CLASSES, features, NULL, 2, NULL, NULL, 0, &other));
    assert_int_equal(dcn_evaluate(problem.device, model, other, &other->train, NULL, 0, &metrics, NULL, NULL),
                     DECANT_SHAPE);
    assert_int_equal(dcn_evaluate(problem.device, model, problem.dataset, &other->test, NULL, 0, &metrics, NULL, NULL),
                     DECANT_INVALID_ARG);
    for (int32_t v = 0; v < model->graph->n_values; v++) {
        if (model->data[v] != NULL) model->data[v][0] = NAN;
    }
    assert_int_equal(
        dcn_evaluate(problem.device, model, problem.dataset, &problem.dataset->test, NULL, 0, &metrics, NULL, NULL),
        DECANT_NUMERIC);
    assert_int_equal(metrics.count, -7);
    dcn_dataset_destroy(other);
    dcn_model_destroy(model);
    close_problem(&problem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counts_are_those_of_the_logits),
        cmocka_unit_test(test_rows_do_not_depend_on_their_batch),
        cmocka_unit_test(test_cpu_agrees_with_ref),
        cmocka_unit_test(test_without_labels_there_are_predictions_but_no_score),
        cmocka_unit_test(test_what_cannot_be_evaluated_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
