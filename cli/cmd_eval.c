/* decant eval FILE --data SOURCE: how a model does on a data set, and how like a teacher it answers. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "output.h"
#include "overrides.h"
#include "results.h"
#include "verbs.h"

enum { EVAL_DATA = OPTION_COMPUTE_COUNT, EVAL_SPLIT, EVAL_TEACHER, EVAL_OPTION_COUNT };

static const cli_option options[] = {
    [OPTION_JSON] = OPTION_JSON_ROW,
    [OPTION_QUIET] = OPTION_QUIET_ROW,
    [OPTION_DEVICE] = OPTION_DEVICE_ROW,
    [OPTION_THREADS] = OPTION_THREADS_ROW,
    [OPTION_PRECISION] = OPTION_PRECISION_ROW,
    [EVAL_DATA] = {"data", 0, OPTION_TEXT, "SOURCE", 0, 0,
                   "a data set's name or folder, a CSV or .npz file; default: what it was trained on"},
    [EVAL_SPLIT] = {"split", 0, OPTION_TEXT, "PART", 0, 0,
                    "test (the default), or train: all of the training part, what was held out of it included"},
    [EVAL_TEACHER] = {"teacher", 0, OPTION_TEXT, "FILE", 0, 0,
                      "a model file that FILE may have learnt from: how often do they agree?"},
};

static json_t *confusion_json(const decant_evaluation *evaluation)
{
    json_t *confusion = json_array();
    for (int32_t truth = 0; truth < evaluation->n_classes; truth++) {
        json_t *row = json_array();
        for (int32_t c = 0; c < evaluation->n_classes; c++)
            json_array_append_new(row, json_integer(evaluation->confusion[(int64_t)truth * evaluation->n_classes + c]));
        json_array_append_new(confusion, row);
    }
    return confusion;
}

/* Samples of each class that were taken for another. */
static json_t *class_errors_json(const decant_evaluation *evaluation)
{
    json_t *list = json_array();
    for (int32_t truth = 0; truth < evaluation->n_classes; truth++) {
        const int64_t *row = evaluation->confusion + (int64_t)truth * evaluation->n_classes; /* [n_classes] */
        int64_t errors = 0;
        for (int32_t c = 0; c < evaluation->n_classes; c++)
            errors += c != truth ? row[c] : 0;
        json_array_append_new(list, json_integer(errors));
    }
    return list;
}

static const char *name_of_class(const void *model, int32_t index)
{
    return decant_model_class_name(model, index);
}

static json_t *evaluation_json(const decant_evaluation *evaluation, const decant_model *model)
{
    return json_pack("{s:f, s:I, s:I, s:f, s:o, s:o, s:o, s:o, s:o}", "accuracy", evaluation->accuracy, "errors",
                     (json_int_t)evaluation->errors, "count", (json_int_t)evaluation->count, "loss", evaluation->loss,
                     "class_names", class_names_json(name_of_class, model, evaluation->n_classes), "class_errors",
                     class_errors_json(evaluation), "confusion", confusion_json(evaluation), "calibration",
                     calibration_json(&evaluation->measures, true), "fidelity", fidelity_json(&evaluation->measures));
}

static decant_status print_as_text(const decant_evaluation *evaluation, const decant_model *model)
{
    char *text = NULL;
    decant_status status = decant_evaluation_text(evaluation, model, &text);
    if (status == DECANT_OK) print_text(text);
    return status;
}

static int evaluate(const cli_invocation *invocation, const decant_model *model, const char *source, decant_part part)
{
    const option_value *values = invocation->values;
    const decant_compute compute = asked_compute(values);
    decant_model *teacher = NULL;
    decant_dataset *dataset = NULL;
    decant_evaluation *evaluation = NULL;
    int exit_status = 0;
    decant_status status = decant_model_open_data(model, source, &dataset);
    if (status == DECANT_OK && values[EVAL_TEACHER].given)
        status = decant_model_load(values[EVAL_TEACHER].text, &teacher);
    if (status == DECANT_OK)
        status = decant_model_evaluate_beside(model, teacher, &compute, dataset, part, &evaluation);
    if (status == DECANT_OK && values[OPTION_JSON].given)
        exit_status = print_json(evaluation_json(evaluation, model));
    else if (status == DECANT_OK)
        status = print_as_text(evaluation, model);
    if (status != DECANT_OK) exit_status = report_failure(status);
    decant_evaluation_destroy(evaluation);
    decant_dataset_destroy(dataset);
    decant_model_destroy(teacher);
    return exit_status;
}

static int run(const cli_invocation *invocation)
{
    const option_value *values = invocation->values;
    const char *split = values[EVAL_SPLIT].given ? values[EVAL_SPLIT].text : "test";
    bool is_train = strcmp(split, "train") == 0;
    if (!is_train && strcmp(split, "test") != 0)
        return usage_error(invocation->verb, "--split wants test or train, not '%s'", split);

    decant_model *model = NULL;
    decant_status status = decant_model_load(invocation->arguments[0], &model);
    if (status != DECANT_OK) return report_failure(status);
    const char *source = values[EVAL_DATA].given ? values[EVAL_DATA].text : decant_model_metadata(model, "data");
    int exit_status = 0;
    if (source == NULL)
        exit_status = usage_error(invocation->verb, "the file does not say what it was trained on; give --data");
    else
        exit_status = evaluate(invocation, model, source, is_train ? DECANT_PART_TRAIN : DECANT_PART_TEST);
    decant_model_destroy(model);
    return exit_status;
}

const cli_verb verb_eval = {
    .name = "eval",
    .arguments = "FILE [--data SOURCE] [--teacher FILE]",
    .summary = "measures a model file: accuracy, confusion matrix, calibration",
    .details = "FILE is a model.safetensors; it holds the network and the normalisation, so nothing else is needed.\n",
    .options = options,
    .n_options = EVAL_OPTION_COUNT,
    .computes = true,
    .min_arguments = 1,
    .max_arguments = 1,
    .run = run,
};
