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

#include "base/file.h"
#include "base/memory.h"
#include "decant/recipe.h"
#include "recipe/experiment.h"

/* A whole recipe on the tiny data set in the folder, a string literal. */
#define TINY_RECIPE(folder)                                                                                            \
    "decant: 1\n"                                                                                                      \
    "name: tiny\n"                                                                                                     \
    "threads: 1\n"                                                                                                     \
    "data:\n"                                                                                                          \
    "  source: {format: idx, path: " folder "}\n"                                                                      \
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

/* overrides: ended by NULL; or NULL */
static inline decant_recipe *recipe_or_fail(const char *text, const char *const *overrides)
{
    decant_recipe *recipe = NULL;
    int32_t n_overrides = 0;
    while (overrides != NULL && overrides[n_overrides] != NULL)
        n_overrides++;
    if (decant_recipe_parse("t.yaml", text, strlen(text), overrides, n_overrides, &recipe) != DECANT_OK)
        fail_msg("%s: %s", decant_error_place(), decant_error_message());
    return recipe;
}

/* Runs the recipe and lets go of it. */
static inline decant_status run_and_destroy(decant_recipe *recipe, const decant_run_options *options,
                                            decant_result_list **ret_results)
{
    decant_status status = decant_recipe_run(recipe, options, ret_results);
    decant_recipe_destroy(recipe);
    return status;
}

static inline void assert_same_file(const char *a, const char *b)
{
    uint8_t *first = NULL, *second = NULL;
    size_t first_bytes = 0, second_bytes = 0;
    assert_int_equal(dcn_file_read(a, 1 << 24, &first, &first_bytes), DECANT_OK);
    assert_int_equal(dcn_file_read(b, 1 << 24, &second, &second_bytes), DECANT_OK);
    assert_int_equal(first_bytes, second_bytes);
    assert_memory_equal(first, second, first_bytes);
    dcn_free(first);
    dcn_free(second);
}

#endif
