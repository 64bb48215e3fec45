/* Shared by the tests of this room: small files on disk and small data sets in memory. */
#ifndef TESTS_DATA_FIXTURE_H
#define TESTS_DATA_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "data/dataset.h"

/* OK, or the test fails with decant's own words. */
static inline void assert_ok(decant_status status)
{
    if (status != DECANT_OK)
        fail_msg("%s: %s [%s]", decant_status_name(status), decant_error_message(), decant_error_place());
}

static inline void assert_refused(decant_status status, decant_status expected, const char *words)
{
    if (status != expected) {
        fail_msg("%s instead of %s: %s", decant_status_name(status), decant_status_name(expected),
                 status != DECANT_OK ? decant_error_message() : "");
    }
    if (strstr(decant_error_message(), words) == NULL) fail_msg("'%s' lacks '%s'", decant_error_message(), words);
}

/* An empty folder of this test's own, under the current one. */
static inline void make_folder(char path[256], const char *name)
{
    char command[1024];
    snprintf(path, 256, "%s/data_test_%s_%ld", TEST_BINARY_DIR, name, (long)getpid());
    snprintf(command, sizeof command, "rm -rf '%s' && mkdir -p '%s'", path, path);
    assert_int_equal(system(command), 0);
}

static inline void remove_folder(const char *path)
{
    char command[1024];
    snprintf(command, sizeof command, "rm -rf '%s'", path);
    assert_int_equal(system(command), 0);
}

static inline void write_file(const char *folder, const char *name, const void *bytes, size_t count)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, count, file), count);
    assert_int_equal(fclose(file), 0);
}

/* A .npy file of a type such as "<f4" and a shape such as "(2, 3)"; returns its bytes. */
static inline size_t make_npy(uint8_t *file, const char *type, const char *shape, const void *payload,
                              size_t payload_bytes)
{
    char dict[160];
    int length = snprintf(dict, sizeof dict, "{'descr': '%s', 'fortran_order': False, 'shape': %s}", type, shape);
    memcpy(file, "\x93NUMPY\x01\x00", 8);
    file[8] = (uint8_t)length;
    file[9] = 0;
    memcpy(file + 10, dict, (size_t)length);
    memcpy(file + 10 + length, payload, payload_bytes);
    return 10 + (size_t)length + payload_bytes;
}

static inline void write_array(const char *folder, const char *name, const char *type, const char *shape,
                               const void *payload, size_t bytes)
{
    static uint8_t file[1024];
    write_file(folder, name, file, make_npy(file, type, shape, payload, bytes));
}

static inline void write_gzip(const char *folder, const char *name, const void *bytes, size_t count)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    gzFile file = gzopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(gzwrite(file, bytes, (unsigned)count), (int)count);
    assert_int_equal(gzclose(file), Z_OK);
}

static inline void remove_file(const char *folder, const char *name)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    assert_int_equal(unlink(path), 0);
}

/* An IDX file in memory: header and payload. Returns its length. */
static inline size_t make_idx(uint8_t *file, int rank, const uint32_t *dims, const uint8_t *payload,
                              size_t payload_bytes)
{
    const uint8_t magic[4] = {0, 0, 8, (uint8_t)rank};
    memcpy(file, magic, 4);
    for (int i = 0; i < rank; i++)
        for (int byte = 0; byte < 4; byte++)
            file[4 + 4 * i + byte] = (uint8_t)(dims[i] >> (24 - 8 * byte));
    size_t header = 4 + 4 * (size_t)rank;
    memcpy(file + header, payload, payload_bytes);
    return header + payload_bytes;
}

/* A tiny IDX data set: 12 training and 5 test pictures of 3x4, classes 0 to 2. Pixel k of training picture i is 20 * i
 * + k, of test picture i 7 * i + k. */
enum { N_TRAIN = 12, N_TEST = 5, HEIGHT = 3, WIDTH = 4, PIXELS = 12, IDX_IMAGES_BYTES = 16 + N_TRAIN * PIXELS };

static inline void write_idx_folder(const char *folder)
{
    uint8_t file[256], pixels[N_TRAIN * PIXELS], labels[N_TRAIN];
    const uint32_t train_dims[] = {N_TRAIN, HEIGHT, WIDTH}, test_dims[] = {N_TEST, HEIGHT, WIDTH};
    for (int i = 0; i < N_TRAIN * PIXELS; i++)
        pixels[i] = (uint8_t)(20 * (i / PIXELS) + i % PIXELS);
    for (int i = 0; i < N_TRAIN; i++)
        labels[i] = (uint8_t)(i % 3);
    write_file(folder, "train-images-idx3-ubyte", file, make_idx(file, 3, train_dims, pixels, N_TRAIN * PIXELS));
    write_file(folder, "train-labels-idx1-ubyte", file, make_idx(file, 1, train_dims, labels, N_TRAIN));
    for (int i = 0; i < N_TEST * PIXELS; i++)
        pixels[i] = (uint8_t)(7 * (i / PIXELS) + i % PIXELS);
    write_file(folder, "t10k-images-idx3-ubyte", file, make_idx(file, 3, test_dims, pixels, N_TEST * PIXELS));
    write_file(folder, "t10k-labels-idx1-ubyte", file, make_idx(file, 1, test_dims, labels, N_TEST));
}

#endif
