/* Ensembles: one model that answers as its members do on average - the logits' mean, or the mean of probabilities that
 * a softmax gives back - held to sums in double. */
#include "train/problem.h"

#include "distill/teacher.h"
#include "nn/ensemble.h"

enum { COUNT = 20, N_KINDS = 3, MANY = 11 };

static const char *const kinds[N_KINDS] = {LINEAR, MLP, CONVOLUTIONAL};
static test_problem problem;
static decant_model *members[MANY];
static float x[COUNT * PIXELS];

static void ask(const decant_model *model, float logits[COUNT * CLASSES])
{
    dcn_teacher *teacher = NULL;
    assert_ok(dcn_teacher_create(problem.device, model, &teacher));
    assert_ok(dcn_teacher_ask(teacher, x, COUNT, logits));
    dcn_teacher_destroy(teacher);
}

/* What the average must be, by the definition. */
static double expected(const float *answers, int32_t count, dcn_average average, int sample, int class)
{
    double sum = 0;
    for (int32_t k = 0; k < count; k++) {
        const float *z = answers + (k * COUNT + sample) * CLASSES;
        double total = 0;
        for (int c = 0; c < CLASSES; c++)
            total += exp((double)z[c]);
        sum += average == DCN_AVERAGE_LOGITS ? (double)z[class] : exp((double)z[class]) / total;
    }
    return average == DCN_AVERAGE_LOGITS ? sum / count : log(sum / count);
}

static void check(int32_t count, dcn_average average)
{
    static float answers[MANY * COUNT * CLASSES];
    float made[COUNT * CLASSES];
    decant_model *model = NULL;
    for (int32_t k = 0; k < count; k++)
        ask(members[k], answers + k * COUNT * CLASSES);
    assert_ok(dcn_model_ensemble((const decant_model *const *)members, count, average, &model));
    ask(model, made);
    for (int n = 0; n < COUNT; n++)
        for (int c = 0; c < CLASSES; c++) {
            double wanted = expected(answers, count, average, n, c), got = (double)made[n * CLASSES + c];
            if (!(fabs(got - wanted) < 2e-5 * (1 + fabs(wanted))))
                fail_msg("%d members, sample %d, class %d: %g, not %g", count, n, c, got, wanted);
        }
    dcn_model_destroy(model);
}

/* Breaks when members are mixed up, one is left out, or another mean is taken; 11 do not fit one node's inputs. */
static void test_averages(void **state)
{
    (void)state;
    for (int average = 0; average < 2; average++) {
        check(1, (dcn_average)average);
        check(3, (dcn_average)average);
        check(MANY, (dcn_average)average);
    }
}

/* Breaks when an ensemble cannot be used as a teacher: looked up, and in the step. */
static void test_teaches(void **state)
{
    (void)state;
    for (int cached = 0; cached < 2; cached++) {
        decant_model *student = make_model(&problem, LINEAR, 1), *teacher = NULL;
        dcn_train_options options = plain_options(&problem, student);
        dcn_train_result result;
        assert_ok(dcn_model_ensemble((const decant_model *const *)members, 3, DCN_AVERAGE_PROBABILITIES, &teacher));
        options.teacher = teacher;
        options.terms[options.n_terms++] = (dcn_term){.kind = DCN_TERM_KD, .weight = 0.5, .temperature = 2};
        options.teacher_cache_bytes = cached ? 1 << 20 : 0;
        assert_ok(dcn_train(&options, &result));
        assert_int_equal(result.cached, cached == 1);
        dcn_model_destroy(teacher);
        dcn_model_destroy(student);
    }
}

static void refuse(decant_model *other, dcn_average average, decant_status wanted, const char *words)
{
    const decant_model *const pair[] = {members[0], other};
    decant_model *model = NULL;
    assert_int_equal(dcn_model_ensemble(pair, 2, average, &model), wanted);
    assert_null(model);
    if (strstr(decant_error_message(), words) == NULL) fail_msg("%s", decant_error_message());
    dcn_model_destroy(other);
}

static void test_members_that_do_not_fit(void **state)
{
    (void)state;
    const float mean[1] = {0.25f}, std[1] = {1};
    decant_model *other = make_model(&problem, LINEAR, 3);
    assert_ok(dcn_model_set_normalization(other, 1, mean, std));
    refuse(other, DCN_AVERAGE_LOGITS, DECANT_INVALID_ARG, "members 0 and 1 of the ensemble normalise their inputs");
    refuse(make_model(&problem, "[flatten, linear: 5]", 3), DCN_AVERAGE_LOGITS, DECANT_SHAPE,
           "member 0 of the ensemble has 4 outputs, member 1 has 5");
    decant_model *single = make_model(&problem, "[flatten, linear: 1]", 3), *model = NULL;
    const decant_model *const one[] = {single};
    assert_int_equal(dcn_model_ensemble(one, 1, DCN_AVERAGE_PROBABILITIES, &model), DECANT_INVALID_ARG);
    assert_ok(dcn_model_ensemble(one, 1, DCN_AVERAGE_LOGITS, &model));
    assert_int_equal(model->n_classes, 2);
    dcn_model_destroy(model);
    dcn_model_destroy(single);
    assert_int_equal(dcn_model_ensemble(one, 0, DCN_AVERAGE_LOGITS, &model), DECANT_INVALID_ARG);
}

static void test_every_allocation_may_fail(void **state)
{
    (void)state;
    int64_t nth = 1;
    for (;; nth++) {
        decant_model *model = NULL;
        dcn_memory_fail_nth(nth);
        decant_status status =
            dcn_model_ensemble((const decant_model *const *)members, 2, DCN_AVERAGE_PROBABILITIES, &model);
        dcn_memory_fail_nth(0);
        dcn_model_destroy(model);
        if (status == DECANT_OK) break;
        assert_int_equal(status, DECANT_NO_MEMORY);
    }
    assert_true(nth > 10);
}

static int open_all(void **state)
{
    (void)state;
    open_problem(&problem, "cpu", 120, 0);
    for (int k = 0; k < MANY; k++)
        members[k] = make_model(&problem, kinds[k % N_KINDS], (uint64_t)k + 1);
    dcn_random random = dcn_random_start(4, DCN_PURPOSE_TEST, 2, 0);
    for (int i = 0; i < COUNT * PIXELS; i++)
        x[i] = (float)dcn_random_below(&random, 2000) / 500.0f - 2.0f;
    return 0;
}

static int close_all(void **state)
{
    (void)state;
    for (int k = 0; k < MANY; k++)
        dcn_model_destroy(members[k]);
    close_problem(&problem);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_averages),
        cmocka_unit_test(test_teaches),
        cmocka_unit_test(test_members_that_do_not_fit),
        cmocka_unit_test(test_every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
