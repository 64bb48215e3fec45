/* Gathers what a page shows: histories are read, and what each seed answers is added up. */
#include <math.h>
#include <string.h>

#include "base/file.h"
#include "base/folder.h"
#include "base/memory.h"
#include "base/moments.h"
#include "report/page.h"

#define MAX_JSON_BYTES (8 << 20) /* run.json holds the recipe's text */

decant_status dcn_page_read_json(const char *directory, const char *name, json_t **ret_json)
{
    char *path = NULL;
    uint8_t *data = NULL;
    size_t bytes = 0;
    decant_status status = dcn_path_join(directory, name, &path);
    if (status != DECANT_OK) goto out;
    *ret_json = NULL;
    status = dcn_file_read(path, MAX_JSON_BYTES, &data, &bytes);
    if (status == DECANT_OK) *ret_json = json_loadb((const char *)data, bytes, JSON_REJECT_DUPLICATES, NULL);
    if (status != DECANT_NO_MEMORY) status = DECANT_OK;
out:
    dcn_free(data);
    dcn_free(path);
    return status;
}

decant_status dcn_page_read_first(const decant_comparison_row *row, const char *name, json_t **ret_json)
{
    *ret_json = NULL;
    for (int32_t s = 0; s < row->n_seeds && *ret_json == NULL; s++)
        TRY_RETURN(dcn_page_read_json(row->results[s]->directory, name, ret_json));
    return DECANT_OK;
}

dcn_spread dcn_spread_of(const double *values, int64_t count)
{
    dcn_moments known = {0};
    for (int64_t i = 0; i < count; i++)
        if (!isnan(values[i])) dcn_moments_add(&known, values[i]);
    return (dcn_spread){.mean = known.count > 0 ? known.mean : (double)NAN,
                        .spread = known.count > 1 ? dcn_moments_spread(&known) : (double)NAN};
}

/* --- what each seed answers --- */

/* Only where every seed says so: a matrix of some of them would be taken for one of all. */
static decant_status add_confusions(dcn_page_run *run)
{
    const decant_comparison_row *row = run->row;
    int32_t classes = row->results[0]->n_classes;
    for (int32_t s = 0; s < row->n_seeds; s++)
        if (row->results[s]->n_classes != classes || classes == 0) return DECANT_OK;
    size_t cells = (size_t)classes * (size_t)classes;
    TRY_RETURN(dcn_new_array(cells, sizeof *run->confusion, (void **)&run->confusion));
    run->n_classes = classes;
    run->class_names = row->results[0]->class_names;
    for (int32_t s = 0; s < row->n_seeds; s++)
        for (size_t i = 0; i < cells; i++)
            run->confusion[i] += row->results[s]->confusion[i];
    return DECANT_OK;
}

static void pool_calibrations(dcn_page_run *run)
{
    const decant_comparison_row *row = run->row;
    run->has_calibration = true;
    for (int32_t s = 0; s < row->n_seeds; s++) {
        run->has_calibration = run->has_calibration && row->results[s]->test_measures.known;
        for (int i = 0; i < DECANT_CALIBRATION_BINS; i++) {
            const decant_confidence_bin *from = &row->results[s]->test_measures.calibration.bins[i];
            decant_confidence_bin *to = &run->calibration.bins[i];
            to->count += from->count;
            to->confidence += from->confidence * (double)from->count;
            to->accuracy += from->accuracy * (double)from->count;
        }
    }
    for (int i = 0; i < DECANT_CALIBRATION_BINS; i++) {
        decant_confidence_bin *bin = &run->calibration.bins[i];
        if (bin->count == 0) continue;
        bin->confidence /= (double)bin->count;
        bin->accuracy /= (double)bin->count;
    }
}

static decant_status measure_spreads(dcn_page_run *run)
{
    const decant_comparison_row *row = run->row;
    int64_t count = row->n_seeds;
    double *values = NULL; /* [4, n_seeds] accuracy, calibration error, agreement, divergence */
    TRY_RETURN(dcn_new_array(4 * (size_t)count, sizeof *values, (void **)&values));
    for (int64_t s = 0; s < count; s++) {
        const decant_measures *measures = &row->results[s]->test_measures;
        values[s] = row->results[s]->test_accuracy;
        values[count + s] = measures->known ? measures->calibration.error : (double)NAN;
        values[2 * count + s] = measures->has_teacher ? measures->fidelity.agreement : (double)NAN;
        values[3 * count + s] = measures->has_teacher ? measures->fidelity.divergence : (double)NAN;
    }
    run->accuracy = dcn_spread_of(values, count);
    run->calibration_error = dcn_spread_of(values + count, count);
    run->agreement = dcn_spread_of(values + 2 * count, count);
    run->divergence = dcn_spread_of(values + 3 * count, count);
    dcn_free(values);
    return DECANT_OK;
}

/* --- all of it --- */

static decant_status gather_run(dcn_page_run *run)
{
    const decant_comparison_row *row = run->row;
    TRY_RETURN(dcn_new_array((size_t)row->n_seeds, sizeof *run->histories, (void **)&run->histories));
    for (int32_t s = 0; s < row->n_seeds; s++)
        TRY_RETURN(dcn_history_read(row->results[s]->directory, &run->histories[s]));
    run->history = &run->histories[0];
    for (int32_t s = row->n_seeds; s-- > 0;) {
        if (run->histories[s].n_epochs == 0) continue;
        run->history = &run->histories[s];
        run->n_histories++;
    }
    TRY_RETURN(add_confusions(run));
    pool_calibrations(run);
    return measure_spreads(run);
}

decant_status dcn_page_gather(const decant_comparison *comparison, dcn_page *page)
{
    page->comparison = comparison;
    TRY_RETURN(dcn_new_array((size_t)comparison->count, sizeof *page->runs, (void **)&page->runs));
    for (int32_t i = 0; i < comparison->count; i++) {
        page->runs[i].row = &comparison->rows[i];
        page->runs[i].index = i;
        page->n_runs++;
        decant_status status = gather_run(&page->runs[i]);
        if (status != DECANT_OK) {
            dcn_while("reading the run %s", comparison->rows[i].label);
            return status;
        }
    }
    page->charts = json_array();
    return page->charts != NULL ? DECANT_OK : DCN_FAIL(NO_MEMORY, "no memory for the charts of a page");
}

void dcn_page_release(dcn_page *page)
{
    for (int32_t i = 0; i < page->n_runs; i++) {
        dcn_page_run *run = &page->runs[i];
        for (int32_t s = 0; run->histories != NULL && s < run->row->n_seeds; s++)
            dcn_history_finish(&run->histories[s]);
        dcn_free(run->histories);
        dcn_free(run->confusion);
    }
    dcn_free(page->runs);
    dcn_text_finish(&page->html);
    json_decref(page->charts);
    *page = (dcn_page){0};
}
