/* Element types and tensors in host memory: who owns the bytes and how many there are. */
#include "decant/tensor.h"

#include "base/memory.h"
#include "tensor/shape.h"

static const struct {
    const char *name;
    size_t bytes;
} dtypes[DECANT_DTYPE_COUNT] = {
    [DECANT_F32] = {"f32", 4}, [DECANT_F64] = {"f64", 8}, [DECANT_BF16] = {"bf16", 2},
    [DECANT_I32] = {"i32", 4}, [DECANT_I64] = {"i64", 8}, [DECANT_U8] = {"u8", 1},
};

static bool dtype_exists(decant_dtype dtype)
{
    return (unsigned)dtype < DECANT_DTYPE_COUNT;
}

size_t decant_dtype_size(decant_dtype dtype)
{
    return dtype_exists(dtype) ? dtypes[dtype].bytes : 0;
}

const char *decant_dtype_name(decant_dtype dtype)
{
    return dtype_exists(dtype) ? dtypes[dtype].name : "unknown";
}

decant_status decant_tensor_create(decant_dtype dtype, const decant_shape *shape, decant_tensor *ret_tensor)
{
    DCN_REQUIRE(shape, ret_tensor);
    size_t bytes = 0;
    TRY_RETURN(dcn_shape_bytes(shape, dtype, &bytes));

    decant_tensor tensor = decant_tensor_view(dtype, shape, NULL);
    TRY_RETURN(dcn_new_aligned(bytes, &tensor.data));
    tensor.owned = true;
    *ret_tensor = tensor;
    return DECANT_OK;
}

decant_tensor decant_tensor_view(decant_dtype dtype, const decant_shape *shape, void *data)
{
    decant_tensor tensor = {.dtype = dtype, .shape = *shape, .data = data, .owned = false};
    return tensor;
}

void decant_tensor_destroy(decant_tensor *tensor)
{
    if (tensor == NULL) return;
    if (tensor->owned) dcn_free_aligned(tensor->data);
    *tensor = (decant_tensor){0};
}
