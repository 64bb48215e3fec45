/* Finds the layers that feature losses name, puts regressors and projections behind the student's, and says what no
 * loss reaches. What the losses compute is in their own files. */
#include "distill/features.h"

#include <inttypes.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "nn/layers.h"
#include "tensor/shape.h"

#define MAX_PROJECTION ((int64_t)1 << 27) /* weights */

/* --- layers by name --- */

static bool is_in_group(const dcn_node *node, const char *group)
{
    const size_t length = strlen(group);
    return node->name != NULL && strncmp(node->name, group, length) == 0 && node->name[length] == '.';
}

static decant_status unknown_layer(const dcn_graph *graph, const char *whose, const char *layer)
{
    const char **names = NULL;
    size_t count = 0;
    decant_status status = DECANT_OK;
    TRY(dcn_new_array((size_t)graph->n_nodes, sizeof *names, (void **)&names));
    for (dcn_node_id n = 0; n < graph->n_nodes; n++)
        if (graph->nodes[n].name != NULL) names[count++] = graph->nodes[n].name;
    const char *nearest = dcn_nearest(layer, names, count);
    for (dcn_node_id n = 0; n < graph->n_nodes; n++) {
        if (!is_in_group(&graph->nodes[n], layer)) continue;
        status = DCN_FAIL(NOT_FOUND,
                          "'%s' is a group of layers of the %s, of which others read several; name one of them "
                          "(`decant summary` lists them)",
                          layer, whose);
        goto out;
    }
    status = DCN_FAIL(NOT_FOUND, "the %s has no layer '%s'%s%s%s (`decant summary` lists them)", whose, layer,
                      nearest != NULL ? "; did you mean '" : "", nearest != NULL ? nearest : "",
                      nearest != NULL ? "'?" : "");
out:
    dcn_free(names);
    return status;
}

static bool is_read_outside(const dcn_graph *graph, dcn_value_id value, const char *group)
{
    bool is_read = value == graph->output;
    for (dcn_node_id n = 0; n < graph->n_nodes && !is_read; n++)
        for (int32_t i = 0; i < graph->nodes[n].n_inputs; i++)
            is_read = is_read || (graph->nodes[n].input[i] == value && !is_in_group(&graph->nodes[n], group));
    return is_read;
}

/* What comes out of a group of layers, as `layer2` is of layer2.0, layer2.1 and so on: the one value of theirs that
 * others read. DCN_NONE where there is no such group, or several such values. */
static dcn_value_id find_group(const dcn_graph *graph, const char *group)
{
    dcn_value_id found = DCN_NONE;
    for (dcn_node_id n = 0; n < graph->n_nodes; n++) {
        const dcn_node *node = &graph->nodes[n];
        if (!is_in_group(node, group)) continue;
        for (int32_t i = 0; i < node->n_outputs; i++) {
            if (!is_read_outside(graph, node->output[i], group)) continue;
            if (found != DCN_NONE) return DCN_NONE;
            found = node->output[i];
        }
    }
    return found;
}

decant_status dcn_features_layer(const dcn_graph *graph, const char *whose, const char *layer, dcn_value_id *ret_value)
{
    dcn_value_id value = dcn_graph_find(graph, layer);
    if (value == DCN_NONE) value = find_group(graph, layer);
    if (value == DCN_NONE || graph->values[value].kind != DCN_VALUE_RESULT) return unknown_layer(graph, whose, layer);
    *ret_value = value;
    return DECANT_OK;
}

/* behind[v]: a parameter lies before the value. */
static decant_status mark_trained(const dcn_graph *graph, bool **ret_behind)
{
    bool *behind = NULL;
    TRY_RETURN(dcn_new_array((size_t)graph->n_values, sizeof *behind, (void **)&behind));
    for (int32_t v = 0; v < graph->n_values; v++)
        behind[v] = graph->values[v].kind == DCN_VALUE_PARAMETER;
    for (dcn_node_id n = 0; n < graph->n_nodes; n++) {
        const dcn_node *node = &graph->nodes[n];
        bool any = false;
        for (int32_t i = 0; i < node->n_inputs; i++)
            any = any || behind[node->input[i]];
        for (int32_t i = 0; i < node->n_outputs; i++)
            behind[node->output[i]] = any;
    }
    *ret_behind = behind;
    return DECANT_OK;
}

static decant_status check_trains(const dcn_graph *graph, const char *layer, dcn_value_id value)
{
    bool *behind = NULL;
    TRY_RETURN(mark_trained(graph, &behind));
    bool trains = behind[value];
    dcn_free(behind);
    if (trains) return DECANT_OK;
    return DCN_FAIL(INVALID_ARG, "nothing trains before the student's layer '%s': its loss would teach nothing", layer);
}

/* --- shapes --- */

static int64_t length_of(const dcn_value *value)
{
    return decant_shape_count(&value->shape) / value->shape.dim[0];
}

static decant_status check_cosine(const dcn_term *term, const dcn_value *student, const dcn_value *teacher)
{
    int64_t ours = length_of(student), theirs = length_of(teacher);
    if (ours == theirs) return DECANT_OK;
    if (term->match == DCN_MATCH_NONE)
        return DCN_FAIL(SHAPE,
                        "'%s' of the student has %" PRId64 " elements a sample and '%s' of the teacher %" PRId64
                        "; compare equals, or set match: project (a matrix that is learnt), or match: avgpool (means "
                        "of neighbours, whatever they are)",
                        term->student, ours, term->teacher, theirs);
    if (theirs > ours && theirs % ours == 0) return DECANT_OK;
    return DCN_FAIL(
        SHAPE,
        "match: avgpool wants a teacher's feature that is a multiple of the student's, but '%s' has %" PRId64
        " elements a sample and '%s' %" PRId64,
        term->teacher, theirs, term->student, ours);
}

/* Whether windows cut a map into another one, which is smaller. */
static bool can_pool(const decant_shape *larger, const decant_shape *smaller)
{
    if (larger->rank != 4 || smaller->rank != 4) return false;
    if (larger->dim[2] == smaller->dim[2] && larger->dim[3] == smaller->dim[3]) return false;
    return larger->dim[2] % smaller->dim[2] == 0 && larger->dim[3] % smaller->dim[3] == 0;
}

static decant_status check_hint(const dcn_term *term, const dcn_value *made, const dcn_value *teacher)
{
    char made_text[DCN_SHAPE_TEXT], teacher_text[DCN_SHAPE_TEXT];
    const char *remedy = "";
    if (decant_shape_equal(&made->shape, &teacher->shape)) return DECANT_OK;
    const bool poolable = can_pool(&teacher->shape, &made->shape) && made->shape.dim[1] == teacher->shape.dim[1];
    if (poolable && term->match == DCN_MATCH_AVGPOOL) return DECANT_OK;
    if (poolable)
        remedy = "; match: avgpool averages the teacher's map down to it";
    else if (can_pool(&made->shape, &teacher->shape))
        remedy = "; a pooling layer or a stride in the regressor brings the student's map down to it";
    return DCN_FAIL(SHAPE, "the regressor turns '%s' into %s, but '%s' of the teacher is %s%s", term->student,
                    dcn_shape_text(&made->shape, made_text), term->teacher,
                    dcn_shape_text(&teacher->shape, teacher_text), remedy);
}

/* --- regressors --- */

/* One layer to the teacher's channels or features, where the recipe says nothing. */
static decant_status add_default_regressor(dcn_graph *graph, const char *prefix, dcn_value_id x,
                                           const dcn_value *teacher, dcn_value_id *ret_y)
{
    dcn_text name = {0};
    decant_status status = DECANT_OK;
    int64_t width = teacher->shape.rank > 1 ? teacher->shape.dim[1] : 1;
    TRY(dcn_text_add(&name, "%s0", prefix));
    if (graph->values[x].shape.rank == 4) {
        const dcn_conv_attrs attrs = dcn_conv_default(width, 1);
        TRY(dcn_build_conv2d(graph, name.data, x, &attrs, ret_y));
    } else {
        TRY(dcn_build_linear(graph, name.data, x, width, true, ret_y));
    }
out:
    dcn_text_finish(&name);
    return status;
}

static decant_status add_regressor(dcn_graph *graph, const dcn_term *terms, int32_t index, const dcn_value *teacher,
                                   dcn_value_id x, dcn_value_id *ret_y)
{
    const dcn_term *term = &terms[index];
    char label[DCN_TERM_LABEL];
    dcn_text prefix = {0};
    decant_status status = DECANT_OK;
    dcn_term_label(terms, index, label);
    TRY(dcn_text_add(&prefix, "%s.regressor.", label));
    if (term->regressor != NULL)
        TRY(dcn_layers_append(term->regressor, prefix.data, x, graph, ret_y));
    else
        TRY(add_default_regressor(graph, prefix.data, x, teacher, ret_y));
out:
    dcn_text_finish(&prefix);
    return status;
}

/* A linear map from the student's feature to the length of the teacher's: of the channels of each place where both are
 * maps of one size (a 1x1 convolution), of everything otherwise. */
static decant_status add_projection(dcn_graph *graph, const dcn_term *terms, int32_t index, const dcn_value *teacher,
                                    dcn_value_id x, dcn_value_id *ret_y)
{
    const decant_shape *ours = &graph->values[x].shape, *theirs = &teacher->shape;
    const bool maps =
        ours->rank == 4 && theirs->rank == 4 && ours->dim[2] == theirs->dim[2] && ours->dim[3] == theirs->dim[3];
    const int64_t from = length_of(&graph->values[x]), to = length_of(teacher);
    char label[DCN_TERM_LABEL];
    dcn_text name = {0}, flat = {0};
    decant_status status = DECANT_OK;
    if (!maps && from > MAX_PROJECTION / to)
        return DCN_FAIL(SHAPE,
                        "a projection of '%s', with %" PRId64 " elements, to '%s' with %" PRId64
                        " would be larger than any network; compare smaller layers",
                        terms[index].student, from, terms[index].teacher, to);
    dcn_term_label(terms, index, label);
    TRY(dcn_text_add(&name, "%s.projection.%s", label, maps ? "" : "0"));
    TRY(dcn_text_add(&flat, "%s.projection.flatten", label));
    if (maps) {
        TRY(add_default_regressor(graph, name.data, x, teacher, ret_y));
    } else {
        if (ours->rank != 2) TRY(dcn_build_simple(graph, DECANT_OP_FLATTEN, flat.data, NULL, &x, 1, &x));
        TRY(dcn_build_linear(graph, name.data, x, to, true, ret_y));
    }
out:
    dcn_text_finish(&name);
    dcn_text_finish(&flat);
    return status;
}

static decant_status add_tap(dcn_graph *graph, const dcn_graph *student, const dcn_graph *teacher,
                             const dcn_term *terms, int32_t index, dcn_tap *ret_tap)
{
    const dcn_term *term = &terms[index];
    dcn_tap tap;
    TRY_RETURN(dcn_term_check(term));
    if (teacher == NULL)
        return DCN_FAIL(INVALID_ARG, "loss term %s needs a teacher, and the run has none",
                        dcn_term_class_of(term->kind)->name);
    TRY_RETURN(dcn_features_layer(student, "student", term->student, &tap.student));
    TRY_RETURN(dcn_features_layer(teacher, "teacher", term->teacher, &tap.teacher));
    TRY_RETURN(check_trains(student, term->student, tap.student));
    if (term->kind == DCN_TERM_HINT) {
        const dcn_value *target = &teacher->values[tap.teacher];
        TRY_RETURN(add_regressor(graph, terms, index, target, tap.student, &tap.student));
        TRY_RETURN(check_hint(term, &graph->values[tap.student], target));
    } else if (term->match == DCN_MATCH_PROJECT) {
        TRY_RETURN(add_projection(graph, terms, index, &teacher->values[tap.teacher], tap.student, &tap.student));
    } else {
        TRY_RETURN(check_cosine(term, &graph->values[tap.student], &teacher->values[tap.teacher]));
    }
    *ret_tap = tap;
    return DECANT_OK;
}

decant_status dcn_features_extend(const dcn_graph *student, const dcn_graph *teacher, const dcn_term *terms,
                                  int32_t n_terms, dcn_graph **ret_graph, dcn_tap *ret_taps)
{
    dcn_graph *graph = NULL;
    decant_status status = DECANT_OK;
    TRY(dcn_graph_clone(student, &graph));
    for (int32_t i = 0; i < n_terms; i++) {
        ret_taps[i] = (dcn_tap){DCN_NONE, DCN_NONE};
        if (!dcn_term_class_of(terms[i].kind)->reads_features) continue;
        status = add_tap(graph, student, teacher, terms, i, &ret_taps[i]);
        if (status != DECANT_OK) {
            dcn_while("placing the loss term %s", dcn_term_class_of(terms[i].kind)->name);
            goto out;
        }
    }
    *ret_graph = graph;
    graph = NULL;
out:
    dcn_graph_destroy(graph);
    return status;
}

/* --- what the losses reach --- */

decant_status dcn_features_unreached(const dcn_graph *graph, const dcn_tap *taps, int32_t n_terms,
                                     const char **ret_name)
{
    bool *reached = NULL; /* [n_values] */
    TRY_RETURN(dcn_new_array((size_t)graph->n_values, sizeof *reached, (void **)&reached));
    for (int32_t i = 0; i < n_terms; i++)
        reached[taps[i].student != DCN_NONE ? taps[i].student : graph->output] = true;
    for (dcn_node_id n = graph->n_nodes - 1; n >= 0; n--) {
        const dcn_node *node = &graph->nodes[n];
        for (int32_t i = 0; reached[node->output[0]] && i < node->n_inputs; i++)
            reached[node->input[i]] = true;
    }
    const char *name = NULL;
    for (int32_t v = 0; v < graph->n_values && name == NULL; v++)
        if (graph->values[v].kind == DCN_VALUE_PARAMETER && !reached[v]) name = graph->values[v].name;
    dcn_free(reached);
    *ret_name = name;
    return DECANT_OK;
}
