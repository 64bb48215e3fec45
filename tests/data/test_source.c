/* Known data sets: found where they may stand, recognised by what they hold, and a message that helps when they are not
 * there. */
#include "fixture.h"

#include "data/source.h"
#include "data/statistics.h"

static char folder[256], path[512];

static int make(void **state)
{
    (void)state;
    make_folder(folder, "source");
    setenv("DECANT_CACHE", "off", 1);
    setenv("DECANT_DATA", folder, 1);
    setenv("XDG_DATA_HOME", "/nonexistent-share", 1);
    return 0;
}

static int clean(void **state)
{
    (void)state;
    remove_folder(folder);
    return 0;
}

/* The published sizes with blank pictures; sparse, so it costs nothing on disk. */
static void write_published(const char *in, int64_t n_train, const uint8_t first_labels[8])
{
    const char *const names[] = {"train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte",
                                 "t10k-labels-idx1-ubyte"};
    char command[600];
    snprintf(command, sizeof command, "mkdir -p '%s'", in);
    assert_int_equal(system(command), 0);
    for (int i = 0; i < 4; i++) {
        uint8_t head[24] = {0};
        bool images = i % 2 == 0;
        uint32_t count = i < 2 ? (uint32_t)n_train : 10000;
        size_t bytes = make_idx(head, images ? 3 : 1, (const uint32_t[]){count, 28, 28}, first_labels, images ? 0 : 8);
        write_file(in, names[i], head, bytes);
        snprintf(command, sizeof command, "%s/%s", in, names[i]);
        assert_int_equal(truncate(command, images ? 16 + (off_t)count * 784 : 8 + (off_t)count), 0);
    }
}

static const uint8_t fashion_labels[8] = {9, 2, 1, 1, 6, 1, 4, 6}, digit_labels[8] = {7, 2, 1, 0, 4, 1, 4, 9};

static void test_finds_fashion_mnist_with_its_class_names(void **state)
{
    (void)state;
    static const char *const names[] = {"T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
                                        "Sandal",      "Shirt",   "Sneaker",  "Bag",   "Ankle boot"};
    decant_dataset *dataset = NULL;
    snprintf(path, sizeof path, "%s/fashion-mnist", folder);
    write_published(path, 60000, fashion_labels);
    assert_ok(dcn_dataset_find("fashion-mnist", &dataset));
    assert_string_equal(dataset->name, "fashion-mnist");
    assert_int_equal(dataset->train.count, 60000);
    assert_int_equal(dataset->test.count, 10000);
    assert_int_equal(dataset->n_classes, 10);
    for (int i = 0; i < 10; i++)
        assert_string_equal(dataset->class_names[i], names[i]);
    dcn_dataset_destroy(dataset);
}

/* A folder that lacks a file (a download that stopped) does not hide a whole set behind it. */
static void test_a_part_does_not_hide_the_whole(void **state)
{
    (void)state;
    char command[1100];
    decant_dataset *dataset = NULL;
    snprintf(path, sizeof path, "%s/mnist", folder);
    write_published(path, 60000, digit_labels);
    snprintf(command, sizeof command, "%s/t10k-labels-idx1-ubyte", path);
    assert_int_equal(unlink(command), 0);
    decant_status status = dcn_dataset_find("mnist", &dataset);
    assert_int_equal(status, DECANT_NOT_FOUND); /* what is missing is said */
    assert_non_null(strstr(decant_error_message(), "t10k-labels-idx1-ubyte"));
    write_published(folder, 60000, digit_labels); /* $DECANT_DATA itself, which is looked in next */
    assert_ok(dcn_dataset_find("mnist", &dataset));
    dcn_dataset_destroy(dataset);
    snprintf(command, sizeof command, "rm -r '%s' && cd '%s' && rm t10k-* train-*", path, folder);
    assert_int_equal(system(command), 0);
}

/* MNIST and Fashion-MNIST have the same file names: one is never taken for the other. */
static void test_does_not_take_one_for_the_other(void **state)
{
    (void)state;
    decant_dataset *dataset = NULL;
    write_published(folder, 60000, digit_labels); /* $DECANT_DATA itself */
    assert_ok(dcn_dataset_find("mnist", &dataset));
    assert_string_equal(dataset->class_names[7], "7");
    dcn_dataset_destroy(dataset);
    dataset = NULL;
    snprintf(path, sizeof path, "%s/fashion-mnist", folder);
    write_published(path, 60000, digit_labels); /* digits in the folder of clothes */
    decant_status status = dcn_dataset_find("fashion-mnist", &dataset);
    if (status == DECANT_OK) { /* the Debian package's: the search went on to the right one */
        assert_memory_equal(dataset->test.labels, ((const int32_t[]){9, 2, 1, 1}), 4 * sizeof(int32_t));
    } else {
        assert_int_equal(status, DECANT_NOT_FOUND);
    }
    dcn_dataset_destroy(dataset);
}

static void test_refuses_another_size(void **state)
{
    (void)state;
    decant_dataset *dataset = NULL;
    snprintf(path, sizeof path, "%s/mnist", folder);
    write_published(path, 59999, digit_labels);
    assert_refused(dcn_dataset_find("mnist", &dataset), DECANT_FORMAT,
                   "59999 + 10000 samples, but mnist has 60000 + 10000");
    assert_null(dataset);
    /* By its folder it is what it is. */
    assert_ok(dcn_source_open(path, &dataset));
    assert_int_equal(dataset->train.count, 59999);
    assert_null(dataset->class_names);
    dcn_dataset_destroy(dataset);
}

/* A folder that holds a known data set's files gives its class names, whatever the folder is called. */
static void test_known_files_in_any_folder(void **state)
{
    (void)state;
    decant_dataset *dataset = NULL;
    snprintf(path, sizeof path, "%s/clothes", folder);
    write_published(path, 60000, fashion_labels);
    snprintf(path, sizeof path, "%s/clothes/train-labels-idx1-ubyte", folder);
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    fseek(file, 8 + 100, SEEK_SET);
    fputc(9, file); /* the training labels go up to 9 */
    fclose(file);
    snprintf(path, sizeof path, "%s/clothes", folder);
    assert_ok(dcn_source_open(path, &dataset));
    assert_non_null(dataset->class_names);
    assert_string_equal(dataset->class_names[9], "Ankle boot");
    dcn_dataset_destroy(dataset);
}

static void test_not_found_says_where_and_how(void **state)
{
    (void)state;
    decant_dataset *dataset = NULL;
    assert_refused(dcn_dataset_find("cifar10", &dataset), DECANT_NOT_FOUND, "looked in");
    assert_non_null(strstr(decant_error_message(), folder));
    assert_non_null(strstr(decant_error_message(), "/usr/share/datasets/cifar10"));
    assert_non_null(strstr(decant_error_message(), "/nonexistent-share/decant/cifar10"));
    assert_non_null(strstr(decant_error_message(), "decant data get cifar10"));
    assert_non_null(strstr(decant_error_message(), "DECANT_DATA"));
    assert_refused(dcn_dataset_find("fashion-mnits", &dataset), DECANT_NOT_FOUND, "did you mean 'fashion-mnist'");
    assert_refused(dcn_dataset_find("imagenet", &dataset), DECANT_NOT_FOUND, "decant data list");
    assert_null(dataset);
}

/* Breaks when $DECANT_DATA itself is taken for a file because its path ends as that is called, or when spellings of one
 * place count as two. */
static void test_files_by_their_names(void **state)
{
    (void)state;
    char *found = NULL, other[400];
    snprintf(path, sizeof path, "%s/mydata", folder);
    assert_int_equal(mkdir(path, 0700), 0);
    setenv("DECANT_DATA", path, 1);
    assert_refused(dcn_source_locate("data", &found), DECANT_NOT_FOUND, "there is no file data");
    assert_null(strstr(decant_error_message(), "mydata,"));
    snprintf(other, sizeof other, "%.200s/mydata", folder);
    write_file(other, "rows.csv", "a,y\n", 4);
    assert_ok(dcn_source_locate("rows.csv", &found));
    snprintf(other, sizeof other, "%.200s/mydata/..//mydata/rows.csv", folder);
    assert_true(dcn_source_is_same(found, other));
    assert_true(dcn_source_is_same("rows.csv", other));
    assert_true(dcn_source_is_same("mnist", "mnist"));
    assert_false(dcn_source_is_same("mnist", other));
    assert_false(dcn_source_is_same(found, folder));
    assert_false(dcn_source_is_same("nowhere.csv", "nowhere.txt"));
    dcn_free(found);
}

static void test_folders_by_what_they_hold(void **state)
{
    (void)state;
    decant_dataset *dataset = NULL;
    assert_refused(dcn_source_open(folder, &dataset), DECANT_NOT_FOUND, "neither IDX files");
    write_idx_folder(folder);
    assert_ok(dcn_source_open(folder, &dataset));
    assert_int_equal(dataset->train.count, N_TRAIN);
    assert_string_equal(dataset->name, folder);
    dcn_dataset_destroy(dataset);
    assert_int_equal(dcn_source_open("./no/such/folder", &dataset), DECANT_NOT_FOUND);

    static uint8_t record[3073];
    snprintf(path, sizeof path, "%s/cifar", folder);
    assert_int_equal(mkdir(path, 0777), 0);
    for (int i = 1; i <= 6; i++) {
        char name[32];
        snprintf(name, sizeof name, "data_batch_%d.bin", i);
        write_file(path, i == 6 ? "test_batch.bin" : name, record, sizeof record);
    }
    assert_ok(dcn_source_open(path, &dataset));
    assert_int_equal(dataset->train.count, 5);
    dcn_dataset_destroy(dataset);
}

static void test_list(void **state)
{
    (void)state;
    decant_source *known = NULL;
    int32_t count = 0;
    bool mnist = false, cifar = false;
    snprintf(path, sizeof path, "%s/mnist", folder);
    write_published(path, 60000, digit_labels);
    assert_ok(dcn_source_list(&known, &count));
    assert_int_equal(count, 3);
    for (int32_t i = 0; i < count; i++) {
        assert_true(strlen(known[i].description) > 10 && strlen(known[i].how_to_get) > 10);
        assert_ptr_equal(strstr(known[i].looked_in, folder), known[i].looked_in); /* $DECANT_DATA comes first */
        if (strcmp(known[i].name, "mnist") == 0) mnist = known[i].path != NULL && strcmp(known[i].path, path) == 0;
        if (strcmp(known[i].name, "cifar10") == 0) cifar = known[i].path == NULL;
    }
    assert_true(mnist);
    assert_true(cifar);
    decant_source_list_free(known, count);
    decant_source_list_free(NULL, 0);
}

/* The real thing, where the Debian package is installed. */
static void test_debian_package(void **state)
{
    (void)state;
    if (access("/usr/share/datasets/fashion-mnist/train-images-idx3-ubyte.gz", R_OK) != 0) {
        print_message("skipped: dataset-fashion-mnist is not installed\n");
        skip();
    }
    decant_dataset *dataset = NULL;
    float mean = 0, std = 0;
    assert_ok(dcn_dataset_find("fashion-mnist", &dataset));
    assert_ok(dcn_statistics(dataset, NULL, dataset->train.count, &mean, &std));
    assert_true(mean > 0.28603f && mean < 0.28605f); /* the values that everyone's Normalize() uses: 0.2860, 0.3530 */
    assert_true(std > 0.35301f && std < 0.35303f);
    int per_class[10] = {0};
    for (int64_t i = 0; i < dataset->train.count; i++)
        per_class[dataset->train.labels[i]]++;
    for (int k = 0; k < 10; k++)
        assert_int_equal(per_class[k], 6000);
    dcn_dataset_destroy(dataset);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_finds_fashion_mnist_with_its_class_names, make, clean),
        cmocka_unit_test_setup_teardown(test_a_part_does_not_hide_the_whole, make, clean),
        cmocka_unit_test_setup_teardown(test_does_not_take_one_for_the_other, make, clean),
        cmocka_unit_test_setup_teardown(test_refuses_another_size, make, clean),
        cmocka_unit_test_setup_teardown(test_known_files_in_any_folder, make, clean),
        cmocka_unit_test_setup_teardown(test_not_found_says_where_and_how, make, clean),
        cmocka_unit_test_setup_teardown(test_files_by_their_names, make, clean),
        cmocka_unit_test_setup_teardown(test_folders_by_what_they_hold, make, clean),
        cmocka_unit_test_setup_teardown(test_list, make, clean),
        cmocka_unit_test_setup_teardown(test_debian_package, make, clean),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
