/* Learning rates by step, as PyTorch's schedulers define them: StepLR, MultiStepLR, CosineAnnealingLR, OneCycleLR, and
 * LinearLR for the warm-up. Pure functions of the step, so a resumed run needs no scheduler state. */
#include <math.h>

#include "optim/optimizer.h"

static const double pi = 3.14159265358979323846;
static const double warmup_start = 0.01;          /* of the learning rate */
static const double one_cycle_divisor = 25;       /* first rate = lr / 25 */
static const double one_cycle_last_divisor = 1e4; /* last rate = first rate / 1e4 */

/* From `begin` at part 0 to `end` at part 1 along half a cosine. */
static double anneal(double begin, double end, double part)
{
    return end + (begin - end) / 2 * (cos(pi * part) + 1);
}

static double step_lr(const dcn_schedule *schedule, double lr, int64_t epoch)
{
    int64_t drops = 0;
    if (schedule->n_milestones > 0) {
        for (int32_t i = 0; i < schedule->n_milestones; i++)
            drops += schedule->milestones[i] <= epoch;
    } else if (schedule->every > 0) {
        drops = epoch / schedule->every;
    }
    return lr * pow(schedule->gamma, (double)drops);
}

/* The first phase ends at step pct_start * total - 1, which need not be whole; the second at total - 1. */
static double one_cycle_lr(const dcn_schedule *schedule, double lr, int64_t step, int64_t total_steps)
{
    double first = lr / one_cycle_divisor, last = first / one_cycle_last_divisor;
    double peak_step = schedule->pct_start * (double)total_steps - 1, last_step = (double)(total_steps - 1);
    double now = (double)step;
    if (now <= peak_step && peak_step > 0) return anneal(first, lr, now / peak_step);
    if (last_step <= peak_step) return lr; /* nothing comes after the peak */
    return anneal(lr, last, (now - peak_step) / (last_step - peak_step));
}

static int64_t warmup_steps(const dcn_schedule *schedule, int64_t steps_per_epoch, int64_t total_steps)
{
    if (schedule->kind == DCN_SCHEDULE_ONE_CYCLE || !(schedule->warmup_epochs > 0)) return 0;
    const double steps = round(schedule->warmup_epochs * (double)steps_per_epoch);
    return steps < (double)total_steps ? (int64_t)steps : total_steps;
}

double dcn_schedule_lr(const dcn_optimizer *optimizer, int64_t step, int64_t steps_per_epoch, int64_t total_steps)
{
    const dcn_schedule *schedule = &optimizer->schedule;
    double lr = optimizer->lr;
    int64_t warmup = warmup_steps(schedule, steps_per_epoch, total_steps);
    if (step < warmup) return lr * (warmup_start + (1 - warmup_start) * (double)step / (double)warmup);

    switch (schedule->kind) {
    case DCN_SCHEDULE_STEP:
        return step_lr(schedule, lr, steps_per_epoch > 0 ? step / steps_per_epoch : 0);
    case DCN_SCHEDULE_COSINE:
        if (total_steps <= warmup) return lr;
        return anneal(lr, schedule->lr_min, (double)(step - warmup) / (double)(total_steps - warmup));
    case DCN_SCHEDULE_ONE_CYCLE:
        return one_cycle_lr(schedule, lr, step, total_steps);
    case DCN_SCHEDULE_CONSTANT:
        break;
    }
    return lr;
}
