/* The angle between a feature of the student and one of the teacher, each sample's elements taken as one vector. A
 * teacher's vector that is a multiple as long is averaged down: torch's avg_pool1d with the ratio as kernel. Or the
 * student's is projected: features.c puts the projection into the training graph, as it does with regressors. */
#include "distill/term_classes.h"

/* [N,L*r] -> [N,L]: the means of r neighbours. */
static decant_status pool_down(dcn_program *program, dcn_value_id x, int64_t length, dcn_value_id *ret_y)
{
    int64_t ratio = program->graph->values[x].shape.dim[1] / length;
    decant_op_attrs rows = {.reshape = {.rank = 4, .shape = {0, 1, length, ratio}}};
    decant_op_attrs pool = {.pool = {.kernel = {1, ratio}, .stride = {1, ratio}}};
    TRY_RETURN(dcn_term_add_op(program, DECANT_OP_RESHAPE, &rows, x, &x));
    TRY_RETURN(dcn_term_add_op(program, DECANT_OP_AVGPOOL, &pool, x, &x));
    return dcn_term_add_op(program, DECANT_OP_FLATTEN, NULL, x, ret_y);
}

static decant_status emit_cosine(const dcn_term *term, dcn_program *program, const dcn_term_context *context,
                                 dcn_term_output *ret_output)
{
    dcn_value_id inputs[2] = {context->student_feature, context->teacher_feature};
    const dcn_value *values = program->graph->values;
    /* Maps of one shape are compared as they lie in memory: the order of elements does not matter. */
    bool alike = decant_shape_equal(&values[inputs[0]].shape, &values[inputs[1]].shape);
    for (int i = 0; i < 2 && !alike; i++)
        TRY_RETURN(dcn_term_add_op(program, DECANT_OP_FLATTEN, NULL, inputs[i], &inputs[i]));
    int64_t length = program->graph->values[inputs[0]].shape.dim[1];
    if (!alike && term->match == DCN_MATCH_AVGPOOL && program->graph->values[inputs[1]].shape.dim[1] != length)
        TRY_RETURN(pool_down(program, inputs[1], length, &inputs[1]));
    return dcn_term_add_node(program, DECANT_OP_LOSS_COSINE, term, "loss.cosine", inputs, 2, ret_output);
}

const dcn_term_class dcn_term_cosine = {
    .name = "cosine",
    .formula = "mean_n (1 - cos(fs, ft))",
    .variant_formula = "mean_n (1 - cos(fs, avgpool(ft)))",
    .project_formula = "mean_n (1 - cos(project(fs), ft))",
    .reduction = "mean over samples",
    .needs_teacher = true,
    .reads_features = true,
    .emit = emit_cosine,
};
