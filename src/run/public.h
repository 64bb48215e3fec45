/* Findings and runs as callers outside see them. */
#ifndef DCN_RUN_PUBLIC_H
#define DCN_RUN_PUBLIC_H

#include "decant/recipe.h"
#include "recipe/experiment.h"
#include "recipe/schema.h"

/* The worst first, otherwise in their order. Takes texts and files over. */
decant_status dcn_finding_list_make(dcn_findings *findings, decant_finding_list **ret_list);
decant_run_info dcn_run_info(const dcn_experiment *experiment, int32_t run);

#endif
