/* A run's directory: what it is called, whose it is, and what stands in it.
 *
 *   run.json                whose it is: recipe, run, seed and identity, and the recipe's text; written first
 *   losses.json             what the loss is made of, as of the first step
 *   checkpoint.safetensors  while training
 *   metrics.jsonl           every epoch
 *   model.safetensors       the selected weights
 *   result.json             written last, whole or not at all: a run is finished when it is there
 */
#ifndef DCN_RUN_RUN_DIRECTORY_H
#define DCN_RUN_RUN_DIRECTORY_H

#include "decant/recipe.h"
#include "run/identity.h"

typedef struct dcn_run_directory {
    char *path, *run, *losses, *checkpoint, *metrics, *model, *result;
} dcn_run_directory;

typedef enum dcn_run_state {
    DCN_RUN_NEW,         /* nothing there */
    DCN_RUN_INTERRUPTED, /* begun with this identity */
    DCN_RUN_DONE,        /* finished with this identity */
    DCN_RUN_CHANGED      /* the same recipe, run and seed, but another identity */
} dcn_run_state;

/* ROOT/RECIPE/RUN, or ROOT/RECIPE/RUN-seedN where the run has several seeds. */
decant_status dcn_run_directory_name(const char *root, const dcn_experiment *experiment, int32_t run, uint64_t seed,
                                     dcn_run_directory *ret_directory);
void dcn_run_directory_finish(dcn_run_directory *directory);

/* Whose directory it is. STALE when it belongs to another recipe, run or seed, or to something that is not decant.
 * difference: for CHANGED, what changed in words. */
decant_status dcn_run_directory_inspect(const dcn_run_directory *directory, const dcn_experiment *experiment,
                                        int32_t run, uint64_t seed, const dcn_identity *identity,
                                        dcn_run_state *ret_state, dcn_text *difference);
/* Removes what processes that were killed left half-written. The directory must be locked. */
decant_status dcn_run_directory_tidy(const dcn_run_directory *directory);
/* Makes the directory and marks it; what a changed run left is removed. */
decant_status dcn_run_directory_claim(const dcn_run_directory *directory, const dcn_experiment *experiment, int32_t run,
                                      uint64_t seed, const dcn_identity *identity);

#endif
