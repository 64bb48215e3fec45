/* Recipes: reading one, finding what is wrong with it, training its runs, and laying the results side by side. */
#ifndef DECANT_RECIPE_H
#define DECANT_RECIPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "decant/dataset.h"
#include "decant/finding.h"
#include "decant/model.h"
#include "decant/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/** A recipe that was read and checked. */
typedef struct decant_recipe decant_recipe;

/** Reads and checks a recipe. No data set is looked at yet.
 *
 *  path         a YAML file.
 *  overrides    [n_overrides] texts "PATH=VALUE" such as "runs.alone.epochs=1", applied before the checks;
 *               NULL where there are none.
 *  ret_recipe   freed with decant_recipe_destroy(); untouched on failure.
 *
 *  Errors: NOT_FOUND, IO, USAGE and FORMAT (decant_error_place() says file:line:column), NO_MEMORY.
 */
DECANT_MUST_USE decant_status decant_recipe_load(const char *path, const char *const *overrides, int32_t n_overrides,
                                                 decant_recipe **ret_recipe);

/** Reads a recipe from memory; `name` stands for the file in messages; otherwise as decant_recipe_load(). */
DECANT_MUST_USE decant_status decant_recipe_parse(const char *name, const char *text, size_t bytes,
                                                  const char *const *overrides, int32_t n_overrides,
                                                  decant_recipe **ret_recipe);

/** Frees a recipe; accepts NULL. */
void decant_recipe_destroy(decant_recipe *recipe);

/** The recipe's `name:`. */
const char *decant_recipe_name(const decant_recipe *recipe);

/** The data source: a name or a path, as decant_dataset_open() takes it where the recipe gives no format. */
const char *decant_recipe_source(const decant_recipe *recipe);

/** Where the recipe says to compute. */
decant_compute decant_recipe_compute(const decant_recipe *recipe);

/** Number of models. */
int32_t decant_recipe_model_count(const decant_recipe *recipe);

/** Name of a model, 0 <= index < decant_recipe_model_count(), else NULL. */
const char *decant_recipe_model_name(const decant_recipe *recipe, int32_t index);

/** The most trainable parameters that the recipe's budget allows a model; 0 when it sets no limit for it. */
int64_t decant_recipe_budget(const decant_recipe *recipe, const char *model);

/** The most multiply-adds for one sample that the recipe's budget allows a model; 0 when it sets no limit for it. */
int64_t decant_recipe_budget_mult_adds(const decant_recipe *recipe, const char *model);

/** Builds one of the recipe's models for its data, untrained. The data set is opened to learn the shape of a sample.
 *
 *  name       one of the recipe's models.
 *  ret_model  freed with decant_model_destroy(); untouched on failure.
 *
 *  Errors: NOT_FOUND (no such model, or no data), SHAPE and USAGE with the layer's place, NO_MEMORY.
 */
DECANT_MUST_USE decant_status decant_recipe_build_model(const decant_recipe *recipe, const char *name,
                                                        decant_model **ret_model);

/** Opens the data of a recipe as its runs see it, the unlabelled pool set aside, and counts and compares its parts.
 *
 *  ret_dataset  freed with decant_dataset_destroy(); untouched on failure.
 *  ret_report   as of decant_dataset_check(); freed with decant_dataset_report_finish(); untouched on failure.
 *
 *  Errors: NOT_FOUND (no data), USAGE (the data lacks a part or labels, or leaves nothing to train on) with the place,
 * FORMAT, IO, NO_MEMORY.
 */
DECANT_MUST_USE decant_status decant_recipe_check_data(const decant_recipe *recipe, decant_dataset **ret_dataset,
                                                       decant_dataset_report *ret_report);

/** The plan of a training step of one of the recipe's models: that of the first run with a teacher that trains it, or
 *  else of the first run. Where the run will look its teacher's answers up, the teacher is not in the step.
 *
 *  compute   where; NULL: as the recipe says.
 *  batch     samples in a step; 0: as the run says.
 *  ret_plan  freed with decant_plan_listing_destroy(); untouched on failure.
 *
 *  Errors: NOT_FOUND (no such model or no run trains it; data, teacher file or device), SHAPE, USAGE, UNSUPPORTED,
 * NO_MEMORY.
 */
DECANT_MUST_USE decant_status decant_recipe_plan(const decant_recipe *recipe, const char *model,
                                                 const decant_compute *compute, int64_t batch,
                                                 decant_plan_listing **ret_plan);

/** What a run is, as far as the recipe says. Texts are the recipe's memory. */
typedef struct {
    const char *name, *model;
    const char *teacher;  /**< a run or a file; NULL without one */
    const char *baseline; /**< the run it is measured against; NULL when there is none */
    int64_t epochs, batch;
    int32_t n_seeds;
    const uint64_t *seeds;      /**< [n_seeds] */
    decant_precision precision; /**< that is asked for: the run's own, or the recipe's */
} decant_run_info;

/** Number of runs. */
int32_t decant_recipe_run_count(const decant_recipe *recipe);

/** A run, in the order in which runs are made; all zero when index is out of range. */
decant_run_info decant_recipe_run_at(const decant_recipe *recipe, int32_t index);

/** Findings, the worst first. */
typedef struct {
    decant_finding *items; /**< [count] */
    int32_t count;
    int32_t errors, warnings; /**< how many of them are */
} decant_finding_list;

/** Everything that can be known to be wrong before a minute of training is spent: shapes, unused models, losses without
 * a teacher, unequal budgets between compared runs, a budget exceeded, overlapping data, a teacher file that does not
 * fit, ...
 *
 *  ret_list  freed with decant_finding_list_destroy(); untouched on failure.
 *
 *  What is wrong with the recipe is a finding, not a failure. Errors: NO_MEMORY.
 */
DECANT_MUST_USE decant_status decant_recipe_lint(const decant_recipe *recipe, decant_finding_list **ret_list);

/** Frees a list; accepts NULL. */
void decant_finding_list_destroy(decant_finding_list *list);

/** The documentation of recipes as Markdown, made from the schema that they are checked with.
 *
 *  ret_text  freed with decant_text_free(); untouched on failure.
 *
 *  Errors: NO_MEMORY.
 */
DECANT_MUST_USE decant_status decant_recipe_docs(char **ret_text);

/* --- training --- */

/** Where a run is. */
typedef struct {
    const char *run;
    uint64_t seed;
    int64_t epoch, epochs;  /**< epoch counts from 0 */
    int64_t batch, batches; /**< within the epoch */
    double loss, accuracy;  /**< over this epoch so far; accuracy is NAN where no label is read */
    double images_per_second;
    double seconds_left; /**< of this run */
} decant_run_progress;

/** A finished epoch. */
typedef struct {
    const char *run;
    uint64_t seed;
    int64_t epoch, epochs; /**< epoch counts from 0 */
    double loss, accuracy; /**< on the training samples, while they were trained on; NAN where no label was read */
    bool has_validation;
    double validation_loss, validation_accuracy;
    int64_t validation_errors;
    double learning_rate, seconds, images_per_second;
    bool best; /**< the best validation accuracy so far */
} decant_run_epoch;

/** One loss term at step 0. */
typedef struct {
    const char *name, *formula, *reduction;
    double temperature; /**< 0 where it has none */
    double weight, value;
    double contribution; /**< weight times value */
    /** l2, of the weighted term at what it compares: the student's logits or a layer, behind the standardisation, the
     * regressor or the projection that the term has. Of terms that compare different things the norms do not compare.
     */
    double gradient_norm;
} decant_run_loss;

/** What correcting the biases of a trained model's output changed (`correct_bias` in the recipe). */
typedef struct {
    const char *by;        /**< "frequencies" or "validation"; static storage */
    int32_t n_classes;     /**< of the arrays */
    const double *offsets; /**< [n_classes] added to the logits */
    /** The test part without the correction: */
    int64_t errors;
    double accuracy, loss;
    const int64_t *class_errors; /**< [n_classes] test samples of each class that were taken for another */
} decant_bias_correction;

/** What a run of one seed came to. Texts and arrays belong to the list that it is in. */
typedef struct {
    const char *recipe, *run, *model;
    const char *teacher;  /**< NULL without one */
    const char *baseline; /**< the run it is measured against, or NULL */
    const char *directory;
    const char *data;         /**< hash of the data set, or NULL where it is not known */
    const char *model_hash;   /**< of its model file */
    const char *teacher_hash; /**< of the model that taught it; NULL without one, and of an ensemble */
    const char *settings;     /**< what its seeds have in common, as JSON; NULL in a result of an older decant */
    const char *made_by;   /**< "decant 0.1.0 (821038b12) on AMD EPYC"; NULL in a result of an older decant, as are: */
    const char *made_with; /**< what computed: "cpu: oneDNN 2.6.3, avx512, 2 threads; auto" */
    const char *made_at;   /**< when it was finished: "2026-11-22T21:40:05Z" */
    int32_t place; /**< of its run among the recipe's, as they are made, from 0; INT32_MAX in one of an older decant */
    uint64_t seed;
    int64_t parameters, mult_adds, bytes; /**< trainable; for one sample; of the model file */
    int64_t epochs, steps, best_epoch;    /**< best_epoch counts from 0: the one whose weights were kept */
    bool has_validation;
    double validation_accuracy, validation_loss;
    int64_t test_count, test_errors;
    double test_accuracy, test_loss;
    double majority_accuracy; /**< on the test samples, of always answering the commonest training class */
    bool teacher_cached;      /**< the teacher's answers were looked up, not computed in each step */
    int64_t answers_needed;   /**< with teacher_cached, since the run was last resumed: how many, */
    int64_t answers_computed; /**< and how many of them the teacher had to give */
    int64_t parameters_before, mult_adds_before; /**< of the network that was pruned; 0: nothing was */
    int32_t folded;         /**< linear bottlenecks that were folded when the model was handed over */
    double fold_difference; /**< largest difference of any output before and after, as a share of the largest */
    double seconds, images_per_second;
    const int32_t *wrong; /**< [test_errors] indices of the test samples it got wrong, rising */
    bool skipped;         /**< it was there already, unchanged */
    decant_measures test_measures, validation_measures; /**< not known of what an older decant made */
    int32_t n_classes;              /**< 0 in a result of an older decant, which has none of what follows */
    const char *const *class_names; /**< [n_classes]; NULL where the classes have only numbers */
    const int64_t *confusion;   /**< [n_classes, n_classes], test samples: row is the truth, column the prediction */
    const int32_t *predictions; /**< [test_count] the class answered for each test sample */
    const decant_bias_correction *correction; /**< NULL unless the biases of the output were corrected after training */
} decant_run_result;

/** Test samples of one class that were taken for another; 0 in a result of an older decant, which did not count them.
 */
int64_t decant_result_class_errors(const decant_run_result *result, int32_t index);

/** The share of a teacher's answers that did not have to be computed, 0 to 1; 0 for a run without a teacher cache. */
double decant_result_hit_rate(const decant_run_result *result);

/** Results of runs. */
typedef struct {
    decant_run_result *items; /**< [count] */
    int32_t count;
} decant_result_list;

/** A training that begins. */
typedef struct {
    const decant_run_info *run;
    uint64_t seed;
    bool resumed;   /**< from a checkpoint */
    int32_t number; /**< 1 to count: of the trainings that this call asks for, those that are done already included */
    int32_t count;
} decant_run_start;

/** How to run a recipe. All zero is a good start. */
typedef struct {
    const char *directory;     /**< where runs/RECIPE/RUN goes; NULL: "runs" */
    const char *const *runs;   /**< [n_runs] which runs; what they are taught by or start from is made first where it is
                                * missing, for the seeds that they need, and results of their baselines that were made
                                * before come along */
    int32_t n_runs;            /**< 0: all */
    bool force;                /**< make runs again whose recipe, data or teacher has changed, instead of refusing */
    double checkpoint_seconds; /**< a checkpoint at least this often within an epoch; 0: at the end of each epoch */
    bool no_teacher_cache;     /**< ask teachers in each step, whatever the recipe's teacher_cache says */
    void *context;             /**< handed to each callback */
    /** Polled at every step; true saves a checkpoint and ends with DECANT_INTERRUPTED. Any callback may be NULL. */
    bool (*stop_requested)(void *context);
    void (*on_finding)(void *context, const decant_finding *finding); /**< warnings and notes */
    void (*on_start)(void *context, const decant_run_start *start);
    void (*on_losses)(void *context, const decant_run_loss *losses, int32_t count); /**< the loss sheet, at step 0 */
    void (*on_progress)(void *context, const decant_run_progress *progress); /**< at most about ten times a second */
    /** Before an epoch, while the teacher is asked what is not known yet; at most about ten times a second. */
    void (*on_asked)(void *context, int64_t done, int64_t count);
    void (*on_epoch)(void *context, const decant_run_epoch *epoch);
    void (*on_result)(void *context, const decant_run_result *result); /**< also of skipped runs */
} decant_run_options;

/** Trains a recipe's runs in the order of their dependencies, one for each seed. A run that is finished and unchanged
 * is not trained again; an interrupted one goes on from its checkpoint. The test samples are read once, at the end of
 * each run.
 *
 *  options      how; NULL for the defaults.
 *  ret_results  every run that was asked for, in order; freed with decant_result_list_destroy(); untouched on failure.
 *
 *  Errors: USAGE (the recipe has errors that decant_recipe_lint() lists, or no such run), NOT_FOUND (data), STALE (a
 * run directory holds another or a changed run), IO, NUMERIC (the loss went bad), INTERRUPTED, NO_MEMORY.
 */
DECANT_MUST_USE decant_status decant_recipe_run(const decant_recipe *recipe, const decant_run_options *options,
                                                decant_result_list **ret_results);

/** Reads the results of finished runs.
 *
 *  directories  [count] run directories, or folders of run directories (such as runs/RECIPE).
 *  ret_results  in the order of the directories, those of one folder in the order in which the recipe makes its runs
 *               (in one of an older decant by their names); freed with decant_result_list_destroy(); untouched on
 *               failure.
 *
 *  Errors: NOT_FOUND (a directory without a result), IO, FORMAT, NO_MEMORY.
 */
DECANT_MUST_USE decant_status decant_results_read(const char *const *directories, int32_t count,
                                                  decant_result_list **ret_results);

/** Whether two numbers of optimizer steps are one budget: they differ by at most 2 %. Whole epochs of transfer sets of
 * other sizes do not come closer. */
bool decant_is_same_budget(int64_t steps, int64_t others);

/** Frees results; accepts NULL. */
void decant_result_list_destroy(decant_result_list *results);

/** The seeds of one run, taken together. Texts are the results' memory, arrays the comparison's. */
typedef struct {
    const char *recipe, *run, *model, *teacher;
    /** The run's name; with its folder in front where rows of another folder have the same; the directory of its first
     * seed where a row of the same folder has. */
    const char *label;
    int32_t baseline;     /**< the row it is measured against; -1: none */
    int32_t own_baseline; /**< the same as its recipe has it, whatever was asked for */
    /** The run it is to be measured against, where that is not among the rows; NULL: there is none, or it is. */
    const char *missing_baseline;
    int32_t teacher_row; /**< the row of its teacher; -1: it has none, or one that is not among the rows */
    /** In what its seeds differ that should have only their seed in common: "from seed 0 to seed 1, epochs was 20 and
     * is 10", as a recipe leaves them that was changed in between; NULL: in nothing that is known. */
    const char *difference;
    int64_t parameters, mult_adds, bytes; /**< of the seed that has most: seeds that were pruned may differ */
    bool sizes_differ;                    /**< they do */
    int64_t epochs, steps;
    int32_t n_seeds;
    const decant_run_result **results; /**< [n_seeds], by rising seed */
    double accuracy_mean;
    double accuracy_spread; /**< sample standard deviation over the seeds; 0 for one seed */
    double errors_mean;
    bool corrected; /**< every result's biases were corrected; without that they would have had: */
    double uncorrected_mean, uncorrected_spread, uncorrected_errors_mean;
    /** Of the seeds' teachers on the test part; NAN without one, and where an older decant did not say: */
    double teacher_mean, teacher_spread, teacher_errors_mean;
} decant_comparison_row;

/** Runs side by side. */
typedef struct {
    decant_comparison_row *rows; /**< [count], in the order of the results */
    int32_t count;
    double majority_accuracy; /**< of always answering the commonest class; NAN where the rows' data differ */
} decant_comparison;

/** Groups results by run. A run's baseline is the one its recipe names where that is among them.
 *
 *  results         must outlive the comparison.
 *  ret_comparison  freed with decant_comparison_destroy(); untouched on failure.
 *
 *  Errors: INVALID_ARG (no results), USAGE (one seed of a run in two directories), NO_MEMORY.
 */
DECANT_MUST_USE decant_status decant_results_compare(const decant_result_list *results,
                                                     decant_comparison **ret_comparison);

/** Whether all rows were tested on the same samples of the same data. Accuracies of rows that were not do not compare,
 * and no verdict is given between them.
 *
 *  Errors: INVALID_ARG (two that were not, by name).
 */
DECANT_MUST_USE decant_status decant_comparison_check(const decant_comparison *comparison);

/** Measures every row against one of them, whatever their recipes say: no baseline is missing any more.
 *
 *  name  the row's run, its label, or the directory of one of its results.
 *
 *  Errors: NOT_FOUND (no row is called so, or more than one), NO_MEMORY.
 */
DECANT_MUST_USE decant_status decant_comparison_set_baseline(decant_comparison *comparison, const char *name);

/** Frees a comparison; accepts NULL. */
void decant_comparison_destroy(decant_comparison *comparison);

#ifdef __cplusplus
}
#endif
#endif
