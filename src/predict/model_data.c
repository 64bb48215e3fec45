/* Data for models that say how theirs was read - tables, pictures, arrays: what decant/model.h says of it. */
#include <string.h>
#include <strings.h>

#include "data/csv_dataset.h"
#include "data/files.h"
#include "data/source.h"
#include "decant/model.h"
#include "nn/model.h"

#define RANGE_SLACK 1e-3f /* what rounding may do to 0 and 1 */

/* The encoder that the model file holds, held against its network. *ret_encoder is NULL without one. */
static decant_status read_encoder(const decant_model *model, dcn_encoder **ret_encoder)
{
    dcn_encoder *encoder = NULL;
    const char *text = dcn_model_metadata(model, DCN_TABLE_METADATA);
    const decant_shape sample = decant_model_input_shape(model);
    *ret_encoder = NULL;
    if (text == NULL) return DECANT_OK;
    TRY_RETURN(dcn_encoder_from_json(text, &encoder));
    if (sample.rank != 1 || sample.dim[0] != encoder->n_inputs || model->n_classes != encoder->n_classes) {
        dcn_encoder_destroy(encoder);
        return DCN_FAIL(FORMAT, "the model's description of its table does not fit its network");
    }
    *ret_encoder = encoder;
    return DECANT_OK;
}

/* How the model's pictures or arrays were read; *ret_known is false where it says nothing. Texts live in the arena. */
static decant_status read_files_options(const decant_model *model, dcn_arena *arena, dcn_files_options *options,
                                        bool *ret_known)
{
    const char *text = dcn_model_metadata(model, DCN_FILES_METADATA);
    *ret_known = text != NULL;
    return text != NULL ? dcn_files_from_json(arena, text, options) : DECANT_OK;
}

static dcn_files_model files_model(const decant_model *model)
{
    return (dcn_files_model){decant_model_input_shape(model), model->n_classes, model->class_names};
}

/* A CSV file looks like one: anything else may be a folder or the name of a data set. */
static bool looks_like_csv(const char *source)
{
    size_t length = strlen(source);
    return (length > 4 && strcasecmp(source + length - 4, ".csv") == 0) ||
           (length > 7 && strcasecmp(source + length - 7, ".csv.gz") == 0);
}

static bool is_trained_on(const decant_model *model, const char *source)
{
    const char *trained_on = dcn_model_metadata(model, "data");
    return trained_on != NULL && dcn_source_is_same(source, trained_on);
}

/* --- scales --- */

/* Images are what the model normalises itself: numbers beyond [0, 1] were normalised before, or are bytes as floats,
 * and would be classified as confidently as wrongly. */
static decant_status check_range(const decant_dataset *dataset, const dcn_samples *part)
{
    const float *values = (const float *)(const void *)part->data; /* [count, C, H, W] */
    if (part->dtype != DECANT_F32 || dataset->sample.rank != 3) return DECANT_OK;
    for (int64_t i = 0, count = part->count * decant_shape_count(&dataset->sample); i < count; i++)
        if (values[i] < -RANGE_SLACK || values[i] > 1 + RANGE_SLACK)
            return DCN_FAIL(FORMAT,
                            "%s holds the value %g; float images go from 0 to 1, not yet normalised (the model does "
                            "that); images from 0 to 255 must be uint8",
                            dataset->name, (double)values[i]);
    return DECANT_OK;
}

/* `options`: how the model's own samples were read; NULL: nothing is known. */
static decant_status check_scale(const dcn_files_options *options, const decant_dataset *dataset)
{
    const dcn_samples *const parts[] = {&dataset->train, &dataset->test};
    for (size_t i = 0; i < DCN_COUNT(parts); i++) {
        if (options == NULL || !options->floats) {
            TRY_RETURN(check_range(dataset, parts[i]));
        } else if (options->other_scale && parts[i]->count > 0 && parts[i]->dtype == DECANT_U8) {
            return DCN_FAIL(FORMAT,
                            "%s holds bytes (uint8), which count as numbers from 0 to 1; the model was trained on "
                            "floats that go beyond: store it as those were",
                            dataset->name);
        }
    }
    return DECANT_OK;
}

/* --- data sets --- */

/* What the model learnt from is its training part, also where there is no other. */
static decant_status call_training(const char *path, decant_dataset *dataset)
{
    if (dataset->train.count > 0)
        return DCN_FAIL(
            STALE, "%s holds what the model was trained on, parted otherwise: its test samples were learnt from", path);
    const dcn_samples learnt = dataset->test;
    dataset->test = dataset->train;
    dataset->train = learnt;
    return DECANT_OK;
}

/* The parts that the recipe cut are those of the training only while the files are the same: a picture more, and the
 * draw is another. */
static decant_status check_same(const decant_model *model, const dcn_files_options *options, decant_dataset *dataset)
{
    char hex[DCN_HASH_HEX];
    const char *trained_on = dcn_model_metadata(model, "data_hash");
    const dcn_files_relation relation = dcn_files_compare(options, dataset); /* whatever has become of the pool */
    if (relation == DCN_FILES_LEARNT && options->test <= 0) return call_training(options->path, dataset);
    if (options->test <= 0 || trained_on == NULL || relation == DCN_FILES_AS_TRAINED) return DECANT_OK;
    dcn_hash_hex(dataset->hash, hex);
    if (strcmp(hex, trained_on) == 0) return DECANT_OK;
    return DCN_FAIL(STALE,
                    "%s is not what the model was trained on any more, so its test part cannot be told from its "
                    "training part; what is new can be tested as a file of its own",
                    options->path);
}

/* As the model's files were read: the very same are parted as they were then. */
static decant_status open_trained_on(const decant_model *model, dcn_files_options *options, const char *source,
                                     decant_dataset **ret_dataset)
{
    decant_dataset *dataset = NULL;
    const dcn_files_model wanted = files_model(model);
    options->path = source;
    TRY_RETURN(dcn_files_open(options, &wanted, &dataset));
    decant_status status = check_same(model, options, dataset);
    if (status == DECANT_OK)
        *ret_dataset = dataset;
    else
        dcn_dataset_destroy(dataset);
    return status;
}

/* Files are looked for as a recipe's are. What is not found and may be a mistyped name is left to who knows the names.
 */
static decant_status find_source(const char *source, char **ret_source)
{
    const bool is_path = strpbrk(source, "/.") != NULL;
    if (!dcn_source_is_known(source)) {
        decant_status status = dcn_source_locate(source, ret_source);
        if (status != DECANT_NOT_FOUND || is_path) return status;
    }
    return dcn_copy_string(source, ret_source);
}

/* A copy of what the model was trained on, wherever it lies, is parted as that was: training samples are no test.
 * `options` are those that the data set was opened with, as a whole. */
static decant_status part_copy(const decant_model *model, const dcn_files_options *known,
                               const dcn_files_options *options, decant_dataset **dataset)
{
    const dcn_files_model wanted = files_model(model);
    dcn_files_options as_then = *options;
    decant_dataset *parted = NULL;
    if (dcn_files_compare(known, *dataset) != DCN_FILES_LEARNT) return DECANT_OK;
    if (known->test <= 0) return call_training(options->path, *dataset);
    as_then.test = known->test;
    as_then.seed = known->seed;
    TRY_RETURN(dcn_files_open(&as_then, &wanted, &parted));
    const bool as_trained = dcn_files_compare(known, parted) == DCN_FILES_AS_TRAINED;
    decant_dataset *unused = as_trained ? *dataset : parted;
    if (as_trained) *dataset = parted;
    dcn_dataset_destroy(unused);
    if (as_trained) return DECANT_OK;
    return DCN_FAIL(STALE,
                    "%s holds what the model was trained on, in another order or by other names, so its test part "
                    "cannot be told from its training part",
                    options->path);
}

static decant_status open_other(const decant_model *model, const dcn_files_options *known, const char *source,
                                decant_dataset **ret_dataset)
{
    const dcn_files_model wanted = files_model(model);
    dcn_files_options options = {0};
    dcn_files_format format = DCN_FILES_IMAGES;
    bool is_files = false;
    decant_dataset *dataset = NULL;
    char *found = NULL;
    TRY_RETURN(find_source(source, &found));
    decant_status status = DECANT_OK;
    if (!dcn_source_holds_set(found)) TRY(dcn_files_recognize(found, &is_files, &format));
    if (!is_files) {
        status = dcn_source_open(found, ret_dataset);
        goto out;
    }
    if (known != NULL && known->format == format) options = *known;
    options.format = format;
    options.path = found;
    options.test = 0;
    TRY(dcn_files_open(&options, &wanted, &dataset));
    if (known != NULL) TRY(part_copy(model, known, &options, &dataset));
    *ret_dataset = dataset;
    dataset = NULL;
out:
    dcn_dataset_destroy(dataset);
    dcn_free(found);
    return status;
}

static decant_status open_files(const decant_model *model, const char *source, decant_dataset **ret_dataset)
{
    dcn_arena *arena = NULL;
    decant_dataset *dataset = NULL;
    dcn_files_options options = {0};
    bool known = false;
    decant_status status = dcn_arena_create(&arena);
    if (status != DECANT_OK) goto out;
    TRY(read_files_options(model, arena, &options, &known));
    if (known && is_trained_on(model, source)) {
        TRY(open_trained_on(model, &options, source, &dataset));
    } else {
        TRY(open_other(model, known ? &options : NULL, source, &dataset));
        TRY(check_scale(known ? &options : NULL, dataset));
    }
    *ret_dataset = dataset;
    dataset = NULL;
out:
    dcn_dataset_destroy(dataset);
    dcn_arena_destroy(arena);
    return status;
}

decant_status decant_model_open_data(const decant_model *model, const char *source, decant_dataset **ret_dataset)
{
    DCN_REQUIRE(model, source, ret_dataset);
    dcn_encoder *encoder = NULL;
    TRY_RETURN(read_encoder(model, &encoder));
    const bool trained_on = is_trained_on(model, source);
    const bool is_table = encoder != NULL && (looks_like_csv(source) || trained_on);
    decant_status status =
        is_table ? dcn_csv_open_rows(encoder, source, trained_on, ret_dataset) : open_files(model, source, ret_dataset);
    dcn_encoder_destroy(encoder);
    return status;
}

/* --- inputs --- */

static decant_status open_rows(const decant_model *model, const char *path, int64_t first, int64_t count,
                               decant_dataset **ret_dataset)
{
    dcn_encoder *encoder = NULL;
    TRY_RETURN(read_encoder(model, &encoder));
    if (encoder == NULL)
        return DCN_FAIL(INVALID_ARG, "%s: the model was not trained on a table, so it cannot read rows", path);
    decant_status status = dcn_csv_open_inputs(encoder, path, first, count, ret_dataset);
    dcn_encoder_destroy(encoder);
    return status;
}

static decant_status open_input_files(const decant_model *model, const char *path, int64_t first, int64_t count,
                                      decant_dataset **ret_dataset)
{
    const dcn_files_model wanted = files_model(model);
    dcn_arena *arena = NULL;
    decant_dataset *dataset = NULL;
    dcn_files_options options = {0};
    bool known = false;
    decant_status status = dcn_arena_create(&arena);
    if (status != DECANT_OK) goto out;
    TRY(read_files_options(model, arena, &options, &known));
    TRY(dcn_files_open_inputs(path, known ? &options : NULL, &wanted, first, count, &dataset));
    TRY(check_scale(known ? &options : NULL, dataset));
    *ret_dataset = dataset;
    dataset = NULL;
out:
    dcn_dataset_destroy(dataset);
    dcn_arena_destroy(arena);
    return status;
}

decant_status decant_model_open_inputs(const decant_model *model, const char *path, int64_t first, int64_t count,
                                       decant_dataset **ret_dataset)
{
    DCN_REQUIRE(model, path, ret_dataset);
    if (first < 0 || count < 0)
        return DCN_FAIL(INVALID_ARG, "%lld samples from %lld on cannot be asked for", (long long)count,
                        (long long)first);
    if (looks_like_csv(path)) return open_rows(model, path, first, count, ret_dataset);
    return open_input_files(model, path, first, count, ret_dataset);
}
