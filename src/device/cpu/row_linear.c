/* Linear layers for a few samples, as a program gives them that predicts one at a time: the weights stay plain and are
 * read once. A primitive would first have to be started, and packing weights costs more than using them. A layer of one
 * output is the same with the parts exchanged: its only row of weights meets the samples. */
#include "device/cpu/cpu.h"

#define MAX_SAMPLES 4
#define MIN_WEIGHTS 1024 /* fewer are better off in one packed strip */
#define GROUP       4    /* outputs in one item of the parallel loop */
/* Bytes of weights come from the caches faster than dcn_cpu_parallel() expects elements to be worked on. */
#define ELEMENTS_A_COST 4

typedef struct row_kernel {
    dcn_cpu_kernel own;
    dcn_cpu_product product; /* of m rows with n rows */
    bool one_output;         /* the n rows are the samples */
    bool has_bias;
} row_kernel;

static void rows_body(const dcn_cpu_run *run, int64_t begin, int64_t end)
{
    const row_kernel *kernel = (const row_kernel *)run->kernel;
    const int64_t last = end * GROUP < kernel->product.n ? end * GROUP : kernel->product.n;
    const float *few = run->inputs[kernel->one_output ? 1 : 0], *many = run->inputs[kernel->one_output ? 0 : 1];
    kernel->own.loops->linear_rows(&kernel->product, few, many, kernel->has_bias ? run->inputs[2] : NULL,
                                   run->outputs[0], begin * GROUP, last);
}

static void run_rows(const dcn_kernel *base, void *const *inputs, void *const *outputs, void *scratch)
{
    const row_kernel *kernel = (const row_kernel *)base;
    const dcn_cpu_run run = dcn_cpu_run_of(base, inputs, outputs, scratch);
    dcn_cpu_parallel(&run, (kernel->product.n + GROUP - 1) / GROUP, GROUP * kernel->product.k / ELEMENTS_A_COST,
                     rows_body);
}

bool dcn_cpu_suits_rows(const dcn_op_call *call)
{
    if (call->op != DECANT_OP_LINEAR || call->input[0].dtype != DECANT_F32) return false;
    return call->attrs.linear.features == 1 ||
           (call->input[0].shape.dim[0] <= MAX_SAMPLES && decant_shape_count(&call->input[1].shape) >= MIN_WEIGHTS);
}

/* y[N,O] = x[N,I] w[O,I]^T */
decant_status dcn_cpu_compile_rows(dcn_cpu_device *device, dcn_op_call *call, dcn_kernel **ret_kernel)
{
    row_kernel *kernel = NULL;
    dcn_cpu_ask_activation(call);
    TRY_RETURN(dcn_cpu_kernel_create(device, call, sizeof *kernel, run_rows, (void **)&kernel));
    const int64_t samples = call->input[0].shape.dim[0];
    kernel->one_output = call->attrs.linear.features == 1;
    kernel->product = (dcn_cpu_product){.m = kernel->one_output ? 1 : samples,
                                        .n = kernel->one_output ? samples : call->attrs.linear.features,
                                        .k = call->input[1].shape.dim[1],
                                        .bias_step = kernel->one_output ? 0 : 1,
                                        .relu = call->attrs.linear.activation == DCN_ACTIVATION_RELU};
    kernel->has_bias = call->n_inputs > 2;
    *ret_kernel = &kernel->own.base;
    return DECANT_OK;
}
