/* The public face of this room: include/decant/dataset.h over the functions inside. */
#include <math.h>

#include "data/arrays.h"
#include "data/cifar.h"
#include "data/idx.h"
#include "data/overlap.h"
#include "data/source.h"
#include "data/split.h"

decant_status decant_dataset_open(const char *source, decant_dataset **ret_dataset)
{
    DCN_REQUIRE(source, ret_dataset);
    return dcn_source_open(source, ret_dataset);
}

decant_status decant_dataset_open_idx(const char *path, decant_dataset **ret_dataset)
{
    DCN_REQUIRE(path, ret_dataset);
    return dcn_idx_open(path, ret_dataset);
}

decant_status decant_dataset_open_cifar(const char *path, decant_dataset **ret_dataset)
{
    DCN_REQUIRE(path, ret_dataset);
    return dcn_cifar_open(path, ret_dataset);
}

decant_status decant_dataset_from_arrays(const char *name, const decant_shape *sample, decant_dtype dtype,
                                         int32_t classes, const void *train, const int32_t *train_labels,
                                         int64_t n_train, const void *test, const int32_t *test_labels, int64_t n_test,
                                         decant_dataset **ret_dataset)
{
    DCN_REQUIRE(name, sample, ret_dataset);
    return dcn_arrays_open(name, sample, dtype, classes, train, train_labels, n_train, test, test_labels, n_test,
                           ret_dataset);
}

void decant_dataset_destroy(decant_dataset *dataset)
{
    dcn_dataset_destroy(dataset);
}

/* --- what is in it --- */

static const dcn_samples *part_of(const decant_dataset *dataset, decant_part part)
{
    return part == DECANT_PART_TRAIN ? &dataset->train : &dataset->test;
}

const char *decant_dataset_name(const decant_dataset *dataset)
{
    return dataset->name;
}

int64_t decant_dataset_count(const decant_dataset *dataset, decant_part part)
{
    return part_of(dataset, part)->count;
}

decant_shape decant_dataset_sample_shape(const decant_dataset *dataset)
{
    return dataset->sample;
}

decant_dtype decant_dataset_dtype(const decant_dataset *dataset)
{
    return dataset->train.dtype;
}

int32_t decant_dataset_class_count(const decant_dataset *dataset)
{
    return dataset->n_classes;
}

const char *decant_dataset_class_name(const decant_dataset *dataset, int32_t index)
{
    bool known = dataset->class_names != NULL && index >= 0 && index < dataset->n_classes;
    return known ? dataset->class_names[index] : NULL;
}

void decant_dataset_hash(const decant_dataset *dataset, char ret_hex[DCN_HASH_HEX])
{
    dcn_hash_hex(dataset->hash, ret_hex);
}

decant_status decant_dataset_sample(const decant_dataset *dataset, decant_part part, int64_t index,
                                    decant_tensor *ret_sample, int32_t *ret_label)
{
    DCN_REQUIRE(dataset);
    const dcn_samples *samples = part_of(dataset, part);
    if (index < 0 || index >= samples->count) {
        return DCN_FAIL(INVALID_ARG, "there is no sample %lld among %lld", (long long)index, (long long)samples->count);
    }
    uint8_t *data = samples->data + (size_t)index * dcn_sample_bytes(dataset, samples);
    if (ret_sample != NULL) *ret_sample = decant_tensor_view(samples->dtype, &dataset->sample, data);
    if (ret_label != NULL) *ret_label = samples->labels != NULL ? samples->labels[index] : -1;
    return DECANT_OK;
}

/* --- whether it can be trusted --- */

static decant_status count_classes(const decant_dataset *dataset, const dcn_samples *part, const int32_t *indices,
                                   int64_t count, int64_t **ret_per_class)
{
    TRY_RETURN(dcn_new_array((size_t)dataset->n_classes, sizeof **ret_per_class, (void **)ret_per_class));
    for (int64_t i = 0; part->labels != NULL && i < count; i++) {
        (*ret_per_class)[part->labels[indices != NULL ? indices[i] : i]]++;
    }
    return DECANT_OK;
}

/* Of the test samples, by the commonest class of training. */
static double majority(const decant_dataset_report *report)
{
    int32_t commonest = 0;
    for (int32_t c = 1; c < report->classes; c++)
        if (report->train_per_class[c] > report->train_per_class[commonest]) commonest = c;
    return report->test > 0 ? (double)report->test_per_class[commonest] / (double)report->test : (double)NAN;
}

decant_status decant_dataset_check(const decant_dataset *dataset, int64_t validation, uint64_t seed,
                                   decant_dataset_report *ret_report)
{
    DCN_REQUIRE(dataset, ret_report);
    dcn_split split = {0};
    dcn_overlap overlap = {0};
    decant_dataset_report report = {.classes = dataset->n_classes, .test = dataset->test.count};
    decant_status status = dcn_split_make(dataset, validation, seed, &split);
    if (status != DECANT_OK) goto out;
    TRY(dcn_overlap_count(dataset, &split, &overlap));
    TRY(count_classes(dataset, &dataset->train, split.train, split.n_train, &report.train_per_class));
    TRY(count_classes(dataset, &dataset->train, split.validation, split.n_validation, &report.validation_per_class));
    TRY(count_classes(dataset, &dataset->test, NULL, dataset->test.count, &report.test_per_class));
    report.train = split.n_train;
    report.validation = split.n_validation;
    report.unlabelled = split.n_unlabelled;
    report.unlabelled_in_validation = overlap.pool_validation;
    report.unlabelled_in_test = overlap.pool_test;
    report.majority = majority(&report);
    report.duplicates_within_train = overlap.within_train;
    report.train_in_validation = overlap.train_validation;
    report.train_in_test = overlap.train_test;
    report.validation_in_test = overlap.validation_test;
    *ret_report = report;
    report = (decant_dataset_report){0};
out:
    decant_dataset_report_finish(&report);
    dcn_split_finish(&split);
    return status;
}

void decant_dataset_report_finish(decant_dataset_report *report)
{
    if (report == NULL) return;
    dcn_free(report->train_per_class);
    dcn_free(report->validation_per_class);
    dcn_free(report->test_per_class);
    *report = (decant_dataset_report){0};
}

/* --- known data sets --- */

decant_status decant_source_list(decant_source **ret_sources, int32_t *ret_count)
{
    DCN_REQUIRE(ret_sources, ret_count);
    return dcn_source_list(ret_sources, ret_count);
}

decant_status decant_source_get(const char *name, const decant_get_options *options, char **ret_path)
{
    DCN_REQUIRE(name);
    const decant_get_options silent = {0};
    char *path = NULL;
    TRY_RETURN(dcn_source_get(name, options != NULL ? options : &silent, &path));
    if (ret_path != NULL)
        *ret_path = path;
    else
        dcn_free(path);
    return DECANT_OK;
}

void decant_source_list_free(decant_source *sources, int32_t count)
{
    if (sources == NULL) return;
    for (int32_t i = 0; i < count; i++) {
        dcn_free(sources[i].path);
        dcn_free(sources[i].looked_in);
    }
    dcn_free(sources);
}
