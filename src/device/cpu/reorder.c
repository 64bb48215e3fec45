/* From one layout to another: our own transposition between plain and NHWC, oneDNN's reorder where a layout is blocked.
 */
#include <string.h>

#include "device/cpu/cpu.h"

#define BLOCK 256 /* columns that one item of the parallel loop transposes */

typedef struct transpose_kernel {
    dcn_cpu_kernel own;
    int64_t batch, rows, columns; /* each sample: [rows][columns] -> [columns][rows] */
    int64_t blocks;               /* of columns */
} transpose_kernel;

static void transpose_body(const dcn_cpu_run *run, int64_t begin, int64_t end)
{
    const transpose_kernel *kernel = (const transpose_kernel *)run->kernel;
    int64_t size = kernel->rows * kernel->columns;
    for (int64_t item = begin; item < end; item++) {
        int64_t sample = item / kernel->blocks, first = item % kernel->blocks * BLOCK;
        int64_t last = first + BLOCK < kernel->columns ? first + BLOCK : kernel->columns;
        kernel->own.loops->transpose((const float *)run->inputs[0] + sample * size,
                                     (float *)run->outputs[0] + sample * size, kernel->rows, kernel->columns, first,
                                     last);
    }
}

static void run_transpose(const dcn_kernel *base, void *const *inputs, void *const *outputs, void *scratch)
{
    const transpose_kernel *kernel = (const transpose_kernel *)base;
    dcn_cpu_run run = {base, inputs, outputs, scratch};
    int64_t item_columns = kernel->columns < BLOCK ? kernel->columns : BLOCK;
    dcn_cpu_parallel(&run, kernel->batch * kernel->blocks, kernel->rows * item_columns, transpose_body);
}

static decant_status compile_transpose(dcn_cpu_device *device, const dcn_op_call *call, bool to_nhwc,
                                       dcn_kernel **ret_kernel)
{
    transpose_kernel *kernel = NULL;
    dcn_cpu_map map = dcn_cpu_map_of(&call->input[0].shape);
    TRY_RETURN(dcn_cpu_kernel_create(device, call, sizeof *kernel, run_transpose, (void **)&kernel));
    kernel->batch = map.batch;
    kernel->rows = to_nhwc ? map.channels : map.height * map.width;
    kernel->columns = to_nhwc ? map.height * map.width : map.channels;
    kernel->blocks = (kernel->columns + BLOCK - 1) / BLOCK;
    *ret_kernel = &kernel->own.base;
    return DECANT_OK;
}

/* Grouped weights have five dimensions for oneDNN and four for us; a plain side takes over the other side's view. */
static decant_status same_dimensions(dnnl_memory_desc_t *plain, const dnnl_memory_desc_t *other)
{
    if (plain->ndims == other->ndims) return DECANT_OK;
    decant_shape shape = {.rank = other->ndims};
    memcpy(shape.dim, other->dims, (size_t)other->ndims * sizeof shape.dim[0]);
    return dcn_cpu_plain_descriptor(&shape, plain);
}

static decant_status compile_by_primitive(dcn_cpu_device *device, const dcn_op_call *call, dcn_kernel **ret_kernel)
{
    const dcn_tensor_desc *from = &call->input[0], *to = &call->output[0];
    dnnl_memory_desc_t src, dst;
    dnnl_primitive_attr_t attributes = NULL;
    dnnl_primitive_desc_t descriptor = NULL;
    TRY_RETURN(dcn_cpu_descriptor(device, from, &src));
    TRY_RETURN(dcn_cpu_descriptor(device, to, &dst));
    if (from->layout == DCN_LAYOUT_PLAIN) TRY_RETURN(same_dimensions(&src, &dst));
    if (to->layout == DCN_LAYOUT_PLAIN) TRY_RETURN(same_dimensions(&dst, &src));
    TRY_RETURN(dcn_cpu_attributes(false, &attributes));
    decant_status status = dcn_cpu_check(
        dnnl_reorder_primitive_desc_create(&descriptor, &src, device->engine, &dst, device->engine, attributes),
        "reorder");
    dnnl_primitive_attr_destroy(attributes);
    if (status != DECANT_OK) return status;
    const dcn_cpu_argument arguments[2] = {
        {DNNL_ARG_FROM, DCN_CPU_INPUT, 0, src},
        {DNNL_ARG_TO, DCN_CPU_OUTPUT, 0, dst},
    };
    return dcn_cpu_primitive_kernel(device, call, "reorder", descriptor, arguments, 2, ret_kernel);
}

decant_status dcn_cpu_compile_reorder(dcn_device *base, const dcn_tensor_desc *from, const dcn_tensor_desc *to,
                                      dcn_kernel **ret_kernel)
{
    dcn_cpu_device *device = (dcn_cpu_device *)base;
    /* reshape is the op that moves without computing: it lends its name to the flops of a reorder, which are none */
    dcn_op_call call = {.op = DECANT_OP_RESHAPE, .n_inputs = 1, .n_outputs = 1, .input = {*from}, .output = {*to}};
    if (!decant_shape_equal(&from->shape, &to->shape) || from->dtype != to->dtype)
        return DCN_FAIL(INVALID_ARG, "a reorder keeps the shape and the element type");
    if (from->layout == DCN_CPU_LAYOUT_WINDOW || to->layout == DCN_CPU_LAYOUT_WINDOW || from->dtype != DECANT_F32)
        return DCN_FAIL(UNSUPPORTED,
                        "the cpu device reorders f32 tensors; an index of maxpool stays as it was written");
    dcn_cpu_use_threads(device->base.threads);
    bool to_nhwc = from->layout == DCN_LAYOUT_PLAIN && to->layout == DCN_CPU_LAYOUT_NHWC;
    bool from_nhwc = from->layout == DCN_CPU_LAYOUT_NHWC && to->layout == DCN_LAYOUT_PLAIN;
    if (from->shape.rank == 4 && (to_nhwc || from_nhwc)) return compile_transpose(device, &call, to_nhwc, ret_kernel);
    return compile_by_primitive(device, &call, ret_kernel);
}
