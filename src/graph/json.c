/* A model graph as JSON text and back, for the metadata of model files. The text is a list with one entry a value, in
 * the order of their ids: {"kind", "name", "shape"} for what no layer makes, {"op", "name", "inputs", "attrs"} for a
 * layer. The reader believes nothing: it admits only what the builder could have made. */
#include "graph/json.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "graph/graph.h"
#include "tensor/shape.h"

#define FORMAT_VERSION 1
#define MAX_NAME_BYTES 512

static const char *const kind_names[] = {
    [DCN_VALUE_INPUT] = "input", [DCN_VALUE_PARAMETER] = "parameter", [DCN_VALUE_STATE] = "state"};
static const char *const init_names[] = {[DCN_INIT_DEFAULT] = "default",
                                         [DCN_INIT_KAIMING_FAN_OUT] = "kaiming_fan_out",
                                         [DCN_INIT_KAIMING_FAN_IN] = "kaiming_fan_in"};

/* --- writing --- */

static decant_status no_memory(void)
{
    return DCN_FAIL(NO_MEMORY, "no memory for JSON text");
}

/* Takes `value` over, also on failure; NULL stands for a value that could not be made. */
static decant_status set(json_t *object, const char *key, json_t *value)
{
    return json_object_set_new(object, key, value) == 0 ? DECANT_OK : no_memory();
}

static json_t *dims_to_json(const decant_shape *shape)
{
    json_t *array = json_array();
    for (int32_t i = 0; i < shape->rank; i++) {
        if (json_array_append_new(array, json_integer(shape->dim[i])) != 0) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

static json_t *ids_to_json(const dcn_value_id *ids, int32_t count)
{
    json_t *array = json_array();
    for (int32_t i = 0; i < count; i++) {
        if (json_array_append_new(array, json_integer(ids[i])) != 0) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

static decant_status write_value(const dcn_value *value, json_t *entry)
{
    if (value->kind > DCN_VALUE_STATE)
        return DCN_FAIL(INVALID_ARG, "%s is part of a program; only models are written", value->name);
    TRY_RETURN(set(entry, "kind", json_string(kind_names[value->kind])));
    TRY_RETURN(set(entry, "name", json_string(value->name)));
    return set(entry, "shape", dims_to_json(&value->shape));
}

static decant_status write_node(const dcn_node *node, json_t *entry)
{
    const dcn_op_info *info = dcn_op_get(node->op);
    if ((info->flags & DCN_OP_MODEL) == 0 || node->n_outputs != 1 || node->name == NULL)
        return DCN_FAIL(INVALID_ARG, "a node %s is part of a program; only models are written", info->name);
    TRY_RETURN(set(entry, "op", json_string(info->name)));
    TRY_RETURN(set(entry, "name", json_string(node->name)));
    TRY_RETURN(set(entry, "inputs", ids_to_json(node->input, node->n_inputs)));

    json_t *attrs = NULL;
    TRY_RETURN(dcn_attrs_to_json(node->op, &node->attrs, &attrs));
    return set(entry, "attrs", attrs);
}

static decant_status write_entry(const dcn_graph *graph, dcn_value_id id, json_t *list)
{
    const dcn_value *value = &graph->values[id];
    if (value->dtype != DECANT_F32)
        return DCN_FAIL(INVALID_ARG, "%s is %s; a model is f32", value->name != NULL ? value->name : "a value",
                        decant_dtype_name(value->dtype));

    json_t *entry = json_object();
    if (json_array_append_new(list, entry) != 0) return no_memory();
    return value->kind == DCN_VALUE_RESULT ? write_node(&graph->nodes[value->producer], entry)
                                           : write_value(value, entry);
}

decant_status dcn_graph_to_json(const dcn_graph *graph, char **ret_json)
{
    char *text = NULL;
    json_t *root = NULL, *list = NULL;
    decant_status status;
    if (graph->input == DCN_NONE || graph->output == DCN_NONE)
        return DCN_FAIL(INVALID_ARG, "a model without an input and an output cannot be written");

    root = json_object();
    TRY(set(root, "decant_graph", json_integer(FORMAT_VERSION)));
    TRY(set(root, "init", json_string(init_names[graph->init])));
    TRY(set(root, "input", json_integer(graph->input)));
    TRY(set(root, "output", json_integer(graph->output)));
    list = json_array();
    TRY(set(root, "values", list));
    for (dcn_value_id id = 0; id < graph->n_values; id++)
        TRY(write_entry(graph, id, list));

    text = json_dumps(root, JSON_COMPACT);
    if (text == NULL) {
        status = no_memory();
        goto out;
    }
    TRY(dcn_copy_string(text, ret_json));
out:
    free(text); /* jansson's own memory */
    json_decref(root);
    return status;
}

/* --- reading --- */

static decant_status get_text(const json_t *entry, const char *key, const char **ret_text)
{
    const json_t *value = json_object_get(entry, key);
    size_t length = json_string_length(value);
    if (length == 0 || length > MAX_NAME_BYTES)
        return DCN_FAIL(FORMAT, "\"%s\" should be a text of 1 to %d bytes", key, MAX_NAME_BYTES);
    *ret_text = json_string_value(value);
    return DECANT_OK;
}

/* A whole number in [low, high]. */
static decant_status get_integer(const json_t *value, const char *what, int64_t low, int64_t high, int64_t *ret)
{
    int64_t number = json_integer_value(value);
    if (!json_is_integer(value) || number < low || number > high)
        return DCN_FAIL(FORMAT, "\"%s\" should be a whole number from %lld to %lld", what, (long long)low,
                        (long long)high);
    *ret = number;
    return DECANT_OK;
}

static decant_status get_choice(const json_t *entry, const char *key, const char *const *names, size_t n_names,
                                size_t *ret_index)
{
    const char *text = NULL;
    TRY_RETURN(get_text(entry, key, &text));
    for (size_t i = 0; i < n_names; i++) {
        if (strcmp(names[i], text) != 0) continue;
        *ret_index = i;
        return DECANT_OK;
    }
    return DCN_FAIL(FORMAT, "\"%s\" cannot be \"%s\"", key, text);
}

static decant_status read_value(dcn_graph *graph, const json_t *entry)
{
    const char *name = NULL;
    size_t kind = 0;
    decant_shape shape = {0};
    const json_t *dims = json_object_get(entry, "shape");
    TRY_RETURN(get_choice(entry, "kind", kind_names, DCN_COUNT(kind_names), &kind));
    TRY_RETURN(get_text(entry, "name", &name));
    if (json_object_size(entry) != 3) return DCN_FAIL(FORMAT, "%s has a key that is not known", name);
    if (!json_is_array(dims) || json_array_size(dims) < 1 || json_array_size(dims) > DECANT_MAX_RANK)
        return DCN_FAIL(FORMAT, "the shape of %s should be 1 to %d whole numbers", name, DECANT_MAX_RANK);

    shape.rank = (int32_t)json_array_size(dims);
    for (int32_t i = 0; i < shape.rank; i++)
        TRY_RETURN(get_integer(json_array_get(dims, (size_t)i), "shape", 1, INT64_MAX, &shape.dim[i]));
    if (kind == DCN_VALUE_INPUT && (shape.dim[0] != 1 || shape.rank < 2 || graph->input != DCN_NONE))
        return DCN_FAIL(FORMAT, "a model has one input with a batch of 1");
    if (dcn_graph_find(graph, name) != DCN_NONE) return DCN_FAIL(FORMAT, "two things are called %s", name);

    dcn_value_id id = DCN_NONE;
    TRY_RETURN(dcn_graph_add_value(graph, (dcn_value_kind)kind, name, DECANT_F32, &shape, &id));
    if (kind == DCN_VALUE_INPUT) graph->input = id;
    return DECANT_OK;
}

/* What input `index` of a layer may be: weights are parameters, batchnorm's statistics states, all else flows through.
 */
static bool kind_fits(decant_op op, int32_t index, dcn_value_kind kind)
{
    bool has_weights = op == DECANT_OP_CONV2D || op == DECANT_OP_LINEAR || op == DECANT_OP_BATCHNORM;
    if (!has_weights || index == 0) return kind == DCN_VALUE_INPUT || kind == DCN_VALUE_RESULT;
    return kind == (index >= 3 ? DCN_VALUE_STATE : DCN_VALUE_PARAMETER);
}

/* A weight that a layer before reads, or this one among its first `count` inputs. */
static bool is_shared_weight(const dcn_graph *graph, dcn_value_id id, const dcn_value_id *inputs, size_t count)
{
    if (!dcn_value_is_weight(&graph->values[id])) return false;
    for (size_t i = 0; i < count; i++)
        if (inputs[i] == id) return true;
    return dcn_graph_uses(graph, id) > 0;
}

static decant_status read_inputs(const dcn_graph *graph, const json_t *entry, decant_op op, dcn_value_id *ret_inputs,
                                 int32_t *ret_count)
{
    const json_t *list = json_object_get(entry, "inputs");
    size_t count = json_array_size(list);
    if (!json_is_array(list) || count < 1 || count > DCN_MAX_INPUTS)
        return DCN_FAIL(FORMAT, "\"inputs\" should be a list of 1 to %d values", DCN_MAX_INPUTS);
    for (size_t i = 0; i < count; i++) {
        int64_t id = 0;
        TRY_RETURN(get_integer(json_array_get(list, i), "inputs", 0, graph->n_values - 1, &id));
        if (!kind_fits(op, (int32_t)i, graph->values[id].kind))
            return DCN_FAIL(FORMAT, "input %zu of %s cannot be %s", i, dcn_op_get(op)->name, graph->values[id].name);
        if (is_shared_weight(graph, (dcn_value_id)id, ret_inputs, i))
            return DCN_FAIL(FORMAT, "%s is read twice; no two layers share their weights", graph->values[id].name);
        ret_inputs[i] = (dcn_value_id)id;
    }
    *ret_count = (int32_t)count;
    return DECANT_OK;
}

/* Fused activations are the engine's; in a file they would be applied twice. */
static bool has_fused_activation(decant_op op, const decant_op_attrs *attrs)
{
    int32_t n_fields = 0;
    const dcn_attr_field *fields = dcn_op_fields(op, &n_fields);
    for (int32_t i = 0; i < n_fields; i++) {
        const void *at = (const unsigned char *)attrs + fields[i].offset;
        if (fields[i].type == DCN_FIELD_ENUM32 && *(const int32_t *)at != DCN_ACTIVATION_NONE) return true;
    }
    return false;
}

static decant_status read_node(dcn_graph *graph, const json_t *entry)
{
    const char *op_name = NULL, *name = NULL;
    decant_op op = DECANT_OP_COUNT;
    decant_op_attrs attrs;
    dcn_value_id inputs[DCN_MAX_INPUTS], output = DCN_NONE;
    int32_t n_inputs = 0;
    TRY_RETURN(get_text(entry, "op", &op_name));
    TRY_RETURN(get_text(entry, "name", &name));
    if (!dcn_op_find(op_name, &op) || (dcn_op_get(op)->flags & DCN_OP_MODEL) == 0)
        return DCN_FAIL(FORMAT, "layer %s has op \"%s\", which this version does not know", name, op_name);
    if (json_object_size(entry) != 4) return DCN_FAIL(FORMAT, "layer %s lacks a key or has one too many", name);
    if (dcn_graph_find(graph, name) != DCN_NONE) return DCN_FAIL(FORMAT, "two things are called %s", name);
    TRY_RETURN(read_inputs(graph, entry, op, inputs, &n_inputs));
    TRY_RETURN(dcn_attrs_from_json(op, json_object_get(entry, "attrs"), &attrs));
    if (has_fused_activation(op, &attrs))
        return DCN_FAIL(FORMAT, "layer %s has a fused activation, which no model has", name);
    return dcn_graph_add_node(graph, op, &attrs, name, inputs, n_inputs, 1, &output);
}

static decant_status read_entry(dcn_graph *graph, const json_t *entry)
{
    decant_status status = json_object_get(entry, "op") != NULL ? read_node(graph, entry) : read_value(graph, entry);
    if (status == DECANT_OK || status == DECANT_NO_MEMORY || status == DECANT_FORMAT) return status;
    return DCN_FAIL(FORMAT, "%s", decant_error_message()); /* sizes that do not fit are the file's fault here */
}

static decant_status read_graph(dcn_graph *graph, const json_t *root)
{
    int64_t version = 0, input = 0, output = 0;
    size_t init = 0;
    if (!json_is_object(root) || json_object_size(root) != 5)
        return DCN_FAIL(FORMAT, "a graph should be an object with decant_graph, init, input, output and values");
    TRY_RETURN(get_integer(json_object_get(root, "decant_graph"), "decant_graph", 1, FORMAT_VERSION, &version));
    TRY_RETURN(get_choice(root, "init", init_names, DCN_COUNT(init_names), &init));
    graph->init = (int32_t)init;

    const json_t *list = json_object_get(root, "values");
    size_t count = json_array_size(list);
    if (!json_is_array(list) || count < 1 || count > DCN_GRAPH_MAX_ENTRIES)
        return DCN_FAIL(FORMAT, "\"values\" should be a list of 1 to %d entries", DCN_GRAPH_MAX_ENTRIES);
    for (size_t i = 0; i < count; i++) {
        decant_status status = read_entry(graph, json_array_get(list, i));
        if (status != DECANT_OK) {
            dcn_while("reading value %zu of the graph", i);
            return status;
        }
    }

    TRY_RETURN(get_integer(json_object_get(root, "input"), "input", 0, graph->n_values - 1, &input));
    TRY_RETURN(get_integer(json_object_get(root, "output"), "output", 0, graph->n_values - 1, &output));
    if (input != graph->input || graph->values[output].kind != DCN_VALUE_RESULT)
        return DCN_FAIL(FORMAT, "the graph's input or output is not what it should be");
    graph->output = (dcn_value_id)output;
    return DECANT_OK;
}

decant_status dcn_graph_from_json(const char *json, size_t bytes, dcn_graph **ret_graph)
{
    dcn_graph *graph = NULL;
    decant_status status;
    json_error_t error;
    json_t *root = json_loadb(json, bytes, JSON_REJECT_DUPLICATES, &error);
    if (root == NULL) {
        bool starved = json_error_code(&error) == json_error_out_of_memory;
        if (starved)
            status = no_memory();
        else
            status = DCN_FAIL(FORMAT, "the graph is not JSON: %s (byte %d)", error.text, error.position);
        goto out;
    }
    TRY(dcn_graph_create(&graph));
    TRY(read_graph(graph, root));
    *ret_graph = graph;
    graph = NULL;
out:
    dcn_graph_destroy(graph);
    json_decref(root);
    return status;
}
