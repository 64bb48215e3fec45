/* What is said about a model's answers, to the last character; and that ten classes fit into 80 columns. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/characters.h"
#include "decant/report.h"
#include "nn/model.h"
#include "report/class_counts.h"

#define assert_ok(call) assert_int_equal((call), DECANT_OK)

static void test_confusion(void **state)
{
    (void)state;
    int64_t confusion[9] = {8, 2, 0, 0, 5, 5, 0, 0, 0};
    const decant_evaluation evaluation = {
        .count = 20, .errors = 7, .accuracy = 0.65, .loss = 0.5, .n_classes = 3, .confusion = confusion};
    char *text = NULL;
    assert_ok(decant_confusion_text(&evaluation, NULL, &text));
    assert_string_equal(text, "truth \\ predicted 0 1 2     right\n"
                              "---------------------------------\n"
                              "0                 8 2 ·   80.00 %\n"
                              "1                 · 5 5   50.00 %\n"
                              "2                 · · 0         -\n"
                              "7 errors in 20 samples, accuracy 65.00 %, loss 0.5000\n");
    decant_text_free(text);
}

static void test_all_of_an_evaluation(void **state)
{
    (void)state;
    int64_t confusion[9] = {8, 2, 0, 0, 5, 5, 0, 0, 0};
    decant_evaluation evaluation = {
        .count = 20, .errors = 7, .accuracy = 0.65, .loss = 0.5, .n_classes = 3, .confusion = confusion};
    char *text = NULL;
    evaluation.measures = (decant_measures){
        .known = true,
        .calibration = {.error = 0.0725, .confidence = 0.72},
        .has_teacher = true,
        .fidelity = {.agreement = 0.9, .divergence = 0.125, .teacher_accuracy = 0.8, .teacher_errors = 4}};
    evaluation.measures.calibration.bins[10] = (decant_confidence_bin){20, 0.72, 0.65};
    assert_ok(decant_evaluation_text(&evaluation, NULL, &text));
    assert_string_equal(
        strstr(text, "\nclass"),
        "\n"
        "class  samples  errors   recall  precision       F1  mostly mistaken for\n"
        "------------------------------------------------------------------------\n"
        "0           10       2  80.00 %   100.00 %  88.89 %  1 (2)\n"
        "1           10       5  50.00 %    71.43 %  58.82 %  2 (5)\n"
        "2            0       0        -     0.00 %   0.00 %  -\n"
        "\n"
        "    confidence  samples     mean  accuracy\n"
        "------------------------------------------\n"
        "66.7 to 73.3 %       20  72.00 %   65.00 %\n"
        "calibration error 7.25 % (15 bins of confidence), mean confidence 72.00 %\n"
        "answers as its teacher (80.00 %, 4 errors) does for 90.00 % of the samples, KL to the teacher 0.1250 nats\n");
    decant_text_free(text);
    evaluation.measures.fidelity.teacher_accuracy = (double)NAN; /* none of the samples had a label */
    assert_ok(decant_evaluation_text(&evaluation, NULL, &text));
    assert_non_null(strstr(text, "\nanswers as its teacher does for 90.00 %"));
    decant_text_free(text);
}

/* A model with these class names, as a file may bring them. */
static decant_model *model_named(const char *const *names, int32_t count)
{
    decant_graph *graph = NULL;
    decant_model *model = NULL;
    const int64_t dims[] = {2};
    decant_shape shape = decant_shape_make(1, dims);
    decant_value x;
    assert_ok(decant_graph_create(&graph));
    assert_ok(decant_graph_input(graph, &shape, &x));
    assert_ok(decant_graph_linear(graph, "out", x, count, true, &x));
    assert_ok(decant_graph_set_output(graph, x));
    assert_ok(decant_model_from_graph(graph, 1, &model));
    assert_ok(dcn_model_set_class_names(model, names));
    return model;
}

/* Breaks when the matrix of the usual ten classes runs over the edge of a terminal, or a name from a file steers it. */
static void test_ten_classes_fit_a_terminal(void **state)
{
    (void)state;
    static const char *const names[] = {"T-shirt/top",    "Trouser", "a name much longer than there is room for",
                                        "\033[2Jhostile", "Größe",   "Sandal",
                                        "Shirt",          "Sneaker", "Bag",
                                        "Ankle boot"};
    int64_t confusion[100] = {0};
    for (int i = 0; i < 10; i++)
        confusion[11 * i] = 1000;
    const decant_evaluation evaluation = {.count = 10000, .accuracy = 1, .n_classes = 10, .confusion = confusion};
    decant_model *model = model_named(names, 10);
    char *text = NULL;
    assert_ok(decant_confusion_text(&evaluation, model, &text));
    assert_null(strchr(text, '\033'));
    assert_non_null(strstr(text, "3 \\x1b[2Jhostile "));
    assert_non_null(strstr(text, "2 a name much longe… "));
    for (char *line = text, *end; (end = strchr(line, '\n')) != NULL; line = end + 1) {
        *end = '\0';
        assert_true(dcn_text_width(line) <= 80);
    }
    decant_text_free(text);
    decant_model_destroy(model);
}

/* A hundred classes come down to the mistakes that matter. */
static void test_many_classes_come_down_to_their_mistakes(void **state)
{
    (void)state;
    static int64_t confusion[100 * 100];
    confusion[3 * 100 + 7] = 5;
    confusion[9 * 100 + 1] = 12;
    const decant_evaluation evaluation = {.count = 17, .errors = 17, .n_classes = 100, .confusion = confusion};
    char *text = NULL;
    assert_ok(decant_confusion_text(&evaluation, NULL, &text));
    assert_string_equal(text, "the commonest mistakes (--json has the whole matrix of 100 classes)\n"
                              "      12  9 taken for 1\n"
                              "       5  3 taken for 7\n"
                              "17 errors in 17 samples, accuracy 0.00 %, loss 0.0000\n");
    decant_text_free(text);
}

static void test_largest_mistakes(void **state)
{
    (void)state;
    static const int64_t confusion[] = {9, 1, 3, 0, 9, 3, 2, 3, 9};
    dcn_mistake mistakes[3];
    assert_int_equal(dcn_largest_mistakes(confusion, 3, 3, mistakes), 3);
    assert_true(mistakes[0].truth == 0 && mistakes[0].answer == 2); /* ties in the order of the matrix */
    assert_true(mistakes[1].truth == 1 && mistakes[1].answer == 2);
    assert_true(mistakes[2].truth == 2 && mistakes[2].answer == 1 && mistakes[2].count == 3);
    dcn_mistake all[9];
    assert_int_equal(dcn_largest_mistakes(confusion, 3, 9, all), 5);
    assert_int_equal(all[4].count, 1);
    const dcn_class_counts counts = dcn_count_class(confusion, 3, 2);
    assert_int_equal(counts.samples, 14);
    assert_int_equal(counts.answers, 15);
    assert_int_equal(counts.mistaken_for, 1);
    assert_true(fabs(counts.f1 - 18.0 / 29) < 1e-15);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_confusion),
        cmocka_unit_test(test_all_of_an_evaluation),
        cmocka_unit_test(test_ten_classes_fit_a_terminal),
        cmocka_unit_test(test_many_classes_come_down_to_their_mistakes),
        cmocka_unit_test(test_largest_mistakes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
