/* The model zoo: well-known networks by name. */
#ifndef DCN_NN_ZOO_H
#define DCN_NN_ZOO_H

#include "format/document.h"
#include "graph/graph.h"

typedef struct dcn_zoo_options {
    int64_t classes;               /* 0: the entry's default (10) */
    int64_t channels;              /* input channels the network is built for; 0: the data's (sample_shape's) */
    int64_t hidden;                /* mlp only: units of each hidden layer; 0 = 1200 */
    int64_t hidden_layers;         /* mlp only; 0 = 2 */
    double dropout, input_dropout; /* mlp only */
    const decant_shape *sample;    /* [C,H,W] or [features]; NULL: the entry's own */
} dcn_zoo_options;

/* Names with parameters are accepted in full: "resnet20", "wrn-16-2". NOT_FOUND names the nearest. When the network
 * wants 3 channels and the sample has 1, a repeat_channels node is put in front. */
decant_status dcn_zoo_build(const char *name, const dcn_zoo_options *options, dcn_graph **ret_graph);
int32_t dcn_zoo_count(void);
const char *dcn_zoo_name(int32_t index);
const char *dcn_zoo_doc(int32_t index); /* a phrase for docs/recipes.md */

#endif
