/* Which nodes a backward pass is made of, op by op, and that nothing is computed that nobody asked for.
 * (That their numbers are right is tests/conformance's business.) */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/memory.h"
#include "graph/networks.h"

/* A program in small: a parameter of the given shape in front of the op under test makes its input worth
 * differentiating. */
typedef struct workbench {
    dcn_graph *graph;
    dcn_value_id x;
    int32_t n_forward; /* nodes before backward */
} workbench;

static dcn_value_id add(dcn_graph *graph, dcn_value_kind kind, const char *name, decant_dtype dtype, decant_shape shape,
                        bool trainable)
{
    dcn_value_id id = DCN_NONE;
    assert_int_equal(dcn_graph_add_value(graph, kind, name, dtype, &shape, &id), DECANT_OK);
    graph->values[id].trainable = trainable;
    return id;
}

static workbench start(decant_shape shape)
{
    workbench bench = {0};
    assert_int_equal(dcn_graph_create(&bench.graph), DECANT_OK);
    bench.x = add(bench.graph, DCN_VALUE_PARAMETER, "x", DECANT_F32, shape, true);
    return bench;
}

static dcn_value_id node(workbench *bench, decant_op op, const decant_op_attrs *attrs, const dcn_value_id *inputs,
                         int32_t n_inputs, int32_t n_outputs)
{
    dcn_value_id outputs[DCN_MAX_OUTPUTS];
    decant_status status = dcn_graph_add_node(bench->graph, op, attrs, "layer", inputs, n_inputs, n_outputs, outputs);
    if (status != DECANT_OK) fail_msg("%s", decant_error_message());
    return outputs[0];
}

/* Differentiates with an input as the seed of y. */
static decant_status backward(workbench *bench, dcn_value_id y)
{
    dcn_value_id dy = add(bench->graph, DCN_VALUE_INPUT, "dy", DECANT_F32, bench->graph->values[y].shape, false);
    bench->n_forward = bench->graph->n_nodes;
    const dcn_seed seed = {y, dy};
    return dcn_graph_backward(bench->graph, &seed, 1);
}

static void assert_ops(const workbench *bench, const decant_op *ops, int32_t count)
{
    const dcn_graph *graph = bench->graph;
    for (int32_t i = 0; i < count && bench->n_forward + i < graph->n_nodes; i++)
        assert_string_equal(dcn_op_get(graph->nodes[bench->n_forward + i].op)->name, dcn_op_get(ops[i])->name);
    assert_int_equal(graph->n_nodes - bench->n_forward, count);
}
#define ASSERT_OPS(bench, ...)                                                                                         \
    assert_ops(bench, (const decant_op[]){__VA_ARGS__}, (int32_t)DCN_COUNT(((const decant_op[]){__VA_ARGS__})))

/* Every trainable parameter has a gradient of its own shape. */
static void assert_gradients(const dcn_graph *graph)
{
    for (int32_t v = 0; v < graph->n_values; v++) {
        const dcn_value *value = &graph->values[v];
        if (value->kind != DCN_VALUE_PARAMETER) continue;
        if (!value->trainable) {
            assert_int_equal(value->gradient, DCN_NONE);
            continue;
        }
        if (value->gradient == DCN_NONE) fail_msg("%s has no gradient", value->name);
        assert_true(decant_shape_equal(&graph->values[value->gradient].shape, &value->shape));
    }
}

static const dcn_node *backward_node(const workbench *bench, int32_t index)
{
    return &bench->graph->nodes[bench->n_forward + index];
}

typedef struct unary_case {
    decant_op op, gradient;
    decant_shape x;
    decant_op_attrs attrs;
    int32_t n_outputs;
    int32_t saved; /* what the gradient op reads second: -1 nothing, 0 the input, 1 the output, 2 output 1 */
} unary_case;

static void one_input_ops_have_one_gradient_node(void **state)
{
    (void)state;
    const decant_shape rows = dcn_shape2(2, 6), map = dcn_shape4(2, 4, 6, 6);
    const unary_case cases[] = {
        {DECANT_OP_RELU, DECANT_OP_ACTIVATION_GRAD, rows, {.none = 0}, 1, 1},
        {DECANT_OP_RELU6, DECANT_OP_ACTIVATION_GRAD, rows, {.none = 0}, 1, 1},
        {DECANT_OP_SIGMOID, DECANT_OP_ACTIVATION_GRAD, rows, {.none = 0}, 1, 1},
        {DECANT_OP_HARDSWISH, DECANT_OP_ACTIVATION_GRAD, rows, {.none = 0}, 1, 0},
        {DECANT_OP_GELU, DECANT_OP_ACTIVATION_GRAD, rows, {.none = 0}, 1, 0},
        {DECANT_OP_SOFTMAX, DECANT_OP_SOFTMAX_GRAD, rows, {.none = 0}, 1, 1},
        {DECANT_OP_MAXPOOL, DECANT_OP_MAXPOOL_GRAD, map, {.pool = dcn_pool_default(2)}, 2, 2},
        {DECANT_OP_AVGPOOL, DECANT_OP_AVGPOOL_GRAD, map, {.pool = dcn_pool_default(2)}, 1, -1},
        {DECANT_OP_ADAPTIVE_AVGPOOL, DECANT_OP_ADAPTIVE_AVGPOOL_GRAD, map, {.adaptive = {.out_hw = {1, 1}}}, 1, -1},
        {DECANT_OP_FLATTEN, DECANT_OP_RESHAPE, map, {.none = 0}, 1, -1},
        {DECANT_OP_RESHAPE, DECANT_OP_RESHAPE, rows, {.reshape = {.rank = 3, .shape = {0, 2, 3}}}, 1, -1},
        {DECANT_OP_SLICE, DECANT_OP_PAD_CHANNELS, map, {.slice = {1, 1, 3}}, 1, -1},
        {DECANT_OP_PAD_CHANNELS, DECANT_OP_PAD_CHANNELS_GRAD, map, {.pad_channels = {.stride = 2, .before = 1}}, 1, -1},
        {DECANT_OP_REPEAT_CHANNELS, DECANT_OP_REPEAT_CHANNELS_GRAD, map, {.repeat = {3}}, 1, -1},
    };
    for (size_t c = 0; c < DCN_COUNT(cases); c++) {
        workbench bench = start(cases[c].x);
        dcn_value_id y = node(&bench, cases[c].op, &cases[c].attrs, &bench.x, 1, cases[c].n_outputs);
        assert_int_equal(backward(&bench, y), DECANT_OK);
        ASSERT_OPS(&bench, cases[c].gradient);
        assert_gradients(bench.graph);
        const dcn_node *gradient = backward_node(&bench, 0);
        assert_null(gradient->name);
        assert_int_equal(gradient->n_inputs, cases[c].saved < 0 ? 1 : 2);
        if (cases[c].saved == 0) assert_int_equal(gradient->input[1], bench.x);
        if (cases[c].saved == 1) assert_int_equal(gradient->input[1], y);
        if (cases[c].saved == 2) assert_int_equal(gradient->input[1], bench.graph->nodes[0].output[1]);
        dcn_graph_destroy(bench.graph);
    }
}

static void slices_of_rows_are_padded_as_maps(void **state)
{
    (void)state;
    workbench bench = start(dcn_shape2(2, 6));
    decant_op_attrs slice = {.slice = {1, 1, 3}};
    assert_int_equal(backward(&bench, node(&bench, DECANT_OP_SLICE, &slice, &bench.x, 1, 1)), DECANT_OK);
    ASSERT_OPS(&bench, DECANT_OP_RESHAPE, DECANT_OP_PAD_CHANNELS, DECANT_OP_RESHAPE);
    assert_gradients(bench.graph);
    dcn_graph_destroy(bench.graph);
}

static void dropout_draws_its_mask_again(void **state)
{
    (void)state;
    workbench bench = start(dcn_shape2(2, 6));
    dcn_value_id counter = add(bench.graph, DCN_VALUE_INPUT, "counter", DECANT_I64, dcn_shape1(2), false);
    const dcn_value_id inputs[] = {bench.x, counter};
    decant_op_attrs attrs = {.dropout = {.p = 0.5, .stream = 3}};
    assert_int_equal(backward(&bench, node(&bench, DECANT_OP_DROPOUT, &attrs, inputs, 2, 1)), DECANT_OK);
    ASSERT_OPS(&bench, DECANT_OP_DROPOUT_GRAD);
    assert_int_equal(backward_node(&bench, 0)->input[1], counter);
    assert_int_equal(backward_node(&bench, 0)->attrs.dropout.stream, 3); /* the same mask */
    assert_gradients(bench.graph);
    dcn_graph_destroy(bench.graph);
}

/* drop(x) with a counter of its own. */
static dcn_value_id dropped(workbench *bench, dcn_value_id x)
{
    dcn_value_id counter = dcn_graph_find(bench->graph, "counter");
    if (counter == DCN_NONE) counter = add(bench->graph, DCN_VALUE_INPUT, "counter", DECANT_I64, dcn_shape1(2), false);
    const dcn_value_id inputs[] = {x, counter};
    decant_op_attrs attrs = {.dropout = {.p = 0.5}};
    return node(bench, DECANT_OP_DROPOUT, &attrs, inputs, 2, 1);
}

/* Breaks when the mask is drawn again although the result tells it, when the relu is undone twice, or when the result
 * is believed where an x of 0 may have been kept and its gradient counts. */
static void a_relu_before_dropout_is_undone_with_it(void **state)
{
    (void)state;
    workbench bench = start(dcn_shape4(2, 3, 4, 4));
    dcn_value_id y = dropped(&bench, node(&bench, DECANT_OP_RELU, NULL, &bench.x, 1, 1));
    assert_int_equal(backward(&bench, y), DECANT_OK);
    ASSERT_OPS(&bench, DECANT_OP_RECTIFIED_DROPOUT_GRAD);
    assert_int_equal(backward_node(&bench, 0)->input[1], y);
    assert_gradients(bench.graph);
    dcn_graph_destroy(bench.graph);

    /* through a maximum and another shape */
    decant_op_attrs pool = {.pool = dcn_pool_default(2)};
    bench = start(dcn_shape4(2, 3, 4, 4));
    y = node(&bench, DECANT_OP_RELU, NULL, &bench.x, 1, 1);
    y = node(&bench, DECANT_OP_MAXPOOL, &pool, &y, 1, 2);
    y = dropped(&bench, node(&bench, DECANT_OP_FLATTEN, NULL, &y, 1, 1));
    assert_int_equal(backward(&bench, y), DECANT_OK);
    ASSERT_OPS(&bench, DECANT_OP_RECTIFIED_DROPOUT_GRAD, DECANT_OP_RESHAPE, DECANT_OP_MAXPOOL_GRAD);
    assert_gradients(bench.graph);
    dcn_graph_destroy(bench.graph);

    /* what else reads the relu's result is masked with the sum */
    bench = start(dcn_shape4(2, 3, 4, 4));
    y = node(&bench, DECANT_OP_RELU, NULL, &bench.x, 1, 1);
    const dcn_value_id both[2] = {dropped(&bench, y), y};
    assert_int_equal(backward(&bench, node(&bench, DECANT_OP_ADD, NULL, both, 2, 1)), DECANT_OK);
    ASSERT_OPS(&bench, DECANT_OP_RECTIFIED_DROPOUT_GRAD, DECANT_OP_ADD, DECANT_OP_ACTIVATION_GRAD);
    assert_gradients(bench.graph);
    dcn_graph_destroy(bench.graph);

    /* a sigmoid's result is never below 0 either, but its gradient counts everywhere */
    bench = start(dcn_shape4(2, 3, 4, 4));
    y = dropped(&bench, node(&bench, DECANT_OP_SIGMOID, NULL, &bench.x, 1, 1));
    assert_int_equal(backward(&bench, y), DECANT_OK);
    ASSERT_OPS(&bench, DECANT_OP_DROPOUT_GRAD, DECANT_OP_ACTIVATION_GRAD);
    assert_gradients(bench.graph);
    dcn_graph_destroy(bench.graph);
}

static void addition_hands_its_gradient_on(void **state)
{
    (void)state;
    decant_op_attrs fused = {.activation = {DCN_ACTIVATION_RELU}};
    for (int with_relu = 0; with_relu < 2; with_relu++) {
        workbench bench = start(dcn_shape2(2, 6));
        dcn_value_id other = add(bench.graph, DCN_VALUE_PARAMETER, "other", DECANT_F32, dcn_shape2(2, 6), true);
        const dcn_value_id inputs[] = {bench.x, other};
        dcn_value_id y = node(&bench, DECANT_OP_ADD, with_relu ? &fused : NULL, inputs, 2, 1);
        assert_int_equal(backward(&bench, y), DECANT_OK);
        assert_int_equal(bench.graph->n_nodes - bench.n_forward, with_relu); /* only the activation costs a node */
        assert_int_equal(bench.graph->values[bench.x].gradient, bench.graph->values[other].gradient);
        dcn_graph_destroy(bench.graph);
    }
}

static void concat_is_cut_up_again_where_wanted(void **state)
{
    (void)state;
    workbench bench = start(dcn_shape2(2, 6));
    dcn_value_id frozen = add(bench.graph, DCN_VALUE_PARAMETER, "frozen", DECANT_F32, dcn_shape2(2, 3), false);
    dcn_value_id last = add(bench.graph, DCN_VALUE_PARAMETER, "last", DECANT_F32, dcn_shape2(2, 2), true);
    const dcn_value_id inputs[] = {bench.x, frozen, last};
    decant_op_attrs attrs = {.axis = {1}};
    assert_int_equal(backward(&bench, node(&bench, DECANT_OP_CONCAT, &attrs, inputs, 3, 1)), DECANT_OK);
    ASSERT_OPS(&bench, DECANT_OP_SLICE, DECANT_OP_SLICE);
    assert_int_equal(backward_node(&bench, 1)->attrs.slice.begin, 9);
    assert_int_equal(backward_node(&bench, 1)->attrs.slice.end, 11);
    assert_gradients(bench.graph);
    dcn_graph_destroy(bench.graph);
}

/* y = layer(x) with weight (and bias) trainable or not; x is data. */
static workbench start_weighted(decant_op op, bool bias, bool bias_trains, bool weight_trains, int32_t activation,
                                bool x_trains, dcn_value_id *ret_y)
{
    const bool conv = op == DECANT_OP_CONV2D;
    workbench bench = start(conv ? dcn_shape4(2, 3, 6, 6) : dcn_shape2(2, 3));
    bench.graph->values[bench.x].trainable = x_trains;
    decant_op_attrs attrs = {0};
    if (conv) {
        attrs.conv = dcn_conv_default(4, 3);
        attrs.conv.bias = bias;
        attrs.conv.activation = activation;
    } else {
        attrs.linear = (dcn_linear_attrs){.features = 4, .bias = bias, .activation = activation};
    }
    decant_shape weight = conv ? dcn_shape4(4, 3, 3, 3) : dcn_shape2(4, 3);
    dcn_value_id inputs[3] = {bench.x};
    inputs[1] = add(bench.graph, DCN_VALUE_PARAMETER, "weight", DECANT_F32, weight, weight_trains);
    if (bias) inputs[2] = add(bench.graph, DCN_VALUE_PARAMETER, "bias", DECANT_F32, dcn_shape1(4), bias_trains);
    *ret_y = node(&bench, op, &attrs, inputs, bias ? 3 : 2, 1);
    return bench;
}

static void first_layers_compute_no_input_gradient(void **state)
{
    (void)state;
    const decant_op ops[][3] = {
        {DECANT_OP_CONV2D, DECANT_OP_CONV2D_GRAD_WEIGHT, DECANT_OP_CONV2D_GRAD_INPUT},
        {DECANT_OP_LINEAR, DECANT_OP_LINEAR_GRAD_WEIGHT, DECANT_OP_LINEAR_GRAD_INPUT},
    };
    for (size_t i = 0; i < DCN_COUNT(ops); i++) {
        dcn_value_id y = DCN_NONE;
        workbench bench = start_weighted(ops[i][0], true, true, true, DCN_ACTIVATION_NONE, false, &y);
        assert_int_equal(backward(&bench, y), DECANT_OK);
        ASSERT_OPS(&bench, ops[i][1]);
        assert_int_equal(backward_node(&bench, 0)->n_outputs, 2); /* the bias's is output 1 */
        assert_int_equal(bench.graph->values[dcn_graph_find(bench.graph, "bias")].gradient,
                         backward_node(&bench, 0)->output[1]);
        assert_gradients(bench.graph);
        dcn_graph_destroy(bench.graph);

        bench = start_weighted(ops[i][0], false, false, true, DCN_ACTIVATION_NONE, true, &y);
        assert_int_equal(backward(&bench, y), DECANT_OK);
        ASSERT_OPS(&bench, ops[i][1], ops[i][2]);
        assert_int_equal(backward_node(&bench, 0)->n_outputs, 1);
        assert_gradients(bench.graph);
        dcn_graph_destroy(bench.graph);

        bench = start_weighted(ops[i][0], true, false, false, DCN_ACTIVATION_NONE, true, &y); /* frozen layer */
        assert_int_equal(backward(&bench, y), DECANT_OK);
        ASSERT_OPS(&bench, ops[i][2]);
        assert_gradients(bench.graph);
        dcn_graph_destroy(bench.graph);

        bench = start_weighted(ops[i][0], true, true, false, DCN_ACTIVATION_NONE, false, &y); /* only the bias trains */
        assert_int_equal(backward(&bench, y), DECANT_OK);
        ASSERT_OPS(&bench, ops[i][1]);
        assert_gradients(bench.graph);
        dcn_graph_destroy(bench.graph);
    }
}

static void fused_activations_are_undone_first(void **state)
{
    (void)state;
    dcn_value_id y = DCN_NONE;
    workbench bench = start_weighted(DECANT_OP_CONV2D, true, true, true, DCN_ACTIVATION_RELU, true, &y);
    assert_int_equal(backward(&bench, y), DECANT_OK);
    ASSERT_OPS(&bench, DECANT_OP_ACTIVATION_GRAD, DECANT_OP_CONV2D_GRAD_WEIGHT, DECANT_OP_CONV2D_GRAD_INPUT);
    assert_int_equal(backward_node(&bench, 0)->input[1], y);
    assert_int_equal(backward_node(&bench, 0)->attrs.activation.kind, DCN_ACTIVATION_RELU);
    for (int32_t i = 1; i < 3; i++)
        assert_int_equal(backward_node(&bench, i)->attrs.conv.activation, DCN_ACTIVATION_NONE);
    assert_int_equal(backward_node(&bench, 2)->attrs.conv.in_hw[0], 6);
    assert_gradients(bench.graph);
    dcn_graph_destroy(bench.graph);

    bench = start_weighted(DECANT_OP_LINEAR, true, true, true, DCN_ACTIVATION_RELU, true, &y);
    assert_int_equal(backward(&bench, y), DECANT_OK);
    ASSERT_OPS(&bench, DECANT_OP_ACTIVATION_GRAD, DECANT_OP_LINEAR_GRAD_WEIGHT, DECANT_OP_LINEAR_GRAD_INPUT);
    assert_gradients(bench.graph);
    dcn_graph_destroy(bench.graph);
}

static dcn_value_id max_of(workbench *bench, dcn_value_id x, int64_t size)
{
    const decant_op_attrs attrs = {.pool = {.kernel = {size, size}, .stride = {size, size}}};
    return node(bench, DECANT_OP_MAXPOOL, &attrs, &x, 1, 2);
}

/* Breaks when the mask is taken from the larger map, taken twice, or taken from the pooled map although something else
 * reads the larger one. */
static void a_relu_before_a_maximum_is_undone_behind_it(void **state)
{
    (void)state;
    dcn_value_id y = DCN_NONE;
    workbench bench = start_weighted(DECANT_OP_CONV2D, true, true, true, DCN_ACTIVATION_RELU, true, &y);
    dcn_value_id pooled = max_of(&bench, y, 2);
    assert_int_equal(backward(&bench, pooled), DECANT_OK);
    ASSERT_OPS(&bench, DECANT_OP_ACTIVATION_GRAD, DECANT_OP_MAXPOOL_GRAD, DECANT_OP_CONV2D_GRAD_WEIGHT,
               DECANT_OP_CONV2D_GRAD_INPUT);
    assert_int_equal(backward_node(&bench, 0)->input[1], pooled);
    assert_gradients(bench.graph);
    dcn_graph_destroy(bench.graph);

    bench = start_weighted(DECANT_OP_CONV2D, true, true, true, DCN_ACTIVATION_RELU, true, &y);
    const dcn_value_id both[2] = {max_of(&bench, y, 1), y};
    assert_int_equal(backward(&bench, node(&bench, DECANT_OP_ADD, NULL, both, 2, 1)), DECANT_OK);
    ASSERT_OPS(&bench, DECANT_OP_MAXPOOL_GRAD, DECANT_OP_ADD, DECANT_OP_ACTIVATION_GRAD, DECANT_OP_CONV2D_GRAD_WEIGHT,
               DECANT_OP_CONV2D_GRAD_INPUT);
    assert_int_equal(backward_node(&bench, 2)->input[1], y);
    assert_gradients(bench.graph);
    dcn_graph_destroy(bench.graph);
}

static workbench start_norm(decant_op op, int32_t activation, dcn_value_id *ret_y)
{
    workbench bench = start(dcn_shape4(2, 3, 4, 4));
    decant_op_attrs attrs = {.norm = {.eps = 1e-5, .momentum = 0.1, .activation = activation}};
    dcn_value_id inputs[5] = {bench.x};
    inputs[1] = add(bench.graph, DCN_VALUE_PARAMETER, "weight", DECANT_F32, dcn_shape1(3), true);
    inputs[2] = add(bench.graph, DCN_VALUE_PARAMETER, "bias", DECANT_F32, dcn_shape1(3), true);
    inputs[3] = add(bench.graph, DCN_VALUE_STATE, "mean", DECANT_F32, dcn_shape1(3), false);
    inputs[4] = add(bench.graph, DCN_VALUE_STATE, "var", DECANT_F32, dcn_shape1(3), false);
    *ret_y = node(&bench, op, &attrs, inputs, 5, op == DECANT_OP_BATCHNORM_TRAIN ? 3 : 1);
    return bench;
}

static void batchnorm_keeps_its_fused_activation(void **state)
{
    (void)state;
    dcn_value_id y = DCN_NONE;
    workbench bench = start_norm(DECANT_OP_BATCHNORM_TRAIN, DCN_ACTIVATION_RELU, &y);
    assert_int_equal(backward(&bench, y), DECANT_OK);
    ASSERT_OPS(&bench, DECANT_OP_BATCHNORM_GRAD);
    const dcn_node *forward = &bench.graph->nodes[0], *gradient = backward_node(&bench, 0);
    assert_int_equal(gradient->attrs.norm.activation, DCN_ACTIVATION_RELU);
    assert_int_equal(gradient->input[1], bench.x);
    assert_int_equal(gradient->input[3], forward->output[1]);
    assert_int_equal(gradient->input[4], forward->output[2]);
    assert_int_equal(gradient->input[5], forward->input[2]);
    assert_gradients(bench.graph);
    dcn_graph_destroy(bench.graph);
}

static void what_has_no_derivative_says_so_and_leaves_the_graph_alone(void **state)
{
    (void)state;
    dcn_value_id y = DCN_NONE;
    workbench bench = start_norm(DECANT_OP_BATCHNORM, DCN_ACTIVATION_NONE, &y);
    dcn_value_id z = node(&bench, DECANT_OP_RELU, NULL, &y, 1, 1);
    assert_int_equal(backward(&bench, z), DECANT_UNSUPPORTED);
    assert_non_null(strstr(decant_error_message(), "batchnorm_train"));
    assert_non_null(strstr(decant_error_while(0), "layer"));
    assert_int_equal(bench.graph->n_nodes, bench.n_forward); /* the relu's gradient is gone again */
    assert_int_equal(bench.graph->values[bench.x].gradient, DCN_NONE);
    dcn_graph_destroy(bench.graph);

    bench = start(dcn_shape4(2, 3, 4, 4));
    decant_op_attrs pool = {.pool = dcn_pool_default(2)}, slice = {.slice = {2, 0, 1}};
    assert_int_equal(backward(&bench, node(&bench, DECANT_OP_MAXPOOL, &pool, &bench.x, 1, 1)), DECANT_INVALID_ARG);
    assert_non_null(strstr(decant_error_message(), "index"));
    dcn_graph_destroy(bench.graph);

    bench = start(dcn_shape4(2, 3, 4, 4));
    assert_int_equal(backward(&bench, node(&bench, DECANT_OP_SLICE, &slice, &bench.x, 1, 1)), DECANT_UNSUPPORTED);
    dcn_graph_destroy(bench.graph);
}

static void frozen_models_get_no_nodes(void **state)
{
    (void)state;
    dcn_value_id y = DCN_NONE;
    workbench bench = start_weighted(DECANT_OP_CONV2D, true, false, false, DCN_ACTIVATION_RELU, false, &y);
    assert_int_equal(backward(&bench, y), DECANT_OK);
    assert_int_equal(bench.graph->n_nodes, bench.n_forward);
    assert_gradients(bench.graph);
    dcn_graph_destroy(bench.graph);
}

static void several_gradients_are_added_up(void **state)
{
    (void)state;
    workbench bench = start(dcn_shape2(2, 6));
    dcn_value_id a = node(&bench, DECANT_OP_RELU, NULL, &bench.x, 1, 1);
    dcn_value_id b = node(&bench, DECANT_OP_SIGMOID, NULL, &bench.x, 1, 1);
    dcn_value_id c = node(&bench, DECANT_OP_GELU, NULL, &bench.x, 1, 1);
    dcn_value_id da = add(bench.graph, DCN_VALUE_INPUT, "da", DECANT_F32, dcn_shape2(2, 6), false);
    dcn_value_id again = add(bench.graph, DCN_VALUE_INPUT, "again", DECANT_F32, dcn_shape2(2, 6), false);
    bench.n_forward = bench.graph->n_nodes;
    const dcn_seed seeds[] = {{a, da}, {b, da}, {c, da}, {a, again}}; /* two losses at one value as well */
    assert_int_equal(dcn_graph_backward(bench.graph, seeds, 4), DECANT_OK);
    ASSERT_OPS(&bench, DECANT_OP_ADD, DECANT_OP_ACTIVATION_GRAD, DECANT_OP_ACTIVATION_GRAD, DECANT_OP_ADD,
               DECANT_OP_ACTIVATION_GRAD, DECANT_OP_ADD);
    assert_gradients(bench.graph);

    dcn_value_id first = bench.graph->values[bench.x].gradient;
    assert_int_equal(dcn_graph_backward(bench.graph, seeds, 1), DECANT_OK); /* a second walk adds to the first */
    assert_int_not_equal(bench.graph->values[bench.x].gradient, first);
    assert_int_equal(bench.graph->nodes[bench.graph->n_nodes - 1].op, DECANT_OP_ADD);
    assert_int_equal(bench.graph->nodes[bench.graph->n_nodes - 1].input[0], first);
    dcn_graph_destroy(bench.graph);
}

static void seeds_must_fit_their_values(void **state)
{
    (void)state;
    workbench bench = start(dcn_shape2(2, 6));
    dcn_value_id y = node(&bench, DECANT_OP_RELU, NULL, &bench.x, 1, 1);
    dcn_value_id other = add(bench.graph, DCN_VALUE_INPUT, "other", DECANT_F32, dcn_shape2(2, 5), false);
    const dcn_seed wrong_shape = {y, other}, nowhere = {y, 99}, negative = {-1, y};
    assert_int_equal(dcn_graph_backward(bench.graph, &wrong_shape, 1), DECANT_SHAPE);
    assert_int_equal(dcn_graph_backward(bench.graph, &nowhere, 1), DECANT_INVALID_ARG);
    assert_int_equal(dcn_graph_backward(bench.graph, &negative, 1), DECANT_INVALID_ARG);
    dcn_graph_destroy(bench.graph);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_input_ops_have_one_gradient_node),
        cmocka_unit_test(slices_of_rows_are_padded_as_maps),
        cmocka_unit_test(dropout_draws_its_mask_again),
        cmocka_unit_test(a_relu_before_dropout_is_undone_with_it),
        cmocka_unit_test(addition_hands_its_gradient_on),
        cmocka_unit_test(concat_is_cut_up_again_where_wanted),
        cmocka_unit_test(first_layers_compute_no_input_gradient),
        cmocka_unit_test(fused_activations_are_undone_first),
        cmocka_unit_test(a_relu_before_a_maximum_is_undone_behind_it),
        cmocka_unit_test(batchnorm_keeps_its_fused_activation),
        cmocka_unit_test(what_has_no_derivative_says_so_and_leaves_the_graph_alone),
        cmocka_unit_test(frozen_models_get_no_nodes),
        cmocka_unit_test(several_gradients_are_added_up),
        cmocka_unit_test(seeds_must_fit_their_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
