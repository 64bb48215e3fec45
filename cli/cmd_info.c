/* decant info: this build and this machine. */
#include <inttypes.h>
#include <stdio.h>

#include "output.h"
#include "verbs.h"

static const cli_option options[] = {[OPTION_JSON] = OPTION_JSON_ROW, [OPTION_QUIET] = OPTION_QUIET_ROW};

/* The device's own words, or why there are none. */
static const char *describe_device(const decant_device_info *device, char *summary, size_t bytes)
{
    const decant_compute compute = {.device = device->name};
    if (!device->available) return "not on this machine";
    if (decant_device_summary(&compute, summary) == DECANT_OK) return summary;
    snprintf(summary, bytes, "%s", decant_error_message());
    return summary;
}

static int print_as_json(const decant_machine_info *machine)
{
    json_t *devices = json_array(), *libraries = json_object();
    char summary[128];
    for (int32_t i = 0; i < decant_device_count(); i++) {
        const decant_device_info device = decant_device_at(i);
        json_array_append_new(devices, json_pack("{s:s, s:b, s:s}", "name", device.name, "available", device.available,
                                                 "summary", describe_device(&device, summary, sizeof summary)));
    }
    for (int32_t i = 0; i < decant_library_count(); i++) {
        const decant_library_info library = decant_library_at(i);
        json_object_set_new(libraries, library.name, json_string(library.version));
    }
    return print_json(json_pack("{s:s, s:s, s:s, s:i, s:I, s:o, s:o}", "version", decant_version(), "revision",
                                decant_revision(), "processor", machine->processor, "cores", machine->cores, "memory",
                                (json_int_t)machine->memory, "devices", devices, "libraries", libraries));
}

static int run(const cli_invocation *invocation)
{
    const decant_machine_info machine = decant_machine_describe();
    char summary[128], bytes[28];
    if (invocation->values[OPTION_JSON].given) return print_as_json(&machine);
    print_version();
    printf("\n\nmachine\n  %s, %d cores, %s\n\ndevices\n", machine.processor, machine.cores,
           decant_bytes_text((double)machine.memory, bytes));
    for (int32_t i = 0; i < decant_device_count(); i++) {
        const decant_device_info device = decant_device_at(i);
        if (device.available)
            printf("  %s\n", describe_device(&device, summary, sizeof summary)); /* begins with its name */
        else
            printf("  %s: %s, not on this machine\n", device.name, device.description);
    }
    printf("\nlibraries\n");
    for (int32_t i = 0; i < decant_library_count(); i++) {
        const decant_library_info library = decant_library_at(i);
        printf("  %-9s %s\n", library.name, library.version);
    }
    return 0;
}

const cli_verb verb_info = {
    .name = "info",
    .arguments = "",
    .summary = "prints the version, the machine, the devices and the libraries",
    .details = "",
    .options = options,
    .n_options = OPTION_COMMON_COUNT,
    .min_arguments = 0,
    .max_arguments = 0,
    .run = run,
};
