/* Host side of conformance: filling inputs, asking ref, and comparing. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/random.h"
#include "conformance/harness.h"
#include "tensor/bf16.h"

void host_tensors_finish(host_tensors *tensors)
{
    for (int i = 0; i < DCN_MAX_INPUTS; i++)
        test_free(tensors->input[i]);
    for (int i = 0; i < DCN_MAX_OUTPUTS; i++)
        test_free(tensors->output[i]);
    *tensors = (host_tensors){0};
}

static void *host_create(const dcn_tensor_desc *desc, decant_dtype dtype)
{
    return test_calloc((size_t)decant_shape_count(&desc->shape) + 1, decant_dtype_size(dtype));
}

/* --- filling --- */

static double corner(dcn_random *random, int64_t i, bool with_nan)
{
    static const double corners[] = {0, -3, 3, 6, -6, 1e30, -1e30, 1e-30, -0.0, 100, -100};
    if (with_nan && i == 2) return (double)NAN;
    if (i % 3 == 0) return corners[(size_t)(i / 3) % (sizeof corners / sizeof corners[0])];
    return 3 * dcn_random_normal(random);
}

static double hyper(const op_case *test, int64_t i)
{
    switch (i) {
    case DCN_HYPER_LR:
        return 0.05;
    case DCN_HYPER_WEIGHT_DECAY:
        return 0.01;
    case DCN_HYPER_MOMENTUM:
        return 0.9;
    case DCN_HYPER_BETA1:
        return 0.9;
    case DCN_HYPER_BETA2:
        return 0.999;
    case DCN_HYPER_EPS:
        return 1e-8;
    case DCN_HYPER_STEP:
        return test->step;
    default:
        return 0.99;
    }
}

static double fill_value(const op_case *test, input_fill fill, dcn_random *random, int64_t i)
{
    switch (fill) {
    case FILL_NORMAL:
    case FILL_SMALL:
        return dcn_random_normal(random);
    case FILL_POSITIVE:
        return 0.5 + dcn_random_uniform(random);
    case FILL_INDEX:
    case FILL_TIES:
        return dcn_random_below(random, 2) == 0 ? 0 : (double)dcn_random_below(random, 4);
    case FILL_CORNERS:
        return corner(random, i, false);
    case FILL_NAN:
        return corner(random, i, true);
    case FILL_LOGITS:
        return 3 * dcn_random_normal(random);
    case FILL_HUGE_LOGITS:
        return (2 * dcn_random_uniform(random) - 1) * 1e36;
    case FILL_PROBABILITY:
    case FILL_UNIT:
        return dcn_random_uniform(random);
    case FILL_LABEL:
        return (double)dcn_random_below(random, (uint32_t)test->limit);
    case FILL_COUNTER:
        return i == 0 ? 987654321012345.0 : test->step;
    case FILL_HYPER:
        return hyper(test, i);
    case FILL_NORM:
        return test->norm;
    }
    return 0;
}

static void store(void *data, decant_dtype dtype, int64_t i, double value)
{
    switch (dtype) {
    case DECANT_I32:
        ((int32_t *)data)[i] = (int32_t)value;
        break;
    case DECANT_I64:
        ((int64_t *)data)[i] = (int64_t)value;
        break;
    case DECANT_F64:
        ((double *)data)[i] = value;
        break;
    case DECANT_BF16:
        ((dcn_bf16 *)data)[i] = dcn_bf16_round((float)value);
        break;
    default:
        ((float *)data)[i] = (float)value;
        break;
    }
}

static double load(const void *data, decant_dtype dtype, int64_t i)
{
    switch (dtype) {
    case DECANT_I32:
        return ((const int32_t *)data)[i];
    case DECANT_I64:
        return (double)((const int64_t *)data)[i];
    case DECANT_F64:
        return ((const double *)data)[i];
    case DECANT_BF16:
        return (double)dcn_bf16_widen(((const dcn_bf16 *)data)[i]);
    default:
        return (double)((const float *)data)[i];
    }
}

static void scale_rows_to_one(float *data, const decant_shape *shape)
{
    for (int64_t n = 0; n < shape->dim[0]; n++, data += shape->dim[1]) {
        float sum = 0;
        for (int64_t c = 0; c < shape->dim[1]; c++)
            sum += data[c];
        for (int64_t c = 0; c < shape->dim[1]; c++)
            data[c] /= sum;
    }
}

void case_fill(const op_case *test, host_tensors *ret_tensors)
{
    *ret_tensors = (host_tensors){0};
    dcn_random random =
        dcn_random_start(20, DCN_PURPOSE_TEST, test->call.op, (uint32_t)test->call.input[0].shape.dim[1]);
    for (int32_t i = 0; i < test->call.n_inputs; i++) {
        bool index = test->fills[i] == FILL_INDEX;
        const dcn_tensor_desc *desc = index ? &test->forward.input[0] : &test->call.input[i];
        void *data = host_create(desc, desc->dtype);
        int64_t count = decant_shape_count(&desc->shape);
        double scale = test->fills[i] == FILL_SMALL ? sqrt((double)desc->shape.dim[1] / (double)count) : 1;
        for (int64_t k = 0; k < count; k++)
            store(data, desc->dtype, k, scale * fill_value(test, test->fills[i], &random, k));
        if (test->fills[i] == FILL_PROBABILITY) scale_rows_to_one(data, &desc->shape);
        ret_tensors->input[i] = data;
    }
}

/* --- the oracle --- */

static decant_dtype oracle_type(const op_case *test, int32_t input, bool in_f64)
{
    decant_dtype dtype = test->call.input[input].dtype;
    bool own_type = test->fills[input] == FILL_HYPER || (test->call.op == DECANT_OP_LOSS_CE && input == 3);
    return in_f64 && dtype == DECANT_F32 && !own_type ? DECANT_F64 : dtype;
}

static void *converted(const dcn_tensor_desc *desc, const void *data, decant_dtype from, decant_dtype to)
{
    void *copy = host_create(desc, to);
    for (int64_t i = 0; i < decant_shape_count(&desc->shape); i++)
        store(copy, to, i, load(data, from, i));
    return copy;
}

/* Compiles and runs a call on ref, plain. Outputs are taken here; a call of bf16 has its types already. */
static void run_on_ref(dcn_op_call *call, void *const *inputs, void **ret_outputs)
{
    dcn_device *ref = NULL;
    dcn_kernel *kernel = NULL;
    if (call->input[0].dtype != DECANT_BF16) require(dcn_op_infer(call), "inferring for ref");
    require(dcn_device_open("ref", NULL, &ref), "opening ref");
    require(ref->class->compile(ref, call, &kernel), "compiling on ref");
    void *scratch = test_malloc(kernel->scratch_bytes + 1);
    for (int32_t i = 0; i < call->n_outputs; i++)
        ret_outputs[i] = host_create(&call->output[i], call->output[i].dtype);
    kernel->run(kernel, inputs, ret_outputs, scratch);
    test_free(scratch);
    kernel->destroy(kernel);
    dcn_device_close(ref);
}

void case_expect(const op_case *test, const host_tensors *filled, bool in_f64, host_tensors *ret_expected)
{
    dcn_op_call call = test->call;
    void *inputs[DCN_MAX_INPUTS] = {0}, *outputs[DCN_MAX_OUTPUTS] = {0};
    for (int32_t i = 0; i < call.n_inputs; i++) {
        call.input[i].dtype = oracle_type(test, i, in_f64);
        if (test->fills[i] == FILL_INDEX) {
            dcn_op_call forward = test->forward;
            void *forward_outputs[DCN_MAX_OUTPUTS] = {0};
            run_on_ref(&forward, &filled->input[i], forward_outputs);
            test_free(forward_outputs[0]);
            inputs[i] = forward_outputs[1];
        } else {
            inputs[i] =
                converted(&test->call.input[i], filled->input[i], test->call.input[i].dtype, call.input[i].dtype);
        }
    }
    run_on_ref(&call, inputs, outputs);

    *ret_expected = (host_tensors){0};
    for (int32_t i = 0; i < call.n_inputs; i++) {
        ret_expected->input[i] =
            converted(&test->call.input[i], inputs[i], call.input[i].dtype, test->call.input[i].dtype);
        test_free(inputs[i]);
    }
    for (int32_t i = 0; i < call.n_outputs; i++) {
        ret_expected->output[i] =
            converted(&call.output[i], outputs[i], call.output[i].dtype, test->call.output[i].dtype);
        test_free(outputs[i]);
    }
}

/* --- judging --- */

/* Two numbers that are all but equal may be rounded to neighbours: 8 bits of a bf16 count. */
#define BF16_STEP (1.0 / 128)

/* How far from ref an element may be. */
typedef struct allowance {
    double tolerance; /* of 1 + its size */
    double of_spread; /* of the tensor's spread + its size */
} allowance;

static bool acceptable(decant_dtype dtype, double expected, double actual, const allowance *allowed, double spread)
{
    if (isnan(expected) || isnan(actual)) return isnan(expected) && isnan(actual);
    if (isinf(expected) || isinf(actual)) return expected == actual;
    double step = dtype == DECANT_BF16 ? BF16_STEP * fabs(expected) : 0;
    return fabs(actual - expected) <=
           allowed->tolerance * (1 + fabs(expected)) + allowed->of_spread * (spread + fabs(expected)) + step;
}

/* The root of the mean square. */
static double spread_of(const dcn_tensor_desc *desc, const void *values)
{
    const int64_t count = decant_shape_count(&desc->shape);
    double squares = 0;
    for (int64_t i = 0; i < count; i++)
        squares += load(values, desc->dtype, i) * load(values, desc->dtype, i);
    return sqrt(squares / (double)count);
}

static void compare_tensor(const dcn_device *device, const op_case *test, run_variant variant, const char *what,
                           int32_t index, const dcn_tensor_desc *desc, const void *expected, const void *actual,
                           const allowance *allowed)
{
    static const char *const names[VARIANT_COUNT] = {"plain", "plain wished", "native", "mixed", "in place"};
    const double spread = allowed->of_spread > 0 ? spread_of(desc, expected) : 0;
    for (int64_t i = 0; i < decant_shape_count(&desc->shape); i++) {
        double want = load(expected, desc->dtype, i), got = load(actual, desc->dtype, i);
        if (!acceptable(desc->dtype, want, got, allowed, spread))
            fail_msg("%s, %d threads: %s %s (%s): %s %d element %lld is %.9g, ref says %.9g, tolerance %g + %g",
                     device->summary, device->threads, dcn_op_get(test->call.op)->name, test->label, names[variant],
                     what, index, (long long)i, got, want, allowed->tolerance, allowed->of_spread * spread);
    }
}

static bool same_bytes(const dcn_tensor_desc *desc, const void *a, const void *b)
{
    return memcmp(a, b, (size_t)decant_shape_count(&desc->shape) * decant_dtype_size(desc->dtype)) == 0;
}

/* Winograd's algorithm in f32 */
#define WINOGRAD_OF_SPREAD 4e-5

/* Winograd's algorithm on bf16: an element is a sum of products of numbers that were rounded to bf16, with errors of up
 * to 5 times 2^-8 of the tensor's spread in the rows of cases_layers.c, and of 1.0 to 1.2 times in norm. */
#define NARROW_WINOGRAD_OF_SPREAD (6.0 / 256)
#define NARROW_WINOGRAD_IN_NORM   (1.5 / 256)

/* Convolutions that may go through Winograd's transforms, whose factors make their rounding larger: of so many channels
 * out and more */
static bool may_transform(const dcn_op_call *call, int64_t channels)
{
    if (call->op != DECANT_OP_CONV2D && call->op != DECANT_OP_CONV2D_GRAD_INPUT &&
        call->op != DECANT_OP_CONV2D_GRAD_WEIGHT)
        return false;
    const dcn_conv_attrs *conv = &call->attrs.conv;
    return conv->groups == 1 && conv->kernel[0] == 3 && conv->kernel[1] == 3 && conv->stride[0] == 1 &&
           conv->stride[1] == 1 && conv->dilation[0] == 1 && conv->dilation[1] == 1 && conv->channels >= channels;
}

static bool may_be_winograd(const dcn_op_call *call)
{
    return may_transform(call, 32);
}

/* The same from bf16, with whole vectors of pairs; of the weights' gradient, with halves. */
static bool may_be_narrow_winograd(const dcn_op_call *call)
{
    const int64_t whole = call->op == DECANT_OP_CONV2D_GRAD_WEIGHT ? 16 : 32;
    return may_transform(call, whole) && call->input[0].dtype == DECANT_BF16 &&
           call->input[0].shape.dim[1] % whole == 0;
}

/* All errors together: single elements may be far off, but few of them. */
static void compare_norm(const dcn_device *device, const op_case *test, const dcn_tensor_desc *desc,
                         const void *expected, const void *actual)
{
    double squares = 0;
    const int64_t count = decant_shape_count(&desc->shape);
    for (int64_t i = 0; i < count; i++) {
        const double off = load(actual, desc->dtype, i) - load(expected, desc->dtype, i);
        squares += off * off;
    }
    const double error = sqrt(squares / (double)count) / spread_of(desc, expected);
    if (!(error <= NARROW_WINOGRAD_IN_NORM))
        fail_msg("%s, %d threads: %s %s: off by %.3g of the spread, %.3g is allowed", device->summary, device->threads,
                 dcn_op_get(test->call.op)->name, test->label, error, NARROW_WINOGRAD_IN_NORM);
}

void case_compare(const dcn_device *device, const op_case *test, run_variant variant, const host_tensors *filled,
                  const host_tensors *expected, const host_tensors *actual)
{
    const dcn_op_call *call = &test->call;
    allowance allowed = {dcn_op_get(call->op)->tolerance, 0};
    /* ref in f32 against ref in f64 is rounding of the inputs' scale factors and of the result, no more */
    if (strcmp(device->class->name, "ref") == 0) allowed.tolerance = 3e-7;
    for (int32_t i = 0; i < call->n_outputs; i++) {
        if (actual->output[i] == NULL) continue;
        const bool narrow = i == 0 && may_be_narrow_winograd(call);
        allowed.of_spread = narrow ? NARROW_WINOGRAD_OF_SPREAD : may_be_winograd(call) ? WINOGRAD_OF_SPREAD : 0;
        compare_tensor(device, test, variant, "output", i, &call->output[i], expected->output[i], actual->output[i],
                       &allowed);
        if (narrow) compare_norm(device, test, &call->output[i], expected->output[i], actual->output[i]);
    }
    const allowance none = {0, 0};
    allowed.of_spread = 0;
    for (int32_t i = 0; i < call->n_inputs; i++) {
        if (actual->input[i] == NULL) continue;
        /* what ref leaves alone must be left alone to the bit */
        bool constant = same_bytes(&call->input[i], filled->input[i], expected->input[i]);
        compare_tensor(device, test, variant, "input", i, &call->input[i], expected->input[i], actual->input[i],
                       constant ? &none : &allowed);
    }
}
