/* A program made runnable on a device: kernels, layouts, reorders, and every buffer's offset, decided once. Running
 * allocates nothing. */
#ifndef DCN_ENGINE_PLAN_H
#define DCN_ENGINE_PLAN_H

#include "device/device.h"
#include "engine/program.h"

typedef struct dcn_plan dcn_plan;

typedef struct dcn_plan_options {
    /* Use this plan's parameter, state and block memory (and its layouts) instead of taking new; values are matched by
     * name. The plan shared from must outlive this one. NULL: own memory. An inference plan over a training plan sees
     * its weights. Plans that share also share working memory: they must not run at the same time. */
    dcn_plan *share;
    bool use_ema; /* with share: read trainable parameters from the EMA block */
    const dcn_value_id
        *keep; /* result values the caller will read after a run (program outputs); others may be overwritten */
    int32_t n_keep;
    bool separate; /* every result has memory of its own and nothing is written in place: to look for mistakes */
} dcn_plan_options;

/* Products are computed in the precision that the device was asked for; weights and what is kept are the program's
 * type. The program is read, not kept (may be destroyed afterwards). options may be NULL. Parameters, states and blocks
 * begin as zeros unless they are shared. Errors: UNSUPPORTED (the device cannot run an op), INVALID_ARG and SHAPE (what
 * is shared does not fit), NOT_FOUND (use_ema without an EMA block), NO_MEMORY. */
decant_status dcn_plan_create(dcn_device *device, const dcn_program *program, const dcn_plan_options *options,
                              dcn_plan **ret_plan);
void dcn_plan_destroy(dcn_plan *plan);

/* Inputs: memory of the caller's, plain layout, read at the next runs. Must be 64-byte aligned for best speed. */
decant_status dcn_plan_bind(dcn_plan *plan, dcn_value_id input, const void *data);
/* Parameters and states, plain layout (converted here). Also for kept results: read only. */
decant_status dcn_plan_write(dcn_plan *plan, dcn_value_id value, const void *data);
decant_status dcn_plan_read(dcn_plan *plan, dcn_value_id value, void *ret_data);
/* One parameter's place in a block (optimiser state, gradient, EMA), plain layout. */
decant_status dcn_plan_block_write(dcn_plan *plan, dcn_block block, dcn_value_id parameter, const void *data);
decant_status dcn_plan_block_read(dcn_plan *plan, dcn_block block, dcn_value_id parameter, void *ret_data);

/* One step. Never allocates; bad numbers are the caller's to notice. Errors: INVALID_ARG (an input that the program
 * reads is not bound), INTERNAL (a kernel could not compute: neither results nor what the step updates are to be
 * used). */
decant_status dcn_plan_run(dcn_plan *plan);

typedef struct dcn_step_info {
    const char *op, *kernel, *layout; /* layout of the first output; plan's memory */
    const char *precision;            /* what it computes from: "bf16", "f32" or "f64"; static memory */
    const char *layer;                /* that it belongs to, backward steps too; "" for none */
    decant_shape shape;               /* of the first output */
    size_t bytes;                     /* written + read by the step */
    double flops;
    double needed_flops; /* those of them that the kernel's algorithm cannot do without */
} dcn_step_info;
int32_t dcn_plan_steps(const dcn_plan *plan);
dcn_step_info dcn_plan_step(const dcn_plan *plan, int32_t index);
/* The same; seconds that each step took, into ret_seconds[dcn_plan_steps]. */
decant_status dcn_plan_run_timed(dcn_plan *plan, double *ret_seconds);

/* Bytes of device memory that this plan took itself; what it shares counts in the plan shared from. parameters includes
 * their copies in other layouts, optimizer the EMA block, activations the kept results. */
typedef struct dcn_plan_memory {
    size_t parameters, gradients, optimizer, states, activations, scratch, total;
} dcn_plan_memory;
dcn_plan_memory dcn_plan_memory_use(const dcn_plan *plan);
double dcn_plan_flops(const dcn_plan *plan); /* one run */

#endif
