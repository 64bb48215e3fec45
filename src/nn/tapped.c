/* A model that answers with more than its logits. */
#include "base/memory.h"
#include "base/text.h"
#include "nn/model.h"

/* [1, rest] of any value */
static decant_status flatten(dcn_graph *graph, int32_t number, dcn_value_id *value)
{
    char wanted[32], name[DCN_FREE_NAME];
    if (graph->values[*value].shape.rank == 2) return DECANT_OK;
    TRY_RETURN(dcn_format(wanted, sizeof wanted, "answer.flatten%d", number));
    TRY_RETURN(dcn_graph_free_name(graph, wanted, name));
    return dcn_build_simple(graph, DECANT_OP_FLATTEN, name, NULL, value, 1, value);
}

static decant_status join(dcn_graph *graph, const dcn_value_id *taps, int32_t n_taps)
{
    const decant_op_attrs attrs = {.axis = {.axis = 1}};
    dcn_value_id parts[DCN_MAX_INPUTS] = {graph->output};
    char name[DCN_FREE_NAME];
    for (int32_t i = 0; i < n_taps; i++) {
        parts[i + 1] = taps[i];
        TRY_RETURN(flatten(graph, i, &parts[i + 1]));
    }
    TRY_RETURN(dcn_graph_free_name(graph, "answer", name));
    return dcn_build_simple(graph, DECANT_OP_CONCAT, name, &attrs, parts, n_taps + 1, &graph->output);
}

decant_status dcn_model_tapped(const decant_model *model, const dcn_value_id *taps, int32_t n_taps,
                               decant_model **ret_model)
{
    const dcn_normalization *normalization = &model->normalization;
    dcn_graph *graph = NULL;
    decant_model *tapped = NULL;
    if (n_taps < 1 || n_taps > DCN_MAX_TAPPED)
        return DCN_FAIL(INVALID_ARG, "1 to %d layers can be answered with, not %d", DCN_MAX_TAPPED, n_taps);
    decant_status status = dcn_graph_clone(model->graph, &graph); /* values keep their ids */
    if (status != DECANT_OK) goto out;
    TRY(join(graph, taps, n_taps));
    status = dcn_model_create(graph, &tapped); /* takes the graph, also when it fails */
    graph = NULL;
    if (status != DECANT_OK) goto out;
    dcn_weights_copy(model->graph, model->data, tapped->data);
    if (normalization->channels > 0)
        TRY(dcn_model_set_normalization(tapped, normalization->channels, normalization->mean, normalization->std));
    *ret_model = tapped;
    tapped = NULL;
out:
    dcn_graph_destroy(graph);
    dcn_model_destroy(tapped);
    return status;
}
