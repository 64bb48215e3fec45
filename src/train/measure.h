/* What logits say beyond right and wrong: whether a model's confidence can be believed, and how like its teacher it
 * answers. */
#ifndef DCN_TRAIN_MEASURE_H
#define DCN_TRAIN_MEASURE_H

#include "decant/model.h"

/* A row of finite logits [outputs]. A single output is the logit of the second of two classes, the first's being 0. */
static inline double dcn_logit(const float *row, int64_t outputs, int64_t class)
{
    if (outputs == 1) return class == 1 ? (double)row[0] : 0;
    return (double)row[class];
}
/* The class that the row answers: the first of the largest. */
int64_t dcn_logits_answer(const float *row, int64_t outputs);
/* log sum_c exp(logit of c), by the largest so that nothing overflows. */
double dcn_logits_log_sum(const float *row, int64_t outputs);

/* logits [count, outputs] of the samples `indices` (NULL: 0, 1, ...); labels by sample. count >= 1. Samples without a
 * label are not counted; where none has one, all is 0. */
void dcn_measure_calibration(const float *logits, const int32_t *labels, const int32_t *indices, int64_t count,
                             int64_t outputs, decant_calibration *ret_calibration);
/* student, teacher [count, outputs] logits of the samples `indices`, as above. How alike they are is told of all of
 * them, how good the teacher is of those with a label (NAN where none has one). */
void dcn_measure_fidelity(const float *student, const float *teacher, const int32_t *labels, const int32_t *indices,
                          int64_t count, int64_t outputs, decant_fidelity *ret_fidelity);

#endif
