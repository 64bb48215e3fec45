/* Reads metrics.jsonl, and thins what is too long to draw. */
#include "report/history.h"

#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <string.h>

#include "base/file.h"
#include "base/folder.h"

#define LARGEST_FILE ((size_t)256 << 20)

/* --- reading --- */

static decant_status add_column(dcn_history *history, const char *name, int64_t n_epochs)
{
    if (history->n_columns == DCN_HISTORY_MAX_COLUMNS)
        return DCN_FAIL(FORMAT, "it has more than %d columns", DCN_HISTORY_MAX_COLUMNS);
    dcn_history_column *column = &history->columns[history->n_columns];
    TRY_RETURN(dcn_new_array((size_t)n_epochs, sizeof *column->values, (void **)&column->values));
    history->n_columns++; /* finishing frees it from here on */
    for (int64_t i = 0; i < n_epochs; i++)
        column->values[i] = (double)NAN;
    return dcn_copy_string(name, &column->name);
}

const dcn_history_column *dcn_history_find(const dcn_history *history, const char *name)
{
    for (int32_t i = 0; i < history->n_columns; i++)
        if (strcmp(history->columns[i].name, name) == 0) return &history->columns[i];
    return NULL;
}

static double number_of(const json_t *object, const char *key)
{
    const json_t *number = json_object_get(object, key);
    return json_is_number(number) ? json_number_value(number) : (double)NAN;
}

/* The terms are those of the first epoch. */
static decant_status make_columns(dcn_history *history, const json_t *first, int64_t n_epochs)
{
    static const char *const names[DCN_HISTORY_FIRST_TERM] = {"loss", "accuracy", "validation loss",
                                                              "validation accuracy", "learning rate"};
    const char *term = NULL;
    json_t *value = NULL;
    for (int32_t i = 0; i < DCN_HISTORY_FIRST_TERM; i++)
        TRY_RETURN(add_column(history, names[i], n_epochs));
    json_object_foreach(json_object_get(first, "terms"), term, value)
    {
        (void)value;
        TRY_RETURN(add_column(history, term, n_epochs));
    }
    return DECANT_OK;
}

static decant_status read_epoch(const char *line, size_t length, int64_t n_epochs, dcn_history *history)
{
    json_t *json = json_loadb(line, length, JSON_REJECT_DUPLICATES, NULL);
    const int64_t at = history->n_epochs;
    decant_status status = DECANT_OK;
    if (at == n_epochs || json_integer_value(json_object_get(json, "epoch")) != at + 1) {
        status = DCN_FAIL(FORMAT, "it does not hold epoch %" PRId64, at + 1);
        goto out;
    }
    if (at == 0) TRY(make_columns(history, json, n_epochs));
    const json_t *validation = json_object_get(json, "validation"), *terms = json_object_get(json, "terms");
    history->columns[DCN_HISTORY_LOSS].values[at] = number_of(json, "loss");
    history->columns[DCN_HISTORY_ACCURACY].values[at] = number_of(json, "accuracy");
    history->columns[DCN_HISTORY_VALIDATION_LOSS].values[at] = number_of(validation, "loss");
    history->columns[DCN_HISTORY_VALIDATION_ACCURACY].values[at] = number_of(validation, "accuracy");
    history->columns[DCN_HISTORY_RATE].values[at] = number_of(json, "lr");
    for (int32_t i = DCN_HISTORY_FIRST_TERM; i < history->n_columns; i++)
        history->columns[i].values[at] = number_of(terms, history->columns[i].name);
    history->n_epochs++;
out:
    json_decref(json);
    return status;
}

/* Of lines that may be epochs: what is shorter is none, and memory is taken for as many as there are. */
static int64_t count_lines(const char *text, size_t bytes)
{
    const ptrdiff_t shortest = sizeof "{\"epoch\":1}" - 1;
    const char *line = text;
    int64_t lines = 0;
    for (const char *stop; (stop = memchr(line, '\n', bytes - (size_t)(line - text))) != NULL; line = stop + 1)
        lines += stop - line >= shortest;
    return lines;
}

decant_status dcn_history_read(const char *directory, dcn_history *ret_history)
{
    dcn_history history = {0};
    char *path = NULL;
    uint8_t *data = NULL;
    size_t bytes = 0;
    decant_status status = dcn_path_join(directory, "metrics.jsonl", &path);
    if (status != DECANT_OK) goto out;
    if (!dcn_file_exists(path)) {
        *ret_history = history;
        goto out;
    }
    TRY(dcn_file_read(path, LARGEST_FILE, &data, &bytes));
    const char *line = (const char *)data, *end = line + bytes;
    const int64_t n_epochs = count_lines(line, bytes);
    while (line < end) {
        const char *stop = memchr(line, '\n', (size_t)(end - line));
        if (stop == NULL) break; /* cut short by a crash */
        status = read_epoch(line, (size_t)(stop - line), n_epochs, &history);
        if (status == DECANT_FORMAT) dcn_place("%s:%" PRId64, path, history.n_epochs + 1);
        if (status != DECANT_OK) goto out;
        line = stop + 1;
    }
    *ret_history = history;
    history = (dcn_history){0};
out:
    dcn_history_finish(&history);
    dcn_free(data);
    dcn_free(path);
    return status;
}

void dcn_history_finish(dcn_history *history)
{
    for (int32_t i = 0; i < history->n_columns; i++) {
        dcn_free(history->columns[i].name);
        dcn_free(history->columns[i].values);
    }
    *history = (dcn_history){0};
}

/* --- curves --- */

/* The values of one point: `stride` epochs of every seed, from `first` on. */
static void gather(const dcn_history *histories, int32_t n_histories, const char *column, int64_t first,
                   dcn_curve *curve)
{
    double sum = 0, low = (double)INFINITY, high = -(double)INFINITY;
    int64_t count = 0;
    for (int32_t h = 0; h < n_histories; h++) {
        const dcn_history_column *found = dcn_history_find(&histories[h], column);
        for (int64_t e = first; found != NULL && e < first + curve->stride && e < histories[h].n_epochs; e++) {
            if (!isfinite(found->values[e])) continue;
            sum += found->values[e];
            low = fmin(low, found->values[e]);
            high = fmax(high, found->values[e]);
            count++;
        }
    }
    curve->mean[curve->n_points] = count > 0 ? sum / (double)count : (double)NAN;
    curve->low[curve->n_points] = count > 0 ? low : (double)NAN;
    curve->high[curve->n_points] = count > 0 ? high : (double)NAN;
    curve->is_known = curve->is_known || count > 0;
    curve->n_points++;
}

void dcn_curve_make(const dcn_history *histories, int32_t n_histories, const char *column, dcn_curve *ret_curve)
{
    int64_t n_epochs = 0;
    for (int32_t h = 0; h < n_histories; h++)
        if (histories[h].n_epochs > n_epochs) n_epochs = histories[h].n_epochs;
    *ret_curve = (dcn_curve){.stride = (n_epochs + DCN_CURVE_POINTS - 1) / DCN_CURVE_POINTS};
    for (int64_t first = 0; first < n_epochs; first += ret_curve->stride) {
        int64_t last = first + ret_curve->stride < n_epochs ? first + ret_curve->stride : n_epochs;
        ret_curve->epoch[ret_curve->n_points] = last;
        gather(histories, n_histories, column, first, ret_curve);
    }
}
