/* The op table as data, and the entry to shape inference: counts and element types are checked here once for every op,
 * the shapes by the op's own rule (shape_*.c). */
#include "graph/op.h"

#include <string.h>

#include "graph/rules.h"
#include "tensor/shape.h"

/* The flags as op.def spells them. */
enum {
    MODEL = DCN_OP_MODEL,
    GRAD = DCN_OP_GRAD,
    LOSS = DCN_OP_LOSS,
    UPDATE = DCN_OP_UPDATE,
    DIFF = DCN_OP_DIFF,
    INPLACE = DCN_OP_INPLACE,
    VIEW = DCN_OP_VIEW
};

static const dcn_op_info table[DECANT_OP_COUNT] = {
#define OP(upper, lower, attrs, in0, in1, out, onnx, tol, flags)                                                       \
    [DECANT_OP_##upper] = {#lower, onnx, in0, in1, out, tol, (uint32_t)(flags)},
#include "graph/op.def"
};

static dcn_shape_rule *const shape_rules[DECANT_OP_COUNT] = {
#define OP(upper, lower, attrs, in0, in1, out, onnx, tol, flags) [DECANT_OP_##upper] = dcn_shape_##lower,
#include "graph/op.def"
};

static const char *const activation_names[] = {
    [DCN_ACTIVATION_NONE] = "none",           [DCN_ACTIVATION_RELU] = "relu",       [DCN_ACTIVATION_RELU6] = "relu6",
    [DCN_ACTIVATION_HARDSWISH] = "hardswish", [DCN_ACTIVATION_SIGMOID] = "sigmoid", [DCN_ACTIVATION_GELU] = "gelu",
};

const dcn_op_info *dcn_op_get(decant_op op)
{
    return &table[op];
}

bool dcn_op_find(const char *name, decant_op *ret_op)
{
    for (int op = 0; op < DECANT_OP_COUNT; op++) {
        if (strcmp(table[op].name, name) == 0) {
            *ret_op = (decant_op)op;
            return true;
        }
    }
    return false;
}

const char *dcn_activation_name(dcn_activation activation)
{
    return (unsigned)activation <= DCN_ACTIVATION_GELU ? activation_names[activation] : "unknown";
}

dcn_op_narrow dcn_op_may_narrow(decant_op op)
{
    enum { FIRST = 1, BOTH = 3, ALL = (1 << DCN_MAX_INPUTS) - 1 };
    switch (op) {
    case DECANT_OP_CONV2D:
    case DECANT_OP_CONV2D_GRAD_INPUT:
    case DECANT_OP_LINEAR:
    case DECANT_OP_LINEAR_GRAD_INPUT:
        return (dcn_op_narrow){BOTH, FIRST, true};
    case DECANT_OP_CONV2D_GRAD_WEIGHT:
    case DECANT_OP_LINEAR_GRAD_WEIGHT:
        return (dcn_op_narrow){BOTH, 0, true};
    case DECANT_OP_BATCHNORM_GRAD:
    case DECANT_OP_ACTIVATION_GRAD:
    case DECANT_OP_RECTIFIED_DROPOUT_GRAD:
    case DECANT_OP_ADD:
        return (dcn_op_narrow){BOTH, FIRST, false};
    case DECANT_OP_CONCAT:
        return (dcn_op_narrow){ALL, FIRST, false};
    case DECANT_OP_BATCHNORM:
    case DECANT_OP_BATCHNORM_TRAIN:
    case DECANT_OP_RELU:
    case DECANT_OP_RELU6:
    case DECANT_OP_HARDSWISH:
    case DECANT_OP_SIGMOID:
    case DECANT_OP_GELU:
    case DECANT_OP_MAXPOOL:
    case DECANT_OP_MAXPOOL_GRAD:
    case DECANT_OP_AVGPOOL:
    case DECANT_OP_AVGPOOL_GRAD:
    case DECANT_OP_ADAPTIVE_AVGPOOL:
    case DECANT_OP_ADAPTIVE_AVGPOOL_GRAD:
    case DECANT_OP_DROPOUT:
    case DECANT_OP_DROPOUT_GRAD:
    case DECANT_OP_FLATTEN:
    case DECANT_OP_RESHAPE:
    case DECANT_OP_SLICE:
    case DECANT_OP_PAD_CHANNELS:
    case DECANT_OP_PAD_CHANNELS_GRAD:
    case DECANT_OP_REPEAT_CHANNELS:
    case DECANT_OP_REPEAT_CHANNELS_GRAD:
        return (dcn_op_narrow){FIRST, FIRST, false};
    default:
        return (dcn_op_narrow){0, 0, false};
    }
}

/* The element type that input `index` must have; everything not named here shares the type of input 0. */
static decant_dtype wanted_dtype(const dcn_op_call *call, int32_t index)
{
    switch (call->op) {
    case DECANT_OP_DROPOUT:
    case DECANT_OP_DROPOUT_GRAD:
        return index == 1 ? DECANT_I64 : call->input[0].dtype; /* {seed, step} */
    case DECANT_OP_MAXPOOL_GRAD:
    case DECANT_OP_ACCURACY:
    case DECANT_OP_LOSS_BCE:
        return index == 1 ? DECANT_I32 : call->input[0].dtype; /* winners, labels */
    case DECANT_OP_LOSS_CE:
        if (index == 1 || index == 2) return DECANT_I32; /* labels */
        return index == 3 ? DECANT_F32 : call->input[0].dtype;
    case DECANT_OP_LOSS_DKD:
        return index == 2 ? DECANT_I32 : call->input[0].dtype; /* labels */
    case DECANT_OP_SGD_UPDATE:
        return index == 3 ? DECANT_F32 : call->input[0].dtype; /* hyper is F32 even in an F64 program */
    case DECANT_OP_ADAM_UPDATE:
        return index == 4 ? DECANT_F32 : call->input[0].dtype;
    case DECANT_OP_EMA_UPDATE:
        return index == 2 ? DECANT_F32 : call->input[0].dtype;
    default:
        return call->input[0].dtype;
    }
}

static decant_status check_inputs(const dcn_op_call *call)
{
    const dcn_op_info *info = &table[call->op];
    if (call->n_inputs < info->min_inputs || call->n_inputs > info->max_inputs)
        return DCN_FAIL(INVALID_ARG, "%s takes %d to %d inputs, not %d", info->name, (int)info->min_inputs,
                        (int)info->max_inputs, (int)call->n_inputs);

    for (int32_t i = 0; i < call->n_inputs; i++) {
        const dcn_tensor_desc *input = &call->input[i];
        decant_dtype wanted = wanted_dtype(call, i);
        if (i == 0 && input->dtype != DECANT_F32 && input->dtype != DECANT_F64)
            return DCN_FAIL(INVALID_ARG, "%s computes in f32 or f64, not %s", info->name,
                            decant_dtype_name(input->dtype));
        if (input->dtype != wanted)
            return DCN_FAIL(INVALID_ARG, "%s wants input %d as %s but got %s", info->name, (int)i,
                            decant_dtype_name(wanted), decant_dtype_name(input->dtype));

        int64_t count = 0;
        TRY_RETURN(dcn_shape_count_checked(&input->shape, &count));
        char text[DCN_SHAPE_TEXT];
        if (count == 0)
            return DCN_FAIL(SHAPE, "%s: input %d is empty, %s", info->name, (int)i,
                            dcn_shape_text(&input->shape, text));
    }
    return DECANT_OK;
}

/* How many outputs this call makes: the row's number, except where the caller or an attribute chooses. */
static int32_t output_count(const dcn_op_call *call)
{
    switch (call->op) {
    case DECANT_OP_MAXPOOL:
        return call->n_outputs == 2 ? 2 : 1; /* the index is made only for a backward pass */
    case DECANT_OP_CONV2D_GRAD_WEIGHT:
        return call->attrs.conv.bias ? 2 : 1;
    case DECANT_OP_LINEAR_GRAD_WEIGHT:
        return call->attrs.linear.bias ? 2 : 1;
    default:
        return table[call->op].max_outputs;
    }
}

decant_status dcn_op_infer(dcn_op_call *call)
{
    if ((unsigned)call->op >= DECANT_OP_COUNT)
        return DCN_FAIL(INVALID_ARG, "op number %d does not exist", (int)call->op);
    TRY_RETURN(check_inputs(call));

    /* Rules work on a copy, so that a call that does not fit is left as it was. */
    dcn_op_call inferred = *call;
    inferred.n_outputs = output_count(call);
    for (int32_t i = 0; i < inferred.n_outputs; i++)
        inferred.output[i].dtype = call->input[0].dtype;
    TRY_RETURN(shape_rules[call->op](&inferred));

    for (int32_t i = 0; i < inferred.n_outputs; i++) {
        size_t bytes = 0;
        decant_status status = dcn_shape_bytes(&inferred.output[i].shape, inferred.output[i].dtype, &bytes);
        if (status != DECANT_OK) {
            dcn_while("working out the output of %s", table[call->op].name);
            return status;
        }
    }
    *call = inferred;
    return DECANT_OK;
}
