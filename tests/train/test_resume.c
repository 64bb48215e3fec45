/* A run that was stopped and resumed must end in the same bits as one that was not: weights, metrics and selection.
 * Anything that the checkpoint forgets (a slot, a running sum, a counter, the best weights) breaks these. */
#include "train/problem.h"

#include <stdio.h>

#include "base/file.h"
#include "base/folder.h"
#include "base/text.h"
#include "train/checkpoint.h"

#define FOLDER     TEST_BINARY_DIR "/resume.d"
#define CHECKPOINT FOLDER "/checkpoint.safetensors"
#define METRICS    FOLDER "/metrics.jsonl"
#define STEPS      20 /* 4 epochs of four batches of 32 and one of 22 */

/* What a run leaves behind. */
typedef struct run_outcome {
    uint8_t *weights; /* all parameters and states, one after the other */
    size_t bytes;
    char *metrics; /* without the timings */
    dcn_train_result result;
} run_outcome;

static test_problem problem;
static run_outcome whole; /* of the run that is never stopped */

static int clean_folder(void **state)
{
    (void)state;
    assert_ok(dcn_file_remove(CHECKPOINT));
    assert_ok(dcn_file_remove(METRICS));
    return 0;
}

/* Everything on that has a state of its own. */
static dcn_train_options rich_options(decant_model *model)
{
    dcn_train_options options = plain_options(&problem, model);
    options.teacher = problem.teacher;
    options.terms[0].label_smoothing = 0.1;
    options.terms[options.n_terms++] = (dcn_term){.kind = DCN_TERM_KD, .weight = 0.5, .temperature = 3};
    options.optimizer.max_norm = 1;
    options.optimizer.ema_decay = 0.8;
    options.optimizer.schedule = (dcn_schedule){.kind = DCN_SCHEDULE_COSINE, .warmup_epochs = 1};
    options.augment = (dcn_augment){.shift = 1, .cutout = 2, .mixup = 0.3};
    options.select_best = true;
    options.checkpoint_path = CHECKPOINT;
    options.metrics_path = METRICS;
    options.identity = "this run";
    return options;
}

static char *read_metrics(void)
{
    uint8_t *data = NULL;
    size_t bytes = 0;
    dcn_text kept = {0};
    char *text = NULL;
    assert_ok(dcn_file_read(METRICS, 1 << 20, &data, &bytes));
    for (char *line = (char *)data; *line != '\0';) {
        char *end = strchr(line, '\n'), *timings = strstr(line, ",\"seconds\"");
        assert_non_null(end);
        assert_non_null(timings);
        assert_true(timings < end);
        assert_ok(dcn_text_add_bytes(&kept, line, (size_t)(timings - line)));
        assert_ok(dcn_text_add(&kept, "\n"));
        line = end + 1;
    }
    assert_ok(dcn_text_take(&kept, &text));
    dcn_free(data);
    return text;
}

static void collect(const decant_model *model, run_outcome *ret_outcome)
{
    dcn_text all = {0};
    for (int32_t v = 0; v < model->graph->n_values; v++) {
        if (model->data[v] == NULL) continue;
        size_t bytes = (size_t)decant_shape_count(&model->graph->values[v].shape) * sizeof(float);
        assert_ok(dcn_text_add_bytes(&all, model->data[v], bytes));
    }
    ret_outcome->bytes = all.length;
    char *data = NULL;
    assert_ok(dcn_text_take(&all, &data));
    ret_outcome->weights = (uint8_t *)data;
    ret_outcome->metrics = read_metrics();
}

static const int64_t never[] = {0};

typedef void adjust(dcn_train_options *options);

/* Trains afresh, stopping after each of stops[] (ended by 0) and going on in what might be another process. */
static run_outcome run(adjust *change, const int64_t *stops)
{
    run_outcome outcome = {0};
    clean_folder(NULL);
    for (;; stops++) {
        decant_model *model = make_model(&problem, CONVOLUTIONAL, 1);
        dcn_train_options options = rich_options(model);
        if (change != NULL) change(&options);
        options.stop_after_steps = *stops;
        decant_status status = dcn_train(&options, &outcome.result);
        if (*stops != 0) {
            assert_int_equal(status, DECANT_INTERRUPTED);
            assert_true(dcn_file_exists(CHECKPOINT));
            dcn_model_destroy(model);
            continue;
        }
        assert_int_equal(status, DECANT_OK);
        collect(model, &outcome);
        dcn_model_destroy(model);
        return outcome;
    }
}

static void finish_outcome(run_outcome *outcome)
{
    dcn_free(outcome->weights);
    dcn_free(outcome->metrics);
}

static int open_all(void **state)
{
    (void)state;
    open_problem(&problem, "cpu", 150, 50);
    problem.teacher = make_teacher(&problem, MLP);
    assert_ok(dcn_directory_make(FOLDER));
    whole = run(NULL, never);
    assert_int_equal(whole.result.steps_done, STEPS);
    return 0;
}

static int close_all(void **state)
{
    (void)state;
    finish_outcome(&whole);
    close_problem(&problem);
    return 0;
}

static void assert_same(const run_outcome *a, const run_outcome *b)
{
    assert_int_equal(a->bytes, b->bytes);
    assert_memory_equal(a->weights, b->weights, a->bytes);
    assert_string_equal(a->metrics, b->metrics);
    assert_int_equal(a->result.best_epoch, b->result.best_epoch);
    assert_int_equal(a->result.steps_done, b->result.steps_done);
    assert_true(a->result.validation_accuracy == b->result.validation_accuracy);
    assert_true(a->result.validation_loss == b->result.validation_loss);
}

static void assert_resumes(const int64_t *stops)
{
    run_outcome parts = run(NULL, stops);
    assert_same(&whole, &parts);
    finish_outcome(&parts);
}

/* Within an epoch, before and after the smaller batch, and before the last validation. */
static void test_one_stop_anywhere(void **state)
{
    (void)state;
    static const int64_t stops[][2] = {{1, 0}, {4, 0}, {5, 0}, {6, 0}, {13, 0}, {20, 0}};
    for (size_t i = 0; i < DCN_COUNT(stops); i++)
        assert_resumes(stops[i]);
}

static void test_many_stops(void **state)
{
    (void)state;
    static const int64_t stops[] = {2, 3, 9, 10, 15, 16, 0};
    assert_resumes(stops);
}

static void use_momentum(dcn_train_options *options)
{
    options->optimizer = dcn_optimizer_default(DCN_OPTIMIZER_SGD);
    options->optimizer.momentum = 0.9;
    options->optimizer.lr = 0.02;
    options->select_best = false;
}

static void test_momentum_is_kept(void **state)
{
    (void)state;
    static const int64_t stops[] = {7, 0};
    run_outcome one = run(use_momentum, never), two = run(use_momentum, stops);
    assert_same(&one, &two);
    finish_outcome(&one);
    finish_outcome(&two);
}

static void save_always(dcn_train_options *options)
{
    options->checkpoint_seconds = 1e-9;
}

/* The regressor, its slots and its average are in the checkpoint; a run that drew them anew would end elsewhere. */
static void listen_to_features(dcn_train_options *options)
{
    options->terms[options->n_terms++] =
        (dcn_term){.kind = DCN_TERM_HINT, .weight = 0.5, .student = "6", .teacher = "1"};
    options->terms[options->n_terms++] =
        (dcn_term){.kind = DCN_TERM_COSINE, .weight = 0.5, .student = "9", .teacher = "3"};
}

static void test_regressors_are_kept(void **state)
{
    (void)state;
    static const int64_t stops[] = {3, 12, 0};
    run_outcome unbroken = run(listen_to_features, never), broken = run(listen_to_features, stops);
    assert_same(&unbroken, &broken);
    finish_outcome(&unbroken);
    finish_outcome(&broken);
}

static void test_saving_within_epochs_changes_nothing(void **state)
{
    (void)state;
    run_outcome always = run(save_always, never);
    assert_same(&whole, &always);
    finish_outcome(&always);
}

static void copy_file(const char *from, const char *to)
{
    uint8_t *data = NULL;
    size_t bytes = 0;
    assert_ok(dcn_file_read(from, 1 << 26, &data, &bytes));
    assert_ok(dcn_file_write(to, data, bytes));
    dcn_free(data);
}

/* Runs on from what lies in the folder. */
static decant_status go_on(adjust *change, int64_t stop, run_outcome *ret_outcome)
{
    decant_model *model = make_model(&problem, CONVOLUTIONAL, 1);
    dcn_train_options options = rich_options(model);
    if (change != NULL) change(&options);
    options.stop_after_steps = stop;
    decant_status status = dcn_train(&options, &ret_outcome->result);
    if (status == DECANT_OK) collect(model, ret_outcome);
    dcn_model_destroy(model);
    return status;
}

/* The machine dies in the fourth epoch, and what is left on disk is a checkpoint of the second with metrics of three.
 */
static void test_metrics_are_not_doubled_after_a_crash(void **state)
{
    (void)state;
    run_outcome resumed = {0};
    clean_folder(NULL);
    assert_int_equal(go_on(NULL, 7, &resumed), DECANT_INTERRUPTED);
    copy_file(CHECKPOINT, FOLDER "/old");
    assert_int_equal(go_on(NULL, 17, &resumed), DECANT_INTERRUPTED);
    copy_file(FOLDER "/old", CHECKPOINT);
    assert_ok(dcn_file_append_line(METRICS, "{\"epoch\":4,\"torn"));
    assert_int_equal(go_on(NULL, 0, &resumed), DECANT_OK);
    assert_same(&whole, &resumed);
    finish_outcome(&resumed);
}

/* Metrics of an earlier attempt that left no checkpoint are no part of this run. */
static void test_a_fresh_run_begins_its_metrics_anew(void **state)
{
    (void)state;
    run_outcome fresh = {0};
    assert_int_equal(go_on(NULL, 13, &fresh), DECANT_INTERRUPTED);
    assert_ok(dcn_file_remove(CHECKPOINT));
    assert_int_equal(go_on(NULL, 0, &fresh), DECANT_OK);
    assert_same(&whole, &fresh);
    finish_outcome(&fresh);
}

static void fail_on_epoch(void *context, const dcn_epoch *epoch)
{
    (void)context;
    fail_msg("epoch %d is trained again", (int)epoch->epoch);
}

static void watch_epochs(dcn_train_options *options)
{
    options->on_epoch = fail_on_epoch;
}

/* The checkpoint of a finished run hands its weights over once more without a step. */
static void test_a_finished_run_is_not_trained_again(void **state)
{
    (void)state;
    run_outcome first = run(NULL, never), second = {0};
    assert_int_equal(go_on(watch_epochs, 0, &second), DECANT_OK);
    assert_same(&first, &second);
    finish_outcome(&first);
    finish_outcome(&second);
}

static bool stop_at_once(void *context)
{
    (void)context;
    return true;
}

static void stop_first(dcn_train_options *options)
{
    options->stop_requested = stop_at_once;
}

static void test_a_request_to_stop_leaves_a_checkpoint(void **state)
{
    (void)state;
    run_outcome resumed = {0};
    clean_folder(NULL);
    for (int i = 0; i < 3; i++)
        assert_int_equal(go_on(stop_first, 0, &resumed), DECANT_INTERRUPTED);
    assert_int_equal(go_on(NULL, 0, &resumed), DECANT_OK);
    assert_same(&whole, &resumed);
    finish_outcome(&resumed);
}

static void change_identity(dcn_train_options *options)
{
    options->identity = "another run";
}

static void change_model(dcn_train_options *options)
{
    static decant_model *other;
    dcn_model_destroy(other);
    other = NULL;
    if (options->model == NULL) return;
    other = make_model(&problem, MLP, 1);
    options->model = other;
}

static void test_a_checkpoint_of_another_run_is_stale(void **state)
{
    (void)state;
    run_outcome outcome = {0};
    assert_int_equal(go_on(NULL, 7, &outcome), DECANT_INTERRUPTED);
    assert_int_equal(go_on(change_identity, 0, &outcome), DECANT_STALE);
    assert_int_equal(go_on(change_model, 0, &outcome), DECANT_STALE);
    dcn_train_options nothing = {0};
    change_model(&nothing); /* frees the other model */
}

static void test_a_damaged_checkpoint_is_refused(void **state)
{
    (void)state;
    run_outcome outcome = {0};
    uint8_t *data = NULL;
    size_t bytes = 0;
    assert_int_equal(go_on(NULL, 7, &outcome), DECANT_INTERRUPTED);
    assert_ok(dcn_file_read(CHECKPOINT, 1 << 26, &data, &bytes));
    for (size_t kept = 0; kept < bytes; kept += bytes / 5) {
        assert_ok(dcn_file_write(CHECKPOINT, data, kept));
        assert_int_equal(go_on(NULL, 0, &outcome), DECANT_FORMAT);
    }
    dcn_free(data);
}

/* Well-formed, but at a place that the run never is. */
static void test_a_checkpoint_that_says_nonsense_is_refused(void **state)
{
    (void)state;
    run_outcome outcome = {0};
    assert_int_equal(go_on(use_momentum, 7, &outcome), DECANT_INTERRUPTED);
    decant_model *model = make_model(&problem, CONVOLUTIONAL, 1);
    dcn_checkpoint checkpoint = {.weights = model->data};
    assert_ok(dcn_checkpoint_load(CHECKPOINT, model->graph, "this run", &checkpoint));
    checkpoint.slot[0] = model->data; /* any numbers do */
    const dcn_run_counters sound = checkpoint.counters;
    int64_t *const fields[] = {&checkpoint.counters.batch, &checkpoint.counters.samples, &checkpoint.counters.correct,
                               &checkpoint.counters.total_samples, &checkpoint.counters.zero_steps[1]};
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        checkpoint.counters = sound;
        *fields[i] = INT64_MAX;
        assert_ok(dcn_checkpoint_save(CHECKPOINT, model->graph, "this run", &checkpoint));
        assert_int_equal(go_on(use_momentum, 0, &outcome), DECANT_FORMAT);
    }
    const struct {
        int64_t epoch, errors;
    } best[] = {{-1, 0}, {sound.epoch, 0}, {0, -1}, {0, INT64_MAX}}; /* no best epoch, one to come, impossible errors */
    assert_true(sound.epoch > 0 && sound.best_epoch >= 0);
    for (size_t i = 0; i < sizeof best / sizeof best[0]; i++) {
        checkpoint.counters = sound;
        checkpoint.counters.best_epoch = best[i].epoch;
        checkpoint.counters.best_errors = best[i].errors;
        assert_ok(dcn_checkpoint_save(CHECKPOINT, model->graph, "this run", &checkpoint));
        assert_int_equal(go_on(use_momentum, 0, &outcome), DECANT_FORMAT);
    }
    checkpoint.counters = sound;
    const dcn_run_sums sums = checkpoint.sums;
    double *const doubles[] = {&checkpoint.sums.term[0], &checkpoint.sums.step_seconds, &checkpoint.sums.best_accuracy,
                               &checkpoint.sums.last_loss};
    for (size_t i = 0; i < sizeof doubles / sizeof doubles[0]; i++) {
        checkpoint.sums = sums;
        *doubles[i] = (double)NAN;
        assert_ok(dcn_checkpoint_save(CHECKPOINT, model->graph, "this run", &checkpoint));
        assert_int_equal(go_on(use_momentum, 0, &outcome), DECANT_FORMAT);
    }
    checkpoint.sums = sums;
    checkpoint.sums.seconds = -1;
    assert_ok(dcn_checkpoint_save(CHECKPOINT, model->graph, "this run", &checkpoint));
    assert_int_equal(go_on(use_momentum, 0, &outcome), DECANT_FORMAT);
    dcn_model_destroy(model);
}

/* A full disk ends the run with an error, and the checkpoint before it is still whole. */
static void test_a_full_disk_leaves_the_old_checkpoint(void **state)
{
    (void)state;
    run_outcome resumed = {0};
    clean_folder(NULL);
    assert_int_equal(go_on(NULL, 7, &resumed), DECANT_INTERRUPTED);
    for (int64_t nth = 1; nth < 4; nth++) {
        dcn_file_fail_nth_write(nth);
        assert_int_equal(go_on(NULL, 9, &resumed), DECANT_IO);
        dcn_file_fail_nth_write(0);
    }
    assert_int_equal(go_on(NULL, 0, &resumed), DECANT_OK);
    assert_same(&whole, &resumed);
    finish_outcome(&resumed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_one_stop_anywhere, clean_folder),
        cmocka_unit_test_setup(test_many_stops, clean_folder),
        cmocka_unit_test_setup(test_momentum_is_kept, clean_folder),
        cmocka_unit_test_setup(test_regressors_are_kept, clean_folder),
        cmocka_unit_test_setup(test_saving_within_epochs_changes_nothing, clean_folder),
        cmocka_unit_test_setup(test_metrics_are_not_doubled_after_a_crash, clean_folder),
        cmocka_unit_test_setup(test_a_fresh_run_begins_its_metrics_anew, clean_folder),
        cmocka_unit_test_setup(test_a_finished_run_is_not_trained_again, clean_folder),
        cmocka_unit_test_setup(test_a_request_to_stop_leaves_a_checkpoint, clean_folder),
        cmocka_unit_test_setup(test_a_checkpoint_of_another_run_is_stale, clean_folder),
        cmocka_unit_test_setup(test_a_damaged_checkpoint_is_refused, clean_folder),
        cmocka_unit_test_setup(test_a_checkpoint_that_says_nonsense_is_refused, clean_folder),
        cmocka_unit_test_setup(test_a_full_disk_leaves_the_old_checkpoint, clean_folder),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
