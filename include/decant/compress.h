/* Making a trained model smaller: removing the channels it can best do without, and folding layers that only training
 * needs. */
#ifndef DECANT_COMPRESS_H
#define DECANT_COMPRESS_H

#include <stdint.h>

#include "decant/dataset.h"
#include "decant/device.h"
#include "decant/model.h"
#include "decant/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/** How much a channel matters. */
typedef enum {
    DECANT_CRITERION_L1, /**< mean of |w| of the filters that make it, against the mean of their layer */
    DECANT_CRITERION_L2, /**< the same with the root mean square */
    DECANT_CRITERION_BN, /**< |weight| of the batch normalisation behind it, against the mean of its layer; where there
                          * is none, as L1 */
    DECANT_CRITERION_RANDOM, /**< nothing: channels go by lot, which is what the others have to beat */
    DECANT_CRITERION_TAYLOR, /**< how much the cross-entropy would change without it, to first order: the square of the
                              * sum of its parameters times their gradients, averaged over batches of training samples
                              * (Molchanov et al. 2019) */
    DECANT_CRITERION_COUNT
} decant_criterion;

/** Finds a criterion by its name: "l1", "l2", "bn", "random", "taylor".
 *
 *  ret_criterion  untouched on failure.
 *
 *  Errors: USAGE (the message names the nearest).
 */
DECANT_MUST_USE decant_status decant_criterion_find(const char *name, decant_criterion *ret_criterion);

/** How to prune. At least one of the limits is needed; all that are given are met. */
typedef struct {
    decant_criterion criterion;
    int64_t parameters; /**< the most trainable parameters that may remain; 0: no such limit */
    int64_t mult_adds;  /**< the most multiply-adds for one sample; 0: no such limit */
    double keep;        /**< the share of the parameters that may remain, below 1; 0: no such limit */
    double minimum;     /**< share of each layer's channels that always remains, 0 to 1; one channel always does */
    uint64_t seed;      /**< of the random criterion, and of the samples that taylor asks */

    const decant_dataset *dataset; /**< taylor: whose labelled training samples are asked; else NULL */
    int64_t samples;               /**< taylor: so many, in whole batches of 64, the same share of each class; all
                                    * where there are fewer */
    const decant_compute *compute; /**< taylor: where; NULL for the default */
} decant_prune_options;

/** The defaults: criterion bn, no limit yet, a tenth of each layer's channels that always remains, and 1024 samples for
 * the taylor criterion. */
decant_prune_options decant_prune_options_default(void);

/** What pruning came to. */
typedef struct {
    int64_t parameters_before, parameters;
    int64_t mult_adds_before, mult_adds;
    int64_t units_before, units; /**< channels, counted together where they are tied, that could go; that stayed */
} decant_prune_report;

/** Removes channels of convolutions and units of hidden linear layers, physically: the network that comes out is
 * smaller and needs nothing special. Channels that a residual sum, a depthwise convolution or a flatten ties together
 * go together; those of the input and of the output stay. The least important go first, over the whole network, and
 * only as many as the limits ask for. Fine-tune what comes out; distillation from the original does that well.
 *
 *  model       stays as it is.
 *  ret_model   freed with decant_model_destroy(); names, normalisation and classes as before; untouched on failure.
 *  ret_report  or NULL.
 *
 *  Errors: USAGE (the limits cannot be met, or are met already), UNSUPPORTED (layers that share parameters),
 * INVALID_ARG, NO_MEMORY; with taylor also SHAPE (the data does not fit the model), NUMERIC (gradients that are not
 * finite) and NOT_FOUND (device).
 */
DECANT_MUST_USE decant_status decant_model_prune(const decant_model *model, const decant_prune_options *options,
                                                 decant_model **ret_model, decant_prune_report *ret_report);

/** What folding came to. */
typedef struct {
    int32_t linear, batchnorm, dropout; /**< layers that are gone */
    double largest_difference;          /**< of any logit over 64 samples, as a share of the largest (at least 1) */
} decant_fold_report;

/** Makes the network for inference: a linear layer behind a linear one is multiplied into one matrix, batch
 * normalisation is worked into the convolution or linear layer before it, and dropout is left out. The outputs of both
 * networks are computed and compared before it is handed over.
 *
 *  compute     where to compare; NULL for the default.
 *  ret_model   freed with decant_model_destroy(); untouched on failure.
 *  ret_report  or NULL.
 *
 *  Errors: NUMERIC (the outputs are not equal), NOT_FOUND (device), NO_MEMORY.
 */
DECANT_MUST_USE decant_status decant_model_fold(const decant_model *model, const decant_compute *compute,
                                                decant_model **ret_model, decant_fold_report *ret_report);

#ifdef __cplusplus
}
#endif
#endif
