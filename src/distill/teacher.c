/* Asking a frozen teacher. */
#include "distill/teacher.h"

#include <string.h>

#include "base/memory.h"
#include "nn/inference.h"

struct dcn_teacher {
    dcn_inference inference;
    int64_t elements, classes; /* of one sample, of one answer */
    float *padded;             /* [DCN_TEACHER_BATCH, sample...]: a smaller batch, zeros behind it */
    float *rows;               /* [DCN_TEACHER_BATCH, classes] */
};

decant_status dcn_teacher_create(dcn_device *device, const decant_model *model, dcn_teacher **ret_teacher)
{
    dcn_teacher *teacher = NULL;
    decant_status status = dcn_new(sizeof *teacher, (void **)&teacher);
    if (status != DECANT_OK) goto out;
    teacher->elements = decant_shape_count(&model->graph->values[model->graph->input].shape);
    teacher->classes = decant_shape_count(&model->graph->values[model->graph->output].shape);
    TRY(dcn_new_floats(DCN_TEACHER_BATCH, teacher->elements, &teacher->padded));
    TRY(dcn_new_floats(DCN_TEACHER_BATCH, teacher->classes, &teacher->rows));
    TRY(dcn_inference_plan_folded(device, model, DCN_TEACHER_BATCH, &teacher->inference));
    *ret_teacher = teacher;
    teacher = NULL;
out:
    dcn_teacher_destroy(teacher);
    if (status != DECANT_OK) dcn_while("making the teacher ready");
    return status;
}

void dcn_teacher_destroy(dcn_teacher *teacher)
{
    if (teacher == NULL) return;
    dcn_plan_destroy(teacher->inference.plan);
    dcn_free_aligned(teacher->padded);
    dcn_free_aligned(teacher->rows);
    dcn_free(teacher);
}

decant_status dcn_teacher_ask(dcn_teacher *teacher, const float *x, int64_t count, float *ret_logits)
{
    size_t sample_bytes = (size_t)teacher->elements * sizeof *x;
    if (count < DCN_TEACHER_BATCH) {
        memcpy(teacher->padded, x, (size_t)count * sample_bytes);
        memset(teacher->padded + count * teacher->elements, 0, (size_t)(DCN_TEACHER_BATCH - count) * sample_bytes);
        x = teacher->padded;
    }
    TRY_RETURN(dcn_inference_ask(&teacher->inference, x, teacher->rows));
    memcpy(ret_logits, teacher->rows, (size_t)(count * teacher->classes) * sizeof *ret_logits);
    return DECANT_OK;
}

decant_status dcn_teacher_rows_stand_alone(dcn_teacher *teacher, const float *x, bool *ret_alone)
{
    const int64_t batch = DCN_TEACHER_BATCH, elements = teacher->elements, classes = teacher->classes;
    const size_t row_bytes = (size_t)classes * sizeof(float);
    float *backwards = NULL; /* [batch, sample...] */
    float *answers = NULL;   /* [3, batch, classes] */
    bool alone = true;
    decant_status status = dcn_new_floats(batch, elements, &backwards);
    if (status != DECANT_OK) goto out;
    TRY(dcn_new_array(3 * (size_t)batch, row_bytes, (void **)&answers));
    for (int64_t i = 0; i < batch; i++)
        memcpy(backwards + (batch - 1 - i) * elements, x + i * elements, (size_t)elements * sizeof *x);

    float *forth = answers, *back = answers + batch * classes, *half = answers + 2 * batch * classes;
    TRY(dcn_teacher_ask(teacher, x, batch, forth));
    TRY(dcn_teacher_ask(teacher, backwards, batch, back));
    TRY(dcn_teacher_ask(teacher, backwards, batch / 2, half));
    for (int64_t i = 0; i < batch; i++)
        alone = alone && memcmp(forth + i * classes, back + (batch - 1 - i) * classes, row_bytes) == 0;
    alone = alone && memcmp(half, back, (size_t)(batch / 2) * row_bytes) == 0;
    *ret_alone = alone;
out:
    dcn_free(answers);
    dcn_free_aligned(backwards);
    return status;
}
