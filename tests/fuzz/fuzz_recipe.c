/* Recipes: whatever the text is, reading it ends in a recipe or in an error with a message. The networks are laid out
 * as well, for images of 28 x 28: a hostile layer list would do its harm there. */
#include "data/arrays.h"
#include "fuzz/fuzz.h"
#include "run/materials.h"

/* Two samples made up on the first call; kept until the end. */
static const decant_dataset *tiny_images(void)
{
    static decant_dataset *images;
    static const uint8_t pixels[2 * 28 * 28];
    static const int32_t labels[2] = {0, 9};
    const int64_t dims[] = {1, 28, 28};
    decant_shape sample = decant_shape_make(3, dims);
    if (!images)
        FUZZ_HOLDS(dcn_arrays_open("tiny", &sample, DECANT_U8, 10, pixels, labels, 2, pixels, labels, 2, &images) ==
                   DECANT_OK);
    return images;
}

static void lay_out(const dcn_experiment *experiment)
{
    for (int32_t i = 0; i < experiment->n_models; i++) {
        dcn_graph *graph = NULL;
        decant_status status = dcn_materials_graph(experiment, i, tiny_images(), &graph);
        FUZZ_HOLDS((status == DECANT_OK) == (graph != NULL));
        dcn_graph_destroy(graph);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    dcn_experiment *experiment = NULL;
    if (dcn_experiment_parse("fuzz.yaml", (const char *)data, bytes, NULL, 0, &experiment) != DECANT_OK) {
        FUZZ_HOLDS(experiment == NULL);
        FUZZ_HOLDS(decant_error_message()[0] != '\0');
        return 0;
    }
    FUZZ_HOLDS(experiment->n_runs > 0);
    lay_out(experiment);
    dcn_experiment_destroy(experiment);
    return 0;
}
