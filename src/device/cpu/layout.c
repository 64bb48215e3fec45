/* Layout numbers of the cpu device and the oneDNN memory descriptors they stand for. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "device/cpu/cpu.h"

/* In NHWC, seen from the outside in, these are the logical dimensions. */
static const int nhwc_order[4] = {0, 2, 3, 1};

static dnnl_data_type_t dnnl_type(decant_dtype dtype)
{
    return dtype == DECANT_BF16 ? dnnl_bf16 : dnnl_f32;
}

/* A row-major descriptor whose memory goes through the dimensions in the given order. */
static decant_status dense_descriptor(const decant_shape *shape, decant_dtype dtype, const int *order,
                                      dnnl_memory_desc_t *ret_descriptor)
{
    int rank = shape->rank > 0 ? shape->rank : 1;
    dnnl_dims_t dims = {1}, strides = {1};
    for (int i = 0; i < shape->rank; i++)
        dims[i] = shape->dim[i];
    int64_t stride = 1;
    for (int i = rank - 1; i >= 0; i--) {
        int d = order ? order[i] : i;
        strides[d] = stride;
        stride *= dims[d];
    }
    return dcn_cpu_check(dnnl_memory_desc_init_by_strides(ret_descriptor, rank, dims, dnnl_type(dtype), strides),
                         "memory descriptor");
}

decant_status dcn_cpu_plain_descriptor(const decant_shape *shape, decant_dtype dtype,
                                       dnnl_memory_desc_t *ret_descriptor)
{
    return dense_descriptor(shape, dtype, NULL, ret_descriptor);
}

decant_status dcn_cpu_activation_descriptor(const decant_shape *shape, decant_dtype dtype,
                                            dnnl_memory_desc_t *ret_descriptor)
{
    return dense_descriptor(shape, dtype, shape->rank == 4 ? nhwc_order : NULL, ret_descriptor);
}

decant_status dcn_cpu_any_descriptor(const decant_shape *shape, decant_dtype dtype, dnnl_memory_desc_t *ret_descriptor)
{
    dnnl_dims_t dims = {0};
    for (int i = 0; i < shape->rank; i++)
        dims[i] = shape->dim[i];
    return dcn_cpu_check(
        dnnl_memory_desc_init_by_tag(ret_descriptor, shape->rank, dims, dnnl_type(dtype), dnnl_format_tag_any),
        "memory descriptor");
}

dcn_layout dcn_cpu_activation_layout(const decant_shape *shape)
{
    bool same_memory = shape->rank != 4 || shape->dim[1] == 1 || shape->dim[2] * shape->dim[3] == 1;
    return same_memory ? DCN_LAYOUT_PLAIN : DCN_CPU_LAYOUT_NHWC;
}

decant_status dcn_cpu_descriptor(dcn_cpu_device *device, const dcn_tensor_desc *desc,
                                 dnnl_memory_desc_t *ret_descriptor)
{
    if (desc->layout == DCN_LAYOUT_PLAIN) return dcn_cpu_plain_descriptor(&desc->shape, desc->dtype, ret_descriptor);
    if (desc->layout == DCN_CPU_LAYOUT_NHWC && desc->shape.rank == 4)
        return dcn_cpu_activation_descriptor(&desc->shape, desc->dtype, ret_descriptor);
    int64_t index = (int64_t)desc->layout - DCN_CPU_LAYOUT_FIRST_INTERNED;
    if (index < 0 || index >= device->n_layouts)
        return DCN_FAIL(INTERNAL, "layout %u of the cpu device has no oneDNN descriptor", desc->layout);
    if (device->layouts[index].descriptor.data_type != dnnl_type(desc->dtype))
        return DCN_FAIL(UNSUPPORTED, "layout %s is not one of %s", device->layouts[index].name,
                        decant_dtype_name(desc->dtype));
    *ret_descriptor = device->layouts[index].descriptor;
    return DECANT_OK;
}

/* True when the memory goes through the elements in the given order without gaps; dimensions of one element have no
 * say. */
static bool is_dense_in_order(const dnnl_memory_desc_t *descriptor, const int *order)
{
    int64_t stride = 1;
    for (int i = descriptor->ndims - 1; i >= 0; i--) {
        int d = order ? order[i] : i;
        if (descriptor->dims[d] > 1 && descriptor->format_desc.blocking.strides[d] != stride) return false;
        stride *= descriptor->dims[d];
    }
    return true;
}

static bool is_unblocked(const dnnl_memory_desc_t *descriptor)
{
    if (descriptor->format_kind != dnnl_blocked || descriptor->format_desc.blocking.inner_nblks != 0 ||
        descriptor->offset0 != 0)
        return false;
    for (int i = 0; i < descriptor->ndims; i++)
        if (descriptor->padded_dims[i] != descriptor->dims[i]) return false;
    return true;
}

/* oneDNN's own notation: dimensions from the outermost in, capital where they are also blocked, then the blocks
 * ("ABcd16b16a"). */
static decant_status name_layout(const dnnl_memory_desc_t *descriptor, char *buffer, size_t bytes)
{
    dcn_text text = {0};
    decant_status status = DECANT_OK;
    if (descriptor->format_kind != dnnl_blocked) {
        status = dcn_format(buffer, bytes, "opaque");
        goto out;
    }
    const dnnl_blocking_desc_t *blocking = &descriptor->format_desc.blocking;
    bool blocked[DNNL_MAX_NDIMS] = {false}, done[DNNL_MAX_NDIMS] = {false};
    for (int i = 0; i < blocking->inner_nblks; i++)
        blocked[blocking->inner_idxs[i]] = true;
    for (int place = 0; place < descriptor->ndims; place++) {
        int next = -1;
        for (int d = 0; d < descriptor->ndims; d++)
            if (!done[d] && (next < 0 || blocking->strides[d] > blocking->strides[next])) next = d;
        done[next] = true;
        TRY(dcn_text_add(&text, "%c", (blocked[next] ? 'A' : 'a') + next));
    }
    for (int i = 0; i < blocking->inner_nblks; i++)
        TRY(dcn_text_add(&text, "%d%c", (int)blocking->inner_blks[i], 'a' + (int)blocking->inner_idxs[i]));
    TRY(dcn_format(buffer, bytes, "%s", text.data));
out:
    dcn_text_finish(&text);
    return status;
}

decant_status dcn_cpu_intern(dcn_cpu_device *device, const dnnl_memory_desc_t *descriptor, dcn_layout *ret_layout)
{
    if (is_unblocked(descriptor)) {
        if (is_dense_in_order(descriptor, NULL)) {
            *ret_layout = DCN_LAYOUT_PLAIN;
            return DECANT_OK;
        }
        if (descriptor->ndims == 4 && is_dense_in_order(descriptor, nhwc_order)) {
            *ret_layout = DCN_CPU_LAYOUT_NHWC;
            return DECANT_OK;
        }
    }
    for (int32_t i = 0; i < device->n_layouts; i++) {
        if (!dnnl_memory_desc_equal(&device->layouts[i].descriptor, descriptor)) continue;
        *ret_layout = DCN_CPU_LAYOUT_FIRST_INTERNED + (dcn_layout)i;
        return DECANT_OK;
    }
    TRY_RETURN(
        dcn_grow((void **)&device->layouts, device->n_layouts, &device->layouts_capacity, sizeof *device->layouts));
    dcn_cpu_layout *layout = &device->layouts[device->n_layouts];
    layout->descriptor = *descriptor;
    TRY_RETURN(name_layout(descriptor, layout->name, sizeof layout->name));
    *ret_layout = DCN_CPU_LAYOUT_FIRST_INTERNED + (dcn_layout)device->n_layouts++;
    return DECANT_OK;
}

size_t dcn_cpu_layout_bytes(dcn_device *base, const dcn_tensor_desc *desc)
{
    const dcn_cpu_device *device = (const dcn_cpu_device *)base;
    size_t count = (size_t)decant_shape_count(&desc->shape), item = decant_dtype_size(desc->dtype);
    if (desc->layout == DCN_CPU_LAYOUT_WINDOW) return (count + item - 1) / item * item;
    if (desc->layout >= DCN_CPU_LAYOUT_FIRST_INTERNED && desc->layout != DCN_LAYOUT_ANY) {
        size_t index = desc->layout - DCN_CPU_LAYOUT_FIRST_INTERNED;
        if (index < (size_t)device->n_layouts) return dnnl_memory_desc_get_size(&device->layouts[index].descriptor);
    }
    return count * item;
}

const char *dcn_cpu_layout_name(dcn_device *base, dcn_layout layout)
{
    const dcn_cpu_device *device = (const dcn_cpu_device *)base;
    if (layout == DCN_LAYOUT_PLAIN) return "plain";
    if (layout == DCN_LAYOUT_ANY) return "any";
    if (layout == DCN_CPU_LAYOUT_NHWC) return "nhwc";
    if (layout == DCN_CPU_LAYOUT_WINDOW) return "window";
    size_t index = layout - DCN_CPU_LAYOUT_FIRST_INTERNED;
    return index < (size_t)device->n_layouts ? device->layouts[index].name : "unknown";
}

dcn_cpu_map dcn_cpu_map_of(const decant_shape *shape)
{
    dcn_cpu_map map = {shape->dim[0], shape->dim[1], 1, 1};
    if (shape->rank == 4) {
        map.height = shape->dim[2];
        map.width = shape->dim[3];
    }
    return map;
}

void dcn_cpu_ask_activation(dcn_op_call *call)
{
    for (int32_t i = 0; i < call->n_inputs; i++)
        call->input[i].layout = dcn_cpu_activation_layout(&call->input[i].shape);
    for (int32_t i = 0; i < call->n_outputs; i++)
        call->output[i].layout = dcn_cpu_activation_layout(&call->output[i].shape);
}
