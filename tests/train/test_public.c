/* The public way to train: defaults that learn, a model that changes only on success, and a checkpoint that knows its
 * run. */
#include "train/problem.h"

#include "base/file.h"
#include "decant/train.h"

#define CHECKPOINT TEST_BINARY_DIR "/public-checkpoint.safetensors"

static test_problem problem;

static int open_all(void **state)
{
    (void)state;
    open_problem(&problem, "cpu", 400, 0);
    return 0;
}

static int close_all(void **state)
{
    (void)state;
    close_problem(&problem);
    return 0;
}

static int remove_checkpoint(void **state)
{
    (void)state;
    return dcn_file_remove(CHECKPOINT) == DECANT_OK ? 0 : -1;
}

static decant_train_options quick_options(void)
{
    decant_train_options options = decant_train_options_default();
    options.epochs = 4;
    options.batch = 32;
    options.learning_rate = 0.01;
    options.validation = 80;
    return options;
}

static void count_epochs(void *context, const decant_train_epoch *epoch)
{
    int *count = context;
    assert_int_equal(epoch->epoch, *count);
    assert_true(epoch->validation_accuracy >= 0 && epoch->learning_rate > 0);
    ++*count;
}

static void test_a_student_learns_with_a_teacher(void **state)
{
    (void)state;
    int epochs = 0;
    decant_train_result result;
    const decant_compute compute = {.device = "cpu", .threads = 2};
    decant_model *teacher = make_model(&problem, MLP, 0), *student = make_model(&problem, LINEAR, 0);
    decant_train_options options = quick_options();
    options.context = &epochs;
    options.on_epoch = count_epochs;
    assert_ok(decant_train(teacher, NULL, problem.dataset, &compute, &options, &result));
    assert_int_equal(epochs, 4);
    assert_true(result.validation_accuracy > 0.9);
    assert_int_equal(result.steps, 4 * 10); /* 320 samples */

    options.on_epoch = NULL;
    options.kd_weight = 0.5;
    options.ce_weight = 0.5;
    assert_ok(decant_train(student, teacher, problem.dataset, &compute, &options, &result));
    assert_true(result.validation_accuracy > 0.9);
    dcn_metrics metrics = evaluate_test(&problem, student);
    assert_true(metrics.accuracy > 0.9);
    dcn_metrics_finish(&metrics);
    dcn_model_destroy(student);
    dcn_model_destroy(teacher);
}

/* Fresh weights and the statistics of what is trained on replace what the model came with; otherwise it goes on from
 * there. */
static void test_fresh_or_from_where_the_model_is(void **state)
{
    (void)state;
    decant_train_result result;
    decant_train_options options = quick_options();
    options.epochs = 1;
    options.batch = 1000;
    options.optimizer = DECANT_OPTIMIZER_SGD;
    options.learning_rate = 1e-30;
    options.validation = 0;
    decant_model *model = make_model(&problem, MLP, 5), *wanted = make_model(&problem, MLP, 7);
    int32_t weight = dcn_graph_find(model->graph, "1.weight");
    const float odd_mean = 0.25f, odd_std = 3, before = model->data[weight][0];
    assert_ok(dcn_model_set_normalization(model, 1, &odd_mean, &odd_std));

    options.fresh = false;
    options.seed = 7;
    assert_ok(decant_train(model, NULL, problem.dataset, NULL, &options, &result));
    assert_true(model->data[weight][0] == before);
    assert_true(model->normalization.mean[0] == odd_mean);
    options.fresh = true;
    assert_ok(decant_train(model, NULL, problem.dataset, NULL, &options, &result));
    assert_true(model->data[weight][0] == wanted->data[weight][0]);
    assert_true(fabsf(model->normalization.mean[0] - problem.mean[0]) < 1e-6f);

    static const char *const names[CLASSES] = {"north-west", "north-east", "south-west", "south-east"};
    assert_true(model->class_names == NULL);
    assert_ok(dcn_dataset_name_classes(problem.dataset, names));
    assert_ok(decant_train(model, NULL, problem.dataset, NULL, &options, &result));
    assert_string_equal(model->class_names[CLASSES - 1], "south-east");
    dcn_model_destroy(wanted);
    dcn_model_destroy(model);
}

/* Breaks when a model goes on telling of a training that is undone: a correction, another recipe, other data. */
static void test_what_a_file_said_is_no_longer_so(void **state)
{
    (void)state;
    decant_train_result result;
    decant_train_options options = quick_options();
    decant_model *model = make_model(&problem, LINEAR, 5);
    assert_ok(dcn_model_set_metadata(model, "bias_correction", "validation"));
    assert_ok(dcn_model_set_metadata(model, "steps", "77"));
    assert_ok(dcn_model_set_metadata(model, "data", "other"));
    assert_ok(dcn_model_set_metadata(model, DCN_FILES_METADATA, "{}"));
    assert_ok(decant_train(model, NULL, problem.dataset, NULL, &options, &result));
    assert_null(dcn_model_metadata(model, "bias_correction"));
    assert_null(dcn_model_metadata(model, DCN_FILES_METADATA)); /* bytes in memory: no file was read */
    assert_string_equal(dcn_model_metadata(model, "steps"), "40");
    assert_string_equal(dcn_model_metadata(model, "data"), "corners");
    dcn_model_destroy(model);
}

static bool stop_after_five(void *context)
{
    int *steps = context;
    return ++*steps == 5;
}

static void test_a_stopped_run_leaves_the_model_and_can_go_on(void **state)
{
    (void)state;
    int steps = 0;
    decant_train_result whole, resumed;
    decant_train_options options = quick_options();
    decant_model *model = make_model(&problem, MLP, 5), *untouched = make_model(&problem, MLP, 5);
    int32_t weight = dcn_graph_find(model->graph, "1.weight");
    size_t bytes = (size_t)decant_shape_count(&model->graph->values[weight].shape) * sizeof(float);
    options.checkpoint_path = CHECKPOINT;
    options.context = &steps;
    options.stop_requested = stop_after_five;
    assert_int_equal(decant_train(model, NULL, problem.dataset, NULL, &options, &whole), DECANT_INTERRUPTED);
    assert_memory_equal(model->data[weight], untouched->data[weight], bytes);

    /* Another learning rate is another run. */
    options.stop_requested = NULL;
    options.learning_rate = 0.02;
    assert_int_equal(decant_train(model, NULL, problem.dataset, NULL, &options, &resumed), DECANT_STALE);
    options.learning_rate = 0.01;
    assert_ok(decant_train(model, NULL, problem.dataset, NULL, &options, &resumed));

    options.checkpoint_path = NULL;
    assert_ok(decant_train(untouched, NULL, problem.dataset, NULL, &options, &whole));
    assert_memory_equal(model->data[weight], untouched->data[weight], bytes);
    assert_int_equal(whole.best_epoch, resumed.best_epoch);
    dcn_model_destroy(untouched);
    dcn_model_destroy(model);
}

/* Breaks when the run's identity knows the weights but not what is made of them: another dropout rate, another
 * momentum, inputs or a teacher that are normalised in another way. */
static void test_another_network_is_another_run(void **state)
{
    (void)state;
    static const char *const wanted = "[conv: {channels: 3, kernel: 3}, batchnorm: {momentum: 0.1}, dropout: 0.2, "
                                      "flatten, linear: 4]";
    static const char *const others[] = {
        "[conv: {channels: 3, kernel: 3}, batchnorm: {momentum: 0.1}, dropout: 0.3, flatten, linear: 4]",
        "[conv: {channels: 3, kernel: 3}, batchnorm: {momentum: 0.2}, dropout: 0.2, flatten, linear: 4]",
    };
    const float mean = 0.25f, std = 3;
    int steps = 0;
    decant_train_result result;
    decant_train_options options = quick_options();
    decant_model *model = make_model(&problem, wanted, 5), *teacher = make_model(&problem, MLP, 6);
    options.fresh = false;
    options.kd_weight = 0.5;
    options.checkpoint_path = CHECKPOINT;
    options.context = &steps;
    options.stop_requested = stop_after_five;
    assert_int_equal(decant_train(model, teacher, problem.dataset, NULL, &options, &result), DECANT_INTERRUPTED);

    options.stop_requested = NULL;
    for (int i = 0; i < 2; i++) {
        decant_model *other = make_model(&problem, others[i], 5);
        assert_int_equal(decant_train(other, teacher, problem.dataset, NULL, &options, &result), DECANT_STALE);
        dcn_model_destroy(other);
    }
    assert_ok(dcn_model_set_normalization(model, 1, &mean, &std));
    assert_int_equal(decant_train(model, teacher, problem.dataset, NULL, &options, &result), DECANT_STALE);
    assert_ok(dcn_model_set_normalization(model, 1, problem.mean, problem.std));
    assert_ok(dcn_model_set_normalization(teacher, 1, &mean, &std));
    assert_int_equal(decant_train(model, teacher, problem.dataset, NULL, &options, &result), DECANT_STALE);
    assert_ok(dcn_model_set_normalization(teacher, 1, problem.mean, problem.std));
    assert_ok(decant_train(model, teacher, problem.dataset, NULL, &options, &result));
    dcn_model_destroy(teacher);
    dcn_model_destroy(model);
}

/* Breaks when `samples` does not shorten the epochs, is drawn from what is held out, or may change under a checkpoint.
 */
static void test_part_of_the_samples(void **state)
{
    (void)state;
    decant_train_result result;
    decant_train_options options = quick_options();
    decant_model *model = make_model(&problem, MLP, 5), *whole = make_model(&problem, MLP, 5);
    options.samples = 160;
    options.checkpoint_path = CHECKPOINT;
    assert_ok(decant_train(model, NULL, problem.dataset, NULL, &options, &result));
    assert_int_equal(result.steps, 4 * 5);
    assert_true(result.validation_accuracy > 0.9);
    options.samples = 128;
    assert_int_equal(decant_train(model, NULL, problem.dataset, NULL, &options, &result), DECANT_STALE);
    options.checkpoint_path = NULL;
    options.samples = 320;
    assert_ok(decant_train(model, NULL, problem.dataset, NULL, &options, &result));
    options.samples = 0; /* all: the same */
    assert_ok(decant_train(whole, NULL, problem.dataset, NULL, &options, &result));
    int32_t weight = dcn_graph_find(model->graph, "1.weight");
    size_t bytes = (size_t)decant_shape_count(&model->graph->values[weight].shape) * sizeof(float);
    assert_memory_equal(model->data[weight], whole->data[weight], bytes);
    options.samples = 321; /* 80 of the 400 are held out */
    assert_int_equal(decant_train(model, NULL, problem.dataset, NULL, &options, &result), DECANT_INVALID_ARG);
    assert_string_equal(decant_error_message(), "321 samples cannot be taken from 320");
    options.samples = -1;
    assert_int_equal(decant_train(model, NULL, problem.dataset, NULL, &options, &result), DECANT_INVALID_ARG);
    dcn_model_destroy(whole);
    dcn_model_destroy(model);
}

/* With each of the options that are asked below in use. */
static decant_train_options busy_options(void)
{
    decant_train_options options = quick_options();
    options.epochs = 2;
    options.batch = 48; /* 320 samples end in a batch of 32 */
    options.optimizer = DECANT_OPTIMIZER_SGD;
    options.momentum = 0.5;
    options.schedule = DECANT_SCHEDULE_STEP;
    options.step_epochs = 1;
    options.gamma = 0.5;
    options.kd_weight = 0.5;
    return options;
}

static void check_say(const char *name, decant_train_options options, const decant_model *teacher,
                      const decant_model *plain)
{
    decant_train_result result;
    decant_model *model = make_model(&problem, LINEAR, 0);
    const int32_t weight = dcn_graph_find(model->graph, "1.weight");
    const size_t bytes = (size_t)decant_shape_count(&model->graph->values[weight].shape) * sizeof(float);
    options.checkpoint_path = CHECKPOINT;
    if (decant_train(model, teacher, problem.dataset, NULL, &options, &result) != DECANT_STALE) {
        fail_msg("%s is not in the run's identity", name);
    }
    options.checkpoint_path = NULL;
    assert_ok(decant_train(model, teacher, problem.dataset, NULL, &options, &result));
    if (memcmp(model->data[weight], plain->data[weight], bytes) == 0) fail_msg("%s changes nothing", name);
    dcn_model_destroy(model);
}

#define CHECK_SAY(field, other)                                                                                        \
    do {                                                                                                               \
        decant_train_options changed = busy_options();                                                                 \
        assert_true(changed.field != (other));                                                                         \
        changed.field = (other);                                                                                       \
        check_say(#field, changed, teacher, plain);                                                                    \
    } while (0)

/* Breaks when an option is not handed on to the loop, or a checkpoint is gone on from though it has changed. */
static void test_every_option_has_a_say(void **state)
{
    (void)state;
    decant_train_result result;
    decant_model *teacher = make_model(&problem, MLP, 3), *plain = make_model(&problem, LINEAR, 0);
    decant_train_options options = busy_options();
    options.checkpoint_path = CHECKPOINT;
    assert_ok(decant_train(plain, teacher, problem.dataset, NULL, &options, &result));
    CHECK_SAY(epochs, 3);
    CHECK_SAY(batch, 32);
    CHECK_SAY(drop_last, true);
    CHECK_SAY(seed, 1);
    CHECK_SAY(validation, 120);
    CHECK_SAY(samples, 160);
    CHECK_SAY(split_seed, 1);
    CHECK_SAY(optimizer, DECANT_OPTIMIZER_ADAMW);
    CHECK_SAY(learning_rate, 0.02);
    CHECK_SAY(weight_decay, 0.1);
    CHECK_SAY(momentum, 0.9);
    CHECK_SAY(nesterov, true);
    CHECK_SAY(clip_norm, 0.1);
    CHECK_SAY(ema, 0.5);
    CHECK_SAY(schedule, DECANT_SCHEDULE_COSINE);
    CHECK_SAY(step_epochs, 2);
    CHECK_SAY(gamma, 0.25);
    CHECK_SAY(warmup_epochs, 1);
    CHECK_SAY(ce_weight, 0.5);
    CHECK_SAY(label_smoothing, 0.1);
    CHECK_SAY(kd_weight, 1);
    CHECK_SAY(temperature, 2);
    CHECK_SAY(shift, 1);
    CHECK_SAY(crop, 1);
    CHECK_SAY(cutout, 2);
    CHECK_SAY(flip, true);
    CHECK_SAY(mixup, 0.5);
    dcn_model_destroy(plain);
    dcn_model_destroy(teacher);
}

/* Breaks when an option arrives in another's place: the same run is asked of the loop itself. */
static void test_options_mean_what_the_loops_do(void **state)
{
    (void)state;
    decant_train_result result;
    dcn_train_result loops;
    decant_model *teacher = make_model(&problem, MLP, 3), *model = make_model(&problem, LINEAR, 0);
    decant_model *wanted = make_model(&problem, LINEAR, 0);
    decant_train_options options = quick_options();
    options.seed = 9;
    options.validation = 0;
    options.optimizer = DECANT_OPTIMIZER_SGD;
    options.weight_decay = 0.03;
    options.momentum = 0.7;
    options.nesterov = true;
    options.clip_norm = 0.4;
    options.ema = 0.6;
    options.schedule = DECANT_SCHEDULE_STEP;
    options.step_epochs = 2;
    options.gamma = 0.3;
    options.warmup_epochs = 0.5;
    options.ce_weight = 0.8;
    options.label_smoothing = 0.2;
    options.kd_weight = 0.9;
    options.temperature = 3;
    options.shift = 1;
    options.crop = 2;
    options.cutout = 3;
    options.flip = true;
    options.fresh = false;
    const decant_compute compute = {.device = "cpu", .threads = 2};
    assert_ok(decant_train(model, teacher, problem.dataset, &compute, &options, &result));

    dcn_train_options own = plain_options(&problem, wanted);
    own.teacher = teacher;
    own.optimizer = dcn_optimizer_default(DCN_OPTIMIZER_SGD);
    own.optimizer.lr = 0.01;
    own.optimizer.weight_decay = 0.03;
    own.optimizer.momentum = 0.7;
    own.optimizer.nesterov = true;
    own.optimizer.max_norm = 0.4;
    own.optimizer.ema_decay = 0.6;
    own.optimizer.schedule.kind = DCN_SCHEDULE_STEP;
    own.optimizer.schedule.every = 2;
    own.optimizer.schedule.gamma = 0.3;
    own.optimizer.schedule.warmup_epochs = 0.5;
    own.augment = (dcn_augment){.shift = 1, .crop_padding = 2, .cutout = 3, .flip = true};
    own.terms[0] = (dcn_term){.kind = DCN_TERM_CE, .weight = 0.8, .label_smoothing = 0.2};
    own.terms[own.n_terms++] = (dcn_term){.kind = DCN_TERM_KD, .weight = 0.9, .temperature = 3};
    assert_ok(dcn_train(&own, &loops));

    const int32_t weight = dcn_graph_find(model->graph, "1.weight");
    const size_t bytes = (size_t)decant_shape_count(&model->graph->values[weight].shape) * sizeof(float);
    assert_memory_equal(model->data[weight], wanted->data[weight], bytes);
    assert_int_equal(result.steps, loops.steps_done);
    dcn_model_destroy(wanted);
    dcn_model_destroy(model);
    dcn_model_destroy(teacher);
}

static void test_nonsense_is_refused(void **state)
{
    (void)state;
    decant_train_result result = {.epochs = -7};
    decant_model *model = make_model(&problem, MLP, 5);
    const decant_compute nowhere = {.device = "abacus"};
    decant_train_options options = quick_options();
    assert_int_equal(decant_train(NULL, NULL, problem.dataset, NULL, &options, &result), DECANT_INVALID_ARG);
    assert_int_equal(decant_train(model, NULL, problem.dataset, &nowhere, &options, &result), DECANT_NOT_FOUND);
    options.ce_weight = 0;
    assert_int_equal(decant_train(model, NULL, problem.dataset, NULL, &options, &result), DECANT_INVALID_ARG);
    options.kd_weight = 1; /* and no teacher */
    assert_int_equal(decant_train(model, NULL, problem.dataset, NULL, &options, &result), DECANT_INVALID_ARG);
    options.ce_weight = 1;
    assert_int_equal(decant_train(model, model, problem.dataset, NULL, &options, &result), DECANT_INVALID_ARG);
    options = quick_options();
    options.optimizer = (decant_optimizer)9;
    assert_int_equal(decant_train(model, NULL, problem.dataset, NULL, &options, &result), DECANT_INVALID_ARG);
    assert_int_equal(result.epochs, -7);
    dcn_model_destroy(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_student_learns_with_a_teacher),
        cmocka_unit_test(test_fresh_or_from_where_the_model_is),
        cmocka_unit_test(test_what_a_file_said_is_no_longer_so),
        cmocka_unit_test_setup(test_a_stopped_run_leaves_the_model_and_can_go_on, remove_checkpoint),
        cmocka_unit_test_setup(test_another_network_is_another_run, remove_checkpoint),
        cmocka_unit_test_setup(test_part_of_the_samples, remove_checkpoint),
        cmocka_unit_test_setup(test_every_option_has_a_say, remove_checkpoint),
        cmocka_unit_test(test_options_mean_what_the_loops_do),
        cmocka_unit_test(test_nonsense_is_refused),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
