/* SGD, Adam and AdamW: their defaults, their nodes in a training program, and the numbers that change from step to
 * step. The arithmetic itself is the devices' update ops; learning rates are schedule.c's. */
#include "optim/optimizer.h"

#include <math.h>
#include <string.h>

dcn_optimizer dcn_optimizer_default(dcn_optimizer_kind kind)
{
    dcn_optimizer optimizer = {
        .kind = kind,
        .lr = kind == DCN_OPTIMIZER_SGD ? 0.01 : 1e-3,
        .weight_decay = kind == DCN_OPTIMIZER_ADAMW ? 0.01 : 0,
        .beta1 = 0.9,
        .beta2 = 0.999,
        .eps = 1e-8,
        .schedule = {.kind = DCN_SCHEDULE_CONSTANT, .gamma = 0.1, .pct_start = 0.3},
    };
    return optimizer;
}

int32_t dcn_optimizer_slots(const dcn_optimizer *optimizer)
{
    if (optimizer->kind != DCN_OPTIMIZER_SGD) return 2;
    return optimizer->momentum > 0 ? 1 : 0;
}

static bool in_unit_interval(double x)
{
    return x >= 0 && x < 1;
}

static decant_status check_schedule(const dcn_schedule *schedule, double lr)
{
    if (!(schedule->warmup_epochs >= 0 && isfinite(schedule->warmup_epochs))) {
        return DCN_FAIL(INVALID_ARG, "warm-up must last 0 epochs or more, not %g", schedule->warmup_epochs);
    }
    switch (schedule->kind) {
    case DCN_SCHEDULE_STEP:
        if (!(schedule->gamma > 0 && isfinite(schedule->gamma))) {
            return DCN_FAIL(INVALID_ARG, "gamma of the step schedule must be above 0, not %g", schedule->gamma);
        }
        if (schedule->n_milestones < 0 || schedule->n_milestones > DCN_MAX_MILESTONES) {
            return DCN_FAIL(INVALID_ARG, "a step schedule takes at most %d milestones", DCN_MAX_MILESTONES);
        }
        if (schedule->n_milestones == 0 && schedule->every < 1) {
            return DCN_FAIL(INVALID_ARG, "a step schedule needs milestones, or epochs between drops (at least 1)");
        }
        break;
    case DCN_SCHEDULE_COSINE:
        if (!(schedule->lr_min >= 0 && schedule->lr_min <= lr)) {
            return DCN_FAIL(
                INVALID_ARG,
                "lr_min of the cosine schedule, the rate at the end, must be in [0, %g], the optimiser's lr, "
                "not %g",
                lr, schedule->lr_min);
        }
        break;
    case DCN_SCHEDULE_ONE_CYCLE:
        if (!(schedule->pct_start >= 0 && schedule->pct_start <= 1)) {
            return DCN_FAIL(INVALID_ARG, "pct_start of the one-cycle schedule must be in [0, 1], not %g",
                            schedule->pct_start);
        }
        if (schedule->warmup_epochs > 0) {
            return DCN_FAIL(INVALID_ARG, "the one-cycle schedule warms up by itself (pct_start); leave warm-up out");
        }
        break;
    case DCN_SCHEDULE_CONSTANT:
        break;
    }
    return DECANT_OK;
}

decant_status dcn_optimizer_check(const dcn_optimizer *optimizer)
{
    if (!(optimizer->lr > 0 && isfinite(optimizer->lr))) {
        return DCN_FAIL(INVALID_ARG, "the learning rate must be above 0, not %g", optimizer->lr);
    }
    if (!(optimizer->weight_decay >= 0 && isfinite(optimizer->weight_decay))) {
        return DCN_FAIL(INVALID_ARG, "weight decay must be 0 or more, not %g", optimizer->weight_decay);
    }
    if (!(optimizer->max_norm >= 0 && isfinite(optimizer->max_norm))) {
        return DCN_FAIL(INVALID_ARG, "the gradient norm limit must be 0 (off) or more, not %g", optimizer->max_norm);
    }
    if (!in_unit_interval(optimizer->ema_decay)) {
        return DCN_FAIL(INVALID_ARG, "the decay of weight averaging must be in [0, 1), not %g", optimizer->ema_decay);
    }
    if (optimizer->kind == DCN_OPTIMIZER_SGD) {
        if (!(optimizer->momentum >= 0 && isfinite(optimizer->momentum))) {
            return DCN_FAIL(INVALID_ARG, "momentum must be 0 or more, not %g", optimizer->momentum);
        }
        if (optimizer->nesterov && !(optimizer->momentum > 0)) {
            return DCN_FAIL(INVALID_ARG, "Nesterov's method needs a momentum above 0");
        }
    } else if (!in_unit_interval(optimizer->beta1) || !in_unit_interval(optimizer->beta2) || !(optimizer->eps >= 0)) {
        return DCN_FAIL(INVALID_ARG, "Adam needs betas in [0, 1) and eps of 0 or more, not %g, %g and %g",
                        optimizer->beta1, optimizer->beta2, optimizer->eps);
    }
    return check_schedule(&optimizer->schedule, optimizer->lr);
}

static decant_status emit_update(const dcn_optimizer *optimizer, dcn_program *program, dcn_value_id norm)
{
    dcn_value_id parameter = DCN_NONE, gradient = DCN_NONE, slot0 = DCN_NONE, slot1 = DCN_NONE, hyper = DCN_NONE;
    int32_t slots = dcn_optimizer_slots(optimizer);
    TRY_RETURN(dcn_program_block(program, DCN_BLOCK_PARAMETER, &parameter));
    TRY_RETURN(dcn_program_block(program, DCN_BLOCK_GRADIENT, &gradient));
    if (slots > 0) TRY_RETURN(dcn_program_block(program, DCN_BLOCK_SLOT0, &slot0));
    if (slots > 1) TRY_RETURN(dcn_program_block(program, DCN_BLOCK_SLOT1, &slot1));
    TRY_RETURN(dcn_program_hyper(program, &hyper));
    /* Without momentum its input is never touched: any block does, and the gradient's takes no more memory. */
    if (slots == 0) slot0 = gradient;

    decant_op_attrs attrs;
    memset(&attrs, 0, sizeof attrs);
    attrs.update.nesterov = optimizer->nesterov;
    attrs.update.decoupled = optimizer->kind == DCN_OPTIMIZER_ADAMW;
    attrs.update.has_momentum = optimizer->momentum > 0;
    attrs.update.max_norm = optimizer->max_norm;

    dcn_value_id inputs[DCN_MAX_INPUTS];
    int32_t n_inputs = 0;
    inputs[n_inputs++] = parameter;
    inputs[n_inputs++] = gradient;
    inputs[n_inputs++] = slot0;
    if (slots > 1) inputs[n_inputs++] = slot1;
    inputs[n_inputs++] = hyper;
    if (norm != DCN_NONE) inputs[n_inputs++] = norm;
    decant_op op = optimizer->kind == DCN_OPTIMIZER_SGD ? DECANT_OP_SGD_UPDATE : DECANT_OP_ADAM_UPDATE;
    return dcn_graph_add_node(program->graph, op, &attrs, NULL, inputs, n_inputs, 0, NULL);
}

decant_status dcn_optimizer_emit(const dcn_optimizer *optimizer, dcn_program *program)
{
    TRY_RETURN(dcn_optimizer_check(optimizer));
    decant_op_attrs none;
    memset(&none, 0, sizeof none);

    dcn_value_id norm = DCN_NONE;
    if (optimizer->max_norm > 0) {
        dcn_value_id gradient = DCN_NONE;
        TRY_RETURN(dcn_program_block(program, DCN_BLOCK_GRADIENT, &gradient));
        TRY_RETURN(dcn_graph_add_node(program->graph, DECANT_OP_GRAD_NORM, &none, NULL, &gradient, 1, 1, &norm));
    }
    TRY_RETURN(emit_update(optimizer, program, norm));
    if (!(optimizer->ema_decay > 0)) return DECANT_OK;

    dcn_value_id inputs[3] = {DCN_NONE, DCN_NONE, DCN_NONE};
    TRY_RETURN(dcn_program_block(program, DCN_BLOCK_EMA, &inputs[0]));
    TRY_RETURN(dcn_program_block(program, DCN_BLOCK_PARAMETER, &inputs[1]));
    TRY_RETURN(dcn_program_hyper(program, &inputs[2]));
    return dcn_graph_add_node(program->graph, DECANT_OP_EMA_UPDATE, &none, NULL, inputs, 3, 0, NULL);
}

void dcn_optimizer_hyper(const dcn_optimizer *optimizer, int64_t step, int64_t steps_per_epoch, int64_t total_steps,
                         float *ret_hyper)
{
    /* A long average would remember the random initial weights for thousands of steps: it starts short and lengthens.
     */
    double decay_now = (1 + (double)step) / (10 + (double)step);
    double decay = optimizer->ema_decay < decay_now ? optimizer->ema_decay : decay_now;

    ret_hyper[DCN_HYPER_LR] = (float)dcn_schedule_lr(optimizer, step, steps_per_epoch, total_steps);
    ret_hyper[DCN_HYPER_WEIGHT_DECAY] = (float)optimizer->weight_decay;
    ret_hyper[DCN_HYPER_MOMENTUM] = (float)optimizer->momentum;
    ret_hyper[DCN_HYPER_BETA1] = (float)optimizer->beta1;
    ret_hyper[DCN_HYPER_BETA2] = (float)optimizer->beta2;
    ret_hyper[DCN_HYPER_EPS] = (float)optimizer->eps;
    ret_hyper[DCN_HYPER_STEP] = (float)(step + 1);
    ret_hyper[DCN_HYPER_EMA_DECAY] = (float)decay;
}
