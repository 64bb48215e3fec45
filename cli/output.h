/* What the program says: results to stdout, everything else to stderr. */
#ifndef CLI_OUTPUT_H
#define CLI_OUTPUT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "decant/decant.h"

/* The library's last failure, on stderr; returns the exit status that belongs to it. */
int report_failure(decant_status status);

/* A failure of the program's own, on stderr in the same form; returns exit_status. */
int report_error(int exit_status, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A text that may come from anybody, as paths and cells do, for print_json: what is no UTF-8 is shown as on a terminal;
 * null for NULL. */
json_t *text_json(const char *text);

/* The names of so many classes of a model or a data set; null where one has only its number. */
json_t *class_names_json(const char *(*name_of)(const void *owner, int32_t index), const void *owner, int32_t count);

/* Whether OUTPUT may be written: not where it is INPUT, however the two are spelled. Returns 0, or an exit status after
 * a message. */
int check_output(const char *input, const char *output);

/* One JSON object on a line of stdout, which is flushed; lets go of it. NULL stands for no memory. Returns an exit
 * status. */
int print_json(json_t *json);

/* "decant 0.1.0 (821038b12)" on stdout, without an end of line. */
void print_version(void);

/* A text of the library's on stdout; frees it. */
void print_text(char *text);

/* One line of text that may come from anybody's file: what would steer the terminal is shown instead. */
void print_line_part(FILE *stream, const char *text);

/* Escape sequences for a stream: "" unless it is a terminal and NO_COLOR is unset. */
typedef enum cli_style { STYLE_PLAIN, STYLE_BOLD, STYLE_RED, STYLE_YELLOW, STYLE_DIM } cli_style;
const char *style_begin(FILE *stream, cli_style style);
bool is_terminal(FILE *stream);

/* A finding in one line: "warning: recipe.yaml:3:1: ...". */
void print_finding(FILE *stream, const decant_finding *finding);

#endif
