/* Decides which layers go, builds the network without them, and works their weights into the layers that stay. */
#include "compress/fold.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "tensor/shape.h"

/* What becomes of a node. A node that stays may have taken in the linear layer before it and the batch normalisation
 * behind it. */
typedef struct node_fate {
    bool gone;
    dcn_node_id before; /* linear layer multiplied in, or DCN_NONE */
    dcn_node_id norm;   /* batch normalisation worked in, or DCN_NONE */
} node_fate;

typedef struct folding {
    const dcn_graph *graph;
    dcn_fold_what what;
    node_fate *fate; /* [n_nodes] */
    decant_fold_report report;
} folding;

/* --- deciding --- */

/* The node that makes what `value` holds, through what is gone, if nothing else reads anything on the way. */
static dcn_node_id sole_maker(const folding *fold, dcn_value_id value)
{
    const dcn_graph *graph = fold->graph;
    for (;;) {
        const dcn_node_id maker = graph->values[value].producer;
        if (maker == DCN_NONE || value == graph->output || dcn_graph_uses(graph, value) != 1) return DCN_NONE;
        if (!fold->fate[maker].gone) return maker;
        value = graph->nodes[maker].input[0];
    }
}

/* Its weights are nobody else's. */
static bool is_alone(const folding *fold, dcn_node_id id)
{
    const dcn_node *node = &fold->graph->nodes[id];
    for (int32_t i = 1; i < node->n_inputs; i++)
        if (dcn_graph_uses(fold->graph, node->input[i]) != 1) return false;
    return true;
}

/* In the order of the graph, so that a chain folds into its last layer. */
static void decide(folding *fold, dcn_node_id id)
{
    const dcn_node *node = &fold->graph->nodes[id];
    const bool all = fold->what == DCN_FOLD_ALL;
    if (node->op == DECANT_OP_DROPOUT && all) {
        fold->fate[id].gone = true;
        fold->report.dropout++;
        return;
    }
    const dcn_node_id maker = sole_maker(fold, node->input[0]);
    if (maker == DCN_NONE || !is_alone(fold, maker) || !is_alone(fold, id)) return;
    const dcn_node *before = &fold->graph->nodes[maker];
    if (node->op == DECANT_OP_LINEAR && before->op == DECANT_OP_LINEAR && (all || before->attrs.linear.folds)) {
        fold->fate[id].before = maker;
        fold->fate[maker].gone = true;
        fold->report.linear++;
    }
    if (node->op == DECANT_OP_BATCHNORM && all && fold->fate[maker].norm == DCN_NONE &&
        (before->op == DECANT_OP_CONV2D || before->op == DECANT_OP_LINEAR)) {
        fold->fate[maker].norm = id;
        fold->fate[id].gone = true;
        fold->report.batchnorm++;
    }
}

static decant_status start_folding(const dcn_graph *graph, dcn_fold_what what, folding *ret_fold)
{
    folding fold = {.graph = graph, .what = what};
    TRY_RETURN(dcn_new_array((size_t)graph->n_nodes, sizeof *fold.fate, (void **)&fold.fate));
    for (dcn_node_id n = 0; n < graph->n_nodes; n++)
        fold.fate[n] = (node_fate){.before = DCN_NONE, .norm = DCN_NONE};
    for (dcn_node_id n = 0; n < graph->n_nodes; n++)
        decide(&fold, n);
    *ret_fold = fold;
    return DECANT_OK;
}

static bool is_folded(const folding *fold, dcn_node_id id)
{
    return fold->fate[id].before != DCN_NONE || fold->fate[id].norm != DCN_NONE;
}

/* --- the graph --- */

/* The folded graph as it grows, and where its values come from. */
typedef struct rewriting {
    const folding *fold;
    dcn_graph *graph;
    dcn_value_id *value; /* [old n_values] the new one, or DCN_NONE */
    dcn_value_id *bias;  /* [old n_nodes] of folded nodes: the new graph's value, or DCN_NONE */
} rewriting;

static bool has_bias(const folding *fold, dcn_node_id id)
{
    const node_fate *fate = &fold->fate[id];
    if (fate->norm != DCN_NONE || fold->graph->nodes[id].n_inputs == 3) return true;
    return fate->before != DCN_NONE && has_bias(fold, fate->before);
}

static decant_status add_bias(rewriting *to, dcn_node_id id, int64_t channels)
{
    const dcn_node *node = &to->fold->graph->nodes[id];
    const decant_shape shape = decant_shape_make(1, &channels);
    dcn_text name = {0};
    decant_status status = DECANT_OK;
    if (node->n_inputs == 3)
        TRY(dcn_text_add(&name, "%s", to->fold->graph->values[node->input[2]].name));
    else
        TRY(dcn_text_add(&name, "%s.bias", node->name));
    TRY(dcn_graph_add_value(to->graph, DCN_VALUE_PARAMETER, name.data, DECANT_F32, &shape, &to->bias[id]));
out:
    dcn_text_finish(&name);
    return status;
}

/* A convolution or linear layer with what was worked into it: its weight may have other columns, and it may get a bias.
 */
static decant_status add_folded(rewriting *to, dcn_node_id id)
{
    const dcn_node *node = &to->fold->graph->nodes[id];
    const dcn_value *weight = &to->fold->graph->values[node->input[1]];
    const bool biased = has_bias(to->fold, id);
    decant_op_attrs attrs = node->attrs;
    decant_shape shape = weight->shape;
    dcn_value_id inputs[3] = {to->value[node->input[0]]};
    if (node->op == DECANT_OP_LINEAR) {
        shape.dim[1] = to->graph->values[inputs[0]].shape.dim[1];
        attrs.linear.bias = biased;
    } else {
        attrs.conv.bias = biased;
    }
    TRY_RETURN(dcn_graph_add_value(to->graph, DCN_VALUE_PARAMETER, weight->name, DECANT_F32, &shape, &inputs[1]));
    to->value[node->input[1]] = inputs[1];
    if (biased) TRY_RETURN(add_bias(to, id, shape.dim[0]));
    inputs[2] = to->bias[id];
    return dcn_graph_add_node(to->graph, node->op, &attrs, node->name, inputs, biased ? 3 : 2, 1,
                              &to->value[node->output[0]]);
}

static decant_status add_unchanged(rewriting *to, const dcn_node *node)
{
    dcn_value_id inputs[DCN_MAX_INPUTS], outputs[DCN_MAX_OUTPUTS];
    for (int32_t i = 0; i < node->n_inputs; i++) {
        dcn_value_id *there = &to->value[node->input[i]];
        const dcn_value *value = &to->fold->graph->values[node->input[i]];
        if (*there == DCN_NONE)
            TRY_RETURN(dcn_graph_add_value(to->graph, value->kind, value->name, value->dtype, &value->shape, there));
        inputs[i] = *there;
    }
    TRY_RETURN(dcn_graph_add_node(to->graph, node->op, &node->attrs, node->name, inputs, node->n_inputs,
                                  node->n_outputs, outputs));
    for (int32_t i = 0; i < node->n_outputs; i++)
        to->value[node->output[i]] = outputs[i];
    return DECANT_OK;
}

static decant_status rewrite_nodes(rewriting *to)
{
    const dcn_graph *graph = to->fold->graph;
    const dcn_value *input = &graph->values[graph->input];
    TRY_RETURN(dcn_graph_add_value(to->graph, input->kind, input->name, input->dtype, &input->shape,
                                   &to->value[graph->input]));
    for (dcn_node_id n = 0; n < graph->n_nodes; n++) {
        const dcn_node *node = &graph->nodes[n];
        if (to->fold->fate[n].gone)
            to->value[node->output[0]] = to->value[node->input[0]];
        else if (is_folded(to->fold, n))
            TRY_RETURN(add_folded(to, n));
        else
            TRY_RETURN(add_unchanged(to, node));
    }
    to->graph->input = to->value[graph->input];
    to->graph->output = to->value[graph->output];
    to->graph->init = graph->init;
    return DECANT_OK;
}

static void finish_rewriting(rewriting *to)
{
    dcn_graph_destroy(to->graph);
    dcn_free(to->value);
    dcn_free(to->bias);
}

static decant_status rewrite(const folding *fold, rewriting *ret_to)
{
    const dcn_graph *graph = fold->graph;
    rewriting to = {.fold = fold};
    decant_status status = DECANT_OK;
    if (graph->input == DCN_NONE || graph->output == DCN_NONE)
        return DCN_FAIL(INVALID_ARG, "the network has no input or no output");
    TRY(dcn_graph_create(&to.graph));
    TRY(dcn_new_array((size_t)graph->n_values, sizeof *to.value, (void **)&to.value));
    TRY(dcn_new_array((size_t)graph->n_nodes, sizeof *to.bias, (void **)&to.bias));
    for (dcn_value_id v = 0; v < graph->n_values; v++)
        to.value[v] = DCN_NONE;
    for (dcn_node_id n = 0; n < graph->n_nodes; n++)
        to.bias[n] = DCN_NONE;
    TRY(rewrite_nodes(&to));
    *ret_to = to;
    return DECANT_OK;
out:
    finish_rewriting(&to);
    return status;
}

decant_status dcn_fold_graph(const dcn_graph *graph, dcn_fold_what what, dcn_graph **ret_graph)
{
    folding fold = {0};
    rewriting to = {0};
    decant_status status = start_folding(graph, what, &fold);
    if (status != DECANT_OK) goto out;
    TRY(rewrite(&fold, &to));
    *ret_graph = to.graph;
    to.graph = NULL;
out:
    finish_rewriting(&to);
    dcn_free(fold.fate);
    return status;
}

/* --- the weights --- */

/* y = weight x + bias, in double precision. For a convolution a row is one filter. */
typedef struct affine {
    int64_t rows, columns;
    double *weight; /* [rows, columns] */
    double *bias;   /* [rows] */
} affine;

static void finish_affine(affine *map)
{
    dcn_free(map->weight);
    dcn_free(map->bias);
}

static decant_status own_affine(const decant_model *model, const dcn_node *node, affine *map)
{
    const decant_shape *shape = &model->graph->values[node->input[1]].shape;
    const float *bias = node->n_inputs == 3 ? model->data[node->input[2]] : NULL;
    map->rows = shape->dim[0];
    map->columns = decant_shape_count(shape) / map->rows;
    TRY_RETURN(dcn_new_array((size_t)(map->rows * map->columns), sizeof *map->weight, (void **)&map->weight));
    TRY_RETURN(dcn_new_array((size_t)map->rows, sizeof *map->bias, (void **)&map->bias));
    for (int64_t i = 0; i < map->rows * map->columns; i++)
        map->weight[i] = (double)model->data[node->input[1]][i];
    for (int64_t i = 0; i < map->rows && bias != NULL; i++)
        map->bias[i] = (double)bias[i];
    return DECANT_OK;
}

/* map := map after inner */
static decant_status multiply(affine *map, const affine *inner)
{
    double *product = NULL; /* [rows, inner columns] */
    TRY_RETURN(dcn_new_array((size_t)(map->rows * inner->columns), sizeof *product, (void **)&product));
    for (int64_t row = 0; row < map->rows; row++) {
        for (int64_t k = 0; k < map->columns; k++) {
            const double factor = map->weight[row * map->columns + k];
            map->bias[row] += factor * inner->bias[k];
            for (int64_t c = 0; c < inner->columns; c++)
                product[row * inner->columns + c] += factor * inner->weight[k * inner->columns + c];
        }
    }
    dcn_free(map->weight);
    map->weight = product;
    map->columns = inner->columns;
    return DECANT_OK;
}

/* map := normalisation after map, with its running statistics */
static void normalize(const decant_model *model, const dcn_node *norm, affine *map)
{
    const float *weight = model->data[norm->input[1]], *bias = model->data[norm->input[2]];
    const float *mean = model->data[norm->input[3]], *variance = model->data[norm->input[4]];
    for (int64_t row = 0; row < map->rows; row++) {
        const double scale = (double)weight[row] / sqrt((double)variance[row] + norm->attrs.norm.eps);
        for (int64_t c = 0; c < map->columns; c++)
            map->weight[row * map->columns + c] *= scale;
        map->bias[row] = (map->bias[row] - (double)mean[row]) * scale + (double)bias[row];
    }
}

/* What a node computes together with all that was worked into it. */
static decant_status make_affine(const decant_model *model, const folding *fold, dcn_node_id id, affine *ret_map)
{
    const node_fate *fate = &fold->fate[id];
    affine map = {0}, inner = {0};
    decant_status status = own_affine(model, &fold->graph->nodes[id], &map);
    if (status != DECANT_OK) goto out;
    if (fate->before != DCN_NONE) {
        TRY(make_affine(model, fold, fate->before, &inner));
        TRY(multiply(&map, &inner));
    }
    if (fate->norm != DCN_NONE) normalize(model, &fold->graph->nodes[fate->norm], &map);
    *ret_map = map;
    map = (affine){0};
out:
    finish_affine(&inner);
    finish_affine(&map);
    return status;
}

static void round_into(const double *from, int64_t count, float *to)
{
    for (int64_t i = 0; i < count; i++)
        to[i] = (float)from[i];
}

static decant_status write_weights(const decant_model *model, const rewriting *to, decant_model *folded)
{
    const dcn_graph *graph = model->graph;
    for (dcn_value_id v = 0; v < graph->n_values; v++) {
        if (model->data[v] == NULL || to->value[v] == DCN_NONE) continue;
        const int64_t count = decant_shape_count(&graph->values[v].shape);
        if (decant_shape_equal(&graph->values[v].shape, &folded->graph->values[to->value[v]].shape))
            memcpy(folded->data[to->value[v]], model->data[v], (size_t)count * sizeof(float));
    }
    for (dcn_node_id n = 0; n < graph->n_nodes; n++) {
        affine map = {0};
        if (to->fold->fate[n].gone || !is_folded(to->fold, n)) continue;
        TRY_RETURN(make_affine(model, to->fold, n, &map));
        round_into(map.weight, map.rows * map.columns, folded->data[to->value[graph->nodes[n].input[1]]]);
        if (to->bias[n] != DCN_NONE) round_into(map.bias, map.rows, folded->data[to->bias[n]]);
        finish_affine(&map);
    }
    return DECANT_OK;
}

decant_status dcn_fold(const decant_model *model, dcn_fold_what what, decant_model **ret_model,
                       decant_fold_report *ret_report)
{
    folding fold = {0};
    rewriting to = {0};
    decant_model *folded = NULL;
    decant_status status = start_folding(model->graph, what, &fold);
    if (status != DECANT_OK) goto out;
    TRY(rewrite(&fold, &to));
    dcn_graph *graph = to.graph;
    to.graph = NULL; /* the model's from here, also on failure */
    TRY(dcn_model_create(graph, &folded));
    TRY(write_weights(model, &to, folded));
    TRY(dcn_model_copy_description(model, folded));
    ret_report->linear = fold.report.linear;
    ret_report->batchnorm = fold.report.batchnorm;
    ret_report->dropout = fold.report.dropout;
    *ret_model = folded;
    folded = NULL;
out:
    dcn_model_destroy(folded);
    finish_rewriting(&to);
    dcn_free(fold.fate);
    return status;
}
