/* What the shape rules share: the checks, and the sentences that say which sizes met and which would fit. */
#include <inttypes.h>

#include "graph/rules.h"
#include "tensor/shape.h"

const char *dcn_rule_op(const dcn_op_call *call)
{
    return dcn_op_get(call->op)->name;
}

decant_status dcn_rule_rank(const dcn_op_call *call, int32_t index, const char *what, int32_t rank, const char *hint)
{
    const decant_shape *shape = &call->input[index].shape;
    if (shape->rank == rank) return DECANT_OK;
    char text[DCN_SHAPE_TEXT];
    return DCN_FAIL(SHAPE, "%s wants %s with %d dimensions but got %s%s%s", dcn_rule_op(call), what, (int)rank,
                    dcn_shape_text(shape, text), hint[0] != '\0' ? "; " : "", hint);
}

decant_status dcn_rule_expect(const dcn_op_call *call, int32_t index, const char *what, decant_shape wanted)
{
    const decant_shape *shape = &call->input[index].shape;
    if (decant_shape_equal(shape, &wanted)) return DECANT_OK;
    char got[DCN_SHAPE_TEXT], fits[DCN_SHAPE_TEXT];
    return DCN_FAIL(SHAPE, "%s: %s is %s where %s fits", dcn_rule_op(call), what, dcn_shape_text(shape, got),
                    dcn_shape_text(&wanted, fits));
}

decant_status dcn_rule_range(const dcn_op_call *call, const char *what, int64_t value, int64_t low)
{
    if (value >= low && value <= DCN_EXTENT_LIMIT) return DECANT_OK;
    return DCN_FAIL(INVALID_ARG, "%s: %s is %" PRId64 ", but must be at least %" PRId64 "%s", dcn_rule_op(call), what,
                    value, low, value > DCN_EXTENT_LIMIT ? " and below 2^31" : "");
}

decant_status dcn_rule_fused(const dcn_op_call *call, int32_t activation)
{
    if (activation == DCN_ACTIVATION_NONE || activation == DCN_ACTIVATION_RELU) return DECANT_OK;
    return DCN_FAIL(INVALID_ARG, "%s cannot be fused with activation %d (%s); only with none or relu",
                    dcn_rule_op(call), (int)activation, dcn_activation_name((dcn_activation)activation));
}

decant_status dcn_rule_same(dcn_op_call *call)
{
    call->output[0].shape = call->input[0].shape;
    return DECANT_OK;
}
