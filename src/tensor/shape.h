/* Shapes inside the library: checked element counts and text. */
#ifndef DCN_TENSOR_SHAPE_H
#define DCN_TENSOR_SHAPE_H

#include "base/status.h"
#include "decant/tensor.h"

#define DCN_SHAPE_TEXT 96

decant_shape dcn_shape1(int64_t a);
decant_shape dcn_shape2(int64_t a, int64_t b);
decant_shape dcn_shape4(int64_t n, int64_t c, int64_t h, int64_t w);
/* Elements and bytes with overflow checks. INVALID_ARG on a negative dimension or overflow. */
decant_status dcn_shape_count_checked(const decant_shape *shape, int64_t *ret_count);
decant_status dcn_shape_bytes(const decant_shape *shape, decant_dtype dtype, size_t *ret_bytes);
/* "[64, 3, 32, 32]" */
const char *dcn_shape_text(const decant_shape *shape, char buffer[DCN_SHAPE_TEXT]);

#endif
