/* The processor's name, from /proc. */
#include "base/processor.h"

#include <stdio.h>
#include <string.h>

/* The first "model name" line of /proc/cpuinfo; other processors than x86 call it otherwise or not at all. */
void dcn_processor_name(char *ret_name, size_t bytes)
{
    char line[256];
    snprintf(ret_name, bytes, "unknown");
    FILE *file = fopen("/proc/cpuinfo", "r");
    if (file == NULL) return;
    while (fgets(line, sizeof line, file) != NULL) {
        const char *colon = strchr(line, ':');
        if (strncmp(line, "model name", 10) != 0 || colon == NULL) continue;
        snprintf(ret_name, bytes, "%.*s", (int)strcspn(colon + 2, "\n"), colon + 2);
        break;
    }
    fclose(file);
}
