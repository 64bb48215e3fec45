/* Softmax, the losses (value and gradient in one pass) and accuracy over rows of logits. */
#include "device/cpu/cpu.h"

/* Exponentials and the like make an element of a row about this much dearer than a copied one. */
#define ROW_COST 8

typedef struct loss_kernel {
    dcn_cpu_kernel own;
    dcn_cpu_loss loss;
    int64_t rows;
    double factor; /* of the summed row losses */
    bool mixed;    /* ce with two labels */
} loss_kernel;

static decant_status compile_rows(dcn_cpu_device *device, dcn_op_call *call,
                                  void (*run)(const dcn_kernel *, void *const *, void *const *, void *),
                                  loss_kernel **ret_kernel)
{
    loss_kernel *kernel = NULL;
    dcn_cpu_ask_activation(call);
    TRY_RETURN(dcn_cpu_kernel_create(device, call, sizeof *kernel, run, (void **)&kernel));
    kernel->rows = call->input[0].shape.dim[0];
    kernel->loss.classes = call->input[0].shape.dim[1];
    *ret_kernel = kernel;
    return DECANT_OK;
}

static void over_rows(const dcn_kernel *base, void *const *inputs, void *const *outputs, void *scratch,
                      dcn_cpu_body *body)
{
    const loss_kernel *kernel = (const loss_kernel *)base;
    dcn_cpu_run run = dcn_cpu_run_of(base, inputs, outputs, scratch);
    dcn_cpu_parallel(&run, kernel->rows, kernel->loss.classes * ROW_COST, body);
}

/* --- softmax --- */

static void softmax_body(const dcn_cpu_run *run, int64_t begin, int64_t end)
{
    const loss_kernel *kernel = (const loss_kernel *)run->kernel;
    kernel->own.loops->softmax(run->inputs[0], run->outputs[0], kernel->loss.classes, begin, end);
}

static void run_softmax(const dcn_kernel *base, void *const *inputs, void *const *outputs, void *scratch)
{
    over_rows(base, inputs, outputs, scratch, softmax_body);
}

decant_status dcn_cpu_compile_softmax(dcn_cpu_device *device, dcn_op_call *call, dcn_kernel **ret_kernel)
{
    loss_kernel *kernel = NULL;
    TRY_RETURN(compile_rows(device, call, run_softmax, &kernel));
    *ret_kernel = &kernel->own.base;
    return DECANT_OK;
}

static void softmax_grad_body(const dcn_cpu_run *run, int64_t begin, int64_t end)
{
    const loss_kernel *kernel = (const loss_kernel *)run->kernel;
    kernel->own.loops->softmax_grad(run->inputs[0], run->inputs[1], run->outputs[0], kernel->loss.classes, begin, end);
}

static void run_softmax_grad(const dcn_kernel *base, void *const *inputs, void *const *outputs, void *scratch)
{
    over_rows(base, inputs, outputs, scratch, softmax_grad_body);
}

decant_status dcn_cpu_compile_softmax_grad(dcn_cpu_device *device, dcn_op_call *call, dcn_kernel **ret_kernel)
{
    loss_kernel *kernel = NULL;
    TRY_RETURN(compile_rows(device, call, run_softmax_grad, &kernel));
    *ret_kernel = &kernel->own.base;
    return DECANT_OK;
}

/* --- losses: the scratch memory holds one loss a row, summed in order --- */

static void store_mean(const loss_kernel *kernel, const double *row_loss, float *ret_loss)
{
    double sum = 0.0;
    for (int64_t row = 0; row < kernel->rows; row++)
        sum += row_loss[row];
    *ret_loss = (float)(sum * kernel->factor);
}

static void ce_body(const dcn_cpu_run *run, int64_t begin, int64_t end)
{
    const loss_kernel *kernel = (const loss_kernel *)run->kernel;
    kernel->own.loops->loss_ce(&kernel->loss, run->inputs[0], run->inputs[1], kernel->mixed ? run->inputs[2] : NULL,
                               kernel->mixed ? run->inputs[3] : NULL, run->scratch, run->outputs[1], begin, end);
}

static void run_loss_ce(const dcn_kernel *base, void *const *inputs, void *const *outputs, void *scratch)
{
    over_rows(base, inputs, outputs, scratch, ce_body);
    store_mean((const loss_kernel *)base, scratch, outputs[0]);
}

decant_status dcn_cpu_compile_loss_ce(dcn_cpu_device *device, dcn_op_call *call, dcn_kernel **ret_kernel)
{
    const dcn_loss_attrs *attrs = &call->attrs.loss;
    loss_kernel *kernel = NULL;
    TRY_RETURN(compile_rows(device, call, run_loss_ce, &kernel));
    kernel->loss.smoothing = attrs->label_smoothing;
    kernel->loss.scale = (float)(attrs->weight / (double)kernel->rows);
    kernel->factor = 1.0 / (double)kernel->rows;
    kernel->mixed = call->n_inputs > 3;
    kernel->own.base.scratch_bytes = (size_t)kernel->rows * sizeof(double);
    *ret_kernel = &kernel->own.base;
    return DECANT_OK;
}

static void kd_body(const dcn_cpu_run *run, int64_t begin, int64_t end)
{
    const loss_kernel *kernel = (const loss_kernel *)run->kernel;
    kernel->own.loops->loss_kd(&kernel->loss, run->inputs[0], run->inputs[1], run->scratch, run->outputs[1], begin,
                               end);
}

static void run_loss_kd(const dcn_kernel *base, void *const *inputs, void *const *outputs, void *scratch)
{
    over_rows(base, inputs, outputs, scratch, kd_body);
    store_mean((const loss_kernel *)base, scratch, outputs[0]);
}

decant_status dcn_cpu_compile_loss_kd(dcn_cpu_device *device, dcn_op_call *call, dcn_kernel **ret_kernel)
{
    const dcn_loss_attrs *attrs = &call->attrs.loss;
    loss_kernel *kernel = NULL;
    TRY_RETURN(compile_rows(device, call, run_loss_kd, &kernel));
    kernel->loss.temperature = attrs->temperature;
    kernel->loss.scale = (float)(attrs->weight * attrs->temperature / (double)kernel->rows);
    kernel->factor = attrs->temperature * attrs->temperature / (double)kernel->rows;
    kernel->own.base.scratch_bytes = (size_t)kernel->rows * sizeof(double);
    *ret_kernel = &kernel->own.base;
    return DECANT_OK;
}

static void bce_body(const dcn_cpu_run *run, int64_t begin, int64_t end)
{
    const loss_kernel *kernel = (const loss_kernel *)run->kernel;
    kernel->own.loops->loss_bce(&kernel->loss, run->inputs[0], run->inputs[1], run->scratch, run->outputs[1], begin,
                                end);
}

static void run_loss_bce(const dcn_kernel *base, void *const *inputs, void *const *outputs, void *scratch)
{
    over_rows(base, inputs, outputs, scratch, bce_body);
    store_mean((const loss_kernel *)base, scratch, outputs[0]);
}

/* A loss that is a mean over all elements; gradient_factor: of an element's part of the gradient. */
static decant_status compile_mean(dcn_cpu_device *device, dcn_op_call *call,
                                  void (*run)(const dcn_kernel *, void *const *, void *const *, void *),
                                  double gradient_factor, loss_kernel **ret_kernel)
{
    loss_kernel *kernel = NULL;
    TRY_RETURN(compile_rows(device, call, run, &kernel));
    int64_t count = decant_shape_count(&call->input[0].shape);
    kernel->loss.classes = count / kernel->rows; /* a sample's elements, whatever the rank */
    kernel->loss.scale = (float)(call->attrs.loss.weight * gradient_factor / (double)count);
    kernel->factor = 1.0 / (double)count;
    kernel->own.base.scratch_bytes = (size_t)kernel->rows * sizeof(double);
    *ret_kernel = kernel;
    return DECANT_OK;
}

decant_status dcn_cpu_compile_loss_bce(dcn_cpu_device *device, dcn_op_call *call, dcn_kernel **ret_kernel)
{
    loss_kernel *kernel = NULL;
    TRY_RETURN(compile_mean(device, call, run_loss_bce, 1, &kernel));
    *ret_kernel = &kernel->own.base;
    return DECANT_OK;
}

static void dkd_body(const dcn_cpu_run *run, int64_t begin, int64_t end)
{
    const loss_kernel *kernel = (const loss_kernel *)run->kernel;
    kernel->own.loops->loss_dkd(&kernel->loss, run->inputs[0], run->inputs[1], run->inputs[2], run->scratch,
                                run->outputs[1], begin, end);
}

static void run_loss_dkd(const dcn_kernel *base, void *const *inputs, void *const *outputs, void *scratch)
{
    over_rows(base, inputs, outputs, scratch, dkd_body);
    store_mean((const loss_kernel *)base, scratch, outputs[0]);
}

decant_status dcn_cpu_compile_loss_dkd(dcn_cpu_device *device, dcn_op_call *call, dcn_kernel **ret_kernel)
{
    const dcn_loss_attrs *attrs = &call->attrs.loss;
    loss_kernel *kernel = NULL;
    TRY_RETURN(compile_rows(device, call, run_loss_dkd, &kernel));
    kernel->loss.temperature = attrs->temperature;
    kernel->loss.alpha = attrs->alpha;
    kernel->loss.beta = attrs->beta;
    kernel->loss.scale = (float)(attrs->weight * attrs->temperature / (double)kernel->rows);
    kernel->factor = attrs->temperature * attrs->temperature / (double)kernel->rows;
    kernel->own.base.scratch_bytes = (size_t)kernel->rows * sizeof(double);
    *ret_kernel = &kernel->own.base;
    return DECANT_OK;
}

/* --- losses of features: maps stay in the layout they come in, for both have the same --- */

static void mse_body(const dcn_cpu_run *run, int64_t begin, int64_t end)
{
    const loss_kernel *kernel = (const loss_kernel *)run->kernel;
    kernel->own.loops->loss_mse(&kernel->loss, run->inputs[0], run->inputs[1], run->scratch, run->outputs[1], begin,
                                end);
}

static void run_loss_mse(const dcn_kernel *base, void *const *inputs, void *const *outputs, void *scratch)
{
    over_rows(base, inputs, outputs, scratch, mse_body);
    store_mean((const loss_kernel *)base, scratch, outputs[0]);
}

decant_status dcn_cpu_compile_loss_mse(dcn_cpu_device *device, dcn_op_call *call, dcn_kernel **ret_kernel)
{
    loss_kernel *kernel = NULL;
    TRY_RETURN(compile_mean(device, call, run_loss_mse, 2, &kernel));
    kernel->loss.center = call->attrs.loss.center;
    *ret_kernel = &kernel->own.base;
    return DECANT_OK;
}

static void cosine_body(const dcn_cpu_run *run, int64_t begin, int64_t end)
{
    const loss_kernel *kernel = (const loss_kernel *)run->kernel;
    kernel->own.loops->loss_cosine(&kernel->loss, run->inputs[0], run->inputs[1], run->scratch, run->outputs[1], begin,
                                   end);
}

static void run_loss_cosine(const dcn_kernel *base, void *const *inputs, void *const *outputs, void *scratch)
{
    over_rows(base, inputs, outputs, scratch, cosine_body);
    store_mean((const loss_kernel *)base, scratch, outputs[0]);
}

decant_status dcn_cpu_compile_loss_cosine(dcn_cpu_device *device, dcn_op_call *call, dcn_kernel **ret_kernel)
{
    loss_kernel *kernel = NULL;
    TRY_RETURN(compile_mean(device, call, run_loss_cosine, 1, &kernel));
    kernel->loss.scale = (float)(call->attrs.loss.weight / (double)kernel->rows);
    kernel->factor = 1.0 / (double)kernel->rows;
    *ret_kernel = &kernel->own.base;
    return DECANT_OK;
}

/* --- logits on one scale --- */

static void standardize_body(const dcn_cpu_run *run, int64_t begin, int64_t end)
{
    const loss_kernel *kernel = (const loss_kernel *)run->kernel;
    kernel->own.loops->standardize(run->inputs[0], run->outputs[0], kernel->loss.classes, begin, end);
}

static void run_standardize(const dcn_kernel *base, void *const *inputs, void *const *outputs, void *scratch)
{
    over_rows(base, inputs, outputs, scratch, standardize_body);
}

decant_status dcn_cpu_compile_standardize(dcn_cpu_device *device, dcn_op_call *call, dcn_kernel **ret_kernel)
{
    loss_kernel *kernel = NULL;
    TRY_RETURN(compile_rows(device, call, run_standardize, &kernel));
    *ret_kernel = &kernel->own.base;
    return DECANT_OK;
}

static void standardize_grad_body(const dcn_cpu_run *run, int64_t begin, int64_t end)
{
    const loss_kernel *kernel = (const loss_kernel *)run->kernel;
    kernel->own.loops->standardize_grad(run->inputs[0], run->inputs[1], run->outputs[0], kernel->loss.classes, begin,
                                        end);
}

static void run_standardize_grad(const dcn_kernel *base, void *const *inputs, void *const *outputs, void *scratch)
{
    over_rows(base, inputs, outputs, scratch, standardize_grad_body);
}

decant_status dcn_cpu_compile_standardize_grad(dcn_cpu_device *device, dcn_op_call *call, dcn_kernel **ret_kernel)
{
    loss_kernel *kernel = NULL;
    TRY_RETURN(compile_rows(device, call, run_standardize_grad, &kernel));
    *ret_kernel = &kernel->own.base;
    return DECANT_OK;
}

static void run_accuracy(const dcn_kernel *base, void *const *inputs, void *const *outputs, void *scratch)
{
    const loss_kernel *kernel = (const loss_kernel *)base;
    (void)scratch;
    kernel->own.loops->correct(inputs[0], inputs[1], kernel->loss.classes, kernel->rows, outputs[0]);
}

decant_status dcn_cpu_compile_accuracy(dcn_cpu_device *device, dcn_op_call *call, dcn_kernel **ret_kernel)
{
    loss_kernel *kernel = NULL;
    TRY_RETURN(compile_rows(device, call, run_accuracy, &kernel));
    *ret_kernel = &kernel->own.base;
    return DECANT_OK;
}
