/* Data sets of the caller's own arrays, copied and checked. */
#include "data/arrays.h"

#include <math.h>
#include <string.h>

static decant_status check_finite(const decant_dataset *dataset, const dcn_samples *part, const char *part_name)
{
    int64_t features = decant_shape_count(&dataset->sample);
    const float *values = (const float *)(const void *)part->data; /* [count, features] */
    for (int64_t i = 0; part->dtype == DECANT_F32 && i < part->count * features; i++) {
        if (isfinite(values[i])) continue;
        return DCN_FAIL(NUMERIC, "%s sample %lld, feature %lld is %s", part_name, (long long)(i / features),
                        (long long)(i % features), isnan(values[i]) ? "not a number" : "infinite");
    }
    return DECANT_OK;
}

static decant_status copy_part(decant_dataset *dataset, dcn_samples *part, decant_dtype dtype, const char *part_name,
                               const void *values, const int32_t *labels, int64_t count)
{
    if (count < 0 || (count > 0 && values == NULL)) {
        return DCN_FAIL(INVALID_ARG, "%lld %s samples and no array of them", (long long)count, part_name);
    }
    TRY_RETURN(dcn_samples_create(dataset, part, count, dtype, labels != NULL));
    if (count == 0) return DECANT_OK;
    memcpy(part->data, values, (size_t)count * dcn_sample_bytes(dataset, part));
    if (labels != NULL) memcpy(part->labels, labels, (size_t)count * sizeof *labels);
    return check_finite(dataset, part, part_name);
}

decant_status dcn_arrays_open(const char *name, const decant_shape *sample, decant_dtype dtype, int32_t n_classes,
                              const void *train, const int32_t *train_labels, int64_t n_train, const void *test,
                              const int32_t *test_labels, int64_t n_test, decant_dataset **ret_dataset)
{
    decant_dataset *dataset = NULL;
    decant_status status = dcn_dataset_create(name, sample, n_classes, &dataset);
    if (status != DECANT_OK) goto out;
    TRY(copy_part(dataset, &dataset->train, dtype, "training", train, train_labels, n_train));
    TRY(copy_part(dataset, &dataset->test, dtype, "test", test, test_labels, n_test));
    TRY(dcn_dataset_seal(dataset, NULL));
    *ret_dataset = dataset;
    dataset = NULL;
out:
    if (status != DECANT_OK) dcn_while("making the data set '%s' of arrays", name);
    dcn_dataset_destroy(dataset);
    return status;
}
