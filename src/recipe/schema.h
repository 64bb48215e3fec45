/* The recipe's schema as data: which keys a map may have, what they may hold, what stands for a missing one, and the
 * page that says so. */
#ifndef DCN_RECIPE_SCHEMA_H
#define DCN_RECIPE_SCHEMA_H

#include "base/text.h"
#include "format/document.h"

typedef enum dcn_section {
#define SECTION(id, path, introduction) DCN_SECTION_##id,
#define KEY(section, name, type, shape, default_text, range, doc)
#include "recipe/schema.def"
    DCN_SECTION_COUNT
} dcn_section;

typedef enum dcn_key_type {
    DCN_KEY_INT,
    DCN_KEY_NUMBER,
    DCN_KEY_BOOL,
    DCN_KEY_TEXT,
    DCN_KEY_CHOICE,
    DCN_KEY_NODE
} dcn_key_type;

#define DCN_KEY_REQUIRED "!"

typedef struct dcn_key {
    dcn_section section;
    dcn_key_type type;
    const char *name, *shape, *default_text, *range, *doc;
} dcn_key;

/* Rows of the table, in its order. */
int32_t dcn_schema_key_count(void);
const dcn_key *dcn_schema_key_at(int32_t index);
const dcn_key *dcn_schema_find(dcn_section section, const char *name); /* NULL when there is none */
const char *dcn_schema_path(dcn_section section);

/* Checks a map against its section: it is a map, every key is known, required ones are there, plain values have their
 * type and range. What a NODE holds is its reader's business. USAGE with the place and, for an unknown key, the nearest
 * known one. */
decant_status dcn_schema_check(dcn_section section, const dcn_doc *map);

/* One value of a checked map, or the default when it is missing (map NULL: all are). The key must be of that type; a
 * missing optional one (default NULL) leaves *ret alone. */
decant_status dcn_schema_int(dcn_section section, const dcn_doc *map, const char *name, int64_t *ret);
decant_status dcn_schema_number(dcn_section section, const dcn_doc *map, const char *name, double *ret);
decant_status dcn_schema_bool(dcn_section section, const dcn_doc *map, const char *name, bool *ret);
decant_status dcn_schema_text(dcn_section section, const dcn_doc *map, const char *name, const char **ret);
/* The place of a CHOICE's word in the key's shape, which is the order of its enum. */
decant_status dcn_schema_choice(dcn_section section, const dcn_doc *map, const char *name, int32_t *ret);
/* The same strictness for a number that stands for a whole map ("ce: 1"). */
decant_status dcn_schema_bare_number(dcn_section section, const char *name, const dcn_doc *value, double *ret);

/* What a key of other programs is called here ("learning_rate": "lr"); any other name as it is. */
const char *dcn_schema_usual_name(const char *name);

/* A word that is none of the candidates: USAGE at the place of doc, naming the nearest, or all when none is near. */
decant_status dcn_schema_unknown(const dcn_doc *doc, const char *what, const char *word, const char *const *candidates,
                                 size_t n_candidates);

/* docs/recipes.md, and the whole recipe that stands at its beginning (schema_docs.c). */
decant_status dcn_schema_docs(dcn_text *text);
const char *dcn_schema_example(void);
const char *dcn_schema_runs(void);           /* more of its runs, to stand behind its last one */
const char *const *dcn_schema_sources(void); /* values of data.source; NULL behind the last */

#endif
