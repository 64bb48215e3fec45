/* What a finished model is worth: the one look at the test part, how far its confidence can be believed, and how like
 * its teacher it answers. */
#ifndef DCN_RUN_ASSESS_H
#define DCN_RUN_ASSESS_H

#include "decant/recipe.h"
#include "device/device.h"
#include "run/materials.h"

/* A teacher's logits for the samples that its students are measured on, asked for when they are first needed. */
typedef struct dcn_teacher_answers {
    float *test;       /* [test count, outputs]; NULL: not asked yet */
    float *validation; /* [n_validation, outputs]; the same */
} dcn_teacher_answers;
void dcn_teacher_answers_finish(dcn_teacher_answers *answers);

/* Fills in all that the result says about what the model answers. teacher: what the run learnt from, or NULL; answers
 * are its, and kept for the next student. */
decant_status dcn_assess(dcn_device *device, const dcn_materials *materials, const decant_model *model,
                         const decant_model *teacher, dcn_teacher_answers *answers, decant_run_result *result);

#endif
