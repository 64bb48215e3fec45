/* include/decant/graph.h as a user of the library meets it: only public headers, one network from end to end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "decant/graph.h"

static decant_graph *build(bool with_sigmoid)
{
    decant_graph *graph = NULL;
    const int64_t sample[] = {3, 16, 16};
    const decant_shape shape = decant_shape_make(3, sample);
    decant_conv_options conv = decant_conv_options_default(8, 3);
    decant_pool_options pool = decant_pool_options_default(2);
    conv.padding[0] = conv.padding[1] = 1;
    conv.bias = false;
    decant_value x = -1, skip = -1;
    assert_int_equal(decant_graph_create(&graph), DECANT_OK);
    assert_int_equal(decant_graph_input(graph, &shape, &x), DECANT_OK);
    assert_int_equal(decant_graph_conv2d(graph, "conv1", x, &conv, &x), DECANT_OK);
    assert_int_equal(decant_graph_batchnorm(graph, "bn1", x, &skip), DECANT_OK);
    assert_int_equal(decant_graph_activation(graph, "act1", skip, DECANT_ACTIVATION_HARDSWISH, &x), DECANT_OK);
    assert_int_equal(decant_graph_add(graph, "add", x, skip, &x), DECANT_OK);
    assert_int_equal(decant_graph_maxpool(graph, "pool1", x, &pool, &x), DECANT_OK);
    pool.padding[0] = 1;
    assert_int_equal(decant_graph_avgpool(graph, "pool2", x, &pool, &x), DECANT_OK);
    assert_int_equal(decant_graph_shape(graph, x).dim[2], 5); /* (8 + 2 - 2) / 2 + 1 */
    assert_int_equal(decant_graph_shape(graph, x).dim[3], 4);
    assert_int_equal(decant_graph_adaptive_avgpool(graph, "pool3", x, 2, 1, &x), DECANT_OK);
    assert_int_equal(decant_graph_flatten(graph, "flatten", x, &x), DECANT_OK);
    assert_int_equal(decant_graph_dropout(graph, "dropout", x, 0.5, &x), DECANT_OK);
    assert_int_equal(decant_graph_linear(graph, "fc", x, 10, true, &x), DECANT_OK);
    if (with_sigmoid)
        assert_int_equal(decant_graph_activation(graph, "end", x, DECANT_ACTIVATION_SIGMOID, &x), DECANT_OK);
    assert_int_equal(decant_graph_set_output(graph, x), DECANT_OK);
    return graph;
}

static void the_numbers_come_out(void **state)
{
    (void)state;
    decant_graph *graph = build(false);
    char hex[DECANT_FINGERPRINT_BYTES];
    assert_int_equal(decant_graph_parameters(graph), 8 * 27 + 16 + 170);
    assert_int_equal(decant_graph_mult_adds(graph), 16 * 16 * 8 * 27 + 160);
    assert_int_equal(decant_graph_layer_count(graph), 10);
    decant_layer_info layer = decant_graph_layer_at(graph, 9);
    assert_string_equal(layer.name, "fc");
    assert_string_equal(layer.op, "linear");
    assert_int_equal(layer.parameters, 170);
    assert_int_equal(layer.output.dim[1], 10);
    assert_null(decant_graph_layer_at(graph, 10).name);
    assert_null(decant_graph_layer_at(graph, -1).name);
    decant_graph_fingerprint(graph, hex);
    assert_int_equal(strlen(hex), 32);
    decant_graph_destroy(graph);
}

typedef struct notebook {
    int count;
    decant_severity severity;
    char text[200];
} notebook;

static void remember(void *context, const decant_finding *finding)
{
    notebook *to = context;
    to->count++;
    to->severity = finding->severity;
    strncpy(to->text, finding->text, sizeof to->text - 1);
}

static void findings_are_handed_over(void **state)
{
    (void)state;
    for (int with_sigmoid = 0; with_sigmoid < 2; with_sigmoid++) {
        notebook seen = {0};
        decant_graph *graph = build(with_sigmoid);
        assert_int_equal(decant_graph_lint(graph, remember, &seen), DECANT_OK);
        assert_int_equal(seen.count, with_sigmoid);
        if (with_sigmoid) {
            assert_int_equal(seen.severity, DECANT_SEVERITY_WARNING);
            assert_non_null(strstr(seen.text, "logits"));
        }
        decant_graph_destroy(graph);
    }
}

static void wrong_arguments_are_errors_not_crashes(void **state)
{
    (void)state;
    decant_graph *graph = build(false);
    const decant_conv_options zero = {0};
    decant_value y = -7;
    assert_int_equal(decant_graph_conv2d(graph, "new", 0, &zero, &y), DECANT_INVALID_ARG);
    assert_int_equal(decant_graph_linear(graph, "new", 9999, 10, true, &y), DECANT_INVALID_ARG);
    assert_int_equal(decant_graph_add(graph, "new", 0, 9999, &y), DECANT_INVALID_ARG);
    assert_int_equal(decant_graph_activation(graph, "new", 0, DECANT_ACTIVATION_COUNT, &y), DECANT_INVALID_ARG);
    assert_int_equal(decant_graph_dropout(graph, "new", 0, 1.0, &y), DECANT_INVALID_ARG);
    assert_int_equal(decant_graph_set_output(graph, -1), DECANT_INVALID_ARG);
    assert_int_equal(decant_graph_set_output(graph, 9999), DECANT_INVALID_ARG);
    assert_int_equal(decant_graph_shape(graph, 9999).rank, 0);
    assert_int_equal(y, -7);
    assert_int_equal(decant_graph_layer_count(graph), 10);
    decant_graph_destroy(graph);
    decant_graph_destroy(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_numbers_come_out),
        cmocka_unit_test(findings_are_handed_over),
        cmocka_unit_test(wrong_arguments_are_errors_not_crashes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
