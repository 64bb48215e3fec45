/* How a run begins: its teacher's cache, its steps, its loader and its evaluator; fresh weights or those of a
 * checkpoint. */
#include "train/trainer.h"

#include <inttypes.h>
#include <math.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"
#include "train/metrics_file.h"
#include "train/weights.h"

/* --- its parts --- */

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
        .labelled = dcn_is_labelled(options),
        .mixup = options->augment.mixup > 0 && dcn_is_labelled(options),
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
        .use_ema = dcn_averages(options),
    };
    return dcn_evaluator_create(&evaluator, &trainer->evaluator);
}

/* --- checkpoints --- */

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
    if (dcn_averages(trainer->options)) TRY(dcn_weights_create(trainer->graph, false, &checkpoint.ema));
    *ret_checkpoint = checkpoint;
    return DECANT_OK;
out:
    finish_checkpoint(trainer, &checkpoint);
    return status;
}

/* Moves every set from the plan to the checkpoint, or back. */
static decant_status move_checkpoint(const dcn_trainer *trainer, dcn_checkpoint *checkpoint, bool to_plan)
{
    const dcn_training_step *step = trainer->full;
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
        float **weights = sets[i].weights;
        if (weights == NULL) continue;
        if (to_plan)
            TRY_RETURN(dcn_weights_write(step->plan, step->values, trainer->graph, sets[i].block, weights));
        else
            TRY_RETURN(dcn_weights_read(step->plan, step->values, trainer->graph, sets[i].block, weights));
    }
    return DECANT_OK;
}

static const char *identity_of(const dcn_train_options *options)
{
    return options->identity != NULL ? options->identity : "";
}

decant_status dcn_trainer_check_weights(const dcn_trainer *trainer, const dcn_graph *graph, float *const *weights)
{
    const char *bad_name = NULL;
    if (dcn_weights_finite(graph, weights, &bad_name)) return DECANT_OK;
    return DCN_FAIL(NUMERIC,
                    "after %" PRId64 " steps %s is not finite; try a lower learning rate, warm-up or gradient clipping",
                    trainer->counters.step, bad_name);
}

decant_status dcn_trainer_save(dcn_trainer *trainer)
{
    const char *path = trainer->options->checkpoint_path;
    if (path == NULL) return DECANT_OK;
    dcn_checkpoint checkpoint;
    TRY_RETURN(create_checkpoint(trainer, &checkpoint));
    double now = dcn_clock_seconds();
    checkpoint.sums.seconds += now - trainer->started;
    trainer->saved = now;
    decant_status status = DECANT_OK;
    TRY(move_checkpoint(trainer, &checkpoint, false));
    TRY(dcn_trainer_check_weights(trainer, trainer->graph, checkpoint.weights));
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
    const int64_t n_validation = trainer->options->split->n_validation;
    const bool chosen = trainer->evaluator != NULL && counters->epoch > 0; /* some epoch is the best so far */
    bool sound = counters->epoch >= 0 && counters->epoch <= trainer->options->epochs && counters->batch >= 0 &&
                 counters->batch <= trainer->batches && counters->best_epoch >= -1 &&
                 counters->best_epoch < counters->epoch && chosen == (counters->best_epoch >= 0) &&
                 (!chosen || (counters->best_errors >= 0 && counters->best_errors <= n_validation)) &&
                 counters->step == counters->epoch * trainer->batches + counters->batch && counters->samples >= 0 &&
                 counters->samples <= samples && counters->correct >= 0 && counters->correct <= counters->samples &&
                 counters->total_samples >= 0 && counters->total_samples <= samples * trainer->options->epochs;
    for (int32_t i = 0; i < DCN_MAX_TERMS; i++)
        sound = sound && counters->zero_steps[i] >= 0 && counters->zero_steps[i] < DCN_LARGEST_ZERO_STEPS;
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
    TRY(move_checkpoint(trainer, &checkpoint, true));
    trainer->counters = checkpoint.counters;
    trainer->sums = checkpoint.sums;
out:
    finish_checkpoint(trainer, &checkpoint);
    return status;
}

/* --- beginning --- */

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
    dcn_model_init(start, trainer->options->seed);
    dcn_weights_copy(model->graph, model->data, start->data);
    TRY(dcn_weights_write(step->plan, step->values, trainer->graph, DCN_BLOCK_PARAMETER, start->data));
    /* The average starts at the initial weights. */
    for (int32_t v = 0; v < trainer->graph->n_values && dcn_averages(trainer->options); v++) {
        if (trainer->graph->values[v].kind != DCN_VALUE_PARAMETER) continue;
        TRY(dcn_plan_block_write(step->plan, DCN_BLOCK_EMA, step->values[v], start->data[v]));
    }
out:
    dcn_model_destroy(start);
    return status;
}

decant_status dcn_trainer_begin(dcn_trainer *trainer)
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

void dcn_trainer_finish(dcn_trainer *trainer)
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
