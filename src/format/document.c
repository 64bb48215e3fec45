/* The document tree: look-up, building, overrides from the command line, strict scalars and failures that name their
 * place. Reading YAML text is in document_yaml.c, writing canonical JSON in document_json.c. */
#include "format/document.h"

#include <stdarg.h>
#include <string.h>

#include "base/text.h"

decant_status dcn_doc_fail(const dcn_doc *doc, decant_status status, const char *format, ...)
{
    char message[512];
    va_list arguments;
    va_start(arguments, format);
    dcn_format_list(message, sizeof message, format, arguments);
    va_end(arguments);

    dcn_fail(status, __FILE__, __LINE__, "%s", message);
    if (doc != NULL && doc->file != NULL && doc->line > 0) {
        dcn_place("%s:%d:%d", doc->file, doc->line, doc->column);
    } else if (doc != NULL && doc->file != NULL) {
        dcn_place("%s", doc->file);
    }
    return status;
}

static const char *describe(const dcn_doc *doc)
{
    switch (doc->type) {
    case DCN_DOC_NULL:
        return "nothing";
    case DCN_DOC_LIST:
        return "a list";
    case DCN_DOC_MAP:
        return "a map";
    case DCN_DOC_SCALAR:
        break;
    }
    return doc->text;
}

/* --- building --- */

static decant_status double_array(dcn_arena *arena, int32_t count, size_t item_bytes, void **array)
{
    void *larger = NULL;
    size_t capacity = count == 0 ? 1 : 2 * (size_t)count;
    TRY_RETURN(dcn_arena_take(arena, capacity * item_bytes, &larger));
    if (count > 0) memcpy(larger, *array, (size_t)count * item_bytes);
    *array = larger;
    return DECANT_OK;
}

decant_status dcn_doc_append(dcn_arena *arena, dcn_doc *doc, dcn_doc *key, dcn_doc *item)
{
    int32_t count = doc->count;
    /* The arrays' capacity is not stored: it is the next power of two, so they are full exactly when the count is one.
     */
    if ((count & (count - 1)) == 0) {
        TRY_RETURN(double_array(arena, count, sizeof *doc->items, (void **)&doc->items));
        if (key != NULL) {
            TRY_RETURN(double_array(arena, count, sizeof *doc->keys, (void **)&doc->keys));
            TRY_RETURN(double_array(arena, count, sizeof *doc->key_nodes, (void **)&doc->key_nodes));
        }
    }
    doc->items[count] = item;
    if (key != NULL) {
        doc->keys[count] = key->text;
        doc->key_nodes[count] = key;
    }
    doc->count = count + 1;
    return DECANT_OK;
}

static decant_status make_scalar(dcn_arena *arena, const char *file, const char *text, size_t length, dcn_doc **ret_doc)
{
    dcn_doc *doc = NULL;
    char *copy = NULL;
    TRY_RETURN(dcn_arena_take(arena, sizeof *doc, (void **)&doc));
    TRY_RETURN(dcn_arena_take(arena, length + 1, (void **)&copy));
    memcpy(copy, text, length);
    doc->type = DCN_DOC_SCALAR;
    doc->file = file;
    doc->text = copy;
    *ret_doc = doc;
    return DECANT_OK;
}

decant_status dcn_doc_clone(dcn_arena *arena, const dcn_doc *doc, dcn_doc **ret_doc)
{
    dcn_doc *copy = NULL;
    TRY_RETURN(dcn_arena_take(arena, sizeof *copy, (void **)&copy));
    *copy = *doc;
    copy->count = 0;
    copy->keys = NULL;
    copy->key_nodes = NULL;
    copy->items = NULL;
    for (int32_t i = 0; i < doc->count; i++) {
        dcn_doc *item = NULL;
        TRY_RETURN(dcn_doc_clone(arena, doc->items[i], &item));
        /* Texts and key nodes never change once made, so the copy shares them. */
        TRY_RETURN(dcn_doc_append(arena, copy, doc->type == DCN_DOC_MAP ? doc->key_nodes[i] : NULL, item));
    }
    *ret_doc = copy;
    return DECANT_OK;
}

/* --- look-up --- */

static int32_t find_key(const dcn_doc *doc, const char *key, size_t length)
{
    for (int32_t i = 0; i < doc->count; i++) {
        if (strncmp(doc->keys[i], key, length) == 0 && doc->keys[i][length] == '\0') return i;
    }
    return -1;
}

dcn_doc *dcn_doc_get(const dcn_doc *doc, const char *key)
{
    if (doc == NULL || doc->type != DCN_DOC_MAP) return NULL;
    int32_t i = find_key(doc, key, strlen(key));
    return i < 0 ? NULL : doc->items[i];
}

/* --- overrides --- */

/* An override has no line in a file: its nodes say only which override they come from. */
static void forget_lines(dcn_doc *doc, int32_t depth)
{
    doc->line = 0;
    doc->column = 0;
    for (int32_t i = 0; i < doc->count && depth < DCN_DOC_MAX_DEPTH; i++) {
        if (doc->type == DCN_DOC_MAP) forget_lines(doc->key_nodes[i], depth + 1);
        forget_lines(doc->items[i], depth + 1);
    }
}

size_t dcn_doc_step(const dcn_doc *doc, const char *path)
{
    size_t length = strcspn(path, ".");
    for (int32_t i = 0; doc != NULL && doc->type == DCN_DOC_MAP && i < doc->count; i++) {
        const size_t longer = strlen(doc->keys[i]);
        const bool begins = strncmp(path, doc->keys[i], longer) == 0 && (path[longer] == '.' || path[longer] == '\0');
        if (begins && longer > length) length = longer;
    }
    return length;
}

/* Where one step of the path leads: the slot that holds the child, made when a map does not have it yet. */
static decant_status step_into(dcn_arena *arena, dcn_doc *doc, const char *origin, const char *step, size_t length,
                               dcn_doc ***ret_slot)
{
    const dcn_doc place = {.file = origin};
    if (doc->type == DCN_DOC_NULL) {
        doc->type = DCN_DOC_MAP; /* "student:" with nothing behind it may be filled from the command line */
        doc->count = 0;
    }
    if (doc->type == DCN_DOC_LIST) {
        char word[24];
        int64_t index = -1;
        bool fits = length < sizeof word;
        if (fits) {
            memcpy(word, step, length);
            word[length] = '\0';
        }
        if (!fits || !dcn_parse_int64(word, &index) || index < 0 || index >= doc->count) {
            return dcn_doc_fail(&place, DECANT_USAGE, "'%.*s' is no item of this list; it has items 0 to %d",
                                (int)length, step, doc->count - 1);
        }
        *ret_slot = &doc->items[index];
        return DECANT_OK;
    }
    if (doc->type != DCN_DOC_MAP) {
        return dcn_doc_fail(&place, DECANT_USAGE, "there is no '%.*s' here: '%s' is neither a map nor a list",
                            (int)length, step, describe(doc));
    }
    int32_t i = find_key(doc, step, length);
    if (i < 0) {
        dcn_doc *key = NULL, *item = NULL;
        if (doc->count >= DCN_DOC_MAX_KEYS) {
            return dcn_doc_fail(&place, DECANT_USAGE, "a map may have at most %d keys", DCN_DOC_MAX_KEYS);
        }
        TRY_RETURN(make_scalar(arena, origin, step, length, &key));
        TRY_RETURN(dcn_arena_take(arena, sizeof *item, (void **)&item));
        item->file = origin;
        i = doc->count;
        TRY_RETURN(dcn_doc_append(arena, doc, key, item));
    }
    *ret_slot = &doc->items[i];
    return DECANT_OK;
}

static decant_status check_path(const char *path, const char *origin)
{
    int32_t steps = 1;
    bool malformed = path[0] == '\0' || path[0] == '.';
    for (const char *c = path; *c != '\0' && !malformed; c++) {
        if (*c != '.') continue;
        malformed = c[1] == '.' || c[1] == '\0';
        steps++;
    }
    if (!malformed && steps < DCN_DOC_MAX_DEPTH) return DECANT_OK;
    const dcn_doc place = {.file = origin};
    return dcn_doc_fail(&place, DECANT_USAGE, "'%s' is not a path of keys like runs.alone.epochs", path);
}

decant_status dcn_doc_set(dcn_arena *arena, dcn_doc *root, const char *path, const char *value_text)
{
    dcn_text label = {0};
    char *origin = NULL;
    decant_status status = dcn_text_add(&label, "-o %s", path);
    if (status != DECANT_OK) goto out;
    TRY(dcn_arena_string(arena, label.data, &origin));
    TRY(check_path(path, origin));

    dcn_doc *value = NULL;
    TRY(dcn_doc_parse(arena, origin, value_text, strlen(value_text), &value));
    forget_lines(value, 0);

    dcn_doc *doc = root;
    dcn_doc **slot = NULL;
    for (const char *step = path; step != NULL;) {
        const size_t length = dcn_doc_step(doc, step);
        TRY(step_into(arena, doc, origin, step, length, &slot));
        doc = *slot;
        step = step[length] == '.' ? step + length + 1 : NULL;
    }
    *slot = value;
out:
    dcn_text_finish(&label);
    return status;
}

/* --- strict scalars --- */

static decant_status wrong_value(const dcn_doc *doc, const char *what, const char *wanted)
{
    return dcn_doc_fail(doc, DECANT_USAGE, "%s must be %s, not %s%s%s", what, wanted, doc->quoted ? "\"" : "",
                        describe(doc), doc->quoted ? "\"" : "");
}

static bool is_plain(const dcn_doc *doc)
{
    return doc->type == DCN_DOC_SCALAR && !doc->quoted;
}

decant_status dcn_doc_int(const dcn_doc *doc, const char *what, int64_t minimum, int64_t maximum, int64_t *ret)
{
    int64_t value = 0;
    if (is_plain(doc) && dcn_parse_int64(doc->text, &value) && value >= minimum && value <= maximum) {
        *ret = value;
        return DECANT_OK;
    }
    char wanted[96];
    if (minimum == INT64_MIN && maximum == INT64_MAX) {
        dcn_format(wanted, sizeof wanted, "a whole number");
    } else if (maximum == INT64_MAX) {
        dcn_format(wanted, sizeof wanted, "a whole number of at least %lld", (long long)minimum);
    } else {
        dcn_format(wanted, sizeof wanted, "a whole number from %lld to %lld", (long long)minimum, (long long)maximum);
    }
    return wrong_value(doc, what, wanted);
}

decant_status dcn_doc_double(const dcn_doc *doc, const char *what, double minimum, double maximum, double *ret)
{
    double value = 0;
    if (is_plain(doc) && dcn_parse_double(doc->text, &value) && value >= minimum && value <= maximum) {
        *ret = value;
        return DECANT_OK;
    }
    char wanted[96];
    if (minimum <= -1e300 && maximum >= 1e300) {
        dcn_format(wanted, sizeof wanted, "a number");
    } else if (maximum >= 1e300) {
        dcn_format(wanted, sizeof wanted, "a number of at least %g", minimum);
    } else {
        dcn_format(wanted, sizeof wanted, "a number from %g to %g", minimum, maximum);
    }
    return wrong_value(doc, what, wanted);
}

decant_status dcn_doc_bool(const dcn_doc *doc, const char *what, bool *ret)
{
    bool value = false;
    if (!is_plain(doc) || !dcn_parse_bool(doc->text, &value)) return wrong_value(doc, what, "true or false");
    *ret = value;
    return DECANT_OK;
}

decant_status dcn_doc_text(const dcn_doc *doc, const char *what, const char **ret)
{
    if (doc->type != DCN_DOC_SCALAR) return wrong_value(doc, what, "a word or text");
    *ret = doc->text;
    return DECANT_OK;
}
