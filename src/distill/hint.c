/* Hints (Romero et al. 2015): a regressor turns a feature of the student into one of the teacher's, and the squared
 * distance trains both. features.c puts the regressor into the training graph; the student's file never sees it. */
#include "distill/term_classes.h"

static decant_status emit_hint(const dcn_term *term, dcn_program *program, const dcn_term_context *context,
                               dcn_term_output *ret_output)
{
    dcn_value_id inputs[2] = {context->student_feature, context->teacher_feature};
    const decant_shape ours = program->graph->values[inputs[0]].shape, theirs = program->graph->values[inputs[1]].shape;
    /* Where they differ they are maps of which one divides the other: features.c has seen to it. */
    if (!decant_shape_equal(&ours, &theirs)) {
        const int64_t window[2] = {theirs.dim[2] / ours.dim[2], theirs.dim[3] / ours.dim[3]};
        const decant_op_attrs pool = {.pool = {.kernel = {window[0], window[1]}, .stride = {window[0], window[1]}}};
        TRY_RETURN(dcn_term_add_op(program, DECANT_OP_AVGPOOL, &pool, inputs[1], &inputs[1]));
    }
    return dcn_term_add_node(program, DECANT_OP_LOSS_MSE, term, "loss.hint", inputs, 2, ret_output);
}

const dcn_term_class dcn_term_hint = {
    .name = "hint",
    .formula = "mean (regressor(fs) - ft)^2",
    .variant_formula = "mean (regressor(fs) - avgpool(ft))^2",
    .reduction = "mean over samples and elements",
    .needs_teacher = true,
    .reads_features = true,
    .emit = emit_hint,
};
