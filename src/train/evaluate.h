/* An evaluator: an inference plan and a loader kept ready for one set of samples, for use once or after every epoch. */
#ifndef DCN_TRAIN_EVALUATE_H
#define DCN_TRAIN_EVALUATE_H

#include "engine/plan.h"
#include "train/train.h"

typedef struct dcn_evaluator dcn_evaluator;

typedef struct dcn_evaluator_options {
    dcn_device *device;
    const decant_model *model;
    const decant_dataset *dataset;
    const dcn_samples *part;
    const int32_t *indices; /* NULL: all of the part */
    int64_t count;
    dcn_plan *share; /* see the weights of this training plan; NULL: the model's own are loaded */
    bool use_ema;    /* with share: the averaged weights */
} dcn_evaluator_options;

/* Model, data set and indices must outlive the evaluator. */
decant_status dcn_evaluator_create(const dcn_evaluator_options *options, dcn_evaluator **ret_evaluator);
void dcn_evaluator_destroy(dcn_evaluator *evaluator);
/* As dcn_evaluate. */
decant_status dcn_evaluator_run(dcn_evaluator *evaluator, dcn_metrics *ret_metrics, int32_t *ret_predictions,
                                float *ret_logits);

#endif
