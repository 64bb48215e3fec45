/* decant predict FILE INPUT...: the classes of samples. */
#include <inttypes.h>
#include <stdio.h>

#include "inputs.h"
#include "output.h"
#include "overrides.h"
#include "verbs.h"

static const cli_option options[] = {
    [OPTION_JSON] = OPTION_JSON_ROW,           [OPTION_QUIET] = OPTION_QUIET_ROW,
    [OPTION_DEVICE] = OPTION_DEVICE_ROW,       [OPTION_THREADS] = OPTION_THREADS_ROW,
    [OPTION_PRECISION] = OPTION_PRECISION_ROW,
};

/* One input's predictions. */
typedef struct predicted {
    const decant_model *model;
    const char *word;
    const cli_inputs *inputs;
    const float *probabilities; /* [count, classes] */
} predicted;

static const char *class_text(const decant_model *model, int32_t class, char buffer[16])
{
    const char *name = decant_model_class_name(model, class);
    snprintf(buffer, 16, "%d", class);
    return name != NULL ? name : buffer;
}

static int32_t likeliest(const float *row, int32_t classes)
{
    int32_t best = 0;
    for (int32_t class = 1; class < classes; class ++)
        if (row[class] > row[best]) best = class;
    return best;
}

static bool has_label(const cli_inputs *inputs, int64_t index)
{
    return inputs->labels != NULL && inputs->labels[index] >= 0;
}

static int print_row_json(const predicted *prediction, int64_t index, const float *row, int32_t best)
{
    char buffer[16];
    const cli_inputs *inputs = prediction->inputs;
    json_t *probabilities = json_array();
    for (int32_t class = 0; class < decant_model_class_count(prediction->model); class ++)
        json_array_append_new(probabilities, json_real((double)row[class]));
    json_t *json = json_pack("{s:o, s:I, s:i, s:s, s:f, s:o}", "input", text_json(prediction->word), "index",
                             (json_int_t)(inputs->first + index), "class", best, "name",
                             class_text(prediction->model, best, buffer), "probability", (double)row[best],
                             "probabilities", probabilities);
    if (has_label(inputs, index)) json_object_set_new(json, "label", json_integer(inputs->labels[index]));
    return print_json(json);
}

static void print_row(const predicted *prediction, int64_t index, const float *row, int32_t best)
{
    char buffer[16], truth[16];
    const cli_inputs *inputs = prediction->inputs;
    print_line_part(stdout, prediction->word);
    if (!inputs->is_single) printf(" #%" PRId64, inputs->first + index);
    printf(": ");
    print_line_part(stdout, class_text(prediction->model, best, buffer));
    printf(" %.2f %%", 100 * (double)row[best]);
    if (has_label(inputs, index) && inputs->labels[index] != best) {
        printf(" (wrong: it is ");
        print_line_part(stdout, class_text(prediction->model, inputs->labels[index], truth));
        putchar(')');
    }
    putchar('\n');
}

static int print_rows(const predicted *prediction, bool json)
{
    int32_t classes = decant_model_class_count(prediction->model);
    int exit_status = 0;
    for (int64_t i = 0; i < prediction->inputs->samples.shape.dim[0] && exit_status == 0; i++) {
        const float *row = prediction->probabilities + i * classes;
        int32_t best = likeliest(row, classes);
        if (json)
            exit_status = print_row_json(prediction, i, row, best);
        else
            print_row(prediction, i, row, best);
    }
    return exit_status;
}

static int predict(const cli_invocation *invocation, const decant_model *model, const char *word)
{
    const option_value *values = invocation->values;
    const decant_compute compute = asked_compute(values);
    decant_tensor probabilities = {0}; /* [count, classes] */
    cli_inputs inputs = {0};
    int exit_status = inputs_open(word, model, &inputs);
    if (exit_status == 0) {
        decant_shape shape = {.rank = 2, .dim = {inputs.samples.shape.dim[0], decant_model_class_count(model)}};
        decant_status status = decant_tensor_create(DECANT_F32, &shape, &probabilities);
        if (status == DECANT_OK) status = decant_model_predict(model, &compute, &inputs.samples, probabilities.data);
        const predicted prediction = {model, word, &inputs, probabilities.data};
        exit_status = status == DECANT_OK ? print_rows(&prediction, values[OPTION_JSON].given) : report_failure(status);
    }
    decant_tensor_destroy(&probabilities);
    inputs_finish(&inputs);
    return exit_status;
}

static int run(const cli_invocation *invocation)
{
    decant_model *model = NULL;
    decant_status status = decant_model_load(invocation->arguments[0], &model);
    if (status != DECANT_OK) return report_failure(status);
    int exit_status = 0;
    for (int32_t i = 1; i < invocation->n_arguments && exit_status == 0; i++)
        exit_status = predict(invocation, model, invocation->arguments[i]);
    decant_model_destroy(model);
    return exit_status;
}

const cli_verb verb_predict = {
    .name = "predict",
    .arguments = "FILE INPUT...",
    .summary = "names the classes of samples, with their probabilities",
    .details = "An INPUT is one of\n"
               "  cat.png, cat.jpg          a picture; resized where the training pictures were\n"
               "  images.npy:0-9            uint8 (0 to 255) or floats (0 to 1): one sample, or many\n"
               "  images-idx3-ubyte:0-9     samples of an IDX file, gzipped or plain; all of them without a range\n"
               "  fashion-mnist:test:0-9    samples of a data set\n"
               "  rows.csv:0-9              raw rows of a table, for a model that was trained on one\n",
    .options = options,
    .n_options = OPTION_COMPUTE_COUNT,
    .computes = true,
    .min_arguments = 2,
    .max_arguments = -1,
    .run = run,
};
