/* JSON that jansson built, as text in our own memory. */
#include "format/json_text.h"

#include <stdlib.h>

#include "base/memory.h"

decant_status dcn_json_text(json_t *json, size_t flags, const char *what, char **ret_text)
{
    char *text = json != NULL ? json_dumps(json, flags) : NULL;
    decant_status status = DECANT_OK;
    if (text != NULL)
        status = dcn_copy_string(text, ret_text);
    else
        status = DCN_FAIL(NO_MEMORY, "no memory to write down %s", what);
    free(text); /* jansson's own memory */
    json_decref(json);
    return status;
}
