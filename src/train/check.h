/* What can be known to be wrong before the first step. */
#ifndef DCN_TRAIN_CHECK_H
#define DCN_TRAIN_CHECK_H

#include "train/train.h"

/* SHAPE unless the model takes the data set's samples and has an output for each class. */
decant_status dcn_check_fit(const decant_model *model, const decant_dataset *dataset);
/* Batches of one sample for a layer that normalises over the batch: a network that trains on `samples` in such batches.
 */
decant_status dcn_check_batchnorm(const dcn_graph *graph, int64_t samples, int64_t batch, bool drop_last);
/* Everything about a training run: ranges, shapes, overlap of the splits, a teacher that is the student, batches that
 * batchnorm cannot train on. */
decant_status dcn_check_training(const dcn_train_options *options);

#endif
