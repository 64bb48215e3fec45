/* Drawing what happens to a sample, and making it happen while the sample is converted: no picture is copied in
 * between. */
#include "data/augment.h"

#include <math.h>

#include "base/memory.h"
#include "base/random.h"

#define SHORT_PLANE 16 /* values of a channel below which the floats of all bytes would cost more than they save */

/* --- what is drawn --- */

static int32_t draw_offset(dcn_random *random, int32_t most)
{
    return (int32_t)dcn_random_below(random, 2 * (uint32_t)most + 1) - most;
}

dcn_augment_choice dcn_augment_choose(const dcn_augment *augment, const decant_shape *sample, uint64_t seed,
                                      int64_t epoch, int32_t index)
{
    dcn_augment_choice choice = {0};
    dcn_random random = dcn_random_start(seed, DCN_PURPOSE_AUGMENT, (uint64_t)epoch, (uint32_t)index);
    if (augment->shift > 0) {
        choice.shift_y = draw_offset(&random, augment->shift);
        choice.shift_x = draw_offset(&random, augment->shift);
    }
    if (augment->crop_padding > 0) {
        choice.crop_y = draw_offset(&random, augment->crop_padding);
        choice.crop_x = draw_offset(&random, augment->crop_padding);
    }
    if (augment->flip) choice.flip = dcn_random_below(&random, 2) == 1;
    if (augment->cutout > 0) {
        choice.cutout_y = (int32_t)dcn_random_below(&random, (uint32_t)sample->dim[1]);
        choice.cutout_x = (int32_t)dcn_random_below(&random, (uint32_t)sample->dim[2]);
    }
    return choice;
}

decant_status dcn_augment_check(const dcn_augment *augment, const decant_shape *sample)
{
    bool moves = augment->shift != 0 || augment->crop_padding != 0 || augment->flip || augment->cutout != 0;
    if (!(augment->mixup >= 0) || !isfinite(augment->mixup)) {
        return DCN_FAIL(INVALID_ARG, "mixup is alpha of Beta(alpha, alpha): a number of at least 0, not %g",
                        augment->mixup);
    }
    if (!moves) return DECANT_OK;
    if (sample->rank != 3) {
        return DCN_FAIL(INVALID_ARG, "shift, crop, flip and cutout want pictures, [channels, height, width]");
    }
    int64_t side = sample->dim[1] < sample->dim[2] ? sample->dim[1] : sample->dim[2];
    if (augment->shift < 0 || augment->crop_padding < 0 || augment->cutout < 0 || augment->shift >= side ||
        augment->crop_padding >= side) {
        return DCN_FAIL(INVALID_ARG,
                        "shift and crop padding are whole pixels below the picture's side (%d); cutout is at least 0",
                        (int)side);
    }
    return DECANT_OK;
}

/* --- counting what can be drawn --- */

/* (2 shift + 1)^2 (2 crop + 1)^2, twice with flip. */
int64_t dcn_augment_variants(const dcn_augment *augment)
{
    int64_t shifts = 2 * (int64_t)augment->shift + 1, crops = 2 * (int64_t)augment->crop_padding + 1;
    if (augment->mixup > 0 || augment->cutout > 0) return 0;
    if (shifts > 8192 || crops > 8192) return 0; /* no picture is that large, and the product would not fit */
    return shifts * shifts * crops * crops * (augment->flip ? 2 : 1);
}

/* A number whose digits are what was drawn, each from 0. */
int64_t dcn_augment_variant(const dcn_augment *augment, const dcn_augment_choice *choice)
{
    int64_t shifts = 2 * (int64_t)augment->shift + 1, crops = 2 * (int64_t)augment->crop_padding + 1;
    int64_t variant = choice->shift_y + augment->shift;
    variant = variant * shifts + choice->shift_x + augment->shift;
    variant = variant * crops + choice->crop_y + augment->crop_padding;
    variant = variant * crops + choice->crop_x + augment->crop_padding;
    return augment->flip ? 2 * variant + choice->flip : variant;
}

/* --- normalisation --- */

static inline float normalise_float(float value, float mean, float std)
{
    return (value - mean) / std;
}

decant_status dcn_converter_create(const decant_shape *sample, decant_dtype dtype, int32_t norm_channels,
                                   const float *mean, const float *std, dcn_converter *ret_converter)
{
    dcn_converter converter = {.sample = *sample, .dtype = dtype, .channels = (int32_t)sample->dim[0]};
    converter.plane = decant_shape_count(sample) / converter.channels;
    converter.n_tables = norm_channels > 1 ? norm_channels : 1;
    if (norm_channels < 0 || (norm_channels > 1 && norm_channels != converter.channels)) {
        return DCN_FAIL(INVALID_ARG, "normalisation of %d channels for samples of %d", norm_channels,
                        converter.channels);
    }
    size_t n = (size_t)converter.n_tables;
    decant_status status = dcn_new_array(n, sizeof(float), (void **)&converter.mean);
    if (status != DECANT_OK) goto out;
    TRY(dcn_new_array(n, sizeof(float), (void **)&converter.std));
    for (size_t c = 0; c < n; c++) {
        converter.mean[c] = norm_channels > 0 ? mean[c] : 0;
        converter.std[c] = norm_channels > 0 ? std[c] : 1;
        if (isfinite(converter.mean[c]) && isfinite(converter.std[c]) && converter.std[c] > 0) continue;
        status = DCN_FAIL(INVALID_ARG, "normalisation of channel %zu: mean %g, standard deviation %g", c,
                          (double)converter.mean[c], (double)converter.std[c]);
        goto out;
    }
    if (dtype == DECANT_U8 && (n == 1 || converter.plane >= SHORT_PLANE)) {
        TRY(dcn_new_array(n, sizeof *converter.tables, (void **)&converter.tables));
        for (size_t c = 0; c < n; c++)
            converter.tables[c] = dcn_byte_floats_of(converter.mean[c], converter.std[c]);
    }
    *ret_converter = converter;
    converter = (dcn_converter){0};
out:
    dcn_converter_finish(&converter);
    return status;
}

void dcn_converter_finish(dcn_converter *converter)
{
    dcn_free(converter->mean);
    dcn_free(converter->std);
    dcn_free(converter->tables);
    *converter = (dcn_converter){0};
}

/* --- conversion --- */

/* `count` values of channel c, beginning with value `start` of that channel. */
static void convert_run(const dcn_converter *converter, int32_t c, const uint8_t *src, int64_t start, int64_t count,
                        float *dst)
{
    int64_t first = c * converter->plane + start;
    int32_t which = converter->n_tables > 1 ? c : 0;
    float mean = converter->mean[which], std = converter->std[which];
    if (converter->dtype == DECANT_F32) {
        const float *values = (const float *)(const void *)src + first;
        for (int64_t i = 0; i < count; i++) {
            dst[i] = normalise_float(values[i], mean, std);
        }
    } else if (converter->tables != NULL) {
        dcn_bytes_to_floats(&converter->tables[which], src + first, count, dst);
    } else {
        for (int64_t i = 0; i < count; i++) {
            dst[i] = dcn_normalise_byte(src[first + i], mean, std);
        }
    }
}

void dcn_convert(const dcn_converter *converter, const uint8_t *src, float *dst)
{
    if (converter->n_tables == 1) { /* all channels alike: one run */
        convert_run(converter, 0, src, 0, converter->channels * converter->plane, dst);
        return;
    }
    if (converter->plane == 1 && converter->dtype == DECANT_F32) { /* a row of a table: one run over its features */
        const float *values = (const float *)(const void *)src, *mean = converter->mean, *std = converter->std;
        for (int32_t c = 0; c < converter->channels; c++) {
            dst[c] = normalise_float(values[c], mean[c], std[c]);
        }
        return;
    }
    for (int32_t c = 0; c < converter->channels; c++) {
        convert_run(converter, c, src, 0, converter->plane, dst + c * converter->plane);
    }
}

/* Where one axis of the result comes from. Result position p shows stored position p + offset for first <= p < end, and
 * raw 0 elsewhere: a pixel that the shift pushed out is gone even when the crop would bring its place back. */
typedef struct axis {
    int64_t offset, first, end;
} axis;

static int64_t clamp(int64_t value, int64_t most)
{
    return value < 0 ? 0 : value > most ? most : value;
}

static axis make_axis(int64_t size, int32_t shift, int32_t crop)
{
    int64_t offset =
        (int64_t)crop - shift; /* position p + crop of the shifted picture is p + crop - shift of the stored one */
    int64_t lower = offset < crop ? offset : crop,
            upper = offset > crop ? offset : crop; /* both must lie in [0, size) */
    int64_t first = clamp(-lower, size), end = clamp(size - upper, size);
    return (axis){offset, first, end > first ? end : first};
}

static void fill(float *values, int64_t count, float value)
{
    for (int64_t i = 0; i < count; i++) {
        values[i] = value;
    }
}

static void reverse(float *values, int64_t count)
{
    for (int64_t i = 0, j = count - 1; i < j; i++, j--) {
        float swapped = values[i];
        values[i] = values[j];
        values[j] = swapped;
    }
}

/* A square of zeros, which is the mean after normalisation. */
static void cut_out(const dcn_converter *converter, int32_t side, const dcn_augment_choice *choice, float *dst)
{
    int64_t height = converter->sample.dim[1], width = converter->sample.dim[2];
    int64_t top = choice->cutout_y - side / 2, left = choice->cutout_x - side / 2;
    int64_t y_end = clamp(top + side, height), x_first = clamp(left, width), x_end = clamp(left + side, width);
    for (int32_t c = 0; c < converter->channels; c++) {
        for (int64_t y = clamp(top, height); y < y_end; y++) {
            fill(dst + c * converter->plane + y * width + x_first, x_end - x_first, 0.0f);
        }
    }
}

void dcn_convert_augmented(const dcn_converter *converter, const dcn_augment *augment, const dcn_augment_choice *choice,
                           const uint8_t *src, float *dst)
{
    int64_t height = converter->sample.dim[1], width = converter->sample.dim[2];
    axis down = make_axis(height, choice->shift_y, choice->crop_y);
    axis across = make_axis(width, choice->shift_x, choice->crop_x);
    for (int32_t c = 0; c < converter->channels; c++) {
        int32_t which = converter->n_tables > 1 ? c : 0;
        float mean = converter->mean[which], std = converter->std[which];
        float nothing =
            converter->dtype == DECANT_U8 ? dcn_normalise_byte(0, mean, std) : normalise_float(0, mean, std);
        float *plane = dst + c * converter->plane;
        fill(plane, down.first * width, nothing);
        fill(plane + down.end * width, (height - down.end) * width, nothing);
        for (int64_t y = down.first; y < down.end; y++) {
            float *row = plane + y * width;
            fill(row, across.first, nothing);
            fill(row + across.end, width - across.end, nothing);
            convert_run(converter, c, src, (y + down.offset) * width + across.first + across.offset,
                        across.end - across.first, row + across.first);
            if (choice->flip) reverse(row, width);
        }
    }
    if (augment->cutout > 0) cut_out(converter, augment->cutout, choice, dst);
}
