/* A frozen teacher that is asked apart from the training steps: an inference plan of one fixed batch, so that its
 * answers do not depend on how many samples somebody happens to train on at once. */
#ifndef DCN_DISTILL_TEACHER_H
#define DCN_DISTILL_TEACHER_H

#include "engine/plan.h"
#include "nn/model.h"

#define DCN_TEACHER_BATCH 64

typedef struct dcn_teacher dcn_teacher;

/* The model is read, not kept. */
decant_status dcn_teacher_create(dcn_device *device, const decant_model *model, dcn_teacher **ret_teacher);
void dcn_teacher_destroy(dcn_teacher *teacher); /* accepts NULL */

/* x: [count, sample...] normalised as the teacher was trained, count at most DCN_TEACHER_BATCH.
 * ret_logits: [count, classes]. */
decant_status dcn_teacher_ask(dcn_teacher *teacher, const float *x, int64_t count, float *ret_logits);

/* Whether a sample's logits are the same bits wherever it stands in the batch and whatever stands beside it, tried on a
 * whole batch x: forwards, backwards and half empty. It is so for every kernel we know, but no kernel promises it. */
decant_status dcn_teacher_rows_stand_alone(dcn_teacher *teacher, const float *x, bool *ret_alone);

#endif
