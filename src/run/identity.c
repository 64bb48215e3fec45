/* Describes a run for recognising it again. */
#include "run/identity.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compress/prune.h"
#include "format/json_text.h"
#include "recipe/words.h"
#include "run/correct.h"

/* The words that go into the model file, of data sets of the user's own: names of classes, columns and categories. NULL
 * without memory. */
static json_t *describe_names(const decant_dataset *dataset)
{
    const dcn_encoder *encoder = dataset->encoder;
    json_t *names = json_array();
    for (int32_t c = 0; dataset->class_names != NULL && c < dataset->n_classes; c++)
        dcn_json_append(&names, json_string(dataset->class_names[c]));
    for (int32_t i = 0; encoder != NULL && i < encoder->n_columns; i++) {
        dcn_json_append(&names, json_string(encoder->columns[i].name));
        for (int32_t k = 0; k < encoder->columns[i].n_categories; k++)
            dcn_json_append(&names, json_string(encoder->columns[i].categories[k]));
    }
    char hex[DCN_HASH_HEX], *text = names != NULL ? json_dumps(names, JSON_COMPACT) : NULL;
    json_decref(names);
    if (text == NULL) return NULL;
    dcn_hash_hex(dcn_hash_bytes(text, strlen(text)), hex);
    free(text);
    return json_string(hex);
}

static json_t *describe_data(const dcn_materials *materials, const char *data_hex)
{
    const dcn_data_spec *data = &materials->experiment->data;
    json_t *mean = json_array(), *std = json_array();
    for (int32_t i = 0; i < materials->norm_channels; i++) {
        dcn_json_append(&mean, json_real((double)materials->mean[i]));
        dcn_json_append(&std, json_real((double)materials->std[i]));
    }
    json_t *description = json_pack("{s:I, s:I, s:s, s:o, s:o}", "validation", (json_int_t)data->validation, "seed",
                                    (json_int_t)data->seed, "content", data_hex, "mean", mean, "std", std);
    if (data->unlabelled > 0) /* a table's pool is a matter of its content */
        dcn_json_set(&description, "unlabelled", json_integer(materials->dataset->n_unlabelled));
    const decant_dataset *dataset = materials->dataset;
    if (dataset->encoder != NULL || (dataset->reading != NULL && dataset->class_names != NULL))
        dcn_json_set(&description, "names", describe_names(dataset));
    return description;
}

/* Classes by number, so that a name and a number mean the same. */
static json_t *describe_marks(const bool *marks, int32_t n_classes)
{
    json_t *classes = json_array();
    for (int32_t c = 0; c < n_classes; c++)
        if (marks[c]) dcn_json_append(&classes, json_integer(c));
    return classes;
}

/* What is trained on, and the correction; left out where it is the usual, so that runs of before are recognised. */
static decant_status describe_transfer(const dcn_materials *materials, int32_t index, json_t **config)
{
    const dcn_run_spec *run = &materials->experiment->runs[index];
    const int32_t n_classes = materials->dataset->n_classes;
    dcn_transfer_set set = {0};
    bool *moved = NULL; /* [n_classes] */
    TRY_RETURN(dcn_transfer_set_make(materials, index, &set));
    if (!set.whole || !run->transfer.labels)
        dcn_json_set(config, "transfer",
                     json_pack("{s:o, s:b, s:s}", "classes", describe_marks(set.kept, n_classes), "labels",
                               run->transfer.labels, "unlabelled", dcn_pool_words[run->transfer.pool]));
    decant_status status = DECANT_OK;
    if (run->correction.kind == DCN_CORRECT_NOT) goto out;
    TRY(dcn_correction_classes(materials, run, &set, &moved));
    dcn_json_set(config, "correct_bias",
                 json_pack("{s:s, s:o}", "by", dcn_correction_words[run->correction.kind], "classes",
                           moved != NULL ? describe_marks(moved, n_classes) : json_string("each")));
out:
    dcn_free(moved);
    dcn_transfer_set_finish(&set);
    return status;
}

static json_t *describe_augment(const dcn_augment *augment)
{
    return json_pack("{s:i, s:i, s:b, s:i, s:f}", "shift", augment->shift, "crop", augment->crop_padding, "flip",
                     augment->flip, "cutout", augment->cutout, "mixup", augment->mixup);
}

static json_t *describe_schedule(const dcn_schedule *schedule)
{
    json_t *milestones = json_array();
    for (int32_t i = 0; i < schedule->n_milestones; i++)
        dcn_json_append(&milestones, json_integer(schedule->milestones[i]));
    return json_pack("{s:s, s:I, s:o, s:f, s:f, s:f, s:f}", "kind", dcn_schedule_words[schedule->kind], "every",
                     (json_int_t)schedule->every, "milestones", milestones, "gamma", schedule->gamma, "lr_min",
                     schedule->lr_min, "pct_start", schedule->pct_start, "warmup", schedule->warmup_epochs);
}

static json_t *describe_optimizer(const dcn_optimizer *optimizer)
{
    return json_pack("{s:s, s:f, s:f, s:f, s:b, s:f, s:f, s:f, s:f, s:f}", "kind", dcn_optimizer_words[optimizer->kind],
                     "lr", optimizer->lr, "weight_decay", optimizer->weight_decay, "momentum", optimizer->momentum,
                     "nesterov", optimizer->nesterov, "beta1", optimizer->beta1, "beta2", optimizer->beta2, "eps",
                     optimizer->eps, "clip_norm", optimizer->max_norm, "ema", optimizer->ema_decay);
}

bool dcn_is_optimized_alike(const dcn_run_spec *a, const dcn_run_spec *b)
{
    json_t *descriptions[2] = {NULL, NULL};
    const dcn_run_spec *const runs[2] = {a, b};
    for (int i = 0; i < 2; i++)
        descriptions[i] = json_pack("[o, o]", describe_optimizer(&runs[i]->optimizer),
                                    describe_schedule(&runs[i]->optimizer.schedule));
    const bool alike = json_equal(descriptions[0], descriptions[1]) == 1;
    for (int i = 0; i < 2; i++)
        json_decref(descriptions[i]);
    return alike;
}

/* What only some terms have is left out where it is not said, so that runs of before are recognised. */
static void describe_settings(const dcn_term *term, json_t **description)
{
    if (term->kind == DCN_TERM_DKD) {
        dcn_json_set(description, "alpha", json_real(term->alpha));
        dcn_json_set(description, "beta", json_real(term->beta));
    }
    if (term->standardize) dcn_json_set(description, "standardize", json_true());
    if (term->center) dcn_json_set(description, "center", json_true());
    if (term->student != NULL) dcn_json_set(description, "student", json_string(term->student));
    if (term->teacher != NULL) dcn_json_set(description, "teacher", json_string(term->teacher));
    if (term->match != DCN_MATCH_NONE) dcn_json_set(description, "match", json_string(dcn_match_words[term->match]));
}

static decant_status describe_regressor(const dcn_term *term, json_t **description)
{
    dcn_text layers = {0};
    if (term->regressor == NULL) return DECANT_OK;
    decant_status status = dcn_doc_to_json(term->regressor, &layers);
    if (status == DECANT_OK) dcn_json_set(description, "regressor", json_string(layers.data));
    dcn_text_finish(&layers);
    return status;
}

/* Named by their keys, so that the order in the file does not matter. */
static decant_status describe_losses(const dcn_run_spec *run, json_t **ret_losses)
{
    json_t *losses = json_object();
    decant_status status = DECANT_OK;
    for (int32_t i = 0; i < run->n_terms && status == DECANT_OK; i++) {
        const dcn_term *term = &run->terms[i];
        json_t *description = json_pack("{s:f, s:f, s:f}", "weight", term->weight, "temperature", term->temperature,
                                        "label_smoothing", term->label_smoothing);
        describe_settings(term, &description);
        status = describe_regressor(term, &description);
        dcn_json_set(&losses, dcn_term_class_of(term->kind)->name, description);
    }
    if (status == DECANT_OK)
        *ret_losses = losses;
    else
        json_decref(losses);
    return status;
}

/* The network with its names and dropout rates, and how its weights are drawn. */
static decant_status describe_model(const dcn_materials *materials, int32_t model, json_t **ret_description)
{
    dcn_graph *graph = NULL;
    char *text = NULL, hex[DCN_HASH_HEX];
    decant_status status = dcn_materials_graph(materials->experiment, model, materials->dataset, &graph);
    if (status != DECANT_OK) goto out;
    TRY(dcn_graph_to_json(graph, &text));
    dcn_hash_hex(dcn_hash_bytes(text, strlen(text)), hex);
    *ret_description = json_pack("{s:s, s:i}", "network", hex, "init", (int)graph->init);
out:
    dcn_free(text);
    dcn_graph_destroy(graph);
    return status;
}

/* Where a run starts; left out for fresh weights, so that runs of before are recognised. */
static void describe_start(const dcn_run_spec *run, const char *start_hex, json_t **config)
{
    const decant_prune_options *prune = &run->start.prune;
    if (run->start.kind == DCN_START_INIT) dcn_json_set(config, "init", json_string(start_hex));
    if (run->start.kind != DCN_START_PRUNE) return;
    json_t *pruned = json_pack("{s:s, s:s, s:I, s:I, s:f, s:f, s:b}", "from", start_hex, "criterion",
                               dcn_criterion_name(prune->criterion), "parameters", (json_int_t)prune->parameters,
                               "mult_adds", (json_int_t)prune->mult_adds, "keep", prune->keep, "minimum",
                               prune->minimum, "fresh_weights", run->start.fresh_weights);
    if (prune->criterion == DECANT_CRITERION_TAYLOR) dcn_json_set(&pruned, "samples", json_integer(prune->samples));
    dcn_json_set(config, "prune", pruned);
}

/* One teacher is its hash; an ensemble how it is averaged and the hash of every member. */
static void describe_teacher(const char *identity, json_t **config)
{
    json_t *members = NULL;
    size_t length = 0;
    if (identity == NULL) return;
    if (strchr(identity, ' ') == NULL) {
        dcn_json_set(config, "teacher", json_string(identity));
        return;
    }
    members = json_array();
    length = strcspn(identity, " ");
    for (const char *at = identity + length; *at == ' '; at += 1 + strcspn(at + 1, " "))
        dcn_json_append(&members, json_stringn(at + 1, strcspn(at + 1, " ")));
    dcn_json_set(config, "teacher", json_pack("{s:s%, s:o}", "average", identity, length, "members", members));
}

static decant_status describe_run(const dcn_materials *materials, int32_t index, uint64_t seed, const char *teacher,
                                  const char *start_hex, const char *data_hex, json_t **ret_config)
{
    const dcn_run_spec *run = &materials->experiment->runs[index];
    json_t *model = NULL, *losses = NULL;
    TRY_RETURN(describe_model(materials, run->model, &model));
    decant_status status = describe_losses(run, &losses);
    if (status != DECANT_OK) {
        json_decref(model);
        return status;
    }
    json_t *config = json_pack(
        "{s:i, s:o, s:o, s:o, s:o, s:o, s:o, s:I, s:I, s:I, s:b, s:s, s:I}", "format", DCN_RUN_FORMAT, "data",
        describe_data(materials, data_hex), "model", model, "augment", describe_augment(&run->augment), "optimizer",
        describe_optimizer(&run->optimizer), "schedule", describe_schedule(&run->optimizer.schedule), "loss", losses,
        "epochs", (json_int_t)run->epochs, "batch", (json_int_t)run->batch, "samples", (json_int_t)run->samples,
        "drop_last", run->drop_last, "select", run->select_best ? "best" : "last", "seed", (json_int_t)seed);
    /* a matter of the machine unless it is said */
    if (run->precision != DECANT_PRECISION_AUTO)
        dcn_json_set(&config, "precision", json_string(decant_precision_name(run->precision)));
    describe_teacher(teacher, &config);
    describe_start(run, start_hex, &config);
    status = describe_transfer(materials, index, &config);
    if (status == DECANT_OK && config == NULL)
        status = DCN_FAIL(NO_MEMORY, "no memory to describe the run '%s'", run->name);
    if (status == DECANT_OK)
        *ret_config = config;
    else
        json_decref(config);
    return status;
}

decant_status dcn_identity_make(const dcn_materials *materials, int32_t run, uint64_t seed, const char *teacher,
                                const char *start_hex, dcn_identity *ret_identity)
{
    dcn_identity identity = {0};
    dcn_hash_hex(materials->dataset->hash, identity.data_hex);
    TRY_RETURN(describe_run(materials, run, seed, teacher, start_hex, identity.data_hex, &identity.config));
    char *text = NULL;
    decant_status status = dcn_json_text(json_incref(identity.config),
                                         JSON_COMPACT | JSON_SORT_KEYS | JSON_REAL_PRECISION(17), "a run", &text);
    if (status != DECANT_OK) {
        dcn_identity_finish(&identity);
        return status;
    }
    dcn_hash_hex(dcn_hash_bytes(text, strlen(text)), identity.hex);
    dcn_free(text);
    *ret_identity = identity;
    return DECANT_OK;
}

void dcn_identity_finish(dcn_identity *identity)
{
    json_decref(identity->config);
    identity->config = NULL;
}

/* --- what changed --- */

/* A hash says nothing to a reader, so what it stands for is said; NULL for a value that speaks for itself. */
static const char *meaning_of(const char *path)
{
    static const char *const meanings[][2] = {
        {"data.content", "the samples are not the same, or are read or parted in another way"},
        {"data.names", "a class, a column or a category has another name, or the run is of before names were kept"},
        {"model.network", "the network is another: its layers, their names or its inputs"},
        {"teacher", "the teacher is another, or was made again"},
        {"teacher.members", "a teacher is another, or was made again"},
        {"init", "what it starts from is another model, or was made again"},
        {"prune.from", "what it starts from is another model, or was made again"},
    };
    for (size_t i = 0; i < DCN_COUNT(meanings); i++)
        if (strcmp(path, meanings[i][0]) == 0) return meanings[i][1];
    return NULL;
}

static decant_status add_value(const json_t *value, dcn_text *text)
{
    char *words = value != NULL ? json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(6)) : NULL;
    decant_status status = dcn_text_add(text, "%s", words != NULL ? words : "not there");
    free(words);
    return status;
}

static decant_status difference(const json_t *was, const json_t *is, const char *path, int depth, dcn_text *text)
{
    const char *key = NULL;
    json_t *value = NULL;
    if (json_equal(was, is) || text->length > 0) return DECANT_OK;
    const bool are_objects = json_is_object(was) && json_is_object(is);
    const bool is_new = was == NULL && strcmp(path, "data.names") == 0;
    const char *meaning = (was != NULL || is_new) && is != NULL && !are_objects ? meaning_of(path) : NULL;
    if (meaning != NULL) return dcn_text_add(text, "%s: %s", path, meaning);
    if (!are_objects || depth > 8) {
        TRY_RETURN(dcn_text_add(text, "%s was ", path));
        TRY_RETURN(add_value(was, text));
        TRY_RETURN(dcn_text_add(text, " and is "));
        return add_value(is, text);
    }
    for (int pass = 0; pass < 2; pass++) {
        json_object_foreach((json_t *)(pass == 0 ? is : was), key, value)
        {
            char longer[128];
            snprintf(longer, sizeof longer, "%.60s%s%.60s", path, path[0] != '\0' ? "." : "", key);
            TRY_RETURN(difference(json_object_get(was, key), json_object_get(is, key), longer, depth + 1, text));
        }
    }
    return DECANT_OK;
}

decant_status dcn_identity_difference(const json_t *was, const json_t *is, dcn_text *text)
{
    return difference(was, is, "", 0, text);
}
