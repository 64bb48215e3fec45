/* A small dictionary: texts are hashed while they are collected, and found by halving once they are sorted. */
#include "data/words.h"

#include <string.h>

#include "base/hash.h"
#include "base/memory.h"

#define SLOTS_A_WORD 4 /* so that at most a quarter of the slots is taken */

decant_status dcn_words_create(int32_t limit, dcn_words *ret_words)
{
    dcn_words words = {.limit = limit};
    size_t room = (size_t)limit;
    decant_status status = dcn_new_array(room, sizeof *words.items, (void **)&words.items);
    if (status != DECANT_OK) goto out;
    TRY(dcn_new_array(room, sizeof *words.counts, (void **)&words.counts));
    TRY(dcn_new_array(room * SLOTS_A_WORD, sizeof *words.slots, (void **)&words.slots));
    *ret_words = words;
    words = (dcn_words){0};
out:
    dcn_words_finish(&words);
    return status;
}

void dcn_words_finish(dcn_words *words)
{
    for (int32_t i = 0; words->items != NULL && i < words->count; i++)
        dcn_free(words->items[i]);
    dcn_free(words->items);
    dcn_free(words->counts);
    dcn_free(words->slots);
    *words = (dcn_words){0};
}

static int compare(const char *word, const uint8_t *text, size_t length)
{
    int order = strncmp(word, (const char *)text, length); /* no NUL in either before its end */
    return order != 0 ? order : word[length] != '\0';
}

decant_status dcn_words_add(dcn_words *words, const uint8_t *text, size_t length, bool *ret_full)
{
    uint64_t n_slots = (uint64_t)words->limit * SLOTS_A_WORD;
    uint64_t slot = dcn_hash_bytes(text, length).low % n_slots;
    for (; words->slots[slot] != 0; slot = (slot + 1) % n_slots) {
        int32_t index = words->slots[slot] - 1;
        if (compare(words->items[index], text, length) != 0) continue;
        words->counts[index]++;
        *ret_full = false;
        return DECANT_OK;
    }
    *ret_full = words->count == words->limit;
    if (*ret_full) return DECANT_OK;
    char *copy = NULL;
    TRY_RETURN(dcn_new(length + 1, (void **)&copy));
    memcpy(copy, text, length);
    words->items[words->count] = copy;
    words->counts[words->count] = 1;
    words->slots[slot] = ++words->count;
    return DECANT_OK;
}

void dcn_words_sort(dcn_words *words)
{
    for (int32_t i = 1; i < words->count; i++) { /* few of them: insertion is enough */
        char *item = words->items[i];
        int64_t count = words->counts[i];
        int32_t at = i;
        for (; at > 0 && strcmp(words->items[at - 1], item) > 0; at--) {
            words->items[at] = words->items[at - 1];
            words->counts[at] = words->counts[at - 1];
        }
        words->items[at] = item;
        words->counts[at] = count;
    }
}

int32_t dcn_words_find(char *const *sorted, int32_t count, const uint8_t *text, size_t length)
{
    int32_t low = 0, high = count - 1;
    while (low <= high) {
        int32_t middle = low + (high - low) / 2;
        int order = compare(sorted[middle], text, length);
        if (order == 0) return middle;
        if (order < 0)
            low = middle + 1;
        else
            high = middle - 1;
    }
    return -1;
}
