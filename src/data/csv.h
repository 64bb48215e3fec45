/* Comma-separated text as cells, RFC 4180 read strictly: where each cell lies, and its place for messages. What the
 * cells mean is encoder.h's. */
#ifndef DCN_DATA_CSV_H
#define DCN_DATA_CSV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"
#include "base/status.h"

#define DCN_CSV_MAX_COLUMNS    4096
#define DCN_CSV_MAX_CELL_BYTES 65536

typedef struct dcn_csv_cell {
    uint32_t offset, length; /* in data, without quotes and surrounding blanks */
} dcn_csv_cell;

typedef struct dcn_csv {
    char *name;    /* of the file, for messages */
    uint8_t *data; /* [bytes + 1] UTF-8 without NUL; quoted cells are unescaped in place */
    size_t bytes;
    dcn_hash hash; /* of the file's bytes */
    int32_t n_columns;
    int64_t n_rows;      /* without the header */
    dcn_csv_cell *cells; /* [1 + n_rows, n_columns] the header first */
    char **columns;      /* [n_columns] unique names; one without a name is "column N", counted from 1 */
} dcn_csv;

/* Takes data over (dcn_free), also on failure; data[bytes] is 0. Lines may end in \n, \r\n or \r, mixed too; a
 * byte-order mark and empty lines are skipped; quoted cells may hold commas, line ends and doubled quotes. FORMAT with
 * file:line:column for anything else, and for a file without a row. */
decant_status dcn_csv_parse(const char *name, uint8_t *data, size_t bytes, dcn_csv *ret_csv);
/* Plain or gzipped. */
decant_status dcn_csv_read(const char *path, dcn_csv *ret_csv);
void dcn_csv_finish(dcn_csv *csv); /* accepts a zeroed one */

static inline const dcn_csv_cell *dcn_csv_at(const dcn_csv *csv, int64_t row, int32_t column)
{
    return &csv->cells[(row + 1) * csv->n_columns + column];
}

/* The column of that name, or -1. */
int32_t dcn_csv_find(const dcn_csv *csv, const char *column);
/* The same, or USAGE with the nearest name. */
decant_status dcn_csv_need(const dcn_csv *csv, const char *column, int32_t *ret_column);
/* A whole cell as a finite decimal number; false when it is none. */
bool dcn_csv_is_decimal(const dcn_csv *csv, const dcn_csv_cell *cell); /* a number, if perhaps beyond f32 */
bool dcn_csv_number(const dcn_csv *csv, const dcn_csv_cell *cell, float *ret_number);
/* FORMAT at a cell's place: "column 'Age': MESSAGE". Row -1 is the header. */
decant_status dcn_csv_fail(const dcn_csv *csv, int64_t row, int32_t column, const char *format, ...) DCN_PRINTF(4, 5);

#endif
