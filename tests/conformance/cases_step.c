/* Cases of what ends a step: softmax, losses, accuracy, and the updates of the flat parameter block. */
#include "base/memory.h"
#include "conformance/cases.h"
#include "tensor/shape.h"

/* rows, classes */
static const int64_t row_sizes[][2] = {{1, 1}, {1, 2}, {3, 10}, {64, 10}, {5, 17}, {2, 1000}, {33, 48}};

void cases_softmax(case_list *list)
{
    for (size_t i = 0; i < DCN_COUNT(row_sizes); i++)
        for (int huge = 0; huge < 2; huge++) {
            op_case *test = case_begin(list, DECANT_OP_SOFTMAX, NULL, 1);
            case_input(test, huge ? FILL_HUGE_LOGITS : FILL_LOGITS, dcn_shape2(row_sizes[i][0], row_sizes[i][1]));
            case_end(test);
        }
}

void cases_softmax_grad(case_list *list)
{
    for (size_t i = 0; i < DCN_COUNT(row_sizes); i++) {
        op_case *test = case_begin(list, DECANT_OP_SOFTMAX_GRAD, NULL, 1);
        case_input(test, FILL_NORMAL, dcn_shape2(row_sizes[i][0], row_sizes[i][1]));
        case_input(test, FILL_PROBABILITY, dcn_shape2(row_sizes[i][0], row_sizes[i][1]));
        case_end(test);
    }
}

static void ce_case(case_list *list, const int64_t size[2], input_fill logits, double weight, double smoothing,
                    bool mixed)
{
    decant_op_attrs attrs = {.loss = {.weight = weight, .label_smoothing = smoothing}};
    op_case *test = case_begin(list, DECANT_OP_LOSS_CE, &attrs, 2);
    test->limit = size[1];
    case_input(test, logits, dcn_shape2(size[0], size[1]));
    case_input(test, FILL_LABEL, dcn_shape1(size[0]));
    if (mixed) {
        case_input(test, FILL_LABEL, dcn_shape1(size[0]));
        case_input(test, FILL_UNIT, dcn_shape1(size[0]));
    }
    case_end(test);
}

void cases_loss_ce(case_list *list)
{
    for (size_t i = 0; i < DCN_COUNT(row_sizes); i++) {
        ce_case(list, row_sizes[i], FILL_LOGITS, 1, 0, false);
        ce_case(list, row_sizes[i], FILL_LOGITS, 0.25, 0.1, false);
        ce_case(list, row_sizes[i], FILL_LOGITS, 1, 0, true);
        ce_case(list, row_sizes[i], FILL_LOGITS, 2, 0.1, true);
        ce_case(list, row_sizes[i], FILL_HUGE_LOGITS, 1, 0, false);
        ce_case(list, row_sizes[i], FILL_HUGE_LOGITS, 1, 0.1, false);
    }
}

void cases_loss_kd(case_list *list)
{
    static const double temperatures[] = {1, 2, 4, 20};
    for (size_t i = 0; i < DCN_COUNT(row_sizes); i++)
        for (size_t k = 0; k < DCN_COUNT(temperatures); k++)
            for (int huge = 0; huge < 2; huge++) {
                decant_op_attrs attrs = {.loss = {.weight = 0.75, .temperature = temperatures[k]}};
                op_case *test = case_begin(list, DECANT_OP_LOSS_KD, &attrs, 2);
                decant_shape shape = dcn_shape2(row_sizes[i][0], row_sizes[i][1]);
                case_input(test, huge ? FILL_HUGE_LOGITS : FILL_LOGITS, shape);
                case_input(test, huge ? FILL_HUGE_LOGITS : FILL_LOGITS, shape);
                case_end(test);
            }
}

void cases_loss_bce(case_list *list)
{
    for (size_t i = 0; i < DCN_COUNT(row_sizes); i++) {
        decant_op_attrs attrs = {.loss = {.weight = 0.75}};
        op_case *test = case_begin(list, DECANT_OP_LOSS_BCE, &attrs, 2);
        test->limit = row_sizes[i][1] > 1 ? row_sizes[i][1] : 2; /* one output is for labels 0 and 1 */
        case_input(test, FILL_LOGITS, dcn_shape2(row_sizes[i][0], row_sizes[i][1]));
        case_input(test, FILL_LABEL, dcn_shape1(row_sizes[i][0]));
        case_end(test);
    }
}

void cases_loss_dkd(case_list *list)
{
    static const double temperatures[] = {1, 4};
    for (size_t i = 1; i < DCN_COUNT(row_sizes); i++)
        for (size_t k = 0; k < DCN_COUNT(temperatures); k++)
            for (int huge = 0; huge < 2; huge++) {
                decant_op_attrs attrs = {
                    .loss = {.weight = 0.5, .temperature = temperatures[k], .alpha = 0.5, .beta = 2}};
                op_case *test = case_begin(list, DECANT_OP_LOSS_DKD, &attrs, 2);
                decant_shape shape = dcn_shape2(row_sizes[i][0], row_sizes[i][1]);
                test->limit = row_sizes[i][1];
                case_input(test, huge ? FILL_HUGE_LOGITS : FILL_LOGITS, shape);
                case_input(test, huge ? FILL_HUGE_LOGITS : FILL_LOGITS, shape);
                case_input(test, FILL_LABEL, dcn_shape1(row_sizes[i][0]));
                case_end(test);
            }
}

/* Features: rows of logits, long rows, and maps. */
static void feature_cases(case_list *list, decant_op op, const decant_op_attrs *attrs, bool maps)
{
    const decant_shape map_shapes[] = {dcn_shape4(1, 1, 1, 1), dcn_shape4(3, 16, 8, 8), dcn_shape4(2, 5, 3, 7)};
    size_t n_shapes = DCN_COUNT(row_sizes) + (maps ? DCN_COUNT(map_shapes) : 0);
    for (size_t i = 0; i < n_shapes; i++) {
        decant_shape shape = i < DCN_COUNT(row_sizes) ? dcn_shape2(row_sizes[i][0], row_sizes[i][1])
                                                      : map_shapes[i - DCN_COUNT(row_sizes)];
        op_case *test = case_begin(list, op, attrs, 2);
        case_input(test, FILL_NORMAL, shape);
        case_input(test, FILL_NORMAL, shape);
        case_end(test);
    }
}

void cases_loss_mse(case_list *list)
{
    decant_op_attrs plain = {.loss = {.weight = 0.75}}, centered = {.loss = {.weight = 2, .center = true}};
    feature_cases(list, DECANT_OP_LOSS_MSE, &plain, true);
    feature_cases(list, DECANT_OP_LOSS_MSE, &centered, false);
}

/* Zeros have no direction: no gradient, and no NaN. */
void cases_loss_cosine(case_list *list)
{
    decant_op_attrs attrs = {.loss = {.weight = 0.75}};
    feature_cases(list, DECANT_OP_LOSS_COSINE, &attrs, true);
    op_case *test = case_begin(list, DECANT_OP_LOSS_COSINE, &attrs, 2);
    case_input(test, FILL_TIES, dcn_shape2(16, 1));
    case_input(test, FILL_TIES, dcn_shape2(16, 1));
    case_end(test);
}

void cases_standardize(case_list *list)
{
    for (size_t i = 1; i < DCN_COUNT(row_sizes); i++) {
        op_case *test = case_begin(list, DECANT_OP_STANDARDIZE, NULL, 1);
        case_input(test, FILL_LOGITS, dcn_shape2(row_sizes[i][0], row_sizes[i][1]));
        case_end(test);
    }
}

/* Rows of two whole numbers are often equal: they get zeros. */
void cases_standardize_grad(case_list *list)
{
    for (size_t i = 1; i < DCN_COUNT(row_sizes); i++)
        for (int ties = 0; ties < 2; ties++) {
            op_case *test = case_begin(list, DECANT_OP_STANDARDIZE_GRAD, NULL, 1);
            decant_shape shape = ties ? dcn_shape2(16, 2) : dcn_shape2(row_sizes[i][0], row_sizes[i][1]);
            case_input(test, FILL_NORMAL, shape);
            case_input(test, ties ? FILL_TIES : FILL_LOGITS, shape);
            case_end(test);
        }
}

void cases_accuracy(case_list *list)
{
    for (size_t i = 0; i < DCN_COUNT(row_sizes); i++)
        for (int ties = 0; ties < 2; ties++) {
            op_case *test = case_begin(list, DECANT_OP_ACCURACY, NULL, 1);
            test->limit = row_sizes[i][1] > 1 ? row_sizes[i][1] : 2; /* one output tells two classes apart */
            case_input(test, ties ? FILL_TIES : FILL_LOGITS, dcn_shape2(row_sizes[i][0], row_sizes[i][1]));
            case_input(test, FILL_LABEL, dcn_shape1(row_sizes[i][0]));
            case_end(test);
        }
}

static const int64_t block_sizes[] = {1, 17, 1024, 70001};

void cases_grad_norm(case_list *list)
{
    for (size_t i = 0; i < DCN_COUNT(block_sizes); i++) {
        op_case *test = case_begin(list, DECANT_OP_GRAD_NORM, NULL, 1);
        case_input(test, FILL_NORMAL, dcn_shape1(block_sizes[i]));
        case_end(test);
    }
}

/* Without clipping, with a norm that is small enough, and with one that is not. */
static const struct {
    double max_norm, norm;
} clips[] = {{0, 0}, {5, 0.5}, {1, 12.5}};

static void update_inputs(op_case *test, double step, size_t clip)
{
    case_input(test, FILL_HYPER, dcn_shape1(DCN_HYPER_COUNT));
    if (clips[clip].max_norm > 0) case_input(test, FILL_NORM, dcn_shape1(1));
    test->step = step;
    test->norm = clips[clip].norm;
}

void cases_sgd_update(case_list *list)
{
    static const dcn_update_attrs kinds[] = {
        {.has_momentum = false}, {.has_momentum = true}, {.has_momentum = true, .nesterov = true}};
    for (size_t i = 0; i < DCN_COUNT(block_sizes); i++)
        for (size_t kind = 0; kind < DCN_COUNT(kinds); kind++)
            for (size_t clip = 0; clip < DCN_COUNT(clips); clip++)
                for (int step = 1; step <= 2; step++) { /* the first step fills the momentum */
                    decant_op_attrs attrs = {.update = kinds[kind]};
                    attrs.update.max_norm = clips[clip].max_norm;
                    op_case *test = case_begin(list, DECANT_OP_SGD_UPDATE, &attrs, 0);
                    for (int input = 0; input < 3; input++)
                        case_input(test, FILL_NORMAL, dcn_shape1(block_sizes[i]));
                    update_inputs(test, step, clip);
                    case_end(test);
                }
}

void cases_adam_update(case_list *list)
{
    static const double steps[] = {1, 2, 1000};
    for (size_t i = 0; i < DCN_COUNT(block_sizes); i++)
        for (int decoupled = 0; decoupled < 2; decoupled++)
            for (size_t clip = 0; clip < DCN_COUNT(clips); clip++)
                for (size_t step = 0; step < DCN_COUNT(steps); step++) {
                    decant_op_attrs attrs = {.update = {.decoupled = decoupled == 1, .max_norm = clips[clip].max_norm}};
                    op_case *test = case_begin(list, DECANT_OP_ADAM_UPDATE, &attrs, 0);
                    for (int input = 0; input < 3; input++)
                        case_input(test, FILL_NORMAL, dcn_shape1(block_sizes[i]));
                    case_input(test, FILL_POSITIVE, dcn_shape1(block_sizes[i]));
                    update_inputs(test, steps[step], clip);
                    case_end(test);
                }
}

void cases_ema_update(case_list *list)
{
    for (size_t i = 0; i < DCN_COUNT(block_sizes); i++) {
        op_case *test = case_begin(list, DECANT_OP_EMA_UPDATE, NULL, 0);
        case_input(test, FILL_NORMAL, dcn_shape1(block_sizes[i]));
        case_input(test, FILL_NORMAL, dcn_shape1(block_sizes[i]));
        case_input(test, FILL_HYPER, dcn_shape1(DCN_HYPER_COUNT));
        test->step = 7;
        case_end(test);
    }
}
