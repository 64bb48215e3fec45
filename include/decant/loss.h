/* Loss functions on plain arrays: the same numbers and gradients that training uses, for callers with a loop of their
 * own. */
#ifndef DECANT_LOSS_H
#define DECANT_LOSS_H

#include "decant/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Cross-entropy with the labels: mean over rows of -log softmax(logits)[label].
 *
 *  logits           [n, classes] f32, row-major; any finite value.
 *  labels           [n] i32, each in [0, classes).
 *  label_smoothing  in [0, 1): the target is (1 - s) on the label plus s / classes everywhere.
 *  ret_loss         the mean, in nats; untouched on failure.
 *  ret_grad         [n, classes] f32, d loss / d logits, or NULL; caller's memory.
 *
 *  Errors: INVALID_ARG (label or smoothing out of range, not f32/i32), SHAPE. Thread-safe.
 */
DECANT_MUST_USE decant_status decant_loss_ce(const decant_tensor *logits, const decant_tensor *labels,
                                             float label_smoothing, float *ret_loss, decant_tensor *ret_grad);

/** Soft-target loss: T^2 * mean over rows of KL(softmax(teacher/T) || softmax(student/T)).
 *
 *  student, teacher  [n, classes] f32, row-major, same shape; any finite value.
 *  temperature       > 0, no unit.
 *  ret_loss          the mean, in nats; untouched on failure.
 *  ret_grad          [n, classes] f32, d loss / d student, or NULL; caller's memory.
 *
 *  Errors: INVALID_ARG (temperature <= 0, not f32), SHAPE. Thread-safe.
 *  Source: Hinton, Vinyals, Dean 2015, section 2.
 */
DECANT_MUST_USE decant_status decant_loss_kd(const decant_tensor *student, const decant_tensor *teacher,
                                             float temperature, float *ret_loss, decant_tensor *ret_grad);

#ifdef __cplusplus
}
#endif
#endif
