/* An encoder as JSON, which is how the model file keeps it:
 *   {"target": "...", "classes": [...], "columns": [{"name", "type": "numeric", "fill": 1.5},
 *    {"name", "type": "category", "categories": [...], "fill": "..."}],
 *    "file": {"hash", "test", "unlabelled", "seed", "test_path", "unlabelled_path"}} */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "data/encoder.h"
#include "data/words.h"
#include "format/json_text.h"

/* --- writing --- */

static json_t *texts_json(char *const *texts, int32_t count)
{
    json_t *list = json_array();
    for (int32_t i = 0; i < count; i++)
        dcn_json_append(&list, json_string(texts[i]));
    return list;
}

static json_t *column_json(const dcn_column *column)
{
    if (column->kind == DCN_COLUMN_NUMERIC)
        return json_pack("{s:s, s:s, s:f}", "name", column->name, "type", "numeric", "fill", (double)column->fill);
    return json_pack("{s:s, s:s, s:o, s:s}", "name", column->name, "type", "category", "categories",
                     texts_json(column->categories, column->n_categories), "fill",
                     column->categories[column->fill_category]);
}

decant_status dcn_encoder_to_json(const dcn_encoder *encoder, char **ret_text)
{
    const dcn_parting *parting = &encoder->parting;
    json_t *columns = json_array();
    for (int32_t i = 0; i < encoder->n_columns; i++)
        dcn_json_append(&columns, column_json(&encoder->columns[i]));
    json_t *file = json_pack("{s:s, s:s, s:s, s:f, s:f, s:I, s:s*, s:s*}", "hash", parting->file_hash, "rows",
                             parting->rows_hash, "any_order", parting->any_order_hash, "test", parting->test,
                             "unlabelled", parting->unlabelled, "seed", (json_int_t)parting->seed, "test_path",
                             parting->test_path, "unlabelled_path", parting->unlabelled_path);
    json_t *json = json_pack("{s:s, s:o, s:o, s:o}", "target", encoder->target, "classes",
                             texts_json(encoder->classes, encoder->n_classes), "columns", columns, "file", file);
    return dcn_json_text(json, JSON_COMPACT | JSON_REAL_PRECISION(17), "how a table is read", ret_text);
}

/* --- reading --- */

static decant_status damaged(const char *what)
{
    return DCN_FAIL(FORMAT, "the model's description of its table is damaged: %s", what);
}

/* Sorted, different texts, as the search needs them. */
static decant_status read_texts(const json_t *list, char ***ret_texts, int32_t *ret_count)
{
    size_t count = json_array_size(list);
    if (count < 1 || count > DCN_MAX_CATEGORIES) return damaged("a list of names");
    TRY_RETURN(dcn_new_array(count, sizeof **ret_texts, (void **)ret_texts));
    for (size_t i = 0; i < count; i++) {
        const char *text = json_string_value(json_array_get(list, i));
        if (text == NULL || (i > 0 && strcmp((*ret_texts)[i - 1], text) >= 0)) return damaged("names out of order");
        TRY_RETURN(dcn_copy_string(text, &(*ret_texts)[i]));
        *ret_count = (int32_t)i + 1;
    }
    return DECANT_OK;
}

static decant_status read_column(const json_t *json, dcn_column *column)
{
    const char *name = json_string_value(json_object_get(json, "name"));
    const char *type = json_string_value(json_object_get(json, "type"));
    const json_t *fill = json_object_get(json, "fill");
    if (name == NULL || type == NULL) return damaged("a column without a name or type");
    TRY_RETURN(dcn_copy_string(name, &column->name));
    if (strcmp(type, "numeric") == 0) {
        column->kind = DCN_COLUMN_NUMERIC;
        column->fill = (float)json_number_value(fill);
        return json_is_number(fill) && isfinite(column->fill) ? DECANT_OK : damaged("the fill value of a number");
    }
    if (strcmp(type, "category") != 0 || !json_is_string(fill)) return damaged("a column's type");
    column->kind = DCN_COLUMN_CATEGORY;
    TRY_RETURN(read_texts(json_object_get(json, "categories"), &column->categories, &column->n_categories));
    const char *word = json_string_value(fill);
    column->fill_category =
        dcn_words_find(column->categories, column->n_categories, (const uint8_t *)word, strlen(word));
    return column->fill_category >= 0 ? DECANT_OK : damaged("the fill value of a category");
}

static decant_status read_columns(const json_t *list, dcn_encoder *encoder)
{
    size_t count = json_array_size(list);
    if (count < 1 || count > DCN_CSV_MAX_COLUMNS) return damaged("its columns");
    TRY_RETURN(dcn_new_array(count, sizeof *encoder->columns, (void **)&encoder->columns));
    encoder->n_columns = (int32_t)count;
    for (size_t i = 0; i < count; i++)
        TRY_RETURN(read_column(json_array_get(list, i), &encoder->columns[i]));
    return dcn_encoder_count_inputs(encoder);
}

static decant_status read_parting(const json_t *json, dcn_parting *parting)
{
    const char *hash = json_string_value(json_object_get(json, "hash"));
    const char *rows = json_string_value(json_object_get(json, "rows")); /* files of before have none */
    const char *test_path = json_string_value(json_object_get(json, "test_path"));
    const char *unlabelled_path = json_string_value(json_object_get(json, "unlabelled_path"));
    double test = json_number_value(json_object_get(json, "test"));
    double unlabelled = json_number_value(json_object_get(json, "unlabelled"));
    json_int_t seed = json_integer_value(json_object_get(json, "seed"));
    const char *any_order = json_string_value(json_object_get(json, "any_order"));
    if (rows == NULL || any_order == NULL) rows = any_order = "";
    if (hash == NULL || strlen(hash) >= sizeof parting->file_hash || strlen(rows) >= sizeof parting->rows_hash ||
        strlen(any_order) >= sizeof parting->any_order_hash || !(test >= 0 && test < 1) ||
        !(unlabelled >= 0 && unlabelled < 1) || seed < 0)
        return damaged("how its file was parted");
    memcpy(parting->file_hash, hash, strlen(hash) + 1);
    memcpy(parting->rows_hash, rows, strlen(rows) + 1);
    memcpy(parting->any_order_hash, any_order, strlen(any_order) + 1);
    parting->test = test;
    parting->unlabelled = unlabelled;
    parting->seed = (uint64_t)seed;
    if (unlabelled_path != NULL) TRY_RETURN(dcn_copy_string(unlabelled_path, &parting->unlabelled_path));
    return test_path != NULL ? dcn_copy_string(test_path, &parting->test_path) : DECANT_OK;
}

decant_status dcn_encoder_from_json(const char *text, dcn_encoder **ret_encoder)
{
    json_t *json = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    const char *target = json_string_value(json_object_get(json, "target"));
    dcn_encoder *encoder = NULL;
    decant_status status = target != NULL ? dcn_new(sizeof *encoder, (void **)&encoder) : damaged("no target");
    if (status != DECANT_OK) goto out;
    TRY(dcn_copy_string(target, &encoder->target));
    TRY(read_texts(json_object_get(json, "classes"), &encoder->classes, &encoder->n_classes));
    TRY(read_columns(json_object_get(json, "columns"), encoder));
    TRY(read_parting(json_object_get(json, "file"), &encoder->parting));
    *ret_encoder = encoder;
    encoder = NULL;
out:
    dcn_encoder_destroy(encoder);
    json_decref(json);
    return status;
}
