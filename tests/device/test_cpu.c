/* What the cpu device promises beyond right numbers (tests/conformance has those): results that do not depend on
 * threads or on the calling thread, work big enough to be split, no allocation at run, layouts, refusals, and clean
 * failure when memory runs out. */
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
#include "decant/status.h"
#include "device/device.h"
#include "tensor/bf16.h"

/* One call with its tensors on one device, in the layouts that the kernel chose. */
typedef struct fixture {
    dcn_device *device;
    dcn_op_call call;
    dcn_kernel *kernel;
    void *inputs[DCN_MAX_INPUTS], *outputs[DCN_MAX_OUTPUTS], *scratch;
} fixture;

static void require(decant_status status)
{
    if (status != DECANT_OK) fail_msg("%s", decant_error_message());
}

static dcn_device *open_cpu(int32_t threads, const char *isa)
{
    dcn_device_options options = {.threads = threads, .isa = isa};
    dcn_device *device = NULL;
    require(dcn_device_open("cpu", &options, &device));
    return device;
}

static void *take(dcn_device *device, size_t bytes)
{
    void *memory = NULL;
    require(device->class->memory_create(device, bytes + 1, &memory));
    return memory;
}

/* Numbers that do not depend on the layout of the tensor they go to, with a mean that is not 0. */
static void fill_plain(float *values, int64_t count, uint32_t which)
{
    dcn_random random = dcn_random_start(7, DCN_PURPOSE_TEST, 0, which);
    for (int64_t i = 0; i < count; i++)
        values[i] = (float)(dcn_random_uniform(&random) * 2.0 - 0.9);
}

static void reorder(dcn_device *device, const dcn_tensor_desc *from, const dcn_tensor_desc *to, void *source,
                    void *target)
{
    dcn_kernel *kernel = NULL;
    require(device->class->compile_reorder(device, from, to, &kernel));
    void *scratch = take(device, kernel->scratch_bytes);
    kernel->run(kernel, &source, &target, scratch);
    kernel->destroy(kernel);
    device->class->memory_destroy(device, scratch);
}

static void fill_input(fixture *made, int32_t index)
{
    dcn_device *device = made->device;
    dcn_tensor_desc lies = made->call.input[index], plain = lies;
    if (lies.dtype != DECANT_F32) return; /* labels, counters and indices are all 0 */
    plain.layout = DCN_LAYOUT_PLAIN;
    void *values = take(device, device->class->layout_bytes(device, &plain));
    fill_plain(values, decant_shape_count(&lies.shape), (uint32_t)index);
    if (lies.layout == plain.layout)
        memcpy(made->inputs[index], values, device->class->layout_bytes(device, &plain));
    else
        reorder(device, &plain, &lies, values, made->inputs[index]);
    device->class->memory_destroy(device, values);
}

/* Compiles and fills; 4-D inputs exist as `map_layout` says. */
static fixture fixture_make(dcn_device *device, const dcn_op_call *call, dcn_layout map_layout)
{
    fixture made = {.device = device, .call = *call};
    for (int32_t i = 0; i < call->n_inputs; i++)
        made.call.input[i].layout = i == 0 && call->input[i].shape.rank == 4 ? map_layout : DCN_LAYOUT_PLAIN;
    for (int32_t i = 0; i < call->n_outputs; i++)
        made.call.output[i].layout = DCN_LAYOUT_ANY;
    require(device->class->compile(device, &made.call, &made.kernel));
    for (int32_t i = 0; i < call->n_inputs; i++) {
        made.inputs[i] = take(device, device->class->layout_bytes(device, &made.call.input[i]));
        fill_input(&made, i);
    }
    for (int32_t i = 0; i < call->n_outputs; i++)
        made.outputs[i] = take(device, device->class->layout_bytes(device, &made.call.output[i]));
    made.scratch = take(device, made.kernel->scratch_bytes);
    return made;
}

static void fixture_run(const fixture *made)
{
    made->kernel->run(made->kernel, made->inputs, made->outputs, made->scratch);
}

static void fixture_finish(fixture *made)
{
    dcn_device *device = made->device;
    for (int32_t i = 0; i < made->call.n_inputs; i++)
        device->class->memory_destroy(device, made->inputs[i]);
    for (int32_t i = 0; i < made->call.n_outputs; i++)
        device->class->memory_destroy(device, made->outputs[i]);
    device->class->memory_destroy(device, made->scratch);
    made->kernel->destroy(made->kernel);
}

static size_t output_bytes(const fixture *made, int32_t index)
{
    return made->device->class->layout_bytes(made->device, &made->call.output[index]);
}

/* --- calls --- */

static dcn_tensor_desc map_desc(int64_t batch, int64_t channels, int64_t size)
{
    return (dcn_tensor_desc){DECANT_F32, {4, {batch, channels, size, size}}, DCN_LAYOUT_PLAIN};
}

static dcn_tensor_desc vector_desc(int64_t count)
{
    return (dcn_tensor_desc){DECANT_F32, {1, {count}}, DCN_LAYOUT_PLAIN};
}

static dcn_op_call norm_call(decant_op op, int64_t batch, int64_t channels, int64_t size)
{
    dcn_tensor_desc x = map_desc(batch, channels, size), v = vector_desc(channels);
    dcn_op_call call = {.op = op, .n_inputs = 5, .n_outputs = 3, .input = {x, v, v, v, v}, .output = {x, v, v}};
    if (op == DECANT_OP_BATCHNORM_GRAD) {
        call.n_inputs = 6;
        call.input[1] = x;
        call.input[5] = v;
    }
    call.attrs.norm = (dcn_norm_attrs){1e-5, 0.1, DCN_ACTIVATION_RELU, false};
    return call;
}

/* The same with a maximum behind: y is half as high and wide. */
static dcn_op_call pooled_norm_call(decant_op op, int64_t batch, int64_t channels, int64_t size)
{
    dcn_op_call call = norm_call(op, batch, channels, size);
    dcn_tensor_desc *y = op == DECANT_OP_BATCHNORM_GRAD ? &call.input[0] : &call.output[0];
    call.attrs.norm.pools = true;
    y->shape.dim[2] = y->shape.dim[3] = size / 2;
    return call;
}

static dcn_op_call grad_norm_call(int64_t count)
{
    return (dcn_op_call){.op = DECANT_OP_GRAD_NORM,
                         .n_inputs = 1,
                         .n_outputs = 1,
                         .input = {vector_desc(count)},
                         .output = {vector_desc(1)}};
}

static dcn_op_call ce_call(int64_t rows, int64_t classes)
{
    dcn_tensor_desc logits = {DECANT_F32, {2, {rows, classes}}, DCN_LAYOUT_PLAIN};
    dcn_tensor_desc labels = {DECANT_I32, {1, {rows}}, DCN_LAYOUT_PLAIN};
    dcn_op_call call = {.op = DECANT_OP_LOSS_CE,
                        .n_inputs = 2,
                        .n_outputs = 2,
                        .input = {logits, labels},
                        .output = {vector_desc(1), logits}};
    call.attrs.loss.weight = 1.0;
    return call;
}

static dcn_op_call dropout_call(int64_t batch, int64_t channels, int64_t size)
{
    dcn_tensor_desc x = map_desc(batch, channels, size), counter = {DECANT_I64, {1, {2}}, DCN_LAYOUT_PLAIN};
    dcn_op_call call = {.op = DECANT_OP_DROPOUT, .n_inputs = 2, .n_outputs = 1, .input = {x, counter}, .output = {x}};
    call.attrs.dropout = (dcn_dropout_attrs){0.3, 5};
    return call;
}

static dcn_op_call conv_call(decant_op op, int64_t batch, int64_t in, int64_t out, int64_t size, int64_t kernel)
{
    dcn_tensor_desc x = map_desc(batch, in, size), y = map_desc(batch, out, size);
    dcn_tensor_desc w = {DECANT_F32, {4, {out, in, kernel, kernel}}, DCN_LAYOUT_PLAIN};
    dcn_op_call call = {.op = op, .n_inputs = 2, .n_outputs = 1};
    call.attrs.conv = (dcn_conv_attrs){.channels = out,
                                       .kernel = {kernel, kernel},
                                       .stride = {1, 1},
                                       .padding = {kernel / 2, kernel / 2},
                                       .dilation = {1, 1},
                                       .groups = 1,
                                       .in_hw = {size, size}};
    call.input[0] = op == DECANT_OP_CONV2D_GRAD_INPUT ? y : x;
    call.input[1] = op == DECANT_OP_CONV2D_GRAD_WEIGHT ? y : w;
    call.output[0] = op == DECANT_OP_CONV2D ? y : op == DECANT_OP_CONV2D_GRAD_INPUT ? x : w;
    return call;
}

/* One input and one output, of other sizes. */
static dcn_op_call map_call(decant_op op, dcn_tensor_desc x, dcn_tensor_desc y)
{
    return (dcn_op_call){.op = op, .n_inputs = 1, .n_outputs = 1, .input = {x}, .output = {y}};
}

static dcn_op_call pool_call(decant_op op)
{
    dcn_tensor_desc x = map_desc(8, 40, 32), y = map_desc(8, 40, 16);
    bool backward = op == DECANT_OP_AVGPOOL_GRAD || op == DECANT_OP_MAXPOOL_GRAD;
    dcn_op_call call = backward ? map_call(op, y, x) : map_call(op, x, y);
    call.attrs.pool = (dcn_pool_attrs){
        .kernel = {3, 3}, .stride = {2, 2}, .padding = {1, 1}, .count_include_pad = true, .in_hw = {32, 32}};
    if (op == DECANT_OP_MAXPOOL) {
        call.n_outputs = 2;
        call.output[1] = y;
        call.output[1].dtype = DECANT_I32;
    } else if (op == DECANT_OP_MAXPOOL_GRAD) {
        call.n_inputs = 2;
        call.input[1] = y;
        call.input[1].dtype = DECANT_I32;
    }
    return call;
}

static dcn_op_call adam_call(int64_t count)
{
    dcn_tensor_desc block = vector_desc(count);
    dcn_op_call call = {.op = DECANT_OP_ADAM_UPDATE,
                        .n_inputs = 5,
                        .input = {block, block, block, block, vector_desc(DCN_HYPER_COUNT)}};
    return call;
}

static dcn_op_call pad_channels_call(void)
{
    dcn_op_call call = map_call(DECANT_OP_PAD_CHANNELS, map_desc(16, 20, 30), map_desc(16, 40, 15));
    call.attrs.pad_channels = (dcn_pad_channels_attrs){.stride = 2, .before = 10, .after = 10};
    return call;
}

static dcn_op_call concat_call(void)
{
    dcn_op_call call = map_call(DECANT_OP_CONCAT, map_desc(16, 20, 15), map_desc(16, 33, 15));
    call.n_inputs = 2;
    call.input[1] = map_desc(16, 13, 15);
    call.attrs.axis.axis = 1;
    return call;
}

/* --- tests --- */

static void check_threads(const dcn_op_call *call)
{
    dcn_device *devices[3] = {open_cpu(1, NULL), open_cpu(2, NULL), open_cpu(3, NULL)};
    fixture runs[3];
    for (int k = 0; k < 3; k++) {
        runs[k] = fixture_make(devices[k], call, DCN_LAYOUT_PLAIN);
        fixture_run(&runs[k]);
    }
    for (int k = 1; k < 3; k++) {
        for (int32_t out = 0; out < call->n_outputs; out++)
            assert_memory_equal(runs[0].outputs[out], runs[k].outputs[out], output_bytes(&runs[0], out));
        for (int32_t in = 0; in < call->n_inputs; in++) /* some ops work in place */
            assert_memory_equal(runs[0].inputs[in], runs[k].inputs[in],
                                devices[0]->class->layout_bytes(devices[0], &runs[0].call.input[in]));
    }
    for (int k = 0; k < 3; k++) {
        fixture_finish(&runs[k]);
        dcn_device_close(devices[k]);
    }
}

/* Breaks when a sum is split by the number of threads instead of by the shape, or when the ranges of threads overlap or
 * leave something out. Every case is big enough to be split. */
static void results_do_not_depend_on_threads(void **state)
{
    (void)state;
    const dcn_op_call calls[] = {
        norm_call(DECANT_OP_BATCHNORM_TRAIN, 16, 48, 15),
        norm_call(DECANT_OP_BATCHNORM_GRAD, 16, 3, 61),
        norm_call(DECANT_OP_BATCHNORM_TRAIN, 64, 300, 2),
        pooled_norm_call(DECANT_OP_BATCHNORM_TRAIN, 16, 20, 14),
        pooled_norm_call(DECANT_OP_BATCHNORM_GRAD, 17, 20, 14),
        grad_norm_call(300001),
        ce_call(4096, 10),
        dropout_call(9, 37, 18),
        pool_call(DECANT_OP_MAXPOOL),
        pool_call(DECANT_OP_MAXPOOL_GRAD),
        pool_call(DECANT_OP_AVGPOOL),
        pool_call(DECANT_OP_AVGPOOL_GRAD),
        map_call(DECANT_OP_GELU, vector_desc(100003), vector_desc(100003)),
        map_call(DECANT_OP_SOFTMAX, (dcn_tensor_desc){DECANT_F32, {2, {1001, 100}}, 0},
                 (dcn_tensor_desc){DECANT_F32, {2, {1001, 100}}, 0}),
        adam_call(100003),
        pad_channels_call(),
        concat_call(),
        conv_call(DECANT_OP_CONV2D, 70, 72, 88, 2, 3), /* in panels */
        conv_call(DECANT_OP_CONV2D_GRAD_INPUT, 70, 72, 88, 2, 3),
        conv_call(DECANT_OP_CONV2D_GRAD_WEIGHT, 70, 72, 88, 2, 3),
        conv_call(DECANT_OP_CONV2D_GRAD_WEIGHT, 40, 88, 70, 4, 1),
        conv_call(DECANT_OP_CONV2D, 5, 3, 48, 30, 3), /* of few channels: rows of samples, whole samples */
        conv_call(DECANT_OP_CONV2D, 37, 3, 48, 20, 3),
        conv_call(DECANT_OP_CONV2D_GRAD_WEIGHT, 37, 3, 48, 20, 3),
    };
    for (size_t i = 0; i < DCN_COUNT(calls); i++)
        check_threads(&calls[i]);
}

/* Breaks when the shift that the variance is taken about is left out: a mean of 1000 with a spread of 1 loses every
 * digit of a plain single precision sum of squares. */
static void variance_survives_a_large_mean(void **state)
{
    (void)state;
    dcn_device *device = open_cpu(2, NULL);
    dcn_op_call call = norm_call(DECANT_OP_BATCHNORM_TRAIN, 64, 16, 28);
    fixture made = fixture_make(device, &call, DCN_LAYOUT_PLAIN);
    int64_t pixels = 64 * 28 * 28;
    double sum = 0.0, square = 0.0;
    float *x = made.inputs[0];
    for (int64_t i = 0; i < pixels * 16; i++)
        x[i] = x[i] * 2.0F + 1000.0F;
    for (int64_t i = 0; i < pixels; i++)
        sum += (double)x[i * 16 + 3];
    for (int64_t i = 0; i < pixels; i++)
        square += pow((double)x[i * 16 + 3] - sum / (double)pixels, 2.0);
    fixture_run(&made);
    double expected = 1.0 / sqrt(square / (double)pixels + 1e-5);
    assert_true(fabs((double)((float *)made.outputs[2])[3] - expected) < 1e-5 * expected);
    fixture_finish(&made);
    dcn_device_close(device);
}

/* Breaks when the mask is drawn in memory order: plain and NHWC must drop the same elements. 7x7 maps do not fill
 * blocks of four. */
static void dropout_mask_is_logical(void **state)
{
    (void)state;
    const int64_t sizes[] = {4, 7, 16};
    dcn_device *device = open_cpu(2, NULL);
    for (size_t i = 0; i < DCN_COUNT(sizes); i++) {
        dcn_op_call call = dropout_call(9, 37, sizes[i]);
        dcn_op_call probe = conv_call(DECANT_OP_CONV2D, 9, 37, 37, sizes[i], 3);
        fixture conv = fixture_make(device, &probe, DCN_LAYOUT_PLAIN);
        dcn_layout map_layout = conv.call.output[0].layout;
        assert_int_not_equal(map_layout, DCN_LAYOUT_PLAIN);
        fixture plain = fixture_make(device, &call, DCN_LAYOUT_PLAIN), mapped = fixture_make(device, &call, map_layout);
        assert_int_equal(plain.call.output[0].layout, DCN_LAYOUT_PLAIN);
        assert_int_equal(mapped.call.output[0].layout, map_layout);
        fixture_run(&plain);
        fixture_run(&mapped);
        void *back = take(device, output_bytes(&plain, 0));
        reorder(device, &mapped.call.output[0], &plain.call.output[0], mapped.outputs[0], back);
        assert_memory_equal(back, plain.outputs[0], output_bytes(&plain, 0));
        int64_t zeros = 0, count = decant_shape_count(&call.input[0].shape);
        for (int64_t k = 0; k < count; k++)
            zeros += ((const float *)back)[k] == 0.0F;
        assert_true(fabs((double)zeros / (double)count - 0.3) < 0.03);
        device->class->memory_destroy(device, back);
        fixture_finish(&mapped);
        fixture_finish(&plain);
        fixture_finish(&conv);
    }
    dcn_device_close(device);
}

static void *run_there(void *made)
{
    fixture_run(made);
    return NULL;
}

/* Breaks when a kernel relies on OpenMP settings of the thread that opened the device. */
static void kernels_run_on_any_thread(void **state)
{
    (void)state;
    const dcn_op_call calls[] = {conv_call(DECANT_OP_CONV2D, 4, 16, 24, 17, 3),
                                 conv_call(DECANT_OP_CONV2D_GRAD_WEIGHT, 4, 16, 24, 17, 3),
                                 norm_call(DECANT_OP_BATCHNORM_TRAIN, 16, 48, 15)};
    for (int32_t threads = 1; threads <= 2; threads++) {
        dcn_device *device = open_cpu(threads, NULL);
        for (size_t i = 0; i < DCN_COUNT(calls); i++) {
            fixture here = fixture_make(device, &calls[i], DCN_LAYOUT_PLAIN),
                    there = fixture_make(device, &calls[i], DCN_LAYOUT_PLAIN);
            fixture_run(&here);
            pthread_t thread;
            assert_int_equal(pthread_create(&thread, NULL, run_there, &there), 0);
            pthread_join(thread, NULL);
            assert_memory_equal(here.outputs[0], there.outputs[0], output_bytes(&here, 0));
            fixture_finish(&there);
            fixture_finish(&here);
        }
        dcn_device_close(device);
    }
}

/* Breaks when a kernel takes memory of ours at run. */
static void running_takes_no_memory(void **state)
{
    (void)state;
    const dcn_op_call calls[] = {conv_call(DECANT_OP_CONV2D, 4, 16, 24, 17, 3),
                                 conv_call(DECANT_OP_CONV2D, 4, 64, 512, 2, 1),
                                 norm_call(DECANT_OP_BATCHNORM_GRAD, 16, 48, 15),
                                 grad_norm_call(300001),
                                 ce_call(64, 10),
                                 dropout_call(8, 16, 16)};
    dcn_device *device = open_cpu(2, NULL);
    for (size_t i = 0; i < DCN_COUNT(calls); i++) {
        fixture made = fixture_make(device, &calls[i], DCN_LAYOUT_PLAIN);
        int64_t before = dcn_memory_allocation_count();
        fixture_run(&made);
        fixture_run(&made);
        assert_int_equal(dcn_memory_allocation_count(), before);
        fixture_finish(&made);
    }
    dcn_device_close(device);
}

/* Breaks when a map that is the same bytes in plain and NHWC order gets two layout numbers, and so a reorder. */
static void layouts_of_equal_memory_are_one(void **state)
{
    (void)state;
    const dcn_op_call calls[] = {conv_call(DECANT_OP_CONV2D, 2, 1, 8, 9, 3),
                                 conv_call(DECANT_OP_CONV2D, 2, 64, 64, 1, 3)};
    dcn_device *device = open_cpu(1, NULL);
    for (size_t i = 0; i < DCN_COUNT(calls); i++) {
        fixture made = fixture_make(device, &calls[i], DCN_LAYOUT_PLAIN);
        assert_int_equal(made.call.input[0].layout, DCN_LAYOUT_PLAIN);
        fixture_finish(&made);
    }
    dcn_device_close(device);
}

/* Breaks when the three directions of a product, or of a convolution on small maps, stop sharing one weight layout. */
static void products_share_a_weight_layout(void **state)
{
    (void)state;
    dcn_device *device = open_cpu(2, NULL);
    dcn_op_call call = conv_call(DECANT_OP_CONV2D, 16, 256, 128, 2, 1);
    fixture forward = fixture_make(device, &call, DCN_LAYOUT_PLAIN);
    dcn_layout layout = forward.call.input[1].layout;

    dcn_op_call back = conv_call(DECANT_OP_CONV2D_GRAD_INPUT, 16, 256, 128, 2, 1);
    dcn_kernel *kernel = NULL;
    back.input[1].layout = layout;
    back.output[0].layout = DCN_LAYOUT_ANY;
    require(device->class->compile(device, &back, &kernel));
    assert_int_equal(back.input[1].layout, layout);
    kernel->destroy(kernel);

    dcn_op_call gradient = conv_call(DECANT_OP_CONV2D_GRAD_WEIGHT, 16, 256, 128, 2, 1);
    gradient.output[0].layout = layout;
    require(device->class->compile(device, &gradient, &kernel));
    assert_int_equal(gradient.output[0].layout, layout);
    kernel->destroy(kernel);
    fixture_finish(&forward);
    dcn_device_close(device);
}

/* The layout of tensor `index` (an output where `of_output`) of a bf16 linear layer's product. */
static dcn_layout linear_layout(dcn_device *device, decant_op op, const decant_shape *weight, bool of_output)
{
    decant_shape x = {2, {8, weight->dim[1]}}, y = {2, {8, weight->dim[0]}};
    bool forward = op == DECANT_OP_LINEAR;
    dcn_op_call call = {.op = op, .attrs.linear = {.features = weight->dim[0]}, .n_inputs = 2, .n_outputs = 1};
    call.input[0] = (dcn_tensor_desc){DECANT_BF16, x, DCN_LAYOUT_PLAIN};
    call.input[1] = (dcn_tensor_desc){DECANT_BF16, forward ? *weight : y, DCN_LAYOUT_PLAIN};
    call.output[0] = forward ? (dcn_tensor_desc){DECANT_BF16, y, DCN_LAYOUT_ANY}
                             : (dcn_tensor_desc){DECANT_F32, *weight, DCN_LAYOUT_ANY};
    dcn_kernel *kernel = NULL;
    require(device->class->compile(device, &call, &kernel));
    kernel->destroy(kernel);
    return of_output ? call.output[0].layout : call.input[1].layout;
}

/* Breaks when a weight that lies as its gradient is made comes to a bf16 product in another order, or rounded otherwise
 * than everywhere: padded blocks, and numbers without a neighbour. */
static void weights_are_rounded_in_place(void **state)
{
    (void)state;
    static const int64_t sizes[][2] = {{64, 32}, {70, 37}, {10, 49}, {130, 33}};
    const float odd[] = {INFINITY, -INFINITY, NAN, -0.0F, 3.4e38F, 1.00390625F, 1.01171875F};
    dcn_device *device = open_cpu(2, NULL);
    for (size_t i = 0; i < DCN_COUNT(sizes); i++) {
        const decant_shape shape = {2, {sizes[i][0], sizes[i][1]}};
        dcn_tensor_desc plain = {DECANT_F32, shape, DCN_LAYOUT_PLAIN}, lies = plain, read = plain, back = plain;
        lies.layout = linear_layout(device, DECANT_OP_LINEAR_GRAD_WEIGHT, &shape, true);
        read.layout = linear_layout(device, DECANT_OP_LINEAR, &shape, false);
        read.dtype = back.dtype = DECANT_BF16;
        int64_t count = decant_shape_count(&shape);
        float *values = take(device, (size_t)count * sizeof *values);
        dcn_bf16 *rounded = take(device, (size_t)count * sizeof *rounded);
        void *master = take(device, device->class->layout_bytes(device, &lies));
        void *copy = take(device, device->class->layout_bytes(device, &read));
        fill_plain(values, count, (uint32_t)i);
        memcpy(values + 40, odd, sizeof odd);

        reorder(device, &plain, &lies, values, master);
        reorder(device, &lies, &read, master, copy);
        reorder(device, &read, &back, copy, rounded);
        for (int64_t k = 0; k < count; k++)
            if (rounded[k] != dcn_bf16_round(values[k]) && !(isnan(values[k]) && isnan(dcn_bf16_widen(rounded[k]))))
                fail_msg("[%lld, %lld] element %lld: %g became %g", (long long)shape.dim[0], (long long)shape.dim[1],
                         (long long)k, (double)values[k], (double)dcn_bf16_widen(rounded[k]));
        device->class->memory_destroy(device, values);
        device->class->memory_destroy(device, rounded);
        device->class->memory_destroy(device, master);
        device->class->memory_destroy(device, copy);
    }
    dcn_device_close(device);
}

/* Breaks when an unknown instruction set falls back silently, f64 is computed in f32, or an index is reordered as
 * numbers. */
static void impossible_requests_are_refused(void **state)
{
    (void)state;
    dcn_device_options options = {.threads = 1, .isa = "mmx"};
    dcn_device *device = NULL;
    assert_int_equal(dcn_device_open("cpu", &options, &device), DECANT_UNSUPPORTED);
    assert_non_null(strstr(decant_error_message(), "mmx"));
    assert_null(device);

    device = open_cpu(1, "baseline");
    assert_non_null(strstr(device->summary, "baseline"));
    dcn_kernel *kernel = NULL;
    dcn_op_call call = {
        .op = DECANT_OP_RELU, .n_inputs = 1, .n_outputs = 1, .input = {vector_desc(4)}, .output = {vector_desc(4)}};
    call.input[0].dtype = call.output[0].dtype = DECANT_F64;
    assert_int_equal(device->class->compile(device, &call, &kernel), DECANT_UNSUPPORTED);
    dcn_tensor_desc from = map_desc(1, 2, 3), to = map_desc(1, 3, 2);
    assert_int_equal(device->class->compile_reorder(device, &from, &to, &kernel), DECANT_INVALID_ARG);
    to = from;
    from.dtype = to.dtype = DECANT_I32;
    assert_int_equal(device->class->compile_reorder(device, &from, &to, &kernel), DECANT_UNSUPPORTED);
    assert_null(kernel);
    dcn_device_close(device);
}

/* Breaks when a failed allocation is not seen, or leaves something behind (the sanitizer build looks for leaks). */
static void running_out_of_memory_is_an_error(void **state)
{
    (void)state;
    dcn_device *device = NULL;
    for (int64_t nth = 1;; nth++) {
        dcn_device_options options = {.threads = 1};
        dcn_memory_fail_nth(nth);
        decant_status status = dcn_device_open("cpu", &options, &device);
        dcn_memory_fail_nth(0);
        if (status == DECANT_OK) break;
        assert_int_equal(status, DECANT_NO_MEMORY);
        assert_null(device);
        assert_true(nth < 100);
    }
    const dcn_op_call calls[] = {conv_call(DECANT_OP_CONV2D, 2, 16, 24, 9, 3),
                                 norm_call(DECANT_OP_BATCHNORM_TRAIN, 2, 4, 3),
                                 conv_call(DECANT_OP_CONV2D_GRAD_WEIGHT, 2, 64, 512, 2, 1), dropout_call(1, 2, 3)};
    for (size_t i = 0; i < DCN_COUNT(calls); i++)
        for (int64_t nth = 1;; nth++) {
            dcn_op_call call = calls[i];
            dcn_kernel *kernel = NULL;
            dcn_memory_fail_nth(nth);
            decant_status status = device->class->compile(device, &call, &kernel);
            dcn_memory_fail_nth(0);
            if (status == DECANT_OK) {
                kernel->destroy(kernel);
                break;
            }
            assert_int_equal(status, DECANT_NO_MEMORY);
            assert_null(kernel);
            assert_true(nth < 100);
        }
    dcn_device_close(device);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(results_do_not_depend_on_threads), cmocka_unit_test(variance_survives_a_large_mean),
        cmocka_unit_test(dropout_mask_is_logical),          cmocka_unit_test(kernels_run_on_any_thread),
        cmocka_unit_test(running_takes_no_memory),          cmocka_unit_test(layouts_of_equal_memory_are_one),
        cmocka_unit_test(products_share_a_weight_layout),   cmocka_unit_test(weights_are_rounded_in_place),
        cmocka_unit_test(impossible_requests_are_refused),  cmocka_unit_test(running_out_of_memory_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
