/* Every zoo network has the parameter count of its paper or of torchvision, and PyTorch's parameter names.
 * Breaks when a layer, a bias or a shortcut is added, lost or misnamed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "decant/status.h"
#include "nn/zoo.h"
#include "support/comma_locale.h"

typedef struct expected {
    const char *name;
    int64_t channels;
    int64_t sample[3]; /* zeros: the network's own */
    int64_t parameters;
} expected;

static const expected table[] = {
    {"lightnn", 0, {0}, 267738},
    {"deepnn", 0, {0}, 1186986},
    {"fashion-1", 0, {0}, 95530},
    {"fashion-2", 0, {0}, 95386},
    {"fashion-3", 0, {0}, 95386},
    {"fashion-3", 3, {1, 28, 28}, 95386}, /* grey data into a colour network: repeated, same weights */
    {"fashion-3", 0, {1, 28, 28}, 94810}, /* channels follow the data: 2 * 9 * 32 weights fewer */
    {"resnet50", 3, {1, 28, 28}, 23528522},
    {"resnet50", 0, {0}, 23528522},
    {"resnet18", 0, {0}, 11181642}, /* torchvision's 11,689,512 with 1000 classes, less 990 * 513 */
    {"resnet34", 0, {0}, 21289802}, /* 21,797,672 less 990 * 513 */
    {"resnet20", 0, {0}, 269722},
    {"resnet32", 0, {0}, 464154},
    {"resnet44", 0, {0}, 658586},
    {"resnet56", 0, {0}, 853018},
    {"resnet110", 0, {0}, 1727962},
    {"wrn-16-2", 0, {0}, 691674},
    {"wrn-40-2", 0, {0}, 2243546},
    {"mlp", 0, {0}, 2395210}, /* 784-1200-1200-10 */
};

static void test_parameter_counts(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        decant_shape sample = decant_shape_make(3, table[i].sample);
        dcn_zoo_options options = {.channels = table[i].channels, .sample = table[i].sample[0] ? &sample : NULL};
        dcn_graph *graph = NULL;
        if (dcn_zoo_build(table[i].name, &options, &graph) != DECANT_OK)
            fail_msg("%s: %s", table[i].name, decant_error_message());
        if (dcn_graph_parameters(graph) != table[i].parameters)
            fail_msg("%s has %lld parameters, not %lld", table[i].name, (long long)dcn_graph_parameters(graph),
                     (long long)table[i].parameters);
        assert_int_equal(graph->values[graph->output].shape.dim[1], 10);
        dcn_graph_destroy(graph);
    }
}

static void test_every_name_builds(void **state)
{
    (void)state;
    for (int32_t i = 0; i < dcn_zoo_count(); i++) {
        dcn_graph *graph = NULL;
        dcn_zoo_options options = {.classes = 7};
        assert_int_equal(dcn_zoo_build(dcn_zoo_name(i), &options, &graph), DECANT_OK);
        assert_int_equal(graph->values[graph->output].shape.dim[1], 7);
        dcn_graph_destroy(graph);
    }
}

static void test_names_are_pytorchs(void **state)
{
    (void)state;
    static const char *const wanted[][2] = {
        {"resnet50", "layer1.0.downsample.0.weight"},
        {"resnet50", "layer4.2.bn3.running_var"},
        {"resnet50", "fc.bias"},
        {"resnet18", "layer2.1.conv2.weight"},
        {"resnet20", "layer3.2.conv1.weight"},
        {"resnet20", "linear.weight"},
        {"lightnn", "features.3.weight"},
        {"lightnn", "classifier.3.bias"},
        {"deepnn", "features.7.weight"},
        {"fashion-3", "bn3.running_mean"},
        {"wrn-16-2", "block2.layer.0.convShortcut.weight"},
    };
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        dcn_graph *graph = NULL;
        dcn_zoo_options options = {0};
        assert_int_equal(dcn_zoo_build(wanted[i][0], &options, &graph), DECANT_OK);
        if (dcn_graph_find(graph, wanted[i][1]) == DCN_NONE) fail_msg("%s lacks %s", wanted[i][0], wanted[i][1]);
        dcn_graph_destroy(graph);
    }
}

static void test_mlp_options(void **state)
{
    (void)state;
    const int64_t dims[3] = {1, 28, 28};
    decant_shape sample = decant_shape_make(3, dims);
    dcn_zoo_options options = {
        .hidden = 800, .hidden_layers = 2, .dropout = 0.5, .input_dropout = 0.2, .sample = &sample};
    dcn_graph *graph = NULL;
    assert_int_equal(dcn_zoo_build("mlp", &options, &graph), DECANT_OK);
    assert_int_equal(dcn_graph_parameters(graph), 1276810);
    int dropouts = 0;
    for (int32_t i = 0; i < graph->n_nodes; i++)
        dropouts += graph->nodes[i].op == DECANT_OP_DROPOUT;
    assert_int_equal(dropouts, 3);
    dcn_graph_destroy(graph);
}

static void test_refusals(void **state)
{
    (void)state;
    dcn_graph *graph = NULL;
    dcn_zoo_options options = {0};
    assert_int_equal(dcn_zoo_build("lihgtnn", &options, &graph), DECANT_NOT_FOUND);
    assert_non_null(strstr(decant_error_message(), "did you mean \"lightnn\""));
    static const char *const bad[] = {"resnet21", "wrn-16", "wrn-16-1", "wrn-17-2", "resnet99999999999", "", "wrn--2"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(dcn_zoo_build(bad[i], &options, &graph), DECANT_NOT_FOUND);
    const int64_t dims[3] = {2, 28, 28};
    decant_shape two = decant_shape_make(3, dims);
    options = (dcn_zoo_options){.channels = 3, .sample = &two};
    assert_int_equal(dcn_zoo_build("fashion-3", &options, &graph), DECANT_SHAPE);
    assert_null(graph);
}

/* Breaks when a network's file is filled in with the decimal comma of the program's locale. */
static void test_the_locale_changes_no_network(void **state)
{
    (void)state;
    const dcn_zoo_options options = {.dropout = 0.25};
    dcn_graph *graph = NULL;
    comma_locale_set();
    decant_status status = dcn_zoo_build("mlp", &options, &graph);
    setlocale(LC_ALL, "C");
    assert_int_equal(status, DECANT_OK);
    dcn_graph_destroy(graph);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parameter_counts),   cmocka_unit_test(test_every_name_builds),
        cmocka_unit_test(test_names_are_pytorchs), cmocka_unit_test(test_mlp_options),
        cmocka_unit_test(test_refusals),           cmocka_unit_test(test_the_locale_changes_no_network),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
