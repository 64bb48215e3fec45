/* decant fold MODEL -o OUT: the same outputs from fewer layers. */
#include <inttypes.h>
#include <stdio.h>

#include "output.h"
#include "verbs.h"

enum { FOLD_OUTPUT = OPTION_COMMON_COUNT, FOLD_DEVICE, FOLD_THREADS, FOLD_OPTION_COUNT };

static const cli_option options[] = {
    [OPTION_JSON] = OPTION_JSON_ROW,
    [OPTION_QUIET] = OPTION_QUIET_ROW,
    [FOLD_OUTPUT] = {"output", 'o', OPTION_TEXT, "FILE", 0, 0, "where the folded model goes"},
    [FOLD_DEVICE] = OPTION_DEVICE_ROW,
    [FOLD_THREADS] = OPTION_THREADS_ROW,
};

static int print_report(const char *path, const decant_fold_report *report, int64_t before, int64_t after, bool as_json)
{
    if (as_json)
        return print_json(json_pack("{s:o, s:I, s:I, s:i, s:i, s:i, s:f}", "model", text_json(path),
                                    "parameters_before", (json_int_t)before, "parameters", (json_int_t)after, "linear",
                                    (int)report->linear, "batchnorm", (int)report->batchnorm, "dropout",
                                    (int)report->dropout, "largest_difference", report->largest_difference));
    print_line_part(stdout, path);
    printf(": %d linear, %d batchnorm and %d dropout layers folded, %" PRId64 " of %" PRId64 " parameters\n",
           (int)report->linear, (int)report->batchnorm, (int)report->dropout, after, before);
    printf("outputs equal: largest difference %.1e of the largest output\n", report->largest_difference);
    return 0;
}

static decant_status count_parameters(const decant_model *model, int64_t *ret_count)
{
    decant_model_summary *summary = NULL;
    decant_status status = decant_model_summarize(model, &summary);
    if (status == DECANT_OK) *ret_count = summary->parameters;
    decant_model_summary_destroy(summary);
    return status;
}

static int run(const cli_invocation *invocation)
{
    const option_value *values = invocation->values;
    const decant_compute compute = {.device = values[FOLD_DEVICE].text,
                                    .threads = (int32_t)values[FOLD_THREADS].number};
    const char *path = values[FOLD_OUTPUT].text;
    decant_model *model = NULL, *folded = NULL;
    decant_fold_report report;
    int64_t before = 0, after = 0;
    if (!values[FOLD_OUTPUT].given) return usage_error(invocation->verb, "-o FILE says where the folded model goes");
    int exit_status = check_output(invocation->arguments[0], path);
    if (exit_status != 0) return exit_status;
    decant_status status = decant_model_load(invocation->arguments[0], &model);
    if (status == DECANT_OK) status = decant_model_fold(model, &compute, &folded, &report);
    if (status == DECANT_OK) status = count_parameters(model, &before);
    if (status == DECANT_OK) status = count_parameters(folded, &after);
    if (status == DECANT_OK) status = decant_model_save(folded, path);
    if (status != DECANT_OK)
        exit_status = report_failure(status);
    else
        exit_status = print_report(path, &report, before, after, values[OPTION_JSON].given);
    decant_model_destroy(folded);
    decant_model_destroy(model);
    return exit_status;
}

const cli_verb verb_fold = {
    .name = "fold",
    .arguments = "FILE -o OUTPUT",
    .summary = "works layers that only training needs into their neighbours",
    .details =
        "Batch normalisation goes into the convolution or linear layer before it, linear behind linear becomes one\n"
        "matrix, dropout is left out; the outputs of both networks are computed and compared. What comes out is for\n"
        "inference: to train on, keep the original.\n",
    .options = options,
    .n_options = FOLD_OPTION_COUNT,
    .min_arguments = 1,
    .max_arguments = 1,
    .run = run,
};
