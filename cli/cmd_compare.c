/* decant compare RUNDIR...: finished runs side by side. */
#include "results.h"
#include "verbs.h"

enum { COMPARE_AGAINST = OPTION_COMMON_COUNT, COMPARE_OPTION_COUNT };

static const cli_option options[] = {
    [OPTION_JSON] = OPTION_JSON_ROW,
    [OPTION_QUIET] = OPTION_QUIET_ROW,
    [COMPARE_AGAINST] = {"against", 0, OPTION_TEXT, "RUN", 0, 0,
                         "measure every run against this one of them: its name or directory"},
};

static int print_rows(const decant_comparison *comparison, bool quiet)
{
    int exit_status = 0;
    for (int32_t i = 0; i < comparison->count && exit_status == 0; i++)
        exit_status = print_json(row_json(comparison, &comparison->rows[i]));
    remark(comparison, quiet);
    return exit_status;
}

static int run(const cli_invocation *invocation)
{
    decant_result_list *results = NULL;
    decant_comparison *comparison = NULL;
    int exit_status = 0;
    decant_status status = decant_results_read(invocation->arguments, invocation->n_arguments, &results);
    if (status == DECANT_OK) status = decant_results_compare(results, &comparison);
    if (status == DECANT_OK && invocation->values[COMPARE_AGAINST].given)
        status = decant_comparison_set_baseline(comparison, invocation->values[COMPARE_AGAINST].text);
    if (status != DECANT_OK)
        exit_status = report_failure(status);
    else
        exit_status = (invocation->values[OPTION_JSON].given ? print_rows : print_comparison)(
            comparison, invocation->values[OPTION_QUIET].given);
    decant_comparison_destroy(comparison);
    decant_result_list_destroy(results);
    return exit_status;
}

const cli_verb verb_compare = {
    .name = "compare",
    .arguments = "RUNDIR...",
    .summary = "lays finished runs side by side, with spreads and verdicts",
    .details =
        "RUNDIR is a run's directory, or a folder of them such as runs/RECIPE. Runs are compared seed by seed "
        "with the\n"
        "run that their recipe derives them from, or that --against names: `better` and `not better` are beyond\n"
        "chance (p < 0.05; a paired t-test over the seeds, or McNemar's test where there is one). There is no\n"
        "verdict between runs that were tested on different samples.\n",
    .options = options,
    .n_options = COMPARE_OPTION_COUNT,
    .min_arguments = 1,
    .max_arguments = -1,
    .run = run,
};
