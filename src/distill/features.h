/* Features: which layers of student and teacher a loss compares, and the regressors and projections that train beside
 * the student. */
#ifndef DCN_DISTILL_FEATURES_H
#define DCN_DISTILL_FEATURES_H

#include "distill/term.h"

/* What a term compares; DCN_NONE for terms of logits. */
typedef struct dcn_tap {
    dcn_value_id student; /* value of the training graph: the layer, or what a regressor or projection makes of it */
    dcn_value_id teacher; /* value of the teacher's graph */
} dcn_tap;

/* The student's graph with the regressors and projections of the terms behind it: what trains. Values of the student
 * keep their ids, so the student is its first student->n_values values; a regressor's parameters are called
 * "hint.regressor.0.weight", a projection's "cosine.projection.0.weight". teacher may be NULL when no term reads
 * features. ret_taps has room for n_terms. NOT_FOUND names the nearest layer; SHAPE says which sizes met; INVALID_ARG
 * when nothing trains before a layer. Errors of a regressor's layers carry their place. */
decant_status dcn_features_extend(const dcn_graph *student, const dcn_graph *teacher, const dcn_term *terms,
                                  int32_t n_terms, dcn_graph **ret_graph, dcn_tap *ret_taps);

/* A layer by name; `whose` network it is looked for in ("student") is said in the failure, NOT_FOUND with the nearest.
 */
decant_status dcn_features_layer(const dcn_graph *graph, const char *whose, const char *layer, dcn_value_id *ret_value);

/* The first parameter of the training graph that no term's gradient reaches, by name; NULL when all are reached. */
decant_status dcn_features_unreached(const dcn_graph *graph, const dcn_tap *taps, int32_t n_terms,
                                     const char **ret_name);

#endif
