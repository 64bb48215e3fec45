/* decant/model.h for networks that were built with decant/graph.h: the graph is taken over whatever happens, the seed
 * decides the weights, and the model is as good as any other. Leaks show under the address sanitizer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "decant/model.h"
#include "decant/train.h"

#define PATH TEST_BINARY_DIR "/test_recipe_model.safetensors"

enum { FEATURES = 6, CLASSES = 3, SAMPLES = 60 };

#define assert_ok(call)                                                                                                \
    do {                                                                                                               \
        if ((call) != DECANT_OK) fail_msg("%s", decant_error_message());                                               \
    } while (0)

/* Linear, relu, linear; the output is not yet named. */
static decant_graph *build(decant_value *ret_logits)
{
    const decant_shape sample = {1, {FEATURES}};
    decant_graph *graph = NULL;
    decant_value x;
    assert_ok(decant_graph_create(&graph));
    assert_ok(decant_graph_input(graph, &sample, &x));
    assert_ok(decant_graph_linear(graph, "hidden", x, 8, true, &x));
    assert_ok(decant_graph_activation(graph, "relu", x, DECANT_ACTIVATION_RELU, &x));
    assert_ok(decant_graph_linear(graph, "logits", x, CLASSES, true, ret_logits));
    return graph;
}

static decant_model *make_model(uint64_t seed)
{
    decant_model *model = NULL;
    decant_value logits;
    decant_graph *graph = build(&logits);
    assert_ok(decant_graph_set_output(graph, logits));
    assert_ok(decant_model_from_graph(graph, seed, &model));
    return model;
}

static void predict(const decant_model *model, float ret_probabilities[CLASSES])
{
    const decant_shape shape = {2, {1, FEATURES}};
    float numbers[FEATURES] = {0.5f, -1, 2, 0.25f, -0.5f, 1};
    const decant_tensor input = decant_tensor_view(DECANT_F32, &shape, numbers);
    assert_ok(decant_model_predict(model, NULL, &input, ret_probabilities));
}

static void test_the_seed_decides(void **state)
{
    (void)state;
    float first[CLASSES], again[CLASSES], other[CLASSES];
    decant_model *a = make_model(1), *b = make_model(1), *c = make_model(2);
    assert_int_equal(decant_model_class_count(a), CLASSES);
    assert_null(decant_model_class_name(a, 0));
    const decant_shape sample = decant_model_input_shape(a);
    assert_true(sample.rank == 1 && sample.dim[0] == FEATURES);
    predict(a, first);
    predict(b, again);
    predict(c, other);
    assert_memory_equal(first, again, sizeof first);
    assert_memory_not_equal(first, other, sizeof first);
    decant_model_destroy(a);
    decant_model_destroy(b);
    decant_model_destroy(c);
}

/* Refused graphs are freed too; ret_model stays as it was. */
static void expect_refusal(decant_graph *graph, decant_status status, const char *message)
{
    decant_model *model = NULL;
    assert_int_equal(decant_model_from_graph(graph, 1, &model), status);
    assert_non_null(strstr(decant_error_message(), message));
    assert_null(model);
}

static void test_unfinished_graphs_are_refused(void **state)
{
    (void)state;
    decant_graph *graph = NULL;
    decant_value x;
    expect_refusal(NULL, DECANT_INVALID_ARG, "graph must not be NULL");
    assert_ok(decant_graph_create(&graph));
    expect_refusal(graph, DECANT_INVALID_ARG, "decant_graph_input()");
    expect_refusal(build(&x), DECANT_INVALID_ARG, "decant_graph_set_output()");

    const decant_shape image = {3, {1, 4, 4}};
    const decant_pool_options pool = decant_pool_options_default(2);
    assert_ok(decant_graph_create(&graph));
    assert_ok(decant_graph_input(graph, &image, &x));
    assert_ok(decant_graph_maxpool(graph, "pool", x, &pool, &x));
    assert_ok(decant_graph_set_output(graph, x));
    expect_refusal(graph, DECANT_SHAPE, "flatten");
}

/* The largest of the first three features is the class. */
static decant_dataset *make_dataset(void)
{
    const decant_shape sample = {1, {FEATURES}};
    static float values[SAMPLES][FEATURES];
    int32_t labels[SAMPLES];
    decant_dataset *dataset = NULL;
    for (int32_t i = 0; i < SAMPLES; i++) {
        labels[i] = i % CLASSES;
        for (int32_t f = 0; f < FEATURES; f++)
            values[i][f] = (float)((i * 7 + f * 5) % 11) / 11 + (f == labels[i] ? 2.0f : 0.0f);
    }
    assert_ok(decant_dataset_from_arrays("largest", &sample, DECANT_F32, CLASSES, values, labels, SAMPLES, values,
                                         labels, SAMPLES, &dataset));
    return dataset;
}

static void test_it_trains_and_comes_back_from_a_file(void **state)
{
    (void)state;
    decant_model *model = make_model(1), *back = NULL;
    decant_dataset *dataset = make_dataset();
    decant_evaluation *evaluation = NULL;
    decant_train_options options = decant_train_options_default();
    decant_train_result result;
    float trained[CLASSES], loaded[CLASSES];
    options.batch = 10;
    options.learning_rate = 0.02;
    assert_ok(decant_train(model, NULL, dataset, NULL, &options, &result));
    assert_ok(decant_model_evaluate(model, NULL, dataset, DECANT_PART_TEST, &evaluation));
    assert_true(evaluation->accuracy > 0.95);
    decant_evaluation_destroy(evaluation);

    assert_ok(decant_model_save(model, PATH));
    assert_ok(decant_model_load(PATH, &back));
    predict(model, trained);
    predict(back, loaded);
    assert_memory_equal(trained, loaded, sizeof trained);
    decant_model_destroy(back);
    decant_model_destroy(model);
    decant_dataset_destroy(dataset);
    assert_ok(dcn_file_remove(PATH));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_seed_decides),
        cmocka_unit_test(test_unfinished_graphs_are_refused),
        cmocka_unit_test(test_it_trains_and_comes_back_from_a_file),
    };
    return cmocka_run_group_tests_name("models of graphs", tests, NULL, NULL);
}
