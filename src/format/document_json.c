/* Writes a document tree as canonical JSON: sorted keys, no spaces, one spelling for each value, so that recipes which
 * mean the same hash the same. */
#include "format/document.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"

/* Steps over one character of UTF-8 (which libyaml has checked) and returns its code point. */
static uint32_t next_code_point(const char **rest)
{
    const unsigned char *byte = (const unsigned char *)*rest;
    uint32_t code = *byte < 0x80 ? *byte : *byte < 0xe0 ? *byte & 0x1fU : *byte < 0xf0 ? *byte & 0x0fU : *byte & 0x07U;
    for (byte++; (*byte & 0xc0) == 0x80; byte++)
        code = code << 6 | (*byte & 0x3fU);
    *rest = (const char *)byte;
    return code;
}

/* Characters that YAML, which is to read this again, refuses or takes for line breaks. */
static bool must_be_escaped(uint32_t code)
{
    return code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0x2028 || code == 0x2029 || code == 0xfeff ||
           code == 0xfffe || code == 0xffff;
}

static decant_status add_string(dcn_text *text, const char *string)
{
    TRY_RETURN(dcn_text_add_bytes(text, "\"", 1));
    for (const char *rest = string; *rest != '\0';) {
        const char *start = rest;
        uint32_t code = next_code_point(&rest);
        if (code == '"' || code == '\\') {
            TRY_RETURN(dcn_text_add(text, "\\%c", *start));
        } else if (must_be_escaped(code)) {
            TRY_RETURN(dcn_text_add(text, "\\u%04x", (unsigned)code));
        } else {
            TRY_RETURN(dcn_text_add_bytes(text, start, (size_t)(rest - start)));
        }
    }
    return dcn_text_add_bytes(text, "\"", 1);
}

/* The shortest decimal that reads back as the same number. */
static decant_status add_double(dcn_text *text, double value)
{
    char digits[40];
    for (int precision = 15; precision <= 17; precision++) {
        TRY_RETURN(dcn_format(digits, sizeof digits, "%.*g", precision, value));
        double back = 0;
        if (dcn_parse_double(digits, &back) && memcmp(&back, &value, sizeof value) == 0) break;
    }
    return dcn_text_add(text, "%s", digits);
}

static decant_status add_scalar(dcn_text *text, const dcn_doc *doc)
{
    int64_t whole = 0;
    double number = 0;
    bool truth = false;
    if (doc->quoted) return add_string(text, doc->text);
    if (dcn_parse_int64(doc->text, &whole)) return dcn_text_add(text, "%lld", (long long)whole);
    if (dcn_parse_double(doc->text, &number)) return add_double(text, number);
    if (dcn_parse_bool(doc->text, &truth)) return dcn_text_add(text, "%s", truth ? "true" : "false");
    return add_string(text, doc->text);
}

typedef struct map_entry {
    const char *key;
    const dcn_doc *item;
} map_entry;

static int compare_entries(const void *a, const void *b)
{
    return strcmp(((const map_entry *)a)->key, ((const map_entry *)b)->key);
}

static decant_status add_map(dcn_text *text, const dcn_doc *doc)
{
    map_entry *entries = NULL;
    decant_status status = dcn_new_array((size_t)doc->count, sizeof *entries, (void **)&entries);
    if (status != DECANT_OK) goto out;
    for (int32_t i = 0; i < doc->count; i++) {
        entries[i] = (map_entry){doc->keys[i], doc->items[i]};
    }
    qsort(entries, (size_t)doc->count, sizeof *entries, compare_entries);

    TRY(dcn_text_add_bytes(text, "{", 1));
    for (int32_t i = 0; i < doc->count; i++) {
        if (i > 0) TRY(dcn_text_add_bytes(text, ",", 1));
        TRY(add_string(text, entries[i].key));
        TRY(dcn_text_add_bytes(text, ":", 1));
        TRY(dcn_doc_to_json(entries[i].item, text));
    }
    TRY(dcn_text_add_bytes(text, "}", 1));
out:
    dcn_free(entries);
    return status;
}

static decant_status add_list(dcn_text *text, const dcn_doc *doc)
{
    TRY_RETURN(dcn_text_add_bytes(text, "[", 1));
    for (int32_t i = 0; i < doc->count; i++) {
        if (i > 0) TRY_RETURN(dcn_text_add_bytes(text, ",", 1));
        TRY_RETURN(dcn_doc_to_json(doc->items[i], text));
    }
    return dcn_text_add_bytes(text, "]", 1);
}

decant_status dcn_doc_to_json(const dcn_doc *doc, dcn_text *text)
{
    switch (doc->type) {
    case DCN_DOC_NULL:
        return dcn_text_add_bytes(text, "null", 4);
    case DCN_DOC_SCALAR:
        return add_scalar(text, doc);
    case DCN_DOC_LIST:
        return add_list(text, doc);
    case DCN_DOC_MAP:
        return add_map(text, doc);
    }
    return DCN_FAIL(INTERNAL, "a document node has no such type: %d", (int)doc->type);
}
