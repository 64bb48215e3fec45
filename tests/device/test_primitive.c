/* A primitive of oneDNN that fails while a kernel runs: the device knows, and whoever ran it hears of it once. The
 * linker puts the function below in the place of oneDNN's (tests.cmake). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "device/device.h"

enum { RUNTIME_ERROR = 5 }; /* dnnl_runtime_error */
static bool fails;

int __real_dnnl_primitive_execute(const void *primitive, void *stream, int n_arguments, const void *arguments);
int __wrap_dnnl_primitive_execute(const void *primitive, void *stream, int n_arguments, const void *arguments);

int __wrap_dnnl_primitive_execute(const void *primitive, void *stream, int n_arguments, const void *arguments)
{
    return fails ? RUNTIME_ERROR : __real_dnnl_primitive_execute(primitive, stream, n_arguments, arguments);
}

/* A depthwise convolution, which is oneDNN's on every processor. */
static dcn_op_call depthwise(void)
{
    const dcn_tensor_desc map = {DECANT_F32, {4, {2, 16, 8, 8}}, DCN_LAYOUT_PLAIN};
    const dcn_tensor_desc weight = {DECANT_F32, {4, {16, 1, 3, 3}}, DCN_LAYOUT_PLAIN};
    dcn_op_call call = {.op = DECANT_OP_CONV2D, .n_inputs = 2, .n_outputs = 1, .input = {map, weight}, .output = {map}};
    call.attrs.conv = (dcn_conv_attrs){.channels = 16,
                                       .kernel = {3, 3},
                                       .stride = {1, 1},
                                       .padding = {1, 1},
                                       .dilation = {1, 1},
                                       .groups = 16,
                                       .in_hw = {8, 8}};
    call.output[0].layout = DCN_LAYOUT_ANY;
    return call;
}

static void a_failing_primitive_is_told(void **state)
{
    (void)state;
    const dcn_device_options options = {.threads = 1};
    dcn_device *device = NULL;
    dcn_kernel *kernel = NULL;
    void *inputs[2], *output, *scratch;
    assert_int_equal(dcn_device_open("cpu", &options, &device), DECANT_OK);
    dcn_op_call call = depthwise();
    assert_int_equal(device->class->compile(device, &call, &kernel), DECANT_OK);
    for (int i = 0; i < 2; i++)
        assert_int_equal(
            device->class->memory_create(device, device->class->layout_bytes(device, &call.input[i]), &inputs[i]),
            DECANT_OK);
    assert_int_equal(
        device->class->memory_create(device, device->class->layout_bytes(device, &call.output[0]), &output), DECANT_OK);
    assert_int_equal(device->class->memory_create(device, kernel->scratch_bytes + 1, &scratch), DECANT_OK);

    kernel->run(kernel, inputs, &output, scratch);
    assert_int_equal(dcn_device_check(device), DECANT_OK);
    fails = true;
    kernel->run(kernel, inputs, &output, scratch);
    fails = false;
    assert_int_equal(dcn_device_check(device), DECANT_INTERNAL);
    assert_int_equal(dcn_device_check(device), DECANT_OK);

    device->class->memory_destroy(device, scratch);
    device->class->memory_destroy(device, output);
    for (int i = 0; i < 2; i++)
        device->class->memory_destroy(device, inputs[i]);
    kernel->destroy(kernel);
    dcn_device_close(device);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_failing_primitive_is_told)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
