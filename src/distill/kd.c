/* Soft targets: the Kullback-Leibler divergence from the teacher's softened probabilities to the student's, times T^2
 * so that its gradient keeps its size when T changes (Hinton, Vinyals, Dean 2015, section 2). */
#include "distill/term_classes.h"

static decant_status emit_kd(const dcn_term *term, dcn_program *program, const dcn_term_context *context,
                             dcn_value_id *ret_loss, dcn_value_id *ret_gradient)
{
    const dcn_value_id inputs[2] = {context->student_logits, context->teacher_logits};
    return dcn_term_add_node(program, DECANT_OP_LOSS_KD, term, "loss.kd", inputs, 2, ret_loss, ret_gradient);
}

const dcn_term_class dcn_term_kd = {
    .name = "kd",
    .formula = "T^2 * mean_n sum_c p_T(t) (log p_T(t) - log p_T(s))",
    .reduction = "sum over classes, mean over samples",
    .needs_teacher = true,
    .emit = emit_kd,
};
