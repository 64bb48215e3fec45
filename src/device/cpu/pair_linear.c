/* The gradient of a linear layer's weights in bf16, where the processor has dot products of bf16 and no matrix units:
 * both operands are packed in pairs of samples, and each block of the result is summed in registers. The result lies in
 * the blocks that oneDNN's kernel would write, [O/width][I/16][16][width]. */
#include "device/cpu/cpu.h"

#define MIN_ROWS       16  /* samples: fewer are not worth packing */
#define MAX_ROWS       512 /* more, and packed panels leave the first cache */
#define PACKED_PANELS  8   /* packed side by side: whole lines are read of each sample */
#define DOTS_A_ELEMENT 16  /* multiply-adds in the time that a plain loop takes for an element */

typedef struct pair_kernel {
    dcn_cpu_kernel own;
    int64_t batch, pairs, in, out; /* pairs of samples */
    int64_t width, in_panels, out_panels;
    int64_t in_stride, out_stride; /* floats from one block of the result to the next */
    bool has_bias;
} pair_kernel;

static uint32_t *x_panel(const pair_kernel *kernel, void *scratch, int64_t panel)
{
    return (uint32_t *)scratch + panel * kernel->pairs * DCN_CPU_PANEL;
}

static uint32_t *d_y_panel(const pair_kernel *kernel, void *scratch, int64_t panel)
{
    return x_panel(kernel, scratch, kernel->in_panels) + panel * kernel->pairs * kernel->width;
}

static int64_t groups_of(int64_t panels)
{
    return (panels + PACKED_PANELS - 1) / PACKED_PANELS;
}

/* Groups of panels of x, then those of d_y. */
static void pack_body(const dcn_cpu_run *run, int64_t begin, int64_t end)
{
    const pair_kernel *kernel = (const pair_kernel *)run->kernel;
    const dcn_cpu_loops *loops = kernel->own.loops;
    for (int64_t group = begin; group < end; group++) {
        bool of_x = group < groups_of(kernel->in_panels);
        int64_t panel = (of_x ? group : group - groups_of(kernel->in_panels)) * PACKED_PANELS;
        int64_t panels = (of_x ? kernel->in_panels : kernel->out_panels) - panel;
        int64_t width = of_x ? DCN_CPU_PANEL : kernel->width, row = of_x ? kernel->in : kernel->out;
        float *sum = of_x || !kernel->has_bias ? NULL : (float *)run->outputs[1] + panel * width;
        loops->pack_pairs(dcn_cpu_element(loops, run->inputs[of_x ? 0 : 1], panel * width), row, kernel->batch,
                          row - panel * width, panels < PACKED_PANELS ? panels : PACKED_PANELS, width,
                          of_x ? x_panel(kernel, run->scratch, panel) : d_y_panel(kernel, run->scratch, panel), sum);
    }
}

static void multiply_body(const dcn_cpu_run *run, int64_t begin, int64_t end)
{
    const pair_kernel *kernel = (const pair_kernel *)run->kernel;
    const dcn_cpu_dots dots = {.columns = kernel->width,
                               .pieces = 1,
                               .depth = kernel->pairs,
                               .a_row = 2,
                               .a_step = 2 * DCN_CPU_PANEL,
                               .c_row = kernel->width};
    for (int64_t block = begin; block < end; block++) {
        int64_t out = block / kernel->in_panels, in = block % kernel->in_panels;
        kernel->own.loops->dots(&dots, x_panel(kernel, run->scratch, in), d_y_panel(kernel, run->scratch, out),
                                (float *)run->outputs[0] + out * kernel->out_stride + in * kernel->in_stride,
                                DCN_CPU_PANEL);
    }
}

static void run_pairs(const dcn_kernel *base, void *const *inputs, void *const *outputs, void *scratch)
{
    const pair_kernel *kernel = (const pair_kernel *)base;
    dcn_cpu_run run = dcn_cpu_run_of(base, inputs, outputs, scratch);
    dcn_cpu_parallel(&run, groups_of(kernel->in_panels) + groups_of(kernel->out_panels),
                     kernel->batch * PACKED_PANELS * DCN_CPU_PANEL, pack_body);
    dcn_cpu_parallel(&run, kernel->in_panels * kernel->out_panels,
                     kernel->batch * kernel->width * DCN_CPU_PANEL / DOTS_A_ELEMENT + 1, multiply_body);
}

bool dcn_cpu_suits_pairs(const dcn_cpu_device *device, const dcn_op_call *call, const dnnl_memory_desc_t *weight)
{
    const dnnl_blocking_desc_t *blocking = &weight->format_desc.blocking;
    int64_t batch = call->input[0].shape.dim[0];
    return call->op == DECANT_OP_LINEAR_GRAD_WEIGHT && dcn_cpu_is_narrow(call) && device->has_fast_dots &&
           batch >= MIN_ROWS && batch <= MAX_ROWS && weight->data_type == dnnl_f32 &&
           weight->format_kind == dnnl_blocked && weight->ndims == 2 && weight->offset0 == 0 &&
           blocking->inner_nblks == 2 && blocking->inner_idxs[0] == 1 && blocking->inner_idxs[1] == 0 &&
           blocking->inner_blks[0] == DCN_CPU_PANEL && blocking->inner_blks[1] % DCN_CPU_PANEL == 0 &&
           blocking->inner_blks[1] <= DCN_CPU_PAIR_STRIP;
}

decant_status dcn_cpu_compile_pairs(dcn_cpu_device *device, dcn_op_call *call, const dnnl_memory_desc_t *weight,
                                    dcn_kernel **ret_kernel)
{
    pair_kernel *kernel = NULL;
    TRY_RETURN(dcn_cpu_kernel_create(device, call, sizeof *kernel, run_pairs, (void **)&kernel));
    kernel->batch = call->input[0].shape.dim[0];
    kernel->pairs = (kernel->batch + 1) / 2;
    kernel->in = call->input[0].shape.dim[1];
    kernel->out = call->input[1].shape.dim[1];
    kernel->width = weight->format_desc.blocking.inner_blks[1];
    kernel->in_panels = weight->padded_dims[1] / DCN_CPU_PANEL;
    kernel->out_panels = weight->padded_dims[0] / kernel->width;
    kernel->in_stride = weight->format_desc.blocking.strides[1];
    kernel->out_stride = weight->format_desc.blocking.strides[0];
    kernel->has_bias = call->n_outputs > 1;
    int64_t packed = kernel->in_panels * DCN_CPU_PANEL + kernel->out_panels * kernel->width;
    kernel->own.base.scratch_bytes = (size_t)(kernel->pairs * packed) * sizeof(uint32_t);
    *ret_kernel = &kernel->own.base;
    return DECANT_OK;
}
