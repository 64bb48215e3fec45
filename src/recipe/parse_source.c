/* Where a recipe's data comes from: a name, a folder, a table with what is said about its columns, pictures or arrays.
 */
#include <string.h>

#include "base/text.h"
#include "data/source.h"
#include "recipe/parse.h"

#define MAX_SIDE 4096 /* of a picture that a network sees */

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

/* --- pictures and arrays --- */

/* N, or [H, W] */
static decant_status parse_size(const dcn_doc *doc, dcn_files_options *files)
{
    int64_t height = 0, width = 0;
    if (doc == NULL) return DECANT_OK;
    if (doc->type == DCN_DOC_LIST && doc->count != 2)
        return dcn_doc_fail(doc, DECANT_USAGE, "size wants N or [H, W], not %d numbers", doc->count);
    const dcn_doc *first = doc->type == DCN_DOC_LIST ? doc->items[0] : doc;
    const dcn_doc *second = doc->type == DCN_DOC_LIST ? doc->items[1] : doc;
    TRY_RETURN(dcn_doc_int(first, "size", 1, MAX_SIDE, &height));
    TRY_RETURN(dcn_doc_int(second, "size", 1, MAX_SIDE, &width));
    files->height = (int32_t)height;
    files->width = (int32_t)width;
    return DECANT_OK;
}

static decant_status parse_images(const dcn_doc *doc, dcn_files_options *files)
{
    int64_t channels = 0;
    TRY_RETURN(dcn_schema_check(DCN_SECTION_IMAGES, doc));
    TRY_RETURN(dcn_schema_int(DCN_SECTION_IMAGES, doc, "channels", &channels));
    if (channels == 2) return dcn_doc_fail(dcn_doc_get(doc, "channels"), DECANT_USAGE, "channels wants 1 or 3");
    TRY_RETURN(parse_size(dcn_doc_get(doc, "size"), files));
    TRY_RETURN(dcn_schema_text(DCN_SECTION_IMAGES, doc, "path", &files->path));
    TRY_RETURN(dcn_schema_number(DCN_SECTION_IMAGES, doc, "test", &files->test));
    files->format = DCN_FILES_IMAGES;
    files->channels = (int32_t)channels;
    return DECANT_OK;
}

static decant_status parse_array_names(const dcn_doc *doc, dcn_files_options *files)
{
    if (doc == NULL) return DECANT_OK;
    TRY_RETURN(dcn_schema_check(DCN_SECTION_ARRAY_NAMES, doc));
    for (int i = 0; i < DCN_N_ARRAYS; i++)
        TRY_RETURN(dcn_schema_text(DCN_SECTION_ARRAY_NAMES, doc, dcn_array_names[i], &files->names[i]));
    return DECANT_OK;
}

static decant_status parse_arrays(const dcn_doc *doc, dcn_files_options *files)
{
    int32_t layout = DCN_AXES_AUTO;
    TRY_RETURN(dcn_schema_check(DCN_SECTION_ARRAYS, doc));
    TRY_RETURN(parse_array_names(dcn_doc_get(doc, "arrays"), files));
    TRY_RETURN(dcn_schema_choice(DCN_SECTION_ARRAYS, doc, "layout", &layout));
    TRY_RETURN(dcn_schema_text(DCN_SECTION_ARRAYS, doc, "path", &files->path));
    TRY_RETURN(dcn_schema_number(DCN_SECTION_ARRAYS, doc, "test", &files->test));
    files->format = DCN_FILES_ARRAYS;
    files->axes = (dcn_axes)layout;
    return DECANT_OK;
}

static decant_status parse_files(const dcn_doc *doc, bool is_images, dcn_data_spec *data)
{
    TRY_RETURN(is_images ? parse_images(doc, &data->files) : parse_arrays(doc, &data->files));
    data->source = data->files.path;
    data->source_kind = DCN_SOURCE_FILES;
    return DECANT_OK;
}

static bool has_misspelt(const dcn_doc *doc, const char *key)
{
    for (int32_t i = 0; i < doc->count; i++)
        if (dcn_nearest(doc->keys[i], &key, 1) != NULL) return true;
    return false;
}

decant_status dcn_source_parse(dcn_arena *arena, const dcn_doc *doc, dcn_data_spec *data)
{
    if (doc->type == DCN_DOC_SCALAR) {
        data->source_kind = DCN_SOURCE_NAMED;
        return dcn_doc_text(doc, "source", &data->source);
    }
    const dcn_doc *kind = dcn_doc_get(doc, "format");
    const char *word = kind != NULL && kind->type == DCN_DOC_SCALAR ? kind->text : "";
    if (strcmp(word, "csv") == 0) return parse_table(arena, doc, data);
    if (strcmp(word, "images") == 0 || strcmp(word, "npz") == 0)
        return parse_files(doc, strcmp(word, "images") == 0, data);
    const char *format = NULL;
    if (doc->type == DCN_DOC_MAP && kind == NULL && !has_misspelt(doc, "format"))
        return dcn_doc_fail(doc, DECANT_USAGE, "data.source needs the key 'format': idx, cifar, images, npz or csv");
    TRY_RETURN(dcn_schema_check(DCN_SECTION_SOURCE, doc));
    TRY_RETURN(dcn_schema_text(DCN_SECTION_SOURCE, doc, "format", &format));
    TRY_RETURN(dcn_schema_text(DCN_SECTION_SOURCE, doc, "path", &data->source));
    data->source_kind = strcmp(format, "idx") == 0 ? DCN_SOURCE_IDX : DCN_SOURCE_CIFAR;
    return DECANT_OK;
}
