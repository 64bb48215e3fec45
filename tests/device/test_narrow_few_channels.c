/* Convolutions of few channels on bf16, beyond right numbers (tests/conformance has those): where our own kernel is
 * chosen, and that its results are the same for any number of threads. Skipped where dot products of bf16 are not fast,
 * and where AMX is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "narrow.h"

/* A 3x3 convolution on square maps of bf16, with a bias. */
typedef struct conv_sizes {
    int64_t batch, in, out, size;
    int64_t dilation;
} conv_sizes;

static dcn_op_call conv_call(decant_op op, conv_sizes of)
{
    const dcn_tensor_desc x = {DECANT_BF16, {4, {of.batch, of.in, of.size, of.size}}, DCN_LAYOUT_PLAIN};
    const dcn_tensor_desc y = {DECANT_BF16, {4, {of.batch, of.out, of.size, of.size}}, DCN_LAYOUT_ANY};
    dcn_tensor_desc weight = {DECANT_BF16, {4, {of.out, of.in, 3, 3}}, DCN_LAYOUT_PLAIN};
    const dcn_tensor_desc bias = {DECANT_F32, {1, {of.out}}, DCN_LAYOUT_PLAIN};
    dcn_op_call call = {.op = op, .n_inputs = 3, .n_outputs = 1, .input = {x, weight, bias}, .output = {y}};
    call.attrs.conv = (dcn_conv_attrs){.channels = of.out,
                                       .kernel = {3, 3},
                                       .stride = {1, 1},
                                       .padding = {of.dilation, of.dilation},
                                       .dilation = {of.dilation, of.dilation},
                                       .groups = 1,
                                       .bias = true,
                                       .in_hw = {of.size, of.size}};
    if (op == DECANT_OP_CONV2D) return call;
    weight.dtype = DECANT_F32;
    call.input[1] = y;
    call.input[1].layout = DCN_LAYOUT_PLAIN;
    call.output[0] = weight;
    call.output[1] = bias;
    call.n_inputs = call.n_outputs = 2;
    return call;
}

static const decant_op directions[] = {DECANT_OP_CONV2D, DECANT_OP_CONV2D_GRAD_WEIGHT};

static bool is_chosen(dcn_device *device, decant_op op, conv_sizes of)
{
    dcn_op_call call = conv_call(op, of);
    dcn_kernel *kernel = NULL;
    require(device->class->compile(device, &call, &kernel));
    bool chosen = strncmp(kernel->name, "loop:", strlen("loop:")) == 0;
    kernel->destroy(kernel);
    return chosen;
}

/* Breaks when the fast kernel is lost for shapes that it is made for, or taken where it has no place. */
static void it_is_chosen_by_shape(void **state)
{
    (void)state;
    if (!has_fast_dots()) skip();
    dcn_device *device = open_cpu(2);
    for (size_t i = 0; i < DCN_COUNT(directions); i++) {
        assert_true(is_chosen(device, directions[i], (conv_sizes){64, 3, 16, 32, 1}));
        assert_true(is_chosen(device, directions[i], (conv_sizes){1, 4, 128, 14, 1}));
        assert_false(is_chosen(device, directions[i], (conv_sizes){64, 3, 24, 32, 1})); /* no whole vectors */
        assert_false(is_chosen(device, directions[i], (conv_sizes){64, 5, 16, 32, 1})); /* enough channels */
        assert_false(is_chosen(device, directions[i], (conv_sizes){64, 3, 16, 32, 2})); /* dilated */
    }
    dcn_device_close(device);
}

static void fill(void *memory, const dcn_tensor_desc *desc, size_t bytes, uint32_t stream)
{
    dcn_random random = dcn_random_start(3, DCN_PURPOSE_TEST, 0, stream);
    for (size_t k = 0; k < bytes / decant_dtype_size(desc->dtype); k++) {
        float value = (float)(dcn_random_uniform(&random) * 2 - 0.9);
        if (desc->dtype == DECANT_BF16)
            ((dcn_bf16 *)memory)[k] = dcn_bf16_round(value);
        else
            ((float *)memory)[k] = value;
    }
}

static outcome run(dcn_device *device, decant_op op, conv_sizes of)
{
    outcome made = {{NULL}, {0}};
    dcn_op_call call = conv_call(op, of);
    dcn_kernel *kernel = NULL;
    void *inputs[3], *scratch = NULL;
    require(device->class->compile(device, &call, &kernel));
    for (int32_t i = 0; i < call.n_inputs; i++) {
        size_t bytes;
        inputs[i] = take(device, &call.input[i], &bytes);
        fill(inputs[i], &call.input[i], bytes, (uint32_t)i);
    }
    for (int32_t i = 0; i < call.n_outputs; i++)
        made.output[i] = take(device, &call.output[i], &made.bytes[i]);
    require(device->class->memory_create(device, kernel->scratch_bytes, &scratch));
    memset(scratch, 0xff, kernel->scratch_bytes); /* NaN: nothing may be read before it is written */
    kernel->run(kernel, inputs, made.output, scratch);
    device->class->memory_destroy(device, scratch);
    for (int32_t i = 0; i < call.n_inputs; i++)
        device->class->memory_destroy(device, inputs[i]);
    kernel->destroy(kernel);
    return made;
}

/* Breaks when threads' samples or rows overlap or leave something out, when a sum is split by the number of threads, or
 * when scratch memory is read that was not written. */
static void results_do_not_depend_on_threads(void **state)
{
    (void)state;
    if (!has_fast_dots()) skip();
    const conv_sizes sizes[] = {{37, 3, 48, 20, 1}, {5, 1, 16, 31, 1}, {3, 4, 80, 17, 1}};
    for (size_t i = 0; i < DCN_COUNT(sizes); i++)
        for (size_t d = 0; d < DCN_COUNT(directions); d++)
            for (int32_t threads = 1; threads <= 3; threads++) {
                dcn_device *devices[2] = {open_cpu(1), open_cpu(threads)};
                outcome made[2];
                for (int k = 0; k < 2; k++)
                    made[k] = run(devices[k], directions[d], sizes[i]);
                for (int out = 0; out < 2 && made[0].output[out]; out++) {
                    assert_memory_equal(made[0].output[out], made[1].output[out], made[0].bytes[out]);
                    for (int k = 0; k < 2; k++)
                        devices[k]->class->memory_destroy(devices[k], made[k].output[out]);
                }
                for (int k = 0; k < 2; k++)
                    dcn_device_close(devices[k]);
            }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_chosen_by_shape),
        cmocka_unit_test(results_do_not_depend_on_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
