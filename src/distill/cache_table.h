/* Inside distill/: the logits that a teacher cache knows, and the files that they are kept in. */
#ifndef DCN_DISTILL_CACHE_TABLE_H
#define DCN_DISTILL_CACHE_TABLE_H

#include "base/hash.h"
#include "distill/cache.h"

typedef enum dcn_known {
    DCN_UNKNOWN,
    DCN_KNOWN_NEW,     /* computed here */
    DCN_KNOWN_WRITTEN, /* the same, and on disk */
    DCN_KNOWN_FOUND    /* from disk */
} dcn_known;

/* Logits by slot: a sample's place among those trained on, times the variants, plus the variant. */
typedef struct dcn_logit_table {
    int64_t variants, classes, n_slots;
    int64_t n_samples;       /* in the data set's training part */
    const int32_t *indices;  /* [n_slots / variants] samples by place; the caller's */
    const int32_t *place_of; /* [n_samples]; -1: not trained on */
    float *logits;           /* [n_slots, classes]; untouched pages of unknown ones take no memory */
    uint8_t *known;          /* [n_slots] dcn_known */
    int64_t n_new, n_written, n_found;
} dcn_logit_table;

/* Where a table's files are. Each holds some answers of one teacher and is never changed once it has its name, so
 * processes that share the folder only ever add to what the others know.
 *
 *   KEY-CONTENT.logits   named for the hashes below
 *   header, 64 bytes     "decantT1"; key (2 x 8 bytes); rows; classes; hash of what follows the header (2 x 8 bytes);
 *                        hash of the header so far. All integers are u64 in the machine's order
 *   ids                  [rows] u64: sample * variants + variant
 *   logits               [rows, classes] f32 */
typedef struct dcn_logit_files {
    char *folder; /* NULL: none */
    dcn_hash key; /* of all that the logits depend on */
    int64_t limit;
    void *context;
    void (*on_note)(void *context, const char *text);
} dcn_logit_files;

/* Takes over what is there. Damaged files are noted and removed. Fails only with NO_MEMORY. */
decant_status dcn_logit_files_load(const dcn_logit_files *files, dcn_logit_table *table);
/* Writes the new rows, removing the files unused for longest where the limit asks for it. When they cannot be written
 * that is noted and the folder given up. Fails only with NO_MEMORY. */
decant_status dcn_logit_files_save(dcn_logit_files *files, dcn_logit_table *table);
/* Removes every file of this key. */
decant_status dcn_logit_files_remove(const dcn_logit_files *files);

#endif
