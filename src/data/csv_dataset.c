/* Data sets of CSV tables: rows are parted before anything is learnt from them, so that types, fill values and
 * categories know nothing of the validation, test and unlabelled rows. Unlabelled rows become training samples without
 * a label, behind those that have one. */
#include "data/csv_dataset.h"

#include <inttypes.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "data/source.h"
#include "data/split.h"
#include "data/words.h"

/* Another file's rows need no test part taken from these. */
static decant_status part_rows(const int32_t *labels, int64_t n_rows, int32_t n_classes, const dcn_parting *parting,
                               dcn_parts *ret_rows)
{
    double test = parting->test_path != NULL ? 0 : parting->test;
    return dcn_parts_make(labels, n_rows, n_classes, parting->unlabelled, test, parting->seed, ret_rows);
}

/* --- filling a data set --- */

/* rows NULL: all. labels are those of all rows, or NULL. */
static decant_status fill_part(decant_dataset *dataset, dcn_samples *part, const dcn_encoder *encoder,
                               const dcn_csv *csv, const int32_t *rows, int64_t count, const int32_t *labels)
{
    TRY_RETURN(dcn_samples_create(dataset, part, count, DECANT_F32, labels != NULL));
    for (int64_t i = 0; labels != NULL && i < count; i++)
        part->labels[i] = labels[rows != NULL ? rows[i] : i];
    return dcn_encoder_rows(encoder, csv, rows, count, (float *)(void *)part->data);
}

/* The training rows, and behind them the pool: a file of its own, or rows of this one whose labels nobody sees. */
static decant_status fill_train(decant_dataset *dataset, const dcn_encoder *encoder, const dcn_csv *csv,
                                const dcn_parts *rows, const int32_t *labels, const dcn_csv *unlabelled)
{
    dcn_samples *train = &dataset->train;
    const dcn_csv *pool = unlabelled != NULL ? unlabelled : csv;
    const int32_t *pool_rows = unlabelled != NULL ? NULL : rows->unlabelled;
    const int64_t n_train = rows->n_train, n_pool = unlabelled != NULL ? unlabelled->n_rows : rows->n_unlabelled;
    TRY_RETURN(dcn_samples_create(dataset, train, n_train + n_pool, DECANT_F32, true));
    for (int64_t i = 0; i < n_train; i++)
        train->labels[i] = labels[rows->train[i]];
    for (int64_t i = 0; i < n_pool; i++)
        train->labels[n_train + i] = DCN_NO_LABEL;
    dataset->n_unlabelled = n_pool;
    float *inputs = (float *)(void *)train->data; /* [n_train + n_pool, n_inputs] */
    TRY_RETURN(dcn_encoder_rows(encoder, csv, rows->train, n_train, inputs));
    return dcn_encoder_rows(encoder, pool, pool_rows, n_pool, inputs + n_train * encoder->n_inputs);
}

static decant_status create(const dcn_encoder *encoder, const char *name, decant_dataset **ret_dataset)
{
    decant_dataset *dataset = NULL;
    const decant_shape sample = {.rank = 1, .dim = {encoder->n_inputs}};
    decant_status status = dcn_dataset_create(name, &sample, encoder->n_classes, &dataset);
    if (status != DECANT_OK) goto out;
    TRY(dcn_dataset_name_classes(dataset, (const char *const *)encoder->classes));
    *ret_dataset = dataset;
    dataset = NULL;
out:
    dcn_dataset_destroy(dataset);
    return status;
}

static decant_status make_labels(const dcn_encoder *encoder, const dcn_csv *csv, int32_t **ret_labels)
{
    int32_t *labels = NULL;
    TRY_RETURN(dcn_new_array((size_t)csv->n_rows, sizeof *labels, (void **)&labels));
    decant_status status = dcn_encoder_labels(encoder, csv, labels);
    if (status == DECANT_OK)
        *ret_labels = labels;
    else
        dcn_free(labels);
    return status;
}

static decant_status fill_test(decant_dataset *dataset, const dcn_encoder *encoder, const dcn_csv *csv)
{
    int32_t *labels = NULL;
    decant_status status = make_labels(encoder, csv, &labels);
    if (status != DECANT_OK) goto out;
    TRY(fill_part(dataset, &dataset->test, encoder, csv, NULL, csv->n_rows, labels));
out:
    dcn_free(labels);
    return status;
}

/* --- recognising a table --- */

/* A row's cells in the order of `columns`, each ended by a NUL, which no cell holds. */
static decant_status join_cells(const dcn_csv *csv, int64_t row, const int32_t *columns, int32_t count, dcn_text *text)
{
    text->length = 0;
    for (int32_t i = 0; i < count; i++) {
        const dcn_csv_cell *cell = dcn_csv_at(csv, row, columns[i]);
        TRY_RETURN(dcn_text_add_bytes(text, (const char *)csv->data + cell->offset, cell->length));
        TRY_RETURN(dcn_text_add_bytes(text, "", 1));
    }
    return DECANT_OK;
}

/* Of the targets and the cells that the encoder reads, into the parting's two hashes; "" where a column lacks. */
static decant_status hash_rows(const dcn_encoder *encoder, const dcn_csv *csv, dcn_parting *parting)
{
    int32_t *columns = NULL; /* [1 + n_columns] the target first */
    const int32_t count = 1 + encoder->n_columns;
    dcn_text cells = {0};
    dcn_hash sum = {0}, chain = {0};
    parting->rows_hash[0] = parting->any_order_hash[0] = '\0';
    decant_status status = dcn_new_array((size_t)count, sizeof *columns, (void **)&columns);
    for (int32_t i = 0; i < count && status == DECANT_OK; i++) {
        columns[i] = dcn_csv_find(csv, i == 0 ? encoder->target : encoder->columns[i - 1].name);
        if (columns[i] < 0) goto out;
    }
    for (int64_t row = 0; row < csv->n_rows && status == DECANT_OK; row++) {
        TRY(join_cells(csv, row, columns, count, &cells));
        const dcn_hash hash = dcn_hash_bytes(cells.data, cells.length);
        sum.low += hash.low;
        sum.high += hash.high;
        chain = dcn_hash_mix(chain, hash);
    }
    if (status != DECANT_OK) goto out;
    dcn_hash_hex(chain, parting->rows_hash);
    dcn_hash_hex(sum, parting->any_order_hash);
out:
    dcn_text_finish(&cells);
    dcn_free(columns);
    return status;
}

/* --- learning --- */

static decant_status set_parting(const dcn_csv_options *options, const dcn_csv *csv, dcn_parting *parting)
{
    dcn_hash_hex(csv->hash, parting->file_hash);
    parting->test = options->test;
    parting->unlabelled = options->unlabelled;
    parting->seed = options->seed;
    if (options->unlabelled_path != NULL)
        TRY_RETURN(dcn_copy_string(options->unlabelled_path, &parting->unlabelled_path));
    return options->test_path != NULL ? dcn_copy_string(options->test_path, &parting->test_path) : DECANT_OK;
}

/* A class must have rows to learn from, and to be tested on too where the test rows are taken from the same file. */
static decant_status check_classes(const dcn_encoder *encoder, const dcn_csv *csv, const int32_t *labels,
                                   const int32_t *fit_rows, int64_t n_fit)
{
    int64_t *counts = NULL; /* [2, classes]: of all rows, of those to learn from */
    int32_t classes = encoder->n_classes, target = dcn_csv_find(csv, encoder->target);
    TRY_RETURN(dcn_new_array(2 * (size_t)classes, sizeof *counts, (void **)&counts));
    decant_status status = DECANT_OK;
    for (int64_t row = 0; row < csv->n_rows; row++)
        counts[labels[row]]++;
    for (int64_t i = 0; i < n_fit; i++)
        counts[classes + labels[fit_rows[i]]]++;
    for (int64_t row = 0; row < csv->n_rows && status == DECANT_OK; row++) {
        int32_t class = labels[row];
        if (counts[class] == 1 && encoder->parting.test_path == NULL)
            status =
                dcn_csv_fail(csv, row, target, "this is the only row of the class '%s': it cannot be learnt and tested",
                             encoder->classes[class]);
        else if (counts[classes + class] == 0)
            status =
                dcn_csv_fail(csv, row, target, "none of the %" PRId64 " rows of the class '%s' is left for training",
                             counts[class], encoder->classes[class]);
    }
    dcn_free(counts);
    return status;
}

/* The training rows without those that will be held out for validation, as dcn_split_make will choose them. */
static decant_status choose_fit_rows(const dcn_csv_options *options, const dcn_encoder *encoder, const int32_t *labels,
                                     const dcn_parts *rows, int32_t **ret_rows, int64_t *ret_count)
{
    int32_t *train_labels = NULL;
    dcn_split split = {0};
    /* Too many are refused by those who know the recipe; here they only must not get in the way. */
    int64_t validation = options->validation < rows->n_train ? options->validation : 0;
    decant_status status = dcn_new_array((size_t)rows->n_train, sizeof *train_labels, (void **)&train_labels);
    if (status != DECANT_OK) goto out;
    for (int64_t i = 0; i < rows->n_train; i++)
        train_labels[i] = labels[rows->train[i]];
    TRY(dcn_split_rows(train_labels, rows->n_train, encoder->n_classes, NULL, rows->n_train, validation, options->seed,
                       DCN_DRAW_VALIDATION, &split));
    for (int64_t i = 0; i < split.n_train; i++)
        split.train[i] = rows->train[split.train[i]];
    *ret_rows = split.train;
    *ret_count = split.n_train;
    split.train = NULL;
out:
    dcn_free(train_labels);
    dcn_split_finish(&split);
    return status;
}

decant_status dcn_csv_build(const dcn_csv_options *options, const dcn_csv *csv, const dcn_csv *test,
                            const dcn_csv *unlabelled, decant_dataset **ret_dataset)
{
    decant_dataset *dataset = NULL;
    dcn_encoder *encoder = NULL;
    dcn_parts rows = {0};
    int32_t *labels = NULL, *fit_rows = NULL;
    int64_t n_fit = 0;
    decant_status status = dcn_encoder_classes(csv, options->target, &encoder);
    if (status != DECANT_OK) goto out;
    TRY(set_parting(options, csv, &encoder->parting));
    TRY(make_labels(encoder, csv, &labels));
    TRY(part_rows(labels, csv->n_rows, encoder->n_classes, &encoder->parting, &rows));
    TRY(choose_fit_rows(options, encoder, labels, &rows, &fit_rows, &n_fit));
    TRY(check_classes(encoder, csv, labels, fit_rows, n_fit));
    TRY(dcn_encoder_fit(encoder, csv, fit_rows, n_fit, options->choices, options->n_choices));
    TRY(hash_rows(encoder, csv, &encoder->parting));

    TRY(create(encoder, options->path, &dataset));
    TRY(fill_train(dataset, encoder, csv, &rows, labels, unlabelled));
    if (test != NULL)
        TRY(fill_test(dataset, encoder, test));
    else
        TRY(fill_part(dataset, &dataset->test, encoder, csv, rows.test, rows.n_test, labels));
    TRY(dcn_dataset_seal(dataset, options->path));
    dataset->encoder = encoder;
    encoder = NULL;
    *ret_dataset = dataset;
    dataset = NULL;
out:
    dcn_parts_finish(&rows);
    dcn_free(labels);
    dcn_free(fit_rows);
    dcn_encoder_destroy(encoder);
    dcn_dataset_destroy(dataset);
    return status;
}

static decant_status find_and_read(const char *path, dcn_csv *ret_csv)
{
    char *found = NULL;
    TRY_RETURN(dcn_source_locate(path, &found));
    decant_status status = dcn_csv_read(found, ret_csv);
    dcn_free(found);
    return status;
}

decant_status dcn_csv_open(const dcn_csv_options *options, decant_dataset **ret_dataset)
{
    dcn_csv csv = {0}, test = {0}, unlabelled = {0};
    decant_status status = find_and_read(options->path, &csv);
    if (status != DECANT_OK) goto out;
    if (options->test_path != NULL) TRY(find_and_read(options->test_path, &test));
    if (options->unlabelled_path != NULL) TRY(find_and_read(options->unlabelled_path, &unlabelled));
    TRY(dcn_csv_build(options, &csv, options->test_path != NULL ? &test : NULL,
                      options->unlabelled_path != NULL ? &unlabelled : NULL, ret_dataset));
out:
    dcn_csv_finish(&csv);
    dcn_csv_finish(&test);
    dcn_csv_finish(&unlabelled);
    return status;
}

/* --- rows for a finished encoder --- */

typedef enum table_relation {
    OTHER_ROWS,
    AS_TRAINED,  /* the training file, or a copy of its rows however it is written */
    OTHER_ORDER, /* the same rows, which the draw would part otherwise */
} table_relation;

static decant_status compare_rows(const dcn_encoder *encoder, const dcn_csv *csv, table_relation *ret_relation)
{
    const dcn_parting *then = &encoder->parting;
    dcn_parting now = {0};
    dcn_hash_hex(csv->hash, now.file_hash);
    *ret_relation = strcmp(now.file_hash, then->file_hash) == 0 ? AS_TRAINED : OTHER_ROWS;
    if (*ret_relation == AS_TRAINED || then->rows_hash[0] == '\0') return DECANT_OK;
    TRY_RETURN(hash_rows(encoder, csv, &now));
    if (now.rows_hash[0] == '\0') return DECANT_OK;
    if (strcmp(now.rows_hash, then->rows_hash) == 0)
        *ret_relation = AS_TRAINED;
    else if (strcmp(now.any_order_hash, then->any_order_hash) == 0)
        *ret_relation = OTHER_ORDER;
    return DECANT_OK;
}

/* The training file, parted as it was. A pool's file of its own is not asked for: nobody is tested on it. */
static decant_status fill_as_trained(decant_dataset *dataset, const dcn_encoder *encoder, const dcn_csv *csv,
                                     const int32_t *labels)
{
    const dcn_parting *parting = &encoder->parting;
    dcn_parts rows = {0};
    dcn_csv test = {0};
    decant_status status = part_rows(labels, csv->n_rows, encoder->n_classes, parting, &rows);
    if (status != DECANT_OK) goto out;
    TRY(fill_train(dataset, encoder, csv, &rows, labels, NULL));
    if (parting->test_path != NULL) {
        TRY(find_and_read(parting->test_path, &test));
        TRY(fill_test(dataset, encoder, &test));
    } else {
        TRY(fill_part(dataset, &dataset->test, encoder, csv, rows.test, rows.n_test, labels));
    }
out:
    dcn_csv_finish(&test);
    dcn_parts_finish(&rows);
    return status;
}

/* The training file has changed: its rows are nobody's test any more, those of another file still are. */
static decant_status fill_changed(decant_dataset *dataset, const dcn_encoder *encoder, const char *path)
{
    dcn_csv test = {0};
    if (encoder->parting.test_path == NULL)
        return DCN_FAIL(STALE,
                        "%s is not what the model was trained on any more, so its test part cannot be told from its "
                        "training part; what is new can be tested as a file of its own",
                        path);
    decant_status status = find_and_read(encoder->parting.test_path, &test);
    if (status == DECANT_OK) status = fill_test(dataset, encoder, &test);
    dcn_csv_finish(&test);
    return status;
}

static decant_status fill_rows(decant_dataset *dataset, const dcn_encoder *encoder, const char *path,
                               const dcn_csv *csv, bool is_trained_on)
{
    table_relation relation = OTHER_ROWS;
    int32_t *labels = NULL;
    decant_status status = DECANT_OK;
    dataset->train.dtype = DECANT_F32;
    TRY_RETURN(compare_rows(encoder, csv, &relation));
    if (relation == OTHER_ORDER)
        return DCN_FAIL(
            STALE,
            "%s holds the very rows that the model was trained on in another order, so %s; test on the file "
            "as it was",
            path,
            encoder->parting.test_path != NULL ? "none of them is a test"
                                               : "its test part cannot be told from its training part");
    if (is_trained_on && relation != AS_TRAINED) return fill_changed(dataset, encoder, path);
    TRY(make_labels(encoder, csv, &labels));
    status = relation == AS_TRAINED ? fill_as_trained(dataset, encoder, csv, labels)
                                    : fill_part(dataset, &dataset->test, encoder, csv, NULL, csv->n_rows, labels);
out:
    dcn_free(labels);
    return status;
}

decant_status dcn_csv_open_rows(const dcn_encoder *encoder, const char *path, bool is_trained_on,
                                decant_dataset **ret_dataset)
{
    decant_dataset *dataset = NULL;
    dcn_csv csv = {0};
    decant_status status = find_and_read(path, &csv);
    if (status != DECANT_OK) goto out;
    TRY(create(encoder, path, &dataset));
    TRY(fill_rows(dataset, encoder, path, &csv, is_trained_on));
    TRY(dcn_dataset_seal(dataset, path));
    *ret_dataset = dataset;
    dataset = NULL;
out:
    dcn_csv_finish(&csv);
    dcn_dataset_destroy(dataset);
    return status;
}

/* What the rows say of their classes. Where that is to be predicted, the column may be missing, empty or hold what a
 * later answer will stand for ("?"): one such row, and there are no labels. */
static void read_targets(const dcn_encoder *encoder, const dcn_csv *csv, int64_t first, dcn_samples *part)
{
    const int32_t target = dcn_csv_find(csv, encoder->target);
    bool known = target >= 0;
    for (int64_t i = 0; i < part->count && known; i++) {
        const dcn_csv_cell *cell = dcn_csv_at(csv, first + i, target);
        part->labels[i] = dcn_words_find(encoder->classes, encoder->n_classes, csv->data + cell->offset, cell->length);
        known = part->labels[i] >= 0;
    }
    if (known) return;
    dcn_free(part->labels);
    part->labels = NULL;
}

decant_status dcn_csv_open_inputs(const dcn_encoder *encoder, const char *path, int64_t first, int64_t count,
                                  decant_dataset **ret_dataset)
{
    decant_dataset *dataset = NULL;
    dcn_csv csv = {0};
    int32_t *rows = NULL;
    decant_status status = find_and_read(path, &csv);
    if (status != DECANT_OK) goto out;
    TRY(dcn_range_check(path, first, csv.n_rows, &count));
    TRY(dcn_new_array((size_t)count, sizeof *rows, (void **)&rows));
    for (int64_t i = 0; i < count; i++)
        rows[i] = (int32_t)(first + i);
    TRY(create(encoder, path, &dataset));
    dcn_samples *test = &dataset->test;
    dataset->train.dtype = DECANT_F32;
    TRY(dcn_samples_create(dataset, test, count, DECANT_F32, true));
    read_targets(encoder, &csv, first, test);
    TRY(dcn_encoder_rows(encoder, &csv, rows, count, (float *)(void *)test->data));
    TRY(dcn_dataset_seal(dataset, path));
    *ret_dataset = dataset;
    dataset = NULL;
out:
    dcn_free(rows);
    dcn_csv_finish(&csv);
    dcn_dataset_destroy(dataset);
    return status;
}
