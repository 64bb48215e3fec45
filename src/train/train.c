/* The training loop: a run is a dcn_trainer, made ready (fresh or from a checkpoint), stepped through its epochs and
 * handed over. What one step computes is training_step.c's, what a checkpoint holds is checkpoint.c's. */
#include "train/train.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "distill/cache.h"
#include "train/answers.h"
#include "train/check.h"
#include "train/checkpoint.h"
#include "train/evaluate.h"
#include "train/metrics_file.h"
#include "train/training_step.h"
#include "train/weights.h"

#define LARGEST_ZERO_STEPS 10  /* steps that a distillation term may be exactly 0 in a row */
#define PROGRESS_SECONDS   0.1 /* between two reports */

typedef struct dcn_trainer {
    const dcn_train_options *options;
    const dcn_graph *graph; /* what trains: the model's graph, regressors behind it; the step's */
    dcn_loader *loader;
    dcn_training_step *full;      /* owns the memory that all plans share */
    dcn_training_step *partial;   /* for the last, smaller batch; NULL when there is none */
    dcn_teacher_cache *cache;     /* NULL where there is no teacher, or it is asked in each step */
    dcn_answers answers;          /* bound to both steps, with a cache */
    float *teacher_spread;        /* [outputs]; NULL where no term wants it */
    dcn_evaluator *evaluator;     /* NULL without (labelled) validation samples */
    float **best;                 /* weights of the best epoch; NULL when not selected by it */
    int64_t batches, total_steps; /* an epoch's, the run's */
    dcn_run_counters counters;
    dcn_run_sums sums;
    /* This session only: */
    int64_t first_step;
    double started, saved, reported; /* clock readings */
} dcn_trainer;

static void destroy_trainer(dcn_trainer *trainer)
{
    dcn_loader_destroy(trainer->loader);
    dcn_evaluator_destroy(trainer->evaluator);
    dcn_weights_destroy(trainer->graph, trainer->best);
    dcn_training_step_destroy(trainer->partial);
    dcn_training_step_destroy(trainer->full); /* the graph is its */
    dcn_teacher_cache_destroy(trainer->cache);
    dcn_answers_finish(&trainer->answers);
    dcn_free(trainer->teacher_spread);
}

static bool averages(const dcn_train_options *options)
{
    return options->optimizer.ema_decay > 0;
}

/* Whether the steps read labels. */
static bool is_labelled(const dcn_train_options *options)
{
    return options->dataset->train.labels != NULL && !options->ignore_labels;
}

/* --- making ready --- */

static int64_t largest_batch(const dcn_train_options *options)
{
    return options->batch < options->split->n_train ? options->batch : options->split->n_train;
}

static decant_status create_cache(dcn_trainer *trainer)
{
    const dcn_train_options *options = trainer->options;
    decant_model *teacher = NULL; /* as the cache asks it */
    if (options->teacher == NULL || options->teacher_cache_bytes == 0) return DECANT_OK;
    decant_status status = dcn_answers_model(options, &trainer->answers, &teacher);
    if (status != DECANT_OK || teacher == NULL) return status;
    const dcn_teacher_cache_options cache = {
        .device = options->device,
        .teacher = teacher,
        .dataset = options->dataset,
        .indices = options->split->train,
        .count = options->split->n_train,
        .augment = options->augment,
        .seed = options->seed,
        .limit = options->teacher_cache_bytes,
        .folder = options->teacher_cache_folder,
        .context = options->context,
        .on_note = options->on_note,
        .on_asked = options->on_asked,
        .stop_requested = options->stop_requested,
    };
    status = dcn_teacher_cache_create(&cache, &trainer->cache);
    dcn_model_destroy(teacher);
    if (status != DECANT_OK || trainer->cache == NULL) return status;
    return dcn_answers_reserve(&trainer->answers, largest_batch(options));
}

/* Where a term measures in the deviations of the teacher's logits: those over the samples that are trained on, as they
 * are without augmentation. */
static decant_status find_spread(dcn_trainer *trainer)
{
    const dcn_train_options *options = trainer->options;
    const int64_t count = options->split->n_train;
    dcn_metrics metrics = {0};
    float *logits = NULL; /* [count, outputs] */
    bool wanted = false;
    for (int32_t i = 0; i < options->n_terms; i++)
        wanted = wanted || dcn_term_wants_spread(&options->terms[i]);
    if (!wanted || options->teacher == NULL) return DECANT_OK; /* without one the term says so itself */
    const int64_t outputs = options->teacher->n_outputs;
    decant_status status = dcn_new_array((size_t)outputs, sizeof(float), (void **)&trainer->teacher_spread);
    if (status != DECANT_OK) goto out;
    TRY(dcn_new_array((size_t)count * (size_t)outputs, sizeof *logits, (void **)&logits));
    TRY(dcn_evaluate(options->device, options->teacher, options->dataset, &options->dataset->train,
                     options->split->train, count, &metrics, NULL, logits));
    dcn_logits_spread(logits, count, outputs, trainer->teacher_spread);
out:
    if (status != DECANT_OK) dcn_while("asking the teacher for the deviations of its logits");
    dcn_metrics_finish(&metrics);
    dcn_free(logits);
    return status;
}

static decant_status create_step(dcn_trainer *trainer, const dcn_training_spec *spec, int64_t batch, dcn_plan *share,
                                 dcn_training_step **ret_step)
{
    TRY_RETURN(dcn_training_step_create(spec, batch, share, ret_step));
    if (trainer->cache == NULL) return DECANT_OK;
    return dcn_answers_bind(&trainer->answers, *ret_step);
}

static decant_status create_steps(dcn_trainer *trainer)
{
    const dcn_train_options *options = trainer->options;
    int64_t samples = options->split->n_train, batch = largest_batch(options);
    const dcn_training_spec spec = {
        .device = options->device,
        .model = options->model,
        .teacher = options->teacher,
        .teacher_known = trainer->cache != NULL,
        .teacher_spread = trainer->teacher_spread,
        .optimizer = &options->optimizer,
        .terms = options->terms,
        .n_terms = options->n_terms,
        .labelled = is_labelled(options),
        .mixup = options->augment.mixup > 0 && is_labelled(options),
    };
    TRY_RETURN(create_step(trainer, &spec, batch, NULL, &trainer->full));
    trainer->graph = trainer->full->graph;
    if (samples % batch == 0 || options->drop_last) return DECANT_OK;
    return create_step(trainer, &spec, samples % batch, trainer->full->plan, &trainer->partial);
}

static decant_status create_loader(dcn_trainer *trainer)
{
    const dcn_train_options *options = trainer->options;
    const dcn_normalization *normalization = &options->model->normalization;
    const dcn_loader_options loader = {
        .dataset = options->dataset,
        .part = &options->dataset->train,
        .indices = options->split->train,
        .count = options->split->n_train,
        .batch = trainer->full->batch,
        .shuffle = true,
        .drop_last = options->drop_last,
        .seed = options->seed,
        .augment = options->augment,
        .norm_channels = normalization->channels,
        .mean = normalization->mean,
        .std = normalization->std,
        .threaded = true,
    };
    TRY_RETURN(dcn_loader_create(&loader, &trainer->loader));
    trainer->batches = dcn_loader_batches(trainer->loader);
    trainer->total_steps = trainer->batches * options->epochs;
    return DECANT_OK;
}

static decant_status create_evaluator(dcn_trainer *trainer)
{
    const dcn_train_options *options = trainer->options;
    if (options->split->n_validation == 0 || options->dataset->train.labels == NULL) return DECANT_OK;
    const dcn_evaluator_options evaluator = {
        .device = options->device,
        .model = options->model,
        .dataset = options->dataset,
        .part = &options->dataset->train,
        .indices = options->split->validation,
        .count = options->split->n_validation,
        .share = trainer->full->plan,
        .use_ema = averages(options),
    };
    return dcn_evaluator_create(&evaluator, &trainer->evaluator);
}

/* The best weights are the trainer's. */
static void finish_checkpoint(const dcn_trainer *trainer, dcn_checkpoint *checkpoint)
{
    dcn_weights_destroy(trainer->graph, checkpoint->weights);
    for (int32_t i = 0; i < 2; i++)
        dcn_weights_destroy(trainer->graph, checkpoint->slot[i]);
    dcn_weights_destroy(trainer->graph, checkpoint->ema);
}

/* The sets of a checkpoint that this run has, zeroed. */
static decant_status create_checkpoint(const dcn_trainer *trainer, dcn_checkpoint *ret_checkpoint)
{
    dcn_checkpoint checkpoint = {.counters = trainer->counters, .sums = trainer->sums, .best = trainer->best};
    int32_t n_slots = dcn_optimizer_slots(&trainer->options->optimizer);
    decant_status status = DECANT_OK;
    TRY(dcn_weights_create(trainer->graph, true, &checkpoint.weights));
    for (int32_t i = 0; i < n_slots; i++)
        TRY(dcn_weights_create(trainer->graph, false, &checkpoint.slot[i]));
    if (averages(trainer->options)) TRY(dcn_weights_create(trainer->graph, false, &checkpoint.ema));
    *ret_checkpoint = checkpoint;
    return DECANT_OK;
out:
    finish_checkpoint(trainer, &checkpoint);
    return status;
}

typedef decant_status transfer(dcn_plan *plan, const dcn_value_id *values, const dcn_graph *model, dcn_block block,
                               float **weights);

static decant_status write_weights(dcn_plan *plan, const dcn_value_id *values, const dcn_graph *model, dcn_block block,
                                   float **weights)
{
    return dcn_weights_write(plan, values, model, block, weights);
}

/* Moves every set between the checkpoint and the plan, one way or the other. */
static decant_status transfer_checkpoint(const dcn_trainer *trainer, dcn_checkpoint *checkpoint, transfer *move)
{
    const struct {
        dcn_block block;
        float **weights;
    } sets[] = {
        {DCN_BLOCK_PARAMETER, checkpoint->weights},
        {DCN_BLOCK_SLOT0, checkpoint->slot[0]},
        {DCN_BLOCK_SLOT1, checkpoint->slot[1]},
        {DCN_BLOCK_EMA, checkpoint->ema},
    };
    for (size_t i = 0; i < DCN_COUNT(sets); i++) {
        if (sets[i].weights == NULL) continue;
        TRY_RETURN(move(trainer->full->plan, trainer->full->values, trainer->graph, sets[i].block, sets[i].weights));
    }
    return DECANT_OK;
}

static const char *identity_of(const dcn_train_options *options)
{
    return options->identity != NULL ? options->identity : "";
}

/* The loss does not always tell: what is not a number may pass an activation as 0. */
static decant_status check_weights(const dcn_trainer *trainer, const dcn_graph *graph, float *const *weights)
{
    const char *bad_name = NULL;
    if (dcn_weights_finite(graph, weights, &bad_name)) return DECANT_OK;
    return DCN_FAIL(NUMERIC,
                    "after %" PRId64 " steps %s is not finite; try a lower learning rate, warm-up or gradient clipping",
                    trainer->counters.step, bad_name);
}

static decant_status save_checkpoint(dcn_trainer *trainer)
{
    const char *path = trainer->options->checkpoint_path;
    if (path == NULL) return DECANT_OK;
    dcn_checkpoint checkpoint;
    TRY_RETURN(create_checkpoint(trainer, &checkpoint));
    double now = dcn_clock_seconds();
    checkpoint.sums.seconds += now - trainer->started;
    trainer->saved = now;
    decant_status status = DECANT_OK;
    TRY(transfer_checkpoint(trainer, &checkpoint, dcn_weights_read));
    TRY(check_weights(trainer, trainer->graph, checkpoint.weights));
    TRY(dcn_checkpoint_save(path, trainer->graph, identity_of(trainer->options), &checkpoint));
out:
    finish_checkpoint(trainer, &checkpoint);
    return status;
}

/* A file can be a well-formed checkpoint and still say nonsense. */
static decant_status check_sums(const dcn_trainer *trainer, const dcn_run_sums *sums)
{
    const double others[] = {sums->epoch_seconds, sums->step_seconds,  sums->seconds,  sums->best_accuracy,
                             sums->best_loss,     sums->last_accuracy, sums->last_loss};
    bool sound = sums->epoch_seconds >= 0 && sums->step_seconds >= 0 && sums->seconds >= 0;
    for (size_t i = 0; i < DCN_COUNT(others); i++)
        sound = sound && isfinite(others[i]);
    for (int32_t i = 0; i < DCN_MAX_TERMS; i++)
        sound = sound && isfinite(sums->term[i]);
    if (sound) return DECANT_OK;
    return DCN_FAIL(FORMAT,
                    "the checkpoint %s has times, losses or accuracies that no run has; delete it to start afresh",
                    trainer->options->checkpoint_path);
}

static decant_status check_counters(const dcn_trainer *trainer, const dcn_run_counters *counters)
{
    int64_t samples = trainer->options->split->n_train;
    bool sound = counters->epoch >= 0 && counters->epoch <= trainer->options->epochs && counters->batch >= 0 &&
                 counters->batch <= trainer->batches && counters->best_epoch >= -1 &&
                 counters->best_epoch < trainer->options->epochs &&
                 counters->step == counters->epoch * trainer->batches + counters->batch && counters->samples >= 0 &&
                 counters->samples <= samples && counters->correct >= 0 && counters->correct <= counters->samples &&
                 counters->total_samples >= 0 && counters->total_samples <= samples * trainer->options->epochs;
    for (int32_t i = 0; i < DCN_MAX_TERMS; i++)
        sound = sound && counters->zero_steps[i] >= 0 && counters->zero_steps[i] < LARGEST_ZERO_STEPS;
    if (sound) return DECANT_OK;
    return DCN_FAIL(FORMAT,
                    "the checkpoint %s stands at epoch %" PRId64 ", batch %" PRId64 ", step %" PRId64
                    ", which this run never does; delete it to start afresh",
                    trainer->options->checkpoint_path, counters->epoch, counters->batch, counters->step);
}

static decant_status resume(dcn_trainer *trainer)
{
    dcn_checkpoint checkpoint;
    TRY_RETURN(create_checkpoint(trainer, &checkpoint));
    decant_status status = DECANT_OK;
    TRY(dcn_checkpoint_load(trainer->options->checkpoint_path, trainer->graph, identity_of(trainer->options),
                            &checkpoint));
    TRY(check_counters(trainer, &checkpoint.counters));
    TRY(check_sums(trainer, &checkpoint.sums));
    TRY(transfer_checkpoint(trainer, &checkpoint, write_weights));
    trainer->counters = checkpoint.counters;
    trainer->sums = checkpoint.sums;
out:
    finish_checkpoint(trainer, &checkpoint);
    return status;
}

/* The model's weights, and fresh ones for what only trains beside it. */
static decant_status start_afresh(dcn_trainer *trainer)
{
    const dcn_training_step *step = trainer->full;
    const decant_model *model = trainer->options->model;
    dcn_graph *graph = NULL;
    decant_model *start = NULL;
    decant_status status = DECANT_OK;
    TRY(dcn_graph_clone(trainer->graph, &graph));
    TRY(dcn_model_create(graph, &start));
    TRY(dcn_model_init(start, trainer->options->seed));
    dcn_weights_copy(model->graph, model->data, start->data);
    TRY(dcn_weights_write(step->plan, step->values, trainer->graph, DCN_BLOCK_PARAMETER, start->data));
    /* The average starts at the initial weights. */
    for (int32_t v = 0; v < trainer->graph->n_values && averages(trainer->options); v++) {
        if (trainer->graph->values[v].kind != DCN_VALUE_PARAMETER) continue;
        TRY(dcn_plan_block_write(step->plan, DCN_BLOCK_EMA, step->values[v], start->data[v]));
    }
out:
    dcn_model_destroy(start);
    return status;
}

static decant_status make_ready(dcn_trainer *trainer)
{
    const dcn_train_options *options = trainer->options;
    TRY_RETURN(create_cache(trainer));
    TRY_RETURN(find_spread(trainer));
    TRY_RETURN(create_steps(trainer));
    TRY_RETURN(create_loader(trainer));
    TRY_RETURN(create_evaluator(trainer));
    if (options->select_best && trainer->evaluator != NULL) {
        TRY_RETURN(dcn_weights_create(trainer->graph, true, &trainer->best));
    }
    trainer->counters.best_epoch = -1;
    bool resumed = options->checkpoint_path != NULL && dcn_file_exists(options->checkpoint_path);
    TRY_RETURN(resumed ? resume(trainer) : start_afresh(trainer));
    if (options->metrics_path != NULL) {
        TRY_RETURN(dcn_metrics_file_keep(options->metrics_path, trainer->counters.epoch));
    }
    trainer->first_step = trainer->counters.step;
    trainer->started = trainer->saved = dcn_clock_seconds();
    return DECANT_OK;
}

/* --- one step --- */

static double total_loss(const dcn_train_options *options, const double *terms)
{
    double total = 0;
    for (int32_t i = 0; i < options->n_terms; i++)
        total += options->terms[i].weight * terms[i];
    return total;
}

static decant_status fail_not_finite(const dcn_trainer *trainer, const double *losses)
{
    dcn_text values = {0};
    decant_status status = DECANT_OK;
    for (int32_t i = 0; i < trainer->options->n_terms; i++) {
        char label[DCN_TERM_LABEL];
        dcn_term_label(trainer->options->terms, i, label);
        TRY(dcn_text_add(&values, "%s%s = %g", i > 0 ? ", " : "", label, losses[i]));
    }
    status = DCN_FAIL(NUMERIC,
                      "the loss is not finite at step %" PRId64 " (epoch %" PRId64 ", batch %" PRId64
                      "): %s; try a lower learning rate, warm-up or gradient clipping",
                      trainer->counters.step, trainer->counters.epoch + 1, trainer->counters.batch + 1, values.data);
out:
    dcn_text_finish(&values);
    return status;
}

/* A distillation term that stays exactly 0 teaches nothing: the student is its own teacher in some disguise. */
static decant_status watch_zero_terms(dcn_trainer *trainer, const double *losses)
{
    const dcn_train_options *options = trainer->options;
    for (int32_t i = 0; i < options->n_terms; i++) {
        if (!dcn_term_class_of(options->terms[i].kind)->needs_teacher) continue;
        int64_t *zero_steps = &trainer->counters.zero_steps[i];
        *zero_steps = losses[i] == 0 ? *zero_steps + 1 : 0;
        if (*zero_steps < LARGEST_ZERO_STEPS) continue;
        char label[DCN_TERM_LABEL];
        dcn_term_label(options->terms, i, label);
        return DCN_FAIL(INVALID_ARG,
                        "the distillation term %s has been exactly 0 for %d steps, up to step %" PRId64
                        ": the student's outputs are the teacher's; is it its own teacher?",
                        label, LARGEST_ZERO_STEPS, trainer->counters.step);
    }
    return DECANT_OK;
}

/* Guard rail 5: what each term weighs in the first step. */
static decant_status show_loss_sheet(const dcn_trainer *trainer, const dcn_training_step *step, const double *losses)
{
    const dcn_train_options *options = trainer->options;
    dcn_loss_sheet sheet = {.n_terms = options->n_terms, .total = total_loss(options, losses)};
    int64_t most = 0;
    float *gradient = NULL;
    decant_status status = DECANT_OK;
    for (int32_t i = 0; i < options->n_terms; i++)
        most = step->gradient_count[i] > most ? step->gradient_count[i] : most;
    TRY(dcn_new_array((size_t)most, sizeof *gradient, (void **)&gradient));
    for (int32_t i = 0; i < options->n_terms; i++) {
        const dcn_term *term = &options->terms[i];
        const dcn_term_class *class = dcn_term_class_of(term->kind);
        double squares = 0;
        TRY(dcn_plan_read(step->plan, step->gradient[i], gradient));
        for (int64_t e = 0; e < step->gradient_count[i]; e++)
            squares += (double)gradient[e] * (double)gradient[e];
        sheet.term[i].name = class->name;
        sheet.term[i].formula = dcn_term_formula(term);
        sheet.term[i].reduction = class->reduction;
        sheet.term[i].temperature = class->has_temperature ? term->temperature : 0;
        sheet.term[i].weight = term->weight;
        sheet.term[i].value = losses[i];
        sheet.term[i].contribution = term->weight * losses[i];
        sheet.term[i].gradient_norm = sqrt(squares);
    }
    TRY(options->on_loss_sheet(options->context, &sheet));
out:
    dcn_free(gradient);
    return status;
}

static decant_status count_step(dcn_trainer *trainer, const dcn_training_step *step, const double *losses)
{
    int32_t correct = 0;
    if (step->correct != DCN_NONE) TRY_RETURN(dcn_plan_read(step->plan, step->correct, &correct));
    for (int32_t i = 0; i < step->n_terms; i++)
        trainer->sums.term[i] += losses[i] * (double)step->batch;
    trainer->counters.correct += correct;
    trainer->counters.samples += step->batch;
    trainer->counters.total_samples += step->batch;
    trainer->counters.step++;
    trainer->counters.batch++;
    return DECANT_OK;
}

static decant_status run_step(dcn_trainer *trainer, const dcn_batch *batch)
{
    const dcn_train_options *options = trainer->options;
    dcn_training_step *step = batch->size == trainer->full->batch ? trainer->full : trainer->partial;
    double losses[DCN_MAX_TERMS];

    TRY_RETURN(dcn_training_step_bind(step, batch));
    if (trainer->cache != NULL) {
        dcn_teacher_cache_read(trainer->cache, batch->samples, batch->size, trainer->answers.rows);
        dcn_answers_part(&trainer->answers, batch->size);
    }
    step->counter[0] = (int64_t)options->seed;
    step->counter[1] = trainer->counters.step;
    dcn_optimizer_hyper(&options->optimizer, trainer->counters.step, trainer->batches, trainer->total_steps,
                        step->hyper);
    TRY_RETURN(dcn_plan_run(step->plan));

    TRY_RETURN(dcn_training_step_losses(step, losses));
    if (!isfinite(total_loss(options, losses))) return fail_not_finite(trainer, losses);
    if (trainer->counters.step == 0 && options->on_loss_sheet != NULL) {
        TRY_RETURN(show_loss_sheet(trainer, step, losses));
    }
    TRY_RETURN(watch_zero_terms(trainer, losses));
    return count_step(trainer, step, losses);
}

/* --- one epoch --- */

/* Training loss and accuracy of this epoch so far; NAN where there is nothing to tell. */
static void running_metrics(const dcn_trainer *trainer, double ret_terms[DCN_MAX_TERMS], double *ret_loss,
                            double *ret_accuracy)
{
    double samples = (double)trainer->counters.samples;
    for (int32_t i = 0; i < trainer->options->n_terms; i++)
        ret_terms[i] = trainer->sums.term[i] / samples;
    *ret_loss = total_loss(trainer->options, ret_terms);
    *ret_accuracy = is_labelled(trainer->options) ? (double)trainer->counters.correct / samples : (double)NAN;
}

static void report_progress(dcn_trainer *trainer)
{
    const dcn_train_options *options = trainer->options;
    const dcn_run_counters *counters = &trainer->counters;
    double now = dcn_clock_seconds();
    if (options->on_progress == NULL) return;
    if (now - trainer->reported < PROGRESS_SECONDS && counters->batch < trainer->batches) return;
    trainer->reported = now;

    double terms[DCN_MAX_TERMS];
    double step_seconds = (now - trainer->started) / (double)(counters->step - trainer->first_step);
    dcn_progress progress = {
        .epoch = counters->epoch,
        .epochs = options->epochs,
        .batch = counters->batch,
        .batches = trainer->batches,
        .images_per_second = (double)counters->total_samples / trainer->sums.step_seconds,
        .seconds_left = step_seconds * (double)(trainer->total_steps - counters->step),
    };
    running_metrics(trainer, terms, &progress.loss, &progress.accuracy);
    options->on_progress(options->context, &progress);
}

static decant_status stop(dcn_trainer *trainer)
{
    TRY_RETURN(save_checkpoint(trainer));
    return DCN_FAIL(INTERRUPTED, "stopped after step %" PRId64 " of %" PRId64 "%s", trainer->counters.step,
                    trainer->total_steps, trainer->options->checkpoint_path != NULL ? "; the run can be resumed" : "");
}

/* After each step: stop, save or show, as asked. */
static decant_status attend(dcn_trainer *trainer)
{
    const dcn_train_options *options = trainer->options;
    bool wanted = options->stop_requested != NULL && options->stop_requested(options->context);
    wanted = wanted || (options->stop_after_steps > 0 && trainer->counters.step == options->stop_after_steps);
    if (wanted) {
        if (trainer->cache != NULL) TRY_RETURN(dcn_teacher_cache_save(trainer->cache));
        return stop(trainer);
    }
    if (options->checkpoint_seconds > 0 && dcn_clock_seconds() - trainer->saved >= options->checkpoint_seconds) {
        TRY_RETURN(save_checkpoint(trainer));
    }
    report_progress(trainer);
    return DECANT_OK;
}

/* With a cache, the teacher's part of an epoch comes before its steps. */
static decant_status ask_teacher(dcn_trainer *trainer)
{
    if (trainer->cache == NULL) return DECANT_OK;
    decant_status status = dcn_teacher_cache_fill(trainer->cache, trainer->counters.epoch);
    return status == DECANT_INTERRUPTED ? stop(trainer) : status;
}

static decant_status train_epoch(dcn_trainer *trainer)
{
    if (trainer->counters.batch == trainer->batches) return DECANT_OK; /* stopped just before its end */
    double last = dcn_clock_seconds();
    TRY_RETURN(dcn_loader_start(trainer->loader, trainer->counters.epoch, trainer->counters.batch));
    TRY_RETURN(ask_teacher(trainer));
    for (;;) {
        const dcn_batch *batch = NULL;
        TRY_RETURN(dcn_loader_next(trainer->loader, &batch));
        if (batch == NULL) return DECANT_OK;
        TRY_RETURN(run_step(trainer, batch));
        double now = dcn_clock_seconds();
        trainer->sums.epoch_seconds += now - last;
        trainer->sums.step_seconds += now - last;
        last = now;
        TRY_RETURN(attend(trainer));
    }
}

/* Validates, and keeps the weights when they are the best so far. */
static decant_status validate(dcn_trainer *trainer, dcn_epoch *epoch)
{
    epoch->validation_loss = epoch->validation_accuracy = (double)NAN;
    if (trainer->evaluator == NULL) return DECANT_OK;

    dcn_metrics metrics = {0};
    TRY_RETURN(dcn_evaluator_run(trainer->evaluator, &metrics, NULL, NULL));
    epoch->validation_loss = trainer->sums.last_loss = metrics.loss;
    epoch->validation_accuracy = trainer->sums.last_accuracy = metrics.accuracy;
    epoch->validation_errors = metrics.errors;
    epoch->best = trainer->counters.best_epoch < 0 || metrics.errors < trainer->counters.best_errors;
    dcn_metrics_finish(&metrics);
    if (!epoch->best) return DECANT_OK;

    trainer->counters.best_epoch = epoch->epoch;
    trainer->counters.best_errors = epoch->validation_errors;
    trainer->sums.best_accuracy = epoch->validation_accuracy;
    trainer->sums.best_loss = epoch->validation_loss;
    if (trainer->best == NULL) return DECANT_OK;
    dcn_block block = averages(trainer->options) ? DCN_BLOCK_EMA : DCN_BLOCK_PARAMETER;
    return dcn_weights_read(trainer->full->plan, trainer->full->values, trainer->graph, block, trainer->best);
}

/* Metrics line first, checkpoint second: a run that dies in between does the epoch again and writes its line anew. */
static decant_status end_epoch(dcn_trainer *trainer)
{
    const dcn_train_options *options = trainer->options;
    dcn_epoch epoch = {
        .epoch = trainer->counters.epoch,
        .epochs = options->epochs,
        .lr = dcn_schedule_lr(&options->optimizer, trainer->counters.step - 1, trainer->batches, trainer->total_steps),
        .seconds = trainer->sums.epoch_seconds,
        .images_per_second = (double)trainer->counters.samples / trainer->sums.epoch_seconds,
    };
    running_metrics(trainer, epoch.term, &epoch.loss, &epoch.accuracy);
    TRY_RETURN(validate(trainer, &epoch));
    if (options->metrics_path != NULL) {
        TRY_RETURN(dcn_metrics_file_add(options->metrics_path, options, &epoch, trainer->counters.step));
    }
    trainer->counters.epoch++;
    trainer->counters.batch = 0;
    trainer->counters.samples = 0;
    trainer->counters.correct = 0;
    trainer->sums.epoch_seconds = 0;
    memset(trainer->sums.term, 0, sizeof trainer->sums.term);
    TRY_RETURN(save_checkpoint(trainer));
    if (options->on_epoch != NULL) options->on_epoch(options->context, &epoch);
    return DECANT_OK;
}

/* --- handing over --- */

static decant_status hand_over(dcn_trainer *trainer, dcn_train_result *ret_result)
{
    decant_model *model = trainer->options->model;
    if (trainer->best != NULL) {
        dcn_weights_copy(model->graph, trainer->best, model->data);
    } else {
        dcn_block block = averages(trainer->options) ? DCN_BLOCK_EMA : DCN_BLOCK_PARAMETER;
        TRY_RETURN(dcn_weights_read(trainer->full->plan, trainer->full->values, model->graph, block, model->data));
    }
    TRY_RETURN(check_weights(trainer, model->graph, model->data));
    const dcn_run_sums *sums = &trainer->sums;
    dcn_teacher_cache_use use = {0};
    if (trainer->cache != NULL) {
        TRY_RETURN(dcn_teacher_cache_save(trainer->cache));
        use = dcn_teacher_cache_used(trainer->cache);
    }
    bool validated = trainer->evaluator != NULL, selected = trainer->best != NULL;
    *ret_result = (dcn_train_result){
        .epochs_done = trainer->counters.epoch,
        .steps_done = trainer->counters.step,
        .best_epoch = validated ? trainer->counters.best_epoch : trainer->counters.epoch - 1,
        .validation_accuracy = !validated ? (double)NAN
                               : selected ? sums->best_accuracy
                                          : sums->last_accuracy,
        .validation_loss = !validated ? (double)NAN
                           : selected ? sums->best_loss
                                      : sums->last_loss,
        .cached = trainer->cache != NULL,
        .answers_needed = use.asked,
        .answers_computed = use.computed,
        .seconds = sums->seconds + dcn_clock_seconds() - trainer->started,
        .images_per_second = (double)trainer->counters.total_samples / sums->step_seconds,
    };
    return DECANT_OK;
}

decant_status dcn_train(const dcn_train_options *options, dcn_train_result *ret_result)
{
    dcn_trainer trainer = {.options = options};
    decant_status status = DECANT_OK;
    TRY(dcn_check_training(options));
    TRY(make_ready(&trainer));
    while (trainer.counters.epoch < options->epochs) {
        TRY(train_epoch(&trainer));
        TRY(end_epoch(&trainer));
    }
    TRY(hand_over(&trainer, ret_result));
out:
    destroy_trainer(&trainer);
    return status;
}
