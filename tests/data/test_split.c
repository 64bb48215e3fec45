/* Splits, the search for samples in two splits, and statistics, against plain definitions. */
#include "fixture.h"

#include <math.h>

#include "base/random.h"
#include "data/arrays.h"
#include "data/overlap.h"
#include "data/split.h"
#include "data/statistics.h"

static decant_dataset *dataset;

/* Bytes, or floats when dtype says so; every sample different; labels in the given counts, shuffled by a fixed stride.
 */
static void make_set(const decant_shape *shape, decant_dtype dtype, const int64_t *class_counts, int32_t n_classes,
                     int64_t n_test)
{
    int64_t n = 0, size = decant_shape_count(shape);
    for (int32_t c = 0; c < n_classes; c++)
        n += class_counts[c];
    int64_t total = n + n_test;
    uint8_t *bytes = malloc((size_t)(total * size));
    float *floats = malloc((size_t)(total * size) * sizeof *floats);
    int32_t *labels = calloc((size_t)total, sizeof *labels);
    dcn_random random = dcn_random_start(5, DCN_PURPOSE_TEST, 0, 0);
    for (int64_t i = 0; i < total * size; i++) {
        bytes[i] = (uint8_t)dcn_random_u32(&random);
        floats[i] = (float)(1000.0 + dcn_random_normal(&random) * (double)(1 + i % size));
    }
    int64_t at = 0;
    for (int32_t c = 0; c < n_classes; c++)
        for (int64_t i = 0; i < class_counts[c]; i++)
            labels[at++ * 7919 % n] = c;
    const void *values = dtype == DECANT_U8 ? (const void *)bytes : (const void *)floats;
    const void *test = (const uint8_t *)values + (size_t)(n * size) * decant_dtype_size(dtype);
    decant_dataset_destroy(dataset);
    dataset = NULL;
    assert_ok(dcn_arrays_open("test", shape, dtype, n_classes, values, labels, n, test, labels + n, n_test, &dataset));
    free(bytes);
    free(floats);
    free(labels);
}

static const decant_shape picture = {.rank = 3, .dim = {2, 3, 4}}, row = {.rank = 1, .dim = {5}};

static int clean(void **state)
{
    (void)state;
    decant_dataset_destroy(dataset);
    dataset = NULL;
    return 0;
}

static void count_classes(const int32_t *indices, int64_t n, int64_t *per_class)
{
    for (int64_t i = 0; i < n; i++)
        per_class[dataset->train.labels[indices[i]]]++;
}

static void test_shares_are_exact(void **state)
{
    (void)state;
    static const struct {
        int64_t classes[3], validation, expected[3];
    } cases[] = {
        {{40, 40, 20}, 10, {4, 4, 2}}, {{40, 40, 21}, 10, {4, 4, 2}}, /* 3.96 3.96 2.08 */
        {{10, 10, 10}, 10, {4, 3, 3}},                                /* thirds: the lower class first */
        {{50, 30, 21}, 7, {4, 2, 1}},                                 /* 3.47 2.08 1.46: one left, to .47 */
        {{1, 1, 97}, 3, {0, 0, 3}},                                   /* .03 .03 2.94 */
        {{97, 1, 1}, 98, {96, 1, 1}},                                 /* .99 of each: the remainders .02 .99 .99 */
        {{7, 0, 7}, 7, {4, 0, 3}},                                    /* an empty class gives nothing */
        {{5, 5, 5}, 0, {0, 0, 0}},     {{5, 5, 5}, 14, {5, 5, 4}},
    };
    for (size_t i = 0; i < DCN_COUNT(cases); i++) {
        make_set(&row, DECANT_U8, cases[i].classes, 3, 0);
        dcn_split split = {0};
        int64_t got[3] = {0}, rest[3] = {0};
        assert_ok(dcn_split_make(dataset, cases[i].validation, 9, &split));
        assert_int_equal(split.n_validation, cases[i].validation);
        assert_int_equal(split.n_train + split.n_validation, dataset->train.count);
        count_classes(split.validation, split.n_validation, got);
        count_classes(split.train, split.n_train, rest);
        for (int c = 0; c < 3; c++) {
            if (got[c] != cases[i].expected[c]) fail_msg("case %zu class %d: %ld", i, c, (long)got[c]);
            assert_int_equal(got[c] + rest[c], cases[i].classes[c]);
        }
        dcn_split_finish(&split);
    }
}

/* Breaks when a share that is a whole number in writing becomes one more in binary. */
static void test_shares_of_a_count(void **state)
{
    (void)state;
    static const struct {
        double share;
        int64_t count, expected;
    } cases[] = {{.07, 100, 7}, {.14, 50000, 7000}, {.27, 100, 27}, {.55, 100, 55},
                 {.1, 101, 11}, {0, 100, 0},        {.5, 3, 2},     {.999, 1000, 999}};
    for (size_t i = 0; i < DCN_COUNT(cases); i++)
        assert_int_equal(dcn_share_of(cases[i].share, cases[i].count), cases[i].expected);
}

static void test_a_split_is_a_partition_and_a_function_of_the_seed(void **state)
{
    (void)state;
    make_set(&row, DECANT_U8, (const int64_t[]){400, 300, 300}, 3, 0);
    dcn_split a = {0}, again = {0}, other = {0};
    assert_ok(dcn_split_make(dataset, 200, 1, &a));
    assert_ok(dcn_split_make(dataset, 200, 1, &again));
    assert_ok(dcn_split_make(dataset, 200, 2, &other));
    assert_memory_equal(a.train, again.train, 800 * sizeof *a.train);
    assert_memory_equal(a.validation, again.validation, 200 * sizeof *a.validation);
    assert_memory_not_equal(a.validation, other.validation, 200 * sizeof *a.validation);
    int seen[1000] = {0};
    for (int i = 0; i < 800; i++)
        seen[a.train[i]]++;
    for (int i = 0; i < 200; i++)
        seen[a.validation[i]]++;
    for (int i = 0; i < 1000; i++)
        assert_int_equal(seen[i], 1);
    for (int i = 1; i < 200; i++)
        assert_true(a.validation[i - 1] < a.validation[i]);
    /* Drawn from everywhere: about half of them in each half of the data (200 draws, sigma 7). */
    int low = 0;
    for (int i = 0; i < 200; i++)
        low += a.validation[i] < 500;
    assert_true(low > 65 && low < 135);
    dcn_split_finish(&a);
    dcn_split_finish(&again);
    dcn_split_finish(&other);
    dcn_split_finish(&other); /* twice does no harm */
    dcn_split_finish(NULL);
}

static void test_impossible_splits(void **state)
{
    (void)state;
    make_set(&row, DECANT_U8, (const int64_t[]){5, 5}, 2, 0);
    dcn_split split = {.n_train = 77};
    assert_int_equal(dcn_split_make(dataset, 10, 1, &split), DECANT_INVALID_ARG);
    assert_int_equal(dcn_split_make(dataset, 11, 1, &split), DECANT_INVALID_ARG);
    assert_int_equal(dcn_split_make(dataset, -1, 1, &split), DECANT_INVALID_ARG);
    assert_int_equal(split.n_train, 77);
    for (int64_t nth = 1;; nth++) {
        dcn_memory_fail_nth(nth);
        decant_status status = dcn_split_make(dataset, 3, 1, &split);
        dcn_memory_fail_nth(0);
        if (status == DECANT_OK) break;
        assert_int_equal(status, DECANT_NO_MEMORY);
    }
    dcn_split_finish(&split);
}

/* Breaks when the pool is not stratified, its labels stay, or it also trains or validates. */
static void test_pool(void **state)
{
    (void)state;
    int64_t left[2] = {0};
    dcn_split split = {0}, again = {0};
    make_set(&row, DECANT_U8, (const int64_t[]){80, 20}, 2, 0);
    assert_int_equal(dcn_dataset_unlabel(dataset, 100, 4), DECANT_INVALID_ARG);
    assert_int_equal(dcn_dataset_unlabel(dataset, -1, 4), DECANT_INVALID_ARG);
    assert_int_equal(dataset->n_unlabelled, 0);
    assert_ok(dcn_dataset_unlabel(dataset, 60, 4));
    assert_int_equal(dataset->n_unlabelled, 60);
    assert_int_equal(dcn_dataset_unlabel(dataset, 1, 4), DECANT_INVALID_ARG);
    for (int i = 0; i < 100; i++)
        if (dataset->train.labels[i] != DCN_NO_LABEL) left[dataset->train.labels[i]]++;
    assert_int_equal(left[0], 32);
    assert_int_equal(left[1], 8);

    assert_ok(dcn_split_make(dataset, 10, 1, &split));
    assert_int_equal(split.n_train, 30);
    assert_int_equal(split.n_validation, 10);
    assert_int_equal(split.n_unlabelled, 60);
    int64_t held_out[2] = {0};
    count_classes(split.validation, split.n_validation, held_out); /* would leave the array for one without a label */
    assert_int_equal(held_out[0], 8);
    for (int64_t i = 0; i < split.n_train; i++)
        assert_true(dataset->train.labels[split.train[i]] >= 0);
    for (int64_t i = 0; i < split.n_unlabelled; i++)
        assert_int_equal(dataset->train.labels[split.unlabelled[i]], DCN_NO_LABEL);
    assert_int_equal(dcn_split_make(dataset, 40, 1, &again), DECANT_INVALID_ARG); /* the pool cannot validate */
    dcn_split_finish(&split);
}

static void copy_sample(dcn_samples *to, int64_t i, const dcn_samples *from, int64_t j)
{
    size_t bytes = dcn_sample_bytes(dataset, from);
    memcpy(to->data + (size_t)i * bytes, from->data + (size_t)j * bytes, bytes);
    to->hashes[i] = from->hashes[j];
}

static void test_planted_duplicates_are_counted(void **state)
{
    (void)state;
    make_set(&picture, DECANT_U8, (const int64_t[]){50, 50}, 2, 30);
    dcn_split split = {0};
    dcn_overlap overlap = {.within_train = 77};
    dcn_samples *train = &dataset->train, *test = &dataset->test;
    assert_ok(dcn_split_make(dataset, 20, 3, &split));
    assert_ok(dcn_overlap_count(dataset, &split, &overlap));
    assert_int_equal(overlap.within_train, 0);
    assert_int_equal(overlap.train_validation, 0);
    assert_int_equal(overlap.train_test, 0);
    assert_int_equal(overlap.validation_test, 0);

    copy_sample(test, 3, train, split.train[5]);                    /* one leaks into test */
    copy_sample(test, 9, train, split.train[5]);                    /* twice */
    copy_sample(test, 11, train, split.validation[7]);              /* one from validation */
    copy_sample(train, split.validation[1], train, split.train[6]); /* one within the training part, across the split */
    copy_sample(train, split.train[10], train, split.train[20]);    /* three alike in training: two too many */
    copy_sample(train, split.train[30], train, split.train[20]);
    for (int with_hashes = 1; with_hashes >= 0; with_hashes--) {
        assert_ok(dcn_overlap_count(dataset, &split, &overlap));
        assert_int_equal(overlap.within_train, 2);
        assert_int_equal(overlap.train_validation, 1);
        assert_int_equal(overlap.train_test, 2);
        assert_int_equal(overlap.validation_test, 1);
        dcn_free(train->hashes); /* the second time from the bytes themselves */
        dcn_free(test->hashes);
        train->hashes = test->hashes = NULL;
    }
    assert_ok(dcn_overlap_count(dataset, NULL, &overlap)); /* everything trains */
    assert_int_equal(overlap.within_train, 3);
    assert_int_equal(overlap.train_validation, 0);
    assert_int_equal(overlap.train_test, 3);
    dcn_split_finish(&split);
}

/* Breaks when a test sample in the pool goes unseen, or counts as one of the training split. */
static void test_duplicates_of_the_pool_are_counted(void **state)
{
    (void)state;
    make_set(&picture, DECANT_U8, (const int64_t[]){50, 50}, 2, 30);
    dcn_split split = {0};
    dcn_overlap overlap = {0};
    dcn_samples *train = &dataset->train;
    assert_ok(dcn_dataset_unlabel(dataset, 40, 3));
    assert_ok(dcn_split_make(dataset, 20, 3, &split));
    copy_sample(&dataset->test, 3, train, split.unlabelled[5]);
    copy_sample(train, split.validation[2], train, split.unlabelled[7]);
    copy_sample(train, split.validation[3], train, split.unlabelled[7]);
    assert_ok(dcn_overlap_count(dataset, &split, &overlap));
    assert_int_equal(overlap.pool_test, 1);
    assert_int_equal(overlap.pool_validation, 1); /* one sample of the pool */
    assert_int_equal(overlap.train_test + overlap.train_validation + overlap.validation_test, 0);
    dcn_split_finish(&split);
}

/* Per channel or feature, in double, two passes, one value after the other. */
static void naive_statistics(const int32_t *indices, int64_t count, int64_t channel, double *ret_mean, double *ret_std)
{
    int64_t size = decant_shape_count(&dataset->sample), plane = size / dataset->sample.dim[0];
    double mean = 0, variance = 0;
    for (int pass = 0; pass < 2; pass++) {
        for (int64_t i = 0; i < count; i++) {
            int64_t sample = indices != NULL ? indices[i] : i;
            for (int64_t k = 0; k < plane; k++) {
                int64_t at = sample * size + channel * plane + k;
                double x = dataset->train.dtype == DECANT_U8
                               ? dataset->train.data[at] / 255.0
                               : (double)((const float *)(const void *)dataset->train.data)[at];
                if (pass == 0) mean += x / (double)(count * plane);
                if (pass == 1) variance += (x - mean) * (x - mean) / (double)(count * plane);
            }
        }
    }
    *ret_mean = mean;
    *ret_std = sqrt(variance);
}

static void check_statistics(const int32_t *indices, int64_t count)
{
    float mean[8], std[8];
    assert_ok(dcn_statistics(dataset, indices, count, mean, std));
    for (int32_t c = 0; c < dcn_statistics_channels(dataset); c++) {
        double expected_mean, expected_std;
        naive_statistics(indices, count, c, &expected_mean, &expected_std);
        if (fabs((double)mean[c] - expected_mean) > 1e-7 * fabs(expected_mean)) fail_msg("mean of %d", c);
        if (fabs((double)std[c] - expected_std) > 1e-6 * expected_std) fail_msg("deviation of %d", c);
    }
}

static void test_statistics_against_the_definition(void **state)
{
    (void)state;
    static const int32_t some[] = {3, 1, 4, 1, 5, 9, 2, 6};
    const decant_shape wide = {.rank = 3, .dim = {1, 200, 300}}; /* planes longer than one 32-bit sum */
    /* 9000 samples: more than two tasks, so that the parts are added up. */
    make_set(&picture, DECANT_U8, (const int64_t[]){9000}, 1, 3);
    assert_int_equal(dcn_statistics_channels(dataset), 2);
    check_statistics(NULL, 9000);
    check_statistics(some, 8);
    make_set(&row, DECANT_F32, (const int64_t[]){9000}, 1, 3); /* mean 1000, deviations 1 to 5: squares would cancel */
    assert_int_equal(dcn_statistics_channels(dataset), 5);
    check_statistics(NULL, 9000);
    check_statistics(some, 8);
    make_set(&row, DECANT_U8, (const int64_t[]){100}, 1, 0);
    check_statistics(NULL, 100);
    make_set(&wide, DECANT_U8, (const int64_t[]){10}, 1, 0);
    memset(dataset->train.data, 255, 600000);
    dataset->train.data[77] = 0;
    check_statistics(NULL, 10);
}

static void test_constants_do_not_divide_by_zero(void **state)
{
    (void)state;
    float values[4 * 5], mean[5], std[5];
    const float constants[5] = {0, 0.1f, -1e30f, 12345.678f, 0};
    for (int i = 0; i < 20; i++)
        values[i] = constants[i % 5];
    values[19] = 1;
    decant_dataset_destroy(dataset);
    dataset = NULL;
    assert_ok(dcn_arrays_open("constants", &row, DECANT_F32, 1, values, NULL, 4, NULL, NULL, 0, &dataset));
    assert_ok(dcn_statistics(dataset, NULL, 4, mean, std));
    for (int c = 0; c < 4; c++) {
        assert_true(std[c] == 1.0f);
        assert_true(fabsf(mean[c] - constants[c]) <= 1e-6f * fabsf(constants[c]));
    }
    assert_true(std[4] > 0.43f && std[4] < 0.44f);
    assert_int_equal(dcn_statistics(dataset, NULL, 0, mean, std), DECANT_INVALID_ARG);
    assert_int_equal(dcn_statistics(dataset, NULL, 5, mean, std), DECANT_INVALID_ARG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_shares_are_exact, clean),
        cmocka_unit_test(test_shares_of_a_count),
        cmocka_unit_test_teardown(test_a_split_is_a_partition_and_a_function_of_the_seed, clean),
        cmocka_unit_test_teardown(test_impossible_splits, clean),
        cmocka_unit_test_teardown(test_pool, clean),
        cmocka_unit_test_teardown(test_planted_duplicates_are_counted, clean),
        cmocka_unit_test_teardown(test_duplicates_of_the_pool_are_counted, clean),
        cmocka_unit_test_teardown(test_statistics_against_the_definition, clean),
        cmocka_unit_test_teardown(test_constants_do_not_divide_by_zero, clean),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
