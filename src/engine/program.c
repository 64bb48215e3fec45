/* Programs: the graph of one step, its inputs and the values that stand for whole blocks.
 * Copying a model into a program is lower.c. */
#include "engine/program.h"

#include "base/memory.h"

static const char *const block_names[DCN_BLOCK_COUNT] = {"block.parameter", "block.gradient", "block.slot0",
                                                         "block.slot1", "block.ema"};

decant_status dcn_program_create(int64_t batch, decant_dtype dtype, dcn_program **ret_program)
{
    if (batch < 1) return DCN_FAIL(INVALID_ARG, "a program needs a batch of at least 1, not %lld", (long long)batch);
    if (dtype != DECANT_F32 && dtype != DECANT_F64)
        return DCN_FAIL(UNSUPPORTED, "programs compute in f32 or f64, not %s", decant_dtype_name(dtype));

    dcn_program *program = NULL;
    decant_status status = dcn_new(sizeof *program, (void **)&program);
    if (status != DECANT_OK) goto out;
    program->dtype = dtype;
    program->batch = batch;
    program->counter = DCN_NONE;
    program->hyper = DCN_NONE;
    TRY(dcn_graph_create(&program->graph));
    *ret_program = program;
    program = NULL;
out:
    dcn_program_destroy(program);
    return status;
}

void dcn_program_destroy(dcn_program *program)
{
    if (program == NULL) return;
    dcn_graph_destroy(program->graph);
    dcn_free(program);
}

decant_status dcn_program_input(dcn_program *program, const char *name, decant_dtype dtype, const decant_shape *shape,
                                dcn_value_id *ret_value)
{
    if (shape->rank < 0 || shape->rank >= DECANT_MAX_RANK)
        return DCN_FAIL(SHAPE, "input %s: a sample has at most %d dimensions, not %d", name, DECANT_MAX_RANK - 1,
                        (int)shape->rank);
    decant_shape batched = {.rank = shape->rank + 1};
    batched.dim[0] = program->batch;
    for (int32_t d = 0; d < shape->rank; d++)
        batched.dim[d + 1] = shape->dim[d];
    return dcn_graph_add_value(program->graph, DCN_VALUE_INPUT, name, dtype, &batched, ret_value);
}

/* Elements of a block when every parameter begins on its own cache line. The plan counts again with its layouts'
 * padding. */
static int64_t block_elements(const dcn_program *program)
{
    int64_t line = DCN_ALIGNMENT / (int64_t)decant_dtype_size(program->dtype);
    int64_t count = 0;
    for (int32_t v = 0; v < program->graph->n_values; v++) {
        const dcn_value *value = &program->graph->values[v];
        if (value->kind == DCN_VALUE_PARAMETER && value->trainable)
            count += (decant_shape_count(&value->shape) + line - 1) / line * line;
    }
    return count;
}

decant_status dcn_program_block(dcn_program *program, dcn_block block, dcn_value_id *ret_value)
{
    dcn_graph *graph = program->graph;
    if (block < 0 || block >= DCN_BLOCK_COUNT) return DCN_FAIL(INVALID_ARG, "no block has number %d", (int)block);
    for (int32_t v = 0; v < graph->n_values; v++) {
        if (graph->values[v].kind != DCN_VALUE_BLOCK || graph->values[v].output_index != (int32_t)block) continue;
        *ret_value = v;
        return DECANT_OK;
    }
    decant_shape shape = {.rank = 1, .dim = {block_elements(program)}};
    if (shape.dim[0] == 0)
        return DCN_FAIL(INVALID_ARG,
                        "the program trains nothing, so there is no block to update; add the model in train "
                        "mode first");
    dcn_value_id value;
    TRY_RETURN(dcn_graph_add_value(graph, DCN_VALUE_BLOCK, block_names[block], program->dtype, &shape, &value));
    graph->values[value].output_index = (int32_t)block;
    *ret_value = value;
    return DECANT_OK;
}

decant_status dcn_program_hyper(dcn_program *program, dcn_value_id *ret_value)
{
    if (program->hyper == DCN_NONE) {
        decant_shape shape = {.rank = 1, .dim = {DCN_HYPER_COUNT}};
        TRY_RETURN(dcn_graph_add_value(program->graph, DCN_VALUE_INPUT, "hyper", DECANT_F32, &shape, &program->hyper));
    }
    *ret_value = program->hyper;
    return DECANT_OK;
}
