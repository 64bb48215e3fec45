/* Models: fresh weights are distributed as PyTorch's, a file brings back every byte, and a damaged file is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <math.h>

#include "base/file.h"
#include "base/memory.h"
#include "decant/status.h"
#include "format/safetensors.h"
#include "nn/model.h"
#include "nn/zoo.h"
#include "tensor/shape.h"

static decant_model *zoo_model(const char *name, uint64_t seed)
{
    dcn_graph *graph = NULL;
    decant_model *model = NULL;
    dcn_zoo_options options = {0};
    assert_int_equal(dcn_zoo_build(name, &options, &graph), DECANT_OK);
    assert_int_equal(dcn_model_create(graph, &model), DECANT_OK);
    dcn_model_init(model, seed);
    return model;
}

/* Mean, deviation, smallest and largest element of one parameter. */
static void moments(const decant_model *model, const char *name, double ret[4])
{
    dcn_value_id id = dcn_graph_find(model->graph, name);
    assert_int_not_equal(id, DCN_NONE);
    int64_t count = decant_shape_count(&model->graph->values[id].shape);
    double sum = 0, square = 0;
    ret[2] = (double)INFINITY;
    ret[3] = -(double)INFINITY;
    for (int64_t i = 0; i < count; i++) {
        double x = (double)model->data[id][i];
        sum += x;
        square += x * x;
        ret[2] = fmin(ret[2], x);
        ret[3] = fmax(ret[3], x);
    }
    ret[0] = sum / (double)count;
    ret[1] = sqrt(square / (double)count - ret[0] * ret[0]);
}

static void test_default_init_is_uniform(void **state)
{
    (void)state;
    decant_model *model = zoo_model("lightnn", 7);
    double m[4];
    const double bound = 1.0 / sqrt(1024.0); /* classifier.0: fan_in 1024, 262,144 weights */
    moments(model, "classifier.0.weight", m);
    assert_true(fabs(m[0]) < 4 * bound / sqrt(3.0 * 262144.0));
    assert_true(fabs(m[1] / (bound / sqrt(3.0)) - 1) < 0.01);
    assert_true(m[2] >= -bound && m[2] < -0.999 * bound && m[3] <= bound && m[3] > 0.999 * bound);
    moments(model, "classifier.0.bias", m);
    assert_true(m[2] >= -bound && m[3] <= bound && m[1] > 0.4 * bound);
    moments(model, "features.0.weight", m); /* fan_in 27 */
    assert_true(m[3] <= 1 / sqrt(27.0) && m[3] > 0.95 / sqrt(27.0));
    dcn_model_destroy(model);
}

static void test_kaiming_init_is_normal(void **state)
{
    (void)state;
    decant_model *model = zoo_model("resnet18", 7);
    double m[4];
    moments(model, "layer4.1.conv2.weight", m); /* fan_out 512 * 9 */
    const double deviation = sqrt(2.0 / (512 * 9));
    assert_true(fabs(m[1] / deviation - 1) < 0.01);
    assert_true(m[3] > 4 * deviation && m[3] < 7 * deviation); /* 2.4 million draws: tails beyond a uniform's */
    moments(model, "bn1.weight", m);
    assert_true(m[2] == 1 && m[3] == 1);
    moments(model, "layer4.1.bn2.running_var", m);
    assert_true(m[2] == 1 && m[3] == 1);
    dcn_model_destroy(model);

    model = zoo_model("resnet20", 7);
    moments(model, "layer3.1.conv2.weight", m); /* fan_in 64 * 9 */
    assert_true(fabs(m[1] / sqrt(2.0 / 576) - 1) < 0.02);
    dcn_model_destroy(model);
}

static void assert_same_model(const decant_model *a, const decant_model *b)
{
    assert_int_equal(a->graph->n_values, b->graph->n_values);
    for (int32_t i = 0; i < a->graph->n_values; i++) {
        assert_int_equal(!a->data[i], !b->data[i]);
        if (!a->data[i]) continue;
        size_t bytes = (size_t)decant_shape_count(&a->graph->values[i].shape) * sizeof(float);
        assert_memory_equal(a->data[i], b->data[i], bytes);
    }
}

static void test_seed_decides(void **state)
{
    (void)state;
    decant_model *a = zoo_model("fashion-3", 1), *b = zoo_model("fashion-3", 1), *c = zoo_model("fashion-3", 2);
    assert_same_model(a, b);
    dcn_value_id id = dcn_graph_find(a->graph, "conv2.weight");
    assert_memory_not_equal(a->data[id], c->data[id], 9248);
    dcn_model_destroy(a);
    dcn_model_destroy(b);
    dcn_model_destroy(c);
}

static const char *const names[] = {"a", "b\"quoted\"", "c", "d", "e", "f", "g", "h", "i", "\xc3\xa4"};

static decant_model *full_model(void)
{
    const float mean[3] = {0.1f, 0.2f, 0.3f}, std[3] = {1.0f / 3, 2, 1e-3f};
    decant_model *model = zoo_model("fashion-3", 3);
    assert_int_equal(dcn_model_set_normalization(model, 3, mean, std), DECANT_OK);
    assert_int_equal(dcn_model_set_class_names(model, names), DECANT_OK);
    assert_int_equal(dcn_model_set_metadata(model, "recipe", "quick"), DECANT_OK);
    assert_int_equal(dcn_model_set_metadata(model, "recipe", "quickstart"), DECANT_OK);
    assert_int_equal(dcn_model_set_metadata(model, "steps", "860"), DECANT_OK);
    return model;
}

#define MODEL_PATH TEST_BINARY_DIR "/test_model.safetensors"

static void test_file_round_trip(void **state)
{
    (void)state;
    decant_model *model = full_model(), *back = NULL, *clone = NULL;
    assert_int_equal(dcn_model_save(model, MODEL_PATH), DECANT_OK);
    if (dcn_model_load(MODEL_PATH, &back) != DECANT_OK) fail_msg("%s", decant_error_message());
    assert_int_equal(dcn_model_clone(model, &clone), DECANT_OK);
    decant_model *const copies[] = {back, clone};
    for (int i = 0; i < 2; i++) {
        assert_same_model(model, copies[i]);
        assert_int_equal(copies[i]->normalization.channels, 3);
        assert_memory_equal(copies[i]->normalization.std, model->normalization.std, 3 * sizeof(float));
        assert_int_equal(copies[i]->n_classes, 10);
        assert_string_equal(copies[i]->class_names[1], names[1]);
        assert_string_equal(copies[i]->class_names[9], names[9]);
        assert_string_equal(dcn_model_metadata(copies[i], "recipe"), "quickstart");
        dcn_model_destroy(copies[i]);
    }
    dcn_model_destroy(model);
    dcn_file_remove(MODEL_PATH);
}

/* Replaces the first `from` in the file by `to` (same length) and expects the load to fail. */
static void expect_refusal(const uint8_t *data, size_t bytes, const char *from, const char *to)
{
    decant_model *model = NULL;
    uint8_t *copy = test_malloc(bytes);
    memcpy(copy, data, bytes);
    uint8_t *place = memmem(copy, bytes, from, strlen(from));
    assert_non_null(place);
    memcpy(place, to, strlen(to));
    assert_int_equal(dcn_file_write(MODEL_PATH, copy, bytes), DECANT_OK);
    decant_status status = dcn_model_load(MODEL_PATH, &model);
    if (status != DECANT_FORMAT && status != DECANT_SHAPE) fail_msg("%s -> %s gave status %d", from, to, status);
    assert_null(model);
    test_free(copy);
}

static void test_damaged_files_are_refused(void **state)
{
    (void)state;
    decant_model *model = full_model(), *none = NULL;
    uint8_t *data = NULL;
    size_t bytes;
    assert_int_equal(dcn_model_save(model, MODEL_PATH), DECANT_OK);
    assert_int_equal(dcn_file_read(MODEL_PATH, 1 << 24, &data, &bytes), DECANT_OK);
    expect_refusal(data, bytes, "decant.graph", "decant.grapf");         /* no network */
    expect_refusal(data, bytes, "\"conv3.weight\"", "\"conv9.weight\""); /* weights under another name */
    expect_refusal(data, bytes, "decant.file\":\"1\"", "decant.file\":\"2\"");
    expect_refusal(data, bytes, "\\\"mean\\\"", "\\\"meen\\\"");
    expect_refusal(data, bytes, "[\\\"a\\\",", "[7777 ,");
    for (size_t cut = 0; cut < bytes; cut += bytes / 97 + 1) {
        assert_int_equal(dcn_file_write(MODEL_PATH, data, cut), DECANT_OK);
        assert_int_equal(dcn_model_load(MODEL_PATH, &none), DECANT_FORMAT);
    }
    dcn_free(data);

    model->data[dcn_graph_find(model->graph, "fc1.bias")][5] = NAN;
    assert_int_equal(dcn_model_save(model, MODEL_PATH), DECANT_OK);
    assert_int_equal(dcn_model_load(MODEL_PATH, &none), DECANT_NUMERIC);
    assert_non_null(strstr(decant_error_message(), "fc1.bias"));
    dcn_file_remove(MODEL_PATH);
    assert_int_equal(dcn_model_load(MODEL_PATH, &none), DECANT_NOT_FOUND);
    dcn_model_destroy(model);
}

/* Breaks when statistics of another number of channels, or that nothing can be divided by, come out of a file: all who
 * normalise read one for each channel of the input. */
static void test_statistics_fit_the_input(void **state)
{
    (void)state;
    decant_model *model = full_model(), *back = NULL;
    dcn_normalization *norm = &model->normalization; /* of 3 channels */
    const float mean[4] = {0}, std[4] = {1, 1, 1, 1};
    assert_int_equal(dcn_model_set_normalization(model, 2, mean, std), DECANT_INVALID_ARG);
    assert_int_equal(dcn_model_set_normalization(model, 4, mean, std), DECANT_INVALID_ARG);
    norm->channels = 2;
    assert_int_equal(dcn_model_save(model, MODEL_PATH), DECANT_OK);
    assert_int_equal(dcn_model_load(MODEL_PATH, &back), DECANT_FORMAT);
    assert_non_null(strstr(decant_error_message(), "2 channels for a network that takes 3"));
    norm->channels = 1;
    assert_int_equal(dcn_model_save(model, MODEL_PATH), DECANT_OK);
    assert_int_equal(dcn_model_load(MODEL_PATH, &back), DECANT_OK);
    dcn_model_destroy(back);
    back = NULL;
    norm->channels = 3;
    norm->std[2] = 0;
    assert_int_equal(dcn_model_save(model, MODEL_PATH), DECANT_OK);
    assert_int_equal(dcn_model_load(MODEL_PATH, &back), DECANT_FORMAT);
    norm->std[2] = 1;
    norm->mean[0] = 1e38f;
    assert_int_equal(dcn_model_save(model, MODEL_PATH), DECANT_OK);
    uint8_t *data = NULL;
    size_t bytes;
    assert_int_equal(dcn_file_read(MODEL_PATH, 1 << 24, &data, &bytes), DECANT_OK);
    char *exponent = memmem(data, bytes, "e37,", 4); /* of 9.99999968e37 */
    assert_non_null(exponent);
    exponent[1] = '9'; /* infinite as a float */
    assert_int_equal(dcn_file_write(MODEL_PATH, data, bytes), DECANT_OK);
    assert_int_equal(dcn_model_load(MODEL_PATH, &back), DECANT_FORMAT);
    assert_null(back);
    dcn_free(data);
    dcn_file_remove(MODEL_PATH);
    dcn_model_destroy(model);
}

/* Breaks when a name that a file may have is too long to be written again, or a tensor that no layer has slips in by
 * having num_batches_tracked somewhere in its name. */
static void test_long_names_come_back(void **state)
{
    (void)state;
    const decant_shape sample = dcn_shape1(4);
    char name[497], key[400]; /* with ".running_mean", 512 bytes at most are read */
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    memset(key, 'k', sizeof key - 1);
    key[sizeof key - 1] = '\0';
    dcn_graph *graph = NULL;
    dcn_value_id y;
    decant_model *model = NULL, *back = NULL;
    assert_int_equal(dcn_graph_create(&graph), DECANT_OK);
    assert_int_equal(dcn_build_input(graph, &sample, &y), DECANT_OK);
    assert_int_equal(dcn_build_batchnorm(graph, name, y, 1e-5, 0.1, &graph->output), DECANT_OK);
    assert_int_equal(dcn_model_create(graph, &model), DECANT_OK);
    assert_int_equal(dcn_model_set_metadata(model, key, "v"), DECANT_OK);
    if (dcn_model_save(model, MODEL_PATH) != DECANT_OK) fail_msg("%s", decant_error_message());
    assert_int_equal(dcn_model_load(MODEL_PATH, &back), DECANT_OK);
    assert_string_equal(dcn_model_metadata(back, key), "v");
    dcn_model_destroy(back);
    back = NULL;

    uint8_t *data = NULL;
    size_t bytes;
    assert_int_equal(dcn_file_read(MODEL_PATH, 1 << 24, &data, &bytes), DECANT_OK);
    expect_refusal(data, bytes, "n.num_batches_tracked", ".num_batches_trackedn");
    dcn_free(data);
    dcn_file_remove(MODEL_PATH);
    dcn_model_destroy(model);
}

/* Class names are folders' names, which need not be UTF-8. Breaks when such a name is left out, and the file is one
 * that cannot be read. */
static void test_a_class_may_be_called_anything(void **state)
{
    (void)state;
    const char *odd[10];
    memcpy(odd, names, sizeof odd);
    odd[3] = "caf\xe9";
    decant_model *model = full_model(), *back = NULL;
    assert_int_equal(dcn_model_set_class_names(model, odd), DECANT_OK);
    assert_int_equal(dcn_model_save(model, MODEL_PATH), DECANT_OK);
    if (dcn_model_load(MODEL_PATH, &back) != DECANT_OK) fail_msg("%s", decant_error_message());
    assert_string_equal(back->class_names[3], "caf\\xe9");
    assert_string_equal(back->class_names[9], names[9]);
    dcn_model_destroy(back);
    dcn_model_destroy(model);
    dcn_file_remove(MODEL_PATH);
}

/* A small file may describe a network that no memory holds; breaks when memory is taken before the file was seen to
 * fill it. */
static void test_a_network_without_its_weights_is_refused(void **state)
{
    (void)state;
    const decant_shape sample = dcn_shape1(4);
    dcn_graph *graph = NULL;
    dcn_value_id x, y;
    decant_model *none = NULL;
    char *json = NULL, fingerprint[33];
    assert_int_equal(dcn_graph_create(&graph), DECANT_OK);
    assert_int_equal(dcn_build_input(graph, &sample, &x), DECANT_OK);
    assert_int_equal(dcn_build_linear(graph, "wide", x, 1 << 30, false, &y), DECANT_OK);
    assert_int_equal(dcn_build_linear(graph, "huge", y, 1 << 30, false, &y), DECANT_OK);
    assert_int_equal(dcn_build_linear(graph, "last", y, 2, false, &graph->output), DECANT_OK);
    assert_int_equal(dcn_graph_to_json(graph, &json), DECANT_OK);
    dcn_graph_fingerprint(graph, fingerprint);
    const dcn_pair pairs[] = {{"decant.file", "1"}, {"decant.graph", json}, {"decant.fingerprint", fingerprint}};
    assert_int_equal(dcn_safetensors_write(MODEL_PATH, NULL, 0, pairs, 3), DECANT_OK);
    assert_int_equal(dcn_model_load(MODEL_PATH, &none), DECANT_FORMAT);
    assert_non_null(strstr(decant_error_message(), "wide.weight"));
    dcn_file_remove(MODEL_PATH);
    dcn_free(json);
    dcn_graph_destroy(graph);
}

/* Breaks when room is made for a row of logits and more comes out. */
static void test_a_network_that_ends_in_a_map_is_refused(void **state)
{
    (void)state;
    const decant_shape sample = {3, {1, 4, 4}};
    dcn_graph *graph = NULL;
    dcn_value_id x;
    decant_model *none = NULL;
    char *json = NULL, fingerprint[33];
    assert_int_equal(dcn_graph_create(&graph), DECANT_OK);
    assert_int_equal(dcn_build_input(graph, &sample, &x), DECANT_OK);
    assert_int_equal(dcn_build_simple(graph, DECANT_OP_RELU, "relu", NULL, &x, 1, &graph->output), DECANT_OK);
    assert_int_equal(dcn_graph_to_json(graph, &json), DECANT_OK);
    dcn_graph_fingerprint(graph, fingerprint);
    const dcn_pair pairs[] = {{"decant.file", "1"}, {"decant.graph", json}, {"decant.fingerprint", fingerprint}};
    assert_int_equal(dcn_safetensors_write(MODEL_PATH, NULL, 0, pairs, 3), DECANT_OK);
    assert_int_equal(dcn_model_load(MODEL_PATH, &none), DECANT_FORMAT);
    assert_non_null(strstr(decant_error_message(), "ends in [1, 1, 4, 4], not in a row of logits"));
    dcn_file_remove(MODEL_PATH);
    dcn_free(json);
    dcn_graph_destroy(graph);
}

/* Breaks when the number of classes is cut to 32 bits and buffers are made for the rest. */
static void test_more_classes_than_can_be_counted_are_refused(void **state)
{
    (void)state;
    const decant_shape sample = dcn_shape1((int64_t)INT32_MAX + 1);
    dcn_graph *graph = NULL;
    dcn_value_id x;
    decant_model *none = NULL;
    assert_int_equal(dcn_graph_create(&graph), DECANT_OK);
    assert_int_equal(dcn_build_input(graph, &sample, &x), DECANT_OK);
    assert_int_equal(dcn_build_simple(graph, DECANT_OP_RELU, "relu", NULL, &x, 1, &graph->output), DECANT_OK);
    assert_int_equal(dcn_model_create(graph, &none), DECANT_SHAPE); /* the graph is the model's, also on failure */
}

static void test_failing_memory_leaks_nothing(void **state)
{
    (void)state;
    decant_model *model = full_model();
    assert_int_equal(dcn_model_save(model, MODEL_PATH), DECANT_OK);
    int failures = 0;
    for (int64_t nth = 1;; nth += 1 + nth / 16) {
        decant_model *back = NULL;
        dcn_memory_fail_nth(nth);
        decant_status status = dcn_model_load(MODEL_PATH, &back);
        dcn_memory_fail_nth(0);
        dcn_model_destroy(back);
        if (status == DECANT_OK) break;
        assert_int_equal(status, DECANT_NO_MEMORY);
        failures++;
    }
    assert_true(failures > 10);
    dcn_model_destroy(model);
    dcn_file_remove(MODEL_PATH);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_default_init_is_uniform),
        cmocka_unit_test(test_kaiming_init_is_normal),
        cmocka_unit_test(test_seed_decides),
        cmocka_unit_test(test_file_round_trip),
        cmocka_unit_test(test_damaged_files_are_refused),
        cmocka_unit_test(test_statistics_fit_the_input),
        cmocka_unit_test(test_long_names_come_back),
        cmocka_unit_test(test_a_class_may_be_called_anything),
        cmocka_unit_test(test_a_network_without_its_weights_is_refused),
        cmocka_unit_test(test_a_network_that_ends_in_a_map_is_refused),
        cmocka_unit_test(test_more_classes_than_can_be_counted_are_refused),
        cmocka_unit_test(test_failing_memory_leaks_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
