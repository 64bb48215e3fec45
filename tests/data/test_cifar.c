/* CIFAR-10's binary files, in small: records are taken apart rightly and no file that was cut is believed. */
#include "data/cifar.h"
#include "fixture.h"

enum { RECORD = 3073, PER_BATCH = 3 };

static char folder[256];

static void fill_record(uint8_t *record, int seed, int label)
{
    record[0] = (uint8_t)label;
    for (int i = 0; i < RECORD - 1; i++)
        record[1 + i] = (uint8_t)(seed * 31 + i * 7 + i / 256);
}

static void write_batch(const char *in, int number, int n_records, int label)
{
    static uint8_t file[8 * RECORD];
    char name[32];
    for (int i = 0; i < n_records; i++)
        fill_record(file + i * RECORD, 10 * number + i, (label + i) % 10);
    snprintf(name, sizeof name, "data_batch_%d.bin", number);
    write_file(in, number == 6 ? "test_batch.bin" : name, file, (size_t)n_records * RECORD);
}

static int make(void **state)
{
    (void)state;
    make_folder(folder, "cifar");
    for (int number = 1; number <= 6; number++)
        write_batch(folder, number, PER_BATCH, number);
    return 0;
}

static int clean(void **state)
{
    (void)state;
    remove_folder(folder);
    return 0;
}

static void check_sample_set(const decant_dataset *dataset)
{
    uint8_t record[RECORD];
    assert_int_equal(dataset->train.count, 5 * PER_BATCH);
    assert_int_equal(dataset->test.count, PER_BATCH);
    assert_int_equal(dataset->n_classes, 10);
    assert_int_equal(dataset->sample.dim[0], 3);
    assert_int_equal(dataset->sample.dim[1], 32);
    assert_int_equal(dataset->sample.dim[2], 32);
    assert_string_equal(dataset->class_names[0], "airplane");
    assert_string_equal(dataset->class_names[9], "truck");
    for (int i = 0; i < 5 * PER_BATCH; i++) {
        int number = 1 + i / PER_BATCH;
        fill_record(record, 10 * number + i % PER_BATCH, (number + i % PER_BATCH) % 10);
        assert_int_equal(dataset->train.labels[i], record[0]);
        assert_memory_equal(dataset->train.data + (size_t)i * (RECORD - 1), record + 1, RECORD - 1);
    }
    fill_record(record, 62, 8);
    assert_int_equal(dataset->test.labels[2], 8);
    assert_memory_equal(dataset->test.data + 2 * (RECORD - 1), record + 1, RECORD - 1);
}

static void test_folder_and_archive_folder(void **state)
{
    (void)state;
    decant_dataset *dataset = NULL, *inner = NULL;
    char command[1024], outer[300];
    assert_ok(dcn_cifar_open(folder, &dataset));
    check_sample_set(dataset);
    snprintf(outer, sizeof outer, "%s/outer", folder);
    snprintf(command, sizeof command, "mkdir -p '%s/cifar-10-batches-bin' && cp '%s'/*.bin '%s/cifar-10-batches-bin'",
             outer, folder, outer);
    assert_int_equal(system(command), 0);
    assert_ok(dcn_cifar_open(outer, &inner));
    check_sample_set(inner);
    assert_true(dcn_hash_equal(dataset->hash, inner->hash));
    dcn_dataset_destroy(dataset);
    dcn_dataset_destroy(inner);
}

static void refuse(decant_status expected, const char *words, const char *file)
{
    decant_dataset *dataset = NULL;
    assert_refused(dcn_cifar_open(folder, &dataset), expected, words);
    assert_null(dataset);
    if (file != NULL) assert_non_null(strstr(decant_error_place(), file));
}

static void test_damaged_files(void **state)
{
    (void)state;
    uint8_t file[2 * RECORD] = {0};
    static const size_t lengths[] = {0, 1, RECORD - 1, RECORD + 1, 2 * RECORD - 1};
    for (size_t i = 0; i < DCN_COUNT(lengths); i++) {
        write_file(folder, "data_batch_3.bin", file, lengths[i]);
        refuse(DECANT_FORMAT, "records", "data_batch_3.bin");
    }
    write_file(folder, "data_batch_3.bin", file, 2 * RECORD); /* cut at a record's end */
    refuse(DECANT_FORMAT, "2 images where data_batch_1.bin has 3", "data_batch_3.bin");
    write_batch(folder, 3, PER_BATCH, 3);

    write_file(folder, "test_batch.bin", file, RECORD - 7);
    refuse(DECANT_FORMAT, "records", "test_batch.bin");
    file[RECORD] = 10; /* the second label */
    write_file(folder, "test_batch.bin", file, 2 * RECORD);
    refuse(DECANT_FORMAT, "test sample 1 has label 10", folder);
    file[RECORD] = 255;
    write_file(folder, "test_batch.bin", file, 2 * RECORD);
    refuse(DECANT_FORMAT, "label 255", folder);
    remove_file(folder, "test_batch.bin");
    refuse(DECANT_NOT_FOUND, "test_batch.bin", NULL);
    decant_dataset *dataset = NULL;
    assert_int_equal(dcn_cifar_open("no/such/folder", &dataset), DECANT_NOT_FOUND);
}

static void test_every_allocation_may_fail(void **state)
{
    (void)state;
    int64_t nth = 1;
    for (;; nth++) {
        decant_dataset *dataset = NULL;
        dcn_memory_fail_nth(nth);
        decant_status status = dcn_cifar_open(folder, &dataset);
        dcn_memory_fail_nth(0);
        dcn_dataset_destroy(dataset);
        if (status == DECANT_OK) break;
        assert_int_equal(status, DECANT_NO_MEMORY);
    }
    assert_true(nth > 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_folder_and_archive_folder, make, clean),
        cmocka_unit_test_setup_teardown(test_damaged_files, make, clean),
        cmocka_unit_test_setup_teardown(test_every_allocation_may_fail, make, clean),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
