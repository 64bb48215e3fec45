/* YAML documents: every node knows its place, hostile text is refused with the right place, overrides do what they say.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "format/document.h"

static dcn_arena *arena;

static int make_arena(void **state)
{
    (void)state;
    return dcn_arena_create(&arena) == DECANT_OK ? 0 : -1;
}

static int destroy_arena(void **state)
{
    (void)state;
    dcn_arena_destroy(arena);
    arena = NULL;
    return 0;
}

static dcn_doc *parse(const char *text)
{
    dcn_doc *doc = NULL;
    decant_status status = dcn_doc_parse(arena, "test.yaml", text, strlen(text), &doc);
    if (status != DECANT_OK) fail_msg("%s: %s", decant_error_place(), decant_error_message());
    assert_non_null(doc);
    return doc;
}

/* The text must be refused with this status, at this place, with this in its message. */
static void refuse_bytes(const char *text, size_t bytes, decant_status expected, const char *place, const char *words)
{
    dcn_doc untouched;
    dcn_doc *doc = &untouched;
    decant_status status = dcn_doc_parse(arena, "test.yaml", text, bytes, &doc);
    assert_int_equal(status, expected);
    assert_ptr_equal(doc, &untouched);
    assert_string_equal(decant_error_place(), place);
    if (strstr(decant_error_message(), words) == NULL) fail_msg("'%s' lacks '%s'", decant_error_message(), words);
}

static void refuse(const char *text, decant_status expected, const char *place, const char *words)
{
    refuse_bytes(text, strlen(text), expected, place, words);
}

static void assert_place(const dcn_doc *doc, int line, int column)
{
    assert_non_null(doc);
    assert_int_equal(doc->line, line);
    assert_int_equal(doc->column, column);
    assert_string_equal(doc->file, "test.yaml");
}

static void assert_json(const dcn_doc *doc, const char *expected)
{
    dcn_text text = {0};
    assert_int_equal(dcn_doc_to_json(doc, &text), DECANT_OK);
    assert_string_equal(text.data, expected);
    dcn_text_finish(&text);
}

static void test_tree_and_places(void **state)
{
    (void)state;
    dcn_doc *doc = parse("# a recipe\n"
                         "name: fashion\n"
                         "runs:\n"
                         "  alone: {epochs: 20, lr: 1e-3}\n"
                         "models:\n"
                         "  - conv\n"
                         "  - {linear: \"10\"}\n"
                         "é: ~\n");
    assert_int_equal(doc->type, DCN_DOC_MAP);
    assert_int_equal(doc->count, 4);
    assert_string_equal(doc->keys[0], "name");
    assert_string_equal(doc->keys[3], "é");
    assert_place(doc, 2, 1);
    assert_place(dcn_doc_get(doc, "name"), 2, 7);
    dcn_doc *alone = dcn_doc_get(dcn_doc_get(doc, "runs"), "alone");
    assert_place(alone, 4, 10);
    assert_place(dcn_doc_get(alone, "epochs"), 4, 19);
    assert_place(alone->key_nodes[1], 4, 23);
    assert_string_equal(alone->key_nodes[1]->text, "lr");
    dcn_doc *models = dcn_doc_get(doc, "models");
    assert_int_equal(models->type, DCN_DOC_LIST);
    assert_int_equal(models->count, 2);
    assert_place(models->items[0], 6, 5);
    dcn_doc *linear = dcn_doc_get(models->items[1], "linear");
    assert_true(linear->quoted);
    assert_false(models->items[0]->quoted);
    assert_place(dcn_doc_get(doc, "é"), 8, 4); /* columns are characters, not bytes */
    assert_int_equal(dcn_doc_get(doc, "é")->type, DCN_DOC_NULL);
    assert_null(dcn_doc_get(doc, "nam"));
    assert_null(dcn_doc_get(doc, "names"));
    assert_null(dcn_doc_get(models, "conv"));
    assert_null(dcn_doc_get(NULL, "conv"));
}

/* Breaks when a byte-order mark is a column of the first line, which puts the second key outside of the map. */
static void test_a_byte_order_mark(void **state)
{
    (void)state;
    dcn_doc *doc = parse("\xef\xbb\xbfname: fashion\nbatch: 8\n");
    assert_int_equal(doc->count, 2);
    assert_place(doc, 1, 1);
    assert_place(dcn_doc_get(doc, "batch"), 2, 8);
}

static void test_empty_document_is_null(void **state)
{
    (void)state;
    assert_int_equal(parse("")->type, DCN_DOC_NULL);
    assert_int_equal(parse("# only a comment\n")->type, DCN_DOC_NULL);
    assert_int_equal(parse("---\n")->type, DCN_DOC_NULL);
    assert_int_equal(parse("''")->type, DCN_DOC_SCALAR);
}

static void test_syntax_errors_name_their_place(void **state)
{
    (void)state;
    refuse("a: 1\n\tb: 2\n", DECANT_FORMAT, "test.yaml:2:1", "tab");
    refuse("é: üß\n\tb: 2\n", DECANT_FORMAT, "test.yaml:2:1", "tab");
    refuse("a:\n  b: 1\n\tc: 2\n", DECANT_FORMAT, "test.yaml:3:1", "tab");
    refuse("a: [1, 2\nb: 3\n", DECANT_FORMAT, "test.yaml:2:2", "line 1");
    refuse("a: 1\nb: \"unclosed\n", DECANT_FORMAT, "test.yaml:3:1", "quoted scalar");
    refuse("a: 1\n  b: 2\n", DECANT_FORMAT, "test.yaml:2:4", "mapping values");
    refuse("a: 1\n---\nb: 2\n", DECANT_FORMAT, "test.yaml:2:1", "second document");
    refuse("a: !!int 3\n", DECANT_USAGE, "test.yaml:1:4", "tags");
    refuse("a: !list [3]\n", DECANT_USAGE, "test.yaml:1:4", "tags");
    refuse("a: !map {b: 3}\n", DECANT_USAGE, "test.yaml:1:4", "tags");
    refuse("? [a, b]\n: 1\n", DECANT_USAGE, "test.yaml:1:3", "key");
    refuse("~: 1\n", DECANT_USAGE, "test.yaml:1:1", "key");
    refuse("'': 1\n", DECANT_USAGE, "test.yaml:1:1", "key");
}

static void test_bytes_that_are_not_text(void **state)
{
    (void)state;
    refuse("a: 1\nb: \xff\n", DECANT_FORMAT, "test.yaml:2:4", "UTF-8");
    refuse("a: é\xc3(\n", DECANT_FORMAT, "test.yaml:1:6", "UTF-8"); /* the byte that does not continue the character */
    refuse("a: \xc0\xaf\n", DECANT_FORMAT, "test.yaml:1:4", "UTF-8"); /* overlong */
    refuse("a: \x01\n", DECANT_FORMAT, "test.yaml:1:4", "control");
    refuse("a: \"x\\0y\"\n", DECANT_FORMAT, "test.yaml:1:4", "NUL");
    refuse_bytes("a: 1\0b", 6, DECANT_FORMAT, "test.yaml:1:5", "control");
    refuse_bytes("a\0:\0 \0001\0", 8, DECANT_FORMAT, "test.yaml:1:2", "control"); /* UTF-16 */
}

static void test_duplicate_keys(void **state)
{
    (void)state;
    refuse("a: 1\nb: 2\na: 3\n", DECANT_USAGE, "test.yaml:3:1", "first in line 1");
    refuse("x:\n  {k: 1, 'k': 2}\n", DECANT_USAGE, "test.yaml:2:10", "'k' stands twice");
    parse("a: {k: 1}\nb: {k: 1}\n"); /* the same key in two maps is fine */
}

static void test_depth_is_bounded(void **state)
{
    (void)state;
    char text[400];
    for (int depth = 63; depth <= 66; depth++) {
        memset(text, '[', (size_t)depth);
        memset(text + depth, ']', (size_t)depth);
        text[2 * depth] = '\0';
        if (depth <= DCN_DOC_MAX_DEPTH) {
            parse(text);
        } else {
            refuse(text, DECANT_FORMAT, "test.yaml:1:65", "64");
        }
    }
    size_t bytes = 1000000;
    char *bomb = malloc(bytes);
    memset(bomb, '[', bytes);
    refuse_bytes(bomb, bytes, DECANT_FORMAT, "test.yaml:1:65", "64");
    for (size_t i = 0; i + 4 <= bytes; i += 4)
        memcpy(bomb + i, "{a: ", 4);
    refuse_bytes(bomb, bytes, DECANT_FORMAT, "test.yaml:1:254", "64");
    free(bomb);
}

static void test_size_is_bounded(void **state)
{
    (void)state;
    size_t bytes = (size_t)2 << 20;
    char *text = malloc(bytes);
    memset(text, ' ', bytes);
    refuse_bytes(text, bytes, DECANT_FORMAT, "test.yaml", "1 MiB");
    dcn_doc *doc = NULL;
    assert_int_equal(dcn_doc_parse(arena, "test.yaml", text, bytes / 2, &doc), DECANT_OK);
    free(text);
}

static void test_keys_of_a_map_are_bounded(void **state)
{
    (void)state;
    dcn_text text = {0};
    for (int i = 0; i < DCN_DOC_MAX_KEYS; i++)
        assert_int_equal(dcn_text_add(&text, "k%d: %d\n", i, i), DECANT_OK);
    dcn_doc *doc = parse(text.data);
    assert_int_equal(doc->count, DCN_DOC_MAX_KEYS);
    assert_string_equal(dcn_doc_get(doc, "k1023")->text, "1023");
    assert_int_equal(dcn_text_add(&text, "more: 1\n"), DECANT_OK);
    refuse(text.data, DECANT_FORMAT, "test.yaml:1025:1", "1024");
    dcn_text_finish(&text);
}

static void test_aliases(void **state)
{
    (void)state;
    dcn_doc *doc = parse("base: &b {lr: 1, steps: [1, 2]}\n"
                         "one: *b\n"
                         "two: *b\n"
                         "n: &n 5\n"
                         "m: *n\n");
    assert_json(doc, "{\"base\":{\"lr\":1,\"steps\":[1,2]},\"m\":5,\"n\":5,"
                     "\"one\":{\"lr\":1,\"steps\":[1,2]},\"two\":{\"lr\":1,\"steps\":[1,2]}}");
    /* Expanded, not shared: an override of one leaves the others alone. */
    assert_int_equal(dcn_doc_set(arena, doc, "one.steps.1", "7"), DECANT_OK);
    assert_int_equal(dcn_doc_set(arena, doc, "one.extra", "8"), DECANT_OK);
    assert_json(dcn_doc_get(doc, "one"), "{\"extra\":8,\"lr\":1,\"steps\":[1,7]}");
    assert_json(dcn_doc_get(doc, "two"), "{\"lr\":1,\"steps\":[1,2]}");
    assert_json(dcn_doc_get(doc, "base"), "{\"lr\":1,\"steps\":[1,2]}");

    refuse("a: *nowhere\n", DECANT_USAGE, "test.yaml:1:4", "&nowhere");
    refuse("a: &a [1, *a]\n", DECANT_USAGE, "test.yaml:1:11", "&a"); /* inside itself */
}

static void test_alias_bombs(void **state)
{
    (void)state;
    dcn_text text = {0};
    /* Nine levels of nine: 387 million nodes if it were expanded. */
    assert_int_equal(dcn_text_add(&text, "a0: &a0 [x,x,x,x,x,x,x,x,x]\n"), DECANT_OK);
    for (int i = 1; i <= 8; i++) {
        assert_int_equal(dcn_text_add(&text, "a%d: &a%d [", i, i), DECANT_OK);
        for (int j = 0; j < 9; j++)
            assert_int_equal(dcn_text_add(&text, "%s*a%d", j > 0 ? "," : "", i - 1), DECANT_OK);
        assert_int_equal(dcn_text_add(&text, "]\n"), DECANT_OK);
    }
    dcn_doc *doc = NULL;
    assert_int_equal(dcn_doc_parse(arena, "test.yaml", text.data, text.length, &doc), DECANT_FORMAT);
    assert_non_null(strstr(decant_error_message(), "65536"));
    dcn_text_finish(&text);

    /* Depth built by aliases: each level wraps the one before. */
    assert_int_equal(dcn_text_add(&text, "a0: &a0 [x]\n"), DECANT_OK);
    for (int i = 1; i <= 70; i++)
        assert_int_equal(dcn_text_add(&text, "a%d: &a%d [*a%d]\n", i, i, i - 1), DECANT_OK);
    refuse(text.data, DECANT_FORMAT, "test.yaml:63:12", "64");
    dcn_text_finish(&text);

    for (int i = 0; i < 300; i++)
        assert_int_equal(dcn_text_add(&text, "- &a%d x\n", i), DECANT_OK);
    refuse(text.data, DECANT_FORMAT, "test.yaml:257:3", "256 anchors");
    dcn_text_finish(&text);
}

static void test_overrides(void **state)
{
    (void)state;
    dcn_doc *doc = parse("runs:\n  alone: {epochs: 20}\nlayers:\n  - conv: {channels: 32}\n  - relu\nempty:\n");
    assert_int_equal(dcn_doc_set(arena, doc, "runs.alone.epochs", "1"), DECANT_OK);
    assert_int_equal(dcn_doc_set(arena, doc, "runs.alone.optimizer.adam", "{lr: 1e-3}"), DECANT_OK);
    assert_int_equal(dcn_doc_set(arena, doc, "layers.0.conv.channels", "8"), DECANT_OK);
    assert_int_equal(dcn_doc_set(arena, doc, "layers.1", "gelu"), DECANT_OK);
    assert_int_equal(dcn_doc_set(arena, doc, "empty.made", "\"7\""), DECANT_OK);
    assert_int_equal(dcn_doc_set(arena, doc, "none", ""), DECANT_OK);
    assert_json(doc, "{\"empty\":{\"made\":\"7\"},\"layers\":[{\"conv\":{\"channels\":8}},\"gelu\"],\"none\":null,"
                     "\"runs\":{\"alone\":{\"epochs\":1,\"optimizer\":{\"adam\":{\"lr\":0.001}}}}}");

    /* A failure about an overridden value names the override, not a line. */
    dcn_doc *epochs = dcn_doc_get(dcn_doc_get(dcn_doc_get(doc, "runs"), "alone"), "epochs");
    assert_int_equal(epochs->line, 0);
    int64_t number = 0;
    assert_int_equal(dcn_doc_int(epochs, "epochs", 2, 9, &number), DECANT_USAGE);
    assert_string_equal(decant_error_place(), "-o runs.alone.epochs");

    dcn_doc *root = parse("");
    assert_int_equal(dcn_doc_set(arena, root, "a.b.c", "[1]"), DECANT_OK);
    assert_json(root, "{\"a\":{\"b\":{\"c\":[1]}}}");
}

static void refuse_override(const char *path, const char *value, const char *place, const char *words)
{
    const char *before = "{\"list\":[1,2],\"word\":\"adam\"}";
    dcn_doc *doc = parse(before);
    assert_int_not_equal(dcn_doc_set(arena, doc, path, value), DECANT_OK);
    assert_string_equal(decant_error_place(), place);
    if (strstr(decant_error_message(), words) == NULL) fail_msg("'%s' lacks '%s'", decant_error_message(), words);
    assert_json(dcn_doc_get(doc, "list"), "[1,2]");
    assert_json(dcn_doc_get(doc, "word"), "\"adam\"");
}

static void test_bad_overrides(void **state)
{
    (void)state;
    refuse_override("", "1", "-o ", "path");
    refuse_override(".a", "1", "-o .a", "path");
    refuse_override("a.", "1", "-o a.", "path");
    refuse_override("a..b", "1", "-o a..b", "path");
    refuse_override("word.lr", "1", "-o word.lr", "'adam' is neither");
    refuse_override("list.2", "1", "-o list.2", "0 to 1");
    refuse_override("list.-1", "1", "-o list.-1", "0 to 1");
    refuse_override("list.first", "1", "-o list.first", "first");
    refuse_override("list.0.x", "1", "-o list.0.x", "neither");
    refuse_override("word", "[1", "-o word:1:3", "flow");
    refuse_override("word", "{a: 1, a: 2}", "-o word:1:8", "twice");
    char deep[300] = "a";
    for (int i = 0; i < 70; i++)
        memcpy(deep + 1 + 2 * i, ".a", 3);
    dcn_doc *doc = parse("{}");
    assert_int_equal(dcn_doc_set(arena, doc, deep, "1"), DECANT_USAGE);
}

static void test_clone_is_independent(void **state)
{
    (void)state;
    dcn_doc *doc = parse("a: {b: [1, {c: 2}]}\nd: x\n"), *copy = NULL;
    assert_int_equal(dcn_doc_clone(arena, doc, &copy), DECANT_OK);
    assert_int_equal(dcn_doc_set(arena, copy, "a.b.1.c", "9"), DECANT_OK);
    assert_int_equal(dcn_doc_set(arena, copy, "e", "new"), DECANT_OK);
    assert_json(doc, "{\"a\":{\"b\":[1,{\"c\":2}]},\"d\":\"x\"}");
    assert_json(copy, "{\"a\":{\"b\":[1,{\"c\":9}]},\"d\":\"x\",\"e\":\"new\"}");
    assert_place(dcn_doc_get(copy, "d"), 2, 4);
}

static void test_strict_scalars(void **state)
{
    (void)state;
    dcn_doc *doc =
        parse("i: 12\nneg: -3\nd: 1e-3\nq: \"12\"\nt: yes\nf: false\nw: word\nn:\nl: [1]\nbig: 9223372036854775808\n"
              "nan: .nan\nfrac: 1.5\n");
    int64_t whole = 77;
    double number = 77;
    bool truth = true;
    const char *text = "kept";
    assert_int_equal(dcn_doc_int(dcn_doc_get(doc, "i"), "i", 0, 12, &whole), DECANT_OK);
    assert_int_equal(whole, 12);
    assert_int_equal(dcn_doc_int(dcn_doc_get(doc, "neg"), "neg", INT64_MIN, INT64_MAX, &whole), DECANT_OK);
    assert_int_equal(whole, -3);
    assert_int_equal(dcn_doc_double(dcn_doc_get(doc, "d"), "d", 0, 1, &number), DECANT_OK);
    assert_true(number == 1e-3);
    assert_int_equal(dcn_doc_double(dcn_doc_get(doc, "i"), "i", 12, 12, &number), DECANT_OK);
    assert_int_equal(dcn_doc_bool(dcn_doc_get(doc, "f"), "f", &truth), DECANT_OK);
    assert_false(truth);
    assert_int_equal(dcn_doc_bool(dcn_doc_get(doc, "t"), "t", &truth), DECANT_OK);
    assert_true(truth);
    assert_int_equal(dcn_doc_text(dcn_doc_get(doc, "w"), "w", &text), DECANT_OK);
    assert_string_equal(text, "word");

    static const char *const not_whole[] = {"d", "q", "t", "w", "n", "l", "big", "frac", "nan"};
    for (size_t i = 0; i < DCN_COUNT(not_whole); i++) {
        whole = 77;
        dcn_doc *value = dcn_doc_get(doc, not_whole[i]);
        assert_int_equal(dcn_doc_int(value, "epochs", INT64_MIN, INT64_MAX, &whole), DECANT_USAGE);
        assert_int_equal(whole, 77);
        char place[40];
        snprintf(place, sizeof place, "test.yaml:%d:%d", value->line, value->column);
        assert_string_equal(decant_error_place(), place);
        assert_non_null(strstr(decant_error_message(), "epochs"));
    }
    assert_int_equal(dcn_doc_int(dcn_doc_get(doc, "i"), "epochs", 1, 11, &whole), DECANT_USAGE);
    assert_string_equal(decant_error_message(), "epochs must be a whole number from 1 to 11, not 12");
    assert_int_equal(dcn_doc_int(dcn_doc_get(doc, "q"), "epochs", 1, INT64_MAX, &whole), DECANT_USAGE);
    assert_string_equal(decant_error_message(), "epochs must be a whole number of at least 1, not \"12\"");
    assert_int_equal(dcn_doc_double(dcn_doc_get(doc, "nan"), "lr", 0, 1, &number), DECANT_USAGE);
    assert_int_equal(dcn_doc_double(dcn_doc_get(doc, "frac"), "lr", 0, 1, &number), DECANT_USAGE);
    assert_int_equal(dcn_doc_double(dcn_doc_get(doc, "q"), "lr", 0, 100, &number), DECANT_USAGE);
    assert_int_equal(dcn_doc_bool(dcn_doc_get(doc, "i"), "flip", &truth), DECANT_USAGE);
    assert_int_equal(dcn_doc_bool(dcn_doc_get(doc, "l"), "flip", &truth), DECANT_USAGE);
    assert_int_equal(dcn_doc_text(dcn_doc_get(doc, "l"), "name", &text), DECANT_USAGE);
    assert_string_equal(decant_error_message(), "name must be a word or text, not a list");
    assert_int_equal(dcn_doc_text(dcn_doc_get(doc, "n"), "name", &text), DECANT_USAGE);
    assert_string_equal(text, "word");
}

static void test_canonical_json(void **state)
{
    (void)state;
    /* Two spellings of one recipe hash the same. */
    assert_json(parse("b: 0.10\na: [1e3, +7, on, ~]\nc: 1.0"), "{\"a\":[1000,7,true,null],\"b\":0.1,\"c\":1}");
    assert_json(parse("{\"c\": 1, \"a\": [1000.0, 7, true, null], \"b\": 1e-1}"),
                "{\"a\":[1000,7,true,null],\"b\":0.1,\"c\":1}");
    /* Quoted text stays text, and what JSON must escape is escaped. */
    assert_json(parse("a: \"1\"\nb: 'true'\nc: \"q\\\" \\\\ \\n é\""),
                "{\"a\":\"1\",\"b\":\"true\",\"c\":\"q\\\" \\\\ \\u000a é\"}");
    assert_json(parse("{}"), "{}");
    assert_json(parse("[]"), "[]");
    assert_json(parse("third: 0.3333333333333333"), "{\"third\":0.3333333333333333}");
    /* What was written reads back as the same document. */
    dcn_text text = {0};
    assert_int_equal(dcn_doc_to_json(parse("a: {x: [1, 2.5, 'q', ~, no]}"), &text), DECANT_OK);
    assert_json(parse(text.data), text.data);
    dcn_text_finish(&text);
}

static void test_every_allocation_may_fail(void **state)
{
    (void)state;
    const char *text = "a: &x {b: [1, 2, 3], c: word}\nd: *x\ne: {f: {g: 1}}\n";
    int64_t nth = 1;
    for (;; nth++) {
        dcn_arena *small = NULL;
        dcn_doc *doc = NULL;
        dcn_memory_fail_nth(nth);
        decant_status status = dcn_arena_create(&small);
        if (status == DECANT_OK) status = dcn_doc_parse(small, "test.yaml", text, strlen(text), &doc);
        if (status == DECANT_OK) status = dcn_doc_set(small, doc, "e.f.h", "[1]");
        dcn_memory_fail_nth(0);
        dcn_arena_destroy(small);
        if (status == DECANT_OK) break;
        assert_int_equal(status, DECANT_NO_MEMORY);
    }
    assert_true(nth > 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tree_and_places),
        cmocka_unit_test(test_a_byte_order_mark),
        cmocka_unit_test(test_empty_document_is_null),
        cmocka_unit_test(test_syntax_errors_name_their_place),
        cmocka_unit_test(test_bytes_that_are_not_text),
        cmocka_unit_test(test_duplicate_keys),
        cmocka_unit_test(test_depth_is_bounded),
        cmocka_unit_test(test_size_is_bounded),
        cmocka_unit_test(test_keys_of_a_map_are_bounded),
        cmocka_unit_test(test_aliases),
        cmocka_unit_test(test_alias_bombs),
        cmocka_unit_test(test_overrides),
        cmocka_unit_test(test_bad_overrides),
        cmocka_unit_test(test_clone_is_independent),
        cmocka_unit_test(test_strict_scalars),
        cmocka_unit_test(test_canonical_json),
        cmocka_unit_test(test_every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, make_arena, destroy_arena);
}
