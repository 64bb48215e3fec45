/* What a network is: values and the nodes that make them, in topological order.
 * The same structure holds a model (forward ops, batch 1) and a program (everything one step does, built by engine/).
 */
#ifndef DCN_GRAPH_GRAPH_H
#define DCN_GRAPH_GRAPH_H

#include "base/hash.h"
#include "decant/finding.h"
#include "graph/op.h"

typedef int32_t dcn_value_id; /* index in graph->values; DCN_NONE where there is none */
typedef int32_t dcn_node_id;
#define DCN_NONE (-1)

typedef enum dcn_value_kind {
    DCN_VALUE_INPUT,     /* bound by the caller before each run */
    DCN_VALUE_PARAMETER, /* trainable weight, named as PyTorch names it: "conv1.weight" */
    DCN_VALUE_STATE,     /* kept between steps but not trained: "bn1.running_mean" */
    DCN_VALUE_RESULT,    /* made by a node */
    DCN_VALUE_BLOCK /* programs: a flat block over all trainable parameters (dcn_block in output_index), shape [P] */
} dcn_value_kind;

/* How fresh weights are drawn (nn/init.c). */
typedef enum dcn_init {
    DCN_INIT_DEFAULT,         /* PyTorch's layer defaults */
    DCN_INIT_KAIMING_FAN_OUT, /* convolutions: kaiming_normal(fan_out, relu), the rest default (torchvision's ResNets)
                               */
    DCN_INIT_KAIMING_FAN_IN /* convolutions and linear weights: kaiming_normal(fan_in, relu) (He et al.'s CIFAR ResNets)
                             */
} dcn_init;

typedef struct dcn_value {
    dcn_value_kind kind;
    char *name; /* unique for inputs, parameters and states; layer name or NULL for results. Arena memory. */
    decant_dtype dtype;
    decant_shape shape;
    dcn_node_id producer; /* DCN_NONE unless RESULT */
    int32_t output_index; /* which output of the producer */
    /* In programs only: */
    int32_t model;         /* which model a parameter or state belongs to (0 = the one that trains) */
    bool trainable;        /* this parameter is updated by the program */
    dcn_value_id gradient; /* value holding d loss / d this parameter, or DCN_NONE */
} dcn_value;

/* Whether a model keeps data for it: what is trained, and running statistics. */
static inline bool dcn_value_is_weight(const dcn_value *value)
{
    return value->kind == DCN_VALUE_PARAMETER || value->kind == DCN_VALUE_STATE;
}

typedef struct dcn_node {
    decant_op op;
    decant_op_attrs attrs;
    char *name; /* layer path in the model ("layer1.0.conv1"); programs keep it; NULL for derived nodes */
    int32_t n_inputs, n_outputs;
    dcn_value_id input[DCN_MAX_INPUTS];
    dcn_value_id output[DCN_MAX_OUTPUTS];
} dcn_node;

typedef struct dcn_graph {
    struct dcn_arena *arena; /* names */
    dcn_value *values;
    int32_t n_values, values_capacity;
    dcn_node *nodes; /* always topologically ordered: a node follows what it reads */
    int32_t n_nodes, nodes_capacity;
    dcn_value_id input;  /* model graphs: the one input, shape [1, ...] */
    dcn_value_id output; /* model graphs: the logits */
    int32_t init;        /* model graphs: dcn_init, how fresh weights are drawn */
} dcn_graph;

typedef struct dcn_graph decant_graph;

decant_status dcn_graph_create(dcn_graph **ret_graph);
void dcn_graph_destroy(dcn_graph *graph);
decant_status dcn_graph_clone(const dcn_graph *graph, dcn_graph **ret_graph);

/* Adds a value that no node makes. The name is copied; a name taken already is INVALID_ARG. */
decant_status dcn_graph_add_value(dcn_graph *graph, dcn_value_kind kind, const char *name, decant_dtype dtype,
                                  const decant_shape *shape, dcn_value_id *ret_value);
/* Adds a node after all others, infers its output shapes and makes its n_outputs result values (named after the node).
 * ret_outputs has room for n_outputs. On failure the graph is as before and the error names the layer. */
decant_status dcn_graph_add_node(dcn_graph *graph, decant_op op, const decant_op_attrs *attrs, const char *name,
                                 const dcn_value_id *inputs, int32_t n_inputs, int32_t n_outputs,
                                 dcn_value_id *ret_outputs);
/* Forgets every value and node after the first n_values and n_nodes: undoes appending that failed half-way. */
void dcn_graph_truncate(dcn_graph *graph, int32_t n_values, int32_t n_nodes);
/* The descriptor of a node with the shapes of its values; layouts are plain. */
void dcn_graph_call(const dcn_graph *graph, dcn_node_id node, dcn_op_call *ret_call);
/* DCN_NONE when nothing has that name. Results are found by layer name (their first output). */
dcn_value_id dcn_graph_find(const dcn_graph *graph, const char *name);
/* The node that makes a value; NULL for inputs and weights, and for DCN_NONE. */
const dcn_node *dcn_graph_maker(const dcn_graph *graph, dcn_value_id value);
/* A name that nothing has: the wanted one, or with a number behind it. */
#define DCN_FREE_NAME 64
decant_status dcn_graph_free_name(const dcn_graph *graph, const char *wanted, char ret_name[DCN_FREE_NAME]);
/* Number of nodes that read the value. */
int32_t dcn_graph_uses(const dcn_graph *graph, dcn_value_id value);
/* The one node that reads the value, as its first input; DCN_NONE where others do, too, or the value is the output. */
dcn_node_id dcn_graph_only_reader(const dcn_graph *graph, dcn_value_id value);
/* Number of nodes with that op. */
int32_t dcn_graph_count(const dcn_graph *graph, decant_op op);

/* --- builder (graph/builder.c): one call a layer. Parameters "<name>.weight", "<name>.bias", "<name>.running_mean",
 * ... are made with the right shapes. `name` must be unique. Errors: SHAPE, INVALID_ARG. --- */
decant_status dcn_build_input(dcn_graph *graph, const decant_shape *sample_shape,
                              dcn_value_id *ret_value); /* [1, sample...] */
decant_status dcn_build_conv2d(dcn_graph *graph, const char *name, dcn_value_id x, const dcn_conv_attrs *attrs,
                               dcn_value_id *ret_y);
decant_status dcn_build_linear(dcn_graph *graph, const char *name, dcn_value_id x, int64_t features, bool bias,
                               dcn_value_id *ret_y);
decant_status dcn_build_batchnorm(dcn_graph *graph, const char *name, dcn_value_id x, double eps, double momentum,
                                  dcn_value_id *ret_y);
/* Any op without parameters; attrs may be NULL for `none`. */
decant_status dcn_build_simple(dcn_graph *graph, decant_op op, const char *name, const decant_op_attrs *attrs,
                               const dcn_value_id *inputs, int32_t n_inputs, dcn_value_id *ret_y);
dcn_conv_attrs dcn_conv_default(int64_t channels, int64_t kernel); /* stride 1, padding 0, dilation 1, groups 1, bias */
dcn_pool_attrs dcn_pool_default(int64_t kernel);                   /* stride = kernel, padding 0 */

/* --- derivatives (graph/derivative.c): backward ops are nodes too --- */
/* Appends the nodes that carry the gradients in seeds (value, gradient value) back to every trainable parameter, and
 * sets values[p].gradient. A value that gets several gradients gets ADD nodes. Nothing is computed for what needs no
 * gradient. LOSS ops are not differentiated: their gradient outputs are the seeds. */
typedef struct dcn_seed {
    dcn_value_id value, gradient;
} dcn_seed;
decant_status dcn_graph_backward(dcn_graph *graph, const dcn_seed *seeds, int32_t n_seeds);
/* A derivative rule: d_output[i] is the gradient at output i (DCN_NONE: zero); set d_input[i] where want[i]. May append
 * nodes. */
typedef decant_status dcn_derivative(dcn_graph *graph, dcn_node_id node, const dcn_value_id *d_output, const bool *want,
                                     dcn_value_id *d_input);

/* --- facts about models --- */
typedef struct dcn_layer_summary {
    const char *name; /* layer path; the graph's memory */
    const char *op;
    decant_shape output;
    int64_t parameters, mult_adds; /* mult-adds for one sample: convolutions and linear layers, bias not counted */
} dcn_layer_summary;
/* One node's row. */
dcn_layer_summary dcn_graph_layer(const dcn_graph *graph, dcn_node_id id);
int64_t dcn_graph_parameters(const dcn_graph *graph); /* trainable elements */
int64_t dcn_graph_mult_adds(const dcn_graph *graph);

/* Architecture fingerprint: ops, structural attributes, shapes and wiring; not names, weights or dropout rates. */
void dcn_graph_fingerprint(const dcn_graph *graph, char ret_hex[DCN_HASH_HEX]);
/* The first node in which two architectures differ; that of the longer one's next when the other is its beginning.
 * DCN_NONE when nodes do not differ. */
dcn_node_id dcn_graph_first_difference(const dcn_graph *a, const dcn_graph *b);

/* The graph as JSON text and back (freed with dcn_free). Reading trusts nothing: FORMAT on anything odd, and on more
 * values than any network has, which would keep the reader busy. */
#define DCN_GRAPH_MAX_ENTRIES 16384
decant_status dcn_graph_to_json(const dcn_graph *graph, char **ret_json);
decant_status dcn_graph_from_json(const char *json, size_t bytes, dcn_graph **ret_graph);

/* What can be known to be wrong (or odd) in a model: linear after linear without a nonlinearity, parameters that reach
 * no output, ... */
typedef struct dcn_findings {
    decant_finding *items; /* text and file are the list's, message is within the text */
    int32_t count, capacity;
} dcn_findings;
decant_status dcn_findings_add(dcn_findings *findings, decant_severity severity, const char *format, ...)
    DCN_PRINTF(3, 4);
/* The same with a place: line 0 for a file as a whole, column 0 for a whole line. */
decant_status dcn_findings_add_at(dcn_findings *findings, decant_severity severity, const char *file, int line,
                                  int column, const char *message);
void dcn_findings_finish(dcn_findings *findings);
decant_status dcn_graph_lint(const dcn_graph *graph, dcn_findings *findings);

#endif
