/* Shapes count without wrapping, their text never overruns, and tensors refuse what cannot exist. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/memory.h"
#include "tensor/shape.h"

static void counts_multiply_dimensions(void **state)
{
    (void)state;
    decant_shape shape = dcn_shape4(2, 3, 5, 7);
    int64_t count = 0;
    assert_int_equal(decant_shape_count(&shape), 210);
    assert_int_equal(dcn_shape_count_checked(&shape, &count), DECANT_OK);
    assert_int_equal(count, 210);

    decant_shape scalar = {0};
    assert_int_equal(decant_shape_count(&scalar), 1);
}

static void counting_refuses_overflow_and_negative_sizes(void **state)
{
    (void)state;
    int64_t count = -7;
    const decant_shape bad[] = {
        dcn_shape2(INT64_MAX, 2),
        dcn_shape4(1 << 16, 1 << 16, 1 << 16, 1 << 16),
        dcn_shape2(3, -1),
        {.rank = DECANT_MAX_RANK + 1, .dim = {1, 1, 1, 1, 1, 1}},
        {.rank = -1},
    };
    for (size_t i = 0; i < DCN_COUNT(bad); i++) {
        assert_int_equal(dcn_shape_count_checked(&bad[i], &count), DECANT_INVALID_ARG);
        assert_int_equal(count, -7); /* untouched on failure */
    }
}

static void bytes_refuse_what_cannot_be_addressed(void **state)
{
    (void)state;
    size_t bytes = 1;
    decant_shape fits = dcn_shape2(3, 5), wide = dcn_shape1(INT64_MAX / 4);
    assert_int_equal(dcn_shape_bytes(&fits, DECANT_F64, &bytes), DECANT_OK);
    assert_int_equal(bytes, 120);
    assert_int_equal(dcn_shape_bytes(&wide, DECANT_F64, &bytes), DECANT_INVALID_ARG);
    assert_int_equal(dcn_shape_bytes(&fits, DECANT_DTYPE_COUNT, &bytes), DECANT_INVALID_ARG);
    assert_int_equal(bytes, 120);
}

static void make_cuts_ranks_that_do_not_exist(void **state)
{
    (void)state;
    const int64_t dims[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    assert_int_equal(decant_shape_make(8, dims).rank, DECANT_MAX_RANK);
    assert_int_equal(decant_shape_make(-2, dims).rank, 0);
    assert_int_equal(decant_shape_make(3, dims).dim[2], 3);
}

static void equality_sees_rank_and_every_dimension(void **state)
{
    (void)state;
    decant_shape a = dcn_shape4(1, 2, 3, 4), b = dcn_shape4(1, 2, 3, 4), c = dcn_shape4(1, 2, 3, 5),
                 d = dcn_shape2(1, 2);
    b.dim[5] = 9; /* beyond the rank: no part of the shape */
    assert_true(decant_shape_equal(&a, &b));
    assert_false(decant_shape_equal(&a, &c));
    assert_false(decant_shape_equal(&a, &d));
}

static void text_is_readable_and_bounded(void **state)
{
    (void)state;
    char buffer[DCN_SHAPE_TEXT + 1];
    decant_shape plain = dcn_shape4(64, 3, 32, 32), scalar = {0};
    assert_string_equal(dcn_shape_text(&plain, buffer), "[64, 3, 32, 32]");
    assert_string_equal(dcn_shape_text(&scalar, buffer), "[]");

    decant_shape absurd = {.rank = 6, .dim = {INT64_MIN, INT64_MIN, INT64_MIN, INT64_MIN, INT64_MIN, INT64_MIN}};
    memset(buffer, '#', sizeof buffer);
    dcn_shape_text(&absurd, buffer);
    assert_true(strlen(buffer) < DCN_SHAPE_TEXT);
    assert_int_equal(buffer[DCN_SHAPE_TEXT], '#'); /* nothing behind the buffer was written */
}

static void every_dtype_has_a_name_and_a_size(void **state)
{
    (void)state;
    for (int d = 0; d < DECANT_DTYPE_COUNT; d++) {
        assert_true(decant_dtype_size((decant_dtype)d) > 0);
        assert_string_not_equal(decant_dtype_name((decant_dtype)d), "unknown");
    }
    assert_int_equal(decant_dtype_size(DECANT_BF16), 2);
    assert_int_equal(decant_dtype_size(DECANT_DTYPE_COUNT), 0);
    assert_string_equal(decant_dtype_name(DECANT_I64), "i64");
}

static void tensors_are_zeroed_aligned_and_freed_once(void **state)
{
    (void)state;
    decant_shape shape = dcn_shape2(3, 7);
    decant_tensor tensor;
    assert_int_equal(decant_tensor_create(DECANT_F32, &shape, &tensor), DECANT_OK);
    assert_true(tensor.owned);
    assert_int_equal((uintptr_t)tensor.data % DCN_ALIGNMENT, 0);
    for (int i = 0; i < 21; i++)
        assert_true(((float *)tensor.data)[i] == 0.0f);

    decant_tensor view = decant_tensor_view(DECANT_F32, &shape, tensor.data);
    decant_tensor_destroy(&view); /* frees nothing: the bytes are still ours */
    ((float *)tensor.data)[20] = 1.0f;
    decant_tensor_destroy(&tensor);
    decant_tensor_destroy(&tensor); /* empty now */
    decant_tensor_destroy(NULL);
}

static void tensors_refuse_bad_shapes_and_survive_want_of_memory(void **state)
{
    (void)state;
    decant_shape negative = dcn_shape2(3, -7), shape = dcn_shape2(3, 7);
    decant_tensor tensor = {.dtype = DECANT_U8};
    assert_int_equal(decant_tensor_create(DECANT_F32, &negative, &tensor), DECANT_INVALID_ARG);
    dcn_memory_fail_nth(1);
    assert_int_equal(decant_tensor_create(DECANT_F32, &shape, &tensor), DECANT_NO_MEMORY);
    dcn_memory_fail_nth(0);
    assert_int_equal(tensor.dtype, DECANT_U8);
    assert_null(tensor.data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_multiply_dimensions),
        cmocka_unit_test(counting_refuses_overflow_and_negative_sizes),
        cmocka_unit_test(bytes_refuse_what_cannot_be_addressed),
        cmocka_unit_test(make_cuts_ranks_that_do_not_exist),
        cmocka_unit_test(equality_sees_rank_and_every_dimension),
        cmocka_unit_test(text_is_readable_and_bounded),
        cmocka_unit_test(every_dtype_has_a_name_and_a_size),
        cmocka_unit_test(tensors_are_zeroed_aligned_and_freed_once),
        cmocka_unit_test(tensors_refuse_bad_shapes_and_survive_want_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
