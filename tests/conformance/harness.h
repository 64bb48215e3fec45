/* Running one op case on a device as the engine would - compile, reorder inputs, run, reorder outputs - and judging it
 * by ref. */
#ifndef CONFORMANCE_HARNESS_H
#define CONFORMANCE_HARNESS_H

#include <stdio.h>
#include <string.h>

#include "conformance/cases.h"
#include "device/device.h"

/* Fails the test with the error record's message unless the status is OK. */
void require(decant_status status, const char *what);

/* How the inputs exist before the op is compiled, and what the engine wishes. */
typedef enum run_variant {
    VARIANT_PLAIN,      /* inputs plain, outputs as the kernel likes */
    VARIANT_WISH_PLAIN, /* inputs plain, outputs wished plain */
    VARIANT_NATIVE,     /* maps as a convolution writes them, weights as their layer keeps them; weight gradients wished
                           likewise */
    VARIANT_MIXED,      /* only input 0 native; outputs wished native */
    VARIANT_IN_PLACE,   /* native, output 0 over input 0 where the kernel claims it can */
    VARIANT_COUNT
} run_variant;

/* All tensors of a case in host memory, plain: what goes in, or what came out. */
typedef struct host_tensors {
    void *input[DCN_MAX_INPUTS];
    void *output[DCN_MAX_OUTPUTS];
} host_tensors;
void host_tensors_finish(host_tensors *tensors);

/* Inputs filled from the case's fills; a pure function of the case. A FILL_INDEX gets what its forward op reads. */
void case_fill(const op_case *test, host_tensors *ret_tensors);
/* The oracle: ref in f32, or in f64 (rounded to f32 afterwards) when ref itself is judged. */
void case_expect(const op_case *test, const host_tensors *filled, bool in_f64, host_tensors *ret_expected);
/* Runs one variant on the device. Returns false, with nothing done, when the variant is the same as VARIANT_PLAIN here.
 */
bool case_run(dcn_device *device, const op_case *test, run_variant variant, const host_tensors *filled,
              host_tensors *ret_actual);
/* Fails the test at the first element that is off. */
void case_compare(const dcn_device *device, const op_case *test, run_variant variant, const host_tensors *filled,
                  const host_tensors *expected, const host_tensors *actual);
/* Maps, weights and index layouts that the case meets on this device: every reorder between them keeps every bit. */
void case_check_reorders(dcn_device *device, const op_case *test, const host_tensors *filled);

#endif
