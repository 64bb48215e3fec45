/* decant run RECIPE [RUN...]: trains, and ends in the comparison table. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "interrupt.h"
#include "overrides.h"
#include "progress.h"
#include "results.h"
#include "verbs.h"

enum { RUN_DIR = OPTION_COMPUTE_COUNT, RUN_FORCE, RUN_OVERRIDE, RUN_SAVE_EVERY, RUN_NO_CACHE, RUN_OPTION_COUNT };

static const cli_option options[] = {
    [OPTION_JSON] = OPTION_JSON_ROW,
    [OPTION_QUIET] = OPTION_QUIET_ROW,
    [OPTION_DEVICE] = OPTION_DEVICE_ROW,
    [OPTION_THREADS] = OPTION_THREADS_ROW,
    [OPTION_PRECISION] = OPTION_PRECISION_ROW,
    [RUN_DIR] = {"dir", 'd', OPTION_TEXT, "DIR", 0, 0, "where runs are kept; default: runs"},
    [RUN_FORCE] = {"force", 'f', OPTION_FLAG, 0, 0, 0, "make runs again that were made by a changed recipe"},
    [RUN_OVERRIDE] = OPTION_OVERRIDE_ROW,
    [RUN_SAVE_EVERY] = {"save-every", 0, OPTION_INT, "SECONDS", 1, 86400,
                        "also save a checkpoint this often within an epoch; default: 60"},
    [RUN_NO_CACHE] = {"no-teacher-cache", 0, OPTION_FLAG, 0, 0, 0,
                      "ask teachers in every step instead of keeping their answers"},
};

/* What the callbacks need. */
typedef struct run_output {
    cli_progress progress;
    const option_value *values;
    const char *told; /* the last run whose precision was looked at */
    bool json;
    int exit_status; /* of printing */
} run_output;

static void on_finding(void *context, const decant_finding *finding)
{
    run_output *output = context;
    progress_finding(&output->progress, finding);
}

static void on_start(void *context, const decant_run_start *start)
{
    run_output *output = context;
    if (output->told == NULL || strcmp(output->told, start->run->name) != 0)
        tell_own_precision(start->run, output->values);
    output->told = start->run->name;
    progress_start(&output->progress, start);
}

static void on_losses(void *context, const decant_run_loss *losses, int32_t count)
{
    run_output *output = context;
    progress_losses(&output->progress, losses, count);
}

static void on_progress(void *context, const decant_run_progress *now)
{
    run_output *output = context;
    progress_batch(&output->progress, now);
}

static void on_asked(void *context, int64_t done, int64_t count)
{
    run_output *output = context;
    progress_teacher(&output->progress, done, count);
}

static void on_epoch(void *context, const decant_run_epoch *epoch)
{
    run_output *output = context;
    progress_epoch(&output->progress, epoch);
}

static void on_result(void *context, const decant_run_result *result)
{
    run_output *output = context;
    progress_result(&output->progress, result);
    if (output->json && output->exit_status == 0) output->exit_status = print_json(result_json(result));
}

static int show_results(const decant_result_list *results, bool quiet)
{
    decant_comparison *comparison = NULL;
    decant_status status = decant_results_compare(results, &comparison);
    int exit_status = status == DECANT_OK ? print_comparison(comparison, quiet) : report_failure(status);
    decant_comparison_destroy(comparison);
    return exit_status;
}

static int run(const cli_invocation *invocation)
{
    const option_value *values = invocation->values;
    run_output output = {
        .progress = progress_begin(values[OPTION_QUIET].given), .values = values, .json = values[OPTION_JSON].given};
    const decant_run_options how = {
        .directory = values[RUN_DIR].text,
        .runs = invocation->arguments + 1,
        .n_runs = invocation->n_arguments - 1,
        .force = values[RUN_FORCE].given,
        .checkpoint_seconds = values[RUN_SAVE_EVERY].given ? (double)values[RUN_SAVE_EVERY].number : 60,
        .no_teacher_cache = values[RUN_NO_CACHE].given,
        .context = &output,
        .stop_requested = interrupt_requested,
        .on_finding = on_finding,
        .on_start = on_start,
        .on_losses = on_losses,
        .on_progress = on_progress,
        .on_asked = on_asked,
        .on_epoch = on_epoch,
        .on_result = on_result,
    };
    decant_recipe *recipe = NULL;
    decant_result_list *results = NULL;
    interrupt_listen();
    decant_status status = load_recipe(invocation->arguments[0], &values[RUN_OVERRIDE], values, &recipe);
    if (status == DECANT_OK) status = decant_recipe_run(recipe, &how, &results);
    progress_break(&output.progress);
    int exit_status = output.exit_status;
    if (status == DECANT_INTERRUPTED) {
        exit_status = decant_status_exit(status);
        fprintf(stderr, "decant: %s by the same command\n", decant_error_message());
    } else if (status != DECANT_OK) {
        exit_status = report_failure(status);
    } else if (!output.json) {
        exit_status = show_results(results, values[OPTION_QUIET].given);
    }
    decant_result_list_destroy(results);
    decant_recipe_destroy(recipe);
    return exit_status;
}

const cli_verb verb_run = {
    .name = "run",
    .arguments = "RECIPE [RUN...]",
    .summary = "trains a recipe's runs, or those named, and compares them",
    .details =
        "Runs are made in the order of their dependencies, one for each seed, each in DIR/RECIPE/RUN[-seedN].\n"
        "What is finished and unchanged is skipped; what was interrupted (Ctrl-C) goes on where it stopped.\n"
        "With RUN... their teachers are made as well, and baselines that were made before are shown beside them.\n"
        "The test samples are read once, at the end of each run.\n",
    .options = options,
    .n_options = RUN_OPTION_COUNT,
    .computes = true,
    .min_arguments = 1,
    .max_arguments = -1,
    .run = run,
};
