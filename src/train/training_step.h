/* One training step made runnable: teacher forward, student forward, losses, accuracy, backward and update in one plan.
 */
#ifndef DCN_TRAIN_TRAINING_STEP_H
#define DCN_TRAIN_TRAINING_STEP_H

#include "data/loader.h"
#include "engine/plan.h"
#include "train/train.h"

/* What the step is made of; read while it is created, not kept. */
typedef struct dcn_training_spec {
    dcn_device *device;
    const decant_model *model;   /* the student: its graph and normalisation; its weights are not loaded */
    const decant_model *teacher; /* NULL without one; its weights are loaded */
    bool teacher_known;          /* its logits and features are inputs of the step: the teacher itself is not in it */
    const float *teacher_spread; /* [outputs] deviation of each of its logits, for terms that want it; NULL: all 1 */
    const dcn_optimizer *optimizer;
    const dcn_term *terms;
    int32_t n_terms;
    bool labelled; /* the samples have labels */
    bool mixup;    /* a second label and its weight come with each sample */
} dcn_training_spec;

typedef struct dcn_training_step {
    dcn_plan *plan;
    dcn_graph *graph; /* what trains: the student's graph with the regressors behind it (distill/features.h) */
    int64_t batch;
    int32_t n_terms;
    dcn_value_id x, labels, labels_b, mix;        /* inputs; DCN_NONE where the step has none */
    dcn_value_id teacher_logits;                  /* input [batch, classes]; DCN_NONE unless they are known */
    dcn_value_id teacher_features[DCN_MAX_TERMS]; /* inputs: what the terms tap, where that is known; else DCN_NONE */
    dcn_value_id correct;                         /* I32 [1]; DCN_NONE without labels */
    dcn_value_id loss[DCN_MAX_TERMS];             /* [1], unweighted */
    dcn_value_id gradient[DCN_MAX_TERMS];         /* weighted, at what the term compares */
    int64_t gradient_count[DCN_MAX_TERMS];        /* its elements */
    dcn_value_id *values;                         /* [graph->n_values]: the plan's parameters and states */
    int64_t counter[2];                           /* bound: {seed, step} of the dropout masks */
    float hyper[DCN_HYPER_COUNT];                 /* bound: the update's numbers */
} dcn_training_step;

/* share: the plan whose weights, optimiser state and averages the new one uses, or NULL for memory of its own. */
decant_status dcn_training_step_create(const dcn_training_spec *spec, int64_t batch, dcn_plan *share,
                                       dcn_training_step **ret_step);
void dcn_training_step_destroy(dcn_training_step *step);

/* Points the inputs but the teacher's at a batch of exactly step->batch samples, which must stay until the step has
 * run. */
decant_status dcn_training_step_bind(dcn_training_step *step, const dcn_batch *batch);
/* The unweighted value of each term after a run. */
decant_status dcn_training_step_losses(const dcn_training_step *step, double ret_losses[DCN_MAX_TERMS]);

#endif
