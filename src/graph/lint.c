/* What can be known to be wrong, wasted or odd in a model before it is trained. */
#include <inttypes.h>
#include <stdarg.h>

#include "base/memory.h"
#include "base/text.h"
#include "graph/graph.h"
#include "tensor/shape.h"

#define FINDING_BYTES 512

/* --- findings --- */

static void finish_finding(decant_finding *finding)
{
    dcn_free((void *)finding->text);
    dcn_free((void *)finding->file);
}

/* Takes both texts over, also on failure. */
static decant_status add_finding(dcn_findings *findings, decant_finding finding)
{
    decant_status status =
        dcn_grow((void **)&findings->items, findings->count, &findings->capacity, sizeof *findings->items);
    if (status == DECANT_OK) {
        findings->items[findings->count++] = finding;
        return DECANT_OK;
    }
    finish_finding(&finding);
    return status;
}

decant_status dcn_findings_add(dcn_findings *findings, decant_severity severity, const char *format, ...)
{
    char text[FINDING_BYTES];
    va_list arguments;
    va_start(arguments, format);
    int written = dcn_format_list(text, sizeof text, format, arguments); /* longer ones are cut */
    va_end(arguments);
    if (written < 0) return DCN_FAIL(INTERNAL, "a finding could not be put into words");

    decant_finding finding = {.severity = severity};
    char *copy = NULL;
    TRY_RETURN(dcn_copy_string(text, &copy));
    finding.text = finding.message = copy;
    return add_finding(findings, finding);
}

decant_status dcn_findings_add_at(dcn_findings *findings, decant_severity severity, const char *file, int line,
                                  int column, const char *message)
{
    decant_finding finding = {.severity = severity, .line = line, .column = column};
    char *owned_file = NULL, *owned_text = NULL;
    dcn_text text = {0};
    decant_status status = dcn_copy_string(file, &owned_file);
    if (status != DECANT_OK) goto out;
    TRY(dcn_text_add(&text, "%s", file));
    if (line > 0) TRY(dcn_text_add(&text, ":%d", line));
    if (column > 0) TRY(dcn_text_add(&text, ":%d", column));
    TRY(dcn_text_add(&text, ": "));
    const size_t place = text.length;
    TRY(dcn_text_add(&text, "%s", message));
    TRY(dcn_text_take(&text, &owned_text));
    finding.file = owned_file;
    finding.text = owned_text;
    finding.message = owned_text + place;
    owned_file = NULL; /* taken over, also on failure */
    status = add_finding(findings, finding);
out:
    dcn_free(owned_file);
    dcn_text_finish(&text);
    return status;
}

void dcn_findings_finish(dcn_findings *findings)
{
    if (findings == NULL) return;
    for (int32_t i = 0; i < findings->count; i++)
        finish_finding(&findings->items[i]);
    dcn_free(findings->items);
    *findings = (dcn_findings){0};
}

/* --- walking --- */

static const char *layer_name(const dcn_node *node)
{
    return node->name != NULL ? node->name : "(unnamed)";
}

static bool only_rescales(const dcn_node *node)
{
    return node->op == DECANT_OP_DROPOUT || node->op == DECANT_OP_FLATTEN || node->op == DECANT_OP_RESHAPE ||
           node->op == DECANT_OP_BATCHNORM;
}

/* What makes a value, looking through layers that, in use, change no number or only scale and shift them. */
static const dcn_node *maker_through(const dcn_graph *graph, dcn_value_id value)
{
    const dcn_node *node = dcn_graph_maker(graph, value);
    while (node != NULL && only_rescales(node))
        node = dcn_graph_maker(graph, node->input[0]);
    return node;
}

/* Whether anything else reads what lies between the two, so that both are needed. */
static bool is_shared(const dcn_graph *graph, const dcn_node *before, const dcn_node *node)
{
    const dcn_node *maker = node;
    do {
        if (dcn_graph_uses(graph, maker->input[0]) != 1) return true;
        maker = dcn_graph_maker(graph, maker->input[0]);
    } while (maker != before);
    return false;
}

/* --- the checks: each looks at one node or at the whole graph --- */

static int64_t linear_parameters(int64_t inputs, int64_t outputs, bool bias)
{
    int64_t weights = 0;
    if (!dcn_mul_int64(inputs, outputs, &weights) || weights > INT64_MAX - outputs) return INT64_MAX;
    return weights + (bias ? outputs : 0);
}

/* Two linear maps in a row are one linear map. Where the narrow middle saves parameters that is a low-rank factor, and
 * may be meant. */
static decant_status check_linear_pair(const dcn_graph *graph, const dcn_node *node, dcn_findings *findings)
{
    if (node->op != DECANT_OP_LINEAR) return DECANT_OK;
    const dcn_node *before = maker_through(graph, node->input[0]);
    if (before == NULL || before->op != DECANT_OP_LINEAR || is_shared(graph, before, node)) return DECANT_OK;

    int64_t inputs = graph->values[before->input[1]].shape.dim[1];
    int64_t middle = graph->values[node->input[1]].shape.dim[1];
    int64_t outputs = node->attrs.linear.features;
    bool bias_before = before->attrs.linear.bias, bias = node->attrs.linear.bias;
    int64_t now = linear_parameters(inputs, middle, bias_before);
    int64_t second = linear_parameters(middle, outputs, bias);
    int64_t folded = linear_parameters(inputs, outputs, bias_before || bias);
    now = now > INT64_MAX - second ? INT64_MAX : now + second;

    if (before->attrs.linear.folds && (middle >= inputs || middle >= outputs))
        return dcn_findings_add(findings, DECANT_SEVERITY_NOTE,
                                "%s of %" PRId64 " features between %" PRId64 " and %" PRId64 " is no bottleneck",
                                layer_name(before), middle, inputs, outputs);
    if (before->attrs.linear.folds)
        return folded <= now
                   ? DECANT_OK /* meant: it trains as two and is handed over as one */
                   : dcn_findings_add(findings, DECANT_SEVERITY_NOTE,
                                      "%s is handed over as one matrix of %" PRId64
                                      " parameters, its factors have %" PRId64 "; keep: true would hand over those",
                                      layer_name(node), folded, now);
    if (folded >= now)
        return dcn_findings_add(
            findings, DECANT_SEVERITY_NOTE,
            "%s and %s have nothing nonlinear between them: %" PRId64 "->%" PRId64 "->%" PRId64 " (%" PRId64
            " parameters) is a low-rank factor of %" PRId64 "->%" PRId64 " (%" PRId64 ")",
            layer_name(before), layer_name(node), inputs, middle, outputs, now, inputs, outputs, folded);
    return dcn_findings_add(findings, DECANT_SEVERITY_WARNING,
                            "%s and %s have nothing nonlinear between them: %" PRId64 "->%" PRId64 "->%" PRId64
                            " (%" PRId64 " parameters) folds to %" PRId64 "->%" PRId64 " (%" PRId64
                            ") with the same outputs; put an activation between them or drop one",
                            layer_name(before), layer_name(node), inputs, middle, outputs, now, inputs, outputs,
                            folded);
}

/* Batch normalisation subtracts the mean, and with it any bias just before. */
static decant_status check_bias_before_norm(const dcn_graph *graph, const dcn_node *node, dcn_findings *findings)
{
    if (node->op != DECANT_OP_BATCHNORM) return DECANT_OK;
    const dcn_node *before = dcn_graph_maker(graph, node->input[0]);
    if (before == NULL || (before->op != DECANT_OP_CONV2D && before->op != DECANT_OP_LINEAR)) return DECANT_OK;
    if (before->n_inputs < 3 || dcn_graph_uses(graph, before->output[0]) != 1) return DECANT_OK;
    return dcn_findings_add(findings, DECANT_SEVERITY_NOTE,
                            "the bias of %s has no effect, because %s subtracts the mean; bias: false saves %" PRId64
                            " parameters",
                            layer_name(before), layer_name(node), graph->values[before->input[2]].shape.dim[0]);
}

static decant_status check_idle_dropout(const dcn_node *node, dcn_findings *findings)
{
    if (node->op != DECANT_OP_DROPOUT || node->attrs.dropout.p > 0) return DECANT_OK;
    return dcn_findings_add(findings, DECANT_SEVERITY_NOTE, "%s drops nothing (p: 0)", layer_name(node));
}

static decant_status check_repeated_grey(const dcn_graph *graph, const dcn_node *node, dcn_findings *findings)
{
    if (node->op != DECANT_OP_REPEAT_CHANNELS || node->input[0] != graph->input) return DECANT_OK;
    return dcn_findings_add(findings, DECANT_SEVERITY_NOTE,
                            "%s copies the input's channels %" PRId64
                            " times; a first layer for the data's own channels would compute the same with less",
                            layer_name(node), node->attrs.repeat.times);
}

/* The losses take logits: what squashes them at the end distorts the loss. */
static decant_status check_output(const dcn_graph *graph, dcn_findings *findings)
{
    if (graph->output == DCN_NONE) return dcn_findings_add(findings, DECANT_SEVERITY_ERROR, "the model has no output");

    const decant_shape *shape = &graph->values[graph->output].shape;
    char text[DCN_SHAPE_TEXT];
    if (shape->rank != 2)
        TRY_RETURN(dcn_findings_add(
            findings, DECANT_SEVERITY_ERROR,
            "the output is %s, not [batch, classes]; end with a flatten or global pooling and a linear",
            dcn_shape_text(shape, text)));

    const dcn_node *last = maker_through(graph, graph->output);
    if (last == NULL) return DECANT_OK;
    if (last->op == DECANT_OP_SOFTMAX || last->op == DECANT_OP_SIGMOID)
        return dcn_findings_add(findings, DECANT_SEVERITY_WARNING,
                                "%s is a %s at the end, but the losses take logits and apply it themselves; drop it",
                                layer_name(last), dcn_op_get(last->op)->name);
    if (last->op == DECANT_OP_RELU || last->op == DECANT_OP_RELU6)
        return dcn_findings_add(findings, DECANT_SEVERITY_WARNING,
                                "%s is a %s at the end, so no logit can be negative; drop it", layer_name(last),
                                dcn_op_get(last->op)->name);
    return DECANT_OK;
}

static int64_t own_parameters(const dcn_graph *graph, const dcn_node *node)
{
    int64_t count = 0;
    for (int32_t i = 0; i < node->n_inputs; i++) {
        const dcn_value *value = &graph->values[node->input[i]];
        int64_t size = value->kind == DCN_VALUE_PARAMETER ? decant_shape_count(&value->shape) : 0;
        count = count > INT64_MAX - size ? INT64_MAX : count + size;
    }
    return count;
}

/* Layers and parameters from which nothing flows to the output. */
static decant_status check_reach(const dcn_graph *graph, dcn_findings *findings)
{
    bool *reached = NULL; /* [n_values] the output depends on it */
    decant_status status;
    if (graph->output == DCN_NONE) return DECANT_OK;
    TRY(dcn_new_array((size_t)graph->n_values, sizeof *reached, (void **)&reached));

    reached[graph->output] = true;
    for (dcn_node_id id = graph->n_nodes - 1; id >= 0; id--) {
        const dcn_node *node = &graph->nodes[id];
        bool useful = false;
        for (int32_t i = 0; i < node->n_outputs; i++)
            useful = useful || reached[node->output[i]];
        for (int32_t i = 0; useful && i < node->n_inputs; i++)
            reached[node->input[i]] = true;
        if (useful) continue;

        int64_t parameters = own_parameters(graph, node);
        if (parameters > 0)
            TRY(dcn_findings_add(findings, DECANT_SEVERITY_ERROR,
                                 "%s reaches no output: its %" PRId64 " parameters would never train", layer_name(node),
                                 parameters));
        else
            TRY(dcn_findings_add(findings, DECANT_SEVERITY_WARNING, "%s reaches no output", layer_name(node)));
    }
    for (dcn_value_id id = 0; id < graph->n_values; id++) {
        const dcn_value *value = &graph->values[id];
        if (value->kind == DCN_VALUE_PARAMETER && dcn_graph_uses(graph, id) == 0)
            TRY(dcn_findings_add(findings, DECANT_SEVERITY_ERROR, "no layer reads parameter %s", value->name));
    }
    if (graph->input != DCN_NONE && !reached[graph->input])
        TRY(dcn_findings_add(findings, DECANT_SEVERITY_ERROR, "the output does not depend on the input"));
out:
    dcn_free(reached);
    return status;
}

decant_status dcn_graph_lint(const dcn_graph *graph, dcn_findings *findings)
{
    for (dcn_node_id id = 0; id < graph->n_nodes; id++) {
        const dcn_node *node = &graph->nodes[id];
        TRY_RETURN(check_linear_pair(graph, node, findings));
        TRY_RETURN(check_bias_before_norm(graph, node, findings));
        TRY_RETURN(check_idle_dropout(node, findings));
        TRY_RETURN(check_repeated_grey(graph, node, findings));
    }
    TRY_RETURN(check_reach(graph, findings));
    return check_output(graph, findings);
}
