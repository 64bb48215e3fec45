/* Feature losses in training: they bring features together, the regressor trains but is not handed over, and mistakes
 * are refused before the first step. */
#include "train/problem.h"

#include "distill/features.h"
#include "nn/zoo.h"

#define TEACHER "[conv: {channels: 8, kernel: 3, padding: 1, name: conv}, relu, maxpool: 2, flatten, linear: 4]"
#define STUDENT "[conv: {channels: 4, kernel: 3, padding: 1, name: conv}, relu, maxpool: 2, flatten, linear: 4]"

static test_problem problem;

typedef struct first_values {
    double value[DCN_MAX_TERMS], gradient_norm[DCN_MAX_TERMS];
    double last[DCN_MAX_TERMS]; /* of the latest epoch */
} first_values;

static decant_status on_sheet(void *context, const dcn_loss_sheet *sheet)
{
    first_values *values = context;
    for (int32_t i = 0; i < sheet->n_terms; i++) {
        values->value[i] = sheet->term[i].value;
        values->gradient_norm[i] = sheet->term[i].gradient_norm;
    }
    return DECANT_OK;
}

static void on_epoch(void *context, const dcn_epoch *epoch)
{
    memcpy(((first_values *)context)->last, epoch->term, sizeof epoch->term);
}

/* Cross-entropy and one feature loss. */
static dcn_train_options feature_options(decant_model *student, dcn_term term, first_values *values)
{
    dcn_train_options options = plain_options(&problem, student);
    options.teacher = problem.teacher;
    options.terms[options.n_terms++] = term;
    options.context = values;
    options.on_loss_sheet = on_sheet;
    options.on_epoch = on_epoch;
    return options;
}

static dcn_term hint(const char *student, const char *of_teacher)
{
    return (dcn_term){.kind = DCN_TERM_HINT, .weight = 0.5, .student = student, .teacher = of_teacher};
}

static dcn_term pooled_hint(const char *student, const char *of_teacher)
{
    dcn_term term = hint(student, of_teacher);
    term.match = DCN_MATCH_AVGPOOL;
    return term;
}

static dcn_term cosine(const char *student, const char *of_teacher, dcn_match match)
{
    return (dcn_term){
        .kind = DCN_TERM_COSINE, .weight = 0.5, .student = student, .teacher = of_teacher, .match = match};
}

/* Breaks when the gradient of a feature does not reach the student, has the wrong sign, or the regressor stays as it
 * was drawn. */
static void test_features_come_together(void **state)
{
    (void)state;
    const dcn_term terms[] = {hint("2", "2"),
                              cosine("2", "2", DCN_MATCH_AVGPOOL),
                              cosine("4", "4", DCN_MATCH_NONE),
                              cosine("2", "2", DCN_MATCH_PROJECT),
                              cosine("2", "4", DCN_MATCH_PROJECT),
                              pooled_hint("2", "conv")};
    /* Pairs of the teacher's pixels are hard to follow with half its channels. */
    const double shares[] = {0.7, 0.99, 0.7, 0.7, 0.7, 0.7};
    for (size_t i = 0; i < DCN_COUNT(terms); i++) {
        decant_model *student = make_model(&problem, STUDENT, 1);
        first_values values = {0};
        dcn_train_options options = feature_options(student, terms[i], &values);
        dcn_train_result result;
        assert_ok(dcn_train(&options, &result));
        assert_true(values.gradient_norm[1] > 0);
        if (!(values.last[1] < shares[i] * values.value[1]))
            fail_msg("term %zu went from %g to %g", i, values.value[1], values.last[1]);
        dcn_model_destroy(student);
    }
}

/* Breaks when the teacher's map is averaged over other windows than a layer of it would. */
static void test_maps_are_averaged_as_a_layer_would(void **state)
{
    (void)state;
    decant_model *pooling = make_model(
        &problem, "[conv: {channels: 8, kernel: 3, padding: 1, name: conv}, relu, avgpool: 2, flatten, linear: 4]", 1);
    const char *const shared[] = {"conv.weight", "conv.bias"};
    double value[2];
    for (size_t i = 0; i < DCN_COUNT(shared); i++) {
        const dcn_value_id from = dcn_graph_find(problem.teacher->graph, shared[i]),
                           to = dcn_graph_find(pooling->graph, shared[i]);
        memcpy(pooling->data[to], problem.teacher->data[from],
               (size_t)decant_shape_count(&pooling->graph->values[to].shape) * sizeof(float));
    }
    for (int i = 0; i < 2; i++) {
        decant_model *student = make_model(&problem, STUDENT, 1);
        first_values values = {0};
        dcn_train_options options = feature_options(student, i == 0 ? pooled_hint("2", "1") : hint("2", "2"), &values);
        dcn_train_result result;
        if (i == 1) options.teacher = pooling;
        options.epochs = 1;
        assert_ok(dcn_train(&options, &result));
        value[i] = values.value[1];
        dcn_model_destroy(student);
    }
    assert_true(value[0] > 0 && fabs(value[0] - value[1]) < 1e-6 * value[1]);
    dcn_model_destroy(pooling);
}

/* Breaks when the regressor is handed over with the student, or counted. */
static void test_the_regressor_stays_behind(void **state)
{
    (void)state;
    decant_model *student = make_model(&problem, STUDENT, 1), *same = make_model(&problem, STUDENT, 1);
    first_values values = {0};
    dcn_train_options options = feature_options(student, hint("2", "2"), &values);
    dcn_train_result result;
    assert_ok(dcn_train(&options, &result));
    assert_int_equal(student->graph->n_values, same->graph->n_values);
    assert_true(dcn_graph_parameters(student->graph) == dcn_graph_parameters(same->graph));
    dcn_model_destroy(student);
    dcn_model_destroy(same);
}

/* Breaks when what is tapped is another layer, sample or order of elements once it is looked up, or is looked up where
 * only logits fit. */
static void test_features_are_looked_up(void **state)
{
    (void)state;
    const dcn_term terms[] = {hint("conv", "conv"),
                              cosine("2", "2", DCN_MATCH_AVGPOOL),
                              cosine("4", "4", DCN_MATCH_NONE),
                              pooled_hint("2", "1"),
                              {.kind = DCN_TERM_KD, .weight = 1, .temperature = 2}};
    const int64_t limits[] = {0, 1 << 22, 4000}; /* 150 logits take 2,400 bytes */
    double values[3][DCN_COUNT(terms) + 1];
    for (size_t l = 0; l < DCN_COUNT(limits); l++) {
        decant_model *student = make_model(&problem, STUDENT, 1);
        first_values seen = {0};
        dcn_train_options options = feature_options(student, terms[0], &seen);
        dcn_train_result result;
        for (size_t t = 1; t < DCN_COUNT(terms); t++)
            options.terms[options.n_terms++] = terms[t];
        options.augment = (dcn_augment){.flip = true};
        options.teacher_cache_bytes = limits[l];
        assert_ok(dcn_train(&options, &result));
        assert_int_equal(result.cached, l == 1);
        memcpy(values[l], seen.last, sizeof values[l]); /* of the last epoch: what was learnt agrees, too */
        dcn_model_destroy(student);
    }
    for (size_t t = 0; t <= DCN_COUNT(terms); t++) {
        assert_true(fabs(values[1][t] - values[0][t]) < 1e-3 * fabs(values[0][t]));
        assert_true(values[2][t] == values[0][t]);
    }
}

/* Breaks when extending renumbers the student's values, or forgets a parameter of the regressor. */
static void test_extending_keeps_the_student(void **state)
{
    (void)state;
    decant_model *student = make_model(&problem, STUDENT, 1);
    const dcn_term terms[] = {hint("conv", "conv"), hint("2", "2"), cosine("2", "2", DCN_MATCH_PROJECT),
                              cosine("2", "4", DCN_MATCH_PROJECT)};
    dcn_graph *extended = NULL;
    dcn_tap taps[4];
    assert_ok(dcn_features_extend(student->graph, problem.teacher->graph, terms, 4, &extended, taps));
    for (int32_t v = 0; v < student->graph->n_values; v++) {
        assert_int_equal(extended->values[v].kind, student->graph->values[v].kind);
        assert_true(decant_shape_equal(&extended->values[v].shape, &student->graph->values[v].shape));
    }
    assert_true(dcn_graph_find(extended, "hint.regressor.0.weight") >= student->graph->n_values);
    assert_true(dcn_graph_find(extended, "hint_2.regressor.0.bias") >= student->graph->n_values);
    dcn_value_id map = dcn_graph_find(extended, "cosine.projection.0.weight"); /* maps of one size: 1x1 */
    assert_true(map >= student->graph->n_values && extended->values[map].shape.dim[0] == 8);
    assert_int_equal(extended->values[map].shape.rank, 4);
    dcn_value_id vector = dcn_graph_find(extended, "cosine_2.projection.0.weight");
    assert_true(vector >= student->graph->n_values && extended->values[vector].shape.rank == 2);
    assert_int_equal(extended->output, student->graph->output);
    dcn_graph_destroy(extended);
    dcn_model_destroy(student);
}

static void assert_refused(dcn_term term, decant_status wanted, const char *text)
{
    decant_model *student = make_model(&problem, STUDENT, 1);
    first_values values = {0};
    dcn_train_options options = feature_options(student, term, &values);
    dcn_train_result result;
    assert_int_equal(dcn_train(&options, &result), wanted);
    if (strstr(decant_error_message(), text) == NULL) fail_msg("%s", decant_error_message());
    dcn_model_destroy(student);
}

static void test_what_does_not_fit_is_refused(void **state)
{
    (void)state;
    assert_refused(hint("con", "conv"), DECANT_NOT_FOUND, "the student has no layer 'con'; did you mean 'conv'?");
    assert_refused(hint("conv", "conv.weight"), DECANT_NOT_FOUND, "the teacher has no layer 'conv.weight'");
    assert_refused(hint("conv", "2"), DECANT_SHAPE, "[1, 8, 8, 8]");
    assert_refused(hint("conv", NULL), DECANT_INVALID_ARG, "must name a layer");
    assert_refused(cosine("2", "2", DCN_MATCH_NONE), DECANT_SHAPE, "match: avgpool");
    assert_refused(cosine("conv", "4", DCN_MATCH_AVGPOOL), DECANT_SHAPE, "a multiple of the student's");
    assert_refused(cosine("cnov", "4", DCN_MATCH_PROJECT), DECANT_NOT_FOUND, "did you mean 'conv'?");
}

/* Breaks when the guard against a student that is its own teacher overlooks features: here the teacher's first layers
 * are the student's and do not move. */
static void test_a_feature_loss_that_stays_zero(void **state)
{
    (void)state;
    decant_model *student = make_model(&problem, "[conv: {channels: 2, kernel: 3, name: conv}, flatten, linear: 4]", 1);
    decant_model *twin =
        make_model(&problem, "[conv: {channels: 2, kernel: 3, name: conv}, relu, flatten, linear: 4]", 1);
    first_values values = {0};
    dcn_train_options options = feature_options(student, cosine("conv", "conv", DCN_MATCH_NONE), &values);
    dcn_train_result result;
    options.teacher = twin;
    options.terms[0] = options.terms[1]; /* alone: equal vectors have no gradient, so nothing moves */
    options.n_terms = 1;
    assert_int_equal(dcn_train(&options, &result), DECANT_INVALID_ARG);
    assert_non_null(strstr(decant_error_message(), "cosine has been exactly 0 for 10 steps"));
    dcn_model_destroy(twin);
    dcn_model_destroy(student);
}

/* Breaks when a stage of a residual net is another value than its last block's, or a group with several ends is taken.
 */
static void test_a_group_is_its_last_layer(void **state)
{
    (void)state;
    const dcn_zoo_options options = {.classes = 10, .channels = 3};
    dcn_graph *resnet = NULL;
    dcn_value_id stage = DCN_NONE, block = DCN_NONE;
    assert_ok(dcn_zoo_build("resnet20", &options, &resnet));
    assert_ok(dcn_features_layer(resnet, "teacher", "layer2", &stage));
    assert_ok(dcn_features_layer(resnet, "teacher", "layer2.2", &block));
    assert_int_equal(stage, block);
    assert_int_equal(dcn_features_layer(resnet, "teacher", "layer", &stage), DECANT_NOT_FOUND);
    assert_int_equal(dcn_features_layer(resnet, "teacher", "layer4", &stage), DECANT_NOT_FOUND);
    dcn_graph_destroy(resnet);
}

static int open_all(void **state)
{
    *state = &problem;
    open_problem(&problem, "cpu", 150, 0);
    problem.teacher = make_teacher(&problem, TEACHER);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_features_come_together),
        cmocka_unit_test(test_the_regressor_stays_behind),
        cmocka_unit_test(test_maps_are_averaged_as_a_layer_would),
        cmocka_unit_test(test_features_are_looked_up),
        cmocka_unit_test(test_a_group_is_its_last_layer),
        cmocka_unit_test(test_extending_keeps_the_student),
        cmocka_unit_test(test_what_does_not_fit_is_refused),
        cmocka_unit_test(test_a_feature_loss_that_stays_zero),
    };
    return cmocka_run_group_tests(tests, open_all, close_group);
}
