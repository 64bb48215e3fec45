/* The verbs, one file cmd_VERB.c each. */
#ifndef CLI_VERBS_H
#define CLI_VERBS_H

#include "options.h"

extern const cli_verb verb_run, verb_summary, verb_eval, verb_predict, verb_compare, verb_report, verb_lint, verb_prune,
    verb_fold, verb_data, verb_bench, verb_info;

#endif
