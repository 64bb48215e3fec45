/* Results made readable: tables, model summaries, plans, confusion matrices, loss sheets, and the verdict between two
 * runs. Everything here makes text or numbers from what other calls returned; nothing prints. Texts are freed with
 * decant_text_free(). */
#ifndef DECANT_REPORT_H
#define DECANT_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "decant/model.h"
#include "decant/recipe.h"
#include "decant/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* --- tables --- */

/** Rows and columns of text. */
typedef struct decant_table decant_table;

/** How a column is set. */
typedef enum { DECANT_ALIGN_LEFT, DECANT_ALIGN_RIGHT } decant_align;

/** Makes an empty table: add its columns, then begin each row and add its cells.
 *
 *  ret_table  freed with decant_table_destroy(); untouched on failure.
 *
 *  Errors: NO_MEMORY.
 */
DECANT_MUST_USE decant_status decant_table_create(decant_table **ret_table);

/** Frees a table; accepts NULL. */
void decant_table_destroy(decant_table *table);

/** Adds a column at the right. `title` is UTF-8 and is copied.
 *
 *  Errors: INVALID_ARG (the table has rows already), NO_MEMORY.
 */
DECANT_MUST_USE decant_status decant_table_add_column(decant_table *table, const char *title, decant_align align);

/** Begins a row. Cells that it does not get are empty. Errors: NO_MEMORY. */
DECANT_MUST_USE decant_status decant_table_begin_row(decant_table *table);

/** A line across the table at this place; Markdown has none. Errors: NO_MEMORY. */
DECANT_MUST_USE decant_status decant_table_add_rule(decant_table *table);

/** Sets the row's next cell, as printf does. One line of UTF-8; accents, symbols and wide characters keep the columns
 * straight, and what is none becomes visible as decant_text_printable() has it.
 *
 *  Errors: INVALID_ARG (no row was begun, or it is full), NO_MEMORY.
 */
DECANT_MUST_USE decant_status decant_table_add_cell(decant_table *table, const char *format, ...)
#if defined(__GNUC__)
    __attribute__((format(printf, 2, 3)))
#endif
    ;

/** The table in aligned columns for a terminal, each line ended by a newline.
 *
 *  ret_text  freed with decant_text_free(); untouched on failure.
 *
 *  Errors: NO_MEMORY.
 */
DECANT_MUST_USE decant_status decant_table_text(const decant_table *table, char **ret_text);

/** The table in Markdown; otherwise as decant_table_text(). */
DECANT_MUST_USE decant_status decant_table_markdown(const decant_table *table, char **ret_text);

/** A text that came from a file, such as the name of a class, made fit for a terminal: control characters, marks that
 * turn the direction of text and bytes that are no UTF-8 become visible as "\x1b", "\n" or "\u202e".
 *
 *  ret_text  freed with decant_text_free(); untouched on failure.
 *
 *  Errors: NO_MEMORY.
 */
DECANT_MUST_USE decant_status decant_text_printable(const char *raw, char **ret_text);

/** A whole number with its thousands apart: "23,528,522". Room for 28 characters is enough; returns `buffer`. */
const char *decant_count_text(int64_t count, char buffer[28]);

/** A number of bytes as people read it: "532 B", "93.9 KB", "89.8 MB" (1 KB = 1024 B). Returns `buffer`. */
const char *decant_bytes_text(double bytes, char buffer[28]);

/* --- one model --- */

/** The model layer by layer: output shape, parameters, mult-adds; then totals and sizes, as torchsummary shows them.
 *
 *  budget    the most parameters it may have, compared with what it has; 0 leaves the line out.
 *  ret_text  freed with decant_text_free(); untouched on failure.
 *
 *  Errors: NO_MEMORY.
 */
DECANT_MUST_USE decant_status decant_summary_text(const decant_model_summary *summary, int64_t budget, char **ret_text);

/** The plan step by step: layer, op, kernel, layout, shape, bytes and work; then the memory it takes. ret_text is freed
 * with decant_text_free(); untouched on failure. Errors: NO_MEMORY. */
DECANT_MUST_USE decant_status decant_plan_text(const decant_plan_listing *plan, char **ret_text);

/** The confusion matrix (row: truth, column: prediction) with each class's share of right answers: within 80 columns
 * for ten classes. One that would be wider than a screen is left out for its largest mistakes.
 *
 *  model     gives the classes their names; NULL numbers them.
 *  ret_text  freed with decant_text_free(); untouched on failure.
 *
 *  Errors: NO_MEMORY.
 */
DECANT_MUST_USE decant_status decant_confusion_text(const decant_evaluation *evaluation, const decant_model *model,
                                                    char **ret_text);

/** All of an evaluation: the confusion matrix, a table of the classes, how far the confidence can be believed, and how
 * like its teacher the model answers where it stood beside one.
 *
 *  model     gives the classes their names; NULL numbers them.
 *  ret_text  freed with decant_text_free(); untouched on failure.
 *
 *  Errors: NO_MEMORY.
 */
DECANT_MUST_USE decant_status decant_evaluation_text(const decant_evaluation *evaluation, const decant_model *model,
                                                     char **ret_text);

/** What the total loss is made of at step 0: each term's formula, reduction, temperature, weight, value and gradient.
 * ret_text is freed with decant_text_free(); untouched on failure. Errors: NO_MEMORY. */
DECANT_MUST_USE decant_status decant_losses_text(const decant_run_loss *losses, int32_t count, char **ret_text);

/* --- comparing runs --- */

/** BETTER: p below 0.05 and ahead. WORSE: p below 0.05 and behind. INCONCLUSIVE: everything else, equality included. */
typedef enum { DECANT_VERDICT_INCONCLUSIVE, DECANT_VERDICT_BETTER, DECANT_VERDICT_WORSE } decant_verdict;

/** One thing measured against another, pair by pair. */
typedef struct {
    decant_verdict verdict;
    const char *test;  /**< "paired t-test", "sign test" or "McNemar's exact test"; static storage */
    int64_t pairs;     /**< seeds, or test samples that exactly one of the two got right */
    double difference; /**< mean accuracy of the first minus that of the second */
    double spread;     /**< sample standard deviation of the differences; 0 for the other tests */
    double statistic;  /**< t; 0 for the other tests */
    double p;          /**< two-sided: how often chance alone does as much */
} decant_judgement;

/** "better", "not better" or "inconclusive". Static storage. */
const char *decant_verdict_name(decant_verdict verdict);

/** Arithmetic mean; NAN for no values. */
double decant_mean(const double *values, int64_t count);

/** Sample standard deviation (divisor count - 1); 0 for fewer than two values. */
double decant_spread(const double *values, int64_t count);

/** The paired t-test, two-sided, with the exact distribution. Where all differences are the same, which leaves it
 * nothing to divide by, the sign test.
 *
 *  first, second  [count] results of the same seeds, larger is better.
 *  ret_judgement  untouched on failure.
 *
 *  Errors: INVALID_ARG (fewer than 2 pairs, or a value that is not finite).
 */
DECANT_MUST_USE decant_status decant_judge_seeds(const double *first, const double *second, int64_t count,
                                                 decant_judgement *ret_judgement);

/** McNemar's exact test, two-sided, on the predictions of one pair of models for the same samples.
 *
 *  only_first, only_second  samples that only the first, only the second got right.
 *  count                    samples in all.
 *
 *  Errors: INVALID_ARG (negative counts, or more than there are samples).
 */
DECANT_MUST_USE decant_status decant_judge_predictions(int64_t only_first, int64_t only_second, int64_t count,
                                                       decant_judgement *ret_judgement);

/** Judges a run against another over the seeds that both have: the paired t-test on test accuracy, or McNemar's test on
 * the test samples when they share one seed.
 *
 *  Errors: INVALID_ARG (no seed in common, another data set, or other test samples).
 */
DECANT_MUST_USE decant_status decant_judge_runs(const decant_comparison_row *row, const decant_comparison_row *baseline,
                                                decant_judgement *ret_judgement);

/** Whether both runs made as many optimizer steps (decant_is_same_budget) for every seed that both have. A verdict
 * between runs that did not may only show that one was trained longer. */
bool decant_has_equal_budget(const decant_comparison_row *row, const decant_comparison_row *baseline);

/** How many seeds both runs have. With one, the verdict is about that pair of models alone, however many the rows have.
 *
 *  ret_first  the first of them; untouched when there is none.
 */
int32_t decant_shared_seeds(const decant_comparison_row *row, const decant_comparison_row *baseline,
                            uint64_t *ret_first);

/** The comparison as a table: parameters, mult-adds, size, test accuracy as mean and spread, errors, and each run's
 * verdict against its baseline; below, the teachers that are no row, and the majority class.
 *
 *  ret_table  freed with decant_table_destroy(); untouched on failure.
 *
 *  Errors: NO_MEMORY.
 */
DECANT_MUST_USE decant_status decant_comparison_table(const decant_comparison *comparison, decant_table **ret_table);

/** The verdict on a row in words, for those who do not read tables: "distilled against alone: +1.90 points (+-0.25 over
 * 3 seeds), paired t-test, p = 0.00571: better". Ends with a newline; which baseline is missing, where it is; "" for a
 * row without one.
 *
 *  row       0 <= row < comparison->count.
 *  ret_text  freed with decant_text_free(); untouched on failure.
 *
 *  Errors: NO_MEMORY.
 */
DECANT_MUST_USE decant_status decant_verdict_text(const decant_comparison *comparison, int32_t row, char **ret_text);

/* --- a page --- */

/** Writes a page about runs: verdicts and table, training curves, agreement of the runs, and for each its confusion
 * matrix, classes, calibration and recipe. One HTML file that needs nothing else; it appears whole or not at all. What
 * is drawn stands in tables as well.
 *
 *  comparison  made by decant_results_compare() of results that were read from run directories, which are looked into
 *              for their epochs and recipes.
 *  path        the file, which is replaced where there is one. A link stays and leads to it.
 *
 *  Errors: INVALID_ARG (no rows, or rows of one's own), FORMAT (a damaged metrics.jsonl, with its line), USAGE (a
 * device or a pipe stands there), IO, NO_MEMORY.
 */
DECANT_MUST_USE decant_status decant_report_write(const decant_comparison *comparison, const char *path);

/** Whether pages have charts: the chart library is a part of decant where the build found it. */
bool decant_report_has_charts(void);

#ifdef __cplusplus
}
#endif
#endif
