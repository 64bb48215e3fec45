/* Turns a run's `transfer` and `samples` into the list of samples that it trains on. */
#include "run/transfer.h"

#include <string.h>

#include "base/text.h"
#include "recipe/schema.h"

/* --- classes --- */

/* By name; where no class has that name, by number. */
static decant_status find_class(const decant_dataset *dataset, const dcn_doc *doc, int32_t *ret_class)
{
    const char *word = NULL;
    int64_t number = 0;
    TRY_RETURN(dcn_doc_text(doc, "a class", &word));
    for (int32_t c = 0; dataset->class_names != NULL && c < dataset->n_classes; c++) {
        if (strcmp(dataset->class_names[c], word) != 0) continue;
        *ret_class = c;
        return DECANT_OK;
    }
    if (!doc->quoted && dcn_parse_int64(word, &number)) {
        if (number < 0 || number >= dataset->n_classes)
            return dcn_doc_fail(doc, DECANT_USAGE, "%s has no class %s; its classes are 0 to %d", dataset->name, word,
                                dataset->n_classes - 1);
        *ret_class = (int32_t)number;
        return DECANT_OK;
    }
    if (dataset->class_names == NULL)
        return dcn_doc_fail(doc, DECANT_USAGE,
                            "the classes of %s have no names, only the numbers 0 to %d; '%s' is none", dataset->name,
                            dataset->n_classes - 1, word);
    return dcn_schema_unknown(doc, "class", word, (const char *const *)dataset->class_names,
                              (size_t)dataset->n_classes);
}

static decant_status mark_class(const decant_dataset *dataset, const dcn_doc *doc, bool *marks)
{
    int32_t class = 0;
    TRY_RETURN(find_class(dataset, doc, &class));
    if (marks[class]) return dcn_doc_fail(doc, DECANT_USAGE, "the class %s is listed twice", doc->text);
    marks[class] = true;
    return DECANT_OK;
}

decant_status dcn_classes_mark(const decant_dataset *dataset, const dcn_doc *list, bool *marks)
{
    if (list->type != DCN_DOC_LIST) return mark_class(dataset, list, marks);
    for (int32_t i = 0; i < list->count; i++)
        TRY_RETURN(mark_class(dataset, list->items[i], marks));
    return DECANT_OK;
}

static decant_status choose_classes(const decant_dataset *dataset, const dcn_transfer_spec *transfer,
                                    dcn_transfer_set *set)
{
    const dcn_doc *list = transfer->keep != NULL ? transfer->keep : transfer->leave_out;
    int32_t n_kept = 0;
    TRY_RETURN(dcn_new_array((size_t)dataset->n_classes, sizeof *set->kept, (void **)&set->kept));
    if (list != NULL) TRY_RETURN(dcn_classes_mark(dataset, list, set->kept));
    for (int32_t c = 0; c < dataset->n_classes; c++) {
        set->kept[c] = transfer->keep != NULL ? set->kept[c] : !set->kept[c];
        n_kept += set->kept[c];
    }
    if (n_kept == 0)
        return dcn_doc_fail(list, DECANT_USAGE, "all %d classes are left out: nothing is left to train on",
                            dataset->n_classes);
    set->whole = n_kept == dataset->n_classes;
    return DECANT_OK;
}

/* --- samples --- */

static decant_status take_some(const dcn_materials *materials, const dcn_run_spec *run, dcn_transfer_set *set)
{
    int32_t *taken = NULL;
    if (run->samples == 0) return DECANT_OK;
    if (run->samples > set->count)
        return dcn_doc_fail(dcn_doc_get(run->doc, "samples"), DECANT_USAGE,
                            "run '%s' asks for %lld samples, but %s has %lld", run->name, (long long)run->samples,
                            set->whole ? "the training split" : "what transfer leaves of the training split",
                            (long long)set->count);
    TRY_RETURN(dcn_split_take(materials->dataset, set->indices, set->count, run->samples,
                              materials->experiment->data.seed, &taken));
    memcpy(set->indices, taken, (size_t)run->samples * sizeof *taken);
    set->count = run->samples;
    dcn_free(taken);
    return DECANT_OK;
}

static decant_status add_pool(const dcn_materials *materials, const dcn_run_spec *run, dcn_transfer_set *set)
{
    const dcn_split *split = &materials->split;
    if (run->transfer.pool == DCN_POOL_NONE) return DECANT_OK;
    if (split->n_unlabelled == 0)
        return dcn_doc_fail(dcn_doc_get(run->transfer.doc, "unlabelled"), DECANT_USAGE,
                            "run '%s' wants the unlabelled pool, and %s has none; set one aside with %s", run->name,
                            materials->dataset->name,
                            materials->dataset->encoder != NULL ? "data.source.unlabelled" : "data.unlabelled");
    if (run->transfer.pool == DCN_POOL_ONLY && run->samples > 0)
        return dcn_doc_fail(run->transfer.doc, DECANT_USAGE,
                            "run '%s' trains on the unlabelled pool alone, and samples: %lld counts labelled ones; set "
                            "samples: 0",
                            run->name, (long long)run->samples);
    if (run->transfer.pool == DCN_POOL_ONLY) set->count = 0;
    memcpy(set->indices + set->count, split->unlabelled, (size_t)split->n_unlabelled * sizeof *split->unlabelled);
    set->count += split->n_unlabelled;
    set->n_pool = split->n_unlabelled;
    return DECANT_OK;
}

decant_status dcn_transfer_set_make(const dcn_materials *materials, int32_t index, dcn_transfer_set *ret_set)
{
    const dcn_run_spec *run = &materials->experiment->runs[index];
    const dcn_split *split = &materials->split;
    const int32_t *labels = materials->dataset->train.labels;
    dcn_transfer_set set = {0};
    decant_status status = choose_classes(materials->dataset, &run->transfer, &set);
    if (status != DECANT_OK) goto out;
    TRY(dcn_new_array((size_t)(split->n_train + split->n_unlabelled), sizeof *set.indices, (void **)&set.indices));
    for (int64_t i = 0; i < split->n_train; i++)
        if (set.kept[labels[split->train[i]]]) set.indices[set.count++] = split->train[i];
    if (set.count == 0) {
        status = dcn_doc_fail(run->transfer.doc, DECANT_USAGE,
                              "run '%s' keeps no class that the training split has samples of", run->name);
        goto out;
    }
    TRY(take_some(materials, run, &set));
    TRY(add_pool(materials, run, &set));
    *ret_set = set;
    set = (dcn_transfer_set){0};
out:
    dcn_transfer_set_finish(&set);
    return status;
}

void dcn_transfer_set_finish(dcn_transfer_set *set)
{
    dcn_free(set->indices);
    dcn_free(set->kept);
    *set = (dcn_transfer_set){0};
}
