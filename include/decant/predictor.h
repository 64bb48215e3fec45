/* Predicting again and again: a model made ready for inference, from raw inputs to probabilities or logits. */
#ifndef DECANT_PREDICTOR_H
#define DECANT_PREDICTOR_H

#include <stdbool.h>
#include <stdint.h>

#include "decant/device.h"
#include "decant/model.h"
#include "decant/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/** A model ready to predict: its layers folded (batchnorm into the weights, dropout gone), its weights laid out for the
 *  device, and a plan kept for each batch size that was used.
 *
 *  Not thread-safe: one thread at a time may use a predictor. Threads that predict side by side take one each;
 * different predictors share nothing. */
typedef struct decant_predictor decant_predictor;

/** How to predict. All zero is the usual choice. */
typedef struct {
    bool logits; /**< give the network's outputs as they are, before softmax (or sigmoid, for a single logit) */
    int32_t
        plans; /**< batch sizes kept ready, at least 2; 0: 8. The one not used for longest makes room for a new one */
} decant_predictor_options;

/** Makes a predictor.
 *
 *  model          read, not kept: it may be changed or destroyed afterwards.
 *  compute        where; NULL for the default. One thread is often fastest for small networks and single samples.
 *  options        NULL for the usual choice.
 *  ret_predictor  freed with decant_predictor_destroy(); untouched on failure.
 *
 *  Errors: INVALID_ARG (fewer than 2 plans), NOT_FOUND (device), UNSUPPORTED, NO_MEMORY.
 */
DECANT_MUST_USE decant_status decant_predictor_create(const decant_model *model, const decant_compute *compute,
                                                      const decant_predictor_options *options,
                                                      decant_predictor **ret_predictor);

/** Frees a predictor; accepts NULL. */
void decant_predictor_destroy(decant_predictor *predictor);

/** Floats that one sample's inputs are. */
int64_t decant_predictor_input_count(const decant_predictor *predictor);

/** Floats that the answer for one sample is: a probability a class, or as many logits as the network has. A network
 *  with a single logit tells two classes apart: two probabilities, one logit. */
int64_t decant_predictor_output_count(const decant_predictor *predictor);

/** Makes the plan for batches of n samples ahead of their first use, which would make it otherwise.
 *
 *  n  samples in a call, at least 1.
 *
 *  Errors: INVALID_ARG, UNSUPPORTED, NO_MEMORY.
 */
DECANT_MUST_USE decant_status decant_predictor_prepare(decant_predictor *predictor, int64_t n);

/** Predicts from floats: images in [0, 1], or rows of a table as their columns are; the model normalises them.
 *
 *  inputs       [n, sample...]
 *  n            samples; any number, but each number that is used takes a plan. Beyond a few hundred they go in parts.
 *  ret_outputs  [n, outputs] caller's memory; what it holds after a failure is not defined.
 *
 *  Allocates nothing once the plan for n is there. In f32 the answer for a sample depends on n in the last bits at
 *  most; in bf16 kernels are chosen by n, too, whose rounding is some thousandths of a logit's usual size.
 *
 *  Errors: INVALID_ARG (no samples, no memory given), NUMERIC (an input or an output is not finite), and those of
 *  decant_predictor_prepare().
 */
DECANT_MUST_USE decant_status decant_predictor_run(decant_predictor *predictor, const float *inputs, int64_t n,
                                                   float *ret_outputs);

/** Predicts from bytes, 0 to 255, as images are stored; otherwise as decant_predictor_run(). */
DECANT_MUST_USE decant_status decant_predictor_run_bytes(decant_predictor *predictor, const uint8_t *inputs, int64_t n,
                                                         float *ret_outputs);

#ifdef __cplusplus
}
#endif
#endif
