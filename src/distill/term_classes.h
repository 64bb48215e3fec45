/* Inside distill/: the rows of the term table, one file each, and what their files share. */
#ifndef DCN_DISTILL_TERM_CLASSES_H
#define DCN_DISTILL_TERM_CLASSES_H

#include "distill/term.h"

extern const dcn_term_class dcn_term_ce, dcn_term_kd, dcn_term_bce, dcn_term_logits, dcn_term_dkd, dcn_term_cosine,
    dcn_term_hint;

/* Appends a loss op with the term's numbers as attributes. Its outputs are the loss [1] and the gradient at input 0,
 * which become the term's. */
decant_status dcn_term_add_node(dcn_program *program, decant_op op, const dcn_term *term, const char *name,
                                const dcn_value_id *inputs, int32_t n_inputs, dcn_term_output *ret_output);
/* Appends an op with one input and one output. attrs may be NULL. */
decant_status dcn_term_add_op(dcn_program *program, decant_op op, const decant_op_attrs *attrs, dcn_value_id input,
                              dcn_value_id *ret_value);

#endif
