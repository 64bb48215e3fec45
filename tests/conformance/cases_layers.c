/* Cases of the layers with weights: convolution, linear, batch normalisation, and their gradients. */
#include "base/memory.h"
#include "conformance/cases.h"
#include "tensor/shape.h"

/* Forward sizes; the gradients are tested with the same rows. */
typedef struct conv_row {
    int64_t n, c, h, w, o;
    int64_t kernel[2], stride[2], padding[2], dilation[2];
    int64_t groups;
    bool bias, relu;
} conv_row;

static const conv_row conv_rows[] = {
    /* n   c   h   w   o   kernel  stride  padding dilation groups bias relu */
    {1, 1, 1, 1, 1, {1, 1}, {1, 1}, {0, 0}, {1, 1}, 1, true, false},
    {2, 3, 7, 5, 4, {3, 3}, {1, 1}, {1, 1}, {1, 1}, 1, true, false},
    {1, 3, 11, 13, 17, {5, 3}, {2, 1}, {2, 1}, {1, 1}, 1, true, true},
    {13, 3, 28, 28, 32, {3, 3}, {1, 1}, {1, 1}, {1, 1}, 1, true, true},  /* a first layer */
    {1, 3, 32, 32, 64, {7, 7}, {2, 2}, {3, 3}, {1, 1}, 1, false, false}, /* ResNet's first layer */
    {2, 1, 28, 28, 16, {3, 3}, {1, 1}, {1, 1}, {1, 1}, 1, true, false},  /* grey */
    {2, 16, 8, 8, 16, {3, 3}, {1, 1}, {1, 1}, {1, 1}, 1, true, true},
    {2, 16, 8, 8, 32, {3, 3}, {2, 2}, {1, 1}, {1, 1}, 1, false, false}, /* even map, stride 2: last row unused */
    {2, 17, 9, 7, 33, {3, 3}, {2, 2}, {1, 1}, {1, 1}, 1, true, true},   /* prime channels */
    {3, 48, 5, 5, 33, {1, 1}, {1, 1}, {0, 0}, {1, 1}, 1, true, false},
    {2, 64, 1, 1, 48, {1, 1}, {1, 1}, {0, 0}, {1, 1}, 1, true, true},    /* 1x1 map */
    {2, 48, 1, 1, 17, {3, 3}, {1, 1}, {1, 1}, {1, 1}, 1, false, false},  /* 1x1 map, mostly padding */
    {2, 8, 7, 7, 8, {1, 1}, {3, 3}, {0, 0}, {1, 1}, 1, false, false},    /* stride > kernel */
    {1, 5, 11, 8, 6, {2, 2}, {5, 3}, {1, 0}, {1, 1}, 1, true, false},    /* stride > kernel, uneven */
    {1, 4, 12, 12, 6, {3, 3}, {1, 1}, {2, 2}, {2, 2}, 1, true, true},    /* dilated */
    {2, 5, 13, 11, 7, {3, 3}, {2, 2}, {4, 3}, {3, 2}, 1, true, false},   /* dilated, stride 2 */
    {2, 4, 5, 5, 6, {1, 1}, {1, 1}, {2, 2}, {1, 1}, 1, true, true},      /* padding > needed: outputs of bias alone */
    {1, 3, 4, 6, 5, {3, 3}, {2, 2}, {4, 3}, {1, 1}, 1, true, false},     /* padding > kernel */
    {2, 32, 7, 7, 10, {7, 7}, {1, 1}, {0, 0}, {1, 1}, 1, true, false},   /* the kernel is the map */
    {2, 16, 9, 9, 16, {3, 3}, {1, 1}, {1, 1}, {1, 1}, 16, false, false}, /* depthwise */
    {2, 17, 9, 5, 17, {3, 3}, {2, 2}, {1, 1}, {1, 1}, 17, true, true},   /* depthwise, prime */
    {1, 3, 6, 6, 3, {5, 5}, {1, 1}, {2, 2}, {1, 1}, 3, true, false},     /* depthwise, 3 channels */
    {2, 8, 6, 6, 16, {3, 3}, {1, 1}, {1, 1}, {1, 1}, 8, true, false},    /* two outputs an input channel */
    {2, 6, 7, 7, 9, {3, 3}, {1, 1}, {1, 1}, {1, 1}, 3, true, true},      /* groups */
    {1, 32, 5, 5, 32, {3, 3}, {1, 1}, {1, 1}, {1, 1}, 2, false, false},
    {2, 12, 5, 7, 20, {1, 1}, {1, 1}, {0, 0}, {1, 1}, 4, true, false},
    {16, 64, 8, 8, 48, {3, 3}, {1, 1}, {1, 1}, {1, 1}, 1, true, false}, /* Winograd's tiles fill the map */
    {12, 32, 15, 6, 64, {3, 3}, {1, 1}, {1, 1}, {1, 1}, 1, true, true}, /* they hang over its edges */
    {2, 48, 9, 13, 32, {3, 3}, {1, 1}, {0, 1}, {1, 1}, 1, false, false},
    {1, 32, 13, 11, 64, {3, 3}, {1, 1}, {1, 1}, {1, 1}, 1, true, true},  /* a few tiles */
    {12, 48, 9, 13, 32, {3, 3}, {1, 1}, {0, 1}, {1, 1}, 1, false, true}, /* no padding one way */
    /* Winograd's algorithm on bf16, twice each: every other case of bf16 writes f32 */
    {3, 32, 9, 12, 48, {3, 3}, {1, 1}, {1, 1}, {1, 1}, 1, true, true}, /* a row too many, a sample without a twin */
    {2, 64, 11, 7, 96, {3, 3}, {1, 1}, {0, 1}, {1, 1}, 1, false, false},
    {2, 96, 11, 7, 64, {3, 3}, {1, 1}, {1, 0}, {1, 1}, 1, true, false},
    {1, 64, 13, 16, 160, {3, 3}, {1, 1}, {1, 1}, {1, 1}, 1, false, true},
    {1, 160, 13, 16, 64, {3, 3}, {1, 1}, {1, 1}, {1, 1}, 1, true, true},
    {1, 32, 12, 12, 32, {3, 3}, {1, 1}, {2, 2}, {1, 1}, 1, true, false}, /* padding larger than needed */
    {4, 32, 8, 8, 64, {3, 3}, {1, 1}, {1, 1}, {1, 1}, 1, true, false},
    {3, 32, 9, 12, 32, {3, 3}, {1, 1}, {1, 1}, {1, 1}, 1, true, true},
    {2, 128, 9, 6, 32, {3, 3}, {1, 1}, {0, 0}, {1, 1}, 1, false, false},
    {3, 16, 16, 10, 16, {3, 3}, {1, 1}, {1, 1}, {1, 1}, 1, true, true}, /* half a vector of pairs */
    {3, 16, 16, 10, 16, {3, 3}, {1, 1}, {1, 1}, {1, 1}, 1, false, true},
    {2, 48, 12, 9, 16, {3, 3}, {1, 1}, {1, 1}, {1, 1}, 1, true, false}, /* a whole one, then a half */
    {2, 48, 12, 9, 16, {3, 3}, {1, 1}, {1, 0}, {1, 1}, 1, true, false},
    {5, 16, 8, 11, 144, {3, 3}, {1, 1}, {1, 1}, {1, 1}, 1, true, true}, /* three blocks of those */
    {5, 16, 8, 11, 144, {3, 3}, {1, 1}, {1, 1}, {1, 1}, 1, false, true},
    /* few input channels on bf16: every other case of bf16 writes f32, so pairs of rows */
    {3, 3, 9, 11, 48, {3, 3}, {1, 1}, {1, 1}, {1, 1}, 1, true, true}, /* odd lines, an odd number of taps */
    {2, 3, 9, 11, 48, {3, 3}, {1, 1}, {1, 1}, {1, 1}, 1, true, true},
    {1, 3, 16, 13, 80, {3, 3}, {1, 1}, {1, 1}, {1, 1}, 1, true, false}, /* one sample in parts, strips of channels */
    {1, 3, 16, 13, 144, {3, 3}, {1, 1}, {1, 1}, {1, 1}, 1, true, false},
    {5, 1, 13, 10, 16, {3, 3}, {1, 1}, {1, 0}, {1, 1}, 1, false, true}, /* grey, padding one way */
    {5, 1, 13, 10, 32, {3, 3}, {1, 1}, {0, 1}, {1, 1}, 1, false, true},
    {2, 2, 12, 17, 32, {5, 4}, {2, 1}, {2, 2}, {1, 1}, 1, true, true}, /* strides that differ */
    {2, 2, 12, 17, 32, {4, 5}, {1, 2}, {2, 3}, {1, 1}, 1, true, true},
    {3, 4, 15, 14, 64, {3, 3}, {2, 3}, {1, 1}, {1, 1}, 1, true, false},
    {3, 4, 15, 14, 112, {3, 3}, {3, 2}, {1, 1}, {1, 1}, 1, true, false},
    {35, 3, 6, 7, 16, {3, 3}, {1, 1}, {1, 1}, {1, 1}, 1, true, true}, /* chunks of two samples, a last one of one */
    {35, 3, 6, 7, 16, {3, 3}, {1, 1}, {1, 1}, {1, 1}, 1, true, true},
    {9, 4, 6, 7, 16, {1, 1}, {1, 1}, {0, 0}, {1, 1}, 1, true, true}, /* one tap */
    {2, 3, 21, 19, 64, {7, 7}, {2, 2}, {3, 3}, {1, 1}, 1, false, true},
    {2, 4, 3, 30, 16, {2, 2}, {1, 9}, {0, 4}, {1, 1}, 1, true, true}, /* a stride too long for pairs */
    {2, 4, 3, 30, 16, {2, 2}, {1, 8}, {0, 4}, {1, 1}, 1, true, true}, /* the longest one that is not */
    /* maps so narrow that columns of the kernel meet nothing, with strides: what they gather is 0 */
    {8, 64, 64, 1, 128, {3, 3}, {2, 2}, {1, 1}, {1, 1}, 1, true, false},
    {8, 64, 64, 1, 128, {3, 3}, {2, 2}, {1, 1}, {1, 1}, 1, true, false},
    {4, 24, 5, 1, 48, {3, 3}, {3, 3}, {1, 1}, {1, 1}, 1, true, true},
    {4, 24, 5, 1, 48, {3, 3}, {3, 3}, {1, 1}, {1, 1}, 1, true, true},
    {3, 16, 1, 1, 16, {5, 5}, {2, 2}, {2, 2}, {1, 1}, 16, true, false},
    {3, 16, 1, 1, 16, {5, 5}, {2, 2}, {2, 2}, {1, 1}, 16, true, false},
    {9, 32, 18, 15, 32, {3, 3}, {1, 1}, {1, 1}, {1, 1}, 1, true, true}, /* more of Winograd's tiles than a chunk has */
    /* small maps with enough samples to be done as products */
    {9, 19, 2, 2, 35, {3, 3}, {1, 1}, {1, 1}, {1, 1}, 1, true, true},    /* half of the taps meet padding */
    {8, 16, 1, 1, 48, {3, 3}, {1, 1}, {1, 1}, {1, 1}, 1, false, false},  /* all but one do */
    {13, 40, 4, 4, 24, {3, 3}, {2, 2}, {1, 1}, {1, 1}, 1, true, false},  /* a last row and column that nothing meets */
    {67, 33, 4, 3, 18, {1, 1}, {2, 2}, {0, 0}, {1, 1}, 1, true, true},   /* more rows than a block, pixels left out */
    {67, 33, 4, 3, 18, {1, 1}, {2, 2}, {0, 0}, {1, 1}, 1, true, true},   /* the same, for the other output of bf16 */
    {11, 20, 3, 5, 50, {3, 3}, {1, 1}, {2, 2}, {2, 2}, 1, true, false},  /* dilated */
    {8, 5, 2, 2, 6, {1, 1}, {1, 1}, {1, 1}, {1, 1}, 1, true, true},      /* outputs of bias alone */
    {10, 72, 4, 4, 80, {1, 1}, {1, 1}, {0, 0}, {1, 1}, 1, true, false},  /* pixels joined to samples */
    {9, 150, 2, 3, 17, {2, 3}, {1, 2}, {1, 1}, {1, 1}, 1, false, false}, /* more inputs than outputs */
    {9, 17, 2, 3, 150, {2, 3}, {1, 2}, {1, 1}, {1, 1}, 1, true, false},  /* fewer */
    /* what a library's 1x1 kernels do not bear */
    {27, 3, 28, 28, 8, {1, 1}, {2, 2}, {0, 0}, {1, 1}, 1, true, false},   /* few channels, strided */
    {27, 12, 28, 28, 8, {1, 1}, {2, 2}, {0, 0}, {1, 1}, 1, false, false}, /* some more */
    {2, 64, 30, 30, 101, {1, 1}, {1, 1}, {0, 0}, {1, 1}, 1, true, false}, /* an odd number of outputs */
    {2, 64, 10, 12, 101, {1, 1}, {1, 1}, {0, 0}, {1, 1}, 1, true, false}, /* on a smaller map */
};

static dcn_conv_attrs conv_attrs(const conv_row *row, bool relu)
{
    dcn_conv_attrs attrs = {.channels = row->o, .groups = row->groups, .bias = row->bias};
    attrs.activation = relu ? DCN_ACTIVATION_RELU : DCN_ACTIVATION_NONE;
    for (int axis = 0; axis < 2; axis++) {
        attrs.kernel[axis] = row->kernel[axis];
        attrs.stride[axis] = row->stride[axis];
        attrs.padding[axis] = row->padding[axis];
        attrs.dilation[axis] = row->dilation[axis];
    }
    return attrs;
}

static decant_shape conv_weight_shape(const conv_row *row)
{
    return dcn_shape4(row->o, row->c / row->groups, row->kernel[0], row->kernel[1]);
}

void cases_conv2d(case_list *list)
{
    for (size_t i = 0; i < DCN_COUNT(conv_rows); i++) {
        const conv_row *row = &conv_rows[i];
        decant_op_attrs attrs = {.conv = conv_attrs(row, row->relu)};
        op_case *test = case_begin(list, DECANT_OP_CONV2D, &attrs, 1);
        case_input(test, FILL_NORMAL, dcn_shape4(row->n, row->c, row->h, row->w));
        case_input(test, FILL_NORMAL, conv_weight_shape(row));
        if (row->bias) case_input(test, FILL_NORMAL, dcn_shape1(row->o));
        case_end(test);
    }
}

/* A gradient case with its forward call; `attrs` gets the forward input's rows and columns. */
static op_case *conv_gradient(case_list *list, const conv_row *row, decant_op op, int32_t n_outputs)
{
    decant_op_attrs attrs = {.conv = conv_attrs(row, false)};
    op_case *test = case_begin(list, op, &attrs, n_outputs);
    const decant_shape shapes[] = {dcn_shape4(row->n, row->c, row->h, row->w), conv_weight_shape(row),
                                   dcn_shape1(row->o)};
    case_forward(test, DECANT_OP_CONV2D, &attrs, shapes, row->bias ? 3 : 2, 1);
    test->call.attrs.conv.in_hw[0] = row->h;
    test->call.attrs.conv.in_hw[1] = row->w;
    return test;
}

void cases_conv2d_grad_input(case_list *list)
{
    for (size_t i = 0; i < DCN_COUNT(conv_rows); i++) {
        op_case *test = conv_gradient(list, &conv_rows[i], DECANT_OP_CONV2D_GRAD_INPUT, 1);
        case_input(test, FILL_NORMAL, test->forward.output[0].shape);
        case_input(test, FILL_NORMAL, conv_weight_shape(&conv_rows[i]));
        case_end(test);
    }
}

void cases_conv2d_grad_weight(case_list *list)
{
    for (size_t i = 0; i < DCN_COUNT(conv_rows); i++) {
        op_case *test = conv_gradient(list, &conv_rows[i], DECANT_OP_CONV2D_GRAD_WEIGHT, conv_rows[i].bias ? 2 : 1);
        case_input(test, FILL_NORMAL, test->forward.input[0].shape);
        case_input(test, FILL_SMALL, test->forward.output[0].shape);
        case_end(test);
    }
}

typedef struct linear_row {
    int64_t n, in, out;
    bool bias, relu;
} linear_row;

static const linear_row linear_rows[] = {
    {1, 1, 1, true, false},      {1, 13, 17, true, true},     {7, 1, 5, false, false},    {5, 33, 1, true, false},
    {64, 24, 32, true, true},    {3, 257, 10, true, false},   {2, 784, 48, true, true},   {17, 48, 19, false, true},
    {128, 64, 10, true, false},  {1, 261, 9, true, true},     {4, 1031, 7, false, false}, /* a few samples: no whole
                                                                                             vectors, no whole groups of
                                                                                             rows */
    {1, 1024, 256, true, false}, {70, 200, 90, true, true},   {9, 333, 257, true, false}, {70, 1030, 1, true, true},
    {64, 32, 1, false, false},   {33, 40, 1100, true, false}, /* several groups of panels on bf16 */
    {6, 600, 300, true, true},   {530, 40, 36, true, false},  /* few samples and much work; many samples */
    {530, 40, 36, true, false},  {12, 30, 5, true, true},     /* few outputs */
};

void cases_linear(case_list *list)
{
    for (size_t i = 0; i < DCN_COUNT(linear_rows); i++) {
        const linear_row *row = &linear_rows[i];
        decant_op_attrs attrs = {.linear = {.features = row->out, .bias = row->bias}};
        attrs.linear.activation = row->relu ? DCN_ACTIVATION_RELU : DCN_ACTIVATION_NONE;
        op_case *test = case_begin(list, DECANT_OP_LINEAR, &attrs, 1);
        case_input(test, FILL_NORMAL, dcn_shape2(row->n, row->in));
        case_input(test, FILL_NORMAL, dcn_shape2(row->out, row->in));
        if (row->bias) case_input(test, FILL_NORMAL, dcn_shape1(row->out));
        case_end(test);
    }
}

static op_case *linear_gradient(case_list *list, const linear_row *row, decant_op op, int32_t n_outputs)
{
    decant_op_attrs attrs = {.linear = {.features = row->out, .bias = row->bias}};
    op_case *test = case_begin(list, op, &attrs, n_outputs);
    const decant_shape shapes[] = {dcn_shape2(row->n, row->in), dcn_shape2(row->out, row->in), dcn_shape1(row->out)};
    case_forward(test, DECANT_OP_LINEAR, &attrs, shapes, row->bias ? 3 : 2, 1);
    return test;
}

void cases_linear_grad_input(case_list *list)
{
    for (size_t i = 0; i < DCN_COUNT(linear_rows); i++) {
        const linear_row *row = &linear_rows[i];
        op_case *test = linear_gradient(list, row, DECANT_OP_LINEAR_GRAD_INPUT, 1);
        case_input(test, FILL_NORMAL, dcn_shape2(row->n, row->out));
        case_input(test, FILL_NORMAL, dcn_shape2(row->out, row->in));
        case_end(test);
    }
}

void cases_linear_grad_weight(case_list *list)
{
    for (size_t i = 0; i < DCN_COUNT(linear_rows); i++) {
        const linear_row *row = &linear_rows[i];
        op_case *test = linear_gradient(list, row, DECANT_OP_LINEAR_GRAD_WEIGHT, row->bias ? 2 : 1);
        case_input(test, FILL_NORMAL, dcn_shape2(row->n, row->in));
        case_input(test, FILL_SMALL, dcn_shape2(row->n, row->out));
        case_end(test);
    }
}

/* Normalised tensors; h = 0 stands for rank 2. Every channel has at least two values, as training demands. */
static const int64_t norm_rows[][4] = {
    {2, 1, 0, 0},     {17, 33, 0, 0},   {64, 48, 0, 0},  {2, 3, 1, 1},   {1, 1, 2, 1},
    {2, 3, 5, 7},     {3, 17, 4, 3},    {2, 33, 6, 5},   {5, 48, 3, 3},  {4, 64, 8, 8},
    {1, 3, 2, 2},     {3, 17, 4, 6},    {9, 48, 28, 28}, {2, 290, 2, 4}, {64, 2, 6, 2}, /* these are pooled, too */
    {40, 3000, 2, 2}, {700, 160, 0, 0}, /* channels enough for all threads, in several passes */
};

static decant_shape norm_shape(const int64_t row[4])
{
    return row[2] == 0 ? dcn_shape2(row[0], row[1]) : dcn_shape4(row[0], row[1], row[2], row[3]);
}

/* What training gives: that shape, or half of it each way. */
static decant_shape norm_result(decant_shape x, bool pools)
{
    return pools ? dcn_shape4(x.dim[0], x.dim[1], x.dim[2] / 2, x.dim[3] / 2) : x;
}

/* Bit 0: a relu; bit 1: maxima of 2x2 pixels, where the map can be cut into them and the op may. */
enum { NORM_VARIANTS = 4 };
static bool has_norm_variant(decant_shape x, decant_op op, int variant)
{
    if (variant < 2) return true;
    return op != DECANT_OP_BATCHNORM && x.rank == 4 && x.dim[2] % 2 == 0 && x.dim[3] % 2 == 0;
}

static decant_op_attrs norm_attrs(int variant)
{
    decant_op_attrs attrs = {.norm = {.eps = 1e-5, .momentum = 0.1}};
    attrs.norm.activation = variant % 2 == 1 ? DCN_ACTIVATION_RELU : DCN_ACTIVATION_NONE;
    attrs.norm.pools = variant >= 2;
    return attrs;
}

static void norm_forward(case_list *list, decant_op op, int32_t n_outputs)
{
    for (size_t i = 0; i < DCN_COUNT(norm_rows); i++)
        for (int variant = 0; variant < NORM_VARIANTS; variant++) {
            decant_op_attrs attrs = norm_attrs(variant);
            decant_shape shape = norm_shape(norm_rows[i]), channels = dcn_shape1(shape.dim[1]);
            if (!has_norm_variant(shape, op, variant)) continue;
            op_case *test = case_begin(list, op, &attrs, n_outputs);
            case_input(test, FILL_NORMAL, shape);
            case_input(test, FILL_POSITIVE, channels); /* weight */
            case_input(test, FILL_NORMAL, channels);   /* bias */
            case_input(test, FILL_NORMAL, channels);   /* running mean */
            case_input(test, FILL_POSITIVE, channels); /* running variance */
            case_end(test);
        }
}

void cases_batchnorm(case_list *list)
{
    norm_forward(list, DECANT_OP_BATCHNORM, 1);
}

void cases_batchnorm_train(case_list *list)
{
    norm_forward(list, DECANT_OP_BATCHNORM_TRAIN, 3);
}

void cases_batchnorm_grad(case_list *list)
{
    for (size_t i = 0; i < DCN_COUNT(norm_rows); i++)
        for (int variant = 0; variant < NORM_VARIANTS; variant++) {
            decant_op_attrs attrs = norm_attrs(variant);
            decant_shape shape = norm_shape(norm_rows[i]), channels = dcn_shape1(shape.dim[1]);
            if (!has_norm_variant(shape, DECANT_OP_BATCHNORM_GRAD, variant)) continue;
            op_case *test = case_begin(list, DECANT_OP_BATCHNORM_GRAD, &attrs, 3);
            case_input(test, FILL_NORMAL, norm_result(shape, variant >= 2)); /* dy */
            case_input(test, FILL_NORMAL, shape);                            /* x */
            case_input(test, FILL_NORMAL, channels);                         /* weight */
            case_input(test, FILL_UNIT, channels);                           /* mean */
            case_input(test, FILL_POSITIVE, channels);                       /* invstd */
            case_input(test, FILL_NORMAL, channels);                         /* bias */
            case_end(test);
        }
}
