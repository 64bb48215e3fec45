/* Recipes as the command line asks for them. */
#ifndef CLI_OVERRIDES_H
#define CLI_OVERRIDES_H

#include "decant/decant.h"
#include "options.h"

/* Whether the word names a recipe and nothing else. */
bool is_recipe_name(const char *path);

/* Loads a recipe with -o and, unless `values` is NULL, what is said about computing. values: of all options of a verb
 * that computes. */
decant_status load_recipe(const char *path, const option_value *overrides, const option_value *values,
                          decant_recipe **ret_recipe);

/* The same for what needs no recipe. */
decant_compute asked_compute(const option_value *values);

/* A run's own key goes before --precision, which asks it of the recipe: a note where that is so. */
void tell_own_precision(const decant_run_info *run, const option_value *values);

#endif
