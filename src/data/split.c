/* Dividing samples: validation splits, unlabelled pools, the parts of one file, a part of the training samples. All are
 * stratified, so that every class keeps its share, and pure functions of the labels and a seed. */
#include "data/split.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"

/* Sample indices grouped by class. */
typedef struct by_class {
    int32_t n_classes;
    int64_t *first;   /* [n_classes + 1] where each class begins in indices */
    int32_t *indices; /* [count] ascending within a class */
    int64_t *taken;   /* [n_classes] how many go to validation */
} by_class;

static void finish_by_class(by_class *groups)
{
    dcn_free(groups->first);
    dcn_free(groups->indices);
    dcn_free(groups->taken);
}

static int32_t class_of(const int32_t *labels, int64_t index)
{
    return labels != NULL ? labels[index] : 0; /* unlabelled: one class, a plain random split */
}

/* candidates NULL: all that have a label */
static decant_status group(const int32_t *labels, int32_t n, const int32_t *candidates, int64_t count, by_class *groups)
{
    groups->n_classes = n;
    TRY_RETURN(dcn_new_array((size_t)n + 1, sizeof *groups->first, (void **)&groups->first));
    TRY_RETURN(dcn_new_array((size_t)count, sizeof *groups->indices, (void **)&groups->indices));
    TRY_RETURN(dcn_new_array((size_t)n, sizeof *groups->taken, (void **)&groups->taken));
    for (int64_t i = 0; i < count; i++) {
        groups->first[class_of(labels, candidates != NULL ? candidates[i] : i) + 1]++;
    }
    for (int32_t c = 0; c < n; c++) {
        groups->first[c + 1] += groups->first[c];
    }
    for (int64_t i = 0; i < count; i++) { /* taken serves as the fill counter here */
        int64_t index = candidates != NULL ? candidates[i] : i;
        int32_t c = class_of(labels, index);
        groups->indices[groups->first[c] + groups->taken[c]++] = (int32_t)index;
    }
    return DECANT_OK;
}

/* validation * class / total for each class, rounded down; the rest goes to the largest remainders, lower class first
 * on ties. */
static void share_out(by_class *groups, int64_t validation, int64_t total)
{
    int64_t left = validation;
    for (int32_t c = 0; c < groups->n_classes; c++) {
        groups->taken[c] = validation * (groups->first[c + 1] - groups->first[c]) / total;
        left -= groups->taken[c];
    }
    for (; left > 0; left--) { /* fewer rounds than classes; the remainders sum to left * total, so one is above 0 */
        int32_t best = 0;
        int64_t best_remainder = 0;
        for (int32_t c = 0; c < groups->n_classes; c++) {
            int64_t exact = validation * (groups->first[c + 1] - groups->first[c]);
            int64_t remainder = exact - groups->taken[c] * total; /* negative once a class got its extra one */
            if (remainder <= best_remainder) continue;
            best = c;
            best_remainder = remainder;
        }
        groups->taken[best]++;
    }
}

/* Moves each class's chosen samples to the front of its group, drawn without replacement. Different draws from one seed
 * have different numbers. */
static void draw(by_class *groups, uint64_t seed, dcn_draw number)
{
    for (int32_t c = 0; c < groups->n_classes; c++) {
        dcn_random random = dcn_random_start(seed, DCN_PURPOSE_SPLIT, (uint64_t)c, (uint32_t)number);
        int32_t *members = groups->indices + groups->first[c];
        int64_t count = groups->first[c + 1] - groups->first[c];
        for (int64_t i = 0; i < groups->taken[c]; i++) {
            int64_t j = i + dcn_random_below(&random, (uint32_t)(count - i));
            int32_t swapped = members[i];
            members[i] = members[j];
            members[j] = swapped;
        }
    }
}

/* Both lists in the order of the candidates, each below n_rows. */
static decant_status list(const by_class *groups, int64_t n_rows, const int32_t *candidates, int64_t count,
                          int64_t validation, dcn_split *split)
{
    bool *held_out = NULL;
    decant_status status = dcn_new_array((size_t)n_rows, sizeof *held_out, (void **)&held_out);
    if (status != DECANT_OK) goto out;
    TRY(dcn_new_array((size_t)(count - validation), sizeof *split->train, (void **)&split->train));
    TRY(dcn_new_array((size_t)validation, sizeof *split->validation, (void **)&split->validation));
    for (int32_t c = 0; c < groups->n_classes; c++) {
        for (int64_t i = 0; i < groups->taken[c]; i++) {
            held_out[groups->indices[groups->first[c] + i]] = true;
        }
    }
    for (int64_t i = 0; i < count; i++) {
        int32_t index = candidates != NULL ? candidates[i] : (int32_t)i;
        if (held_out[index]) {
            split->validation[split->n_validation++] = index;
        } else {
            split->train[split->n_train++] = index;
        }
    }
out:
    dcn_free(held_out);
    return status;
}

decant_status dcn_split_rows(const int32_t *labels, int64_t n_rows, int32_t n_classes, const int32_t *candidates,
                             int64_t count, int64_t held_out, uint64_t seed, dcn_draw number, dcn_split *ret_split)
{
    by_class groups = {0};
    dcn_split split = {0};
    decant_status status = group(labels, n_classes, candidates, count, &groups);
    if (status != DECANT_OK) goto out;
    if (held_out > 0) {
        share_out(&groups, held_out, count);
        draw(&groups, seed, number);
    } else {
        memset(groups.taken, 0, (size_t)groups.n_classes * sizeof *groups.taken);
    }
    TRY(list(&groups, n_rows, candidates, count, held_out, &split));
    *ret_split = split;
    split = (dcn_split){0};
out:
    dcn_split_finish(&split);
    finish_by_class(&groups);
    return status;
}

/* Training samples with a label, and those without. */
static decant_status list_by_label(const decant_dataset *dataset, int32_t **ret_labelled, int32_t **ret_unlabelled)
{
    const dcn_samples *train = &dataset->train;
    int32_t *labelled = NULL, *unlabelled = NULL;
    int64_t n_labelled = 0, n_unlabelled = 0;
    decant_status status =
        dcn_new_array((size_t)(train->count - dataset->n_unlabelled), sizeof *labelled, (void **)&labelled);
    if (status != DECANT_OK) goto out;
    TRY(dcn_new_array((size_t)dataset->n_unlabelled, sizeof *unlabelled, (void **)&unlabelled));
    for (int32_t i = 0; i < train->count; i++) {
        if (train->labels != NULL && train->labels[i] == DCN_NO_LABEL) {
            unlabelled[n_unlabelled++] = i;
        } else {
            labelled[n_labelled++] = i;
        }
    }
    *ret_labelled = labelled;
    *ret_unlabelled = unlabelled;
    labelled = unlabelled = NULL;
out:
    dcn_free(labelled);
    dcn_free(unlabelled);
    return status;
}

decant_status dcn_split_make(const decant_dataset *dataset, int64_t validation, uint64_t seed, dcn_split *ret_split)
{
    int64_t total = dataset->train.count - dataset->n_unlabelled;
    int32_t *labelled = NULL, *unlabelled = NULL;
    dcn_split split = {0};
    if (validation < 0 || (validation > 0 && validation >= total)) {
        return DCN_FAIL(INVALID_ARG, "%" PRId64 " validation samples cannot be taken from %" PRId64 " training samples",
                        validation, total);
    }
    decant_status status = list_by_label(dataset, &labelled, &unlabelled);
    if (status != DECANT_OK) goto out;
    TRY(dcn_split_rows(dataset->train.labels, dataset->train.count, dataset->n_classes, labelled, total, validation,
                       seed, DCN_DRAW_VALIDATION, &split));
    split.unlabelled = unlabelled;
    split.n_unlabelled = dataset->n_unlabelled;
    unlabelled = NULL;
    *ret_split = split;
out:
    dcn_free(labelled);
    dcn_free(unlabelled);
    return status;
}

decant_status dcn_dataset_unlabel(decant_dataset *dataset, int64_t count, uint64_t seed)
{
    dcn_split split = {0};
    const int64_t total = dataset->train.count;
    if (dataset->train.labels == NULL)
        return DCN_FAIL(INVALID_ARG, "%s has no labels that could be taken away", dataset->name);
    if (dataset->n_unlabelled > 0) return DCN_FAIL(INVALID_ARG, "%s has an unlabelled pool already", dataset->name);
    if (count < 0 || count >= total) {
        return DCN_FAIL(INVALID_ARG, "%" PRId64 " unlabelled samples leave nothing of %" PRId64 " training samples",
                        count, total);
    }
    TRY_RETURN(dcn_split_rows(dataset->train.labels, total, dataset->n_classes, NULL, total, count, seed,
                              DCN_DRAW_UNLABELLED, &split));
    for (int64_t i = 0; i < split.n_validation; i++) {
        dataset->train.labels[split.validation[i]] = DCN_NO_LABEL;
    }
    dataset->n_unlabelled = count;
    dcn_split_finish(&split);
    return DECANT_OK;
}

int64_t dcn_share_of(double share, int64_t count)
{
    return (int64_t)ceil(share * (double)count - 1e-9);
}

decant_status dcn_parts_make(const int32_t *labels, int64_t n_rows, int32_t n_classes, double unlabelled, double test,
                             uint64_t seed, dcn_parts *ret_parts)
{
    dcn_split first = {0}, second = {0};
    int64_t n_unlabelled = dcn_share_of(unlabelled, n_rows), n_test = dcn_share_of(test, n_rows - n_unlabelled);
    if (n_unlabelled + n_test >= n_rows)
        return DCN_FAIL(FORMAT, "%" PRId64 " samples are too few: %" PRId64 " unlabelled and %" PRId64 " for the test",
                        n_rows, n_unlabelled, n_test);
    decant_status status =
        dcn_split_rows(labels, n_rows, n_classes, NULL, n_rows, n_unlabelled, seed, DCN_DRAW_UNLABELLED, &first);
    if (status != DECANT_OK) goto out;
    TRY(dcn_split_rows(labels, n_rows, n_classes, first.train, first.n_train, n_test, seed, DCN_DRAW_TEST, &second));
    *ret_parts = (dcn_parts){.train = second.train,
                             .test = second.validation,
                             .unlabelled = first.validation,
                             .n_train = second.n_train,
                             .n_test = second.n_validation,
                             .n_unlabelled = first.n_validation};
    first.validation = NULL;
    second = (dcn_split){0};
out:
    dcn_split_finish(&first);
    dcn_split_finish(&second);
    return status;
}

void dcn_parts_finish(dcn_parts *parts)
{
    dcn_free(parts->train);
    dcn_free(parts->test);
    dcn_free(parts->unlabelled);
    *parts = (dcn_parts){0};
}

static int ascending(const void *a, const void *b)
{
    const int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return (x > y) - (x < y);
}

decant_status dcn_split_take(const decant_dataset *dataset, const int32_t *indices, int64_t count, int64_t samples,
                             uint64_t seed, int32_t **ret_taken)
{
    by_class groups = {0};
    int32_t *taken = NULL;
    int64_t n = 0;
    if (samples < 1 || samples > count) {
        return DCN_FAIL(INVALID_ARG, "%" PRId64 " samples cannot be taken from %" PRId64, samples, count);
    }
    decant_status status = group(dataset->train.labels, dataset->n_classes, indices, count, &groups);
    if (status != DECANT_OK) goto out;
    share_out(&groups, samples, count);
    draw(&groups, seed, DCN_DRAW_PART);
    TRY(dcn_new_array((size_t)samples, sizeof *taken, (void **)&taken));
    for (int32_t c = 0; c < groups.n_classes; c++) {
        for (int64_t i = 0; i < groups.taken[c]; i++) {
            taken[n++] = groups.indices[groups.first[c] + i];
        }
    }
    qsort(taken, (size_t)n, sizeof *taken, ascending);
    *ret_taken = taken;
    taken = NULL;
out:
    dcn_free(taken);
    finish_by_class(&groups);
    return status;
}

void dcn_split_finish(dcn_split *split)
{
    if (split == NULL) return;
    dcn_free(split->train);
    dcn_free(split->validation);
    dcn_free(split->unlabelled);
    *split = (dcn_split){0};
}
