/* The predictor: every batch size gives the same answers, its plans are bounded, and once warm it takes no memory. */
#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/random.h"
#include "decant/predictor.h"
#include "nn/model.h"
#include "nn/zoo.h"

#define CLASSES   10
#define VALUES    (28 * 28)
#define COUNT     300 /* more than go in one part */
#define TOLERANCE 1e-5F

static uint8_t bytes[COUNT * VALUES];
static float floats[COUNT * VALUES];

static void make_inputs(void)
{
    dcn_random random = dcn_random_start(9, DCN_PURPOSE_TEST, 0, 0);
    for (int i = 0; i < COUNT * VALUES; i++) {
        bytes[i] = (uint8_t)dcn_random_below(&random, 256);
        floats[i] = (float)bytes[i] / 255.0F;
    }
}

/* fashion-1 repeats the grey channel and has a batchnorm: there is something to fold. */
static decant_model *make_model(const char *name)
{
    static const float mean = 0.286F, std = 0.353F;
    const decant_shape image = {.rank = 3, .dim = {1, 28, 28}};
    const dcn_zoo_options options = {.classes = CLASSES, .channels = 3, .sample = &image};
    dcn_graph *graph = NULL;
    decant_model *model = NULL;
    assert_int_equal(dcn_zoo_build(name, &options, &graph), DECANT_OK);
    assert_int_equal(dcn_model_create(graph, &model), DECANT_OK);
    dcn_model_init(model, 1);
    assert_int_equal(dcn_model_set_normalization(model, 1, &mean, &std), DECANT_OK);
    return model;
}

/* [n, features] -> logits without hidden layers, so that answers can be worked out by hand. */
static decant_model *make_row_model(int64_t features, int64_t outputs)
{
    const decant_shape row = {.rank = 1, .dim = {features}};
    decant_graph *graph = NULL;
    decant_model *model = NULL;
    decant_value x;
    assert_int_equal(decant_graph_create(&graph), DECANT_OK);
    assert_int_equal(decant_graph_input(graph, &row, &x), DECANT_OK);
    assert_int_equal(decant_graph_linear(graph, "fc", x, outputs, true, &x), DECANT_OK);
    assert_int_equal(decant_graph_set_output(graph, x), DECANT_OK);
    assert_int_equal(decant_model_from_graph(graph, 1, &model), DECANT_OK);
    return model;
}

/* bf16 would round what batch sizes sum in another order to neighbours. */
static const decant_compute exactly = {.precision = DECANT_PRECISION_F32};

static decant_predictor *make_predictor(const decant_model *model, bool logits, int32_t plans)
{
    const decant_predictor_options options = {.logits = logits, .plans = plans};
    decant_predictor *predictor = NULL;
    if (decant_predictor_create(model, &exactly, &options, &predictor) != DECANT_OK)
        fail_msg("%s", decant_error_message());
    return predictor;
}

static void assert_close(const float *a, const float *b, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        if (!(fabsf(a[i] - b[i]) <= TOLERANCE * (1 + fabsf(a[i]))))
            fail_msg("value %d: %g, %g", (int)i, (double)a[i], (double)b[i]);
}

/* Breaks when a batch size has other weights, a rest is padded into the answers, or a plan's input is another's. */
static void test_batch_sizes_agree(void **state)
{
    (void)state;
    static const int64_t sizes[] = {1, 2, 3, COUNT, 7, 1, 64, 5, 2, COUNT};
    static float expected[COUNT * CLASSES], given[COUNT * CLASSES];
    decant_model *model = make_model("fashion-1");
    const int64_t dims[] = {COUNT, 1, 28, 28};
    const decant_shape shape = decant_shape_make(4, dims);
    const decant_tensor inputs = decant_tensor_view(DECANT_U8, &shape, bytes);
    const decant_compute ref = {.device = "ref", .threads = 1};
    assert_int_equal(decant_model_predict(model, &ref, &inputs, expected), DECANT_OK);
    decant_predictor *predictor = make_predictor(model, false, 2); /* plans are made again and again */
    dcn_model_destroy(model);                                      /* the predictor has what it needs */
    assert_int_equal(decant_predictor_input_count(predictor), VALUES);
    assert_int_equal(decant_predictor_output_count(predictor), CLASSES);
    for (size_t s = 0; s < DCN_COUNT(sizes); s++) {
        memset(given, 0, sizeof given);
        const int64_t n = sizes[s];
        assert_int_equal(decant_predictor_run_bytes(predictor, bytes, n, given), DECANT_OK);
        assert_close(expected, given, n * CLASSES);
        memset(given, 0, sizeof given);
        assert_int_equal(decant_predictor_run(predictor, floats, n, given), DECANT_OK);
        assert_close(expected, given, n * CLASSES);
    }
    decant_predictor_destroy(predictor);
}

/* Breaks when a warm call takes memory, or prepare() does not make what the first call needs. */
static void test_a_warm_predictor_takes_no_memory(void **state)
{
    (void)state;
    float given[8 * CLASSES];
    decant_model *model = make_model("fashion-1");
    decant_predictor *predictor = make_predictor(model, false, 0);
    assert_int_equal(decant_predictor_prepare(predictor, 1), DECANT_OK);
    assert_int_equal(decant_predictor_prepare(predictor, 8), DECANT_OK);
    const int64_t before = dcn_memory_allocation_count();
    for (int i = 0; i < 3; i++) {
        assert_int_equal(decant_predictor_run(predictor, floats, 1, given), DECANT_OK);
        assert_int_equal(decant_predictor_run_bytes(predictor, bytes, 8, given), DECANT_OK);
    }
    assert_int_equal(dcn_memory_allocation_count(), before);
    assert_int_equal(decant_predictor_run(predictor, floats, 3, given), DECANT_OK); /* a new size does */
    assert_true(dcn_memory_allocation_count() > before);
    decant_predictor_destroy(predictor);
    dcn_model_destroy(model);
}

/* Breaks when a batch size in use is dropped for one that was not used for longer. */
static void test_the_plan_not_used_for_longest_goes(void **state)
{
    (void)state;
    float given[8 * CLASSES];
    decant_model *model = make_model("fashion-1");
    decant_predictor *predictor = make_predictor(model, false, 3);
    static const int64_t in_turn[] = {8, 1, 2, 1, 3}; /* 3 takes the place of 2 */
    for (size_t i = 0; i < DCN_COUNT(in_turn); i++)
        assert_int_equal(decant_predictor_run(predictor, floats, in_turn[i], given), DECANT_OK);
    const int64_t before = dcn_memory_allocation_count();
    assert_int_equal(decant_predictor_run(predictor, floats, 8, given), DECANT_OK);
    assert_int_equal(decant_predictor_run(predictor, floats, 1, given), DECANT_OK);
    assert_int_equal(decant_predictor_run(predictor, floats, 3, given), DECANT_OK);
    assert_int_equal(dcn_memory_allocation_count(), before);
    assert_int_equal(decant_predictor_run(predictor, floats, 2, given), DECANT_OK);
    assert_true(dcn_memory_allocation_count() > before);
    decant_predictor_destroy(predictor);
    dcn_model_destroy(model);
}

/* Breaks when logits are softened, rows are mixed up, or a large logit overflows. */
static void test_logits_and_probabilities(void **state)
{
    (void)state;
    decant_model *model = make_row_model(2, 3);
    const float weights[6] = {1, 0, 0, 1, 400, 0}, bias[3] = {0.5F, 0, 0}, rows[4] = {2, 1, -3, 0.25F};
    memcpy(model->data[dcn_graph_find(model->graph, "fc.weight")], weights, sizeof weights);
    memcpy(model->data[dcn_graph_find(model->graph, "fc.bias")], bias, sizeof bias);
    float logits[6], probabilities[6];
    decant_predictor *raw = make_predictor(model, true, 0), *soft = make_predictor(model, false, 0);
    assert_int_equal(decant_predictor_run(raw, rows, 2, logits), DECANT_OK);
    assert_int_equal(decant_predictor_run(soft, rows, 2, probabilities), DECANT_OK);
    const float expected[6] = {2.5F, 1, 800, -2.5F, 0.25F, -1200};
    assert_close(expected, logits, 6);
    const float certain[3] = {0, 0, 1}, first = 1 / (1 + expf(2.75F));
    const float unsure[3] = {first, 1 - first, 0};
    assert_close(certain, probabilities, 3);
    assert_close(unsure, probabilities + 3, 3);
    decant_predictor_destroy(soft);
    decant_predictor_destroy(raw);
    dcn_model_destroy(model);
}

/* Breaks when a single logit is taken for a class, or its two probabilities for each other. */
static void test_a_single_logit_is_two_classes(void **state)
{
    (void)state;
    decant_model *model = make_row_model(1, 1);
    model->data[dcn_graph_find(model->graph, "fc.weight")][0] = 1;
    model->data[dcn_graph_find(model->graph, "fc.bias")][0] = 0;
    const float rows[4] = {0, 2, -2, 900};
    float logits[4], probabilities[8];
    assert_int_equal(decant_model_class_count(model), 2);
    decant_predictor *raw = make_predictor(model, true, 0), *soft = make_predictor(model, false, 0);
    assert_int_equal(decant_predictor_output_count(raw), 1);
    assert_int_equal(decant_predictor_output_count(soft), 2);
    assert_int_equal(decant_predictor_run(raw, rows, 4, logits), DECANT_OK);
    assert_close(rows, logits, 4);
    assert_int_equal(decant_predictor_run(soft, rows, 4, probabilities), DECANT_OK);
    const float p = 1 / (1 + expf(-2)), expected[8] = {0.5F, 0.5F, 1 - p, p, p, 1 - p, 0, 1};
    assert_close(expected, probabilities, 8);
    decant_predictor_destroy(soft);
    decant_predictor_destroy(raw);
    dcn_model_destroy(model);
}

/* Breaks when a bad call is answered, or a bad input is not named. */
static void test_bad_calls_are_refused(void **state)
{
    (void)state;
    const decant_predictor_options one_plan = {.plans = 1};
    const decant_compute nowhere = {.device = "abacus"};
    decant_model *model = make_row_model(3, 2);
    decant_predictor *predictor = NULL;
    float rows[6] = {0}, given[4];
    assert_int_equal(decant_predictor_create(NULL, NULL, NULL, &predictor), DECANT_INVALID_ARG);
    assert_int_equal(decant_predictor_create(model, NULL, &one_plan, &predictor), DECANT_INVALID_ARG);
    assert_int_equal(decant_predictor_create(model, &nowhere, NULL, &predictor), DECANT_NOT_FOUND);
    assert_null(predictor);
    predictor = make_predictor(model, false, 0);
    assert_int_equal(decant_predictor_run(predictor, NULL, 1, given), DECANT_INVALID_ARG);
    assert_int_equal(decant_predictor_run(predictor, rows, 0, given), DECANT_INVALID_ARG);
    assert_int_equal(decant_predictor_run(predictor, rows, INT64_MAX, given), DECANT_INVALID_ARG);
    assert_int_equal(decant_predictor_run_bytes(predictor, NULL, 1, given), DECANT_INVALID_ARG);
    assert_int_equal(decant_predictor_prepare(predictor, 0), DECANT_INVALID_ARG);
    rows[4] = NAN;
    assert_int_equal(decant_predictor_run(predictor, rows, 2, given), DECANT_NUMERIC);
    assert_string_equal(decant_error_message(), "value 1 of sample 1 is not finite");
    rows[4] = 0;
    model->data[dcn_graph_find(model->graph, "fc.bias")][1] = INFINITY;
    decant_predictor_destroy(predictor);
    predictor = make_predictor(model, false, 0);
    assert_int_equal(decant_predictor_run(predictor, rows, 2, given), DECANT_NUMERIC);
    assert_string_equal(decant_error_message(), "output 1 of sample 0 is not finite");
    decant_predictor_destroy(predictor);
    decant_predictor_destroy(NULL);
    dcn_model_destroy(model);
}

/* Breaks when a failed allocation leaks, or leaves a predictor that gives wrong answers afterwards. */
static void test_no_memory_is_survived(void **state)
{
    (void)state;
    float expected[2 * CLASSES], given[2 * CLASSES];
    decant_model *model = make_model("fashion-1");
    decant_predictor *predictor = make_predictor(model, false, 0);
    assert_int_equal(decant_predictor_run(predictor, floats, 2, expected), DECANT_OK);
    decant_predictor_destroy(predictor);
    predictor = NULL;
    decant_status status = DECANT_NO_MEMORY;
    for (int64_t nth = 1; status != DECANT_OK; nth++) {
        assert_true(nth < 5000);
        dcn_memory_fail_nth(nth);
        status = predictor == NULL ? decant_predictor_create(model, &exactly, NULL, &predictor) : DECANT_OK;
        if (status == DECANT_OK) status = decant_predictor_run(predictor, floats, 2, given);
        dcn_memory_fail_nth(0);
        if (status != DECANT_OK) assert_int_equal(status, DECANT_NO_MEMORY);
        if (nth % 3 == 0 && status != DECANT_OK) { /* sometimes the half-warm one goes on, sometimes a new one */
            decant_predictor_destroy(predictor);
            predictor = NULL;
        }
    }
    assert_close(expected, given, 2 * CLASSES);
    decant_predictor_destroy(predictor);
    dcn_model_destroy(model);
}

typedef struct worker {
    const decant_model *model;
    float given[4 * CLASSES];
    decant_status status;
} worker;

static void *predict_often(void *context)
{
    worker *work = context;
    const decant_compute alone = {.threads = 1};
    decant_predictor *predictor = NULL;
    work->status = decant_predictor_create(work->model, &alone, NULL, &predictor);
    for (int i = 0; i < 20 && work->status == DECANT_OK; i++)
        work->status = decant_predictor_run(predictor, floats, 4, work->given);
    decant_predictor_destroy(predictor);
    return NULL;
}

/* Breaks when predictors of one model share something that they change (thread sanitizer), or disturb each other. */
static void test_each_thread_has_its_own(void **state)
{
    (void)state;
    decant_model *model = make_model("fashion-1");
    worker workers[2] = {{.model = model}, {.model = model}};
    pthread_t threads[2];
    for (int t = 0; t < 2; t++)
        assert_int_equal(pthread_create(&threads[t], NULL, predict_often, &workers[t]), 0);
    for (int t = 0; t < 2; t++)
        assert_int_equal(pthread_join(threads[t], NULL), 0);
    assert_int_equal(workers[0].status, DECANT_OK);
    assert_int_equal(workers[1].status, DECANT_OK);
    assert_memory_equal(workers[0].given, workers[1].given, sizeof workers[0].given);
    dcn_model_destroy(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_batch_sizes_agree),
        cmocka_unit_test(test_a_warm_predictor_takes_no_memory),
        cmocka_unit_test(test_the_plan_not_used_for_longest_goes),
        cmocka_unit_test(test_logits_and_probabilities),
        cmocka_unit_test(test_a_single_logit_is_two_classes),
        cmocka_unit_test(test_bad_calls_are_refused),
        cmocka_unit_test(test_no_memory_is_survived),
        cmocka_unit_test(test_each_thread_has_its_own),
    };
    make_inputs();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
