/* model.safetensors: a model's weights under PyTorch's names, and all that is needed to use them, in one file.
 *
 * Metadata (all strings; free-form model metadata is stored under "decant." + its key):
 *   format                "pt": Python's loaders give torch tensors
 *   decant.file           version of this layout, "1"
 *   decant.graph          the network as JSON (graph/json.c)
 *   decant.fingerprint    of the architecture; a file whose graph does not have it is refused
 *   decant.normalization  {"mean": [...], "std": [...]}, absent without one
 *   decant.class_names    ["T-shirt/top", ...], absent without names
 * A batchnorm layer also gets PyTorch's num_batches_tracked (I64 scalar), so that load_state_dict(strict=True) accepts
 * the file.
 */
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "format/json_text.h"
#include "format/safetensors.h"
#include "nn/model.h"
#include "tensor/shape.h"

#define FILE_VERSION   "1"
#define PREFIX         "decant."
#define TRACKED_SUFFIX ".num_batches_tracked"

static const char *const reserved_keys[] = {"file", "graph", "fingerprint", "normalization", "class_names"};

static bool is_reserved(const char *key)
{
    for (size_t i = 0; i < DCN_COUNT(reserved_keys); i++)
        if (strcmp(key, reserved_keys[i]) == 0) return true;
    return false;
}

/* --- writing --- */

typedef struct file_content {
    dcn_arena *arena;
    dcn_named_tensor *tensors;
    int32_t n_tensors;
    dcn_pair *pairs;
    int32_t n_pairs;
} file_content;

static decant_status add_tensors(const decant_model *model, file_content *content)
{
    const dcn_graph *graph = model->graph;
    dcn_text name = {0};
    decant_status status = DECANT_OK;
    TRY(dcn_arena_take(content->arena, (size_t)(graph->n_values + graph->n_nodes) * sizeof *content->tensors,
                       (void **)&content->tensors));
    for (dcn_value_id id = 0; id < graph->n_values; id++) {
        if (!model->data[id]) continue;
        content->tensors[content->n_tensors++] = (dcn_named_tensor){
            graph->values[id].name, decant_tensor_view(DECANT_F32, &graph->values[id].shape, model->data[id])};
    }

    int64_t *steps;
    TRY(dcn_arena_take(content->arena, sizeof *steps, (void **)&steps));
    const char *text = dcn_model_metadata(model, "steps");
    if (text && !dcn_parse_int64(text, steps)) *steps = 0;
    for (dcn_node_id id = 0; id < graph->n_nodes; id++) {
        const dcn_node *node = &graph->nodes[id];
        if (node->op != DECANT_OP_BATCHNORM) continue;
        char *copy;
        name.length = 0;
        TRY(dcn_text_add(&name, "%s" TRACKED_SUFFIX, node->name));
        TRY(dcn_arena_string(content->arena, name.data, &copy));
        const decant_shape scalar = {0};
        content->tensors[content->n_tensors++] =
            (dcn_named_tensor){copy, decant_tensor_view(DECANT_I64, &scalar, steps)};
    }
out:
    dcn_text_finish(&name);
    return status;
}

static decant_status add_pair(file_content *content, const char *key, const char *value)
{
    char *key_copy, *value_copy;
    TRY_RETURN(dcn_arena_string(content->arena, key, &key_copy));
    TRY_RETURN(dcn_arena_string(content->arena, value, &value_copy));
    content->pairs[content->n_pairs++] = (dcn_pair){key_copy, value_copy};
    return DECANT_OK;
}

/* Adds a JSON document as a pair and lets go of it. */
static decant_status add_json_pair(file_content *content, const char *key, json_t *json)
{
    char *text = NULL;
    TRY_RETURN(dcn_json_text(json, JSON_COMPACT | JSON_REAL_PRECISION(9), key, &text));
    decant_status status = add_pair(content, key, text);
    dcn_free(text);
    return status;
}

static json_t *json_floats(const float *values, int32_t count)
{
    json_t *list = json_array();
    for (int32_t i = 0; i < count; i++)
        dcn_json_append(&list, json_real((double)values[i]));
    return list;
}

static decant_status add_metadata(const decant_model *model, file_content *content)
{
    char fingerprint[DCN_HASH_HEX], *graph_json = NULL;
    dcn_text key = {0};
    decant_status status = DECANT_OK;
    size_t room = (size_t)model->n_metadata + DCN_COUNT(reserved_keys) + 1;
    TRY(dcn_arena_take(content->arena, room * sizeof *content->pairs, (void **)&content->pairs));
    TRY(add_pair(content, "format", "pt"));
    TRY(add_pair(content, PREFIX "file", FILE_VERSION));
    TRY(dcn_graph_to_json(model->graph, &graph_json));
    TRY(add_pair(content, PREFIX "graph", graph_json));
    dcn_graph_fingerprint(model->graph, fingerprint);
    TRY(add_pair(content, PREFIX "fingerprint", fingerprint));

    const dcn_normalization *norm = &model->normalization;
    if (norm->channels > 0)
        TRY(add_json_pair(content, PREFIX "normalization",
                          json_pack("{s:o, s:o}", "mean", json_floats(norm->mean, norm->channels), "std",
                                    json_floats(norm->std, norm->channels))));
    if (model->class_names) {
        json_t *names = json_array();
        for (int32_t i = 0; i < model->n_classes; i++)
            dcn_json_append(&names, dcn_json_shown(model->class_names[i]));
        TRY(add_json_pair(content, PREFIX "class_names", names));
    }
    for (int32_t i = 0; i < model->n_metadata; i++) {
        if (is_reserved(model->metadata[i].key)) continue;
        key.length = 0;
        TRY(dcn_text_add(&key, PREFIX "%s", model->metadata[i].key));
        TRY(add_pair(content, key.data, model->metadata[i].value));
    }
out:
    dcn_text_finish(&key);
    dcn_free(graph_json);
    return status;
}

decant_status dcn_model_save(const decant_model *model, const char *path)
{
    file_content content = {0};
    decant_status status = dcn_arena_create(&content.arena);
    if (status != DECANT_OK) return status;
    TRY(add_tensors(model, &content));
    TRY(add_metadata(model, &content));
    TRY(dcn_safetensors_write(path, content.tensors, content.n_tensors, content.pairs, content.n_pairs));
out:
    dcn_arena_destroy(content.arena);
    if (status != DECANT_OK) dcn_while("saving the model %s", path);
    return status;
}

/* --- reading --- */

static decant_status read_graph(const dcn_safetensors *file, dcn_graph **ret_graph)
{
    dcn_graph *graph = NULL;
    const char *version = dcn_safetensors_metadata(file, PREFIX "file");
    const char *text = dcn_safetensors_metadata(file, PREFIX "graph");
    const char *fingerprint = dcn_safetensors_metadata(file, PREFIX "fingerprint");
    if (!version || !text || !fingerprint)
        return DCN_FAIL(FORMAT,
                        "this safetensors file holds weights but no network: decant did not write it, and reads "
                        "no other programs' models");
    if (strcmp(version, FILE_VERSION) != 0)
        return DCN_FAIL(FORMAT, "model file version %s is not known to this decant (it reads version " FILE_VERSION ")",
                        version);
    char found[DCN_HASH_HEX];
    decant_status status = dcn_graph_from_json(text, strlen(text), &graph);
    if (status != DECANT_OK) return status;
    dcn_graph_fingerprint(graph, found);
    if (strcmp(found, fingerprint) != 0) {
        status = DCN_FAIL(FORMAT, "the network in the file has fingerprint %s but its weights were saved for %s", found,
                          fingerprint);
        goto out;
    }
    if (graph->input == DCN_NONE || graph->output == DCN_NONE) {
        status = DCN_FAIL(FORMAT, "the network in the file has no input or no output");
        goto out;
    }
    if (graph->values[graph->output].shape.rank != 2) {
        char shape[DCN_SHAPE_TEXT];
        status = DCN_FAIL(FORMAT, "the network in the file ends in %s, not in a row of logits",
                          dcn_shape_text(&graph->values[graph->output].shape, shape));
        goto out;
    }
    *ret_graph = graph;
    graph = NULL;
out:
    dcn_graph_destroy(graph);
    return status;
}

static bool is_tracked(const char *name)
{
    const size_t length = strlen(name), suffix = strlen(TRACKED_SUFFIX);
    return length > suffix && strcmp(name + length - suffix, TRACKED_SUFFIX) == 0;
}

/* Before any memory is taken: the network could ask for more than there is, the file cannot hold more than its size. */
static decant_status check_weights(const dcn_safetensors *file, const dcn_graph *graph)
{
    int32_t used = 0;
    for (dcn_value_id id = 0; id < graph->n_values; id++) {
        const dcn_value *value = &graph->values[id];
        if (!dcn_value_is_weight(value)) continue;
        const decant_tensor *tensor = dcn_safetensors_find(file, value->name);
        if (!tensor) return DCN_FAIL(FORMAT, "the weights of \"%s\" are missing", value->name);
        if (tensor->dtype != DECANT_F32 || !decant_shape_equal(&tensor->shape, &value->shape))
            return DCN_FAIL(FORMAT, "\"%s\" does not have the type and shape that its layer needs", value->name);
        used++;
    }
    for (int32_t i = 0; i < file->n_tensors; i++)
        if (is_tracked(file->tensors[i].name)) used++;
    if (used != file->n_tensors)
        return DCN_FAIL(FORMAT, "the file has %d tensors that its network does not use", file->n_tensors - used);
    return DECANT_OK;
}

static void read_weights(const dcn_safetensors *file, decant_model *model)
{
    for (dcn_value_id id = 0; id < model->graph->n_values; id++) {
        const dcn_value *value = &model->graph->values[id];
        if (!dcn_value_is_weight(value)) continue;
        const decant_tensor *tensor = dcn_safetensors_find(file, value->name);
        memcpy(model->data[id], tensor->data, (size_t)decant_shape_count(&value->shape) * sizeof(float));
    }
}

static decant_status read_floats(json_t *list, int32_t count, float *values)
{
    if (!json_is_array(list) || json_array_size(list) != (size_t)count)
        return DCN_FAIL(FORMAT, "decant.normalization needs \"mean\" and \"std\" lists of one length");
    for (int32_t i = 0; i < count; i++) {
        json_t *item = json_array_get(list, (size_t)i);
        if (!json_is_number(item)) return DCN_FAIL(FORMAT, "decant.normalization holds something that is no number");
        values[i] = (float)json_number_value(item);
    }
    return DECANT_OK;
}

static decant_status read_normalization(const char *text, decant_model *model)
{
    float *mean = NULL, *std = NULL;
    decant_status status = DECANT_OK;
    json_t *json = json_loads(text, 0, NULL);
    size_t count = json_array_size(json_object_get(json, "mean"));
    if (count == 0 || count > 1 << 24) {
        status = DCN_FAIL(FORMAT, "decant.normalization is not {\"mean\": [...], \"std\": [...]}");
        goto out;
    }
    TRY(dcn_new_array(count, sizeof *mean, (void **)&mean));
    TRY(dcn_new_array(count, sizeof *std, (void **)&std));
    TRY(read_floats(json_object_get(json, "mean"), (int32_t)count, mean));
    TRY(read_floats(json_object_get(json, "std"), (int32_t)count, std));
    status = dcn_model_set_normalization(model, (int32_t)count, mean, std);
    if (status == DECANT_INVALID_ARG) status = DCN_FAIL(FORMAT, "decant.normalization: %s", decant_error_message());
out:
    json_decref(json);
    dcn_free(mean);
    dcn_free(std);
    return status;
}

static decant_status read_class_names(const char *text, decant_model *model)
{
    const char **names = NULL;
    decant_status status = DECANT_OK;
    json_t *json = json_loads(text, 0, NULL);
    if (!json_is_array(json) || json_array_size(json) != (size_t)model->n_classes) {
        status = DCN_FAIL(FORMAT, "decant.class_names does not name the %d classes of the output", model->n_classes);
        goto out;
    }
    TRY(dcn_new_array((size_t)model->n_classes, sizeof *names, (void **)&names));
    for (int32_t i = 0; i < model->n_classes; i++) {
        names[i] = json_string_value(json_array_get(json, (size_t)i));
        if (!names[i]) {
            status = DCN_FAIL(FORMAT, "decant.class_names holds something that is no string");
            goto out;
        }
    }
    TRY(dcn_model_set_class_names(model, names));
out:
    json_decref(json);
    dcn_free((void *)names);
    return status;
}

static decant_status read_metadata(const dcn_safetensors *file, decant_model *model)
{
    for (int32_t i = 0; i < file->n_metadata; i++) {
        const dcn_pair *pair = &file->metadata[i];
        if (strncmp(pair->key, PREFIX, strlen(PREFIX)) != 0) continue;
        const char *key = pair->key + strlen(PREFIX);
        if (strcmp(key, "normalization") == 0)
            TRY_RETURN(read_normalization(pair->value, model));
        else if (strcmp(key, "class_names") == 0)
            TRY_RETURN(read_class_names(pair->value, model));
        else if (!is_reserved(key))
            TRY_RETURN(dcn_model_set_metadata(model, key, pair->value));
    }
    return DECANT_OK;
}

decant_status dcn_model_load(const char *path, decant_model **ret_model)
{
    return dcn_model_load_hashed(path, NULL, ret_model);
}

decant_status dcn_model_load_hashed(const char *path, dcn_hash *ret_hash, decant_model **ret_model)
{
    dcn_safetensors *file = NULL;
    dcn_graph *graph = NULL;
    decant_model *model = NULL;
    const char *bad_name;
    decant_status status = dcn_safetensors_open(path, &file);
    if (status != DECANT_OK) goto out;
    TRY(read_graph(file, &graph));
    status = check_weights(file, graph);
    if (status != DECANT_OK) {
        dcn_graph_destroy(graph);
        goto out;
    }
    TRY(dcn_model_create(graph, &model));
    read_weights(file, model);
    TRY(read_metadata(file, model));
    if (!dcn_weights_finite(model->graph, model->data, &bad_name)) {
        status = DCN_FAIL(NUMERIC, "the weights of \"%s\" hold NaN or infinity", bad_name);
        goto out;
    }
    if (ret_hash != NULL) *ret_hash = dcn_hash_bytes(file->map.data, file->map.bytes);
    *ret_model = model;
    model = NULL;
out:
    dcn_model_destroy(model);
    dcn_safetensors_close(file);
    if (status != DECANT_OK) dcn_while("loading the model %s", path);
    return status;
}
