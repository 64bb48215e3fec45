/* The training loop: a trainer, made ready (trainer.c), is stepped through its epochs and handed over. What one step
 * computes is training_step.c's. */
#include "train/train.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/text.h"
#include "train/check.h"
#include "train/metrics_file.h"
#include "train/trainer.h"
#include "train/weights.h"

#define PROGRESS_SECONDS 0.1 /* between two reports */

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
        if (*zero_steps < DCN_LARGEST_ZERO_STEPS) continue;
        char label[DCN_TERM_LABEL];
        dcn_term_label(options->terms, i, label);
        return DCN_FAIL(INVALID_ARG,
                        "the distillation term %s has been exactly 0 for %d steps, up to step %" PRId64
                        ": the student's outputs are the teacher's; is it its own teacher?",
                        label, DCN_LARGEST_ZERO_STEPS, trainer->counters.step);
    }
    return DECANT_OK;
}

/* What each term weighs in the first step. */
static decant_status show_loss_sheet(const dcn_trainer *trainer, const dcn_training_step *step, const double *losses)
{
    const dcn_train_options *options = trainer->options;
    dcn_loss_sheet sheet = {.n_terms = options->n_terms, .total = total_loss(options, losses)};
    char formulas[DCN_MAX_TERMS][DCN_TERM_FORMULA];
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
        TRY(dcn_term_formula(term, options->augment.mixup > 0, formulas[i]));
        sheet.term[i].formula = formulas[i];
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
    *ret_accuracy = dcn_is_labelled(trainer->options) ? (double)trainer->counters.correct / samples : (double)NAN;
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
    TRY_RETURN(dcn_trainer_save(trainer));
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
        TRY_RETURN(dcn_trainer_save(trainer));
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
    dcn_block block = dcn_averages(trainer->options) ? DCN_BLOCK_EMA : DCN_BLOCK_PARAMETER;
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
    TRY_RETURN(dcn_trainer_save(trainer));
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
        dcn_block block = dcn_averages(trainer->options) ? DCN_BLOCK_EMA : DCN_BLOCK_PARAMETER;
        TRY_RETURN(dcn_weights_read(trainer->full->plan, trainer->full->values, model->graph, block, model->data));
    }
    TRY_RETURN(dcn_trainer_check_weights(trainer, model->graph, model->data));
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
        .best_epoch = selected ? trainer->counters.best_epoch : trainer->counters.epoch - 1,
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
    TRY(dcn_trainer_begin(&trainer));
    while (trainer.counters.epoch < options->epochs) {
        TRY(train_epoch(&trainer));
        TRY(end_epoch(&trainer));
    }
    TRY(hand_over(&trainer, ret_result));
out:
    dcn_trainer_finish(&trainer);
    return status;
}
