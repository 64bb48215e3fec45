/* What all readers share: making a data set, its parts and class names, and sealing it with hashes once it is filled.
 */
#include "data/dataset.h"

#include <sys/mman.h>

#include "data/threads.h"

#define SAMPLES_A_TASK  4096
#define HUGE_PAGE_BYTES ((uintptr_t)2 << 20)

static void finish_samples(dcn_samples *part)
{
    if (part->owned) dcn_free_aligned(part->data);
    dcn_free(part->labels);
    dcn_free(part->hashes);
}

void dcn_dataset_destroy(decant_dataset *dataset)
{
    if (dataset == NULL) return;
    finish_samples(&dataset->train);
    finish_samples(&dataset->test);
    dcn_contents_close(&dataset->backing[0]);
    dcn_contents_close(&dataset->backing[1]);
    for (int32_t i = 0; dataset->class_names != NULL && i < dataset->n_classes; i++) {
        dcn_free(dataset->class_names[i]);
    }
    dcn_free(dataset->class_names);
    dcn_encoder_destroy(dataset->encoder);
    dcn_free(dataset->reading);
    dcn_free(dataset->name);
    dcn_free(dataset);
}

static decant_status check_sample_shape(const decant_shape *sample)
{
    int64_t count = 1;
    bool fits = sample->rank == 1 || sample->rank == 3;
    for (int32_t i = 0; fits && i < sample->rank; i++) {
        fits = sample->dim[i] >= 1 && dcn_mul_int64(count, sample->dim[i], &count) && count <= INT32_MAX;
    }
    if (fits) return DECANT_OK;
    return DCN_FAIL(INVALID_ARG, "a sample is [channels, height, width] or [features], each at least 1");
}

decant_status dcn_dataset_create(const char *name, const decant_shape *sample, int32_t n_classes,
                                 decant_dataset **ret_dataset)
{
    decant_dataset *dataset = NULL;
    TRY_RETURN(check_sample_shape(sample));
    if (n_classes < 1) return DCN_FAIL(INVALID_ARG, "a data set has at least one class, not %d", n_classes);
    decant_status status = dcn_new(sizeof *dataset, (void **)&dataset);
    if (status != DECANT_OK) goto out;
    dataset->sample = decant_shape_make(sample->rank, sample->dim); /* zeros behind the rank: the hash reads them */
    dataset->n_classes = n_classes;
    TRY(dcn_copy_string(name, &dataset->name));
    *ret_dataset = dataset;
    dataset = NULL;
out:
    dcn_dataset_destroy(dataset);
    return status;
}

decant_status dcn_dataset_reading(const decant_dataset *dataset, bool *ret_is_table, char **ret_text)
{
    *ret_is_table = dataset->encoder != NULL;
    if (dataset->encoder != NULL) return dcn_encoder_to_json(dataset->encoder, ret_text);
    if (dataset->reading != NULL) return dcn_copy_string(dataset->reading, ret_text);
    *ret_text = NULL;
    return DECANT_OK;
}

size_t dcn_sample_bytes(const decant_dataset *dataset, const dcn_samples *part)
{
    return (size_t)decant_shape_count(&dataset->sample) * decant_dtype_size(part->dtype);
}

/* Touching fresh memory 4 KiB at a time takes longer than filling it; a request only, which the system may refuse. */
static void ask_for_huge_pages(void *memory, size_t bytes)
{
    uintptr_t first = ((uintptr_t)memory + HUGE_PAGE_BYTES - 1) / HUGE_PAGE_BYTES * HUGE_PAGE_BYTES;
    uintptr_t end = ((uintptr_t)memory + bytes) / HUGE_PAGE_BYTES * HUGE_PAGE_BYTES;
    if (end > first) (void)madvise((void *)first, end - first, MADV_HUGEPAGE);
}

decant_status dcn_samples_create(decant_dataset *dataset, dcn_samples *part, int64_t count, decant_dtype dtype,
                                 bool labelled)
{
    size_t bytes = 0;
    if (dtype != DECANT_U8 && dtype != DECANT_F32) return DCN_FAIL(INVALID_ARG, "samples are bytes or f32 values");
    part->dtype = dtype;
    if (count < 0 || count > INT32_MAX || !dcn_mul_size((size_t)count, dcn_sample_bytes(dataset, part), &bytes)) {
        return DCN_FAIL(INVALID_ARG, "%lld samples are not a possible number", (long long)count);
    }
    TRY_RETURN(dcn_new_aligned(bytes, (void **)&part->data));
    ask_for_huge_pages(part->data, bytes);
    part->owned = true;
    part->count = count;
    return labelled ? dcn_new_array((size_t)count, sizeof *part->labels, (void **)&part->labels) : DECANT_OK;
}

decant_status dcn_dataset_name_classes(decant_dataset *dataset, const char *const *names)
{
    TRY_RETURN(dcn_new_array((size_t)dataset->n_classes, sizeof *dataset->class_names, (void **)&dataset->class_names));
    for (int32_t i = 0; i < dataset->n_classes; i++) {
        TRY_RETURN(dcn_copy_string(names[i], &dataset->class_names[i]));
    }
    return DECANT_OK;
}

static decant_status check_labels(const decant_dataset *dataset, const dcn_samples *part, const char *part_name)
{
    const bool has_pool = part == &dataset->train && dataset->n_unlabelled > 0;
    for (int64_t i = 0; part->labels != NULL && i < part->count; i++) {
        if (part->labels[i] >= 0 && part->labels[i] < dataset->n_classes) continue;
        if (part->labels[i] == DCN_NO_LABEL && has_pool) continue;
        return DCN_FAIL(FORMAT, "%s sample %lld has label %d; there are %d classes, 0 to %d", part_name, (long long)i,
                        part->labels[i], dataset->n_classes, dataset->n_classes - 1);
    }
    return DECANT_OK;
}

decant_status dcn_range_check(const char *name, int64_t first, int64_t available, int64_t *count)
{
    if (available == 0) return DCN_FAIL(USAGE, "%s has no samples", name);
    if (*count == 0 && first < available) *count = available - first;
    if (first < available && *count <= available - first) return DECANT_OK;
    return DCN_FAIL(USAGE, "%s has samples 0 to %lld only", name, (long long)available - 1);
}

/* --- hashing --- */

/* Both parts cut into tasks; train's tasks come first. */
typedef struct hashing {
    const decant_dataset *dataset;
    int32_t n_train_tasks;
} hashing;

static int32_t task_count(const dcn_samples *part)
{
    return (int32_t)((part->count + SAMPLES_A_TASK - 1) / SAMPLES_A_TASK);
}

static decant_status hash_some(void *context, int32_t index)
{
    const hashing *all = context;
    bool is_train = index < all->n_train_tasks;
    const dcn_samples *part = is_train ? &all->dataset->train : &all->dataset->test;
    int64_t first = (int64_t)(is_train ? index : index - all->n_train_tasks) * SAMPLES_A_TASK;
    int64_t end = part->count - first > SAMPLES_A_TASK ? first + SAMPLES_A_TASK : part->count;
    size_t bytes = dcn_sample_bytes(all->dataset, part);
    for (int64_t i = first; i < end; i++) {
        part->hashes[i] = dcn_hash_bytes(part->data + (size_t)i * bytes, bytes);
    }
    return DECANT_OK;
}

static dcn_hash hash_part(const dcn_samples *part)
{
    dcn_hash hash = dcn_hash_bytes(part->hashes, (size_t)part->count * sizeof *part->hashes);
    if (part->labels == NULL) return hash;
    return dcn_hash_mix(hash, dcn_hash_bytes(part->labels, (size_t)part->count * sizeof *part->labels));
}

decant_status dcn_dataset_seal(decant_dataset *dataset, const char *place)
{
    dcn_samples *train = &dataset->train, *test = &dataset->test;
    decant_status status = check_labels(dataset, train, "training");
    if (status == DECANT_OK) status = check_labels(dataset, test, "test");
    if (status != DECANT_OK) {
        if (place != NULL) dcn_place("%s", place);
        return status;
    }
    TRY_RETURN(dcn_new_array((size_t)train->count, sizeof *train->hashes, (void **)&train->hashes));
    TRY_RETURN(dcn_new_array((size_t)test->count, sizeof *test->hashes, (void **)&test->hashes));
    hashing all = {dataset, task_count(train)};
    TRY_RETURN(dcn_parallel(all.n_train_tasks + task_count(test), hash_some, &all));

    const int64_t form[] = {
        dataset->sample.rank, dataset->sample.dim[0], dataset->sample.dim[1], dataset->sample.dim[2],
        train->dtype,         dataset->n_classes,     train->count,           test->count};
    dcn_hash hash = dcn_hash_bytes(form, sizeof form);
    dataset->hash = dcn_hash_mix(dcn_hash_mix(hash, hash_part(train)), hash_part(test));
    return DECANT_OK;
}
