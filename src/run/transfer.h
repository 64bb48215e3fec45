/* What a run trains on: which samples of the data set, and whether it sees their labels. */
#ifndef DCN_RUN_TRANSFER_H
#define DCN_RUN_TRANSFER_H

#include "run/materials.h"

typedef struct dcn_transfer_set {
    int32_t *indices; /* [count] samples of dataset->train, rising but for the pool, which comes last */
    int64_t count;
    int64_t n_pool; /* how many of them are the pool's */
    bool *kept;     /* [n_classes] that it may hold; the pool, whose classes nobody knows, aside */
    bool whole;     /* kept is true throughout */
} dcn_transfer_set;

/* USAGE with the place: a class that the data set has not (with the nearest), a class named twice, none left; no pool;
 * more samples than there are. */
decant_status dcn_transfer_set_make(const dcn_materials *materials, int32_t run, dcn_transfer_set *ret_set);
void dcn_transfer_set_finish(dcn_transfer_set *set); /* accepts a zeroed one */

/* Reads a list of classes (or one), by name or number, into [n_classes] flags, which must be false. USAGE as above. */
decant_status dcn_classes_mark(const decant_dataset *dataset, const dcn_doc *list, bool *marks);

#endif
