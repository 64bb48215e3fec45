/* -o KEY=VALUE, and --device, --threads and --precision, which are such keys too. */
#include "overrides.h"

#include <stdio.h>
#include <string.h>

#include "output.h"

bool is_recipe_name(const char *path)
{
    const char *end = strrchr(path, '.');
    return end != NULL && (strcmp(end, ".yaml") == 0 || strcmp(end, ".yml") == 0);
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
    return decant_recipe_load(path, list, count, ret_recipe);
}

decant_compute asked_compute(const option_value *values)
{
    /* numbers are 0 where nothing was given, and the words stand in the order of decant_precision */
    return (decant_compute){.device = values[OPTION_DEVICE].text,
                            .threads = (int32_t)values[OPTION_THREADS].number,
                            .precision = (decant_precision)values[OPTION_PRECISION].number};
}

void tell_own_precision(const decant_run_info *run, const option_value *values)
{
    char text[256];
    if (!values[OPTION_PRECISION].given || values[OPTION_QUIET].given) return;
    if (run->precision == (decant_precision)values[OPTION_PRECISION].number) return;
    snprintf(text, sizeof text,
             "the recipe gives the run '%s' a precision of its own, which --precision leaves as it is; "
             "-o runs.%s.precision=%s changes it",
             run->name, run->name, values[OPTION_PRECISION].text);
    const decant_finding finding = {.severity = DECANT_SEVERITY_NOTE, .text = text};
    print_finding(stderr, &finding);
}
