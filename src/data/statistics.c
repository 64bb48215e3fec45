/* Mean and standard deviation of the training split, per channel or feature. Bytes are summed as whole numbers, so
 * their result is exact; floats in two passes in double. The deviation is the population's (divided by n). */
#include "data/statistics.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "data/threads.h"

#define SAMPLES_A_TASK 4096
#define BYTES_A_SUM    32768 /* 255^2 times this fits 32 bits */

int32_t dcn_statistics_channels(const decant_dataset *dataset)
{
    return (int32_t)dataset->sample.dim[0]; /* [C,H,W] or [features] */
}

typedef struct summing {
    const decant_dataset *dataset;
    const int32_t *indices;
    int64_t count;
    int32_t channels;
    int64_t plane;        /* values of one channel in one sample */
    const double *centre; /* [channels] floats: subtracted first; NULL: 0 */
    double *sums;         /* [tasks, 2, channels] of x - centre and its square; for bytes of b and b^2 */
} summing;

static void add_bytes(const uint8_t *values, int64_t count, double *first, double *second)
{
    uint64_t sum = 0, squares = 0;
    for (int64_t start = 0; start < count; start += BYTES_A_SUM) {
        int64_t end = count - start < BYTES_A_SUM ? count : start + BYTES_A_SUM;
        uint32_t some = 0, some_squares = 0;
        for (int64_t i = start; i < end; i++) {
            some += values[i];
            some_squares += (uint32_t)values[i] * values[i];
        }
        sum += some;
        squares += some_squares;
    }
    *first += (double)sum; /* whole numbers far below 2^53 in any sum of 2^31 samples of a usual size: no rounding */
    *second += (double)squares;
}

static void add_floats(const float *values, int64_t count, double centre, double *first, double *second)
{
    double sum = 0, squares = 0;
    for (int64_t i = 0; i < count; i++) {
        double distance = (double)values[i] - centre;
        sum += distance;
        squares += distance * distance;
    }
    *first += sum;
    *second += squares;
}

static decant_status sum_some(void *context, int32_t index)
{
    const summing *all = context;
    const dcn_samples *part = &all->dataset->train;
    size_t bytes = dcn_sample_bytes(all->dataset, part);
    int64_t from = (int64_t)index * SAMPLES_A_TASK;
    int64_t end = all->count - from > SAMPLES_A_TASK ? from + SAMPLES_A_TASK : all->count;
    double *first = all->sums + (int64_t)index * 2 * all->channels, *second = first + all->channels;
    for (int64_t i = from; i < end; i++) {
        const uint8_t *sample = part->data + (size_t)(all->indices != NULL ? all->indices[i] : i) * bytes;
        for (int32_t c = 0; c < all->channels; c++) {
            if (part->dtype == DECANT_U8) {
                add_bytes(sample + c * all->plane, all->plane, &first[c], &second[c]);
            } else {
                add_floats((const float *)(const void *)sample + c * all->plane, all->plane,
                           all->centre != NULL ? all->centre[c] : 0, &first[c], &second[c]);
            }
        }
    }
    return DECANT_OK;
}

/* Totals over all tasks, added in the order of the tasks so that the number of threads changes nothing. */
static decant_status sum_all(summing *all, int32_t tasks, double *totals)
{
    size_t sums = (size_t)tasks * 2 * (size_t)all->channels;
    memset(all->sums, 0, sums * sizeof *all->sums);
    memset(totals, 0, 2 * (size_t)all->channels * sizeof *totals);
    TRY_RETURN(dcn_parallel(tasks, sum_some, all));
    for (size_t i = 0; i < sums; i++) {
        totals[i % (2 * (size_t)all->channels)] += all->sums[i];
    }
    return DECANT_OK;
}

/* A constant would be divided by 0, or by its own rounding error: its deviation is given as 1, which leaves it at 0. */
static float usable_deviation(double mean, double variance)
{
    double deviation = sqrt(variance > 0 ? variance : 0);
    return deviation > fabs(mean) * (double)FLT_EPSILON && deviation >= (double)FLT_MIN ? (float)deviation : 1;
}

decant_status dcn_statistics(const decant_dataset *dataset, const int32_t *indices, int64_t count, float *ret_mean,
                             float *ret_std)
{
    int32_t channels = dcn_statistics_channels(dataset),
            tasks = (int32_t)((count + SAMPLES_A_TASK - 1) / SAMPLES_A_TASK);
    summing all = {.dataset = dataset, .indices = indices, .count = count, .channels = channels};
    double *totals = NULL, *mean = NULL;
    if (count < 1 || count > dataset->train.count) {
        return DCN_FAIL(INVALID_ARG, "statistics of %lld of %lld training samples", (long long)count,
                        (long long)dataset->train.count);
    }
    all.plane = decant_shape_count(&dataset->sample) / channels;
    double n = (double)count * (double)all.plane;
    decant_status status = dcn_new_array((size_t)tasks * 2 * (size_t)channels, sizeof *all.sums, (void **)&all.sums);
    if (status != DECANT_OK) goto out;
    TRY(dcn_new_array(2 * (size_t)channels, sizeof *totals, (void **)&totals));
    TRY(dcn_new_array((size_t)channels, sizeof *mean, (void **)&mean));

    TRY(sum_all(&all, tasks, totals));
    for (int32_t c = 0; c < channels; c++) {
        mean[c] = totals[c] / n;
    }
    if (dataset->train.dtype == DECANT_F32) { /* again around the mean: squares of large values cancel badly */
        all.centre = mean;
        TRY(sum_all(&all, tasks, totals));
    }
    for (int32_t c = 0; c < channels; c++) {
        double spread = totals[channels + c] / n;
        if (dataset->train.dtype == DECANT_U8) {
            spread = (spread - mean[c] * mean[c]) / (255.0 * 255.0);
            mean[c] /= 255;
        }
        ret_mean[c] = (float)mean[c];
        ret_std[c] = usable_deviation(mean[c], spread);
    }
out:
    dcn_free(all.sums);
    dcn_free(totals);
    dcn_free(mean);
    return status;
}
