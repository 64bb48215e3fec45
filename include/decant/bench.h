/* Measuring: training steps and forward passes of well-known networks on this machine, with the share of its peak. */
#ifndef DECANT_BENCH_H
#define DECANT_BENCH_H

#include <stdbool.h>
#include <stdint.h>

#include "decant/device.h"
#include "decant/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/** A training step that can be measured. Static storage. */
typedef struct {
    const char *name;        /**< "lightnn" */
    const char *description; /**< one phrase: network, input, loss, optimiser */
    int64_t batch;           /**< samples a step */
} decant_bench_case;

/** Number of cases. */
int32_t decant_bench_case_count(void);

/** One of them; NULLs and 0 when index is not in [0, decant_bench_case_count()). */
decant_bench_case decant_bench_case_at(int32_t index);

/** One step of the plan, with the time it took. A call of more samples than a plan takes (256 images) runs it several
 *  times. Strings are the result's. */
typedef struct {
    const char *op, *layer, *kernel;
    double seconds; /**< mean over the profiled runs */
    double flops;   /**< floating point operations of one run */
    int64_t bytes;  /**< read and written by one run */
} decant_bench_row;

/** What was measured. Times are of whole steps: next batch from the loader, forward, loss, backward, update. */
typedef struct {
    decant_bench_case of;
    int64_t parameters;
    double seconds, seconds_min, seconds_max; /**< a step: median, fastest and slowest window */
    double flops;                             /**< floating point operations a step */
    double bf16_flops;                        /**< those of them that compute from bf16 */
    double needed_flops, needed_bf16_flops;   /**< the same without what the kernels' algorithms save: taps on padding,
                                                 and by Winograd's algorithm more than half of a convolution */
    int64_t streamed;                     /**< bytes of a step's passes over more than caches hold (64 MiB), with less
                                             than an operation a byte: they run at the memory's speed */
    int64_t memory;                       /**< bytes that the plan holds */
    double ready_clock, first_step_clock; /**< CLOCK_MONOTONIC when the first step began and ended, in seconds */
    decant_bench_row *rows;               /**< the plan's steps with their times; NULL unless asked for */
    int32_t n_rows;
    void *internal;
} decant_bench_result;

/** What the machine can do at most, measured in this process on all its threads. */
typedef struct {
    double f32_flops;        /**< operations a second of fused multiply-adds on registers */
    double bf16_flops;       /**< the same from bf16 with f32 sums, by dot products on registers or by a large matrix
                                product, whichever is faster; 0 where the processor has neither */
    double bytes_per_second; /**< of a triad over arrays larger than the caches */
} decant_bench_peak;

/** Measures one case.
 *
 *  name        of the case.
 *  compute     device and threads; NULL for the default.
 *  seconds     how long to measure (after a warm-up of a quarter of it); > 0. Seven windows share it.
 *  profile     also time each step of the plan.
 *  ret_result  freed with decant_bench_result_destroy().
 *
 *  Errors: NOT_FOUND (case or device), INVALID_ARG, UNSUPPORTED, NO_MEMORY.
 */
DECANT_MUST_USE decant_status decant_bench_train(const char *name, const decant_compute *compute, double seconds,
                                                 bool profile, decant_bench_result **ret_result);

/** Frees a result; accepts NULL. */
void decant_bench_result_destroy(decant_bench_result *result);

/** Number of forward passes that can be measured. */
int32_t decant_bench_infer_count(void);

/** One of them, with its usual batch; NULLs and 0 when index is not in [0, decant_bench_infer_count()). */
decant_bench_case decant_bench_infer_at(int32_t index);

/** Measures calls of a predictor: raw inputs (bytes for images, floats for rows) to logits. In the result a step is a
 *  call; first_step_clock is the end of the first one, which made the plan.
 *
 *  name        of the forward pass.
 *  compute     device and threads; NULL for the default.
 *  batch       samples a call; 0: the usual ones.
 *  seconds     how long to measure, as above.
 *  profile     also time each step of the plan.
 *  ret_result  freed with decant_bench_result_destroy().
 *
 *  Errors: NOT_FOUND (name or device), INVALID_ARG, UNSUPPORTED, NO_MEMORY.
 */
DECANT_MUST_USE decant_status decant_bench_infer(const char *name, const decant_compute *compute, int64_t batch,
                                                 double seconds, bool profile, decant_bench_result **ret_result);

/** Measures the ceilings of the device, in about half a second.
 *
 *  Errors: NOT_FOUND (device), UNSUPPORTED (a device that has no such measure, as ref), NO_MEMORY.
 */
DECANT_MUST_USE decant_status decant_bench_measure_peak(const decant_compute *compute, decant_bench_peak *ret_peak);

#ifdef __cplusplus
}
#endif
#endif
