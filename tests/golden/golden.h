/* The vectors that tools/make_golden.py and tools/make_loss_curve.py made with PyTorch, and comparing with them. */
#ifndef GOLDEN_GOLDEN_H
#define GOLDEN_GOLDEN_H

#include "format/safetensors.h"
#include "support/runner.h"

/* Where each vector is checked. The vectors are in double precision, so the tolerance is the judged side's rounding
 * alone. */
typedef struct golden_setting {
    const char *device;
    decant_dtype dtype;
    double tolerance; /* of |value - golden| / (1 + |golden|) */
} golden_setting;
#define GOLDEN_SETTINGS 3
extern const golden_setting golden_settings[GOLDEN_SETTINGS];

/* vectors/NAME.safetensors; fails the test when it is not there or was not made by PyTorch. */
dcn_safetensors *golden_open(const char *name);
/* "CASE/WHAT", or NULL. golden_need fails the test instead. */
const decant_tensor *golden_find(const dcn_safetensors *file, const char *prefix, const char *what);
const decant_tensor *golden_need(const dcn_safetensors *file, const char *prefix, const char *what);
/* Fails unless every tensor of the file has been asked for: a vector that nothing reads judges nothing. */
void golden_check_all_used(void);

void golden_compare(const char *label, const char *what, const golden_setting *setting, int64_t index, double expected,
                    double actual);
/* A whole f64 tensor with a value of a runner. */
void golden_compare_value(const char *label, const char *what, const golden_setting *setting,
                          const decant_tensor *expected, const runner *run, dcn_value_id value);

/* The numbers in [-1, 1) that both sides make from an ordinal (uniform() in the script). */
void golden_uniform(uint32_t ordinal, int64_t count, double *ret_numbers);

#endif
