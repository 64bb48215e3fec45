/* A device that makes the engine's life hard: ref's arithmetic, but every kernel reads and writes layouts drawn from a
 * seed (elements backwards, with padding), ignores half of the wishes, and needs scratch. It also counts. */
#ifndef TESTS_ENGINE_ODD_DEVICE_H
#define TESTS_ENGINE_ODD_DEVICE_H

#include "device/device.h"

typedef struct odd_device {
    dcn_device base;
    dcn_device *ref;
    uint64_t seed; /* 0: plain layouts only */
    int64_t reorders_run;
    size_t memory_bytes; /* given out and not yet given back */
    int64_t runs_left;   /* ops before one that fails; below 0: none does */
} odd_device;

void odd_device_open(odd_device *device, uint64_t seed);
void odd_device_close(odd_device *device);

#endif
