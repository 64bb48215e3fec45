/* Offsets of an output-bias correction: against plain counting, on cases that can be followed by hand and on random
 * ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/memory.h"
#include "base/random.h"
#include "distill/bias.h"
#include "nn/layers.h"

#define COUNT   400
#define CLASSES 5

#define assert_ok(call)                                                                                                \
    do {                                                                                                               \
        if ((call) != DECANT_OK) fail_msg("%s", decant_error_message());                                               \
    } while (0)

typedef struct random_answers {
    float logits[COUNT * CLASSES];
    int32_t labels[COUNT];
    int64_t wanted[CLASSES];
} random_answers;

/* A student that knows the labels roughly and thinks too little of the last two classes. */
static random_answers draw(uint64_t seed)
{
    random_answers answers = {.wanted = {0}};
    dcn_random random = dcn_random_start(seed, DCN_PURPOSE_TEST, 0, 0);
    for (int i = 0; i < COUNT; i++) {
        answers.labels[i] = (int32_t)dcn_random_below(&random, CLASSES);
        answers.wanted[answers.labels[i]]++;
        for (int c = 0; c < CLASSES; c++)
            answers.logits[i * CLASSES + c] =
                (float)(dcn_random_normal(&random) + (c == answers.labels[i] ? 2 : 0) - (c >= CLASSES - 2 ? 3 : 0));
    }
    return answers;
}

static int32_t predict(const float *row, const float *offsets)
{
    int32_t best = 0;
    for (int32_t c = 1; c < CLASSES; c++)
        if ((double)row[c] + (double)offsets[c] > (double)row[best] + (double)offsets[best]) best = c;
    return best;
}

static int64_t count_errors(const random_answers *answers, const float *offsets)
{
    int64_t errors = 0;
    for (int i = 0; i < COUNT; i++)
        errors += predict(answers->logits + i * CLASSES, offsets) != answers->labels[i];
    return errors;
}

static const bool last_two[CLASSES] = {false, false, false, true, true};
static const float none[CLASSES];

static dcn_bias_problem problem_of(const random_answers *answers, const bool *moved)
{
    return (dcn_bias_problem){.logits = answers->logits, .count = COUNT, .classes = CLASSES, .moved = moved};
}

/* Breaks when the moved classes are not predicted as often as they are, or another class is moved. */
static void test_one_offset_meets_the_frequencies(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 20; seed++) {
        const random_answers answers = draw(seed);
        const dcn_bias_problem problem = problem_of(&answers, last_two);
        float offsets[CLASSES];
        int64_t predicted = 0;
        assert_ok(dcn_bias_match(&problem, answers.wanted, offsets));
        for (int i = 0; i < COUNT; i++)
            predicted += predict(answers.logits + i * CLASSES, offsets) >= CLASSES - 2;
        assert_int_equal(predicted, answers.wanted[3] + answers.wanted[4]);
        assert_true(offsets[0] == 0 && offsets[1] == 0 && offsets[2] == 0);
        assert_true(offsets[3] > 1 && offsets[3] == offsets[4]);
        assert_true(count_errors(&answers, offsets) < count_errors(&answers, none));
    }
}

/* Breaks when the sweeps over single classes do not settle where every class is met. */
static void test_an_offset_for_each_class_meets_all_frequencies(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 20; seed++) {
        const random_answers answers = draw(seed);
        const dcn_bias_problem problem = problem_of(&answers, NULL);
        float offsets[CLASSES];
        int64_t predicted[CLASSES] = {0};
        assert_ok(dcn_bias_match(&problem, answers.wanted, offsets));
        for (int i = 0; i < COUNT; i++)
            predicted[predict(answers.logits + i * CLASSES, offsets)]++;
        for (int c = 0; c < CLASSES; c++)
            assert_int_equal(predicted[c], answers.wanted[c]);
    }
}

/* Breaks when any single offset would make fewer errors than the one that was chosen. */
static void test_one_offset_makes_the_fewest_errors(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 20; seed++) {
        const random_answers answers = draw(seed);
        const dcn_bias_problem problem = problem_of(&answers, last_two);
        float offsets[CLASSES];
        assert_ok(dcn_bias_fit(&problem, answers.labels, offsets));
        const int64_t fewest = count_errors(&answers, offsets);
        for (int step = -800; step <= 800; step++) {
            const float other = (float)step / 100;
            const float tried[CLASSES] = {0, 0, 0, other, other};
            assert_true(count_errors(&answers, tried) >= fewest);
        }
    }
}

/* Breaks when an offset for each class does worse than one for two, or than none. */
static void test_more_offsets_make_no_more_errors(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 20; seed++) {
        const random_answers answers = draw(seed);
        const dcn_bias_problem each = problem_of(&answers, NULL);
        float offsets[CLASSES];
        assert_ok(dcn_bias_fit(&each, answers.labels, offsets));
        assert_true(count_errors(&answers, offsets) < count_errors(&answers, none));
    }
}

/* Breaks when offsets that are good already are changed, or those of no sample's need go astray. */
static void test_by_hand(void **state)
{
    (void)state;
    /* margins of class 1 against class 0: -2, 1, 3 */
    const float logits[] = {0, 2, 1, 0, 3, 0};
    const bool second[] = {false, true};
    const dcn_bias_problem problem = {.logits = logits, .count = 3, .classes = 2, .moved = second};
    float offsets[2] = {9, 9};
    assert_ok(dcn_bias_match(&problem, (const int64_t[]){2, 1}, offsets)); /* it is so already */
    assert_true(offsets[0] == 0 && offsets[1] == 0);
    assert_ok(dcn_bias_match(&problem, (const int64_t[]){1, 2}, offsets));
    assert_true(offsets[0] == 0 && offsets[1] == 2); /* between 1 and 3 */
    assert_ok(dcn_bias_match(&problem, (const int64_t[]){0, 3}, offsets));
    assert_true(offsets[1] > 3);
    assert_ok(dcn_bias_match(&problem, (const int64_t[]){3, 0}, offsets));
    assert_true(offsets[1] < -2);
    assert_ok(dcn_bias_fit(&problem, (const int32_t[]){1, 0, 0}, offsets));
    assert_true(offsets[1] == 0);
    assert_ok(dcn_bias_fit(&problem, (const int32_t[]){1, 1, 0}, offsets));
    assert_true(offsets[1] == 2);
    assert_ok(dcn_bias_fit(&problem, (const int32_t[]){0, 1, 1}, offsets)); /* one error at best, beyond 3 */
    assert_true(offsets[1] > 3);
}

static void test_memory_failures(void **state)
{
    (void)state;
    const random_answers answers = draw(1);
    const dcn_bias_problem problem = problem_of(&answers, NULL);
    float offsets[CLASSES];
    dcn_memory_fail_nth(1);
    decant_status matched = dcn_bias_match(&problem, answers.wanted, offsets);
    dcn_memory_fail_nth(0);
    assert_int_equal(matched, DECANT_NO_MEMORY);
}

/* Breaks when another layer's bias is taken for the output's, or one is found where there is none. */
static void test_where_offsets_go(void **state)
{
    (void)state;
    static const struct {
        const char *layers, *bias; /* NULL: refused */
    } cases[] = {
        {"[linear: 8, relu, linear: {features: 4, name: head}]", "head.bias"},
        {"[linear: 4]", "0.bias"},
        {"[linear: {features: 4, bias: false}]", NULL},
        {"[linear: 4, relu]", NULL},
    };
    const decant_shape sample = {.rank = 1, .dim = {6}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        dcn_arena *arena = NULL;
        dcn_doc *list = NULL;
        dcn_graph *graph = NULL;
        dcn_value_id bias = DCN_NONE;
        assert_ok(dcn_arena_create(&arena));
        assert_ok(dcn_doc_parse(arena, "test", cases[i].layers, strlen(cases[i].layers), &list));
        assert_ok(dcn_layers_build(list, &sample, &graph));
        decant_status status = dcn_graph_output_bias(graph, &bias);
        assert_int_equal(status, cases[i].bias != NULL ? DECANT_OK : DECANT_INVALID_ARG);
        if (cases[i].bias != NULL) assert_string_equal(graph->values[bias].name, cases[i].bias);
        dcn_graph_destroy(graph);
        dcn_arena_destroy(arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_offset_meets_the_frequencies),
        cmocka_unit_test(test_an_offset_for_each_class_meets_all_frequencies),
        cmocka_unit_test(test_one_offset_makes_the_fewest_errors),
        cmocka_unit_test(test_more_offsets_make_no_more_errors),
        cmocka_unit_test(test_by_hand),
        cmocka_unit_test(test_memory_failures),
        cmocka_unit_test(test_where_offsets_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
