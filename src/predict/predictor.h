/* What measuring needs of a predictor. */
#ifndef DCN_PREDICT_PREDICTOR_H
#define DCN_PREDICT_PREDICTOR_H

#include "decant/predictor.h"
#include "engine/plan.h"

/* The plan that n samples go through, in *ret_runs runs: more than the largest plan takes go through it in parts. The
 * plan is the predictor's. */
decant_status dcn_predictor_plan(decant_predictor *predictor, int64_t n, int64_t *ret_runs, dcn_plan **ret_plan);

#endif
