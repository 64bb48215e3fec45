/* Each allocation in turn fails while graphs are built, differentiated, copied, written, read and checked:
 * the call reports it, nothing leaks (under ASan), and what was there before is as it was. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/memory.h"
#include "graph/networks.h"

/* Everything that the room does with memory, once. */
static decant_status differentiate(dcn_graph *graph)
{
    dcn_value_id seed_value = DCN_NONE;
    for (int32_t v = 0; v < graph->n_values; v++)
        graph->values[v].trainable = graph->values[v].kind == DCN_VALUE_PARAMETER;
    /* Only what follows the last pool: the model form of max pooling has no index to differentiate by. */
    for (int32_t v = 0; v < graph->n_values; v++)
        if (graph->values[v].name != NULL && strncmp(graph->values[v].name, "features", 8) == 0)
            graph->values[v].trainable = false;
    decant_shape shape = graph->values[graph->output].shape;
    TRY_RETURN(dcn_graph_add_value(graph, DCN_VALUE_INPUT, "seed", DECANT_F32, &shape, &seed_value));
    const dcn_seed seed = {graph->output, seed_value};
    return dcn_graph_backward(graph, &seed, 1);
}

static decant_status exercise(void)
{
    dcn_graph *graph = NULL, *copy = NULL, *back = NULL;
    dcn_findings findings = {0};
    char *text = NULL;
    decant_status status;
    TRY(build_lightnn(&graph));
    TRY(dcn_graph_clone(graph, &copy));
    TRY(differentiate(copy));
    TRY(dcn_graph_to_json(graph, &text));
    TRY(dcn_graph_from_json(text, strlen(text), &back));
    graph->output = dcn_graph_find(graph, "classifier.1"); /* something for lint to say */
    TRY(dcn_graph_lint(graph, &findings));
out:
    dcn_findings_finish(&findings);
    dcn_free(text);
    dcn_graph_destroy(back);
    dcn_graph_destroy(copy);
    dcn_graph_destroy(graph);
    return status;
}

static void each_allocation_may_fail(void **state)
{
    (void)state;
    int64_t before = dcn_memory_allocation_count();
    assert_int_equal(exercise(), DECANT_OK);
    const int64_t n = dcn_memory_allocation_count() - before;
    assert_true(n > 20); /* there is something to fail */
    for (int64_t nth = 1; nth <= n; nth++) {
        dcn_memory_fail_nth(nth);
        decant_status status = exercise();
        dcn_memory_fail_nth(0);
        if (status != DECANT_NO_MEMORY)
            fail_msg("allocation %lld of %lld: %s", (long long)nth, (long long)n, decant_status_name(status));
    }
}

static void a_failed_backward_leaves_the_graph_as_it_was(void **state)
{
    (void)state;
    dcn_graph *graph = NULL;
    dcn_value_id seed_value = DCN_NONE;
    assert_int_equal(build_lightnn(&graph), DECANT_OK);
    graph->values[dcn_graph_find(graph, "classifier.0.weight")].trainable = true;
    decant_shape shape = graph->values[graph->output].shape;
    assert_int_equal(dcn_graph_add_value(graph, DCN_VALUE_INPUT, "seed", DECANT_F32, &shape, &seed_value), DECANT_OK);
    const dcn_seed seed = {graph->output, seed_value};
    const int32_t n_values = graph->n_values, n_nodes = graph->n_nodes;
    decant_status status = DECANT_NO_MEMORY;
    for (int64_t nth = 1; status == DECANT_NO_MEMORY; nth++) {
        assert_int_equal(graph->n_values, n_values);
        assert_int_equal(graph->n_nodes, n_nodes);
        dcn_memory_fail_nth(nth);
        status = dcn_graph_backward(graph, &seed, 1);
        dcn_memory_fail_nth(0);
    }
    assert_int_equal(status, DECANT_OK);
    assert_true(graph->n_nodes > n_nodes);
    dcn_graph_destroy(graph);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_allocation_may_fail),
        cmocka_unit_test(a_failed_backward_leaves_the_graph_as_it_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
