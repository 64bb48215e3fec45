/* A kernel that is one oneDNN primitive: its memory objects are made once, a run only points them at the step's
 * buffers. */
#include <stdio.h>
#include <string.h>

#include "device/cpu/cpu.h"

#define MAX_ARGUMENTS 6

/* The part of a kernel that changes in a run. A memory object keeps its last address, as buffers stay where they are
 * from step to step and setting one is not free. It is set again when the primitive writes a layout with padding:
 * oneDNN clears the padding then, and the buffer may have been another tensor's in between. */
typedef struct binding {
    dnnl_memory_t memory;
    void *address;
    dcn_cpu_place place;
    int32_t index;
    bool clear_padding;
} binding;

typedef struct primitive_kernel {
    dcn_kernel base;
    dcn_device *device;
    dnnl_stream_t stream;
    dnnl_primitive_t primitive;
    int32_t threads;
    int32_t n_arguments; /* the scratchpad not counted */
    binding *bindings;   /* [n_arguments + 1]; the last is the scratchpad */
    dnnl_exec_arg_t arguments[MAX_ARGUMENTS + 1];
} primitive_kernel;

decant_status dcn_cpu_check(dnnl_status_t status, const char *what)
{
    switch (status) {
    case dnnl_success:
        return DECANT_OK;
    case dnnl_out_of_memory:
        return DCN_FAIL(NO_MEMORY, "oneDNN ran out of memory making %s", what);
    case dnnl_unimplemented:
        return DCN_FAIL(UNSUPPORTED, "oneDNN has no implementation of this %s", what);
    default:
        return DCN_FAIL(INTERNAL, "oneDNN refused %s (status %d)", what, (int)status);
    }
}

const char *dcn_cpu_implementation(const_dnnl_primitive_desc_t descriptor)
{
    const char *name = "oneDNN";
    dnnl_status_t status = dnnl_primitive_desc_query(descriptor, dnnl_query_impl_info_str, 0, &name);
    return status == dnnl_success ? name : "oneDNN";
}

bool dcn_cpu_is_reference(const_dnnl_primitive_desc_t descriptor)
{
    return strncmp(dcn_cpu_implementation(descriptor), "ref", 3) == 0;
}

decant_status dcn_cpu_attributes(bool relu, dnnl_primitive_attr_t *ret_attributes)
{
    dnnl_primitive_attr_t attributes = NULL;
    dnnl_post_ops_t post_ops = NULL;
    decant_status status = dcn_cpu_check(dnnl_primitive_attr_create(&attributes), "attributes");
    if (status != DECANT_OK) goto out;
    TRY(dcn_cpu_check(dnnl_primitive_attr_set_scratchpad_mode(attributes, dnnl_scratchpad_mode_user), "attributes"));
    if (relu) {
        TRY(dcn_cpu_check(dnnl_post_ops_create(&post_ops), "post-ops"));
        TRY(dcn_cpu_check(dnnl_post_ops_append_eltwise(post_ops, 1.0F, dnnl_eltwise_relu, 0.0F, 0.0F), "post-ops"));
        TRY(dcn_cpu_check(dnnl_primitive_attr_set_post_ops(attributes, post_ops), "post-ops"));
    }
    *ret_attributes = attributes;
    attributes = NULL;
out:
    if (post_ops) dnnl_post_ops_destroy(post_ops);
    if (attributes) dnnl_primitive_attr_destroy(attributes);
    return status;
}

static void point(binding *bound, void *address)
{
    if (bound->address == address && !bound->clear_padding) return;
    dnnl_memory_set_data_handle(bound->memory, address);
    bound->address = address;
}

static void run_primitive(const dcn_kernel *base, void *const *inputs, void *const *outputs, void *scratch)
{
    const primitive_kernel *kernel = (const primitive_kernel *)base;
    dcn_cpu_use_threads(kernel->threads);
    for (int32_t i = 0; i < kernel->n_arguments; i++) {
        binding *bound = &kernel->bindings[i];
        point(bound, (bound->place == DCN_CPU_INPUT ? inputs : outputs)[bound->index]);
    }
    int n_arguments = kernel->n_arguments;
    if (kernel->base.scratch_bytes > 0) point(&kernel->bindings[n_arguments++], scratch);
    if (dnnl_primitive_execute(kernel->primitive, kernel->stream, n_arguments, kernel->arguments) != dnnl_success)
        kernel->device->has_failed = true;
}

static void destroy_primitive(dcn_kernel *base)
{
    primitive_kernel *kernel = (primitive_kernel *)base;
    if (!kernel) return;
    for (int32_t i = 0; kernel->bindings && i <= kernel->n_arguments; i++)
        if (kernel->bindings[i].memory) dnnl_memory_destroy(kernel->bindings[i].memory);
    if (kernel->primitive) dnnl_primitive_destroy(kernel->primitive);
    dcn_free(kernel->bindings);
    dcn_free(kernel);
}

static bool has_padding(const dnnl_memory_desc_t *descriptor)
{
    for (int i = 0; i < descriptor->ndims; i++)
        if (descriptor->padded_dims[i] != descriptor->dims[i]) return true;
    return false;
}

static decant_status bind_arguments(primitive_kernel *kernel, dnnl_engine_t engine, const dcn_cpu_argument *arguments,
                                    const dnnl_memory_desc_t *scratchpad, const char *what)
{
    for (int32_t i = 0; i <= kernel->n_arguments; i++) {
        bool is_scratch = i == kernel->n_arguments;
        if (is_scratch && kernel->base.scratch_bytes == 0) break;
        binding *bound = &kernel->bindings[i];
        const dnnl_memory_desc_t *descriptor = is_scratch ? scratchpad : &arguments[i].descriptor;
        TRY_RETURN(dcn_cpu_check(dnnl_memory_create(&bound->memory, descriptor, engine, DNNL_MEMORY_NONE), what));
        if (!is_scratch) {
            bound->place = arguments[i].place;
            bound->index = arguments[i].index;
            bound->clear_padding = arguments[i].place == DCN_CPU_OUTPUT && has_padding(descriptor);
        }
        kernel->arguments[i].arg = is_scratch ? DNNL_ARG_SCRATCHPAD : arguments[i].dnnl_argument;
        kernel->arguments[i].memory = bound->memory;
    }
    return DECANT_OK;
}

/* A bf16 product by oneDNN's plain loops loses to the f32 kernel between conversions. */
static decant_status check_worth(const dcn_op_call *call, const char *what, const_dnnl_primitive_desc_t descriptor)
{
    bool product = call && dcn_op_may_narrow(call->op).product;
    if (!product || !dcn_cpu_is_narrow(call) || !dcn_cpu_is_reference(descriptor)) return DECANT_OK;
    return DCN_FAIL(UNSUPPORTED, "oneDNN has only plain loops for this %s of bf16", what);
}

decant_status dcn_cpu_primitive_kernel(dcn_cpu_device *device, const dcn_op_call *call, const char *what,
                                       dnnl_primitive_desc_t descriptor, const dcn_cpu_argument *arguments,
                                       int32_t n_arguments, dcn_kernel **ret_kernel)
{
    primitive_kernel *kernel = NULL;
    decant_status status = check_worth(call, what, descriptor);
    if (status != DECANT_OK) goto out;
    TRY(dcn_new(sizeof *kernel, (void **)&kernel));
    kernel->base.run = run_primitive;
    kernel->base.destroy = destroy_primitive;
    kernel->base.flops = call ? dcn_op_flops(call) : 0.0;
    kernel->base.needed_flops = call ? dcn_op_needed_flops(call) : 0.0;
    kernel->device = &device->base;
    kernel->stream = device->stream;
    kernel->threads = device->base.threads;
    kernel->n_arguments = n_arguments;
    snprintf(kernel->base.name, sizeof kernel->base.name, "%s", dcn_cpu_implementation(descriptor));
    if (strstr(kernel->base.name, "wino")) kernel->base.needed_flops = DCN_CPU_WINOGRAD_SHARE * kernel->base.flops;

    const dnnl_memory_desc_t *scratchpad = dnnl_primitive_desc_query_md(descriptor, dnnl_query_scratchpad_md, 0);
    kernel->base.scratch_bytes = scratchpad ? dnnl_memory_desc_get_size(scratchpad) : 0;
    TRY(dcn_new_array((size_t)n_arguments + 1, sizeof *kernel->bindings, (void **)&kernel->bindings));
    TRY(bind_arguments(kernel, device->engine, arguments, scratchpad, what));
    TRY(dcn_cpu_check(dnnl_primitive_create(&kernel->primitive, descriptor), what));
    *ret_kernel = &kernel->base;
    kernel = NULL;
out:
    dnnl_primitive_desc_destroy(descriptor);
    destroy_primitive((dcn_kernel *)kernel);
    return status;
}
