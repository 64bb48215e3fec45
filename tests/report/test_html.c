/* Texts from files in HTML and in the JSON of its scripts: nothing of them becomes markup. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "report/assets.h"
#include "report/html.h"

#define assert_ok(call) assert_int_equal((call), DECANT_OK)

static void check_text(const char *text, const char *expected)
{
    dcn_text html = {0};
    assert_ok(dcn_text_add(&html, "%s", ""));
    assert_ok(dcn_html_add_text(&html, text));
    assert_string_equal(html.data, expected);
    dcn_text_finish(&html);
}

static void test_markup_is_escaped(void **state)
{
    (void)state;
    check_text("T-shirt/top, 5 %", "T-shirt/top, 5 %");
    check_text("<b onclick='x()' title=\"a&b\">", "&lt;b onclick=&#39;x()&#39; title=&quot;a&amp;b&quot;&gt;");
    check_text("a\tb\nc", "a\tb\nc");
    check_text("\033[2J\x7F", "\xEF\xBF\xBD[2J\xEF\xBF\xBD");
    check_text("\xFF<\xC3", "\xEF\xBF\xBD&lt;\xEF\xBF\xBD"); /* no UTF-8, and cut short */
    check_text("x\xE2\x80\xAEy", "x\xEF\xBF\xBDy");          /* would turn the direction */
    check_text("Größe 大", "Größe 大");
}

/* A '<' anywhere in a script could end it, or open a comment that hides its end. */
static void test_json_cannot_end_its_script(void **state)
{
    (void)state;
    static const char *const names[] = {"</script><script>", "<!--<script>", "a<b", "\"\\", "caf\xE9\033"};
    json_t *array = json_array();
    dcn_text html = {0};
    for (size_t i = 0; i < DCN_COUNT(names); i++)
        json_array_append_new(array, dcn_html_json_string(names[i]));
    assert_int_equal(json_array_size(array), DCN_COUNT(names));
    assert_ok(dcn_html_add_json(&html, array));
    assert_null(strchr(html.data, '<'));
    json_t *read = json_loads(html.data, JSON_REJECT_DUPLICATES, NULL); /* and it still says the same */
    assert_true(json_equal(read, array));
    assert_string_equal(json_string_value(json_array_get(read, 0)), names[0]);
    assert_string_equal(json_string_value(json_array_get(read, 4)), "caf\xEF\xBF\xBD\xEF\xBF\xBD");
    json_decref(read);
    json_decref(array);
    dcn_text_finish(&html);
    assert_int_equal(dcn_html_add_json(&html, NULL), DECANT_NO_MEMORY);
}

/* What the build embeds stands in <style> and <script> as it is. */
static void test_what_is_embedded_does_not_end_its_element(void **state)
{
    (void)state;
    const char *const parts[] = {dcn_page_style, dcn_page_script, dcn_page_chart_library};
    for (size_t i = 0; i < DCN_COUNT(parts); i++) {
        assert_null(strstr(parts[i], "</style"));
        assert_null(strstr(parts[i], "</script"));
        assert_null(strstr(parts[i], "<!--"));
        assert_null(strstr(parts[i], "sourceMappingURL")); /* a browser's tools would fetch it */
    }
    assert_null(strstr(dcn_page_style, "url("));
    assert_true(strlen(dcn_page_style) > 1000 && strlen(dcn_page_script) > 1000);
}

static void test_numbers(void **state)
{
    (void)state;
    dcn_text html = {0};
    assert_ok(dcn_html_add_percent(&html, 0.12345));
    assert_ok(dcn_html_add_percent(&html, (double)NAN));
    assert_ok(dcn_html_add_spread(&html, 0.5, (double)NAN));
    assert_ok(dcn_html_add_count(&html, 12345));
    assert_string_equal(html.data, "<td class=n>12.35 %</td><td class=n>–</td><td class=n>50.00 %</td>"
                                   "<td class=n>12,345</td>");
    dcn_text_finish(&html);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_markup_is_escaped),
        cmocka_unit_test(test_json_cannot_end_its_script),
        cmocka_unit_test(test_what_is_embedded_does_not_end_its_element),
        cmocka_unit_test(test_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
