/* What an experiment reads of its data before it trains. */
#include "recipe/recipes.h"

#include "base/folder.h"
#include "run/materials.h"

#define FOLDER TEST_BINARY_DIR "/materials"

static const char recipe[] =
    "decant: 1\nname: t\n"
    "data: {source: {format: csv, path: " FOLDER "/train.csv, target: y, test: " FOLDER "/test.csv}, validation: 6}\n"
    "models: {m: [linear: 3]}\n"
    "runs: {a: {model: m, epochs: 1, optimizer: adam, loss: {ce: 1}}}\n";

/* Rows of classes a, b and c: so many of each. No two are the same in both files. */
static void write_rows(const char *path, int a, int b, int c, int first)
{
    char text[4096];
    size_t length = (size_t)snprintf(text, sizeof text, "x,y\n");
    for (int i = 0; i < a + b + c; i++)
        length += (size_t)snprintf(text + length, sizeof text - length, "%d,%s\n", first + i,
                                   i < a       ? "a"
                                   : i < a + b ? "b"
                                               : "c");
    assert_int_equal(dcn_file_write(path, text, length), DECANT_OK);
}

static dcn_materials *open_materials(dcn_experiment **ret_experiment)
{
    dcn_materials *materials = NULL;
    *ret_experiment = parse_or_fail(recipe, NULL, 0);
    if (dcn_materials_create(*ret_experiment, &materials) != DECANT_OK) fail_msg("%s", decant_error_message());
    return materials;
}

/* Breaks when the commonest class is sought in the test part, which nobody may look at, or counted in the other one. */
static void test_the_majority_is_that_of_training(void **state)
{
    (void)state;
    dcn_experiment *experiment = NULL;
    write_rows(FOLDER "/train.csv", 12, 20, 16, 0);
    write_rows(FOLDER "/test.csv", 6, 3, 1, 100);
    dcn_materials *materials = open_materials(&experiment);
    assert_int_equal(materials->majority_class, 1);
    assert_true(materials->majority_accuracy == 0.3);
    dcn_materials_destroy(materials);
    dcn_experiment_destroy(experiment);
}

/* Breaks when what is held out, or the test part, has a say in the statistics. */
static void test_statistics_are_those_of_training(void **state)
{
    (void)state;
    dcn_experiment *experiment = NULL;
    double sum = 0;
    write_rows(FOLDER "/train.csv", 12, 20, 16, 0);
    write_rows(FOLDER "/test.csv", 6, 3, 1, 1000);
    dcn_materials *materials = open_materials(&experiment);
    assert_int_equal(materials->split.n_train, 42);
    for (int64_t i = 0; i < 42; i++)
        sum += materials->split.train[i]; /* a row's number is what it holds */
    assert_true(sum != 42 * 47 / 2.0);    /* the mean of all would be another */
    assert_int_equal(materials->norm_channels, 1);
    assert_true(materials->mean[0] - (float)(sum / 42) < 1e-4f && materials->mean[0] - (float)(sum / 42) > -1e-4f);
    dcn_materials_destroy(materials);
    dcn_experiment_destroy(experiment);
}

static int make_folder(void **state)
{
    (void)state;
    return dcn_directory_make(FOLDER) == DECANT_OK ? 0 : 1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_majority_is_that_of_training),
        cmocka_unit_test(test_statistics_are_those_of_training),
    };
    return cmocka_run_group_tests(tests, make_folder, NULL);
}
