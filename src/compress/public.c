/* decant/compress.h: pruning and folding for callers outside. */
#include "decant/compress.h"

#include "base/memory.h"
#include "compress/fold.h"
#include "compress/prune.h"
#include "data/split.h"
#include "train/check.h"

decant_prune_options decant_prune_options_default(void)
{
    return (decant_prune_options){.criterion = DECANT_CRITERION_BN, .minimum = 0.1, .samples = 1024};
}

/* Labelled training samples for the taylor criterion. ret_taken: dcn_free. */
static decant_status take_samples(const decant_model *model, const decant_prune_options *options, int32_t **ret_taken,
                                  int64_t *ret_count)
{
    const decant_dataset *dataset = options->dataset;
    dcn_split split = {0};
    if (dataset == NULL) return DCN_FAIL(INVALID_ARG, "the taylor criterion asks samples: it needs a data set");
    if (options->samples < 2)
        return DCN_FAIL(INVALID_ARG, "the taylor criterion asks at least 2 samples, not %lld",
                        (long long)options->samples);
    TRY_RETURN(dcn_check_fit(model, dataset));
    decant_status status = dcn_split_make(dataset, 0, 0, &split);
    if (status != DECANT_OK) return status;
    if (dataset->train.labels == NULL || split.n_train < 2)
        status = DCN_FAIL(INVALID_ARG, "%s has no labelled training samples for the taylor criterion", dataset->name);
    const int64_t count = options->samples < split.n_train ? options->samples : split.n_train;
    if (status == DECANT_OK)
        status = dcn_split_take(dataset, split.train, split.n_train, count, options->seed, ret_taken);
    if (status == DECANT_OK) *ret_count = count;
    dcn_split_finish(&split);
    return status;
}

static decant_status prune_by_taylor(const decant_model *model, const decant_prune_options *options,
                                     decant_model **ret_model, decant_prune_report *report)
{
    int32_t *taken = NULL;
    dcn_prune_data data = {.dataset = options->dataset};
    decant_status status = take_samples(model, options, &taken, &data.count);
    if (status != DECANT_OK) goto out;
    TRY(dcn_compute_open(options->compute, &data.device));
    data.indices = taken;
    TRY(dcn_prune(model, options, &data, ret_model, report));
out:
    dcn_device_close(data.device);
    dcn_free(taken);
    return status;
}

decant_status decant_model_prune(const decant_model *model, const decant_prune_options *options,
                                 decant_model **ret_model, decant_prune_report *ret_report)
{
    DCN_REQUIRE(model, options, ret_model);
    decant_prune_report report = {0};
    TRY_RETURN(options->criterion == DECANT_CRITERION_TAYLOR ? prune_by_taylor(model, options, ret_model, &report)
                                                             : dcn_prune(model, options, NULL, ret_model, &report));
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
    decant_fold_report report = {0};
    dcn_device *device = NULL;
    decant_model *folded = NULL;
    decant_status status = dcn_compute_open(compute, &device);
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
