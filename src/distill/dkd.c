/* Decoupled distillation (Zhao et al. 2022): what the teacher says about label against rest, and how it divides the
 * rest, each with a weight of its own. */
#include "distill/term_classes.h"

static decant_status emit_dkd(const dcn_term *term, dcn_program *program, const dcn_term_context *context,
                              dcn_term_output *ret_output)
{
    const dcn_value_id inputs[3] = {context->student_logits, context->teacher_logits, context->labels};
    return dcn_term_add_node(program, DECANT_OP_LOSS_DKD, term, "loss.dkd", inputs, 3, ret_output);
}

const dcn_term_class dcn_term_dkd = {
    .name = "dkd",
    .formula = "T^2 * mean_n (alpha KL(label, rest) + beta KL(among the rest))",
    .reduction = "sum over classes, mean over samples",
    .needs_teacher = true,
    .needs_labels = true,
    .one_label = true,
    .has_temperature = true,
    .weighs_classes = true,
    .emit = emit_dkd,
};
