/* Reads YAML text into a document tree through libyaml's events. Bounds everything that a hostile or broken file could
 * blow up: bytes, depth, keys of a map, anchors, and the nodes that aliases expand to. */
#include <string.h>
#include <yaml.h>

#include "format/document.h"

#define MAX_ANCHORS        256
#define MAX_EXPANDED_NODES 65536

typedef struct anchor {
    const char *name;
    const dcn_doc *node;
    struct anchor *next;
} anchor;

typedef struct yaml_reader {
    yaml_parser_t parser;
    dcn_arena *arena;
    const char *file; /* in the arena */
    const char *text;
    size_t bytes;
    anchor *anchors; /* newest first: a name may be used again */
    int32_t n_anchors;
    int32_t n_expanded; /* nodes made by aliases */
} yaml_reader;

static decant_status fail_at(const yaml_reader *reader, yaml_mark_t mark, decant_status status, const char *message)
{
    dcn_doc place = {.file = reader->file, .line = (int32_t)mark.line + 1, .column = (int32_t)mark.column + 1};
    return dcn_doc_fail(&place, status, "%s", message);
}

/* Line and column of a byte, counting a UTF-8 sequence as one column. */
static yaml_mark_t mark_of_offset(const yaml_reader *reader, size_t offset)
{
    yaml_mark_t mark = {0};
    for (size_t i = 0; i < offset && i < reader->bytes; i++) {
        unsigned char byte = (unsigned char)reader->text[i];
        if (byte == '\n') {
            mark.line++;
            mark.column = 0;
        } else if ((byte & 0xC0) != 0x80) {
            mark.column++;
        }
    }
    return mark;
}

/* libyaml counts characters: the byte at which the index-th one begins, or the end of the text. */
static size_t offset_of_character(const yaml_reader *reader, size_t index)
{
    size_t offset = 0;
    for (size_t seen = 0; offset < reader->bytes; offset++) {
        if (((unsigned char)reader->text[offset] & 0xC0) == 0x80) continue;
        if (seen++ == index) break;
    }
    return offset;
}

/* What most often lies behind a failure of libyaml's, said in its words. */
static const char *hint_for(const char *problem)
{
    static const char *const hints[][2] = {
        {"could not find expected ':'", " (a space must follow the colon of `key: value`)"},
        {"mapping values are not allowed in this context",
         " (is this line indented too far, or a space missing behind a colon?)"},
        {"did not find expected key", " (is this line indented as its neighbours are?)"},
        {"did not find expected '-' indicator", " (items of a list start with '- ', all indented alike)"},
    };
    for (size_t i = 0; i < DCN_COUNT(hints); i++)
        if (strcmp(problem, hints[i][0]) == 0) return hints[i][1];
    return "";
}

/* Turns libyaml's own failure into ours. */
static decant_status fail_syntax(const yaml_reader *reader)
{
    const yaml_parser_t *parser = &reader->parser;
    if (parser->error == YAML_MEMORY_ERROR) return DCN_FAIL(NO_MEMORY, "no memory to read %s", reader->file);
    const char *problem = parser->problem != NULL ? parser->problem : "this is not YAML";
    if (parser->error == YAML_READER_ERROR) {
        return fail_at(reader, mark_of_offset(reader, parser->problem_offset), DECANT_FORMAT,
                       "not UTF-8 text, or a control character");
    }
    size_t offset = offset_of_character(reader, parser->problem_mark.index);
    yaml_mark_t mark = mark_of_offset(reader, offset); /* theirs stands a line behind the text when it ends too early */
    if (offset < reader->bytes && reader->text[offset] == '\t') {
        return fail_at(reader, mark, DECANT_FORMAT, "a tab cannot indent YAML; use spaces");
    }
    dcn_doc place = {.file = reader->file, .line = (int32_t)mark.line + 1, .column = (int32_t)mark.column + 1};
    if (parser->context == NULL) return dcn_doc_fail(&place, DECANT_FORMAT, "%s%s", problem, hint_for(problem));
    return dcn_doc_fail(&place, DECANT_FORMAT, "%s, %s that began in line %d%s", problem, parser->context,
                        (int)parser->context_mark.line + 1, hint_for(problem));
}

static decant_status next_event(yaml_reader *reader, yaml_event_t *ret_event)
{
    if (!yaml_parser_parse(&reader->parser, ret_event)) return fail_syntax(reader);
    return DECANT_OK;
}

static decant_status make_node(yaml_reader *reader, dcn_doc_type type, yaml_mark_t mark, dcn_doc **ret_doc)
{
    dcn_doc *doc = NULL;
    TRY_RETURN(dcn_arena_take(reader->arena, sizeof *doc, (void **)&doc));
    doc->type = type;
    doc->file = reader->file;
    doc->line = (int32_t)mark.line + 1;
    doc->column = (int32_t)mark.column + 1;
    *ret_doc = doc;
    return DECANT_OK;
}

static bool means_null(const char *text)
{
    return text[0] == '\0' || strcmp(text, "~") == 0 || strcmp(text, "null") == 0 || strcmp(text, "Null") == 0 ||
           strcmp(text, "NULL") == 0;
}

static decant_status read_scalar(yaml_reader *reader, const yaml_event_t *event, dcn_doc **ret_doc)
{
    const char *value = (const char *)event->data.scalar.value;
    size_t length = event->data.scalar.length;
    bool quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    if (memchr(value, '\0', length) != NULL) {
        return fail_at(reader, event->start_mark, DECANT_FORMAT, "text may not hold a NUL character");
    }
    if (!quoted && means_null(value)) return make_node(reader, DCN_DOC_NULL, event->start_mark, ret_doc);

    dcn_doc *doc = NULL;
    char *copy = NULL;
    TRY_RETURN(make_node(reader, DCN_DOC_SCALAR, event->start_mark, &doc));
    TRY_RETURN(dcn_arena_string(reader->arena, value, &copy));
    doc->text = copy;
    doc->quoted = quoted;
    *ret_doc = doc;
    return DECANT_OK;
}

static decant_status keep_anchor(yaml_reader *reader, const yaml_event_t *event, const yaml_char_t *name,
                                 const dcn_doc *node)
{
    anchor *kept = NULL;
    char *copy = NULL;
    if (name == NULL) return DECANT_OK;
    if (reader->n_anchors == MAX_ANCHORS) {
        return fail_at(reader, event->start_mark, DECANT_FORMAT, "more than 256 anchors");
    }
    TRY_RETURN(dcn_arena_take(reader->arena, sizeof *kept, (void **)&kept));
    TRY_RETURN(dcn_arena_string(reader->arena, (const char *)name, &copy));
    *kept = (anchor){copy, node, reader->anchors};
    reader->anchors = kept;
    reader->n_anchors++;
    return DECANT_OK;
}

/* Counts what an alias would expand to, before anything is copied. */
static decant_status count_expanded(yaml_reader *reader, yaml_mark_t mark, const dcn_doc *doc, int32_t depth)
{
    if (depth > DCN_DOC_MAX_DEPTH) return fail_at(reader, mark, DECANT_FORMAT, "nested deeper than 64 levels");
    if (++reader->n_expanded > MAX_EXPANDED_NODES) {
        return fail_at(reader, mark, DECANT_FORMAT, "aliases expand to more than 65536 values");
    }
    for (int32_t i = 0; i < doc->count; i++) {
        TRY_RETURN(count_expanded(reader, mark, doc->items[i], depth + 1));
    }
    return DECANT_OK;
}

static decant_status read_alias(yaml_reader *reader, const yaml_event_t *event, int32_t depth, dcn_doc **ret_doc)
{
    const char *name = (const char *)event->data.alias.anchor;
    for (const anchor *known = reader->anchors; known != NULL; known = known->next) {
        if (strcmp(known->name, name) != 0) continue;
        TRY_RETURN(count_expanded(reader, event->start_mark, known->node, depth));
        return dcn_doc_clone(reader->arena, known->node, ret_doc);
    }
    /* An alias inside its own anchor ends here too: an anchor is kept only once its node is whole. */
    dcn_doc place = {.file = reader->file,
                     .line = (int32_t)event->start_mark.line + 1,
                     .column = (int32_t)event->start_mark.column + 1};
    return dcn_doc_fail(&place, DECANT_USAGE, "no anchor &%s stands before this alias", name);
}

static decant_status read_node(yaml_reader *reader, const yaml_event_t *event, int32_t depth, dcn_doc **ret_doc);

static decant_status check_key(yaml_reader *reader, const yaml_event_t *event, const dcn_doc *map, const dcn_doc *key)
{
    if (key->type != DCN_DOC_SCALAR || key->text[0] == '\0') {
        return fail_at(reader, event->start_mark, DECANT_USAGE, "a key must be a word or text");
    }
    if (map->count == DCN_DOC_MAX_KEYS) {
        return fail_at(reader, event->start_mark, DECANT_FORMAT, "a map may have at most 1024 keys");
    }
    for (int32_t i = 0; i < map->count; i++) {
        if (strcmp(map->keys[i], key->text) != 0) continue;
        return dcn_doc_fail(key, DECANT_USAGE, "'%s' stands twice in this map, first in line %d", key->text,
                            map->key_nodes[i]->line);
    }
    return DECANT_OK;
}

/* Reads the value behind a key event and adds the pair. */
static decant_status read_pair(yaml_reader *reader, const yaml_event_t *key_event, int32_t depth, dcn_doc *map)
{
    dcn_doc *key = NULL, *item = NULL;
    yaml_event_t event = {0};
    TRY_RETURN(read_node(reader, key_event, depth, &key));
    TRY_RETURN(check_key(reader, key_event, map, key));
    TRY_RETURN(next_event(reader, &event));
    decant_status status = read_node(reader, &event, depth, &item);
    yaml_event_delete(&event);
    if (status != DECANT_OK) return status;
    return dcn_doc_append(reader->arena, map, key, item);
}

static decant_status read_map(yaml_reader *reader, const yaml_event_t *start, int32_t depth, dcn_doc **ret_doc)
{
    dcn_doc *map = NULL;
    TRY_RETURN(make_node(reader, DCN_DOC_MAP, start->start_mark, &map));
    for (bool end = false; !end;) {
        yaml_event_t event = {0};
        TRY_RETURN(next_event(reader, &event));
        end = event.type == YAML_MAPPING_END_EVENT;
        decant_status status = end ? DECANT_OK : read_pair(reader, &event, depth + 1, map);
        yaml_event_delete(&event);
        if (status != DECANT_OK) return status;
    }
    *ret_doc = map;
    return keep_anchor(reader, start, start->data.mapping_start.anchor, map);
}

static decant_status read_list(yaml_reader *reader, const yaml_event_t *start, int32_t depth, dcn_doc **ret_doc)
{
    dcn_doc *list = NULL;
    TRY_RETURN(make_node(reader, DCN_DOC_LIST, start->start_mark, &list));
    for (bool end = false; !end;) {
        yaml_event_t event = {0};
        dcn_doc *item = NULL;
        TRY_RETURN(next_event(reader, &event));
        end = event.type == YAML_SEQUENCE_END_EVENT;
        decant_status status = end ? DECANT_OK : read_node(reader, &event, depth + 1, &item);
        yaml_event_delete(&event);
        if (status != DECANT_OK) return status;
        if (!end) TRY_RETURN(dcn_doc_append(reader->arena, list, NULL, item));
    }
    *ret_doc = list;
    return keep_anchor(reader, start, start->data.sequence_start.anchor, list);
}

static decant_status read_node(yaml_reader *reader, const yaml_event_t *event, int32_t depth, dcn_doc **ret_doc)
{
    const char *tags = "tags (!...) mean nothing here; remove this one";
    if (depth > DCN_DOC_MAX_DEPTH) {
        return fail_at(reader, event->start_mark, DECANT_FORMAT, "nested deeper than 64 levels");
    }
    switch (event->type) {
    case YAML_ALIAS_EVENT:
        return read_alias(reader, event, depth, ret_doc);
    case YAML_SCALAR_EVENT:
        if (event->data.scalar.tag != NULL) return fail_at(reader, event->start_mark, DECANT_USAGE, tags);
        TRY_RETURN(read_scalar(reader, event, ret_doc));
        return keep_anchor(reader, event, event->data.scalar.anchor, *ret_doc);
    case YAML_SEQUENCE_START_EVENT:
        if (event->data.sequence_start.tag != NULL) return fail_at(reader, event->start_mark, DECANT_USAGE, tags);
        return read_list(reader, event, depth, ret_doc);
    case YAML_MAPPING_START_EVENT:
        if (event->data.mapping_start.tag != NULL) return fail_at(reader, event->start_mark, DECANT_USAGE, tags);
        return read_map(reader, event, depth, ret_doc);
    default:
        return fail_at(reader, event->start_mark, DECANT_FORMAT, "a value is missing here");
    }
}

/* Stream start, document start, the node, document end, stream end. */
static decant_status read_stream(yaml_reader *reader, dcn_doc **ret_doc)
{
    yaml_event_t event = {0};
    dcn_doc *doc = NULL;
    decant_status status = next_event(reader, &event);
    if (status != DECANT_OK) goto out;
    yaml_event_delete(&event);

    TRY(next_event(reader, &event));
    if (event.type == YAML_STREAM_END_EVENT) {
        TRY(make_node(reader, DCN_DOC_NULL, (yaml_mark_t){0}, ret_doc));
        goto out;
    }
    yaml_event_delete(&event);

    TRY(next_event(reader, &event));
    TRY(read_node(reader, &event, 1, &doc));
    yaml_event_delete(&event);
    TRY(next_event(reader, &event)); /* document end */
    yaml_event_delete(&event);

    TRY(next_event(reader, &event));
    if (event.type != YAML_STREAM_END_EVENT) {
        status = fail_at(reader, event.start_mark, DECANT_FORMAT, "a second document begins here; one a file");
        goto out;
    }
    *ret_doc = doc;
out:
    yaml_event_delete(&event);
    return status;
}

/* A byte-order mark is no column of the first line, as which the parser would count it. */
static size_t mark_bytes(const char *text, size_t bytes)
{
    return bytes >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
}

decant_status dcn_doc_parse(dcn_arena *arena, const char *name, const char *text, size_t bytes, dcn_doc **ret_doc)
{
    const size_t mark = mark_bytes(text, bytes);
    text += mark;
    bytes -= mark;
    yaml_reader reader = {.arena = arena, .text = text, .bytes = bytes};
    char *file = NULL;
    if (bytes > DCN_DOC_MAX_BYTES) {
        const dcn_doc place = {.file = name};
        return dcn_doc_fail(&place, DECANT_FORMAT, "%zu bytes of YAML; at most 1 MiB is read", bytes);
    }
    TRY_RETURN(dcn_arena_string(arena, name, &file));
    reader.file = file;
    if (!yaml_parser_initialize(&reader.parser)) return DCN_FAIL(NO_MEMORY, "no memory to read %s", name);
    yaml_parser_set_encoding(&reader.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&reader.parser, (const unsigned char *)text, bytes);
    decant_status status = read_stream(&reader, ret_doc);
    yaml_parser_delete(&reader.parser);
    return status;
}
