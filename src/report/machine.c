/* decant/device.h: what this machine is and what decant is built on. */
#include <jansson.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>
#include <yaml.h>
#include <zlib.h>

#include "base/memory.h"
#include "base/processor.h"
#include "base/text.h"
#include "decant/device.h"
#include "device/device.h"

#define STRINGIFY(text)                   #text
#define VERSION_TEXT(major, minor, patch) STRINGIFY(major) "." STRINGIFY(minor) "." STRINGIFY(patch)

/* --- devices --- */

int32_t decant_device_count(void)
{
    return dcn_device_count();
}

decant_device_info decant_device_at(int32_t index)
{
    if (index < 0 || index >= dcn_device_count()) return (decant_device_info){0};
    const dcn_device_class *class = dcn_device_at(index);
    return (decant_device_info){
        .name = class->name, .description = class->description, .available = class->available()};
}

decant_status decant_device_summary(const decant_compute *compute, char *ret_summary)
{
    DCN_REQUIRE(ret_summary);
    dcn_device *device = NULL;
    TRY_RETURN(dcn_compute_open(compute, &device));
    memcpy(ret_summary, device->summary, sizeof device->summary);
    dcn_device_close(device);
    return DECANT_OK;
}

/* --- the machine --- */

decant_machine_info decant_machine_describe(void)
{
    decant_machine_info machine = {.cores = 0};
    cpu_set_t cores;
    dcn_processor_name(machine.processor, sizeof machine.processor);
    if (sched_getaffinity(0, sizeof cores, &cores) == 0) machine.cores = CPU_COUNT(&cores);
    long pages = sysconf(_SC_PHYS_PAGES), page_bytes = sysconf(_SC_PAGESIZE);
    if (pages > 0 && page_bytes > 0) machine.memory = (int64_t)pages * (int64_t)page_bytes;
    return machine;
}

/* --- libraries --- */

static const char *chart_version(void)
{
#ifdef DCN_CHART_VERSION
    return DCN_CHART_VERSION;
#else
    return "not built in: pages of `decant report` have tables only";
#endif
}

static const char *jansson_version(void)
{
    return JANSSON_VERSION;
}

static const char *xxhash_version(void)
{
    return VERSION_TEXT(XXH_VERSION_MAJOR, XXH_VERSION_MINOR, XXH_VERSION_RELEASE);
}

static const struct {
    const char *name;
    const char *(*version)(void);
} libraries[] = {{"chart.js", chart_version},
                 {"jansson", jansson_version},
                 {"libyaml", yaml_get_version_string},
                 {"xxhash", xxhash_version},
                 {"zlib", zlibVersion}};

int32_t decant_library_count(void)
{
    return (int32_t)DCN_COUNT(libraries);
}

decant_library_info decant_library_at(int32_t index)
{
    if (index < 0 || index >= decant_library_count()) return (decant_library_info){0};
    return (decant_library_info){libraries[index].name, libraries[index].version()};
}
