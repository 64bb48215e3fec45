/* Networks built by hand, layer by layer: shapes are worked out and checked as each layer is added. Weights are not
 * part of a graph. */
#ifndef DECANT_GRAPH_H
#define DECANT_GRAPH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "decant/finding.h"
#include "decant/status.h"
#include "decant/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

/** A network: layers and how they are wired. Not thread-safe while layers are added; afterwards it may be read from any
 * thread. */
typedef struct dcn_graph decant_graph;

/** A value in a graph: the input, or what a layer puts out. Only valid with the graph that gave it out. */
typedef int32_t decant_value;

/** An activation function. GELU is the exact form, with erf. */
typedef enum {
    DECANT_ACTIVATION_RELU,
    DECANT_ACTIVATION_RELU6,
    DECANT_ACTIVATION_HARDSWISH,
    DECANT_ACTIVATION_SIGMOID,
    DECANT_ACTIVATION_GELU,
    DECANT_ACTIVATION_COUNT
} decant_activation;

/** A convolution. Pairs are {height, width}; start from decant_conv_options_default(). */
typedef struct {
    int64_t channels; /**< that it puts out */
    int64_t kernel[2], stride[2], padding[2], dilation[2];
    int64_t groups; /**< divides the input's and the output's channels; as many as input channels: depthwise */
    bool bias;
} decant_conv_options;

/** A pool. Pairs are {height, width}; start from decant_pool_options_default(). */
typedef struct {
    int64_t kernel[2], stride[2], padding[2]; /**< padding is at most half the kernel */
    bool ceil_mode;                           /**< a last window may hang over the end */
    bool count_include_pad;                   /**< average pools: padding counts as zeros */
} decant_pool_options;

/** A convolution with stride 1, no padding, no dilation, one group and a bias, as PyTorch's Conv2d. */
decant_conv_options decant_conv_options_default(int64_t channels, int64_t kernel);

/** A pool whose stride is its kernel, without padding, as PyTorch's pools. */
decant_pool_options decant_pool_options_default(int64_t kernel);

/* --- building --- */

/** Makes an empty graph.
 *
 *  ret_graph  freed with decant_graph_destroy(); untouched on failure.
 *
 *  Errors: NO_MEMORY.
 */
DECANT_MUST_USE decant_status decant_graph_create(decant_graph **ret_graph);

/** Frees a graph; accepts NULL. */
void decant_graph_destroy(decant_graph *graph);

/** Adds the one input.
 *
 *  sample     shape of one sample without the batch: [channels, height, width] or [features].
 *  ret_value  the input; untouched on failure.
 *
 *  Errors: SHAPE, INVALID_ARG (there is an input already, or a size is not positive), NO_MEMORY.
 */
DECANT_MUST_USE decant_status decant_graph_input(decant_graph *graph, const decant_shape *sample,
                                                 decant_value *ret_value);

/** Adds a convolution with parameters NAME.weight [channels, in/groups, kh, kw] and NAME.bias [channels].
 *
 *  name   unique in the graph, as for every layer below.
 *  x      [n, in, h, w]
 *  ret_y  [n, channels, h', w']; untouched on failure, and the graph is as it was.
 *
 *  Errors: SHAPE, INVALID_ARG (an option out of range, or the name is taken), NO_MEMORY.
 */
DECANT_MUST_USE decant_status decant_graph_conv2d(decant_graph *graph, const char *name, decant_value x,
                                                  const decant_conv_options *options, decant_value *ret_y);

/** Adds a fully connected layer with parameters NAME.weight [features, in] and NAME.bias [features].
 *
 *  x      [n, in]
 *  ret_y  [n, features]; untouched on failure.
 *
 *  Errors: SHAPE (a map needs decant_graph_flatten() first), INVALID_ARG, NO_MEMORY.
 */
DECANT_MUST_USE decant_status decant_graph_linear(decant_graph *graph, const char *name, decant_value x,
                                                  int64_t features, bool bias, decant_value *ret_y);

/** Adds batch normalisation with eps 1e-5 and momentum 0.1, as PyTorch's: NAME.weight, NAME.bias, NAME.running_mean and
 *  NAME.running_var, each [channels].
 *
 *  x      [n, channels] or [n, channels, h, w]
 *  ret_y  the same shape; untouched on failure.
 *
 *  Errors: SHAPE, INVALID_ARG, NO_MEMORY.
 */
DECANT_MUST_USE decant_status decant_graph_batchnorm(decant_graph *graph, const char *name, decant_value x,
                                                     decant_value *ret_y);

/** Adds an activation function.
 *
 *  ret_y  the shape of x; untouched on failure.
 *
 *  Errors: INVALID_ARG, NO_MEMORY.
 */
DECANT_MUST_USE decant_status decant_graph_activation(decant_graph *graph, const char *name, decant_value x,
                                                      decant_activation activation, decant_value *ret_y);

/** Adds a pool that keeps the largest element of each window.
 *
 *  x      [n, c, h, w]
 *  ret_y  [n, c, h', w']; untouched on failure.
 *
 *  Errors: SHAPE, INVALID_ARG, NO_MEMORY.
 */
DECANT_MUST_USE decant_status decant_graph_maxpool(decant_graph *graph, const char *name, decant_value x,
                                                   const decant_pool_options *options, decant_value *ret_y);

/** Adds a pool that averages each window; otherwise as decant_graph_maxpool(). */
DECANT_MUST_USE decant_status decant_graph_avgpool(decant_graph *graph, const char *name, decant_value x,
                                                   const decant_pool_options *options, decant_value *ret_y);

/** Adds an average pool whose windows are chosen so that the output has the given size; 1 x 1 is global pooling.
 *
 *  x      [n, c, h, w]
 *  ret_y  [n, c, height, width]; untouched on failure.
 *
 *  Errors: SHAPE, INVALID_ARG, NO_MEMORY.
 */
DECANT_MUST_USE decant_status decant_graph_adaptive_avgpool(decant_graph *graph, const char *name, decant_value x,
                                                            int64_t height, int64_t width, decant_value *ret_y);

/** Adds dropout, which acts in training only.
 *
 *  p      probability of dropping an element, in [0, 1).
 *  ret_y  the shape of x; untouched on failure.
 *
 *  Errors: INVALID_ARG, NO_MEMORY.
 */
DECANT_MUST_USE decant_status decant_graph_dropout(decant_graph *graph, const char *name, decant_value x, double p,
                                                   decant_value *ret_y);

/** Turns maps into rows.
 *
 *  x      [n, ...]
 *  ret_y  [n, product of the rest]; untouched on failure.
 *
 *  Errors: INVALID_ARG, NO_MEMORY.
 */
DECANT_MUST_USE decant_status decant_graph_flatten(decant_graph *graph, const char *name, decant_value x,
                                                   decant_value *ret_y);

/** Adds two values of the same shape: the join of a residual block.
 *
 *  ret_y  the same shape; untouched on failure.
 *
 *  Errors: SHAPE, INVALID_ARG, NO_MEMORY.
 */
DECANT_MUST_USE decant_status decant_graph_add(decant_graph *graph, const char *name, decant_value a, decant_value b,
                                               decant_value *ret_y);

/** Says which value is the model's output, the logits.
 *
 *  Errors: INVALID_ARG (no layer puts out that value).
 */
DECANT_MUST_USE decant_status decant_graph_set_output(decant_graph *graph, decant_value logits);

/* --- looking at it --- */

/** Shape of a value for a batch of one; a scalar's when there is no such value. */
decant_shape decant_graph_shape(const decant_graph *graph, decant_value value);

/** One layer. Texts are the graph's memory. */
typedef struct {
    const char *name, *op;
    decant_shape output; /**< for a batch of one */
    int64_t parameters;
    int64_t mult_adds; /**< for one sample: convolutions and linear layers, biases not counted */
} decant_layer_info;

/** Number of layers. */
int32_t decant_graph_layer_count(const decant_graph *graph);

/** A layer, in the order of adding; all zero when index is not in [0, decant_graph_layer_count()). */
decant_layer_info decant_graph_layer_at(const decant_graph *graph, int32_t index);

/** Trainable parameters; running statistics are none, as in PyTorch. */
int64_t decant_graph_parameters(const decant_graph *graph);

/** Multiply-adds of one sample: convolutions and linear layers, biases not counted. */
int64_t decant_graph_mult_adds(const decant_graph *graph);

/** 32 hexadecimal digits and a NUL. */
#define DECANT_FINGERPRINT_BYTES 33

/** A fingerprint of the architecture: ops, kernels, strides, padding, shapes and wiring. Names, weights and dropout
 * rates do not count: two graphs with equal fingerprints compute the same function of the same weights.
 *
 *  ret_hex  caller's memory.
 */
void decant_graph_fingerprint(const decant_graph *graph, char ret_hex[DECANT_FINGERPRINT_BYTES]);

/** Takes one finding; its text lasts until the visitor returns. */
typedef void decant_finding_visitor(void *context, const decant_finding *finding);

/** Looks for what is wrong, wasted or odd: linear after linear, parameters that reach no output, a softmax before the
 * loss, ...
 *
 *  visit    called for each finding, in the order of the layers.
 *  context  handed to it.
 *
 *  A model with faults is a success with findings. Errors: NO_MEMORY.
 */
DECANT_MUST_USE decant_status decant_graph_lint(const decant_graph *graph, decant_finding_visitor *visit,
                                                void *context);

#ifdef __cplusplus
}
#endif
#endif
