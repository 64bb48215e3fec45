/* Layers get PyTorch's parameter names and shapes; a layer that does not fit leaves no trace and is named in the error.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/memory.h"
#include "graph/networks.h"

static void assert_value(const dcn_graph *graph, const char *name, dcn_value_kind kind, decant_shape shape)
{
    dcn_value_id id = dcn_graph_find(graph, name);
    if (id == DCN_NONE) fail_msg("%s is missing", name);
    assert_int_equal(graph->values[id].kind, kind);
    assert_true(decant_shape_equal(&graph->values[id].shape, &shape));
}

/* What torch.nn.Sequential(...).state_dict() lists for the same layers. */
static void parameters_are_named_and_shaped_as_in_pytorch(void **state)
{
    (void)state;
    dcn_graph *graph = NULL;
    assert_int_equal(build_lightnn(&graph), DECANT_OK);
    assert_value(graph, "features.0.weight", DCN_VALUE_PARAMETER, dcn_shape4(16, 3, 3, 3));
    assert_value(graph, "features.0.bias", DCN_VALUE_PARAMETER, dcn_shape1(16));
    assert_value(graph, "features.3.weight", DCN_VALUE_PARAMETER, dcn_shape4(16, 16, 3, 3));
    assert_value(graph, "classifier.0.weight", DCN_VALUE_PARAMETER, dcn_shape2(256, 1024));
    assert_value(graph, "classifier.3.weight", DCN_VALUE_PARAMETER, dcn_shape2(10, 256));
    assert_value(graph, "classifier.3.bias", DCN_VALUE_PARAMETER, dcn_shape1(10));
    assert_value(graph, "classifier.3", DCN_VALUE_RESULT, dcn_shape2(1, 10));
    assert_value(graph, "input", DCN_VALUE_INPUT, dcn_shape4(1, 3, 32, 32));
    dcn_graph_destroy(graph);

    assert_int_equal(build_zoo_of_ops(&graph), DECANT_OK);
    assert_value(graph, "conv.weight", DCN_VALUE_PARAMETER, dcn_shape4(6, 1, 3, 3)); /* three groups */
    assert_int_equal(dcn_graph_find(graph, "conv.bias"), DCN_NONE);
    assert_value(graph, "bn.weight", DCN_VALUE_PARAMETER, dcn_shape1(6));
    assert_value(graph, "bn.bias", DCN_VALUE_PARAMETER, dcn_shape1(6));
    assert_value(graph, "bn.running_mean", DCN_VALUE_STATE, dcn_shape1(6));
    assert_value(graph, "bn.running_var", DCN_VALUE_STATE, dcn_shape1(6));
    dcn_graph_destroy(graph);
}

static void the_zoo_of_ops_has_every_model_op(void **state)
{
    (void)state;
    dcn_graph *graph = NULL;
    assert_int_equal(build_zoo_of_ops(&graph), DECANT_OK);
    for (int op = 0; op < DECANT_OP_COUNT; op++) {
        const bool wanted = (dcn_op_get((decant_op)op)->flags & DCN_OP_MODEL) != 0;
        if (wanted && dcn_graph_count(graph, (decant_op)op) == 0)
            fail_msg("%s is in no test network: add it to networks.h", dcn_op_get((decant_op)op)->name);
    }
    dcn_graph_destroy(graph);
}

static void values_know_their_producers_and_readers(void **state)
{
    (void)state;
    dcn_graph *graph = NULL;
    assert_int_equal(build_zoo_of_ops(&graph), DECANT_OK);
    for (int32_t n = 0; n < graph->n_nodes; n++) {
        const dcn_node *node = &graph->nodes[n];
        for (int32_t i = 0; i < node->n_inputs; i++) {
            dcn_node_id producer = graph->values[node->input[i]].producer;
            assert_true(producer < n); /* topological order */
        }
        assert_int_equal(graph->values[node->output[0]].producer, n);
        const dcn_value_id x = node->input[0];
        assert_int_equal(dcn_graph_only_reader(graph, x), dcn_graph_uses(graph, x) == 1 ? n : DCN_NONE);
    }
    assert_int_equal(dcn_graph_uses(graph, dcn_graph_find(graph, "shortcut")), 3);
    assert_int_equal(dcn_graph_uses(graph, dcn_graph_find(graph, "conv.weight")), 1);
    assert_int_equal(dcn_graph_uses(graph, graph->output), 0);
    assert_int_equal(dcn_graph_only_reader(graph, dcn_graph_find(graph, "conv.weight")), DCN_NONE); /* second input */
    assert_int_equal(dcn_graph_only_reader(graph, graph->output), DCN_NONE);

    dcn_op_call call;
    dcn_graph_call(graph, graph->values[dcn_graph_find(graph, "conv")].producer, &call);
    assert_int_equal(call.op, DECANT_OP_CONV2D);
    assert_int_equal(call.n_inputs, 2);
    assert_int_equal(call.input[1].shape.dim[0], 6);
    assert_int_equal(call.output[0].shape.dim[1], 6);
    assert_int_equal(call.output[0].layout, DCN_LAYOUT_PLAIN);
    dcn_graph_destroy(graph);
}

static bool error_names(const char *layer)
{
    for (int i = 0; i < decant_error_while_count(); i++)
        if (strstr(decant_error_while(i), layer) != NULL) return true;
    return strstr(decant_error_message(), layer) != NULL;
}

static void layers_that_do_not_fit_leave_no_trace(void **state)
{
    (void)state;
    dcn_graph *graph = NULL;
    assert_int_equal(build_lightnn(&graph), DECANT_OK);
    const int32_t n_values = graph->n_values, n_nodes = graph->n_nodes;
    const dcn_value_id rows = dcn_graph_find(graph, "flatten"), map = dcn_graph_find(graph, "features.5");
    dcn_conv_attrs large = dcn_conv_default(8, 9), zero = dcn_conv_default(0, 3), grouped = dcn_conv_default(8, 3),
                   fused = dcn_conv_default(8, 3), no_groups = dcn_conv_default(8, 3);
    grouped.groups = 5;
    no_groups.groups = 0;
    fused.activation = DCN_ACTIVATION_RELU;
    decant_op_attrs pool = {.pool = dcn_pool_default(0)};
    dcn_value_id y = -7;

    assert_int_equal(dcn_build_conv2d(graph, "new", rows, &large, &y), DECANT_SHAPE);
    assert_int_equal(dcn_build_conv2d(graph, "new", map, &large, &y), DECANT_SHAPE); /* fails after making the weight */
    assert_true(error_names("new"));
    assert_int_equal(dcn_build_conv2d(graph, "new", map, &zero, &y), DECANT_INVALID_ARG);
    assert_int_equal(dcn_build_conv2d(graph, "new", map, &grouped, &y), DECANT_SHAPE);
    assert_int_equal(dcn_build_conv2d(graph, "new", map, &no_groups, &y), DECANT_INVALID_ARG);
    assert_int_equal(dcn_build_conv2d(graph, "new", map, &fused, &y), DECANT_INVALID_ARG);
    assert_int_equal(dcn_build_linear(graph, "new", map, 10, true, &y), DECANT_SHAPE);
    assert_true(error_names("flatten"));
    assert_int_equal(dcn_build_linear(graph, "new", rows, -1, true, &y), DECANT_INVALID_ARG);
    assert_int_equal(dcn_build_linear(graph, "new", rows, INT64_MAX / 2, true, &y), DECANT_INVALID_ARG);
    assert_int_equal(dcn_build_batchnorm(graph, "new", map, -1.0, 0.1, &y), DECANT_INVALID_ARG);
    assert_int_equal(add_layer(graph, DECANT_OP_MAXPOOL, "new", &pool, &y), DECANT_INVALID_ARG); /* value -7 */
    y = map;
    assert_int_equal(add_layer(graph, DECANT_OP_MAXPOOL, "new", &pool, &y), DECANT_INVALID_ARG);
    assert_true(error_names("new"));
    assert_int_equal(y, map);
    assert_int_equal(graph->n_values, n_values);
    assert_int_equal(graph->n_nodes, n_nodes);
    assert_int_equal(dcn_graph_find(graph, "new.weight"), DCN_NONE);
    dcn_graph_destroy(graph);
}

static void names_are_taken_once(void **state)
{
    (void)state;
    dcn_graph *graph = NULL;
    decant_shape shape = dcn_shape1(4), out = dcn_shape2(1, 4);
    dcn_value_id x = DCN_NONE, y = DCN_NONE;
    assert_int_equal(dcn_graph_create(&graph), DECANT_OK);
    assert_int_equal(dcn_build_input(graph, &shape, &x), DECANT_OK);
    assert_int_equal(dcn_build_input(graph, &shape, &y), DECANT_INVALID_ARG); /* one input */
    assert_int_equal(dcn_build_linear(graph, "fc", x, 4, true, &y), DECANT_OK);
    assert_int_equal(dcn_build_linear(graph, "fc", y, 4, true, &y), DECANT_INVALID_ARG);
    assert_int_equal(add_layer(graph, DECANT_OP_RELU, "fc.weight", NULL, &y), DECANT_INVALID_ARG);
    assert_non_null(strstr(decant_error_message(), "that is the name of a layer's weights"));
    assert_int_equal(add_layer(graph, DECANT_OP_RELU, "input", NULL, &y), DECANT_INVALID_ARG);
    assert_non_null(strstr(decant_error_message(), "that is the name of the network's input"));
    assert_int_equal(add_layer(graph, DECANT_OP_RELU, "head.weight", NULL, &y), DECANT_OK);
    assert_int_equal(dcn_build_linear(graph, "head", y, 4, true, &y), DECANT_INVALID_ARG); /* the file could not say */
    assert_int_equal(add_layer(graph, DECANT_OP_RELU, "conv\xe9", NULL, &y), DECANT_INVALID_ARG);
    assert_int_equal(add_layer(graph, DECANT_OP_RELU, "", NULL, &y), DECANT_INVALID_ARG);
    assert_int_equal(add_layer(graph, DECANT_OP_RELU, NULL, NULL, &y), DECANT_INVALID_ARG);
    assert_int_equal(add_layer(graph, DECANT_OP_LOSS_CE, "loss", NULL, &y), DECANT_INVALID_ARG);
    assert_int_equal(dcn_graph_add_value(graph, DCN_VALUE_PARAMETER, "fc.bias", DECANT_F32, &out, &y),
                     DECANT_INVALID_ARG);
    assert_int_equal(dcn_graph_add_value(graph, DCN_VALUE_RESULT, "result", DECANT_F32, &out, &y), DECANT_INVALID_ARG);
    char name[DCN_FREE_NAME];
    assert_int_equal(dcn_graph_free_name(graph, "answer", name), DECANT_OK);
    assert_string_equal(name, "answer");
    assert_int_equal(dcn_graph_free_name(graph, "fc", name), DECANT_OK);
    assert_string_equal(name, "fc_2");
    dcn_graph_destroy(graph);
    dcn_graph_destroy(NULL);
}

static void samples_have_positive_sizes(void **state)
{
    (void)state;
    const decant_shape bad[] = {{.rank = 0},
                                {.rank = 6, .dim = {1, 1, 1, 1, 1, 1}},
                                dcn_shape2(3, 0),
                                dcn_shape2(3, -1),
                                dcn_shape2(INT64_MAX, 3)};
    dcn_graph *graph = NULL;
    dcn_value_id x = -7;
    assert_int_equal(dcn_graph_create(&graph), DECANT_OK);
    for (size_t i = 0; i < DCN_COUNT(bad); i++)
        assert_int_not_equal(dcn_build_input(graph, &bad[i], &x), DECANT_OK);
    assert_int_equal(x, -7);
    assert_int_equal(graph->n_values, 0);
    dcn_graph_destroy(graph);
}

static void a_node_must_have_room_for_its_outputs(void **state)
{
    (void)state;
    dcn_graph *graph = NULL;
    dcn_value_id y[DCN_MAX_OUTPUTS] = {-7, -7, -7};
    assert_int_equal(build_lightnn(&graph), DECANT_OK);
    dcn_value_id map = dcn_graph_find(graph, "features.0"), far = graph->n_values;
    decant_op_attrs pool = {.pool = dcn_pool_default(2)};
    assert_int_equal(dcn_graph_add_node(graph, DECANT_OP_MAXPOOL, &pool, NULL, &map, 1, 3, y), DECANT_INVALID_ARG);
    assert_int_equal(dcn_graph_add_node(graph, DECANT_OP_RELU, NULL, NULL, &map, 1, 2, y), DECANT_INVALID_ARG);
    assert_int_equal(dcn_graph_add_node(graph, DECANT_OP_RELU, NULL, NULL, &far, 1, 1, y), DECANT_INVALID_ARG);
    assert_int_equal(dcn_graph_add_node(graph, DECANT_OP_COUNT, NULL, NULL, &map, 1, 1, y), DECANT_INVALID_ARG);
    assert_int_equal(y[0], -7);
    assert_int_equal(dcn_graph_add_node(graph, DECANT_OP_MAXPOOL, &pool, "pool", &map, 1, 2, y), DECANT_OK);
    assert_int_equal(graph->values[y[1]].dtype, DECANT_I32);
    assert_int_equal(dcn_graph_find(graph, "pool"), y[0]);
    dcn_graph_destroy(graph);
}

static void a_clone_owns_everything(void **state)
{
    (void)state;
    dcn_graph *graph = NULL, *copy = NULL;
    char before[33], after[33];
    assert_int_equal(build_zoo_of_ops(&graph), DECANT_OK);
    graph->init = DCN_INIT_KAIMING_FAN_IN;
    dcn_graph_fingerprint(graph, before);
    int32_t n_values = graph->n_values;
    assert_int_equal(dcn_graph_clone(graph, &copy), DECANT_OK);
    dcn_graph_destroy(graph);

    dcn_graph_fingerprint(copy, after);
    assert_string_equal(after, before);
    assert_int_equal(copy->n_values, n_values);
    assert_int_equal(copy->init, DCN_INIT_KAIMING_FAN_IN);
    assert_string_equal(copy->values[copy->output].name, "softmax");
    dcn_value_id x = copy->output;
    assert_int_equal(add_layer(copy, DECANT_OP_RELU, "more", NULL, &x), DECANT_OK); /* it can grow */
    dcn_graph_destroy(copy);

    assert_int_equal(dcn_graph_create(&graph), DECANT_OK);
    assert_int_equal(dcn_graph_clone(graph, &copy), DECANT_OK); /* an empty one too */
    dcn_graph_destroy(graph);
    dcn_graph_destroy(copy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parameters_are_named_and_shaped_as_in_pytorch),
        cmocka_unit_test(the_zoo_of_ops_has_every_model_op),
        cmocka_unit_test(values_know_their_producers_and_readers),
        cmocka_unit_test(layers_that_do_not_fit_leave_no_trace),
        cmocka_unit_test(names_are_taken_once),
        cmocka_unit_test(samples_have_positive_sizes),
        cmocka_unit_test(a_node_must_have_room_for_its_outputs),
        cmocka_unit_test(a_clone_owns_everything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
