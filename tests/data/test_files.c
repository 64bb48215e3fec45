/* The user's own pictures and arrays as data sets: every sample is where it belongs, whatever order the disk has, and
 * what does not fit is refused by name. */
#include "fixture.h"

#include <math.h>
#include <png.h>
#include <zip.h>

#include "data/files.h"
#include "data/overlap.h"

static char folder[256];

static int make(void **state)
{
    (void)state;
    make_folder(folder, "files");
    return 0;
}

static int clean(void **state)
{
    (void)state;
    remove_folder(folder);
    return 0;
}

/* --- pictures --- */

/* A PNG of height x width whose pixel k of channel c is value + k + 50 * c. */
static void write_picture(const char *name, int height, int width, int channels, int value)
{
    char path[512], command[1024];
    uint8_t pixels[3 * 64];
    png_image image = {.version = PNG_IMAGE_VERSION,
                       .width = (png_uint_32)width,
                       .height = (png_uint_32)height,
                       .format = channels == 1 ? PNG_FORMAT_GRAY : PNG_FORMAT_RGB};
    for (int i = 0; i < height * width; i++)
        for (int c = 0; c < channels; c++)
            pixels[i * channels + c] = (uint8_t)(value + i + 50 * c);
    snprintf(path, sizeof path, "%s/%s", folder, name);
    snprintf(command, sizeof command, "mkdir -p \"$(dirname '%s')\"", path);
    assert_int_equal(system(command), 0);
    assert_true(png_image_write_to_file(&image, path, 0, pixels, 0, NULL));
}

static dcn_files_options images(void)
{
    return (dcn_files_options){.format = DCN_FILES_IMAGES, .path = folder};
}

static void write_parts(void)
{
    write_picture("train/dog/b.png", 2, 3, 1, 20);
    write_picture("train/dog/a.PNG", 2, 3, 1, 10);
    write_picture("train/cat/z.png", 2, 3, 1, 30);
    write_picture("test/dog/t.png", 2, 3, 1, 40);
    write_file(folder, "train/dog/Thumbs.db", "x", 1);
}

/* Breaks when files come in the order of the disk, labels go by the order of discovery, or notes count as pictures. */
static void test_parts_of_a_folder(void **state)
{
    (void)state;
    decant_dataset *dataset = NULL;
    write_parts();
    dcn_files_options options = images();
    assert_ok(dcn_files_open(&options, NULL, &dataset));
    assert_int_equal(dataset->n_classes, 2);
    assert_string_equal(dataset->class_names[0], "cat");
    assert_int_equal(dataset->train.count, 3);
    assert_int_equal(dataset->test.count, 1);
    assert_true(dataset->sample.dim[0] == 1 && dataset->sample.dim[1] == 2 && dataset->sample.dim[2] == 3);
    const uint8_t pixels[18] = {30, 31, 32, 33, 34, 35, 10, 11, 12, 13, 14, 15, 20, 21, 22, 23, 24, 25};
    assert_memory_equal(dataset->train.data, pixels, sizeof pixels);
    assert_memory_equal(dataset->train.labels, ((const int32_t[]){0, 1, 1}), 3 * sizeof(int32_t));
    assert_int_equal(dataset->test.labels[0], 1);
    assert_int_equal(dataset->test.data[5], 45);
    dcn_dataset_destroy(dataset);
}

/* Breaks when the pool has labels, is tested on, or its pictures stand among the others. */
static void test_pools(void **state)
{
    (void)state;
    decant_dataset *dataset = NULL;
    dcn_files_options options = images();
    write_parts();
    write_picture("unlabelled/x.png", 2, 3, 1, 100);
    assert_ok(dcn_files_open(&options, NULL, &dataset));
    assert_int_equal(dataset->train.count, 4);
    assert_int_equal(dataset->n_unlabelled, 1);
    assert_int_equal(dataset->train.labels[3], DCN_NO_LABEL);
    assert_int_equal(dataset->train.data[18], 100);
    assert_int_equal(dataset->test.count, 1);
    dcn_dataset_destroy(dataset);
}

/* Breaks when colour planes are interleaved as in the file. */
static void test_colour_is_planar(void **state)
{
    (void)state;
    decant_dataset *dataset = NULL;
    dcn_files_options options = images();
    write_picture("train/a/1.png", 1, 2, 3, 0);
    write_picture("train/b/1.png", 1, 2, 3, 100);
    assert_ok(dcn_files_open(&options, NULL, &dataset));
    assert_memory_equal(dataset->train.data, ((const uint8_t[]){0, 1, 50, 51, 100, 101}), 6);
    dcn_dataset_destroy(dataset);
}

/* Breaks when a folder that is a class by its name is taken for a part. */
static void test_a_class_called_train(void **state)
{
    (void)state;
    decant_dataset *dataset = NULL;
    dcn_files_options options = images();
    write_picture("train/1.png", 2, 2, 1, 0);
    write_picture("plane/1.png", 2, 2, 1, 50);
    assert_ok(dcn_files_open(&options, NULL, &dataset));
    assert_int_equal(dataset->train.count, 2);
    assert_string_equal(dataset->class_names[1], "train");
    dcn_dataset_destroy(dataset);
}

static void refuse(const dcn_files_options *options, decant_status expected, const char *words, const char *place)
{
    decant_dataset *dataset = NULL;
    assert_refused(dcn_files_open(options, NULL, &dataset), expected, words);
    assert_null(dataset);
    if (strstr(decant_error_place(), place) == NULL) fail_msg("'%s' lacks '%s'", decant_error_place(), place);
}

static void test_sizes_and_modes(void **state)
{
    (void)state;
    decant_dataset *dataset = NULL;
    dcn_files_options options = images();
    write_parts();
    write_picture("train/dog/c.png", 4, 5, 1, 60);
    refuse(&options, DECANT_FORMAT, "is 5x4 pixels, but", "train/dog/c.png");
    assert_non_null(strstr(decant_error_message(), "train/cat/z.png is 3x2; `size: [2, 3]`"));
    options.height = 6;
    options.width = 4;
    assert_ok(dcn_files_open(&options, NULL, &dataset));
    assert_true(dataset->sample.dim[1] == 6 && dataset->sample.dim[2] == 4);
    dcn_dataset_destroy(dataset);
    dataset = NULL;

    write_picture("train/dog/c.png", 2, 3, 3, 60);
    options.height = options.width = 0;
    refuse(&options, DECANT_FORMAT, "is coloured, but", "train/dog/c.png");
    options.channels = 3;
    assert_ok(dcn_files_open(&options, NULL, &dataset));
    assert_int_equal(dataset->sample.dim[0], 3);
    assert_memory_equal(dataset->train.data, ((const uint8_t[]){30, 31, 32, 33, 34, 35, 30, 31}),
                        8); /* grey, repeated */
    dcn_dataset_destroy(dataset);
}

static void test_folders_that_are_wrong(void **state)
{
    (void)state;
    dcn_files_options options = images();
    write_picture("loose.png", 2, 3, 1, 0);
    refuse(&options, DECANT_FORMAT, "no folder of a class", folder);
    write_parts();
    write_picture("test/dgo/t.png", 2, 3, 1, 40);
    refuse(&options, DECANT_FORMAT, "'dgo' is none of the 2 classes; did you mean 'dog'?", "test/dgo");
    options.test = 0.5;
    refuse(&options, DECANT_USAGE, "leave `test` out", folder);
    options.test = 0;
    remove_folder((snprintf(folder + strlen(folder), 10, "/test/dgo"), folder));
    folder[strlen(folder) - 9] = '\0';
    write_file(folder, "train/cat/half.jpg", "\xff\xd8\xff\xe0", 4);
    refuse(&options, DECANT_FORMAT, "damaged JPEG data", "train/cat/half.jpg");
    write_file(folder, "train/cat/half.jpg", "", 0);
    refuse(&options, DECANT_FORMAT, "neither a PNG nor a JPEG", "train/cat/half.jpg");
}

/* Breaks when folders that others' layouts have are passed over, or taken for classes. */
static void test_folders_of_other_layouts(void **state)
{
    (void)state;
    dcn_files_options options = images();
    write_parts();
    write_picture("val/cat/v.png", 2, 3, 1, 40);
    refuse(&options, DECANT_FORMAT, "the folder 'val' would not be read: put its pictures into 'train'", folder);
    remove_folder(folder);
    write_picture("cat/a.png", 2, 3, 1, 40);
    write_picture("dog/b.png", 2, 3, 1, 50);
    write_picture("unlabelled/c.png", 2, 3, 1, 60);
    refuse(&options, DECANT_FORMAT, "there is a folder 'unlabelled' and none called 'train'", folder);
}

/* Breaks when the parts depend on anything but names and seed, or a class is left without training pictures. */
static void test_cutting_a_folder(void **state)
{
    (void)state;
    decant_dataset *dataset = NULL, *again = NULL, *other = NULL;
    dcn_files_options options = images();
    for (int i = 0; i < 40; i++) {
        char name[32];
        snprintf(name, sizeof name, "%s/%02d.png", i % 4 == 0 ? "few" : "many", i);
        write_picture(name, 2, 2, 1, 3 * i);
    }
    options.test = 0.25;
    assert_ok(dcn_files_open(&options, NULL, &dataset));
    assert_ok(dcn_files_open(&options, NULL, &again));
    options.seed = 1;
    assert_ok(dcn_files_open(&options, NULL, &other));
    assert_true(dcn_hash_equal(dataset->hash, again->hash));
    assert_false(dcn_hash_equal(dataset->hash, other->hash));
    int few = 0;
    for (int i = 0; i < dataset->test.count; i++)
        few += dataset->test.labels[i] == 0;
    assert_int_equal(dataset->test.count, 10);
    assert_in_range(few, 2, 3);
    dcn_overlap overlap = {0};
    assert_ok(dcn_overlap_count(dataset, NULL, &overlap));
    assert_int_equal(overlap.train_test, 0);
    dcn_dataset_destroy(dataset);
    dcn_dataset_destroy(again);
    dcn_dataset_destroy(other);
    write_picture("one/1.png", 2, 2, 1, 200);
    refuse(&options, DECANT_FORMAT, "there is one picture of the class 'one': it cannot be learnt and tested", "");
}

/* What a model file brings back opens the same folder to the same parts, and other folders by the names of classes. */
static void test_for_a_model(void **state)
{
    (void)state;
    decant_dataset *dataset = NULL, *again = NULL;
    dcn_arena *arena = NULL;
    dcn_files_options options = images(), read = {0};
    char *const names[] = {"bird", "cat", "dog"};
    const dcn_files_model model = {{.rank = 3, .dim = {1, 4, 4}}, 3, names};
    write_parts();
    options.height = options.width = 4;
    assert_ok(dcn_files_open(&options, NULL, &dataset));
    assert_ok(dcn_arena_create(&arena));
    assert_ok(dcn_files_from_json(arena, dataset->reading, &read));
    assert_true(read.format == DCN_FILES_IMAGES && read.height == 4 && read.channels == 0 && !read.floats);
    read.path = folder;
    assert_ok(dcn_files_open(&read, &model, &again));
    assert_int_equal(again->n_classes, 3);
    assert_int_equal(again->test.labels[0], 2);
    assert_int_equal(again->train.labels[0], 1);
    dcn_dataset_destroy(again);
    again = NULL;

    char path[512];
    snprintf(path, sizeof path, "%s/train/dog/b.png", folder);
    assert_ok(dcn_files_open_inputs(path, &read, &model, 0, 0, &again));
    assert_true(again->test.count == 1 && again->test.labels == NULL && again->sample.dim[1] == 4);
    dcn_dataset_destroy(again);
    again = NULL;
    assert_refused(dcn_files_open_inputs(path, NULL, &model, 0, 0, &again), DECANT_FORMAT,
                   "is 3x2 pixels, but what the model takes is 4x4");
    static const char *const bad[] = {"", "[]", "{}", "{\"format\": \"images\"}"};
    for (size_t i = 0; i < DCN_COUNT(bad); i++)
        assert_refused(dcn_files_from_json(arena, bad[i], &read), DECANT_FORMAT, "is damaged");
    dcn_arena_destroy(arena);
    dcn_dataset_destroy(dataset);
}

/* --- arrays --- */

/* A .npy file in memory. Returns its length. */
static void write_npy(const char *name, const char *type, const char *shape, const void *payload, size_t bytes)
{
    write_array(folder, name, type, shape, payload, bytes);
}

static dcn_files_options arrays(void)
{
    return (dcn_files_options){.format = DCN_FILES_ARRAYS, .path = folder};
}

static const uint8_t counted[24] = {0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11,
                                    12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23};
static const int64_t labels[4] = {1, 0, 1, 0};

/* Breaks when channels that stand last are taken for rows, or the guess is made where it cannot be. */
static void test_layouts(void **state)
{
    (void)state;
    decant_dataset *dataset = NULL;
    dcn_files_options options = arrays();
    write_npy("y_train.npy", "<i8", "(4, 1)", labels, sizeof labels);
    write_npy("x_train.npy", "|u1", "(4, 1, 2, 3)", counted, 24);
    refuse(&options, DECANT_FORMAT, "say `layout: nchw` or `layout: nhwc`", "");
    options.axes = DCN_AXES_NHWC;
    assert_ok(dcn_files_open(&options, NULL, &dataset));
    assert_true(dataset->sample.dim[0] == 3 && dataset->sample.dim[1] == 1 && dataset->sample.dim[2] == 2);
    assert_memory_equal(dataset->train.data, ((const uint8_t[]){0, 3, 1, 4, 2, 5, 6, 9}), 8);
    assert_memory_equal(dataset->train.labels, ((const int32_t[]){1, 0, 1, 0}), 16);
    dcn_dataset_destroy(dataset);
    options.axes = DCN_AXES_NCHW;
    assert_ok(dcn_files_open(&options, NULL, &dataset));
    assert_true(dataset->sample.dim[0] == 1 && dataset->sample.dim[2] == 3);
    assert_memory_equal(dataset->train.data, counted, 24);
    dcn_dataset_destroy(dataset);
    options.axes = DCN_AXES_AUTO;
    write_npy("x_train.npy", "|u1", "(4, 2, 3)", counted, 24);
    write_npy("x_unlabelled.npy", "<f4", "(2, 2, 3)", (const float[12]){0.5F}, 48);
    refuse(&options, DECANT_FORMAT, "two scales", "");
    write_npy("x_unlabelled.npy", "|u1", "(2, 2, 3)", counted + 1, 12);
    assert_ok(dcn_files_open(&options, NULL, &dataset));
    assert_true(dataset->train.count == 6 && dataset->n_unlabelled == 2);
    assert_true(dataset->train.labels[5] == DCN_NO_LABEL && dataset->train.data[24] == 1);
    assert_true(dataset->sample.rank == 3 && dataset->sample.dim[0] == 1 && dataset->sample.dim[1] == 2);
    dcn_dataset_destroy(dataset);
}

/* Breaks when doubles lose their values, channels of floats stay last, or what f32 cannot hold passes. */
static void test_floats(void **state)
{
    (void)state;
    decant_dataset *dataset = NULL;
    dcn_files_options options = arrays();
    double values[8] = {1, 2, 3, 4, -5, 6.5, 7, 1e30};
    write_npy("y_train.npy", "|u1", "(2,)", "\x00\x01", 2);
    write_npy("x_train.npy", "<f8", "(2, 4)", values, sizeof values);
    assert_ok(dcn_files_open(&options, NULL, &dataset));
    const float *data = (const float *)(const void *)dataset->train.data;
    assert_int_equal(dataset->sample.rank, 1);
    assert_true(data[4] == -5 && data[5] == 6.5f && data[7] == 1e30f);
    assert_non_null(strstr(dataset->reading, "\"floats\":true,\"other_scale\":true"));
    dcn_dataset_destroy(dataset);
    dataset = NULL;
    write_npy("x_train.npy", "<f8", "(2, 2, 1, 2)", values, sizeof values);
    options.axes = DCN_AXES_NHWC;
    assert_ok(dcn_files_open(&options, NULL, &dataset));
    data = (const float *)(const void *)dataset->train.data;
    assert_true(data[0] == 1 && data[1] == 3 && data[2] == 2 && data[3] == 4);
    dcn_dataset_destroy(dataset);
    values[6] = 1e300;
    write_npy("x_train.npy", "<f8", "(2, 4)", values, sizeof values);
    refuse(&options, DECANT_NUMERIC, "value 2 of sample 1 is infinite in f32", "");
    values[6] = (double)NAN;
    write_npy("x_train.npy", "<f8", "(2, 4)", values, sizeof values);
    refuse(&options, DECANT_NUMERIC, "value 2 of sample 1 is not a number", "");
}

/* Breaks when later arrays, without the parts that the recipe named or cut, cannot be tested on. */
static void test_arrays_for_a_model(void **state)
{
    (void)state;
    decant_dataset *dataset = NULL;
    dcn_files_options options = arrays();
    const dcn_files_model model = {{.rank = 1, .dim = {6}}, 2, NULL};
    write_npy("images.npy", "|u1", "(4, 6)", counted, 24);
    write_npy("labels.npy", "|u1", "(4,)", "\x00\x01\x01\x00", 4);
    options.names[DCN_X_TRAIN] = "images";
    options.names[DCN_Y_TRAIN] = "labels";
    options.names[DCN_X_TEST] = "later"; /* in the recipe's archive, not in this */
    options.names[DCN_Y_TEST] = "later_labels";
    assert_ok(dcn_files_open(&options, &model, &dataset));
    assert_int_equal(dataset->train.count, 0);
    assert_int_equal(dataset->test.count, 4);
    assert_int_equal(dataset->test.labels[2], 1);
    dcn_dataset_destroy(dataset);
    refuse(&options, DECANT_NOT_FOUND, "later", "");
}

static void test_shapes_beyond_counting(void **state)
{
    (void)state;
    dcn_files_options options = arrays();
    write_npy("x_train.npy", "|u1", "(1, 4611686018427387904, 0, 3)", "", 0);
    write_npy("y_train.npy", "|u1", "(1,)", "\x00", 1);
    refuse(&options, DECANT_FORMAT, "it is empty", "");
}

static void test_labels_that_are_wrong(void **state)
{
    (void)state;
    dcn_files_options options = arrays();
    const float floats[4] = {0, 1, 0, 1};
    write_npy("x_train.npy", "|u1", "(4, 6)", counted, 24);
    refuse(&options, DECANT_FORMAT, "has 'x_train' and no labels 'y_train'", "");
    write_npy("y_train.npy", "<f4", "(4,)", floats, sizeof floats);
    refuse(&options, DECANT_FORMAT, "labels are integers, not floats", "");
    write_npy("y_train.npy", "|u1", "(4, 2)", "\x00\x01\x01\x00\x00\x01\x01\x00", 8);
    refuse(&options, DECANT_FORMAT, "argmax", "");
    write_npy("y_train.npy", "|u1", "(3,)", "\x00\x01\x01", 3);
    refuse(&options, DECANT_FORMAT, "labels of [3] for 4 samples", "");
    write_npy("y_train.npy", "|i1", "(4,)", "\x00\x01\xff\x01", 4);
    refuse(&options, DECANT_FORMAT, "the label of sample 2 is negative", "");
    write_npy("y_train.npy", "|u1", "(4,)", "\x00\x01\x0a\x01", 4);
    refuse(&options, DECANT_FORMAT, "a label is 10, but there are 4 samples", "");
    write_npy("y_train.npy", "|u1", "(4,)", "\x01\x01\x02\x02", 4);
    refuse(&options, DECANT_FORMAT, "there is no sample of the class '0'; labels are the numbers from 0", "");
    write_npy("y_train.npy", "|u1", "(4,)", "\x00\x01\x00\x00", 4);
    options.test = 0.5;
    refuse(&options, DECANT_FORMAT, "there is one sample of the class '1'", "");
}

static void add_to_zip(zip_t *zip, const char *name, const uint8_t *file, size_t bytes)
{
    zip_source_t *source = zip_source_buffer(zip, file, bytes, 0);
    assert_non_null(source);
    assert_true(zip_file_add(zip, name, source, 0) >= 0);
}

/* Names of the recipe's own, a test part of another shape, and both parts of an archive. */
static void test_archive(void **state)
{
    (void)state;
    static uint8_t x[256], y[256], x_test[256], y_test[256];
    char path[300];
    decant_dataset *dataset = NULL;
    dcn_files_options options = {
        .format = DCN_FILES_ARRAYS, .path = path, .names = {"images", "targets", "later", "later_targets"}};
    snprintf(path, sizeof path, "%s/set.npz", folder);
    zip_t *zip = zip_open(path, ZIP_CREATE, NULL);
    assert_non_null(zip);
    add_to_zip(zip, "images.npy", x, make_npy(x, "|u1", "(4, 6)", counted, 24));
    add_to_zip(zip, "targets.npy", y, make_npy(y, "<i8", "(4,)", labels, 32));
    add_to_zip(zip, "later.npy", x_test, make_npy(x_test, "|u1", "(2, 6)", counted + 6, 12));
    add_to_zip(zip, "later_targets.npy", y_test, make_npy(y_test, "<i8", "(2,)", labels, 16));
    assert_int_equal(zip_close(zip), 0);
    assert_ok(dcn_files_open(&options, NULL, &dataset));
    assert_int_equal(dataset->train.count, 4);
    assert_int_equal(dataset->test.count, 2);
    assert_int_equal(dataset->test.data[0], 6);
    assert_string_equal(dataset->name, path);
    dcn_dataset_destroy(dataset);
    options.test = 0.5;
    refuse(&options, DECANT_USAGE, "it has 'later'; leave `test` out", "");
    options.test = 0;
    options.names[DCN_X_TEST] = "latter";
    refuse(&options, DECANT_NOT_FOUND, "no array 'latter'; it has images, targets, later, later_targets", "");
    options.names[DCN_X_TEST] = "targets";
    refuse(&options, DECANT_SHAPE, "an array of [4], but samples are [6]", "");
}

/* One sample without a count, with or without its channel, or channels last: whatever fits the model. */
static void test_inputs_for_a_model(void **state)
{
    (void)state;
    static const char *const shapes[] = {"(3, 2, 2)", "(1, 3, 2, 2)", "(2, 2, 3)", "(1, 2, 2, 3)"};
    const dcn_files_model model = {{.rank = 3, .dim = {3, 2, 2}}, 2, NULL};
    char path[300];
    snprintf(path, sizeof path, "%s/x.npy", folder);
    for (size_t i = 0; i < DCN_COUNT(shapes); i++) {
        decant_dataset *dataset = NULL;
        write_npy("x.npy", "|u1", shapes[i], counted, 12);
        assert_ok(dcn_files_open_inputs(path, NULL, &model, 0, 0, &dataset));
        assert_int_equal(dataset->test.count, 1);
        assert_int_equal(dataset->test.data[1], i < 2 ? 1 : 3);
        dcn_dataset_destroy(dataset);
    }
    decant_dataset *dataset = NULL;
    write_npy("x.npy", "|u1", "(2, 2, 2)", counted, 8);
    assert_refused(dcn_files_open_inputs(path, NULL, &model, 0, 0, &dataset), DECANT_SHAPE,
                   "an array of [2, 2, 2], but samples are [3, 2, 2]");
}

static void test_every_allocation_may_fail(void **state)
{
    (void)state;
    write_parts();
    for (int format = 0; format < 2; format++) {
        dcn_files_options options = format == 0 ? images() : arrays();
        if (format == 1) {
            write_npy("y_train.npy", "<i8", "(4,)", labels, sizeof labels);
            write_npy("x_train.npy", "|u1", "(4, 2, 3)", counted, 24);
        }
        int64_t nth = 1;
        for (;; nth++) {
            decant_dataset *dataset = NULL;
            dcn_memory_fail_nth(nth);
            decant_status status = dcn_files_open(&options, NULL, &dataset);
            dcn_memory_fail_nth(0);
            dcn_dataset_destroy(dataset);
            if (status == DECANT_OK) break;
            assert_int_equal(status, DECANT_NO_MEMORY);
        }
        assert_true(nth > 20);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_parts_of_a_folder, make, clean),
        cmocka_unit_test_setup_teardown(test_pools, make, clean),
        cmocka_unit_test_setup_teardown(test_colour_is_planar, make, clean),
        cmocka_unit_test_setup_teardown(test_a_class_called_train, make, clean),
        cmocka_unit_test_setup_teardown(test_sizes_and_modes, make, clean),
        cmocka_unit_test_setup_teardown(test_folders_that_are_wrong, make, clean),
        cmocka_unit_test_setup_teardown(test_folders_of_other_layouts, make, clean),
        cmocka_unit_test_setup_teardown(test_cutting_a_folder, make, clean),
        cmocka_unit_test_setup_teardown(test_for_a_model, make, clean),
        cmocka_unit_test_setup_teardown(test_layouts, make, clean),
        cmocka_unit_test_setup_teardown(test_floats, make, clean),
        cmocka_unit_test_setup_teardown(test_arrays_for_a_model, make, clean),
        cmocka_unit_test_setup_teardown(test_shapes_beyond_counting, make, clean),
        cmocka_unit_test_setup_teardown(test_labels_that_are_wrong, make, clean),
        cmocka_unit_test_setup_teardown(test_archive, make, clean),
        cmocka_unit_test_setup_teardown(test_inputs_for_a_model, make, clean),
        cmocka_unit_test_setup_teardown(test_every_allocation_may_fail, make, clean),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
