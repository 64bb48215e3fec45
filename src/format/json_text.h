/* JSON that jansson builds for us: piece by piece, and as text in our own memory. */
#ifndef DCN_FORMAT_JSON_TEXT_H
#define DCN_FORMAT_JSON_TEXT_H

#include <jansson.h>

#include "base/status.h"

/* A piece that could not be made (NULL: no memory, a text that is no UTF-8, a number that is not finite) makes the
 * whole NULL, which takes what comes later away. So only who writes it down need look: nothing is ever left out of a
 * file. Both take the piece over.
 */
void dcn_json_append(json_t **array, json_t *item);
void dcn_json_set(json_t **object, const char *key, json_t *value);
/* A text from outside: JSON is UTF-8, but a class may be called anything. What is none is written as decant shows it.
 */
json_t *dcn_json_shown(const char *text);

/* Lets go of the JSON. NULL (a part of it could not be made) is NO_MEMORY, said of `what`, as is too little
 * memory for the text. flags: jansson's. ret_text: dcn_free. */
decant_status dcn_json_text(json_t *json, size_t flags, const char *what, char **ret_text);

#endif
