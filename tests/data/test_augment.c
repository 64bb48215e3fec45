/* Augmentation against its definition, pixel by pixel, and what is drawn against the ranges it is promised to lie in.
 */
#include "fixture.h"

#include "data/augment.h"

/* The definition, one result pixel at a time: the shift with raw zeros entering, then the crop out of the padded
 * picture, then the flip, then the square of zeros. */
static float naive(const dcn_converter *converter, const dcn_augment *augment, const dcn_augment_choice *choice,
                   const uint8_t *src, int64_t c, int64_t y, int64_t x)
{
    int64_t height = converter->sample.dim[1], width = converter->sample.dim[2];
    int64_t top = choice->cutout_y - augment->cutout / 2, left = choice->cutout_x - augment->cutout / 2;
    if (augment->cutout > 0 && y >= top && y < top + augment->cutout && x >= left && x < left + augment->cutout)
        return 0;
    if (choice->flip) x = width - 1 - x;
    int64_t shifted_y = y + choice->crop_y, shifted_x = x + choice->crop_x;
    int64_t stored_y = shifted_y - choice->shift_y, stored_x = shifted_x - choice->shift_x;
    bool inside = shifted_y >= 0 && shifted_y < height && shifted_x >= 0 && shifted_x < width && stored_y >= 0 &&
                  stored_y < height && stored_x >= 0 && stored_x < width;
    int64_t which = converter->n_tables > 1 ? c : 0, at = (c * height + stored_y) * width + stored_x;
    float mean = converter->mean[which], std = converter->std[which];
    if (converter->dtype == DECANT_F32) return ((inside ? ((const float *)(const void *)src)[at] : 0) - mean) / std;
    return ((inside ? (float)src[at] : 0) / 255.0f - mean) / std;
}

static void compare(const dcn_converter *converter, const dcn_augment *augment, const dcn_augment_choice *choice,
                    const uint8_t *src)
{
    float result[256];
    int64_t height = converter->sample.dim[1], width = converter->sample.dim[2];
    for (int i = 0; i < 256; i++)
        result[i] = 1e9f;
    dcn_convert_augmented(converter, augment, choice, src, result);
    for (int64_t i = 0; i < converter->channels * converter->plane; i++) {
        int64_t c = i / (height * width), y = i / width % height, x = i % width;
        if (result[i] == naive(converter, augment, choice, src, c, y, x)) continue;
        fail_msg("shift %d %d crop %d %d flip %d cutout %d at %d %d: pixel %d %d %d", choice->shift_y, choice->shift_x,
                 choice->crop_y, choice->crop_x, choice->flip, augment->cutout, choice->cutout_y, choice->cutout_x,
                 (int)c, (int)y, (int)x);
    }
    assert_true(result[converter->channels * converter->plane] == 1e9f); /* nothing behind the end */
}

static void make_converter(decant_dtype dtype, int64_t height, int64_t width, int32_t norm_channels,
                           dcn_converter *converter)
{
    const float mean[2] = {0.25f, 0.5f}, std[2] = {0.3f, 2.0f};
    const decant_shape sample = {.rank = 3, .dim = {2, height, width}};
    assert_ok(dcn_converter_create(&sample, dtype, norm_channels, mean, std, converter));
}

/* Every shift up to 4, crop up to 3 and flip on small pictures: far enough that nothing of the picture is left. */
static void test_every_move_of_small_pictures(void **state)
{
    (void)state;
    static const int64_t sizes[][2] = {{3, 5}, {4, 4}, {1, 1}, {1, 6}};
    uint8_t bytes[64 * 4];
    for (int i = 0; i < 256; i++)
        bytes[i] = (uint8_t)(i * 37 + 11);
    for (size_t s = 0; s < DCN_COUNT(sizes); s++) {
        dcn_converter converter;
        const dcn_augment augment = {0};
        make_converter(DECANT_U8, sizes[s][0], sizes[s][1], 2, &converter);
        for (int32_t i = 0; i < 9 * 9 * 7 * 7 * 2; i++) {
            dcn_augment_choice choice = {.shift_y = i % 9 - 4,
                                         .shift_x = i / 9 % 9 - 4,
                                         .crop_y = i / 81 % 7 - 3,
                                         .crop_x = i / 567 % 7 - 3,
                                         .flip = i / 3969 == 1};
            compare(&converter, &augment, &choice, bytes);
        }
        dcn_converter_finish(&converter);
    }
}

static void test_floats_one_mean_and_none(void **state)
{
    (void)state;
    float values[2 * 4 * 5];
    uint8_t bytes[2 * 4 * 5];
    for (int i = 0; i < 40; i++) {
        values[i] = (float)(i * i) / 7.0f - 3;
        bytes[i] = (uint8_t)(i * 91);
    }
    const dcn_augment augment = {.cutout = 2};
    const dcn_augment_choice choice = {
        .shift_y = 1, .shift_x = -2, .crop_x = 1, .flip = true, .cutout_y = 3, .cutout_x = 1};
    for (int32_t norm_channels = 0; norm_channels <= 2; norm_channels++) {
        dcn_converter converter;
        make_converter(DECANT_F32, 4, 5, norm_channels, &converter);
        compare(&converter, &augment, &choice, (const uint8_t *)values);
        dcn_converter_finish(&converter);
        make_converter(DECANT_U8, 4, 5, norm_channels, &converter);
        compare(&converter, &augment, &choice, bytes);
        dcn_converter_finish(&converter);
    }
}

static void test_cutout_everywhere(void **state)
{
    (void)state;
    uint8_t bytes[2 * 5 * 6];
    dcn_converter converter;
    make_converter(DECANT_U8, 5, 6, 2, &converter);
    for (int i = 0; i < 60; i++)
        bytes[i] = (uint8_t)(200 + i % 50);
    for (int32_t side = 1; side <= 13; side++) {
        const dcn_augment augment = {.cutout = side};
        for (int32_t centre = 0; centre < 30; centre++) {
            dcn_augment_choice choice = {.cutout_y = centre / 6, .cutout_x = centre % 6};
            compare(&converter, &augment, &choice, bytes);
        }
    }
    dcn_converter_finish(&converter);
}

/* Without augmentation: the same for every way of normalising, rows of features among them. */
static void test_plain_conversion(void **state)
{
    (void)state;
    const float mean[40] = {[0] = 1, [7] = -2}, ones[40] = {1, 1, 1, 1, 1, 1, 1, 5, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
                                                            1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2};
    uint8_t bytes[40];
    float values[40], result[40];
    for (int i = 0; i < 40; i++) {
        bytes[i] = (uint8_t)(i * 6);
        values[i] = (float)i / 3;
    }
    const decant_shape row = {.rank = 1, .dim = {40}}, picture = {.rank = 3, .dim = {2, 4, 5}};
    for (int which = 0; which < 8; which++) {
        const decant_shape *sample = which % 2 == 0 ? &row : &picture;
        bool is_float = which / 2 % 2 == 1, each = which / 4 == 1;
        int32_t channels = (int32_t)sample->dim[0];
        dcn_converter converter;
        assert_ok(dcn_converter_create(sample, is_float ? DECANT_F32 : DECANT_U8, each ? channels : 1, mean, ones,
                                       &converter));
        dcn_convert(&converter, is_float ? (const uint8_t *)values : bytes, result);
        for (int i = 0; i < 40; i++) {
            int c = each ? i / (40 / channels) : 0;
            float raw = is_float ? values[i] : (float)bytes[i] / 255.0f;
            assert_true(result[i] == (raw - mean[c]) / ones[c]);
        }
        dcn_converter_finish(&converter);
    }
}

static void test_impossible_normalisations(void **state)
{
    (void)state;
    const decant_shape sample = {.rank = 3, .dim = {3, 2, 2}};
    const float good[3] = {1, 1, 1}, zero[3] = {1, 0, 1}, bad[3] = {1, 1, (float)(0.0 / 0.0)};
    dcn_converter converter;
    assert_int_equal(dcn_converter_create(&sample, DECANT_U8, 2, good, good, &converter), DECANT_INVALID_ARG);
    assert_int_equal(dcn_converter_create(&sample, DECANT_U8, -1, good, good, &converter), DECANT_INVALID_ARG);
    assert_refused(dcn_converter_create(&sample, DECANT_U8, 3, good, zero, &converter), DECANT_INVALID_ARG,
                   "channel 1");
    assert_refused(dcn_converter_create(&sample, DECANT_U8, 3, bad, good, &converter), DECANT_INVALID_ARG, "channel 2");
}

static void test_draws_lie_in_their_ranges_and_fill_them(void **state)
{
    (void)state;
    enum { N = 20000 };
    const dcn_augment augment = {.shift = 2, .crop_padding = 1, .flip = true, .cutout = 3};
    const decant_shape shape = {.rank = 3, .dim = {1, 6, 7}};
    int shifts[5][5] = {{0}}, crops[3][3] = {{0}}, flips = 0, centres[6][7] = {{0}};
    for (int32_t i = 0; i < N; i++) {
        dcn_augment_choice choice = dcn_augment_choose(&augment, &shape, 42, 3, i);
        assert_in_range(choice.shift_y + 2, 0, 4);
        assert_in_range(choice.shift_x + 2, 0, 4);
        assert_in_range(choice.crop_y + 1, 0, 2);
        assert_in_range(choice.crop_x + 1, 0, 2);
        assert_in_range(choice.cutout_y, 0, 5);
        assert_in_range(choice.cutout_x, 0, 6);
        shifts[choice.shift_y + 2][choice.shift_x + 2]++;
        crops[choice.crop_y + 1][choice.crop_x + 1]++;
        centres[choice.cutout_y][choice.cutout_x]++;
        flips += choice.flip;
    }
    /* Each within five standard deviations of its share. */
    for (int i = 0; i < 25; i++)
        assert_in_range(shifts[i / 5][i % 5], N / 25 - 140, N / 25 + 140);
    for (int i = 0; i < 9; i++)
        assert_in_range(crops[i / 3][i % 3], N / 9 - 225, N / 9 + 225);
    for (int i = 0; i < 42; i++)
        assert_in_range(centres[i / 7][i % 7], N / 42 - 108, N / 42 + 108);
    assert_in_range(flips, N / 2 - 354, N / 2 + 354);
}

/* Breaks when two outcomes share a number, a number is out of range, or outcomes that cannot be counted are. */
static void test_variants_are_numbered(void **state)
{
    (void)state;
    static const struct {
        dcn_augment augment;
        int64_t variants;
    } cases[] = {{{0}, 1},
                 {{.flip = true}, 2},
                 {{.shift = 2}, 25},
                 {{.crop_padding = 1, .flip = true}, 18},
                 {{.shift = 1, .crop_padding = 1, .flip = true}, 162},
                 {{.shift = 1, .cutout = 2}, 0},
                 {{.mixup = 0.1}, 0},
                 {{.shift = INT32_MAX, .crop_padding = INT32_MAX}, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const dcn_augment *augment = &cases[i].augment;
        dcn_augment_choice seen[162];
        bool met[162] = {false};
        int64_t n_met = 0;
        assert_int_equal(dcn_augment_variants(augment), cases[i].variants);
        for (int32_t sample = 0; sample < 3000 && cases[i].variants > 0; sample++) {
            const decant_shape shape = {.rank = 3, .dim = {1, 8, 8}};
            dcn_augment_choice choice = dcn_augment_choose(augment, &shape, 1, 2, sample);
            int64_t variant = dcn_augment_variant(augment, &choice);
            assert_true(variant >= 0 && variant < cases[i].variants);
            if (!met[variant]) seen[variant] = choice;
            n_met += !met[variant];
            met[variant] = true;
            assert_true(seen[variant].shift_y == choice.shift_y && seen[variant].shift_x == choice.shift_x);
            assert_true(seen[variant].crop_y == choice.crop_y && seen[variant].crop_x == choice.crop_x);
            assert_int_equal(seen[variant].flip, choice.flip);
        }
        assert_int_equal(n_met, cases[i].variants);
    }
}

static void test_draws_depend_on_seed_epoch_and_sample_only(void **state)
{
    (void)state;
    const dcn_augment augment = {.shift = 8, .flip = true};
    const decant_shape shape = {.rank = 3, .dim = {1, 28, 28}};
    int same[3] = {0};
    for (int32_t i = 0; i < 1000; i++) {
        dcn_augment_choice a = dcn_augment_choose(&augment, &shape, 1, 0, i),
                           again = dcn_augment_choose(&augment, &shape, 1, 0, i);
        dcn_augment_choice others[3] = {dcn_augment_choose(&augment, &shape, 2, 0, i),
                                        dcn_augment_choose(&augment, &shape, 1, 1, i),
                                        dcn_augment_choose(&augment, &shape, 1, 0, i + 1)};
        assert_true(a.shift_y == again.shift_y && a.shift_x == again.shift_x && a.flip == again.flip);
        for (int k = 0; k < 3; k++)
            same[k] += a.shift_y == others[k].shift_y && a.shift_x == others[k].shift_x;
    }
    for (int k = 0; k < 3; k++)
        assert_in_range(same[k], 0, 14); /* 1000 / 289 by chance */
}

static void test_impossible_augmentations(void **state)
{
    (void)state;
    const decant_shape picture = {.rank = 3, .dim = {1, 4, 9}}, row = {.rank = 1, .dim = {9}};
    const dcn_augment good[] = {{0}, {.shift = 3, .crop_padding = 3, .flip = true, .cutout = 100, .mixup = 0.2}};
    const dcn_augment bad[] = {{.shift = -1},  {.shift = 4},    {.crop_padding = -1}, {.crop_padding = 4},
                               {.cutout = -1}, {.mixup = -0.1}, {.mixup = 0.0 / 0.0}, {.mixup = 1.0 / 0.0}};
    for (size_t i = 0; i < DCN_COUNT(good); i++)
        assert_ok(dcn_augment_check(&good[i], &picture));
    for (size_t i = 0; i < DCN_COUNT(bad); i++)
        assert_int_equal(dcn_augment_check(&bad[i], &picture), DECANT_INVALID_ARG);
    assert_ok(dcn_augment_check(&(dcn_augment){.mixup = 1}, &row));
    assert_refused(dcn_augment_check(&(dcn_augment){.flip = true}, &row), DECANT_INVALID_ARG, "pictures");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_move_of_small_pictures),
        cmocka_unit_test(test_floats_one_mean_and_none),
        cmocka_unit_test(test_cutout_everywhere),
        cmocka_unit_test(test_plain_conversion),
        cmocka_unit_test(test_impossible_normalisations),
        cmocka_unit_test(test_draws_lie_in_their_ranges_and_fill_them),
        cmocka_unit_test(test_variants_are_numbered),
        cmocka_unit_test(test_draws_depend_on_seed_epoch_and_sample_only),
        cmocka_unit_test(test_impossible_augmentations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
