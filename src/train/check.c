/* Refusals before training starts: each says what is wrong and what to change. */
#include "train/check.h"

#include <string.h>

#include "base/memory.h"
#include "distill/features.h"
#include "tensor/shape.h"

/* Classes of the same names in another order would be counted, or taught, as one another. Other names may be other
 * words for the same. */
static decant_status check_class_order(const decant_model *model, const decant_dataset *dataset)
{
    char *const *ours = model->class_names, *const *theirs = dataset->class_names;
    for (int32_t c = 0; ours != NULL && theirs != NULL && c < dataset->n_classes; c++) {
        for (int32_t k = 0; k < model->n_classes && strcmp(theirs[c], ours[c]) != 0; k++) {
            if (strcmp(theirs[c], ours[k]) != 0) continue;
            return DCN_FAIL(INVALID_ARG,
                            "'%s' is class %d of the model and class %d of the data set %s; their classes are in "
                            "different orders",
                            theirs[c], (int)k, (int)c, dataset->name);
        }
    }
    return DECANT_OK;
}

decant_status dcn_check_fit(const decant_model *model, const decant_dataset *dataset)
{
    const decant_shape *input = &model->graph->values[model->graph->input].shape;   /* [1, sample...] */
    const decant_shape *output = &model->graph->values[model->graph->output].shape; /* [1, classes] */
    decant_shape wanted = decant_shape_make(input->rank - 1, input->dim + 1);
    if (!decant_shape_equal(&wanted, &dataset->sample)) {
        char model_text[DCN_SHAPE_TEXT], data_text[DCN_SHAPE_TEXT];
        return DCN_FAIL(SHAPE, "the model takes samples of shape %s, the data set %s has %s",
                        dcn_shape_text(&wanted, model_text), dataset->name,
                        dcn_shape_text(&dataset->sample, data_text));
    }
    if (output->rank != 2 || model->n_classes < dataset->n_classes) {
        char text[DCN_SHAPE_TEXT];
        return DCN_FAIL(SHAPE, "the model's output is %s, the data set %s has %d classes", dcn_shape_text(output, text),
                        dataset->name, (int)dataset->n_classes);
    }
    return check_class_order(model, dataset);
}

static decant_status check_indices(const char *what, const int32_t *indices, int64_t count, int64_t available,
                                   uint8_t *taken, uint8_t mark)
{
    for (int64_t i = 0; i < count; i++) {
        int32_t sample = indices[i];
        if (sample < 0 || sample >= available) {
            return DCN_FAIL(INVALID_ARG, "the %s split names sample %d, and there are %lld", what, (int)sample,
                            (long long)available);
        }
        if (taken[sample] != 0 && taken[sample] != mark) {
            return DCN_FAIL(INVALID_ARG, "sample %d is both trained on and validated on; the splits must not overlap",
                            (int)sample);
        }
        taken[sample] = mark;
    }
    return DECANT_OK;
}

/* A sample of the unlabelled pool among those whose labels are read. */
static decant_status check_labelled(const dcn_train_options *options, const int32_t *indices, int64_t count)
{
    const int32_t *labels = options->dataset->train.labels;
    for (int64_t i = 0; labels != NULL && i < count; i++) {
        if (labels[indices[i]] != DCN_NO_LABEL) continue;
        return DCN_FAIL(INVALID_ARG, "training sample %d has no label", (int)indices[i]);
    }
    return DECANT_OK;
}

static decant_status check_split(const dcn_train_options *options)
{
    const dcn_split *split = options->split;
    int64_t available = options->dataset->train.count;
    if (split->n_train < 1) return DCN_FAIL(INVALID_ARG, "the training split is empty");

    uint8_t *taken = NULL; /* [available]: 1 for training samples, 2 for validation */
    decant_status status = DECANT_OK;
    TRY(dcn_new((size_t)available, (void **)&taken));
    TRY(check_indices("training", split->train, split->n_train, available, taken, 1));
    TRY(check_indices("validation", split->validation, split->n_validation, available, taken, 2));
    if (!options->ignore_labels) TRY(check_labelled(options, split->train, split->n_train));
    TRY(check_labelled(options, split->validation, split->n_validation));
out:
    dcn_free(taken);
    return status;
}

/* A distillation loss against oneself is 0 whatever the weight: the mistake of passing one model twice. */
static bool same_model(const decant_model *a, const decant_model *b)
{
    char fingerprint_a[DCN_HASH_HEX], fingerprint_b[DCN_HASH_HEX];
    dcn_graph_fingerprint(a->graph, fingerprint_a);
    dcn_graph_fingerprint(b->graph, fingerprint_b);
    if (strcmp(fingerprint_a, fingerprint_b) != 0) return false;

    int32_t v = 0, w = 0;
    for (;; v++, w++) {
        while (v < a->graph->n_values && a->graph->values[v].kind != DCN_VALUE_PARAMETER)
            v++;
        while (w < b->graph->n_values && b->graph->values[w].kind != DCN_VALUE_PARAMETER)
            w++;
        bool end_a = v == a->graph->n_values, end_b = w == b->graph->n_values;
        if (end_a || end_b) return end_a && end_b;
        const decant_shape *shape = &a->graph->values[v].shape;
        if (!decant_shape_equal(shape, &b->graph->values[w].shape)) return false;
        if (memcmp(a->data[v], b->data[w], (size_t)decant_shape_count(shape) * sizeof(float)) != 0) return false;
    }
}

static decant_status check_teacher(const dcn_train_options *options)
{
    bool wanted = false;
    for (int32_t i = 0; i < options->n_terms; i++) {
        const dcn_term_class *class = dcn_term_class_of(options->terms[i].kind);
        wanted = wanted || class->needs_teacher;
        if (class->needs_teacher && options->teacher == NULL) {
            return DCN_FAIL(INVALID_ARG, "loss term %s needs a teacher, and the run has none", class->name);
        }
    }
    if (options->teacher == NULL) return DECANT_OK;
    if (!wanted) {
        return DCN_FAIL(INVALID_ARG, "the run has a teacher, but no loss term listens to it; add one (kd) or leave the "
                                     "teacher out");
    }
    if (options->teacher == options->model || same_model(options->teacher, options->model)) {
        return DCN_FAIL(INVALID_ARG, "the teacher and the student are the same network with the same weights; "
                                     "there is nothing to distil");
    }
    decant_status status = dcn_check_fit(options->teacher, options->dataset);
    if (status != DECANT_OK) dcn_while("fitting the teacher to the data");
    if (status != DECANT_OK || options->teacher->n_outputs == options->model->n_outputs) return status;
    return DCN_FAIL(SHAPE, "teacher and student have %d and %d outputs; they must tell classes apart in the same way",
                    (int)options->teacher->n_outputs, (int)options->model->n_outputs);
}

static decant_status check_terms(const dcn_train_options *options)
{
    if (options->n_terms < 1 || options->n_terms > DCN_MAX_TERMS) {
        return DCN_FAIL(INVALID_ARG, "a run needs 1 to %d loss terms, not %d", DCN_MAX_TERMS, (int)options->n_terms);
    }
    for (int32_t i = 0; i < options->n_terms; i++) {
        TRY_RETURN(dcn_term_check(&options->terms[i]));
        TRY_RETURN(dcn_term_check_outputs(&options->terms[i], options->model->n_outputs));
        const dcn_term_class *class = dcn_term_class_of(options->terms[i].kind);
        if (!class->needs_labels) continue;
        if (options->dataset->train.labels == NULL) {
            return DCN_FAIL(INVALID_ARG, "loss term %s needs labels, and the training data of %s has none", class->name,
                            options->dataset->name);
        }
        if (options->ignore_labels) {
            return DCN_FAIL(INVALID_ARG,
                            "loss term %s reads labels, and this run is to ignore them; kd, logits, cosine "
                            "and hint listen to the teacher alone",
                            class->name);
        }
    }
    return DECANT_OK;
}

/* Batchnorm needs more than one value a channel to train: PyTorch stops in the middle of the epoch, we do before it. */
decant_status dcn_check_batchnorm(const dcn_graph *graph, int64_t samples, int64_t batch, bool drop_last)
{
    const bool has_single = samples % batch == 1 && !drop_last;
    if (batch > 1 && !has_single) return DECANT_OK;
    for (int32_t n = 0; n < graph->n_nodes; n++) {
        if (graph->nodes[n].op != DECANT_OP_BATCHNORM) continue;
        const decant_shape *shape = &graph->values[graph->nodes[n].input[0]].shape; /* [1, channels, ...] */
        if (decant_shape_count(shape) != shape->dim[1]) continue;
        const char *name = graph->nodes[n].name != NULL ? graph->nodes[n].name : "batchnorm";
        if (batch == 1) {
            return DCN_FAIL(INVALID_ARG, "layer %s cannot normalise a batch of one sample; use a larger batch", name);
        }
        return DCN_FAIL(INVALID_ARG,
                        "the last of %lld samples makes a batch of one, which layer %s cannot normalise; "
                        "set drop_last: true or another batch size",
                        (long long)samples, name);
    }
    return DECANT_OK;
}

/* What trains beside the student may normalise, too. */
static decant_status check_regressors(const dcn_train_options *options)
{
    dcn_tap taps[DCN_MAX_TERMS];
    dcn_graph *graph = NULL;
    if (options->teacher == NULL) return DECANT_OK;
    TRY_RETURN(dcn_features_extend(options->model->graph, options->teacher->graph, options->terms, options->n_terms,
                                   &graph, taps));
    decant_status status = dcn_check_batchnorm(graph, options->split->n_train, options->batch, options->drop_last);
    dcn_graph_destroy(graph);
    return status;
}

decant_status dcn_check_training(const dcn_train_options *options)
{
    if (options->epochs < 1) return DCN_FAIL(INVALID_ARG, "a run needs at least 1 epoch");
    if (options->batch < 1) return DCN_FAIL(INVALID_ARG, "a batch needs at least 1 sample");
    TRY_RETURN(dcn_check_fit(options->model, options->dataset));
    if (options->model->graph->n_values > DCN_GRAPH_MAX_ENTRIES) {
        return DCN_FAIL(INVALID_ARG, "the network has %d layers and weights; a model file holds at most %d",
                        (int)options->model->graph->n_values, DCN_GRAPH_MAX_ENTRIES);
    }
    TRY_RETURN(dcn_optimizer_check(&options->optimizer));
    TRY_RETURN(check_terms(options));
    TRY_RETURN(check_split(options));
    if (options->drop_last && options->split->n_train < options->batch) {
        return DCN_FAIL(INVALID_ARG, "%lld samples do not fill one batch of %lld, and drop_last leaves nothing",
                        (long long)options->split->n_train, (long long)options->batch);
    }
    TRY_RETURN(dcn_check_batchnorm(options->model->graph, options->split->n_train, options->batch, options->drop_last));
    TRY_RETURN(check_teacher(options));
    return check_regressors(options);
}
