/* Raw rows of tables for models that were trained on one: what decant/model.h says of it. */
#include <string.h>

#include "data/source.h"
#include "decant/model.h"
#include "nn/model.h"
#include "recipe/materials.h"

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

/* A CSV file looks like one: anything else may be a folder or the name of a data set. */
static bool looks_like_csv(const char *source)
{
    size_t length = strlen(source);
    return (length > 4 && strcmp(source + length - 4, ".csv") == 0) ||
           (length > 7 && strcmp(source + length - 7, ".csv.gz") == 0);
}

decant_status decant_model_open_data(const decant_model *model, const char *source, decant_dataset **ret_dataset)
{
    dcn_encoder *encoder = NULL;
    if (model == NULL || source == NULL || ret_dataset == NULL)
        return DCN_FAIL(INVALID_ARG, "a model, a source to open and where to put the data set");
    TRY_RETURN(read_encoder(model, &encoder));
    const char *trained_on = dcn_model_metadata(model, "data");
    bool is_table =
        encoder != NULL && (looks_like_csv(source) || (trained_on != NULL && strcmp(source, trained_on) == 0));
    decant_status status =
        is_table ? dcn_csv_open_rows(encoder, source, true, ret_dataset) : dcn_source_open(source, ret_dataset);
    dcn_encoder_destroy(encoder);
    return status;
}

decant_status decant_model_open_rows(const decant_model *model, const char *path, decant_dataset **ret_dataset)
{
    dcn_encoder *encoder = NULL;
    if (model == NULL || path == NULL || ret_dataset == NULL)
        return DCN_FAIL(INVALID_ARG, "a model, a file to open and where to put the data set");
    TRY_RETURN(read_encoder(model, &encoder));
    if (encoder == NULL)
        return DCN_FAIL(INVALID_ARG, "%s: the model was not trained on a table, so it cannot read rows", path);
    decant_status status = dcn_csv_open_rows(encoder, path, false, ret_dataset);
    dcn_encoder_destroy(encoder);
    return status;
}
