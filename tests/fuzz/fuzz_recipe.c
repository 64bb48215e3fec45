/* Recipes: whatever the text is, reading it ends in a recipe or in an error with a message. Models are built as well:
 * that needs no data, and is where a hostile layer list would do its harm. */
#include "decant/recipe.h"
#include "fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    decant_recipe *recipe = NULL;
    decant_status status = decant_recipe_parse("fuzz.yaml", (const char *)data, bytes, NULL, 0, &recipe);
    if (status != DECANT_OK) {
        FUZZ_HOLDS(recipe == NULL);
        FUZZ_HOLDS(decant_error_message()[0] != '\0');
        return 0;
    }
    for (int32_t i = 0; i < decant_recipe_run_count(recipe); i++)
        FUZZ_HOLDS(decant_recipe_run_at(recipe, i).name != NULL);
    decant_recipe_destroy(recipe);
    return 0;
}
