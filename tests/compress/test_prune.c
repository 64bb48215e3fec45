/* Pruning: what is removed changes nothing when it was nothing, limits are met, and impossible wishes are refused. */
#include "compress/models.h"

#include <math.h>

/* Sets what makes a unit to zero: its filters, their biases, and the scale and shift of its normalisations. */
static void silence(decant_model *model, const dcn_channels *channels, const bool *keep)
{
    for (dcn_node_id n = 0; n < model->graph->n_nodes; n++) {
        const dcn_node *node = &model->graph->nodes[n];
        const bool norm = node->op == DECANT_OP_BATCHNORM;
        if (!norm && node->op != DECANT_OP_CONV2D && node->op != DECANT_OP_LINEAR) continue;
        const int32_t *units = dcn_channels_units(channels, node->output[0]);
        for (int32_t slot = 1; slot < node->n_inputs && slot < 3; slot++) {
            const decant_shape *shape = &model->graph->values[node->input[slot]].shape;
            const int64_t per_row = decant_shape_count(shape) / shape->dim[0];
            for (int64_t row = 0; row < shape->dim[0]; row++)
                if (!keep[units[row]])
                    memset(model->data[node->input[slot]] + row * per_row, 0, (size_t)per_row * sizeof(float));
        }
    }
}

/* Every second free unit, chosen at random, but never all of a layer: the first channel of each stays. */
static bool *draw_keep(const dcn_channels *channels)
{
    dcn_random random = dcn_random_start(5, DCN_PURPOSE_TEST, 2, 0);
    bool *keep = NULL;
    require_ok(dcn_new_array((size_t)channels->n_units, sizeof *keep, (void **)&keep));
    for (int32_t u = 0; u < channels->n_units; u++)
        keep[u] = channels->fixed[u] || dcn_random_u32(&random) % 2 == 0;
    for (dcn_value_id v = 0; v < channels->graph->n_values; v++)
        if (dcn_channels_count(channels, v) > 0) keep[dcn_channels_units(channels, v)[0]] = true;
    return keep;
}

/* Breaks when any op's channels are cut at the wrong place, in weights or in attributes. */
static void assert_thins_exactly(decant_model *model, const char *what)
{
    dcn_device *device = open_device();
    dcn_channels *channels = NULL;
    decant_model *thin = NULL;
    double largest = 1;
    require_ok(dcn_channels_create(model->graph, &channels));
    bool *keep = draw_keep(channels);
    silence(model, channels, keep);
    require_ok(dcn_thin(model, channels, keep, &thin));
    assert_true(dcn_graph_parameters(thin->graph) < dcn_graph_parameters(model->graph));
    require_ok(dcn_prove_equal(device, model, thin, &largest));
    if (largest > 1e-5) fail_msg("%s: outputs differ by %g", what, largest);
    dcn_free(keep);
    dcn_model_destroy(thin);
    dcn_channels_destroy(channels);
    dcn_model_destroy(model);
    dcn_device_close(device);
}

static void test_zero_channels_of_the_zoo(void **state)
{
    (void)state;
    static const char *const maps[] = {"lightnn",   "deepnn",   "fashion-1", "fashion-2",
                                       "fashion-3", "resnet20", "wrn-10-2"};
    for (size_t i = 0; i < DCN_COUNT(maps); i++)
        assert_thins_exactly(zoo_model(maps[i], 3, 3, 16, 16), maps[i]);
    assert_thins_exactly(zoo_model("resnet50", 3, 1, 8, 8), "resnet50 on grey images");
    assert_thins_exactly(zoo_model("mlp", 3, 1, 4, 4), "mlp");
}

static void test_zero_channels_of_odd_networks(void **state)
{
    (void)state;
    assert_thins_exactly(layers_model("- conv: {channels: 8, kernel: 3, padding: 1, bias: false}\n- batchnorm\n- relu\n"
                                      "- depthwise: {kernel: 3, padding: 1, stride: 2}\n- batchnorm\n- relu6\n"
                                      "- conv: {channels: 16, kernel: 1, groups: 4}\n- relu\n"
                                      "- conv: {channels: 32, kernel: 3, groups: 16}\n- relu\n"
                                      "- flatten\n- batchnorm\n- linear: 7\n- gelu\n- linear: 4\n",
                                      3, 2, 8, 8),
                         "grouped convolutions");
    assert_thins_exactly(layers_model("- conv: {channels: 4, kernel: 1}\n- repeat_channels: 3\n"
                                      "- pad_channels: {before: 2, after: 3, stride: 2}\n"
                                      "- concat:\n    branches:\n      - [avgpool: {kernel: 2}]\n"
                                      "      - [conv: {channels: 5, kernel: 2, stride: 2}, hardswish]\n"
                                      "- adaptive_avgpool: 1\n- flatten\n- linear: 6\n- relu\n- linear: 3\n",
                                      3, 1, 8, 8),
                         "concat, repeat and pad");
}

static decant_prune_options at_most(int64_t parameters)
{
    return (decant_prune_options){.parameters = parameters, .minimum = 0.1};
}

/* Breaks when a limit is missed, or missed by more than the smallest thing that could have stayed. */
static void test_limits(void **state)
{
    (void)state;
    decant_model *model = zoo_model("lightnn", 3, 3, 32, 32), *pruned = NULL;
    decant_prune_report report = {0};
    decant_prune_options options = at_most(100000);
    require_ok(decant_model_prune(model, &options, &pruned, &report));
    assert_int_equal(report.parameters_before, 267738);
    assert_int_equal(report.parameters, dcn_graph_parameters(pruned->graph));
    assert_true(report.parameters <= 100000 && report.parameters > 98000);
    assert_int_equal(report.units_before, 16 + 16 + 256);
    assert_true(report.units < report.units_before);
    dcn_model_destroy(pruned);

    options = (decant_prune_options){.keep = 0.5, .minimum = 0.1};
    require_ok(decant_model_prune(model, &options, &pruned, &report));
    assert_true(report.parameters <= 133869 && report.parameters > 131000);
    dcn_model_destroy(pruned);

    options = (decant_prune_options){.mult_adds = report.mult_adds_before / 3, .criterion = DECANT_CRITERION_L2};
    require_ok(decant_model_prune(model, &options, &pruned, &report));
    assert_int_equal(report.mult_adds, dcn_graph_mult_adds(pruned->graph));
    assert_true(report.mult_adds <= report.mult_adds_before / 3);
    dcn_model_destroy(pruned);
    dcn_model_destroy(model);
}

/* Breaks when a layer may be cut below its minimum. */
static void test_minimum(void **state)
{
    (void)state;
    decant_model *model = zoo_model("resnet20", 3, 3, 16, 16), *pruned = NULL;
    decant_prune_options options = {.parameters = 30000, .minimum = 0.25};
    require_ok(decant_model_prune(model, &options, &pruned, NULL));
    for (dcn_node_id n = 0; n < model->graph->n_nodes; n++) {
        const dcn_node *before = &model->graph->nodes[n], *after = &pruned->graph->nodes[n];
        if (before->op != DECANT_OP_CONV2D) continue;
        assert_true(4 * after->attrs.conv.channels >= before->attrs.conv.channels);
    }
    assert_int_equal(pruned->n_classes, 10);
    dcn_model_destroy(pruned);
    dcn_model_destroy(model);
}

/* Breaks when the smallest filters are not those that go, or survivors lose their weights. */
static void test_the_smallest_go(void **state)
{
    (void)state;
    decant_model *model =
        layers_model("- linear: {features: 6, name: hidden}\n- relu\n- linear: {features: 2, name: out}\n", 1, 4, 0, 0);
    decant_model *pruned = NULL;
    float *weight = model->data[dcn_graph_find(model->graph, "hidden.weight")];
    const decant_prune_options options = {.parameters = 3 * 4 + 3 + 2 * 3 + 2};
    for (int64_t i = 0; i < 6 * 4; i++)
        weight[i] = (float)(i % 8 < 4 ? 100 + i : i); /* rows 0, 2 and 4 are large */
    require_ok(decant_model_prune(model, &options, &pruned, NULL));
    const float *left = pruned->data[dcn_graph_find(pruned->graph, "hidden.weight")];
    const float *out = pruned->data[dcn_graph_find(pruned->graph, "out.weight")];
    const float *out_before = model->data[dcn_graph_find(model->graph, "out.weight")];
    for (int64_t row = 0; row < 3; row++) {
        assert_memory_equal(left + row * 4, weight + row * 8, 4 * sizeof(float));
        assert_memory_equal(out + row, out_before + row * 2, sizeof(float)); /* column 2 * row of [2, 6] */
    }
    dcn_model_destroy(pruned);
    dcn_model_destroy(model);
}

/* Breaks when bn ranks by anything but the scales where there are some, or by anything but filters elsewhere. */
static void test_bn_criterion(void **state)
{
    (void)state;
    decant_model *model = layers_model("- conv: {channels: 4, kernel: 1, name: conv}\n- batchnorm: {name: bn}\n- relu\n"
                                       "- conv: {channels: 4, kernel: 1, name: bare, bias: false}\n- relu\n"
                                       "- global_avgpool\n- flatten\n- linear: 2\n",
                                       3, 2, 4, 4);
    decant_model *pruned = NULL;
    float *filters = model->data[dcn_graph_find(model->graph, "conv.weight")]; /* [4, 2] */
    float *scales = model->data[dcn_graph_find(model->graph, "bn.weight")];    /* [4] */
    float *bare = model->data[dcn_graph_find(model->graph, "bare.weight")];    /* [4, 4] */
    /* Half of each layer: 2 x 2 + 2 and 4 of the first, 2 x 2, and 2 x 2 + 2 of the last. */
    const decant_prune_options options = {.parameters = 20, .criterion = DECANT_CRITERION_BN, .minimum = 0.5};
    for (int64_t i = 0; i < 8; i++)
        filters[i] = (float)(8 - i); /* the last are the smallest; their scales are the largest */
    for (int64_t c = 0; c < 4; c++)
        scales[c] = c < 2 ? 0.1F : -3.0F; /* the sign does not matter */
    for (int64_t i = 0; i < 16; i++)
        bare[i] = i % 8 < 4 ? 0.01F : (float)i;
    require_ok(decant_model_prune(model, &options, &pruned, NULL));
    assert_int_equal(dcn_graph_parameters(pruned->graph), 20);
    assert_memory_equal(pruned->data[dcn_graph_find(pruned->graph, "conv.weight")], filters + 4, 4 * sizeof(float));
    const float *left = pruned->data[dcn_graph_find(pruned->graph, "bare.weight")]; /* [2, 2] of rows 1 and 3 */
    assert_memory_equal(left, bare + 6, 2 * sizeof(float));
    assert_memory_equal(left + 2, bare + 14, 2 * sizeof(float));
    dcn_model_destroy(pruned);
    dcn_model_destroy(model);
}

/* Breaks when random pruning is not a function of its seed. */
static void test_random_repeats(void **state)
{
    (void)state;
    decant_model *model = zoo_model("lightnn", 3, 3, 32, 32), *made[3] = {NULL};
    for (int i = 0; i < 3; i++) {
        decant_prune_options options = at_most(100000);
        options.criterion = DECANT_CRITERION_RANDOM;
        options.seed = i == 2 ? 9 : 8;
        require_ok(decant_model_prune(model, &options, &made[i], NULL));
    }
    const dcn_value_id id = dcn_graph_find(made[0]->graph, "classifier.3.bias"); /* ids are the original's */
    const dcn_value_id weight = dcn_graph_find(made[0]->graph, "features.0.weight");
    const size_t bytes = (size_t)decant_shape_count(&made[0]->graph->values[weight].shape) * sizeof(float);
    assert_true(decant_shape_equal(&made[0]->graph->values[weight].shape, &made[1]->graph->values[weight].shape));
    assert_memory_equal(made[0]->data[weight], made[1]->data[weight], bytes);
    assert_memory_equal(made[0]->data[id], made[2]->data[id], 10 * sizeof(float));
    const dcn_value_id hidden = dcn_graph_find(made[0]->graph, "classifier.0.bias");
    assert_memory_not_equal(made[0]->data[hidden], made[2]->data[hidden], 10 * sizeof(float));
    for (int i = 0; i < 3; i++)
        dcn_model_destroy(made[i]);
    dcn_model_destroy(model);
}

static void refuse(const decant_model *model, decant_prune_options options, decant_status expected, const char *words)
{
    decant_model *pruned = NULL;
    assert_int_equal(decant_model_prune(model, &options, &pruned, NULL), expected);
    assert_null(pruned);
    assert_says(words);
}

static void test_refusals(void **state)
{
    (void)state;
    decant_model *model = zoo_model("lightnn", 3, 3, 32, 32);
    decant_criterion criterion = DECANT_CRITERION_L1;
    refuse(model, at_most(100), DECANT_USAGE, "the limit cannot be met: with at least 0.1 of each layer's channels");
    assert_int_equal(dcn_prune_check(model->graph, &(decant_prune_options){.parameters = 100}), DECANT_USAGE);
    refuse(model, at_most(267738), DECANT_USAGE, "within the limit already, with 267738 parameters");
    refuse(model, (decant_prune_options){.minimum = 0.1}, DECANT_USAGE, "pruning needs a limit");
    refuse(model, (decant_prune_options){.keep = 1.5}, DECANT_INVALID_ARG, "the share to keep lies below 1");
    refuse(model, (decant_prune_options){.keep = 0.5, .criterion = DECANT_CRITERION_COUNT}, DECANT_INVALID_ARG,
           "does not exist");
    assert_int_equal(decant_criterion_find("l22", &criterion), DECANT_USAGE);
    assert_says("did you mean 'l2'?");
    dcn_model_destroy(model);

    model = layers_model("- flatten\n- linear: 3\n", 3, 1, 4, 4);
    refuse(model, (decant_prune_options){.keep = 0.5}, DECANT_USAGE,
           "nothing to prune: the network has no hidden channels");
    dcn_model_destroy(model);
}

/* Breaks when a pruned model's file lacks something, or does not load. */
static void test_file(void **state)
{
    (void)state;
    const char *path = TEST_BINARY_DIR "/pruned.safetensors";
    decant_model *model = zoo_model("fashion-2", 3, 3, 28, 28), *pruned = NULL, *read = NULL;
    const decant_prune_options options = {.keep = 0.4, .minimum = 0.1};
    dcn_device *device = open_device();
    double largest = 1;
    require_ok(dcn_model_set_normalization(model, 1, &(float){0.3F}, &(float){0.2F}));
    require_ok(dcn_model_set_metadata(model, "recipe", "here"));
    require_ok(decant_model_prune(model, &options, &pruned, NULL));
    require_ok(dcn_model_save(pruned, path));
    require_ok(dcn_model_load(path, &read));
    require_ok(dcn_prove_equal(device, pruned, read, &largest));
    assert_true(largest == 0);
    assert_int_equal(read->normalization.channels, 1);
    assert_string_equal(dcn_model_metadata(read, "recipe"), "here");
    dcn_model_destroy(read);
    dcn_model_destroy(pruned);
    dcn_model_destroy(model);
    dcn_device_close(device);
}

/* Breaks when memory that runs out leaves something behind. */
static void test_no_memory(void **state)
{
    (void)state;
    decant_model *model = layers_model("- linear: {features: 6}\n- relu\n- linear: 2\n", 1, 4, 0, 0);
    const decant_prune_options options = {.keep = 0.6};
    assert_pruning_survives_no_memory(model, &options);
    dcn_model_destroy(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_zero_channels_of_the_zoo),
        cmocka_unit_test(test_zero_channels_of_odd_networks),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_minimum),
        cmocka_unit_test(test_the_smallest_go),
        cmocka_unit_test(test_bn_criterion),
        cmocka_unit_test(test_random_repeats),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_file),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
