/* metrics.jsonl: one line an epoch, in order, whatever was interrupted in between. */
#ifndef DCN_TRAIN_METRICS_FILE_H
#define DCN_TRAIN_METRICS_FILE_H

#include "train/train.h"

/* Drops what a resumed run will write again: the lines from epoch `epochs_done` (0-based) on. 0 removes the file. */
decant_status dcn_metrics_file_keep(const char *path, int64_t epochs_done);
/* Keys: epoch (1-based), epochs, steps, lr, loss, accuracy, terms{}, validation{loss, accuracy, errors} (null without),
 * best, seconds, images_per_second. Numbers that do not exist are null. */
decant_status dcn_metrics_file_add(const char *path, const dcn_train_options *options, const dcn_epoch *epoch,
                                   int64_t steps_done);

#endif
