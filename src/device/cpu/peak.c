/* The ceilings of this machine, as `decant bench` shows them beside every figure. */
#include <omp.h>

#include "base/clock.h"
#include "device/cpu/cpu.h"

#define FMA_ROUNDS     2000000
#define TRIAD_ELEMENTS (INT64_C(1) << 24) /* 64 MiB an array: beyond the last-level cache's share */
#define REPEATS        5
#define PRODUCT_SIDE   1024 /* of the square matrices whose product shows what matrix units reach */
#define DOT_CHAINS     12   /* independent sums, which hide the latency */
#define DOT_FLOPS      64   /* of one instruction: 32 multiply-adds */

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

/* --- bf16 --- */

#ifdef DCN_CPU_X86
typedef float dots __attribute__((vector_size(64)));

/* The instruction by name: the compilers' headers for it differ, and bring allocation functions along. Zeros are as
 * fast as any other numbers. */
__attribute__((target("avx512f"))) static void dot_products(int64_t rounds)
{
    dots sum[DOT_CHAINS] = {{0}}, factor = {0};
    for (int64_t round = 0; round < rounds; round++) {
#pragma GCC unroll 12
        for (int chain = 0; chain < DOT_CHAINS; chain++)
            __asm__ volatile("vdpbf16ps %1, %1, %0" : "+v"(sum[chain]) : "v"(factor));
    }
}
#endif

/* Of dot products held in registers; 0 where the processor has none. */
static double measure_dots(const dcn_cpu_device *device)
{
    double best = 0.0;
#ifdef DCN_CPU_X86
    if (!__builtin_cpu_supports("avx512bf16")) return 0.0;
    for (int repeat = 0; repeat < REPEATS; repeat++) {
        const double start = dcn_clock_seconds();
#pragma omp parallel num_threads(device->base.threads)
        dot_products(FMA_ROUNDS);
        const double flops = (double)FMA_ROUNDS * DOT_CHAINS * DOT_FLOPS * device->base.threads;
        const double rate = flops / (dcn_clock_seconds() - start);
        if (rate > best) best = rate;
    }
#else
    (void)device;
#endif
    return best;
}

/* A large product of oneDNN's, whose units may be others than those of the dot products (AMX). */
typedef struct product {
    dnnl_primitive_desc_t descriptor;
    dnnl_primitive_t primitive;
    dnnl_memory_t memory[3]; /* source, weights, destination: oneDNN's own, in its own layouts */
} product;

static void product_finish(product *matrices)
{
    for (int i = 0; i < 3; i++)
        if (matrices->memory[i]) dnnl_memory_destroy(matrices->memory[i]);
    if (matrices->primitive) dnnl_primitive_destroy(matrices->primitive);
    if (matrices->descriptor) dnnl_primitive_desc_destroy(matrices->descriptor);
}

static dnnl_status_t product_init(const dcn_cpu_device *device, product *matrices)
{
    static const dnnl_query_t queries[3] = {dnnl_query_src_md, dnnl_query_weights_md, dnnl_query_dst_md};
    const dnnl_dims_t side = {PRODUCT_SIDE, PRODUCT_SIDE};
    dnnl_memory_desc_t bf16, f32;
    dnnl_matmul_desc_t matmul;
    dnnl_status_t result = dnnl_memory_desc_init_by_tag(&bf16, 2, side, dnnl_bf16, dnnl_format_tag_any);
    if (result == dnnl_success) result = dnnl_memory_desc_init_by_tag(&f32, 2, side, dnnl_f32, dnnl_format_tag_any);
    if (result == dnnl_success) result = dnnl_matmul_desc_init(&matmul, &bf16, &bf16, NULL, &f32);
    if (result == dnnl_success)
        result = dnnl_primitive_desc_create(&matrices->descriptor, &matmul, NULL, device->engine, NULL);
    if (result == dnnl_success) result = dnnl_primitive_create(&matrices->primitive, matrices->descriptor);
    for (int i = 0; i < 3 && result == dnnl_success; i++)
        result =
            dnnl_memory_create(&matrices->memory[i], dnnl_primitive_desc_query_md(matrices->descriptor, queries[i], 0),
                               device->engine, DNNL_MEMORY_ALLOCATE);
    return result;
}

/* 0 where oneDNN has no bf16 for this processor. What is multiplied does not matter. */
static double measure_product(const dcn_cpu_device *device)
{
    product matrices = {0};
    double best = 0.0;
    dnnl_status_t result = product_init(device, &matrices);
    const dnnl_exec_arg_t arguments[3] = {
        {DNNL_ARG_SRC, matrices.memory[0]}, {DNNL_ARG_WEIGHTS, matrices.memory[1]}, {DNNL_ARG_DST, matrices.memory[2]}};
    for (int repeat = 0; repeat < 2 * REPEATS && result == dnnl_success; repeat++) {
        const double start = dcn_clock_seconds();
        result = dnnl_primitive_execute(matrices.primitive, device->stream, 3, arguments);
        const double rate = 2.0 * PRODUCT_SIDE * PRODUCT_SIDE * PRODUCT_SIDE / (dcn_clock_seconds() - start);
        if (result == dnnl_success && rate > best) best = rate;
    }
    product_finish(&matrices);
    return best;
}

static double measure_bf16(const dcn_cpu_device *device)
{
    const double in_registers = measure_dots(device), of_product = measure_product(device);
    return in_registers > of_product ? in_registers : of_product;
}

decant_status dcn_cpu_measure_peak(dcn_device *base, dcn_device_peak *ret_peak)
{
    const dcn_cpu_device *device = (const dcn_cpu_device *)base;
    float *arrays;
    TRY_RETURN(dcn_new_aligned(3 * (size_t)TRIAD_ELEMENTS * sizeof *arrays, (void **)&arrays));
    *ret_peak = (dcn_device_peak){.f32_flops = measure_fma(device),
                                  .bf16_flops = measure_bf16(device),
                                  .bytes_per_second = measure_triad(device, arrays)};
    dcn_free_aligned(arrays);
    return DECANT_OK;
}
