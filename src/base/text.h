/* Strings: a growable buffer, strict number parsing, nearest-word search. */
#ifndef DCN_BASE_TEXT_H
#define DCN_BASE_TEXT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

/* Growable text, always NUL-terminated once anything was added. Zero-initialise; finish with dcn_text_finish. */
typedef struct dcn_text {
    char *data;
    size_t length, capacity;
} dcn_text;
void dcn_text_finish(dcn_text *text);
decant_status dcn_text_add(dcn_text *text, const char *format, ...) DCN_PRINTF(2, 3);
decant_status dcn_text_add_list(dcn_text *text, const char *format, va_list arguments) DCN_PRINTF(2, 0);
decant_status dcn_text_add_bytes(dcn_text *text, const void *bytes, size_t length);
/* Hands the memory over (dcn_free); the buffer is empty afterwards. Never NULL on success. */
decant_status dcn_text_take(dcn_text *text, char **ret_data);

/* Whole-string parsing: no trailing junk, no overflow, finite numbers only (also "1e-3", "0.5"). false leaves *ret
 * alone. */
bool dcn_parse_int64(const char *word, int64_t *ret);
bool dcn_parse_double(const char *word, double *ret);
bool dcn_parse_bool(const char *word, bool *ret); /* true/false/yes/no/on/off, in any case */
/* A number of bytes, at least 1: "512 MiB", "1.5GB", "4096"; units B, kB, MB, GB, TB and KiB, MiB, GiB, TiB. */
bool dcn_parse_bytes(const char *word, int64_t *ret);

/* snprintf that reports truncation as DECANT_INVALID_ARG. */
decant_status dcn_format(char *buffer, size_t bytes, const char *format, ...) DCN_PRINTF(3, 4);
/* vsnprintf whatever the caller's locale: what does not fit is cut, the length without the cut is returned. */
int dcn_format_list(char *buffer, size_t bytes, const char *format, va_list arguments) DCN_PRINTF(3, 0);

/* The candidate closest to word by edit distance, or NULL when none is near enough to be a likely typo. */
const char *dcn_nearest(const char *word, const char *const *candidates, size_t n_candidates);

#endif
