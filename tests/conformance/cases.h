/* What conformance tests an op with: calls with shapes and attributes, and how each input is filled. */
#ifndef CONFORMANCE_CASES_H
#define CONFORMANCE_CASES_H

#include "graph/op.h"

typedef enum input_fill {
    FILL_NORMAL,      /* N(0,1) */
    FILL_SMALL,       /* N(0,1) / sqrt(k), k elements a channel: a sum over them is near 1, as tolerances expect */
    FILL_POSITIVE,    /* 0.5 .. 1.5: variances, squared gradients */
    FILL_TIES,        /* a few whole numbers, zeros the most: equal maxima */
    FILL_CORNERS,     /* N(0,9) with 0, +-3, 6 and huge values in it */
    FILL_NAN,         /* the same with a NaN */
    FILL_LOGITS,      /* N(0,9) */
    FILL_HUGE_LOGITS, /* up to 1e36 either way: no loss overflows f32, every naive exponential does */
    FILL_PROBABILITY, /* rows that sum to 1 */
    FILL_UNIT,        /* 0 .. 1 */
    FILL_LABEL,       /* 0 .. limit - 1 */
    FILL_COUNTER,     /* {seed, step} */
    FILL_HYPER,       /* the DCN_HYPER_* scalars */
    FILL_NORM,        /* one positive number */
    FILL_INDEX        /* output 1 of the device's own `forward` */
} input_fill;

typedef struct op_case {
    char label[160];
    dcn_op_call call;
    input_fill fills[DCN_MAX_INPUTS];
    double step;   /* COUNTER, HYPER */
    double norm;   /* NORM */
    int64_t limit; /* LABEL */
    dcn_op_call
        forward; /* gradients of weighted layers and of maxpool: the op that they are of; n_inputs 0 elsewhere */
} op_case;

typedef struct case_list {
    op_case *items;
    int32_t count, capacity;
} case_list;

/* One function a row of the op table, found by name: an op without cases does not link. */
#define OP(upper, lower, attrs, in0, in1, out, onnx, tol, flags) void cases_##lower(case_list *list);
#include "graph/op.def"

/* --- for the case files --- */
/* A new case; attrs may be NULL. The pointer is good until the next case_begin on the list. */
op_case *case_begin(case_list *list, decant_op op, const decant_op_attrs *attrs, int32_t n_outputs);
void case_input(op_case *test, input_fill fill, decant_shape shape); /* the element type follows from the fill */
/* Infers the outputs and writes the label; fails the test when the shape rule refuses. */
void case_end(op_case *test);
/* The forward call that a gradient case is of, inferred; inputs are N(0,1) tensors of these shapes. */
void case_forward(op_case *test, decant_op op, const decant_op_attrs *attrs, const decant_shape *shapes,
                  int32_t n_shapes, int32_t n_outputs);
void case_list_finish(case_list *list);
/* Turns the case into its bf16 form; false when the op has none. Inputs are filled as before and then rounded.
 * wide_product: a product writes f32 from them, as the last layer of a network does. */
bool case_narrow(op_case *test, bool wide_product);

#endif
