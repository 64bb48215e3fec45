/* Winograd's algorithm on bf16, beyond right numbers (tests/conformance has those): where it is chosen, and that its
 * results repeat bit for bit. Skipped on processors whose dot products of bf16 are not fast, and where AMX is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "narrow.h"

/* A 3x3 convolution on square maps of bf16, with a bias. */
typedef struct conv_sizes {
    int64_t batch, in, out, size, stride;
} conv_sizes;

static dcn_op_call conv_call(decant_op op, conv_sizes of)
{
    const int64_t out_size = (of.size - 1) / of.stride + 1;
    const dcn_tensor_desc x = {DECANT_BF16, {4, {of.batch, of.in, of.size, of.size}}, DCN_LAYOUT_PLAIN};
    const dcn_tensor_desc y = {DECANT_BF16, {4, {of.batch, of.out, out_size, out_size}}, DCN_LAYOUT_PLAIN};
    dcn_tensor_desc weight = {DECANT_BF16, {4, {of.out, of.in, 3, 3}}, DCN_LAYOUT_PLAIN};
    dcn_tensor_desc bias = {DECANT_F32, {1, {of.out}}, DCN_LAYOUT_PLAIN};
    dcn_op_call call = {.op = op, .n_inputs = 2, .n_outputs = 1, .input = {x, weight}, .output = {y}};
    call.attrs.conv = (dcn_conv_attrs){.channels = of.out,
                                       .kernel = {3, 3},
                                       .stride = {of.stride, of.stride},
                                       .padding = {1, 1},
                                       .dilation = {1, 1},
                                       .groups = 1,
                                       .in_hw = {of.size, of.size}};
    if (op == DECANT_OP_CONV2D_GRAD_INPUT) {
        call.input[0] = y;
        call.output[0] = x;
    } else if (op == DECANT_OP_CONV2D_GRAD_WEIGHT) {
        weight.dtype = DECANT_F32;
        call.input[1] = y;
        call.output[0] = weight;
        call.output[1] = bias;
        call.n_outputs = 2;
        call.attrs.conv.bias = true;
    }
    for (int32_t i = 0; i < call.n_outputs; i++)
        call.output[i].layout = DCN_LAYOUT_ANY;
    return call;
}

static bool is_chosen(dcn_device *device, decant_op op, conv_sizes of)
{
    dcn_op_call call = conv_call(op, of);
    dcn_kernel *kernel = NULL;
    require(device->class->compile(device, &call, &kernel));
    bool chosen = strncmp(kernel->name, "winograd:", strlen("winograd:")) == 0;
    kernel->destroy(kernel);
    return chosen;
}

static const decant_op directions[] = {DECANT_OP_CONV2D, DECANT_OP_CONV2D_GRAD_INPUT, DECANT_OP_CONV2D_GRAD_WEIGHT};

/* Breaks when the fast kernel is lost for shapes that it is made for, or taken where it has no room. */
static void it_is_chosen_by_shape(void **state)
{
    (void)state;
    if (!has_fast_dots()) skip();
    dcn_device *device = open_cpu(2);
    for (size_t i = 0; i < DCN_COUNT(directions); i++) {
        assert_true(is_chosen(device, directions[i], (conv_sizes){64, 128, 64, 32, 1}));
        assert_true(is_chosen(device, directions[i], (conv_sizes){64, 32, 32, 14, 1}));
        assert_false(is_chosen(device, directions[i], (conv_sizes){64, 128, 64, 32, 2}));
        assert_false(is_chosen(device, directions[i], (conv_sizes){64, 24, 40, 14, 1})); /* no whole vectors */
        const bool to_weight = directions[i] == DECANT_OP_CONV2D_GRAD_WEIGHT;
        assert_true(is_chosen(device, directions[i], (conv_sizes){64, 16, 16, 16, 1}) == to_weight);
        assert_true(is_chosen(device, directions[i], (conv_sizes){64, 48, 48, 16, 1}) == to_weight);
        assert_false(is_chosen(device, directions[i], (conv_sizes){64, 112, 112, 14, 1})); /* small blocks only */
        assert_false(is_chosen(device, directions[i], (conv_sizes){64, 64, 64, 1, 1})); /* all but one output unused */
        assert_false(is_chosen(device, directions[i], (conv_sizes){1, 64, 64, 4, 1}));  /* too few tiles */
    }
    dcn_device_close(device);
}

static outcome run(dcn_device *device, decant_op op, conv_sizes of)
{
    outcome made = {{NULL}, {0}};
    dcn_op_call call = conv_call(op, of);
    dcn_kernel *kernel = NULL;
    require(device->class->compile(device, &call, &kernel));
    assert_int_equal(strncmp(kernel->name, "winograd:", strlen("winograd:")), 0);
    void *inputs[2], *scratch = NULL;
    for (int i = 0; i < 2; i++) {
        size_t bytes;
        inputs[i] = take(device, &call.input[i], &bytes);
        dcn_random random = dcn_random_start(3, DCN_PURPOSE_TEST, 0, (uint32_t)i);
        for (size_t k = 0; k < bytes / sizeof(dcn_bf16); k++)
            ((dcn_bf16 *)inputs[i])[k] = dcn_bf16_round((float)(dcn_random_uniform(&random) * 2 - 0.9));
    }
    for (int32_t i = 0; i < call.n_outputs; i++)
        made.output[i] = take(device, &call.output[i], &made.bytes[i]);
    require(device->class->memory_create(device, kernel->scratch_bytes, &scratch));
    kernel->run(kernel, inputs, made.output, scratch);
    device->class->memory_destroy(device, scratch);
    for (int i = 0; i < 2; i++)
        device->class->memory_destroy(device, inputs[i]);
    kernel->destroy(kernel);
    return made;
}

static void compare_and_finish(dcn_device *const *devices, outcome *a, outcome *b)
{
    for (int i = 0; i < 2; i++) {
        if (a->output[i] == NULL) continue;
        assert_memory_equal(a->output[i], b->output[i], a->bytes[i]);
        devices[0]->class->memory_destroy(devices[0], a->output[i]);
        devices[1]->class->memory_destroy(devices[1], b->output[i]);
    }
}

/* Breaks when threads' tiles overlap or leave something out, or when a sum depends on who comes first. Weights'
 * gradients are split by the number of threads where there are fewer blocks of channels: they repeat for one number. */
static void results_repeat(void **state)
{
    (void)state;
    if (!has_fast_dots()) skip();
    const conv_sizes sizes[] = {{7, 32, 64, 11, 1}, {5, 64, 32, 9, 1},  {4, 160, 96, 10, 1},
                                {7, 16, 48, 12, 1}, {6, 144, 16, 9, 1}, {5, 48, 48, 10, 1}};
    for (size_t i = 0; i < DCN_COUNT(sizes); i++)
        for (size_t d = 0; d < DCN_COUNT(directions); d++)
            for (int32_t threads = 1; threads <= 3; threads++) {
                bool to_weight = directions[d] == DECANT_OP_CONV2D_GRAD_WEIGHT;
                if (sizes[i].in % 32 != 0 && !to_weight) continue;
                dcn_device *devices[2] = {open_cpu(to_weight ? threads : 1), open_cpu(threads)};
                outcome first = run(devices[0], directions[d], sizes[i]);
                outcome second = run(devices[1], directions[d], sizes[i]);
                compare_and_finish(devices, &first, &second);
                dcn_device_close(devices[0]);
                dcn_device_close(devices[1]);
            }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_chosen_by_shape),
        cmocka_unit_test(results_repeat),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
