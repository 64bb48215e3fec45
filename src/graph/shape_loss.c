/* Shape rules of the losses and of the ops that update parameters in place. */
#include <inttypes.h>
#include <math.h>

#include "graph/rules.h"
#include "tensor/shape.h"

#define LOGITS_HINT "a loss compares rows of logits [batch, classes]"

/* The value of a loss [1] and the gradient at input 0. */
static decant_status loss_outputs(dcn_op_call *call)
{
    call->output[0].shape = dcn_shape1(1);
    call->output[1].shape = call->input[0].shape;
    return DECANT_OK;
}

static decant_status check_weight(const dcn_op_call *call)
{
    if (isfinite(call->attrs.loss.weight)) return DECANT_OK;
    return DCN_FAIL(INVALID_ARG, "%s: the weight is not a finite number", dcn_rule_op(call));
}

decant_status dcn_shape_loss_ce(dcn_op_call *call)
{
    double smoothing = call->attrs.loss.label_smoothing;
    decant_shape rows = dcn_shape1(call->input[0].shape.dim[0]);
    TRY_RETURN(dcn_rule_rank(call, 0, "logits", 2, LOGITS_HINT));
    TRY_RETURN(check_weight(call));
    if (!(smoothing >= 0 && smoothing < 1))
        return DCN_FAIL(INVALID_ARG, "loss_ce: label smoothing is %g, but must be at least 0 and below 1", smoothing);
    if (call->n_inputs == 3)
        return DCN_FAIL(INVALID_ARG, "loss_ce takes logits and labels, or logits, two sets of labels and their mix");
    for (int32_t i = 1; i < call->n_inputs; i++)
        TRY_RETURN(dcn_rule_expect(call, i, i == 3 ? "the mix" : "the labels", rows));
    return loss_outputs(call);
}

decant_status dcn_shape_loss_kd(dcn_op_call *call)
{
    double temperature = call->attrs.loss.temperature;
    TRY_RETURN(dcn_rule_rank(call, 0, "the student's logits", 2, LOGITS_HINT));
    TRY_RETURN(check_weight(call));
    if (!(temperature > 0 && isfinite(temperature)))
        return DCN_FAIL(INVALID_ARG, "loss_kd: the temperature is %g, but must be above 0 and finite", temperature);
    TRY_RETURN(dcn_rule_expect(call, 1, "the teacher's logits", call->input[0].shape));
    return loss_outputs(call);
}

decant_status dcn_shape_loss_bce(dcn_op_call *call)
{
    TRY_RETURN(dcn_rule_rank(call, 0, "logits", 2, LOGITS_HINT));
    TRY_RETURN(check_weight(call));
    TRY_RETURN(dcn_rule_expect(call, 1, "the labels", dcn_shape1(call->input[0].shape.dim[0])));
    return loss_outputs(call);
}

decant_status dcn_shape_loss_dkd(dcn_op_call *call)
{
    const dcn_loss_attrs *attrs = &call->attrs.loss;
    TRY_RETURN(dcn_shape_loss_kd(call));
    TRY_RETURN(dcn_rule_expect(call, 2, "the labels", dcn_shape1(call->input[0].shape.dim[0])));
    if (call->input[0].shape.dim[1] < 2)
        return DCN_FAIL(SHAPE, "loss_dkd: there must be a class beside the label's, but the logits have one column");
    if (!isfinite(attrs->alpha) || !isfinite(attrs->beta))
        return DCN_FAIL(INVALID_ARG, "loss_dkd: alpha and beta must be finite, not %g and %g", attrs->alpha,
                        attrs->beta);
    return DECANT_OK;
}

decant_status dcn_shape_loss_mse(dcn_op_call *call)
{
    TRY_RETURN(check_weight(call));
    if (call->attrs.loss.center) TRY_RETURN(dcn_rule_rank(call, 0, "what is centred", 2, LOGITS_HINT));
    TRY_RETURN(dcn_rule_expect(call, 1, "what is compared with", call->input[0].shape));
    return loss_outputs(call);
}

decant_status dcn_shape_loss_cosine(dcn_op_call *call)
{
    TRY_RETURN(check_weight(call));
    TRY_RETURN(dcn_rule_expect(call, 1, "what is compared with", call->input[0].shape));
    return loss_outputs(call);
}

decant_status dcn_shape_standardize(dcn_op_call *call)
{
    TRY_RETURN(dcn_rule_rank(call, 0, "logits", 2, "rows are standardised"));
    if (call->input[0].shape.dim[1] < 2) return DCN_FAIL(SHAPE, "standardize: a row of one number has no deviation");
    return dcn_rule_same(call);
}

decant_status dcn_shape_standardize_grad(dcn_op_call *call)
{
    TRY_RETURN(dcn_rule_expect(call, 1, "x", call->input[0].shape));
    return dcn_shape_standardize(call);
}

decant_status dcn_shape_accuracy(dcn_op_call *call)
{
    TRY_RETURN(dcn_rule_rank(call, 0, "logits", 2, LOGITS_HINT));
    TRY_RETURN(dcn_rule_expect(call, 1, "the labels", dcn_shape1(call->input[0].shape.dim[0])));
    call->output[0].shape = dcn_shape1(1);
    call->output[0].dtype = DECANT_I32;
    return DECANT_OK;
}

/* --- updates --- */

static decant_status check_hyper(const dcn_op_call *call, int32_t index)
{
    return dcn_rule_expect(call, index, "hyper", dcn_shape1(DCN_HYPER_COUNT));
}

/* All blocks alike, then hyper, then the gradient's norm where it is clipped. */
static decant_status check_update(const dcn_op_call *call, int32_t n_blocks)
{
    const dcn_update_attrs *attrs = &call->attrs.update;
    for (int32_t i = 1; i < n_blocks; i++)
        TRY_RETURN(dcn_rule_expect(call, i, "a block", call->input[0].shape));
    TRY_RETURN(check_hyper(call, n_blocks));

    bool clips = attrs->max_norm > 0, has_norm = call->n_inputs == n_blocks + 2;
    if (!isfinite(attrs->max_norm) || attrs->max_norm < 0)
        return DCN_FAIL(INVALID_ARG, "%s: the largest norm is %g, but must be 0 (off) or above", dcn_rule_op(call),
                        attrs->max_norm);
    if (clips != has_norm)
        return DCN_FAIL(INVALID_ARG, "%s: clipping is %s but the gradient's norm is %s", dcn_rule_op(call),
                        clips ? "on" : "off", has_norm ? "given" : "missing");
    if (has_norm) TRY_RETURN(dcn_rule_expect(call, n_blocks + 1, "the norm", dcn_shape1(1)));
    return DECANT_OK;
}

decant_status dcn_shape_grad_norm(dcn_op_call *call)
{
    call->output[0].shape = dcn_shape1(1);
    return DECANT_OK;
}

decant_status dcn_shape_sgd_update(dcn_op_call *call)
{
    const dcn_update_attrs *attrs = &call->attrs.update;
    if (attrs->nesterov && !attrs->has_momentum) return DCN_FAIL(INVALID_ARG, "sgd_update: nesterov needs momentum");
    return check_update(call, 3);
}

decant_status dcn_shape_adam_update(dcn_op_call *call)
{
    return check_update(call, 4);
}

decant_status dcn_shape_ema_update(dcn_op_call *call)
{
    TRY_RETURN(dcn_rule_expect(call, 1, "the parameters", call->input[0].shape));
    return check_hyper(call, 2);
}
