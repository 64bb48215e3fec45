/* Every op's shape rule: what fits gives exactly these outputs, what does not is refused with the sizes named.
 * A row of op.def without a good and a bad case here fails the last test. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/memory.h"
#include "graph/op.h"
#include "tensor/shape.h"

#define S1(a)                                                                                                          \
    {                                                                                                                  \
        .rank = 1, .dim = { a }                                                                                        \
    }
#define S2(a, b)                                                                                                       \
    {                                                                                                                  \
        .rank = 2, .dim = { a, b }                                                                                     \
    }
#define S3(a, b, c)                                                                                                    \
    {                                                                                                                  \
        .rank = 3, .dim = { a, b, c }                                                                                  \
    }
#define S4(a, b, c, d)                                                                                                 \
    {                                                                                                                  \
        .rank = 4, .dim = { a, b, c, d }                                                                               \
    }
#define IN(...)  .n_inputs = (int32_t)DCN_COUNT(((decant_shape[]){__VA_ARGS__})), .input = {__VA_ARGS__}
#define OUT(...) .n_outputs = (int32_t)DCN_COUNT(((decant_shape[]){__VA_ARGS__})), .output = {__VA_ARGS__}
/* channels, kernel, stride, padding, groups, dilation of both axes, then any further field */
#define CONV(o, k, s, p, g, dh, dw, ...)                                                                               \
    .attrs = {.conv = {.channels = o,                                                                                  \
                       .kernel = {k, k},                                                                               \
                       .stride = {s, s},                                                                               \
                       .padding = {p, p},                                                                              \
                       .dilation = {dh, dw},                                                                           \
                       .groups = g,                                                                                    \
                       __VA_ARGS__}}
#define POOL(k, s, p, ...) .attrs = {.pool = {.kernel = {k, k}, .stride = {s, s}, .padding = {p, p}, __VA_ARGS__}}
#define LINEAR(o, b)       .attrs = {.linear = {.features = o, .bias = b}}
#define NORM               .attrs = {.norm = {.eps = 1e-5, .momentum = 0.1}}
#define POOLED_NORM        .attrs = {.norm = {.eps = 1e-5, .momentum = 0.1, .pools = true}}
#define HUGE_SIZE          (INT64_C(1) << 40)

typedef struct good_case {
    decant_op op;
    decant_op_attrs attrs;
    int32_t n_inputs, n_outputs;
    decant_shape input[DCN_MAX_INPUTS], output[DCN_MAX_OUTPUTS];
} good_case;

/* clang-format off */
static const good_case good[] = {
    /* convolution: same padding, 1x1 maps, stride above the kernel, prime sizes, groups, depthwise, dilation, rectangles */
    {DECANT_OP_CONV2D, CONV(16, 3, 1, 1, 1, 1, 1, .bias = true), IN(S4(1, 3, 32, 32), S4(16, 3, 3, 3), S1(16)), OUT(S4(1, 16, 32, 32))},
    {DECANT_OP_CONV2D, CONV(5, 1, 1, 0, 1, 1, 1, .bias = false), IN(S4(2, 7, 1, 1), S4(5, 7, 1, 1)), OUT(S4(2, 5, 1, 1))},
    {DECANT_OP_CONV2D, CONV(4, 2, 5, 0, 1, 1, 1, .bias = false), IN(S4(1, 3, 13, 17), S4(4, 3, 2, 2)), OUT(S4(1, 4, 3, 4))},
    {DECANT_OP_CONV2D, CONV(6, 3, 2, 1, 3, 1, 1, .bias = false), IN(S4(1, 9, 7, 7), S4(6, 3, 3, 3)), OUT(S4(1, 6, 4, 4))},
    {DECANT_OP_CONV2D, CONV(8, 3, 1, 1, 8, 1, 1, .bias = false), IN(S4(1, 8, 5, 5), S4(8, 1, 3, 3)), OUT(S4(1, 8, 5, 5))},
    {DECANT_OP_CONV2D, CONV(2, 3, 1, 0, 1, 2, 3, .bias = false), IN(S4(1, 1, 9, 9), S4(2, 1, 3, 3)), OUT(S4(1, 2, 5, 3))},
    {DECANT_OP_CONV2D, .attrs = {.conv = {.channels = 2, .kernel = {1, 5}, .stride = {2, 1}, .padding = {0, 2}, .dilation = {1, 1}, .groups = 1}}, IN(S4(3, 1, 7, 4), S4(2, 1, 1, 5)), OUT(S4(3, 2, 4, 4))},
    {DECANT_OP_CONV2D, CONV(2, 7, 1, 3, 1, 1, 1, .bias = false), IN(S4(1, 1, 1, 1), S4(2, 1, 7, 7)), OUT(S4(1, 2, 1, 1))},
    {DECANT_OP_CONV2D_GRAD_INPUT, CONV(4, 2, 5, 0, 1, 1, 1, .in_hw = {13, 17}), IN(S4(1, 4, 3, 4), S4(4, 3, 2, 2)), OUT(S4(1, 3, 13, 17))},
    {DECANT_OP_CONV2D_GRAD_INPUT, CONV(6, 3, 2, 1, 3, 1, 1, .in_hw = {8, 7}), IN(S4(2, 6, 4, 4), S4(6, 3, 3, 3)), OUT(S4(2, 9, 8, 7))},
    {DECANT_OP_CONV2D_GRAD_WEIGHT, CONV(4, 2, 5, 0, 1, 1, 1, .bias = true), IN(S4(1, 3, 13, 17), S4(1, 4, 3, 4)), OUT(S4(4, 3, 2, 2), S1(4))},
    {DECANT_OP_CONV2D_GRAD_WEIGHT, CONV(6, 3, 2, 1, 3, 1, 1, .bias = false), IN(S4(2, 9, 8, 7), S4(2, 6, 4, 4)), OUT(S4(6, 3, 3, 3))},

    {DECANT_OP_LINEAR, LINEAR(10, true), IN(S2(4, 3), S2(10, 3), S1(10)), OUT(S2(4, 10))},
    {DECANT_OP_LINEAR, LINEAR(1, false), IN(S2(1, 1), S2(1, 1)), OUT(S2(1, 1))},
    {DECANT_OP_LINEAR_GRAD_INPUT, LINEAR(10, false), IN(S2(4, 10), S2(10, 3)), OUT(S2(4, 3))},
    {DECANT_OP_LINEAR_GRAD_WEIGHT, LINEAR(10, true), IN(S2(4, 3), S2(4, 10)), OUT(S2(10, 3), S1(10))},
    {DECANT_OP_LINEAR_GRAD_WEIGHT, LINEAR(10, false), IN(S2(4, 3), S2(4, 10)), OUT(S2(10, 3))},

    {DECANT_OP_BATCHNORM, NORM, IN(S4(1, 5, 1, 1), S1(5), S1(5), S1(5), S1(5)), OUT(S4(1, 5, 1, 1))},
    {DECANT_OP_BATCHNORM, NORM, IN(S2(3, 5), S1(5), S1(5), S1(5), S1(5)), OUT(S2(3, 5))},
    {DECANT_OP_BATCHNORM_TRAIN, NORM, IN(S4(2, 5, 1, 1), S1(5), S1(5), S1(5), S1(5)), OUT(S4(2, 5, 1, 1), S1(5), S1(5))},
    {DECANT_OP_BATCHNORM_TRAIN, POOLED_NORM, IN(S4(2, 5, 4, 6), S1(5), S1(5), S1(5), S1(5)), OUT(S4(2, 5, 2, 3), S1(5), S1(5))},
    {DECANT_OP_BATCHNORM_GRAD, POOLED_NORM, IN(S4(2, 5, 2, 3), S4(2, 5, 4, 6), S1(5), S1(5), S1(5), S1(5)), OUT(S4(2, 5, 4, 6), S1(5), S1(5))},
    {DECANT_OP_BATCHNORM_GRAD, NORM, IN(S4(2, 5, 3, 3), S4(2, 5, 3, 3), S1(5), S1(5), S1(5), S1(5)), OUT(S4(2, 5, 3, 3), S1(5), S1(5))},

    {DECANT_OP_RELU, .attrs = {.none = 0}, IN(S3(2, 3, 4)), OUT(S3(2, 3, 4))},
    {DECANT_OP_RELU6, .attrs = {.none = 0}, IN(S1(2)), OUT(S1(2))},
    {DECANT_OP_HARDSWISH, .attrs = {.none = 0}, IN(S2(2, 3)), OUT(S2(2, 3))},
    {DECANT_OP_SIGMOID, .attrs = {.none = 0}, IN(S2(2, 3)), OUT(S2(2, 3))},
    {DECANT_OP_LOG, .attrs = {.none = 0}, IN(S2(2, 3)), OUT(S2(2, 3))},
    {DECANT_OP_GELU, .attrs = {.none = 0}, IN(S4(2, 3, 1, 1)), OUT(S4(2, 3, 1, 1))},
    {DECANT_OP_ACTIVATION_GRAD, .attrs = {.activation = {DCN_ACTIVATION_GELU}}, IN(S2(2, 3), S2(2, 3)), OUT(S2(2, 3))},

    /* pooling: stride above the kernel, padding, ceil_mode with and without the window that would start in the padding */
    {DECANT_OP_MAXPOOL, POOL(2, 2, 0, .ceil_mode = false), IN(S4(1, 3, 7, 7)), OUT(S4(1, 3, 3, 3))},
    {DECANT_OP_MAXPOOL, POOL(2, 2, 0, .ceil_mode = true), IN(S4(1, 3, 7, 7)), OUT(S4(1, 3, 4, 4), S4(1, 3, 4, 4))},
    {DECANT_OP_MAXPOOL, POOL(2, 2, 1, .ceil_mode = true), IN(S4(1, 3, 4, 4)), OUT(S4(1, 3, 3, 3))},
    {DECANT_OP_MAXPOOL, POOL(3, 2, 1, .ceil_mode = false), IN(S4(1, 64, 112, 112)), OUT(S4(1, 64, 56, 56))},
    {DECANT_OP_MAXPOOL, POOL(2, 5, 0, .ceil_mode = true), IN(S4(1, 1, 11, 11)), OUT(S4(1, 1, 3, 3))},
    {DECANT_OP_MAXPOOL, POOL(2, 5, 1, .ceil_mode = true), IN(S4(1, 1, 8, 8)), OUT(S4(1, 1, 2, 2))},
    {DECANT_OP_MAXPOOL, POOL(1, 4, 0, .ceil_mode = true), IN(S4(1, 1, 4, 4)), OUT(S4(1, 1, 1, 1))},
    {DECANT_OP_MAXPOOL_GRAD, POOL(2, 2, 0, .ceil_mode = true, .in_hw = {7, 7}), IN(S4(1, 3, 4, 4), S4(1, 3, 4, 4)), OUT(S4(1, 3, 7, 7))},
    {DECANT_OP_AVGPOOL, POOL(3, 3, 1, .ceil_mode = false), IN(S4(2, 3, 5, 5)), OUT(S4(2, 3, 2, 2))},
    {DECANT_OP_AVGPOOL_GRAD, POOL(3, 3, 1, .in_hw = {5, 5}), IN(S4(2, 3, 2, 2)), OUT(S4(2, 3, 5, 5))},
    {DECANT_OP_ADAPTIVE_AVGPOOL, .attrs = {.adaptive = {.out_hw = {3, 2}}}, IN(S4(2, 5, 7, 1)), OUT(S4(2, 5, 3, 2))},
    {DECANT_OP_ADAPTIVE_AVGPOOL_GRAD, .attrs = {.adaptive = {.out_hw = {3, 2}, .in_hw = {7, 1}}}, IN(S4(2, 5, 3, 2)), OUT(S4(2, 5, 7, 1))},

    {DECANT_OP_DROPOUT, .attrs = {.dropout = {.p = 0.5}}, IN(S2(2, 3), S1(2)), OUT(S2(2, 3))},
    {DECANT_OP_DROPOUT, .attrs = {.dropout = {.p = 0}}, IN(S2(2, 3)), OUT(S2(2, 3))},
    {DECANT_OP_DROPOUT_GRAD, .attrs = {.dropout = {.p = 0.5}}, IN(S2(2, 3), S1(2)), OUT(S2(2, 3))},
    {DECANT_OP_RECTIFIED_DROPOUT_GRAD, .attrs = {.dropout = {.p = 0.5}}, IN(S2(2, 3), S2(2, 3)), OUT(S2(2, 3))},
    {DECANT_OP_FLATTEN, .attrs = {.none = 0}, IN(S4(2, 16, 8, 8)), OUT(S2(2, 1024))},
    {DECANT_OP_FLATTEN, .attrs = {.none = 0}, IN(S1(2)), OUT(S2(2, 1))},
    {DECANT_OP_RESHAPE, .attrs = {.reshape = {.rank = 4, .shape = {99, 16, 8, 8}}}, IN(S2(2, 1024)), OUT(S4(2, 16, 8, 8))},
    {DECANT_OP_ADD, .attrs = {.activation = {DCN_ACTIVATION_RELU}}, IN(S4(2, 3, 4, 5), S4(2, 3, 4, 5)), OUT(S4(2, 3, 4, 5))},
    {DECANT_OP_CONCAT, .attrs = {.axis = {1}}, IN(S4(2, 3, 4, 5), S4(2, 1, 4, 5), S4(2, 7, 4, 5)), OUT(S4(2, 11, 4, 5))},
    {DECANT_OP_CONCAT, .attrs = {.axis = {1}}, IN(S2(2, 3)), OUT(S2(2, 3))},
    {DECANT_OP_SLICE, .attrs = {.slice = {1, 3, 4}}, IN(S4(2, 11, 4, 5)), OUT(S4(2, 1, 4, 5))},
    {DECANT_OP_SOFTMAX, .attrs = {.none = 0}, IN(S2(2, 3)), OUT(S2(2, 3))},
    {DECANT_OP_SOFTMAX_GRAD, .attrs = {.none = 0}, IN(S2(2, 3), S2(2, 3)), OUT(S2(2, 3))},
    {DECANT_OP_PAD_CHANNELS, .attrs = {.pad_channels = {.stride = 2, .before = 8, .after = 8}}, IN(S4(1, 16, 7, 1)), OUT(S4(1, 32, 4, 1))},
    {DECANT_OP_PAD_CHANNELS_GRAD, .attrs = {.pad_channels = {.stride = 2, .before = 8, .after = 8, .in_hw = {7, 1}}}, IN(S4(1, 32, 4, 1)), OUT(S4(1, 16, 7, 1))},
    {DECANT_OP_REPEAT_CHANNELS, .attrs = {.repeat = {3}}, IN(S4(1, 1, 28, 28)), OUT(S4(1, 3, 28, 28))},
    {DECANT_OP_REPEAT_CHANNELS_GRAD, .attrs = {.repeat = {3}}, IN(S4(1, 3, 28, 28)), OUT(S4(1, 1, 28, 28))},

    {DECANT_OP_LOSS_CE, .attrs = {.loss = {.weight = 1, .label_smoothing = 0.1}}, IN(S2(4, 10), S1(4)), OUT(S1(1), S2(4, 10))},
    {DECANT_OP_LOSS_CE, .attrs = {.loss = {.weight = 1}}, IN(S2(4, 10), S1(4), S1(4), S1(4)), OUT(S1(1), S2(4, 10))},
    {DECANT_OP_LOSS_KD, .attrs = {.loss = {.weight = 0.5, .temperature = 4}}, IN(S2(4, 10), S2(4, 10)), OUT(S1(1), S2(4, 10))},
    {DECANT_OP_LOSS_BCE, .attrs = {.loss = {.weight = 1}}, IN(S2(4, 1), S1(4)), OUT(S1(1), S2(4, 1))},
    {DECANT_OP_LOSS_DKD, .attrs = {.loss = {.weight = 1, .temperature = 4, .alpha = 1, .beta = 8}}, IN(S2(4, 10), S2(4, 10), S1(4)), OUT(S1(1), S2(4, 10))},
    {DECANT_OP_LOSS_MSE, .attrs = {.loss = {.weight = 1}}, IN(S4(4, 3, 2, 2), S4(4, 3, 2, 2)), OUT(S1(1), S4(4, 3, 2, 2))},
    {DECANT_OP_LOSS_COSINE, .attrs = {.loss = {.weight = 1}}, IN(S4(4, 3, 2, 2), S4(4, 3, 2, 2)), OUT(S1(1), S4(4, 3, 2, 2))},
    {DECANT_OP_STANDARDIZE, .attrs = {.none = 0}, IN(S2(4, 10)), OUT(S2(4, 10))},
    {DECANT_OP_STANDARDIZE_GRAD, .attrs = {.none = 0}, IN(S2(4, 10), S2(4, 10)), OUT(S2(4, 10))},
    {DECANT_OP_ACCURACY, .attrs = {.none = 0}, IN(S2(4, 10), S1(4)), OUT(S1(1))},
    {DECANT_OP_GRAD_NORM, .attrs = {.none = 0}, IN(S1(1000)), OUT(S1(1))},
    {DECANT_OP_SGD_UPDATE, .attrs = {.update = {.nesterov = true, .has_momentum = true}}, IN(S1(9), S1(9), S1(9), S1(DCN_HYPER_COUNT)), .n_outputs = 0},
    {DECANT_OP_SGD_UPDATE, .attrs = {.update = {.max_norm = 1}}, IN(S1(9), S1(9), S1(9), S1(DCN_HYPER_COUNT), S1(1)), .n_outputs = 0},
    {DECANT_OP_ADAM_UPDATE, .attrs = {.update = {.decoupled = true}}, IN(S1(9), S1(9), S1(9), S1(9), S1(DCN_HYPER_COUNT)), .n_outputs = 0},
    {DECANT_OP_EMA_UPDATE, .attrs = {.none = 0}, IN(S1(9), S1(9), S1(DCN_HYPER_COUNT)), .n_outputs = 0},
};

typedef struct bad_case {
    decant_op op;
    decant_status status;
    const char *says; /* must be in the message */
    decant_op_attrs attrs;
    int32_t n_inputs;
    decant_shape input[DCN_MAX_INPUTS];
} bad_case;

static const bad_case bad[] = {
    {DECANT_OP_CONV2D, DECANT_SHAPE, "[4, 48]", CONV(8, 3, 1, 1, 1, 1, 1, .bias = false), IN(S2(4, 48), S4(8, 3, 3, 3))},
    {DECANT_OP_CONV2D, DECANT_SHAPE, "[8, 3, 3, 3]", CONV(8, 3, 1, 1, 1, 1, 1, .bias = false), IN(S4(1, 3, 9, 9), S4(8, 4, 3, 3))},
    {DECANT_OP_CONV2D, DECANT_SHAPE, "at most 3", CONV(8, 5, 1, 0, 1, 1, 1, .bias = false), IN(S4(1, 3, 3, 3), S4(8, 3, 5, 5))},
    {DECANT_OP_CONV2D, DECANT_SHAPE, "at most 2", CONV(8, 3, 1, 0, 1, 3, 3, .bias = false), IN(S4(1, 3, 6, 6), S4(8, 3, 3, 3))},
    {DECANT_OP_CONV2D, DECANT_SHAPE, "7 input channels do not divide into 2 groups", CONV(8, 3, 1, 1, 2, 1, 1, .bias = false), IN(S4(1, 7, 9, 9), S4(8, 3, 3, 3))},
    {DECANT_OP_CONV2D, DECANT_SHAPE, "9 output channels do not divide into 2 groups", CONV(9, 3, 1, 1, 2, 1, 1, .bias = false), IN(S4(1, 8, 9, 9), S4(9, 4, 3, 3))},
    {DECANT_OP_CONV2D, DECANT_INVALID_ARG, "stride is 0", CONV(8, 3, 0, 1, 1, 1, 1, .bias = false), IN(S4(1, 3, 9, 9), S4(8, 3, 3, 3))},
    {DECANT_OP_CONV2D, DECANT_INVALID_ARG, "padding is -1", CONV(8, 3, 1, -1, 1, 1, 1, .bias = false), IN(S4(1, 3, 9, 9), S4(8, 3, 3, 3))},
    {DECANT_OP_CONV2D, DECANT_INVALID_ARG, "dilation is 0", CONV(8, 3, 1, 1, 1, 1, 0, .bias = false), IN(S4(1, 3, 9, 9), S4(8, 3, 3, 3))},
    {DECANT_OP_CONV2D, DECANT_INVALID_ARG, "groups is 0", CONV(8, 3, 1, 1, 0, 1, 1, .bias = false), IN(S4(1, 3, 9, 9), S4(8, 3, 3, 3))},
    {DECANT_OP_CONV2D, DECANT_INVALID_ARG, "kernel is 0", CONV(8, 0, 1, 1, 1, 1, 1, .bias = false), IN(S4(1, 3, 9, 9), S4(8, 3, 3, 3))},
    {DECANT_OP_CONV2D, DECANT_INVALID_ARG, "padding is", CONV(8, 3, 1, INT64_MAX, 1, 1, 1, .bias = false), IN(S4(1, 3, 9, 9), S4(8, 3, 3, 3))},
    {DECANT_OP_CONV2D, DECANT_INVALID_ARG, "height is", CONV(8, 3, 1, 1, 1, 1, 1, .bias = false), IN(S4(1, 3, HUGE_SIZE, 9), S4(8, 3, 3, 3))},
    {DECANT_OP_CONV2D, DECANT_SHAPE, "more than the 65536", CONV(1, 1, 1, INT32_MAX, 1, 1, 1, .bias = false), IN(S4(1, 1, 1, 1), S4(1, 1, 1, 1))}, /* maps that cannot be counted */
    {DECANT_OP_CONV2D, DECANT_INVALID_ARG, "bias is on", CONV(8, 3, 1, 1, 1, 1, 1, .bias = true), IN(S4(1, 3, 9, 9), S4(8, 3, 3, 3))},
    {DECANT_OP_CONV2D, DECANT_INVALID_ARG, "bias is off", CONV(8, 3, 1, 1, 1, 1, 1, .bias = false), IN(S4(1, 3, 9, 9), S4(8, 3, 3, 3), S1(8))},
    {DECANT_OP_CONV2D, DECANT_SHAPE, "[8]", CONV(8, 3, 1, 1, 1, 1, 1, .bias = true), IN(S4(1, 3, 9, 9), S4(8, 3, 3, 3), S1(7))},
    {DECANT_OP_CONV2D, DECANT_INVALID_ARG, "gelu", CONV(8, 3, 1, 1, 1, 1, 1, .activation = DCN_ACTIVATION_GELU), IN(S4(1, 3, 9, 9), S4(8, 3, 3, 3))},
    {DECANT_OP_CONV2D, DECANT_INVALID_ARG, "inputs", CONV(8, 3, 1, 1, 1, 1, 1, .bias = false), IN(S4(1, 3, 9, 9))},
    {DECANT_OP_CONV2D, DECANT_SHAPE, "empty", CONV(8, 3, 1, 1, 1, 1, 1, .bias = false), IN(S4(0, 3, 9, 9), S4(8, 3, 3, 3))},
    {DECANT_OP_CONV2D_GRAD_INPUT, DECANT_SHAPE, "[1, 4, 3, 4]", CONV(4, 2, 5, 0, 1, 1, 1, .in_hw = {13, 17}), IN(S4(1, 4, 3, 3), S4(4, 3, 2, 2))},
    {DECANT_OP_CONV2D_GRAD_INPUT, DECANT_INVALID_ARG, "height is 0", CONV(4, 2, 5, 0, 1, 1, 1, .bias = false), IN(S4(1, 4, 3, 4), S4(4, 3, 2, 2))},
    {DECANT_OP_CONV2D_GRAD_WEIGHT, DECANT_SHAPE, "[1, 4, 3, 4]", CONV(4, 2, 5, 0, 1, 1, 1, .bias = false), IN(S4(1, 3, 13, 17), S4(1, 5, 3, 4))},

    {DECANT_OP_LINEAR, DECANT_SHAPE, "flatten", LINEAR(10, false), IN(S4(1, 16, 8, 8), S2(10, 1024))},
    {DECANT_OP_LINEAR, DECANT_SHAPE, "[10, 1024]", LINEAR(10, false), IN(S2(1, 1024), S2(10, 1025))},
    {DECANT_OP_LINEAR, DECANT_INVALID_ARG, "features is 0", LINEAR(0, false), IN(S2(1, 4), S2(1, 4))},
    {DECANT_OP_LINEAR, DECANT_INVALID_ARG, "bias is on", LINEAR(3, true), IN(S2(1, 4), S2(3, 4))},
    {DECANT_OP_LINEAR_GRAD_INPUT, DECANT_SHAPE, "[4, 10]", LINEAR(10, false), IN(S2(4, 9), S2(10, 3))},
    {DECANT_OP_LINEAR_GRAD_WEIGHT, DECANT_SHAPE, "[4, 10]", LINEAR(10, false), IN(S2(4, 3), S2(5, 10))},

    {DECANT_OP_BATCHNORM, DECANT_SHAPE, "[2, 3, 4]", NORM, IN(S3(2, 3, 4), S1(3), S1(3), S1(3), S1(3))},
    {DECANT_OP_BATCHNORM, DECANT_SHAPE, "running variance", NORM, IN(S2(2, 3), S1(3), S1(3), S1(3), S1(4))},
    {DECANT_OP_BATCHNORM, DECANT_INVALID_ARG, "training", POOLED_NORM, IN(S4(2, 3, 4, 4), S1(3), S1(3), S1(3), S1(3))},
    {DECANT_OP_BATCHNORM_TRAIN, DECANT_SHAPE, "[2, 3, 4, 5]", POOLED_NORM, IN(S4(2, 3, 4, 5), S1(3), S1(3), S1(3), S1(3))},
    {DECANT_OP_BATCHNORM_TRAIN, DECANT_SHAPE, "[2, 3]", POOLED_NORM, IN(S2(2, 3), S1(3), S1(3), S1(3), S1(3))},
    {DECANT_OP_BATCHNORM_GRAD, DECANT_SHAPE, "[2, 3, 4, 6]", POOLED_NORM, IN(S4(2, 3, 4, 6), S4(2, 3, 4, 6), S1(3), S1(3), S1(3), S1(3))},
    {DECANT_OP_BATCHNORM, DECANT_INVALID_ARG, "eps", .attrs = {.norm = {.eps = 0, .momentum = 0.1}}, IN(S2(2, 3), S1(3), S1(3), S1(3), S1(3))},
    {DECANT_OP_BATCHNORM, DECANT_INVALID_ARG, "eps", .attrs = {.norm = {.eps = (double)NAN, .momentum = 0.1}}, IN(S2(2, 3), S1(3), S1(3), S1(3), S1(3))},
    {DECANT_OP_BATCHNORM, DECANT_INVALID_ARG, "momentum", .attrs = {.norm = {.eps = 1e-5, .momentum = 1.5}}, IN(S2(2, 3), S1(3), S1(3), S1(3), S1(3))},
    {DECANT_OP_BATCHNORM_TRAIN, DECANT_SHAPE, "batch of at least 2", NORM, IN(S4(1, 5, 1, 1), S1(5), S1(5), S1(5), S1(5))},
    {DECANT_OP_BATCHNORM_GRAD, DECANT_SHAPE, "dy is", NORM, IN(S2(4, 5), S2(3, 5), S1(5), S1(5), S1(5), S1(5))},

    {DECANT_OP_RELU, DECANT_SHAPE, "empty", .attrs = {.none = 0}, IN(S2(2, 0))},
    {DECANT_OP_RELU6, DECANT_INVALID_ARG, "negative", .attrs = {.none = 0}, IN(S2(2, -1))},
    {DECANT_OP_HARDSWISH, DECANT_INVALID_ARG, "counted", .attrs = {.none = 0}, IN(S2(INT64_MAX, 2))},
    {DECANT_OP_SIGMOID, DECANT_INVALID_ARG, "inputs", .attrs = {.none = 0}, IN(S2(2, 3), S2(2, 3))},
    {DECANT_OP_LOG, DECANT_INVALID_ARG, "inputs", .attrs = {.none = 0}, IN(S2(2, 3), S2(2, 3))},
    {DECANT_OP_GELU, DECANT_INVALID_ARG, "bytes", .attrs = {.none = 0}, IN(S1(INT64_MAX))},
    {DECANT_OP_ACTIVATION_GRAD, DECANT_INVALID_ARG, "no activation", .attrs = {.activation = {DCN_ACTIVATION_NONE}}, IN(S2(2, 3), S2(2, 3))},
    {DECANT_OP_ACTIVATION_GRAD, DECANT_SHAPE, "[2, 4]", .attrs = {.activation = {DCN_ACTIVATION_RELU}}, IN(S2(2, 3), S2(2, 4))},

    {DECANT_OP_MAXPOOL, DECANT_SHAPE, "a map", POOL(2, 2, 0, .in_hw = {0, 0}), IN(S2(2, 3))},
    {DECANT_OP_MAXPOOL, DECANT_SHAPE, "at most 1", POOL(2, 2, 0, .in_hw = {0, 0}), IN(S4(2, 3, 1, 1))},
    {DECANT_OP_MAXPOOL, DECANT_INVALID_ARG, "half", POOL(2, 2, 2, .in_hw = {0, 0}), IN(S4(2, 3, 8, 8))},
    {DECANT_OP_MAXPOOL, DECANT_INVALID_ARG, "stride is -2", POOL(2, -2, 0, .in_hw = {0, 0}), IN(S4(2, 3, 8, 8))},
    {DECANT_OP_MAXPOOL_GRAD, DECANT_SHAPE, "the index", POOL(2, 2, 0, .in_hw = {8, 8}), IN(S4(1, 3, 4, 4), S4(1, 3, 4, 5))},
    {DECANT_OP_MAXPOOL_GRAD, DECANT_SHAPE, "[1, 3, 4, 4]", POOL(2, 2, 0, .in_hw = {9, 9}), IN(S4(1, 3, 5, 5), S4(1, 3, 5, 5))},
    {DECANT_OP_AVGPOOL, DECANT_INVALID_ARG, "kernel is 0", POOL(0, 1, 0, .in_hw = {0, 0}), IN(S4(2, 3, 8, 8))},
    {DECANT_OP_AVGPOOL_GRAD, DECANT_INVALID_ARG, "height is 0", POOL(2, 2, 0, .ceil_mode = true), IN(S4(2, 3, 4, 4))},
    {DECANT_OP_ADAPTIVE_AVGPOOL, DECANT_INVALID_ARG, "output size is 0", .attrs = {.adaptive = {.out_hw = {1, 0}}}, IN(S4(2, 3, 8, 8))},
    {DECANT_OP_ADAPTIVE_AVGPOOL_GRAD, DECANT_SHAPE, "[2, 3, 1, 1]", .attrs = {.adaptive = {.out_hw = {1, 1}, .in_hw = {8, 8}}}, IN(S4(2, 3, 2, 1))},

    {DECANT_OP_DROPOUT, DECANT_INVALID_ARG, "below 1", .attrs = {.dropout = {.p = 1}}, IN(S2(2, 3))},
    {DECANT_OP_DROPOUT, DECANT_INVALID_ARG, "p is", .attrs = {.dropout = {.p = (double)NAN}}, IN(S2(2, 3))},
    {DECANT_OP_DROPOUT, DECANT_SHAPE, "counter", .attrs = {.dropout = {.p = 0.5}}, IN(S2(2, 3), S1(3))},
    {DECANT_OP_DROPOUT_GRAD, DECANT_INVALID_ARG, "p is", .attrs = {.dropout = {.p = -0.1}}, IN(S2(2, 3), S1(2))},
    {DECANT_OP_RECTIFIED_DROPOUT_GRAD, DECANT_INVALID_ARG, "p is", .attrs = {.dropout = {.p = 1}}, IN(S2(2, 3), S2(2, 3))},
    {DECANT_OP_RECTIFIED_DROPOUT_GRAD, DECANT_SHAPE, "[2, 4]", .attrs = {.dropout = {.p = 0.5}}, IN(S2(2, 3), S2(2, 4))},
    {DECANT_OP_FLATTEN, DECANT_SHAPE, "scalar", .attrs = {.none = 0}, IN({.rank = 0})},
    {DECANT_OP_RESHAPE, DECANT_SHAPE, "1024 elements a sample", .attrs = {.reshape = {.rank = 3, .shape = {0, 16, 65}}}, IN(S2(2, 1024))},
    {DECANT_OP_RESHAPE, DECANT_INVALID_ARG, "rank of 7", .attrs = {.reshape = {.rank = 7, .shape = {0, 16, 64}}}, IN(S2(2, 1024))},
    {DECANT_OP_RESHAPE, DECANT_INVALID_ARG, "a dimension is -1", .attrs = {.reshape = {.rank = 2, .shape = {0, -1}}}, IN(S2(2, 1024))},
    {DECANT_OP_RESHAPE, DECANT_INVALID_ARG, "counted", .attrs = {.reshape = {.rank = 4, .shape = {0, INT32_MAX, INT32_MAX, INT32_MAX}}}, IN(S2(2, 8))},
    {DECANT_OP_ADD, DECANT_SHAPE, "[2, 4]", .attrs = {.activation = {DCN_ACTIVATION_NONE}}, IN(S2(2, 3), S2(2, 4))},
    {DECANT_OP_ADD, DECANT_INVALID_ARG, "sigmoid", .attrs = {.activation = {DCN_ACTIVATION_SIGMOID}}, IN(S2(2, 3), S2(2, 3))},
    {DECANT_OP_CONCAT, DECANT_SHAPE, "batch is axis 0", .attrs = {.axis = {0}}, IN(S2(2, 3), S2(2, 3))},
    {DECANT_OP_CONCAT, DECANT_SHAPE, "1 to 1", .attrs = {.axis = {2}}, IN(S2(2, 3), S2(2, 3))},
    {DECANT_OP_CONCAT, DECANT_SHAPE, "must agree", .attrs = {.axis = {1}}, IN(S4(2, 3, 4, 4), S4(2, 3, 4, 5))},
    {DECANT_OP_CONCAT, DECANT_SHAPE, "must agree", .attrs = {.axis = {1}}, IN(S4(2, 3, 4, 4), S2(2, 3))},
    {DECANT_OP_SLICE, DECANT_SHAPE, "slice from 2 to 2 of an axis of 3", .attrs = {.slice = {1, 2, 2}}, IN(S2(2, 3))},
    {DECANT_OP_SLICE, DECANT_SHAPE, "slice from 1 to 4 of an axis of 3", .attrs = {.slice = {1, 1, 4}}, IN(S2(2, 3))},
    {DECANT_OP_SLICE, DECANT_SHAPE, "slice from -1", .attrs = {.slice = {1, -1, 2}}, IN(S2(2, 3))},
    {DECANT_OP_SOFTMAX, DECANT_SHAPE, "[2, 3, 4]", .attrs = {.none = 0}, IN(S3(2, 3, 4))},
    {DECANT_OP_SOFTMAX_GRAD, DECANT_SHAPE, "y is [2, 4]", .attrs = {.none = 0}, IN(S2(2, 3), S2(2, 4))},
    {DECANT_OP_PAD_CHANNELS, DECANT_INVALID_ARG, "stride is 0", .attrs = {.pad_channels = {.before = 1, .after = 1}}, IN(S4(2, 3, 4, 4))},
    {DECANT_OP_PAD_CHANNELS, DECANT_INVALID_ARG, "before is -1", .attrs = {.pad_channels = {.stride = 1, .before = -1}}, IN(S4(2, 3, 4, 4))},
    {DECANT_OP_PAD_CHANNELS_GRAD, DECANT_SHAPE, "leave none", .attrs = {.pad_channels = {.stride = 1, .before = 2, .after = 1, .in_hw = {4, 4}}}, IN(S4(2, 3, 4, 4))},
    {DECANT_OP_PAD_CHANNELS_GRAD, DECANT_SHAPE, "[2, 3, 2, 2]", .attrs = {.pad_channels = {.stride = 2, .in_hw = {4, 4}}}, IN(S4(2, 3, 4, 4))},
    {DECANT_OP_REPEAT_CHANNELS, DECANT_INVALID_ARG, "times is 0", .attrs = {.repeat = {0}}, IN(S4(2, 3, 4, 4))},
    {DECANT_OP_REPEAT_CHANNELS_GRAD, DECANT_SHAPE, "not a multiple", .attrs = {.repeat = {2}}, IN(S4(2, 3, 4, 4))},

    {DECANT_OP_LOSS_CE, DECANT_SHAPE, "rows of logits", .attrs = {.loss = {.weight = 1}}, IN(S4(4, 10, 1, 1), S1(4))},
    {DECANT_OP_LOSS_CE, DECANT_SHAPE, "labels is [5]", .attrs = {.loss = {.weight = 1}}, IN(S2(4, 10), S1(5))},
    {DECANT_OP_LOSS_CE, DECANT_INVALID_ARG, "mix", .attrs = {.loss = {.weight = 1}}, IN(S2(4, 10), S1(4), S1(4))},
    {DECANT_OP_LOSS_CE, DECANT_INVALID_ARG, "smoothing", .attrs = {.loss = {.weight = 1, .label_smoothing = 1}}, IN(S2(4, 10), S1(4))},
    {DECANT_OP_LOSS_CE, DECANT_INVALID_ARG, "weight", .attrs = {.loss = {.weight = (double)INFINITY}}, IN(S2(4, 10), S1(4))},
    {DECANT_OP_LOSS_KD, DECANT_INVALID_ARG, "temperature is 0", .attrs = {.loss = {.weight = 1}}, IN(S2(4, 10), S2(4, 10))},
    {DECANT_OP_LOSS_KD, DECANT_SHAPE, "teacher's logits is [4, 100]", .attrs = {.loss = {.weight = 1, .temperature = 4}}, IN(S2(4, 10), S2(4, 100))},
    {DECANT_OP_LOSS_BCE, DECANT_SHAPE, "labels", .attrs = {.loss = {.weight = 1}}, IN(S2(4, 1), S1(3))},
    {DECANT_OP_LOSS_DKD, DECANT_SHAPE, "beside the label's", .attrs = {.loss = {.weight = 1, .temperature = 4}}, IN(S2(4, 1), S2(4, 1), S1(4))},
    {DECANT_OP_LOSS_DKD, DECANT_INVALID_ARG, "alpha and beta", .attrs = {.loss = {.weight = 1, .temperature = 4, .beta = (double)NAN}}, IN(S2(4, 10), S2(4, 10), S1(4))},
    {DECANT_OP_LOSS_MSE, DECANT_SHAPE, "[4, 9]", .attrs = {.loss = {.weight = 1}}, IN(S2(4, 10), S2(4, 9))},
    {DECANT_OP_LOSS_MSE, DECANT_SHAPE, "centred", .attrs = {.loss = {.weight = 1, .center = true}}, IN(S4(4, 3, 2, 2), S4(4, 3, 2, 2))},
    {DECANT_OP_LOSS_COSINE, DECANT_SHAPE, "[4, 9]", .attrs = {.loss = {.weight = 1}}, IN(S2(4, 10), S2(4, 9))},
    {DECANT_OP_STANDARDIZE, DECANT_SHAPE, "no deviation", .attrs = {.none = 0}, IN(S2(4, 1))},
    {DECANT_OP_STANDARDIZE_GRAD, DECANT_SHAPE, "[4, 9]", .attrs = {.none = 0}, IN(S2(4, 10), S2(4, 9))},
    {DECANT_OP_ACCURACY, DECANT_SHAPE, "labels", .attrs = {.none = 0}, IN(S2(4, 10), S1(3))},
    {DECANT_OP_GRAD_NORM, DECANT_SHAPE, "empty", .attrs = {.none = 0}, IN(S1(0))},
    {DECANT_OP_SGD_UPDATE, DECANT_INVALID_ARG, "nesterov needs momentum", .attrs = {.update = {.nesterov = true}}, IN(S1(9), S1(9), S1(9), S1(DCN_HYPER_COUNT))},
    {DECANT_OP_SGD_UPDATE, DECANT_INVALID_ARG, "missing", .attrs = {.update = {.max_norm = 1}}, IN(S1(9), S1(9), S1(9), S1(DCN_HYPER_COUNT))},
    {DECANT_OP_SGD_UPDATE, DECANT_SHAPE, "[8]", .attrs = {.update = {.max_norm = 0}}, IN(S1(9), S1(9), S1(9), S1(3))},
    {DECANT_OP_ADAM_UPDATE, DECANT_SHAPE, "[9]", .attrs = {.update = {.max_norm = 0}}, IN(S1(9), S1(9), S1(9), S1(8), S1(DCN_HYPER_COUNT))},
    {DECANT_OP_ADAM_UPDATE, DECANT_INVALID_ARG, "largest norm", .attrs = {.update = {.max_norm = (double)NAN}}, IN(S1(9), S1(9), S1(9), S1(9), S1(DCN_HYPER_COUNT))},
    {DECANT_OP_EMA_UPDATE, DECANT_SHAPE, "parameters", .attrs = {.none = 0}, IN(S1(9), S1(8), S1(DCN_HYPER_COUNT))},
};
/* clang-format on */

/* The element types that op.def's comment gives, written down a second time. */
static decant_dtype documented_dtype(decant_op op, int32_t i)
{
    if ((op == DECANT_OP_DROPOUT || op == DECANT_OP_DROPOUT_GRAD) && i == 1) return DECANT_I64;
    if (op == DECANT_OP_MAXPOOL_GRAD && i == 1) return DECANT_I32;
    if ((op == DECANT_OP_LOSS_BCE && i == 1) || (op == DECANT_OP_LOSS_DKD && i == 2)) return DECANT_I32;
    if ((op == DECANT_OP_LOSS_CE && (i == 1 || i == 2)) || (op == DECANT_OP_ACCURACY && i == 1)) return DECANT_I32;
    return DECANT_F32;
}

static dcn_op_call make_call(decant_op op, const decant_op_attrs *attrs, int32_t n_inputs, const decant_shape *inputs)
{
    dcn_op_call call = {.op = op, .attrs = *attrs, .n_inputs = n_inputs};
    for (int32_t i = 0; i < n_inputs; i++) {
        call.input[i].dtype = documented_dtype(op, i);
        call.input[i].shape = inputs[i];
    }
    return call;
}

static void what_fits_gives_the_right_shapes(void **state)
{
    (void)state;
    for (size_t c = 0; c < DCN_COUNT(good); c++) {
        dcn_op_call call = make_call(good[c].op, &good[c].attrs, good[c].n_inputs, good[c].input);
        call.n_outputs = good[c].n_outputs;
        decant_status status = dcn_op_infer(&call);
        if (status != DECANT_OK) fail_msg("case %zu (%s): %s", c, dcn_op_get(good[c].op)->name, decant_error_message());
        assert_int_equal(call.n_outputs, good[c].n_outputs);
        for (int32_t i = 0; i < call.n_outputs; i++) {
            char got[DCN_SHAPE_TEXT], wanted[DCN_SHAPE_TEXT];
            if (!decant_shape_equal(&call.output[i].shape, &good[c].output[i]))
                fail_msg("case %zu (%s) output %d: %s, not %s", c, dcn_op_get(good[c].op)->name, (int)i,
                         dcn_shape_text(&call.output[i].shape, got), dcn_shape_text(&good[c].output[i], wanted));
            bool integers = good[c].op == DECANT_OP_ACCURACY || (good[c].op == DECANT_OP_MAXPOOL && i == 1);
            assert_int_equal(call.output[i].dtype, integers ? DECANT_I32 : DECANT_F32);
        }
    }
}

static void what_does_not_fit_is_refused_in_words(void **state)
{
    (void)state;
    for (size_t c = 0; c < DCN_COUNT(bad); c++) {
        const dcn_op_call before = make_call(bad[c].op, &bad[c].attrs, bad[c].n_inputs, bad[c].input);
        dcn_op_call call;
        memcpy(&call, &before, sizeof call); /* byte by byte, because it is compared so */
        decant_status status = dcn_op_infer(&call);
        if (status != bad[c].status || strstr(decant_error_message(), bad[c].says) == NULL)
            fail_msg("case %zu (%s): status %s, \"%s\" lacks \"%s\"", c, dcn_op_get(bad[c].op)->name,
                     decant_status_name(status), decant_error_message(), bad[c].says);
        assert_memory_equal(&call, &before, sizeof call); /* untouched on failure */
    }
}

/* Each good case again with one input of another element type: no op takes whatever it is given. */
static void wrong_element_types_are_refused(void **state)
{
    (void)state;
    for (size_t c = 0; c < DCN_COUNT(good); c++) {
        for (int32_t i = 0; i < good[c].n_inputs; i++) {
            dcn_op_call call = make_call(good[c].op, &good[c].attrs, good[c].n_inputs, good[c].input);
            call.input[i].dtype = DECANT_U8;
            assert_int_equal(dcn_op_infer(&call), DECANT_INVALID_ARG);
        }
    }
}

/* In f64, for gradient checks, everything real is f64 except hyper and the mix. */
static void doubles_go_through_every_op(void **state)
{
    (void)state;
    for (size_t c = 0; c < DCN_COUNT(good); c++) {
        dcn_op_call call = make_call(good[c].op, &good[c].attrs, good[c].n_inputs, good[c].input);
        int32_t stays = good[c].op == DECANT_OP_LOSS_CE       ? 3
                        : good[c].op == DECANT_OP_SGD_UPDATE  ? 3
                        : good[c].op == DECANT_OP_ADAM_UPDATE ? 4
                        : good[c].op == DECANT_OP_EMA_UPDATE  ? 2
                                                              : -1;
        for (int32_t i = 0; i < call.n_inputs; i++)
            if (call.input[i].dtype == DECANT_F32 && i != stays) call.input[i].dtype = DECANT_F64;
        assert_int_equal(dcn_op_infer(&call), DECANT_OK);
        if (call.n_outputs > 0 && good[c].op != DECANT_OP_ACCURACY) assert_int_equal(call.output[0].dtype, DECANT_F64);
    }
}

static void arithmetic_is_counted_two_per_multiply_add(void **state)
{
    (void)state;
    dcn_op_call conv = make_call(good[0].op, &good[0].attrs, good[0].n_inputs, good[0].input);
    assert_int_equal(dcn_op_infer(&conv), DECANT_OK);
    assert_true(dcn_op_flops(&conv) == 2.0 * 16 * 32 * 32 * 3 * 3 * 3);

    for (size_t c = 0; c < DCN_COUNT(good); c++) {
        dcn_op_call call = make_call(good[c].op, &good[c].attrs, good[c].n_inputs, good[c].input);
        assert_int_equal(dcn_op_infer(&call), DECANT_OK);
        bool moves = good[c].op == DECANT_OP_FLATTEN || good[c].op == DECANT_OP_RESHAPE ||
                     good[c].op == DECANT_OP_CONCAT || good[c].op == DECANT_OP_SLICE ||
                     good[c].op == DECANT_OP_PAD_CHANNELS || good[c].op == DECANT_OP_PAD_CHANNELS_GRAD ||
                     good[c].op == DECANT_OP_REPEAT_CHANNELS;
        assert_int_equal(dcn_op_flops(&call) == 0, moves);
    }
}

static void forward_and_both_gradients_cost_the_same(void **state)
{
    (void)state;
    const decant_op_attrs attrs = {.conv = {.channels = 6,
                                            .kernel = {3, 3},
                                            .stride = {2, 2},
                                            .padding = {1, 1},
                                            .dilation = {1, 1},
                                            .groups = 3,
                                            .in_hw = {8, 7}}};
    const decant_shape x = S4(2, 9, 8, 7), w = S4(6, 3, 3, 3), y = S4(2, 6, 4, 4);
    const decant_shape forward[] = {x, w}, to_input[] = {y, w}, to_weight[] = {x, y};
    dcn_op_call a = make_call(DECANT_OP_CONV2D, &attrs, 2, forward);
    dcn_op_call b = make_call(DECANT_OP_CONV2D_GRAD_INPUT, &attrs, 2, to_input);
    dcn_op_call c = make_call(DECANT_OP_CONV2D_GRAD_WEIGHT, &attrs, 2, to_weight);
    assert_int_equal(dcn_op_infer(&a), DECANT_OK);
    assert_int_equal(dcn_op_infer(&b), DECANT_OK);
    assert_int_equal(dcn_op_infer(&c), DECANT_OK);
    assert_true(dcn_op_flops(&a) == 2.0 * 2 * 6 * 4 * 4 * 3 * 3 * 3);
    assert_true(dcn_op_flops(&b) == dcn_op_flops(&a));
    assert_true(dcn_op_flops(&c) == dcn_op_flops(&a));
}

static void taps_on_padding_are_not_needed(void **state)
{
    (void)state;
    decant_op_attrs attrs = {.conv = {.channels = 6,
                                      .kernel = {3, 3},
                                      .stride = {1, 1},
                                      .padding = {1, 1},
                                      .dilation = {1, 1},
                                      .groups = 1,
                                      .in_hw = {1, 2}}};
    const decant_shape x = S4(2, 4, 1, 2), w = S4(6, 4, 3, 3), y = S4(2, 6, 1, 2);
    const decant_shape forward[] = {x, w}, to_input[] = {y, w}, to_weight[] = {x, y};
    dcn_op_call calls[] = {make_call(DECANT_OP_CONV2D, &attrs, 2, forward),
                           make_call(DECANT_OP_CONV2D_GRAD_INPUT, &attrs, 2, to_input),
                           make_call(DECANT_OP_CONV2D_GRAD_WEIGHT, &attrs, 2, to_weight)};
    for (size_t c = 0; c < DCN_COUNT(calls); c++) { /* one of three taps down, four of six across */
        assert_int_equal(dcn_op_infer(&calls[c]), DECANT_OK);
        assert_true(fabs(dcn_op_needed_flops(&calls[c]) / dcn_op_flops(&calls[c]) - 2.0 / 9) < 1e-12);
    }

    attrs.conv.padding[0] = attrs.conv.padding[1] = 0;
    const decant_shape wide[] = {S4(2, 4, 9, 9), w};
    dcn_op_call inside = make_call(DECANT_OP_CONV2D, &attrs, 2, wide);
    assert_int_equal(dcn_op_infer(&inside), DECANT_OK);
    assert_true(dcn_op_needed_flops(&inside) == dcn_op_flops(&inside));
    attrs = (decant_op_attrs){.linear = {.features = 3}};
    dcn_op_call linear = make_call(DECANT_OP_LINEAR, &attrs, 2, (const decant_shape[]){S2(8, 5), S2(3, 5)});
    assert_int_equal(dcn_op_infer(&linear), DECANT_OK);
    assert_true(dcn_op_needed_flops(&linear) == dcn_op_flops(&linear));
}

static void the_table_finds_ops_by_name(void **state)
{
    (void)state;
    for (int op = 0; op < DECANT_OP_COUNT; op++) {
        decant_op found = DECANT_OP_COUNT;
        const dcn_op_info *info = dcn_op_get((decant_op)op);
        assert_true(dcn_op_find(info->name, &found));
        assert_int_equal(found, op);
        assert_true(info->min_inputs >= 1 && info->min_inputs <= info->max_inputs);
        assert_true(info->max_inputs <= DCN_MAX_INPUTS && info->max_outputs <= DCN_MAX_OUTPUTS);
    }
    decant_op untouched = DECANT_OP_ADD;
    assert_false(dcn_op_find("convolution", &untouched));
    assert_int_equal(untouched, DECANT_OP_ADD);
    assert_string_equal(dcn_activation_name(DCN_ACTIVATION_HARDSWISH), "hardswish");
}

static void every_row_of_the_table_is_tested_here(void **state)
{
    (void)state;
    for (int op = 0; op < DECANT_OP_COUNT; op++) {
        bool has_good = false, has_bad = false;
        for (size_t c = 0; c < DCN_COUNT(good); c++)
            has_good = has_good || good[c].op == (decant_op)op;
        for (size_t c = 0; c < DCN_COUNT(bad); c++)
            has_bad = has_bad || bad[c].op == (decant_op)op;
        if (!has_good || !has_bad) fail_msg("%s has no good or no bad case", dcn_op_get((decant_op)op)->name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_fits_gives_the_right_shapes),
        cmocka_unit_test(what_does_not_fit_is_refused_in_words),
        cmocka_unit_test(wrong_element_types_are_refused),
        cmocka_unit_test(doubles_go_through_every_op),
        cmocka_unit_test(arithmetic_is_counted_two_per_multiply_add),
        cmocka_unit_test(forward_and_both_gradients_cost_the_same),
        cmocka_unit_test(taps_on_padding_are_not_needed),
        cmocka_unit_test(the_table_finds_ops_by_name),
        cmocka_unit_test(every_row_of_the_table_is_tested_here),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
