/* The devices there are, by name, and the names of precisions. A new device is a folder beside this file and a row in
 * DEVICES. */
#include "device/device.h"

#include <string.h>

#include "base/memory.h"
#include "base/text.h"

#define DEVICES(ROW)  ROW(cpu) ROW(ref)

#define DECLARE(name) extern const dcn_device_class dcn_device_##name;
DEVICES(DECLARE)

#define ROW_POINTER(name) &dcn_device_##name,
static const dcn_device_class *const devices[] = {DEVICES(ROW_POINTER)};

int32_t dcn_device_count(void)
{
    return (int32_t)DCN_COUNT(devices);
}

const dcn_device_class *dcn_device_at(int32_t index)
{
    return index >= 0 && index < dcn_device_count() ? devices[index] : NULL;
}

const char *decant_precision_name(decant_precision precision)
{
    static const char *const names[] = {
        [DECANT_PRECISION_AUTO] = "auto", [DECANT_PRECISION_F32] = "f32", [DECANT_PRECISION_BF16] = "bf16"};
    return (unsigned)precision < DCN_COUNT(names) ? names[precision] : "unknown";
}

static decant_status fail_unknown(const char *name)
{
    dcn_text names = {0};
    decant_status status = DECANT_OK;
    for (size_t i = 0; i < DCN_COUNT(devices); i++)
        TRY(dcn_text_add(&names, "%s%s", i > 0 ? ", " : "", devices[i]->name));
    status = DCN_FAIL(NOT_FOUND, "there is no device \"%s\"; there are: %s", name, names.data);
out:
    dcn_text_finish(&names);
    return status;
}

decant_status dcn_device_find(const char *name, const dcn_device_class **ret_class)
{
    for (size_t i = 0; i < DCN_COUNT(devices); i++) {
        if (strcmp(devices[i]->name, name) != 0) continue;
        if (!devices[i]->available()) return DCN_FAIL(UNSUPPORTED, "device \"%s\" cannot run on this machine", name);
        *ret_class = devices[i];
        return DECANT_OK;
    }
    return fail_unknown(name);
}

decant_status dcn_device_open(const char *name, const dcn_device_options *options, dcn_device **ret_device)
{
    static const dcn_device_options defaults = {0};
    const dcn_device_class *class = NULL;
    dcn_device *device = NULL;
    if (options == NULL) options = &defaults;
    if (options->threads < 0) return DCN_FAIL(INVALID_ARG, "a device cannot use %d threads", options->threads);
    TRY_RETURN(dcn_device_find(name != NULL ? name : "cpu", &class));
    TRY_RETURN(class->open(options, &device));
    device->precision = options->precision;
    *ret_device = device;
    return DECANT_OK;
}

decant_status dcn_compute_open(const decant_compute *compute, dcn_device **ret_device)
{
    static const decant_compute usual = {0};
    if (compute == NULL) compute = &usual;
    const dcn_device_options options = {.threads = compute->threads, .precision = compute->precision};
    return dcn_device_open(compute->device, &options, ret_device);
}

decant_status dcn_device_check(dcn_device *device)
{
    if (!device->has_failed) return DECANT_OK;
    device->has_failed = false;
    return DCN_FAIL(INTERNAL, "a kernel of device \"%s\" could not compute (%s); nothing of this step is to be used",
                    device->class->name, device->summary);
}

void dcn_device_close(dcn_device *device)
{
    if (device != NULL) device->class->close(device);
}
