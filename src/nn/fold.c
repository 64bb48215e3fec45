/* A model with fewer layers that computes the same at inference: batchnorm goes into the convolution or linear layer
 * before it, channels repeated in front of a convolution into its weights, dropout goes. */
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "nn/model.h"

/* A convolution or linear layer whose weights are worked out anew. */
typedef struct folded_layer {
    dcn_node_id layer, norm; /* of the original; norm DCN_NONE where none is folded in */
    int64_t times;           /* its input channels were repeated so often; 1: they were not */
    dcn_value_id weight, bias;
} folded_layer;

typedef struct folder {
    const decant_model *model;
    const dcn_value_id *keep; /* [n_keep] */
    int32_t n_keep;
    dcn_graph *graph;     /* the folded model's */
    dcn_value_id *map;    /* [model->graph->n_values] where a value has gone; DCN_NONE: nowhere */
    folded_layer *layers; /* [n_layers] */
    int32_t n_layers;
} folder;

/* --- what can be folded --- */

static bool is_kept(const folder *f, dcn_value_id value)
{
    for (int32_t k = 0; k < f->n_keep; k++)
        if (f->keep[k] == value) return true;
    return false;
}

/* The node that alone reads the value, which nobody else wants to see; DCN_NONE otherwise. */
static dcn_node_id only_reader(const folder *f, dcn_value_id value)
{
    return is_kept(f, value) ? DCN_NONE : dcn_graph_only_reader(f->model->graph, value);
}

static bool takes_norm(decant_op op)
{
    return op == DECANT_OP_CONV2D || op == DECANT_OP_LINEAR;
}

/* What batchnorm multiplies channel c by. */
static double norm_scale(const folder *f, const dcn_node *norm, int64_t c)
{
    double variance = (double)f->model->data[norm->input[4]][c];
    return (double)f->model->data[norm->input[1]][c] / sqrt(variance + norm->attrs.norm.eps);
}

/* What batchnorm makes of the bias (0 without one) of channel c. */
static double norm_bias(const folder *f, const dcn_node *layer, const dcn_node *norm, int64_t c)
{
    double bias = layer->n_inputs > 2 ? (double)f->model->data[layer->input[2]][c] : 0;
    double mean = (double)f->model->data[norm->input[3]][c];
    return (bias - mean) * norm_scale(f, norm, c) + (double)f->model->data[norm->input[2]][c];
}

/* Scaled weights that f32 could not hold stay apart from their scale. */
static bool norm_fits(const folder *f, const dcn_node *layer, const dcn_node *norm)
{
    const decant_shape *shape = &f->model->graph->values[layer->input[1]].shape; /* [channels, ...] */
    const int64_t channels = shape->dim[0], row = decant_shape_count(shape) / channels;
    for (int64_t c = 0; c < channels; c++) {
        const float *weights = f->model->data[layer->input[1]] + c * row;
        const double scale = norm_scale(f, norm, c);
        if (!isfinite((float)norm_bias(f, layer, norm, c))) return false;
        for (int64_t i = 0; i < row; i++)
            if (!isfinite((float)(scale * (double)weights[i]))) return false;
    }
    return true;
}

static dcn_node_id norm_after(const folder *f, dcn_node_id layer)
{
    const dcn_graph *graph = f->model->graph;
    if (!takes_norm(graph->nodes[layer].op)) return DCN_NONE;
    dcn_node_id next = only_reader(f, graph->nodes[layer].output[0]);
    if (next == DCN_NONE || graph->nodes[next].op != DECANT_OP_BATCHNORM) return DCN_NONE;
    return norm_fits(f, &graph->nodes[layer], &graph->nodes[next]) ? next : DCN_NONE;
}

/* How often the channels that this layer reads were repeated for it alone; 1 when they were not. */
static int64_t repeats_before(const folder *f, dcn_node_id layer)
{
    const dcn_graph *graph = f->model->graph;
    const dcn_node *node = &graph->nodes[layer];
    dcn_node_id producer = graph->values[node->input[0]].producer;
    if (node->op != DECANT_OP_CONV2D || node->attrs.conv.groups != 1 || producer == DCN_NONE) return 1;
    bool repeats = graph->nodes[producer].op == DECANT_OP_REPEAT_CHANNELS && only_reader(f, node->input[0]) == layer;
    return repeats ? graph->nodes[producer].attrs.repeat.times : 1;
}

/* --- the graph --- */

/* The folded graph's copy of a value that no node makes. */
static decant_status copy_source(folder *f, dcn_value_id value)
{
    const dcn_value *from = &f->model->graph->values[value];
    if (f->map[value] != DCN_NONE || from->kind == DCN_VALUE_RESULT) return DECANT_OK;
    return dcn_graph_add_value(f->graph, from->kind, from->name, from->dtype, &from->shape, &f->map[value]);
}

static decant_status copy_node(folder *f, const dcn_node *node)
{
    dcn_value_id inputs[DCN_MAX_INPUTS], outputs[DCN_MAX_OUTPUTS];
    for (int32_t i = 0; i < node->n_inputs; i++) {
        TRY_RETURN(copy_source(f, node->input[i]));
        inputs[i] = f->map[node->input[i]];
    }
    TRY_RETURN(dcn_graph_add_node(f->graph, node->op, &node->attrs, node->name, inputs, node->n_inputs, node->n_outputs,
                                  outputs));
    for (int32_t o = 0; o < node->n_outputs; o++)
        f->map[node->output[o]] = outputs[o];
    return DECANT_OK;
}

/* "conv1.bias", also where the layer had none. */
static decant_status add_bias(folder *f, const dcn_node *node, int64_t channels, dcn_value_id *ret_bias)
{
    const decant_shape shape = {.rank = 1, .dim = {channels}};
    dcn_text name = {0};
    decant_status status = DECANT_OK;
    if (node->n_inputs > 2)
        TRY(dcn_text_add(&name, "%s", f->model->graph->values[node->input[2]].name));
    else
        TRY(dcn_text_add(&name, "%s.bias", node->name));
    TRY(dcn_graph_add_value(f->graph, DCN_VALUE_PARAMETER, name.data, DECANT_F32, &shape, ret_bias));
out:
    dcn_text_finish(&name);
    return status;
}

static decant_status fold_node(folder *f, dcn_node_id id, dcn_node_id norm, int64_t times)
{
    const dcn_graph *graph = f->model->graph;
    const dcn_node *node = &graph->nodes[id];
    const dcn_value *weight = &graph->values[node->input[1]];
    folded_layer *layer = &f->layers[f->n_layers++];
    *layer = (folded_layer){.layer = id, .norm = norm, .times = times, .bias = DCN_NONE};

    dcn_value_id x = node->input[0];
    decant_shape shape = weight->shape;
    if (times > 1) {
        x = graph->nodes[graph->values[x].producer].input[0];
        shape.dim[1] /= times;
    }
    TRY_RETURN(copy_source(f, x));
    TRY_RETURN(dcn_graph_add_value(f->graph, DCN_VALUE_PARAMETER, weight->name, DECANT_F32, &shape, &layer->weight));
    if (norm != DCN_NONE || node->n_inputs > 2) TRY_RETURN(add_bias(f, node, shape.dim[0], &layer->bias));

    decant_op_attrs attrs = node->attrs;
    const bool bias = layer->bias != DCN_NONE;
    *(node->op == DECANT_OP_CONV2D ? &attrs.conv.bias : &attrs.linear.bias) = bias;
    const dcn_value_id inputs[3] = {f->map[x], layer->weight, layer->bias};
    dcn_value_id output;
    TRY_RETURN(dcn_graph_add_node(f->graph, node->op, &attrs, node->name, inputs, bias ? 3 : 2, 1, &output));
    f->map[norm != DCN_NONE ? graph->nodes[norm].output[0] : node->output[0]] = output;
    return DECANT_OK;
}

/* Nodes that leave nothing behind: dropout, batchnorm that was folded, repeats that the next layer has taken in. */
static bool vanishes(folder *f, dcn_node_id id)
{
    const dcn_node *node = &f->model->graph->nodes[id];
    if (node->op == DECANT_OP_DROPOUT) {
        f->map[node->output[0]] = f->map[node->input[0]];
        return true;
    }
    if (node->op == DECANT_OP_REPEAT_CHANNELS) {
        dcn_node_id next = only_reader(f, node->output[0]);
        return next != DCN_NONE && repeats_before(f, next) > 1;
    }
    return f->map[node->output[0]] != DCN_NONE;
}

static decant_status build_graph(folder *f)
{
    const dcn_graph *graph = f->model->graph;
    TRY_RETURN(dcn_graph_create(&f->graph));
    f->graph->init = graph->init;
    TRY_RETURN(copy_source(f, graph->input));
    f->graph->input = f->map[graph->input];
    for (dcn_node_id id = 0; id < graph->n_nodes; id++) {
        if (vanishes(f, id)) continue;
        const dcn_node_id norm = norm_after(f, id);
        const int64_t times = repeats_before(f, id);
        const bool folds = norm != DCN_NONE || times > 1;
        TRY_RETURN(folds ? fold_node(f, id, norm, times) : copy_node(f, &graph->nodes[id]));
    }
    f->graph->output = f->map[graph->output];
    return DECANT_OK;
}

/* --- the weights --- */

/* Sums the weights of repeated channels, times the scale of the output channel. In double: rounded once. */
static void fold_weights(const folder *f, const folded_layer *layer, float *folded)
{
    const dcn_graph *graph = f->model->graph;
    const dcn_node *node = &graph->nodes[layer->layer];
    const decant_shape *shape = &graph->values[node->input[1]].shape; /* [O,I,kh,kw] or [O,I] */
    const float *weights = f->model->data[node->input[1]];
    const int64_t channels = shape->dim[0], row = decant_shape_count(shape) / channels, kept = row / layer->times;
    for (int64_t c = 0; c < channels; c++) {
        const double scale = layer->norm != DCN_NONE ? norm_scale(f, &graph->nodes[layer->norm], c) : 1;
        for (int64_t i = 0; i < kept; i++) {
            double sum = 0;
            for (int64_t k = i; k < row; k += kept)
                sum += (double)weights[c * row + k];
            folded[c * kept + i] = (float)(scale * sum);
        }
    }
}

static void fold_bias(const folder *f, const folded_layer *layer, float *folded)
{
    const dcn_graph *graph = f->model->graph;
    const dcn_node *node = &graph->nodes[layer->layer];
    const int64_t channels = graph->values[node->input[1]].shape.dim[0];
    for (int64_t c = 0; c < channels; c++)
        folded[c] = layer->norm != DCN_NONE ? (float)norm_bias(f, node, &graph->nodes[layer->norm], c)
                                            : f->model->data[node->input[2]][c];
}

static void fill_weights(const folder *f, decant_model *folded)
{
    const dcn_graph *graph = f->model->graph;
    for (dcn_value_id v = 0; v < graph->n_values; v++) {
        if (f->model->data[v] == NULL || f->map[v] == DCN_NONE) continue;
        memcpy(folded->data[f->map[v]], f->model->data[v],
               (size_t)decant_shape_count(&graph->values[v].shape) * sizeof(float));
    }
    for (int32_t l = 0; l < f->n_layers; l++) {
        const folded_layer *layer = &f->layers[l];
        fold_weights(f, layer, folded->data[layer->weight]);
        if (layer->bias != DCN_NONE) fold_bias(f, layer, folded->data[layer->bias]);
    }
}

decant_status dcn_model_fold(const decant_model *model, const dcn_value_id *keep, int32_t n_keep,
                             decant_model **ret_folded, dcn_value_id **ret_map)
{
    folder f = {.model = model, .keep = keep, .n_keep = n_keep};
    decant_model *folded = NULL;
    decant_status status = DECANT_OK;
    TRY(dcn_new_array((size_t)model->graph->n_values, sizeof *f.map, (void **)&f.map));
    TRY(dcn_new_array((size_t)model->graph->n_nodes, sizeof *f.layers, (void **)&f.layers));
    for (dcn_value_id v = 0; v < model->graph->n_values; v++)
        f.map[v] = DCN_NONE;
    TRY(build_graph(&f));
    status = dcn_model_create(f.graph, &folded); /* takes the graph, also when it fails */
    f.graph = NULL;
    if (status != DECANT_OK) goto out;
    fill_weights(&f, folded);
    TRY(dcn_model_copy_facts(model, folded));
    *ret_folded = folded;
    folded = NULL;
    if (ret_map != NULL) {
        *ret_map = f.map;
        f.map = NULL;
    }
out:
    if (status != DECANT_OK) dcn_while("folding the model for inference");
    dcn_model_destroy(folded);
    dcn_graph_destroy(f.graph);
    dcn_free(f.layers);
    dcn_free(f.map);
    return status;
}
