/* UTF-8 one character at a time, and texts from files made fit to be shown. */
#ifndef DCN_BASE_CHARACTERS_H
#define DCN_BASE_CHARACTERS_H

#include "base/text.h"

/* The character that the text begins with: its length in bytes, 0 at the end of the text or where its first bytes are
 * no UTF-8 (which allows neither longer forms than needed nor halves of pairs). ret_character is untouched then. */
size_t dcn_character_next(const char *text, uint32_t *ret_character);
/* Whether all of the text is UTF-8. */
bool dcn_text_is_utf8(const char *text);
/* How many of its bytes, at most `most`, are whole characters: for a text of UTF-8 that is cut to be shown. */
size_t dcn_text_cut(const char *text, size_t bytes, size_t most);
/* Whether it would do something to a terminal or to the reading order instead of being seen: control characters, line
 * ends and tabs among them, and marks that turn the direction of text. */
bool dcn_character_is_control(uint32_t character);
/* Adds raw text, which may come from anybody's file: what is a control character or no UTF-8 is written as \n, \x1b or
 * \u202e. */
decant_status dcn_text_add_printable(dcn_text *text, const char *raw);
/* Columns that the text takes on a terminal; bytes that are no UTF-8 end it. */
int64_t dcn_text_width(const char *text);
/* Adds the text filled up with blanks to that many columns, or cut to them with an ellipsis at its end. */
decant_status dcn_text_add_fitted(dcn_text *text, const char *added, int64_t columns);

#endif
