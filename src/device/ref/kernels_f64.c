/* Every reference kernel in f64; the loops are in the .inc files. */
#define REAL           double
#define REF_KERNEL(op) dcn_ref_##op##_f64

#include "device/ref/kernels.inc"
