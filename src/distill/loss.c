/* The public loss functions: checks at the edge, then one loss op compiled and run on the ref device.
 * Training does not come through here: its losses are nodes of the step's program. */
#include "decant/loss.h"

#include <string.h>

#include "base/memory.h"
#include "device/device.h"
#include "distill/term.h"
#include "tensor/shape.h"

/* Runs a loss op with two inputs; gradient may be NULL. */
static decant_status run_loss(decant_op op, const decant_op_attrs *attrs, const decant_tensor *first,
                              const decant_tensor *second, float *ret_loss, decant_tensor *ret_grad)
{
    dcn_device *device = NULL;
    dcn_kernel *kernel = NULL;
    void *scratch = NULL;
    float *spare_gradient = NULL; /* [n, classes], where the caller wants none */
    float loss = 0;
    decant_status status = DECANT_OK;

    dcn_op_call call;
    memset(&call, 0, sizeof call);
    call.op = op;
    call.attrs = *attrs;
    call.n_inputs = 2;
    call.n_outputs = 2;
    call.input[0] = (dcn_tensor_desc){first->dtype, first->shape, DCN_LAYOUT_PLAIN};
    call.input[1] = (dcn_tensor_desc){second->dtype, second->shape, DCN_LAYOUT_PLAIN};
    TRY(dcn_op_infer(&call));

    TRY(dcn_device_open("ref", NULL, &device));
    TRY(device->class->compile(device, &call, &kernel));
    TRY(dcn_new_aligned(kernel->scratch_bytes, &scratch));
    if (ret_grad == NULL) {
        size_t bytes = 0;
        TRY(dcn_shape_bytes(&call.output[1].shape, DECANT_F32, &bytes));
        TRY(dcn_new_aligned(bytes, (void **)&spare_gradient));
    }
    void *const inputs[2] = {first->data, second->data};
    void *const outputs[2] = {&loss, ret_grad != NULL ? ret_grad->data : spare_gradient};
    kernel->run(kernel, inputs, outputs, scratch);
    *ret_loss = loss;
out:
    dcn_free_aligned(spare_gradient);
    dcn_free_aligned(scratch);
    if (kernel != NULL) kernel->destroy(kernel);
    dcn_device_close(device);
    return status;
}

static decant_status check_logits(const char *what, const decant_tensor *logits)
{
    if (logits->data == NULL || logits->dtype != DECANT_F32) {
        return DCN_FAIL(INVALID_ARG, "%s must be an f32 tensor with data", what);
    }
    if (logits->shape.rank != 2 || logits->shape.dim[0] < 1 || logits->shape.dim[1] < 1) {
        char text[DCN_SHAPE_TEXT];
        return DCN_FAIL(SHAPE, "%s must be [n, classes] with n and classes at least 1, not %s", what,
                        dcn_shape_text(&logits->shape, text));
    }
    return DECANT_OK;
}

static decant_status check_gradient(const decant_tensor *grad, const decant_tensor *logits)
{
    if (grad == NULL) return DECANT_OK;
    TRY_RETURN(check_logits("ret_grad", grad));
    if (!decant_shape_equal(&grad->shape, &logits->shape)) {
        return DCN_FAIL(SHAPE, "ret_grad must have the shape of the logits it is the gradient at");
    }
    return DECANT_OK;
}

static decant_status check_labels(const decant_tensor *labels, const decant_tensor *logits)
{
    if (labels == NULL || labels->data == NULL || labels->dtype != DECANT_I32) {
        return DCN_FAIL(INVALID_ARG, "labels must be an i32 tensor with data");
    }
    if (labels->shape.rank != 1 || labels->shape.dim[0] != logits->shape.dim[0]) {
        char text[DCN_SHAPE_TEXT];
        return DCN_FAIL(SHAPE, "labels must be [%lld], one a row of the logits, not %s",
                        (long long)logits->shape.dim[0], dcn_shape_text(&labels->shape, text));
    }
    const int32_t *label = labels->data; /* [n] */
    for (int64_t n = 0; n < labels->shape.dim[0]; n++) {
        if (label[n] < 0 || label[n] >= logits->shape.dim[1]) {
            return DCN_FAIL(INVALID_ARG, "label %d of row %lld is outside [0, %lld)", label[n], (long long)n,
                            (long long)logits->shape.dim[1]);
        }
    }
    return DECANT_OK;
}

static decant_op_attrs loss_attrs(double temperature, double label_smoothing)
{
    decant_op_attrs attrs;
    memset(&attrs, 0, sizeof attrs);
    attrs.loss = (dcn_loss_attrs){.weight = 1, .temperature = temperature, .label_smoothing = label_smoothing};
    return attrs;
}

decant_status decant_loss_ce(const decant_tensor *logits, const decant_tensor *labels, float label_smoothing,
                             float *ret_loss, decant_tensor *ret_grad)
{
    DCN_REQUIRE(logits, labels, ret_loss);
    dcn_term term = {.kind = DCN_TERM_CE, .weight = 1, .label_smoothing = (double)label_smoothing};
    TRY_RETURN(dcn_term_check(&term));
    TRY_RETURN(check_logits("logits", logits));
    TRY_RETURN(check_labels(labels, logits));
    TRY_RETURN(check_gradient(ret_grad, logits));
    decant_op_attrs attrs = loss_attrs(1, (double)label_smoothing);
    return run_loss(DECANT_OP_LOSS_CE, &attrs, logits, labels, ret_loss, ret_grad);
}

decant_status decant_loss_kd(const decant_tensor *student, const decant_tensor *teacher, float temperature,
                             float *ret_loss, decant_tensor *ret_grad)
{
    DCN_REQUIRE(student, teacher, ret_loss);
    dcn_term term = {.kind = DCN_TERM_KD, .weight = 1, .temperature = (double)temperature};
    TRY_RETURN(dcn_term_check(&term));
    TRY_RETURN(check_logits("student", student));
    TRY_RETURN(check_logits("teacher", teacher));
    TRY_RETURN(check_gradient(ret_grad, student));
    decant_op_attrs attrs = loss_attrs((double)temperature, 0);
    return run_loss(DECANT_OP_LOSS_KD, &attrs, student, teacher, ret_loss, ret_grad);
}
