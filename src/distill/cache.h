/* The teacher cache: a frozen teacher's logits are a function of the sample and of what augmentation made of it, so
 * where augmentation has finitely many outcomes each is computed once, and kept on disk for later epochs, seeds and
 * runs.
 *
 * Before an epoch, dcn_teacher_cache_fill asks the teacher about all samples whose variant of that epoch is not known
 * yet; the steps then only look up. Every logit comes from an inference plan of one fixed batch in which rows do not
 * bear on each other (this is tried at the start), so it is the same bits whenever and in whatever company it is
 * computed: whether the files were there, which were lost, and where a run was resumed makes no difference. */
#ifndef DCN_DISTILL_CACHE_H
#define DCN_DISTILL_CACHE_H

#include "data/loader.h"
#include "device/device.h"
#include "nn/model.h"

typedef struct dcn_teacher_cache dcn_teacher_cache;

typedef struct dcn_teacher_cache_options {
    dcn_device *device;
    const decant_model *teacher; /* read while the cache is made, not kept; the rest must outlive the cache */
    const decant_dataset *dataset;
    const int32_t *indices; /* [count] the samples of dataset->train that are trained on */
    int64_t count;
    dcn_augment augment;
    uint64_t seed;      /* of the augmentation */
    int64_t limit;      /* bytes that the logits may take, in memory and (of all teachers together) in the folder */
    const char *folder; /* where they are kept; made when it is missing. NULL: in memory only */
    void *context;
    void (*on_note)(void *context, const char *text); /* what was found amiss and put right; or NULL */
    /* While the teacher is asked, at most about ten times a second: how many answers of an epoch's missing ones it has
     * given. Or NULL. */
    void (*on_asked)(void *context, int64_t done, int64_t count);
    bool (*stop_requested)(void *context); /* polled while the teacher is asked; or NULL */
} dcn_teacher_cache_options;

/* What it did for this run. */
typedef struct dcn_teacher_cache_use {
    int64_t asked;    /* answers that the epochs needed */
    int64_t computed; /* of these, those that the teacher had to give */
} dcn_teacher_cache_use;

/* Whether all answers of so many floats each that `count` samples can want fit into so many bytes. */
bool dcn_teacher_cache_fits(const dcn_augment *augment, int64_t count, int64_t classes, int64_t limit);
/* *ret_cache is NULL, and on_note told why, where the teacher must stay in the step: augmentation without finitely many
 * outcomes, more logits than the limit, or a device on which a sample's logits depend on its neighbours in the batch.
 * That depends on the options alone, never on what lies in the folder. */
decant_status dcn_teacher_cache_create(const dcn_teacher_cache_options *options, dcn_teacher_cache **ret_cache);
void dcn_teacher_cache_destroy(dcn_teacher_cache *cache); /* accepts NULL; saves nothing */

/* Makes sure of everything that the epoch needs. INTERRUPTED when stop_requested said so (what was computed by then is
 * saved), NUMERIC when the teacher's output is not finite. A folder that cannot be written is noted and left alone. */
decant_status dcn_teacher_cache_fill(dcn_teacher_cache *cache, int64_t epoch);
/* The logits of some of the samples in the epoch filled last. ret_logits: [count, classes]. */
void dcn_teacher_cache_read(const dcn_teacher_cache *cache, const int32_t *samples, int64_t count, float *ret_logits);
/* Writes what is not on disk yet; fill does so when it is worth while. Fails only with NO_MEMORY. */
decant_status dcn_teacher_cache_save(dcn_teacher_cache *cache);

dcn_teacher_cache_use dcn_teacher_cache_used(const dcn_teacher_cache *cache);

#endif
