/* Finds the files of a run's teachers, loads them and makes one model of them. */
#include "run/teachers.h"

#include <string.h>

#include "base/file.h"
#include "base/text.h"
#include "nn/ensemble.h"
#include "recipe/words.h"
#include "run/run_directory.h"

/* Model files, and the models once they are loaded. */
typedef struct members {
    char *paths[DCN_MAX_ENSEMBLE];
    decant_model *models[DCN_MAX_ENSEMBLE];
    int32_t count;
} members;

static void finish_members(members *all)
{
    for (int32_t i = 0; i < DCN_MAX_ENSEMBLE; i++) {
        dcn_free(all->paths[i]);
        dcn_model_destroy(all->models[i]);
    }
    *all = (members){0};
}

void dcn_teachers_finish(dcn_teachers *teachers)
{
    dcn_free(teachers->paths);
    dcn_model_destroy(teachers->model);
    dcn_free(teachers->identity);
    *teachers = (dcn_teachers){0};
}

/* --- their files --- */

static decant_status add_path(const char *path, members *all)
{
    if (all->count == DCN_MAX_ENSEMBLE)
        return DCN_FAIL(USAGE, "an ensemble of more than %d teachers", DCN_MAX_ENSEMBLE);
    TRY_RETURN(dcn_copy_string(path, &all->paths[all->count]));
    all->count++;
    return DECANT_OK;
}

static decant_status add_run(const char *directory, const dcn_experiment *experiment, int32_t run, uint64_t seed,
                             members *all)
{
    dcn_run_directory files = {0};
    TRY_RETURN(dcn_run_directory_name(directory, experiment, run, seed, &files));
    decant_status status = add_path(files.model, all);
    dcn_run_directory_finish(&files);
    return status;
}

bool dcn_teacher_has(const dcn_teacher_spec *teacher, const dcn_run_spec *source, uint64_t student, uint64_t seed)
{
    switch (teacher->seeds) {
    case DCN_TEACHER_OWN:
        return seed == dcn_own_seed(source, student);
    case DCN_TEACHER_ALL:
        return true;
    case DCN_TEACHER_ONE:
        return seed == teacher->seed;
    }
    return false;
}

static decant_status list_paths(const char *directory, const dcn_experiment *experiment, const dcn_run_spec *run,
                                uint64_t seed, members *all)
{
    for (int32_t i = 0; i < run->n_teachers; i++) {
        const dcn_teacher_spec *teacher = &run->teachers[i];
        if (teacher->file != NULL) {
            TRY_RETURN(add_path(teacher->file, all));
            continue;
        }
        const dcn_run_spec *source = &experiment->runs[teacher->run];
        for (int32_t s = 0; s < source->n_seeds; s++)
            if (dcn_teacher_has(teacher, source, seed, source->seeds[s]))
                TRY_RETURN(add_run(directory, experiment, teacher->run, source->seeds[s], all));
    }
    return DECANT_OK;
}

static decant_status join_paths(const dcn_run_spec *run, const members *all, dcn_text *text)
{
    TRY_RETURN(dcn_text_add(text, "%d\n", run->is_ensemble ? (int)run->average : -1));
    for (int32_t i = 0; i < all->count; i++)
        TRY_RETURN(dcn_text_add(text, "%s\n", all->paths[i]));
    return DECANT_OK;
}

/* --- loading --- */

static decant_status load(const char *path, dcn_text *identity, decant_model **ret_model)
{
    dcn_hash hash;
    char hex[DCN_HASH_HEX];
    decant_status status = dcn_model_load_hashed(path, &hash, ret_model);
    if (status != DECANT_OK) {
        dcn_while("loading the teacher %s", path);
        return status;
    }
    dcn_hash_hex(hash, hex);
    return dcn_text_add(identity, "%s%s", identity->length > 0 ? " " : "", hex);
}

static decant_status load_all(const dcn_run_spec *run, members *all, dcn_text *identity, decant_model **ret_model)
{
    if (!run->is_ensemble) return load(all->paths[0], identity, ret_model);
    TRY_RETURN(dcn_text_add(identity, "%s", dcn_average_words[run->average]));
    for (int32_t i = 0; i < all->count; i++)
        TRY_RETURN(load(all->paths[i], identity, &all->models[i]));
    return dcn_model_ensemble((const decant_model *const *)all->models, all->count, run->average, ret_model);
}

decant_status dcn_teachers_need(dcn_teachers *teachers, const char *directory, const dcn_experiment *experiment,
                                const dcn_run_spec *run, uint64_t seed, bool *ret_changed)
{
    members all = {0};
    dcn_text paths = {0}, identity = {0};
    dcn_teachers needed = {0};
    decant_status status = list_paths(directory, experiment, run, seed, &all);
    if (status != DECANT_OK) goto out;
    TRY(join_paths(run, &all, &paths));
    *ret_changed = teachers->paths == NULL || strcmp(teachers->paths, paths.data) != 0;
    if (!*ret_changed) goto out;
    TRY(load_all(run, &all, &identity, &needed.model));
    TRY(dcn_text_take(&paths, &needed.paths));
    TRY(dcn_text_take(&identity, &needed.identity));
    dcn_teachers_finish(teachers);
    *teachers = needed;
    needed = (dcn_teachers){0};
out:
    dcn_text_finish(&paths);
    dcn_text_finish(&identity);
    dcn_teachers_finish(&needed);
    finish_members(&all);
    return status;
}

/* --- without files --- */

static decant_status sketch_one(const dcn_materials *materials, const dcn_teacher_spec *teacher, uint64_t seed,
                                decant_model **ret_model)
{
    if (teacher->file != NULL) return dcn_model_load(teacher->file, ret_model);
    return dcn_materials_model(materials, materials->experiment->runs[teacher->run].model, seed, ret_model);
}

decant_status dcn_teachers_sketch(const dcn_materials *materials, const dcn_run_spec *run, decant_model **ret_model)
{
    members all = {0};
    decant_status status = DECANT_OK;
    if (!run->is_ensemble) return sketch_one(materials, &run->teachers[0], 0, ret_model);
    for (int32_t i = 0; i < run->n_teachers; i++) {
        const dcn_teacher_spec *teacher = &run->teachers[i];
        int32_t copies = teacher->seeds == DCN_TEACHER_ALL ? materials->experiment->runs[teacher->run].n_seeds : 1;
        for (int32_t s = 0; s < copies && all.count < DCN_MAX_ENSEMBLE; s++, all.count++)
            TRY(sketch_one(materials, teacher, (uint64_t)s, &all.models[all.count]));
    }
    TRY(dcn_model_ensemble((const decant_model *const *)all.models, all.count, run->average, ret_model));
out:
    finish_members(&all);
    return status;
}
