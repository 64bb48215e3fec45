/* What `decant run` and `decant compare` end with. */
#include "results.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

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

static json_t *counts_json(const int64_t *counts, int32_t n_counts)
{
    json_t *list = json_array();
    for (int32_t i = 0; i < n_counts; i++)
        json_array_append_new(list, json_integer(counts[i]));
    return list;
}

/* null without a correction */
static json_t *correction_json(const decant_bias_correction *correction)
{
    if (correction == NULL) return json_null();
    json_t *offsets = json_array();
    for (int32_t c = 0; c < correction->n_classes; c++)
        json_array_append_new(offsets, json_real(correction->offsets[c]));
    return json_pack("{s:s, s:o, s:{s:f, s:I, s:f, s:o}}", "by", correction->by, "offsets", offsets, "before",
                     "accuracy", correction->accuracy, "errors", (json_int_t)correction->errors, "loss",
                     correction->loss, "class_errors", counts_json(correction->class_errors, correction->n_classes));
}

json_t *result_json(const decant_run_result *result)
{
    return json_pack(
        "{s:s, s:s, s:I, s:s, s:s?, s:I, s:I, s:I, s:I, s:I, s:{s:o}, s:{s:f, s:I, s:I, s:f, s:o}, s:o, s:f, s:o, "
        "s:f, s:f, s:b, s:s}",
        "recipe", result->recipe, "run", result->run, "seed", (json_int_t)result->seed, "model", result->model,
        "teacher", result->teacher, "parameters", (json_int_t)result->parameters, "mult_adds",
        (json_int_t)result->mult_adds, "bytes", (json_int_t)result->bytes, "epochs", (json_int_t)result->epochs,
        "steps", (json_int_t)result->steps, "validation", "accuracy",
        number_or_null(result->has_validation, result->validation_accuracy), "test", "accuracy", result->test_accuracy,
        "errors", (json_int_t)result->test_errors, "count", (json_int_t)result->test_count, "loss", result->test_loss,
        "class_errors", counts_json(result->class_errors, result->n_classes), "bias_correction",
        correction_json(result->correction), "majority_accuracy", result->majority_accuracy, "teacher_cache",
        cache_json(result), "seconds", result->seconds, "images_per_second", result->images_per_second, "skipped",
        result->skipped, "directory", result->directory);
}

static json_t *verdict_json(const decant_comparison *comparison, const decant_comparison_row *row)
{
    decant_judgement judgement;
    if (row->baseline < 0) return json_null();
    const decant_comparison_row *baseline = &comparison->rows[row->baseline];
    if (decant_judge_runs(row, baseline, &judgement) != DECANT_OK) return json_null();
    return json_pack("{s:s, s:s, s:s, s:I, s:f, s:f, s:f, s:b}", "baseline", baseline->run, "verdict",
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

json_t *row_json(const decant_comparison *comparison, const decant_comparison_row *row)
{
    json_t *seeds = json_array(), *accuracies = json_array();
    for (int32_t i = 0; i < row->n_seeds; i++) {
        json_array_append_new(seeds, json_integer((json_int_t)row->results[i]->seed));
        json_array_append_new(accuracies, json_real(row->results[i]->test_accuracy));
    }
    return json_pack("{s:s, s:s, s:s, s:s?, s:o, s:I, s:I, s:I, s:I, s:I, s:{s:f, s:f, s:o}, s:f, s:o, s:f, s:o}",
                     "recipe", row->recipe, "run", row->run, "model", row->model, "teacher", row->teacher, "seeds",
                     seeds, "parameters", (json_int_t)row->parameters, "mult_adds", (json_int_t)row->mult_adds, "bytes",
                     (json_int_t)row->bytes, "epochs", (json_int_t)row->epochs, "steps", (json_int_t)row->steps,
                     "accuracy", "mean", row->accuracy_mean, "spread", row->accuracy_spread, "each", accuracies,
                     "errors_mean", row->errors_mean, "before_correction", uncorrected_json(row), "majority_accuracy",
                     comparison->majority_accuracy, "verdict", verdict_json(comparison, row));
}

/* One sentence for each run that has a baseline, for those who do not read tables. */
static void print_verdict(const decant_comparison *comparison, const decant_comparison_row *row)
{
    decant_judgement judgement;
    if (row->baseline < 0) return;
    const decant_comparison_row *baseline = &comparison->rows[row->baseline];
    if (decant_judge_runs(row, baseline, &judgement) != DECANT_OK) {
        printf("%s cannot be judged against %s: %s\n", row->run, baseline->run, decant_error_message());
        return;
    }
    printf("%s against %s: %+.2f points", row->run, baseline->run, 100 * judgement.difference);
    if (judgement.spread > 0) printf(" (+-%.2f over %" PRId64 " seeds)", 100 * judgement.spread, judgement.pairs);
    printf(", %s, p = %.3g: %s\n", judgement.test, judgement.p, decant_verdict_name(judgement.verdict));
    if (!decant_has_equal_budget(row, baseline))
        printf("  but with unequal budgets: %s made %" PRId64 " optimizer steps, %s %" PRId64 "\n", row->run,
               row->steps, baseline->run, baseline->steps);
}

int print_comparison(const decant_comparison *comparison)
{
    decant_table *table = NULL;
    char *text = NULL;
    decant_status status = decant_comparison_table(comparison, &table);
    if (status == DECANT_OK) status = decant_table_text(table, &text);
    decant_table_destroy(table);
    if (status != DECANT_OK) return report_failure(status);
    print_text(text);
    for (int32_t i = 0; i < comparison->count; i++)
        print_verdict(comparison, &comparison->rows[i]);
    return 0;
}
