/* A model as it stands, ready to be asked for logits. Whoever asks often folds it first (dcn_model_fold). */
#ifndef DCN_NN_INFERENCE_H
#define DCN_NN_INFERENCE_H

#include "engine/plan.h"
#include "nn/model.h"

/* x is an input [batch, sample...] that is still to be bound; the plan keeps logits [batch, outputs]. */
typedef struct dcn_inference {
    dcn_plan *plan; /* the caller's */
    dcn_value_id x, logits;
} dcn_inference;

/* How many samples of so many elements to ask about at once: 256, fewer, down to 1, where they are so large that
 * activations would be. */
int64_t dcn_inference_batch(int64_t sample_elements);

/* Writes every weight of the model into a plan, in which it stands as values[its id]; where that is DCN_NONE it is left
 * out. */
decant_status dcn_model_write(const decant_model *model, const dcn_value_id *values, dcn_plan *plan);

/* sharing: whose weights the plan reads (`share` and `use_ema`); NULL, or without `share`: the model's own are written
 * into it, and the model is not needed any more. */
decant_status dcn_inference_plan(dcn_device *device, const decant_model *model, int64_t batch,
                                 const dcn_plan_options *sharing, dcn_inference *ret_inference);
/* The same of the model folded (dcn_model_fold), with weights of its own. */
decant_status dcn_inference_plan_folded(dcn_device *device, const decant_model *model, int64_t batch,
                                        dcn_inference *ret_inference);
/* x: [batch, sample...], normalised; ret_logits: [batch, outputs]. */
decant_status dcn_inference_ask(const dcn_inference *inference, const float *x, float *ret_logits);

#endif
