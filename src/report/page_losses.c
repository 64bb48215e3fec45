/* What each run's loss is made of, term by term, as its losses.json says. */
#include "report/html.h"
#include "report/page.h"

static decant_status add_text(dcn_text *html, const json_t *term, const char *key)
{
    const char *text = json_string_value(json_object_get(term, key));
    return dcn_html_add_element(html, "td", text != NULL ? text : "");
}

static decant_status add_number(dcn_text *html, const json_t *term, const char *key)
{
    const json_t *number = json_object_get(term, key);
    if (!json_is_number(number)) return dcn_text_add(html, "<td class=n>–</td>");
    return dcn_text_add(html, "<td class=n>%.4g</td>", json_number_value(number));
}

static decant_status add_term(dcn_text *html, const char *label, const json_t *term)
{
    static const char *const numbers[] = {"temperature", "weight", "value", "contribution", "gradient_norm"};
    TRY_RETURN(dcn_text_add(html, "<tr>"));
    TRY_RETURN(dcn_html_add_element(html, "th scope=row", label));
    TRY_RETURN(add_text(html, term, "name"));
    TRY_RETURN(add_text(html, term, "formula"));
    TRY_RETURN(add_text(html, term, "reduction"));
    for (size_t i = 0; i < DCN_COUNT(numbers); i++)
        TRY_RETURN(add_number(html, term, numbers[i]));
    return dcn_text_add(html, "</tr>\n");
}

static decant_status begin(dcn_page *page)
{
    TRY_RETURN(dcn_text_add(
        &page->html, "<section id=losses><h2>Losses</h2>\n<p class=lead>What each run trains on, and what that came to "
                     "in the first step of its first seed: the value before its weight, what it contributes to the "
                     "loss, and the norm of the weighted term's gradient at the student's logits or layer.</p>\n"));
    TRY_RETURN(dcn_page_begin_table(page, "losses", "Terms of the loss"));
    return dcn_text_add(&page->html, "<thead><tr><th scope=col>run<th scope=col>term<th scope=col>formula"
                                     "<th scope=col>reduction<th scope=col class=n>T<th scope=col class=n>weight"
                                     "<th scope=col class=n>value<th scope=col class=n>contributes"
                                     "<th scope=col class=n>gradient</tr></thead>\n<tbody>\n");
}

decant_status dcn_page_add_losses(dcn_page *page)
{
    json_t *sheet = NULL;
    bool any = false;
    decant_status status = DECANT_OK;
    for (int32_t i = 0; i < page->n_runs; i++) {
        const decant_comparison_row *row = page->runs[i].row;
        TRY(dcn_page_read_first(row, "losses.json", &sheet));
        const json_t *terms = json_object_get(sheet, "terms");
        if (!any && json_array_size(terms) > 0) TRY(begin(page));
        any = any || json_array_size(terms) > 0;
        for (size_t t = 0; t < json_array_size(terms); t++)
            TRY(add_term(&page->html, row->label, json_array_get(terms, t)));
        json_decref(sheet);
        sheet = NULL;
    }
    if (!any) goto out;
    TRY(dcn_text_add(&page->html, "</tbody>"));
    TRY(dcn_page_end_table(page));
    TRY(dcn_text_add(&page->html, "</section>\n"));
out:
    json_decref(sheet);
    return status;
}
