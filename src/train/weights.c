/* Host copies of weights: for the checkpoint, for the best epoch so far, and for handing the result over. */
#include "train/weights.h"

#include "base/memory.h"
#include "tensor/shape.h"

static bool is_held(const dcn_value *value, bool with_states)
{
    return value->kind == DCN_VALUE_PARAMETER || (with_states && value->kind == DCN_VALUE_STATE);
}

static size_t value_bytes(const dcn_value *value)
{
    return (size_t)decant_shape_count(&value->shape) * sizeof(float);
}

decant_status dcn_weights_create(const dcn_graph *model, bool with_states, float ***ret_weights)
{
    float **weights = NULL;
    decant_status status = DECANT_OK;
    TRY(dcn_new_array((size_t)model->n_values, sizeof *weights, (void **)&weights));
    for (int32_t v = 0; v < model->n_values; v++) {
        if (!is_held(&model->values[v], with_states)) continue;
        TRY(dcn_new(value_bytes(&model->values[v]), (void **)&weights[v]));
    }
    *ret_weights = weights;
    weights = NULL;
out:
    dcn_weights_destroy(model, weights);
    return status;
}

void dcn_weights_destroy(const dcn_graph *model, float **weights)
{
    if (weights == NULL) return;
    for (int32_t v = 0; v < model->n_values; v++)
        dcn_free(weights[v]);
    dcn_free(weights);
}

decant_status dcn_weights_read(dcn_plan *plan, const dcn_value_id *values, const dcn_graph *model, dcn_block block,
                               float **weights)
{
    for (int32_t v = 0; v < model->n_values; v++) {
        if (weights[v] == NULL) continue;
        bool state = model->values[v].kind == DCN_VALUE_STATE;
        TRY_RETURN(state ? dcn_plan_read(plan, values[v], weights[v])
                         : dcn_plan_block_read(plan, block, values[v], weights[v]));
    }
    return DECANT_OK;
}

decant_status dcn_weights_write(dcn_plan *plan, const dcn_value_id *values, const dcn_graph *model, dcn_block block,
                                float *const *weights)
{
    for (int32_t v = 0; v < model->n_values; v++) {
        if (weights[v] == NULL) continue;
        bool state = model->values[v].kind == DCN_VALUE_STATE;
        TRY_RETURN(state ? dcn_plan_write(plan, values[v], weights[v])
                         : dcn_plan_block_write(plan, block, values[v], weights[v]));
    }
    return DECANT_OK;
}
