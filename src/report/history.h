/* What metrics.jsonl says of a run, epoch by epoch, and curves of it that are short enough to draw. */
#ifndef DCN_REPORT_HISTORY_H
#define DCN_REPORT_HISTORY_H

#include "base/memory.h"

/* The first columns; each term of the loss has one behind them, under its label. */
enum {
    DCN_HISTORY_LOSS,
    DCN_HISTORY_ACCURACY,
    DCN_HISTORY_VALIDATION_LOSS,
    DCN_HISTORY_VALIDATION_ACCURACY,
    DCN_HISTORY_RATE,
    DCN_HISTORY_FIRST_TERM
};

#define DCN_HISTORY_MAX_COLUMNS 32

typedef struct dcn_history_column {
    char *name;
    double *values; /* [n_epochs] NAN where nothing was measured */
} dcn_history_column;

typedef struct dcn_history {
    int64_t n_epochs; /* 0: there was no file */
    dcn_history_column columns[DCN_HISTORY_MAX_COLUMNS];
    int32_t n_columns;
} dcn_history;

/* Reads DIRECTORY/metrics.jsonl. Without the file the history is empty; FORMAT with its line where it is damaged. */
decant_status dcn_history_read(const char *directory, dcn_history *ret_history);
void dcn_history_finish(dcn_history *history);
/* The column of that name, or NULL. */
const dcn_history_column *dcn_history_find(const dcn_history *history, const char *name);

/* The most points of a curve. */
#define DCN_CURVE_POINTS 200

/* One column of several seeds: their mean, and between which values they lie. Where there are more epochs than points,
 * each point stands for `stride` epochs, so that no spike is lost between two of them. */
typedef struct dcn_curve {
    int32_t n_points;
    int64_t stride;
    int64_t epoch[DCN_CURVE_POINTS];                                              /* the last one, counting from 1 */
    double mean[DCN_CURVE_POINTS], low[DCN_CURVE_POINTS], high[DCN_CURVE_POINTS]; /* NAN where nothing was measured */
    bool is_known;                                                                /* at any point */
} dcn_curve;

void dcn_curve_make(const dcn_history *histories, int32_t n_histories, const char *column, dcn_curve *ret_curve);

#endif
