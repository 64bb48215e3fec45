/* Cross-entropy with the labels: -log softmax(s)[y], averaged over samples; with label smoothing and mixup's second
 * label. */
#include "distill/term_classes.h"

static decant_status emit_ce(const dcn_term *term, dcn_program *program, const dcn_term_context *context,
                             dcn_term_output *ret_output)
{
    dcn_value_id inputs[4] = {context->student_logits, context->labels, context->labels_b, context->mix};
    int32_t n_inputs = context->mix == DCN_NONE ? 2 : 4;
    return dcn_term_add_node(program, DECANT_OP_LOSS_CE, term, "loss.ce", inputs, n_inputs, ret_output);
}

const dcn_term_class dcn_term_ce = {
    .name = "ce",
    .formula = "mean_n -log softmax(s)[y]",
    .variant_formula = "mean_n sum_c -q_c log softmax(s)_c",
    .reduction = "mean over samples",
    .needs_labels = true,
    .weighs_classes = true,
    .emit = emit_ce,
};
