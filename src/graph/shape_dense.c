/* Shape rules of linear layers, normalisation, activations, dropout, addition and softmax. */
#include <inttypes.h>

#include "graph/rules.h"
#include "tensor/shape.h"

/* --- linear --- */

#define ROWS_HINT "a flatten or a global pooling before it makes rows [batch, features]"

static decant_status check_linear(const dcn_op_call *call)
{
    TRY_RETURN(dcn_rule_range(call, "features", call->attrs.linear.features, 1));
    return dcn_rule_fused(call, call->attrs.linear.activation);
}

decant_status dcn_shape_linear(dcn_op_call *call)
{
    const dcn_linear_attrs *attrs = &call->attrs.linear;
    const decant_shape *x = &call->input[0].shape;
    TRY_RETURN(check_linear(call));
    TRY_RETURN(dcn_rule_rank(call, 0, "x", 2, ROWS_HINT));
    TRY_RETURN(dcn_rule_expect(call, 1, "the weight", dcn_shape2(attrs->features, x->dim[1])));
    if (attrs->bias != (call->n_inputs == 3))
        return DCN_FAIL(INVALID_ARG, "linear: bias is %s but %d inputs are given", attrs->bias ? "on" : "off",
                        (int)call->n_inputs);
    if (attrs->bias) TRY_RETURN(dcn_rule_expect(call, 2, "the bias", dcn_shape1(attrs->features)));
    call->output[0].shape = dcn_shape2(x->dim[0], attrs->features);
    return DECANT_OK;
}

decant_status dcn_shape_linear_grad_input(dcn_op_call *call)
{
    const decant_shape *dy = &call->input[0].shape, *weight = &call->input[1].shape;
    TRY_RETURN(check_linear(call));
    TRY_RETURN(dcn_rule_rank(call, 1, "the weight", 2, ""));
    TRY_RETURN(dcn_rule_expect(call, 1, "the weight", dcn_shape2(call->attrs.linear.features, weight->dim[1])));
    TRY_RETURN(dcn_rule_rank(call, 0, "dy", 2, ""));
    TRY_RETURN(dcn_rule_expect(call, 0, "dy", dcn_shape2(dy->dim[0], weight->dim[0])));
    call->output[0].shape = dcn_shape2(dy->dim[0], weight->dim[1]);
    return DECANT_OK;
}

decant_status dcn_shape_linear_grad_weight(dcn_op_call *call)
{
    const dcn_linear_attrs *attrs = &call->attrs.linear;
    const decant_shape *x = &call->input[0].shape;
    TRY_RETURN(check_linear(call));
    TRY_RETURN(dcn_rule_rank(call, 0, "x", 2, ROWS_HINT));
    TRY_RETURN(dcn_rule_expect(call, 1, "dy", dcn_shape2(x->dim[0], attrs->features)));
    call->output[0].shape = dcn_shape2(attrs->features, x->dim[1]);
    if (attrs->bias) call->output[1].shape = dcn_shape1(attrs->features);
    return DECANT_OK;
}

/* --- batch normalisation --- */

static decant_status check_norm(const dcn_op_call *call, const decant_shape *x)
{
    const dcn_norm_attrs *attrs = &call->attrs.norm;
    char text[DCN_SHAPE_TEXT];
    if (x->rank != 2 && x->rank != 4)
        return DCN_FAIL(SHAPE, "%s wants rows [batch, features] or a map [batch, channels, height, width] but got %s",
                        dcn_rule_op(call), dcn_shape_text(x, text));
    if (!(attrs->eps > 0 && attrs->eps < 1)) /* written so that NaN fails */
        return DCN_FAIL(INVALID_ARG, "%s: eps is %g, but must lie between 0 and 1 (usual: 1e-5)", dcn_rule_op(call),
                        attrs->eps);
    if (!(attrs->momentum >= 0 && attrs->momentum <= 1))
        return DCN_FAIL(INVALID_ARG, "%s: momentum is %g, but must lie between 0 and 1 (usual: 0.1)", dcn_rule_op(call),
                        attrs->momentum);
    return dcn_rule_fused(call, attrs->activation);
}

/* Of y: x's, or that of the maxima. */
static decant_status norm_result(const dcn_op_call *call, const decant_shape *x, decant_shape *ret_shape)
{
    char text[DCN_SHAPE_TEXT];
    decant_shape shape = *x;
    if (call->attrs.norm.pools) {
        if (x->rank != 4 || x->dim[2] % 2 != 0 || x->dim[3] % 2 != 0)
            return DCN_FAIL(SHAPE, "%s pools 2x2 pixels of a map, which %s is not cut into", dcn_rule_op(call),
                            dcn_shape_text(x, text));
        shape.dim[2] /= 2;
        shape.dim[3] /= 2;
    }
    *ret_shape = shape;
    return DECANT_OK;
}

static decant_status check_norm_inputs(const dcn_op_call *call)
{
    static const char *const names[] = {"x", "the weight", "the bias", "the running mean", "the running variance"};
    const decant_shape *x = &call->input[0].shape;
    TRY_RETURN(check_norm(call, x));
    for (int32_t i = 1; i < 5; i++)
        TRY_RETURN(dcn_rule_expect(call, i, names[i], dcn_shape1(x->dim[1])));
    return DECANT_OK;
}

decant_status dcn_shape_batchnorm(dcn_op_call *call)
{
    TRY_RETURN(check_norm_inputs(call));
    if (call->attrs.norm.pools) return DCN_FAIL(INVALID_ARG, "batchnorm: only its training form pools");
    return dcn_rule_same(call);
}

decant_status dcn_shape_batchnorm_train(dcn_op_call *call)
{
    TRY_RETURN(check_norm_inputs(call));
    const decant_shape *x = &call->input[0].shape;
    char text[DCN_SHAPE_TEXT];
    if (decant_shape_count(x) == x->dim[1]) /* the unbiased variance of one number does not exist */
        return DCN_FAIL(SHAPE, "batchnorm_train has one value a channel in %s; train with a batch of at least 2",
                        dcn_shape_text(x, text));
    TRY_RETURN(norm_result(call, x, &call->output[0].shape));
    call->output[1].shape = call->output[2].shape = dcn_shape1(x->dim[1]);
    return DECANT_OK;
}

decant_status dcn_shape_batchnorm_grad(dcn_op_call *call)
{
    static const char *const names[] = {"dy", "x", "the weight", "the mean", "1/std", "the bias"};
    const decant_shape *x = &call->input[1].shape;
    decant_shape y;
    TRY_RETURN(check_norm(call, x));
    TRY_RETURN(norm_result(call, x, &y));
    TRY_RETURN(dcn_rule_expect(call, 0, names[0], y));
    decant_shape channels = dcn_shape1(x->dim[1]);
    for (int32_t i = 2; i < 6; i++)
        TRY_RETURN(dcn_rule_expect(call, i, names[i], channels));
    call->output[0].shape = *x;
    call->output[1].shape = call->output[2].shape = channels;
    return DECANT_OK;
}

/* --- element by element --- */

decant_status dcn_shape_relu(dcn_op_call *call)
{
    return dcn_rule_same(call);
}

decant_status dcn_shape_relu6(dcn_op_call *call)
{
    return dcn_rule_same(call);
}

decant_status dcn_shape_hardswish(dcn_op_call *call)
{
    return dcn_rule_same(call);
}

decant_status dcn_shape_sigmoid(dcn_op_call *call)
{
    return dcn_rule_same(call);
}

decant_status dcn_shape_gelu(dcn_op_call *call)
{
    return dcn_rule_same(call);
}

decant_status dcn_shape_log(dcn_op_call *call)
{
    return dcn_rule_same(call);
}

decant_status dcn_shape_activation_grad(dcn_op_call *call)
{
    int32_t kind = call->attrs.activation.kind;
    if (kind <= DCN_ACTIVATION_NONE || kind > DCN_ACTIVATION_GELU)
        return DCN_FAIL(INVALID_ARG, "activation_grad: %d is no activation", (int)kind);
    TRY_RETURN(dcn_rule_expect(call, 1, "the saved value", call->input[0].shape));
    return dcn_rule_same(call);
}

static decant_status check_dropout(const dcn_op_call *call)
{
    double p = call->attrs.dropout.p;
    if (!(p >= 0 && p < 1))
        return DCN_FAIL(INVALID_ARG, "%s: p is %g, but must be at least 0 and below 1", dcn_rule_op(call), p);
    return DECANT_OK;
}

decant_status dcn_shape_dropout(dcn_op_call *call)
{
    TRY_RETURN(check_dropout(call));
    if (call->n_inputs == 2) TRY_RETURN(dcn_rule_expect(call, 1, "the counter {seed, step}", dcn_shape1(2)));
    return dcn_rule_same(call);
}

decant_status dcn_shape_dropout_grad(dcn_op_call *call)
{
    return dcn_shape_dropout(call);
}

decant_status dcn_shape_rectified_dropout_grad(dcn_op_call *call)
{
    TRY_RETURN(check_dropout(call));
    TRY_RETURN(dcn_rule_expect(call, 1, "y", call->input[0].shape));
    return dcn_rule_same(call);
}

decant_status dcn_shape_add(dcn_op_call *call)
{
    TRY_RETURN(dcn_rule_fused(call, call->attrs.activation.kind));
    const decant_shape *a = &call->input[0].shape, *b = &call->input[1].shape;
    char a_text[DCN_SHAPE_TEXT], b_text[DCN_SHAPE_TEXT];
    if (!decant_shape_equal(a, b))
        return DCN_FAIL(SHAPE,
                        "add wants two tensors of one shape but got %s and %s; in a residual block the shortcut has to "
                        "change stride and channels as the branch does",
                        dcn_shape_text(a, a_text), dcn_shape_text(b, b_text));
    return dcn_rule_same(call);
}

decant_status dcn_shape_softmax(dcn_op_call *call)
{
    TRY_RETURN(dcn_rule_rank(call, 0, "x", 2, ROWS_HINT));
    return dcn_rule_same(call);
}

decant_status dcn_shape_softmax_grad(dcn_op_call *call)
{
    TRY_RETURN(dcn_rule_rank(call, 0, "dy", 2, ""));
    TRY_RETURN(dcn_rule_expect(call, 1, "y", call->input[0].shape));
    return dcn_rule_same(call);
}
