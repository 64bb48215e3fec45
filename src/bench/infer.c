/* Measuring calls of a predictor: what a program pays that predicts again and again. */
#include "base/memory.h"
#include "bench/cases.h"
#include "bench/measure.h"
#include "bench/networks.h"
#include "decant/bench.h"
#include "predict/predictor.h"

int32_t decant_bench_infer_count(void)
{
    return dcn_bench_inference_count;
}

decant_bench_case decant_bench_infer_at(int32_t index)
{
    if (index < 0 || index >= dcn_bench_inference_count) return (decant_bench_case){0};
    const dcn_bench_inference *found = &dcn_bench_inferences[index];
    return (decant_bench_case){found->name, found->description, found->batch};
}

typedef struct calls {
    const dcn_bench_inference *of;
    int64_t batch;
    decant_predictor *predictor;
    uint8_t *bytes; /* [batch, sample...] images; else NULL */
    float *rows;    /* [batch, features] rows of a table; else NULL */
    float *logits;
    int64_t parameters;
} calls;

static void finish(calls *work)
{
    decant_predictor_destroy(work->predictor);
    dcn_free(work->bytes);
    dcn_free(work->rows);
    dcn_free(work->logits);
}

static decant_status create_predictor(calls *work, const decant_compute *compute)
{
    const dcn_bench_inference *of = work->of;
    const dcn_bench_network network = {of->name, of->network, of->channels, of->sample, of->classes};
    const decant_predictor_options options = {.logits = true};
    static const float mean = 0.5F, std = 0.5F;
    decant_model *model = NULL;
    decant_status status = dcn_bench_model(&network, 1, &model);
    if (status != DECANT_OK) goto out;
    TRY(dcn_model_set_normalization(model, 1, &mean, &std));
    work->parameters = dcn_graph_parameters(model->graph);
    TRY(decant_predictor_create(model, compute, &options, &work->predictor));
out:
    dcn_model_destroy(model);
    return status;
}

static decant_status create_inputs(calls *work)
{
    const int64_t count = work->batch * decant_predictor_input_count(work->predictor);
    const int64_t logits = work->batch * decant_predictor_output_count(work->predictor);
    TRY_RETURN(dcn_new_array((size_t)logits, sizeof *work->logits, (void **)&work->logits));
    if (work->of->sample.rank == 3) {
        TRY_RETURN(dcn_new((size_t)count, (void **)&work->bytes));
        dcn_bench_fill_bytes(work->bytes, count);
        return DECANT_OK;
    }
    TRY_RETURN(dcn_new_array((size_t)count, sizeof *work->rows, (void **)&work->rows));
    dcn_bench_fill_floats(work->rows, count);
    return DECANT_OK;
}

static decant_status call(void *context)
{
    const calls *work = context;
    return work->bytes != NULL ? decant_predictor_run_bytes(work->predictor, work->bytes, work->batch, work->logits)
                               : decant_predictor_run(work->predictor, work->rows, work->batch, work->logits);
}

decant_status decant_bench_infer(const char *name, const decant_compute *compute, int64_t batch, double seconds,
                                 bool profile, decant_bench_result **ret_result)
{
    DCN_REQUIRE(name, ret_result);
    calls work = {0};
    decant_bench_result *result = NULL;
    dcn_arena *arena = NULL;
    dcn_plan *plan;
    int64_t runs;
    if (!(seconds > 0.0)) return DCN_FAIL(INVALID_ARG, "a measurement needs a positive number of seconds");
    if (batch < 0) return DCN_FAIL(INVALID_ARG, "a call predicts at least one sample");
    int32_t index = 0;
    TRY_RETURN(dcn_bench_find("forward pass", name, decant_bench_infer_at, dcn_bench_inference_count, &index));
    work.of = &dcn_bench_inferences[index];
    work.batch = batch > 0 ? batch : work.of->batch;
    decant_status status = DECANT_OK;
    TRY(dcn_new(sizeof *result, (void **)&result));
    TRY(dcn_arena_create(&arena));
    result->internal = arena;
    TRY(create_predictor(&work, compute));
    TRY(create_inputs(&work));
    TRY(dcn_bench_windows(call, &work, seconds, result));
    TRY(dcn_predictor_plan(work.predictor, work.batch, &runs, &plan));
    if (profile) TRY(dcn_bench_profile(plan, NULL, NULL, seconds, arena, result));

    result->of = decant_bench_infer_at(index);
    result->of.batch = work.batch;
    result->parameters = work.parameters;
    dcn_bench_describe(plan, runs, result);
    *ret_result = result;
    result = NULL;
out:
    finish(&work);
    decant_bench_result_destroy(result);
    if (status != DECANT_OK) dcn_while("measuring %s", name);
    return status;
}
