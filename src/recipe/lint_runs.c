/* Linting of runs: teachers and the losses that listen to them, selection, and whether compared runs had equal chances.
 */
#include "recipe/lint.h"

#include <string.h>

#include "distill/features.h"

/* --- losses and selection --- */

static decant_status lint_losses(const dcn_lint_context *context, const dcn_run_spec *run)
{
    bool taught = run->teacher_run != DCN_NONE || run->teacher_file != NULL;
    const dcn_doc *loss = dcn_doc_get(run->doc, "loss");
    if (run->has_teacher_term && !taught)
        return dcn_lint_add(context, loss, DCN_ERROR,
                            "run '%s' has a distillation loss but no teacher; add teacher: RUN or FILE", run->name);
    if (taught && !run->has_teacher_term)
        return dcn_lint_add(context, dcn_doc_get(run->doc, "teacher"), DCN_ERROR,
                            "run '%s' has a teacher, but none of its losses listens to it; add kd to loss", run->name);
    return DECANT_OK;
}

/* Labels that mixup blends mean nothing to some losses. */
static decant_status lint_mixup(const dcn_lint_context *context, const dcn_run_spec *run)
{
    for (int32_t i = 0; i < run->n_terms && run->augment.mixup > 0; i++) {
        const dcn_term_class *class = dcn_term_class_of(run->terms[i].kind);
        if (class->one_label)
            TRY_RETURN(dcn_lint_add(context, dcn_doc_get(dcn_doc_get(run->doc, "loss"), class->name), DCN_ERROR,
                                    "run '%s': %s needs one label a sample, and mixup blends two", run->name,
                                    class->name));
    }
    return DECANT_OK;
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
    return dcn_lint_add(context, dcn_doc_get(run->doc, "teacher"), DCN_ERROR,
                        "run '%s': teacher and student have %lld and %lld outputs; they must tell classes apart in the "
                        "same way",
                        run->name, (long long)theirs, (long long)ours);
}

/* The layers that feature losses name, the sizes that meet, and what no loss reaches. */
static decant_status lint_features(const dcn_lint_context *context, const dcn_run_spec *run, const dcn_graph *teacher)
{
    const dcn_graph *student = context->graphs[run->model];
    const dcn_doc *losses = dcn_doc_get(run->doc, "loss");
    if (student == NULL || teacher == NULL) return DECANT_OK;
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
        TRY(dcn_lint_add(context, losses, DCN_WARNING,
                         "run '%s': no loss reaches '%s', which keeps its first random weights; add a loss of the "
                         "logits",
                         run->name, unreached));
out:
    dcn_graph_destroy(graph);
    return status;
}

static decant_status lint_selection(const dcn_lint_context *context, const dcn_run_spec *run)
{
    if (!run->select_best || context->experiment->data.validation > 0) return DECANT_OK;
    return dcn_lint_add(context, dcn_doc_get(run->doc, "select"), DCN_ERROR,
                        "run '%s' selects the best epoch, but data.validation is 0; the test part may not choose",
                        run->name);
}

/* How many samples the run trains on. */
static int64_t samples_of(const dcn_lint_context *context, const dcn_run_spec *run)
{
    return run->samples > 0 ? run->samples : context->materials->split.n_train;
}

static decant_status lint_samples(const dcn_lint_context *context, const dcn_run_spec *run)
{
    int64_t available = context->materials->split.n_train;
    if (run->samples <= available) return DECANT_OK;
    return dcn_lint_add(context, dcn_doc_get(run->doc, "samples"), DCN_ERROR,
                        "run '%s' asks for %lld samples, but the training split has %lld", run->name,
                        (long long)run->samples, (long long)available);
}

static decant_status lint_batches(const dcn_lint_context *context, const dcn_run_spec *run)
{
    int64_t samples = samples_of(context, run);
    if (!run->drop_last || run->batch <= samples) return DECANT_OK;
    return dcn_lint_add(context, dcn_doc_get(run->doc, "batch"), DCN_ERROR,
                        "run '%s': %lld samples do not fill one batch of %lld, and drop_last leaves nothing", run->name,
                        (long long)samples, (long long)run->batch);
}

/* --- teachers --- */

static bool has_seed(const dcn_run_spec *run, uint64_t seed)
{
    for (int32_t i = 0; i < run->n_seeds; i++)
        if (run->seeds[i] == seed) return true;
    return false;
}

static decant_status lint_same_architecture(const dcn_lint_context *context, const dcn_run_spec *run,
                                            const dcn_graph *teacher)
{
    char ours[33], theirs[33];
    const dcn_graph *student = context->graphs[run->model];
    if (student == NULL || teacher == NULL) return DECANT_OK;
    dcn_graph_fingerprint(student, ours);
    dcn_graph_fingerprint(teacher, theirs);
    if (strcmp(ours, theirs) != 0) return DECANT_OK;
    return dcn_lint_add(context, dcn_doc_get(run->doc, "teacher"), DCN_WARNING,
                        "run '%s': teacher and student are the same network; nothing is made smaller", run->name);
}

/* Each seed of a student learns from the same seed of its teacher, or from the only one. */
static decant_status lint_teacher_run(const dcn_lint_context *context, const dcn_run_spec *run)
{
    const dcn_run_spec *teacher = &context->experiment->runs[run->teacher_run];
    for (int32_t i = 0; i < run->n_seeds && teacher->n_seeds > 1; i++) {
        if (has_seed(teacher, run->seeds[i])) continue;
        return dcn_lint_add(
            context, dcn_doc_get(run->doc, "teacher"), DCN_ERROR,
            "run '%s' has the seed %llu, which its teacher '%s' has not; give the teacher one seed or the same",
            run->name, (unsigned long long)run->seeds[i], teacher->name);
    }
    TRY_RETURN(lint_same_outputs(context, run, context->graphs[teacher->model]));
    TRY_RETURN(lint_features(context, run, context->graphs[teacher->model]));
    return lint_same_architecture(context, run, context->graphs[teacher->model]);
}

static bool is_normalized_alike(const dcn_normalization *teacher, const dcn_materials *materials)
{
    if (teacher->channels != materials->norm_channels) return false;
    for (int32_t i = 0; i < teacher->channels; i++) {
        float distance = teacher->mean[i] - materials->mean[i], ratio = teacher->std[i] / materials->std[i];
        if (!(distance < 1e-4f && distance > -1e-4f && ratio < 1.0001f && ratio > 0.9999f)) return false;
    }
    return true;
}

static decant_status lint_teacher_file(const dcn_lint_context *context, const dcn_run_spec *run)
{
    const dcn_doc *place = dcn_doc_get(run->doc, "teacher");
    const decant_dataset *dataset = context->materials->dataset;
    decant_model *teacher = NULL;
    decant_status status = dcn_model_load(run->teacher_file, &teacher);
    if (status != DECANT_OK) {
        status = dcn_lint_failure(context, place, status);
        goto out;
    }
    const dcn_graph *graph = teacher->graph;
    const decant_shape *input = &graph->values[graph->input].shape; /* [1, sample...] */
    decant_shape sample = decant_shape_make(input->rank - 1, input->dim + 1);
    if (!decant_shape_equal(&sample, &dataset->sample) || teacher->n_classes != dataset->n_classes) {
        status = dcn_lint_add(context, place, DCN_ERROR,
                              "the teacher %s was made for other samples or another number of classes than %s has",
                              run->teacher_file, dataset->name);
        goto out;
    }
    if (!is_normalized_alike(&teacher->normalization, context->materials))
        TRY(dcn_lint_add(context, place, DCN_ERROR,
                         "the teacher %s was trained on inputs normalised in another way than this recipe's; "
                         "set data.normalize to the teacher's mean and std",
                         run->teacher_file));
    TRY(lint_same_outputs(context, run, graph));
    TRY(lint_features(context, run, graph));
    TRY(lint_same_architecture(context, run, graph));
out:
    dcn_model_destroy(teacher);
    return status;
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

/* Two runs that a verdict will compare should differ in what is to be shown and in nothing else. */
static decant_status lint_comparison(const dcn_lint_context *context, int32_t index)
{
    const dcn_experiment *experiment = context->experiment;
    int32_t baseline = dcn_experiment_baseline(experiment, index);
    if (baseline == DCN_NONE) return DECANT_OK;
    const dcn_run_spec *run = &experiment->runs[index], *other = &experiment->runs[baseline];
    const dcn_doc *place = run->doc;
    if (run->epochs != other->epochs)
        TRY_RETURN(dcn_lint_add(context, place, DCN_WARNING,
                                "compared runs have unequal budgets: '%s' trains %lld epochs, '%s' %lld", run->name,
                                (long long)run->epochs, other->name, (long long)other->epochs));
    else if (steps_of(context, run) != steps_of(context, other))
        TRY_RETURN(dcn_lint_add(context, place, DCN_WARNING,
                                "compared runs have unequal budgets: '%s' makes %lld optimizer steps, '%s' %lld",
                                run->name, (long long)steps_of(context, run), other->name,
                                (long long)steps_of(context, other)));
    if (!has_same_seeds(run, other))
        TRY_RETURN(dcn_lint_add(context, place, DCN_WARNING,
                                "compared runs '%s' and '%s' have other seeds; only those in both are compared",
                                run->name, other->name));
    else if (run->n_seeds == 1)
        TRY_RETURN(
            dcn_lint_add(context, place, DCN_NOTE,
                         "runs '%s' and '%s' are compared on one seed, which says little; seeds: 3 or more would",
                         run->name, other->name));
    if (!has_same_augment(&run->augment, &other->augment))
        TRY_RETURN(dcn_lint_add(context, place, DCN_NOTE,
                                "compared runs '%s' and '%s' see the images augmented differently", run->name,
                                other->name));
    return DECANT_OK;
}

/* A distilled run with nothing beside it shows nothing. */
static decant_status lint_baseline(const dcn_lint_context *context, int32_t index)
{
    const dcn_run_spec *run = &context->experiment->runs[index];
    if (!run->has_teacher_term || dcn_experiment_baseline(context->experiment, index) != DCN_NONE) return DECANT_OK;
    return dcn_lint_add(
        context, run->doc, DCN_WARNING,
        "run '%s' is distilled, but no run trains its model '%s' without a teacher: the gain cannot be told", run->name,
        context->experiment->models[run->model].name);
}

decant_status dcn_lint_runs(const dcn_lint_context *context)
{
    const dcn_experiment *experiment = context->experiment;
    for (int32_t i = 0; i < experiment->n_runs; i++) {
        const dcn_run_spec *run = &experiment->runs[i];
        TRY_RETURN(lint_losses(context, run));
        TRY_RETURN(lint_mixup(context, run));
        TRY_RETURN(lint_outputs(context, run));
        TRY_RETURN(lint_selection(context, run));
        TRY_RETURN(lint_samples(context, run));
        TRY_RETURN(lint_batches(context, run));
        if (run->teacher_run != DCN_NONE) TRY_RETURN(lint_teacher_run(context, run));
        if (run->teacher_file != NULL) TRY_RETURN(lint_teacher_file(context, run));
        TRY_RETURN(lint_comparison(context, i));
        TRY_RETURN(lint_baseline(context, i));
    }
    return DECANT_OK;
}
