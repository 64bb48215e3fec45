/* The proof that two networks compute the same: both run on the same samples, and their logits are compared. */
#include <math.h>

#include "base/memory.h"
#include "base/random.h"
#include "compress/fold.h"
#include "nn/inference.h"

#define N_SAMPLES 64
#define TOLERANCE 1e-4 /* of the largest logit: far above what rounding gives, far below what changes an answer */

/* The logits of a model as it stands, [N_SAMPLES, outputs]. x: [N_SAMPLES, sample...], normalised. */
static decant_status run(dcn_device *device, const decant_model *model, const float *x, float *ret_logits)
{
    dcn_inference inference = {0};
    decant_status status = dcn_inference_plan(device, model, N_SAMPLES, NULL, &inference);
    if (status != DECANT_OK) goto out;
    TRY(dcn_inference_ask(&inference, x, ret_logits));
out:
    dcn_plan_destroy(inference.plan);
    return status;
}

static double largest_difference(const float *first, const float *second, int64_t count)
{
    double largest = 0, scale = 1;
    for (int64_t i = 0; i < count; i++) {
        const double difference = fabs((double)first[i] - (double)second[i]);
        if (isnan(difference) || difference > largest) largest = difference; /* a NaN stays: nothing is above it */
        scale = fmax(scale, fabs((double)first[i]));
    }
    return largest / scale;
}

decant_status dcn_prove_equal(dcn_device *device, const decant_model *before, const decant_model *after,
                              double *ret_largest)
{
    const int64_t n_one = decant_shape_count(&before->graph->values[before->graph->input].shape);
    dcn_random random = dcn_random_start(0, DCN_PURPOSE_PROOF, 0, 0);
    const decant_precision asked = device->precision;
    float *x = NULL, *first = NULL, *second = NULL; /* first, second: [N_SAMPLES, outputs] */
    decant_status status = DECANT_OK;
    if (before->n_outputs != after->n_outputs) {
        status = DCN_FAIL(NUMERIC, "the two networks do not have the same number of outputs");
        goto out;
    }
    TRY(dcn_new_floats(N_SAMPLES, n_one, &x));
    TRY(dcn_new_floats(N_SAMPLES, before->n_outputs, &first));
    TRY(dcn_new_floats(N_SAMPLES, before->n_outputs, &second));
    for (int64_t i = 0; i < N_SAMPLES * n_one; i++)
        x[i] = (float)dcn_random_normal(&random);
    device->precision = DECANT_PRECISION_F32; /* bf16 would round what is equal to neighbours */
    TRY(run(device, before, x, first));
    TRY(run(device, after, x, second));
    const double largest = largest_difference(first, second, (int64_t)N_SAMPLES * before->n_outputs);
    if (!(largest <= TOLERANCE)) { /* written so that NaN fails */
        status = DCN_FAIL(NUMERIC, "the outputs differ by %g of the largest, more than rounding explains", largest);
        goto out;
    }
    *ret_largest = largest;
out:
    device->precision = asked;
    dcn_free_aligned(second);
    dcn_free_aligned(first);
    dcn_free_aligned(x);
    if (status != DECANT_OK) dcn_while("comparing the outputs of two networks");
    return status;
}
