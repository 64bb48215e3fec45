/* Writes metrics.jsonl and cuts it back to a checkpoint. */
#include "train/metrics_file.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"

#define LARGEST_FILE ((size_t)256 << 20)
#define LINE_START   "{\"epoch\":"

/* The epoch (1-based) that a line is about; 0 for a line that is none of ours. */
static int64_t line_epoch(const char *line, size_t length)
{
    size_t start = strlen(LINE_START);
    if (length <= start || strncmp(line, LINE_START, start) != 0) return 0;
    return strtoll(line + start, NULL, 10); /* the file's text ends in NUL */
}

decant_status dcn_metrics_file_keep(const char *path, int64_t epochs_done)
{
    if (epochs_done == 0 || !dcn_file_exists(path)) return dcn_file_remove(path);

    uint8_t *data = NULL;
    size_t bytes = 0;
    dcn_text kept = {0};
    decant_status status = DECANT_OK;
    TRY(dcn_file_read(path, LARGEST_FILE, &data, &bytes));
    const char *line = (const char *)data, *end = line + bytes;
    for (int64_t next = 1; line < end && next <= epochs_done;) {
        const char *stop = memchr(line, '\n', (size_t)(end - line));
        if (stop == NULL) break; /* cut short by a crash */
        size_t length = (size_t)(stop - line) + 1;
        if (line_epoch(line, length) == next) {
            TRY(dcn_text_add_bytes(&kept, line, length));
            next++;
        }
        line += length;
    }
    TRY(dcn_file_write(path, kept.length > 0 ? kept.data : "", kept.length));
out:
    dcn_text_finish(&kept);
    dcn_free(data);
    if (status != DECANT_OK) dcn_while("cutting %s back to epoch %" PRId64, path, epochs_done);
    return status;
}

static decant_status add_number(dcn_text *line, const char *key, double number)
{
    if (!isfinite(number)) return dcn_text_add(line, "\"%s\":null", key);
    return dcn_text_add(line, "\"%s\":%.9g", key, number);
}

static decant_status add_terms(dcn_text *line, const dcn_train_options *options, const dcn_epoch *epoch)
{
    TRY_RETURN(dcn_text_add(line, ",\"terms\":{"));
    for (int32_t i = 0; i < options->n_terms; i++) {
        char label[DCN_TERM_LABEL];
        dcn_term_label(options->terms, i, label);
        if (i > 0) TRY_RETURN(dcn_text_add(line, ","));
        TRY_RETURN(add_number(line, label, epoch->term[i]));
    }
    return dcn_text_add(line, "}");
}

static decant_status add_validation(dcn_text *line, const dcn_epoch *epoch)
{
    if (isnan(epoch->validation_accuracy)) return dcn_text_add(line, ",\"validation\":null");
    TRY_RETURN(dcn_text_add(line, ",\"validation\":{"));
    TRY_RETURN(add_number(line, "loss", epoch->validation_loss));
    TRY_RETURN(dcn_text_add(line, ","));
    TRY_RETURN(add_number(line, "accuracy", epoch->validation_accuracy));
    return dcn_text_add(line, ",\"errors\":%" PRId64 "}", epoch->validation_errors);
}

decant_status dcn_metrics_file_add(const char *path, const dcn_train_options *options, const dcn_epoch *epoch,
                                   int64_t steps_done)
{
    dcn_text line = {0};
    decant_status status = DECANT_OK;
    TRY(dcn_text_add(&line, LINE_START "%" PRId64 ",\"epochs\":%" PRId64 ",\"steps\":%" PRId64 ",", epoch->epoch + 1,
                     epoch->epochs, steps_done));
    TRY(add_number(&line, "lr", epoch->lr));
    TRY(dcn_text_add(&line, ","));
    TRY(add_number(&line, "loss", epoch->loss));
    TRY(dcn_text_add(&line, ","));
    TRY(add_number(&line, "accuracy", epoch->accuracy));
    TRY(add_terms(&line, options, epoch));
    TRY(add_validation(&line, epoch));
    TRY(dcn_text_add(&line, ",\"best\":%s,", epoch->best ? "true" : "false"));
    TRY(add_number(&line, "seconds", epoch->seconds));
    TRY(dcn_text_add(&line, ","));
    TRY(add_number(&line, "images_per_second", epoch->images_per_second));
    TRY(dcn_text_add(&line, "}"));
    TRY(dcn_file_append_line(path, line.data));
out:
    dcn_text_finish(&line);
    return status;
}
