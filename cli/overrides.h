/* Recipes as the command line asks for them. */
#ifndef CLI_OVERRIDES_H
#define CLI_OVERRIDES_H

#include "decant/decant.h"
#include "options.h"

/* Loads a recipe with -o, --device and --threads; the last two may be NULL. */
decant_status load_recipe(const char *path, const option_value *overrides, const option_value *device,
                          const option_value *threads, decant_recipe **ret_recipe);

/* --device and --threads for verbs without a recipe. */
decant_compute compute_of(const option_value *device, const option_value *threads);

#endif
