/* Parsing by table, and the help text from the same table. */
#include "options.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nearest.h"
#include "output.h"

#define HELP_COLUMN 26

int usage_error(const cli_verb *verb, const char *format, ...)
{
    va_list arguments;
    fprintf(stderr, "%sdecant %s:%s ", style_begin(stderr, STYLE_RED), verb->name, style_begin(stderr, STYLE_PLAIN));
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fprintf(stderr, "\nusage: decant %s %s\n`decant help %s` says more\n", verb->name, verb->arguments, verb->name);
    return 2;
}

/* --- help --- */

static void print_option(const cli_option *option)
{
    char left[64];
    snprintf(left, sizeof left, "%c%c%s--%s%s%s", option->letter != 0 ? '-' : ' ',
             option->letter != 0 ? option->letter : ' ', option->letter != 0 ? ", " : "  ", option->name,
             option->value != NULL ? " " : "",
             option->value == NULL           ? ""
             : option->kind == OPTION_CHOICE ? "WORD"
                                             : option->value);
    printf("  %-*s %s\n", HELP_COLUMN, left, option->help);
}

void options_print_help(const cli_verb *verb)
{
    const int32_t own = verb->computes ? OPTION_COMPUTE_COUNT : OPTION_COMMON_COUNT; /* behind what others have, too */
    printf("usage: decant %s%s%s\n\n%s\n", verb->name, verb->arguments[0] != '\0' ? " " : "", verb->arguments,
           verb->summary);
    if (verb->details[0] != '\0') printf("\n%s", verb->details);
    printf("\noptions:\n");
    for (int32_t i = own; i < verb->n_options; i++)
        print_option(&verb->options[i]);
    for (int32_t i = 0; i < own; i++)
        print_option(&verb->options[i]);
    const cli_option help = {.name = "help", .letter = 'h', .help = "this text"};
    print_option(&help);
}

/* --- parsing --- */

static int32_t find_option(const cli_verb *verb, const char *name, size_t length, char letter)
{
    for (int32_t i = 0; i < verb->n_options; i++) {
        const cli_option *option = &verb->options[i];
        if (letter != 0 ? option->letter == letter
                        : strlen(option->name) == length && strncmp(option->name, name, length) == 0)
            return i;
    }
    return -1;
}

static int unknown_option(const cli_verb *verb, const char *word)
{
    const cli_option *nearest = NULL;
    int best = 0;
    char name[64];
    snprintf(name, sizeof name, "%.*s", (int)strcspn(word, "="), word);
    for (int32_t i = 0; i < verb->n_options; i++) {
        int distance = edit_distance(name + strspn(name, "-"), verb->options[i].name);
        if (nearest == NULL || distance < best) {
            nearest = &verb->options[i];
            best = distance;
        }
    }
    if (nearest != NULL && is_likely_slip(best, nearest->name))
        return usage_error(verb, "unknown option '%s'; did you mean '--%s'?", name, nearest->name);
    return usage_error(verb, "unknown option '%s'", name);
}

/* The place of a word among "a|b|c"; -1 when it is none of them. */
static int64_t find_choice(const char *choices, const char *word)
{
    size_t length = strlen(word);
    int64_t place = 0;
    for (const char *at = choices; at != NULL; at = strchr(at, '|'), place++) {
        if (*at == '|') at++;
        if (strcspn(at, "|") == length && strncmp(at, word, length) == 0) return place;
    }
    return -1;
}

static int set_value(const cli_verb *verb, const cli_option *option, const char *text, option_value *value)
{
    char *end = NULL;
    value->given = true;
    value->text = text;
    if (option->kind == OPTION_LIST) {
        if (value->n_list == MAX_LIST)
            return usage_error(verb, "--%s may be given at most %d times", option->name, MAX_LIST);
        value->list[value->n_list++] = text;
    }
    if (option->kind == OPTION_INT) {
        errno = 0;
        value->number = strtoll(text, &end, 10);
        if (errno != 0 || end == text || *end != '\0' || value->number < option->minimum ||
            value->number > option->maximum)
            return usage_error(verb, "--%s wants a whole number from %lld to %lld, not '%s'", option->name,
                               (long long)option->minimum, (long long)option->maximum, text);
    }
    if (option->kind == OPTION_CHOICE) {
        value->number = find_choice(option->value, text);
        if (value->number < 0)
            return usage_error(verb, "--%s wants one of %s, not '%s'", option->name, option->value, text);
    }
    return -1;
}

/* "--name", "--name=value", "--name value", "-x", "-xvalue", "-x value". Moves *at over what it takes. */
static int parse_option(const cli_verb *verb, int argc, char **argv, int *at, cli_invocation *invocation)
{
    const char *word = argv[*at];
    bool is_long = word[1] == '-';
    const char *equals = is_long ? strchr(word, '=') : NULL;
    size_t length = equals != NULL ? (size_t)(equals - word) : strlen(word);
    int32_t index = is_long ? find_option(verb, word + 2, length - 2, 0) : find_option(verb, NULL, 0, word[1]);
    if (index < 0) return unknown_option(verb, word);

    const cli_option *option = &verb->options[index];
    const char *attached = is_long ? (equals != NULL ? equals + 1 : NULL) : (word[2] != '\0' ? word + 2 : NULL);
    if (option->kind == OPTION_FLAG) {
        if (attached != NULL) return usage_error(verb, "--%s takes no value", option->name);
        invocation->values[index].given = true;
        return -1;
    }
    if (attached == NULL && *at + 1 == argc)
        return usage_error(verb, option->kind == OPTION_CHOICE ? "--%s wants one of %s" : "--%s wants a %s",
                           option->name, option->value);
    if (attached == NULL) attached = argv[++*at];
    return set_value(verb, option, attached, &invocation->values[index]);
}

int options_parse(const cli_verb *verb, int argc, char **argv, cli_invocation *ret_invocation)
{
    int32_t n_arguments = 0;
    bool options_end = false;
    *ret_invocation = (cli_invocation){.verb = verb};
    for (int at = 2; at < argc; at++) {
        const char *word = argv[at];
        bool is_option = !options_end && word[0] == '-' && word[1] != '\0';
        if (is_option && strcmp(word, "--") == 0) {
            options_end = true;
        } else if (is_option && (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0)) {
            options_print_help(verb);
            return 0;
        } else if (is_option) {
            int exit_status = parse_option(verb, argc, argv, &at, ret_invocation);
            if (exit_status >= 0) return exit_status;
        } else {
            argv[2 + n_arguments++] = argv[at]; /* never ahead of what was read */
        }
    }
    ret_invocation->arguments = (const char *const *)(argv + 2);
    ret_invocation->n_arguments = n_arguments;
    if (n_arguments < verb->min_arguments) return usage_error(verb, "too few arguments");
    if (verb->max_arguments >= 0 && n_arguments > verb->max_arguments)
        return usage_error(verb, "'%s' is one argument too many", ret_invocation->arguments[verb->max_arguments]);
    return -1;
}
