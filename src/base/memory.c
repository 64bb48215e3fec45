/* The only caller of the heap. Every allocation passes through may_allocate, where tests make one fail,
 * and every size through checked arithmetic. */
#include "base/memory.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#undef calloc /* banned everywhere else */
#undef realloc

#if defined(__SANITIZE_ADDRESS__)
#define DCN_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define DCN_ASAN 1
#endif
#endif

#ifdef DCN_ASAN
#include <sanitizer/asan_interface.h>
#define POISON(address, bytes)   __asan_poison_memory_region(address, bytes)
#define UNPOISON(address, bytes) __asan_unpoison_memory_region(address, bytes)
#define RED_ZONE                 32
#else
#define POISON(address, bytes)   ((void)(address), (void)(bytes))
#define UNPOISON(address, bytes) ((void)(address), (void)(bytes))
#define RED_ZONE                 0
#endif

#define ARENA_ALIGNMENT   16
#define ARENA_CHUNK_BYTES (64 * 1024)

static atomic_int_fast64_t allocation_count;
static atomic_int_fast64_t fail_at; /* the value of allocation_count at which one allocation fails; 0 = never */

static bool may_allocate(void)
{
    int_fast64_t number = atomic_fetch_add_explicit(&allocation_count, 1, memory_order_relaxed) + 1;
    int_fast64_t expected = number;
    return !atomic_compare_exchange_strong(&fail_at, &expected, 0);
}

static decant_status out_of_memory(size_t bytes)
{
    return DCN_FAIL(NO_MEMORY, "%zu bytes of memory could not be had; a smaller batch or model needs less", bytes);
}

static decant_status size_overflow(size_t count, size_t item_bytes)
{
    return DCN_FAIL(NO_MEMORY, "%zu items of %zu bytes are more than memory can address", count, item_bytes);
}

bool dcn_mul_size(size_t a, size_t b, size_t *ret)
{
    size_t product;
    if (__builtin_mul_overflow(a, b, &product)) return false;
    *ret = product;
    return true;
}

bool dcn_add_size(size_t a, size_t b, size_t *ret)
{
    size_t sum;
    if (__builtin_add_overflow(a, b, &sum)) return false;
    *ret = sum;
    return true;
}

bool dcn_mul_int64(int64_t a, int64_t b, int64_t *ret)
{
    int64_t product;
    if (a < 0 || b < 0 || __builtin_mul_overflow(a, b, &product)) return false;
    *ret = product;
    return true;
}

decant_status dcn_new(size_t bytes, void **ret_memory)
{
    void *memory = may_allocate() ? calloc(1, bytes > 0 ? bytes : 1) : NULL;
    if (!memory) return out_of_memory(bytes);
    *ret_memory = memory;
    return DECANT_OK;
}

decant_status dcn_new_array(size_t count, size_t item_bytes, void **ret_memory)
{
    size_t bytes;
    if (!dcn_mul_size(count, item_bytes, &bytes)) return size_overflow(count, item_bytes);
    return dcn_new(bytes, ret_memory);
}

/* calloc rather than aligned_alloc and memset: the kernel's fresh pages are zero already and cost nothing until they
 * are touched. The block's own address stands in the word before the aligned one. */
decant_status dcn_new_aligned(size_t bytes, void **ret_memory)
{
    size_t whole;
    if (!dcn_add_size(bytes, 3 * DCN_ALIGNMENT - 1, &whole)) return size_overflow(bytes, 1);
    size_t padded = (bytes + DCN_ALIGNMENT - 1) / DCN_ALIGNMENT * DCN_ALIGNMENT;
    uint8_t *block = may_allocate() ? calloc(1, padded + DCN_ALIGNMENT + sizeof(void *)) : NULL;
    if (!block) return out_of_memory(bytes);

    uintptr_t first = (uintptr_t)block + sizeof(void *);
    size_t skip = (DCN_ALIGNMENT - first % DCN_ALIGNMENT) % DCN_ALIGNMENT;
    uint8_t *memory = block + sizeof(void *) + skip;
    memcpy(memory - sizeof(void *), &block, sizeof block);
    *ret_memory = memory;
    return DECANT_OK;
}

decant_status dcn_new_floats(int64_t rows, int64_t columns, float **ret_values)
{
    size_t count, bytes;
    if (rows < 0 || columns < 0 || !dcn_mul_size((size_t)rows, (size_t)columns, &count) ||
        !dcn_mul_size(count, sizeof(float), &bytes))
        return size_overflow((size_t)rows, (size_t)columns * sizeof(float));
    return dcn_new_aligned(bytes, (void **)ret_values);
}

decant_status dcn_resize(void **memory, size_t count, size_t item_bytes)
{
    size_t bytes;
    if (!dcn_mul_size(count, item_bytes, &bytes)) return size_overflow(count, item_bytes);
    void *moved = may_allocate() ? realloc(*memory, bytes > 0 ? bytes : 1) : NULL;
    if (!moved) return out_of_memory(bytes);
    *memory = moved;
    return DECANT_OK;
}

decant_status dcn_copy_string(const char *text, char **ret_copy)
{
    size_t bytes = strlen(text) + 1;
    char *copy = NULL;
    TRY_RETURN(dcn_new(bytes, (void **)&copy));
    memcpy(copy, text, bytes);
    *ret_copy = copy;
    return DECANT_OK;
}

void dcn_free(void *memory)
{
    free(memory);
}

void dcn_free_aligned(void *memory)
{
    if (!memory) return;
    uint8_t *block;
    memcpy(&block, (uint8_t *)memory - sizeof(void *), sizeof block);
    free(block);
}

decant_status dcn_grow(void **items, int32_t count, int32_t *capacity, size_t item_bytes)
{
    if (count < *capacity) return DECANT_OK;
    if (count == INT32_MAX) return size_overflow((size_t)count + 1, item_bytes);
    int32_t wanted = count < 4 ? 8 : count > INT32_MAX / 2 ? INT32_MAX : count * 2;
    TRY_RETURN(dcn_resize(items, (size_t)wanted, item_bytes));
    *capacity = wanted;
    return DECANT_OK;
}

/* An arena is a list of chunks, newest first; only the newest has room. */
typedef struct chunk {
    struct chunk *older;
    size_t capacity, used; /* bytes behind this header */
} chunk;

struct dcn_arena {
    chunk *newest;
};

#define CHUNK_HEADER ((sizeof(chunk) + ARENA_ALIGNMENT - 1) / ARENA_ALIGNMENT * ARENA_ALIGNMENT)

static decant_status add_chunk(dcn_arena *arena, size_t needed)
{
    size_t capacity = needed > ARENA_CHUNK_BYTES ? needed : ARENA_CHUNK_BYTES;
    size_t bytes;
    if (!dcn_add_size(capacity, CHUNK_HEADER, &bytes)) return size_overflow(needed, 1);
    chunk *added = NULL;
    TRY_RETURN(dcn_new(bytes, (void **)&added));
    added->capacity = capacity;
    added->older = arena->newest;
    arena->newest = added;
    POISON((uint8_t *)added + CHUNK_HEADER, capacity);
    return DECANT_OK;
}

decant_status dcn_arena_create(dcn_arena **ret_arena)
{
    return dcn_new(sizeof(dcn_arena), (void **)ret_arena);
}

void dcn_arena_destroy(dcn_arena *arena)
{
    if (!arena) return;
    for (chunk *each = arena->newest; each;) {
        chunk *older = each->older;
        UNPOISON((uint8_t *)each + CHUNK_HEADER, each->capacity);
        dcn_free(each);
        each = older;
    }
    dcn_free(arena);
}

decant_status dcn_arena_take(dcn_arena *arena, size_t bytes, void **ret_memory)
{
    size_t needed;
    if (!dcn_add_size(bytes, ARENA_ALIGNMENT - 1 + RED_ZONE, &needed)) return size_overflow(bytes, 1);
    needed = needed / ARENA_ALIGNMENT * ARENA_ALIGNMENT;
    if (!arena->newest || arena->newest->capacity - arena->newest->used < needed) TRY_RETURN(add_chunk(arena, needed));

    chunk *newest = arena->newest;
    uint8_t *memory = (uint8_t *)newest + CHUNK_HEADER + newest->used;
    newest->used += needed;
    UNPOISON(memory, bytes);
    *ret_memory = memory;
    return DECANT_OK;
}

decant_status dcn_arena_string(dcn_arena *arena, const char *text, char **ret_copy)
{
    size_t bytes = strlen(text) + 1;
    char *copy = NULL;
    TRY_RETURN(dcn_arena_take(arena, bytes, (void **)&copy));
    memcpy(copy, text, bytes);
    *ret_copy = copy;
    return DECANT_OK;
}

void dcn_memory_fail_nth(int64_t nth)
{
    atomic_store(&fail_at, nth > 0 ? atomic_load(&allocation_count) + nth : 0);
}

int64_t dcn_memory_allocation_count(void)
{
    return atomic_load(&allocation_count);
}
