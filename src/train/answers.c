/* Rows of the teacher cache and their parts. */
#include "train/answers.h"

#include <string.h>

#include "base/memory.h"
#include "distill/cache.h"
#include "distill/features.h"

void dcn_answers_finish(dcn_answers *answers)
{
    if (answers->logits != answers->rows) dcn_free_aligned(answers->logits);
    dcn_free_aligned(answers->rows);
    for (int32_t i = 0; i < DCN_MAX_TERMS; i++)
        dcn_free_aligned(answers->features[i]);
    *answers = (dcn_answers){0};
}

/* The teacher's layers that the terms tap, in their order; DCN_NONE for terms that tap none. */
static decant_status find_taps(const dcn_train_options *options, dcn_value_id ret_taps[DCN_MAX_TERMS])
{
    dcn_tap taps[DCN_MAX_TERMS];
    dcn_graph *extended = NULL;
    TRY_RETURN(dcn_features_extend(options->model->graph, options->teacher->graph, options->terms, options->n_terms,
                                   &extended, taps));
    dcn_graph_destroy(extended);
    for (int32_t i = 0; i < options->n_terms; i++)
        ret_taps[i] = taps[i].teacher;
    return DECANT_OK;
}

/* The parts of a row. list: the taps, [*ret_count] of them. */
static decant_status measure(const dcn_train_options *options, dcn_answers *answers, dcn_value_id list[DCN_MAX_TERMS],
                             int32_t *ret_count)
{
    const dcn_graph *teacher = options->teacher->graph;
    dcn_value_id taps[DCN_MAX_TERMS];
    int32_t n_taps = 0;
    TRY_RETURN(find_taps(options, taps));
    answers->outputs = answers->width = teacher->values[teacher->output].shape.dim[1];
    for (int32_t i = 0; i < options->n_terms; i++) {
        if (taps[i] == DCN_NONE) continue;
        answers->length[i] = decant_shape_count(&teacher->values[taps[i]].shape); /* of one sample */
        answers->width += answers->length[i];
        list[n_taps++] = taps[i];
    }
    *ret_count = n_taps;
    return DECANT_OK;
}

decant_status dcn_answers_model(const dcn_train_options *options, dcn_answers *answers, decant_model **ret_model)
{
    dcn_value_id list[DCN_MAX_TERMS];
    int32_t n_taps = 0;
    TRY_RETURN(measure(options, answers, list, &n_taps));
    if (n_taps == 0) return dcn_model_clone(options->teacher, ret_model);
    *ret_model = NULL;
    return n_taps <= DCN_MAX_TAPPED ? dcn_model_tapped(options->teacher, list, n_taps, ret_model) : DECANT_OK;
}

decant_status dcn_answers_are_kept(const dcn_train_options *options, bool *ret_kept)
{
    dcn_answers answers = {0};
    dcn_value_id list[DCN_MAX_TERMS];
    int32_t n_taps = 0;
    *ret_kept = false;
    if (options->teacher == NULL || options->teacher_cache_bytes == 0) return DECANT_OK;
    TRY_RETURN(measure(options, &answers, list, &n_taps));
    *ret_kept = n_taps <= DCN_MAX_TAPPED && dcn_teacher_cache_fits(&options->augment, options->split->n_train,
                                                                   answers.width, options->teacher_cache_bytes);
    return DECANT_OK;
}

decant_status dcn_answers_reserve(dcn_answers *answers, int64_t batch)
{
    TRY_RETURN(dcn_new_floats(batch, answers->width, &answers->rows));
    if (answers->width == answers->outputs) {
        answers->logits = answers->rows;
        return DECANT_OK;
    }
    TRY_RETURN(dcn_new_floats(batch, answers->outputs, &answers->logits));
    for (int32_t i = 0; i < DCN_MAX_TERMS; i++)
        if (answers->length[i] > 0) TRY_RETURN(dcn_new_floats(batch, answers->length[i], &answers->features[i]));
    return DECANT_OK;
}

decant_status dcn_answers_bind(const dcn_answers *answers, dcn_training_step *step)
{
    TRY_RETURN(dcn_plan_bind(step->plan, step->teacher_logits, answers->logits));
    for (int32_t i = 0; i < step->n_terms; i++)
        if (answers->length[i] > 0)
            TRY_RETURN(dcn_plan_bind(step->plan, step->teacher_features[i], answers->features[i]));
    return DECANT_OK;
}

void dcn_answers_part(dcn_answers *answers, int64_t count)
{
    if (answers->logits == answers->rows) return;
    for (int64_t n = 0; n < count; n++) {
        const float *from = answers->rows + n * answers->width;
        memcpy(answers->logits + n * answers->outputs, from, (size_t)answers->outputs * sizeof *from);
        from += answers->outputs;
        for (int32_t i = 0; i < DCN_MAX_TERMS; i++) {
            const int64_t length = answers->length[i];
            if (length == 0) continue;
            memcpy(answers->features[i] + n * length, from, (size_t)length * sizeof *from);
            from += length;
        }
    }
}
