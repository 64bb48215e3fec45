/* A recipe that has been read and checked: plain structs with every default filled in. Nothing here has touched a data
 * set or a weight. */
#ifndef DCN_RECIPE_EXPERIMENT_H
#define DCN_RECIPE_EXPERIMENT_H

#include "data/csv_dataset.h"
#include "data/files.h"
#include "data/loader.h"
#include "decant/compress.h"
#include "distill/term.h"
#include "format/document.h"
#include "nn/ensemble.h"
#include "optim/optimizer.h"
#include "recipe/schema.h"
#include "train/train.h"

#define DCN_MAX_SEEDS  100
#define DCN_MAX_RUNS   256
#define DCN_MAX_MODELS 256

typedef enum dcn_source_kind {
    DCN_SOURCE_NAMED,
    DCN_SOURCE_IDX,
    DCN_SOURCE_CIFAR,
    DCN_SOURCE_CSV,
    DCN_SOURCE_FILES
} dcn_source_kind;
typedef enum dcn_normalize_kind { DCN_NORMALIZE_TRAIN, DCN_NORMALIZE_NONE, DCN_NORMALIZE_GIVEN } dcn_normalize_kind;

typedef struct dcn_data_spec {
    const dcn_doc *doc;
    dcn_source_kind source_kind;
    const char *source;      /* the name, the folder or the file */
    dcn_csv_options csv;     /* of a CSV table */
    dcn_files_options files; /* of pictures and arrays */
    int64_t validation;
    double unlabelled; /* samples of the training part whose labels are taken away; below 1: the share; 0: none */
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

typedef enum dcn_start_kind { DCN_START_FRESH, DCN_START_INIT, DCN_START_PRUNE } dcn_start_kind;

/* What a run's network and weights are at the start (run/start.h makes them). */
typedef struct dcn_start_spec {
    dcn_start_kind kind;
    const dcn_doc *doc;         /* of `init` or `prune`; NULL: fresh */
    int32_t run;                /* whose trained model it starts from, or DCN_NONE */
    const char *file;           /* or NULL */
    decant_prune_options prune; /* PRUNE; the seed is the run's, the data the recipe's */
    bool fresh_weights;         /* PRUNE: the shape of the pruned network alone, with weights of its own */
} dcn_start_spec;

/* What a run makes of the unlabelled pool. */
typedef enum dcn_pool_use { DCN_POOL_NONE, DCN_POOL_ALSO, DCN_POOL_ONLY } dcn_pool_use;

/* Which of the data set's samples a run trains on (run/transfer.h makes the list). */
typedef struct dcn_transfer_spec {
    const dcn_doc *doc;              /* NULL: the training split with its labels */
    const dcn_doc *leave_out, *keep; /* a class or a list of them; at most one is not NULL */
    dcn_pool_use pool;
    bool labels; /* false: nothing reads the labels of what is trained on */
} dcn_transfer_spec;

typedef enum dcn_correction_kind {
    DCN_CORRECT_NOT,
    DCN_CORRECT_FREQUENCIES,
    DCN_CORRECT_VALIDATION
} dcn_correction_kind;

/* How the biases of the trained model's output are corrected (run/correct.h does it). */
typedef struct dcn_correction_spec {
    const dcn_doc *doc;
    dcn_correction_kind kind;
    const dcn_doc *classes; /* that share one offset; NULL: those that the transfer set lacks, or each its own */
    bool each;              /* each its own, said so */
} dcn_correction_spec;

/* Which seeds of a run teach a student of one seed. */
typedef enum dcn_teacher_seeds {
    DCN_TEACHER_OWN, /* the student's, or the run's only one */
    DCN_TEACHER_ALL,
    DCN_TEACHER_ONE, /* the same for every student */
} dcn_teacher_seeds;

/* Whom a run listens to. */
typedef struct dcn_teacher_spec {
    int32_t run;      /* or DCN_NONE */
    const char *file; /* or NULL */
    dcn_teacher_seeds seeds;
    uint64_t seed; /* of DCN_TEACHER_ONE */
} dcn_teacher_spec;

typedef struct dcn_run_spec {
    const char *name;
    const dcn_doc *doc; /* after `like` was merged in */
    int32_t like;       /* the run it derives from, or DCN_NONE */
    int32_t model;      /* that it trains, or whose pruned form it trains */
    dcn_start_spec start;
    dcn_teacher_spec *teachers; /* [n_teachers]; none for a run without */
    int32_t n_teachers;
    bool is_ensemble; /* several teachers, or several seeds of one */
    dcn_average average;
    const char *teacher_name; /* all of them, for people; NULL without */
    int64_t epochs, batch;
    int64_t samples;         /* of the training split; 0: all */
    dcn_optimizer optimizer; /* with its schedule, clipping and weight averaging */
    dcn_term terms[DCN_MAX_TERMS];
    int32_t n_terms;
    uint64_t *seeds;
    int32_t n_seeds;
    bool select_best, drop_last;
    decant_precision precision;
    bool has_teacher_term;
    dcn_augment augment;
    dcn_transfer_spec transfer;
    dcn_correction_spec correction;
} dcn_run_spec;

/* The seed of a run that another run of `seed` needs: the same, or its only one. */
static inline uint64_t dcn_own_seed(const dcn_run_spec *needed, uint64_t seed)
{
    return needed->n_seeds > 1 ? seed : needed->seeds[0];
}

typedef struct dcn_budget_spec {
    bool *of_model;                /* [n_models] that must keep it; all false: a run's, or there is none */
    int32_t run;                   /* or DCN_NONE */
    int64_t parameters, mult_adds; /* 0: no limit */
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
    decant_precision precision; /* of runs that do not say */
    int64_t teacher_cache;      /* bytes; 0: off */
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
decant_status dcn_experiment_need_run(const dcn_experiment *experiment, const char *name, int32_t *ret_run);
/* The run that a run is measured against: the one it is `like`, when that trains the same model, else the first other
 * run of the same model without a teacher. DCN_NONE: there is none, or the run has no teacher and is like none. */
int32_t dcn_experiment_baseline(const dcn_experiment *experiment, int32_t run);

/* The run that pruned the network which a run trains: itself, or the one that it starts from; DCN_NONE when its network
 * is its model as the recipe has it. */
int32_t dcn_experiment_pruned(const dcn_experiment *experiment, int32_t run);
/* Whether two runs train the same network. Pruned alike, networks count as the same though their weights, and so
 * perhaps their layers, differ from seed to seed. */
bool dcn_experiment_same_network(const dcn_experiment *experiment, int32_t a, int32_t b);

#endif
