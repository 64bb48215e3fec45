/* Inside distill/: the rows of the term table, one file each, and what their files share. */
#ifndef DCN_DISTILL_TERM_CLASSES_H
#define DCN_DISTILL_TERM_CLASSES_H

#include "distill/term.h"

extern const dcn_term_class dcn_term_ce, dcn_term_kd;

/* Appends a loss op with the term's weight, temperature and smoothing as attributes: outputs loss [1] and gradient
 * [N,C]. */
decant_status dcn_term_add_node(dcn_program *program, decant_op op, const dcn_term *term, const char *name,
                                const dcn_value_id *inputs, int32_t n_inputs, dcn_value_id *ret_loss,
                                dcn_value_id *ret_gradient);

#endif
