/* The thread's error record: one message, one place, up to eight "while" lines, all in fixed memory so that
 * running out of memory can be reported too. */
#include "base/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

static _Thread_local dcn_failure record;

/* The public enum is written by hand, because status.def is not installed; these two lists must be the same list. */
enum {
#define STATUS(name, exit_status, meaning) POSITION_##name,
#include "base/status.def"
    POSITION_COUNT
};
#define STATUS(name, exit_status, meaning)                                                                             \
    _Static_assert((int)DECANT_##name == (int)POSITION_##name, "decant/status.h and base/status.def differ");
#include "base/status.def"
_Static_assert((int)DECANT_STATUS_COUNT == (int)POSITION_COUNT, "decant/status.h and base/status.def differ");

typedef struct status_row {
    const char *name;
    const char *meaning;
    int exit_status;
} status_row;

static const status_row status_rows[] = {
#define STATUS(name, exit_status, meaning) {#name, meaning, exit_status},
#include "base/status.def"
};

static const status_row *find_row(decant_status status)
{
    static const status_row unknown = {"UNKNOWN", "not a status of decant", 1};
    unsigned index = (unsigned)status;
    return index < DECANT_STATUS_COUNT ? &status_rows[index] : &unknown;
}

/* Formatted beside the record first: an argument may point into the record itself. Text that does not fit is cut. */
DCN_PRINTF(3, 0)
static void write_text(char *field, size_t bytes, const char *format, va_list arguments)
{
    char text[DCN_MESSAGE_BYTES];
    if (dcn_format_list(text, sizeof text, format, arguments) < 0) text[0] = '\0';
    size_t length = strnlen(text, bytes - 1);
    memcpy(field, text, length);
    field[length] = '\0';
}

decant_status dcn_fail(decant_status status, const char *file, int line, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    write_text(record.message, sizeof record.message, format, arguments);
    va_end(arguments);
    snprintf(record.source, sizeof record.source, "%s:%d", file, line);
    record.place[0] = record.file[0] = '\0';
    record.line = record.column = 0;
    record.n_whiles = 0;
    return status;
}

void dcn_while(const char *format, ...)
{
    if (record.n_whiles == DCN_MAX_WHILES) return;
    va_list arguments;
    va_start(arguments, format);
    write_text(record.whiles[record.n_whiles], DCN_CONTEXT_BYTES, format, arguments);
    va_end(arguments);
    record.n_whiles++;
}

/* Takes ":12" off the end of a text: the number, or 0 where there is none. */
static int take_number(char *text)
{
    const size_t length = strlen(text);
    size_t digits = 0;
    while (digits < length && strchr("0123456789", text[length - digits - 1]) != NULL)
        digits++;
    if (digits == 0 || digits > 9 || digits + 1 >= length || text[length - digits - 1] != ':') return 0;
    const int number = (int)strtol(text + length - digits, NULL, 10);
    text[length - digits - 1] = '\0';
    return number;
}

void dcn_place(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    write_text(record.place, sizeof record.place, format, arguments);
    va_end(arguments);
    memcpy(record.file, record.place, sizeof record.file);
    record.column = take_number(record.file);
    record.line = take_number(record.file);
    if (record.line > 0) return;
    record.line = record.column; /* "table.csv:12": a line alone */
    record.column = 0;
}

void dcn_status_keep(decant_status status, dcn_failure *ret_failure)
{
    *ret_failure = record;
    ret_failure->status = status;
}

decant_status dcn_status_raise(const dcn_failure *failure)
{
    record = *failure;
    return failure->status;
}

const char *decant_status_name(decant_status status)
{
    return find_row(status)->name;
}

const char *decant_status_meaning(decant_status status)
{
    return find_row(status)->meaning;
}

int decant_status_exit(decant_status status)
{
    return find_row(status)->exit_status;
}

const char *decant_error_message(void)
{
    return record.message;
}

const char *decant_error_place(void)
{
    return record.place;
}

const char *decant_error_file(void)
{
    return record.file;
}

int decant_error_line(void)
{
    return record.line;
}

int decant_error_column(void)
{
    return record.column;
}

const char *decant_error_source(void)
{
    return record.source;
}

int decant_error_while_count(void)
{
    return record.n_whiles;
}

const char *decant_error_while(int index)
{
    return index >= 0 && index < record.n_whiles ? record.whiles[index] : "";
}

decant_status dcn_fail_null(const char *file, int line, const char *function, const char *names, int index)
{
    for (int i = 0; i < index; i++)
        names += strcspn(names, ",") + strlen(", ");
    return dcn_fail(DECANT_INVALID_ARG, file, line, "%s: %.*s must not be NULL", function, (int)strcspn(names, ","),
                    names);
}
