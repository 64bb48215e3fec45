/* What a batch does, step by step, for `decant summary --plan`. */
#include "predict/plan_listing.h"

#include "base/memory.h"
#include "nn/inference.h"

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

decant_status dcn_plan_listing_make(const dcn_plan *plan, int64_t batch, const char *run,
                                    decant_plan_listing **ret_listing)
{
    listing_memory *memory = NULL;
    decant_status status = dcn_new(sizeof *memory, (void **)&memory);
    if (status != DECANT_OK) goto out;
    TRY(dcn_arena_create(&memory->arena));
    TRY(copy_steps(plan, memory));
    TRY(copy_text(memory->arena, run, &memory->listing.run));
    const dcn_plan_memory use = dcn_plan_memory_use(plan);
    memory->listing.batch = batch;
    memory->listing.training = run != NULL;
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

decant_status decant_model_plan(const decant_model *model, const decant_compute *compute, int64_t batch,
                                decant_plan_listing **ret_plan)
{
    DCN_REQUIRE(model, ret_plan);
    dcn_device *device = NULL;
    dcn_inference inference = {0};
    if (batch < 1) return DCN_FAIL(INVALID_ARG, "a batch holds at least one sample, not %lld", (long long)batch);
    decant_status status = dcn_compute_open(compute, &device);
    if (status != DECANT_OK) goto out;
    TRY(dcn_inference_plan_folded(device, model, batch, &inference));
    TRY(dcn_plan_listing_make(inference.plan, batch, NULL, ret_plan));
out:
    dcn_plan_destroy(inference.plan);
    dcn_device_close(device);
    return status;
}
