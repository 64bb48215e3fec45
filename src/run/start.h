/* What a run trains: a network and its weights at the start, fresh or made of a trained model. */
#ifndef DCN_RUN_START_H
#define DCN_RUN_START_H

#include "base/hash.h"
#include "run/materials.h"

/* The trained model that a run starts from. */
typedef struct dcn_start {
    decant_model *source; /* NULL: it starts fresh */
    char hex[DCN_HASH_HEX];
    int64_t parameters_before, mult_adds_before; /* of a run that prunes: the source's; else 0 */
} dcn_start;

/* Whether two networks take the same weights. ret_difference: where they part, in words that follow "another network
 * than X: "; untouched when they are the same. */
#define DCN_DIFFERENCE_TEXT 400
bool dcn_start_fits(const dcn_graph *wanted, const dcn_graph *found, char ret_difference[DCN_DIFFERENCE_TEXT]);

/* Loads the source from a model file; path NULL: there is none. */
decant_status dcn_start_open(const char *path, dcn_start *ret_start);
void dcn_start_finish(dcn_start *start);

/* USAGE when what is left of a network that the run prunes exceeds the budget of that run. */
decant_status dcn_start_check_budget(const dcn_experiment *experiment, int32_t run, int64_t parameters,
                                     int64_t mult_adds);

/* The model that the run trains, made on the device where that takes computing, with the data's normalisation and class
 * names. USAGE when the source is another network than the recipe says, cannot be pruned as asked, or what is left of
 * it exceeds the budget. */
decant_status dcn_start_model(dcn_device *device, const dcn_materials *materials, int32_t run, uint64_t seed,
                              dcn_start *start, decant_model **ret_model);

#endif
