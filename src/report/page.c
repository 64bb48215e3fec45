/* A report page: one HTML file with its style, its script, the chart library and all of its data in it. */
#include "report/page.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "decant/version.h"
#include "report/assets.h"
#include "report/html.h"

/* The chart library's licence asks for its words wherever it goes. */
static const char chart_licence[] =
    "Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated "
    "documentation files (the \"Software\"), to deal in the Software without restriction, including without limitation "
    "the rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and "
    "to permit persons to whom the Software is furnished to do so, subject to the following conditions: The above "
    "copyright notice and this permission notice shall be included in all copies or substantial portions of the "
    "Software. THE SOFTWARE IS PROVIDED \"AS IS\", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT "
    "LIMITED TO THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT "
    "SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION "
    "OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER "
    "DEALINGS IN THE SOFTWARE.";

bool decant_report_has_charts(void)
{
    return dcn_page_chart_library[0] != '\0';
}

/* --- for the parts --- */

json_t *dcn_page_number(double number)
{
    return isfinite(number) ? json_real(number) : json_null();
}

json_t *dcn_page_numbers(const double *numbers, int64_t count)
{
    json_t *array = json_array();
    for (int64_t i = 0; i < count; i++)
        dcn_json_append(&array, dcn_page_number(numbers[i]));
    return array;
}

decant_status dcn_page_append(json_t *array, json_t *item)
{
    if (item != NULL && json_array_append_new(array, item) == 0) return DECANT_OK;
    return DCN_FAIL(NO_MEMORY, "no memory for what a chart shows");
}

decant_status dcn_page_add_figure(dcn_page *page, const char *title, const char *note, json_t *chart)
{
    dcn_text *html = &page->html;
    decant_status status = DECANT_OK;
    if (!decant_report_has_charts()) goto out;
    if (chart == NULL || json_array_append(page->charts, chart) != 0) {
        status = DCN_FAIL(NO_MEMORY, "no memory for a chart");
        goto out;
    }
    const char *kind = json_string_value(json_object_get(chart, "kind"));
    TRY(dcn_text_add(html, "<figure class=\"chart %s\"><figcaption>", kind));
    TRY(dcn_html_add_element(html, "b", title));
    TRY(dcn_text_add(html, " "));
    TRY(dcn_html_add_element(html, "span", note));
    TRY(dcn_text_add(html, "</figcaption><div class=plot><canvas id=chart-%zu role=img aria-label=\"",
                     json_array_size(page->charts) - 1));
    TRY(dcn_html_add_text(html, title));
    TRY(dcn_text_add(html, ". The numbers are in the tables of this page.\"></canvas></div></figure>\n"));
out:
    json_decref(chart);
    return status;
}

decant_status dcn_page_begin_table(dcn_page *page, const char *class, const char *caption)
{
    dcn_text *html = &page->html;
    TRY_RETURN(dcn_html_add_element(html, "p class=caption aria-hidden=true", caption));
    TRY_RETURN(dcn_text_add(html, "<div class=scroll tabindex=0 role=region aria-label=\""));
    TRY_RETURN(dcn_html_add_text(html, caption));
    TRY_RETURN(dcn_text_add(html, "\"><table class=\"%s\">", class));
    TRY_RETURN(dcn_html_add_element(html, "caption", caption));
    return dcn_text_add(html, "\n");
}

decant_status dcn_page_end_table(dcn_page *page)
{
    return dcn_text_add(&page->html, "</table></div>\n");
}

/* --- head and foot --- */

/* The recipes that the runs are of, each once. */
static decant_status make_title(const dcn_page *page, dcn_text *title)
{
    for (int32_t i = 0; i < page->n_runs; i++) {
        bool known = false;
        for (int32_t j = 0; j < i && !known; j++)
            known = strcmp(page->runs[j].row->recipe, page->runs[i].row->recipe) == 0;
        if (!known) TRY_RETURN(dcn_text_add(title, "%s%s", i > 0 ? ", " : "", page->runs[i].row->recipe));
    }
    return DECANT_OK;
}

/* The policy lets a browser fetch nothing: the page is what it is wherever it lies. */
static decant_status add_head(dcn_page *page, const char *title)
{
    dcn_text *html = &page->html;
    TRY_RETURN(dcn_text_add(
        html, "<!DOCTYPE html>\n<html lang=en>\n<head>\n<meta charset=utf-8>\n"
              "<meta http-equiv=Content-Security-Policy content=\"default-src 'none'; style-src 'unsafe-inline'; "
              "script-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'\">\n"
              "<meta name=viewport content=\"width=device-width, initial-scale=1\">\n<meta name=color-scheme "
              "content=\"light dark\">\n<link rel=icon href=\"data:,\">\n<title>"));
    TRY_RETURN(dcn_html_add_text(html, title));
    TRY_RETURN(dcn_text_add(html, " – decant</title>\n<style>\n"));
    TRY_RETURN(dcn_text_add(html, "%s", dcn_page_style));
    return dcn_text_add(html, "</style>\n</head>\n");
}

static decant_status add_navigation(dcn_page *page)
{
    dcn_text *html = &page->html;
    TRY_RETURN(dcn_text_add(html, "<nav aria-label=Runs>"));
    for (int32_t i = 0; i < page->n_runs; i++) {
        TRY_RETURN(
            dcn_text_add(html, "<a href=\"#run-%d\"><i class=dot style=\"--c:var(--c%d)\"></i>", (int)i, (int)i % 8));
        TRY_RETURN(dcn_html_add_text(html, page->runs[i].row->label));
        TRY_RETURN(dcn_text_add(html, "</a>"));
    }
    return dcn_text_add(html, "</nav>\n");
}

static decant_status add_header(dcn_page *page, const char *title)
{
    dcn_text *html = &page->html;
    int64_t least = INT64_MAX, most = 0;
    int32_t n_results = 0;
    char samples[28], up_to[28];
    for (int32_t i = 0; i < page->n_runs; i++) {
        const int64_t count = page->runs[i].row->results[0]->test_count;
        least = count < least ? count : least;
        most = count > most ? count : most;
        n_results += page->runs[i].row->n_seeds;
    }
    TRY_RETURN(dcn_text_add(
        html, "<body>\n<a class=skip href=\"#results\">To the results</a>\n<header>\n<p class=brand>decant "
              "report</p>\n"));
    TRY_RETURN(dcn_html_add_element(html, "h1", title));
    TRY_RETURN(dcn_text_add(
        html, "<p class=lead>%d run%s, %d training%s; tested on %s%s%s samples that no choice was made by.</p>\n",
        (int)page->n_runs, page->n_runs == 1 ? "" : "s", (int)n_results, n_results == 1 ? "" : "s",
        decant_count_text(least, samples), most > least ? " to " : "",
        most > least ? decant_count_text(most, up_to) : ""));
    TRY_RETURN(add_navigation(page));
    TRY_RETURN(dcn_text_add(html, "</header>\n<main>\n"));
    if (decant_report_has_charts()) return DECANT_OK;
    return dcn_text_add(html,
                        "<p class=warning role=note>There are no charts here: this decant was built without Chart.js "
                        "(Debian: <code>libjs-chart.js</code>). All numbers are in the tables.</p>\n");
}

static decant_status add_foot(dcn_page *page)
{
    dcn_text *html = &page->html;
    TRY_RETURN(dcn_text_add(
        html,
        "</main>\n<footer>\n<dl>"
        "<dt>±</dt><dd>sample standard deviation over the seeds</dd>"
        "<dt>verdict</dt><dd>paired t-test over the seeds that both runs have, or McNemar’s exact test on the test "
        "samples "
        "where there is one; <em>better</em> and <em>not better</em> are beyond chance (p &lt; 0.05)</dd>"
        "<dt>calibration error</dt><dd>expected calibration error over %d equally wide bins of confidence: the mean "
        "over the "
        "samples of how far accuracy and confidence are apart in their bin</dd>"
        "<dt>KL to teacher</dt><dd>mean of KL(teacher ‖ student) of the probabilities at temperature 1, in "
        "nats</dd></dl>\n"
        "<p>Made by decant %s. This file needs nothing else and asks the network for nothing.</p>\n</footer>\n",
        DECANT_CALIBRATION_BINS, decant_version()));
    if (decant_report_has_charts()) {
        TRY_RETURN(dcn_text_add(html, "<script type=\"application/json\" id=charts>"));
        TRY_RETURN(dcn_html_add_json(html, page->charts));
        TRY_RETURN(dcn_text_add(html, "</script>\n<script>\n/*! The chart library: %s */\n", chart_licence));
        TRY_RETURN(dcn_text_add(html, "%s", dcn_page_chart_library));
        TRY_RETURN(dcn_text_add(html, "\n</script>\n<script>\n%s</script>\n", dcn_page_script));
    }
    return dcn_text_add(html, "</body>\n</html>\n");
}

/* --- the page --- */

static decant_status write_page(dcn_page *page, const char *title)
{
    TRY_RETURN(add_head(page, title));
    TRY_RETURN(add_header(page, title));
    TRY_RETURN(dcn_page_add_results(page));
    TRY_RETURN(dcn_page_add_curves(page));
    TRY_RETURN(dcn_page_add_losses(page));
    TRY_RETURN(dcn_page_add_agreement(page));
    TRY_RETURN(dcn_page_add_answers(page));
    TRY_RETURN(dcn_page_add_recipes(page));
    return add_foot(page);
}

decant_status decant_report_write(const decant_comparison *comparison, const char *path)
{
    DCN_REQUIRE(comparison, path);
    if (comparison->count < 1) return DCN_FAIL(INVALID_ARG, "there are no runs to report");
    for (int32_t i = 0; i < comparison->count; i++)
        if (comparison->rows[i].label == NULL || comparison->rows[i].n_seeds < 1)
            return DCN_FAIL(INVALID_ARG, "row %d has no label or no results; make rows with decant_results_compare()",
                            (int)i);
    dcn_page page = {0};
    dcn_text title = {0};
    decant_status status = dcn_page_gather(comparison, &page);
    if (status != DECANT_OK) goto out;
    TRY(make_title(&page, &title));
    TRY(write_page(&page, title.data));
    TRY(dcn_file_write(path, page.html.data, page.html.length));
out:
    dcn_text_finish(&title);
    dcn_page_release(&page);
    return status;
}
