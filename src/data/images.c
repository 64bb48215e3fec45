/* Folders of pictures as data sets: PATH/train/CLASS and PATH/test/CLASS, or PATH/CLASS cut into parts by the recipe.
 * Folders and files are taken in the order of their bytes, so that the same folder is always the same data set. */
#include <inttypes.h>
#include <string.h>
#include <strings.h>

#include "base/characters.h"
#include "base/file.h"
#include "base/folder.h"
#include "base/text.h"
#include "data/files.h"
#include "data/split.h"
#include "data/threads.h"
#include "format/image.h"

#define MAX_FILE_BYTES ((size_t)256 << 20)

typedef struct image_file {
    char *path;
    int32_t class; /* DCN_NO_LABEL: of the pool */
} image_file;

typedef struct image_list {
    image_file *items;
    int32_t count, capacity;
} image_list;

/* What every picture must be, or is made. */
typedef struct image_form {
    int32_t channels, height, width;
    bool converts, resizes;
    bool is_first;     /* it is the first picture's */
    const char *whose; /* for messages */
} image_form;

/* One part of a data set in the making. */
typedef struct filling {
    const image_file *const *files; /* [count] */
    const image_form *form;
    uint8_t *pixels; /* [count, C, H, W] */
} filling;

static void finish_list(image_list *list)
{
    for (int32_t i = 0; i < list->count; i++)
        dcn_free(list->items[i].path);
    dcn_free(list->items);
    *list = (image_list){0};
}

/* --- listing --- */

static decant_status fail_at(const char *path, decant_status status)
{
    dcn_place("%s", path);
    return status;
}

/* Pictures that nothing here reads: leaving them out in silence would be another data set. */
static bool is_foreign_picture(const char *path)
{
    static const char *const endings[] = {".webp", ".bmp", ".gif",  ".tif",  ".tiff",
                                          ".ppm",  ".pgm", ".jfif", ".heic", ".avif"};
    const char *ending = strrchr(path, '.');
    for (size_t i = 0; ending != NULL && i < DCN_COUNT(endings); i++)
        if (strcasecmp(ending, endings[i]) == 0) return true;
    return false;
}

static decant_status add_file(const char *folder, const char *name, int32_t class, image_list *list)
{
    char *path = NULL;
    TRY_RETURN(dcn_path_join(folder, name, &path));
    decant_status status = DECANT_OK;
    if (dcn_directory_exists(path)) {
        status = fail_at(path, DCN_FAIL(FORMAT, "a folder among pictures; a class has its pictures in one folder"));
        goto out;
    }
    if (is_foreign_picture(path)) {
        status = fail_at(path, DCN_FAIL(FORMAT, "only PNG and JPEG pictures are read; convert it, or take it away"));
        goto out;
    }
    if (!dcn_files_is_image(path)) goto out; /* notes and lists of others stand in such folders */
    TRY(dcn_grow((void **)&list->items, list->count, &list->capacity, sizeof *list->items));
    list->items[list->count++] = (image_file){path, class};
    path = NULL;
out:
    dcn_free(path);
    return status;
}

/* The pictures of one class. */
static decant_status list_class(const char *folder, int32_t class, image_list *list)
{
    char **names = NULL;
    int32_t count = 0, before = list->count;
    decant_status status = dcn_directory_list(folder, &names, &count);
    for (int32_t i = 0; i < count && status == DECANT_OK; i++)
        status = add_file(folder, names[i], class, list);
    if (status == DECANT_OK && list->count == before)
        status = fail_at(folder, DCN_FAIL(FORMAT, "there is no .png, .jpg or .jpeg file in it"));
    dcn_names_free(names, count);
    return status;
}

static decant_status fail_unknown_class(const char *folder, const char *name, char *const *classes, int32_t n_classes)
{
    const char *near = dcn_nearest(name, (const char *const *)classes, (size_t)n_classes);
    if (near != NULL)
        return fail_at(folder,
                       DCN_FAIL(FORMAT, "'%s' is none of the %d classes; did you mean '%s'?", name, n_classes, near));
    return fail_at(folder, DCN_FAIL(FORMAT, "'%s' is none of the %d classes", name, n_classes));
}

/* All pictures of a folder of classes. Every class folder must be among the classes. */
static decant_status list_classes(const char *path, char *const *classes, int32_t n_classes, image_list *list)
{
    char **names = NULL;
    int32_t count = 0;
    decant_status status = dcn_directory_list_folders(path, &names, &count);
    for (int32_t i = 0; i < count && status == DECANT_OK; i++) {
        char *folder = NULL;
        int32_t class = 0;
        while (class < n_classes && strcmp(classes[class], names[i]) != 0)
            class ++;
        status = dcn_path_join(path, names[i], &folder);
        if (status == DECANT_OK)
            status = class < n_classes ? list_class(folder, class, list)
                                       : fail_unknown_class(folder, names[i], classes, n_classes);
        dcn_free(folder);
    }
    dcn_names_free(names, count);
    return status;
}

/* --- a picture --- */

static decant_status read_image(const char *path, dcn_image *ret_image)
{
    uint8_t *data = NULL;
    size_t bytes = 0;
    TRY_RETURN(dcn_file_read(path, MAX_FILE_BYTES, &data, &bytes));
    decant_status status = dcn_image_decode(data, bytes, ret_image);
    dcn_free(data);
    return status == DECANT_OK ? status : fail_at(path, status);
}

static decant_status fail_mode(const char *path, const image_form *form, const dcn_image *image)
{
    char hint[64] = "";
    if (form->is_first) TRY_RETURN(dcn_format(hint, sizeof hint, "; `channels: %d` makes all alike", form->channels));
    return fail_at(path,
                   DCN_FAIL(FORMAT, "the picture is %s, but %s is %s%s", image->channels == 1 ? "grey" : "coloured",
                            form->whose, form->channels == 1 ? "grey" : "coloured", hint));
}

static decant_status fail_size(const char *path, const image_form *form, const dcn_image *image)
{
    char hint[96] = "";
    if (form->is_first)
        TRY_RETURN(dcn_format(hint, sizeof hint, "; `size: [%d, %d]` (height, width) makes all alike", form->height,
                              form->width));
    return fail_at(path, DCN_FAIL(FORMAT, "the picture is %dx%d pixels, but %s is %dx%d%s", image->width, image->height,
                                  form->whose, form->width, form->height, hint));
}

static decant_status fit_image(const char *path, const image_form *form, dcn_image *image)
{
    if (!form->converts && image->channels != form->channels) return fail_mode(path, form, image);
    TRY_RETURN(dcn_image_convert(image, form->channels));
    bool fits = image->height == form->height && image->width == form->width;
    if (!form->resizes && !fits) return fail_size(path, form, image);
    return dcn_image_resize(image, form->height, form->width);
}

/* [H,W,C] -> [C,H,W] */
static void lay_out(const dcn_image *image, uint8_t *pixels)
{
    const int64_t plane = (int64_t)image->height * image->width;
    for (int32_t c = 0; c < image->channels; c++)
        for (int64_t i = 0; i < plane; i++)
            *pixels++ = image->pixels[i * image->channels + c];
}

static decant_status fill_one(void *context, int32_t index)
{
    const filling *part = context;
    const char *path = part->files[index]->path;
    dcn_image image = {0};
    TRY_RETURN(read_image(path, &image));
    decant_status status = fit_image(path, part->form, &image);
    size_t bytes = (size_t)part->form->channels * (size_t)part->form->height * (size_t)part->form->width;
    if (status == DECANT_OK) lay_out(&image, part->pixels + (size_t)index * bytes);
    dcn_image_finish(&image);
    return status;
}

/* --- the data set --- */

/* The form of all pictures: the model's, or the first one's with what the recipe declares. */
static decant_status choose_form(const dcn_files_options *options, const dcn_files_model *model, const char *first,
                                 image_form *ret_form)
{
    dcn_image image = {0};
    image_form form = {.converts = options != NULL && options->channels > 0,
                       .resizes = options != NULL && options->height > 0,
                       .is_first = model == NULL,
                       .whose = model != NULL ? "what the model takes" : first};
    if (model != NULL) {
        if (model->sample.rank != 3 || (model->sample.dim[0] != 1 && model->sample.dim[0] != 3))
            return fail_at(first, DCN_FAIL(SHAPE, "the model takes no pictures of 1 or 3 channels"));
        form.channels = (int32_t)model->sample.dim[0];
        form.height = (int32_t)model->sample.dim[1];
        form.width = (int32_t)model->sample.dim[2];
        *ret_form = form;
        return DECANT_OK;
    }
    TRY_RETURN(read_image(first, &image));
    form.channels = form.converts ? options->channels : image.channels;
    form.height = form.resizes ? options->height : image.height;
    form.width = form.resizes ? options->width : image.width;
    dcn_image_finish(&image);
    *ret_form = form;
    return DECANT_OK;
}

/* files[indices] (NULL: all) become samples offset ... of the part, which has room for them. */
static decant_status fill(const image_list *list, const int32_t *indices, int64_t count, const image_form *form,
                          dcn_samples *part, int64_t offset)
{
    const image_file **files = NULL;
    size_t bytes = (size_t)form->channels * (size_t)form->height * (size_t)form->width;
    TRY_RETURN(dcn_new_array((size_t)count, sizeof *files, (void **)&files));
    for (int64_t i = 0; i < count; i++) {
        files[i] = &list->items[indices != NULL ? indices[i] : i];
        if (part->labels != NULL) part->labels[offset + i] = files[i]->class;
    }
    filling all = {files, form, part->data + (size_t)offset * bytes};
    decant_status status = dcn_parallel((int32_t)count, fill_one, &all);
    dcn_free(files);
    return status;
}

static decant_status make_labels(const image_list *list, int32_t **ret_labels)
{
    int32_t *labels = NULL;
    TRY_RETURN(dcn_new_array((size_t)list->count, sizeof *labels, (void **)&labels));
    for (int32_t i = 0; i < list->count; i++)
        labels[i] = list->items[i].class;
    *ret_labels = labels;
    return DECANT_OK;
}

/* The pictures that a folder holds, before any is read. */
typedef struct image_folder {
    char **classes; /* [n_classes] */
    int32_t n_classes;
    image_list train, test, pool;
    bool is_parted; /* it has a folder "train" */
} image_folder;

static void finish_folder(image_folder *folder)
{
    dcn_names_free(folder->classes, folder->n_classes);
    finish_list(&folder->train);
    finish_list(&folder->test);
    finish_list(&folder->pool);
}

/* Training pictures, then the pool, whose class is no label; test pictures. */
static decant_status fill_parts(const dcn_files_options *options, const image_folder *folder, const image_form *form,
                                bool is_training, decant_dataset *dataset)
{
    int32_t *labels = NULL;
    dcn_parts parts = {0};
    const bool has_test = folder->test.count > 0;
    decant_status status = make_labels(&folder->train, &labels);
    if (status != DECANT_OK) goto out;
    TRY(dcn_parts_make(labels, folder->train.count, dataset->n_classes, 0, has_test ? 0 : options->test, options->seed,
                       &parts));
    if (is_training)
        TRY(dcn_files_check_classes(labels, folder->train.count, &parts, dataset->n_classes, dataset->class_names,
                                    "picture"));
    dataset->n_unlabelled = folder->pool.count;
    const int64_t n_labelled = parts.n_train, n_train = n_labelled + dataset->n_unlabelled;
    TRY(dcn_samples_create(dataset, &dataset->train, n_train, DECANT_U8, true));
    TRY(fill(&folder->train, parts.train, n_labelled, form, &dataset->train, 0));
    TRY(fill(&folder->pool, NULL, folder->pool.count, form, &dataset->train, n_labelled));
    TRY(dcn_samples_create(dataset, &dataset->test, has_test ? folder->test.count : parts.n_test, DECANT_U8, true));
    TRY(fill(has_test ? &folder->test : &folder->train, has_test ? NULL : parts.test, dataset->test.count, form,
             &dataset->test, 0));
out:
    dcn_parts_finish(&parts);
    dcn_free(labels);
    return status;
}

/* Without parts, for a model: everything is the test part. */
static decant_status fill_test_only(const image_folder *folder, const image_form *form, decant_dataset *dataset)
{
    const image_list *list = folder->test.count > 0 ? &folder->test : &folder->train;
    dataset->train.dtype = DECANT_U8;
    TRY_RETURN(dcn_samples_create(dataset, &dataset->test, list->count, DECANT_U8, true));
    return fill(list, NULL, list->count, form, &dataset->test, 0);
}

/* A model file keeps its classes' names as UTF-8: another name could not be found again. */
static decant_status list_class_names(const char *path, image_folder *folder)
{
    TRY_RETURN(dcn_directory_list_folders(path, &folder->classes, &folder->n_classes));
    for (int32_t i = 0; i < folder->n_classes; i++) {
        const char *name = folder->classes[i];
        if (!dcn_text_is_utf8(name))
            return fail_at(path, DCN_FAIL(FORMAT, "the name of the class folder '%s' is not UTF-8; rename it", name));
    }
    return DECANT_OK;
}

static decant_status list_part(const char *path, const char *name, const dcn_files_model *model, image_folder *folder,
                               image_list *list)
{
    char *inner = NULL;
    bool named = model != NULL && model->class_names != NULL;
    decant_status status = DECANT_OK;
    if (name != NULL)
        TRY(dcn_path_join(path, name, &inner));
    else
        TRY(dcn_copy_string(path, &inner));
    if (folder->classes == NULL && !named) TRY(list_class_names(inner, folder));
    TRY(list_classes(inner, named ? model->class_names : folder->classes, named ? model->n_classes : folder->n_classes,
                     list));
    if (list->count == 0) status = fail_at(inner, DCN_FAIL(FORMAT, "there is no folder of a class in it"));
out:
    dcn_free(inner);
    return status;
}

/* Whether PATH/NAME is a part: a folder of class folders, not a class of that name. */
static decant_status is_part(const char *path, const char *name, bool *ret_is)
{
    char *inner = NULL, **names = NULL;
    int32_t count = 0;
    TRY_RETURN(dcn_path_join(path, name, &inner));
    decant_status status = DECANT_OK;
    if (dcn_directory_exists(inner)) TRY(dcn_directory_list_folders(inner, &names, &count));
    *ret_is = count > 0;
out:
    dcn_names_free(names, count);
    dcn_free(inner);
    return status;
}

/* Folders that others keep beside `train`, or that mean nothing without it, are not passed over in silence. */
static decant_status check_folders(const char *path, bool has_train)
{
    static const char *const of_validation[] = {"val", "valid", "validation"};
    for (size_t i = 0; i < DCN_COUNT(of_validation); i++) {
        bool is_there = false;
        TRY_RETURN(is_part(path, of_validation[i], &is_there));
        if (is_there)
            return fail_at(path, DCN_FAIL(FORMAT,
                                          "the folder '%s' would not be read: put its pictures into 'train', of which "
                                          "`data.validation` holds some out",
                                          of_validation[i]));
    }
    char *pool = NULL;
    TRY_RETURN(dcn_path_join(path, "unlabelled", &pool));
    decant_status status = DECANT_OK;
    if (!has_train && dcn_directory_exists(pool))
        status = fail_at(path, DCN_FAIL(FORMAT, "there is a folder 'unlabelled' and none called 'train': the classes "
                                                "beside a pool stand in PATH/train/CLASS"));
    dcn_free(pool);
    return status;
}

static decant_status list_folder(const dcn_files_options *options, const dcn_files_model *model, image_folder *folder)
{
    bool has_train = false, has_test = false;
    char *pool = NULL;
    TRY_RETURN(is_part(options->path, "train", &has_train));
    TRY_RETURN(is_part(options->path, "test", &has_test));
    if (model == NULL) TRY_RETURN(check_folders(options->path, has_train));
    if (has_test && !has_train && model == NULL)
        return fail_at(options->path, DCN_FAIL(FORMAT, "there is a folder 'test' and none called 'train'"));
    if (has_test && options->test > 0 && model == NULL)
        return fail_at(options->path, DCN_FAIL(USAGE, "the folder has test pictures of its own; leave `test` out"));
    if (has_train || !has_test)
        TRY_RETURN(list_part(options->path, has_train ? "train" : NULL, model, folder, &folder->train));
    if (has_test) TRY_RETURN(list_part(options->path, "test", model, folder, &folder->test));
    folder->is_parted = has_train;
    if (!has_train) return DECANT_OK;
    TRY_RETURN(dcn_path_join(options->path, "unlabelled", &pool));
    decant_status status = DECANT_OK;
    if (dcn_directory_exists(pool)) status = list_class(pool, DCN_NO_LABEL, &folder->pool);
    dcn_free(pool);
    return status;
}

static decant_status name_classes(const image_folder *folder, const dcn_files_model *model, decant_dataset *dataset)
{
    bool named = model != NULL && model->class_names != NULL;
    return dcn_dataset_name_classes(dataset, (const char *const *)(named ? model->class_names : folder->classes));
}

decant_status dcn_images_open(const dcn_files_options *options, const dcn_files_model *model,
                              decant_dataset **ret_dataset)
{
    image_folder folder = {0};
    image_form form = {0};
    decant_dataset *dataset = NULL;
    bool named = model != NULL && model->class_names != NULL;
    decant_status status = list_folder(options, model, &folder);
    if (status != DECANT_OK) goto out;
    const image_list *any = folder.train.count > 0 ? &folder.train : &folder.test;
    TRY(choose_form(options, model, any->items[0].path, &form));
    const decant_shape sample = {.rank = 3, .dim = {form.channels, form.height, form.width}};
    TRY(dcn_dataset_create(options->path, &sample, named ? model->n_classes : folder.n_classes, &dataset));
    TRY(name_classes(&folder, model, dataset));
    bool has_parts = folder.is_parted || options->test > 0;
    if (model != NULL && !has_parts)
        TRY(fill_test_only(&folder, &form, dataset));
    else
        TRY(fill_parts(options, &folder, &form, model == NULL, dataset));
    TRY(dcn_dataset_seal(dataset, options->path));
    *ret_dataset = dataset;
    dataset = NULL;
out:
    if (status != DECANT_OK) dcn_while("reading the pictures in %s", options->path);
    finish_folder(&folder);
    dcn_dataset_destroy(dataset);
    return status;
}

decant_status dcn_images_open_input(const char *path, const dcn_files_options *options, const dcn_files_model *model,
                                    decant_dataset **ret_dataset)
{
    decant_dataset *dataset = NULL;
    image_form form = {0};
    image_file file = {.class = DCN_NO_LABEL};
    const image_list list = {.items = &file, .count = 1};
    decant_status status = dcn_copy_string(path, &file.path);
    if (status != DECANT_OK) goto out;
    TRY(choose_form(options, model, path, &form));
    TRY(dcn_dataset_create(path, &model->sample, model->n_classes, &dataset));
    dataset->train.dtype = DECANT_U8;
    TRY(dcn_samples_create(dataset, &dataset->test, 1, DECANT_U8, false));
    TRY(fill(&list, NULL, 1, &form, &dataset->test, 0));
    TRY(dcn_dataset_seal(dataset, path));
    *ret_dataset = dataset;
    dataset = NULL;
out:
    dcn_free(file.path);
    dcn_dataset_destroy(dataset);
    return status;
}
