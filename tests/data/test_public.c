/* decant/dataset.h: data sets of the caller's arrays, what can be asked of them, and the report on what is wrong with
 * them. */
#include "fixture.h"

#include <math.h>

#include "decant/dataset.h"

static const decant_shape row = {.rank = 1, .dim = {3}};

static decant_status from_floats(float *values, int32_t *labels, decant_dataset **ret_dataset)
{
    return decant_dataset_from_arrays("table", &row, DECANT_F32, 2, values, labels, 6, values + 18, labels + 6, 2,
                                      ret_dataset);
}

static void fill(float values[24], int32_t labels[8])
{
    for (int i = 0; i < 24; i++)
        values[i] = (float)i / 2;
    for (int i = 0; i < 8; i++)
        labels[i] = i == 0;
}

static void test_arrays_are_copied_and_described(void **state)
{
    (void)state;
    float values[24];
    int32_t labels[8];
    decant_dataset *dataset = NULL;
    decant_tensor sample = {0};
    int32_t label = 77;
    char hex[33];
    fill(values, labels);
    assert_ok(from_floats(values, labels, &dataset));
    memset(values, 0, sizeof values);
    memset(labels, 0, sizeof labels);
    assert_string_equal(decant_dataset_name(dataset), "table");
    assert_int_equal(decant_dataset_count(dataset, DECANT_PART_TRAIN), 6);
    assert_int_equal(decant_dataset_count(dataset, DECANT_PART_TEST), 2);
    assert_int_equal(decant_dataset_class_count(dataset), 2);
    assert_int_equal(decant_dataset_dtype(dataset), DECANT_F32);
    assert_int_equal(decant_dataset_sample_shape(dataset).dim[0], 3);
    assert_null(decant_dataset_class_name(dataset, 0));
    decant_dataset_hash(dataset, hex);
    assert_int_equal(strspn(hex, "0123456789abcdef"), 32);

    assert_ok(decant_dataset_sample(dataset, DECANT_PART_TEST, 1, &sample, &label));
    assert_true(((const float *)sample.data)[2] == 11.5f);
    assert_int_equal(label, 0);
    assert_ok(decant_dataset_sample(dataset, DECANT_PART_TRAIN, 0, NULL, &label));
    assert_int_equal(label, 1);
    assert_int_equal(decant_dataset_sample(dataset, DECANT_PART_TEST, 2, &sample, NULL), DECANT_INVALID_ARG);
    assert_int_equal(decant_dataset_sample(dataset, DECANT_PART_TRAIN, -1, &sample, NULL), DECANT_INVALID_ARG);
    decant_dataset_destroy(dataset);
    decant_dataset_destroy(NULL);
}

static void test_values_that_are_not_finite(void **state)
{
    (void)state;
    static const float bad[] = {(float)(0.0 / 0.0), (float)(1.0 / 0.0), (float)(-1.0 / 0.0)};
    float values[24];
    int32_t labels[8];
    decant_dataset *dataset = NULL;
    for (size_t i = 0; i < DCN_COUNT(bad); i++) {
        fill(values, labels);
        values[14] = bad[i];
        assert_refused(from_floats(values, labels, &dataset), DECANT_NUMERIC, "training sample 4, feature 2 is");
        fill(values, labels);
        values[18] = bad[i];
        assert_refused(from_floats(values, labels, &dataset), DECANT_NUMERIC, "test sample 0, feature 0 is");
    }
    assert_null(dataset);
}

static void test_labels_out_of_range(void **state)
{
    (void)state;
    float values[24];
    int32_t labels[8];
    decant_dataset *dataset = NULL;
    fill(values, labels);
    labels[3] = 2;
    assert_refused(from_floats(values, labels, &dataset), DECANT_FORMAT, "training sample 3 has label 2");
    fill(values, labels);
    labels[7] = -1;
    assert_refused(from_floats(values, labels, &dataset), DECANT_FORMAT, "test sample 1 has label -1");
    assert_null(dataset);
}

static void test_impossible_arrays(void **state)
{
    (void)state;
    const decant_shape shapes[] = {{.rank = 0},
                                   {.rank = 2, .dim = {2, 2}},
                                   {.rank = 1, .dim = {0}},
                                   {.rank = 1, .dim = {-3}},
                                   {.rank = 3, .dim = {1 << 20, 1 << 20, 1 << 20}},
                                   {.rank = 4, .dim = {1, 1, 1, 1}}};
    const uint8_t bytes[3] = {0};
    decant_dataset *dataset = NULL;
    for (size_t i = 0; i < DCN_COUNT(shapes); i++)
        assert_int_equal(
            decant_dataset_from_arrays("x", &shapes[i], DECANT_U8, 2, bytes, NULL, 1, NULL, NULL, 0, &dataset),
            DECANT_INVALID_ARG);
    assert_int_equal(decant_dataset_from_arrays("x", &row, DECANT_I64, 2, bytes, NULL, 1, NULL, NULL, 0, &dataset),
                     DECANT_INVALID_ARG);
    assert_int_equal(decant_dataset_from_arrays("x", &row, DECANT_U8, 0, bytes, NULL, 1, NULL, NULL, 0, &dataset),
                     DECANT_INVALID_ARG);
    assert_int_equal(decant_dataset_from_arrays("x", &row, DECANT_U8, 2, NULL, NULL, 1, NULL, NULL, 0, &dataset),
                     DECANT_INVALID_ARG);
    assert_int_equal(decant_dataset_from_arrays("x", &row, DECANT_U8, 2, bytes, NULL, -1, NULL, NULL, 0, &dataset),
                     DECANT_INVALID_ARG);
    assert_int_equal(
        decant_dataset_from_arrays("x", &row, DECANT_U8, 2, bytes, NULL, INT64_MAX, NULL, NULL, 0, &dataset),
        DECANT_INVALID_ARG);
    assert_int_equal(decant_dataset_from_arrays(NULL, &row, DECANT_U8, 2, bytes, NULL, 1, NULL, NULL, 0, &dataset),
                     DECANT_INVALID_ARG);
    assert_int_equal(decant_dataset_open(NULL, &dataset), DECANT_INVALID_ARG);
    assert_int_equal(decant_dataset_open_idx(NULL, &dataset), DECANT_INVALID_ARG);
    assert_int_equal(decant_dataset_open_cifar("x", NULL), DECANT_INVALID_ARG);
    assert_null(dataset);
}

static void test_report(void **state)
{
    (void)state;
    enum { N = 40, N_REPORT_TEST = 10 };
    uint8_t bytes[(N + N_REPORT_TEST) * 3];
    int32_t labels[N + N_REPORT_TEST];
    decant_dataset *dataset = NULL;
    decant_dataset_report report = {.classes = 77};
    for (int i = 0; i < N + N_REPORT_TEST; i++) {
        bytes[3 * i] = (uint8_t)i;
        bytes[3 * i + 1] = bytes[3 * i + 2] = 0;
        labels[i] = i % 4 == 0 ? 1 : 0;
    }
    bytes[3 * N] = 17;       /* the first test sample is training sample 17 */
    bytes[3 * (N - 1)] = 16; /* and the last training sample is the 17th */
    assert_ok(decant_dataset_from_arrays("x", &row, DECANT_U8, 2, bytes, labels, N, bytes + 3 * N, labels + N,
                                         N_REPORT_TEST, &dataset));
    assert_int_equal(decant_dataset_check(dataset, 40, 1, &report), DECANT_INVALID_ARG);
    assert_int_equal(report.classes, 77);
    assert_ok(decant_dataset_check(dataset, 0, 1, &report));
    assert_int_equal(report.train, 40);
    assert_int_equal(report.validation, 0);
    assert_int_equal(report.train_per_class[0], 30);
    assert_int_equal(report.train_per_class[1], 10);
    assert_int_equal(report.duplicates_within_train, 1);
    assert_int_equal(report.train_in_test, 1);
    decant_dataset_report_finish(&report);

    assert_ok(decant_dataset_check(dataset, 8, 1, &report));
    assert_int_equal(report.train, 32);
    assert_int_equal(report.validation, 8);
    assert_int_equal(report.test, 10);
    assert_int_equal(report.classes, 2);
    assert_int_equal(report.validation_per_class[0], 6);
    assert_int_equal(report.validation_per_class[1], 2);
    assert_int_equal(report.test_per_class[1], 3);
    assert_true(fabs(report.majority - 0.7) < 1e-12);
    assert_int_equal(report.duplicates_within_train + report.train_in_validation, 1);
    assert_int_equal(report.train_in_test + report.validation_in_test, 1);
    decant_dataset_report_finish(&report);
    decant_dataset_report_finish(&report);
    decant_dataset_report_finish(NULL);
    decant_dataset_destroy(dataset);
}

static void test_sources_and_folders(void **state)
{
    (void)state;
    char folder[256];
    decant_source *sources = NULL;
    int32_t count = 0;
    decant_dataset *dataset = NULL;
    make_folder(folder, "public");
    write_idx_folder(folder);
    assert_ok(decant_dataset_open(folder, &dataset));
    assert_int_equal(decant_dataset_class_count(dataset), 3);
    assert_null(decant_dataset_class_name(dataset, 1));
    decant_dataset_destroy(dataset);
    assert_ok(decant_source_list(&sources, &count));
    assert_true(count >= 3);
    bool fashion = false;
    for (int32_t i = 0; i < count; i++)
        fashion = fashion || strcmp(sources[i].name, "fashion-mnist") == 0;
    assert_true(fashion);
    decant_source_list_free(sources, count);
    decant_source_list_free(NULL, 0);
    remove_folder(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arrays_are_copied_and_described),
        cmocka_unit_test(test_values_that_are_not_finite),
        cmocka_unit_test(test_labels_out_of_range),
        cmocka_unit_test(test_impossible_arrays),
        cmocka_unit_test(test_report),
        cmocka_unit_test(test_sources_and_folders),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
