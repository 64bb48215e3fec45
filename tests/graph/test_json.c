/* A model survives the trip through JSON; text that the writer could not have written is refused and nothing leaks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/memory.h"
#include "base/text.h"
#include "graph/json.h"
#include "graph/networks.h"

static size_t field_bytes(dcn_field_type type)
{
    switch (type) {
    case DCN_FIELD_INT:
        return sizeof(int64_t);
    case DCN_FIELD_INT_PAIR:
        return 2 * sizeof(int64_t);
    case DCN_FIELD_INT_LIST:
        return DECANT_MAX_RANK * sizeof(int64_t);
    case DCN_FIELD_BOOL:
        return sizeof(bool);
    case DCN_FIELD_DOUBLE:
        return sizeof(double);
    case DCN_FIELD_ENUM32:
        return sizeof(int32_t);
    }
    return 0;
}

/* Field by field: the bytes between them may be anything. */
static void assert_same_attrs(decant_op op, const decant_op_attrs *a, const decant_op_attrs *b)
{
    int32_t n_fields = 0;
    const dcn_attr_field *fields = dcn_op_fields(op, &n_fields);
    for (int32_t i = 0; i < n_fields; i++)
        assert_memory_equal((const char *)a + fields[i].offset, (const char *)b + fields[i].offset,
                            field_bytes(fields[i].type));
}

static void assert_same(const dcn_graph *a, const dcn_graph *b)
{
    assert_int_equal(a->n_values, b->n_values);
    assert_int_equal(a->n_nodes, b->n_nodes);
    assert_int_equal(a->input, b->input);
    assert_int_equal(a->output, b->output);
    assert_int_equal(a->init, b->init);
    for (int32_t v = 0; v < a->n_values; v++) {
        const dcn_value *x = &a->values[v], *y = &b->values[v];
        assert_int_equal(x->kind, y->kind);
        assert_string_equal(x->name, y->name);
        assert_int_equal(x->dtype, y->dtype);
        assert_true(decant_shape_equal(&x->shape, &y->shape));
        assert_int_equal(x->producer, y->producer);
    }
    for (int32_t n = 0; n < a->n_nodes; n++) {
        assert_int_equal(a->nodes[n].op, b->nodes[n].op);
        assert_same_attrs(a->nodes[n].op, &a->nodes[n].attrs, &b->nodes[n].attrs);
    }
}

static void models_survive_the_trip(void **state)
{
    (void)state;
    decant_status (*const build[])(dcn_graph **) = {build_lightnn, build_zoo_of_ops};
    for (size_t i = 0; i < DCN_COUNT(build); i++) {
        dcn_graph *graph = NULL, *back = NULL;
        char *text = NULL, *again = NULL;
        assert_int_equal(build[i](&graph), DECANT_OK);
        graph->init = DCN_INIT_KAIMING_FAN_OUT;
        assert_int_equal(dcn_graph_to_json(graph, &text), DECANT_OK);
        assert_int_equal(dcn_graph_from_json(text, strlen(text), &back), DECANT_OK);
        assert_same(graph, back);
        assert_int_equal(dcn_graph_to_json(back, &again), DECANT_OK);
        assert_string_equal(text, again);
        dcn_free(text);
        dcn_free(again);
        dcn_graph_destroy(graph);
        dcn_graph_destroy(back);
    }
}

/* A value in every field of every op: different for each, so that mixed-up offsets show. */
static decant_op_attrs filled(decant_op op)
{
    decant_op_attrs attrs = {0};
    int32_t n_fields = 0;
    const dcn_attr_field *fields = dcn_op_fields(op, &n_fields);
    for (int32_t i = 0; i < n_fields; i++) {
        void *at = (unsigned char *)&attrs + fields[i].offset;
        int64_t *integers = at;
        int length = fields[i].type == DCN_FIELD_INT_LIST   ? DECANT_MAX_RANK
                     : fields[i].type == DCN_FIELD_INT_PAIR ? 2
                                                            : 1;
        switch (fields[i].type) {
        case DCN_FIELD_INT:
        case DCN_FIELD_INT_PAIR:
        case DCN_FIELD_INT_LIST:
            for (int k = 0; k < length; k++)
                integers[k] = INT64_MAX - 100 * i - k;
            break;
        case DCN_FIELD_BOOL:
            *(bool *)at = true;
            break;
        case DCN_FIELD_DOUBLE:
            *(double *)at = 1.0 / (3 + i); /* needs all 17 digits */
            break;
        case DCN_FIELD_ENUM32:
            *(int32_t *)at = DCN_ACTIVATION_GELU;
            break;
        }
    }
    return attrs;
}

static void every_ops_attributes_survive_the_trip(void **state)
{
    (void)state;
    for (int op = 0; op < DECANT_OP_COUNT; op++) {
        const decant_op_attrs zero = {0}, full = filled((decant_op)op);
        const decant_op_attrs *originals[] = {&zero, &full};
        for (size_t i = 0; i < DCN_COUNT(originals); i++) {
            json_t *object = NULL;
            decant_op_attrs back;
            memset(&back, 0xff, sizeof back);
            assert_int_equal(dcn_attrs_to_json((decant_op)op, originals[i], &object), DECANT_OK);
            assert_int_equal(dcn_attrs_from_json((decant_op)op, object, &back), DECANT_OK);
            assert_same_attrs((decant_op)op, &back, originals[i]);
            json_decref(object);
        }
    }
}

/* Each field of each op replaced by values of every other JSON type, and one key too many. */
static void attributes_of_a_wrong_type_are_refused(void **state)
{
    (void)state;
    const char *const wrong[] = {"null", "{}", "[]", "[1,2,3]", "[1,\"2\"]", "\"conv\"", "true", "0.5", "7"};
    for (int op = 0; op < DECANT_OP_COUNT; op++) {
        int32_t n_fields = 0;
        const dcn_attr_field *fields = dcn_op_fields((decant_op)op, &n_fields);
        for (int32_t i = 0; i < n_fields; i++) {
            for (size_t w = 0; w < DCN_COUNT(wrong); w++) {
                bool fits = (fields[i].type == DCN_FIELD_BOOL && w == 6) ||
                            (fields[i].type == DCN_FIELD_INT && w == 8) ||
                            (fields[i].type == DCN_FIELD_DOUBLE && w >= 7);
                decant_op_attrs attrs;
                json_t *object = json_object();
                json_object_set_new(object, fields[i].name, json_loads(wrong[w], JSON_DECODE_ANY, NULL));
                assert_int_equal(dcn_attrs_from_json((decant_op)op, object, &attrs), fits ? DECANT_OK : DECANT_FORMAT);
                json_decref(object);
            }
        }
        decant_op_attrs attrs;
        json_t *object = json_pack("{s:i}", "colour", 1);
        assert_int_equal(dcn_attrs_from_json((decant_op)op, object, &attrs), DECANT_FORMAT);
        json_decref(object);
    }
}

static void truncation_at_every_byte_is_refused(void **state)
{
    (void)state;
    dcn_graph *graph = NULL, *back = NULL;
    char *text = NULL;
    assert_int_equal(build_zoo_of_ops(&graph), DECANT_OK);
    assert_int_equal(dcn_graph_to_json(graph, &text), DECANT_OK);
    for (size_t bytes = 0; bytes < strlen(text); bytes++)
        assert_int_equal(dcn_graph_from_json(text, bytes, &back), DECANT_FORMAT);
    assert_null(back);
    dcn_free(text);
    dcn_graph_destroy(graph);
}

/* Every byte replaced: refused, or a sound graph that itself survives the trip. */
static void damage_at_every_byte_is_refused_or_harmless(void **state)
{
    (void)state;
    static const char damage[] = {'0', '9', '-', '"', ',', ']', '}', 'x', '\0'};
    dcn_graph *graph = NULL;
    char *text = NULL;
    assert_int_equal(build_zoo_of_ops(&graph), DECANT_OK);
    assert_int_equal(dcn_graph_to_json(graph, &text), DECANT_OK);
    dcn_graph_destroy(graph);
    const size_t bytes = strlen(text);
    int accepted = 0;
    for (size_t at = 0; at < bytes; at++) {
        const char original = text[at];
        for (size_t d = 0; d < DCN_COUNT(damage); d++) {
            if (damage[d] == original) continue;
            dcn_graph *back = NULL, *again = NULL;
            char *rewritten = NULL;
            text[at] = damage[d];
            decant_status status = dcn_graph_from_json(text, bytes, &back);
            if (status == DECANT_OK) {
                accepted++;
                assert_int_equal(dcn_graph_to_json(back, &rewritten), DECANT_OK);
                assert_int_equal(dcn_graph_from_json(rewritten, strlen(rewritten), &again), DECANT_OK);
                assert_same(back, again);
            } else {
                assert_int_equal(status, DECANT_FORMAT);
            }
            dcn_free(rewritten);
            dcn_graph_destroy(back);
            dcn_graph_destroy(again);
        }
        text[at] = original;
    }
    assert_true(accepted > 0); /* a letter of a layer's name, say */
    dcn_free(text);
}

#define INPUT            "{\"kind\":\"input\",\"name\":\"input\",\"shape\":[1,4]}"
#define RELU(name, from) "{\"op\":\"relu\",\"name\":\"" name "\",\"inputs\":[" from "],\"attrs\":{}}"
#define WEIGHT           "{\"kind\":\"parameter\",\"name\":\"w\",\"shape\":[3,4]}"
#define LINEAR(name)                                                                                                   \
    "{\"op\":\"linear\",\"name\":\"" name "\",\"inputs\":[0,1],\"attrs\":{\"features\":3,\"bias\":false}}"
#define GRAPH(values, output)                                                                                          \
    "{\"decant_graph\":1,\"init\":\"default\",\"input\":0,\"output\":" output ",\"values\":[" values "]}"

static void odd_graphs_are_refused(void **state)
{
    (void)state;
    static const char *const odd[] = {
        "",
        "null",
        "[]",
        "{}",
        "3",
        GRAPH("", "0"),
        GRAPH(INPUT, "0"),
        GRAPH(INPUT "," RELU("a", "1"), "1"),                    /* reads itself */
        GRAPH(INPUT "," RELU("a", "2") "," RELU("b", "1"), "2"), /* a cycle */
        GRAPH(INPUT "," RELU("a", "-1"), "1"),                   /* before the first */
        GRAPH(INPUT "," RELU("a", "4294967296"), "1"),           /* 0 when cut to 32 bits */
        GRAPH(INPUT "," RELU("a", "0.5"), "1"),
        GRAPH(INPUT "," RELU("a", "\"0\""), "1"),
        GRAPH(INPUT "," RELU("a", ""), "1"),
        GRAPH(INPUT "," RELU("a", "0,0"), "1"),               /* relu has one input */
        GRAPH(INPUT "," RELU("a", "0,0,0,0,0,0,0,0,0"), "1"), /* more than a node can have */
        GRAPH(INPUT "," RELU("", "0"), "1"),
        GRAPH(INPUT "," RELU("input", "0"), "1"), /* the name is taken */
        GRAPH(INPUT "," RELU("a", "0") "," RELU("a", "1"), "2"),
        GRAPH(INPUT "," RELU("a", "0"), "2"), /* no such output */
        GRAPH(INPUT "," RELU("a", "0"), "0"), /* the output is the input */
        GRAPH(INPUT "," RELU("a", "0"), "true"),
        GRAPH(INPUT "," INPUT "," RELU("a", "0"), "2"),                                        /* two inputs */
        GRAPH("{\"kind\":\"input\",\"name\":\"input\",\"shape\":[2,4]}," RELU("a", "0"), "1"), /* not a batch of 1 */
        GRAPH("{\"kind\":\"input\",\"name\":\"input\",\"shape\":[1]}," RELU("a", "0"), "1"),
        GRAPH("{\"kind\":\"input\",\"name\":\"input\",\"shape\":[1,0]}," RELU("a", "0"), "1"),
        GRAPH("{\"kind\":\"input\",\"name\":\"input\",\"shape\":[1,-4]}," RELU("a", "0"), "1"),
        GRAPH("{\"kind\":\"input\",\"name\":\"input\",\"shape\":[1,4611686018427387904,4]}," RELU("a", "0"), "1"),
        GRAPH("{\"kind\":\"input\",\"name\":\"input\",\"shape\":[1,1,1,1,1,1,1]}," RELU("a", "0"), "1"),
        GRAPH("{\"kind\":\"block\",\"name\":\"b\",\"shape\":[1,4]}," INPUT "," RELU("a", "1"), "2"),
        GRAPH(INPUT ",{\"kind\":\"parameter\",\"name\":\"w\",\"shape\":[3,4],\"more\":1}," RELU("a", "0"), "2"),
        GRAPH(WEIGHT "," RELU("a", "0"), "1"), /* no input; a weight where data flows */
        GRAPH(INPUT ",{\"op\":\"linear\",\"name\":\"l\",\"inputs\":[0,0],\"attrs\":{\"features\":1}}",
              "1"), /* data as weight */
        GRAPH(INPUT "," WEIGHT ",{\"op\":\"linear\",\"name\":\"l\",\"inputs\":[0,1],\"attrs\":{\"features\":4}}",
              "2"), /* shapes */
        GRAPH(INPUT "," WEIGHT
                    ",{\"op\":\"linear\",\"name\":\"l\",\"inputs\":[0,1],\"attrs\":{\"features\":3,\"bias\":true}}",
              "2"),
        GRAPH(INPUT
              "," WEIGHT
              ",{\"op\":\"linear\",\"name\":\"l\",\"inputs\":[0,1],\"attrs\":{\"features\":3,\"activation\":\"relu\"}}",
              "2"),
        GRAPH(INPUT "," WEIGHT ",{\"op\":\"linear\",\"name\":\"l\",\"inputs\":[0,1],\"attrs\":[]}", "2"),
        GRAPH(INPUT "," WEIGHT "," LINEAR("l") "," LINEAR("m"), "2"), /* two layers, one weight */
        GRAPH(
            INPUT
            ",{\"kind\":\"parameter\",\"name\":\"w\",\"shape\":[4]},{\"kind\":\"state\",\"name\":\"s\",\"shape\":[4]},"
            "{\"op\":\"batchnorm\",\"name\":\"b\",\"inputs\":[0,1,1,2,2],\"attrs\":{\"eps\":1e-5,\"momentum\":0.1}}",
            "3"), /* one layer, one weight for two */
        GRAPH(INPUT "," WEIGHT ",{\"op\":\"linear\",\"name\":\"l\",\"inputs\":[0,1]}", "2"),
        GRAPH(INPUT ",{\"op\":\"sgd_update\",\"name\":\"u\",\"inputs\":[0,0,0,0],\"attrs\":{}}",
              "1"), /* no model's op */
        GRAPH(INPUT ",{\"op\":\"convolve\",\"name\":\"u\",\"inputs\":[0],\"attrs\":{}}", "1"),
        GRAPH(INPUT ",{\"op\":7,\"name\":\"u\",\"inputs\":[0],\"attrs\":{}}", "1"),
        GRAPH(INPUT ",{\"op\":\"relu\",\"name\":\"a\",\"name\":\"b\",\"inputs\":[0],\"attrs\":{}}",
              "1"), /* a key twice */
        GRAPH(INPUT ",{\"op\":\"relu\",\"name\":\"a\\u0000b\",\"inputs\":[0],\"attrs\":{}}", "1"),
        GRAPH(INPUT ",7", "1"),
        "{\"decant_graph\":2,\"init\":\"default\",\"input\":0,\"output\":1,\"values\":[" INPUT "," RELU("a", "0") "]}",
        "{\"decant_graph\":1,\"init\":\"zeros\",\"input\":0,\"output\":1,\"values\":[" INPUT "," RELU("a", "0") "]}",
        "{\"decant_graph\":1,\"init\":\"default\",\"input\":1,\"output\":1,\"values\":[" INPUT "," RELU("a", "0") "]}",
        "{\"decant_graph\":1,\"init\":\"default\",\"input\":0,\"output\":1,\"values\":{}}",
    };
    dcn_graph *graph = NULL;
    static const char sound[] = GRAPH(INPUT "," RELU("a", "0"), "1");
    assert_int_equal(dcn_graph_from_json(sound, strlen(sound), &graph),
                     DECANT_OK); /* so the rest fail for their own reason */
    dcn_graph_destroy(graph);
    static const char weighted[] = GRAPH(INPUT "," WEIGHT "," LINEAR("l"), "2");
    assert_int_equal(dcn_graph_from_json(weighted, strlen(weighted), &graph), DECANT_OK);
    dcn_graph_destroy(graph);
    graph = NULL;
    for (size_t i = 0; i < DCN_COUNT(odd); i++) {
        decant_status status = dcn_graph_from_json(odd[i], strlen(odd[i]), &graph);
        if (status != DECANT_FORMAT) fail_msg("%s: %s", decant_status_name(status), odd[i]);
        assert_null(graph);
    }
}

static void errors_say_where_and_what(void **state)
{
    (void)state;
    static const char text[] = GRAPH(
        INPUT "," WEIGHT ",{\"op\":\"linear\",\"name\":\"fc9\",\"inputs\":[0,1],\"attrs\":{\"features\":4}}", "2");
    dcn_graph *graph = NULL;
    assert_int_equal(dcn_graph_from_json(text, strlen(text), &graph), DECANT_FORMAT);
    assert_non_null(strstr(decant_error_message(), "[4, 4]")); /* the size that fits */
    assert_non_null(strstr(decant_error_while(0), "value 2"));
}

static void deep_nesting_does_not_exhaust_the_stack(void **state)
{
    (void)state;
    enum { DEPTH = 100000 };
    char *text = NULL;
    dcn_graph *graph = NULL;
    assert_int_equal(dcn_new(DEPTH + 1, (void **)&text), DECANT_OK);
    memset(text, '[', DEPTH);
    assert_int_equal(dcn_graph_from_json(text, DEPTH, &graph), DECANT_FORMAT);
    dcn_free(text);
}

static void programs_are_not_written(void **state)
{
    (void)state;
    dcn_graph *graph = NULL;
    char *text = NULL;
    dcn_value_id y[2], x = DCN_NONE;
    assert_int_equal(build_lightnn(&graph), DECANT_OK);
    graph->output = DCN_NONE;
    assert_int_equal(dcn_graph_to_json(graph, &text), DECANT_INVALID_ARG);
    graph->output = dcn_graph_find(graph, "classifier.3");
    x = dcn_graph_find(graph, "features.0");
    decant_op_attrs pool = {.pool = dcn_pool_default(2)};
    assert_int_equal(dcn_graph_add_node(graph, DECANT_OP_MAXPOOL, &pool, "trained", &x, 1, 2, y), DECANT_OK);
    assert_int_equal(dcn_graph_to_json(graph, &text), DECANT_INVALID_ARG);
    assert_null(text);
    dcn_graph_destroy(graph);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(models_survive_the_trip),
        cmocka_unit_test(every_ops_attributes_survive_the_trip),
        cmocka_unit_test(attributes_of_a_wrong_type_are_refused),
        cmocka_unit_test(truncation_at_every_byte_is_refused),
        cmocka_unit_test(damage_at_every_byte_is_refused_or_harmless),
        cmocka_unit_test(odd_graphs_are_refused),
        cmocka_unit_test(errors_say_where_and_what),
        cmocka_unit_test(deep_nesting_does_not_exhaust_the_stack),
        cmocka_unit_test(programs_are_not_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
