/* Loss terms: what a student is trained on. One file a term; this is what they have in common. */
#ifndef DCN_DISTILL_TERM_H
#define DCN_DISTILL_TERM_H

#include "engine/program.h"
#include "format/document.h"

typedef enum dcn_term_kind {
    DCN_TERM_CE,
    DCN_TERM_KD,
    DCN_TERM_BCE,
    DCN_TERM_LOGITS,
    DCN_TERM_DKD,
    DCN_TERM_COSINE,
    DCN_TERM_HINT,
    DCN_TERM_COUNT
} dcn_term_kind;

/* How features of unequal lengths are made comparable. */
typedef enum dcn_match {
    DCN_MATCH_NONE,
    DCN_MATCH_AVGPOOL, /* averaged down to it */
    DCN_MATCH_PROJECT  /* the student's is turned into the teacher's by a linear map that trains beside it (features.h)
                        */
} dcn_match;

typedef struct dcn_term {
    dcn_term_kind kind;
    double weight;
    double temperature;     /* kd, dkd */
    double label_smoothing; /* ce */
    double alpha, beta;     /* dkd */
    bool standardize;       /* kd, logits */
    bool center;            /* logits */
    /* Of the feature losses; the texts and the document are their owner's and outlive the term. */
    const char *student, *teacher; /* layers: cosine, hint */
    dcn_match match;               /* cosine, hint (of which only avgpool) */
    const dcn_doc *regressor;      /* hint: a list of layers, NULL for one layer that fits */
} dcn_term;

/* What a term may read when it is put into a program. */
typedef struct dcn_term_context {
    dcn_value_id student_logits;
    dcn_value_id teacher_logits;                   /* DCN_NONE without a teacher */
    dcn_value_id labels;                           /* I32 [N] */
    dcn_value_id labels_b, mix;                    /* DCN_NONE without mixup */
    dcn_value_id student_feature, teacher_feature; /* of a term that reads features (features.h); else DCN_NONE */
    dcn_value_id teacher_scale; /* [C,C], the diagonal 1 / deviation of each of the teacher's logits; read only by terms
                                   that dcn_term_wants_spread names */
} dcn_term_context;

/* What a term has put into a program: its unweighted value [1], and its weighted gradient at a value of the student's
 * side (the logits, or what was made of them or of a feature). */
typedef struct dcn_term_output {
    dcn_value_id loss;
    dcn_seed seed;
} dcn_term_output;

typedef struct dcn_term_class {
    const char *name; /* recipe key: "kd" */
    const char
        *formula; /* for the loss sheet, with its reduction: "T^2 * mean_n sum_c p_T(t) (log p_T(t) - log p_T(s))" */
    const char *variant_formula; /* with the term's option on (standardize, center, match, label_smoothing, mixup); NULL
                                    without one */
    const char *scaled_formula;  /* of logits: with standardize, and with center besides; NULL elsewhere */
    const char *scaled_variant_formula;
    const char *project_formula; /* with match: project; NULL without it */
    const char *reduction;       /* "mean over samples, sum over classes" */
    bool needs_teacher, needs_labels;
    bool one_label;       /* has no meaning for labels that mixup blends */
    bool weighs_classes;  /* compares the logits of a sample with each other: it needs more than one */
    bool has_temperature; /* shown in the loss sheet, and checked */
    bool reads_features;  /* a layer of each network instead of the logits */
    decant_status (*emit)(const dcn_term *term, dcn_program *program, const dcn_term_context *context,
                          dcn_term_output *ret_output);
} dcn_term_class;

const dcn_term_class *dcn_term_class_of(dcn_term_kind kind);
bool dcn_term_find(const char *name, dcn_term_kind *ret_kind);

/* INVALID_ARG when the term's numbers are outside their range: weight, alpha and beta finite, temperature > 0,
 * label_smoothing in [0, 1); or when a feature loss names no layers. */
decant_status dcn_term_check(const dcn_term *term);
/* INVALID_ARG when the term has no meaning for networks of so many outputs: a single logit has none beside it. */
decant_status dcn_term_check_outputs(const dcn_term *term, int64_t outputs);
/* Checks the term and what it needs, then emits it. */
decant_status dcn_term_emit(const dcn_term *term, dcn_program *program, const dcn_term_context *context,
                            dcn_term_output *ret_output);

/* Whether the term measures in units of the teacher's logits' deviations, which somebody must find before training. */
static inline bool dcn_term_wants_spread(const dcn_term *term)
{
    return term->kind == DCN_TERM_LOGITS && term->standardize;
}

/* The formula of this term, its options included. mixes: labels are blended by mixup. */
#define DCN_TERM_FORMULA 192
decant_status dcn_term_formula(const dcn_term *term, bool mixes, char ret_formula[DCN_TERM_FORMULA]);
/* Deviation of each output over the samples (with n), at least DCN_SPREAD_MIN. logits: [count, outputs]. */
#define DCN_SPREAD_MIN 1e-6f
void dcn_logits_spread(const float *logits, int64_t count, int64_t outputs, float *ret_spread);

/* What a term is called in metrics: its name, "kd_2" for the second of its kind. */
#define DCN_TERM_LABEL 32
void dcn_term_label(const dcn_term *terms, int32_t index, char ret_label[DCN_TERM_LABEL]);

#endif
