/* Data sets as they are published: their files, what these must hold, and the mirrors that serve them. */
#ifndef DCN_DATA_PUBLISHED_H
#define DCN_DATA_PUBLISHED_H

#include "decant/dataset.h"

typedef struct dcn_published_file {
    const char *name; /* as mirrors call it, or within the archive */
    int64_t bytes;    /* of its contents, unpacked; mirrors pack the same contents differently */
    const char *sha256;
} dcn_published_file;

typedef struct dcn_published {
    const char *name;
    const char *const *mirrors; /* in the order in which they are tried; NULL at the end */
    const dcn_published_file *files;
    int32_t n_files;
    const char *archive; /* a .tar.gz with the files; NULL: they are served one by one */
    const char *archive_folder;
    int64_t archive_bytes;
    const char *archive_sha256;
} dcn_published;

/* NULL when nothing of that name is known. */
const dcn_published *dcn_published_find(const char *name);
/* Fetches what is not there yet, or damaged, into the folder. What has come is kept in FILE.part and continued, by
 * another mirror too; a file gets its name when its checksum is right. STALE while another process fetches into the
 * folder; IO with every mirror's reason. */
decant_status dcn_published_get(const dcn_published *set, const char *folder, const decant_get_options *options);

#endif
