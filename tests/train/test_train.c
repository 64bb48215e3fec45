/* Training from end to end on a problem that can be learned: what it reaches, what it reports and which weights it
 * hands over. */
#include "train/problem.h"

#include "data/loader.h"
#include "decant/loss.h"

/* What the callbacks saw. */
typedef struct record {
    dcn_epoch epochs[16];
    int32_t n_epochs, n_sheets, n_progress;
    dcn_loss_sheet sheet;
} record;

static void on_epoch(void *context, const dcn_epoch *epoch)
{
    record *seen = context;
    assert_true(seen->n_epochs < 16);
    seen->epochs[seen->n_epochs++] = *epoch;
}

static decant_status on_loss_sheet(void *context, const dcn_loss_sheet *sheet)
{
    record *seen = context;
    seen->sheet = *sheet;
    seen->n_sheets++;
    return DECANT_OK;
}

static void on_progress(void *context, const dcn_progress *progress)
{
    record *seen = context;
    seen->n_progress++;
    assert_true(progress->batch >= 1 && progress->batch <= progress->batches);
    assert_true(progress->seconds_left >= 0);
}

static void listen(dcn_train_options *options, record *seen)
{
    memset(seen, 0, sizeof *seen);
    options->context = seen;
    options->on_epoch = on_epoch;
    options->on_loss_sheet = on_loss_sheet;
    options->on_progress = on_progress;
}

static void learns_on(const char *device)
{
    test_problem problem;
    dcn_train_result result = {0};
    record seen;
    open_problem(&problem, device, 500, 100);
    decant_model *model = make_model(&problem, CONVOLUTIONAL, 1);
    dcn_train_options options = plain_options(&problem, model);
    options.epochs = 5;
    listen(&options, &seen);
    dcn_metrics before = evaluate_test(&problem, model);
    assert_ok(dcn_train(&options, &result));
    dcn_metrics after = evaluate_test(&problem, model);

    assert_true(before.accuracy < 0.7);
    assert_true(after.accuracy > 0.95);
    assert_true(after.loss < before.loss / 2);
    assert_int_equal(seen.n_epochs, 5);
    assert_true(seen.epochs[4].loss < seen.epochs[0].loss);
    assert_true(seen.epochs[4].validation_accuracy > 0.95);
    assert_true(seen.n_progress >= 5); /* at least the end of each epoch */
    assert_int_equal(result.epochs_done, 5);
    assert_int_equal(result.steps_done, 5 * 16); /* 15 batches of 32 and one of 20 */
    dcn_metrics_finish(&before);
    dcn_metrics_finish(&after);
    dcn_model_destroy(model);
    close_problem(&problem);
}

static void test_learns_on_ref(void **state)
{
    (void)state;
    learns_on("ref");
}

static void test_learns_on_cpu(void **state)
{
    (void)state;
    learns_on("cpu");
}

/* KL(teacher || student) on the test samples. */
static double distance(const test_problem *problem, const decant_model *teacher, const decant_model *student)
{
    enum { COUNT = 120 };
    float t[COUNT * CLASSES], s[COUNT * CLASSES], loss = 0;
    dcn_metrics metrics = {0};
    const dcn_samples *test = &problem->dataset->test;
    assert_ok(dcn_evaluate(problem->device, teacher, problem->dataset, test, NULL, 0, &metrics, NULL, t));
    dcn_metrics_finish(&metrics);
    assert_ok(dcn_evaluate(problem->device, student, problem->dataset, test, NULL, 0, &metrics, NULL, s));
    dcn_metrics_finish(&metrics);
    const int64_t dims[2] = {COUNT, CLASSES};
    decant_shape shape = decant_shape_make(2, dims);
    decant_tensor teacher_logits = decant_tensor_view(DECANT_F32, &shape, t);
    decant_tensor student_logits = decant_tensor_view(DECANT_F32, &shape, s);
    assert_ok(decant_loss_kd(&student_logits, &teacher_logits, 1, &loss, NULL));
    return (double)loss;
}

/* Soft targets alone, no labels: the student must come to say what the teacher says. */
static void test_distillation_brings_the_student_to_the_teacher(void **state)
{
    (void)state;
    static const char *const devices[] = {"ref", "cpu"};
    for (size_t d = 0; d < 2; d++) {
        test_problem problem;
        dcn_train_result result;
        open_problem(&problem, devices[d], 400, 0);
        decant_model *teacher = make_teacher(&problem, MLP);
        decant_model *student = make_model(&problem, LINEAR, 2);
        dcn_train_options options = plain_options(&problem, student);
        options.teacher = teacher;
        options.terms[0] = (dcn_term){.kind = DCN_TERM_KD, .weight = 1, .temperature = 4};
        double before = distance(&problem, teacher, student);
        assert_ok(dcn_train(&options, &result));
        double after = distance(&problem, teacher, student);
        assert_true(after < before / 5);
        assert_true(isnan(result.validation_accuracy)); /* there is no validation split */
        dcn_model_destroy(student);
        dcn_model_destroy(teacher);
        close_problem(&problem);
    }
}

static decant_status keep_first_value(void *context, const dcn_loss_sheet *sheet)
{
    *(double *)context = sheet->term[0].value;
    return DECANT_OK;
}

static void logits_of_training(const test_problem *problem, const decant_model *model, float *logits)
{
    dcn_metrics metrics = {0};
    assert_ok(dcn_evaluate(problem->device, model, problem->dataset, &problem->dataset->train, problem->split.train,
                           problem->split.n_train, &metrics, NULL, logits));
    dcn_metrics_finish(&metrics);
}

/* Breaks when deviations are taken over other samples or outputs, or weigh anything but the difference. */
static void test_logits_in_the_teachers_deviations(void **state)
{
    (void)state;
    enum { N = 100 };
    static float s[N * CLASSES], t[N * CLASSES];
    for (int cached = 0; cached < 2; cached++) {
        test_problem problem;
        dcn_train_result result;
        double value = 0, expected = 0;
        open_problem(&problem, "cpu", N, 0);
        decant_model *teacher = make_teacher(&problem, MLP), *student = make_model(&problem, LINEAR, 2);
        dcn_train_options options = plain_options(&problem, student);
        options.teacher = teacher;
        options.terms[0] = (dcn_term){.kind = DCN_TERM_LOGITS, .weight = 1, .standardize = true};
        options.batch = N; /* the first step sees all */
        options.epochs = 1;
        options.teacher_cache_bytes = cached ? 1 << 20 : 0;
        options.context = &value;
        options.on_loss_sheet = keep_first_value;
        logits_of_training(&problem, teacher, t);
        logits_of_training(&problem, student, s);
        assert_ok(dcn_train(&options, &result));
        for (int c = 0; c < CLASSES; c++) {
            double mean = 0, variance = 0, squares = 0;
            for (int n = 0; n < N; n++)
                mean += (double)t[n * CLASSES + c] / N;
            for (int n = 0; n < N; n++) {
                double away = (double)t[n * CLASSES + c] - mean;
                double difference = (double)s[n * CLASSES + c] - (double)t[n * CLASSES + c];
                variance += away * away / N;
                squares += difference * difference / N;
            }
            expected += squares / variance / CLASSES;
        }
        if (!(fabs(value - expected) < 1e-4 * expected)) fail_msg("%g, not %g", value, expected);
        dcn_model_destroy(student);
        dcn_model_destroy(teacher);
        close_problem(&problem);
    }
}

static void softmax(const double *logits, double temperature, double *ret)
{
    double sum = 0;
    for (int c = 0; c < CLASSES; c++)
        sum += ret[c] = exp(logits[c] / temperature);
    for (int c = 0; c < CLASSES; c++)
        ret[c] /= sum;
}

/* Zhao et al. 2022, of one sample: label or not, and the other classes among themselves. */
static double dkd_of(const dcn_term *term, const double *s, const double *t, int32_t label)
{
    double q[CLASSES], p[CLASSES], others = 0;
    softmax(s, term->temperature, q);
    softmax(t, term->temperature, p);
    const double rest_q = 1 - q[label], rest_p = 1 - p[label];
    const double target = p[label] * log(p[label] / q[label]) + rest_p * log(rest_p / rest_q);
    for (int c = 0; c < CLASSES; c++)
        if (c != label) others += p[c] / rest_p * log(p[c] / rest_p / (q[c] / rest_q));
    return term->temperature * term->temperature * (term->alpha * target + term->beta * others);
}

/* Each row of its own mean 0, and of deviation 1. */
static double standardized_kd_of(const dcn_term *term, const double *s, const double *t, int32_t label)
{
    (void)label;
    const double *const rows[] = {s, t};
    double z[2][CLASSES], p[2][CLASSES], value = 0;
    for (int i = 0; i < 2; i++) {
        double mean = 0, squares = 0;
        for (int c = 0; c < CLASSES; c++)
            mean += rows[i][c] / CLASSES;
        for (int c = 0; c < CLASSES; c++)
            squares += (rows[i][c] - mean) * (rows[i][c] - mean);
        for (int c = 0; c < CLASSES; c++)
            z[i][c] = (rows[i][c] - mean) / sqrt(squares / (CLASSES - 1));
        softmax(z[i], term->temperature, p[i]);
    }
    for (int c = 0; c < CLASSES; c++)
        value += p[1][c] * log(p[1][c] / p[0][c]);
    return term->temperature * term->temperature * value;
}

static double centered_logits_of(const dcn_term *term, const double *s, const double *t, int32_t label)
{
    (void)term, (void)label;
    double mean = 0, value = 0;
    for (int c = 0; c < CLASSES; c++)
        mean += (s[c] - t[c]) / CLASSES;
    for (int c = 0; c < CLASSES; c++)
        value += (s[c] - t[c] - mean) * (s[c] - t[c] - mean) / CLASSES;
    return value;
}

/* Breaks when an option of a loss is lost on its way from the term to the step. */
static void test_options_of_the_losses_reach_the_step(void **state)
{
    (void)state;
    enum { N = 100 };
    static const struct {
        dcn_term term;
        double (*of)(const dcn_term *term, const double *s, const double *t, int32_t label);
    } cases[] = {
        {{.kind = DCN_TERM_DKD, .weight = 1, .alpha = 0.5, .beta = 3, .temperature = 2}, dkd_of},
        {{.kind = DCN_TERM_KD, .weight = 1, .temperature = 3, .standardize = true}, standardized_kd_of},
        {{.kind = DCN_TERM_LOGITS, .weight = 1, .center = true}, centered_logits_of},
    };
    static float s[N * CLASSES], t[N * CLASSES];
    test_problem problem;
    open_problem(&problem, "cpu", N, 0);
    decant_model *teacher = make_teacher(&problem, MLP);
    for (size_t i = 0; i < DCN_COUNT(cases); i++) {
        dcn_train_result result;
        double value = 0, expected = 0;
        decant_model *student = make_model(&problem, LINEAR, 2);
        dcn_train_options options = plain_options(&problem, student);
        options.teacher = teacher;
        options.terms[0] = cases[i].term;
        options.batch = N; /* the first step sees all */
        options.epochs = 1;
        options.context = &value;
        options.on_loss_sheet = keep_first_value;
        logits_of_training(&problem, teacher, t);
        logits_of_training(&problem, student, s);
        assert_ok(dcn_train(&options, &result));
        for (int n = 0; n < N; n++) {
            double rows[2][CLASSES];
            for (int c = 0; c < CLASSES; c++) {
                rows[0][c] = (double)s[n * CLASSES + c];
                rows[1][c] = (double)t[n * CLASSES + c];
            }
            const int32_t label = problem.dataset->train.labels[problem.split.train[n]];
            expected += cases[i].of(&cases[i].term, rows[0], rows[1], label) / N;
        }
        if (!(fabs(value - expected) < 1e-4 * expected)) fail_msg("term %zu: %g, not %g", i, value, expected);
        dcn_model_destroy(student);
    }
    dcn_model_destroy(teacher);
    close_problem(&problem);
}

/* Training a student must leave the teacher as it was, running statistics included. */
static void test_the_teacher_is_not_touched(void **state)
{
    (void)state;
    test_problem problem;
    dcn_train_result result;
    decant_model *copy = NULL;
    open_problem(&problem, "cpu", 200, 0);
    decant_model *teacher = make_teacher(&problem, CONVOLUTIONAL);
    assert_ok(dcn_model_clone(teacher, &copy));
    decant_model *student = make_model(&problem, MLP, 2);
    dcn_train_options options = plain_options(&problem, student);
    options.teacher = teacher;
    options.terms[options.n_terms++] = (dcn_term){.kind = DCN_TERM_KD, .weight = 1, .temperature = 2};
    assert_ok(dcn_train(&options, &result));
    for (int32_t v = 0; v < teacher->graph->n_values; v++) {
        if (teacher->data[v] == NULL) continue;
        size_t bytes = (size_t)decant_shape_count(&teacher->graph->values[v].shape) * sizeof(float);
        assert_memory_equal(teacher->data[v], copy->data[v], bytes);
    }
    dcn_model_destroy(student);
    dcn_model_destroy(copy);
    dcn_model_destroy(teacher);
    close_problem(&problem);
}

/* The same teacher under other normalisation statistics, its first layer adjusted to them, must teach the same. */
static void test_a_teacher_gets_its_own_normalisation(void **state)
{
    (void)state;
    test_problem problem;
    dcn_train_result result;
    record seen, seen_twin;
    decant_model *twin = NULL;
    open_problem(&problem, "ref", 100, 0);
    decant_model *teacher = make_teacher(&problem, LINEAR);
    assert_ok(dcn_model_clone(teacher, &twin));
    /* x' = (raw - 0.5) / 2 = x * std / 2 + (mean - 0.5) / 2, so w' = 2 w / std and b' = b - sum(w) (mean - 0.5) / std.
     */
    const float mean = 0.5f, std = 2;
    float *weight = twin->data[dcn_graph_find(twin->graph, "1.weight")]; /* [CLASSES, PIXELS] */
    float *bias = twin->data[dcn_graph_find(twin->graph, "1.bias")];     /* [CLASSES] */
    for (int c = 0; c < CLASSES; c++) {
        double sum = 0;
        for (int i = 0; i < PIXELS; i++)
            sum += (double)weight[c * PIXELS + i];
        bias[c] -= (float)(sum * (double)(problem.mean[0] - mean) / (double)problem.std[0]);
        for (int i = 0; i < PIXELS; i++)
            weight[c * PIXELS + i] *= std / problem.std[0];
    }
    assert_ok(dcn_model_set_normalization(twin, 1, &mean, &std));

    for (int i = 0; i < 2; i++) {
        decant_model *student = make_model(&problem, MLP, 2);
        dcn_train_options options = plain_options(&problem, student);
        options.epochs = 1;
        options.teacher = i == 0 ? teacher : twin;
        options.terms[0] = (dcn_term){.kind = DCN_TERM_KD, .weight = 1, .temperature = 1};
        listen(&options, i == 0 ? &seen : &seen_twin);
        assert_ok(dcn_train(&options, &result));
        dcn_model_destroy(student);
    }
    assert_true(seen.sheet.total > 0.01);
    assert_true(fabs(seen.sheet.total - seen_twin.sheet.total) < 1e-4 * seen.sheet.total);
    dcn_model_destroy(twin);
    dcn_model_destroy(teacher);
    close_problem(&problem);
}

/* Coloured noise, each channel of another brightness and breadth. */
static decant_dataset *make_coloured(void)
{
    enum { N = 60, AREA = 16 };
    static uint8_t pixels[(N + 10) * 3 * AREA];
    static int32_t labels[N + 10];
    const decant_shape sample = {.rank = 3, .dim = {3, 4, 4}};
    decant_dataset *dataset = NULL;
    dcn_random random = dcn_random_start(6, DCN_PURPOSE_TEST, 0, 0);
    for (int i = 0; i < N + 10; i++) {
        labels[i] = i % CLASSES;
        for (int p = 0; p < 3 * AREA; p++) {
            const uint32_t channel = (uint32_t)p / AREA;
            pixels[i * 3 * AREA + p] = (uint8_t)(60 * channel + dcn_random_below(&random, 30 + 40 * channel));
        }
    }
    assert_ok(dcn_arrays_open("colours", &sample, DECANT_U8, CLASSES, pixels, labels, N, pixels + N * 3 * AREA,
                              labels + N, 10, &dataset));
    return dataset;
}

/* The step turns the student's normalisation of its batch into the teacher's; the cache asks the teacher with batches
 * of its own. Breaks when the two differ: when channels are mixed up, or one number for all is taken for the first's.
 */
static void test_step_and_cache_normalise_for_the_teacher_alike(void **state)
{
    (void)state;
    static const float mean[3] = {0.1f, 0.3f, 0.7f}, std[3] = {0.5f, 0.2f, 0.9f};
    static const float other_mean[3] = {0.6f, 0.2f, 0.4f}, other_std[3] = {0.3f, 0.8f, 0.25f};
    test_problem problem = {0};
    double value[2][2];
    const dcn_device_options two = {.threads = 2};
    assert_ok(dcn_device_open("ref", &two, &problem.device));
    problem.dataset = make_coloured();
    assert_ok(dcn_split_make(problem.dataset, 0, 3, &problem.split));
    problem.mean[0] = 0;
    problem.std[0] = 1;
    static const int32_t channels[2] = {1, 3}; /* of the teacher's normalisation */
    for (int i = 0; i < 2; i++) {
        for (int cached = 0; cached < 2; cached++) {
            dcn_train_result result;
            decant_model *teacher = make_model(&problem, MLP, 4), *student = make_model(&problem, LINEAR, 2);
            assert_ok(dcn_model_set_normalization(student, 3, mean, std));
            assert_ok(dcn_model_set_normalization(teacher, channels[i], other_mean, other_std));
            dcn_train_options options = plain_options(&problem, student);
            options.teacher = teacher;
            options.terms[0] = (dcn_term){.kind = DCN_TERM_LOGITS, .weight = 1};
            options.batch = 60;
            options.epochs = 1;
            options.teacher_cache_bytes = cached ? 1 << 20 : 0;
            options.context = &value[i][cached];
            options.on_loss_sheet = keep_first_value;
            assert_ok(dcn_train(&options, &result));
            dcn_model_destroy(student);
            dcn_model_destroy(teacher);
        }
    }
    for (int i = 0; i < 2; i++)
        assert_true(fabs(value[i][0] - value[i][1]) < 1e-5 * value[i][0]);
    assert_true(fabs(value[0][0] - value[1][0]) > 1e-3 * value[0][0]); /* they are two teachers */
    close_problem(&problem);
}

/* With a learning rate that changes nothing, the training loss of an epoch is the loss on the training samples,
 * whatever the batches: 100 samples make three batches of 32 and one of 4. */
static void test_meters_weigh_by_sample(void **state)
{
    (void)state;
    test_problem problem;
    dcn_train_result result;
    dcn_metrics metrics = {0};
    record seen;
    open_problem(&problem, "ref", 100, 0);
    decant_model *model = make_model(&problem, MLP, 1);
    dcn_train_options options = plain_options(&problem, model);
    options.optimizer = dcn_optimizer_default(DCN_OPTIMIZER_SGD);
    options.optimizer.lr = 1e-30;
    options.epochs = 1;
    listen(&options, &seen);
    assert_ok(dcn_train(&options, &result));
    assert_ok(dcn_evaluate(problem.device, model, problem.dataset, &problem.dataset->train, problem.split.train, 100,
                           &metrics, NULL, NULL));
    assert_true(fabs(seen.epochs[0].loss - metrics.loss) < 1e-6);
    assert_true(fabs(seen.epochs[0].accuracy - metrics.accuracy) < 1e-12);
    assert_int_equal(result.steps_done, 4);
    dcn_metrics_finish(&metrics);

    options.drop_last = true;
    listen(&options, &seen);
    assert_ok(dcn_train(&options, &result));
    assert_int_equal(result.steps_done, 3);
    dcn_model_destroy(model);
    close_problem(&problem);
}

static void test_loss_sheet_tells_what_each_term_weighs(void **state)
{
    (void)state;
    test_problem problem;
    dcn_train_result result;
    record seen, halved;
    open_problem(&problem, "ref", 100, 0);
    decant_model *teacher = make_teacher(&problem, MLP);
    for (int i = 0; i < 2; i++) {
        decant_model *student = make_model(&problem, LINEAR, 2);
        dcn_train_options options = plain_options(&problem, student);
        options.teacher = teacher;
        options.epochs = 1;
        options.terms[0].weight = 0.25;
        options.terms[options.n_terms++] =
            (dcn_term){.kind = DCN_TERM_KD, .weight = i == 0 ? 1 : 0.5, .temperature = 4};
        listen(&options, i == 0 ? &seen : &halved);
        assert_ok(dcn_train(&options, &result));
        dcn_model_destroy(student);
    }
    assert_int_equal(seen.n_sheets, 1);
    assert_int_equal(seen.sheet.n_terms, 2);
    assert_string_equal(seen.sheet.term[0].name, "ce");
    assert_string_equal(seen.sheet.term[1].name, "kd");
    assert_true(seen.sheet.term[1].temperature == 4);
    assert_true(seen.sheet.term[0].value > 0.5 && seen.sheet.term[0].value < 3); /* near ln 4 before any training */
    assert_true(seen.sheet.term[0].gradient_norm > 0);
    for (int i = 0; i < 2; i++) {
        assert_true(seen.sheet.term[i].contribution == seen.sheet.term[i].weight * seen.sheet.term[i].value);
    }
    assert_true(fabs(seen.sheet.total - seen.sheet.term[0].contribution - seen.sheet.term[1].contribution) < 1e-12);
    /* The weight scales what a term contributes and its gradient, not its value. */
    assert_true(halved.sheet.term[1].value == seen.sheet.term[1].value);
    assert_true(fabs(2 * halved.sheet.term[1].gradient_norm - seen.sheet.term[1].gradient_norm) <
                1e-5 * seen.sheet.term[1].gradient_norm);
    dcn_model_destroy(teacher);
    close_problem(&problem);
}

/* Errors that a model makes on the validation split. */
static int64_t validation_errors(const test_problem *problem, const decant_model *model, double *ret_loss)
{
    dcn_metrics metrics = {0};
    assert_ok(dcn_evaluate(problem->device, model, problem->dataset, &problem->dataset->train,
                           problem->split.validation, problem->split.n_validation, &metrics, NULL, NULL));
    int64_t errors = metrics.errors;
    if (ret_loss != NULL) *ret_loss = metrics.loss;
    dcn_metrics_finish(&metrics);
    return errors;
}

/* A learning rate that grows too large spoils a model that was good: the weights of the best epoch must come out. */
static void test_the_first_best_epoch_is_selected(void **state)
{
    (void)state;
    test_problem problem;
    dcn_train_result result;
    record seen;
    open_problem(&problem, "ref", 200, 100);
    decant_model *model = make_model(&problem, CONVOLUTIONAL, 1);
    dcn_train_options options = plain_options(&problem, model);
    options.epochs = 8;
    options.optimizer.schedule =
        (dcn_schedule){.kind = DCN_SCHEDULE_STEP, .n_milestones = 1, .milestones = {5}, .gamma = 300};
    options.select_best = true;
    listen(&options, &seen);
    assert_ok(dcn_train(&options, &result));

    int64_t best = 0;
    for (int32_t e = 1; e < seen.n_epochs; e++) {
        if (seen.epochs[e].validation_errors < seen.epochs[best].validation_errors) best = e;
    }
    assert_true(seen.epochs[7].validation_errors > seen.epochs[best].validation_errors); /* spoiled, as intended */
    assert_int_equal(result.best_epoch, best);
    assert_true(seen.epochs[best].best && !seen.epochs[7].best);
    assert_true(result.validation_accuracy == seen.epochs[best].validation_accuracy);
    double loss = 0;
    assert_int_equal(validation_errors(&problem, model, &loss), seen.epochs[best].validation_errors);
    assert_true(fabs(loss - seen.epochs[best].validation_loss) < 1e-6);
    dcn_model_destroy(model);

    /* without the choice the last weights come out, and are called so */
    model = make_model(&problem, CONVOLUTIONAL, 1);
    options.model = model;
    options.select_best = false;
    assert_ok(dcn_train(&options, &result));
    assert_int_equal(result.best_epoch, 7);
    assert_int_equal(validation_errors(&problem, model, NULL), seen.epochs[7].validation_errors);
    dcn_model_destroy(model);
    close_problem(&problem);
}

/* Validation sees the averaged weights, and they are what is handed over. */
static void test_averaged_weights_are_validated_and_handed_over(void **state)
{
    (void)state;
    test_problem problem;
    dcn_train_result result;
    record seen;
    double loss[2];
    open_problem(&problem, "cpu", 200, 100);
    for (int i = 0; i < 2; i++) {
        decant_model *model = make_model(&problem, CONVOLUTIONAL, 1);
        dcn_train_options options = plain_options(&problem, model);
        options.optimizer.ema_decay = i == 0 ? 0 : 0.9;
        listen(&options, &seen);
        assert_ok(dcn_train(&options, &result));
        int64_t errors = validation_errors(&problem, model, &loss[i]);
        assert_int_equal(errors, seen.epochs[3].validation_errors);
        assert_true(fabs(loss[i] - seen.epochs[3].validation_loss) < 1e-6);
        dcn_model_destroy(model);
    }
    assert_true(fabs(loss[0] - loss[1]) > 1e-6); /* the average is not the last weights */
    close_problem(&problem);
}

/* -log softmax(W x + b)[label] of a LINEAR model, in double. */
static double linear_ce(const decant_model *model, const float *x, int32_t label)
{
    const float *weight = model->data[dcn_graph_find(model->graph, "1.weight")]; /* [CLASSES, PIXELS] */
    const float *bias = model->data[dcn_graph_find(model->graph, "1.bias")];     /* [CLASSES] */
    double logits[CLASSES], sum = 0;
    for (int c = 0; c < CLASSES; c++) {
        logits[c] = (double)bias[c];
        for (int i = 0; i < PIXELS; i++)
            logits[c] += (double)weight[c * PIXELS + i] * (double)x[i];
        sum += exp(logits[c]);
    }
    return log(sum) - logits[label];
}

/* Breaks when the labels of a blended sample lose their partners or their shares on the way to the loss. */
static void test_mixup_blends_the_labels(void **state)
{
    (void)state;
    enum { N = 64 };
    test_problem problem;
    dcn_train_result result;
    dcn_loader *loader = NULL;
    const dcn_batch *batch = NULL;
    double value = 0, expected = 0, unmixed = 0;
    open_problem(&problem, "ref", N, 0);
    decant_model *model = make_model(&problem, LINEAR, 1), *trained = make_model(&problem, LINEAR, 1);
    dcn_train_options options = plain_options(&problem, trained);
    options.augment.mixup = 1;
    options.batch = N;
    options.epochs = 1;
    options.context = &value;
    options.on_loss_sheet = keep_first_value;
    assert_ok(dcn_train(&options, &result));

    const dcn_loader_options same = {.dataset = problem.dataset,
                                     .part = &problem.dataset->train,
                                     .indices = problem.split.train,
                                     .count = N,
                                     .batch = N,
                                     .shuffle = true,
                                     .seed = options.seed,
                                     .augment = options.augment,
                                     .norm_channels = 1,
                                     .mean = problem.mean,
                                     .std = problem.std};
    assert_ok(dcn_loader_create(&same, &loader));
    assert_ok(dcn_loader_start(loader, 0, 0));
    assert_ok(dcn_loader_next(loader, &batch));
    for (int n = 0; n < N; n++) {
        const double share = (double)batch->mix[n], first = linear_ce(model, batch->x + n * PIXELS, batch->labels[n]);
        const double second = linear_ce(model, batch->x + n * PIXELS, batch->labels_b[n]);
        expected += (share * first + (1 - share) * second) / N;
        unmixed += first / N;
    }
    assert_true(fabs(value - expected) < 1e-5 * expected);
    assert_true(fabs(unmixed - expected) > 1e-3 * expected); /* or the test could not fail */
    dcn_loader_destroy(loader);
    dcn_model_destroy(trained);
    dcn_model_destroy(model);
    close_problem(&problem);
}

static void test_mixup_and_smoothing_still_learn(void **state)
{
    (void)state;
    test_problem problem;
    dcn_train_result result;
    open_problem(&problem, "cpu", 400, 0);
    decant_model *model = make_model(&problem, MLP, 1);
    dcn_train_options options = plain_options(&problem, model);
    options.augment = (dcn_augment){.shift = 1, .cutout = 2, .mixup = 0.4};
    options.terms[0].label_smoothing = 0.1;
    options.optimizer.max_norm = 1;
    options.epochs = 6;
    assert_ok(dcn_train(&options, &result));
    dcn_metrics metrics = evaluate_test(&problem, model);
    assert_true(metrics.accuracy > 0.9);
    dcn_metrics_finish(&metrics);
    dcn_model_destroy(model);
    close_problem(&problem);
}

/* One seed, one result; another seed, another. */
static void test_the_seed_decides_everything(void **state)
{
    (void)state;
    test_problem problem;
    dcn_train_result result;
    double loss[3];
    open_problem(&problem, "cpu", 200, 0);
    for (int i = 0; i < 3; i++) {
        decant_model *model = make_model(&problem, CONVOLUTIONAL, 1);
        dcn_train_options options = plain_options(&problem, model);
        options.augment.shift = 1;
        options.seed = i == 2 ? 10 : 9;
        assert_ok(dcn_train(&options, &result));
        dcn_metrics metrics = evaluate_test(&problem, model);
        loss[i] = metrics.loss;
        dcn_metrics_finish(&metrics);
        dcn_model_destroy(model);
    }
    assert_true(loss[0] == loss[1]);
    assert_true(loss[0] != loss[2]);
    close_problem(&problem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_learns_on_ref),
        cmocka_unit_test(test_learns_on_cpu),
        cmocka_unit_test(test_distillation_brings_the_student_to_the_teacher),
        cmocka_unit_test(test_logits_in_the_teachers_deviations),
        cmocka_unit_test(test_options_of_the_losses_reach_the_step),
        cmocka_unit_test(test_the_teacher_is_not_touched),
        cmocka_unit_test(test_a_teacher_gets_its_own_normalisation),
        cmocka_unit_test(test_step_and_cache_normalise_for_the_teacher_alike),
        cmocka_unit_test(test_meters_weigh_by_sample),
        cmocka_unit_test(test_loss_sheet_tells_what_each_term_weighs),
        cmocka_unit_test(test_the_first_best_epoch_is_selected),
        cmocka_unit_test(test_averaged_weights_are_validated_and_handed_over),
        cmocka_unit_test(test_mixup_blends_the_labels),
        cmocka_unit_test(test_mixup_and_smoothing_still_learn),
        cmocka_unit_test(test_the_seed_decides_everything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
