/* Each finding appears where it should, says what to do, and does not appear in a sound model. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/memory.h"
#include "graph/networks.h"

/* A model under construction: rows of 1568 features unless another input is given. */
typedef struct draft {
    dcn_graph *graph;
    dcn_value_id x;
} draft;

static draft start(decant_shape sample)
{
    draft model = {0};
    assert_int_equal(dcn_graph_create(&model.graph), DECANT_OK);
    assert_int_equal(dcn_build_input(model.graph, &sample, &model.x), DECANT_OK);
    return model;
}

static void linear(draft *model, const char *name, int64_t features, bool bias)
{
    assert_int_equal(dcn_build_linear(model->graph, name, model->x, features, bias, &model->x), DECANT_OK);
}

static void layer(draft *model, decant_op op, const char *name)
{
    decant_op_attrs attrs = {0};
    if (op == DECANT_OP_DROPOUT) attrs.dropout.p = 0.5;
    if (op == DECANT_OP_REPEAT_CHANNELS) attrs.repeat.times = 3;
    assert_int_equal(add_layer(model->graph, op, name, &attrs, &model->x), DECANT_OK);
}

/* Ends the model here; checks that lint finds exactly this much, and one finding that contains both texts. */
static void assert_finds(draft *model, int32_t count, decant_severity severity, const char *one, const char *two)
{
    if (model->graph->output == DCN_NONE) model->graph->output = model->x;
    dcn_findings findings = {0};
    assert_int_equal(dcn_graph_lint(model->graph, &findings), DECANT_OK);
    bool found = count == 0;
    for (int32_t i = 0; i < findings.count; i++) {
        const decant_finding *finding = &findings.items[i];
        if (finding->severity == severity && strstr(finding->text, one) != NULL && strstr(finding->text, two) != NULL)
            found = true;
    }
    if (!found || findings.count != count)
        fail_msg("%d findings, the first: %s", (int)findings.count,
                 findings.count > 0 ? findings.items[0].text : "none");
    dcn_findings_finish(&findings);
    dcn_graph_destroy(model->graph);
}

static void sound_models_give_no_findings(void **state)
{
    (void)state;
    draft model = {0};
    assert_int_equal(build_lightnn(&model.graph), DECANT_OK);
    assert_finds(&model, 0, DECANT_SEVERITY_NOTE, "", "");
}

static void linear_after_linear_is_folded_on_paper(void **state)
{
    (void)state;
    draft model = start(dcn_shape1(1568));
    layer(&model, DECANT_OP_DROPOUT, "drop1");
    linear(&model, "fc1", 48, true);
    layer(&model, DECANT_OP_DROPOUT, "drop2");
    linear(&model, "fc2", 10, true);
    /* 1568*48+48 + 48*10+10 = 75802; 1568*10+10 = 15690 */
    assert_finds(&model, 1, DECANT_SEVERITY_WARNING, "fc1 and fc2",
                 "1568->48->10 (75802 parameters) folds to 1568->10 (15690)");

    model = start(dcn_shape1(1568));
    linear(&model, "fc1", 48, true);
    layer(&model, DECANT_OP_RELU, "relu");
    linear(&model, "fc2", 10, true);
    assert_finds(&model, 0, DECANT_SEVERITY_NOTE, "", "");
}

static void a_low_rank_factor_is_only_noted(void **state)
{
    (void)state;
    draft model = start(dcn_shape1(1000));
    linear(&model, "down", 8, false);
    linear(&model, "up", 500, true);
    assert_finds(&model, 1, DECANT_SEVERITY_NOTE, "down and up", "low-rank");
}

static void a_bias_before_batchnorm_is_noted(void **state)
{
    (void)state;
    const int64_t dims[] = {3, 8, 8};
    for (int bias = 0; bias < 2; bias++) {
        draft model = start(decant_shape_make(3, dims));
        dcn_conv_attrs attrs = dcn_conv_default(12, 3);
        attrs.bias = bias;
        assert_int_equal(dcn_build_conv2d(model.graph, "conv", model.x, &attrs, &model.x), DECANT_OK);
        assert_int_equal(dcn_build_batchnorm(model.graph, "bn", model.x, 1e-5, 0.1, &model.x), DECANT_OK);
        layer(&model, DECANT_OP_RELU, "relu");
        layer(&model, DECANT_OP_FLATTEN, "flatten");
        linear(&model, "fc", 10, true);
        assert_finds(&model, bias, DECANT_SEVERITY_NOTE, "bias of conv", "saves 12 parameters");
    }
}

/* A shortcut reads what the first of the two makes: neither can go. */
static void a_linear_pair_that_a_shortcut_joins_is_none(void **state)
{
    (void)state;
    draft model = start(dcn_shape1(20));
    linear(&model, "embed", 16, true);
    dcn_value_id sides[2] = {model.x, DCN_NONE};
    linear(&model, "branch", 16, true);
    layer(&model, DECANT_OP_RELU, "relu");
    sides[1] = model.x;
    assert_int_equal(dcn_build_simple(model.graph, DECANT_OP_ADD, "sum", NULL, sides, 2, &model.x), DECANT_OK);
    linear(&model, "fc", 10, true);
    assert_finds(&model, 0, DECANT_SEVERITY_NOTE, "", "");
}

static void what_reaches_no_output_is_an_error(void **state)
{
    (void)state;
    draft model = start(dcn_shape1(20));
    dcn_value_id input = model.x;
    linear(&model, "used", 10, true);
    model.graph->output = model.x;
    model.x = input;
    linear(&model, "orphan", 5, true);
    assert_finds(&model, 1, DECANT_SEVERITY_ERROR, "orphan", "105 parameters");

    model = start(dcn_shape1(20));
    linear(&model, "used", 10, true);
    model.graph->output = model.x;
    layer(&model, DECANT_OP_GELU, "idle");
    assert_finds(&model, 1, DECANT_SEVERITY_WARNING, "idle", "no output");

    model = start(dcn_shape1(20));
    linear(&model, "used", 10, true);
    decant_shape shape = dcn_shape1(3);
    dcn_value_id unread = DCN_NONE;
    assert_int_equal(dcn_graph_add_value(model.graph, DCN_VALUE_PARAMETER, "lost.weight", DECANT_F32, &shape, &unread),
                     DECANT_OK);
    assert_finds(&model, 1, DECANT_SEVERITY_ERROR, "no layer reads", "lost.weight");
}

static void the_end_of_the_model_must_be_logits(void **state)
{
    (void)state;
    const decant_op ends[] = {DECANT_OP_SOFTMAX, DECANT_OP_SIGMOID, DECANT_OP_RELU, DECANT_OP_RELU6};
    for (size_t i = 0; i < DCN_COUNT(ends); i++) {
        draft model = start(dcn_shape1(20));
        linear(&model, "fc", 10, true);
        layer(&model, ends[i], "end");
        assert_finds(&model, 1, DECANT_SEVERITY_WARNING, "end is a", dcn_op_get(ends[i])->name);
    }

    const int64_t dims[] = {3, 8, 8};
    draft model = start(decant_shape_make(3, dims));
    dcn_conv_attrs attrs = dcn_conv_default(10, 8);
    assert_int_equal(dcn_build_conv2d(model.graph, "conv", model.x, &attrs, &model.x), DECANT_OK);
    assert_finds(&model, 1, DECANT_SEVERITY_ERROR, "[1, 10, 1, 1]", "flatten");
}

static void a_model_without_output_is_an_error(void **state)
{
    (void)state;
    draft model = start(dcn_shape1(20));
    dcn_findings findings = {0};
    linear(&model, "fc", 10, true);
    assert_int_equal(dcn_graph_lint(model.graph, &findings), DECANT_OK);
    assert_int_equal(findings.count, 1);
    assert_int_equal(findings.items[0].severity, DECANT_SEVERITY_ERROR);
    dcn_findings_finish(&findings);
    dcn_findings_finish(&findings); /* empty now */
    dcn_findings_finish(NULL);
    dcn_graph_destroy(model.graph);
}

static void idle_dropout_and_copied_grey_are_noted(void **state)
{
    (void)state;
    const int64_t dims[] = {1, 8, 8};
    decant_op_attrs none = {.dropout = {.p = 0}};
    draft model = start(decant_shape_make(3, dims));
    layer(&model, DECANT_OP_REPEAT_CHANNELS, "colour");
    layer(&model, DECANT_OP_FLATTEN, "flatten");
    linear(&model, "fc", 10, true);
    assert_finds(&model, 1, DECANT_SEVERITY_NOTE, "colour", "3 times");

    model = start(dcn_shape1(20));
    assert_int_equal(add_layer(model.graph, DECANT_OP_DROPOUT, "drop", &none, &model.x), DECANT_OK);
    linear(&model, "fc", 10, true);
    assert_finds(&model, 1, DECANT_SEVERITY_NOTE, "drop drops nothing", "p: 0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sound_models_give_no_findings),
        cmocka_unit_test(linear_after_linear_is_folded_on_paper),
        cmocka_unit_test(a_low_rank_factor_is_only_noted),
        cmocka_unit_test(a_bias_before_batchnorm_is_noted),
        cmocka_unit_test(a_linear_pair_that_a_shortcut_joins_is_none),
        cmocka_unit_test(what_reaches_no_output_is_an_error),
        cmocka_unit_test(the_end_of_the_model_must_be_logits),
        cmocka_unit_test(a_model_without_output_is_an_error),
        cmocka_unit_test(idle_dropout_and_copied_grey_are_noted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
