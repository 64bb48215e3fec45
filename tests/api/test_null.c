/* What a public function does with a NULL that its comment does not allow: INVALID_ARG, the argument by its name, and
 * nothing else is looked at. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "decant/decant.h"

/* A pointer that must not be followed: the byte behind it is nothing that decant made. */
static char something;
#define SOME ((void *)&something)

static void refused(decant_status status, const char *argument)
{
    char expected[64];
    snprintf(expected, sizeof expected, ": %s must not be NULL", argument);
    if (status != DECANT_INVALID_ARG) fail_msg("%s: the status is %s", argument, decant_status_name(status));
    if (strstr(decant_error_message(), expected) == NULL)
        fail_msg("'%s' does not say '%s'", decant_error_message(), expected);
}

static void test_bench(void **state)
{
    (void)state;
    refused(decant_bench_train(NULL, NULL, 1.0, false, SOME), "name");
    refused(decant_bench_train(SOME, NULL, 1.0, false, NULL), "ret_result");
    refused(decant_bench_infer(NULL, NULL, 1, 1.0, false, SOME), "name");
    refused(decant_bench_infer(SOME, NULL, 1, 1.0, false, NULL), "ret_result");
    refused(decant_bench_measure_peak(NULL, NULL), "ret_peak");
}

static void test_compress(void **state)
{
    (void)state;
    refused(decant_criterion_find(NULL, SOME), "name");
    refused(decant_criterion_find(SOME, NULL), "ret_criterion");
    refused(decant_model_prune(NULL, SOME, SOME, NULL), "model");
    refused(decant_model_prune(SOME, NULL, SOME, NULL), "options");
    refused(decant_model_prune(SOME, SOME, NULL, NULL), "ret_model");
    refused(decant_model_fold(NULL, NULL, SOME, NULL), "model");
    refused(decant_model_fold(SOME, NULL, NULL, NULL), "ret_model");
}

static void test_dataset(void **state)
{
    (void)state;
    refused(decant_dataset_open(NULL, SOME), "source");
    refused(decant_dataset_open(SOME, NULL), "ret_dataset");
    refused(decant_dataset_open_idx(NULL, SOME), "path");
    refused(decant_dataset_open_idx(SOME, NULL), "ret_dataset");
    refused(decant_dataset_open_cifar(NULL, SOME), "path");
    refused(decant_dataset_open_cifar(SOME, NULL), "ret_dataset");
    refused(decant_dataset_from_arrays(NULL, SOME, DECANT_F32, 1, NULL, NULL, 1, NULL, NULL, 1, SOME), "name");
    refused(decant_dataset_from_arrays(SOME, NULL, DECANT_F32, 1, NULL, NULL, 1, NULL, NULL, 1, SOME), "sample");
    refused(decant_dataset_from_arrays(SOME, SOME, DECANT_F32, 1, NULL, NULL, 1, NULL, NULL, 1, NULL), "ret_dataset");
    refused(decant_dataset_sample(NULL, DECANT_PART_TEST, 1, NULL, NULL), "dataset");
    refused(decant_dataset_check(NULL, 1, 1, SOME), "dataset");
    refused(decant_dataset_check(SOME, 1, 1, NULL), "ret_report");
    refused(decant_source_list(NULL, SOME), "ret_sources");
    refused(decant_source_list(SOME, NULL), "ret_count");
    refused(decant_source_get(NULL, NULL, NULL), "name");
}

static void test_device(void **state)
{
    (void)state;
    refused(decant_device_summary(NULL, NULL), "ret_summary");
}

static void visit(void *context, const decant_finding *finding)
{
    (void)context;
    (void)finding;
    fail_msg("nothing was looked at");
}

static void test_graph(void **state)
{
    (void)state;
    refused(decant_graph_create(NULL), "ret_graph");
    refused(decant_graph_input(NULL, SOME, SOME), "graph");
    refused(decant_graph_input(SOME, NULL, SOME), "sample");
    refused(decant_graph_input(SOME, SOME, NULL), "ret_value");
    refused(decant_graph_conv2d(NULL, SOME, 1, SOME, SOME), "graph");
    refused(decant_graph_conv2d(SOME, NULL, 1, SOME, SOME), "name");
    refused(decant_graph_conv2d(SOME, SOME, 1, NULL, SOME), "options");
    refused(decant_graph_conv2d(SOME, SOME, 1, SOME, NULL), "ret_y");
    refused(decant_graph_linear(NULL, SOME, 1, 1, false, SOME), "graph");
    refused(decant_graph_linear(SOME, NULL, 1, 1, false, SOME), "name");
    refused(decant_graph_linear(SOME, SOME, 1, 1, false, NULL), "ret_y");
    refused(decant_graph_batchnorm(NULL, SOME, 1, SOME), "graph");
    refused(decant_graph_batchnorm(SOME, NULL, 1, SOME), "name");
    refused(decant_graph_batchnorm(SOME, SOME, 1, NULL), "ret_y");
    refused(decant_graph_activation(NULL, SOME, 1, DECANT_ACTIVATION_RELU, SOME), "graph");
    refused(decant_graph_activation(SOME, NULL, 1, DECANT_ACTIVATION_RELU, SOME), "name");
    refused(decant_graph_activation(SOME, SOME, 1, DECANT_ACTIVATION_RELU, NULL), "ret_y");
    refused(decant_graph_maxpool(NULL, SOME, 1, SOME, SOME), "graph");
    refused(decant_graph_maxpool(SOME, NULL, 1, SOME, SOME), "name");
    refused(decant_graph_maxpool(SOME, SOME, 1, NULL, SOME), "options");
    refused(decant_graph_maxpool(SOME, SOME, 1, SOME, NULL), "ret_y");
    refused(decant_graph_avgpool(NULL, SOME, 1, SOME, SOME), "graph");
    refused(decant_graph_avgpool(SOME, NULL, 1, SOME, SOME), "name");
    refused(decant_graph_avgpool(SOME, SOME, 1, NULL, SOME), "options");
    refused(decant_graph_avgpool(SOME, SOME, 1, SOME, NULL), "ret_y");
    refused(decant_graph_adaptive_avgpool(NULL, SOME, 1, 1, 1, SOME), "graph");
    refused(decant_graph_adaptive_avgpool(SOME, NULL, 1, 1, 1, SOME), "name");
    refused(decant_graph_adaptive_avgpool(SOME, SOME, 1, 1, 1, NULL), "ret_y");
    refused(decant_graph_dropout(NULL, SOME, 1, 1.0, SOME), "graph");
    refused(decant_graph_dropout(SOME, NULL, 1, 1.0, SOME), "name");
    refused(decant_graph_dropout(SOME, SOME, 1, 1.0, NULL), "ret_y");
    refused(decant_graph_flatten(NULL, SOME, 1, SOME), "graph");
    refused(decant_graph_flatten(SOME, NULL, 1, SOME), "name");
    refused(decant_graph_flatten(SOME, SOME, 1, NULL), "ret_y");
    refused(decant_graph_add(NULL, SOME, 1, 1, SOME), "graph");
    refused(decant_graph_add(SOME, NULL, 1, 1, SOME), "name");
    refused(decant_graph_add(SOME, SOME, 1, 1, NULL), "ret_y");
    refused(decant_graph_set_output(NULL, 1), "graph");
    refused(decant_graph_lint(NULL, visit, NULL), "graph");
    refused(decant_graph_lint(SOME, NULL, NULL), "visit");
}

static void test_loss(void **state)
{
    (void)state;
    refused(decant_loss_ce(NULL, SOME, 1.0f, SOME, NULL), "logits");
    refused(decant_loss_ce(SOME, NULL, 1.0f, SOME, NULL), "labels");
    refused(decant_loss_ce(SOME, SOME, 1.0f, NULL, NULL), "ret_loss");
    refused(decant_loss_kd(NULL, SOME, 1.0f, SOME, NULL), "student");
    refused(decant_loss_kd(SOME, NULL, 1.0f, SOME, NULL), "teacher");
    refused(decant_loss_kd(SOME, SOME, 1.0f, NULL, NULL), "ret_loss");
}

static void test_model(void **state)
{
    (void)state;
    refused(decant_model_load(NULL, SOME), "path");
    refused(decant_model_load(SOME, NULL), "ret_model");
    refused(decant_model_save(NULL, SOME), "model");
    refused(decant_model_save(SOME, NULL), "path");
    refused(decant_model_from_zoo(NULL, 1, 1, SOME), "name");
    refused(decant_model_from_zoo(SOME, 1, 1, NULL), "ret_model");
    refused(decant_model_from_graph(NULL, 1, SOME), "graph");
    refused(decant_model_summarize(NULL, SOME), "model");
    refused(decant_model_summarize(SOME, NULL), "ret_summary");
    refused(decant_model_plan(NULL, NULL, 1, SOME), "model");
    refused(decant_model_plan(SOME, NULL, 1, NULL), "ret_plan");
    refused(decant_model_evaluate(NULL, NULL, SOME, DECANT_PART_TEST, SOME), "model");
    refused(decant_model_evaluate(SOME, NULL, NULL, DECANT_PART_TEST, SOME), "dataset");
    refused(decant_model_evaluate(SOME, NULL, SOME, DECANT_PART_TEST, NULL), "ret_evaluation");
    refused(decant_model_evaluate_beside(NULL, NULL, NULL, SOME, DECANT_PART_TEST, SOME), "model");
    refused(decant_model_evaluate_beside(SOME, NULL, NULL, NULL, DECANT_PART_TEST, SOME), "dataset");
    refused(decant_model_evaluate_beside(SOME, NULL, NULL, SOME, DECANT_PART_TEST, NULL), "ret_evaluation");
    refused(decant_model_open_data(NULL, SOME, SOME), "model");
    refused(decant_model_open_data(SOME, NULL, SOME), "source");
    refused(decant_model_open_data(SOME, SOME, NULL), "ret_dataset");
    refused(decant_model_open_inputs(NULL, SOME, 0, 0, SOME), "model");
    refused(decant_model_open_inputs(SOME, NULL, 0, 0, SOME), "path");
    refused(decant_model_open_inputs(SOME, SOME, 0, 0, NULL), "ret_dataset");
    refused(decant_model_predict(NULL, NULL, SOME, SOME), "model");
    refused(decant_model_predict(SOME, NULL, NULL, SOME), "inputs");
    refused(decant_model_predict(SOME, NULL, SOME, NULL), "ret_probabilities");
    decant_graph *graph = NULL; /* taken, whatever happens */
    assert_int_equal(decant_graph_create(&graph), DECANT_OK);
    refused(decant_model_from_graph(graph, 1, NULL), "ret_model");
}

static void test_predictor(void **state)
{
    (void)state;
    refused(decant_predictor_create(NULL, NULL, NULL, SOME), "model");
    refused(decant_predictor_create(SOME, NULL, NULL, NULL), "ret_predictor");
    refused(decant_predictor_prepare(NULL, 1), "predictor");
    refused(decant_predictor_run(NULL, SOME, 1, SOME), "predictor");
    refused(decant_predictor_run(SOME, NULL, 1, SOME), "inputs");
    refused(decant_predictor_run(SOME, SOME, 1, NULL), "ret_outputs");
    refused(decant_predictor_run_bytes(NULL, SOME, 1, SOME), "predictor");
    refused(decant_predictor_run_bytes(SOME, NULL, 1, SOME), "inputs");
    refused(decant_predictor_run_bytes(SOME, SOME, 1, NULL), "ret_outputs");
}

static void test_recipe(void **state)
{
    (void)state;
    refused(decant_recipe_load(NULL, NULL, 1, SOME), "path");
    refused(decant_recipe_load(SOME, NULL, 1, NULL), "ret_recipe");
    refused(decant_recipe_parse(NULL, SOME, 1, NULL, 1, SOME), "name");
    refused(decant_recipe_parse(SOME, NULL, 1, NULL, 1, SOME), "text");
    refused(decant_recipe_parse(SOME, SOME, 1, NULL, 1, NULL), "ret_recipe");
    refused(decant_recipe_build_model(NULL, SOME, SOME), "recipe");
    refused(decant_recipe_build_model(SOME, NULL, SOME), "name");
    refused(decant_recipe_build_model(SOME, SOME, NULL), "ret_model");
    refused(decant_recipe_check_data(NULL, SOME, SOME), "recipe");
    refused(decant_recipe_check_data(SOME, NULL, SOME), "ret_dataset");
    refused(decant_recipe_check_data(SOME, SOME, NULL), "ret_report");
    refused(decant_recipe_plan(NULL, SOME, NULL, 1, SOME), "recipe");
    refused(decant_recipe_plan(SOME, NULL, NULL, 1, SOME), "model");
    refused(decant_recipe_plan(SOME, SOME, NULL, 1, NULL), "ret_plan");
    refused(decant_recipe_lint(NULL, SOME), "recipe");
    refused(decant_recipe_lint(SOME, NULL), "ret_list");
    refused(decant_recipe_docs(NULL), "ret_text");
    refused(decant_recipe_run(NULL, NULL, SOME), "recipe");
    refused(decant_recipe_run(SOME, NULL, NULL), "ret_results");
    refused(decant_results_read(NULL, 1, SOME), "directories");
    refused(decant_results_read(SOME, 1, NULL), "ret_results");
    refused(decant_results_compare(NULL, SOME), "results");
    refused(decant_results_compare(SOME, NULL), "ret_comparison");
    refused(decant_comparison_check(NULL), "comparison");
    refused(decant_comparison_set_baseline(NULL, SOME), "comparison");
    refused(decant_comparison_set_baseline(SOME, NULL), "name");
    refused(decant_recipe_load("r.yaml", NULL, 1, SOME), "overrides");
    refused(decant_recipe_parse("r.yaml", "", 0, NULL, 1, SOME), "overrides");
}

static void test_report(void **state)
{
    (void)state;
    refused(decant_table_create(NULL), "ret_table");
    refused(decant_table_add_column(NULL, SOME, DECANT_ALIGN_LEFT), "table");
    refused(decant_table_add_column(SOME, NULL, DECANT_ALIGN_LEFT), "title");
    refused(decant_table_begin_row(NULL), "table");
    refused(decant_table_add_rule(NULL), "table");
    refused(decant_table_text(NULL, SOME), "table");
    refused(decant_table_text(SOME, NULL), "ret_text");
    refused(decant_table_markdown(NULL, SOME), "table");
    refused(decant_table_markdown(SOME, NULL), "ret_text");
    refused(decant_text_printable(NULL, SOME), "raw");
    refused(decant_text_printable(SOME, NULL), "ret_text");
    refused(decant_summary_text(NULL, 1, SOME), "summary");
    refused(decant_summary_text(SOME, 1, NULL), "ret_text");
    refused(decant_plan_text(NULL, SOME), "plan");
    refused(decant_plan_text(SOME, NULL), "ret_text");
    refused(decant_confusion_text(NULL, NULL, SOME), "evaluation");
    refused(decant_confusion_text(SOME, NULL, NULL), "ret_text");
    refused(decant_evaluation_text(NULL, NULL, SOME), "evaluation");
    refused(decant_evaluation_text(SOME, NULL, NULL), "ret_text");
    refused(decant_losses_text(NULL, 1, SOME), "losses");
    refused(decant_losses_text(SOME, 1, NULL), "ret_text");
    refused(decant_judge_seeds(NULL, SOME, 1, SOME), "first");
    refused(decant_judge_seeds(SOME, NULL, 1, SOME), "second");
    refused(decant_judge_seeds(SOME, SOME, 1, NULL), "ret_judgement");
    refused(decant_judge_predictions(1, 1, 1, NULL), "ret_judgement");
    refused(decant_judge_runs(NULL, SOME, SOME), "row");
    refused(decant_judge_runs(SOME, NULL, SOME), "baseline");
    refused(decant_judge_runs(SOME, SOME, NULL), "ret_judgement");
    refused(decant_comparison_table(NULL, SOME), "comparison");
    refused(decant_comparison_table(SOME, NULL), "ret_table");
    refused(decant_verdict_text(NULL, 1, SOME), "comparison");
    refused(decant_verdict_text(SOME, 1, NULL), "ret_text");
    refused(decant_report_write(NULL, SOME), "comparison");
    refused(decant_report_write(SOME, NULL), "path");
    refused(decant_table_add_cell(NULL, "%d", 1), "table");
    refused(decant_table_add_cell(SOME, NULL), "format");
}

static void test_tensor(void **state)
{
    (void)state;
    refused(decant_tensor_create(DECANT_F32, NULL, SOME), "shape");
    refused(decant_tensor_create(DECANT_F32, SOME, NULL), "ret_tensor");
}

static void test_train(void **state)
{
    (void)state;
    refused(decant_train(NULL, NULL, SOME, NULL, NULL, SOME), "model");
    refused(decant_train(SOME, NULL, NULL, NULL, NULL, SOME), "dataset");
    refused(decant_train(SOME, NULL, SOME, NULL, NULL, NULL), "ret_result");
}

/* Breaks when freeing nothing is not nothing. */
static void test_freeing(void **state)
{
    (void)state;
    decant_bench_result_destroy(NULL);
    decant_dataset_destroy(NULL);
    decant_dataset_report_finish(NULL);
    decant_source_list_free(NULL, 0);
    decant_graph_destroy(NULL);
    decant_model_destroy(NULL);
    decant_model_summary_destroy(NULL);
    decant_plan_listing_destroy(NULL);
    decant_evaluation_destroy(NULL);
    decant_predictor_destroy(NULL);
    decant_recipe_destroy(NULL);
    decant_finding_list_destroy(NULL);
    decant_text_free(NULL);
    decant_result_list_destroy(NULL);
    decant_comparison_destroy(NULL);
    decant_table_destroy(NULL);
    decant_tensor_destroy(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bench),   cmocka_unit_test(test_compress),  cmocka_unit_test(test_dataset),
        cmocka_unit_test(test_device),  cmocka_unit_test(test_graph),     cmocka_unit_test(test_loss),
        cmocka_unit_test(test_model),   cmocka_unit_test(test_predictor), cmocka_unit_test(test_recipe),
        cmocka_unit_test(test_report),  cmocka_unit_test(test_tensor),    cmocka_unit_test(test_train),
        cmocka_unit_test(test_freeing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
