/* The architecture fingerprint: a hash of what the network computes with given weights - ops, structural attributes,
 * shapes and wiring - and of nothing else. Batch size, names, dropout rates and the order in which parameters were made
 * do not count. */
#include <string.h>

#include "base/hash.h"
#include "base/memory.h"
#include "graph/graph.h"

#define FINGERPRINT_VERSION 1

/* What one node or value says about itself, as numbers in a fixed order. Long enough for the largest node; see the
 * assertion. */
typedef struct word_list {
    int64_t words[256];
    int32_t count;
} word_list;
_Static_assert(DCN_MAX_INPUTS *(DECANT_MAX_RANK + 8) + DCN_MAX_OUTPUTS * (DECANT_MAX_RANK + 4) + 64 <= 256,
               "a record has room for a node with all its inputs, outputs and attributes");

static void put(word_list *record, int64_t word)
{
    record->words[record->count++] = word;
}

static void put_text(word_list *record, const char *text)
{
    dcn_hash hash = dcn_hash_bytes(text, strlen(text)); /* names, not numbers: the op table may grow */
    put(record, (int64_t)hash.low);
}

/* The batch is no part of an architecture: a result's or an input's dimension 0 is left out. */
static void put_shape(word_list *record, const dcn_value *value)
{
    bool batched = value->kind == DCN_VALUE_RESULT || value->kind == DCN_VALUE_INPUT;
    put(record, value->dtype);
    put(record, value->shape.rank);
    for (int32_t i = batched ? 1 : 0; i < value->shape.rank; i++)
        put(record, value->shape.dim[i]);
}

/* The first (node, slot) that reads a value: the same for two readers exactly when they share it. */
static void put_first_reader(word_list *record, const dcn_graph *graph, dcn_value_id value)
{
    for (dcn_node_id n = 0; n < graph->n_nodes; n++) {
        for (int32_t i = 0; i < graph->nodes[n].n_inputs; i++) {
            if (graph->nodes[n].input[i] != value) continue;
            put(record, n);
            put(record, i);
            return;
        }
    }
    put(record, DCN_NONE);
    put(record, DCN_NONE);
}

/* Which value this is, without ids: a result by who makes it, anything else by who reads it first. */
static void put_reference(word_list *record, const dcn_graph *graph, dcn_value_id id)
{
    const dcn_value *value = &graph->values[id];
    put(record, value->kind);
    if (value->kind == DCN_VALUE_RESULT) {
        put(record, value->producer);
        put(record, value->output_index);
    } else {
        put_first_reader(record, graph, id);
    }
    put_shape(record, value);
}

static void put_double(word_list *record, double value)
{
    int64_t bits = 0;
    memcpy(&bits, &value, sizeof bits);
    put(record, bits);
}

static void put_field(word_list *record, const dcn_attr_field *field, const decant_op_attrs *attrs)
{
    const unsigned char *at = (const unsigned char *)attrs + field->offset;
    const int64_t *integers = (const int64_t *)(const void *)at;
    put_text(record, field->name);
    switch (field->type) {
    case DCN_FIELD_INT:
        put(record, integers[0]);
        break;
    case DCN_FIELD_INT_PAIR:
        put(record, integers[0]);
        put(record, integers[1]);
        break;
    case DCN_FIELD_INT_LIST:
        for (int i = 1; i < DECANT_MAX_RANK; i++)
            put(record, integers[i]); /* entry 0 is the batch */
        break;
    case DCN_FIELD_BOOL:
        put(record, *(const bool *)at);
        break;
    case DCN_FIELD_DOUBLE:
        put_double(record, *(const double *)(const void *)at);
        break;
    case DCN_FIELD_ENUM32:
        put_text(record, dcn_activation_name((dcn_activation) * (const int32_t *)(const void *)at));
        break;
    }
}

static void put_node(word_list *record, const dcn_graph *graph, const dcn_node *node)
{
    int32_t n_fields = 0;
    const dcn_attr_field *fields = dcn_op_fields(node->op, &n_fields);
    put_text(record, dcn_op_get(node->op)->name);
    for (int32_t i = 0; i < n_fields; i++)
        if (fields[i].structural) put_field(record, &fields[i], &node->attrs);
    put(record, node->n_inputs);
    for (int32_t i = 0; i < node->n_inputs; i++)
        put_reference(record, graph, node->input[i]);
    put(record, node->n_outputs);
    for (int32_t i = 0; i < node->n_outputs; i++)
        put_shape(record, &graph->values[node->output[i]]);
}

static dcn_hash hash_record(dcn_hash so_far, const word_list *record)
{
    return dcn_hash_mix(so_far, dcn_hash_bytes(record->words, (size_t)record->count * sizeof record->words[0]));
}

void dcn_graph_fingerprint(const dcn_graph *graph, char ret_hex[DCN_HASH_HEX])
{
    word_list record = {.count = 0};
    put(&record, FINGERPRINT_VERSION);
    if (graph->input != DCN_NONE) put_shape(&record, &graph->values[graph->input]);
    if (graph->output != DCN_NONE) put_reference(&record, graph, graph->output);
    dcn_hash hash = dcn_hash_bytes(record.words, (size_t)record.count * sizeof record.words[0]);

    for (dcn_node_id n = 0; n < graph->n_nodes; n++) {
        record.count = 0;
        put_node(&record, graph, &graph->nodes[n]);
        hash = hash_record(hash, &record);
    }
    dcn_hash_hex(hash, ret_hex);
}

dcn_node_id dcn_graph_first_difference(const dcn_graph *a, const dcn_graph *b)
{
    const int32_t shorter = a->n_nodes < b->n_nodes ? a->n_nodes : b->n_nodes;
    for (dcn_node_id n = 0; n < shorter; n++) {
        word_list first = {.count = 0}, second = {.count = 0};
        put_node(&first, a, &a->nodes[n]);
        put_node(&second, b, &b->nodes[n]);
        const size_t bytes = (size_t)first.count * sizeof first.words[0];
        if (first.count != second.count || memcmp(first.words, second.words, bytes) != 0) return n;
    }
    return a->n_nodes != b->n_nodes ? shorter : DCN_NONE;
}
