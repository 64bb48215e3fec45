/* The proof that two networks compute the same: both are run on the same samples, and their logits compared. */
#include <math.h>

#include "base/memory.h"
#include "base/random.h"
#include "compress/fold.h"
#include "train/train.h"

#define N_SAMPLES 64
#define TOLERANCE                                                                                                      \
    1e-4 /* of the largest logit: two orders above what reordered sums of f32 give, far below any decision */

/* Standard normal numbers as the model's normalisation makes them of raw samples. */
static void draw_samples(const decant_model *model, int64_t per_sample, float *samples)
{
    const dcn_normalization *normalization = &model->normalization;
    const decant_shape *input = &model->graph->values[model->graph->input].shape; /* [1, channels, ...] */
    const int64_t per_channel = per_sample / input->dim[1];
    dcn_random random = dcn_random_start(0, DCN_PURPOSE_PROOF, 0, 0);
    for (int64_t i = 0; i < N_SAMPLES * per_sample; i++) {
        const int64_t channel = normalization->channels > 1 ? i % per_sample / per_channel : 0;
        const double z = dcn_random_normal(&random);
        const bool has = normalization->channels > 0;
        samples[i] = (float)(has ? (double)normalization->mean[channel] + z * (double)normalization->std[channel] : z);
    }
}

static decant_status run(dcn_device *device, const decant_model *model, void *samples, float *logits)
{
    const decant_shape *input = &model->graph->values[model->graph->input].shape;
    char name[] = "samples";
    const dcn_samples part = {.count = N_SAMPLES, .dtype = DECANT_F32, .data = samples};
    const decant_dataset dataset = {.name = name,
                                    .sample = decant_shape_make(input->rank - 1, input->dim + 1),
                                    .n_classes = model->n_classes,
                                    .test = part};
    dcn_metrics metrics = {0};
    decant_status status = dcn_evaluate(device, model, &dataset, &part, NULL, N_SAMPLES, &metrics, NULL, logits);
    dcn_metrics_finish(&metrics);
    return status;
}

decant_status dcn_prove_equal(dcn_device *device, const decant_model *before, const decant_model *after,
                              double *ret_largest)
{
    const decant_shape *input = &before->graph->values[before->graph->input].shape;
    const int64_t per_sample = decant_shape_count(input), n_logits = (int64_t)N_SAMPLES * before->n_classes;
    float *samples = NULL;               /* [N_SAMPLES, sample...] */
    float *first = NULL, *second = NULL; /* [N_SAMPLES, classes] */
    double largest = 0, scale = 1;
    decant_status status = DECANT_OK;
    if (before->n_classes != after->n_classes) {
        status = DCN_FAIL(NUMERIC, "the two networks do not have the same number of outputs");
        goto out;
    }
    TRY(dcn_new_array((size_t)(N_SAMPLES * per_sample), sizeof *samples, (void **)&samples));
    TRY(dcn_new_array((size_t)n_logits, sizeof *first, (void **)&first));
    TRY(dcn_new_array((size_t)n_logits, sizeof *second, (void **)&second));
    draw_samples(before, per_sample, samples);
    TRY(run(device, before, samples, first));
    TRY(run(device, after, samples, second));
    for (int64_t i = 0; i < n_logits; i++) {
        const double difference = fabs((double)first[i] - (double)second[i]);
        if (isnan(difference) || difference > largest) largest = difference; /* a NaN stays: none is greater */
        scale = fmax(scale, fabs((double)first[i]));
    }
    largest /= scale;
    if (!(largest <= TOLERANCE)) { /* written so that NaN fails */
        status = DCN_FAIL(NUMERIC, "the outputs differ by %g of the largest, more than rounding explains", largest);
        goto out;
    }
    *ret_largest = largest;
out:
    dcn_free(second);
    dcn_free(first);
    dcn_free(samples);
    return status;
}
