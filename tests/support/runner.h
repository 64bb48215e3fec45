/* A graph run node by node on any host device, without a plan: every value in plain memory of its own, reordered around
 * each kernel. For tests that want the ops and the derivatives and nothing else. */
#ifndef SUPPORT_RUNNER_H
#define SUPPORT_RUNNER_H

#include "device/device.h"
#include "graph/graph.h"

/* One compiled node with the reorders that its kernel asks for. */
typedef struct runner_step {
    dcn_op_call call;
    dcn_kernel *kernel;
    dcn_kernel *before[DCN_MAX_INPUTS], *after[DCN_MAX_OUTPUTS]; /* NULL: the value is plain already */
    void *input[DCN_MAX_INPUTS], *output[DCN_MAX_OUTPUTS];       /* in the kernel's layout, where there is a reorder */
    void *scratch;
} runner_step;

typedef struct runner {
    dcn_graph *graph;
    dcn_device *device;
    decant_dtype dtype; /* of everything that is computed */
    void **data;        /* [n_values] plain; indices as the device writes them */
    dcn_layout *layout; /* [n_values] plain, but for indices */
    runner_step *steps;
    int32_t n_values, n_steps;
} runner;

/* Fails the test with the error record's message unless the status is OK. */
void require(decant_status status, const char *what);

/* "cpu" is opened with one thread. */
void runner_init(runner *run, const char *device, decant_dtype dtype);
void runner_finish(runner *run);

/* A value that no node makes, zeroed; parameters are trainable. */
dcn_value_id runner_value(runner *run, dcn_value_kind kind, const char *name, decant_dtype dtype, decant_shape shape);
/* Its elements from doubles, and back. */
void runner_set(runner *run, dcn_value_id value, const double *elements);
double runner_get(const runner *run, dcn_value_id value, int64_t index);
int64_t runner_count(const runner *run, dcn_value_id value);

/* Appends a node; gives its first output, and all of them where ret_outputs is not NULL. */
dcn_value_id runner_node(runner *run, decant_op op, const decant_op_attrs *attrs, const dcn_value_id *inputs,
                         int32_t n_inputs, int32_t n_outputs, dcn_value_id *ret_outputs);
/* dcn_graph_backward. */
void runner_backward(runner *run, const dcn_seed *seeds, int32_t n_seeds);
/* Runs the first n_nodes nodes, compiling what is new. */
void runner_run(runner *run, int32_t n_nodes);

#endif
