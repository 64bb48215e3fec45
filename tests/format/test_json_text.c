/* JSON built piece by piece: it is whole or it is not there. Breaks when a piece that memory ran out for, or that JSON
 * cannot hold, is left out of a file without a word. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <math.h>

#include "base/memory.h"
#include "format/json_text.h"

#define WHOLE "{\"numbers\":[1,2,3],\"nested\":{\"name\":\"a\"}}"

static int64_t allocations_left; /* jansson's; the one after them fails */

static void *take(size_t bytes)
{
    return allocations_left-- == 0 ? NULL : malloc(bytes);
}

static decant_status build(char **ret_text)
{
    json_t *numbers = json_array(), *nested = json_object(), *whole = json_object();
    for (int i = 1; i <= 3; i++)
        dcn_json_append(&numbers, json_integer(i));
    dcn_json_set(&nested, "name", json_string("a"));
    dcn_json_set(&whole, "numbers", numbers);
    dcn_json_set(&whole, "nested", nested);
    return dcn_json_text(whole, JSON_COMPACT, "a test", ret_text);
}

static void test_it_is_whole_or_not_there(void **state)
{
    (void)state;
    json_set_alloc_funcs(take, free);
    int64_t failures = 0;
    for (;; failures++) {
        char *text = NULL;
        allocations_left = failures;
        decant_status status = build(&text);
        if (status == DECANT_OK) {
            assert_string_equal(text, WHOLE);
            dcn_free(text);
            break;
        }
        assert_int_equal(status, DECANT_NO_MEMORY);
        assert_null(text);
    }
    json_set_alloc_funcs(malloc, free);
    assert_true(failures > 10);
}

static void test_what_json_cannot_hold(void **state)
{
    (void)state;
    char *text = NULL;
    json_t *list = json_array();
    dcn_json_append(&list, json_real((double)NAN));
    assert_null(list);
    dcn_json_append(&list, json_integer(1)); /* gone, with what it was for */
    assert_null(list);
    json_t *map = json_object();
    dcn_json_set(&map, "latin", json_string("caf\xe9"));
    assert_null(map);
    list = json_array();
    dcn_json_append(&list, dcn_json_shown("caf\xe9"));
    dcn_json_append(&list, dcn_json_shown("caf\xc3\xa9"));
    assert_int_equal(dcn_json_text(list, JSON_COMPACT, "a test", &text), DECANT_OK);
    assert_string_equal(text, "[\"caf\\\\xe9\",\"caf\xc3\xa9\"]");
    dcn_free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_it_is_whole_or_not_there),
        cmocka_unit_test(test_what_json_cannot_hold),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
