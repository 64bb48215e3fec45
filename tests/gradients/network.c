/* Running a graph on ref in f64 without a plan, and central differences of a scalar behind it. */
#include "gradients/network.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/random.h"
#include "decant/status.h"

/* f64 rounds at 1e-16: with this step both the truncation (h^2) and the rounding (1e-16 / h) stay below the tolerance.
 */
static const double difference_step = 1e-5;
static const double tolerance = 1e-6;

static void require(decant_status status, const char *what)
{
    if (status != DECANT_OK) fail_msg("%s: %s", what, decant_error_message());
}

void network_init(network *net)
{
    memset(net, 0, sizeof *net);
    require(dcn_graph_create(&net->graph), "graph");
    require(dcn_device_open("ref", NULL, &net->device), "ref");
}

void network_finish(network *net)
{
    for (int32_t v = 0; v < net->n_values; v++)
        test_free(net->data[v]);
    for (int32_t n = 0; n < net->n_nodes; n++)
        net->kernels[n]->destroy(net->kernels[n]);
    test_free(net->data);
    test_free(net->kernels);
    dcn_graph_destroy(net->graph);
    dcn_device_close(net->device);
}

/* --- values --- */

static void fill(network *net, dcn_value_id id, int32_t limit)
{
    const dcn_value *value = &net->graph->values[id];
    dcn_random random = dcn_random_start(5, DCN_PURPOSE_TEST, net->n_fills++, 0);
    for (int64_t i = 0; i < decant_shape_count(&value->shape); i++) {
        if (value->dtype == DECANT_F64) ((double *)net->data[id])[i] = dcn_random_normal(&random);
        if (value->dtype == DECANT_I32)
            ((int32_t *)net->data[id])[i] = (int32_t)dcn_random_below(&random, (uint32_t)limit);
        if (value->dtype == DECANT_I64) ((int64_t *)net->data[id])[i] = 77 + i;
    }
}

/* Memory for values that have none yet. */
static void grow_data(network *net)
{
    int32_t count = net->graph->n_values;
    net->data = test_realloc(net->data, (size_t)count * sizeof *net->data);
    for (int32_t v = net->n_values; v < count; v++) {
        const dcn_value *value = &net->graph->values[v];
        net->data[v] = test_calloc((size_t)decant_shape_count(&value->shape), decant_dtype_size(value->dtype));
    }
    net->n_values = count;
}

dcn_value_id network_input(network *net, const char *name, decant_dtype dtype, decant_shape shape, int32_t limit)
{
    dcn_value_id id = DCN_NONE;
    require(dcn_graph_add_value(net->graph, DCN_VALUE_INPUT, name, dtype, &shape, &id), name);
    grow_data(net);
    fill(net, id, limit);
    return id;
}

dcn_value_id network_parameter(network *net, const char *name, decant_shape shape)
{
    dcn_value_id id = DCN_NONE;
    require(dcn_graph_add_value(net->graph, DCN_VALUE_PARAMETER, name, DECANT_F64, &shape, &id), name);
    net->graph->values[id].trainable = true;
    grow_data(net);
    fill(net, id, 0);
    return id;
}

dcn_value_id network_node(network *net, decant_op op, const decant_op_attrs *attrs, const dcn_value_id *inputs,
                          int32_t n_inputs, int32_t n_outputs, dcn_value_id *ret_outputs)
{
    dcn_value_id outputs[DCN_MAX_OUTPUTS];
    require(dcn_graph_add_node(net->graph, op, attrs, NULL, inputs, n_inputs, n_outputs, outputs),
            dcn_op_get(op)->name);
    grow_data(net);
    if (ret_outputs != NULL) memcpy(ret_outputs, outputs, (size_t)n_outputs * sizeof *outputs);
    return outputs[0];
}

/* --- running --- */

static void compile_nodes(network *net)
{
    net->kernels = test_realloc(net->kernels, (size_t)net->graph->n_nodes * sizeof(dcn_kernel *));
    for (; net->n_nodes < net->graph->n_nodes; net->n_nodes++) {
        dcn_op_call call;
        dcn_graph_call(net->graph, net->n_nodes, &call);
        require(net->device->class->compile(net->device, &call, &net->kernels[net->n_nodes]),
                dcn_op_get(call.op)->name);
    }
}

static void run_nodes(network *net, int32_t count)
{
    for (int32_t n = 0; n < count; n++) {
        const dcn_node *node = &net->graph->nodes[n];
        void *inputs[DCN_MAX_INPUTS], *outputs[DCN_MAX_OUTPUTS];
        for (int32_t i = 0; i < node->n_inputs; i++)
            inputs[i] = net->data[node->input[i]];
        for (int32_t i = 0; i < node->n_outputs; i++)
            outputs[i] = net->data[node->output[i]];
        net->kernels[n]->run(net->kernels[n], inputs, outputs, NULL);
    }
}

/* --- checking --- */

/* The scalar: sum over terms of factor * sum_i value[i] * weight[i] (no weights: 1). */
typedef struct scalar_term {
    dcn_value_id value, weight;
    double factor;
} scalar_term;

static double evaluate(network *net, int32_t n_forward, const scalar_term *terms, int32_t n_terms)
{
    run_nodes(net, n_forward);
    double sum = 0;
    for (int32_t t = 0; t < n_terms; t++) {
        const double *value = net->data[terms[t].value];
        const double *weight = terms[t].weight == DCN_NONE ? NULL : net->data[terms[t].weight];
        for (int64_t i = 0; i < decant_shape_count(&net->graph->values[terms[t].value].shape); i++)
            sum += terms[t].factor * value[i] * (weight != NULL ? weight[i] : 1);
    }
    return sum;
}

static void check_parameter(network *net, const char *name, dcn_value_id parameter, int32_t n_forward,
                            const scalar_term *terms, int32_t n_terms)
{
    const dcn_value value = net->graph->values[parameter];
    if (value.gradient == DCN_NONE) fail_msg("%s: %s got no gradient", name, value.name);
    const double *analytic = net->data[value.gradient];
    double *data = net->data[parameter];
    for (int64_t i = 0; i < decant_shape_count(&value.shape); i++) {
        double kept = data[i];
        data[i] = kept + difference_step;
        double above = evaluate(net, n_forward, terms, n_terms);
        data[i] = kept - difference_step;
        double below = evaluate(net, n_forward, terms, n_terms);
        data[i] = kept;
        double numeric = (above - below) / (2 * difference_step);
        if (!(fabs(numeric - analytic[i]) <= tolerance * (1 + fabs(numeric))))
            fail_msg("%s: d/d %s[%lld] is %.10g, central differences say %.10g", name, value.name, (long long)i,
                     analytic[i], numeric);
    }
}

static void check(network *net, const char *name, const dcn_seed *seeds, int32_t n_seeds, const scalar_term *terms,
                  int32_t n_terms)
{
    int32_t n_forward = net->graph->n_nodes, n_values = net->graph->n_values, checked = 0;
    require(dcn_graph_backward(net->graph, seeds, n_seeds), name);
    grow_data(net);
    compile_nodes(net);
    run_nodes(net, net->n_nodes);
    for (dcn_value_id v = 0; v < n_values; v++) {
        if (net->graph->values[v].kind != DCN_VALUE_PARAMETER) continue;
        check_parameter(net, name, v, n_forward, terms, n_terms);
        checked++;
    }
    assert_true(checked > 0);
}

void network_check(network *net, const char *name, dcn_value_id y)
{
    dcn_value_id weight = network_input(net, "weight of y", DECANT_F64, net->graph->values[y].shape, 0);
    check(net, name, &(dcn_seed){y, weight}, 1, &(scalar_term){y, weight, 1}, 1);
}

void network_check_losses(network *net, const char *name, dcn_value_id logits, const network_loss *losses,
                          int32_t n_losses)
{
    dcn_seed seeds[4];
    scalar_term terms[4];
    assert_true(n_losses <= 4);
    for (int32_t i = 0; i < n_losses; i++) {
        seeds[i] = (dcn_seed){logits, losses[i].gradient};
        terms[i] = (scalar_term){losses[i].value, DCN_NONE, losses[i].weight};
    }
    check(net, name, seeds, n_losses, terms, n_losses);
}
