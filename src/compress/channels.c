/* Finds the units: every channel begins alone, each op ties what it must, and what is left is numbered. */
#include "compress/channels.h"

#include "base/memory.h"

/* --- tying --- */

/* Channels as a forest: the root of a tree stands for all that is tied to it. */
typedef struct forest {
    const dcn_channels *channels;
    int32_t *parent; /* [n channels] */
} forest;

static int32_t root_of(forest *trees, int32_t channel)
{
    while (trees->parent[channel] != channel) {
        trees->parent[channel] = trees->parent[trees->parent[channel]];
        channel = trees->parent[channel];
    }
    return channel;
}

static void tie(forest *trees, dcn_value_id a, int64_t channel_a, dcn_value_id b, int64_t channel_b)
{
    int32_t root_a = root_of(trees, (int32_t)(trees->channels->first[a] + channel_a));
    int32_t root_b = root_of(trees, (int32_t)(trees->channels->first[b] + channel_b));
    if (root_a < root_b)
        trees->parent[root_b] = root_a;
    else
        trees->parent[root_a] = root_b;
}

int64_t dcn_channels_count(const dcn_channels *channels, dcn_value_id value)
{
    return channels->first[value + 1] - channels->first[value];
}

const int32_t *dcn_channels_units(const dcn_channels *channels, dcn_value_id value)
{
    return channels->unit + channels->first[value];
}

/* y's channels are x's, each `per` times in a row (1 for most ops; height * width for flatten). */
static void tie_along(forest *trees, dcn_value_id x, dcn_value_id y)
{
    int64_t per = dcn_channels_count(trees->channels, y) / dcn_channels_count(trees->channels, x);
    for (int64_t c = 0; c < dcn_channels_count(trees->channels, y); c++)
        tie(trees, x, c / per, y, c);
}

/* A group of a convolution sees its own channels only, and its weights have room for no fewer: it goes whole. With one
 * channel a group that is a depthwise convolution. */
static void tie_groups(forest *trees, const dcn_node *node)
{
    const int64_t groups = node->attrs.conv.groups;
    const dcn_value_id x = node->input[0], y = node->output[0];
    const int64_t n_in = dcn_channels_count(trees->channels, x) / groups;
    const int64_t n_out = dcn_channels_count(trees->channels, y) / groups;
    for (int64_t group = 0; group < groups && groups > 1; group++) {
        for (int64_t c = 1; c < n_in; c++)
            tie(trees, x, group * n_in, x, group * n_in + c);
        for (int64_t c = 0; c < n_out; c++)
            tie(trees, x, group * n_in, y, group * n_out + c);
    }
}

static void tie_concat(forest *trees, const dcn_node *node)
{
    int64_t at = 0;
    for (int32_t i = 0; i < node->n_inputs; i++) {
        int64_t count = dcn_channels_count(trees->channels, node->input[i]);
        for (int64_t c = 0; c < count; c++)
            tie(trees, node->input[i], c, node->output[0], at + c);
        if (node->attrs.axis.axis == 1) at += count; /* side by side; along any other axis they share channels */
    }
}

static decant_status tie_node(forest *trees, const dcn_node *node)
{
    const dcn_value_id x = node->input[0], y = node->output[0];
    const int64_t n_x = dcn_channels_count(trees->channels, x), n_y = dcn_channels_count(trees->channels, y);
    switch (node->op) {
    case DECANT_OP_CONV2D:
        tie_groups(trees, node);
        return DECANT_OK;
    case DECANT_OP_LINEAR: /* every output is new */
        return DECANT_OK;
    case DECANT_OP_ADD:
        tie_along(trees, x, y);
        tie_along(trees, node->input[1], y);
        return DECANT_OK;
    case DECANT_OP_CONCAT:
        tie_concat(trees, node);
        return DECANT_OK;
    case DECANT_OP_PAD_CHANNELS: /* the zeros around are channels of their own */
        for (int64_t c = 0; c < n_x; c++)
            tie(trees, x, c, y, node->attrs.pad_channels.before + c);
        return DECANT_OK;
    case DECANT_OP_REPEAT_CHANNELS: /* all channels once, then all again */
        for (int64_t c = 0; c < n_y; c++)
            tie(trees, x, c % n_x, y, c);
        return DECANT_OK;
    case DECANT_OP_BATCHNORM:
    case DECANT_OP_RELU:
    case DECANT_OP_RELU6:
    case DECANT_OP_HARDSWISH:
    case DECANT_OP_SIGMOID:
    case DECANT_OP_GELU:
    case DECANT_OP_SOFTMAX:
    case DECANT_OP_DROPOUT:
    case DECANT_OP_MAXPOOL:
    case DECANT_OP_AVGPOOL:
    case DECANT_OP_ADAPTIVE_AVGPOOL:
    case DECANT_OP_FLATTEN:
        tie_along(trees, x, y);
        return DECANT_OK;
    default:
        return DCN_FAIL(UNSUPPORTED, "nothing is known of the channels behind %s, so they cannot be pruned",
                        dcn_op_get(node->op)->name);
    }
}

/* --- numbering --- */

static decant_status number_channels(dcn_channels *channels)
{
    const dcn_graph *graph = channels->graph;
    TRY_RETURN(dcn_new_array((size_t)graph->n_values + 1, sizeof *channels->first, (void **)&channels->first));
    for (dcn_value_id v = 0; v < graph->n_values; v++) {
        const dcn_value *value = &graph->values[v];
        bool has = value->kind == DCN_VALUE_INPUT || value->kind == DCN_VALUE_RESULT;
        int64_t count = has && value->shape.rank > 1 ? value->shape.dim[1] : 0;
        if (count > INT32_MAX - channels->first[v])
            return DCN_FAIL(UNSUPPORTED, "the network has more channels than can be counted");
        channels->first[v + 1] = channels->first[v] + count;
    }
    return DECANT_OK;
}

static void fix_value(dcn_channels *channels, dcn_value_id value)
{
    for (int64_t c = 0; c < dcn_channels_count(channels, value); c++)
        channels->fixed[dcn_channels_units(channels, value)[c]] = true;
}

/* Units in the order of their first channels, and those that must stay. */
static decant_status number_units(dcn_channels *channels, forest *trees)
{
    const dcn_graph *graph = channels->graph;
    const int64_t n_channels = channels->first[graph->n_values];
    TRY_RETURN(dcn_new_array((size_t)n_channels, sizeof *channels->unit, (void **)&channels->unit));
    for (int64_t c = 0; c < n_channels; c++) {
        int32_t root = root_of(trees, (int32_t)c); /* never behind c */
        channels->unit[c] = root == c ? channels->n_units++ : channels->unit[root];
    }
    TRY_RETURN(dcn_new_array((size_t)channels->n_units, sizeof *channels->fixed, (void **)&channels->fixed));
    if (graph->input != DCN_NONE) fix_value(channels, graph->input);
    if (graph->output != DCN_NONE) fix_value(channels, graph->output);
    for (dcn_node_id n = 0; n < graph->n_nodes; n++)
        if (graph->nodes[n].op == DECANT_OP_SOFTMAX) fix_value(channels, graph->nodes[n].input[0]);
    return DECANT_OK;
}

/* Where each unit's parts begin: part_first, from a count of the values that it lies in. last: [n_units] scratch. */
static void count_parts(dcn_channels *channels, dcn_value_id *last)
{
    for (int32_t u = 0; u < channels->n_units; u++)
        last[u] = DCN_NONE;
    for (dcn_value_id v = 0; v < channels->graph->n_values; v++) {
        for (int64_t c = 0; c < dcn_channels_count(channels, v); c++) {
            int32_t u = dcn_channels_units(channels, v)[c];
            if (last[u] != v) channels->part_first[u + 1]++;
            last[u] = v;
        }
    }
    for (int32_t u = 0; u < channels->n_units; u++)
        channels->part_first[u + 1] += channels->part_first[u];
}

/* end: [n_units] scratch. */
static void fill_parts(dcn_channels *channels, dcn_value_id *last, int64_t *end)
{
    for (int32_t u = 0; u < channels->n_units; u++) {
        last[u] = DCN_NONE;
        end[u] = channels->part_first[u];
    }
    for (dcn_value_id v = 0; v < channels->graph->n_values; v++) {
        for (int64_t c = 0; c < dcn_channels_count(channels, v); c++) {
            int32_t u = dcn_channels_units(channels, v)[c];
            if (last[u] != v) channels->parts[end[u]++].value = v;
            channels->parts[end[u] - 1].count++;
            last[u] = v;
        }
    }
}

static decant_status list_parts(dcn_channels *channels)
{
    dcn_value_id *last = NULL;
    int64_t *end = NULL;
    decant_status status = DECANT_OK;
    TRY(dcn_new_array((size_t)channels->n_units, sizeof *last, (void **)&last));
    TRY(dcn_new_array((size_t)channels->n_units, sizeof *end, (void **)&end));
    TRY(dcn_new_array((size_t)channels->n_units + 1, sizeof *channels->part_first, (void **)&channels->part_first));
    count_parts(channels, last);
    TRY(dcn_new_array((size_t)channels->part_first[channels->n_units], sizeof *channels->parts,
                      (void **)&channels->parts));
    fill_parts(channels, last, end);
out:
    dcn_free(end);
    dcn_free(last);
    return status;
}

/* A parameter that two layers read would have to lose the channels of both. */
static decant_status check_shared(const dcn_graph *graph)
{
    for (dcn_value_id v = 0; v < graph->n_values; v++) {
        const dcn_value *value = &graph->values[v];
        int32_t readers = 0;
        if (!dcn_value_is_weight(value)) continue;
        for (dcn_node_id n = 0; n < graph->n_nodes; n++)
            for (int32_t i = 0; i < graph->nodes[n].n_inputs; i++)
                readers += graph->nodes[n].input[i] == v;
        if (readers > 1)
            return DCN_FAIL(UNSUPPORTED, "'%s' is shared between layers; such a network cannot be pruned", value->name);
    }
    return DECANT_OK;
}

decant_status dcn_channels_create(const dcn_graph *graph, dcn_channels **ret_channels)
{
    dcn_channels *channels = NULL;
    forest trees = {0};
    decant_status status = check_shared(graph);
    if (status != DECANT_OK) goto out;
    TRY(dcn_new(sizeof *channels, (void **)&channels));
    channels->graph = graph;
    TRY(number_channels(channels));
    const int64_t n_channels = channels->first[graph->n_values];
    trees.channels = channels;
    TRY(dcn_new_array((size_t)n_channels, sizeof *trees.parent, (void **)&trees.parent));
    for (int64_t c = 0; c < n_channels; c++)
        trees.parent[c] = (int32_t)c;
    for (dcn_node_id n = 0; n < graph->n_nodes; n++)
        TRY(tie_node(&trees, &graph->nodes[n]));
    TRY(number_units(channels, &trees));
    TRY(list_parts(channels));
    *ret_channels = channels;
    channels = NULL;
out:
    dcn_free(trees.parent);
    dcn_channels_destroy(channels);
    return status;
}

void dcn_channels_destroy(dcn_channels *channels)
{
    if (channels == NULL) return;
    dcn_free(channels->first);
    dcn_free(channels->unit);
    dcn_free(channels->fixed);
    dcn_free(channels->parts);
    dcn_free(channels->part_first);
    dcn_free(channels);
}

/* --- sizes --- */

void dcn_channels_axes(const dcn_graph *graph, const dcn_node *node, int32_t slot, dcn_value_id ret_axes[2])
{
    const bool whole = node->op == DECANT_OP_LINEAR || (node->op == DECANT_OP_CONV2D && node->attrs.conv.groups == 1);
    const bool has = node->op == DECANT_OP_LINEAR || node->op == DECANT_OP_CONV2D || node->op == DECANT_OP_BATCHNORM;
    const bool stored = dcn_value_is_weight(&graph->values[node->input[slot]]);
    ret_axes[0] = has && stored ? node->output[0] : DCN_NONE;
    ret_axes[1] = whole && stored && slot == 1 ? node->input[0] : DCN_NONE;
}

static int64_t kept_parameters(const dcn_graph *graph, const dcn_node *node, int32_t slot, const int64_t *kept)
{
    const dcn_value *value = &graph->values[node->input[slot]];
    dcn_value_id axes[2];
    int64_t count = 1;
    if (value->kind != DCN_VALUE_PARAMETER) return 0;
    dcn_channels_axes(graph, node, slot, axes);
    for (int32_t d = 0; d < value->shape.rank; d++)
        count *= d < 2 && axes[d] != DCN_NONE ? kept[axes[d]] : value->shape.dim[d];
    return count;
}

int64_t dcn_channels_parameters(const dcn_graph *graph, const int64_t *kept)
{
    int64_t total = 0;
    for (dcn_node_id n = 0; n < graph->n_nodes; n++)
        for (int32_t slot = 1; slot < graph->nodes[n].n_inputs; slot++)
            total += kept_parameters(graph, &graph->nodes[n], slot, kept);
    return total;
}

int64_t dcn_channels_mult_adds(const dcn_graph *graph, const int64_t *kept)
{
    int64_t total = 0;
    for (dcn_node_id n = 0; n < graph->n_nodes; n++) {
        const dcn_node *node = &graph->nodes[n];
        if (node->op != DECANT_OP_CONV2D && node->op != DECANT_OP_LINEAR) continue;
        const decant_shape *y = &graph->values[node->output[0]].shape; /* [1, O, ...] */
        const int64_t places = decant_shape_count(y) / y->dim[1];
        total += places * kept_parameters(graph, node, 1, kept);
    }
    return total;
}
