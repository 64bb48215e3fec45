/* Data sets: where they come from, what is in them, and whether they can be trusted. */
#ifndef DECANT_DATASET_H
#define DECANT_DATASET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "decant/status.h"
#include "decant/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Samples with labels, a training and a test part, held in memory. Never changed once made, so threads may share one.
 */
typedef struct decant_dataset decant_dataset;

/** The two parts that a data set is published in. Validation samples are taken from the training part, never from the
 * test part. */
typedef enum { DECANT_PART_TRAIN, DECANT_PART_TEST } decant_part;

/* --- where it comes from --- */

/** Opens a data set by name ("fashion-mnist"; see decant_source_list()), from a folder with IDX or CIFAR files, with
 * pictures (train/CLASS, test/CLASS, or CLASS: then there is no test part) or with arrays of NumPy (x_train.npy, ...),
 * or from a .npz archive.
 *
 *  source       a known name, or a path: whatever holds a '/' or is no known name but exists.
 *  ret_dataset  freed with decant_dataset_destroy(); untouched on failure.
 *
 *  Errors: NOT_FOUND (the message says where it looked and how to get it), FORMAT (damaged files), IO, NO_MEMORY.
 */
DECANT_MUST_USE decant_status decant_dataset_open(const char *source, decant_dataset **ret_dataset);

/** Opens a folder with the four files of an IDX data set under MNIST's names, plain or gzip.
 *
 *  path         the folder with train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte and
 *               t10k-labels-idx1-ubyte, each with or without ".gz".
 *  ret_dataset  freed with decant_dataset_destroy(); untouched on failure. Classes are counted from the training
 *               labels.
 *
 *  Errors: NOT_FOUND, FORMAT (damaged files, images without labels, a test label that no training sample has), IO,
 * NO_MEMORY.
 */
DECANT_MUST_USE decant_status decant_dataset_open_idx(const char *path, decant_dataset **ret_dataset);

/** Opens a folder with CIFAR-10's binary files.
 *
 *  path         the folder with data_batch_1.bin to data_batch_5.bin and test_batch.bin, or the one above
 *               cifar-10-batches-bin.
 *  ret_dataset  freed with decant_dataset_destroy(); untouched on failure.
 *
 *  Errors: NOT_FOUND, FORMAT (cut short, label above 9, batches of unequal length), IO, NO_MEMORY.
 */
DECANT_MUST_USE decant_status decant_dataset_open_cifar(const char *path, decant_dataset **ret_dataset);

/** Makes a data set of the caller's arrays, which are copied.
 *
 *  name          for messages and reports.
 *  sample        shape of one sample: [channels, height, width] or [features].
 *  dtype         DECANT_U8 (values 0..255 that stand for 0..1) or DECANT_F32 (finite).
 *  classes       number of classes, at least 1.
 *  train, test   [n_train, sample...] and [n_test, sample...] row-major; NULL when empty.
 *  ..._labels    [n_train] and [n_test] in 0..classes-1; NULL: unlabelled.
 *  ret_dataset   freed with decant_dataset_destroy(); untouched on failure.
 *
 *  Errors: INVALID_ARG (rank, dtype, counts), FORMAT (a label outside its range), NUMERIC (NaN or infinity; names
 * sample and feature), NO_MEMORY.
 */
DECANT_MUST_USE decant_status decant_dataset_from_arrays(const char *name, const decant_shape *sample,
                                                         decant_dtype dtype, int32_t classes, const void *train,
                                                         const int32_t *train_labels, int64_t n_train, const void *test,
                                                         const int32_t *test_labels, int64_t n_test,
                                                         decant_dataset **ret_dataset);

/** Frees a data set; accepts NULL. */
void decant_dataset_destroy(decant_dataset *dataset);

/* --- what is in it --- */

/** Its name, or the folder it came from. The data set's memory. */
const char *decant_dataset_name(const decant_dataset *dataset);

/** Number of samples in a part, those without a label included. */
int64_t decant_dataset_count(const decant_dataset *dataset, decant_part part);

/** Shape of one sample: [channels, height, width] or [features]. */
decant_shape decant_dataset_sample_shape(const decant_dataset *dataset);

/** Type of the samples: DECANT_U8 or DECANT_F32. Both parts have the same. */
decant_dtype decant_dataset_dtype(const decant_dataset *dataset);

/** Number of classes. */
int32_t decant_dataset_class_count(const decant_dataset *dataset);

/** Name of a class, or NULL when the data set has none or index is out of range. The data set's memory. */
const char *decant_dataset_class_name(const decant_dataset *dataset, int32_t index);

/** Content hash of all samples and labels: equal hashes mean equal data.
 *
 *  ret_hex  32 hexadecimal digits and a NUL.
 */
void decant_dataset_hash(const decant_dataset *dataset, char ret_hex[33]);

/** One sample.
 *
 *  index       0 .. count-1 of the part.
 *  ret_sample  a read-only view of the data set's memory, or NULL.
 *  ret_label   its class, -1 when unlabelled, or NULL.
 *
 *  Errors: INVALID_ARG (index).
 */
DECANT_MUST_USE decant_status decant_dataset_sample(const decant_dataset *dataset, decant_part part, int64_t index,
                                                    decant_tensor *ret_sample, int32_t *ret_label);

/* --- whether it can be trusted --- */

/** What decant_dataset_check() counted. */
typedef struct {
    int64_t train, validation, test;  /**< samples in each split */
    int64_t unlabelled;               /**< samples of the training part without a label, in none of these */
    int32_t classes;                  /**< length of the arrays below */
    int64_t *train_per_class;         /**< [classes]; all zero when unlabelled */
    int64_t *validation_per_class;    /**< [classes] */
    int64_t *test_per_class;          /**< [classes] */
    double majority;                  /**< test accuracy of always answering the commonest training class, or NAN */
    int64_t duplicates_within_train;  /**< training samples whose bytes already stand earlier in training */
    int64_t train_in_validation;      /**< validation samples whose bytes also stand in training */
    int64_t train_in_test;            /**< test samples whose bytes also stand in training */
    int64_t validation_in_test;       /**< test samples whose bytes also stand in validation */
    int64_t unlabelled_in_validation; /**< unlabelled samples whose bytes also stand in validation */
    int64_t unlabelled_in_test;       /**< test samples whose bytes also stand among the unlabelled */
} decant_dataset_report;

/** Counts classes and looks for samples that stand in more than one split.
 *
 *  validation  samples to hold out of the training part, as a recipe's `validation` does; 0: none.
 *  seed        of the split.
 *  ret_report  freed with decant_dataset_report_finish(); untouched on failure.
 *
 *  Errors: INVALID_ARG (validation outside 0 .. training samples - 1), NO_MEMORY.
 */
DECANT_MUST_USE decant_status decant_dataset_check(const decant_dataset *dataset, int64_t validation, uint64_t seed,
                                                   decant_dataset_report *ret_report);

/** Frees what a report holds; accepts NULL and zeroed reports. */
void decant_dataset_report_finish(decant_dataset_report *report);

/* --- known data sets --- */

/** A data set that decant knows by name. */
typedef struct {
    const char *name;        /**< as decant_dataset_open() takes it */
    const char *description; /**< one line */
    const char *how_to_get;  /**< what to do when it is not there */
    char *path;              /**< the folder it was found in; NULL: not found */
    char *looked_in;         /**< the folders that are searched for it, in their order, ", " between them */
} decant_source;

/** All known data sets, and where each is on this machine.
 *
 *  ret_sources  [*ret_count], freed with decant_source_list_free(); untouched on failure.
 *
 *  Errors: NO_MEMORY.
 */
DECANT_MUST_USE decant_status decant_source_list(decant_source **ret_sources, int32_t *ret_count);

/** Frees a list of decant_source_list(); accepts NULL. */
void decant_source_list_free(decant_source *sources, int32_t count);

/** How a data set is fetched; zeroed: from the known mirrors, silently. */
typedef struct {
    const char *mirror; /**< only from here: the URL of the folder that holds the files; NULL: the known ones in turn */
    /** Told now and then about the file in hand; total is 0 while it is not known. False stops. NULL: nobody is. */
    bool (*progress)(void *context, const char *file, int64_t done, int64_t total);
    void *context; /**< for progress */
} decant_get_options;

/** Fetches a known data set over HTTP into $DECANT_DATA/NAME, or ${XDG_DATA_HOME:-~/.local/share}/decant/NAME. Files
 * that are there and sound are left alone; what a stop half-way leaves is continued by the next call; every file is
 * checked against its published SHA-256 before it gets its name.
 *
 *  name      "fashion-mnist", "mnist" or "cifar10".
 *  options   NULL: all zero.
 *  ret_path  the folder, freed with decant_text_free(); untouched on failure. May be NULL.
 *
 *  Errors: NOT_FOUND (no such name, or no home), IO (no mirror could give a file: the message has each one's reason),
 * UNSUPPORTED (libcurl is not installed), STALE (another process is fetching it), INTERRUPTED (progress said so),
 * NO_MEMORY.
 */
DECANT_MUST_USE decant_status decant_source_get(const char *name, const decant_get_options *options, char **ret_path);

#ifdef __cplusplus
}
#endif
#endif
