/* Weights and results in and out of a plan: the caller's side is always plain, the plan's side in its own layout. */
#include "engine/parts.h"

#include "base/memory.h"
#include "tensor/shape.h"

static const char *const block_names[DCN_BLOCK_COUNT] = {"parameter", "gradient", "first optimiser", "second optimiser",
                                                         "averaged weights"};

/* Device memory to device memory, from one layout to another. */
static decant_status convert(dcn_device *device, const dcn_tensor_desc *from, void *source, const dcn_tensor_desc *to,
                             void *target)
{
    dcn_kernel *kernel = NULL;
    void *scratch = NULL;
    decant_status status = device->class->compile_reorder(device, from, to, &kernel);
    if (status != DECANT_OK) goto out;
    if (kernel->scratch_bytes > 0) TRY(device->class->memory_create(device, kernel->scratch_bytes, &scratch));
    void *const inputs[1] = {source}, *const outputs[1] = {target};
    kernel->run(kernel, inputs, outputs, scratch);
    status = dcn_device_check(device);
out:
    if (scratch != NULL) device->class->memory_destroy(device, scratch);
    if (kernel != NULL) kernel->destroy(kernel);
    return status;
}

/* memory: the plan's, in the layout of desc. */
static decant_status move_in(dcn_device *device, const dcn_tensor_desc *desc, void *memory, const void *data)
{
    size_t bytes;
    TRY_RETURN(dcn_shape_bytes(&desc->shape, desc->dtype, &bytes));
    if (desc->layout == DCN_LAYOUT_PLAIN) return device->class->upload(device, memory, data, bytes);

    dcn_tensor_desc plain = *desc;
    plain.layout = DCN_LAYOUT_PLAIN;
    void *stage = NULL;
    decant_status status = device->class->memory_create(device, bytes, &stage);
    if (status != DECANT_OK) goto out;
    TRY(device->class->upload(device, stage, data, bytes));
    TRY(convert(device, &plain, stage, desc, memory));
out:
    if (stage != NULL) device->class->memory_destroy(device, stage);
    return status;
}

static decant_status move_out(dcn_device *device, const dcn_tensor_desc *desc, void *memory, void *ret_data)
{
    size_t bytes;
    TRY_RETURN(dcn_shape_bytes(&desc->shape, desc->dtype, &bytes));
    if (desc->layout == DCN_LAYOUT_PLAIN) return device->class->download(device, ret_data, memory, bytes);

    dcn_tensor_desc plain = *desc;
    plain.layout = DCN_LAYOUT_PLAIN;
    void *stage = NULL;
    decant_status status = device->class->memory_create(device, bytes, &stage);
    if (status != DECANT_OK) goto out;
    TRY(convert(device, desc, memory, &plain, stage));
    TRY(device->class->download(device, ret_data, stage, bytes));
out:
    if (stage != NULL) device->class->memory_destroy(device, stage);
    return status;
}

/* Copies of the weight in other layouts are made again before the next run. */
static void mark_changed(dcn_plan *plan, const dcn_weight *weight)
{
    dcn_plan *origin = dcn_plan_origin(plan);
    if (weight->in_blocks)
        origin->trained_version++;
    else if (!weight->is_state)
        origin->frozen_version++;
}

decant_status dcn_plan_write(dcn_plan *plan, dcn_value_id value, const void *data)
{
    TRY_RETURN(dcn_plan_check_value(plan, value));
    if (plan->values[value].weight == DCN_NONE)
        return DCN_FAIL(INVALID_ARG, "value %d is neither a parameter nor a state; only those are written", (int)value);
    const dcn_weight *weight = &plan->weights[plan->values[value].weight];
    mark_changed(plan, weight);
    return move_in(plan->device, &weight->desc, weight->data, data);
}

decant_status dcn_plan_read(dcn_plan *plan, dcn_value_id value, void *ret_data)
{
    TRY_RETURN(dcn_plan_check_value(plan, value));
    const dcn_plan_value *known = &plan->values[value];
    if (known->weight != DCN_NONE) {
        const dcn_weight *weight = &plan->weights[known->weight];
        return move_out(plan->device, &weight->desc, weight->data, ret_data);
    }
    if (known->kind != DCN_VALUE_RESULT || !known->kept)
        return DCN_FAIL(INVALID_ARG, "value %d is not a result that the plan was told to keep", (int)value);
    const dcn_buffer *buffer = &plan->buffers[known->buffer];
    if (buffer->data == NULL)
        return DCN_FAIL(INVALID_ARG, "value %d is a view of an input that is not bound", (int)value);
    return move_out(plan->device, &buffer->desc, buffer->data, ret_data);
}

/* The parameter's weight and its place in the block. */
static decant_status find_place(dcn_plan *plan, dcn_block block, dcn_value_id parameter, const dcn_weight **ret_weight,
                                void **ret_place)
{
    TRY_RETURN(dcn_plan_check_value(plan, parameter));
    if (block < 0 || block >= DCN_BLOCK_COUNT) return DCN_FAIL(INVALID_ARG, "no block has number %d", (int)block);
    dcn_weight_id id = plan->values[parameter].weight;
    if (id == DCN_NONE || !plan->weights[id].in_blocks)
        return DCN_FAIL(INVALID_ARG, "value %d is not a trainable parameter; only those have a place in the blocks",
                        (int)parameter);
    char *memory = plan->region[DCN_REGION_BLOCK0 + (int32_t)block].memory;
    if (memory == NULL) return DCN_FAIL(NOT_FOUND, "the plan has no %s block", block_names[block]);
    *ret_weight = &plan->weights[id];
    *ret_place = memory + plan->weights[id].offset;
    return DECANT_OK;
}

decant_status dcn_plan_block_write(dcn_plan *plan, dcn_block block, dcn_value_id parameter, const void *data)
{
    const dcn_weight *weight;
    void *place;
    TRY_RETURN(find_place(plan, block, parameter, &weight, &place));
    mark_changed(plan, weight);
    return move_in(plan->device, &weight->desc, place, data);
}

decant_status dcn_plan_block_read(dcn_plan *plan, dcn_block block, dcn_value_id parameter, void *ret_data)
{
    const dcn_weight *weight;
    void *place;
    TRY_RETURN(find_place(plan, block, parameter, &weight, &place));
    return move_out(plan->device, &weight->desc, place, ret_data);
}
