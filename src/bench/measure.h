/* What the measurements share: a call timed in windows, and the steps of a plan with their times. */
#ifndef DCN_BENCH_MEASURE_H
#define DCN_BENCH_MEASURE_H

#include "base/memory.h"
#include "decant/bench.h"
#include "engine/plan.h"

typedef decant_status dcn_bench_call(void *context);

/* Calls once, which ends first_step_clock, then for a quarter of the seconds to warm up, then in seven windows that
 * share the seconds; fills the times of the result. */
decant_status dcn_bench_windows(dcn_bench_call *call, void *context, double seconds, decant_bench_result *result);

/* Runs the plan again and again for about so many seconds, `prepare` (NULL: nothing) before each time; the rows are the
 * arena's. */
decant_status dcn_bench_profile(dcn_plan *plan, dcn_bench_call *prepare, void *context, double seconds,
                                dcn_arena *arena, decant_bench_result *result);

/* Operations of a call that runs the plan so many times, and the plan's memory. */
void dcn_bench_describe(const dcn_plan *plan, int64_t runs, decant_bench_result *result);

#endif
