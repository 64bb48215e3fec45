/* The network without some of its channels: the same values and layers in the same order, with smaller dimensions, and
 * the weights that remain. */
#include <string.h>

#include "base/memory.h"
#include "compress/prune.h"
#include "tensor/shape.h"

typedef struct thinning {
    const decant_model *model;
    const dcn_channels *channels;
    const bool *keep; /* [n_units] */
    dcn_graph *graph; /* the new one; its values have the old ones' numbers */
} thinning;

static bool is_kept(const thinning *thin, dcn_value_id value, int64_t channel)
{
    return thin->keep[dcn_channels_units(thin->channels, value)[channel]];
}

/* How many of the channels [begin, end) of a value stay. */
static int64_t count_kept(const thinning *thin, dcn_value_id value, int64_t begin, int64_t end)
{
    int64_t count = 0;
    for (int64_t c = begin; c < end; c++)
        count += is_kept(thin, value, c);
    return count;
}

static int64_t kept_channels(const thinning *thin, dcn_value_id value)
{
    return count_kept(thin, value, 0, dcn_channels_count(thin->channels, value));
}

/* --- the graph --- */

/* The first node and slot that read a parameter; false for one that nothing reads. */
static bool find_reader(const dcn_graph *graph, dcn_value_id value, const dcn_node **ret_node, int32_t *ret_slot)
{
    for (dcn_node_id n = 0; n < graph->n_nodes; n++) {
        for (int32_t i = 0; i < graph->nodes[n].n_inputs; i++) {
            if (graph->nodes[n].input[i] != value) continue;
            *ret_node = &graph->nodes[n];
            *ret_slot = i;
            return true;
        }
    }
    return false;
}

/* Whose channels the dimensions of a parameter are; DCN_NONE for those that stay. */
static void find_axes(const thinning *thin, dcn_value_id value, dcn_value_id ret_axes[2])
{
    const dcn_node *reader = NULL;
    int32_t slot = 0;
    ret_axes[0] = ret_axes[1] = DCN_NONE;
    if (find_reader(thin->model->graph, value, &reader, &slot))
        dcn_channels_axes(thin->model->graph, reader, slot, ret_axes);
}

static decant_status add_value(thinning *thin, dcn_value_id id)
{
    const dcn_value *value = &thin->model->graph->values[id];
    decant_shape shape = value->shape;
    dcn_value_id axes[2], added = DCN_NONE;
    find_axes(thin, id, axes);
    for (int32_t d = 0; d < 2; d++)
        if (axes[d] != DCN_NONE) shape.dim[d] = kept_channels(thin, axes[d]);
    TRY_RETURN(dcn_graph_add_value(thin->graph, value->kind, value->name, value->dtype, &shape, &added));
    if (id == thin->model->graph->input) thin->graph->input = added;
    return DECANT_OK;
}

/* What a layer says about its channels in its attributes. */
static decant_op_attrs thin_attrs(const thinning *thin, const dcn_node *node)
{
    decant_op_attrs attrs = node->attrs;
    const dcn_value_id x = node->input[0], y = node->output[0];
    if (node->op == DECANT_OP_LINEAR) attrs.linear.features = kept_channels(thin, y);
    if (node->op == DECANT_OP_CONV2D) {
        const int64_t per_group = dcn_channels_count(thin->channels, x) / attrs.conv.groups;
        attrs.conv.channels = kept_channels(thin, y);
        if (attrs.conv.groups > 1) attrs.conv.groups = kept_channels(thin, x) / per_group;
    }
    if (node->op == DECANT_OP_PAD_CHANNELS) {
        const int64_t n_y = dcn_channels_count(thin->channels, y);
        attrs.pad_channels.before = count_kept(thin, y, 0, node->attrs.pad_channels.before);
        attrs.pad_channels.after = count_kept(thin, y, n_y - node->attrs.pad_channels.after, n_y);
    }
    return attrs;
}

static decant_status add_node(thinning *thin, const dcn_node *node)
{
    const decant_op_attrs attrs = thin_attrs(thin, node);
    dcn_value_id outputs[DCN_MAX_OUTPUTS];
    TRY_RETURN(dcn_graph_add_node(thin->graph, node->op, &attrs, node->name, node->input, node->n_inputs,
                                  node->n_outputs, outputs));
    const int64_t made = thin->graph->values[outputs[0]].shape.dim[1], wanted = kept_channels(thin, node->output[0]);
    if (made == wanted) return DECANT_OK;
    return DCN_FAIL(INTERNAL, "the thinned layer %s makes %lld channels instead of %lld", node->name, (long long)made,
                    (long long)wanted);
}

static decant_status thin_graph(thinning *thin)
{
    const dcn_graph *graph = thin->model->graph;
    for (dcn_value_id v = 0; v < graph->n_values; v++) {
        const dcn_value *value = &graph->values[v];
        if (value->kind != DCN_VALUE_RESULT)
            TRY_RETURN(add_value(thin, v));
        else if (value->output_index == 0) /* the others come with it */
            TRY_RETURN(add_node(thin, &graph->nodes[value->producer]));
    }
    thin->graph->output = graph->output;
    thin->graph->init = graph->init;
    return DECANT_OK;
}

/* --- the weights --- */

/* Copies the entries of [rows, columns, rest] whose row and column stay. */
static void thin_weights(const thinning *thin, dcn_value_id id, float *to)
{
    const decant_shape *shape = &thin->model->graph->values[id].shape;
    const float *from = thin->model->data[id];
    dcn_value_id axes[2];
    find_axes(thin, id, axes);
    const int64_t rows = shape->rank > 0 ? shape->dim[0] : 1, columns = shape->rank > 1 ? shape->dim[1] : 1;
    const int64_t rest = decant_shape_count(shape) / (rows * columns);
    for (int64_t row = 0; row < rows; row++) {
        if (axes[0] != DCN_NONE && !is_kept(thin, axes[0], row)) continue;
        for (int64_t column = 0; column < columns; column++) {
            if (axes[1] != DCN_NONE && !is_kept(thin, axes[1], column)) continue;
            memcpy(to, from + (row * columns + column) * rest, (size_t)rest * sizeof *to);
            to += rest;
        }
    }
}

decant_status dcn_thin(const decant_model *model, const dcn_channels *channels, const bool *keep,
                       decant_model **ret_model)
{
    thinning thin = {.model = model, .channels = channels, .keep = keep};
    decant_model *made = NULL;
    decant_status status = dcn_graph_create(&thin.graph);
    if (status != DECANT_OK) goto out;
    TRY(thin_graph(&thin));
    dcn_graph *graph = thin.graph;
    thin.graph = NULL; /* the model's from here, also on failure */
    TRY(dcn_model_create(graph, &made));
    for (dcn_value_id v = 0; v < graph->n_values; v++)
        if (model->data[v] != NULL) thin_weights(&thin, v, made->data[v]);
    TRY(dcn_model_copy_facts(model, made));
    *ret_model = made;
    made = NULL;
out:
    dcn_graph_destroy(thin.graph);
    dcn_model_destroy(made);
    return status;
}
