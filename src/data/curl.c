/* Finding libcurl and its functions, once. */
#include "data/curl.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stddef.h>
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
static const char *missing; /* NULL once all is there */
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void load(void)
{
    void *library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
    missing = library ? NULL : LIBRARY;
    for (size_t i = 0; !missing && i < sizeof functions / sizeof functions[0]; i++) {
        void *function = dlsym(library, functions[i].name);
        if (!function) missing = functions[i].name;
        memcpy((char *)&loaded + functions[i].offset, &function, sizeof function);
    }
    if (!missing) loaded.global_init(CURL_GLOBAL_DEFAULT);
}

decant_status dcn_curl_load(const dcn_curl **ret_curl)
{
    pthread_once(&once, load);
    if (missing)
        return DCN_FAIL(NOT_FOUND, "%s was not found, which fetches files; install libcurl (Debian: libcurl4)",
                        missing);
    *ret_curl = &loaded;
    return DECANT_OK;
}
