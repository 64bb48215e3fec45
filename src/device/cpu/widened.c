/* A bf16 op by the f32 kernel of the same op: inputs widened before it, outputs rounded behind it. For processors
 * without bf16 products, and for the few loops that add to their results and would round more than once. */
#include <string.h>

#include "device/cpu/cpu.h"

/* One tensor of the call that is bf16 outside. */
typedef struct widened_tensor {
    bool narrow;
    int64_t count;
    size_t wide_at;      /* its f32 form in the scratch memory */
    dcn_kernel *reorder; /* input: the inner kernel wants it in a layout that bf16 does not have; NULL: it does not */
    size_t reordered_at; /* where that goes */
} widened_tensor;

typedef struct widened_kernel {
    dcn_cpu_kernel own;
    dcn_kernel *inner;
    int32_t n_inputs, n_outputs;
    widened_tensor input[DCN_MAX_INPUTS], output[DCN_MAX_OUTPUTS];
    size_t inner_scratch_at;
} widened_kernel;

static void destroy_widened(dcn_kernel *base)
{
    widened_kernel *kernel = (widened_kernel *)base;
    if (!kernel) return;
    for (int32_t i = 0; i < DCN_MAX_INPUTS; i++)
        if (kernel->input[i].reorder) kernel->input[i].reorder->destroy(kernel->input[i].reorder);
    if (kernel->inner) kernel->inner->destroy(kernel->inner);
    dcn_free(kernel);
}

/* --- running --- */

static void widen_body(const dcn_cpu_run *run, int64_t begin, int64_t end)
{
    ((const dcn_cpu_kernel *)run->kernel)->loops->to_f32(run->inputs[0], run->outputs[0], begin, end);
}

static void round_body(const dcn_cpu_run *run, int64_t begin, int64_t end)
{
    ((const dcn_cpu_kernel *)run->kernel)->loops->from_f32(run->inputs[0], run->outputs[0], begin, end);
}

static void convert(const widened_kernel *kernel, void *from, void *to, int64_t count, dcn_cpu_body *body)
{
    void *inputs[1] = {from}, *outputs[1] = {to};
    dcn_cpu_run run = {&kernel->own.base, inputs, outputs, NULL};
    dcn_cpu_parallel(&run, count, 1, body);
}

static void run_widened(const dcn_kernel *base, void *const *inputs, void *const *outputs, void *scratch)
{
    const widened_kernel *kernel = (const widened_kernel *)base;
    char *memory = scratch, *inner_scratch = memory + kernel->inner_scratch_at;
    void *wide_inputs[DCN_MAX_INPUTS], *wide_outputs[DCN_MAX_OUTPUTS];
    for (int32_t i = 0; i < kernel->n_inputs; i++) {
        const widened_tensor *tensor = &kernel->input[i];
        wide_inputs[i] = tensor->narrow ? memory + tensor->wide_at : inputs[i];
        if (tensor->narrow) convert(kernel, inputs[i], wide_inputs[i], tensor->count, widen_body);
        if (tensor->reorder == NULL) continue;
        void *reordered = memory + tensor->reordered_at;
        tensor->reorder->run(tensor->reorder, &wide_inputs[i], &reordered, inner_scratch);
        wide_inputs[i] = reordered;
    }
    for (int32_t o = 0; o < kernel->n_outputs; o++)
        wide_outputs[o] = kernel->output[o].narrow ? memory + kernel->output[o].wide_at : outputs[o];
    kernel->inner->run(kernel->inner, wide_inputs, wide_outputs, inner_scratch);
    for (int32_t o = 0; o < kernel->n_outputs; o++)
        if (kernel->output[o].narrow) convert(kernel, wide_outputs[o], outputs[o], kernel->output[o].count, round_body);
}

/* --- compiling --- */

static size_t take(widened_kernel *kernel, size_t bytes)
{
    size_t at = kernel->own.base.scratch_bytes;
    kernel->own.base.scratch_bytes += (bytes + DCN_ALIGNMENT - 1) / DCN_ALIGNMENT * DCN_ALIGNMENT;
    return at;
}

static bool has_bf16_form(dcn_layout layout)
{
    return layout < DCN_CPU_LAYOUT_FIRST_INTERNED;
}

/* desc: as the inner call wants it; becomes what the whole kernel reads. */
static decant_status add_input(dcn_cpu_device *device, widened_kernel *kernel, int32_t i, dcn_tensor_desc *desc)
{
    widened_tensor *tensor = &kernel->input[i];
    tensor->narrow = true;
    tensor->count = decant_shape_count(&desc->shape);
    tensor->wide_at = take(kernel, (size_t)tensor->count * sizeof(float));
    if (!has_bf16_form(desc->layout)) {
        dcn_tensor_desc plain = *desc;
        plain.layout = DCN_LAYOUT_PLAIN;
        TRY_RETURN(dcn_cpu_compile_reorder(&device->base, &plain, desc, &tensor->reorder));
        tensor->reordered_at = take(kernel, dcn_cpu_layout_bytes(&device->base, desc));
        desc->layout = DCN_LAYOUT_PLAIN;
    }
    desc->dtype = DECANT_BF16;
    return DECANT_OK;
}

static decant_status add_output(widened_kernel *kernel, int32_t o, dcn_tensor_desc *desc)
{
    widened_tensor *tensor = &kernel->output[o];
    if (!has_bf16_form(desc->layout)) return DCN_FAIL(INTERNAL, "an activation in a layout of weights");
    tensor->narrow = true;
    tensor->count = decant_shape_count(&desc->shape);
    tensor->wide_at = take(kernel, (size_t)tensor->count * sizeof(float));
    desc->dtype = DECANT_BF16;
    return DECANT_OK;
}

decant_status dcn_cpu_compile_widened(dcn_cpu_device *device, dcn_op_call *call, dcn_cpu_compile *compile,
                                      dcn_kernel **ret_kernel)
{
    widened_kernel *kernel = NULL;
    dcn_op_call wide = *call;
    decant_status status = dcn_cpu_kernel_create(device, call, sizeof *kernel, run_widened, (void **)&kernel);
    if (status != DECANT_OK) return status;
    kernel->own.base.destroy = destroy_widened;
    for (int32_t i = 0; i < call->n_inputs; i++)
        if (call->input[i].dtype == DECANT_BF16) wide.input[i].dtype = DECANT_F32;
    for (int32_t o = 0; o < call->n_outputs; o++)
        if (call->output[o].dtype == DECANT_BF16) wide.output[o].dtype = DECANT_F32;
    TRY(compile(device, &wide, &kernel->inner));

    kernel->n_inputs = call->n_inputs;
    kernel->n_outputs = call->n_outputs;
    for (int32_t i = 0; i < call->n_inputs; i++)
        if (call->input[i].dtype == DECANT_BF16) TRY(add_input(device, kernel, i, &wide.input[i]));
    for (int32_t o = 0; o < call->n_outputs; o++)
        if (call->output[o].dtype == DECANT_BF16) TRY(add_output(kernel, o, &wide.output[o]));
    size_t most = kernel->inner->scratch_bytes;
    for (int32_t i = 0; i < call->n_inputs; i++)
        if (kernel->input[i].reorder && kernel->input[i].reorder->scratch_bytes > most)
            most = kernel->input[i].reorder->scratch_bytes;
    kernel->inner_scratch_at = take(kernel, most);
    memcpy(kernel->own.base.name, kernel->inner->name, sizeof kernel->own.base.name);
    *call = wide;
    *ret_kernel = &kernel->own.base;
    kernel = NULL;
out:
    destroy_widened((dcn_kernel *)kernel);
    return status;
}
