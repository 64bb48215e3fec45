/* Dependency groups: which channels are tied, through every op that ties them, and which must stay. */
#include "compress/models.h"

static dcn_channels *channels_of(const dcn_graph *graph)
{
    dcn_channels *channels = NULL;
    require_ok(dcn_channels_create(graph, &channels));
    return channels;
}

static int32_t unit_of(const dcn_channels *channels, const char *layer, int64_t channel)
{
    dcn_value_id value = dcn_graph_find(channels->graph, layer);
    assert_int_not_equal(value, DCN_NONE);
    assert_in_range(channel, 0, dcn_channels_count(channels, value) - 1);
    return dcn_channels_units(channels, value)[channel];
}

static void assert_tied(const dcn_channels *channels, const char *a, int64_t channel_a, const char *b,
                        int64_t channel_b)
{
    assert_int_equal(unit_of(channels, a, channel_a), unit_of(channels, b, channel_b));
}

static void assert_apart(const dcn_channels *channels, const char *a, int64_t channel_a, const char *b,
                         int64_t channel_b)
{
    assert_int_not_equal(unit_of(channels, a, channel_a), unit_of(channels, b, channel_b));
}

static int32_t free_units(const dcn_channels *channels)
{
    int32_t count = 0;
    for (int32_t u = 0; u < channels->n_units; u++)
        count += !channels->fixed[u];
    return count;
}

typedef struct channel_pair {
    const char *a; /* a layer */
    int64_t channel_a;
    const char *b;
    int64_t channel_b;
} channel_pair;

/* tied, apart: ended by a pair without layers */
static void check(const dcn_graph *graph, const channel_pair *tied, const channel_pair *apart, int32_t n_free)
{
    dcn_channels *channels = channels_of(graph);
    for (; tied->a != NULL; tied++)
        assert_tied(channels, tied->a, tied->channel_a, tied->b, tied->channel_b);
    for (; apart->a != NULL; apart++)
        assert_apart(channels, apart->a, apart->channel_a, apart->b, apart->channel_b);
    assert_int_equal(free_units(channels), n_free);
    dcn_channels_destroy(channels);
}

/* layers: of 1x4x4 samples */
static void check_layers(const char *layers, const channel_pair *tied, const channel_pair *apart, int32_t n_free)
{
    dcn_graph *graph = graph_of_layers(layers, 3, 1, 4, 4);
    check(graph, tied, apart, n_free);
    dcn_graph_destroy(graph);
}

/* Breaks when a flatten loses track of which pixels are whose, or an input or a class may go. */
static void test_plain_network(void **state)
{
    (void)state;
    dcn_graph *graph = graph_of_layers("- conv: {channels: 4, kernel: 3, padding: 1, name: conv}\n"
                                       "- batchnorm: {name: bn}\n- relu\n- maxpool: {kernel: 2, name: pool}\n"
                                       "- flatten: {name: flat}\n- linear: {features: 5, name: fc1}\n"
                                       "- dropout: 0.5\n- linear: {features: 3, name: fc2}\n",
                                       3, 2, 4, 4);
    dcn_channels *channels = channels_of(graph);
    assert_int_equal(channels->n_units, 2 + 4 + 5 + 3);
    assert_int_equal(free_units(channels), 4 + 5);
    assert_tied(channels, "conv", 3, "pool", 3);
    assert_tied(channels, "conv", 1, "flat", 4); /* 2 x 2 pixels a channel, channel by channel */
    assert_tied(channels, "conv", 1, "flat", 7);
    assert_apart(channels, "conv", 1, "flat", 8);
    assert_true(channels->fixed[unit_of(channels, "fc2", 0)]);
    assert_false(channels->fixed[unit_of(channels, "fc1", 0)]);
    /* channel 1 lies in conv, bn, relu and pool once, in the flat rows four times */
    int32_t u = unit_of(channels, "conv", 1);
    assert_int_equal(channels->part_first[u + 1] - channels->part_first[u], 5);
    assert_int_equal(channels->parts[channels->part_first[u + 1] - 1].count, 4);
    dcn_channels_destroy(channels);
    dcn_graph_destroy(graph);
}

/* Breaks when a sum's two sides could lose different channels. */
static void test_residual(void **state)
{
    (void)state;
    static const channel_pair tied[] = {{"stem", 2, "block.outer", 2}, {"stem", 2, "block", 2}, {0}};
    static const channel_pair apart[] = {{"stem", 2, "block.outer", 3}, {0}};
    check_layers("- conv: {channels: 4, kernel: 1, name: stem}\n"
                 "- residual:\n    name: block\n    activation: relu\n    branch:\n"
                 "      - conv: {channels: 6, kernel: 1, name: inner}\n      - relu\n"
                 "      - conv: {channels: 4, kernel: 1, name: outer}\n"
                 "- global_avgpool\n- flatten\n- linear: 2\n",
                 tied, apart, 4 + 6);
}

/* Breaks when the zero channels of a parameter-free shortcut are forgotten, or counted as the stem's. */
static void test_padded_shortcut(void **state)
{
    (void)state;
    static const channel_pair tied[] = {{"conv1", 0, "layer1.2.conv2", 0},
                                        {"conv1", 0, "layer2.0.conv2", 8},
                                        {"conv1", 15, "layer3.2.conv2", 8 + 16 + 15},
                                        {"layer2.0.conv2", 0, "layer3.0.conv2", 16},
                                        {0}};
    static const channel_pair apart[] = {{"conv1", 0, "layer2.0.conv2", 0}, {0}};
    decant_model *model = zoo_model("resnet20", 3, 3, 8, 8);
    /* 64 channels of the three tied stages, and the inner ones of nine blocks */
    check(model->graph, tied, apart, 64 + 3 * (16 + 32 + 64));
    dcn_model_destroy(model);
}

/* Breaks when a grouped convolution could lose part of a group, or a depthwise one its partner. */
static void test_groups(void **state)
{
    (void)state;
    static const channel_pair tied[] = {
        {"first", 4, "depth", 4},   {"first", 4, "first", 5}, /* by the last group of `grouped` */
        {"first", 4, "grouped", 8}, {"grouped", 8, "grouped", 11}, {"grouped", 8, "doubled", 8}, {0}};
    static const channel_pair apart[] = {{"first", 3, "first", 4}, {0}};
    check_layers("- conv: {channels: 6, kernel: 1, name: first}\n"
                 "- depthwise: {kernel: 3, padding: 1, name: depth}\n"
                 "- conv: {channels: 12, kernel: 1, groups: 3, name: grouped}\n"
                 "- conv: {channels: 12, kernel: 1, groups: 6, name: doubled}\n"
                 "- global_avgpool\n- flatten\n- linear: 2\n",
                 tied, apart, 3);
}

/* Breaks when branches side by side share channels, or copies of channels do not. */
static void test_concat_and_repeat(void **state)
{
    (void)state;
    static const channel_pair tied[] = {{"first", 1, "thrice", 5},
                                        {"both.0.left", 2, "both", 2},
                                        {"first", 0, "both", 3},
                                        {"first", 1, "both", 8},
                                        {0}};
    static const channel_pair apart[] = {{"first", 0, "thrice", 5}, {0}};
    check_layers("- conv: {channels: 2, kernel: 1, name: first}\n"
                 "- repeat_channels: {times: 3, name: thrice}\n"
                 "- concat:\n    name: both\n    branches:\n"
                 "      - [conv: {channels: 3, kernel: 1, name: left}]\n"
                 "      - [relu: {name: right}]\n"
                 "- global_avgpool\n- flatten\n- linear: 2\n",
                 tied, apart, 2 + 3);
}

/* Breaks when what a softmax compares may shrink. */
static void test_softmax_is_fixed(void **state)
{
    (void)state;
    dcn_graph *graph = graph_of_layers("- linear: {features: 4, name: gate}\n- softmax\n- linear: 2\n", 1, 3, 0, 0);
    dcn_channels *channels = channels_of(graph);
    assert_int_equal(free_units(channels), 0);
    assert_true(channels->fixed[unit_of(channels, "gate", 0)]);
    dcn_channels_destroy(channels);
    dcn_graph_destroy(graph);
}

/* Breaks when the counts that pruning steers by are not those of the network that it makes. */
static void test_sizes(void **state)
{
    (void)state;
    static const char *const names[] = {"resnet20", "lightnn", "fashion-2", "resnet18"};
    for (size_t i = 0; i < DCN_COUNT(names); i++) {
        decant_model *model = zoo_model(names[i], 3, 3, 32, 32);
        dcn_channels *channels = channels_of(model->graph);
        int64_t *kept = NULL;
        require_ok(dcn_new_array((size_t)model->graph->n_values, sizeof *kept, (void **)&kept));
        for (dcn_value_id v = 0; v < model->graph->n_values; v++)
            kept[v] = dcn_channels_count(channels, v);
        assert_int_equal(dcn_channels_parameters(model->graph, kept), dcn_graph_parameters(model->graph));
        assert_int_equal(dcn_channels_mult_adds(model->graph, kept), dcn_graph_mult_adds(model->graph));
        dcn_free(kept);
        dcn_channels_destroy(channels);
        dcn_model_destroy(model);
    }
}

/* Breaks when a parameter of two layers would be cut for one of them. */
static void test_shared_parameter_is_refused(void **state)
{
    (void)state;
    dcn_graph *graph =
        graph_of_layers("- linear: {features: 3, name: a}\n- relu\n- linear: {features: 3, name: b}\n", 1, 3, 0, 0);
    dcn_channels *channels = NULL;
    for (dcn_node_id n = 0; n < graph->n_nodes; n++)
        if (strcmp(graph->nodes[n].name, "b") == 0) graph->nodes[n].input[1] = dcn_graph_find(graph, "a.weight");
    assert_int_equal(dcn_channels_create(graph, &channels), DECANT_UNSUPPORTED);
    assert_says("'a.weight' is shared");
    assert_null(channels);
    dcn_graph_destroy(graph);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain_network),
        cmocka_unit_test(test_residual),
        cmocka_unit_test(test_padded_shortcut),
        cmocka_unit_test(test_groups),
        cmocka_unit_test(test_concat_and_repeat),
        cmocka_unit_test(test_softmax_is_fixed),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_shared_parameter_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
