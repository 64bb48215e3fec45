/* Files over HTTP: into FILE.part, from where an earlier try stopped, and checked by the caller before it gets its
 * name. */
#ifndef DCN_DATA_FETCH_H
#define DCN_DATA_FETCH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"

typedef struct dcn_fetch {
    const char *url;
    const char *path;  /* what has come so far is kept in it: continued when it is there */
    int64_t max_bytes; /* the most that it may become */
    /* Told now and then; total is 0 while it is not known. NULL: nobody is. False stops with INTERRUPTED. */
    bool (*progress)(void *context, int64_t done, int64_t total);
    void *context;
} dcn_fetch;

/* One try. IO with the reason (a stop half-way leaves what has come), NOT_FOUND for HTTP 404 and 410, FORMAT when more
 * comes than may, UNSUPPORTED without libcurl, INTERRUPTED. A server that cannot continue a file begins it anew. */
decant_status dcn_fetch_file(const dcn_fetch *fetch);

#endif
