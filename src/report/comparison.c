/* Runs side by side: which seeds two runs share, the verdict between them, and the table that a run of a recipe ends
 * with. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/characters.h"
#include "base/memory.h"
#include "decant/report.h"
#include "report/teacher_rows.h"

/* --- the verdict --- */

static const decant_run_result *find_seed(const decant_comparison_row *row, uint64_t seed)
{
    for (int32_t i = 0; i < row->n_seeds; i++) {
        if (row->results[i]->seed == seed) return row->results[i];
    }
    return NULL;
}

/* Accuracies on different samples say nothing about each other: a folder may hold runs of a recipe before and after its
 * data was changed. */
static decant_status check_same_test(const decant_run_result *first, const decant_run_result *second)
{
    if (first->test_count != second->test_count) {
        return DCN_FAIL(INVALID_ARG, "runs %s and %s were tested on %" PRId64 " and %" PRId64 " samples", first->run,
                        second->run, first->test_count, second->test_count);
    }
    if (first->data == NULL || second->data == NULL || strcmp(first->data, second->data) == 0) return DECANT_OK;
    return DCN_FAIL(INVALID_ARG, "runs %s and %s were made with different data sets", first->run, second->run);
}

/* Both lists rise, so that one walk finds what stands in only one of them. */
static decant_status judge_one_seed(const decant_run_result *first, const decant_run_result *second,
                                    decant_judgement *ret_judgement)
{
    int64_t only_first = 0, only_second = 0, i = 0, j = 0;
    while (i < first->test_errors || j < second->test_errors) {
        if (j == second->test_errors || (i < first->test_errors && first->wrong[i] < second->wrong[j])) {
            only_second++; /* the first got it wrong, the second right */
            i++;
        } else if (i == first->test_errors || second->wrong[j] < first->wrong[i]) {
            only_first++;
            j++;
        } else {
            i++;
            j++;
        }
    }
    return decant_judge_predictions(only_first, only_second, first->test_count, ret_judgement);
}

/* From the counts: what result.json says of the accuracy is rounded, and equal runs would differ by that. */
static double accuracy_of(const decant_run_result *result)
{
    return (double)(result->test_count - result->test_errors) / (double)result->test_count;
}

decant_status decant_judge_runs(const decant_comparison_row *row, const decant_comparison_row *baseline,
                                decant_judgement *ret_judgement)
{
    DCN_REQUIRE(row, baseline, ret_judgement);
    double *accuracy = NULL; /* [2, n_seeds] */
    const decant_run_result *pair[2] = {NULL, NULL};
    int64_t shared = 0;
    decant_status status = DECANT_OK;
    TRY(dcn_new_array(2 * (size_t)row->n_seeds, sizeof *accuracy, (void **)&accuracy));
    for (int32_t i = 0; i < row->n_seeds; i++) {
        const decant_run_result *other = find_seed(baseline, row->results[i]->seed);
        if (other == NULL) continue;
        pair[0] = row->results[i];
        pair[1] = other;
        TRY(check_same_test(pair[0], pair[1]));
        accuracy[shared] = accuracy_of(pair[0]);
        accuracy[row->n_seeds + shared] = accuracy_of(other);
        shared++;
    }
    if (shared == 0) {
        status = DCN_FAIL(INVALID_ARG, "runs %s and %s have no seed in common, so nothing can be paired", row->run,
                          baseline->run);
    } else if (shared == 1) {
        status = judge_one_seed(pair[0], pair[1], ret_judgement);
    } else {
        status = decant_judge_seeds(accuracy, accuracy + row->n_seeds, shared, ret_judgement);
    }
out:
    dcn_free(accuracy);
    return status;
}

bool decant_has_equal_budget(const decant_comparison_row *row, const decant_comparison_row *baseline)
{
    for (int32_t i = 0; i < row->n_seeds; i++) {
        const decant_run_result *other = find_seed(baseline, row->results[i]->seed);
        if (other != NULL && !decant_is_same_budget(other->steps, row->results[i]->steps)) return false;
    }
    return true;
}

int32_t decant_shared_seeds(const decant_comparison_row *row, const decant_comparison_row *baseline,
                            uint64_t *ret_first)
{
    int32_t shared = 0;
    for (int32_t i = 0; i < row->n_seeds; i++) {
        const uint64_t seed = row->results[i]->seed;
        if (find_seed(baseline, seed) != NULL && shared++ == 0) *ret_first = seed;
    }
    return shared;
}

/* --- the verdict in words --- */

/* Rows that a caller put together need no label. */
static const char *name_of(const decant_comparison_row *row)
{
    return row->label != NULL ? row->label : row->run;
}

static decant_status add_judgement(dcn_text *text, const decant_comparison_row *row,
                                   const decant_comparison_row *baseline)
{
    decant_judgement judgement;
    TRY_RETURN(dcn_text_add_printable(text, name_of(row)));
    decant_status status = decant_judge_runs(row, baseline, &judgement);
    if (status != DECANT_OK && status != DECANT_INVALID_ARG) return status;
    TRY_RETURN(dcn_text_add(text, status == DECANT_OK ? " against " : " cannot be judged against "));
    TRY_RETURN(dcn_text_add_printable(text, name_of(baseline)));
    TRY_RETURN(dcn_text_add(text, ": "));
    if (status != DECANT_OK) {
        TRY_RETURN(dcn_text_add_printable(text, decant_error_message()));
        return dcn_text_add(text, "\n");
    }
    TRY_RETURN(dcn_text_add(text, "%+.2f points", 100 * judgement.difference));
    if (judgement.spread > 0)
        TRY_RETURN(dcn_text_add(text, " (± %.2f over %" PRId64 " seeds)", 100 * judgement.spread, judgement.pairs));
    uint64_t seed = 0;
    if (row->n_seeds + baseline->n_seeds > 2 && decant_shared_seeds(row, baseline, &seed) == 1)
        TRY_RETURN(dcn_text_add(text, " on seed %" PRIu64 ", the only one that both have", seed));
    TRY_RETURN(dcn_text_add(text, ", %s, p = %.3g: %s\n", judgement.test, judgement.p,
                            decant_verdict_name(judgement.verdict)));
    if (decant_has_equal_budget(row, baseline)) return DECANT_OK;
    TRY_RETURN(dcn_text_add(text, "  but with unequal budgets: "));
    TRY_RETURN(dcn_text_add_printable(text, name_of(row)));
    TRY_RETURN(dcn_text_add(text, " made %" PRId64 " optimizer steps, ", row->steps));
    TRY_RETURN(dcn_text_add_printable(text, name_of(baseline)));
    return dcn_text_add(text, " %" PRId64 "\n", baseline->steps);
}

/* Runs of that name in another folder are another experiment's, and no baseline unless the user says so. */
static const decant_comparison_row *find_elsewhere(const decant_comparison *comparison, const char *run)
{
    for (int32_t i = 0; i < comparison->count; i++)
        if (strcmp(comparison->rows[i].run, run) == 0) return &comparison->rows[i];
    return NULL;
}

static decant_status add_missing(dcn_text *text, const decant_comparison *comparison, const decant_comparison_row *row)
{
    const decant_comparison_row *elsewhere = find_elsewhere(comparison, row->missing_baseline);
    TRY_RETURN(dcn_text_add_printable(text, name_of(row)));
    TRY_RETURN(dcn_text_add(text, " is not judged: no run of "));
    TRY_RETURN(dcn_text_add_printable(text, row->missing_baseline));
    if (elsewhere != NULL) {
        TRY_RETURN(dcn_text_add(text, ", its baseline, stands in its folder; `--against "));
        TRY_RETURN(dcn_text_add_printable(text, name_of(elsewhere)));
        return dcn_text_add(text, "` compares it with the one of another folder\n");
    }
    TRY_RETURN(dcn_text_add(text, ", its baseline, is among these; name its directories, or make it with `decant run "
                                  "RECIPE "));
    TRY_RETURN(dcn_text_add_printable(text, row->missing_baseline));
    return dcn_text_add(text, "`\n");
}

decant_status decant_verdict_text(const decant_comparison *comparison, int32_t row, char **ret_text)
{
    DCN_REQUIRE(comparison, ret_text);
    dcn_text text = {0};
    int32_t baseline = comparison->rows[row].baseline;
    decant_status status = DECANT_OK;
    if (baseline >= 0) TRY(add_judgement(&text, &comparison->rows[row], &comparison->rows[baseline]));
    if (comparison->rows[row].missing_baseline != NULL) TRY(add_missing(&text, comparison, &comparison->rows[row]));
    TRY(dcn_text_take(&text, ret_text));
out:
    dcn_text_finish(&text);
    return status;
}

/* --- the table --- */

static decant_status add_columns(decant_table *table)
{
    static const struct {
        const char *title;
        decant_align align;
    } columns[] = {
        {"run", DECANT_ALIGN_LEFT},        {"seeds", DECANT_ALIGN_RIGHT},  {"parameters", DECANT_ALIGN_RIGHT},
        {"mult-adds", DECANT_ALIGN_RIGHT}, {"size", DECANT_ALIGN_RIGHT},   {"test accuracy", DECANT_ALIGN_RIGHT},
        {"errors", DECANT_ALIGN_RIGHT},    {"verdict", DECANT_ALIGN_LEFT},
    };
    for (size_t i = 0; i < DCN_COUNT(columns); i++) {
        TRY_RETURN(decant_table_add_column(table, columns[i].title, columns[i].align));
    }
    return DECANT_OK;
}

static decant_status add_verdict(decant_table *table, const decant_comparison *comparison,
                                 const decant_comparison_row *row)
{
    if (row->missing_baseline != NULL) return decant_table_add_cell(table, "- (no %s)", row->missing_baseline);
    if (row->baseline < 0) return decant_table_add_cell(table, "-");
    const decant_comparison_row *baseline = &comparison->rows[row->baseline];
    decant_judgement judgement;
    /* Runs that cannot be paired still have their row. */
    decant_status status = decant_judge_runs(row, baseline, &judgement);
    if (status == DECANT_INVALID_ARG)
        return decant_table_add_cell(table, "cannot be compared with %s", name_of(baseline));
    if (status != DECANT_OK) return status;
    const char *unequal = decant_has_equal_budget(row, baseline) ? "" : ", unequal budgets";
    const char *relation = judgement.verdict == DECANT_VERDICT_INCONCLUSIVE ? "against" : "than";
    return decant_table_add_cell(table, "%s %s %s (p = %.2g%s)", decant_verdict_name(judgement.verdict), relation,
                                 name_of(baseline), judgement.p, unequal);
}

static decant_status add_accuracy(decant_table *table, int32_t n_seeds, double mean, double spread, double errors)
{
    if (n_seeds > 1) {
        TRY_RETURN(decant_table_add_cell(table, "%.2f ± %.2f %%", 100 * mean, 100 * spread));
        return decant_table_add_cell(table, "%.1f", errors);
    }
    TRY_RETURN(decant_table_add_cell(table, "%.2f %%", 100 * mean));
    return decant_table_add_cell(table, "%.0f", errors);
}

static decant_status add_run(decant_table *table, const decant_comparison *comparison, const decant_comparison_row *row)
{
    char text[28];
    TRY_RETURN(decant_table_begin_row(table));
    TRY_RETURN(decant_table_add_cell(table, "%s", name_of(row)));
    TRY_RETURN(decant_table_add_cell(table, "%d", (int)row->n_seeds));
    const char *most = row->sizes_differ ? "≤ " : "";
    TRY_RETURN(decant_table_add_cell(table, "%s%s", most, decant_count_text(row->parameters, text)));
    TRY_RETURN(decant_table_add_cell(table, "%s%s", most, decant_count_text(row->mult_adds, text)));
    TRY_RETURN(decant_table_add_cell(table, "%s%s", most, decant_bytes_text((double)row->bytes, text)));
    TRY_RETURN(add_accuracy(table, row->n_seeds, row->accuracy_mean, row->accuracy_spread, row->errors_mean));
    return add_verdict(table, comparison, row);
}

/* Under a run whose biases were corrected: what it would have been without. */
static decant_status add_uncorrected(decant_table *table, const decant_comparison_row *row)
{
    if (!row->corrected) return DECANT_OK;
    TRY_RETURN(decant_table_begin_row(table));
    TRY_RETURN(decant_table_add_cell(table, "  before correction"));
    for (int i = 0; i < 4; i++)
        TRY_RETURN(decant_table_add_cell(table, "%s", ""));
    return add_accuracy(table, row->n_seeds, row->uncorrected_mean, row->uncorrected_spread,
                        row->uncorrected_errors_mean);
}

static bool has_other_teacher(const decant_comparison_row *row)
{
    return row->teacher != NULL && row->teacher_row < 0 && !isnan(row->teacher_mean);
}

/* Of one name and as good: rows of other seeds, or of another folder, may have had another of that name. */
static bool is_same_teacher(const decant_comparison_row *a, const decant_comparison_row *b)
{
    return strcmp(a->teacher, b->teacher) == 0 && strcmp(a->recipe, b->recipe) == 0 &&
           a->teacher_mean == b->teacher_mean && a->teacher_spread == b->teacher_spread &&
           a->teacher_errors_mean == b->teacher_errors_mean;
}

bool dcn_introduces_teacher(const decant_comparison *comparison, int32_t row, int32_t *ret_more)
{
    const decant_comparison_row *taught = &comparison->rows[row];
    *ret_more = 0;
    if (!has_other_teacher(taught)) return false;
    for (int32_t i = 0; i < comparison->count; i++) {
        const decant_comparison_row *other = &comparison->rows[i];
        if (i == row || !has_other_teacher(other) || !is_same_teacher(other, taught)) continue;
        if (i < row) return false;
        ++*ret_more;
    }
    return true;
}

static decant_status add_other_teacher(decant_table *table, const decant_comparison *comparison, int32_t index)
{
    const decant_comparison_row *row = &comparison->rows[index];
    int32_t more = 0;
    if (!dcn_introduces_teacher(comparison, index, &more)) return DECANT_OK;
    TRY_RETURN(decant_table_begin_row(table));
    if (more == 0)
        TRY_RETURN(decant_table_add_cell(table, "teacher of %s", name_of(row)));
    else
        TRY_RETURN(decant_table_add_cell(table, "teacher of %s and %d more", name_of(row), (int)more));
    for (int i = 0; i < 4; i++)
        TRY_RETURN(decant_table_add_cell(table, "%s", ""));
    const bool one = !(row->teacher_spread > 0); /* the same for all seeds */
    return add_accuracy(table, one ? 1 : row->n_seeds, row->teacher_mean, row->teacher_spread,
                        row->teacher_errors_mean);
}

/* What no training at all reaches. */
static decant_status add_majority(decant_table *table, const decant_comparison *comparison)
{
    if (isnan(comparison->majority_accuracy)) return DECANT_OK; /* not one number for all of the rows */
    TRY_RETURN(decant_table_begin_row(table));
    TRY_RETURN(decant_table_add_cell(table, "majority class"));
    for (int i = 0; i < 4; i++)
        TRY_RETURN(decant_table_add_cell(table, "%s", ""));
    return decant_table_add_cell(table, "%.2f %%", 100 * comparison->majority_accuracy);
}

static bool has_footer(const decant_comparison *comparison)
{
    bool any = !isnan(comparison->majority_accuracy);
    for (int32_t i = 0; i < comparison->count; i++)
        any = any || has_other_teacher(&comparison->rows[i]);
    return any;
}

decant_status decant_comparison_table(const decant_comparison *comparison, decant_table **ret_table)
{
    DCN_REQUIRE(comparison, ret_table);
    decant_table *table = NULL;
    decant_status status = DECANT_OK;
    TRY(decant_table_create(&table));
    TRY(add_columns(table));
    for (int32_t i = 0; i < comparison->count; i++) {
        TRY(add_run(table, comparison, &comparison->rows[i]));
        TRY(add_uncorrected(table, &comparison->rows[i]));
    }
    if (has_footer(comparison)) TRY(decant_table_add_rule(table));
    for (int32_t i = 0; i < comparison->count; i++)
        TRY(add_other_teacher(table, comparison, i));
    TRY(add_majority(table, comparison));
    *ret_table = table;
    table = NULL;
out:
    decant_table_destroy(table);
    return status;
}
