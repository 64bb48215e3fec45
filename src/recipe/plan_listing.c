/* What a batch does, step by step, for `decant summary --plan`: inference with a model, or a training step of a recipe.
 */
#include "recipe/plan_listing.h"

#include <string.h>

#include "nn/inference.h"
#include "recipe/findings.h"
#include "recipe/materials.h"
#include "recipe/teachers.h"
#include "recipe/transfer.h"
#include "train/answers.h"

/* The listing with the arena that holds its texts. */
typedef struct listing_memory {
    decant_plan_listing listing; /* first: the caller's pointer is this one */
    dcn_arena *arena;
} listing_memory;

static decant_status copy_text(dcn_arena *arena, const char *text, const char **ret_copy)
{
    char *copy = NULL;
    if (text == NULL) return DECANT_OK;
    TRY_RETURN(dcn_arena_string(arena, text, &copy));
    *ret_copy = copy;
    return DECANT_OK;
}

static decant_status copy_steps(const dcn_plan *plan, listing_memory *memory)
{
    decant_plan_listing *listing = &memory->listing;
    int32_t count = dcn_plan_steps(plan);
    TRY_RETURN(dcn_arena_take(memory->arena, (size_t)count * sizeof *listing->steps, (void **)&listing->steps));
    for (int32_t i = 0; i < count; i++) {
        const dcn_step_info info = dcn_plan_step(plan, i);
        decant_plan_step *step = &listing->steps[i];
        TRY_RETURN(copy_text(memory->arena, info.op, &step->op));
        TRY_RETURN(copy_text(memory->arena, info.layer, &step->layer));
        TRY_RETURN(copy_text(memory->arena, info.kernel, &step->kernel));
        TRY_RETURN(copy_text(memory->arena, info.layout, &step->layout));
        TRY_RETURN(copy_text(memory->arena, info.precision, &step->precision));
        step->shape = info.shape;
        step->bytes = info.bytes;
        step->flops = info.flops;
    }
    listing->n_steps = count;
    return DECANT_OK;
}

decant_status dcn_plan_listing_make(const dcn_plan *plan, int64_t batch, bool training,
                                    decant_plan_listing **ret_listing)
{
    listing_memory *memory = NULL;
    decant_status status = dcn_new(sizeof *memory, (void **)&memory);
    if (status != DECANT_OK) goto out;
    TRY(dcn_arena_create(&memory->arena));
    TRY(copy_steps(plan, memory));
    const dcn_plan_memory use = dcn_plan_memory_use(plan);
    memory->listing.batch = batch;
    memory->listing.training = training;
    memory->listing.flops = dcn_plan_flops(plan);
    memory->listing.parameter_bytes = use.parameters;
    memory->listing.gradient_bytes = use.gradients;
    memory->listing.optimizer_bytes = use.optimizer;
    memory->listing.state_bytes = use.states;
    memory->listing.activation_bytes = use.activations;
    memory->listing.scratch_bytes = use.scratch;
    memory->listing.total_bytes = use.total;
    *ret_listing = &memory->listing;
    memory = NULL;
out:
    decant_plan_listing_destroy(memory != NULL ? &memory->listing : NULL);
    return status;
}

void decant_plan_listing_destroy(decant_plan_listing *plan)
{
    if (plan == NULL) return;
    listing_memory *memory = (listing_memory *)plan;
    dcn_arena_destroy(memory->arena);
    dcn_free(memory);
}

/* --- inference --- */

decant_status decant_model_plan(const decant_model *model, const decant_compute *compute, int64_t batch,
                                decant_plan_listing **ret_plan)
{
    DCN_REQUIRE(model, ret_plan);
    dcn_device *device = NULL;
    dcn_inference inference = {0};
    if (batch < 1) return DCN_FAIL(INVALID_ARG, "a batch holds at least one sample, not %lld", (long long)batch);
    decant_status status = dcn_compute_open(compute, &device);
    if (status != DECANT_OK) goto out;
    TRY(dcn_inference_plan(device, model, batch, NULL, &inference));
    TRY(dcn_plan_listing_make(inference.plan, batch, false, ret_plan));
out:
    dcn_plan_destroy(inference.plan);
    dcn_device_close(device);
    return status;
}

/* --- a training step --- */

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

/* Says whose step a listing is. */
static decant_status name_run(const dcn_run_spec *run, bool kept, decant_plan_listing *listing)
{
    listing->has_teacher = run->n_teachers > 0;
    listing->teacher_cached = kept;
    return copy_text(((listing_memory *)listing)->arena, run->name, &listing->run);
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
    TRY(dcn_plan_listing_make(step->plan, samples, true, &listing));
    TRY(name_run(run, kept, listing));
    *ret_plan = listing;
    listing = NULL;
out:
    decant_plan_listing_destroy(listing);
    dcn_training_step_destroy(step);
    dcn_model_destroy(teacher);
    dcn_model_destroy(student);
    dcn_materials_destroy(materials);
    dcn_device_close(device);
    return status;
}
