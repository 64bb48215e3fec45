/* decant report RUNDIR...: finished runs as one page for a browser. */
#include <stdio.h>

#include "results.h"
#include "verbs.h"

enum { REPORT_OUTPUT = OPTION_COMMON_COUNT, REPORT_AGAINST, REPORT_OPTION_COUNT };

static const cli_option options[] = {
    [OPTION_JSON] = OPTION_JSON_ROW,
    [OPTION_QUIET] = OPTION_QUIET_ROW,
    [REPORT_OUTPUT] = {"output", 'o', OPTION_TEXT, "FILE", 0, 0, "where the page goes; default: report.html"},
    [REPORT_AGAINST] = {"against", 0, OPTION_TEXT, "RUN", 0, 0,
                        "measure every run against this one of them: its name or directory"},
};

static int tell(const cli_invocation *invocation, const decant_comparison *comparison, const char *path)
{
    int32_t n_results = 0;
    for (int32_t i = 0; i < comparison->count; i++)
        n_results += comparison->rows[i].n_seeds;
    if (!decant_report_has_charts() && !invocation->values[OPTION_QUIET].given)
        fprintf(stderr,
                "decant: this decant was built without Chart.js (Debian: libjs-chart.js), so the page has tables "
                "but no charts\n");
    if (invocation->values[OPTION_JSON].given)
        return print_json(json_pack("{s:o, s:i, s:i, s:b}", "file", text_json(path), "runs", (int)comparison->count,
                                    "results", (int)n_results, "charts", decant_report_has_charts()));
    print_line_part(stdout, path);
    printf(": %d run%s, %d result%s\n", (int)comparison->count, comparison->count == 1 ? "" : "s", (int)n_results,
           n_results == 1 ? "" : "s");
    return 0;
}

static int run(const cli_invocation *invocation)
{
    const option_value *values = invocation->values;
    const char *path = values[REPORT_OUTPUT].given ? values[REPORT_OUTPUT].text : "report.html";
    decant_result_list *results = NULL;
    decant_comparison *comparison = NULL;
    decant_status status = decant_results_read(invocation->arguments, invocation->n_arguments, &results);
    if (status == DECANT_OK) status = decant_results_compare(results, &comparison);
    if (status == DECANT_OK && values[REPORT_AGAINST].given)
        status = decant_comparison_set_baseline(comparison, values[REPORT_AGAINST].text);
    if (status == DECANT_OK) status = decant_report_write(comparison, path);
    int exit_status = status == DECANT_OK ? tell(invocation, comparison, path) : report_failure(status);
    if (status == DECANT_OK) remark(comparison, values[OPTION_QUIET].given);
    decant_comparison_destroy(comparison);
    decant_result_list_destroy(results);
    return exit_status;
}

const cli_verb verb_report = {
    .name = "report",
    .arguments = "RUNDIR... [-o FILE]",
    .summary = "makes a page of finished runs: charts, confusion, calibration",
    .details =
        "RUNDIR is a run's directory, or a folder of them such as runs/RECIPE. The page is one HTML file that needs\n"
        "nothing else, no network either: verdicts, training curves, and for each run its confusion matrix,\n"
        "classes, calibration, agreement with the teacher and recipe.\n",
    .options = options,
    .n_options = REPORT_OPTION_COUNT,
    .min_arguments = 1,
    .max_arguments = -1,
    .run = run,
};
