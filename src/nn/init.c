/* Fresh weights, equal in distribution to PyTorch's. Every element is a function of (seed, parameter index, element
 * index), so large tensors are filled by all threads. */
#include <math.h>

#include "base/random.h"
#include "base/sanitizer.h"
#include "nn/model.h"

#define TWO_PI 6.283185307179586
/* Elements from which on threads share a tensor. */
#define MANY_ELEMENTS (DCN_THREAD_SANITIZER ? INT64_MAX : 1 << 16)

/* Fills with U[-bound, bound), four elements a Philox block. */
static void fill_uniform(float *data, int64_t count, uint64_t seed, uint32_t parameter, float bound)
{
    const float scale = 2.0f * bound * 0x1p-32f;
#pragma omp parallel for if (count >= MANY_ELEMENTS) schedule(static)
    for (int64_t begin = 0; begin < count; begin += 4) {
        uint32_t word[4];
        const uint32_t counter[4] = {(uint32_t)(begin / 4), DCN_PURPOSE_INIT, parameter, 0};
        dcn_philox(seed, counter, word);
        for (int64_t i = 0; i < 4 && begin + i < count; i++)
            data[begin + i] = (float)word[i] * scale - bound;
    }
}

/* Fills with N(0, deviation^2) by Box-Muller: two pairs a Philox block. */
static void fill_normal(float *data, int64_t count, uint64_t seed, uint32_t parameter, float deviation)
{
#pragma omp parallel for if (count >= MANY_ELEMENTS) schedule(static)
    for (int64_t begin = 0; begin < count; begin += 4) {
        uint32_t word[4];
        float normal[4];
        const uint32_t counter[4] = {(uint32_t)(begin / 4), DCN_PURPOSE_INIT, parameter, 0};
        dcn_philox(seed, counter, word);
        for (int pair = 0; pair < 4; pair += 2) {
            float uniform = ((float)word[pair] + 1.0f) * 0x1p-32f; /* (0, 1], so the logarithm is finite */
            float radius = deviation * sqrtf(-2.0f * logf(uniform));
            float angle = (float)(TWO_PI * 0x1p-32) * (float)word[pair + 1];
            normal[pair] = radius * cosf(angle);
            normal[pair + 1] = radius * sinf(angle);
        }
        for (int64_t i = 0; i < 4 && begin + i < count; i++)
            data[begin + i] = normal[i];
    }
}

static void fill_constant(float *data, int64_t count, float value)
{
    for (int64_t i = 0; i < count; i++)
        data[i] = value;
}

/* Weights and bias of a convolution or linear layer. weight [O, I/groups, kh, kw] or [O, I]. */
static void init_layer(decant_model *model, const dcn_node *node, uint64_t seed)
{
    const dcn_graph *graph = model->graph;
    const decant_shape *shape = &graph->values[node->input[1]].shape;
    const bool is_conv = node->op == DECANT_OP_CONV2D;
    const int64_t count = decant_shape_count(shape);
    const int64_t fan_in = count / shape->dim[0];
    const int64_t fan_out = shape->dim[0] * (is_conv ? shape->dim[2] * shape->dim[3] : 1);
    const uint32_t index = (uint32_t)node->input[1];

    if (graph->init == DCN_INIT_KAIMING_FAN_OUT && is_conv)
        fill_normal(model->data[index], count, seed, index, sqrtf(2.0f / (float)fan_out));
    else if (graph->init == DCN_INIT_KAIMING_FAN_IN)
        fill_normal(model->data[index], count, seed, index, sqrtf(2.0f / (float)fan_in));
    else /* kaiming_uniform with a = sqrt 5 is U(+-1/sqrt(fan_in)) */
        fill_uniform(model->data[index], count, seed, index, 1.0f / sqrtf((float)fan_in));

    if (node->n_inputs < 3) return;
    const uint32_t bias = (uint32_t)node->input[2];
    fill_uniform(model->data[bias], shape->dim[0], seed, bias, 1.0f / sqrtf((float)fan_in));
}

static void init_norm(decant_model *model, const dcn_node *node)
{
    const int64_t channels = model->graph->values[node->input[1]].shape.dim[0];
    const float start[4] = {1.0f, 0.0f, 0.0f, 1.0f}; /* weight, bias, running_mean, running_var */
    for (int i = 0; i < 4; i++)
        fill_constant(model->data[node->input[i + 1]], channels, start[i]);
}

void dcn_model_init(decant_model *model, uint64_t seed)
{
    for (dcn_node_id id = 0; id < model->graph->n_nodes; id++) {
        const dcn_node *node = &model->graph->nodes[id];
        if (node->op == DECANT_OP_CONV2D || node->op == DECANT_OP_LINEAR)
            init_layer(model, node, seed);
        else if (node->op == DECANT_OP_BATCHNORM)
            init_norm(model, node);
    }
}
