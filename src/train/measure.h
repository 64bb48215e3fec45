/* What logits say beyond right and wrong: whether a model's confidence can be believed, and how like its teacher it
 * answers. */
#ifndef DCN_TRAIN_MEASURE_H
#define DCN_TRAIN_MEASURE_H

#include "decant/model.h"

/* row [classes] of finite logits: the class it answers, which is the first of the largest. */
int64_t dcn_logits_answer(const float *row, int64_t classes);
/* log sum_c exp(row[c]), by the largest so that nothing overflows. */
double dcn_logits_log_sum(const float *row, int64_t classes);

/* logits [count, classes] of the samples `indices` (NULL: 0, 1, ...); labels by sample. count >= 1. */
void dcn_measure_calibration(const float *logits, const int32_t *labels, const int32_t *indices, int64_t count,
                             int64_t classes, decant_calibration *ret_calibration);
/* student, teacher [count, classes] logits of the same samples. count >= 1. */
void dcn_measure_fidelity(const float *student, const float *teacher, int64_t count, int64_t classes,
                          decant_fidelity *ret_fidelity);

#endif
