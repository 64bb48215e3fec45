/* The training loop: epochs of steps, evaluation, selection, checkpoints, and exact resumption. */
#ifndef DCN_TRAIN_TRAIN_H
#define DCN_TRAIN_TRAIN_H

#include "data/loader.h"
#include "data/split.h"
#include "device/device.h"
#include "distill/term.h"
#include "nn/model.h"
#include "optim/optimizer.h"

#define DCN_MAX_TERMS 8

/* --- evaluation (train/evaluate.c) --- */
typedef struct dcn_metrics {
    int64_t count, errors; /* count: of the samples that have a label, or of all where none has */
    double accuracy, loss; /* loss: mean cross-entropy, weighted by sample */
    int32_t n_classes;
    int64_t *confusion; /* [n_classes, n_classes] row = truth, column = prediction; dcn_free via dcn_metrics_finish */
} dcn_metrics;
void dcn_metrics_finish(dcn_metrics *metrics);
/* Samples of the class that were taken for another. */
int64_t dcn_class_errors(const int64_t *confusion, int32_t n_classes, int32_t truth);
/* Evaluates a model on samples (indices NULL: all). ret_predictions [count] and ret_logits [count, outputs] may be NULL
 * (caller's memory). */
decant_status dcn_evaluate(dcn_device *device, const decant_model *model, const decant_dataset *dataset,
                           const dcn_samples *part, const int32_t *indices, int64_t count, dcn_metrics *ret_metrics,
                           int32_t *ret_predictions, float *ret_logits);

/* --- training --- */
struct dcn_progress;
struct dcn_epoch;
struct dcn_loss_sheet;

typedef struct dcn_train_options {
    dcn_device *device;
    decant_model *model;         /* trained in place: initial weights in, selected weights out */
    const decant_model *teacher; /* or NULL; inference only */
    const decant_dataset *dataset;
    const dcn_split *split;
    int64_t epochs, batch;
    bool drop_last;     /* default false, as PyTorch's DataLoader */
    uint64_t seed;      /* data order, augmentation, dropout */
    bool ignore_labels; /* of the training samples, as if they had none; needed where some have none */
    dcn_augment augment;
    dcn_optimizer optimizer;
    dcn_term terms[DCN_MAX_TERMS];
    int32_t n_terms;
    bool select_best; /* keep the weights of the best validation accuracy (first best on ties); false: the last */
    const char *checkpoint_path; /* NULL: none. Resumed from when it exists and fits, else written */
    const char *metrics_path;    /* metrics.jsonl or NULL */
    double checkpoint_seconds;   /* also within an epoch, at least this often; 0: only at epoch ends */
    /* The teacher's answers are computed once and looked up where that is possible (distill/cache.h). */
    int64_t teacher_cache_bytes;      /* the most they may take; 0: ask the teacher in each step */
    const char *teacher_cache_folder; /* where they are kept for other runs; NULL: in memory only */
    const char *identity;             /* hash of what this run is; a checkpoint with another identity is STALE */
    int64_t stop_after_steps;         /* tests: behave as if interrupted after this many steps in total; 0 off */
    /* Called from the training thread; any may be NULL. */
    void *context;
    bool (*stop_requested)(
        void *context); /* polled each step: true saves a checkpoint and ends with DECANT_INTERRUPTED */
    void (*on_progress)(void *context, const struct dcn_progress *progress); /* at most ~10 times a second */
    void (*on_epoch)(void *context, const struct dcn_epoch *epoch);
    decant_status (*on_loss_sheet)(void *context, const struct dcn_loss_sheet *sheet); /* once, at step 0 */
    void (*on_note)(void *context, const char *text);             /* something was amiss and could be put right */
    void (*on_asked)(void *context, int64_t done, int64_t count); /* before an epoch: answers of the teacher */
} dcn_train_options;

typedef struct dcn_progress {
    int64_t epoch, epochs, batch, batches;  /* epoch 0-based */
    double loss, accuracy;                  /* running, over this epoch, weighted by sample */
    double images_per_second, seconds_left; /* of the whole run */
} dcn_progress;

typedef struct dcn_epoch {
    int64_t epoch, epochs;
    double loss, accuracy;                       /* training */
    double term[DCN_MAX_TERMS];                  /* each unweighted mean */
    double validation_loss, validation_accuracy; /* NAN without a validation split */
    int64_t validation_errors;
    double lr, seconds, images_per_second;
    bool best;
} dcn_epoch;

/* Each term at step 0. */
typedef struct dcn_loss_sheet {
    int32_t n_terms;
    struct {
        const char *name, *formula, *reduction;
        double temperature; /* 0 where it has none */
        double weight, value, contribution;
        double gradient_norm; /* l2, weighted, at what the term compares; see decant_run_loss */
    } term[DCN_MAX_TERMS];
    double total;
} dcn_loss_sheet;

typedef struct dcn_train_result {
    int64_t epochs_done, steps_done;
    int64_t best_epoch; /* 0-based */
    double validation_accuracy, validation_loss;
    bool cached; /* the teacher's answers were looked up; in this session: */
    int64_t answers_needed, answers_computed;
    double seconds; /* training time over all sessions of this run */
    double images_per_second;
} dcn_train_result;

/* Refuses (INVALID_ARG / NUMERIC) : teacher identical to the student, a distillation term exactly 0 for
 * ten steps, a NaN or infinite loss (NUMERIC, names step and terms), overlapping train/validation indices. */
decant_status dcn_train(const dcn_train_options *options, dcn_train_result *ret_result);

#endif
