/* Learning rates step by step. A wrong phase boundary, a missing warm-up or a schedule that counts epochs for steps
 * breaks these. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "optim/optimizer.h"

static void assert_close(double got, double wanted)
{
    if (fabs(got - wanted) > 1e-11 * (1 + fabs(wanted))) fail_msg("%.15g is not %.15g", got, wanted);
}

static dcn_optimizer sgd(dcn_schedule_kind kind)
{
    dcn_optimizer optimizer = dcn_optimizer_default(DCN_OPTIMIZER_SGD);
    optimizer.lr = 0.1;
    optimizer.schedule.kind = kind;
    return optimizer;
}

static void assert_rates(const dcn_optimizer *optimizer, int64_t steps_per_epoch, const double *rates, int64_t count)
{
    for (int64_t step = 0; step < count; step++) {
        assert_close(dcn_schedule_lr(optimizer, step, steps_per_epoch, count), rates[step]);
    }
}

static void test_constant_never_moves(void **state)
{
    (void)state;
    dcn_optimizer optimizer = sgd(DCN_SCHEDULE_CONSTANT);
    for (int64_t step = 0; step < 50; step += 7)
        assert_close(dcn_schedule_lr(&optimizer, step, 5, 50), 0.1);
}

/* PyTorch 1.13: StepLR(step_size=3), MultiStepLR([2, 5], gamma=0.5), one step an epoch. */
static void test_step_drops_by_epoch(void **state)
{
    (void)state;
    static const double every_three[7] = {0.1, 0.1, 0.1, 0.01, 0.01, 0.01, 0.001};
    static const double listed[7] = {0.1, 0.1, 0.05, 0.05, 0.05, 0.025, 0.025};
    dcn_optimizer optimizer = sgd(DCN_SCHEDULE_STEP);
    optimizer.schedule.every = 3;
    assert_rates(&optimizer, 1, every_three, 7);

    optimizer.schedule.n_milestones = 2;
    optimizer.schedule.milestones[0] = 2;
    optimizer.schedule.milestones[1] = 5;
    optimizer.schedule.gamma = 0.5;
    assert_rates(&optimizer, 1, listed, 7);
    /* Ten steps an epoch: the drop comes with epoch 2, at step 20. */
    assert_close(dcn_schedule_lr(&optimizer, 19, 10, 70), 0.1);
    assert_close(dcn_schedule_lr(&optimizer, 20, 10, 70), 0.05);
}

/* PyTorch 1.13: CosineAnnealingLR(T_max=8, eta_min=0.01). */
static void test_cosine_goes_from_lr_to_least(void **state)
{
    (void)state;
    static const double rates[8] = {0.1,   0.096574578963,  0.0868198051534, 0.0722207544564,
                                    0.055, 0.0377792455436, 0.0231801948466, 0.013425421037};
    dcn_optimizer optimizer = sgd(DCN_SCHEDULE_COSINE);
    optimizer.schedule.lr_min = 0.01;
    assert_rates(&optimizer, 4, rates, 8);
}

/* PyTorch 1.13: OneCycleLR(max_lr=0.1, total_steps=10) and (total_steps=7, pct_start=0.5), where the peak lies between
 * two steps. */
static void test_one_cycle_peaks_where_pytorch_does(void **state)
{
    (void)state;
    static const double ten[10] = {0.004,
                                   0.052,
                                   0.1,
                                   0.0950484632013,
                                   0.081174565395,
                                   0.0611262021936,
                                   0.0388741978064,
                                   0.018825834605,
                                   0.00495193679865,
                                   4e-07};
    static const double seven[7] = {0.004,           0.03716718427,  0.09083281573, 0.0950484632013,
                                    0.0611262021936, 0.018825834605, 4e-07};
    dcn_optimizer optimizer = sgd(DCN_SCHEDULE_ONE_CYCLE);
    assert_rates(&optimizer, 5, ten, 10);
    optimizer.schedule.pct_start = 0.5;
    assert_rates(&optimizer, 5, seven, 7);
}

/* Short runs put a phase's ends on one step: no rate may be NaN. */
static void test_one_cycle_of_a_few_steps_stays_finite(void **state)
{
    (void)state;
    dcn_optimizer optimizer = sgd(DCN_SCHEDULE_ONE_CYCLE);
    static const double shares[] = {0, 0.3, 0.5, 1};
    for (size_t i = 0; i < sizeof shares / sizeof *shares; i++) {
        optimizer.schedule.pct_start = shares[i];
        for (int64_t total = 1; total < 5; total++) {
            for (int64_t step = 0; step < total; step++) {
                double rate = dcn_schedule_lr(&optimizer, step, 1, total);
                assert_true(isfinite(rate));
                assert_true(rate > 0 && rate <= 0.1);
            }
        }
    }
}

/* PyTorch 1.13: LinearLR(start_factor=0.01, total_iters=4); the cosine then has the remaining 8 steps to itself. */
static void test_warm_up_rises_in_a_line_before_the_schedule(void **state)
{
    (void)state;
    static const double rates[6] = {0.001, 0.02575, 0.0505, 0.07525, 0.1, 0.096574578963};
    dcn_optimizer optimizer = sgd(DCN_SCHEDULE_COSINE);
    optimizer.schedule.lr_min = 0.01;
    optimizer.schedule.warmup_epochs = 2;
    for (int64_t step = 0; step < 6; step++)
        assert_close(dcn_schedule_lr(&optimizer, step, 2, 12), rates[step]);
}

static void test_warm_up_longer_than_the_run_never_reaches_lr(void **state)
{
    (void)state;
    dcn_optimizer optimizer = sgd(DCN_SCHEDULE_COSINE);
    optimizer.schedule.warmup_epochs = 100;
    for (int64_t step = 0; step < 10; step++)
        assert_true(dcn_schedule_lr(&optimizer, step, 2, 10) < 0.1);
}

/* What is not the learning rate must not move with the step. */
static void test_schedules_change_the_learning_rate_only(void **state)
{
    (void)state;
    dcn_optimizer optimizer = sgd(DCN_SCHEDULE_ONE_CYCLE);
    optimizer.momentum = 0.9;
    optimizer.weight_decay = 5e-4;
    float early[DCN_HYPER_COUNT], late[DCN_HYPER_COUNT];
    dcn_optimizer_hyper(&optimizer, 0, 10, 100, early);
    dcn_optimizer_hyper(&optimizer, 60, 10, 100, late);
    assert_true(early[DCN_HYPER_LR] != late[DCN_HYPER_LR]);
    assert_true(early[DCN_HYPER_MOMENTUM] == late[DCN_HYPER_MOMENTUM]);
    assert_true(early[DCN_HYPER_WEIGHT_DECAY] == late[DCN_HYPER_WEIGHT_DECAY]);
    assert_true(early[DCN_HYPER_MOMENTUM] == 0.9f);
    assert_true(early[DCN_HYPER_STEP] == 1.0f && late[DCN_HYPER_STEP] == 61.0f);
}

/* The average forgets the initial weights early on: 1/10 is kept at step 0, the full decay once (1 + n) / (10 + n)
 * passes it. */
static void test_averaging_starts_short(void **state)
{
    (void)state;
    dcn_optimizer optimizer = sgd(DCN_SCHEDULE_CONSTANT);
    optimizer.ema_decay = 0.99;
    float hyper[DCN_HYPER_COUNT];
    dcn_optimizer_hyper(&optimizer, 0, 10, 2000, hyper);
    assert_true(hyper[DCN_HYPER_EMA_DECAY] == 0.1f);
    dcn_optimizer_hyper(&optimizer, 1000, 10, 2000, hyper);
    assert_true(hyper[DCN_HYPER_EMA_DECAY] == 0.99f);
}

static void test_numbers_out_of_range_are_refused(void **state)
{
    (void)state;
    dcn_optimizer good = sgd(DCN_SCHEDULE_CONSTANT);
    assert_int_equal(dcn_optimizer_check(&good), DECANT_OK);

    dcn_optimizer bad[8];
    for (size_t i = 0; i < 8; i++)
        bad[i] = good;
    bad[0].lr = 0;
    bad[1].lr = (double)NAN;
    bad[2].weight_decay = -1;
    bad[3].nesterov = true; /* without momentum */
    bad[4].ema_decay = 1;
    bad[5].schedule.kind = DCN_SCHEDULE_STEP; /* neither milestones nor every */
    bad[6].schedule = (dcn_schedule){.kind = DCN_SCHEDULE_COSINE, .lr_min = 1};
    bad[7].schedule = (dcn_schedule){.kind = DCN_SCHEDULE_ONE_CYCLE, .pct_start = 0.3, .warmup_epochs = 1};
    for (size_t i = 0; i < 8; i++)
        assert_int_equal(dcn_optimizer_check(&bad[i]), DECANT_INVALID_ARG);

    dcn_optimizer adam = dcn_optimizer_default(DCN_OPTIMIZER_ADAM);
    assert_int_equal(dcn_optimizer_check(&adam), DECANT_OK);
    adam.beta2 = 1;
    assert_int_equal(dcn_optimizer_check(&adam), DECANT_INVALID_ARG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_constant_never_moves),
        cmocka_unit_test(test_step_drops_by_epoch),
        cmocka_unit_test(test_cosine_goes_from_lr_to_least),
        cmocka_unit_test(test_one_cycle_peaks_where_pytorch_does),
        cmocka_unit_test(test_one_cycle_of_a_few_steps_stays_finite),
        cmocka_unit_test(test_warm_up_rises_in_a_line_before_the_schedule),
        cmocka_unit_test(test_warm_up_longer_than_the_run_never_reaches_lr),
        cmocka_unit_test(test_schedules_change_the_learning_rate_only),
        cmocka_unit_test(test_averaging_starts_short),
        cmocka_unit_test(test_numbers_out_of_range_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
