/* -o KEY=VALUE, and --device, --threads and --precision, which are such keys too. */
#include "overrides.h"

#include <stdio.h>
#include <string.h>

bool is_recipe_name(const char *path)
{
    const char *end = strrchr(path, '.');
    return end != NULL && (strcmp(end, ".yaml") == 0 || strcmp(end, ".yml") == 0);
}

decant_status load_recipe(const char *path, const option_value *overrides, const compute_options *compute,
                          decant_recipe **ret_recipe)
{
    const char *list[MAX_LIST + 3];
    char device[128], threads[32], precision[32];
    int32_t count = overrides->n_list;
    memcpy(list, overrides->list, (size_t)count * sizeof *list);
    if (compute != NULL && compute->device->given) {
        snprintf(device, sizeof device, "device=%s", compute->device->text);
        list[count++] = device;
    }
    if (compute != NULL && compute->threads->given) {
        snprintf(threads, sizeof threads, "threads=%lld", (long long)compute->threads->number);
        list[count++] = threads;
    }
    if (compute != NULL && compute->precision->given) {
        snprintf(precision, sizeof precision, "precision=%s", compute->precision->text);
        list[count++] = precision;
    }
    return decant_recipe_load(path, list, count, ret_recipe);
}

decant_compute compute_of(const compute_options *compute)
{
    /* numbers are 0 where nothing was given, and the words stand in the order of decant_precision */
    return (decant_compute){.device = compute->device->given ? compute->device->text : NULL,
                            .threads = (int32_t)compute->threads->number,
                            .precision = (decant_precision)compute->precision->number};
}
