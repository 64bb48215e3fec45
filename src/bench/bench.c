/* Measuring training steps: the same loader, plan and update as a real run, on random data. */
#include "decant/bench.h"

#include <string.h>

#include "base/memory.h"
#include "base/random.h"
#include "bench/cases.h"
#include "bench/measure.h"
#include "bench/networks.h"
#include "nn/inference.h"
#include "train/training_step.h"

int32_t decant_bench_case_count(void)
{
    return dcn_bench_case_count;
}

decant_bench_case decant_bench_case_at(int32_t index)
{
    if (index < 0 || index >= dcn_bench_case_count) return (decant_bench_case){0};
    const dcn_bench_case *found = &dcn_bench_cases[index];
    return (decant_bench_case){found->name, found->description, found->batch};
}

/* Everything that a case needs while it runs. */
typedef struct workload {
    const dcn_bench_case *of;
    dcn_device *device;
    decant_model *student, *teacher;
    decant_dataset *dataset;
    float *known;  /* [samples, classes] the teacher's logits, when it is not in the step; NULL otherwise */
    float *logits; /* [batch, classes] those of the batch */
    dcn_loader *loader;
    dcn_training_step *step;
    dcn_optimizer optimizer;
    int64_t epoch, steps;
} workload;

static void finish(workload *work)
{
    dcn_loader_destroy(work->loader);
    dcn_training_step_destroy(work->step);
    dcn_free(work->logits);
    dcn_free(work->known);
    dcn_dataset_destroy(work->dataset);
    dcn_model_destroy(work->teacher);
    dcn_model_destroy(work->student);
    dcn_device_close(work->device);
}

/* --- making ready --- */

static decant_status build_model(const dcn_bench_case *of, const char *network, uint64_t seed, decant_model **ret_model)
{
    const dcn_bench_network description = {of->name, network, of->channels, of->sample, of->classes};
    return dcn_bench_model(&description, seed, ret_model);
}

/* Images as bytes, tables as floats in [-1, 1), written where they stay. */
static decant_status build_dataset(const dcn_bench_case *of, decant_dataset **ret_dataset)
{
    const decant_dtype dtype = of->sample.rank == 3 ? DECANT_U8 : DECANT_F32;
    const int64_t elements = of->samples * decant_shape_count(&of->sample);
    decant_dataset *dataset = NULL;
    decant_status status = dcn_dataset_create(of->name, &of->sample, of->classes, &dataset);
    if (status != DECANT_OK) return status;
    dcn_samples *train = &dataset->train;
    TRY(dcn_samples_create(dataset, train, of->samples, dtype, true));
    if (dtype == DECANT_U8)
        dcn_bench_fill_bytes(train->data, elements);
    else
        dcn_bench_fill_floats((float *)(void *)train->data, elements);
    dcn_random random = dcn_random_start(1, DCN_PURPOSE_TEST, 1, 0);
    for (int64_t i = 0; i < of->samples; i++)
        train->labels[i] = (int32_t)dcn_random_below(&random, (uint32_t)of->classes);
    TRY(dcn_dataset_seal(dataset, NULL));
    *ret_dataset = dataset;
    dataset = NULL;
out:
    dcn_dataset_destroy(dataset);
    return status;
}

/* What a teacher that was asked before has said: the numbers do not matter, that they are looked up does. */
static decant_status build_known_logits(workload *work)
{
    const dcn_bench_case *of = work->of;
    TRY_RETURN(dcn_new_array((size_t)(of->samples * of->classes), sizeof *work->known, (void **)&work->known));
    TRY_RETURN(dcn_new_array((size_t)(of->batch * of->classes), sizeof *work->logits, (void **)&work->logits));
    for (int64_t i = 0; i < of->samples * of->classes; i++)
        work->known[i] = (float)(i % 7) - 3.0f;
    return dcn_plan_bind(work->step->plan, work->step->teacher_logits, work->logits);
}

static decant_status build_step(workload *work)
{
    const dcn_bench_case *of = work->of;
    dcn_term terms[2] = {{.kind = of->term, .weight = 1.0}};
    if (of->teacher) {
        terms[0].weight = 1.0 - of->soft_weight;
        terms[1] = (dcn_term){.kind = DCN_TERM_KD, .weight = of->soft_weight, .temperature = of->temperature};
    }
    work->optimizer = dcn_optimizer_default(of->optimizer);
    if (of->optimizer == DCN_OPTIMIZER_SGD) work->optimizer.momentum = 0.9;
    const dcn_training_spec spec = {.device = work->device,
                                    .model = work->student,
                                    .teacher = work->teacher,
                                    .teacher_known = of->teacher_known,
                                    .optimizer = &work->optimizer,
                                    .terms = terms,
                                    .n_terms = of->teacher ? 2 : 1,
                                    .labelled = true};
    TRY_RETURN(dcn_training_step_create(&spec, of->batch, NULL, &work->step));
    return dcn_model_write(work->student, work->step->values, work->step->plan);
}

static decant_status prepare(workload *work, const decant_compute *compute)
{
    const dcn_bench_case *of = work->of;
    TRY_RETURN(dcn_compute_open(compute, &work->device));
    TRY_RETURN(build_model(of, of->student, 1, &work->student));
    if (of->teacher) TRY_RETURN(build_model(of, of->teacher, of->teacher_known ? 0 : 2, &work->teacher));
    TRY_RETURN(build_dataset(of, &work->dataset));
    TRY_RETURN(build_step(work));
    if (of->teacher_known) TRY_RETURN(build_known_logits(work));
    const dcn_loader_options loader = {.dataset = work->dataset,
                                       .part = &work->dataset->train,
                                       .count = of->samples,
                                       .batch = of->batch,
                                       .shuffle = true,
                                       .drop_last = true,
                                       .seed = 1,
                                       .threaded = true};
    TRY_RETURN(dcn_loader_create(&loader, &work->loader));
    return dcn_loader_start(work->loader, 0, 0);
}

/* --- running --- */

static decant_status next_batch(void *context)
{
    workload *work = context;
    const dcn_batch *batch;
    TRY_RETURN(dcn_loader_next(work->loader, &batch));
    if (batch == NULL) {
        TRY_RETURN(dcn_loader_start(work->loader, ++work->epoch, 0));
        TRY_RETURN(dcn_loader_next(work->loader, &batch));
    }
    TRY_RETURN(dcn_training_step_bind(work->step, batch));
    if (work->known != NULL) {
        const int64_t classes = work->of->classes;
        for (int64_t i = 0; i < batch->size; i++)
            memcpy(work->logits + i * classes, work->known + batch->samples[i] * classes,
                   (size_t)classes * sizeof *work->logits);
    }
    work->step->counter[0] = 1;
    work->step->counter[1] = work->steps;
    dcn_optimizer_hyper(&work->optimizer, work->steps++, 1000, 1000000, work->step->hyper);
    return DECANT_OK;
}

static decant_status run_step(void *context)
{
    workload *work = context;
    double losses[DCN_MAX_TERMS];
    TRY_RETURN(next_batch(work));
    TRY_RETURN(dcn_plan_run(work->step->plan));
    return dcn_training_step_losses(work->step, losses);
}

decant_status decant_bench_train(const char *name, const decant_compute *compute, double seconds, bool profile,
                                 decant_bench_result **ret_result)
{
    DCN_REQUIRE(name, ret_result);
    workload work = {0};
    decant_bench_result *result = NULL;
    dcn_arena *arena = NULL;
    if (!(seconds > 0.0)) return DCN_FAIL(INVALID_ARG, "a measurement needs a positive number of seconds");
    int32_t index = 0;
    TRY_RETURN(dcn_bench_find("bench case", name, decant_bench_case_at, dcn_bench_case_count, &index));
    work.of = &dcn_bench_cases[index];
    decant_status status = DECANT_OK;
    TRY(dcn_new(sizeof *result, (void **)&result));
    TRY(dcn_arena_create(&arena));
    result->internal = arena;
    TRY(prepare(&work, compute));
    TRY(dcn_bench_windows(run_step, &work, seconds, result));
    if (profile) TRY(dcn_bench_profile(work.step->plan, next_batch, &work, seconds, arena, result));

    result->of = decant_bench_case_at(index);
    result->parameters = dcn_graph_parameters(work.student->graph);
    dcn_bench_describe(work.step->plan, 1, result);
    *ret_result = result;
    result = NULL;
out:
    finish(&work);
    decant_bench_result_destroy(result);
    if (status != DECANT_OK) dcn_while("measuring %s", name);
    return status;
}

void decant_bench_result_destroy(decant_bench_result *result)
{
    if (!result) return;
    dcn_arena_destroy(result->internal);
    dcn_free(result);
}

decant_status decant_bench_measure_peak(const decant_compute *compute, decant_bench_peak *ret_peak)
{
    DCN_REQUIRE(ret_peak);
    dcn_device *device = NULL;
    dcn_device_peak peak;
    decant_status status = dcn_compute_open(compute, &device);
    if (status != DECANT_OK) return status;
    if (device->class->measure_peak == NULL) {
        status = DCN_FAIL(UNSUPPORTED, "the device %s has no measure of its peak", device->class->name);
        goto out;
    }
    TRY(device->class->measure_peak(device, &peak));
    *ret_peak = (decant_bench_peak){peak.f32_flops, peak.bf16_flops, peak.bytes_per_second};
out:
    dcn_device_close(device);
    return status;
}
