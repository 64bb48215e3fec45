/* Runs an experiment: its runs in the order of their dependencies, one for each seed, each in its directory. What one
 * training does is train/'s, what a directory means is run_directory.c's. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/folder.h"
#include "base/processor.h"
#include "compress/fold.h"
#include "decant/recipe.h"
#include "decant/version.h"
#include "run/assess.h"
#include "run/correct.h"
#include "run/lint.h"
#include "run/public.h"
#include "run/result.h"
#include "run/run_directory.h"
#include "run/start.h"
#include "run/teachers.h"

typedef struct run_context {
    const dcn_experiment *experiment;
    const decant_run_options *options;
    dcn_materials *materials;
    dcn_device *device;
    decant_result_list *results;
    bool (*wanted)[DCN_MAX_SEEDS]; /* [n_runs] */
    int32_t n_wanted;
    dcn_teachers teachers;
    dcn_teacher_answers answers; /* of the teachers in memory */
    /* The run in hand. */
    int32_t run;
    uint64_t seed;
    int32_t number; /* among the wanted ones, from 1 */
    const char *losses_path;
    dcn_start start;
    int32_t folded; /* layers of the model that it hands over */
    double fold_difference;
} run_context;

/* --- what train/ reports, as the caller knows it --- */

static bool stop_requested(void *context)
{
    const run_context *runner = context;
    return runner->options->stop_requested != NULL && runner->options->stop_requested(runner->options->context);
}

static void on_progress(void *context, const dcn_progress *progress)
{
    const run_context *runner = context;
    const decant_run_progress told = {.run = runner->experiment->runs[runner->run].name,
                                      .seed = runner->seed,
                                      .epoch = progress->epoch,
                                      .epochs = progress->epochs,
                                      .batch = progress->batch,
                                      .batches = progress->batches,
                                      .loss = progress->loss,
                                      .accuracy = progress->accuracy,
                                      .images_per_second = progress->images_per_second,
                                      .seconds_left = progress->seconds_left};
    if (runner->options->on_progress != NULL) runner->options->on_progress(runner->options->context, &told);
}

static void on_epoch(void *context, const dcn_epoch *epoch)
{
    const run_context *runner = context;
    bool has_validation = runner->materials->split.n_validation > 0;
    const decant_run_epoch told = {.run = runner->experiment->runs[runner->run].name,
                                   .seed = runner->seed,
                                   .epoch = epoch->epoch,
                                   .epochs = epoch->epochs,
                                   .loss = epoch->loss,
                                   .accuracy = epoch->accuracy,
                                   .has_validation = has_validation,
                                   .validation_loss = has_validation ? epoch->validation_loss : 0,
                                   .validation_accuracy = has_validation ? epoch->validation_accuracy : 0,
                                   .validation_errors = has_validation ? epoch->validation_errors : 0,
                                   .learning_rate = epoch->lr,
                                   .seconds = epoch->seconds,
                                   .images_per_second = epoch->images_per_second,
                                   .best = epoch->best};
    if (runner->options->on_epoch != NULL) runner->options->on_epoch(runner->options->context, &told);
}

static void on_note(void *context, const char *text)
{
    const run_context *runner = context;
    const decant_finding finding = {.severity = DECANT_SEVERITY_NOTE, .text = text, .message = text};
    if (runner->options->on_finding != NULL) runner->options->on_finding(runner->options->context, &finding);
}

static void on_asked(void *context, int64_t done, int64_t count)
{
    const run_context *runner = context;
    if (runner->options->on_asked != NULL) runner->options->on_asked(runner->options->context, done, count);
}

static decant_status on_loss_sheet(void *context, const dcn_loss_sheet *sheet)
{
    const run_context *runner = context;
    decant_run_loss losses[DCN_MAX_TERMS];
    for (int32_t i = 0; i < sheet->n_terms; i++)
        losses[i] = (decant_run_loss){.name = sheet->term[i].name,
                                      .formula = sheet->term[i].formula,
                                      .reduction = sheet->term[i].reduction,
                                      .temperature = sheet->term[i].temperature,
                                      .weight = sheet->term[i].weight,
                                      .value = sheet->term[i].value,
                                      .contribution = sheet->term[i].contribution,
                                      .gradient_norm = sheet->term[i].gradient_norm};
    if (runner->options->on_losses != NULL)
        runner->options->on_losses(runner->options->context, losses, sheet->n_terms);
    return dcn_losses_write(runner->losses_path, losses, sheet->n_terms);
}

/* --- which runs --- */

/* The s-th seed of a run and all that it needs. The order of runs is no circle, so this ends. */
static void want_seed(run_context *runner, int32_t run, int32_t s)
{
    const dcn_run_spec *runs = runner->experiment->runs, *spec = &runs[run];
    if (runner->wanted[run][s]) return;
    runner->wanted[run][s] = true;
    runner->n_wanted++;
    for (int32_t i = 0; i < spec->n_teachers; i++) {
        const dcn_teacher_spec *teacher = &spec->teachers[i];
        for (int32_t t = 0; teacher->run != DCN_NONE && t < runs[teacher->run].n_seeds; t++)
            if (dcn_teacher_has(teacher, &runs[teacher->run], spec->seeds[s], runs[teacher->run].seeds[t]))
                want_seed(runner, teacher->run, t);
    }
    const int32_t start = spec->start.run;
    for (int32_t t = 0; start != DCN_NONE && t < runs[start].n_seeds; t++)
        if (runs[start].seeds[t] == dcn_own_seed(&runs[start], spec->seeds[s])) want_seed(runner, start, t);
}

static void want_run(run_context *runner, int32_t run)
{
    for (int32_t s = 0; s < runner->experiment->runs[run].n_seeds; s++)
        want_seed(runner, run, s);
}

static decant_status choose_runs(run_context *runner)
{
    int32_t count = runner->experiment->n_runs;
    TRY_RETURN(dcn_new_array((size_t)count, sizeof *runner->wanted, (void **)&runner->wanted));
    for (int32_t i = 0; i < runner->options->n_runs; i++) {
        int32_t run = DCN_NONE;
        TRY_RETURN(dcn_experiment_need_run(runner->experiment, runner->options->runs[i], &run));
        want_run(runner, run);
    }
    for (int32_t i = 0; i < count && runner->options->n_runs == 0; i++)
        want_run(runner, i);
    return DECANT_OK;
}

/* Errors stop here; the rest is told. */
static decant_status check_recipe(run_context *runner)
{
    decant_finding_list *list = NULL;
    dcn_findings findings = {0};
    decant_status status = dcn_lint_with(runner->materials, &findings);
    if (status != DECANT_OK) goto out;
    TRY(dcn_finding_list_make(&findings, &list));
    if (list->errors > 1)
        status = DCN_FAIL(USAGE, "%s (and %d more errors; `decant lint %s` lists them)", list->items[0].text,
                          list->errors - 1, runner->experiment->file);
    else if (list->errors == 1)
        status = DCN_FAIL(USAGE, "%s", list->items[0].text);
    for (int32_t i = 0; i < list->count && list->errors == 0 && runner->options->on_finding != NULL; i++)
        runner->options->on_finding(runner->options->context, &list->items[i]);
out:
    decant_finding_list_destroy(list);
    dcn_findings_finish(&findings);
    return status;
}

/* --- teachers --- */

/* Makes the run's teacher runner->teachers; *ret_identity is NULL without one. */
static decant_status need_teacher(run_context *runner, const dcn_run_spec *run, uint64_t seed,
                                  const char **ret_identity)
{
    bool changed = false;
    if (run->n_teachers == 0) return DECANT_OK;
    TRY_RETURN(
        dcn_teachers_need(&runner->teachers, runner->options->directory, runner->experiment, run, seed, &changed));
    if (changed) dcn_teacher_answers_finish(&runner->answers);
    *ret_identity = runner->teachers.identity;
    return DECANT_OK;
}

/* --- what it starts from --- */

static decant_status need_start(run_context *runner, const dcn_run_spec *run, uint64_t seed)
{
    const dcn_experiment *experiment = runner->experiment;
    const int32_t needed = run->start.run;
    dcn_run_directory directory = {0};
    decant_status status = DECANT_OK;
    dcn_start_finish(&runner->start);
    if (needed != DCN_NONE)
        TRY(dcn_run_directory_name(runner->options->directory, experiment, needed,
                                   dcn_own_seed(&experiment->runs[needed], seed), &directory));
    TRY(dcn_start_open(needed != DCN_NONE ? directory.model : run->start.file, &runner->start));
out:
    dcn_run_directory_finish(&directory);
    return status;
}

/* --- one run --- */

static decant_status describe_model_file(const run_context *runner, const dcn_identity *identity, bool taught,
                                         const dcn_train_result *trained, decant_model *model)
{
    char seed[24], epochs[24], steps[24];
    snprintf(seed, sizeof seed, "%llu", (unsigned long long)runner->seed);
    snprintf(epochs, sizeof epochs, "%lld", (long long)trained->epochs_done);
    snprintf(steps, sizeof steps, "%lld", (long long)trained->steps_done);
    const char *pairs[][2] = {{"recipe", runner->experiment->name},
                              {"run", runner->experiment->runs[runner->run].name},
                              {"seed", seed},
                              {"epochs", epochs},
                              {"steps", steps},
                              {"data", runner->materials->dataset->name},
                              {"data_hash", identity->data_hex},
                              {"recipe_hash", identity->hex},
                              {"teacher_hash", taught ? runner->teachers.identity : NULL}};
    for (size_t i = 0; i < DCN_COUNT(pairs); i++)
        if (pairs[i][1] != NULL) TRY_RETURN(dcn_model_set_metadata(model, pairs[i][0], pairs[i][1]));
    return DECANT_OK;
}

static decant_status fill_texts(const run_context *runner, const char *directory, const dcn_identity *identity,
                                decant_run_result *result)
{
    const dcn_experiment *experiment = runner->experiment;
    const dcn_run_spec *run = &experiment->runs[runner->run];
    int32_t baseline = dcn_experiment_baseline(experiment, runner->run);
    TRY_RETURN(dcn_result_text(&result->recipe, experiment->name));
    TRY_RETURN(dcn_result_text(&result->run, run->name));
    TRY_RETURN(dcn_result_text(&result->model, experiment->models[run->model].name));
    TRY_RETURN(dcn_result_text(&result->directory, directory));
    TRY_RETURN(dcn_result_text(&result->data, identity->data_hex));
    TRY_RETURN(dcn_result_text(&result->teacher, run->teacher_name));
    return dcn_result_text(&result->baseline, baseline != DCN_NONE ? experiment->runs[baseline].name : NULL);
}

/* Which program on which machine this is, so that a table can be told from one that mixes several. */
static decant_status sign(const run_context *runner, decant_run_result *result)
{
    const char *revision = decant_revision();
    const bool is_known = revision[0] != '\0';
    char processor[64], text[192], date[DCN_DATE_BYTES];
    dcn_processor_name(processor, sizeof processor);
    TRY_RETURN(dcn_format(text, sizeof text, "decant %s%s%s%s on %s", decant_version(), is_known ? " (" : "", revision,
                          is_known ? ")" : "", processor));
    TRY_RETURN(dcn_result_text(&result->made_by, text));
    TRY_RETURN(dcn_format(text, sizeof text, "%s; %s", runner->device->summary,
                          decant_precision_name(runner->device->precision)));
    TRY_RETURN(dcn_result_text(&result->made_with, text));
    dcn_clock_date(date);
    return dcn_result_text(&result->made_at, date);
}

static int32_t place_of(const dcn_experiment *experiment, int32_t run)
{
    int32_t place = 0;
    while (experiment->order[place] != run)
        place++;
    return place;
}

/* Corrects the model if that is wanted, saves and tests it, and writes the result last. */
static decant_status conclude(run_context *runner, const dcn_run_directory *directory, const dcn_identity *identity,
                              bool taught, const dcn_train_result *trained, decant_model *model)
{
    dcn_map file = {0};
    char model_hex[DCN_HASH_HEX];
    decant_run_result *result = NULL;
    decant_bias_correction *correction = NULL;
    decant_status status = DECANT_OK;
    if (runner->experiment->runs[runner->run].correction.kind != DCN_CORRECT_NOT)
        TRY(dcn_correction_apply(runner->device, runner->materials, runner->run, model, &correction));
    TRY(dcn_model_save(model, directory->model));
    TRY(dcn_map_open(directory->model, &file));
    TRY(dcn_result_append(runner->results, &result));
    TRY(fill_texts(runner, directory->path, identity, result));
    TRY(sign(runner, result));
    result->place = place_of(runner->experiment, runner->run);
    result->seed = runner->seed;
    result->parameters = dcn_graph_parameters(model->graph);
    result->mult_adds = dcn_graph_mult_adds(model->graph);
    result->bytes = (int64_t)file.bytes;
    result->epochs = trained->epochs_done;
    result->steps = trained->steps_done;
    result->best_epoch = trained->best_epoch;
    result->has_validation = runner->materials->split.n_validation > 0;
    result->majority_accuracy = runner->materials->majority_accuracy;
    result->teacher_cached = trained->cached;
    result->answers_needed = trained->answers_needed;
    result->answers_computed = trained->answers_computed;
    result->parameters_before = runner->start.parameters_before;
    result->mult_adds_before = runner->start.mult_adds_before;
    result->folded = runner->folded;
    result->fold_difference = runner->folded > 0 ? runner->fold_difference : 0;
    result->seconds = trained->seconds;
    result->images_per_second = trained->images_per_second;
    result->correction = correction;
    correction = NULL;
    TRY(dcn_assess(runner->device, runner->materials, model, taught ? runner->teachers.model : NULL, &runner->answers,
                   result));
    dcn_hash_hex(dcn_hash_bytes(file.data, file.bytes), model_hex);
    TRY(dcn_result_text(&result->model_hash, model_hex));
    TRY(dcn_result_set_config(result, identity->config));
    TRY(dcn_result_write(directory->result, result, identity));
    TRY(dcn_file_remove(directory->checkpoint));
out:
    dcn_correction_destroy(correction);
    dcn_map_close(&file);
    return status;
}

/* The network and its weights before the first step. */
static decant_status start(run_context *runner, decant_model **ret_model)
{
    char text[256];
    TRY_RETURN(
        dcn_start_model(runner->device, runner->materials, runner->run, runner->seed, &runner->start, ret_model));
    if (runner->start.parameters_before == 0) return DECANT_OK;
    snprintf(text, sizeof text, "run '%s', seed %llu: pruned from %lld to %lld parameters, from %lld to %lld mult-adds",
             runner->experiment->runs[runner->run].name, (unsigned long long)runner->seed,
             (long long)runner->start.parameters_before, (long long)dcn_graph_parameters((*ret_model)->graph),
             (long long)runner->start.mult_adds_before, (long long)dcn_graph_mult_adds((*ret_model)->graph));
    on_note(runner, text);
    return DECANT_OK;
}

/* What is handed over: a linear bottleneck has done its work and becomes one matrix, which must not show in the
 * outputs. */
static decant_status fold_for_deployment(run_context *runner, decant_model **model)
{
    decant_model *folded = NULL;
    runner->folded = 0;
    TRY_RETURN(dcn_fold_linear(*model, DCN_FOLD_BOTTLENECKS, &folded, &runner->folded));
    decant_status status = DECANT_OK;
    if (runner->folded == 0) goto out; /* the model stays as it is */
    TRY(dcn_prove_equal(runner->device, *model, folded, &runner->fold_difference));
    dcn_model_destroy(*model);
    *model = folded;
    folded = NULL;
out:
    dcn_model_destroy(folded);
    return status;
}

static decant_status train(run_context *runner, const dcn_run_directory *directory, const dcn_identity *identity,
                           bool taught)
{
    const dcn_run_spec *run = &runner->experiment->runs[runner->run];
    decant_model *model = NULL;
    dcn_train_result trained = {0};
    dcn_split split = runner->materials->split; /* the lists stay the materials' */
    dcn_transfer_set set = {0};
    char *cache_folder = NULL;
    decant_status status = start(runner, &model);
    if (status != DECANT_OK) goto out;
    TRY(dcn_transfer_set_make(runner->materials, runner->run, &set));
    split.train = set.indices;
    split.n_train = set.count;
    TRY(dcn_cache_folder("teacher", &cache_folder));
    runner->losses_path = directory->losses;
    dcn_train_options options = {.device = runner->device,
                                 .model = model,
                                 .teacher = taught ? runner->teachers.model : NULL,
                                 .dataset = runner->materials->dataset,
                                 .split = &split,
                                 .epochs = run->epochs,
                                 .batch = run->batch,
                                 .drop_last = run->drop_last,
                                 .seed = runner->seed,
                                 .ignore_labels = !run->transfer.labels,
                                 .augment = run->augment,
                                 .optimizer = run->optimizer,
                                 .n_terms = run->n_terms,
                                 .select_best = run->select_best,
                                 .checkpoint_path = directory->checkpoint,
                                 .metrics_path = directory->metrics,
                                 .checkpoint_seconds = runner->options->checkpoint_seconds,
                                 .teacher_cache_bytes =
                                     runner->options->no_teacher_cache ? 0 : runner->experiment->teacher_cache,
                                 .teacher_cache_folder = cache_folder,
                                 .identity = identity->hex,
                                 .context = runner,
                                 .stop_requested = stop_requested,
                                 .on_progress = on_progress,
                                 .on_epoch = on_epoch,
                                 .on_loss_sheet = on_loss_sheet,
                                 .on_note = on_note,
                                 .on_asked = on_asked};
    memcpy(options.terms, run->terms, sizeof options.terms);
    TRY(dcn_train(&options, &trained));
    TRY(fold_for_deployment(runner, &model));
    TRY(describe_model_file(runner, identity, taught, &trained, model));
    TRY(conclude(runner, directory, identity, taught, &trained, model));
out:
    dcn_free(cache_folder);
    dcn_transfer_set_finish(&set);
    dcn_model_destroy(model);
    return status;
}

/* Makes the directory ready, or refuses. ret_state: what it was found to hold; with DCN_RUN_DONE nothing is left to do.
 */
static decant_status prepare(const run_context *runner, const dcn_run_directory *directory,
                             const dcn_identity *identity, dcn_run_state *ret_state)
{
    dcn_text difference = {0};
    dcn_run_state state = DCN_RUN_NEW;
    decant_status status = dcn_run_directory_inspect(directory, runner->experiment, runner->run, runner->seed, identity,
                                                     &state, &difference);
    if (status != DECANT_OK) goto out;
    if (state == DCN_RUN_CHANGED && !runner->options->force) {
        status = DCN_FAIL(STALE,
                          "%s was made by another version of this run (%s); --force makes it again, "
                          "--dir puts it elsewhere",
                          directory->path, difference.data);
        goto out;
    }
    if (state == DCN_RUN_NEW || state == DCN_RUN_CHANGED)
        TRY(dcn_run_directory_claim(directory, runner->experiment, runner->run, runner->seed, identity));
    if (state == DCN_RUN_INTERRUPTED) TRY(dcn_file_remove(directory->result)); /* its model is gone */
    TRY(dcn_run_directory_tidy(directory));
    *ret_state = state;
out:
    dcn_text_finish(&difference);
    return status;
}

/* Answers of a teacher that another run read were given in its precision. */
static void set_precision(run_context *runner, decant_precision precision)
{
    if (runner->device->precision != precision) dcn_teacher_answers_finish(&runner->answers);
    runner->device->precision = precision;
}

/* What was made before. What it is measured against is today's recipe's word, for a run may have been renamed. */
static decant_status read_done(run_context *runner, int32_t run, const dcn_run_directory *directory, bool is_locked)
{
    const dcn_experiment *experiment = runner->experiment;
    const int32_t baseline = dcn_experiment_baseline(experiment, run);
    TRY_RETURN(dcn_result_read(directory->path, runner->results));
    decant_run_result *result = &runner->results->items[runner->results->count - 1];
    result->skipped = true;
    const char *name = baseline != DCN_NONE ? experiment->runs[baseline].name : NULL;
    if (name == result->baseline || (name != NULL && result->baseline != NULL && strcmp(name, result->baseline) == 0))
        return DECANT_OK;
    /* In a folder that cannot be written, or is not ours now, the old name stays; this run's own table is right all the
     * same. */
    decant_status status = is_locked ? dcn_result_rename_baseline(directory->result, name) : DECANT_OK;
    if (status == DECANT_NO_MEMORY) return status;
    return dcn_result_text(&result->baseline, name);
}

/* The directory is this process's alone meanwhile. */
static decant_status make_run(run_context *runner, const dcn_run_directory *directory, const dcn_identity *identity,
                              bool taught)
{
    dcn_run_state state = DCN_RUN_NEW;
    TRY_RETURN(prepare(runner, directory, identity, &state));
    if (state == DCN_RUN_DONE) {
        TRY_RETURN(dcn_file_remove(directory->checkpoint)); /* left by a kill just behind the result */
        TRY_RETURN(read_done(runner, runner->run, directory, true));
        const decant_run_result *done = &runner->results->items[runner->results->count - 1];
        TRY_RETURN(dcn_start_check_budget(runner->experiment, runner->run, done->parameters, done->mult_adds));
    } else {
        const decant_run_info info = dcn_run_info(runner->experiment, runner->run);
        const decant_run_start begin = {
            .run = &info,
            .seed = runner->seed,
            .resumed = state == DCN_RUN_INTERRUPTED && dcn_file_exists(directory->checkpoint),
            .number = runner->number,
            .count = runner->n_wanted,
        };
        if (runner->options->on_start != NULL) runner->options->on_start(runner->options->context, &begin);
        TRY_RETURN(train(runner, directory, identity, taught));
    }
    if (runner->options->on_result != NULL)
        runner->options->on_result(runner->options->context, &runner->results->items[runner->results->count - 1]);
    return DECANT_OK;
}

static decant_status run_seed(run_context *runner, int32_t run, uint64_t seed)
{
    dcn_run_directory directory = {0};
    dcn_identity identity = {0};
    const char *teacher_hex = NULL;
    int lock = -1;
    decant_status status = DECANT_OK;
    runner->run = run;
    runner->seed = seed;
    runner->number++;
    set_precision(runner, runner->experiment->runs[run].precision);
    if (stop_requested(runner)) {
        status = DCN_FAIL(INTERRUPTED, "stopped before the run '%s'; the rest can be run",
                          runner->experiment->runs[run].name);
        goto out;
    }
    TRY(dcn_run_directory_name(runner->options->directory, runner->experiment, run, seed, &directory));
    TRY(need_teacher(runner, &runner->experiment->runs[run], seed, &teacher_hex));
    TRY(need_start(runner, &runner->experiment->runs[run], seed));
    TRY(dcn_identity_make(runner->materials, run, seed, teacher_hex, runner->start.hex, &identity));
    status = dcn_directory_lock(directory.path, &lock);
    if (status != DECANT_OK) dcn_while("making the run directory %s", directory.path);
    if (status != DECANT_OK) goto out;
    TRY(make_run(runner, &directory, &identity, teacher_hex != NULL));
out:
    dcn_directory_unlock(lock);
    if (status != DECANT_OK)
        dcn_while("making the run '%s', seed %llu", runner->experiment->runs[run].name, (unsigned long long)seed);
    dcn_identity_finish(&identity);
    dcn_run_directory_finish(&directory);
    return status;
}

static void note_left_out(run_context *runner, const char *path, const char *difference)
{
    char text[768];
    snprintf(text, sizeof text, "%s is left out: it was made by another version of this run (%s)", path,
             difference != NULL ? difference : "something changed");
    on_note(runner, text);
}

/* Of a run that nobody asked for: its result, if it was made before. */
static decant_status recall_seed(run_context *runner, int32_t run, uint64_t seed)
{
    dcn_run_directory directory = {0};
    dcn_identity identity = {0};
    dcn_text difference = {0};
    dcn_run_state state = DCN_RUN_NEW;
    const dcn_run_spec *spec = &runner->experiment->runs[run];
    const char *teacher_hex = NULL;
    decant_status status = need_teacher(runner, spec, seed, &teacher_hex);
    if (status == DECANT_OK) status = need_start(runner, spec, seed);
    if (status != DECANT_OK) return status == DECANT_NO_MEMORY ? status : DECANT_OK; /* nor is it known without them */
    TRY(dcn_run_directory_name(runner->options->directory, runner->experiment, run, seed, &directory));
    TRY(dcn_identity_make(runner->materials, run, seed, teacher_hex, runner->start.hex, &identity));
    status = dcn_run_directory_inspect(&directory, runner->experiment, run, seed, &identity, &state, &difference);
    if (status == DECANT_OK && state == DCN_RUN_DONE) status = read_done(runner, run, &directory, false);
    if (status != DECANT_OK && status != DECANT_NO_MEMORY) { /* another's directory, or a damaged one */
        if (status != DECANT_STALE) on_note(runner, decant_error_message());
        status = DECANT_OK;
        goto out;
    }
    if (status == DECANT_OK && state == DCN_RUN_CHANGED) note_left_out(runner, directory.path, difference.data);
    if (status != DECANT_OK || state != DCN_RUN_DONE) goto out;
    const decant_run_result *result = &runner->results->items[runner->results->count - 1];
    if (runner->options->on_result != NULL) runner->options->on_result(runner->options->context, result);
out:
    dcn_text_finish(&difference);
    dcn_identity_finish(&identity);
    dcn_run_directory_finish(&directory);
    return status;
}

static bool is_wanted(const run_context *runner, int32_t run)
{
    for (int32_t s = 0; s < runner->experiment->runs[run].n_seeds; s++)
        if (runner->wanted[run][s]) return true;
    return false;
}

static bool is_wanted_baseline(const run_context *runner, int32_t run)
{
    for (int32_t i = 0; i < runner->experiment->n_runs; i++)
        if (is_wanted(runner, i) && dcn_experiment_baseline(runner->experiment, i) == run) return true;
    return false;
}

static decant_status run_all(run_context *runner)
{
    const dcn_experiment *experiment = runner->experiment;
    for (int32_t i = 0; i < experiment->n_runs; i++) {
        const int32_t index = experiment->order[i];
        const dcn_run_spec *run = &experiment->runs[index];
        for (int32_t s = 0; s < run->n_seeds; s++) {
            if (runner->wanted[index][s])
                TRY_RETURN(run_seed(runner, index, run->seeds[s]));
            else if (is_wanted_baseline(runner, index))
                TRY_RETURN(recall_seed(runner, index, run->seeds[s]));
        }
    }
    return DECANT_OK;
}

decant_status decant_recipe_run(const decant_recipe *recipe, const decant_run_options *options,
                                decant_result_list **ret_results)
{
    DCN_REQUIRE(recipe, ret_results);
    decant_run_options all = options != NULL ? *options : (decant_run_options){0};
    if (all.directory == NULL) all.directory = "runs";
    run_context runner = {.experiment = recipe, .options = &all};
    const dcn_device_options device = {.threads = recipe->threads, .precision = recipe->precision};
    decant_status status = dcn_new(sizeof *runner.results, (void **)&runner.results);
    if (status != DECANT_OK) goto out;
    TRY(choose_runs(&runner));
    TRY(dcn_device_open(recipe->device, &device, &runner.device));
    TRY(dcn_materials_create(recipe, &runner.materials));
    TRY(check_recipe(&runner));
    TRY(run_all(&runner));
    *ret_results = runner.results;
    runner.results = NULL;
out:
    decant_result_list_destroy(runner.results);
    dcn_start_finish(&runner.start);
    dcn_teacher_answers_finish(&runner.answers);
    dcn_teachers_finish(&runner.teachers);
    dcn_materials_destroy(runner.materials);
    dcn_device_close(runner.device);
    dcn_free(runner.wanted);
    return status;
}
