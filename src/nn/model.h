/* A model: a graph, its weights in host memory under PyTorch's names and layouts, and what must travel with it. */
#ifndef DCN_NN_MODEL_H
#define DCN_NN_MODEL_H

#include "base/hash.h"
#include "graph/graph.h"

/* Statistics of the training split, applied to inputs scaled to [0,1] for byte data (raw values for float data): (x -
 * mean) / std. */
typedef struct dcn_normalization {
    int32_t channels;  /* 0: none; 1: the same for all; else one a channel (or feature) */
    float *mean, *std; /* [channels], owned by the model */
} dcn_normalization;

typedef struct dcn_metadata {
    char *key, *value;
} dcn_metadata;

typedef struct decant_model {
    dcn_graph *graph;
    float **data; /* [graph->n_values]; plain f32 for parameters and states, NULL otherwise */
    dcn_normalization normalization;
    int32_t n_outputs;  /* logits of a sample */
    int32_t n_classes;  /* as many, but two for a single logit: class 1 where it is above 0 */
    char **class_names; /* [n_classes] or NULL */
    dcn_metadata
        *metadata; /* free-form strings: "recipe", "recipe_hash", "data_hash", "run", "seed", "epochs", "steps", ... */
    int32_t n_metadata;
} decant_model;

/* Takes the graph over (also on failure). Weights are zero, running_var one: call dcn_model_init. */
decant_status dcn_model_create(dcn_graph *graph, decant_model **ret_model);
void dcn_model_destroy(decant_model *model);
decant_status dcn_model_clone(const decant_model *model, decant_model **ret_model);
/* Normalisation, class names and metadata. */
decant_status dcn_model_copy_facts(const decant_model *from, decant_model *to);
/* Fresh weights as graph->init says (nn/init.c); batchnorm gets ones and zeros. A function of the seed and the graph
 * alone. */
void dcn_model_init(decant_model *model, uint64_t seed);
/* Copies the arrays of the graph's values, as in decant_model.data, that both sides have. Both are indexed by its ids;
 * either may have more. */
void dcn_weights_copy(const dcn_graph *graph, float *const *from, float **to);
decant_status dcn_model_set_metadata(decant_model *model, const char *key, const char *value);
void dcn_model_clear_metadata(decant_model *model);
#define DCN_TABLE_METADATA "table" /* the encoder of the table that the model was trained on */
#define DCN_FILES_METADATA "files" /* how the pictures or arrays that it was trained on were read */
/* The one or the other; text NULL: neither. */
decant_status dcn_model_set_reading(decant_model *model, bool is_table, const char *text);
const char *dcn_model_metadata(const decant_model *model, const char *key); /* NULL when absent */
/* One channel (the same for all), or as many as the input has (features, where it is no image); deviations above 0;
 * else INVALID_ARG. Readers rely on it. */
decant_status dcn_model_set_normalization(decant_model *model, int32_t channels, const float *mean, const float *std);
/* Copies model->n_classes names; NULL leaves the model without. */
decant_status dcn_model_set_class_names(decant_model *model, const char *const *names);
bool dcn_normalization_equal(const dcn_normalization *a, const dcn_normalization *b); /* to the bit */
/* Of all that decides what the model computes and how it trains: the network with every attribute (a dropout rate, a
 * batchnorm momentum), the weights and the normalisation. Names of classes and metadata are left out. */
decant_status dcn_model_hash(const decant_model *model, dcn_hash *ret_hash);
/* Whether every array of weights (as decant_model.data) holds numbers only; else the name of the first that does not.
 */
bool dcn_weights_finite(const dcn_graph *graph, float *const *weights, const char **ret_bad_name);

/* The same function of the same input at inference, in fewer layers (nn/fold.c): batchnorm is folded into the
 * convolution or linear layer before it, repeated channels into the convolution behind them, dropout is left out. Equal
 * up to rounding: what is folded is worked out in double.
 *   keep     [n_keep] values that somebody reads, which are not folded away.
 *   ret_map  [model->graph->n_values] the folded model's value of each value; DCN_NONE where folded away. dcn_free.
 *            May be NULL. */
decant_status dcn_model_fold(const decant_model *model, const dcn_value_id *keep, int32_t n_keep,
                             decant_model **ret_folded, dcn_value_id **ret_map);

/* The model with its answer made longer: the logits, then the given values of its graph, flattened, in one row. For
 * asking only: class names and metadata are left behind (nn/tapped.c). */
#define DCN_MAX_TAPPED (DCN_MAX_INPUTS - 1)
decant_status dcn_model_tapped(const decant_model *model, const dcn_value_id *taps, int32_t n_taps,
                               decant_model **ret_model);

/* model.safetensors: see nn/model_file.c for the metadata keys. Saving is atomic. Loading checks shapes and the
 * fingerprint. */
decant_status dcn_model_save(const decant_model *model, const char *path);
decant_status dcn_model_load(const char *path, decant_model **ret_model);
/* With the hash of the very bytes that were read: a file of that name may be replaced at any time. */
decant_status dcn_model_load_hashed(const char *path, dcn_hash *ret_hash, decant_model **ret_model);

#endif
