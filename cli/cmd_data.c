/* decant data list | get NAME | check SOURCE|RECIPE: the data sets that are known, fetching one, and whether one can be
 * trusted. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "interrupt.h"
#include "output.h"
#include "overrides.h"
#include "verbs.h"

enum { DATA_VALIDATION = OPTION_COMMON_COUNT, DATA_SEED, DATA_OVERRIDE, DATA_MIRROR, DATA_OPTION_COUNT };

static const cli_option options[] = {
    [OPTION_JSON] = OPTION_JSON_ROW,
    [OPTION_QUIET] = OPTION_QUIET_ROW,
    [DATA_VALIDATION] = {"validation", 0, OPTION_INT, "N", 0, INT64_MAX,
                         "check: hold out so many samples, as a recipe does"},
    [DATA_SEED] = {"seed", 0, OPTION_INT, "N", 0, UINT32_MAX, "check: of the choice of those samples"},
    [DATA_OVERRIDE] = OPTION_OVERRIDE_ROW,
    [DATA_MIRROR] = {"mirror", 0, OPTION_TEXT, "URL", 0, 0, "get: only from this folder, not from the known mirrors"},
};

/* --- list --- */

static int print_sources(const decant_source *sources, int32_t count, bool json)
{
    int exit_status = 0;
    for (int32_t i = 0; i < count && exit_status == 0; i++) {
        const decant_source *source = &sources[i];
        if (json) {
            exit_status = print_json(json_pack("{s:s, s:s, s:o, s:s, s:o}", "name", source->name, "description",
                                               source->description, "path", text_json(source->path), "how_to_get",
                                               source->how_to_get, "looked_in", text_json(source->looked_in)));
            continue;
        }
        printf("%-14s %s\n", source->name, source->description);
        if (source->path != NULL)
            printf("%-14s in %s\n", "", source->path);
        else
            printf("%-14s not here: %s\n%-14s looked in %s\n", "", source->how_to_get, "", source->looked_in);
    }
    return exit_status;
}

static int list(const cli_invocation *invocation)
{
    decant_source *sources = NULL;
    int32_t count = 0;
    if (invocation->n_arguments > 1) return usage_error(invocation->verb, "list takes no argument");
    decant_status status = decant_source_list(&sources, &count);
    if (status != DECANT_OK) return report_failure(status);
    int exit_status = print_sources(sources, count, invocation->values[OPTION_JSON].given);
    decant_source_list_free(sources, count);
    return exit_status;
}

/* --- get --- */

typedef struct fetching {
    bool bar;          /* stderr is a terminal */
    bool is_bar_open;  /* a bar stands on the current line */
    int percent;       /* that was shown last */
    const char *shown; /* the file that is in hand */
} fetching;

static bool show_progress(void *context, const char *file, int64_t done, int64_t total)
{
    fetching *now = context;
    int percent = total > 0 ? (int)(100 * done / total) : 0;
    bool is_new = now->shown == NULL || strcmp(now->shown, file) != 0;
    if (interrupt_requested(NULL)) return false;
    if (!now->bar || done == 0 || (!is_new && percent == now->percent)) return true;
    now->shown = file;
    now->percent = percent;
    now->is_bar_open = true;
    fprintf(stderr, "\r\033[K%s  %.1f MB", file, (double)done / 1e6);
    if (total > 0) fprintf(stderr, " of %.1f MB, %d %%", (double)total / 1e6, percent);
    fflush(stderr);
    return true;
}

static int get(const cli_invocation *invocation)
{
    const option_value *values = invocation->values;
    fetching now = {.bar = !values[OPTION_QUIET].given && is_terminal(stderr)};
    char *path = NULL;
    if (invocation->n_arguments != 2) return usage_error(invocation->verb, "get wants one NAME");
    const decant_get_options wishes = {.mirror = values[DATA_MIRROR].given ? values[DATA_MIRROR].text : NULL,
                                       .progress = show_progress,
                                       .context = &now};
    interrupt_listen();
    decant_status status = decant_source_get(invocation->arguments[1], &wishes, &path);
    if (now.is_bar_open) fputs("\r\033[K", stderr);
    if (status != DECANT_OK) return report_failure(status);
    int exit_status = 0;
    if (values[OPTION_JSON].given)
        exit_status = print_json(json_pack("{s:s, s:o}", "name", invocation->arguments[1], "path", text_json(path)));
    else
        printf("%s is in %s, its checksums right\n", invocation->arguments[1], path);
    decant_text_free(path);
    return exit_status;
}

/* --- check --- */

static json_t *counts_json(const int64_t *counts, int32_t count)
{
    json_t *list = json_array();
    for (int32_t i = 0; i < count; i++)
        json_array_append_new(list, json_integer(counts[i]));
    return list;
}

static const char *name_of_class(const void *dataset, int32_t index)
{
    return decant_dataset_class_name(dataset, index);
}

static json_t *report_json(const decant_dataset *dataset, const decant_dataset_report *report)
{
    char hash[33];
    decant_dataset_hash(dataset, hash);
    return json_pack(
        "{s:o, s:s, s:I, s:I, s:I, s:I, s:i, s:o, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:o, s:o, s:o}", "name",
        text_json(decant_dataset_name(dataset)), "hash", hash, "train", (json_int_t)report->train, "validation",
        (json_int_t)report->validation, "test", (json_int_t)report->test, "unlabelled", (json_int_t)report->unlabelled,
        "classes", report->classes, "majority", isnan(report->majority) ? json_null() : json_real(report->majority),
        "duplicates_within_train", (json_int_t)report->duplicates_within_train, "train_in_validation",
        (json_int_t)report->train_in_validation, "train_in_test", (json_int_t)report->train_in_test,
        "validation_in_test", (json_int_t)report->validation_in_test, "unlabelled_in_validation",
        (json_int_t)report->unlabelled_in_validation, "unlabelled_in_test", (json_int_t)report->unlabelled_in_test,
        "class_names", class_names_json(name_of_class, dataset, report->classes), "train_per_class",
        counts_json(report->train_per_class, report->classes), "validation_per_class",
        counts_json(report->validation_per_class, report->classes), "test_per_class",
        counts_json(report->test_per_class, report->classes));
}

static decant_status fill_table(const decant_dataset *dataset, const decant_dataset_report *report, decant_table *table)
{
    decant_status status = decant_table_add_column(table, "class", DECANT_ALIGN_LEFT);
    static const char *const titles[] = {"train", "validation", "test"};
    const int64_t *counts[] = {report->train_per_class, report->validation_per_class, report->test_per_class};
    for (int t = 0; t < 3 && status == DECANT_OK; t++)
        status = decant_table_add_column(table, titles[t], DECANT_ALIGN_RIGHT);
    for (int32_t class = 0; class < report->classes && status == DECANT_OK; class ++) {
        const char *name = decant_dataset_class_name(dataset, class);
        status = decant_table_begin_row(table);
        if (status == DECANT_OK)
            status =
                name != NULL ? decant_table_add_cell(table, "%s", name) : decant_table_add_cell(table, "%d", class);
        for (int t = 0; t < 3 && status == DECANT_OK; t++)
            status = decant_table_add_cell(table, "%" PRId64, counts[t][class]);
    }
    return status;
}

static decant_status print_as_text(const decant_dataset *dataset, const decant_dataset_report *report)
{
    decant_table *table = NULL;
    char *text = NULL, train[28], validation[28], test[28];
    decant_status status = decant_table_create(&table);
    if (status == DECANT_OK) status = fill_table(dataset, report, table);
    if (status == DECANT_OK) status = decant_table_text(table, &text);
    decant_table_destroy(table);
    if (status != DECANT_OK) return status;
    print_line_part(stdout, decant_dataset_name(dataset));
    printf(": %s training, %s validation and %s test samples of %d classes\n\n",
           decant_count_text(report->train, train), decant_count_text(report->validation, validation),
           decant_count_text(report->test, test), report->classes);
    print_text(text);
    putchar('\n');
    if (report->test > 0)
        printf("always answering the commonest class: %.2f %%\n", 100 * report->majority);
    else
        printf("no test samples\n");
    printf("identical samples: %" PRId64 " within training, %" PRId64 " of test also in training, %" PRId64
           " of validation also in training, %" PRId64 " of test also in validation\n",
           report->duplicates_within_train, report->train_in_test, report->train_in_validation,
           report->validation_in_test);
    if (report->unlabelled > 0)
        printf("unlabelled: %" PRId64 " samples, %" PRId64 " of them also in validation; %" PRId64
               " of test also among them\n",
               report->unlabelled, report->unlabelled_in_validation, report->unlabelled_in_test);
    return DECANT_OK;
}

static decant_status check_recipe(const cli_invocation *invocation, decant_dataset **ret_dataset,
                                  decant_dataset_report *ret_report)
{
    decant_recipe *recipe = NULL;
    decant_status status = load_recipe(invocation->arguments[1], &invocation->values[DATA_OVERRIDE], NULL, &recipe);
    if (status == DECANT_OK) status = decant_recipe_check_data(recipe, ret_dataset, ret_report);
    decant_recipe_destroy(recipe);
    return status;
}

static decant_status check_source(const cli_invocation *invocation, decant_dataset **ret_dataset,
                                  decant_dataset_report *ret_report)
{
    const option_value *values = invocation->values;
    decant_status status = decant_dataset_open(invocation->arguments[1], ret_dataset);
    if (status != DECANT_OK) return status;
    return decant_dataset_check(*ret_dataset, values[DATA_VALIDATION].number, (uint64_t)values[DATA_SEED].number,
                                ret_report);
}

static int check(const cli_invocation *invocation)
{
    const option_value *values = invocation->values;
    decant_dataset *dataset = NULL;
    decant_dataset_report report = {0};
    int exit_status = 0;
    if (invocation->n_arguments != 2) return usage_error(invocation->verb, "check wants one SOURCE or RECIPE");
    const bool is_recipe = is_recipe_name(invocation->arguments[1]);
    if (is_recipe && (values[DATA_VALIDATION].given || values[DATA_SEED].given))
        return usage_error(invocation->verb, "a recipe says itself what is held out; -o data.validation=N changes it");
    if (!is_recipe && values[DATA_OVERRIDE].given)
        return usage_error(invocation->verb, "there is no recipe to override a key of");
    decant_status status =
        is_recipe ? check_recipe(invocation, &dataset, &report) : check_source(invocation, &dataset, &report);
    if (status == DECANT_OK && values[OPTION_JSON].given)
        exit_status = print_json(report_json(dataset, &report));
    else if (status == DECANT_OK)
        status = print_as_text(dataset, &report);
    if (status != DECANT_OK) exit_status = report_failure(status);
    decant_dataset_report_finish(&report);
    decant_dataset_destroy(dataset);
    return exit_status;
}

/* Options that would change nothing are not passed over in silence. Returns -1 when all is well. */
static int refuse_idle_options(const cli_invocation *invocation, const char *action)
{
    static const struct {
        int option;
        const char *action;
    } belongs[] = {{DATA_VALIDATION, "check"}, {DATA_SEED, "check"}, {DATA_OVERRIDE, "check"}, {DATA_MIRROR, "get"}};
    for (size_t i = 0; i < sizeof belongs / sizeof belongs[0]; i++)
        if (invocation->values[belongs[i].option].given && strcmp(action, belongs[i].action) != 0)
            return usage_error(invocation->verb, "--%s is for `decant data %s`", options[belongs[i].option].name,
                               belongs[i].action);
    return -1;
}

static int run(const cli_invocation *invocation)
{
    const char *action = invocation->arguments[0];
    const bool is_known = strcmp(action, "list") == 0 || strcmp(action, "check") == 0 || strcmp(action, "get") == 0;
    const int refused = is_known ? refuse_idle_options(invocation, action) : -1;
    if (refused >= 0) return refused;
    if (strcmp(action, "list") == 0) return list(invocation);
    if (strcmp(action, "check") == 0) return check(invocation);
    if (strcmp(action, "get") == 0) return get(invocation);
    return usage_error(invocation->verb, "there is no 'data %s'; there are list, get and check", action);
}

const cli_verb verb_data = {
    .name = "data",
    .arguments = "list | get NAME | check SOURCE|RECIPE",
    .summary = "lists the known data sets; fetches one; counts one and looks for overlaps",
    .details =
        "get fetches a known data set into the folder NAME of DECANT_DATA or ~/.local/share/decant, checks every file\n"
        "against its published SHA-256, and goes on where it was stopped.\n"
        "SOURCE is a known name, a folder with IDX or CIFAR files, pictures (train/CLASS, test/CLASS) or arrays of\n"
        "NumPy (x_train.npy, ...), or a .npz file. Of a RECIPE, the data is checked as its runs see it.\n",
    .options = options,
    .n_options = DATA_OPTION_COUNT,
    .min_arguments = 1,
    .max_arguments = 2,
    .run = run,
};
