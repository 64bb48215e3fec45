/* A run in training: what it is made of, how it begins or goes on, and its checkpoints (trainer.c). Private to
 * train/. */
#ifndef DCN_TRAIN_TRAINER_H
#define DCN_TRAIN_TRAINER_H

#include "distill/cache.h"
#include "train/answers.h"
#include "train/checkpoint.h"
#include "train/evaluate.h"
#include "train/training_step.h"

#define DCN_LARGEST_ZERO_STEPS 10 /* steps that a distillation term may be exactly 0 in a row */

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

/* The trainer holds its options and nothing else. Fresh, or from its checkpoint where there is one; it is to be
 * finished on failure, too. */
decant_status dcn_trainer_begin(dcn_trainer *trainer);
void dcn_trainer_finish(dcn_trainer *trainer);
/* Writes the checkpoint, where the options name one. NUMERIC where a weight is no number any more. */
decant_status dcn_trainer_save(dcn_trainer *trainer);
/* The loss does not always tell: what is not a number may pass an activation as 0. NUMERIC. */
decant_status dcn_trainer_check_weights(const dcn_trainer *trainer, const dcn_graph *graph, float *const *weights);

static inline bool dcn_averages(const dcn_train_options *options)
{
    return options->optimizer.ema_decay > 0;
}

/* Whether the steps read labels. */
static inline bool dcn_is_labelled(const dcn_train_options *options)
{
    return options->dataset->train.labels != NULL && !options->ignore_labels;
}

#endif
