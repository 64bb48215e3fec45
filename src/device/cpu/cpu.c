/* The cpu device: oneDNN for convolutions and matrix products, our own OpenMP and SIMD loops for the rest.
 * Here: opening and closing, which function compiles which op, and how loops are spread over threads. */
#include "device/cpu/cpu.h"

#include <omp.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "base/sanitizer.h"
#include "base/text.h"

/* Below this many touched elements a thread team costs more than it saves (a fork and join is about a microsecond). */
#define SERIAL_WORK 24576
/* Ranges over single elements are cut at whole cache lines. */
#define LINE_ELEMENTS  16
#define HUGE_PAGE      ((uintptr_t)2 << 20)
#define MIN_HUGE_BYTES ((size_t)4 << 20)
#define PAGE_BYTES     4096
#define MIN_TOUCHED    ((size_t)256 << 10)

static dcn_cpu_compile *const compilers[DECANT_OP_COUNT] = {
    [DECANT_OP_CONV2D] = dcn_cpu_compile_conv2d,
    [DECANT_OP_CONV2D_GRAD_INPUT] = dcn_cpu_compile_conv2d_grad_input,
    [DECANT_OP_CONV2D_GRAD_WEIGHT] = dcn_cpu_compile_conv2d_grad_weight,
    [DECANT_OP_LINEAR] = dcn_cpu_compile_linear,
    [DECANT_OP_LINEAR_GRAD_INPUT] = dcn_cpu_compile_linear_grad_input,
    [DECANT_OP_LINEAR_GRAD_WEIGHT] = dcn_cpu_compile_linear_grad_weight,
    [DECANT_OP_BATCHNORM] = dcn_cpu_compile_batchnorm,
    [DECANT_OP_BATCHNORM_TRAIN] = dcn_cpu_compile_batchnorm_train,
    [DECANT_OP_BATCHNORM_GRAD] = dcn_cpu_compile_batchnorm_grad,
    [DECANT_OP_RELU] = dcn_cpu_compile_activation,
    [DECANT_OP_RELU6] = dcn_cpu_compile_activation,
    [DECANT_OP_HARDSWISH] = dcn_cpu_compile_activation,
    [DECANT_OP_SIGMOID] = dcn_cpu_compile_activation,
    [DECANT_OP_LOG] = dcn_cpu_compile_activation,
    [DECANT_OP_GELU] = dcn_cpu_compile_activation,
    [DECANT_OP_ACTIVATION_GRAD] = dcn_cpu_compile_activation_grad,
    [DECANT_OP_MAXPOOL] = dcn_cpu_compile_maxpool,
    [DECANT_OP_MAXPOOL_GRAD] = dcn_cpu_compile_maxpool_grad,
    [DECANT_OP_AVGPOOL] = dcn_cpu_compile_avgpool,
    [DECANT_OP_AVGPOOL_GRAD] = dcn_cpu_compile_avgpool_grad,
    [DECANT_OP_ADAPTIVE_AVGPOOL] = dcn_cpu_compile_avgpool,
    [DECANT_OP_ADAPTIVE_AVGPOOL_GRAD] = dcn_cpu_compile_avgpool_grad,
    [DECANT_OP_DROPOUT] = dcn_cpu_compile_dropout,
    [DECANT_OP_DROPOUT_GRAD] = dcn_cpu_compile_dropout,
    [DECANT_OP_RECTIFIED_DROPOUT_GRAD] = dcn_cpu_compile_rectified_dropout_grad,
    [DECANT_OP_FLATTEN] = dcn_cpu_compile_copy,
    [DECANT_OP_RESHAPE] = dcn_cpu_compile_copy,
    [DECANT_OP_ADD] = dcn_cpu_compile_add,
    [DECANT_OP_CONCAT] = dcn_cpu_compile_concat,
    [DECANT_OP_SLICE] = dcn_cpu_compile_slice,
    [DECANT_OP_SOFTMAX] = dcn_cpu_compile_softmax,
    [DECANT_OP_SOFTMAX_GRAD] = dcn_cpu_compile_softmax_grad,
    [DECANT_OP_PAD_CHANNELS] = dcn_cpu_compile_pad_channels,
    [DECANT_OP_PAD_CHANNELS_GRAD] = dcn_cpu_compile_pad_channels_grad,
    [DECANT_OP_REPEAT_CHANNELS] = dcn_cpu_compile_repeat_channels,
    [DECANT_OP_REPEAT_CHANNELS_GRAD] = dcn_cpu_compile_repeat_channels_grad,
    [DECANT_OP_LOSS_CE] = dcn_cpu_compile_loss_ce,
    [DECANT_OP_LOSS_KD] = dcn_cpu_compile_loss_kd,
    [DECANT_OP_LOSS_BCE] = dcn_cpu_compile_loss_bce,
    [DECANT_OP_LOSS_DKD] = dcn_cpu_compile_loss_dkd,
    [DECANT_OP_LOSS_MSE] = dcn_cpu_compile_loss_mse,
    [DECANT_OP_LOSS_COSINE] = dcn_cpu_compile_loss_cosine,
    [DECANT_OP_STANDARDIZE] = dcn_cpu_compile_standardize,
    [DECANT_OP_STANDARDIZE_GRAD] = dcn_cpu_compile_standardize_grad,
    [DECANT_OP_ACCURACY] = dcn_cpu_compile_accuracy,
    [DECANT_OP_GRAD_NORM] = dcn_cpu_compile_grad_norm,
    [DECANT_OP_SGD_UPDATE] = dcn_cpu_compile_sgd_update,
    [DECANT_OP_ADAM_UPDATE] = dcn_cpu_compile_adam_update,
    [DECANT_OP_EMA_UPDATE] = dcn_cpu_compile_ema_update,
};

/* --- threads --- */

void dcn_cpu_parallel(const dcn_cpu_run *run, int64_t count, int64_t cost, dcn_cpu_body *body)
{
    int32_t threads = ((const dcn_cpu_kernel *)run->kernel)->threads;
    if (threads <= 1 || count <= 1 || count * cost < SERIAL_WORK) {
        body(run, 0, count);
        return;
    }
    int64_t grain = cost == 1 ? LINE_ELEMENTS : 1;
    int64_t share = (count + threads - 1) / threads;
    share = (share + grain - 1) / grain * grain;
#pragma omp parallel for num_threads(threads) schedule(static, 1)
    for (int32_t thread = 0; thread < threads; thread++) {
        int64_t begin = thread * share;
        int64_t end = begin + share < count ? begin + share : count;
        dcn_cpu_run own = *run;
        own.thread = thread;
        if (begin < end) body(&own, begin, end);
    }
}

void dcn_cpu_use_threads(int32_t threads)
{
    if (omp_get_max_threads() != threads) omp_set_num_threads(threads);
}

/* The thread sanitizer cannot see OpenMP's barriers and would report every loop as a race. */
static int32_t visible_threads(const dcn_device *device)
{
    return DCN_THREAD_SANITIZER ? 1 : device->threads;
}

/* Not what this thread may run on: OpenMP may have bound it to one core of several. */
static int32_t usable_cores(void)
{
    int32_t cores = omp_get_num_procs();
    return cores > 0 ? cores : 1;
}

/* --- kernels of our own --- */

static void destroy_own(dcn_kernel *kernel)
{
    dcn_free(kernel);
}

decant_status dcn_cpu_kernel_create(dcn_cpu_device *device, const dcn_op_call *call, size_t bytes,
                                    void (*run)(const dcn_kernel *, void *const *, void *const *, void *),
                                    void **ret_kernel)
{
    dcn_cpu_kernel *kernel = NULL;
    TRY_RETURN(dcn_new(bytes, (void **)&kernel));
    kernel->base.run = run;
    kernel->base.destroy = destroy_own;
    kernel->base.flops = dcn_op_flops(call);
    kernel->base.needed_flops = dcn_op_needed_flops(call);
    kernel->loops = dcn_cpu_is_narrow(call) ? device->narrow_loops : device->loops;
    kernel->threads = visible_threads(&device->base);
    snprintf(kernel->base.name, sizeof kernel->base.name, "loop:%s", kernel->loops->isa);
    *ret_kernel = kernel;
    return DECANT_OK;
}

/* --- the device --- */

static bool cpu_available(void)
{
    return true;
}

/* The best tables of loops that this machine runs, or those asked for: named by the one on bf16. */
static decant_status choose_loops(const char *isa, dcn_cpu_device *device)
{
    const dcn_cpu_loops *tables[4][2]; /* on f32, on bf16 */
    int32_t n_tables = 0;
#define TABLES(f32, bf16) tables[n_tables][0] = &dcn_cpu_loops_##f32, tables[n_tables++][1] = &dcn_cpu_loops_##bf16
#ifdef DCN_CPU_X86
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512cd")) {
        if (__builtin_cpu_supports("avx512bf16")) TABLES(avx512, avx512_native_bf16);
        TABLES(avx512, avx512_bf16);
    }
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2"))
        TABLES(avx2, avx2_bf16);
#endif
    TABLES(baseline, baseline_bf16);
#undef TABLES
    for (int32_t i = 0; i < n_tables; i++) {
        if (isa && strcmp(isa, tables[i][1]->isa) != 0) continue;
        device->loops = tables[i][0];
        device->narrow_loops = tables[i][1];
        return DECANT_OK;
    }
    return DCN_FAIL(UNSUPPORTED, "this machine (or build) has no instruction set \"%s\" for the cpu device", isa);
}

static void cpu_close(dcn_device *base)
{
    dcn_cpu_device *device = (dcn_cpu_device *)base;
    if (!device) return;
    if (device->stream) dnnl_stream_destroy(device->stream);
    if (device->engine) dnnl_engine_destroy(device->engine);
    dcn_free(device->layouts);
    dcn_free(device);
}

/* options.isa chooses our own loops only: oneDNN's limit is the process's, and can be set but once (by
 * DNNL_MAX_CPU_ISA). */
static decant_status cpu_open(const dcn_device_options *options, dcn_device **ret_device)
{
    dcn_cpu_device *device = NULL;
    decant_status status = dcn_new(sizeof *device, (void **)&device);
    if (status != DECANT_OK) goto out;
    device->base.class = &dcn_device_cpu;
    device->base.threads = options && options->threads > 0 ? options->threads : usable_cores();
    TRY(choose_loops(options ? options->isa : NULL, device));
    dcn_cpu_find_bf16(device);
    dcn_cpu_use_threads(device->base.threads);
    TRY(dcn_cpu_check(dnnl_engine_create(&device->engine, dnnl_cpu, 0), "engine"));
    TRY(dcn_cpu_check(dnnl_stream_create(&device->stream, device->engine, dnnl_stream_default_flags), "stream"));

    const dnnl_version_t *version = dnnl_version();
    TRY(dcn_format(device->base.summary, sizeof device->base.summary, "cpu: oneDNN %d.%d.%d, %s, %d thread%s",
                   version->major, version->minor, version->patch, device->narrow_loops->isa, device->base.threads,
                   device->base.threads == 1 ? "" : "s"));
    *ret_device = &device->base;
    device = NULL;
out:
    cpu_close((dcn_device *)device);
    return status;
}

static decant_status cpu_compile(dcn_device *base, dcn_op_call *call, dcn_kernel **ret_kernel)
{
    dcn_cpu_device *device = (dcn_cpu_device *)base;
    const dcn_op_info *info = dcn_op_get(call->op);
    for (int32_t i = 0; i < call->n_inputs; i++)
        if (call->input[i].dtype == DECANT_F64)
            return DCN_FAIL(UNSUPPORTED, "the cpu device computes in f32, %s was asked for f64", info->name);
    if (!compilers[call->op]) return DCN_FAIL(UNSUPPORTED, "the cpu device has no %s", info->name);
    dcn_cpu_use_threads(device->base.threads);
    decant_status status = dcn_cpu_is_narrow(call) ? dcn_cpu_compile_bf16(device, call, compilers[call->op], ret_kernel)
                                                   : compilers[call->op](device, call, ret_kernel);
    if (status != DECANT_OK) dcn_while("compiling %s for the cpu device", info->name);
    return status;
}

/* Asks for huge pages inside a large block that nothing has touched yet: fewer page faults at the start and fewer
 * misses of the address cache in every pass over it. Advice only; where the system has none the block is as good. */
static void advise_huge_pages(void *memory, size_t bytes)
{
    if (bytes < MIN_HUGE_BYTES) return;
    uintptr_t begin = ((uintptr_t)memory + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
    uintptr_t end = ((uintptr_t)memory + bytes) / HUGE_PAGE * HUGE_PAGE;
    if (end > begin) (void)madvise((void *)begin, end - begin, MADV_HUGEPAGE);
}

/* Writes to each page of a fresh block, on all threads. The first step would touch the pages anyway, but here and
 * there: a page that is read before it is written (an optimiser's averages) is mapped twice, and each time the other
 * cores are interrupted. */
static void touch_pages(const dcn_device *device, void *memory, size_t bytes)
{
    if (bytes < MIN_TOUCHED) return;
    volatile char *const first = memory;
    const int64_t pages = (int64_t)((bytes + PAGE_BYTES - 1) / PAGE_BYTES);
#pragma omp parallel for num_threads(visible_threads(device)) schedule(static)
    for (int64_t page = 0; page < pages; page++)
        first[page * PAGE_BYTES] = 0;
}

static decant_status cpu_memory_create(dcn_device *device, size_t bytes, void **ret_memory)
{
    TRY_RETURN(dcn_new_aligned(bytes, ret_memory));
    advise_huge_pages(*ret_memory, bytes);
    touch_pages(device, *ret_memory, bytes);
    return DECANT_OK;
}

static void cpu_memory_destroy(dcn_device *device, void *memory)
{
    (void)device;
    dcn_free_aligned(memory);
}

static decant_status cpu_transfer(dcn_device *device, void *to, const void *from, size_t bytes)
{
    (void)device;
    memcpy(to, from, bytes);
    return DECANT_OK;
}

const dcn_device_class dcn_device_cpu = {
    .name = "cpu",
    .description = "the processor: oneDNN and SIMD loops on all cores",
    .available = cpu_available,
    .open = cpu_open,
    .close = cpu_close,
    .compile = cpu_compile,
    .gains_from_bf16 = dcn_cpu_gains_from_bf16,
    .compile_reorder = dcn_cpu_compile_reorder,
    .layout_bytes = dcn_cpu_layout_bytes,
    .layout_name = dcn_cpu_layout_name,
    .memory_create = cpu_memory_create,
    .memory_destroy = cpu_memory_destroy,
    .upload = cpu_transfer,
    .download = cpu_transfer,
    .measure_peak = dcn_cpu_measure_peak,
};
