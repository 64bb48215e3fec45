/* A checkpoint: everything that a run needs to go on as if it had never stopped, in one safetensors file. */
#ifndef DCN_TRAIN_CHECKPOINT_H
#define DCN_TRAIN_CHECKPOINT_H

#include "train/train.h"

/* Where a run stands. Both structs are arrays of one type, stored as such: add fields at the end and raise the version.
 */
typedef struct dcn_run_counters {
    int64_t epoch, batch, step; /* the next to run */
    int64_t samples, correct;   /* of this epoch so far */
    int64_t total_samples;      /* of the run so far */
    int64_t best_epoch;         /* -1 before the first validation */
    int64_t best_errors;
    int64_t zero_steps[DCN_MAX_TERMS]; /* how many steps in a row the term was exactly 0 */
} dcn_run_counters;

typedef struct dcn_run_sums {
    double term[DCN_MAX_TERMS]; /* of this epoch so far, each sample's unweighted loss */
    double epoch_seconds;       /* in the steps of this epoch so far */
    double step_seconds;        /* in all steps */
    double seconds;             /* of the whole run */
    double best_accuracy, best_loss;
    double last_accuracy, last_loss; /* the latest validation */
} dcn_run_sums;

/* Weight sets are laid out as decant_model.data; a set that the run has not is NULL. */
typedef struct dcn_checkpoint {
    dcn_run_counters counters;
    dcn_run_sums sums;
    float **weights; /* parameters and states */
    float **slot[2]; /* the optimiser's */
    float **ema;
    float **best; /* parameters and states; only once best_epoch >= 0 */
} dcn_checkpoint;

/* Atomic: the file is the old checkpoint or the new one. */
decant_status dcn_checkpoint_save(const char *path, const dcn_graph *model, const char *identity,
                                  const dcn_checkpoint *checkpoint);
/* Fills the counters and every set that *checkpoint has. STALE when the file belongs to another run or model, FORMAT
 * when it is no checkpoint; the arrays may then be half filled. */
decant_status dcn_checkpoint_load(const char *path, const dcn_graph *model, const char *identity,
                                  dcn_checkpoint *checkpoint);

#endif
