/* A known teacher's answers, as the steps read them: its logits, and behind them in each row of the cache the layers
 * that feature losses tap. */
#ifndef DCN_TRAIN_ANSWERS_H
#define DCN_TRAIN_ANSWERS_H

#include "train/training_step.h"

typedef struct dcn_answers {
    int64_t width;                  /* of a row of the cache */
    int64_t outputs;                /* logits in it */
    int64_t length[DCN_MAX_TERMS];  /* of the feature that a term taps; 0: it taps none */
    float *rows;                    /* [batch, width] */
    float *logits;                  /* [batch, outputs]: what the steps are bound to; rows where that is all */
    float *features[DCN_MAX_TERMS]; /* [batch, length] */
} dcn_answers;

/* The model that gives whole rows: the teacher itself, copied, or with its taps behind the logits. *ret_model is NULL
 * where there are more taps than one node joins. */
decant_status dcn_answers_model(const dcn_train_options *options, dcn_answers *answers, decant_model **ret_model);
/* Whether a run will look its teacher's answers up. Read of the options: the models, terms, augmentation, the training
 * split's size and what the cache may take. That rows do not bear on each other is tried only when training begins. */
decant_status dcn_answers_are_kept(const dcn_train_options *options, bool *ret_kept);
/* Memory for a batch, once the model is known. */
decant_status dcn_answers_reserve(dcn_answers *answers, int64_t batch);
void dcn_answers_finish(dcn_answers *answers); /* accepts a zeroed one */
decant_status dcn_answers_bind(const dcn_answers *answers, dcn_training_step *step);
/* Parts `count` rows into logits and features. */
void dcn_answers_part(dcn_answers *answers, int64_t count);

#endif
