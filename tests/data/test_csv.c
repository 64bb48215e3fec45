/* The CSV reader: cells come out as RFC 4180 says, and whatever is wrong is told with its line and column. */
#include "data/fixture.h"

#include <math.h>

#include "base/text.h"
#include "data/csv.h"

static decant_status parse_bytes(const void *bytes, size_t count, dcn_csv *ret_csv)
{
    uint8_t *copy = NULL;
    assert_ok(dcn_new(count + 1, (void **)&copy));
    memcpy(copy, bytes, count);
    return dcn_csv_parse("t.csv", copy, count, ret_csv);
}

static decant_status parse(const char *text, dcn_csv *ret_csv)
{
    return parse_bytes(text, strlen(text), ret_csv);
}

static void assert_cell(const dcn_csv *csv, int64_t row, int32_t column, const char *expected)
{
    const dcn_csv_cell *cell = dcn_csv_at(csv, row, column);
    if (cell->length != strlen(expected) || memcmp(csv->data + cell->offset, expected, cell->length) != 0)
        fail_msg("row %d, column %d is '%.*s', not '%s'", (int)row, column, (int)cell->length,
                 (const char *)csv->data + cell->offset, expected);
}

static void assert_bad(const char *text, const char *words, const char *place)
{
    dcn_csv csv = {0};
    assert_refused(parse(text, &csv), DECANT_FORMAT, words);
    assert_string_equal(decant_error_place(), place);
    assert_null(csv.data); /* untouched */
}

/* Breaks when blanks, empty cells or the last line without an end are read otherwise. */
static void test_plain_cells(void **state)
{
    (void)state;
    dcn_csv csv = {0};
    assert_ok(parse("a, b ,\n1,,x y \n ,2,3", &csv));
    assert_int_equal(csv.n_columns, 3);
    assert_int_equal(csv.n_rows, 2);
    assert_string_equal(csv.columns[1], "b");
    assert_string_equal(csv.columns[2], "column 3");
    assert_cell(&csv, 0, 0, "1");
    assert_cell(&csv, 0, 1, "");
    assert_cell(&csv, 0, 2, "x y");
    assert_cell(&csv, 1, 0, "");
    assert_cell(&csv, 1, 2, "3");
    assert_int_equal(dcn_csv_find(&csv, "b"), 1);
    assert_int_equal(dcn_csv_find(&csv, "c"), -1);
    dcn_csv_finish(&csv);
}

/* Breaks when quotes lose commas, line ends or blanks, or doubled quotes stay doubled. */
static void test_quoted_cells(void **state)
{
    (void)state;
    dcn_csv csv = {0};
    assert_ok(parse("a,\"b,\nc\"\n\"say \"\"hi\"\"\" , \" x \"\n\"\",\"\"\"\"\n", &csv));
    assert_string_equal(csv.columns[1], "b,\nc");
    assert_cell(&csv, 0, 0, "say \"hi\"");
    assert_cell(&csv, 0, 1, " x ");
    assert_cell(&csv, 1, 0, "");
    assert_cell(&csv, 1, 1, "\"");
    dcn_csv_finish(&csv);
}

/* Breaks when one of the line ends, the byte-order mark or an empty line makes or loses a row. */
static void test_line_ends_may_be_mixed(void **state)
{
    (void)state;
    dcn_csv csv = {0};
    assert_ok(parse("\xEF\xBB\xBF\r\na,b\r\n1,2\n3,4\r5,6\r\n\n\r\r7,8\n\n", &csv));
    assert_int_equal(csv.n_rows, 4);
    assert_string_equal(csv.columns[0], "a");
    for (int row = 0; row < 4; row++) {
        const char digits[] = {(char)('1' + 2 * row), 0};
        assert_cell(&csv, row, 0, digits);
    }
    dcn_csv_finish(&csv);
}

/* Breaks when a mistake passes, or is told without its place. */
static void test_mistakes_have_places(void **state)
{
    (void)state;
    assert_bad("", "the file is empty", "t.csv:1:1");
    assert_bad("\xEF\xBB\xBF\n", "the file is empty", "t.csv:1:1");
    assert_bad("a,b\n", "no rows", "t.csv:2:1");
    assert_bad("a,b\n1,2\n1\n", "a row of 1 cells in a table of 2 columns", "t.csv:3:1");
    assert_bad("a,b\r\n1,2\r\n1,2,3\r\n", "a row of 3 cells in a table of 2 columns", "t.csv:3:1");
    assert_bad("a;b\n1,5;2\n", "parted by semicolons, not by commas, of which this row has some", "t.csv:2:1");
    assert_bad("a,b,a\n1,2,3\n", "column 'a': columns 1 and 3 have the same name", "t.csv:1:5");
    assert_bad("\xEF\xBB\xBF"
               "a,a\n1,2\n",
               "same name", "t.csv:1:3");
    assert_bad(",column 1\n1,2\n", "same name", "t.csv:1:2");
    assert_bad("a,b\n1,\"x\n2,3\n", "never closed", "t.csv:2:3");
    assert_bad("a,b\n1,\"x\"y\n", "behind a closing quote", "t.csv:2:6");
    assert_bad("a,b\n\"q\"\"\n\n\",1\n1,x\"y\"\n", "a quote inside a cell", "t.csv:5:4");
    assert_bad("a,b\n1,\xC3(\n", "not UTF-8", "t.csv:2:3");
    assert_bad("a,b\n1,\xED\xA0\x80\n", "not UTF-8", "t.csv:2:3");
    assert_bad("a,b\n1,\xF0\x9F\x98", "not UTF-8", "t.csv:2:3");
}

/* Breaks when a NUL byte ends the file quietly. */
static void test_nul_bytes_are_refused(void **state)
{
    (void)state;
    dcn_csv csv = {0};
    assert_refused(parse_bytes("a,b\n1,\0\n", 8, &csv), DECANT_FORMAT, "a NUL byte");
    assert_string_equal(decant_error_place(), "t.csv:2:3");
    assert_refused(parse_bytes("a,b\n1,\"x\0\"\n", 11, &csv), DECANT_FORMAT, "a NUL byte");
    assert_string_equal(decant_error_place(), "t.csv:2:5");
}

/* Breaks when a lost quote swallows the rest of a large file, or a cell of any size is taken. */
static void test_huge_cells_and_rows_are_refused(void **state)
{
    (void)state;
    static char text[200000];
    dcn_csv csv = {0};
    size_t count = 4;
    memcpy(text, "a,b\n", count);
    memset(text + count, 'x', sizeof text - count - 1);
    assert_refused(parse(text, &csv), DECANT_FORMAT, "more than 65536 bytes");
    text[4] = '"';
    assert_refused(parse(text, &csv), DECANT_FORMAT, "is its closing quote missing?");
    assert_string_equal(decant_error_place(), "t.csv:2:1");
    memset(text, ',', sizeof text - 1);
    assert_refused(parse(text, &csv), DECANT_FORMAT, "more than 4096 cells");
}

/* Breaks when something that is no decimal number is read as one, or a number is read inexactly. */
static void test_numbers(void **state)
{
    (void)state;
    static const char *const good[] = {"0",
                                       "-1",
                                       "+2.5",
                                       ".5",
                                       "5.",
                                       "1e3",
                                       "1E-3",
                                       "1e+2",
                                       "18.0",
                                       "000.1",
                                       "3.1415926535897932384626",
                                       "1e-60",
                                       "0e999",
                                       "16777217",
                                       "0.1",
                                       "1e38",
                                       "-0",
                                       "1234567890123456789012",
                                       "9007199254740993"};
    static const char *const bad[] = {"",    "x",  "1x",  "--1", "1e",   "1e+",   ".",     "e5", "nan",          "inf",
                                      "0x1", "1,", "1 2", "1_0", "1e39", "-1e99", "1.2.3", "+",  "1e99999999999"};
    for (size_t i = 0; i < DCN_COUNT(good) + DCN_COUNT(bad); i++) {
        bool is_good = i < DCN_COUNT(good);
        const char *word = is_good ? good[i] : bad[i - DCN_COUNT(good)];
        char copy[64];
        snprintf(copy, sizeof copy, "%s", word);
        dcn_csv csv = {.data = (uint8_t *)copy, .bytes = strlen(copy)};
        const dcn_csv_cell cell = {0, (uint32_t)strlen(copy)};
        float number = -7;
        if (dcn_csv_number(&csv, &cell, &number) != is_good)
            fail_msg("'%s' is%s a number", word, is_good ? "" : " not");
        float expected = is_good ? (float)strtod(word, NULL) : -7;
        if (memcmp(&number, &expected, sizeof number) != 0) fail_msg("'%s' became %.9g", word, (double)number);
    }
}

/* Breaks when a cut or damaged file is read beyond its end; the sanitizers see it. */
static void test_cut_at_every_byte(void **state)
{
    (void)state;
    static const char text[] = "\xEF\xBB\xBF"
                               "a,\"b \"\"c\"\"\"\r\n1,\"x\ny\"\n\xE2\x82\xAC,\"\"\n";
    for (size_t count = 0; count < sizeof text; count++) {
        dcn_csv csv = {0};
        (void)parse_bytes(text, count, &csv);
        dcn_csv_finish(&csv);
    }
}

/* Breaks when a failing allocation leaks or is not told. */
static void test_allocations_fail(void **state)
{
    (void)state;
    for (int64_t nth = 2;; nth++) { /* the first is this test's own copy */
        dcn_csv csv = {0};
        uint8_t *copy = NULL;
        assert_ok(dcn_new(16, (void **)&copy));
        memcpy(copy, "a,b,\n1,2,3\n", 11);
        dcn_memory_fail_nth(nth - 1);
        decant_status status = dcn_csv_parse("t.csv", copy, 11, &csv);
        dcn_memory_fail_nth(0);
        dcn_csv_finish(&csv);
        if (status == DECANT_OK) break;
        assert_int_equal(status, DECANT_NO_MEMORY);
        assert_true(nth < 100);
    }
}

/* Breaks when a gzipped table is not unpacked. */
static void test_gzip(void **state)
{
    (void)state;
    char folder[256], path[512];
    dcn_csv csv = {0};
    make_folder(folder, "csv");
    write_gzip(folder, "t.csv.gz", "a,b\n1,2\n", 8);
    snprintf(path, sizeof path, "%s/t.csv.gz", folder);
    assert_ok(dcn_csv_read(path, &csv));
    assert_cell(&csv, 0, 1, "2");
    dcn_csv_finish(&csv);
    remove_folder(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain_cells),
        cmocka_unit_test(test_quoted_cells),
        cmocka_unit_test(test_line_ends_may_be_mixed),
        cmocka_unit_test(test_mistakes_have_places),
        cmocka_unit_test(test_nul_bytes_are_refused),
        cmocka_unit_test(test_huge_cells_and_rows_are_refused),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_cut_at_every_byte),
        cmocka_unit_test(test_allocations_fail),
        cmocka_unit_test(test_gzip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
