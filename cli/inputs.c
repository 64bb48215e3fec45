/* Samples for prediction: the library reads them, here is said which. */
#include "inputs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "output.h"

#define MAX_SAMPLES 1000000
#define BAD_INPUT   2

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

/* --- samples --- */

static decant_status create_samples(decant_dtype dtype, int64_t count, const decant_shape *sample,
                                    decant_tensor *ret_samples)
{
    decant_shape shape = {.rank = sample->rank + 1, .dim = {count}};
    memcpy(shape.dim + 1, sample->dim, (size_t)sample->rank * sizeof *sample->dim);
    return decant_tensor_create(dtype, &shape, ret_samples);
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

/* Whether the data set's classes are among the model's, as far as either says what they are. */
static bool has_same_classes(const decant_dataset *dataset, const decant_model *model)
{
    const int32_t classes = decant_dataset_class_count(dataset);
    if (classes > decant_model_class_count(model)) return false;
    for (int32_t i = 0; i < classes; i++) {
        const char *name = decant_dataset_class_name(dataset, i), *known = decant_model_class_name(model, i);
        if (name != NULL && known != NULL && strcmp(name, known) != 0) return false;
    }
    return true;
}

static int check_range(const char *source, decant_part part, int64_t available, int64_t first, int64_t count)
{
    if (available == 0)
        return report_error(BAD_INPUT, "%s has no %s samples", source, part == DECANT_PART_TEST ? "test" : "training");
    if (count > MAX_SAMPLES)
        return report_error(BAD_INPUT, "%s: that is too much at once; give a range of samples", source);
    if (first > available || count > available - first)
        return report_error(BAD_INPUT, "%s has samples 0 to %lld only", source, (long long)available - 1);
    return 0;
}

/* Takes samples first ... first + count - 1 of a data set, which is no longer needed afterwards; count 0: all. */
static int take_samples(decant_dataset *dataset, const char *source, decant_part part, int64_t first, int64_t count,
                        const decant_model *model, cli_inputs *inputs)
{
    const int64_t available = decant_dataset_count(dataset, part);
    const decant_shape shape = decant_dataset_sample_shape(dataset), sample = decant_model_input_shape(model);
    if (count == 0) count = available;
    int exit_status = check_range(source, part, available, first, count);
    if (exit_status == 0 && !decant_shape_equal(&shape, &sample))
        exit_status = report_error(BAD_INPUT, "the samples of %s are not what the model takes", source);
    if (exit_status == 0) {
        inputs->first = first;
        decant_status status = create_samples(decant_dataset_dtype(dataset), count, &sample, &inputs->samples);
        if (status == DECANT_OK) status = copy_samples(dataset, part, first, inputs);
        if (status != DECANT_OK) exit_status = report_failure(status);
        if (!has_same_classes(dataset, model)) inputs->labels = NULL;
    }
    decant_dataset_destroy(dataset);
    return exit_status;
}

static int open_file(const char *path, int64_t first, int64_t count, const decant_model *model, cli_inputs *inputs)
{
    decant_dataset *dataset = NULL;
    if (is_folder(path)) return cannot_open(path, EISDIR);
    decant_status status = decant_model_open_inputs(model, path, first, count, &dataset);
    if (status == DECANT_NOT_FOUND && (strchr(path, ':') != NULL || is_known_source(path)))
        return cannot_open(path, ENOENT);
    if (status != DECANT_OK) return report_failure(status);
    inputs->is_single = count == 0 && decant_dataset_count(dataset, DECANT_PART_TEST) == 1;
    int exit_status = take_samples(dataset, path, DECANT_PART_TEST, 0, 0, model, inputs);
    inputs->first = first;
    return exit_status;
}

int inputs_open(const char *word, const decant_model *model, cli_inputs *ret_inputs)
{
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
    colon = strrchr(text, ':');
    bool is_test = colon != NULL && strcmp(colon, ":test") == 0,
         is_train = colon != NULL && strcmp(colon, ":train") == 0;
    if (!is_test && !is_train) return open_file(text, first, count, model, ret_inputs);
    *colon = '\0';
    if (count == 0) return report_error(BAD_INPUT, "%s: which samples? Write %s:0-9", word, word);
    decant_status status = decant_model_open_data(model, text, &dataset);
    if (status != DECANT_OK) return report_failure(status);
    return take_samples(dataset, text, is_test ? DECANT_PART_TEST : DECANT_PART_TRAIN, first, count, model, ret_inputs);
}
