/* A CSV table as a data set, and raw rows for a model that was trained on one. */
#ifndef DCN_DATA_CSV_DATASET_H
#define DCN_DATA_CSV_DATASET_H

#include "data/csv.h"
#include "data/dataset.h"

/* A table as a recipe declares it. */
typedef struct dcn_csv_options {
    const char *path; /* looked for as dcn_source_locate says */
    const char *target;
    const char *test_path; /* NULL: the test rows are a part of the file */
    double test;           /* without test_path: the share of the rows that are left without the unlabelled ones */
    double unlabelled;     /* share of the rows whose labels are left out: the pool */
    const char *unlabelled_path; /* or a file of them, whose targets are not looked at; NULL: none */
    const dcn_column_choice *choices;
    int32_t n_choices;
    int64_t validation; /* held out of the training part later: these rows teach the encoder nothing */
    uint64_t seed;
} dcn_csv_options;

/* Parts the rows (stratified; shares are rounded up), learns the encoder from the training rows that are not for
 * validation, and encodes all; the unlabelled rows stand behind the training rows. FORMAT with file:line:column. */
decant_status dcn_csv_open(const dcn_csv_options *options, decant_dataset **ret_dataset);

/* The same of tables already parsed, which are kept by the caller; test and unlabelled NULL: as the options say. */
decant_status dcn_csv_build(const dcn_csv_options *options, const dcn_csv *csv, const dcn_csv *test,
                            const dcn_csv *unlabelled, decant_dataset **ret_dataset);

typedef enum dcn_rows {
    DCN_ROWS_INPUTS,    /* to be answered: labels where every row has a target */
    DCN_ROWS_LABELLED,  /* every row must have one */
    DCN_ROWS_TRAINED_ON /* the same, of the file that training named */
} dcn_rows;

/* Raw rows as an encoder reads them, all of them as the test part; but labelled rows of the very file that the encoder
 * was made from are parted as they were then. STALE where that file was parted and is another now. */
decant_status dcn_csv_open_rows(const dcn_encoder *encoder, const char *path, dcn_rows rows,
                                decant_dataset **ret_dataset);

#endif
