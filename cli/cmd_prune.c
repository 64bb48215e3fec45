/* decant prune MODEL -o OUT: a smaller network without the channels that matter least. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "output.h"
#include "verbs.h"

enum {
    PRUNE_OUTPUT = OPTION_COMMON_COUNT,
    PRUNE_KEEP,
    PRUNE_PARAMETERS,
    PRUNE_MULT_ADDS,
    PRUNE_CRITERION,
    PRUNE_MINIMUM,
    PRUNE_SEED,
    PRUNE_DATA,
    PRUNE_SAMPLES,
    PRUNE_DEVICE,
    PRUNE_THREADS,
    PRUNE_OPTION_COUNT
};

static const cli_option options[] = {
    [OPTION_JSON] = OPTION_JSON_ROW,
    [OPTION_QUIET] = OPTION_QUIET_ROW,
    [PRUNE_OUTPUT] = {"output", 'o', OPTION_TEXT, "FILE", 0, 0, "where the smaller model goes"},
    [PRUNE_KEEP] = {"keep", 0, OPTION_TEXT, "SHARE", 0, 0, "keep at most this share of the parameters: 0.5"},
    [PRUNE_PARAMETERS] = {"parameters", 0, OPTION_INT, "N", 1, INT64_MAX, "keep at most so many parameters"},
    [PRUNE_MULT_ADDS] = {"mult-adds", 0, OPTION_INT, "N", 1, INT64_MAX, "keep at most so many multiply-adds a sample"},
    [PRUNE_CRITERION] = {"criterion", 0, OPTION_TEXT, "NAME", 0, 0,
                         "what tells channels that matter: bn (the default), l1, l2, taylor or random"},
    [PRUNE_MINIMUM] = {"minimum", 0, OPTION_TEXT, "SHARE", 0, 0,
                       "share of each layer's channels that always stays (0.1); one channel always does"},
    [PRUNE_SEED] = {"seed", 0, OPTION_INT, "N", 0, UINT32_MAX, "of the random criterion and of taylor's samples (0)"},
    [PRUNE_DATA] = {"data", 0, OPTION_TEXT, "SOURCE", 0, 0, "taylor: the data set to ask, unless the model names one"},
    [PRUNE_SAMPLES] = {"samples", 0, OPTION_INT, "N", 2, INT64_MAX, "taylor: ask so many training samples (1024)"},
    [PRUNE_DEVICE] = OPTION_DEVICE_ROW,
    [PRUNE_THREADS] = OPTION_THREADS_ROW,
};

/* A number from 0 to 1; false when the text is none. */
static bool read_share(const char *text, double *ret_share)
{
    char *end = NULL;
    errno = 0;
    const double share = strtod(text, &end);
    if (end == text || *end != '\0' || errno != 0 || !(share >= 0 && share <= 1)) return false;
    *ret_share = share;
    return true;
}

static json_t *report_json(const char *path, const decant_prune_report *report)
{
    return json_pack("{s:o, s:I, s:I, s:I, s:I, s:I, s:I}", "model", text_json(path), "parameters_before",
                     (json_int_t)report->parameters_before, "parameters", (json_int_t)report->parameters,
                     "mult_adds_before", (json_int_t)report->mult_adds_before, "mult_adds",
                     (json_int_t)report->mult_adds, "channels_before", (json_int_t)report->units_before, "channels",
                     (json_int_t)report->units);
}

static void print_report(const char *path, const decant_prune_report *report)
{
    print_line_part(stdout, path);
    printf(": %" PRId64 " of %" PRId64 " parameters (%.1f %%), %" PRId64 " of %" PRId64 " mult-adds (%.1f %%), %" PRId64
           " of %" PRId64 " channels\n",
           report->parameters, report->parameters_before,
           100 * (double)report->parameters / (double)report->parameters_before, report->mult_adds,
           report->mult_adds_before, 100 * (double)report->mult_adds / (double)report->mult_adds_before, report->units,
           report->units_before);
}

/* source: what the taylor criterion asks; the others need none. */
static decant_status prune(const cli_invocation *invocation, const decant_model *model, const char *source,
                           decant_prune_options *how, decant_prune_report *ret_report)
{
    const option_value *values = invocation->values;
    const decant_compute compute = {.device = values[PRUNE_DEVICE].text,
                                    .threads = (int32_t)values[PRUNE_THREADS].number};
    decant_model *pruned = NULL;
    decant_dataset *dataset = NULL;
    decant_status status = DECANT_OK;
    if (how->criterion == DECANT_CRITERION_TAYLOR) status = decant_model_open_data(model, source, &dataset);
    how->dataset = dataset;
    how->compute = &compute;
    if (status == DECANT_OK) status = decant_model_prune(model, how, &pruned, ret_report);
    if (status == DECANT_OK) status = decant_model_save(pruned, values[PRUNE_OUTPUT].text);
    decant_model_destroy(pruned);
    decant_dataset_destroy(dataset);
    return status;
}

static int prune_file(const cli_invocation *invocation, decant_prune_options *how)
{
    const option_value *values = invocation->values;
    const char *path = values[PRUNE_OUTPUT].text;
    decant_model *model = NULL;
    decant_prune_report report;
    int exit_status = check_output(invocation->arguments[0], path);
    if (exit_status != 0) return exit_status;
    decant_status status = decant_model_load(invocation->arguments[0], &model);
    if (status != DECANT_OK) return report_failure(status);
    const char *source = values[PRUNE_DATA].given ? values[PRUNE_DATA].text : decant_model_metadata(model, "data");
    if (how->criterion == DECANT_CRITERION_TAYLOR && source == NULL)
        exit_status = usage_error(invocation->verb,
                                  "taylor asks samples, and the file does not say what it was trained on; give --data");
    else if ((status = prune(invocation, model, source, how, &report)) != DECANT_OK)
        exit_status = report_failure(status);
    else if (values[OPTION_JSON].given)
        exit_status = print_json(report_json(path, &report));
    else
        print_report(path, &report);
    decant_model_destroy(model);
    return exit_status;
}

static int run(const cli_invocation *invocation)
{
    const option_value *values = invocation->values;
    decant_prune_options how = decant_prune_options_default();
    if (!values[PRUNE_OUTPUT].given) return usage_error(invocation->verb, "-o FILE says where the smaller model goes");
    if (values[PRUNE_KEEP].given && (!read_share(values[PRUNE_KEEP].text, &how.keep) || how.keep == 0 || how.keep == 1))
        return usage_error(invocation->verb, "--keep wants a share between 0 and 1, not '%s'", values[PRUNE_KEEP].text);
    if (values[PRUNE_MINIMUM].given && !read_share(values[PRUNE_MINIMUM].text, &how.minimum))
        return usage_error(invocation->verb, "--minimum wants a share from 0 to 1, not '%s'",
                           values[PRUNE_MINIMUM].text);
    if (!values[PRUNE_KEEP].given && !values[PRUNE_PARAMETERS].given && !values[PRUNE_MULT_ADDS].given)
        return usage_error(invocation->verb, "a limit is missing: --keep SHARE, --parameters N or --mult-adds N");
    how.parameters = values[PRUNE_PARAMETERS].number; /* 0 when not given */
    how.mult_adds = values[PRUNE_MULT_ADDS].number;
    how.seed = (uint64_t)values[PRUNE_SEED].number;
    if (values[PRUNE_CRITERION].given) {
        decant_status status = decant_criterion_find(values[PRUNE_CRITERION].text, &how.criterion);
        if (status != DECANT_OK) return report_failure(status);
    }
    if (values[PRUNE_SAMPLES].given) how.samples = values[PRUNE_SAMPLES].number;
    if (values[PRUNE_SEED].given && how.criterion != DECANT_CRITERION_TAYLOR &&
        how.criterion != DECANT_CRITERION_RANDOM)
        return usage_error(invocation->verb, "--seed is for --criterion random or taylor");
    for (int option = PRUNE_DATA; option <= PRUNE_THREADS; option++)
        if (values[option].given && how.criterion != DECANT_CRITERION_TAYLOR)
            return usage_error(invocation->verb, "--%s is for --criterion taylor", options[option].name);
    return prune_file(invocation, &how);
}

const cli_verb verb_prune = {
    .name = "prune",
    .arguments = "FILE -o OUTPUT",
    .summary = "removes the channels of a model that matter least",
    .details =
        "At least one limit is needed: --keep, --parameters or --mult-adds. Channels of convolutions and units of "
        "hidden\n"
        "linear layers go, those that belong together (residual sums, depthwise convolutions) together; the "
        "output layer\n"
        "keeps its classes. The criterion taylor asks the data that the model was trained on, the others its weights.\n"
        "The accuracy comes back by training on: a run with `prune:` does both (docs/recipes.md).\n",
    .options = options,
    .n_options = PRUNE_OPTION_COUNT,
    .min_arguments = 1,
    .max_arguments = 1,
    .run = run,
};
