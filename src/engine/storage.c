/* Memory of a plan: how long each result is needed, where everything lies, and the pointers of every step. */
#include "engine/parts.h"

#include "base/memory.h"

/* --- how long results are needed --- */

static void touch(dcn_plan *plan, dcn_buffer_id buffer, int32_t step)
{
    dcn_buffer *root = &plan->buffers[plan->buffers[buffer].root];
    if (step < root->first_step) root->first_step = step;
    if (step > root->last_step) root->last_step = step;
}

/* Kept results get memory of their own, so that neither later steps nor plans that borrow the arena overwrite them. Of
 * several layouts the plain one is kept: it can be read without a reorder. */
static void keep_results(dcn_plan *plan)
{
    for (dcn_value_id v = 0; v < plan->n_values; v++) {
        dcn_plan_value *value = &plan->values[v];
        if (!value->kept || value->buffer == DCN_NONE) continue;
        for (dcn_buffer_id b = plan->buffers[value->buffer].next_layout; b != DCN_NONE;
             b = plan->buffers[b].next_layout)
            if (plan->buffers[b].desc.layout == DCN_LAYOUT_PLAIN && plan->buffers[b].desc.dtype != DECANT_BF16)
                value->buffer = b;
        dcn_buffer *root = &plan->buffers[plan->buffers[value->buffer].root];
        if (root->home == DCN_HOME_ARENA) root->home = DCN_HOME_KEPT;
    }
}

static void measure_lives(dcn_plan *plan)
{
    for (int32_t s = 0; s < plan->n_steps; s++) {
        const dcn_step *step = &plan->steps[s];
        for (int32_t i = 0; i < step->n_inputs; i++)
            touch(plan, step->input[i], s);
        for (int32_t o = 0; o < step->n_outputs; o++)
            touch(plan, step->output[o], s);
    }
}

/* --- offsets --- */

static decant_status assign_arena(dcn_plan *plan)
{
    dcn_interval *intervals = NULL;
    int32_t count = 0;
    decant_status status = dcn_new_array((size_t)plan->n_buffers, sizeof *intervals, (void **)&intervals);
    if (status != DECANT_OK) goto out;

    for (dcn_buffer_id b = 0; b < plan->n_buffers; b++) {
        const dcn_buffer *buffer = &plan->buffers[b];
        if (buffer->root != b || buffer->home != DCN_HOME_ARENA) continue;
        intervals[count++] = (dcn_interval){.first = plan->separate ? 0 : buffer->first_step,
                                            .last = plan->separate ? plan->n_steps : buffer->last_step,
                                            .bytes = buffer->bytes};
    }
    TRY(dcn_offsets_assign(intervals, count, &plan->region[DCN_REGION_ARENA].bytes));
    count = 0;
    for (dcn_buffer_id b = 0; b < plan->n_buffers; b++) {
        dcn_buffer *buffer = &plan->buffers[b];
        if (buffer->root == b && buffer->home == DCN_HOME_ARENA) buffer->offset = intervals[count++].offset;
    }
out:
    dcn_free(intervals);
    return status;
}

static decant_status assign_lasting(dcn_plan *plan)
{
    for (dcn_buffer_id b = 0; b < plan->n_buffers; b++) {
        dcn_buffer *buffer = &plan->buffers[b];
        if (buffer->root != b) continue;
        if (buffer->home == DCN_HOME_KEPT)
            TRY_RETURN(dcn_offsets_append(&plan->region[DCN_REGION_KEPT].bytes, buffer->bytes, &buffer->offset));
        if (buffer->home == DCN_HOME_COPY)
            TRY_RETURN(dcn_offsets_append(&plan->region[DCN_REGION_COPIES].bytes, buffer->bytes, &buffer->offset));
    }
    for (dcn_weight_id w = 0; w < plan->n_weights; w++) {
        dcn_weight *weight = &plan->weights[w];
        if (weight->borrowed || weight->in_blocks) continue;
        dcn_region *region = &plan->region[weight->is_state ? DCN_REGION_STATES : DCN_REGION_WEIGHTS];
        TRY_RETURN(dcn_offsets_append(&region->bytes, weight->bytes, &weight->offset));
    }
    return DECANT_OK;
}

static void size_scratch(dcn_plan *plan)
{
    size_t most = 0;
    for (int32_t s = 0; s < plan->n_steps; s++)
        if (plan->steps[s].kernel->scratch_bytes > most) most = plan->steps[s].kernel->scratch_bytes;
    for (int32_t c = 0; c < plan->n_copies; c++)
        if (plan->copies[c].step.kernel->scratch_bytes > most) most = plan->copies[c].step.kernel->scratch_bytes;
    plan->region[DCN_REGION_SCRATCH].bytes = (most + DCN_ALIGNMENT - 1) / DCN_ALIGNMENT * DCN_ALIGNMENT;
}

/* --- memory --- */

/* Which blocks this program writes or walks. */
static void choose_blocks(dcn_plan *plan)
{
    for (dcn_weight_id w = 0; w < plan->n_weights; w++) {
        if (plan->weights[w].in_blocks) plan->block_used[DCN_BLOCK_PARAMETER] = true;
        if (plan->weights[w].gradient != DCN_NONE) plan->block_used[DCN_BLOCK_GRADIENT] = true;
    }
    for (int32_t b = 0; b < DCN_BLOCK_COUNT; b++)
        if (plan->block_used[b]) plan->region[DCN_REGION_BLOCK0 + b].bytes = plan->block_bytes;
}

/* Blocks are the shared plan's where it has them. So are the arena and the scratch when they are large enough: plans
 * that share do not run at the same time. */
static void borrow_regions(dcn_plan *plan)
{
    if (plan->share == NULL) return;
    for (int32_t r = DCN_REGION_BLOCK0; r < DCN_REGION_COUNT; r++) {
        const dcn_region *theirs = &plan->share->region[r];
        dcn_region *ours = &plan->region[r];
        bool is_block = r < DCN_REGION_BLOCK0 + DCN_BLOCK_COUNT;
        bool is_work = (r == DCN_REGION_ARENA && !plan->separate) || r == DCN_REGION_SCRATCH;
        if (theirs->memory == NULL || !(is_block || (is_work && ours->bytes <= theirs->bytes))) continue;
        *ours = *theirs;
        ours->borrowed = true;
    }
}

static decant_status take_regions(dcn_plan *plan)
{
    for (int32_t r = 0; r < DCN_REGION_COUNT; r++) {
        dcn_region *region = &plan->region[r];
        if (region->borrowed || region->bytes == 0) continue;
        TRY_RETURN(plan->device->class->memory_create(plan->device, region->bytes, &region->memory));
    }
    return DECANT_OK;
}

/* --- pointers --- */

static void *at(const dcn_plan *plan, int32_t region, size_t offset)
{
    char *memory = plan->region[region].memory;
    return memory == NULL ? NULL : memory + offset;
}

static void resolve_weights(dcn_plan *plan)
{
    for (dcn_weight_id w = 0; w < plan->n_weights; w++) {
        dcn_weight *weight = &plan->weights[w];
        dcn_block block = plan->use_ema ? DCN_BLOCK_EMA : DCN_BLOCK_PARAMETER;
        if (weight->in_blocks)
            weight->data = at(plan, DCN_REGION_BLOCK0 + (int32_t)block, weight->offset);
        else if (!weight->borrowed)
            weight->data = at(plan, weight->is_state ? DCN_REGION_STATES : DCN_REGION_WEIGHTS, weight->offset);
    }
}

static void *root_data(const dcn_plan *plan, const dcn_buffer *root)
{
    switch (root->home) {
    case DCN_HOME_ARENA:
        return at(plan, DCN_REGION_ARENA, root->offset);
    case DCN_HOME_KEPT:
        return at(plan, DCN_REGION_KEPT, root->offset);
    case DCN_HOME_COPY:
        return at(plan, DCN_REGION_COPIES, root->offset);
    case DCN_HOME_WEIGHT:
        return plan->weights[root->index].data;
    case DCN_HOME_GRADIENT:
        return at(plan, DCN_REGION_BLOCK0 + DCN_BLOCK_GRADIENT, plan->weights[root->index].offset);
    case DCN_HOME_BLOCK:
        return at(plan, DCN_REGION_BLOCK0 + root->index, 0);
    case DCN_HOME_INPUT:
        break;
    }
    return NULL; /* until it is bound */
}

static void resolve_step(const dcn_plan *plan, dcn_step *step)
{
    for (int32_t i = 0; i < step->n_inputs; i++)
        step->input_data[i] = plan->buffers[step->input[i]].data;
    for (int32_t o = 0; o < step->n_outputs; o++)
        step->output_data[o] = plan->buffers[step->output[o]].data;
}

decant_status dcn_plan_take_memory(dcn_plan *plan)
{
    keep_results(plan);
    measure_lives(plan);
    TRY_RETURN(assign_arena(plan));
    TRY_RETURN(assign_lasting(plan));
    size_scratch(plan);
    choose_blocks(plan);
    borrow_regions(plan);
    TRY_RETURN(take_regions(plan));

    resolve_weights(plan);
    for (dcn_buffer_id b = 0; b < plan->n_buffers; b++)
        plan->buffers[b].data = root_data(plan, &plan->buffers[plan->buffers[b].root]);
    for (int32_t s = 0; s < plan->n_steps; s++)
        resolve_step(plan, &plan->steps[s]);
    for (int32_t c = 0; c < plan->n_copies; c++)
        resolve_step(plan, &plan->copies[c].step);
    return DECANT_OK;
}
