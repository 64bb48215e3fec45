/* Optimisers as they run: a small model is trained for some steps through a plan, and every update is computed again
 * from the gradient by PyTorch's definition, in double. A wrong input order, a slot that is not kept or weight decay in
 * the wrong place breaks these. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/random.h"
#include "distill/term.h"
#include "engine/plan.h"
#include "optim/optimizer.h"
#include "tensor/shape.h"

#define BATCH    8
#define FEATURES 3
#define CLASSES  4
#define WEIGHTS  (CLASSES * FEATURES)
#define STEPS    5

/* One linear layer under cross-entropy, on the ref device. */
typedef struct test_rig {
    dcn_device *device;
    dcn_plan *plan;
    dcn_value_id weight;
    float x[BATCH * FEATURES];
    int32_t labels[BATCH];
    float hyper[DCN_HYPER_COUNT];
} test_rig;

static void build_rig(test_rig *rig, const dcn_optimizer *optimizer)
{
    dcn_graph *model = NULL;
    dcn_program *program = NULL;
    dcn_value_id input, output, x, labels, logits;
    const decant_shape sample = dcn_shape1(FEATURES), one = decant_shape_make(0, NULL);
    dcn_random random = dcn_random_start(11, DCN_PURPOSE_TEST, 0, 0);
    for (int i = 0; i < BATCH * FEATURES; i++)
        rig->x[i] = (float)dcn_random_normal(&random);
    for (int i = 0; i < BATCH; i++)
        rig->labels[i] = (int32_t)dcn_random_below(&random, CLASSES);

    assert_int_equal(dcn_graph_create(&model), DECANT_OK);
    assert_int_equal(dcn_build_input(model, &sample, &input), DECANT_OK);
    assert_int_equal(dcn_build_linear(model, "fc", input, CLASSES, true, &output), DECANT_OK);
    model->output = output;

    assert_int_equal(dcn_program_create(BATCH, DECANT_F32, &program), DECANT_OK);
    assert_int_equal(dcn_program_input(program, "x", DECANT_F32, &sample, &x), DECANT_OK);
    assert_int_equal(dcn_program_input(program, "labels", DECANT_I32, &one, &labels), DECANT_OK);
    assert_int_equal(dcn_program_add_model(program, model, 0, DCN_MODE_TRAIN, x, NULL, 0, NULL, &logits), DECANT_OK);
    const dcn_term term = {.kind = DCN_TERM_CE, .weight = 1};
    const dcn_term_context context = {logits, DCN_NONE, labels, DCN_NONE, DCN_NONE, DCN_NONE, DCN_NONE, DCN_NONE};
    dcn_term_output loss;
    assert_int_equal(dcn_term_emit(&term, program, &context, &loss), DECANT_OK);
    assert_int_equal(dcn_graph_backward(program->graph, &loss.seed, 1), DECANT_OK);
    assert_int_equal(dcn_optimizer_emit(optimizer, program), DECANT_OK);
    rig->weight = dcn_graph_find(program->graph, "fc.weight");

    const dcn_plan_options options = {0};
    assert_int_equal(dcn_device_open("ref", NULL, &rig->device), DECANT_OK);
    assert_int_equal(dcn_plan_create(rig->device, program, &options, &rig->plan), DECANT_OK);
    assert_int_equal(dcn_plan_bind(rig->plan, x, rig->x), DECANT_OK);
    assert_int_equal(dcn_plan_bind(rig->plan, labels, rig->labels), DECANT_OK);
    assert_int_equal(dcn_plan_bind(rig->plan, program->hyper, rig->hyper), DECANT_OK);

    float weights[WEIGHTS];
    for (int i = 0; i < WEIGHTS; i++)
        weights[i] = (float)dcn_random_normal(&random);
    assert_int_equal(dcn_plan_write(rig->plan, rig->weight, weights), DECANT_OK);
    dcn_program_destroy(program);
    dcn_graph_destroy(model);
}

static void finish_rig(test_rig *rig)
{
    dcn_plan_destroy(rig->plan);
    dcn_device_close(rig->device);
}

static void assert_near(double got, double wanted)
{
    if (!(fabs(got - wanted) <= 2e-6 * (1 + fabs(wanted)))) fail_msg("%.9g is not %.9g", got, wanted);
}

/* torch.optim.SGD, with the first step filling the momentum buffer. */
static double sgd_update(const dcn_optimizer *o, double weight, double gradient, int step, double *momentum)
{
    gradient += o->weight_decay * weight;
    if (o->momentum > 0) {
        *momentum = step == 0 ? gradient : o->momentum * *momentum + gradient;
        gradient = o->nesterov ? gradient + o->momentum * *momentum : *momentum;
    }
    return weight - o->lr * gradient;
}

/* torch.optim.Adam and AdamW. */
static double adam_update(const dcn_optimizer *o, double weight, double gradient, int step, double *m, double *v)
{
    if (o->kind == DCN_OPTIMIZER_ADAMW) {
        weight -= o->lr * o->weight_decay * weight;
    } else {
        gradient += o->weight_decay * weight;
    }
    *m = o->beta1 * *m + (1 - o->beta1) * gradient;
    *v = o->beta2 * *v + (1 - o->beta2) * gradient * gradient;
    double m_hat = *m / (1 - pow(o->beta1, step + 1)), v_hat = *v / (1 - pow(o->beta2, step + 1));
    return weight - o->lr * m_hat / (sqrt(v_hat) + o->eps);
}

/* Global norm over weight and bias. */
static double gradient_norm(test_rig *rig, const float *weight_gradient)
{
    /* Rows of d logits sum to the bias gradient; it is read from the weights' neighbour in the block. */
    float bias_gradient[CLASSES];
    double squares = 0;
    dcn_value_id bias = rig->weight + 1;
    assert_int_equal(dcn_plan_block_read(rig->plan, DCN_BLOCK_GRADIENT, bias, bias_gradient), DECANT_OK);
    for (int i = 0; i < WEIGHTS; i++)
        squares += (double)weight_gradient[i] * (double)weight_gradient[i];
    for (int i = 0; i < CLASSES; i++)
        squares += (double)bias_gradient[i] * (double)bias_gradient[i];
    return sqrt(squares);
}

static void check_optimizer(const dcn_optimizer *optimizer)
{
    test_rig rig = {0};
    float before[WEIGHTS], after[WEIGHTS], gradient[WEIGHTS], averaged[WEIGHTS];
    double slot0[WEIGHTS] = {0}, slot1[WEIGHTS] = {0}, average[WEIGHTS] = {0};
    build_rig(&rig, optimizer);
    for (int step = 0; step < STEPS; step++) {
        assert_int_equal(dcn_plan_read(rig.plan, rig.weight, before), DECANT_OK);
        dcn_optimizer_hyper(optimizer, step, 1, STEPS, rig.hyper);
        assert_int_equal(dcn_plan_run(rig.plan), DECANT_OK);
        assert_int_equal(dcn_plan_read(rig.plan, rig.weight, after), DECANT_OK);
        assert_int_equal(dcn_plan_block_read(rig.plan, DCN_BLOCK_GRADIENT, rig.weight, gradient), DECANT_OK);

        double scale = 1;
        if (optimizer->max_norm > 0) {
            double norm = gradient_norm(&rig, gradient);
            assert_true(norm > optimizer->max_norm); /* otherwise this tests nothing */
            scale = optimizer->max_norm / (norm + 1e-6);
        }
        double decay = fmin(optimizer->ema_decay, (1.0 + step) / (10.0 + step));
        for (int i = 0; i < WEIGHTS; i++) {
            double g = scale * (double)gradient[i];
            assert_true(g != 0);
            double wanted = optimizer->kind == DCN_OPTIMIZER_SGD
                                ? sgd_update(optimizer, (double)before[i], g, step, &slot0[i])
                                : adam_update(optimizer, (double)before[i], g, step, &slot0[i], &slot1[i]);
            assert_near((double)after[i], wanted);
            average[i] = decay * average[i] + (1 - decay) * (double)after[i];
        }
        if (!(optimizer->ema_decay > 0)) continue;
        assert_int_equal(dcn_plan_block_read(rig.plan, DCN_BLOCK_EMA, rig.weight, averaged), DECANT_OK);
        for (int i = 0; i < WEIGHTS; i++)
            assert_near((double)averaged[i], average[i]);
    }
    finish_rig(&rig);
}

static void test_sgd(void **state)
{
    (void)state;
    dcn_optimizer optimizer = dcn_optimizer_default(DCN_OPTIMIZER_SGD);
    optimizer.lr = 0.3;
    assert_int_equal(dcn_optimizer_slots(&optimizer), 0);
    check_optimizer(&optimizer);
    optimizer.weight_decay = 0.1;
    check_optimizer(&optimizer);
}

static void test_sgd_with_momentum(void **state)
{
    (void)state;
    dcn_optimizer optimizer = dcn_optimizer_default(DCN_OPTIMIZER_SGD);
    optimizer.lr = 0.3;
    optimizer.momentum = 0.9;
    optimizer.weight_decay = 0.05;
    assert_int_equal(dcn_optimizer_slots(&optimizer), 1);
    check_optimizer(&optimizer);
    optimizer.nesterov = true;
    check_optimizer(&optimizer);
}

static void test_adam(void **state)
{
    (void)state;
    dcn_optimizer optimizer = dcn_optimizer_default(DCN_OPTIMIZER_ADAM);
    optimizer.lr = 0.05;
    assert_int_equal(dcn_optimizer_slots(&optimizer), 2);
    check_optimizer(&optimizer);
    optimizer.weight_decay = 0.2;
    check_optimizer(&optimizer);
}

static void test_adamw_decays_the_weights_alone(void **state)
{
    (void)state;
    dcn_optimizer optimizer = dcn_optimizer_default(DCN_OPTIMIZER_ADAMW);
    optimizer.lr = 0.05;
    optimizer.weight_decay = 0.2;
    check_optimizer(&optimizer);
}

static void test_clipping_scales_by_the_global_norm(void **state)
{
    (void)state;
    dcn_optimizer optimizer = dcn_optimizer_default(DCN_OPTIMIZER_SGD);
    optimizer.max_norm = 0.01;
    optimizer.lr = 1;
    check_optimizer(&optimizer);
    optimizer = dcn_optimizer_default(DCN_OPTIMIZER_ADAM);
    optimizer.max_norm = 0.01;
    check_optimizer(&optimizer);
}

static void test_averaging_follows_the_weights(void **state)
{
    (void)state;
    dcn_optimizer optimizer = dcn_optimizer_default(DCN_OPTIMIZER_SGD);
    optimizer.ema_decay = 0.2;
    check_optimizer(&optimizer);
}

/* The schedule reaches the update. */
static void test_the_rate_of_the_step_is_used(void **state)
{
    (void)state;
    dcn_optimizer optimizer = dcn_optimizer_default(DCN_OPTIMIZER_SGD);
    optimizer.schedule = (dcn_schedule){.kind = DCN_SCHEDULE_STEP, .every = 1, .gamma = 0.5};
    test_rig rig = {0};
    float before[WEIGHTS], after[WEIGHTS], gradient[WEIGHTS];
    build_rig(&rig, &optimizer);
    assert_int_equal(dcn_plan_read(rig.plan, rig.weight, before), DECANT_OK);
    dcn_optimizer_hyper(&optimizer, 3, 1, STEPS, rig.hyper);
    assert_int_equal(dcn_plan_run(rig.plan), DECANT_OK);
    assert_int_equal(dcn_plan_read(rig.plan, rig.weight, after), DECANT_OK);
    assert_int_equal(dcn_plan_block_read(rig.plan, DCN_BLOCK_GRADIENT, rig.weight, gradient), DECANT_OK);
    for (int i = 0; i < WEIGHTS; i++)
        assert_near((double)after[i], (double)before[i] - 0.00125 * (double)gradient[i]);
    finish_rig(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sgd),
        cmocka_unit_test(test_sgd_with_momentum),
        cmocka_unit_test(test_adam),
        cmocka_unit_test(test_adamw_decays_the_weights_alone),
        cmocka_unit_test(test_clipping_scales_by_the_global_norm),
        cmocka_unit_test(test_averaging_follows_the_weights),
        cmocka_unit_test(test_the_rate_of_the_step_is_used),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
