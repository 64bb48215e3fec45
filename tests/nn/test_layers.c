/* Layer lists: what is written is what is built; what is wrong is refused at its line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "decant/status.h"
#include "nn/layers.h"
#include "tensor/shape.h"

static decant_status build(const char *yaml, dcn_graph **ret_graph)
{
    dcn_arena *arena = NULL;
    dcn_doc *doc = NULL;
    const int64_t dims[3] = {3, 16, 16};
    decant_shape sample = decant_shape_make(3, dims);
    assert_int_equal(dcn_arena_create(&arena), DECANT_OK);
    decant_status status = dcn_doc_parse(arena, "net.yaml", yaml, strlen(yaml), &doc);
    if (status == DECANT_OK) status = dcn_layers_build(doc, &sample, ret_graph);
    dcn_arena_destroy(arena);
    return status;
}

static void test_names_and_shapes(void **state)
{
    (void)state;
    dcn_graph *graph = NULL;
    assert_int_equal(
        build("- conv: {channels: 8, kernel: [3, 5], padding: [1, 2], stride: 2, bias: false, name: stem}\n"
              "- batchnorm\n"
              "- relu\n"
              "- residual:\n"
              "    branch: [{conv: {channels: 8, kernel: 3, padding: 1}}, hardswish]\n"
              "    activation: relu\n"
              "    name: block\n"
              "- concat: {branches: [[{conv: {channels: 4, kernel: 1}}], [{depthwise: 1}]]}\n"
              "- repeat: {times: 2, name: tail, layers: [{conv: {channels: 12, kernel: 1}}, relu6]}\n"
              "- global_avgpool\n"
              "- flatten\n"
              "- dropout: 0.25\n"
              "- linear: 5\n",
              &graph),
        DECANT_OK);
    static const char *const wanted[] = {"stem.weight",     "1.weight",      "block.0.weight",
                                         "block.0.bias",    "4.0.0.weight",  "4.1.0.weight",
                                         "tail.0.0.weight", "tail.1.0.bias", "9.weight"};
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++)
        if (dcn_graph_find(graph, wanted[i]) == DCN_NONE) fail_msg("%s is missing", wanted[i]);
    assert_int_equal(dcn_graph_find(graph, "stem.bias"), DCN_NONE);
    const decant_shape *block = &graph->values[dcn_graph_find(graph, "block")].shape;
    assert_int_equal(block->dim[1], 8);
    assert_int_equal(block->dim[2], 8);
    assert_int_equal(graph->nodes[graph->values[dcn_graph_find(graph, "block")].producer].op, DECANT_OP_RELU);
    assert_int_equal(graph->values[dcn_graph_find(graph, "4")].shape.dim[1], 12);
    assert_int_equal(graph->values[graph->output].shape.dim[1], 5);
    dcn_graph_destroy(graph);
}

/* Breaks when a shortcut is told by how its name ends, or torchvision's names for its parts are lost. */
static void test_only_a_shortcut_gives_its_names_to_the_block(void **state)
{
    (void)state;
    dcn_graph *graph = NULL;
    assert_int_equal(
        build("- sequence: {name: preshortcut, layers: [{conv: {channels: 4, kernel: 1, name: in}}]}\n"
              "- residual:\n"
              "    name: block\n"
              "    branch: [{conv: {channels: 4, kernel: 1}}]\n"
              "    shortcut: [{conv: {channels: 4, kernel: 1}}, {sequence: {name: shortcut, layers: "
              "[{conv: {channels: 4, kernel: 1, name: inner}}]}}, {conv: {channels: 4, kernel: 1, name: down}}]\n",
              &graph),
        DECANT_OK);
    static const char *const wanted[] = {"preshortcut.in.weight", "block.0.weight", "block.shortcut.0.weight",
                                         "block.shortcut.inner.weight", "block.down.weight"};
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++)
        if (dcn_graph_find(graph, wanted[i]) == DCN_NONE) fail_msg("%s is missing", wanted[i]);
    dcn_graph_destroy(graph);
}

static void test_refusals_name_the_place(void **state)
{
    (void)state;
    static const struct {
        const char *yaml, *message, *place;
    } cases[] = {
        {"- relu\n- rleu\n", "did you mean \"relu\"", "net.yaml:2:"},
        {"- conv: {channels: 8, kernal: 3}\n", "did you mean \"kernel\"", "net.yaml:1:"},
        {"- conv: {channels: 8}\n", "needs \"kernel\"", "net.yaml:1:"},
        {"- conv: {channels: 0, kernel: 3}\n", "channels", "net.yaml:1:"},
        {"- conv: {channels: many, kernel: 3}\n", "channels", "net.yaml:1:"},
        {"- conv: {channels: 99999999, kernel: 3}\n", "channels", "net.yaml:1:"},
        {"- relu\n\n- conv: {channels: 4, kernel: 99}\n", "kernel", "net.yaml:3:"},
        {"- flatten\n- maxpool: 2\n", "", "net.yaml:2:"},
        {"- dropout: 1.0\n", "below 1", "net.yaml:1:"},
        {"- relu: 3\n", "relu takes no value", "net.yaml:1:"},
        {"- conv: 3\n", "no bare value; write `conv: {channels: ...}`", "net.yaml:1:"},
        {"- relu: {slope: 3}\n", "\"slope\"; known: name", "net.yaml:1:"},
        {"- zzzzzzz\n", "`decant lint --schema-docs` lists them", "net.yaml:1:"},
        {"- {relu: , gelu: }\n", "a layer is written", "net.yaml:1:"},
        {"relu\n", "a list of layers", "net.yaml:1:"},
        {"- residual: {branch: [{conv: {channels: 4, kernel: 1}}]}\n", "", "net.yaml:1:"},
        {"- residual: {branch: []}\n", "list of layers", "net.yaml:1:"},
        {"- residual: {branch: [relu], activation: tanh}\n", "tanh", "net.yaml:1:"},
        {"- repeat: {times: 1000, layers: [{repeat: {times: 1000, layers: [relu]}}]}\n", "more than", "net.yaml:1:"},
        {"- repeat: {times: 1000, layers: [{repeat: {times: 1000, layers: [{repeat: {times: 1000, layers: "
         "[{repeat: {times: 0, layers: [relu]}}]}}]}}]}\n",
         "more than", "net.yaml:1:"}, /* 10^9 layers that add no node */
        {"- {relu: {name: a}}\n- {relu: {name: a}}\n", "a", "net.yaml:2:"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        dcn_graph *graph = NULL;
        if (build(cases[i].yaml, &graph) == DECANT_OK) fail_msg("accepted: %s", cases[i].yaml);
        if (!strstr(decant_error_message(), cases[i].message))
            fail_msg("%s-> says \"%s\", not \"%s\"", cases[i].yaml, decant_error_message(), cases[i].message);
        if (!strstr(decant_error_place(), cases[i].place))
            fail_msg("%s-> is placed at \"%s\", not %s", cases[i].yaml, decant_error_place(), cases[i].place);
    }
}

static void test_failing_memory_leaks_nothing(void **state)
{
    (void)state;
    const char *yaml =
        "- conv: {channels: 4, kernel: 3}\n- batchnorm\n- residual: {branch: [relu]}\n- flatten\n- linear: 3\n";
    for (int64_t nth = 1; nth < 400; nth++) {
        dcn_graph *graph = NULL;
        dcn_arena *arena = NULL;
        dcn_doc *doc = NULL;
        const int64_t dims[3] = {3, 8, 8};
        decant_shape sample = decant_shape_make(3, dims);
        assert_int_equal(dcn_arena_create(&arena), DECANT_OK);
        assert_int_equal(dcn_doc_parse(arena, "net.yaml", yaml, strlen(yaml), &doc), DECANT_OK);
        dcn_memory_fail_nth(nth);
        decant_status status = dcn_layers_build(doc, &sample, &graph);
        dcn_memory_fail_nth(0);
        dcn_arena_destroy(arena);
        dcn_graph_destroy(graph);
        if (status == DECANT_OK) {
            assert_true(nth > 5); /* the failures before really happened */
            return;
        }
        assert_int_equal(status, DECANT_NO_MEMORY);
    }
    fail_msg("building takes more than 400 allocations");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_and_shapes),
        cmocka_unit_test(test_only_a_shortcut_gives_its_names_to_the_block),
        cmocka_unit_test(test_refusals_name_the_place),
        cmocka_unit_test(test_failing_memory_leaks_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
