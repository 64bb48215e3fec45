/* Offsets for memory that is needed for part of the time only: large pieces first, each into the tightest gap that is
 * free while it is needed. */
#include "engine/parts.h"

#include <stdlib.h>

#include "base/memory.h"

static int compare_large_first(const void *left, const void *right)
{
    const dcn_interval *a = *(dcn_interval *const *)left, *b = *(dcn_interval *const *)right;
    if (a->bytes != b->bytes) return a->bytes > b->bytes ? -1 : 1;
    if (a->first != b->first) return a->first < b->first ? -1 : 1;
    return a < b ? -1 : a > b; /* qsort is not stable; a plan must come out the same every time */
}

static bool meet(const dcn_interval *a, const dcn_interval *b)
{
    return a->first <= b->last && b->first <= a->last;
}

/* placed is ordered by offset. The tightest gap between pieces that are alive with this one, or the end of them all. */
static size_t best_offset(const dcn_interval *piece, dcn_interval *const *placed, int32_t n_placed)
{
    size_t best = 0, best_gap = SIZE_MAX, end = 0;
    for (int32_t p = 0; p < n_placed; p++) {
        if (!meet(piece, placed[p])) continue;
        size_t begin = placed[p]->offset;
        if (begin > end && begin - end >= piece->bytes && begin - end < best_gap) {
            best = end;
            best_gap = begin - end;
        }
        if (begin + placed[p]->bytes > end) end = begin + placed[p]->bytes;
    }
    return best_gap == SIZE_MAX ? end : best;
}

decant_status dcn_offsets_append(size_t *total, size_t bytes, size_t *ret_offset)
{
    size_t offset = *total;
    if (!dcn_add_size(offset, bytes, total))
        return DCN_FAIL(NO_MEMORY, "the plan needs more memory than can be addressed");
    *ret_offset = offset;
    return DECANT_OK;
}

decant_status dcn_offsets_assign(dcn_interval *intervals, int32_t count, size_t *ret_bytes)
{
    dcn_interval **order = NULL, **placed = NULL;
    size_t total = 0, sum = 0, unused;
    decant_status status = dcn_new_array((size_t)count, sizeof *order, (void **)&order);
    if (status != DECANT_OK) goto out;
    TRY(dcn_new_array((size_t)count, sizeof *placed, (void **)&placed));

    for (int32_t i = 0; i < count; i++) {
        order[i] = &intervals[i];
        TRY(dcn_offsets_append(&sum, intervals[i].bytes, &unused)); /* then no offset can overflow */
    }
    qsort(order, (size_t)count, sizeof *order, compare_large_first);

    for (int32_t i = 0; i < count; i++) {
        dcn_interval *piece = order[i];
        piece->offset = best_offset(piece, placed, i);
        if (piece->offset + piece->bytes > total) total = piece->offset + piece->bytes;
        int32_t at = i;
        for (; at > 0 && placed[at - 1]->offset > piece->offset; at--)
            placed[at] = placed[at - 1];
        placed[at] = piece;
    }
    *ret_bytes = total;
out:
    dcn_free(placed);
    dcn_free(order);
    return status;
}
