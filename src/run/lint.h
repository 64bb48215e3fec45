/* Everything that can be known to be wrong with an experiment before it is trained. */
#ifndef DCN_RUN_LINT_H
#define DCN_RUN_LINT_H

#include "run/materials.h"

/* Adds what it finds to findings. Wrong recipes are findings; only memory running out is a failure.
 * dcn_lint opens the data set itself; dcn_lint_with has it. */
decant_status dcn_lint(const dcn_experiment *experiment, dcn_findings *findings);
decant_status dcn_lint_with(const dcn_materials *materials, dcn_findings *findings);

/* The parts: lint_files.c, lint_models.c, lint_runs.c, lint_start.c, lint_training.c. graphs[n_models] holds NULL for a
 * model that could not be built; deployed[n_models] what each becomes when it is handed over, with its linear
 * bottlenecks folded.
 */
typedef struct dcn_lint_context {
    const dcn_experiment *experiment;
    const dcn_materials *materials;
    dcn_graph **graphs, **deployed;
    int64_t *n_samples; /* [n_runs] that each trains on, from lint_runs.c; 0 where that cannot be told */
    int32_t *n_classes; /* [n_runs] that these are of */
    dcn_findings *findings;
} dcn_lint_context;
decant_status dcn_lint_models(const dcn_lint_context *context);
decant_status dcn_lint_runs(const dcn_lint_context *context);
decant_status dcn_lint_start(const dcn_lint_context *context, int32_t run);
/* The device, and each run's optimiser and schedule: what needs neither the data nor a network. */
decant_status dcn_lint_settings(const dcn_lint_context *context);
/* A run's batches, samples and own augmentation. */
decant_status dcn_lint_feeding(const dcn_lint_context *context, int32_t run);
decant_status dcn_lint_augment(const dcn_lint_context *context, const dcn_doc *place, const dcn_augment *augment);
/* Each seed of a run needs the same seed of another run, or its only one. `what` that other one is ("its teacher"), and
 * what to do about it. */
decant_status dcn_lint_seeds(const dcn_lint_context *context, const dcn_run_spec *run, const dcn_run_spec *other,
                             const dcn_doc *place, const char *what, const char *remedy);
/* A trained model that a run uses: was it made for this data (lint_files.c)? */
typedef struct dcn_model_source {
    const char *file;
    const decant_model *model;
    const dcn_doc *place; /* where the recipe names it */
    bool is_teacher;
} dcn_model_source;
/* Within what is no matter: a thousandth of a deviation. */
bool dcn_lint_is_normalized_alike(const dcn_normalization *trained, const dcn_materials *materials);
decant_status dcn_lint_model_file(const dcn_lint_context *context, const dcn_model_source *source);
/* A finding with the place of a node in front. */
decant_status dcn_lint_add(const dcn_lint_context *context, const dcn_doc *place, decant_severity severity,
                           const char *format, ...) DCN_PRINTF(4, 5);
/* Turns the failure that just happened into an error finding, at its own place or else at that of the node (which may
 * be NULL); failures that say nothing about the recipe stay failures. */
decant_status dcn_lint_failure(const dcn_lint_context *context, const dcn_doc *place, decant_status status);
/* A few identical images stand in published sets and cannot be helped. More of them are a leak, whatever the files are
 * called; files of one's own can be mended in any case. */
bool dcn_lint_is_excused(const dcn_lint_context *context, int64_t count);
/* Reads a model file that the recipe names at the node; an error finding with the file's name, and *ret_model NULL,
 * when it cannot be read. */
decant_status dcn_lint_load(const dcn_lint_context *context, const dcn_doc *place, const char *file,
                            decant_model **ret_model);

#endif
