/* The CSV reader: one pass over the bytes that notes where cells are. Lines are not counted on the way: a place is
 * worked out from an offset when something is wrong. */
#include "data/csv.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <string.h>

#include "base/characters.h"
#include "base/gzip.h"
#include "base/memory.h"
#include "base/text.h"

#define MAX_FILE_BYTES  ((size_t)UINT32_MAX - 16)
#define MOST_SHOWN_NAME 60 /* bytes of a column's name in a message */

static const char byte_order_mark[] = "\xEF\xBB\xBF";

/* --- places --- */

/* Where an offset is in the file: lines and bytes of a line, both from 1. */
static void find_place(const dcn_csv *csv, size_t offset, int64_t *ret_line, int64_t *ret_column)
{
    size_t line_start = memcmp(csv->data, byte_order_mark, 3) == 0 ? 3 : 0;
    int64_t line = 1;
    if (line_start > offset) line_start = offset;
    for (size_t i = line_start; i < offset; i++) {
        bool ends = csv->data[i] == '\n' || (csv->data[i] == '\r' && csv->data[i + 1] != '\n');
        if (!ends) continue;
        line++;
        line_start = i + 1;
    }
    *ret_line = line;
    *ret_column = (int64_t)(offset - line_start) + 1;
}

static void set_place(const dcn_csv *csv, size_t offset)
{
    int64_t line = 1, column = 1;
    if (csv->data != NULL && csv->bytes >= 3) find_place(csv, offset, &line, &column);
    dcn_place("%s:%" PRId64 ":%" PRId64, csv->name, line, column);
}

decant_status dcn_csv_fail(const dcn_csv *csv, int64_t row, int32_t column, const char *format, ...)
{
    char message[512];
    va_list arguments;
    va_start(arguments, format);
    dcn_format_list(message, sizeof message, format, arguments);
    va_end(arguments);
    const char *name = csv->columns[column];
    const size_t length = strlen(name), shown = dcn_text_cut(name, length, MOST_SHOWN_NAME);
    decant_status status =
        DCN_FAIL(FORMAT, "column '%.*s%s': %s", (int)shown, name, shown < length ? "..." : "", message);
    set_place(csv, dcn_csv_at(csv, row, column)->offset);
    return status;
}

static decant_status fail_at(const dcn_csv *csv, size_t offset, const char *message)
{
    decant_status status = DCN_FAIL(FORMAT, "%s", message);
    set_place(csv, offset);
    return status;
}

/* --- UTF-8 --- */

static decant_status check_text(const dcn_csv *csv)
{
    const uint64_t high_bits = UINT64_C(0x8080808080808080);
    for (size_t at = 0; at < csv->bytes;) {
        uint64_t eight = high_bits;
        if (csv->bytes - at >= sizeof eight) memcpy(&eight, csv->data + at, sizeof eight);
        if ((eight & high_bits) == 0) {
            at += sizeof eight;
            continue;
        }
        uint32_t character = 0; /* a NUL is for those who read the cells */
        size_t count = csv->data[at] == 0 ? 1 : dcn_character_next((const char *)csv->data + at, &character);
        if (count == 0) return fail_at(csv, at, "this is not UTF-8 text");
        at += count;
    }
    return DECANT_OK;
}

/* --- cells --- */

typedef struct parser {
    dcn_csv *csv;
    size_t at;
    size_t n_cells, capacity;
} parser;

static bool ends_cell(uint8_t byte)
{
    return byte == ',' || byte == '\n' || byte == '\r';
}

static bool is_blank(uint8_t byte)
{
    return byte == ' ' || byte == '\t';
}

/* Behind the opening quote: moves the text over the doubled quotes in it. The bytes this frees become quotes, so that
 * no line end appears twice when lines are counted. */
static decant_status read_quoted(parser *p, dcn_csv_cell *ret_cell)
{
    dcn_csv *csv = p->csv;
    uint8_t *data = csv->data;
    size_t opening = p->at, from = opening + 1, to = from;
    for (;; from++) {
        if (from - opening > DCN_CSV_MAX_CELL_BYTES)
            return fail_at(csv, opening, "a cell of more than 65536 bytes; is its closing quote missing?");
        if (from == csv->bytes) return fail_at(csv, opening, "a quote is opened here and never closed");
        if (data[from] == 0) return fail_at(csv, from, "a NUL byte; this is no text file");
        if (data[from] == '"') {
            if (data[from + 1] != '"') break;
            from++;
        }
        data[to++] = data[from];
    }
    *ret_cell = (dcn_csv_cell){(uint32_t)opening + 1, (uint32_t)(to - opening - 1)};
    memset(data + to, '"', from - to);
    p->at = from + 1;
    while (is_blank(data[p->at]))
        p->at++;
    if (p->at < csv->bytes && !ends_cell(data[p->at]))
        return fail_at(csv, p->at, "text behind a closing quote; a quote inside a quoted cell is written twice");
    return DECANT_OK;
}

static decant_status read_plain(parser *p, dcn_csv_cell *ret_cell)
{
    const dcn_csv *csv = p->csv;
    const uint8_t *data = csv->data;
    size_t start = p->at, end = start;
    while (data[end] != 0 && data[end] != '"' && !ends_cell(data[end]))
        end++;
    if (data[end] == '"') return fail_at(csv, end, "a quote inside a cell that does not begin with one");
    if (data[end] == 0 && end < csv->bytes) return fail_at(csv, end, "a NUL byte; this is no text file");
    if (end - start > DCN_CSV_MAX_CELL_BYTES) return fail_at(csv, start, "a cell of more than 65536 bytes");
    p->at = end;
    while (end > start && is_blank(data[end - 1]))
        end--;
    *ret_cell = (dcn_csv_cell){(uint32_t)start, (uint32_t)(end - start)};
    return DECANT_OK;
}

static decant_status make_room(parser *p)
{
    if (p->n_cells < p->capacity) return DECANT_OK;
    size_t capacity = p->capacity > 0 ? 2 * p->capacity : 1024;
    TRY_RETURN(dcn_resize((void **)&p->csv->cells, capacity, sizeof *p->csv->cells));
    p->capacity = capacity;
    return DECANT_OK;
}

/* What parts the lines of a table that seems to have one column, where it is no comma; NULL: nothing of the kind. */
static const char *other_separator(const dcn_csv *csv)
{
    const dcn_csv_cell *header = &csv->cells[0];
    for (uint32_t i = 0; csv->n_columns == 1 && i < header->length; i++) {
        const uint8_t byte = csv->data[header->offset + i];
        if (byte == ';') return "semicolons";
        if (byte == '\t') return "tabs";
        if (byte == '|') return "bars";
    }
    return NULL;
}

static decant_status fail_width(const dcn_csv *csv, size_t offset, int32_t width)
{
    const char *separator = other_separator(csv);
    decant_status status =
        separator != NULL
            ? DCN_FAIL(FORMAT, "the table's columns are parted by %s, not by commas, of which this row has some",
                       separator)
            : DCN_FAIL(FORMAT, "a row of %d cells in a table of %d columns", width, csv->n_columns);
    set_place(csv, offset);
    return status;
}

static decant_status read_row(parser *p, bool is_header)
{
    dcn_csv *csv = p->csv;
    size_t start = p->at;
    int32_t width = 0;
    for (;; p->at++) { /* over the comma */
        TRY_RETURN(make_room(p));
        while (is_blank(csv->data[p->at]))
            p->at++;
        dcn_csv_cell *cell = &csv->cells[p->n_cells];
        TRY_RETURN(csv->data[p->at] == '"' ? read_quoted(p, cell) : read_plain(p, cell));
        p->n_cells++;
        width++;
        if (width > DCN_CSV_MAX_COLUMNS) return fail_at(csv, start, "a row of more than 4096 cells");
        if (csv->data[p->at] != ',') break;
    }
    if (is_header) csv->n_columns = width;
    if (width != csv->n_columns) return fail_width(csv, start, width);
    return DECANT_OK;
}

/* Over line ends, and so over empty lines. */
static void skip_lines(parser *p)
{
    while (p->csv->data[p->at] == '\n' || p->csv->data[p->at] == '\r')
        p->at++;
}

static decant_status read_rows(parser *p)
{
    dcn_csv *csv = p->csv;
    if (csv->bytes >= 3 && memcmp(csv->data, byte_order_mark, 3) == 0) p->at = 3;
    skip_lines(p);
    if (p->at == csv->bytes) return fail_at(csv, 0, "the file is empty; its first line must name the columns");
    TRY_RETURN(read_row(p, true));
    for (skip_lines(p); p->at < csv->bytes; skip_lines(p)) {
        TRY_RETURN(read_row(p, false));
        csv->n_rows++;
    }
    if (csv->n_rows > INT32_MAX) return fail_at(csv, 0, "more than 2147483647 rows");
    return DECANT_OK;
}

/* --- columns --- */

static decant_status name_columns(dcn_csv *csv)
{
    TRY_RETURN(dcn_new_array((size_t)csv->n_columns, sizeof *csv->columns, (void **)&csv->columns));
    for (int32_t i = 0; i < csv->n_columns; i++) {
        const dcn_csv_cell *cell = dcn_csv_at(csv, -1, i);
        dcn_text name = {0};
        decant_status status = cell->length > 0 ? dcn_text_add_bytes(&name, csv->data + cell->offset, cell->length)
                                                : dcn_text_add(&name, "column %d", i + 1);
        if (status == DECANT_OK) status = dcn_text_take(&name, &csv->columns[i]);
        dcn_text_finish(&name);
        if (status != DECANT_OK) return status;
        for (int32_t j = 0; j < i; j++)
            if (strcmp(csv->columns[i], csv->columns[j]) == 0)
                return dcn_csv_fail(csv, -1, i, "columns %d and %d have the same name", j + 1, i + 1);
    }
    return DECANT_OK;
}

int32_t dcn_csv_find(const dcn_csv *csv, const char *column)
{
    for (int32_t i = 0; i < csv->n_columns; i++)
        if (strcmp(csv->columns[i], column) == 0) return i;
    return -1;
}

decant_status dcn_csv_need(const dcn_csv *csv, const char *column, int32_t *ret_column)
{
    int32_t found = dcn_csv_find(csv, column);
    if (found >= 0) {
        *ret_column = found;
        return DECANT_OK;
    }
    const char *separator = other_separator(csv);
    if (separator != NULL) {
        decant_status status = DCN_FAIL(
            USAGE, "the table has no column '%s': its lines are parted by %s, not by commas", column, separator);
        dcn_place("%s:1", csv->name);
        return status;
    }
    const char *near = dcn_nearest(column, (const char *const *)csv->columns, (size_t)csv->n_columns);
    const char *const first = csv->columns[0]; /* where the header is missing, a cell */
    const int shown = (int)dcn_text_cut(first, strlen(first), MOST_SHOWN_NAME);
    decant_status status =
        near != NULL
            ? DCN_FAIL(USAGE, "the table has no column '%s'; did you mean '%s'?", column, near)
            : DCN_FAIL(USAGE, "the table has no column '%s'; its first line, which names them, begins with '%.*s'",
                       column, shown, first);
    dcn_place("%s:1", csv->name);
    return status;
}

decant_status dcn_csv_parse(const char *name, uint8_t *data, size_t bytes, dcn_csv *ret_csv)
{
    dcn_csv csv = {.data = data, .bytes = bytes};
    parser p = {.csv = &csv};
    decant_status status = dcn_copy_string(name, &csv.name);
    if (status != DECANT_OK) goto out;
    if (bytes > MAX_FILE_BYTES) {
        status = DCN_FAIL(FORMAT, "%s: a table of more than 4 GiB", name);
        goto out;
    }
    csv.hash = dcn_hash_bytes(data, bytes);
    TRY(check_text(&csv));
    TRY(read_rows(&p));
    TRY(name_columns(&csv));
    if (csv.n_rows == 0) {
        status = fail_at(&csv, bytes, "no rows behind the line that names the columns");
        goto out;
    }
    *ret_csv = csv;
    csv = (dcn_csv){0};
out:
    dcn_csv_finish(&csv);
    return status;
}

decant_status dcn_csv_read(const char *path, dcn_csv *ret_csv)
{
    uint8_t *data = NULL;
    size_t bytes = 0;
    TRY_RETURN(dcn_file_read_gzip(path, MAX_FILE_BYTES, &data, &bytes));
    return dcn_csv_parse(path, data, bytes, ret_csv);
}

void dcn_csv_finish(dcn_csv *csv)
{
    for (int32_t i = 0; csv->columns != NULL && i < csv->n_columns; i++)
        dcn_free(csv->columns[i]);
    dcn_free(csv->columns);
    dcn_free(csv->cells);
    dcn_free(csv->data);
    dcn_free(csv->name);
    *csv = (dcn_csv){0};
}

/* --- numbers --- */

/* A number in digits: mantissa times 10 to the power of exponent. */
typedef struct decimal {
    uint64_t mantissa;
    int32_t digits, exponent;
    bool negative;
} decimal;

static const uint8_t *read_digits(const uint8_t *at, const uint8_t *end, decimal *number, bool is_fraction)
{
    for (; at < end && *at >= '0' && *at <= '9'; at++) {
        if (number->digits < 19) number->mantissa = 10 * number->mantissa + (uint64_t)(*at - '0');
        if (number->mantissa > 0 || number->digits > 0) number->digits++;
        number->exponent -= is_fraction;
    }
    return at;
}

/* [+-]digits[.digits][e[+-]digits] with a digit before or behind the point, and nothing else. */
static bool read_decimal(const uint8_t *at, const uint8_t *end, decimal *ret_number)
{
    decimal number = {.negative = at < end && *at == '-'};
    int32_t power = 0;
    if (at < end && (*at == '-' || *at == '+')) at++;
    const uint8_t *first = at;
    at = read_digits(at, end, &number, false);
    int64_t seen = at - first;
    if (at < end && *at == '.') {
        first = at + 1;
        at = read_digits(first, end, &number, true);
        seen += at - first;
    }
    if (seen == 0) return false;
    if (at < end && (*at == 'e' || *at == 'E')) {
        bool down = at + 1 < end && at[1] == '-';
        at += at + 1 < end && (at[1] == '-' || at[1] == '+') ? 2 : 1;
        if (at == end) return false;
        for (; at < end && *at >= '0' && *at <= '9'; at++)
            power = power < 100000 ? 10 * power + (*at - '0') : power;
        number.exponent += down ? -power : power;
    }
    *ret_number = number;
    return at == end;
}

/* Most cells of most tables: so few digits that a float holds them exactly. */
static bool read_small_integer(const uint8_t *text, size_t length, float *ret_number)
{
    uint32_t value = 0;
    if (length < 1 || length > 7) return false;
    for (size_t i = 0; i < length; i++) {
        if (text[i] < '0' || text[i] > '9') return false;
        value = 10 * value + (uint32_t)(text[i] - '0');
    }
    *ret_number = (float)value;
    return true;
}

bool dcn_csv_is_decimal(const dcn_csv *csv, const dcn_csv_cell *cell)
{
    decimal number;
    const uint8_t *text = csv->data + cell->offset;
    return read_decimal(text, text + cell->length, &number);
}

bool dcn_csv_number(const dcn_csv *csv, const dcn_csv_cell *cell, float *ret_number)
{
    static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                    1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    const uint8_t *text = csv->data + cell->offset;
    decimal number;
    double value = 0;
    if (read_small_integer(text, cell->length, ret_number)) return true;
    if (!read_decimal(text, text + cell->length, &number)) return false;
    if (number.digits <= 15 && number.exponent >= -22 && number.exponent <= 22) {
        value = (double)number.mantissa; /* exact, as the power is: one rounding, so the nearest double */
        value = number.exponent < 0 ? value / powers[-number.exponent] : value * powers[number.exponent];
        if (number.negative) value = -value;
    } else {
        char word[512];
        if (cell->length >= sizeof word) return false;
        memcpy(word, text, cell->length);
        word[cell->length] = '\0';
        if (!dcn_parse_double(word, &value)) return false;
    }
    if (!isfinite((float)value)) return false;
    *ret_number = (float)value;
    return true;
}
