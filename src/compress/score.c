/* How much each unit matters, from the weights alone; what needs samples is in taylor.c. */
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"
#include "base/text.h"
#include "compress/prune.h"

static const char *const names[DECANT_CRITERION_COUNT] = {
    [DECANT_CRITERION_L1] = "l1",         [DECANT_CRITERION_L2] = "l2",         [DECANT_CRITERION_BN] = "bn",
    [DECANT_CRITERION_RANDOM] = "random", [DECANT_CRITERION_TAYLOR] = "taylor",
};

const char *dcn_criterion_name(decant_criterion criterion)
{
    return names[criterion];
}

decant_status decant_criterion_find(const char *name, decant_criterion *ret_criterion)
{
    DCN_REQUIRE(name, ret_criterion);
    for (int32_t i = 0; i < DECANT_CRITERION_COUNT; i++) {
        if (strcmp(names[i], name) != 0) continue;
        *ret_criterion = (decant_criterion)i;
        return DECANT_OK;
    }
    const char *nearest = dcn_nearest(name, names, DCN_COUNT(names));
    if (nearest != NULL) return DCN_FAIL(USAGE, "there is no criterion '%s'; did you mean '%s'?", name, nearest);
    return DCN_FAIL(USAGE, "there is no criterion '%s'; known: l1, l2, bn, random, taylor", name);
}

/* What the layers say about a unit: the sum over its channels and how many there were. */
typedef struct unit_sums {
    double *total;  /* [n_units] */
    int64_t *count; /* [n_units] */
} unit_sums;

static double row_size(const float *row, int64_t count, decant_criterion criterion)
{
    double sum = 0;
    for (int64_t i = 0; i < count; i++)
        sum += criterion == DECANT_CRITERION_L2 ? (double)row[i] * (double)row[i] : fabs((double)row[i]);
    return criterion == DECANT_CRITERION_L2 ? sqrt(sum / (double)count) : sum / (double)count;
}

/* One layer has a say about each of its channels. Layers have weights of different sizes, a wide one smaller ones: each
 * row is measured against the mean of its own layer, so that all can be ranked together. */
static decant_status tally_layer(const decant_model *model, const dcn_channels *channels, const dcn_node *node,
                                 decant_criterion criterion, unit_sums *sums)
{
    const decant_shape *shape = &model->graph->values[node->input[1]].shape; /* [O, ...], or [C] of a normalisation */
    const int64_t rows = shape->dim[0], per_row = decant_shape_count(shape) / rows;
    const int32_t *units = dcn_channels_units(channels, node->output[0]);
    double *sizes = NULL, mean = 0;
    TRY_RETURN(dcn_new_array((size_t)rows, sizeof *sizes, (void **)&sizes));
    for (int64_t row = 0; row < rows; row++) {
        sizes[row] = row_size(model->data[node->input[1]] + row * per_row, per_row, criterion);
        mean += sizes[row] / (double)rows;
    }
    for (int64_t row = 0; row < rows; row++) {
        sums->total[units[row]] += mean > 0 ? sizes[row] / mean : 0;
        sums->count[units[row]]++;
    }
    dcn_free(sizes);
    return DECANT_OK;
}

static decant_status tally_op(const decant_model *model, const dcn_channels *channels, decant_op op,
                              decant_criterion criterion, unit_sums *sums)
{
    for (dcn_node_id n = 0; n < model->graph->n_nodes; n++)
        if (model->graph->nodes[n].op == op)
            TRY_RETURN(tally_layer(model, channels, &model->graph->nodes[n], criterion, sums));
    return DECANT_OK;
}

static decant_status start_sums(const dcn_channels *channels, unit_sums *sums)
{
    TRY_RETURN(dcn_new_array((size_t)channels->n_units, sizeof *sums->total, (void **)&sums->total));
    return dcn_new_array((size_t)channels->n_units, sizeof *sums->count, (void **)&sums->count);
}

static void finish_sums(unit_sums *sums)
{
    dcn_free(sums->total);
    dcn_free(sums->count);
}

static double mean_of(const unit_sums *sums, int32_t unit)
{
    return sums->count[unit] > 0 ? sums->total[unit] / (double)sums->count[unit] : 0;
}

/* Behind a filter, batch normalisation undoes whatever size its weights have: there the scale alone counts. */
static decant_status score_weights(const decant_model *model, const dcn_channels *channels, decant_criterion criterion,
                                   double *scores)
{
    unit_sums filters = {0}, norms = {0};
    decant_status status = DECANT_OK;
    TRY(start_sums(channels, &filters));
    TRY(start_sums(channels, &norms));
    TRY(tally_op(model, channels, DECANT_OP_CONV2D, criterion, &filters));
    TRY(tally_op(model, channels, DECANT_OP_LINEAR, criterion, &filters));
    if (criterion == DECANT_CRITERION_BN) TRY(tally_op(model, channels, DECANT_OP_BATCHNORM, criterion, &norms));
    for (int32_t u = 0; u < channels->n_units; u++)
        scores[u] = mean_of(norms.count[u] > 0 ? &norms : &filters, u);
out:
    finish_sums(&norms);
    finish_sums(&filters);
    return status;
}

decant_status dcn_prune_scores(const decant_model *model, const dcn_channels *channels,
                               const decant_prune_options *options, const dcn_prune_data *data, double *ret_scores)
{
    if (options->criterion == DECANT_CRITERION_TAYLOR) return dcn_taylor_scores(model, channels, data, ret_scores);
    if (options->criterion != DECANT_CRITERION_RANDOM)
        return score_weights(model, channels, options->criterion, ret_scores);
    for (int32_t u = 0; u < channels->n_units; u++) {
        dcn_random random = dcn_random_start(options->seed, DCN_PURPOSE_PRUNE, (uint64_t)u, 0);
        ret_scores[u] = dcn_random_uniform(&random);
    }
    return DECANT_OK;
}
