/* The contents of a data file, unpacked: read, or mapped from the cache of unpacked gzip files. */
#ifndef DCN_DATA_CONTENTS_H
#define DCN_DATA_CONTENTS_H

#include "base/file.h"

typedef struct dcn_contents {
    const uint8_t *data;
    size_t bytes;
    uint8_t *heap; /* where data lies, when it was read */
    dcn_map map;   /* or mapped */
} dcn_contents;

/* Opens a plain or gzip file. Unpacking a large gzip file takes longer than anything else at the start of a run, so its
 * contents are kept in ${XDG_CACHE_HOME:-~/.cache}/decant and mapped the next time. The cache is used only if the
 * file's size and modification time, and the hash of the contents, are as they were; where it cannot be written, or
 * with DECANT_CACHE=off, everything works without it. */
decant_status dcn_contents_open(const char *path, dcn_contents *ret_contents);
/* The same, but a plain file is mapped: for the few samples of a large one that are asked for. */
decant_status dcn_contents_map(const char *path, dcn_contents *ret_contents);
void dcn_contents_close(dcn_contents *contents); /* accepts a zeroed one */

#endif
