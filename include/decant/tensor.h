/* Dense arrays: an element type, a shape and bytes in row-major order. */
#ifndef DECANT_TENSOR_H
#define DECANT_TENSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "decant/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Element types. Computation is f32 (f64 on the ref device for gradient checks); the rest carry data and labels. */
typedef enum {
    DECANT_F32,
    DECANT_F64,
    DECANT_BF16,
    DECANT_I32,
    DECANT_I64,
    DECANT_U8,
    DECANT_DTYPE_COUNT
} decant_dtype;

#define DECANT_MAX_RANK 6

/** A shape: rank dimensions, outermost first. Rank 0 is a scalar. Dimensions are >= 0. */
typedef struct {
    int32_t rank;
    int64_t dim[DECANT_MAX_RANK];
} decant_shape;

/** A tensor in host memory. `data` is row-major and contiguous; `owned` says whether decant_tensor_destroy frees it. */
typedef struct {
    decant_dtype dtype;
    decant_shape shape;
    void *data;
    bool owned;
} decant_tensor;

/** Bytes of one element. */
size_t decant_dtype_size(decant_dtype dtype);

/** Lower-case name: "f32", "i64", ... Static storage. */
const char *decant_dtype_name(decant_dtype dtype);

/** Makes a shape from `rank` dimensions; ranks above DECANT_MAX_RANK are cut (check before calling). */
decant_shape decant_shape_make(int32_t rank, const int64_t *dims);

/** Number of elements; 1 for a scalar. The product must have been checked when the tensor was made. */
int64_t decant_shape_count(const decant_shape *shape);

/** True when rank and all dimensions agree. */
bool decant_shape_equal(const decant_shape *a, const decant_shape *b);

/** Makes a zeroed tensor that owns its memory (64-byte aligned).
 *
 *  ret_tensor  filled on success, untouched on failure; freed with decant_tensor_destroy().
 *
 *  Errors: INVALID_ARG (negative or overflowing dimensions), NO_MEMORY.
 */
DECANT_MUST_USE decant_status decant_tensor_create(decant_dtype dtype, const decant_shape *shape,
                                                   decant_tensor *ret_tensor);

/** A tensor over the caller's memory, which must outlive it. */
decant_tensor decant_tensor_view(decant_dtype dtype, const decant_shape *shape, void *data);

/** Frees what decant_tensor_create() took; accepts NULL, views and zeroed tensors. */
void decant_tensor_destroy(decant_tensor *tensor);

#ifdef __cplusplus
}
#endif
#endif
