/* Making the networks and inputs of the measured cases. */
#include "bench/networks.h"

#include <string.h>

#include "base/memory.h"
#include "base/random.h"
#include "format/document.h"
#include "nn/layers.h"
#include "nn/zoo.h"

#define RANDOM_WORDS 4099 /* a prime, so that no two images of a batch are alike */

static decant_status build_graph(const dcn_bench_network *network, dcn_graph **ret_graph)
{
    if (network->network[0] != '[') {
        const dcn_zoo_options options = {
            .classes = network->classes, .channels = network->channels, .sample = &network->sample};
        return dcn_zoo_build(network->network, &options, ret_graph);
    }
    dcn_arena *arena = NULL;
    dcn_doc *list;
    decant_status status = dcn_arena_create(&arena);
    if (status != DECANT_OK) return status;
    TRY(dcn_doc_parse(arena, network->name, network->network, strlen(network->network), &list));
    TRY(dcn_layers_build(list, &network->sample, ret_graph));
out:
    dcn_arena_destroy(arena);
    return status;
}

decant_status dcn_bench_model(const dcn_bench_network *network, uint64_t seed, decant_model **ret_model)
{
    dcn_graph *graph;
    decant_model *model = NULL;
    decant_status status = build_graph(network, &graph);
    if (status != DECANT_OK) return status;
    TRY(dcn_model_create(graph, &model));
    if (seed != 0) dcn_model_init(model, seed);
    *ret_model = model;
    model = NULL;
out:
    dcn_model_destroy(model);
    return status;
}

/* A block of them over and over: drawing each would be most of the start-up. */
void dcn_bench_fill_bytes(uint8_t *data, int64_t count)
{
    uint32_t block[RANDOM_WORDS];
    dcn_random random = dcn_random_start(1, DCN_PURPOSE_TEST, 0, 0);
    for (int i = 0; i < RANDOM_WORDS; i++)
        block[i] = dcn_random_u32(&random);
    for (int64_t begin = 0; begin < count; begin += (int64_t)sizeof block) {
        const int64_t left = count - begin;
        memcpy(data + begin, block, left < (int64_t)sizeof block ? (size_t)left : sizeof block);
    }
}

void dcn_bench_fill_floats(float *data, int64_t count)
{
    dcn_random random = dcn_random_start(1, DCN_PURPOSE_TEST, 0, 0);
    for (int64_t i = 0; i < count; i++)
        data[i] = (float)(dcn_random_u32(&random) >> 8) * 0x1p-23f - 1.0f;
}
