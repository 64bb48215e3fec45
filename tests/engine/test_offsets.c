/* Offsets by liveness: pieces that are needed at the same time never overlap, and memory is reused when they are not.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/memory.h"
#include "base/random.h"
#include "engine/parts.h"

static bool meet(const dcn_interval *a, const dcn_interval *b)
{
    return a->first <= b->last && b->first <= a->last;
}

static size_t most_alive(const dcn_interval *intervals, int32_t count, int32_t end)
{
    size_t most = 0;
    for (int32_t step = 0; step <= end; step++) {
        size_t alive = 0;
        for (int32_t i = 0; i < count; i++)
            if (intervals[i].first <= step && step <= intervals[i].last) alive += intervals[i].bytes;
        if (alive > most) most = alive;
    }
    return most;
}

static void check(const dcn_interval *intervals, int32_t count, size_t total, int32_t end)
{
    size_t sum = 0;
    for (int32_t i = 0; i < count; i++) {
        const dcn_interval *a = &intervals[i];
        sum += a->bytes;
        assert_int_equal(a->offset % DCN_ALIGNMENT, 0);
        assert_true(a->offset + a->bytes <= total);
        for (int32_t j = 0; j < i; j++) {
            const dcn_interval *b = &intervals[j];
            if (!meet(a, b) || a->bytes == 0 || b->bytes == 0) continue;
            assert_true(a->offset + a->bytes <= b->offset || b->offset + b->bytes <= a->offset);
        }
    }
    assert_true(total <= sum);
    assert_true(total >= most_alive(intervals, count, end));
}

/* A best fit that looks only at neighbours in time, or that counts `last` as free, overlaps within a few of these. */
static void random_pieces_never_overlap(void **state)
{
    (void)state;
    enum { MOST = 60, STEPS = 25 };
    dcn_interval intervals[MOST];
    for (uint32_t round = 0; round < 400; round++) {
        dcn_random random = dcn_random_start(9, DCN_PURPOSE_TEST, round, 0);
        int32_t count = (int32_t)dcn_random_below(&random, MOST + 1);
        for (int32_t i = 0; i < count; i++) {
            int32_t first = (int32_t)dcn_random_below(&random, STEPS);
            int32_t length = (int32_t)dcn_random_below(&random, (uint32_t)(STEPS - first));
            size_t bytes = dcn_random_below(&random, 9) * DCN_ALIGNMENT;
            intervals[i] = (dcn_interval){.first = first, .last = first + length, .bytes = bytes};
        }
        size_t total = 12345;
        assert_int_equal(dcn_offsets_assign(intervals, count, &total), DECANT_OK);
        check(intervals, count, total, STEPS);
    }
}

/* A chain in which each piece is needed until the next is made takes two places, however long it is. */
static void a_chain_takes_two_places(void **state)
{
    (void)state;
    dcn_interval intervals[20];
    for (int32_t i = 0; i < 20; i++)
        intervals[i] = (dcn_interval){.first = i, .last = i + 1, .bytes = 640};
    size_t total = 0;
    assert_int_equal(dcn_offsets_assign(intervals, 20, &total), DECANT_OK);
    assert_int_equal(total, 2 * 640);
}

/* The hole left between two pieces that live on is used before memory grows, and the tighter of two holes is taken. */
static void the_tightest_hole_is_filled(void **state)
{
    (void)state;
    dcn_interval intervals[] = {{.first = 0, .last = 9, .bytes = 1024}, {.first = 0, .last = 4, .bytes = 768},
                                {.first = 0, .last = 9, .bytes = 640},  {.first = 0, .last = 4, .bytes = 256},
                                {.first = 0, .last = 9, .bytes = 192},  {.first = 5, .last = 9, .bytes = 128}};
    size_t total = 0;
    assert_int_equal(dcn_offsets_assign(intervals, 6, &total), DECANT_OK);
    assert_int_equal(total, 1024 + 768 + 640 + 256 + 192);
    assert_int_equal(intervals[5].offset, intervals[3].offset);
}

/* The tightest hole may come before a wider one, which two dead neighbours leave. */
static void a_wider_hole_is_spared(void **state)
{
    (void)state;
    dcn_interval intervals[] = {{.first = 0, .last = 9, .bytes = 1024}, {.first = 0, .last = 4, .bytes = 512},
                                {.first = 0, .last = 9, .bytes = 448},  {.first = 0, .last = 4, .bytes = 384},
                                {.first = 0, .last = 4, .bytes = 320},  {.first = 0, .last = 9, .bytes = 256},
                                {.first = 5, .last = 9, .bytes = 128}};
    size_t total = 0;
    assert_int_equal(dcn_offsets_assign(intervals, 7, &total), DECANT_OK);
    assert_int_equal(intervals[6].offset, intervals[1].offset);
}

static void sizes_that_overflow_are_refused(void **state)
{
    (void)state;
    dcn_interval intervals[] = {{.first = 0, .last = 0, .bytes = SIZE_MAX - 63}, {.first = 1, .last = 1, .bytes = 128}};
    size_t total = 7;
    assert_int_equal(dcn_offsets_assign(intervals, 2, &total), DECANT_NO_MEMORY);
    assert_int_equal(total, 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_pieces_never_overlap),     cmocka_unit_test(a_chain_takes_two_places),
        cmocka_unit_test(the_tightest_hole_is_filled),     cmocka_unit_test(a_wider_hole_is_spared),
        cmocka_unit_test(sizes_that_overflow_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
