/* The schema's table: every row can be read, its defaults obey it, and the committed page is what the table says. */
#include "recipe/recipes.h"

#include "base/file.h"
#include "recipe/parse.h"
#include "recipe/words.h"

/* Breaks when a range in the table is misspelled, or a default lies outside its own range. */
static void test_every_default_is_in_its_range(void **state)
{
    (void)state;
    for (int32_t i = 0; i < dcn_schema_key_count(); i++) {
        const dcn_key *key = dcn_schema_key_at(i);
        int64_t integer = 0;
        double number = 0;
        bool flag = false;
        bool has_default = key->default_text != NULL && strcmp(key->default_text, DCN_KEY_REQUIRED) != 0;
        if (key->range[0] != '\0') {
            size_t length = strlen(key->range);
            assert_non_null(strchr("[(", key->range[0]));
            assert_non_null(strchr("])", key->range[length - 1]));
            assert_non_null(strstr(key->range, ", "));
        }
        assert_int_equal(key->range[0] != '\0', key->type == DCN_KEY_INT || key->type == DCN_KEY_NUMBER);
        if (!has_default) continue;
        decant_status status = DECANT_OK;
        if (key->type == DCN_KEY_INT) status = dcn_schema_int(key->section, NULL, key->name, &integer);
        if (key->type == DCN_KEY_NUMBER) status = dcn_schema_number(key->section, NULL, key->name, &number);
        if (key->type == DCN_KEY_BOOL) status = dcn_schema_bool(key->section, NULL, key->name, &flag);
        if (status != DECANT_OK)
            fail_msg("%s.%s: %s", dcn_schema_path(key->section), key->name, decant_error_message());
    }
}

/* Breaks when two rows of a section have one name: the second could never be reached. */
static void test_keys_are_unique(void **state)
{
    (void)state;
    for (int32_t i = 0; i < dcn_schema_key_count(); i++) {
        const dcn_key *key = dcn_schema_key_at(i);
        assert_ptr_equal(dcn_schema_find(key->section, key->name), key);
    }
}

/* Breaks when the defaults of a recipe are not those of the optimisers, which are PyTorch's. */
static void test_optimizer_defaults_are_the_optimizers_own(void **state)
{
    (void)state;
    static const char *const words[] = {"sgd", "adam", "adamw"};
    static const dcn_optimizer_kind kinds[] = {DCN_OPTIMIZER_SGD, DCN_OPTIMIZER_ADAM, DCN_OPTIMIZER_ADAMW};
    for (int i = 0; i < 3; i++) {
        const dcn_doc word = {.type = DCN_DOC_SCALAR, .text = words[i]};
        dcn_optimizer read, own = dcn_optimizer_default(kinds[i]);
        assert_int_equal(dcn_optimizer_parse(&word, &read), DECANT_OK);
        assert_int_equal(read.kind, own.kind);
        assert_true(read.lr == own.lr);
        assert_true(read.weight_decay == own.weight_decay);
        assert_int_equal(read.nesterov, own.nesterov);
        if (kinds[i] == DCN_OPTIMIZER_SGD) {
            assert_true(read.momentum == own.momentum);
            continue;
        }
        assert_true(read.beta1 == own.beta1);
        assert_true(read.beta2 == own.beta2);
        assert_true(read.eps == own.eps);
    }
}

/* Breaks when a key is added or reworded without `decant lint --schema-docs > docs/recipes.md`. */
static void test_committed_page_is_the_tables(void **state)
{
    (void)state;
    dcn_text text = {0};
    uint8_t *page = NULL;
    size_t bytes = 0;
    assert_int_equal(dcn_schema_docs(&text), DECANT_OK);
    assert_int_equal(dcn_file_read(TEST_SOURCE_DIR "/../docs/recipes.md", 1 << 20, &page, &bytes), DECANT_OK);
    assert_string_equal((const char *)page, text.data);
    dcn_free(page);
    dcn_text_finish(&text);
}

/* Breaks when the example at the top of the page is no recipe. */
static void test_example_is_a_recipe(void **state)
{
    (void)state;
    dcn_experiment *experiment = parse_or_fail(dcn_schema_example(), NULL, 0);
    assert_int_equal(experiment->n_runs, 3);
    dcn_experiment_destroy(experiment);
}

/* Breaks when one of the further runs or sources on the page could not be written so. */
static void test_more_examples_are_recipes(void **state)
{
    (void)state;
    char text[8192], source[256];
    const char *const example = dcn_schema_example(), *const end = strstr(example, "budget:");
    snprintf(text, sizeof text, "%.*s%s%s", (int)(end - example), example, dcn_schema_runs(), end);
    for (int i = 0; dcn_schema_sources()[i] != NULL; i++) {
        const char *const override = source;
        snprintf(source, sizeof source, "data.source=%s", dcn_schema_sources()[i]);
        dcn_experiment *experiment = parse_or_fail(text, &override, 1);
        assert_int_equal(experiment->n_runs, 8);
        dcn_experiment_destroy(experiment);
    }
}

/* Breaks when the words of a choice stand in another order than its enum, or than the words that results are written
 * with. */
static void test_choices_are_in_the_order_of_their_enums(void **state)
{
    (void)state;
    const char *const precisions[] = {decant_precision_name(DECANT_PRECISION_AUTO),
                                      decant_precision_name(DECANT_PRECISION_F32),
                                      decant_precision_name(DECANT_PRECISION_BF16)};
    const char *const layouts[] = {[DCN_AXES_AUTO] = "auto", [DCN_AXES_NCHW] = "nchw", [DCN_AXES_NHWC] = "nhwc"};
    const struct {
        dcn_section section;
        const char *key;
        const char *const *words;
        int32_t n_words;
    } choices[] = {
        {DCN_SECTION_TOP, "precision", precisions, 3},
        {DCN_SECTION_RUN, "precision", precisions, 3},
        {DCN_SECTION_RUN, "ensemble", dcn_average_words, 2},
        {DCN_SECTION_TRANSFER, "unlabelled", dcn_pool_words, 3},
        {DCN_SECTION_COSINE_LOSS, "match", dcn_match_words, 3},
        {DCN_SECTION_HINT, "match", dcn_match_words, 2}, /* a hint projects by its regressor */
        {DCN_SECTION_ARRAYS, "layout", layouts, 3},
    };
    for (size_t i = 0; i < DCN_COUNT(choices); i++) {
        for (int32_t w = 0; w < choices[i].n_words; w++) {
            dcn_doc word = {.type = DCN_DOC_SCALAR, .text = choices[i].words[w]};
            dcn_doc *items[] = {&word};
            const char *keys[] = {choices[i].key};
            const dcn_doc map = {.type = DCN_DOC_MAP, .count = 1, .keys = keys, .items = items};
            int32_t place = -1;
            assert_int_equal(dcn_schema_choice(choices[i].section, &map, choices[i].key, &place), DECANT_OK);
            assert_int_equal(place, w);
        }
    }
}

/* Breaks when the page leaves a key out. */
static void test_page_has_every_key(void **state)
{
    (void)state;
    dcn_text text = {0};
    assert_int_equal(dcn_schema_docs(&text), DECANT_OK);
    for (int32_t i = 0; i < dcn_schema_key_count(); i++) {
        char row[64];
        snprintf(row, sizeof row, "| `%s` |", dcn_schema_key_at(i)->name);
        assert_non_null(strstr(text.data, row));
        assert_non_null(strstr(text.data, dcn_schema_key_at(i)->doc));
    }
    dcn_text_finish(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_default_is_in_its_range),
        cmocka_unit_test(test_keys_are_unique),
        cmocka_unit_test(test_optimizer_defaults_are_the_optimizers_own),
        cmocka_unit_test(test_committed_page_is_the_tables),
        cmocka_unit_test(test_example_is_a_recipe),
        cmocka_unit_test(test_more_examples_are_recipes),
        cmocka_unit_test(test_choices_are_in_the_order_of_their_enums),
        cmocka_unit_test(test_page_has_every_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
