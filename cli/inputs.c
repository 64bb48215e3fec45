/* Reads samples for prediction. Files are not trusted: lengths are checked against what can be read. */
#include "inputs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "output.h"

#define MAX_SAMPLES  1000000
#define MAX_ELEMENTS ((int64_t)1 << 31)
#define BAD_INPUT    2

/* An array in a file, and where its elements begin. */
typedef struct array_header {
    decant_dtype dtype;
    int32_t rank;
    int64_t dims[DECANT_MAX_RANK];
} array_header;

void inputs_finish(cli_inputs *inputs)
{
    decant_tensor_destroy(&inputs->samples);
    decant_tensor_destroy(&inputs->label_memory);
    *inputs = (cli_inputs){0};
}

/* --- ranges --- */

/* "3" or "0-9"; both ends belong to it. */
static bool parse_range(const char *text, int64_t *ret_first, int64_t *ret_count)
{
    char *end = NULL;
    errno = 0;
    if (text[0] < '0' || text[0] > '9') return false;
    long long first = strtoll(text, &end, 10), last = first;
    if (*end == '-') {
        if (end[1] < '0' || end[1] > '9') return false;
        last = strtoll(end + 1, &end, 10);
    }
    if (errno != 0 || *end != '\0' || last < first || last - first >= MAX_SAMPLES) return false;
    *ret_first = first;
    *ret_count = last - first + 1;
    return true;
}

/* --- array headers --- */

static bool read_all(gzFile file, void *to, size_t bytes)
{
    uint8_t *at = to;
    while (bytes > 0) {
        unsigned chunk = bytes > (1u << 30) ? 1u << 30 : (unsigned)bytes;
        int got = gzread(file, at, chunk);
        if (got <= 0) return false;
        at += got;
        bytes -= (size_t)got;
    }
    return true;
}

/* IDX: two zero bytes, the type (only unsigned bytes here), the rank, then big-endian sizes. */
static int read_idx_header(gzFile file, const char *path, array_header *header)
{
    uint8_t begin[4], size[4];
    if (!read_all(file, begin, sizeof begin) || begin[0] != 0 || begin[1] != 0 || begin[2] != 8 || begin[3] < 1 ||
        begin[3] > 4)
        return report_error(BAD_INPUT, "%s is neither a table, an array, a picture nor an IDX file of bytes", path);
    header->dtype = DECANT_U8;
    header->rank = begin[3];
    for (int32_t i = 0; i < header->rank; i++) {
        if (!read_all(file, size, sizeof size)) return report_error(BAD_INPUT, "%s is cut short", path);
        header->dims[i] = (int64_t)size[0] << 24 | size[1] << 16 | size[2] << 8 | size[3];
    }
    return 0;
}

/* --- fitting an array to the model --- */

/* Whether the array is [n, sample...] or [sample...], with or without a channel of one. Gives n, 1 and is_single for
 * the latter. */
static bool fit_array(const array_header *header, const decant_shape *sample, int64_t *ret_count, bool *ret_single)
{
    for (int32_t skip = 0; skip <= (sample->rank == 3 && sample->dim[0] == 1); skip++) {
        int32_t rank = sample->rank - skip;
        if (header->rank != rank && header->rank != rank + 1) continue;
        int32_t lead = header->rank - rank;
        bool fits = true;
        for (int32_t i = 0; i < rank; i++)
            fits = fits && header->dims[lead + i] == sample->dim[skip + i];
        if (!fits) continue;
        *ret_count = lead == 1 ? header->dims[0] : 1;
        *ret_single = lead == 0;
        return true;
    }
    return false;
}

static int misfit(const char *path, const array_header *header, const decant_shape *sample)
{
    char has[128] = "", wants[128] = "";
    for (int32_t i = 0, at = 0; i < header->rank; i++)
        at += snprintf(has + at, sizeof has - (size_t)at, "%s%lld", i > 0 ? ", " : "", (long long)header->dims[i]);
    for (int32_t i = 0, at = 0; i < sample->rank; i++)
        at += snprintf(wants + at, sizeof wants - (size_t)at, "%s%lld", i > 0 ? ", " : "", (long long)sample->dim[i]);
    return report_error(BAD_INPUT, "%s holds [%s], but the model takes samples of [%s]", path, has, wants);
}

static decant_status create_samples(decant_dtype dtype, int64_t count, const decant_shape *sample,
                                    decant_tensor *ret_samples)
{
    decant_shape shape = {.rank = sample->rank + 1, .dim = {count}};
    memcpy(shape.dim + 1, sample->dim, (size_t)sample->rank * sizeof *sample->dim);
    return decant_tensor_create(dtype, &shape, ret_samples);
}

/* Reads samples first ... first + count - 1 of the array that the file stands at; count 0: all. */
static int read_samples(gzFile file, const char *path, const array_header *header, const decant_shape *sample,
                        int64_t first, int64_t count, cli_inputs *inputs)
{
    int64_t available = 0;
    size_t bytes = (size_t)decant_shape_count(sample) * decant_dtype_size(header->dtype);
    if (!fit_array(header, sample, &available, &inputs->is_single)) return misfit(path, header, sample);
    if (count == 0) count = available;
    if (first > available || count > available - first)
        return report_error(BAD_INPUT, "%s holds samples 0 to %lld only", path, (long long)available - 1);
    if (count > MAX_SAMPLES || count * decant_shape_count(sample) > MAX_ELEMENTS)
        return report_error(BAD_INPUT, "%s: that is too much at once; give a range of samples", path);
    decant_status status = create_samples(header->dtype, count, sample, &inputs->samples);
    if (status != DECANT_OK) return report_failure(status);
    inputs->first = first;
    if (gzseek(file, (z_off_t)((size_t)first * bytes), SEEK_CUR) < 0 ||
        !read_all(file, inputs->samples.data, (size_t)count * bytes))
        return report_error(BAD_INPUT, "%s is cut short", path);
    return 0;
}

/* --- the forms --- */

static bool is_folder(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

static bool is_known_source(const char *name)
{
    decant_source *sources = NULL;
    int32_t count = 0;
    bool known = false;
    if (decant_source_list(&sources, &count) == DECANT_OK)
        for (int32_t i = 0; i < count; i++)
            known = known || strcmp(sources[i].name, name) == 0;
    decant_source_list_free(sources, count);
    return known;
}

/* No file has that name. Was it meant as SOURCE:PART:RANGE or FILE:RANGE? */
static int cannot_open(const char *path, int error)
{
    char name[1024];
    snprintf(name, sizeof name, "%.*s", (int)strcspn(path, ":"), path);
    const char *rest = path + strlen(name);
    const bool is_source = is_known_source(name), is_file = access(name, F_OK) == 0;
    if (rest[0] == '\0' && (is_source || is_folder(name)))
        return report_error(BAD_INPUT, "%s is a data set: say which part of it, as in %s:test:0-9", path, path);
    if (rest[0] == '\0' || !(is_source || is_file))
        return report_error(BAD_INPUT, "cannot open %s: %s", path, strerror(error));
    rest++;
    const size_t part = strcspn(rest, ":");
    const bool is_part =
        (part == 4 && strncmp(rest, "test", part) == 0) || (part == 5 && strncmp(rest, "train", part) == 0);
    if (is_part && rest[part] == '\0') return report_error(BAD_INPUT, "%s: which samples? Write %s:0-9", path, path);
    if (is_part || !(is_source || is_folder(name)))
        return report_error(BAD_INPUT,
                            "'%s' is no range of samples: write one number, as in 3, or the first and the "
                            "last, as in 0-9",
                            is_part ? rest + part + 1 : rest);
    return report_error(BAD_INPUT, "%s has no part '%.*s': there are test and train, as in %s:test:0-9", name,
                        (int)part, rest, name);
}

static int open_array(const char *path, int64_t first, int64_t count, const decant_shape *sample, cli_inputs *inputs)
{
    array_header header = {0};
    gzFile file = is_folder(path) ? NULL : gzopen(path, "rb");
    if (file == NULL) return cannot_open(path, errno);
    int exit_status = read_idx_header(file, path, &header);
    if (exit_status == 0) exit_status = read_samples(file, path, &header, sample, first, count, inputs);
    gzclose(file);
    return exit_status;
}

static decant_status copy_samples(const decant_dataset *dataset, decant_part part, int64_t first, cli_inputs *inputs)
{
    decant_shape shape = {.rank = 1, .dim = {inputs->samples.shape.dim[0]}};
    decant_status status = decant_tensor_create(DECANT_I32, &shape, &inputs->label_memory);
    inputs->labels = inputs->label_memory.data;
    uint8_t *to = inputs->samples.data;
    for (int64_t i = 0; i < shape.dim[0] && status == DECANT_OK; i++) {
        decant_tensor view;
        status = decant_dataset_sample(dataset, part, first + i, &view, &inputs->labels[i]);
        if (status != DECANT_OK) break;
        size_t bytes = (size_t)decant_shape_count(&view.shape) * decant_dtype_size(view.dtype);
        memcpy(to, view.data, bytes);
        to += bytes;
    }
    return status;
}

/* Takes samples first ... first + count - 1 of a data set, which is no longer needed afterwards; count 0: all. */
static int take_samples(decant_dataset *dataset, const char *source, decant_part part, int64_t first, int64_t count,
                        const decant_shape *sample, cli_inputs *inputs)
{
    int exit_status = 0;
    int64_t available = decant_dataset_count(dataset, part);
    decant_shape shape = decant_dataset_sample_shape(dataset);
    if (count == 0) count = available;
    if (!decant_shape_equal(&shape, sample))
        exit_status = report_error(BAD_INPUT, "the samples of %s are not what the model takes", source);
    else if (first > available || count > available - first)
        exit_status = report_error(BAD_INPUT, "%s has samples 0 to %lld only", source, (long long)available - 1);
    if (exit_status == 0) {
        inputs->first = first;
        decant_status status = create_samples(decant_dataset_dtype(dataset), count, sample, &inputs->samples);
        if (status == DECANT_OK) status = copy_samples(dataset, part, first, inputs);
        if (status != DECANT_OK) exit_status = report_failure(status);
    }
    decant_dataset_destroy(dataset);
    return exit_status;
}

/* Tables, arrays and pictures, which the library reads as the model's own were. */
static bool is_for_model(const char *path)
{
    static const char *const endings[] = {".csv", ".csv.gz", ".npy", ".png", ".jpg", ".jpeg"};
    size_t length = strlen(path);
    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
        size_t tail = strlen(endings[i]);
        if (length > tail && strcasecmp(path + length - tail, endings[i]) == 0) return true;
    }
    return false;
}

static int open_for_model(const char *path, int64_t first, int64_t count, const decant_model *model, cli_inputs *inputs)
{
    const decant_shape sample = decant_model_input_shape(model);
    decant_dataset *dataset = NULL;
    decant_status status = decant_model_open_inputs(model, path, &dataset);
    if (status != DECANT_OK) return report_failure(status);
    inputs->is_single = count == 0 && decant_dataset_count(dataset, DECANT_PART_TEST) == 1;
    int exit_status = take_samples(dataset, path, DECANT_PART_TEST, first, count, &sample, inputs);
    if (exit_status == 0 && inputs->labels[0] < 0) inputs->labels = NULL; /* nobody says what they are */
    return exit_status;
}

int inputs_open(const char *word, const decant_model *model, cli_inputs *ret_inputs)
{
    const decant_shape sample = decant_model_input_shape(model);
    decant_dataset *dataset = NULL;
    char text[1024];
    int64_t first = 0, count = 0;
    *ret_inputs = (cli_inputs){0};
    if (snprintf(text, sizeof text, "%s", word) >= (int)sizeof text)
        return report_error(BAD_INPUT, "%s is too long", word);

    char *colon = strrchr(text, ':');
    if (colon != NULL && parse_range(colon + 1, &first, &count))
        *colon = '\0';
    else
        count = 0;
    if (is_for_model(text)) return open_for_model(text, first, count, model, ret_inputs);
    colon = strrchr(text, ':');
    bool is_test = colon != NULL && strcmp(colon, ":test") == 0,
         is_train = colon != NULL && strcmp(colon, ":train") == 0;
    if (!is_test && !is_train) return open_array(text, first, count, &sample, ret_inputs);
    *colon = '\0';
    if (count == 0) return report_error(BAD_INPUT, "%s: which samples? Write %s:0-9", word, word);
    decant_status status = decant_dataset_open(text, &dataset);
    if (status != DECANT_OK) return report_failure(status);
    return take_samples(dataset, text, is_test ? DECANT_PART_TEST : DECANT_PART_TRAIN, first, count, &sample,
                        ret_inputs);
}
