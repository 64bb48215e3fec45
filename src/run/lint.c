/* Linting: the data's part of it, and putting places before findings. Models and runs are in lint_models.c,
 * lint_runs.c, lint_start.c and lint_training.c. */
#include "run/lint.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/characters.h"
#include "base/file.h"
#include "base/folder.h"
#include "base/memory.h"
#include "base/text.h"
#include "compress/fold.h"
#include "data/encoder.h"
#include "data/statistics.h"

/* Given statistics further from the training split's than this are another data set's. */
#define MEAN_SLACK      0.1f /* in deviations */
#define STD_SLACK       1.2f /* as a factor */
#define PUBLISHED_SHARE 200  /* one test sample in so many may be identical to another under a known name */

decant_status dcn_lint_add(const dcn_lint_context *context, const dcn_doc *place, decant_severity severity,
                           const char *format, ...)
{
    char message[768];
    va_list arguments;
    va_start(arguments, format);
    dcn_format_list(message, sizeof message, format, arguments);
    va_end(arguments);
    if (place == NULL || place->file == NULL)
        return dcn_findings_add_at(context->findings, severity, context->experiment->file, 0, 0, message);
    return dcn_findings_add_at(context->findings, severity, place->file, place->line, place->column, message);
}

decant_status dcn_lint_failure(const dcn_lint_context *context, const dcn_doc *place, decant_status status)
{
    if (status == DECANT_OK || status == DECANT_NO_MEMORY || status == DECANT_INTERNAL) return status;
    /* Copied, for adding a finding may fail and write the record anew. */
    char text[1024], file[256];
    /* The innermost; the outermost says no more than that data is opened. */
    const char *during = decant_error_while_count() > 1 ? decant_error_while(0) : NULL;
    const int line = decant_error_line(), column = decant_error_column();
    snprintf(file, sizeof file, "%s", decant_error_file());
    if (file[0] == '\0' && during != NULL) /* a failure in a file of data, of which the recipe's line says nothing */
        snprintf(text, sizeof text, "%s (while %s)", decant_error_message(), during);
    else
        snprintf(text, sizeof text, "%s", decant_error_message());
    if (file[0] == '\0') return dcn_lint_add(context, place, DECANT_SEVERITY_ERROR, "%s", text);
    return dcn_findings_add_at(context->findings, DECANT_SEVERITY_ERROR, file, line, column, text);
}

decant_status dcn_lint_load(const dcn_lint_context *context, const dcn_doc *place, const char *file,
                            decant_model **ret_model)
{
    char message[1024];
    char *inside = NULL; /* of a run's folder */
    *ret_model = NULL;
    decant_status status = dcn_model_load(file, ret_model);
    if (status == DECANT_OK) return status;
    if (status == DECANT_NO_MEMORY || status == DECANT_INTERNAL || decant_error_file()[0] != '\0')
        return dcn_lint_failure(context, place, status);
    snprintf(message, sizeof message, "%s", decant_error_message()); /* adding a finding may write the record anew */
    TRY_RETURN(dcn_path_join(file, "model.safetensors", &inside));
    const bool has_name = strstr(message, file) != NULL;
    if (dcn_file_exists(inside))
        status = dcn_lint_add(context, place, DECANT_SEVERITY_ERROR, "%s is the folder of a run; its model is %s", file,
                              inside);
    else
        status = dcn_lint_add(context, place, DECANT_SEVERITY_ERROR, "%s%s%s", has_name ? "" : file,
                              has_name ? "" : ": ", message);
    dcn_free(inside);
    return status;
}

/* --- data --- */

/* Rows may be the same only because their numbers no longer differ; "" where none are so large. */
static decant_status hint_at_identifier(const dcn_encoder *encoder, char *ret_hint, size_t bytes)
{
    ret_hint[0] = '\0';
    for (int32_t i = 0; encoder != NULL && i < encoder->n_columns; i++) {
        const char *name = encoder->columns[i].name;
        if (encoder->columns[i].is_large)
            return dcn_format(ret_hint, bytes,
                              ". The column '%.*s' goes beyond 16,777,216, where f32 takes neighbours for the same: "
                              "if it is an identifier, drop it",
                              (int)dcn_text_cut(name, strlen(name), 40), name);
    }
    return DECANT_OK;
}

bool dcn_lint_is_excused(const dcn_lint_context *context, int64_t count)
{
    return context->experiment->data.source_kind == DCN_SOURCE_NAMED &&
           count <= context->materials->dataset->test.count / PUBLISHED_SHARE;
}

static decant_status lint_overlap(const dcn_lint_context *context)
{
    const dcn_data_spec *data = &context->experiment->data;
    const dcn_overlap *overlap = &context->materials->overlap;
    const char *name = context->materials->dataset->name;
    char hint[160];
    TRY_RETURN(hint_at_identifier(context->materials->dataset->encoder, hint, sizeof hint));
    const struct {
        int64_t count;
        const char *where;
    } parts[] = {{overlap->train_test, "the test part also stand in the training split"},
                 {overlap->validation_test, "the test part also stand in the validation split"},
                 {overlap->train_validation, "the validation split also stand in the training split"}};
    for (size_t i = 0; i < DCN_COUNT(parts); i++) {
        if (parts[i].count == 0) continue;
        if (dcn_lint_is_excused(context, parts[i].count))
            TRY_RETURN(dcn_lint_add(context, data->doc, DECANT_SEVERITY_NOTE,
                                    "%s as published holds identical images: %lld samples of %s", name,
                                    (long long)parts[i].count, parts[i].where));
        else if (data->allow_overlap)
            TRY_RETURN(
                dcn_lint_add(context, data->doc, DECANT_SEVERITY_WARNING,
                             "%lld samples of %s, which data.allow_overlap lets pass: the test accuracy is too good",
                             (long long)parts[i].count, parts[i].where));
        else
            TRY_RETURN(dcn_lint_add(context, data->doc, DECANT_SEVERITY_ERROR,
                                    "%lld samples of %s; remove them, or set data.allow_overlap: true%s",
                                    (long long)parts[i].count, parts[i].where, hint));
    }
    return DECANT_OK;
}

/* What was made of a table, which nobody spelt out. */
static decant_status lint_table(const dcn_lint_context *context)
{
    const decant_dataset *dataset = context->materials->dataset;
    const dcn_encoder *encoder = dataset->encoder;
    int32_t numbers = 0;
    if (encoder == NULL) return DECANT_OK;
    for (int32_t i = 0; i < encoder->n_columns; i++)
        numbers += encoder->columns[i].kind == DCN_COLUMN_NUMERIC;
    TRY_RETURN(dcn_lint_add(context, context->experiment->data.doc, DECANT_SEVERITY_NOTE,
                            "%s: %d inputs from %d numeric and %d category columns; %lld empty cells of the training "
                            "rows were filled",
                            dataset->name, encoder->n_inputs, numbers, encoder->n_columns - numbers,
                            (long long)encoder->n_filled));
    return dcn_lint_add(context, context->experiment->data.doc, DECANT_SEVERITY_NOTE,
                        "%s: %lld rows to train on, %lld for validation, %lld to test, %lld set aside unlabelled",
                        dataset->name, (long long)context->materials->split.n_train,
                        (long long)context->materials->split.n_validation, (long long)dataset->test.count,
                        (long long)dataset->n_unlabelled);
}

/* Given statistics serve a teacher that was trained with them; for anything else they are usually another data set's.
 */
static decant_status lint_normalization(const dcn_lint_context *context)
{
    const dcn_data_spec *data = &context->experiment->data;
    const dcn_materials *materials = context->materials;
    if (data->normalize != DCN_NORMALIZE_GIVEN) return DECANT_OK;
    const int32_t channels = dcn_statistics_channels(materials->dataset);
    float *mean = NULL, *std = NULL; /* [channels] of the training split */
    decant_status status = dcn_new_array((size_t)channels, sizeof *mean, (void **)&mean);
    if (status != DECANT_OK) goto out;
    TRY(dcn_new_array((size_t)channels, sizeof *std, (void **)&std));
    TRY(dcn_statistics(materials->dataset, materials->split.train, materials->split.n_train, mean, std));
    for (int32_t c = 0; c < channels; c++) {
        const int32_t given = materials->norm_channels == 1 ? 0 : c;
        const float given_mean = materials->mean[given], given_std = materials->std[given];
        const bool alike = fabsf(given_mean - mean[c]) <= MEAN_SLACK * std[c] && given_std >= std[c] / STD_SLACK &&
                           given_std <= std[c] * STD_SLACK;
        if (alike) continue;
        TRY(dcn_lint_add(context, dcn_doc_get(data->doc, "normalize"), DECANT_SEVERITY_NOTE,
                         "data.normalize gives channel %d mean %.4g and std %.4g, but the training split has %.4g and "
                         "%.4g; `normalize: train` would use those",
                         c, (double)given_mean, (double)given_std, (double)mean[c], (double)std[c]));
        break;
    }
out:
    dcn_free(std);
    dcn_free(mean);
    return status;
}

/* What chooses the epoch should not be larger than what is trained on. */
static decant_status lint_validation(const dcn_lint_context *context)
{
    const dcn_split *split = &context->materials->split;
    if (split->n_validation <= split->n_train) return DECANT_OK;
    return dcn_lint_add(context, dcn_doc_get(context->experiment->data.doc, "validation"), DECANT_SEVERITY_WARNING,
                        "validation holds out %lld samples, more than the %lld that are left to train on",
                        (long long)split->n_validation, (long long)split->n_train);
}

/* What no test sample has, the accuracy says nothing about. */
static decant_status lint_untested(const dcn_lint_context *context)
{
    const decant_dataset *dataset = context->materials->dataset;
    int64_t *counts = NULL, untested = 0;
    int32_t first = 0;
    char number[16];
    TRY_RETURN(dcn_new_array((size_t)dataset->n_classes, sizeof *counts, (void **)&counts));
    for (int64_t i = 0; i < dataset->test.count; i++)
        counts[dataset->test.labels[i]]++;
    for (int32_t c = dataset->n_classes - 1; c >= 0; c--) {
        if (counts[c] > 0) continue;
        untested++;
        first = c;
    }
    dcn_free(counts);
    if (untested == 0) return DECANT_OK;
    snprintf(number, sizeof number, "%d", (int)first);
    return dcn_lint_add(context, context->experiment->data.doc, DECANT_SEVERITY_WARNING,
                        "%lld of the %d classes have no test sample ('%s' is one): what is measured says nothing about "
                        "them",
                        (long long)untested, (int)dataset->n_classes,
                        dataset->class_names != NULL ? dataset->class_names[first] : number);
}

static decant_status lint_data(const dcn_lint_context *context)
{
    const dcn_data_spec *data = &context->experiment->data;
    TRY_RETURN(dcn_lint_augment(context, dcn_doc_get(data->doc, "augment"), &data->augment));
    TRY_RETURN(lint_validation(context));
    TRY_RETURN(lint_untested(context));
    TRY_RETURN(lint_normalization(context));
    TRY_RETURN(lint_table(context));
    return lint_overlap(context);
}

/* --- all --- */

static decant_status build_graphs(const dcn_lint_context *context)
{
    for (int32_t i = 0; i < context->experiment->n_models; i++) {
        decant_status status =
            dcn_materials_graph(context->experiment, i, context->materials->dataset, &context->graphs[i]);
        TRY_RETURN(dcn_lint_failure(context, context->experiment->models[i].doc, status));
        if (context->graphs[i] != NULL)
            TRY_RETURN(dcn_fold_graph(context->graphs[i], DCN_FOLD_BOTTLENECKS, &context->deployed[i]));
    }
    return DECANT_OK;
}

decant_status dcn_lint_with(const dcn_materials *materials, dcn_findings *findings)
{
    const dcn_experiment *experiment = materials->experiment;
    dcn_lint_context context = {.experiment = experiment, .materials = materials, .findings = findings};
    decant_status status =
        dcn_new_array((size_t)experiment->n_models, sizeof *context.graphs, (void **)&context.graphs);
    if (status != DECANT_OK) goto out;
    TRY(dcn_new_array((size_t)experiment->n_models, sizeof *context.deployed, (void **)&context.deployed));
    TRY(dcn_new_array((size_t)experiment->n_runs, sizeof *context.n_samples, (void **)&context.n_samples));
    TRY(dcn_new_array((size_t)experiment->n_runs, sizeof *context.n_classes, (void **)&context.n_classes));
    TRY(dcn_lint_settings(&context));
    TRY(lint_data(&context));
    TRY(build_graphs(&context));
    TRY(dcn_lint_models(&context));
    TRY(dcn_lint_runs(&context));
out:
    for (int32_t i = 0; context.graphs != NULL && i < experiment->n_models; i++)
        dcn_graph_destroy(context.graphs[i]);
    for (int32_t i = 0; context.deployed != NULL && i < experiment->n_models; i++)
        dcn_graph_destroy(context.deployed[i]);
    dcn_free(context.deployed);
    dcn_free(context.graphs);
    dcn_free(context.n_samples);
    dcn_free(context.n_classes);
    return status;
}

decant_status dcn_lint(const dcn_experiment *experiment, dcn_findings *findings)
{
    dcn_materials *materials = NULL;
    const dcn_lint_context context = {.experiment = experiment, .findings = findings};
    decant_status status = dcn_materials_create(experiment, &materials);
    if (status != DECANT_OK) {
        TRY(dcn_lint_failure(&context, experiment->data.doc, status));
        status = dcn_lint_settings(&context);
        goto out;
    }
    TRY(dcn_lint_with(materials, findings));
out:
    dcn_materials_destroy(materials);
    return status;
}
