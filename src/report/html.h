/* HTML that is safe whatever the texts in it are: all that comes from files goes through here. */
#ifndef DCN_REPORT_HTML_H
#define DCN_REPORT_HTML_H

#include <jansson.h>

#include "base/text.h"

/* A text's characters as content or as a quoted attribute: markup is escaped; control characters, marks that turn the
 * direction of text and bytes that are no UTF-8 become U+FFFD. Lines and tabs stay. */
decant_status dcn_html_add_text(dcn_text *html, const char *text);
/* "<td>TEXT</td>" and its like; `tag` is ours, with attributes if need be ("td class=name"). */
decant_status dcn_html_add_element(dcn_text *html, const char *tag, const char *text);
/* Cells: a share as a percentage, that with its spread where there is one, a whole number; a dash for NAN. */
decant_status dcn_html_add_percent(dcn_text *html, double share);
decant_status dcn_html_add_spread(dcn_text *html, double share, double spread);
decant_status dcn_html_add_count(dcn_text *html, int64_t count);
/* JSON for a <script> element: nothing in it can end the element. NULL is NO_MEMORY. */
decant_status dcn_html_add_json(dcn_text *html, const json_t *json);
/* A JSON string of a text that may be no UTF-8, cleaned as above. NULL without memory. */
json_t *dcn_html_json_string(const char *text);

#endif
