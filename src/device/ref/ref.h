/* Inside the ref device: the kernel functions, one f32 and one f64 for each row of the op table, found by name.
 * Private to device/ref. */
#ifndef DCN_DEVICE_REF_REF_H
#define DCN_DEVICE_REF_REF_H

#include "device/device.h"

/* Runs one op on plain tensors. Sizes and attributes are read from the call, so there is nothing to prepare. */
typedef void dcn_ref_function(const dcn_op_call *call, void *const *inputs, void *const *outputs);

#define OP(upper, lower, attrs, in0, in1, out, onnx, tol, flags)                                                       \
    dcn_ref_function dcn_ref_##lower##_f32;                                                                            \
    dcn_ref_function dcn_ref_##lower##_f64;
#include "graph/op.def"

extern const dcn_device_class dcn_device_ref;

#endif
