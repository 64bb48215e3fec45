/* The recipe's `data` map: validation, normalisation and augmentation. Its source is in parse_source.c. */
#include <math.h>
#include <string.h>

#include "recipe/parse.h"

#define MAX_CHANNELS 65536

/* A number, or a list with one a channel. */
static decant_status parse_numbers(dcn_arena *arena, const dcn_doc *doc, const char *what, float **ret_numbers,
                                   int32_t *ret_count)
{
    int32_t count = doc->type == DCN_DOC_LIST ? doc->count : 1;
    float *numbers = NULL;
    if (count < 1 || count > MAX_CHANNELS)
        return dcn_doc_fail(doc, DECANT_USAGE, "%s wants a number or a list with one for each channel", what);
    TRY_RETURN(dcn_arena_take(arena, (size_t)count * sizeof *numbers, (void **)&numbers));
    for (int32_t i = 0; i < count; i++) {
        const dcn_doc *item = doc->type == DCN_DOC_LIST ? doc->items[i] : doc;
        double number = 0;
        TRY_RETURN(dcn_doc_double(item, what, -1e6, 1e6, &number));
        numbers[i] = (float)number;
    }
    *ret_numbers = numbers;
    *ret_count = count;
    return DECANT_OK;
}

static decant_status parse_statistics(dcn_arena *arena, const dcn_doc *doc, dcn_data_spec *data)
{
    int32_t n_std = 0;
    TRY_RETURN(dcn_schema_check(DCN_SECTION_NORMALIZE, doc));
    const dcn_doc *std = dcn_doc_get(doc, "std");
    TRY_RETURN(parse_numbers(arena, dcn_doc_get(doc, "mean"), "mean", &data->mean, &data->n_channels));
    TRY_RETURN(parse_numbers(arena, std, "std", &data->std, &n_std));
    if (n_std != data->n_channels)
        return dcn_doc_fail(std, DECANT_USAGE, "mean has %d values but std has %d", data->n_channels, n_std);
    for (int32_t i = 0; i < n_std; i++)
        if (!(data->std[i] > 0)) return dcn_doc_fail(std, DECANT_USAGE, "std must be greater than 0");
    data->normalize = DCN_NORMALIZE_GIVEN;
    return DECANT_OK;
}

static decant_status parse_normalize(dcn_arena *arena, const dcn_doc *doc, dcn_data_spec *data)
{
    if (doc == NULL) {
        data->normalize = DCN_NORMALIZE_TRAIN;
        return DECANT_OK;
    }
    if (doc->type == DCN_DOC_MAP) return parse_statistics(arena, doc, data);
    static const char *const words[] = {"train", "none"};
    const char *word = NULL;
    TRY_RETURN(dcn_doc_text(doc, "normalize", &word));
    for (size_t i = 0; i < DCN_COUNT(words); i++) {
        if (strcmp(word, words[i]) != 0) continue;
        data->normalize = i == 0 ? DCN_NORMALIZE_TRAIN : DCN_NORMALIZE_NONE;
        return DECANT_OK;
    }
    return dcn_schema_unknown(doc, "normalize:", word, words, DCN_COUNT(words));
}

decant_status dcn_augment_parse(const dcn_doc *doc, dcn_augment *ret_augment)
{
    dcn_augment augment = {0};
    int64_t shift = 0, crop = 0, cutout = 0;
    TRY_RETURN(dcn_schema_check(DCN_SECTION_AUGMENT, doc));
    TRY_RETURN(dcn_schema_int(DCN_SECTION_AUGMENT, doc, "shift", &shift));
    TRY_RETURN(dcn_schema_int(DCN_SECTION_AUGMENT, doc, "crop", &crop));
    TRY_RETURN(dcn_schema_int(DCN_SECTION_AUGMENT, doc, "cutout", &cutout));
    TRY_RETURN(dcn_schema_bool(DCN_SECTION_AUGMENT, doc, "flip", &augment.flip));
    TRY_RETURN(dcn_schema_number(DCN_SECTION_AUGMENT, doc, "mixup", &augment.mixup));
    augment.shift = (int32_t)shift;
    augment.crop_padding = (int32_t)crop;
    augment.cutout = (int32_t)cutout;
    *ret_augment = augment;
    return DECANT_OK;
}

/* A count, or a share below 1. */
static decant_status parse_unlabelled(const dcn_doc *doc, dcn_data_spec *data)
{
    const dcn_doc *place = dcn_doc_get(doc, "unlabelled");
    TRY_RETURN(dcn_schema_number(DCN_SECTION_DATA, doc, "unlabelled", &data->unlabelled));
    if (place != NULL && data->source_kind == DCN_SOURCE_CSV)
        return dcn_doc_fail(place, DECANT_USAGE, "a table's unlabelled rows are set aside by data.source.unlabelled");
    if (data->unlabelled < 1 || (data->unlabelled <= INT32_MAX && floor(data->unlabelled) >= data->unlabelled))
        return DECANT_OK;
    return dcn_doc_fail(place, DECANT_USAGE, "unlabelled wants a whole number of samples, or a share below 1");
}

/* What is held out of the training part is counted, though pools and test parts may be shares. */
static decant_status check_validation(const dcn_doc *doc)
{
    double share = 0;
    if (doc == NULL || doc->type != DCN_DOC_SCALAR || !dcn_parse_double(doc->text, &share)) return DECANT_OK;
    if (!(share > 0 && share < 1)) return DECANT_OK;
    return dcn_doc_fail(doc, DECANT_USAGE, "validation must be a whole number, not %s: a count of samples, not a share",
                        doc->text);
}

decant_status dcn_data_parse(dcn_arena *arena, const dcn_doc *doc, dcn_data_spec *ret_data)
{
    dcn_data_spec data = {.doc = doc};
    int64_t seed = 0;
    TRY_RETURN(check_validation(dcn_doc_get(doc, "validation")));
    TRY_RETURN(dcn_schema_check(DCN_SECTION_DATA, doc));
    TRY_RETURN(dcn_source_parse(arena, dcn_doc_get(doc, "source"), &data));
    TRY_RETURN(dcn_schema_int(DCN_SECTION_DATA, doc, "validation", &data.validation));
    TRY_RETURN(parse_unlabelled(doc, &data));
    TRY_RETURN(dcn_schema_int(DCN_SECTION_DATA, doc, "seed", &seed));
    TRY_RETURN(dcn_schema_bool(DCN_SECTION_DATA, doc, "allow_overlap", &data.allow_overlap));
    TRY_RETURN(parse_normalize(arena, dcn_doc_get(doc, "normalize"), &data));
    const dcn_doc *augment = dcn_doc_get(doc, "augment");
    if (augment != NULL) TRY_RETURN(dcn_augment_parse(augment, &data.augment));
    data.seed = (uint64_t)seed;
    data.csv.seed = data.seed;
    data.files.seed = data.seed;
    data.csv.validation = data.validation;
    *ret_data = data;
    return DECANT_OK;
}
