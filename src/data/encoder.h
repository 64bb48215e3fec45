/* What turns the cells of a table into a network's inputs: types, categories and fill values, learnt from the training
 * rows alone and kept in the model file, so that later rows are read as those were. */
#ifndef DCN_DATA_ENCODER_H
#define DCN_DATA_ENCODER_H

#include "data/csv.h"

#define DCN_MAX_CATEGORIES   1024 /* of a column, and classes of a target */
#define DCN_MAX_TABLE_INPUTS 65536

typedef enum dcn_column_kind {
    DCN_COLUMN_AUTO, /* by its cells */
    DCN_COLUMN_NUMERIC,
    DCN_COLUMN_CATEGORY,
    DCN_COLUMN_DROPPED
} dcn_column_kind;

/* A column that the network sees. A number is one input; a category with up to two values is one input, 0 or 1; with
 * more it is one input a value, 1 for the value that the cell has and 0 for the others. */
typedef struct dcn_column {
    char *name;
    dcn_column_kind kind; /* NUMERIC or CATEGORY */
    float fill;           /* NUMERIC: the median, for an empty cell */
    char **categories;    /* CATEGORY: [n_categories] in the order of their bytes */
    int32_t n_categories;
    int32_t fill_category; /* CATEGORY: the commonest (the first of several) */
    int32_t first_input;
    bool is_large; /* NUMERIC, when it was made: it held numbers so large that f32 does not tell neighbours apart */
} dcn_column;

/* Where the training rows came from, so that the file can be parted again as it was. */
typedef struct dcn_parting {
    char file_hash[DCN_HASH_HEX]; /* "" when unknown */
    /* Of the cells that count, row by row, and whatever the order of the rows; "" when unknown. */
    char rows_hash[DCN_HASH_HEX], any_order_hash[DCN_HASH_HEX];
    double test, unlabelled;
    uint64_t seed;
    char *test_path;       /* NULL: the test rows are a part of the file */
    char *unlabelled_path; /* NULL: so is the pool */
} dcn_parting;

typedef struct dcn_encoder {
    char *target;
    char **classes; /* [n_classes] in the order of their bytes */
    int32_t n_classes;
    dcn_column *columns; /* [n_columns] in the order of the file it was made from */
    int32_t n_columns, n_inputs;
    int64_t n_filled; /* empty cells among the rows it was made from */
    dcn_parting parting;
} dcn_encoder;

/* How one column is declared. */
typedef struct dcn_column_choice {
    const char *column;
    dcn_column_kind kind;
} dcn_column_choice;

/* Learns the classes from all rows and everything else from `rows` alone (fit). FORMAT with file:line:column, USAGE for
 * a column that is not there or does not fit its declaration. */
decant_status dcn_encoder_classes(const dcn_csv *csv, const char *target, dcn_encoder **ret_encoder);
decant_status dcn_encoder_fit(dcn_encoder *encoder, const dcn_csv *csv, const int32_t *rows, int64_t count,
                              const dcn_column_choice *choices, int32_t n_choices);
void dcn_encoder_destroy(dcn_encoder *encoder); /* accepts NULL */

/* Encodes rows (NULL: the first `count`) into [count, n_inputs]. Columns are found by name, so their order does not
 * matter and further ones are ignored. FORMAT with file:line:column for a category that the encoder does not know and
 * for text in a column of numbers; an empty cell takes the fill value, whether or not training had empty ones. */
decant_status dcn_encoder_rows(const dcn_encoder *encoder, const dcn_csv *csv, const int32_t *rows, int64_t count,
                               float *ret_inputs);
/* Classes of all rows into [csv->n_rows]. FORMAT with the place for an empty cell or an unknown class. */
decant_status dcn_encoder_labels(const dcn_encoder *encoder, const dcn_csv *csv, int32_t *ret_labels);

/* As JSON, for the model file; what is read is checked (FORMAT). */
decant_status dcn_encoder_to_json(const dcn_encoder *encoder, char **ret_text);
decant_status dcn_encoder_from_json(const char *text, dcn_encoder **ret_encoder);
/* Counts inputs and sets first_input; FORMAT when there are none or too many. */
decant_status dcn_encoder_count_inputs(dcn_encoder *encoder);

#endif
