/* Recipes as the command line asks for them. */
#ifndef CLI_OVERRIDES_H
#define CLI_OVERRIDES_H

#include "decant/decant.h"
#include "options.h"

/* --device, --threads and --precision of a verb. */
typedef struct compute_options {
    const option_value *device, *threads, *precision;
} compute_options;

/* Whether the word names a recipe and nothing else. */
bool is_recipe_name(const char *path);

/* Loads a recipe with -o and, unless it is NULL, what is said about computing. */
decant_status load_recipe(const char *path, const option_value *overrides, const compute_options *compute,
                          decant_recipe **ret_recipe);

/* The same for verbs without a recipe. */
decant_compute compute_of(const compute_options *compute);

#endif
