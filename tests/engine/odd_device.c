/* The odd device. Layout k of n elements: k * 16 zero elements in front, then the elements from the last to the first.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"
#include "engine/odd_device.h"

#define LAYOUTS 3 /* besides plain */

typedef struct odd_kernel {
    dcn_kernel base;
    odd_device *device;
    dcn_kernel *inner; /* NULL: a reorder */
    dcn_op_call call;
} odd_kernel;

static size_t front(dcn_layout layout)
{
    return 16 * (size_t)layout;
}

static size_t odd_bytes(dcn_device *device, const dcn_tensor_desc *desc)
{
    (void)device;
    return ((size_t)decant_shape_count(&desc->shape) + front(desc->layout)) * decant_dtype_size(desc->dtype);
}

/* Where element i of n lies. */
static size_t place_of(dcn_layout layout, size_t i, size_t n)
{
    return layout == DCN_LAYOUT_PLAIN ? i : front(layout) + n - 1 - i;
}

static void copy_between(const dcn_tensor_desc *desc, dcn_layout from, const void *source, dcn_layout to, void *target)
{
    size_t n = (size_t)decant_shape_count(&desc->shape), item = decant_dtype_size(desc->dtype);
    memset(target, 0, front(to) * item);
    for (size_t i = 0; i < n; i++)
        memcpy((char *)target + place_of(to, i, n) * item, (const char *)source + place_of(from, i, n) * item, item);
}

static size_t plain_bytes(const dcn_tensor_desc *desc)
{
    size_t bytes = (size_t)decant_shape_count(&desc->shape) * decant_dtype_size(desc->dtype);
    return (bytes + DCN_ALIGNMENT - 1) / DCN_ALIGNMENT * DCN_ALIGNMENT;
}

static void run_op(const dcn_kernel *kernel, void *const *inputs, void *const *outputs, void *scratch)
{
    const odd_kernel *self = (const odd_kernel *)kernel;
    const dcn_op_call *call = &self->call;
    if (self->device->runs_left-- == 0) self->device->base.has_failed = true;
    char *next = scratch;
    void *plain_in[DCN_MAX_INPUTS], *plain_out[DCN_MAX_OUTPUTS];
    for (int32_t i = 0; i < call->n_inputs; i++) {
        plain_in[i] = inputs[i];
        if (call->input[i].layout == DCN_LAYOUT_PLAIN) continue;
        plain_in[i] = next;
        next += plain_bytes(&call->input[i]);
        copy_between(&call->input[i], call->input[i].layout, inputs[i], DCN_LAYOUT_PLAIN, plain_in[i]);
    }
    for (int32_t o = 0; o < call->n_outputs; o++) {
        plain_out[o] = outputs[o];
        if (call->output[o].layout == DCN_LAYOUT_PLAIN) continue;
        plain_out[o] = next;
        next += plain_bytes(&call->output[o]);
    }
    for (int32_t i = 1; i < call->n_inputs && call->n_outputs > 0; i++)
        assert_ptr_not_equal(inputs[i], outputs[0]); /* only the first input may be overwritten */
    self->inner->run(self->inner, plain_in, plain_out, NULL);
    for (int32_t o = 0; o < call->n_outputs; o++)
        if (plain_out[o] != outputs[o])
            copy_between(&call->output[o], DCN_LAYOUT_PLAIN, plain_out[o], call->output[o].layout, outputs[o]);
}

static void run_reorder(const dcn_kernel *kernel, void *const *inputs, void *const *outputs, void *scratch)
{
    const odd_kernel *self = (const odd_kernel *)kernel;
    (void)scratch;
    self->device->reorders_run++;
    copy_between(&self->call.input[0], self->call.input[0].layout, inputs[0], self->call.output[0].layout, outputs[0]);
}

static void destroy_kernel(dcn_kernel *kernel)
{
    odd_kernel *self = (odd_kernel *)kernel;
    if (self->inner != NULL) self->inner->destroy(self->inner);
    dcn_free(self);
}

static decant_status create_kernel(odd_device *device, odd_kernel **ret_kernel)
{
    odd_kernel *kernel = NULL;
    TRY_RETURN(dcn_new(sizeof *kernel, (void **)&kernel));
    kernel->device = device;
    kernel->base.destroy = destroy_kernel;
    memcpy(kernel->base.name, "odd", sizeof "odd");
    *ret_kernel = kernel;
    return DECANT_OK;
}

/* Updates walk flat memory and states change in place: those stay plain. */
static bool must_be_plain(const dcn_op_call *call, int32_t input)
{
    if ((dcn_op_get(call->op)->flags & DCN_OP_UPDATE) != 0) return true;
    return call->op == DECANT_OP_BATCHNORM_TRAIN && input >= 3;
}

static void choose_layouts(const odd_device *device, dcn_op_call *call)
{
    uint64_t place = (uint64_t)call->op * 4096 + (uint64_t)call->input[0].shape.dim[call->input[0].shape.rank - 1];
    dcn_random random = dcn_random_start(device->seed, DCN_PURPOSE_TEST, place, 1);
    for (int32_t i = 0; i < call->n_inputs; i++) {
        uint32_t drawn = dcn_random_below(&random, LAYOUTS + 2); /* one number more: as it lies */
        bool plain = must_be_plain(call, i) || device->seed == 0;
        if (plain || drawn <= LAYOUTS) call->input[i].layout = plain ? DCN_LAYOUT_PLAIN : drawn;
    }
    for (int32_t o = 0; o < call->n_outputs; o++) {
        uint32_t drawn = dcn_random_below(&random, LAYOUTS + 1);
        bool obeys = dcn_random_below(&random, 2) == 1 && call->output[o].layout != DCN_LAYOUT_ANY;
        bool plain = (dcn_op_get(call->op)->flags & DCN_OP_UPDATE) != 0 || device->seed == 0;
        if (plain || !obeys) call->output[o].layout = plain ? DCN_LAYOUT_PLAIN : drawn;
    }
}

static decant_status odd_compile(dcn_device *base, dcn_op_call *call, dcn_kernel **ret_kernel)
{
    odd_device *device = (odd_device *)base;
    odd_kernel *kernel = NULL;
    decant_status status = create_kernel(device, &kernel);
    if (status != DECANT_OK) goto out;
    dcn_op_call inner = *call;
    TRY(device->ref->class->compile(device->ref, &inner, &kernel->inner));
    choose_layouts(device, call);
    kernel->call = *call;
    kernel->base.run = run_op;
    kernel->base.flops = kernel->inner->flops;
    kernel->base.needed_flops = kernel->inner->needed_flops;
    kernel->base.in_place = kernel->inner->in_place;
    for (int32_t i = 0; i < call->n_inputs; i++)
        kernel->base.scratch_bytes += plain_bytes(&call->input[i]);
    for (int32_t o = 0; o < call->n_outputs; o++)
        kernel->base.scratch_bytes += plain_bytes(&call->output[o]);
    *ret_kernel = &kernel->base;
    kernel = NULL;
out:
    if (kernel != NULL) destroy_kernel(&kernel->base);
    return status;
}

static decant_status odd_compile_reorder(dcn_device *base, const dcn_tensor_desc *from, const dcn_tensor_desc *to,
                                         dcn_kernel **ret_kernel)
{
    odd_kernel *kernel = NULL;
    TRY_RETURN(create_kernel((odd_device *)base, &kernel));
    kernel->call.input[0] = *from;
    kernel->call.output[0] = *to;
    kernel->base.run = run_reorder;
    *ret_kernel = &kernel->base;
    return DECANT_OK;
}

static const char *odd_layout_name(dcn_device *device, dcn_layout layout)
{
    static const char *const names[LAYOUTS + 1] = {"plain", "odd1", "odd2", "odd3"};
    (void)device;
    return layout <= LAYOUTS ? names[layout] : "any";
}

/* The size stands before the memory, so that giving it back can be counted. */
static decant_status odd_memory_create(dcn_device *base, size_t bytes, void **ret_memory)
{
    char *memory = NULL;
    TRY_RETURN(dcn_new_aligned(bytes + DCN_ALIGNMENT, (void **)&memory));
    memcpy(memory, &bytes, sizeof bytes);
    ((odd_device *)base)->memory_bytes += bytes;
    *ret_memory = memory + DCN_ALIGNMENT;
    return DECANT_OK;
}

static void odd_memory_destroy(dcn_device *base, void *memory)
{
    size_t bytes;
    char *start = (char *)memory - DCN_ALIGNMENT;
    memcpy(&bytes, start, sizeof bytes);
    ((odd_device *)base)->memory_bytes -= bytes;
    dcn_free_aligned(start);
}

static decant_status odd_transfer(dcn_device *device, void *to, const void *from, size_t bytes)
{
    (void)device;
    memcpy(to, from, bytes);
    return DECANT_OK;
}

static bool odd_available(void)
{
    return true;
}

static const dcn_device_class odd_class = {
    .name = "odd",
    .description = "ref in odd layouts",
    .available = odd_available,
    .compile = odd_compile,
    .compile_reorder = odd_compile_reorder,
    .layout_bytes = odd_bytes,
    .layout_name = odd_layout_name,
    .memory_create = odd_memory_create,
    .memory_destroy = odd_memory_destroy,
    .upload = odd_transfer,
    .download = odd_transfer,
};

void odd_device_open(odd_device *device, uint64_t seed)
{
    *device = (odd_device){.base = {.class = &odd_class, .threads = 1}, .seed = seed, .runs_left = -1};
    assert_int_equal(dcn_device_open("ref", NULL, &device->ref), DECANT_OK);
}

void odd_device_close(odd_device *device)
{
    assert_int_equal(device->memory_bytes, 0);
    dcn_device_close(device->ref);
}
