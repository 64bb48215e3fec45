/* Measuring training steps: the same loader, plan and update as a real run, on random data. */
#include "decant/bench.h"

#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/random.h"
#include "base/text.h"
#include "bench/cases.h"
#include "bench/networks.h"
#include "train/training_step.h"

#define WINDOWS      7
#define MAX_PROFILED 200                /* runs averaged by a profile */
#define CACHED_BYTES ((size_t)64 << 20) /* what the caches might hold from one pass to the next */

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

static decant_status find_case(const char *name, const dcn_bench_case **ret_case)
{
    const char *nearest = NULL;
    for (int32_t i = 0; i < dcn_bench_case_count; i++) {
        if (strcmp(dcn_bench_cases[i].name, name) == 0) {
            *ret_case = &dcn_bench_cases[i];
            return DECANT_OK;
        }
        const char *candidate = dcn_bench_cases[i].name;
        if (nearest == NULL) nearest = dcn_nearest(name, &candidate, 1);
    }
    if (nearest) return DCN_FAIL(NOT_FOUND, "there is no bench case \"%s\"; did you mean \"%s\"?", name, nearest);
    return DCN_FAIL(NOT_FOUND, "there is no bench case \"%s\"; \"decant bench list\" shows them", name);
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
    dcn_random random = dcn_random_start(1, DCN_PURPOSE_TEST, 0, 0);
    if (dtype == DECANT_U8) {
        dcn_bench_fill_bytes(train->data, elements);
    } else {
        float *values = (float *)(void *)train->data;
        for (int64_t i = 0; i < elements; i++)
            values[i] = (float)(dcn_random_u32(&random) >> 8) * 0x1p-23f - 1.0f;
    }
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
    for (dcn_value_id id = 0; id < work->student->graph->n_values; id++)
        if (work->student->data[id])
            TRY_RETURN(dcn_plan_write(work->step->plan, work->step->values[id], work->student->data[id]));
    return DECANT_OK;
}

static decant_status prepare(workload *work, const decant_compute *compute)
{
    const dcn_bench_case *of = work->of;
    const dcn_device_options device = {.threads = compute ? compute->threads : 0};
    TRY_RETURN(dcn_device_open(compute ? compute->device : NULL, &device, &work->device));
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

static decant_status next_batch(workload *work)
{
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

static decant_status run_step(workload *work)
{
    double losses[DCN_MAX_TERMS];
    TRY_RETURN(next_batch(work));
    dcn_plan_run(work->step->plan);
    return dcn_training_step_losses(work->step, losses);
}

/* Runs for about `seconds`; gives the mean time of a step. */
static decant_status run_window(workload *work, double seconds, double *ret_mean)
{
    const double start = dcn_clock_seconds();
    int64_t steps = 0;
    double now;
    do {
        TRY_RETURN(run_step(work));
        steps++;
        now = dcn_clock_seconds();
    } while (now - start < seconds);
    *ret_mean = (now - start) / (double)steps;
    return DECANT_OK;
}

static decant_status measure(workload *work, double seconds, decant_bench_result *result)
{
    double window[WINDOWS], ignored;
    result->ready_clock = dcn_clock_seconds();
    TRY_RETURN(run_step(work));
    result->first_step_clock = dcn_clock_seconds();
    TRY_RETURN(run_window(work, seconds / 4, &ignored));
    for (int i = 0; i < WINDOWS; i++) {
        TRY_RETURN(run_window(work, seconds / WINDOWS, &window[i]));
        for (int k = i; k > 0 && window[k] < window[k - 1]; k--) {
            const double swap = window[k];
            window[k] = window[k - 1];
            window[k - 1] = swap;
        }
    }
    result->seconds = window[WINDOWS / 2];
    result->seconds_min = window[0];
    result->seconds_max = window[WINDOWS - 1];
    return DECANT_OK;
}

static decant_status profile_steps(workload *work, double seconds, decant_bench_result *result, dcn_arena *arena)
{
    dcn_plan *plan = work->step->plan;
    double *once, *sum;
    result->n_rows = dcn_plan_steps(plan);
    TRY_RETURN(dcn_arena_take(arena, (size_t)result->n_rows * sizeof *result->rows, (void **)&result->rows));
    TRY_RETURN(dcn_arena_take(arena, (size_t)result->n_rows * sizeof *once, (void **)&once));
    TRY_RETURN(dcn_arena_take(arena, (size_t)result->n_rows * sizeof *sum, (void **)&sum));

    const double start = dcn_clock_seconds();
    int runs = 0;
    while (runs < MAX_PROFILED && (runs == 0 || dcn_clock_seconds() - start < seconds)) {
        TRY_RETURN(next_batch(work));
        dcn_plan_run_timed(plan, once);
        runs++;
        for (int32_t i = 0; i < result->n_rows; i++)
            sum[i] += once[i];
    }
    for (int32_t i = 0; i < result->n_rows; i++) {
        const dcn_step_info info = dcn_plan_step(plan, i);
        char *op, *layer, *kernel;
        TRY_RETURN(dcn_arena_string(arena, info.op, &op));
        TRY_RETURN(dcn_arena_string(arena, info.layer ? info.layer : "", &layer));
        TRY_RETURN(dcn_arena_string(arena, info.kernel, &kernel));
        result->rows[i] = (decant_bench_row){op, layer, kernel, sum[i] / runs, info.flops, (int64_t)info.bytes};
    }
    return DECANT_OK;
}

/* Together with the operations this bounds a step from below: such passes run at the memory's speed. */
static int64_t streamed_bytes(const dcn_plan *plan)
{
    int64_t bytes = 0;
    for (int32_t i = 0; i < dcn_plan_steps(plan); i++) {
        const dcn_step_info info = dcn_plan_step(plan, i);
        if (info.bytes > CACHED_BYTES && info.flops < (double)info.bytes) bytes += (int64_t)info.bytes;
    }
    return bytes;
}

decant_status decant_bench_train(const char *name, const decant_compute *compute, double seconds, bool profile,
                                 decant_bench_result **ret_result)
{
    workload work = {0};
    decant_bench_result *result = NULL;
    dcn_arena *arena = NULL;
    if (!(seconds > 0.0)) return DCN_FAIL(INVALID_ARG, "a measurement needs a positive number of seconds");
    decant_status status = find_case(name, &work.of);
    if (status != DECANT_OK) return status;
    TRY(dcn_new(sizeof *result, (void **)&result));
    TRY(dcn_arena_create(&arena));
    result->internal = arena;
    TRY(prepare(&work, compute));
    TRY(measure(&work, seconds, result));
    if (profile) TRY(profile_steps(&work, seconds, result, arena));

    result->of = decant_bench_case_at((int32_t)(work.of - dcn_bench_cases));
    result->parameters = dcn_graph_parameters(work.student->graph);
    result->flops = dcn_plan_flops(work.step->plan);
    result->streamed = streamed_bytes(work.step->plan);
    result->memory = (int64_t)dcn_plan_memory_use(work.step->plan).total;
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
    const dcn_device_options options = {.threads = compute ? compute->threads : 0};
    dcn_device *device = NULL;
    dcn_device_peak peak;
    decant_status status = dcn_device_open(compute ? compute->device : NULL, &options, &device);
    if (status != DECANT_OK) return status;
    if (device->class->measure_peak == NULL) {
        status = DCN_FAIL(UNSUPPORTED, "the device %s has no measure of its peak", device->class->name);
        goto out;
    }
    TRY(device->class->measure_peak(device, &peak));
    *ret_peak = (decant_bench_peak){peak.f32_flops, peak.bytes_per_second};
out:
    dcn_device_close(device);
    return status;
}
