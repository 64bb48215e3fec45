/* How files were read, as a model file says it: whatever the text, what is accepted is within its bounds. */
#include <string.h>

#include "data/files.h"
#include "fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    dcn_arena *arena = NULL;
    dcn_files_options options = {0};
    char *text = NULL;
    FUZZ_HOLDS(dcn_arena_create(&arena) == DECANT_OK);
    FUZZ_HOLDS(dcn_new(bytes + 1, (void **)&text) == DECANT_OK);
    if (bytes > 0) memcpy(text, data, bytes);
    if (dcn_files_from_json(arena, text, &options) == DECANT_OK) {
        FUZZ_HOLDS(options.test >= 0 && options.test < 1);
        FUZZ_HOLDS(options.height >= 0 && options.width >= 0 && options.channels >= 0 && options.channels != 2);
        for (int i = 0; i < DCN_N_ARRAYS; i++)
            FUZZ_HOLDS(options.names[i] == NULL || strlen(options.names[i]) <= bytes);
    }
    dcn_free(text);
    dcn_arena_destroy(arena);
    return 0;
}
