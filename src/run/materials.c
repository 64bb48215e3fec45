/* Opens an experiment's data and builds its networks. */
#include "run/materials.h"

#include <string.h>

#include "data/cifar.h"
#include "data/csv_dataset.h"
#include "data/idx.h"
#include "data/source.h"
#include "data/statistics.h"
#include "nn/layers.h"
#include "nn/zoo.h"
#include "tensor/shape.h"

/* --- data --- */

decant_status dcn_data_spec_open(const dcn_data_spec *data, decant_dataset **ret_dataset)
{
    decant_status status = DECANT_OK;
    switch (data->source_kind) {
    case DCN_SOURCE_NAMED:
        status = dcn_dataset_find(data->source, ret_dataset);
        break;
    case DCN_SOURCE_IDX:
        status = dcn_idx_open(data->source, ret_dataset);
        break;
    case DCN_SOURCE_CIFAR:
        status = dcn_cifar_open(data->source, ret_dataset);
        break;
    case DCN_SOURCE_CSV:
        status = dcn_csv_open(&data->csv, ret_dataset);
        break;
    case DCN_SOURCE_FILES:
        status = dcn_files_open(&data->files, NULL, ret_dataset);
        break;
    }
    if (status != DECANT_OK) dcn_while("opening the data of %s", data->doc->file);
    return status;
}

static decant_status check_parts(const dcn_experiment *experiment, const decant_dataset *dataset)
{
    const dcn_doc *doc = experiment->data.doc;
    if (dataset->train.count == 0 || dataset->train.labels == NULL)
        return dcn_doc_fail(doc, DECANT_USAGE, "%s has no labelled training samples", dataset->name);
    if (dataset->test.count == 0 || dataset->test.labels == NULL)
        return dcn_doc_fail(doc, DECANT_USAGE, "%s has no labelled test samples, so no result could be believed%s",
                            dataset->name,
                            experiment->data.source_kind == DCN_SOURCE_FILES ? "; `test: 0.2` sets some aside" : "");
    return DECANT_OK;
}

/* Takes the pool's labels away, once and for all. */
static decant_status set_pool_aside(const dcn_experiment *experiment, decant_dataset *dataset)
{
    const double wanted = experiment->data.unlabelled;
    const int64_t count = wanted < 1 ? dcn_share_of(wanted, dataset->train.count) : (int64_t)wanted;
    if (count == 0) return DECANT_OK;
    if (count >= dataset->train.count)
        return dcn_doc_fail(dcn_doc_get(experiment->data.doc, "unlabelled"), DECANT_USAGE,
                            "unlabelled: %lld leaves nothing of the %lld training samples", (long long)count,
                            (long long)dataset->train.count);
    return dcn_dataset_unlabel(dataset, count, experiment->data.seed);
}

static decant_status check_validation(const dcn_experiment *experiment, const decant_dataset *dataset)
{
    const int64_t labelled = dataset->train.count - dataset->n_unlabelled;
    if (experiment->data.validation < labelled) return DECANT_OK;
    return dcn_doc_fail(dcn_doc_get(experiment->data.doc, "validation"), DECANT_USAGE,
                        "validation: %lld leaves nothing of the %lld training samples",
                        (long long)experiment->data.validation, (long long)labelled);
}

decant_status dcn_materials_open_data(const dcn_experiment *experiment, decant_dataset **ret_dataset)
{
    decant_dataset *dataset = NULL;
    decant_status status = dcn_data_spec_open(&experiment->data, &dataset);
    if (status != DECANT_OK) goto out;
    TRY(check_parts(experiment, dataset));
    TRY(set_pool_aside(experiment, dataset));
    TRY(check_validation(experiment, dataset));
    *ret_dataset = dataset;
    dataset = NULL;
out:
    dcn_dataset_destroy(dataset);
    return status;
}

static decant_status make_statistics(dcn_materials *materials)
{
    const dcn_data_spec *data = &materials->experiment->data;
    const decant_dataset *dataset = materials->dataset;
    if (data->normalize == DCN_NORMALIZE_NONE) return DECANT_OK;

    int32_t channels = dcn_statistics_channels(dataset);
    if (data->normalize == DCN_NORMALIZE_GIVEN) {
        if (data->n_channels != 1 && data->n_channels != channels)
            return dcn_doc_fail(dcn_doc_get(data->doc, "normalize"), DECANT_USAGE,
                                "normalize gives %d values, but the data has %d channels", data->n_channels, channels);
        channels = data->n_channels;
    }
    TRY_RETURN(dcn_new_array((size_t)channels, sizeof *materials->mean, (void **)&materials->mean));
    TRY_RETURN(dcn_new_array((size_t)channels, sizeof *materials->std, (void **)&materials->std));
    materials->norm_channels = channels;
    if (data->normalize == DCN_NORMALIZE_TRAIN)
        return dcn_statistics(dataset, materials->split.train, materials->split.n_train, materials->mean,
                              materials->std);
    memcpy(materials->mean, data->mean, (size_t)channels * sizeof *data->mean);
    memcpy(materials->std, data->std, (size_t)channels * sizeof *data->std);
    return DECANT_OK;
}

/* The baseline that any model must beat. The class is chosen on the training samples alone. */
static decant_status find_majority(dcn_materials *materials)
{
    const decant_dataset *dataset = materials->dataset;
    int64_t *counts = NULL, hits = 0;
    TRY_RETURN(dcn_new_array((size_t)dataset->n_classes, sizeof *counts, (void **)&counts));
    for (int64_t i = 0; i < materials->split.n_train; i++)
        counts[dataset->train.labels[materials->split.train[i]]]++;
    for (int32_t class = 1; class < dataset->n_classes; class ++)
        if (counts[class] > counts[materials->majority_class]) materials->majority_class = class;
    for (int64_t i = 0; i < dataset->test.count; i++)
        hits += dataset->test.labels[i] == materials->majority_class;
    materials->majority_accuracy = (double)hits / (double)dataset->test.count;
    dcn_free(counts);
    return DECANT_OK;
}

decant_status dcn_materials_create(const dcn_experiment *experiment, dcn_materials **ret_materials)
{
    dcn_materials *materials = NULL;
    decant_status status = dcn_new(sizeof *materials, (void **)&materials);
    if (status != DECANT_OK) goto out;
    materials->experiment = experiment;
    TRY(dcn_materials_open_data(experiment, &materials->dataset));
    TRY(dcn_split_make(materials->dataset, experiment->data.validation, experiment->data.seed, &materials->split));
    TRY(dcn_overlap_count(materials->dataset, &materials->split, &materials->overlap));
    TRY(make_statistics(materials));
    TRY(find_majority(materials));
    *ret_materials = materials;
    materials = NULL;
out:
    dcn_materials_destroy(materials);
    return status;
}

void dcn_materials_destroy(dcn_materials *materials)
{
    if (materials == NULL) return;
    dcn_split_finish(&materials->split);
    dcn_dataset_destroy(materials->dataset);
    dcn_free(materials->mean);
    dcn_free(materials->std);
    dcn_free(materials);
}

/* --- networks --- */

/* How the table or the files were read, so that later ones can be read with the model file alone. */
static decant_status set_reading(const decant_dataset *dataset, decant_model *model)
{
    char *text = NULL;
    bool is_table = false;
    TRY_RETURN(dcn_dataset_reading(dataset, &is_table, &text));
    decant_status status = dcn_model_set_reading(model, is_table, text);
    dcn_free(text);
    return status;
}

static decant_status build(const dcn_model_spec *spec, const decant_dataset *dataset, dcn_graph **ret_graph)
{
    if (spec->zoo == NULL) return dcn_layers_build(spec->doc, &dataset->sample, ret_graph);
    dcn_zoo_options options = {.classes = spec->classes != 0 ? spec->classes : dataset->n_classes,
                               .channels = spec->channels,
                               .hidden = spec->hidden,
                               .hidden_layers = spec->hidden_layers,
                               .dropout = spec->dropout,
                               .input_dropout = spec->input_dropout,
                               .sample = &dataset->sample};
    decant_status status = dcn_zoo_build(spec->zoo, &options, ret_graph);
    if (status == DECANT_OK) return status;
    const dcn_doc *doc = dcn_doc_get(spec->doc, "zoo");
    if (doc->line > 0) dcn_place("%s:%d:%d", doc->file, doc->line, doc->column);
    return status;
}

/* Where a network says how many outputs it has: the last layer that has features, or the zoo's `classes`. */
static const dcn_doc *place_of_outputs(const dcn_model_spec *spec)
{
    const dcn_doc *classes = dcn_doc_get(spec->doc, "classes");
    if (classes != NULL) return classes;
    for (int32_t i = spec->zoo == NULL ? spec->doc->count - 1 : -1; i >= 0; i--) {
        const dcn_doc *layer = spec->doc->items[i];
        if (dcn_doc_get(layer, "linear") != NULL || dcn_doc_get(layer, "conv") != NULL) return layer;
    }
    return spec->doc;
}

decant_status dcn_materials_graph(const dcn_experiment *experiment, int32_t model, const decant_dataset *dataset,
                                  dcn_graph **ret_graph)
{
    const dcn_model_spec *spec = &experiment->models[model];
    dcn_graph *graph = NULL;
    decant_status status = build(spec, dataset, &graph);
    if (status != DECANT_OK) goto out;
    const decant_shape *output = &graph->values[graph->output].shape;
    const bool is_logit = output->dim[output->rank - 1] == 1 && dataset->n_classes == 2; /* of class 1 */
    if (output->rank != 2 || (output->dim[1] != dataset->n_classes && !is_logit)) {
        char text[DCN_SHAPE_TEXT];
        status = dcn_doc_fail(place_of_outputs(spec), DECANT_SHAPE,
                              "the output is %s, but %s has %d classes: it must be [1, %d]%s",
                              dcn_shape_text(output, text), dataset->name, dataset->n_classes, dataset->n_classes,
                              dataset->n_classes == 2 ? ", or [1, 1] for the logit of the second" : "");
        goto out;
    }
    *ret_graph = graph;
    graph = NULL;
out:
    if (status != DECANT_OK) dcn_while("building the model '%s'", spec->name);
    dcn_graph_destroy(graph);
    return status;
}

decant_status dcn_materials_dress(const dcn_materials *materials, dcn_graph *graph, decant_model **ret_model)
{
    const decant_dataset *dataset = materials->dataset;
    decant_model *made = NULL;
    decant_status status = dcn_model_create(graph, &made);
    if (status != DECANT_OK) goto out;
    if (materials->norm_channels > 0)
        TRY(dcn_model_set_normalization(made, materials->norm_channels, materials->mean, materials->std));
    if (dataset->class_names != NULL) TRY(dcn_model_set_class_names(made, (const char *const *)dataset->class_names));
    TRY(set_reading(dataset, made));
    *ret_model = made;
    made = NULL;
out:
    dcn_model_destroy(made);
    return status;
}

decant_status dcn_materials_model(const dcn_materials *materials, int32_t model, uint64_t seed,
                                  decant_model **ret_model)
{
    dcn_graph *graph = NULL;
    decant_model *made = NULL;
    TRY_RETURN(dcn_materials_graph(materials->experiment, model, materials->dataset, &graph));
    TRY_RETURN(dcn_materials_dress(materials, graph, &made));
    dcn_model_init(made, seed);
    *ret_model = made;
    return DECANT_OK;
}
