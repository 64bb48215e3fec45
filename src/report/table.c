/* Tables of text: cells kept row by row, written in aligned columns or as Markdown. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/characters.h"
#include "base/memory.h"
#include "base/text.h"
#include "decant/report.h"

#define MAX_COLUMNS 64
#define GAP         "  " /* between columns */

typedef struct table_column {
    char *title;
    decant_align align;
} table_column;

typedef struct table_row {
    char **cells; /* [n_columns]; NULL for an empty cell; the array is NULL for a rule */
    int32_t n_cells;
} table_row;

struct decant_table {
    table_column columns[MAX_COLUMNS];
    int32_t n_columns;
    table_row *rows;
    int32_t n_rows, rows_capacity;
};

decant_status decant_table_create(decant_table **ret_table)
{
    DCN_REQUIRE(ret_table);
    return dcn_new(sizeof **ret_table, (void **)ret_table);
}

void decant_table_destroy(decant_table *table)
{
    if (table == NULL) return;
    for (int32_t r = 0; r < table->n_rows; r++) {
        for (int32_t c = 0; c < table->rows[r].n_cells; c++)
            dcn_free(table->rows[r].cells[c]);
        dcn_free(table->rows[r].cells);
    }
    for (int32_t c = 0; c < table->n_columns; c++)
        dcn_free(table->columns[c].title);
    dcn_free(table->rows);
    dcn_free(table);
}

decant_status decant_table_add_column(decant_table *table, const char *title, decant_align align)
{
    DCN_REQUIRE(table, title);
    if (table->n_rows > 0) return DCN_FAIL(INVALID_ARG, "columns are added before the first row");
    if (table->n_columns == MAX_COLUMNS) return DCN_FAIL(INVALID_ARG, "a table has at most %d columns", MAX_COLUMNS);
    table_column *added = &table->columns[table->n_columns];
    TRY_RETURN(decant_text_printable(title, &added->title));
    added->align = align;
    table->n_columns++;
    return DECANT_OK;
}

static decant_status add_row(decant_table *table, char **cells)
{
    TRY_RETURN(dcn_grow((void **)&table->rows, table->n_rows, &table->rows_capacity, sizeof *table->rows));
    table->rows[table->n_rows++] = (table_row){.cells = cells};
    return DECANT_OK;
}

decant_status decant_table_begin_row(decant_table *table)
{
    DCN_REQUIRE(table);
    char **cells = NULL;
    TRY_RETURN(dcn_new_array((size_t)table->n_columns, sizeof *cells, (void **)&cells));
    decant_status status = add_row(table, cells);
    if (status != DECANT_OK) dcn_free(cells);
    return status;
}

decant_status decant_table_add_rule(decant_table *table)
{
    DCN_REQUIRE(table);
    return add_row(table, NULL);
}

decant_status decant_table_add_cell(decant_table *table, const char *format, ...)
{
    DCN_REQUIRE(table, format);
    table_row *last = table->n_rows > 0 ? &table->rows[table->n_rows - 1] : NULL;
    if (last == NULL || last->cells == NULL) return DCN_FAIL(INVALID_ARG, "a cell needs a row to stand in");
    if (last->n_cells == table->n_columns) {
        return DCN_FAIL(INVALID_ARG, "the row has its %d cells already", (int)table->n_columns);
    }
    va_list arguments;
    va_start(arguments, format);
    dcn_text raw = {0};
    char *cell = NULL;
    decant_status status = dcn_text_add_list(&raw, format, arguments);
    va_end(arguments);
    if (status == DECANT_OK) status = decant_text_printable(raw.data, &cell);
    dcn_text_finish(&raw);
    if (status != DECANT_OK) return status;
    last->cells[last->n_cells++] = cell;
    return DECANT_OK;
}

static const char *cell_text(const table_row *row, int32_t column)
{
    return column < row->n_cells ? row->cells[column] : "";
}

static void measure(const decant_table *table, int64_t ret_widths[MAX_COLUMNS])
{
    for (int32_t c = 0; c < table->n_columns; c++) {
        ret_widths[c] = dcn_text_width(table->columns[c].title);
        for (int32_t r = 0; r < table->n_rows; r++) {
            int64_t width = dcn_text_width(cell_text(&table->rows[r], c));
            if (width > ret_widths[c]) ret_widths[c] = width;
        }
    }
}

/* --- writing --- */

static decant_status add_repeated(dcn_text *text, char character, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        TRY_RETURN(dcn_text_add_bytes(text, &character, 1));
    return DECANT_OK;
}

/* No blanks are left at the end of a line: last says that nothing follows. */
static decant_status add_aligned(dcn_text *text, const char *cell, decant_align align, int64_t width, bool last)
{
    int64_t blanks = width - dcn_text_width(cell);
    if (align == DECANT_ALIGN_RIGHT) TRY_RETURN(add_repeated(text, ' ', blanks));
    TRY_RETURN(dcn_text_add(text, "%s", cell));
    if (last) return DECANT_OK;
    if (align == DECANT_ALIGN_LEFT) TRY_RETURN(add_repeated(text, ' ', blanks));
    return dcn_text_add(text, GAP);
}

/* The row with the titles when row is NULL. */
static decant_status add_line(dcn_text *text, const decant_table *table, const table_row *row, const int64_t *widths)
{
    int32_t last = table->n_columns - 1;
    if (row != NULL) {
        while (last > 0 && cell_text(row, last)[0] == '\0')
            last--;
    }
    for (int32_t c = 0; c <= last; c++) {
        const char *cell = row != NULL ? cell_text(row, c) : table->columns[c].title;
        TRY_RETURN(add_aligned(text, cell, table->columns[c].align, widths[c], c == last));
    }
    return dcn_text_add(text, "\n");
}

static decant_status add_rule_line(dcn_text *text, const decant_table *table, const int64_t *widths)
{
    int64_t width = (int64_t)strlen(GAP) * (table->n_columns - 1);
    for (int32_t c = 0; c < table->n_columns; c++)
        width += widths[c];
    TRY_RETURN(add_repeated(text, '-', width));
    return dcn_text_add(text, "\n");
}

decant_status decant_table_text(const decant_table *table, char **ret_text)
{
    DCN_REQUIRE(table, ret_text);
    dcn_text text = {0};
    int64_t widths[MAX_COLUMNS];
    decant_status status = DECANT_OK;
    measure(table, widths);
    TRY(add_line(&text, table, NULL, widths));
    TRY(add_rule_line(&text, table, widths));
    for (int32_t r = 0; r < table->n_rows; r++) {
        const table_row *row = &table->rows[r];
        TRY(row->cells == NULL ? add_rule_line(&text, table, widths) : add_line(&text, table, row, widths));
    }
    TRY(dcn_text_take(&text, ret_text));
out:
    dcn_text_finish(&text);
    return status;
}

static decant_status add_markdown_cell(dcn_text *text, const char *cell)
{
    TRY_RETURN(dcn_text_add(text, " "));
    for (const char *at = cell; *at != '\0'; at++) {
        if (*at == '|') TRY_RETURN(dcn_text_add(text, "\\"));
        TRY_RETURN(dcn_text_add_bytes(text, at, 1));
    }
    return dcn_text_add(text, " |");
}

decant_status decant_table_markdown(const decant_table *table, char **ret_text)
{
    DCN_REQUIRE(table, ret_text);
    dcn_text text = {0};
    decant_status status = DECANT_OK;
    TRY(dcn_text_add(&text, "|"));
    for (int32_t c = 0; c < table->n_columns; c++)
        TRY(add_markdown_cell(&text, table->columns[c].title));
    TRY(dcn_text_add(&text, "\n|"));
    for (int32_t c = 0; c < table->n_columns; c++) {
        TRY(dcn_text_add(&text, table->columns[c].align == DECANT_ALIGN_RIGHT ? " ---: |" : " --- |"));
    }
    TRY(dcn_text_add(&text, "\n"));
    for (int32_t r = 0; r < table->n_rows; r++) {
        if (table->rows[r].cells == NULL) continue;
        TRY(dcn_text_add(&text, "|"));
        for (int32_t c = 0; c < table->n_columns; c++)
            TRY(add_markdown_cell(&text, cell_text(&table->rows[r], c)));
        TRY(dcn_text_add(&text, "\n"));
    }
    TRY(dcn_text_take(&text, ret_text));
out:
    dcn_text_finish(&text);
    return status;
}

/* --- texts and numbers --- */

decant_status decant_text_printable(const char *raw, char **ret_text)
{
    DCN_REQUIRE(raw, ret_text);
    dcn_text text = {0};
    decant_status status = dcn_text_add_printable(&text, raw);
    if (status == DECANT_OK) status = dcn_text_take(&text, ret_text);
    dcn_text_finish(&text);
    return status;
}

const char *decant_count_text(int64_t count, char buffer[28])
{
    char digits[24];
    uint64_t size = count < 0 ? 0 - (uint64_t)count : (uint64_t)count;
    int length = snprintf(digits, sizeof digits, "%llu", (unsigned long long)size);
    char *to = buffer;
    if (count < 0) *to++ = '-';
    for (int i = 0; i < length; i++) {
        if (i > 0 && (length - i) % 3 == 0) *to++ = ',';
        *to++ = digits[i];
    }
    *to = '\0';
    return buffer;
}

const char *decant_bytes_text(double bytes, char buffer[28])
{
    static const char *const units[] = {"B", "KB", "MB", "GB", "TB"};
    size_t unit = 0;
    while (bytes >= 1024 && unit + 1 < DCN_COUNT(units)) {
        bytes /= 1024;
        unit++;
    }
    (void)dcn_format(buffer, 28, unit == 0 ? "%.0f %s" : "%.1f %s", bytes, units[unit]);
    return buffer;
}
