/* Folding linear layers: two in a row are one matrix, and the outputs stay the same. What a model can lose besides
 * (batch normalisation, dropout, repeated channels) is dcn_model_fold's. */
#ifndef DCN_COMPRESS_FOLD_H
#define DCN_COMPRESS_FOLD_H

#include "device/device.h"
#include "nn/model.h"

typedef enum dcn_fold_what {
    DCN_FOLD_BOTTLENECKS, /* factors that were made to be folded: what a finished run hands over */
    DCN_FOLD_PAIRS        /* every linear layer behind a linear layer, with nothing but dropout between them */
} dcn_fold_what;

/* The folded network alone. */
decant_status dcn_fold_graph(const dcn_graph *graph, dcn_fold_what what, dcn_graph **ret_graph);
/* A new model: folded network, weights (worked out in double precision), normalisation, class names and metadata.
 * ret_count: layers that are gone. */
decant_status dcn_fold_linear(const decant_model *model, dcn_fold_what what, decant_model **ret_model,
                              int32_t *ret_count);

/* The largest difference between the logits of two models, as a share of the largest logit (at least 1), over samples
 * that are distributed as normalised ones. Both run as they are: nothing is folded on the way. NUMERIC when it is more
 * than rounding explains. */
decant_status dcn_prove_equal(dcn_device *device, const decant_model *before, const decant_model *after,
                              double *ret_largest);

#endif
