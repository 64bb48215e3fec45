/* What a run's weights are at the start: fresh, those of a trained model (`init`), or of one that is pruned (`prune`).
 */
#include <string.h>

#include "decant/compress.h"
#include "graph/graph.h"
#include "recipe/parse.h"

static decant_status find_source(const dcn_experiment *experiment, int32_t index, const dcn_doc *doc, const char *key,
                                 dcn_start_spec *start)
{
    TRY_RETURN(dcn_trained_parse(experiment, doc, key, &start->run, &start->file));
    if (start->run != index) return DECANT_OK;
    return dcn_doc_fail(doc, DECANT_USAGE, "the run '%s' cannot start from itself", experiment->runs[index].name);
}

/* The failure gets the place of the word. */
static decant_status parse_criterion(const dcn_doc *map, decant_criterion *ret_criterion)
{
    const char *word = NULL;
    const dcn_doc *doc = dcn_doc_get(map, "criterion");
    TRY_RETURN(dcn_schema_text(DCN_SECTION_PRUNE, map, "criterion", &word));
    decant_status status = decant_criterion_find(word, ret_criterion);
    if (status != DECANT_OK && doc != NULL && doc->line > 0) dcn_place("%s:%d:%d", doc->file, doc->line, doc->column);
    return status;
}

static decant_status parse_prune(const dcn_experiment *experiment, int32_t index, const dcn_doc *doc,
                                 dcn_start_spec *start)
{
    const dcn_section section = DCN_SECTION_PRUNE;
    const char *weights = NULL;
    decant_prune_options *prune = &start->prune;
    TRY_RETURN(dcn_schema_check(section, doc));
    TRY_RETURN(find_source(experiment, index, dcn_doc_get(doc, "from"), "from", start));
    TRY_RETURN(dcn_schema_number(section, doc, "keep", &prune->keep));
    TRY_RETURN(dcn_schema_int(section, doc, "parameters", &prune->parameters));
    TRY_RETURN(dcn_schema_int(section, doc, "mult_adds", &prune->mult_adds));
    TRY_RETURN(dcn_schema_number(section, doc, "minimum", &prune->minimum));
    TRY_RETURN(dcn_schema_int(section, doc, "samples", &prune->samples));
    TRY_RETURN(parse_criterion(doc, &prune->criterion));
    if (prune->criterion != DECANT_CRITERION_TAYLOR && dcn_doc_get(doc, "samples") != NULL)
        return dcn_doc_fail(dcn_doc_get(doc, "samples"), DECANT_USAGE, "only the criterion taylor asks samples");
    TRY_RETURN(dcn_schema_text(section, doc, "weights", &weights));
    start->fresh_weights = strcmp(weights, "fresh") == 0;
    if (prune->parameters > 0 || prune->mult_adds > 0 || prune->keep > 0) return DECANT_OK;
    return dcn_doc_fail(doc, DECANT_USAGE, "prune needs a limit: keep, parameters or mult_adds");
}

decant_status dcn_start_parse(const dcn_experiment *experiment, int32_t index, dcn_start_spec *ret_start)
{
    const dcn_doc *init = dcn_doc_get(experiment->runs[index].doc, "init");
    const dcn_doc *prune = dcn_doc_get(experiment->runs[index].doc, "prune");
    dcn_start_spec start = {.run = DCN_NONE};
    if (init != NULL && prune != NULL)
        return dcn_doc_fail(init, DECANT_USAGE, "a pruned run starts from what it prunes; remove init or prune");
    if (init != NULL) {
        start.kind = DCN_START_INIT;
        start.doc = init;
        TRY_RETURN(find_source(experiment, index, init, "init", &start));
    }
    if (prune != NULL) {
        start.kind = DCN_START_PRUNE;
        start.doc = prune;
        TRY_RETURN(parse_prune(experiment, index, prune, &start));
    }
    *ret_start = start;
    return DECANT_OK;
}

/* What was pruned keeps its own network, so the run's model must be the one that it was pruned from. */
static decant_status check_pruned_source(const dcn_experiment *experiment, int32_t index)
{
    const dcn_run_spec *run = &experiment->runs[index];
    if (dcn_experiment_pruned(experiment, index) == DCN_NONE) return DECANT_OK;
    const dcn_run_spec *from = &experiment->runs[run->start.run];
    if (run->model == from->model) return DECANT_OK;
    return dcn_doc_fail(run->start.doc, DECANT_USAGE,
                        "'%s' goes on from '%s', which was pruned, so its model must be '%s', too, not '%s'", run->name,
                        from->name, experiment->models[from->model].name, experiment->models[run->model].name);
}

decant_status dcn_start_resolve_model(dcn_experiment *experiment, int32_t index)
{
    dcn_run_spec *run = &experiment->runs[index];
    const dcn_doc *model = dcn_doc_get(run->doc, "model");
    if (run->start.kind == DCN_START_INIT) return check_pruned_source(experiment, index);
    if (run->start.kind != DCN_START_PRUNE) return DECANT_OK;
    if (run->start.run == DCN_NONE && model == NULL)
        return dcn_doc_fail(run->start.doc, DECANT_USAGE,
                            "runs.RUN needs the key 'model' here: which of the recipe's networks is the one in %s?",
                            run->start.file);
    if (run->start.run == DCN_NONE) return DECANT_OK;
    const dcn_run_spec *from = &experiment->runs[run->start.run];
    if (model != NULL && run->model != from->model)
        return dcn_doc_fail(model, DECANT_USAGE, "'%s' prunes the run '%s', whose model is '%s'; %s", run->name,
                            from->name, experiment->models[from->model].name,
                            run->like != DCN_NONE ? "write `model: null`, for `like` brings one in"
                                                  : "leave the model out");
    run->model = from->model;
    return DECANT_OK;
}

int32_t dcn_experiment_pruned(const dcn_experiment *experiment, int32_t run)
{
    while (run != DCN_NONE && experiment->runs[run].start.kind == DCN_START_INIT)
        run = experiment->runs[run].start.run;
    return run != DCN_NONE && experiment->runs[run].start.kind == DCN_START_PRUNE ? run : DCN_NONE;
}

static bool is_same_text(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static bool is_same_number(double a, double b)
{
    return !(a < b) && !(a > b);
}

bool dcn_experiment_same_network(const dcn_experiment *experiment, int32_t a, int32_t b)
{
    const int32_t pruned_a = dcn_experiment_pruned(experiment, a), pruned_b = dcn_experiment_pruned(experiment, b);
    if (experiment->runs[a].model != experiment->runs[b].model) return false;
    if (pruned_a == DCN_NONE || pruned_b == DCN_NONE) return pruned_a == pruned_b;
    const dcn_start_spec *x = &experiment->runs[pruned_a].start, *y = &experiment->runs[pruned_b].start;
    return x->run == y->run && is_same_text(x->file, y->file) && x->prune.criterion == y->prune.criterion &&
           x->prune.parameters == y->prune.parameters && x->prune.mult_adds == y->prune.mult_adds &&
           x->prune.samples == y->prune.samples && is_same_number(x->prune.keep, y->prune.keep) &&
           is_same_number(x->prune.minimum, y->prune.minimum);
}
