/* Folding: fewer layers, the same outputs, and nothing folded that may not be. */
#include "compress/models.h"

#include "decant/compress.h"

/* Folds, and proves the outputs equal to more digits than the proof asks for. */
static decant_model *fold(const decant_model *model, dcn_fold_what what, int32_t *ret_count)
{
    decant_model *folded = NULL;
    dcn_device *device = open_device();
    double largest = 1;
    require_ok(dcn_fold_linear(model, what, &folded, ret_count));
    require_ok(dcn_prove_equal(device, model, folded, &largest));
    assert_true(largest < 2e-5);
    dcn_device_close(device);
    return folded;
}

static decant_model *fold_all(const decant_model *model, decant_fold_report *ret_report)
{
    const decant_compute compute = {.threads = 1};
    decant_model *folded = NULL;
    ret_report->largest_difference = 1;
    require_ok(decant_model_fold(model, &compute, &folded, ret_report));
    assert_true(ret_report->largest_difference < 2e-5);
    return folded;
}

/* Breaks when a bottleneck is not handed over as the one matrix that it stands for. */
static void test_bottleneck(void **state)
{
    (void)state;
    decant_model *model = layers_model("- linear: {features: 30, bottleneck: 4, name: fc1}\n- relu\n- dropout: 0.5\n- "
                                       "linear: {features: 3, name: fc2}\n",
                                       1, 20, 0, 0);
    int32_t count = 0;
    assert_int_equal(dcn_graph_parameters(model->graph), 20 * 4 + 4 * 30 + 30 + 30 * 3 + 3);
    decant_model *folded = fold(model, DCN_FOLD_BOTTLENECKS, &count);
    assert_int_equal(count, 1);
    assert_int_equal(dcn_graph_parameters(folded->graph), 20 * 30 + 30 + 30 * 3 + 3);
    assert_int_equal(dcn_graph_count(folded->graph, DECANT_OP_DROPOUT), 1); /* what training on needs stays */
    const decant_shape *weight = &folded->graph->values[dcn_graph_find(folded->graph, "fc1.weight")].shape;
    assert_int_equal(weight->dim[0], 30);
    assert_int_equal(weight->dim[1], 20);
    assert_int_equal(dcn_graph_find(folded->graph, "fc1.bottleneck.weight"), DCN_NONE);

    dcn_graph *graph = NULL, *plain = graph_of_layers("- linear: {features: 30, name: fc1}\n- relu\n- dropout: 0.1\n"
                                                      "- linear: {features: 3, name: fc2}\n",
                                                      1, 20, 0, 0);
    char ours[33], theirs[33];
    require_ok(dcn_fold_graph(model->graph, DCN_FOLD_BOTTLENECKS, &graph));
    dcn_graph_fingerprint(graph, ours);
    dcn_graph_fingerprint(plain, theirs);
    assert_string_equal(ours, theirs); /* the network that the option replaces */
    dcn_graph_destroy(plain);
    dcn_graph_destroy(graph);
    dcn_model_destroy(folded);
    dcn_model_destroy(model);
}

/* Breaks when factors that were to stay are multiplied, or pairs that nobody declared. */
static void test_kept_and_undeclared_pairs_stay(void **state)
{
    (void)state;
    decant_model *model = layers_model(
        "- linear: {features: 30, bottleneck: 4, keep: true}\n- relu\n- linear: 5\n- linear: 3\n", 1, 20, 0, 0);
    int32_t count = 0;
    decant_model *folded = fold(model, DCN_FOLD_BOTTLENECKS, &count);
    assert_int_equal(count, 0);
    assert_int_equal(dcn_graph_parameters(folded->graph), dcn_graph_parameters(model->graph));
    dcn_model_destroy(folded);
    folded = fold(model, DCN_FOLD_PAIRS, &count);
    assert_int_equal(count, 2);
    assert_int_equal(dcn_graph_parameters(folded->graph), 20 * 30 + 30 + 30 * 3 + 3);
    dcn_model_destroy(folded);
    dcn_model_destroy(model);
}

/* Breaks when the third of three linear layers forgets the first, or a bias is lost on the way. */
static void test_chain(void **state)
{
    (void)state;
    decant_model *model =
        layers_model("- linear: 9\n- dropout: 0.2\n- linear: {features: 7, bias: false}\n- batchnorm\n"
                     "- linear: {features: 3, bias: false, name: last}\n",
                     1, 12, 0, 0);
    decant_fold_report report = {0};
    decant_model *folded = fold_all(model, &report);
    assert_int_equal(report.linear, 2);
    assert_int_equal(report.batchnorm, 1);
    assert_int_equal(report.dropout, 1);
    assert_int_equal(folded->graph->n_nodes, 1);
    assert_int_equal(dcn_graph_parameters(folded->graph), 12 * 3 + 3); /* it has the biases of the others */
    assert_int_not_equal(dcn_graph_find(folded->graph, "last.bias"), DCN_NONE);
    dcn_model_destroy(folded);
    dcn_model_destroy(model);
}

/* Breaks when normalisation is folded wrongly into any convolution of the zoo. */
static void test_zoo(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int32_t batchnorm;
    } networks[] = {{"resnet20", 19}, {"resnet18", 20}, {"fashion-2", 3}, {"resnet50", 53}};
    for (size_t i = 0; i < DCN_COUNT(networks); i++) {
        decant_model *model = zoo_model(networks[i].name, 3, 3, 8, 8);
        decant_fold_report report = {0};
        decant_model *folded = fold_all(model, &report);
        assert_int_equal(report.batchnorm, networks[i].batchnorm);
        assert_int_equal(dcn_graph_count(folded->graph, DECANT_OP_BATCHNORM), 0);
        assert_int_equal(dcn_graph_count(folded->graph, DECANT_OP_DROPOUT), 0);
        dcn_model_destroy(folded);
        dcn_model_destroy(model);
    }
}

/* Breaks when a value that something else reads is folded away. */
static void test_what_others_read_stays(void **state)
{
    (void)state;
    decant_model *model = layers_model("- residual:\n    branch: [conv: {channels: 2, kernel: 1}, batchnorm]\n"
                                       "- conv: {channels: 3, kernel: 1, name: shared}\n"
                                       "- residual:\n    branch: [batchnorm: {name: own}, relu]\n"
                                       "- batchnorm\n- global_avgpool\n- flatten\n- linear: 2\n",
                                       3, 2, 4, 4);
    decant_fold_report report = {0};
    decant_model *folded = fold_all(model, &report);
    assert_int_equal(report.batchnorm, 1); /* that of the first block */
    assert_int_equal(dcn_graph_count(folded->graph, DECANT_OP_BATCHNORM),
                     2); /* "shared" is also added; a sum is no convolution */
    dcn_model_destroy(folded);
    dcn_model_destroy(model);
}

/* Breaks when a difference that matters passes for rounding. */
static void test_proof_sees_a_difference(void **state)
{
    (void)state;
    dcn_device *device = open_device();
    decant_model *model = zoo_model("fashion-1", 3, 3, 28, 28), *other = NULL;
    double largest = 0;
    require_ok(dcn_model_clone(model, &other));
    require_ok(dcn_prove_equal(device, model, other, &largest));
    assert_true(largest == 0);
    const dcn_value_id bias = model->graph->nodes[model->graph->n_nodes - 1].input[2];
    other->data[bias][4] += 0.01F;
    assert_int_equal(dcn_prove_equal(device, model, other, &largest), DECANT_NUMERIC);
    assert_says("more than rounding explains");
    dcn_model_destroy(other);
    dcn_model_destroy(model);
    dcn_device_close(device);
}

/* Breaks when memory that runs out leaves something behind. */
static void test_no_memory(void **state)
{
    (void)state;
    decant_model *model = layers_model("- linear: 4\n- linear: 3\n- batchnorm\n- relu\n- linear: 2\n", 1, 4, 0, 0);
    decant_model *folded = NULL;
    int32_t count = 0;
    int64_t nth = 1;
    for (;; nth++) {
        dcn_memory_fail_nth(nth);
        decant_status status = dcn_fold_linear(model, DCN_FOLD_PAIRS, &folded, &count);
        dcn_memory_fail_nth(0);
        if (status == DECANT_OK) break;
        assert_int_equal(status, DECANT_NO_MEMORY);
        assert_null(folded);
    }
    assert_true(nth > 10);
    dcn_model_destroy(folded);
    dcn_model_destroy(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bottleneck),
        cmocka_unit_test(test_kept_and_undeclared_pairs_stay),
        cmocka_unit_test(test_chain),
        cmocka_unit_test(test_zoo),
        cmocka_unit_test(test_what_others_read_stays),
        cmocka_unit_test(test_proof_sees_a_difference),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
