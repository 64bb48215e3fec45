/* All heap memory of the library: checked sizes, 64-byte alignment where asked, arenas, and failure on purpose for
 * tests. Nothing else in src/ calls malloc. */
#ifndef DCN_BASE_MEMORY_H
#define DCN_BASE_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

#define DCN_ALIGNMENT    64
#define DCN_COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Zeroed memory. ret_memory is void ** in spirit; pass (void **)&pointer. A size of 0 gives a valid unique pointer. */
decant_status dcn_new(size_t bytes, void **ret_memory);
decant_status dcn_new_array(size_t count, size_t item_bytes, void **ret_memory);
/* Zeroed and 64-byte aligned, padded up to a whole cache line; freed with dcn_free_aligned. */
decant_status dcn_new_aligned(size_t bytes, void **ret_memory);
/* The same for floats [rows, columns], whose number may be beyond counting: NO_MEMORY. */
decant_status dcn_new_floats(int64_t rows, int64_t columns, float **ret_values);
/* Grows or shrinks *memory in place; new bytes are not zeroed; untouched on failure. */
decant_status dcn_resize(void **memory, size_t count, size_t item_bytes);
decant_status dcn_copy_string(const char *text, char **ret_copy);
void dcn_free(void *memory);
void dcn_free_aligned(void *memory);

/* Checked arithmetic: false on overflow (or a negative operand), result untouched. */
bool dcn_mul_size(size_t a, size_t b, size_t *ret);
bool dcn_add_size(size_t a, size_t b, size_t *ret);
bool dcn_mul_int64(int64_t a, int64_t b, int64_t *ret);

/* Growable array helper: makes room for one more item of *items (capacity doubles). */
decant_status dcn_grow(void **items, int32_t count, int32_t *capacity, size_t item_bytes);

/* A region freed all at once; blocks have poisoned red zones between them under ASan. */
typedef struct dcn_arena dcn_arena;
decant_status dcn_arena_create(dcn_arena **ret_arena);
void dcn_arena_destroy(dcn_arena *arena);
decant_status dcn_arena_take(dcn_arena *arena, size_t bytes, void **ret_memory); /* zeroed, 16-aligned */
decant_status dcn_arena_string(dcn_arena *arena, const char *text, char **ret_copy);

/* Tests only. The nth allocation from now (1 = the next) fails, once; 0 turns it off. Process-wide. */
void dcn_memory_fail_nth(int64_t nth);
/* Tests only. Allocations (of any kind above) since the process began. */
int64_t dcn_memory_allocation_count(void);

#endif
