/* Linting of where runs start: seeds that meet, networks that are the same, and pruning that can be done. */
#include "run/lint.h"

#include <string.h>

#include "base/text.h"
#include "compress/prune.h"
#include "run/start.h"

/* Another network than the run's has no use for its weights. */
static decant_status lint_network(const dcn_lint_context *context, const dcn_run_spec *run, const char *source,
                                  const dcn_graph *found)
{
    char difference[DCN_DIFFERENCE_TEXT];
    const dcn_graph *wanted = context->graphs[run->model];
    if (wanted == NULL || found == NULL) return DECANT_OK;
    if (run->start.kind == DCN_START_PRUNE) wanted = context->deployed[run->model];
    if (dcn_start_fits(wanted, found, difference)) return DECANT_OK;
    return dcn_lint_add(context, run->start.doc, DECANT_SEVERITY_ERROR,
                        "run '%s' starts from %s, which is another network than its model '%s': %s", run->name, source,
                        context->experiment->models[run->model].name, difference);
}

/* Whether the limits can be met is a matter of the network, not of its weights. */
static decant_status lint_prune(const dcn_lint_context *context, const dcn_run_spec *run, const dcn_graph *source)
{
    if (run->start.kind != DCN_START_PRUNE || source == NULL) return DECANT_OK;
    return dcn_lint_failure(context, run->start.doc, dcn_prune_check(source, &run->start.prune));
}

static decant_status lint_start_run(const dcn_lint_context *context, const dcn_run_spec *run)
{
    const dcn_experiment *experiment = context->experiment;
    const dcn_run_spec *from = &experiment->runs[run->start.run];
    char source[96];
    TRY_RETURN(dcn_lint_seeds(context, run, from, run->start.doc, "its source", "give that one seed or the same"));
    if (dcn_experiment_pruned(experiment, run->start.run) != DCN_NONE) return DECANT_OK; /* known when it was made */
    TRY_RETURN(dcn_format(source, sizeof source, "the run '%s'", from->name));
    if (run->start.kind == DCN_START_INIT) return lint_network(context, run, source, context->deployed[from->model]);
    return lint_prune(context, run, context->deployed[from->model]);
}

static decant_status lint_start_file(const dcn_lint_context *context, const dcn_run_spec *run)
{
    const dcn_doc *place = run->start.doc;
    decant_model *source = NULL;
    decant_status status = dcn_lint_load(context, place, run->start.file, &source);
    if (source == NULL) return status;
    const dcn_model_source file = {run->start.file, source, place, false};
    TRY(dcn_lint_model_file(context, &file));
    TRY(lint_network(context, run, run->start.file, source->graph));
    TRY(lint_prune(context, run, source->graph));
out:
    dcn_model_destroy(source);
    return status;
}

/* Whether some seed of the run starts from what teaches it: both are of the run's `init`. */
static bool is_own_seed(const dcn_lint_context *context, const dcn_run_spec *run, const dcn_teacher_spec *teacher)
{
    const dcn_run_spec *from = &context->experiment->runs[run->start.run];
    for (int32_t i = 0; i < run->n_seeds && teacher->seeds == DCN_TEACHER_ONE; i++)
        if (dcn_own_seed(from, run->seeds[i]) == teacher->seed) return true;
    return teacher->seeds == DCN_TEACHER_OWN;
}

/* A student that starts as its teacher has nothing to learn from it. */
static decant_status lint_own_teacher(const dcn_lint_context *context, const dcn_run_spec *run)
{
    if (run->start.kind != DCN_START_INIT || run->is_ensemble || run->n_teachers != 1) return DECANT_OK;
    const dcn_teacher_spec *teacher = &run->teachers[0];
    const bool is_file = teacher->file != NULL && run->start.file != NULL;
    const bool is_run = teacher->file == NULL && run->start.file == NULL && teacher->run == run->start.run;
    const bool same_file = is_file && strcmp(teacher->file, run->start.file) == 0;
    if (!same_file && !(is_run && is_own_seed(context, run, teacher))) return DECANT_OK;
    return dcn_lint_add(context, run->start.doc, DECANT_SEVERITY_ERROR,
                        "run '%s' starts with the weights of its teacher, so there is nothing to distil; start from "
                        "another, or leave init out",
                        run->name);
}

decant_status dcn_lint_start(const dcn_lint_context *context, int32_t index)
{
    const dcn_run_spec *run = &context->experiment->runs[index];
    if (run->start.run != DCN_NONE) TRY_RETURN(lint_start_run(context, run));
    if (run->start.file != NULL) TRY_RETURN(lint_start_file(context, run));
    return lint_own_teacher(context, run);
}
