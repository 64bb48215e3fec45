/* A hundred real training steps of the demo's student on real images, alone and distilled, against PyTorch from the
 * same weights and the same batches: dataset reader, loader, training step, losses, derivatives and Adam together. The
 * vectors are tools/make_loss_curve.py's. Skipped, and said so, where Fashion-MNIST is not installed. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "golden/golden.h"
#include "nn/layers.h"
#include "train/training_step.h"
#include "train/weights.h"

enum { STEPS = 100, BATCH = 64, EARLY = 10, SKIPPED = 77 };

/* models.student of recipes/quickstart.yaml. */
static const char student_layers[] =
    "[conv: {channels: 12, kernel: 3, padding: 1, bias: false}, batchnorm, relu, maxpool: 2,"
    " conv: {channels: 24, kernel: 3, padding: 1, bias: false}, batchnorm, relu, maxpool: 2, flatten, linear: 10]";
static const char teacher_layers[] = "[flatten, linear: 10]";
static const float mean = 0.286f, deviation = 0.353f;

typedef struct curve_case {
    const char *name;
    dcn_term terms[2];
    int32_t n_terms;
    bool with_teacher;
} curve_case;

static const curve_case alone = {"ce", {{.kind = DCN_TERM_CE, .weight = 1}}, 1, false};
static const curve_case distilled = {
    "kd", {{.kind = DCN_TERM_CE, .weight = 0.1}, {.kind = DCN_TERM_KD, .weight = 0.9, .temperature = 4}}, 2, true};

static decant_dataset *dataset;
static dcn_safetensors *file;

/* --- the tolerance --- */

/* Rounding grows in training: where two pixels under a pool are equal but for rounding, or an activation is 0 but for
 * rounding, its gradient goes one way or the other, and the next steps build on that. PyTorch shows by how much: its
 * f32 runs, which differ in nothing but the order of summation, leave its f64 run by 1e-6 in the first steps and by up
 * to 1e-2 in the hundredth. decant may leave it ALLOWANCE times as far as the farthest of them has until then, because
 * a run in which such a choice falls earlier is ahead of the others for a while. So the first steps are held to a few
 * units in the last place, and an Adam epsilon of 1e-7, a weight of 0.901 or a learning rate that is off by a
 * ten-thousandth fails in the first three. */
#define ALLOWANCE 4
#define FLOOR     1e-6

/* How far the f32 runs have been from the f64 run up to and including `step`. */
static double drift_until(const decant_tensor *exact, const decant_tensor *single, int64_t step, int32_t term)
{
    const double *right = exact->data;   /* [steps, terms] */
    const float *rounded = single->data; /* [runs, steps, terms] */
    int64_t n_terms = exact->shape.dim[1];
    double drift = 0;
    for (int64_t run = 0; run < single->shape.dim[0]; run++)
        for (int64_t s = 0; s <= step; s++) {
            int64_t at = s * n_terms + term;
            drift = fmax(drift, fabs((double)rounded[run * STEPS * n_terms + at] - right[at]));
        }
    return drift;
}

/* --- one run --- */

typedef struct trainer {
    const curve_case *test;
    const char *device_name;
    dcn_device *device;
    decant_model *student, *teacher;
    dcn_optimizer optimizer;
    dcn_loader *loader;
    dcn_training_step *step;
} trainer;

static decant_model *make_model(const char *layers, const char *prefix)
{
    dcn_arena *arena = NULL;
    dcn_doc *list = NULL;
    dcn_graph *graph = NULL;
    decant_model *model = NULL;
    require(dcn_arena_create(&arena), "arena");
    require(dcn_doc_parse(arena, prefix, layers, strlen(layers), &list), prefix);
    require(dcn_layers_build(list, &dataset->sample, &graph), prefix);
    require(dcn_model_create(graph, &model), prefix);
    require(dcn_model_set_normalization(model, 1, &mean, &deviation), prefix);
    dcn_arena_destroy(arena);
    for (int32_t v = 0; v < graph->n_values; v++) {
        if (model->data[v] == NULL) continue;
        const decant_tensor *weight = golden_need(file, prefix, graph->values[v].name);
        assert_true(decant_shape_equal(&weight->shape, &graph->values[v].shape) && weight->dtype == DECANT_F32);
        memcpy(model->data[v], weight->data, (size_t)decant_shape_count(&weight->shape) * sizeof(float));
    }
    return model;
}

static void make_loader(trainer *train)
{
    const decant_tensor *samples = golden_need(file, "", "samples");
    const dcn_loader_options options = {.dataset = dataset,
                                        .part = &dataset->train,
                                        .indices = samples->data,
                                        .count = STEPS * BATCH,
                                        .batch = BATCH,
                                        .norm_channels = 1,
                                        .mean = &mean,
                                        .std = &deviation};
    assert_int_equal(samples->shape.dim[0], STEPS * BATCH);
    require(dcn_loader_create(&options, &train->loader), "loader");
    require(dcn_loader_start(train->loader, 0, 0), "loader");
}

static void trainer_init(trainer *train, const curve_case *test, const char *device)
{
    const dcn_device_options device_options = {.threads = 2, .precision = DECANT_PRECISION_F32};
    memset(train, 0, sizeof *train);
    train->test = test;
    train->device_name = device;
    train->optimizer = dcn_optimizer_default(DCN_OPTIMIZER_ADAM);
    train->optimizer.lr = 5e-3;
    train->student = make_model(student_layers, "initial");
    train->teacher = make_model(teacher_layers, "teacher");
    make_loader(train);
    require(dcn_device_open(device, &device_options, &train->device), device);

    const dcn_training_spec spec = {.device = train->device,
                                    .model = train->student,
                                    .teacher = test->with_teacher ? train->teacher : NULL,
                                    .optimizer = &train->optimizer,
                                    .terms = test->terms,
                                    .n_terms = test->n_terms,
                                    .labelled = true};
    require(dcn_training_step_create(&spec, BATCH, NULL, &train->step), "training step");
    require(dcn_weights_write(train->step->plan, train->step->values, train->student->graph, DCN_BLOCK_PARAMETER,
                              train->student->data),
            "first weights");
}

static void trainer_finish(trainer *train)
{
    dcn_training_step_destroy(train->step);
    dcn_loader_destroy(train->loader);
    dcn_model_destroy(train->teacher);
    dcn_model_destroy(train->student);
    dcn_device_close(train->device);
}

static void run_step(trainer *train, int64_t step, double ret_losses[DCN_MAX_TERMS])
{
    const dcn_batch *batch = NULL;
    require(dcn_loader_next(train->loader, &batch), "batch");
    assert_int_equal(batch->size, BATCH);
    require(dcn_training_step_bind(train->step, batch), "batch");
    dcn_optimizer_hyper(&train->optimizer, step, STEPS, STEPS, train->step->hyper);
    assert_int_equal(dcn_plan_run(train->step->plan), DECANT_OK);
    require(dcn_training_step_losses(train->step, ret_losses), "losses");
}

/* Running statistics, which no training loss depends on; the row of f64 comes before those of the f32 runs. */
static void compare_statistics(trainer *train)
{
    const dcn_graph *graph = train->student->graph;
    require(dcn_weights_read(train->step->plan, train->step->values, graph, DCN_BLOCK_PARAMETER, train->student->data),
            "statistics");
    for (int32_t v = 0; v < graph->n_values; v++) {
        if (graph->values[v].kind != DCN_VALUE_STATE) continue;
        char what[64];
        snprintf(what, sizeof what, "early/%s", graph->values[v].name);
        const decant_tensor *golden = golden_need(file, train->test->name, what);
        const double *rows = golden->data;
        int64_t channels = golden->shape.dim[1];
        double drift = 0;
        for (int64_t i = channels; i < golden->shape.dim[0] * channels; i++)
            drift = fmax(drift, fabs(rows[i] - rows[i % channels]));
        for (int64_t c = 0; c < channels; c++)
            if (fabs((double)train->student->data[v][c] - rows[c]) > ALLOWANCE * drift + FLOOR)
                fail_msg("%s: %s[%lld] on %s is %.9g, PyTorch says %.9g", train->test->name, what, (long long)c,
                         train->device_name, (double)train->student->data[v][c], rows[c]);
    }
}

static void check_curve(const curve_case *test, const char *device, int64_t n_steps)
{
    const decant_tensor *exact = golden_need(file, test->name, "f64"), *single = golden_need(file, test->name, "f32");
    trainer train;
    trainer_init(&train, test, device);
    assert_true(exact->shape.dim[0] == STEPS && exact->shape.dim[1] == test->n_terms);
    for (int64_t step = 0; step < n_steps; step++) {
        double losses[DCN_MAX_TERMS];
        run_step(&train, step, losses);
        for (int32_t t = 0; t < test->n_terms; t++) {
            double right = ((const double *)exact->data)[step * test->n_terms + t];
            double tolerance = ALLOWANCE * drift_until(exact, single, step, t) + FLOOR;
            if (fabs(losses[t] - right) > tolerance)
                fail_msg("%s: %s of step %lld on %s is %.9g, PyTorch says %.9g, give or take %.1e", test->name,
                         dcn_term_class_of(test->terms[t].kind)->name, (long long)step, device, losses[t], right,
                         tolerance);
        }
        if (step + 1 == EARLY) compare_statistics(&train);
    }
    trainer_finish(&train);
}

static void test_alone_on_cpu(void **state)
{
    (void)state;
    check_curve(&alone, "cpu", STEPS);
}

static void test_distilled_on_cpu(void **state)
{
    (void)state;
    check_curve(&distilled, "cpu", STEPS);
}

static void test_distilled_on_ref(void **state)
{
    (void)state;
    check_curve(&distilled, "ref", EARLY); /* its plain loops need a quarter of a second a step */
}

static void test_every_vector_was_read(void **state)
{
    (void)state;
    golden_check_all_used();
}

static int open_vectors(void **state)
{
    (void)state;
    file = golden_open("loss_curve");
    return 0;
}

static int close_vectors(void **state)
{
    (void)state;
    dcn_safetensors_close(file);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_alone_on_cpu),
        cmocka_unit_test(test_distilled_on_cpu),
        cmocka_unit_test(test_distilled_on_ref),
        cmocka_unit_test(test_every_vector_was_read),
    };
    decant_status status = decant_dataset_open("fashion-mnist", &dataset);
    if (status != DECANT_OK) {
        fprintf(stderr, "%s: %s\n", status == DECANT_NOT_FOUND ? "skipped" : "failed", decant_error_message());
        return status == DECANT_NOT_FOUND ? SKIPPED : 1;
    }
    int failures = cmocka_run_group_tests_name("loss curve", tests, open_vectors, close_vectors);
    decant_dataset_destroy(dataset);
    return failures;
}
