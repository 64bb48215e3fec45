/* What can be said about a model's answers: confusion matrix, classes, calibration and the likeness to a teacher. */
#include <inttypes.h>
#include <math.h>

#include "base/characters.h"
#include "base/memory.h"
#include "decant/report.h"
#include "report/class_counts.h"

#define LONGEST_NAME     20 /* columns of a class's name beside the matrix */
#define WIDEST_MATRIX    132
#define LARGEST_MISTAKES 20

static const char corner[] = "truth \\ predicted";

/* "3 dress", or "3" where classes have no names. */
static decant_status name_class(const decant_model *model, int32_t class, char **ret_name)
{
    dcn_text text = {0};
    const char *name = model != NULL ? decant_model_class_name(model, class) : NULL;
    decant_status status = dcn_text_add(&text, "%d%s", (int)class, name != NULL ? " " : "");
    if (status == DECANT_OK && name != NULL) status = dcn_text_add_printable(&text, name);
    if (status == DECANT_OK) status = dcn_text_take(&text, ret_name);
    dcn_text_finish(&text);
    return status;
}

/* --- confusion matrix --- */

/* Columns are numbered, rows are named: the matrix stays narrow enough for a terminal. */
typedef struct matrix_layout {
    int64_t name, cell; /* columns; a blank stands before each cell */
} matrix_layout;

static int64_t digits(int64_t number)
{
    int64_t count = 1;
    for (; number >= 10; number /= 10)
        count++;
    return count;
}

static decant_status lay_out(const decant_evaluation *evaluation, const decant_model *model, matrix_layout *ret_layout)
{
    matrix_layout layout = {.name = dcn_text_width(corner), .cell = digits(evaluation->n_classes - 1)};
    int64_t cells = (int64_t)evaluation->n_classes * evaluation->n_classes;
    for (int64_t i = 0; i < cells; i++) {
        int64_t width = digits(evaluation->confusion[i]);
        if (width > layout.cell) layout.cell = width;
    }
    for (int32_t c = 0; c < evaluation->n_classes; c++) {
        char *name = NULL;
        TRY_RETURN(name_class(model, c, &name));
        int64_t width = dcn_text_width(name);
        dcn_free(name);
        if (width > layout.name) layout.name = width < LONGEST_NAME ? width : LONGEST_NAME;
    }
    *ret_layout = layout;
    return DECANT_OK;
}

static decant_status add_matrix_row(dcn_text *text, const decant_evaluation *evaluation, const decant_model *model,
                                    const matrix_layout *layout, int32_t truth)
{
    const int64_t *row = evaluation->confusion + (int64_t)truth * evaluation->n_classes; /* [n_classes] */
    const dcn_class_counts counts = dcn_count_class(evaluation->confusion, evaluation->n_classes, truth);
    char *name = NULL;
    TRY_RETURN(name_class(model, truth, &name));
    decant_status status = dcn_text_add_fitted(text, name, layout->name);
    dcn_free(name);
    if (status != DECANT_OK) return status;
    for (int32_t c = 0; c < evaluation->n_classes; c++) {
        if (row[c] == 0 && c != truth) {
            TRY_RETURN(dcn_text_add(text, " %*s·", (int)layout->cell - 1, ""));
        } else {
            TRY_RETURN(dcn_text_add(text, " %*" PRId64, (int)layout->cell, row[c]));
        }
    }
    if (counts.samples == 0) return dcn_text_add(text, "  %8s\n", "-");
    return dcn_text_add(text, "  %6.2f %%\n", 100 * counts.recall);
}

static decant_status add_matrix(dcn_text *text, const decant_evaluation *evaluation, const decant_model *model,
                                const matrix_layout *layout)
{
    TRY_RETURN(dcn_text_add_fitted(text, corner, layout->name));
    for (int32_t c = 0; c < evaluation->n_classes; c++)
        TRY_RETURN(dcn_text_add(text, " %*d", (int)layout->cell, (int)c));
    TRY_RETURN(dcn_text_add(text, "  %8s\n", "right"));
    int64_t width = layout->name + evaluation->n_classes * (layout->cell + 1) + 10;
    for (int64_t i = 0; i < width; i++)
        TRY_RETURN(dcn_text_add(text, "-"));
    TRY_RETURN(dcn_text_add(text, "\n"));
    for (int32_t truth = 0; truth < evaluation->n_classes; truth++)
        TRY_RETURN(add_matrix_row(text, evaluation, model, layout, truth));
    return DECANT_OK;
}

/* What a matrix that no screen could show comes down to. */
static decant_status add_mistakes(dcn_text *text, const decant_evaluation *evaluation, const decant_model *model)
{
    dcn_mistake mistakes[LARGEST_MISTAKES];
    int32_t count = dcn_largest_mistakes(evaluation->confusion, evaluation->n_classes, LARGEST_MISTAKES, mistakes);
    TRY_RETURN(dcn_text_add(text, "the commonest mistakes (--json has the whole matrix of %d classes)\n",
                            (int)evaluation->n_classes));
    for (int32_t i = 0; i < count; i++) {
        char *truth = NULL, *answer = NULL;
        decant_status status = name_class(model, mistakes[i].truth, &truth);
        if (status == DECANT_OK) status = name_class(model, mistakes[i].answer, &answer);
        if (status == DECANT_OK)
            status = dcn_text_add(text, "%8" PRId64 "  %s taken for %s\n", mistakes[i].count, truth, answer);
        dcn_free(truth);
        dcn_free(answer);
        if (status != DECANT_OK) return status;
    }
    return DECANT_OK;
}

static decant_status add_confusion(dcn_text *text, const decant_evaluation *evaluation, const decant_model *model)
{
    matrix_layout layout;
    TRY_RETURN(lay_out(evaluation, model, &layout));
    if (layout.name + evaluation->n_classes * (layout.cell + 1) + 10 <= WIDEST_MATRIX) {
        TRY_RETURN(add_matrix(text, evaluation, model, &layout));
    } else {
        TRY_RETURN(add_mistakes(text, evaluation, model));
    }
    return dcn_text_add(text, "%" PRId64 " errors in %" PRId64 " samples, accuracy %.2f %%, loss %.4f\n",
                        evaluation->errors, evaluation->count, 100.0 * evaluation->accuracy, evaluation->loss);
}

decant_status decant_confusion_text(const decant_evaluation *evaluation, const decant_model *model, char **ret_text)
{
    DCN_REQUIRE(evaluation, ret_text);
    dcn_text text = {0};
    decant_status status = add_confusion(&text, evaluation, model);
    if (status == DECANT_OK) status = dcn_text_take(&text, ret_text);
    dcn_text_finish(&text);
    return status;
}

/* --- classes --- */

static decant_status add_share(decant_table *table, double share)
{
    if (isnan(share)) return decant_table_add_cell(table, "-");
    return decant_table_add_cell(table, "%.2f %%", 100 * share);
}

static decant_status add_class(decant_table *table, const decant_evaluation *evaluation, const decant_model *model,
                               int32_t class)
{
    const dcn_class_counts counts = dcn_count_class(evaluation->confusion, evaluation->n_classes, class);
    char *name = NULL, *mistaken_for = NULL;
    decant_status status = name_class(model, class, &name);
    if (status != DECANT_OK) goto out;
    TRY(decant_table_begin_row(table));
    TRY(decant_table_add_cell(table, "%s", name));
    TRY(decant_table_add_cell(table, "%" PRId64, counts.samples));
    TRY(decant_table_add_cell(table, "%" PRId64, counts.samples - counts.right));
    TRY(add_share(table, counts.recall));
    TRY(add_share(table, counts.precision));
    TRY(add_share(table, counts.f1));
    if (counts.mistaken_for < 0) {
        TRY(decant_table_add_cell(table, "-"));
    } else {
        TRY(name_class(model, counts.mistaken_for, &mistaken_for));
        TRY(decant_table_add_cell(table, "%s (%" PRId64 ")", mistaken_for, counts.mistaken));
    }
out:
    dcn_free(mistaken_for);
    dcn_free(name);
    return status;
}

static decant_status fill_classes(decant_table *table, const decant_evaluation *evaluation, const decant_model *model)
{
    TRY_RETURN(decant_table_add_column(table, "class", DECANT_ALIGN_LEFT));
    TRY_RETURN(decant_table_add_column(table, "samples", DECANT_ALIGN_RIGHT));
    TRY_RETURN(decant_table_add_column(table, "errors", DECANT_ALIGN_RIGHT));
    TRY_RETURN(decant_table_add_column(table, "recall", DECANT_ALIGN_RIGHT));
    TRY_RETURN(decant_table_add_column(table, "precision", DECANT_ALIGN_RIGHT));
    TRY_RETURN(decant_table_add_column(table, "F1", DECANT_ALIGN_RIGHT));
    TRY_RETURN(decant_table_add_column(table, "mostly mistaken for", DECANT_ALIGN_LEFT));
    for (int32_t c = 0; c < evaluation->n_classes; c++)
        TRY_RETURN(add_class(table, evaluation, model, c));
    return DECANT_OK;
}

/* --- calibration --- */

static decant_status fill_bins(decant_table *table, const decant_calibration *calibration)
{
    TRY_RETURN(decant_table_add_column(table, "confidence", DECANT_ALIGN_RIGHT));
    TRY_RETURN(decant_table_add_column(table, "samples", DECANT_ALIGN_RIGHT));
    TRY_RETURN(decant_table_add_column(table, "mean", DECANT_ALIGN_RIGHT));
    TRY_RETURN(decant_table_add_column(table, "accuracy", DECANT_ALIGN_RIGHT));
    for (int i = 0; i < DECANT_CALIBRATION_BINS; i++) {
        const decant_confidence_bin *bin = &calibration->bins[i];
        if (bin->count == 0) continue;
        TRY_RETURN(decant_table_begin_row(table));
        TRY_RETURN(decant_table_add_cell(table, "%.1f to %.1f %%", 100.0 * i / DECANT_CALIBRATION_BINS,
                                         100.0 * (i + 1) / DECANT_CALIBRATION_BINS));
        TRY_RETURN(decant_table_add_cell(table, "%" PRId64, bin->count));
        TRY_RETURN(add_share(table, bin->confidence));
        TRY_RETURN(add_share(table, bin->accuracy));
    }
    return DECANT_OK;
}

/* A blank line, then the table. */
static decant_status add_table(dcn_text *text, const decant_table *table)
{
    char *lines = NULL;
    TRY_RETURN(decant_table_text(table, &lines));
    decant_status status = dcn_text_add(text, "\n%s", lines);
    dcn_free(lines);
    return status;
}

static decant_status add_measures(dcn_text *text, const decant_measures *measures)
{
    decant_table *table = NULL;
    decant_status status = DECANT_OK;
    if (!measures->known) return DECANT_OK;
    TRY(decant_table_create(&table));
    TRY(fill_bins(table, &measures->calibration));
    TRY(add_table(text, table));
    TRY(dcn_text_add(text, "calibration error %.2f %% (%d bins of confidence), mean confidence %.2f %%\n",
                     100 * measures->calibration.error, DECANT_CALIBRATION_BINS,
                     100 * measures->calibration.confidence));
    if (!measures->has_teacher) goto out;
    const decant_fidelity *fidelity = &measures->fidelity;
    TRY(dcn_text_add(text, "answers as its teacher"));
    if (isfinite(fidelity->teacher_accuracy))
        TRY(dcn_text_add(text, " (%.2f %%, %" PRId64 " errors)", 100 * fidelity->teacher_accuracy,
                         fidelity->teacher_errors));
    TRY(dcn_text_add(text, " does for %.2f %% of the samples, KL to the teacher %.4f nats\n", 100 * fidelity->agreement,
                     fidelity->divergence));
out:
    decant_table_destroy(table);
    return status;
}

decant_status decant_evaluation_text(const decant_evaluation *evaluation, const decant_model *model, char **ret_text)
{
    DCN_REQUIRE(evaluation, ret_text);
    decant_table *classes = NULL;
    dcn_text text = {0};
    decant_status status = add_confusion(&text, evaluation, model);
    if (status != DECANT_OK) goto out;
    TRY(decant_table_create(&classes));
    TRY(fill_classes(classes, evaluation, model));
    TRY(add_table(&text, classes));
    TRY(add_measures(&text, &evaluation->measures));
    TRY(dcn_text_take(&text, ret_text));
out:
    decant_table_destroy(classes);
    dcn_text_finish(&text);
    return status;
}
