/* libcurl, loaded when something is fetched: two dozen libraries come with it, which would be more than half of every
 * start. */
#ifndef DCN_DATA_CURL_H
#define DCN_DATA_CURL_H

#include <curl/curl.h>

#include "base/status.h"

/* libcurl's functions of these names. */
typedef struct dcn_curl {
    CURLcode (*global_init)(long flags);
    CURL *(*init)(void);
    CURLcode (*setopt)(CURL *curl, CURLoption option, ...);
    CURLcode (*perform)(CURL *curl);
    CURLcode (*getinfo)(CURL *curl, CURLINFO info, ...);
    const char *(*strerror)(CURLcode code);
    void (*cleanup)(CURL *curl);
} dcn_curl;

/* The library stays loaded. Any thread may ask. UNSUPPORTED: it is not installed, or lacks one of these. */
decant_status dcn_curl_load(const dcn_curl **ret_curl);

#endif
