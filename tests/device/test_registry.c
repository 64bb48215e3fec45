/* Opening devices by name, and what the ref device refuses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "device/device.h"
#include "tensor/shape.h"

static void test_every_row_opens(void **state)
{
    (void)state;
    assert_true(dcn_device_count() >= 2);
    for (int32_t i = 0; i < dcn_device_count(); i++) {
        const dcn_device_class *class = dcn_device_at(i);
        dcn_device *device = NULL;
        if (!class->available()) continue;
        assert_int_equal(dcn_device_open(class->name, NULL, &device), DECANT_OK);
        assert_ptr_equal(device->class, class);
        assert_true(device->threads >= 1);
        assert_string_equal(class->layout_name(device, DCN_LAYOUT_PLAIN), "plain");
        dcn_device_close(device);
    }
    assert_null(dcn_device_at(-1));
    assert_null(dcn_device_at(dcn_device_count()));
}

static void test_no_name_means_cpu(void **state)
{
    (void)state;
    dcn_device *device = NULL;
    assert_int_equal(dcn_device_open(NULL, NULL, &device), DECANT_OK);
    assert_string_equal(device->class->name, "cpu");
    dcn_device_close(device);
    dcn_device_close(NULL);
}

/* A typo must be answered with the names there are, and leave the caller's pointer alone. */
static void test_unknown_names_and_threads(void **state)
{
    (void)state;
    const dcn_device_options negative = {.threads = -1};
    dcn_device *device = NULL;
    assert_int_equal(dcn_device_open("gpu", NULL, &device), DECANT_NOT_FOUND);
    assert_non_null(strstr(decant_error_message(), "cpu"));
    assert_non_null(strstr(decant_error_message(), "ref"));
    assert_int_equal(dcn_device_open("cpu", &negative, &device), DECANT_INVALID_ARG);
    assert_int_equal(dcn_device_open("cpu", &(dcn_device_options){.isa = "avx1024"}, &device), DECANT_UNSUPPORTED);
    assert_null(device);
}

static void test_ref_computes_in_reals_only(void **state)
{
    (void)state;
    static const decant_dtype types[] = {DECANT_F32, DECANT_F64, DECANT_BF16, DECANT_I32};
    dcn_device *device = NULL;
    assert_int_equal(dcn_device_open("ref", NULL, &device), DECANT_OK);
    for (size_t i = 0; i < DCN_COUNT(types); i++) {
        dcn_op_call call = {.op = DECANT_OP_RELU, .n_inputs = 1, .n_outputs = 1};
        dcn_kernel *kernel = NULL;
        call.input[0] = call.output[0] = (dcn_tensor_desc){types[i], dcn_shape2(2, 3), DCN_LAYOUT_PLAIN};
        decant_status status = device->class->compile(device, &call, &kernel);
        assert_int_equal(status, i < 3 ? DECANT_OK : DECANT_UNSUPPORTED);
        if (kernel != NULL) kernel->destroy(kernel);
    }
    dcn_device_close(device);
}

/* Every allocation of opening and compiling fails in turn: an error, nothing leaked, nothing written. */
static void test_ref_survives_failing_allocations(void **state)
{
    (void)state;
    for (int64_t nth = 1;; nth++) {
        dcn_device *device = NULL;
        dcn_kernel *kernel = NULL;
        dcn_op_call call = {.op = DECANT_OP_RELU, .n_inputs = 1, .n_outputs = 1};
        call.input[0] = call.output[0] = (dcn_tensor_desc){DECANT_F32, dcn_shape2(2, 3), DCN_LAYOUT_PLAIN};
        dcn_memory_fail_nth(nth);
        decant_status status = dcn_device_open("ref", NULL, &device);
        if (status == DECANT_OK) status = device->class->compile(device, &call, &kernel);
        dcn_memory_fail_nth(0);
        if (kernel != NULL) kernel->destroy(kernel);
        dcn_device_close(device);
        if (status == DECANT_OK) {
            assert_true(nth > 2);
            return;
        }
        assert_int_equal(status, DECANT_NO_MEMORY);
        assert_null(kernel);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_row_opens),
        cmocka_unit_test(test_no_name_means_cpu),
        cmocka_unit_test(test_unknown_names_and_threads),
        cmocka_unit_test(test_ref_computes_in_reals_only),
        cmocka_unit_test(test_ref_survives_failing_allocations),
    };
    return cmocka_run_group_tests_name("registry", tests, NULL, NULL);
}
