/* Running a recipe: order, skipping, refusing, resuming bit for bit, and what is left when a write fails. */
#include "recipe/recipes.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>

#include "base/file.h"
#include "base/folder.h"
#include "base/text.h"
#include "decant/recipe.h"
#include "nn/model.h"
#include "run/tiny.h"

#define FOLDER TEST_BINARY_DIR "/recipe_run"
#define DATA   FOLDER "/data"

/* What the callbacks saw. */
typedef struct run_watch {
    int32_t n_started, n_resumed, n_skipped, n_results, n_sheets;
    char order[256];    /* "teacher alone ..." of the runs that were trained */
    char numbers[128];  /* "1/5 2/5 ..." of the same */
    char sheet[256];    /* of the latest loss sheet, "name value norm" of each term */
    int64_t polls_left; /* stop when they are used up; negative: never */
} run_watch;

static void on_start(void *context, const decant_run_start *start)
{
    run_watch *watch = context;
    size_t length = strlen(watch->order);
    snprintf(watch->order + length, sizeof watch->order - length, "%s%d ", start->run->name, (int)start->seed);
    watch->n_started++;
    watch->n_resumed += start->resumed;
    length = strlen(watch->numbers);
    snprintf(watch->numbers + length, sizeof watch->numbers - length, "%d/%d ", (int)start->number, (int)start->count);
}

static void on_result(void *context, const decant_run_result *result)
{
    run_watch *watch = context;
    watch->n_results++;
    watch->n_skipped += result->skipped;
}

static void on_losses(void *context, const decant_run_loss *losses, int32_t count)
{
    run_watch *watch = context;
    assert_true(count >= 1 && losses[0].formula != NULL);
    watch->n_sheets++;
    watch->sheet[0] = '\0';
    for (int32_t i = 0; i < count; i++) {
        size_t length = strlen(watch->sheet);
        snprintf(watch->sheet + length, sizeof watch->sheet - length, "%s %.6g %.6g ", losses[i].name, losses[i].value,
                 losses[i].gradient_norm);
    }
}

static bool stop_requested(void *context)
{
    run_watch *watch = context;
    if (watch->polls_left < 0) return false;
    return watch->polls_left-- == 0;
}

/* Runs the tiny recipe with overrides (ended by NULL) into a folder below FOLDER. */
static decant_status run_tiny(const char *where, const char *const *overrides, decant_run_options options,
                              run_watch *watch, decant_result_list **ret_results)
{
    char directory[512];
    snprintf(directory, sizeof directory, FOLDER "/%s", where);
    options.directory = directory;
    options.context = watch;
    options.on_start = on_start;
    options.on_result = on_result;
    options.on_losses = on_losses;
    options.stop_requested = stop_requested;
    return run_and_destroy(recipe_or_fail(TINY_RECIPE(DATA), overrides), &options, ret_results);
}

static const decant_run_options plain;

static run_watch run_or_fail(const char *where, const char *const *overrides, decant_run_options options)
{
    run_watch watch = {.polls_left = -1};
    decant_result_list *results = NULL;
    if (run_tiny(where, overrides, options, &watch, &results) != DECANT_OK) fail_msg("%s", decant_error_message());
    decant_result_list_destroy(results);
    return watch;
}

static void assert_refused(const char *where, const char *const *overrides, bool force, decant_status expected,
                           const char *message)
{
    run_watch watch = {.polls_left = -1};
    decant_result_list *results = NULL;
    decant_status status = run_tiny(where, overrides, (decant_run_options){.force = force}, &watch, &results);
    assert_int_equal(status, expected);
    assert_null(results);
    if (strstr(decant_error_message(), message) == NULL)
        fail_msg("'%s' does not say '%s'", decant_error_message(), message);
}

/* Breaks when runs are made out of order, or a result leaves something out. */
static void test_runs_and_results(void **state)
{
    (void)state;
    run_watch watch = {.polls_left = -1};
    decant_result_list *results = NULL;
    assert_int_equal(run_tiny("whole", NULL, plain, &watch, &results), DECANT_OK);
    assert_string_equal(watch.order, "teacher0 alone0 alone1 distilled0 distilled1 ");
    assert_int_equal(watch.n_sheets, 5);
    assert_int_equal(results->count, 5);
    const decant_run_result *last = &results->items[4];
    assert_string_equal(last->run, "distilled");
    assert_string_equal(last->teacher, "teacher");
    assert_string_equal(last->baseline, "alone");
    assert_int_equal(last->seed, 1);
    assert_int_equal(last->parameters, 556);
    assert_int_equal(last->mult_adds, 544);
    assert_int_equal(last->epochs, 2);
    assert_int_equal(last->steps, 16);
    assert_int_equal(last->test_count, TINY_TEST);
    assert_true(last->has_validation);
    assert_true(last->test_accuracy > 0.8);
    assert_true(last->test_accuracy == 1.0 - (double)last->test_errors / TINY_TEST);
    assert_true(last->majority_accuracy == 0.25);
    decant_result_list_destroy(results);
    assert_true(dcn_file_exists(FOLDER "/whole/tiny/distilled-seed1/model.safetensors"));
    assert_true(dcn_file_exists(FOLDER "/whole/tiny/teacher/metrics.jsonl"));
    assert_false(dcn_file_exists(FOLDER "/whole/tiny/teacher/checkpoint.safetensors"));
}

/* Breaks when losses.json says something else than was told when the run began, or forgets it when the run is resumed.
 */
static void test_the_loss_sheet_is_kept(void **state)
{
    (void)state;
    run_watch told = {.polls_left = 20}; /* within the teacher's 32 steps */
    const char *const only[] = {"runs.teacher.epochs=4", NULL};
    decant_result_list *results = NULL;
    char kept[256] = "";
    size_t index = 0;
    json_t *term = NULL;
    assert_int_equal(run_tiny("sheet", only, plain, &told, &results), DECANT_INTERRUPTED);
    decant_result_list_destroy(results);
    (void)run_or_fail("sheet", only, plain);
    json_t *sheet = json_load_file(FOLDER "/sheet/tiny/teacher/losses.json", 0, NULL);
    json_array_foreach(json_object_get(sheet, "terms"), index, term)
    {
        size_t length = strlen(kept);
        snprintf(kept + length, sizeof kept - length, "%s %.6g %.6g ", json_string_value(json_object_get(term, "name")),
                 json_number_value(json_object_get(term, "value")),
                 json_number_value(json_object_get(term, "gradient_norm")));
    }
    assert_string_equal(kept, told.sheet);
    assert_true(strncmp(kept, "ce ", 3) == 0);
    json_decref(sheet);
}

/* Breaks when result.json counts epochs otherwise than metrics.jsonl does. */
static void test_best_epoch_is_that_of_the_metrics(void **state)
{
    (void)state;
    const char *const folder = FOLDER "/whole/tiny/teacher";
    decant_result_list *results = NULL;
    uint8_t *result = NULL, *metrics = NULL;
    size_t result_bytes = 0, metrics_bytes = 0;
    char expected[64];
    int64_t best = 0;
    assert_int_equal(dcn_file_read(FOLDER "/whole/tiny/teacher/result.json", 1 << 20, &result, &result_bytes),
                     DECANT_OK);
    assert_int_equal(dcn_file_read(FOLDER "/whole/tiny/teacher/metrics.jsonl", 1 << 20, &metrics, &metrics_bytes),
                     DECANT_OK);
    int64_t line = 0;
    for (size_t i = 0; i + 11 < metrics_bytes; i++) {
        if (memcmp(metrics + i, "{\"epoch\":", 9) == 0) line++;
        if (memcmp(metrics + i, "\"best\":true", 11) == 0) best = line;
    }
    assert_in_range(best, 1, 2);
    snprintf(expected, sizeof expected, "\"best_epoch\":%d,", (int)best);
    assert_non_null(memmem(result, result_bytes, expected, strlen(expected)));
    assert_int_equal(decant_results_read(&folder, 1, &results), DECANT_OK);
    assert_int_equal(results->items[0].best_epoch, best - 1);
    decant_result_list_destroy(results);
    dcn_free(result);
    dcn_free(metrics);
}

/* Breaks when a result read back is not the one that was written. */
static void test_results_are_read_back(void **state)
{
    (void)state;
    const char *const folder = FOLDER "/whole/tiny";
    decant_result_list *results = NULL;
    decant_comparison *comparison = NULL;
    assert_int_equal(decant_results_read(&folder, 1, &results), DECANT_OK);
    assert_int_equal(results->count, 5);
    assert_int_equal(decant_results_compare(results, &comparison), DECANT_OK);
    assert_int_equal(comparison->count, 3);
    assert_string_equal(comparison->rows[0].run, "teacher"); /* as the recipe has them, not by their names */
    assert_string_equal(comparison->rows[1].run, "alone");
    const decant_comparison_row *distilled = &comparison->rows[2];
    assert_string_equal(distilled->run, "distilled");
    assert_int_equal(distilled->n_seeds, 2);
    assert_int_equal(distilled->baseline, 1);
    assert_int_equal(comparison->rows[1].baseline, -1);
    char *signature = strstr(distilled->results[0]->made_by, " on ");
    assert_non_null(signature);
    assert_int_equal(strncmp(distilled->results[0]->made_by, "decant ", 7), 0);
    assert_non_null(strstr(distilled->results[0]->made_with, "1 thread"));
    assert_int_equal(strlen(distilled->results[0]->made_at), strlen("2026-11-22T21:40:05Z"));
    double a = distilled->results[0]->test_accuracy, b = distilled->results[1]->test_accuracy;
    assert_true(distilled->accuracy_mean == (a + b) / 2);
    for (int32_t i = 0; i < results->count; i++)
        for (int64_t e = 1; e < results->items[i].test_errors; e++)
            assert_true(results->items[i].wrong[e] > results->items[i].wrong[e - 1]);
    decant_comparison_destroy(comparison);
    decant_result_list_destroy(results);
    const char *const nothing = FOLDER "/data";
    assert_int_equal(decant_results_read(&nothing, 1, &results), DECANT_NOT_FOUND);
}

/* Breaks when what a result says of the answers is not what the model file answers. */
static void test_results_say_what_the_model_answers(void **state)
{
    (void)state;
    const char *const folder = FOLDER "/whole/tiny/distilled-seed1";
    decant_result_list *results = NULL;
    decant_model *student = NULL, *teacher = NULL;
    decant_dataset *dataset = NULL;
    decant_evaluation *evaluation = NULL;
    assert_int_equal(decant_results_read(&folder, 1, &results), DECANT_OK);
    assert_int_equal(decant_model_load(FOLDER "/whole/tiny/distilled-seed1/model.safetensors", &student), DECANT_OK);
    assert_int_equal(decant_model_load(FOLDER "/whole/tiny/teacher/model.safetensors", &teacher), DECANT_OK);
    assert_int_equal(decant_dataset_open(DATA, &dataset), DECANT_OK);
    assert_int_equal(decant_model_evaluate_beside(student, teacher, NULL, dataset, DECANT_PART_TEST, &evaluation),
                     DECANT_OK);
    const decant_run_result *result = &results->items[0];
    const decant_measures *saved = &result->test_measures, *asked = &evaluation->measures;
    assert_true(saved->known && saved->has_teacher && asked->has_teacher);
    assert_true(fabs(saved->calibration.error - asked->calibration.error) < 1e-6);
    assert_true(fabs(saved->fidelity.agreement - asked->fidelity.agreement) < 1e-9);
    assert_true(fabs(saved->fidelity.divergence - asked->fidelity.divergence) < 1e-6);
    for (int i = 0; i < DECANT_CALIBRATION_BINS; i++)
        assert_int_equal(saved->calibration.bins[i].count, asked->calibration.bins[i].count);
    assert_true(fabs(saved->fidelity.teacher_accuracy - asked->fidelity.teacher_accuracy) < 1e-9);
    assert_int_equal(saved->fidelity.teacher_errors, asked->fidelity.teacher_errors);
    assert_true(result->validation_measures.known && result->validation_measures.has_teacher);
    assert_int_equal(result->n_classes, 4);
    assert_memory_equal(result->confusion, evaluation->confusion, 16 * sizeof(int64_t));
    for (int64_t i = 0, wrong = 0; i < result->test_count; i++) {
        bool is_wrong = wrong < result->test_errors && result->wrong[wrong] == i;
        assert_int_equal(result->predictions[i] != i % 4, is_wrong); /* labels go round */
        wrong += is_wrong;
    }
    decant_evaluation_destroy(evaluation);
    decant_dataset_destroy(dataset);
    decant_model_destroy(teacher);
    decant_model_destroy(student);
    decant_result_list_destroy(results);
}

/* Breaks when what one teacher answers is taken for the next one's. */
static void test_each_student_is_held_against_its_own_teacher(void **state)
{
    (void)state;
    static const char *const overrides[] = {"runs.distilled.teacher=alone", NULL};
    decant_fidelity known[2];
    decant_dataset *dataset = NULL;
    run_or_fail("teachers", overrides, (decant_run_options){0});
    assert_int_equal(decant_dataset_open(DATA, &dataset), DECANT_OK);
    for (int seed = 0; seed < 2; seed++) {
        char path[2][512];
        decant_model *models[2] = {NULL, NULL}; /* student, teacher */
        decant_evaluation *evaluation = NULL;
        decant_result_list *results = NULL;
        snprintf(path[0], sizeof path[0], FOLDER "/teachers/tiny/distilled-seed%d", seed);
        const char *const folder = path[0];
        assert_int_equal(decant_results_read(&folder, 1, &results), DECANT_OK);
        snprintf(path[0], sizeof path[0], FOLDER "/teachers/tiny/distilled-seed%d/model.safetensors", seed);
        snprintf(path[1], sizeof path[1], FOLDER "/teachers/tiny/alone-seed%d/model.safetensors", seed);
        for (int m = 0; m < 2; m++)
            assert_int_equal(decant_model_load(path[m], &models[m]), DECANT_OK);
        assert_int_equal(
            decant_model_evaluate_beside(models[0], models[1], NULL, dataset, DECANT_PART_TEST, &evaluation),
            DECANT_OK);
        known[seed] = evaluation->measures.fidelity;
        const decant_fidelity *saved = &results->items[0].test_measures.fidelity;
        assert_true(fabs(saved->divergence - known[seed].divergence) < 1e-6);
        assert_true(fabs(saved->agreement - known[seed].agreement) < 1e-9);
        assert_int_equal(saved->teacher_errors, known[seed].teacher_errors);
        decant_evaluation_destroy(evaluation);
        decant_result_list_destroy(results);
        for (int m = 0; m < 2; m++)
            decant_model_destroy(models[m]);
    }
    assert_true(fabs(known[0].divergence - known[1].divergence) > 1e-4); /* else either would do */
    decant_dataset_destroy(dataset);
}

/* The result of a run with one part of its text replaced by another. */
static decant_status read_replaced(const char *before, const char *after)
{
    const char *const folder = FOLDER "/replaced";
    decant_result_list *results = NULL;
    uint8_t *text = NULL;
    size_t bytes = 0;
    dcn_text changed = {0};
    assert_int_equal(dcn_file_read(FOLDER "/whole/tiny/distilled-seed1/result.json", 1 << 20, &text, &bytes),
                     DECANT_OK);
    const char *at = strstr((const char *)text, before);
    assert_non_null(at);
    assert_int_equal(dcn_text_add(&changed, "%.*s%s%s", (int)(at - (const char *)text), (const char *)text, after,
                                  at + strlen(before)),
                     DECANT_OK);
    assert_int_equal(dcn_directory_make(folder), DECANT_OK);
    assert_int_equal(dcn_file_write(FOLDER "/replaced/result.json", changed.data, changed.length), DECANT_OK);
    decant_status status = decant_results_read(&folder, 1, &results);
    decant_result_list_destroy(results);
    dcn_text_finish(&changed);
    dcn_free(text);
    return status;
}

/* Breaks when a result that somebody cut or edited is believed, or one of an older decant is refused. */
static void test_damaged_answers_are_refused(void **state)
{
    (void)state;
    assert_int_equal(read_replaced("\"predictions\":[", "\"predictions\":[7,"), DECANT_FORMAT);
    assert_int_equal(read_replaced("\"predictions\":[0,", "\"predictions\":[4,"), DECANT_FORMAT);
    assert_int_equal(read_replaced("\"predictions\":[0,", "\"predictions\":[-1,"), DECANT_FORMAT);
    assert_int_equal(read_replaced("\"confusion\":[[", "\"confusion\":[[1,"), DECANT_FORMAT);
    assert_int_equal(read_replaced("\"confusion\":[[2", "\"confusion\":[[-2"), DECANT_FORMAT);
    assert_int_equal(read_replaced("\"place\":", "\"place\":-"), DECANT_FORMAT);
    assert_int_equal(read_replaced("\"place\":", "\"place\":9000000000"), DECANT_FORMAT);
    assert_int_equal(read_replaced("\"place\"", "\"not there\""), DECANT_OK);
    assert_int_equal(read_replaced("\"wrong\":[", "\"wrong\":[9000"), DECANT_FORMAT);
    assert_int_equal(read_replaced("\"wrong\":[", "\"wrong\":[-"), DECANT_FORMAT);
    assert_int_equal(read_replaced("\"ece\":", "\"ece\":2"), DECANT_FORMAT);
    assert_int_equal(read_replaced("\"agreement\":", "\"agreement\":7"), DECANT_FORMAT);
    assert_int_equal(read_replaced("\"teacher_accuracy\":", "\"teacher_accuracy\":7"), DECANT_FORMAT);
    assert_int_equal(read_replaced("\"teacher_accuracy\"", "\"not there\""), DECANT_OK);
    assert_int_equal(read_replaced("\"bins\":[{\"count\":", "\"bins\":[{\"count\":9000000000000000000"), DECANT_FORMAT);
    assert_int_equal(read_replaced("\"made\"", "\"not there\""), DECANT_OK);
    assert_int_equal(read_replaced("\"bins\":[{", "\"bins\":[{\"count\":0},{"), DECANT_FORMAT);
    assert_int_equal(read_replaced("\"calibration\"", "\"not there\""), DECANT_OK);
    assert_int_equal(read_replaced("\"confusion\"", "\"not there\""), DECANT_OK);
}

/* Breaks when a finished run is trained again, other words for the same recipe count as a change, or a checkpoint stays
 * that a kill behind the result has left. */
static void test_finished_runs_are_skipped(void **state)
{
    (void)state;
    static const char *const other_words[] = {"runs.alone.batch=20",
                                              "runs.alone.optimizer={adam: {lr: 0.01, beta1: 0.9}}",
                                              "runs.alone.schedule=constant",
                                              "data.normalize=train",
                                              "threads=2",
                                              NULL};
    static const char left[] = FOLDER "/whole/tiny/alone-seed1/checkpoint.safetensors";
    assert_int_equal(dcn_file_write(left, "left", 4), DECANT_OK);
    run_watch again = run_or_fail("whole", NULL, plain), reworded = run_or_fail("whole", other_words, plain);
    assert_int_equal(again.n_started, 0);
    assert_int_equal(again.n_skipped, 5);
    assert_int_equal(reworded.n_started, 0);
    assert_int_equal(reworded.n_skipped, 5);
    assert_false(dcn_file_exists(left));
}

/* Breaks when results of another recipe are passed off as this one's, or --force throws away what is still good. */
static void test_changed_runs_are_refused_or_made_again(void **state)
{
    (void)state;
    static const char *const changes[][2] = {{"runs.alone.epochs=1", NULL}};
    (void)run_or_fail("changed", NULL, plain);
    assert_refused("changed", changes[0], false, DECANT_STALE, "epochs was 2 and is 1");
    run_watch forced = run_or_fail("changed", changes[0], (decant_run_options){.force = true});
    assert_string_equal(forced.order, "alone0 alone1 distilled0 distilled1 "); /* the teacher is as it was */
    assert_string_equal(forced.numbers, "2/5 3/5 4/5 5/5 ");
    assert_int_equal(run_or_fail("changed", changes[0], plain).n_started, 0);
}

/* Breaks when a finished run is believed although its model file is no longer the one that was tested. */
static void test_damaged_models_are_made_again(void **state)
{
    (void)state;
    (void)run_or_fail("damaged", NULL, plain);
    char path[512];
    snprintf(path, sizeof path, "%s/damaged/tiny/alone-seed1/model.safetensors", FOLDER);
    FILE *file = fopen(path, "r+b");
    if (file == NULL) fail_msg("%s is not there", path);
    fseek(file, -5, SEEK_END);
    int byte = fgetc(file);
    fseek(file, -5, SEEK_END);
    fputc(byte ^ 1, file);
    fclose(file);
    assert_string_equal(run_or_fail("damaged", NULL, plain).order, "alone1 ");
    assert_int_equal(run_or_fail("damaged", NULL, plain).n_started, 0);
}

static bool file_says(const char *path, const char *words)
{
    uint8_t *text = NULL;
    size_t bytes = 0;
    assert_int_equal(dcn_file_read(path, 1 << 20, &text, &bytes), DECANT_OK);
    bool says = strstr((const char *)text, words) != NULL;
    dcn_free(text);
    return says;
}

/* Breaks when members of an ensemble are not made first, are not all named in the result, or one that changes goes
 * unnoticed. */
static void test_ensembles(void **state)
{
    (void)state;
    static const char *const seeds[] = {"runs.distilled.teacher={run: alone, seeds: all}",
                                        "runs.distilled.ensemble=probabilities", NULL};
    static const char *const both[] = {"runs.distilled.teacher=[teacher, alone]", NULL};
    static const char *const changed[] = {"runs.distilled.teacher=[teacher, alone]", "runs.alone.epochs=1",
                                          "runs.distilled.epochs=2", NULL};
    static const char *const alone[] = {"alone"};
    run_watch watch = {.polls_left = -1};
    decant_result_list *results = NULL;
    if (run_tiny("ensemble", seeds, plain, &watch, &results) != DECANT_OK) fail_msg("%s", decant_error_message());
    assert_string_equal(watch.order, "teacher0 alone0 alone1 distilled0 distilled1 ");
    assert_string_equal(results->items[4].teacher, "alone (all seeds)");
    assert_true(results->items[4].test_measures.has_teacher);
    decant_result_list_destroy(results);
    const char *const path = FOLDER "/ensemble/tiny/distilled-seed1/result.json";
    assert_true(file_says(path, "{\"average\":\"probabilities\",\"members\":[\""));
    assert_refused("ensemble", both, false, DECANT_STALE, "teacher");

    (void)run_or_fail("ensemble", both, (decant_run_options){.force = true});
    assert_true(file_says(path, "\"average\":\"logits\""));
    (void)run_or_fail("ensemble", changed, (decant_run_options){.runs = alone, .n_runs = 1, .force = true});
    assert_refused("ensemble", changed, false, DECANT_STALE, "teacher");
}

/* Breaks when a student is taught by another seed than the one that was named, or when seeds that it does not need are
 * trained. */
static void test_a_seed_that_is_named_teaches_all(void **state)
{
    (void)state;
    static const char *const named[] = {"runs.distilled.teacher={run: alone, seeds: 1}", NULL};
    static const char *const own[] = {"runs.distilled.teacher=alone", "runs.distilled.seeds=[1]", NULL};
    static const char *const absent[] = {"runs.distilled.teacher={run: alone, seeds: 2}", NULL};
    static const char *const distilled[] = {"distilled"};
    const decant_run_options options = {.runs = distilled, .n_runs = 1};
    run_watch watch = {.polls_left = -1};
    decant_result_list *results = NULL;
    if (run_tiny("named", named, options, &watch, &results) != DECANT_OK) fail_msg("%s", decant_error_message());
    assert_string_equal(watch.order, "alone1 distilled0 distilled1 ");
    assert_string_equal(results->items[1].teacher, "alone (seed 1)");
    decant_result_list_destroy(results);
    assert_string_equal(run_or_fail("own", own, options).order, "alone1 distilled1 ");
    assert_refused("absent", absent, false, DECANT_USAGE, "taught by the seed 2 of 'alone', which has no such seed");
}

/* Breaks when a student outlives its teacher. */
static void test_students_of_a_changed_teacher_are_refused(void **state)
{
    (void)state;
    static const char *const change[] = {"runs.teacher.epochs=1", NULL};
    static const char *const teacher[] = {"teacher"};
    (void)run_or_fail("taught", NULL, plain);
    (void)run_or_fail("taught", change, (decant_run_options){.runs = teacher, .n_runs = 1, .force = true});
    assert_refused("taught", change, false, DECANT_STALE, "teacher: the teacher is another");
}

/* Breaks when data, networks or settings can change unseen. */
static void test_what_belongs_to_the_identity(void **state)
{
    (void)state;
    static const char *const changes[][2] = {{"runs.teacher.optimizer.adam.lr=0.02", "optimizer.lr"},
                                             {"runs.teacher.schedule=cosine", "schedule.kind"},
                                             {"runs.teacher.loss.ce=0.5", "loss.ce.weight"},
                                             {"runs.teacher.select=last", "select was \"best\" and is \"last\""},
                                             {"runs.teacher.ema=0.9", "optimizer.ema"},
                                             {"runs.teacher.samples=100", "samples was 0 and is 100"},
                                             {"data.validation=44", "data.validation was"},
                                             {"data.seed=1", "data.seed was 0 and is 1"},
                                             {"data.augment={shift: 1}", "augment.shift was 0 and is 1"},
                                             {"models.teacher.0.conv.channels=9", "model.network"}};
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        const char *const overrides[] = {changes[i][0], NULL};
        assert_refused("whole", overrides, false, DECANT_STALE, changes[i][1]);
    }
}

/* Breaks when a chosen run is made without its teacher, or with everything else. */
static void test_chosen_runs_bring_their_teachers(void **state)
{
    (void)state;
    static const char *const chosen[] = {"distilled"};
    run_watch watch = run_or_fail("chosen", NULL, (decant_run_options){.runs = chosen, .n_runs = 1});
    assert_string_equal(watch.order, "teacher0 distilled0 distilled1 ");
    assert_string_equal(watch.numbers, "1/3 2/3 3/3 ");
    static const char *const unknown[] = {"distiled"};
    decant_result_list *results = NULL;
    assert_int_equal(run_tiny("chosen", NULL, (decant_run_options){.runs = unknown, .n_runs = 1}, &watch, &results),
                     DECANT_USAGE);
    assert_non_null(strstr(decant_error_message(), "did you mean 'distilled'?"));
}

/* Breaks when somebody else's folder is written into. */
static void test_foreign_directories_are_refused(void **state)
{
    (void)state;
    static const char other[] =
        "{\"format\": \"decant-run\", \"recipe\": \"other\", \"run\": \"teacher\", \"seed\": 0}";
    assert_int_equal(dcn_directory_make(FOLDER "/foreign/tiny/teacher"), DECANT_OK);
    assert_int_equal(dcn_file_write(FOLDER "/foreign/tiny/teacher/notes.txt", "mine", 4), DECANT_OK);
    assert_refused("foreign", NULL, true, DECANT_STALE, "is not empty and no run of decant's");
    assert_int_equal(dcn_file_write(FOLDER "/foreign/tiny/teacher/run.json", other, strlen(other)), DECANT_OK);
    assert_refused("foreign", NULL, true, DECANT_STALE, "belongs to the recipe 'other'");
    assert_int_equal(dcn_file_write(FOLDER "/foreign/tiny/teacher/run.json", "{", 1), DECANT_OK);
    assert_refused("foreign", NULL, true, DECANT_STALE, "is damaged or not decant's");
    assert_true(dcn_file_exists(FOLDER "/foreign/tiny/teacher/notes.txt"));
}

/* Breaks when half a file of a process that was killed as it began stands in the way for ever, or stays. */
static void test_leftovers_of_killed_processes(void **state)
{
    (void)state;
    static const char *const names[] = {"/run.json.tmp-12-1", "/model.safetensors.tmp-12-2"};
    char leftover[512];
    assert_int_equal(dcn_directory_make(FOLDER "/killed/tiny/teacher"), DECANT_OK);
    for (size_t i = 0; i < DCN_COUNT(names); i++) {
        snprintf(leftover, sizeof leftover, FOLDER "/killed/tiny/teacher%s", names[i]);
        assert_int_equal(dcn_file_write(leftover, "{", 1), DECANT_OK);
    }
    (void)run_or_fail("killed", NULL, plain);
    for (size_t i = 0; i < DCN_COUNT(names); i++) {
        snprintf(leftover, sizeof leftover, FOLDER "/killed/tiny/teacher%s", names[i]);
        assert_false(dcn_file_exists(leftover));
    }
}

/* Breaks when a recipe with errors begins to train. */
static void test_recipes_with_errors_do_not_run(void **state)
{
    (void)state;
    static const char *const untaught[] = {"runs.alone.loss={kd: 1}", "budget={model: student, parameters: 1}", NULL};
    assert_refused("errors", untaught, false, DECANT_USAGE, "(and ");
    assert_false(dcn_file_exists(FOLDER "/errors"));
}

/* Breaks when stopping anywhere and going on gives other weights than never stopping. */
static void test_resumed_runs_are_identical(void **state)
{
    (void)state;
    static const char *const files[] = {"teacher/model.safetensors", "alone-seed1/model.safetensors",
                                        "distilled-seed0/model.safetensors", "distilled-seed1/model.safetensors"};
    static const int64_t stops[] = {0, 1, 5, 9, 17, 20, 60};
    char where[32], a[512], b[512];
    for (size_t i = 0; i < sizeof stops / sizeof stops[0]; i++) {
        run_watch watch = {.polls_left = stops[i]};
        decant_result_list *results = NULL;
        snprintf(where, sizeof where, "stopped%zu", i);
        assert_int_equal(run_tiny(where, NULL, plain, &watch, &results), DECANT_INTERRUPTED);
        assert_null(results);
        (void)run_or_fail(where, NULL, plain);
        for (size_t f = 0; f < sizeof files / sizeof files[0]; f++) {
            snprintf(a, sizeof a, FOLDER "/whole/tiny/%s", files[f]);
            snprintf(b, sizeof b, FOLDER "/%s/tiny/%s", where, files[f]);
            assert_same_file(a, b);
        }
    }
}

/* Breaks when a full disk leaves a run that looks finished, or one that cannot be made afterwards. */
static void test_failed_writes_leave_nothing_half_done(void **state)
{
    (void)state;
    static const char *const teacher[] = {"teacher"};
    const decant_run_options options = {.runs = teacher, .n_runs = 1};
    int32_t failures = 0;
    for (int64_t nth = 1; nth <= 200; nth++) {
        run_watch watch = {.polls_left = -1};
        decant_result_list *results = NULL;
        char where[32], path[512];
        snprintf(where, sizeof where, "full%d", (int)nth);
        dcn_file_fail_nth_write(nth);
        decant_status status = run_tiny(where, NULL, options, &watch, &results);
        dcn_file_fail_nth_write(0);
        decant_result_list_destroy(results);
        if (status == DECANT_OK) break;
        failures++;
        assert_int_equal(status, DECANT_IO);
        snprintf(path, sizeof path, FOLDER "/%s/tiny/teacher/result.json", where);
        assert_false(dcn_file_exists(path));
        (void)run_or_fail(where, NULL, options);
        snprintf(path, sizeof path, FOLDER "/%s/tiny/teacher/model.safetensors", where);
        assert_same_file(path, FOLDER "/whole/tiny/teacher/model.safetensors");
    }
    assert_true(failures >= 5); /* at least run.json, losses.json, a checkpoint, the model and the result are written */
}

/* Breaks when memory that runs out anywhere leaks, crashes, or leaves a run that looks finished. */
static void test_memory_failures_leave_nothing_half_done(void **state)
{
    (void)state;
    static const char *const teacher[] = {"teacher"};
    const decant_run_options options = {.runs = teacher, .n_runs = 1};
    decant_status status = DECANT_NO_MEMORY;
    int32_t failures = 0;
    for (int64_t nth = 1; status != DECANT_OK; nth += 1 + nth / 8) {
        run_watch watch = {.polls_left = -1};
        decant_result_list *results = NULL;
        decant_recipe *recipe = recipe_or_fail(TINY_RECIPE(DATA), NULL);
        decant_run_options all = options;
        all.directory = FOLDER "/memory";
        all.context = &watch;
        all.on_result = on_result;
        dcn_memory_fail_nth(nth);
        status = decant_recipe_run(recipe, &all, &results);
        dcn_memory_fail_nth(0);
        decant_recipe_destroy(recipe);
        assert_int_equal(results != NULL, status == DECANT_OK);
        decant_result_list_destroy(results);
        if (status == DECANT_OK) break;
        failures++;
        assert_int_equal(status, DECANT_NO_MEMORY);
    }
    assert_true(failures > 10);
    assert_same_file(FOLDER "/memory/tiny/teacher/model.safetensors", FOLDER "/whole/tiny/teacher/model.safetensors");
}

/* Breaks when the file does not say where it comes from, or forgets its normalisation. */
static void test_model_files_tell_their_story(void **state)
{
    (void)state;
    decant_model *model = NULL;
    assert_int_equal(dcn_model_load(FOLDER "/whole/tiny/distilled-seed1/model.safetensors", &model), DECANT_OK);
    static const char *const keys[] = {"recipe", "run",       "seed",        "epochs",      "steps",
                                       "data",   "data_hash", "recipe_hash", "teacher_hash"};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        assert_non_null(dcn_model_metadata(model, keys[i]));
    assert_string_equal(dcn_model_metadata(model, "seed"), "1");
    assert_int_equal(model->normalization.channels, 1);
    assert_true(model->normalization.mean[0] > 0.3f && model->normalization.mean[0] < 0.5f);
    dcn_model_destroy(model);
}

static void assert_same_weights(const char *path, const char *other_path)
{
    decant_model *first = NULL, *second = NULL;
    assert_int_equal(dcn_model_load(path, &first), DECANT_OK);
    assert_int_equal(dcn_model_load(other_path, &second), DECANT_OK);
    for (dcn_value_id id = 0; id < first->graph->n_values; id++) {
        if (first->data[id] == NULL) continue;
        size_t bytes = (size_t)decant_shape_count(&first->graph->values[id].shape) * sizeof(float);
        assert_memory_equal(first->data[id], second->data[id], bytes);
    }
    dcn_model_destroy(first);
    dcn_model_destroy(second);
}

/* Breaks when the test part has a say in what a model becomes: here only the test part differs. */
static void test_test_part_has_no_say(void **state)
{
    (void)state;
    enum { MOST = 4 };
    static const char *const changes[][MOST] = {
        {NULL},
        {"runs.distilled.loss={logits: {weight: 1, standardize: true}}", NULL},
        {"runs.distilled.transfer={keep: [0, 3]}", "runs.distilled.correct_bias=frequencies", NULL},
        {"runs.distilled.transfer={keep: [0, 3]}", "runs.distilled.correct_bias={validation: {classes: each}}", NULL},
        {"runs.alone.model=teacher", "runs.alone.prune={from: teacher, parameters: 400, criterion: taylor}", NULL},
    };
    static const char *const runs[] = {"distilled", "alone"};
    assert_int_equal(dcn_directory_make(FOLDER "/other_test"), DECANT_OK);
    assert_true(tiny_write(FOLDER "/other_test") && tiny_write_part(FOLDER "/other_test", "t10k", 20, 99));
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        const char *overrides[MOST + 1] = {NULL};
        char where[2][64];
        int32_t count = 0;
        for (; changes[i][count] != NULL; count++)
            overrides[count] = changes[i][count];
        for (int other = 0; other < 2; other++) {
            snprintf(where[other], sizeof where[other], "%s_test_%zu", other ? "other" : "same", i);
            overrides[count] = other ? "data.source.path=" FOLDER "/other_test" : NULL;
            (void)run_or_fail(where[other], overrides, (decant_run_options){.runs = runs, .n_runs = 2});
        }
        for (int run = 0; run < 2; run++) {
            char path[2][512];
            for (int other = 0; other < 2; other++)
                snprintf(path[other], sizeof path[other], FOLDER "/%s/tiny/%s-seed1/model.safetensors", where[other],
                         runs[run]);
            assert_same_weights(path[0], path[1]);
        }
    }
}

/* Breaks when `samples` does not shorten the epochs. */
static void test_part_of_the_samples(void **state)
{
    (void)state;
    static const char *const half[] = {"runs.teacher.samples=80", NULL};
    static const char *const teacher[] = {"teacher"};
    run_watch watch = {.polls_left = -1};
    decant_result_list *results = NULL;
    const decant_run_options options = {.runs = teacher, .n_runs = 1};
    assert_int_equal(run_tiny("half", half, options, &watch, &results), DECANT_OK);
    assert_int_equal(results->items[0].steps, 8);
    decant_result_list_destroy(results);
}

/* Breaks when a teacher file that saw other inputs is listened to. */
static void test_teacher_files(void **state)
{
    (void)state;
    static const char *const fits[] = {"runs.distilled.teacher=" FOLDER "/whole/tiny/teacher/model.safetensors", NULL};
    static const char *const differs[] = {"runs.distilled.teacher=" FOLDER "/whole/tiny/teacher/model.safetensors",
                                          "data.normalize={mean: 0.5, std: 0.5}", NULL};
    static const char *const chosen[] = {"distilled"};
    run_watch watch = run_or_fail("file", fits, (decant_run_options){.runs = chosen, .n_runs = 1});
    assert_string_equal(watch.order, "distilled0 distilled1 ");
    assert_refused("other_file", differs, false, DECANT_USAGE, "normalised in another way");
}

/* Breaks when the recipe's limit or the caller's wish is not heard, or the result does not say what the cache did. */
static void test_teacher_cache(void **state)
{
    (void)state;
    static const char *const off[] = {"teacher_cache=off", NULL};
    static const char *const distilled[] = {"distilled"};
    static const struct {
        const char *where;
        const char *const *overrides;
        bool no_cache, cached;
    } cases[] = {{"cached", NULL, false, true}, {"off", off, false, false}, {"wish", NULL, true, false}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        run_watch watch = {.polls_left = -1};
        decant_result_list *results = NULL;
        char folder[512];
        const decant_run_options options = {.runs = distilled, .n_runs = 1, .no_teacher_cache = cases[i].no_cache};
        assert_int_equal(run_tiny(cases[i].where, cases[i].overrides, options, &watch, &results), DECANT_OK);
        decant_result_list_destroy(results);
        snprintf(folder, sizeof folder, FOLDER "/%s/tiny/distilled-seed1", cases[i].where);
        const char *const directory = folder;
        assert_int_equal(decant_results_read(&directory, 1, &results), DECANT_OK);
        const decant_run_result *result = &results->items[0];
        assert_int_equal(result->teacher_cached, cases[i].cached);
        assert_int_equal(result->answers_needed, cases[i].cached ? 2 * 160 : 0);
        assert_int_equal(result->answers_computed, 0); /* the first seed had asked */
        assert_true(decant_result_hit_rate(result) == (cases[i].cached ? 1 : 0));
        decant_result_list_destroy(results);
    }
    assert_same_file(FOLDER "/cached/tiny/distilled-seed0/model.safetensors",
                     FOLDER "/whole/tiny/distilled-seed0/model.safetensors");
    assert_same_file(FOLDER "/off/tiny/distilled-seed0/model.safetensors",
                     FOLDER "/wish/tiny/distilled-seed0/model.safetensors");
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
        cmocka_unit_test(test_runs_and_results),
        cmocka_unit_test(test_the_loss_sheet_is_kept),
        cmocka_unit_test(test_best_epoch_is_that_of_the_metrics),
        cmocka_unit_test(test_results_are_read_back),
        cmocka_unit_test(test_results_say_what_the_model_answers),
        cmocka_unit_test(test_each_student_is_held_against_its_own_teacher),
        cmocka_unit_test(test_damaged_answers_are_refused),
        cmocka_unit_test(test_finished_runs_are_skipped),
        cmocka_unit_test(test_damaged_models_are_made_again),
        cmocka_unit_test(test_changed_runs_are_refused_or_made_again),
        cmocka_unit_test(test_ensembles),
        cmocka_unit_test(test_a_seed_that_is_named_teaches_all),
        cmocka_unit_test(test_students_of_a_changed_teacher_are_refused),
        cmocka_unit_test(test_what_belongs_to_the_identity),
        cmocka_unit_test(test_chosen_runs_bring_their_teachers),
        cmocka_unit_test(test_foreign_directories_are_refused),
        cmocka_unit_test(test_leftovers_of_killed_processes),
        cmocka_unit_test(test_recipes_with_errors_do_not_run),
        cmocka_unit_test(test_resumed_runs_are_identical),
        cmocka_unit_test(test_failed_writes_leave_nothing_half_done),
        cmocka_unit_test(test_memory_failures_leave_nothing_half_done),
        cmocka_unit_test(test_model_files_tell_their_story),
        cmocka_unit_test(test_teacher_files),
        cmocka_unit_test(test_part_of_the_samples),
        cmocka_unit_test(test_teacher_cache),
        cmocka_unit_test(test_test_part_has_no_say),
    };
    return cmocka_run_group_tests(tests, make_data, NULL);
}
