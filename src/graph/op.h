/* The op descriptor: what one op instance is, without any graph. The only header of graph/ that device/ may see. */
#ifndef DCN_GRAPH_OP_H
#define DCN_GRAPH_OP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "decant/tensor.h"

typedef enum decant_op {
#define OP(upper, lower, attrs, in0, in1, out, onnx, tol, flags) DECANT_OP_##upper,
#include "graph/op.def"
    DECANT_OP_COUNT
} decant_op;

enum {
    DCN_OP_MODEL = 1,
    DCN_OP_GRAD = 2,
    DCN_OP_LOSS = 4,
    DCN_OP_UPDATE = 8,
    DCN_OP_DIFF = 16,
    DCN_OP_INPLACE = 32,
    DCN_OP_VIEW = 64
};

#define DCN_MAX_INPUTS  8
#define DCN_MAX_OUTPUTS 3

typedef enum dcn_activation {
    DCN_ACTIVATION_NONE,
    DCN_ACTIVATION_RELU,
    DCN_ACTIVATION_RELU6,
    DCN_ACTIVATION_HARDSWISH,
    DCN_ACTIVATION_SIGMOID,
    DCN_ACTIVATION_GELU
} dcn_activation;

/* Pairs are {height, width}. */
typedef struct dcn_conv_attrs {
    int64_t channels; /* output channels */
    int64_t kernel[2], stride[2], padding[2], dilation[2];
    int64_t groups;
    bool bias;
    int32_t activation; /* dcn_activation, NONE or RELU: fused by the engine, never in a model graph */
    int64_t in_hw[2];   /* grad ops: the forward input's height and width */
} dcn_conv_attrs;

typedef struct dcn_linear_attrs {
    int64_t features; /* outputs */
    bool bias;
    int32_t activation;
    bool folds; /* the first factor of a linear bottleneck: multiplied into the layer behind it when training is over */
    bool exact; /* what it sums are logits: f32 whatever the precision */
} dcn_linear_attrs;

typedef struct dcn_norm_attrs {
    double eps, momentum;
    int32_t activation; /* NONE or RELU, fused by the engine */
    bool pools; /* of training: behind the activation, each 2x2 pixels become their maximum; fused by the engine */
} dcn_norm_attrs;

typedef struct dcn_pool_attrs {
    int64_t kernel[2], stride[2], padding[2];
    bool ceil_mode;
    bool count_include_pad; /* avgpool */
    int64_t in_hw[2];       /* grad ops */
} dcn_pool_attrs;

typedef struct dcn_adaptive_attrs {
    int64_t out_hw[2];
    int64_t in_hw[2]; /* grad op */
} dcn_adaptive_attrs;

typedef struct dcn_dropout_attrs {
    double p;       /* probability of dropping; survivors are scaled by 1/(1-p) */
    int64_t stream; /* distinct per dropout node of a program; part of the counter */
} dcn_dropout_attrs;

typedef struct dcn_activation_attrs {
    int32_t kind; /* dcn_activation; ADD: NONE or RELU (fused) */
} dcn_activation_attrs;

typedef struct dcn_reshape_attrs {
    int64_t rank;
    int64_t shape[DECANT_MAX_RANK]; /* shape[0] is ignored: the batch is taken from the input */
} dcn_reshape_attrs;

typedef struct dcn_axis_attrs {
    int64_t axis;
} dcn_axis_attrs;

typedef struct dcn_slice_attrs {
    int64_t axis, begin, end;
} dcn_slice_attrs;

typedef struct dcn_pad_channels_attrs {
    int64_t stride, before, after;
    int64_t in_hw[2]; /* grad op */
} dcn_pad_channels_attrs;

typedef struct dcn_repeat_attrs {
    int64_t times;
} dcn_repeat_attrs;

typedef struct dcn_loss_attrs {
    double weight;          /* of the term in the total; scales the gradient output only */
    double temperature;     /* kd, dkd */
    double label_smoothing; /* ce */
    double alpha, beta;     /* dkd: of its two parts */
    bool center;            /* mse */
} dcn_loss_attrs;

/* Numbers of the op table that every device must share. */
#define DCN_COSINE_NORMS    1e-8           /* loss_cosine: a smaller product of the norms has no direction */
#define DCN_LOG_MIN         1.17549435e-38 /* log: the smallest normal float, so that a probability of 0 has one */
#define DCN_STANDARDIZE_EPS 1e-7           /* standardize: added to the deviation */

typedef struct dcn_update_attrs {
    bool nesterov;     /* sgd */
    bool decoupled;    /* adam: decoupled weight decay (AdamW) */
    bool has_momentum; /* sgd: false = plain, the momentum slot is not touched */
    double max_norm;   /* > 0: gradients are scaled by min(1, max_norm / (norm + 1e-6)), norm is the last input */
} dcn_update_attrs;

/* The scalars that change from step to step, in the `hyper` input of the update ops. */
enum {
    DCN_HYPER_LR,
    DCN_HYPER_WEIGHT_DECAY,
    DCN_HYPER_MOMENTUM, /* sgd momentum; 1 - dampening is always 1 */
    DCN_HYPER_BETA1,
    DCN_HYPER_BETA2,
    DCN_HYPER_EPS,
    DCN_HYPER_STEP, /* 1-based count of updates, as a float: sgd (first step fills momentum) and adam's bias correction
                     */
    DCN_HYPER_EMA_DECAY,
    DCN_HYPER_COUNT
};

typedef union decant_op_attrs {
    dcn_conv_attrs conv;
    dcn_linear_attrs linear;
    dcn_norm_attrs norm;
    dcn_pool_attrs pool;
    dcn_adaptive_attrs adaptive;
    dcn_dropout_attrs dropout;
    dcn_activation_attrs activation;
    dcn_reshape_attrs reshape;
    dcn_axis_attrs axis;
    dcn_slice_attrs slice;
    dcn_pad_channels_attrs pad_channels;
    dcn_repeat_attrs repeat;
    dcn_loss_attrs loss;
    dcn_update_attrs update;
    int64_t none;
} decant_op_attrs;

/* How a tensor lies in memory. 0 is plain row-major; other numbers belong to the device that gave them out. */
typedef uint32_t dcn_layout;
#define DCN_LAYOUT_PLAIN ((dcn_layout)0)
#define DCN_LAYOUT_ANY   ((dcn_layout)0xffffffffu)

typedef struct dcn_tensor_desc {
    decant_dtype dtype;
    decant_shape shape; /* always the logical shape: [N,C,H,W], [O,I/groups,kh,kw], ... */
    dcn_layout layout;
} dcn_tensor_desc;

/* One op instance with all that a device needs to compile it. */
typedef struct dcn_op_call {
    decant_op op;
    decant_op_attrs attrs;
    int32_t n_inputs, n_outputs;
    dcn_tensor_desc input[DCN_MAX_INPUTS];
    dcn_tensor_desc output[DCN_MAX_OUTPUTS];
} dcn_op_call;

/* One row of the table. */
typedef struct dcn_op_info {
    const char *name; /* "conv2d" */
    const char *onnx; /* NULL when there is none */
    int32_t min_inputs, max_inputs, max_outputs;
    double tolerance;
    uint32_t flags;
} dcn_op_info;

const dcn_op_info *dcn_op_get(decant_op op); /* never NULL for a valid op */

/* Which tensors of an op may be bf16 instead of f32: bit i stands for input or output i. Either all the inputs named
 * here are bf16 or none is; arithmetic is in f32 at least, and the rest (biases, statistics, weight gradients, losses)
 * stays f32. A product may also write f32 from bf16. No inputs: the op has no such form. */
typedef struct dcn_op_narrow {
    uint32_t inputs, outputs;
    bool product; /* convolutions and matrix products: what bf16 is for. The others only follow them */
} dcn_op_narrow;
dcn_op_narrow dcn_op_may_narrow(decant_op op);

/* false when no op has that name. */
bool dcn_op_find(const char *name, decant_op *ret_op);
const char *dcn_activation_name(dcn_activation activation);

/* Fills call->output[].{dtype,shape} (and n_outputs where it depends on the attributes; callers set n_outputs first
 * where optional) from op, attrs and inputs. SHAPE says what does not fit and which sizes met. Output layouts are not
 * touched. */
decant_status dcn_op_infer(dcn_op_call *call);

/* Floating point operations of one run (2 per multiply-add), 0 for data movement. Logical: padding taps count. */
double dcn_op_flops(const dcn_op_call *call);
/* Those of them that a direct computation cannot do without: padding taps do not count. */
double dcn_op_needed_flops(const dcn_op_call *call);

/* Attributes as data, for files, fingerprints and text. */
typedef enum dcn_field_type {
    DCN_FIELD_INT,
    DCN_FIELD_INT_PAIR,
    DCN_FIELD_BOOL,
    DCN_FIELD_DOUBLE,
    DCN_FIELD_ENUM32,
    DCN_FIELD_INT_LIST
} dcn_field_type;
typedef struct dcn_attr_field {
    const char *name;
    dcn_field_type type;
    size_t offset;   /* in decant_op_attrs */
    bool structural; /* part of the architecture fingerprint */
} dcn_attr_field;
const dcn_attr_field *dcn_op_fields(decant_op op, int32_t *ret_count);

#endif
