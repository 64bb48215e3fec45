/* Folding for inference: the folded model has fewer layers and the same outputs, on the reference device. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/random.h"
#include "engine/plan.h"
#include "format/document.h"
#include "nn/layers.h"
#include "nn/model.h"
#include "nn/zoo.h"

#define BATCH 3
#define TOLERANCE                                                                                                      \
    2e-5 /* |folded - as it was| / (1 + |as it was|): a few roundings of sums of a few hundred products                \
          */

/* Batchnorm that does something: scales of both signs, means away from 0. */
static void shake_norms(decant_model *model)
{
    dcn_random random = dcn_random_start(5, DCN_PURPOSE_TEST, 0, 0);
    for (dcn_node_id n = 0; n < model->graph->n_nodes; n++) {
        const dcn_node *node = &model->graph->nodes[n];
        if (node->op != DECANT_OP_BATCHNORM) continue;
        const int64_t channels = decant_shape_count(&model->graph->values[node->input[1]].shape);
        for (int i = 1; i <= 4; i++)
            for (int64_t c = 0; c < channels; c++) {
                const float u = (float)(dcn_random_u32(&random) >> 8) * 0x1p-24F;
                model->data[node->input[i]][c] = i == 4   ? 0.5F + u
                                                 : i == 1 ? (u < 0.3F ? -1 : 1) * (0.5F + u)
                                                          : u - 0.5F;
            }
    }
}

static decant_model *model_of(const char *layers, const decant_shape *sample)
{
    dcn_arena *arena = NULL;
    dcn_doc *list = NULL;
    dcn_graph *graph = NULL;
    decant_model *model = NULL;
    assert_int_equal(dcn_arena_create(&arena), DECANT_OK);
    assert_int_equal(dcn_doc_parse(arena, "layers", layers, strlen(layers), &list), DECANT_OK);
    assert_int_equal(dcn_layers_build(list, sample, &graph), DECANT_OK);
    assert_int_equal(dcn_model_create(graph, &model), DECANT_OK);
    dcn_model_init(model, 3);
    dcn_arena_destroy(arena);
    shake_norms(model);
    return model;
}

/* Outputs of a value for BATCH fixed random samples: dcn_free. */
static float *outputs_of(const decant_model *model, dcn_value_id value, int64_t *ret_count)
{
    const decant_shape *input = &model->graph->values[model->graph->input].shape;
    const decant_shape sample = decant_shape_make(input->rank - 1, input->dim + 1);
    const int64_t elements = BATCH * decant_shape_count(&sample);
    dcn_device *device = NULL;
    dcn_program *program = NULL;
    dcn_plan *plan = NULL;
    dcn_value_id x, logits, *values = NULL;
    float *data = NULL, *result = NULL;
    assert_int_equal(dcn_new_array((size_t)elements, sizeof *data, (void **)&data), DECANT_OK);
    dcn_random random = dcn_random_start(6, DCN_PURPOSE_TEST, 0, 0);
    for (int64_t i = 0; i < elements; i++)
        data[i] = (float)(dcn_random_u32(&random) >> 8) * 0x1p-23F - 1.0F;

    assert_int_equal(dcn_device_open("ref", NULL, &device), DECANT_OK);
    assert_int_equal(dcn_program_create(BATCH, DECANT_F32, &program), DECANT_OK);
    assert_int_equal(dcn_program_input(program, "x", DECANT_F32, &sample, &x), DECANT_OK);
    assert_int_equal(
        dcn_program_add_model(program, model->graph, 0, DCN_MODE_INFERENCE, x, &value, 1, &values, &logits), DECANT_OK);
    const dcn_value_id kept = values[value];
    const dcn_plan_options options = {.keep = &kept, .n_keep = 1};
    assert_int_equal(dcn_plan_create(device, program, &options, &plan), DECANT_OK);
    for (dcn_value_id v = 0; v < model->graph->n_values; v++)
        if (model->data[v] != NULL && values[v] != DCN_NONE)
            assert_int_equal(dcn_plan_write(plan, values[v], model->data[v]), DECANT_OK);
    assert_int_equal(dcn_plan_bind(plan, x, data), DECANT_OK);
    assert_int_equal(dcn_plan_run(plan), DECANT_OK);
    *ret_count = decant_shape_count(&program->graph->values[kept].shape);
    assert_int_equal(dcn_new_array((size_t)*ret_count, sizeof *result, (void **)&result), DECANT_OK);
    assert_int_equal(dcn_plan_read(plan, kept, result), DECANT_OK);

    dcn_plan_destroy(plan);
    dcn_program_destroy(program);
    dcn_device_close(device);
    dcn_free(values);
    dcn_free(data);
    return result;
}

static void assert_same(const decant_model *a, dcn_value_id value_a, const decant_model *b, dcn_value_id value_b)
{
    int64_t count_a, count_b;
    float *left = outputs_of(a, value_a, &count_a), *right = outputs_of(b, value_b, &count_b);
    double worst = 0;
    assert_int_equal(count_a, count_b);
    for (int64_t i = 0; i < count_a; i++)
        worst = fmax(worst, fabs((double)left[i] - (double)right[i]) / (1 + fabs((double)left[i])));
    assert_true(worst < TOLERANCE);
    dcn_free(left);
    dcn_free(right);
}

/* Folds, compares the outputs, and wants so many batchnorms to be left. */
static decant_model *fold_and_compare(const decant_model *model, int32_t norms_left)
{
    decant_model *folded = NULL;
    assert_int_equal(dcn_model_fold(model, NULL, 0, &folded, NULL), DECANT_OK);
    assert_int_equal(dcn_graph_count(folded->graph, DECANT_OP_BATCHNORM), norms_left);
    assert_int_equal(dcn_graph_count(folded->graph, DECANT_OP_DROPOUT), 0);
    assert_same(model, model->graph->output, folded, folded->graph->output);
    return folded;
}

/* Breaks when a scale goes to the wrong channel, a bias is lost or not made, or a group is mixed up. */
static void test_convolutions_and_linears_take_their_norm(void **state)
{
    (void)state;
    const decant_shape image = {.rank = 3, .dim = {4, 7, 6}};
    decant_model *model = model_of("[{conv: {channels: 8, kernel: 3, padding: 1, bias: false}}, batchnorm, relu, "
                                   "{conv: {channels: 8, kernel: 3, groups: 4, stride: 2}}, batchnorm, flatten, "
                                   "{dropout: 0.5}, {linear: 9}, batchnorm, relu, {linear: 5}]",
                                   &image);
    decant_model *folded = fold_and_compare(model, 0);
    assert_int_equal(dcn_graph_count(folded->graph, DECANT_OP_CONV2D), 2);
    assert_int_equal(dcn_graph_parameters(folded->graph), /* weights as they were, one bias a channel, no norms */
                     8 * 4 * 9 + 8 + 8 * 2 * 9 + 8 + 9 * 48 + 9 + 5 * 9 + 5);
    decant_model *again = fold_and_compare(folded, 0); /* nothing is left to do */
    assert_int_equal(again->graph->n_nodes, folded->graph->n_nodes);
    dcn_model_destroy(again);
    dcn_model_destroy(folded);
    dcn_model_destroy(model);
}

/* Breaks when channels of a colour image are summed in the wrong order. */
static void test_repeated_channels_go_into_the_weights(void **state)
{
    (void)state;
    const decant_shape image = {.rank = 3, .dim = {2, 6, 6}};
    decant_model *model = model_of("[{repeat_channels: 3}, {conv: {channels: 5, kernel: 3, padding: 1}}, batchnorm, "
                                   "relu, flatten, {linear: 4}]",
                                   &image);
    decant_model *folded = fold_and_compare(model, 0);
    assert_int_equal(dcn_graph_count(folded->graph, DECANT_OP_REPEAT_CHANNELS), 0);
    const dcn_node *conv = &folded->graph->nodes[0];
    assert_int_equal(folded->graph->values[conv->input[1]].shape.dim[1], 2);
    dcn_model_destroy(folded);
    dcn_model_destroy(model);
}

/* Breaks when a batchnorm disappears whose input somebody else reads, or that follows no layer with weights. */
static void test_what_is_read_elsewhere_stays(void **state)
{
    (void)state;
    const decant_shape image = {.rank = 3, .dim = {4, 5, 5}};
    decant_model *model =
        model_of("[batchnorm, {conv: {channels: 4, kernel: 3, padding: 1}}, "
                 "{residual: {branch: [batchnorm, relu, {conv: {channels: 4, kernel: 3, padding: 1}}, "
                 "batchnorm]}}, relu, flatten, {linear: 3}]",
                 &image);
    decant_model *folded = fold_and_compare(model, 2); /* the first of all, and the one that shares its input */
    dcn_model_destroy(folded);

    /* a tapped convolution keeps its own output; the tap is found again through the map */
    dcn_value_id tap = DCN_NONE, *map = NULL;
    for (dcn_node_id n = 0; n < model->graph->n_nodes; n++)
        if (model->graph->nodes[n].op == DECANT_OP_CONV2D) tap = model->graph->nodes[n].output[0];
    assert_int_equal(dcn_model_fold(model, &tap, 1, &folded, &map), DECANT_OK);
    assert_int_equal(dcn_graph_count(folded->graph, DECANT_OP_BATCHNORM), 3);
    assert_int_not_equal(map[tap], DCN_NONE);
    assert_same(model, tap, folded, map[tap]);
    dcn_free(map);
    dcn_model_destroy(folded);
    dcn_model_destroy(model);
}

/* Breaks when a scale beyond f32 is folded: the outputs would be infinite where they were finite before. */
static void test_a_scale_beyond_f32_is_left_alone(void **state)
{
    (void)state;
    const decant_shape image = {.rank = 3, .dim = {1, 4, 4}};
    decant_model *model = model_of("[{conv: {channels: 2, kernel: 1}}, batchnorm, flatten, {linear: 2}]", &image);
    const dcn_node *norm = &model->graph->nodes[1];
    memset(model->data[model->graph->nodes[0].input[1]], 0, 2 * sizeof(float));
    memset(model->data[model->graph->nodes[0].input[2]], 0, 2 * sizeof(float));
    model->data[norm->input[1]][0] = 3e38F;
    model->data[norm->input[3]][0] = 0;
    model->data[norm->input[4]][0] = 1e-10F;
    decant_model *folded = fold_and_compare(model, 0); /* nothing times much is nothing */
    dcn_model_destroy(folded);
    model->data[model->graph->nodes[0].input[1]][0] = 1;
    assert_int_equal(dcn_model_fold(model, NULL, 0, &folded, NULL), DECANT_OK);
    assert_int_equal(dcn_graph_count(folded->graph, DECANT_OP_BATCHNORM), 1);
    dcn_model_destroy(folded);
    dcn_model_destroy(model);
}

/* Breaks when a shape of the zoo's residual blocks is not understood: all of ResNet's batchnorms follow convolutions.
 */
static void test_residual_networks_lose_all_norms(void **state)
{
    (void)state;
    dcn_graph *graph = NULL;
    decant_model *model = NULL;
    const dcn_zoo_options options = {0};
    assert_int_equal(dcn_zoo_build("resnet20", &options, &graph), DECANT_OK);
    assert_int_equal(dcn_model_create(graph, &model), DECANT_OK);
    dcn_model_init(model, 1);
    shake_norms(model);
    decant_model *folded = fold_and_compare(model, 0);
    dcn_model_destroy(folded);
    dcn_model_destroy(model);
}

/* Breaks when a failed allocation leaves something behind (the sanitizers see it) or an answer. */
static void test_no_memory_is_survived(void **state)
{
    (void)state;
    const decant_shape image = {.rank = 3, .dim = {1, 4, 4}};
    decant_model *model = model_of("[{conv: {channels: 2, kernel: 3}}, batchnorm, flatten, {linear: 2}]", &image);
    decant_model *folded = NULL;
    decant_status status = DECANT_NO_MEMORY;
    for (int64_t nth = 1; status != DECANT_OK; nth++) {
        assert_true(nth < 1000);
        dcn_memory_fail_nth(nth);
        status = dcn_model_fold(model, NULL, 0, &folded, NULL);
        dcn_memory_fail_nth(0);
        if (status != DECANT_OK) assert_int_equal(status, DECANT_NO_MEMORY);
        assert_true((folded != NULL) == (status == DECANT_OK));
    }
    dcn_model_destroy(folded);
    dcn_model_destroy(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_convolutions_and_linears_take_their_norm),
        cmocka_unit_test(test_repeated_channels_go_into_the_weights),
        cmocka_unit_test(test_what_is_read_elsewhere_stays),
        cmocka_unit_test(test_a_scale_beyond_f32_is_left_alone),
        cmocka_unit_test(test_residual_networks_lose_all_norms),
        cmocka_unit_test(test_no_memory_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
