/* Training with the teacher cache: the same run as with the teacher in the step but for rounding, and the same bits as
 * itself whatever became of the cache in between. */
#include "train/problem.h"

#include <stdlib.h>

#include "base/file.h"
#include "distill/cache.h"

#define FOLDER     TEST_BINARY_DIR "/train_cache.d"
#define CACHE      FOLDER "/cache"
#define CHECKPOINT FOLDER "/checkpoint.safetensors"
#define STEPS      20 /* 4 epochs of four batches of 32 and one of 22 */

static test_problem problem;

typedef struct outcome {
    decant_model *model;
    dcn_train_result result;
    dcn_loss_sheet sheet;
    int64_t polls_left; /* stop when they are used up; negative: never */
} outcome;

static decant_status on_loss_sheet(void *context, const dcn_loss_sheet *sheet)
{
    ((outcome *)context)->sheet = *sheet;
    return DECANT_OK;
}

static bool stop_requested(void *context)
{
    outcome *mine = context;
    return mine->polls_left >= 0 && mine->polls_left-- == 0;
}

static int empty_folder(void **state)
{
    (void)state;
    return system("rm -rf '" FOLDER "' && mkdir -p '" FOLDER "'");
}

typedef void adjust(dcn_train_options *options);

static void move(dcn_train_options *options)
{
    options->augment = (dcn_augment){.shift = 1, .flip = true};
}

/* One session: trains until it is done or stopped. */
static decant_status session(adjust *change, outcome *mine)
{
    dcn_model_destroy(mine->model);
    mine->model = make_model(&problem, CONVOLUTIONAL, 1);
    dcn_train_options options = plain_options(&problem, mine->model);
    options.teacher = problem.teacher;
    options.terms[options.n_terms++] = (dcn_term){.kind = DCN_TERM_KD, .weight = 0.5, .temperature = 3};
    options.checkpoint_path = CHECKPOINT;
    options.select_best = true;
    options.teacher_cache_bytes = (int64_t)512 << 20;
    options.teacher_cache_folder = CACHE;
    options.context = mine;
    options.stop_requested = stop_requested;
    options.on_loss_sheet = on_loss_sheet;
    if (change != NULL) change(&options);
    return dcn_train(&options, &mine->result);
}

static outcome train(adjust *change)
{
    outcome mine = {.polls_left = -1};
    assert_ok(dcn_file_remove(CHECKPOINT));
    assert_ok(session(change, &mine));
    assert_int_equal(mine.result.steps_done, STEPS);
    return mine;
}

static void assert_same_weights(const outcome *a, const outcome *b)
{
    const dcn_graph *graph = a->model->graph;
    for (int32_t v = 0; v < graph->n_values; v++) {
        if (a->model->data[v] == NULL) continue;
        size_t bytes = (size_t)decant_shape_count(&graph->values[v].shape) * sizeof(float);
        assert_memory_equal(a->model->data[v], b->model->data[v], bytes);
    }
    assert_true(a->result.validation_loss == b->result.validation_loss);
}

static void finish(outcome *mine)
{
    dcn_model_destroy(mine->model);
}

static void without(dcn_train_options *options)
{
    options->teacher_cache_bytes = 0;
}

static void in_memory(dcn_train_options *options)
{
    options->teacher_cache_folder = NULL;
}

/* Breaks when the cached logits are not those that the teacher gives in the step: another order, another sample,
 * another normalisation. Within a step they differ by rounding only, and the losses of the first one show it. */
static void assert_like_in_step(adjust *with, adjust *without_cache)
{
    outcome cached = train(with), asked = train(without_cache);
    assert_true(cached.result.cached);
    assert_false(asked.result.cached);
    for (int32_t i = 0; i < 2; i++) {
        double a = cached.sheet.term[i].value, b = asked.sheet.term[i].value;
        assert_true(fabs(a - b) <= 1e-5 * fabs(b));
        a = cached.sheet.term[i].gradient_norm, b = asked.sheet.term[i].gradient_norm;
        assert_true(fabs(a - b) <= 1e-5 * fabs(b));
    }
    assert_true(fabs(cached.result.validation_loss - asked.result.validation_loss) < 0.01);
    finish(&cached);
    finish(&asked);
}

static void move_without(dcn_train_options *options)
{
    move(options);
    without(options);
}

static void test_the_same_as_in_the_step(void **state)
{
    (void)state;
    assert_like_in_step(NULL, without);
    assert_like_in_step(move, move_without);
}

static void test_a_teacher_of_another_normalization(void **state)
{
    (void)state;
    decant_model *usual = problem.teacher;
    const float mean[1] = {0.3f}, std[1] = {0.4f};
    assert_ok(dcn_model_clone(usual, &problem.teacher));
    assert_ok(dcn_model_set_normalization(problem.teacher, 1, mean, std));
    assert_like_in_step(NULL, without);
    dcn_model_destroy(problem.teacher);
    problem.teacher = usual;
}

/* Breaks when it matters to a run whether its answers came from the teacher, from this disk or from none. */
static void test_cold_warm_and_without_disk(void **state)
{
    (void)state;
    static adjust *const changes[] = {NULL, move};
    for (size_t i = 0; i < DCN_COUNT(changes); i++) {
        outcome cold = train(changes[i]), warm = train(changes[i]);
        assert_int_equal(cold.result.answers_needed, 4 * 150);
        assert_true(cold.result.answers_computed >= 150);
        assert_int_equal(warm.result.answers_computed, 0);
        assert_same_weights(&cold, &warm);
        finish(&warm);
        finish(&cold);
    }
    outcome kept = train(NULL), memory = train(in_memory);
    assert_int_equal(memory.result.answers_computed, 150);
    assert_same_weights(&kept, &memory);
    finish(&memory);
    finish(&kept);
}

/* Breaks when stopping anywhere, also while the teacher is asked, and losing or finding a cache, changes the run. */
static void test_resumed_runs(void **state)
{
    (void)state;
    outcome whole = train(move);
    static const int64_t stops[] = {0, 1, 2, 7, 12, 19}; /* without a cache, 0 and 1 are within the first asking */
    for (size_t i = 0; i < DCN_COUNT(stops); i++) {
        for (int lose = 0; lose < 3; lose++) {
            outcome parts = {.polls_left = stops[i]};
            assert_ok(dcn_file_remove(CHECKPOINT));
            if (lose > 0) assert_int_equal(system("rm -rf '" CACHE "'"), 0);
            assert_int_equal(session(move, &parts), DECANT_INTERRUPTED);
            assert_true(dcn_file_exists(CHECKPOINT));
            if (lose > 1) assert_int_equal(system("rm -rf '" CACHE "'"), 0);
            parts.polls_left = -1;
            assert_ok(session(move, &parts));
            assert_int_equal(parts.result.steps_done, STEPS);
            assert_same_weights(&whole, &parts);
            finish(&parts);
        }
    }
    finish(&whole);
}

static void blank_squares(dcn_train_options *options)
{
    options->augment.cutout = 2;
}

static void blend(dcn_train_options *options)
{
    options->augment.mixup = 0.3;
}

static void allow_little(dcn_train_options *options)
{
    options->teacher_cache_bytes = 1000;
}

/* Breaks when answers are looked up for inputs that never come again, or the limit is not kept. */
static void test_the_teacher_stays_in_the_step(void **state)
{
    (void)state;
    static adjust *const changes[] = {blank_squares, blend, allow_little};
    for (size_t i = 0; i < DCN_COUNT(changes); i++) {
        outcome mine = train(changes[i]);
        assert_false(mine.result.cached);
        finish(&mine);
    }
    outcome little = train(allow_little), none = train(without);
    assert_same_weights(&little, &none);
    finish(&little);
    finish(&none);
    assert_false(dcn_file_exists(CACHE));
}

static int open_all(void **state)
{
    *state = &problem;
    open_problem(&problem, "cpu", 150, 50);
    problem.teacher = make_teacher(&problem, MLP);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_the_same_as_in_the_step, empty_folder),
        cmocka_unit_test_setup(test_a_teacher_of_another_normalization, empty_folder),
        cmocka_unit_test_setup(test_cold_warm_and_without_disk, empty_folder),
        cmocka_unit_test_setup(test_resumed_runs, empty_folder),
        cmocka_unit_test_setup(test_the_teacher_stays_in_the_step, empty_folder),
    };
    return cmocka_run_group_tests(tests, open_all, close_group);
}
