/* How much each unit matters, from the weights alone. */
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"
#include "base/text.h"
#include "compress/prune.h"

static const char *const names[DECANT_CRITERION_COUNT] = {
    [DECANT_CRITERION_L1] = "l1",
    [DECANT_CRITERION_L2] = "l2",
    [DECANT_CRITERION_BN] = "bn",
    [DECANT_CRITERION_RANDOM] = "random",
};

const char *dcn_criterion_name(decant_criterion criterion)
{
    return names[criterion];
}

decant_status decant_criterion_find(const char *name, decant_criterion *ret_criterion)
{
    for (int32_t i = 0; i < DECANT_CRITERION_COUNT; i++) {
        if (strcmp(names[i], name) != 0) continue;
        *ret_criterion = (decant_criterion)i;
        return DECANT_OK;
    }
    const char *nearest = dcn_nearest(name, names, DCN_COUNT(names));
    if (nearest != NULL) return DCN_FAIL(USAGE, "there is no criterion '%s'; did you mean '%s'?", name, nearest);
    return DCN_FAIL(USAGE, "there is no criterion '%s'; known: l1, l2, bn, random", name);
}

/* What the layers say about a unit: sums over its channels and how many there were. */
typedef struct unit_sums {
    double *total;  /* [n_units] */
    int64_t *count; /* [n_units] */
} unit_sums;

static double row_norm(const float *row, int64_t count, decant_criterion criterion)
{
    double sum = 0;
    for (int64_t i = 0; i < count; i++)
        sum += criterion == DECANT_CRITERION_L2 ? (double)row[i] * (double)row[i] : fabs((double)row[i]);
    return criterion == DECANT_CRITERION_L2 ? sqrt(sum / (double)count) : sum / (double)count;
}

/* Layers have weights of different sizes: a wide one's are smaller. Each filter is measured against the mean of its own
 * layer, so that all can be ranked together. */
static decant_status tally_filters(const decant_model *model, const dcn_channels *channels, const dcn_node *node,
                                   decant_criterion criterion, unit_sums *sums)
{
    const decant_shape *shape = &model->graph->values[node->input[1]].shape; /* [O, ...] */
    const int64_t rows = shape->dim[0], per_row = decant_shape_count(shape) / rows;
    const int32_t *units = dcn_channels_units(channels, node->output[0]);
    double *norms = NULL, mean = 0;
    TRY_RETURN(dcn_new_array((size_t)rows, sizeof *norms, (void **)&norms));
    for (int64_t row = 0; row < rows; row++) {
        norms[row] = row_norm(model->data[node->input[1]] + row * per_row, per_row, criterion);
        mean += norms[row] / (double)rows;
    }
    for (int64_t row = 0; row < rows; row++) {
        sums->total[units[row]] += mean > 0 ? norms[row] / mean : 0;
        sums->count[units[row]]++;
    }
    dcn_free(norms);
    return DECANT_OK;
}

static void tally_norm(const decant_model *model, const dcn_channels *channels, const dcn_node *node, unit_sums *sums)
{
    const float *weight = model->data[node->input[1]]; /* [C] */
    const int32_t *units = dcn_channels_units(channels, node->output[0]);
    for (int64_t c = 0; c < dcn_channels_count(channels, node->output[0]); c++) {
        sums->total[units[c]] += fabs((double)weight[c]);
        sums->count[units[c]]++;
    }
}

/* Whether a node's weights say something about the channels that it puts out. */
static bool speaks(const dcn_node *node, decant_criterion criterion)
{
    if (criterion == DECANT_CRITERION_BN) return node->op == DECANT_OP_BATCHNORM;
    return node->op == DECANT_OP_CONV2D || node->op == DECANT_OP_LINEAR;
}

static decant_status tally_model(const decant_model *model, const dcn_channels *channels, decant_criterion criterion,
                                 unit_sums *sums)
{
    for (dcn_node_id n = 0; n < model->graph->n_nodes; n++) {
        const dcn_node *node = &model->graph->nodes[n];
        if (!speaks(node, criterion)) continue;
        if (criterion == DECANT_CRITERION_BN)
            tally_norm(model, channels, node, sums);
        else
            TRY_RETURN(tally_filters(model, channels, node, criterion, sums));
    }
    return DECANT_OK;
}

void dcn_prune_rankable(const dcn_channels *channels, decant_criterion criterion, bool *ret_rankable)
{
    const dcn_graph *graph = channels->graph;
    for (int32_t u = 0; u < channels->n_units; u++)
        ret_rankable[u] = criterion == DECANT_CRITERION_RANDOM;
    for (dcn_node_id n = 0; n < graph->n_nodes; n++) {
        const dcn_value_id y = graph->nodes[n].output[0];
        if (!speaks(&graph->nodes[n], criterion)) continue;
        for (int64_t c = 0; c < dcn_channels_count(channels, y); c++)
            ret_rankable[dcn_channels_units(channels, y)[c]] = true;
    }
}

static double draw(uint64_t seed, int32_t unit)
{
    dcn_random random = dcn_random_start(seed, DCN_PURPOSE_PRUNE, (uint64_t)unit, 0);
    return dcn_random_uniform(&random);
}

decant_status dcn_prune_scores(const decant_model *model, const dcn_channels *channels, decant_criterion criterion,
                               uint64_t seed, double *ret_scores)
{
    unit_sums sums = {0};
    decant_status status = DECANT_OK;
    TRY(dcn_new_array((size_t)channels->n_units, sizeof *sums.total, (void **)&sums.total));
    TRY(dcn_new_array((size_t)channels->n_units, sizeof *sums.count, (void **)&sums.count));
    if (criterion != DECANT_CRITERION_RANDOM) TRY(tally_model(model, channels, criterion, &sums));
    for (int32_t u = 0; u < channels->n_units; u++) {
        if (criterion == DECANT_CRITERION_RANDOM)
            ret_scores[u] = draw(seed, u);
        else
            ret_scores[u] = sums.count[u] > 0 ? sums.total[u] / (double)sums.count[u] : 0;
    }
out:
    dcn_free(sums.count);
    dcn_free(sums.total);
    return status;
}
