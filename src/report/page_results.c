/* The top of a page: what came out, in words, as a table, and seed by seed. */
#include <inttypes.h>
#include <math.h>

#include "report/html.h"
#include "report/page.h"
#include "report/teacher_rows.h"

/* --- verdicts --- */

static decant_status add_judgement(dcn_text *html, const decant_comparison_row *row,
                                   const decant_comparison_row *baseline, const decant_judgement *judgement)
{
    static const char *const classes[] = {"even", "better", "worse"};
    TRY_RETURN(dcn_text_add(html, "<article class=\"verdict %s\"><p class=gain>%+.2f <small>points</small></p><p>",
                            classes[judgement->verdict], 100 * judgement->difference));
    TRY_RETURN(dcn_html_add_element(html, "b", row->label));
    TRY_RETURN(dcn_text_add(html, " against "));
    TRY_RETURN(dcn_html_add_element(html, "b", baseline->label));
    TRY_RETURN(dcn_text_add(html, "</p><p class=word>%s</p><p class=how>", decant_verdict_name(judgement->verdict)));
    if (judgement->spread > 0)
        TRY_RETURN(dcn_text_add(html, "± %.2f over %" PRId64 " seeds, ", 100 * judgement->spread, judgement->pairs));
    uint64_t seed = 0;
    if (row->n_seeds + baseline->n_seeds > 2 && decant_shared_seeds(row, baseline, &seed) == 1)
        TRY_RETURN(dcn_text_add(html, "seed %" PRIu64 ", the only one that both have, ", seed));
    TRY_RETURN(dcn_text_add(html, "%s, p = %.2g", judgement->test, judgement->p));
    if (!decant_has_equal_budget(row, baseline))
        TRY_RETURN(dcn_text_add(html, ". Unequal budgets: %" PRId64 " optimizer steps against %" PRId64, row->steps,
                                baseline->steps));
    return dcn_text_add(html, "</p></article>\n");
}

static decant_status add_verdict(dcn_text *html, const decant_comparison *comparison, const decant_comparison_row *row)
{
    decant_judgement judgement;
    if (row->baseline < 0) return DECANT_OK;
    const decant_comparison_row *baseline = &comparison->rows[row->baseline];
    decant_status status = decant_judge_runs(row, baseline, &judgement);
    if (status == DECANT_OK) return add_judgement(html, row, baseline, &judgement);
    if (status != DECANT_INVALID_ARG) return status;
    TRY_RETURN(dcn_text_add(html, "<article class=\"verdict even\"><p>"));
    TRY_RETURN(dcn_html_add_element(html, "b", row->label));
    TRY_RETURN(dcn_text_add(html, " cannot be judged against "));
    TRY_RETURN(dcn_html_add_element(html, "b", baseline->label));
    TRY_RETURN(dcn_text_add(html, "</p>"));
    TRY_RETURN(dcn_html_add_element(html, "p class=how", decant_error_message()));
    return dcn_text_add(html, "</article>\n");
}

/* --- the table --- */

static decant_status add_verdict_cell(dcn_text *html, const decant_comparison *comparison,
                                      const decant_comparison_row *row)
{
    decant_judgement judgement;
    if (row->missing_baseline != NULL) {
        TRY_RETURN(dcn_text_add(html, "<td>– (no "));
        TRY_RETURN(dcn_html_add_text(html, row->missing_baseline));
        return dcn_text_add(html, ")</td>");
    }
    if (row->baseline < 0) return dcn_text_add(html, "<td>–</td>");
    const decant_comparison_row *baseline = &comparison->rows[row->baseline];
    decant_status status = decant_judge_runs(row, baseline, &judgement);
    if (status == DECANT_INVALID_ARG) return dcn_text_add(html, "<td>cannot be judged</td>");
    if (status != DECANT_OK) return status;
    TRY_RETURN(dcn_text_add(html, "<td>%s %s ", decant_verdict_name(judgement.verdict),
                            judgement.verdict == DECANT_VERDICT_INCONCLUSIVE ? "against" : "than"));
    TRY_RETURN(dcn_html_add_text(html, baseline->label));
    return dcn_text_add(html, " <span class=nowrap>(p = %.2g)</span></td>", judgement.p);
}

static decant_status add_size(dcn_text *html, const decant_comparison_row *row, const char *size)
{
    return dcn_text_add(html, "<td class=n>%s%s</td>", row->sizes_differ ? "≤ " : "", size);
}

static decant_status add_row(dcn_text *html, const decant_comparison *comparison, const dcn_page_run *run)
{
    const decant_comparison_row *row = run->row;
    char text[28];
    TRY_RETURN(dcn_text_add(html, "<tr><th scope=row><a href=\"#run-%d\"><i class=dot style=\"--c:var(--c%d)\"></i>",
                            (int)run->index, (int)run->index % 8));
    TRY_RETURN(dcn_html_add_text(html, row->label));
    TRY_RETURN(dcn_text_add(html, "</a></th>"));
    TRY_RETURN(dcn_html_add_count(html, row->n_seeds));
    TRY_RETURN(add_size(html, row, decant_count_text(row->parameters, text)));
    TRY_RETURN(add_size(html, row, decant_count_text(row->mult_adds, text)));
    TRY_RETURN(add_size(html, row, decant_bytes_text((double)row->bytes, text)));
    TRY_RETURN(dcn_html_add_spread(html, run->accuracy.mean, run->accuracy.spread));
    TRY_RETURN(dcn_text_add(html, "<td class=n>%.*f</td>", row->n_seeds > 1 ? 1 : 0, row->errors_mean));
    TRY_RETURN(dcn_html_add_spread(html, run->calibration_error.mean, run->calibration_error.spread));
    TRY_RETURN(dcn_html_add_spread(html, run->agreement.mean, run->agreement.spread));
    TRY_RETURN(add_verdict_cell(html, comparison, row));
    return dcn_text_add(html, "</tr>\n");
}

/* Under a run whose biases were corrected: what it would have been without. */
static decant_status add_uncorrected(dcn_text *html, const decant_comparison_row *row)
{
    const double spread = row->n_seeds > 1 ? row->uncorrected_spread : (double)NAN;
    if (!row->corrected) return DECANT_OK;
    TRY_RETURN(dcn_text_add(html, "<tr><th scope=row colspan=5>before its biases were corrected</th>"));
    TRY_RETURN(dcn_html_add_spread(html, row->uncorrected_mean, spread));
    return dcn_text_add(html, "<td class=n>%.*f</td><td colspan=3></td></tr>\n", row->n_seeds > 1 ? 1 : 0,
                        row->uncorrected_errors_mean);
}

static decant_status add_other_teacher(dcn_text *html, const decant_comparison *comparison, int32_t index)
{
    const decant_comparison_row *row = &comparison->rows[index];
    const bool spreads = row->teacher_spread > 0; /* the seeds had several */
    int32_t more = 0;
    if (!dcn_introduces_teacher(comparison, index, &more)) return DECANT_OK;
    TRY_RETURN(dcn_text_add(html, "<tr><th scope=row colspan=5>teacher of "));
    TRY_RETURN(dcn_html_add_text(html, row->label));
    if (more > 0) TRY_RETURN(dcn_text_add(html, " and %d more", (int)more));
    TRY_RETURN(dcn_text_add(html, "</th>"));
    TRY_RETURN(dcn_html_add_spread(html, row->teacher_mean, spreads ? row->teacher_spread : (double)NAN));
    return dcn_text_add(html, "<td class=n>%.*f</td><td colspan=3></td></tr>\n", spreads ? 1 : 0,
                        row->teacher_errors_mean);
}

static decant_status add_table(dcn_page *page)
{
    dcn_text *html = &page->html;
    const decant_comparison *comparison = page->comparison;
    TRY_RETURN(
        dcn_page_begin_table(page, "results", "Runs on the test samples, which were read once at the end of each"));
    TRY_RETURN(dcn_text_add(
        html, "<thead><tr><th scope=col>run<th scope=col class=n>seeds<th scope=col class=n>parameters<th scope=col "
              "class=n>mult-adds<th scope=col class=n>size<th scope=col class=n>accuracy<th scope=col "
              "class=n>errors<th scope=col class=n>calibration error<th scope=col class=n>agrees with teacher<th "
              "scope=col>verdict</tr></thead>\n<tbody>\n"));
    for (int32_t i = 0; i < page->n_runs; i++) {
        TRY_RETURN(add_row(html, comparison, &page->runs[i]));
        TRY_RETURN(add_uncorrected(html, page->runs[i].row));
    }
    TRY_RETURN(dcn_text_add(html, "</tbody>\n<tfoot>"));
    for (int32_t i = 0; i < page->n_runs; i++)
        TRY_RETURN(add_other_teacher(html, comparison, i));
    if (!isnan(comparison->majority_accuracy))
        TRY_RETURN(dcn_text_add(html,
                                "<tr><th scope=row colspan=5>always the commonest class</th><td "
                                "class=n>%.2f %%</td><td colspan=4></td></tr>",
                                100 * comparison->majority_accuracy));
    TRY_RETURN(dcn_text_add(html, "</tfoot>\n"));
    return dcn_page_end_table(page);
}

/* --- each seed --- */

static decant_status add_dots(dcn_page *page)
{
    json_t *rows = json_array();
    decant_status status = DECANT_OK;
    for (int32_t i = 0; i < page->n_runs; i++) {
        const decant_comparison_row *row = page->runs[i].row;
        json_t *values = json_array();
        for (int32_t s = 0; s < row->n_seeds; s++)
            dcn_json_append(&values, dcn_page_number(row->results[s]->test_accuracy));
        TRY(dcn_page_append(rows, json_pack("{s:o, s:i, s:f, s:o}", "label", dcn_html_json_string(row->label), "colour",
                                            (int)i % 8, "mean", row->accuracy_mean, "values", values)));
    }
    TRY(dcn_page_add_figure(page, "Every seed", "A point for each seed, a bar at their mean.",
                            json_pack("{s:s, s:s, s:O}", "kind", "dots", "x", "test accuracy", "rows", rows)));
out:
    json_decref(rows);
    return status;
}

static decant_status add_seeds(dcn_page *page)
{
    dcn_text *html = &page->html;
    TRY_RETURN(add_dots(page));
    TRY_RETURN(dcn_text_add(html, "<details><summary>Every seed in numbers</summary>\n"));
    TRY_RETURN(dcn_page_begin_table(page, "", "Each run and seed"));
    TRY_RETURN(dcn_text_add(
        html, "<thead><tr><th scope=col>run<th scope=col class=n>seed<th scope=col class=n>accuracy<th "
              "scope=col class=n>errors<th scope=col class=n>validation<th scope=col class=n>weights of epoch<th "
              "scope=col class=n>calibration error<th scope=col class=n>agrees with teacher<th scope=col "
              "class=n>KL to teacher<th scope=col class=n>seconds<th scope=col>directory</tr></thead>\n"));
    for (int32_t i = 0; i < page->n_runs; i++) {
        const decant_comparison_row *row = page->runs[i].row;
        for (int32_t s = 0; s < row->n_seeds; s++) {
            const decant_run_result *result = row->results[s];
            const decant_measures *measures = &result->test_measures;
            TRY_RETURN(dcn_text_add(html, "<tr>"));
            TRY_RETURN(dcn_html_add_element(html, "th scope=row", row->label));
            TRY_RETURN(dcn_text_add(html, "<td class=n>%" PRIu64 "</td>", result->seed));
            TRY_RETURN(dcn_html_add_percent(html, result->test_accuracy));
            TRY_RETURN(dcn_html_add_count(html, result->test_errors));
            TRY_RETURN(dcn_html_add_percent(html, result->has_validation ? result->validation_accuracy : (double)NAN));
            TRY_RETURN(dcn_html_add_count(html, result->best_epoch + 1));
            TRY_RETURN(dcn_html_add_percent(html, measures->known ? measures->calibration.error : (double)NAN));
            TRY_RETURN(dcn_html_add_percent(html, measures->has_teacher ? measures->fidelity.agreement : (double)NAN));
            TRY_RETURN(measures->has_teacher
                           ? dcn_text_add(html, "<td class=n>%.4f</td>", measures->fidelity.divergence)
                           : dcn_text_add(html, "<td class=n>–</td>"));
            TRY_RETURN(dcn_text_add(html, "<td class=n>%.1f</td>", result->seconds));
            TRY_RETURN(dcn_html_add_element(html, "td", result->directory));
            TRY_RETURN(dcn_text_add(html, "</tr>\n"));
        }
    }
    TRY_RETURN(dcn_page_end_table(page));
    return dcn_text_add(html, "</details>\n");
}

static decant_status add_difference(dcn_text *html, const decant_comparison_row *row)
{
    if (row->difference == NULL) return DECANT_OK;
    TRY_RETURN(dcn_text_add(html, "<p class=warning role=note><b>Mixed seeds.</b> The seeds of "));
    TRY_RETURN(dcn_html_add_text(html, row->label));
    TRY_RETURN(dcn_text_add(html, " were not made alike: "));
    TRY_RETURN(dcn_html_add_text(html, row->difference));
    return dcn_text_add(html, ".</p>\n");
}

decant_status dcn_page_add_results(dcn_page *page)
{
    dcn_text *html = &page->html;
    TRY_RETURN(dcn_text_add(html, "<section id=results><h2>Results</h2>\n<div class=verdicts>\n"));
    for (int32_t i = 0; i < page->n_runs; i++)
        TRY_RETURN(add_verdict(html, page->comparison, page->runs[i].row));
    TRY_RETURN(dcn_text_add(html, "</div>\n"));
    if (decant_comparison_check(page->comparison) != DECANT_OK) {
        TRY_RETURN(dcn_text_add(html, "<p class=warning role=note><b>Different data.</b> "));
        TRY_RETURN(dcn_html_add_text(html, decant_error_message()));
        TRY_RETURN(dcn_text_add(html, ".</p>\n"));
    }
    for (int32_t i = 0; i < page->n_runs; i++)
        TRY_RETURN(add_difference(html, page->runs[i].row));
    TRY_RETURN(add_table(page));
    TRY_RETURN(add_seeds(page));
    return dcn_text_add(html, "</section>\n");
}
