/* The taylor criterion: the number that the formula says, the slope of the loss that it stands for, and what it
 * refuses.
 */
#include "compress/models.h"

#include <math.h>

#include "decant/compress.h"
#include "train/training_step.h"

enum { SAMPLES = 64, FEATURES = 4, HIDDEN = 5, CLASSES = 3 };

/* Numbers in [-1, 1), the same each time. */
static decant_dataset *random_rows(int64_t count, const decant_shape *sample, int32_t classes)
{
    dcn_random random = dcn_random_start(8, DCN_PURPOSE_TEST, 3, 0);
    const int64_t elements = count * decant_shape_count(sample);
    float *x = NULL;
    int32_t *labels = NULL;
    decant_dataset *dataset = NULL;
    require_ok(dcn_new_array((size_t)elements, sizeof *x, (void **)&x));
    require_ok(dcn_new_array((size_t)count, sizeof *labels, (void **)&labels));
    for (int64_t i = 0; i < elements; i++)
        x[i] = 2 * (float)dcn_random_uniform(&random) - 1;
    for (int64_t i = 0; i < count; i++)
        labels[i] = (int32_t)(i % classes);
    require_ok(
        decant_dataset_from_arrays("rows", sample, DECANT_F32, classes, x, labels, count, NULL, NULL, 0, &dataset));
    dcn_free(x);
    dcn_free(labels);
    return dataset;
}

static decant_dataset *hidden_data(int64_t count)
{
    return random_rows(count, &(decant_shape){1, {FEATURES}}, CLASSES);
}

/* The dropout must not be heard. */
static decant_model *hidden_model(void)
{
    return layers_model("- linear: {features: 5, name: hidden}\n- relu\n- dropout: 0.5\n- linear: {features: 3, name: "
                        "out}\n",
                        1, FEATURES, 0, 0);
}

static const float *weights(const decant_model *model, const char *name)
{
    return model->data[dcn_graph_find(model->graph, name)];
}

/* dloss/dgate of each hidden unit, worked out by hand: mean over samples of h_j sum_k (p_k - y_k) V_kj. */
static void expected_gates(const decant_model *model, const decant_dataset *dataset, double gates[HIDDEN])
{
    const float *w = weights(model, "hidden.weight"), *b = weights(model, "hidden.bias");
    const float *v = weights(model, "out.weight"), *c = weights(model, "out.bias");
    memset(gates, 0, HIDDEN * sizeof *gates);
    for (int64_t n = 0; n < dataset->train.count; n++) {
        const float *x = (const float *)(const void *)dataset->train.data + n * FEATURES;
        double h[HIDDEN], p[CLASSES], sum = 0;
        for (int j = 0; j < HIDDEN; j++) {
            h[j] = (double)b[j];
            for (int i = 0; i < FEATURES; i++)
                h[j] += (double)w[j * FEATURES + i] * (double)x[i];
            h[j] = fmax(h[j], 0);
        }
        for (int k = 0; k < CLASSES; k++) {
            double logit = (double)c[k];
            for (int j = 0; j < HIDDEN; j++)
                logit += (double)v[k * HIDDEN + j] * h[j];
            p[k] = exp(logit);
            sum += p[k];
        }
        for (int k = 0; k < CLASSES; k++)
            for (int j = 0; j < HIDDEN; j++)
                gates[j] += (p[k] / sum - (dataset->train.labels[n] == k ? 1 : 0)) * (double)v[k * HIDDEN + j] * h[j] /
                            (double)dataset->train.count;
    }
}

static double *scores_of(dcn_device *device, const decant_model *model, const decant_dataset *dataset,
                         const dcn_channels *channels)
{
    int32_t *all = NULL;
    double *scores = NULL;
    const int64_t count = dataset->train.count;
    require_ok(dcn_new_array((size_t)count, sizeof *all, (void **)&all));
    require_ok(dcn_new_array((size_t)channels->n_units, sizeof *scores, (void **)&scores));
    for (int64_t i = 0; i < count; i++)
        all[i] = (int32_t)i;
    const dcn_prune_data data = {.device = device, .dataset = dataset, .indices = all, .count = count};
    require_ok(dcn_taylor_scores(model, channels, &data, scores));
    dcn_free(all);
    return scores;
}

/* Breaks when a gradient is of another parameter, sample or loss, when the weights move between batches, or when the
 * precision of the caller's device is used or lost. */
static void test_the_formula(void **state)
{
    (void)state;
    decant_model *model = hidden_model();
    decant_dataset *dataset = hidden_data(SAMPLES);
    dcn_device *device = open_device();
    dcn_channels *channels = NULL;
    double gates[HIDDEN];
    device->precision = DECANT_PRECISION_BF16;
    require_ok(dcn_channels_create(model->graph, &channels));
    double *scores = scores_of(device, model, dataset, channels);
    const int32_t *units = dcn_channels_units(channels, dcn_graph_find(model->graph, "hidden"));
    expected_gates(model, dataset, gates);
    for (int j = 0; j < HIDDEN; j++)
        assert_true(fabs(scores[units[j]] - gates[j] * gates[j]) <= 1e-5 * gates[j] * gates[j] + 1e-12);
    assert_int_equal(device->precision, DECANT_PRECISION_BF16);
    dcn_free(scores);
    dcn_channels_destroy(channels);
    dcn_device_close(device);
    decant_dataset_destroy(dataset);
    dcn_model_destroy(model);
}

/* Breaks when the mean is of something else than the squares of whole batches: here all batches are the same. */
static void test_batches_are_averaged(void **state)
{
    (void)state;
    static const int64_t counts[] = {3, SAMPLES, 2 * SAMPLES, 3 * SAMPLES + 7};
    decant_model *model = hidden_model();
    dcn_device *device = open_device();
    dcn_channels *channels = NULL;
    double gates[HIDDEN];
    require_ok(dcn_channels_create(model->graph, &channels));
    for (size_t i = 0; i < DCN_COUNT(counts); i++) {
        decant_dataset *dataset = hidden_data(counts[i]);
        float *x = (float *)(void *)dataset->train.data;
        for (int64_t n = 1; n < counts[i]; n++) {
            memcpy(x + n * FEATURES, x, FEATURES * sizeof *x);
            dataset->train.labels[n] = dataset->train.labels[0];
        }
        double *scores = scores_of(device, model, dataset, channels);
        const int32_t *units = dcn_channels_units(channels, dcn_graph_find(model->graph, "hidden"));
        expected_gates(model, dataset, gates);
        for (int j = 0; j < HIDDEN; j++)
            assert_true(fabs(scores[units[j]] - gates[j] * gates[j]) <= 1e-5 * gates[j] * gates[j] + 1e-12);
        dcn_free(scores);
        decant_dataset_destroy(dataset);
    }
    dcn_channels_destroy(channels);
    dcn_device_close(device);
    dcn_model_destroy(model);
}

/* The loss of one training step over all samples, batch normalisation by their own statistics. */
static double loss_of(dcn_device *device, const decant_model *model, const decant_dataset *dataset)
{
    const dcn_term term = {.kind = DCN_TERM_CE, .weight = 1};
    const dcn_optimizer optimizer = dcn_optimizer_default(DCN_OPTIMIZER_SGD);
    const dcn_training_spec spec = {
        .device = device, .model = model, .optimizer = &optimizer, .terms = &term, .n_terms = 1, .labelled = true};
    const dcn_loader_options options = {
        .dataset = dataset, .part = &dataset->train, .count = dataset->train.count, .batch = dataset->train.count};
    dcn_training_step *step = NULL;
    dcn_loader *loader = NULL;
    const dcn_batch *batch = NULL;
    double losses[DCN_MAX_TERMS];
    require_ok(dcn_training_step_create(&spec, dataset->train.count, NULL, &step));
    for (dcn_value_id v = 0; v < model->graph->n_values; v++)
        if (model->data[v] != NULL) require_ok(dcn_plan_write(step->plan, step->values[v], model->data[v]));
    require_ok(dcn_loader_create(&options, &loader));
    require_ok(dcn_loader_start(loader, 0, 0));
    require_ok(dcn_loader_next(loader, &batch));
    require_ok(dcn_training_step_bind(step, batch));
    assert_int_equal(dcn_plan_run(step->plan), DECANT_OK);
    require_ok(dcn_training_step_losses(step, losses));
    dcn_loader_destroy(loader);
    dcn_training_step_destroy(step);
    return losses[0];
}

/* Multiplies what the normalisations of the unit's channels give by a factor. */
static void scale_unit(decant_model *model, const dcn_channels *channels, int32_t unit, float factor)
{
    for (dcn_node_id n = 0; n < model->graph->n_nodes; n++) {
        const dcn_node *node = &model->graph->nodes[n];
        if (node->op != DECANT_OP_BATCHNORM) continue;
        const int32_t *units = dcn_channels_units(channels, node->output[0]);
        for (int64_t c = 0; c < dcn_channels_count(channels, node->output[0]); c++) {
            if (units[c] != unit) continue;
            model->data[node->input[1]][c] *= factor;
            model->data[node->input[2]][c] *= factor;
        }
    }
}

/* Breaks when channels that a sum ties together are not one unit with one slope, or when a filter that is normalised
 * adds anything to its normalisation. */
static void test_the_slope_of_the_loss(void **state)
{
    (void)state;
    const decant_shape image = {3, {2, 6, 6}};
    const double step = 0.02;
    /* smooth: a relu's corner would bend the loss between the two points */
    decant_model *model = layers_model("- conv: {channels: 4, kernel: 3, padding: 1, name: stem}\n- batchnorm\n- gelu\n"
                                       "- residual:\n    name: block\n    branch:\n"
                                       "      - conv: {channels: 6, kernel: 3, padding: 1, name: inner}\n"
                                       "      - batchnorm\n      - gelu\n"
                                       "      - conv: {channels: 4, kernel: 1, name: outer}\n      - batchnorm\n"
                                       "- gelu\n- global_avgpool\n- flatten\n- linear: 3\n",
                                       3, 2, 6, 6);
    decant_dataset *dataset = random_rows(SAMPLES, &image, CLASSES);
    dcn_device *device = open_device();
    dcn_channels *channels = NULL;
    int32_t checked = 0;
    require_ok(dcn_channels_create(model->graph, &channels));
    double *scores = scores_of(device, model, dataset, channels);
    for (int32_t u = 0; u < channels->n_units; u++) {
        if (channels->fixed[u]) continue;
        double loss[2];
        for (int side = 0; side < 2; side++) {
            decant_model *moved = NULL;
            require_ok(dcn_model_clone(model, &moved));
            scale_unit(moved, channels, u, (float)(side == 0 ? 1 - step : 1 + step));
            loss[side] = loss_of(device, moved, dataset);
            dcn_model_destroy(moved);
        }
        const double slope = (loss[1] - loss[0]) / (2 * step);
        if (fabs(sqrt(scores[u]) - fabs(slope)) > 0.01 * fabs(slope) + 1e-5)
            fail_msg("unit %d: the slope is %g, the score %g", (int)u, slope, sqrt(scores[u]));
        checked++;
    }
    assert_int_equal(checked, 4 + 6);
    dcn_free(scores);
    dcn_channels_destroy(channels);
    dcn_device_close(device);
    decant_dataset_destroy(dataset);
    dcn_model_destroy(model);
}

/* Breaks when what nobody listens to is kept for its size, or when the public way asks other samples. */
static void test_what_nobody_hears_goes(void **state)
{
    (void)state;
    decant_model *model = hidden_model(), *pruned = NULL;
    decant_dataset *dataset = hidden_data(100);
    decant_prune_options options = decant_prune_options_default();
    decant_prune_report report;
    float *w = model->data[dcn_graph_find(model->graph, "hidden.weight")];
    float *v = model->data[dcn_graph_find(model->graph, "out.weight")];
    for (int i = 0; i < FEATURES; i++)
        w[2 * FEATURES + i] = 50;
    for (int k = 0; k < CLASSES; k++)
        v[k * HIDDEN + 2] = 0;
    options.parameters = 4 * FEATURES + 4 + 4 * CLASSES + CLASSES; /* one of five goes */
    options.criterion = DECANT_CRITERION_TAYLOR;
    options.dataset = dataset;
    require_ok(decant_model_prune(model, &options, &pruned, &report));
    assert_int_equal(report.units, 4);
    const float *left = weights(pruned, "hidden.weight");
    assert_memory_equal(left, w, 2 * FEATURES * sizeof *w);
    assert_memory_equal(left + 2 * FEATURES, w + 3 * FEATURES, 2 * FEATURES * sizeof *w);
    dcn_model_destroy(pruned);
    options.criterion = DECANT_CRITERION_L1;
    require_ok(decant_model_prune(model, &options, &pruned, NULL));
    const float *largest = weights(pruned, "hidden.weight");
    bool kept = false;
    for (int row = 0; row < 4; row++)
        kept = kept || memcmp(largest + row * FEATURES, w + 2 * FEATURES, FEATURES * sizeof *w) == 0;
    assert_true(kept);
    dcn_model_destroy(pruned);
    decant_dataset_destroy(dataset);
    dcn_model_destroy(model);
}

static void refuse(const decant_model *model, const decant_dataset *dataset, int64_t samples, decant_status expected,
                   const char *words)
{
    decant_model *pruned = NULL;
    const decant_compute nowhere = {.device = "abacus"};
    decant_prune_options options = decant_prune_options_default();
    options.keep = 0.7;
    options.criterion = DECANT_CRITERION_TAYLOR;
    options.dataset = dataset;
    options.samples = samples;
    if (expected == DECANT_NOT_FOUND) options.compute = &nowhere;
    assert_int_equal(decant_model_prune(model, &options, &pruned, NULL), expected);
    assert_null(pruned);
    assert_says(words);
}

static void test_refusals(void **state)
{
    (void)state;
    decant_model *model = hidden_model();
    decant_dataset *dataset = hidden_data(10), *wide = random_rows(10, &(decant_shape){1, {FEATURES + 1}}, CLASSES);
    decant_dataset *unlabelled = NULL;
    const float x[2 * FEATURES] = {0};
    require_ok(decant_dataset_from_arrays("rows", &(decant_shape){1, {FEATURES}}, DECANT_F32, CLASSES, x, NULL, 2, NULL,
                                          NULL, 0, &unlabelled));
    refuse(model, NULL, 8, DECANT_INVALID_ARG, "the taylor criterion asks samples: it needs a data set");
    refuse(model, dataset, 1, DECANT_INVALID_ARG, "asks at least 2 samples, not 1");
    refuse(model, unlabelled, 8, DECANT_INVALID_ARG, "has no labelled training samples");
    refuse(model, wide, 8, DECANT_SHAPE, "[4]");
    refuse(model, dataset, 8, DECANT_NOT_FOUND, "abacus");
    model->data[dcn_graph_find(model->graph, "out.weight")][0] = (float)INFINITY;
    refuse(model, dataset, 8, DECANT_NUMERIC, "are not finite");
    decant_dataset_destroy(unlabelled);
    decant_dataset_destroy(wide);
    decant_dataset_destroy(dataset);
    dcn_model_destroy(model);
}

/* Breaks when memory that runs out leaves something behind. */
static void test_no_memory(void **state)
{
    (void)state;
    decant_model *model = hidden_model();
    decant_dataset *dataset = hidden_data(10);
    decant_prune_options options = decant_prune_options_default();
    options.keep = 0.7;
    options.criterion = DECANT_CRITERION_TAYLOR;
    options.dataset = dataset;
    assert_pruning_survives_no_memory(model, &options);
    decant_dataset_destroy(dataset);
    dcn_model_destroy(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_formula),
        cmocka_unit_test(test_batches_are_averaged),
        cmocka_unit_test(test_the_slope_of_the_loss),
        cmocka_unit_test(test_what_nobody_hears_goes),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
