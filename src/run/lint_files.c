/* Linting of model files that runs start from or are taught by: were they made for this data, and did they learn from
 * rows that are tested today? */
#include "run/lint.h"

#include <math.h>
#include <string.h>

#include "base/characters.h"
#include "base/text.h"
#include "data/files.h"
#include "data/source.h"

bool dcn_lint_is_normalized_alike(const dcn_normalization *trained, const dcn_materials *materials)
{
    if (trained->channels != materials->norm_channels) return false;
    for (int32_t i = 0; i < trained->channels; i++) {
        const float distance = fabsf(trained->mean[i] - materials->mean[i]),
                    ratio = trained->std[i] / materials->std[i];
        if (!(distance < 1e-3f * materials->std[i] && ratio < 1.0001f && ratio > 0.9999f)) return false;
    }
    return true;
}

/* A student that starts from other classes learns its own; one that is taught them in another order learns nothing. */
static decant_status lint_classes(const dcn_lint_context *context, const dcn_model_source *source)
{
    const decant_dataset *dataset = context->materials->dataset;
    char *const *theirs = source->model->class_names, *const *ours = dataset->class_names;
    if (theirs == NULL || ours == NULL || source->model->n_classes != dataset->n_classes) return DECANT_OK;
    for (int32_t c = 0; c < dataset->n_classes; c++) {
        if (strcmp(theirs[c], ours[c]) == 0) continue;
        return dcn_lint_add(
            context, source->place, source->is_teacher ? DECANT_SEVERITY_ERROR : DECANT_SEVERITY_WARNING,
            "%s%s was trained on other classes or in another order: its class %d is \"%s\", that of %s "
            "\"%s\"",
            source->is_teacher ? "the teacher " : "", source->file, (int)c, theirs[c], dataset->name, ours[c]);
    }
    return DECANT_OK;
}

/* --- tables --- */

static bool is_same_column(const dcn_column *a, const dcn_column *b)
{
    bool same = strcmp(a->name, b->name) == 0 && a->kind == b->kind && a->n_categories == b->n_categories;
    for (int32_t i = 0; same && i < a->n_categories; i++)
        same = strcmp(a->categories[i], b->categories[i]) == 0;
    return same;
}

static decant_status lint_columns(const dcn_lint_context *context, const dcn_model_source *source,
                                  const dcn_encoder *theirs)
{
    const dcn_encoder *ours = context->materials->dataset->encoder;
    for (int32_t i = 0; i < theirs->n_columns || i < ours->n_columns; i++) {
        const dcn_column *their = i < theirs->n_columns ? &theirs->columns[i] : NULL;
        const dcn_column *our = i < ours->n_columns ? &ours->columns[i] : NULL;
        if (their != NULL && our != NULL && is_same_column(their, our)) continue;
        return dcn_lint_add(context, source->place, DECANT_SEVERITY_ERROR,
                            "%s was trained on a table whose column %d is \"%s\", this one's is \"%s\"%s; columns, "
                            "their order and their categories must be the same",
                            source->file, (int)i + 1, their != NULL ? their->name : "(none)",
                            our != NULL ? our->name : "(none)",
                            their != NULL && our != NULL && strcmp(their->name, our->name) == 0
                                ? " with other categories or of another kind"
                                : "");
    }
    return DECANT_OK;
}

/* --- what was tested then and is now --- */

static bool is_same_share(double a, double b)
{
    return fabs(a - b) < 1e-12;
}

#define REASON_TEXT 160

/* `certain`: the parts are known to differ; else the data has changed, and with it what is drawn. */
static decant_status add_leak(const dcn_lint_context *context, const dcn_model_source *source, const char *kind,
                              bool certain, const char *reason)
{
    const bool allowed = context->experiment->data.allow_overlap;
    return dcn_lint_add(context, source->place, allowed ? DECANT_SEVERITY_WARNING : DECANT_SEVERITY_ERROR,
                        "%s learnt from %s that %s tested here: %s%s%s", source->file, kind, certain ? "are" : "may be",
                        reason,
                        allowed   ? "; data.allow_overlap lets that pass"
                        : certain ? "; part it so again"
                                  : "; train it anew",
                        allowed ? "" : ", or set data.allow_overlap: true");
}

static decant_status add_changed(const dcn_lint_context *context, const dcn_model_source *source, const char *kind)
{
    const char *name = context->materials->dataset->name;
    char reason[REASON_TEXT];
    TRY_RETURN(dcn_format(reason, sizeof reason, "%.*s has changed since then, so others are drawn",
                          (int)dcn_text_cut(name, strlen(name), 80), name));
    return add_leak(context, source, kind, false, reason);
}

/* unlabelled: the share that was set aside then; below 0 where it is no matter. */
static decant_status add_parted(const dcn_lint_context *context, const dcn_model_source *source, const char *kind,
                                double test, double unlabelled, uint64_t seed)
{
    char reason[REASON_TEXT], pool[40] = "";
    if (unlabelled >= 0) TRY_RETURN(dcn_format(pool, sizeof pool, ", unlabelled: %g", unlabelled));
    TRY_RETURN(dcn_format(reason, sizeof reason, "the same data was parted with test: %g%s and seed: %llu then", test,
                          pool, (unsigned long long)seed));
    return add_leak(context, source, kind, true, reason);
}

/* The model's data stood where this recipe's does. */
static bool has_same_source(const dcn_lint_context *context, const dcn_model_source *source)
{
    const char *name = dcn_model_metadata(source->model, "data");
    return name != NULL && dcn_source_is_same(name, context->materials->dataset->name);
}

/* The test rows are drawn from what the pool leaves. */
static bool is_parted_alike(const dcn_parting *then, const dcn_parting *now)
{
    return then->test_path == NULL && then->seed == now->seed && is_same_share(then->test, now->test) &&
           is_same_share(then->unlabelled, now->unlabelled);
}

static decant_status lint_parting(const dcn_lint_context *context, const dcn_model_source *source,
                                  const dcn_parting *then)
{
    const dcn_parting *now = &context->materials->dataset->encoder->parting;
    if (now->test_path != NULL || then->file_hash[0] == '\0') return DECANT_OK;
    const bool same_file = strcmp(then->file_hash, now->file_hash) == 0;
    const bool same_rows = same_file || (then->rows_hash[0] != '\0' && strcmp(then->rows_hash, now->rows_hash) == 0);
    if (!same_rows && then->rows_hash[0] != '\0' && strcmp(then->any_order_hash, now->any_order_hash) == 0)
        return add_leak(context, source, "rows", false,
                        "the same rows stood in another order then, so others are drawn");
    if (!same_rows) return has_same_source(context, source) ? add_changed(context, source, "rows") : DECANT_OK;
    if (is_parted_alike(then, now)) return DECANT_OK;
    const bool same_pool = is_same_share(then->unlabelled, now->unlabelled);
    return add_parted(context, source, "rows", then->test, same_pool ? -1 : then->unlabelled, then->seed);
}

static decant_status lint_table(const dcn_lint_context *context, const dcn_model_source *source)
{
    dcn_encoder *encoder = NULL;
    const char *text = dcn_model_metadata(source->model, DCN_TABLE_METADATA);
    if (text == NULL || context->materials->dataset->encoder == NULL) return DECANT_OK;
    decant_status status = dcn_encoder_from_json(text, &encoder);
    if (status != DECANT_OK) return dcn_lint_failure(context, source->place, status);
    TRY(lint_columns(context, source, encoder));
    TRY(lint_parting(context, source, &encoder->parting));
out:
    dcn_encoder_destroy(encoder);
    return status;
}

/* Pictures and arrays whose test part is drawn from the training files. */
static decant_status lint_drawn(const dcn_lint_context *context, const dcn_model_source *source)
{
    const char *theirs = dcn_model_metadata(source->model, DCN_FILES_METADATA);
    const char *ours = context->materials->dataset->reading;
    dcn_files_options then, now;
    dcn_arena *arena = NULL;
    if (theirs == NULL || ours == NULL) return DECANT_OK;
    decant_status status = dcn_arena_create(&arena);
    if (status != DECANT_OK) goto out;
    status = dcn_files_from_json(arena, theirs, &then);
    if (status != DECANT_OK) {
        status = dcn_lint_failure(context, source->place, status);
        goto out;
    }
    TRY(dcn_files_from_json(arena, ours, &now));
    const bool is_known = then.tested[0] != '\0'; /* else the file is of before this was kept */
    if (now.test <= 0 || strcmp(then.tested, now.tested) == 0) goto out;
    const bool is_same = strcmp(then.content, now.content) == 0 || has_same_source(context, source);
    if (!is_same_share(then.test, now.test) || then.seed != now.seed) {
        if (is_same) TRY(add_parted(context, source, "samples", then.test, -1, then.seed));
    } else if (is_known && is_same) {
        TRY(add_changed(context, source, "samples"));
    }
out:
    dcn_arena_destroy(arena);
    return status;
}

decant_status dcn_lint_model_file(const dcn_lint_context *context, const dcn_model_source *source)
{
    if (!dcn_lint_is_normalized_alike(&source->model->normalization, context->materials))
        TRY_RETURN(dcn_lint_add(context, source->place, DECANT_SEVERITY_ERROR,
                                "%s%s was trained on inputs normalised in another way than this recipe's; set "
                                "data.normalize to its mean and std, which `decant summary %s --json` shows",
                                source->is_teacher ? "the teacher " : "", source->file, source->file));
    TRY_RETURN(lint_classes(context, source));
    if (dcn_model_metadata(source->model, "data") == NULL)
        TRY_RETURN(
            dcn_lint_add(context, source->place, DECANT_SEVERITY_NOTE,
                         "%s does not say what it was trained on: whether it has seen what is tested here cannot "
                         "be told",
                         source->file));
    TRY_RETURN(lint_table(context, source));
    return lint_drawn(context, source);
}
