/* CIFAR-10's binary files: what is accepted has every record in its place. The first byte says how many bytes of the
 * rest are the test batch; each of the five batches is what is left. */
#include <string.h>

#include "data/cifar.h"
#include "data/dataset.h"
#include "fuzz/fuzz.h"

enum { IMAGE = 3072, RECORD = IMAGE + 1, BATCHES = DCN_CIFAR_FILES - 1 };

static void check_part(const dcn_samples *part, int64_t copies, const dcn_map *file)
{
    FUZZ_HOLDS(part->count == copies * (int64_t)(file->bytes / RECORD));
    for (int64_t i = 0; i < part->count; i++) {
        const uint8_t *record = file->data + (size_t)(i % (part->count / copies)) * RECORD;
        FUZZ_HOLDS(part->labels[i] == record[0] && part->labels[i] < 10);
        FUZZ_HOLDS(memcmp(part->data + (size_t)i * IMAGE, record + 1, IMAGE) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    decant_dataset *dataset = NULL;
    dcn_map files[DCN_CIFAR_FILES];
    size_t test = bytes > 0 ? (size_t)data[0] * RECORD / 2 : 0; /* odd ones cut a record in two */
    if (bytes == 0 || test > bytes - 1) return 0;
    files[BATCHES] = (dcn_map){data + 1, test};
    for (int i = 0; i < BATCHES; i++)
        files[i] = (dcn_map){data + 1 + test, bytes - 1 - test};
    if (dcn_cifar_build("fuzz", files, &dataset) != DECANT_OK) {
        FUZZ_HOLDS(dataset == NULL);
        return 0;
    }
    check_part(&dataset->train, BATCHES, &files[0]);
    check_part(&dataset->test, 1, &files[BATCHES]);
    dcn_dataset_destroy(dataset);
    return 0;
}
