/* The heap: zeroed and aligned memory, checked sizes, arenas, and what happens when the nth allocation fails. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/file.h"
#include "base/folder.h"
#include "base/memory.h"
#include "base/text.h"

#if defined(__SANITIZE_ADDRESS__)
#define WITH_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WITH_ASAN 1
#endif
#endif
#ifdef WITH_ASAN
#include <sanitizer/asan_interface.h>
#endif

static bool all_zero(const uint8_t *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (bytes[i] != 0) return false;
    return true;
}

static void memory_comes_zeroed(void **state)
{
    (void)state;
    uint8_t *memory = NULL;
    assert_int_equal(dcn_new_array(100, 7, (void **)&memory), DECANT_OK);
    assert_true(all_zero(memory, 700));
    dcn_free(memory);
    void *one = NULL, *other = NULL;
    assert_int_equal(dcn_new(0, &one), DECANT_OK);
    assert_int_equal(dcn_new(0, &other), DECANT_OK);
    assert_non_null(one);
    assert_ptr_not_equal(one, other);
    dcn_free(one);
    dcn_free(other);
    dcn_free(NULL);
}

/* The padding up to a whole cache line belongs to the block: ASan would report the last write otherwise. */
static void aligned_memory_is_aligned_zeroed_and_padded(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 63, 64, 65, 4096, 1000003};
    for (size_t i = 0; i < DCN_COUNT(sizes); i++) {
        uint8_t *memory = NULL;
        assert_int_equal(dcn_new_aligned(sizes[i], (void **)&memory), DECANT_OK);
        size_t padded = (sizes[i] + 63) / 64 * 64;
        assert_int_equal((uintptr_t)memory % DCN_ALIGNMENT, 0);
        assert_true(all_zero(memory, padded));
        memset(memory, 0xff, padded);
        dcn_free_aligned(memory);
    }
    dcn_free_aligned(NULL);
}

static void impossible_sizes_are_refused(void **state)
{
    (void)state;
    void *memory = (void *)1;
    assert_int_equal(dcn_new_array(SIZE_MAX / 2, 3, &memory), DECANT_NO_MEMORY);
    assert_int_equal(dcn_new_aligned(SIZE_MAX - 10, &memory), DECANT_NO_MEMORY);
    assert_int_equal(dcn_new_floats(INT64_MAX, 1, (float **)&memory), DECANT_NO_MEMORY);
    assert_int_equal(dcn_new_floats((int64_t)1 << 33, (int64_t)1 << 31, (float **)&memory), DECANT_NO_MEMORY);
    assert_int_equal(dcn_new_floats(-1, 1, (float **)&memory), DECANT_NO_MEMORY);
    assert_ptr_equal(memory, (void *)1); /* untouched on failure */

    size_t size = 5;
    assert_false(dcn_mul_size(SIZE_MAX / 2 + 1, 2, &size));
    assert_false(dcn_add_size(SIZE_MAX, 1, &size));
    assert_int_equal(size, 5);
    assert_true(dcn_mul_size(6, 7, &size));
    assert_int_equal(size, 42);
    int64_t count = 5;
    assert_false(dcn_mul_int64(INT64_MAX / 2 + 1, 2, &count));
    assert_false(dcn_mul_int64(-1, 2, &count));
    assert_false(dcn_mul_int64(2, -1, &count));
    assert_int_equal(count, 5);
    assert_true(dcn_mul_int64(INT64_MAX, 1, &count));
    assert_true(count == INT64_MAX);
}

static void growing_keeps_what_is_there(void **state)
{
    (void)state;
    int64_t *items = NULL;
    int32_t capacity = 0;
    for (int32_t count = 0; count < 1000; count++) {
        assert_int_equal(dcn_grow((void **)&items, count, &capacity, sizeof *items), DECANT_OK);
        assert_true(capacity > count);
        items[count] = count;
    }
    for (int32_t i = 0; i < 1000; i++)
        assert_int_equal(items[i], i);
    assert_true(capacity < 2500); /* doubling, not hoarding */

    int64_t *before = items;
    int32_t capacity_before = capacity;
    dcn_memory_fail_nth(1);
    assert_int_equal(dcn_grow((void **)&items, capacity, &capacity, sizeof *items), DECANT_NO_MEMORY);
    assert_ptr_equal(items, before);
    assert_int_equal(capacity, capacity_before);
    dcn_free(items);
}

static void an_arena_hands_out_separate_zeroed_blocks(void **state)
{
    (void)state;
    dcn_arena *arena = NULL;
    assert_int_equal(dcn_arena_create(&arena), DECANT_OK);
    uint8_t *blocks[300];
    for (size_t i = 0; i < DCN_COUNT(blocks); i++) {
        assert_int_equal(dcn_arena_take(arena, i * 5, (void **)&blocks[i]), DECANT_OK);
        assert_int_equal((uintptr_t)blocks[i] % 16, 0);
        assert_true(all_zero(blocks[i], i * 5));
        memset(blocks[i], (int)(i % 251), i * 5);
    }
    uint8_t *large = NULL; /* more than a chunk */
    assert_int_equal(dcn_arena_take(arena, 1000000, (void **)&large), DECANT_OK);
    assert_true(all_zero(large, 1000000));
    for (size_t i = 0; i < DCN_COUNT(blocks); i++) /* no block was written through another */
        for (size_t j = 0; j < i * 5; j++)
            assert_int_equal(blocks[i][j], i % 251);
    char *text = NULL;
    assert_int_equal(dcn_arena_string(arena, "pour", &text), DECANT_OK);
    assert_string_equal(text, "pour");
    void *untouched = (void *)1;
    assert_int_equal(dcn_arena_take(arena, SIZE_MAX - 3, &untouched), DECANT_NO_MEMORY);
    assert_ptr_equal(untouched, (void *)1);
    dcn_arena_destroy(arena);
    dcn_arena_destroy(NULL);
}

static void an_arena_has_red_zones_under_asan(void **state)
{
    (void)state;
#ifdef WITH_ASAN
    dcn_arena *arena = NULL;
    assert_int_equal(dcn_arena_create(&arena), DECANT_OK);
    static const size_t sizes[] = {0, 1, 15, 16, 17, 100};
    for (size_t i = 0; i < DCN_COUNT(sizes); i++) {
        uint8_t *block = NULL;
        assert_int_equal(dcn_arena_take(arena, sizes[i], (void **)&block), DECANT_OK);
        assert_null(__asan_region_is_poisoned(block, sizes[i]));
        assert_true(__asan_address_is_poisoned(block + sizes[i])); /* the very next byte */
        assert_true(__asan_address_is_poisoned(block + sizes[i] + 15));
    }
    dcn_arena_destroy(arena);
#else
    skip(); /* red zones exist in the address-sanitizer build only */
#endif
}

/* Of this test alone: what others put beside it while it is listed would change the number of allocations. */
#define SCENARIO_FOLDER TEST_BINARY_DIR "/memory_scenario.d"

/* A scenario of every allocating call, run with its first, second, third ... allocation failing. Each time it has to
 * report NO_MEMORY and leak nothing (the sanitizer build watches). */
static decant_status sample_scenario(void)
{
    dcn_arena *arena = NULL;
    dcn_text text = {0};
    char *copy = NULL, *path = NULL, *block = NULL, *line = NULL;
    int32_t *items = NULL, capacity = 0;
    void *aligned = NULL;
    char **names = NULL;
    int32_t n_names = 0;
    decant_status status;
    TRY(dcn_arena_create(&arena));
    TRY(dcn_arena_take(arena, 100000, (void **)&block));
    TRY(dcn_arena_string(arena, "pour", &block));
    TRY(dcn_copy_string("carafe", &copy));
    TRY(dcn_text_add(&text, "%d %s", 12, copy));
    TRY(dcn_text_add_bytes(&text, "0123456789012345678901234567890123456789012345678901234567890", 60));
    TRY(dcn_text_take(&text, &line));
    TRY(dcn_grow((void **)&items, 0, &capacity, sizeof *items));
    TRY(dcn_new_aligned(1000, &aligned));
    TRY(dcn_path_join("a", "b", &path));
    TRY(dcn_file_write(SCENARIO_FOLDER "/file", "x", 1));
    TRY(dcn_directory_list(SCENARIO_FOLDER, &names, &n_names));
out:
    dcn_names_free(names, n_names);
    dcn_free(path);
    dcn_free_aligned(aligned);
    dcn_free(items);
    dcn_free(line);
    dcn_free(copy);
    dcn_text_finish(&text);
    dcn_arena_destroy(arena);
    return status;
}

static void every_failing_allocation_is_survived(void **state)
{
    (void)state;
    assert_int_equal(dcn_directory_make(SCENARIO_FOLDER), DECANT_OK);
    assert_int_equal(sample_scenario(), DECANT_OK);
    int64_t before = dcn_memory_allocation_count();
    assert_int_equal(sample_scenario(), DECANT_OK);
    int64_t allocations = dcn_memory_allocation_count() - before;
    assert_true(allocations >= 12);
    for (int64_t nth = 1; nth <= allocations; nth++) {
        dcn_memory_fail_nth(nth);
        assert_int_equal(sample_scenario(), DECANT_NO_MEMORY);
        assert_non_null(strstr(decant_error_message(), "memory"));
    }
    assert_int_equal(sample_scenario(), DECANT_OK); /* the failure happened once and is over */
    dcn_memory_fail_nth(1);
    dcn_memory_fail_nth(0);
    assert_int_equal(sample_scenario(), DECANT_OK);
    assert_int_equal(dcn_file_remove(SCENARIO_FOLDER "/file"), DECANT_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_comes_zeroed),
        cmocka_unit_test(aligned_memory_is_aligned_zeroed_and_padded),
        cmocka_unit_test(impossible_sizes_are_refused),
        cmocka_unit_test(growing_keeps_what_is_there),
        cmocka_unit_test(an_arena_hands_out_separate_zeroed_blocks),
        cmocka_unit_test(an_arena_has_red_zones_under_asan),
        cmocka_unit_test(every_failing_allocation_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
