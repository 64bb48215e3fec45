/* The format's names of the element types that decant has; private to the safetensors reader and writer. */
#ifndef DCN_FORMAT_SAFETENSORS_DTYPE_H
#define DCN_FORMAT_SAFETENSORS_DTYPE_H

#include "decant/tensor.h"

static const char *const dcn_safetensors_dtypes[DECANT_DTYPE_COUNT] = {
    [DECANT_F32] = "F32", [DECANT_F64] = "F64", [DECANT_BF16] = "BF16",
    [DECANT_I32] = "I32", [DECANT_I64] = "I64", [DECANT_U8] = "U8",
};

#endif
