/* A parsed YAML (or JSON, its subset) document: a tree whose every node knows its file, line and column. */
#ifndef DCN_FORMAT_DOCUMENT_H
#define DCN_FORMAT_DOCUMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/memory.h"

typedef enum dcn_doc_type { DCN_DOC_NULL, DCN_DOC_SCALAR, DCN_DOC_LIST, DCN_DOC_MAP } dcn_doc_type;

typedef struct dcn_doc {
    dcn_doc_type type;
    int32_t line, column;       /* 1-based; 0 for nodes made by -o overrides */
    const char *file;           /* for messages: "recipes/quickstart.yaml" or "-o runs.alone.epochs" */
    const char *text;           /* SCALAR: its text */
    bool quoted;                /* SCALAR: written in quotes, so never a number */
    int32_t count;              /* LIST, MAP */
    const char **keys;          /* MAP, in file order, unique */
    struct dcn_doc **key_nodes; /* MAP: the keys as scalars, for messages about a key rather than its value */
    struct dcn_doc **items;     /* LIST, MAP */
} dcn_doc;

#define DCN_DOC_MAX_BYTES ((size_t)1 << 20)
#define DCN_DOC_MAX_DEPTH 64
#define DCN_DOC_MAX_KEYS  1024 /* of one map */

/* Parses one document; all nodes live in the arena. Anchors, aliases (expanded with a bound), no tags. FORMAT/USAGE
 * with file:line:column. `name` is used in messages. Depth <= 64, size <= 1 MiB, duplicate keys are errors. An empty
 * document is a NULL node. */
decant_status dcn_doc_parse(dcn_arena *arena, const char *name, const char *text, size_t bytes, dcn_doc **ret_doc);

/* Lookup in a map; NULL when absent or when doc is not a map. */
dcn_doc *dcn_doc_get(const dcn_doc *doc, const char *key);
/* The length of the first step of a dotted path below doc: up to the next dot, or a key of doc's that has dots itself.
 */
size_t dcn_doc_step(const dcn_doc *doc, const char *path);
/* Sets (or replaces) the node at a dotted path "runs.alone.epochs", making maps on the way; list items by number.
 * value_text is parsed as YAML. USAGE when a step is neither a map nor a list or the path is malformed. */
decant_status dcn_doc_set(dcn_arena *arena, dcn_doc *root, const char *path, const char *value_text);
/* Adds an item to a LIST (key NULL) or a MAP (key a scalar whose text the map does not hold yet). */
decant_status dcn_doc_append(dcn_arena *arena, dcn_doc *doc, dcn_doc *key, dcn_doc *item);
/* A deep copy: changing it leaves the original alone. */
decant_status dcn_doc_clone(dcn_arena *arena, const dcn_doc *doc, dcn_doc **ret_doc);
/* Writes it back as canonical JSON text (sorted keys), for hashing; added to `text`. */
struct dcn_text;
decant_status dcn_doc_to_json(const dcn_doc *doc, struct dcn_text *text);

/* A failure about this node: message prefixed with nothing, place set to file:line:column. */
decant_status dcn_doc_fail(const dcn_doc *doc, decant_status status, const char *format, ...) DCN_PRINTF(3, 4);

/* Strict scalars. `what` names the key in the message ("epochs"). USAGE otherwise. */
decant_status dcn_doc_int(const dcn_doc *doc, const char *what, int64_t minimum, int64_t maximum, int64_t *ret);
decant_status dcn_doc_double(const dcn_doc *doc, const char *what, double minimum, double maximum, double *ret);
decant_status dcn_doc_bool(const dcn_doc *doc, const char *what, bool *ret);
decant_status dcn_doc_text(const dcn_doc *doc, const char *what, const char **ret);

#endif
