/* Private to graph/: the functions that belong to each row of op.def, and what the shape rules share. */
#ifndef DCN_GRAPH_RULES_H
#define DCN_GRAPH_RULES_H

#include "graph/op.h"

/* Fills call->output[].shape (dtypes other than input 0's too) for a call whose input counts and element types are
 * right. SHAPE or INVALID_ARG with a message that names the sizes that met. */
typedef decant_status dcn_shape_rule(dcn_op_call *call);

#define OP(upper, lower, attrs, in0, in1, out, onnx, tol, flags) dcn_shape_rule dcn_shape_##lower;
#include "graph/op.def"

/* Window sizes and channel counts stay below this, so that int64 arithmetic on them cannot overflow. */
#define DCN_EXTENT_LIMIT INT32_MAX

/* Name of the call's op, for messages. */
const char *dcn_rule_op(const dcn_op_call *call);
/* SHAPE unless input `index`, called `what` in the message, has that rank; `hint` says what would help ("" for
 * nothing). */
decant_status dcn_rule_rank(const dcn_op_call *call, int32_t index, const char *what, int32_t rank, const char *hint);
/* SHAPE unless input `index`, called `what` in the message, has exactly the wanted shape. */
decant_status dcn_rule_expect(const dcn_op_call *call, int32_t index, const char *what, decant_shape wanted);
/* INVALID_ARG unless low <= value <= DCN_EXTENT_LIMIT. */
decant_status dcn_rule_range(const dcn_op_call *call, const char *what, int64_t value, int64_t low);
/* INVALID_ARG unless an attribute that the engine may fuse is NONE or RELU. */
decant_status dcn_rule_fused(const dcn_op_call *call, int32_t activation);
/* The weight of a convolution that reads x, after checking every attribute: what the builder makes before the node
 * exists. */
decant_status dcn_conv_weight_shape(const decant_shape *x, const dcn_conv_attrs *attrs, decant_shape *ret_weight);
/* output 0 = input 0. */
decant_status dcn_rule_same(dcn_op_call *call);

#endif
