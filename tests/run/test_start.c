/* Runs that start from trained models: pruned, or with their weights; and runs whose bottleneck is folded at the end.
 */
#include "recipe/recipes.h"

#include <stdlib.h>

#include "base/file.h"
#include "base/folder.h"
#include "decant/compress.h"
#include "decant/recipe.h"
#include "nn/model.h"
#include "run/tiny.h"
#include "tensor/shape.h"

#define FOLDER TEST_BINARY_DIR "/recipe_start"
#define DATA   FOLDER "/data"

/* `still` learns so slowly that its weights stay where they begin. */
#define RECIPE                                                                                                         \
    "decant: 1\nname: t\nthreads: 1\n"                                                                                 \
    "data: {source: {format: idx, path: " DATA "}, validation: 40}\n"                                                  \
    "models:\n"                                                                                                        \
    "  net:\n"                                                                                                         \
    "    - conv: {channels: 8, kernel: 3, padding: 1, name: conv}\n"                                                   \
    "    - relu\n"                                                                                                     \
    "    - maxpool: 2\n"                                                                                               \
    "    - flatten\n"                                                                                                  \
    "    - linear: {features: 4, name: out}\n"                                                                         \
    "  factored: [flatten, linear: {features: 12, bottleneck: 16, name: fc}, relu, linear: 4]\n"                       \
    "runs:\n"                                                                                                          \
    "  big: {model: net, epochs: 2, batch: 20, optimizer: {adam: {lr: 1e-2}}, loss: {ce: 1}}\n"                        \
    "  scratch: {like: big, prune: {from: big, keep: 0.5, weights: fresh}, seeds: 2}\n"                                \
    "  pruned: {like: scratch, teacher: big, loss: {ce: 0.5, kd: 0.5}, prune: {weights: kept}}\n"                      \
    "  still: {like: big, optimizer: {sgd: {lr: 1e-30}}, init: big}\n"                                                 \
    "  still-pruned: {like: still, init: null, prune: {from: big, keep: 0.5}}\n"                                       \
    "  asked: {like: pruned, seeds: 2, prune: {criterion: taylor, samples: 96}}\n"                                     \
    "  tuned: {like: big, seeds: 2, init: pruned}\n"                                                                   \
    "  folded: {like: big, model: factored}\n"

typedef struct run_wish {
    const char *const *overrides; /* ended by NULL; or NULL */
    const char *runs[2];
    int64_t polls_left; /* stop when they are used up; 0: never */
    bool force;
} run_wish;

static bool stop_requested(void *context)
{
    run_wish *wish = context;
    return wish->polls_left > 0 && --wish->polls_left == 0;
}

static decant_status run_recipe(const char *where, run_wish *wish, decant_result_list **ret_results)
{
    char directory[512];
    decant_run_options options = {.directory = directory,
                                  .runs = wish->runs,
                                  .force = wish->force,
                                  .context = wish,
                                  .stop_requested = stop_requested};
    while (options.n_runs < 2 && wish->runs[options.n_runs] != NULL)
        options.n_runs++;
    snprintf(directory, sizeof directory, FOLDER "/%s", where);
    return run_and_destroy(recipe_or_fail(RECIPE, wish->overrides), &options, ret_results);
}

static decant_result_list *run_or_fail(const char *where, run_wish wish)
{
    decant_result_list *results = NULL;
    if (run_recipe(where, &wish, &results) != DECANT_OK) fail_msg("%s", decant_error_message());
    return results;
}

static const decant_run_result *result_of(const decant_result_list *results, const char *run, uint64_t seed)
{
    for (int32_t i = 0; i < results->count; i++)
        if (strcmp(results->items[i].run, run) == 0 && results->items[i].seed == seed) return &results->items[i];
    fail_msg("there is no result of %s", run);
    return NULL;
}

static decant_model *load(const char *run)
{
    char path[512];
    decant_model *model = NULL;
    snprintf(path, sizeof path, FOLDER "/whole/t/%s/model.safetensors", run);
    if (decant_model_load(path, &model) != DECANT_OK) fail_msg("%s", decant_error_message());
    return model;
}

static void assert_same_weights(const decant_model *a, const decant_model *b)
{
    for (dcn_value_id v = 0; v < a->graph->n_values; v++) {
        if (a->data[v] == NULL) continue;
        dcn_value_id w = dcn_graph_find(b->graph, a->graph->values[v].name);
        assert_int_not_equal(w, DCN_NONE);
        const decant_shape *shape = &a->graph->values[v].shape;
        assert_true(decant_shape_equal(shape, &b->graph->values[w].shape));
        assert_memory_equal(a->data[v], b->data[w], (size_t)decant_shape_count(shape) * sizeof(float));
    }
}

/* Breaks when a pruned run does not keep its limit, is compared with the wrong run, or tells too little. */
static void test_results(void **state)
{
    (void)state;
    decant_result_list *results = run_or_fail("whole", (run_wish){0});
    const decant_run_result *big = result_of(results, "big", 0);
    const int64_t all = 8 * 9 + 8 + 4 * 8 * 16 + 4;
    assert_int_equal(big->parameters, all);
    assert_int_equal(big->parameters_before, 0);
    for (uint64_t seed = 0; seed < 2; seed++) {
        const decant_run_result *pruned = result_of(results, "pruned", seed);
        const decant_run_result *scratch = result_of(results, "scratch", seed);
        assert_int_equal(pruned->parameters, 3 * 9 + 3 + 4 * 3 * 16 + 4);
        assert_int_equal(pruned->parameters_before, all);
        assert_int_equal(pruned->mult_adds_before, big->mult_adds);
        assert_string_equal(pruned->baseline, "scratch");
        assert_null(scratch->baseline);
        assert_int_equal(scratch->parameters, pruned->parameters);
        assert_int_equal(result_of(results, "tuned", seed)->parameters, pruned->parameters);
        assert_true(result_of(results, "asked", seed)->parameters <= all / 2);
        assert_int_equal(result_of(results, "tuned", seed)->parameters_before, 0);
    }
    decant_result_list_destroy(results);
}

/* Breaks when what pruning says of itself is lost on the way through result.json. */
static void test_results_are_read_back(void **state)
{
    (void)state;
    const char *const folders[] = {FOLDER "/whole/t/pruned-seed1", FOLDER "/whole/t/folded"};
    decant_result_list *results = NULL;
    assert_int_equal(decant_results_read(folders, 2, &results), DECANT_OK);
    assert_int_equal(results->items[0].parameters_before, 596);
    assert_int_equal(results->items[0].mult_adds_before, 8 * 9 * 64 + 512);
    assert_int_equal(results->items[0].folded, 0);
    assert_int_equal(results->items[1].parameters_before, 0);
    assert_int_equal(results->items[1].folded, 1);
    assert_true(results->items[1].fold_difference < 1e-5);
    decant_result_list_destroy(results);
}

/* Breaks when a run does not start from the weights that it names. */
static void test_starting_weights(void **state)
{
    (void)state;
    decant_model *big = load("big"), *still = load("still"), *pruned = load("still-pruned"), *expected = NULL;
    decant_prune_options options = decant_prune_options_default();
    options.keep = 0.5;
    assert_int_equal(decant_model_prune(big, &options, &expected, NULL), DECANT_OK);
    assert_same_weights(big, still);
    assert_same_weights(expected, pruned);
    assert_string_equal(dcn_model_metadata(pruned, "run"), "still-pruned");
    assert_int_equal(pruned->normalization.channels, big->normalization.channels);
    dcn_model_destroy(expected);
    dcn_model_destroy(pruned);
    dcn_model_destroy(still);
    dcn_model_destroy(big);
}

/* Breaks when a bottleneck's factors are handed over, or counted. */
static void test_bottleneck_is_folded(void **state)
{
    (void)state;
    decant_model *model = load("folded");
    decant_result_list *results = run_or_fail("whole", (run_wish){.runs = {"folded"}});
    decant_dataset *dataset = NULL;
    decant_evaluation *evaluation = NULL;
    assert_int_equal(results->items[0].parameters, 64 * 12 + 12 + 12 * 4 + 4);
    assert_int_equal(results->items[0].mult_adds, 64 * 12 + 12 * 4);
    assert_true(results->items[0].skipped);
    assert_int_equal(dcn_graph_find(model->graph, "fc.bottleneck.weight"), DCN_NONE);
    assert_int_equal(decant_dataset_open(DATA, &dataset), DECANT_OK);
    assert_int_equal(decant_model_evaluate(model, NULL, dataset, DECANT_PART_TEST, &evaluation), DECANT_OK);
    assert_int_equal(evaluation->errors, results->items[0].test_errors);
    assert_true(evaluation->accuracy > 0.7);
    decant_evaluation_destroy(evaluation);
    decant_dataset_destroy(dataset);
    decant_result_list_destroy(results);
    dcn_model_destroy(model);
}

/* Breaks when a checkpoint holds the folded layer instead of the factors, or the pruned network is not made again. */
static void test_resumed_runs_are_identical(void **state)
{
    (void)state;
    static const char *const runs[] = {"folded", "pruned"};
    for (size_t i = 0; i < DCN_COUNT(runs); i++) {
        char made[512], whole[512];
        const char *folder = strcmp(runs[i], "pruned") == 0 ? "pruned-seed0" : runs[i];
        run_wish stopped = {.runs = {runs[i]}, .polls_left = i == 0 ? 12 : 30}; /* big takes 16 steps before pruned */
        decant_result_list *results = NULL;
        assert_int_equal(run_recipe("parts", &stopped, &results), DECANT_INTERRUPTED);
        snprintf(made, sizeof made, FOLDER "/parts/t/%s/checkpoint.safetensors", folder);
        assert_true(dcn_file_exists(made));
        decant_result_list_destroy(run_or_fail("parts", (run_wish){.runs = {runs[i]}}));
        snprintf(made, sizeof made, FOLDER "/parts/t/%s/model.safetensors", folder);
        snprintf(whole, sizeof whole, FOLDER "/whole/t/%s/model.safetensors", folder);
        assert_same_file(made, whole);
    }
}

static void assert_refused(run_wish wish, decant_status expected, const char *words)
{
    decant_result_list *results = NULL;
    assert_int_equal(run_recipe("whole", &wish, &results), expected);
    assert_null(results);
    if (strstr(decant_error_message(), words) == NULL)
        fail_msg("'%s' does not say '%s'", decant_error_message(), words);
}

/* Breaks when another limit, criterion or source passes for the same run, or what exceeds its budget is trained. */
static void test_changes_and_budgets(void **state)
{
    (void)state;
    static const char *const keep[] = {"runs.pruned.prune.keep=0.4", NULL};
    static const char *const criterion[] = {"runs.pruned.prune.criterion=l2", NULL};
    static const char *const same[] = {"runs.pruned.prune.minimum=0.1", "runs.pruned.prune.weights=kept", NULL};
    static const char *const asked[] = {"runs.asked.prune.samples=97", NULL};
    static const char *const source[] = {"runs.still.init=" FOLDER "/whole/t/pruned-seed0/model.safetensors", NULL};
    static const char *const limit[] = {"budget={run: pruned, mult_adds: 1000}", "runs.pruned.seeds=[7]", NULL};
    assert_refused((run_wish){.overrides = keep, .runs = {"pruned"}}, DECANT_STALE, "prune.keep was 0.5 and is 0.4");
    assert_refused((run_wish){.overrides = criterion, .runs = {"pruned"}}, DECANT_STALE,
                   "prune.criterion was \"bn\" and is \"l2\"");
    assert_refused((run_wish){.overrides = asked, .runs = {"asked"}}, DECANT_STALE, "prune.samples was 96 and is 97");
    assert_refused((run_wish){.overrides = source, .runs = {"still"}}, DECANT_USAGE, "");
    assert_refused((run_wish){.overrides = limit, .runs = {"pruned"}}, DECANT_USAGE,
                   "mult-adds remain, more than the budget of 1000");
    decant_result_list *results = run_or_fail("whole", (run_wish){.overrides = same, .runs = {"pruned"}});
    assert_true(result_of(results, "pruned", 0)->skipped);
    decant_result_list_destroy(results);
}

static int make_data(void **state)
{
    (void)state;
    if (system("rm -rf '" FOLDER "'") != 0 || dcn_directory_make(DATA) != DECANT_OK) return 1;
    return tiny_write(DATA) ? 0 : 1;
}

int main(void)
{
    /* The first makes what others look at. */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_results),
        cmocka_unit_test(test_results_are_read_back),
        cmocka_unit_test(test_starting_weights),
        cmocka_unit_test(test_bottleneck_is_folded),
        cmocka_unit_test(test_resumed_runs_are_identical),
        cmocka_unit_test(test_changes_and_budgets),
    };
    return cmocka_run_group_tests(tests, make_data, NULL);
}
