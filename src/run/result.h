/* What a finished run came to, in files: result.json and losses.json. */
#ifndef DCN_RUN_RESULT_H
#define DCN_RUN_RESULT_H

#include "decant/recipe.h"
#include "run/identity.h"

/* --- results.c --- */
decant_status dcn_result_write(const char *path, const decant_run_result *result, const dcn_identity *identity);
/* What the configuration says of the result: its settings, and its teacher's hash. */
decant_status dcn_result_set_config(decant_run_result *result, const json_t *config);
/* Nothing else changes. baseline NULL: it has none. */
decant_status dcn_result_rename_baseline(const char *path, const char *baseline);
/* Whether the result was written for exactly this model file: a damaged or missing one is not a finished run's. */
bool dcn_result_fits(const char *result_path, const char *model_path);
/* Appends the result in DIRECTORY/result.json to the list. */
decant_status dcn_result_read(const char *directory, decant_result_list *list);
/* Room for one more at the end of the list, zeroed. The pointer lives until the next one. */
decant_status dcn_result_append(decant_result_list *list, decant_run_result **ret_result);
/* --- result_losses.c --- */
/* Replaces the file; IO where that cannot be. */
decant_status dcn_losses_write(const char *path, const decant_run_loss *losses, int32_t count);
/* --- result_answers.c: what the model answers, as a part of result.json --- */
/* Adds "calibration" and "fidelity" to a part's object, where they are known. */
void dcn_measures_to_json(const decant_measures *measures, json_t **part);
/* "classes", "confusion" and "predictions", where they are known. */
void dcn_answers_to_json(const decant_run_result *result, json_t **json);
/* All of it back; results of before have none of it. FORMAT where it contradicts itself. */
decant_status dcn_answers_from_json(const json_t *json, decant_run_result *result);
/* Sets a text of a result: *slot = a copy. */
decant_status dcn_result_text(const char **slot, const char *text);

#endif
