/* Finding libcurl and its functions, once. */
#include "data/curl.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define LIBRARY "libcurl.so.4"

static const struct {
    const char *name;
    size_t offset;
} functions[] = {
    {"curl_global_init", offsetof(dcn_curl, global_init)}, {"curl_easy_init", offsetof(dcn_curl, init)},
    {"curl_easy_setopt", offsetof(dcn_curl, setopt)},      {"curl_easy_perform", offsetof(dcn_curl, perform)},
    {"curl_easy_getinfo", offsetof(dcn_curl, getinfo)},    {"curl_easy_strerror", offsetof(dcn_curl, strerror)},
    {"curl_easy_cleanup", offsetof(dcn_curl, cleanup)},
};

static dcn_curl loaded;
static bool is_loaded;
static char reason[256]; /* why not */
static pthread_once_t once = PTHREAD_ONCE_INIT;

static bool find_functions(void *library)
{
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++) {
        void *function = dlsym(library, functions[i].name);
        if (!function) return false;
        memcpy((char *)&loaded + functions[i].offset, &function, sizeof function);
    }
    return true;
}

static void load(void)
{
    void *library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
    is_loaded = library && find_functions(library);
    if (is_loaded)
        loaded.global_init(CURL_GLOBAL_DEFAULT);
    else
        snprintf(reason, sizeof reason, "%s", dlerror());
}

decant_status dcn_curl_load(const dcn_curl **ret_curl)
{
    pthread_once(&once, load);
    if (!is_loaded)
        return DCN_FAIL(UNSUPPORTED, "nothing can be fetched without libcurl (Debian: libcurl4): %s", reason);
    *ret_curl = &loaded;
    return DECANT_OK;
}
