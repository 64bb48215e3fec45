/* Recipes for tests, and what every test does with one. */
#ifndef TESTS_RECIPE_RECIPES_H
#define TESTS_RECIPE_RECIPES_H

/* Order matters: cmocka needs the four before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "recipe/experiment.h"

/* A whole recipe on the tiny data set, whose folder is put in with printf. */
#define TINY_RECIPE                                                                                                    \
    "decant: 1\n"                                                                                                      \
    "name: tiny\n"                                                                                                     \
    "threads: 1\n"                                                                                                     \
    "data:\n"                                                                                                          \
    "  source: {format: idx, path: %s}\n"                                                                              \
    "  validation: 40\n"                                                                                               \
    "models:\n"                                                                                                        \
    "  teacher:\n"                                                                                                     \
    "    - conv: {channels: 8, kernel: 3, padding: 1}\n"                                                               \
    "    - relu\n"                                                                                                     \
    "    - maxpool: 2\n"                                                                                               \
    "    - flatten\n"                                                                                                  \
    "    - linear: 4\n"                                                                                                \
    "  student:\n"                                                                                                     \
    "    - flatten\n"                                                                                                  \
    "    - linear: 8\n"                                                                                                \
    "    - relu\n"                                                                                                     \
    "    - linear: 4\n"                                                                                                \
    "runs:\n"                                                                                                          \
    "  teacher: {model: teacher, epochs: 2, batch: 20, optimizer: {adam: {lr: 1e-2}}, loss: {ce: 1}}\n"                \
    "  alone: {model: student, epochs: 2, batch: 20, optimizer: {adam: {lr: 1e-2}}, loss: {ce: 1}, seeds: 2}\n"        \
    "  distilled: {like: alone, teacher: teacher, loss: {ce: 0.5, kd: {weight: 0.5, temperature: 2}}}\n"

static inline dcn_experiment *parse_or_fail(const char *text, const char *const *overrides, int32_t n_overrides)
{
    dcn_experiment *experiment = NULL;
    decant_status status = dcn_experiment_parse("t.yaml", text, strlen(text), overrides, n_overrides, &experiment);
    if (status != DECANT_OK) fail_msg("%s: %s", decant_error_place(), decant_error_message());
    return experiment;
}

#endif
