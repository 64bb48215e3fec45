/* The data sets that decant knows by name: where they may stand, how one recognises them, how to get them. */
#include "data/source.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/folder.h"
#include "base/text.h"
#include "data/cifar.h"
#include "data/files.h"
#include "data/idx.h"
#include "data/published.h"

#define N_CLASSES       10
#define N_FIRST_LABELS  8
#define MAX_CANDIDATES  8
#define DEBIAN_DATASETS "/usr/share/datasets"

typedef enum source_format { SOURCE_IDX, SOURCE_CIFAR } source_format;

typedef struct source_row {
    const char *name, *description, *how_to_get;
    source_format format;
    int64_t n_train, n_test;
    int32_t
        first_labels[N_FIRST_LABELS];   /* IDX, of the test part: MNIST and Fashion-MNIST share file names and sizes */
    const char *class_names[N_CLASSES]; /* where the reader does not know them */
} source_row;

static const source_row sources[] = {
    {
        .name = "fashion-mnist",
        .description = "60,000 + 10,000 grey 28x28 pictures of clothes, 10 classes (Xiao et al. 2017)",
        .how_to_get = "decant data get fashion-mnist, or apt-get install dataset-fashion-mnist",
        .format = SOURCE_IDX,
        .n_train = 60000,
        .n_test = 10000,
        .first_labels = {9, 2, 1, 1, 6, 1, 4, 6},
        .class_names = {"T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag",
                        "Ankle boot"},
    },
    {
        .name = "mnist",
        .description = "60,000 + 10,000 grey 28x28 handwritten digits, 10 classes (LeCun et al. 1998)",
        .how_to_get = "decant data get mnist",
        .format = SOURCE_IDX,
        .n_train = 60000,
        .n_test = 10000,
        .first_labels = {7, 2, 1, 0, 4, 1, 4, 9},
        .class_names = {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"},
    },
    {
        .name = "cifar10",
        .description = "50,000 + 10,000 colour 32x32 photographs, 10 classes (Krizhevsky 2009)",
        .how_to_get = "decant data get cifar10",
        .format = SOURCE_CIFAR,
        .n_train = 50000,
        .n_test = 10000,
    },
};

static const source_row *find_row(const char *name)
{
    for (size_t i = 0; i < DCN_COUNT(sources); i++) {
        if (strcmp(sources[i].name, name) == 0) return &sources[i];
    }
    return NULL;
}

/* --- folders --- */

/* The folders that are searched, in this order. */
typedef struct candidates {
    char *folders[MAX_CANDIDATES];
    int32_t count;
    const char *itself; /* of them: $DECANT_DATA, which may hold a data set's files but is never one of them */
} candidates;

static void finish_candidates(candidates *list)
{
    for (int32_t i = 0; i < list->count; i++) {
        dcn_free(list->folders[i]);
    }
    list->count = 0;
}

/* base, or base/name when a name is given; a CIFAR archive unpacks into a folder of its own, which dcn_cifar_open
 * knows. */
static decant_status add_candidate(candidates *list, const char *base, const char *name)
{
    char **slot = &list->folders[list->count];
    TRY_RETURN(name != NULL ? dcn_path_join(base, name, slot) : dcn_copy_string(base, slot));
    list->count++;
    return DECANT_OK;
}

static decant_status make_candidates(const char *name, candidates *list)
{
    const char *data = getenv("DECANT_DATA"), *share = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
    char *folder = NULL;
    decant_status status = DECANT_OK;
    if (data != NULL && data[0] != '\0') {
        TRY(add_candidate(list, data, name));
        TRY(add_candidate(list, data, NULL));
        list->itself = list->folders[list->count - 1];
    }
    TRY(add_candidate(list, DEBIAN_DATASETS, name));
    if (share != NULL && share[0] == '/') {
        TRY(dcn_path_join(share, "decant", &folder));
        TRY(add_candidate(list, folder, name));
    } else if (home != NULL && home[0] == '/') {
        TRY(dcn_path_join(home, ".local/share/decant", &folder));
        TRY(add_candidate(list, folder, name));
    }
out:
    dcn_free(folder);
    return status;
}

/* Whether one of the names, which mean the same file, is in the folder. */
static decant_status has_one(const char *folder, const char *const *names, int32_t count, bool *ret_has)
{
    bool found = false;
    for (int32_t i = 0; i < count && !found; i++) {
        char *path = NULL;
        TRY_RETURN(dcn_path_join(folder, names[i], &path));
        found = dcn_file_exists(path);
        dcn_free(path);
    }
    *ret_has = found;
    return DECANT_OK;
}

#define IDX_NAMES(part, kind)                                                                                          \
    {                                                                                                                  \
        part "-" kind "-ubyte", part "-" kind "-ubyte.gz", part "." kind "-ubyte", part "." kind "-ubyte.gz"           \
    }
#define CIFAR_NAMES(file)                                                                                              \
    {                                                                                                                  \
        file ".bin", "cifar-10-batches-bin/" file ".bin"                                                               \
    }

/* Whether a folder has the first file of a data set in this form, and whether it has them all; if these are sound is
 * the reader's business. */
static decant_status holds(const char *folder, source_format format, bool *ret_first, bool *ret_all)
{
    static const char *const idx[][4] = {IDX_NAMES("train-images", "idx3"), IDX_NAMES("train-labels", "idx1"),
                                         IDX_NAMES("t10k-images", "idx3"), IDX_NAMES("t10k-labels", "idx1")};
    static const char *const cifar[][2] = {CIFAR_NAMES("data_batch_1"), CIFAR_NAMES("data_batch_2"),
                                           CIFAR_NAMES("data_batch_3"), CIFAR_NAMES("data_batch_4"),
                                           CIFAR_NAMES("data_batch_5"), CIFAR_NAMES("test_batch")};
    const size_t count = format == SOURCE_IDX ? DCN_COUNT(idx) : DCN_COUNT(cifar);
    bool first = false, all = true;
    for (size_t i = 0; i < count && all; i++) {
        TRY_RETURN(format == SOURCE_IDX ? has_one(folder, idx[i], 4, &all) : has_one(folder, cifar[i], 2, &all));
        if (i == 0) first = all;
    }
    *ret_first = first;
    *ret_all = all;
    return DECANT_OK;
}

/* Whether these sound files are those of another data set in the same form. */
static bool is_another(const source_row *row, const char *folder)
{
    int32_t labels[N_FIRST_LABELS];
    if (row->format != SOURCE_IDX) return false;
    if (dcn_idx_first_labels(folder, N_FIRST_LABELS, labels) != DECANT_OK) return false; /* the reader will say why */
    return memcmp(labels, row->first_labels, sizeof labels) != 0;
}

/* The first folder that holds the whole of this data set; without one, the first that holds a part of it, if that is
 * wanted, whose reader will say what is missing. NULL: none. */
static decant_status locate(const source_row *row, const candidates *list, bool part_wanted, char **ret_folder)
{
    const char *part = NULL;
    for (int32_t i = 0; i < list->count; i++) {
        bool first = false, all = false;
        TRY_RETURN(holds(list->folders[i], row->format, &first, &all));
        if (all && !is_another(row, list->folders[i])) return dcn_copy_string(list->folders[i], ret_folder);
        if (first && !all && part == NULL) part = list->folders[i];
    }
    return part != NULL && part_wanted ? dcn_copy_string(part, ret_folder) : DECANT_OK;
}

/* --- opening --- */

static decant_status open_row(const source_row *row, const char *folder, decant_dataset **ret_dataset)
{
    decant_dataset *dataset = NULL;
    decant_status status;
    if (row->format == SOURCE_IDX) {
        TRY(dcn_idx_open_as(folder, row->name, N_CLASSES, &dataset));
        TRY(dcn_dataset_name_classes(dataset, row->class_names));
    } else {
        TRY(dcn_cifar_open(folder, &dataset));
        dcn_free(dataset->name);
        dataset->name = NULL;
        TRY(dcn_copy_string(row->name, &dataset->name));
    }
    if (dataset->train.count != row->n_train || dataset->test.count != row->n_test) {
        status = DCN_FAIL(FORMAT,
                          "%s holds %" PRId64 " + %" PRId64 " samples, but %s has %" PRId64 " + %" PRId64
                          "; give the folder instead of the name to use it as it is",
                          folder, dataset->train.count, dataset->test.count, row->name, row->n_train, row->n_test);
        goto out;
    }
    *ret_dataset = dataset;
    dataset = NULL;
out:
    dcn_dataset_destroy(dataset);
    return status;
}

/* "FIRST, SECOND", freed with dcn_free. */
static decant_status join(const candidates *list, char **ret_text)
{
    dcn_text text = {0};
    decant_status status = DECANT_OK;
    for (int32_t i = 0; i < list->count; i++)
        TRY(dcn_text_add(&text, "%s%s", i > 0 ? ", " : "", list->folders[i]));
    TRY(dcn_text_take(&text, ret_text));
out:
    dcn_text_finish(&text);
    return status;
}

static decant_status fail_not_found(const source_row *row, const candidates *list)
{
    char *places = NULL;
    TRY_RETURN(join(list, &places));
    decant_status status =
        DCN_FAIL(NOT_FOUND, "%s is not on this machine; looked in %s. To get it: %s. $DECANT_DATA names another folder",
                 row->name, places, row->how_to_get);
    dcn_free(places);
    return status;
}

static decant_status fail_unknown(const char *name)
{
    const char *names[DCN_COUNT(sources)];
    for (size_t i = 0; i < DCN_COUNT(sources); i++) {
        names[i] = sources[i].name;
    }
    const char *near = dcn_nearest(name, names, DCN_COUNT(sources));
    if (near != NULL) return DCN_FAIL(NOT_FOUND, "no data set is called '%s'; did you mean '%s'?", name, near);
    if (dcn_file_exists(name))
        return DCN_FAIL(NOT_FOUND,
                        "no data set is called '%s'; to read what is there, say how: {format: FORMAT, path: %s}, a "
                        "format being csv, images, npz, idx or cifar",
                        name, name);
    return DCN_FAIL(
        NOT_FOUND, "no data set is called '%s', and there is no such folder; `decant data list` shows the names", name);
}

decant_status dcn_dataset_find(const char *name, decant_dataset **ret_dataset)
{
    const source_row *row = find_row(name);
    candidates list = {0};
    char *folder = NULL;
    if (row == NULL) return fail_unknown(name);
    decant_status status = make_candidates(name, &list);
    if (status != DECANT_OK) goto out;
    TRY(locate(row, &list, true, &folder));
    status = folder != NULL ? open_row(row, folder, ret_dataset) : fail_not_found(row, &list);
out:
    dcn_free(folder);
    finish_candidates(&list);
    return status;
}

/* A folder whose files are those of a known data set gets its class names. */
static decant_status name_if_known(decant_dataset *dataset)
{
    for (size_t i = 0; i < DCN_COUNT(sources); i++) {
        const source_row *row = &sources[i];
        bool same = row->format == SOURCE_IDX && dataset->n_classes == N_CLASSES &&
                    dataset->train.count == row->n_train && dataset->test.count == row->n_test &&
                    memcmp(dataset->test.labels, row->first_labels, sizeof row->first_labels) == 0;
        if (same) return dcn_dataset_name_classes(dataset, row->class_names);
    }
    return DECANT_OK;
}

static decant_status open_idx_folder(const char *folder, decant_dataset **ret_dataset)
{
    decant_dataset *dataset = NULL;
    TRY_RETURN(dcn_idx_open(folder, &dataset));
    decant_status status = name_if_known(dataset);
    if (status == DECANT_OK) {
        *ret_dataset = dataset;
    } else {
        dcn_dataset_destroy(dataset);
    }
    return status;
}

static bool is_name(const char *source)
{
    return strchr(source, '/') == NULL && (find_row(source) != NULL || !dcn_file_exists(source));
}

bool dcn_source_is_known(const char *source)
{
    return find_row(source) != NULL;
}

bool dcn_source_holds_set(const char *source)
{
    bool idx = false, cifar = false, all = false;
    if (is_name(source)) return true;
    return holds(source, SOURCE_IDX, &idx, &all) == DECANT_OK &&
           holds(source, SOURCE_CIFAR, &cifar, &all) == DECANT_OK && (idx || cifar);
}

decant_status dcn_source_open(const char *source, decant_dataset **ret_dataset)
{
    bool idx = false, cifar = false, all = false, known = false;
    dcn_files_options files = {.path = source};
    if (is_name(source)) return dcn_dataset_find(source, ret_dataset);
    TRY_RETURN(holds(source, SOURCE_IDX, &idx, &all));
    TRY_RETURN(holds(source, SOURCE_CIFAR, &cifar, &all));
    if (idx) return open_idx_folder(source, ret_dataset);
    if (cifar) return dcn_cifar_open(source, ret_dataset);
    TRY_RETURN(dcn_files_recognize(source, &known, &files.format));
    if (known) return dcn_files_open(&files, NULL, ret_dataset);
    return DCN_FAIL(NOT_FOUND,
                    "%s: neither IDX files (train-images-idx3-ubyte...) nor CIFAR files (data_batch_1.bin...), nor "
                    "folders of pictures, nor arrays (x_train.npy, .npz)",
                    source);
}

/* --- single files --- */

static decant_status fail_no_file(const char *path, const candidates *list)
{
    dcn_text places = {0};
    decant_status status = DECANT_OK;
    for (int32_t i = 0; i < list->count; i++) {
        if (list->folders[i] == list->itself) continue;
        TRY(dcn_text_add(&places, ", nor %s", list->folders[i]));
    }
    status = DCN_FAIL(NOT_FOUND, "there is no file %s%s%s. $DECANT_DATA names another folder to look in", path,
                      places.data != NULL ? places.data : "", path[0] == '~' ? " (nobody expands ~ here)" : "");
out:
    dcn_text_finish(&places);
    return status;
}

decant_status dcn_source_locate(const char *path, char **ret_path)
{
    candidates list = {0};
    decant_status status = DECANT_OK;
    if (path[0] == '/' || dcn_file_exists(path)) return dcn_copy_string(path, ret_path);
    TRY(make_candidates(path, &list));
    for (int32_t i = 0; i < list.count; i++) {
        if (list.folders[i] == list.itself || !dcn_file_exists(list.folders[i])) continue;
        status = dcn_copy_string(list.folders[i], ret_path);
        goto out;
    }
    status = fail_no_file(path, &list);
out:
    finish_candidates(&list);
    return status;
}

static bool identify(const char *source, struct stat *ret_about)
{
    char *path = NULL;
    if (find_row(source) != NULL || dcn_source_locate(source, &path) != DECANT_OK) return false;
    const bool found = stat(path, ret_about) == 0;
    dcn_free(path);
    return found;
}

bool dcn_source_is_same(const char *a, const char *b)
{
    struct stat first, second;
    if (strcmp(a, b) == 0) return true;
    return identify(a, &first) && identify(b, &second) && first.st_dev == second.st_dev &&
           first.st_ino == second.st_ino;
}

/* --- fetching --- */

/* The folder to fetch into: the one that is looked in first and may be written. */
static decant_status home_of(const char *name, char **ret_folder)
{
    const char *data = getenv("DECANT_DATA"), *share = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
    dcn_text folder = {0};
    decant_status status = DECANT_OK;
    if (data != NULL && data[0] != '\0')
        TRY(dcn_text_add(&folder, "%s/%s", data, name));
    else if (share != NULL && share[0] == '/')
        TRY(dcn_text_add(&folder, "%s/decant/%s", share, name));
    else if (home != NULL && home[0] == '/')
        TRY(dcn_text_add(&folder, "%s/.local/share/decant/%s", home, name));
    else {
        status = DCN_FAIL(NOT_FOUND, "there is no home folder to keep %s in; $DECANT_DATA names one", name);
        goto out;
    }
    TRY(dcn_text_take(&folder, ret_folder));
out:
    dcn_text_finish(&folder);
    return status;
}

decant_status dcn_source_get(const char *name, const decant_get_options *options, char **ret_path)
{
    const dcn_published *set = dcn_published_find(name);
    char *folder = NULL;
    if (set == NULL) return fail_unknown(name);
    if (options->mirror != NULL && options->mirror[0] == '\0')
        return DCN_FAIL(INVALID_ARG, "a mirror is a URL, not ''");
    TRY_RETURN(home_of(name, &folder));
    decant_status status = dcn_published_get(set, folder, options);
    if (status == DECANT_OK)
        *ret_path = folder;
    else
        dcn_free(folder);
    return status;
}

/* --- the list --- */

decant_status dcn_source_list(decant_source **ret_sources, int32_t *ret_count)
{
    const int32_t count = (int32_t)DCN_COUNT(sources);
    decant_source *known = NULL;
    candidates list = {0};
    decant_status status = dcn_new_array((size_t)count, sizeof *known, (void **)&known);
    if (status != DECANT_OK) goto out;
    for (int32_t i = 0; i < count; i++) {
        known[i].name = sources[i].name;
        known[i].description = sources[i].description;
        known[i].how_to_get = sources[i].how_to_get;
        finish_candidates(&list);
        TRY(make_candidates(sources[i].name, &list));
        TRY(locate(&sources[i], &list, false, &known[i].path));
        TRY(join(&list, &known[i].looked_in));
    }
    *ret_sources = known;
    *ret_count = count;
    known = NULL;
out:
    finish_candidates(&list);
    decant_source_list_free(known, count);
    return status;
}
