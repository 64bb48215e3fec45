/* The plan of a model's inference: lowered, planned, and its weights loaded. */
#include "nn/inference.h"

#include "base/memory.h"
#include "tensor/shape.h"

#define LARGEST_BATCH  256
#define BATCH_ELEMENTS ((int64_t)1 << 22)

int64_t dcn_inference_batch(int64_t sample_elements)
{
    const int64_t batch = BATCH_ELEMENTS / (sample_elements > 1 ? sample_elements : 1);
    return batch > LARGEST_BATCH ? LARGEST_BATCH : batch > 1 ? batch : 1;
}

decant_status dcn_model_write(const decant_model *model, const dcn_value_id *values, dcn_plan *plan)
{
    for (dcn_value_id v = 0; v < model->graph->n_values; v++)
        if (model->data[v] != NULL && values[v] != DCN_NONE)
            TRY_RETURN(dcn_plan_write(plan, values[v], model->data[v]));
    return DECANT_OK;
}

decant_status dcn_inference_plan(dcn_device *device, const decant_model *model, int64_t batch,
                                 const dcn_plan_options *sharing, dcn_inference *ret_inference)
{
    const decant_shape *input = &model->graph->values[model->graph->input].shape; /* [1, sample...] */
    const decant_shape sample = decant_shape_make(input->rank - 1, input->dim + 1);
    dcn_plan_options options = sharing != NULL ? *sharing : (dcn_plan_options){0};
    dcn_inference made = {0};
    dcn_program *program = NULL;
    dcn_value_id *values = NULL; /* [n_values] of the model's graph */
    decant_status status = dcn_program_create(batch, DECANT_F32, &program);
    if (status != DECANT_OK) goto out;
    TRY(dcn_program_input(program, "x", DECANT_F32, &sample, &made.x));
    TRY(dcn_program_add_model(program, model->graph, 0, DCN_MODE_INFERENCE, made.x, NULL, 0, &values, &made.logits));
    options.keep = &made.logits;
    options.n_keep = 1;
    TRY(dcn_plan_create(device, program, &options, &made.plan));
    if (options.share == NULL) TRY(dcn_model_write(model, values, made.plan));
    *ret_inference = made;
    made.plan = NULL;
out:
    dcn_plan_destroy(made.plan);
    dcn_free(values);
    dcn_program_destroy(program);
    return status;
}

decant_status dcn_inference_plan_folded(dcn_device *device, const decant_model *model, int64_t batch,
                                        dcn_inference *ret_inference)
{
    decant_model *folded = NULL;
    TRY_RETURN(dcn_model_fold(model, NULL, 0, &folded, NULL));
    decant_status status = dcn_inference_plan(device, folded, batch, NULL, ret_inference);
    dcn_model_destroy(folded);
    return status;
}

decant_status dcn_inference_ask(const dcn_inference *inference, const float *x, float *ret_logits)
{
    TRY_RETURN(dcn_plan_bind(inference->plan, inference->x, x));
    TRY_RETURN(dcn_plan_run(inference->plan));
    return dcn_plan_read(inference->plan, inference->logits, ret_logits);
}
