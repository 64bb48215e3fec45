/* From nodes to steps: each node is compiled with its inputs as they lie, and where the kernel reads another layout or
 * element type a reorder goes in front of it. Here it is also decided which results are views, which are written in
 * place, and which go straight to a parameter's place in the gradient block. Where in memory anything lies is
 * storage.c's business. */
#include <string.h>

#include "base/memory.h"
#include "engine/parts.h"
#include "tensor/shape.h"

/* What is known while the steps are made. */
typedef struct planning {
    dcn_plan *plan;
    const dcn_graph *graph;
    dcn_precision_choice choice;
    dcn_node_id *last_reader; /* [n_values] the last node that reads it; -1: none; n_nodes: the caller does */
} planning;

/* --- buffers --- */

static decant_status add_buffer(dcn_plan *plan, const dcn_tensor_desc *desc, dcn_home home, int32_t index,
                                dcn_buffer_id *ret_buffer)
{
    TRY_RETURN(dcn_grow((void **)&plan->buffers, plan->n_buffers, &plan->buffers_capacity, sizeof *plan->buffers));
    size_t bytes;
    if (!dcn_add_size(plan->device->class->layout_bytes(plan->device, desc), DCN_ALIGNMENT - 1, &bytes))
        return DCN_FAIL(NO_MEMORY, "a tensor is larger than can be addressed");
    plan->buffers[plan->n_buffers] = (dcn_buffer){.desc = *desc,
                                                  .bytes = bytes / DCN_ALIGNMENT * DCN_ALIGNMENT,
                                                  .root = plan->n_buffers,
                                                  .next_layout = DCN_NONE,
                                                  .home = home,
                                                  .index = index,
                                                  .needed_until = -1,
                                                  .first_step = INT32_MAX,
                                                  .last_step = -1};
    *ret_buffer = plan->n_buffers++;
    return DECANT_OK;
}

/* The value lives in the memory of this buffer's root for as long as somebody reads it. */
static void hold(planning *planner, dcn_buffer_id buffer, dcn_value_id value)
{
    dcn_buffer *root = &planner->plan->buffers[planner->plan->buffers[buffer].root];
    if (planner->last_reader[value] > root->needed_until) root->needed_until = planner->last_reader[value];
}

/* --- weights --- */

static void settle(dcn_plan *plan, dcn_weight *weight, dcn_layout layout)
{
    weight->settled = true;
    weight->desc.layout = layout;
    dcn_buffer *buffer = &plan->buffers[weight->buffer];
    buffer->desc.layout = layout;
    size_t bytes = plan->device->class->layout_bytes(plan->device, &weight->desc);
    weight->bytes = (bytes + DCN_ALIGNMENT - 1) / DCN_ALIGNMENT * DCN_ALIGNMENT;
    buffer->bytes = weight->bytes;
}

decant_status dcn_plan_place_blocks(dcn_plan *plan)
{
    if (plan->blocks_placed) return DECANT_OK;
    bool inherited = plan->block_bytes > 0; /* the plan shared from has laid them out */
    for (dcn_weight_id w = 0; w < plan->n_weights; w++) {
        dcn_weight *weight = &plan->weights[w];
        if (!weight->settled) settle(plan, weight, DCN_LAYOUT_PLAIN);
        if (weight->in_blocks && !inherited)
            TRY_RETURN(dcn_offsets_append(&plan->block_bytes, weight->bytes, &weight->offset));
    }
    plan->blocks_placed = true;
    return DECANT_OK;
}

/* --- steps --- */

/* The kernel belongs to the step from here on, also when this fails. */
static decant_status add_step(dcn_plan *plan, const dcn_step *step)
{
    decant_status status = dcn_grow((void **)&plan->steps, plan->n_steps, &plan->steps_capacity, sizeof *plan->steps);
    if (status != DECANT_OK) {
        step->kernel->destroy(step->kernel);
        return status;
    }
    plan->steps[plan->n_steps++] = *step;
    return DECANT_OK;
}

static decant_status add_copy(dcn_plan *plan, const dcn_step *step, const int64_t *version)
{
    decant_status status =
        dcn_grow((void **)&plan->copies, plan->n_copies, &plan->copies_capacity, sizeof *plan->copies);
    if (status != DECANT_OK) {
        step->kernel->destroy(step->kernel);
        return status;
    }
    plan->copies[plan->n_copies++] = (dcn_weight_copy){.step = *step, .version = version, .seen = -1};
    return DECANT_OK;
}

/* A weight that no step of this plan changes is reordered only after somebody else changed it. NULL: reorder in every
 * run. */
static const int64_t *copy_version(dcn_plan *plan, dcn_buffer_id buffer)
{
    const dcn_buffer *root = &plan->buffers[plan->buffers[buffer].root];
    if (root->home != DCN_HOME_WEIGHT || plan->weights[root->index].is_state) return NULL;
    if (!plan->weights[root->index].in_blocks) return &dcn_plan_origin(plan)->frozen_version;
    return plan->updates ? NULL : &dcn_plan_origin(plan)->trained_version;
}

/* Appends a step (or a copy of a weight) that copies one buffer to another of the same value. */
static decant_status add_reorder(dcn_plan *plan, dcn_buffer_id from, dcn_buffer_id to, const char *layer,
                                 const int64_t *version)
{
    dcn_device *device = plan->device;
    dcn_step step = {.op = "reorder",
                     .layer = layer,
                     .n_inputs = 1,
                     .n_outputs = 1,
                     .input = {from},
                     .output = {to},
                     .shape = plan->buffers[to].desc.shape,
                     .layout = plan->buffers[to].desc.layout,
                     .dtype = plan->buffers[to].desc.dtype};
    decant_status status =
        device->class->compile_reorder(device, &plan->buffers[from].desc, &plan->buffers[to].desc, &step.kernel);
    if (status != DECANT_OK) {
        dcn_while("planning a reorder from %s %s to %s %s (%s)", decant_dtype_name(plan->buffers[from].desc.dtype),
                  device->class->layout_name(device, plan->buffers[from].desc.layout), decant_dtype_name(step.dtype),
                  device->class->layout_name(device, step.layout), layer);
        return status;
    }
    return version != NULL ? add_copy(plan, &step, version) : add_step(plan, &step);
}

/* The value's buffer in the layout and element type that a kernel reads; made by a reorder when there is none yet. A
 * weight takes the layout of whoever first reads it as it is; a bf16 copy asks nothing of it. */
static decant_status buffer_in_layout(planning *planner, dcn_value_id value, decant_dtype dtype, dcn_layout layout,
                                      const char *layer, dcn_buffer_id *ret_buffer)
{
    dcn_plan *plan = planner->plan;
    const dcn_plan_value *known = &plan->values[value];
    if (known->weight != DCN_NONE && !plan->weights[known->weight].settled)
        settle(plan, &plan->weights[known->weight],
               dtype == plan->weights[known->weight].desc.dtype ? layout : DCN_LAYOUT_PLAIN);
    for (dcn_buffer_id b = known->buffer; b != DCN_NONE; b = plan->buffers[b].next_layout) {
        if (plan->buffers[b].desc.layout != layout || plan->buffers[b].desc.dtype != dtype) continue;
        *ret_buffer = b;
        return DECANT_OK;
    }

    const int64_t *version = copy_version(plan, known->buffer);
    dcn_tensor_desc desc = plan->buffers[known->buffer].desc;
    desc.layout = layout;
    desc.dtype = dtype;
    dcn_buffer_id copy;
    TRY_RETURN(add_buffer(plan, &desc, version != NULL ? DCN_HOME_COPY : DCN_HOME_ARENA, 0, &copy));
    TRY_RETURN(add_reorder(plan, known->buffer, copy, layer, version));
    hold(planner, copy, value);
    plan->buffers[copy].next_layout = plan->buffers[known->buffer].next_layout;
    plan->buffers[known->buffer].next_layout = copy;
    *ret_buffer = copy;
    return DECANT_OK;
}

/* --- nodes --- */

/* Inputs that the op changes in place, whatever its flags say of its outputs. */
static bool changes_input(decant_op op, int32_t input)
{
    switch (op) {
    case DECANT_OP_BATCHNORM_TRAIN:
        return input == 3 || input == 4; /* running mean and variance */
    case DECANT_OP_SGD_UPDATE:
        return input == 0 || input == 2; /* parameters, momentum */
    case DECANT_OP_ADAM_UPDATE:
        return input == 0 || input == 2 || input == 3; /* parameters, m, v */
    case DECANT_OP_EMA_UPDATE:
        return input == 0;
    default:
        return false;
    }
}

/* Copies of a value in other layouts are out of date once an op has changed it. */
static void forget_copies(dcn_plan *plan, dcn_value_id value)
{
    const dcn_plan_value *known = &plan->values[value];
    plan->buffers[known->buffer].next_layout = DCN_NONE;
    if (known->kind != DCN_VALUE_BLOCK) return;
    for (dcn_weight_id w = 0; w < plan->n_weights; w++)
        if (plan->weights[w].in_blocks) plan->buffers[plan->weights[w].buffer].next_layout = DCN_NONE;
}

/* The first weight behind `after` whose gradient this value is; DCN_NONE when there is none. */
static dcn_weight_id gradient_of(const dcn_plan *plan, dcn_value_id value, dcn_weight_id after)
{
    for (dcn_weight_id w = after + 1; w < plan->n_weights; w++)
        if (plan->weights[w].gradient == value) return w;
    return DCN_NONE;
}

/* A gradient that lies somewhere else is copied to its parameter's place. */
static decant_status copy_gradient(planning *planner, dcn_value_id value, dcn_weight_id weight_id, const char *layer)
{
    dcn_plan *plan = planner->plan;
    if (!plan->weights[weight_id].settled) settle(plan, &plan->weights[weight_id], DCN_LAYOUT_PLAIN);
    dcn_tensor_desc desc = plan->weights[weight_id].desc;
    dcn_buffer_id from = plan->values[value].buffer, place;
    TRY_RETURN(add_buffer(plan, &desc, DCN_HOME_GRADIENT, weight_id, &place));
    return add_reorder(plan, from, place, layer, NULL);
}

static decant_status copy_gradients(planning *planner, dcn_value_id value, const char *layer)
{
    dcn_plan *plan = planner->plan;
    dcn_weight_id weight = gradient_of(plan, value, DCN_NONE);
    for (; weight != DCN_NONE; weight = gradient_of(plan, value, weight)) {
        const dcn_buffer *made = &plan->buffers[plan->values[value].buffer];
        bool in_place = made->home == DCN_HOME_GRADIENT && made->index == weight;
        if (!in_place) TRY_RETURN(copy_gradient(planner, value, weight, layer));
    }
    return DECANT_OK;
}

/* Output 0 may overwrite input 0 when nobody reads that memory any more, and no other input of the node lies there. */
static bool may_overwrite(const planning *planner, dcn_node_id node, const dcn_step *step,
                          const dcn_tensor_desc *output)
{
    const dcn_plan *plan = planner->plan;
    bool op_allows = (dcn_op_get(planner->graph->nodes[node].op)->flags & DCN_OP_INPLACE) != 0;
    if (!op_allows || !step->kernel->in_place || plan->separate) return false;
    const dcn_buffer *input = &plan->buffers[step->input[0]];
    const dcn_buffer *root = &plan->buffers[input->root];
    if (root->home != DCN_HOME_ARENA || root->needed_until > node) return false;
    if (input->desc.dtype != output->dtype || input->desc.layout != output->layout ||
        !decant_shape_equal(&input->desc.shape, &output->shape))
        return false;
    for (int32_t i = 1; i < step->n_inputs; i++)
        if (plan->buffers[step->input[i]].root == input->root) return false;
    return true;
}

static decant_status make_output(planning *planner, dcn_node_id node, const dcn_op_call *call, int32_t output,
                                 dcn_step *step)
{
    dcn_plan *plan = planner->plan;
    dcn_value_id value = planner->graph->nodes[node].output[output];
    const dcn_tensor_desc *desc = &call->output[output];
    dcn_weight_id weight = gradient_of(plan, value, DCN_NONE);
    bool in_block = weight != DCN_NONE && plan->weights[weight].desc.layout == desc->layout &&
                    plan->weights[weight].desc.dtype == desc->dtype;
    bool overwrites = output == 0 && weight == DCN_NONE && may_overwrite(planner, node, step, desc);

    dcn_buffer_id buffer;
    TRY_RETURN(add_buffer(plan, desc, in_block ? DCN_HOME_GRADIENT : DCN_HOME_ARENA, in_block ? weight : 0, &buffer));
    if (overwrites) plan->buffers[buffer].root = plan->buffers[step->input[0]].root;
    plan->values[value].buffer = buffer;
    hold(planner, buffer, value);
    step->output[output] = buffer;
    return DECANT_OK;
}

/* What the caller reads has the program's element type. */
static decant_status widen_kept(planning *planner, dcn_value_id value, const char *layer)
{
    dcn_buffer_id wide;
    if (!planner->plan->values[value].kept || !planner->choice.value[value]) return DECANT_OK;
    return buffer_in_layout(planner, value, planner->graph->values[value].dtype, DCN_LAYOUT_PLAIN, layer, &wide);
}

/* Output 0 is input 0's memory under another shape; nothing runs. */
static decant_status make_view(planning *planner, dcn_node_id node_id, const char *layer)
{
    dcn_plan *plan = planner->plan;
    const dcn_node *node = &planner->graph->nodes[node_id];
    const dcn_value *output = &planner->graph->values[node->output[0]];
    decant_dtype dtype = planner->choice.node[node_id] ? DECANT_BF16 : output->dtype;
    dcn_tensor_desc desc = {.dtype = dtype, .shape = output->shape, .layout = DCN_LAYOUT_PLAIN};
    dcn_buffer_id source, view;
    TRY_RETURN(buffer_in_layout(planner, node->input[0], dtype, DCN_LAYOUT_PLAIN, layer, &source));
    TRY_RETURN(add_buffer(plan, &desc, plan->buffers[source].home, plan->buffers[source].index, &view));
    plan->buffers[view].root = plan->buffers[source].root;
    plan->values[node->output[0]].buffer = view;
    hold(planner, view, node->output[0]);
    TRY_RETURN(widen_kept(planner, node->output[0], layer));
    return copy_gradients(planner, node->output[0], layer);
}

/* Element types of a node that computes from bf16. */
static void narrow_call(const planning *planner, dcn_node_id node_id, dcn_op_call *call)
{
    if (!planner->choice.node[node_id]) return;
    const dcn_node *node = &planner->graph->nodes[node_id];
    dcn_op_narrow may = dcn_op_may_narrow(node->op);
    for (int32_t i = 0; i < node->n_inputs; i++)
        if ((may.inputs >> i & 1U) != 0) call->input[i].dtype = DECANT_BF16;
    for (int32_t o = 0; o < node->n_outputs; o++)
        if (planner->choice.value[node->output[o]]) call->output[o].dtype = DECANT_BF16;
}

/* The call as the device gets it: inputs as they lie now, gradients wished where they belong. */
static decant_status describe(planning *planner, dcn_node_id node_id, dcn_op_call *ret_call)
{
    dcn_plan *plan = planner->plan;
    const dcn_node *node = &planner->graph->nodes[node_id];
    dcn_graph_call(planner->graph, node_id, ret_call);
    narrow_call(planner, node_id, ret_call);
    for (int32_t i = 0; i < node->n_inputs; i++) {
        const dcn_plan_value *known = &plan->values[node->input[i]];
        if (known->kind == DCN_VALUE_BLOCK) {
            TRY_RETURN(dcn_plan_place_blocks(plan));
            ret_call->input[i].shape = dcn_shape1((int64_t)(plan->block_bytes / decant_dtype_size(plan->dtype)));
            plan->buffers[known->buffer].desc = ret_call->input[i];
            plan->buffers[known->buffer].bytes = plan->block_bytes;
        } else {
            ret_call->input[i].layout = plan->buffers[known->buffer].desc.layout;
        }
    }
    for (int32_t o = 0; o < node->n_outputs; o++) {
        dcn_weight_id weight = gradient_of(plan, node->output[o], DCN_NONE);
        if (weight != DCN_NONE && !plan->weights[weight].settled)
            settle(plan, &plan->weights[weight], DCN_LAYOUT_PLAIN);
        ret_call->output[o].layout = weight != DCN_NONE ? plan->weights[weight].desc.layout : DCN_LAYOUT_ANY;
    }
    return DECANT_OK;
}

static decant_status read_inputs(planning *planner, dcn_node_id node_id, const dcn_op_call *call, const char *layer,
                                 dcn_step *step)
{
    dcn_plan *plan = planner->plan;
    const dcn_node *node = &planner->graph->nodes[node_id];
    for (int32_t i = 0; i < node->n_inputs; i++) {
        TRY_RETURN(buffer_in_layout(planner, node->input[i], call->input[i].dtype, call->input[i].layout, layer,
                                    &step->input[i]));
        bool is_copy = step->input[i] != plan->values[node->input[i]].buffer;
        if (is_copy && (changes_input(node->op, i) || plan->values[node->input[i]].kind == DCN_VALUE_BLOCK))
            return DCN_FAIL(INTERNAL, "%s wants to change or walk input %d in a layout that it does not have",
                            dcn_op_get(node->op)->name, (int)i);
    }
    return DECANT_OK;
}

static decant_status make_step(planning *planner, dcn_node_id node_id, const char *layer)
{
    dcn_plan *plan = planner->plan;
    const dcn_node *node = &planner->graph->nodes[node_id];
    dcn_step step = {
        .op = dcn_op_get(node->op)->name, .layer = layer, .n_inputs = node->n_inputs, .n_outputs = node->n_outputs};
    dcn_op_call call;
    TRY_RETURN(describe(planner, node_id, &call));
    TRY_RETURN(plan->device->class->compile(plan->device, &call, &step.kernel));

    decant_status status = read_inputs(planner, node_id, &call, layer, &step);
    for (int32_t o = 0; o < node->n_outputs && status == DECANT_OK; o++)
        status = make_output(planner, node_id, &call, o, &step);
    if (status != DECANT_OK) {
        step.kernel->destroy(step.kernel);
        return status;
    }
    step.shape = node->n_outputs > 0 ? call.output[0].shape : call.input[0].shape;
    step.layout = node->n_outputs > 0 ? call.output[0].layout : call.input[0].layout;
    step.dtype = call.input[0].dtype;
    TRY_RETURN(add_step(plan, &step));

    for (int32_t i = 0; i < node->n_inputs; i++)
        if (changes_input(node->op, i)) forget_copies(plan, node->input[i]);
    for (int32_t o = 0; o < node->n_outputs; o++) {
        TRY_RETURN(widen_kept(planner, node->output[o], layer));
        TRY_RETURN(copy_gradients(planner, node->output[o], layer));
    }
    return DECANT_OK;
}

/* A weight that is first read as bf16 lies as its gradient is made, so that neither is converted before the update. */
static decant_status settle_narrow_weights(planning *planner)
{
    dcn_plan *plan = planner->plan;
    for (dcn_node_id n = 0; n < planner->graph->n_nodes; n++) {
        const dcn_node *node = &planner->graph->nodes[n];
        if (!planner->choice.node[n] || !dcn_op_may_narrow(node->op).product) continue;
        dcn_weight_id weight = gradient_of(plan, node->output[0], DCN_NONE);
        if (weight == DCN_NONE || plan->weights[weight].settled) continue;

        dcn_op_call call;
        dcn_kernel *kernel = NULL;
        dcn_graph_call(planner->graph, n, &call);
        narrow_call(planner, n, &call);
        for (int32_t o = 0; o < call.n_outputs; o++)
            call.output[o].layout = DCN_LAYOUT_ANY;
        TRY_RETURN(plan->device->class->compile(plan->device, &call, &kernel));
        kernel->destroy(kernel);
        settle(plan, &plan->weights[weight], call.output[0].layout);
    }
    return DECANT_OK;
}

/* --- the whole program --- */

/* Derived nodes have no name: they belong to the layer whose parameter they read or make the gradient of, else to the
 * one whose saved result they read last. */
static const char *name_of(const planning *planner, dcn_node_id node_id, bool *ret_is_parameter)
{
    const dcn_graph *graph = planner->graph;
    const dcn_node *node = &graph->nodes[node_id];
    *ret_is_parameter = false;
    if (node->name != NULL) return node->name;
    *ret_is_parameter = true;
    for (int32_t i = 0; i < node->n_inputs; i++)
        if (graph->values[node->input[i]].kind == DCN_VALUE_PARAMETER) return graph->values[node->input[i]].name;
    for (int32_t o = 0; o < node->n_outputs; o++) {
        dcn_weight_id weight = gradient_of(planner->plan, node->output[o], DCN_NONE);
        if (weight != DCN_NONE) return planner->plan->weights[weight].name;
    }
    *ret_is_parameter = false;
    const dcn_value *last = &graph->values[node->input[node->n_inputs - 1]];
    return last->kind == DCN_VALUE_RESULT && last->name != NULL ? last->name : "";
}

/* The layer that a step is listed under, in the plan's memory: "conv1" for the gradient of "conv1.weight". */
static decant_status layer_of(const planning *planner, dcn_node_id node, const char **ret_layer)
{
    bool is_parameter;
    char *layer;
    TRY_RETURN(dcn_arena_string(planner->plan->names, name_of(planner, node, &is_parameter), &layer));
    char *end = is_parameter ? strrchr(layer, '.') : NULL;
    if (end != NULL) *end = '\0';
    *ret_layer = layer;
    return DECANT_OK;
}

static decant_status find_last_readers(planning *planner)
{
    const dcn_graph *graph = planner->graph;
    TRY_RETURN(dcn_new_array((size_t)graph->n_values, sizeof *planner->last_reader, (void **)&planner->last_reader));
    for (dcn_value_id v = 0; v < graph->n_values; v++)
        planner->last_reader[v] = planner->plan->values[v].kept ? graph->n_nodes : -1;
    for (dcn_node_id n = 0; n < graph->n_nodes; n++) {
        const dcn_node *node = &graph->nodes[n];
        for (int32_t i = 0; i < node->n_inputs; i++)
            if (planner->last_reader[node->input[i]] < n) planner->last_reader[node->input[i]] = n;
    }
    return DECANT_OK;
}

/* A buffer for everything that no node makes. */
static decant_status add_sources(planning *planner)
{
    dcn_plan *plan = planner->plan;
    for (dcn_value_id v = 0; v < plan->n_values; v++) {
        const dcn_value *value = &planner->graph->values[v];
        dcn_plan_value *known = &plan->values[v];
        dcn_tensor_desc desc = {.dtype = value->dtype, .shape = value->shape, .layout = DCN_LAYOUT_PLAIN};
        switch (known->kind) {
        case DCN_VALUE_INPUT:
            TRY_RETURN(add_buffer(plan, &desc, DCN_HOME_INPUT, 0, &known->buffer));
            hold(planner, known->buffer, v);
            if (planner->last_reader[v] >= 0) plan->n_unbound++;
            break;
        case DCN_VALUE_PARAMETER:
        case DCN_VALUE_STATE:
            desc = plan->weights[known->weight].desc;
            TRY_RETURN(add_buffer(plan, &desc, DCN_HOME_WEIGHT, known->weight, &known->buffer));
            plan->weights[known->weight].buffer = known->buffer;
            break;
        case DCN_VALUE_BLOCK:
            TRY_RETURN(add_buffer(plan, &desc, DCN_HOME_BLOCK, value->output_index, &known->buffer));
            plan->block_used[value->output_index] = true;
            break;
        case DCN_VALUE_RESULT:
            break;
        }
    }
    return DECANT_OK;
}

decant_status dcn_plan_lay_out(dcn_plan *plan, const dcn_program *program)
{
    planning planner = {.plan = plan, .graph = program->graph};
    decant_status status = find_last_readers(&planner);
    if (status != DECANT_OK) goto out;
    TRY(dcn_plan_choose_precision(plan, program, &planner.choice));
    TRY(add_sources(&planner));
    TRY(settle_narrow_weights(&planner));

    for (dcn_node_id n = 0; n < planner.graph->n_nodes; n++) {
        const dcn_node *node = &planner.graph->nodes[n];
        const dcn_op_info *info = dcn_op_get(node->op);
        const char *layer = NULL;
        TRY(layer_of(&planner, n, &layer));
        bool is_view = (info->flags & DCN_OP_VIEW) != 0;
        status = is_view ? make_view(&planner, n, layer) : make_step(&planner, n, layer);
        if (status != DECANT_OK) {
            dcn_while("planning %s %s on %s", info->name, layer, plan->device->class->name);
            goto out;
        }
    }
    TRY(dcn_plan_place_blocks(plan)); /* also settles weights that nothing reads */
out:
    dcn_precision_choice_finish(&planner.choice);
    dcn_free(planner.last_reader);
    return status;
}
