/* JSON that jansson builds for us: piece by piece, and as text in our own memory. */
#include "format/json_text.h"

#include "base/characters.h"

void dcn_json_append(json_t **array, json_t *item)
{
    if (json_array_append_new(*array, item) == 0) return;
    json_decref(*array);
    *array = NULL;
}

void dcn_json_set(json_t **object, const char *key, json_t *value)
{
    if (json_object_set_new(*object, key, value) == 0) return;
    json_decref(*object);
    *object = NULL;
}

json_t *dcn_json_shown(const char *text)
{
    json_t *json = json_string(text);
    dcn_text shown = {0};
    if (json == NULL && dcn_text_add_printable(&shown, text) == DECANT_OK) json = json_string(shown.data);
    dcn_text_finish(&shown);
    return json;
}

typedef struct writing {
    dcn_text text;
    decant_status status; /* jansson 2.14 goes on where a key could not be written: this does not forget */
} writing;

static int add_bytes(const char *bytes, size_t count, void *context)
{
    writing *to = context;
    if (to->status == DECANT_OK) to->status = dcn_text_add_bytes(&to->text, bytes, count);
    return to->status == DECANT_OK ? 0 : -1;
}

decant_status dcn_json_text(json_t *json, size_t flags, const char *what, char **ret_text)
{
    writing to = {.status = DECANT_OK};
    decant_status status = DECANT_OK;
    bool written = json != NULL && json_dump_callback(json, add_bytes, &to, flags) == 0;
    TRY(to.status);
    if (!written) {
        status = DCN_FAIL(NO_MEMORY, "%s cannot be written as JSON: no memory, or a number or text that it cannot hold",
                          what);
        goto out;
    }
    TRY(dcn_text_take(&to.text, ret_text));
out:
    dcn_text_finish(&to.text);
    json_decref(json);
    return status;
}
