/* The fingerprint changes with what a network computes of given weights, and with nothing else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "base/memory.h"
#include "graph/networks.h"

/* conv, batchnorm, pool, flatten, linear: each part can be varied. */
typedef struct network {
    int64_t width;
    dcn_conv_attrs conv;
    dcn_pool_attrs pool;
    double eps, momentum, dropout;
    decant_op activation;
    bool average, add_twice;
    const char *prefix;
} network;

static network plain(void)
{
    return (network){.width = 8,
                     .conv = dcn_conv_default(4, 3),
                     .pool = dcn_pool_default(2),
                     .eps = 1e-5,
                     .momentum = 0.1,
                     .dropout = 0.5,
                     .activation = DECANT_OP_RELU,
                     .prefix = "a"};
}

static decant_status fill(const network *variant, dcn_graph *graph)
{
    const int64_t sample[] = {2, variant->width, 8};
    decant_shape shape = decant_shape_make(3, sample);
    decant_op_attrs pool = {.pool = variant->pool}, dropout = {.dropout = {.p = variant->dropout}};
    char name[8][32];
    for (int i = 0; i < 8; i++)
        snprintf(name[i], sizeof name[i], "%s%d", variant->prefix, i);
    dcn_value_id x = DCN_NONE, before = DCN_NONE, pair[2];
    TRY_RETURN(dcn_build_input(graph, &shape, &x));
    TRY_RETURN(dcn_build_conv2d(graph, name[0], x, &variant->conv, &x));
    TRY_RETURN(dcn_build_batchnorm(graph, name[1], x, variant->eps, variant->momentum, &x));
    before = x;
    TRY_RETURN(add_layer(graph, variant->activation, name[2], NULL, &x));
    pair[0] = x;
    pair[1] = variant->add_twice ? x : before;
    TRY_RETURN(dcn_build_simple(graph, DECANT_OP_ADD, name[3], NULL, pair, 2, &x));
    TRY_RETURN(add_layer(graph, variant->average ? DECANT_OP_AVGPOOL : DECANT_OP_MAXPOOL, name[4], &pool, &x));
    TRY_RETURN(add_layer(graph, DECANT_OP_FLATTEN, name[5], NULL, &x));
    TRY_RETURN(add_layer(graph, DECANT_OP_DROPOUT, name[6], &dropout, &x));
    TRY_RETURN(dcn_build_linear(graph, name[7], x, 3, true, &x));
    graph->output = x;
    return DECANT_OK;
}

static void fingerprint(network variant, char ret_hex[33])
{
    dcn_graph *graph = NULL;
    assert_int_equal(dcn_graph_create(&graph), DECANT_OK);
    if (fill(&variant, graph) != DECANT_OK) fail_msg("%s", decant_error_message());
    dcn_graph_fingerprint(graph, ret_hex);
    assert_int_equal(strlen(ret_hex), 32);
    dcn_graph_destroy(graph);
}

static void it_ignores_names_rates_and_momentum(void **state)
{
    (void)state;
    char base[33], other[33];
    fingerprint(plain(), base);
    network same = plain();
    same.prefix = "another.layer.";
    same.dropout = 0.1;
    same.momentum = 0.01;
    fingerprint(same, other);
    assert_string_equal(base, other);
}

static void it_sees_every_structural_change(void **state)
{
    (void)state;
    enum { N = 14 };
    char hex[N][33];
    network varied[N];
    for (int i = 0; i < N; i++)
        varied[i] = plain();
    varied[1].pool.padding[0] = varied[1].pool.padding[1] = 1; /* the tutorial's slip: same weights, another geometry */
    varied[2].pool.stride[1] = 1;
    varied[3].pool.ceil_mode = true; /* the same sizes here, still another op */
    varied[4].average = true;
    varied[5].average = true;
    varied[5].pool.count_include_pad = false;
    varied[6].conv.dilation[0] = 2;
    varied[7].conv.groups = 2;
    varied[8].conv.bias = false;
    varied[9].conv.channels = 6;
    varied[10].eps = 1e-3;
    varied[11].activation = DECANT_OP_HARDSWISH;
    varied[12].width = 10;
    varied[13].add_twice = true; /* only the wiring */
    for (int i = 0; i < N; i++) {
        fingerprint(varied[i], hex[i]);
        for (int j = 0; j < i; j++)
            if (strcmp(hex[i], hex[j]) == 0) fail_msg("variants %d and %d have one fingerprint", i, j);
    }
}

static void fill_two_layers(dcn_graph *graph, bool tied, bool parameters_first)
{
    decant_shape rows = dcn_shape2(1, 4), weight = dcn_shape2(4, 4);
    decant_op_attrs attrs = {.linear = {.features = 4}};
    dcn_value_id w[2], first[2], second[2], y = DCN_NONE;
    if (parameters_first) {
        assert_int_equal(dcn_graph_add_value(graph, DCN_VALUE_PARAMETER, "b.weight", DECANT_F32, &weight, &w[1]),
                         DECANT_OK);
        assert_int_equal(dcn_graph_add_value(graph, DCN_VALUE_PARAMETER, "a.weight", DECANT_F32, &weight, &w[0]),
                         DECANT_OK);
    }
    assert_int_equal(dcn_graph_add_value(graph, DCN_VALUE_INPUT, "input", DECANT_F32, &rows, &graph->input), DECANT_OK);
    if (!parameters_first) {
        assert_int_equal(dcn_graph_add_value(graph, DCN_VALUE_PARAMETER, "a.weight", DECANT_F32, &weight, &w[0]),
                         DECANT_OK);
        assert_int_equal(dcn_graph_add_value(graph, DCN_VALUE_PARAMETER, "b.weight", DECANT_F32, &weight, &w[1]),
                         DECANT_OK);
    }
    first[0] = graph->input;
    first[1] = w[0];
    assert_int_equal(dcn_graph_add_node(graph, DECANT_OP_LINEAR, &attrs, "a", first, 2, 1, &y), DECANT_OK);
    second[0] = y;
    second[1] = tied ? w[0] : w[1];
    assert_int_equal(dcn_graph_add_node(graph, DECANT_OP_LINEAR, &attrs, "b", second, 2, 1, &graph->output), DECANT_OK);
}

static void it_sees_shared_weights_but_not_the_order_of_making_them(void **state)
{
    (void)state;
    char hex[3][33];
    const bool tied[] = {false, false, true}, parameters_first[] = {false, true, false};
    for (int i = 0; i < 3; i++) {
        dcn_graph *graph = NULL;
        assert_int_equal(dcn_graph_create(&graph), DECANT_OK);
        fill_two_layers(graph, tied[i], parameters_first[i]);
        dcn_graph_fingerprint(graph, hex[i]);
        dcn_graph_destroy(graph);
    }
    assert_string_equal(hex[0], hex[1]);
    assert_string_not_equal(hex[0], hex[2]);
}

/* Written into model files: a change here makes every file ever written look like another network. */
static void it_is_the_same_on_every_day(void **state)
{
    (void)state;
    dcn_graph *graph = NULL;
    char hex[33];
    assert_int_equal(build_lightnn(&graph), DECANT_OK);
    dcn_graph_fingerprint(graph, hex);
    assert_string_equal(hex, "4faaa051f3c6f6f152cea028347459cf");
    dcn_graph_destroy(graph);
}

static void the_output_counts(void **state)
{
    (void)state;
    dcn_graph *graph = NULL;
    char whole[33], head[33];
    assert_int_equal(build_lightnn(&graph), DECANT_OK);
    dcn_graph_fingerprint(graph, whole);
    graph->output = dcn_graph_find(graph, "classifier.0");
    dcn_graph_fingerprint(graph, head);
    assert_string_not_equal(whole, head);
    dcn_graph_destroy(graph);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_ignores_names_rates_and_momentum),
        cmocka_unit_test(it_sees_every_structural_change),
        cmocka_unit_test(it_sees_shared_weights_but_not_the_order_of_making_them),
        cmocka_unit_test(it_is_the_same_on_every_day),
        cmocka_unit_test(the_output_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
