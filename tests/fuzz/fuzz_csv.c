/* CSV tables: whatever the bytes are, cells lie inside the file, and what is learnt from the rows reads them again. The
 * last column is the target. */
#include <math.h>
#include <string.h>

#include "data/csv_dataset.h"
#include "data/dataset.h"
#include "fuzz/fuzz.h"

static void check_inputs(const dcn_samples *part, int64_t n_inputs)
{
    const float *values = (const float *)(const void *)part->data; /* [count, n_inputs] */
    for (int64_t i = 0; i < part->count * n_inputs; i++)
        FUZZ_HOLDS(isfinite(values[i]));
}

/* What a model file would bring back reads the same rows to the same values. */
static void check_json(const dcn_csv *csv, const dcn_encoder *encoder)
{
    char *text = NULL, *again = NULL;
    dcn_encoder *back = NULL;
    FUZZ_HOLDS(dcn_encoder_to_json(encoder, &text) == DECANT_OK);
    FUZZ_HOLDS(dcn_encoder_from_json(text, &back) == DECANT_OK);
    FUZZ_HOLDS(dcn_encoder_to_json(back, &again) == DECANT_OK);
    FUZZ_HOLDS(strcmp(text, again) == 0 && back->n_inputs == encoder->n_inputs && csv->n_columns > back->n_columns);
    dcn_encoder_destroy(back);
    dcn_free(text);
    dcn_free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    dcn_csv csv = {0};
    decant_dataset *dataset = NULL;
    uint8_t *copy = NULL;
    FUZZ_HOLDS(dcn_new(bytes + 1, (void **)&copy) == DECANT_OK);
    if (bytes > 0) memcpy(copy, data, bytes);
    if (dcn_csv_parse("fuzz.csv", copy, bytes, &csv) != DECANT_OK) return 0;
    for (int64_t i = 0; i < (csv.n_rows + 1) * csv.n_columns; i++)
        FUZZ_HOLDS((size_t)csv.cells[i].offset + csv.cells[i].length <= bytes);

    const dcn_csv_options options = {
        .path = "fuzz.csv", .target = csv.columns[csv.n_columns - 1], .test = 0.25, .unlabelled = 0.1};
    if (dcn_csv_build(&options, &csv, NULL, NULL, &dataset) == DECANT_OK) {
        FUZZ_HOLDS(dataset->train.count + dataset->test.count == csv.n_rows);
        check_inputs(&dataset->train, dataset->encoder->n_inputs);
        check_inputs(&dataset->test, dataset->encoder->n_inputs);
        check_json(&csv, dataset->encoder);
    }
    dcn_dataset_destroy(dataset);
    dcn_csv_finish(&csv);
    return 0;
}
