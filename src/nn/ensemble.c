/* Builds the network of an ensemble and copies its members' weights into it. */
#include "nn/ensemble.h"

#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "tensor/shape.h"

typedef struct ensemble {
    const decant_model *const *members;
    int32_t count;
    dcn_average average;
    dcn_graph *graph;
    dcn_value_id *maps[DCN_MAX_ENSEMBLE]; /* [member's n_values] the ensemble's value of each */
    dcn_value_id mean;                    /* [classes, count * classes] weight of the average */
} ensemble;

/* --- whether they fit --- */

static decant_status check_members(const ensemble *all)
{
    const decant_model *first = all->members[0];
    const decant_shape *input = &first->graph->values[first->graph->input].shape;
    for (int32_t k = 1; k < all->count; k++) {
        const decant_model *member = all->members[k];
        const decant_shape *other = &member->graph->values[member->graph->input].shape;
        char ours[DCN_SHAPE_TEXT], theirs[DCN_SHAPE_TEXT];
        if (!decant_shape_equal(input, other))
            return DCN_FAIL(SHAPE, "member 0 of the ensemble takes %s, member %d %s", dcn_shape_text(input, ours), k,
                            dcn_shape_text(other, theirs));
        if (member->n_outputs != first->n_outputs)
            return DCN_FAIL(SHAPE, "member 0 of the ensemble has %d outputs, member %d has %d", first->n_outputs, k,
                            member->n_outputs);
        if (!dcn_normalization_equal(&first->normalization, &member->normalization))
            return DCN_FAIL(INVALID_ARG, "members 0 and %d of the ensemble normalise their inputs in different ways",
                            k);
    }
    if (all->average == DCN_AVERAGE_PROBABILITIES && first->n_outputs == 1)
        return DCN_FAIL(INVALID_ARG, "the members have a single logit: average logits, not probabilities");
    return DECANT_OK;
}

/* --- the network --- */

/* "k.NAME"; a result without a name stays so. */
static decant_status member_name(int32_t k, const char *name, dcn_text *text)
{
    text->length = 0;
    return dcn_text_add(text, "%d.%s", k, name);
}

static decant_status copy_values(ensemble *all, int32_t k, dcn_text *name)
{
    const dcn_graph *member = all->members[k]->graph;
    dcn_value_id *map = all->maps[k];
    for (dcn_value_id v = 0; v < member->n_values; v++) {
        const dcn_value *value = &member->values[v];
        map[v] = v == member->input ? all->graph->input : DCN_NONE;
        if (!dcn_value_is_weight(value)) continue;
        TRY_RETURN(member_name(k, value->name, name));
        TRY_RETURN(dcn_graph_add_value(all->graph, value->kind, name->data, value->dtype, &value->shape, &map[v]));
    }
    return DECANT_OK;
}

static decant_status copy_nodes(ensemble *all, int32_t k, dcn_text *name)
{
    const dcn_graph *member = all->members[k]->graph;
    dcn_value_id *map = all->maps[k];
    for (dcn_node_id n = 0; n < member->n_nodes; n++) {
        const dcn_node *node = &member->nodes[n];
        dcn_value_id inputs[DCN_MAX_INPUTS], outputs[DCN_MAX_OUTPUTS];
        for (int32_t i = 0; i < node->n_inputs; i++)
            inputs[i] = map[node->input[i]];
        if (node->name != NULL) TRY_RETURN(member_name(k, node->name, name));
        TRY_RETURN(dcn_graph_add_node(all->graph, node->op, &node->attrs, node->name != NULL ? name->data : NULL,
                                      inputs, node->n_inputs, node->n_outputs, outputs));
        for (int32_t i = 0; i < node->n_outputs; i++)
            map[node->output[i]] = outputs[i];
    }
    return DECANT_OK;
}

/* The member's answer: its logits, or what they say of the classes. */
static decant_status add_member(ensemble *all, int32_t k, dcn_value_id *ret_answer)
{
    const dcn_graph *member = all->members[k]->graph;
    char free_name[DCN_FREE_NAME];
    dcn_text name = {0};
    decant_status status = dcn_new_array((size_t)member->n_values, sizeof *all->maps[k], (void **)&all->maps[k]);
    if (status != DECANT_OK) goto out;
    TRY(copy_values(all, k, &name));
    TRY(copy_nodes(all, k, &name));
    *ret_answer = all->maps[k][member->output];
    if (all->average == DCN_AVERAGE_LOGITS) goto out;
    TRY(member_name(k, "probabilities", &name));
    TRY(dcn_graph_free_name(all->graph, name.data, free_name));
    TRY(dcn_build_simple(all->graph, DECANT_OP_SOFTMAX, free_name, NULL, ret_answer, 1, ret_answer));
out:
    dcn_text_finish(&name);
    return status;
}

/* All answers of a sample side by side; a node joins so many at most. */
static decant_status join(dcn_graph *graph, dcn_value_id *answers, int32_t count)
{
    const decant_op_attrs attrs = {.axis = {.axis = 1}};
    for (int32_t round = 0; count > 1; round++) {
        int32_t joined = 0;
        for (int32_t first = 0; first < count; first += DCN_MAX_INPUTS, joined++) {
            int32_t some = count - first < DCN_MAX_INPUTS ? count - first : DCN_MAX_INPUTS;
            char name[32];
            TRY_RETURN(dcn_format(name, sizeof name, "answers%d.%d", round, joined));
            TRY_RETURN(
                dcn_build_simple(graph, DECANT_OP_CONCAT, name, &attrs, answers + first, some, &answers[joined]));
        }
        count = joined;
    }
    return DECANT_OK;
}

static decant_status build_graph(ensemble *all)
{
    const decant_model *first = all->members[0];
    const decant_shape *input = &first->graph->values[first->graph->input].shape; /* [1, sample...] */
    const decant_shape sample = decant_shape_make(input->rank - 1, input->dim + 1);
    dcn_value_id answers[DCN_MAX_ENSEMBLE], x = DCN_NONE, y = DCN_NONE;
    TRY_RETURN(dcn_graph_create(&all->graph));
    TRY_RETURN(dcn_build_input(all->graph, &sample, &x));
    for (int32_t k = 0; k < all->count; k++)
        TRY_RETURN(add_member(all, k, &answers[k]));
    TRY_RETURN(join(all->graph, answers, all->count));
    TRY_RETURN(dcn_build_linear(all->graph, "mean", answers[0], first->n_outputs, false, &y));
    all->graph->nodes[all->graph->n_nodes - 1].attrs.linear.exact = true;
    all->mean = dcn_graph_find(all->graph, "mean.weight");
    if (all->average == DCN_AVERAGE_PROBABILITIES)
        TRY_RETURN(dcn_build_simple(all->graph, DECANT_OP_LOG, "log", NULL, &y, 1, &y));
    all->graph->output = y;
    all->graph->init = first->graph->init;
    return DECANT_OK;
}

/* --- weights --- */

static void fill(const ensemble *all, decant_model *model)
{
    const int64_t classes = model->n_outputs, width = classes * all->count;
    for (int32_t k = 0; k < all->count; k++) {
        const decant_model *member = all->members[k];
        for (dcn_value_id v = 0; v < member->graph->n_values; v++) {
            if (member->data[v] == NULL) continue;
            size_t count = (size_t)decant_shape_count(&member->graph->values[v].shape);
            memcpy(model->data[all->maps[k][v]], member->data[v], count * sizeof(float));
        }
    }
    for (int64_t c = 0; c < classes; c++)
        for (int32_t k = 0; k < all->count; k++)
            model->data[all->mean][c * width + k * classes + c] = 1.0f / (float)all->count;
}

decant_status dcn_model_ensemble(const decant_model *const *members, int32_t count, dcn_average average,
                                 decant_model **ret_model)
{
    ensemble all = {.members = members, .count = count, .average = average};
    decant_model *model = NULL;
    decant_status status = DECANT_OK;
    if (count < 1 || count > DCN_MAX_ENSEMBLE) {
        status = DCN_FAIL(INVALID_ARG, "an ensemble has 1 to %d members, not %d", DCN_MAX_ENSEMBLE, count);
        goto out;
    }
    TRY(check_members(&all));
    TRY(build_graph(&all));
    status = dcn_model_create(all.graph, &model); /* takes the graph, also when it fails */
    all.graph = NULL;
    if (status != DECANT_OK) goto out;
    fill(&all, model);
    TRY(dcn_model_copy_facts(members[0], model));
    *ret_model = model;
    model = NULL;
out:
    if (status != DECANT_OK) dcn_while("making an ensemble of %d models", count);
    for (int32_t k = 0; k < DCN_MAX_ENSEMBLE; k++)
        dcn_free(all.maps[k]);
    dcn_graph_destroy(all.graph);
    dcn_model_destroy(model);
    return status;
}
