/* The safetensors container: what is written reads back, and a header that lies about its file is refused before
 * anything is believed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "format/safetensors.h"

#define PATH "safetensors_test.safetensors"

static float weights[6] = {1, -2, 3.5f, 0, 1e-30f, 7};
static int64_t steps[1] = {123456789012};
static uint8_t flags[3] = {1, 0, 255};

static dcn_named_tensor named(const char *name, decant_dtype dtype, int32_t rank, int64_t a, int64_t b, void *data)
{
    const int64_t dims[2] = {a, b};
    decant_shape shape = decant_shape_make(rank, dims);
    return (dcn_named_tensor){name, decant_tensor_view(dtype, &shape, data)};
}

static void write_sample(void)
{
    const dcn_named_tensor tensors[] = {
        named("flags", DECANT_U8, 1, 3, 0, flags),
        named("conv.weight", DECANT_F32, 2, 2, 3, weights),
        named("empty", DECANT_F32, 2, 0, 5, NULL),
        named("steps", DECANT_I64, 0, 0, 0, steps),
        named("a \"name\" é", DECANT_F32, 1, 1, 0, weights + 5),
    };
    const dcn_pair metadata[] = {{"format", "pt"}, {"graph", "{\"x\": [1]}"}, {"empty", ""}};
    assert_int_equal(dcn_safetensors_write(PATH, tensors, 5, metadata, 3), DECANT_OK);
}

static void test_round_trip(void **state)
{
    (void)state;
    write_sample();
    dcn_safetensors *file = NULL;
    assert_int_equal(dcn_safetensors_open(PATH, &file), DECANT_OK);
    assert_int_equal(file->n_tensors, 5);
    for (int32_t i = 1; i < file->n_tensors; i++)
        assert_true(strcmp(file->tensors[i - 1].name, file->tensors[i].name) < 0);

    const decant_tensor *conv = dcn_safetensors_find(file, "conv.weight");
    assert_non_null(conv);
    assert_int_equal(conv->dtype, DECANT_F32);
    assert_int_equal(conv->shape.rank, 2);
    assert_int_equal(conv->shape.dim[0], 2);
    assert_int_equal(conv->shape.dim[1], 3);
    assert_memory_equal(conv->data, weights, sizeof weights);
    const decant_tensor *scalar = dcn_safetensors_find(file, "steps");
    assert_int_equal(scalar->shape.rank, 0);
    assert_memory_equal(scalar->data, steps, sizeof steps);
    assert_int_equal((uintptr_t)scalar->data % sizeof(int64_t), 0);
    assert_memory_equal(dcn_safetensors_find(file, "flags")->data, flags, sizeof flags);
    assert_int_equal(decant_shape_count(&dcn_safetensors_find(file, "empty")->shape), 0);
    assert_non_null(dcn_safetensors_find(file, "a \"name\" é"));
    assert_null(dcn_safetensors_find(file, "conv"));

    assert_int_equal(file->n_metadata, 3);
    assert_string_equal(dcn_safetensors_metadata(file, "graph"), "{\"x\": [1]}");
    assert_string_equal(dcn_safetensors_metadata(file, "empty"), "");
    assert_null(dcn_safetensors_metadata(file, "grap"));
    dcn_safetensors_close(file);
    remove(PATH);
}

static void test_nothing_to_write_is_a_file_too(void **state)
{
    (void)state;
    assert_int_equal(dcn_safetensors_write(PATH, NULL, 0, NULL, 0), DECANT_OK);
    dcn_safetensors *file = NULL;
    assert_int_equal(dcn_safetensors_open(PATH, &file), DECANT_OK);
    assert_int_equal(file->n_tensors, 0);
    assert_null(dcn_safetensors_find(file, "x"));
    dcn_safetensors_close(file);
    remove(PATH);
}

static void test_what_cannot_be_written(void **state)
{
    (void)state;
    const dcn_named_tensor twice[] = {named("a", DECANT_F32, 1, 1, 0, weights),
                                      named("a", DECANT_F32, 1, 1, 0, weights)};
    const dcn_named_tensor reserved[] = {named("__metadata__", DECANT_F32, 1, 1, 0, weights)};
    const dcn_named_tensor nameless[] = {named("", DECANT_F32, 1, 1, 0, weights)};
    const dcn_named_tensor latin[] = {named("caf\xe9", DECANT_F32, 1, 1, 0, weights)};
    const dcn_named_tensor negative[] = {named("n", DECANT_F32, 1, -1, 0, weights)};
    const dcn_named_tensor huge[] = {named("h", DECANT_F32, 2, INT64_MAX, 4, weights)};
    const dcn_named_tensor missing[] = {named("m", DECANT_F32, 1, 2, 0, NULL)};
    const dcn_pair pairs[] = {{"k", "1"}, {"k", "2"}};
    assert_int_equal(dcn_safetensors_write(PATH, twice, 2, NULL, 0), DECANT_INVALID_ARG);
    assert_int_equal(dcn_safetensors_write(PATH, reserved, 1, NULL, 0), DECANT_INVALID_ARG);
    assert_int_equal(dcn_safetensors_write(PATH, nameless, 1, NULL, 0), DECANT_INVALID_ARG);
    assert_int_equal(dcn_safetensors_write(PATH, latin, 1, NULL, 0), DECANT_INVALID_ARG);
    assert_int_equal(dcn_safetensors_write(PATH, negative, 1, NULL, 0), DECANT_INVALID_ARG);
    assert_int_equal(dcn_safetensors_write(PATH, huge, 1, NULL, 0), DECANT_INVALID_ARG);
    assert_int_equal(dcn_safetensors_write(PATH, missing, 1, NULL, 0), DECANT_INVALID_ARG);
    assert_int_equal(dcn_safetensors_write(PATH, NULL, 0, pairs, 2), DECANT_INVALID_ARG);
    assert_false(dcn_file_exists(PATH));
    assert_int_equal(dcn_safetensors_write("no/such/folder/x", nameless, 0, NULL, 0), DECANT_NOT_FOUND);
}

static void test_a_full_disk_leaves_the_old_file(void **state)
{
    (void)state;
    write_sample();
    uint8_t *before = NULL, *after = NULL;
    size_t before_bytes = 0, after_bytes = 0;
    assert_int_equal(dcn_file_read(PATH, 1 << 20, &before, &before_bytes), DECANT_OK);
    const dcn_named_tensor other[] = {named("other", DECANT_F32, 1, 6, 0, weights)};
    int64_t nth = 1;
    for (;; nth++) {
        dcn_file_fail_nth_write(nth);
        decant_status status = dcn_safetensors_write(PATH, other, 1, NULL, 0);
        dcn_file_fail_nth_write(0);
        if (status == DECANT_OK) break;
        assert_int_equal(status, DECANT_IO);
        assert_int_equal(dcn_file_read(PATH, 1 << 20, &after, &after_bytes), DECANT_OK);
        assert_int_equal(after_bytes, before_bytes);
        assert_memory_equal(after, before, before_bytes);
        dcn_free(after);
    }
    assert_true(nth > 2);
    dcn_free(before);
    remove(PATH);
}

/* Every prefix of a good file is refused; so is one byte too many. */
static void test_truncated_and_oversized(void **state)
{
    (void)state;
    write_sample();
    uint8_t *good = NULL;
    size_t bytes = 0;
    assert_int_equal(dcn_file_read(PATH, 1 << 20, &good, &bytes), DECANT_OK);
    for (size_t length = 0; length <= bytes + 1; length++) {
        uint8_t *copy = malloc(length + 1); /* exact, so that ASan sees a read behind the end */
        memset(copy, 0, length + 1);
        memcpy(copy, good, length < bytes ? length : bytes);
        uint8_t *exact = realloc(copy, length > 0 ? length : 1);
        dcn_safetensors *file = NULL;
        decant_status status = dcn_safetensors_parse(exact, length, &file);
        assert_int_equal(status, length == bytes ? DECANT_OK : DECANT_FORMAT);
        assert_true((file != NULL) == (length == bytes));
        dcn_safetensors_close(file);
        free(exact);
    }
    dcn_free(good);
    remove(PATH);
}

/* A file with this header and so many bytes of zeros. */
static decant_status parse_header(const char *header, uint64_t claimed, size_t data_bytes)
{
    size_t length = strlen(header);
    uint8_t *bytes = calloc(1, 8 + length + data_bytes);
    uint64_t header_bytes = claimed > 0 ? claimed : length;
    memcpy(bytes, &header_bytes, 8);
    memcpy(bytes + 8, header, length);
    dcn_safetensors *file = NULL;
    decant_status status = dcn_safetensors_parse(bytes, 8 + length + data_bytes, &file);
    assert_true((status == DECANT_OK) == (file != NULL));
    dcn_safetensors_close(file);
    free(bytes);
    return status;
}

static void test_lying_headers(void **state)
{
    (void)state;
    static const struct {
        const char *header;
        size_t data_bytes;
        decant_status expected;
        const char *words;
    } cases[] = {
        {"{}", 0, DECANT_OK, ""},
        {"{}   ", 0, DECANT_OK, ""},
        {"{}", 1, DECANT_FORMAT, "follow"},
        {"[]", 0, DECANT_FORMAT, "JSON map"},
        {"", 0, DECANT_FORMAT, "JSON"},
        {"{\"a\":1}", 0, DECANT_FORMAT, "'a'"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", 8, DECANT_OK, ""},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", 9, DECANT_FORMAT, "1 bytes follow"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", 7, DECANT_FORMAT, "7 bytes"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[0,8]}}", 8, DECANT_FORMAT, "3 elements"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,4]}}", 4, DECANT_OK, ""},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[0,7],\"data_offsets\":[0,0]}}", 0, DECANT_OK, ""},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[9223372036854775807,9223372036854775807,0],\"data_offsets\":[0,0]}}", 0,
         DECANT_FORMAT, "multiply"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,4]}}", 4, DECANT_FORMAT, "0 elements"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[-2],\"data_offsets\":[0,8]}}", 8, DECANT_FORMAT, "dimension 0"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2.0],\"data_offsets\":[0,8]}}", 8, DECANT_FORMAT, "dimension 0"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":2,\"data_offsets\":[0,8]}}", 8, DECANT_FORMAT, "no shape"},
        {"{\"a\":{\"dtype\":\"F32\",\"data_offsets\":[0,8]}}", 8, DECANT_FORMAT, "no shape"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1,1,1,1,1,1,2],\"data_offsets\":[0,8]}}", 8, DECANT_FORMAT, "7 dim"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[4611686018427387904,4],\"data_offsets\":[0,8]}}", 8, DECANT_FORMAT,
         "multiply"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[4611686018427387904],\"data_offsets\":[0,0]}}", 0, DECANT_FORMAT,
         "elements"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[99999999999999999999],\"data_offsets\":[0,8]}}", 8, DECANT_FORMAT,
         "JSON"},
        {"{\"a\":{\"dtype\":\"F16\",\"shape\":[4],\"data_offsets\":[0,8]}}", 8, DECANT_UNSUPPORTED, "F16"},
        {"{\"a\":{\"dtype\":\"Q99\",\"shape\":[4],\"data_offsets\":[0,8]}}", 8, DECANT_FORMAT, "Q99"},
        {"{\"a\":{\"dtype\":7,\"shape\":[4],\"data_offsets\":[0,8]}}", 8, DECANT_FORMAT, "dtype"},
        {"{\"a\":{\"shape\":[4],\"data_offsets\":[0,8]}}", 8, DECANT_FORMAT, "dtype"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[-8,0]}}", 8, DECANT_FORMAT, "bytes -8"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8,0]}}", 8, DECANT_FORMAT, "bytes 8 to 0"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0]}}", 8, DECANT_FORMAT, "data_offsets"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8,8]}}", 8, DECANT_FORMAT, "data_offsets"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,9223372036854775807]}}", 8, DECANT_FORMAT,
         "bytes 0"},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]},"
         "\"b\":{\"dtype\":\"U8\",\"shape\":[5],\"data_offsets\":[3,8]}}",
         8, DECANT_FORMAT, "'b' overlaps"},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]},"
         "\"b\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]}}",
         4, DECANT_FORMAT, "overlaps"},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[3],\"data_offsets\":[0,3]},"
         "\"b\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[4,8]}}",
         8, DECANT_FORMAT, "bytes 3 to 4"},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]},"
         "\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[4,8]}}",
         8, DECANT_FORMAT, "duplicate"},
        {"{\"\xff\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]}}", 4, DECANT_FORMAT, "JSON"},
        {"{\"a\\u0000b\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]}}", 4, DECANT_FORMAT, "JSON"},
        {"{\"__metadata__\":{\"k\":\"v\"}}", 0, DECANT_OK, ""},
        {"{\"__metadata__\":{\"k\":1}}", 0, DECANT_FORMAT, "'k'"},
        {"{\"__metadata__\":[\"k\"]}", 0, DECANT_FORMAT, "__metadata__"},
    };
    for (size_t i = 0; i < DCN_COUNT(cases); i++) {
        decant_status status = parse_header(cases[i].header, 0, cases[i].data_bytes);
        if (status != cases[i].expected) fail_msg("%s: status %d", cases[i].header, (int)status);
        if (status == DECANT_OK || strstr(decant_error_message(), cases[i].words) != NULL) continue;
        fail_msg("%s: '%s' lacks '%s'", cases[i].header, decant_error_message(), cases[i].words);
    }
}

static void test_huge_header_lengths(void **state)
{
    (void)state;
    assert_int_equal(parse_header("{}", 3, 0), DECANT_FORMAT);
    assert_int_equal(parse_header("{}", UINT64_MAX, 0), DECANT_FORMAT);
    assert_int_equal(parse_header("{}", UINT64_MAX - 7, 0), DECANT_FORMAT);
    assert_int_equal(parse_header("{}", (uint64_t)1 << 40, 0), DECANT_FORMAT);
    dcn_text deep = {0};
    for (int i = 0; i < 100000; i++)
        assert_int_equal(dcn_text_add_bytes(&deep, "[", 1), DECANT_OK);
    assert_int_equal(parse_header(deep.data, 0, 0), DECANT_FORMAT);
    dcn_text_finish(&deep);
}

/* Files of other writers may put a tensor at an odd address: it is copied, never read unaligned. */
static void test_unaligned_tensors(void **state)
{
    (void)state;
    const char *header = "{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},"
                         "\"b\":{\"dtype\":\"F32\",\"shape\":[6],\"data_offsets\":[1,25]}}";
    uint64_t length = strlen(header);
    uint8_t *bytes = calloc(1, 8 + length + 25);
    memcpy(bytes, &length, 8);
    memcpy(bytes + 8, header, length);
    memcpy(bytes + 8 + length + 1, weights, sizeof weights);
    dcn_safetensors *file = NULL;
    assert_int_equal(dcn_safetensors_parse(bytes, 8 + length + 25, &file), DECANT_OK);
    const decant_tensor *b = dcn_safetensors_find(file, "b");
    assert_int_equal((uintptr_t)b->data % sizeof(float), 0);
    assert_memory_equal(b->data, weights, sizeof weights);
    dcn_safetensors_close(file);
    free(bytes);
}

static void test_missing_file_and_place(void **state)
{
    (void)state;
    dcn_safetensors *file = NULL;
    assert_int_equal(dcn_safetensors_open("no/such/file", &file), DECANT_NOT_FOUND);
    assert_int_equal(dcn_file_write(PATH, "garbage, not tensors", 20), DECANT_OK);
    assert_int_equal(dcn_safetensors_open(PATH, &file), DECANT_FORMAT);
    assert_string_equal(decant_error_place(), PATH);
    assert_int_equal(dcn_file_write(PATH, "", 0), DECANT_OK);
    assert_int_equal(dcn_safetensors_open(PATH, &file), DECANT_FORMAT);
    assert_null(file);
    dcn_safetensors_close(NULL);
    remove(PATH);
}

static void test_every_allocation_may_fail(void **state)
{
    (void)state;
    int64_t nth = 1;
    const dcn_named_tensor tensors[] = {named("a", DECANT_F32, 1, 6, 0, weights)};
    const dcn_pair metadata[] = {{"k", "v"}};
    for (;; nth++) {
        dcn_safetensors *file = NULL;
        dcn_memory_fail_nth(nth);
        decant_status status = dcn_safetensors_write(PATH, tensors, 1, metadata, 1);
        if (status == DECANT_OK) status = dcn_safetensors_open(PATH, &file);
        dcn_memory_fail_nth(0);
        dcn_safetensors_close(file);
        if (status == DECANT_OK) break;
        assert_int_equal(status, DECANT_NO_MEMORY);
    }
    assert_true(nth > 5);
    remove(PATH);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_nothing_to_write_is_a_file_too),
        cmocka_unit_test(test_what_cannot_be_written),
        cmocka_unit_test(test_a_full_disk_leaves_the_old_file),
        cmocka_unit_test(test_truncated_and_oversized),
        cmocka_unit_test(test_lying_headers),
        cmocka_unit_test(test_huge_header_lengths),
        cmocka_unit_test(test_unaligned_tensors),
        cmocka_unit_test(test_missing_file_and_place),
        cmocka_unit_test(test_every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
