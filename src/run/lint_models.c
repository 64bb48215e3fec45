/* Linting of models: what no run trains, odd networks, inputs that are dropped, and the budget. */
#include "run/lint.h"

#include "compress/prune.h"

static bool is_used(const dcn_experiment *experiment, int32_t model)
{
    for (int32_t i = 0; i < experiment->n_runs; i++)
        if (experiment->runs[i].model == model) return true;
    return false;
}

/* What the graph itself knows to be odd, with the model's name and place in front. */
static decant_status lint_graph(const dcn_lint_context *context, int32_t model)
{
    const dcn_model_spec *spec = &context->experiment->models[model];
    dcn_findings found = {0};
    decant_status status = dcn_graph_lint(context->graphs[model], &found);
    for (int32_t i = 0; i < found.count && status == DECANT_OK; i++)
        status = dcn_lint_add(context, spec->doc, found.items[i].severity, "model '%s': %s", spec->name,
                              found.items[i].text);
    dcn_findings_finish(&found);
    return status;
}

/* The node that takes this value, which may be flattened first; NULL when that is not exactly one. */
static const dcn_node *only_reader(const dcn_graph *graph, dcn_value_id value)
{
    const dcn_node_id id = dcn_graph_only_reader(graph, value);
    if (id == DCN_NONE) return NULL;
    const dcn_node *reader = &graph->nodes[id];
    return reader->op == DECANT_OP_FLATTEN ? only_reader(graph, reader->output[0]) : reader;
}

/* A dropped input is 0: the black of bytes, but the mean of inputs that are standardised. */
static decant_status lint_dropped_inputs(const dcn_lint_context *context, int32_t model)
{
    const dcn_model_spec *spec = &context->experiment->models[model];
    const dcn_materials *materials = context->materials;
    const dcn_node *first = only_reader(context->graphs[model], context->graphs[model]->input);
    bool is_shifted = false;
    for (int32_t i = 0; i < materials->norm_channels; i++)
        is_shifted = is_shifted || materials->mean[i] > 0 || materials->mean[i] < 0;
    if (first == NULL || first->op != DECANT_OP_DROPOUT || !is_shifted) return DECANT_OK;
    return dcn_lint_add(context, spec->doc, DECANT_SEVERITY_NOTE,
                        "model '%s' drops inputs, which makes them 0: after data.normalize that is no longer black or "
                        "absent but the mean; normalize: none keeps 0 what it was",
                        spec->name);
}

/* The layer that a cut would pay most in, and what it has. */
static const char *find_largest(const dcn_graph *graph, bool by_work, int64_t *ret_has)
{
    const char *largest = "";
    *ret_has = 0;
    for (dcn_node_id node = 0; node < graph->n_nodes; node++) {
        const dcn_layer_summary layer = dcn_graph_layer(graph, node);
        const int64_t has = by_work ? layer.mult_adds : layer.parameters;
        if (has <= *ret_has) continue;
        largest = layer.name != NULL ? layer.name : "";
        *ret_has = has;
    }
    return largest;
}

/* limit 0: none */
static decant_status lint_limit(const dcn_lint_context *context, int32_t model, bool by_work, int64_t limit)
{
    const dcn_graph *graph = context->deployed[model];
    const int64_t has = by_work ? dcn_graph_mult_adds(graph) : dcn_graph_parameters(graph);
    int64_t most = 0;
    if (limit == 0 || has <= limit) return DECANT_OK;
    const char *largest = find_largest(graph, by_work, &most);
    return dcn_lint_add(context, context->experiment->budget.doc, DECANT_SEVERITY_ERROR,
                        "model '%s' has %lld %s, %lld more than the budget of %lld ('%s' has %lld of them)",
                        context->experiment->models[model].name, (long long)has, by_work ? "mult-adds" : "parameters",
                        (long long)(has - limit), (long long)limit, largest, (long long)most);
}

/* What a run prunes to is known only when the weights are; what it may keep is known now. */
static decant_status lint_pruned_budget(const dcn_lint_context *context, const dcn_run_spec *run)
{
    const dcn_budget_spec *budget = &context->experiment->budget;
    const dcn_graph *source = context->deployed[run->model];
    if (source == NULL) return DECANT_OK;
    decant_prune_options options = run->start.prune;
    if (run->start.run != DCN_NONE && dcn_experiment_pruned(context->experiment, run->start.run) != DCN_NONE)
        options.keep = 0; /* the share of a network that is not known yet */
    const int64_t may_keep = dcn_prune_limit(source, &options), may_cost = options.mult_adds;
    if (budget->mult_adds > 0 && may_cost > budget->mult_adds)
        TRY_RETURN(dcn_lint_add(context, budget->doc, DECANT_SEVERITY_ERROR,
                                "run '%s' may keep %lld mult-adds, %lld more than the budget of %lld", run->name,
                                (long long)may_cost, (long long)(may_cost - budget->mult_adds),
                                (long long)budget->mult_adds));
    if (budget->parameters == 0 || may_keep == INT64_MAX || may_keep <= budget->parameters) return DECANT_OK;
    return dcn_lint_add(context, budget->doc, DECANT_SEVERITY_ERROR,
                        "run '%s' may keep %lld parameters, %lld more than the budget of %lld", run->name,
                        (long long)may_keep, (long long)(may_keep - budget->parameters), (long long)budget->parameters);
}

static decant_status lint_budget(const dcn_lint_context *context)
{
    const dcn_experiment *experiment = context->experiment;
    const dcn_budget_spec *budget = &experiment->budget;
    const int32_t pruned = budget->run != DCN_NONE ? dcn_experiment_pruned(experiment, budget->run) : DCN_NONE;
    const int32_t of_run = budget->run != DCN_NONE ? experiment->runs[budget->run].model : DCN_NONE;
    if (pruned != DCN_NONE) return lint_pruned_budget(context, &experiment->runs[pruned]);
    for (int32_t i = 0; i < experiment->n_models; i++) {
        if (context->deployed[i] == NULL || !(budget->of_model[i] || i == of_run)) continue;
        TRY_RETURN(lint_limit(context, i, false, budget->parameters));
        TRY_RETURN(lint_limit(context, i, true, budget->mult_adds));
    }
    return DECANT_OK;
}

decant_status dcn_lint_models(const dcn_lint_context *context)
{
    const dcn_experiment *experiment = context->experiment;
    for (int32_t i = 0; i < experiment->n_models; i++) {
        if (!is_used(experiment, i))
            TRY_RETURN(dcn_lint_add(context, experiment->models[i].doc, DECANT_SEVERITY_WARNING,
                                    "no run trains the model '%s'", experiment->models[i].name));
        if (context->graphs[i] == NULL) continue;
        TRY_RETURN(lint_graph(context, i));
        TRY_RETURN(lint_dropped_inputs(context, i));
    }
    return lint_budget(context);
}
