/* decant lint RECIPE: what can be known to be wrong before anything is trained. */
#include <stdio.h>

#include "output.h"
#include "overrides.h"
#include "verbs.h"

enum { LINT_OVERRIDE = OPTION_COMMON_COUNT, LINT_SCHEMA_DOCS, LINT_OPTION_COUNT };

static const cli_option options[] = {
    [OPTION_JSON] = OPTION_JSON_ROW,
    [OPTION_QUIET] = OPTION_QUIET_ROW,
    [LINT_OVERRIDE] = OPTION_OVERRIDE_ROW,
    [LINT_SCHEMA_DOCS] = {"schema-docs", 0, OPTION_FLAG, 0, 0, 0, "print docs/recipes.md instead"},
};

static int print_docs(void)
{
    char *text = NULL;
    decant_status status = decant_recipe_docs(&text);
    if (status != DECANT_OK) return report_failure(status);
    print_text(text);
    return 0;
}

static const char *plural(int32_t count)
{
    return count == 1 ? "" : "s";
}

static void print_totals(const char *recipe, const decant_finding_list *list)
{
    int32_t notes = list->count - list->errors - list->warnings;
    print_line_part(stdout, recipe);
    printf(": %d error%s, %d warning%s, %d note%s\n", list->errors, plural(list->errors), list->warnings,
           plural(list->warnings), notes, plural(notes));
}

/* file NULL, line 0 and column 0 stand for what is not known. */
static int print_finding_json(const char *file, int line, int column, decant_severity severity, const char *message)
{
    static const char *const severities[] = {"note", "warning", "error"};
    return print_json(json_pack("{s:o, s:o, s:o, s:s, s:o}", "file", text_json(file), "line",
                                line > 0 ? json_integer(line) : json_null(), "column",
                                column > 0 ? json_integer(column) : json_null(), "severity", severities[severity],
                                "message", text_json(message)));
}

static int print_findings(const decant_finding_list *list, const char *recipe, bool json, bool quiet)
{
    int exit_status = 0;
    for (int32_t i = 0; i < list->count && exit_status == 0; i++) {
        const decant_finding *finding = &list->items[i];
        if (json)
            exit_status =
                print_finding_json(finding->file, finding->line, finding->column, finding->severity, finding->message);
        else
            print_finding(stdout, finding);
    }
    if (!json && !quiet) print_totals(recipe, list);
    return exit_status != 0 ? exit_status : (list->errors > 0 ? 2 : 0);
}

/* A recipe that cannot be read. As JSON it is a finding like any other, unless it is not the recipe's fault. */
static int report_unread(decant_status status, const char *recipe, bool json)
{
    const int exit_status = decant_status_exit(status);
    if (!json || exit_status != 2) return report_failure(status);
    const char *file = decant_error_file();
    const int printed = print_finding_json(file[0] != '\0' ? file : recipe, decant_error_line(), decant_error_column(),
                                           DECANT_SEVERITY_ERROR, decant_error_message());
    return printed != 0 ? printed : exit_status;
}

static int run(const cli_invocation *invocation)
{
    const option_value *values = invocation->values;
    const bool json = values[OPTION_JSON].given;
    decant_recipe *recipe = NULL;
    decant_finding_list *list = NULL;
    int exit_status = 0;
    if (values[LINT_SCHEMA_DOCS].given) {
        if (json || values[LINT_OVERRIDE].given || invocation->n_arguments > 0)
            return usage_error(invocation->verb, "--schema-docs stands alone");
        return print_docs();
    }
    if (invocation->n_arguments == 0) return usage_error(invocation->verb, "the recipe is missing");
    const char *path = invocation->arguments[0];
    decant_status status = load_recipe(path, &values[LINT_OVERRIDE], NULL, &recipe);
    if (status == DECANT_OK) status = decant_recipe_lint(recipe, &list);
    if (status != DECANT_OK)
        exit_status = report_unread(status, path, json);
    else
        exit_status = print_findings(list, path, json, values[OPTION_QUIET].given);
    decant_finding_list_destroy(list);
    decant_recipe_destroy(recipe);
    return exit_status;
}

const cli_verb verb_lint = {
    .name = "lint",
    .arguments = "RECIPE",
    .summary = "finds what is wrong with a recipe before anything is trained",
    .details = "Errors would stop `decant run`, and give the exit status 2; warnings are probably mistakes; notes are "
               "good to know.\n"
               "With --json each finding, and what keeps the recipe from being read, is one object: file, line, "
               "column,\nseverity, message.\n",
    .options = options,
    .n_options = LINT_OPTION_COUNT,
    .min_arguments = 0,
    .max_arguments = 1,
    .run = run,
};
