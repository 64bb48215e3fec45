/* Copies of a model's weights in host memory, value by value as in decant_model.data, and the ways in and out of a
 * plan. */
#ifndef DCN_TRAIN_WEIGHTS_H
#define DCN_TRAIN_WEIGHTS_H

#include "engine/plan.h"

/* One zeroed array for each trainable parameter (and each state when with_states) of the model graph; NULL for other
 * values. */
decant_status dcn_weights_create(const dcn_graph *model, bool with_states, float ***ret_weights);
void dcn_weights_destroy(const dcn_graph *model, float **weights); /* accepts NULL */

/* values: the plan's ids of the model's values. Parameters come from and go to `block`; states, where weights holds
 * them, are the plan's only ones. */
decant_status dcn_weights_read(dcn_plan *plan, const dcn_value_id *values, const dcn_graph *model, dcn_block block,
                               float **weights);
decant_status dcn_weights_write(dcn_plan *plan, const dcn_value_id *values, const dcn_graph *model, dcn_block block,
                                float *const *weights);

#endif
