/* Folding: layers that only training needs are worked into their neighbours or left out, and the outputs stay the same.
 */
#ifndef DCN_COMPRESS_FOLD_H
#define DCN_COMPRESS_FOLD_H

#include "decant/compress.h"
#include "device/device.h"
#include "nn/model.h"

typedef enum dcn_fold_what {
    DCN_FOLD_BOTTLENECKS, /* factors that were made to be folded: what a finished run hands over */
    DCN_FOLD_ALL /* every linear layer behind a linear one, batch normalisation behind a convolution or a linear
                  * layer, and dropout: the smallest network for inference */
} dcn_fold_what;

/* The folded network alone. */
decant_status dcn_fold_graph(const dcn_graph *graph, dcn_fold_what what, dcn_graph **ret_graph);
/* A new model: folded network and weights (worked out in double precision), normalisation, class names and metadata.
 * The report's difference is left alone: dcn_prove_equal finds it. */
decant_status dcn_fold(const decant_model *model, dcn_fold_what what, decant_model **ret_model,
                       decant_fold_report *ret_report);

/* The largest difference between the logits of two models, as a share of the largest logit (at least 1), over samples
 * that lie where the normalisation expects them. NUMERIC when it is more than rounding explains. */
decant_status dcn_prove_equal(dcn_device *device, const decant_model *before, const decant_model *after,
                              double *ret_largest);

#endif
