/* A network's description in a model file: what is accepted is written, read and fingerprinted again as the same. */
#include <string.h>

#include "base/memory.h"
#include "fuzz/fuzz.h"
#include "graph/graph.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    dcn_graph *graph = NULL, *again = NULL;
    char *first = NULL, *second = NULL, hex[2][33];
    if (dcn_graph_from_json((const char *)data, bytes, &graph) == DECANT_OK) {
        FUZZ_HOLDS(dcn_graph_to_json(graph, &first) == DECANT_OK);
        FUZZ_HOLDS(dcn_graph_from_json(first, strlen(first), &again) == DECANT_OK);
        FUZZ_HOLDS(dcn_graph_to_json(again, &second) == DECANT_OK);
        FUZZ_HOLDS(strcmp(first, second) == 0);
        dcn_graph_fingerprint(graph, hex[0]);
        dcn_graph_fingerprint(again, hex[1]);
        FUZZ_HOLDS(strcmp(hex[0], hex[1]) == 0);
    }
    dcn_free(first);
    dcn_free(second);
    dcn_graph_destroy(graph);
    dcn_graph_destroy(again);
    return 0;
}
