/* Central differences of a scalar behind a graph. */
#include "gradients/network.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/random.h"

/* f64 rounds at 1e-16: with this step both the truncation (h^2) and the rounding (1e-16 / h) stay below the tolerance.
 */
static const double difference_step = 1e-5;
static const double tolerance = 1e-6;

void network_init(network *net)
{
    net->n_fills = 0;
    runner_init(&net->run, "ref", DECANT_F64);
}

void network_finish(network *net)
{
    runner_finish(&net->run);
}

/* --- values --- */

static void fill(network *net, dcn_value_id id, int32_t limit)
{
    dcn_random random = dcn_random_start(5, DCN_PURPOSE_TEST, net->n_fills++, 0);
    decant_dtype dtype = net->run.graph->values[id].dtype;
    void *data = net->run.data[id];
    for (int64_t i = 0; i < runner_count(&net->run, id); i++) {
        if (dtype == DECANT_F64) ((double *)data)[i] = dcn_random_normal(&random);
        if (dtype == DECANT_I32) ((int32_t *)data)[i] = (int32_t)dcn_random_below(&random, (uint32_t)limit);
        if (dtype == DECANT_I64) ((int64_t *)data)[i] = 77 + i;
    }
}

dcn_value_id network_input(network *net, const char *name, decant_dtype dtype, decant_shape shape, int32_t limit)
{
    dcn_value_id id = runner_value(&net->run, DCN_VALUE_INPUT, name, dtype, shape);
    fill(net, id, limit);
    return id;
}

dcn_value_id network_parameter(network *net, const char *name, decant_shape shape)
{
    dcn_value_id id = runner_value(&net->run, DCN_VALUE_PARAMETER, name, DECANT_F64, shape);
    fill(net, id, 0);
    return id;
}

dcn_value_id network_node(network *net, decant_op op, const decant_op_attrs *attrs, const dcn_value_id *inputs,
                          int32_t n_inputs, int32_t n_outputs, dcn_value_id *ret_outputs)
{
    return runner_node(&net->run, op, attrs, inputs, n_inputs, n_outputs, ret_outputs);
}

/* --- checking --- */

/* The scalar: sum over terms of factor * sum_i value[i] * weight[i] (no weights: 1). */
typedef struct scalar_term {
    dcn_value_id value, weight;
    double factor;
} scalar_term;

static double evaluate(network *net, int32_t n_forward, const scalar_term *terms, int32_t n_terms)
{
    runner_run(&net->run, n_forward);
    double sum = 0;
    for (int32_t t = 0; t < n_terms; t++) {
        const double *value = net->run.data[terms[t].value];
        const double *weight = terms[t].weight == DCN_NONE ? NULL : net->run.data[terms[t].weight];
        for (int64_t i = 0; i < runner_count(&net->run, terms[t].value); i++)
            sum += terms[t].factor * value[i] * (weight != NULL ? weight[i] : 1);
    }
    return sum;
}

static void check_parameter(network *net, const char *name, dcn_value_id parameter, int32_t n_forward,
                            const scalar_term *terms, int32_t n_terms)
{
    const dcn_value value = net->run.graph->values[parameter];
    if (value.gradient == DCN_NONE) fail_msg("%s: %s got no gradient", name, value.name);
    const double *analytic = net->run.data[value.gradient];
    double *data = net->run.data[parameter];
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
    int32_t n_forward = net->run.graph->n_nodes, n_values = net->run.graph->n_values, checked = 0;
    runner_backward(&net->run, seeds, n_seeds);
    runner_run(&net->run, net->run.graph->n_nodes);
    for (dcn_value_id v = 0; v < n_values; v++) {
        if (net->run.graph->values[v].kind != DCN_VALUE_PARAMETER) continue;
        check_parameter(net, name, v, n_forward, terms, n_terms);
        checked++;
    }
    assert_true(checked > 0);
}

void network_check(network *net, const char *name, dcn_value_id y)
{
    dcn_value_id weight = network_input(net, "weight of y", DECANT_F64, net->run.graph->values[y].shape, 0);
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
