/* Arrays of NumPy as data sets: x_train and y_train, x_test and y_test, in a .npz archive or as .npy files in a folder.
 * Bytes stay bytes; every other number becomes f32. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/text.h"
#include "data/contents.h"
#include "data/files.h"
#include "data/idx.h"
#include "data/split.h"
#include "format/npy.h"
#include "tensor/shape.h"

#define MOST_CLASSES 65536

/* How samples lie in an array. */
typedef struct array_form {
    decant_shape sample; /* [C,H,W] or [features] */
    int64_t count;
    bool channels_last; /* they are [H,W,C] in the file */
} array_form;

static const char *array_name(const dcn_files_options *options, int which)
{
    return options->names[which] != NULL ? options->names[which] : dcn_array_names[which];
}

/* --- what the dimensions mean --- */

static array_form images_of(const dcn_npy *array, dcn_axes axes)
{
    const int64_t *dims = array->dims; /* [n, H, W, C] or [n, C, H, W] */
    if (axes == DCN_AXES_NHWC)
        return (array_form){{.rank = 3, .dim = {dims[3], dims[1], dims[2]}}, dims[0], dims[3] > 1};
    return (array_form){{.rank = 3, .dim = {dims[1], dims[2], dims[3]}}, dims[0], false};
}

static bool is_channels(int64_t count)
{
    return count == 1 || count == 3;
}

/* Where nothing is said: the one reading that has 1 or 3 channels. */
static decant_status guess_axes(const dcn_npy *array, dcn_axes *axes)
{
    bool first = is_channels(array->dims[1]), last = is_channels(array->dims[3]);
    char text[DECANT_MAX_RANK * 24];
    if (first == last)
        return DCN_FAIL(FORMAT, "%s may be [n, C, H, W] or [n, H, W, C]: say `layout: nchw` or `layout: nhwc`",
                        dcn_npy_shape_text(array, text));
    *axes = first ? DCN_AXES_NCHW : DCN_AXES_NHWC;
    return DECANT_OK;
}

/* Samples of [n, features], [n, H, W], [n, H, W, C] or [n, C, H, W]. */
static decant_status find_form(const dcn_npy *array, dcn_axes axes, array_form *ret_form)
{
    const int64_t *dims = array->dims;
    char text[DECANT_MAX_RANK * 24];
    if (array->rank == 2)
        *ret_form = (array_form){{.rank = 1, .dim = {dims[1]}}, dims[0], false};
    else if (array->rank == 3)
        *ret_form = (array_form){{.rank = 3, .dim = {1, dims[1], dims[2]}}, dims[0], false};
    else if (array->rank == 4) {
        if (axes == DCN_AXES_AUTO) TRY_RETURN(guess_axes(array, &axes));
        *ret_form = images_of(array, axes);
    } else
        return DCN_FAIL(FORMAT, "%s holds no samples: they are [n, features], [n, H, W], [n, H, W, C] or [n, C, H, W]",
                        dcn_npy_shape_text(array, text));
    return DECANT_OK;
}

/* The same for samples whose shape is known: it decides where the channels stand. */
static decant_status fit_form(const dcn_npy *array, dcn_axes axes, const decant_shape *sample, array_form *ret_form)
{
    char has[DECANT_MAX_RANK * 24], wants[DCN_SHAPE_TEXT];
    for (int try = 0; try < 2; try++) {
        dcn_axes tried = axes != DCN_AXES_AUTO ? axes : try == 0 ? DCN_AXES_NCHW : DCN_AXES_NHWC;
        array_form form = {0};
        if (array->rank < 2 || array->rank > 4) break;
        TRY_RETURN(find_form(array, tried, &form));
        if (!decant_shape_equal(&form.sample, sample)) continue;
        *ret_form = form;
        return DECANT_OK;
    }
    return DCN_FAIL(SHAPE, "an array of %s, but samples are %s", dcn_npy_shape_text(array, has),
                    dcn_shape_text(sample, wants));
}

/* --- samples --- */

/* Sample `index` of the array as [C,H,W] or [features]. */
static void copy_sample(const dcn_npy *array, const array_form *form, int64_t index, decant_dtype dtype, uint8_t *to,
                        float *row)
{
    const int64_t size = decant_shape_count(&form->sample), channels = form->sample.dim[0], plane = size / channels;
    const uint8_t *bytes = array->payload + index * size;
    float *values = (float *)(void *)to;
    if (dtype == DECANT_F32) dcn_npy_floats(array, index * size, size, form->channels_last ? row : values);
    if (dtype == DECANT_U8 && !form->channels_last) memcpy(to, bytes, (size_t)size);
    if (!form->channels_last) return;
    for (int64_t c = 0; c < channels; c++)
        for (int64_t i = 0; i < plane; i++) {
            if (dtype == DECANT_F32)
                *values++ = row[i * channels + c];
            else
                *to++ = bytes[i * channels + c];
        }
}

static decant_status check_finite(const dcn_npy *array, const array_form *form, int64_t index, const float *values)
{
    const int64_t size = decant_shape_count(&form->sample);
    for (int64_t i = 0; i < size; i++)
        if (!isfinite(values[i]))
            return DCN_FAIL(NUMERIC, "value %" PRId64 " of sample %" PRId64 " is %s", i, index,
                            array->kind == DCN_NPY_FLOAT && isnan(values[i]) ? "not a number" : "infinite in f32");
    return DECANT_OK;
}

/* Samples indices[0 .. count-1] (NULL: the first ones) become offset ... of the part, which has room for them. */
static decant_status fill(const dcn_npy *array, const array_form *form, const int32_t *indices, int64_t count,
                          dcn_samples *part, int64_t offset)
{
    const size_t size = (size_t)decant_shape_count(&form->sample), bytes = size * decant_dtype_size(part->dtype);
    float *row = NULL; /* one sample as it lies in the file */
    decant_status status = dcn_new_array(size, sizeof *row, (void **)&row);
    for (int64_t i = 0; i < count && status == DECANT_OK; i++) {
        int64_t index = indices != NULL ? indices[i] : i;
        uint8_t *to = part->data + (size_t)(offset + i) * bytes;
        copy_sample(array, form, index, part->dtype, to, row);
        if (part->dtype == DECANT_F32) status = check_finite(array, form, index, (const float *)(const void *)to);
    }
    dcn_free(row);
    return status;
}

/* --- labels --- */

/* [n] or [n, 1] integers; a table of ones and zeros is another thing. */
static decant_status read_labels(const dcn_npy *array, int64_t n_samples, int32_t **ret_labels)
{
    char text[DECANT_MAX_RANK * 24];
    int32_t *labels = NULL;
    if (array->rank == 2 && array->dims[1] > 1)
        return DCN_FAIL(FORMAT, "labels are one integer a sample, not %s; NumPy: y.argmax(1)",
                        dcn_npy_shape_text(array, text));
    if (array->kind == DCN_NPY_FLOAT)
        return DCN_FAIL(FORMAT, "labels are integers, not floats; NumPy: y.astype('int64')");
    if (array->rank < 1 || array->rank > 2 || array->count != n_samples)
        return DCN_FAIL(FORMAT, "labels of %s for %" PRId64 " samples", dcn_npy_shape_text(array, text), n_samples);
    TRY_RETURN(dcn_new_array((size_t)n_samples, sizeof *labels, (void **)&labels));
    decant_status status = DECANT_OK;
    for (int64_t i = 0; i < n_samples && status == DECANT_OK; i++) {
        int64_t label = -1;
        if (!dcn_npy_integer(array, i, &label) || label < 0 || label >= INT32_MAX)
            status =
                DCN_FAIL(FORMAT, "the label of sample %" PRId64 " is negative or too large; classes count from 0", i);
        labels[i] = (int32_t)label;
    }
    if (status == DECANT_OK)
        *ret_labels = labels;
    else
        dcn_free(labels);
    return status;
}

/* As many as the largest label says; a class that no sample has shows that the labels are something else. */
static decant_status count_classes(const int32_t *labels, int64_t count, int32_t *ret_classes)
{
    int32_t largest = 0;
    for (int64_t i = 0; i < count; i++)
        if (labels[i] > largest) largest = labels[i];
    if (largest >= count || largest > MOST_CLASSES - 1)
        return DCN_FAIL(FORMAT, "a label is %d, but there are %" PRId64 " samples: classes count from 0, to %d at most",
                        largest, count, MOST_CLASSES - 1);
    *ret_classes = largest + 1;
    return DECANT_OK;
}

/* --- the data set --- */

/* The arrays of one file as they were found; those that are not there have a payload of NULL. */
typedef struct array_set {
    const dcn_files_options *options;
    dcn_npz *npz;
    dcn_npy arrays[DCN_N_ARRAYS];
    array_form forms[DCN_N_ARRAYS]; /* of the samples */
    int32_t *labels, *test_labels;
    decant_shape sample;
    decant_dtype dtype;
} array_set;

static bool has(const array_set *set, int which)
{
    return set->arrays[which].payload != NULL;
}

static decant_status read_array(const dcn_files_options *options, const dcn_files_model *model, int which,
                                array_set *set)
{
    const char *name = array_name(options, which);
    dcn_npy *array = &set->arrays[which];
    array_form *form = &set->forms[which];
    bool is_there = model == NULL && options->names[which] != NULL; /* what a recipe names must be */
    if (!is_there) TRY_RETURN(dcn_npz_has(set->npz, name, &is_there));
    if (!is_there) return DECANT_OK;
    decant_status status = dcn_npz_read(set->npz, name, array);
    if (status != DECANT_OK) goto out;
    if (which == DCN_Y_TRAIN || which == DCN_Y_TEST) return DECANT_OK;
    if (array->count < 1) {
        status = DCN_FAIL(FORMAT, "it is empty");
        goto out;
    }
    if (model != NULL)
        TRY(fit_form(array, options->axes, &model->sample, form));
    else if (set->sample.rank > 0)
        TRY(fit_form(array, options->axes, &set->sample, form));
    else
        TRY(find_form(array, options->axes, form));
    set->sample = form->sample;
    if (form->count > INT32_MAX) status = DCN_FAIL(FORMAT, "it holds more samples than can be counted");
    if (!dcn_npy_is_bytes(array)) set->dtype = DECANT_F32;
out:
    if (status != DECANT_OK) dcn_while("reading '%s' of %s", name, options->path);
    return status;
}

/* Bytes are divided by 255 and other numbers are not: together they would be samples on two scales. */
static decant_status check_types(const dcn_files_options *options, const array_set *set)
{
    static const int samples[] = {DCN_X_TRAIN, DCN_X_TEST, DCN_X_UNLABELLED};
    int bytes = -1, others = -1;
    for (size_t i = 0; i < DCN_COUNT(samples); i++) {
        if (!has(set, samples[i])) continue;
        *(dcn_npy_is_bytes(&set->arrays[samples[i]]) ? &bytes : &others) = samples[i];
    }
    if (bytes < 0 || others < 0) return DECANT_OK;
    return DCN_FAIL(FORMAT,
                    "%s: '%s' holds bytes (uint8), '%s' other numbers; store them alike, or they are on two scales",
                    options->path, array_name(options, bytes), array_name(options, others));
}

static decant_status read_arrays(const dcn_files_options *options, const dcn_files_model *model, array_set *set)
{
    set->options = options;
    set->dtype = DECANT_U8;
    TRY_RETURN(dcn_npz_open(options->path, &set->npz));
    for (int which = 0; which < DCN_N_ARRAYS; which++)
        TRY_RETURN(read_array(options, model, which, set));
    TRY_RETURN(check_types(options, set));
    if (!has(set, DCN_X_TRAIN) && !(model != NULL && has(set, DCN_X_TEST)))
        return DCN_FAIL(FORMAT, "%s has no array '%s'; `arrays: {x_train: NAME, ...}` says what it is called",
                        options->path, array_name(options, DCN_X_TRAIN));
    for (int which = DCN_X_TRAIN; which <= DCN_X_TEST; which += DCN_X_TEST - DCN_X_TRAIN) {
        if (!has(set, which)) continue;
        if (!has(set, which + 1))
            return DCN_FAIL(FORMAT, "%s has '%s' and no labels '%s'", options->path, array_name(options, which),
                            array_name(options, which + 1));
        decant_status status = read_labels(&set->arrays[which + 1], set->forms[which].count,
                                           which == DCN_X_TRAIN ? &set->labels : &set->test_labels);
        if (status != DECANT_OK) {
            dcn_while("reading '%s' of %s", array_name(options, which + 1), options->path);
            return status;
        }
    }
    return DECANT_OK;
}

/* A model's classes are given, not counted: nothing may be grouped by labels beyond them. */
static decant_status check_labels(const dcn_files_options *options, const array_set *set, int32_t n_classes)
{
    for (int64_t i = 0; has(set, DCN_X_TRAIN) && i < set->forms[DCN_X_TRAIN].count; i++)
        if (set->labels[i] >= n_classes)
            return DCN_FAIL(FORMAT, "'%s' holds the label %d at %" PRId64 "; the model knows %d classes, 0 to %d",
                            array_name(options, DCN_Y_TRAIN), set->labels[i], i, n_classes, n_classes - 1);
    return DECANT_OK;
}

/* Copies samples with their labels (NULL: the pool's). */
static decant_status fill_labelled(const array_set *set, int which, const int32_t *labels, const int32_t *indices,
                                   int64_t count, dcn_samples *part, int64_t offset)
{
    for (int64_t i = 0; i < count; i++)
        part->labels[offset + i] = labels == NULL ? DCN_NO_LABEL : labels[indices != NULL ? indices[i] : i];
    decant_status status = fill(&set->arrays[which], &set->forms[which], indices, count, part, offset);
    if (status != DECANT_OK) dcn_while("reading '%s' of %s", array_name(set->options, which), set->options->path);
    return status;
}

static decant_status fill_train(const dcn_files_options *options, const array_set *set, bool is_training,
                                decant_dataset *dataset, dcn_parts *parts)
{
    const int64_t count = set->forms[DCN_X_TRAIN].count, n_pool = set->forms[DCN_X_UNLABELLED].count;
    dcn_samples *train = &dataset->train;
    double test = has(set, DCN_X_TEST) ? 0 : options->test;
    TRY_RETURN(dcn_parts_make(set->labels, count, dataset->n_classes, 0, test, options->seed, parts));
    if (is_training) TRY_RETURN(dcn_files_check_classes(set->labels, count, parts, dataset->n_classes, NULL, "sample"));
    dataset->n_unlabelled = n_pool;
    TRY_RETURN(dcn_samples_create(dataset, train, parts->n_train + n_pool, set->dtype, true));
    TRY_RETURN(fill_labelled(set, DCN_X_TRAIN, set->labels, parts->train, parts->n_train, train, 0));
    return fill_labelled(set, DCN_X_UNLABELLED, NULL, NULL, n_pool, train, parts->n_train);
}

/* Without parts, for a model: everything is the test part. */
static decant_status fill_test_only(const array_set *set, decant_dataset *dataset)
{
    const int64_t count = set->forms[DCN_X_TRAIN].count;
    dataset->train.dtype = set->dtype;
    TRY_RETURN(dcn_samples_create(dataset, &dataset->test, count, set->dtype, true));
    return fill_labelled(set, DCN_X_TRAIN, set->labels, NULL, count, &dataset->test, 0);
}

/* The test part: an array of its own, or what was taken from the training array. */
static decant_status fill_test(const array_set *set, const dcn_parts *parts, decant_dataset *dataset)
{
    bool own = has(set, DCN_X_TEST);
    int64_t count = own ? set->forms[DCN_X_TEST].count : parts->n_test;
    TRY_RETURN(dcn_samples_create(dataset, &dataset->test, count, set->dtype, true));
    return fill_labelled(set, own ? DCN_X_TEST : DCN_X_TRAIN, own ? set->test_labels : set->labels,
                         own ? NULL : parts->test, count, &dataset->test, 0);
}

decant_status dcn_arrays_open_npz(const dcn_files_options *options, const dcn_files_model *model,
                                  decant_dataset **ret_dataset)
{
    array_set set = {0};
    dcn_parts parts = {0};
    decant_dataset *dataset = NULL;
    int32_t n_classes = model != NULL ? model->n_classes : 0;
    decant_status status = read_arrays(options, model, &set);
    if (status != DECANT_OK) goto out;
    if (model == NULL && has(&set, DCN_X_TEST) && options->test > 0) {
        status = DCN_FAIL(USAGE, "it has '%s'; leave `test` out", array_name(options, DCN_X_TEST));
        goto out;
    }
    if (model == NULL) TRY(count_classes(set.labels, set.forms[DCN_X_TRAIN].count, &n_classes));
    TRY(check_labels(options, &set, n_classes));
    TRY(dcn_dataset_create(options->path, &set.sample, n_classes, &dataset));
    if (model != NULL && model->class_names != NULL)
        TRY(dcn_dataset_name_classes(dataset, (const char *const *)model->class_names));
    if (model != NULL && !has(&set, DCN_X_TEST) && options->test <= 0) {
        TRY(fill_test_only(&set, dataset));
    } else {
        dataset->train.dtype = set.dtype;
        if (has(&set, DCN_X_TRAIN)) TRY(fill_train(options, &set, model == NULL, dataset, &parts));
        TRY(fill_test(&set, &parts, dataset));
    }
    TRY(dcn_dataset_seal(dataset, options->path));
    *ret_dataset = dataset;
    dataset = NULL;
out:
    if (status != DECANT_OK) dcn_while("reading the arrays in %s", options->path);
    dcn_parts_finish(&parts);
    dcn_free(set.labels);
    dcn_free(set.test_labels);
    dcn_npz_close(set.npz);
    dcn_dataset_destroy(dataset);
    return status;
}

/* --- inputs for a model --- */

/* One sample, without a dimension for the count, is an array of one. */
static decant_status fit_input(const dcn_npy *array, dcn_axes axes, const decant_shape *sample, dcn_npy *ret_array,
                               array_form *ret_form)
{
    dcn_npy one = *array;
    if (fit_form(array, axes, sample, ret_form) == DECANT_OK) return DECANT_OK;
    if (array->rank < DECANT_MAX_RANK) {
        memmove(one.dims + 1, array->dims, (size_t)array->rank * sizeof *one.dims);
        one.dims[0] = 1;
        one.rank++;
        if (fit_form(&one, axes, sample, ret_form) == DECANT_OK) {
            *ret_array = one;
            return DECANT_OK;
        }
    }
    return fit_form(array, axes, sample, ret_form); /* for its words */
}

/* An IDX file of bytes is an array like others. */
static decant_status parse_idx(const dcn_contents *file, dcn_npy *ret_array)
{
    dcn_npy array = {.kind = DCN_NPY_UNSIGNED, .item_bytes = 1, .count = 1};
    if (file->bytes < 4 || file->data[0] != 0 || file->data[1] != 0)
        return DCN_FAIL(FORMAT, "neither a table (.csv), an array (.npy), a picture (.png, .jpg) nor an IDX file");
    TRY_RETURN(dcn_idx_parse(file->data, file->bytes, &array.rank, array.dims, &array.payload));
    for (int32_t i = 0; i < array.rank; i++)
        array.count *= array.dims[i];
    *ret_array = array;
    return DECANT_OK;
}

decant_status dcn_arrays_open_input(const char *path, const dcn_files_options *options, const dcn_files_model *model,
                                    int64_t first, int64_t count, decant_dataset **ret_dataset)
{
    const bool is_npy = dcn_files_is_array(path);
    const dcn_axes axes = !is_npy ? DCN_AXES_NCHW : options != NULL ? options->axes : DCN_AXES_AUTO;
    dcn_contents file = {0};
    dcn_npy array = {0};
    array_form form = {0};
    decant_dataset *dataset = NULL;
    decant_status status = dcn_contents_map(path, &file);
    if (status != DECANT_OK) goto out;
    TRY(is_npy ? dcn_npy_parse(file.data, file.bytes, &array) : parse_idx(&file, &array));
    TRY(fit_input(&array, axes, &model->sample, &array, &form));
    TRY(dcn_range_check(path, first, form.count, &count));
    array.payload += first * decant_shape_count(&form.sample) * array.item_bytes;
    decant_dtype dtype = dcn_npy_is_bytes(&array) ? DECANT_U8 : DECANT_F32;
    TRY(dcn_dataset_create(path, &model->sample, model->n_classes, &dataset));
    dataset->train.dtype = dtype;
    TRY(dcn_samples_create(dataset, &dataset->test, count, dtype, false));
    TRY(fill(&array, &form, NULL, count, &dataset->test, 0));
    TRY(dcn_dataset_seal(dataset, path));
    *ret_dataset = dataset;
    dataset = NULL;
out:
    if (status != DECANT_OK) dcn_place("%s", path);
    dcn_contents_close(&file);
    dcn_dataset_destroy(dataset);
    return status;
}
