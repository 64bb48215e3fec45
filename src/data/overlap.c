/* Looks for samples that stand in more than one split, by content hash: a leak from training into validation or test
 * makes every accuracy a lie. */
#include "data/overlap.h"

enum { IN_TRAIN = 1, IN_VALIDATION = 2, IN_POOL = 4 };

/* A hash table of the samples of train, validation and the unlabelled pool: open addressing, never more than half full,
 * nothing removed. */
typedef struct seen_samples {
    dcn_hash *hashes;
    uint8_t *where; /* IN_TRAIN | IN_VALIDATION | IN_POOL; 0: free */
    size_t mask;
} seen_samples;

static decant_status make_table(int64_t count, seen_samples *seen)
{
    size_t slots = 16;
    while (slots < 2 * (size_t)count)
        slots *= 2;
    seen->mask = slots - 1;
    TRY_RETURN(dcn_new_array(slots, sizeof *seen->hashes, (void **)&seen->hashes));
    return dcn_new_array(slots, sizeof *seen->where, (void **)&seen->where);
}

/* The slot of this sample: where it stands, or the free one where it would. */
static size_t find_slot(const seen_samples *seen, dcn_hash hash)
{
    size_t slot = (size_t)hash.low & seen->mask;
    while (seen->where[slot] != 0 && !dcn_hash_equal(seen->hashes[slot], hash))
        slot = (slot + 1) & seen->mask;
    return slot;
}

static dcn_hash sample_hash(const decant_dataset *dataset, const dcn_samples *part, int64_t index)
{
    if (part->hashes != NULL) return part->hashes[index];
    size_t bytes = dcn_sample_bytes(dataset, part);
    return dcn_hash_bytes(part->data + (size_t)index * bytes, bytes);
}

/* Enters samples of the training part; returns how many of them stood in the table already as `counted`. */
static int64_t enter(const decant_dataset *dataset, const int32_t *indices, int64_t count, uint8_t as, uint8_t counted,
                     seen_samples *seen)
{
    int64_t n_known = 0;
    for (int64_t i = 0; i < count; i++) {
        dcn_hash hash = sample_hash(dataset, &dataset->train, indices != NULL ? indices[i] : i);
        size_t slot = find_slot(seen, hash);
        n_known += (seen->where[slot] & counted) != 0;
        seen->hashes[slot] = hash;
        seen->where[slot] |= as;
    }
    return n_known;
}

decant_status dcn_overlap_count(const decant_dataset *dataset, const dcn_split *split, dcn_overlap *ret_overlap)
{
    seen_samples seen = {0};
    dcn_overlap overlap = {0};
    decant_status status = make_table(dataset->train.count, &seen);
    if (status != DECANT_OK) goto out;
    if (split != NULL) {
        overlap.within_train = enter(dataset, split->train, split->n_train, IN_TRAIN, IN_TRAIN, &seen);
        overlap.train_validation =
            enter(dataset, split->validation, split->n_validation, IN_VALIDATION, IN_TRAIN, &seen);
        overlap.pool_validation = enter(dataset, split->unlabelled, split->n_unlabelled, IN_POOL, IN_VALIDATION, &seen);
    } else {
        overlap.within_train = enter(dataset, NULL, dataset->train.count, IN_TRAIN, IN_TRAIN, &seen);
    }
    for (int64_t i = 0; i < dataset->test.count; i++) {
        uint8_t where = seen.where[find_slot(&seen, sample_hash(dataset, &dataset->test, i))];
        overlap.train_test += (where & IN_TRAIN) != 0;
        overlap.validation_test += (where & IN_VALIDATION) != 0;
        overlap.pool_test += (where & IN_POOL) != 0;
    }
    *ret_overlap = overlap;
out:
    dcn_free(seen.hashes);
    dcn_free(seen.where);
    return status;
}
