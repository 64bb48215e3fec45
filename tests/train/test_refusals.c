/* What training refuses, before the first step or at the one that goes wrong. A guard rail that is taken out breaks
 * these. */
#include "train/problem.h"

#include <unistd.h>

static test_problem problem;

static int open_all(void **state)
{
    (void)state;
    open_problem(&problem, "ref", 97, 20); /* batches of 32 leave one sample */
    return 0;
}

static int close_all(void **state)
{
    (void)state;
    close_problem(&problem);
    return 0;
}

static dcn_term kd_term(void)
{
    return (dcn_term){.kind = DCN_TERM_KD, .weight = 1, .temperature = 2};
}

/* Trains, expects the status, and a message that says `word`. */
static void assert_refused(const dcn_train_options *options, decant_status wanted, const char *word)
{
    dcn_train_result result = {.epochs_done = -7};
    decant_status status = dcn_train(options, &result);
    if (status != wanted) fail_msg("%s: %s", decant_status_name(status), decant_error_message());
    if (strstr(decant_error_message(), word) == NULL) fail_msg("no '%s' in: %s", word, decant_error_message());
    assert_int_equal(result.epochs_done, -7);
}

static void test_a_teacher_that_is_the_student(void **state)
{
    (void)state;
    decant_model *model = make_model(&problem, MLP, 1), *copy = NULL;
    assert_ok(dcn_model_clone(model, &copy));
    dcn_train_options options = plain_options(&problem, model);
    options.terms[0] = kd_term();
    options.teacher = model;
    assert_refused(&options, DECANT_INVALID_ARG, "same");
    options.teacher = copy; /* loaded from the same file, say */
    assert_refused(&options, DECANT_INVALID_ARG, "same");
    dcn_model_destroy(copy);
    dcn_model_destroy(model);
}

/* Classes of the same names in another order would be taught as one another. */
static void test_a_teacher_of_other_classes(void **state)
{
    (void)state;
    static const char *const words[][CLASSES] = {{"a", "b", "c", "d"}, {"b", "a", "c", "d"}, {"w", "x", "y", "z"}};
    decant_model *student = make_model(&problem, MLP, 1), *teacher = make_model(&problem, LINEAR, 2);
    dcn_train_options options = plain_options(&problem, student);
    options.terms[0] = kd_term();
    options.teacher = teacher;
    char **const before = problem.dataset->class_names;
    problem.dataset->class_names = (char **)(uintptr_t)words[0];
    assert_ok(dcn_model_set_class_names(teacher, words[1]));
    assert_refused(&options, DECANT_INVALID_ARG, "'a' is class 1 of the model and class 0 of the data set");
    assert_ok(dcn_model_set_class_names(teacher, words[2])); /* other words for the same, perhaps */
    dcn_train_result result;
    assert_ok(dcn_train(&options, &result));
    problem.dataset->class_names = before;
    dcn_model_destroy(teacher);
    dcn_model_destroy(student);
}

/* The same function in another dress passes the comparison of graphs, but not the ten steps. */
static void test_a_distillation_term_that_stays_zero(void **state)
{
    (void)state;
    decant_model *student = make_model(&problem, LINEAR, 1);
    decant_model *teacher = make_model(&problem, "[relu6, flatten, linear: 4]", 1);
    /* Inputs that the relu6 leaves alone. */
    const float mean = 0, std = 1;
    assert_ok(dcn_model_set_normalization(student, 1, &mean, &std));
    assert_ok(dcn_model_set_normalization(teacher, 1, &mean, &std));
    for (int32_t v = 0; v < teacher->graph->n_values; v++) {
        if (teacher->data[v] == NULL) continue;
        bool bias = teacher->graph->values[v].shape.rank == 1;
        int32_t w = dcn_graph_find(student->graph, bias ? "1.bias" : "1.weight");
        memcpy(teacher->data[v], student->data[w],
               (size_t)decant_shape_count(&student->graph->values[w].shape) * sizeof(float));
    }
    dcn_train_options options = plain_options(&problem, student);
    options.drop_last = true;
    options.epochs = 4; /* 12 steps */
    options.teacher = teacher;
    options.terms[0] = kd_term();
    assert_refused(&options, DECANT_INVALID_ARG, "exactly 0");
    options.epochs = 3; /* 9 steps: nothing is proved yet */
    dcn_train_result result;
    assert_ok(dcn_train(&options, &result));
    dcn_model_destroy(teacher);
    dcn_model_destroy(student);
}

static void test_teachers_and_terms_that_do_not_meet(void **state)
{
    (void)state;
    decant_model *model = make_model(&problem, MLP, 1), *teacher = make_model(&problem, MLP, 2);
    dcn_train_options options = plain_options(&problem, model);
    options.teacher = teacher;
    assert_refused(&options, DECANT_INVALID_ARG, "no loss term");
    options.teacher = NULL;
    options.terms[0] = kd_term();
    assert_refused(&options, DECANT_INVALID_ARG, "needs a teacher");
    dcn_model_destroy(teacher);
    teacher = make_model(&problem, "[flatten, linear: 3]", 2);
    options.teacher = teacher;
    assert_refused(&options, DECANT_SHAPE, "classes");
    dcn_model_destroy(teacher);
    dcn_model_destroy(model);
}

static void test_a_loss_that_is_not_finite(void **state)
{
    (void)state;
    decant_model *model = make_model(&problem, MLP, 1);
    dcn_train_options options = plain_options(&problem, model);
    model->data[dcn_graph_find(model->graph, "1.weight")][3] = NAN;
    assert_refused(&options, DECANT_NUMERIC, "step 0");
    assert_refused(&options, DECANT_NUMERIC, "ce = ");
    assert_int_equal(decant_status_exit(DECANT_NUMERIC), 3);
    dcn_model_destroy(model);
}

/* Values that overflow in the network although each of them is finite. */
static void test_data_that_makes_the_loss_not_finite(void **state)
{
    (void)state;
    enum { COUNT = 64 };
    float *values = NULL;
    int32_t labels[COUNT];
    assert_ok(dcn_new_array(COUNT * PIXELS, sizeof *values, (void **)&values));
    for (int i = 0; i < COUNT; i++)
        labels[i] = i % CLASSES;
    for (int i = 0; i < COUNT * PIXELS; i++)
        values[i] = (float)(i % 7);
    values[40 * PIXELS + 3] = 3e38f;
    values[40 * PIXELS + 4] = 3e38f;
    test_problem bad = {.device = problem.device};
    assert_ok(dcn_arrays_open("bad", &problem.dataset->sample, DECANT_F32, CLASSES, values, labels, COUNT, NULL, NULL,
                              0, &bad.dataset));
    assert_ok(dcn_split_make(bad.dataset, 0, 1, &bad.split));
    bad.std[0] = 1e-3f;
    decant_model *model = make_model(&bad, MLP, 1);
    dcn_train_options options = plain_options(&bad, model);
    assert_refused(&options, DECANT_NUMERIC, "not finite");
    dcn_model_destroy(model);
    dcn_split_finish(&bad.split);
    dcn_dataset_destroy(bad.dataset);
    dcn_free(values);
}

static void test_a_rate_that_diverges(void **state)
{
    (void)state;
    decant_model *model = make_model(&problem, MLP, 1);
    dcn_train_options options = plain_options(&problem, model);
    options.optimizer = dcn_optimizer_default(DCN_OPTIMIZER_SGD);
    options.optimizer.lr = 1e30;
    assert_refused(&options, DECANT_NUMERIC, "not finite");
    dcn_model_destroy(model);
}

/* A running mean takes no part in training's loss: without validation the end of the first epoch must find it, before
 * it is saved. */
static void test_weights_that_are_not_finite_behind_a_finite_loss(void **state)
{
    (void)state;
    test_problem whole = {.device = problem.device, .dataset = problem.dataset};
    memcpy(whole.std, problem.std, sizeof whole.std);
    assert_ok(dcn_split_make(whole.dataset, 0, 1, &whole.split));
    decant_model *model = make_model(&whole, "[flatten, linear: 6, batchnorm, relu, linear: 4]", 1);
    dcn_train_options options = plain_options(&whole, model);
    options.epochs = 3;
    options.drop_last = true; /* 3 steps an epoch */
    options.checkpoint_path = TEST_BINARY_DIR "/not_finite.ckpt";
    unlink(options.checkpoint_path);
    model->data[dcn_graph_find(model->graph, "2.running_mean")][2] = NAN;
    assert_refused(&options, DECANT_NUMERIC, "after 3 steps 2.running_mean is not finite");
    assert_int_equal(access(options.checkpoint_path, F_OK), -1);
    dcn_model_destroy(model);
    dcn_split_finish(&whole.split);
}

/* Batchnorm over a single value has no variance; over a map it has. */
static void test_a_batch_of_one_under_batchnorm(void **state)
{
    (void)state;
    dcn_train_result result;
    decant_model *flat = make_model(&problem, "[flatten, linear: 8, batchnorm, relu, linear: 4]", 1);
    dcn_train_options options = plain_options(&problem, flat);
    options.epochs = 1;
    assert_refused(&options, DECANT_INVALID_ARG, "drop_last: true");
    options.drop_last = true;
    assert_ok(dcn_train(&options, &result));
    options.batch = 1;
    assert_refused(&options, DECANT_INVALID_ARG, "one sample");
    dcn_model_destroy(flat);

    decant_model *maps = make_model(&problem, "[conv: {channels: 2, kernel: 3}, batchnorm, flatten, linear: 4]", 1);
    options = plain_options(&problem, maps);
    options.epochs = 1;
    assert_ok(dcn_train(&options, &result));
    assert_int_equal(result.steps_done, 4);
    dcn_model_destroy(maps);
}

/* Breaks when a sample without a label is taken for one of class -1. */
static void test_samples_without_a_label(void **state)
{
    (void)state;
    decant_model *model = make_model(&problem, MLP, 1);
    dcn_train_options options = plain_options(&problem, model);
    int32_t *label = &problem.dataset->train.labels[problem.split.train[7]], held_back = *label;
    *label = DCN_NO_LABEL;
    assert_refused(&options, DECANT_INVALID_ARG, "has no label");
    *label = held_back;
    options.ignore_labels = true;
    assert_refused(&options, DECANT_INVALID_ARG, "loss term ce reads labels, and this run is to ignore them");
    dcn_model_destroy(model);
}

static void test_splits_that_overlap(void **state)
{
    (void)state;
    decant_model *model = make_model(&problem, MLP, 1);
    dcn_train_options options = plain_options(&problem, model);
    int32_t train[3] = {0, 1, 2}, validation[2] = {5, 2}, outside[1] = {1 << 20};
    dcn_split split = {.n_train = 3, .n_validation = 2, .train = train, .validation = validation};
    options.split = &split;
    assert_refused(&options, DECANT_INVALID_ARG, "sample 2");
    split.validation = outside;
    split.n_validation = 1;
    assert_refused(&options, DECANT_INVALID_ARG, "1048576");
    split.n_train = 0;
    assert_refused(&options, DECANT_INVALID_ARG, "empty");
    dcn_model_destroy(model);
}

static void test_options_out_of_range(void **state)
{
    (void)state;
    decant_model *model = make_model(&problem, MLP, 1);
    const dcn_train_options good = plain_options(&problem, model);
    dcn_train_options bad = good;
    bad.epochs = 0;
    assert_refused(&bad, DECANT_INVALID_ARG, "epoch");
    bad = good;
    bad.batch = 0;
    assert_refused(&bad, DECANT_INVALID_ARG, "batch");
    bad = good;
    bad.n_terms = 0;
    assert_refused(&bad, DECANT_INVALID_ARG, "loss terms");
    bad = good;
    bad.terms[0].label_smoothing = 1;
    assert_refused(&bad, DECANT_INVALID_ARG, "label_smoothing");
    bad = good;
    bad.optimizer.lr = -1;
    assert_refused(&bad, DECANT_INVALID_ARG, "learning rate");
    bad = good;
    bad.batch = 1000;
    bad.drop_last = true;
    assert_refused(&bad, DECANT_INVALID_ARG, "drop_last");
    dcn_model_destroy(model);
}

/* A batch larger than the data is one batch of all of it, as in PyTorch. */
static void test_a_batch_larger_than_the_data_is_all_of_it(void **state)
{
    (void)state;
    dcn_train_result result;
    decant_model *model = make_model(&problem, MLP, 1);
    dcn_train_options options = plain_options(&problem, model);
    options.batch = 1000;
    assert_ok(dcn_train(&options, &result));
    assert_int_equal(result.steps_done, options.epochs);
    dcn_model_destroy(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_teacher_that_is_the_student),
        cmocka_unit_test(test_a_teacher_of_other_classes),
        cmocka_unit_test(test_a_distillation_term_that_stays_zero),
        cmocka_unit_test(test_teachers_and_terms_that_do_not_meet),
        cmocka_unit_test(test_a_loss_that_is_not_finite),
        cmocka_unit_test(test_data_that_makes_the_loss_not_finite),
        cmocka_unit_test(test_a_rate_that_diverges),
        cmocka_unit_test(test_weights_that_are_not_finite_behind_a_finite_loss),
        cmocka_unit_test(test_a_batch_of_one_under_batchnorm),
        cmocka_unit_test(test_samples_without_a_label),
        cmocka_unit_test(test_splits_that_overlap),
        cmocka_unit_test(test_options_out_of_range),
        cmocka_unit_test(test_a_batch_larger_than_the_data_is_all_of_it),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
