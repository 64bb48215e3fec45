/* -o KEY=VALUE, and --device, --threads and --precision, which are such keys too. */
#include "overrides.h"

#include "output.h"

#include <stdio.h>
#include <string.h>

bool is_recipe_name(const char *path)
{
    const char *end = strrchr(path, '.');
    return end != NULL && (strcmp(end, ".yaml") == 0 || strcmp(end, ".yml") == 0);
}

/* A run's own key goes before what is asked of the recipe. */
static void tell_own_precisions(const decant_recipe *recipe, decant_precision asked)
{
    char text[256];
    for (int32_t i = 0; i < decant_recipe_run_count(recipe); i++) {
        const decant_run_info run = decant_recipe_run_at(recipe, i);
        if (run.precision == asked) continue;
        snprintf(text, sizeof text,
                 "the run '%s' says its precision itself, so --precision does not change it; "
                 "-o runs.RUN.precision=... does",
                 run.name);
        const decant_finding finding = {.severity = DECANT_SEVERITY_NOTE, .text = text};
        print_finding(stderr, &finding);
    }
}

decant_status load_recipe(const char *path, const option_value *overrides, const option_value *values,
                          decant_recipe **ret_recipe)
{
    const char *list[MAX_LIST + 3];
    char device[128], threads[32], precision[32];
    int32_t count = overrides->n_list;
    memcpy(list, overrides->list, (size_t)count * sizeof *list);
    if (values != NULL && values[OPTION_DEVICE].given) {
        snprintf(device, sizeof device, "device=%s", values[OPTION_DEVICE].text);
        list[count++] = device;
    }
    if (values != NULL && values[OPTION_THREADS].given) {
        snprintf(threads, sizeof threads, "threads=%lld", (long long)values[OPTION_THREADS].number);
        list[count++] = threads;
    }
    if (values != NULL && values[OPTION_PRECISION].given) {
        snprintf(precision, sizeof precision, "precision=%s", values[OPTION_PRECISION].text);
        list[count++] = precision;
    }
    decant_status status = decant_recipe_load(path, list, count, ret_recipe);
    if (status == DECANT_OK && values != NULL && values[OPTION_PRECISION].given)
        tell_own_precisions(*ret_recipe, (decant_precision)values[OPTION_PRECISION].number);
    return status;
}

decant_compute asked_compute(const option_value *values)
{
    /* numbers are 0 where nothing was given, and the words stand in the order of decant_precision */
    return (decant_compute){.device = values[OPTION_DEVICE].text,
                            .threads = (int32_t)values[OPTION_THREADS].number,
                            .precision = (decant_precision)values[OPTION_PRECISION].number};
}
