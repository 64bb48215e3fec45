/* Data sets of the user's own pictures and arrays: folders of PNG and JPEG files, NumPy's .npz and .npy. How they were
 * read travels in the model file, so that later files are read as the training files were. */
#ifndef DCN_DATA_FILES_H
#define DCN_DATA_FILES_H

#include "data/dataset.h"
#include "data/split.h"

typedef enum dcn_files_format { DCN_FILES_IMAGES, DCN_FILES_ARRAYS } dcn_files_format;

/* Where the channels of an array stand. */
typedef enum dcn_axes { DCN_AXES_AUTO, DCN_AXES_NCHW, DCN_AXES_NHWC } dcn_axes;

enum { DCN_X_TRAIN, DCN_Y_TRAIN, DCN_X_TEST, DCN_Y_TEST, DCN_X_UNLABELLED, DCN_N_ARRAYS };
extern const char *const dcn_array_names[DCN_N_ARRAYS]; /* what they are called where nothing is said */

typedef struct dcn_files_options {
    dcn_files_format format;
    const char *path; /* looked for as dcn_source_locate says */
    double test;      /* share of the training samples that becomes the test part, where there is none */
    uint64_t seed;
    /* images */
    int32_t channels;      /* every picture is converted to so many; 0: all must have the first one's */
    int32_t height, width; /* every picture is resized to this; 0: all must have the first one's size */
    /* arrays */
    const char *names[DCN_N_ARRAYS]; /* NULL: as above, and only where it is there */
    dcn_axes axes;
    /* of a model: */
    bool floats;                                      /* it was trained on floats, whatever their range, */
    bool other_scale;                                 /* which was not that of bytes, 0 to 1 */
    char content[DCN_HASH_HEX], tested[DCN_HASH_HEX]; /* what its labelled samples were, and those of its test part, in
                                                         whatever order; "" where the file does not say */
} dcn_files_options;

/* What a model takes, when files are read for it and not for training. */
typedef struct dcn_files_model {
    decant_shape sample;
    int32_t n_classes;
    char *const *class_names; /* NULL: numbers */
} dcn_files_model;

/* Opens a data set for training (model NULL) or for a model: its shape and its classes then stand for the first
 * picture's and the folders', and what is not cut into parts is the test part as a whole. FORMAT with the file that is
 * odd, NOT_FOUND, IO, NO_MEMORY. */
decant_status dcn_files_open(const dcn_files_options *options, const dcn_files_model *model,
                             decant_dataset **ret_dataset);
/* One picture, or samples first ... first + count - 1 (count 0: all that follow) of a .npy array or an IDX file of
 * bytes with one or many, as the test part without labels. `options` say how the training files were read; NULL:
 * nothing is known. */
decant_status dcn_files_open_inputs(const char *path, const dcn_files_options *options, const dcn_files_model *model,
                                    int64_t first, int64_t count, decant_dataset **ret_dataset);

/* Whether a path looks like one: by its ending, or a folder by what is in it. */
bool dcn_files_is_image(const char *path);
bool dcn_files_is_array(const char *path);
decant_status dcn_files_recognize(const char *path, bool *ret_known, dcn_files_format *ret_format);

/* What a data set's labelled samples are to a model that says what it learnt from, wherever they lie. */
typedef enum dcn_files_relation {
    DCN_FILES_OTHERS,     /* none that it knows; or it does not say */
    DCN_FILES_AS_TRAINED, /* the same, and parted as then */
    DCN_FILES_LEARNT,     /* the same, parted otherwise; or those alone that it learnt from */
} dcn_files_relation;
dcn_files_relation dcn_files_compare(const dcn_files_options *model, const decant_dataset *dataset);

/* For the model file. Texts of the options that are read live in the arena. */
decant_status dcn_files_to_json(const dcn_files_options *options, const decant_dataset *dataset, char **ret_text);
decant_status dcn_files_from_json(dcn_arena *arena, const char *text, dcn_files_options *ret_options);

/* --- for files.c: one file a format --- */
decant_status dcn_images_open(const dcn_files_options *options, const dcn_files_model *model,
                              decant_dataset **ret_dataset);
decant_status dcn_images_open_input(const char *path, const dcn_files_options *options, const dcn_files_model *model,
                                    decant_dataset **ret_dataset);
decant_status dcn_arrays_open_npz(const dcn_files_options *options, const dcn_files_model *model,
                                  decant_dataset **ret_dataset);
decant_status dcn_arrays_open_input(const char *path, const dcn_files_options *options, const dcn_files_model *model,
                                    int64_t first, int64_t count, decant_dataset **ret_dataset);
/* Every class has a training sample, and another one where samples were taken from them for the test. `what` they are
 * ("image") is said in the failure. */
decant_status dcn_files_check_classes(const int32_t *labels, int64_t count, const dcn_parts *parts, int32_t n_classes,
                                      char *const *class_names, const char *what);

#endif
