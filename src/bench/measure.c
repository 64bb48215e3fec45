/* Timing calls and plans. */
#include "bench/measure.h"

#include <string.h>

#include "base/clock.h"

#define WINDOWS       7
#define MAX_PROFILED  200                /* runs averaged by a profile */
#define BURST_SECONDS 1e-4               /* the clock is asked this often: it would be a part of the shortest calls */
#define CACHED_BYTES  ((size_t)64 << 20) /* what the caches might hold from one pass to the next */

/* Calls for about `seconds`, `burst` times between two looks at the clock; gives the mean time of a call. */
static decant_status run_window(dcn_bench_call *call, void *context, double seconds, int64_t burst, double *ret_mean)
{
    const double start = dcn_clock_seconds();
    int64_t count = 0;
    double now;
    do {
        for (int64_t i = 0; i < burst; i++)
            TRY_RETURN(call(context));
        count += burst;
        now = dcn_clock_seconds();
    } while (now - start < seconds);
    *ret_mean = (now - start) / (double)count;
    return DECANT_OK;
}

decant_status dcn_bench_windows(dcn_bench_call *call, void *context, double seconds, decant_bench_result *result)
{
    double window[WINDOWS], warm;
    result->ready_clock = dcn_clock_seconds();
    TRY_RETURN(call(context));
    result->first_step_clock = dcn_clock_seconds();
    TRY_RETURN(run_window(call, context, seconds / 4, 1, &warm));
    const int64_t burst = 1 + (int64_t)(BURST_SECONDS / warm);
    for (int i = 0; i < WINDOWS; i++) {
        TRY_RETURN(run_window(call, context, seconds / WINDOWS, burst, &window[i]));
        for (int k = i; k > 0 && window[k] < window[k - 1]; k--) {
            const double swap = window[k];
            window[k] = window[k - 1];
            window[k - 1] = swap;
        }
    }
    result->seconds = window[WINDOWS / 2];
    result->seconds_min = window[0];
    result->seconds_max = window[WINDOWS - 1];
    return DECANT_OK;
}

decant_status dcn_bench_profile(dcn_plan *plan, dcn_bench_call *prepare, void *context, double seconds,
                                dcn_arena *arena, decant_bench_result *result)
{
    double *once, *sum;
    result->n_rows = dcn_plan_steps(plan);
    TRY_RETURN(dcn_arena_take(arena, (size_t)result->n_rows * sizeof *result->rows, (void **)&result->rows));
    TRY_RETURN(dcn_arena_take(arena, (size_t)result->n_rows * sizeof *once, (void **)&once));
    TRY_RETURN(dcn_arena_take(arena, (size_t)result->n_rows * sizeof *sum, (void **)&sum));

    const double start = dcn_clock_seconds();
    int runs = 0;
    while (runs < MAX_PROFILED && (runs == 0 || dcn_clock_seconds() - start < seconds)) {
        if (prepare != NULL) TRY_RETURN(prepare(context));
        TRY_RETURN(dcn_plan_run_timed(plan, once));
        runs++;
        for (int32_t i = 0; i < result->n_rows; i++)
            sum[i] += once[i];
    }
    for (int32_t i = 0; i < result->n_rows; i++) {
        const dcn_step_info info = dcn_plan_step(plan, i);
        char *op, *layer, *kernel;
        TRY_RETURN(dcn_arena_string(arena, info.op, &op));
        TRY_RETURN(dcn_arena_string(arena, info.layer ? info.layer : "", &layer));
        TRY_RETURN(dcn_arena_string(arena, info.kernel, &kernel));
        result->rows[i] = (decant_bench_row){op, layer, kernel, sum[i] / runs, info.flops, (int64_t)info.bytes};
    }
    return DECANT_OK;
}

/* Together with the operations the streamed bytes bound a step from below: such passes run at the memory's speed. */
void dcn_bench_describe(const dcn_plan *plan, int64_t runs, decant_bench_result *result)
{
    const double times = (double)runs;
    result->flops = times * dcn_plan_flops(plan);
    result->memory = (int64_t)dcn_plan_memory_use(plan).total;
    for (int32_t i = 0; i < dcn_plan_steps(plan); i++) {
        const dcn_step_info info = dcn_plan_step(plan, i);
        const bool narrow = strcmp(info.precision, "bf16") == 0;
        result->needed_flops += times * info.needed_flops;
        if (narrow) result->bf16_flops += times * info.flops;
        if (narrow) result->needed_bf16_flops += times * info.needed_flops;
        if (info.bytes > CACHED_BYTES && info.flops < (double)info.bytes)
            result->streamed += runs * (int64_t)info.bytes;
    }
}
