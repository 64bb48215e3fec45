/* YAML documents: an accepted one can be copied, changed and written as JSON, and that JSON is a document again. */
#include <string.h>

#include "base/text.h"
#include "format/document.h"
#include "fuzz/fuzz.h"

static void use(dcn_arena *arena, dcn_doc *doc)
{
    dcn_text json = {0}, again = {0};
    dcn_doc *copy = NULL;
    if (dcn_doc_to_json(doc, &json) == DECANT_OK) {
        FUZZ_HOLDS(dcn_doc_parse(arena, "again", json.data, json.length, &copy) == DECANT_OK ||
                   json.length > 1024 * 1024);
        if (copy) {
            FUZZ_HOLDS(dcn_doc_to_json(copy, &again) == DECANT_OK);
            FUZZ_HOLDS(json.length == again.length && memcmp(json.data, again.data, json.length) == 0);
        }
    }
    dcn_text_finish(&json);
    dcn_text_finish(&again);
    FUZZ_HOLDS(dcn_doc_clone(arena, doc, &copy) == DECANT_OK);
    (void)(dcn_doc_set(arena, copy, "runs.alone.epochs", "{a: [1, 2]}") == DECANT_OK); /* may fail, must not crash */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    dcn_arena *arena = NULL;
    dcn_doc *doc = NULL;
    FUZZ_HOLDS(dcn_arena_create(&arena) == DECANT_OK);
    if (dcn_doc_parse(arena, "fuzz", (const char *)data, bytes, &doc) == DECANT_OK) {
        use(arena, doc);
    } else {
        FUZZ_HOLDS(doc == NULL);
    }
    dcn_arena_destroy(arena);
    return 0;
}
