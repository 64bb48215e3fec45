/* Every op that has a derivative, and every loss, against central differences in f64. Fails when one has no check here.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/memory.h"
#include "gradients/network.h"
#include "tensor/shape.h"

/* --- layers with weights, with and without bias and fused activation --- */

static void check_conv(const char *name, decant_shape x_shape, dcn_conv_attrs attrs)
{
    network net;
    network_init(&net);
    decant_op_attrs op_attrs = {.conv = attrs};
    dcn_value_id inputs[3];
    inputs[0] = network_parameter(&net, "x", x_shape);
    inputs[1] = network_parameter(
        &net, "w", dcn_shape4(attrs.channels, x_shape.dim[1] / attrs.groups, attrs.kernel[0], attrs.kernel[1]));
    if (attrs.bias) inputs[2] = network_parameter(&net, "b", dcn_shape1(attrs.channels));
    dcn_value_id y = network_node(&net, DECANT_OP_CONV2D, &op_attrs, inputs, attrs.bias ? 3 : 2, 1, NULL);
    network_check(&net, name, y);
    network_finish(&net);
}

static void check_conv2d(void)
{
    dcn_conv_attrs attrs = dcn_conv_default(3, 3);
    attrs.padding[0] = attrs.padding[1] = 1;
    check_conv("conv2d", dcn_shape4(2, 2, 4, 5), attrs);
    attrs.activation = DCN_ACTIVATION_RELU;
    check_conv("conv2d with relu", dcn_shape4(2, 2, 4, 5), attrs);
    attrs.bias = false;
    attrs.stride[0] = 2;
    attrs.stride[1] = 3;
    check_conv("conv2d with strides", dcn_shape4(1, 2, 6, 7), attrs);
    attrs.dilation[0] = attrs.dilation[1] = 2;
    attrs.padding[0] = 3;
    check_conv("conv2d with dilation", dcn_shape4(1, 2, 6, 7), attrs);
    attrs = dcn_conv_default(4, 2);
    attrs.groups = 2;
    check_conv("conv2d with groups", dcn_shape4(2, 4, 3, 3), attrs);
    attrs.groups = 4;
    check_conv("conv2d, depthwise", dcn_shape4(2, 4, 3, 3), attrs);
}

static void check_linear_layer(const char *name, bool bias, int32_t activation)
{
    network net;
    network_init(&net);
    decant_op_attrs attrs = {.linear = {.features = 3, .bias = bias, .activation = activation}};
    dcn_value_id inputs[3];
    inputs[0] = network_parameter(&net, "x", dcn_shape2(4, 5));
    inputs[1] = network_parameter(&net, "w", dcn_shape2(3, 5));
    if (bias) inputs[2] = network_parameter(&net, "b", dcn_shape1(3));
    network_check(&net, name, network_node(&net, DECANT_OP_LINEAR, &attrs, inputs, bias ? 3 : 2, 1, NULL));
    network_finish(&net);
}

static void check_linear(void)
{
    check_linear_layer("linear", true, DCN_ACTIVATION_NONE);
    check_linear_layer("linear with relu", true, DCN_ACTIVATION_RELU);
    check_linear_layer("linear without bias", false, DCN_ACTIVATION_NONE);
}

static dcn_value_id add_batchnorm(network *net, dcn_value_id x, int32_t activation, bool pools)
{
    int64_t channels = net->run.graph->values[x].shape.dim[1];
    decant_op_attrs attrs = {.norm = {.eps = 1e-5, .momentum = 0.1, .activation = activation, .pools = pools}};
    dcn_value_id inputs[5] = {x};
    inputs[1] = network_parameter(net, "gamma", dcn_shape1(channels));
    inputs[2] = network_parameter(net, "beta", dcn_shape1(channels));
    inputs[3] = network_input(net, "running_mean", DECANT_F64, dcn_shape1(channels), 0);
    inputs[4] = network_input(net, "running_var", DECANT_F64, dcn_shape1(channels), 0);
    return network_node(net, DECANT_OP_BATCHNORM_TRAIN, &attrs, inputs, 5, 3, NULL);
}

static void check_batchnorm_train(void)
{
    const decant_shape shapes[] = {dcn_shape2(5, 3), dcn_shape4(2, 3, 2, 3), dcn_shape4(2, 3, 4, 2)};
    for (size_t i = 0; i < DCN_COUNT(shapes); i++)
        for (int relu = 0; relu < 2; relu++) {
            const bool pools = i == 2;
            network net;
            network_init(&net);
            dcn_value_id x = network_parameter(&net, "x", shapes[i]);
            dcn_value_id y = add_batchnorm(&net, x, relu ? DCN_ACTIVATION_RELU : DCN_ACTIVATION_NONE, pools);
            network_check(&net, pools ? "batchnorm_train with maxima" : "batchnorm_train", y);
            network_finish(&net);
        }
}

/* --- ops of one input --- */

static void check_unary(decant_op op, decant_shape x_shape, const decant_op_attrs *attrs, int32_t n_outputs)
{
    network net;
    network_init(&net);
    dcn_value_id x = network_parameter(&net, "x", x_shape);
    network_check(&net, dcn_op_get(op)->name, network_node(&net, op, attrs, &x, 1, n_outputs, NULL));
    network_finish(&net);
}

static void check_relu(void)
{
    check_unary(DECANT_OP_RELU, dcn_shape2(5, 7), NULL, 1);
}

/* Large numbers too, for the flat ends: x goes through a linear layer first. */
static void check_clipped(decant_op op)
{
    network net;
    network_init(&net);
    decant_op_attrs attrs = {.linear = {.features = 9}};
    dcn_value_id inputs[2] = {network_parameter(&net, "x", dcn_shape2(6, 8)),
                              network_parameter(&net, "w", dcn_shape2(9, 8))};
    dcn_value_id wide = network_node(&net, DECANT_OP_LINEAR, &attrs, inputs, 2, 1, NULL);
    network_check(&net, dcn_op_get(op)->name, network_node(&net, op, NULL, &wide, 1, 1, NULL));
    network_finish(&net);
}

static void check_relu6(void)
{
    check_clipped(DECANT_OP_RELU6);
}

static void check_hardswish(void)
{
    check_clipped(DECANT_OP_HARDSWISH);
}

static void check_sigmoid(void)
{
    check_clipped(DECANT_OP_SIGMOID);
}

static void check_gelu(void)
{
    check_clipped(DECANT_OP_GELU);
}

static void check_softmax(void)
{
    check_unary(DECANT_OP_SOFTMAX, dcn_shape2(4, 6), NULL, 1);
}

static void check_pool(decant_op op, int32_t n_outputs)
{
    dcn_pool_attrs rows[4] = {dcn_pool_default(2), dcn_pool_default(3), dcn_pool_default(3), dcn_pool_default(2)};
    rows[1].stride[0] = rows[1].stride[1] = 2; /* overlapping, padded */
    rows[1].padding[0] = rows[1].padding[1] = 1;
    rows[2].stride[0] = rows[2].stride[1] = 2; /* a cut window at the end */
    rows[2].padding[0] = 1;
    rows[2].ceil_mode = true;
    rows[3].stride[1] = 3; /* columns that no window sees */
    rows[3].count_include_pad = false;
    for (size_t i = 0; i < DCN_COUNT(rows); i++) {
        decant_op_attrs attrs = {.pool = rows[i]};
        check_unary(op, dcn_shape4(2, 2, 6, 7), &attrs, n_outputs);
        attrs.pool.count_include_pad = !attrs.pool.count_include_pad;
        if (op == DECANT_OP_AVGPOOL) check_unary(op, dcn_shape4(2, 2, 6, 7), &attrs, n_outputs);
    }
}

static void check_maxpool(void)
{
    check_pool(DECANT_OP_MAXPOOL, 2);
}

static void check_avgpool(void)
{
    check_pool(DECANT_OP_AVGPOOL, 1);
}

static void check_adaptive_avgpool(void)
{
    static const int64_t out[][2] = {{1, 1}, {2, 3}, {5, 7}, {6, 8}};
    for (size_t i = 0; i < DCN_COUNT(out); i++) {
        decant_op_attrs attrs = {.adaptive = {.out_hw = {out[i][0], out[i][1]}}};
        check_unary(DECANT_OP_ADAPTIVE_AVGPOOL, dcn_shape4(2, 2, 5, 7), &attrs, 1);
    }
}

static void check_dropout(void)
{
    network net;
    network_init(&net);
    decant_op_attrs attrs = {.dropout = {.p = 0.4, .stream = 2}};
    dcn_value_id inputs[2] = {network_parameter(&net, "x", dcn_shape2(5, 9)),
                              network_input(&net, "counter", DECANT_I64, dcn_shape1(2), 0)};
    network_check(&net, "dropout", network_node(&net, DECANT_OP_DROPOUT, &attrs, inputs, 2, 1, NULL));
    network_finish(&net);

    /* undone together: relu, maximum, dropout */
    decant_op_attrs pool = {.pool = dcn_pool_default(2)};
    network_init(&net);
    dcn_value_id x = network_parameter(&net, "x", dcn_shape4(2, 3, 4, 4));
    x = network_node(&net, DECANT_OP_RELU, NULL, &x, 1, 1, NULL);
    x = network_node(&net, DECANT_OP_MAXPOOL, &pool, &x, 1, 2, NULL);
    inputs[0] = network_node(&net, DECANT_OP_FLATTEN, NULL, &x, 1, 1, NULL);
    inputs[1] = network_input(&net, "counter", DECANT_I64, dcn_shape1(2), 0);
    network_check(&net, "dropout behind relu", network_node(&net, DECANT_OP_DROPOUT, &attrs, inputs, 2, 1, NULL));
    network_finish(&net);
}

static void check_flatten(void)
{
    check_unary(DECANT_OP_FLATTEN, dcn_shape4(2, 3, 2, 2), NULL, 1);
}

static void check_reshape(void)
{
    decant_op_attrs attrs = {.reshape = {.rank = 4, .shape = {0, 3, 2, 2}}};
    check_unary(DECANT_OP_RESHAPE, dcn_shape2(2, 12), &attrs, 1);
}

static void check_slice(void)
{
    decant_op_attrs attrs = {.slice = {.axis = 1, .begin = 1, .end = 4}};
    check_unary(DECANT_OP_SLICE, dcn_shape4(2, 5, 2, 3), &attrs, 1);
    check_unary(DECANT_OP_SLICE, dcn_shape2(3, 6), &attrs, 1);
}

static void check_pad_channels(void)
{
    decant_op_attrs attrs = {.pad_channels = {.stride = 2, .before = 1, .after = 2}};
    check_unary(DECANT_OP_PAD_CHANNELS, dcn_shape4(2, 3, 5, 4), &attrs, 1);
}

static void check_repeat_channels(void)
{
    decant_op_attrs attrs = {.repeat = {3}};
    check_unary(DECANT_OP_REPEAT_CHANNELS, dcn_shape4(2, 2, 3, 2), &attrs, 1);
}

/* --- ops of several inputs --- */

static void check_add(void)
{
    for (int relu = 0; relu < 2; relu++) {
        network net;
        network_init(&net);
        decant_op_attrs attrs = {.activation = {relu ? DCN_ACTIVATION_RELU : DCN_ACTIVATION_NONE}};
        dcn_value_id inputs[2] = {network_parameter(&net, "a", dcn_shape2(4, 5)),
                                  network_parameter(&net, "b", dcn_shape2(4, 5))};
        network_check(&net, relu ? "add with relu" : "add",
                      network_node(&net, DECANT_OP_ADD, &attrs, inputs, 2, 1, NULL));
        network_finish(&net);
    }
}

static void check_concat(void)
{
    network net;
    network_init(&net);
    decant_op_attrs attrs = {.axis = {1}};
    dcn_value_id inputs[4] = {network_parameter(&net, "a", dcn_shape4(2, 1, 2, 3)),
                              network_parameter(&net, "b", dcn_shape4(2, 3, 2, 3)),
                              network_parameter(&net, "c", dcn_shape4(2, 2, 2, 3))};
    inputs[3] = inputs[0]; /* one value at two places */
    network_check(&net, "concat", network_node(&net, DECANT_OP_CONCAT, &attrs, inputs, 4, 1, NULL));
    network_finish(&net);
}

/* --- losses --- */

static void check_loss_ce(void)
{
    for (int smooth = 0; smooth < 2; smooth++)
        for (int mixed = 0; mixed < 2; mixed++) {
            network net;
            network_init(&net);
            decant_op_attrs attrs = {.loss = {.weight = 0.7, .label_smoothing = smooth ? 0.1 : 0}};
            dcn_value_id inputs[4], loss[2];
            inputs[0] = network_parameter(&net, "logits", dcn_shape2(6, 5));
            inputs[1] = network_input(&net, "a", DECANT_I32, dcn_shape1(6), 5);
            if (mixed) {
                inputs[2] = network_input(&net, "b", DECANT_I32, dcn_shape1(6), 5);
                inputs[3] = network_input(&net, "mix", DECANT_F32, dcn_shape1(6), 0);
                for (int i = 0; i < 6; i++)
                    ((float *)net.run.data[inputs[3]])[i] = 0.15f * (float)i;
            }
            network_node(&net, DECANT_OP_LOSS_CE, &attrs, inputs, mixed ? 4 : 2, 2, loss);
            network_check_losses(&net, "loss_ce", inputs[0], &(network_loss){loss[0], loss[1], attrs.loss.weight}, 1);
            network_finish(&net);
        }
}

static void check_loss_kd(void)
{
    static const double temperatures[] = {1, 2, 4, 20};
    for (size_t i = 0; i < DCN_COUNT(temperatures); i++) {
        network net;
        network_init(&net);
        decant_op_attrs attrs = {.loss = {.weight = 0.3, .temperature = temperatures[i]}};
        dcn_value_id inputs[2], loss[2];
        inputs[0] = network_parameter(&net, "student", dcn_shape2(6, 5));
        inputs[1] = network_input(&net, "teacher", DECANT_F64, dcn_shape2(6, 5), 0);
        network_node(&net, DECANT_OP_LOSS_KD, &attrs, inputs, 2, 2, loss);
        network_check_losses(&net, "loss_kd", inputs[0], &(network_loss){loss[0], loss[1], attrs.loss.weight}, 1);
        network_finish(&net);
    }
}

static void check_loss_bce(void)
{
    for (int64_t classes = 1; classes <= 5; classes += 4) {
        network net;
        network_init(&net);
        decant_op_attrs attrs = {.loss = {.weight = 0.4}};
        dcn_value_id inputs[2], loss[2];
        inputs[0] = network_parameter(&net, "logits", dcn_shape2(6, classes));
        inputs[1] = network_input(&net, "labels", DECANT_I32, dcn_shape1(6), classes == 1 ? 2 : (int32_t)classes);
        network_node(&net, DECANT_OP_LOSS_BCE, &attrs, inputs, 2, 2, loss);
        network_check_losses(&net, "loss_bce", inputs[0], &(network_loss){loss[0], loss[1], attrs.loss.weight}, 1);
        network_finish(&net);
    }
}

/* alpha and beta alone, then together. */
static void check_loss_dkd(void)
{
    static const double parts[][2] = {{1, 0}, {0, 1}, {0.5, 8}};
    for (size_t i = 0; i < DCN_COUNT(parts); i++) {
        network net;
        network_init(&net);
        decant_op_attrs attrs = {.loss = {.weight = 0.3, .temperature = 2, .alpha = parts[i][0], .beta = parts[i][1]}};
        dcn_value_id inputs[3], loss[2];
        inputs[0] = network_parameter(&net, "student", dcn_shape2(6, 5));
        inputs[1] = network_input(&net, "teacher", DECANT_F64, dcn_shape2(6, 5), 0);
        inputs[2] = network_input(&net, "labels", DECANT_I32, dcn_shape1(6), 5);
        network_node(&net, DECANT_OP_LOSS_DKD, &attrs, inputs, 3, 2, loss);
        network_check_losses(&net, "loss_dkd", inputs[0], &(network_loss){loss[0], loss[1], attrs.loss.weight}, 1);
        network_finish(&net);
    }
}

static void check_feature_loss(const char *name, decant_op op, decant_shape shape, bool center)
{
    network net;
    network_init(&net);
    decant_op_attrs attrs = {.loss = {.weight = 0.6, .center = center}};
    dcn_value_id inputs[2], loss[2];
    inputs[0] = network_parameter(&net, "student", shape);
    inputs[1] = network_input(&net, "teacher", DECANT_F64, shape, 0);
    network_node(&net, op, &attrs, inputs, 2, 2, loss);
    network_check_losses(&net, name, inputs[0], &(network_loss){loss[0], loss[1], attrs.loss.weight}, 1);
    network_finish(&net);
}

static void check_loss_mse(void)
{
    check_feature_loss("loss_mse", DECANT_OP_LOSS_MSE, dcn_shape4(2, 3, 2, 2), false);
    check_feature_loss("loss_mse of centred rows", DECANT_OP_LOSS_MSE, dcn_shape2(4, 5), true);
}

static void check_loss_cosine(void)
{
    check_feature_loss("loss_cosine", DECANT_OP_LOSS_COSINE, dcn_shape2(4, 5), false);
    check_feature_loss("loss_cosine of maps", DECANT_OP_LOSS_COSINE, dcn_shape4(2, 3, 2, 2), false);
}

static void check_standardize(void)
{
    network net;
    network_init(&net);
    dcn_value_id x = network_parameter(&net, "x", dcn_shape2(4, 5));
    network_check(&net, "standardize", network_node(&net, DECANT_OP_STANDARDIZE, NULL, &x, 1, 1, NULL));
    network_finish(&net);
}

/* --- what is checked --- */

/* clang-format off */
#define CHECKS(ROW) \
    ROW(CONV2D, conv2d) \
    ROW(LINEAR, linear) \
    ROW(BATCHNORM_TRAIN, batchnorm_train) \
    ROW(RELU, relu) \
    ROW(RELU6, relu6) \
    ROW(HARDSWISH, hardswish) \
    ROW(SIGMOID, sigmoid) \
    ROW(GELU, gelu) \
    ROW(MAXPOOL, maxpool) \
    ROW(AVGPOOL, avgpool) \
    ROW(ADAPTIVE_AVGPOOL, adaptive_avgpool) \
    ROW(DROPOUT, dropout) \
    ROW(FLATTEN, flatten) \
    ROW(RESHAPE, reshape) \
    ROW(ADD, add) \
    ROW(CONCAT, concat) \
    ROW(SLICE, slice) \
    ROW(SOFTMAX, softmax) \
    ROW(PAD_CHANNELS, pad_channels) \
    ROW(REPEAT_CHANNELS, repeat_channels) \
    ROW(LOSS_CE, loss_ce) \
    ROW(LOSS_KD, loss_kd) \
    ROW(LOSS_BCE, loss_bce) \
    ROW(LOSS_DKD, loss_dkd) \
    ROW(LOSS_MSE, loss_mse) \
    ROW(LOSS_COSINE, loss_cosine) \
    ROW(STANDARDIZE, standardize)
/* clang-format on */

#define TEST(upper, lower)                                                                                             \
    static void test_##lower(void **state)                                                                             \
    {                                                                                                                  \
        (void)state;                                                                                                   \
        check_##lower();                                                                                               \
    }
CHECKS(TEST)

/* A new derivative or loss without a row above fails here. */
static void test_nothing_is_left_out(void **state)
{
    (void)state;
#define CHECKED(upper, lower) [DECANT_OP_##upper] = true,
    static const bool checked[DECANT_OP_COUNT] = {CHECKS(CHECKED)};
    for (int op = 0; op < DECANT_OP_COUNT; op++) {
        const dcn_op_info *info = dcn_op_get((decant_op)op);
        bool loss = (info->flags & DCN_OP_LOSS) != 0 && info->max_outputs > 1; /* accuracy has no gradient output */
        if (((info->flags & DCN_OP_DIFF) != 0 || loss) && !checked[op])
            fail_msg("%s has a derivative that nothing checks", info->name);
    }
}

/* --- wiring: gradients that meet --- */

/* y = relu(batchnorm(conv(x)) + x): x is read twice, and the relu is fused into the add. */
static void test_residual_block(void **state)
{
    (void)state;
    network net;
    network_init(&net);
    decant_op_attrs conv = {.conv = dcn_conv_default(3, 3)}, add = {.activation = {DCN_ACTIVATION_RELU}};
    conv.conv.padding[0] = conv.conv.padding[1] = 1;
    conv.conv.bias = false;
    dcn_value_id x = network_parameter(&net, "x", dcn_shape4(2, 3, 3, 4));
    dcn_value_id conv_inputs[2] = {x, network_parameter(&net, "w", dcn_shape4(3, 3, 3, 3))};
    dcn_value_id branch = network_node(&net, DECANT_OP_CONV2D, &conv, conv_inputs, 2, 1, NULL);
    branch = add_batchnorm(&net, branch, DCN_ACTIVATION_NONE, false);
    dcn_value_id sum_inputs[2] = {branch, x};
    network_check(&net, "residual block", network_node(&net, DECANT_OP_ADD, &add, sum_inputs, 2, 1, NULL));
    network_finish(&net);
}

/* One weight used by two layers, one value added to itself. */
static void test_shared_weight(void **state)
{
    (void)state;
    network net;
    network_init(&net);
    decant_op_attrs linear = {.linear = {.features = 4}}, plain = {.activation = {DCN_ACTIVATION_NONE}};
    dcn_value_id w = network_parameter(&net, "w", dcn_shape2(4, 4));
    dcn_value_id first[2] = {network_parameter(&net, "x", dcn_shape2(3, 4)), w};
    dcn_value_id second[2] = {network_node(&net, DECANT_OP_LINEAR, &linear, first, 2, 1, NULL), w};
    dcn_value_id y = network_node(&net, DECANT_OP_LINEAR, &linear, second, 2, 1, NULL);
    dcn_value_id twice[2] = {y, y};
    network_check(&net, "shared weight", network_node(&net, DECANT_OP_ADD, &plain, twice, 2, 1, NULL));
    network_finish(&net);
}

/* Two losses on the same logits: their gradients add up, each with its weight. */
static void test_two_losses(void **state)
{
    (void)state;
    network net;
    network_init(&net);
    decant_op_attrs linear = {.linear = {.features = 4, .bias = true}};
    decant_op_attrs ce = {.loss = {.weight = 0.25}}, kd = {.loss = {.weight = 0.75, .temperature = 4}};
    dcn_value_id layer[3] = {network_parameter(&net, "x", dcn_shape2(5, 3)),
                             network_parameter(&net, "w", dcn_shape2(4, 3)),
                             network_parameter(&net, "b", dcn_shape1(4))};
    dcn_value_id logits = network_node(&net, DECANT_OP_LINEAR, &linear, layer, 3, 1, NULL), ce_loss[2], kd_loss[2];
    dcn_value_id ce_inputs[2] = {logits, network_input(&net, "labels", DECANT_I32, dcn_shape1(5), 4)};
    dcn_value_id kd_inputs[2] = {logits, network_input(&net, "teacher", DECANT_F64, dcn_shape2(5, 4), 0)};
    network_node(&net, DECANT_OP_LOSS_CE, &ce, ce_inputs, 2, 2, ce_loss);
    network_node(&net, DECANT_OP_LOSS_KD, &kd, kd_inputs, 2, 2, kd_loss);
    const network_loss losses[] = {{ce_loss[0], ce_loss[1], ce.loss.weight}, {kd_loss[0], kd_loss[1], kd.loss.weight}};
    network_check_losses(&net, "two losses", logits, losses, 2);
    network_finish(&net);
}

static const struct CMUnitTest tests[] = {
#define UNIT_TEST(upper, lower) cmocka_unit_test(test_##lower),
    CHECKS(UNIT_TEST) cmocka_unit_test(test_nothing_is_left_out),
    cmocka_unit_test(test_residual_block),
    cmocka_unit_test(test_shared_weight),
    cmocka_unit_test(test_two_losses),
};

int main(void)
{
    return cmocka_run_group_tests_name("gradients", tests, NULL, NULL);
}
