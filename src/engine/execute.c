/* Running a plan: nothing here allocates, and every pointer but the bound inputs was resolved when the plan was made.
 */
#include "engine/parts.h"

#include "base/clock.h"

decant_status dcn_plan_bind(dcn_plan *plan, dcn_value_id input, const void *data)
{
    TRY_RETURN(dcn_plan_check_value(plan, input));
    if (plan->values[input].kind != DCN_VALUE_INPUT)
        return DCN_FAIL(INVALID_ARG, "value %d is not an input of the program", (int)input);
    if (data == NULL) return DCN_FAIL(INVALID_ARG, "an input must be bound to memory");

    dcn_buffer_id root = plan->values[input].buffer;
    if (plan->buffers[root].data == data) return DECANT_OK;
    if (plan->buffers[root].data == NULL && plan->buffers[root].needed_until >= 0) plan->n_unbound--;
    for (dcn_buffer_id b = 0; b < plan->n_buffers; b++)
        if (plan->buffers[b].root == root) plan->buffers[b].data = (void *)data; /* kernels only read it */
    for (int32_t s = 0; s < plan->n_steps; s++)
        for (int32_t i = 0; i < plan->steps[s].n_inputs; i++)
            if (plan->buffers[plan->steps[s].input[i]].root == root) plan->steps[s].input_data[i] = (void *)data;
    return DECANT_OK;
}

static inline void run_step(const dcn_plan *plan, const dcn_step *step)
{
    step->kernel->run(step->kernel, step->input_data, step->output_data, plan->region[DCN_REGION_SCRATCH].memory);
}

/* Weights that were changed since their copies in other layouts were made. */
static void refresh_copies(dcn_plan *plan)
{
    for (int32_t c = 0; c < plan->n_copies; c++) {
        dcn_weight_copy *copy = &plan->copies[c];
        if (copy->seen == *copy->version) continue;
        run_step(plan, &copy->step);
        copy->seen = *copy->version;
    }
}

static decant_status check_bound(const dcn_plan *plan)
{
    if (plan->n_unbound == 0) return DECANT_OK;
    return DCN_FAIL(INVALID_ARG, "%d of the inputs that the program reads are not bound", (int)plan->n_unbound);
}

decant_status dcn_plan_run(dcn_plan *plan)
{
    TRY_RETURN(check_bound(plan));
    refresh_copies(plan);
    for (int32_t s = 0; s < plan->n_steps; s++)
        run_step(plan, &plan->steps[s]);
    if (plan->updates) dcn_plan_origin(plan)->trained_version++;
    return dcn_device_check(plan->device);
}

decant_status dcn_plan_run_timed(dcn_plan *plan, double *ret_seconds)
{
    TRY_RETURN(check_bound(plan));
    refresh_copies(plan);
    for (int32_t s = 0; s < plan->n_steps; s++) {
        double start = dcn_clock_seconds();
        run_step(plan, &plan->steps[s]);
        ret_seconds[s] = dcn_clock_seconds() - start;
    }
    if (plan->updates) dcn_plan_origin(plan)->trained_version++;
    return dcn_device_check(plan->device);
}
