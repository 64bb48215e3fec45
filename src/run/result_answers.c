/* The part of result.json that says what the model answers: calibration, fidelity, confusion matrix, predictions. */
#include <math.h>

#include "format/json_text.h"
#include "run/result.h"

/* --- writing --- */

static json_t *describe_bin(const decant_confidence_bin *bin)
{
    if (bin->count == 0) return json_pack("{s:i, s:n, s:n}", "count", 0, "confidence", "accuracy");
    return json_pack("{s:I, s:f, s:f}", "count", (json_int_t)bin->count, "confidence", bin->confidence, "accuracy",
                     bin->accuracy);
}

void dcn_measures_to_json(const decant_measures *measures, json_t **part)
{
    if (!measures->known) return;
    json_t *bins = json_array();
    for (int i = 0; i < DECANT_CALIBRATION_BINS; i++)
        dcn_json_append(&bins, describe_bin(&measures->calibration.bins[i]));
    dcn_json_set(part, "calibration",
                 json_pack("{s:f, s:f, s:o}", "ece", measures->calibration.error, "confidence",
                           measures->calibration.confidence, "bins", bins));
    if (!measures->has_teacher) return;
    const decant_fidelity *fidelity = &measures->fidelity;
    const bool known = !isnan(fidelity->teacher_accuracy);
    dcn_json_set(part, "fidelity",
                 json_pack("{s:f, s:f, s:o, s:o}", "agreement", fidelity->agreement, "kl", fidelity->divergence,
                           "teacher_accuracy", known ? json_real(fidelity->teacher_accuracy) : json_null(),
                           "teacher_errors", known ? json_integer(fidelity->teacher_errors) : json_null()));
}

static json_t *describe_confusion(const decant_run_result *result)
{
    json_t *confusion = json_array();
    for (int32_t truth = 0; truth < result->n_classes; truth++) {
        json_t *row = json_array();
        for (int32_t c = 0; c < result->n_classes; c++)
            dcn_json_append(&row, json_integer(result->confusion[(int64_t)truth * result->n_classes + c]));
        dcn_json_append(&confusion, row);
    }
    return confusion;
}

void dcn_answers_to_json(const decant_run_result *result, json_t **json)
{
    if (result->n_classes == 0) return;
    json_t *predictions = json_array(), *names = result->class_names != NULL ? json_array() : json_null();
    for (int64_t i = 0; i < result->test_count; i++)
        dcn_json_append(&predictions, json_integer(result->predictions[i]));
    for (int32_t c = 0; c < result->n_classes && result->class_names != NULL; c++)
        dcn_json_append(&names, dcn_json_shown(result->class_names[c]));
    dcn_json_set(json, "classes", names);
    dcn_json_set(json, "confusion", describe_confusion(result));
    dcn_json_set(json, "predictions", predictions);
}

/* --- reading --- */

static decant_status fail_damaged(const char *what)
{
    return DCN_FAIL(FORMAT, "it is damaged: what it says of the %s makes no sense", what);
}

static bool is_share(double value)
{
    return value >= 0 && value <= 1;
}

/* No part has more samples than that, and sums of as many seeds as there may be stay in range. */
#define MOST_SAMPLES ((int64_t)1 << 40)

static decant_status read_bins(const json_t *bins, decant_calibration *calibration)
{
    if (json_array_size(bins) != DECANT_CALIBRATION_BINS) return fail_damaged("calibration");
    for (size_t i = 0; i < DECANT_CALIBRATION_BINS; i++) {
        const json_t *bin = json_array_get(bins, i);
        decant_confidence_bin *read = &calibration->bins[i];
        read->count = json_integer_value(json_object_get(bin, "count"));
        read->confidence = json_number_value(json_object_get(bin, "confidence")); /* 0 for null */
        read->accuracy = json_number_value(json_object_get(bin, "accuracy"));
        if (read->count < 0 || read->count > MOST_SAMPLES || !is_share(read->confidence) || !is_share(read->accuracy))
            return fail_damaged("calibration");
    }
    return DECANT_OK;
}

static decant_status read_fidelity(const json_t *json, decant_measures *measures)
{
    const json_t *accuracy = json_object_get(json, "teacher_accuracy"); /* an older decant did not write it */
    decant_fidelity *fidelity = &measures->fidelity;
    measures->has_teacher = true;
    fidelity->agreement = json_number_value(json_object_get(json, "agreement"));
    fidelity->divergence = json_number_value(json_object_get(json, "kl"));
    fidelity->teacher_accuracy = json_is_number(accuracy) ? json_number_value(accuracy) : (double)NAN;
    fidelity->teacher_errors = json_integer_value(json_object_get(json, "teacher_errors"));
    const bool makes_sense = is_share(fidelity->agreement) && fidelity->divergence >= 0 &&
                             fidelity->teacher_errors >= 0 &&
                             (isnan(fidelity->teacher_accuracy) || is_share(fidelity->teacher_accuracy));
    return makes_sense ? DECANT_OK : fail_damaged("teacher");
}

static decant_status read_measures(const json_t *part, decant_measures *measures)
{
    const json_t *calibration = json_object_get(part, "calibration"), *fidelity = json_object_get(part, "fidelity");
    if (calibration == NULL) return DECANT_OK;
    measures->known = true;
    measures->calibration.error = json_number_value(json_object_get(calibration, "ece"));
    measures->calibration.confidence = json_number_value(json_object_get(calibration, "confidence"));
    if (!is_share(measures->calibration.error)) return fail_damaged("calibration");
    TRY_RETURN(read_bins(json_object_get(calibration, "bins"), &measures->calibration));
    return fidelity != NULL ? read_fidelity(fidelity, measures) : DECANT_OK;
}

static decant_status read_names(const json_t *names, decant_run_result *result)
{
    char **copies = NULL;
    if (!json_is_array(names)) return DECANT_OK;
    if (json_array_size(names) != (size_t)result->n_classes) return fail_damaged("classes");
    TRY_RETURN(dcn_new_array((size_t)result->n_classes, sizeof *copies, (void **)&copies));
    result->class_names = (const char *const *)copies; /* goes with the result, whole or not */
    for (int32_t c = 0; c < result->n_classes; c++) {
        const char *name = json_string_value(json_array_get(names, (size_t)c));
        if (name == NULL) return fail_damaged("classes");
        TRY_RETURN(dcn_copy_string(name, &copies[c]));
    }
    return DECANT_OK;
}

static decant_status read_confusion(const json_t *rows, decant_run_result *result)
{
    int64_t *confusion = NULL, total = 0, right = 0;
    size_t classes = (size_t)result->n_classes;
    TRY_RETURN(dcn_new_array(classes * classes, sizeof *confusion, (void **)&confusion));
    result->confusion = confusion;
    for (size_t truth = 0; truth < classes; truth++) {
        const json_t *row = json_array_get(rows, truth);
        if (json_array_size(row) != classes) return fail_damaged("confusion matrix");
        for (size_t c = 0; c < classes; c++) {
            json_int_t count = json_integer_value(json_array_get(row, c));
            if (count < 0 || count > result->test_count - total) return fail_damaged("confusion matrix");
            confusion[truth * classes + c] = count;
            total += count;
            if (c == truth) right += count;
        }
    }
    const bool fits = total == result->test_count && right == total - result->test_errors;
    return fits ? DECANT_OK : fail_damaged("confusion matrix");
}

static decant_status read_predictions(const json_t *list, decant_run_result *result)
{
    int32_t *predictions = NULL;
    if (json_array_size(list) != (size_t)result->test_count) return fail_damaged("predictions");
    TRY_RETURN(dcn_new_array((size_t)result->test_count, sizeof *predictions, (void **)&predictions));
    result->predictions = predictions;
    for (size_t i = 0; i < (size_t)result->test_count; i++) {
        json_int_t class = json_integer_value(json_array_get(list, i));
        if (class < 0 || class >= result->n_classes) return fail_damaged("predictions");
        predictions[i] = (int32_t) class;
    }
    return DECANT_OK;
}

decant_status dcn_answers_from_json(const json_t *json, decant_run_result *result)
{
    const json_t *confusion = json_object_get(json, "confusion");
    TRY_RETURN(read_measures(json_object_get(json, "test"), &result->test_measures));
    TRY_RETURN(read_measures(json_object_get(json, "validation"), &result->validation_measures));
    if (confusion == NULL) return DECANT_OK;
    size_t classes = json_array_size(confusion);
    if (classes == 0 || classes > INT16_MAX) return fail_damaged("confusion matrix");
    result->n_classes = (int32_t)classes;
    TRY_RETURN(read_names(json_object_get(json, "classes"), result));
    TRY_RETURN(read_confusion(confusion, result));
    return read_predictions(json_object_get(json, "predictions"), result);
}
