/* -o KEY=VALUE, and --device and --threads, which are such keys too. */
#include "overrides.h"

#include <stdio.h>
#include <string.h>

decant_status load_recipe(const char *path, const option_value *overrides, const option_value *device,
                          const option_value *threads, decant_recipe **ret_recipe)
{
    const char *list[MAX_LIST + 2];
    char device_text[128], threads_text[32];
    int32_t count = overrides->n_list;
    memcpy(list, overrides->list, (size_t)count * sizeof *list);
    if (device != NULL && device->given) {
        snprintf(device_text, sizeof device_text, "device=%s", device->text);
        list[count++] = device_text;
    }
    if (threads != NULL && threads->given) {
        snprintf(threads_text, sizeof threads_text, "threads=%lld", (long long)threads->number);
        list[count++] = threads_text;
    }
    return decant_recipe_load(path, list, count, ret_recipe);
}

decant_compute compute_of(const option_value *device, const option_value *threads)
{
    return (decant_compute){.device = device->given ? device->text : NULL,
                            .threads = threads->given ? (int32_t)threads->number : 0};
}
