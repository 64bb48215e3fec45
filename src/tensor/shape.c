/* Shapes: making, counting with overflow checks, and their text. Memory for them is taken in tensor.c. */
#include "tensor/shape.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/memory.h"

decant_shape decant_shape_make(int32_t rank, const int64_t *dims)
{
    decant_shape shape = {0};
    if (rank > DECANT_MAX_RANK) rank = DECANT_MAX_RANK;
    for (int32_t i = 0; i < rank; i++)
        shape.dim[i] = dims[i];
    shape.rank = rank > 0 ? rank : 0;
    return shape;
}

decant_shape dcn_shape1(int64_t a)
{
    return decant_shape_make(1, &a);
}

decant_shape dcn_shape2(int64_t a, int64_t b)
{
    const int64_t dims[] = {a, b};
    return decant_shape_make(2, dims);
}

decant_shape dcn_shape4(int64_t n, int64_t c, int64_t h, int64_t w)
{
    const int64_t dims[] = {n, c, h, w};
    return decant_shape_make(4, dims);
}

int64_t decant_shape_count(const decant_shape *shape)
{
    int64_t count = 1;
    for (int32_t i = 0; i < shape->rank; i++)
        count *= shape->dim[i];
    return count;
}

bool decant_shape_equal(const decant_shape *a, const decant_shape *b)
{
    if (a->rank != b->rank) return false;
    for (int32_t i = 0; i < a->rank; i++)
        if (a->dim[i] != b->dim[i]) return false;
    return true;
}

decant_status dcn_shape_count_checked(const decant_shape *shape, int64_t *ret_count)
{
    if (shape->rank < 0 || shape->rank > DECANT_MAX_RANK)
        return DCN_FAIL(INVALID_ARG, "a shape has 0 to %d dimensions, not %d", DECANT_MAX_RANK, (int)shape->rank);

    char text[DCN_SHAPE_TEXT];
    int64_t count = 1;
    for (int32_t i = 0; i < shape->rank; i++) {
        if (shape->dim[i] < 0)
            return DCN_FAIL(INVALID_ARG, "shape %s has a negative dimension", dcn_shape_text(shape, text));
        if (!dcn_mul_int64(count, shape->dim[i], &count))
            return DCN_FAIL(INVALID_ARG, "shape %s has more elements than can be counted", dcn_shape_text(shape, text));
    }
    *ret_count = count;
    return DECANT_OK;
}

decant_status dcn_shape_bytes(const decant_shape *shape, decant_dtype dtype, size_t *ret_bytes)
{
    int64_t count = 0;
    TRY_RETURN(dcn_shape_count_checked(shape, &count));

    size_t element = decant_dtype_size(dtype);
    if (element == 0) return DCN_FAIL(INVALID_ARG, "element type %d does not exist", (int)dtype);

    size_t bytes = 0;
    char text[DCN_SHAPE_TEXT];
    if (!dcn_mul_size((size_t)count, element, &bytes) || bytes > (size_t)INT64_MAX)
        return DCN_FAIL(INVALID_ARG, "a tensor %s of %s has more bytes than can be addressed",
                        dcn_shape_text(shape, text), decant_dtype_name(dtype));
    *ret_bytes = bytes;
    return DECANT_OK;
}

const char *dcn_shape_text(const decant_shape *shape, char buffer[DCN_SHAPE_TEXT])
{
    size_t used = 0;
    buffer[used++] = '[';
    for (int32_t i = 0; i < shape->rank && i < DECANT_MAX_RANK; i++) {
        int written = snprintf(buffer + used, DCN_SHAPE_TEXT - used, "%s%" PRId64, i > 0 ? ", " : "", shape->dim[i]);
        if (written < 0 || used + (size_t)written >= DCN_SHAPE_TEXT - 1) break; /* absurd sizes are cut, not overrun */
        used += (size_t)written;
    }
    buffer[used++] = ']';
    buffer[used] = '\0';
    return buffer;
}
