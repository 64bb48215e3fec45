/* The networks of the measured cases, with fresh weights. */
#ifndef DCN_BENCH_NETWORKS_H
#define DCN_BENCH_NETWORKS_H

#include "nn/model.h"

/* What a case says of its network. */
typedef struct dcn_bench_network {
    const char *name;    /* of the case, for messages */
    const char *network; /* a zoo name or a YAML layer list */
    int64_t channels;    /* for zoo networks: 0 or what the network wants of grey images */
    decant_shape sample;
    int32_t classes;
} dcn_bench_network;

/* seed 0: the weights are not drawn, as nobody reads them. */
decant_status dcn_bench_model(const dcn_bench_network *network, uint64_t seed, decant_model **ret_model);

/* Random bytes, the same every time. What they are does not matter. */
void dcn_bench_fill_bytes(uint8_t *data, int64_t count);
/* The same for floats in [-1, 1). */
void dcn_bench_fill_floats(float *data, int64_t count);

#endif
