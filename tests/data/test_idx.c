/* IDX files: good ones are read as they are, and no damaged one is believed. */
#include "fixture.h"

#include "data/contents.h"
#include "data/idx.h"

static char folder[256];

static int make(void **state)
{
    (void)state;
    make_folder(folder, "idx");
    setenv("DECANT_CACHE", "off", 1);
    write_idx_folder(folder);
    return 0;
}

static int clean(void **state)
{
    (void)state;
    remove_folder(folder);
    return 0;
}

static void check_sample_set(decant_dataset *dataset)
{
    assert_int_equal(dataset->sample.rank, 3);
    assert_int_equal(dataset->sample.dim[0], 1);
    assert_int_equal(dataset->sample.dim[1], HEIGHT);
    assert_int_equal(dataset->sample.dim[2], WIDTH);
    assert_int_equal(dataset->n_classes, 3);
    assert_int_equal(dataset->train.count, N_TRAIN);
    assert_int_equal(dataset->test.count, N_TEST);
    assert_int_equal(dataset->train.dtype, DECANT_U8);
    for (int i = 0; i < N_TRAIN; i++) {
        assert_int_equal(dataset->train.labels[i], i % 3);
        for (int k = 0; k < PIXELS; k++)
            assert_int_equal(dataset->train.data[i * PIXELS + k], 20 * i + k);
    }
    assert_int_equal(dataset->test.data[4 * PIXELS + 11], 7 * 4 + 11);
    assert_int_equal(dataset->test.labels[4], 1);
}

static void test_plain_folder(void **state)
{
    (void)state;
    decant_dataset *dataset = NULL;
    assert_ok(dcn_idx_open(folder, &dataset));
    check_sample_set(dataset);
    dcn_dataset_destroy(dataset);
}

/* .gz beside plain files, and the '.' spelling, make the same data set with the same hash. */
static void test_packed_and_other_spelling(void **state)
{
    (void)state;
    decant_dataset *plain = NULL, *packed = NULL;
    uint8_t *bytes = NULL;
    size_t count = 0;
    char path[512];
    assert_ok(dcn_idx_open(folder, &plain));
    snprintf(path, sizeof path, "%s/train-images-idx3-ubyte", folder);
    assert_ok(dcn_file_read(path, 4096, &bytes, &count));
    write_gzip(folder, "train-images-idx3-ubyte.gz", bytes, count);
    dcn_free(bytes);
    remove_file(folder, "train-images-idx3-ubyte");
    snprintf(path, sizeof path, "cd '%s' && mv t10k-labels-idx1-ubyte t10k-labels.idx1-ubyte", folder);
    assert_int_equal(system(path), 0);
    assert_ok(dcn_idx_open(folder, &packed));
    check_sample_set(packed);
    assert_true(dcn_hash_equal(plain->hash, packed->hash));
    dcn_dataset_destroy(plain);
    dcn_dataset_destroy(packed);
}

/* One changed pixel, or one changed label, is another data set. */
static void test_hash_sees_everything(void **state)
{
    (void)state;
    decant_dataset *before = NULL, *after = NULL;
    uint8_t file[64];
    const uint32_t dims[] = {N_TEST};
    const uint8_t labels[] = {0, 1, 2, 0, 2};
    assert_ok(dcn_idx_open(folder, &before));
    write_file(folder, "t10k-labels-idx1-ubyte", file, make_idx(file, 1, dims, labels, N_TEST));
    assert_ok(dcn_idx_open(folder, &after));
    assert_false(dcn_hash_equal(before->hash, after->hash));
    dcn_dataset_destroy(before);
    dcn_dataset_destroy(after);
}

static void refuse_folder(decant_status expected, const char *words, const char *file)
{
    decant_dataset *dataset = NULL;
    assert_refused(dcn_idx_open(folder, &dataset), expected, words);
    assert_null(dataset);
    if (file != NULL && strstr(decant_error_place(), file) == NULL && strstr(decant_error_message(), file) == NULL) {
        fail_msg("neither place '%s' nor message '%s' names %s", decant_error_place(), decant_error_message(), file);
    }
}

static void test_truncated_and_oversized(void **state)
{
    (void)state;
    char path[512];
    uint8_t *good = NULL;
    size_t bytes = 0;
    decant_dataset *dataset = NULL;
    snprintf(path, sizeof path, "%s/train-images-idx3-ubyte", folder);
    assert_ok(dcn_file_read(path, 4096, &good, &bytes));
    assert_int_equal(bytes, IDX_IMAGES_BYTES);
    for (size_t length = 0; length < bytes; length++) {
        write_file(folder, "train-images-idx3-ubyte", good, length);
        refuse_folder(DECANT_FORMAT, "IDX", "train-images");
    }
    uint8_t longer[IDX_IMAGES_BYTES + 1] = {0};
    memcpy(longer, good, bytes);
    write_file(folder, "train-images-idx3-ubyte", longer, bytes + 1);
    refuse_folder(DECANT_FORMAT, "145 follow", "train-images");
    write_file(folder, "train-images-idx3-ubyte", good, bytes);
    assert_ok(dcn_idx_open(folder, &dataset));
    dcn_dataset_destroy(dataset);
    dcn_free(good);
}

static void test_truncated_gzip(void **state)
{
    (void)state;
    char path[512];
    uint8_t *plain = NULL, *packed = NULL;
    size_t plain_bytes = 0, packed_bytes = 0;
    snprintf(path, sizeof path, "%s/train-images-idx3-ubyte", folder);
    assert_ok(dcn_file_read(path, 4096, &plain, &plain_bytes));
    write_gzip(folder, "train-images-idx3-ubyte.gz", plain, plain_bytes);
    remove_file(folder, "train-images-idx3-ubyte");
    snprintf(path, sizeof path, "%s/train-images-idx3-ubyte.gz", folder);
    assert_ok(dcn_file_read(path, 4096, &packed, &packed_bytes));
    for (size_t length = 0; length < packed_bytes; length++) {
        write_file(folder, "train-images-idx3-ubyte.gz", packed, length);
        refuse_folder(DECANT_FORMAT, "", "train-images");
    }
    packed[packed_bytes / 2] ^= 0x40; /* one flipped bit: zlib's checksum or ours must see it */
    write_file(folder, "train-images-idx3-ubyte.gz", packed, packed_bytes);
    refuse_folder(DECANT_FORMAT, "", "train-images");
    dcn_free(plain);
    dcn_free(packed);
}

static decant_status parse(const uint8_t *file, size_t bytes)
{
    int32_t rank = -7;
    int64_t dims[4] = {-7, -7, -7, -7};
    const uint8_t *payload = NULL;
    decant_status status = dcn_idx_parse(file, bytes, &rank, dims, &payload);
    if (status != DECANT_OK) {
        assert_int_equal(rank, -7);
        assert_int_equal(dims[0], -7);
        assert_null(payload);
    } else {
        assert_ptr_equal(payload, file + 4 + 4 * rank);
    }
    return status;
}

static void test_headers(void **state)
{
    (void)state;
    const uint32_t huge[] = {UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX}, small[] = {1, 2, 1, 2}, none[] = {0, 9};
    const uint32_t large[] = {UINT32_MAX, 2};
    const uint8_t payload[4] = {1, 2, 3, 4};
    uint8_t file[64];
    assert_ok(parse(file, make_idx(file, 4, small, payload, 4)));
    assert_ok(parse(file, make_idx(file, 2, small, payload, 2)));
    assert_ok(parse(file, make_idx(file, 2, none, payload, 0)));
    assert_refused(parse(file, make_idx(file, 4, huge, payload, 4)), DECANT_FORMAT, "multiply");
    assert_refused(parse(file, make_idx(file, 2, large, payload, 4)), DECANT_FORMAT, "cut short");
    size_t bytes = make_idx(file, 1, (const uint32_t[]){4}, payload, 4);
    assert_ok(parse(file, bytes));
    for (int type = 0; type < 256; type++) {
        file[2] = (uint8_t)type;
        if (type != 8) assert_refused(parse(file, bytes), DECANT_FORMAT, "element type");
    }
    file[2] = 8;
    file[0] = 1;
    assert_refused(parse(file, bytes), DECANT_FORMAT, "01 00 08 01");
    file[0] = 0;
    for (int rank = 0; rank < 256; rank++) {
        file[3] = (uint8_t)rank;
        if (rank != 1) assert_int_equal(parse(file, bytes), DECANT_FORMAT);
    }
    assert_refused(parse((const uint8_t *)"garbage!", 8), DECANT_FORMAT, "67 61 72 62");
}

static void test_files_that_do_not_fit_each_other(void **state)
{
    (void)state;
    uint8_t file[256], pixels[N_TRAIN * PIXELS] = {0}, labels[N_TRAIN + 1] = {0, 1, 2};
    /* one label too few, one too many */
    write_file(folder, "train-labels-idx1-ubyte", file,
               make_idx(file, 1, (const uint32_t[]){N_TRAIN - 1}, labels, N_TRAIN - 1));
    refuse_folder(DECANT_FORMAT, "11 labels for 12 images", "train-labels");
    write_file(folder, "train-labels-idx1-ubyte", file,
               make_idx(file, 1, (const uint32_t[]){N_TRAIN + 1}, labels, N_TRAIN + 1));
    refuse_folder(DECANT_FORMAT, "13 labels for 12 images", "train-labels");
    /* labels with two dimensions; images with one */
    write_file(folder, "train-labels-idx1-ubyte", file,
               make_idx(file, 2, (const uint32_t[]){N_TRAIN, 1}, labels, N_TRAIN));
    refuse_folder(DECANT_FORMAT, "one dimension", "train-labels");
    write_file(folder, "train-labels-idx1-ubyte", file,
               make_idx(file, 1, (const uint32_t[]){N_TRAIN}, labels, N_TRAIN));
    write_file(folder, "train-images-idx3-ubyte", file,
               make_idx(file, 1, (const uint32_t[]){N_TRAIN}, labels, N_TRAIN));
    refuse_folder(DECANT_FORMAT, "2 to 4 dimensions", "train-images");
    /* other pictures in the test part */
    write_file(folder, "train-images-idx3-ubyte", file,
               make_idx(file, 3, (const uint32_t[]){N_TRAIN, WIDTH, HEIGHT}, pixels, N_TRAIN * PIXELS));
    refuse_folder(DECANT_FORMAT, "shape", "t10k-images");
    /* no pictures at all, pictures of no pixels */
    write_file(folder, "train-images-idx3-ubyte", file, make_idx(file, 3, (const uint32_t[]){0, 3, 4}, pixels, 0));
    write_file(folder, "train-labels-idx1-ubyte", file, make_idx(file, 1, (const uint32_t[]){0}, labels, 0));
    refuse_folder(DECANT_FORMAT, "0 images", "train-images");
}

static void test_labels_out_of_range(void **state)
{
    (void)state;
    uint8_t file[64];
    const uint8_t labels[N_TEST] = {0, 1, 2, 3, 0}; /* training has 0 to 2 */
    write_file(folder, "t10k-labels-idx1-ubyte", file, make_idx(file, 1, (const uint32_t[]){N_TEST}, labels, N_TEST));
    refuse_folder(DECANT_FORMAT, "test sample 3 has label 3", NULL);
}

static void test_missing_and_unreadable(void **state)
{
    (void)state;
    decant_dataset *dataset = NULL;
    char path[512];
    assert_refused(dcn_idx_open("no/such/folder", &dataset), DECANT_NOT_FOUND, "train-images-idx3-ubyte");
    remove_file(folder, "t10k-labels-idx1-ubyte");
    refuse_folder(DECANT_NOT_FOUND, "t10k-labels-idx1-ubyte", NULL);
    snprintf(path, sizeof path, "%s/t10k-labels-idx1-ubyte", folder);
    assert_int_equal(mkdir(path, 0777), 0); /* a folder where a file should be */
    refuse_folder(DECANT_IO, "folder", "t10k-labels");
    assert_int_equal(rmdir(path), 0);
    write_file(folder, "t10k-labels-idx1-ubyte", "x", 1);
    assert_int_equal(chmod(path, 0), 0);
    if (geteuid() != 0) refuse_folder(DECANT_IO, "cannot be opened", "t10k-labels"); /* root may read everything */
}

static void test_every_allocation_may_fail(void **state)
{
    (void)state;
    int64_t nth = 1;
    for (;; nth++) {
        decant_dataset *dataset = NULL;
        dcn_memory_fail_nth(nth);
        decant_status status = dcn_idx_open(folder, &dataset);
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
        cmocka_unit_test_setup_teardown(test_plain_folder, make, clean),
        cmocka_unit_test_setup_teardown(test_packed_and_other_spelling, make, clean),
        cmocka_unit_test_setup_teardown(test_hash_sees_everything, make, clean),
        cmocka_unit_test_setup_teardown(test_truncated_and_oversized, make, clean),
        cmocka_unit_test_setup_teardown(test_truncated_gzip, make, clean),
        cmocka_unit_test(test_headers),
        cmocka_unit_test_setup_teardown(test_files_that_do_not_fit_each_other, make, clean),
        cmocka_unit_test_setup_teardown(test_labels_out_of_range, make, clean),
        cmocka_unit_test_setup_teardown(test_missing_and_unreadable, make, clean),
        cmocka_unit_test_setup_teardown(test_every_allocation_may_fail, make, clean),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
