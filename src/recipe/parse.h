/* The parts of a recipe, a file each, for experiment.c. */
#ifndef DCN_RECIPE_PARSE_H
#define DCN_RECIPE_PARSE_H

#include "recipe/experiment.h"
#include "recipe/schema.h"

/* merge.c: gives a run a copy of its own of what `key` would be taken whole from the run that it is like (`augment`
 * also from the data), so that a part of it can be overridden; nothing where the run has its own, or the key is merged.
 */
decant_status dcn_runs_inherit(dcn_arena *arena, dcn_doc *root, const char *run_name, const char *key);
/* merge.c: every run's map with its `like` chain merged in, by index in the runs map. */
decant_status dcn_runs_merge(dcn_arena *arena, const dcn_doc *runs, const dcn_doc ***ret_merged);
/* parse_data.c */
decant_status dcn_data_parse(dcn_arena *arena, const dcn_doc *doc, dcn_data_spec *ret_data);
decant_status dcn_augment_parse(const dcn_doc *doc, dcn_augment *ret_augment);
/* parse_source.c: source_kind, source and csv */
decant_status dcn_source_parse(dcn_arena *arena, const dcn_doc *doc, dcn_data_spec *data);
/* experiment.c: a trained model by the name of a run or of a file: one of the two is set. `key` is what the recipe
 * calls it. */
decant_status dcn_trained_parse(const dcn_experiment *experiment, const dcn_doc *doc, const char *key, int32_t *ret_run,
                                const char **ret_file);
/* parse_start.c: where a run starts, once all runs have names; and its model, once those before it have theirs. */
decant_status dcn_start_parse(const dcn_experiment *experiment, int32_t run, dcn_start_spec *ret_start);
decant_status dcn_start_resolve_model(dcn_experiment *experiment, int32_t run);
/* parse_teacher.c */
decant_status dcn_teachers_parse(dcn_experiment *experiment, int32_t index);
/* parse_training.c */
decant_status dcn_optimizer_parse(const dcn_doc *doc, dcn_optimizer *ret_optimizer);
decant_status dcn_schedule_parse(const dcn_doc *doc, dcn_schedule *ret_schedule);
decant_status dcn_loss_parse(const dcn_doc *doc, dcn_term ret_terms[DCN_MAX_TERMS], int32_t *ret_count);
/* parse_transfer.c; doc NULL: the defaults */
decant_status dcn_transfer_parse(const dcn_doc *doc, dcn_transfer_spec *ret_transfer);
decant_status dcn_correction_parse(const dcn_doc *doc, dcn_correction_spec *ret_correction);
/* One word, or a map with one key: {adam: {...}}. */
typedef struct dcn_choice {
    const char *key;     /* the recipe's: "optimizer" */
    const char *owner;   /* whose settings there are: "the optimizer" */
    const char *example; /* with settings: "{adam: {lr: 1e-3}}" */
    int32_t n_words;
    const char *const *words; /* [n_words] */
    dcn_section sections[4];  /* the settings of each word */
} dcn_choice;
/* The settings are checked against their section; ret_settings is NULL when there are none. */
decant_status dcn_choice_parse(const dcn_choice *choice, const dcn_doc *doc, int32_t *ret_index,
                               const dcn_doc **ret_settings);

#endif
