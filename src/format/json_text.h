/* JSON that jansson built, as text in our own memory. */
#ifndef DCN_FORMAT_JSON_TEXT_H
#define DCN_FORMAT_JSON_TEXT_H

#include <jansson.h>

#include "base/status.h"

/* Lets go of the JSON. NULL (jansson had no memory for a part of it) is NO_MEMORY, said of `what`, as is too little
 * memory for the text. flags: jansson's. ret_text: dcn_free. */
decant_status dcn_json_text(json_t *json, size_t flags, const char *what, char **ret_text);

#endif
