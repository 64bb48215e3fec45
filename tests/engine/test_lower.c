/* Lowering: what becomes of a model's nodes in a program, by mode, batch size and taps. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/memory.h"
#include "engine/nets.h"

/* The first node with this name. */
static const dcn_node *node_named(const dcn_graph *graph, const char *name)
{
    for (dcn_node_id n = 0; n < graph->n_nodes; n++)
        if (graph->nodes[n].name != NULL && strcmp(graph->nodes[n].name, name) == 0) return &graph->nodes[n];
    fail_msg("no node %s", name);
    return NULL;
}

static void inference_drops_dropout_and_indices(void **state)
{
    (void)state;
    test_step step = step_create(NET_LIGHT, &(step_options){.batch = 4, .inference = true});
    const dcn_graph *graph = step.program->graph;
    assert_int_equal(dcn_graph_count(graph, DECANT_OP_DROPOUT), 0);
    assert_int_equal(step.program->counter, DCN_NONE);
    assert_int_equal(node_named(graph, "pool1")->n_outputs, 1);
    assert_int_equal(graph->values[step.logits].shape.dim[0], 4);
    assert_false(graph->values[value_named(step.program, "conv1.weight")].trainable);
    step_destroy(&step);

    step = step_create(NET_RESIDUAL, &(step_options){.batch = 2, .inference = true});
    assert_int_equal(dcn_graph_count(step.program->graph, DECANT_OP_BATCHNORM_TRAIN), 0);
    assert_int_equal(dcn_graph_count(step.program->graph, DECANT_OP_BATCHNORM), 5);
    step_destroy(&step);
}

static void training_forms_take_their_extra_values(void **state)
{
    (void)state;
    test_step step = step_create(NET_MLP, &(step_options){.batch = 3, .teacher = true});
    const dcn_graph *graph = step.program->graph;
    const dcn_node *first = node_named(graph, "drop0"), *second = node_named(graph, "drop1");
    assert_int_equal(first->input[1], step.program->counter);
    assert_int_equal(second->input[1], step.program->counter);
    assert_int_not_equal(first->attrs.dropout.stream, second->attrs.dropout.stream);
    assert_int_equal(step.program->n_dropouts, 2); /* the teacher's are gone */
    assert_int_equal(node_named(graph, "bn")->op, DECANT_OP_BATCHNORM_TRAIN);
    assert_int_equal(node_named(graph, "bn")->n_outputs, 3);
    assert_int_equal(node_named(graph, "teacher.bn")->op, DECANT_OP_BATCHNORM);
    step_destroy(&step);

    step = step_create(NET_LIGHT, &(step_options){.batch = 3, .teacher = true});
    assert_int_equal(node_named(step.program->graph, "pool2")->n_outputs, 2);
    assert_int_equal(node_named(step.program->graph, "teacher.pool2")->n_outputs, 1);
    step_destroy(&step);
}

static void only_the_model_that_trains_trains(void **state)
{
    (void)state;
    test_step step = step_create(NET_LIGHT, &(step_options){.batch = 3, .teacher = true});
    const dcn_graph *graph = step.program->graph;
    const dcn_value *ours = &graph->values[value_named(step.program, "fc1.weight")];
    const dcn_value *theirs = &graph->values[value_named(step.program, "teacher.fc1.weight")];
    assert_true(ours->trainable);
    assert_int_not_equal(ours->gradient, DCN_NONE);
    assert_int_equal(ours->model, 0);
    assert_false(theirs->trainable);
    assert_int_equal(theirs->gradient, DCN_NONE);
    assert_int_equal(theirs->model, 1);

    dcn_graph *model = net_build(NET_LIGHT);
    dcn_value_id output;
    assert_int_equal(dcn_program_add_model(step.program, model, 2, DCN_MODE_TRAIN, step.x, NULL, 0, NULL, &output),
                     DECANT_OK);
    assert_false(step.program->graph->values[value_named(step.program, "teacher2.fc1.weight")].trainable);
    dcn_graph_destroy(model);
    step_destroy(&step);
}

static void relus_join_the_layer_before_them(void **state)
{
    (void)state;
    test_step step = step_create(NET_LIGHT, &(step_options){.batch = 2, .inference = true});
    const dcn_graph *graph = step.program->graph;
    assert_int_equal(dcn_graph_count(graph, DECANT_OP_RELU), 0);
    assert_int_equal(node_named(graph, "conv1")->attrs.conv.activation, DCN_ACTIVATION_RELU);
    assert_int_equal(node_named(graph, "fc1")->attrs.linear.activation, DCN_ACTIVATION_RELU);
    assert_int_equal(node_named(graph, "fc2")->attrs.linear.activation, DCN_ACTIVATION_NONE);
    step_destroy(&step);

    step = step_create(NET_RESIDUAL, &(step_options){.batch = 2, .inference = true});
    graph = step.program->graph;
    assert_int_equal(dcn_graph_count(graph, DECANT_OP_RELU), 0);
    assert_int_equal(node_named(graph, "bn1")->attrs.norm.activation, DCN_ACTIVATION_RELU);
    assert_int_equal(node_named(graph, "a.add")->attrs.activation.kind, DCN_ACTIVATION_RELU);
    assert_int_equal(node_named(graph, "a.bn2")->attrs.norm.activation, DCN_ACTIVATION_NONE);
    step_destroy(&step);
}

/* A program in which batchnorm, relu and a maximum over `pool` lie on a map of size x size. */
static dcn_program *lower_maximum(int64_t size, dcn_pool_attrs pool, dcn_mode mode, bool keep_relu)
{
    dcn_graph *model = NULL;
    dcn_program *program = NULL;
    decant_op_attrs attrs = {.pool = pool};
    decant_shape sample = {.rank = 3, .dim = {3, size, size}};
    dcn_value_id x, relu, output;
    assert_int_equal(dcn_graph_create(&model), DECANT_OK);
    assert_int_equal(dcn_build_input(model, &sample, &x), DECANT_OK);
    assert_int_equal(dcn_build_batchnorm(model, "bn", x, 1e-5, 0.1, &x), DECANT_OK);
    assert_int_equal(dcn_build_simple(model, DECANT_OP_RELU, "relu", NULL, &x, 1, &relu), DECANT_OK);
    assert_int_equal(dcn_build_simple(model, DECANT_OP_MAXPOOL, "pool", &attrs, &relu, 1, &x), DECANT_OK);
    assert_int_equal(dcn_build_simple(model, DECANT_OP_FLATTEN, "flatten", NULL, &x, 1, &model->output), DECANT_OK);

    assert_int_equal(dcn_program_create(2, DECANT_F32, &program), DECANT_OK);
    assert_int_equal(dcn_program_input(program, "x", DECANT_F32, &sample, &x), DECANT_OK);
    assert_int_equal(dcn_program_add_model(program, model, 0, mode, x, &relu, keep_relu ? 1 : 0, NULL, &output),
                     DECANT_OK);
    dcn_graph_destroy(model);
    return program;
}

/* Breaks when a maximum is lost or taken twice, or joins where the windows overlap, the map has a rest, the rectified
 * map is tapped, or nothing trains. */
static void a_maximum_joins_the_normalisation_before_it(void **state)
{
    (void)state;
    dcn_pool_attrs overlapping = dcn_pool_default(2);
    overlapping.stride[1] = 1;
    const struct {
        int64_t size;
        dcn_pool_attrs pool;
        dcn_mode mode;
        bool keep_relu, joins;
    } rows[] = {
        {8, dcn_pool_default(2), DCN_MODE_TRAIN, false, true},
        {9, dcn_pool_default(2), DCN_MODE_TRAIN, false, false},
        {9, dcn_pool_default(3), DCN_MODE_TRAIN, false, false},
        {8, overlapping, DCN_MODE_TRAIN, false, false},
        {8, dcn_pool_default(2), DCN_MODE_TRAIN, true, false},
        {8, dcn_pool_default(2), DCN_MODE_INFERENCE, false, false},
    };
    for (size_t i = 0; i < DCN_COUNT(rows); i++) {
        dcn_program *program = lower_maximum(rows[i].size, rows[i].pool, rows[i].mode, rows[i].keep_relu);
        const dcn_node *norm = node_named(program->graph, "bn");
        assert_int_equal(dcn_graph_count(program->graph, DECANT_OP_RELU), 0);
        assert_int_equal(norm->attrs.norm.activation, DCN_ACTIVATION_RELU);
        assert_int_equal(norm->attrs.norm.pools, rows[i].joins);
        assert_int_equal(dcn_graph_count(program->graph, DECANT_OP_MAXPOOL), !rows[i].joins);
        dcn_program_destroy(program);
    }
}

/* A value that somebody else reads, or that a loss taps, must stay what it was before the relu. */
static void read_or_tapped_values_are_not_fused_away(void **state)
{
    (void)state;
    test_step step = step_create(NET_BRANCHES, &(step_options){.batch = 2, .inference = true});
    assert_int_equal(dcn_graph_count(step.program->graph, DECANT_OP_RELU),
                     1); /* behind conv2, which the add reads too */
    assert_int_equal(node_named(step.program->graph, "conv2")->attrs.conv.activation, DCN_ACTIVATION_NONE);
    step_destroy(&step);

    step = step_create(NET_LIGHT, &(step_options){.batch = 2, .inference = true, .keep_convs = true});
    assert_int_equal(dcn_graph_count(step.program->graph, DECANT_OP_RELU), 3);
    step_destroy(&step);
}

/* What a loss taps is found through the map; what was fused away or dropped has no value of its own. */
static void the_map_says_where_values_went(void **state)
{
    (void)state;
    dcn_graph *model = net_build(NET_LIGHT);
    dcn_program *program = NULL;
    decant_shape sample = {.rank = 3, .dim = {3, 8, 8}};
    dcn_value_id x, output, *map = NULL;
    dcn_value_id conv = dcn_graph_find(model, "conv1"), relu = dcn_graph_find(model, "relu1");
    assert_int_equal(dcn_program_create(7, DECANT_F32, &program), DECANT_OK);
    assert_int_equal(dcn_program_input(program, "x", DECANT_F32, &sample, &x), DECANT_OK);
    assert_int_equal(dcn_program_add_model(program, model, 0, DCN_MODE_INFERENCE, x, NULL, 0, &map, &output),
                     DECANT_OK);
    assert_int_equal(map[model->input], x);
    assert_int_equal(map[model->output], output);
    assert_int_equal(map[conv], DCN_NONE); /* fused away */
    assert_int_equal(program->graph->values[map[relu]].shape.dim[0], 7);
    assert_int_equal(map[dcn_graph_find(model, "drop")], map[dcn_graph_find(model, "relu3")]);
    dcn_free(map);
    dcn_program_destroy(program);
    dcn_graph_destroy(model);
}

static void doubles_go_all_the_way(void **state)
{
    (void)state;
    test_step step = step_create(NET_RESIDUAL, &(step_options){.batch = 2, .dtype = DECANT_F64, .sgd = true});
    const dcn_graph *graph = step.program->graph;
    assert_int_equal(graph->values[step.ce].dtype, DECANT_F64);
    assert_int_equal(graph->values[value_named(step.program, "bn1.running_var")].dtype, DECANT_F64);
    assert_int_equal(graph->values[value_named(step.program, "fc.bias")].dtype, DECANT_F64);
    step_destroy(&step);
}

static void wrong_inputs_are_refused(void **state)
{
    (void)state;
    dcn_graph *model = net_build(NET_LIGHT);
    dcn_program *program = NULL;
    decant_shape grey = {.rank = 3, .dim = {1, 8, 8}}, colour = {.rank = 3, .dim = {3, 8, 8}};
    dcn_value_id x, bytes, output = 99;
    assert_int_equal(dcn_program_create(0, DECANT_F32, &program), DECANT_INVALID_ARG);
    assert_int_equal(dcn_program_create(2, DECANT_I32, &program), DECANT_UNSUPPORTED);
    assert_null(program);
    assert_int_equal(dcn_program_create(2, DECANT_F32, &program), DECANT_OK);
    assert_int_equal(dcn_program_input(program, "x", DECANT_F32, &grey, &x), DECANT_OK);
    assert_int_equal(dcn_program_input(program, "bytes", DECANT_U8, &colour, &bytes), DECANT_OK);
    assert_int_equal(dcn_program_add_model(program, model, 0, DCN_MODE_TRAIN, x, NULL, 0, NULL, &output), DECANT_SHAPE);
    assert_int_equal(dcn_program_add_model(program, model, 0, DCN_MODE_TRAIN, bytes, NULL, 0, NULL, &output),
                     DECANT_INVALID_ARG);
    assert_int_equal(dcn_program_add_model(program, model, 0, DCN_MODE_TRAIN, 50, NULL, 0, NULL, &output),
                     DECANT_INVALID_ARG);
    assert_int_equal(output, 99);
    assert_int_equal(dcn_program_block(program, DCN_BLOCK_GRADIENT, &output), DECANT_INVALID_ARG); /* nothing trains */
    dcn_program_destroy(program);
    dcn_graph_destroy(model);
}

static void blocks_and_hyper_are_made_once(void **state)
{
    (void)state;
    test_step step = step_create(NET_LIGHT, &(step_options){.batch = 2});
    dcn_value_id a, b, c;
    assert_int_equal(dcn_program_block(step.program, DCN_BLOCK_SLOT1, &a), DECANT_OK);
    assert_int_equal(dcn_program_block(step.program, DCN_BLOCK_SLOT0, &c), DECANT_OK);
    assert_int_equal(dcn_program_block(step.program, DCN_BLOCK_SLOT1, &b), DECANT_OK);
    assert_int_equal(a, b);
    assert_int_not_equal(a, c);
    assert_true(step.program->graph->values[a].shape.dim[0] >= dcn_graph_parameters(step.program->graph));
    assert_int_equal(dcn_program_hyper(step.program, &a), DECANT_OK);
    assert_int_equal(dcn_program_hyper(step.program, &b), DECANT_OK);
    assert_int_equal(a, b);
    step_destroy(&step);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(inference_drops_dropout_and_indices),
        cmocka_unit_test(training_forms_take_their_extra_values),
        cmocka_unit_test(only_the_model_that_trains_trains),
        cmocka_unit_test(relus_join_the_layer_before_them),
        cmocka_unit_test(a_maximum_joins_the_normalisation_before_it),
        cmocka_unit_test(read_or_tapped_values_are_not_fused_away),
        cmocka_unit_test(the_map_says_where_values_went),
        cmocka_unit_test(doubles_go_all_the_way),
        cmocka_unit_test(wrong_inputs_are_refused),
        cmocka_unit_test(blocks_and_hyper_are_made_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
