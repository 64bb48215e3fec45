/* Batches, made ahead of their use. Everything in a batch is a pure function of the options, the epoch and the batch's
 * number: the thread changes when a batch is made and never what is in it. */
#include "data/loader.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/random.h"
#include "data/augment.h"
#include "data/threads.h"

/* Batches ready before they are asked for: two, and of small ones as many as take AHEAD_BYTES. A step of a tiny network
 * takes no longer than waking the thread does, so it is woken for half of them at once. */
#define MIN_AHEAD   2
#define MAX_AHEAD   16
#define AHEAD_BYTES ((size_t)256 << 10)
#define N_USED      2 /* and so many that the caller may still be using */

/* Samples are drawn from all over the memory; the first lines of one are asked for this long before it is converted. */
#define FETCH_SAMPLES 8
#define FETCH_BYTES   ((size_t)256)
#define LINE_BYTES    ((size_t)64)

struct dcn_loader {
    dcn_loader_options options; /* its pointers to indices, mean and std are replaced by copies or not used again */
    dcn_converter converter;
    bool moves; /* some augmentation but mixup */
    int64_t batches;
    int64_t ahead;                       /* batches that are made before they are asked for */
    dcn_batch slots[MAX_AHEAD + N_USED]; /* ahead + N_USED of them are used */
    float *unmixed;                      /* [batch, sample...] with mixup; NULL otherwise */
    int32_t *partners;                   /* [batch] with mixup: a permutation */
    int32_t *indices;                    /* [count] which samples, as given */
    int32_t *order;                      /* [count] this epoch's order; the maker's alone while it runs */

    pthread_t thread;
    bool has_thread;
    pthread_mutex_t mutex; /* guards what follows */
    pthread_cond_t changed;
    bool started, stop, making, new_epoch;
    int64_t epoch, next;  /* the batch to be made next */
    int64_t made, handed; /* batches over the loader's life; number n lies in slot_of(n) */
    dcn_failure failure;  /* of the batch `next`: it comes up when those before it were handed out */
};

static int64_t n_slots(const dcn_loader *loader)
{
    return loader->ahead + N_USED;
}

static dcn_batch *slot_of(dcn_loader *loader, int64_t number)
{
    return &loader->slots[number % n_slots(loader)];
}

/* --- making a batch --- */

static void make_order(dcn_loader *loader)
{
    int64_t count = loader->options.count;
    memcpy(loader->order, loader->indices, (size_t)count * sizeof *loader->order);
    if (!loader->options.shuffle) return;
    dcn_random random = dcn_random_start(loader->options.seed, DCN_PURPOSE_SHUFFLE, (uint64_t)loader->epoch, 0);
    for (int64_t i = count - 1; i > 0; i--) {
        int64_t j = dcn_random_below(&random, (uint32_t)i + 1);
        int32_t swapped = loader->order[i];
        loader->order[i] = loader->order[j];
        loader->order[j] = swapped;
    }
}

/* Data sets are checked when they are made; this holds those that changed afterwards. */
static decant_status check_finite(const dcn_loader *loader, const uint8_t *src, int32_t sample)
{
    if (loader->converter.dtype != DECANT_F32) return DECANT_OK;
    const float *values = (const float *)(const void *)src;
    int64_t count = loader->converter.channels * loader->converter.plane;
    for (int64_t i = 0; i < count; i++) {
        if (isfinite(values[i])) continue;
        return DCN_FAIL(NUMERIC, "sample %d, feature %" PRId64 " is %s", sample, i,
                        isnan(values[i]) ? "not a number" : "infinite");
    }
    return DECANT_OK;
}

static const uint8_t *stored_sample(const dcn_loader *loader, int32_t sample)
{
    const dcn_loader_options *options = &loader->options;
    return options->part->data + (size_t)sample * dcn_sample_bytes(options->dataset, options->part);
}

/* Asks for the beginning of a sample; what is behind follows by itself once it is read. */
static void fetch_sample(const dcn_loader *loader, int32_t sample)
{
    const uint8_t *src = stored_sample(loader, sample);
    size_t bytes = dcn_sample_bytes(loader->options.dataset, loader->options.part);
    for (size_t at = 0; at < bytes && at < FETCH_BYTES; at += LINE_BYTES)
        __builtin_prefetch(src + at);
}

static decant_status make_sample(const dcn_loader *loader, int32_t sample, float *dst)
{
    const dcn_loader_options *options = &loader->options;
    const uint8_t *src = stored_sample(loader, sample);
    TRY_RETURN(check_finite(loader, src, sample));
    if (loader->moves) {
        dcn_augment_choice choice =
            dcn_augment_choose(&options->augment, &options->dataset->sample, options->seed, loader->epoch, sample);
        dcn_convert_augmented(&loader->converter, &options->augment, &choice, src, dst);
    } else {
        dcn_convert(&loader->converter, src, dst);
    }
    return DECANT_OK;
}

/* x[i] = weight * x[i] + (1 - weight) * x[partner of i], one weight a batch (Zhang et al. 2018, and their code). */
static void mix(dcn_loader *loader, dcn_batch *batch)
{
    int64_t values = loader->converter.channels * loader->converter.plane;
    dcn_random random =
        dcn_random_start(loader->options.seed, DCN_PURPOSE_MIXUP, (uint64_t)loader->epoch, (uint32_t)batch->index);
    float weight = (float)dcn_random_beta(&random, loader->options.augment.mixup);
    for (int64_t i = 0; i < batch->size; i++) { /* inside-out shuffle */
        int64_t j = dcn_random_below(&random, (uint32_t)i + 1);
        loader->partners[i] = loader->partners[j];
        loader->partners[j] = (int32_t)i;
    }
    for (int64_t i = 0; i < batch->size; i++) {
        const float *a = loader->unmixed + i * values, *b = loader->unmixed + loader->partners[i] * values;
        float *x = batch->x + i * values;
        for (int64_t k = 0; k < values; k++) {
            x[k] = weight * a[k] + (1.0f - weight) * b[k];
        }
        batch->mix[i] = weight;
        batch->labels_b[i] = batch->labels[loader->partners[i]];
    }
}

static decant_status make_batch(dcn_loader *loader, int64_t index, dcn_batch *batch)
{
    const dcn_loader_options *options = &loader->options;
    int64_t values = loader->converter.channels * loader->converter.plane;
    int64_t first = index * options->batch, left = options->count - first;
    batch->index = index;
    batch->size = left < options->batch ? left : options->batch;
    float *target = loader->unmixed != NULL ? loader->unmixed : batch->x;
    for (int64_t i = 0; i < batch->size; i++) {
        int32_t sample = loader->order[first + i];
        if (first + i + FETCH_SAMPLES < options->count) fetch_sample(loader, loader->order[first + i + FETCH_SAMPLES]);
        TRY_RETURN(make_sample(loader, sample, target + i * values));
        batch->samples[i] = sample;
        batch->labels[i] = options->part->labels != NULL ? options->part->labels[sample] : DCN_NO_LABEL;
        batch->labels_b[i] = batch->labels[i];
        batch->mix[i] = 1.0f;
    }
    if (loader->unmixed != NULL) mix(loader, batch);
    return DECANT_OK;
}

/* --- the thread --- */

/* With the mutex held: is there a batch to make, and a slot that nobody uses any more? */
static bool has_work(const dcn_loader *loader)
{
    return loader->started && loader->failure.status == DECANT_OK && loader->next < loader->batches &&
           loader->made - loader->handed < loader->ahead;
}

static void *make_batches(void *context)
{
    dcn_loader *loader = context;
    pthread_mutex_lock(&loader->mutex);
    while (!loader->stop) {
        if (!has_work(loader)) {
            pthread_cond_wait(&loader->changed, &loader->mutex);
            continue;
        }
        bool new_epoch = loader->new_epoch;
        int64_t index = loader->next;
        dcn_batch *batch = slot_of(loader, loader->made);
        loader->making = true; /* until it is false again, nobody else touches epoch, order or this slot */
        loader->new_epoch = false;
        pthread_mutex_unlock(&loader->mutex);

        if (new_epoch) make_order(loader);
        decant_status status = make_batch(loader, index, batch);

        pthread_mutex_lock(&loader->mutex);
        loader->making = false;
        if (status == DECANT_OK) {
            loader->made++;
            loader->next++;
        } else {
            dcn_status_keep(status, &loader->failure);
        }
        pthread_cond_broadcast(&loader->changed);
    }
    pthread_mutex_unlock(&loader->mutex);
    return NULL;
}

decant_status dcn_loader_start(dcn_loader *loader, int64_t epoch, int64_t first_batch)
{
    if (epoch < 0 || first_batch < 0 || first_batch > loader->batches) {
        return DCN_FAIL(INVALID_ARG, "epoch %" PRId64 " cannot begin at batch %" PRId64 " of %" PRId64, epoch,
                        first_batch, loader->batches);
    }
    pthread_mutex_lock(&loader->mutex);
    loader->started = false; /* no further batch of the old epoch is begun */
    while (loader->making)
        pthread_cond_wait(&loader->changed, &loader->mutex);
    loader->made = loader->handed; /* and those that nobody took are forgotten */
    loader->epoch = epoch;
    loader->next = first_batch;
    loader->new_epoch = true;
    loader->failure.status = DECANT_OK;
    loader->started = true;
    pthread_cond_broadcast(&loader->changed);
    pthread_mutex_unlock(&loader->mutex);
    return DECANT_OK;
}

/* Without a thread: makes the next batch on the spot, if there is one. */
static void make_here(dcn_loader *loader)
{
    if (loader->made > loader->handed || !has_work(loader)) return;
    if (loader->new_epoch) make_order(loader);
    loader->new_epoch = false;
    decant_status status = make_batch(loader, loader->next, slot_of(loader, loader->made));
    if (status != DECANT_OK) {
        dcn_status_keep(status, &loader->failure);
        return;
    }
    loader->made++;
    loader->next++;
}

decant_status dcn_loader_next(dcn_loader *loader, const dcn_batch **ret_batch)
{
    decant_status status = DECANT_OK;
    pthread_mutex_lock(&loader->mutex);
    if (!loader->started) {
        status = DCN_FAIL(INVALID_ARG, "a batch is asked for before any epoch was started");
    } else if (loader->has_thread) {
        while (loader->made == loader->handed && (loader->making || has_work(loader))) {
            pthread_cond_wait(&loader->changed, &loader->mutex);
        }
    } else {
        make_here(loader);
    }
    if (status != DECANT_OK) goto out;
    if (loader->made > loader->handed) {
        *ret_batch = slot_of(loader, loader->handed++);
        if (loader->made - loader->handed <= loader->ahead / 2) pthread_cond_broadcast(&loader->changed);
    } else if (loader->failure.status != DECANT_OK) {
        status = dcn_status_raise(&loader->failure);
    } else {
        *ret_batch = NULL;
    }
out:
    pthread_mutex_unlock(&loader->mutex);
    return status;
}

/* --- making and ending a loader --- */

static decant_status check_options(const dcn_loader_options *options)
{
    const dcn_samples *part = options->part;
    if (options->batch < 1 || options->batch > INT32_MAX) {
        return DCN_FAIL(INVALID_ARG, "a batch of %" PRId64 " samples", options->batch);
    }
    if (options->count < 0 || (options->indices == NULL && options->count > part->count)) {
        return DCN_FAIL(INVALID_ARG, "%" PRId64 " of %" PRId64 " samples", options->count, part->count);
    }
    for (int64_t i = 0; options->indices != NULL && i < options->count; i++) {
        if (options->indices[i] >= 0 && options->indices[i] < part->count) continue;
        return DCN_FAIL(INVALID_ARG, "there is no sample %d among %" PRId64, options->indices[i], part->count);
    }
    return dcn_augment_check(&options->augment, &options->dataset->sample);
}

static decant_status create_slots(dcn_loader *loader)
{
    int64_t largest = loader->options.batch < loader->options.count ? loader->options.batch : loader->options.count;
    size_t rows = (size_t)largest, values = 0, bytes = 0;
    if (!dcn_mul_size(rows, (size_t)decant_shape_count(&loader->options.dataset->sample), &values) ||
        !dcn_mul_size(values, sizeof(float), &bytes)) {
        return DCN_FAIL(NO_MEMORY, "a batch of %" PRId64 " samples is larger than any memory", largest);
    }
    loader->ahead = MIN_AHEAD;
    while (loader->ahead < MAX_AHEAD && bytes <= AHEAD_BYTES / (size_t)(2 * loader->ahead))
        loader->ahead *= 2;
    for (int64_t i = 0; i < n_slots(loader); i++) {
        dcn_batch *batch = &loader->slots[i];
        TRY_RETURN(dcn_new_aligned(bytes, (void **)&batch->x));
        TRY_RETURN(dcn_new_array(rows, sizeof *batch->labels, (void **)&batch->labels));
        TRY_RETURN(dcn_new_array(rows, sizeof *batch->labels_b, (void **)&batch->labels_b));
        TRY_RETURN(dcn_new_array(rows, sizeof *batch->mix, (void **)&batch->mix));
        TRY_RETURN(dcn_new_array(rows, sizeof *batch->samples, (void **)&batch->samples));
    }
    if (loader->options.augment.mixup > 0) {
        TRY_RETURN(dcn_new_aligned(bytes, (void **)&loader->unmixed));
        TRY_RETURN(dcn_new_array(rows, sizeof *loader->partners, (void **)&loader->partners));
    }
    return DECANT_OK;
}

static decant_status copy_indices(dcn_loader *loader)
{
    const dcn_loader_options *options = &loader->options;
    TRY_RETURN(dcn_new_array((size_t)options->count, sizeof *loader->indices, (void **)&loader->indices));
    TRY_RETURN(dcn_new_array((size_t)options->count, sizeof *loader->order, (void **)&loader->order));
    for (int64_t i = 0; i < options->count; i++) {
        loader->indices[i] = options->indices != NULL ? options->indices[i] : (int32_t)i;
    }
    return DECANT_OK;
}

decant_status dcn_loader_create(const dcn_loader_options *options, dcn_loader **ret_loader)
{
    dcn_loader *loader = NULL;
    const dcn_augment *augment = &options->augment;
    TRY_RETURN(check_options(options));
    decant_status status = dcn_new(sizeof *loader, (void **)&loader);
    if (status != DECANT_OK) return status;
    pthread_mutex_init(&loader->mutex, NULL); /* neither can fail with default attributes */
    pthread_cond_init(&loader->changed, NULL);
    loader->options = *options;
    loader->moves = augment->shift > 0 || augment->crop_padding > 0 || augment->flip || augment->cutout > 0;
    loader->batches = options->count / options->batch;
    if (!options->drop_last && options->count % options->batch != 0) loader->batches++;
    TRY(copy_indices(loader));
    TRY(dcn_converter_create(&options->dataset->sample, options->part->dtype, options->norm_channels, options->mean,
                             options->std, &loader->converter));
    TRY(create_slots(loader));
    if (options->threaded) {
        TRY(dcn_thread_start(&loader->thread, make_batches, loader));
        loader->has_thread = true;
    }
    *ret_loader = loader;
    loader = NULL;
out:
    dcn_loader_destroy(loader);
    return status;
}

void dcn_loader_destroy(dcn_loader *loader)
{
    if (loader == NULL) return;
    if (loader->has_thread) {
        pthread_mutex_lock(&loader->mutex);
        loader->stop = true;
        pthread_cond_broadcast(&loader->changed);
        pthread_mutex_unlock(&loader->mutex);
        pthread_join(loader->thread, NULL);
    }
    pthread_cond_destroy(&loader->changed);
    pthread_mutex_destroy(&loader->mutex);
    for (size_t i = 0; i < DCN_COUNT(loader->slots); i++) {
        dcn_batch *batch = &loader->slots[i];
        dcn_free_aligned(batch->x);
        dcn_free(batch->labels);
        dcn_free(batch->labels_b);
        dcn_free(batch->mix);
        dcn_free(batch->samples);
    }
    dcn_free_aligned(loader->unmixed);
    dcn_free(loader->partners);
    dcn_free(loader->indices);
    dcn_free(loader->order);
    dcn_converter_finish(&loader->converter);
    dcn_free(loader);
}

int64_t dcn_loader_batches(const dcn_loader *loader)
{
    return loader->batches;
}
