/* The different texts of a column, with how often each occurs. */
#ifndef DCN_DATA_WORDS_H
#define DCN_DATA_WORDS_H

#include "data/csv.h"

typedef struct dcn_words {
    char **items;    /* [count] */
    int64_t *counts; /* [count] */
    int32_t *slots;  /* hash table of indices into items plus 1 */
    int32_t count, limit;
} dcn_words;

decant_status dcn_words_create(int32_t limit, dcn_words *ret_words);
void dcn_words_finish(dcn_words *words); /* accepts a zeroed one */
/* Counts one occurrence; *ret_full, and nothing counted, for a new one beyond the limit. */
decant_status dcn_words_add(dcn_words *words, const uint8_t *text, size_t length, bool *ret_full);
/* Puts them into the order of their bytes. Nothing can be added afterwards. */
void dcn_words_sort(dcn_words *words);
/* Position in a sorted list, or -1. */
int32_t dcn_words_find(char *const *sorted, int32_t count, const uint8_t *text, size_t length);

#endif
