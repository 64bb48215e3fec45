/* Trains a small network on Fashion-MNIST for one epoch through decant's library, tests it and saves it.
 *
 *   cc train_small.c $(pkg-config --cflags --libs decant) -o train_small
 *   ./train_small [model.safetensors]
 */
#include <decant/decant.h>
#include <stdbool.h>
#include <stdio.h>

/* Convolution that halves height and width, batch normalisation, relu. A failed call leaves a message, so just stop. */
static bool add_block(decant_graph *graph, const char *const names[3], int64_t channels, decant_value *x)
{
    decant_conv_options conv = decant_conv_options_default(channels, 3);
    conv.stride[0] = conv.stride[1] = 2;
    conv.padding[0] = conv.padding[1] = 1;
    conv.bias = false; /* batch normalisation has one */
    return decant_graph_conv2d(graph, names[0], *x, &conv, x) == DECANT_OK &&
           decant_graph_batchnorm(graph, names[1], *x, x) == DECANT_OK &&
           decant_graph_activation(graph, names[2], *x, DECANT_ACTIVATION_RELU, x) == DECANT_OK;
}

static bool build_network(decant_graph *graph, const decant_dataset *dataset)
{
    static const char *const first[3] = {"conv1", "bn1", "relu1"}, *const second[3] = {"conv2", "bn2", "relu2"};
    const decant_shape image = decant_dataset_sample_shape(dataset); /* [1, 28, 28] */
    decant_value x;
    return decant_graph_input(graph, &image, &x) == DECANT_OK &&         /* [n, 1, 28, 28] */
           add_block(graph, first, 8, &x) &&                             /* [n, 8, 14, 14] */
           add_block(graph, second, 16, &x) &&                           /* [n, 16, 7, 7] */
           decant_graph_flatten(graph, "flatten", x, &x) == DECANT_OK && /* [n, 784] */
           decant_graph_linear(graph, "fc", x, decant_dataset_class_count(dataset), true, &x) == DECANT_OK &&
           decant_graph_set_output(graph, x) == DECANT_OK;
}

static bool make_model(const decant_dataset *dataset, decant_model **ret_model)
{
    decant_graph *graph = NULL;
    if (decant_graph_create(&graph) != DECANT_OK) return false;
    if (!build_network(graph, dataset)) {
        decant_graph_destroy(graph);
        return false;
    }
    printf("%lld parameters\n", (long long)decant_graph_parameters(graph));
    return decant_model_from_graph(graph, 1, ret_model) == DECANT_OK; /* the graph is the model's now */
}

static void show_epoch(void *context, const decant_train_epoch *epoch)
{
    (void)context;
    printf("epoch %lld of %lld: loss %.3f, validation accuracy %.1f %%\n", (long long)epoch->epoch + 1,
           (long long)epoch->epochs, epoch->loss, 100 * epoch->validation_accuracy);
}

static bool train_and_test(decant_model *model, const decant_dataset *dataset)
{
    decant_train_options options = decant_train_options_default();
    decant_train_result result;
    decant_evaluation *evaluation = NULL;
    options.epochs = 1;
    options.validation = 5000;
    options.learning_rate = 5e-3;
    options.schedule = DECANT_SCHEDULE_ONE_CYCLE;
    options.on_epoch = show_epoch;
    if (decant_train(model, NULL, dataset, NULL, &options, &result) != DECANT_OK ||
        decant_model_evaluate(model, NULL, dataset, DECANT_PART_TEST, &evaluation) != DECANT_OK)
        return false;
    printf("test accuracy %.2f %% on %lld images\n", 100 * evaluation->accuracy, (long long)evaluation->count);
    decant_evaluation_destroy(evaluation);
    return true;
}

int main(int argc, char **argv)
{
    const char *path = argc > 1 ? argv[1] : "model.safetensors";
    decant_dataset *dataset = NULL;
    decant_model *model = NULL;
    bool done = decant_dataset_open("fashion-mnist", &dataset) == DECANT_OK && make_model(dataset, &model) &&
                train_and_test(model, dataset) && decant_model_save(model, path) == DECANT_OK;
    if (done)
        printf("saved %s\n", path);
    else
        fprintf(stderr, "train_small: %s\n", decant_error_message());
    decant_model_destroy(model);
    decant_dataset_destroy(dataset);
    return done ? 0 : 1;
}
