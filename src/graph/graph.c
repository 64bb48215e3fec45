/* The graph itself: values and nodes kept in topological order by only ever appending, and their names in one arena. */
#include "graph/graph.h"

#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "tensor/shape.h"

decant_status dcn_graph_create(dcn_graph **ret_graph)
{
    dcn_graph *graph = NULL;
    decant_status status;
    TRY(dcn_new(sizeof *graph, (void **)&graph));
    graph->input = graph->output = DCN_NONE;
    TRY(dcn_arena_create(&graph->arena));
    *ret_graph = graph;
    graph = NULL;
out:
    dcn_graph_destroy(graph);
    return status;
}

void dcn_graph_destroy(dcn_graph *graph)
{
    if (graph == NULL) return;
    dcn_free(graph->values);
    dcn_free(graph->nodes);
    dcn_arena_destroy(graph->arena);
    dcn_free(graph);
}

static decant_status copy_name(dcn_graph *graph, const char *name, char **ret_copy)
{
    *ret_copy = NULL;
    return name != NULL ? dcn_arena_string(graph->arena, name, ret_copy) : DECANT_OK;
}

/* The copy's arrays are filled with the original's entries; their names are then replaced by copies of its own. */
static decant_status copy_entries(const dcn_graph *graph, dcn_graph *copy)
{
    if (graph->n_values > 0) {
        TRY_RETURN(dcn_new_array((size_t)graph->n_values, sizeof *copy->values, (void **)&copy->values));
        memcpy(copy->values, graph->values, (size_t)graph->n_values * sizeof *copy->values);
        copy->values_capacity = graph->n_values;
    }
    if (graph->n_nodes > 0) {
        TRY_RETURN(dcn_new_array((size_t)graph->n_nodes, sizeof *copy->nodes, (void **)&copy->nodes));
        memcpy(copy->nodes, graph->nodes, (size_t)graph->n_nodes * sizeof *copy->nodes);
        copy->nodes_capacity = graph->n_nodes;
    }
    for (int32_t v = 0; v < graph->n_values; v++)
        TRY_RETURN(copy_name(copy, graph->values[v].name, &copy->values[v].name));
    for (int32_t n = 0; n < graph->n_nodes; n++)
        TRY_RETURN(copy_name(copy, graph->nodes[n].name, &copy->nodes[n].name));
    copy->n_values = graph->n_values;
    copy->n_nodes = graph->n_nodes;
    return DECANT_OK;
}

decant_status dcn_graph_clone(const dcn_graph *graph, dcn_graph **ret_graph)
{
    dcn_graph *copy = NULL;
    decant_status status;
    TRY(dcn_graph_create(&copy));
    TRY(copy_entries(graph, copy));
    copy->input = graph->input;
    copy->output = graph->output;
    copy->init = graph->init;
    *ret_graph = copy;
    copy = NULL;
out:
    dcn_graph_destroy(copy);
    return status;
}

void dcn_graph_truncate(dcn_graph *graph, int32_t n_values, int32_t n_nodes)
{
    graph->n_values = n_values; /* the names stay in the arena until the graph goes */
    graph->n_nodes = n_nodes;
}

static decant_status append_value(dcn_graph *graph, const dcn_value *value, dcn_value_id *ret_value)
{
    TRY_RETURN(dcn_grow((void **)&graph->values, graph->n_values, &graph->values_capacity, sizeof *graph->values));
    graph->values[graph->n_values] = *value;
    *ret_value = graph->n_values++;
    return DECANT_OK;
}

decant_status dcn_graph_add_value(dcn_graph *graph, dcn_value_kind kind, const char *name, decant_dtype dtype,
                                  const decant_shape *shape, dcn_value_id *ret_value)
{
    if (kind == DCN_VALUE_RESULT) return DCN_FAIL(INVALID_ARG, "a result is made by a node, not on its own");
    if (name == NULL || name[0] == '\0') return DCN_FAIL(INVALID_ARG, "an input or a parameter needs a name");
    for (int32_t v = 0; v < graph->n_values; v++) {
        const dcn_value *other = &graph->values[v];
        if (other->kind != DCN_VALUE_RESULT && strcmp(other->name, name) == 0)
            return DCN_FAIL(INVALID_ARG, "two parameters or inputs are called %s; layer names must differ", name);
    }

    size_t bytes = 0;
    decant_status status = dcn_shape_bytes(shape, dtype, &bytes);
    if (status != DECANT_OK) {
        dcn_while("adding %s", name);
        return status;
    }
    char text[DCN_SHAPE_TEXT];
    if (bytes == 0) return DCN_FAIL(SHAPE, "%s would be empty, %s", name, dcn_shape_text(shape, text));

    dcn_value value = {.kind = kind, .dtype = dtype, .shape = *shape, .producer = DCN_NONE, .gradient = DCN_NONE};
    TRY_RETURN(copy_name(graph, name, &value.name));
    return append_value(graph, &value, ret_value);
}

static void fill_call(const dcn_graph *graph, const dcn_node *node, dcn_op_call *ret_call)
{
    *ret_call =
        (dcn_op_call){.op = node->op, .attrs = node->attrs, .n_inputs = node->n_inputs, .n_outputs = node->n_outputs};
    for (int32_t i = 0; i < node->n_inputs; i++) {
        const dcn_value *value = &graph->values[node->input[i]];
        ret_call->input[i] = (dcn_tensor_desc){value->dtype, value->shape, DCN_LAYOUT_PLAIN};
    }
}

void dcn_graph_call(const dcn_graph *graph, dcn_node_id node, dcn_op_call *ret_call)
{
    const dcn_node *from = &graph->nodes[node];
    fill_call(graph, from, ret_call);
    for (int32_t i = 0; i < from->n_outputs; i++) {
        const dcn_value *value = &graph->values[from->output[i]];
        ret_call->output[i] = (dcn_tensor_desc){value->dtype, value->shape, DCN_LAYOUT_PLAIN};
    }
}

/* Shapes the node's outputs and makes them values. */
static decant_status append_results(dcn_graph *graph, dcn_node *node)
{
    dcn_op_call call;
    fill_call(graph, node, &call);
    TRY_RETURN(dcn_op_infer(&call));
    if (call.n_outputs != node->n_outputs)
        return DCN_FAIL(INVALID_ARG, "%s makes %d outputs, not %d", dcn_op_get(node->op)->name, (int)call.n_outputs,
                        (int)node->n_outputs);
    for (int32_t i = 0; i < call.n_outputs; i++) {
        dcn_value value = {.kind = DCN_VALUE_RESULT,
                           .name = node->name,
                           .dtype = call.output[i].dtype,
                           .shape = call.output[i].shape,
                           .producer = graph->n_nodes,
                           .output_index = i,
                           .gradient = DCN_NONE};
        TRY_RETURN(append_value(graph, &value, &node->output[i]));
    }
    return DECANT_OK;
}

static decant_status check_node(const dcn_graph *graph, decant_op op, const dcn_value_id *inputs, int32_t n_inputs,
                                int32_t n_outputs)
{
    if ((unsigned)op >= DECANT_OP_COUNT) return DCN_FAIL(INVALID_ARG, "op number %d does not exist", (int)op);
    if (n_inputs < 0 || n_inputs > DCN_MAX_INPUTS || n_outputs < 0 || n_outputs > DCN_MAX_OUTPUTS)
        return DCN_FAIL(INVALID_ARG, "%s cannot have %d inputs and %d outputs", dcn_op_get(op)->name, (int)n_inputs,
                        (int)n_outputs);
    for (int32_t i = 0; i < n_inputs; i++)
        if (inputs[i] < 0 || inputs[i] >= graph->n_values)
            return DCN_FAIL(INVALID_ARG, "%s reads value %d, but there are %d", dcn_op_get(op)->name, (int)inputs[i],
                            (int)graph->n_values);
    return DECANT_OK;
}

decant_status dcn_graph_add_node(dcn_graph *graph, decant_op op, const decant_op_attrs *attrs, const char *name,
                                 const dcn_value_id *inputs, int32_t n_inputs, int32_t n_outputs,
                                 dcn_value_id *ret_outputs)
{
    dcn_node node = {.op = op, .n_inputs = n_inputs, .n_outputs = n_outputs};
    const int32_t n_values = graph->n_values;
    decant_status status;
    TRY(check_node(graph, op, inputs, n_inputs, n_outputs));
    if (attrs != NULL) node.attrs = *attrs;
    for (int32_t i = 0; i < n_inputs; i++)
        node.input[i] = inputs[i];

    TRY(dcn_grow((void **)&graph->nodes, graph->n_nodes, &graph->nodes_capacity, sizeof *graph->nodes));
    TRY(copy_name(graph, name, &node.name));
    TRY(append_results(graph, &node));
    graph->nodes[graph->n_nodes++] = node;
    for (int32_t i = 0; i < n_outputs; i++)
        ret_outputs[i] = node.output[i];
out:
    if (status != DECANT_OK) {
        dcn_graph_truncate(graph, n_values, graph->n_nodes);
        if (name != NULL) dcn_while("adding layer %s", name);
    }
    return status;
}

dcn_value_id dcn_graph_find(const dcn_graph *graph, const char *name)
{
    for (int32_t v = 0; v < graph->n_values; v++) {
        const dcn_value *value = &graph->values[v];
        bool has_name = value->name != NULL && (value->kind != DCN_VALUE_RESULT || value->output_index == 0);
        if (has_name && strcmp(value->name, name) == 0) return v;
    }
    return DCN_NONE;
}

const dcn_node *dcn_graph_maker(const dcn_graph *graph, dcn_value_id value)
{
    const dcn_node_id producer = value != DCN_NONE ? graph->values[value].producer : DCN_NONE;
    return producer != DCN_NONE ? &graph->nodes[producer] : NULL;
}

decant_status dcn_graph_free_name(const dcn_graph *graph, const char *wanted, char ret_name[DCN_FREE_NAME])
{
    TRY_RETURN(dcn_format(ret_name, DCN_FREE_NAME, "%s", wanted));
    for (int number = 2; dcn_graph_find(graph, ret_name) != DCN_NONE; number++)
        TRY_RETURN(dcn_format(ret_name, DCN_FREE_NAME, "%s_%d", wanted, number));
    return DECANT_OK;
}

int32_t dcn_graph_uses(const dcn_graph *graph, dcn_value_id value)
{
    int32_t uses = 0;
    for (int32_t n = 0; n < graph->n_nodes; n++) {
        const dcn_node *node = &graph->nodes[n];
        for (int32_t i = 0; i < node->n_inputs; i++) {
            if (node->input[i] == value) {
                uses++;
                break;
            }
        }
    }
    return uses;
}

dcn_node_id dcn_graph_only_reader(const dcn_graph *graph, dcn_value_id value)
{
    if (value == graph->output || dcn_graph_uses(graph, value) != 1) return DCN_NONE;
    for (dcn_node_id n = 0; n < graph->n_nodes; n++)
        if (graph->nodes[n].input[0] == value) return n;
    return DCN_NONE;
}

int32_t dcn_graph_count(const dcn_graph *graph, decant_op op)
{
    int32_t count = 0;
    for (dcn_node_id n = 0; n < graph->n_nodes; n++)
        count += graph->nodes[n].op == op;
    return count;
}
