/* Convolutions of few input channels - the first layer of a network - as matrix products: in a padded NHWC copy of one
 * sample, which stays in the thread's cache, the taps of a kernel row lie one behind the other for every pixel, so each
 * row of the kernel is one product. The copy is made from planes or from NHWC, whichever the input is.
 *
 * Weights are panels of 16 output channels as in panels.c; loops: loops/panels.c. */
#include <string.h>

#include "device/cpu/cpu.h"

#define MAX_CHANNELS 4  /* of the input; from there on the convolution kernels fill their vectors */
#define MAX_CHUNKS   32 /* of samples whose part of the weights' gradient is summed up by itself */

typedef struct few_kernel {
    dcn_cpu_kernel own;
    dcn_cpu_panels panels;
    dcn_cpu_few shape;
    bool planes;           /* the input is NCHW */
    int64_t parts;         /* of a sample's rows that threads share, where there are few samples */
    dcn_cpu_piece *pieces; /* [kernel rows], or [rows of the output] for the gradient */
    int64_t chunk_samples, n_chunks;
    int64_t weight_size; /* floats, the last panel whole */
} few_kernel;

static int64_t panels_of(int64_t columns)
{
    return (columns + DCN_CPU_PANEL - 1) / DCN_CPU_PANEL;
}

static void destroy_few(dcn_kernel *base)
{
    few_kernel *kernel = (few_kernel *)base;
    if (!kernel) return;
    dcn_free(kernel->pieces);
    dcn_free(kernel);
}

/* Floats of one thread's copy: a sample with its borders. */
static int64_t copy_size(const few_kernel *kernel)
{
    int64_t size = kernel->shape.padded.height * kernel->shape.padded.width * kernel->shape.padded.channels;
    return (size + DCN_CPU_PANEL - 1) / DCN_CPU_PANEL * DCN_CPU_PANEL;
}

/* One sample into the middle of the copy, whose borders stay zero from the first one on. */
static void copy_sample(const few_kernel *kernel, const float *x, int64_t sample, float *copy)
{
    const dcn_cpu_map *in = &kernel->shape.in;
    int64_t channels = in->channels, plane = in->height * in->width;
    const float *from = x + sample * channels * plane;
    for (int64_t h = 0; h < in->height; h++) {
        float *to =
            copy + ((h + kernel->shape.padding[0]) * kernel->shape.padded.width + kernel->shape.padding[1]) * channels;
        if (kernel->planes)
            kernel->own.loops->interleave(from + h * in->width, plane, channels, in->width, to);
        else
            memcpy(to, from + h * in->width * channels, (size_t)(in->width * channels) * sizeof(float));
    }
}

/* --- forward --- */

/* Items are parts of samples. */
static void forward_body(const dcn_cpu_run *run, int64_t begin, int64_t end)
{
    const few_kernel *kernel = (const few_kernel *)run->kernel;
    const dcn_cpu_map *out = &kernel->shape.out;
    float *copy = (float *)run->scratch + run->thread * copy_size(kernel);
    int64_t line = kernel->shape.stride[0] * kernel->shape.padded.width * kernel->shape.in.channels;
    memset(copy, 0, (size_t)copy_size(kernel) * sizeof(float));
    for (int64_t item = begin; item < end; item++) {
        int64_t sample = item / kernel->parts, part = item % kernel->parts;
        int64_t first = part * out->height / kernel->parts, last = (part + 1) * out->height / kernel->parts;
        float *y = (float *)run->outputs[0] + sample * out->height * out->width * out->channels;
        if (item == begin || part == 0) copy_sample(kernel, run->inputs[0], sample, copy);
        for (int64_t h = first; h < last; h++)
            kernel->own.loops->panels(&kernel->panels, kernel->pieces, kernel->shape.kernel[0], copy + h * line,
                                      run->inputs[1], kernel->shape.has_bias ? run->inputs[2] : NULL,
                                      y + h * out->width * out->channels, out->width, 0, out->channels);
    }
}

static void run_forward(const dcn_kernel *base, void *const *inputs, void *const *outputs, void *scratch)
{
    const few_kernel *kernel = (const few_kernel *)base;
    dcn_cpu_run run = dcn_cpu_run_of(base, inputs, outputs, scratch);
    dcn_cpu_parallel(&run, kernel->shape.out.batch * kernel->parts,
                     kernel->shape.out.height * kernel->shape.out.width * kernel->shape.out.channels *
                         kernel->shape.in.channels / kernel->parts,
                     forward_body);
}

static decant_status plan_forward(few_kernel *kernel)
{
    int64_t depth = kernel->shape.kernel[1] * kernel->shape.in.channels;
    kernel->panels = (dcn_cpu_panels){.columns = kernel->shape.out.channels,
                                      .depth = depth,
                                      .a_row = kernel->shape.stride[1] * kernel->shape.in.channels,
                                      .a_step = 1,
                                      .b_step = DCN_CPU_PANEL,
                                      .b_panel = kernel->shape.kernel[0] * depth * DCN_CPU_PANEL,
                                      .c_row = kernel->shape.out.channels,
                                      .c_panel = DCN_CPU_PANEL};
    kernel->parts = kernel->shape.in.batch >= 2 * kernel->own.threads ? 1 : kernel->own.threads;
    TRY_RETURN(dcn_new_array((size_t)kernel->shape.kernel[0], sizeof *kernel->pieces, (void **)&kernel->pieces));
    for (int64_t h = 0; h < kernel->shape.kernel[0]; h++)
        kernel->pieces[h] =
            (dcn_cpu_piece){h * kernel->shape.padded.width * kernel->shape.in.channels, h * depth * DCN_CPU_PANEL};
    kernel->own.base.scratch_bytes = (size_t)(kernel->own.threads * copy_size(kernel)) * sizeof(float);
    return DECANT_OK;
}

/* --- the gradient of the weights --- */

/* Scratch memory: the sums of each chunk (weights, then bias), then for each thread a sample's copy and its gradient.
 */
static int64_t chunk_size(const few_kernel *kernel)
{
    return kernel->weight_size + panels_of(kernel->shape.out.channels) * DCN_CPU_PANEL;
}

static void add_to(float *sum, const float *values, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        sum[i] += values[i];
}

static void add_sample(const dcn_cpu_run *run, int64_t sample, float *copy, float *sample_sums, float *sums)
{
    const few_kernel *kernel = (const few_kernel *)run->kernel;
    const dcn_cpu_map *out = &kernel->shape.out;
    const float *d_y = (const float *)run->inputs[1] + sample * out->height * out->width * out->channels;
    int64_t depth = kernel->shape.kernel[1] * kernel->shape.in.channels;
    copy_sample(kernel, run->inputs[0], sample, copy);
    for (int64_t h = 0; h < kernel->shape.kernel[0]; h++)
        kernel->own.loops->panels(&kernel->panels, kernel->pieces, out->height,
                                  copy + h * kernel->shape.padded.width * kernel->shape.in.channels, d_y, NULL,
                                  sample_sums + h * depth * DCN_CPU_PANEL, depth, 0, out->channels);
    if (kernel->shape.has_bias)
        kernel->own.loops->column_sums(d_y, out->height * out->width, out->channels, sample_sums + kernel->weight_size);
    add_to(sums, sample_sums, chunk_size(kernel));
}

static void grad_body(const dcn_cpu_run *run, int64_t begin, int64_t end)
{
    const few_kernel *kernel = (const few_kernel *)run->kernel;
    int64_t size = chunk_size(kernel), own_size = copy_size(kernel) + size;
    float *chunks = run->scratch;
    float *copy = chunks + kernel->n_chunks * size + run->thread * own_size;
    memset(copy, 0, (size_t)own_size * sizeof(float));
    for (int64_t chunk = begin; chunk < end; chunk++) {
        int64_t first = chunk * kernel->chunk_samples, last = first + kernel->chunk_samples;
        float *sums = chunks + chunk * size;
        memset(sums, 0, (size_t)size * sizeof(float));
        for (int64_t sample = first; sample < last && sample < kernel->shape.in.batch; sample++)
            add_sample(run, sample, copy, copy + copy_size(kernel), sums);
    }
}

static void run_grad_weight(const dcn_kernel *base, void *const *inputs, void *const *outputs, void *scratch)
{
    const few_kernel *kernel = (const few_kernel *)base;
    const dcn_cpu_map *out = &kernel->shape.out;
    int64_t size = chunk_size(kernel);
    float *sums = scratch;
    dcn_cpu_run run = dcn_cpu_run_of(base, inputs, outputs, scratch);
    dcn_cpu_parallel(&run, kernel->n_chunks,
                     kernel->chunk_samples * out->height * out->width * out->channels * kernel->shape.in.channels,
                     grad_body);
    for (int64_t chunk = 1; chunk < kernel->n_chunks; chunk++)
        add_to(sums, sums + chunk * size, size);
    memcpy(outputs[0], sums, (size_t)kernel->weight_size * sizeof(float));
    if (kernel->shape.has_bias) memcpy(outputs[1], sums + kernel->weight_size, (size_t)out->channels * sizeof(float));
}

/* For each kernel row, a product whose rows are the taps and whose sum runs over all pixels of a sample. */
static decant_status plan_grad_weight(few_kernel *kernel)
{
    const dcn_cpu_map *out = &kernel->shape.out;
    kernel->panels = (dcn_cpu_panels){.columns = out->channels,
                                      .depth = out->width,
                                      .a_row = 1,
                                      .a_step = kernel->shape.stride[1] * kernel->shape.in.channels,
                                      .b_step = out->channels,
                                      .b_panel = DCN_CPU_PANEL,
                                      .c_row = DCN_CPU_PANEL,
                                      .c_panel = kernel->shape.kernel[0] * kernel->shape.kernel[1] *
                                                 kernel->shape.in.channels * DCN_CPU_PANEL};
    TRY_RETURN(dcn_new_array((size_t)out->height, sizeof *kernel->pieces, (void **)&kernel->pieces));
    for (int64_t h = 0; h < out->height; h++)
        kernel->pieces[h] =
            (dcn_cpu_piece){h * kernel->shape.stride[0] * kernel->shape.padded.width * kernel->shape.in.channels,
                            h * out->width * out->channels};
    kernel->chunk_samples = (kernel->shape.in.batch + MAX_CHUNKS - 1) / MAX_CHUNKS;
    kernel->n_chunks = (kernel->shape.in.batch + kernel->chunk_samples - 1) / kernel->chunk_samples;
    kernel->weight_size = panels_of(out->channels) * kernel->panels.c_panel;
    int64_t size = chunk_size(kernel);
    kernel->own.base.scratch_bytes =
        (size_t)(kernel->n_chunks * size + kernel->own.threads * (copy_size(kernel) + size)) * sizeof(float);
    return DECANT_OK;
}

/* --- compiling --- */

/* Whole panels of output channels: a gradient's rows are then read as they lie. */
bool dcn_cpu_suits_few_channels(const dcn_op_call *call)
{
    if (dcn_cpu_is_narrow(call)) return false;
    const dcn_conv_attrs *attrs = &call->attrs.conv;
    const decant_shape *x = &call->input[0].shape;
    return call->op != DECANT_OP_CONV2D_GRAD_INPUT && call->input[0].dtype == DECANT_F32 && attrs->groups == 1 &&
           x->dim[1] <= MAX_CHANNELS && attrs->channels % DCN_CPU_PANEL == 0 && attrs->dilation[0] == 1 &&
           attrs->dilation[1] == 1;
}

dcn_cpu_few dcn_cpu_few_of(const dcn_op_call *call)
{
    const dcn_conv_attrs *attrs = &call->attrs.conv;
    const bool forward = call->op == DECANT_OP_CONV2D;
    dcn_cpu_few few = {.in = dcn_cpu_map_of(&call->input[0].shape),
                       .out = dcn_cpu_map_of(forward ? &call->output[0].shape : &call->input[1].shape),
                       .has_bias = forward ? call->n_inputs > 2 : call->n_outputs > 1};
    for (int i = 0; i < 2; i++) {
        few.kernel[i] = attrs->kernel[i];
        few.stride[i] = attrs->stride[i];
        few.padding[i] = attrs->padding[i];
    }
    few.padded = few.in;
    few.padded.height += 2 * few.padding[0];
    few.padded.width += 2 * few.padding[1];
    return few;
}

decant_status dcn_cpu_compile_few_channels(dcn_cpu_device *device, dcn_op_call *call, dcn_kernel **ret_kernel)
{
    const dcn_conv_attrs *attrs = &call->attrs.conv;
    bool forward = call->op == DECANT_OP_CONV2D;
    dcn_tensor_desc *weight = forward ? &call->input[1] : &call->output[0];
    bool planes = call->input[0].layout == DCN_LAYOUT_PLAIN &&
                  dcn_cpu_activation_layout(&call->input[0].shape) != DCN_LAYOUT_PLAIN;
    few_kernel *kernel = NULL;
    decant_status status =
        dcn_cpu_kernel_create(device, call, sizeof *kernel, forward ? run_forward : run_grad_weight, (void **)&kernel);
    if (status != DECANT_OK) goto out;
    kernel->own.base.destroy = destroy_few;
    kernel->planes = planes;
    kernel->shape = dcn_cpu_few_of(call);
    TRY(forward ? plan_forward(kernel) : plan_grad_weight(kernel));
    if (forward) kernel->panels.relu = attrs->activation == DCN_ACTIVATION_RELU;

    dcn_cpu_ask_activation(call);
    if (planes) call->input[0].layout = DCN_LAYOUT_PLAIN;
    TRY(dcn_cpu_panel_layout(device, &weight->shape, &weight->layout));
    *ret_kernel = &kernel->own.base;
    kernel = NULL;
out:
    destroy_few((dcn_kernel *)kernel);
    return status;
}
