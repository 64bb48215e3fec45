/* Reading vectors, remembering which were used, and comparing. */
#include "golden/golden.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/random.h"

const golden_setting golden_settings[GOLDEN_SETTINGS] = {
    {"ref", DECANT_F64, 1e-9}, {"ref", DECANT_F32, 2e-5}, {"cpu", DECANT_F32, 2e-5}};

/* Of the file opened last. */
static const dcn_safetensors *current;
static bool used[1024];

dcn_safetensors *golden_open(const char *name)
{
    char path[512];
    dcn_safetensors *file = NULL;
    snprintf(path, sizeof path, "%s/golden/vectors/%s.safetensors", TEST_SOURCE_DIR, name);
    require(dcn_safetensors_open(path, &file), path);
    assert_non_null(dcn_safetensors_metadata(file, "torch"));
    assert_true(file->n_tensors <= (int32_t)(sizeof used));
    memset(used, 0, sizeof used);
    current = file;
    return file;
}

const decant_tensor *golden_find(const dcn_safetensors *file, const char *prefix, const char *what)
{
    char name[128];
    snprintf(name, sizeof name, "%s%s%s", prefix, prefix[0] != '\0' ? "/" : "", what);
    for (int32_t i = 0; i < file->n_tensors; i++) {
        if (strcmp(file->tensors[i].name, name) != 0) continue;
        if (file == current) used[i] = true;
        return &file->tensors[i].tensor;
    }
    return NULL;
}

const decant_tensor *golden_need(const dcn_safetensors *file, const char *prefix, const char *what)
{
    const decant_tensor *tensor = golden_find(file, prefix, what);
    if (tensor == NULL) fail_msg("there is no vector %s/%s", prefix, what);
    return tensor;
}

void golden_check_all_used(void)
{
    for (int32_t i = 0; i < current->n_tensors; i++)
        if (!used[i]) fail_msg("no test reads the vector %s", current->tensors[i].name);
}

void golden_compare(const char *label, const char *what, const golden_setting *setting, int64_t index, double expected,
                    double actual)
{
    if (fabs(actual - expected) <= setting->tolerance * (1 + fabs(expected))) return;
    fail_msg("%s %s, %s: %s[%lld] is %.12g, PyTorch says %.12g", setting->device, decant_dtype_name(setting->dtype),
             label, what, (long long)index, actual, expected);
}

void golden_compare_value(const char *label, const char *what, const golden_setting *setting,
                          const decant_tensor *expected, const runner *run, dcn_value_id value)
{
    const double *elements = expected->data;
    assert_int_equal(expected->dtype, DECANT_F64);
    if (!decant_shape_equal(&expected->shape, &run->graph->values[value].shape))
        fail_msg("%s: %s has not the shape that PyTorch gives it", label, what);
    for (int64_t i = 0; i < runner_count(run, value); i++)
        golden_compare(label, what, setting, i, elements[i], runner_get(run, value, i));
}

void golden_uniform(uint32_t ordinal, int64_t count, double *ret_numbers)
{
    dcn_random random = dcn_random_start(1, DCN_PURPOSE_TEST, ordinal, 0);
    for (int64_t i = 0; i < count; i++)
        ret_numbers[i] = (double)dcn_random_u32(&random) / 2147483648.0 - 1;
}
