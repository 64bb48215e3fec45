/* A bf16 op by the f32 kernel of the same op: inputs widened before it, outputs rounded behind it. For processors
 * without bf16 products, and for the few loops that add to their results and would round more than once. */
#include <string.h>

#include "device/cpu/cpu.h"

/* One tensor of the call. */
typedef struct widened_tensor {
    bool narrow; /* bf16 outside */
    int64_t count;
    size_t wide_at; /* its f32 form in the scratch memory */
    dcn_kernel
        *reorder;    /* between that and the layout that the inner kernel wants, which bf16 does not have; or NULL */
    size_t inner_at; /* in that layout */
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
    for (int32_t o = 0; o < DCN_MAX_OUTPUTS; o++)
        if (kernel->output[o].reorder) kernel->output[o].reorder->destroy(kernel->output[o].reorder);
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
    dcn_cpu_run run = dcn_cpu_run_of(&kernel->own.base, inputs, outputs, NULL);
    dcn_cpu_parallel(&run, count, 1, body);
}

/* Where the inner kernel finds an input. */
static void *inner_input(const widened_kernel *kernel, const widened_tensor *tensor, void *given, char *memory)
{
    if (!tensor->narrow) return given;
    void *wide = memory + tensor->wide_at, *inner = memory + tensor->inner_at;
    convert(kernel, given, wide, tensor->count, widen_body);
    if (tensor->reorder == NULL) return wide;
    tensor->reorder->run(tensor->reorder, &wide, &inner, memory + kernel->inner_scratch_at);
    return inner;
}

static void give_output(const widened_kernel *kernel, const widened_tensor *tensor, void *given, char *memory)
{
    if (!tensor->narrow) return;
    void *wide = memory + tensor->wide_at, *inner = memory + tensor->inner_at;
    if (tensor->reorder != NULL)
        tensor->reorder->run(tensor->reorder, &inner, &wide, memory + kernel->inner_scratch_at);
    convert(kernel, wide, given, tensor->count, round_body);
}

static void run_widened(const dcn_kernel *base, void *const *inputs, void *const *outputs, void *scratch)
{
    const widened_kernel *kernel = (const widened_kernel *)base;
    void *inner_inputs[DCN_MAX_INPUTS], *inner_outputs[DCN_MAX_OUTPUTS];
    for (int32_t i = 0; i < kernel->n_inputs; i++)
        inner_inputs[i] = inner_input(kernel, &kernel->input[i], inputs[i], scratch);
    for (int32_t o = 0; o < kernel->n_outputs; o++) {
        const widened_tensor *tensor = &kernel->output[o];
        size_t at = tensor->reorder != NULL ? tensor->inner_at : tensor->wide_at;
        inner_outputs[o] = tensor->narrow ? (char *)scratch + at : outputs[o];
    }
    kernel->inner->run(kernel->inner, inner_inputs, inner_outputs, (char *)scratch + kernel->inner_scratch_at);
    for (int32_t o = 0; o < kernel->n_outputs; o++)
        give_output(kernel, &kernel->output[o], outputs[o], scratch);
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

static void need_scratch(const dcn_kernel *kernel, size_t *most)
{
    if (kernel->scratch_bytes > *most) *most = kernel->scratch_bytes;
}

/* desc: as the inner call has it; becomes what the whole kernel has. */
static decant_status add_tensor(dcn_cpu_device *device, widened_kernel *kernel, dcn_tensor_desc *desc, bool is_input,
                                widened_tensor *tensor, size_t *inner_scratch)
{
    tensor->narrow = true;
    tensor->count = decant_shape_count(&desc->shape);
    tensor->wide_at = take(kernel, (size_t)tensor->count * sizeof(float));
    if (!has_bf16_form(desc->layout)) {
        dcn_tensor_desc outer = *desc;
        outer.layout = DCN_LAYOUT_PLAIN;
        TRY_RETURN(dcn_cpu_compile_reorder(&device->base, is_input ? &outer : desc, is_input ? desc : &outer,
                                           &tensor->reorder));
        tensor->inner_at = take(kernel, dcn_cpu_layout_bytes(&device->base, desc));
        need_scratch(tensor->reorder, inner_scratch);
        desc->layout = DCN_LAYOUT_PLAIN;
    }
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

    size_t inner_scratch = kernel->inner->scratch_bytes;
    kernel->n_inputs = call->n_inputs;
    kernel->n_outputs = call->n_outputs;
    for (int32_t i = 0; i < call->n_inputs; i++)
        if (call->input[i].dtype == DECANT_BF16)
            TRY(add_tensor(device, kernel, &wide.input[i], true, &kernel->input[i], &inner_scratch));
    for (int32_t o = 0; o < call->n_outputs; o++)
        if (call->output[o].dtype == DECANT_BF16)
            TRY(add_tensor(device, kernel, &wide.output[o], false, &kernel->output[o], &inner_scratch));
    kernel->inner_scratch_at = take(kernel, inner_scratch);
    memcpy(kernel->own.base.name, kernel->inner->name, sizeof kernel->own.base.name);
    kernel->own.base.needed_flops = kernel->inner->needed_flops;
    *call = wide;
    *ret_kernel = &kernel->own.base;
    kernel = NULL;
out:
    destroy_widened((dcn_kernel *)kernel);
    return status;
}
