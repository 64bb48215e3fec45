/* decant/compress.h: pruning and folding for callers outside. */
#include "decant/compress.h"

#include "compress/fold.h"
#include "compress/prune.h"

decant_prune_options decant_prune_options_default(void)
{
    return (decant_prune_options){.criterion = DECANT_CRITERION_BN, .minimum = 0.1};
}

decant_status decant_model_prune(const decant_model *model, const decant_prune_options *options,
                                 decant_model **ret_model, decant_prune_report *ret_report)
{
    DCN_REQUIRE(model, options, ret_model);
    decant_prune_report report = {0};
    TRY_RETURN(dcn_prune(model, options, ret_model, &report));
    if (ret_report != NULL) *ret_report = report;
    return DECANT_OK;
}

/* Batch normalisation first: it may stand between two linear layers. */
static decant_status fold(const decant_model *model, decant_model **ret_model, decant_fold_report *report)
{
    decant_model *folded = NULL;
    TRY_RETURN(dcn_model_fold(model, NULL, 0, &folded, NULL));
    decant_status status = dcn_fold_linear(folded, DCN_FOLD_PAIRS, ret_model, &report->linear);
    if (status == DECANT_OK) {
        report->batchnorm =
            dcn_graph_count(model->graph, DECANT_OP_BATCHNORM) - dcn_graph_count(folded->graph, DECANT_OP_BATCHNORM);
        report->dropout =
            dcn_graph_count(model->graph, DECANT_OP_DROPOUT) - dcn_graph_count(folded->graph, DECANT_OP_DROPOUT);
    }
    dcn_model_destroy(folded);
    return status;
}

decant_status decant_model_fold(const decant_model *model, const decant_compute *compute, decant_model **ret_model,
                                decant_fold_report *ret_report)
{
    DCN_REQUIRE(model, ret_model);
    const dcn_device_options options = {.threads = compute != NULL ? compute->threads : 0};
    decant_fold_report report = {0};
    dcn_device *device = NULL;
    decant_model *folded = NULL;
    decant_status status = dcn_device_open(compute != NULL ? compute->device : NULL, &options, &device);
    if (status != DECANT_OK) goto out;
    TRY(fold(model, &folded, &report));
    TRY(dcn_prove_equal(device, model, folded, &report.largest_difference));
    if (ret_report != NULL) *ret_report = report;
    *ret_model = folded;
    folded = NULL;
out:
    dcn_model_destroy(folded);
    dcn_device_close(device);
    return status;
}
