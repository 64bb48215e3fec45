/* Prediction through the library: arrays that do not say what they hold are refused, whoever made them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "decant/model.h"
#include "decant/tensor.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arrays_that_cannot_be_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
