/* What pictures and arrays share as data sets: recognising them, checking their classes, and how they were read as JSON
 * for the model file. */
#include "data/files.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/folder.h"
#include "base/text.h"
#include "data/source.h"
#include "data/split.h"
#include "format/json_text.h"
#include "format/npy.h"

#define MAX_SIDE 16384

static const char *const format_names[] = {"images", "npz"};
static const char *const axes_names[] = {"auto", "nchw", "nhwc"};
const char *const dcn_array_names[DCN_N_ARRAYS] = {"x_train", "y_train", "x_test", "y_test", "x_unlabelled"};

/* --- recognising --- */

static bool ends_with(const char *text, const char *ending)
{
    size_t length = strlen(text), tail = strlen(ending);
    return length > tail && strcasecmp(text + length - tail, ending) == 0;
}

bool dcn_files_is_image(const char *path)
{
    return ends_with(path, ".png") || ends_with(path, ".jpg") || ends_with(path, ".jpeg");
}

bool dcn_files_is_array(const char *path)
{
    return ends_with(path, ".npy");
}

/* Whether the folder holds x_train.npy or x_test.npy. */
static decant_status holds_arrays(const char *folder, bool *ret_holds)
{
    dcn_npz *npz = NULL;
    bool train = false, test = false;
    decant_status status = dcn_npz_open(folder, &npz);
    if (status != DECANT_OK) goto out;
    TRY(dcn_npz_has(npz, dcn_array_names[DCN_X_TRAIN], &train));
    TRY(dcn_npz_has(npz, dcn_array_names[DCN_X_TEST], &test));
    *ret_holds = train || test;
out:
    dcn_npz_close(npz);
    return status;
}

static decant_status holds_folders(const char *path, bool *ret_holds)
{
    char **names = NULL;
    int32_t count = 0;
    TRY_RETURN(dcn_directory_list_folders(path, &names, &count));
    dcn_names_free(names, count);
    *ret_holds = count > 0;
    return DECANT_OK;
}

decant_status dcn_files_recognize(const char *path, bool *ret_known, dcn_files_format *ret_format)
{
    bool arrays = ends_with(path, ".npz"), folders = false, is_folder = dcn_directory_exists(path);
    if (!arrays && is_folder) TRY_RETURN(holds_arrays(path, &arrays));
    if (!arrays && is_folder) TRY_RETURN(holds_folders(path, &folders));
    *ret_known = arrays || folders;
    *ret_format = arrays ? DCN_FILES_ARRAYS : DCN_FILES_IMAGES;
    return DECANT_OK;
}

/* --- opening --- */

static decant_status keep_reading(const dcn_files_options *options, decant_dataset *dataset)
{
    dcn_free(dataset->name);
    dataset->name = NULL;
    TRY_RETURN(dcn_copy_string(options->path, &dataset->name));
    return dcn_files_to_json(options, dataset, &dataset->reading);
}

decant_status dcn_files_open(const dcn_files_options *options, const dcn_files_model *model,
                             decant_dataset **ret_dataset)
{
    decant_dataset *dataset = NULL;
    dcn_files_options found = *options;
    char *path = NULL;
    decant_status status = dcn_source_locate(options->path, &path);
    if (status != DECANT_OK) goto out;
    found.path = path;
    if (options->format == DCN_FILES_IMAGES)
        TRY(dcn_images_open(&found, model, &dataset));
    else
        TRY(dcn_arrays_open_npz(&found, model, &dataset));
    TRY(keep_reading(options, dataset));
    *ret_dataset = dataset;
    dataset = NULL;
out:
    dcn_free(path);
    dcn_dataset_destroy(dataset);
    return status;
}

decant_status dcn_files_open_inputs(const char *path, const dcn_files_options *options, const dcn_files_model *model,
                                    int64_t first, int64_t count, decant_dataset **ret_dataset)
{
    if (!dcn_files_is_image(path)) return dcn_arrays_open_input(path, options, model, first, count, ret_dataset);
    TRY_RETURN(dcn_range_check(path, first, 1, &count));
    return dcn_images_open_input(path, options, model, ret_dataset);
}

/* --- classes --- */

static decant_status fail_class(int32_t class, int64_t count, char *const *class_names, const char *what,
                                bool is_single)
{
    char number[16];
    TRY_RETURN(dcn_format(number, sizeof number, "%d", class));
    const char *name = class_names != NULL ? class_names[class] : number;
    if (count == 0)
        return DCN_FAIL(FORMAT, "there is no %s of the class '%s'%s", what, name,
                        class_names == NULL ? "; labels are the numbers from 0 to one less than there are classes"
                                            : "");
    if (is_single)
        return DCN_FAIL(FORMAT, "there is one %s of the class '%s': it cannot be learnt and tested", what, name);
    return DCN_FAIL(FORMAT, "no %s of the class '%s' is left for training", what, name);
}

decant_status dcn_files_check_classes(const int32_t *labels, int64_t count, const dcn_parts *parts, int32_t n_classes,
                                      char *const *class_names, const char *what)
{
    int64_t *counts = NULL; /* [2, classes]: of all, of those to learn from */
    TRY_RETURN(dcn_new_array(2 * (size_t)n_classes, sizeof *counts, (void **)&counts));
    decant_status status = DECANT_OK;
    for (int64_t i = 0; i < count; i++)
        counts[labels[i]]++;
    for (int64_t i = 0; i < parts->n_train; i++)
        counts[n_classes + labels[parts->train[i]]]++;
    for (int32_t class = 0; class < n_classes && status == DECANT_OK; class ++) {
        bool is_single = counts[class] == 1 && parts->n_test > 0;
        if (is_single || counts[n_classes + class] == 0)
            status = fail_class(class, counts[class], class_names, what, is_single);
    }
    dcn_free(counts);
    return status;
}

/* --- as JSON --- */

/* Bytes become numbers from 0 to 1. Floats within that may be on their scale, others cannot. */
static bool is_other_scale(const dcn_samples *part, int64_t size)
{
    const float *values = (const float *)(const void *)part->data; /* [count, size] */
    for (int64_t i = 0; part->dtype == DECANT_F32 && i < part->count * size; i++)
        if (!(values[i] >= 0 && values[i] <= 1)) return true;
    return false;
}

/* The labelled samples of a part, in whatever order. */
static dcn_hash sum_hashes(const dcn_samples *part)
{
    dcn_hash sum = {0};
    for (int64_t i = 0; i < part->count; i++) {
        if (part->labels != NULL && part->labels[i] == DCN_NO_LABEL) continue;
        sum.low += part->hashes[i].low;
        sum.high += part->hashes[i].high;
    }
    return sum;
}

static dcn_hash add_hashes(dcn_hash a, dcn_hash b)
{
    return (dcn_hash){.low = a.low + b.low, .high = a.high + b.high};
}

dcn_files_relation dcn_files_compare(const dcn_files_options *model, const decant_dataset *dataset)
{
    const dcn_hash test = sum_hashes(&dataset->test), all = add_hashes(sum_hashes(&dataset->train), test);
    dcn_hash content, tested;
    if (!dcn_hash_parse(model->content, &content) || !dcn_hash_parse(model->tested, &tested)) return DCN_FILES_OTHERS;
    const bool was_tested = !dcn_hash_equal(tested, (dcn_hash){0});
    if (dcn_hash_equal(all, content))
        return was_tested && dcn_hash_equal(test, tested) ? DCN_FILES_AS_TRAINED : DCN_FILES_LEARNT;
    return dcn_hash_equal(add_hashes(all, tested), content) ? DCN_FILES_LEARNT : DCN_FILES_OTHERS;
}

decant_status dcn_files_to_json(const dcn_files_options *options, const decant_dataset *dataset, char **ret_text)
{
    char content[DCN_HASH_HEX], tested[DCN_HASH_HEX];
    json_t *names = json_array();
    const dcn_hash test = sum_hashes(&dataset->test);
    dcn_hash_hex(add_hashes(sum_hashes(&dataset->train), test), content);
    dcn_hash_hex(test, tested);
    for (int i = 0; i < DCN_N_ARRAYS; i++)
        dcn_json_append(&names, options->names[i] != NULL ? json_string(options->names[i]) : json_null());
    json_t *json = json_pack("{s:s, s:f, s:I, s:i, s:i, s:i, s:s, s:b, s:b, s:s, s:s, s:o}", "format",
                             format_names[options->format], "test", options->test, "seed", (json_int_t)options->seed,
                             "channels", options->channels, "height", options->height, "width", options->width, "axes",
                             axes_names[options->axes], "floats", dataset->train.dtype == DECANT_F32, "other_scale",
                             is_other_scale(&dataset->train, decant_shape_count(&dataset->sample)), "content", content,
                             "tested", tested, "names", names);
    return dcn_json_text(json, JSON_COMPACT | JSON_REAL_PRECISION(17), "how files are read", ret_text);
}

static bool find_word(const char *word, const char *const *words, int32_t count, int *ret_index)
{
    for (int32_t i = 0; i < count; i++) {
        if (strcmp(word, words[i]) != 0) continue;
        *ret_index = i;
        return true;
    }
    return false;
}

static bool is_share(double share)
{
    return share >= 0 && share < 1;
}

static bool is_side(int side)
{
    return side >= 0 && side <= MAX_SIDE;
}

static decant_status read_names(dcn_arena *arena, const json_t *names, bool *ret_sound, dcn_files_options *options)
{
    *ret_sound = json_array_size(names) == DCN_N_ARRAYS;
    for (size_t i = 0; *ret_sound && i < DCN_N_ARRAYS; i++) {
        const json_t *name = json_array_get(names, i);
        char *copy = NULL;
        *ret_sound = json_is_string(name) || json_is_null(name);
        if (!json_is_string(name)) continue;
        TRY_RETURN(dcn_arena_string(arena, json_string_value(name), &copy));
        options->names[i] = copy;
    }
    return DECANT_OK;
}

decant_status dcn_files_from_json(dcn_arena *arena, const char *text, dcn_files_options *ret_options)
{
    dcn_files_options options = {0};
    const char *format = NULL, *axes = NULL, *content = "", *tested = "";
    json_t *names = NULL, *json = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    json_int_t seed = 0;
    int floats = 0, other_scale = 0, format_index = 0, axes_index = 0;
    bool sound = json_unpack(json, "{s:s, s:F, s:I, s:i, s:i, s:i, s:s, s:b, s:b, s?s, s?s, s:o}", "format", &format,
                             "test", &options.test, "seed", &seed, "channels", &options.channels, "height",
                             &options.height, "width", &options.width, "axes", &axes, "floats", &floats, "other_scale",
                             &other_scale, "content", &content, "tested", &tested, "names", &names) == 0;
    sound = sound && find_word(format, format_names, (int32_t)DCN_COUNT(format_names), &format_index) &&
            find_word(axes, axes_names, (int32_t)DCN_COUNT(axes_names), &axes_index) && is_share(options.test) &&
            seed >= 0 && is_side(options.height) && is_side(options.width) &&
            (options.channels == 0 || options.channels == 1 || options.channels == 3);
    decant_status status = DECANT_OK;
    if (sound) TRY(read_names(arena, names, &sound, &options));
    if (!sound) {
        status = DCN_FAIL(FORMAT, "the model's description of how its files are read is damaged");
        goto out;
    }
    options.format = (dcn_files_format)format_index;
    options.axes = (dcn_axes)axes_index;
    options.seed = (uint64_t)seed;
    options.floats = floats != 0;
    options.other_scale = other_scale != 0;
    snprintf(options.content, sizeof options.content, "%s", content);
    snprintf(options.tested, sizeof options.tested, "%s", tested);
    *ret_options = options;
out:
    json_decref(json);
    return status;
}
