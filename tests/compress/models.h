/* Models for the tests of compress/: networks of layer lists and of the zoo with weights that nothing makes special. */
#ifndef TESTS_COMPRESS_MODELS_H
#define TESTS_COMPRESS_MODELS_H

/* Order matters: cmocka needs the four before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/memory.h"
#include "base/random.h"
#include "compress/fold.h"
#include "compress/prune.h"
#include "decant/status.h"
#include "nn/layers.h"
#include "nn/zoo.h"

static inline void require_ok(decant_status status)
{
    if (status != DECANT_OK) fail_msg("%s: %s", decant_error_place(), decant_error_message());
}

static inline void assert_says(const char *words)
{
    if (strstr(decant_error_message(), words) == NULL)
        fail_msg("'%s' does not say '%s'", decant_error_message(), words);
}

/* Running statistics and scales as training leaves them, so that batch normalisation is no identity. */
static inline void shake(decant_model *model, uint64_t seed)
{
    dcn_random random = dcn_random_start(seed, DCN_PURPOSE_TEST, 1, 0);
    for (dcn_node_id n = 0; n < model->graph->n_nodes; n++) {
        const dcn_node *node = &model->graph->nodes[n];
        if (node->op != DECANT_OP_BATCHNORM) continue;
        const int64_t channels = model->graph->values[node->input[1]].shape.dim[0];
        for (int64_t c = 0; c < channels; c++) {
            model->data[node->input[1]][c] = (float)(0.5 + dcn_random_uniform(&random));
            model->data[node->input[2]][c] = (float)(0.2 * dcn_random_normal(&random));
            model->data[node->input[3]][c] = (float)(0.2 * dcn_random_normal(&random));
            model->data[node->input[4]][c] = (float)(0.5 + dcn_random_uniform(&random));
        }
    }
}

static inline decant_model *model_of_graph(dcn_graph *graph, uint64_t seed)
{
    decant_model *model = NULL;
    require_ok(dcn_model_create(graph, &model));
    dcn_model_init(model, seed);
    shake(model, seed);
    return model;
}

static inline decant_model *zoo_model(const char *name, int32_t rank, int64_t a, int64_t b, int64_t c)
{
    const decant_shape sample = decant_shape_make(rank, (const int64_t[]){a, b, c});
    const dcn_zoo_options options = {.classes = 10, .hidden = 24, .sample = &sample};
    dcn_graph *graph = NULL;
    require_ok(dcn_zoo_build(name, &options, &graph));
    return model_of_graph(graph, 3);
}

/* layers: a YAML list */
static inline dcn_graph *graph_of_layers(const char *layers, int32_t rank, int64_t a, int64_t b, int64_t c)
{
    const decant_shape sample = decant_shape_make(rank, (const int64_t[]){a, b, c});
    dcn_arena *arena = NULL;
    dcn_doc *doc = NULL;
    dcn_graph *graph = NULL;
    require_ok(dcn_arena_create(&arena));
    require_ok(dcn_doc_parse(arena, "net.yaml", layers, strlen(layers), &doc));
    require_ok(dcn_layers_build(doc, &sample, &graph));
    dcn_arena_destroy(arena);
    return graph;
}

static inline decant_model *layers_model(const char *layers, int32_t rank, int64_t a, int64_t b, int64_t c)
{
    return model_of_graph(graph_of_layers(layers, rank, a, b, c), 3);
}

/* Allocations fail, the first ones each in turn. */
static inline void assert_pruning_survives_no_memory(const decant_model *model, const decant_prune_options *options)
{
    decant_model *pruned = NULL;
    int64_t nth = 1;
    for (;; nth += 1 + nth / 32) {
        dcn_memory_fail_nth(nth);
        decant_status status = decant_model_prune(model, options, &pruned, NULL);
        dcn_memory_fail_nth(0);
        if (status == DECANT_OK) break;
        assert_int_equal(status, DECANT_NO_MEMORY);
        assert_null(pruned);
    }
    assert_true(nth > 10);
    dcn_model_destroy(pruned);
}

static inline dcn_device *open_device(void)
{
    const dcn_device_options options = {.threads = 1};
    dcn_device *device = NULL;
    require_ok(dcn_device_open("cpu", &options, &device));
    return device;
}

#endif
