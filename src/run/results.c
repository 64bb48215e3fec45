/* result.json: what a run came to, written once and read back; and results side by side. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/folder.h"
#include "format/json_text.h"
#include "run/correct.h"
#include "run/result.h"
#include "train/train.h"

#define ROUNDING          1e-9 /* numbers in the file have twelve digits */
#define RESULT_JSON       (JSON_COMPACT | JSON_REAL_PRECISION(12))
#define FORMAT            "decant-result"
#define MAX_RESULT_BYTES  (1 << 30) /* thousands of classes make a confusion matrix of millions of cells */
#define MAX_FOLDER_LEVELS 2         /* runs/RECIPE and runs may both be named */

/* --- lists --- */

decant_status dcn_result_text(const char **slot, const char *text)
{
    char *copy = NULL;
    if (text != NULL) TRY_RETURN(dcn_copy_string(text, &copy));
    dcn_free((void *)(uintptr_t)*slot);
    *slot = copy;
    return DECANT_OK;
}

decant_status dcn_result_append(decant_result_list *list, decant_run_result **ret_result)
{
    TRY_RETURN(dcn_resize((void **)&list->items, (size_t)list->count + 1, sizeof *list->items));
    list->items[list->count] = (decant_run_result){0};
    *ret_result = &list->items[list->count++];
    return DECANT_OK;
}

static void finish_result(const decant_run_result *result)
{
    const char *texts[] = {result->recipe,       result->run,       result->model,   result->teacher,
                           result->baseline,     result->directory, result->data,    result->model_hash,
                           result->teacher_hash, result->settings,  result->made_by, result->made_with,
                           result->made_at};
    for (size_t t = 0; t < DCN_COUNT(texts); t++)
        dcn_free((void *)texts[t]);
    for (int32_t c = 0; result->class_names != NULL && c < result->n_classes; c++)
        dcn_free((void *)result->class_names[c]);
    const void *arrays[] = {result->wrong, result->class_names, result->confusion, result->predictions};
    for (size_t a = 0; a < DCN_COUNT(arrays); a++)
        dcn_free((void *)arrays[a]);
    dcn_correction_destroy(result->correction);
}

void decant_result_list_destroy(decant_result_list *results)
{
    if (results == NULL) return;
    for (int32_t i = 0; i < results->count; i++)
        finish_result(&results->items[i]);
    dcn_free(results->items);
    dcn_free(results);
}

/* --- writing --- */

static json_t *number_or_null(bool known, double value)
{
    return known && isfinite(value) ? json_real(value) : json_null();
}

static json_t *describe_wrong(const decant_run_result *result)
{
    json_t *wrong = json_array();
    for (int64_t i = 0; i < result->test_errors; i++)
        dcn_json_append(&wrong, json_integer(result->wrong[i]));
    return wrong;
}

/* Nothing where an older decant did not count them. */
static void describe_class_errors(const decant_run_result *result, json_t **test)
{
    json_t *errors = json_array();
    for (int32_t c = 0; c < result->n_classes; c++)
        dcn_json_append(&errors, json_integer(decant_result_class_errors(result, c)));
    if (result->n_classes > 0)
        dcn_json_set(test, "class_errors", errors);
    else
        json_decref(errors);
}

static json_t *describe_cache(const decant_run_result *result)
{
    return json_pack("{s:I, s:I, s:f}", "needed", (json_int_t)result->answers_needed, "computed",
                     (json_int_t)result->answers_computed, "hit_rate", decant_result_hit_rate(result));
}

/* How the network became what it is; left out where nothing was done to it. */
static void describe_structure(const decant_run_result *result, json_t **json)
{
    if (result->parameters_before > 0)
        dcn_json_set(json, "pruned",
                     json_pack("{s:I, s:I}", "parameters_before", (json_int_t)result->parameters_before,
                               "mult_adds_before", (json_int_t)result->mult_adds_before));
    if (result->folded > 0)
        dcn_json_set(
            json, "folded",
            json_pack("{s:i, s:f}", "layers", (int)result->folded, "largest_difference", result->fold_difference));
}

/* Epochs count from 1 in files, as in metrics.jsonl. */
static json_t *describe(const decant_run_result *result, const dcn_identity *identity)
{
    json_t *json = json_pack(
        "{s:s, s:i, s:s, s:s, s:s, s:I, s:s, s:s*, s:s*, s:s, s:s, s:i, s:I, s:I, s:I, s:I, s:I, s:I}", "format",
        FORMAT, "version", DCN_RUN_FORMAT, "model_hash", result->model_hash, "recipe", result->recipe, "run",
        result->run, "seed", (json_int_t)result->seed, "model", result->model, "teacher", result->teacher, "baseline",
        result->baseline, "identity", identity->hex, "data_hash", identity->data_hex, "place", (int)result->place,
        "parameters", (json_int_t)result->parameters, "mult_adds", (json_int_t)result->mult_adds, "bytes",
        (json_int_t)result->bytes, "epochs", (json_int_t)result->epochs, "steps", (json_int_t)result->steps,
        "best_epoch", (json_int_t)(result->best_epoch + 1));
    json_t *validation =
        json_pack("{s:o, s:o}", "accuracy", number_or_null(result->has_validation, result->validation_accuracy), "loss",
                  number_or_null(result->has_validation, result->validation_loss));
    json_t *test =
        json_pack("{s:f, s:I, s:I, s:f}", "accuracy", result->test_accuracy, "errors", (json_int_t)result->test_errors,
                  "count", (json_int_t)result->test_count, "loss", result->test_loss);
    describe_class_errors(result, &test);
    dcn_measures_to_json(&result->validation_measures, &validation);
    dcn_measures_to_json(&result->test_measures, &test);
    dcn_json_set(&json, "validation", validation);
    dcn_json_set(&json, "test", test);
    if (result->correction != NULL) dcn_json_set(&json, "bias_correction", dcn_correction_to_json(result->correction));
    dcn_json_set(&json, "majority_accuracy", json_real(result->majority_accuracy));
    if (result->teacher_cached) dcn_json_set(&json, "teacher_cache", describe_cache(result));
    describe_structure(result, &json);
    dcn_json_set(
        &json, "made",
        json_pack("{s:s*, s:s*, s:s*}", "by", result->made_by, "with", result->made_with, "at", result->made_at));
    dcn_json_set(&json, "seconds", json_real(result->seconds));
    dcn_json_set(&json, "images_per_second", json_real(result->images_per_second));
    dcn_json_set(&json, "config", json_incref(identity->config));
    dcn_answers_to_json(result, &json);
    dcn_json_set(&json, "wrong", describe_wrong(result));
    return json;
}

decant_status dcn_result_write(const char *path, const decant_run_result *result, const dcn_identity *identity)
{
    char *text = NULL;
    TRY_RETURN(dcn_json_text(describe(result, identity), RESULT_JSON, path, &text));
    decant_status status = dcn_file_write(path, text, strlen(text));
    dcn_free(text);
    return status;
}

/* --- the configuration --- */

/* What differs from seed to seed is left out: the seed, and which models it was taught by or starts from. */
static void strip_seed(json_t *config)
{
    static const char *const models[] = {"teacher", "init"};
    json_object_del(config, "seed");
    json_object_del(json_object_get(config, "prune"), "from");
    for (size_t i = 0; i < DCN_COUNT(models); i++)
        if (json_object_get(config, models[i]) != NULL) json_object_set_new(config, models[i], json_true());
}

/* By way of the text, in which numbers are rounded as in the file: results that were read and those just made are held
 * against each other. */
decant_status dcn_result_set_config(decant_run_result *result, const json_t *config)
{
    char *written = NULL, *settings = NULL;
    if (!json_is_object(config)) return DECANT_OK; /* an older decant did not say */
    TRY_RETURN(dcn_json_text(json_incref((json_t *)config), RESULT_JSON, "a run", &written));
    json_t *read = json_loads(written, JSON_REJECT_DUPLICATES, NULL);
    dcn_free(written);
    decant_status status = dcn_result_text(&result->teacher_hash, json_string_value(json_object_get(read, "teacher")));
    if (status != DECANT_OK) {
        json_decref(read);
        return status;
    }
    strip_seed(read);
    TRY_RETURN(dcn_json_text(read, RESULT_JSON | JSON_SORT_KEYS, "a run", &settings));
    status = dcn_result_text(&result->settings, settings);
    dcn_free(settings);
    return status;
}

/* --- reading --- */

static decant_status read_wrong(const json_t *wrong, decant_run_result *result)
{
    size_t count = json_array_size(wrong);
    int32_t *indices = NULL;
    if ((int64_t)count != result->test_errors)
        return DCN_FAIL(FORMAT, "it lists %zu wrong samples but counts %lld errors", count,
                        (long long)result->test_errors);
    TRY_RETURN(dcn_new_array(count, sizeof *indices, (void **)&indices));
    result->wrong = indices;
    json_int_t before = -1;
    for (size_t i = 0; i < count; i++) {
        const json_t *item = json_array_get(wrong, i);
        const json_int_t index = json_is_integer(item) ? json_integer_value(item) : -1;
        if (index <= before || index >= result->test_count || index > INT32_MAX)
            return DCN_FAIL(FORMAT, "it is damaged: the wrong samples are no rising numbers of test samples");
        indices[i] = (int32_t)index;
        before = index;
    }
    return DECANT_OK;
}

static decant_status read_texts(const json_t *json, const char *directory, decant_run_result *result)
{
    TRY_RETURN(dcn_result_text(&result->recipe, json_string_value(json_object_get(json, "recipe"))));
    TRY_RETURN(dcn_result_text(&result->run, json_string_value(json_object_get(json, "run"))));
    TRY_RETURN(dcn_result_text(&result->model, json_string_value(json_object_get(json, "model"))));
    TRY_RETURN(dcn_result_text(&result->teacher, json_string_value(json_object_get(json, "teacher"))));
    TRY_RETURN(dcn_result_text(&result->baseline, json_string_value(json_object_get(json, "baseline"))));
    TRY_RETURN(dcn_result_text(&result->data, json_string_value(json_object_get(json, "data_hash"))));
    TRY_RETURN(dcn_result_text(&result->model_hash, json_string_value(json_object_get(json, "model_hash"))));
    const json_t *made = json_object_get(json, "made");
    TRY_RETURN(dcn_result_text(&result->made_by, json_string_value(json_object_get(made, "by"))));
    TRY_RETURN(dcn_result_text(&result->made_with, json_string_value(json_object_get(made, "with"))));
    TRY_RETURN(dcn_result_text(&result->made_at, json_string_value(json_object_get(made, "at"))));
    return dcn_result_text(&result->directory, directory);
}

static decant_status read_numbers(const json_t *json, decant_run_result *result)
{
    json_error_t error;
    json_int_t seed, parameters, mult_adds, bytes, epochs, steps, best_epoch, errors, count;
    json_t *validation_accuracy, *validation_loss;
    int failed = json_unpack_ex(
        (json_t *)json, &error, 0,
        "{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:{s:o, s:o}, s:{s:F, s:I, s:I, s:F}, s:F, s:F, s:F}", "seed", &seed,
        "parameters", &parameters, "mult_adds", &mult_adds, "bytes", &bytes, "epochs", &epochs, "steps", &steps,
        "best_epoch", &best_epoch, "validation", "accuracy", &validation_accuracy, "loss", &validation_loss, "test",
        "accuracy", &result->test_accuracy, "errors", &errors, "count", &count, "loss", &result->test_loss,
        "majority_accuracy", &result->majority_accuracy, "seconds", &result->seconds, "images_per_second",
        &result->images_per_second);
    if (failed) return DCN_FAIL(FORMAT, "it is damaged: %s", error.text);
    if (errors < 0 || count < errors || count == 0)
        return DCN_FAIL(FORMAT, "it is damaged: %lld errors in %lld samples", (long long)errors, (long long)count);
    if (!(fabs(result->test_accuracy - (double)(count - errors) / (double)count) < ROUNDING))
        return DCN_FAIL(FORMAT, "it is damaged: an accuracy of %g with %lld errors in %lld samples",
                        result->test_accuracy, (long long)errors, (long long)count);
    const json_t *place = json_object_get(json, "place");
    const json_int_t which = place != NULL ? json_integer_value(place) : INT32_MAX; /* an older decant's has none */
    if (which < 0 || which > INT32_MAX || (place != NULL && !json_is_integer(place)))
        return DCN_FAIL(FORMAT, "it is damaged: the place of its run is no number");
    result->place = (int32_t)which;
    result->seed = (uint64_t)seed;
    result->parameters = parameters;
    result->mult_adds = mult_adds;
    result->bytes = bytes;
    result->epochs = epochs;
    result->steps = steps;
    result->best_epoch = best_epoch > 0 ? best_epoch - 1 : 0;
    result->test_errors = errors;
    result->test_count = count;
    result->has_validation = json_is_number(validation_accuracy);
    result->validation_accuracy = json_number_value(validation_accuracy);
    result->validation_loss = json_number_value(validation_loss);
    return DECANT_OK;
}

static decant_status read_cache(const json_t *cache, decant_run_result *result)
{
    json_int_t needed = 0, computed = 0;
    if (cache == NULL) return DECANT_OK; /* the run used none */
    if (json_unpack((json_t *)cache, "{s:I, s:I}", "needed", &needed, "computed", &computed) != 0 || needed < 0 ||
        computed < 0 || computed > needed)
        return DCN_FAIL(FORMAT, "it is damaged: what it says of the teacher cache makes no sense");
    result->teacher_cached = true;
    result->answers_needed = needed;
    result->answers_computed = computed;
    return DECANT_OK;
}

/* What describe_structure wrote. */
static decant_status read_structure(const json_t *json, decant_run_result *result)
{
    json_t *pruned = json_object_get(json, "pruned"), *folded = json_object_get(json, "folded");
    json_int_t parameters = 0, mult_adds = 0;
    int layers = 0;
    if (pruned != NULL &&
        json_unpack(pruned, "{s:I, s:I}", "parameters_before", &parameters, "mult_adds_before", &mult_adds) != 0)
        return DCN_FAIL(FORMAT, "it is damaged: what it says of pruning makes no sense");
    if (folded != NULL &&
        json_unpack(folded, "{s:i, s:F}", "layers", &layers, "largest_difference", &result->fold_difference) != 0)
        return DCN_FAIL(FORMAT, "it is damaged: what it says of folding makes no sense");
    result->parameters_before = parameters;
    result->mult_adds_before = mult_adds;
    result->folded = layers;
    return DECANT_OK;
}

int64_t decant_result_class_errors(const decant_run_result *result, int32_t index)
{
    if (index < 0 || index >= result->n_classes) return 0;
    return dcn_class_errors(result->confusion, result->n_classes, index);
}

double decant_result_hit_rate(const decant_run_result *result)
{
    if (result->answers_needed == 0) return 0;
    return (double)(result->answers_needed - result->answers_computed) / (double)result->answers_needed;
}

/* The failure that was just told, with the file and what helps. */
static decant_status fail_damaged(const char *path)
{
    char reason[512];
    snprintf(reason, sizeof reason, "%s", decant_error_message());
    return DCN_FAIL(FORMAT, "%s: %s; delete it to make the run again", path, reason);
}

decant_status dcn_result_read(const char *directory, decant_result_list *list)
{
    uint8_t *data = NULL;
    size_t bytes = 0;
    char *path = NULL;
    json_t *json = NULL;
    const int32_t before = list->count;
    decant_status status = dcn_path_join(directory, "result.json", &path);
    if (status != DECANT_OK) goto out;
    TRY(dcn_file_read(path, MAX_RESULT_BYTES, &data, &bytes));
    json = json_loadb((const char *)data, bytes, JSON_REJECT_DUPLICATES, NULL);
    const char *format = json_string_value(json_object_get(json, "format"));
    if (format == NULL || strcmp(format, FORMAT) != 0) {
        status = DCN_FAIL(FORMAT, "it is damaged or not of decant");
        goto out;
    }
    decant_run_result *result = NULL;
    TRY(dcn_result_append(list, &result));
    TRY(read_texts(json, directory, result));
    if (result->recipe == NULL || result->run == NULL || result->model == NULL) {
        status = DCN_FAIL(FORMAT, "it does not say which run it is of");
        goto out;
    }
    TRY(read_numbers(json, result));
    TRY(read_cache(json_object_get(json, "teacher_cache"), result));
    TRY(read_structure(json, result));
    TRY(dcn_result_set_config(result, json_object_get(json, "config")));
    TRY(read_wrong(json_object_get(json, "wrong"), result));
    TRY(dcn_correction_from_json(json_object_get(json, "bias_correction"), &result->correction));
    TRY(dcn_answers_from_json(json, result));
out:
    if (status == DECANT_FORMAT) status = fail_damaged(path);
    if (status != DECANT_OK) dcn_while("reading %s", path != NULL ? path : directory);
    if (status != DECANT_OK && list->count > before) finish_result(&list->items[--list->count]);
    json_decref(json);
    dcn_free(data);
    dcn_free(path);
    return status;
}

decant_status dcn_result_rename_baseline(const char *path, const char *baseline)
{
    uint8_t *data = NULL;
    size_t bytes = 0;
    char *text = NULL;
    TRY_RETURN(dcn_file_read(path, MAX_RESULT_BYTES, &data, &bytes));
    json_t *json = json_loadb((const char *)data, bytes, JSON_REJECT_DUPLICATES, NULL);
    json_object_del(json, "baseline");
    if (baseline != NULL) dcn_json_set(&json, "baseline", json_string(baseline));
    decant_status status = dcn_json_text(json, RESULT_JSON, path, &text);
    if (status == DECANT_OK) status = dcn_file_write(path, text, strlen(text));
    dcn_free(text);
    dcn_free(data);
    return status;
}

bool dcn_result_fits(const char *result_path, const char *model_path)
{
    dcn_map result = {0}, model = {0};
    json_t *json = NULL;
    bool fits = false;
    if (dcn_map_open(result_path, &result) == DECANT_OK && dcn_map_open(model_path, &model) == DECANT_OK) {
        char hex[DCN_HASH_HEX];
        dcn_hash_hex(dcn_hash_bytes(model.data, model.bytes), hex);
        json = json_loadb((const char *)result.data, result.bytes, JSON_REJECT_DUPLICATES, NULL);
        const char *saved = json_string_value(json_object_get(json, "model_hash"));
        fits = saved != NULL && strcmp(saved, hex) == 0;
    }
    json_decref(json);
    dcn_map_close(&model);
    dcn_map_close(&result);
    return fits;
}

/* Moves the last result before those of its folder, which begin at `first`, whose runs come later in the recipe. */
static void settle_last(decant_result_list *list, int32_t first)
{
    const decant_run_result last = list->items[list->count - 1];
    int32_t place = list->count - 1;
    for (; place > first && list->items[place - 1].place > last.place; place--)
        list->items[place] = list->items[place - 1];
    list->items[place] = last;
}

/* A run directory, or a folder that holds some (in its folders, too). */
static decant_status read_folder(const char *directory, int levels, decant_result_list *list)
{
    char *path = NULL, **names = NULL;
    int32_t n_names = 0;
    const int32_t first = list->count;
    decant_status status = dcn_path_join(directory, "result.json", &path);
    if (status != DECANT_OK) goto out;
    if (dcn_file_exists(path)) {
        status = dcn_result_read(directory, list);
        goto out;
    }
    if (levels == 0 || !dcn_directory_exists(directory)) goto out;
    TRY(dcn_directory_list(directory, &names, &n_names));
    for (int32_t i = 0; i < n_names; i++) {
        dcn_free(path);
        path = NULL;
        TRY(dcn_path_join(directory, names[i], &path));
        TRY(read_folder(path, levels - 1, list));
        const bool is_run = list->count > first && strcmp(list->items[list->count - 1].directory, path) == 0;
        if (is_run) settle_last(list, first);
    }
out:
    dcn_names_free(names, n_names);
    dcn_free(path);
    return status;
}

decant_status decant_results_read(const char *const *directories, int32_t count, decant_result_list **ret_results)
{
    DCN_REQUIRE(directories, ret_results);
    decant_result_list *list = NULL;
    decant_status status = dcn_new(sizeof *list, (void **)&list);
    if (status != DECANT_OK) goto out;
    for (int32_t i = 0; i < count; i++) {
        int32_t before = list->count;
        char *folder = NULL;
        TRY(dcn_path_tidy(directories[i], &folder)); /* runs that belong together are told by their folder */
        status = read_folder(folder, MAX_FOLDER_LEVELS, list);
        dcn_free(folder);
        if (status != DECANT_OK) goto out;
        if (list->count == before) {
            status =
                DCN_FAIL(NOT_FOUND, "%s holds no finished run (no result.json); train one with `decant run RECIPE`",
                         directories[i]);
            goto out;
        }
    }
    *ret_results = list;
    list = NULL;
out:
    decant_result_list_destroy(list);
    return status;
}
