/* Models in host memory: creation, copies, metadata. Files are in model_file.c, fresh weights in init.c. */
#include "nn/model.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "tensor/shape.h"

static bool ends_with(const char *text, const char *ending)
{
    size_t n = strlen(text), m = strlen(ending);
    return n >= m && strcmp(text + n - m, ending) == 0;
}

decant_status dcn_model_create(dcn_graph *graph, decant_model **ret_model)
{
    decant_model *model = NULL;
    decant_status status = dcn_new(sizeof *model, (void **)&model);
    if (status != DECANT_OK) {
        dcn_graph_destroy(graph);
        return status;
    }
    model->graph = graph;
    TRY(dcn_new_array((size_t)graph->n_values, sizeof *model->data, (void **)&model->data));
    for (dcn_value_id id = 0; id < graph->n_values; id++) {
        const dcn_value *value = &graph->values[id];
        if (!dcn_value_is_weight(value)) continue;
        size_t bytes;
        TRY(dcn_shape_bytes(&value->shape, DECANT_F32, &bytes));
        TRY(dcn_new_aligned(bytes, (void **)&model->data[id]));
        if (ends_with(value->name, ".running_var")) {
            int64_t count = decant_shape_count(&value->shape);
            for (int64_t i = 0; i < count; i++)
                model->data[id][i] = 1.0f;
        }
    }
    if (graph->output != DCN_NONE) {
        const decant_shape *logits = &graph->values[graph->output].shape;
        if (logits->dim[logits->rank - 1] > INT32_MAX) {
            status = DCN_FAIL(SHAPE, "the network's output has more classes than can be counted");
            goto out;
        }
        model->n_outputs = (int32_t)logits->dim[logits->rank - 1];
        model->n_classes = model->n_outputs == 1 ? 2 : model->n_outputs;
    }
    *ret_model = model;
    model = NULL;
out:
    dcn_model_destroy(model);
    return status;
}

void dcn_model_destroy(decant_model *model)
{
    if (!model) return;
    for (dcn_value_id id = 0; model->data && id < model->graph->n_values; id++)
        dcn_free_aligned(model->data[id]);
    dcn_free(model->data);
    dcn_free(model->normalization.mean);
    dcn_free(model->normalization.std);
    for (int32_t i = 0; model->class_names && i < model->n_classes; i++)
        dcn_free(model->class_names[i]);
    dcn_free(model->class_names);
    dcn_model_clear_metadata(model);
    dcn_graph_destroy(model->graph);
    dcn_free(model);
}

void dcn_weights_copy(const dcn_graph *graph, float *const *from, float **to)
{
    for (dcn_value_id v = 0; v < graph->n_values; v++) {
        if (from[v] == NULL || to[v] == NULL) continue;
        memcpy(to[v], from[v], (size_t)decant_shape_count(&graph->values[v].shape) * sizeof *from[v]);
    }
}

decant_status dcn_model_clone(const decant_model *model, decant_model **ret_model)
{
    decant_model *copy = NULL;
    dcn_graph *graph = NULL;
    decant_status status = dcn_graph_clone(model->graph, &graph);
    if (status != DECANT_OK) return status;
    TRY(dcn_model_create(graph, &copy));
    dcn_weights_copy(graph, model->data, copy->data);
    TRY(dcn_model_copy_facts(model, copy));
    *ret_model = copy;
    copy = NULL;
out:
    dcn_model_destroy(copy);
    return status;
}

decant_status dcn_model_copy_facts(const decant_model *from, decant_model *to)
{
    const dcn_normalization *norm = &from->normalization;
    if (norm->channels > 0) TRY_RETURN(dcn_model_set_normalization(to, norm->channels, norm->mean, norm->std));
    TRY_RETURN(dcn_model_set_class_names(to, (const char *const *)from->class_names));
    for (int32_t i = 0; i < from->n_metadata; i++)
        TRY_RETURN(dcn_model_set_metadata(to, from->metadata[i].key, from->metadata[i].value));
    return DECANT_OK;
}

decant_status dcn_model_set_class_names(decant_model *model, const char *const *names)
{
    if (!names) return DECANT_OK;
    char **copies = NULL;
    decant_status status = dcn_new_array((size_t)model->n_classes, sizeof *copies, (void **)&copies);
    if (status != DECANT_OK) return status;
    for (int32_t i = 0; i < model->n_classes; i++)
        TRY(dcn_copy_string(names[i], &copies[i]));
    char **old = model->class_names;
    model->class_names = copies;
    copies = old;
out:
    for (int32_t i = 0; copies && i < model->n_classes; i++)
        dcn_free(copies[i]);
    dcn_free(copies);
    return status;
}

decant_status dcn_model_set_metadata(decant_model *model, const char *key, const char *value)
{
    char *key_copy = NULL, *value_copy = NULL;
    decant_status status = dcn_copy_string(value, &value_copy);
    if (status != DECANT_OK) return status;
    for (int32_t i = 0; i < model->n_metadata; i++) {
        if (strcmp(model->metadata[i].key, key) != 0) continue;
        dcn_free(model->metadata[i].value);
        model->metadata[i].value = value_copy;
        return DECANT_OK;
    }
    TRY(dcn_copy_string(key, &key_copy));
    TRY(dcn_resize((void **)&model->metadata, (size_t)model->n_metadata + 1, sizeof *model->metadata));
    model->metadata[model->n_metadata++] = (dcn_metadata){key_copy, value_copy};
    key_copy = value_copy = NULL;
out:
    dcn_free(key_copy);
    dcn_free(value_copy);
    return status;
}

void dcn_model_clear_metadata(decant_model *model)
{
    for (int32_t i = 0; i < model->n_metadata; i++) {
        dcn_free(model->metadata[i].key);
        dcn_free(model->metadata[i].value);
    }
    dcn_free(model->metadata);
    model->metadata = NULL;
    model->n_metadata = 0;
}

decant_status dcn_model_set_reading(decant_model *model, bool is_table, const char *text)
{
    if (text == NULL) return DECANT_OK;
    return dcn_model_set_metadata(model, is_table ? DCN_TABLE_METADATA : DCN_FILES_METADATA, text);
}

const char *dcn_model_metadata(const decant_model *model, const char *key)
{
    for (int32_t i = 0; i < model->n_metadata; i++)
        if (strcmp(model->metadata[i].key, key) == 0) return model->metadata[i].value;
    return NULL;
}

/* Or features, where it takes no images. */
static int64_t input_channels(const dcn_graph *graph)
{
    return graph->input == DCN_NONE ? 0 : graph->values[graph->input].shape.dim[1]; /* [1, channels, ...] */
}

decant_status dcn_model_set_normalization(decant_model *model, int32_t channels, const float *mean, const float *std)
{
    float *mean_copy = NULL, *std_copy = NULL;
    decant_status status = DECANT_OK;
    const int64_t wanted = input_channels(model->graph);
    if (channels != 1 && channels != wanted)
        return DCN_FAIL(INVALID_ARG, "normalization of %d channels for a network that takes %lld", channels,
                        (long long)wanted);
    for (int32_t c = 0; c < channels; c++)
        if (!isfinite(mean[c]) || !isfinite(std[c]) || std[c] <= 0.0f)
            return DCN_FAIL(INVALID_ARG, "normalization of channel %d needs a finite mean and a positive deviation", c);
    TRY(dcn_new_array((size_t)channels, sizeof *mean_copy, (void **)&mean_copy));
    TRY(dcn_new_array((size_t)channels, sizeof *std_copy, (void **)&std_copy));
    memcpy(mean_copy, mean, (size_t)channels * sizeof *mean);
    memcpy(std_copy, std, (size_t)channels * sizeof *std);
    dcn_free(model->normalization.mean);
    dcn_free(model->normalization.std);
    model->normalization = (dcn_normalization){channels, mean_copy, std_copy};
    mean_copy = std_copy = NULL;
out:
    dcn_free(mean_copy);
    dcn_free(std_copy);
    return status;
}

bool dcn_normalization_equal(const dcn_normalization *a, const dcn_normalization *b)
{
    const size_t bytes = (size_t)a->channels * sizeof(float);
    if (a->channels != b->channels) return false;
    return bytes == 0 || (memcmp(a->mean, b->mean, bytes) == 0 && memcmp(a->std, b->std, bytes) == 0);
}

decant_status dcn_model_hash(const decant_model *model, dcn_hash *ret_hash)
{
    const dcn_normalization *normalization = &model->normalization;
    const size_t statistics = (size_t)normalization->channels * sizeof(float);
    char *graph = NULL;
    TRY_RETURN(dcn_graph_to_json(model->graph, &graph));
    dcn_hash hash = dcn_hash_bytes(graph, strlen(graph));
    dcn_free(graph);
    for (dcn_value_id id = 0; id < model->graph->n_values; id++) {
        if (!model->data[id]) continue;
        size_t bytes = (size_t)decant_shape_count(&model->graph->values[id].shape) * sizeof(float);
        hash = dcn_hash_mix(hash, dcn_hash_bytes(model->data[id], bytes));
    }
    if (statistics > 0) {
        hash = dcn_hash_mix(hash, dcn_hash_bytes(normalization->mean, statistics));
        hash = dcn_hash_mix(hash, dcn_hash_bytes(normalization->std, statistics));
    }
    *ret_hash = hash;
    return DECANT_OK;
}

bool dcn_weights_finite(const dcn_graph *graph, float *const *weights, const char **ret_bad_name)
{
    for (dcn_value_id id = 0; id < graph->n_values; id++) {
        if (!weights[id]) continue;
        int64_t count = decant_shape_count(&graph->values[id].shape);
        for (int64_t i = 0; i < count; i++) {
            if (isfinite(weights[id][i])) continue;
            *ret_bad_name = graph->values[id].name;
            return false;
        }
    }
    return true;
}
