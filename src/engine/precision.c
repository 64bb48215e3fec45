/* Which steps of a program work on bf16, and which results are kept as bf16. Nothing of it is in the program: a value
 * is a real number, and its element type is a matter of the plan, like its layout.
 *
 * Products (convolutions, linear layers and their gradients) decide: those that gain read bf16. What lies between them
 * follows its input, so activations and their gradients stay bf16 from product to product; what joins f32 and bf16 for
 * no product is f32. What nobody reads as bf16 - logits, weight gradients - is written as f32 at once. Parameters,
 * statistics, losses and updates are f32 always. */
#include "engine/parts.h"

#include "base/memory.h"

typedef struct choosing {
    const dcn_plan *plan;
    const dcn_graph *graph;
    dcn_precision_choice *choice;
    bool *leads;     /* [n_values] to a product that reads bf16 */
    bool *from_data; /* [n_values] an input, or moved from one without arithmetic that training has a part in */
} choosing;

static bool has_bit(uint32_t bits, int32_t index)
{
    return (bits >> index & 1U) != 0;
}

/* What is summed for its own sake, and not for a layer behind it. */
static bool is_exact(const dcn_node *node)
{
    const bool is_linear = node->op == DECANT_OP_LINEAR || node->op == DECANT_OP_LINEAR_GRAD_INPUT ||
                           node->op == DECANT_OP_LINEAR_GRAD_WEIGHT;
    return is_linear && node->attrs.linear.exact;
}

static bool product_gains(const choosing *chooser, dcn_node_id node)
{
    const dcn_device *device = chooser->plan->device;
    if (is_exact(&chooser->graph->nodes[node])) return false;
    if (device->precision == DECANT_PRECISION_BF16) return true;
    if (device->class->gains_from_bf16 == NULL) return false;
    dcn_op_call call;
    dcn_graph_call(chooser->graph, node, &call);
    return device->class->gains_from_bf16(device, &call);
}

/* True when every reader of the value reads it as bf16, and there is one. */
static bool is_read_narrow(const choosing *chooser, dcn_value_id value)
{
    bool any = false;
    for (dcn_node_id n = 0; n < chooser->graph->n_nodes; n++) {
        const dcn_node *node = &chooser->graph->nodes[n];
        for (int32_t i = 0; i < node->n_inputs; i++) {
            if (node->input[i] != value) continue;
            if (!chooser->choice->node[n] || !has_bit(dcn_op_may_narrow(node->op).inputs, i)) return false;
            any = true;
        }
    }
    return any;
}

/* Which values come to a product that reads bf16, perhaps through ops that follow them. Logits do not, whatever adds
 * them up or standardises them. Readers stand behind what they read: one pass from the last node back. */
static void find_leads(choosing *chooser)
{
    for (dcn_node_id n = chooser->graph->n_nodes; n-- > 0;) {
        const dcn_node *node = &chooser->graph->nodes[n];
        dcn_op_narrow may = dcn_op_may_narrow(node->op);
        bool leads = may.product ? chooser->choice->node[n] : node->n_outputs > 0 && chooser->leads[node->output[0]];
        for (int32_t i = 0; leads && i < node->n_inputs; i++)
            if (has_bit(may.inputs, i)) chooser->leads[node->input[i]] = true;
    }
}

/* Everything that is no product follows what it reads. What joins values that come from elsewhere each, some of them
 * f32 - logits and the taps beside them -, must not round those for nobody. */
static bool follows(const choosing *chooser, const dcn_node *node)
{
    const dcn_op_narrow may = dcn_op_may_narrow(node->op);
    const bool joins = node->op == DECANT_OP_CONCAT || node->op == DECANT_OP_ADD;
    bool any = false, all = true; /* of its inputs are bf16 */
    for (int32_t i = 0; i < node->n_inputs; i++) {
        if (!has_bit(may.inputs, i)) continue;
        const bool narrow = chooser->choice->value[node->input[i]];
        any = any || narrow;
        all = all && narrow;
    }
    return any && (all || !joins || chooser->leads[node->output[0]]);
}

static void choose_products(choosing *chooser)
{
    for (dcn_node_id n = 0; n < chooser->graph->n_nodes; n++)
        chooser->choice->node[n] = dcn_op_may_narrow(chooser->graph->nodes[n].op).product && product_gains(chooser, n);
}

static void choose_forward(choosing *chooser)
{
    const dcn_graph *graph = chooser->graph;
    dcn_precision_choice *choice = chooser->choice;
    for (dcn_node_id n = 0; n < graph->n_nodes; n++) {
        const dcn_node *node = &graph->nodes[n];
        dcn_op_narrow may = dcn_op_may_narrow(node->op);
        if (!may.product) choice->node[n] = follows(chooser, node);
        if (!choice->node[n] || !has_bit(may.outputs, 0)) continue;
        choice->value[node->output[0]] = !may.product || chooser->leads[node->output[0]];
    }
}

/* Ops that give what they are given, or nothing. A batch normalisation is none: it takes the mean out of numbers that
 * may be large beside their spread, and bf16 would have lost the spread by then. */
static bool only_moves(decant_op op)
{
    switch (op) {
    case DECANT_OP_FLATTEN:
    case DECANT_OP_RESHAPE:
    case DECANT_OP_SLICE:
    case DECANT_OP_PAD_CHANNELS:
    case DECANT_OP_REPEAT_CHANNELS:
    case DECANT_OP_MAXPOOL:
    case DECANT_OP_RELU:
    case DECANT_OP_DROPOUT: /* and a factor */
        return true;
    default:
        return false;
    }
}

/* What only moves the program's inputs to a product that reads bf16 need not do it in f32. */
static void choose_data(choosing *chooser)
{
    const dcn_graph *graph = chooser->graph;
    dcn_precision_choice *choice = chooser->choice;
    for (dcn_value_id v = 0; v < graph->n_values; v++)
        chooser->from_data[v] = graph->values[v].kind == DCN_VALUE_INPUT;
    for (dcn_node_id n = 0; n < graph->n_nodes; n++) {
        const dcn_node *node = &graph->nodes[n];
        if (only_moves(node->op) && chooser->from_data[node->input[0]]) chooser->from_data[node->output[0]] = true;
    }
    for (dcn_node_id n = graph->n_nodes; n-- > 0;) {
        const dcn_node *node = &graph->nodes[n];
        if (node->n_outputs == 0 || choice->node[n] || !chooser->from_data[node->output[0]]) continue;
        if (chooser->plan->values[node->output[0]].kept || !is_read_narrow(chooser, node->output[0])) continue;
        choice->node[n] = choice->value[node->output[0]] = true;
    }
}

decant_status dcn_plan_choose_precision(const dcn_plan *plan, const dcn_program *program, dcn_precision_choice *choice)
{
    choosing chooser = {.plan = plan, .graph = program->graph, .choice = choice};
    const decant_precision precision = plan->device->precision;
    if (program->dtype != DECANT_F32 && precision == DECANT_PRECISION_BF16)
        return DCN_FAIL(UNSUPPORTED, "a program in %s has no bf16 form", decant_dtype_name(program->dtype));
    size_t n_nodes = (size_t)program->graph->n_nodes, n_values = (size_t)program->graph->n_values;
    decant_status status = dcn_new_array(n_nodes, sizeof *choice->node, (void **)&choice->node);
    if (status != DECANT_OK) goto out;
    TRY(dcn_new_array(n_values, sizeof *choice->value, (void **)&choice->value));
    if (program->dtype != DECANT_F32 || precision == DECANT_PRECISION_F32) goto out;

    TRY(dcn_new_array(n_values, sizeof *chooser.leads, (void **)&chooser.leads));
    TRY(dcn_new_array(n_values, sizeof *chooser.from_data, (void **)&chooser.from_data));
    choose_products(&chooser);
    find_leads(&chooser);
    choose_forward(&chooser);
    choose_data(&chooser);
out:
    dcn_free(chooser.leads);
    dcn_free(chooser.from_data);
    return status;
}

void dcn_precision_choice_finish(dcn_precision_choice *choice)
{
    dcn_free(choice->node);
    dcn_free(choice->value);
    *choice = (dcn_precision_choice){0};
}
