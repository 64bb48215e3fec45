/* A small graph run on ref in f64, so that its gradients can be held against central differences. */
#ifndef GRADIENTS_NETWORK_H
#define GRADIENTS_NETWORK_H

#include "support/runner.h"

typedef struct network {
    runner run;
    uint32_t n_fills; /* so that no two values get the same numbers */
} network;

void network_init(network *net);
void network_finish(network *net);

/* A trainable f64 value with N(0,1) numbers; every element of it is checked. */
dcn_value_id network_parameter(network *net, const char *name, decant_shape shape);
/* The same, but not trained. Integers are below `limit`; an I64 [2] is dropout's counter. */
dcn_value_id network_input(network *net, const char *name, decant_dtype dtype, decant_shape shape, int32_t limit);
/* A node with one output that matters; the ids of all are in ret_outputs where it is not NULL. */
dcn_value_id network_node(network *net, decant_op op, const decant_op_attrs *attrs, const dcn_value_id *inputs,
                          int32_t n_inputs, int32_t n_outputs, dcn_value_id *ret_outputs);

/* For a scalar that is sum(y * g) with random g: differentiates by dcn_graph_backward, then checks every element of
 * every trainable parameter by central differences. */
void network_check(network *net, const char *name, dcn_value_id y);
/* The same where the scalar is the sum of loss nodes' values, each by its weight. */
typedef struct network_loss {
    dcn_value_id value, gradient; /* the node's outputs */
    double weight;                /* what the gradient output is scaled by */
} network_loss;
void network_check_losses(network *net, const char *name, dcn_value_id logits, const network_loss *losses,
                          int32_t n_losses);

#endif
