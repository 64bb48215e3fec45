/* A recipe's text -> a checked experiment. The parts are read by merge.c and parse_*.c; here is what refers from one
 * part to another: models of runs, teachers, the budget and the order of the runs. */
#include "recipe/parse.h"

#include <string.h>

#include "base/text.h"
#include "graph/graph.h"

/* --- names --- */

/* Names become folders, so they are kept to what every file system takes. */
static decant_status check_name(const dcn_doc *doc, const char *what, const char *name)
{
    static const char *const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.";
    const size_t length = strlen(name);
    const bool good = length > 0 && length <= 64 && name[0] != '.' && name[0] != '-';
    if (good && strspn(name, letters) == length) return DECANT_OK;
    return dcn_doc_fail(doc, DECANT_USAGE,
                        "'%s' is no good %s: use 1 to 64 of a-z, A-Z, 0-9, '-', '_' and '.', not '-' or '.' first",
                        name, what);
}

int32_t dcn_experiment_find_run(const dcn_experiment *experiment, const char *name)
{
    for (int32_t i = 0; i < experiment->n_runs; i++)
        if (strcmp(experiment->runs[i].name, name) == 0) return i;
    return DCN_NONE;
}

int32_t dcn_experiment_find_model(const dcn_experiment *experiment, const char *name)
{
    for (int32_t i = 0; i < experiment->n_models; i++)
        if (strcmp(experiment->models[i].name, name) == 0) return i;
    return DCN_NONE;
}

static decant_status find_model(const dcn_experiment *experiment, const dcn_doc *doc, int32_t *ret_model)
{
    const char *name = NULL;
    TRY_RETURN(dcn_doc_text(doc, "model", &name));
    int32_t model = dcn_experiment_find_model(experiment, name);
    if (model == DCN_NONE) {
        const dcn_doc *models = dcn_doc_get(experiment->doc, "models"), *runs = dcn_doc_get(experiment->doc, "runs");
        const dcn_doc *run = dcn_doc_get(runs, name);
        if (run != NULL)
            return dcn_doc_fail(doc, DECANT_USAGE,
                                "'%s' is a run, and a model is wanted here: one of those below models:", name);
        return dcn_schema_unknown(doc, "model", name, models->keys, (size_t)models->count);
    }
    *ret_model = model;
    return DECANT_OK;
}

decant_status dcn_experiment_need_model(const dcn_experiment *experiment, const char *name, int32_t *ret_model)
{
    const dcn_doc word = {.type = DCN_DOC_SCALAR, .text = name, .file = experiment->file};
    return find_model(experiment, &word, ret_model);
}

/* --- models --- */

static decant_status parse_zoo(const dcn_doc *doc, dcn_model_spec *model)
{
    TRY_RETURN(dcn_schema_check(DCN_SECTION_ZOO, doc));
    TRY_RETURN(dcn_schema_text(DCN_SECTION_ZOO, doc, "zoo", &model->zoo));
    TRY_RETURN(dcn_schema_int(DCN_SECTION_ZOO, doc, "classes", &model->classes));
    TRY_RETURN(dcn_schema_int(DCN_SECTION_ZOO, doc, "channels", &model->channels));
    TRY_RETURN(dcn_schema_int(DCN_SECTION_ZOO, doc, "hidden", &model->hidden));
    TRY_RETURN(dcn_schema_int(DCN_SECTION_ZOO, doc, "hidden_layers", &model->hidden_layers));
    TRY_RETURN(dcn_schema_number(DCN_SECTION_ZOO, doc, "dropout", &model->dropout));
    TRY_RETURN(dcn_schema_number(DCN_SECTION_ZOO, doc, "input_dropout", &model->input_dropout));
    static const char *const mlp_keys[] = {"hidden", "hidden_layers", "dropout", "input_dropout"};
    for (size_t i = 0; i < DCN_COUNT(mlp_keys) && strcmp(model->zoo, "mlp") != 0; i++) {
        const dcn_doc *value = dcn_doc_get(doc, mlp_keys[i]);
        if (value != NULL) return dcn_doc_fail(value, DECANT_USAGE, "%s is a key of the mlp only", mlp_keys[i]);
    }
    return DECANT_OK;
}

/* Not a list of layers. */
static decant_status parse_model_map(const dcn_doc *doc, dcn_model_spec *model)
{
    static const char *const zoo = "zoo";
    if (dcn_doc_get(doc, zoo) == NULL && doc->count > 0 && dcn_schema_find(DCN_SECTION_ZOO, doc->keys[0]) == NULL &&
        dcn_nearest(doc->keys[0], &zoo, 1) == NULL)
        return dcn_doc_fail(
            doc->key_nodes[0], DECANT_USAGE,
            "the model '%s' has '%s' where {zoo: NAME} or a list is wanted; a network of your own is a list "
            "of layers, each behind '- '",
            model->name, doc->keys[0]);
    return parse_zoo(doc, model);
}

static decant_status parse_models(dcn_experiment *experiment)
{
    const dcn_doc *doc = dcn_doc_get(experiment->doc, "models");
    if (doc->type != DCN_DOC_MAP || doc->count < 1 || doc->count > DCN_MAX_MODELS)
        return dcn_doc_fail(doc, DECANT_USAGE, "models must be a map of 1 to %d models", DCN_MAX_MODELS);
    TRY_RETURN(dcn_arena_take(experiment->arena, (size_t)doc->count * sizeof *experiment->models,
                              (void **)&experiment->models));
    for (int32_t i = 0; i < doc->count; i++) {
        dcn_model_spec *model = &experiment->models[i];
        model->name = doc->keys[i];
        model->doc = doc->items[i];
        TRY_RETURN(check_name(doc->key_nodes[i], "name for a model", model->name));
        if (model->doc->type == DCN_DOC_MAP)
            TRY_RETURN(parse_model_map(model->doc, model));
        else if (model->doc->type != DCN_DOC_LIST || model->doc->count == 0)
            return dcn_doc_fail(doc->key_nodes[i], DECANT_USAGE,
                                "the model '%s' must be a list of layers or a map like {zoo: NAME}", model->name);
    }
    experiment->n_models = doc->count;
    return DECANT_OK;
}

/* --- runs --- */

static decant_status parse_seeds(dcn_arena *arena, const dcn_doc *doc, dcn_run_spec *run)
{
    const int64_t largest = UINT32_MAX;
    const dcn_doc *list = dcn_doc_get(doc, "seeds");
    int64_t first = 0, count = 1;
    TRY_RETURN(dcn_schema_int(DCN_SECTION_RUN, doc, "seed", &first));
    bool is_list = list != NULL && list->type == DCN_DOC_LIST;
    if (is_list && dcn_doc_get(doc, "seed") != NULL)
        return dcn_doc_fail(list, DECANT_USAGE, "a list of seeds leaves nothing for 'seed' to say; remove one of them");
    if (is_list)
        count = list->count;
    else if (list != NULL)
        TRY_RETURN(dcn_doc_int(list, "seeds", 1, DCN_MAX_SEEDS, &count));
    if (count < 1 || count > DCN_MAX_SEEDS || first + count - 1 > largest)
        return dcn_doc_fail(list, DECANT_USAGE, "there may be 1 to %d seeds, the last at most %lld", DCN_MAX_SEEDS,
                            (long long)largest);

    TRY_RETURN(dcn_arena_take(arena, (size_t)count * sizeof *run->seeds, (void **)&run->seeds));
    for (int64_t i = 0; i < count; i++) {
        int64_t seed = first + i;
        if (is_list) TRY_RETURN(dcn_doc_int(list->items[i], "a seed", 0, largest, &seed));
        for (int64_t j = 0; j < i; j++)
            if (run->seeds[j] == (uint64_t)seed)
                return dcn_doc_fail(list, DECANT_USAGE, "the seed %lld is listed twice", (long long)seed);
        run->seeds[i] = (uint64_t)seed;
    }
    run->n_seeds = (int32_t)count;
    return DECANT_OK;
}

static decant_status parse_training(const dcn_doc *doc, dcn_run_spec *run)
{
    const dcn_doc *schedule = dcn_doc_get(doc, "schedule");
    const dcn_doc blank = {.type = DCN_DOC_SCALAR, .text = "constant"};
    TRY_RETURN(dcn_schema_int(DCN_SECTION_RUN, doc, "epochs", &run->epochs));
    TRY_RETURN(dcn_schema_int(DCN_SECTION_RUN, doc, "batch", &run->batch));
    TRY_RETURN(dcn_schema_int(DCN_SECTION_RUN, doc, "samples", &run->samples));
    TRY_RETURN(dcn_schema_bool(DCN_SECTION_RUN, doc, "drop_last", &run->drop_last));
    TRY_RETURN(dcn_optimizer_parse(dcn_doc_get(doc, "optimizer"), &run->optimizer));
    TRY_RETURN(dcn_schedule_parse(schedule != NULL ? schedule : &blank, &run->optimizer.schedule));
    TRY_RETURN(dcn_schema_number(DCN_SECTION_RUN, doc, "ema", &run->optimizer.ema_decay));
    TRY_RETURN(dcn_schema_number(DCN_SECTION_RUN, doc, "clip_norm", &run->optimizer.max_norm));
    TRY_RETURN(dcn_loss_parse(dcn_doc_get(doc, "loss"), run->terms, &run->n_terms));
    for (int32_t i = 0; i < run->n_terms; i++)
        run->has_teacher_term |= dcn_term_class_of(run->terms[i].kind)->needs_teacher;
    return DECANT_OK;
}

/* *precision stays as it is where nothing is said and the schema knows no default. */
static decant_status parse_precision(dcn_section section, const dcn_doc *doc, decant_precision *precision)
{
    int32_t choice = *precision;
    TRY_RETURN(dcn_schema_choice(section, doc, "precision", &choice));
    *precision = (decant_precision)choice;
    return DECANT_OK;
}

static decant_status parse_run(dcn_experiment *experiment, const dcn_doc *doc, dcn_run_spec *run)
{
    const char *select = NULL;
    TRY_RETURN(dcn_schema_check(DCN_SECTION_RUN, doc));
    const dcn_doc *model = dcn_doc_get(doc, "model");
    run->model = DCN_NONE;
    if (model != NULL) TRY_RETURN(find_model(experiment, model, &run->model));
    if (model == NULL && dcn_doc_get(doc, "prune") == NULL) /* what is pruned has one */
        return dcn_doc_fail(doc, DECANT_USAGE, "runs.RUN needs the key 'model'");
    TRY_RETURN(parse_training(doc, run));
    TRY_RETURN(parse_seeds(experiment->arena, doc, run));
    run->precision = experiment->precision;
    TRY_RETURN(parse_precision(DCN_SECTION_RUN, doc, &run->precision));
    TRY_RETURN(dcn_schema_text(DCN_SECTION_RUN, doc, "select", &select));
    run->select_best = select != NULL ? strcmp(select, "best") == 0 : experiment->data.validation > 0;
    TRY_RETURN(dcn_transfer_parse(dcn_doc_get(doc, "transfer"), &run->transfer));
    TRY_RETURN(dcn_correction_parse(dcn_doc_get(doc, "correct_bias"), &run->correction));
    const dcn_doc *augment = dcn_doc_get(doc, "augment");
    run->augment = experiment->data.augment;
    return augment != NULL ? dcn_augment_parse(augment, &run->augment) : DECANT_OK;
}

decant_status dcn_trained_parse(const dcn_experiment *experiment, const dcn_doc *doc, const char *key, int32_t *ret_run,
                                const char **ret_file)
{
    const char *name = NULL;
    TRY_RETURN(dcn_doc_text(doc, key, &name));
    *ret_run = dcn_experiment_find_run(experiment, name);
    if (*ret_run != DCN_NONE) return DECANT_OK;
    if (strpbrk(name, "./") != NULL) { /* it looks like a file's, and is no run */
        *ret_file = name;
        return DECANT_OK;
    }
    const dcn_doc *runs = dcn_doc_get(experiment->doc, "runs");
    if (dcn_experiment_find_model(experiment, name) != DCN_NONE)
        return dcn_doc_fail(doc, DECANT_USAGE, "'%s' is a model, and %s wants a run that trains it, or a file", name,
                            key);
    char what[96];
    TRY_RETURN(dcn_format(what, sizeof what, "%s (a run, or a file such as ./model.safetensors)", key));
    return dcn_schema_unknown(doc, what, name, runs->keys, (size_t)runs->count);
}

/* RUN-seedN is the folder of a run of several seeds, and may be the name of another. */
static decant_status check_run_folders(const dcn_experiment *experiment)
{
    char folder[128];
    for (int32_t i = 0; i < experiment->n_runs; i++) {
        const dcn_run_spec *run = &experiment->runs[i];
        for (int32_t s = 0; s < run->n_seeds && run->n_seeds > 1; s++) {
            TRY_RETURN(dcn_format(folder, sizeof folder, "%s-seed%llu", run->name, (unsigned long long)run->seeds[s]));
            const int32_t other = dcn_experiment_find_run(experiment, folder);
            if (other != DCN_NONE && experiment->runs[other].n_seeds == 1)
                return dcn_doc_fail(experiment->runs[other].doc, DECANT_USAGE,
                                    "the run '%s' has the folder of a seed of '%s'; rename one of them", folder,
                                    run->name);
        }
    }
    return DECANT_OK;
}

static decant_status parse_runs(dcn_experiment *experiment)
{
    const dcn_doc *doc = dcn_doc_get(experiment->doc, "runs");
    const dcn_doc **merged = NULL;
    if (doc->type != DCN_DOC_MAP || doc->count < 1 || doc->count > DCN_MAX_RUNS)
        return dcn_doc_fail(doc, DECANT_USAGE, "runs must be a map of 1 to %d runs", DCN_MAX_RUNS);
    TRY_RETURN(dcn_runs_merge(experiment->arena, doc, &merged));
    TRY_RETURN(
        dcn_arena_take(experiment->arena, (size_t)doc->count * sizeof *experiment->runs, (void **)&experiment->runs));
    for (int32_t i = 0; i < doc->count; i++) {
        dcn_run_spec *run = &experiment->runs[i];
        run->name = doc->keys[i];
        run->doc = merged[i];
        TRY_RETURN(check_name(doc->key_nodes[i], "name for a run", run->name));
        decant_status status = parse_run(experiment, merged[i], run);
        if (status != DECANT_OK) {
            dcn_while("reading the run '%s'", run->name);
            return status;
        }
    }
    experiment->n_runs = doc->count;
    for (int32_t i = 0; i < doc->count; i++) {
        dcn_run_spec *run = &experiment->runs[i];
        const dcn_doc *like = dcn_doc_get(run->doc, "like");
        run->like = like != NULL ? dcn_experiment_find_run(experiment, like->text) : DCN_NONE;
        TRY_RETURN(dcn_teachers_parse(experiment, i));
        TRY_RETURN(dcn_start_parse(experiment, i, &run->start));
    }
    return DECANT_OK;
}

/* The key that names a run which has not been placed yet, or NULL. */
static const char *waits_for(const dcn_run_spec *run, const bool *placed)
{
    for (int32_t i = 0; i < run->n_teachers; i++)
        if (run->teachers[i].run != DCN_NONE && !placed[run->teachers[i].run]) return "teacher";
    if (run->start.run != DCN_NONE && !placed[run->start.run])
        return run->start.kind == DCN_START_PRUNE ? "prune" : "init";
    return NULL;
}

/* Runs are taken in the order of the file, again and again, each as soon as its teacher and what it starts from stand
 * before it. */
static decant_status order_runs(dcn_experiment *experiment)
{
    bool *placed = NULL;
    int32_t count = 0;
    TRY_RETURN(dcn_arena_take(experiment->arena, (size_t)experiment->n_runs * sizeof *placed, (void **)&placed));
    TRY_RETURN(dcn_arena_take(experiment->arena, (size_t)experiment->n_runs * sizeof *experiment->order,
                              (void **)&experiment->order));
    while (count < experiment->n_runs) {
        int32_t before = count, waiting = DCN_NONE;
        for (int32_t i = 0; i < experiment->n_runs; i++) {
            if (placed[i]) continue;
            if (waits_for(&experiment->runs[i], placed) != NULL) {
                waiting = i;
                continue;
            }
            placed[i] = true;
            experiment->order[count++] = i;
        }
        if (count > before) continue;
        const dcn_run_spec *run = &experiment->runs[waiting];
        const char *key = waits_for(run, placed);
        return dcn_doc_fail(dcn_doc_get(run->doc, key), DECANT_USAGE, "%s: goes in a circle through '%s'", key,
                            run->name);
    }
    return DECANT_OK;
}

int32_t dcn_experiment_baseline(const dcn_experiment *experiment, int32_t index)
{
    const dcn_run_spec *run = &experiment->runs[index];
    if (run->like != DCN_NONE && dcn_experiment_same_network(experiment, index, run->like)) return run->like;
    bool taught = run->n_teachers > 0;
    for (int32_t i = 0; i < experiment->n_runs && taught; i++) {
        const dcn_run_spec *other = &experiment->runs[i];
        bool alone = other->n_teachers == 0;
        if (i != index && alone && dcn_experiment_same_network(experiment, index, i)) return i;
    }
    return DCN_NONE;
}

/* --- the whole file --- */

static decant_status find_run(const dcn_experiment *experiment, const dcn_doc *doc, int32_t *ret_run)
{
    const char *name = NULL;
    TRY_RETURN(dcn_doc_text(doc, "run", &name));
    int32_t run = dcn_experiment_find_run(experiment, name);
    if (run == DCN_NONE) {
        const dcn_doc *runs = dcn_doc_get(experiment->doc, "runs");
        return dcn_schema_unknown(doc, "run", name, runs->keys, (size_t)runs->count);
    }
    *ret_run = run;
    return DECANT_OK;
}

/* One model, or a list of them. */
static decant_status parse_budget_models(const dcn_experiment *experiment, const dcn_doc *doc, bool *of_model)
{
    const bool is_list = doc->type == DCN_DOC_LIST;
    if (is_list && doc->count == 0) return dcn_doc_fail(doc, DECANT_USAGE, "model wants a model or a list of models");
    for (int32_t i = 0; i < (is_list ? doc->count : 1); i++) {
        const dcn_doc *item = is_list ? doc->items[i] : doc;
        int32_t model = DCN_NONE;
        const bool is_scalar = item->type == DCN_DOC_SCALAR;
        if (is_scalar && dcn_experiment_find_model(experiment, item->text) == DCN_NONE &&
            dcn_experiment_find_run(experiment, item->text) != DCN_NONE)
            return dcn_doc_fail(item, DECANT_USAGE, "'%s' is a run, whose limit is said by `budget: {run: %s, ...}`",
                                item->text, item->text);
        TRY_RETURN(find_model(experiment, item, &model));
        if (of_model[model]) return dcn_doc_fail(item, DECANT_USAGE, "the model '%s' is listed twice", item->text);
        of_model[model] = true;
    }
    return DECANT_OK;
}

static decant_status parse_budget(dcn_experiment *experiment)
{
    const dcn_doc *doc = dcn_doc_get(experiment->doc, "budget");
    dcn_budget_spec *budget = &experiment->budget;
    budget->run = DCN_NONE;
    TRY_RETURN(dcn_arena_take(experiment->arena, (size_t)experiment->n_models * sizeof *budget->of_model,
                              (void **)&budget->of_model));
    if (doc == NULL) return DECANT_OK;
    budget->doc = doc;
    TRY_RETURN(dcn_schema_check(DCN_SECTION_BUDGET, doc));
    const dcn_doc *model = dcn_doc_get(doc, "model"), *run = dcn_doc_get(doc, "run");
    if ((model == NULL) == (run == NULL))
        return dcn_doc_fail(doc, DECANT_USAGE, "budget needs either model or run: whose limit is it?");
    if (model != NULL) TRY_RETURN(parse_budget_models(experiment, model, budget->of_model));
    if (run != NULL) TRY_RETURN(find_run(experiment, run, &budget->run));
    TRY_RETURN(dcn_schema_int(DCN_SECTION_BUDGET, doc, "parameters", &budget->parameters));
    TRY_RETURN(dcn_schema_int(DCN_SECTION_BUDGET, doc, "mult_adds", &budget->mult_adds));
    if (budget->parameters > 0 || budget->mult_adds > 0) return DECANT_OK;
    return dcn_doc_fail(doc, DECANT_USAGE, "budget needs a limit: parameters, mult_adds or both");
}

static decant_status parse_teacher_cache(dcn_experiment *experiment)
{
    const char *size = NULL;
    TRY_RETURN(dcn_schema_text(DCN_SECTION_TOP, experiment->doc, "teacher_cache", &size));
    if (strcmp(size, "off") == 0 || dcn_parse_bytes(size, &experiment->teacher_cache)) return DECANT_OK;
    return dcn_doc_fail(dcn_doc_get(experiment->doc, "teacher_cache"), DECANT_USAGE,
                        "teacher_cache wants a size such as 512 MiB, or off, not '%s'", size);
}

static decant_status parse_experiment(dcn_experiment *experiment)
{
    int64_t threads = 0;
    const dcn_doc *doc = experiment->doc;
    if (doc->type != DCN_DOC_MAP)
        return dcn_doc_fail(doc, DECANT_USAGE, "a recipe is a map with the keys decant, name, data, models and runs");
    TRY_RETURN(dcn_schema_check(DCN_SECTION_TOP, doc));
    TRY_RETURN(dcn_schema_text(DCN_SECTION_TOP, doc, "name", &experiment->name));
    TRY_RETURN(check_name(dcn_doc_get(doc, "name"), "name for a recipe", experiment->name));
    TRY_RETURN(dcn_schema_text(DCN_SECTION_TOP, doc, "device", &experiment->device));
    TRY_RETURN(dcn_schema_int(DCN_SECTION_TOP, doc, "threads", &threads));
    experiment->threads = (int32_t)threads;
    TRY_RETURN(parse_precision(DCN_SECTION_TOP, doc, &experiment->precision));
    TRY_RETURN(parse_teacher_cache(experiment));
    TRY_RETURN(dcn_data_parse(experiment->arena, dcn_doc_get(doc, "data"), &experiment->data));
    TRY_RETURN(parse_models(experiment));
    TRY_RETURN(parse_runs(experiment));
    TRY_RETURN(check_run_folders(experiment));
    TRY_RETURN(order_runs(experiment));
    for (int32_t i = 0; i < experiment->n_runs; i++)
        TRY_RETURN(dcn_start_resolve_model(experiment, experiment->order[i]));
    return parse_budget(experiment);
}

/* An override changes what is there: `runs.distiled.epochs=2` would otherwise begin a new run. A whole new entry, given
 * as a map under a name of its own, is fine. */
static decant_status check_entry(const dcn_doc *root, const char *path, const char *section)
{
    const size_t length = strlen(section);
    if (strncmp(path, section, length) != 0 || path[length] != '.') return DECANT_OK;
    const dcn_doc *entries = dcn_doc_get(root, section);
    if (entries == NULL || entries->type != DCN_DOC_MAP) return DECANT_OK;
    char word[128];
    const char *name = path + length + 1;
    const size_t step = dcn_doc_step(entries, name);
    TRY_RETURN(dcn_format(word, sizeof word, "%.*s", (int)step, name));
    if (name[step] == '\0' || dcn_doc_get(entries, word) != NULL) return DECANT_OK;
    const dcn_doc place = {.file = "-o"};
    return dcn_schema_unknown(&place, strcmp(section, "runs") == 0 ? "run" : "model", word, entries->keys,
                              (size_t)entries->count);
}

/* runs.RUN.KEY.SETTING changes a setting of what the run has, though it may have it from another. */
static decant_status inherit_whole(dcn_arena *arena, dcn_doc *root, const char *path)
{
    char run[128], key[64];
    if (strncmp(path, "runs.", 5) != 0) return DECANT_OK;
    const char *name = path + 5;
    const size_t length = dcn_doc_step(dcn_doc_get(root, "runs"), name);
    if (name[length] != '.') return DECANT_OK;
    const char *behind = name + length + 1, *end = strchr(behind, '.');
    if (end == NULL) return DECANT_OK;
    const size_t key_length = (size_t)(end - behind);
    if (length >= sizeof run || key_length >= sizeof key) return DECANT_OK; /* unknown, and will be called so */
    memcpy(run, name, length);
    memcpy(key, behind, key_length);
    run[length] = key[key_length] = '\0';
    return dcn_runs_inherit(arena, root, run, key);
}

/* "path=value" onto the tree. */
static decant_status apply_override(dcn_arena *arena, dcn_doc *root, const char *override)
{
    const char *equals = strchr(override, '=');
    if (equals == NULL || equals == override)
        return DCN_FAIL(USAGE, "-o wants PATH=VALUE such as runs.alone.epochs=1, not '%s'", override);
    char path[256];
    TRY_RETURN(dcn_format(path, sizeof path, "%.*s", (int)(equals - override), override));
    TRY_RETURN(check_entry(root, path, "runs"));
    TRY_RETURN(check_entry(root, path, "models"));
    TRY_RETURN(inherit_whole(arena, root, path));
    return dcn_doc_set(arena, root, path, equals + 1);
}

static decant_status create(const char *name, dcn_experiment **ret_experiment)
{
    dcn_experiment *experiment = NULL;
    char *file = NULL;
    decant_status status = dcn_new(sizeof *experiment, (void **)&experiment);
    if (status != DECANT_OK) goto out;
    TRY(dcn_arena_create(&experiment->arena));
    TRY(dcn_arena_string(experiment->arena, name, &file));
    experiment->file = file;
    *ret_experiment = experiment;
    experiment = NULL;
out:
    dcn_experiment_destroy(experiment);
    return status;
}

/* The words of the recipe, for whoever wants to know later what a run was. */
static decant_status keep_source(dcn_experiment *experiment, const char *text, const char *const *overrides,
                                 int32_t n_overrides)
{
    char *copy = NULL;
    TRY_RETURN(dcn_arena_string(experiment->arena, text, &copy));
    experiment->source = copy;
    TRY_RETURN(dcn_arena_take(experiment->arena, (size_t)n_overrides * sizeof *experiment->overrides,
                              (void **)&experiment->overrides));
    for (int32_t i = 0; i < n_overrides; i++) {
        TRY_RETURN(dcn_arena_string(experiment->arena, overrides[i], &copy));
        experiment->overrides[experiment->n_overrides++] = copy;
    }
    return DECANT_OK;
}

decant_status dcn_experiment_parse(const char *name, const char *text, size_t bytes, const char *const *overrides,
                                   int32_t n_overrides, dcn_experiment **ret_experiment)
{
    dcn_experiment *experiment = NULL;
    dcn_text source = {0}; /* ended by a NUL, which the text need not be */
    decant_status status = create(name, &experiment);
    if (status != DECANT_OK) goto out;
    TRY(dcn_doc_parse(experiment->arena, experiment->file, text, bytes, &experiment->doc));
    TRY(dcn_text_add_bytes(&source, text, bytes));
    TRY(keep_source(experiment, source.data, overrides, n_overrides));
    for (int32_t i = 0; i < n_overrides; i++)
        TRY(apply_override(experiment->arena, experiment->doc, overrides[i]));
    TRY(parse_experiment(experiment));
    *ret_experiment = experiment;
    experiment = NULL;
out:
    dcn_text_finish(&source);
    dcn_experiment_destroy(experiment);
    return status;
}

decant_status dcn_experiment_need_run(const dcn_experiment *experiment, const char *name, int32_t *ret_run)
{
    const dcn_doc word = {.type = DCN_DOC_SCALAR, .text = name, .file = experiment->file};
    return find_run(experiment, &word, ret_run);
}

decant_status dcn_experiment_read(const char *path, const char *const *overrides, int32_t n_overrides,
                                  dcn_experiment **ret_experiment)
{
    uint8_t *text = NULL;
    size_t bytes = 0;
    decant_status status = dcn_file_read(path, DCN_DOC_MAX_BYTES, &text, &bytes);
    if (status != DECANT_OK) goto out;
    TRY(dcn_experiment_parse(path, (const char *)text, bytes, overrides, n_overrides, ret_experiment));
out:
    dcn_free(text);
    return status;
}

void dcn_experiment_destroy(dcn_experiment *experiment)
{
    if (experiment == NULL) return;
    dcn_arena_destroy(experiment->arena);
    dcn_free(experiment);
}
