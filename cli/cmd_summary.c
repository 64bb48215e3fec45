/* decant summary RECIPE MODEL | FILE | zoo:NAME: what a model is made of. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "output.h"
#include "overrides.h"
#include "verbs.h"

#define ZOO_PREFIX "zoo:"

enum {
    SUMMARY_PLAN = OPTION_COMPUTE_COUNT,
    SUMMARY_BATCH,
    SUMMARY_CLASSES,
    SUMMARY_CHANNELS,
    SUMMARY_OVERRIDE,
    SUMMARY_OPTION_COUNT
};

static const cli_option options[] = {
    [OPTION_JSON] = OPTION_JSON_ROW,
    [OPTION_QUIET] = OPTION_QUIET_ROW,
    [OPTION_DEVICE] = OPTION_DEVICE_ROW,
    [OPTION_THREADS] = OPTION_THREADS_ROW,
    [OPTION_PRECISION] = OPTION_PRECISION_ROW,
    [SUMMARY_PLAN] = {"plan", 0, OPTION_FLAG, 0, 0, 0,
                      "also every step of a batch: kernel, precision, layout, bytes, and the memory it takes"},
    [SUMMARY_BATCH] = {"batch", 'b', OPTION_INT, "N", 1, 1048576, "--plan: samples in a batch"},
    [SUMMARY_CLASSES] = {"classes", 0, OPTION_INT, "N", 1, 1000000, "zoo: only: outputs"},
    [SUMMARY_CHANNELS] = {"channels", 0, OPTION_INT, "N", 1, 65536, "zoo: only: input channels"},
    [SUMMARY_OVERRIDE] = OPTION_OVERRIDE_ROW,
};

/* What is summarised, however it was named. */
typedef struct summary_subject {
    const char *name;
    decant_recipe *recipe; /* NULL without one */
    decant_model *model;
    int64_t budget, budget_mult_adds; /* 0: none */
} summary_subject;

static decant_status open_subject(const cli_invocation *invocation, summary_subject *ret_subject)
{
    const option_value *values = invocation->values;
    const char *first = invocation->arguments[0];
    summary_subject opened = {.name = first};
    decant_status status = DECANT_OK;
    if (invocation->n_arguments == 2) {
        opened.name = invocation->arguments[1];
        status = load_recipe(first, &values[SUMMARY_OVERRIDE], values, &opened.recipe);
        if (status == DECANT_OK) status = decant_recipe_build_model(opened.recipe, opened.name, &opened.model);
        if (status == DECANT_OK) opened.budget = decant_recipe_budget(opened.recipe, opened.name);
        if (status == DECANT_OK) opened.budget_mult_adds = decant_recipe_budget_mult_adds(opened.recipe, opened.name);
    } else if (strncmp(first, ZOO_PREFIX, strlen(ZOO_PREFIX)) == 0) {
        opened.name = first + strlen(ZOO_PREFIX);
        status = decant_model_from_zoo(opened.name, values[SUMMARY_CLASSES].number, values[SUMMARY_CHANNELS].number,
                                       &opened.model);
    } else {
        status = decant_model_load(first, &opened.model);
    }
    *ret_subject = opened;
    return status;
}

static json_t *shape_json(const decant_shape *shape)
{
    json_t *list = json_array();
    for (int32_t i = 0; i < shape->rank; i++)
        json_array_append_new(list, json_integer(shape->dim[i]));
    return list;
}

static json_t *plan_json(const decant_plan_listing *plan)
{
    json_t *steps = json_array();
    for (int32_t i = 0; i < plan->n_steps; i++) {
        const decant_plan_step *step = &plan->steps[i];
        json_array_append_new(steps, json_pack("{s:s?, s:s, s:s, s:s, s:s, s:o, s:I, s:f}", "layer", step->layer, "op",
                                               step->op, "kernel", step->kernel, "precision", step->precision, "layout",
                                               step->layout, "shape", shape_json(&step->shape), "bytes",
                                               (json_int_t)step->bytes, "flops", step->flops));
    }
    return json_pack("{s:I, s:b, s:s?, s:b, s:b, s:f, s:{s:I, s:I, s:I, s:I, s:I, s:I, s:I}, s:o}", "batch",
                     (json_int_t)plan->batch, "training", plan->training, "run", plan->run, "has_teacher",
                     plan->has_teacher, "teacher_cached", plan->teacher_cached, "flops", plan->flops, "memory",
                     "parameters", (json_int_t)plan->parameter_bytes, "gradients", (json_int_t)plan->gradient_bytes,
                     "optimizer", (json_int_t)plan->optimizer_bytes, "states", (json_int_t)plan->state_bytes,
                     "activations", (json_int_t)plan->activation_bytes, "scratch", (json_int_t)plan->scratch_bytes,
                     "total", (json_int_t)plan->total_bytes, "steps", steps);
}

static json_t *floats_json(const float *values, int32_t count)
{
    json_t *list = json_array();
    for (int32_t i = 0; i < count; i++)
        json_array_append_new(list, json_real((double)values[i]));
    return list;
}

/* As a recipe's data.normalize takes it; NULL where nothing is normalised. */
static json_t *normalization_json(const decant_model *model)
{
    const float *mean = NULL, *std = NULL;
    const int32_t count = model != NULL ? decant_model_normalization(model, &mean, &std) : 0;
    if (count == 0) return NULL;
    return json_pack("{s:o, s:o}", "mean", floats_json(mean, count), "std", floats_json(std, count));
}

static json_t *summary_json(const summary_subject *subject, const decant_model_summary *summary,
                            const decant_plan_listing *plan)
{
    json_t *layers = json_array();
    for (int32_t i = 0; i < summary->n_layers; i++) {
        const decant_layer_info *layer = &summary->layers[i];
        json_array_append_new(layers,
                              json_pack("{s:s?, s:s, s:o, s:I, s:I}", "name", layer->name, "op", layer->op, "output",
                                        shape_json(&layer->output), "parameters", (json_int_t)layer->parameters,
                                        "mult_adds", (json_int_t)layer->mult_adds));
    }
    json_t *json =
        json_pack("{s:o, s:I, s:I, s:I, s:I, s:o}", "model", text_json(subject->name), "parameters",
                  (json_int_t)summary->parameters, "trainable", (json_int_t)summary->trainable, "mult_adds",
                  (json_int_t)summary->mult_adds, "weight_bytes", (json_int_t)summary->weight_bytes, "layers", layers);
    if (summary->deployed_parameters != summary->parameters) {
        json_object_set_new(json, "deployed_parameters", json_integer(summary->deployed_parameters));
        json_object_set_new(json, "deployed_mult_adds", json_integer(summary->deployed_mult_adds));
    }
    if (subject->budget > 0) json_object_set_new(json, "budget", json_integer(subject->budget));
    if (subject->budget_mult_adds > 0)
        json_object_set_new(json, "budget_mult_adds", json_integer(subject->budget_mult_adds));
    json_t *normalization = normalization_json(subject->model);
    if (normalization != NULL) json_object_set_new(json, "normalization", normalization);
    if (plan != NULL) json_object_set_new(json, "plan", plan_json(plan));
    return json;
}

static decant_status print_as_text(const summary_subject *subject, const decant_model_summary *summary,
                                   const decant_plan_listing *plan)
{
    char *text = NULL;
    decant_status status = decant_summary_text(summary, subject->budget, &text);
    if (status != DECANT_OK) return status;
    print_text(text);
    if (plan == NULL) return DECANT_OK;
    text = NULL;
    status = decant_plan_text(plan, &text);
    if (status != DECANT_OK) return status;
    putchar('\n');
    print_text(text);
    return DECANT_OK;
}

static void tell_precision_of(const decant_recipe *recipe, const char *name, const option_value *values)
{
    for (int32_t i = 0; i < decant_recipe_run_count(recipe); i++) {
        const decant_run_info run = decant_recipe_run_at(recipe, i);
        if (strcmp(run.name, name) == 0) tell_own_precision(&run, values);
    }
}

static decant_status make_plan(const summary_subject *subject, const option_value *values,
                               decant_plan_listing **ret_plan)
{
    int64_t batch = values[SUMMARY_BATCH].number; /* 0 when not given */
    const decant_compute compute = asked_compute(values);
    if (subject->recipe == NULL) return decant_model_plan(subject->model, &compute, batch > 0 ? batch : 1, ret_plan);
    const decant_status status = decant_recipe_plan(subject->recipe, subject->name, NULL, batch, ret_plan);
    if (status == DECANT_OK && (*ret_plan)->run != NULL) tell_precision_of(subject->recipe, (*ret_plan)->run, values);
    return status;
}

static int check_budget(const summary_subject *subject, const decant_model_summary *summary)
{
    if (subject->budget > 0 && summary->deployed_parameters > subject->budget)
        return report_error(2, "%s has %" PRId64 " parameters, more than the budget of %" PRId64, subject->name,
                            summary->deployed_parameters, subject->budget);
    if (subject->budget_mult_adds > 0 && summary->deployed_mult_adds > subject->budget_mult_adds)
        return report_error(2, "%s has %" PRId64 " mult-adds, more than the budget of %" PRId64, subject->name,
                            summary->deployed_mult_adds, subject->budget_mult_adds);
    return 0;
}

/* A recipe alone does not say which of its networks is meant. */
static int ask_for_model(const cli_invocation *invocation)
{
    const option_value *values = invocation->values;
    const char *path = invocation->arguments[0];
    decant_recipe *recipe = NULL;
    char names[256] = "";
    size_t length = 0;
    decant_status status = load_recipe(path, &values[SUMMARY_OVERRIDE], values, &recipe);
    if (status != DECANT_OK) return report_failure(status);
    for (int32_t i = 0; i < decant_recipe_model_count(recipe) && length < sizeof names; i++)
        length += (size_t)snprintf(names + length, sizeof names - length, "%s%s", i > 0 ? ", " : "",
                                   decant_recipe_model_name(recipe, i));
    decant_recipe_destroy(recipe);
    return report_error(2, "%s: which model? decant summary %s MODEL, one of: %s", path, path, names);
}

/* Options that would change nothing are not passed over in silence. Returns -1 when all is well. */
static int refuse_idle_options(const cli_invocation *invocation)
{
    static const int of_plan[] = {SUMMARY_BATCH, OPTION_DEVICE, OPTION_THREADS, OPTION_PRECISION};
    static const int of_zoo[] = {SUMMARY_CLASSES, SUMMARY_CHANNELS};
    const option_value *values = invocation->values;
    const bool is_zoo = strncmp(invocation->arguments[0], ZOO_PREFIX, strlen(ZOO_PREFIX)) == 0;
    for (size_t i = 0; i < sizeof of_plan / sizeof of_plan[0]; i++)
        if (values[of_plan[i]].given && !values[SUMMARY_PLAN].given)
            return usage_error(invocation->verb, "--%s is for --plan", options[of_plan[i]].name);
    for (size_t i = 0; i < sizeof of_zoo / sizeof of_zoo[0]; i++)
        if (values[of_zoo[i]].given && !is_zoo)
            return usage_error(invocation->verb, "--%s is for a network of the zoo", options[of_zoo[i]].name);
    if (values[SUMMARY_OVERRIDE].given && invocation->n_arguments == 1 && !is_recipe_name(invocation->arguments[0]))
        return usage_error(invocation->verb, "there is no recipe to override a key of");
    return -1;
}

static int run(const cli_invocation *invocation)
{
    const option_value *values = invocation->values;
    const int refused = refuse_idle_options(invocation);
    if (refused >= 0) return refused;
    if (invocation->n_arguments == 1 && is_recipe_name(invocation->arguments[0])) return ask_for_model(invocation);
    summary_subject subject = {0};
    decant_model_summary *summary = NULL;
    decant_plan_listing *plan = NULL;
    int exit_status = 0;
    decant_status status = open_subject(invocation, &subject);
    if (status == DECANT_OK) status = decant_model_summarize(subject.model, &summary);
    if (status == DECANT_OK && values[SUMMARY_PLAN].given) status = make_plan(&subject, values, &plan);
    if (status == DECANT_OK && values[OPTION_JSON].given)
        exit_status = print_json(summary_json(&subject, summary, plan));
    else if (status == DECANT_OK)
        status = print_as_text(&subject, summary, plan);
    if (status != DECANT_OK)
        exit_status = report_failure(status);
    else if (exit_status == 0)
        exit_status = check_budget(&subject, summary);
    decant_plan_listing_destroy(plan);
    decant_model_summary_destroy(summary);
    decant_model_destroy(subject.model);
    decant_recipe_destroy(subject.recipe);
    return exit_status;
}

const cli_verb verb_summary = {
    .name = "summary",
    .arguments = "RECIPE MODEL | FILE | zoo:NAME",
    .summary = "lists a model's layers, output shapes, parameters and mult-adds",
    .details = "A model of a recipe is checked against its budget (exit status 2 beyond it), and its plan is that of a "
               "training\n"
               "step, of its first run with a teacher or else of its first run; the plan of a file or a network of the "
               "zoo is\n"
               "that of inference.\n",
    .options = options,
    .n_options = SUMMARY_OPTION_COUNT,
    .computes = true,
    .min_arguments = 1,
    .max_arguments = 2,
    .run = run,
};
