/* Output-bias correction as a step of a run: which samples have a say, and which classes. The arithmetic is
 * distill/bias.c's. */
#include "recipe/correct.h"

#include <string.h>

#include "distill/bias.h"

decant_status dcn_correction_classes(const dcn_materials *materials, const dcn_run_spec *run,
                                     const dcn_transfer_set *set, bool **ret_moved)
{
    const dcn_correction_spec *correction = &run->correction;
    const int32_t n_classes = materials->dataset->n_classes;
    bool *moved = NULL;
    int32_t n_moved = 0;
    if (correction->each || (correction->classes == NULL && set->whole)) {
        *ret_moved = NULL;
        return DECANT_OK;
    }
    decant_status status = dcn_new_array((size_t)n_classes, sizeof *moved, (void **)&moved);
    if (status != DECANT_OK) goto out;
    if (correction->classes != NULL) TRY(dcn_classes_mark(materials->dataset, correction->classes, moved));
    for (int32_t c = 0; c < n_classes; c++) {
        if (correction->classes == NULL) moved[c] = !set->kept[c];
        n_moved += moved[c];
    }
    if (n_moved == n_classes) {
        status = dcn_doc_fail(correction->classes, DECANT_USAGE,
                              "one offset for all %d classes changes nothing; name some of them, or `classes: each`",
                              n_classes);
        goto out;
    }
    *ret_moved = moved;
    moved = NULL;
out:
    dcn_free(moved);
    return status;
}

static decant_status find_offsets(const dcn_materials *materials, const dcn_run_spec *run,
                                  const dcn_bias_problem *problem, const int32_t *indices, float *offsets)
{
    const decant_dataset *dataset = materials->dataset;
    const bool by_label = run->correction.kind == DCN_CORRECT_VALIDATION;
    int32_t *labels = NULL; /* [count] */
    int64_t *wanted = NULL; /* [n_classes] */
    decant_status status = dcn_new_array((size_t)problem->count, sizeof *labels, (void **)&labels);
    if (status != DECANT_OK) goto out;
    TRY(dcn_new_array((size_t)dataset->n_classes, sizeof *wanted, (void **)&wanted));
    for (int64_t i = 0; i < problem->count; i++) {
        labels[i] = dataset->train.labels[indices[i]];
        wanted[labels[i]]++;
    }
    status = by_label ? dcn_bias_fit(problem, labels, offsets) : dcn_bias_match(problem, wanted, offsets);
out:
    dcn_free(wanted);
    dcn_free(labels);
    return status;
}

/* The samples are looked at as they are: no augmentation, no dropout. */
static decant_status offsets_for(dcn_device *device, const dcn_materials *materials, int32_t index,
                                 const decant_model *model, float *offsets)
{
    const dcn_run_spec *run = &materials->experiment->runs[index];
    const dcn_split *split = &materials->split;
    const bool by_label = run->correction.kind == DCN_CORRECT_VALIDATION;
    const int32_t *indices = by_label ? split->validation : split->train;
    const int64_t count = by_label ? split->n_validation : split->n_train;
    dcn_metrics metrics = {0};
    dcn_transfer_set set = {0};
    bool *moved = NULL;
    float *logits = NULL; /* [count, n_classes] */
    decant_status status = dcn_transfer_set_make(materials, index, &set);
    if (status != DECANT_OK) goto out;
    TRY(dcn_correction_classes(materials, run, &set, &moved));
    TRY(dcn_new_array((size_t)count, (size_t)model->n_classes * sizeof *logits, (void **)&logits));
    TRY(dcn_evaluate(device, model, materials->dataset, &materials->dataset->train, indices, count, &metrics, NULL,
                     logits));
    const dcn_bias_problem problem = {.logits = logits, .count = count, .classes = model->n_classes, .moved = moved};
    TRY(find_offsets(materials, run, &problem, indices, offsets));
out:
    dcn_free(logits);
    dcn_free(moved);
    dcn_transfer_set_finish(&set);
    dcn_metrics_finish(&metrics);
    return status;
}

decant_status dcn_correct_bias(dcn_device *device, const dcn_materials *materials, int32_t run, decant_model *model,
                               float *ret_offsets)
{
    dcn_value_id bias = DCN_NONE;
    float *offsets = NULL; /* [n_classes] */
    decant_status status = dcn_graph_output_bias(model->graph, &bias);
    if (status != DECANT_OK) goto out;
    TRY(dcn_new_array((size_t)model->n_classes, sizeof *offsets, (void **)&offsets));
    TRY(offsets_for(device, materials, run, model, offsets));
    for (int32_t c = 0; c < model->n_classes; c++)
        model->data[bias][c] += offsets[c];
    memcpy(ret_offsets, offsets, (size_t)model->n_classes * sizeof *offsets);
out:
    dcn_free(offsets);
    if (status != DECANT_OK) dcn_while("correcting the biases of the output");
    return status;
}
