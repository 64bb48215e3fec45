/* Escaping. */
#include "report/html.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/characters.h"
#include "base/memory.h"
#include "decant/report.h"

#define REPLACEMENT "\xEF\xBF\xBD" /* U+FFFD */

/* Adds one character of the text, which is moved behind it. */
static decant_status add_character(dcn_text *html, const char **text, bool is_markup)
{
    static const struct {
        char character;
        const char *entity;
    } entities[] = {{'&', "&amp;"}, {'<', "&lt;"}, {'>', "&gt;"}, {'"', "&quot;"}, {'\'', "&#39;"}};
    uint32_t character = 0;
    const char *from = *text;
    size_t length = dcn_character_next(from, &character);
    *text += length > 0 ? length : 1;
    for (size_t i = 0; i < DCN_COUNT(entities) && is_markup; i++)
        if (*from == entities[i].character) return dcn_text_add(html, "%s", entities[i].entity);
    bool is_blank = *from == '\n' || *from == '\t';
    if (length == 0 || (dcn_character_is_control(character) && !is_blank)) return dcn_text_add(html, REPLACEMENT);
    return dcn_text_add_bytes(html, from, length);
}

decant_status dcn_html_add_text(dcn_text *html, const char *text)
{
    while (*text != '\0')
        TRY_RETURN(add_character(html, &text, true));
    return DECANT_OK;
}

decant_status dcn_html_add_element(dcn_text *html, const char *tag, const char *text)
{
    TRY_RETURN(dcn_text_add(html, "<%s>", tag));
    TRY_RETURN(dcn_html_add_text(html, text));
    return dcn_text_add(html, "</%.*s>", (int)strcspn(tag, " "), tag);
}

decant_status dcn_html_add_percent(dcn_text *html, double share)
{
    if (isnan(share)) return dcn_text_add(html, "<td class=n>–</td>");
    return dcn_text_add(html, "<td class=n>%.2f %%</td>", 100 * share);
}

decant_status dcn_html_add_spread(dcn_text *html, double share, double spread)
{
    if (isnan(share) || isnan(spread)) return dcn_html_add_percent(html, share);
    return dcn_text_add(html, "<td class=n>%.2f <span class=spread>± %.2f</span> %%</td>", 100 * share, 100 * spread);
}

decant_status dcn_html_add_count(dcn_text *html, int64_t count)
{
    char text[28];
    return dcn_text_add(html, "<td class=n>%s</td>", decant_count_text(count, text));
}

decant_status dcn_html_add_json(dcn_text *html, const json_t *json)
{
    char *dumped = json != NULL ? json_dumps(json, JSON_COMPACT | JSON_REAL_PRECISION(6)) : NULL;
    decant_status status = DECANT_OK;
    if (dumped == NULL) return DCN_FAIL(NO_MEMORY, "no memory for the data of a page");
    /* In JSON a '<' stands in strings only: neither "</script>" nor "<!--" is left. */
    for (const char *at = dumped; *at != '\0' && status == DECANT_OK;) {
        size_t length = strcspn(at, "<");
        status = dcn_text_add_bytes(html, at, length);
        at += length;
        if (status != DECANT_OK || *at == '\0') break;
        status = dcn_text_add(html, "\\u003c");
        at++;
    }
    free(dumped); /* jansson's own memory */
    return status;
}

json_t *dcn_html_json_string(const char *text)
{
    dcn_text clean = {0};
    json_t *string = NULL;
    decant_status status = dcn_text_add(&clean, "%s", "");
    while (*text != '\0' && status == DECANT_OK)
        status = add_character(&clean, &text, false);
    if (status == DECANT_OK) string = json_string(clean.data);
    dcn_text_finish(&clean);
    return string;
}
