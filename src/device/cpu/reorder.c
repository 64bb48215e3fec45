/* From one layout or element type to another: our own transposition between plain and NHWC, our own conversions where
 * nothing moves and of blocked weights to the pairs that bf16 products read, oneDNN's reorder between other layouts. */
#include <string.h>

#include "device/cpu/cpu.h"

#define BLOCK 256 /* columns that one item of the parallel loop transposes */

typedef struct transpose_kernel {
    dcn_cpu_kernel own; /* with the loops of the narrower side */
    dcn_cpu_body *body;
    int64_t batch, rows, columns; /* each sample: [rows][columns] -> [columns][rows] */
    int64_t blocks;               /* of columns */
} transpose_kernel;

/* Which piece of the work an item is. */
typedef struct transpose_piece {
    int64_t at, first, last; /* the sample's first element; columns */
} transpose_piece;

static transpose_piece piece_of(const transpose_kernel *kernel, int64_t item)
{
    int64_t sample = item / kernel->blocks, first = item % kernel->blocks * BLOCK;
    int64_t last = first + BLOCK < kernel->columns ? first + BLOCK : kernel->columns;
    return (transpose_piece){sample * kernel->rows * kernel->columns, first, last};
}

static void transpose_body(const dcn_cpu_run *run, int64_t begin, int64_t end)
{
    const transpose_kernel *kernel = (const transpose_kernel *)run->kernel;
    const dcn_cpu_loops *loops = kernel->own.loops;
    for (int64_t item = begin; item < end; item++) {
        transpose_piece piece = piece_of(kernel, item);
        loops->transpose(dcn_cpu_element(loops, run->inputs[0], piece.at),
                         dcn_cpu_element(loops, run->outputs[0], piece.at), kernel->rows, kernel->columns, piece.first,
                         piece.last);
    }
}

static void narrowing_body(const dcn_cpu_run *run, int64_t begin, int64_t end)
{
    const transpose_kernel *kernel = (const transpose_kernel *)run->kernel;
    const dcn_cpu_loops *loops = kernel->own.loops;
    for (int64_t item = begin; item < end; item++) {
        transpose_piece piece = piece_of(kernel, item);
        loops->transpose_from_f32((const float *)run->inputs[0] + piece.at,
                                  dcn_cpu_element(loops, run->outputs[0], piece.at), kernel->rows, kernel->columns,
                                  piece.first, piece.last);
    }
}

static void widening_body(const dcn_cpu_run *run, int64_t begin, int64_t end)
{
    const transpose_kernel *kernel = (const transpose_kernel *)run->kernel;
    const dcn_cpu_loops *loops = kernel->own.loops;
    for (int64_t item = begin; item < end; item++) {
        transpose_piece piece = piece_of(kernel, item);
        loops->transpose_to_f32(dcn_cpu_element(loops, run->inputs[0], piece.at), (float *)run->outputs[0] + piece.at,
                                kernel->rows, kernel->columns, piece.first, piece.last);
    }
}

static void run_transpose(const dcn_kernel *base, void *const *inputs, void *const *outputs, void *scratch)
{
    const transpose_kernel *kernel = (const transpose_kernel *)base;
    dcn_cpu_run run = dcn_cpu_run_of(base, inputs, outputs, scratch);
    int64_t item_columns = kernel->columns < BLOCK ? kernel->columns : BLOCK;
    dcn_cpu_parallel(&run, kernel->batch * kernel->blocks, kernel->rows * item_columns, kernel->body);
}

static bool narrows(const dcn_op_call *call)
{
    return call->input[0].dtype == DECANT_F32 && call->output[0].dtype == DECANT_BF16;
}

static bool widens(const dcn_op_call *call)
{
    return call->input[0].dtype == DECANT_BF16 && call->output[0].dtype == DECANT_F32;
}

static decant_status compile_transpose(dcn_cpu_device *device, const dcn_op_call *call, bool to_nhwc,
                                       dcn_kernel **ret_kernel)
{
    transpose_kernel *kernel = NULL;
    dcn_cpu_map map = dcn_cpu_map_of(&call->input[0].shape);
    TRY_RETURN(dcn_cpu_kernel_create(device, call, sizeof *kernel, run_transpose, (void **)&kernel));
    kernel->body = narrows(call) ? narrowing_body : widens(call) ? widening_body : transpose_body;
    if (narrows(call)) kernel->own.loops = device->narrow_loops;
    kernel->batch = map.batch;
    kernel->rows = to_nhwc ? map.channels : map.height * map.width;
    kernel->columns = to_nhwc ? map.height * map.width : map.channels;
    kernel->blocks = (kernel->columns + BLOCK - 1) / BLOCK;
    *ret_kernel = &kernel->own.base;
    return DECANT_OK;
}

/* --- where nothing moves --- */

typedef struct convert_kernel {
    dcn_cpu_kernel own;
    int64_t count;
} convert_kernel;

static void from_f32_body(const dcn_cpu_run *run, int64_t begin, int64_t end)
{
    ((const convert_kernel *)run->kernel)->own.loops->from_f32(run->inputs[0], run->outputs[0], begin, end);
}

static void run_from_f32(const dcn_kernel *base, void *const *inputs, void *const *outputs, void *scratch)
{
    dcn_cpu_run run = dcn_cpu_run_of(base, inputs, outputs, scratch);
    dcn_cpu_parallel(&run, ((const convert_kernel *)base)->count, 1, from_f32_body);
}

static void to_f32_body(const dcn_cpu_run *run, int64_t begin, int64_t end)
{
    ((const convert_kernel *)run->kernel)->own.loops->to_f32(run->inputs[0], run->outputs[0], begin, end);
}

static void run_to_f32(const dcn_kernel *base, void *const *inputs, void *const *outputs, void *scratch)
{
    dcn_cpu_run run = dcn_cpu_run_of(base, inputs, outputs, scratch);
    dcn_cpu_parallel(&run, ((const convert_kernel *)base)->count, 1, to_f32_body);
}

static decant_status compile_convert(dcn_cpu_device *device, const dcn_op_call *call, dcn_kernel **ret_kernel)
{
    convert_kernel *kernel = NULL;
    TRY_RETURN(dcn_cpu_kernel_create(device, call, sizeof *kernel, narrows(call) ? run_from_f32 : run_to_f32,
                                     (void **)&kernel));
    kernel->own.loops = device->narrow_loops;
    kernel->count = decant_shape_count(&call->input[0].shape);
    *ret_kernel = &kernel->own.base;
    return DECANT_OK;
}

/* --- blocks of rows to blocks of pairs of rows --- */

typedef struct row_pair_kernel {
    dcn_cpu_kernel own;
    int64_t width, pairs; /* of rows of so many columns */
} row_pair_kernel;

static void row_pair_body(const dcn_cpu_run *run, int64_t begin, int64_t end)
{
    const row_pair_kernel *kernel = (const row_pair_kernel *)run->kernel;
    kernel->own.loops->pair_rows(run->inputs[0], run->outputs[0], kernel->width, begin, end);
}

static void run_row_pairs(const dcn_kernel *base, void *const *inputs, void *const *outputs, void *scratch)
{
    const row_pair_kernel *kernel = (const row_pair_kernel *)base;
    dcn_cpu_run run = dcn_cpu_run_of(base, inputs, outputs, scratch);
    dcn_cpu_parallel(&run, kernel->pairs, 2 * kernel->width, row_pair_body);
}

/* [rows][width] as the innermost block of one side ("AB16b64a") and [rows / 2][width][2] of the other ("AB8b64a2b"),
 * all else alike: what a weight's gradient in f32 and a product of bf16 want. */
static bool pairs_rows(const dnnl_memory_desc_t *src, const dnnl_memory_desc_t *dst, int64_t *ret_width)
{
    const dnnl_blocking_desc_t *from = &src->format_desc.blocking, *to = &dst->format_desc.blocking;
    if (src->format_kind != dnnl_blocked || dst->format_kind != dnnl_blocked || src->ndims != dst->ndims ||
        src->offset0 != 0 || dst->offset0 != 0 || from->inner_nblks != 2 || to->inner_nblks != 3)
        return false;
    for (int d = 0; d < src->ndims; d++)
        if (src->dims[d] != dst->dims[d] || src->padded_dims[d] != dst->padded_dims[d] ||
            from->strides[d] != to->strides[d])
            return false;
    bool same_block = from->inner_idxs[0] == to->inner_idxs[0] && from->inner_idxs[1] == to->inner_idxs[1] &&
                      from->inner_idxs[0] == to->inner_idxs[2] && from->inner_idxs[0] != from->inner_idxs[1] &&
                      from->inner_blks[0] == 2 * to->inner_blks[0] && from->inner_blks[1] == to->inner_blks[1] &&
                      to->inner_blks[2] == 2;
    if (!same_block || from->inner_blks[1] % DCN_CPU_PANEL != 0) return false;
    *ret_width = from->inner_blks[1];
    return true;
}

static decant_status compile_row_pairs(dcn_cpu_device *device, const dcn_op_call *call, int64_t width,
                                       dcn_kernel **ret_kernel)
{
    row_pair_kernel *kernel = NULL;
    TRY_RETURN(dcn_cpu_kernel_create(device, call, sizeof *kernel, run_row_pairs, (void **)&kernel));
    size_t elements = dcn_cpu_layout_bytes(&device->base, &call->output[0]) / sizeof(dcn_bf16);
    kernel->width = width;
    kernel->pairs = (int64_t)elements / (2 * width);
    *ret_kernel = &kernel->own.base;
    return DECANT_OK;
}

/* --- oneDNN's --- */

/* A 1x1 convolution's weights are a matrix where the convolution is done as a product of matrices: the same memory,
 * seen in two dimensions or in four. */
static void append_ones(dnnl_memory_desc_t *desc, int ndims)
{
    for (; desc->ndims < ndims; desc->ndims++) {
        desc->dims[desc->ndims] = desc->padded_dims[desc->ndims] = desc->format_desc.blocking.strides[desc->ndims] = 1;
        desc->padded_offsets[desc->ndims] = 0;
    }
}

/* Grouped weights have five dimensions for oneDNN and four for us; a plain side takes over the other side's view. */
static decant_status same_dimensions(dnnl_memory_desc_t *plain, const dnnl_memory_desc_t *other)
{
    if (plain->ndims == other->ndims) return DECANT_OK;
    decant_shape shape = {.rank = other->ndims};
    memcpy(shape.dim, other->dims, (size_t)other->ndims * sizeof shape.dim[0]);
    return dcn_cpu_plain_descriptor(&shape, plain->data_type == dnnl_bf16 ? DECANT_BF16 : DECANT_F32, plain);
}

static decant_status compile_blocked(dcn_cpu_device *device, const dcn_op_call *call, dcn_kernel **ret_kernel)
{
    const dcn_tensor_desc *from = &call->input[0], *to = &call->output[0];
    dnnl_memory_desc_t src, dst;
    dnnl_primitive_attr_t attributes = NULL;
    dnnl_primitive_desc_t descriptor = NULL;
    TRY_RETURN(dcn_cpu_descriptor(device, from, &src));
    TRY_RETURN(dcn_cpu_descriptor(device, to, &dst));
    if (from->layout == DCN_LAYOUT_PLAIN) TRY_RETURN(same_dimensions(&src, &dst));
    if (to->layout == DCN_LAYOUT_PLAIN) TRY_RETURN(same_dimensions(&dst, &src));
    append_ones(&src, dst.ndims);
    append_ones(&dst, src.ndims);
    int64_t width;
    if (narrows(call) && pairs_rows(&src, &dst, &width)) return compile_row_pairs(device, call, width, ret_kernel);
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

static bool is_real(const dcn_tensor_desc *desc)
{
    return desc->dtype == DECANT_F32 || desc->dtype == DECANT_BF16;
}

decant_status dcn_cpu_compile_reorder(dcn_device *base, const dcn_tensor_desc *from, const dcn_tensor_desc *to,
                                      dcn_kernel **ret_kernel)
{
    dcn_cpu_device *device = (dcn_cpu_device *)base;
    /* reshape is the op that moves without computing: it lends its name to the flops of a reorder, which are none */
    dcn_op_call call = {.op = DECANT_OP_RESHAPE, .n_inputs = 1, .n_outputs = 1, .input = {*from}, .output = {*to}};
    if (!decant_shape_equal(&from->shape, &to->shape)) return DCN_FAIL(INVALID_ARG, "a reorder keeps the shape");
    if (from->layout == DCN_CPU_LAYOUT_WINDOW || to->layout == DCN_CPU_LAYOUT_WINDOW || !is_real(from) || !is_real(to))
        return DCN_FAIL(UNSUPPORTED,
                        "the cpu device reorders f32 and bf16 tensors; an index of maxpool stays as it was written");
    dcn_cpu_use_threads(device->base.threads);
    bool to_nhwc = from->layout == DCN_LAYOUT_PLAIN && to->layout == DCN_CPU_LAYOUT_NHWC;
    bool from_nhwc = from->layout == DCN_CPU_LAYOUT_NHWC && to->layout == DCN_LAYOUT_PLAIN;
    if (from->shape.rank == 4 && (to_nhwc || from_nhwc)) return compile_transpose(device, &call, to_nhwc, ret_kernel);
    if (from->layout == to->layout && from->layout < DCN_CPU_LAYOUT_FIRST_INTERNED && from->dtype != to->dtype)
        return compile_convert(device, &call, ret_kernel);
    return compile_blocked(device, &call, ret_kernel);
}
