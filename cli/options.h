/* The command line as data: each verb declares its options in a table, from which they are parsed and its usage text is
 * written. */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

typedef enum option_kind {
    OPTION_FLAG,   /* --json */
    OPTION_TEXT,   /* --dir DIR */
    OPTION_INT,    /* --threads N, in [minimum, maximum] */
    OPTION_CHOICE, /* --precision f32: one of the words in `value`, "auto|f32|bf16"; number is its place */
    OPTION_LIST    /* -o A=B -o C=D: may be given more than once */
} option_kind;

typedef struct cli_option {
    const char *name; /* without the dashes */
    char letter;      /* 0: none */
    option_kind kind;
    const char *value; /* what the value is called: "DIR"; NULL for flags */
    int64_t minimum, maximum;
    const char *help;
} cli_option;

#define MAX_OPTIONS 16
#define MAX_LIST    64

/* What was given for one option. */
typedef struct option_value {
    bool given;
    const char *text;
    int64_t number;
    const char *list[MAX_LIST];
    int32_t n_list;
} option_value;

typedef struct cli_invocation cli_invocation;

/* A row of the table of verbs in main.c. */
typedef struct cli_verb {
    const char *name;
    const char *arguments; /* "RECIPE [RUN...]" */
    const char *summary;   /* one line, for the list of verbs */
    const char *details;   /* paragraphs for its own help; may be "" */
    const cli_option *options;
    int32_t n_options;
    bool computes;                                /* its table goes on with the options of computing */
    int32_t min_arguments, max_arguments;         /* max -1: any number */
    int (*run)(const cli_invocation *invocation); /* returns the exit status */
} cli_verb;

/* A parsed command line. */
struct cli_invocation {
    const cli_verb *verb;
    option_value values[MAX_OPTIONS]; /* in the order of the verb's table */
    const char *const *arguments;     /* [n_arguments] */
    int32_t n_arguments;
};

/* Options that most verbs have. A verb's table begins with the common ones, in this order; a verb that trains or asks a
 * model goes on with all of the others (prune and fold, which know no precision, have two of them among their own). */
enum {
    OPTION_JSON,
    OPTION_QUIET,
    OPTION_COMMON_COUNT,
    OPTION_DEVICE = OPTION_COMMON_COUNT,
    OPTION_THREADS,
    OPTION_PRECISION,
    OPTION_COMPUTE_COUNT
};
#define OPTION_JSON_ROW                                                                                                \
    {                                                                                                                  \
        "json", 0, OPTION_FLAG, 0, 0, 0, "print results as JSON, one object a line"                                    \
    }
#define OPTION_QUIET_ROW                                                                                               \
    {                                                                                                                  \
        "quiet", 'q', OPTION_FLAG, 0, 0, 0, "say nothing but results and errors"                                       \
    }
#define OPTION_DEVICE_ROW                                                                                              \
    {                                                                                                                  \
        "device", 0, OPTION_TEXT, "NAME", 0, 0, "what computes: cpu or ref (see decant info)"                          \
    }
#define OPTION_THREADS_ROW                                                                                             \
    {                                                                                                                  \
        "threads", 0, OPTION_INT, "N", 0, 4096, "threads to compute with; 0 (the default): one for each core"          \
    }
#define OPTION_PRECISION_ROW                                                                                           \
    {                                                                                                                  \
        "precision", 0, OPTION_CHOICE, "auto|f32|bf16", 0, 0,                                                          \
            "what layers compute in: f32, bf16 or auto (the default: bf16 where it is faster)"                         \
    }
#define OPTION_OVERRIDE_ROW                                                                                            \
    {                                                                                                                  \
        "override", 'o', OPTION_LIST, "KEY=VALUE", 0, 0, "override a key of the recipe: -o runs.alone.epochs=1"        \
    }

/* Parses argv[2...]; options and arguments may be mixed, "--" ends the options. argv is sorted in place: arguments
 * first. Returns -1 when the verb shall run, else an exit status (2 after a message; 0 after --help). */
int options_parse(const cli_verb *verb, int argc, char **argv, cli_invocation *ret_invocation);

/* The verb's help, made from its table. */
void options_print_help(const cli_verb *verb);

/* Wrong usage: prints "decant VERB: MESSAGE" and where to look; returns 2. */
int usage_error(const cli_verb *verb, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
