/* Prediction through the library: arrays that do not say what they hold are refused, whoever made them. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "decant/model.h"
#include "decant/tensor.h"
#include "nn/model.h"

#define CLASSES 10

/* Breaks when a missing array is read, or a count that does not fit is multiplied all the same. */
static void test_arrays_that_cannot_be_are_refused(void **state)
{
    (void)state;
    decant_model *model = NULL;
    assert_int_equal(decant_model_from_zoo("lightnn", CLASSES, 3, &model), DECANT_OK);
    decant_shape sample = decant_model_input_shape(model), shape = {.rank = sample.rank + 1, .dim = {1}};
    memcpy(shape.dim + 1, sample.dim, (size_t)sample.rank * sizeof *sample.dim);
    float probabilities[CLASSES] = {-7};
    decant_tensor inputs = decant_tensor_view(DECANT_F32, &shape, NULL);
    assert_int_equal(decant_model_predict(model, NULL, &inputs, probabilities), DECANT_INVALID_ARG);
    inputs.shape.dim[0] = INT64_C(1) << 60;
    assert_int_equal(decant_model_predict(model, NULL, &inputs, probabilities), DECANT_INVALID_ARG);
    inputs.shape.dim[0] = -1;
    assert_int_equal(decant_model_predict(model, NULL, &inputs, probabilities), DECANT_INVALID_ARG);
    inputs.shape.dim[0] = 0; /* nothing to do is done */
    assert_int_equal(decant_model_predict(model, NULL, &inputs, probabilities), DECANT_OK);
    assert_true(probabilities[0] < -6);
    decant_model_destroy(model);
}

/* Breaks when a network of the zoo has weights of 0, from which it could not learn, or when the plan that is shown is
 * not the one that predicts, in which batch normalisation is folded away. */
static void test_the_zoo_is_ready_to_train_and_its_plan_is_inferences(void **state)
{
    (void)state;
    static const decant_compute ref = {.device = "ref"};
    decant_model *model = NULL;
    decant_plan_listing *plan = NULL;
    float probabilities[CLASSES], least = 1, most = 0;
    assert_int_equal(decant_model_from_zoo("resnet20", CLASSES, 3, &model), DECANT_OK);
    static float pixels[3 * 32 * 32];
    for (int i = 0; i < 3 * 32 * 32; i++)
        pixels[i] = (float)(i % 7) / 7;
    const decant_shape shape = {.rank = 4, .dim = {1, 3, 32, 32}};
    const decant_tensor inputs = decant_tensor_view(DECANT_F32, &shape, pixels);
    assert_int_equal(decant_model_predict(model, &ref, &inputs, probabilities), DECANT_OK);
    for (int c = 0; c < CLASSES; c++) {
        least = fminf(least, probabilities[c]);
        most = fmaxf(most, probabilities[c]);
    }
    assert_true(most > 1.01F * least);
    assert_int_equal(decant_model_plan(model, &ref, 1, &plan), DECANT_OK);
    for (int32_t i = 0; i < plan->n_steps; i++)
        assert_string_not_equal(plan->steps[i].op, "batchnorm");
    decant_plan_listing_destroy(plan);
    decant_model_destroy(model);
}

/* Breaks when a single logit is read as the first class's, 0 says yes, or a large logit makes the loss overflow. */
static void test_a_single_logit_is_evaluated(void **state)
{
    (void)state;
    const decant_shape feature = {.rank = 1, .dim = {1}};
    const float test[6] = {0, 2, -3, 500, -500, 1}, train[1] = {0};
    const int32_t test_labels[6] = {0, 1, 1, 1, 1, 0}, train_labels[1] = {0};
    decant_graph *graph = NULL;
    decant_model *model = NULL;
    decant_dataset *dataset = NULL;
    decant_evaluation *evaluation = NULL;
    decant_value x;
    assert_int_equal(decant_graph_create(&graph), DECANT_OK);
    assert_int_equal(decant_graph_input(graph, &feature, &x), DECANT_OK);
    assert_int_equal(decant_graph_linear(graph, "fc", x, 1, false, &x), DECANT_OK);
    assert_int_equal(decant_graph_set_output(graph, x), DECANT_OK);
    assert_int_equal(decant_model_from_graph(graph, 1, &model), DECANT_OK);
    model->data[dcn_graph_find(model->graph, "fc.weight")][0] = 1;
    assert_int_equal(decant_dataset_from_arrays("logits", &feature, DECANT_F32, 2, train, train_labels, 1, test,
                                                test_labels, 6, &dataset),
                     DECANT_OK);
    assert_int_equal(decant_model_evaluate(model, NULL, dataset, DECANT_PART_TEST, &evaluation), DECANT_OK);
    const int64_t confusion[4] = {1, 1, 2, 2};
    assert_int_equal(evaluation->n_classes, 2);
    assert_int_equal(evaluation->errors, 3);
    assert_memory_equal(evaluation->confusion, confusion, sizeof confusion);
    const double loss = log(2) + log1p(exp(-2)) + 3 + log1p(exp(-3)) + 0 + 500 + 1 + log1p(exp(-1));
    assert_true(fabs(evaluation->loss - loss / 6) < 1e-9);
    decant_evaluation_destroy(evaluation);
    decant_dataset_destroy(dataset);
    decant_model_destroy(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_zoo_is_ready_to_train_and_its_plan_is_inferences),
        cmocka_unit_test(test_a_single_logit_is_evaluated),
        cmocka_unit_test(test_arrays_that_cannot_be_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
