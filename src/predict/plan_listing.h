/* A plan copied out into a listing that outlives it. */
#ifndef DCN_PREDICT_PLAN_LISTING_H
#define DCN_PREDICT_PLAN_LISTING_H

#include "decant/model.h"
#include "engine/plan.h"

/* run: whose training step it is, NULL for inference. Freed with decant_plan_listing_destroy(). */
decant_status dcn_plan_listing_make(const dcn_plan *plan, int64_t batch, const char *run,
                                    decant_plan_listing **ret_listing);

#endif
