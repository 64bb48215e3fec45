/* decant/train.h: the training loop for callers without a recipe. Options are turned into the loop's own, and a digest
 * of them tells whose checkpoint a file is. */
#include "decant/train.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/hash.h"
#include "base/memory.h"
#include "base/text.h"
#include "data/statistics.h"
#include "train/check.h"
#include "train/train.h"

decant_train_options decant_train_options_default(void)
{
    return (decant_train_options){
        .epochs = 10,
        .batch = 128,
        .fresh = true,
        .optimizer = DECANT_OPTIMIZER_ADAM,
        .learning_rate = 1e-3,
        .gamma = 0.1,
        .ce_weight = 1,
        .temperature = 4,
    };
}

static dcn_optimizer make_optimizer(const decant_train_options *options)
{
    static const dcn_optimizer_kind kinds[] = {DCN_OPTIMIZER_SGD, DCN_OPTIMIZER_ADAM, DCN_OPTIMIZER_ADAMW};
    static const dcn_schedule_kind schedules[] = {DCN_SCHEDULE_CONSTANT, DCN_SCHEDULE_STEP, DCN_SCHEDULE_COSINE,
                                                  DCN_SCHEDULE_ONE_CYCLE};
    dcn_optimizer optimizer = dcn_optimizer_default(kinds[options->optimizer]);
    optimizer.lr = options->learning_rate;
    optimizer.weight_decay = options->weight_decay;
    optimizer.momentum = options->momentum;
    optimizer.nesterov = options->nesterov;
    optimizer.max_norm = options->clip_norm;
    optimizer.ema_decay = options->ema;
    optimizer.schedule.kind = schedules[options->schedule];
    optimizer.schedule.every = options->step_epochs;
    optimizer.schedule.gamma = options->gamma;
    optimizer.schedule.warmup_epochs = options->warmup_epochs;
    return optimizer;
}

static decant_status check_choices(const decant_train_options *options, const decant_model *model)
{
    if ((unsigned)options->optimizer > DECANT_OPTIMIZER_ADAMW) {
        return DCN_FAIL(INVALID_ARG, "there is no optimiser number %d", (int)options->optimizer);
    }
    if ((unsigned)options->schedule > DECANT_SCHEDULE_ONE_CYCLE) {
        return DCN_FAIL(INVALID_ARG, "there is no schedule number %d", (int)options->schedule);
    }
    if (options->ce_weight == 0 && options->kd_weight == 0) {
        return DCN_FAIL(INVALID_ARG, "both losses have weight 0: there is nothing to learn");
    }
    if (model->n_outputs == 1 && options->label_smoothing != 0) {
        return DCN_FAIL(INVALID_ARG, "label smoothing is for networks with an output a class, and this one has one");
    }
    return DECANT_OK;
}

/* All that decides what the run's steps compute; %a tells doubles apart to the last bit. */
static decant_status make_identity(const decant_train_options *o, const decant_model *model,
                                   const decant_model *teacher, const decant_dataset *dataset,
                                   decant_precision precision, char ret_identity[DCN_HASH_HEX])
{
    dcn_text text = {0};
    char student[DCN_HASH_HEX], taught[DCN_HASH_HEX] = "", data[DCN_HASH_HEX];
    dcn_hash hash;
    decant_status status = DECANT_OK;
    TRY(dcn_model_hash(model, &hash));
    dcn_hash_hex(hash, student);
    if (teacher != NULL) {
        TRY(dcn_model_hash(teacher, &hash));
        dcn_hash_hex(hash, taught);
    }
    dcn_hash_hex(dataset->hash, data);
    TRY(dcn_text_add(&text, "%s %s %s %" PRId64 " %" PRId64 " %d %" PRIu64, student, taught, data, o->epochs, o->batch,
                     (int)o->drop_last, o->seed));
    TRY(dcn_text_add(&text, " %" PRId64 " %" PRId64 " %" PRIu64, o->validation, o->samples, o->split_seed));
    TRY(dcn_text_add(&text, " %d %a %a %a %d %a %a", (int)o->optimizer, o->learning_rate, o->weight_decay, o->momentum,
                     (int)o->nesterov, o->clip_norm, o->ema));
    TRY(dcn_text_add(&text, " %d %" PRId64 " %a %a", (int)o->schedule, o->step_epochs, o->gamma, o->warmup_epochs));
    TRY(dcn_text_add(&text, " %a %a %a %a", o->ce_weight, o->label_smoothing, o->kd_weight, o->temperature));
    TRY(dcn_text_add(&text, " %d %d %d %d %a", (int)o->shift, (int)o->crop, (int)o->cutout, (int)o->flip, o->mixup));
    if (precision != DECANT_PRECISION_AUTO) TRY(dcn_text_add(&text, " %d", (int)precision));
    dcn_hash_hex(dcn_hash_bytes(text.data, text.length), ret_identity);
out:
    dcn_text_finish(&text);
    return status;
}

/* How later rows and files are to be read: as the data set was, where that says; else, as for a table that was opened
 * for this model, as the model's own. */
static decant_status describe_reading(const decant_model *model, const decant_dataset *dataset, decant_model *copy)
{
    const char *table = dcn_model_metadata(model, DCN_TABLE_METADATA);
    char *text = NULL;
    bool is_table = false;
    TRY_RETURN(dcn_dataset_reading(dataset, &is_table, &text));
    decant_status status = DECANT_OK;
    if (text == NULL && dataset->sample.rank == 1)
        status = dcn_model_set_reading(copy, true, table);
    else if (!is_table || copy->n_classes == dataset->n_classes) /* else its classes would not be the network's */
        status = dcn_model_set_reading(copy, is_table, text);
    dcn_free(text);
    return status;
}

/* What the file that the model came from tells of its training is no longer so. */
static decant_status describe_start(const decant_model *model, const decant_dataset *dataset, decant_model *copy)
{
    char hash[DCN_HASH_HEX];
    dcn_hash_hex(dataset->hash, hash);
    dcn_model_clear_metadata(copy);
    TRY_RETURN(dcn_model_set_metadata(copy, "data", dataset->name));
    TRY_RETURN(dcn_model_set_metadata(copy, "data_hash", hash));
    return describe_reading(model, dataset, copy);
}

static decant_status describe_end(const decant_train_options *options, const dcn_train_result *result,
                                  decant_model *trained)
{
    char seed[24], epochs[24], steps[24];
    snprintf(seed, sizeof seed, "%" PRIu64, options->seed);
    snprintf(epochs, sizeof epochs, "%" PRId64, result->epochs_done);
    snprintf(steps, sizeof steps, "%" PRId64, result->steps_done);
    TRY_RETURN(dcn_model_set_metadata(trained, "seed", seed));
    TRY_RETURN(dcn_model_set_metadata(trained, "epochs", epochs));
    return dcn_model_set_metadata(trained, "steps", steps);
}

/* The copy that is trained, so that the caller's model changes only when all went well. */
static decant_status prepare_model(const decant_train_options *options, const decant_model *model,
                                   const decant_dataset *dataset, const dcn_split *split, decant_model **ret_copy)
{
    decant_model *copy = NULL;
    float *statistics = NULL; /* [2, channels]: means, deviations */
    int32_t channels = dcn_statistics_channels(dataset);
    decant_status status = DECANT_OK;
    TRY(dcn_model_clone(model, &copy));
    TRY(describe_start(model, dataset, copy));
    if (options->fresh) {
        dcn_model_init(copy, options->seed);
        TRY(dcn_new_array(2 * (size_t)channels, sizeof *statistics, (void **)&statistics));
        TRY(dcn_statistics(dataset, split->train, split->n_train, statistics, statistics + channels));
        TRY(dcn_model_set_normalization(copy, channels, statistics, statistics + channels));
        if (copy->n_classes == dataset->n_classes) {
            TRY(dcn_model_set_class_names(copy, (const char *const *)dataset->class_names));
        }
    }
    *ret_copy = copy;
    copy = NULL;
out:
    dcn_free(statistics);
    dcn_model_destroy(copy);
    return status;
}

/* Keeps `samples` of what the split trains on; the statistics of the inputs stay those of all. */
static decant_status take_some(const decant_train_options *options, const decant_dataset *dataset, dcn_split *split)
{
    int32_t *taken = NULL;
    if (options->samples == 0) return DECANT_OK;
    TRY_RETURN(dcn_split_take(dataset, split->train, split->n_train, options->samples, options->split_seed, &taken));
    dcn_free(split->train);
    split->train = taken;
    split->n_train = options->samples;
    return DECANT_OK;
}

/* The callbacks of the loop get the caller's options and call the caller's. */
static bool relay_stop(void *context)
{
    const decant_train_options *options = context;
    return options->stop_requested != NULL && options->stop_requested(options->context);
}

static void relay_epoch(void *context, const dcn_epoch *epoch)
{
    const decant_train_options *options = context;
    if (options->on_epoch == NULL) return;
    const decant_train_epoch told = {
        .epoch = epoch->epoch,
        .epochs = epoch->epochs,
        .loss = epoch->loss,
        .accuracy = epoch->accuracy,
        .validation_loss = epoch->validation_loss,
        .validation_accuracy = epoch->validation_accuracy,
        .learning_rate = epoch->lr,
        .seconds = epoch->seconds,
        .images_per_second = epoch->images_per_second,
        .best = epoch->best,
    };
    options->on_epoch(options->context, &told);
}

/* The cross-entropy of a single logit is the binary one. */
static dcn_train_options make_options(const decant_train_options *options, const decant_model *model)
{
    dcn_train_options made = {
        .epochs = options->epochs,
        .batch = options->batch,
        .drop_last = options->drop_last,
        .seed = options->seed,
        .augment = {.shift = options->shift,
                    .crop_padding = options->crop,
                    .flip = options->flip,
                    .cutout = options->cutout,
                    .mixup = options->mixup},
        .optimizer = make_optimizer(options),
        .select_best = true,
        .context = (void *)(uintptr_t)options, /* the callbacks only read it */
        .checkpoint_path = options->checkpoint_path,
        .metrics_path = options->metrics_path,
        .stop_requested = relay_stop,
        .on_epoch = relay_epoch,
    };
    if (options->ce_weight != 0) {
        made.terms[made.n_terms++] = (dcn_term){.kind = model->n_outputs == 1 ? DCN_TERM_BCE : DCN_TERM_CE,
                                                .weight = options->ce_weight,
                                                .label_smoothing = options->label_smoothing};
    }
    if (options->kd_weight != 0) {
        made.terms[made.n_terms++] =
            (dcn_term){.kind = DCN_TERM_KD, .weight = options->kd_weight, .temperature = options->temperature};
    }
    return made;
}

/* All but the network of `from` into the model that the caller holds. */
static void adopt(decant_model *model, decant_model *from)
{
    decant_model old = *model;
    model->data = from->data;
    model->normalization = from->normalization;
    model->class_names = from->class_names;
    model->metadata = from->metadata;
    model->n_metadata = from->n_metadata;
    from->data = old.data;
    from->normalization = old.normalization;
    from->class_names = old.class_names;
    from->metadata = old.metadata;
    from->n_metadata = old.n_metadata;
}

decant_status decant_train(decant_model *model, const decant_model *teacher, const decant_dataset *dataset,
                           const decant_compute *compute, const decant_train_options *options,
                           decant_train_result *ret_result)
{
    DCN_REQUIRE(model, dataset, ret_result);
    const decant_train_options usual = decant_train_options_default();
    if (options == NULL) options = &usual;
    if (teacher == model) {
        return DCN_FAIL(INVALID_ARG, "the teacher is the student; to learn from its old self, it must be loaded twice");
    }
    TRY_RETURN(check_choices(options, model));
    TRY_RETURN(dcn_check_fit(model, dataset));

    dcn_train_options made = make_options(options, model);
    dcn_split split = {0};
    char identity[DCN_HASH_HEX];
    dcn_train_result result;
    decant_status status = DECANT_OK;
    TRY(dcn_split_make(dataset, options->validation, options->split_seed, &split));
    TRY(prepare_model(options, model, dataset, &split, &made.model));
    TRY(take_some(options, dataset, &split));
    const decant_precision precision = compute != NULL ? compute->precision : DECANT_PRECISION_AUTO;
    TRY(make_identity(options, made.model, teacher, dataset, precision, identity));
    TRY(dcn_compute_open(compute, &made.device));
    made.teacher = teacher;
    made.dataset = dataset;
    made.split = &split;
    made.identity = identity;
    TRY(dcn_train(&made, &result));
    TRY(describe_end(options, &result, made.model));
    adopt(model, made.model);
    *ret_result = (decant_train_result){
        .epochs = result.epochs_done,
        .steps = result.steps_done,
        .best_epoch = result.best_epoch,
        .validation_accuracy = result.validation_accuracy,
        .validation_loss = result.validation_loss,
        .seconds = result.seconds,
        .images_per_second = result.images_per_second,
    };
out:
    dcn_model_destroy(made.model);
    dcn_device_close(made.device);
    dcn_split_finish(&split);
    return status;
}
