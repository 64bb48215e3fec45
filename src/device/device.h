/* What computes. A device compiles an op descriptor into a kernel object and runs it; it owns layouts and nothing else.
 * A new device is a folder here and a row in registry.c; nothing outside changes. */
#ifndef DCN_DEVICE_DEVICE_H
#define DCN_DEVICE_DEVICE_H

#include "decant/device.h"
#include "graph/op.h"

typedef struct dcn_device dcn_device;
typedef struct dcn_kernel dcn_kernel;

typedef struct dcn_device_options {
    int32_t threads; /* 0 = all cores the process may use */
    const char *isa; /* cpu: "avx512_bf16", "avx512", "avx2", "baseline" or NULL for the best; tests force each */
    decant_precision precision;
} dcn_device_options;

/* A compiled op. run must not allocate; where it cannot compute after all it sets its device's has_failed. Pointers
 * come in the order of the call's inputs and outputs, in the agreed layouts; optional ones that are absent are not in
 * the list. INPLACE ops may get outputs[0] == inputs[0]. */
struct dcn_kernel {
    void (*run)(const dcn_kernel *kernel, void *const *inputs, void *const *outputs, void *scratch);
    void (*destroy)(dcn_kernel *kernel);
    char name[48];        /* implementation for the plan listing: "jit:avx512_core", "loop:avx512", "ref" */
    size_t scratch_bytes; /* needed at run, 64-byte aligned */
    double flops;         /* from dcn_op_flops */
    double needed_flops;  /* what its algorithm cannot do without: from dcn_op_needed_flops, or fewer */
    bool in_place;        /* this kernel really accepts outputs[0] == inputs[0] */
};

/* What the hardware can do at most, for benches. */
typedef struct dcn_device_peak {
    double f32_flops;        /* operations a second of fused multiply-adds held in registers, on all threads */
    double bf16_flops;       /* the same from bf16, summed in f32; 0 where the processor has no such products */
    double bytes_per_second; /* moved by a triad over arrays much larger than the caches */
} dcn_device_peak;

typedef struct dcn_device_class {
    const char *name; /* "ref", "cpu" */
    const char *description;
    bool (*available)(void);
    decant_status (*open)(const dcn_device_options *options, dcn_device **ret_device);
    void (*close)(dcn_device *device);

    /* Compiles one op.
     * In:  call with dtypes and shapes; input[i].layout is how that input exists now; output[i].layout is
     * DCN_LAYOUT_ANY or a layout the engine would like (the flat parameter block's, for weight gradients; a wish, not a
     * demand). Out: input[i].layout is what the kernel will read (the engine inserts a reorder where it differs),
     *      output[i].layout is what it writes.
     * Where the tensors that may be narrow (dcn_op_may_narrow) come as bf16 the device computes from those values, in
     * f32 at least. UNSUPPORTED when the device cannot run it. */
    decant_status (*compile)(dcn_device *device, dcn_op_call *call, dcn_kernel **ret_kernel);
    /* Whether this product, whose call is in f32, is worth converting its inputs to bf16 for. The answer depends on the
     * machine and on the call, never on a timing: a plan is the same whenever it is made. NULL: nothing is. */
    bool (*gains_from_bf16)(const dcn_device *device, const dcn_op_call *call);
    /* A kernel with one input and one output of the same shape, in other layouts (either may be plain), of the same
     * dtype or from f32 to bf16 or back. */
    decant_status (*compile_reorder)(dcn_device *device, const dcn_tensor_desc *from, const dcn_tensor_desc *to,
                                     dcn_kernel **ret_kernel);
    /* Bytes that a tensor takes in its layout (padding included, multiple of its element size). */
    size_t (*layout_bytes)(dcn_device *device, const dcn_tensor_desc *desc);
    const char *(*layout_name)(dcn_device *device, dcn_layout layout); /* "plain", "nhwc", "OIhw16i16o" */

    /* Memory the kernels can reach, zeroed, 64-byte aligned. On the host devices upload and download are memcpy. */
    decant_status (*memory_create)(dcn_device *device, size_t bytes, void **ret_memory);
    void (*memory_destroy)(dcn_device *device, void *memory);
    decant_status (*upload)(dcn_device *device, void *to, const void *from, size_t bytes);
    decant_status (*download)(dcn_device *device, void *to, const void *from, size_t bytes);

    /* Measures the ceilings, in about half a second. NULL when the device has no such measure. */
    decant_status (*measure_peak)(dcn_device *device, dcn_device_peak *ret_peak);
} dcn_device_class;

/* Every device struct begins with this. */
struct dcn_device {
    const dcn_device_class *class;
    int32_t threads;
    decant_precision precision; /* of the plans that are made from now on (engine/precision.c) */
    bool has_failed;            /* a kernel could not compute what it was run for: see dcn_device_check */
    char summary[96];           /* "cpu: oneDNN 2.6.3, avx512, 2 threads" */
};

/* registry.c */
int32_t dcn_device_count(void);
const dcn_device_class *dcn_device_at(int32_t index);
/* NOT_FOUND names the devices there are; UNSUPPORTED: not on this machine. */
decant_status dcn_device_find(const char *name, const dcn_device_class **ret_class);
/* name NULL = "cpu". Fails as dcn_device_find. */
decant_status dcn_device_open(const char *name, const dcn_device_options *options, dcn_device **ret_device);
/* As the public functions are asked; NULL: the usual choice. */
decant_status dcn_compute_open(const decant_compute *compute, dcn_device **ret_device);
void dcn_device_close(dcn_device *device); /* accepts NULL */
/* INTERNAL when a kernel of the device could not compute since this was last asked: what it should have written is
 * not to be used. */
decant_status dcn_device_check(dcn_device *device);

#endif
