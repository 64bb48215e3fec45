/* Learning an encoder from training rows, and encoding rows with it. */
#include "data/encoder.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/characters.h"
#include "base/folder.h"
#include "base/memory.h"
#include "base/text.h"
#include "data/words.h"

#define MOST_SHOWN 40       /* bytes of a cell in a message */
#define SHOWN      "%.*s%s" /* for what SHOW gives: the cell, cut when it is long */
#define SHOW(csv, cell)                                                                                                \
    (int)dcn_text_cut((const char *)(csv)->data + (cell)->offset, (cell)->length, MOST_SHOWN),                         \
        (const char *)(csv)->data + (cell)->offset, (cell)->length <= MOST_SHOWN ? "" : "..."

#define LARGEST_EXACT 16777216.0f /* 2^24: every whole number up to it is one of f32 */

void dcn_encoder_destroy(dcn_encoder *encoder)
{
    if (encoder == NULL) return;
    for (int32_t i = 0; encoder->columns != NULL && i < encoder->n_columns; i++) {
        dcn_free(encoder->columns[i].name);
        dcn_names_free(encoder->columns[i].categories, encoder->columns[i].n_categories);
    }
    dcn_free(encoder->columns);
    dcn_names_free(encoder->classes, encoder->n_classes);
    dcn_free(encoder->target);
    dcn_free(encoder->parting.test_path);
    dcn_free(encoder->parting.unlabelled_path);
    dcn_free(encoder);
}

decant_status dcn_encoder_count_inputs(dcn_encoder *encoder)
{
    int32_t inputs = 0;
    for (int32_t i = 0; i < encoder->n_columns; i++) {
        dcn_column *column = &encoder->columns[i];
        column->first_input = inputs;
        inputs += column->kind == DCN_COLUMN_CATEGORY && column->n_categories > 2 ? column->n_categories : 1;
        if (inputs > DCN_MAX_TABLE_INPUTS)
            return DCN_FAIL(FORMAT, "the table makes more than %d inputs", DCN_MAX_TABLE_INPUTS);
    }
    if (inputs == 0) return DCN_FAIL(FORMAT, "no column but the target is left for the network to see");
    encoder->n_inputs = inputs;
    return DECANT_OK;
}

/* The sorted words, handed over. */
static void take_words(dcn_words *words, char ***ret_texts, int32_t *ret_count)
{
    *ret_texts = words->items;
    *ret_count = words->count;
    words->items = NULL;
}

/* --- classes --- */

static decant_status collect_classes(const dcn_csv *csv, int32_t target, dcn_words *words)
{
    for (int64_t row = 0; row < csv->n_rows; row++) {
        const dcn_csv_cell *cell = dcn_csv_at(csv, row, target);
        bool full = false;
        if (cell->length == 0) return dcn_csv_fail(csv, row, target, "the target is empty");
        TRY_RETURN(dcn_words_add(words, csv->data + cell->offset, cell->length, &full));
        if (full)
            return dcn_csv_fail(csv, row, target, "more than %d different values; a target names classes",
                                DCN_MAX_CATEGORIES);
    }
    if (words->count < 2) return dcn_csv_fail(csv, 0, target, "every row has the class '%s'", words->items[0]);
    return DECANT_OK;
}

decant_status dcn_encoder_classes(const dcn_csv *csv, const char *target, dcn_encoder **ret_encoder)
{
    dcn_encoder *encoder = NULL;
    dcn_words words = {0};
    int32_t column = -1;
    decant_status status = dcn_new(sizeof *encoder, (void **)&encoder);
    if (status != DECANT_OK) goto out;
    TRY(dcn_copy_string(target, &encoder->target));
    TRY(dcn_csv_need(csv, target, &column));
    TRY(dcn_words_create(DCN_MAX_CATEGORIES, &words));
    TRY(collect_classes(csv, column, &words));
    dcn_words_sort(&words);
    take_words(&words, &encoder->classes, &encoder->n_classes);
    *ret_encoder = encoder;
    encoder = NULL;
out:
    dcn_words_finish(&words);
    dcn_encoder_destroy(encoder);
    return status;
}

decant_status dcn_encoder_labels(const dcn_encoder *encoder, const dcn_csv *csv, int32_t *ret_labels)
{
    int32_t target = -1;
    TRY_RETURN(dcn_csv_need(csv, encoder->target, &target));
    for (int64_t row = 0; row < csv->n_rows; row++) {
        const dcn_csv_cell *cell = dcn_csv_at(csv, row, target);
        if (cell->length == 0) return dcn_csv_fail(csv, row, target, "the target is empty");
        ret_labels[row] = dcn_words_find(encoder->classes, encoder->n_classes, csv->data + cell->offset, cell->length);
        if (ret_labels[row] < 0)
            return dcn_csv_fail(csv, row, target, "'" SHOWN "' is none of the %d classes", SHOW(csv, cell),
                                encoder->n_classes);
    }
    return DECANT_OK;
}

/* --- fitting --- */

/* The k-th smallest (k from 0), by Hoare's selection; values are moved about. */
static float select_kth(float *values, int64_t count, int64_t k)
{
    int64_t low = 0, high = count - 1;
    while (low < high) {
        float pivot = values[low + (high - low) / 2];
        int64_t i = low, j = high;
        while (i <= j) {
            while (values[i] < pivot)
                i++;
            while (values[j] > pivot)
                j--;
            if (i > j) break;
            float swapped = values[i];
            values[i++] = values[j];
            values[j--] = swapped;
        }
        if (k <= j)
            high = j;
        else if (k >= i)
            low = i;
        else
            break;
    }
    return values[k];
}

/* The middle value, or the mean of the two in the middle. */
static float median(float *values, int64_t count)
{
    float upper = select_kth(values, count, count / 2), lower = upper;
    if (count % 2 == 1) return upper;
    lower = values[0]; /* selecting left all smaller values in front */
    for (int64_t i = 1; i < count / 2; i++)
        if (values[i] > lower) lower = values[i];
    return lower + (upper - lower) / 2;
}

/* What the cells of one column are. */
typedef struct survey {
    float *numbers; /* [n_numbers] */
    int64_t n_numbers, n_words, n_empty;
    int64_t first_word; /* the row of the first that is no number */
} survey;

static void survey_cell(const dcn_csv *csv, int64_t row, int32_t index, survey *found)
{
    const dcn_csv_cell *cell = dcn_csv_at(csv, row, index);
    if (cell->length == 0)
        found->n_empty++;
    else if (dcn_csv_number(csv, cell, &found->numbers[found->n_numbers]))
        found->n_numbers++;
    else if (found->n_words++ == 0)
        found->first_word = row;
}

/* All columns in one pass: a table is read fastest in the order in which it lies. */
static void survey_rows(const dcn_csv *csv, const dcn_column_kind *kinds, const int32_t *rows, int64_t count,
                        survey *surveys)
{
    for (int64_t i = 0; i < count; i++)
        for (int32_t c = 0; c < csv->n_columns; c++)
            if (kinds[c] != DCN_COLUMN_DROPPED) survey_cell(csv, rows[i], c, &surveys[c]);
}

/* A number that is not one of f32. */
static decant_status fail_too_large(const dcn_csv *csv, int64_t row, int32_t column, const dcn_csv_cell *cell)
{
    return dcn_csv_fail(csv, row, column,
                        "'" SHOWN "' is larger than f32 holds (3.4e38); rescale the column, or drop it",
                        SHOW(csv, cell));
}

/* Mostly numbers, but not all: nobody but the user knows whether these are codes or a slip. */
static decant_status choose_kind(const dcn_csv *csv, int32_t index, const survey *found, dcn_column_kind *kind)
{
    if (found->n_numbers + found->n_words == 0)
        return dcn_csv_fail(csv, -1, index, "no training row has a value; drop the column");
    bool mixed = found->n_words > 0 && found->n_numbers >= found->n_words;
    if (found->n_words > 0 && (*kind == DCN_COLUMN_NUMERIC || (*kind == DCN_COLUMN_AUTO && mixed))) {
        const dcn_csv_cell *cell = dcn_csv_at(csv, found->first_word, index);
        if (dcn_csv_is_decimal(csv, cell)) return fail_too_large(csv, found->first_word, index, cell);
        return dcn_csv_fail(
            csv, found->first_word, index, "'" SHOWN "' is no number%s", SHOW(csv, cell),
            *kind == DCN_COLUMN_AUTO ? ", but most of the column are; if they are names, declare it a category" : "");
    }
    if (*kind == DCN_COLUMN_AUTO) *kind = found->n_words == 0 ? DCN_COLUMN_NUMERIC : DCN_COLUMN_CATEGORY;
    return DECANT_OK;
}

static decant_status fit_categories(const dcn_csv *csv, int32_t index, const int32_t *rows, int64_t count,
                                    dcn_column *column)
{
    dcn_words words = {0};
    decant_status status = dcn_words_create(DCN_MAX_CATEGORIES, &words);
    if (status != DECANT_OK) goto out;
    for (int64_t i = 0; i < count; i++) {
        const dcn_csv_cell *cell = dcn_csv_at(csv, rows[i], index);
        bool full = false;
        if (cell->length == 0) continue;
        TRY(dcn_words_add(&words, csv->data + cell->offset, cell->length, &full));
        if (full) {
            status =
                dcn_csv_fail(csv, rows[i], index, "more than %d categories; drop the column, or declare it numeric",
                             DCN_MAX_CATEGORIES);
            goto out;
        }
    }
    dcn_words_sort(&words);
    for (int32_t c = 1; c < words.count; c++)
        if (words.counts[c] > words.counts[column->fill_category]) column->fill_category = c;
    take_words(&words, &column->categories, &column->n_categories);
out:
    dcn_words_finish(&words);
    return status;
}

static decant_status fit_column(dcn_encoder *encoder, const dcn_csv *csv, int32_t index, dcn_column_kind kind,
                                const int32_t *rows, int64_t count, const survey *found)
{
    dcn_column *column = &encoder->columns[encoder->n_columns];
    TRY_RETURN(choose_kind(csv, index, found, &kind));
    encoder->n_columns++;
    encoder->n_filled += found->n_empty;
    column->kind = kind;
    TRY_RETURN(dcn_copy_string(csv->columns[index], &column->name));
    if (kind == DCN_COLUMN_CATEGORY) return fit_categories(csv, index, rows, count, column);
    column->fill = median(found->numbers, found->n_numbers);
    for (int64_t i = 0; i < found->n_numbers; i++)
        column->is_large = column->is_large || fabsf(found->numbers[i]) > LARGEST_EXACT;
    return DECANT_OK;
}

/* How each column is declared, [n_columns]; the target counts as dropped. */
static decant_status declare(const dcn_encoder *encoder, const dcn_csv *csv, const dcn_column_choice *choices,
                             int32_t n_choices, dcn_column_kind *kinds)
{
    int32_t target = -1;
    TRY_RETURN(dcn_csv_need(csv, encoder->target, &target));
    for (int32_t i = 0; i < n_choices; i++) {
        int32_t index = -1;
        TRY_RETURN(dcn_csv_need(csv, choices[i].column, &index));
        if (index == target)
            return DCN_FAIL(USAGE, "'%s' is the target, which is no input: there is nothing to declare or to drop",
                            encoder->target);
        kinds[index] = choices[i].kind;
    }
    kinds[target] = DCN_COLUMN_DROPPED;
    return DECANT_OK;
}

decant_status dcn_encoder_fit(dcn_encoder *encoder, const dcn_csv *csv, const int32_t *rows, int64_t count,
                              const dcn_column_choice *choices, int32_t n_choices)
{
    dcn_column_kind *kinds = NULL;
    survey *surveys = NULL;
    float *numbers = NULL; /* [n_columns, room] */
    size_t n_columns = (size_t)csv->n_columns, room = (size_t)count + 1;
    decant_status status = dcn_new_array(n_columns, sizeof *kinds, (void **)&kinds);
    if (status != DECANT_OK) goto out;
    TRY(declare(encoder, csv, choices, n_choices, kinds));
    TRY(dcn_new_array(n_columns, sizeof *surveys, (void **)&surveys));
    TRY(dcn_new_array(n_columns * room, sizeof *numbers, (void **)&numbers)); /* fewer than there are cells */
    TRY(dcn_new_array(n_columns, sizeof *encoder->columns, (void **)&encoder->columns));
    for (size_t i = 0; i < n_columns; i++)
        surveys[i].numbers = numbers + i * room;
    survey_rows(csv, kinds, rows, count, surveys);
    for (int32_t i = 0; i < csv->n_columns; i++)
        if (kinds[i] != DCN_COLUMN_DROPPED) TRY(fit_column(encoder, csv, i, kinds[i], rows, count, &surveys[i]));
    TRY(dcn_encoder_count_inputs(encoder));
out:
    dcn_free(kinds);
    dcn_free(surveys);
    dcn_free(numbers);
    return status;
}

/* --- encoding --- */

static decant_status encode_number(const dcn_column *column, const dcn_csv *csv, int64_t row, int32_t index, float *ret)
{
    const dcn_csv_cell *cell = dcn_csv_at(csv, row, index);
    *ret = column->fill;
    if (cell->length == 0 || dcn_csv_number(csv, cell, ret)) return DECANT_OK;
    if (dcn_csv_is_decimal(csv, cell)) return fail_too_large(csv, row, index, cell);
    return dcn_csv_fail(csv, row, index, "'" SHOWN "' is no number", SHOW(csv, cell));
}

/* inputs: where those of the column begin, still 0 */
static decant_status encode_category(const dcn_column *column, const dcn_csv *csv, int64_t row, int32_t index,
                                     float *inputs)
{
    const dcn_csv_cell *cell = dcn_csv_at(csv, row, index);
    int32_t category = column->fill_category;
    if (cell->length > 0)
        category = dcn_words_find(column->categories, column->n_categories, csv->data + cell->offset, cell->length);
    if (category < 0)
        return dcn_csv_fail(csv, row, index, "'" SHOWN "' is none of the %d categories of the training rows",
                            SHOW(csv, cell), column->n_categories);
    if (column->n_categories > 2)
        inputs[category] = 1;
    else
        inputs[0] = (float)category;
    return DECANT_OK;
}

decant_status dcn_encoder_rows(const dcn_encoder *encoder, const dcn_csv *csv, const int32_t *rows, int64_t count,
                               float *ret_inputs)
{
    int32_t *places = NULL; /* [n_columns] of the encoder's columns in this file */
    decant_status status = dcn_new_array((size_t)encoder->n_columns, sizeof *places, (void **)&places);
    if (status != DECANT_OK) goto out;
    for (int32_t c = 0; c < encoder->n_columns; c++)
        TRY(dcn_csv_need(csv, encoder->columns[c].name, &places[c]));
    memset(ret_inputs, 0, (size_t)count * (size_t)encoder->n_inputs * sizeof *ret_inputs);
    for (int64_t i = 0; i < count; i++) {
        int64_t row = rows != NULL ? rows[i] : i;
        for (int32_t c = 0; c < encoder->n_columns; c++) {
            const dcn_column *column = &encoder->columns[c];
            float *to = ret_inputs + i * encoder->n_inputs + column->first_input;
            TRY(column->kind == DCN_COLUMN_NUMERIC ? encode_number(column, csv, row, places[c], to)
                                                   : encode_category(column, csv, row, places[c], to));
        }
    }
out:
    dcn_free(places);
    return status;
}
