/* The plan's oracle: a program run node by node on ref, every value in memory of its own, no layouts, nothing shared.
 */
#ifndef TESTS_ENGINE_NAIVE_H
#define TESTS_ENGINE_NAIVE_H

#include "engine/nets.h"

typedef struct naive_state {
    const dcn_program *program;
    dcn_device *device;
    void **data; /* [n_values] plain; NULL for blocks */
} naive_state;

naive_state naive_create(const dcn_program *program, uint64_t weight_seed, uint64_t input_seed);
void naive_destroy(naive_state *naive);
/* Every node but the updates, which need blocks. */
void naive_run(naive_state *naive);
/* What sgd_update does, parameter by parameter: momentum is the gradient in the first step. */
void naive_first_sgd(naive_state *naive, float lr);

#endif
