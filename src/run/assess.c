/* Measures a finished model. Its selection is over by now: the test part decides nothing. */
#include "run/assess.h"

#include <string.h>

#include "train/measure.h"
#include "train/train.h"

/* Some samples of a data set. */
typedef struct measured_part {
    const dcn_samples *samples;
    const int32_t *indices; /* NULL: all */
    int64_t count;
} measured_part;

void dcn_teacher_answers_finish(dcn_teacher_answers *answers)
{
    dcn_free(answers->test);
    dcn_free(answers->validation);
    *answers = (dcn_teacher_answers){0};
}

/* The logits of one part, [count, outputs], with the counts that come with them. */
static decant_status answer(dcn_device *device, const decant_model *model, const decant_dataset *dataset,
                            const measured_part *part, dcn_metrics *ret_metrics, int32_t *ret_predictions,
                            float **ret_logits)
{
    float *logits = NULL;
    size_t elements = (size_t)part->count * (size_t)model->n_outputs;
    decant_status status = dcn_new_array(elements, sizeof *logits, (void **)&logits);
    if (status != DECANT_OK) goto out;
    TRY(dcn_evaluate(device, model, dataset, part->samples, part->indices, part->count, ret_metrics, ret_predictions,
                     logits));
    *ret_logits = logits;
    logits = NULL;
out:
    dcn_free(logits);
    return status;
}

static decant_status measure(dcn_device *device, const decant_model *model, const decant_model *teacher,
                             const decant_dataset *dataset, const measured_part *part, const float *logits,
                             float **taught, decant_measures *measures)
{
    dcn_metrics metrics = {0};
    decant_status status = DECANT_OK;
    *measures = (decant_measures){.known = true};
    dcn_measure_calibration(logits, part->samples->labels, part->indices, part->count, model->n_outputs,
                            &measures->calibration);
    /* A teacher with other outputs answers other questions as well: nothing to compare. */
    if (teacher == NULL || teacher->n_outputs != model->n_outputs) goto out;
    if (*taught == NULL) TRY(answer(device, teacher, dataset, part, &metrics, NULL, taught));
    dcn_measure_fidelity(logits, *taught, part->samples->labels, part->indices, part->count, model->n_outputs,
                         &measures->fidelity);
    measures->has_teacher = true;
out:
    dcn_metrics_finish(&metrics);
    if (status != DECANT_OK) dcn_while("asking the teacher about the samples that its student is measured on");
    return status;
}

/* Takes over the predictions and the confusion matrix. */
static decant_status fill_test(const dcn_samples *test, dcn_metrics *metrics, int32_t **predictions,
                               decant_run_result *result)
{
    int32_t *wrong = NULL;
    int64_t n_wrong = 0;
    TRY_RETURN(dcn_new_array((size_t)metrics->errors, sizeof *wrong, (void **)&wrong));
    for (int64_t i = 0; i < test->count && n_wrong < metrics->errors; i++)
        if ((*predictions)[i] != test->labels[i]) wrong[n_wrong++] = (int32_t)i;
    result->test_count = metrics->count;
    result->test_errors = metrics->errors;
    result->test_accuracy = metrics->accuracy;
    result->test_loss = metrics->loss;
    result->wrong = wrong;
    result->n_classes = metrics->n_classes;
    result->confusion = metrics->confusion;
    result->predictions = *predictions;
    metrics->confusion = NULL;
    *predictions = NULL;
    return DECANT_OK;
}

static decant_status copy_class_names(const decant_dataset *dataset, decant_run_result *result)
{
    char **names = NULL;
    if (dataset->class_names == NULL) return DECANT_OK;
    TRY_RETURN(dcn_new_array((size_t)dataset->n_classes, sizeof *names, (void **)&names));
    result->class_names = (const char *const *)names; /* what is there when copying fails goes with the result */
    for (int32_t c = 0; c < dataset->n_classes; c++)
        TRY_RETURN(dcn_copy_string(dataset->class_names[c], &names[c]));
    return DECANT_OK;
}

decant_status dcn_assess(dcn_device *device, const dcn_materials *materials, const decant_model *model,
                         const decant_model *teacher, dcn_teacher_answers *answers, decant_run_result *result)
{
    const decant_dataset *dataset = materials->dataset;
    const dcn_split *split = &materials->split;
    const measured_part test = {&dataset->test, NULL, dataset->test.count};
    const measured_part validation = {&dataset->train, split->validation, split->n_validation};
    dcn_metrics metrics = {0}, validated = {0};
    int32_t *predictions = NULL;
    float *logits = NULL, *validation_logits = NULL;
    decant_status status = dcn_new_array((size_t)test.count, sizeof *predictions, (void **)&predictions);
    if (status != DECANT_OK) goto out;
    TRY(answer(device, model, dataset, &test, &metrics, predictions, &logits));
    TRY(measure(device, model, teacher, dataset, &test, logits, &answers->test, &result->test_measures));
    TRY(fill_test(test.samples, &metrics, &predictions, result));
    TRY(copy_class_names(dataset, result));
    if (validation.count == 0) goto out;
    TRY(answer(device, model, dataset, &validation, &validated, NULL, &validation_logits));
    result->validation_accuracy = validated.accuracy;
    result->validation_loss = validated.loss;
    TRY(measure(device, model, teacher, dataset, &validation, validation_logits, &answers->validation,
                &result->validation_measures));
out:
    dcn_free(validation_logits);
    dcn_free(logits);
    dcn_free(predictions);
    dcn_metrics_finish(&validated);
    dcn_metrics_finish(&metrics);
    return status;
}
