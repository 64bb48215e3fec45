/* Mimic training: the squared distance to the teacher's logits (Ba, Caruana 2014), optionally with each row's mean
 * taken out of both, which a softmax would not see either. */
#include "distill/term_classes.h"

static decant_status emit_logits(const dcn_term *term, dcn_program *program, const dcn_term_context *context,
                                 dcn_term_output *ret_output)
{
    const dcn_value_id inputs[2] = {context->student_logits, context->teacher_logits};
    return dcn_term_add_node(program, DECANT_OP_LOSS_MSE, term, "loss.logits", inputs, 2, ret_output);
}

const dcn_term_class dcn_term_logits = {
    .name = "logits",
    .formula = "mean_{n,c} (s - t)^2",
    .variant_formula = "mean_{n,c} (s' - t')^2, z' = z - mean z",
    .reduction = "mean over samples and classes",
    .needs_teacher = true,
    .emit = emit_logits,
};
