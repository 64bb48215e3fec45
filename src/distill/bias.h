/* Output-bias correction: what a student that never saw some class lacks is often no more than that class's bias
 * (Hinton, Vinyals, Dean 2015, section 3). Offsets of the logits are found from a set of logits, by the class
 * frequencies that are known of it or by its labels; they are added to the bias of the last layer. */
#ifndef DCN_DISTILL_BIAS_H
#define DCN_DISTILL_BIAS_H

#include "graph/graph.h"

typedef struct dcn_bias_problem {
    const float *logits; /* [count, classes], finite */
    int64_t count;
    int32_t classes;
    const bool *moved; /* [classes]: these share one offset, the others have none; NULL: each class has its own */
} dcn_bias_problem;

/* Offsets with which as many samples are predicted to be of the moved classes (of each class) as there are:
 * wanted[classes], which sum to count. Ties aside it is met exactly for moved classes, and as well as coordinate
 * sweeps come for each class. ret_offsets: [classes]. */
decant_status dcn_bias_match(const dcn_bias_problem *problem, const int64_t *wanted, float *ret_offsets);
/* Offsets with the fewest errors on labels[count]; of several such, the least change. Each class on its own: the best
 * of one class after the other, until none helps. */
decant_status dcn_bias_fit(const dcn_bias_problem *problem, const int32_t *labels, float *ret_offsets);

/* The parameter that is the bias of the layer that makes the logits, [classes]. INVALID_ARG where the last layer has
 * none. */
decant_status dcn_graph_output_bias(const dcn_graph *graph, dcn_value_id *ret_bias);

#endif
