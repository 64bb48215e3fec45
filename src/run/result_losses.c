/* losses.json: the loss sheet of a run, as it was shown when the run began. */
#include <math.h>
#include <string.h>

#include "base/file.h"
#include "format/json_text.h"
#include "run/result.h"

static json_t *describe(const decant_run_loss *loss)
{
    json_t *temperature = loss->temperature > 0 ? json_real(loss->temperature) : json_null();
    json_t *norm = isfinite(loss->gradient_norm) ? json_real(loss->gradient_norm) : json_null();
    return json_pack("{s:s, s:s, s:s, s:o, s:f, s:f, s:f, s:o}", "name", loss->name, "formula", loss->formula,
                     "reduction", loss->reduction, "temperature", temperature, "weight", loss->weight, "value",
                     loss->value, "contribution", loss->contribution, "gradient_norm", norm);
}

decant_status dcn_losses_write(const char *path, const decant_run_loss *losses, int32_t count)
{
    json_t *terms = json_array(), *json = NULL;
    double total = 0;
    char *text = NULL;
    for (int32_t i = 0; i < count; i++) {
        total += losses[i].contribution;
        dcn_json_append(&terms, describe(&losses[i]));
    }
    json = json_pack("{s:s, s:i, s:f, s:o}", "format", "decant-losses", "version", 1, "total", total, "terms", terms);
    TRY_RETURN(dcn_json_text(json, JSON_INDENT(1) | JSON_REAL_PRECISION(9), path, &text));
    decant_status status = dcn_file_write(path, text, strlen(text));
    dcn_free(text);
    return status;
}
