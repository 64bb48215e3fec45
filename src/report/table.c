/* Tables of text: cells kept row by row, written in aligned columns or as Markdown. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

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
    if (table->n_rows > 0) return DCN_FAIL(INVALID_ARG, "columns are added before the first row");
    if (table->n_columns == MAX_COLUMNS) return DCN_FAIL(INVALID_ARG, "a table has at most %d columns", MAX_COLUMNS);
    table_column *added = &table->columns[table->n_columns];
    TRY_RETURN(dcn_copy_string(title, &added->title));
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
    char **cells = NULL;
    TRY_RETURN(dcn_new_array((size_t)table->n_columns, sizeof *cells, (void **)&cells));
    decant_status status = add_row(table, cells);
    if (status != DECANT_OK) dcn_free(cells);
    return status;
}

decant_status decant_table_add_rule(decant_table *table)
{
    return add_row(table, NULL);
}

decant_status decant_table_add_cell(decant_table *table, const char *format, ...)
{
    table_row *last = table->n_rows > 0 ? &table->rows[table->n_rows - 1] : NULL;
    if (last == NULL || last->cells == NULL) return DCN_FAIL(INVALID_ARG, "a cell needs a row to stand in");
    if (last->n_cells == table->n_columns) {
        return DCN_FAIL(INVALID_ARG, "the row has its %d cells already", (int)table->n_columns);
    }
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (length < 0) return DCN_FAIL(INVALID_ARG, "a table cell cannot be formatted as %s", format);

    char *cell = NULL;
    TRY_RETURN(dcn_new((size_t)length + 1, (void **)&cell));
    va_start(arguments, format);
    vsnprintf(cell, (size_t)length + 1, format, arguments);
    va_end(arguments);
    last->cells[last->n_cells++] = cell;
    return DECANT_OK;
}

/* --- width on a terminal --- */

/* The character at *text, which is moved behind it. A byte that is not UTF-8 counts as one character. */
static uint32_t next_character(const unsigned char **text)
{
    const unsigned char *byte = *text;
    int more = byte[0] >= 0xF0 ? 3 : byte[0] >= 0xE0 ? 2 : byte[0] >= 0xC0 ? 1 : 0;
    uint32_t character = more == 0 ? byte[0] : byte[0] & (0x3Fu >> more);
    *text = byte + 1;
    for (int i = 1; i <= more; i++) {
        if ((byte[i] & 0xC0) != 0x80) return byte[0];
        character = character << 6 | (byte[i] & 0x3Fu);
    }
    *text = byte + 1 + more;
    return character;
}

static int64_t character_width(uint32_t character)
{
    static const struct {
        uint32_t first, last;
        int64_t width;
    } ranges[] = {
        {0x0300, 0x036F, 0}, {0x200B, 0x200F, 0}, {0xFE00, 0xFE0F, 0},   {0x1100, 0x115F, 2},
        {0x2E80, 0xA4CF, 2}, {0xAC00, 0xD7A3, 2}, {0xF900, 0xFAFF, 2},   {0xFE30, 0xFE6F, 2},
        {0xFF00, 0xFF60, 2}, {0xFFE0, 0xFFE6, 2}, {0x1F300, 0x1FAFF, 2}, {0x20000, 0x3FFFD, 2},
    };
    for (size_t i = 0; i < DCN_COUNT(ranges); i++) {
        if (character >= ranges[i].first && character <= ranges[i].last) return ranges[i].width;
    }
    return 1;
}

static int64_t text_width(const char *text)
{
    int64_t width = 0;
    for (const unsigned char *at = (const unsigned char *)text; *at != '\0';)
        width += character_width(next_character(&at));
    return width;
}

static const char *cell_text(const table_row *row, int32_t column)
{
    return column < row->n_cells ? row->cells[column] : "";
}

static void measure(const decant_table *table, int64_t ret_widths[MAX_COLUMNS])
{
    for (int32_t c = 0; c < table->n_columns; c++) {
        ret_widths[c] = text_width(table->columns[c].title);
        for (int32_t r = 0; r < table->n_rows; r++) {
            int64_t width = text_width(cell_text(&table->rows[r], c));
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
    int64_t blanks = width - text_width(cell);
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

/* --- numbers --- */

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
    snprintf(buffer, 28, unit == 0 ? "%.0f %s" : "%.1f %s", bytes, units[unit]);
    return buffer;
}
