/* What can compute here: the devices this build knows, the machine, and the libraries underneath. */
#ifndef DECANT_DEVICE_H
#define DECANT_DEVICE_H

#include <stdbool.h>
#include <stdint.h>

#include "decant/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/** What layers compute in. Weights, optimiser state, statistics and losses are f32 always. */
typedef enum {
    DECANT_PRECISION_AUTO, /**< bf16 in the layers that are faster in it on this machine, f32 in the others */
    DECANT_PRECISION_F32,
    DECANT_PRECISION_BF16 /**< bf16 in every convolution and linear layer, emulated where the processor has none */
} decant_precision;

/** "auto", "f32" or "bf16". Static storage. */
const char *decant_precision_name(decant_precision precision);

/** Where and how to compute. All zero is the usual choice: the cpu device on every core the process may use, in the
 *  precision that is fastest. */
typedef struct {
    const char *device;         /**< a device's name, or NULL for "cpu" */
    int32_t threads;            /**< 0: all cores the process may use */
    decant_precision precision; /**< of activations and products */
} decant_compute;

/** A device of this build. Static storage. */
typedef struct {
    const char *name;        /**< what recipes and options call it: "cpu", "ref" */
    const char *description; /**< one phrase */
    bool available;          /**< it works on this machine */
} decant_device_info;

/** Number of devices in this build. */
int32_t decant_device_count(void);

/** One of them; all NULL and false when index is not in [0, decant_device_count()). */
decant_device_info decant_device_at(int32_t index);

/** What an opened device says about itself: "cpu: oneDNN 2.6.3, avx512, 2 threads".
 *
 *  compute      which device, with how many threads; NULL for the default.
 *  ret_summary  at least 96 bytes; untouched on failure.
 *
 *  Errors: NOT_FOUND (no such device; the message names those there are), UNSUPPORTED, NO_MEMORY.
 */
DECANT_MUST_USE decant_status decant_device_summary(const decant_compute *compute, char *ret_summary);

/** This machine. */
typedef struct {
    char processor[96]; /**< the processor's name as the system tells it; "unknown" when it does not */
    int32_t cores;      /**< that the process may use */
    int64_t memory;     /**< bytes of main memory */
} decant_machine_info;

/** Describes this machine; what cannot be found out is "unknown" or 0. */
decant_machine_info decant_machine_describe(void);

/** A library that decant was built with. Static storage. */
typedef struct {
    const char *name, *version;
} decant_library_info;

/** Number of libraries that decant uses besides the system's own. */
int32_t decant_library_count(void);

/** One of them; NULLs when index is not in [0, decant_library_count()). */
decant_library_info decant_library_at(int32_t index);

#ifdef __cplusplus
}
#endif
#endif
