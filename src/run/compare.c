/* Results grouped by run: means and spreads over the seeds, and which run each is measured against. The verdict is
 * report/'s. */
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/memory.h"
#include "base/moments.h"
#include "base/text.h"
#include "decant/recipe.h"
#include "run/identity.h"

/* Length of the folder that a run directory stands in, as far as it is written. */
static size_t folder_length(const char *directory)
{
    const char *slash = strrchr(directory, '/');
    return slash != NULL ? (size_t)(slash - directory) : 0;
}

/* Whether both are there and one, by whatever names. */
static bool is_same_place(const char *first, const char *second)
{
    struct stat a, b;
    return stat(first, &a) == 0 && stat(second, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/* Whether what is written before the last slash is the folder that it stands in. */
static bool tells_folder(const char *directory)
{
    const size_t length = folder_length(directory);
    const char *name = directory + length + (directory[length] == '/');
    return strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

static bool is_same_folder(const char *first, const char *second)
{
    char above[2][PATH_MAX];
    const size_t length = folder_length(first);
    const bool are_told = tells_folder(first) && tells_folder(second);
    const bool are_alike = (strchr(first, '/') == NULL) == (strchr(second, '/') == NULL); /* else: the root, and here */
    if (are_told && are_alike && length == folder_length(second) && memcmp(first, second, length) == 0) return true;
    /* too long a path is none that was read */
    return snprintf(above[0], sizeof above[0], "%s/..", first) < PATH_MAX &&
           snprintf(above[1], sizeof above[1], "%s/..", second) < PATH_MAX && is_same_place(above[0], above[1]);
}

/* The same recipe may have been run under two folders: those are not the same experiment. */
static bool is_same_experiment(const decant_run_result *a, const decant_run_result *b)
{
    return strcmp(a->recipe, b->recipe) == 0 && is_same_folder(a->directory, b->directory);
}

static decant_comparison_row *find_row(decant_comparison *comparison, const decant_run_result *result)
{
    for (int32_t i = 0; i < comparison->count; i++) {
        const decant_run_result *first = comparison->rows[i].results[0];
        if (is_same_experiment(first, result) && strcmp(first->run, result->run) == 0) return &comparison->rows[i];
    }
    return NULL;
}

static const decant_run_result *find_seed(const decant_comparison_row *row, uint64_t seed)
{
    for (int32_t i = 0; i < row->n_seeds; i++)
        if (row->results[i]->seed == seed) return row->results[i];
    return NULL;
}

/* A directory may be named twice, or by a link. But one seed in two directories is what a recipe leaves behind whose
 * `seeds` went from one to several, or back, and perhaps more than that: which of the two is meant, nobody knows. */
static decant_status check_same_directory(const decant_run_result *first, const decant_run_result *second)
{
    if (strcmp(first->directory, second->directory) == 0 || is_same_place(first->directory, second->directory))
        return DECANT_OK;
    return DCN_FAIL(USAGE, "seed %" PRIu64 " of '%s' is in %s and in %s; remove the one that is out of date",
                    first->seed, first->run, first->directory, second->directory);
}

/* Puts the result among its row's, by rising seed. Room was taken for as many as there are results. */
static void insert(decant_comparison_row *row, const decant_run_result *result)
{
    int32_t at = row->n_seeds++;
    for (; at > 0 && row->results[at - 1]->seed > result->seed; at--)
        row->results[at] = row->results[at - 1];
    row->results[at] = result;
}

static decant_status add_result(decant_comparison *comparison, const decant_run_result *result, int32_t n_results)
{
    decant_comparison_row *row = find_row(comparison, result);
    if (row == NULL) {
        row = &comparison->rows[comparison->count];
        TRY_RETURN(dcn_new_array((size_t)n_results, sizeof *row->results, (void **)&row->results));
        comparison->count++;
        row->recipe = result->recipe;
        row->run = result->run;
        row->model = result->model;
        row->teacher = result->teacher;
        row->epochs = result->epochs;
        row->steps = result->steps;
    }
    const decant_run_result *earlier = find_seed(row, result->seed);
    if (earlier != NULL) return check_same_directory(earlier, result);
    insert(row, result);
    return DECANT_OK;
}

/* What one seed's test came to. */
typedef struct score {
    double accuracy, errors;
} score;

static score own_score(const decant_run_result *result)
{
    return (score){result->test_accuracy, (double)result->test_errors};
}

/* Only of results that were corrected. */
static score uncorrected_score(const decant_run_result *result)
{
    return (score){result->correction->accuracy, (double)result->correction->errors};
}

static score teacher_score(const decant_run_result *result)
{
    const decant_fidelity *fidelity = &result->test_measures.fidelity;
    if (!result->test_measures.has_teacher || isnan(fidelity->teacher_accuracy))
        return (score){(double)NAN, (double)NAN};
    return (score){fidelity->teacher_accuracy, (double)fidelity->teacher_errors};
}

/* Mean and sample standard deviation over the seeds; NAN where one of them is. */
static void summarize(const decant_comparison_row *row, score (*score_of)(const decant_run_result *), double *ret_mean,
                      double *ret_spread, double *ret_errors_mean)
{
    dcn_moments accuracy = {0}, errors = {0};
    for (int32_t i = 0; i < row->n_seeds; i++) {
        const score each = score_of(row->results[i]);
        dcn_moments_add(&accuracy, each.accuracy);
        dcn_moments_add(&errors, each.errors);
    }
    *ret_mean = accuracy.mean;
    *ret_spread = dcn_moments_spread(&accuracy);
    *ret_errors_mean = errors.mean;
}

static void measure_sizes(decant_comparison_row *row)
{
    const decant_run_result *first = row->results[0];
    for (int32_t i = 0; i < row->n_seeds; i++) {
        const decant_run_result *each = row->results[i];
        if (each->parameters != first->parameters || each->mult_adds != first->mult_adds) row->sizes_differ = true;
        if (each->parameters > row->parameters) row->parameters = each->parameters;
        if (each->mult_adds > row->mult_adds) row->mult_adds = each->mult_adds;
        if (each->bytes > row->bytes) row->bytes = each->bytes;
    }
}

static void summarize_all(decant_comparison_row *row)
{
    measure_sizes(row);
    summarize(row, own_score, &row->accuracy_mean, &row->accuracy_spread, &row->errors_mean);
    summarize(row, teacher_score, &row->teacher_mean, &row->teacher_spread, &row->teacher_errors_mean);
    row->corrected = true;
    for (int32_t i = 0; i < row->n_seeds; i++)
        row->corrected = row->corrected && row->results[i]->correction != NULL;
    if (row->corrected)
        summarize(row, uncorrected_score, &row->uncorrected_mean, &row->uncorrected_spread,
                  &row->uncorrected_errors_mean);
}

/* The row of another run of the same experiment; -1: there is none. */
static int32_t find_run(const decant_comparison *comparison, const decant_comparison_row *row, const char *name)
{
    for (int32_t i = 0; i < comparison->count && name != NULL; i++) {
        const decant_comparison_row *other = &comparison->rows[i];
        if (is_same_experiment(other->results[0], row->results[0]) && strcmp(other->run, name) == 0) return i;
    }
    return -1;
}

/* Whether the row holds the very models that taught the other: one of the same name may have been made again since, or
 * be of other seeds. Of an ensemble nothing is known. */
static bool has_taught(const decant_comparison_row *teacher, const decant_comparison_row *taught)
{
    for (int32_t i = 0; i < taught->n_seeds; i++) {
        const char *wanted = taught->results[i]->teacher_hash;
        bool is_there = wanted == NULL;
        for (int32_t k = 0; k < teacher->n_seeds && !is_there; k++) {
            const char *hash = teacher->results[k]->model_hash;
            is_there = hash == NULL || strcmp(hash, wanted) == 0;
        }
        if (!is_there) return false;
    }
    return true;
}

static void relate(const decant_comparison *comparison, decant_comparison_row *row)
{
    row->baseline = row->own_baseline = find_run(comparison, row, row->results[0]->baseline);
    row->missing_baseline = row->baseline < 0 ? row->results[0]->baseline : NULL;
    row->teacher_row = find_run(comparison, row, row->teacher);
    if (row->teacher_row >= 0 && !has_taught(&comparison->rows[row->teacher_row], row)) row->teacher_row = -1;
}

/* --- seeds that are not of one experiment --- */

static decant_status add_difference(const decant_run_result *first, const decant_run_result *other, dcn_text *text)
{
    json_t *was = json_loads(first->settings, 0, NULL), *is = json_loads(other->settings, 0, NULL);
    decant_status status = dcn_text_add(text, "from seed %" PRIu64 " to seed %" PRIu64 ", ", first->seed, other->seed);
    dcn_text words = {0};
    if (status == DECANT_OK) status = dcn_identity_difference(was, is, &words);
    if (status == DECANT_OK) status = dcn_text_add(text, "%s", words.length > 0 ? words.data : "something changed");
    dcn_text_finish(&words);
    json_decref(is);
    json_decref(was);
    return status;
}

static decant_status find_difference(decant_comparison_row *row)
{
    const decant_run_result *first = row->results[0];
    dcn_text text = {0};
    char *taken = NULL;
    decant_status status = DECANT_OK;
    for (int32_t i = 1; i < row->n_seeds; i++) {
        const decant_run_result *other = row->results[i];
        if (first->settings == NULL || other->settings == NULL || strcmp(first->settings, other->settings) == 0)
            continue;
        TRY(add_difference(first, other, &text));
        TRY(dcn_text_take(&text, &taken));
        row->difference = taken;
        break;
    }
out:
    dcn_text_finish(&text);
    return status;
}

/* --- names --- */

static decant_status name_row(const decant_comparison *comparison, decant_comparison_row *row)
{
    const char *directory = row->results[0]->directory;
    const size_t length = folder_length(directory);
    bool is_alone = true, is_alone_there = true; /* with its name, of all rows and of those of its folder */
    dcn_text label = {0};
    char *taken = NULL;
    for (int32_t i = 0; i < comparison->count; i++) {
        const decant_comparison_row *other = &comparison->rows[i];
        if (other == row || strcmp(other->run, row->run) != 0) continue;
        is_alone = false;
        is_alone_there = is_alone_there && !is_same_folder(other->results[0]->directory, directory);
    }
    decant_status status = DECANT_OK;
    if (is_alone)
        TRY(dcn_text_add(&label, "%s", row->run));
    else if (!is_alone_there || !tells_folder(directory)) /* two recipes', or "." */
        TRY(dcn_text_add(&label, "%s", directory));
    else
        TRY(dcn_text_add(&label, "%.*s/%s", length > 0 ? (int)length : 1, length > 0 ? directory : ".", row->run));
    TRY(dcn_text_take(&label, &taken));
    row->label = taken;
out:
    dcn_text_finish(&label);
    return status;
}

/* The directory may be given as a shell completes it, with a slash behind. */
static bool is_called(const decant_comparison_row *row, const char *name)
{
    size_t length = strlen(name);
    while (length > 1 && name[length - 1] == '/')
        length--;
    if (strcmp(row->run, name) == 0 || strcmp(row->label, name) == 0) return true;
    for (int32_t i = 0; i < row->n_seeds; i++) {
        const char *directory = row->results[i]->directory;
        const bool is_written_so = strncmp(directory, name, length) == 0 && directory[length] == '\0';
        if (is_written_so || is_same_place(directory, name)) return true;
    }
    return false;
}

decant_status decant_comparison_set_baseline(decant_comparison *comparison, const char *name)
{
    DCN_REQUIRE(comparison, name);
    int32_t baseline = -1;
    for (int32_t i = 0; i < comparison->count; i++) {
        if (!is_called(&comparison->rows[i], name)) continue;
        if (baseline >= 0)
            return DCN_FAIL(NOT_FOUND, "'%s' may be %s or %s; give one of these", name,
                            comparison->rows[baseline].label, comparison->rows[i].label);
        baseline = i;
    }
    if (baseline < 0) return DCN_FAIL(NOT_FOUND, "none of the runs that are compared is '%s'", name);
    for (int32_t i = 0; i < comparison->count; i++) {
        comparison->rows[i].baseline = i == baseline ? -1 : baseline;
        comparison->rows[i].missing_baseline = NULL;
    }
    return DECANT_OK;
}

/* --- what can be compared --- */

decant_status decant_comparison_check(const decant_comparison *comparison)
{
    DCN_REQUIRE(comparison);
    const decant_comparison_row *first = &comparison->rows[0];
    for (int32_t i = 0; i < comparison->count; i++) {
        const decant_comparison_row *row = &comparison->rows[i];
        for (int32_t s = 0; s < row->n_seeds; s++) {
            const decant_run_result *a = first->results[0], *b = row->results[s];
            if (a->test_count != b->test_count)
                return DCN_FAIL(INVALID_ARG,
                                "%s was tested on %" PRId64 " samples and %s on %" PRId64
                                ": their accuracies do not compare",
                                first->label, a->test_count, row->label, b->test_count);
            if (a->data != NULL && b->data != NULL && strcmp(a->data, b->data) != 0)
                return DCN_FAIL(INVALID_ARG, "%s and %s were made with different data: their accuracies do not compare",
                                first->label, row->label);
        }
    }
    return DECANT_OK;
}

bool decant_is_same_budget(int64_t steps, int64_t others)
{
    const int64_t more = steps > others ? steps : others, fewer = steps > others ? others : steps;
    return more - fewer <= more / 50;
}

decant_status decant_results_compare(const decant_result_list *results, decant_comparison **ret_comparison)
{
    DCN_REQUIRE(results, ret_comparison);
    decant_comparison *comparison = NULL;
    if (results->count == 0) return DCN_FAIL(INVALID_ARG, "there are no results to compare");
    decant_status status = dcn_new(sizeof *comparison, (void **)&comparison);
    if (status != DECANT_OK) goto out;
    TRY(dcn_new_array((size_t)results->count, sizeof *comparison->rows, (void **)&comparison->rows));
    for (int32_t i = 0; i < results->count; i++)
        TRY(add_result(comparison, &results->items[i], results->count));
    for (int32_t i = 0; i < comparison->count; i++) {
        summarize_all(&comparison->rows[i]);
        relate(comparison, &comparison->rows[i]);
        TRY(find_difference(&comparison->rows[i]));
        TRY(name_row(comparison, &comparison->rows[i]));
    }
    bool same = decant_comparison_check(comparison) == DECANT_OK;
    comparison->majority_accuracy = same ? results->items[0].majority_accuracy : (double)NAN;
    *ret_comparison = comparison;
    comparison = NULL;
out:
    decant_comparison_destroy(comparison);
    return status;
}

void decant_comparison_destroy(decant_comparison *comparison)
{
    if (comparison == NULL) return;
    for (int32_t i = 0; comparison->rows != NULL && i < comparison->count; i++) {
        dcn_free(comparison->rows[i].results);
        dcn_free((void *)comparison->rows[i].label);
        dcn_free((void *)comparison->rows[i].difference);
    }
    dcn_free(comparison->rows);
    dcn_free(comparison);
}
