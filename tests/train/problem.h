/* A small problem that a network can learn in a second: 1x8x8 byte images whose class is the bright corner, under
 * noise. */
#ifndef TESTS_TRAIN_PROBLEM_H
#define TESTS_TRAIN_PROBLEM_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/random.h"
#include "data/arrays.h"
#include "data/split.h"
#include "data/statistics.h"
#include "device/device.h"
#include "nn/layers.h"
#include "nn/model.h"
#include "tensor/shape.h"
#include "train/train.h"

#define SIDE    8
#define PIXELS  (SIDE * SIDE)
#define CLASSES 4

#define assert_ok(call)                                                                                                \
    do {                                                                                                               \
        if ((call) != DECANT_OK) fail_msg("%s", decant_error_message());                                               \
    } while (0)

/* Networks, in the language of recipes. */
#define MLP    "[flatten, linear: 16, relu, linear: 4]"
#define LINEAR "[flatten, linear: 4]"
#define CONVOLUTIONAL                                                                                                  \
    "[conv: {channels: 6, kernel: 3, padding: 1}, batchnorm, relu, maxpool: 2, dropout: 0.2, flatten, linear: 12, "    \
    "batchnorm, relu, linear: 4]"

typedef struct test_problem {
    dcn_device *device;
    decant_dataset *dataset;
    dcn_split split;
    float mean[1], std[1]; /* of the training split */
    decant_model *teacher; /* NULL where nobody wants one */
} test_problem;

static inline void draw_samples(uint8_t *pixels, int32_t *labels, int64_t count, uint64_t seed)
{
    dcn_random random = dcn_random_start(seed, DCN_PURPOSE_TEST, 1, 0);
    for (int64_t n = 0; n < count; n++) {
        int32_t label = (int32_t)(n % CLASSES);
        labels[n] = label;
        for (int i = 0; i < PIXELS; i++) {
            int corner = (i / SIDE >= SIDE / 2 ? 2 : 0) + (i % SIDE >= SIDE / 2 ? 1 : 0);
            uint32_t light = corner == label ? 80 : 20;
            pixels[n * PIXELS + i] = (uint8_t)(light + dcn_random_below(&random, 120));
        }
    }
}

static inline decant_dataset *make_dataset(int64_t n_train, int64_t n_test)
{
    decant_dataset *dataset = NULL;
    uint8_t *pixels = NULL;
    int32_t *labels = NULL;
    const decant_shape sample = {.rank = 3, .dim = {1, SIDE, SIDE}};
    assert_ok(dcn_new((size_t)((n_train + n_test) * PIXELS), (void **)&pixels));
    assert_ok(dcn_new_array((size_t)(n_train + n_test), sizeof *labels, (void **)&labels));
    draw_samples(pixels, labels, n_train + n_test, 5);
    assert_ok(dcn_arrays_open("corners", &sample, DECANT_U8, CLASSES, pixels, labels, n_train,
                              pixels + n_train * PIXELS, labels + n_train, n_test, &dataset));
    dcn_free(pixels);
    dcn_free(labels);
    return dataset;
}

static inline void open_problem(test_problem *problem, const char *device, int64_t n_train, int64_t n_validation)
{
    memset(problem, 0, sizeof *problem);
    const dcn_device_options options = {.threads = 2};
    assert_ok(dcn_device_open(device, &options, &problem->device));
    problem->dataset = make_dataset(n_train + n_validation, 120);
    assert_ok(dcn_split_make(problem->dataset, n_validation, 3, &problem->split));
    assert_ok(
        dcn_statistics(problem->dataset, problem->split.train, problem->split.n_train, problem->mean, problem->std));
}

static inline void close_problem(test_problem *problem)
{
    dcn_model_destroy(problem->teacher);
    dcn_split_finish(&problem->split);
    dcn_dataset_destroy(problem->dataset);
    dcn_device_close(problem->device);
}

/* The tear-down of a group whose set-up leaves its problem in *state. */
static inline int close_group(void **state)
{
    close_problem(*state);
    return 0;
}

static inline decant_model *make_model(const test_problem *problem, const char *layers, uint64_t seed)
{
    dcn_arena *arena = NULL;
    dcn_doc *list = NULL;
    dcn_graph *graph = NULL;
    decant_model *model = NULL;
    assert_ok(dcn_arena_create(&arena));
    assert_ok(dcn_doc_parse(arena, "test", layers, strlen(layers), &list));
    assert_ok(dcn_layers_build(list, &problem->dataset->sample, &graph));
    assert_ok(dcn_model_create(graph, &model));
    dcn_model_init(model, seed);
    assert_ok(dcn_model_set_normalization(model, 1, problem->mean, problem->std));
    dcn_arena_destroy(arena);
    return model;
}

/* Cross-entropy alone with Adam; everything else off. */
static inline dcn_train_options plain_options(const test_problem *problem, decant_model *model)
{
    dcn_train_options options = {
        .device = problem->device,
        .model = model,
        .dataset = problem->dataset,
        .split = &problem->split,
        .epochs = 4,
        .batch = 32,
        .seed = 9,
        .optimizer = dcn_optimizer_default(DCN_OPTIMIZER_ADAM),
        .terms = {{.kind = DCN_TERM_CE, .weight = 1}},
        .n_terms = 1,
    };
    options.optimizer.lr = 0.01;
    return options;
}

static inline dcn_metrics evaluate_test(const test_problem *problem, const decant_model *model)
{
    dcn_metrics metrics = {0};
    assert_ok(
        dcn_evaluate(problem->device, model, problem->dataset, &problem->dataset->test, NULL, 0, &metrics, NULL, NULL));
    return metrics;
}

/* A model that was trained on the problem, for use as a teacher. */
static inline decant_model *make_teacher(const test_problem *problem, const char *layers)
{
    decant_model *teacher = make_model(problem, layers, 77);
    dcn_train_options options = plain_options(problem, teacher);
    dcn_train_result result;
    assert_ok(dcn_train(&options, &result));
    return teacher;
}

#endif
