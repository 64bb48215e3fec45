/* The teacher cache: which answers an epoch needs, asking for those that are missing, and looking them up. What is on
 * disk is cache_files.c's. */
#include "distill/cache.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/processor.h"
#include "base/text.h"
#include "data/augment.h"
#include "decant/version.h"
#include "distill/cache_table.h"
#include "distill/teacher.h"
#include "tensor/shape.h"

/* Answers that were found on disk and are asked for again, to see whether this build still gives them. */
#define N_CHECKED      DCN_TEACHER_BATCH
#define REPORT_SECONDS 0.1 /* between two calls of on_asked */
/* New answers are written when they are at least this share of those on disk: the files stay few. */
#define WORTH_WRITING 4

struct dcn_teacher_cache {
    dcn_teacher_cache_options options; /* without the teacher: its normalisation is copied */
    dcn_teacher *teacher;
    dcn_normalization normalization; /* the teacher's */
    dcn_logit_table table;
    dcn_logit_files files;
    int32_t *place_of; /* [train.count] */
    int64_t *slots;    /* [count] by place: what the epoch filled last needs */
    int32_t *wanted;   /* [count] samples to be asked about, and */
    int64_t *target;   /* [count] where their answers go */
    float *answers;    /* [DCN_TEACHER_BATCH, classes] */
    bool checked;      /* what was on disk, against the teacher */
    double reported;   /* clock reading of the last on_asked */
    dcn_teacher_cache_use use;
};

/* --- what the logits depend on --- */

#define WAY 2 /* counts the ways in which this version came to a teacher's answers: another way, other bits */

/* Processor, device, threads, precision and version belong to it because sums may be ordered otherwise elsewhere. */
static decant_status make_key(const dcn_teacher_cache_options *options, dcn_hash *ret_key)
{
    const dcn_augment *augment = &options->augment;
    char processor[128];
    dcn_text text = {0};
    dcn_hash teacher = {0};
    TRY_RETURN(dcn_model_hash(options->teacher, &teacher));
    dcn_processor_name(processor, sizeof processor);
    decant_status status =
        dcn_text_add(&text, "batch %d; shift %d, crop %d, flip %d; %s; %s; %s; decant %d.%d.%d, way %d",
                     DCN_TEACHER_BATCH, augment->shift, augment->crop_padding, augment->flip, options->device->summary,
                     decant_precision_name(options->device->precision), processor, DECANT_VERSION_MAJOR,
                     DECANT_VERSION_MINOR, DECANT_VERSION_PATCH, WAY);
    if (status == DECANT_OK) {
        dcn_hash circumstances = dcn_hash_bytes(text.data, text.length);
        *ret_key = dcn_hash_mix(dcn_hash_mix(teacher, options->dataset->hash), circumstances);
    }
    dcn_text_finish(&text);
    return status;
}

/* --- asking --- */

static decant_status create_loader(const dcn_teacher_cache *cache, int64_t count, dcn_loader **ret_loader)
{
    const dcn_loader_options loader = {
        .dataset = cache->options.dataset,
        .part = &cache->options.dataset->train,
        .indices = cache->wanted,
        .count = count,
        .batch = DCN_TEACHER_BATCH,
        .seed = cache->options.seed,
        .augment = cache->options.augment,
        .norm_channels = cache->normalization.channels,
        .mean = cache->normalization.mean,
        .std = cache->normalization.std,
        .threaded = count > DCN_TEACHER_BATCH,
    };
    return dcn_loader_create(&loader, ret_loader);
}

static bool stop_requested(const dcn_teacher_cache *cache)
{
    return cache->options.stop_requested != NULL && cache->options.stop_requested(cache->options.context);
}

static void report(dcn_teacher_cache *cache, int64_t done, int64_t count)
{
    double now = dcn_clock_seconds();
    if (cache->options.on_asked == NULL || now - cache->reported < REPORT_SECONDS) return;
    cache->reported = now;
    cache->options.on_asked(cache->options.context, done, count);
}

static decant_status check_finite(const dcn_teacher_cache *cache, const dcn_batch *batch)
{
    for (int64_t i = 0; i < batch->size * cache->table.classes; i++) {
        if (isfinite(cache->answers[i])) continue;
        return DCN_FAIL(NUMERIC, "the teacher's output for sample %d is not finite",
                        (int)batch->samples[i / cache->table.classes]);
    }
    return DECANT_OK;
}

/* Asks about the `count` wanted samples as they are in the epoch. Answers go to their targets, or with ret_same are
 * compared with what stands there. */
static decant_status ask(dcn_teacher_cache *cache, int64_t epoch, int64_t count, bool *ret_same)
{
    dcn_logit_table *table = &cache->table;
    const size_t row_bytes = (size_t)table->classes * sizeof(float);
    dcn_loader *loader = NULL;
    int64_t done = 0;
    bool same = true;
    decant_status status = create_loader(cache, count, &loader);
    if (status != DECANT_OK) goto out;
    TRY(dcn_loader_start(loader, epoch, 0));
    while (done < count) {
        const dcn_batch *batch = NULL;
        TRY(dcn_loader_next(loader, &batch));
        TRY(dcn_teacher_ask(cache->teacher, batch->x, batch->size, cache->answers));
        TRY(check_finite(cache, batch));
        for (int64_t i = 0; i < batch->size; i++) {
            int64_t slot = cache->target[done + i];
            float *row = table->logits + slot * table->classes; /* [classes] */
            const float *answer = cache->answers + i * table->classes;
            if (ret_same != NULL) {
                same = same && memcmp(row, answer, row_bytes) == 0;
                continue;
            }
            memcpy(row, answer, row_bytes);
            table->known[slot] = DCN_KNOWN_NEW;
            table->n_new++;
        }
        done += batch->size;
        report(cache, done, count);
        if (done < count && stop_requested(cache)) {
            status = DCN_FAIL(INTERRUPTED, "stopped while the teacher was asked");
            goto out;
        }
    }
    if (ret_same != NULL) *ret_same = same;
out:
    dcn_loader_destroy(loader);
    return status;
}

/* --- an epoch --- */

/* Finds what the epoch needs; returns how many of them are missing, listed. */
static int64_t list_missing(dcn_teacher_cache *cache, int64_t epoch)
{
    const dcn_teacher_cache_options *options = &cache->options;
    int64_t missing = 0;
    for (int64_t place = 0; place < options->count; place++) {
        int32_t sample = options->indices[place];
        const dcn_augment_choice choice =
            dcn_augment_choose(&options->augment, &options->dataset->sample, options->seed, epoch, sample);
        int64_t slot = place * cache->table.variants + dcn_augment_variant(&options->augment, &choice);
        cache->slots[place] = slot;
        if (cache->table.known[slot] != DCN_UNKNOWN) continue;
        cache->wanted[missing] = sample;
        cache->target[missing++] = slot;
    }
    return missing;
}

/* Asks again about some answers from the disk, spread over the samples. Should they differ, something that the key does
 * not know has changed (a library, our own code), and none of them is used. */
static decant_status check_found(dcn_teacher_cache *cache, int64_t epoch)
{
    dcn_logit_table *table = &cache->table;
    int64_t stride = (cache->options.count + N_CHECKED - 1) / N_CHECKED, count = 0;
    bool same = true;
    cache->checked = table->n_found == 0;
    if (cache->checked) return DECANT_OK;
    for (int64_t first = 0; first < stride && count == 0; first++) { /* the first set of places that holds any */
        for (int64_t place = first; place < cache->options.count; place += stride) {
            if (table->known[cache->slots[place]] != DCN_KNOWN_FOUND) continue;
            cache->wanted[count] = cache->options.indices[place];
            cache->target[count++] = cache->slots[place];
        }
    }
    if (count == 0) return DECANT_OK; /* none of them is needed in this epoch: the next one checks */
    TRY_RETURN(ask(cache, epoch, count, &same));
    cache->checked = true;
    if (same) return DECANT_OK;
    memset(table->known, DCN_UNKNOWN, (size_t)table->n_slots);
    table->n_new = table->n_written = table->n_found = 0;
    if (cache->options.on_note != NULL) {
        cache->options.on_note(cache->options.context, "teacher cache: its files hold other answers than the teacher "
                                                       "gives here and now; they are made again");
    }
    return dcn_logit_files_remove(&cache->files);
}

decant_status dcn_teacher_cache_fill(dcn_teacher_cache *cache, int64_t epoch)
{
    dcn_logit_table *table = &cache->table;
    decant_status status = DECANT_OK;
    int64_t missing = list_missing(cache, epoch);
    if (!cache->checked) {
        TRY_RETURN(check_found(cache, epoch));
        missing = list_missing(cache, epoch);
    }
    int64_t before = table->n_new;
    if (missing > 0) status = ask(cache, epoch, missing, NULL);
    cache->use.asked += cache->options.count;
    cache->use.computed += table->n_new - before;
    if (status != DECANT_OK && status != DECANT_INTERRUPTED) {
        dcn_while("asking the teacher about epoch %" PRId64, epoch + 1);
        return status;
    }
    if (table->n_new * WORTH_WRITING >= table->n_written + table->n_found || status == DECANT_INTERRUPTED) {
        decant_status saved = dcn_teacher_cache_save(cache);
        if (saved != DECANT_OK) return saved;
    }
    if (cache->checked &&
        table->n_new + table->n_written + table->n_found == table->n_slots) { /* there is nothing left to ask */
        dcn_teacher_destroy(cache->teacher);
        cache->teacher = NULL;
    }
    return status;
}

decant_status dcn_teacher_cache_save(dcn_teacher_cache *cache)
{
    return dcn_logit_files_save(&cache->files, &cache->table);
}

void dcn_teacher_cache_read(const dcn_teacher_cache *cache, const int32_t *samples, int64_t count, float *ret_logits)
{
    const dcn_logit_table *table = &cache->table;
    const size_t row_bytes = (size_t)table->classes * sizeof(float);
    for (int64_t i = 0; i < count; i++) {
        int64_t slot = cache->slots[cache->place_of[samples[i]]];
        memcpy(ret_logits + i * table->classes, table->logits + slot * table->classes, row_bytes);
    }
}

dcn_teacher_cache_use dcn_teacher_cache_used(const dcn_teacher_cache *cache)
{
    return cache->use;
}

/* --- making and ending a cache --- */

/* Of one row: the logits, the name that it is kept under, and whether it is known. */
static int64_t slot_bytes(int64_t classes)
{
    return classes * (int64_t)sizeof(float) + (int64_t)sizeof(uint64_t) + 1;
}

bool dcn_teacher_cache_fits(const dcn_augment *augment, int64_t count, int64_t classes, int64_t limit)
{
    const int64_t variants = dcn_augment_variants(augment);
    int64_t slots = 0, bytes = 0;
    return variants > 0 && dcn_mul_int64(count, variants, &slots) &&
           dcn_mul_int64(slots, slot_bytes(classes), &bytes) && bytes <= limit;
}

static decant_status create_table(dcn_teacher_cache *cache, int64_t variants, int64_t classes)
{
    const dcn_teacher_cache_options *options = &cache->options;
    const int64_t n_samples = options->dataset->train.count, count = options->count, slots = count * variants;
    TRY_RETURN(dcn_new_array((size_t)n_samples, sizeof *cache->place_of, (void **)&cache->place_of));
    TRY_RETURN(dcn_new_array((size_t)count, sizeof *cache->slots, (void **)&cache->slots));
    TRY_RETURN(dcn_new_array((size_t)count, sizeof *cache->wanted, (void **)&cache->wanted));
    TRY_RETURN(dcn_new_array((size_t)count, sizeof *cache->target, (void **)&cache->target));
    TRY_RETURN(dcn_new_array(DCN_TEACHER_BATCH * (size_t)classes, sizeof *cache->answers, (void **)&cache->answers));
    for (int64_t i = 0; i < n_samples; i++)
        cache->place_of[i] = -1;
    for (int64_t place = 0; place < count; place++)
        cache->place_of[options->indices[place]] = (int32_t)place;
    cache->table = (dcn_logit_table){.variants = variants,
                                     .classes = classes,
                                     .n_slots = slots,
                                     .n_samples = n_samples,
                                     .indices = options->indices,
                                     .place_of = cache->place_of};
    TRY_RETURN(dcn_new_array((size_t)slots, (size_t)classes * sizeof(float), (void **)&cache->table.logits));
    return dcn_new((size_t)slots, (void **)&cache->table.known);
}

static decant_status copy_normalization(dcn_teacher_cache *cache, const dcn_normalization *from)
{
    size_t bytes = (size_t)from->channels * sizeof(float);
    TRY_RETURN(dcn_new(bytes, (void **)&cache->normalization.mean));
    TRY_RETURN(dcn_new(bytes, (void **)&cache->normalization.std));
    if (bytes > 0) memcpy(cache->normalization.mean, from->mean, bytes);
    if (bytes > 0) memcpy(cache->normalization.std, from->std, bytes);
    cache->normalization.channels = from->channels;
    return DECANT_OK;
}

/* Tries, on the first samples, that rows stand alone; those there are too few of come again and again. */
static decant_status try_rows(dcn_teacher_cache *cache, bool *ret_alone)
{
    const int64_t elements = decant_shape_count(&cache->options.dataset->sample);
    float *x = NULL; /* [DCN_TEACHER_BATCH, sample...] */
    dcn_loader *loader = NULL;
    const dcn_batch *batch = NULL;
    int64_t count = cache->options.count < DCN_TEACHER_BATCH ? cache->options.count : DCN_TEACHER_BATCH;
    decant_status status = dcn_new_floats(DCN_TEACHER_BATCH, elements, &x);
    if (status != DECANT_OK) goto out;
    memcpy(cache->wanted, cache->options.indices, (size_t)count * sizeof *cache->wanted);
    TRY(create_loader(cache, count, &loader));
    TRY(dcn_loader_start(loader, 0, 0));
    TRY(dcn_loader_next(loader, &batch));
    for (int64_t i = 0; i < DCN_TEACHER_BATCH; i++)
        memcpy(x + i * elements, batch->x + i % count * elements, (size_t)elements * sizeof *x);
    TRY(dcn_teacher_rows_stand_alone(cache->teacher, x, ret_alone));
out:
    dcn_loader_destroy(loader);
    dcn_free_aligned(x);
    return status;
}

static decant_status set_up(dcn_teacher_cache *cache, const decant_model *teacher, int64_t variants, int64_t classes,
                            bool *ret_alone)
{
    const dcn_teacher_cache_options *options = &cache->options;
    cache->files = (dcn_logit_files){.limit = options->limit, .context = options->context, .on_note = options->on_note};
    if (options->folder != NULL) TRY_RETURN(dcn_copy_string(options->folder, &cache->files.folder));
    TRY_RETURN(make_key(options, &cache->files.key));
    TRY_RETURN(copy_normalization(cache, &teacher->normalization));
    TRY_RETURN(create_table(cache, variants, classes));
    TRY_RETURN(dcn_teacher_create(options->device, teacher, &cache->teacher));
    TRY_RETURN(try_rows(cache, ret_alone));
    return *ret_alone ? dcn_logit_files_load(&cache->files, &cache->table) : DECANT_OK;
}

/* That there will be no cache, and why. */
static void note_asking(const dcn_teacher_cache_options *options, const char *why)
{
    char text[192];
    snprintf(text, sizeof text, "the teacher is asked in every step: %s", why);
    if (options->on_note != NULL) options->on_note(options->context, text);
}

static void note_no_room(const dcn_teacher_cache_options *options, int64_t variants, int64_t classes)
{
    char why[128] = "cutout and mixup make more of a sample than can be remembered";
    const double bytes = (double)options->count * (double)variants * (double)slot_bytes(classes), mib = 1048576.0;
    if (variants > 0)
        snprintf(why, sizeof why, "its answers would take %.1f MiB, more than teacher_cache's %.1f", bytes / mib,
                 (double)options->limit / mib);
    note_asking(options, why);
}

decant_status dcn_teacher_cache_create(const dcn_teacher_cache_options *options, dcn_teacher_cache **ret_cache)
{
    const decant_model *teacher = options->teacher;
    const decant_shape *output = &teacher->graph->values[teacher->graph->output].shape; /* [1, classes] */
    int64_t variants = dcn_augment_variants(&options->augment), classes = decant_shape_count(output);
    dcn_teacher_cache *cache = NULL;
    bool alone = false;
    if (!dcn_teacher_cache_fits(&options->augment, options->count, classes, options->limit)) {
        note_no_room(options, variants, classes);
        *ret_cache = NULL;
        return DECANT_OK;
    }

    decant_status status = dcn_new(sizeof *cache, (void **)&cache);
    if (status != DECANT_OK) goto out;
    cache->options = *options;
    TRY(set_up(cache, teacher, variants, classes, &alone));
    cache->options.teacher = NULL;
    cache->options.folder = NULL;
    if (!alone) note_asking(options, "its answer to a sample depends on the others of the batch");
    *ret_cache = alone ? cache : NULL;
    if (alone) cache = NULL;
out:
    dcn_teacher_cache_destroy(cache);
    if (status != DECANT_OK) dcn_while("opening the teacher cache");
    return status;
}

void dcn_teacher_cache_destroy(dcn_teacher_cache *cache)
{
    if (cache == NULL) return;
    dcn_teacher_destroy(cache->teacher);
    dcn_free(cache->normalization.mean);
    dcn_free(cache->normalization.std);
    dcn_free(cache->table.logits);
    dcn_free(cache->table.known);
    dcn_free(cache->files.folder);
    dcn_free(cache->place_of);
    dcn_free(cache->slots);
    dcn_free(cache->wanted);
    dcn_free(cache->target);
    dcn_free(cache->answers);
    dcn_free(cache);
}
