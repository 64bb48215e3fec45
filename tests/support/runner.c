/* Values, compiled steps and their reorders. Device memory is host memory on every device there is. */
#include "support/runner.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"

void require(decant_status status, const char *what)
{
    if (status != DECANT_OK) fail_msg("%s: %s", what, decant_error_message());
}

void runner_init(runner *run, const char *device, decant_dtype dtype)
{
    const dcn_device_options options = {.threads = 1};
    memset(run, 0, sizeof *run);
    run->dtype = dtype;
    require(dcn_graph_create(&run->graph), "graph");
    require(dcn_device_open(device, &options, &run->device), device);
}

static void *take(runner *run, size_t bytes)
{
    void *memory = NULL;
    require(run->device->class->memory_create(run->device, bytes, &memory), "device memory");
    return memory;
}

static void give_back(runner *run, void *memory)
{
    if (memory != NULL) run->device->class->memory_destroy(run->device, memory);
}

static void step_finish(runner *run, runner_step *step)
{
    for (int32_t i = 0; i < DCN_MAX_INPUTS; i++) {
        give_back(run, step->input[i]);
        if (step->before[i] != NULL) step->before[i]->destroy(step->before[i]);
    }
    for (int32_t i = 0; i < DCN_MAX_OUTPUTS; i++) {
        give_back(run, step->output[i]);
        if (step->after[i] != NULL) step->after[i]->destroy(step->after[i]);
    }
    give_back(run, step->scratch);
    step->kernel->destroy(step->kernel);
}

void runner_finish(runner *run)
{
    for (int32_t n = 0; n < run->n_steps; n++)
        step_finish(run, &run->steps[n]);
    for (int32_t v = 0; v < run->n_values; v++)
        give_back(run, run->data[v]);
    dcn_free(run->steps);
    dcn_free(run->data);
    dcn_free(run->layout);
    dcn_graph_destroy(run->graph);
    dcn_device_close(run->device);
}

/* --- values --- */

/* Memory for values that have none yet. An index may take less in the device's layout, never more. */
static void grow_values(runner *run)
{
    size_t count = (size_t)run->graph->n_values;
    require(dcn_resize((void **)&run->data, count, sizeof *run->data), "values");
    require(dcn_resize((void **)&run->layout, count, sizeof *run->layout), "values");
    for (; run->n_values < run->graph->n_values; run->n_values++) {
        const dcn_value *value = &run->graph->values[run->n_values];
        size_t bytes = (size_t)decant_shape_count(&value->shape) * decant_dtype_size(value->dtype);
        run->data[run->n_values] = take(run, bytes);
        run->layout[run->n_values] = DCN_LAYOUT_PLAIN;
    }
}

dcn_value_id runner_value(runner *run, dcn_value_kind kind, const char *name, decant_dtype dtype, decant_shape shape)
{
    dcn_value_id id = DCN_NONE;
    require(dcn_graph_add_value(run->graph, kind, name, dtype, &shape, &id), name);
    run->graph->values[id].trainable = kind == DCN_VALUE_PARAMETER;
    grow_values(run);
    return id;
}

int64_t runner_count(const runner *run, dcn_value_id value)
{
    return decant_shape_count(&run->graph->values[value].shape);
}

void runner_set(runner *run, dcn_value_id value, const double *elements)
{
    bool wide = run->graph->values[value].dtype == DECANT_F64;
    for (int64_t i = 0; i < runner_count(run, value); i++)
        if (wide)
            ((double *)run->data[value])[i] = elements[i];
        else
            ((float *)run->data[value])[i] = (float)elements[i];
}

double runner_get(const runner *run, dcn_value_id value, int64_t index)
{
    if (run->graph->values[value].dtype == DECANT_F64) return ((const double *)run->data[value])[index];
    return (double)((const float *)run->data[value])[index];
}

/* --- nodes --- */

dcn_value_id runner_node(runner *run, decant_op op, const decant_op_attrs *attrs, const dcn_value_id *inputs,
                         int32_t n_inputs, int32_t n_outputs, dcn_value_id *ret_outputs)
{
    dcn_value_id outputs[DCN_MAX_OUTPUTS];
    require(dcn_graph_add_node(run->graph, op, attrs, NULL, inputs, n_inputs, n_outputs, outputs),
            dcn_op_get(op)->name);
    grow_values(run);
    if (ret_outputs != NULL) memcpy(ret_outputs, outputs, (size_t)n_outputs * sizeof *outputs);
    return outputs[0];
}

void runner_backward(runner *run, const dcn_seed *seeds, int32_t n_seeds)
{
    require(dcn_graph_backward(run->graph, seeds, n_seeds), "backward");
    grow_values(run);
}

static dcn_kernel *compile_reorder(runner *run, const dcn_tensor_desc *from, const dcn_tensor_desc *to)
{
    dcn_kernel *kernel = NULL;
    require(run->device->class->compile_reorder(run->device, from, to, &kernel), "compiling a reorder");
    return kernel;
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

static void compile_step(runner *run, const dcn_node *node, runner_step *step)
{
    const dcn_device_class *class = run->device->class;
    dcn_op_call *call = &step->call;
    for (int32_t i = 0; i < call->n_inputs; i++)
        call->input[i].layout = run->layout[node->input[i]];
    for (int32_t i = 0; i < call->n_outputs; i++)
        call->output[i].layout = DCN_LAYOUT_ANY;
    require(class->compile(run->device, call, &step->kernel), dcn_op_get(call->op)->name);

    size_t scratch = step->kernel->scratch_bytes;
    for (int32_t i = 0; i < call->n_inputs; i++) {
        dcn_tensor_desc exists = call->input[i];
        exists.layout = run->layout[node->input[i]];
        if (exists.layout == call->input[i].layout) continue;
        step->before[i] = compile_reorder(run, &exists, &call->input[i]);
        step->input[i] = take(run, class->layout_bytes(run->device, &call->input[i]));
        scratch = larger(scratch, step->before[i]->scratch_bytes);
    }
    for (int32_t i = 0; i < call->n_outputs; i++) {
        if (call->output[i].dtype == DECANT_I32) run->layout[node->output[i]] = call->output[i].layout;
        if (call->output[i].dtype == DECANT_I32 || call->output[i].layout == DCN_LAYOUT_PLAIN) continue;
        dcn_tensor_desc plain = call->output[i];
        plain.layout = DCN_LAYOUT_PLAIN;
        step->after[i] = compile_reorder(run, &call->output[i], &plain);
        step->output[i] = take(run, class->layout_bytes(run->device, &call->output[i]));
        scratch = larger(scratch, step->after[i]->scratch_bytes);
    }
    step->scratch = take(run, scratch);
}

static void run_step(runner *run, const dcn_node *node, const runner_step *step)
{
    void *inputs[DCN_MAX_INPUTS], *outputs[DCN_MAX_OUTPUTS];
    for (int32_t i = 0; i < node->n_inputs; i++) {
        void *plain = run->data[node->input[i]];
        inputs[i] = step->before[i] != NULL ? step->input[i] : plain;
        if (step->before[i] != NULL) step->before[i]->run(step->before[i], &plain, &inputs[i], step->scratch);
    }
    for (int32_t i = 0; i < node->n_outputs; i++)
        outputs[i] = step->after[i] != NULL ? step->output[i] : run->data[node->output[i]];
    step->kernel->run(step->kernel, inputs, outputs, step->scratch);
    for (int32_t i = 0; i < node->n_outputs; i++)
        if (step->after[i] != NULL)
            step->after[i]->run(step->after[i], &outputs[i], &run->data[node->output[i]], step->scratch);
}

void runner_run(runner *run, int32_t n_nodes)
{
    require(dcn_resize((void **)&run->steps, (size_t)run->graph->n_nodes, sizeof *run->steps), "steps");
    for (; run->n_steps < n_nodes; run->n_steps++) {
        runner_step *step = &run->steps[run->n_steps];
        memset(step, 0, sizeof *step);
        dcn_graph_call(run->graph, run->n_steps, &step->call);
        compile_step(run, &run->graph->nodes[run->n_steps], step);
    }
    for (int32_t n = 0; n < n_nodes; n++)
        run_step(run, &run->graph->nodes[n], &run->steps[n]);
}
