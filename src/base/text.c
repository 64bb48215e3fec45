/* Text that does not depend on the user's locale: numbers are written and read with a point wherever decant runs. */
#include "base/text.h"

#include <errno.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"

#define LONGEST_WORD 63 /* of those that dcn_nearest compares */

/* glibc keeps the "C" locale in static memory: asking for it allocates nothing and cannot fail. */
static locale_t c_locale(void)
{
    return newlocale(LC_ALL_MASK, "C", (locale_t)0);
}

int dcn_format_list(char *buffer, size_t bytes, const char *format, va_list arguments)
{
    locale_t users = uselocale(c_locale());
    int length = vsnprintf(buffer, bytes, format, arguments);
    uselocale(users);
    return length;
}

/* Room for extra bytes and the NUL. */
static decant_status make_room(dcn_text *text, size_t extra)
{
    size_t needed;
    if (!dcn_add_size(text->length, extra, &needed) || !dcn_add_size(needed, 1, &needed))
        return DCN_FAIL(NO_MEMORY, "a text of %zu bytes cannot grow by %zu", text->length, extra);
    if (needed <= text->capacity) return DECANT_OK;

    size_t capacity = text->capacity > SIZE_MAX / 2 ? needed : text->capacity * 2;
    if (capacity < needed) capacity = needed;
    if (capacity < 64) capacity = 64;
    TRY_RETURN(dcn_resize((void **)&text->data, capacity, 1));
    text->capacity = capacity;
    text->data[text->length] = '\0';
    return DECANT_OK;
}

void dcn_text_finish(dcn_text *text)
{
    if (!text) return;
    dcn_free(text->data);
    *text = (dcn_text){0};
}

decant_status dcn_text_add_list(dcn_text *text, const char *format, va_list arguments)
{
    va_list again;
    va_copy(again, arguments);
    int length = dcn_format_list(NULL, 0, format, again);
    va_end(again);
    if (length < 0) return DCN_FAIL(INVALID_ARG, "a text could not be formatted as \"%s\"", format);

    TRY_RETURN(make_room(text, (size_t)length));
    dcn_format_list(text->data + text->length, (size_t)length + 1, format, arguments);
    text->length += (size_t)length;
    return DECANT_OK;
}

decant_status dcn_text_add(dcn_text *text, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    decant_status status = dcn_text_add_list(text, format, arguments);
    va_end(arguments);
    return status;
}

decant_status dcn_text_add_bytes(dcn_text *text, const void *bytes, size_t length)
{
    TRY_RETURN(make_room(text, length));
    if (length > 0) memcpy(text->data + text->length, bytes, length);
    text->length += length;
    text->data[text->length] = '\0';
    return DECANT_OK;
}

decant_status dcn_text_take(dcn_text *text, char **ret_data)
{
    TRY_RETURN(make_room(text, 0));
    *ret_data = text->data;
    *text = (dcn_text){0};
    return DECANT_OK;
}

bool dcn_parse_int64(const char *word, int64_t *ret)
{
    if (word[0] == '\0' || word[strspn(word, "+-0123456789")] != '\0') return false;
    char *end = NULL;
    errno = 0;
    long long value = strtoll(word, &end, 10);
    if (errno != 0 || *end != '\0' || end == word) return false;
    *ret = value;
    return true;
}

bool dcn_parse_double(const char *word, double *ret)
{
    /* strtod alone would take " 1", "0x1p3", "inf" and "nan" too. */
    if (word[0] == '\0' || word[strspn(word, "+-.0123456789eE")] != '\0') return false;
    char *end = NULL;
    double value = strtod_l(word, &end, c_locale());
    if (*end != '\0' || end == word || !isfinite(value)) return false;
    *ret = value;
    return true;
}

bool dcn_parse_bool(const char *word, bool *ret)
{
    static const char *const words[][2] = {{"false", "true"}, {"no", "yes"}, {"off", "on"}};
    for (size_t row = 0; row < DCN_COUNT(words); row++) {
        for (int value = 0; value < 2; value++) {
            if (strcasecmp(word, words[row][value]) != 0) continue;
            *ret = value == 1;
            return true;
        }
    }
    return false;
}

bool dcn_parse_bytes(const char *word, int64_t *ret)
{
    static const struct {
        const char *name;
        double bytes;
    } units[] = {{"", 1},      {"B", 1},      {"kB", 1e3},        {"MB", 1e6},           {"GB", 1e9},
                 {"TB", 1e12}, {"KiB", 1024}, {"MiB", 1048576.0}, {"GiB", 1073741824.0}, {"TiB", 1099511627776.0}};
    char number[32];
    double value = 0;
    size_t digits = strspn(word, "0123456789.");
    if (digits == 0 || digits >= sizeof number) return false;
    memcpy(number, word, digits);
    number[digits] = '\0';
    if (!dcn_parse_double(number, &value)) return false;
    const char *unit = word + digits + strspn(word + digits, " ");
    for (size_t i = 0; i < DCN_COUNT(units); i++) {
        if (strcmp(unit, units[i].name) != 0) continue;
        value *= units[i].bytes;
        if (!(value >= 1 && value < 0x1p62)) return false;
        *ret = (int64_t)value;
        return true;
    }
    return false;
}

decant_status dcn_format(char *buffer, size_t bytes, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int length = dcn_format_list(buffer, bytes, format, arguments);
    va_end(arguments);
    if (length < 0 || (size_t)length >= bytes)
        return DCN_FAIL(INVALID_ARG, "a text made from \"%s\" does not fit into %zu bytes", format, bytes);
    return DECANT_OK;
}

static char lower(char letter)
{
    return letter >= 'A' && letter <= 'Z' ? (char)(letter - 'A' + 'a') : letter;
}

static size_t smallest(size_t a, size_t b, size_t c)
{
    size_t least = a < b ? a : b;
    return least < c ? least : c;
}

/* Letters to insert, delete, change or swap with their neighbour to get from a to b (optimal string alignment).
 * Three rows of the table are enough: the one being filled and the two above it. */
static size_t edit_distance(const char *a, const char *b)
{
    size_t length_a = strlen(a), length_b = strlen(b);
    size_t rows[3][LONGEST_WORD + 1];
    for (size_t j = 0; j <= length_b; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= length_a; i++) {
        size_t *now = rows[i % 3], *above = rows[(i + 2) % 3], *above2 = rows[(i + 1) % 3];
        now[0] = i;
        for (size_t j = 1; j <= length_b; j++) {
            bool same = lower(a[i - 1]) == lower(b[j - 1]);
            now[j] = smallest(above[j] + 1, now[j - 1] + 1, above[j - 1] + (same ? 0 : 1));
            bool swapped = i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) && lower(a[i - 2]) == lower(b[j - 1]);
            if (swapped && above2[j - 2] + 1 < now[j]) now[j] = above2[j - 2] + 1;
        }
    }
    return rows[length_a % 3][length_b];
}

const char *dcn_nearest(const char *word, const char *const *candidates, size_t n_candidates)
{
    size_t length = strlen(word);
    if (length == 0 || length > LONGEST_WORD) return NULL;
    const char *nearest = NULL;
    size_t nearest_distance = length / 3 + 2; /* one slip in a short word, one more for every three letters */
    for (size_t i = 0; i < n_candidates; i++) {
        size_t candidate_length = strlen(candidates[i]);
        if (candidate_length > LONGEST_WORD) continue;
        size_t distance = edit_distance(word, candidates[i]);
        size_t longer = length > candidate_length ? length : candidate_length;
        const bool is_near = distance <= 2 ? distance * 2 <= longer : distance * 3 <= longer;
        if (distance < nearest_distance && is_near) {
            nearest = candidates[i];
            nearest_distance = distance;
        }
    }
    return nearest;
}

void decant_text_free(char *text)
{
    dcn_free(text);
}
