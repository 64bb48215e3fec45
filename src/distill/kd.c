/* Soft targets: the Kullback-Leibler divergence from the teacher's softened probabilities to the student's, times T^2
 * so that its gradient keeps its size when T changes (Hinton, Vinyals, Dean 2015, section 2). With standardize, both
 * sides' logits are first brought to mean 0 and deviation 1 in each row (Sun et al. 2024, logit standardisation), so
 * that the student need not copy the size of the teacher's. */
#include "distill/term_classes.h"

static decant_status emit_kd(const dcn_term *term, dcn_program *program, const dcn_term_context *context,
                             dcn_term_output *ret_output)
{
    dcn_value_id inputs[2] = {context->student_logits, context->teacher_logits};
    for (int i = 0; i < 2 && term->standardize; i++)
        TRY_RETURN(dcn_term_add_op(program, DECANT_OP_STANDARDIZE, NULL, inputs[i], &inputs[i]));
    return dcn_term_add_node(program, DECANT_OP_LOSS_KD, term, "loss.kd", inputs, 2, ret_output);
}

const dcn_term_class dcn_term_kd = {
    .name = "kd",
    .formula = "T^2 * mean_n sum_c p_T(t) (log p_T(t) - log p_T(s))",
    .variant_formula = "T^2 * mean_n sum_c p_T(t') (log p_T(t') - log p_T(s')), z' = (z - mean z) / std z",
    .reduction = "sum over classes, mean over samples",
    .needs_teacher = true,
    .has_temperature = true,
    .weighs_classes = true,
    .emit = emit_kd,
};
