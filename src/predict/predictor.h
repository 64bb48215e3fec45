/* What measuring needs of a predictor. */
#ifndef DCN_PREDICT_PREDICTOR_H
#define DCN_PREDICT_PREDICTOR_H

#include "decant/predictor.h"
#include "engine/plan.h"

/* The plan that n samples go through (the largest there is, for more); the predictor's. */
decant_status dcn_predictor_plan(decant_predictor *predictor, int64_t n, dcn_plan **ret_plan);

#endif
