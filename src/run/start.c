/* Makes what a run trains at its start. */
#include "run/start.h"

#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "compress/fold.h"
#include "compress/prune.h"
#include "tensor/shape.h"

decant_status dcn_start_open(const char *path, dcn_start *ret_start)
{
    dcn_start start = {0};
    dcn_hash hash;
    if (path != NULL) {
        decant_status status = dcn_model_load_hashed(path, &hash, &start.source);
        if (status != DECANT_OK) {
            dcn_while("loading the model to start from, %s", path);
            return status;
        }
        dcn_hash_hex(hash, start.hex);
    }
    *ret_start = start;
    return DECANT_OK;
}

void dcn_start_finish(dcn_start *start)
{
    dcn_model_destroy(start->source);
    *start = (dcn_start){0};
}

/* Between networks of one fingerprint, whose layers come in one order; names may differ. */
static void copy_weights(const decant_model *from, decant_model *to)
{
    for (dcn_node_id n = 0; n < from->graph->n_nodes; n++) {
        const dcn_node *source = &from->graph->nodes[n], *target = &to->graph->nodes[n];
        for (int32_t i = 0; i < source->n_inputs; i++) {
            const float *data = from->data[source->input[i]];
            const size_t count = (size_t)decant_shape_count(&from->graph->values[source->input[i]].shape);
            if (data != NULL) memcpy(to->data[target->input[i]], data, count * sizeof *data);
        }
    }
}

/* "'3' (linear, [1, 10])", or "nothing" behind the last layer. */
static void describe_layer(const dcn_graph *graph, dcn_node_id node, char *text, size_t bytes)
{
    char shape[DCN_SHAPE_TEXT];
    snprintf(text, bytes, "nothing");
    if (node >= graph->n_nodes) return;
    const dcn_layer_summary layer = dcn_graph_layer(graph, node);
    snprintf(text, bytes, "'%.40s' (%s, %s)", layer.name != NULL ? layer.name : "", layer.op,
             dcn_shape_text(&layer.output, shape));
}

bool dcn_start_fits(const dcn_graph *wanted, const dcn_graph *found, char ret_difference[DCN_DIFFERENCE_TEXT])
{
    char ours[DCN_HASH_HEX], theirs[DCN_HASH_HEX], here[150], there[150];
    dcn_graph_fingerprint(wanted, ours);
    dcn_graph_fingerprint(found, theirs);
    if (strcmp(ours, theirs) == 0) return true;
    const dcn_node_id node = dcn_graph_first_difference(wanted, found);
    snprintf(ret_difference, DCN_DIFFERENCE_TEXT, "they take other inputs");
    if (node == DCN_NONE) return false;
    describe_layer(wanted, node, here, sizeof here);
    describe_layer(found, node, there, sizeof there);
    snprintf(ret_difference, DCN_DIFFERENCE_TEXT, "it has %s where the model has %s", there, here);
    return false;
}

static decant_status check_same_network(const dcn_run_spec *run, const dcn_graph *wanted, const dcn_graph *found)
{
    char difference[DCN_DIFFERENCE_TEXT];
    if (dcn_start_fits(wanted, found, difference)) return DECANT_OK;
    return dcn_doc_fail(run->start.doc, DECANT_USAGE,
                        "the model to start from is another network than the recipe's: %s", difference);
}

/* The recipe's network with the source's weights; for a source that was pruned, the source's own network. */
static decant_status start_from_source(const dcn_materials *materials, int32_t index, uint64_t seed,
                                       const decant_model *source, decant_model **ret_model)
{
    const dcn_experiment *experiment = materials->experiment;
    decant_model *model = NULL;
    decant_status status = DECANT_OK;
    if (dcn_experiment_pruned(experiment, index) != DCN_NONE) {
        dcn_graph *graph = NULL;
        TRY(dcn_graph_clone(source->graph, &graph));
        TRY(dcn_materials_dress(materials, graph, &model));
    } else {
        TRY(dcn_materials_model(materials, experiment->runs[index].model, seed, &model));
        TRY(check_same_network(&experiment->runs[index], model->graph, source->graph));
    }
    copy_weights(source, model);
    *ret_model = model;
    model = NULL;
out:
    dcn_model_destroy(model);
    return status;
}

decant_status dcn_start_check_budget(const dcn_experiment *experiment, int32_t run, int64_t parameters,
                                     int64_t mult_adds)
{
    const dcn_budget_spec *budget = &experiment->budget;
    if (budget->run == DCN_NONE || dcn_experiment_pruned(experiment, budget->run) != run) return DECANT_OK;
    if (budget->parameters > 0 && parameters > budget->parameters)
        return dcn_doc_fail(budget->doc, DECANT_USAGE, "pruned, %lld parameters remain, more than the budget of %lld",
                            (long long)parameters, (long long)budget->parameters);
    if (budget->mult_adds > 0 && mult_adds > budget->mult_adds)
        return dcn_doc_fail(budget->doc, DECANT_USAGE, "pruned, %lld mult-adds remain, more than the budget of %lld",
                            (long long)mult_adds, (long long)budget->mult_adds);
    return DECANT_OK;
}

/* Which samples are asked is a matter of the data, not of the run's seed: compared runs prune one model to one network.
 */
static decant_status prune(dcn_device *device, const dcn_materials *materials, const decant_prune_options *options,
                           const decant_model *source, decant_model **ret_pruned, decant_prune_report *ret_report)
{
    const dcn_split *split = &materials->split;
    int32_t *taken = NULL;
    if (options->criterion != DECANT_CRITERION_TAYLOR) return dcn_prune(source, options, NULL, ret_pruned, ret_report);
    dcn_prune_data data = {.device = device,
                           .dataset = materials->dataset,
                           .count = options->samples < split->n_train ? options->samples : split->n_train};
    TRY_RETURN(dcn_split_take(data.dataset, split->train, split->n_train, data.count, materials->experiment->data.seed,
                              &taken));
    data.indices = taken;
    decant_status status = dcn_prune(source, options, &data, ret_pruned, ret_report);
    dcn_free(taken);
    return status;
}

/* A file's weights in the network that the recipe says it holds, as it is saved: folded. What the file says of dropout
 * rates and the like counts for nothing. */
static decant_status take_file(const dcn_materials *materials, const dcn_run_spec *run, const decant_model *file,
                               decant_model **ret_source)
{
    dcn_graph *graph = NULL, *deployed = NULL;
    decant_model *source = NULL;
    decant_status status = dcn_materials_graph(materials->experiment, run->model, materials->dataset, &graph);
    if (status != DECANT_OK) goto out;
    TRY(dcn_fold_graph(graph, DCN_FOLD_BOTTLENECKS, &deployed));
    TRY(check_same_network(run, deployed, file->graph));
    status = dcn_materials_dress(materials, deployed, &source);
    deployed = NULL; /* taken over, also on failure */
    if (status != DECANT_OK) goto out;
    copy_weights(file, source);
    *ret_source = source;
    source = NULL;
out:
    dcn_model_destroy(source);
    dcn_graph_destroy(deployed);
    dcn_graph_destroy(graph);
    return status;
}

static decant_status start_pruned(dcn_device *device, const dcn_materials *materials, int32_t index, uint64_t seed,
                                  dcn_start *start, decant_model **ret_model)
{
    const dcn_run_spec *run = &materials->experiment->runs[index];
    decant_prune_options options = run->start.prune;
    decant_model *file = NULL, *pruned = NULL, *model = NULL;
    dcn_graph *graph = NULL;
    decant_prune_report report = {0};
    decant_status status = DECANT_OK;
    if (run->start.file != NULL) TRY(take_file(materials, run, start->source, &file));
    options.seed = seed;
    TRY(prune(device, materials, &options, file != NULL ? file : start->source, &pruned, &report));
    TRY(dcn_start_check_budget(materials->experiment, index, report.parameters, report.mult_adds));
    TRY(dcn_graph_clone(pruned->graph, &graph));
    status = dcn_materials_dress(materials, graph, &model);
    graph = NULL; /* taken over, also on failure */
    if (status != DECANT_OK) goto out;
    if (run->start.fresh_weights)
        dcn_model_init(model, seed);
    else
        copy_weights(pruned, model);
    start->parameters_before = report.parameters_before;
    start->mult_adds_before = report.mult_adds_before;
    *ret_model = model;
    model = NULL;
out:
    dcn_model_destroy(model);
    dcn_graph_destroy(graph);
    dcn_model_destroy(pruned);
    dcn_model_destroy(file);
    return status;
}

decant_status dcn_start_model(dcn_device *device, const dcn_materials *materials, int32_t run, uint64_t seed,
                              dcn_start *start, decant_model **ret_model)
{
    const dcn_run_spec *spec = &materials->experiment->runs[run];
    switch (spec->start.kind) {
    case DCN_START_FRESH:
        break;
    case DCN_START_INIT:
        return start_from_source(materials, run, seed, start->source, ret_model);
    case DCN_START_PRUNE:
        return start_pruned(device, materials, run, seed, start, ret_model);
    }
    return dcn_materials_model(materials, spec->model, seed, ret_model);
}
