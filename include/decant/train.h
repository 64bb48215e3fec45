/* Training without a recipe: a model, samples, and optionally a teacher to learn from. The test samples are never
 * touched; evaluate the result with decant_model_evaluate(). */
#ifndef DECANT_TRAIN_H
#define DECANT_TRAIN_H

#include <stdbool.h>
#include <stdint.h>

#include "decant/dataset.h"
#include "decant/device.h"
#include "decant/model.h"
#include "decant/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/** How weights are updated, as PyTorch's optimisers of these names do it. */
typedef enum { DECANT_OPTIMIZER_SGD, DECANT_OPTIMIZER_ADAM, DECANT_OPTIMIZER_ADAMW } decant_optimizer;

/** How the learning rate changes: never; by a factor every so many epochs; along half a cosine; up and down once
 * (OneCycleLR). */
typedef enum {
    DECANT_SCHEDULE_CONSTANT,
    DECANT_SCHEDULE_STEP,
    DECANT_SCHEDULE_COSINE,
    DECANT_SCHEDULE_ONE_CYCLE
} decant_schedule;

/** A finished epoch. */
typedef struct {
    int64_t epoch, epochs;                       /**< epoch counts from 0 */
    double loss, accuracy;                       /**< on the training samples, while they were trained on */
    double validation_loss, validation_accuracy; /**< NAN without a validation split */
    double learning_rate, seconds, images_per_second;
    bool best; /**< the best validation accuracy so far */
} decant_train_epoch;

/** How to train. Start from decant_train_options_default() and change what matters. */
typedef struct {
    int64_t epochs, batch;
    bool drop_last;      /**< leave out the last batch of an epoch when it is not full */
    bool fresh;          /**< begin with new weights drawn from `seed`, and the data's normalisation and class names */
    uint64_t seed;       /**< of weights, order, augmentation and dropout */
    int64_t validation;  /**< samples of the training part held out, stratified; the best epoch on them is kept */
    int64_t samples;     /**< trains on so many of the others, the same share of each class; 0: on all */
    uint64_t split_seed; /**< which ones, of both: the same for runs that are compared */

    decant_optimizer optimizer;
    double learning_rate, weight_decay;
    double momentum;  /**< sgd */
    bool nesterov;    /**< sgd */
    double clip_norm; /**< gradients are clipped to this norm; 0: off */
    /** Decay of the moving average of the weights, which is validated and kept; 0: off. At step n it is
     * (1 + n) / (10 + n) where that is less. Batchnorm's statistics are those of the weights that train. */
    double ema;

    decant_schedule schedule;
    int64_t step_epochs;  /**< step: epochs between drops */
    double gamma;         /**< step: what each multiplies the rate by */
    double warmup_epochs; /**< a linear rise at the start; not with one-cycle */

    double ce_weight; /**< of the cross-entropy with the labels; 0: without it */
    double label_smoothing;
    double kd_weight; /**< of the soft targets of the teacher; 0: without them */
    double temperature;

    int32_t shift;  /**< images are shifted by up to so many pixels */
    int32_t crop;   /**< images are padded by so many pixels and cropped back */
    int32_t cutout; /**< side of a square that is blanked */
    bool flip;      /**< half of the images are mirrored */
    double mixup;   /**< alpha; 0: off */

    const char *checkpoint_path; /**< saved every epoch and when stopped, resumed from when it is there; NULL: none */
    const char *metrics_path;    /**< one JSON object an epoch; NULL: none */

    void *context;                         /**< handed to the callbacks, each of which may be NULL */
    bool (*stop_requested)(void *context); /**< polled each step; true: save a checkpoint and end with INTERRUPTED */
    void (*on_epoch)(void *context, const decant_train_epoch *epoch);
} decant_train_options;

/** What training came to. */
typedef struct {
    int64_t epochs, steps, best_epoch;           /**< best_epoch counts from 0: the one whose weights the model has */
    double validation_accuracy, validation_loss; /**< of those weights; NAN without a validation split */
    double seconds, images_per_second;
} decant_train_result;

/** Ten epochs of batches of 128 with Adam at 1e-3 on the cross-entropy, from fresh weights, nothing held out. */
decant_train_options decant_train_options_default(void);

/** Trains a model in place on the training part of a data set.
 *
 *  model       changed only on success; what its file said of an earlier training is then replaced by what is known of
 *              this one.
 *  teacher     what kd_weight is about, inference only; NULL without one, as with a kd_weight of 0.
 *  compute     where; NULL for the default.
 *  options     NULL for the default.
 *  ret_result  untouched on failure.
 *
 *  A checkpoint of the same run is gone on from, and ends in the same bits as a run that was never stopped; delete it
 * once the model is saved.
 *
 *  Errors: INVALID_ARG (a number out of its range, a teacher that is the student or that kd_weight does not listen to,
 * a batch of one under batchnorm, classes in another order), SHAPE (data or teacher do not fit the model), STALE (the
 * checkpoint belongs to another run), FORMAT (it is damaged), NUMERIC (the loss went bad), INTERRUPTED, NOT_FOUND
 * (device), IO, NO_MEMORY.
 */
DECANT_MUST_USE decant_status decant_train(decant_model *model, const decant_model *teacher,
                                           const decant_dataset *dataset, const decant_compute *compute,
                                           const decant_train_options *options, decant_train_result *ret_result);

#ifdef __cplusplus
}
#endif
#endif
