/* What the tests of kernels on bf16 share: the device, whether its dot products are fast, memory for tensors. Included
 * behind cmocka.h. */
#ifndef DCN_TESTS_DEVICE_NARROW_H
#define DCN_TESTS_DEVICE_NARROW_H

#include "base/memory.h"
#include "base/random.h"
#include "decant/status.h"
#include "device/device.h"
#include "tensor/bf16.h"

static inline void require(decant_status status)
{
    if (status != DECANT_OK) fail_msg("%s", decant_error_message());
}

static inline dcn_device *open_cpu(int32_t threads)
{
    dcn_device_options options = {.threads = threads};
    dcn_device *device = NULL;
    require(dcn_device_open("cpu", &options, &device));
    return device;
}

static inline bool has_fast_dots(void)
{
#if defined(__x86_64__)
    return __builtin_cpu_is("amd") && __builtin_cpu_supports("avx512bf16");
#else
    return false;
#endif
}

/* What a kernel made. */
typedef struct outcome {
    void *output[2];
    size_t bytes[2];
} outcome;

static inline void *take(dcn_device *device, const dcn_tensor_desc *desc, size_t *ret_bytes)
{
    void *memory = NULL;
    *ret_bytes = device->class->layout_bytes(device, desc);
    require(device->class->memory_create(device, *ret_bytes, &memory));
    return memory;
}

#endif
