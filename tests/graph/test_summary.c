/* The numbers that people print about a model, held to those that torchinfo gives for the same one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/memory.h"
#include "graph/networks.h"

static void lightnn_has_its_known_numbers(void **state)
{
    (void)state;
    dcn_graph *graph = NULL;
    dcn_layer_summary rows[11];
    assert_int_equal(build_lightnn(&graph), DECANT_OK);
    assert_int_equal(dcn_graph_parameters(graph), 267738);
    /* 32*32*16*27 + 16*16*16*144 + 1024*256 + 256*10 */
    assert_int_equal(dcn_graph_mult_adds(graph), 442368 + 589824 + 262144 + 2560);

    assert_int_equal(graph->n_nodes, 11);
    for (dcn_node_id id = 0; id < graph->n_nodes; id++)
        rows[id] = dcn_graph_layer(graph, id);
    assert_string_equal(rows[0].name, "features.0");
    assert_string_equal(rows[0].op, "conv2d");
    assert_int_equal(rows[0].parameters, 448);
    assert_int_equal(rows[0].mult_adds, 442368);
    assert_int_equal(rows[1].parameters, 0);
    assert_int_equal(rows[3].parameters, 2320);
    assert_int_equal(rows[7].parameters, 262400);
    assert_int_equal(rows[10].parameters, 2570);
    const decant_shape pooled = dcn_shape4(1, 16, 8, 8);
    assert_true(decant_shape_equal(&rows[5].output, &pooled));
    int64_t total = 0;
    for (int32_t i = 0; i < graph->n_nodes; i++)
        total += rows[i].parameters;
    assert_int_equal(total, 267738);
    dcn_graph_destroy(graph);
}

static void statistics_are_no_parameters_and_groups_divide_the_work(void **state)
{
    (void)state;
    dcn_graph *graph = NULL;
    assert_int_equal(build_zoo_of_ops(&graph), DECANT_OK);
    /* conv 6*1*3*3, batchnorm 2*6, linear 16*5 */
    assert_int_equal(dcn_graph_parameters(graph), 54 + 12 + 80);
    assert_int_equal(dcn_graph_mult_adds(graph), 12 * 12 * 6 * 9 + 80);
    dcn_graph_destroy(graph);
}

static void shared_weights_are_counted_once(void **state)
{
    (void)state;
    dcn_graph *graph = NULL;
    decant_shape sample = dcn_shape1(4);
    dcn_value_id x = DCN_NONE, y = DCN_NONE;
    assert_int_equal(dcn_graph_create(&graph), DECANT_OK);
    assert_int_equal(dcn_build_input(graph, &sample, &x), DECANT_OK);
    assert_int_equal(dcn_build_linear(graph, "a", x, 4, false, &y), DECANT_OK);
    const dcn_value_id again[] = {y, dcn_graph_find(graph, "a.weight")};
    decant_op_attrs attrs = {.linear = {.features = 4}};
    assert_int_equal(dcn_graph_add_node(graph, DECANT_OP_LINEAR, &attrs, "b", again, 2, 1, &y), DECANT_OK);
    assert_int_equal(dcn_graph_parameters(graph), 16);
    assert_int_equal(dcn_graph_layer(graph, 0).parameters, 16);
    assert_int_equal(dcn_graph_layer(graph, 1).parameters, 0);
    assert_int_equal(dcn_graph_mult_adds(graph), 32);
    dcn_graph_destroy(graph);
}

/* A program's batch changes no number: they are for one sample. */
static void the_batch_does_not_count(void **state)
{
    (void)state;
    dcn_graph *graph = NULL;
    const decant_shape x_shape = dcn_shape2(64, 3), w_shape = dcn_shape2(5, 3);
    dcn_value_id inputs[2], y = DCN_NONE;
    decant_op_attrs attrs = {.linear = {.features = 5}};
    assert_int_equal(dcn_graph_create(&graph), DECANT_OK);
    assert_int_equal(dcn_graph_add_value(graph, DCN_VALUE_INPUT, "x", DECANT_F32, &x_shape, &inputs[0]), DECANT_OK);
    assert_int_equal(dcn_graph_add_value(graph, DCN_VALUE_PARAMETER, "w", DECANT_F32, &w_shape, &inputs[1]), DECANT_OK);
    assert_int_equal(dcn_graph_add_node(graph, DECANT_OP_LINEAR, &attrs, "l", inputs, 2, 1, &y), DECANT_OK);
    assert_int_equal(dcn_graph_mult_adds(graph), 15);
    dcn_graph_destroy(graph);
}

static void absurd_totals_stop_at_the_largest_number(void **state)
{
    (void)state;
    dcn_graph *graph = NULL;
    dcn_value_id id = DCN_NONE;
    const decant_shape half = dcn_shape1(INT64_MAX / 8);
    assert_int_equal(dcn_graph_create(&graph), DECANT_OK);
    char name[2] = "a";
    for (int i = 0; i < 10; i++, name[0]++)
        assert_int_equal(dcn_graph_add_value(graph, DCN_VALUE_PARAMETER, name, DECANT_F32, &half, &id), DECANT_OK);
    assert_true(dcn_graph_parameters(graph) == INT64_MAX);
    dcn_graph_destroy(graph);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lightnn_has_its_known_numbers),
        cmocka_unit_test(statistics_are_no_parameters_and_groups_divide_the_work),
        cmocka_unit_test(shared_weights_are_counted_once),
        cmocka_unit_test(the_batch_does_not_count),
        cmocka_unit_test(absurd_totals_stop_at_the_largest_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
