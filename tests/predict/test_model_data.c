/* Data for a model: found where a recipe's would be, on the scale that the model was trained on, of classes that it
 * knows, and never its own training samples by mistake. */
#include "data/fixture.h"

#include "decant/model.h"
#include "nn/model.h"

static char folder[256], path[512];

static int make(void **state)
{
    (void)state;
    make_folder(folder, "model_data");
    return 0;
}

static int clean(void **state)
{
    (void)state;
    remove_folder(folder);
    return 0;
}

static const char *in_folder(const char *name)
{
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

/* Of samples [1, 2, 2] and two classes; `files`: how its training samples were read, NULL: it does not say. */
static decant_model *make_model(const char *files)
{
    const decant_shape sample = {3, {1, 2, 2}};
    decant_graph *graph = NULL;
    decant_model *model = NULL;
    decant_value x;
    assert_ok(decant_graph_create(&graph));
    assert_ok(decant_graph_input(graph, &sample, &x));
    assert_ok(decant_graph_flatten(graph, "flat", x, &x));
    assert_ok(decant_graph_linear(graph, "logits", x, 2, true, &x));
    assert_ok(decant_graph_set_output(graph, x));
    assert_ok(decant_model_from_graph(graph, 1, &model));
    if (files != NULL) assert_ok(dcn_model_set_metadata(model, DCN_FILES_METADATA, files));
    return model;
}

/* A model that was trained on the arrays in the folder. */
static decant_model *make_trained(void)
{
    decant_dataset *dataset = NULL;
    assert_ok(decant_dataset_open(folder, &dataset));
    decant_model *model = make_model(dataset->reading);
    dcn_dataset_destroy(dataset);
    return model;
}

static void write_labels(const char *name, const uint8_t labels[2])
{
    write_array(folder, name, "|u1", "(2,)", labels, 2);
}

static void expect(const decant_model *model, const char *source, decant_status status, const char *words)
{
    decant_dataset *dataset = NULL;
    if (status == DECANT_OK)
        assert_ok(decant_model_open_data(model, source, &dataset));
    else
        assert_refused(decant_model_open_data(model, source, &dataset), status, words);
    dcn_dataset_destroy(dataset);
}

static void expect_input(const decant_model *model, const char *name, decant_status status, const char *words)
{
    decant_dataset *dataset = NULL;
    if (status == DECANT_OK)
        assert_ok(decant_model_open_inputs(model, in_folder(name), 0, 0, &dataset));
    else
        assert_refused(decant_model_open_inputs(model, in_folder(name), 0, 0, &dataset), status, words);
    dcn_dataset_destroy(dataset);
}

static const uint8_t bytes[8] = {0, 255, 3, 4, 50, 60, 70, 80};
static const float small[8] = {0, 1, .3F, .4F, .5F, .6F, .7F, .8F}, large[8] = {0, 255, 3, 4, 50, 60, 70, 80};

static void write_samples(const char *name, const char *type)
{
    const bool is_bytes = type[0] == '|';
    write_array(folder, name, is_bytes ? "|u1" : "<f4", "(2, 2, 2)",
                is_bytes         ? (const void *)bytes
                : type[0] == '<' ? (const void *)small
                                 : (const void *)large,
                is_bytes ? 8 : 32);
}

/* Breaks when memory behind the groups of classes is written: labels come from a file, classes from the model. */
static void test_labels_beyond_the_models_classes(void **state)
{
    (void)state;
    write_samples("x_train.npy", "|");
    write_labels("y_train.npy", (const uint8_t[]){0, 1});
    decant_model *model = make_trained();
    expect(model, folder, DECANT_OK, NULL);
    write_labels("y_train.npy", (const uint8_t[]){0, 200});
    expect(model, folder, DECANT_FORMAT, "'y_train' holds the label 200 at 1; the model knows 2 classes, 0 to 1");
    dcn_model_destroy(model);
}

/* Breaks when what a model learnt from passes for its test because nothing else is there. */
static void test_what_was_learnt_is_no_test(void **state)
{
    (void)state;
    decant_dataset *dataset = NULL;
    write_samples("x_train.npy", "|");
    write_labels("y_train.npy", (const uint8_t[]){0, 1});
    decant_model *model = make_trained();
    assert_ok(decant_model_open_data(model, folder, &dataset));
    assert_int_equal(dataset->train.count, 2);
    assert_int_equal(dataset->test.count, 0);
    dcn_dataset_destroy(dataset);
    write_samples("x_train.npy", "<"); /* others: a test */
    assert_ok(decant_model_open_data(model, folder, &dataset));
    assert_int_equal(dataset->train.count, 0);
    assert_int_equal(dataset->test.count, 2);
    dcn_dataset_destroy(dataset);
    dcn_model_destroy(model);
}

/* Breaks when bytes are divided by 255 for a model that knows numbers to 255, or such numbers pass as bytes. */
static void test_scales(void **state)
{
    (void)state;
    write_labels("y_train.npy", (const uint8_t[]){0, 1});
    write_samples("bytes.npy", "|");
    write_samples("small.npy", "<");
    write_samples("large.npy", ">");
    static const struct {
        const char *trained_on;
        decant_status of_bytes, of_small, of_large;
    } cases[] = {
        {"|", DECANT_OK, DECANT_OK, DECANT_FORMAT},
        {"<", DECANT_OK, DECANT_OK, DECANT_OK}, /* these floats may be of any range */
        {">", DECANT_FORMAT, DECANT_OK, DECANT_OK},
    };
    for (size_t i = 0; i < DCN_COUNT(cases); i++) {
        write_samples("x_train.npy", cases[i].trained_on);
        decant_model *model = make_trained();
        expect_input(model, "bytes.npy", cases[i].of_bytes, "the model was trained on floats that go beyond");
        expect_input(model, "small.npy", cases[i].of_small, "");
        expect_input(model, "large.npy", cases[i].of_large, "float images go from 0 to 1");
        write_samples("x_train.npy", "|");
        expect(model, folder, cases[i].of_bytes, "the model was trained on floats that go beyond");
        write_samples("x_train.npy", ">");
        expect(model, folder, cases[i].of_large, "float images go from 0 to 1");
        dcn_model_destroy(model);
    }
}

/* Breaks when only the current folder is searched, or a data set's name is taken for a file's. */
static void test_where_files_are_looked_for(void **state)
{
    (void)state;
    char here[256], command[1200];
    write_samples("x_train.npy", "|");
    write_labels("y_train.npy", (const uint8_t[]){0, 1});
    decant_model *model = make_trained();
    snprintf(here, sizeof here, "%s", folder);
    char *name = strrchr(here, '/');
    *name++ = '\0';
    snprintf(command, sizeof command,
             "mkdir -p '%s/elsewhere' && rm -rf '%s/elsewhere/arrays' && cp -r '%s' "
             "'%s/elsewhere/arrays'",
             here, here, folder, here);
    assert_int_equal(system(command), 0);
    snprintf(path, sizeof path, "%s/elsewhere", here);
    assert_int_equal(setenv("DECANT_DATA", path, 1), 0);
    expect(model, "arrays", DECANT_OK, NULL);
    expect(model, "elsewhere/../arrays", DECANT_NOT_FOUND, "there is no file elsewhere/../arrays, nor ");
    expect(model, "arrays.npz", DECANT_NOT_FOUND, "there is no file arrays.npz, nor ");
    expect(model, "mnits", DECANT_NOT_FOUND, "did you mean 'mnist'?");
    unsetenv("DECANT_DATA");
    dcn_model_destroy(model);
    snprintf(command, sizeof command, "rm -rf '%s/elsewhere'", here);
    assert_int_equal(system(command), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_labels_beyond_the_models_classes, make, clean),
        cmocka_unit_test_setup_teardown(test_what_was_learnt_is_no_test, make, clean),
        cmocka_unit_test_setup_teardown(test_scales, make, clean),
        cmocka_unit_test_setup_teardown(test_where_files_are_looked_for, make, clean),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
