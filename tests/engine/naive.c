/* The naive executor. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/memory.h"
#include "engine/naive.h"

#define OK(call) assert_int_equal((call), DECANT_OK)

naive_state naive_create(const dcn_program *program, uint64_t weight_seed, uint64_t input_seed)
{
    naive_state naive = {.program = program};
    const dcn_graph *graph = program->graph;
    OK(dcn_device_open("ref", NULL, &naive.device));
    OK(dcn_new_array((size_t)graph->n_values, sizeof *naive.data, (void **)&naive.data));
    for (dcn_value_id v = 0; v < graph->n_values; v++) {
        dcn_value_kind kind = graph->values[v].kind;
        if (kind == DCN_VALUE_RESULT) OK(dcn_new_aligned(value_bytes(program, v), &naive.data[v]));
        if (kind == DCN_VALUE_INPUT) naive.data[v] = value_fill(program, v, input_seed);
        if (kind == DCN_VALUE_PARAMETER || kind == DCN_VALUE_STATE) naive.data[v] = value_fill(program, v, weight_seed);
    }
    return naive;
}

void naive_destroy(naive_state *naive)
{
    for (dcn_value_id v = 0; v < naive->program->graph->n_values; v++)
        dcn_free_aligned(naive->data[v]);
    dcn_free(naive->data);
    dcn_device_close(naive->device);
}

void naive_run(naive_state *naive)
{
    const dcn_graph *graph = naive->program->graph;
    for (dcn_node_id n = 0; n < graph->n_nodes; n++) {
        const dcn_node *node = &graph->nodes[n];
        if ((dcn_op_get(node->op)->flags & DCN_OP_UPDATE) != 0) continue;
        void *inputs[DCN_MAX_INPUTS], *outputs[DCN_MAX_OUTPUTS];
        for (int32_t i = 0; i < node->n_inputs; i++)
            inputs[i] = naive->data[node->input[i]];
        for (int32_t o = 0; o < node->n_outputs; o++)
            outputs[o] = naive->data[node->output[o]];
        if ((dcn_op_get(node->op)->flags & DCN_OP_VIEW) != 0) {
            memcpy(outputs[0], inputs[0], value_bytes(naive->program, node->input[0]));
            continue;
        }
        dcn_op_call call;
        dcn_kernel *kernel = NULL;
        dcn_graph_call(graph, n, &call);
        OK(naive->device->class->compile(naive->device, &call, &kernel));
        kernel->run(kernel, inputs, outputs, NULL);
        kernel->destroy(kernel);
    }
}

void naive_first_sgd(naive_state *naive, float lr)
{
    const dcn_graph *graph = naive->program->graph;
    for (dcn_value_id v = 0; v < graph->n_values; v++) {
        const dcn_value *value = &graph->values[v];
        if (value->kind != DCN_VALUE_PARAMETER || !value->trainable || value->gradient == DCN_NONE) continue;
        float *parameter = naive->data[v];
        const float *gradient = naive->data[value->gradient];
        for (int64_t i = 0; i < value_count(naive->program, v); i++)
            parameter[i] -= lr * gradient[i];
    }
}
