/* NumPy's arrays: every type reads to the numbers it holds, and a header or an archive that lies is refused before
 * memory is taken for what it claims. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/folder.h"
#include "base/memory.h"
#include "format/npy.h"

static uint8_t file[512];

/* A .npy file of version 1 with this dict. Returns its length. */
static size_t make(const char *dict, const void *payload, size_t payload_bytes)
{
    size_t length = strlen(dict);
    memcpy(file, "\x93NUMPY\x01\x00", 8);
    file[8] = (uint8_t)length;
    file[9] = 0;
    memcpy(file + 10, dict, length);
    memcpy(file + 10 + length, payload, payload_bytes);
    return 10 + length + payload_bytes;
}

static void refuse(const char *dict, size_t payload_bytes, const char *words)
{
    static const uint8_t zeros[64];
    dcn_npy array = {0};
    size_t bytes = make(dict, zeros, payload_bytes);
    if (dcn_npy_parse(file, bytes, &array) != DECANT_FORMAT) fail_msg("%s passes", dict);
    if (strstr(decant_error_message(), words) == NULL) fail_msg("%s: '%s'", dict, decant_error_message());
    assert_null(array.payload);
}

static void test_types(void **state)
{
    (void)state;
    static const struct {
        const char *dict;
        uint8_t payload[16];
        size_t bytes;
        double values[2];
    } cases[] = {
        {"{'descr': '|u1', 'fortran_order': False, 'shape': (2,), }   \n", {7, 255}, 2, {7, 255}},
        {"{'descr': '|i1', 'fortran_order': False, 'shape': (2,)}", {7, 255}, 2, {7, -1}},
        {"{'descr': '<u2', 'fortran_order': False, 'shape': (2,)}", {1, 2, 255, 255}, 4, {513, 65535}},
        {"{'descr': '<i2', 'fortran_order': False, 'shape': (2,)}", {1, 2, 255, 255}, 4, {513, -1}},
        {"{'descr': '<i4', 'fortran_order': False, 'shape': (2,)}", {0, 0, 0, 128, 1}, 8, {-2147483648.0, 1}},
        {"{'shape': (1, 2), 'fortran_order': False, 'descr': '<f4'}", {0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0}, 8, {1, -2}},
        {"{\"descr\":\"<f8\",\"fortran_order\":False,\"shape\":(1,1,2)}",
         {0, 0, 0, 0, 0, 0, 0xf0, 0x3f, 0, 0, 0, 0, 0, 0, 0, 0xc0},
         16,
         {1, -2}},
    };
    for (size_t i = 0; i < DCN_COUNT(cases); i++) {
        dcn_npy array = {0};
        float values[2] = {0};
        size_t bytes = make(cases[i].dict, cases[i].payload, cases[i].bytes);
        if (dcn_npy_parse(file, bytes, &array) != DECANT_OK) fail_msg("%s: %s", cases[i].dict, decant_error_message());
        assert_int_equal(array.count, 2);
        assert_int_equal(array.dims[array.rank - 1], 2);
        dcn_npy_floats(&array, 0, 2, values);
        int64_t whole = 0;
        for (int k = 0; k < 2; k++) {
            assert_true((double)values[k] == cases[i].values[k]);
            bool is_integer = dcn_npy_integer(&array, k, &whole);
            assert_int_equal(is_integer, array.kind != DCN_NPY_FLOAT);
            if (is_integer) assert_true((double)whole == cases[i].values[k]);
        }
    }
}

static void test_large_integers(void **state)
{
    (void)state;
    const uint64_t values[2] = {UINT64_MAX, INT64_MAX};
    dcn_npy array = {0};
    int64_t value = 0;
    assert_int_equal(
        dcn_npy_parse(file, make("{'descr': '<u8', 'fortran_order': False, 'shape': (2,)}", values, 16), &array),
        DECANT_OK);
    assert_false(dcn_npy_integer(&array, 0, &value));
    assert_true(dcn_npy_integer(&array, 1, &value));
    assert_true(value == INT64_MAX);
}

static void test_a_scalar_and_an_empty_array(void **state)
{
    (void)state;
    dcn_npy array = {0};
    size_t bytes = make("{'descr': '|u1', 'fortran_order': False, 'shape': ()}", "\x05", 1);
    assert_int_equal(dcn_npy_parse(file, bytes, &array), DECANT_OK);
    assert_int_equal(array.rank, 0);
    assert_int_equal(array.count, 1);
    bytes = make("{'descr': '<f4', 'fortran_order': True, 'shape': (0,)}", "", 0);
    assert_int_equal(dcn_npy_parse(file, bytes, &array), DECANT_OK);
    assert_int_equal(array.count, 0);
}

/* Breaks when a length is believed that the file does not have, or another array is read than was written. */
static void test_headers_that_lie(void **state)
{
    (void)state;
    refuse("{'descr': '|u1', 'fortran_order': False, 'shape': (5,)}", 4, "cut short");
    refuse("{'descr': '|u1', 'fortran_order': False, 'shape': (5,)}", 6, "added to");
    refuse("{'descr': '<f8', 'fortran_order': False, 'shape': (4611686018427387904,)}", 8, "larger than any file");
    refuse("{'descr': '|u1', 'fortran_order': False, 'shape': (4294967296, 4294967296)}", 0, "multiply to more");
    refuse("{'descr': '|u1', 'fortran_order': False, 'shape': (99999999999999999999,)}", 0, "damaged");
    refuse("{'descr': '|u1', 'fortran_order': False, 'shape': (-1,)}", 1, "damaged");
    refuse("{'descr': '|u1', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1)}", 1, "damaged");
    refuse("{'descr': '|u1', 'fortran_order': False}", 1, "damaged");
    refuse("{'descr': '|u1', 'descr': '|u1', 'fortran_order': False, 'shape': (1,)}", 1, "damaged");
    refuse("{'descr': '|u1', 'fortran_order': False, 'shape': (1,), 'more': 1}", 1, "damaged");
    refuse("{'descr': '|u1', 'fortran_order': False, 'shape': (1,)} x", 1, "damaged");
    refuse("{'descr': [('x', '<i4')], 'fortran_order': False, 'shape': (1,)}", 4, "structured");
    refuse("{'descr': '<f4', 'fortran_order': True, 'shape': (2, 2)}", 16, "Fortran order");
    refuse("{'descr': '|O', 'fortran_order': False, 'shape': (1,)}", 8, "never unpickled");
    refuse("{'descr': '>f4', 'fortran_order': False, 'shape': (1,)}", 4, "'>f4' are not read");
    refuse("{'descr': '<c8', 'fortran_order': False, 'shape': (1,)}", 8, "'<c8' are not read");
}

static void test_cut_at_every_length(void **state)
{
    (void)state;
    size_t bytes = make("{'descr': '|u1', 'fortran_order': False, 'shape': (3,), }", "abc", 3);
    for (size_t cut = 0; cut < bytes; cut++) {
        uint8_t *exact = NULL;
        dcn_npy array = {0};
        assert_int_equal(dcn_new(cut, (void **)&exact), DECANT_OK);
        memcpy(exact, file, cut);
        assert_int_equal(dcn_npy_parse(exact, cut, &array), DECANT_FORMAT);
        dcn_free(exact);
    }
    file[6] = 4;
    dcn_npy array = {0};
    assert_int_equal(dcn_npy_parse(file, bytes, &array), DECANT_FORMAT);
    assert_non_null(strstr(decant_error_message(), "version 4"));
}

/* --- archives; expected.npz was written by NumPy --- */

#define ARCHIVE TEST_SOURCE_DIR "/format/vectors/expected.npz"

static void test_archive(void **state)
{
    (void)state;
    dcn_npz *npz = NULL;
    dcn_npy array = {0};
    assert_int_equal(dcn_npz_open(ARCHIVE, &npz), DECANT_OK);
    bool has[2] = {false, true};
    assert_int_equal(dcn_npz_has(npz, "colour", &has[0]), DECANT_OK);
    assert_int_equal(dcn_npz_has(npz, "colors", &has[1]), DECANT_OK);
    assert_true(has[0] && !has[1]);
    assert_int_equal(dcn_npz_read(npz, "colour", &array), DECANT_OK);
    assert_true(array.rank == 3 && array.dims[0] == 23 && array.dims[1] == 37 && array.dims[2] == 3);
    assert_true(dcn_npy_is_bytes(&array));
    assert_int_equal(dcn_npz_read(npz, "colors", &array), DECANT_NOT_FOUND);
    assert_non_null(strstr(decant_error_message(), "no array 'colors'; it has colour, grey, luma"));
    dcn_npz_close(npz);
    assert_int_equal(dcn_npz_open("no/such.npz", &npz), DECANT_NOT_FOUND);
}

static void test_folder(void **state)
{
    (void)state;
    dcn_npz *npz = NULL;
    dcn_npy array = {0};
    char folder[64], path[128];
    snprintf(folder, sizeof folder, "npy_test_%ld", (long)getpid());
    snprintf(path, sizeof path, "%s/x.npy", folder);
    assert_int_equal(dcn_directory_make(folder), DECANT_OK);
    size_t bytes = make("{'descr': '|u1', 'fortran_order': False, 'shape': (3,)}", "abc", 3);
    assert_int_equal(dcn_file_write(path, file, bytes), DECANT_OK);
    assert_int_equal(dcn_npz_open(folder, &npz), DECANT_OK);
    assert_int_equal(dcn_npz_read(npz, "x", &array), DECANT_OK);
    assert_int_equal(array.payload[2], 'c');
    assert_int_equal(dcn_npz_read(npz, "y", &array), DECANT_NOT_FOUND);
    assert_non_null(strstr(decant_error_message(), "it has x"));
    dcn_npz_close(npz);
    assert_int_equal(dcn_file_remove(path), DECANT_OK);
    assert_int_equal(rmdir(folder), 0);
}

static decant_status read_all(const uint8_t *data, size_t bytes)
{
    dcn_npz *npz = NULL;
    dcn_npy array = {0};
    decant_status status = dcn_npz_parse("a.npz", data, bytes, &npz);
    if (status == DECANT_OK) status = dcn_npz_read(npz, "colour", &array);
    dcn_npz_close(npz);
    return status;
}

/* Breaks when damaged data passes its checksum, or an entry's claim makes the reader take memory for it. */
static void test_damaged_archives(void **state)
{
    (void)state;
    uint8_t *data = NULL;
    size_t bytes = 0;
    assert_int_equal(dcn_file_read(ARCHIVE, 1 << 20, &data, &bytes), DECANT_OK);
    for (size_t cut = 0; cut < bytes; cut += 97)
        assert_int_equal(read_all(data, cut), DECANT_FORMAT);
    for (size_t at = 300; at < 1500; at += 41) { /* inside the first entry, "colour" */
        data[at] ^= 0x20;
        assert_int_equal(read_all(data, bytes), DECANT_FORMAT);
        data[at] ^= 0x20;
    }
    size_t entry = 0; /* its row in the directory at the end */
    while (memcmp(data + entry, "PK\x01\x02", 4) != 0)
        entry++;
    memcpy(data + entry + 24, "\x00\x00\x00\x7f", 4); /* 2 GB unpacked */
    assert_int_equal(read_all(data, bytes), DECANT_FORMAT);
    dcn_free(data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_types),
        cmocka_unit_test(test_large_integers),
        cmocka_unit_test(test_a_scalar_and_an_empty_array),
        cmocka_unit_test(test_headers_that_lie),
        cmocka_unit_test(test_cut_at_every_length),
        cmocka_unit_test(test_archive),
        cmocka_unit_test(test_folder),
        cmocka_unit_test(test_damaged_archives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
