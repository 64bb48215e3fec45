/* The table of loss terms and what is common to them: lookup by name and checking of their numbers.
 * What a term computes lives in its own file. */
#include "distill/term.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "distill/term_classes.h"

static const dcn_term_class *const classes[DCN_TERM_COUNT] = {
    [DCN_TERM_CE] = &dcn_term_ce,         [DCN_TERM_KD] = &dcn_term_kd,   [DCN_TERM_BCE] = &dcn_term_bce,
    [DCN_TERM_LOGITS] = &dcn_term_logits, [DCN_TERM_DKD] = &dcn_term_dkd, [DCN_TERM_COSINE] = &dcn_term_cosine,
    [DCN_TERM_HINT] = &dcn_term_hint,
};

const dcn_term_class *dcn_term_class_of(dcn_term_kind kind)
{
    return classes[kind];
}

bool dcn_term_find(const char *name, dcn_term_kind *ret_kind)
{
    for (size_t kind = 0; kind < DCN_COUNT(classes); kind++) {
        if (strcmp(classes[kind]->name, name) == 0) {
            *ret_kind = (dcn_term_kind)kind;
            return true;
        }
    }
    return false;
}

decant_status dcn_term_check(const dcn_term *term)
{
    if ((unsigned)term->kind >= DCN_TERM_COUNT) {
        return DCN_FAIL(INVALID_ARG, "there is no loss term number %d", (int)term->kind);
    }
    const dcn_term_class *class = classes[term->kind];
    const char *name = class->name;
    if (!isfinite(term->weight)) return DCN_FAIL(INVALID_ARG, "the weight of loss term %s must be finite", name);
    if (class->has_temperature && !(isfinite(term->temperature) && term->temperature > 0)) {
        return DCN_FAIL(INVALID_ARG, "the temperature of loss term %s must be above 0, not %g", name,
                        term->temperature);
    }
    if (term->kind == DCN_TERM_CE && !(term->label_smoothing >= 0 && term->label_smoothing < 1)) {
        return DCN_FAIL(INVALID_ARG, "label_smoothing of loss term %s must be in [0, 1), not %g", name,
                        term->label_smoothing);
    }
    if (!isfinite(term->alpha) || !isfinite(term->beta)) {
        return DCN_FAIL(INVALID_ARG, "alpha and beta of loss term %s must be finite, not %g and %g", name, term->alpha,
                        term->beta);
    }
    if (term->kind == DCN_TERM_DKD && term->alpha == 0 && term->beta == 0) {
        return DCN_FAIL(INVALID_ARG, "alpha and beta of loss term %s are both 0: it teaches nothing", name);
    }
    if (class->reads_features && (term->student == NULL || term->teacher == NULL)) {
        return DCN_FAIL(INVALID_ARG, "loss term %s must name a layer of the student and one of the teacher", name);
    }
    return DECANT_OK;
}

decant_status dcn_term_check_outputs(const dcn_term *term, int64_t outputs)
{
    const dcn_term_class *class = classes[term->kind];
    if (outputs == 2 && term->kind == DCN_TERM_KD && term->standardize) {
        return DCN_FAIL(INVALID_ARG,
                        "loss term %s with standardize leaves of two outputs only which is the larger, and nothing to "
                        "learn from; leave standardize out",
                        class->name);
    }
    if (outputs > 1) return DECANT_OK;
    if (class->weighs_classes) {
        return DCN_FAIL(INVALID_ARG,
                        "loss term %s compares the outputs for a sample with each other, and the network has one; "
                        "a single logit learns by bce or logits",
                        class->name);
    }
    if (term->center) {
        return DCN_FAIL(INVALID_ARG,
                        "loss term %s with center takes the mean out of each sample's outputs, and the "
                        "network has one: nothing would be left of it",
                        class->name);
    }
    return DECANT_OK;
}

decant_status dcn_term_emit(const dcn_term *term, dcn_program *program, const dcn_term_context *context,
                            dcn_term_output *ret_output)
{
    TRY_RETURN(dcn_term_check(term));
    const dcn_term_class *class = classes[term->kind];
    TRY_RETURN(dcn_term_check_outputs(term, program->graph->values[context->student_logits].shape.dim[1]));
    if (class->needs_teacher && context->teacher_logits == DCN_NONE) {
        return DCN_FAIL(INVALID_ARG, "loss term %s needs a teacher, and the run has none", class->name);
    }
    if (class->needs_labels && context->labels == DCN_NONE) {
        return DCN_FAIL(INVALID_ARG, "loss term %s needs labels, and the training data has none", class->name);
    }
    if (class->one_label && context->mix != DCN_NONE) {
        return DCN_FAIL(INVALID_ARG, "loss term %s needs one label a sample, and mixup blends two", class->name);
    }
    decant_status status = class->emit(term, program, context, ret_output);
    if (status != DECANT_OK) dcn_while("adding loss term %s", class->name);
    return status;
}

/* Labels are spread over the classes, or over two samples'. */
static bool blends_labels(const dcn_term *term, bool mixes)
{
    return term->kind == DCN_TERM_CE && (mixes || term->label_smoothing > 0);
}

static const char *plain_formula(const dcn_term *term, bool mixes)
{
    const dcn_term_class *class = classes[term->kind];
    if (term->standardize && class->scaled_formula != NULL)
        return term->center ? class->scaled_variant_formula : class->scaled_formula;
    if (term->match == DCN_MATCH_PROJECT && class->project_formula != NULL) return class->project_formula;
    const bool variant =
        term->standardize || term->center || term->match != DCN_MATCH_NONE || blends_labels(term, mixes);
    return variant && class->variant_formula != NULL ? class->variant_formula : class->formula;
}

decant_status dcn_term_formula(const dcn_term *term, bool mixes, char ret_formula[DCN_TERM_FORMULA])
{
    const char *formula = plain_formula(term, mixes);
    if (term->kind == DCN_TERM_DKD)
        return dcn_format(ret_formula, DCN_TERM_FORMULA, "%s, alpha = %g, beta = %g", formula, term->alpha, term->beta);
    if (!blends_labels(term, mixes)) return dcn_format(ret_formula, DCN_TERM_FORMULA, "%s", formula);
    if (!(term->label_smoothing > 0))
        return dcn_format(ret_formula, DCN_TERM_FORMULA, "%s, q = the labels as mixup blends them", formula);
    return dcn_format(ret_formula, DCN_TERM_FORMULA, "%s, q = %g of the label%s and %g of all classes alike", formula,
                      1 - term->label_smoothing, mixes ? "s as mixup blends them" : "", term->label_smoothing);
}

void dcn_term_label(const dcn_term *terms, int32_t index, char ret_label[DCN_TERM_LABEL])
{
    int32_t earlier = 0;
    for (int32_t i = 0; i < index; i++)
        earlier += terms[i].kind == terms[index].kind;
    const char *name = classes[terms[index].kind]->name;
    /* Names are short literals of ours and at most DCN_MAX_TERMS share one: this cannot be cut. */
    if (earlier == 0) {
        snprintf(ret_label, DCN_TERM_LABEL, "%s", name);
    } else {
        snprintf(ret_label, DCN_TERM_LABEL, "%s_%d", name, (int)earlier + 1);
    }
}

decant_status dcn_term_add_node(dcn_program *program, decant_op op, const dcn_term *term, const char *name,
                                const dcn_value_id *inputs, int32_t n_inputs, dcn_term_output *ret_output)
{
    decant_op_attrs attrs;
    memset(&attrs, 0, sizeof attrs);
    attrs.loss.weight = term->weight;
    attrs.loss.temperature = term->temperature;
    attrs.loss.label_smoothing = term->label_smoothing;
    attrs.loss.alpha = term->alpha;
    attrs.loss.beta = term->beta;
    attrs.loss.center = term->center;

    /* A second term of a kind stays nameless: names are unique in a graph. */
    const char *free_name = dcn_graph_find(program->graph, name) == DCN_NONE ? name : NULL;
    dcn_value_id outputs[2];
    TRY_RETURN(dcn_graph_add_node(program->graph, op, &attrs, free_name, inputs, n_inputs, 2, outputs));
    *ret_output = (dcn_term_output){.loss = outputs[0], .seed = {.value = inputs[0], .gradient = outputs[1]}};
    return DECANT_OK;
}

decant_status dcn_term_add_op(dcn_program *program, decant_op op, const decant_op_attrs *attrs, dcn_value_id input,
                              dcn_value_id *ret_value)
{
    decant_op_attrs none;
    memset(&none, 0, sizeof none);
    return dcn_graph_add_node(program->graph, op, attrs != NULL ? attrs : &none, NULL, &input, 1, 1, ret_value);
}
