/* Models: a network with its weights and all that is needed to use it - loading, describing, evaluating and predicting.
 */
#ifndef DECANT_MODEL_H
#define DECANT_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "decant/dataset.h"
#include "decant/device.h"
#include "decant/graph.h"
#include "decant/status.h"
#include "decant/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

/** A network, its weights, its input normalisation and its class names. */
typedef struct decant_model decant_model;

/** Loads a model file (model.safetensors). The file alone is enough: it holds the network, the normalisation and the
 * class names.
 *
 *  path       a file written by decant.
 *  ret_model  freed with decant_model_destroy(); untouched on failure.
 *
 *  Errors: NOT_FOUND, IO, FORMAT (damaged, not written by decant, or a normalisation that does not fit the input),
 * NUMERIC (weights that are NaN or infinite), SHAPE (more outputs than can be counted), NO_MEMORY.
 */
DECANT_MUST_USE decant_status decant_model_load(const char *path, decant_model **ret_model);

/** Writes a model file. It appears whole or not at all.
 *
 *  model  stays as it is.
 *  path   of the file, which is replaced where there is one; its folder must be there. A link stays and leads to it.
 *
 *  Errors: NOT_FOUND (no such folder), USAGE (a device or a pipe stands there), IO, NO_MEMORY.
 */
DECANT_MUST_USE decant_status decant_model_save(const decant_model *model, const char *path);

/** A network of the zoo with random weights (of seed 0), for its own usual input.
 *
 *  name       "resnet50", "wrn-16-2", ...; see decant_zoo_name().
 *  classes    outputs; 0: the network's usual number.
 *  channels   input channels; 0: the network's usual number.
 *  ret_model  freed with decant_model_destroy(); untouched on failure.
 *
 *  Errors: NOT_FOUND (the message names the nearest), INVALID_ARG, SHAPE, NO_MEMORY.
 */
DECANT_MUST_USE decant_status decant_model_from_zoo(const char *name, int64_t classes, int64_t channels,
                                                    decant_model **ret_model);

/** A model of a network that was built with decant/graph.h: PyTorch's default initial weights, no normalisation and
 * no class names; decant_train() brings those.
 *
 *  graph      taken over, also on failure: the model's, never to be used or destroyed again. It needs an input,
 *             and an output of [1, classes] (or [1, 1], the logit of the second of two classes) that
 *             decant_graph_set_output() named.
 *  seed       decides the weights.
 *  ret_model  freed with decant_model_destroy(); untouched on failure.
 *
 *  Errors: INVALID_ARG (no graph, input or output), SHAPE (the output is not a row of logits), NO_MEMORY.
 */
DECANT_MUST_USE decant_status decant_model_from_graph(decant_graph *graph, uint64_t seed, decant_model **ret_model);

/** Number of entries of the zoo. */
int32_t decant_zoo_count(void);

/** Name of an entry, "wrn-DEPTH-WIDTH" for a family; NULL when index is out of range. Static storage. */
const char *decant_zoo_name(int32_t index);

/** Frees a model; accepts NULL. */
void decant_model_destroy(decant_model *model);

/** Number of classes: as many as outputs, but two for a network with a single logit, which says the second where it is
 * above 0. */
int32_t decant_model_class_count(const decant_model *model);

/** Name of a class, or NULL when the model knows none or index is out of range. The model's memory. */
const char *decant_model_class_name(const decant_model *model, int32_t index);

/** What inputs are normalised by: (x - mean) / std, of bytes scaled to 0 to 1, of floats as they are.
 *
 *  ret_mean, ret_std  [the number returned]; the model's memory.
 *
 *  Returns how many there are: one a channel or feature, 1 for the same for all, 0 where nothing is normalised.
 */
int32_t decant_model_normalization(const decant_model *model, const float **ret_mean, const float **ret_std);

/** Shape of one input sample: [channels, height, width] or [features]. */
decant_shape decant_model_input_shape(const decant_model *model);

/** What the model file says beside the weights: "recipe", "run", "seed", "epochs", "data_hash", ... NULL when it says
 * nothing. The model's memory. */
const char *decant_model_metadata(const decant_model *model, const char *key);

/* --- what it is made of --- */

/** A model in numbers, for one sample where it matters. */
typedef struct {
    decant_layer_info *layers; /**< [n_layers]; texts are the model's memory */
    int32_t n_layers;
    int64_t parameters, trainable; /**< running statistics are no parameters, as in PyTorch */
    int64_t mult_adds;
    int64_t deployed_parameters,
        deployed_mult_adds;                /**< with linear bottlenecks folded, as a finished run hands it over */
    int64_t input_bytes, activation_bytes; /**< f32; all layers' outputs together */
    int64_t weight_bytes;                  /**< f32, running statistics included */
} decant_model_summary;

/** Describes a model layer by layer.
 *
 *  ret_summary  freed with decant_model_summary_destroy(), before the model; untouched on failure.
 *
 *  Errors: NO_MEMORY.
 */
DECANT_MUST_USE decant_status decant_model_summarize(const decant_model *model, decant_model_summary **ret_summary);

/** Frees a summary; accepts NULL. */
void decant_model_summary_destroy(decant_model_summary *summary);

/** One step of a plan. Texts are the plan's memory. */
typedef struct {
    const char *op;
    const char *layer;     /**< NULL for a step that belongs to none */
    const char *kernel;    /**< what the device runs for it, in its own words */
    const char *layout;    /**< how the first thing it writes lies in memory, in the device's words: "plain", "nhwc" */
    const char *precision; /**< what it computes from: "f32" or "bf16" */
    decant_shape shape;    /**< of what it writes */
    size_t bytes;          /**< read and written, of the whole batch */
    double flops;          /**< floating-point operations of the whole batch; a multiply-add is two */
} decant_plan_step;

/** Everything that one run of a batch does, in order, and the memory it takes: known before the first one runs. */
typedef struct {
    decant_plan_step *steps; /**< [n_steps] */
    int32_t n_steps;
    int64_t batch;
    bool training;
    const char *run;     /**< whose training step it is; NULL otherwise */
    bool has_teacher;    /**< the run has one; */
    bool teacher_cached; /**< its answers are looked up: it runs before an epoch, for those not known yet, in no step */
    double flops;
    size_t parameter_bytes, gradient_bytes, optimizer_bytes, state_bytes, activation_bytes, scratch_bytes, total_bytes;
} decant_plan_listing;

/** The plan of inference with a model, as predictors and evaluation run it: batch normalisation is folded into the
 * layer before it where that can be.
 *
 *  compute   where; NULL for the default.
 *  batch     samples in a batch, at least 1.
 *  ret_plan  freed with decant_plan_listing_destroy(); untouched on failure.
 *
 *  Errors: INVALID_ARG, NOT_FOUND (device), UNSUPPORTED, NO_MEMORY.
 */
DECANT_MUST_USE decant_status decant_model_plan(const decant_model *model, const decant_compute *compute, int64_t batch,
                                                decant_plan_listing **ret_plan);

/** Frees a listing; accepts NULL. */
void decant_plan_listing_destroy(decant_plan_listing *plan);

/* --- using it --- */

/** Equally wide bins of confidence, which is the probability of the class that is answered. */
#define DECANT_CALIBRATION_BINS 15

/** The samples answered with a confidence in (i / 15, (i + 1) / 15], i being the bin's index. */
typedef struct {
    int64_t count;
    double confidence, accuracy; /**< means over them; 0 where there are none */
} decant_confidence_bin;

/** Whether confidence can be believed: of the answers given with 80 %, are 80 % right? */
typedef struct {
    double error;      /**< expected calibration error (Guo et al. 2017): mean over samples of their bin's |accuracy -
                          confidence| */
    double confidence; /**< mean over samples */
    decant_confidence_bin bins[DECANT_CALIBRATION_BINS];
} decant_calibration;

/** How like its teacher a student answers (Stanton et al. 2021). */
typedef struct {
    double agreement;  /**< share of the samples for which both answer the same class */
    double divergence; /**< mean KL(teacher || student) of their probabilities at temperature 1, in nats; 0: the same */
    /** Of the teacher (an ensemble's mean answer) on these samples. NAN where none of them has a label, and in a result
     * of an older decant, which did not say; the errors are 0 then. */
    double teacher_accuracy;
    int64_t teacher_errors;
} decant_fidelity;

/** What a model's probabilities are like on some samples. */
typedef struct {
    bool known; /**< false: nobody looked, and the rest is zero */
    decant_calibration calibration;
    bool has_teacher;
    decant_fidelity fidelity; /**< zero without a teacher */
} decant_measures;

/** How a model does on labelled samples. */
typedef struct {
    int64_t count, errors;
    double accuracy;
    double loss; /**< mean cross-entropy */
    int32_t n_classes;
    int64_t *confusion; /**< [n_classes, n_classes]: row is the truth, column the prediction */
    decant_measures measures;
} decant_evaluation;

/** Evaluates a model on one part of a data set.
 *
 *  compute         where; NULL for the default.
 *  dataset         of the model's sample shape and number of classes.
 *  part            which samples.
 *  ret_evaluation  freed with decant_evaluation_destroy(); untouched on failure.
 *
 *  Errors: SHAPE (the data does not fit the model), INVALID_ARG (the part is empty or has no labels, or its classes are
 * the model's in another order), NUMERIC (an output is not finite), NOT_FOUND (device), NO_MEMORY.
 */
DECANT_MUST_USE decant_status decant_model_evaluate(const decant_model *model, const decant_compute *compute,
                                                    const decant_dataset *dataset, decant_part part,
                                                    decant_evaluation **ret_evaluation);

/** The same beside a teacher: the measures then say how like it the model answers.
 *
 *  teacher  of the model's sample shape and number of classes; it is given the same samples, normalised its own way.
 *           NULL: nobody stands beside it.
 *
 *  Errors: those of decant_model_evaluate(), and SHAPE where the teacher does not fit.
 */
DECANT_MUST_USE decant_status decant_model_evaluate_beside(const decant_model *model, const decant_model *teacher,
                                                           const decant_compute *compute, const decant_dataset *dataset,
                                                           decant_part part, decant_evaluation **ret_evaluation);

/** Opens data as a model takes it: a table, a folder of pictures or arrays of NumPy are read as those that the model
 * was trained on, everything else as decant_dataset_open() does. What it was trained on, a copy of it, or the same
 * samples in another format, is cut into training and test parts as it was then; of others, what has no parts is the
 * test part as a whole.
 *
 *  source       a known name, a folder, a CSV file (plain or gzip) for a model that was trained on a table, or a .npz
 * file.
 *  ret_dataset  freed with decant_dataset_destroy(); untouched on failure.
 *
 *  Errors: NOT_FOUND, FORMAT (with the place: a row of another width, an unknown category or class, text for a number,
 * a picture of another size, a damaged file, samples on another scale than those that it was trained on), USAGE (a
 * column is missing), SHAPE, STALE (the files that it was trained on have changed and had been cut into parts, or their
 * samples stand in another order), IO, NO_MEMORY.
 */
DECANT_MUST_USE decant_status decant_model_open_data(const decant_model *model, const char *source,
                                                     decant_dataset **ret_dataset);

/** Opens samples of a file of inputs for a model, as the test part: raw rows of a CSV file for a model that was trained
 * on a table (with labels when the target's column is there and each of these rows holds one of the classes in it), one
 * picture, or a .npy array or an IDX file with one sample or many. Pictures are converted and resized where the model's
 * training pictures were. Of a plain array no more is read than what is asked for.
 *
 *  path          .csv, .csv.gz, .npy, .png, .jpg, .jpeg, or else an IDX file of bytes, plain or gzip.
 *  first, count  samples first ... first + count - 1 of the file, which become 0 ... count - 1; count 0: all from the
 *                first on.
 *  ret_dataset   freed with decant_dataset_destroy(); untouched on failure.
 *
 *  Errors: INVALID_ARG (rows for a model that was trained on something else, a negative range), USAGE (the file holds
 * fewer samples), FORMAT (another kind of file), and those of decant_model_open_data().
 */
DECANT_MUST_USE decant_status decant_model_open_inputs(const decant_model *model, const char *path, int64_t first,
                                                       int64_t count, decant_dataset **ret_dataset);

/** Frees an evaluation; accepts NULL. */
void decant_evaluation_destroy(decant_evaluation *evaluation);

/** Classifies samples, once: to do so again and again, see decant/predictor.h.
 *
 *  compute            where; NULL for the default.
 *  inputs             [n, sample...] of u8 (0 to 255) or f32 (for images in [0, 1]); the model normalises them.
 *  ret_probabilities  [n, classes] caller's memory; untouched on failure.
 *
 *  Errors: SHAPE (not the model's input), INVALID_ARG (dtype), NUMERIC (an input or an output is not finite),
 * NOT_FOUND (device), NO_MEMORY.
 */
DECANT_MUST_USE decant_status decant_model_predict(const decant_model *model, const decant_compute *compute,
                                                   const decant_tensor *inputs, float *ret_probabilities);

#ifdef __cplusplus
}
#endif
#endif
