/* Linting of what runs are trained with: the device, optimisers and schedules, and how samples are taken and changed.
 * Much of it is refused again by whoever uses it; here it gets its place, and all of it is told at once. */
#include "run/lint.h"

#include <string.h>

#include "data/augment.h"
#include "device/device.h"
#include "train/check.h"

/* A check that knows nothing of recipes failed: the finding names the run. */
static decant_status add_failure(const dcn_lint_context *context, const dcn_run_spec *run, const dcn_doc *place,
                                 decant_status status)
{
    if (status == DECANT_OK || status == DECANT_NO_MEMORY || status == DECANT_INTERNAL) return status;
    return dcn_lint_add(context, place, DECANT_SEVERITY_ERROR, "run '%s': %s", run->name, decant_error_message());
}

/* --- without the data --- */

static decant_status lint_device(const dcn_lint_context *context)
{
    const dcn_device_class *class = NULL;
    const dcn_doc *place = dcn_doc_get(context->experiment->doc, "device");
    return dcn_lint_failure(context, place, dcn_device_find(context->experiment->device, &class));
}

/* Whether a run has a key from the run that it is like, where it was looked at already. */
static bool is_inherited(const dcn_lint_context *context, const dcn_run_spec *run, const char *key)
{
    if (run->like == DCN_NONE) return false;
    const dcn_doc *own = dcn_doc_get(run->doc, key);
    const dcn_doc *other = dcn_doc_get(context->experiment->runs[run->like].doc, key);
    if (own == NULL || other == NULL) return own == other;
    return strcmp(own->file, other->file) == 0 && own->line == other->line && own->column == other->column;
}

/* The optimiser alone first, for what is wrong with both has its place at the schedule. */
static decant_status lint_optimizer(const dcn_lint_context *context, const dcn_run_spec *run)
{
    const dcn_doc *schedule = dcn_doc_get(run->doc, "schedule");
    const dcn_doc *least = dcn_doc_get(dcn_doc_get(schedule, "cosine"), "lr_min");
    dcn_optimizer alone = run->optimizer;
    alone.schedule = (dcn_schedule){.kind = DCN_SCHEDULE_CONSTANT};
    decant_status status = dcn_optimizer_check(&alone);
    if (status != DECANT_OK) return add_failure(context, run, dcn_doc_get(run->doc, "optimizer"), status);
    return add_failure(context, run, least != NULL ? least : schedule, dcn_optimizer_check(&run->optimizer));
}

/* Schedules that are over before they begin. */
static decant_status lint_schedule(const dcn_lint_context *context, const dcn_run_spec *run)
{
    const dcn_schedule *schedule = &run->optimizer.schedule;
    const dcn_doc *place = dcn_doc_get(run->doc, "schedule"), *step = dcn_doc_get(place, "step");
    const long long epochs = (long long)run->epochs;
    if (schedule->warmup_epochs >= (double)run->epochs)
        TRY_RETURN(dcn_lint_add(context, place, DECANT_SEVERITY_WARNING,
                                "run '%s': the rate never gets to its full value: it warms up for %g epochs, and the "
                                "run has %lld",
                                run->name, schedule->warmup_epochs, epochs));
    if (schedule->kind != DCN_SCHEDULE_STEP) return DECANT_OK;
    const bool is_list = schedule->n_milestones > 0;
    const int64_t first = is_list ? schedule->milestones[0] : schedule->every;
    if (first < run->epochs) return DECANT_OK;
    return dcn_lint_add(context, dcn_doc_get(step, is_list ? "milestones" : "every"), DECANT_SEVERITY_WARNING,
                        "run '%s': the rate never drops: it would after %lld epochs, and the run has %lld", run->name,
                        (long long)first, epochs);
}

decant_status dcn_lint_settings(const dcn_lint_context *context)
{
    const dcn_experiment *experiment = context->experiment;
    TRY_RETURN(lint_device(context));
    for (int32_t i = 0; i < experiment->n_runs; i++) {
        const dcn_run_spec *run = &experiment->runs[i];
        if (is_inherited(context, run, "optimizer") && is_inherited(context, run, "schedule") &&
            run->epochs == experiment->runs[run->like].epochs)
            continue;
        TRY_RETURN(lint_optimizer(context, run));
        TRY_RETURN(lint_schedule(context, run));
    }
    return DECANT_OK;
}

/* --- with it --- */

decant_status dcn_lint_augment(const dcn_lint_context *context, const dcn_doc *place, const dcn_augment *augment)
{
    const decant_dataset *dataset = context->materials->dataset;
    decant_status status = dcn_augment_check(augment, &dataset->sample);
    if (status == DECANT_OK && dataset->sample.rank == 3) {
        const int64_t *size = dataset->sample.dim, side = size[1] > size[2] ? size[1] : size[2];
        if (augment->cutout >= side)
            return dcn_lint_add(
                context, place, DECANT_SEVERITY_WARNING,
                "cutout: %d leaves little or nothing of pictures of %lldx%lld: its square lies anywhere on "
                "them",
                (int)augment->cutout, (long long)size[1], (long long)size[2]);
    }
    if (status == DECANT_OK || dataset->sample.rank == 3) return dcn_lint_failure(context, place, status);
    return dcn_lint_add(context, place, DECANT_SEVERITY_ERROR,
                        "shift, crop, flip and cutout are for images; %s has none", dataset->name);
}

/* Fewer samples than classes: some class is never seen. */
static decant_status lint_sample_count(const dcn_lint_context *context, const dcn_run_spec *run, int32_t n_classes)
{
    if (run->samples == 0 || run->samples >= n_classes) return DECANT_OK;
    return dcn_lint_add(context, dcn_doc_get(run->doc, "samples"), DECANT_SEVERITY_WARNING,
                        "run '%s' takes %lld samples of %d classes: some class has none", run->name,
                        (long long)run->samples, (int)n_classes);
}

static decant_status lint_batch(const dcn_lint_context *context, const dcn_run_spec *run, int64_t samples)
{
    const dcn_doc *place = dcn_doc_get(run->doc, "batch");
    const dcn_graph *graph = context->graphs[run->model];
    if (run->batch > samples && run->drop_last)
        return dcn_lint_add(context, place, DECANT_SEVERITY_ERROR,
                            "run '%s': %lld samples do not fill one batch of %lld, and drop_last leaves nothing",
                            run->name, (long long)samples, (long long)run->batch);
    if (run->batch > samples)
        TRY_RETURN(dcn_lint_add(context, place, DECANT_SEVERITY_WARNING,
                                "run '%s': a batch of %lld is more than the %lld samples it trains on: an epoch is one "
                                "step",
                                run->name, (long long)run->batch, (long long)samples));
    if (graph == NULL) return DECANT_OK;
    return add_failure(context, run, place, dcn_check_batchnorm(graph, samples, run->batch, run->drop_last));
}

decant_status dcn_lint_feeding(const dcn_lint_context *context, int32_t index)
{
    const dcn_run_spec *run = &context->experiment->runs[index];
    const dcn_doc *augment = dcn_doc_get(run->doc, "augment");
    const int64_t samples = context->n_samples[index];
    if (augment != NULL) TRY_RETURN(dcn_lint_augment(context, augment, &run->augment));
    if (samples == 0) return DECANT_OK; /* an error says why */
    if (run->transfer.pool == DCN_POOL_NONE) TRY_RETURN(lint_sample_count(context, run, context->n_classes[index]));
    return lint_batch(context, run, samples);
}
