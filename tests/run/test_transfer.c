/* Transfer sets and the correction of biases, in whole runs: what is trained on, what is read, what is kept, and that
 * stopping in between changes nothing. */
#include "recipe/recipes.h"

#include <math.h>
#include <stdlib.h>

#include "base/file.h"
#include "base/folder.h"
#include "decant/recipe.h"
#include "device/device.h"
#include "distill/bias.h"
#include "nn/model.h"
#include "run/tiny.h"
#include "run/transfer.h"
#include "train/evaluate.h"

#define FOLDER TEST_BINARY_DIR "/recipe_transfer"
#define DATA   FOLDER "/data"

/* When to stop: after so many polls; negative: never. */
static bool stop_requested(void *context)
{
    int64_t *polls_left = context;
    return *polls_left >= 0 && (*polls_left)-- == 0;
}

/* Runs the tiny recipe's `distilled` with up to four overrides, ended by NULL. */
static decant_status run_distilled(const char *where, const char *const *overrides, int64_t polls,
                                   decant_result_list **ret_results)
{
    static const char *const wanted[] = {"distilled"};
    char directory[512];
    snprintf(directory, sizeof directory, FOLDER "/%s", where);
    const decant_run_options options = {
        .directory = directory, .runs = wanted, .n_runs = 1, .context = &polls, .stop_requested = stop_requested};
    return run_and_destroy(recipe_or_fail(TINY_RECIPE(DATA), overrides), &options, ret_results);
}

/* Results of the teacher and of the two seeds of `distilled`. */
static decant_result_list *run_or_fail(const char *where, const char *const *overrides)
{
    decant_result_list *results = NULL;
    if (run_distilled(where, overrides, -1, &results) != DECANT_OK) fail_msg("%s", decant_error_message());
    assert_int_equal(results->count, 3);
    return results;
}

static void assert_same_model(const char *a, const char *b)
{
    char path[2][512];
    const char *const where[] = {a, b};
    for (int i = 0; i < 2; i++)
        snprintf(path[i], sizeof path[i], FOLDER "/%s/tiny/distilled-seed1/model.safetensors", where[i]);
    assert_same_file(path[0], path[1]);
}

/* The weights alone: what is said beside them may differ. */
static void assert_same_weights(const char *a, const char *b, bool same_bias)
{
    char path[512];
    decant_model *models[2] = {NULL, NULL};
    const char *const where[] = {a, b};
    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof path, FOLDER "/%s/tiny/distilled-seed1/model.safetensors", where[i]);
        assert_int_equal(dcn_model_load(path, &models[i]), DECANT_OK);
    }
    const dcn_graph *graph = models[0]->graph;
    for (int32_t v = 0; v < graph->n_values; v++) {
        if (models[0]->data[v] == NULL) continue;
        const bool is_last_bias = strcmp(graph->values[v].name, "3.bias") == 0;
        const size_t size = (size_t)decant_shape_count(&graph->values[v].shape) * sizeof(float);
        const bool same = memcmp(models[0]->data[v], models[1]->data[v], size) == 0;
        assert_int_equal(same, !is_last_bias || same_bias);
    }
    dcn_model_destroy(models[0]);
    dcn_model_destroy(models[1]);
}

/* --- lists of samples --- */

/* The set of one run of the tiny recipe, checked by a callback while the materials live. */
typedef void check(const dcn_materials *materials, const dcn_transfer_set *set);

static void with_set(const char *const *overrides, int32_t n_overrides, check *look)
{
    dcn_materials *materials = NULL;
    dcn_transfer_set set = {0};
    dcn_experiment *experiment = parse_or_fail(TINY_RECIPE(DATA), overrides, n_overrides);
    assert_int_equal(dcn_materials_create(experiment, &materials), DECANT_OK);
    assert_int_equal(dcn_transfer_set_make(materials, dcn_experiment_find_run(experiment, "distilled"), &set),
                     DECANT_OK);
    look(materials, &set);
    dcn_transfer_set_finish(&set);
    dcn_materials_destroy(materials);
    dcn_experiment_destroy(experiment);
}

static void look_at_all(const dcn_materials *materials, const dcn_transfer_set *set)
{
    assert_true(set->whole);
    assert_int_equal(set->count, 160);
    assert_memory_equal(set->indices, materials->split.train, 160 * sizeof *set->indices);
}

static void look_at_two_classes(const dcn_materials *materials, const dcn_transfer_set *set)
{
    assert_false(set->whole);
    assert_int_equal(set->count, 80);
    for (int64_t i = 0; i < set->count; i++) {
        const int32_t label = materials->dataset->train.labels[set->indices[i]];
        assert_true(label == 1 || label == 3);
    }
}

static void look_at_some(const dcn_materials *materials, const dcn_transfer_set *set)
{
    int64_t per_class[TINY_CLASSES] = {0};
    assert_int_equal(set->count, 30);
    for (int64_t i = 0; i < set->count; i++)
        per_class[materials->dataset->train.labels[set->indices[i]]]++;
    assert_int_equal(per_class[0], 10);
    assert_int_equal(per_class[3], 0);
}

static void look_at_pool(const dcn_materials *materials, const dcn_transfer_set *set)
{
    assert_int_equal(materials->split.n_unlabelled, 100); /* more than there are with labels */
    assert_int_equal(set->n_pool, 100);
    assert_int_equal(set->count, 160);
    for (int64_t i = 0; i < set->count; i++) {
        const int32_t label = materials->dataset->train.labels[set->indices[i]];
        assert_int_equal(label == DCN_NO_LABEL, i >= 60);
    }
}

/* 0.07 * 200 is a little more than 14 in binary. */
static void look_at_small_pool(const dcn_materials *materials, const dcn_transfer_set *set)
{
    assert_int_equal(materials->split.n_unlabelled, 14);
    assert_int_equal(set->n_pool, 14);
}

static void look_at_pool_alone(const dcn_materials *materials, const dcn_transfer_set *set)
{
    assert_int_equal(set->count, 100);
    assert_memory_equal(set->indices, materials->split.unlabelled, 100 * sizeof *set->indices);
}

/* Breaks when a run trains on samples that its transfer set leaves out, or not on all others. */
static void test_what_is_trained_on(void **state)
{
    (void)state;
    with_set(NULL, 0, look_at_all);
    with_set((const char *const[]){"runs.distilled.transfer={keep: [3, 1]}"}, 1, look_at_two_classes);
    with_set((const char *const[]){"runs.distilled.transfer={leave_out: [0, 2]}"}, 1, look_at_two_classes);
    with_set((const char *const[]){"runs.distilled.transfer={leave_out: 3}", "runs.distilled.samples=30"}, 2,
             look_at_some);
    with_set((const char *const[]){"runs.distilled.transfer={unlabelled: also}", "data.unlabelled=100"}, 2,
             look_at_pool);
    with_set((const char *const[]){"runs.distilled.transfer={unlabelled: also}", "data.unlabelled=0.07"}, 2,
             look_at_small_pool);
    with_set((const char *const[]){"runs.distilled.transfer={unlabelled: only}", "data.unlabelled=0.5"}, 2,
             look_at_pool_alone);
}

/* --- labels --- */

static const char *const taught_only[] = {"runs.distilled.loss={kd: {weight: 1, temperature: 2}}", NULL};
static const char *const without_labels[] = {"runs.distilled.loss={kd: {weight: 1, temperature: 2}}",
                                             "runs.distilled.transfer={labels: false}", NULL};

/* Breaks when the labels bear on a run that does not read them: on the losses' gradients, or on the order of samples.
 */
static void test_unread_labels_change_nothing(void **state)
{
    (void)state;
    decant_result_list *read = run_or_fail("read", taught_only), *unread = run_or_fail("unread", without_labels);
    assert_same_weights("read", "unread", true);
    assert_true(unread->items[2].test_accuracy == read->items[2].test_accuracy);
    assert_true(unread->items[2].has_validation); /* which is labelled all the same */
    decant_result_list_destroy(read);
    decant_result_list_destroy(unread);

    uint8_t *metrics = NULL;
    size_t bytes = 0;
    assert_int_equal(dcn_file_read(FOLDER "/unread/tiny/distilled-seed1/metrics.jsonl", 1 << 20, &metrics, &bytes),
                     DECANT_OK);
    assert_non_null(memmem(metrics, bytes, "\"accuracy\":null", 15));
    dcn_free(metrics);
}

/* Breaks when a pool is not learnt from, or its labels come back. */
static void test_a_pool_teaches(void **state)
{
    (void)state;
    static const char *const overrides[] = {"runs.distilled.loss={logits: 1}", "data.unlabelled=120",
                                            "runs.distilled.transfer={unlabelled: only}", "runs.distilled.epochs=12",
                                            NULL};
    decant_result_list *results = run_or_fail("pool", overrides);
    assert_int_equal(results->items[2].steps, 12 * 6);
    assert_true(results->items[2].test_accuracy > 0.7); /* chance is 0.25 */
    decant_result_list_destroy(results);
}

/* --- the teacher cache --- */

/* Breaks when answers are kept by their place in a transfer set and not by their sample: a smaller set finds all of its
 * answers among those of a larger one, and a larger one only its own. */
static void test_transfer_sets_share_the_teachers_answers(void **state)
{
    (void)state;
    static const char *const half[] = {"runs.distilled.transfer={keep: [0, 1]}", NULL};
    static const char *const whole[] = {"runs.distilled.seeds=2", NULL};
    static const char *const other_half[] = {"runs.distilled.transfer={keep: [2, 3]}", NULL};
    decant_result_list *results = run_or_fail("cache-half", half);
    assert_true(results->items[1].teacher_cached);
    assert_int_equal(results->items[1].answers_needed, 2 * 80);
    assert_int_equal(results->items[1].answers_computed, 80);
    decant_result_list_destroy(results);
    results = run_or_fail("cache-whole", whole);
    assert_int_equal(results->items[1].answers_needed, 2 * 160);
    assert_int_equal(results->items[1].answers_computed, 80);
    decant_result_list_destroy(results);
    results = run_or_fail("cache-other-half", other_half);
    assert_int_equal(results->items[1].answers_computed, 0);
    decant_result_list_destroy(results);
}

/* Breaks when a pool's answers are not kept, or taken for those of other samples. */
static void test_a_pools_answers_are_kept(void **state)
{
    (void)state;
    static const char *const pool[] = {"runs.distilled.loss={kd: 1}", "data.unlabelled=100",
                                       "runs.distilled.transfer={unlabelled: also}", NULL};
    decant_result_list *results = run_or_fail("cache-pool", pool);
    assert_int_equal(results->items[1].answers_needed, 2 * 160);
    assert_int_equal(results->items[2].answers_computed, 0); /* the second seed finds all */
    decant_result_list_destroy(results);
}

/* --- the correction --- */

static const char *const corrected[] = {"runs.distilled.transfer={leave_out: [2]}",
                                        "runs.distilled.correct_bias=frequencies", "runs.distilled.epochs=6", NULL};

static int64_t sum_class_errors(const decant_run_result *result)
{
    int64_t total = 0;
    for (int c = 0; c < TINY_CLASSES; c++)
        total += decant_result_class_errors(result, c);
    return total;
}

/* Breaks when the correction is not in the model file, changes other weights, or before and after are confused. */
static void test_biases_are_corrected(void **state)
{
    (void)state;
    const char *const plain[] = {corrected[0], corrected[2], NULL};
    decant_result_list *without = run_or_fail("plain", plain), *with = run_or_fail("corrected", corrected);
    const decant_run_result *before = &without->items[2], *after = &with->items[2];
    assert_null(before->correction);
    assert_non_null(after->correction);
    assert_string_equal(after->correction->by, "frequencies");
    assert_same_weights("plain", "corrected", false);
    decant_model *model = NULL;
    assert_int_equal(dcn_model_load(FOLDER "/corrected/tiny/distilled-seed1/model.safetensors", &model), DECANT_OK);
    assert_string_equal(dcn_model_metadata(model, "bias_correction"), "frequencies");
    dcn_model_destroy(model);
    assert_int_equal(after->correction->errors, before->test_errors);
    assert_true(after->correction->accuracy == before->test_accuracy);
    assert_true(after->correction->loss == before->test_loss);
    assert_int_equal(before->n_classes, TINY_CLASSES);
    for (int c = 0; c < TINY_CLASSES; c++)
        assert_int_equal(after->correction->class_errors[c], decant_result_class_errors(before, c));

    assert_int_equal(sum_class_errors(before), before->test_errors);
    assert_int_equal(sum_class_errors(after), after->test_errors);
    assert_int_equal(decant_result_class_errors(before, 2), TINY_TEST / TINY_CLASSES); /* it has never seen one */
    assert_true(decant_result_class_errors(after, 2) < TINY_TEST / TINY_CLASSES);
    assert_true(after->test_errors < before->test_errors);
    /* what is said of the validation split is said of the corrected model, too */
    double right = 0;
    for (int i = 0; i < DECANT_CALIBRATION_BINS; i++) {
        const decant_confidence_bin *bin = &after->validation_measures.calibration.bins[i];
        right += bin->accuracy * (double)bin->count;
    }
    assert_true(fabs(after->validation_accuracy - right / 40) < 1e-9);
    assert_true(after->validation_accuracy > before->validation_accuracy);
    const double *offsets = after->correction->offsets;
    assert_true(offsets[0] == 0 && offsets[1] == 0 && offsets[2] > 0 && offsets[3] == 0);
    decant_result_list_destroy(without);
    decant_result_list_destroy(with);
}

/* Breaks when what is read back is not what was written, or the means over the seeds are others. */
static void test_corrections_are_read_back(void **state)
{
    (void)state;
    const char *const folder = FOLDER "/corrected/tiny";
    decant_result_list *results = NULL, *made = run_or_fail("corrected", corrected); /* found, not made again */
    decant_comparison *comparison = NULL;
    assert_int_equal(decant_results_read(&folder, 1, &results), DECANT_OK);
    assert_int_equal(decant_results_compare(results, &comparison), DECANT_OK);
    const decant_comparison_row *row = &comparison->rows[1]; /* behind the teacher's */
    assert_string_equal(row->run, "distilled");
    assert_true(row->corrected);
    assert_false(comparison->rows[0].corrected);
    const decant_bias_correction *a = row->results[0]->correction, *b = row->results[1]->correction;
    assert_string_equal(a->by, "frequencies");
    assert_true(row->uncorrected_mean == (a->accuracy + b->accuracy) / 2);
    assert_true(row->uncorrected_errors_mean == (double)(a->errors + b->errors) / 2);
    assert_int_equal(b->errors, made->items[2].correction->errors);
    assert_memory_equal(b->class_errors, made->items[2].correction->class_errors, TINY_CLASSES * sizeof(int64_t));
    assert_true(fabs(b->offsets[2] - made->items[2].correction->offsets[2]) < 1e-9);
    assert_int_equal(sum_class_errors(row->results[1]), row->results[1]->test_errors);
    decant_comparison_destroy(comparison);
    decant_result_list_destroy(results);
    decant_result_list_destroy(made);
}

/* Breaks when a run that was stopped is corrected twice, not at all, or with the biases of another moment. */
static void test_resumed_runs_are_corrected_alike(void **state)
{
    (void)state;
    static const int64_t stops[] = {18, 25, 41, 66};
    decant_result_list *whole = run_or_fail("corrected", corrected);
    decant_result_list_destroy(whole);
    for (size_t i = 0; i < sizeof stops / sizeof stops[0]; i++) {
        char where[32];
        decant_result_list *results = NULL;
        snprintf(where, sizeof where, "stopped%zu", i);
        assert_int_equal(run_distilled(where, corrected, stops[i], &results), DECANT_INTERRUPTED);
        decant_result_list_destroy(run_or_fail(where, corrected));
        assert_same_model("corrected", where);
    }
}

static float fitted[TINY_CLASSES];

/* The offsets that suit the validation split's answers of the uncorrected model, into `fitted`. */
static void fit_to_validation(const dcn_materials *materials, const dcn_transfer_set *set)
{
    (void)set;
    enum { COUNT = 40 };
    static float logits[COUNT * TINY_CLASSES];
    int32_t labels[COUNT];
    const dcn_bias_problem problem = {.logits = logits, .count = COUNT, .classes = TINY_CLASSES};
    const dcn_device_options one_thread = {.threads = 1};
    const decant_dataset *dataset = materials->dataset;
    const int32_t *held_out = materials->split.validation;
    dcn_metrics metrics = {0};
    dcn_device *device = NULL;
    decant_model *model = NULL;
    assert_int_equal(materials->split.n_validation, COUNT);
    assert_int_equal(dcn_device_open("cpu", &one_thread, &device), DECANT_OK);
    assert_int_equal(dcn_model_load(FOLDER "/unvalidated/tiny/distilled-seed1/model.safetensors", &model), DECANT_OK);
    assert_int_equal(dcn_evaluate(device, model, dataset, &dataset->train, held_out, COUNT, &metrics, NULL, logits),
                     DECANT_OK);
    for (int i = 0; i < COUNT; i++)
        labels[i] = dataset->train.labels[held_out[i]];
    assert_int_equal(dcn_bias_fit(&problem, labels, fitted), DECANT_OK);
    dcn_metrics_finish(&metrics);
    dcn_model_destroy(model);
    dcn_device_close(device);
}

/* Breaks when the validation split has no say, or a wrong one, or the offsets are not those that suit it. */
static void test_validation_has_the_say(void **state)
{
    (void)state;
    static const char *const overrides[] = {"runs.distilled.transfer={keep: [0, 3]}",
                                            "runs.distilled.correct_bias={validation: {classes: each}}", NULL};
    static const char *const without[] = {"runs.distilled.transfer={keep: [0, 3]}", NULL};
    decant_result_list *results = run_or_fail("validation", overrides), *before = run_or_fail("unvalidated", without);
    const decant_run_result *result = &results->items[2];
    assert_string_equal(result->correction->by, "validation");
    assert_true(result->test_errors < result->correction->errors); /* two of four classes were never seen */
    assert_int_equal(before->items[2].test_errors, result->correction->errors);
    assert_true(result->validation_accuracy > before->items[2].validation_accuracy);
    with_set(without, 1, fit_to_validation);
    for (int c = 0; c < TINY_CLASSES; c++)
        assert_true(fabs(result->correction->offsets[c] - (double)fitted[c]) < 1e-4);
    decant_result_list_destroy(before);
    decant_result_list_destroy(results);
}

/* Breaks when the one logit of two classes is corrected as if there were two, or the wrong way. */
static void test_a_single_logit_is_corrected(void **state)
{
    (void)state;
    static const char recipe_text[] = "decant: 1\nname: logit\nthreads: 1\n"
                                      "data:\n"
                                      "  source: {format: csv, path: " FOLDER "/rows.csv, target: y, test: 0.25}\n"
                                      "models: {m: [linear: 1]}\n"
                                      "runs:\n"
                                      "  plain: {model: m, epochs: 1, batch: 8, optimizer: sgd, loss: {bce: 1}}\n"
                                      "  corrected: {like: plain, correct_bias: frequencies}\n";
    static const char *const files[] = {FOLDER "/logit/logit/plain/model.safetensors",
                                        FOLDER "/logit/logit/corrected/model.safetensors"};
    float bias[2];
    decant_result_list *results = NULL;
    FILE *rows = fopen(FOLDER "/rows.csv", "w");
    assert_non_null(rows);
    fprintf(rows, "x,y\n");
    for (int i = 0; i < 80; i++)
        fprintf(rows, "%d,%s\n", i, i % 10 < 3 ? "yes" : "no");
    assert_int_equal(fclose(rows), 0);
    const decant_run_options options = {.directory = FOLDER "/logit"};
    if (run_and_destroy(recipe_or_fail(recipe_text, NULL), &options, &results) != DECANT_OK)
        fail_msg("%s", decant_error_message());
    for (int i = 0; i < 2; i++) {
        decant_model *model = NULL;
        assert_int_equal(dcn_model_load(files[i], &model), DECANT_OK);
        bias[i] = model->data[dcn_graph_find(model->graph, "0.bias")][0];
        dcn_model_destroy(model);
    }
    const decant_bias_correction *correction = results->items[1].correction;
    assert_int_equal(correction->n_classes, 2);
    assert_true(bias[1] < bias[0] || bias[1] > bias[0]);
    assert_true(fabs((double)bias[0] + correction->offsets[1] - correction->offsets[0] - (double)bias[1]) < 1e-6);
    decant_result_list_destroy(results);
}

/* Breaks when a change of the transfer set or the correction goes unseen, or other words for the same count as one. */
static void test_what_belongs_to_the_identity(void **state)
{
    (void)state;
    static const char *const changes[][2] = {
        {"runs.distilled.transfer={leave_out: [1]}", "transfer.classes"},
        {"runs.distilled.correct_bias=validation", "correct_bias.by"},
        {"runs.distilled.correct_bias={frequencies: {classes: [1]}}", "correct_bias.classes"},
        {"data.unlabelled=8", "data."}};
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        const char *overrides[] = {corrected[0], corrected[1], corrected[2], changes[i][0], NULL};
        decant_result_list *results = NULL;
        assert_int_equal(run_distilled("corrected", overrides, -1, &results), DECANT_STALE);
        if (strstr(decant_error_message(), changes[i][1]) == NULL) fail_msg("%s", decant_error_message());
    }
    const char *reworded[] = {"runs.distilled.transfer={keep: [0, 3, 1]}",
                              "runs.distilled.correct_bias={frequencies: {classes: 2}}", corrected[2], NULL};
    decant_result_list *results = run_or_fail("corrected", reworded);
    assert_true(results->items[2].skipped);
    decant_result_list_destroy(results);
}

static int make_data(void **state)
{
    (void)state;
    if (system("rm -rf '" FOLDER "'") != 0 || dcn_directory_make(FOLDER) != DECANT_OK) return 1;
    if (setenv("XDG_CACHE_HOME", FOLDER "/cache", 1) != 0) return 1;
    return tiny_write(DATA) ? 0 : 1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_trained_on),
        cmocka_unit_test(test_transfer_sets_share_the_teachers_answers), /* while the cache is empty */
        cmocka_unit_test(test_unread_labels_change_nothing),
        cmocka_unit_test(test_a_pool_teaches),
        cmocka_unit_test(test_a_pools_answers_are_kept),
        cmocka_unit_test(test_biases_are_corrected),
        cmocka_unit_test(test_corrections_are_read_back),
        cmocka_unit_test(test_resumed_runs_are_corrected_alike),
        cmocka_unit_test(test_validation_has_the_say),
        cmocka_unit_test(test_a_single_logit_is_corrected),
        cmocka_unit_test(test_what_belongs_to_the_identity),
    };
    return cmocka_run_group_tests(tests, make_data, NULL);
}
