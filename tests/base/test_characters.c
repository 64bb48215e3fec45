/* Texts from files that are to be shown: what could steer a terminal is made visible, everything else is left alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/characters.h"
#include "base/memory.h"

static void check_printable(const char *raw, const char *shown)
{
    dcn_text text = {0};
    char *taken = NULL;
    assert_int_equal(dcn_text_add_printable(&text, raw), DECANT_OK);
    assert_int_equal(dcn_text_take(&text, &taken), DECANT_OK);
    assert_string_equal(taken, shown);
    dcn_free(taken);
}

static void what_can_be_seen_is_left_alone(void **state)
{
    (void)state;
    check_printable("", "");
    check_printable("T-shirt/top \\ \"Ankle boot\"", "T-shirt/top \\ \"Ankle boot\"");
    check_printable("Größe, 大きさ, 😀, e\xCC\x81", "Größe, 大きさ, 😀, e\xCC\x81");
}

static void what_steers_a_terminal_is_shown(void **state)
{
    (void)state;
    check_printable("\033[2J\033]0;title\a", "\\x1b[2J\\x1b]0;title\\x07");
    check_printable("a\nb\tc\rd\x7F", "a\\nb\\tc\\x0dd\\x7f");
    check_printable("\xC2\x9B"
                    "31m",
                    "\\x9b31m"); /* the one-character CSI */
    check_printable("ab\xE2\x80\xAE"
                    "dc",
                    "ab\\u202edc"); /* turns the direction */
}

static void what_is_no_utf8_is_shown_byte_by_byte(void **state)
{
    (void)state;
    check_printable("caf\xE9", "caf\\xe9");
    check_printable("\xE2\x82", "\\xe2\\x82");                   /* cut short */
    check_printable("\xC0\xAF", "\\xc0\\xaf");                   /* longer than needed */
    check_printable("\xED\xA0\x80", "\\xed\\xa0\\x80");          /* half of a pair */
    check_printable("\xF4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"); /* behind the last character */
}

static void check_fitted(const char *added, int64_t columns, const char *fitted)
{
    dcn_text text = {0};
    assert_int_equal(dcn_text_add_fitted(&text, added, columns), DECANT_OK);
    assert_string_equal(text.data, fitted);
    assert_int_equal(dcn_text_width(text.data), columns);
    dcn_text_finish(&text);
}

static void texts_are_fitted_by_columns(void **state)
{
    (void)state;
    check_fitted("boot", 6, "boot  ");
    check_fitted("boot", 4, "boot");
    check_fitted("sandals", 4, "san…");
    check_fitted("大きさ", 5, "大き…");
    check_fitted("大きさ", 4, "大… "); /* the second would not fit, and half of it cannot be shown */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_can_be_seen_is_left_alone),
        cmocka_unit_test(what_steers_a_terminal_is_shown),
        cmocka_unit_test(what_is_no_utf8_is_shown_byte_by_byte),
        cmocka_unit_test(texts_are_fitted_by_columns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
