/* A page from run directories that were written by hand: what it says, and what is left of it when memory or disk fail.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/folder.h"
#include "base/memory.h"
#include "decant/report.h"

#define FOLDER          TEST_BINARY_DIR "/report_page"
#define PAGE            FOLDER "/page.html"

#define assert_ok(call) assert_int_equal((call), DECANT_OK)

/* Four test samples of two classes, and what a run of a seed answered. */
static void write_run(const char *runs, const char *run, int seed, const char *extra, const char *answers)
{
    char path[512], text[4096];
    snprintf(path, sizeof path, FOLDER "/%s/%s-seed%d", runs, run, seed);
    assert_ok(dcn_directory_make(path));
    snprintf(path, sizeof path, FOLDER "/%s/%s-seed%d/result.json", runs, run, seed);
    snprintf(
        text, sizeof text,
        "{\"format\":\"decant-result\",\"version\":1,\"recipe\":\"r<b>\",\"run\":\"%s\",\"model\":\"m\",\"seed\":%d,"
        "\"parameters\":10,\"mult_adds\":8,\"bytes\":99,\"epochs\":2,\"steps\":4,\"best_epoch\":1,"
        "\"validation\":{\"accuracy\":0.5,\"loss\":1},\"majority_accuracy\":0.5,\"seconds\":1,\"images_per_second\":5%"
        "s,"
        "%s}",
        run, seed, extra, answers);
    assert_ok(dcn_file_write(path, text, strlen(text)));
    snprintf(path, sizeof path, FOLDER "/%s/%s-seed%d/metrics.jsonl", runs, run, seed);
    static const char metrics[] =
        "{\"epoch\":1,\"lr\":0.1,\"loss\":2,\"accuracy\":0.5,\"terms\":{\"ce\":2},\"validation\":{\"loss\":2,"
        "\"accuracy\":0.5}}\n"
        "{\"epoch\":2,\"lr\":0.1,\"loss\":1,\"accuracy\":0.75,\"terms\":{\"ce\":1},\"validation\":null}\n";
    assert_ok(dcn_file_write(path, metrics, strlen(metrics)));
}

static void write_losses(const char *run, const char *text)
{
    char path[512];
    snprintf(path, sizeof path, FOLDER "/runs/%s-seed0/losses.json", run);
    assert_ok(dcn_file_write(path, text, strlen(text)));
}

#define ALL_RIGHT                                                                                                      \
    "\"test\":{\"accuracy\":1,\"errors\":0,\"count\":4,\"loss\":0.25},\"wrong\":[],\"classes\":[\"cat\",\"<i>dog\"],"  \
    "\"confusion\":[[2,0],[0,2]],\"predictions\":[0,1,0,1]"
#define ONE_WRONG                                                                                                      \
    "\"test\":{\"accuracy\":0.75,\"errors\":1,\"count\":4,\"loss\":0.5},\"wrong\":[1],\"classes\":[\"cat\",\"<i>"      \
    "dog\"],"                                                                                                          \
    "\"confusion\":[[2,0],[1,1]],\"predictions\":[0,0,0,1]"
#define OLD "\"test\":{\"accuracy\":0.75,\"errors\":1,\"count\":4,\"loss\":0.5},\"wrong\":[1]"

static decant_result_list *results;
static decant_comparison *comparison;

static void open_folder(const char *folder)
{
    assert_ok(decant_results_read(&folder, 1, &results));
    assert_ok(decant_results_compare(results, &comparison));
    assert_ok(dcn_file_remove(PAGE));
}

static void open_runs(void)
{
    open_folder(FOLDER "/runs");
}

static void close_runs(void)
{
    decant_comparison_destroy(comparison);
    decant_result_list_destroy(results);
}

static char *read_page(void)
{
    uint8_t *text = NULL;
    size_t bytes = 0;
    assert_ok(dcn_file_read(PAGE, 1 << 24, &text, &bytes));
    return (char *)text;
}

static void check_says(const char *page, const char *const *wanted, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strstr(page, wanted[i]) == NULL) fail_msg("the page does not say %s", wanted[i]);
}

static void test_what_a_page_says(void **state)
{
    (void)state;
    open_runs();
    assert_ok(decant_report_write(comparison, PAGE));
    char *page = read_page();
    static const char *const wanted[] = {
        "<h1>r&lt;b&gt;</h1>",                                        /* names are escaped */
        "<th scope=row>&lt;i&gt;dog</th>",                            /* also of classes */
        "title=\"&lt;i&gt;dog taken for cat: 0.5 (25.0 %)\"",         /* one of four, in one of two seeds */
        "<td class=n>100.00 %</td>",                                  /* recall of cat */
        "<td class=n>87.50 <span class=spread>± 17.68</span> %</td>", /* accuracy over the seeds */
        "<th scope=row>new</th><td>kd</td><td>p &lt; q</td><td>mean</td><td class=n>4</td><td class=n>0.7</td>", /* a
                                                                                                                    loss
                                                                                                                  */
        "<td class=n>0.7</td><td class=n>2.5</td><td class=n>1.75</td><td class=n>–</td>", /* without a norm */
        "made by an older decant", /* and what it does not know is not made up */
    };
    check_says(page, wanted, DCN_COUNT(wanted));
    assert_null(strstr(page, "<i>dog"));
    assert_null(strstr(page, "r<b>"));
    dcn_free(page);
    close_runs();
}

#define EMPTY_BIN  "{\"count\":0,\"confidence\":null,\"accuracy\":null},"
#define EMPTY_BINS EMPTY_BIN EMPTY_BIN EMPTY_BIN EMPTY_BIN EMPTY_BIN EMPTY_BIN
/* A student that was taught: the last two of the 15 bins of confidence, and its likeness to the teacher. */
#define TAUGHT(errors, accuracy, ece, bin13, bin14, fidelity, rest)                                                    \
    "\"test\":{\"accuracy\":" accuracy ",\"errors\":" errors ",\"count\":4,\"loss\":0.5,"                              \
    "\"calibration\":{\"ece\":" ece ",\"confidence\":0.9,\"bins\":[" EMPTY_BINS EMPTY_BINS EMPTY_BIN "{" bin13         \
    "},{" bin14 "}]},\"fidelity\":{" fidelity "}},\"classes\":[\"cat\",\"dog\"]," rest

/* Breaks when the seeds' confidences are not put together by their counts, a student is held against another teacher,
 * or the one that was taught nothing against none. */
static void test_calibration_and_agreement(void **state)
{
    (void)state;
    static const char one_wrong[] =
        TAUGHT("1", "0.75", "0.1", "\"count\":1,\"confidence\":0.9,\"accuracy\":1",
               "\"count\":3,\"confidence\":0.95,\"accuracy\":0.6666666666666", "\"agreement\":0.75,\"kl\":0.125",
               "\"wrong\":[1],\"confusion\":[[2,0],[1,1]],\"predictions\":[0,0,0,1]");
    static const char three_wrong[] =
        TAUGHT("3", "0.25", "0.3", "\"count\":3,\"confidence\":0.88,\"accuracy\":0",
               "\"count\":1,\"confidence\":1,\"accuracy\":1", "\"agreement\":0.25,\"kl\":0.375",
               "\"wrong\":[0,1,3],\"confusion\":[[1,1],[2,0]],\"predictions\":[1,0,0,0]");
    write_run("taught", "teacher", 0, "", ALL_RIGHT);
    write_run("taught", "plain", 0, "", ONE_WRONG);
    write_run("taught", "plain", 1, "", ALL_RIGHT);
    write_run("taught", "student", 0, ",\"teacher\":\"teacher\",\"baseline\":\"plain\"", one_wrong);
    write_run("taught", "student", 1, ",\"teacher\":\"teacher\",\"baseline\":\"plain\"", three_wrong);
    open_folder(FOLDER "/taught");
    assert_ok(decant_report_write(comparison, PAGE));
    char *page = read_page();
    static const char *const wanted[] = {
        "<th scope=row class=n>86.7 to 93.3 %</th><td class=n>4</td><td class=n>88.50 %</td><td class=n>25.00 %</td>",
        "<th scope=row class=n>93.3 to 100.0 %</th><td class=n>4</td><td class=n>96.25 %</td><td class=n>75.00 %</td>",
        "Expected calibration error 20.00 %, the mean of the seeds&#39; own",
        "<th scope=row>student</th><td>teacher</td><td>yes</td><td class=n>50.00 <span class=spread>± 35.36</span> %"
        "</td><td class=n>0.2500 <span class=spread>± 0.1768</span></td>",
        "<th scope=row>plain</th><td>teacher</td><td>no</td><td class=n>87.50 <span class=spread>± 17.68</span> %</td>"
        "<td class=n>–</td>",
        "\">62.50 %</td>", /* plain and student: 100, 50, 75 and 25 % over the pairs of their seeds */
    };
    check_says(page, wanted, DCN_COUNT(wanted));
    dcn_free(page);
    close_runs();
}

/* Breaks when what a page shows hangs on the files of the first seed. */
static void test_a_seed_without_its_files_hides_no_other(void **state)
{
    (void)state;
    const char *const lost = FOLDER "/runs/new-seed0/metrics.jsonl", *const aside = FOLDER "/metrics.aside";
    const char *const sheet = FOLDER "/runs/new-seed0/losses.json", *const others =
                                                                        FOLDER "/runs/new-seed1/losses.json";
    assert_int_equal(rename(lost, aside), 0);
    assert_int_equal(rename(sheet, others), 0);
    open_runs();
    assert_ok(decant_report_write(comparison, PAGE));
    char *page = read_page();
    assert_non_null(strstr(page, "new, epoch by epoch in numbers"));
    assert_non_null(strstr(page, "Of 1 of the 2 seeds; no epochs are known of the others"));
    assert_non_null(strstr(page, "<td>p &lt; q</td>"));
    dcn_free(page);
    close_runs();
    assert_int_equal(rename(aside, lost), 0);
    assert_int_equal(rename(others, sheet), 0);
}

/* Breaks when an allocation that fails is not noticed, leaks, or leaves half a page. */
static void test_failing_memory_leaves_nothing(void **state)
{
    (void)state;
    open_runs();
    int64_t before = dcn_memory_allocation_count();
    assert_ok(decant_report_write(comparison, PAGE));
    int64_t count = dcn_memory_allocation_count() - before;
    assert_true(count > 100);
    assert_ok(dcn_file_remove(PAGE));
    for (int64_t nth = 1; nth <= count; nth += nth < 200 ? 1 : 13) {
        dcn_memory_fail_nth(nth);
        decant_status status = decant_report_write(comparison, PAGE);
        dcn_memory_fail_nth(0);
        assert_int_equal(status, DECANT_NO_MEMORY);
        assert_false(dcn_file_exists(PAGE));
    }
    close_runs();
}

/* Breaks when a full disk destroys the page that was there before. */
static void test_a_full_disk_leaves_the_old_page(void **state)
{
    (void)state;
    open_runs();
    assert_ok(dcn_file_write(PAGE, "old", 3));
    dcn_file_fail_nth_write(1);
    assert_int_equal(decant_report_write(comparison, PAGE), DECANT_IO);
    dcn_file_fail_nth_write(0);
    char *page = read_page();
    assert_string_equal(page, "old");
    dcn_free(page);
    close_runs();
}

static int write_runs(void **state)
{
    (void)state;
    write_run("runs", "new", 0, "", ALL_RIGHT);
    write_run("runs", "new", 1, ",\"baseline\":\"old\"", ONE_WRONG);
    write_run("runs", "old", 0, "", OLD);
    write_losses("new", "{\"terms\":[{\"name\":\"kd\",\"formula\":\"p < q\",\"reduction\":\"mean\",\"temperature\":4,"
                        "\"weight\":0.7,\"value\":2.5,\"contribution\":1.75,\"gradient_norm\":null}]}");
    write_losses("old", "{\"terms\":[{\"name\":\"cut sh"); /* the page does without */
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_a_page_says),
        cmocka_unit_test(test_calibration_and_agreement),
        cmocka_unit_test(test_a_seed_without_its_files_hides_no_other),
        cmocka_unit_test(test_failing_memory_leaves_nothing),
        cmocka_unit_test(test_a_full_disk_leaves_the_old_page),
    };
    return cmocka_run_group_tests(tests, write_runs, NULL);
}
