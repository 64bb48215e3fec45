/* Recognises, claims and names run directories. */
#include "run/run_directory.h"

#include <string.h>

#include "base/file.h"
#include "base/folder.h"
#include "format/json_text.h"
#include "run/result.h"

#define MAX_MARK_BYTES (8 << 20) /* it holds the recipe's text, of which every byte may need six */
#define MARK           "decant-run"

decant_status dcn_run_directory_name(const char *root, const dcn_experiment *experiment, int32_t run, uint64_t seed,
                                     dcn_run_directory *ret_directory)
{
    const dcn_run_spec *spec = &experiment->runs[run];
    dcn_run_directory directory = {0};
    char name[128];
    char *folder = NULL;
    decant_status status = spec->n_seeds > 1
                               ? dcn_format(name, sizeof name, "%s-seed%llu", spec->name, (unsigned long long)seed)
                               : dcn_format(name, sizeof name, "%s", spec->name);
    if (status != DECANT_OK) goto out;
    TRY(dcn_path_join(root, experiment->name, &folder));
    TRY(dcn_path_join(folder, name, &directory.path));
    TRY(dcn_path_join(directory.path, "run.json", &directory.run));
    TRY(dcn_path_join(directory.path, "losses.json", &directory.losses));
    TRY(dcn_path_join(directory.path, "checkpoint.safetensors", &directory.checkpoint));
    TRY(dcn_path_join(directory.path, "metrics.jsonl", &directory.metrics));
    TRY(dcn_path_join(directory.path, "model.safetensors", &directory.model));
    TRY(dcn_path_join(directory.path, "result.json", &directory.result));
    *ret_directory = directory;
    directory = (dcn_run_directory){0};
out:
    dcn_free(folder);
    dcn_run_directory_finish(&directory);
    return status;
}

void dcn_run_directory_finish(dcn_run_directory *directory)
{
    dcn_free(directory->path);
    dcn_free(directory->run);
    dcn_free(directory->losses);
    dcn_free(directory->checkpoint);
    dcn_free(directory->metrics);
    dcn_free(directory->model);
    dcn_free(directory->result);
    *directory = (dcn_run_directory){0};
}

/* --- the mark --- */

static decant_status read_mark(const dcn_run_directory *directory, json_t **ret_mark)
{
    uint8_t *data = NULL;
    size_t bytes = 0;
    TRY_RETURN(dcn_file_read(directory->run, MAX_MARK_BYTES, &data, &bytes));
    json_t *mark = json_loadb((const char *)data, bytes, JSON_REJECT_DUPLICATES, NULL);
    dcn_free(data);
    const char *format = json_string_value(json_object_get(mark, "format"));
    if (format == NULL || strcmp(format, MARK) != 0) {
        json_decref(mark);
        return DCN_FAIL(STALE, "%s is damaged or not decant's; remove %s or choose another directory with --dir",
                        directory->run, directory->path);
    }
    *ret_mark = mark;
    return DECANT_OK;
}

static decant_status check_owner(const dcn_run_directory *directory, const dcn_experiment *experiment, int32_t run,
                                 uint64_t seed, const json_t *mark)
{
    const char *recipe = json_string_value(json_object_get(mark, "recipe"));
    const char *name = json_string_value(json_object_get(mark, "run"));
    json_int_t its_seed = json_integer_value(json_object_get(mark, "seed"));
    if (recipe != NULL && name != NULL && strcmp(recipe, experiment->name) == 0 &&
        strcmp(name, experiment->runs[run].name) == 0 && (uint64_t)its_seed == seed)
        return DECANT_OK;
    return DCN_FAIL(
        STALE,
        "%s belongs to the recipe '%s', run '%s', seed %lld; move it away or choose another directory with --dir",
        directory->path, recipe != NULL ? recipe : "?", name != NULL ? name : "?", (long long)its_seed);
}

/* Half a file of ours, of a process that was killed while it wrote. */
static bool is_leftover(const dcn_run_directory *directory, const char *name)
{
    const char *const ours[] = {directory->run,     directory->losses, directory->checkpoint,
                                directory->metrics, directory->model,  directory->result};
    for (size_t i = 0; i < DCN_COUNT(ours); i++) {
        const char *file = strrchr(ours[i], '/') + 1;
        const size_t length = strlen(file);
        if (strncmp(name, file, length) != 0) continue;
        if (strncmp(name + length, DCN_UNFINISHED_MARK, strlen(DCN_UNFINISHED_MARK)) == 0) return true;
    }
    return false;
}

static decant_status check_unmarked(const dcn_run_directory *directory, dcn_run_state *ret_state)
{
    char **names = NULL;
    int32_t count = 0, others = 0;
    if (dcn_file_exists(directory->path)) TRY_RETURN(dcn_directory_list(directory->path, &names, &count));
    for (int32_t i = 0; i < count; i++)
        others += !is_leftover(directory, names[i]);
    dcn_names_free(names, count);
    if (others > 0)
        return DCN_FAIL(STALE,
                        "%s is not empty and no run of decant's; move it away or choose another directory with --dir",
                        directory->path);
    *ret_state = DCN_RUN_NEW;
    return DECANT_OK;
}

/* Says what changed, and which recipe file the directory came from when it was another. */
static decant_status explain_change(const json_t *mark, const dcn_experiment *experiment, const dcn_identity *identity,
                                    dcn_text *difference)
{
    const char *file = json_string_value(json_object_get(mark, "file"));
    TRY_RETURN(dcn_identity_difference(json_object_get(mark, "config"), identity->config, difference));
    if (difference->length == 0) TRY_RETURN(dcn_text_add(difference, "its description is another"));
    if (file != NULL && strcmp(file, experiment->file) != 0)
        TRY_RETURN(dcn_text_add(difference, "; it was made by %s", file));
    return DECANT_OK;
}

decant_status dcn_run_directory_inspect(const dcn_run_directory *directory, const dcn_experiment *experiment,
                                        int32_t run, uint64_t seed, const dcn_identity *identity,
                                        dcn_run_state *ret_state, dcn_text *difference)
{
    if (!dcn_file_exists(directory->run)) return check_unmarked(directory, ret_state);
    json_t *mark = NULL;
    decant_status status = read_mark(directory, &mark);
    if (status != DECANT_OK) goto out;
    TRY(check_owner(directory, experiment, run, seed, mark));
    const char *hex = json_string_value(json_object_get(mark, "identity"));
    if (hex != NULL && strcmp(hex, identity->hex) == 0) {
        *ret_state = dcn_result_fits(directory->result, directory->model) ? DCN_RUN_DONE : DCN_RUN_INTERRUPTED;
        goto out;
    }
    TRY(explain_change(mark, experiment, identity, difference));
    *ret_state = DCN_RUN_CHANGED;
out:
    json_decref(mark);
    return status;
}

decant_status dcn_run_directory_tidy(const dcn_run_directory *directory)
{
    char **names = NULL;
    int32_t count = 0;
    decant_status status = dcn_directory_list(directory->path, &names, &count);
    if (status != DECANT_OK) goto out;
    for (int32_t i = 0; i < count; i++) {
        char *path = NULL;
        if (!is_leftover(directory, names[i])) continue;
        TRY(dcn_path_join(directory->path, names[i], &path));
        status = dcn_file_remove(path);
        dcn_free(path);
        if (status != DECANT_OK) goto out;
    }
out:
    dcn_names_free(names, count);
    return status;
}

/* The recipe in its own words; nothing where they are no UTF-8. */
static void describe_source(const dcn_experiment *experiment, json_t *mark)
{
    json_t *overrides = json_array();
    for (int32_t i = 0; i < experiment->n_overrides; i++)
        json_array_append_new(overrides, json_string(experiment->overrides[i]));
    json_object_set_new(mark, "text", json_string(experiment->source));
    json_object_set_new(mark, "overrides", overrides);
}

decant_status dcn_run_directory_claim(const dcn_run_directory *directory, const dcn_experiment *experiment, int32_t run,
                                      uint64_t seed, const dcn_identity *identity)
{
    char *text = NULL;
    json_t *mark = json_pack("{s:s, s:s, s:s, s:s, s:I, s:s, s:O}", "format", MARK, "recipe", experiment->name, "file",
                             experiment->file, "run", experiment->runs[run].name, "seed", (json_int_t)seed, "identity",
                             identity->hex, "config", identity->config);
    if (mark != NULL) describe_source(experiment, mark);
    decant_status status = dcn_json_text(mark, JSON_INDENT(1) | JSON_REAL_PRECISION(17), directory->run, &text);
    if (status != DECANT_OK) goto out;
    TRY(dcn_directory_make(directory->path));
    /* The result goes first: a directory must never hold one that is not its own. */
    TRY(dcn_file_remove(directory->result));
    TRY(dcn_file_remove(directory->losses));
    TRY(dcn_file_remove(directory->checkpoint));
    TRY(dcn_file_remove(directory->metrics));
    TRY(dcn_file_remove(directory->model));
    TRY(dcn_file_write(directory->run, text, strlen(text)));
out:
    if (status != DECANT_OK) dcn_while("making the run directory %s", directory->path);
    dcn_free(text);
    return status;
}
