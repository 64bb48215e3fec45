/* The ceilings of this machine, as `decant bench` shows them beside every figure. */
#include <omp.h>

#include "base/clock.h"
#include "device/cpu/cpu.h"

#define FMA_ROUNDS     2000000
#define TRIAD_ELEMENTS (INT64_C(1) << 24) /* 64 MiB an array: beyond the last-level cache's share */
#define REPEATS        5

/* Best of REPEATS: other processes can only slow it down. */
static double measure_fma(const dcn_cpu_device *device)
{
    double best = 0.0;
    for (int repeat = 0; repeat < REPEATS; repeat++) {
        int64_t flops = 0;
        const double start = dcn_clock_seconds();
#pragma omp parallel num_threads(device->base.threads) reduction(+ : flops)
        {
            float sink[32] = {0.5f, 0.25f};
            int64_t done;
            device->loops->peak_fma(FMA_ROUNDS, sink, &done);
            flops += done;
        }
        const double rate = (double)flops / (dcn_clock_seconds() - start);
        if (rate > best) best = rate;
    }
    return best;
}

static double measure_triad(const dcn_cpu_device *device, float *arrays)
{
    const int32_t threads = device->base.threads;
    double best = 0.0;
    for (int repeat = 0; repeat < REPEATS; repeat++) {
        const double start = dcn_clock_seconds();
#pragma omp parallel for num_threads(threads) schedule(static, 1)
        for (int32_t thread = 0; thread < threads; thread++)
            device->loops->peak_triad(arrays, arrays + TRIAD_ELEMENTS, arrays + 2 * TRIAD_ELEMENTS,
                                      TRIAD_ELEMENTS * thread / threads, TRIAD_ELEMENTS * (thread + 1) / threads);
        const double rate = 3.0 * (double)TRIAD_ELEMENTS * sizeof(float) / (dcn_clock_seconds() - start);
        if (rate > best) best = rate;
    }
    return best;
}

decant_status dcn_cpu_measure_peak(dcn_device *base, dcn_device_peak *ret_peak)
{
    const dcn_cpu_device *device = (const dcn_cpu_device *)base;
    float *arrays;
    TRY_RETURN(dcn_new_aligned(3 * (size_t)TRIAD_ELEMENTS * sizeof *arrays, (void **)&arrays));
    *ret_peak = (dcn_device_peak){.f32_flops = measure_fma(device), .bytes_per_second = measure_triad(device, arrays)};
    dcn_free_aligned(arrays);
    return DECANT_OK;
}
