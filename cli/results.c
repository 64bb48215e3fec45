/* What `decant run` and `decant compare` end with. */
#include "results.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static json_t *number_or_null(bool known, double value)
{
    return known && isfinite(value) ? json_real(value) : json_null();
}

/* null where no answers were looked up */
static json_t *cache_json(const decant_run_result *result)
{
    if (!result->teacher_cached) return json_null();
    return json_pack("{s:I, s:I, s:f}", "needed", (json_int_t)result->answers_needed, "computed",
                     (json_int_t)result->answers_computed, "hit_rate", decant_result_hit_rate(result));
}

static json_t *class_errors_json(const decant_run_result *result)
{
    json_t *errors = json_array();
    for (int32_t c = 0; c < result->n_classes; c++)
        json_array_append_new(errors, json_integer(decant_result_class_errors(result, c)));
    return errors;
}

/* null without a correction */
static json_t *correction_json(const decant_bias_correction *correction)
{
    if (correction == NULL) return json_null();
    json_t *offsets = json_array(), *class_errors = json_array();
    for (int32_t c = 0; c < correction->n_classes; c++) {
        json_array_append_new(offsets, json_real(correction->offsets[c]));
        json_array_append_new(class_errors, json_integer(correction->class_errors[c]));
    }
    return json_pack("{s:s, s:o, s:{s:f, s:I, s:f, s:o}}", "by", correction->by, "offsets", offsets, "before",
                     "accuracy", correction->accuracy, "errors", (json_int_t)correction->errors, "loss",
                     correction->loss, "class_errors", class_errors);
}

json_t *calibration_json(const decant_measures *measures, bool with_bins)
{
    const decant_calibration *calibration = &measures->calibration;
    if (!measures->known) return json_null();
    json_t *json = json_pack("{s:f, s:f}", "ece", calibration->error, "confidence", calibration->confidence);
    json_t *bins = with_bins ? json_array() : NULL;
    for (int i = 0; i < DECANT_CALIBRATION_BINS && with_bins; i++) {
        const decant_confidence_bin *bin = &calibration->bins[i];
        json_array_append_new(bins, json_pack("{s:I, s:o, s:o}", "count", (json_int_t)bin->count, "confidence",
                                              number_or_null(bin->count > 0, bin->confidence), "accuracy",
                                              number_or_null(bin->count > 0, bin->accuracy)));
    }
    if (with_bins) json_object_set_new(json, "bins", bins);
    return json;
}

json_t *fidelity_json(const decant_measures *measures)
{
    if (!measures->has_teacher) return json_null();
    const decant_fidelity *fidelity = &measures->fidelity;
    const bool known = isfinite(fidelity->teacher_accuracy);
    return json_pack("{s:f, s:f, s:o, s:o}", "agreement", fidelity->agreement, "kl", fidelity->divergence,
                     "teacher_accuracy", number_or_null(known, fidelity->teacher_accuracy), "teacher_errors",
                     known ? json_integer((json_int_t)fidelity->teacher_errors) : json_null());
}

/* null where nothing was pruned */
static json_t *pruned_json(const decant_run_result *result)
{
    if (result->parameters_before == 0) return json_null();
    return json_pack("{s:I, s:I}", "parameters", (json_int_t)result->parameters_before, "mult_adds",
                     (json_int_t)result->mult_adds_before);
}

json_t *result_json(const decant_run_result *result)
{
    return json_pack(
        "{s:s, s:s, s:I, s:s, s:o, s:I, s:I, s:o, s:I, s:I, s:I, s:I, s:{s:o}, s:{s:f, s:I, s:I, s:f, s:o, s:o, "
        "s:o}, s:o, s:f, s:o, s:f, s:f, s:s?, s:s?, s:s?, s:b, s:o}",
        "recipe", result->recipe, "run", result->run, "seed", (json_int_t)result->seed, "model", result->model,
        "teacher", text_json(result->teacher), "parameters", (json_int_t)result->parameters, "mult_adds",
        (json_int_t)result->mult_adds, "pruned_from", pruned_json(result), "bytes", (json_int_t)result->bytes, "epochs",
        (json_int_t)result->epochs, "steps", (json_int_t)result->steps, "best_epoch",
        (json_int_t)result->best_epoch + 1, "validation", "accuracy",
        number_or_null(result->has_validation, result->validation_accuracy), "test", "accuracy", result->test_accuracy,
        "errors", (json_int_t)result->test_errors, "count", (json_int_t)result->test_count, "loss", result->test_loss,
        "class_errors", class_errors_json(result), "calibration", calibration_json(&result->test_measures, false),
        "fidelity", fidelity_json(&result->test_measures), "bias_correction", correction_json(result->correction),
        "majority_accuracy", result->majority_accuracy, "teacher_cache", cache_json(result), "seconds", result->seconds,
        "images_per_second", result->images_per_second, "made_by", result->made_by, "made_with", result->made_with,
        "made_at", result->made_at, "skipped", result->skipped, "directory", text_json(result->directory));
}

static json_t *verdict_json(const decant_comparison *comparison, const decant_comparison_row *row)
{
    decant_judgement judgement;
    if (row->baseline < 0) return json_null();
    const decant_comparison_row *baseline = &comparison->rows[row->baseline];
    if (decant_judge_runs(row, baseline, &judgement) != DECANT_OK)
        return json_pack("{s:o, s:n, s:o}", "baseline", text_json(baseline->label), "verdict", "reason",
                         text_json(decant_error_message()));
    return json_pack("{s:o, s:s, s:s, s:I, s:f, s:f, s:f, s:b}", "baseline", text_json(baseline->label), "verdict",
                     decant_verdict_name(judgement.verdict), "test", judgement.test, "pairs",
                     (json_int_t)judgement.pairs, "difference", judgement.difference, "spread", judgement.spread, "p",
                     judgement.p, "equal_budgets", decant_has_equal_budget(row, baseline));
}

static json_t *uncorrected_json(const decant_comparison_row *row)
{
    if (!row->corrected) return json_null();
    return json_pack("{s:f, s:f, s:f}", "mean", row->uncorrected_mean, "spread", row->uncorrected_spread, "errors_mean",
                     row->uncorrected_errors_mean);
}

/* null where there is none, or a result does not say */
static json_t *teacher_json(const decant_comparison_row *row)
{
    if (!isfinite(row->teacher_mean)) return json_null();
    return json_pack("{s:f, s:f, s:f}", "mean", row->teacher_mean, "spread", row->teacher_spread, "errors_mean",
                     row->teacher_errors_mean);
}

/* What made the seeds: each once. */
static json_t *makers_json(const decant_comparison_row *row)
{
    json_t *makers = json_array();
    for (int32_t i = 0; i < row->n_seeds; i++) {
        const char *maker = row->results[i]->made_by;
        bool is_new = maker != NULL;
        for (size_t m = 0; m < json_array_size(makers) && is_new; m++)
            is_new = strcmp(json_string_value(json_array_get(makers, m)), maker) != 0;
        if (is_new) json_array_append_new(makers, json_string(maker));
    }
    return makers;
}

json_t *row_json(const decant_comparison *comparison, const decant_comparison_row *row)
{
    json_t *seeds = json_array(), *accuracies = json_array(), *directories = json_array();
    for (int32_t i = 0; i < row->n_seeds; i++) {
        json_array_append_new(seeds, json_integer((json_int_t)row->results[i]->seed));
        json_array_append_new(accuracies, json_real(row->results[i]->test_accuracy));
        json_array_append_new(directories, text_json(row->results[i]->directory));
    }
    return json_pack(
        "{s:o, s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:I, s:I, s:I, s:b, s:I, s:I, s:{s:f, s:f, s:o}, s:f, s:o, s:o, s:f, "
        "s:o, s:s?, s:o}",
        "label", text_json(row->label), "recipe", row->recipe, "run", row->run, "model", row->model, "teacher",
        text_json(row->teacher), "seeds", seeds, "directories", directories, "mixed", text_json(row->difference),
        "parameters", (json_int_t)row->parameters, "mult_adds", (json_int_t)row->mult_adds, "bytes",
        (json_int_t)row->bytes, "sizes_differ", row->sizes_differ, "epochs", (json_int_t)row->epochs, "steps",
        (json_int_t)row->steps, "accuracy", "mean", row->accuracy_mean, "spread", row->accuracy_spread, "each",
        accuracies, "errors_mean", row->errors_mean, "before_correction", uncorrected_json(row), "teacher_accuracy",
        teacher_json(row), "majority_accuracy", row->results[0]->majority_accuracy, "made_by", makers_json(row),
        "missing_baseline", row->missing_baseline, "verdict", verdict_json(comparison, row));
}

static void note_other_builds(const decant_comparison *comparison)
{
    const decant_run_result *first = NULL;
    char text[768];
    for (int32_t i = 0; i < comparison->count; i++) {
        for (int32_t s = 0; s < comparison->rows[i].n_seeds; s++) {
            const decant_run_result *result = comparison->rows[i].results[s];
            if (result->made_by == NULL) continue; /* an older decant's: nothing is known of it */
            if (first == NULL) first = result;
            if (strcmp(result->made_by, first->made_by) == 0) continue;
            snprintf(text, sizeof text,
                     "%s was made by %s, %s by %s: what two builds or processors make may differ in rounding",
                     first->directory, first->made_by, result->directory, result->made_by);
            const decant_finding finding = {.severity = DECANT_SEVERITY_NOTE, .text = text};
            fflush(stdout);
            print_finding(stderr, &finding);
            return;
        }
    }
}

static void warn_of_other_data(const decant_comparison *comparison)
{
    if (decant_comparison_check(comparison) == DECANT_OK) return;
    const decant_finding finding = {.severity = DECANT_SEVERITY_WARNING, .text = decant_error_message()};
    fflush(stdout);
    print_finding(stderr, &finding);
}

static void warn_of_mixed_seeds(const decant_comparison *comparison)
{
    char text[1024];
    for (int32_t i = 0; i < comparison->count; i++) {
        const decant_comparison_row *row = &comparison->rows[i];
        if (row->difference == NULL) continue;
        snprintf(text, sizeof text,
                 "the seeds of %s were not made alike: %s; `decant run RECIPE %s --force` makes "
                 "the old ones again",
                 row->label, row->difference, row->run);
        const decant_finding finding = {.severity = DECANT_SEVERITY_WARNING, .text = text};
        fflush(stdout);
        print_finding(stderr, &finding);
    }
}

void remark(const decant_comparison *comparison, bool quiet)
{
    warn_of_other_data(comparison);
    warn_of_mixed_seeds(comparison);
    if (!quiet) note_other_builds(comparison);
}

int print_comparison(const decant_comparison *comparison, bool quiet)
{
    decant_table *table = NULL;
    char *text = NULL;
    decant_status status = decant_comparison_table(comparison, &table);
    if (status == DECANT_OK) status = decant_table_text(table, &text);
    decant_table_destroy(table);
    if (status != DECANT_OK) return report_failure(status);
    print_text(text);
    for (int32_t i = 0; i < comparison->count; i++) {
        status = decant_verdict_text(comparison, i, &text);
        if (status != DECANT_OK) return report_failure(status);
        print_text(text);
    }
    remark(comparison, quiet);
    return 0;
}
