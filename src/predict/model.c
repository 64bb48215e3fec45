/* decant/model.h: loading, describing, evaluating and predicting. Plans are in plan_listing.c. */
#include "decant/model.h"

#include <string.h>

#include "base/memory.h"
#include "compress/fold.h"
#include "decant/predictor.h"
#include "device/device.h"
#include "nn/model.h"
#include "nn/zoo.h"
#include "tensor/shape.h"
#include "train/measure.h"
#include "train/train.h"

decant_status decant_model_load(const char *path, decant_model **ret_model)
{
    DCN_REQUIRE(path, ret_model);
    return dcn_model_load(path, ret_model);
}

decant_status decant_model_save(const decant_model *model, const char *path)
{
    DCN_REQUIRE(model, path);
    return dcn_model_save(model, path);
}

decant_status decant_model_from_zoo(const char *name, int64_t classes, int64_t channels, decant_model **ret_model)
{
    DCN_REQUIRE(name, ret_model);
    const dcn_zoo_options options = {.classes = classes, .channels = channels};
    dcn_graph *graph = NULL;
    if (classes < 0 || channels < 0) return DCN_FAIL(INVALID_ARG, "classes and channels must not be negative");
    TRY_RETURN(dcn_zoo_build(name, &options, &graph));
    TRY_RETURN(dcn_model_create(graph, ret_model));
    dcn_model_init(*ret_model, 0);
    return DECANT_OK;
}

static decant_status check_graph(const decant_graph *graph)
{
    if (graph->input == DCN_NONE || graph->output == DCN_NONE)
        return DCN_FAIL(INVALID_ARG, "the graph has no %s; call %s", graph->input == DCN_NONE ? "input" : "output",
                        graph->input == DCN_NONE ? "decant_graph_input()" : "decant_graph_set_output()");
    const decant_shape *logits = &graph->values[graph->output].shape; /* [1, classes] */
    if (logits->rank != 2) {
        char text[DCN_SHAPE_TEXT];
        return DCN_FAIL(SHAPE, "the output must be [1, classes], not %s; flatten it, or add a linear layer",
                        dcn_shape_text(logits, text));
    }
    return DECANT_OK;
}

decant_status decant_model_from_graph(decant_graph *graph, uint64_t seed, decant_model **ret_model)
{
    DCN_REQUIRE(graph);
    decant_model *model = NULL;
    decant_status status = DECANT_OK;
    if (ret_model == NULL)
        status = DCN_FAIL(INVALID_ARG, "decant_model_from_graph: ret_model must not be NULL");
    else
        status = check_graph(graph);
    if (status != DECANT_OK) {
        dcn_graph_destroy(graph);
        return status;
    }
    TRY(dcn_model_create(graph, &model)); /* takes the graph, also when it fails */
    dcn_model_init(model, seed);
    *ret_model = model;
    model = NULL;
out:
    dcn_model_destroy(model);
    return status;
}

int32_t decant_zoo_count(void)
{
    return dcn_zoo_count();
}

const char *decant_zoo_name(int32_t index)
{
    return index >= 0 && index < dcn_zoo_count() ? dcn_zoo_name(index) : NULL;
}

void decant_model_destroy(decant_model *model)
{
    dcn_model_destroy(model);
}

int32_t decant_model_class_count(const decant_model *model)
{
    return model->n_classes;
}

int32_t decant_model_normalization(const decant_model *model, const float **ret_mean, const float **ret_std)
{
    *ret_mean = model->normalization.mean;
    *ret_std = model->normalization.std;
    return model->normalization.channels;
}

const char *decant_model_class_name(const decant_model *model, int32_t index)
{
    bool known = model->class_names != NULL && index >= 0 && index < model->n_classes;
    return known ? model->class_names[index] : NULL;
}

decant_shape decant_model_input_shape(const decant_model *model)
{
    const decant_shape *input = &model->graph->values[model->graph->input].shape; /* [1, sample...] */
    return decant_shape_make(input->rank - 1, input->dim + 1);
}

const char *decant_model_metadata(const decant_model *model, const char *key)
{
    return dcn_model_metadata(model, key);
}

/* --- what it is made of --- */

static decant_status copy_layers(const dcn_graph *graph, decant_model_summary *summary)
{
    int32_t count = decant_graph_layer_count(graph);
    TRY_RETURN(dcn_new_array((size_t)count, sizeof *summary->layers, (void **)&summary->layers));
    for (int32_t i = 0; i < count; i++) {
        summary->layers[i] = decant_graph_layer_at(graph, i);
        summary->activation_bytes += decant_shape_count(&summary->layers[i].output) * (int64_t)sizeof(float);
    }
    summary->n_layers = count;
    return DECANT_OK;
}

decant_status decant_model_summarize(const decant_model *model, decant_model_summary **ret_summary)
{
    DCN_REQUIRE(model, ret_summary);
    const dcn_graph *graph = model->graph;
    dcn_graph *deployed = NULL;
    decant_model_summary *summary = NULL;
    decant_status status = dcn_new(sizeof *summary, (void **)&summary);
    if (status != DECANT_OK) goto out;
    TRY(copy_layers(graph, summary));
    summary->parameters = dcn_graph_parameters(graph);
    summary->trainable = summary->parameters;
    summary->mult_adds = dcn_graph_mult_adds(graph);
    TRY(dcn_fold_graph(graph, DCN_FOLD_BOTTLENECKS, &deployed));
    summary->deployed_parameters = dcn_graph_parameters(deployed);
    summary->deployed_mult_adds = dcn_graph_mult_adds(deployed);
    summary->input_bytes = decant_shape_count(&graph->values[graph->input].shape) * (int64_t)sizeof(float);
    for (dcn_value_id id = 0; id < graph->n_values; id++) {
        const dcn_value *value = &graph->values[id];
        if (dcn_value_is_weight(value))
            summary->weight_bytes += decant_shape_count(&value->shape) * (int64_t)sizeof(float);
    }
    *ret_summary = summary;
    summary = NULL;
out:
    dcn_graph_destroy(deployed);
    decant_model_summary_destroy(summary);
    return status;
}

void decant_model_summary_destroy(decant_model_summary *summary)
{
    if (summary == NULL) return;
    dcn_free(summary->layers);
    dcn_free(summary);
}

/* --- using it --- */

static decant_status check_data(const decant_model *model, const decant_dataset *dataset, const dcn_samples *part,
                                const char *part_name)
{
    decant_shape wanted = decant_model_input_shape(model);
    if (!decant_shape_equal(&wanted, &dataset->sample)) {
        char ours[DCN_SHAPE_TEXT], theirs[DCN_SHAPE_TEXT];
        return DCN_FAIL(SHAPE, "the model takes samples of %s, but those of %s are %s", dcn_shape_text(&wanted, ours),
                        dataset->name, dcn_shape_text(&dataset->sample, theirs));
    }
    if (model->n_classes != dataset->n_classes)
        return DCN_FAIL(SHAPE, "the model tells %d classes apart, but %s has %d", model->n_classes, dataset->name,
                        dataset->n_classes);
    if (part->count == 0 || part->labels == NULL)
        return DCN_FAIL(INVALID_ARG, "the %s part of %s has no labelled samples", part_name, dataset->name);
    return DECANT_OK;
}

static decant_status check_teacher(const decant_model *model, const decant_model *teacher,
                                   const decant_dataset *dataset, const dcn_samples *samples)
{
    decant_status status = check_data(teacher, dataset, samples, "chosen");
    if (status != DECANT_OK) dcn_while("fitting the teacher to the data");
    if (status != DECANT_OK || teacher->n_outputs == model->n_outputs) return status;
    return DCN_FAIL(SHAPE, "teacher and student have %d and %d outputs; they must tell classes apart in the same way",
                    (int)teacher->n_outputs, (int)model->n_outputs);
}

/* The teacher's logits for the same samples, compared with the student's. */
static decant_status measure_fidelity(dcn_device *device, const decant_model *teacher, const decant_dataset *dataset,
                                      const dcn_samples *samples, const float *logits, decant_fidelity *ret_fidelity)
{
    dcn_metrics metrics = {0};
    float *taught = NULL; /* [count, outputs] */
    size_t elements = (size_t)samples->count * (size_t)teacher->n_outputs;
    decant_status status = dcn_new_array(elements, sizeof *taught, (void **)&taught);
    if (status != DECANT_OK) goto out;
    TRY(dcn_evaluate(device, teacher, dataset, samples, NULL, samples->count, &metrics, NULL, taught));
    dcn_measure_fidelity(logits, taught, samples->labels, NULL, samples->count, teacher->n_outputs, ret_fidelity);
out:
    dcn_metrics_finish(&metrics);
    dcn_free(taught);
    return status;
}

decant_status decant_model_evaluate_beside(const decant_model *model, const decant_model *teacher,
                                           const decant_compute *compute, const decant_dataset *dataset,
                                           decant_part part, decant_evaluation **ret_evaluation)
{
    DCN_REQUIRE(model, dataset, ret_evaluation);
    bool is_test = part == DECANT_PART_TEST;
    const dcn_samples *samples = is_test ? &dataset->test : &dataset->train;
    decant_evaluation *evaluation = NULL;
    dcn_device *device = NULL;
    dcn_metrics metrics = {0};
    float *logits = NULL; /* [count, outputs] */
    decant_status status = check_data(model, dataset, samples, is_test ? "test" : "training");
    if (status != DECANT_OK) goto out;
    if (teacher != NULL) TRY(check_teacher(model, teacher, dataset, samples));
    TRY(dcn_compute_open(compute, &device));
    TRY(dcn_new(sizeof *evaluation, (void **)&evaluation));
    TRY(dcn_new_array((size_t)samples->count * (size_t)model->n_outputs, sizeof *logits, (void **)&logits));
    TRY(dcn_evaluate(device, model, dataset, samples, NULL, samples->count, &metrics, NULL, logits));
    *evaluation = (decant_evaluation){.count = metrics.count,
                                      .errors = metrics.errors,
                                      .accuracy = metrics.accuracy,
                                      .loss = metrics.loss,
                                      .n_classes = metrics.n_classes,
                                      .confusion = metrics.confusion};
    metrics.confusion = NULL; /* handed over */
    decant_measures *measures = &evaluation->measures;
    measures->known = true;
    dcn_measure_calibration(logits, samples->labels, NULL, samples->count, model->n_outputs, &measures->calibration);
    measures->has_teacher = teacher != NULL;
    if (teacher != NULL) TRY(measure_fidelity(device, teacher, dataset, samples, logits, &measures->fidelity));
    *ret_evaluation = evaluation;
    evaluation = NULL;
out:
    decant_evaluation_destroy(evaluation);
    dcn_free(logits);
    dcn_metrics_finish(&metrics);
    dcn_device_close(device);
    return status;
}

decant_status decant_model_evaluate(const decant_model *model, const decant_compute *compute,
                                    const decant_dataset *dataset, decant_part part, decant_evaluation **ret_evaluation)
{
    DCN_REQUIRE(model, dataset, ret_evaluation);
    return decant_model_evaluate_beside(model, NULL, compute, dataset, part, ret_evaluation);
}

void decant_evaluation_destroy(decant_evaluation *evaluation)
{
    if (evaluation == NULL) return;
    dcn_free(evaluation->confusion);
    dcn_free(evaluation);
}

static decant_status check_inputs(const decant_model *model, const decant_tensor *inputs)
{
    decant_shape wanted = decant_model_input_shape(model);
    decant_shape given = decant_shape_make(inputs->shape.rank - 1, inputs->shape.dim + 1);
    if (inputs->dtype != DECANT_U8 && inputs->dtype != DECANT_F32)
        return DCN_FAIL(INVALID_ARG, "inputs must be u8 or f32, not %s", decant_dtype_name(inputs->dtype));
    if (inputs->shape.rank < 1 || !decant_shape_equal(&wanted, &given)) {
        char ours[DCN_SHAPE_TEXT], theirs[DCN_SHAPE_TEXT];
        return DCN_FAIL(SHAPE, "the model takes samples of %s behind the count, not an array of %s",
                        dcn_shape_text(&wanted, ours), dcn_shape_text(&inputs->shape, theirs));
    }
    int64_t count = 0;
    TRY_RETURN(dcn_shape_count_checked(&inputs->shape, &count));
    if (count > 0 && inputs->data == NULL) return DCN_FAIL(INVALID_ARG, "inputs have no data");
    return DECANT_OK;
}

decant_status decant_model_predict(const decant_model *model, const decant_compute *compute,
                                   const decant_tensor *inputs, float *ret_probabilities)
{
    DCN_REQUIRE(model, inputs, ret_probabilities);
    decant_predictor *predictor = NULL;
    float *probabilities = NULL; /* [n, classes]; the caller's memory is left alone until all is well */
    decant_status status = check_inputs(model, inputs);
    if (status != DECANT_OK) goto out;
    const int64_t n = inputs->shape.dim[0];
    if (n == 0) goto out;
    const size_t count = (size_t)n * (size_t)model->n_classes;
    TRY(dcn_new_array(count, sizeof *probabilities, (void **)&probabilities));
    TRY(decant_predictor_create(model, compute, NULL, &predictor));
    status = inputs->dtype == DECANT_U8 ? decant_predictor_run_bytes(predictor, inputs->data, n, probabilities)
                                        : decant_predictor_run(predictor, inputs->data, n, probabilities);
    if (status != DECANT_OK) goto out;
    memcpy(ret_probabilities, probabilities, count * sizeof *probabilities);
out:
    decant_predictor_destroy(predictor);
    dcn_free(probabilities);
    return status;
}
