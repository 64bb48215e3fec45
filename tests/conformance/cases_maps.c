/* Cases of everything without weights that works on maps or element by element: activations, pooling, dropout,
 * movement. */
#include "base/memory.h"
#include "conformance/cases.h"
#include "tensor/shape.h"

/* Sizes around vector and block widths. */
static decant_shape element_shape(size_t i)
{
    const decant_shape shapes[] = {dcn_shape2(1, 1),        dcn_shape2(3, 17),       dcn_shape2(1, 1021),
                                   dcn_shape4(1, 1, 1, 1),  dcn_shape4(2, 3, 5, 7),  dcn_shape4(2, 17, 5, 3),
                                   dcn_shape4(1, 48, 1, 1), dcn_shape4(3, 33, 4, 4), dcn_shape4(2, 64, 8, 8)};
    return shapes[i];
}
enum { N_ELEMENT_SHAPES = 9 };

static void activation_cases(case_list *list, decant_op op)
{
    for (size_t i = 0; i < N_ELEMENT_SHAPES; i++) {
        op_case *test = case_begin(list, op, NULL, 1);
        case_input(test, i % 2 == 0 ? FILL_NAN : FILL_CORNERS, element_shape(i));
        case_end(test);
    }
}

void cases_relu(case_list *list)
{
    activation_cases(list, DECANT_OP_RELU);
}

void cases_relu6(case_list *list)
{
    activation_cases(list, DECANT_OP_RELU6);
}

void cases_hardswish(case_list *list)
{
    activation_cases(list, DECANT_OP_HARDSWISH);
}

void cases_sigmoid(case_list *list)
{
    activation_cases(list, DECANT_OP_SIGMOID);
}

void cases_log(case_list *list)
{
    activation_cases(list, DECANT_OP_LOG);
    for (size_t i = 0; i < N_ELEMENT_SHAPES; i++) {
        op_case *test = case_begin(list, DECANT_OP_LOG, NULL, 1);
        case_input(test, FILL_UNIT, element_shape(i));
        case_end(test);
    }
}

void cases_gelu(case_list *list)
{
    activation_cases(list, DECANT_OP_GELU);
}

void cases_activation_grad(case_list *list)
{
    for (int32_t kind = DCN_ACTIVATION_RELU; kind <= DCN_ACTIVATION_GELU; kind++)
        for (size_t i = 0; i < N_ELEMENT_SHAPES; i++) {
            decant_op_attrs attrs = {.activation = {kind}};
            op_case *test = case_begin(list, DECANT_OP_ACTIVATION_GRAD, &attrs, 1);
            case_input(test, FILL_NORMAL, element_shape(i));
            case_input(test, kind == DCN_ACTIVATION_SIGMOID ? FILL_UNIT : FILL_CORNERS, element_shape(i));
            case_end(test);
        }
}

void cases_add(case_list *list)
{
    for (size_t i = 0; i < N_ELEMENT_SHAPES; i++)
        for (int relu = 0; relu < 2; relu++) {
            decant_op_attrs attrs = {.activation = {relu ? DCN_ACTIVATION_RELU : DCN_ACTIVATION_NONE}};
            op_case *test = case_begin(list, DECANT_OP_ADD, &attrs, 1);
            case_input(test, FILL_NORMAL, element_shape(i));
            case_input(test, FILL_NORMAL, element_shape(i));
            case_end(test);
        }
}

static void dropout_cases(case_list *list, decant_op op)
{
    static const dcn_dropout_attrs rows[] = {{0.5, 0}, {0.1, 3}, {0.0, 1}, {0.999, 0xabcdef}};
    for (size_t i = 0; i < N_ELEMENT_SHAPES; i++)
        for (size_t k = 0; k < DCN_COUNT(rows); k++) {
            decant_op_attrs attrs = {.dropout = rows[k]};
            op_case *test = case_begin(list, op, &attrs, 1);
            case_input(test, FILL_NORMAL, element_shape(i));
            case_input(test, FILL_COUNTER, dcn_shape1(2));
            test->step = k % 2 == 0 ? 41 : 41 + 3 * 4294967296.0; /* the high half counts too */
            case_end(test);
        }
}

void cases_dropout(case_list *list)
{
    dropout_cases(list, DECANT_OP_DROPOUT);
}

void cases_dropout_grad(case_list *list)
{
    dropout_cases(list, DECANT_OP_DROPOUT_GRAD);
}

void cases_rectified_dropout_grad(case_list *list)
{
    for (size_t i = 0; i < N_ELEMENT_SHAPES; i++)
        for (int often = 0; often < 2; often++) {
            decant_op_attrs attrs = {.dropout = {.p = often ? 0.5 : 0.1}};
            op_case *test = case_begin(list, DECANT_OP_RECTIFIED_DROPOUT_GRAD, &attrs, 1);
            case_input(test, FILL_NORMAL, element_shape(i));
            case_input(test, often ? FILL_TIES : FILL_NAN, element_shape(i));
            case_end(test);
        }
}

typedef struct pool_row {
    int64_t n, c, h, w;
    int64_t kernel[2], stride[2], padding[2];
    bool ceil_mode;
} pool_row;

static const pool_row pool_rows[] = {
    {1, 1, 1, 1, {1, 1}, {1, 1}, {0, 0}, false},      {2, 3, 8, 8, {2, 2}, {2, 2}, {0, 0}, false},
    {2, 17, 9, 7, {2, 2}, {2, 2}, {0, 0}, false}, /* odd: last row unused */
    {2, 17, 9, 7, {2, 2}, {2, 2}, {0, 0}, true},  /* odd: last window cut */
    {1, 48, 7, 7, {7, 7}, {7, 7}, {0, 0}, false}, /* the kernel is the map */
    {2, 33, 7, 5, {3, 3}, {2, 2}, {1, 1}, false},     {2, 33, 8, 6, {3, 3}, {2, 2}, {1, 1}, true},
    {3, 16, 5, 5, {3, 3}, {1, 1}, {1, 1}, false}, /* overlapping */
    {2, 5, 11, 8, {2, 2}, {3, 3}, {0, 0}, false}, /* stride > kernel */
    {2, 5, 11, 8, {2, 2}, {3, 3}, {0, 0}, true},      {1, 3, 13, 11, {5, 3}, {2, 3}, {2, 1}, false}, /* uneven */
    {2, 64, 1, 1, {3, 3}, {1, 1}, {1, 1}, false},                                                    /* 1x1 map */
    {2, 16, 8, 6, {2, 2}, {2, 2}, {0, 0}, false},     {3, 64, 6, 10, {2, 2}, {2, 2}, {0, 0}, false}, /* whole vectors */
    {2, 48, 9, 7, {2, 2}, {2, 2}, {0, 0}, true},      {1, 32, 7, 8, {2, 2}, {2, 2}, {0, 0}, false},
    {1, 19, 20, 21, {17, 17}, {2, 3}, {3, 4}, false}, /* windows of more places than a byte counts */
};

static decant_op_attrs pool_attrs(const pool_row *row, bool count_include_pad)
{
    decant_op_attrs attrs = {.pool = {.ceil_mode = row->ceil_mode, .count_include_pad = count_include_pad}};
    for (int axis = 0; axis < 2; axis++) {
        attrs.pool.kernel[axis] = row->kernel[axis];
        attrs.pool.stride[axis] = row->stride[axis];
        attrs.pool.padding[axis] = row->padding[axis];
    }
    return attrs;
}

void cases_maxpool(case_list *list)
{
    for (size_t i = 0; i < DCN_COUNT(pool_rows); i++)
        for (int32_t n_outputs = 1; n_outputs <= 2; n_outputs++) { /* without and with the winners */
            const pool_row *row = &pool_rows[i];
            decant_op_attrs attrs = pool_attrs(row, false);
            op_case *test = case_begin(list, DECANT_OP_MAXPOOL, &attrs, n_outputs);
            case_input(test, FILL_NORMAL, dcn_shape4(row->n, row->c, row->h, row->w));
            case_end(test);
        }
}

/* The gradient of a pooling op; in_hw stands in the attributes, the forward call beside it. */
static op_case *pool_gradient(case_list *list, const pool_row *row, decant_op forward, decant_op op,
                              bool count_include_pad)
{
    decant_op_attrs attrs = pool_attrs(row, count_include_pad);
    op_case *test = case_begin(list, op, &attrs, 1);
    decant_shape x = dcn_shape4(row->n, row->c, row->h, row->w);
    case_forward(test, forward, &attrs, &x, 1, forward == DECANT_OP_MAXPOOL ? 2 : 1);
    test->call.attrs.pool.in_hw[0] = row->h;
    test->call.attrs.pool.in_hw[1] = row->w;
    case_input(test, FILL_NORMAL, test->forward.output[0].shape);
    return test;
}

void cases_maxpool_grad(case_list *list)
{
    for (size_t i = 0; i < DCN_COUNT(pool_rows); i++) {
        op_case *test = pool_gradient(list, &pool_rows[i], DECANT_OP_MAXPOOL, DECANT_OP_MAXPOOL_GRAD, false);
        case_input(test, FILL_INDEX, test->forward.output[1].shape);
        case_end(test);
    }
}

void cases_avgpool(case_list *list)
{
    for (size_t i = 0; i < DCN_COUNT(pool_rows); i++)
        for (int include = 0; include < 2; include++) {
            const pool_row *row = &pool_rows[i];
            decant_op_attrs attrs = pool_attrs(row, include == 1);
            op_case *test = case_begin(list, DECANT_OP_AVGPOOL, &attrs, 1);
            case_input(test, FILL_NORMAL, dcn_shape4(row->n, row->c, row->h, row->w));
            case_end(test);
        }
}

void cases_avgpool_grad(case_list *list)
{
    for (size_t i = 0; i < DCN_COUNT(pool_rows); i++)
        for (int include = 0; include < 2; include++)
            case_end(pool_gradient(list, &pool_rows[i], DECANT_OP_AVGPOOL, DECANT_OP_AVGPOOL_GRAD, include == 1));
}

/* n, c, h, w -> rows, columns */
static const int64_t adaptive_rows[][6] = {
    {1, 1, 1, 1, 1, 1},
    {2, 17, 7, 5, 1, 1},
    {3, 48, 4, 4, 1, 1},
    {2, 3, 8, 8, 4, 4},
    {2, 17, 7, 5, 2, 3},
    {1, 33, 5, 5, 5, 5},
    {2, 3, 2, 3, 3, 5} /* more windows than rows */,
    {2, 64, 1, 1, 1, 1},
};

static decant_op_attrs adaptive_attrs(const int64_t row[6])
{
    return (decant_op_attrs){.adaptive = {.out_hw = {row[4], row[5]}, .in_hw = {row[2], row[3]}}};
}

void cases_adaptive_avgpool(case_list *list)
{
    for (size_t i = 0; i < DCN_COUNT(adaptive_rows); i++) {
        const int64_t *row = adaptive_rows[i];
        decant_op_attrs attrs = adaptive_attrs(row);
        op_case *test = case_begin(list, DECANT_OP_ADAPTIVE_AVGPOOL, &attrs, 1);
        case_input(test, FILL_NORMAL, dcn_shape4(row[0], row[1], row[2], row[3]));
        case_end(test);
    }
}

void cases_adaptive_avgpool_grad(case_list *list)
{
    for (size_t i = 0; i < DCN_COUNT(adaptive_rows); i++) {
        const int64_t *row = adaptive_rows[i];
        decant_op_attrs attrs = adaptive_attrs(row);
        op_case *test = case_begin(list, DECANT_OP_ADAPTIVE_AVGPOOL_GRAD, &attrs, 1);
        case_input(test, FILL_NORMAL, dcn_shape4(row[0], row[1], row[4], row[5]));
        case_end(test);
    }
}

void cases_flatten(case_list *list)
{
    for (size_t i = 0; i < N_ELEMENT_SHAPES; i++) {
        op_case *test = case_begin(list, DECANT_OP_FLATTEN, NULL, 1);
        case_input(test, FILL_NORMAL, element_shape(i));
        case_end(test);
    }
}

void cases_reshape(case_list *list)
{
    static const int64_t rows[][4] = {{1, 1, 1, 1}, {3, 17, 4, 5}, {2, 48, 3, 3}};
    for (size_t i = 0; i < DCN_COUNT(rows); i++) {
        const int64_t *row = rows[i];
        decant_op_attrs attrs = {.reshape = {.rank = 4, .shape = {0, row[1], row[2], row[3]}}};
        op_case *test = case_begin(list, DECANT_OP_RESHAPE, &attrs, 1);
        case_input(test, FILL_NORMAL, dcn_shape2(row[0], row[1] * row[2] * row[3]));
        case_end(test);
    }
}

void cases_concat(case_list *list)
{
    static const struct {
        int64_t axis, n_inputs, length[8];
    } rows[] = {{1, 1, {5}},    {1, 2, {3, 17}},  {1, 3, {16, 32, 48}}, {1, 8, {1, 2, 3, 4, 5, 6, 7, 8}},
                {2, 2, {3, 4}}, {3, 3, {1, 5, 2}}};
    for (size_t i = 0; i < DCN_COUNT(rows); i++) {
        decant_op_attrs attrs = {.axis = {rows[i].axis}};
        op_case *maps = case_begin(list, DECANT_OP_CONCAT, &attrs, 1);
        for (int64_t k = 0; k < rows[i].n_inputs; k++) {
            decant_shape shape = dcn_shape4(2, 17, 5, 3);
            shape.dim[rows[i].axis] = rows[i].length[k];
            case_input(maps, FILL_NORMAL, shape);
        }
        case_end(maps);
        if (rows[i].axis != 1) continue;
        op_case *vectors = case_begin(list, DECANT_OP_CONCAT, &attrs, 1);
        for (int64_t k = 0; k < rows[i].n_inputs; k++)
            case_input(vectors, FILL_NORMAL, dcn_shape2(3, rows[i].length[k]));
        case_end(vectors);
    }
}

void cases_slice(case_list *list)
{
    static const dcn_slice_attrs rows[] = {{1, 0, 1}, {1, 3, 20}, {1, 16, 48}, {1, 0, 48}, {2, 1, 4}, {3, 2, 3}};
    for (size_t i = 0; i < DCN_COUNT(rows); i++) {
        decant_op_attrs attrs = {.slice = rows[i]};
        op_case *maps = case_begin(list, DECANT_OP_SLICE, &attrs, 1);
        case_input(maps, FILL_NORMAL, dcn_shape4(2, 48, 5, 3));
        case_end(maps);
        if (rows[i].axis != 1) continue;
        op_case *vectors = case_begin(list, DECANT_OP_SLICE, &attrs, 1);
        case_input(vectors, FILL_NORMAL, dcn_shape2(3, 48));
        case_end(vectors);
    }
}

/* n, c, h, w, stride, before, after */
static const int64_t pad_rows[][7] = {{1, 1, 1, 1, 1, 0, 0},   {2, 16, 8, 8, 2, 8, 8},  {2, 3, 7, 5, 2, 1, 2},
                                      {2, 17, 5, 4, 1, 0, 16}, {1, 33, 7, 7, 3, 15, 0}, {2, 32, 1, 1, 2, 16, 16}};

static decant_op_attrs pad_attrs(const int64_t row[7])
{
    return (decant_op_attrs){.pad_channels = {row[4], row[5], row[6], {row[2], row[3]}}};
}

void cases_pad_channels(case_list *list)
{
    for (size_t i = 0; i < DCN_COUNT(pad_rows); i++) {
        const int64_t *row = pad_rows[i];
        decant_op_attrs attrs = pad_attrs(row);
        op_case *test = case_begin(list, DECANT_OP_PAD_CHANNELS, &attrs, 1);
        case_input(test, FILL_NORMAL, dcn_shape4(row[0], row[1], row[2], row[3]));
        case_end(test);
    }
}

void cases_pad_channels_grad(case_list *list)
{
    for (size_t i = 0; i < DCN_COUNT(pad_rows); i++) {
        const int64_t *row = pad_rows[i];
        decant_op_attrs attrs = pad_attrs(row);
        op_case *test = case_begin(list, DECANT_OP_PAD_CHANNELS_GRAD, &attrs, 1);
        case_input(test, FILL_NORMAL,
                   dcn_shape4(row[0], row[1] + row[5] + row[6], (row[2] + row[4] - 1) / row[4],
                              (row[3] + row[4] - 1) / row[4]));
        case_end(test);
    }
}

/* n, c, h, w, times */
static const int64_t repeat_rows[][5] = {
    {1, 1, 1, 1, 1}, {2, 1, 7, 5, 3}, {3, 1, 28, 28, 3}, {2, 3, 4, 3, 2}, {2, 17, 3, 3, 4}};

void cases_repeat_channels(case_list *list)
{
    for (size_t i = 0; i < DCN_COUNT(repeat_rows); i++) {
        const int64_t *row = repeat_rows[i];
        decant_op_attrs attrs = {.repeat = {row[4]}};
        op_case *test = case_begin(list, DECANT_OP_REPEAT_CHANNELS, &attrs, 1);
        case_input(test, FILL_NORMAL, dcn_shape4(row[0], row[1], row[2], row[3]));
        case_end(test);
    }
}

void cases_repeat_channels_grad(case_list *list)
{
    for (size_t i = 0; i < DCN_COUNT(repeat_rows); i++) {
        const int64_t *row = repeat_rows[i];
        decant_op_attrs attrs = {.repeat = {row[4]}};
        op_case *test = case_begin(list, DECANT_OP_REPEAT_CHANNELS_GRAD, &attrs, 1);
        case_input(test, FILL_NORMAL, dcn_shape4(row[0], row[1] * row[4], row[2], row[3]));
        case_end(test);
    }
}
