/* Run by run: what it is, which classes it mistakes for which, and whether its confidence can be believed. */
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <string.h>

#include "base/characters.h"
#include "report/class_counts.h"
#include "report/html.h"
#include "report/page.h"

#define MOST_NUMBERED 30 /* classes: with more of them, the cells of the matrix are colours */
#define MOST_MISTAKES 12

/* The name of a class, or its number. */
static decant_status add_class_name(dcn_text *html, const dcn_page_run *run, int32_t class)
{
    if (run->class_names != NULL) return dcn_html_add_text(html, run->class_names[class]);
    return dcn_text_add(html, "%d", (int)class);
}

/* --- what it is --- */

static decant_status add_fact(dcn_text *html, const char *name, const char *value)
{
    TRY_RETURN(dcn_text_add(html, "<div>"));
    TRY_RETURN(dcn_html_add_element(html, "dt", name));
    TRY_RETURN(dcn_html_add_element(html, "dd", value));
    return dcn_text_add(html, "</div>");
}

/* A damaged result may hold any number: there is room for each. */
DCN_PRINTF(3, 4)
static decant_status add_number(dcn_text *html, const char *name, const char *format, ...)
{
    dcn_text text = {0};
    va_list arguments;
    va_start(arguments, format);
    decant_status status = dcn_text_add_list(&text, format, arguments);
    va_end(arguments);
    if (status == DECANT_OK) status = add_fact(html, name, text.data);
    dcn_text_finish(&text);
    return status;
}

/* What was done to the model besides training it. */
static decant_status add_changes(dcn_text *html, const decant_comparison_row *row)
{
    const decant_run_result *first = row->results[0];
    char count[28];
    double before = 0;
    if (first->parameters_before > 0)
        TRY_RETURN(add_fact(html, "pruned from", decant_count_text(first->parameters_before, count)));
    for (int32_t s = 0; s < row->n_seeds; s++) {
        if (row->results[s]->correction == NULL) return DECANT_OK;
        before += row->results[s]->correction->accuracy / row->n_seeds;
    }
    return add_number(html, "output biases corrected", "by %s, from %.2f %%", first->correction->by, 100 * before);
}

/* What made it, and with what: each once, where the seeds differ. Not known of what an older decant made. */
static decant_status add_signatures(dcn_text *html, const decant_comparison_row *row)
{
    for (int32_t s = 0; s < row->n_seeds; s++) {
        const char *by = row->results[s]->made_by, *with = row->results[s]->made_with;
        bool is_new = by != NULL && with != NULL;
        for (int32_t i = 0; i < s && is_new; i++) {
            const char *other = row->results[i]->made_by, *others = row->results[i]->made_with;
            is_new = other == NULL || others == NULL || strcmp(by, other) != 0 || strcmp(with, others) != 0;
        }
        if (is_new) TRY_RETURN(add_number(html, "made by", "%s; %s", by, with));
    }
    return DECANT_OK;
}

static decant_status add_facts(dcn_text *html, const dcn_page_run *run)
{
    const decant_comparison_row *row = run->row;
    char count[28];
    double seconds = 0, loss = 0;
    for (int32_t s = 0; s < row->n_seeds; s++) {
        seconds += row->results[s]->seconds / row->n_seeds;
        loss += row->results[s]->test_loss / row->n_seeds;
    }
    TRY_RETURN(dcn_text_add(html, "<dl class=facts>"));
    TRY_RETURN(add_fact(html, "recipe", row->recipe));
    TRY_RETURN(add_fact(html, "model", row->model));
    TRY_RETURN(add_fact(html, "teacher", row->teacher != NULL ? row->teacher : "none"));
    TRY_RETURN(add_fact(html, "parameters", decant_count_text(row->parameters, count)));
    TRY_RETURN(add_fact(html, "mult-adds", decant_count_text(row->mult_adds, count)));
    TRY_RETURN(add_number(html, "epochs", "%" PRId64, row->epochs));
    TRY_RETURN(add_fact(html, "optimizer steps", decant_count_text(row->steps, count)));
    TRY_RETURN(add_number(html, "training", row->n_seeds > 1 ? "%.1f s a seed" : "%.1f s", seconds));
    TRY_RETURN(add_number(html, "test loss", "%.4f", loss));
    TRY_RETURN(add_changes(html, row));
    TRY_RETURN(add_signatures(html, row));
    return dcn_text_add(html, "</dl>\n");
}

/* --- confusion matrix --- */

/* Where there are several seeds, what is written is their mean. */
static decant_status add_cell(dcn_text *html, const dcn_page_run *run, int32_t truth, int32_t answer, int64_t samples)
{
    int64_t sum = run->confusion[(int64_t)truth * run->n_classes + answer];
    double share = samples > 0 ? (double)sum / (double)samples : 0, count = (double)sum / run->row->n_seeds;
    /* By the root: a few mistakes among a thousand samples are what is looked for. */
    double heat = sqrt(share);
    int decimals = run->row->n_seeds > 1 ? 1 : 0;
    const char *class = truth == answer ? "right" : "wrong";
    if (sum == 0) return dcn_text_add(html, "<td class=\"n none\">%s</td>", run->n_classes > MOST_NUMBERED ? "" : "·");
    TRY_RETURN(
        dcn_text_add(html, "<td class=\"n %s%s\" style=\"--v:%.3f\" title=\"", class, heat > 0.85 ? " hot" : "", heat));
    TRY_RETURN(add_class_name(html, run, truth));
    TRY_RETURN(dcn_text_add(html, truth == answer ? ", right: " : " taken for "));
    if (truth != answer) {
        TRY_RETURN(add_class_name(html, run, answer));
        TRY_RETURN(dcn_text_add(html, ": "));
    }
    TRY_RETURN(dcn_text_add(html, "%.*f (%.1f %%)\">", decimals, count, 100 * share));
    if (run->n_classes <= MOST_NUMBERED) TRY_RETURN(dcn_text_add(html, "%.*f", decimals, count));
    return dcn_text_add(html, "</td>");
}

/* Those that fit above a column without being turned. */
static bool has_short_names(const dcn_page_run *run)
{
    for (int32_t c = 0; c < run->n_classes && run->class_names != NULL; c++)
        if (dcn_text_width(run->class_names[c]) > 4) return false;
    return run->n_classes <= MOST_NUMBERED;
}

static decant_status add_confusion(dcn_page *page, const dcn_page_run *run)
{
    dcn_text *html = &page->html;
    bool is_large = run->n_classes > MOST_NUMBERED;
    TRY_RETURN(dcn_page_begin_table(
        page, is_large ? "heat confusion dense" : "heat confusion",
        run->row->n_seeds > 1 ? "Confusion matrix, mean over the seeds: rows are the truth, columns the answer"
                              : "Confusion matrix: rows are the truth, columns the answer"));
    bool is_short = has_short_names(run);
    TRY_RETURN(dcn_text_add(html, "<thead><tr><th></th>"));
    for (int32_t c = 0; c < run->n_classes; c++) {
        TRY_RETURN(
            dcn_text_add(html, is_short ? "<th scope=col class=flat><span>" : "<th scope=col class=slant><span>"));
        TRY_RETURN(add_class_name(html, run, c));
        TRY_RETURN(dcn_text_add(html, "</span></th>"));
    }
    TRY_RETURN(dcn_text_add(html, "</tr></thead>\n<tbody>\n"));
    for (int32_t truth = 0; truth < run->n_classes; truth++) {
        const dcn_class_counts counts = dcn_count_class(run->confusion, run->n_classes, truth);
        TRY_RETURN(dcn_text_add(html, "<tr><th scope=row>"));
        TRY_RETURN(add_class_name(html, run, truth));
        TRY_RETURN(dcn_text_add(html, "</th>"));
        for (int32_t answer = 0; answer < run->n_classes; answer++)
            TRY_RETURN(add_cell(html, run, truth, answer, counts.samples));
        TRY_RETURN(dcn_text_add(html, "</tr>\n"));
    }
    TRY_RETURN(dcn_text_add(html, "</tbody>"));
    return dcn_page_end_table(page);
}

static decant_status add_mistakes(dcn_text *html, const dcn_page_run *run)
{
    dcn_mistake mistakes[MOST_MISTAKES];
    int32_t count = dcn_largest_mistakes(run->confusion, run->n_classes, MOST_MISTAKES, mistakes);
    if (run->n_classes <= MOST_NUMBERED || count == 0) return DECANT_OK;
    TRY_RETURN(dcn_text_add(html, "<p>The commonest mistakes:</p><ol>\n"));
    for (int32_t i = 0; i < count; i++) {
        TRY_RETURN(dcn_text_add(html, "<li>"));
        TRY_RETURN(add_class_name(html, run, mistakes[i].truth));
        TRY_RETURN(dcn_text_add(html, " taken for "));
        TRY_RETURN(add_class_name(html, run, mistakes[i].answer));
        TRY_RETURN(dcn_text_add(html, ": %.1f</li>\n", (double)mistakes[i].count / run->row->n_seeds));
    }
    return dcn_text_add(html, "</ol>\n");
}

/* --- classes --- */

static decant_status add_class(dcn_text *html, const dcn_page_run *run, int32_t class)
{
    const dcn_class_counts counts = dcn_count_class(run->confusion, run->n_classes, class);
    TRY_RETURN(dcn_text_add(html, "<tr><th scope=row>"));
    TRY_RETURN(add_class_name(html, run, class));
    TRY_RETURN(dcn_text_add(html, "</th>"));
    TRY_RETURN(dcn_html_add_count(html, counts.samples / run->row->n_seeds));
    TRY_RETURN(dcn_text_add(html, "<td class=n>%.*f</td>", run->row->n_seeds > 1 ? 1 : 0,
                            (double)(counts.samples - counts.right) / run->row->n_seeds));
    TRY_RETURN(dcn_html_add_percent(html, counts.recall));
    TRY_RETURN(dcn_html_add_percent(html, counts.precision));
    TRY_RETURN(dcn_html_add_percent(html, counts.f1));
    TRY_RETURN(dcn_text_add(html, "<td>"));
    if (counts.mistaken_for < 0) {
        TRY_RETURN(dcn_text_add(html, "–"));
    } else {
        TRY_RETURN(add_class_name(html, run, counts.mistaken_for));
        TRY_RETURN(
            dcn_text_add(html, " (%.*f)", run->row->n_seeds > 1 ? 1 : 0, (double)counts.mistaken / run->row->n_seeds));
    }
    return dcn_text_add(html, "</td></tr>\n");
}

static decant_status add_classes(dcn_page *page, const dcn_page_run *run)
{
    dcn_text *html = &page->html;
    TRY_RETURN(dcn_page_begin_table(page, "", "Class by class"));
    TRY_RETURN(dcn_text_add(
        html, "<thead><tr><th scope=col>class<th scope=col class=n>samples<th scope=col class=n>errors<th scope=col "
              "class=n>recall<th scope=col class=n>precision<th scope=col class=n>F1<th "
              "scope=col>mostly mistaken for</tr></thead>\n<tbody>\n"));
    for (int32_t c = 0; c < run->n_classes; c++)
        TRY_RETURN(add_class(html, run, c));
    TRY_RETURN(dcn_text_add(html, "</tbody>"));
    return dcn_page_end_table(page);
}

/* --- calibration --- */

static json_t *make_bins(const dcn_page_run *run)
{
    double confidence[DECANT_CALIBRATION_BINS], accuracy[DECANT_CALIBRATION_BINS], count[DECANT_CALIBRATION_BINS];
    for (int i = 0; i < DECANT_CALIBRATION_BINS; i++) {
        const decant_confidence_bin *bin = &run->calibration.bins[i];
        confidence[i] = bin->count > 0 ? bin->confidence : (double)NAN;
        accuracy[i] = bin->count > 0 ? bin->accuracy : (double)NAN;
        count[i] = (double)bin->count;
    }
    return json_pack("{s:s, s:i, s:o, s:o, s:o}", "kind", "bins", "colour", (int)run->index % 8, "confidence",
                     dcn_page_numbers(confidence, DECANT_CALIBRATION_BINS), "accuracy",
                     dcn_page_numbers(accuracy, DECANT_CALIBRATION_BINS), "count",
                     dcn_page_numbers(count, DECANT_CALIBRATION_BINS));
}

static decant_status add_calibration(dcn_page *page, const dcn_page_run *run)
{
    dcn_text *html = &page->html;
    const bool are_pooled = run->row->n_seeds > 1;
    char note[256];
    double error = 100 * run->calibration_error.mean;
    TRY_RETURN(dcn_format(note, sizeof note,
                          "Of the answers given with so much confidence, how many are right? Expected calibration "
                          "error %.2f %%%s.",
                          error,
                          are_pooled ? ", the mean of the seeds' own; shown are the answers of all seeds together, "
                                       "whose errors may cancel"
                                     : ""));
    TRY_RETURN(dcn_page_add_figure(page, "Calibration", note, make_bins(run)));
    TRY_RETURN(dcn_text_add(html, "<details><summary>Calibration in numbers</summary>\n"));
    TRY_RETURN(dcn_page_begin_table(
        page, "", are_pooled ? "Answers of all seeds together, by their confidence" : "Answers by their confidence"));
    TRY_RETURN(dcn_text_add(html,
                            "<thead><tr><th scope=col class=n>confidence<th scope=col class=n>answers<th scope=col "
                            "class=n>mean confidence<th scope=col class=n>accuracy</tr></thead>\n<tbody>\n"));
    for (int i = 0; i < DECANT_CALIBRATION_BINS; i++) {
        const decant_confidence_bin *bin = &run->calibration.bins[i];
        TRY_RETURN(dcn_text_add(html, "<tr><th scope=row class=n>%.1f to %.1f %%</th>",
                                100.0 * i / DECANT_CALIBRATION_BINS, 100.0 * (i + 1) / DECANT_CALIBRATION_BINS));
        TRY_RETURN(dcn_html_add_count(html, bin->count));
        TRY_RETURN(dcn_html_add_percent(html, bin->count > 0 ? bin->confidence : (double)NAN));
        TRY_RETURN(dcn_html_add_percent(html, bin->count > 0 ? bin->accuracy : (double)NAN));
        TRY_RETURN(dcn_text_add(html, "</tr>\n"));
    }
    TRY_RETURN(dcn_text_add(html, "</tbody>"));
    TRY_RETURN(dcn_page_end_table(page));
    return dcn_text_add(html, "</details>\n");
}

/* --- all of a run --- */

static decant_status add_run(dcn_page *page, const dcn_page_run *run)
{
    dcn_text *html = &page->html;
    TRY_RETURN(dcn_text_add(html, "<section class=run id=run-%d><h2><i class=dot style=\"--c:var(--c%d)\"></i>",
                            (int)run->index, (int)run->index % 8));
    TRY_RETURN(dcn_html_add_text(html, run->row->label));
    TRY_RETURN(dcn_text_add(html, "</h2>\n"));
    TRY_RETURN(add_facts(html, run));
    if (run->n_classes == 0 && !run->has_calibration)
        TRY_RETURN(dcn_text_add(html,
                                "<p>The run was made by an older decant, which did not keep what it answers. Made "
                                "again, after its result.json was removed, it will say.</p>\n"));
    TRY_RETURN(dcn_text_add(html, "<div class=split><div>\n"));
    if (run->n_classes > 0) {
        TRY_RETURN(add_confusion(page, run));
        TRY_RETURN(add_mistakes(html, run));
    }
    TRY_RETURN(dcn_text_add(html, "</div><div>\n"));
    if (run->has_calibration) TRY_RETURN(add_calibration(page, run));
    TRY_RETURN(dcn_text_add(html, "</div></div>\n"));
    if (run->n_classes > 0) TRY_RETURN(add_classes(page, run));
    return dcn_text_add(html, "</section>\n");
}

/* Of other classes nothing can be said side by side. */
static bool has_classes_of(const dcn_page_run *run, const dcn_page_run *first)
{
    if (run->n_classes == 0 || run->n_classes != first->n_classes) return false;
    if (run->class_names == NULL || first->class_names == NULL) return run->class_names == first->class_names;
    for (int32_t c = 0; c < run->n_classes; c++)
        if (strcmp(run->class_names[c], first->class_names[c]) != 0) return false;
    return true;
}

/* Recall side by side, for the runs that tell the same classes apart as the first. */
static decant_status add_recalls(dcn_page *page)
{
    json_t *series = json_array(), *labels = json_array();
    const dcn_page_run *first = &page->runs[0];
    int32_t n_others = 0;
    for (int32_t i = 0; i < page->n_runs && first->n_classes == 0; i++) /* an older decant did not keep the answers */
        first = &page->runs[i];
    decant_status status = DECANT_OK;
    for (int32_t c = 0; c < first->n_classes; c++) {
        char number[16];
        TRY(dcn_format(number, sizeof number, "%d", (int)c));
        TRY(dcn_page_append(labels, dcn_html_json_string(first->class_names != NULL ? first->class_names[c] : number)));
    }
    for (int32_t i = 0; i < page->n_runs; i++) {
        const dcn_page_run *run = &page->runs[i];
        if (!has_classes_of(run, first)) {
            n_others += run->n_classes > 0;
            continue;
        }
        json_t *values = json_array();
        for (int32_t c = 0; c < run->n_classes; c++)
            dcn_json_append(&values, dcn_page_number(dcn_count_class(run->confusion, run->n_classes, c).recall));
        TRY(dcn_page_append(series, json_pack("{s:o, s:i, s:o}", "label", dcn_html_json_string(run->row->label),
                                              "colour", (int)i % 8, "values", values)));
    }
    if (json_array_size(series) == 0 || first->n_classes > MOST_NUMBERED) goto out;
    TRY(dcn_text_add(&page->html, "<section id=classes><h2>Classes</h2>\n"));
    TRY(dcn_page_add_figure(
        page, "Recall of each class",
        n_others > 0
            ? "The share of its samples that is answered right; the tables below say the same in numbers, also "
              "of the runs that tell other classes apart."
            : "The share of its samples that is answered right; the tables below say the same in numbers.",
        json_pack("{s:s, s:O, s:O}", "kind", "bars", "labels", labels, "series", series)));
    TRY(dcn_text_add(&page->html, "</section>\n"));
out:
    json_decref(labels);
    json_decref(series);
    return status;
}

decant_status dcn_page_add_answers(dcn_page *page)
{
    TRY_RETURN(add_recalls(page));
    for (int32_t i = 0; i < page->n_runs; i++)
        TRY_RETURN(add_run(page, &page->runs[i]));
    return DECANT_OK;
}
