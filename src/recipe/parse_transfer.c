/* What a run trains on and how its output biases are corrected afterwards: the `transfer` and `correct_bias` keys.
 * Which classes they name is found out by transfer.c, once the data set is known. */
#include <string.h>

#include "recipe/parse.h"
#include "recipe/words.h"

static decant_status check_classes(const dcn_doc *doc, const char *what)
{
    if (doc == NULL || (doc->type == DCN_DOC_SCALAR) || (doc->type == DCN_DOC_LIST && doc->count > 0)) return DECANT_OK;
    return dcn_doc_fail(doc, DECANT_USAGE, "%s wants a list of classes, such as [3] or [cat, dog]", what);
}

decant_status dcn_transfer_parse(const dcn_doc *doc, dcn_transfer_spec *ret_transfer)
{
    dcn_transfer_spec transfer = {.doc = doc, .labels = true};
    int32_t pool = DCN_POOL_NONE;
    if (doc == NULL) {
        *ret_transfer = transfer;
        return DECANT_OK;
    }
    TRY_RETURN(dcn_schema_check(DCN_SECTION_TRANSFER, doc));
    TRY_RETURN(dcn_schema_bool(DCN_SECTION_TRANSFER, doc, "labels", &transfer.labels));
    TRY_RETURN(dcn_schema_choice(DCN_SECTION_TRANSFER, doc, "unlabelled", &pool));
    transfer.pool = (dcn_pool_use)pool;
    transfer.leave_out = dcn_doc_get(doc, "leave_out");
    transfer.keep = dcn_doc_get(doc, "keep");
    TRY_RETURN(check_classes(transfer.leave_out, "leave_out"));
    TRY_RETURN(check_classes(transfer.keep, "keep"));
    if (transfer.leave_out != NULL && transfer.keep != NULL)
        return dcn_doc_fail(transfer.keep, DECANT_USAGE,
                            "keep and leave_out cannot both say which classes there are; remove one of them");
    if (transfer.pool == DCN_POOL_ONLY && (transfer.leave_out != NULL || transfer.keep != NULL))
        return dcn_doc_fail(doc, DECANT_USAGE,
                            "unlabelled: only leaves no sample whose class is known, so none can be kept or left out");
    if (transfer.pool != DCN_POOL_NONE && transfer.labels && dcn_doc_get(doc, "labels") != NULL)
        return dcn_doc_fail(dcn_doc_get(doc, "labels"), DECANT_USAGE,
                            "labels: true cannot be where unlabelled samples are trained on");
    transfer.labels = transfer.labels && transfer.pool == DCN_POOL_NONE;
    *ret_transfer = transfer;
    return DECANT_OK;
}

decant_status dcn_correction_parse(const dcn_doc *doc, dcn_correction_spec *ret_correction)
{
    static const dcn_choice corrections = {.key = "correct_bias",
                                           .owner = "a correction",
                                           .example = "{frequencies: {classes: [3]}}",
                                           .n_words = 2,
                                           .words = dcn_correction_words + 1,
                                           .sections = {DCN_SECTION_CORRECTION, DCN_SECTION_CORRECTION}};
    dcn_correction_spec correction = {.doc = doc};
    int32_t choice = 0;
    const dcn_doc *settings = NULL;
    if (doc != NULL) {
        TRY_RETURN(dcn_choice_parse(&corrections, doc, &choice, &settings));
        correction.kind = (dcn_correction_kind)(choice + 1); /* the first is none */
        correction.classes = dcn_doc_get(settings, "classes");
        TRY_RETURN(check_classes(correction.classes, "classes"));
        correction.each = correction.classes != NULL && correction.classes->type == DCN_DOC_SCALAR &&
                          strcmp(correction.classes->text, "each") == 0;
    }
    *ret_correction = correction;
    return DECANT_OK;
}
