/* Private to the cpu device: its struct, what a kernel looks like inside, and who compiles which ops.
 *
 * Layouts. 4-D activations live in NHWC from op to op ("nhwc"; plain where that is the same memory), weights in
 * whatever a oneDNN primitive prefers; everything else is plain. Kernels report what they read and write, the engine
 * inserts the reorders.
 *
 * Threads. Every kernel runs on the threads the device was opened with. Own loops take them by num_threads clauses;
 * oneDNN reads OpenMP's per-thread setting, which its kernels therefore set on the calling thread. Small work stays on
 * the calling thread. Sums are split into chunks by shape alone, so results do not depend on the number of threads in
 * our own loops, but for the gradients of weights by Winograd's algorithm on bf16: those of few channels are split by
 * threads where there are more of them than blocks of channels.
 *
 * compile and close are for one thread at a time; kernels of one device may run on another thread than it was opened
 * on. */
#ifndef DCN_DEVICE_CPU_CPU_H
#define DCN_DEVICE_CPU_CPU_H

#include <dnnl.h>

#include "base/memory.h"
#include "device/cpu/loops/loops.h"
#include "device/device.h"

#define DCN_CPU_LAYOUT_NHWC ((dcn_layout)1)
/* The winner of a pooling window as one byte, its place in the window: the layout of maxpool's index. */
#define DCN_CPU_LAYOUT_WINDOW         ((dcn_layout)2)
#define DCN_CPU_LAYOUT_FIRST_INTERNED ((dcn_layout)3)

typedef struct dcn_cpu_layout {
    dnnl_memory_desc_t descriptor;
    char name[32];
} dcn_cpu_layout;

typedef struct dcn_cpu_device {
    dcn_device base;
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    const dcn_cpu_loops *loops, *narrow_loops; /* on f32, and on bf16 */
    bool has_bf16_products;                    /* oneDNN has them for this processor (and instruction set) */
    bool has_fast_bf16;                        /* and they are faster than those of f32 */
    bool has_fast_dots;                        /* by dot products, not matrix units: what takes fewer of them pays */
    dcn_cpu_layout *layouts;                   /* layout id - DCN_CPU_LAYOUT_FIRST_INTERNED */
    int32_t n_layouts, layouts_capacity;
} dcn_cpu_device;

/* --- kernels made of our own loops --- */
typedef struct dcn_cpu_kernel {
    dcn_kernel base;
    const dcn_cpu_loops *loops; /* for the element type of the op's first input */
    int32_t threads;
} dcn_cpu_kernel;

/* What a kernel was run with, for the bodies of its parallel loops. */
typedef struct dcn_cpu_run {
    const dcn_kernel *kernel;
    void *const *inputs;
    void *const *outputs;
    void *scratch;
    int32_t thread; /* whose range it is: below the kernel's number of threads */
} dcn_cpu_run;

static inline dcn_cpu_run dcn_cpu_run_of(const dcn_kernel *kernel, void *const *inputs, void *const *outputs,
                                         void *scratch)
{
    return (dcn_cpu_run){.kernel = kernel, .inputs = inputs, .outputs = outputs, .scratch = scratch};
}

typedef void dcn_cpu_body(const dcn_cpu_run *run, int64_t begin, int64_t end);

/* A zeroed kernel struct of `bytes` (beginning with dcn_cpu_kernel), named for its loops, freed by its own destroy. */
decant_status dcn_cpu_kernel_create(dcn_cpu_device *device, const dcn_op_call *call, size_t bytes,
                                    void (*run)(const dcn_kernel *, void *const *, void *const *, void *),
                                    void **ret_kernel);
/* An address `index` elements behind another. */
static inline void *dcn_cpu_element(const dcn_cpu_loops *loops, const void *base, int64_t index)
{
    return (char *)(uintptr_t)base + index * (int64_t)loops->element_bytes;
}
/* body over [0, count) in one contiguous range a thread; cost is about how many elements one item touches. */
void dcn_cpu_parallel(const dcn_cpu_run *run, int64_t count, int64_t cost, dcn_cpu_body *body);

/* --- kernels made of one oneDNN primitive --- */
/* Where a primitive's argument comes from at run time. */
typedef enum dcn_cpu_place { DCN_CPU_INPUT, DCN_CPU_OUTPUT } dcn_cpu_place;
typedef struct dcn_cpu_argument {
    int dnnl_argument; /* DNNL_ARG_SRC, ... */
    dcn_cpu_place place;
    int32_t index; /* of the input or output */
    dnnl_memory_desc_t descriptor;
} dcn_cpu_argument;

/* Takes the descriptor over (destroys it in every case). `what` names the primitive in errors. */
decant_status dcn_cpu_primitive_kernel(dcn_cpu_device *device, const dcn_op_call *call, const char *what,
                                       dnnl_primitive_desc_t descriptor, const dcn_cpu_argument *arguments,
                                       int32_t n_arguments, dcn_kernel **ret_kernel);
/* Attributes for every primitive: scratch memory from the engine, relu as a post-op where asked for. */
decant_status dcn_cpu_attributes(bool relu, dnnl_primitive_attr_t *ret_attributes);
/* oneDNN's status as ours; the error names the primitive. */
decant_status dcn_cpu_check(dnnl_status_t status, const char *what);
const char *dcn_cpu_implementation(const_dnnl_primitive_desc_t descriptor);
/* True for oneDNN's plain loops, which anything else beats. */
bool dcn_cpu_is_reference(const_dnnl_primitive_desc_t descriptor);
void dcn_cpu_use_threads(int32_t threads);
/* peak.c */
decant_status dcn_cpu_measure_peak(dcn_device *device, dcn_device_peak *ret_peak);

/* --- layout.c --- */
/* nhwc for 4-D shapes, plain where that is the same memory and for every other rank. */
dcn_layout dcn_cpu_activation_layout(const decant_shape *shape);
/* The oneDNN descriptor of a tensor in its layout. */
decant_status dcn_cpu_descriptor(dcn_cpu_device *device, const dcn_tensor_desc *desc,
                                 dnnl_memory_desc_t *ret_descriptor);
/* An activation for a oneDNN primitive: 4-D as nhwc whatever the layout id says of equal memory, others plain. */
decant_status dcn_cpu_activation_descriptor(const decant_shape *shape, decant_dtype dtype,
                                            dnnl_memory_desc_t *ret_descriptor);
decant_status dcn_cpu_plain_descriptor(const decant_shape *shape, decant_dtype dtype,
                                       dnnl_memory_desc_t *ret_descriptor);
/* For the primitive to choose. */
decant_status dcn_cpu_any_descriptor(const decant_shape *shape, decant_dtype dtype, dnnl_memory_desc_t *ret_descriptor);
/* The layout id of a oneDNN descriptor, new ones are remembered. */
decant_status dcn_cpu_intern(dcn_cpu_device *device, const dnnl_memory_desc_t *descriptor, dcn_layout *ret_layout);
size_t dcn_cpu_layout_bytes(dcn_device *device, const dcn_tensor_desc *desc);
const char *dcn_cpu_layout_name(dcn_device *device, dcn_layout layout);

/* A 4-D tensor as the loops see it: rows of channels. Rank 2 is one pixel. */
typedef struct dcn_cpu_map {
    int64_t batch, channels, height, width;
} dcn_cpu_map;
dcn_cpu_map dcn_cpu_map_of(const decant_shape *shape);
int64_t dcn_cpu_common_divisor(int64_t a, int64_t b); /* the greatest; in norm.c */
/* Sets input[i] and output[i] of rank 4 to the activation layout and the others to plain. */
void dcn_cpu_ask_activation(dcn_op_call *call);

/* --- one function a family of ops: fills the call's layouts and makes the kernel --- */
typedef decant_status dcn_cpu_compile(dcn_cpu_device *device, dcn_op_call *call, dcn_kernel **ret_kernel);
dcn_cpu_compile dcn_cpu_compile_conv2d, dcn_cpu_compile_conv2d_grad_input,
    dcn_cpu_compile_conv2d_grad_weight;    /* conv.c */
dcn_cpu_compile dcn_cpu_compile_pointwise; /* pointwise.c: any direction of a convolution for which this holds */
bool dcn_cpu_is_pointwise(const dcn_conv_attrs *attrs, const decant_shape *out);
dcn_cpu_compile dcn_cpu_compile_winograd; /* winograd.c: forward, where this holds */
bool dcn_cpu_suits_winograd(const dcn_op_call *call);
/* Where oneDNN's blocked form pays, in all directions; src and dst are the forward convolution's. */
bool dcn_cpu_suits_blocked_winograd(const dcn_conv_attrs *attrs, const decant_shape *src, const decant_shape *dst);
/* narrow_winograd.c: any direction of a convolution of bf16 for which this holds */
dcn_cpu_compile dcn_cpu_compile_narrow_winograd;
bool dcn_cpu_suits_narrow_winograd(const dcn_cpu_device *device, const dcn_op_call *call);
/* Whether the same call would be worth converting to bf16, in batches of enough samples. */
bool dcn_cpu_gains_from_narrow_winograd(const dcn_cpu_device *device, const dcn_op_call *call);
/* panels.c: any direction of a convolution or linear layer for which this holds */
dcn_cpu_compile dcn_cpu_compile_panels;
bool dcn_cpu_suits_panels(dcn_op_call *call);
/* The layout of weights in panels of output channels, [O/16][kh][kw][I][16]. */
decant_status dcn_cpu_panel_layout(dcn_cpu_device *device, const decant_shape *weight, dcn_layout *ret_layout);
/* A convolution of a few input channels, or its weights' gradient: both read a padded copy of each sample. */
typedef struct dcn_cpu_few {
    dcn_cpu_map in, out, padded;
    int64_t kernel[2], stride[2], padding[2];
    bool has_bias;
} dcn_cpu_few;
dcn_cpu_few dcn_cpu_few_of(const dcn_op_call *call);
/* few_channels.c: forward and weight gradient of a convolution for which this holds */
dcn_cpu_compile dcn_cpu_compile_few_channels;
bool dcn_cpu_suits_few_channels(const dcn_op_call *call);
dcn_cpu_compile dcn_cpu_compile_narrow_few_channels; /* narrow_few_channels.c: the same on bf16 */
bool dcn_cpu_suits_narrow_few_channels(const dcn_cpu_device *device, const dcn_op_call *call);
dcn_cpu_compile dcn_cpu_compile_linear, dcn_cpu_compile_linear_grad_input,
    dcn_cpu_compile_linear_grad_weight; /* linear.c */
dcn_cpu_compile dcn_cpu_compile_small_linear, dcn_cpu_compile_small_linear_grad_input,
    dcn_cpu_compile_small_linear_grad_weight; /* small_linear.c */
/* pair_linear.c: gradient of the weights in bf16, in the blocks that a primitive would write, where this holds */
bool dcn_cpu_suits_pairs(const dcn_cpu_device *device, const dcn_op_call *call, const dnnl_memory_desc_t *weight);
decant_status dcn_cpu_compile_pairs(dcn_cpu_device *device, dcn_op_call *call, const dnnl_memory_desc_t *weight,
                                    dcn_kernel **ret_kernel);
dcn_cpu_compile dcn_cpu_compile_rows; /* row_linear.c: forward, where this holds */
bool dcn_cpu_suits_rows(const dcn_op_call *call);
dcn_cpu_compile dcn_cpu_compile_batchnorm, dcn_cpu_compile_batchnorm_train, dcn_cpu_compile_batchnorm_grad; /* norm.c */
dcn_cpu_compile dcn_cpu_compile_activation, dcn_cpu_compile_activation_grad, dcn_cpu_compile_add, dcn_cpu_compile_copy,
    dcn_cpu_compile_dropout, dcn_cpu_compile_rectified_dropout_grad; /* elementwise.c */
dcn_cpu_compile dcn_cpu_compile_maxpool, dcn_cpu_compile_maxpool_grad, dcn_cpu_compile_avgpool,
    dcn_cpu_compile_avgpool_grad; /* pool.c; adaptive pools too */
/* in and out are the forward op's input and output. */
dcn_cpu_window dcn_cpu_window_of(const dcn_op_call *call, const decant_shape *in, const decant_shape *out);
dcn_cpu_compile dcn_cpu_compile_concat, dcn_cpu_compile_slice, dcn_cpu_compile_pad_channels,
    dcn_cpu_compile_pad_channels_grad, dcn_cpu_compile_repeat_channels,
    dcn_cpu_compile_repeat_channels_grad; /* channels.c */
dcn_cpu_compile dcn_cpu_compile_softmax, dcn_cpu_compile_softmax_grad, dcn_cpu_compile_loss_ce, dcn_cpu_compile_loss_kd,
    dcn_cpu_compile_loss_bce, dcn_cpu_compile_loss_dkd, dcn_cpu_compile_loss_mse, dcn_cpu_compile_loss_cosine,
    dcn_cpu_compile_standardize, dcn_cpu_compile_standardize_grad, dcn_cpu_compile_accuracy; /* loss.c */
dcn_cpu_compile dcn_cpu_compile_grad_norm, dcn_cpu_compile_sgd_update, dcn_cpu_compile_adam_update,
    dcn_cpu_compile_ema_update; /* update.c */

extern const dcn_device_class dcn_device_cpu; /* named in registry.c too */

/* True when the call computes from bf16. */
static inline bool dcn_cpu_is_narrow(const dcn_op_call *call)
{
    return call->input[0].dtype == DECANT_BF16;
}

/* bf16.c: where bf16 pays, and a bf16 call by the best kernel there is. */
void dcn_cpu_find_bf16(dcn_cpu_device *device);
bool dcn_cpu_gains_from_bf16(const dcn_device *device, const dcn_op_call *call);
decant_status dcn_cpu_compile_bf16(dcn_cpu_device *device, dcn_op_call *call, dcn_cpu_compile *compile,
                                   dcn_kernel **ret_kernel);
/* widened.c: a bf16 call by the f32 kernel of the same op, between conversions: where nothing better exists. */
decant_status dcn_cpu_compile_widened(dcn_cpu_device *device, dcn_op_call *call, dcn_cpu_compile *compile,
                                      dcn_kernel **ret_kernel);

/* reorder.c */
decant_status dcn_cpu_compile_reorder(dcn_device *device, const dcn_tensor_desc *from, const dcn_tensor_desc *to,
                                      dcn_kernel **ret_kernel);

#endif
