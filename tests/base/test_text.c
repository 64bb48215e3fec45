/* Text building, strict number parsing in any locale, and the guess behind "did you mean". */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "support/comma_locale.h"

static void text_grows_by_formats_and_bytes(void **state)
{
    (void)state;
    dcn_text text = {0};
    for (int i = 0; i < 100; i++)
        assert_int_equal(dcn_text_add(&text, "%02d,", i), DECANT_OK);
    assert_int_equal(text.length, 300);
    assert_int_equal(strlen(text.data), 300);
    assert_memory_equal(text.data + 294, "98,99,", 6);
    assert_int_equal(dcn_text_add_bytes(&text, "a\0b", 3), DECANT_OK);
    assert_int_equal(text.length, 303);
    assert_memory_equal(text.data + 300, "a\0b", 4);
    dcn_text_finish(&text);
    assert_null(text.data);
    dcn_text_finish(NULL);
}

static void an_empty_text_is_taken_as_an_empty_string(void **state)
{
    (void)state;
    dcn_text text = {0};
    char *taken = NULL;
    assert_int_equal(dcn_text_take(&text, &taken), DECANT_OK);
    assert_string_equal(taken, "");
    assert_null(text.data);
    dcn_free(taken);
}

static void whole_numbers_are_parsed_strictly(void **state)
{
    (void)state;
    static const struct {
        const char *word;
        int64_t value;
    } good[] = {
        {"0", 0}, {"-7", -7}, {"+12", 12}, {"9223372036854775807", INT64_MAX}, {"-9223372036854775808", INT64_MIN}};
    for (size_t i = 0; i < DCN_COUNT(good); i++) {
        int64_t value = 1;
        assert_true(dcn_parse_int64(good[i].word, &value));
        assert_true(value == good[i].value);
    }
    static const char *const bad[] = {"",   " 1", "1 ", "1x", "0x10", "1.0", "1e3", "-", "--1", "9223372036854775808",
                                      "one"};
    for (size_t i = 0; i < DCN_COUNT(bad); i++) {
        int64_t value = 77;
        assert_false(dcn_parse_int64(bad[i], &value));
        assert_int_equal(value, 77);
    }
}

static void numbers_are_parsed_strictly(void **state)
{
    (void)state;
    static const struct {
        const char *word;
        double value;
    } good[] = {{"1e-3", 1e-3}, {"0.5", 0.5}, {".5", 0.5}, {"-2", -2}, {"1E+2", 100}, {"5.", 5}, {"1e-400", 0}};
    for (size_t i = 0; i < DCN_COUNT(good); i++) {
        double value = 77;
        assert_true(dcn_parse_double(good[i].word, &value));
        assert_true(value == good[i].value);
    }
    static const char *const bad[] = {"",      " 1",    "1 ",  "nan", "inf", "-inf", "infinity",
                                      "0x1p3", "1e400", "1,5", "e3",  ".",   "1e",   "1..2"};
    for (size_t i = 0; i < DCN_COUNT(bad); i++) {
        double value = 77;
        assert_false(dcn_parse_double(bad[i], &value));
        assert_true(value == 77);
    }
}

static void booleans_are_yaml_words(void **state)
{
    (void)state;
    bool value = false;
    assert_true(dcn_parse_bool("yes", &value) && value);
    assert_true(dcn_parse_bool("off", &value) && !value);
    assert_true(dcn_parse_bool("true", &value) && value);
    assert_false(dcn_parse_bool("1", &value));
    assert_false(dcn_parse_bool("", &value));
    assert_true(value);
}

static void sizes_are_read_strictly(void **state)
{
    (void)state;
    static const struct {
        const char *word;
        int64_t bytes;
    } good[] = {{"512 MiB", 512 << 20}, {"1.5kB", 1500}, {"4096", 4096},        {"1 B", 1},
                {"2 GB", 2000000000},   {"0.5KiB", 512}, {"3   TiB", 3LL << 40}};
    static const char *const bad[] = {"",  "MiB",  "512 mib",  "512 MiB ", " 5",  "-1 MB",
                                      "0", "0 GB", "1.2.3 kB", "1e3",      "1 M", "9999999999 TiB"};
    int64_t bytes = 7;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(dcn_parse_bytes(bad[i], &bytes));
    assert_int_equal(bytes, 7);
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_true(dcn_parse_bytes(good[i].word, &bytes));
        assert_int_equal(bytes, good[i].bytes);
    }
}

/* A program that calls setlocale for its own reasons must not change what decant reads or writes. */
static void the_locale_changes_nothing(void **state)
{
    (void)state;
    comma_locale_set();
    double value = 0;
    char buffer[16];
    dcn_text text = {0};
    assert_true(dcn_parse_double("1.5", &value) && value == 1.5);
    assert_int_equal(dcn_format(buffer, sizeof buffer, "%.2f", 1.25), DECANT_OK);
    assert_string_equal(buffer, "1.25");
    assert_int_equal(dcn_text_add(&text, "%g", 0.5), DECANT_OK);
    assert_string_equal(text.data, "0.5");
    assert_int_equal(DCN_FAIL(NUMERIC, "%g is not 1", 0.5), DECANT_NUMERIC);
    dcn_while("at %.1f", 2.5);
    assert_string_equal(decant_error_message(), "0.5 is not 1");
    assert_string_equal(decant_error_while(0), "at 2.5");
    snprintf(buffer, sizeof buffer, "%.1f", 1.5);
    assert_string_equal(buffer, "1,5"); /* the user's own locale is in force and stays in force */
    dcn_text_finish(&text);
    setlocale(LC_ALL, "C");
}

static void truncation_is_a_failure(void **state)
{
    (void)state;
    char buffer[6];
    assert_int_equal(dcn_format(buffer, sizeof buffer, "%s", "12345"), DECANT_OK);
    assert_string_equal(buffer, "12345");
    assert_int_equal(dcn_format(buffer, sizeof buffer, "%s", "123456"), DECANT_INVALID_ARG);
}

static void the_nearest_word_is_the_likely_typo(void **state)
{
    (void)state;
    static const char *const keys[] = {"epochs", "optimizer",   "loss", "seeds", "lr",
                                       "batch",  "temperature", "bce",  "ce",    "kd"};
    static const struct {
        const char *word, *nearest;
    } cases[] = {
        {"epoch", "epochs"},
        {"epcohs", "epochs"},
        {"Epochs", "epochs"},
        {"optimiser", "optimizer"},
        {"los", "loss"},
        {"temprature", "temperature"},
        {"temperatur", "temperature"},
        {"seed", "seeds"},
        {"bach", "batch"},
        {"dk", "kd"},
        {"zebra", NULL},
        {"x", NULL},
        {"learning", NULL},
        {"", NULL},
    };
    for (size_t i = 0; i < DCN_COUNT(cases); i++) {
        const char *nearest = dcn_nearest(cases[i].word, keys, DCN_COUNT(keys));
        if (cases[i].nearest) {
            assert_non_null(nearest);
            assert_string_equal(nearest, cases[i].nearest);
        } else {
            assert_null(nearest);
        }
    }
    char monster[200];
    memset(monster, 'e', sizeof monster - 1);
    monster[sizeof monster - 1] = '\0';
    assert_null(dcn_nearest(monster, keys, DCN_COUNT(keys)));
    assert_null(dcn_nearest("epochs", NULL, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_grows_by_formats_and_bytes),
        cmocka_unit_test(an_empty_text_is_taken_as_an_empty_string),
        cmocka_unit_test(whole_numbers_are_parsed_strictly),
        cmocka_unit_test(numbers_are_parsed_strictly),
        cmocka_unit_test(booleans_are_yaml_words),
        cmocka_unit_test(sizes_are_read_strictly),
        cmocka_unit_test(the_locale_changes_nothing),
        cmocka_unit_test(truncation_is_a_failure),
        cmocka_unit_test(the_nearest_word_is_the_likely_typo),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
