/* Making a case: growing the list, element types, inferred outputs, labels. */
#include "conformance/cases.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/memory.h"
#include "conformance/harness.h"
#include "tensor/shape.h"

op_case *case_begin(case_list *list, decant_op op, const decant_op_attrs *attrs, int32_t n_outputs)
{
    require(dcn_grow((void **)&list->items, list->count, &list->capacity, sizeof *list->items),
            "growing the case list");
    op_case *test = &list->items[list->count++];
    memset(test, 0, sizeof *test);
    test->call.op = op;
    if (attrs != NULL) test->call.attrs = *attrs;
    test->call.n_outputs = n_outputs;
    snprintf(test->label, sizeof test->label, "#%d", list->count);
    return test;
}

static decant_dtype fill_type(input_fill fill)
{
    switch (fill) {
    case FILL_LABEL:
    case FILL_INDEX:
        return DECANT_I32;
    case FILL_COUNTER:
        return DECANT_I64;
    default:
        return DECANT_F32;
    }
}

void case_input(op_case *test, input_fill fill, decant_shape shape)
{
    int32_t i = test->call.n_inputs++;
    assert_true(i < DCN_MAX_INPUTS);
    test->call.input[i] = (dcn_tensor_desc){fill_type(fill), shape, DCN_LAYOUT_PLAIN};
    test->fills[i] = fill;
}

void case_end(op_case *test)
{
    for (int32_t i = 0; i < test->call.n_inputs; i++) {
        char shape[DCN_SHAPE_TEXT];
        size_t used = strlen(test->label);
        snprintf(test->label + used, sizeof test->label - used, " %s",
                 dcn_shape_text(&test->call.input[i].shape, shape));
    }
    require(dcn_op_infer(&test->call), test->label);
}

static void narrow_call(dcn_op_call *call)
{
    dcn_op_narrow may = dcn_op_may_narrow(call->op);
    for (int32_t i = 0; i < call->n_inputs; i++)
        if ((may.inputs >> i & 1U) != 0) call->input[i].dtype = DECANT_BF16;
    for (int32_t o = 0; o < call->n_outputs; o++)
        if ((may.outputs >> o & 1U) != 0) call->output[o].dtype = DECANT_BF16;
}

bool case_narrow(op_case *test, bool wide_product)
{
    dcn_op_narrow may = dcn_op_may_narrow(test->call.op);
    if (may.inputs == 0) return false;
    narrow_call(&test->call);
    if (wide_product && may.product) test->call.output[0].dtype = DECANT_F32;
    if (test->forward.n_inputs > 0) narrow_call(&test->forward);
    return true;
}

void case_forward(op_case *test, decant_op op, const decant_op_attrs *attrs, const decant_shape *shapes,
                  int32_t n_shapes, int32_t n_outputs)
{
    dcn_op_call *forward = &test->forward;
    forward->op = op;
    forward->attrs = *attrs;
    forward->n_inputs = n_shapes;
    forward->n_outputs = n_outputs;
    for (int32_t i = 0; i < n_shapes; i++)
        forward->input[i] = (dcn_tensor_desc){DECANT_F32, shapes[i], DCN_LAYOUT_PLAIN};
    require(dcn_op_infer(forward), test->label);
}

void case_list_finish(case_list *list)
{
    dcn_free(list->items);
    *list = (case_list){0};
}
