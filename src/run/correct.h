/* The step between training and testing that corrects the biases of a model's output. */
#ifndef DCN_RUN_CORRECT_H
#define DCN_RUN_CORRECT_H

#include <jansson.h>

#include "decant/recipe.h"
#include "device/device.h"
#include "run/transfer.h"

/* The classes that share one offset, as [n_classes] flags; *ret_moved is NULL when each class gets its own. USAGE with
 * the place when the recipe names a class that is none, or none or all of them. */
decant_status dcn_correction_classes(const dcn_materials *materials, const dcn_run_spec *run,
                                     const dcn_transfer_set *set, bool **ret_moved);

/* Tests the model as it is, finds the offsets on the training or the validation split, and adds them to the model's
 * last bias. The model is untouched on failure. */
decant_status dcn_correction_apply(dcn_device *device, const dcn_materials *materials, int32_t run, decant_model *model,
                                   decant_bias_correction **ret_correction);
void dcn_correction_destroy(const decant_bias_correction *correction); /* accepts NULL */

/* As a part of result.json: nothing without a correction; FORMAT where what is read makes no sense. */
json_t *dcn_correction_to_json(const decant_bias_correction *correction);
decant_status dcn_correction_from_json(const json_t *json, const decant_bias_correction **ret_correction);

#endif
