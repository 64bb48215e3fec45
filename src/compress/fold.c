/* Decides which linear layers go, builds the network without them, and multiplies them into those behind. */
#include "compress/fold.h"

#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "tensor/shape.h"

/* What becomes of a node: it goes, or it stays and may have taken in the linear layer before it. A dropout between the
 * two goes with the first. */
typedef struct node_fate {
    bool gone;
    dcn_node_id before; /* linear layer multiplied in, or DCN_NONE */
} node_fate;

typedef struct folding {
    const dcn_graph *graph;
    node_fate *fate; /* [n_nodes] */
    int32_t count;   /* linear layers that go */
} folding;

/* --- deciding --- */

/* The node that alone gives `value` to the one node that reads it; DCN_NONE where somebody else reads it, too. */
static dcn_node_id sole_maker(const dcn_graph *graph, dcn_value_id value)
{
    return dcn_graph_only_reader(graph, value) == DCN_NONE ? DCN_NONE : graph->values[value].producer;
}

/* Its weights are nobody else's. */
static bool is_alone(const dcn_graph *graph, const dcn_node *node)
{
    for (int32_t i = 1; i < node->n_inputs; i++)
        if (dcn_graph_uses(graph, node->input[i]) != 1) return false;
    return true;
}

/* Looks back from a linear layer. Taken in the order of the graph, so that a chain folds into its last layer. */
static void decide(folding *fold, dcn_fold_what what, dcn_node_id id)
{
    const dcn_graph *graph = fold->graph;
    const dcn_node *node = &graph->nodes[id];
    dcn_node_id dropout = DCN_NONE, maker = DCN_NONE;
    if (node->op != DECANT_OP_LINEAR || !is_alone(graph, node)) return;
    maker = sole_maker(graph, node->input[0]);
    if (maker != DCN_NONE && graph->nodes[maker].op == DECANT_OP_DROPOUT) {
        dropout = maker;
        maker = sole_maker(graph, graph->nodes[dropout].input[0]);
    }
    if (maker == DCN_NONE) return;
    const dcn_node *before = &graph->nodes[maker];
    if (before->op != DECANT_OP_LINEAR || !is_alone(graph, before)) return;
    if (what == DCN_FOLD_BOTTLENECKS && (!before->attrs.linear.folds || dropout != DCN_NONE)) return;
    fold->fate[id].before = maker;
    fold->fate[maker].gone = true;
    if (dropout != DCN_NONE) fold->fate[dropout].gone = true;
    fold->count++;
}

static decant_status start_folding(const dcn_graph *graph, dcn_fold_what what, folding *ret_fold)
{
    folding fold = {.graph = graph};
    if (graph->input == DCN_NONE || graph->output == DCN_NONE)
        return DCN_FAIL(INVALID_ARG, "the network has no input or no output");
    TRY_RETURN(dcn_new_array((size_t)graph->n_nodes, sizeof *fold.fate, (void **)&fold.fate));
    for (dcn_node_id n = 0; n < graph->n_nodes; n++)
        fold.fate[n].before = DCN_NONE;
    for (dcn_node_id n = 0; n < graph->n_nodes; n++)
        decide(&fold, what, n);
    *ret_fold = fold;
    return DECANT_OK;
}

/* --- the graph --- */

/* The folded graph as it grows, and where the values of the other one are in it. */
typedef struct rewriting {
    const folding *fold;
    dcn_graph *graph;
    dcn_value_id *value; /* [old n_values] the new one, or DCN_NONE */
    dcn_value_id *bias;  /* [old n_nodes] of layers that took another in; DCN_NONE without a bias */
} rewriting;

/* A bias anywhere in a chain is one at its end. */
static bool has_bias(const folding *fold, dcn_node_id id)
{
    while (id != DCN_NONE && fold->graph->nodes[id].n_inputs < 3)
        id = fold->fate[id].before;
    return id != DCN_NONE;
}

static decant_status add_bias(rewriting *to, dcn_node_id id)
{
    const dcn_node *node = &to->fold->graph->nodes[id];
    const decant_shape shape = dcn_shape1(node->attrs.linear.features);
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

/* A linear layer that reads what the one before it read. */
static decant_status add_folded(rewriting *to, dcn_node_id id)
{
    const dcn_node *node = &to->fold->graph->nodes[id];
    const dcn_value_id x = to->value[node->input[0]];
    const decant_shape weight = dcn_shape2(node->attrs.linear.features, to->graph->values[x].shape.dim[1]);
    const char *name = to->fold->graph->values[node->input[1]].name;
    decant_op_attrs attrs = node->attrs;
    dcn_value_id inputs[3] = {x};
    attrs.linear.bias = has_bias(to->fold, id);
    TRY_RETURN(dcn_graph_add_value(to->graph, DCN_VALUE_PARAMETER, name, DECANT_F32, &weight, &inputs[1]));
    if (attrs.linear.bias) TRY_RETURN(add_bias(to, id));
    inputs[2] = to->bias[id];
    to->value[node->input[1]] = inputs[1];
    return dcn_graph_add_node(to->graph, node->op, &attrs, node->name, inputs, attrs.linear.bias ? 3 : 2, 1,
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
        const node_fate *fate = &to->fold->fate[n];
        if (fate->gone)
            to->value[node->output[0]] = to->value[node->input[0]];
        else
            TRY_RETURN(fate->before != DCN_NONE ? add_folded(to, n) : add_unchanged(to, node));
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

/* y = weight x + bias, in double precision. */
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
    const decant_shape *shape = &model->graph->values[node->input[1]].shape; /* [O, I] */
    const float *bias = node->n_inputs == 3 ? model->data[node->input[2]] : NULL;
    map->rows = shape->dim[0];
    map->columns = shape->dim[1];
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

/* What a layer computes together with the chain that it took in, from its end to its beginning. */
static decant_status make_affine(const decant_model *model, const folding *fold, dcn_node_id id, affine *ret_map)
{
    affine map = {0}, inner = {0};
    decant_status status = own_affine(model, &fold->graph->nodes[id], &map);
    if (status != DECANT_OK) goto out;
    for (id = fold->fate[id].before; id != DCN_NONE; id = fold->fate[id].before) {
        TRY(own_affine(model, &fold->graph->nodes[id], &inner));
        TRY(multiply(&map, &inner));
        finish_affine(&inner);
        inner = (affine){0};
    }
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
    for (dcn_node_id n = 0; n < graph->n_nodes; n++) {
        const dcn_node *node = &graph->nodes[n];
        const node_fate *fate = &to->fold->fate[n];
        for (int32_t i = 0; i < node->n_inputs && !fate->gone && fate->before == DCN_NONE; i++) {
            const float *data = model->data[node->input[i]];
            const size_t count = (size_t)decant_shape_count(&graph->values[node->input[i]].shape);
            if (data != NULL) memcpy(folded->data[to->value[node->input[i]]], data, count * sizeof *data);
        }
        if (fate->gone || fate->before == DCN_NONE) continue;
        affine map = {0};
        TRY_RETURN(make_affine(model, to->fold, n, &map));
        round_into(map.weight, map.rows * map.columns, folded->data[to->value[node->input[1]]]);
        if (to->bias[n] != DCN_NONE) round_into(map.bias, map.rows, folded->data[to->bias[n]]);
        finish_affine(&map);
    }
    return DECANT_OK;
}

decant_status dcn_fold_linear(const decant_model *model, dcn_fold_what what, decant_model **ret_model,
                              int32_t *ret_count)
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
    TRY(dcn_model_copy_facts(model, folded));
    *ret_count = fold.count;
    *ret_model = folded;
    folded = NULL;
out:
    dcn_model_destroy(folded);
    finish_rewriting(&to);
    dcn_free(fold.fate);
    return status;
}
