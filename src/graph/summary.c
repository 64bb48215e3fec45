/* A model in numbers: one row a layer, as people print them, and the totals. */
#include "base/memory.h"
#include "graph/graph.h"

/* Totals of absurd graphs stop at the largest number instead of wrapping. */
static int64_t add_capped(int64_t a, int64_t b)
{
    return a > INT64_MAX - b ? INT64_MAX : a + b;
}

static int64_t multiply_capped(int64_t a, int64_t b)
{
    int64_t product = INT64_MAX;
    return dcn_mul_int64(a, b, &product) ? product : INT64_MAX;
}

/* True when no earlier node reads the value: a shared parameter is counted once. */
static bool first_reader(const dcn_graph *graph, dcn_node_id id, dcn_value_id value)
{
    for (dcn_node_id n = 0; n < id; n++)
        for (int32_t i = 0; i < graph->nodes[n].n_inputs; i++)
            if (graph->nodes[n].input[i] == value) return false;
    return true;
}

static int64_t node_parameters(const dcn_graph *graph, dcn_node_id id)
{
    const dcn_node *node = &graph->nodes[id];
    int64_t count = 0;
    for (int32_t i = 0; i < node->n_inputs; i++) {
        const dcn_value *value = &graph->values[node->input[i]];
        bool repeated = false;
        for (int32_t j = 0; j < i; j++)
            repeated = repeated || node->input[j] == node->input[i];
        if (value->kind == DCN_VALUE_PARAMETER && !repeated && first_reader(graph, id, node->input[i]))
            count = add_capped(count, decant_shape_count(&value->shape));
    }
    return count;
}

/* Multiply-adds of one sample. */
static int64_t node_mult_adds(const dcn_graph *graph, const dcn_node *node)
{
    if (node->op != DECANT_OP_CONV2D && node->op != DECANT_OP_LINEAR) return 0;
    const decant_shape *y = &graph->values[node->output[0]].shape;
    const decant_shape *weight = &graph->values[node->input[1]].shape;
    int64_t per_output = decant_shape_count(weight) / weight->dim[0];
    return multiply_capped(decant_shape_count(y) / y->dim[0], per_output);
}

dcn_layer_summary dcn_graph_layer(const dcn_graph *graph, dcn_node_id id)
{
    const dcn_node *node = &graph->nodes[id];
    dcn_layer_summary row = {.name = node->name,
                             .op = dcn_op_get(node->op)->name,
                             .parameters = node_parameters(graph, id),
                             .mult_adds = node_mult_adds(graph, node)};
    if (node->n_outputs > 0) row.output = graph->values[node->output[0]].shape;
    return row;
}

int64_t dcn_graph_parameters(const dcn_graph *graph)
{
    int64_t count = 0;
    for (int32_t v = 0; v < graph->n_values; v++)
        if (graph->values[v].kind == DCN_VALUE_PARAMETER)
            count = add_capped(count, decant_shape_count(&graph->values[v].shape));
    return count;
}

int64_t dcn_graph_mult_adds(const dcn_graph *graph)
{
    int64_t count = 0;
    for (dcn_node_id id = 0; id < graph->n_nodes; id++)
        count = add_capped(count, node_mult_adds(graph, &graph->nodes[id]));
    return count;
}
