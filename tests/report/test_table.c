/* Tables to the last character. Columns that do not line up, blanks at the end of a line or an unescaped '|' break
 * these. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "decant/report.h"

#define assert_ok(call) assert_int_equal((call), DECANT_OK)

static decant_table *make_table(void)
{
    decant_table *table = NULL;
    assert_ok(decant_table_create(&table));
    assert_ok(decant_table_add_column(table, "run", DECANT_ALIGN_LEFT));
    assert_ok(decant_table_add_column(table, "accuracy", DECANT_ALIGN_RIGHT));
    assert_ok(decant_table_add_column(table, "note", DECANT_ALIGN_LEFT));
    return table;
}

static void add_row(decant_table *table, const char *run, const char *accuracy, const char *note)
{
    assert_ok(decant_table_begin_row(table));
    assert_ok(decant_table_add_cell(table, "%s", run));
    assert_ok(decant_table_add_cell(table, "%s", accuracy));
    assert_ok(decant_table_add_cell(table, "%s", note));
}

static void assert_text(const decant_table *table, const char *wanted)
{
    char *text = NULL;
    assert_ok(decant_table_text(table, &text));
    assert_string_equal(text, wanted);
    decant_text_free(text);
}

static void test_columns_line_up(void **state)
{
    (void)state;
    decant_table *table = make_table();
    add_row(table, "alone", "9.5", "");
    add_row(table, "distilled with a teacher", "10", "x");
    assert_ok(decant_table_add_rule(table));
    assert_ok(decant_table_begin_row(table));
    assert_ok(decant_table_add_cell(table, "%d of %d", 1, 2));
    assert_text(table, "run                       accuracy  note\n"
                       "----------------------------------------\n"
                       "alone                          9.5\n"
                       "distilled with a teacher        10  x\n"
                       "----------------------------------------\n"
                       "1 of 2\n");
    decant_table_destroy(table);
}

/* One column of the terminal for 'é' and '±' (two bytes each), none for a combining accent, two for a wide character.
 */
static void test_width_is_counted_in_terminal_columns(void **state)
{
    (void)state;
    decant_table *table = make_table();
    add_row(table, "é", "1 ± 2", "a");
    add_row(table, "e\xCC\x81", "1 + 2", "b");
    add_row(table, "学", "1", "c");
    add_row(table, "\xFFx", "1", "d"); /* not UTF-8: shown as what it is */
    assert_text(table, "run    accuracy  note\n"
                       "---------------------\n"
                       "é         1 ± 2  a\n"
                       "e\xCC\x81         1 + 2  b\n"
                       "学            1  c\n"
                       "\\xffx         1  d\n");
    decant_table_destroy(table);
}

static void test_markdown(void **state)
{
    (void)state;
    char *text = NULL;
    decant_table *table = make_table();
    add_row(table, "a|b", "1", "");
    assert_ok(decant_table_add_rule(table));
    assert_ok(decant_table_markdown(table, &text));
    assert_string_equal(text, "| run | accuracy | note |\n"
                              "| --- | ---: | --- |\n"
                              "| a\\|b | 1 |  |\n");
    decant_text_free(text);
    decant_table_destroy(table);
}

static void test_misuse_is_refused(void **state)
{
    (void)state;
    decant_table *table = make_table();
    assert_int_equal(decant_table_add_cell(table, "no row"), DECANT_INVALID_ARG);
    add_row(table, "a", "b", "c");
    assert_int_equal(decant_table_add_cell(table, "full"), DECANT_INVALID_ARG);
    assert_int_equal(decant_table_add_column(table, "late", DECANT_ALIGN_LEFT), DECANT_INVALID_ARG);
    assert_ok(decant_table_add_rule(table));
    assert_int_equal(decant_table_add_cell(table, "in a rule"), DECANT_INVALID_ARG);
    decant_table_destroy(table);
    decant_table_destroy(NULL);
}

static void test_numbers(void **state)
{
    (void)state;
    char text[28];
    assert_string_equal(decant_count_text(0, text), "0");
    assert_string_equal(decant_count_text(999, text), "999");
    assert_string_equal(decant_count_text(1000, text), "1,000");
    assert_string_equal(decant_count_text(23528522, text), "23,528,522");
    assert_string_equal(decant_count_text(-4096, text), "-4,096");
    assert_string_equal(decant_count_text(INT64_MIN, text), "-9,223,372,036,854,775,808");
    assert_string_equal(decant_bytes_text(532, text), "532 B");
    assert_string_equal(decant_bytes_text(1024, text), "1.0 KB");
    assert_string_equal(decant_bytes_text(94114088, text), "89.8 MB");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_columns_line_up), cmocka_unit_test(test_width_is_counted_in_terminal_columns),
        cmocka_unit_test(test_markdown),        cmocka_unit_test(test_misuse_is_refused),
        cmocka_unit_test(test_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
