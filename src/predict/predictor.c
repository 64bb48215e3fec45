/* decant/predictor.h: inference plans of one folded model, one for each batch size in use. They share the weights of
 * the first, which therefore stays; the others make room for each other. */
#include "predict/predictor.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "data/augment.h"
#include "device/device.h"
#include "nn/inference.h"

#define USUAL_PLANS 8

/* A plan for one batch size. */
typedef struct slot {
    int64_t batch; /* 0: empty */
    int64_t used;  /* the predictor's clock when it was */
    dcn_inference inference;
    float *x; /* [batch, sample...] bound to the plan */
} slot;

struct decant_predictor {
    dcn_device *device;
    decant_model *model; /* folded */
    bool give_logits;
    dcn_converter bytes, floats;
    int64_t inputs, outputs; /* of a sample; outputs are logits */
    int64_t largest;         /* batch */
    slot *slots;             /* [n_slots]; the first plan made is slots[0] */
    int32_t n_slots;
    int64_t clock;
    float *rows; /* [largest, outputs] logits */
};

/* --- plans --- */

static void empty_slot(slot *place)
{
    dcn_plan_destroy(place->inference.plan);
    dcn_free_aligned(place->x);
    *place = (slot){0};
}

/* The first plan gets the weights; the others read them there. */
static decant_status fill_slot(decant_predictor *predictor, int64_t batch, slot *place)
{
    const dcn_plan_options sharing = {.share = predictor->slots[0].inference.plan};
    slot made = {.batch = batch};
    decant_status status = dcn_inference_plan(predictor->device, predictor->model, batch, &sharing, &made.inference);
    if (status != DECANT_OK) goto out;
    TRY(dcn_new_floats(batch, predictor->inputs, &made.x));
    TRY(dcn_plan_bind(made.inference.plan, made.inference.x, made.x));
    *place = made;
    made = (slot){0};
out:
    empty_slot(&made);
    if (status != DECANT_OK) dcn_while("planning for %lld samples at once", (long long)batch);
    return status;
}

/* The first plan has them now; the graph is still needed for other plans. */
static void drop_weights(decant_predictor *predictor)
{
    for (dcn_value_id v = 0; v < predictor->model->graph->n_values; v++) {
        dcn_free_aligned(predictor->model->data[v]);
        predictor->model->data[v] = NULL;
    }
}

/* An empty place, or that of the plan that was not used for longest. The first plan has the weights and stays. */
static slot *choose_slot(decant_predictor *predictor)
{
    slot *oldest = NULL;
    for (int32_t i = 0; i < predictor->n_slots; i++) {
        slot *place = &predictor->slots[i];
        if (place->batch == 0) return place;
        if (i > 0 && (oldest == NULL || place->used < oldest->used)) oldest = place;
    }
    return oldest;
}

static decant_status find_slot(decant_predictor *predictor, int64_t batch, slot **ret_slot)
{
    for (int32_t i = 0; i < predictor->n_slots; i++) {
        if (predictor->slots[i].batch != batch) continue;
        predictor->slots[i].used = ++predictor->clock;
        *ret_slot = &predictor->slots[i];
        return DECANT_OK;
    }
    slot *place = choose_slot(predictor);
    empty_slot(place);
    TRY_RETURN(fill_slot(predictor, batch, place));
    if (place == predictor->slots) drop_weights(predictor);
    place->used = ++predictor->clock;
    *ret_slot = place;
    return DECANT_OK;
}

/* --- creating --- */

static decant_status create_converters(decant_predictor *predictor)
{
    const dcn_normalization *norm = &predictor->model->normalization;
    const decant_shape sample = decant_model_input_shape(predictor->model);
    TRY_RETURN(dcn_converter_create(&sample, DECANT_U8, norm->channels, norm->mean, norm->std, &predictor->bytes));
    return dcn_converter_create(&sample, DECANT_F32, norm->channels, norm->mean, norm->std, &predictor->floats);
}

decant_status decant_predictor_create(const decant_model *model, const decant_compute *compute,
                                      const decant_predictor_options *options, decant_predictor **ret_predictor)
{
    DCN_REQUIRE(model, ret_predictor);
    static const decant_predictor_options usual = {0};
    if (options == NULL) options = &usual;
    if (options->plans != 0 && options->plans < 2)
        return DCN_FAIL(INVALID_ARG, "a predictor keeps at least 2 plans, not %d", (int)options->plans);

    decant_predictor *predictor = NULL;
    decant_status status = dcn_new(sizeof *predictor, (void **)&predictor);
    if (status != DECANT_OK) goto out;
    predictor->give_logits = options->logits;
    predictor->n_slots = options->plans != 0 ? options->plans : USUAL_PLANS;
    TRY(dcn_model_fold(model, NULL, 0, &predictor->model, NULL));
    predictor->inputs = decant_shape_count(&model->graph->values[model->graph->input].shape);
    predictor->outputs = model->n_outputs;
    predictor->largest = dcn_inference_batch(predictor->inputs);
    TRY(create_converters(predictor));
    TRY(dcn_new_array((size_t)predictor->n_slots, sizeof *predictor->slots, (void **)&predictor->slots));
    TRY(dcn_new_array((size_t)(predictor->largest * predictor->outputs), sizeof(float), (void **)&predictor->rows));
    TRY(dcn_compute_open(compute, &predictor->device));
    *ret_predictor = predictor;
    predictor = NULL;
out:
    decant_predictor_destroy(predictor);
    if (status != DECANT_OK) dcn_while("making a predictor");
    return status;
}

void decant_predictor_destroy(decant_predictor *predictor)
{
    if (predictor == NULL) return;
    for (int32_t i = predictor->n_slots - 1; predictor->slots != NULL && i >= 0; i--)
        empty_slot(&predictor->slots[i]); /* the first last: the others read its weights */
    dcn_free(predictor->slots);
    dcn_free(predictor->rows);
    dcn_converter_finish(&predictor->bytes);
    dcn_converter_finish(&predictor->floats);
    dcn_model_destroy(predictor->model);
    dcn_device_close(predictor->device);
    dcn_free(predictor);
}

int64_t decant_predictor_input_count(const decant_predictor *predictor)
{
    return predictor->inputs;
}

int64_t decant_predictor_output_count(const decant_predictor *predictor)
{
    return predictor->give_logits ? predictor->outputs : predictor->model->n_classes;
}

/* --- predicting --- */

/* NaN and infinities are the floats whose exponent bits are all set; looked at together, as there are hardly any. */
static decant_status check_finite(const float *values, int64_t count, int64_t row, int64_t sample, const char *what)
{
    uint32_t bits, bad = 0;
    for (int64_t i = 0; i < count; i++) {
        memcpy(&bits, values + i, sizeof bits);
        bad |= (bits & 0x7f800000U) == 0x7f800000U;
    }
    for (int64_t i = 0; bad != 0 && i < count; i++)
        if (!isfinite(values[i]))
            return DCN_FAIL(NUMERIC, "%s %lld of sample %lld is not finite", what, (long long)(i % row),
                            (long long)(sample + i / row));
    return DECANT_OK;
}

/* The probabilities of one row, by the largest logit so that nothing overflows. */
static void give_probabilities(const float *logits, int64_t outputs, float *probabilities)
{
    if (outputs == 1) { /* the sigmoid of each sign: the smaller one is exact, too */
        probabilities[0] = (float)(1 / (1 + exp((double)logits[0])));
        probabilities[1] = (float)(1 / (1 + exp(-(double)logits[0])));
        return;
    }
    double largest = (double)logits[0], sum = 0;
    for (int64_t c = 1; c < outputs; c++)
        largest = fmax(largest, (double)logits[c]);
    for (int64_t c = 0; c < outputs; c++) {
        const double power = exp((double)logits[c] - largest);
        probabilities[c] = (float)power;
        sum += power;
    }
    for (int64_t c = 0; c < outputs; c++)
        probabilities[c] = (float)((double)probabilities[c] / sum);
}

/* A part of the samples: `count` of them by a plan for `batch`. */
static decant_status run_part(decant_predictor *predictor, const dcn_converter *converter, const uint8_t *inputs,
                              int64_t first, int64_t count, int64_t batch, float *ret_outputs)
{
    const int64_t outputs = predictor->outputs, given = decant_predictor_output_count(predictor);
    const size_t sample_bytes = (size_t)predictor->inputs * decant_dtype_size(converter->dtype);
    slot *place;
    TRY_RETURN(find_slot(predictor, batch, &place));
    for (int64_t n = 0; n < count; n++)
        dcn_convert(converter, inputs + (size_t)n * sample_bytes, place->x + n * predictor->inputs);
    /* samples behind the last are those of an earlier call, and nobody reads their answers */
    TRY_RETURN(dcn_plan_run(place->inference.plan));
    TRY_RETURN(dcn_plan_read(place->inference.plan, place->inference.logits, predictor->rows));
    TRY_RETURN(check_finite(predictor->rows, count * outputs, outputs, first, "output"));
    if (predictor->give_logits) {
        memcpy(ret_outputs, predictor->rows, (size_t)(count * outputs) * sizeof *ret_outputs);
        return DECANT_OK;
    }
    for (int64_t n = 0; n < count; n++)
        give_probabilities(predictor->rows + n * outputs, outputs, ret_outputs + n * given);
    return DECANT_OK;
}

static decant_status run_all(decant_predictor *predictor, const dcn_converter *converter, const uint8_t *inputs,
                             int64_t n, float *ret_outputs)
{
    const int64_t batch = n < predictor->largest ? n : predictor->largest;
    const size_t sample_bytes = (size_t)predictor->inputs * decant_dtype_size(converter->dtype);
    for (int64_t first = 0; first < n; first += batch) {
        const int64_t left = n - first;
        TRY_RETURN(run_part(predictor, converter, inputs + (size_t)first * sample_bytes, first,
                            left < batch ? left : batch, batch,
                            ret_outputs + first * decant_predictor_output_count(predictor)));
    }
    return DECANT_OK;
}

static decant_status check_count(const decant_predictor *predictor, int64_t n)
{
    if (n < 1 || n > INT64_MAX / (int64_t)sizeof(float) / predictor->inputs)
        return DCN_FAIL(INVALID_ARG, "%lld samples cannot be predicted", (long long)n);
    return DECANT_OK;
}

decant_status decant_predictor_prepare(decant_predictor *predictor, int64_t n)
{
    DCN_REQUIRE(predictor);
    slot *place;
    if (n < 1) return DCN_FAIL(INVALID_ARG, "a plan is for at least one sample");
    return find_slot(predictor, n < predictor->largest ? n : predictor->largest, &place);
}

decant_status dcn_predictor_plan(decant_predictor *predictor, int64_t n, int64_t *ret_runs, dcn_plan **ret_plan)
{
    slot *place;
    TRY_RETURN(find_slot(predictor, n < predictor->largest ? n : predictor->largest, &place));
    *ret_runs = (n - 1) / predictor->largest + 1;
    *ret_plan = place->inference.plan;
    return DECANT_OK;
}

decant_status decant_predictor_run(decant_predictor *predictor, const float *inputs, int64_t n, float *ret_outputs)
{
    DCN_REQUIRE(predictor, inputs, ret_outputs);
    TRY_RETURN(check_count(predictor, n));
    TRY_RETURN(check_finite(inputs, n * predictor->inputs, predictor->inputs, 0, "value"));
    return run_all(predictor, &predictor->floats, (const uint8_t *)inputs, n, ret_outputs);
}

decant_status decant_predictor_run_bytes(decant_predictor *predictor, const uint8_t *inputs, int64_t n,
                                         float *ret_outputs)
{
    DCN_REQUIRE(predictor, inputs, ret_outputs);
    TRY_RETURN(check_count(predictor, n));
    return run_all(predictor, &predictor->bytes, inputs, n, ret_outputs);
}
