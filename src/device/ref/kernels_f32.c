/* Every reference kernel in f32; the loops are in the .inc files. */
#define REAL           float
#define REF_KERNEL(op) dcn_ref_##op##_f32

#include "device/ref/kernels.inc"
