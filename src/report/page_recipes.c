/* The recipes' own words, as each run directory keeps them in run.json. */
#include "report/html.h"
#include "report/page.h"

/* What a run was made from: the same text and the same overrides are listed once. */
static json_t *key_of(const json_t *mark)
{
    json_t *text = json_object_get(mark, "text"), *overrides = json_object_get(mark, "overrides");
    if (!json_is_string(text)) return NULL;
    return json_pack("[O, O?]", text, json_is_array(overrides) ? overrides : NULL);
}

static bool is_listed(const json_t *listed, const json_t *key)
{
    for (size_t i = 0; i < json_array_size(listed); i++)
        if (json_equal(json_array_get(listed, i), key)) return true;
    return false;
}

static decant_status add_overrides(dcn_text *html, const json_t *overrides)
{
    if (json_array_size(overrides) == 0) return DECANT_OK;
    TRY_RETURN(dcn_text_add(html, "<p>With"));
    for (size_t i = 0; i < json_array_size(overrides); i++) {
        const char *text = json_string_value(json_array_get(overrides, i));
        TRY_RETURN(dcn_text_add(html, " <code>-o "));
        TRY_RETURN(dcn_html_add_text(html, text != NULL ? text : ""));
        TRY_RETURN(dcn_text_add(html, "</code>"));
    }
    return dcn_text_add(html, "</p>\n");
}

static decant_status add_recipe(dcn_text *html, const json_t *mark)
{
    const char *file = json_string_value(json_object_get(mark, "file"));
    TRY_RETURN(dcn_text_add(html, "<details open><summary>"));
    TRY_RETURN(dcn_html_add_text(html, file != NULL ? file : "recipe"));
    TRY_RETURN(dcn_text_add(html, "</summary>\n"));
    TRY_RETURN(add_overrides(html, json_object_get(mark, "overrides")));
    TRY_RETURN(dcn_text_add(html, "<pre tabindex=0>"));
    TRY_RETURN(dcn_html_add_text(html, json_string_value(json_object_get(mark, "text"))));
    return dcn_text_add(html, "</pre></details>\n");
}

decant_status dcn_page_add_recipes(dcn_page *page)
{
    json_t *listed = json_array(), *mark = NULL, *key = NULL;
    decant_status status = DECANT_OK;
    for (int32_t i = 0; i < page->n_runs; i++) {
        TRY(dcn_page_read_first(page->runs[i].row, "run.json", &mark));
        key = key_of(mark);
        if (key != NULL && !is_listed(listed, key)) {
            if (json_array_size(listed) == 0) TRY(dcn_text_add(&page->html, "<section id=recipes><h2>Recipe</h2>\n"));
            json_array_append(listed, key);
            TRY(add_recipe(&page->html, mark));
        }
        json_decref(key);
        json_decref(mark);
        key = mark = NULL;
    }
    if (json_array_size(listed) > 0) TRY(dcn_text_add(&page->html, "</section>\n"));
out:
    json_decref(key);
    json_decref(mark);
    json_decref(listed);
    return status;
}
