/* Two whole training steps of LightNN (cross-entropy and distillation, dropout, Adam), one each with a feature of
 * DeepNN (cosine and hint, whose regressor trains too), and one of the CIFAR ResNet-20 (label smoothing, batch
 * normalisation, option A shortcuts, Nesterov) through zoo, lowering, loss terms, derivatives, plan and optimiser,
 * against PyTorch: logits, losses, every gradient, every updated weight and running statistic. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "distill/features.h"
#include "engine/plan.h"
#include "golden/golden.h"
#include "nn/zoo.h"
#include "optim/optimizer.h"
#include "tensor/shape.h"

enum { BATCH = 3, CLASSES = 10, PIXELS = 3 * 32 * 32, MAX_TERMS = 2, SAMPLES = 64 };

/* Ordinals of the numbers that both sides make; parameter k has ordinal k. */
enum { TEACHER_WEIGHTS = 500, LABELS = 1001, IMAGES = 1010, TEACHER = 1020 };

typedef struct step_case {
    const char *vectors, *network;
    const char *teacher; /* NULL: its logits are given */
    dcn_term terms[MAX_TERMS];
    int32_t n_terms, n_steps;
    dcn_optimizer_kind optimizer;
    double lr, momentum, weight_decay;
    bool nesterov;
} step_case;

/* LightNN as the tutorial trains it: cross-entropy and one term of the teacher, which is DeepNN where the term taps a
 * layer of it. */
static step_case light_nn(const char *vectors, int32_t n_steps, dcn_term term)
{
    term.weight = 0.25;
    return (step_case){
        .vectors = vectors,
        .network = "lightnn",
        .teacher = term.teacher != NULL ? "deepnn" : NULL,
        .terms = {{.kind = DCN_TERM_CE, .weight = 0.75}, term},
        .n_terms = 2,
        .n_steps = n_steps,
        .optimizer = DCN_OPTIMIZER_ADAM,
        .lr = 1e-3,
    };
}

static dcn_term feature_term(dcn_term_kind kind)
{
    return (dcn_term){.kind = kind, .student = "features.5", .teacher = "features.9"};
}

static const step_case resnet20 = {
    .vectors = "step_resnet20",
    .network = "resnet20",
    .terms = {{.kind = DCN_TERM_CE, .weight = 1, .label_smoothing = 0.1}},
    .n_terms = 1,
    .n_steps = 1,
    .optimizer = DCN_OPTIMIZER_SGD,
    .lr = 0.1,
    .momentum = 0.9,
    .weight_decay = 1e-4,
    .nesterov = true,
};

/* Logits and losses are held to `outputs`, weights and gradients to `weights`. In f32 an activation within rounding of
 * 0 may fall on the other side of a relu than PyTorch's, and then carries its gradient or does not: about one of a
 * million does. That moves an element of a gradient by a percent of its tensor's size, where a mistake moves it by all
 * of it. f64 on ref has no such excuse. */
typedef struct step_setting {
    golden_setting outputs, weights;
} step_setting;

static const step_setting settings[] = {
    {{"ref", DECANT_F64, 1e-9}, {"ref", DECANT_F64, 1e-9}},
    {{"cpu", DECANT_F32, 1e-4}, {"cpu", DECANT_F32, 0.03}},
};

typedef struct trainer {
    const step_case *test;
    const golden_setting *setting; /* outputs */
    const golden_setting *weights;
    dcn_safetensors *file;
    dcn_device *device;
    dcn_program *program;
    dcn_plan *plan;
    dcn_optimizer optimizer;
    dcn_value_id x, labels, teacher, logits, losses[MAX_TERMS];
    dcn_value_id scale; /* 1 / the deviations of the teacher's logits; DCN_NONE where no term wants them */
    dcn_value_id *student_values, *teacher_values; /* teacher_values: NULL without a teacher network */
    dcn_tap taps[MAX_TERMS];
    void *x_data, *teacher_data; /* in the program's type */
    int32_t label_data[BATCH];
    int64_t counter[2];
    float hyper[DCN_HYPER_COUNT];
} trainer;

/* --- numbers --- */

/* f64 elements in the program's type; freed by the caller. */
static void *converted(decant_dtype dtype, const double *from, int64_t count)
{
    void *to = test_malloc((size_t)count * sizeof(double));
    for (int64_t i = 0; i < count; i++)
        if (dtype == DECANT_F64)
            ((double *)to)[i] = from[i];
        else
            ((float *)to)[i] = (float)from[i];
    return to;
}

/* scale * uniform, rounded to f32 as the script does. */
static void draw(uint32_t ordinal, int64_t count, double scale, double offset, double *ret_numbers)
{
    golden_uniform(ordinal, count, ret_numbers);
    for (int64_t i = 0; i < count; i++)
        ret_numbers[i] = (double)(float)(ret_numbers[i] * scale + offset);
}

static void fill_input(trainer *train, uint32_t ordinal, int64_t count, double scale, void *to)
{
    double *numbers = test_malloc((size_t)count * sizeof *numbers);
    draw(ordinal, count, scale, 0, numbers);
    void *typed = converted(train->setting->dtype, numbers, count);
    memcpy(to, typed, (size_t)count * decant_dtype_size(train->setting->dtype));
    test_free(typed);
    test_free(numbers);
}

/* The script's deviations: (c + 1) / 4. */
static void scale_numbers(double *numbers)
{
    memset(numbers, 0, CLASSES * CLASSES * sizeof *numbers);
    for (int c = 0; c < CLASSES; c++)
        numbers[c * CLASSES + c] = 4.0 / (c + 1);
}

/* set_weights() of the script: He et al.'s scale for weights of rank 2 and 4, near 1 for batchnorm's, near 0 for
 * biases. */
static void write_weights(trainer *train)
{
    const dcn_graph *graph = train->program->graph;
    uint32_t next[2] = {0, TEACHER_WEIGHTS}; /* of the student, of the teacher */
    for (dcn_value_id v = 0; v < graph->n_values; v++) {
        const dcn_value *value = &graph->values[v];
        if (value->kind != DCN_VALUE_PARAMETER && value->kind != DCN_VALUE_STATE) continue;
        int64_t count = decant_shape_count(&value->shape);
        double *numbers = test_malloc((size_t)count * sizeof *numbers);
        uint32_t *ordinal = &next[value->model];
        bool weight = strstr(value->name, ".weight") != NULL, variance = strstr(value->name, ".running_var") != NULL;
        if (v == train->scale)
            scale_numbers(numbers);
        else if (value->kind == DCN_VALUE_STATE)
            for (int64_t i = 0; i < count; i++)
                numbers[i] = variance ? 1 : 0;
        else if (value->shape.rank > 1)
            draw((*ordinal)++, count, sqrt(6.0 / (double)(count / value->shape.dim[0])), 0, numbers);
        else
            draw((*ordinal)++, count, 0.1, weight ? 1 : 0, numbers);
        void *typed = converted(train->setting->dtype, numbers, count);
        require(dcn_plan_write(train->plan, v, typed), value->name);
        test_free(typed);
        test_free(numbers);
    }
}

/* --- the program --- */

static void add_scale(trainer *train)
{
    const decant_shape shape = dcn_shape2(CLASSES, CLASSES);
    dcn_graph *graph = train->program->graph;
    train->scale = DCN_NONE;
    for (int32_t t = 0; t < train->test->n_terms; t++) {
        if (!dcn_term_wants_spread(&train->test->terms[t])) continue;
        require(dcn_graph_add_value(graph, DCN_VALUE_STATE, "scale", train->setting->dtype, &shape, &train->scale),
                "scale");
        graph->values[train->scale].model = 1; /* the teacher's: it is not updated */
    }
}

static void add_losses(trainer *train)
{
    const step_case *test = train->test;
    dcn_seed seeds[MAX_TERMS];
    add_scale(train);
    for (int32_t t = 0; t < test->n_terms; t++) {
        const dcn_tap *tap = &train->taps[t];
        bool feature = tap->student != DCN_NONE;
        const dcn_term_context context = {
            .student_logits = train->logits,
            .teacher_logits = train->teacher,
            .labels = train->labels,
            .labels_b = DCN_NONE,
            .mix = DCN_NONE,
            .student_feature = feature ? train->student_values[tap->student] : DCN_NONE,
            .teacher_feature = feature ? train->teacher_values[tap->teacher] : DCN_NONE,
            .teacher_scale = train->scale,
        };
        dcn_term_output output;
        require(dcn_term_emit(&test->terms[t], train->program, &context, &output), "term");
        train->losses[t] = output.loss;
        seeds[t] = output.seed;
    }
    require(dcn_graph_backward(train->program->graph, seeds, test->n_terms), "backward");
}

/* The teacher's logits: of a network, or given. */
static void add_teacher(trainer *train, const dcn_graph *teacher)
{
    const decant_shape logits = dcn_shape1(CLASSES);
    dcn_value_id keep[MAX_TERMS];
    int32_t n_keep = 0;
    for (int32_t t = 0; t < train->test->n_terms; t++)
        if (train->taps[t].teacher != DCN_NONE) keep[n_keep++] = train->taps[t].teacher;
    if (teacher == NULL)
        require(dcn_program_input(train->program, "teacher", train->setting->dtype, &logits, &train->teacher),
                "teacher");
    else
        require(dcn_program_add_model(train->program, teacher, 1, DCN_MODE_INFERENCE, train->x, keep, n_keep,
                                      &train->teacher_values, &train->teacher),
                "teacher");
}

static void make_program(trainer *train)
{
    const decant_shape image = {3, {3, 32, 32}}, scalar = {0, {0}};
    const dcn_zoo_options options = {.sample = &image};
    const step_case *test = train->test;
    decant_dtype dtype = train->setting->dtype;
    dcn_graph *model = NULL, *teacher = NULL, *extended = NULL;
    dcn_value_id keep[MAX_TERMS];
    int32_t n_keep = 0;
    require(dcn_zoo_build(test->network, &options, &model), test->network);
    if (test->teacher != NULL) require(dcn_zoo_build(test->teacher, &options, &teacher), test->teacher);
    require(dcn_features_extend(model, teacher, test->terms, test->n_terms, &extended, train->taps), "features");
    for (int32_t t = 0; t < test->n_terms; t++)
        if (train->taps[t].student != DCN_NONE) keep[n_keep++] = train->taps[t].student;
    require(dcn_program_create(BATCH, dtype, &train->program), "program");
    require(dcn_program_input(train->program, "x", dtype, &image, &train->x), "x");
    require(dcn_program_input(train->program, "labels", DECANT_I32, &scalar, &train->labels), "labels");
    add_teacher(train, teacher);
    require(dcn_program_add_model(train->program, extended, 0, DCN_MODE_TRAIN, train->x, keep, n_keep,
                                  &train->student_values, &train->logits),
            "lowering");
    dcn_graph_destroy(model);
    dcn_graph_destroy(teacher);
    dcn_graph_destroy(extended);
    add_losses(train);
    require(dcn_optimizer_emit(&train->optimizer, train->program), "optimizer");
}

static void trainer_init(trainer *train, const step_case *test, const step_setting *setting, dcn_safetensors *file)
{
    const dcn_device_options options = {.threads = 2, .precision = DECANT_PRECISION_F32};
    memset(train, 0, sizeof *train);
    train->test = test;
    train->setting = &setting->outputs;
    train->weights = &setting->weights;
    train->file = file;
    train->optimizer = dcn_optimizer_default(test->optimizer);
    train->optimizer.lr = test->lr;
    train->optimizer.momentum = test->momentum;
    train->optimizer.weight_decay = test->weight_decay;
    train->optimizer.nesterov = test->nesterov;
    make_program(train);

    dcn_value_id keep[1 + MAX_TERMS] = {train->logits};
    memcpy(keep + 1, train->losses, sizeof train->losses);
    dcn_plan_options plan_options = {.keep = keep, .n_keep = 1 + test->n_terms};
    require(dcn_device_open(train->setting->device, &options, &train->device), "device");
    require(dcn_plan_create(train->device, train->program, &plan_options, &train->plan), "plan");

    train->x_data = test_calloc(BATCH * PIXELS, sizeof(double));
    train->teacher_data = test_calloc(BATCH * CLASSES, sizeof(double));
    require(dcn_plan_bind(train->plan, train->x, train->x_data), "x");
    require(dcn_plan_bind(train->plan, train->labels, train->label_data), "labels");
    if (test->teacher == NULL) require(dcn_plan_bind(train->plan, train->teacher, train->teacher_data), "teacher");
    require(dcn_plan_bind(train->plan, train->program->hyper, train->hyper), "hyper");
    if (train->program->counter != DCN_NONE)
        require(dcn_plan_bind(train->plan, train->program->counter, train->counter), "counter");
    write_weights(train);
}

static void trainer_finish(trainer *train)
{
    dcn_plan_destroy(train->plan);
    dcn_program_destroy(train->program);
    dcn_device_close(train->device);
    dcn_free(train->student_values);
    dcn_free(train->teacher_values);
    test_free(train->x_data);
    test_free(train->teacher_data);
}

static void set_batch(trainer *train, int64_t step)
{
    double numbers[BATCH];
    golden_uniform(LABELS, BATCH, numbers);
    for (int i = 0; i < BATCH; i++) /* back to the word that the number was made of */
        train->label_data[i] = (int32_t)((int64_t)((numbers[i] + 1) * 2147483648.0) % CLASSES);
    fill_input(train, (uint32_t)(IMAGES + step), BATCH * PIXELS, 1.5, train->x_data);
    fill_input(train, (uint32_t)(TEACHER + step), BATCH * CLASSES, 5, train->teacher_data);
    train->counter[0] = 11; /* seed */
    train->counter[1] = step;
    dcn_optimizer_hyper(&train->optimizer, step, 1, train->test->n_steps, train->hyper);
}

/* --- judging --- */

static double element(const trainer *train, const void *data, int64_t i)
{
    return train->setting->dtype == DECANT_F64 ? ((const double *)data)[i] : (double)((const float *)data)[i];
}

/* summary() of the script: sum, norm, elements at even distances. Errors are measured against the tensor's own size:
 * the sum and the norm by its norm, elements by its root mean square. */
static void compare_summary(const trainer *train, const char *what, const decant_tensor *expected, const void *data,
                            int64_t count)
{
    const double *golden = expected->data;
    double sum = 0, squares = 0, norm = golden[1] > 0 ? golden[1] : 1, typical = norm / sqrt((double)count);
    for (int64_t i = 0; i < count; i++) {
        sum += element(train, data, i);
        squares += element(train, data, i) * element(train, data, i);
    }
    golden_compare(what, "sum", train->weights, 0, golden[0] / norm, sum / norm);
    golden_compare(what, "norm", train->weights, 0, golden[1] / norm, sqrt(squares) / norm);
    for (int64_t k = 0; k < expected->shape.dim[0] - 2; k++) {
        int64_t i = count > SAMPLES ? k * count / SAMPLES : k;
        golden_compare(what, "element", train->weights, i, golden[2 + k] / typical, element(train, data, i) / typical);
    }
}

/* Gradients, updated parameters and running statistics of what trains. */
static void compare_weights(trainer *train, int64_t step)
{
    const dcn_graph *graph = train->program->graph;
    for (dcn_value_id v = 0; v < graph->n_values; v++) {
        const dcn_value *value = &graph->values[v];
        if (value->kind != DCN_VALUE_PARAMETER && value->kind != DCN_VALUE_STATE) continue;
        if (value->model != 0) continue;
        int64_t count = decant_shape_count(&value->shape);
        void *data = test_malloc((size_t)count * sizeof(double));
        char what[128];
        if (value->kind == DCN_VALUE_PARAMETER) {
            snprintf(what, sizeof what, "%lld/gradient/%s", (long long)step, value->name);
            require(dcn_plan_block_read(train->plan, DCN_BLOCK_GRADIENT, v, data), what);
            compare_summary(train, what, golden_need(train->file, "", what), data, count);
        }
        snprintf(what, sizeof what, "%lld/updated/%s", (long long)step, value->name);
        require(dcn_plan_read(train->plan, v, data), what);
        compare_summary(train, what, golden_need(train->file, "", what), data, count);
        test_free(data);
    }
}

static void compare_outputs(trainer *train, int64_t step)
{
    double data[BATCH * CLASSES];
    char what[32];
    snprintf(what, sizeof what, "%lld/logits", (long long)step);
    const double *logits = golden_need(train->file, "", what)->data;
    require(dcn_plan_read(train->plan, train->logits, data), "logits");
    for (int64_t i = 0; i < BATCH * CLASSES; i++)
        golden_compare(train->test->network, what, train->setting, i, logits[i], element(train, data, i));
    snprintf(what, sizeof what, "%lld/losses", (long long)step);
    const double *losses = golden_need(train->file, "", what)->data;
    for (int32_t t = 0; t < train->test->n_terms; t++) {
        require(dcn_plan_read(train->plan, train->losses[t], data), "loss");
        golden_compare(train->test->network, what, train->setting, t, losses[t], element(train, data, 0));
    }
}

static void check_steps(const step_case *test)
{
    dcn_safetensors *file = golden_open(test->vectors);
    for (size_t s = 0; s < DCN_COUNT(settings); s++) {
        trainer train;
        trainer_init(&train, test, &settings[s], file);
        for (int64_t step = 0; step < test->n_steps; step++) {
            set_batch(&train, step);
            assert_int_equal(dcn_plan_run(train.plan), DECANT_OK);
            compare_outputs(&train, step);
            compare_weights(&train, step);
        }
        trainer_finish(&train);
    }
    golden_check_all_used();
    dcn_safetensors_close(file);
}

static void test_light_nn(void **state)
{
    (void)state;
    const step_case kd = light_nn("step_lightnn", 2, (dcn_term){.kind = DCN_TERM_KD, .temperature = 2});
    check_steps(&kd);
}

static void test_light_nn_logits(void **state)
{
    (void)state;
    const step_case logits =
        light_nn("step_lightnn_logits", 1, (dcn_term){.kind = DCN_TERM_LOGITS, .standardize = true});
    check_steps(&logits);
}

static void test_light_nn_cosine(void **state)
{
    (void)state;
    static const dcn_match matches[] = {DCN_MATCH_AVGPOOL, DCN_MATCH_PROJECT};
    static const char *const vectors[] = {"step_lightnn_cosine", "step_lightnn_project"};
    for (size_t m = 0; m < DCN_COUNT(matches); m++) {
        dcn_term term = feature_term(DCN_TERM_COSINE);
        term.match = matches[m];
        const step_case cosine = light_nn(vectors[m], 1, term);
        check_steps(&cosine);
    }
}

static void test_light_nn_hint(void **state)
{
    (void)state;
    static const char text[] = "[conv: {channels: 32, kernel: 3, padding: 1}]";
    dcn_arena *arena = NULL;
    dcn_doc *regressor = NULL;
    dcn_term term = feature_term(DCN_TERM_HINT);
    require(dcn_arena_create(&arena), "arena");
    require(dcn_doc_parse(arena, "regressor", text, sizeof text - 1, &regressor), "regressor");
    term.regressor = regressor;
    const step_case hint = light_nn("step_lightnn_hint", 1, term);
    check_steps(&hint);
    dcn_arena_destroy(arena);
}

static void test_resnet20(void **state)
{
    (void)state;
    check_steps(&resnet20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_light_nn), cmocka_unit_test(test_light_nn_logits),
                                       cmocka_unit_test(test_light_nn_cosine), cmocka_unit_test(test_light_nn_hint),
                                       cmocka_unit_test(test_resnet20)};
    return cmocka_run_group_tests_name("golden steps", tests, NULL, NULL);
}
