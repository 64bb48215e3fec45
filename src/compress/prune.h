/* Structured pruning: which units of channels a network can best do without, and the smaller network without them. */
#ifndef DCN_COMPRESS_PRUNE_H
#define DCN_COMPRESS_PRUNE_H

#include "compress/channels.h"
#include "data/dataset.h"
#include "decant/compress.h"
#include "device/device.h"
#include "nn/model.h"

const char *dcn_criterion_name(decant_criterion criterion);

/* The samples that the taylor criterion asks. */
typedef struct dcn_prune_data {
    dcn_device *device;
    const decant_dataset *dataset;
    const int32_t *indices; /* [count] of the training part, with labels */
    int64_t count;
} dcn_prune_data;

/* The importance of each unit, [n_units]: comparable over the whole network; 0 for channels that nothing makes, those
 * of padding. data: NULL unless the criterion is taylor. */
decant_status dcn_prune_scores(const decant_model *model, const dcn_channels *channels,
                               const decant_prune_options *options, const dcn_prune_data *data, double *ret_scores);
/* Those of the taylor criterion (compress/taylor.c): what the loss changes by without a unit, squared, to first order.
 * SHAPE, NUMERIC. */
decant_status dcn_taylor_scores(const decant_model *model, const dcn_channels *channels, const dcn_prune_data *data,
                                double *ret_scores);

/* A new model without the least important units: as few of them as the limits allow. What remains has the weights it
 * had, under the same names; normalisation, class names and metadata go along. USAGE where the limits cannot be met,
 * or ask for nothing; UNSUPPORTED for networks that dcn_channels_create refuses. */
decant_status dcn_prune(const decant_model *model, const decant_prune_options *options, const dcn_prune_data *data,
                        decant_model **ret_model, decant_prune_report *ret_report);

/* The most parameters that the options leave a network; INT64_MAX without a limit. */
int64_t dcn_prune_limit(const dcn_graph *graph, const decant_prune_options *options);

/* Whether a network can be brought within the limits: USAGE when not, as far as can be known without its weights. Units
 * go in the network's order here; where units of unequal size share a layer with a minimum the order can matter. */
decant_status dcn_prune_check(const dcn_graph *graph, const decant_prune_options *options);

/* The network without the units whose keep[u] is false (compress/thin.c). Keeps the ids of all values. */
decant_status dcn_thin(const decant_model *model, const dcn_channels *channels, const bool *keep,
                       decant_model **ret_model);

#endif
