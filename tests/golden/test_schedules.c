/* Learning rates, step by step, against PyTorch's schedulers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/memory.h"
#include "golden/golden.h"
#include "optim/optimizer.h"

enum { STEPS_PER_EPOCH = 7, TOTAL_STEPS = 70 };

static const struct {
    const char *name;
    dcn_schedule schedule;
} cases[] = {
    {"constant", {.kind = DCN_SCHEDULE_CONSTANT}},
    {"step", {.kind = DCN_SCHEDULE_STEP, .every = 3, .gamma = 0.5}},
    {"milestones", {.kind = DCN_SCHEDULE_STEP, .milestones = {2, 5, 9}, .n_milestones = 3, .gamma = 0.2}},
    {"cosine", {.kind = DCN_SCHEDULE_COSINE, .lr_min = 0.001}},
    {"one_cycle", {.kind = DCN_SCHEDULE_ONE_CYCLE, .pct_start = 0.3}},
    {"warmup", {.kind = DCN_SCHEDULE_CONSTANT, .warmup_epochs = 2}},
    {"warmup_cosine", {.kind = DCN_SCHEDULE_COSINE, .lr_min = 0.001, .warmup_epochs = 2}},
};

static void test_schedules(void **state)
{
    (void)state;
    static const golden_setting exact = {"schedule", DECANT_F64, 1e-12};
    dcn_safetensors *file = golden_open("schedules");
    for (size_t i = 0; i < DCN_COUNT(cases); i++) {
        dcn_optimizer optimizer = dcn_optimizer_default(DCN_OPTIMIZER_SGD);
        optimizer.lr = 0.1;
        optimizer.schedule = cases[i].schedule;
        const decant_tensor *rates = golden_need(file, "", cases[i].name);
        assert_int_equal(decant_shape_count(&rates->shape), TOTAL_STEPS);
        for (int64_t step = 0; step < TOTAL_STEPS; step++)
            golden_compare(cases[i].name, "lr", &exact, step, ((const double *)rates->data)[step],
                           dcn_schedule_lr(&optimizer, step, STEPS_PER_EPOCH, TOTAL_STEPS));
    }
    golden_check_all_used();
    dcn_safetensors_close(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_schedules)};
    return cmocka_run_group_tests_name("golden schedules", tests, NULL, NULL);
}
