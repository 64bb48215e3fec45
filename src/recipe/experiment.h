/* A recipe that has been read and checked: plain structs with every default filled in. Nothing here has touched a data
 * set or a weight. */
#ifndef DCN_RECIPE_EXPERIMENT_H
#define DCN_RECIPE_EXPERIMENT_H

#include "data/loader.h"
#include "distill/term.h"
#include "format/document.h"
#include "optim/optimizer.h"
#include "train/train.h"

#define DCN_MAX_SEEDS  100
#define DCN_MAX_RUNS   256
#define DCN_MAX_MODELS 256

typedef enum dcn_source_kind { DCN_SOURCE_NAMED, DCN_SOURCE_IDX, DCN_SOURCE_CIFAR, DCN_SOURCE_CSV } dcn_source_kind;
typedef enum dcn_normalize_kind { DCN_NORMALIZE_TRAIN, DCN_NORMALIZE_NONE, DCN_NORMALIZE_GIVEN } dcn_normalize_kind;

typedef struct dcn_data_spec {
    const dcn_doc *doc;
    dcn_source_kind source_kind;
    const char *source;  /* the name, the folder or the file */
    dcn_csv_options csv; /* of a CSV table */
    int64_t validation;
    dcn_normalize_kind normalize;
    int32_t n_channels; /* GIVEN: 1, or one a channel */
    float *mean, *std;  /* GIVEN: [n_channels] */
    dcn_augment augment;
    uint64_t seed;
    bool allow_overlap;
} dcn_data_spec;

typedef struct dcn_model_spec {
    const char *name;
    const dcn_doc *doc; /* the layer list or the map */
    const char *zoo;    /* NULL: a layer list */
    int64_t classes, channels, hidden, hidden_layers;
    double dropout, input_dropout;
} dcn_model_spec;

typedef struct dcn_run_spec {
    const char *name;
    const dcn_doc *doc; /* after `like` was merged in */
    int32_t like;       /* the run it derives from, or DCN_NONE */
    int32_t model;
    int32_t teacher_run;      /* or DCN_NONE */
    const char *teacher_file; /* or NULL */
    int64_t epochs, batch;
    int64_t samples;         /* of the training split; 0: all */
    dcn_optimizer optimizer; /* with its schedule, clipping and weight averaging */
    dcn_term terms[DCN_MAX_TERMS];
    int32_t n_terms;
    uint64_t *seeds;
    int32_t n_seeds;
    bool select_best, drop_last;
    bool has_teacher_term;
    dcn_augment augment;
} dcn_run_spec;

typedef struct dcn_budget_spec {
    int32_t model; /* DCN_NONE: no budget */
    int64_t parameters;
    const dcn_doc *doc;
} dcn_budget_spec;

/* What callers outside know as decant_recipe. */
typedef struct decant_recipe {
    dcn_arena *arena;       /* everything below */
    const char *file;       /* as given, for messages */
    const char *source;     /* the file's text, as it was read */
    const char **overrides; /* [n_overrides] what was put on top of it */
    int32_t n_overrides;
    const char *name;
    dcn_doc *doc;
    dcn_data_spec data;
    dcn_model_spec *models;
    int32_t n_models;
    dcn_run_spec *runs; /* in the order of the file */
    int32_t n_runs;
    int32_t *order; /* [n_runs] a run stands after its teacher, else as in the file */
    dcn_budget_spec budget;
    const char *device;
    int32_t threads;
    int64_t teacher_cache; /* bytes; 0: off */
} dcn_experiment;

/* Reads a recipe from memory; overrides are "path=value". `name` is used in messages. Nothing but the text is looked
 * at, so this is the entry for fuzzing. USAGE or FORMAT with file:line:column. */
decant_status dcn_experiment_parse(const char *name, const char *text, size_t bytes, const char *const *overrides,
                                   int32_t n_overrides, dcn_experiment **ret_experiment);
decant_status dcn_experiment_read(const char *path, const char *const *overrides, int32_t n_overrides,
                                  dcn_experiment **ret_experiment);
void dcn_experiment_destroy(dcn_experiment *experiment); /* accepts NULL */

int32_t dcn_experiment_find_run(const dcn_experiment *experiment, const char *name);   /* DCN_NONE when absent */
int32_t dcn_experiment_find_model(const dcn_experiment *experiment, const char *name); /* DCN_NONE when absent */
/* The same by a name that a caller gave: USAGE with the nearest. */
decant_status dcn_experiment_need_model(const dcn_experiment *experiment, const char *name, int32_t *ret_model);
/* The run that a run is measured against: the one it is `like`, when that trains the same model, else the first other
 * run of the same model without a teacher. DCN_NONE: there is none, or the run has no teacher and is like none. */
int32_t dcn_experiment_baseline(const dcn_experiment *experiment, int32_t run);

/* --- for experiment.c: one file a part --- */
/* merge.c: every run's map with its `like` chain merged in, by index in the runs map. */
decant_status dcn_runs_merge(dcn_arena *arena, const dcn_doc *runs, const dcn_doc ***ret_merged);
/* parse_data.c */
decant_status dcn_data_parse(dcn_arena *arena, const dcn_doc *doc, dcn_data_spec *ret_data);
decant_status dcn_augment_parse(const dcn_doc *doc, dcn_augment *ret_augment);
/* parse_source.c: source_kind, source and csv */
decant_status dcn_source_parse(dcn_arena *arena, const dcn_doc *doc, dcn_data_spec *data);
/* parse_training.c */
decant_status dcn_optimizer_parse(const dcn_doc *doc, dcn_optimizer *ret_optimizer);
decant_status dcn_schedule_parse(const dcn_doc *doc, dcn_schedule *ret_schedule);
decant_status dcn_loss_parse(const dcn_doc *doc, dcn_term ret_terms[DCN_MAX_TERMS], int32_t *ret_count);
/* One word, or a map with one key: {adam: {...}}. ret_settings is NULL when there are none. */
decant_status dcn_choice_parse(const dcn_doc *doc, const char *what, const char *const *words, size_t n_words,
                               int32_t *ret_index, const dcn_doc **ret_settings);

#endif
