/* Memory that runs out at every place of a training run in turn: the run must fail cleanly, leak nothing (under the
 * address sanitizer) and leave the model and a checkpoint that can be used. */
#include "train/problem.h"

#include "base/file.h"

#define CHECKPOINT TEST_BINARY_DIR "/failures-checkpoint.safetensors"

static decant_status train_once(const test_problem *problem, const decant_model *teacher, decant_model *model)
{
    dcn_train_result result;
    dcn_train_options options = plain_options(problem, model);
    options.epochs = 1;
    options.batch = 12;
    options.teacher = teacher;
    options.terms[options.n_terms++] = (dcn_term){.kind = DCN_TERM_KD, .weight = 1, .temperature = 2};
    options.optimizer.ema_decay = 0.9;
    options.select_best = true;
    options.checkpoint_path = CHECKPOINT;
    return dcn_train(&options, &result);
}

static void test_each_allocation_may_fail(void **state)
{
    (void)state;
    test_problem problem;
    open_problem(&problem, "ref", 20, 10);
    decant_model *teacher = make_model(&problem, MLP, 3);
    int64_t failures = 0;
    for (int64_t nth = 1;; nth++) {
        decant_model *model = make_model(&problem, LINEAR, 1);
        assert_ok(dcn_file_remove(CHECKPOINT));
        dcn_memory_fail_nth(nth);
        decant_status status = train_once(&problem, teacher, model);
        bool reached = status != DECANT_OK;
        dcn_memory_fail_nth(0);
        if (reached) {
            assert_int_equal(status, DECANT_NO_MEMORY);
            failures++;
            /* What is left of a checkpoint is whole. */
            if (dcn_file_exists(CHECKPOINT)) assert_ok(train_once(&problem, teacher, model));
        }
        dcn_model_destroy(model);
        if (!reached) break;
    }
    assert_true(failures > 100); /* otherwise hardly anything was tried */
    dcn_model_destroy(teacher);
    close_problem(&problem);
}

static void test_each_write_may_fail(void **state)
{
    (void)state;
    test_problem problem;
    open_problem(&problem, "ref", 20, 10);
    decant_model *teacher = make_model(&problem, MLP, 3);
    for (int64_t nth = 1;; nth++) {
        decant_model *model = make_model(&problem, LINEAR, 1);
        assert_ok(dcn_file_remove(CHECKPOINT));
        dcn_file_fail_nth_write(nth);
        decant_status status = train_once(&problem, teacher, model);
        dcn_file_fail_nth_write(0);
        dcn_model_destroy(model);
        if (status == DECANT_OK) {
            assert_true(nth > 1);
            break;
        }
        assert_int_equal(status, DECANT_IO);
        assert_false(dcn_file_exists(CHECKPOINT)); /* nothing half written */
    }
    dcn_model_destroy(teacher);
    close_problem(&problem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_allocation_may_fail),
        cmocka_unit_test(test_each_write_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
