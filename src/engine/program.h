/* A program: the graph of everything one step does - teacher forward, student forward, losses, backward, update - for
 * one batch size. Building it (lowering) is here; deciding memory and kernels is plan.h. */
#ifndef DCN_ENGINE_PROGRAM_H
#define DCN_ENGINE_PROGRAM_H

#include "graph/graph.h"

typedef enum dcn_mode {
    DCN_MODE_INFERENCE, /* dropout left out, batchnorm with running statistics, nothing trainable */
    DCN_MODE_TRAIN
} dcn_mode;

/* Flat f32 blocks with one place per trainable parameter, all with the same offsets and layouts. */
typedef enum dcn_block {
    DCN_BLOCK_PARAMETER,
    DCN_BLOCK_GRADIENT,
    DCN_BLOCK_SLOT0, /* optimiser state: momentum, or Adam's m */
    DCN_BLOCK_SLOT1, /* Adam's v */
    DCN_BLOCK_EMA,
    DCN_BLOCK_COUNT
} dcn_block;

typedef struct dcn_program {
    dcn_graph *graph;
    decant_dtype dtype; /* F32, or F64 for gradient checks on ref */
    int64_t batch;
    dcn_value_id counter; /* I64 [2] {seed, step} input of dropout; DCN_NONE when nothing drops */
    dcn_value_id hyper;   /* F32 [DCN_HYPER_COUNT] input of the update; DCN_NONE without one */
    int64_t n_dropouts;   /* streams handed out */
} dcn_program;

decant_status dcn_program_create(int64_t batch, decant_dtype dtype, dcn_program **ret_program);
void dcn_program_destroy(dcn_program *program);

/* An input of shape [batch, sample...]: shape holds the dimensions after the batch (rank 0 for labels). dtype is the
 * value's own (labels are I32; what a model reads has the program's). */
decant_status dcn_program_input(dcn_program *program, const char *name, decant_dtype dtype, const decant_shape *shape,
                                dcn_value_id *ret_value);

#define DCN_TEACHER_PREFIX "teacher."
/* Copies a model graph into the program for its batch size and mode, fusing neighbours unless a value between them is
 * in keep[] (model value ids that a loss taps) or is read elsewhere: conv, linear, batchnorm or add with a relu behind
 * it, and in training batchnorm (with relu) with a maximum of 2x2 pixels behind it.
 *   model_index  0 is the model that trains; in the program, layers, parameters and states of model 1 are named
 *                "teacher.<name>", those of model 2 "teacher2.<name>" and so on.
 *   ret_map      [model->n_values] program value of each model value; DCN_NONE where fused away. dcn_free. May be NULL.
 *   ret_output   the program value of the model's output. */
decant_status dcn_program_add_model(dcn_program *program, const dcn_graph *model, int32_t model_index, dcn_mode mode,
                                    dcn_value_id input, const dcn_value_id *keep, int32_t n_keep,
                                    dcn_value_id **ret_map, dcn_value_id *ret_output);

/* The value standing for a whole block (made on first use), for update nodes. */
decant_status dcn_program_block(dcn_program *program, dcn_block block, dcn_value_id *ret_value);
/* The hyper input (made on first use). */
decant_status dcn_program_hyper(dcn_program *program, dcn_value_id *ret_value);

#endif
