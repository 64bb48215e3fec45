/* Where a recipe's data comes from: a name, a folder, or a table with what is said about its columns. */
#include <string.h>

#include "recipe/experiment.h"
#include "recipe/schema.h"

static decant_status parse_choices(const dcn_doc *columns, dcn_column_choice *choices, int32_t *count)
{
    static const char *const words[] = {"numeric", "category", "drop"};
    static const dcn_column_kind kinds[] = {DCN_COLUMN_NUMERIC, DCN_COLUMN_CATEGORY, DCN_COLUMN_DROPPED};
    if (columns == NULL) return DECANT_OK;
    if (columns->type != DCN_DOC_MAP)
        return dcn_doc_fail(columns, DECANT_USAGE, "columns wants a map: {NAME: numeric}, category or drop");
    for (int32_t i = 0; i < columns->count; i++) {
        const char *word = NULL;
        size_t kind = 0;
        TRY_RETURN(dcn_doc_text(columns->items[i], columns->keys[i], &word));
        while (kind < DCN_COUNT(words) && strcmp(word, words[kind]) != 0)
            kind++;
        if (kind == DCN_COUNT(words))
            return dcn_schema_unknown(columns->items[i], "type of column", word, words, DCN_COUNT(words));
        choices[(*count)++] = (dcn_column_choice){columns->keys[i], kinds[kind]};
    }
    return DECANT_OK;
}

static decant_status parse_drop(const dcn_doc *drop, const dcn_doc *columns, dcn_column_choice *choices, int32_t *count)
{
    if (drop == NULL) return DECANT_OK;
    if (drop->type != DCN_DOC_LIST) return dcn_doc_fail(drop, DECANT_USAGE, "drop wants a list of columns: [id, name]");
    for (int32_t i = 0; i < drop->count; i++) {
        const char *name = NULL;
        TRY_RETURN(dcn_doc_text(drop->items[i], "drop", &name));
        if (dcn_doc_get(columns, name) != NULL)
            return dcn_doc_fail(drop->items[i], DECANT_USAGE, "'%s' is dropped here and declared in columns", name);
        choices[(*count)++] = (dcn_column_choice){name, DCN_COLUMN_DROPPED};
    }
    return DECANT_OK;
}

/* A share of the rows, or another file. */
static decant_status parse_test(const dcn_doc *doc, dcn_csv_options *csv)
{
    const char *text = NULL;
    double share = 0;
    TRY_RETURN(dcn_doc_text(doc, "test", &text));
    if (doc->quoted || !dcn_parse_double(text, &share)) {
        csv->test_path = text;
        return DECANT_OK;
    }
    TRY_RETURN(dcn_doc_double(doc, "test", 0, 1, &csv->test));
    if (csv->test > 0 && csv->test < 1) return DECANT_OK;
    return dcn_doc_fail(doc, DECANT_USAGE, "test wants a share of the rows between 0 and 1, or a file");
}

/* The same; none when absent. */
static decant_status parse_unlabelled(const dcn_doc *doc, dcn_csv_options *csv)
{
    const char *text = NULL;
    double share = 0;
    if (doc == NULL) return DECANT_OK;
    TRY_RETURN(dcn_doc_text(doc, "unlabelled", &text));
    if (doc->quoted || !dcn_parse_double(text, &share)) {
        csv->unlabelled_path = text;
        return DECANT_OK;
    }
    TRY_RETURN(dcn_doc_double(doc, "unlabelled", 0, 1, &csv->unlabelled));
    if (csv->unlabelled < 1) return DECANT_OK;
    return dcn_doc_fail(doc, DECANT_USAGE, "unlabelled wants a share of the rows less than 1, or a file");
}

static decant_status parse_table(dcn_arena *arena, const dcn_doc *doc, dcn_data_spec *data)
{
    dcn_csv_options *csv = &data->csv;
    dcn_column_choice *choices = NULL;
    TRY_RETURN(dcn_schema_check(DCN_SECTION_TABLE, doc));
    const dcn_doc *drop = dcn_doc_get(doc, "drop"), *columns = dcn_doc_get(doc, "columns");
    size_t room = (drop != NULL ? (size_t)drop->count : 0) + (columns != NULL ? (size_t)columns->count : 0) + 1;
    TRY_RETURN(dcn_arena_take(arena, room * sizeof *choices, (void **)&choices));
    TRY_RETURN(parse_choices(columns, choices, &csv->n_choices));
    TRY_RETURN(parse_drop(drop, columns, choices, &csv->n_choices));
    csv->choices = choices;
    TRY_RETURN(dcn_schema_text(DCN_SECTION_TABLE, doc, "path", &csv->path));
    TRY_RETURN(dcn_schema_text(DCN_SECTION_TABLE, doc, "target", &csv->target));
    TRY_RETURN(parse_test(dcn_doc_get(doc, "test"), csv));
    TRY_RETURN(parse_unlabelled(dcn_doc_get(doc, "unlabelled"), csv));
    data->source = csv->path;
    data->source_kind = DCN_SOURCE_CSV;
    return DECANT_OK;
}

decant_status dcn_source_parse(dcn_arena *arena, const dcn_doc *doc, dcn_data_spec *data)
{
    if (doc->type == DCN_DOC_SCALAR) {
        data->source_kind = DCN_SOURCE_NAMED;
        return dcn_doc_text(doc, "source", &data->source);
    }
    const dcn_doc *kind = dcn_doc_get(doc, "format");
    if (kind != NULL && kind->type == DCN_DOC_SCALAR && strcmp(kind->text, "csv") == 0)
        return parse_table(arena, doc, data);
    const char *format = NULL;
    TRY_RETURN(dcn_schema_check(DCN_SECTION_SOURCE, doc));
    TRY_RETURN(dcn_schema_text(DCN_SECTION_SOURCE, doc, "format", &format));
    TRY_RETURN(dcn_schema_text(DCN_SECTION_SOURCE, doc, "path", &data->source));
    data->source_kind = strcmp(format, "idx") == 0 ? DCN_SOURCE_IDX : DCN_SOURCE_CIFAR;
    return DECANT_OK;
}
