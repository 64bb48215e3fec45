/* What a plan is made of. Private to engine/: plan.c puts the parts together, precision.c decides element types,
 * layout.c kernels and layouts, storage.c and offsets.c decide memory, execute.c runs, transfer.c moves weights in and
 * out. */
#ifndef DCN_ENGINE_PARTS_H
#define DCN_ENGINE_PARTS_H

#include "engine/plan.h"

/* Indices in plan->buffers and plan->weights; DCN_NONE where there is none. */
typedef int32_t dcn_buffer_id;
typedef int32_t dcn_weight_id;

/* Whose memory a buffer is. */
typedef enum dcn_home {
    DCN_HOME_ARENA,    /* a result: an offset in the activation arena, reused when the result is no longer needed */
    DCN_HOME_KEPT,     /* a result that the caller reads: nothing overwrites it until the next run */
    DCN_HOME_INPUT,    /* the caller's memory, known when it is bound */
    DCN_HOME_WEIGHT,   /* a parameter or state */
    DCN_HOME_GRADIENT, /* a trainable parameter's place in the gradient block */
    DCN_HOME_BLOCK,    /* a whole block */
    DCN_HOME_COPY      /* a weight in another layout or as bf16, made again only when the weight has changed */
} dcn_home;

/* One value in one layout and element type. Several buffers may be the same memory (views, ops in place): they have one
 * root. */
typedef struct dcn_buffer {
    dcn_tensor_desc desc;
    size_t bytes;              /* what its layout takes, a multiple of DCN_ALIGNMENT */
    dcn_buffer_id root;        /* itself when it is nobody else's memory */
    dcn_buffer_id next_layout; /* the same value in another layout */
    void *data;                /* set when memory has been taken; inputs: when bound */
    /* Of roots: */
    dcn_home home;
    int32_t index;                 /* WEIGHT, GRADIENT: dcn_weight_id; BLOCK: dcn_block */
    dcn_node_id needed_until;      /* the last node that reads any value living here; n_nodes when the caller does */
    int32_t first_step, last_step; /* ARENA: the steps between which the memory is taken */
    size_t offset;                 /* ARENA, KEPT, COPY */
} dcn_buffer;

/* A parameter or state: memory that lives from run to run. */
typedef struct dcn_weight {
    const char *name; /* plan's arena */
    dcn_value_id value;
    dcn_value_id gradient; /* DCN_NONE: its place in the gradient block stays zero */
    dcn_buffer_id buffer;
    dcn_tensor_desc desc;
    bool is_state;
    bool settled;   /* its layout is decided: by its first reader, or by the plan shared from */
    bool borrowed;  /* lives in the memory of the plan shared from */
    bool in_blocks; /* has a place in every block (it is trainable here or in the plan shared from) */
    size_t bytes;
    size_t offset; /* in each block, or in the WEIGHTS or STATES region */
    void *data;    /* what this plan reads; the EMA block's place with use_ema */
} dcn_weight;

typedef struct dcn_step {
    dcn_kernel *kernel;
    const char *op, *layer; /* op: static memory; layer: plan's arena or "" */
    int32_t n_inputs, n_outputs;
    dcn_buffer_id input[DCN_MAX_INPUTS], output[DCN_MAX_OUTPUTS];
    void *input_data[DCN_MAX_INPUTS], *output_data[DCN_MAX_OUTPUTS];
    decant_shape shape; /* of the first output; of the first input for updates */
    dcn_layout layout;
    decant_dtype dtype; /* that the step computes from: bf16 or the program's */
} dcn_step;

/* A reorder of a weight that is redone only when the weight has changed since. */
typedef struct dcn_weight_copy {
    dcn_step step;
    const int64_t *version; /* counts changes of the weight */
    int64_t seen;
} dcn_weight_copy;

typedef enum dcn_region_kind {
    DCN_REGION_BLOCK0,                                        /* DCN_BLOCK_COUNT of them */
    DCN_REGION_WEIGHTS = DCN_REGION_BLOCK0 + DCN_BLOCK_COUNT, /* frozen parameters */
    DCN_REGION_STATES,
    DCN_REGION_COPIES,
    DCN_REGION_ARENA,
    DCN_REGION_KEPT,
    DCN_REGION_SCRATCH,
    DCN_REGION_COUNT
} dcn_region_kind;

/* One piece of device memory. */
typedef struct dcn_region {
    void *memory; /* NULL when bytes is 0 */
    size_t bytes;
    bool borrowed; /* the plan shared from frees it */
} dcn_region;

/* What the plan remembers of a program value. */
typedef struct dcn_plan_value {
    dcn_value_kind kind;
    dcn_buffer_id buffer; /* first of its layouts; DCN_NONE when nothing makes or reads it */
    dcn_weight_id weight; /* of parameters and states */
    bool kept;
} dcn_plan_value;

struct dcn_plan {
    dcn_device *device;
    dcn_plan *share;
    bool use_ema, separate;
    bool updates; /* has update nodes: weights change in every run */
    decant_dtype dtype;
    struct dcn_arena *names;
    dcn_plan_value *values; /* [n_values], by program value id */
    int32_t n_values;
    dcn_buffer *buffers;
    int32_t n_buffers, buffers_capacity;
    dcn_weight *weights;
    int32_t n_weights;
    dcn_step *steps;
    int32_t n_steps, steps_capacity;
    dcn_weight_copy *copies;
    int32_t n_copies, copies_capacity;
    int32_t n_unbound;  /* inputs that are read and have no memory yet */
    size_t block_bytes; /* of each block; 0 until the blocks are laid out */
    bool blocks_placed;
    bool block_used[DCN_BLOCK_COUNT];
    dcn_region region[DCN_REGION_COUNT];
    /* Counts of changes, kept in the plan that everything is shared from. */
    int64_t frozen_version, trained_version;
};

/* The plan that owns the counts of changes. */
static inline dcn_plan *dcn_plan_origin(dcn_plan *plan)
{
    while (plan->share != NULL)
        plan = plan->share;
    return plan;
}

/* precision.c: which nodes compute from bf16 and which values are stored as bf16. */
typedef struct dcn_precision_choice {
    bool *node;  /* [n_nodes] */
    bool *value; /* [n_values] */
} dcn_precision_choice;
decant_status dcn_plan_choose_precision(const dcn_plan *plan, const dcn_program *program, dcn_precision_choice *choice);
void dcn_precision_choice_finish(dcn_precision_choice *choice);

/* layout.c: makes the steps (kernels, layouts, reorders) of a plan whose values and weights are in place. */
decant_status dcn_plan_lay_out(dcn_plan *plan, const dcn_program *program);
/* Gives every trainable parameter its place in the blocks, after which no layout of theirs changes. */
decant_status dcn_plan_place_blocks(dcn_plan *plan);

/* storage.c: takes memory for everything and resolves the pointers of every step. */
decant_status dcn_plan_take_memory(dcn_plan *plan);

/* offsets.c: best-fit offsets for pieces of memory that are each needed during [first, last] (both included). Pieces
 * whose times meet never overlap. bytes are multiples of DCN_ALIGNMENT, and so are the offsets. */
typedef struct dcn_interval {
    int32_t first, last;
    size_t bytes;
    size_t offset; /* result */
} dcn_interval;
decant_status dcn_offsets_assign(dcn_interval *intervals, int32_t count, size_t *ret_bytes);
/* Puts a piece behind the others: *total grows by bytes, ret_offset is where it begins. */
decant_status dcn_offsets_append(size_t *total, size_t bytes, size_t *ret_offset);

/* A program value of this plan: INVALID_ARG when there is none. */
decant_status dcn_plan_check_value(const dcn_plan *plan, dcn_value_id value);

#endif
