/* How alike the runs answer: each student as its teacher, and every run as every other. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "report/html.h"
#include "report/page.h"

/* --- two runs --- */

static bool can_compare(const decant_run_result *a, const decant_run_result *b)
{
    if (a->predictions == NULL || b->predictions == NULL || a->test_count != b->test_count) return false;
    return a->data == NULL || b->data == NULL || strcmp(a->data, b->data) == 0;
}

static double agreement_of(const decant_run_result *a, const decant_run_result *b)
{
    int64_t same = 0;
    if (!can_compare(a, b)) return (double)NAN;
    for (int64_t i = 0; i < a->test_count; i++)
        same += a->predictions[i] == b->predictions[i];
    return a->test_count > 0 ? (double)same / (double)a->test_count : (double)NAN;
}

/* Mean over the pairs of their seeds; of a run with itself, over the pairs of different ones. */
static double mean_agreement(const decant_comparison_row *a, const decant_comparison_row *b)
{
    double sum = 0;
    int64_t pairs = 0;
    for (int32_t i = 0; i < a->n_seeds; i++) {
        for (int32_t j = a == b ? i + 1 : 0; j < b->n_seeds; j++) {
            double agreement = agreement_of(a->results[i], b->results[j]);
            if (isnan(agreement)) return (double)NAN;
            sum += agreement;
            pairs++;
        }
    }
    return pairs > 0 ? sum / (double)pairs : (double)NAN;
}

/* --- students and teachers --- */

static const dcn_page_run *own_teacher(const dcn_page *page, const dcn_page_run *run)
{
    const int32_t row = run->row->teacher != NULL ? run->row->teacher_row : -1;
    return row >= 0 ? &page->runs[row] : NULL;
}

/* The teacher that a run's answers are held against: its own, or for a run that was taught nothing that of a run which
 * is measured against it. NULL: none of those shown. */
static const dcn_page_run *teacher_for(const dcn_page *page, const dcn_page_run *run)
{
    if (run->row->teacher != NULL) return own_teacher(page, run);
    for (int32_t i = 0; i < page->n_runs; i++) {
        const dcn_page_run *taught = &page->runs[i], *teacher = own_teacher(page, taught);
        if (teacher != NULL && teacher != run && taught->row->own_baseline == run->index) return teacher;
    }
    return NULL;
}

/* A run's agreement with a teacher, seed by seed [n_seeds]: what its result says, or counted anew. */
static void list_agreements(const dcn_page_run *run, const dcn_page_run *teacher, double *ret_agreements)
{
    for (int32_t s = 0; s < run->row->n_seeds; s++) {
        const decant_run_result *result = run->row->results[s];
        ret_agreements[s] = (double)NAN;
        if (result->test_measures.has_teacher) {
            ret_agreements[s] = result->test_measures.fidelity.agreement;
        } else if (teacher != NULL) {
            const decant_comparison_row taught = {.n_seeds = 1, .results = &run->row->results[s]};
            ret_agreements[s] = mean_agreement(&taught, teacher->row);
        }
    }
}

static decant_status add_student(dcn_text *html, const dcn_page_run *run, const dcn_page_run *teacher,
                                 const dcn_spread *agreement)
{
    TRY_RETURN(dcn_text_add(html, "<tr>"));
    TRY_RETURN(dcn_html_add_element(html, "th scope=row", run->row->label));
    TRY_RETURN(dcn_html_add_element(html, "td", teacher != NULL ? teacher->row->label : run->row->teacher));
    TRY_RETURN(dcn_text_add(html, "<td>%s</td>", run->row->teacher != NULL ? "yes" : "no"));
    TRY_RETURN(dcn_html_add_spread(html, agreement->mean, agreement->spread));
    if (isnan(run->divergence.mean)) return dcn_text_add(html, "<td class=n>–</td></tr>\n");
    if (isnan(run->divergence.spread)) return dcn_text_add(html, "<td class=n>%.4f</td></tr>\n", run->divergence.mean);
    return dcn_text_add(html, "<td class=n>%.4f <span class=spread>± %.4f</span></td></tr>\n", run->divergence.mean,
                        run->divergence.spread);
}

/* The table's body into page->html, the chart's rows into dots. */
static decant_status add_students(dcn_page *page, json_t *dots)
{
    for (int32_t i = 0; i < page->n_runs; i++) {
        const dcn_page_run *run = &page->runs[i], *teacher = teacher_for(page, run);
        double *agreements = NULL; /* [n_seeds] */
        if (run->row->teacher == NULL && teacher == NULL) continue;
        TRY_RETURN(dcn_new_array((size_t)run->row->n_seeds, sizeof *agreements, (void **)&agreements));
        list_agreements(run, teacher, agreements);
        const dcn_spread spread = dcn_spread_of(agreements, run->row->n_seeds);
        json_t *values = dcn_page_numbers(agreements, run->row->n_seeds);
        dcn_free(agreements);
        if (isnan(spread.mean)) {
            json_decref(values);
            continue;
        }
        TRY_RETURN(
            dcn_page_append(dots, json_pack("{s:o, s:i, s:f, s:o}", "label", dcn_html_json_string(run->row->label),
                                            "colour", (int)i % 8, "mean", spread.mean, "values", values)));
        TRY_RETURN(add_student(&page->html, run, teacher, &spread));
    }
    return DECANT_OK;
}

static decant_status add_fidelity(dcn_page *page)
{
    json_t *dots = json_array();
    decant_status status = DECANT_OK;
    TRY(dcn_page_begin_table(page, "", "Student and teacher on the test samples"));
    TRY(dcn_text_add(&page->html,
                     "<thead><tr><th scope=col>run<th scope=col>beside<th scope=col>taught by it<th scope=col "
                     "class=n>same answer<th scope=col class=n>KL to teacher, nats</tr></thead>\n<tbody>\n"));
    TRY(add_students(page, dots));
    TRY(dcn_text_add(&page->html, "</tbody>"));
    TRY(dcn_page_end_table(page));
    if (json_array_size(dots) == 0) goto out;
    TRY(dcn_page_add_figure(
        page, "Agreement with the teacher",
        "How often student and teacher give the same answer; a point for each seed.",
        json_pack("{s:s, s:s, s:O}", "kind", "dots", "x", "same answer as the teacher", "rows", dots)));
out:
    json_decref(dots);
    return status;
}

/* --- every run with every other --- */

/* Runs agree on most samples, so colours go from the least agreement shown to the most. */
static decant_status add_pair(dcn_text *html, double agreement, double least, double most)
{
    if (isnan(agreement)) return dcn_text_add(html, "<td class=n>–</td>");
    double heat = most > least ? 0.1 + 0.9 * (agreement - least) / (most - least) : 0.5;
    return dcn_text_add(html, "<td class=\"n%s\" style=\"--v:%.3f\">%.2f %%</td>", heat > 0.85 ? " hot" : "", heat,
                        100 * agreement);
}

static decant_status fill_pairs(dcn_text *html, const dcn_page *page, const double *pairs)
{
    double least = 1, most = 0;
    for (int32_t i = 0; i < page->n_runs * page->n_runs; i++) {
        least = fmin(least, pairs[i]); /* of a NAN and a number, the number */
        most = fmax(most, pairs[i]);
    }
    for (int32_t i = 0; i < page->n_runs; i++) {
        TRY_RETURN(dcn_text_add(html, "<tr>"));
        TRY_RETURN(dcn_html_add_element(html, "th scope=row", page->runs[i].row->label));
        for (int32_t j = 0; j < page->n_runs; j++)
            TRY_RETURN(add_pair(html, pairs[i * page->n_runs + j], least, most));
        TRY_RETURN(dcn_text_add(html, "</tr>\n"));
    }
    return DECANT_OK;
}

static decant_status add_pairs(dcn_page *page)
{
    dcn_text *html = &page->html;
    double *pairs = NULL; /* [n_runs, n_runs] */
    size_t count = (size_t)page->n_runs * (size_t)page->n_runs;
    decant_status status = dcn_new_array(count, sizeof *pairs, (void **)&pairs);
    if (status != DECANT_OK) goto out;
    for (int32_t i = 0; i < page->n_runs; i++)
        for (int32_t j = 0; j < page->n_runs; j++)
            pairs[i * page->n_runs + j] =
                j < i ? pairs[j * page->n_runs + i] : mean_agreement(page->runs[i].row, page->runs[j].row);
    TRY(dcn_page_begin_table(page, "heat",
                             "Share of the test samples that two runs answer alike; for a run with itself, two of its "
                             "seeds"));
    TRY(dcn_text_add(html, "<thead><tr><th></th>"));
    for (int32_t i = 0; i < page->n_runs; i++)
        TRY(dcn_html_add_element(html, "th scope=col class=n", page->runs[i].row->label));
    TRY(dcn_text_add(html, "</tr></thead>\n<tbody>\n"));
    TRY(fill_pairs(html, page, pairs));
    TRY(dcn_text_add(html, "</tbody>"));
    TRY(dcn_page_end_table(page));
out:
    dcn_free(pairs);
    return status;
}

decant_status dcn_page_add_agreement(dcn_page *page)
{
    bool has_students = false, has_pairs = false;
    for (int32_t i = 0; i < page->n_runs; i++) {
        has_students = has_students || !isnan(page->runs[i].agreement.mean);
        has_pairs = has_pairs || (page->n_runs > 1 && page->runs[i].row->results[0]->predictions != NULL);
    }
    if (!has_students && !has_pairs) return DECANT_OK;
    TRY_RETURN(dcn_text_add(&page->html, "<section id=agreement><h2>Agreement</h2>\n<p class=lead>A student may be as "
                                         "accurate as its teacher and yet answer otherwise. What it took over shows in "
                                         "how often both say the same, right or wrong.</p>\n"));
    if (has_students) TRY_RETURN(add_fidelity(page));
    if (has_pairs) TRY_RETURN(add_pairs(page));
    return dcn_text_add(&page->html, "</section>\n");
}
