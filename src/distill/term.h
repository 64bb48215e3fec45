/* Loss terms: what a student is trained on. One file a term; this is what they have in common. */
#ifndef DCN_DISTILL_TERM_H
#define DCN_DISTILL_TERM_H

#include "engine/program.h"

typedef enum dcn_term_kind { DCN_TERM_CE, DCN_TERM_KD, DCN_TERM_COUNT } dcn_term_kind;

typedef struct dcn_term {
    dcn_term_kind kind;
    double weight;
    double temperature;     /* kd */
    double label_smoothing; /* ce */
} dcn_term;

/* What a term may read when it is put into a program. */
typedef struct dcn_term_context {
    dcn_value_id student_logits;
    dcn_value_id teacher_logits; /* DCN_NONE without a teacher */
    dcn_value_id labels;         /* I32 [N] */
    dcn_value_id labels_b, mix;  /* DCN_NONE without mixup */
} dcn_term_context;

typedef struct dcn_term_class {
    const char *name; /* recipe key: "kd" */
    const char
        *formula; /* for the loss sheet, with its reduction: "T^2 * mean_n sum_c p_T(t) (log p_T(t) - log p_T(s))" */
    const char *reduction; /* "mean over samples, sum over classes" */
    bool needs_teacher, needs_labels;
    /* Appends the loss node; gives the value of the term ([1], unweighted) and the gradient at the student's logits
     * (weighted). */
    decant_status (*emit)(const dcn_term *term, dcn_program *program, const dcn_term_context *context,
                          dcn_value_id *ret_loss, dcn_value_id *ret_gradient);
} dcn_term_class;

const dcn_term_class *dcn_term_class_of(dcn_term_kind kind);
bool dcn_term_find(const char *name, dcn_term_kind *ret_kind);

/* INVALID_ARG when the term's numbers are outside their range: weight finite, temperature > 0, label_smoothing in [0,
 * 1). */
decant_status dcn_term_check(const dcn_term *term);
/* Checks the term and what it needs, then emits it. */
decant_status dcn_term_emit(const dcn_term *term, dcn_program *program, const dcn_term_context *context,
                            dcn_value_id *ret_loss, dcn_value_id *ret_gradient);

/* What a term is called in metrics: its name, "kd_2" for the second of its kind. */
#define DCN_TERM_LABEL 32
void dcn_term_label(const dcn_term *terms, int32_t index, char ret_label[DCN_TERM_LABEL]);

#endif
