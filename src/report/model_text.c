/* What can be said about one model: its layers, its plan and the losses it starts with. */
#include <inttypes.h>

#include "base/memory.h"
#include "base/text.h"
#include "decant/report.h"
#include "tensor/shape.h"

static const double megabyte = 1024.0 * 1024.0;

typedef struct heading {
    const char *title;
    decant_align align;
} heading;

static decant_status add_columns(decant_table *table, const heading *headings, size_t count)
{
    for (size_t i = 0; i < count; i++)
        TRY_RETURN(decant_table_add_column(table, headings[i].title, headings[i].align));
    return DECANT_OK;
}

/* The table, then the text that belongs under it. */
static decant_status join(const decant_table *table, const dcn_text *below, char **ret_text)
{
    char *above = NULL;
    dcn_text text = {0};
    decant_status status = DECANT_OK;
    TRY(decant_table_text(table, &above));
    TRY(dcn_text_add(&text, "%s%s", above, below->length > 0 ? below->data : ""));
    TRY(dcn_text_take(&text, ret_text));
out:
    dcn_free(above);
    dcn_text_finish(&text);
    return status;
}

/* --- summary --- */

/* Shapes are for any batch: [-1, 32, 28, 28], as torchsummary writes them. */
static const char *batch_shape_text(const decant_shape *shape, char buffer[DCN_SHAPE_TEXT])
{
    decant_shape any = *shape;
    if (any.rank > 0) any.dim[0] = -1;
    return dcn_shape_text(&any, buffer);
}

static decant_status add_layers(decant_table *table, const decant_model_summary *summary)
{
    static const heading headings[] = {{"layer", DECANT_ALIGN_LEFT},
                                       {"type", DECANT_ALIGN_LEFT},
                                       {"output shape", DECANT_ALIGN_LEFT},
                                       {"parameters", DECANT_ALIGN_RIGHT},
                                       {"mult-adds", DECANT_ALIGN_RIGHT}};
    TRY_RETURN(add_columns(table, headings, DCN_COUNT(headings)));
    for (int32_t i = 0; i < summary->n_layers; i++) {
        const decant_layer_info *layer = &summary->layers[i];
        char shape[DCN_SHAPE_TEXT], parameters[28], mult_adds[28];
        TRY_RETURN(decant_table_begin_row(table));
        TRY_RETURN(decant_table_add_cell(table, "%s", layer->name != NULL ? layer->name : ""));
        TRY_RETURN(decant_table_add_cell(table, "%s", layer->op));
        TRY_RETURN(decant_table_add_cell(table, "%s", batch_shape_text(&layer->output, shape)));
        TRY_RETURN(decant_table_add_cell(table, "%s", decant_count_text(layer->parameters, parameters)));
        TRY_RETURN(decant_table_add_cell(table, "%s", decant_count_text(layer->mult_adds, mult_adds)));
    }
    return decant_table_add_rule(table);
}

static decant_status add_totals(dcn_text *text, const decant_model_summary *summary, int64_t budget)
{
    char count[28];
    double input = (double)summary->input_bytes / megabyte, activations = (double)summary->activation_bytes / megabyte;
    double weights = (double)summary->weight_bytes / megabyte;
    TRY_RETURN(dcn_text_add(text, "Total parameters: %s\n", decant_count_text(summary->parameters, count)));
    TRY_RETURN(dcn_text_add(text, "Trainable parameters: %s\n", decant_count_text(summary->trainable, count)));
    TRY_RETURN(dcn_text_add(text, "Mult-adds: %s\n", decant_count_text(summary->mult_adds, count)));
    if (summary->deployed_parameters != summary->parameters) {
        TRY_RETURN(dcn_text_add(text, "Handed over with bottlenecks folded: %s parameters, ",
                                decant_count_text(summary->deployed_parameters, count)));
        TRY_RETURN(dcn_text_add(text, "%s mult-adds\n", decant_count_text(summary->deployed_mult_adds, count)));
    }
    if (budget > 0) {
        int64_t left = budget - summary->deployed_parameters;
        TRY_RETURN(dcn_text_add(text, "Budget: %s parameters, ", decant_count_text(budget, count)));
        TRY_RETURN(dcn_text_add(text, "%s%s\n", decant_count_text(left < 0 ? -left : left, count),
                                left < 0 ? " too many" : " left"));
    }
    TRY_RETURN(dcn_text_add(text, "Input size (MB): %.2f\n", input));
    TRY_RETURN(dcn_text_add(text, "Forward pass size (MB): %.2f\n", activations));
    TRY_RETURN(dcn_text_add(text, "Weights size (MB): %.2f\n", weights));
    return dcn_text_add(text, "Estimated total size (MB): %.2f\n", input + activations + weights);
}

decant_status decant_summary_text(const decant_model_summary *summary, int64_t budget, char **ret_text)
{
    DCN_REQUIRE(summary, ret_text);
    decant_table *table = NULL;
    dcn_text totals = {0};
    decant_status status = DECANT_OK;
    TRY(decant_table_create(&table));
    TRY(add_layers(table, summary));
    TRY(add_totals(&totals, summary, budget));
    TRY(join(table, &totals, ret_text));
out:
    dcn_text_finish(&totals);
    decant_table_destroy(table);
    return status;
}

/* --- plan --- */

static decant_status add_steps(decant_table *table, const decant_plan_listing *plan)
{
    static const heading headings[] = {
        {"step", DECANT_ALIGN_RIGHT},        {"layer", DECANT_ALIGN_LEFT},   {"op", DECANT_ALIGN_LEFT},
        {"kernel", DECANT_ALIGN_LEFT},       {"type", DECANT_ALIGN_LEFT},    {"layout", DECANT_ALIGN_LEFT},
        {"output shape", DECANT_ALIGN_LEFT}, {"memory", DECANT_ALIGN_RIGHT}, {"GFLOP", DECANT_ALIGN_RIGHT}};
    TRY_RETURN(add_columns(table, headings, DCN_COUNT(headings)));
    for (int32_t i = 0; i < plan->n_steps; i++) {
        const decant_plan_step *step = &plan->steps[i];
        char shape[DCN_SHAPE_TEXT], bytes[28];
        TRY_RETURN(decant_table_begin_row(table));
        TRY_RETURN(decant_table_add_cell(table, "%d", (int)i + 1));
        TRY_RETURN(decant_table_add_cell(table, "%s", step->layer != NULL ? step->layer : ""));
        TRY_RETURN(decant_table_add_cell(table, "%s", step->op));
        TRY_RETURN(decant_table_add_cell(table, "%s", step->kernel));
        TRY_RETURN(decant_table_add_cell(table, "%s", step->precision));
        TRY_RETURN(decant_table_add_cell(table, "%s", step->layout));
        TRY_RETURN(decant_table_add_cell(table, "%s", dcn_shape_text(&step->shape, shape)));
        TRY_RETURN(decant_table_add_cell(table, "%s", decant_bytes_text((double)step->bytes, bytes)));
        if (step->flops > 0) TRY_RETURN(decant_table_add_cell(table, "%.4f", step->flops * 1e-9));
    }
    return decant_table_add_rule(table);
}

static decant_status add_memory(dcn_text *text, const decant_plan_listing *plan)
{
    const struct {
        const char *what;
        size_t bytes;
    } lines[] = {
        {"parameters", plan->parameter_bytes},   {"gradients", plan->gradient_bytes},
        {"optimiser", plan->optimizer_bytes},    {"running statistics", plan->state_bytes},
        {"activations", plan->activation_bytes}, {"scratch", plan->scratch_bytes},
    };
    char bytes[28];
    TRY_RETURN(dcn_text_add(text, "%s of %" PRId64 " samples: %d steps, %.4f GFLOP, %s of memory at its peak",
                            plan->training ? "Training" : "Inference", plan->batch, (int)plan->n_steps,
                            plan->flops * 1e-9, decant_bytes_text((double)plan->total_bytes, bytes)));
    const char *before = " (";
    for (size_t i = 0; i < DCN_COUNT(lines); i++) {
        if (lines[i].bytes == 0) continue;
        TRY_RETURN(
            dcn_text_add(text, "%s%s %s", before, lines[i].what, decant_bytes_text((double)lines[i].bytes, bytes)));
        before = ", ";
    }
    return dcn_text_add(text, before[0] == ',' ? ")\n" : "\n");
}

/* Whose step it is, where it is a run's. */
static decant_status add_title(dcn_text *text, const decant_plan_listing *plan)
{
    if (plan->run == NULL) return DECANT_OK;
    TRY_RETURN(dcn_text_add(text, "A training step of the run '%s'", plan->run));
    if (!plan->has_teacher) return dcn_text_add(text, ":\n");
    if (!plan->teacher_cached) return dcn_text_add(text, ", its teacher in it:\n");
    return dcn_text_add(text, ", which looks its teacher's answers up: the teacher runs before an epoch, for answers "
                              "not known\nyet (-o teacher_cache=off puts it into the step):\n");
}

decant_status decant_plan_text(const decant_plan_listing *plan, char **ret_text)
{
    DCN_REQUIRE(plan, ret_text);
    decant_table *table = NULL;
    dcn_text memory = {0}, text = {0};
    char *body = NULL;
    decant_status status = DECANT_OK;
    TRY(decant_table_create(&table));
    TRY(add_steps(table, plan));
    TRY(add_memory(&memory, plan));
    TRY(join(table, &memory, &body));
    TRY(add_title(&text, plan));
    TRY(dcn_text_add(&text, "%s", body));
    TRY(dcn_text_take(&text, ret_text));
out:
    dcn_free(body);
    dcn_text_finish(&text);
    dcn_text_finish(&memory);
    decant_table_destroy(table);
    return status;
}

/* --- loss sheet --- */

static decant_status add_loss(decant_table *table, const decant_run_loss *loss)
{
    TRY_RETURN(decant_table_begin_row(table));
    TRY_RETURN(decant_table_add_cell(table, "%s", loss->name));
    TRY_RETURN(decant_table_add_cell(table, "%s", loss->formula));
    TRY_RETURN(decant_table_add_cell(table, "%s", loss->reduction));
    if (loss->temperature > 0) {
        TRY_RETURN(decant_table_add_cell(table, "%g", loss->temperature));
    } else {
        TRY_RETURN(decant_table_add_cell(table, "-"));
    }
    TRY_RETURN(decant_table_add_cell(table, "%g", loss->weight));
    TRY_RETURN(decant_table_add_cell(table, "%.6f", loss->value));
    TRY_RETURN(decant_table_add_cell(table, "%.6f", loss->contribution));
    return decant_table_add_cell(table, "%.3e", loss->gradient_norm);
}

decant_status decant_losses_text(const decant_run_loss *losses, int32_t count, char **ret_text)
{
    DCN_REQUIRE(losses, ret_text);
    static const heading headings[] = {{"term", DECANT_ALIGN_LEFT},         {"formula", DECANT_ALIGN_LEFT},
                                       {"reduction", DECANT_ALIGN_LEFT},    {"T", DECANT_ALIGN_RIGHT},
                                       {"weight", DECANT_ALIGN_RIGHT},      {"value", DECANT_ALIGN_RIGHT},
                                       {"contributes", DECANT_ALIGN_RIGHT}, {"|gradient|", DECANT_ALIGN_RIGHT}};
    decant_table *table = NULL;
    dcn_text below = {0};
    double total = 0;
    decant_status status = DECANT_OK;
    TRY(decant_table_create(&table));
    TRY(add_columns(table, headings, DCN_COUNT(headings)));
    for (int32_t i = 0; i < count; i++) {
        total += losses[i].contribution;
        TRY(add_loss(table, &losses[i]));
    }
    TRY(dcn_text_add(&below, "Loss at step 0: %.6f\n", total));
    TRY(join(table, &below, ret_text));
out:
    dcn_text_finish(&below);
    decant_table_destroy(table);
    return status;
}
