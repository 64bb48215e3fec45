/* Runs against each other: which seeds are paired, which test is used, and the table. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "decant/report.h"
#include "support/comma_locale.h"

#define assert_ok(call) assert_int_equal((call), DECANT_OK)

/* Seeds 1, 2, ... of a run with these accuracies. */
static void fill(decant_run_result *results, const decant_run_result **pointers, decant_comparison_row *row,
                 const char *run, const double *accuracies, int32_t count)
{
    *row = (decant_comparison_row){.run = run, .baseline = -1, .n_seeds = count, .results = pointers};
    for (int32_t i = 0; i < count; i++) {
        results[i] = (decant_run_result){.run = run,
                                         .seed = (uint64_t)i + 1,
                                         .test_count = 1000,
                                         .test_errors = lround(1000 * (1 - accuracies[i])),
                                         .test_accuracy = accuracies[i]};
        pointers[i] = &results[i];
        row->accuracy_mean += accuracies[i] / count;
    }
    row->accuracy_spread = decant_spread(accuracies, count);
    row->errors_mean = 1000 * (1 - row->accuracy_mean);
}

static void test_seeds_are_matched_by_number(void **state)
{
    (void)state;
    static const double good[3] = {.92, .94, .96}, plain[3] = {.901, .92, .939};
    decant_run_result results[2][3];
    const decant_run_result *pointers[2][3];
    decant_comparison_row row, baseline;
    decant_judgement judgement, reordered;
    fill(results[0], pointers[0], &row, "good", good, 3);
    fill(results[1], pointers[1], &baseline, "plain", plain, 3);
    assert_ok(decant_judge_runs(&row, &baseline, &judgement));
    assert_string_equal(judgement.test, "paired t-test");
    assert_int_equal(judgement.pairs, 3);
    assert_int_equal(judgement.verdict, DECANT_VERDICT_BETTER);

    const decant_run_result *swapped = pointers[1][0];
    pointers[1][0] = pointers[1][2];
    pointers[1][2] = swapped;
    assert_ok(decant_judge_runs(&row, &baseline, &reordered));
    assert_true(fabs(reordered.p - judgement.p) < 1e-15);

    /* Only seeds 2 and 3 are left in common. */
    results[1][0].seed = 9;
    assert_ok(decant_judge_runs(&row, &baseline, &judgement));
    assert_int_equal(judgement.pairs, 2);
    results[1][1].seed = 10;
    results[1][2].seed = 11;
    assert_int_equal(decant_judge_runs(&row, &baseline, &judgement), DECANT_INVALID_ARG);
}

/* 1, 3, 5, ... wrong in one and 0, 1, 2 in the other: what both got wrong tells nothing. */
static void test_one_seed_is_judged_by_its_samples(void **state)
{
    (void)state;
    static const double accuracy[1] = {.99};
    static const int32_t wrong_first[] = {1, 7}, wrong_second[] = {0, 1, 2, 3, 4, 5, 6, 8, 9};
    decant_run_result results[2][1];
    const decant_run_result *pointers[2][1];
    decant_comparison_row row, baseline;
    decant_judgement judgement;
    fill(results[0], pointers[0], &row, "good", accuracy, 1);
    fill(results[1], pointers[1], &baseline, "plain", accuracy, 1);
    results[0][0].wrong = wrong_first;
    results[0][0].test_errors = 2;
    results[1][0].wrong = wrong_second;
    results[1][0].test_errors = 9;
    assert_ok(decant_judge_runs(&row, &baseline, &judgement));
    assert_string_equal(judgement.test, "McNemar's exact test");
    assert_int_equal(judgement.pairs, 9); /* 8 only in the second, 1 only in the first */
    assert_true(fabs(judgement.difference - 0.007) < 1e-15);
    assert_true(fabs(judgement.p - 2 * 10 / 512.0) < 1e-12);
    assert_int_equal(judgement.verdict, DECANT_VERDICT_BETTER);

    results[0][0].data = "aa";
    assert_ok(decant_judge_runs(&row, &baseline, &judgement)); /* an old result may not say */
    results[1][0].data = "bb";
    assert_int_equal(decant_judge_runs(&row, &baseline, &judgement), DECANT_INVALID_ARG);
    results[1][0].data = "aa";
    assert_ok(decant_judge_runs(&row, &baseline, &judgement));

    results[1][0].test_count = 999;
    assert_int_equal(decant_judge_runs(&row, &baseline, &judgement), DECANT_INVALID_ARG);
}

/* Breaks when what a result file rounds the accuracy to is a difference: 29 of 30 is no number of twelve digits. */
static void test_equal_counts_are_equal(void **state)
{
    (void)state;
    static const double fresh[6] = {29. / 30, 29. / 30, 29. / 30, 29. / 30, 29. / 30, 29. / 30};
    decant_run_result results[2][6];
    const decant_run_result *pointers[2][6];
    decant_comparison_row row, baseline;
    decant_judgement judgement;
    fill(results[0], pointers[0], &row, "fresh", fresh, 6);
    fill(results[1], pointers[1], &baseline, "read", fresh, 6);
    for (int i = 0; i < 6; i++) {
        results[0][i].test_count = results[1][i].test_count = 30;
        results[0][i].test_errors = results[1][i].test_errors = 1;
        results[1][i].test_accuracy = 0.966666666667;
    }
    assert_ok(decant_judge_runs(&row, &baseline, &judgement));
    assert_int_equal(judgement.verdict, DECANT_VERDICT_INCONCLUSIVE);
    assert_true(judgement.difference == 0 && judgement.p == 1);
}

/* Breaks when a run that was trained longer is called better without a word about it. */
static void test_unequal_budgets_are_told(void **state)
{
    (void)state;
    static const double good[3] = {.92, .94, .96}, plain[3] = {.901, .92, .939};
    decant_run_result results[2][3];
    const decant_run_result *pointers[2][3];
    decant_comparison_row rows[2];
    decant_table *table = NULL;
    char *text = NULL;
    fill(results[0], pointers[0], &rows[0], "alone", plain, 3);
    fill(results[1], pointers[1], &rows[1], "longer", good, 3);
    assert_true(decant_has_equal_budget(&rows[1], &rows[0]));
    results[0][2].steps = 5000;
    results[1][2].steps = 5101; /* 2 % is what whole epochs may make */
    assert_true(decant_has_equal_budget(&rows[1], &rows[0]));
    results[1][2].steps = 5104;
    assert_false(decant_has_equal_budget(&rows[1], &rows[0]));
    rows[1].baseline = 0;
    const decant_comparison comparison = {.rows = rows, .count = 2, .majority_accuracy = 0.1};
    assert_ok(decant_comparison_table(&comparison, &table));
    assert_ok(decant_table_text(table, &text));
    assert_non_null(strstr(text, "better than alone (p = 0.00083, unequal budgets)"));
    decant_text_free(text);
    decant_table_destroy(table);
    results[1][2].seed = 99; /* a seed that only one has is not compared */
    assert_true(decant_has_equal_budget(&rows[1], &rows[0]));
}

static void test_table(void **state)
{
    (void)state;
    static const double good[3] = {.92, .94, .96}, plain[3] = {.901, .92, .939}, one[1] = {.95};
    decant_run_result results[3][3];
    const decant_run_result *pointers[3][3];
    decant_comparison_row rows[3];
    fill(results[0], pointers[0], &rows[0], "teacher", one, 1);
    fill(results[1], pointers[1], &rows[1], "alone", plain, 3);
    fill(results[2], pointers[2], &rows[2], "distilled", good, 3);
    rows[0].parameters = 1186986;
    rows[2].baseline = 1;
    rows[1].baseline = 0;
    for (int i = 0; i < 3; i++)
        results[1][i].seed += 100; /* shares no seed with the teacher, nor with distilled */
    for (int i = 0; i < 3; i++)
        results[2][i].seed += 100;
    const decant_comparison comparison = {.rows = rows, .count = 3, .majority_accuracy = 0.1};
    decant_table *table = NULL;
    char *text = NULL;
    assert_ok(decant_comparison_table(&comparison, &table));
    assert_ok(decant_table_text(table, &text));
    assert_string_equal(
        text,
        "run             seeds  parameters  mult-adds  size   test accuracy  errors  verdict\n"
        "-----------------------------------------------------------------------------------------------------------\n"
        "teacher             1   1,186,986          0   0 B         95.00 %      50  -\n"
        "alone               3           0          0   0 B  92.00 ± 1.90 %    80.0  cannot be compared with teacher\n"
        "distilled           3           0          0   0 B  94.00 ± 2.00 %    60.0  better than alone (p = 0.00083)\n"
        "-----------------------------------------------------------------------------------------------------------\n"
        "majority class                                             10.00 %\n");
    decant_text_free(text);
    decant_table_destroy(table);
}

/* Breaks when a table's numbers are written in the locale of the program that asks for it. */
static void test_the_locale_changes_no_table(void **state)
{
    (void)state;
    static const double alone[1] = {.9321};
    decant_run_result result;
    const decant_run_result *pointer;
    decant_comparison_row row;
    fill(&result, &pointer, &row, "alone", alone, 1);
    const decant_comparison comparison = {.rows = &row, .count = 1, .majority_accuracy = 0.1};
    decant_table *table = NULL;
    char *text = NULL;
    comma_locale_set();
    assert_ok(decant_comparison_table(&comparison, &table));
    setlocale(LC_ALL, "C");
    assert_ok(decant_table_text(table, &text));
    assert_non_null(strstr(text, "93.21 %"));
    decant_text_free(text);
    decant_table_destroy(table);
}

/* Results of one seed each, as they are read from these directories. */
static decant_result_list list_of(decant_run_result *results, const char *const (*from)[3], int32_t count)
{
    for (int32_t i = 0; i < count; i++)
        results[i] = (decant_run_result){.recipe = from[i][0],
                                         .run = from[i][1],
                                         .directory = from[i][2],
                                         .test_count = 100,
                                         .test_accuracy = 0.9,
                                         .majority_accuracy = 0.25};
    return (decant_result_list){.items = results, .count = count};
}

/* Breaks when two rows of a table cannot be told apart. */
static void test_runs_of_one_name_are_shown_with_their_folders(void **state)
{
    (void)state;
    static const char *const from[][3] = {
        {"a", "alone", "x/a/alone"}, {"b", "alone", "y/b/alone"}, {"b", "taught", "y/b/taught"}};
    decant_run_result results[3];
    decant_result_list list = list_of(results, from, 3);
    decant_comparison *comparison = NULL;
    assert_ok(decant_results_compare(&list, &comparison));
    assert_string_equal(comparison->rows[0].label, "x/a/alone");
    assert_string_equal(comparison->rows[1].label, "y/b/alone");
    assert_string_equal(comparison->rows[2].label, "taught");

    assert_int_equal(decant_comparison_set_baseline(comparison, "alone"), DECANT_NOT_FOUND); /* which? */
    assert_int_equal(decant_comparison_set_baseline(comparison, "alon"), DECANT_NOT_FOUND);
    assert_ok(decant_comparison_set_baseline(comparison, "x/a/alone//"));
    assert_int_equal(comparison->rows[0].baseline, -1);
    assert_int_equal(comparison->rows[1].baseline, 0);
    assert_int_equal(comparison->rows[2].baseline, 0);
    assert_ok(decant_comparison_set_baseline(comparison, "taught"));
    assert_int_equal(comparison->rows[0].baseline, 2);
    decant_comparison_destroy(comparison);
}

/* Breaks when accuracies on different samples stand side by side without a word. */
static void test_other_data_is_told(void **state)
{
    (void)state;
    static const char *const from[][3] = {{"a", "alone", "x/a/alone"}, {"b", "other", "y/b/other"}};
    decant_run_result results[2];
    decant_result_list list = list_of(results, from, 2);
    decant_comparison *comparison = NULL;
    assert_ok(decant_results_compare(&list, &comparison));
    assert_ok(decant_comparison_check(comparison));
    assert_true(fabs(comparison->majority_accuracy - 0.25) < 1e-15);
    decant_comparison_destroy(comparison);

    results[0].data = "aa";
    results[1].data = "bb";
    assert_ok(decant_results_compare(&list, &comparison));
    assert_int_equal(decant_comparison_check(comparison), DECANT_INVALID_ARG);
    assert_non_null(strstr(decant_error_message(), "different data"));
    assert_true(isnan(comparison->majority_accuracy));

    char *text = NULL;
    assert_ok(decant_comparison_set_baseline(comparison, "alone"));
    assert_ok(decant_verdict_text(comparison, 1, &text));
    assert_non_null(strstr(text, "other cannot be judged against alone"));
    decant_text_free(text);
    assert_ok(decant_verdict_text(comparison, 0, &text));
    assert_string_equal(text, "");
    decant_text_free(text);
    decant_comparison_destroy(comparison);

    results[1].data = "aa";
    results[1].test_count = 99;
    assert_ok(decant_results_compare(&list, &comparison));
    assert_int_equal(decant_comparison_check(comparison), DECANT_INVALID_ARG);
    decant_comparison_destroy(comparison);
}

/* Breaks when a corrected run's row is not followed by what it was before, or an uncorrected one's is. */
static void test_the_table_shows_what_was_before_a_correction(void **state)
{
    (void)state;
    static const double corrected[2] = {.98, .99}, plain[2] = {.97, .97};
    decant_run_result results[2][2];
    const decant_run_result *pointers[2][2];
    decant_comparison_row rows[2];
    decant_table *table = NULL;
    char *text = NULL;
    fill(results[0], pointers[0], &rows[0], "no-threes", corrected, 2);
    fill(results[1], pointers[1], &rows[1], "plain", plain, 2);
    rows[0].corrected = true;
    rows[0].uncorrected_mean = .95;
    rows[0].uncorrected_spread = .002;
    rows[0].uncorrected_errors_mean = 50.5;
    const decant_comparison comparison = {.rows = rows, .count = 2, .majority_accuracy = .1};
    assert_ok(decant_comparison_table(&comparison, &table));
    assert_ok(decant_table_text(table, &text));
    const char *run = strstr(text, "no-threes"), *before = strstr(text, "  before correction");
    assert_non_null(run);
    assert_non_null(before);
    assert_true(before > run && before < strstr(text, "plain"));
    assert_null(strstr(before + 4, "before correction"));
    assert_non_null(strstr(before, "95.00 ± 0.20 %"));
    assert_non_null(strstr(before, "50.5"));
    decant_text_free(text);
    decant_table_destroy(table);
}

/* Breaks when a teacher that was made again, or is another seed's, is shown as the one that taught. */
static void test_the_teacher_is_told_by_its_model(void **state)
{
    (void)state;
    static const char *const from[][3] = {
        {"a", "taught", "x/a/taught-seed0"}, {"a", "taught", "x/a/taught-seed1"}, {"a", "net", "x/a/net"}};
    static const struct {
        const char *wanted[2];
        int32_t row;
    } cases[] = {{{"aa", "aa"}, 1}, {{"aa", NULL}, 1}, {{"bb", "bb"}, -1}, {{"aa", "bb"}, -1}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        decant_run_result results[3];
        decant_result_list list = list_of(results, from, 3);
        decant_comparison *comparison = NULL;
        results[2].model_hash = "aa";
        for (int s = 0; s < 2; s++) {
            results[s].seed = (uint64_t)s;
            results[s].teacher = "net";
            results[s].teacher_hash = cases[i].wanted[s];
        }
        assert_ok(decant_results_compare(&list, &comparison));
        assert_int_equal(comparison->count, 2);
        assert_int_equal(comparison->rows[0].teacher_row, cases[i].row);
        decant_comparison_destroy(comparison);
    }
}

/* Breaks when sizes are those of one seed only, or what was before a correction is what came after. */
static void test_seeds_are_taken_together(void **state)
{
    (void)state;
    static const char *const from[][3] = {{"a", "small", "x/a/small-seed0"}, {"a", "small", "x/a/small-seed1"}};
    const decant_bias_correction before[2] = {{.accuracy = .90, .errors = 10}, {.accuracy = .94, .errors = 6}};
    decant_run_result results[2];
    decant_result_list list = list_of(results, from, 2);
    decant_comparison *comparison = NULL;
    for (int s = 0; s < 2; s++) {
        results[s].seed = (uint64_t)s;
        results[s].correction = &before[s];
        results[s].parameters = 100 + s;
        results[s].mult_adds = 300 - s;
        results[s].bytes = 50 + s;
    }
    assert_ok(decant_results_compare(&list, &comparison));
    const decant_comparison_row *row = &comparison->rows[0];
    assert_true(row->corrected && fabs(row->uncorrected_mean - .92) < 1e-12);
    assert_true(fabs(row->uncorrected_spread - .04 / sqrt(2)) < 1e-12 &&
                fabs(row->uncorrected_errors_mean - 8) < 1e-12);
    assert_true(row->sizes_differ);
    assert_int_equal(row->parameters, 101);
    assert_int_equal(row->mult_adds, 300);
    assert_int_equal(row->bytes, 51);
    decant_comparison_destroy(comparison);
    results[1].correction = NULL;
    results[1].parameters = 100;
    results[1].mult_adds = 300;
    assert_ok(decant_results_compare(&list, &comparison));
    assert_false(comparison->rows[0].corrected || comparison->rows[0].sizes_differ);
    decant_comparison_destroy(comparison);
}

/* Breaks when a taught run stands without its baseline and nothing is said, or a teacher that is no run of the table is
 * left out of it, or is there more than once. */
static void test_what_is_missing_is_told(void **state)
{
    (void)state;
    static const char *const from[][3] = {
        {"a", "first", "x/a/first"}, {"a", "second", "x/a/second"}, {"a", "own", "x/a/own"}, {"a", "net", "x/a/net"}};
    decant_run_result results[4];
    decant_result_list list = list_of(results, from, 4);
    decant_comparison *comparison = NULL;
    decant_table *table = NULL;
    char *text = NULL;
    for (int i = 0; i < 3; i++) {
        results[i].teacher = i < 2 ? "big.safetensors" : "net";
        results[i].baseline = "alone";
        results[i].test_measures = (decant_measures){
            .known = true, .has_teacher = true, .fidelity = {.teacher_accuracy = 0.97, .teacher_errors = 3}};
    }
    assert_ok(decant_results_compare(&list, &comparison));
    assert_int_equal(comparison->rows[0].teacher_row, -1);
    assert_int_equal(comparison->rows[2].teacher_row, 3);
    assert_int_equal(comparison->rows[3].teacher_row, -1);
    assert_true(isnan(comparison->rows[3].teacher_mean));
    assert_ok(decant_verdict_text(comparison, 0, &text));
    assert_string_equal(text,
                        "first is not judged: no run of alone, its baseline, is among these; name its directories, "
                        "or make it with `decant run RECIPE alone`\n");
    decant_text_free(text);
    assert_ok(decant_comparison_table(comparison, &table));
    assert_ok(decant_table_text(table, &text));
    assert_non_null(strstr(text, "- (no alone)\n"));
    const char *row = strstr(text, "teacher of first and 1 more ");
    assert_non_null(row);
    assert_null(strstr(row + 1, "teacher of"));
    const char *figure = strstr(row, "97.00 %");
    assert_true(figure != NULL && figure < strchr(row, '\n'));
    decant_text_free(text);
    decant_table_destroy(table);

    comparison->rows[1].teacher_mean = 0.96; /* another of that name */
    assert_ok(decant_comparison_table(comparison, &table));
    assert_ok(decant_table_text(table, &text));
    assert_non_null(strstr(text, "teacher of first "));
    assert_non_null(strstr(text, "teacher of second "));
    decant_text_free(text);
    decant_table_destroy(table);

    results[3].data = "others"; /* so that there is no one majority; and no teacher is known, either */
    results[0].data = "ours";
    for (int i = 0; i < 3; i++)
        results[i].test_measures.fidelity.teacher_accuracy = (double)NAN;
    decant_comparison_destroy(comparison);
    assert_ok(decant_results_compare(&list, &comparison));
    assert_ok(decant_comparison_table(comparison, &table));
    assert_ok(decant_table_text(table, &text));
    assert_null(strstr(strstr(text, "---\n") + 4, "---")); /* nothing follows the rows: no rule does */
    decant_text_free(text);
    decant_table_destroy(table);

    assert_ok(decant_comparison_set_baseline(comparison, "net")); /* measured against something else, by order */
    assert_null(comparison->rows[0].missing_baseline);
    decant_comparison_destroy(comparison);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_seeds_are_matched_by_number),
        cmocka_unit_test(test_one_seed_is_judged_by_its_samples),
        cmocka_unit_test(test_equal_counts_are_equal),
        cmocka_unit_test(test_unequal_budgets_are_told),
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_the_locale_changes_no_table),
        cmocka_unit_test(test_runs_of_one_name_are_shown_with_their_folders),
        cmocka_unit_test(test_other_data_is_told),
        cmocka_unit_test(test_the_table_shows_what_was_before_a_correction),
        cmocka_unit_test(test_the_teacher_is_told_by_its_model),
        cmocka_unit_test(test_seeds_are_taken_together),
        cmocka_unit_test(test_what_is_missing_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
