/* Mimic training: the squared distance to the teacher's logits (Ba, Caruana 2014), optionally with each row's mean
 * taken out of both, which a softmax would not see either, and with each output measured in the deviation that the
 * teacher's has over the training samples, so that one with large numbers does not drown the others. Subtracting the
 * teacher's mean as well would change nothing: it is taken out of a difference. */
#include <math.h>

#include "distill/term_classes.h"

static decant_status emit_logits(const dcn_term *term, dcn_program *program, const dcn_term_context *context,
                                 dcn_term_output *ret_output)
{
    dcn_value_id inputs[2] = {context->student_logits, context->teacher_logits};
    const int64_t classes = program->graph->values[inputs[0]].shape.dim[1];
    const decant_op_attrs scale = {.linear = {.features = classes, .exact = true}};
    for (int i = 0; i < 2 && term->standardize; i++) {
        const dcn_value_id product[2] = {inputs[i], context->teacher_scale};
        TRY_RETURN(dcn_graph_add_node(program->graph, DECANT_OP_LINEAR, &scale, NULL, product, 2, 1, &inputs[i]));
    }
    return dcn_term_add_node(program, DECANT_OP_LOSS_MSE, term, "loss.logits", inputs, 2, ret_output);
}

void dcn_logits_spread(const float *logits, int64_t count, int64_t outputs, float *ret_spread)
{
    for (int64_t c = 0; c < outputs; c++) {
        double sum = 0, squares = 0;
        for (int64_t n = 0; n < count; n++)
            sum += (double)logits[n * outputs + c];
        for (int64_t n = 0; n < count; n++) {
            double distance = (double)logits[n * outputs + c] - sum / (double)count;
            squares += distance * distance;
        }
        float spread = (float)sqrt(squares / (double)count);
        ret_spread[c] = spread > DCN_SPREAD_MIN ? spread : DCN_SPREAD_MIN;
    }
}

const dcn_term_class dcn_term_logits = {
    .name = "logits",
    .formula = "mean_{n,c} (s - t)^2",
    .variant_formula = "mean_{n,c} (s' - t')^2, z' = z - mean z",
    .scaled_formula = "mean_{n,c} ((s - t) / std_c t)^2",
    .scaled_variant_formula = "mean_{n,c} (s' - t')^2, z' = z / std_c t - mean",
    .reduction = "mean over samples and classes",
    .needs_teacher = true,
    .emit = emit_logits,
};
