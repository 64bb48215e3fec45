/* Messages, colours and JSON lines. */
#include "output.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool is_terminal(FILE *stream)
{
    const char *term = getenv("TERM");
    return isatty(fileno(stream)) && (term == NULL || strcmp(term, "dumb") != 0);
}

const char *style_begin(FILE *stream, cli_style style)
{
    static const char *const sequences[] = {"\033[0m", "\033[1m", "\033[31;1m", "\033[33;1m", "\033[2m"};
    const char *no_color = getenv("NO_COLOR");
    if ((no_color != NULL && no_color[0] != '\0') || !is_terminal(stream)) return "";
    return sequences[style];
}

static void print_error_label(void)
{
    fprintf(stderr, "%sdecant: error:%s ", style_begin(stderr, STYLE_RED), style_begin(stderr, STYLE_PLAIN));
}

int report_failure(decant_status status)
{
    const char *place = decant_error_place(), *message = decant_error_message();
    fflush(stdout);
    print_error_label();
    /* A message may name the place itself; saying it twice helps nobody. */
    if (place[0] != '\0' && strncmp(message, place, strlen(place)) != 0) {
        print_line_part(stderr, place);
        fputs(": ", stderr);
    }
    print_line_part(stderr, message[0] != '\0' ? message : decant_status_meaning(status));
    fputc('\n', stderr);
    for (int i = 0; i < decant_error_while_count(); i++) {
        fputs("  while ", stderr);
        print_line_part(stderr, decant_error_while(i));
        fputc('\n', stderr);
    }
    if (status == DECANT_INTERNAL) fprintf(stderr, "  noticed in %s; please report it\n", decant_error_source());
    return decant_status_exit(status);
}

int report_error(int exit_status, const char *format, ...)
{
    va_list arguments;
    fflush(stdout);
    print_error_label();
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    return exit_status;
}

json_t *class_names_json(const char *(*name_of)(const void *owner, int32_t index), const void *owner, int32_t count)
{
    json_t *names = json_array();
    for (int32_t c = 0; c < count; c++) {
        const char *name = name_of(owner, c);
        if (name == NULL) {
            json_decref(names);
            return json_null();
        }
        json_array_append_new(names, text_json(name));
    }
    return names;
}

int check_output(const char *input, const char *output)
{
    struct stat first, second;
    if (stat(input, &first) != 0 || stat(output, &second) != 0 || first.st_dev != second.st_dev ||
        first.st_ino != second.st_ino)
        return 0;
    return report_error(2, "%s would take the place of the model that it is made from; name another file", output);
}

json_t *text_json(const char *text)
{
    char *shown = NULL;
    json_t *json = text != NULL ? json_string(text) : json_null();
    if (json == NULL && decant_text_printable(text, &shown) == DECANT_OK) json = json_string(shown);
    decant_text_free(shown);
    return json;
}

int print_json(json_t *json)
{
    int failed = json == NULL || json_dumpf(json, stdout, JSON_COMPACT | JSON_REAL_PRECISION(9)) != 0;
    json_decref(json);
    if (failed) return report_error(1, "no memory for a line of JSON");
    putchar('\n');
    fflush(stdout);
    return 0;
}

void print_version(void)
{
    const char *revision = decant_revision();
    printf("decant %s", decant_version());
    if (revision[0] != '\0') printf(" (%s)", revision);
}

void print_text(char *text)
{
    fputs(text, stdout);
    decant_text_free(text);
}

void print_line_part(FILE *stream, const char *text)
{
    char *shown = NULL;
    if (decant_text_printable(text, &shown) == DECANT_OK) fputs(shown, stream);
    decant_text_free(shown);
}

void print_finding(FILE *stream, const decant_finding *finding)
{
    static const char *const labels[] = {"note", "warning", "error"};
    static const cli_style styles[] = {STYLE_DIM, STYLE_YELLOW, STYLE_RED};
    fprintf(stream, "%s%s:%s ", style_begin(stream, styles[finding->severity]), labels[finding->severity],
            style_begin(stream, STYLE_PLAIN));
    print_line_part(stream, finding->text);
    fputc('\n', stream);
}
