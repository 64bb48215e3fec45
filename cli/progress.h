/* What `decant run` shows while it trains: bars on a terminal, plain lines elsewhere, nothing when quiet. All on
 * stderr. */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include "output.h"

typedef struct cli_progress {
    bool quiet;
    bool bars;         /* stderr is a terminal */
    bool bar_open;     /* a bar stands on the current line */
    const char *run;   /* in hand; NULL before the first */
    bool sheet_wanted; /* it is at the first seed that is trained, whose losses are shown */
} cli_progress;

cli_progress progress_begin(bool quiet);
void progress_finding(cli_progress *progress, const decant_finding *finding);
void progress_start(cli_progress *progress, const decant_run_start *start);
void progress_losses(cli_progress *progress, const decant_run_loss *losses, int32_t count);
void progress_teacher(cli_progress *progress, int64_t done, int64_t count);
void progress_batch(cli_progress *progress, const decant_run_progress *now);
void progress_epoch(cli_progress *progress, const decant_run_epoch *epoch);
void progress_result(cli_progress *progress, const decant_run_result *result);
/* Ends an open bar, so that something else can be printed. */
void progress_break(cli_progress *progress);

#endif
