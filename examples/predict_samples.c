/* Predicts the test samples of a data set one by one, as a program would that waits for each answer.
 *
 *   cc predict_samples.c $(pkg-config --cflags --libs decant) -o predict_samples
 *   ./predict_samples model.safetensors fashion-mnist
 */
#include <decant/decant.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

static int32_t likeliest(const float *probabilities, int32_t classes)
{
    int32_t best = 0;
    for (int32_t c = 1; c < classes; c++)
        if (probabilities[c] > probabilities[best]) best = c;
    return best;
}

/* The stored values of a sample go in as they are, bytes or floats; normalising them is the model's business. */
static decant_status predict(decant_predictor *predictor, const decant_tensor *sample, float *ret_probabilities)
{
    if (sample->dtype == DECANT_U8)
        return decant_predictor_run_bytes(predictor, (const uint8_t *)sample->data, 1, ret_probabilities);
    return decant_predictor_run(predictor, (const float *)sample->data, 1, ret_probabilities);
}

/* probabilities: [classes] memory for an answer */
static bool predict_all(decant_predictor *predictor, const decant_dataset *dataset, float *probabilities,
                        int64_t *ret_errors)
{
    *ret_errors = 0;
    for (int64_t i = 0; i < decant_dataset_count(dataset, DECANT_PART_TEST); i++) {
        decant_tensor sample;
        int32_t label;
        if (decant_dataset_sample(dataset, DECANT_PART_TEST, i, &sample, &label) != DECANT_OK ||
            predict(predictor, &sample, probabilities) != DECANT_OK)
            return false;
        *ret_errors += likeliest(probabilities, decant_dataset_class_count(dataset)) != label;
    }
    return true;
}

static int predict_test_part(decant_predictor *predictor, const decant_dataset *dataset)
{
    int64_t errors = 0;
    float *probabilities = calloc((size_t)decant_predictor_output_count(predictor), sizeof *probabilities);
    if (probabilities == NULL) {
        fprintf(stderr, "predict_samples: no memory for an answer\n");
        return 1;
    }
    bool done = predict_all(predictor, dataset, probabilities, &errors);
    free(probabilities);
    if (!done) {
        fprintf(stderr, "predict_samples: %s\n", decant_error_message());
        return 1;
    }
    printf("%lld errors in %lld samples\n", (long long)errors,
           (long long)decant_dataset_count(dataset, DECANT_PART_TEST));
    return 0;
}

int main(int argc, char **argv)
{
    const decant_compute one_thread = {.threads = 1}; /* the quickest for one small image at a time */
    decant_model *model = NULL;
    decant_dataset *dataset = NULL;
    decant_predictor *predictor = NULL;
    int exit_status = 1;
    if (argc != 3) {
        fprintf(stderr, "usage: predict_samples MODEL DATA\n");
        return 2;
    }
    if (decant_model_load(argv[1], &model) == DECANT_OK &&
        decant_model_open_data(model, argv[2], &dataset) == DECANT_OK &&
        decant_predictor_create(model, &one_thread, NULL, &predictor) == DECANT_OK)
        exit_status = predict_test_part(predictor, dataset);
    else
        fprintf(stderr, "predict_samples: %s\n", decant_error_message());
    decant_predictor_destroy(predictor);
    decant_dataset_destroy(dataset);
    decant_model_destroy(model);
    return exit_status;
}
