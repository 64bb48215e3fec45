/* metrics.jsonl read back, and long curves made short without losing what stands out in them. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/folder.h"
#include "base/text.h"
#include "report/history.h"

#define FOLDER          TEST_BINARY_DIR "/report_history"
#define METRICS         FOLDER "/metrics.jsonl"

#define assert_ok(call) assert_int_equal((call), DECANT_OK)

static void write_metrics(const char *text)
{
    assert_ok(dcn_directory_make(FOLDER));
    assert_ok(dcn_file_write(METRICS, text, strlen(text)));
}

#define FIRST                                                                                                          \
    "{\"epoch\":1,\"epochs\":2,\"steps\":8,\"lr\":0.1,\"loss\":2,\"accuracy\":0.5,\"terms\":{\"ce\":1.5,\"kd\":null}," \
    "\"validation\":{\"loss\":1.25,\"accuracy\":0.75,\"errors\":5},\"best\":true}\n"
#define SECOND                                                                                                         \
    "{\"epoch\":2,\"epochs\":2,\"steps\":16,\"lr\":0.01,\"loss\":1,\"accuracy\":0.625,\"terms\":{\"ce\":1,\"kd\":3},"  \
    "\"validation\":null,\"best\":false}\n"

static void test_epochs_are_read(void **state)
{
    (void)state;
    dcn_history history;
    write_metrics(FIRST SECOND "{\"epoch\":3"); /* the last line was cut short by a crash */
    assert_ok(dcn_history_read(FOLDER, &history));
    assert_int_equal(history.n_epochs, 2);
    assert_int_equal(history.n_columns, DCN_HISTORY_FIRST_TERM + 2);
    assert_true(fabs(dcn_history_find(&history, "learning rate")->values[1] - 0.01) < 1e-15);
    assert_true(fabs(dcn_history_find(&history, "validation accuracy")->values[0] - 0.75) < 1e-15);
    assert_true(isnan(dcn_history_find(&history, "validation loss")->values[1]));
    assert_true(isnan(dcn_history_find(&history, "kd")->values[0]));
    assert_true(fabs(dcn_history_find(&history, "kd")->values[1] - 3) < 1e-15);
    assert_null(dcn_history_find(&history, "hint"));
    dcn_history_finish(&history);
}

static void test_without_a_file_there_is_no_history(void **state)
{
    (void)state;
    dcn_history history;
    assert_ok(dcn_file_remove(METRICS));
    assert_ok(dcn_history_read(FOLDER, &history));
    assert_int_equal(history.n_epochs, 0);
    dcn_history_finish(&history);
}

static void test_damage_is_told_with_its_line(void **state)
{
    (void)state;
    static const char *const damaged[] = {FIRST "nonsense\n", FIRST FIRST, FIRST "\n", FIRST "{\"epoch\":3}\n",
                                          FIRST "{\"epoch\":2,\"epoch\":2}\n"};
    for (size_t i = 0; i < DCN_COUNT(damaged); i++) {
        dcn_history history;
        write_metrics(damaged[i]);
        assert_int_equal(dcn_history_read(FOLDER, &history), DECANT_FORMAT);
        assert_string_equal(decant_error_place(), METRICS ":2");
    }
}

/* A history with one column of so many epochs. */
static dcn_history make_history(int64_t n_epochs, double *values)
{
    static char name[] = "loss";
    return (dcn_history){.n_epochs = n_epochs, .columns = {{name, values}}, .n_columns = 1};
}

static void test_short_curves_are_whole(void **state)
{
    (void)state;
    double first[3] = {1, 2, 4}, second[2] = {3, (double)NAN};
    const dcn_history seeds[2] = {make_history(3, first), make_history(2, second)};
    dcn_curve curve;
    dcn_curve_make(seeds, 2, "loss", &curve);
    assert_int_equal(curve.n_points, 3);
    assert_int_equal(curve.stride, 1);
    static const double mean[3] = {2, 2, 4}, high[3] = {3, 2, 4};
    for (int i = 0; i < 3; i++) {
        assert_int_equal(curve.epoch[i], i + 1);
        assert_true(fabs(curve.mean[i] - mean[i]) < 1e-15);
        assert_true(fabs(curve.high[i] - high[i]) < 1e-15);
    }
    dcn_curve_make(seeds, 2, "accuracy", &curve);
    assert_false(curve.is_known);
    assert_true(isnan(curve.mean[0]));
}

/* Breaks when a thousand epochs are drawn as a thousand points, or one bad epoch among them can no longer be seen. */
static void test_long_curves_keep_their_spikes(void **state)
{
    (void)state;
    enum { EPOCHS = 1001, SPIKE = 500 };
    static double values[EPOCHS];
    for (int i = 0; i < EPOCHS; i++)
        values[i] = i == SPIKE ? 100 : 1;
    const dcn_history seed = make_history(EPOCHS, values);
    dcn_curve curve;
    dcn_curve_make(&seed, 1, "loss", &curve);
    assert_int_equal(curve.stride, 6);
    assert_int_equal(curve.n_points, 167);
    assert_int_equal(curve.epoch[166], EPOCHS); /* the last epoch is there, whatever the stride */
    bool seen = false;
    for (int i = 0; i < curve.n_points; i++)
        seen =
            seen || (curve.high[i] > 99 && curve.low[i] < 2 && curve.epoch[i] > SPIKE && curve.epoch[i] <= SPIKE + 6);
    assert_true(seen);
    for (int64_t n = 1; n < 2000; n += 37) {
        double *many = NULL;
        assert_ok(dcn_new_array((size_t)n, sizeof *many, (void **)&many));
        const dcn_history any = make_history(n, many);
        dcn_curve_make(&any, 1, "loss", &curve);
        assert_in_range(curve.n_points, 1, DCN_CURVE_POINTS);
        assert_int_equal(curve.epoch[curve.n_points - 1], n);
        dcn_free(many);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_epochs_are_read),
        cmocka_unit_test(test_without_a_file_there_is_no_history),
        cmocka_unit_test(test_damage_is_told_with_its_line),
        cmocka_unit_test(test_short_curves_are_whole),
        cmocka_unit_test(test_long_curves_keep_their_spikes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
