/* What a training step of a recipe does, for `decant summary --plan`. */
#include <string.h>

#include "decant/recipe.h"
#include "predict/plan_listing.h"
#include "run/materials.h"
#include "run/public.h"
#include "run/teachers.h"
#include "run/transfer.h"
#include "train/answers.h"

/* The first run with a teacher, whose step is the larger one and so the one to show; else the first. */
static decant_status find_run_of(const dcn_experiment *experiment, int32_t model, int32_t *ret_run)
{
    int32_t found = DCN_NONE;
    for (int32_t i = 0; i < experiment->n_runs; i++) {
        const bool taught = experiment->runs[i].has_teacher_term;
        if (experiment->runs[i].model != model) continue;
        if (found == DCN_NONE || (taught && !experiment->runs[found].has_teacher_term)) found = i;
    }
    *ret_run = found;
    if (found != DCN_NONE) return DECANT_OK;
    return DCN_FAIL(NOT_FOUND, "no run of %s trains the model '%s'", experiment->file, experiment->models[model].name);
}

/* Whether the steps of the run look the teacher's answers up, as train.c will decide it. */
static decant_status find_whether_kept(const dcn_materials *materials, int32_t index, decant_model *student,
                                       const decant_model *teacher, bool *ret_kept)
{
    const dcn_run_spec *run = &materials->experiment->runs[index];
    dcn_transfer_set set = {0};
    TRY_RETURN(dcn_transfer_set_make(materials, index, &set));
    const dcn_split split = {.n_train = set.count};
    dcn_train_options options = {.model = student,
                                 .teacher = teacher,
                                 .split = &split,
                                 .augment = run->augment,
                                 .n_terms = run->n_terms,
                                 .teacher_cache_bytes = materials->experiment->teacher_cache};
    memcpy(options.terms, run->terms, sizeof options.terms);
    decant_status status = dcn_answers_are_kept(&options, ret_kept);
    dcn_transfer_set_finish(&set);
    return status;
}

decant_status decant_recipe_plan(const decant_recipe *recipe, const char *model, const decant_compute *compute,
                                 int64_t batch, decant_plan_listing **ret_plan)
{
    DCN_REQUIRE(recipe, model, ret_plan);
    const decant_compute own = decant_recipe_compute(recipe);
    dcn_materials *materials = NULL;
    decant_model *student = NULL, *teacher = NULL;
    dcn_device *device = NULL;
    dcn_training_step *step = NULL;
    decant_plan_listing *listing = NULL;
    int32_t index = DCN_NONE, run_index = DCN_NONE;
    bool kept = false;
    decant_status status = dcn_experiment_need_model(recipe, model, &index);
    if (status != DECANT_OK) goto out;
    TRY(find_run_of(recipe, index, &run_index));
    const dcn_run_spec *run = &recipe->runs[run_index];
    TRY(dcn_compute_open(compute != NULL ? compute : &own, &device));
    if (compute == NULL) device->precision = run->precision;
    TRY(dcn_materials_create(recipe, &materials));
    TRY(dcn_materials_model(materials, index, 0, &student));
    if (run->n_teachers > 0) TRY(dcn_teachers_sketch(materials, run, &teacher));
    TRY(find_whether_kept(materials, run_index, student, teacher, &kept));
    const dcn_training_spec spec = {.device = device,
                                    .model = student,
                                    .teacher = teacher,
                                    .teacher_known = kept,
                                    .optimizer = &run->optimizer,
                                    .terms = run->terms,
                                    .n_terms = run->n_terms,
                                    .labelled = run->transfer.labels,
                                    .mixup = run->augment.mixup > 0};
    int64_t samples = batch > 0 ? batch : run->batch;
    TRY(dcn_training_step_create(&spec, samples, NULL, &step));
    TRY(dcn_plan_listing_make(step->plan, samples, run->name, &listing));
    listing->has_teacher = run->n_teachers > 0;
    listing->teacher_cached = kept;
    *ret_plan = listing;
out:
    dcn_training_step_destroy(step);
    dcn_model_destroy(teacher);
    dcn_model_destroy(student);
    dcn_materials_destroy(materials);
    dcn_device_close(device);
    return status;
}
