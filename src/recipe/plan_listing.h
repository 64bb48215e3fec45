/* A plan copied out into a listing that outlives it. */
#ifndef DCN_RECIPE_PLAN_LISTING_H
#define DCN_RECIPE_PLAN_LISTING_H

#include "decant/model.h"
#include "engine/plan.h"

decant_status dcn_plan_listing_make(const dcn_plan *plan, int64_t batch, bool training,
                                    decant_plan_listing **ret_listing);

#endif
