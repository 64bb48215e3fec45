/* Linting of runs: teachers and the losses that listen to them, selection, and whether compared runs had equal chances.
 */
#include "run/lint.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "decant/recipe.h"
#include "distill/bias.h"
#include "distill/features.h"
#include "nn/ensemble.h"
#include "run/correct.h"
#include "run/identity.h"
#include "tensor/shape.h"
#include "train/check.h"

#define LEAST_WEIGHT 1e-6 /* of a loss, against the largest (at least 1) */

/* --- losses and selection --- */

static decant_status lint_losses(const dcn_lint_context *context, const dcn_run_spec *run)
{
    bool taught = run->n_teachers > 0;
    const dcn_doc *loss = dcn_doc_get(run->doc, "loss");
    if (run->has_teacher_term && !taught)
        return dcn_lint_add(context, loss, DECANT_SEVERITY_ERROR,
                            "run '%s' has a distillation loss but no teacher; add teacher: RUN or FILE", run->name);
    if (taught && !run->has_teacher_term)
        return dcn_lint_add(context, dcn_doc_get(run->doc, "teacher"), DECANT_SEVERITY_ERROR,
                            "run '%s' has a teacher, but none of its losses listens to it; add kd to loss", run->name);
    return DECANT_OK;
}

/* A loss that is there by name only: 0 by its settings, or with gradients that are lost in the rounding of the others'.
 */
static decant_status lint_weights(const dcn_lint_context *context, const dcn_run_spec *run)
{
    double largest = 0;
    for (int32_t i = 0; i < run->n_terms; i++)
        largest = fmax(largest, run->terms[i].weight);
    for (int32_t i = 0; i < run->n_terms; i++) {
        const char *name = dcn_term_class_of(run->terms[i].kind)->name;
        const dcn_doc *place = dcn_doc_get(dcn_doc_get(run->doc, "loss"), name);
        TRY_RETURN(dcn_lint_failure(context, place, dcn_term_check(&run->terms[i])));
        if (run->terms[i].weight >= LEAST_WEIGHT * largest) continue;
        TRY_RETURN(dcn_lint_add(context, place, DECANT_SEVERITY_WARNING,
                                "run '%s': with a weight of %g the loss %s does nothing", run->name,
                                run->terms[i].weight, name));
    }
    return DECANT_OK;
}

/* Labels that mixup blends mean nothing to some losses. */
static decant_status lint_mixup(const dcn_lint_context *context, const dcn_run_spec *run)
{
    for (int32_t i = 0; i < run->n_terms && run->augment.mixup > 0; i++) {
        const dcn_term_class *class = dcn_term_class_of(run->terms[i].kind);
        if (class->one_label)
            TRY_RETURN(
                dcn_lint_add(context, dcn_doc_get(dcn_doc_get(run->doc, "loss"), class->name), DECANT_SEVERITY_ERROR,
                             "run '%s': %s needs one label a sample, and mixup blends two", run->name, class->name));
    }
    return DECANT_OK;
}

/* What has no end of variants is not remembered. */
static decant_status lint_unremembered(const dcn_lint_context *context, const dcn_run_spec *run)
{
    const dcn_augment *augment = &run->augment;
    if (run->n_teachers == 0 || (augment->cutout == 0 && !(augment->mixup > 0))) return DECANT_OK;
    return dcn_lint_add(
        context, dcn_doc_get(run->doc, "teacher"), DECANT_SEVERITY_NOTE,
        "run '%s': with cutout or mixup no two epochs see the same image, so its teacher is asked in every "
        "step and nothing is remembered",
        run->name);
}

/* Losses that weigh classes against each other mean nothing to a network with a single logit. */
static decant_status lint_outputs(const dcn_lint_context *context, const dcn_run_spec *run)
{
    const dcn_graph *graph = context->graphs[run->model];
    for (int32_t i = 0; i < run->n_terms && graph != NULL; i++) {
        const dcn_doc *place = dcn_doc_get(dcn_doc_get(run->doc, "loss"), dcn_term_class_of(run->terms[i].kind)->name);
        decant_status status = dcn_term_check_outputs(&run->terms[i], graph->values[graph->output].shape.dim[1]);
        TRY_RETURN(dcn_lint_failure(context, place, status));
    }
    return DECANT_OK;
}

/* Two classes are two logits or one: the teacher's and the student's answers must be of one kind. */
static decant_status lint_same_outputs(const dcn_lint_context *context, const dcn_run_spec *run,
                                       const dcn_graph *teacher)
{
    const dcn_graph *student = context->graphs[run->model];
    if (student == NULL || teacher == NULL) return DECANT_OK;
    const int64_t ours = student->values[student->output].shape.dim[1];
    const int64_t theirs = teacher->values[teacher->output].shape.dim[1];
    if (ours == theirs) return DECANT_OK;
    return dcn_lint_add(context, dcn_doc_get(run->doc, "teacher"), DECANT_SEVERITY_ERROR,
                        "run '%s': teacher and student have %lld and %lld outputs; they must tell classes apart in the "
                        "same way",
                        run->name, (long long)theirs, (long long)ours);
}

/* What a run trains; NULL for a pruned network, which is known only when it was made. */
static const dcn_graph *known_network(const dcn_lint_context *context, const dcn_run_spec *run, dcn_graph **graphs)
{
    const int32_t index = (int32_t)(run - context->experiment->runs);
    return dcn_experiment_pruned(context->experiment, index) == DCN_NONE ? graphs[run->model] : NULL;
}

/* A regressor that normalises over the batch; what the student itself cannot do is told where its batch is. */
static decant_status lint_regressors(const dcn_lint_context *context, const dcn_run_spec *run, const dcn_graph *student,
                                     const dcn_graph *training)
{
    const int64_t samples = context->n_samples[run - context->experiment->runs];
    if (samples == 0) return DECANT_OK; /* an error says why */
    if (dcn_check_batchnorm(student, samples, run->batch, run->drop_last) != DECANT_OK) return DECANT_OK;
    return dcn_lint_failure(context, dcn_doc_get(run->doc, "loss"),
                            dcn_check_batchnorm(training, samples, run->batch, run->drop_last));
}

/* Pruning leaves layers their names, if not their sizes. */
static decant_status lint_layers(const dcn_lint_context *context, const dcn_run_spec *run)
{
    const dcn_graph *student = context->graphs[run->model];
    dcn_value_id value;
    for (int32_t i = 0; i < run->n_terms && student != NULL; i++) {
        const dcn_term_class *class = dcn_term_class_of(run->terms[i].kind);
        if (!class->reads_features) continue;
        TRY_RETURN(dcn_lint_failure(context, dcn_doc_get(dcn_doc_get(run->doc, "loss"), class->name),
                                    dcn_features_layer(student, "student", run->terms[i].student, &value)));
    }
    return DECANT_OK;
}

/* The layers that feature losses name, the sizes that meet, and what no loss reaches. */
static decant_status lint_features(const dcn_lint_context *context, const dcn_run_spec *run, const dcn_graph *teacher)
{
    const dcn_graph *student = known_network(context, run, context->graphs);
    const dcn_doc *losses = dcn_doc_get(run->doc, "loss");
    if (student == NULL || teacher == NULL) return lint_layers(context, run);
    bool sound = true;
    dcn_tap taps[DCN_MAX_TERMS];
    dcn_graph *graph = NULL;
    for (int32_t i = 0; i < run->n_terms; i++) { /* one by one, so that each fault is told at its place */
        const dcn_term_class *class = dcn_term_class_of(run->terms[i].kind);
        if (!class->reads_features) continue;
        decant_status status = dcn_features_extend(student, teacher, &run->terms[i], 1, &graph, taps);
        dcn_graph_destroy(graph);
        graph = NULL;
        sound = sound && status == DECANT_OK;
        TRY_RETURN(dcn_lint_failure(context, dcn_doc_get(losses, class->name), status));
    }
    if (!sound) return DECANT_OK;

    const char *unreached = NULL;
    decant_status status = DECANT_OK;
    TRY(dcn_features_extend(student, teacher, run->terms, run->n_terms, &graph, taps));
    TRY(dcn_features_unreached(graph, taps, run->n_terms, &unreached));
    if (unreached != NULL)
        TRY(dcn_lint_add(
            context, losses, DECANT_SEVERITY_WARNING,
            "run '%s': no loss reaches '%s', which is never taught: it stays %s (weight decay shrinks it); "
            "add a loss of the logits",
            run->name, unreached, run->start.kind == DCN_START_FRESH ? "random" : "as it was"));
    TRY(lint_regressors(context, run, student, graph));
out:
    dcn_graph_destroy(graph);
    return status;
}

static decant_status lint_selection(const dcn_lint_context *context, const dcn_run_spec *run)
{
    if (!run->select_best || context->experiment->data.validation > 0) return DECANT_OK;
    return dcn_lint_add(context, dcn_doc_get(run->doc, "select"), DECANT_SEVERITY_ERROR,
                        "run '%s' selects the best epoch, but data.validation is 0; the test part may not choose",
                        run->name);
}

/* --- what is trained on --- */

/* How many samples the run trains on; 0 where that cannot be told. */
static int64_t samples_of(const dcn_lint_context *context, const dcn_run_spec *run)
{
    return context->n_samples[run - context->experiment->runs];
}

/* What a transfer set came to, which nobody spelt out. */
static decant_status note_samples(const dcn_lint_context *context, const dcn_run_spec *run, const dcn_transfer_set *set,
                                  int32_t n_kept)
{
    const int32_t n_classes = context->materials->dataset->n_classes;
    char pool[64] = "";
    if (run->transfer.pool != DCN_POOL_NONE)
        TRY_RETURN(dcn_format(pool, sizeof pool, ", %lld of them of the unlabelled pool", (long long)set->n_pool));
    return dcn_lint_add(context, run->transfer.doc, DECANT_SEVERITY_NOTE,
                        "run '%s' trains on %lld samples%s; %d of %d classes, %s labels", run->name,
                        (long long)set->count, pool, (int)n_kept, (int)n_classes,
                        run->transfer.labels ? "with" : "without");
}

/* The list of samples is made as the run will make it, and counted. */
static decant_status lint_samples(const dcn_lint_context *context, int32_t index)
{
    const dcn_run_spec *run = &context->experiment->runs[index];
    const dcn_doc *place = dcn_doc_get(run->doc, "transfer");
    dcn_transfer_set set = {0};
    bool *moved = NULL;
    decant_status status = dcn_transfer_set_make(context->materials, index, &set);
    if (status != DECANT_OK) {
        status = dcn_lint_failure(context, place, status);
        goto out;
    }
    context->n_samples[index] = set.count;
    for (int32_t c = 0; c < context->materials->dataset->n_classes; c++)
        context->n_classes[index] += set.kept[c];
    if (run->transfer.doc != NULL) TRY(note_samples(context, run, &set, context->n_classes[index]));
    if (run->correction.kind == DCN_CORRECT_NOT) goto out;
    status = dcn_correction_classes(context->materials, run, &set, &moved);
    if (status != DECANT_OK) status = dcn_lint_failure(context, run->correction.doc, status);
out:
    dcn_free(moved);
    dcn_transfer_set_finish(&set);
    return status;
}

/* A loss that reads labels where the run has none to show. */
static decant_status lint_labels(const dcn_lint_context *context, const dcn_run_spec *run)
{
    const bool asks = run->start.kind == DCN_START_PRUNE && run->start.prune.criterion == DECANT_CRITERION_TAYLOR;
    if (asks && !run->transfer.labels)
        TRY_RETURN(dcn_lint_add(context, dcn_doc_get(run->start.doc, "criterion"), DECANT_SEVERITY_ERROR,
                                "run '%s' trains without labels, and the criterion taylor reads them", run->name));
    else if (asks && (run->transfer.leave_out != NULL || run->transfer.keep != NULL || run->samples > 0))
        TRY_RETURN(dcn_lint_add(context, dcn_doc_get(run->start.doc, "criterion"), DECANT_SEVERITY_ERROR,
                                "run '%s' trains on a part of the training split, and the criterion taylor reads "
                                "labels of all of it; take another criterion, or train on all",
                                run->name));
    for (int32_t i = 0; i < run->n_terms && !run->transfer.labels; i++) {
        const dcn_term_class *class = dcn_term_class_of(run->terms[i].kind);
        if (!class->needs_labels) continue;
        TRY_RETURN(dcn_lint_add(context, dcn_doc_get(dcn_doc_get(run->doc, "loss"), class->name), DECANT_SEVERITY_ERROR,
                                "run '%s' trains without labels (%s), and the loss %s reads them; kd, logits, cosine "
                                "and hint listen to the teacher alone",
                                run->name,
                                run->transfer.pool == DCN_POOL_NONE ? "transfer.labels: false" : "transfer.unlabelled",
                                class->name));
    }
    return DECANT_OK;
}

/* Test and validation samples that a run would learn the teacher's answers to. */
static decant_status lint_pool(const dcn_lint_context *context, const dcn_run_spec *run)
{
    const dcn_overlap *overlap = &context->materials->overlap;
    const dcn_data_spec *data = &context->experiment->data;
    const int64_t shared = overlap->pool_test + overlap->pool_validation;
    if (run->transfer.pool == DCN_POOL_NONE || shared == 0) return DECANT_OK;
    if (dcn_lint_is_excused(context, shared))
        return dcn_lint_add(context, run->transfer.doc, DECANT_SEVERITY_NOTE,
                            "run '%s' trains on the unlabelled pool, which as published holds samples that are also "
                            "validated (%lld) or tested (%lld) on",
                            run->name, (long long)overlap->pool_validation, (long long)overlap->pool_test);
    return dcn_lint_add(
        context, run->transfer.doc, data->allow_overlap ? DECANT_SEVERITY_WARNING : DECANT_SEVERITY_ERROR,
        "run '%s' trains on the unlabelled pool, which holds samples that are also validated (%lld) "
        "or tested (%lld) on%s",
        run->name, (long long)overlap->pool_validation, (long long)overlap->pool_test,
        data->allow_overlap ? "; data.allow_overlap lets that pass" : "; remove them, or set data.allow_overlap: true");
}

static decant_status lint_correction(const dcn_lint_context *context, const dcn_run_spec *run)
{
    const dcn_graph *graph = context->graphs[run->model];
    dcn_value_id bias = DCN_NONE;
    if (run->correction.kind == DCN_CORRECT_NOT) return DECANT_OK;
    if (run->correction.kind == DCN_CORRECT_VALIDATION && context->experiment->data.validation == 0)
        TRY_RETURN(dcn_lint_add(context, run->correction.doc, DECANT_SEVERITY_ERROR,
                                "run '%s' corrects its biases on the validation split, but data.validation is 0; the "
                                "test part may not choose",
                                run->name));
    if (run->correction.kind == DCN_CORRECT_FREQUENCIES && !run->transfer.labels)
        TRY_RETURN(
            dcn_lint_add(context, run->correction.doc, DECANT_SEVERITY_NOTE,
                         "run '%s' trains without labels, but correct_bias: frequencies counts the labels of all "
                         "training samples",
                         run->name));
    if (graph == NULL) return DECANT_OK;
    return dcn_lint_failure(context, run->correction.doc, dcn_graph_output_bias(graph, &bias));
}

/* --- teachers --- */

static bool has_seed(const dcn_run_spec *run, uint64_t seed)
{
    for (int32_t i = 0; i < run->n_seeds; i++)
        if (run->seeds[i] == seed) return true;
    return false;
}

decant_status dcn_lint_seeds(const dcn_lint_context *context, const dcn_run_spec *run, const dcn_run_spec *other,
                             const dcn_doc *place, const char *what, const char *remedy)
{
    for (int32_t i = 0; i < run->n_seeds && other->n_seeds > 1; i++) {
        if (has_seed(other, run->seeds[i])) continue;
        return dcn_lint_add(context, place, DECANT_SEVERITY_ERROR,
                            "run '%s' has the seed %llu, which %s '%s' has not; %s", run->name,
                            (unsigned long long)run->seeds[i], what, other->name, remedy);
    }
    return DECANT_OK;
}

static decant_status lint_same_architecture(const dcn_lint_context *context, const dcn_run_spec *run,
                                            const dcn_graph *teacher)
{
    char ours[DCN_HASH_HEX], theirs[DCN_HASH_HEX];
    const dcn_graph *student = known_network(context, run, context->deployed);
    const dcn_doc *place = dcn_doc_get(run->doc, "teacher");
    if (student == NULL || teacher == NULL || run->is_ensemble) return DECANT_OK; /* several are larger than one */
    dcn_graph_fingerprint(student, ours);
    dcn_graph_fingerprint(teacher, theirs);
    if (strcmp(ours, theirs) == 0)
        return dcn_lint_add(context, place, DECANT_SEVERITY_WARNING,
                            "run '%s': teacher and student are the same network; nothing is made smaller", run->name);
    const int64_t large = dcn_graph_parameters(teacher), small = dcn_graph_parameters(student);
    if (large >= small) return DECANT_OK;
    return dcn_lint_add(context, place, DECANT_SEVERITY_NOTE,
                        "run '%s': the teacher has %" PRId64 " parameters, fewer than the student's %" PRId64,
                        run->name, large, small);
}

static decant_status lint_teacher_run(const dcn_lint_context *context, const dcn_run_spec *run,
                                      const dcn_teacher_spec *spec)
{
    const dcn_run_spec *teacher = &context->experiment->runs[spec->run];
    const dcn_graph *network = known_network(context, teacher, context->deployed);
    const dcn_doc *place = dcn_doc_get(run->doc, "teacher");
    if (spec->seeds == DCN_TEACHER_OWN)
        TRY_RETURN(dcn_lint_seeds(context, run, teacher, place, "its teacher",
                                  "give that one seed or the same, or name one of its seeds: {run: NAME, seeds: N}"));
    if (spec->seeds == DCN_TEACHER_ONE && !has_seed(teacher, spec->seed))
        return dcn_lint_add(context, place, DECANT_SEVERITY_ERROR,
                            "run '%s' is to be taught by the seed %llu of '%s', which has no such seed", run->name,
                            (unsigned long long)spec->seed, teacher->name);
    TRY_RETURN(lint_same_outputs(context, run, context->graphs[teacher->model]));
    TRY_RETURN(lint_features(context, run, network));
    return lint_same_architecture(context, run, network);
}

/* Members of an ensemble read one input, normalised once. A run's model has the data's own statistics. */
static decant_status lint_member_file(const dcn_lint_context *context, const dcn_run_spec *run, const char *file,
                                      const decant_model *teacher)
{
    const dcn_materials *materials = context->materials;
    const dcn_normalization ours = {materials->norm_channels, materials->mean, materials->std};
    bool beside_run = false;
    for (int32_t i = 0; i < run->n_teachers; i++)
        beside_run = beside_run || run->teachers[i].file == NULL;
    if (!beside_run || dcn_normalization_equal(&teacher->normalization, &ours)) return DECANT_OK;
    if (!dcn_lint_is_normalized_alike(&teacher->normalization, materials)) return DECANT_OK; /* which was told */
    return dcn_lint_add(
        context, dcn_doc_get(run->doc, "teacher"), DECANT_SEVERITY_ERROR,
        "%s was normalised with other statistics than '%s' is here, if by little, and an ensemble reads "
        "one input: let it teach alone, or give data.normalize its numbers",
        file, materials->dataset->name);
}

static decant_status lint_teacher_file(const dcn_lint_context *context, const dcn_run_spec *run, const char *file)
{
    const dcn_doc *place = dcn_doc_get(run->doc, "teacher");
    const decant_dataset *dataset = context->materials->dataset;
    decant_model *teacher = NULL;
    decant_status status = dcn_lint_load(context, place, file, &teacher);
    if (teacher == NULL) return status;
    const dcn_graph *graph = teacher->graph;
    const decant_shape *input = &graph->values[graph->input].shape; /* [1, sample...] */
    decant_shape sample = decant_shape_make(input->rank - 1, input->dim + 1);
    if (!decant_shape_equal(&sample, &dataset->sample) || teacher->n_classes != dataset->n_classes) {
        char theirs[DCN_SHAPE_TEXT], ours[DCN_SHAPE_TEXT];
        status = dcn_lint_add(context, place, DECANT_SEVERITY_ERROR,
                              "the teacher %s was made for samples of %s in %d classes; %s has %s in %d", file,
                              dcn_shape_text(&sample, theirs), teacher->n_classes, dataset->name,
                              dcn_shape_text(&dataset->sample, ours), dataset->n_classes);
        goto out;
    }
    const dcn_model_source source = {file, teacher, place, true};
    TRY(dcn_lint_model_file(context, &source));
    TRY(lint_same_outputs(context, run, graph));
    TRY(lint_features(context, run, graph));
    TRY(lint_same_architecture(context, run, graph));
    TRY(lint_member_file(context, run, file, teacher));
out:
    dcn_model_destroy(teacher);
    return status;
}

/* Whether some seed of the run has the same teacher in both. */
static bool is_same_teacher(const dcn_lint_context *context, const dcn_run_spec *run, const dcn_teacher_spec *a,
                            const dcn_teacher_spec *b)
{
    if (a->file != NULL || b->file != NULL) return a->file != NULL && b->file != NULL && strcmp(a->file, b->file) == 0;
    if (a->run != b->run) return false;
    if (a->seeds == DCN_TEACHER_ALL || b->seeds == DCN_TEACHER_ALL) return true;
    const dcn_run_spec *teacher = &context->experiment->runs[a->run];
    for (int32_t i = 0; i < run->n_seeds; i++) {
        const uint64_t own = dcn_own_seed(teacher, run->seeds[i]);
        const uint64_t first = a->seeds == DCN_TEACHER_ONE ? a->seed : own;
        const uint64_t second = b->seeds == DCN_TEACHER_ONE ? b->seed : own;
        if (first == second) return true;
    }
    return false;
}

static decant_status lint_twice(const dcn_lint_context *context, const dcn_run_spec *run)
{
    for (int32_t i = 0; i < run->n_teachers; i++) {
        for (int32_t j = 0; j < i; j++) {
            if (!is_same_teacher(context, run, &run->teachers[i], &run->teachers[j])) continue;
            return dcn_lint_add(context, dcn_doc_get(run->doc, "teacher"), DECANT_SEVERITY_WARNING,
                                "run '%s' has the same teacher twice in its ensemble, where it counts double: %s",
                                run->name, run->teacher_name);
        }
    }
    return DECANT_OK;
}

static decant_status lint_ensemble(const dcn_lint_context *context, const dcn_run_spec *run)
{
    const dcn_doc *place = dcn_doc_get(run->doc, "teacher");
    const dcn_graph *student = context->graphs[run->model];
    int64_t count = 0;
    if (!run->is_ensemble) return DECANT_OK;
    for (int32_t i = 0; i < run->n_teachers; i++) {
        const dcn_teacher_spec *teacher = &run->teachers[i];
        const bool all = teacher->file == NULL && teacher->seeds == DCN_TEACHER_ALL;
        count += all ? context->experiment->runs[teacher->run].n_seeds : 1;
    }
    TRY_RETURN(lint_twice(context, run));
    if (count == 1)
        TRY_RETURN(dcn_lint_add(context, place, DECANT_SEVERITY_NOTE,
                                "run '%s' has an ensemble of one teacher: there is nothing to average", run->name));
    if (count > DCN_MAX_ENSEMBLE)
        TRY_RETURN(dcn_lint_add(context, place, DECANT_SEVERITY_ERROR,
                                "run '%s' has an ensemble of %lld teachers; at most %d teach together", run->name,
                                (long long)count, DCN_MAX_ENSEMBLE));
    if (run->average != DCN_AVERAGE_PROBABILITIES || student == NULL) return DECANT_OK;
    if (student->values[student->output].shape.dim[1] > 1) return DECANT_OK;
    return dcn_lint_add(context, place, DECANT_SEVERITY_ERROR,
                        "run '%s' averages probabilities, and its networks have a single logit: average logits",
                        run->name);
}

/* --- compared runs --- */

static int64_t steps_of(const dcn_lint_context *context, const dcn_run_spec *run)
{
    int64_t samples = samples_of(context, run);
    return run->epochs * (run->drop_last ? samples / run->batch : (samples + run->batch - 1) / run->batch);
}

static bool has_same_seeds(const dcn_run_spec *a, const dcn_run_spec *b)
{
    for (int32_t i = 0; i < a->n_seeds; i++)
        if (!has_seed(b, a->seeds[i])) return false;
    return a->n_seeds == b->n_seeds;
}

static bool has_same_augment(const dcn_augment *a, const dcn_augment *b)
{
    return a->shift == b->shift && a->crop_padding == b->crop_padding && a->flip == b->flip && a->cutout == b->cutout &&
           !(a->mixup < b->mixup) && !(a->mixup > b->mixup);
}

static bool starts_trained(const dcn_run_spec *run)
{
    return run->start.kind == DCN_START_INIT || (run->start.kind == DCN_START_PRUNE && !run->start.fresh_weights);
}

/* Steps are what costs; epochs say the same in other words where both train on as many samples. */
static decant_status lint_budgets(const dcn_lint_context *context, const dcn_run_spec *run, const dcn_run_spec *other)
{
    const int64_t samples[2] = {samples_of(context, run), samples_of(context, other)};
    if (samples[0] == samples[1] && run->epochs != other->epochs)
        return dcn_lint_add(context, run->doc, DECANT_SEVERITY_WARNING,
                            "compared runs have unequal budgets: '%s' trains %lld epochs, '%s' %lld", run->name,
                            (long long)run->epochs, other->name, (long long)other->epochs);
    if (samples[0] == 0 || samples[1] == 0) return DECANT_OK; /* an error says why */
    const int64_t steps[2] = {steps_of(context, run), steps_of(context, other)};
    if (decant_is_same_budget(steps[0], steps[1])) return DECANT_OK;
    return dcn_lint_add(context, run->doc, DECANT_SEVERITY_WARNING,
                        "compared runs have unequal budgets: '%s' makes %lld optimizer steps on %lld samples, '%s' "
                        "%lld on %lld",
                        run->name, (long long)steps[0], (long long)samples[0], other->name, (long long)steps[1],
                        (long long)samples[1]);
}

/* Two runs that a verdict will compare should differ in what is to be shown and in nothing else. */
static decant_status lint_comparison(const dcn_lint_context *context, int32_t index)
{
    const dcn_experiment *experiment = context->experiment;
    int32_t baseline = dcn_experiment_baseline(experiment, index);
    if (baseline == DCN_NONE) return DECANT_OK;
    const dcn_run_spec *run = &experiment->runs[index], *other = &experiment->runs[baseline];
    const dcn_doc *place = run->doc;
    TRY_RETURN(lint_budgets(context, run, other));
    if (!has_same_seeds(run, other))
        TRY_RETURN(dcn_lint_add(context, place, DECANT_SEVERITY_WARNING,
                                "compared runs '%s' and '%s' have other seeds; only those in both are compared",
                                run->name, other->name));
    else if (run->n_seeds == 1)
        TRY_RETURN(
            dcn_lint_add(context, place, DECANT_SEVERITY_NOTE,
                         "runs '%s' and '%s' are compared on one seed, which says little; seeds: 3 or more would",
                         run->name, other->name));
    if (!dcn_is_optimized_alike(run, other))
        TRY_RETURN(dcn_lint_add(context, place, DECANT_SEVERITY_NOTE,
                                "compared runs '%s' and '%s' have other optimizers or schedules", run->name,
                                other->name));
    const dcn_run_spec *const pair[] = {run, other};
    for (int i = 0; i < 2; i++)
        if (pair[i]->start.kind == DCN_START_INIT && !starts_trained(pair[1 - i]))
            TRY_RETURN(dcn_lint_add(context, place, DECANT_SEVERITY_WARNING,
                                    "compared runs have unequal budgets: '%s' starts from weights that were trained "
                                    "before, '%s' does not",
                                    pair[i]->name, pair[1 - i]->name));
    if (!has_same_augment(&run->augment, &other->augment))
        TRY_RETURN(dcn_lint_add(context, place, DECANT_SEVERITY_NOTE,
                                "compared runs '%s' and '%s' see the images augmented differently", run->name,
                                other->name));
    return DECANT_OK;
}

/* A distilled run with nothing beside it shows nothing. */
static decant_status lint_baseline(const dcn_lint_context *context, int32_t index)
{
    const dcn_run_spec *run = &context->experiment->runs[index];
    if (!run->has_teacher_term || dcn_experiment_baseline(context->experiment, index) != DCN_NONE) return DECANT_OK;
    const bool pruned = dcn_experiment_pruned(context->experiment, index) != DCN_NONE;
    return dcn_lint_add(
        context, run->doc, DECANT_SEVERITY_WARNING,
        "run '%s' is distilled, but no run trains its model '%s'%s without a teacher: the gain cannot be told",
        run->name, context->experiment->models[run->model].name, pruned ? ", pruned alike," : "");
}

decant_status dcn_lint_runs(const dcn_lint_context *context)
{
    const dcn_experiment *experiment = context->experiment;
    for (int32_t i = 0; i < experiment->n_runs; i++)
        TRY_RETURN(lint_samples(context, i));
    for (int32_t i = 0; i < experiment->n_runs; i++) {
        const dcn_run_spec *run = &experiment->runs[i];
        TRY_RETURN(lint_losses(context, run));
        TRY_RETURN(lint_weights(context, run));
        TRY_RETURN(lint_mixup(context, run));
        TRY_RETURN(lint_unremembered(context, run));
        TRY_RETURN(lint_outputs(context, run));
        TRY_RETURN(lint_selection(context, run));
        TRY_RETURN(lint_labels(context, run));
        TRY_RETURN(lint_pool(context, run));
        TRY_RETURN(lint_correction(context, run));
        TRY_RETURN(dcn_lint_feeding(context, i));
        TRY_RETURN(dcn_lint_start(context, i));
        for (int32_t t = 0; t < run->n_teachers; t++)
            TRY_RETURN(run->teachers[t].file != NULL ? lint_teacher_file(context, run, run->teachers[t].file)
                                                     : lint_teacher_run(context, run, &run->teachers[t]));
        TRY_RETURN(lint_ensemble(context, run));
        TRY_RETURN(lint_comparison(context, i));
        TRY_RETURN(lint_baseline(context, i));
    }
    return DECANT_OK;
}
