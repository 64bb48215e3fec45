/* Training curves: loss, accuracy, learning rate and each term of the loss, drawn for all runs together and listed run
 * by run. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "report/html.h"
#include "report/page.h"

#define MAX_TERMS 32 /* of all runs together */

/* --- drawing --- */

/* One line of a chart: a run's column. Nothing where it was not measured. */
static decant_status add_series(json_t *series, const dcn_page_run *run, const char *column, const char *what)
{
    dcn_curve *curve = NULL;
    dcn_text label = {0};
    json_t *epochs = json_array();
    decant_status status = dcn_new(sizeof *curve, (void **)&curve);
    if (status != DECANT_OK) goto out;
    dcn_curve_make(run->histories, run->row->n_seeds, column, curve);
    if (!curve->is_known) goto out;
    TRY(dcn_text_add(&label, "%s%s%s", run->row->label, what[0] != '\0' ? ", " : "", what));
    for (int32_t i = 0; i < curve->n_points; i++)
        dcn_json_append(&epochs, json_integer(curve->epoch[i]));
    TRY(dcn_page_append(series,
                        json_pack("{s:o, s:i, s:b, s:O, s:o, s:o, s:o}", "label", dcn_html_json_string(label.data),
                                  "colour", (int)run->index % 8, "dashed", strcmp(what, "training") == 0, "x", epochs,
                                  "mean", dcn_page_numbers(curve->mean, curve->n_points), "low",
                                  dcn_page_numbers(curve->low, curve->n_points), "high",
                                  dcn_page_numbers(curve->high, curve->n_points))));
out:
    json_decref(epochs);
    dcn_text_finish(&label);
    dcn_free(curve);
    return status;
}

/* The chart of a column, or of one for training and one for validation; left out where no run has it. */
static decant_status add_chart(dcn_page *page, const char *title, const char *note, const char *column,
                               const char *validation_column, bool is_share)
{
    json_t *series = json_array();
    decant_status status = DECANT_OK;
    for (int32_t i = 0; i < page->n_runs; i++) {
        const dcn_page_run *run = &page->runs[i];
        TRY(add_series(series, run, column, validation_column != NULL ? "training" : ""));
        if (validation_column != NULL) TRY(add_series(series, run, validation_column, "validation"));
    }
    if (json_array_size(series) == 0) goto out;
    TRY(dcn_page_add_figure(page, title, note,
                            json_pack("{s:s, s:s, s:b, s:b, s:O}", "kind", "lines", "x", "epoch", "percent", is_share,
                                      "zero", validation_column == NULL, "series", series)));
out:
    json_decref(series);
    return status;
}

/* The labels of all terms, each once, in the order in which runs bring them. */
static int32_t find_terms(const dcn_page *page, const char *ret_terms[MAX_TERMS])
{
    int32_t count = 0;
    for (int32_t i = 0; i < page->n_runs; i++) {
        const dcn_history *history = page->runs[i].history;
        for (int32_t c = DCN_HISTORY_FIRST_TERM; c < history->n_columns; c++) {
            bool known = false;
            for (int32_t t = 0; t < count && !known; t++)
                known = strcmp(ret_terms[t], history->columns[c].name) == 0;
            if (!known && count < MAX_TERMS) ret_terms[count++] = history->columns[c].name;
        }
    }
    return count;
}

static decant_status add_charts(dcn_page *page)
{
    const char *terms[MAX_TERMS];
    int32_t n_terms = find_terms(page, terms);
    TRY_RETURN(dcn_text_add(&page->html, "<div class=grid>\n"));
    TRY_RETURN(add_chart(page, "Accuracy", "Solid: validation. Dashed: training, while being trained on.", "accuracy",
                         "validation accuracy", true));
    TRY_RETURN(add_chart(
        page, "Loss", "Solid: cross-entropy on validation. Dashed: what was trained on, which differs from run to run.",
        "loss", "validation loss", false));
    TRY_RETURN(add_chart(page, "Learning rate", "At the end of each epoch.", "learning rate", NULL, false));
    for (int32_t t = 0; t < n_terms; t++) {
        dcn_text title = {0};
        decant_status status = dcn_text_add(&title, "Loss term %s", terms[t]);
        if (status == DECANT_OK)
            status = add_chart(page, title.data, "Before its weight, on the training samples.", terms[t], NULL, false);
        dcn_text_finish(&title);
        if (status != DECANT_OK) return status;
    }
    return dcn_text_add(&page->html, "</div>\n");
}

/* --- listing --- */

static decant_status add_value(dcn_text *html, const dcn_curve *curve, int32_t point, bool is_share)
{
    double scale = is_share ? 100 : 1, mean = curve->mean[point];
    if (isnan(mean)) return dcn_text_add(html, "<td class=n>–</td>");
    if (!(curve->high[point] > curve->low[point])) return dcn_text_add(html, "<td class=n>%.5g</td>", scale * mean);
    return dcn_text_add(html, "<td class=n>%.5g <span class=spread>%.5g to %.5g</span></td>", scale * mean,
                        scale * curve->low[point], scale * curve->high[point]);
}

static bool is_share(int32_t column)
{
    return column == DCN_HISTORY_ACCURACY || column == DCN_HISTORY_VALIDATION_ACCURACY;
}

static decant_status add_table(dcn_page *page, const dcn_page_run *run, const dcn_curve *curves)
{
    const dcn_history *history = run->history;
    dcn_text *html = &page->html;
    TRY_RETURN(dcn_text_add(html, "<details><summary>"));
    TRY_RETURN(dcn_html_add_text(html, run->row->label));
    TRY_RETURN(dcn_text_add(html, ", epoch by epoch in numbers</summary>\n"));
    char caption[128] = "Every epoch";
    if (run->n_histories > 1)
        TRY_RETURN(dcn_format(caption, sizeof caption, "Mean over the seeds, and from the least to the most"));
    if (run->n_histories < run->row->n_seeds)
        TRY_RETURN(dcn_format(caption, sizeof caption, "Of %d of the %d seeds; no epochs are known of the others",
                              (int)run->n_histories, (int)run->row->n_seeds));
    TRY_RETURN(dcn_page_begin_table(page, "", caption));
    if (curves[0].stride > 1)
        TRY_RETURN(dcn_text_add(html,
                                "<tfoot><tr><td colspan=%d>Each line stands for %" PRId64
                                " epochs and is named by the last of them.</td></tr></tfoot>\n",
                                (int)history->n_columns + 1, curves[0].stride));
    TRY_RETURN(dcn_text_add(html, "<thead><tr><th scope=col class=n>epoch"));
    for (int32_t c = 0; c < history->n_columns; c++) {
        TRY_RETURN(dcn_text_add(html, "<th scope=col class=n>"));
        TRY_RETURN(dcn_html_add_text(html, history->columns[c].name));
        TRY_RETURN(dcn_text_add(html, "%s", is_share(c) ? " (%)" : ""));
    }
    TRY_RETURN(dcn_text_add(html, "</tr></thead>\n<tbody>\n"));
    for (int32_t i = 0; i < curves[0].n_points; i++) {
        TRY_RETURN(dcn_text_add(html, "<tr><th scope=row class=n>%" PRId64 "</th>", curves[0].epoch[i]));
        for (int32_t c = 0; c < history->n_columns; c++)
            TRY_RETURN(add_value(html, &curves[c], i, is_share(c)));
        TRY_RETURN(dcn_text_add(html, "</tr>\n"));
    }
    TRY_RETURN(dcn_text_add(html, "</tbody>"));
    TRY_RETURN(dcn_page_end_table(page));
    return dcn_text_add(html, "</details>\n");
}

/* The columns of the first seed that kept a history: another has no others, for all seeds have one recipe. */
static decant_status list_run(dcn_page *page, const dcn_page_run *run)
{
    const dcn_history *history = run->history;
    dcn_curve *curves = NULL; /* [n_columns] */
    if (history->n_epochs == 0) return DECANT_OK;
    TRY_RETURN(dcn_new_array((size_t)history->n_columns, sizeof *curves, (void **)&curves));
    for (int32_t c = 0; c < history->n_columns; c++)
        dcn_curve_make(run->histories, run->row->n_seeds, history->columns[c].name, &curves[c]);
    decant_status status = add_table(page, run, curves);
    dcn_free(curves);
    return status;
}

decant_status dcn_page_add_curves(dcn_page *page)
{
    bool any = false;
    for (int32_t i = 0; i < page->n_runs; i++)
        any = any || page->runs[i].n_histories > 0;
    if (!any) return DECANT_OK;
    TRY_RETURN(dcn_text_add(&page->html,
                            "<section id=curves><h2>Training</h2>\n<p class=lead>Lines are means over the seeds, bands "
                            "reach from the least to the most. A click on a name in a legend hides its line.</p>\n"));
    TRY_RETURN(add_charts(page));
    for (int32_t i = 0; i < page->n_runs; i++)
        TRY_RETURN(list_run(page, &page->runs[i]));
    return dcn_text_add(&page->html, "</section>\n");
}
