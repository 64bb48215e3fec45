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

/* Raw rows as an encoder reads them, all of them as the test part; but rows of the very file that the encoder was made
 * from are parted as they were then. Every row must have its target. `is_trained_on`: path is what training named;
 * STALE where that file was parted and is another now. */
decant_status dcn_csv_open_rows(const dcn_encoder *encoder, const char *path, bool is_trained_on,
                                decant_dataset **ret_dataset);
/* Rows first ... first + count - 1 (count 0: all that follow) to be answered, as the test part; with labels where each
 * of them has a target that the encoder knows. */
decant_status dcn_csv_open_inputs(const dcn_encoder *encoder, const char *path, int64_t first, int64_t count,
                                  decant_dataset **ret_dataset);

#endif
