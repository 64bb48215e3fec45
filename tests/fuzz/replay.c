/* Runs a fuzz target over its stored inputs, in builds without libFuzzer: what was once found stays fixed.
 * Usage: replay_TARGET CORPUS_FOLDER */
#include <string.h>

#include "base/file.h"
#include "base/folder.h"
#include "base/memory.h"
#include "fuzz/fuzz.h"

#define MAX_INPUT_BYTES (16 * 1024 * 1024)

static void replay(const char *folder, const char *name)
{
    char *path = NULL;
    uint8_t *data = NULL, *exact = NULL;
    size_t bytes = 0;
    FUZZ_HOLDS(dcn_path_join(folder, name, &path) == DECANT_OK);
    FUZZ_HOLDS(dcn_file_read(path, MAX_INPUT_BYTES, &data, &bytes) == DECANT_OK);
    /* Without the NUL that dcn_file_read adds: the sanitizer must see a read of one byte too many. */
    FUZZ_HOLDS(dcn_new(bytes, (void **)&exact) == DECANT_OK);
    memcpy(exact, data, bytes);
    dcn_free(data);
    printf("%s\n", name);
    fflush(stdout); /* so that the log names the input that crashes */
    FUZZ_HOLDS(LLVMFuzzerTestOneInput(exact, bytes) == 0);
    dcn_free(exact);
    dcn_free(path);
}

int main(int count, char **words)
{
    char **names = NULL;
    int32_t n_names = 0;
    FUZZ_HOLDS(count == 2);
    FUZZ_HOLDS(dcn_directory_list(words[1], &names, &n_names) == DECANT_OK);
    FUZZ_HOLDS(n_names > 0);
    for (int32_t i = 0; i < n_names; i++)
        replay(words[1], names[i]);
    printf("%d inputs\n", n_names);
    dcn_names_free(names, n_names);
    return 0;
}
