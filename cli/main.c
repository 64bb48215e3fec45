/* The decant program: finds the verb, parses its options and runs it. What a verb does is in cmd_VERB.c, and all of it
 * through the public headers alone. */
#include <stdio.h>
#include <string.h>

#include "nearest.h"
#include "output.h"
#include "restart.h"
#include "verbs.h"

static const cli_verb *const verbs[] = {&verb_run,     &verb_summary, &verb_eval,  &verb_predict,
                                        &verb_compare, &verb_report,  &verb_lint,  &verb_prune,
                                        &verb_fold,    &verb_data,    &verb_bench, &verb_info};

#define VERB_COUNT (sizeof verbs / sizeof verbs[0])

static void print_overview(FILE *stream)
{
    fprintf(stream, "usage: decant VERB [OPTION...] [ARGUMENT...]\n\n"
                    "decant pours what a large neural network knows into a small one.\n\nverbs:\n");
    for (size_t i = 0; i < VERB_COUNT; i++)
        fprintf(stream, "  %-9s %s\n", verbs[i]->name, verbs[i]->summary);
    fprintf(stream, "  %-9s %s\n", "help", "says more about a verb");
    fprintf(stream, "\noptions:\n  %-9s %s\n  %-9s %s\n", "--version", "prints the version", "--help",
            "prints this text");
    fprintf(stream, "\n`decant help VERB` lists a verb's options. A first run: decant run recipes/quickstart.yaml\n");
}

static const cli_verb *find_verb(const char *name)
{
    for (size_t i = 0; i < VERB_COUNT; i++)
        if (strcmp(verbs[i]->name, name) == 0) return verbs[i];
    return NULL;
}

static int unknown_verb(const char *name)
{
    const char *nearest = "help";
    int best = edit_distance(name, nearest);
    for (size_t i = 0; i < VERB_COUNT; i++) {
        int distance = edit_distance(name, verbs[i]->name);
        if (distance >= best) continue;
        best = distance;
        nearest = verbs[i]->name;
    }
    if (is_likely_slip(best, nearest))
        return report_error(2, "there is no verb '%s'; did you mean '%s'?", name, nearest);
    return report_error(2, "there is no verb '%s'; `decant help` lists them", name);
}

static int help(int argc, char **argv)
{
    if (argc < 3 || strcmp(argv[2], "help") == 0) {
        print_overview(stdout);
        return 0;
    }
    const cli_verb *verb = find_verb(argv[2]);
    if (verb == NULL) return unknown_verb(argv[2]);
    options_print_help(verb);
    return 0;
}

static int dispatch(int argc, char **argv)
{
    if (argc < 2) {
        print_overview(stderr);
        return 2;
    }
    if (strcmp(argv[1], "help") == 0) return help(argc, argv);
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) return help(2, argv);
    if (strcmp(argv[1], "--version") == 0) {
        print_version();
        putchar('\n');
        return 0;
    }
    const cli_verb *verb = find_verb(argv[1]);
    if (verb == NULL) return unknown_verb(argv[1]);
    cli_invocation invocation;
    int exit_status = options_parse(verb, argc, argv, &invocation);
    return exit_status >= 0 ? exit_status : verb->run(&invocation);
}

int main(int argc, char **argv)
{
    spin_briefly(argv);
    int exit_status = dispatch(argc, argv);
    /* A result that did not reach its reader is no result. */
    if ((fflush(stdout) != 0 || ferror(stdout)) && exit_status == 0)
        return report_error(1, "the results could not be written to standard output");
    return exit_status;
}
