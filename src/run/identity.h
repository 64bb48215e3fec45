/* What a run is, as canonical JSON and its hash: everything that bears on its result and nothing else. Two recipes that
 * say the same in other words give the same identity; device and thread count do not belong to it. */
#ifndef DCN_RUN_IDENTITY_H
#define DCN_RUN_IDENTITY_H

#include <jansson.h>

#include "base/text.h"
#include "run/materials.h"

/* Version of what a run directory holds; part of every identity. */
#define DCN_RUN_FORMAT 1

typedef struct dcn_identity {
    json_t *config; /* the canonical description */
    char hex[DCN_HASH_HEX];
    char data_hex[DCN_HASH_HEX];
} dcn_identity;

/* teacher: its identity (teachers.h), or NULL; start_hex: of the model that the run starts from, read only
 * for a run that does. */
decant_status dcn_identity_make(const dcn_materials *materials, int32_t run, uint64_t seed, const char *teacher,
                                const char *start_hex, dcn_identity *ret_identity);
/* Whether two runs have the same optimiser and schedule. */
bool dcn_is_optimized_alike(const dcn_run_spec *a, const dcn_run_spec *b);
void dcn_identity_finish(dcn_identity *identity);
/* The first thing in which two descriptions differ, as words: "epochs was 20 and is 10". */
decant_status dcn_identity_difference(const json_t *was, const json_t *is, dcn_text *text);

#endif
