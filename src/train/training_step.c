/* Builds the program and the plan of one training step. The loop that runs it is train.c. */
#include "train/training_step.h"

#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "distill/features.h"
#include "nn/inference.h"
#include "tensor/shape.h"

/* The plan's names for what is the teacher's, but not its network's. */
#define TEACHER_INPUT DCN_TEACHER_PREFIX "input"
#define TEACHER_SCALE DCN_TEACHER_PREFIX "logits.scale"

/* A program under construction. */
typedef struct builder {
    const dcn_training_spec *spec;
    dcn_program *program;
    dcn_training_step *step;
    decant_model *teacher;        /* the one given, folded for inference; NULL when it is not in the step */
    dcn_value_id *teacher_values; /* [teacher->graph->n_values] */
    dcn_value_id
        conversion[4];  /* weight, bias, mean, variance of the teacher's input; DCN_NONE when it takes x itself */
    dcn_value_id scale; /* [outputs, outputs]: 1 / the teacher's deviations; DCN_NONE where no term wants them */
    dcn_tap taps[DCN_MAX_TERMS];
    dcn_value_id keep[2 * DCN_MAX_TERMS + 1];
    int32_t n_keep;
} builder;

static float channel_value(const float *values, int32_t channels, int64_t channel, float without)
{
    if (channels == 0) return without;
    return values[channels == 1 ? 0 : channel];
}

/* The batch is normalised with the student's statistics. A teacher that was trained under others gets x * scale + shift
 * per channel, which turns the student's normalisation into its own. */
static decant_status emit_teacher_input(builder *b, dcn_value_id *ret_x)
{
    static const char *const names[4] = {TEACHER_INPUT ".weight", TEACHER_INPUT ".bias", TEACHER_INPUT ".running_mean",
                                         TEACHER_INPUT ".running_var"};
    dcn_graph *graph = b->program->graph;
    if (dcn_normalization_equal(&b->spec->model->normalization, &b->spec->teacher->normalization)) {
        *ret_x = b->step->x;
        return DECANT_OK;
    }
    decant_shape per_channel = dcn_shape1(graph->values[b->step->x].shape.dim[1]);
    dcn_value_id inputs[5] = {b->step->x};
    for (int i = 0; i < 4; i++) {
        TRY_RETURN(dcn_graph_add_value(graph, DCN_VALUE_STATE, names[i], DECANT_F32, &per_channel, &b->conversion[i]));
        graph->values[b->conversion[i]].model = 1;
        inputs[i + 1] = b->conversion[i];
    }
    decant_op_attrs attrs;
    memset(&attrs, 0, sizeof attrs);
    attrs.norm.eps = 1e-12; /* must be above 0; beside a variance of 1 it is lost in rounding */
    return dcn_graph_add_node(graph, DECANT_OP_BATCHNORM, &attrs, TEACHER_INPUT, inputs, 5, 1, ret_x);
}

/* The values of one network that the terms tap, so that nothing fuses them away. */
static int32_t list_taps(const builder *b, bool of_teacher, dcn_value_id ret_taps[DCN_MAX_TERMS])
{
    int32_t count = 0;
    for (int32_t i = 0; i < b->spec->n_terms; i++) {
        dcn_value_id value = of_teacher ? b->taps[i].teacher : b->taps[i].student;
        if (value != DCN_NONE) ret_taps[count++] = value;
    }
    return count;
}

/* The teacher in fewer layers; its taps are the folded model's values from here on. */
static decant_status fold_teacher(builder *b)
{
    dcn_value_id taps[DCN_MAX_TERMS], *map = NULL; /* [given teacher's n_values] */
    int32_t n_taps = list_taps(b, true, taps);
    TRY_RETURN(dcn_model_fold(b->spec->teacher, taps, n_taps, &b->teacher, &map));
    for (int32_t i = 0; i < b->spec->n_terms; i++)
        if (b->taps[i].teacher != DCN_NONE) b->taps[i].teacher = map[b->taps[i].teacher];
    dcn_free(map);
    return DECANT_OK;
}

/* What the terms tap of a teacher that is not in the step. */
static decant_status emit_known_features(builder *b)
{
    const dcn_graph *teacher = b->spec->teacher->graph;
    for (int32_t i = 0; i < b->spec->n_terms; i++) {
        char name[40];
        if (b->taps[i].teacher == DCN_NONE) continue;
        const decant_shape *tapped = &teacher->values[b->taps[i].teacher].shape; /* [1, ...] */
        decant_shape one = decant_shape_make(tapped->rank - 1, tapped->dim + 1);
        TRY_RETURN(dcn_format(name, sizeof name, "teacher_feature%d", i));
        TRY_RETURN(dcn_program_input(b->program, name, DECANT_F32, &one, &b->step->teacher_features[i]));
    }
    return DECANT_OK;
}

/* Where the teacher's logits come from: from outside when they are known, else from a forward pass within the step,
 * inference only. The loss terms only see the value. */
static decant_status emit_teacher(builder *b, dcn_value_id *ret_logits)
{
    dcn_value_id x = DCN_NONE, taps[DCN_MAX_TERMS];
    if (b->spec->teacher_known) {
        const dcn_graph *teacher = b->spec->teacher->graph;
        decant_shape classes = dcn_shape1(teacher->values[teacher->output].shape.dim[1]);
        TRY_RETURN(dcn_program_input(b->program, "teacher_logits", DECANT_F32, &classes, &b->step->teacher_logits));
        *ret_logits = b->step->teacher_logits;
        return emit_known_features(b);
    }
    decant_status status = emit_teacher_input(b, &x);
    if (status == DECANT_OK) status = fold_teacher(b);
    if (status == DECANT_OK) {
        int32_t n_taps = list_taps(b, true, taps);
        status = dcn_program_add_model(b->program, b->teacher->graph, 1, DCN_MODE_INFERENCE, x, taps, n_taps,
                                       &b->teacher_values, ret_logits);
    }
    if (status != DECANT_OK) dcn_while("adding the teacher to the training step");
    return status;
}

static decant_status emit_inputs(builder *b)
{
    dcn_training_step *step = b->step;
    const dcn_graph *model = b->spec->model->graph;
    const decant_shape *input = &model->values[model->input].shape; /* [1, sample...] */
    decant_shape sample = decant_shape_make(input->rank - 1, input->dim + 1);
    decant_shape one = decant_shape_make(0, NULL);
    TRY_RETURN(dcn_program_input(b->program, "x", DECANT_F32, &sample, &step->x));
    if (!b->spec->labelled) return DECANT_OK;
    TRY_RETURN(dcn_program_input(b->program, "labels", DECANT_I32, &one, &step->labels));
    if (!b->spec->mixup) return DECANT_OK;
    TRY_RETURN(dcn_program_input(b->program, "labels_b", DECANT_I32, &one, &step->labels_b));
    return dcn_program_input(b->program, "mix", DECANT_F32, &one, &step->mix);
}

/* A diagonal matrix: logits times it are measured in the teacher's deviations. */
static decant_status emit_scale(builder *b)
{
    const dcn_graph *student = b->spec->model->graph;
    const int64_t outputs = student->values[student->output].shape.dim[1];
    const decant_shape shape = dcn_shape2(outputs, outputs);
    bool wanted = false;
    for (int32_t i = 0; i < b->spec->n_terms; i++)
        wanted = wanted || dcn_term_wants_spread(&b->spec->terms[i]);
    if (!wanted) return DECANT_OK;
    TRY_RETURN(dcn_graph_add_value(b->program->graph, DCN_VALUE_STATE, TEACHER_SCALE, DECANT_F32, &shape, &b->scale));
    b->program->graph->values[b->scale].model = 1;
    return DECANT_OK;
}

static decant_status load_scale(const builder *b, dcn_plan *plan)
{
    float *diagonal = NULL; /* [outputs, outputs] */
    if (b->scale == DCN_NONE) return DECANT_OK;
    const int64_t outputs = b->program->graph->values[b->scale].shape.dim[0];
    TRY_RETURN(dcn_new_array((size_t)(outputs * outputs), sizeof *diagonal, (void **)&diagonal));
    for (int64_t c = 0; c < outputs; c++)
        diagonal[c * outputs + c] = b->spec->teacher_spread != NULL ? 1.0f / b->spec->teacher_spread[c] : 1.0f;
    decant_status status = dcn_plan_write(plan, b->scale, diagonal);
    dcn_free(diagonal);
    return status;
}

static decant_status emit_losses(builder *b, dcn_value_id student_logits, dcn_value_id teacher_logits)
{
    dcn_training_step *step = b->step;
    dcn_seed seeds[DCN_MAX_TERMS];
    for (int32_t i = 0; i < b->spec->n_terms; i++) {
        const dcn_tap *tap = &b->taps[i];
        const dcn_term_context context = {
            .student_logits = student_logits,
            .teacher_logits = teacher_logits,
            .labels = step->labels,
            .teacher_scale = b->scale,
            .labels_b = step->labels_b,
            .mix = step->mix,
            .student_feature = tap->student != DCN_NONE ? step->values[tap->student] : DCN_NONE,
            .teacher_feature = tap->teacher == DCN_NONE    ? DCN_NONE
                               : b->teacher_values != NULL ? b->teacher_values[tap->teacher]
                                                           : step->teacher_features[i],
        };
        dcn_term_output output;
        TRY_RETURN(dcn_term_emit(&b->spec->terms[i], b->program, &context, &output));
        seeds[i] = output.seed;
        step->loss[i] = output.loss;
        step->gradient[i] = output.seed.gradient;
        step->gradient_count[i] = decant_shape_count(&b->program->graph->values[output.seed.gradient].shape);
        b->keep[b->n_keep++] = step->loss[i];
        b->keep[b->n_keep++] = step->gradient[i];
    }
    if (step->labels != DCN_NONE) {
        const dcn_value_id inputs[2] = {student_logits, step->labels};
        decant_op_attrs none;
        memset(&none, 0, sizeof none);
        TRY_RETURN(
            dcn_graph_add_node(b->program->graph, DECANT_OP_ACCURACY, &none, NULL, inputs, 2, 1, &step->correct));
        b->keep[b->n_keep++] = step->correct;
    }
    return dcn_graph_backward(b->program->graph, seeds, b->spec->n_terms);
}

static decant_status build_program(builder *b, int64_t batch)
{
    const decant_model *teacher = b->spec->teacher;
    dcn_value_id teacher_logits = DCN_NONE, student_logits = DCN_NONE, taps[DCN_MAX_TERMS];
    TRY_RETURN(dcn_features_extend(b->spec->model->graph, teacher != NULL ? teacher->graph : NULL, b->spec->terms,
                                   b->spec->n_terms, &b->step->graph, b->taps));
    TRY_RETURN(dcn_program_create(batch, DECANT_F32, &b->program));
    TRY_RETURN(emit_inputs(b));
    if (teacher != NULL) TRY_RETURN(emit_teacher(b, &teacher_logits));
    int32_t n_taps = list_taps(b, false, taps);
    decant_status status = dcn_program_add_model(b->program, b->step->graph, 0, DCN_MODE_TRAIN, b->step->x, taps,
                                                 n_taps, &b->step->values, &student_logits);
    if (status != DECANT_OK) {
        dcn_while("adding the model to the training step");
        return status;
    }
    TRY_RETURN(emit_scale(b));
    TRY_RETURN(emit_losses(b, student_logits, teacher_logits));
    return dcn_optimizer_emit(b->spec->optimizer, b->program);
}

static decant_status load_conversion(const builder *b, dcn_plan *plan)
{
    if (b->conversion[0] == DCN_NONE) return DECANT_OK;
    const dcn_normalization *from = &b->spec->model->normalization, *to = &b->spec->teacher->normalization;
    int64_t channels = b->program->graph->values[b->conversion[0]].shape.dim[0];
    float *numbers = NULL; /* [4, channels]: scale, shift, zeros, ones */
    decant_status status = DECANT_OK;
    TRY(dcn_new_array(4 * (size_t)channels, sizeof *numbers, (void **)&numbers));
    for (int64_t c = 0; c < channels; c++) {
        double from_mean = (double)channel_value(from->mean, from->channels, c, 0);
        double from_std = (double)channel_value(from->std, from->channels, c, 1);
        double to_mean = (double)channel_value(to->mean, to->channels, c, 0);
        double to_std = (double)channel_value(to->std, to->channels, c, 1);
        numbers[c] = (float)(from_std / to_std);
        numbers[channels + c] = (float)((from_mean - to_mean) / to_std);
        numbers[3 * channels + c] = 1;
    }
    for (int i = 0; i < 4; i++)
        TRY(dcn_plan_write(plan, b->conversion[i], numbers + i * channels));
out:
    dcn_free(numbers);
    return status;
}

static decant_status load_teacher(const builder *b, dcn_plan *plan)
{
    if (b->teacher == NULL) return DECANT_OK;
    TRY_RETURN(dcn_model_write(b->teacher, b->teacher_values, plan));
    return load_conversion(b, plan);
}

decant_status dcn_training_step_create(const dcn_training_spec *spec, int64_t batch, dcn_plan *share,
                                       dcn_training_step **ret_step)
{
    builder b = {.spec = spec, .scale = DCN_NONE, .conversion = {DCN_NONE, DCN_NONE, DCN_NONE, DCN_NONE}};
    decant_status status = DECANT_OK;
    TRY(dcn_new(sizeof *b.step, (void **)&b.step));
    dcn_training_step *step = b.step;
    step->batch = batch;
    step->n_terms = spec->n_terms;
    for (int32_t i = 0; i < DCN_MAX_TERMS; i++)
        step->teacher_features[i] = DCN_NONE;
    step->x = step->labels = step->labels_b = step->mix = step->teacher_logits = step->correct = DCN_NONE;
    TRY(build_program(&b, batch));

    const dcn_plan_options options = {.share = share, .keep = b.keep, .n_keep = b.n_keep};
    TRY(dcn_plan_create(spec->device, b.program, &options, &step->plan));
    if (b.program->counter != DCN_NONE) TRY(dcn_plan_bind(step->plan, b.program->counter, step->counter));
    TRY(dcn_plan_bind(step->plan, b.program->hyper, step->hyper));
    if (share == NULL) TRY(load_teacher(&b, step->plan));
    if (share == NULL) TRY(load_scale(&b, step->plan));
    *ret_step = step;
    b.step = NULL;
out:
    dcn_free(b.teacher_values);
    dcn_program_destroy(b.program);
    dcn_model_destroy(b.teacher);
    dcn_training_step_destroy(b.step);
    return status;
}

void dcn_training_step_destroy(dcn_training_step *step)
{
    if (step == NULL) return;
    dcn_plan_destroy(step->plan);
    dcn_graph_destroy(step->graph);
    dcn_free(step->values);
    dcn_free(step);
}

decant_status dcn_training_step_bind(dcn_training_step *step, const dcn_batch *batch)
{
    TRY_RETURN(dcn_plan_bind(step->plan, step->x, batch->x));
    if (step->labels != DCN_NONE) TRY_RETURN(dcn_plan_bind(step->plan, step->labels, batch->labels));
    if (step->mix == DCN_NONE) return DECANT_OK;
    TRY_RETURN(dcn_plan_bind(step->plan, step->labels_b, batch->labels_b));
    return dcn_plan_bind(step->plan, step->mix, batch->mix);
}

decant_status dcn_training_step_losses(const dcn_training_step *step, double ret_losses[DCN_MAX_TERMS])
{
    for (int32_t i = 0; i < step->n_terms; i++) {
        float loss = 0;
        TRY_RETURN(dcn_plan_read(step->plan, step->loss[i], &loss));
        ret_losses[i] = (double)loss;
    }
    return DECANT_OK;
}
