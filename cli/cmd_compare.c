/* decant compare RUNDIR...: finished runs side by side. */
#include "results.h"
#include "verbs.h"

static const cli_option options[] = {[OPTION_JSON] = OPTION_JSON_ROW, [OPTION_QUIET] = OPTION_QUIET_ROW};

static int print_rows(const decant_comparison *comparison)
{
    int exit_status = 0;
    for (int32_t i = 0; i < comparison->count && exit_status == 0; i++)
        exit_status = print_json(row_json(comparison, &comparison->rows[i]));
    return exit_status;
}

static int run(const cli_invocation *invocation)
{
    decant_result_list *results = NULL;
    decant_comparison *comparison = NULL;
    int exit_status = 0;
    decant_status status = decant_results_read(invocation->arguments, invocation->n_arguments, &results);
    if (status == DECANT_OK) status = decant_results_compare(results, &comparison);
    if (status != DECANT_OK)
        exit_status = report_failure(status);
    else
        exit_status = invocation->values[OPTION_JSON].given ? print_rows(comparison) : print_comparison(comparison);
    decant_comparison_destroy(comparison);
    decant_result_list_destroy(results);
    return exit_status;
}

const cli_verb verb_compare = {
    .name = "compare",
    .arguments = "RUNDIR...",
    .summary = "lays finished runs side by side, with spreads and verdicts",
    .details = "RUNDIR is a run's directory, or a folder of them such as runs/RECIPE. Runs are compared seed by seed "
               "with the\n"
               "run that their recipe derives them from: `better` and `not better` are beyond chance (p < 0.05).\n",
    .options = options,
    .n_options = OPTION_COMMON_COUNT,
    .min_arguments = 1,
    .max_arguments = -1,
    .run = run,
};
