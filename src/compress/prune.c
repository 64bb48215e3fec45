/* Chooses what to remove: units by rising importance over the whole network, none below a layer's minimum, until the
 * limits are met; then what was removed for nothing comes back. */
#include "compress/prune.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "base/memory.h"

/* A choice being made. */
typedef struct selection {
    const dcn_channels *channels;
    const decant_prune_options *options;
    int64_t parameters, mult_adds; /* the limits; INT64_MAX for none */
    bool *keep;                    /* [n_units] */
    int64_t *kept;                 /* [n_values] channels that remain */
    int64_t *least;                /* [n_values] channels that must */
    int32_t *order;                /* [n_ranked] units that may go, the least important first */
    int32_t n_ranked;
} selection;

static void finish_selection(selection *chosen)
{
    dcn_free(chosen->keep);
    dcn_free(chosen->kept);
    dcn_free(chosen->least);
    dcn_free(chosen->order);
}

/* --- limits --- */

int64_t dcn_prune_limit(const dcn_graph *graph, const decant_prune_options *options)
{
    int64_t limit = options->parameters > 0 ? options->parameters : INT64_MAX;
    const double share = options->keep * (double)dcn_graph_parameters(graph);
    return options->keep > 0 && share < (double)limit ? (int64_t)share : limit;
}

static decant_status check_options(const dcn_graph *graph, const decant_prune_options *options)
{
    const int64_t parameters = dcn_graph_parameters(graph), mult_adds = dcn_graph_mult_adds(graph);
    const bool limits_work = options->mult_adds > 0;
    if ((unsigned)options->criterion >= DECANT_CRITERION_COUNT)
        return DCN_FAIL(INVALID_ARG, "criterion %d does not exist", (int)options->criterion);
    if (options->parameters < 0 || options->mult_adds < 0 || !(options->keep >= 0 && options->keep < 1) ||
        !(options->minimum >= 0 && options->minimum <= 1))
        return DCN_FAIL(INVALID_ARG,
                        "limits must not be negative, the share to keep lies below 1, the minimum in [0, 1]");
    if (options->parameters == 0 && !(options->keep > 0) && !limits_work)
        return DCN_FAIL(USAGE, "pruning needs a limit: a share to keep, or a number of parameters or of mult-adds");
    if (dcn_prune_limit(graph, options) < parameters || (limits_work && options->mult_adds < mult_adds))
        return DECANT_OK;
    return DCN_FAIL(USAGE,
                    "the network is within the limit already, with %" PRId64 " parameters and %" PRId64
                    " mult-adds: there is nothing to prune",
                    parameters, mult_adds);
}

/* A layer's minimum holds where it makes channels; elsewhere one must be left. */
static int64_t least_of(const selection *chosen, dcn_value_id value)
{
    const dcn_graph *graph = chosen->channels->graph;
    const dcn_node_id producer = graph->values[value].producer;
    const decant_op op = producer != DCN_NONE ? graph->nodes[producer].op : DECANT_OP_COUNT;
    const double count = (double)dcn_channels_count(chosen->channels, value);
    if (op != DECANT_OP_CONV2D && op != DECANT_OP_LINEAR) return 1;
    return (int64_t)fmax(1, ceil(chosen->options->minimum * count - 1e-9)); /* 0.1 of 10 is 1 */
}

static decant_status start_selection(const dcn_channels *channels, const decant_prune_options *options,
                                     selection *ret_chosen)
{
    const dcn_graph *graph = channels->graph;
    selection chosen = {.channels = channels,
                        .options = options,
                        .parameters = dcn_prune_limit(graph, options),
                        .mult_adds = options->mult_adds > 0 ? options->mult_adds : INT64_MAX};
    decant_status status = DECANT_OK;
    TRY(dcn_new_array((size_t)channels->n_units, sizeof *chosen.keep, (void **)&chosen.keep));
    TRY(dcn_new_array((size_t)graph->n_values, sizeof *chosen.kept, (void **)&chosen.kept));
    TRY(dcn_new_array((size_t)graph->n_values, sizeof *chosen.least, (void **)&chosen.least));
    TRY(dcn_new_array((size_t)channels->n_units, sizeof *chosen.order, (void **)&chosen.order));
    for (int32_t u = 0; u < channels->n_units; u++)
        chosen.keep[u] = true;
    for (dcn_value_id v = 0; v < graph->n_values; v++) {
        chosen.kept[v] = dcn_channels_count(channels, v);
        chosen.least[v] = least_of(&chosen, v);
    }
    *ret_chosen = chosen;
    return DECANT_OK;
out:
    finish_selection(&chosen);
    return status;
}

/* --- ranking --- */

typedef struct ranked {
    double score;
    int32_t unit;
} ranked;

/* By score; equal ones in the order of the network. */
static int by_score(const void *a, const void *b)
{
    const ranked *x = a, *y = b;
    if (x->score < y->score) return -1;
    if (x->score > y->score) return 1;
    return x->unit < y->unit ? -1 : x->unit > y->unit;
}

/* scores: [n_units]; NULL ranks all that may go alike. */
static decant_status rank_units(selection *chosen, const double *scores)
{
    const dcn_channels *channels = chosen->channels;
    ranked *all = NULL;
    TRY_RETURN(dcn_new_array((size_t)channels->n_units, sizeof *all, (void **)&all));
    for (int32_t u = 0; u < channels->n_units; u++)
        if (!channels->fixed[u]) all[chosen->n_ranked++] = (ranked){scores != NULL ? scores[u] : 0, u};
    qsort(all, (size_t)chosen->n_ranked, sizeof *all, by_score);
    for (int32_t i = 0; i < chosen->n_ranked; i++)
        chosen->order[i] = all[i].unit;
    dcn_free(all);
    return DECANT_OK;
}

/* --- removing --- */

static bool may_go(const selection *chosen, int32_t unit)
{
    const dcn_channels *channels = chosen->channels;
    for (int64_t i = channels->part_first[unit]; i < channels->part_first[unit + 1]; i++) {
        const dcn_value_id value = channels->parts[i].value;
        if (chosen->kept[value] - channels->parts[i].count < chosen->least[value]) return false;
    }
    return true;
}

static void set_kept(selection *chosen, int32_t unit, bool keep)
{
    const dcn_channels *channels = chosen->channels;
    for (int64_t i = channels->part_first[unit]; i < channels->part_first[unit + 1]; i++)
        chosen->kept[channels->parts[i].value] += keep ? channels->parts[i].count : -channels->parts[i].count;
    chosen->keep[unit] = keep;
}

static bool is_within_limits(const selection *chosen)
{
    const dcn_graph *graph = chosen->channels->graph;
    return dcn_channels_parameters(graph, chosen->kept) <= chosen->parameters &&
           dcn_channels_mult_adds(graph, chosen->kept) <= chosen->mult_adds;
}

static decant_status report_impossible(const selection *chosen)
{
    const decant_prune_options *options = chosen->options;
    const dcn_graph *graph = chosen->channels->graph;
    if (chosen->n_ranked == 0) return DCN_FAIL(USAGE, "there is nothing to prune: the network has no hidden channels");
    return DCN_FAIL(USAGE,
                    "the limit cannot be met: with at least %g of each layer's channels and one of each, %" PRId64
                    " parameters and %" PRId64 " mult-adds remain; raise the limit%s",
                    options->minimum, dcn_channels_parameters(graph, chosen->kept),
                    dcn_channels_mult_adds(graph, chosen->kept), options->minimum > 0 ? " or lower the minimum" : "");
}

static decant_status choose(selection *chosen)
{
    int32_t end = 0;
    for (; end < chosen->n_ranked && !is_within_limits(chosen); end++)
        if (may_go(chosen, chosen->order[end])) set_kept(chosen, chosen->order[end], false);
    if (!is_within_limits(chosen)) return report_impossible(chosen);
    /* The last units may have been large, and freed more than was asked for. The most important come back first. */
    for (int32_t i = end - 1; i >= 0; i--) {
        if (chosen->keep[chosen->order[i]]) continue;
        set_kept(chosen, chosen->order[i], true);
        if (!is_within_limits(chosen)) set_kept(chosen, chosen->order[i], false);
    }
    return DECANT_OK;
}

/* --- in and out --- */

decant_status dcn_prune_check(const dcn_graph *graph, const decant_prune_options *options)
{
    dcn_channels *channels = NULL;
    selection chosen = {0};
    decant_status status = check_options(graph, options);
    if (status != DECANT_OK) goto out;
    TRY(dcn_channels_create(graph, &channels));
    TRY(start_selection(channels, options, &chosen));
    TRY(rank_units(&chosen, NULL));
    TRY(choose(&chosen));
out:
    finish_selection(&chosen);
    dcn_channels_destroy(channels);
    return status;
}

static void fill_report(const selection *chosen, const dcn_graph *before, const dcn_graph *after,
                        decant_prune_report *ret_report)
{
    decant_prune_report report = {.parameters_before = dcn_graph_parameters(before),
                                  .parameters = dcn_graph_parameters(after),
                                  .mult_adds_before = dcn_graph_mult_adds(before),
                                  .mult_adds = dcn_graph_mult_adds(after),
                                  .units_before = chosen->n_ranked};
    for (int32_t i = 0; i < chosen->n_ranked; i++)
        report.units += chosen->keep[chosen->order[i]];
    *ret_report = report;
}

decant_status dcn_prune(const decant_model *model, const decant_prune_options *options, const dcn_prune_data *data,
                        decant_model **ret_model, decant_prune_report *ret_report)
{
    dcn_channels *channels = NULL;
    selection chosen = {0};
    double *scores = NULL; /* [n_units] */
    decant_status status = check_options(model->graph, options);
    if (status != DECANT_OK) goto out;
    TRY(dcn_channels_create(model->graph, &channels));
    TRY(start_selection(channels, options, &chosen));
    TRY(dcn_new_array((size_t)channels->n_units, sizeof *scores, (void **)&scores));
    TRY(dcn_prune_scores(model, channels, options, data, scores));
    TRY(rank_units(&chosen, scores));
    TRY(choose(&chosen));
    TRY(dcn_thin(model, channels, chosen.keep, ret_model));
    fill_report(&chosen, model->graph, (*ret_model)->graph, ret_report);
out:
    if (status != DECANT_OK) dcn_while("pruning the network");
    dcn_free(scores);
    finish_selection(&chosen);
    dcn_channels_destroy(channels);
    return status;
}
