/* The taylor criterion: what the loss would lose with a unit, by its first-order expansion (Molchanov et al.,
 * Importance Estimation for Neural Network Pruning, 2019). With a gate z = 1 on a channel y, dloss/dz is the sum of y
 * dloss/dy, which for the channel of a layer that is linear in its parameters is the sum of parameter times gradient:
 * no activation need be seen. Behind a filter, batch normalisation undoes what its gate does, and the filter's sum
 * vanishes of itself, so all layers that make a unit's channels are added up. */
#include <math.h>

#include "base/memory.h"
#include "compress/prune.h"
#include "data/loader.h"
#include "nn/inference.h"
#include "train/training_step.h"
#include "train/weights.h"

#define BATCH 64 /* the importance is the mean over batches of the square of the unit's sum */

typedef struct asking {
    decant_model *model; /* a copy without dropout */
    dcn_training_step *step;
    dcn_loader *loader;
    float **gradients; /* [n_values] of parameters; NULL for other values */
    double *gates;     /* [n_units] dloss/dgate in one batch */
} asking;

static void finish(asking *ask)
{
    dcn_free(ask->gates);
    if (ask->model != NULL) dcn_weights_destroy(ask->model->graph, ask->gradients);
    dcn_loader_destroy(ask->loader);
    dcn_training_step_destroy(ask->step);
    dcn_model_destroy(ask->model);
}

/* A training step that never moves: its learning rate is 0. */
static decant_status make_step(const dcn_prune_data *data, int64_t batch, asking *ask)
{
    const decant_model *model = ask->model;
    const dcn_term loss = {.kind = model->n_outputs == 1 ? DCN_TERM_BCE : DCN_TERM_CE, .weight = 1};
    const dcn_optimizer still = dcn_optimizer_default(DCN_OPTIMIZER_SGD);
    const dcn_training_spec spec = {
        .device = data->device, .model = model, .optimizer = &still, .terms = &loss, .n_terms = 1, .labelled = true};
    TRY_RETURN(dcn_training_step_create(&spec, batch, NULL, &ask->step));
    dcn_optimizer_hyper(&still, 0, 1, 1, ask->step->hyper);
    ask->step->hyper[DCN_HYPER_LR] = 0;
    return dcn_model_write(model, ask->step->values, ask->step->plan);
}

static decant_status start(const decant_model *model, const dcn_channels *channels, const dcn_prune_data *data,
                           asking *ask)
{
    const dcn_normalization *norm = &model->normalization;
    const dcn_loader_options loader = {.dataset = data->dataset,
                                       .part = &data->dataset->train,
                                       .indices = data->indices,
                                       .count = data->count,
                                       .batch = data->count < BATCH ? data->count : BATCH,
                                       .shuffle = true, /* neighbours in a file are often of one class */
                                       .drop_last = true,
                                       .norm_channels = norm->channels,
                                       .mean = norm->mean,
                                       .std = norm->std};
    TRY_RETURN(dcn_model_clone(model, &ask->model));
    for (dcn_node_id n = 0; n < model->graph->n_nodes; n++)
        if (model->graph->nodes[n].op == DECANT_OP_DROPOUT) ask->model->graph->nodes[n].attrs.dropout.p = 0;
    TRY_RETURN(make_step(data, loader.batch, ask));
    TRY_RETURN(dcn_loader_create(&loader, &ask->loader));
    TRY_RETURN(dcn_weights_create(model->graph, false, &ask->gradients));
    return dcn_new_array((size_t)channels->n_units, sizeof *ask->gates, (void **)&ask->gates);
}

/* Adds parameter times gradient of each row of a layer's weight and bias to the gate of the row's unit. */
static void add_layer(const asking *ask, const dcn_channels *channels, const dcn_node *node)
{
    const int32_t *units = dcn_channels_units(channels, node->output[0]);
    for (int32_t slot = 1; slot < node->n_inputs && slot < 3; slot++) {
        const decant_shape *shape = &channels->graph->values[node->input[slot]].shape; /* [rows, ...] */
        const int64_t per_row = decant_shape_count(shape) / shape->dim[0];
        const float *parameter = ask->model->data[node->input[slot]], *gradient = ask->gradients[node->input[slot]];
        for (int64_t i = 0; i < shape->dim[0] * per_row; i++)
            ask->gates[units[i / per_row]] += (double)parameter[i] * (double)gradient[i];
    }
}

static decant_status add_batch(const asking *ask, const dcn_channels *channels, double *scores)
{
    const dcn_graph *graph = channels->graph;
    TRY_RETURN(dcn_weights_read(ask->step->plan, ask->step->values, graph, DCN_BLOCK_GRADIENT, ask->gradients));
    for (int32_t u = 0; u < channels->n_units; u++)
        ask->gates[u] = 0;
    for (dcn_node_id n = 0; n < graph->n_nodes; n++) {
        const decant_op op = graph->nodes[n].op;
        if (op == DECANT_OP_CONV2D || op == DECANT_OP_LINEAR || op == DECANT_OP_BATCHNORM)
            add_layer(ask, channels, &graph->nodes[n]);
    }
    for (int32_t u = 0; u < channels->n_units; u++) {
        if (!isfinite(ask->gates[u]))
            return DCN_FAIL(NUMERIC, "the gradients that tell what a channel is worth are not finite");
        scores[u] += ask->gates[u] * ask->gates[u] / (double)dcn_loader_batches(ask->loader);
    }
    return DECANT_OK;
}

decant_status dcn_taylor_scores(const decant_model *model, const dcn_channels *channels, const dcn_prune_data *data,
                                double *ret_scores)
{
    asking ask = {0};
    const dcn_batch *batch = NULL;
    const decant_precision precision = data->device->precision;
    data->device->precision = DECANT_PRECISION_F32; /* a sum of products that nearly cancel */
    decant_status status = start(model, channels, data, &ask);
    if (status != DECANT_OK) goto out;
    for (int32_t u = 0; u < channels->n_units; u++)
        ret_scores[u] = 0;
    TRY(dcn_loader_start(ask.loader, 0, 0));
    for (;;) {
        TRY(dcn_loader_next(ask.loader, &batch));
        if (batch == NULL) break;
        TRY(dcn_training_step_bind(ask.step, batch));
        TRY(dcn_plan_run(ask.step->plan));
        TRY(add_batch(&ask, channels, ret_scores));
    }
out:
    data->device->precision = precision;
    finish(&ask);
    return status;
}
