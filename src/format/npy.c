/* NumPy's .npy format: magic, version, the length of the header, a Python dict as text, then the items. */
#include "format/npy.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"

#define MAGIC            "\x93NUMPY"
#define MAX_HEADER_BYTES 65536
#define MAX_WORD         16

/* --- the dict --- */

/* What is left of the header's text. */
typedef struct scanner {
    const char *at, *end;
} scanner;

static void skip_blanks(scanner *text)
{
    while (text->at < text->end && (*text->at == ' ' || *text->at == '\n'))
        text->at++;
}

static bool take(scanner *text, char wanted)
{
    skip_blanks(text);
    if (text->at == text->end || *text->at != wanted) return false;
    text->at++;
    return true;
}

/* A quoted word of letters that need no escape. */
static bool take_word(scanner *text, char ret_word[MAX_WORD])
{
    skip_blanks(text);
    if (text->at == text->end || (*text->at != '\'' && *text->at != '"')) return false;
    const char quote = *text->at++, *begin = text->at;
    while (text->at < text->end && *text->at != quote && *text->at != '\\')
        text->at++;
    size_t length = (size_t)(text->at - begin);
    if (text->at == text->end || *text->at != quote || length >= MAX_WORD) return false;
    memcpy(ret_word, begin, length);
    ret_word[length] = '\0';
    text->at++;
    return true;
}

static bool take_size(scanner *text, int64_t *ret_size)
{
    int64_t size = 0;
    skip_blanks(text);
    if (text->at == text->end || *text->at < '0' || *text->at > '9') return false;
    for (; text->at < text->end && *text->at >= '0' && *text->at <= '9'; text->at++)
        if (!dcn_mul_int64(size, 10, &size) || __builtin_add_overflow(size, *text->at - '0', &size)) return false;
    *ret_size = size;
    return true;
}

/* "()", "(3,)" or "(3, 4)" */
static bool take_shape(scanner *text, dcn_npy *array)
{
    if (!take(text, '(')) return false;
    for (array->rank = 0; !take(text, ')'); array->rank++) {
        if (array->rank == DECANT_MAX_RANK || !take_size(text, &array->dims[array->rank])) return false;
        if (!take(text, ',') && !(text->at < text->end && *text->at == ')')) return false;
    }
    return true;
}

static bool take_bool(scanner *text, bool *ret_value)
{
    skip_blanks(text);
    for (int i = 0; i < 2; i++) {
        const char *word = i == 0 ? "False" : "True";
        size_t length = strlen(word);
        if ((size_t)(text->end - text->at) < length || memcmp(text->at, word, length) != 0) continue;
        text->at += length;
        *ret_value = i == 1;
        return true;
    }
    return false;
}

/* The three keys, each once, in any order. */
static bool take_dict(scanner *text, char type[MAX_WORD], bool *ret_fortran, dcn_npy *array)
{
    static const char *const keys[] = {"descr", "fortran_order", "shape"};
    bool seen[DCN_COUNT(keys)] = {false};
    if (!take(text, '{')) return false;
    while (!take(text, '}')) {
        char key[MAX_WORD];
        size_t k = 0;
        if (!take_word(text, key) || !take(text, ':')) return false;
        while (k < DCN_COUNT(keys) && strcmp(key, keys[k]) != 0)
            k++;
        if (k == DCN_COUNT(keys) || seen[k]) return false;
        seen[k] = true;
        bool taken = k == 0 ? take_word(text, type) : k == 1 ? take_bool(text, ret_fortran) : take_shape(text, array);
        if (!taken) return false;
        if (!take(text, ',') && !(text->at < text->end && *text->at == '}')) return false;
    }
    skip_blanks(text);
    return seen[0] && seen[1] && seen[2] && text->at == text->end;
}

/* --- the array --- */

static decant_status set_type(const char *type, dcn_npy *array)
{
    static const struct {
        const char *name;
        dcn_npy_kind kind;
        int32_t bytes;
    } types[] = {{"|u1", DCN_NPY_UNSIGNED, 1}, {"<u2", DCN_NPY_UNSIGNED, 2}, {"<u4", DCN_NPY_UNSIGNED, 4},
                 {"<u8", DCN_NPY_UNSIGNED, 8}, {"|i1", DCN_NPY_SIGNED, 1},   {"<i2", DCN_NPY_SIGNED, 2},
                 {"<i4", DCN_NPY_SIGNED, 4},   {"<i8", DCN_NPY_SIGNED, 8},   {"<f4", DCN_NPY_FLOAT, 4},
                 {"<f8", DCN_NPY_FLOAT, 8}};
    for (size_t i = 0; i < DCN_COUNT(types); i++) {
        if (strcmp(type, types[i].name) != 0) continue;
        array->kind = types[i].kind;
        array->item_bytes = types[i].bytes;
        return DECANT_OK;
    }
    if (strchr(type, 'O') != NULL) return DCN_FAIL(FORMAT, "the array holds Python objects, which are never unpickled");
    return DCN_FAIL(FORMAT, "elements of type '%s' are not read; NumPy: x.astype('uint8'), 'float32' or 'int64'", type);
}

static decant_status check_length(const dcn_npy *array, size_t available)
{
    char shape[DECANT_MAX_RANK * 24];
    size_t expected = 0;
    if (!dcn_mul_size((size_t)array->count, (size_t)array->item_bytes, &expected))
        return DCN_FAIL(FORMAT, "the shape %s is larger than any file", dcn_npy_shape_text(array, shape));
    if (expected == available) return DECANT_OK;
    return DCN_FAIL(FORMAT, "the shape %s needs %zu bytes of data and %zu follow: the file was %s",
                    dcn_npy_shape_text(array, shape), expected, available,
                    available < expected ? "cut short" : "added to");
}

decant_status dcn_npy_parse(const uint8_t *data, size_t bytes, dcn_npy *ret_array)
{
    dcn_npy array = {.count = 1};
    if (bytes < 10 || memcmp(data, MAGIC, 6) != 0) return DCN_FAIL(FORMAT, "not a .npy file");
    int version = data[6];
    size_t begin = version == 1 ? 10 : 12, length = (size_t)data[8] | (size_t)data[9] << 8;
    if (version < 1 || version > 3) return DCN_FAIL(FORMAT, "version %d of the .npy format is not known", version);
    if (bytes < begin) return DCN_FAIL(FORMAT, "the .npy file ends within its header");
    if (version > 1) length |= (size_t)data[10] << 16 | (size_t)data[11] << 24;
    if (length > MAX_HEADER_BYTES)
        return DCN_FAIL(FORMAT, "the .npy file has a header of %zu bytes, more than the %d that are read", length,
                        MAX_HEADER_BYTES);
    if (length > bytes - begin) return DCN_FAIL(FORMAT, "the .npy file ends within its header");

    char type[MAX_WORD] = "";
    bool fortran = false;
    scanner text = {(const char *)data + begin, (const char *)data + begin + length};
    if (!take_dict(&text, type, &fortran, &array))
        return DCN_FAIL(FORMAT, "the header of the .npy file is damaged, or is that of a structured array");
    TRY_RETURN(set_type(type, &array));
    if (fortran && array.rank > 1)
        return DCN_FAIL(FORMAT, "the array is in Fortran order; NumPy: numpy.ascontiguousarray(x)");
    for (int32_t i = 0; i < array.rank; i++)
        if (!dcn_mul_int64(array.count, array.dims[i], &array.count))
            return DCN_FAIL(FORMAT, "the dimensions of the array multiply to more than any file holds");
    TRY_RETURN(check_length(&array, bytes - begin - length));
    array.payload = data + begin + length;
    *ret_array = array;
    return DECANT_OK;
}

/* --- its items --- */

static uint64_t read_little_endian(const uint8_t *bytes, int32_t count)
{
    uint64_t value = 0;
    for (int32_t i = count; i-- > 0;)
        value = value << 8 | bytes[i];
    return value;
}

static int64_t read_signed(const uint8_t *bytes, int32_t count)
{
    uint64_t value = read_little_endian(bytes, count), sign = (uint64_t)1 << (8 * count - 1);
    return (int64_t)((value ^ sign) - sign); /* sign extension */
}

static double read_float(const uint8_t *bytes, int32_t count)
{
    uint64_t wide = read_little_endian(bytes, count);
    uint32_t narrow = (uint32_t)wide;
    float single = 0;
    double value = 0;
    if (count == 4) {
        memcpy(&single, &narrow, sizeof single);
        return (double)single;
    }
    memcpy(&value, &wide, sizeof value);
    return value;
}

void dcn_npy_floats(const dcn_npy *array, int64_t first, int64_t count, float *ret_values)
{
    const int32_t bytes = array->item_bytes;
    const uint8_t *item = array->payload + first * bytes;
    for (int64_t i = 0; i < count; i++, item += bytes) {
        if (array->kind == DCN_NPY_FLOAT)
            ret_values[i] = (float)read_float(item, bytes);
        else if (array->kind == DCN_NPY_SIGNED)
            ret_values[i] = (float)read_signed(item, bytes);
        else
            ret_values[i] = (float)read_little_endian(item, bytes);
    }
}

bool dcn_npy_integer(const dcn_npy *array, int64_t index, int64_t *ret_value)
{
    const uint8_t *item = array->payload + index * array->item_bytes;
    if (array->kind == DCN_NPY_FLOAT) return false;
    if (array->kind == DCN_NPY_SIGNED) {
        *ret_value = read_signed(item, array->item_bytes);
        return true;
    }
    uint64_t value = read_little_endian(item, array->item_bytes);
    if (value > INT64_MAX) return false;
    *ret_value = (int64_t)value;
    return true;
}

const char *dcn_npy_shape_text(const dcn_npy *array, char text[DECANT_MAX_RANK * 24])
{
    int at = snprintf(text, DECANT_MAX_RANK * 24, "[");
    for (int32_t i = 0; i < array->rank; i++)
        at += snprintf(text + at, (size_t)(DECANT_MAX_RANK * 24 - at), "%s%" PRId64, i > 0 ? ", " : "", array->dims[i]);
    snprintf(text + at, (size_t)(DECANT_MAX_RANK * 24 - at), "]");
    return text;
}
