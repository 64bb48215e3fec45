/* Binary cross-entropy with logits. A network with one output learns labels 0 and 1; one with an output a class learns
 * each of them against all others. */
#include "distill/term_classes.h"

static decant_status emit_bce(const dcn_term *term, dcn_program *program, const dcn_term_context *context,
                              dcn_term_output *ret_output)
{
    const dcn_value_id inputs[2] = {context->student_logits, context->labels};
    return dcn_term_add_node(program, DECANT_OP_LOSS_BCE, term, "loss.bce", inputs, 2, ret_output);
}

const dcn_term_class dcn_term_bce = {
    .name = "bce",
    .formula = "mean_{n,c} -y log sigmoid(s) - (1 - y) log sigmoid(-s)",
    .reduction = "mean over samples and outputs",
    .needs_labels = true,
    .one_label = true,
    .emit = emit_bce,
};
