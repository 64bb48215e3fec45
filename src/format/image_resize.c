/* Changing a picture's size without aliasing: every new pixel is a weighted mean of all old ones under a triangle whose
 * half width is one new pixel when shrinking, one old pixel when growing. Weights are fixed-point numbers, so the
 * result is the same on every machine - and, for Pillow (13) rounds and orders alike, the same as Pillow's. */
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "base/memory.h"
#include "format/image.h"

#define WEIGHT_BITS 22 /* 8 bits of pixel, 22 of weight and 2 for the sum fit 32 */

/* For each new position along one side: which old ones, and how much of each. */
typedef struct weights {
    int32_t *first, *count; /* [n_new] */
    int32_t *values;        /* [n_new, width] */
    int32_t width;          /* the most old positions of a new one */
} weights;

static void finish_weights(weights *all)
{
    dcn_free(all->first);
    dcn_free(all->count);
    dcn_free(all->values);
}

static double triangle(double x)
{
    return fabs(x) < 1 ? 1 - fabs(x) : 0;
}

static int32_t to_fixed(double weight)
{
    return (int32_t)(weight * (1 << WEIGHT_BITS) + 0.5); /* a triangle has no negative ones */
}

/* The weights of the new position i; row has room for all of them. */
static void weigh(int32_t n_old, double scale, double support, int32_t i, double *row, weights *all)
{
    /* Multiplied by the inverse, not divided by the support: the last bit decides how a tie is rounded. */
    double centre = (i + 0.5) * scale, inverse = 1 / support, sum = 0;
    int32_t first = (int32_t)(centre - support + 0.5), end = (int32_t)(centre + support + 0.5);
    if (first < 0) first = 0;
    if (end > n_old) end = n_old;
    for (int32_t k = 0; k < end - first; k++) {
        row[k] = triangle((k + first - centre + 0.5) * inverse);
        sum += row[k];
    }
    for (int32_t k = 0; k < end - first; k++)
        all->values[(int64_t)i * all->width + k] = to_fixed(row[k] / sum);
    all->first[i] = first;
    all->count[i] = end - first;
}

static decant_status make_weights(int32_t n_old, int32_t n_new, weights *all)
{
    double scale = (double)n_old / n_new, support = scale > 1 ? scale : 1;
    double *row = NULL;
    all->width = (int32_t)ceil(support) * 2 + 1;
    decant_status status = dcn_new_array((size_t)all->width, sizeof *row, (void **)&row);
    if (status != DECANT_OK) goto out;
    TRY(dcn_new_array((size_t)n_new, sizeof *all->first, (void **)&all->first));
    TRY(dcn_new_array((size_t)n_new, sizeof *all->count, (void **)&all->count));
    TRY(dcn_new_array((size_t)n_new * (size_t)all->width, sizeof *all->values, (void **)&all->values));
    for (int32_t i = 0; i < n_new; i++)
        weigh(n_old, scale, support, i, row, all);
out:
    dcn_free(row);
    return status;
}

/* One new value from `count` old ones, `step` bytes apart. */
static uint8_t mix(const uint8_t *from, int64_t step, const int32_t *values, int32_t count)
{
    int32_t sum = 1 << (WEIGHT_BITS - 1); /* rounds */
    for (int32_t k = 0; k < count; k++)
        sum += from[k * step] * values[k];
    sum >>= WEIGHT_BITS;
    return (uint8_t)(sum > 255 ? 255 : sum);
}

static decant_status resize_rows(dcn_image *image, int32_t width)
{
    weights all = {0};
    dcn_image resized = {0};
    const int32_t channels = image->channels;
    decant_status status = make_weights(image->width, width, &all);
    if (status != DECANT_OK) goto out;
    TRY(dcn_image_create(channels, image->height, width, &resized));
    uint8_t *to = resized.pixels;
    for (int32_t y = 0; y < image->height; y++) {
        const uint8_t *row = image->pixels + (int64_t)y * image->width * channels;
        for (int32_t x = 0; x < width; x++)
            for (int32_t c = 0; c < channels; c++)
                *to++ = mix(row + (int64_t)all.first[x] * channels + c, channels, all.values + (int64_t)x * all.width,
                            all.count[x]);
    }
    dcn_image_finish(image);
    *image = resized;
out:
    finish_weights(&all);
    return status;
}

static decant_status resize_columns(dcn_image *image, int32_t height)
{
    weights all = {0};
    dcn_image resized = {0};
    const int64_t row = (int64_t)image->width * image->channels;
    decant_status status = make_weights(image->height, height, &all);
    if (status != DECANT_OK) goto out;
    TRY(dcn_image_create(image->channels, height, image->width, &resized));
    uint8_t *to = resized.pixels;
    for (int32_t y = 0; y < height; y++)
        for (int64_t i = 0; i < row; i++)
            *to++ = mix(image->pixels + all.first[y] * row + i, row, all.values + (int64_t)y * all.width, all.count[y]);
    dcn_image_finish(image);
    *image = resized;
out:
    finish_weights(&all);
    return status;
}

decant_status dcn_image_resize(dcn_image *image, int32_t height, int32_t width)
{
    /* The side first that leaves fewer pixels for the other. */
    bool rows_first = (int64_t)image->height * width <= (int64_t)height * image->width;
    if (rows_first && width != image->width) TRY_RETURN(resize_rows(image, width));
    if (height != image->height) TRY_RETURN(resize_columns(image, height));
    if (!rows_first && width != image->width) TRY_RETURN(resize_rows(image, width));
    return DECANT_OK;
}
