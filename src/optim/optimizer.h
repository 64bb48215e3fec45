/* Optimisers and learning-rate schedules, as PyTorch defines them. */
#ifndef DCN_OPTIM_OPTIMIZER_H
#define DCN_OPTIM_OPTIMIZER_H

#include "engine/program.h"

typedef enum dcn_optimizer_kind { DCN_OPTIMIZER_SGD, DCN_OPTIMIZER_ADAM, DCN_OPTIMIZER_ADAMW } dcn_optimizer_kind;
typedef enum dcn_schedule_kind {
    DCN_SCHEDULE_CONSTANT,
    DCN_SCHEDULE_STEP,     /* lr * gamma^(floor(epoch / every)) or at listed milestones; stepped by epoch */
    DCN_SCHEDULE_COSINE,   /* from lr to lr_min over all steps after warm-up; by step */
    DCN_SCHEDULE_ONE_CYCLE /* torch OneCycleLR, cosine, pct_start, div 25, final div 1e4; by step (rate only) */
} dcn_schedule_kind;

#define DCN_MAX_MILESTONES 16

typedef struct dcn_schedule {
    dcn_schedule_kind kind;
    int64_t every; /* step: epochs between drops; 0 when milestones are given */
    int64_t milestones[DCN_MAX_MILESTONES];
    int32_t n_milestones;
    double gamma;         /* step: factor, default 0.1 */
    double lr_min;        /* cosine */
    double pct_start;     /* one-cycle, default 0.3 */
    double warmup_epochs; /* linear from lr/100... to lr before the schedule proper; any kind but one-cycle; 0 off */
} dcn_schedule;

typedef struct dcn_optimizer {
    dcn_optimizer_kind kind;
    double lr, weight_decay;
    double momentum;          /* sgd */
    bool nesterov;            /* sgd */
    double beta1, beta2, eps; /* adam */
    double max_norm;          /* gradient clipping by global l2 norm; 0 off */
    double ema_decay;         /* weight averaging; 0 off. At step n the decay is min(ema_decay, (1 + n) / (10 + n)) */
    dcn_schedule schedule;
} dcn_optimizer;

dcn_optimizer dcn_optimizer_default(
    dcn_optimizer_kind kind); /* PyTorch's defaults; sgd lr 0.01, adam lr 1e-3, adamw weight decay 0.01 */
/* INVALID_ARG names the number that is outside its range. */
decant_status dcn_optimizer_check(const dcn_optimizer *optimizer);
/* Appends grad norm, update and EMA nodes to a program whose backward is in place. */
decant_status dcn_optimizer_emit(const dcn_optimizer *optimizer, dcn_program *program);
/* Learning rate of update `step` (0-based) in a run of total_steps with steps_per_epoch. */
double dcn_schedule_lr(const dcn_optimizer *optimizer, int64_t step, int64_t steps_per_epoch, int64_t total_steps);
/* Fills hyper[DCN_HYPER_COUNT] for update `step` (0-based). */
void dcn_optimizer_hyper(const dcn_optimizer *optimizer, int64_t step, int64_t steps_per_epoch, int64_t total_steps,
                         float *ret_hyper);
int32_t dcn_optimizer_slots(const dcn_optimizer *optimizer); /* 0, 1 or 2 */

#endif
