/* Attributes as data: which fields an op has, so that files, fingerprints and text need no code per op. */
#include <stddef.h>

#include "base/memory.h"
#include "graph/op.h"

typedef struct field_list {
    const dcn_attr_field *fields;
    int32_t count;
} field_list;

#define FIELD(member, name, type, structural)                                                                          \
    {                                                                                                                  \
#name, DCN_FIELD_##type, offsetof(decant_op_attrs, member.name), structural                                    \
    }
#define LIST(member) static const field_list list_##member = {fields_##member, (int32_t)DCN_COUNT(fields_##member)}

static const field_list list_none = {NULL, 0};

static const dcn_attr_field fields_conv[] = {
    FIELD(conv, channels, INT, true),     FIELD(conv, kernel, INT_PAIR, true),   FIELD(conv, stride, INT_PAIR, true),
    FIELD(conv, padding, INT_PAIR, true), FIELD(conv, dilation, INT_PAIR, true), FIELD(conv, groups, INT, true),
    FIELD(conv, bias, BOOL, true),        FIELD(conv, activation, ENUM32, true), FIELD(conv, in_hw, INT_PAIR, false),
};
LIST(conv);

static const dcn_attr_field fields_linear[] = {
    FIELD(linear, features, INT, true), FIELD(linear, bias, BOOL, true), FIELD(linear, activation, ENUM32, true),
    FIELD(linear, folds, BOOL, false), /* says what becomes of the layer, not what it computes */
    FIELD(linear, exact, BOOL, false),
};
LIST(linear);

static const dcn_attr_field fields_norm[] = {
    FIELD(norm, eps, DOUBLE, true),
    FIELD(norm, momentum, DOUBLE, false), /* says how statistics are gathered, not what the network computes */
    FIELD(norm, activation, ENUM32, true),
    /* stands in programs only */
    FIELD(norm, pools, BOOL, false),
};
LIST(norm);

static const dcn_attr_field fields_pool[] = {
    FIELD(pool, kernel, INT_PAIR, true),        FIELD(pool, stride, INT_PAIR, true),
    FIELD(pool, padding, INT_PAIR, true),       FIELD(pool, ceil_mode, BOOL, true),
    FIELD(pool, count_include_pad, BOOL, true), FIELD(pool, in_hw, INT_PAIR, false),
};
LIST(pool);

static const dcn_attr_field fields_adaptive[] = {
    FIELD(adaptive, out_hw, INT_PAIR, true),
    FIELD(adaptive, in_hw, INT_PAIR, false),
};
LIST(adaptive);

static const dcn_attr_field fields_dropout[] = {
    FIELD(dropout, p, DOUBLE, false),
    FIELD(dropout, stream, INT, false),
};
LIST(dropout);

static const dcn_attr_field fields_activation[] = {FIELD(activation, kind, ENUM32, true)};
LIST(activation);

static const dcn_attr_field fields_reshape[] = {
    FIELD(reshape, rank, INT, true),
    FIELD(reshape, shape, INT_LIST, true),
};
LIST(reshape);

static const dcn_attr_field fields_axis[] = {FIELD(axis, axis, INT, true)};
LIST(axis);

static const dcn_attr_field fields_slice[] = {
    FIELD(slice, axis, INT, true),
    FIELD(slice, begin, INT, true),
    FIELD(slice, end, INT, true),
};
LIST(slice);

static const dcn_attr_field fields_pad_channels[] = {
    FIELD(pad_channels, stride, INT, true),
    FIELD(pad_channels, before, INT, true),
    FIELD(pad_channels, after, INT, true),
    FIELD(pad_channels, in_hw, INT_PAIR, false),
};
LIST(pad_channels);

static const dcn_attr_field fields_repeat[] = {FIELD(repeat, times, INT, true)};
LIST(repeat);

static const dcn_attr_field fields_loss[] = {
    FIELD(loss, weight, DOUBLE, false),
    FIELD(loss, temperature, DOUBLE, false),
    FIELD(loss, label_smoothing, DOUBLE, false),
    FIELD(loss, alpha, DOUBLE, false),
    FIELD(loss, beta, DOUBLE, false),
    FIELD(loss, center, BOOL, false),
};
LIST(loss);

static const dcn_attr_field fields_update[] = {
    FIELD(update, nesterov, BOOL, false),
    FIELD(update, decoupled, BOOL, false),
    FIELD(update, has_momentum, BOOL, false),
    FIELD(update, max_norm, DOUBLE, false),
};
LIST(update);

static const field_list *const lists[DECANT_OP_COUNT] = {
#define OP(upper, lower, attrs, in0, in1, out, onnx, tol, flags) [DECANT_OP_##upper] = &list_##attrs,
#include "graph/op.def"
};

const dcn_attr_field *dcn_op_fields(decant_op op, int32_t *ret_count)
{
    *ret_count = lists[op]->count;
    return lists[op]->fields;
}
