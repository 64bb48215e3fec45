/* The words of a recipe. */
#include "recipe/words.h"

#include "recipe/experiment.h"

const char *const dcn_optimizer_words[3] = {
    [DCN_OPTIMIZER_SGD] = "sgd", [DCN_OPTIMIZER_ADAM] = "adam", [DCN_OPTIMIZER_ADAMW] = "adamw"};

const char *const dcn_schedule_words[4] = {[DCN_SCHEDULE_CONSTANT] = "constant",
                                           [DCN_SCHEDULE_STEP] = "step",
                                           [DCN_SCHEDULE_COSINE] = "cosine",
                                           [DCN_SCHEDULE_ONE_CYCLE] = "one_cycle"};

const char *const dcn_match_words[3] = {
    [DCN_MATCH_NONE] = "none", [DCN_MATCH_AVGPOOL] = "avgpool", [DCN_MATCH_PROJECT] = "project"};

const char *const dcn_average_words[2] = {
    [DCN_AVERAGE_LOGITS] = "logits", [DCN_AVERAGE_PROBABILITIES] = "probabilities"};

const char *const dcn_pool_words[3] = {[DCN_POOL_NONE] = "none", [DCN_POOL_ALSO] = "also", [DCN_POOL_ONLY] = "only"};

const char *const dcn_correction_words[3] = {
    [DCN_CORRECT_NOT] = "", [DCN_CORRECT_FREQUENCIES] = "frequencies", [DCN_CORRECT_VALIDATION] = "validation"};
