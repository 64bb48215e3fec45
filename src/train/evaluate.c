/* Evaluation: logits from an inference plan of a fixed batch (the last batch is padded), counts and loss from the
 * logits in double precision on the host. */
#include "train/evaluate.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "nn/inference.h"
#include "tensor/shape.h"
#include "train/check.h"
#include "train/measure.h"

struct dcn_evaluator {
    const decant_model *model;
    const dcn_samples *part;
    dcn_inference inference;
    dcn_loader *loader;
    int64_t count, batch, outputs, classes, sample_elements;
    float *padded; /* [batch, sample...]: the last, smaller batch */
    float *rows;   /* [batch, outputs]: the logits of one batch */
};

void dcn_metrics_finish(dcn_metrics *metrics)
{
    if (metrics == NULL) return;
    dcn_free(metrics->confusion);
    memset(metrics, 0, sizeof *metrics);
}

int64_t dcn_class_errors(const int64_t *confusion, int32_t n_classes, int32_t truth)
{
    const int64_t *row = confusion + (int64_t)truth * n_classes; /* [n_classes] */
    int64_t errors = 0;
    for (int32_t answer = 0; answer < n_classes; answer++)
        errors += answer != truth ? row[answer] : 0;
    return errors;
}

/* Weights of a training plan are read as they are; a model of its own is folded first. */
static decant_status create_plan(dcn_evaluator *evaluator, const dcn_evaluator_options *options)
{
    const dcn_plan_options sharing = {.share = options->share, .use_ema = options->use_ema};
    if (options->share == NULL)
        return dcn_inference_plan_folded(options->device, options->model, evaluator->batch, &evaluator->inference);
    return dcn_inference_plan(options->device, options->model, evaluator->batch, &sharing, &evaluator->inference);
}

static decant_status create_loader(dcn_evaluator *evaluator, const dcn_evaluator_options *options)
{
    const dcn_normalization *normalization = &options->model->normalization;
    const dcn_loader_options loader = {
        .dataset = options->dataset,
        .part = options->part,
        .indices = options->indices,
        .count = options->count,
        .batch = evaluator->batch,
        .norm_channels = normalization->channels,
        .mean = normalization->mean,
        .std = normalization->std,
        .threaded = options->count > evaluator->batch,
    };
    return dcn_loader_create(&loader, &evaluator->loader);
}

decant_status dcn_evaluator_create(const dcn_evaluator_options *options, dcn_evaluator **ret_evaluator)
{
    dcn_evaluator *evaluator = NULL;
    decant_status status = DECANT_OK;
    if (options->count < 1) return DCN_FAIL(INVALID_ARG, "there are no samples to evaluate");
    TRY_RETURN(dcn_check_fit(options->model, options->dataset));

    TRY(dcn_new(sizeof *evaluator, (void **)&evaluator));
    evaluator->model = options->model;
    evaluator->part = options->part;
    evaluator->count = options->count;
    evaluator->sample_elements = decant_shape_count(&options->dataset->sample);
    evaluator->batch = dcn_inference_batch(evaluator->sample_elements);
    if (evaluator->batch > options->count) evaluator->batch = options->count;
    evaluator->outputs = options->model->n_outputs;
    evaluator->classes = options->model->n_classes;

    TRY(dcn_new_floats(evaluator->batch, evaluator->sample_elements, &evaluator->padded));
    TRY(dcn_new_floats(evaluator->batch, evaluator->outputs, &evaluator->rows));
    TRY(create_plan(evaluator, options));
    TRY(create_loader(evaluator, options));
    *ret_evaluator = evaluator;
    evaluator = NULL;
out:
    dcn_evaluator_destroy(evaluator);
    return status;
}

void dcn_evaluator_destroy(dcn_evaluator *evaluator)
{
    if (evaluator == NULL) return;
    dcn_loader_destroy(evaluator->loader);
    dcn_plan_destroy(evaluator->inference.plan);
    dcn_free_aligned(evaluator->padded);
    dcn_free_aligned(evaluator->rows);
    dcn_free(evaluator);
}

/* Logits of one batch into evaluator->rows. */
static decant_status run_batch(dcn_evaluator *evaluator, const dcn_batch *batch)
{
    const float *x = batch->x; /* [size, sample...] */
    if (batch->size < evaluator->batch) {
        memcpy(evaluator->padded, x, (size_t)batch->size * (size_t)evaluator->sample_elements * sizeof *x);
        x = evaluator->padded;
    }
    return dcn_inference_ask(&evaluator->inference, x, evaluator->rows);
}

static decant_status check_finite(const float *row, int64_t outputs, int32_t sample)
{
    for (int64_t c = 0; c < outputs; c++) {
        if (!isfinite(row[c])) {
            return DCN_FAIL(NUMERIC, "the model's output for sample %d is not finite (output %lld: %g)", (int)sample,
                            (long long)c, (double)row[c]);
        }
    }
    return DECANT_OK;
}

/* Adds one batch to the metrics; loss is still a sum here. */
static decant_status count_batch(const dcn_evaluator *evaluator, const dcn_batch *batch, int64_t done,
                                 dcn_metrics *metrics, int32_t *predictions, float *logits)
{
    int64_t outputs = evaluator->outputs, classes = evaluator->classes;
    for (int64_t n = 0; n < batch->size; n++) {
        const float *row = evaluator->rows + n * outputs; /* [outputs] */
        TRY_RETURN(check_finite(row, outputs, batch->samples[n]));
        int64_t predicted = dcn_logits_answer(row, outputs);
        if (predictions != NULL) predictions[done + n] = (int32_t)predicted;
        if (logits != NULL) memcpy(logits + (done + n) * outputs, row, (size_t)outputs * sizeof *row);
        const bool labelled = batch->labels[n] != DCN_NO_LABEL;
        metrics->count += labelled || evaluator->part->labels == NULL;
        if (!labelled) continue;

        int64_t label = batch->labels[n];
        metrics->errors += predicted != label;
        metrics->loss += dcn_logits_log_sum(row, outputs) - dcn_logit(row, outputs, label);
        metrics->confusion[label * classes + predicted]++;
    }
    return DECANT_OK;
}

decant_status dcn_evaluator_run(dcn_evaluator *evaluator, dcn_metrics *ret_metrics, int32_t *ret_predictions,
                                float *ret_logits)
{
    dcn_metrics metrics = {.n_classes = (int32_t)evaluator->classes};
    int64_t done = 0;
    decant_status status = DECANT_OK;
    size_t cells = (size_t)(evaluator->classes * evaluator->classes);
    TRY(dcn_new_array(cells, sizeof *metrics.confusion, (void **)&metrics.confusion));

    TRY(dcn_loader_start(evaluator->loader, 0, 0));
    for (;;) {
        const dcn_batch *batch = NULL;
        TRY(dcn_loader_next(evaluator->loader, &batch));
        if (batch == NULL) break;
        TRY(run_batch(evaluator, batch));
        TRY(count_batch(evaluator, batch, done, &metrics, ret_predictions, ret_logits));
        done += batch->size;
    }
    bool labelled = evaluator->part->labels != NULL && metrics.count > 0;
    metrics.accuracy = labelled ? (double)(metrics.count - metrics.errors) / (double)metrics.count : (double)NAN;
    metrics.loss = labelled ? metrics.loss / (double)metrics.count : (double)NAN;
    *ret_metrics = metrics;
    memset(&metrics, 0, sizeof metrics);
out:
    dcn_metrics_finish(&metrics);
    return status;
}

decant_status dcn_evaluate(dcn_device *device, const decant_model *model, const decant_dataset *dataset,
                           const dcn_samples *part, const int32_t *indices, int64_t count, dcn_metrics *ret_metrics,
                           int32_t *ret_predictions, float *ret_logits)
{
    dcn_evaluator *evaluator = NULL;
    const dcn_evaluator_options options = {
        .device = device,
        .model = model,
        .dataset = dataset,
        .part = part,
        .indices = indices,
        .count = indices == NULL ? part->count : count,
    };
    decant_status status = DECANT_OK;
    TRY(dcn_evaluator_create(&options, &evaluator));
    TRY(dcn_evaluator_run(evaluator, ret_metrics, ret_predictions, ret_logits));
out:
    dcn_evaluator_destroy(evaluator);
    if (status != DECANT_OK) dcn_while("evaluating the model on %s", dataset->name);
    return status;
}
