/* The loader: what is in a batch depends on nothing but options, epoch and number - not on the thread, the batch size
 * or where an epoch was resumed - and no sequence of calls hangs. */
#include "fixture.h"

#include <math.h>
#include <time.h>

#include "base/random.h"
#include "data/arrays.h"
#include "data/loader.h"

enum { COUNT = 103, VALUES = 2 * 6 * 5 };
enum { WIDE_COUNT = 12, WIDE_VALUES = 40000 }; /* samples of which the loader makes few ahead */

static decant_dataset *dataset, *table, *wide;
static const float mean[2] = {0.4f, 0.6f}, deviation[2] = {0.3f, 0.2f};

static int make_sets(void **state)
{
    (void)state;
    static uint8_t bytes[COUNT * VALUES];
    static float floats[COUNT * 4];
    static float wide_floats[WIDE_COUNT * WIDE_VALUES];
    static int32_t labels[COUNT];
    const decant_shape picture = {.rank = 3, .dim = {2, 6, 5}}, row = {.rank = 1, .dim = {4}};
    const decant_shape wide_row = {.rank = 1, .dim = {WIDE_VALUES}};
    dcn_random random = dcn_random_start(3, DCN_PURPOSE_TEST, 0, 0);
    for (int i = 0; i < COUNT * VALUES; i++)
        bytes[i] = (uint8_t)dcn_random_u32(&random);
    for (int i = 0; i < COUNT * 4; i++)
        floats[i] = (float)dcn_random_normal(&random);
    for (int i = 0; i < WIDE_COUNT * WIDE_VALUES; i++)
        wide_floats[i] = (float)i;
    for (int i = 0; i < COUNT; i++)
        labels[i] = i % 7;
    assert_ok(dcn_arrays_open("pictures", &picture, DECANT_U8, 7, bytes, labels, COUNT, NULL, NULL, 0, &dataset));
    assert_ok(dcn_arrays_open("table", &row, DECANT_F32, 7, floats, NULL, COUNT, NULL, NULL, 0, &table));
    assert_ok(dcn_arrays_open("wide", &wide_row, DECANT_F32, 7, wide_floats, NULL, WIDE_COUNT, NULL, NULL, 0, &wide));
    return 0;
}

static int destroy_sets(void **state)
{
    (void)state;
    dcn_dataset_destroy(dataset);
    dcn_dataset_destroy(table);
    dcn_dataset_destroy(wide);
    return 0;
}

static dcn_loader_options usual(bool threaded)
{
    return (dcn_loader_options){.dataset = dataset,
                                .part = &dataset->train,
                                .count = COUNT,
                                .batch = 16,
                                .shuffle = true,
                                .seed = 11,
                                .norm_channels = 2,
                                .mean = mean,
                                .std = deviation,
                                .threaded = threaded};
}

static const dcn_augment every_augmentation = {.shift = 2, .crop_padding = 1, .flip = true, .cutout = 2, .mixup = 0.4};

static const dcn_batch *next(dcn_loader *loader)
{
    const dcn_batch *batch = NULL;
    assert_ok(dcn_loader_next(loader, &batch));
    return batch;
}

/* Everything of an epoch, end to end, in one array of floats. */
typedef struct recording {
    float values[COUNT * (VALUES + 4)];
    int64_t count;
    int64_t n_batches;
} recording;

static void record(dcn_loader *loader, int64_t epoch, int64_t first, recording *all)
{
    all->count = 0;
    all->n_batches = 0;
    assert_ok(dcn_loader_start(loader, epoch, first));
    for (const dcn_batch *batch; (batch = next(loader)) != NULL; all->n_batches++) {
        assert_int_equal(batch->index, first + all->n_batches);
        for (int64_t i = 0; i < batch->size; i++) {
            float *row = all->values + all->count * (VALUES + 4);
            memcpy(row, batch->x + i * VALUES, VALUES * sizeof *row);
            row[VALUES] = (float)batch->labels[i];
            row[VALUES + 1] = (float)batch->labels_b[i];
            row[VALUES + 2] = batch->mix[i];
            row[VALUES + 3] = (float)batch->samples[i];
            all->count++;
        }
    }
    assert_null(next(loader)); /* and it stays at its end */
}

static recording first_record, second_record;

static void assert_same_records(int64_t skipped)
{
    assert_int_equal(second_record.count, first_record.count - skipped);
    assert_memory_equal(second_record.values, first_record.values + skipped * (VALUES + 4),
                        (size_t)second_record.count * (VALUES + 4) * sizeof(float));
}

static void test_plain_epoch_in_order(void **state)
{
    (void)state;
    static const int32_t indices[] = {5, 99, 5, 0, 102, 7, 8};
    for (int threaded = 0; threaded < 2; threaded++) {
        dcn_loader_options options = usual(threaded);
        dcn_loader *loader = NULL;
        options.shuffle = false;
        options.indices = indices;
        options.count = 7;
        options.batch = 3;
        assert_ok(dcn_loader_create(&options, &loader));
        assert_int_equal(dcn_loader_batches(loader), 3);
        assert_ok(dcn_loader_start(loader, 0, 0));
        for (int64_t b = 0; b < 3; b++) {
            const dcn_batch *batch = next(loader);
            assert_int_equal(batch->index, b);
            assert_int_equal(batch->size, b < 2 ? 3 : 1);
            assert_int_equal((uintptr_t)batch->x % 64, 0);
            for (int64_t i = 0; i < batch->size; i++) {
                int32_t sample = indices[3 * b + i];
                assert_int_equal(batch->samples[i], sample);
                assert_int_equal(batch->labels[i], sample % 7);
                assert_int_equal(batch->labels_b[i], sample % 7);
                assert_true(batch->mix[i] == 1.0f);
                for (int k = 0; k < VALUES; k++) {
                    int c = k / 30;
                    float expected =
                        ((float)dataset->train.data[sample * VALUES + k] / 255.0f - mean[c]) / deviation[c];
                    assert_true(batch->x[i * VALUES + k] == expected);
                }
            }
        }
        assert_null(next(loader));
        dcn_loader_destroy(loader);
    }
}

static void test_shuffling(void **state)
{
    (void)state;
    dcn_loader_options options = usual(true);
    dcn_loader *loader = NULL;
    float orders[3][COUNT];
    assert_ok(dcn_loader_create(&options, &loader));
    for (int epoch = 0; epoch < 3; epoch++) {
        int seen[COUNT] = {0};
        record(loader, epoch == 2 ? 0 : epoch, 0, &first_record);
        assert_int_equal(first_record.count, COUNT);
        for (int i = 0; i < COUNT; i++) {
            orders[epoch][i] = first_record.values[i * (VALUES + 4) + VALUES + 3];
            seen[(int)orders[epoch][i]]++;
        }
        for (int i = 0; i < COUNT; i++)
            assert_int_equal(seen[i], 1); /* a permutation */
    }
    assert_memory_not_equal(orders[0], orders[1], sizeof orders[0]);
    assert_memory_equal(orders[0], orders[2], sizeof orders[0]);
    dcn_loader_destroy(loader);
}

static void test_the_thread_changes_nothing(void **state)
{
    (void)state;
    dcn_loader_options options = usual(true), plain = usual(false);
    dcn_loader *threaded = NULL, *unthreaded = NULL;
    options.augment = plain.augment = every_augmentation;
    assert_ok(dcn_loader_create(&options, &threaded));
    assert_ok(dcn_loader_create(&plain, &unthreaded));
    for (int64_t epoch = 0; epoch < 4; epoch++) {
        record(threaded, epoch, 0, &first_record);
        record(unthreaded, epoch, 0, &second_record);
        assert_same_records(0);
    }
    dcn_loader_destroy(threaded);
    dcn_loader_destroy(unthreaded);
}

/* Mixup is drawn by batch; everything else must not know how large a batch is. */
static void test_the_batch_size_changes_no_sample(void **state)
{
    (void)state;
    static const int64_t sizes[] = {1, 7, 64, 103, 500};
    dcn_loader_options options = usual(true);
    dcn_loader *loader = NULL;
    options.augment = every_augmentation;
    options.augment.mixup = 0;
    assert_ok(dcn_loader_create(&options, &loader));
    record(loader, 1, 0, &first_record);
    dcn_loader_destroy(loader);
    for (size_t i = 0; i < DCN_COUNT(sizes); i++) {
        options.batch = sizes[i];
        assert_ok(dcn_loader_create(&options, &loader));
        record(loader, 1, 0, &second_record);
        assert_int_equal(second_record.n_batches, (COUNT + sizes[i] - 1) / sizes[i]);
        assert_same_records(0);
        dcn_loader_destroy(loader);
    }
}

static void test_resuming_in_the_middle(void **state)
{
    (void)state;
    for (int threaded = 0; threaded < 2; threaded++) {
        dcn_loader_options options = usual(threaded);
        dcn_loader *loader = NULL;
        options.augment = every_augmentation;
        assert_ok(dcn_loader_create(&options, &loader));
        record(loader, 5, 0, &first_record);
        dcn_loader_destroy(loader);
        for (int64_t first = 0; first <= 7; first++) {
            assert_ok(dcn_loader_create(&options, &loader)); /* a new process would begin like this */
            record(loader, 5, first, &second_record);
            assert_same_records(first == 7 ? COUNT : 16 * first);
            dcn_loader_destroy(loader);
        }
    }
}

static void test_dropping_the_last_batch(void **state)
{
    (void)state;
    dcn_loader_options options = usual(true);
    dcn_loader *loader = NULL;
    options.drop_last = true;
    assert_ok(dcn_loader_create(&options, &loader));
    assert_int_equal(dcn_loader_batches(loader), 6);
    record(loader, 0, 0, &first_record);
    assert_int_equal(first_record.count, 96);
    dcn_loader_destroy(loader);
    options.batch = 200;
    assert_ok(dcn_loader_create(&options, &loader));
    assert_int_equal(dcn_loader_batches(loader), 0);
    assert_ok(dcn_loader_start(loader, 0, 0));
    assert_null(next(loader));
    dcn_loader_destroy(loader);
}

/* A batch may be used until two more were handed out, also across the end of an epoch. */
/* Batches of one sample, so many that each place in the loader is used several times: the last two that were handed
 * over stay as they were. */
static void assert_batches_stay(dcn_loader_options options, size_t bytes)
{
    dcn_loader *loader = NULL;
    static float copy[2][WIDE_VALUES];
    const dcn_batch *kept[2] = {NULL, NULL};
    options.batch = 1;
    assert_ok(dcn_loader_create(&options, &loader));
    int64_t n = 0;
    for (int64_t epoch = 0; epoch < 3; epoch++) {
        assert_ok(dcn_loader_start(loader, epoch, 0));
        for (const dcn_batch *batch; (batch = next(loader)) != NULL; n++) {
            nanosleep(&(struct timespec){0, 2000000}, NULL); /* time for the thread to do all that it may */
            const dcn_batch *before = kept[(n + 1) % 2];
            if (before != NULL) assert_memory_equal(before->x, copy[(n + 1) % 2], bytes);
            kept[n % 2] = batch;
            memcpy(copy[n % 2], batch->x, bytes);
        }
    }
    assert_int_equal(n, 3 * options.count);
    dcn_loader_destroy(loader);
}

static void test_a_batch_stays_valid(void **state)
{
    (void)state;
    dcn_loader_options small = usual(true);
    const dcn_loader_options large = {
        .dataset = wide, .part = &wide->train, .count = WIDE_COUNT, .shuffle = true, .seed = 11, .threaded = true};
    small.augment = every_augmentation;
    assert_batches_stay(small, VALUES * sizeof(float));
    assert_batches_stay(large, WIDE_VALUES * sizeof(float));
}

static void test_mixup(void **state)
{
    (void)state;
    dcn_loader_options options = usual(true);
    dcn_loader *mixed = NULL, *plain = NULL;
    assert_ok(dcn_loader_create(&options, &plain));
    options.augment.mixup = 1.0;
    assert_ok(dcn_loader_create(&options, &mixed));
    assert_ok(dcn_loader_start(plain, 0, 0));
    assert_ok(dcn_loader_start(mixed, 0, 0));
    float weights[7];
    for (int b = 0; b < 7; b++) {
        const dcn_batch *a = next(plain), *m = next(mixed);
        assert_int_equal(a->size, m->size);
        assert_memory_equal(a->labels, m->labels, (size_t)a->size * sizeof *a->labels);
        weights[b] = m->mix[0];
        assert_true(weights[b] > 0 && weights[b] < 1);
        bool used[16] = {false};
        for (int64_t i = 0; i < m->size; i++) {
            assert_true(m->mix[i] == weights[b]);
            int64_t partner = -1;
            for (int64_t j = 0; j < a->size && partner < 0; j++) {
                bool fits = !used[j];
                for (int k = 0; k < VALUES && fits; k++)
                    fits = m->x[i * VALUES + k] ==
                           weights[b] * a->x[i * VALUES + k] + (1.0f - weights[b]) * a->x[j * VALUES + k];
                if (fits) partner = j;
            }
            assert_true(partner >= 0);
            used[partner] = true; /* a permutation: no partner twice */
            assert_int_equal(m->labels_b[i], a->labels[partner]);
        }
        /* The batch as a whole keeps its sum. */
        double before = 0, after = 0;
        for (int64_t k = 0; k < a->size * VALUES; k++) {
            before += (double)a->x[k];
            after += (double)m->x[k];
        }
        assert_true(fabs(before - after) < 1e-3);
    }
    for (int b = 1; b < 7; b++)
        assert_true(weights[b] != weights[b - 1]);
    dcn_loader_destroy(plain);
    dcn_loader_destroy(mixed);
}

static void test_tables_without_labels(void **state)
{
    (void)state;
    dcn_loader_options options = {
        .dataset = table, .part = &table->train, .count = COUNT, .batch = 50, .threaded = true};
    dcn_loader *loader = NULL;
    assert_ok(dcn_loader_create(&options, &loader));
    assert_ok(dcn_loader_start(loader, 0, 0));
    const dcn_batch *batch = next(loader);
    assert_int_equal(batch->labels[49], -1);
    assert_memory_equal(batch->x, table->train.data, 50 * 4 * sizeof(float));
    dcn_loader_destroy(loader);
}

/* Data that went bad after it was checked: the batches before it come, then the error, again and again, until another
 * start. */
static void test_values_that_are_not_finite(void **state)
{
    (void)state;
    float *value = (float *)(void *)table->train.data + 57 * 4 + 3, good = *value;
    for (int threaded = 0; threaded < 2; threaded++) {
        dcn_loader_options options = {
            .dataset = table, .part = &table->train, .count = COUNT, .batch = 10, .threaded = threaded};
        dcn_loader *loader = NULL;
        const dcn_batch *batch = NULL;
        *value = threaded ? (float)(0.0 / 0.0) : (float)(1.0 / 0.0);
        assert_ok(dcn_loader_create(&options, &loader));
        assert_ok(dcn_loader_start(loader, 0, 0));
        for (int b = 0; b < 5; b++)
            assert_int_equal(next(loader)->index, b);
        for (int again = 0; again < 3; again++) {
            batch = NULL;
            assert_refused(dcn_loader_next(loader, &batch), DECANT_NUMERIC, "sample 57, feature 3");
            assert_null(batch);
        }
        assert_ok(dcn_loader_start(loader, 1, 6)); /* behind it */
        for (int b = 6; b < 11; b++)
            assert_int_equal(next(loader)->index, b);
        assert_null(next(loader));
        assert_ok(dcn_loader_start(loader, 2, 0));
        dcn_loader_destroy(loader); /* while it runs into it */
        *value = good;
    }
}

static void test_no_sequence_of_calls_hangs(void **state)
{
    (void)state;
    const dcn_batch *batch = NULL;
    for (int threaded = 0; threaded < 2; threaded++) {
        dcn_loader_options options = usual(threaded);
        options.batch = 2;
        for (int calls = 0; calls < 60; calls++) {
            dcn_loader *loader = NULL;
            assert_ok(dcn_loader_create(&options, &loader));
            assert_refused(dcn_loader_next(loader, &batch), DECANT_INVALID_ARG, "started");
            for (int i = 0; i < calls % 12; i++) {
                assert_ok(dcn_loader_start(loader, i, i * 7 % 52));
                for (int k = 0; k < calls % 5; k++)
                    assert_ok(dcn_loader_next(loader, &batch));
            }
            dcn_loader_destroy(loader);
        }
    }
    dcn_loader_destroy(NULL);
}

static void test_restarting_gives_the_new_epoch(void **state)
{
    (void)state;
    dcn_loader_options options = usual(true);
    dcn_loader *loader = NULL;
    assert_ok(dcn_loader_create(&options, &loader));
    record(loader, 3, 2, &first_record);
    for (int i = 0; i < 50; i++) { /* interrupted anywhere in another epoch */
        assert_ok(dcn_loader_start(loader, 9, 0));
        for (int k = 0; k < i % 7; k++)
            next(loader);
        record(loader, 3, 2, &second_record);
        assert_same_records(0);
    }
    dcn_loader_destroy(loader);
}

static void test_nothing_is_allocated_after_creation(void **state)
{
    (void)state;
    dcn_loader_options options = usual(true);
    dcn_loader *loader = NULL;
    options.augment = every_augmentation;
    assert_ok(dcn_loader_create(&options, &loader));
    int64_t before = dcn_memory_allocation_count();
    record(loader, 0, 0, &first_record);
    record(loader, 1, 3, &first_record);
    assert_int_equal(dcn_memory_allocation_count(), before);
    dcn_loader_destroy(loader);

    for (int64_t nth = 1;; nth++) {
        loader = NULL;
        dcn_memory_fail_nth(nth);
        decant_status status = dcn_loader_create(&options, &loader);
        dcn_memory_fail_nth(0);
        dcn_loader_destroy(loader);
        if (status == DECANT_OK) break;
        assert_int_equal(status, DECANT_NO_MEMORY);
        assert_null(loader);
    }
}

static void refuse(dcn_loader_options options)
{
    dcn_loader *loader = NULL;
    assert_int_equal(dcn_loader_create(&options, &loader), DECANT_INVALID_ARG);
    assert_null(loader);
}

static void test_impossible_options(void **state)
{
    (void)state;
    static const int32_t beyond[] = {0, COUNT}, negative[] = {-1, 0};
    const float zero[2] = {1, 0};
    dcn_loader_options options = usual(true);
    dcn_loader *loader = NULL;
    options.batch = 0;
    refuse(options);
    options = usual(true);
    options.count = COUNT + 1;
    refuse(options);
    options.count = -1;
    refuse(options);
    options.count = 2;
    options.indices = beyond;
    refuse(options);
    options.indices = negative;
    refuse(options);
    options = usual(true);
    options.std = zero;
    refuse(options);
    options = usual(true);
    options.norm_channels = 3;
    refuse(options);
    options = usual(true);
    options.augment.shift = 5;
    refuse(options);
    options = usual(true);
    assert_ok(dcn_loader_create(&options, &loader));
    assert_int_equal(dcn_loader_start(loader, 0, 8), DECANT_INVALID_ARG);
    assert_int_equal(dcn_loader_start(loader, 0, -1), DECANT_INVALID_ARG);
    assert_int_equal(dcn_loader_start(loader, -1, 0), DECANT_INVALID_ARG);
    dcn_loader_destroy(loader);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain_epoch_in_order),
        cmocka_unit_test(test_shuffling),
        cmocka_unit_test(test_the_thread_changes_nothing),
        cmocka_unit_test(test_the_batch_size_changes_no_sample),
        cmocka_unit_test(test_resuming_in_the_middle),
        cmocka_unit_test(test_dropping_the_last_batch),
        cmocka_unit_test(test_a_batch_stays_valid),
        cmocka_unit_test(test_mixup),
        cmocka_unit_test(test_tables_without_labels),
        cmocka_unit_test(test_values_that_are_not_finite),
        cmocka_unit_test(test_no_sequence_of_calls_hangs),
        cmocka_unit_test(test_restarting_gives_the_new_epoch),
        cmocka_unit_test(test_nothing_is_allocated_after_creation),
        cmocka_unit_test(test_impossible_options),
    };
    alarm(120); /* a hang is a failure */
    return cmocka_run_group_tests(tests, make_sets, destroy_sets);
}
