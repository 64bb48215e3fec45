/* Output-bias correction as a step of a run: which samples have a say, and which classes. The arithmetic is
 * distill/bias.c's. */
#include "run/correct.h"

#include <string.h>

#include "base/memory.h"
#include "distill/bias.h"
#include "format/json_text.h"
#include "recipe/words.h"

decant_status dcn_correction_classes(const dcn_materials *materials, const dcn_run_spec *run,
                                     const dcn_transfer_set *set, bool **ret_moved)
{
    const dcn_correction_spec *correction = &run->correction;
    const int32_t n_classes = materials->dataset->n_classes;
    bool *moved = NULL;
    int32_t n_moved = 0;
    if (correction->each || (correction->classes == NULL && set->whole)) {
        *ret_moved = NULL;
        return DECANT_OK;
    }
    decant_status status = dcn_new_array((size_t)n_classes, sizeof *moved, (void **)&moved);
    if (status != DECANT_OK) goto out;
    if (correction->classes != NULL) TRY(dcn_classes_mark(materials->dataset, correction->classes, moved));
    for (int32_t c = 0; c < n_classes; c++) {
        if (correction->classes == NULL) moved[c] = !set->kept[c];
        n_moved += moved[c];
    }
    if (n_moved == n_classes) {
        status = dcn_doc_fail(correction->classes, DECANT_USAGE,
                              "one offset for all %d classes changes nothing; name some of them, or `classes: each`",
                              n_classes);
        goto out;
    }
    *ret_moved = moved;
    moved = NULL;
out:
    dcn_free(moved);
    return status;
}

static decant_status find_offsets(const dcn_materials *materials, const dcn_run_spec *run,
                                  const dcn_bias_problem *problem, const int32_t *indices, float *offsets)
{
    const decant_dataset *dataset = materials->dataset;
    const bool by_label = run->correction.kind == DCN_CORRECT_VALIDATION;
    int32_t *labels = NULL; /* [count] */
    int64_t *wanted = NULL; /* [n_classes] */
    decant_status status = dcn_new_array((size_t)problem->count, sizeof *labels, (void **)&labels);
    if (status != DECANT_OK) goto out;
    TRY(dcn_new_array((size_t)dataset->n_classes, sizeof *wanted, (void **)&wanted));
    for (int64_t i = 0; i < problem->count; i++) {
        labels[i] = dataset->train.labels[indices[i]];
        wanted[labels[i]]++;
    }
    status = by_label ? dcn_bias_fit(problem, labels, offsets) : dcn_bias_match(problem, wanted, offsets);
out:
    dcn_free(wanted);
    dcn_free(labels);
    return status;
}

/* The model's logits on training samples as they are: no augmentation, no dropout. A single logit, of class 1, has the
 * 0 of class 0 put before it. ret_logits: [count, n_classes]. */
static decant_status make_logits(dcn_device *device, const decant_dataset *dataset, const decant_model *model,
                                 const int32_t *indices, int64_t count, float **ret_logits)
{
    const int64_t outputs = model->n_outputs, classes = model->n_classes;
    dcn_metrics metrics = {0};
    float *rows = NULL, *logits = NULL; /* [count, outputs], [count, classes] */
    decant_status status = dcn_new_array((size_t)count, (size_t)outputs * sizeof *rows, (void **)&rows);
    if (status != DECANT_OK) goto out;
    TRY(dcn_new_array((size_t)count, (size_t)classes * sizeof *logits, (void **)&logits));
    TRY(dcn_evaluate(device, model, dataset, &dataset->train, indices, count, &metrics, NULL, rows));
    for (int64_t i = 0; i < count * outputs; i++)
        logits[i / outputs * classes + i % outputs + classes - outputs] = rows[i];
    *ret_logits = logits;
    logits = NULL;
out:
    dcn_free(logits);
    dcn_free(rows);
    dcn_metrics_finish(&metrics);
    return status;
}

/* offsets: [n_classes] */
static decant_status offsets_for(dcn_device *device, const dcn_materials *materials, int32_t index,
                                 const decant_model *model, float *offsets)
{
    const dcn_run_spec *run = &materials->experiment->runs[index];
    const dcn_split *split = &materials->split;
    const bool by_label = run->correction.kind == DCN_CORRECT_VALIDATION;
    const int32_t *indices = by_label ? split->validation : split->train;
    dcn_bias_problem problem = {.count = by_label ? split->n_validation : split->n_train, .classes = model->n_classes};
    dcn_transfer_set set = {0};
    bool *moved = NULL;
    float *logits = NULL;
    decant_status status = dcn_transfer_set_make(materials, index, &set);
    if (status != DECANT_OK) goto out;
    TRY(dcn_correction_classes(materials, run, &set, &moved));
    TRY(make_logits(device, materials->dataset, model, indices, problem.count, &logits));
    problem.logits = logits;
    problem.moved = moved;
    TRY(find_offsets(materials, run, &problem, indices, offsets));
out:
    dcn_free(logits);
    dcn_free(moved);
    dcn_transfer_set_finish(&set);
    return status;
}

/* A single logit is class 1's lead over class 0. */
static void add_offsets(decant_model *model, dcn_value_id bias, const float *offsets)
{
    for (int32_t output = 0; output < model->n_outputs && model->n_outputs > 1; output++)
        model->data[bias][output] += offsets[output];
    if (model->n_outputs == 1) model->data[bias][0] += offsets[1] - offsets[0];
}

/* The test part is looked at before the offsets are sought, and nothing of it is handed to those who seek them. */
static decant_status test_as_it_is(dcn_device *device, const dcn_materials *materials, const decant_model *model,
                                   decant_bias_correction *correction)
{
    const decant_dataset *dataset = materials->dataset;
    const int32_t n_classes = dataset->n_classes;
    dcn_metrics metrics = {0};
    int64_t *class_errors = NULL;
    decant_status status = dcn_new_array((size_t)n_classes, sizeof *class_errors, (void **)&class_errors);
    if (status != DECANT_OK) goto out;
    TRY(dcn_evaluate(device, model, dataset, &dataset->test, NULL, dataset->test.count, &metrics, NULL, NULL));
    for (int32_t truth = 0; truth < n_classes; truth++)
        class_errors[truth] = dcn_class_errors(metrics.confusion, n_classes, truth);
    correction->n_classes = n_classes;
    correction->errors = metrics.errors;
    correction->accuracy = metrics.accuracy;
    correction->loss = metrics.loss;
    correction->class_errors = class_errors;
    class_errors = NULL;
out:
    dcn_free(class_errors);
    dcn_metrics_finish(&metrics);
    return status;
}

decant_status dcn_correction_apply(dcn_device *device, const dcn_materials *materials, int32_t run, decant_model *model,
                                   decant_bias_correction **ret_correction)
{
    const size_t n_classes = (size_t)materials->dataset->n_classes;
    decant_bias_correction *correction = NULL;
    dcn_value_id bias = DCN_NONE;
    float *offsets = NULL;   /* [n_classes] */
    double *recorded = NULL; /* [n_classes] */
    decant_status status = dcn_graph_output_bias(model->graph, &bias);
    if (status != DECANT_OK) goto out;
    TRY(dcn_new(sizeof *correction, (void **)&correction));
    TRY(dcn_new_array(n_classes, sizeof *offsets, (void **)&offsets));
    TRY(dcn_new_array(n_classes, sizeof *recorded, (void **)&recorded));
    correction->offsets = recorded;
    correction->by = dcn_correction_words[materials->experiment->runs[run].correction.kind];
    TRY(test_as_it_is(device, materials, model, correction));
    TRY(offsets_for(device, materials, run, model, offsets));
    TRY(dcn_model_set_metadata(model, "bias_correction", correction->by)); /* the last thing that can fail */
    add_offsets(model, bias, offsets);
    for (size_t c = 0; c < n_classes; c++)
        recorded[c] = (double)offsets[c];
    *ret_correction = correction;
    correction = NULL;
out:
    dcn_free(offsets);
    dcn_correction_destroy(correction);
    if (status != DECANT_OK) dcn_while("correcting the biases of the output");
    return status;
}

void dcn_correction_destroy(const decant_bias_correction *correction)
{
    if (correction == NULL) return;
    dcn_free((void *)correction->offsets);
    dcn_free((void *)correction->class_errors);
    dcn_free((void *)correction);
}

/* --- in result.json --- */

json_t *dcn_correction_to_json(const decant_bias_correction *correction)
{
    json_t *offsets = json_array(), *class_errors = json_array();
    for (int32_t c = 0; c < correction->n_classes; c++) {
        dcn_json_append(&offsets, json_real(correction->offsets[c]));
        dcn_json_append(&class_errors, json_integer(correction->class_errors[c]));
    }
    return json_pack("{s:s, s:o, s:{s:f, s:I, s:f, s:o}}", "by", correction->by, "offsets", offsets, "before",
                     "accuracy", correction->accuracy, "errors", (json_int_t)correction->errors, "loss",
                     correction->loss, "class_errors", class_errors);
}

static decant_status read_arrays(const json_t *offsets, const json_t *class_errors, decant_bias_correction *correction)
{
    const size_t count = json_array_size(offsets);
    double *numbers = NULL;
    int64_t *errors = NULL;
    TRY_RETURN(dcn_new_array(count, sizeof *numbers, (void **)&numbers));
    correction->offsets = numbers;
    TRY_RETURN(dcn_new_array(count, sizeof *errors, (void **)&errors));
    correction->class_errors = errors;
    correction->n_classes = (int32_t)count;
    for (size_t c = 0; c < count; c++) {
        numbers[c] = json_number_value(json_array_get(offsets, c));
        errors[c] = json_integer_value(json_array_get(class_errors, c));
    }
    return DECANT_OK;
}

decant_status dcn_correction_from_json(const json_t *json, const decant_bias_correction **ret_correction)
{
    const char *by = NULL;
    json_t *offsets = NULL, *class_errors = NULL;
    json_int_t errors = 0;
    decant_bias_correction *correction = NULL;
    if (json == NULL) return DECANT_OK; /* the run made none */
    decant_status status = dcn_new(sizeof *correction, (void **)&correction);
    if (status != DECANT_OK) goto out;
    bool sound = json_unpack((json_t *)json, "{s:s, s:o, s:{s:F, s:I, s:F, s:o}}", "by", &by, "offsets", &offsets,
                             "before", "accuracy", &correction->accuracy, "errors", &errors, "loss", &correction->loss,
                             "class_errors", &class_errors) == 0;
    for (size_t i = 0; sound && i < DCN_COUNT(dcn_correction_words); i++)
        if (strcmp(by, dcn_correction_words[i]) == 0) correction->by = dcn_correction_words[i];
    const size_t count = json_array_size(offsets);
    if (!sound || correction->by == NULL || errors < 0 || count == 0 || count > INT32_MAX ||
        count != json_array_size(class_errors)) {
        status = DCN_FAIL(FORMAT, "it is damaged: what it says of the bias correction makes no sense");
        goto out;
    }
    correction->errors = errors;
    TRY(read_arrays(offsets, class_errors, correction));
    *ret_correction = correction;
    correction = NULL;
out:
    dcn_correction_destroy(correction);
    return status;
}
