/* Plans: created from a program, asked about, destroyed. The decisions are in layout.c and storage.c. */
#include "engine/parts.h"

#include <string.h>

#include "base/memory.h"
#include "tensor/shape.h"

static const dcn_weight *find_weight(const dcn_plan *plan, const char *name)
{
    for (dcn_weight_id w = 0; w < plan->n_weights; w++)
        if (strcmp(plan->weights[w].name, name) == 0) return &plan->weights[w];
    return NULL;
}

/* Takes over memory and layout of the weight with the same name in the plan shared from. */
static decant_status borrow_weight(const dcn_plan *plan, dcn_weight *weight, bool trainable)
{
    const dcn_weight *theirs = find_weight(plan->share, weight->name);
    if (trainable && (theirs == NULL || !theirs->in_blocks))
        return DCN_FAIL(INVALID_ARG, "%s trains here but not in the plan whose memory is shared", weight->name);
    if (theirs == NULL) return DECANT_OK;

    char ours_text[DCN_SHAPE_TEXT], theirs_text[DCN_SHAPE_TEXT];
    if (theirs->desc.dtype != weight->desc.dtype || !decant_shape_equal(&theirs->desc.shape, &weight->desc.shape))
        return DCN_FAIL(SHAPE, "%s is %s %s here but %s %s in the plan whose memory is shared", weight->name,
                        decant_dtype_name(weight->desc.dtype), dcn_shape_text(&weight->desc.shape, ours_text),
                        decant_dtype_name(theirs->desc.dtype), dcn_shape_text(&theirs->desc.shape, theirs_text));
    weight->desc = theirs->desc;
    weight->settled = true;
    weight->borrowed = true;
    weight->in_blocks = theirs->in_blocks;
    weight->bytes = theirs->bytes;
    weight->offset = theirs->offset;
    weight->data = theirs->data; /* of a weight in the blocks, storage.c finds its own */
    return DECANT_OK;
}

static decant_status add_weight(dcn_plan *plan, const dcn_program *program, dcn_value_id id)
{
    const dcn_value *value = &program->graph->values[id];
    dcn_weight *weight = &plan->weights[plan->n_weights];
    *weight = (dcn_weight){.value = id,
                           .gradient = value->trainable ? value->gradient : DCN_NONE,
                           .buffer = DCN_NONE,
                           .desc = {.dtype = value->dtype, .shape = value->shape, .layout = DCN_LAYOUT_PLAIN},
                           .is_state = value->kind == DCN_VALUE_STATE,
                           .in_blocks = value->trainable};
    char *name;
    TRY_RETURN(dcn_arena_string(plan->names, value->name, &name));
    weight->name = name;
    if (weight->gradient != DCN_NONE && program->graph->values[weight->gradient].kind != DCN_VALUE_RESULT)
        return DCN_FAIL(INVALID_ARG, "the gradient of %s is not made by the program", name);
    if (plan->share != NULL) TRY_RETURN(borrow_weight(plan, weight, value->trainable));
    plan->values[id].weight = plan->n_weights++;
    return DECANT_OK;
}

static bool is_update(decant_op op)
{
    return op == DECANT_OP_SGD_UPDATE || op == DECANT_OP_ADAM_UPDATE || op == DECANT_OP_EMA_UPDATE;
}

/* An update walks whole blocks: with some of the parameters left out it would repeat their last gradients. */
static decant_status check_update(dcn_plan *plan, const dcn_graph *graph)
{
    for (dcn_node_id n = 0; n < graph->n_nodes; n++)
        plan->updates = plan->updates || is_update(graph->nodes[n].op);
    if (!plan->updates || plan->share == NULL) return DECANT_OK;
    for (dcn_weight_id w = 0; w < plan->share->n_weights; w++) {
        const dcn_weight *theirs = &plan->share->weights[w];
        if (theirs->in_blocks && find_weight(plan, theirs->name) == NULL)
            return DCN_FAIL(INVALID_ARG, "the program updates all of the shared blocks but does not have %s",
                            theirs->name);
    }
    return DECANT_OK;
}

/* Takes over values, kept results and weights of the program. */
static decant_status adopt(dcn_plan *plan, const dcn_program *program, const dcn_plan_options *options)
{
    const dcn_graph *graph = program->graph;
    TRY_RETURN(dcn_new_array((size_t)graph->n_values, sizeof *plan->values, (void **)&plan->values));
    plan->n_values = graph->n_values;
    size_t n_weights = 0;
    for (dcn_value_id v = 0; v < graph->n_values; v++) {
        plan->values[v] = (dcn_plan_value){.kind = graph->values[v].kind, .buffer = DCN_NONE, .weight = DCN_NONE};
        n_weights += dcn_value_is_weight(&graph->values[v]);
    }
    for (int32_t k = 0; k < options->n_keep; k++) {
        TRY_RETURN(dcn_plan_check_value(plan, options->keep[k]));
        plan->values[options->keep[k]].kept = true;
    }
    TRY_RETURN(dcn_new_array(n_weights, sizeof *plan->weights, (void **)&plan->weights));
    for (dcn_value_id v = 0; v < graph->n_values; v++)
        if (dcn_value_is_weight(&graph->values[v])) TRY_RETURN(add_weight(plan, program, v));
    return check_update(plan, graph);
}

/* The device and the layout of the blocks are the shared plan's. */
static decant_status check_share(dcn_plan *plan)
{
    const dcn_plan *share = plan->share;
    if (share == NULL)
        return plan->use_ema ? DCN_FAIL(INVALID_ARG, "averaged weights are read from another plan; none is shared")
                             : DECANT_OK;
    if (share->device != plan->device || share->dtype != plan->dtype)
        return DCN_FAIL(INVALID_ARG, "plans that share memory must be on one device and of one dtype");
    if (plan->use_ema && share->region[DCN_REGION_BLOCK0 + DCN_BLOCK_EMA].memory == NULL)
        return DCN_FAIL(NOT_FOUND, "the plan shared from keeps no averaged weights");
    plan->block_bytes = share->block_bytes;
    return DECANT_OK;
}

decant_status dcn_plan_create(dcn_device *device, const dcn_program *program, const dcn_plan_options *options,
                              dcn_plan **ret_plan)
{
    static const dcn_plan_options none = {0};
    if (options == NULL) options = &none;
    dcn_plan *plan = NULL;
    decant_status status = dcn_new(sizeof *plan, (void **)&plan);
    if (status != DECANT_OK) goto out;
    plan->device = device;
    plan->share = options->share;
    plan->use_ema = options->use_ema;
    plan->separate = options->separate;
    plan->dtype = program->dtype;

    TRY(check_share(plan));
    TRY(dcn_arena_create(&plan->names));
    TRY(adopt(plan, program, options));
    TRY(dcn_plan_lay_out(plan, program));
    TRY(dcn_plan_take_memory(plan));
    *ret_plan = plan;
    plan = NULL;
out:
    dcn_plan_destroy(plan);
    return status;
}

void dcn_plan_destroy(dcn_plan *plan)
{
    if (plan == NULL) return;
    for (int32_t s = 0; s < plan->n_steps; s++)
        plan->steps[s].kernel->destroy(plan->steps[s].kernel);
    for (int32_t c = 0; c < plan->n_copies; c++)
        plan->copies[c].step.kernel->destroy(plan->copies[c].step.kernel);
    for (int32_t r = 0; r < DCN_REGION_COUNT; r++)
        if (plan->region[r].memory != NULL && !plan->region[r].borrowed)
            plan->device->class->memory_destroy(plan->device, plan->region[r].memory);
    dcn_free(plan->copies);
    dcn_free(plan->steps);
    dcn_free(plan->weights);
    dcn_free(plan->buffers);
    dcn_free(plan->values);
    dcn_arena_destroy(plan->names);
    dcn_free(plan);
}

decant_status dcn_plan_check_value(const dcn_plan *plan, dcn_value_id value)
{
    if (value >= 0 && value < plan->n_values) return DECANT_OK;
    return DCN_FAIL(INVALID_ARG, "the plan's program has no value %d", (int)value);
}

int32_t dcn_plan_steps(const dcn_plan *plan)
{
    return plan->n_steps;
}

dcn_step_info dcn_plan_step(const dcn_plan *plan, int32_t index)
{
    const dcn_step *step = &plan->steps[index];
    dcn_step_info info = {.op = step->op,
                          .layer = step->layer,
                          .kernel = step->kernel->name,
                          .layout = plan->device->class->layout_name(plan->device, step->layout),
                          .precision = decant_dtype_name(step->dtype),
                          .shape = step->shape,
                          .flops = step->kernel->flops,
                          .needed_flops = step->kernel->needed_flops};
    for (int32_t i = 0; i < step->n_inputs; i++)
        info.bytes += plan->buffers[step->input[i]].bytes;
    for (int32_t o = 0; o < step->n_outputs; o++)
        info.bytes += plan->buffers[step->output[o]].bytes;
    return info;
}

static size_t own_bytes(const dcn_plan *plan, int32_t region)
{
    return plan->region[region].borrowed ? 0 : plan->region[region].bytes;
}

dcn_plan_memory dcn_plan_memory_use(const dcn_plan *plan)
{
    dcn_plan_memory use = {
        .parameters = own_bytes(plan, DCN_REGION_BLOCK0 + DCN_BLOCK_PARAMETER) + own_bytes(plan, DCN_REGION_WEIGHTS) +
                      own_bytes(plan, DCN_REGION_COPIES),
        .gradients = own_bytes(plan, DCN_REGION_BLOCK0 + DCN_BLOCK_GRADIENT),
        .optimizer = own_bytes(plan, DCN_REGION_BLOCK0 + DCN_BLOCK_SLOT0) +
                     own_bytes(plan, DCN_REGION_BLOCK0 + DCN_BLOCK_SLOT1) +
                     own_bytes(plan, DCN_REGION_BLOCK0 + DCN_BLOCK_EMA),
        .states = own_bytes(plan, DCN_REGION_STATES),
        .activations = own_bytes(plan, DCN_REGION_ARENA) + own_bytes(plan, DCN_REGION_KEPT),
        .scratch = own_bytes(plan, DCN_REGION_SCRATCH),
    };
    use.total = use.parameters + use.gradients + use.optimizer + use.states + use.activations + use.scratch;
    return use;
}

double dcn_plan_flops(const dcn_plan *plan)
{
    double flops = 0.0;
    for (int32_t s = 0; s < plan->n_steps; s++)
        flops += plan->steps[s].kernel->flops;
    return flops;
}
