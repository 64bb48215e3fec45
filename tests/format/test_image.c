/* Pictures: decoded, converted and resized as Pillow does it (tools/make_images.py), and none that is damaged, cut
 * short, too large or of a kind we do not read is believed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "format/image.h"
#include "format/npy.h"

#define FOLDER TEST_SOURCE_DIR "/format/vectors/"

static dcn_npz *expected;

static int open_expected(void **state)
{
    (void)state;
    return dcn_npz_open(FOLDER "expected.npz", &expected) == DECANT_OK ? 0 : 1;
}

static int close_expected(void **state)
{
    (void)state;
    dcn_npz_close(expected);
    return 0;
}

static uint8_t *read_file(const char *name, size_t *ret_bytes)
{
    char path[512];
    uint8_t *data = NULL;
    snprintf(path, sizeof path, FOLDER "%s", name);
    assert_int_equal(dcn_file_read(path, 1 << 20, &data, ret_bytes), DECANT_OK);
    return data;
}

static void decode(const char *name, dcn_image *image)
{
    size_t bytes = 0;
    uint8_t *data = read_file(name, &bytes);
    if (dcn_image_decode(data, bytes, image) != DECANT_OK) fail_msg("%s: %s", name, decant_error_message());
    dcn_free(data);
}

/* Every pixel of it, or all but for `tolerance`. */
static void assert_is(const dcn_image *image, const char *name, int tolerance)
{
    dcn_npy array = {0};
    assert_int_equal(dcn_npz_read(expected, name, &array), DECANT_OK);
    assert_int_equal(array.dims[0], image->height);
    assert_int_equal(array.dims[1], image->width);
    assert_int_equal(array.rank == 3 ? array.dims[2] : 1, image->channels);
    for (int64_t i = 0; i < array.count; i++)
        if (abs(array.payload[i] - image->pixels[i]) > tolerance)
            fail_msg("%s: byte %d is %d, not %d", name, (int)i, image->pixels[i], array.payload[i]);
}

/* Breaks when a kind of PNG is read as another, or loses rows, bits or a palette. */
static void test_png_of_every_kind(void **state)
{
    (void)state;
    static const char *const files[][2] = {
        {"colour.png", "colour"},   {"grey.png", "grey"}, {"opaque.png", "colour"}, {"grey_opaque.png", "grey"},
        {"palette.png", "palette"}, {"bits.png", "bits"}, {"deep.png", "deep"}};
    for (size_t i = 0; i < DCN_COUNT(files); i++) {
        dcn_image image = {0};
        decode(files[i][0], &image);
        assert_is(&image, files[i][1], 0);
        dcn_image_finish(&image);
    }
}

/* Breaks when colours are swapped or another inverse transform or upsampling is taken than Pillow's. */
static void test_jpeg(void **state)
{
    (void)state;
    static const char *const files[][2] = {
        {"colour.jpg", "colour_jpg"}, {"progressive.jpg", "progressive_jpg"}, {"grey.jpg", "grey_jpg"}};
    for (size_t i = 0; i < DCN_COUNT(files); i++) {
        dcn_image image = {0};
        decode(files[i][0], &image);
        assert_is(&image, files[i][1], 1); /* versions of libjpeg-turbo may round differently */
        dcn_image_finish(&image);
    }
}

static void refuse(const char *name, const char *words)
{
    size_t bytes = 0;
    uint8_t *data = read_file(name, &bytes);
    dcn_image image = {0};
    assert_int_equal(dcn_image_decode(data, bytes, &image), DECANT_FORMAT);
    if (strstr(decant_error_message(), words) == NULL) fail_msg("'%s' lacks '%s'", decant_error_message(), words);
    assert_null(image.pixels);
    dcn_free(data);
}

static void test_kinds_that_are_not_read(void **state)
{
    (void)state;
    refuse("transparent.png", "transparent pixels");
    refuse("palette_transparent.png", "transparent pixels");
    refuse("cmyk.jpg", "CMYK");
    refuse("expected.npz", "neither a PNG nor a JPEG");
}

/* Breaks when a file that was cut at any place is believed: what is missing would be grey or black. */
static void test_cut_short_anywhere(void **state)
{
    (void)state;
    static const char *const files[] = {"palette.png", "deep.png", "grey.jpg", "progressive.jpg"};
    for (size_t f = 0; f < DCN_COUNT(files); f++) {
        size_t bytes = 0;
        uint8_t *data = read_file(files[f], &bytes);
        for (size_t cut = 0; cut < bytes; cut++) {
            uint8_t *exact = NULL; /* so that the sanitizer sees a read behind its end */
            dcn_image image = {0};
            assert_int_equal(dcn_new(cut, (void **)&exact), DECANT_OK);
            memcpy(exact, data, cut);
            if (dcn_image_decode(exact, cut, &image) != DECANT_FORMAT)
                fail_msg("%s passes when cut to %zu of %zu bytes", files[f], cut, bytes);
            dcn_free(exact);
        }
        dcn_free(data);
    }
}

/* Breaks when one wrong byte of a PNG's data passes its checksum. */
static void test_a_wrong_byte(void **state)
{
    (void)state;
    size_t bytes = 0;
    uint8_t *data = read_file("palette.png", &bytes);
    for (size_t at = 8; at + 12 < bytes; at++) {
        dcn_image image = {0};
        data[at] ^= 0x10;
        assert_int_equal(dcn_image_decode(data, bytes, &image), DECANT_FORMAT);
        data[at] ^= 0x10;
    }
    dcn_free(data);
}

/* A JPEG has no checksum: a wrong byte may give another picture, but none of another size, and no crash. */
static void test_wrong_bytes_of_a_jpeg(void **state)
{
    (void)state;
    static const char *const names[] = {"colour.jpg", "progressive.jpg"};
    for (size_t n = 0; n < DCN_COUNT(names); n++) {
        size_t bytes = 0, refused = 0;
        uint8_t *data = read_file(names[n], &bytes);
        for (size_t at = 0; at < bytes; at++) {
            dcn_image image = {0};
            data[at] ^= 0x41;
            const decant_status status = dcn_image_decode(data, bytes, &image);
            if (status != DECANT_OK) assert_int_equal(status, DECANT_FORMAT);
            refused += status != DECANT_OK;
            dcn_image_finish(&image);
            data[at] ^= 0x41;
        }
        assert_true(refused > 100);

        dcn_image image = {0};
        memcpy(data + bytes * 9 / 10, "\xff\xd9", 2); /* the picture ends before its last lines */
        assert_int_equal(dcn_image_decode(data, bytes, &image), DECANT_FORMAT);
        dcn_free(data);
    }
}

static uint32_t crc(const uint8_t *bytes, size_t count)
{
    uint32_t value = 0xffffffff;
    for (size_t i = 0; i < count; i++) {
        value ^= bytes[i];
        for (int bit = 0; bit < 8; bit++)
            value = value >> 1 ^ (value & 1 ? 0xedb88320u : 0);
    }
    return ~value;
}

static void put_big_endian(uint8_t *to, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        to[i] = (uint8_t)(value >> (24 - 8 * i));
}

/* Breaks when a file of a few bytes that claims gigabytes makes the reader take them. */
static void test_huge_dimensions(void **state)
{
    (void)state;
    static const uint32_t sides[][2] = {{100000, 1}, {1, 2000000000}, {16384, 16384}, {0, 5}};
    size_t bytes = 0;
    uint8_t *data = read_file("palette.png", &bytes);
    for (size_t i = 0; i < DCN_COUNT(sides); i++) {
        dcn_image image = {0};
        put_big_endian(data + 16, sides[i][0]);
        put_big_endian(data + 20, sides[i][1]);
        put_big_endian(data + 29, crc(data + 12, 17));
        assert_int_equal(dcn_image_decode(data, bytes, &image), DECANT_FORMAT);
        assert_non_null(strstr(decant_error_message(), sides[i][0] == 0 ? "Invalid" : "pixels; at most"));
    }
    dcn_free(data);
}

static void test_grey_and_colour(void **state)
{
    (void)state;
    dcn_image image = {0};
    decode("colour.png", &image);
    assert_int_equal(dcn_image_convert(&image, 1), DECANT_OK);
    assert_is(&image, "luma", 0);
    dcn_image_finish(&image);
    decode("grey.png", &image);
    assert_int_equal(dcn_image_convert(&image, 3), DECANT_OK);
    assert_int_equal(image.channels, 3);
    assert_true(image.pixels[300] == image.pixels[301] && image.pixels[301] == image.pixels[302]);
    assert_int_equal(dcn_image_convert(&image, 1), DECANT_OK);
    assert_is(&image, "grey", 0);
    dcn_image_finish(&image);
}

/* Breaks when shrinking skips pixels (aliasing), or weights and rounding are not Pillow's. */
static void test_resizing(void **state)
{
    (void)state;
    static const int32_t sizes[][2] = {{16, 16}, {5, 50}, {64, 64}, {23, 8}, {1, 1}, {40, 37}, {20, 36}};
    for (size_t i = 0; i < DCN_COUNT(sizes); i++) {
        char name[32];
        dcn_image image = {0};
        decode("colour.png", &image);
        assert_int_equal(dcn_image_resize(&image, sizes[i][0], sizes[i][1]), DECANT_OK);
        snprintf(name, sizeof name, "resized_%dx%d", sizes[i][0], sizes[i][1]);
        assert_is(&image, name, 0);
        dcn_image_finish(&image);
    }
    dcn_image image = {0};
    decode("grey.png", &image);
    assert_int_equal(dcn_image_resize(&image, 7, 9), DECANT_OK);
    assert_is(&image, "resized_grey", 0);
    dcn_image_finish(&image);
}

static void test_every_allocation_may_fail(void **state)
{
    (void)state;
    size_t bytes = 0;
    uint8_t *data = read_file("opaque.png", &bytes);
    int64_t nth = 1;
    for (;; nth++) {
        dcn_image image = {0};
        dcn_memory_fail_nth(nth);
        decant_status status = dcn_image_decode(data, bytes, &image);
        if (status == DECANT_OK) status = dcn_image_convert(&image, 1);
        if (status == DECANT_OK) status = dcn_image_resize(&image, 9, 9);
        dcn_memory_fail_nth(0);
        dcn_image_finish(&image);
        if (status == DECANT_OK) break;
        assert_int_equal(status, DECANT_NO_MEMORY);
    }
    assert_true(nth > 10);
    dcn_free(data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_png_of_every_kind),
        cmocka_unit_test(test_jpeg),
        cmocka_unit_test(test_kinds_that_are_not_read),
        cmocka_unit_test(test_cut_short_anywhere),
        cmocka_unit_test(test_a_wrong_byte),
        cmocka_unit_test(test_wrong_bytes_of_a_jpeg),
        cmocka_unit_test(test_huge_dimensions),
        cmocka_unit_test(test_grey_and_colour),
        cmocka_unit_test(test_resizing),
        cmocka_unit_test(test_every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, open_expected, close_expected);
}
