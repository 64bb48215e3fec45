/* The step between training and testing that corrects the biases of a model's output. */
#ifndef DCN_RECIPE_CORRECT_H
#define DCN_RECIPE_CORRECT_H

#include "device/device.h"
#include "recipe/transfer.h"

/* The classes that share one offset, as [n_classes] flags; *ret_moved is NULL when each class gets its own. USAGE with
 * the place when the recipe names a class that is none, or none or all of them. */
decant_status dcn_correction_classes(const dcn_materials *materials, const dcn_run_spec *run,
                                     const dcn_transfer_set *set, bool **ret_moved);

/* Finds the offsets on the training or the validation split and adds them to the model's last bias.
 * ret_offsets: [n_classes]; both are untouched on failure. */
decant_status dcn_correct_bias(dcn_device *device, const dcn_materials *materials, int32_t run, decant_model *model,
                               float *ret_offsets);

#endif
