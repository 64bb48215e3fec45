/* Device side of conformance: guarded device memory, reorders, and the variants in which a case is run. */
#include "conformance/harness.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "decant/status.h"

/* Behind every buffer; a kernel that writes past its end is caught. */
enum { GUARD_BYTES = 64, GUARD = 0xC7, GARBAGE = 0xFF /* as f32: NaN */ };

void require(decant_status status, const char *what)
{
    if (status != DECANT_OK) fail_msg("%s: %s", what, decant_error_message());
}

/* --- device memory --- */

typedef struct device_buffer {
    dcn_tensor_desc desc;
    void *memory;
    size_t bytes;
} device_buffer;

/* A buffer filled with garbage: the engine reuses memory, so kernels may not count on zeros. */
static device_buffer buffer_create(dcn_device *device, const dcn_tensor_desc *desc)
{
    device_buffer made = {*desc, NULL, device->class->layout_bytes(device, desc)};
    require(device->class->memory_create(device, made.bytes + GUARD_BYTES, &made.memory), "taking device memory");
    void *pattern = test_malloc(made.bytes + GUARD_BYTES);
    memset(pattern, GARBAGE, made.bytes);
    memset((char *)pattern + made.bytes, GUARD, GUARD_BYTES);
    require(device->class->upload(device, made.memory, pattern, made.bytes + GUARD_BYTES), "filling device memory");
    test_free(pattern);
    return made;
}

static void buffer_destroy(dcn_device *device, device_buffer *subject)
{
    if (subject->memory == NULL) return;
    unsigned char guard[GUARD_BYTES];
    require(device->class->download(device, guard, (char *)subject->memory + subject->bytes, GUARD_BYTES),
            "reading a guard");
    for (int i = 0; i < GUARD_BYTES; i++)
        if (guard[i] != GUARD) fail_msg("a kernel wrote %d bytes past the end of its tensor", i + 1);
    device->class->memory_destroy(device, subject->memory);
    subject->memory = NULL;
}

static void run_kernel(dcn_device *device, const dcn_kernel *kernel, void *const *inputs, void *const *outputs)
{
    dcn_tensor_desc desc = {DECANT_U8, {1, {(int64_t)kernel->scratch_bytes}}, DCN_LAYOUT_PLAIN};
    device_buffer scratch = buffer_create(device, &desc);
    kernel->run(kernel, inputs, outputs, scratch.memory);
    buffer_destroy(device, &scratch);
}

/* A new buffer with the same values in another layout; the old one goes. */
static void buffer_reorder(dcn_device *device, device_buffer *subject, dcn_layout layout)
{
    if (subject->desc.layout == layout) return;
    dcn_tensor_desc to = subject->desc;
    to.layout = layout;
    device_buffer moved = buffer_create(device, &to);
    dcn_kernel *kernel = NULL;
    require(device->class->compile_reorder(device, &subject->desc, &to, &kernel), "compiling a reorder");
    run_kernel(device, kernel, &subject->memory, &moved.memory);
    kernel->destroy(kernel);
    buffer_destroy(device, subject);
    *subject = moved;
}

static device_buffer buffer_upload(dcn_device *device, const dcn_tensor_desc *desc, const void *data)
{
    dcn_tensor_desc plain = *desc;
    plain.layout = DCN_LAYOUT_PLAIN;
    device_buffer made = buffer_create(device, &plain);
    require(device->class->upload(device, made.memory, data, made.bytes), "uploading");
    return made;
}

/* A copy that is then turned plain and downloaded into memory of ours. */
static void *buffer_download(dcn_device *device, const device_buffer *subject)
{
    dcn_tensor_desc desc = subject->desc;
    device_buffer copy = buffer_create(device, &desc);
    void *bytes = test_malloc(subject->bytes);
    require(device->class->download(device, bytes, subject->memory, subject->bytes), "downloading");
    require(device->class->upload(device, copy.memory, bytes, subject->bytes), "uploading");
    test_free(bytes);
    buffer_reorder(device, &copy, DCN_LAYOUT_PLAIN);
    void *host = test_malloc(copy.bytes);
    require(device->class->download(device, host, copy.memory, copy.bytes), "downloading");
    buffer_destroy(device, &copy);
    return host;
}

/* Blocked layouts pad channels, and the next kernel reads the padding: it has to be zero. Seen by comparing the raw
 * bytes with those that a reorder from plain makes. */
static void check_padding(dcn_device *device, const op_case *test, const device_buffer *subject,
                          const void *plain_values)
{
    size_t logical = (size_t)decant_shape_count(&subject->desc.shape) * decant_dtype_size(subject->desc.dtype);
    if (subject->bytes == logical) return;
    device_buffer fresh = buffer_upload(device, &subject->desc, plain_values);
    buffer_reorder(device, &fresh, subject->desc.layout);
    unsigned char *expected = test_malloc(fresh.bytes), *actual = test_malloc(fresh.bytes);
    require(device->class->download(device, expected, fresh.memory, fresh.bytes), "downloading");
    require(device->class->download(device, actual, subject->memory, subject->bytes), "downloading");
    for (size_t i = 0; i < fresh.bytes; i++)
        if (expected[i] != actual[i])
            fail_msg("%s %s: layout %s has something else than zero in its padding", dcn_op_get(test->call.op)->name,
                     test->label, device->class->layout_name(device, subject->desc.layout));
    test_free(expected);
    test_free(actual);
    buffer_destroy(device, &fresh);
}

/* --- layouts --- */

static void compile(dcn_device *device, const char *label, dcn_op_call *call, dcn_kernel **ret_kernel)
{
    char what[256];
    snprintf(what, sizeof what, "%s: compiling %s %s", device->summary, dcn_op_get(call->op)->name, label);
    dcn_op_call asked = *call;
    require(device->class->compile(device, call, ret_kernel), what);
    for (int32_t i = 0; i < call->n_outputs; i++)
        if (call->output[i].layout == DCN_LAYOUT_ANY) fail_msg("%s left the layout of output %d open", what, i);
    for (int32_t i = 0; i < call->n_inputs; i++) {
        if (call->input[i].layout == DCN_LAYOUT_ANY) fail_msg("%s left the layout of input %d open", what, i);
        assert_true(decant_shape_equal(&asked.input[i].shape, &call->input[i].shape));
    }
}

/* How a convolution of this device writes a map of this shape. */
static dcn_layout map_layout(dcn_device *device, const dcn_tensor_desc *map)
{
    bool narrow = map->dtype == DECANT_BF16;
    if ((map->dtype != DECANT_F32 && !narrow) || map->shape.rank != 4) return DCN_LAYOUT_PLAIN;
    int64_t channels = map->shape.dim[1];
    dcn_op_call call = {.op = DECANT_OP_CONV2D, .n_inputs = 2, .n_outputs = 1};
    call.attrs.conv = (dcn_conv_attrs){
        .channels = channels, .kernel = {3, 3}, .stride = {1, 1}, .padding = {1, 1}, .dilation = {1, 1}, .groups = 1};
    call.input[0] = (dcn_tensor_desc){DECANT_F32, map->shape, DCN_LAYOUT_PLAIN};
    call.input[1] = (dcn_tensor_desc){DECANT_F32, {4, {channels, channels, 3, 3}}, DCN_LAYOUT_PLAIN};
    require(dcn_op_infer(&call), "a convolution that writes the map");
    if (narrow) call.input[0].dtype = call.input[1].dtype = call.output[0].dtype = DECANT_BF16;
    call.output[0].layout = DCN_LAYOUT_ANY;
    dcn_kernel *kernel = NULL;
    compile(device, "that writes the map", &call, &kernel);
    kernel->destroy(kernel);
    return call.output[0].layout;
}

/* How the layer that a gradient belongs to keeps its weights. */
static dcn_layout weight_layout(dcn_device *device, const op_case *test)
{
    dcn_op_call call = test->forward;
    call.output[0].layout = DCN_LAYOUT_ANY;
    dcn_kernel *kernel = NULL;
    compile(device, test->label, &call, &kernel);
    kernel->destroy(kernel);
    return call.input[1].layout;
}

static bool is_weight(const op_case *test, int32_t input)
{
    switch (test->call.op) {
    case DECANT_OP_CONV2D:
    case DECANT_OP_LINEAR:
    case DECANT_OP_CONV2D_GRAD_INPUT:
    case DECANT_OP_LINEAR_GRAD_INPUT:
        return input == 1;
    default:
        return false;
    }
}

static dcn_layout native_layout(dcn_device *device, const op_case *test, int32_t input)
{
    if (!is_weight(test, input)) return map_layout(device, &test->call.input[input]);
    return test->forward.n_inputs > 0 ? weight_layout(device, test) : DCN_LAYOUT_PLAIN;
}

/* Sets the layouts before compiling. False when all of them are plain although the variant is not about that. */
static bool choose_layouts(dcn_device *device, const op_case *test, run_variant variant, dcn_op_call *call)
{
    bool any_native = false;
    for (int32_t i = 0; i < call->n_inputs; i++) {
        bool native = variant >= VARIANT_NATIVE && (variant != VARIANT_MIXED || i == 0);
        call->input[i].layout = native ? native_layout(device, test, i) : DCN_LAYOUT_PLAIN;
        any_native = any_native || call->input[i].layout != DCN_LAYOUT_PLAIN;
    }
    for (int32_t i = 0; i < call->n_outputs; i++) {
        dcn_layout wish = variant == VARIANT_WISH_PLAIN ? DCN_LAYOUT_PLAIN : DCN_LAYOUT_ANY;
        if (variant == VARIANT_MIXED) wish = map_layout(device, &call->output[i]);
        call->output[i].layout = wish;
    }
    bool weight_gradient = call->op == DECANT_OP_CONV2D_GRAD_WEIGHT || call->op == DECANT_OP_LINEAR_GRAD_WEIGHT;
    if (weight_gradient && variant == VARIANT_NATIVE) {
        call->output[0].layout = weight_layout(device, test);
        any_native = true;
    }
    return any_native || variant < VARIANT_NATIVE || variant == VARIANT_IN_PLACE;
}

/* --- running --- */

/* Output 1 of the device's own forward op on the values of input `forward_input`. */
static device_buffer make_index(dcn_device *device, const op_case *test, dcn_layout map, const void *forward_input)
{
    dcn_op_call call = test->forward;
    call.input[0].layout = map;
    for (int32_t i = 0; i < call.n_outputs; i++)
        call.output[i].layout = DCN_LAYOUT_ANY;
    dcn_kernel *kernel = NULL;
    compile(device, test->label, &call, &kernel);
    device_buffer x = buffer_upload(device, &call.input[0], forward_input);
    buffer_reorder(device, &x, call.input[0].layout);
    device_buffer y = buffer_create(device, &call.output[0]), index = buffer_create(device, &call.output[1]);
    void *outputs[] = {y.memory, index.memory};
    run_kernel(device, kernel, &x.memory, outputs);
    kernel->destroy(kernel);
    buffer_destroy(device, &x);
    buffer_destroy(device, &y);
    return index;
}

static bool changes_in_place(const op_case *test, int32_t input)
{
    if (test->call.op == DECANT_OP_BATCHNORM_TRAIN) return input == 3 || input == 4;
    bool update = (dcn_op_get(test->call.op)->flags & DCN_OP_UPDATE) != 0;
    return update && test->fills[input] != FILL_HYPER && test->fills[input] != FILL_NORM;
}

static bool can_run_in_place(const dcn_kernel *kernel, const dcn_op_call *call)
{
    return kernel->in_place && call->n_outputs > 0 && call->input[0].layout == call->output[0].layout;
}

static device_buffer make_input(dcn_device *device, const op_case *test, run_variant variant, dcn_layout layout,
                                int32_t i, const void *values)
{
    if (test->fills[i] == FILL_INDEX) {
        bool native = variant >= VARIANT_NATIVE;
        return make_index(device, test, native ? map_layout(device, &test->forward.input[0]) : DCN_LAYOUT_PLAIN,
                          values);
    }
    device_buffer made = buffer_upload(device, &test->call.input[i], values);
    buffer_reorder(device, &made, layout);
    return made;
}

/* What came out, and what the inputs are now. */
static void collect(dcn_device *device, const op_case *test, const dcn_op_call *call, bool in_place,
                    const device_buffer *inputs, const device_buffer *outputs, host_tensors *ret_actual)
{
    *ret_actual = (host_tensors){0};
    for (int32_t i = 0; i < call->n_outputs; i++) {
        device_buffer where = in_place && i == 0 ? inputs[0] : outputs[i];
        where.desc = call->output[i];
        if (call->op == DECANT_OP_MAXPOOL && i == 1) continue; /* private: judged through the gradient */
        ret_actual->output[i] = buffer_download(device, &where);
        check_padding(device, test, &where, ret_actual->output[i]);
    }
    for (int32_t i = in_place ? 1 : 0; i < call->n_inputs; i++)
        if (test->fills[i] != FILL_INDEX) ret_actual->input[i] = buffer_download(device, &inputs[i]);
}

bool case_run(dcn_device *device, const op_case *test, run_variant variant, const host_tensors *filled,
              host_tensors *ret_actual)
{
    dcn_op_call call = test->call;
    if (!choose_layouts(device, test, variant, &call)) return false;

    device_buffer inputs[DCN_MAX_INPUTS] = {0}, outputs[DCN_MAX_OUTPUTS] = {0};
    void *input_memory[DCN_MAX_INPUTS], *output_memory[DCN_MAX_OUTPUTS];
    for (int32_t i = 0; i < call.n_inputs; i++) {
        inputs[i] = make_input(device, test, variant, call.input[i].layout, i, filled->input[i]);
        call.input[i].layout = inputs[i].desc.layout;
    }
    dcn_kernel *kernel = NULL;
    compile(device, test->label, &call, &kernel);
    bool in_place = variant == VARIANT_IN_PLACE && can_run_in_place(kernel, &call);
    bool worth_running = variant != VARIANT_IN_PLACE || in_place;
    for (int32_t i = 0; i < call.n_inputs; i++) {
        if (changes_in_place(test, i) && call.input[i].layout != inputs[i].desc.layout)
            fail_msg("%s %s: input %d is changed in place, so the kernel must take it as it is",
                     dcn_op_get(call.op)->name, test->label, i);
        buffer_reorder(device, &inputs[i], call.input[i].layout);
        input_memory[i] = inputs[i].memory;
    }
    for (int32_t i = 0; i < call.n_outputs; i++) {
        if (!in_place || i > 0) outputs[i] = buffer_create(device, &call.output[i]);
        output_memory[i] = in_place && i == 0 ? inputs[0].memory : outputs[i].memory;
    }
    if (worth_running) {
        run_kernel(device, kernel, input_memory, output_memory);
        collect(device, test, &call, in_place, inputs, outputs, ret_actual);
    }
    kernel->destroy(kernel);
    for (int32_t i = 0; i < call.n_inputs; i++)
        buffer_destroy(device, &inputs[i]);
    for (int32_t i = 0; i < call.n_outputs; i++)
        buffer_destroy(device, &outputs[i]);
    return worth_running;
}

/* plain -> a -> b -> plain */
static void check_reorder_chain(dcn_device *device, const char *label, const dcn_tensor_desc *desc, const void *values,
                                dcn_layout a, dcn_layout b)
{
    device_buffer travelling = buffer_upload(device, desc, values);
    buffer_reorder(device, &travelling, a);
    buffer_reorder(device, &travelling, b);
    void *back = buffer_download(device, &travelling);
    if (memcmp(back, values, (size_t)decant_shape_count(&desc->shape) * decant_dtype_size(desc->dtype)) != 0)
        fail_msg("%s %s: plain -> %s -> %s -> plain does not give the same values", device->summary, label,
                 device->class->layout_name(device, a), device->class->layout_name(device, b));
    test_free(back);
    buffer_destroy(device, &travelling);
}

void case_check_reorders(dcn_device *device, const op_case *test, const host_tensors *filled)
{
    dcn_op_call call = test->call;
    for (int32_t i = 0; i < call.n_outputs; i++)
        call.output[i].layout = DCN_LAYOUT_ANY;
    dcn_kernel *kernel = NULL;
    compile(device, test->label, &call, &kernel);
    kernel->destroy(kernel);
    for (int32_t i = 0; i < call.n_inputs; i++) {
        if (test->fills[i] == FILL_INDEX) continue;
        dcn_layout wanted = call.input[i].layout, native = native_layout(device, test, i);
        check_reorder_chain(device, test->label, &test->call.input[i], filled->input[i], wanted, native);
        check_reorder_chain(device, test->label, &test->call.input[i], filled->input[i], native, wanted);
    }
}
